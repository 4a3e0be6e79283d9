//! How each exporter fares: what it sends, what is missing, what waits, and how its clock goes.
//!
//! It names exporters, which are the operator's own, and never an address that a flow tells of.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tadoru_model::UtcMicros;
use tadoru_wire::flow::Version;

/// What an exporter speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// NetFlow version 5.
    NetFlow5,
    /// NetFlow version 9.
    NetFlow9,
    /// IPFIX.
    Ipfix,
    /// sFlow version 5.
    Sflow,
}

/// Whether an exporter's flows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is named in the configuration.
    Known,
    /// It is not: its flows are left out.
    Quarantined,
}

/// Where a sampling rate was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// By nobody.
    Unknown,
    /// By the records or headers themselves.
    Data(u32),
    /// By options data.
    Options(u32),
    /// By the configuration, as the exporter tells none.
    Configured(u32),
}

/// One stream of an exporter: a protocol and a domain of it.
#[derive(Clone, PartialEq)]
pub struct ExporterHealth {
    /// Address that it sends from.
    pub address: IpAddr,
    /// Port that it sends from; 0 where the address alone counts.
    pub port: u16,
    /// Whether its flows are kept.
    pub standing: Standing,
    /// What it speaks.
    pub protocol: Protocol,
    /// Observation domain, source id, engine or sub-agent.
    pub domain: u32,
    /// The address that an sFlow agent says it has.
    pub agent: Option<IpAddr>,
    /// Templates known.
    pub templates: usize,
    /// Datagrams read since it was first heard.
    pub datagrams: u64,
    /// Octets in them.
    pub octets: u64,
    /// Flows read.
    pub flows: u64,
    /// Flows a second, over the last minute.
    pub rate: f64,
    /// Missing by the sequence numbers: datagrams in NetFlow v9 and sFlow, flows in v5, records in IPFIX.
    pub lost: u64,
    /// Datagrams that came late or twice.
    pub late: u64,
    /// How often it started anew.
    pub restarts: u64,
    /// Octets that wait for a template.
    pub waiting_octets: usize,
    /// Data sets that wait for a template.
    pub waiting_sets: u64,
    /// Data sets that were dropped while they waited, for want of room or because no template came.
    pub dropped_sets: u64,
    /// One packet in so many is looked at.
    pub sampling: Sampling,
    /// How far its clock is ahead of ours, microseconds; of sFlow, which tells no time, nothing.
    pub skew_us: Option<i64>,
    /// How often its clock jumped by more than two seconds.
    pub clock_jumps: u64,
    /// What is taken from the times it tells now, microseconds; 0: they are believed.
    pub correction_us: i64,
    /// Flows whose times were corrected by their arrival.
    pub corrected: u64,
    /// NAT events, which are left out here.
    pub nat_events: u64,
    /// Arrival of its last datagram.
    pub last: UtcMicros,
}

/// All that came from one address, whatever it speaks.
#[derive(Clone, PartialEq, Eq)]
pub struct AddressHealth {
    /// Address that it sends from.
    pub address: IpAddr,
    /// Whether its flows are kept.
    pub standing: Standing,
    /// Datagrams of it.
    pub datagrams: u64,
    /// Domains of which no template and no record has been read: they wait for a template, or nobody has them.
    pub unread_domains: usize,
    /// Data sets that wait for a template.
    pub waiting_sets: u64,
    /// Octets that wait for a template.
    pub waiting_octets: usize,
    /// Data sets that were dropped while they waited, for want of room or because no template came.
    pub dropped_sets: u64,
    /// What could not be read in its datagrams, by cause.
    pub defects: BTreeMap<String, u64>,
    /// Arrival of its last datagram.
    pub last: UtcMicros,
}

impl std::fmt::Debug for AddressHealth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressHealth")
            .field("datagrams", &self.datagrams)
            .field("defects", &self.defects)
            .finish_non_exhaustive()
    }
}

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::NetFlow5, Self::NetFlow9, Self::Ipfix, Self::Sflow];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NetFlow5 => "netflow-5",
            Self::NetFlow9 => "netflow-9",
            Self::Ipfix => "ipfix",
            Self::Sflow => "sflow-5",
        }
    }

    pub(super) const fn of(version: Version) -> Self {
        match version {
            Version::NetFlow5 => Self::NetFlow5,
            Version::NetFlow9 => Self::NetFlow9,
            Version::Ipfix => Self::Ipfix,
        }
    }
}

impl Standing {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Quarantined => "quarantined",
        }
    }
}

impl Sampling {
    /// The rate, one packet in so many, and who told it.
    pub const fn told(self) -> (Option<u32>, Option<&'static str>) {
        match self {
            Self::Unknown => (None, None),
            Self::Data(rate) => (Some(rate), Some("data")),
            Self::Options(rate) => (Some(rate), Some("options")),
            Self::Configured(rate) => (Some(rate), Some("configured")),
        }
    }
}

impl std::fmt::Debug for ExporterHealth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExporterHealth")
            .field("protocol", &self.protocol)
            .field("domain", &self.domain)
            .field("datagrams", &self.datagrams)
            .field("flows", &self.flows)
            .finish_non_exhaustive()
    }
}

/// How many came in each of the last seconds.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    counts: [u32; SECONDS],
    /// The second of the newest count, and of the first.
    second: i64,
    since: i64,
}

impl Rate {
    pub(super) const fn since(second: i64) -> Self {
        Self { counts: [0; SECONDS], second, since: second }
    }

    pub(super) fn note(&mut self, second: i64, more: u32) {
        self.turn(second);
        if let Some(count) = self.counts.get_mut(place(self.second)) {
            *count = count.saturating_add(more);
        }
    }

    /// So many a second over the last minute, or since it began.
    pub(super) fn per_second(&mut self, second: i64) -> f64 {
        self.turn(second);
        let sum: f64 = self.counts.iter().map(|count| f64::from(*count)).sum();
        let seconds = (self.second.saturating_sub(self.since).saturating_add(1)).clamp(1, SECONDS as i64);
        sum / f64::from(u32::try_from(seconds).unwrap_or(1))
    }

    fn turn(&mut self, second: i64) {
        let passed = second.saturating_sub(self.second);
        if passed <= 0 {
            return;
        }
        for step in 1..=passed.min(SECONDS as i64) {
            if let Some(count) = self.counts.get_mut(place(self.second.saturating_add(step))) {
                *count = 0;
            }
        }
        self.second = second;
    }
}

fn place(second: i64) -> usize {
    usize::try_from(second.rem_euclid(SECONDS as i64)).unwrap_or(0)
}

const SECONDS: usize = 60;
