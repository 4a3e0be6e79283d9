//! What must outlive a restart of ours: templates, options data, sequence numbers and counters of each stream, as octets.
//!
//! Comes in and goes out: octets of our own form, with a mark and a version in front. Data that waits for its template
//! is not among them: who keeps datagrams reads them again. What cannot be read is refused as a whole.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use crate::flow::{
    Decoder, StreamKey,
    message::Version,
    options::{Sampling, Told},
    report::Limits,
    sequence::Last,
    stream::{Compiled, Stream},
    streams::{Skew, Stats},
    template::{Element, Field, Length, Purpose, Space, Template},
};

/// Why a saved state cannot be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It does not begin as ours do.
    #[error("not a saved state of this version")]
    Mark,
    /// It ends early or says what cannot be.
    #[error("saved state is broken at byte {0}")]
    Broken(usize),
}

impl Decoder {
    /// Everything that a decoder after a restart needs to go on reading. Streams of which nothing was read are left out.
    pub fn save(&self) -> Vec<u8> {
        let mut out = Writer(MARK.to_vec());
        let mut streams: Vec<_> = self.streams.iter().filter(|(_, stream)| stream.is_proven).collect();
        out.len(streams.len());
        streams.sort_by_key(|(key, _)| (key.source, key.version, key.domain));
        for (key, stream) in streams {
            out.key(key);
            out.stream(stream);
        }
        out.0
    }

    /// Takes in what [`Decoder::save`] gave; streams already known are left as they are, and the limits of this
    /// decoder hold. Call it after the dialects are set.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let (rest, form) = match (bytes.strip_prefix(MARK), bytes.strip_prefix(MARK_BEFORE)) {
            (Some(rest), _) => (rest, Form::Counted),
            (None, Some(rest)) => (rest, Form::Uncounted),
            (None, None) => return Err(StateError::Mark),
        };
        let mut reader = Reader { bytes: rest, at: 0 };
        let restored = self.read_streams(&mut reader, form);
        let restored = restored.filter(|_| reader.at == rest.len());
        let restored = restored.ok_or(StateError::Broken(MARK.len() + reader.at))?;
        for (key, stream) in restored {
            if self.streams.len() < self.limits.streams && !self.streams.contains_key(&key) {
                let usage = self.usage.entry(key.source.ip()).or_default();
                usage.streams += 1;
                usage.entries += stream.entries();
                self.entries += stream.entries();
                self.streams.insert(key, stream);
            }
        }
        Ok(())
    }

    fn read_streams(&self, reader: &mut Reader<'_>, form: Form) -> Option<Vec<(StreamKey, Stream)>> {
        let mut streams = Vec::new();
        for _ in 0..reader.u32()? {
            let key = reader.key()?;
            let chosen = self.dialects.get(&key.source.ip()).copied().unwrap_or_default();
            let compile = |template: &Template, since| Compiled::of(template, chosen, since);
            streams.push((key, reader.stream(&self.limits, form, compile)?));
        }
        Some(streams)
    }
}

/// What a saved state has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Counters of each stream.
    Counted,
    /// None, as earlier versions wrote it.
    Uncounted,
}

// ---- writing ----

