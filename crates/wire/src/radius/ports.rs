//! NAT bindings told in accounting: RFC 8045, and what vendors send in its place.
//!
//! The parts of a binding (address, first port, last port, …) are attributes of their own. In a packet those of RFC 8045
//! stand inside one attribute; in a detail file, and with vendors, they stand one after the other. There they are put
//! together only when every binding of the record has the same parts in the same order; otherwise none is told, with a
//! defect: a port range beside the wrong address would name the wrong person.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::accounting::text;
use super::fields::Field;
use super::value::Value;
use crate::defect::{Defect, Place};
use crate::dictionary::Oid;

// ---------------------------------------------------------------------------------------------- PortRange

/// Public ports that belong to a session.
#[derive(Clone, PartialEq, Eq)]
pub struct PortRange {
    /// Which attribute said so.
    pub origin: Origin,
    /// The address outside.
    pub public: Option<Ipv4Addr>,
    /// The first port outside.
    pub low: u16,
    /// The last port outside.
    pub high: u16,
    /// The address inside, where told; else it is the session's.
    pub inside: Option<IpAddr>,
    /// The port inside, for a forwarding entry.
    pub inside_port: Option<u16>,
    /// Whether the ports are given or taken back, where told.
    pub allocation: Option<Allocation>,
    /// IP-Port-Type as sent (RFC 8045 section 3.2.1).
    pub port_type: Option<u32>,
    /// IP-Port-Local-Id, which tells inside addresses of different realms apart (RFC 8045 section 3.2.11); with Nokia
    /// the router or service that the outside address is in.
    pub realm: Option<String>,
}

impl fmt::Debug for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortRange {{ origin: {:?}, allocation: {:?}, [..] }}", self.origin, self.allocation)
    }
}

/// Which attribute a port range stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// IP-Port-Range (RFC 8045 section 3.1.2).
    IpPortRange,
    /// IP-Port-Forwarding-Map (RFC 8045 section 3.1.3).
    IpPortForwardingMap,
    /// Huawei-NAT-Public-Address, -Start-Port, -End-Port.
    Huawei,
    /// H3C-NAT-IP-Address, -Start-Port, -End-Port.
    H3c,
    /// Alc-Nat-Port-Range.
    Nokia,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::IpPortRange => "IP-Port-Range",
            Self::IpPortForwardingMap => "IP-Port-Forwarding-Map",
            Self::Huawei => "Huawei-NAT-Start-Port",
            Self::H3c => "H3C-NAT-Start-Port",
            Self::Nokia => "Alc-Nat-Port-Range",
        }
    }
}

/// IP-Port-Alloc (RFC 8045 section 3.2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Allocation {
    /// The ports are given.
    Allocated,
    /// The ports are taken back.
    Released,
}

// ---------------------------------------------------------------------------------------------- Bindings

/// The parts of bindings as they come.
#[derive(Default)]
pub(super) struct Bindings {
    parts: Vec<(Origin, Part)>,
}

/// One part of a binding; `member` is numbered as in RFC 8045 section 3.2, whatever its origin.
#[derive(Clone)]
struct Part {
    member: u32,
    group: Option<u32>,
    place: Place,
    value: Value,
}

impl Bindings {
    /// Whether an attribute is part of a binding.
    pub(super) fn wants(oid: Oid) -> bool {
        member(oid).is_some()
    }

    /// Takes an attribute if it is part of a binding.
    pub(super) fn take(&mut self, field: &Field, place: Place) {
        if let Some((origin, member)) = member(field.oid) {
            // Only RFC 8045 ties its parts together by the attribute they stand in.
            let group =
                field.group.filter(|_| matches!(origin, Origin::IpPortRange | Origin::IpPortForwardingMap));
            self.parts.push((origin, Part { member, group, place, value: field.value.clone() }));
        }
    }

