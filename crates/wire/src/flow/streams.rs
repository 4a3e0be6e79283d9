//! What is known of each stream, for whoever looks after the exporters.

use std::net::SocketAddr;

use crate::flow::{
    Stream, StreamKey,
    message::{Header, Version},
    report::Report,
    sequence::Order,
};

/// One stream: an exporter's packets of one version and observation domain.
#[derive(Clone, Copy)]
pub struct StreamView<'a> {
    /// Where it comes from; port 0 where the address alone counts.
    pub source: SocketAddr,
    /// Its protocol.
    pub version: Version,
    /// Engine type and id (v5), source id (v9) or observation domain (IPFIX).
    pub domain: u32,
    /// Templates known.
    pub templates: usize,
    /// Packets read.
    pub packets: u64,
    /// Data records read, of any kind.
    pub records: u64,
    /// Traffic flows among them.
    pub rows: u64,
    /// Records that told no time.
    pub untimed: u64,
    /// Missing by the sequence numbers: packets in v9, flows in v5, data records in IPFIX.
    pub lost: u64,
    /// Packets that came late or twice.
    pub late: u64,
    /// How often it started anew.
    pub restarts: u64,
    /// Faults found in its packets.
    pub defects: u64,
    /// Arrival of its last packet, microseconds since 1970 UTC.
    pub last_us: i64,
    /// How far its clock is ahead of ours, microseconds, as far as packets of whole seconds tell.
    pub skew_us: i64,
    /// How often its clock jumped by more than two seconds.
    pub clock_jumps: u64,
    /// Bytes of its data that wait for a template.
    pub waiting_bytes: usize,
    /// Data sets that wait for a template.
    pub waiting_sets: u32,
    /// Data sets that were dropped while they waited for one.
    pub dropped: u64,
    /// Whether a template or a record of it was ever read.
    pub is_proven: bool,
    stream: &'a Stream,
}

/// A sampling rate that an exporter told, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Of everything in the domain: by options data, or by a v5 header.
    Domain(u32),
    /// Of the records that name this sampler or selector.
    Selector(u64, u32),
    /// Of what came in at this interface.
    Interface(u32, u32),
}

impl<'a> StreamView<'a> {
    pub(super) fn new(
        key: &StreamKey,
        stream: &'a Stream,
        (waiting_bytes, waiting_sets): (usize, u32),
    ) -> Self {
        let stats = &stream.stats;
        Self {
            source: key.source,
            version: key.version,
            domain: key.domain,
            templates: stream.templates.len(),
            packets: stats.packets,
            records: stats.records,
            rows: stats.rows,
            untimed: stats.untimed,
            lost: stats.lost,
            late: stats.late,
            restarts: stats.restarts,
            defects: stats.defects,
            last_us: stats.last_us,
            skew_us: stats.skew.estimate_us(),
            clock_jumps: stats.skew.jumps,
            waiting_bytes,
            waiting_sets,
            dropped: stats.dropped,
            is_proven: stream.is_proven,
            stream,
        }
    }

    /// Sampling rates that it told.
    pub fn rates(&self) -> impl Iterator<Item = Rate> + use<'a> {
        let sampling = &self.stream.told.sampling;
        let selectors = sampling.selectors.iter().map(|(id, rate)| Rate::Selector(*id, *rate));
        let interfaces = sampling.interfaces.iter().map(|(index, rate)| Rate::Interface(*index, *rate));
        sampling.domain.map(Rate::Domain).into_iter().chain(selectors).chain(interfaces)
    }

    /// Names of its interfaces by index.
    pub fn interfaces(&self) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
        self.stream.told.interfaces.iter().map(|(index, name)| (*index, &**name))
    }

    /// Names of applications by id (RFC 6759).
    pub fn applications(&self) -> impl Iterator<Item = (u64, &'a str)> + use<'a> {
        self.stream.told.applications.iter().map(|(id, name)| (*id, &**name))
    }
}

impl std::fmt::Debug for StreamView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamView").field("version", &self.version).field("domain", &self.domain).finish()
    }
}

/// What is counted of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stats {
    pub packets: u64,
    pub records: u64,
    pub rows: u64,
    pub untimed: u64,
    pub lost: u64,
    pub late: u64,
    pub restarts: u64,
    pub defects: u64,
    pub dropped: u64,
    pub last_us: i64,
    pub skew: Skew,
}

impl Stats {
    pub(super) fn note(&mut self, header: &Header, arrival_us: i64, report: &Report, defects: usize) {
        self.packets += 1;
        self.records += u64::from(report.records);
        self.rows += u64::from(report.rows);
        self.untimed += u64::from(report.untimed);
        self.lost += u64::from(report.loss.and_then(|loss| loss.missing).unwrap_or(0));
        self.late += u64::from(report.order == Order::Late);
        self.restarts += u64::from(report.order == Order::Restart);
        self.defects += u64::try_from(defects).unwrap_or(u64::MAX);
        self.last_us = self.last_us.max(arrival_us);
        self.skew.note(header.export_us.saturating_sub(arrival_us), arrival_us);
    }
}

/// How far an exporter's clock is ahead of ours.
///
/// Delay, and export times cut to whole seconds, make it look behind but never ahead: the largest of some minutes is
/// the nearest to the truth.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Skew {
    pub now: Option<i64>,
    pub before: Option<i64>,
    pub since_us: i64,
    /// Packets in a row that say quite otherwise.
    pub off: u8,
    pub jumps: u64,
}

impl Skew {
    fn estimate_us(&self) -> i64 {
        self.now.max(self.before).unwrap_or(0)
    }

    fn note(&mut self, ahead_us: i64, arrival_us: i64) {
        let Some(now) = self.now else {
            (self.now, self.since_us) = (Some(ahead_us), arrival_us);
            return;
        };
        if ahead_us.abs_diff(self.estimate_us()) > JUMP_US {
            self.off += 1;
            // A packet or two may have been kept back on the way.
            if self.off >= JUMP_PACKETS || ahead_us > now {
                *self = Self {
                    now: Some(ahead_us),
                    since_us: arrival_us,
                    jumps: self.jumps + 1,
                    ..Self::default()
                };
            }
            return;
        }
        self.off = 0;
        if arrival_us.saturating_sub(self.since_us) > WINDOW_US {
            (self.before, self.now, self.since_us) = (self.now, Some(ahead_us), arrival_us);
        } else {
            self.now = Some(now.max(ahead_us));
        }
    }
}

/// How long the largest counts, microseconds.
const WINDOW_US: i64 = 300_000_000;
/// Farther from the estimate than this is another clock.
const JUMP_US: u64 = 2_000_000;
const JUMP_PACKETS: u8 = 3;
