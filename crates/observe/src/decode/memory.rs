//! What a decoder must keep in mind over a restart, as octets: which sources are known and what they speak of, where
//! following goes on, the templates of exporters and what is missing as none came, and the numbers that devices had come to.

use std::collections::HashMap;
use std::net::IpAddr;

use tadoru_model::{Realm, SourceName};

use super::{Decoder, Missing};
use crate::alive::Alive;
use crate::inlet::{Age, FilePlace};
use crate::octets::{put, put_number, take, take_number, take_text};
use crate::records::nat_lines::Sequences;

impl Decoder {
    /// What is to be kept in mind; `None` while lease events wait for a record that has not come yet.
    pub fn memory(&self) -> Option<Vec<u8>> {
        if self.journals.values().any(|(_, journal)| journal.waiting() > 0) {
            return None;
        }
        let mut out = Vec::new();
        self.alive.write(&mut out);
        put_number(&mut out, self.places.len() as u64);
        for (source, place) in &self.places {
            put(&mut out, source.0.as_bytes());
            for number in [place.file, place.line, place.end, u64::from(place.age == Age::Fresh)] {
                put_number(&mut out, number);
            }
        }
        self.sequences.write(&mut out);
        put_number(&mut out, self.boots.len() as u64);
        for ((exporter, domain), boot) in &self.boots {
            put(&mut out, exporter.to_string().as_bytes());
            put_number(&mut out, u64::from(*domain));
            put(&mut out, &boot.to_be_bytes());
        }
        put(&mut out, &self.flows.save());
        // What waits for its template is not kept: that it will be missing is.
        let at_stake = self.flows.at_stake();
        let missing = at_stake.iter().map(|given_up| self.missing(given_up));
        let missing: Vec<Missing> = missing.chain(self.lost.iter().cloned()).collect();
        put_number(&mut out, missing.len() as u64);
        for Missing { source, realm, sets, from_us, to_us } in &missing {
            put(&mut out, source.0.as_bytes());
            put(&mut out, realm.0.as_bytes());
            for number in [u64::from(*sets), from_us.cast_unsigned(), to_us.cast_unsigned()] {
                put_number(&mut out, number);
            }
        }
        Some(out)
    }

    /// A decoder that goes on with what [`Self::memory`] gave; `None` when it is anything else.
    pub fn recall(memory: &[u8]) -> Option<Self> {
        let rest = &mut { memory };
        let alive = Alive::read(rest)?;
        let mut places = HashMap::new();
        for _ in 0..take_number(rest)? {
            let source = SourceName::from(take_text(rest)?);
            let (file, line, end, fresh) =
                (take_number(rest)?, take_number(rest)?, take_number(rest)?, take_number(rest)?);
            let age = if fresh == 1 { Age::Fresh } else { Age::Old };
            places.insert(source, FilePlace { file, line, end, age });
        }
        let sequences = Sequences::read(rest)?;
        let mut boots = HashMap::new();
        for _ in 0..take_number(rest)? {
            let exporter: IpAddr = take_text(rest)?.parse().ok()?;
            let domain = u32::try_from(take_number(rest)?).ok()?;
            boots.insert((exporter, domain), i64::from_be_bytes(take(rest)?.try_into().ok()?));
        }
        let flows = take(rest)?;
        let mut decoder = Self { alive, places, sequences, boots, ..Self::default() };
        decoder.flows.restore(flows).ok()?;
        // Earlier versions kept no more.
        let missing = if rest.is_empty() { 0 } else { take_number(rest)? };
        for _ in 0..missing {
            let (source, realm) = (SourceName::from(take_text(rest)?), Realm::from(take_text(rest)?));
            let (sets, from, to) = (take_number(rest)?, take_number(rest)?, take_number(rest)?);
            let sets = u32::try_from(sets).ok()?;
            let (from_us, to_us) = (from.cast_signed(), to.cast_signed());
            decoder.lost.push(Missing { source, realm, sets, from_us, to_us: to_us.max(from_us) });
        }
        rest.is_empty().then_some(decoder)
    }
}
