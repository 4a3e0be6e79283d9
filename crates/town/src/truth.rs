//! What truly happened: who held which endpoint from when to when, in true time.
//!
//! Nothing here was lost, delayed or stamped by a wrong clock. Beside each tenure stands the span over which the records
//! that *arrived* can prove it: the measure of what an honest answer could know at best.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tadoru_model::{PortRange, Prefix, Protocol, Remote, Span, UtcMicros};

/// One line's time at one endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Tenure {
    /// Contract id, or the venue's customer.
    pub subscriber: String,
    /// Address plan; empty for the public one.
    pub realm: String,
    /// Address or prefix.
    pub prefix: Prefix,
    /// Which ports of it.
    pub ports: Ports,
    /// Protocol, [`Protocol::ANY`] for all.
    pub proto: Protocol,
    /// The only far side toward which it was held; `None`: any.
    pub remote: Option<Remote>,
    /// When it was held.
    pub held: Span,
    /// Over which part of it every record of the whole chain arrived, clocks considered; may be empty.
    pub proven: Span,
    /// By what it was held.
    pub way: Way,
    /// Which source logged it; empty where none did.
    pub source: String,
}

/// Ports that a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// All of them.
    All,
    /// A block, or one.
    Range(PortRange),
    /// A port set of MAP-E (RFC 7597 section 5.1).
    Set {
        /// Bits before the port-set id.
        offset: u8,
        /// Length of the port-set id.
        len: u8,
        /// The port-set id.
        psid: u16,
    },
}

/// By what an endpoint was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// An access session.
    Session,
    /// A DHCP lease or delegated prefix.
    Lease,
    /// A port block of a gateway.
    NatBlock,
    /// One translated connection.
    NatSession,
    /// A deterministic gateway's rule.
    Rule,
    /// A MAP-E rule.
    MapE,
    /// A venue's seat.
    Seat,
    /// A contract that names the address.
    Static,
}

/// All tenures, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    tenures: Vec<Tenure>,
    /// Places in `tenures` by realm, first address and length.
    places: BTreeMap<(String, Prefix), Vec<usize>>,
    lengths: Vec<u8>,
}

/// An endpoint as somebody may ask for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Address.
    pub addr: IpAddr,
    /// Port, where told.
    pub port: Option<u16>,
    /// Protocol, [`Protocol::ANY`] where not told.
    pub proto: Protocol,
    /// The far side, where told.
    pub remote: Option<Remote>,
}

impl Truth {
    /// From all tenures there were.
    pub fn new(mut tenures: Vec<Tenure>) -> Self {
        tenures.sort_by(|a, b| {
            (&a.realm, a.prefix, a.held.from, &a.subscriber).cmp(&(
                &b.realm,
                b.prefix,
                b.held.from,
                &b.subscriber,
            ))
        });
        let mut places: BTreeMap<(String, Prefix), Vec<usize>> = BTreeMap::new();
        let mut lengths: Vec<u8> = Vec::new();
        for (at, tenure) in tenures.iter().enumerate() {
            places.entry((tenure.realm.clone(), tenure.prefix)).or_default().push(at);
            lengths.push(tenure.prefix.len());
        }
        lengths.sort_unstable();
        lengths.dedup();
        Self { tenures, places, lengths }
    }

    /// Every tenure, by realm, prefix and beginning.
    pub fn tenures(&self) -> &[Tenure] {
        &self.tenures
    }

    /// Who truly held an endpoint of `realm` at `at`: several where port, protocol or far side are not told.
    pub fn holders(&self, realm: &str, asked: Asked, at: UtcMicros) -> Vec<&Tenure> {
        self.holding(realm, asked, Span::around(at, 0))
    }

