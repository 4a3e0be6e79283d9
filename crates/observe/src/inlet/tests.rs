//! Laws of the spool's form: what is written is read, and nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A spool in memory, for the tests of this crate; it can be full.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) records: Mutex<Vec<SpoolRecord>>,
    pub(crate) full: AtomicBool,
}

impl Kept {
    /// What is in it besides signs of life.
    pub(crate) fn told(&self) -> Vec<SpoolRecord> {
        let all = self.records.lock().unwrap();
        all.iter().filter(|record| record.kind != RawKind::Pulse).cloned().collect()
    }
}

impl Spool for Kept {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(SpoolError::Full);
        }
        let mut records = self.records.lock().unwrap();
        let first = records.len() as u64;
        records.extend_from_slice(batch);
        Ok(Receipt { first, next: records.len() as u64 })
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        kind in 0..8_usize, name in ".{0,20}", zone in "[a-z/]{0,9}", arrival: i64, octets: Vec<u8>,
        v6: u128, has_place: bool, file: u64, line: u64,
    ) {
        let record = SpoolRecord {
            kind: RawKind::ALL[kind],
            source: (!name.is_empty()).then(|| SourceName::from(name.as_str())),
            realm: Realm::from("r"),
            inside_realm: Realm::untold(),
            zone: (!zone.is_empty()).then(|| zone.into()),
            sender: Some(Ipv6Addr::from_bits(v6).into()),
            arrival: UtcMicros(arrival),
            place: has_place.then_some(FilePlace { file, line, end: line, age: Age::Fresh }),
            octets,
        };
        let mut written = Vec::new();
        record.write(&mut written);
        prop_assert_eq!(SpoolRecord::read(&written), Some(record));
        for end in 0..written.len() {
            prop_assert_eq!(SpoolRecord::read(&written[..end]), None);
        }
    }

    #[test]
    fn nothing_breaks_the_reader(octets: Vec<u8>) {
        let _ = SpoolRecord::read(&octets);
        let _ = Pulse::from_octets(&octets);
    }
}

#[test]
fn signs_of_life_are_read_as_written() {
    let subject = |name: &str, prefixes: &[&str]| Subject {
        source: SourceName::from(name),
        realm: Realm::from("r"),
        prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
    };
    let subjects = vec![subject("gw-1", &["192.0.2.0/24", "2001:db8::/32"]), subject("gw-2", &[])];
    for (state, beat) in STATES.into_iter().zip(BEATS) {
        for subjects in [Vec::new(), subjects.clone()] {
            let pulse = Pulse { of: RawKind::Syslog, from: UtcMicros(-5), state, beat, subjects };
            let octets = pulse.to_octets();
            assert_eq!(Pulse::from_octets(&octets), Some(pulse));
            assert_eq!(Pulse::from_octets(&octets[..octets.len() - 1]), None);
        }
    }
}