pub(crate) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn len(&mut self, len: usize) {
        self.u32(u32::try_from(len).unwrap_or(u32::MAX));
    }

    fn text(&mut self, text: &str) {
        self.len(text.len());
        self.0.extend(text.as_bytes());
    }

    pub fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub fn address(&mut self, address: IpAddr) {
        let (family, address) = match address {
            IpAddr::V4(v4) => (4, v4.to_ipv6_mapped()),
            IpAddr::V6(v6) => (6, v6),
        };
        self.u8(family);
        self.0.extend(address.octets());
    }

    pub fn last(&mut self, last: Option<Last>) {
        self.maybe(last, |out, last| {
            out.maybe(last.expected, Self::u32);
            out.u32(last.number);
            out.i64(last.arrival_us);
            out.i64(last.export_us);
            out.maybe(last.uptime_ms, Self::u32);
        });
    }

    fn stats(&mut self, stats: &Stats) {
        let Stats { packets, records, rows, untimed, lost, late, restarts, defects, dropped, last_us, skew } =
            stats;
        for count in [packets, records, rows, untimed, lost, late, restarts, defects, dropped, &skew.jumps] {
            self.u64(*count);
        }
        self.i64(*last_us);
        self.maybe(skew.now, Self::i64);
        self.maybe(skew.before, Self::i64);
        self.i64(skew.since_us);
    }

    fn key(&mut self, key: &StreamKey) {
        self.address(key.source.ip());
        self.u16(key.source.port());
        self.u8(match key.version {
            Version::NetFlow5 => 5,
            Version::NetFlow9 => 9,
            Version::Ipfix => 10,
        });
        self.u32(key.domain);
    }

    fn stream(&mut self, stream: &Stream) {
        self.last(stream.sequence.last);
        self.stats(&stream.stats);
        self.maybe(stream.init_ms, Self::i64);
        self.len(stream.templates.len());
        let mut templates: Vec<_> = stream.templates.iter().collect();
        templates.sort_by_key(|(template, _)| template.id);
        for (template, compiled) in templates {
            self.template(template, compiled.since);
        }
        for names in [&stream.pools, &stream.vrfs] {
            let names: BTreeMap<u32, &Box<str>> = names.iter().map(|(id, name)| (*id, name)).collect();
            self.table(&names, Self::u32, |out, name| out.text(name));
        }
        let Told { sampling, interfaces, applications } = &stream.told;
        self.maybe(sampling.domain, Self::u32);
        self.table(&sampling.selectors, Self::u64, |out, rate| out.u32(*rate));
        self.table(&sampling.interfaces, Self::u32, |out, rate| out.u32(*rate));
        self.table(interfaces, Self::u32, |out, name| out.text(name));
        self.table(applications, Self::u64, |out, name| out.text(name));
    }

    fn template(&mut self, template: &Template, since: Option<u32>) {
        self.u16(template.id);
        self.u8(u8::from(template.purpose == Purpose::Options));
        self.maybe(since, Self::u32);
        self.len(template.fields.len());
        for field in &template.fields {
            self.u8(u8::from(field.space == Space::V9Scope));
            self.u32(field.element.enterprise);
            self.u16(field.element.id);
            let fixed = if let Length::Fixed(len) = field.length { Some(len) } else { None };
            self.maybe(fixed, Self::u16);
        }
    }

    fn table<K: Copy, V>(
        &mut self,
        table: &BTreeMap<K, V>,
        key: impl Fn(&mut Self, K),
        value: impl Fn(&mut Self, &V),
    ) {
        self.len(table.len());
        for (id, entry) in table {
            key(self, *id);
            value(self, entry);
        }
    }
}

// ---- reading ----

