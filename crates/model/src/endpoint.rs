//! Endpoints of communications: address, optional port, protocol.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// An IP protocol number (IANA registry); 0 means "not told".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Protocol(pub u8);

impl Protocol {
    /// Not told, or all of them.
    pub const ANY: Self = Self(0);
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);

    /// Whether a record of protocol `self` can speak about a question of protocol `asked`.
    pub fn speaks_of(self, asked: Self) -> bool {
        self == Self::ANY || asked == Self::ANY || self == asked
    }

    /// By name (`tcp`, `udp`, `icmp`, `icmpv6`, `sctp`, `dccp`, `gre`, `esp`, `udplite`) or number.
    pub fn parse(text: &str) -> Option<Self> {
        let number = match text.to_ascii_lowercase().as_str() {
            "any" => 0,
            "icmp" => 1,
            "tcp" => 6,
            "udp" => 17,
            "dccp" => 33,
            "gre" => 47,
            "esp" => 50,
            "icmpv6" | "icmp6" | "ipv6-icmp" => 58,
            "sctp" => 132,
            "udplite" => 136,
            digits => digits.parse().ok()?,
        };
        Some(Self(number))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("any"),
            1 => f.write_str("icmp"),
            6 => f.write_str("tcp"),
            17 => f.write_str("udp"),
            58 => f.write_str("icmpv6"),
            132 => f.write_str("sctp"),
            n => write!(f, "{n}"),
        }
    }
}

/// A range of ports, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRange {
    /// Lowest port.
    pub low: u16,
    /// Highest port, not below `low`.
    pub high: u16,
}

impl PortRange {
    /// Every port: the whole address.
    pub const ALL: Self = Self { low: 0, high: u16::MAX };

    /// The range from `low` to `high`, both included; `None` when they stand the wrong way round.
    pub const fn new(low: u16, high: u16) -> Option<Self> {
        if low <= high { Some(Self { low, high }) } else { None }
    }

    /// One port.
    pub const fn one(port: u16) -> Self {
        Self { low: port, high: port }
    }

    /// Whether `port` is inside.
    pub const fn contains(self, port: u16) -> bool {
        self.low <= port && port <= self.high
    }

    /// How many ports.
    pub const fn count(self) -> u32 {
        self.high as u32 - self.low as u32 + 1
    }

    /// Whether the two share a port.
    pub const fn meets(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            write!(f, "{}", self.low)
        } else {
            write!(f, "{}-{}", self.low, self.high)
        }
    }
}

impl fmt::Debug for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} ports]", self.count())
    }
}

/// The other side of a communication: address and, where told, port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Remote {
    /// Address.
    pub addr: IpAddr,
    /// Port, when told.
    pub port: Option<u16>,
}

impl Remote {
    /// Whether this record's destination can be the one asked for: equal as far as both are told.
    pub fn agrees(self, asked: Self) -> bool {
        self.addr == asked.addr && (self.port.is_none() || asked.port.is_none() || self.port == asked.port)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[remote]")
    }
}

/// What a question is about: an address, where known a port and a protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address.
    pub addr: IpAddr,
    /// Port, when known.
    pub port: Option<u16>,
    /// Protocol, [`Protocol::ANY`] when not known.
    pub proto: Protocol,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[endpoint]")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.addr, self.port) {
            (addr, None) => write!(f, "{addr}"),
            (IpAddr::V4(addr), Some(port)) => write!(f, "{addr}:{port}"),
            (IpAddr::V6(addr), Some(port)) => write!(f, "[{addr}]:{port}"),
        }
    }
}
