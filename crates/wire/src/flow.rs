//! Traffic flows and NAT events out of NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011); and back.
//!
//! Comes in: export packets with the exporter's address and their arrival time. Goes out: traffic as rows of
//! [`Columns`], NAT events ([`NatEvent`]) as RFC 8158 and the vendors export them, and a [`Report`] a packet of what
//! was lost, late, waiting or broken. It opens no socket, keeps no clock and never allocates by a length that it has
//! not checked; what a stranger can make it keep is bounded by [`Limits`].
//!
//! State is kept for each stream, that is, exporter (address and port, RFC 7011's transport session), version and
//! observation domain: templates, options data (sampling, names of interfaces, applications, pools and VRFs), the
//! sequence numbers, and data whose template has not come yet. After a restart of the exporter its templates are
//! forgotten, as they may stand for other layouts (RFC 7011 section 8.4): data waits until they are announced again.
//! What had waited before the restart is dropped and counted; nor is a late packet read by a template that has
//! changed since it was sent. Templates and options outlive a restart of ours by [`Decoder::save`].

mod columns;
mod encode;
mod export;
mod fields;
mod message;
mod nat;
mod options;
mod reading;
mod report;
pub(crate) mod section;
mod sequence;
mod state;
mod stream;
mod streams;
mod template;
#[cfg(test)]
mod tests;
mod traffic;
mod v5;
mod waiting;

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
};

use crate::Defect;

pub(crate) use self::options::{NONSENSE, rate as sampling_rate};
pub(crate) use self::sequence::SampleSequence;
pub(crate) use self::state::{Reader as StateReader, Writer as StateWriter};
pub use self::{
    columns::{Columns, Row, to_bits},
    encode::{EncodeError, Encoder},
    export::{ExportError, Exporter},
    message::{Version, is_whole},
    nat::{Dialect, Direction, Endpoint, EventKind, EventTime, NatEvent, PortBlock, Realm, TimeSource},
    report::{GivenUp, Limits, Report},
    sequence::{Loss, Order},
    state::StateError,
    streams::{Rate, StreamView},
};

use self::{
    message::Header,
    stream::{Reading, Sinks, Stream},
    waiting::Waiting,
};

/// Decodes the packets of any number of exporters.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    dialects: HashMap<IpAddr, Dialect>,
    scopes: HashMap<IpAddr, Scope>,
    streams: HashMap<StreamKey, Stream>,
    /// What each address takes of the bounds, and all together.
    usage: HashMap<IpAddr, Usage>,
    entries: usize,
    waiting: Waiting,
    v5: Option<traffic::Plan>,
}

/// How far the templates of an exporter reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Within one transport session, that is, address and port (RFC 7011 section 8.1): two exporters behind one
    /// translated address are kept apart.
    #[default]
    Session,
    /// Over all ports of the address, for an exporter that sends templates from one port and data from another.
    Address,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct StreamKey {
    source: SocketAddr,
    version: Version,
    domain: u32,
}

