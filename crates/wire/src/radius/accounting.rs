//! The accounting record, in RADIUS's own terms: the same from a packet and from an entry of a detail file.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::gather::Gather;
use super::ports::PortRange;
use super::{Packet, Value};
use crate::defect::{Defect, Place};
use crate::dictionary::Dictionary;

// ---------------------------------------------------------------------------------------------- Accounting

/// What one accounting record says.
///
/// `None` is "not said", or "said in a way that cannot be believed" (then a defect stands beside it): a field that
/// appears twice with different values is `None`. Text is as [`text`] gives it. `Debug` shows no value that identifies.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Accounting {
    /// Acct-Status-Type (RFC 2866 section 5.1).
    pub status: Option<Status>,
    /// Acct-Session-Id (RFC 2866 section 5.5).
    pub session_id: Option<String>,
    /// Acct-Multi-Session-Id (RFC 2866 section 5.11).
    pub multi_session_id: Option<String>,
    /// User-Name (RFC 2865 section 5.1).
    pub user_name: Option<String>,
    /// Class, each as sent (RFC 2865 section 5.25).
    pub classes: Vec<Vec<u8>>,
    /// Chargeable-User-Identity (RFC 4372 section 2.2).
    pub chargeable_user: Option<Vec<u8>>,
    /// NAS-IP-Address (RFC 2865 section 5.4).
    pub nas_ip: Option<Ipv4Addr>,
    /// NAS-IPv6-Address (RFC 3162 section 2.1).
    pub nas_ipv6: Option<Ipv6Addr>,
    /// NAS-Identifier (RFC 2865 section 5.32).
    pub nas_identifier: Option<String>,
    /// NAS-Port (RFC 2865 section 5.5).
    pub nas_port: Option<u32>,
    /// NAS-Port-Id (RFC 2869 section 5.17).
    pub nas_port_id: Option<String>,
    /// Calling-Station-Id (RFC 2865 section 5.31).
    pub calling_station_id: Option<String>,
    /// Called-Station-Id (RFC 2865 section 5.30).
    pub called_station_id: Option<String>,
    /// Framed-IP-Address (RFC 2865 section 5.8); the values that stand for "chosen by user or NAS" and 0.0.0.0 are
    /// `None`.
    pub framed_ipv4: Option<Ipv4Addr>,
    /// Framed-IP-Netmask (RFC 2865 section 5.9).
    pub framed_netmask: Option<Ipv4Addr>,
    /// Framed-Route and Framed-IPv6-Route, the prefixes (RFC 2865 section 5.22, RFC 3162 section 2.5).
    pub framed_routes: Vec<Prefix>,
    /// Framed-IPv6-Prefix (RFC 3162 section 2.3).
    pub framed_ipv6_prefixes: Vec<Prefix>,
    /// Framed-IPv6-Address (RFC 6911 section 3.1).
    pub framed_ipv6_addresses: Vec<Ipv6Addr>,
    /// Framed-Interface-Id (RFC 3162 section 2.2).
    pub framed_interface_id: Option<[u8; 8]>,
    /// Delegated-IPv6-Prefix (RFC 4818 section 3).
    pub delegated_ipv6_prefixes: Vec<Prefix>,
    /// 3GPP-IMSI (3GPP TS 29.061 section 16.4.7.2).
    pub imsi: Option<String>,
    /// Agent-Circuit-Id (RFC 4679 section 3.3.1, and Ericsson's).
    pub agent_circuit_id: Option<Vec<u8>>,
    /// Agent-Remote-Id (RFC 4679 section 3.3.2, and Ericsson's).
    pub agent_remote_id: Option<Vec<u8>>,
    /// NAT port ranges and forwarding entries (RFC 8045, and vendors').
    pub port_ranges: Vec<PortRange>,
    /// Event-Timestamp (RFC 2869 section 5.3), microseconds since 1970-01-01 00:00:00 UTC by the NAS's clock.
    pub event_timestamp: Option<i64>,
    /// Acct-Delay-Time (RFC 2866 section 5.2), seconds that the NAS has been trying to send this record.
    pub acct_delay_time: Option<u32>,
    /// Acct-Session-Time (RFC 2866 section 5.7), seconds.
    pub session_time: Option<u32>,
    /// Acct-Terminate-Cause (RFC 2866 section 5.10).
    pub terminate_cause: Option<u32>,
    /// Octets from the user, gigawords included (RFC 2866 section 5.3, RFC 2869 section 5.1).
    pub input_bytes: Option<u64>,
    /// Octets to the user, gigawords included (RFC 2866 section 5.4, RFC 2869 section 5.2).
    pub output_bytes: Option<u64>,
    /// Arrival at the server that wrote the detail file, microseconds since 1970-01-01 00:00:00 UTC: its `Timestamp`
    /// line, else the date that heads the entry. Never from a packet.
    pub arrival: Option<i64>,
    /// Who sent the packet to the server that wrote the detail file. Never from a packet.
    pub sender: Option<IpAddr>,
}

