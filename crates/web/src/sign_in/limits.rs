//! How often a sign-in may be tried: some times a name, more times altogether. It keeps digests of names, a bounded number.

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
    HeldOffFirst,
    /// It is not.
    HeldOff,
}

impl Limits {
    /// Counts a try.
    pub fn count(&self, name: &str, now: UtcMicros) -> Let {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.by_name.retain(|_, (since, _)| now.0 - since.0 < WINDOW_US);
        let key: [u8; 32] = Sha256::digest(name.trim().as_bytes()).into();
        let of_all = counted(&mut counts.all, now);
        let of_name = if counts.by_name.len() < MOST_NAMES || counts.by_name.contains_key(&key) {
            let (_, count) = counts.by_name.entry(key).or_insert((now, 0));
            *count = count.saturating_add(1);
            *count
        } else {
            u32::MAX
        };
        if of_name <= MOST_OF_NAME && of_all <= MOST_OF_ALL {
            return Let::Try;
        }
        if counts.told.is_some_and(|told| now.0 - told.0 < WINDOW_US) {
            return Let::HeldOff;
        }
        counts.told = Some(now);
        Let::HeldOffFirst
    }

    /// Forgets the tries of a name: it was the right person.
    pub fn forget(&self, name: &str) {
        let key: [u8; 32] = Sha256::digest(name.trim().as_bytes()).into();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_name.remove(&key);
    }
}

fn counted(window: &mut Option<(UtcMicros, u32)>, now: UtcMicros) -> u32 {
    let (since, count) = window.get_or_insert((now, 0));
    if now.0 - since.0 >= WINDOW_US {
        (*since, *count) = (now, 0);
    }
    *count = count.saturating_add(1);
    *count
}

/// Tries are counted over so long: five minutes.
const WINDOW_US: i64 = 300 * 1_000_000;
/// Tries of one name.
const MOST_OF_NAME: u32 = 5;
/// Tries of everybody.
const MOST_OF_ALL: u32 = 60;
/// Names that are counted.
const MOST_NAMES: usize = 1024;

#[cfg(test)]
mod tests;
