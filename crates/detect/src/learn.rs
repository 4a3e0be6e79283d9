//! What each target usually has at each hour of the week.
//!
//! What comes in: the highest second of each minute, as a multiple of the configured threshold. What goes out: how many
//! times the configured threshold is suspected now. Kept in logarithmic steps of an octet each. One hour's figure is the
//! ninth of ten of its minutes, so that a short attack does not teach; a new week moves it halfway. Minutes of an incident
//! are left out.

use std::collections::HashMap;

use crate::config::Learning;

#[cfg(test)]
mod tests;

/// What was learnt, by hashed key and lane.
#[derive(Default)]
pub(crate) struct Learnt {
    rows: HashMap<u64, Row>,
}

struct Row {
    /// Usual peak at each hour, 0 before it was seen.
    hours: Box<[u8; HOURS]>,
    /// How many weeks each was seen.
    weeks: Box<[u8; HOURS]>,
    hour: u32,
    minute: u32,
    /// Peak of this minute, and of the minutes of this hour.
    peak: u8,
    minutes: Vec<u8>,
}

/// A learnt factor and whether there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Factor {
    /// Learning is off.
    Configured,
    /// Too little was seen.
    WarmingUp,
    /// How many times the configured threshold.
    Learnt(f64),
}

impl Factor {
    pub(crate) fn times(self) -> f64 {
        if let Self::Learnt(times) = self { times } else { 1.0 }
    }
}

impl Learnt {
    /// Sees the highest rate of a second, as a multiple of the configured threshold.
    pub(crate) fn see(&mut self, id: u64, second: u32, ratio: f64) {
        if self.rows.len() >= MOST && !self.rows.contains_key(&id) {
            return;
        }
        let row = self.rows.entry(id).or_insert_with(|| Row::fresh(second));
        if row.minute != second / 60 {
            row.minutes.push(row.peak);
            (row.peak, row.minute) = (0, second / 60);
        }
        if row.hour != second / 3600 {
            row.close();
            row.hour = second / 3600;
        }
        row.peak = row.peak.max(step(ratio));
    }

    /// Leaves this minute out: something else than the usual went on.
    pub(crate) fn forget_minute(&mut self, id: u64) {
        if let Some(row) = self.rows.get_mut(&id) {
            row.peak = 0;
        }
    }

    /// The factor that holds at a second.
    pub(crate) fn factor(&self, id: u64, second: u32, learning: Learning) -> Factor {
        let Learning::On { factor, lowest, highest, weeks } = learning else { return Factor::Configured };
        let hour = second as usize / 3600 % HOURS;
        let row = self.rows.get(&id);
        let known = row.and_then(|row| Some((*row.hours.get(hour)?, *row.weeks.get(hour)?)));
        match known {
            Some((usual, seen)) if usual > 0 && seen >= weeks => {
                Factor::Learnt((ratio(usual) * factor).clamp(lowest, highest.max(lowest)))
            }
            _ => Factor::WarmingUp,
        }
    }

    /// What was learnt, as octets that [`Learnt::restored`] reads: of each row its id and the hours that were seen.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let mut ids: Vec<&u64> = self.rows.keys().collect();
        ids.sort_unstable();
        for id in ids {
            let Some(row) = self.rows.get(id) else { continue };
            let hours = row.hours.iter().zip(row.weeks.iter()).enumerate();
            let seen: Vec<_> = hours.filter(|(_, (_, weeks))| **weeks > 0).collect();
            let Ok(count) = u8::try_from(seen.len()) else { continue };
            if count == 0 {
                continue;
            }
            out.extend_from_slice(&id.to_le_bytes());
            out.push(count);
            for (hour, (usual, weeks)) in seen {
                out.extend_from_slice(&[u8::try_from(hour).unwrap_or(u8::MAX), *usual, *weeks]);
            }
        }
    }

    /// What [`Learnt::save`] kept; `None` where the octets are not that.
    pub(crate) fn restored(mut octets: &[u8]) -> Option<Self> {
        let mut rows = HashMap::new();
        while !octets.is_empty() {
            let (id, rest) = octets.split_first_chunk()?;
            let (count, rest) = rest.split_first()?;
            let (seen, rest) = rest.split_at_checked(usize::from(*count) * 3)?;
            let mut row = Row::fresh(0);
            for told in seen.chunks_exact(3) {
                let [hour, usual, weeks] = told else { return None };
                *row.hours.get_mut(usize::from(*hour))? = *usual;
                *row.weeks.get_mut(usize::from(*hour))? = *weeks;
            }
            if rows.len() < MOST {
                rows.insert(u64::from_le_bytes(*id), row);
            }
            octets = rest;
        }
        Some(Self { rows })
    }

    pub(crate) fn octets(&self) -> usize {
        self.rows.len() * (size_of::<Row>() + 2 * HOURS + 64)
    }
}

impl Row {
    fn fresh(second: u32) -> Self {
        Self {
            hours: Box::new([0; HOURS]),
            weeks: Box::new([0; HOURS]),
            hour: second / 3600,
            minute: second / 60,
            peak: 0,
            minutes: Vec::new(),
        }
    }

    fn close(&mut self) {
        self.minutes.sort_unstable();
        let at = self.minutes.len() * 9 / 10;
        let usual = self.minutes.get(at.min(self.minutes.len().saturating_sub(1))).copied().unwrap_or(0);
        self.minutes.clear();
        let hour = self.hour as usize % HOURS;
        if usual == 0 {
            return;
        }
        if let (Some(held), Some(weeks)) = (self.hours.get_mut(hour), self.weeks.get_mut(hour)) {
            *held = if *weeks == 0 { usual } else { held.midpoint(usual) };
            *weeks = weeks.saturating_add(1);
        }
    }
}

/// A ratio in eighths of a doubling; 0 is none.
fn step(ratio: f64) -> u8 {
    if ratio <= 0.0 { 0 } else { (ratio.log2() * 8.0 + 128.0).round().clamp(1.0, 255.0) as u8 }
}

fn ratio(step: u8) -> f64 {
    ((f64::from(step) - 128.0) / 8.0).exp2()
}

const HOURS: usize = 168;
/// Targets and lanes learnt at most.
const MOST: usize = 1 << 16;