pub(crate) struct Reader<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn text(&mut self) -> Option<Box<str>> {
        let len = usize::try_from(self.u32()?).ok()?;
        std::str::from_utf8(self.take(len)?).ok().map(Into::into)
    }

    pub fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    pub fn address(&mut self) -> Option<IpAddr> {
        let family = self.u8()?;
        let address = Ipv6Addr::from(self.array::<16>()?);
        match family {
            4 => address.to_ipv4_mapped().map(IpAddr::V4),
            6 => Some(IpAddr::V6(address)),
            _ => None,
        }
    }

    pub fn last(&mut self) -> Option<Option<Last>> {
        self.maybe(|reader| {
            Some(Last {
                expected: reader.maybe(Self::u32)?,
                number: reader.u32()?,
                arrival_us: reader.i64()?,
                export_us: reader.i64()?,
                uptime_ms: reader.maybe(Self::u32)?,
            })
        })
    }

    fn stats(&mut self) -> Option<Stats> {
        let mut next = || self.u64();
        let (packets, records, rows, untimed, lost) = (next()?, next()?, next()?, next()?, next()?);
        let (late, restarts, defects, dropped, jumps) = (next()?, next()?, next()?, next()?, next()?);
        let last_us = self.i64()?;
        let (now, before) = (self.maybe(Self::i64)?, self.maybe(Self::i64)?);
        let skew = Skew { now, before, since_us: self.i64()?, jumps, ..Skew::default() };
        Some(Stats { packets, records, rows, untimed, lost, late, restarts, defects, dropped, last_us, skew })
    }

    fn key(&mut self) -> Option<StreamKey> {
        let source = SocketAddr::new(self.address()?, self.u16()?);
        let version = match self.u8()? {
            5 => Version::NetFlow5,
            9 => Version::NetFlow9,
            10 => Version::Ipfix,
            _ => return None,
        };
        Some(StreamKey { source, version, domain: self.u32()? })
    }

    fn stream(
        &mut self,
        limits: &Limits,
        form: Form,
        compile: impl Fn(&Template, Option<u32>) -> Compiled,
    ) -> Option<Stream> {
        let mut stream = Stream::new();
        stream.sequence.last = self.last()?;
        stream.stats.last_us = stream.sequence.last.map_or(0, |last| last.arrival_us);
        if form == Form::Counted {
            stream.stats = self.stats()?;
        }
        // Only such are written.
        stream.is_proven = true;
        stream.init_ms = self.maybe(Self::i64)?;
        for _ in 0..self.u32()? {
            let (template, since) = self.template(limits.template_fields)?;
            stream.templates.define(template, limits.templates, limits.stream_fields, |template, _| {
                compile(template, since)
            });
        }
        stream.pools =
            self.table(limits.names, Self::u32, Self::text)?.into_iter().collect::<HashMap<_, _>>();
        stream.vrfs = self.table(limits.names, Self::u32, Self::text)?.into_iter().collect::<HashMap<_, _>>();
        stream.told = Told {
            sampling: Sampling {
                domain: self.maybe(Self::u32)?,
                selectors: self.table(limits.names, Self::u64, Self::u32)?,
                interfaces: self.table(limits.names, Self::u32, Self::u32)?,
            },
            interfaces: self.table(limits.names, Self::u32, Self::text)?,
            applications: self.table(limits.names, Self::u64, Self::text)?,
        };
        Some(stream)
    }

    fn template(&mut self, max_fields: usize) -> Option<(Template, Option<u32>)> {
        let id = self.u16()?;
        let purpose = if self.u8()? == 1 { Purpose::Options } else { Purpose::Data };
        let since = self.maybe(Self::u32)?;
        let count = usize::try_from(self.u32()?).ok().filter(|&count| count <= max_fields)?;
        let mut fields = Vec::new();
        for _ in 0..count {
            let space = if self.u8()? == 1 { Space::V9Scope } else { Space::Element };
            let element = Element { enterprise: self.u32()?, id: self.u16()? };
            let length = self.maybe(Self::u16)?.map_or(Length::Variable, Length::Fixed);
            fields.push(Field { element, length, space });
        }
        Some((Template::new(id, purpose, fields), since))
    }

    fn table<K: Ord, V>(
        &mut self,
        max: usize,
        key: impl Fn(&mut Self) -> Option<K>,
        value: impl Fn(&mut Self) -> Option<V>,
    ) -> Option<BTreeMap<K, V>> {
        let count = usize::try_from(self.u32()?).ok().filter(|&count| count <= max)?;
        let mut table = BTreeMap::new();
        for _ in 0..count {
            table.insert(key(self)?, value(self)?);
        }
        Some(table)
    }
}

/// What a saved state begins with.
const MARK: &[u8] = b"tadoru flow state 2\n";
/// What it began with before it held counters.
const MARK_BEFORE: &[u8] = b"tadoru flow state 1\n";
