//! Filters over flows, in the language of nfdump.
//!
//! What comes in: a filter's text as the nfdump 1.7 manual describes it. What goes out: a [`Node`] tree without
//! negations above a test, which every store can compile; the rows of a batch that match it; and what must hold of
//! every match (addresses, ports, times), by which a store leaves whole files unread. It never resolves a host name,
//! never reads a file, and never lets a field that is not kept pass for one that did not match: such a filter is
//! refused with the place and the name of the field.
//!
//! Where nfdump 1.7.1 departs from its manual, this follows the manual: an address of one family never matches the
//! other; `ipv4` does not match flows that are not IP; networks of a list may overlap; a flow that ends before it
//! begins lasts 0 ms; the direction `ingress` matches only where the exporter told it. Added to it: comparisons and
//! lists wherever a number stands, `net 10/8`, and `first seen` and `last seen` of later versions, with a time zone.

mod build;
mod hints;
mod lexer;
mod parser;
mod select;
mod time;
mod values;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Range, RangeInclusive};

use tadoru_model::{Flows, Prefix};

pub use hints::{Addresses, Ports, Sides, Times};
pub use parser::expected_at;

/// A filter that was understood.
#[derive(Clone)]
pub struct Filter {
    node: Node,
    program: select::Program,
}

impl Filter {
    /// Understands a filter. An empty text is every flow.
    ///
    /// # Errors
    /// When the text is no filter, or asks for a field that the store does not keep; with the place in the text.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text).map(Self::from)
    }

    /// The filter that every flow matches.
    pub fn any() -> Self {
        Self::from(Node::Any)
    }

    /// What matches both this and another filter, as when a permit's scope cuts what was asked.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::from(Node::all(vec![self.node, other.node]))
    }

    /// The tree, for stores that compile it.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Appends to `into` those of `rows` that match, ascending. Rows behind the last are left out.
    pub fn select(&self, flows: &Flows, rows: Range<usize>, into: &mut Vec<u32>) {
        self.program.select(flows, rows, into);
    }

    /// Addresses that every match has, `None` when there is no such bound.
    pub fn addresses(&self) -> Option<Addresses> {
        hints::addresses(&self.node)
    }

    /// Ports that every match has, `None` when there is no such bound.
    pub fn ports(&self) -> Option<Ports> {
        hints::ports(&self.node)
    }

    /// Times that every match lies in, `None` when there is no such bound.
    pub fn time(&self) -> Option<Times> {
        hints::times(&self.node)
    }

    /// Whether it asks for a single address of a communication, or for a device's MAC address.
    pub fn names_one_address(&self) -> bool {
        self.node.asks(&|test| test.narrowest().is_some_and(Narrowest::is_single))
    }

    /// Whether an aggregate of its matches shows nobody: no prefix of a communication longer than /24 (IPv4) or /56
    /// (IPv6) and no MAC address is asked for, not even in the negative.
    pub fn is_aggregate_safe(&self) -> bool {
        !self.node.asks(&|test| test.narrowest().is_some_and(Narrowest::is_narrow))
    }
}

impl From<Node> for Filter {
    fn from(node: Node) -> Self {
        let program = select::Program::of(&node);
        Self { node, program }
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[filter]")
    }
}

/// A filter's tree. Negation stands at the tests only; `And` and `Or` have at least two parts, none of which is of
/// their own kind, [`Node::Any`] or [`Node::Never`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Every flow.
    Any,
    /// No flow.
    Never,
    /// What matches all parts.
    And(Vec<Node>),
    /// What matches at least one part.
    Or(Vec<Node>),
    /// What passes the test.
    Is(Test),
    /// What does not pass the test.
    IsNot(Test),
}

impl Node {
    /// What matches all of `parts`.
    pub fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Any => {}
                Self::Never => return Self::Never,
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Self::Any,
            1 => flat.pop().unwrap_or(Self::Any),
            _ => Self::And(flat),
        }
    }

    /// What matches at least one of `parts`.
    pub fn either(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Never => {}
                Self::Any => return Self::Any,
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Self::Never,
            1 => flat.pop().unwrap_or(Self::Never),
            _ => Self::Or(flat),
        }
    }

    /// Whether `asked` holds of any test in it.
    fn asks(&self, asked: &impl Fn(&Test) -> bool) -> bool {
        match self {
            Self::Any | Self::Never => false,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.asks(asked)),
            Self::Is(test) | Self::IsNot(test) => asked(test),
        }
    }
}

/// One test of one field.
#[derive(Clone, PartialEq, Eq)]
pub enum Test {
    /// A number lies in one of the ranges, which are ascending and do not touch.
    Number {
        /// Which.
        field: Field,
        /// Where it must lie.
        within: Vec<RangeInclusive<u64>>,
    },
    /// An address lies in one of the prefixes, none of which covers another.
    Address {
        /// Which.
        field: AddressField,
        /// Where it must lie; a prefix matches only addresses of its own family.
        within: Vec<Prefix>,
    },
    /// Of the TCP control bits in `of`, exactly those in `set` are set.
    Flags {
        /// The bits that are looked at.
        of: u8,
        /// Those of them that are set.
        set: u8,
    },
}

impl Test {
    fn narrowest(&self) -> Option<Narrowest> {
        match self {
            Self::Address { field: AddressField::Src | AddressField::Dst, within } => {
                within.iter().map(|prefix| Narrowest::of(*prefix)).max()
            }
            Self::Number { field: Field::InSrcMac | Field::OutDstMac, .. } => Some(Narrowest::Single),
            _ => None,
        }
    }
}

