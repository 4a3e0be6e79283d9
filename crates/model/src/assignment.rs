//! Who held an address, or ports of it, from when to when, and which record says so.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Identity, PortRange, Prefix, Protocol, Realm, Remote, SourceName, Span, UtcMicros};

/// What kind of record an assignment rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// RADIUS accounting.
    Session,
    /// DHCP lease.
    Lease,
    /// One translated connection of a gateway.
    NatSession,
    /// A block of ports that a gateway gave to one inside address.
    NatBlock,
    /// A whole outside address that a gateway gave to one inside address.
    NatBinding,
    /// An algorithm of the operator's configuration (RFC 7422, RFC 7597, RFC 7596), no log.
    Rule,
    /// A seat, terminal, room or Wi-Fi session of a venue.
    Seat,
    /// A static table.
    Static,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Session,
        Self::Lease,
        Self::NatSession,
        Self::NatBlock,
        Self::NatBinding,
        Self::Rule,
        Self::Seat,
        Self::Static,
    ];

    /// The kind's name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Lease => "lease",
            Self::NatSession => "nat-session",
            Self::NatBlock => "nat-block",
            Self::NatBinding => "nat-binding",
            Self::Rule => "rule",
            Self::Seat => "seat",
            Self::Static => "static",
        }
    }

    /// Whether the record is a gateway's translation, so that its holder is an inside address.
    pub const fn translates(self) -> bool {
        matches!(self, Self::NatSession | Self::NatBlock | Self::NatBinding | Self::Rule)
    }
}

/// How an edge of an assignment is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A record says it.
    Logged,
    /// Counted back from a logged duration.
    Duration,
    /// The record that should say it is missing; the next holder's record bounds it.
    NextHolder,
    /// The record that should say it is missing; a restart of the device bounds it.
    Restart,
    /// The lease ran out.
    Expiry,
    /// It has not ended as far as the records go.
    Open,
    /// It has not ended as far as the records go, but signs of life that were due did not come.
    Silent,
    /// The records begin in the middle of it.
    Before,
}

impl How {
    /// Every way.
    pub const ALL: [Self; 8] = [
        Self::Logged,
        Self::Duration,
        Self::NextHolder,
        Self::Restart,
        Self::Expiry,
        Self::Open,
        Self::Silent,
        Self::Before,
    ];

    /// The way's name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logged => "logged",
            Self::Duration => "duration",
            Self::NextHolder => "next-holder",
            Self::Restart => "restart",
            Self::Expiry => "expiry",
            Self::Open => "open",
            Self::Silent => "silent",
            Self::Before => "before",
        }
    }

    /// Whether a later record may still tell the end.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Silent)
    }
}

/// One end of an assignment: it happened not before `earliest` and not after `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// Not before.
    pub earliest: UtcMicros,
    /// Not after.
    pub latest: UtcMicros,
    /// How it is known.
    pub how: How,
}

impl Edge {
    /// An edge that is known to the record's own resolution.
    pub const fn exact(at: UtcMicros, how: How) -> Self {
        Self { earliest: at, latest: at, how }
    }

    /// An edge within bounds; they are put in order.
    pub fn between(a: UtcMicros, b: UtcMicros, how: How) -> Self {
        Self { earliest: a.min(b), latest: a.max(b), how }
    }
}

/// Who the record says the holder was.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// An inside address behind the gateway, in the realm it belongs to; the next record says whose it was.
    Inside {
        /// Realm of the inside address.
        realm: Realm,
        /// Inside address, or the prefix that a rule gives.
        prefix: Prefix,
        /// Inside port, when logged.
        port: Option<u16>,
    },
    /// A line, by the names that the record gives it, the surest first.
    Line(Vec<Identity>),
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inside { .. } => "[inside address]",
            Self::Line(_) => "[line]",
        })
    }
}

/// One row of the past: this prefix, these ports, from when to when, held by whom, and which record says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// Kind of record.
    pub kind: RecordKind,
    /// Address plan that `prefix` belongs to.
    pub realm: Realm,
    /// Address or prefix.
    pub prefix: Prefix,
    /// Ports of it; [`PortRange::ALL`] for the whole address.
    pub ports: PortRange,
    /// Protocol, [`Protocol::ANY`] for all.
    pub proto: Protocol,
    /// The far side, when the gateway logged it.
    pub remote: Option<Remote>,
    /// Who.
    pub holder: Holder,
    /// When it began.
    pub from: Edge,
    /// When it ended (first instant after it).
    pub until: Edge,
    /// Which source.
    pub source: SourceName,
    /// Where in the source: a line, a byte offset, a sequence number. 0 where the source has none.
    pub record: u64,
    /// The clock correction that is already in the times: normalised minus logged, in microseconds.
    pub corrected_us: i64,
    /// Joins several versions of the same session or lease (a late record may revise an edge); 0 for none.
    pub thread: u64,
}

impl Assignment {
    /// Every instant at which it may have held.
    pub fn possible(&self) -> Span {
        Span::new(self.from.earliest, self.until.latest)
    }

    /// Every instant at which it surely held; empty when nothing is sure.
    pub fn certain(&self) -> Span {
        Span::new(self.from.latest, self.until.earliest)
    }

    /// Whether `addr` and `port` (where told) are of those assigned.
    pub fn covers(&self, addr: IpAddr, port: Option<u16>) -> bool {
        self.prefix.contains(addr) && port.is_none_or(|p| self.ports.contains(p))
    }
}
