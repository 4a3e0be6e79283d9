//! From a format's own records to observations: pure conversions, a file a family of formats.
//!
//! What comes in: records as `wire` reads them, and what the record itself does not tell (its source, its realm, its
//! arrival). What goes out: the observation, `None` for a record that says nothing about who held an address, or a word
//! on why it cannot be believed. No word shows a value of the record.

pub mod accounting;
pub mod leases;
pub mod nat_events;
pub mod nat_lines;
pub mod tables;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::net::IpAddr;

use tadoru_model::observation::{Observation, Observed, When};
use tadoru_model::{Identity, IdentityKind, PortRange, Prefix, Protocol, UtcMicros};

/// What one record becomes: an observation, nothing (it does not speak about who held an address), or the reason why
/// it cannot be believed.
pub type Converted = Result<Option<Observation>, &'static str>;

/// Octets as lower-case hexadecimal: how circuit ids, remote ids and client identifiers are compared.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// An Ethernet address in lower case with colons.
pub fn hardware_address(octets: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = octets;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// What is odd about the time of an observation that is kept all the same.
pub fn odd_time(observation: &Observation, now: UtcMicros) -> Option<&'static str> {
    let at = match &observation.what {
        Observed::Session(event) => told(event.when),
        Observed::DeviceRestart(when) => told(*when),
        Observed::Lease(event) => Some(event.since),
        Observed::Nat(event) => told(event.when),
        Observed::Row(_) | Observed::Coverage(_) => None,
    }?;
    if at == UtcMicros::MAX {
        None
    } else if at.since(now) > DAY_US {
        Some("kept, but its time lies in the future")
    } else if at < EARLIEST_PLAUSIBLE {
        Some("kept, but its time lies before the year 2000")
    } else {
        None
    }
}

fn told(when: When) -> Option<UtcMicros> {
    when.logged.or(when.not_after)
}

/// Adds a name unless its value is empty.
fn name(names: &mut Vec<Identity>, kind: IdentityKind, value: String) {
    if !value.is_empty() {
        names.push(Identity { kind, value });
    }
}

/// The ports of one translated connection; a missing port is tolerated only where the protocol has none, since a
/// connection without its port would claim the whole address.
fn connection_ports(proto: Protocol, port: Option<u16>) -> Result<PortRange, &'static str> {
    match port {
        Some(port) => Ok(PortRange::one(port)),
        None if proto == Protocol::ANY || WITH_PORTS.contains(&proto.0) => Err("outside port is missing"),
        None => Ok(PortRange::ALL),
    }
}

/// A number that is the same for the same parts, in every release; never 0 (FNV-1a).
pub(crate) fn thread_of(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash.max(1)
}

/// A prefix of another room's type as ours.
fn prefix(addr: IpAddr, len: u8) -> Result<Prefix, &'static str> {
    Prefix::covering(addr, len).map_err(|_| "prefix length does not fit the address")
}

/// Protocols whose translations are told apart by a port or an identifier: ICMP, TCP, UDP, DCCP, ICMPv6, SCTP, UDP-Lite.
const WITH_PORTS: [u8; 7] = [1, 6, 17, 33, 58, 132, 136];

const DAY_US: i64 = 86_400_000_000;

/// 2000-01-01T00:00:00Z: no record of an access network of today is older.
const EARLIEST_PLAUSIBLE: UtcMicros = UtcMicros::from_seconds(946_684_800);
