//! From records to rows: joins starts, signs of life and stops into assignments with honest edges.
//!
//! What comes in: observations in the order of their arrival, which is not the order in which things happened. What
//! goes out: every row that changed, each time as the whole of what is known by then; versions of one session share
//! their `thread`. A record that never came leaves its mark in the edge that it should have told.

mod leases;
mod sessions;
mod translations;

use tadoru_model::observation::{Observation, Observed, When};
use tadoru_model::{Assignment, ClockReading, CoverageSpan, Edge, How, UtcMicros};

use self::leases::Leases;
use self::sessions::Sessions;
use self::translations::Translations;
use crate::clock::ClockWatch;

/// Joins records to rows.
#[derive(Debug, Default)]
pub struct Assembler {
    sessions: Sessions,
    leases: Leases,
    translations: Translations,
    clocks: ClockWatch,
    ready: Vec<Assignment>,
    coverage: Vec<CoverageSpan>,
}

/// What changed since the last [`Assembler::drain`].
#[derive(Debug, Default)]
pub struct Changed {
    /// Rows, new or in a newer version.
    pub rows: Vec<Assignment>,
    /// What sources said of themselves.
    pub coverage: Vec<CoverageSpan>,
    /// What arrivals tell about the sources' clocks.
    pub clocks: Vec<ClockReading>,
}

impl Assembler {
    /// Goes on from the rows that were open when the last assembler stopped.
    pub fn resume(open: impl IntoIterator<Item = Assignment>) -> Self {
        let mut assembler = Self::default();
        for row in open {
            match row.kind {
                tadoru_model::RecordKind::Session => assembler.sessions.resume(row),
                tadoru_model::RecordKind::Lease => assembler.leases.resume(row),
                kind if kind.translates() => assembler.translations.resume(row),
                _ => {}
            }
        }
        assembler
    }

    /// Takes one observation in.
    pub fn step(&mut self, observation: Observation) {
        let Observation { source, realm, record, what } = observation;
        match what {
            Observed::Session(event) => {
                self.clocks.note(&source, event.when);
                self.sessions.step(source, realm, record, event);
            }
            Observed::DeviceRestart(when) => {
                self.clocks.note(&source, when);
                self.sessions.restart(&source, edge_of(when));
                self.translations.restart(&source, edge_of(when));
            }
            Observed::Lease(event) => self.leases.step(source, realm, record, event),
            Observed::Nat(event) => {
                self.clocks.note(&source, event.when);
                self.translations.step(source, realm, record, event);
            }
            Observed::Row(row) => self.ready.push(*row),
            Observed::Coverage(span) => self.coverage.push(span),
        }
    }

    /// Hands out everything that changed since the last call.
    pub fn drain(&mut self) -> Changed {
        let mut rows = std::mem::take(&mut self.ready);
        self.sessions.drain(&mut rows);
        self.leases.drain(&mut rows);
        self.translations.drain(&mut rows);
        Changed { rows, coverage: std::mem::take(&mut self.coverage), clocks: self.clocks.drain() }
    }
}

/// The instant of an event as an edge: by the device's clock when it logged one, else bounded by the arrival.
fn edge_of(when: When) -> Edge {
    match (when.logged, when.not_after) {
        (Some(logged), _) => Edge::exact(logged, How::Logged),
        (None, Some(arrived)) => Edge::between(arrived.plus(-UNLOGGED_DELIVERY_US), arrived, How::Logged),
        (None, None) => Edge::between(UtcMicros::MIN, UtcMicros::MAX, How::Before),
    }
}

/// A number that joins the versions of one session or lease; never 0. FNV-1a: stable across releases.
fn thread_of(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash.max(1)
}

/// How long a record without a time of its own may have been under way.
const UNLOGGED_DELIVERY_US: i64 = 5_000_000;

#[cfg(test)]
mod tests;