    /// The bindings that are whole.
    pub(super) fn finish(self, defects: &mut Vec<Defect>) -> Vec<PortRange> {
        let mut ranges = Vec::new();
        for origin in ORIGINS {
            let own = self.parts.iter().filter(|(other, _)| *other == origin).map(|(_, part)| part.clone());
            let parts: Vec<Part> = own.collect();
            let Some(first) = parts.first() else { continue };
            let start = first.place;
            if origin == Origin::Nokia {
                ranges.extend(nokia_ranges(&parts, defects));
                continue;
            }
            let Some(groups) = groups(&parts) else {
                let what =
                    format!("`{}` stands several times, and the parts cannot be told apart", origin.name());
                defects.push(Defect { place: start, what });
                continue;
            };
            for group in groups {
                let place = group.first().map_or(start, |part| part.place);
                match range(origin, group) {
                    Ok(range) => ranges.push(range),
                    Err(what) => defects.push(Defect { place, what: format!("`{}` {what}", origin.name()) }),
                }
            }
        }
        ranges
    }
}

/// The parts of each binding; `None` when that cannot be told.
fn groups(parts: &[Part]) -> Option<Vec<&[Part]>> {
    if parts.iter().all(|part| part.group.is_some()) {
        return Some(parts.chunk_by(|a, b| a.group == b.group).collect());
    }
    let width = parts.iter().skip(1).position(|part| Some(part.member) == parts.first().map(|p| p.member));
    let groups: Vec<&[Part]> = parts.chunks(width.map_or(parts.len(), |width| width + 1)).collect();
    let shape = |group: &[Part]| group.iter().map(|part| part.member).collect::<Vec<_>>();
    let first = groups.first().map(|group| shape(group))?;
    groups.iter().all(|group| shape(group) == first).then_some(groups)
}

/// One binding from its parts.
fn range(origin: Origin, parts: &[Part]) -> Result<PortRange, &'static str> {
    let mut range = PortRange {
        origin,
        public: None,
        low: 0,
        high: 0,
        inside: None,
        inside_port: None,
        allocation: None,
        port_type: None,
        realm: None,
    };
    let (mut low, mut high) = (None, None);
    let mut seen = Vec::new();
    for part in parts {
        if seen.contains(&part.member) {
            return Err("has a part twice");
        }
        seen.push(part.member);
        match (part.member, &part.value) {
            (PORT_TYPE, Value::Unsigned(v)) => range.port_type = u32::try_from(*v).ok(),
            (PUBLIC, Value::Ip(IpAddr::V4(v))) => range.public = Some(*v),
            (INSIDE_4 | INSIDE_6, Value::Ip(_)) if range.inside.is_some() => {
                return Err("has two addresses inside");
            }
            (INSIDE_4 | INSIDE_6, Value::Ip(v)) => range.inside = Some(*v),
            (INSIDE_PORT, Value::Unsigned(v)) => range.inside_port = Some(port(*v)?),
            (PUBLIC_PORT, Value::Unsigned(v)) if origin == Origin::IpPortForwardingMap => {
                low = Some(port(*v)?);
                high = low;
            }
            (ALLOCATION, Value::Unsigned(1)) => range.allocation = Some(Allocation::Allocated),
            (ALLOCATION, Value::Unsigned(2)) => range.allocation = Some(Allocation::Released),
            (FIRST_PORT, Value::Unsigned(v)) if origin != Origin::IpPortForwardingMap => {
                low = Some(port(*v)?)
            }
            (LAST_PORT, Value::Unsigned(v)) if origin != Origin::IpPortForwardingMap => {
                high = Some(port(*v)?)
            }
            (REALM, Value::Octets(v)) => range.realm = Some(text(v)),
            (
                PUBLIC | INSIDE_4 | INSIDE_6 | INSIDE_PORT | PUBLIC_PORT | ALLOCATION | FIRST_PORT
                | LAST_PORT,
                _,
            ) => {
                return Err("has a part that cannot be read");
            }
            _ => {}
        }
    }
    match (low, high) {
        (Some(low), Some(high)) if low <= high => Ok(PortRange { low, high, ..range }),
        (Some(_), Some(_)) => Err("ends before it starts"),
        _ => Err("lacks its first or last port"),
    }
}

