//! Out of the spool into columns: the same records give the same flows, however often they are read.
//!
//! What comes in: batches of datagrams in the order of the spool. What goes out: rows of flows, and how each exporter
//! fares. Templates, options and sequence numbers are kept in mind ([`Reader::memory`]); data that waits for its
//! template is not among them, for the spool has it ([`Reader::waits_from`]). Datagrams in quarantine are read by
//! decoders of their own with narrow bounds, so that strangers take no room from those who are known.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use tadoru_model::{Flows, UtcMicros};
use tadoru_wire::flow::{self, Columns, Limits, Scope};
use tadoru_wire::{Defect, sflow};

use super::batch::{Datagram, datagrams};
use super::clock::Clock;
use super::health::{AddressHealth, ExporterHealth, Protocol, Rate, Sampling, Standing};
use super::{Config, Reach};
use crate::files::{adopt, give_back};
use crate::inlet::{RawKind, SpoolRecord};

/// Reads records of the spool.
#[derive(Debug)]
pub struct Reader {
    pub(super) known: Side,
    pub(super) quarantined: Side,
    template_wait_us: i64,
    /// The latest arrival.
    now_us: i64,
    /// Rows of strangers, which nobody gets.
    aside: Columns,
}

/// The decoders of one standing, and what they read.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) flows: flow::Decoder,
    pub(super) samples: sflow::Decoder,
    standing: Standing,
    pub(super) streams: HashMap<Key, Stream>,
    pub(super) exporters: HashMap<IpAddr, Exporter>,
    scoped: HashSet<IpAddr>,
    pub(super) most: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// Port 0 where the address alone counts.
    pub(super) source: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) domain: u32,
}

#[derive(Debug)]
pub(super) struct Stream {
    rate: Rate,
    pub(super) octets: u64,
    /// The sampling of its last flow, and the one that the configuration told.
    pub(super) sampling: u32,
    pub(super) configured: u32,
    pub(super) clock: Clock,
    pub(super) nat_events: u64,
    /// Arrival and record of datagrams that wait in part, one a minute.
    waits: VecDeque<(i64, u64)>,
}

/// What is known of an address whatever it speaks.
#[derive(Debug, Default)]
pub(super) struct Exporter {
    pub(super) datagrams: u64,
    /// Data sets dropped while they waited for a template.
    pub(super) dropped: u64,
    /// Arrival of its last datagram, microseconds since 1970 UTC.
    pub(super) last_us: i64,
    pub(super) defects: BTreeMap<String, u64>,
}

impl Reader {
    /// A reader that has seen nothing.
    pub fn new(config: &Config) -> Self {
        let template_wait_us = i64::from(config.template_wait_s) * 1_000_000;
        let known = Limits { waiting_us: template_wait_us, ..Limits::default() };
        let narrow = Limits {
            streams: 256,
            streams_per_exporter: 16,
            templates: 256,
            stream_fields: 4096,
            exporter_entries: 4096,
            entries: 65_536,
            stream_waiting_bytes: 256 << 10,
            waiting_bytes: 4 << 20,
            ..known
        };
        Self {
            known: Side::new(Standing::Known, known, MOST_AGENTS),
            quarantined: Side::new(Standing::Quarantined, narrow, narrow.streams),
            template_wait_us,
            now_us: 0,
            aside: Columns::default(),
        }
    }

    /// Reads the record with this number in the spool; its flows are added to `out`.
    pub fn step(&mut self, number: u64, record: &SpoolRecord, out: &mut Flows) {
        if record.kind != RawKind::Flow {
            return;
        }
        let mut columns = give_back(std::mem::take(out));
        for datagram in datagrams(&record.octets) {
            self.now_us = self.now_us.max(datagram.arrival.0);
            match datagram.told.standing {
                Standing::Known => self.known.read(number, &datagram, &mut columns),
                Standing::Quarantined => {
                    self.quarantined.read(number, &datagram, &mut self.aside);
                    self.aside.clear();
                }
            }
        }
        *out = adopt(columns);
    }

    /// The earliest record with data that still waits for its template: the spool must keep it.
    pub fn waits_from(&mut self) -> Option<u64> {
        let oldest_us = self.now_us.saturating_sub(self.template_wait_us.saturating_add(SWEPT_US));
        let waiting: HashSet<Key> = self
            .known
            .flows
            .streams()
            .filter(|view| view.waiting_bytes > 0)
            .map(|view| Key::of(&view))
            .collect();
        let mut from = None;
        for (key, stream) in &mut self.known.streams {
            if !waiting.contains(key) {
                stream.waits.clear();
            }
            while stream.waits.pop_front_if(|(arrival, _)| *arrival < oldest_us).is_some() {}
            let first = stream.waits.front().map(|(_, number)| *number);
            from = from.into_iter().chain(first).min();
        }
        from
    }