impl Accounting {
    /// The record that an Accounting-Request holds; places of defects are offsets in the packet.
    pub fn from_packet(packet: &Packet<'_>, dictionary: &Dictionary) -> (Self, Vec<Defect>) {
        let fields = packet.fields(dictionary);
        let mut gather = Gather::new(dictionary, Place::Byte(0));
        for field in &fields.fields {
            gather.take(field, Place::Byte(field.at));
        }
        let (record, defects) = gather.finish();
        (record, [fields.defects, defects].concat())
    }
}

impl fmt::Debug for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounting")
            .field("status", &self.status)
            .field("terminate_cause", &self.terminate_cause)
            .field("event_timestamp", &self.event_timestamp)
            .field("acct_delay_time", &self.acct_delay_time)
            .field("session_time", &self.session_time)
            .field("arrival", &self.arrival)
            .field("identifying", &format_args!("[..]"))
            .finish()
    }
}

// ---------------------------------------------------------------------------------------------- Status

/// Acct-Status-Type (RFC 2866 section 5.1, RFC 2867 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The session began.
    Start,
    /// The session ended.
    Stop,
    /// The session goes on.
    InterimUpdate,
    /// The NAS began to account: what it held before is gone.
    AccountingOn,
    /// The NAS is about to stop accounting.
    AccountingOff,
    /// Another value, among them those for tunnels and for failure.
    Other(u32),
}

impl Status {
    /// The number on the wire.
    pub fn number(self) -> u32 {
        match self {
            Self::Start => 1,
            Self::Stop => 2,
            Self::InterimUpdate => 3,
            Self::AccountingOn => 7,
            Self::AccountingOff => 8,
            Self::Other(number) => number,
        }
    }
}

impl From<u32> for Status {
    fn from(number: u32) -> Self {
        match number {
            1 => Self::Start,
            2 => Self::Stop,
            3 => Self::InterimUpdate,
            7 => Self::AccountingOn,
            8 => Self::AccountingOff,
            other => Self::Other(other),
        }
    }
}

// ---------------------------------------------------------------------------------------------- Prefix

/// An IPv4 or IPv6 prefix; the bits beyond the length are clear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    bits: u8,
}

impl Prefix {
    /// The prefix of this many bits that holds `address`; `None` when that is longer than an address.
    pub fn new(address: IpAddr, bits: u8) -> Option<Self> {
        match Value::prefix(address, bits)? {
            Value::Prefix(address, bits) => Some(Self { address, bits }),
            _ => None,
        }
    }

    /// Reads `address/bits`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let digits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        Self::new(address.parse().ok()?, bits.parse().ok().filter(|_| digits)?)
    }

    /// Reads what Framed-Route starts with; without a length that of the address's class is meant (RFC 2865 section
    /// 5.22).
    pub(super) fn parse_route4(text: &str) -> Option<Self> {
        let word = text.split_ascii_whitespace().next()?;
        if word.contains('/') {
            return Self::parse(word).filter(|prefix| prefix.address.is_ipv4());
        }
        let address: Ipv4Addr = word.parse().ok()?;
        let bits = match address.octets() {
            [0..=127, ..] => 8,
            [128..=191, ..] => 16,
            [192..=223, ..] => 24,
            _ => return None,
        };
        Self::new(address.into(), bits)
    }

    /// Reads what Framed-IPv6-Route starts with (RFC 3162 section 2.5).
    pub(super) fn parse_route6(text: &str) -> Option<Self> {
        Self::parse(text.split_ascii_whitespace().next()?).filter(|prefix| prefix.address.is_ipv6())
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Its length in bits.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[..]")
    }
}

// ---------------------------------------------------------------------------------------------- text

/// Octets as text without loss: UTF-8 stays as it is; what is not UTF-8, control characters, and a backslash that would
/// read as such an escape become `\xHH`. Different octets never give the same text.
pub fn text(octets: &[u8]) -> String {
    let mut out = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        let valid = chunk.valid();
        for (i, c) in valid.char_indices() {
            let ambiguous = c == '\\' && reads_as_escape(valid.get(i..).unwrap_or(""));
            if c.is_ascii_control() || ambiguous {
                escape(&mut out, c as u32);
            } else {
                out.push(c);
            }
        }
        for octet in chunk.invalid() {
            escape(&mut out, u32::from(*octet));
        }
    }
    out
}

/// Whether text starts with `\x` and two hexadecimal digits.
fn reads_as_escape(text: &str) -> bool {
    matches!(text.as_bytes(), [b'\\', b'x', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

fn escape(out: &mut String, octet: u32) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{octet:02x}");
}
