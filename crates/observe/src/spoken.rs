//! Which addresses a source speaks of: those that its records have named so far, widened so that they stay few.
//!
//! What comes in: observations. What goes out: prefixes of /24 and /48 or shorter that hold every address named. Beyond
//! [`MOST_PREFIXES`] the two that lie nearest are joined, so that a source never comes to speak of every address.

use std::net::IpAddr;

use tadoru_model::observation::{LeaseState, Observed, When};
use tadoru_model::{Prefix, RecordKind, UtcMicros};

#[cfg(test)]
mod tests;

/// A few prefixes, in order, none inside another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    prefixes: Vec<Prefix>,
}

impl Spoken {
    /// Takes note of the addresses that an observation is about; gives what had not been spoken of before.
    pub(crate) fn hear(&mut self, what: &Observed) -> Vec<Prefix> {
        match what {
            Observed::Session(event) => {
                let blocks = event.ports.iter().map(|(addr, _)| Prefix::host(*addr));
                event.holds.iter().copied().chain(blocks).filter_map(|prefix| self.add(prefix)).collect()
            }
            Observed::Lease(event) => self.add(event.prefix).into_iter().collect(),
            Observed::Nat(event) => self.add(Prefix::host(event.outside)).into_iter().collect(),
            Observed::Row(row) => self.add(row.prefix).into_iter().collect(),
            Observed::DeviceRestart(_) | Observed::Coverage(_) => Vec::new(),
        }
    }

    /// Takes note of one prefix; gives it, as wide as it is kept, where it had not been spoken of before.
    pub(crate) fn add(&mut self, prefix: Prefix) -> Option<Prefix> {
        let unit = unit(prefix);
        let wide = Prefix::covering(prefix.addr(), prefix.len().min(unit)).unwrap_or(prefix);
        let at = self.prefixes.partition_point(|known| known.addr() <= wide.addr());
        let around = at.checked_sub(1).and_then(|before| self.prefixes.get(before));
        if around.is_some_and(|known| known.len() <= wide.len() && known.contains(wide.addr())) {
            return None;
        }
        self.prefixes.retain(|known| !wide.contains(known.addr()));
        let at = self.prefixes.partition_point(|known| known.addr() < wide.addr());
        self.prefixes.insert(at, wide);
        if self.prefixes.len() > MOST_PREFIXES {
            self.join_nearest();
        }
        Some(wide)
    }

    /// What was spoken of.
    pub(crate) fn prefixes(&self) -> &[Prefix] {
        &self.prefixes
    }

    /// Joins the two neighbours whose common prefix holds the least that nobody spoke of.
    fn join_nearest(&mut self) {
        let pairs = self.prefixes.windows(2).filter_map(|pair| match pair {
            [a, b] => common(*a, *b),
            _ => None,
        });
        if let Some(joined) = pairs.min_by_key(|joined| unit(*joined) - joined.len()) {
            self.prefixes.retain(|known| !joined.contains(known.addr()));
            let at = self.prefixes.partition_point(|known| known.addr() < joined.addr());
            self.prefixes.insert(at, joined);
        }
    }
}

/// The kind of records that an observation belongs to, as coverage names it; `None`: it is about coverage itself.
pub(crate) fn kind(what: &Observed) -> Option<RecordKind> {
    match what {
        Observed::Session(_) | Observed::DeviceRestart(_) => Some(RecordKind::Session),
        Observed::Lease(_) => Some(RecordKind::Lease),
        Observed::Nat(_) => Some(RecordKind::NatBlock),
        Observed::Row(row) if row.kind.translates() && row.kind != RecordKind::Rule => {
            Some(RecordKind::NatBlock)
        }
        Observed::Row(row) => Some(row.kind),
        Observed::Coverage(_) => None,
    }
}

/// When a record was written, as far as it tells.
pub(crate) fn written(what: &Observed) -> Option<UtcMicros> {
    let instant = |when: &When| when.logged.or(when.not_after);
    match what {
        Observed::Session(event) => instant(&event.when),
        Observed::DeviceRestart(when) => instant(when),
        Observed::Nat(event) => instant(&event.when),
        Observed::Lease(event) => match event.state {
            LeaseState::Active => Some(event.since),
            LeaseState::Released => event.expires,
            LeaseState::Expired | LeaseState::Declined => None,
        },
        Observed::Row(row) if row.kind.translates() && row.kind != RecordKind::Rule => {
            Some(row.until.earliest)
        }
        Observed::Row(_) | Observed::Coverage(_) => None,
    }
}

/// The shortest prefix around both; `None` where they are of different families.
fn common(a: Prefix, b: Prefix) -> Option<Prefix> {
    let same = match (a.addr(), b.addr()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => return None,
    };
    let len = u8::try_from(same).ok()?.min(a.len()).min(b.len());
    Prefix::covering(a.addr(), len).ok()
}

/// The longest prefix that is kept of a family.
const fn unit(prefix: Prefix) -> u8 {
    if prefix.addr().is_ipv4() { 24 } else { 48 }
}

/// How far beyond its neighbours a damaged record may have been written: clocks differ, and are cut to whole seconds.
pub(crate) const DAMAGE_SLACK_US: i64 = 60_000_000;

/// Prefixes kept of one source.
pub(crate) const MOST_PREFIXES: usize = 256;
