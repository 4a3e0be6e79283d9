//! RADIUS accounting (RFC 2866): which line had which addresses, from packets and from detail files alike.
//!
//! What comes in: an accounting record, and what only the receiver knows. What goes out: a session event, or the restart
//! of a device. Records of other kinds (tunnels, failures) are nothing to us.

use std::net::IpAddr;

use tadoru_model::observation::{Moment, Observation, Observed, SessionEvent, When};
use tadoru_model::{Identity, IdentityKind, PortRange, Prefix, Realm, SourceName, UtcMicros};
use tadoru_wire::radius::{Accounting, Allocation, Status};

use super::{Converted, hex, name, prefix};

/// What a record does not tell of itself.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Who sent the packet, where it was a packet.
    pub sender: Option<IpAddr>,
    /// When the packet arrived; a detail file tells it itself.
    pub arrival: Option<UtcMicros>,
    /// Source of a record that names no device and came from nobody.
    pub source: Option<&'a SourceName>,
    /// Realm of the addresses.
    pub realm: &'a Realm,
    /// Where the record stands.
    pub record: u64,
}

/// Turns an accounting record into an observation.
///
/// # Errors
/// When it lacks its status, its session id, its time, or any name of its device.
pub fn observation(record: &Accounting, origin: &Origin<'_>) -> Converted {
    let moment = match record.status.ok_or("`Acct-Status-Type` is missing")? {
        Status::Start => Some(Moment::Start),
        Status::Stop => Some(Moment::Stop),
        Status::InterimUpdate => Some(Moment::Alive),
        Status::AccountingOn | Status::AccountingOff => None,
        Status::Other(_) => return Ok(None),
    };
    let when = when(record, origin.arrival);
    if when.logged.is_none() && when.not_after.is_none() {
        return Err("record has no time");
    }
    let source = source(record, origin).ok_or("no attribute names the device")?;
    let what = match moment {
        None => Observed::DeviceRestart(when),
        Some(moment) => Observed::Session(SessionEvent {
            moment,
            when,
            session: record
                .session_id
                .clone()
                .filter(|id| !id.is_empty())
                .ok_or("`Acct-Session-Id` is missing")?,
            lasted_s: record.session_time,
            holds: holds(record)?,
            ports: ports(record),
            names: names(record),
        }),
    };
    Ok(Some(Observation { source, realm: origin.realm.clone(), record: origin.record, what }))
}

/// The device: NAS-Identifier, else its address, else who sent the packet, else what the caller knows.
fn source(record: &Accounting, origin: &Origin<'_>) -> Option<SourceName> {
    if let Some(name) = record.nas_identifier.as_deref().filter(|name| !name.is_empty()) {
        return Some(SourceName::from(name));
    }
    let address = record
        .nas_ip
        .map(IpAddr::from)
        .or(record.nas_ipv6.map(IpAddr::from))
        .or(origin.sender)
        .or(record.sender);
    match address {
        Some(address) => Some(SourceName::from(address.to_string().as_str())),
        None => origin.source.cloned(),
    }
}

/// Event-Timestamp by the device's clock; the arrival less the time that the device has been trying.
fn when(record: &Accounting, arrival: Option<UtcMicros>) -> When {
    let delay_us = i64::from(record.acct_delay_time.unwrap_or(0)) * 1_000_000;
    let arrival = arrival.or(record.arrival.map(UtcMicros));
    When {
        logged: record.event_timestamp.map(UtcMicros),
        not_after: arrival.map(|arrival| arrival.plus(-delay_us)),
    }
}

/// Addresses and prefixes that are the line's alone.
fn holds(record: &Accounting) -> Result<Vec<Prefix>, &'static str> {
    let mut holds = Vec::new();
    let shared = |addr: IpAddr| {
        record.port_ranges.iter().any(|range| range.public.is_some_and(|public| IpAddr::V4(public) == addr))
    };
    if let Some(addr) = record.framed_ipv4.filter(|addr| !shared(IpAddr::V4(*addr))) {
        // Framed-IP-Netmask is a subnet's mask with some devices, and would give one line the addresses of its neighbours:
        // prefixes of a line come in Framed-Route.
        holds.push(Prefix::host(addr.into()));
    }
    let routes = record.framed_routes.iter().chain(&record.framed_ipv6_prefixes);
    for told in routes.chain(&record.delegated_ipv6_prefixes) {
        // A default route toward the line gives it no address of its own.
        if told.bits() > 0 {
            holds.push(prefix(told.address(), told.bits())?);
        }
    }
    holds.extend(record.framed_ipv6_addresses.iter().map(|addr| Prefix::host(IpAddr::V6(*addr))));
    holds.sort_unstable();
    holds.dedup();
    Ok(holds)
}

/// Ports of shared addresses that are given, not taken back.
fn ports(record: &Accounting) -> Vec<(IpAddr, PortRange)> {
    let given = record.port_ranges.iter().filter(|range| range.allocation != Some(Allocation::Released));
    given
        .filter_map(|range| Some((IpAddr::V4(range.public?), PortRange::new(range.low, range.high)?)))
        .collect()
}

/// Names of the line, the surest first.
fn names(record: &Accounting) -> Vec<Identity> {
    let mut names = Vec::new();
    let mut add = |kind, value: Option<String>| name(&mut names, kind, value.unwrap_or_default());
    add(IdentityKind::Login, record.user_name.clone());
    for class in &record.classes {
        add(IdentityKind::Class, Some(class_text(class)));
    }
    add(IdentityKind::Imsi, record.imsi.clone());
    add(IdentityKind::CircuitId, record.agent_circuit_id.as_deref().map(hex));
    add(IdentityKind::RemoteId, record.agent_remote_id.as_deref().map(hex));
    add(IdentityKind::CallingStation, record.calling_station_id.clone());
    names
}

/// Class as text where it is printable text, else as hexadecimal (RFC 2865 section 5.25 leaves its form open).
fn class_text(class: &[u8]) -> String {
    match std::str::from_utf8(class) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => hex(class),
    }
}