    /// How each exporter fares, at `now`; by address, protocol and domain.
    pub fn health(&mut self, now: UtcMicros) -> Vec<ExporterHealth> {
        // Also forgets what waits no more.
        let _ = self.waits_from();
        let mut all = self.known.health(now);
        all.extend(self.quarantined.health(now));
        all.sort_by_key(|one| (one.address, one.port, one.protocol, one.domain));
        all
    }

    /// How each address fares that anything came from.
    pub fn addresses(&mut self) -> Vec<AddressHealth> {
        let _ = self.waits_from();
        let mut all = self.known.addresses();
        all.extend(self.quarantined.addresses());
        all.sort_by_key(|one| one.address);
        all
    }
}

impl Side {
    fn new(standing: Standing, limits: Limits, agents: usize) -> Self {
        Self {
            flows: flow::Decoder::new(limits),
            samples: sflow::Decoder::new(agents),
            standing,
            streams: HashMap::new(),
            exporters: HashMap::new(),
            scoped: HashSet::new(),
            most: limits.streams + agents,
        }
    }

    fn read(&mut self, number: u64, datagram: &Datagram<'_>, columns: &mut Columns) {
        let Datagram { source, arrival, told, octets } = *datagram;
        let before = columns.rows();
        let sample = sflow::is_datagram(octets);
        let (key, clock_ahead, held, events);
        if sample {
            let report = self.samples.collect(source, arrival.0, octets, columns);
            let one = Key { source: any_port(source), protocol: Protocol::Sflow, domain: report.sub_agent };
            key = report.is_taken.then_some(one);
            (clock_ahead, held, events) = (None, false, 0);
            self.note(source.ip(), arrival.0, &report.defects, 0);
        } else {
            let by_address = told.templates == Reach::Address;
            if by_address && self.scoped.len() < self.most && self.scoped.insert(source.ip()) {
                self.flows.set_scope(source.ip(), Scope::Address);
            }
            let report = self.flows.collect(source, arrival.0, octets, columns, &mut |_| {});
            key = report.version.map(|version| Key {
                source: if by_address { any_port(source) } else { source },
                protocol: Protocol::of(version),
                domain: report.domain,
            });
            clock_ahead = Some(report.export_us.saturating_sub(arrival.0));
            (held, events) = (report.held > 0, report.events);
            self.note(source.ip(), arrival.0, &report.defects, report.more_defects);
            for given_up in &report.given_up {
                if let Some(exporter) = self.exporters.get_mut(&given_up.source.ip()) {
                    exporter.dropped = exporter.dropped.saturating_add(u64::from(given_up.sets));
                }
            }
        }
        let rows = columns.rows() - before;
        let Some(key) = key else { return };
        let second = arrival.0.div_euclid(1_000_000);
        if !self.streams.contains_key(&key) {
            if self.streams.len() >= self.most {
                self.forget();
            }
            if self.streams.len() >= self.most {
                return;
            }
        }
        let stream = self.streams.entry(key).or_insert_with(|| Stream::new(second));
        stream.octets += octets.len() as u64;
        stream.nat_events += u64::from(events);
        stream.configured = told.sampling;
        stream.rate.note(second, u32::try_from(rows).unwrap_or(u32::MAX));
        if rows > 0 {
            stream.sampling = columns.sampling.last().copied().unwrap_or(0);
            if told.sampling > 0 {
                let untold = columns.sampling.iter_mut().skip(before).filter(|rate| **rate == 0);
                untold.for_each(|rate| *rate = told.sampling);
            }
        }
        if let Some(ahead_us) = clock_ahead {
            stream.clock.note(ahead_us);
            stream.clock.correct(columns, before);
        }
        if held {
            let minute = |us: i64| us.div_euclid(60_000_000);
            if stream.waits.back().is_none_or(|(last, _)| minute(*last) != minute(arrival.0)) {
                stream.waits.push_back((arrival.0, number));
            }
        }
    }

    /// Notes a datagram at its address, with what could not be read in it.
    fn note(&mut self, source: IpAddr, arrival_us: i64, found: &[Defect], more: u32) {
        if !self.exporters.contains_key(&source) && self.exporters.len() >= self.most {
            return;
        }
        let exporter = self.exporters.entry(source).or_default();
        exporter.datagrams += 1;
        exporter.last_us = exporter.last_us.max(arrival_us);
        let mut count = |cause: &str, times: u64| {
            let room = exporter.defects.len() < MOST_CAUSES || exporter.defects.contains_key(cause);
            let so_far = exporter.defects.entry(if room { cause } else { OTHERS }.to_owned()).or_default();
            *so_far = so_far.saturating_add(times);
        };
        found.iter().for_each(|defect| count(&defect.what, 1));
        if more > 0 {
            count(OTHERS, u64::from(more));
        }
    }

