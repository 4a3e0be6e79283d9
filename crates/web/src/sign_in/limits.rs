//! How often a sign-in may be tried: some times a name, more times an address, more times altogether. It keeps digests of
//! names and addresses, a bounded number, and says how long to wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tadoru_model::UtcMicros;

/// Counts tries in windows of time.
#[derive(Default)]
pub struct Limits(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    by_name: HashMap<[u8; 32], (UtcMicros, u32)>,
    by_address: HashMap<[u8; 32], (UtcMicros, u32)>,
    all: Option<(UtcMicros, u32)>,
    /// When it was last told that there were too many.
    told: Option<UtcMicros>,
}

/// Whether a try is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Let {
    /// It is.
    Try,
    /// It is not; it is the first for a while that is not.
    HeldOffFirst(Wait),
    /// It is not.
    HeldOff(Wait),
}

/// How long to wait before the next try, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u32);

impl Limits {
    /// Counts a try: as whom, where a name is known, and from where, where an address is.
    pub fn count(&self, name: Option<&str>, address: Option<&str>, now: UtcMicros) -> Let {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = &mut *counts;
        let (since, of_all) = counted(&mut counts.all, now);
        // Where addresses are known, a stranger who tries without end does not keep everybody else out.
        let most = if address.is_some() { MOST_OF_ALL_BY_ADDRESS } else { MOST_OF_ALL };
        let mut over = (of_all > most).then_some(since);
        for (map, key, most) in
            [(&mut counts.by_name, name, MOST_OF_NAME), (&mut counts.by_address, address, MOST_OF_ADDRESS)]
        {
            let Some(key) = key else { continue };
            map.retain(|_, (since, _)| now.0 - since.0 < WINDOW_US);
            let key = digest(key);
            if map.len() >= MOST_KEPT && !map.contains_key(&key) {
                over = Some(now);
                continue;
            }
            let (since, count) = map.entry(key).or_insert((now, 0));
            *count = count.saturating_add(1);
            if *count > most {
                over = over.max(Some(*since));
            }
        }
        let Some(since) = over else { return Let::Try };
        let left_us = WINDOW_US - (now.0 - since.0).clamp(0, WINDOW_US);
        let wait = Wait(u32::try_from(left_us / 1_000_000 + 1).unwrap_or(u32::MAX));
        if counts.told.is_some_and(|told| now.0 - told.0 < WINDOW_US) {
            return Let::HeldOff(wait);
        }
        counts.told = Some(now);
        Let::HeldOffFirst(wait)
    }

    /// Forgets the tries of a name: it was the right person.
    pub fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_name.remove(&digest(name));
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.trim().as_bytes()).into()
}

/// Counts in a window; since when the window is, and how many there were.
fn counted(window: &mut Option<(UtcMicros, u32)>, now: UtcMicros) -> (UtcMicros, u32) {
    let (since, count) = window.get_or_insert((now, 0));
    if now.0 - since.0 >= WINDOW_US {
        (*since, *count) = (now, 0);
    }
    *count = count.saturating_add(1);
    (*since, *count)
}

/// Tries are counted over so long: five minutes.
const WINDOW_US: i64 = 300 * 1_000_000;
/// Tries of one name.
const MOST_OF_NAME: u32 = 5;
/// Tries from one address.
const MOST_OF_ADDRESS: u32 = 30;
/// Tries of everybody, where nobody's address is known.
const MOST_OF_ALL: u32 = 60;
/// Tries of everybody, where addresses are known.
const MOST_OF_ALL_BY_ADDRESS: u32 = 600;
/// Names, and addresses, that are counted.
const MOST_KEPT: usize = 1024;

#[cfg(test)]
mod tests;
