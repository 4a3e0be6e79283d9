//! What is told of each packet, and how much of a stranger's sending is kept.

use std::net::SocketAddr;

use crate::{
    Defect,
    flow::{
        StreamKey,
        message::Version,
        sequence::{Loss, Order},
        traffic::Told,
    },
};

/// What became of one packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Version of the packet; `None` when it is none of ours and nothing was read.
    pub version: Option<Version>,
    /// Engine type and id (v5), source id (v9) or observation domain (IPFIX).
    pub domain: u32,
    /// Sequence number of the packet.
    pub sequence: u32,
    /// Export time, microseconds since 1970 UTC.
    pub export_us: i64,
    /// When the exporter started, microseconds since 1970 UTC, by a header with an uptime (±1 s).
    pub boot_us: Option<i64>,
    /// How the packet stands to those before it.
    pub order: Order,
    /// What is missing before it.
    pub loss: Option<Loss>,
    /// Data records read, of any kind, those that had waited included.
    pub records: u32,
    /// NAT events given out.
    pub events: u32,
    /// Traffic flows added to the columns, those that had waited included.
    pub rows: u32,
    /// Of those, how many told no time and are dated by their export.
    pub untimed: u32,
    /// Templates that are new or have changed.
    pub templates: u32,
    /// Data sets of this packet that now wait for their template.
    pub held: u32,
    /// Data sets that had waited and were read now.
    pub released: u32,
    /// Data sets dropped while waiting, for want of room or because their template never came; since the last report
    /// of any exporter.
    pub dropped: u32,
    /// Whose those were.
    pub given_up: Vec<GivenUp>,
    /// Data sets that wait in all.
    pub waiting: u32,
    /// What could not be read, by byte offset in the packet.
    pub defects: Vec<Defect>,
    /// Faults beyond those listed in `defects`.
    pub more_defects: u32,
}

impl Report {
    /// Of a packet of which nothing has been read.
    pub(super) fn nothing() -> Self {
        Self {
            version: None,
            domain: 0,
            sequence: 0,
            export_us: 0,
            boot_us: None,
            order: Order::Unknown,
            loss: None,
            records: 0,
            events: 0,
            rows: 0,
            untimed: 0,
            templates: 0,
            held: 0,
            released: 0,
            dropped: 0,
            given_up: Vec::new(),
            waiting: 0,
            defects: Vec::new(),
            more_defects: 0,
        }
    }

    /// Counts what a data set gave.
    pub(super) fn add(&mut self, told: Told) {
        self.rows = self.rows.saturating_add(told.rows);
        self.untimed = self.untimed.saturating_add(told.untimed);
    }

    /// Lists the defects up to a bound and counts the rest.
    pub(super) fn list(&mut self, mut defects: Vec<Defect>) {
        let more = defects.len().saturating_sub(MAX_DEFECTS);
        self.more_defects = u32::try_from(more).unwrap_or(u32::MAX);
        defects.truncate(MAX_DEFECTS);
        self.defects = defects;
    }
}

/// Data sets of one stream that were dropped while they waited for their template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct GivenUp {
    /// Where they came from.
    pub source: SocketAddr,
    /// Their protocol.
    pub version: Version,
    /// Their domain.
    pub domain: u32,
    /// How many.
    pub sets: u32,
    /// Arrival of the first of them, microseconds since 1970 UTC.
    pub from_us: i64,
    /// Arrival of the last of them, microseconds since 1970 UTC.
    pub to_us: i64,
}

impl GivenUp {
    pub(super) fn key(&self) -> StreamKey {
        StreamKey { source: self.source, version: self.version, domain: self.domain }
    }
}

impl std::fmt::Debug for GivenUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} sets given up]", self.sets)
    }
}

/// How much is kept. What goes beyond is refused and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Streams (exporter, version, domain) in all.
    pub streams: usize,
    /// Streams of one exporter address.
    pub streams_per_exporter: usize,
    /// Templates of one stream.
    pub templates: usize,
    /// Fields of one template.
    pub template_fields: usize,
    /// Fields of all templates of one stream together.
    pub stream_fields: usize,
    /// Fields of templates, names and rates of one exporter address.
    pub exporter_entries: usize,
    /// Fields of templates, names and rates in all.
    pub entries: usize,
    /// Names of pools, VRFs, interfaces and applications, and sampling rates, of one stream, each.
    pub names: usize,
    /// Bytes of data of one stream that wait for their template.
    pub stream_waiting_bytes: usize,
    /// Bytes of data that wait, in all.
    pub waiting_bytes: usize,
    /// How long data waits, in microseconds of arrival time.
    pub waiting_us: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 4096,
            streams_per_exporter: 256,
            templates: 1024,
            template_fields: 1024,
            stream_fields: 16_384,
            exporter_entries: 1 << 17,
            entries: 1 << 20,
            names: 4096,
            stream_waiting_bytes: 4 << 20,
            waiting_bytes: 64 << 20,
            // Exporters announce templates at least every half hour (RFC 3954 section 9).
            waiting_us: 3_600_000_000,
        }
    }
}

/// Most defects listed of one packet.
const MAX_DEFECTS: usize = 64;