    /// Forgets streams that the decoders do not know any more.
    fn forget(&mut self) {
        let known: HashSet<Key> = self
            .flows
            .streams()
            .map(|view| Key::of(&view))
            .chain(self.samples.agents().map(|a| Key::sample(&a)))
            .collect();
        self.streams.retain(|key, _| known.contains(key));
    }

    fn health(&mut self, now: UtcMicros) -> Vec<ExporterHealth> {
        self.forget();
        let second = now.0.div_euclid(1_000_000);
        let Self { flows, samples, streams, standing, .. } = self;
        let mut all = Vec::new();
        for view in flows.streams().filter(|view| view.is_proven) {
            let key = Key::of(&view);
            let stream = streams.entry(key).or_insert_with(|| Stream::new(second));
            let by_options = view.rates().next().is_some() && key.protocol != Protocol::NetFlow5;
            all.push(ExporterHealth {
                address: view.source.ip(),
                port: view.source.port(),
                standing: *standing,
                protocol: key.protocol,
                domain: view.domain,
                agent: None,
                templates: view.templates,
                datagrams: view.packets,
                octets: stream.octets,
                flows: view.rows,
                rate: stream.rate.per_second(second),
                lost: view.lost,
                late: view.late,
                restarts: view.restarts,
                waiting_octets: view.waiting_bytes,
                waiting_sets: view.waiting_sets.into(),
                dropped_sets: view.dropped,
                sampling: stream.told(by_options),
                skew_us: Some(view.skew_us),
                clock_jumps: view.clock_jumps,
                correction_us: stream.clock.correction_us,
                corrected: stream.clock.corrected,
                nat_events: stream.nat_events,
                last: UtcMicros(view.last_us),
            });
        }
        for view in samples.agents() {
            let stream = streams.entry(Key::sample(&view)).or_insert_with(|| Stream::new(second));
            all.push(ExporterHealth {
                address: view.source,
                port: 0,
                standing: *standing,
                protocol: Protocol::Sflow,
                domain: view.sub_agent,
                agent: view.agent,
                templates: 0,
                datagrams: view.datagrams,
                octets: stream.octets,
                flows: view.rows,
                rate: stream.rate.per_second(second),
                lost: view.lost,
                late: 0,
                restarts: 0,
                waiting_octets: 0,
                waiting_sets: 0,
                dropped_sets: 0,
                sampling: stream.told(false),
                skew_us: None,
                clock_jumps: 0,
                correction_us: 0,
                corrected: 0,
                nat_events: 0,
                last: UtcMicros(view.last_us),
            });
        }
        all
    }

    fn addresses(&self) -> Vec<AddressHealth> {
        let of = |(address, exporter): (&IpAddr, &Exporter)| AddressHealth {
            address: *address,
            standing: self.standing,
            datagrams: exporter.datagrams,
            unread_domains: 0,
            waiting_sets: 0,
            waiting_octets: 0,
            dropped_sets: exporter.dropped,
            defects: exporter.defects.clone(),
            last: UtcMicros(exporter.last_us),
        };
        let mut all: HashMap<IpAddr, AddressHealth> =
            self.exporters.iter().map(|one| (*one.0, of(one))).collect();
        for view in self.flows.streams() {
            let Some(one) = all.get_mut(&view.source.ip()) else { continue };
            one.unread_domains += usize::from(!view.is_proven);
            one.waiting_octets += view.waiting_bytes;
            one.waiting_sets += u64::from(view.waiting_sets);
        }
        all.into_values().collect()
    }
}

impl Key {
    fn of(view: &flow::StreamView<'_>) -> Self {
        Self { source: view.source, protocol: Protocol::of(view.version), domain: view.domain }
    }

    fn sample(view: &sflow::AgentView) -> Self {
        Self { source: SocketAddr::new(view.source, 0), protocol: Protocol::Sflow, domain: view.sub_agent }
    }
}

impl Stream {
    pub(super) fn new(second: i64) -> Self {
        Self {
            rate: Rate::since(second),
            octets: 0,
            sampling: 0,
            configured: 0,
            clock: Clock::default(),
            nat_events: 0,
            waits: VecDeque::new(),
        }
    }

    fn told(&self, by_options: bool) -> Sampling {
        match (self.sampling, self.configured) {
            (0, 0) => Sampling::Unknown,
            (0, rate) => Sampling::Configured(rate),
            (rate, _) if by_options => Sampling::Options(rate),
            (rate, _) => Sampling::Data(rate),
        }
    }
}

fn any_port(source: SocketAddr) -> SocketAddr {
    SocketAddr::new(source.ip(), 0)
}

/// sFlow agents that are told apart.
const MOST_AGENTS: usize = 4096;
/// Causes of defects counted apart for an exporter.
const MOST_CAUSES: usize = 32;
/// What those beyond are counted as.
const OTHERS: &str = "other causes";
/// The decoder looks once a minute for what has waited too long.
const SWEPT_US: i64 = 60_000_000;