    /// Who truly held an endpoint of `realm` at some instant of `span`.
    pub fn holding(&self, realm: &str, asked: Asked, span: Span) -> Vec<&Tenure> {
        let mut found = Vec::new();
        for len in &self.lengths {
            let Ok(prefix) = Prefix::covering(asked.addr, *len) else { continue };
            for place in self.places.get(&(realm.to_owned(), prefix)).into_iter().flatten() {
                found.extend(self.tenures.get(*place).filter(|t| t.held.meets(span) && t.speaks_of(asked)));
            }
        }
        found
    }

    /// Pairs of different subscribers that hold one endpoint at once: there must be none.
    pub fn conflicts(&self) -> Vec<(&Tenure, &Tenure)> {
        let mut found = Vec::new();
        for places in self.places.values() {
            let here: Vec<&Tenure> = places.iter().filter_map(|place| self.tenures.get(*place)).collect();
            for (at, one) in here.iter().enumerate() {
                let later = here.iter().skip(at + 1).take_while(|other| other.held.from < one.held.until);
                let meeting = later.filter(|other| one.subscriber != other.subscriber && one.excludes(other));
                found.extend(meeting.map(|other| (*one, *other)));
            }
        }
        found
    }
}

impl Tenure {
    /// Whether it is of the endpoint asked for, as far as both tell.
    pub fn speaks_of(&self, asked: Asked) -> bool {
        self.prefix.contains(asked.addr)
            && asked.port.is_none_or(|port| self.ports.contains(port))
            && self.proto.speaks_of(asked.proto)
            && match (self.remote, asked.remote) {
                (Some(held), Some(asked)) => held.agrees(asked),
                _ => true,
            }
    }

    /// Whether only one of the two can be held at a time.
    fn excludes(&self, other: &Self) -> bool {
        self.held.meets(other.held)
            && self.ports.meets(other.ports)
            && self.proto.speaks_of(other.proto)
            && (self.remote.is_none() || other.remote.is_none() || self.remote == other.remote)
    }
}

impl std::fmt::Debug for Tenure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tenure {{ way: {:?}, [..] }}", self.way)
    }
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[endpoint]")
    }
}

impl Ports {
    /// Whether `port` is of them.
    pub fn contains(self, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Range(range) => range.contains(port),
            Self::Set { offset, len, psid } => {
                let behind = 16_u8.saturating_sub(offset + len);
                let first = u32::from(port) >> (16_u8.saturating_sub(offset));
                let id = (u32::from(port) >> behind) & ((1 << len) - 1);
                (offset == 0 || first > 0) && id == u32::from(psid)
            }
        }
    }

    /// The `n`-th of them, counted round.
    pub fn nth(self, n: u16) -> u16 {
        match self {
            Self::All => n,
            Self::Range(range) => {
                range.low.saturating_add(u16::try_from(u32::from(n) % range.count()).unwrap_or(0))
            }
            Self::Set { offset, len, psid } => {
                let behind = u32::from(16_u8.saturating_sub(offset + len));
                let firsts = (1_u32 << offset).saturating_sub(1).max(1);
                let first = u32::from(offset > 0) + u32::from(n) % firsts;
                let within = (u32::from(n) / firsts) % (1 << behind);
                let port = (first << (16 - u32::from(offset))) | (u32::from(psid) << behind) | within;
                u16::try_from(port & 0xffff).unwrap_or(0)
            }
        }
    }

    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Range(a), Self::Range(b)) => a.meets(b),
            (Self::Set { psid: a, .. }, Self::Set { psid: b, .. }) => a == b,
            _ => true,
        }
    }
}

impl std::fmt::Display for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Range(range) => write!(f, "{range}"),
            Self::Set { psid, .. } => write!(f, "psid {psid}"),
        }
    }
}

impl Way {
    /// The way's name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Lease => "lease",
            Self::NatBlock => "nat-block",
            Self::NatSession => "nat-session",
            Self::Rule => "rule",
            Self::MapE => "map-e",
            Self::Seat => "seat",
            Self::Static => "static",
        }
    }
}