/// `address first..last router name`, the address possibly in an attribute of its own.
fn nokia_ranges(parts: &[Part], defects: &mut Vec<Defect>) -> Vec<PortRange> {
    let mut outside = parts.iter().filter(|part| part.member == PUBLIC).map(|part| &part.value);
    let outside = match (outside.next(), outside.next()) {
        (Some(Value::Ip(IpAddr::V4(address))), None) => Some(*address),
        _ => None,
    };
    let mut ranges = Vec::new();
    for part in parts.iter().filter(|part| part.member == FIRST_PORT) {
        let Value::Octets(octets) = &part.value else { continue };
        match std::str::from_utf8(octets).ok().and_then(nokia) {
            // Two accounts of the outside address that differ: neither is believed.
            Some(range) if range.public.is_some() && outside.is_some() && range.public != outside => {
                let what = "`Alc-Nat-Port-Range` contradicts `Alc-Nat-Outside-Ip-Addr`".to_owned();
                defects.push(Defect { place: part.place, what });
            }
            Some(range) => ranges.push(PortRange { public: range.public.or(outside), ..range }),
            None => {
                let what = "`Alc-Nat-Port-Range` cannot be read".to_owned();
                defects.push(Defect { place: part.place, what });
            }
        }
    }
    ranges
}

fn nokia(text: &str) -> Option<PortRange> {
    let mut words = text.split_ascii_whitespace().peekable();
    let public = words.peek().and_then(|word| word.parse().ok());
    if public.is_some() {
        words.next();
    }
    let ports = words.next()?;
    let (low, high) = ports.split_once("..").or_else(|| ports.split_once('-'))?;
    let (low, high) = (digits(low)?, digits(high)?);
    let realm: Vec<&str> = words.collect();
    (low <= high).then(|| PortRange {
        origin: Origin::Nokia,
        public,
        low,
        high,
        inside: None,
        inside_port: None,
        allocation: None,
        port_type: None,
        realm: (!realm.is_empty()).then(|| realm.join(" ")),
    })
}

fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

fn port(number: u64) -> Result<u16, &'static str> {
    u16::try_from(number).map_err(|_| "has a port beyond 65535")
}

/// Which part of which binding an attribute is.
fn member(oid: Oid) -> Option<(Origin, u32)> {
    Some(match oid.parts() {
        [241, 6, member] => (Origin::IpPortRange, *member),
        [241, 7, member] => (Origin::IpPortForwardingMap, *member),
        [26, 2011, 161] => (Origin::Huawei, PUBLIC),
        [26, 2011, 162] => (Origin::Huawei, FIRST_PORT),
        [26, 2011, 163] => (Origin::Huawei, LAST_PORT),
        [26, 25506, 32] => (Origin::H3c, PUBLIC),
        [26, 25506, 33] => (Origin::H3c, FIRST_PORT),
        [26, 25506, 34] => (Origin::H3c, LAST_PORT),
        [26, 6527, 141] => (Origin::Nokia, PUBLIC),
        [26, 6527, 121] => (Origin::Nokia, FIRST_PORT),
        _ => return None,
    })
}

const ORIGINS: [Origin; 5] =
    [Origin::IpPortRange, Origin::IpPortForwardingMap, Origin::Huawei, Origin::H3c, Origin::Nokia];

// Numbers of the TLVs of RFC 8045 section 3.2.
const PORT_TYPE: u32 = 1;
const PUBLIC: u32 = 3;
const INSIDE_4: u32 = 4;
const INSIDE_6: u32 = 5;
const INSIDE_PORT: u32 = 6;
const PUBLIC_PORT: u32 = 7;
const ALLOCATION: u32 = 8;
const FIRST_PORT: u32 = 9;
const LAST_PORT: u32 = 10;
const REALM: u32 = 11;
