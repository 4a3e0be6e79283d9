//! What a decoder must keep in mind over a restart, as octets: which sources are known and what they speak of, where
//! following goes on, the templates of exporters, and the numbers that devices had come to.

use std::collections::HashMap;
use std::net::IpAddr;

use tadoru_model::SourceName;

use super::Decoder;
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
        rest.is_empty().then_some(decoder)
    }
}