/// What the streams of one address take.
#[derive(Debug, Default)]
struct Usage {
    streams: usize,
    entries: usize,
    /// Those of which nothing has been read yet, the oldest first.
    unproven: VecDeque<StreamKey>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Decoder {
    /// A decoder that has seen nothing; every exporter is read as [`Dialect::Auto`].
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            dialects: HashMap::new(),
            scopes: HashMap::new(),
            streams: HashMap::new(),
            usage: HashMap::new(),
            entries: 0,
            waiting: Waiting::new(limits.stream_waiting_bytes, limits.waiting_bytes, limits.waiting_us),
            v5: traffic::Plan::compile(&v5::template(), traffic::Tells::Nothing),
        }
    }

    /// Chooses how an exporter's codes are read. Holds for templates that arrive afterwards: call it first.
    pub fn set_dialect(&mut self, exporter: IpAddr, dialect: Dialect) {
        self.dialects.insert(exporter, dialect);
    }

    /// Chooses how far an exporter's templates reach; call it before its first packet.
    pub fn set_scope(&mut self, exporter: IpAddr, scope: Scope) {
        self.scopes.insert(exporter, scope);
    }

    /// How many templates are known, of all exporters.
    pub fn templates(&self) -> usize {
        self.streams.values().map(|stream| stream.templates.len()).sum()
    }

    /// Bytes of data that wait for their template.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.bytes()
    }

    /// What would be lost if data did not wait any longer, by stream: [`Decoder::save`] leaves it out.
    pub fn at_stake(&self) -> Vec<GivenUp> {
        self.waiting.at_stake()
    }

    /// What is known of each stream.
    pub fn streams(&self) -> impl Iterator<Item = StreamView<'_>> {
        self.streams.iter().map(|(key, stream)| StreamView::new(key, stream, self.waiting.of(*key)))
    }

    /// Reads the NAT events of one packet. `arrival_us` is microseconds since 1970 UTC and must be the packet's own
    /// (of a capture: as captured), as restarts and late packets are told by it; events come in the order of the
    /// packet, those that had waited first at the point where their template stands.
    pub fn decode(
        &mut self,
        exporter: IpAddr,
        arrival_us: i64,
        packet: &[u8],
        out: &mut impl FnMut(NatEvent),
    ) -> Report {
        let source = SocketAddr::new(exporter, 0);
        self.pass(source, arrival_us, packet, Sinks { columns: None, events: out })
    }

    /// Reads one packet: traffic is added to `columns`, NAT events go to `out`. `source` is where it came from;
    /// `arrival_us` as for [`Decoder::decode`].
    pub fn collect(
        &mut self,
        source: SocketAddr,
        arrival_us: i64,
        packet: &[u8],
        columns: &mut Columns,
        out: &mut impl FnMut(NatEvent),
    ) -> Report {
        self.pass(source, arrival_us, packet, Sinks { columns: Some(columns), events: out })
    }

    fn pass(
        &mut self,
        mut source: SocketAddr,
        arrival_us: i64,
        packet: &[u8],
        mut sinks: Sinks<'_, impl FnMut(NatEvent)>,
    ) -> Report {
        let mut report = Report::nothing();
        let mut defects = Vec::new();
        if self.scopes.get(&source.ip()) == Some(&Scope::Address) {
            source.set_port(0);
        }
        let is_v5 = sinks.columns.is_some() && v5::is(packet);
        let header: Option<Header> =
            if is_v5 { v5::header(packet, &mut defects) } else { message::header(packet, &mut defects) };
        let Some(header) = header else {
            report.list(defects);
            return report;
        };
        let sets = if is_v5 { Vec::new() } else { message::sets(packet, &header, &mut defects) };
        // Nothing tells which of its lengths is wrong: nothing of it is believed (RFC 7011 section 9).
        if sinks.columns.is_some() && !defects.is_empty() {
            report.list(defects);
            return report;
        }
        let key = StreamKey { source, version: header.version, domain: header.domain };
        if !self.streams.contains_key(&key) && !self.make_room(key, arrival_us) {
            defects.push(Defect::byte(0, "exporter has more domains than are kept"));
            report.list(defects);
            return report;
        }
        report.version = Some(header.version);
        report.domain = header.domain;
        report.sequence = header.sequence;
        report.export_us = header.export_us;
        report.boot_us = header.uptime_ms.map(|uptime| header.export_us - i64::from(uptime) * 1000);
        let left = self.entries_left(source.ip());
        let stream = self.streams.entry(key).or_insert_with(Stream::new);
        (report.order, report.loss) = stream.sequence.place(&header, arrival_us);
        let before = stream.entries();
        if report.order == Order::Restart {
            stream.forget();
            // Nobody can say any more in which layout it was sent.
            self.waiting.discard(key);
        }
        let chosen = self.dialects.get(&source.ip()).copied().unwrap_or_default();
        let limits = Limits {
            stream_fields: self.limits.stream_fields.min(stream.templates.fields().saturating_add(left)),
            names: self.limits.names.min(before.saturating_add(left)),
            ..self.limits
        };
        let mut reading = Reading { source, header, arrival_us, limits, chosen, report, defects, flows: 0 };
        let counted = match (&self.v5, is_v5) {
            (Some(plan), true) => stream.v5(&mut reading, plan, packet, &mut sinks),
            _ => stream.sets(&mut reading, &sets, key, &mut self.waiting, &mut sinks),
        };
        let Reading { mut report, defects, flows, .. } = reading;
        let placed = (report.order, report.loss);
        (report.order, report.loss) = stream.sequence.counted(&header, arrival_us, placed, counted, flows);
        stream.stats.note(&header, arrival_us, &report, defects.len());
        let is_proof = !stream.is_proven && (report.templates > 0 || report.records > 0);
        stream.is_proven |= is_proof;
        let after = stream.entries();
        self.entries = self.entries.saturating_sub(before).saturating_add(after);
        if let Some(usage) = self.usage.get_mut(&source.ip()) {
            usage.entries = usage.entries.saturating_sub(before).saturating_add(after);
            if is_proof {
                usage.unproven.retain(|other| *other != key);
            }
        }
        self.waiting.expire(arrival_us);
        report.given_up = self.waiting.take_given_up();
        for given_up in &report.given_up {
            if let Some(stream) = self.streams.get_mut(&given_up.key()) {
                stream.stats.dropped += u64::from(given_up.sets);
            }
            report.dropped = report.dropped.saturating_add(given_up.sets);
        }
        report.waiting = self.waiting.sets();
        report.list(defects);
        report
    }

    /// Fields, names and rates that an address may yet have kept.
    fn entries_left(&self, exporter: IpAddr) -> usize {
        let own = self.usage.get(&exporter).map_or(0, |usage| usage.entries);
        let left = self.limits.exporter_entries.saturating_sub(own);
        left.min(self.limits.entries.saturating_sub(self.entries))
    }

    /// Makes room for one more stream, if there can be; its place is taken then. One of which nothing was ever read makes
    /// room at once, others when they have been silent long enough.
    fn make_room(&mut self, key: StreamKey, now_us: i64) -> bool {
        let exporter = key.source.ip();
        let (own, unproven) =
            self.usage.get(&exporter).map_or((0, 0), |usage| (usage.streams, usage.unproven.len()));
        let is_crowded = own >= self.limits.streams_per_exporter;
        if is_crowded || unproven >= MOST_UNPROVEN || self.streams.len() >= self.limits.streams {
            let oldest_unproven = self.usage.get(&exporter).and_then(|usage| usage.unproven.front().copied());
            let candidates =
                || self.streams.iter().filter(|(key, _)| !is_crowded || key.source.ip() == exporter);
            let silent = || {
                let (key, stream) =
                    candidates().min_by_key(|(_, stream)| (stream.is_proven, stream.stats.last_us))?;
                let silent_us = now_us.saturating_sub(stream.stats.last_us);
                (!stream.is_proven || silent_us >= SILENT_US).then_some(*key)
            };
            let Some(gone) = oldest_unproven.or_else(silent) else { return false };
            self.remove(gone);
        }
        let usage = self.usage.entry(exporter).or_default();
        usage.streams += 1;
        usage.unproven.push_back(key);
        true
    }

    fn remove(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.remove(&key) else { return };
        self.waiting.discard(key);
        let entries = stream.entries();
        self.entries = self.entries.saturating_sub(entries);
        if let Some(usage) = self.usage.get_mut(&key.source.ip()) {
            usage.streams = usage.streams.saturating_sub(1);
            usage.entries = usage.entries.saturating_sub(entries);
            usage.unproven.retain(|other| *other != key);
            if usage.streams == 0 {
                self.usage.remove(&key.source.ip());
            }
        }
    }
}

/// A stream that has been silent for so long may make room for a new one.
const SILENT_US: i64 = 900_000_000;
/// Streams of one address of which nothing has been read yet.
const MOST_UNPROVEN: usize = 16;
