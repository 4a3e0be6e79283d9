//! What a reader keeps in mind over a restart, as octets: templates, options data, sequence numbers, and what it counted.

use std::net::{IpAddr, SocketAddr};

use super::health::Protocol;
use super::reader::{Exporter, Key, Side, Stream};
use super::{Config, Reader};
use crate::octets::{put, put_number, take, take_number, take_text};

impl Reader {
    /// What is to be kept in mind.
    pub fn memory(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, &self.known.flows.save());
        put(&mut out, &self.quarantined.flows.save());
        for side in [&self.known, &self.quarantined] {
            put(&mut out, &side.samples.save());
            side.write(&mut out);
        }
        out
    }

    /// A reader that goes on with what [`Self::memory`] gave; `None` when it is anything else.
    pub fn recall(config: &Config, memory: &[u8]) -> Option<Self> {
        let rest = &mut { memory };
        let mut reader = Self::new(config);
        reader.known.flows.restore(take(rest)?).ok()?;
        reader.quarantined.flows.restore(take(rest)?).ok()?;
        // Earlier versions kept no more.
        if !rest.is_empty() {
            for side in [&mut reader.known, &mut reader.quarantined] {
                side.samples.restore(take(rest)?).ok()?;
                side.read_counts(rest)?;
            }
        }
        rest.is_empty().then_some(reader)
    }
}

impl Side {
    fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.streams.len() as u64);
        for (key, stream) in &self.streams {
            put(out, key.source.to_string().as_bytes());
            put(out, key.protocol.as_str().as_bytes());
            let clock = &stream.clock;
            for number in [
                u64::from(key.domain),
                stream.octets,
                u64::from(stream.sampling),
                u64::from(stream.configured),
                stream.nat_events,
                clock.corrected,
                clock.correction_us.cast_unsigned(),
            ] {
                put_number(out, number);
            }
        }
        put_number(out, self.exporters.len() as u64);
        for (address, exporter) in &self.exporters {
            put(out, address.to_string().as_bytes());
            for number in [exporter.datagrams, exporter.dropped, exporter.last_us.cast_unsigned()] {
                put_number(out, number);
            }
            put_number(out, exporter.defects.len() as u64);
            for (cause, times) in &exporter.defects {
                put(out, cause.as_bytes());
                put_number(out, *times);
            }
        }
    }

    fn read_counts(&mut self, rest: &mut &[u8]) -> Option<()> {
        for _ in 0..take_number(rest)? {
            let source: SocketAddr = take_text(rest)?.parse().ok()?;
            let protocol = take_text(rest)?;
            let protocol = Protocol::ALL.into_iter().find(|one| one.as_str() == protocol)?;
            let mut next = || take_number(rest);
            let key = Key { source, protocol, domain: u32::try_from(next()?).ok()? };
            let mut stream = Stream::new(0);
            stream.octets = next()?;
            stream.sampling = u32::try_from(next()?).ok()?;
            stream.configured = u32::try_from(next()?).ok()?;
            stream.nat_events = next()?;
            stream.clock.corrected = next()?;
            stream.clock.correction_us = next()?.cast_signed();
            if self.streams.len() < self.most {
                self.streams.insert(key, stream);
            }
        }
        for _ in 0..take_number(rest)? {
            let address: IpAddr = take_text(rest)?.parse().ok()?;
            let mut exporter = Exporter {
                datagrams: take_number(rest)?,
                dropped: take_number(rest)?,
                last_us: take_number(rest)?.cast_signed(),
                ..Exporter::default()
            };
            for _ in 0..take_number(rest)? {
                let cause = take_text(rest)?.to_owned();
                exporter.defects.insert(cause, take_number(rest)?);
            }
            if self.exporters.len() < self.most {
                self.exporters.insert(address, exporter);
            }
        }
        Some(())
    }
}