/// How closely a test points at somebody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Narrowest {
    Broad,
    Narrow,
    Single,
}

impl Narrowest {
    fn of(prefix: Prefix) -> Self {
        let broad = if prefix.addr().is_ipv4() { BROAD_V4 } else { BROAD_V6 };
        match prefix {
            host if host.is_host() => Self::Single,
            narrow if narrow.len() > broad => Self::Narrow,
            _ => Self::Broad,
        }
    }

    fn is_single(self) -> bool {
        self == Self::Single
    }

    fn is_narrow(self) -> bool {
        self != Self::Broad
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { field, .. } => write!(f, "[{field:?}]"),
            Self::Address { field, .. } => write!(f, "[{field:?}]"),
            Self::Flags { .. } => f.write_str("[flags]"),
        }
    }
}

/// A number of a flow: a column of [`Flows`], or what follows from some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// [`Flows::ip`].
    Ip,
    /// [`Flows::proto`].
    Proto,
    /// [`Flows::src_port`].
    SrcPort,
    /// [`Flows::dst_port`].
    DstPort,
    /// Type of an ICMP message: the destination port's upper octet.
    IcmpType,
    /// Code of an ICMP message: the destination port's lower octet.
    IcmpCode,
    /// [`Flows::tcp_flags`].
    TcpFlags,
    /// [`Flows::tos`].
    Tos,
    /// [`Flows::packets`].
    Packets,
    /// [`Flows::bytes`].
    Bytes,
    /// [`Flows::reverse_packets`].
    ReversePackets,
    /// [`Flows::reverse_bytes`].
    ReverseBytes,
    /// [`Flows::flows`].
    Flows,
    /// [`Flows::domain`].
    Domain,
    /// [`Flows::input`].
    Input,
    /// [`Flows::output`].
    Output,
    /// [`Flows::src_as`].
    SrcAs,
    /// [`Flows::dst_as`].
    DstAs,
    /// [`Flows::src_mask`].
    SrcMask,
    /// [`Flows::dst_mask`].
    DstMask,
    /// [`Flows::src_vlan`].
    SrcVlan,
    /// [`Flows::dst_vlan`].
    DstVlan,
    /// [`Flows::in_src_mac`].
    InSrcMac,
    /// [`Flows::out_dst_mac`].
    OutDstMac,
    /// [`Flows::direction`].
    Direction,
    /// [`Flows::forwarding`].
    Forwarding,
    /// [`Flows::first_us`]; 0 when before 1970.
    FirstUs,
    /// [`Flows::last_us`]; 0 when before 1970.
    LastUs,
    /// From the first packet's millisecond to the last one's; 0 when the order is wrong.
    DurationMs,
    /// 1000 x packets / duration in milliseconds, rounded down; 0 without a duration.
    PacketsPerSecond,
    /// 8000 x bytes / duration in milliseconds, rounded down; 0 without a duration.
    BitsPerSecond,
    /// Bytes / packets, rounded down; 0 without packets.
    BytesPerPacket,
}

/// An address of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressField {
    /// [`Flows::src`].
    Src,
    /// [`Flows::dst`].
    Dst,
    /// [`Flows::next_hop`].
    NextHop,
    /// [`Flows::bgp_next_hop`].
    BgpNextHop,
    /// [`Flows::exporter`].
    Exporter,
}

/// Why a text is no filter, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Byte offset in the text, of the first byte that is wrong; its length when something is missing.
    pub at: usize,
    /// What is wrong.
    pub reason: Reason,
    /// What could stand there: words as they are written, and kinds of value in angle brackets.
    pub expected: Vec<&'static str>,
}

impl std::error::Error for FilterError {}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)?;
        for (i, word) in self.expected.iter().enumerate() {
            write!(f, "{}`{word}`", if i == 0 { "; expected " } else { ", " })?;
        }
        Ok(())
    }
}

/// What is wrong with a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Something else was expected.
    #[error("the filter cannot go on like this")]
    Unexpected,
    /// Something is missing.
    #[error("the filter ends too early")]
    Unfinished,
    /// The language has the field, the store has not.
    #[error("this store does not keep `{0}`")]
    NotKept(&'static str),
    /// A name where an address belongs.
    #[error("host names are not looked up, give the address")]
    HostName,
    /// A number above the field's largest.
    #[error("the number is larger than {0}")]
    TooLarge(u64),
    /// A prefix length that the address does not have.
    #[error("the prefix is longer than the address")]
    PrefixLength,
    /// A netmask with holes.
    #[error("the netmask is not a prefix")]
    Netmask,
    /// A time without its zone.
    #[error("a time needs its zone, as in `2026-11-21T10:15:03+09:00`")]
    TimeZone,
    /// Letters that are no TCP flags.
    #[error("the flags are not of `UAPRSF` or `X`")]
    Flags,
    /// `@include`.
    #[error("a filter does not read files")]
    Include,
    /// Too many parentheses inside each other.
    #[error("the parentheses are nested more than {0} deep")]
    TooDeep(usize),
    /// Too long a text.
    #[error("the filter is longer than {0} bytes")]
    TooLong(usize),
}

/// The longest prefixes that a standing permit for aggregates allows to ask for.
const BROAD_V4: u8 = 24;
const BROAD_V6: u8 = 56;
