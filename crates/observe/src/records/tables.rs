//! Tables of the operator's own: static assignments, venues, softwires, and the rules of translators without a log.
//!
//! What comes in: one row of a table. What goes out: finished assignments, or the rule that decides them. Threads are
//! made from what a row says, so that the same table read again changes nothing.

use std::net::IpAddr;

use tadoru_model::{
    Algorithm, Assignment, Dealing, Edge, Holder, How, Identity, IdentityKind, PortRange, Prefix, Protocol,
    Realm, RecordKind, Rule, SourceName, Span, UtcMicros,
};
use tadoru_wire::tables::cgn_rules::{Allocation, CgnRule};
use tadoru_wire::tables::softwires::{MapRule, SoftwireBinding};
use tadoru_wire::tables::statics::StaticAssignment;
use tadoru_wire::tables::subscribers::LineIds;
use tadoru_wire::tables::venue::VenueStay;
use tadoru_wire::tables::{self};

use super::{hardware_address, hex, name, prefix, thread_of};

/// What a table does not tell of itself.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The table's name, or the device that it is the configuration of.
    pub source: &'a SourceName,
    /// Realm of the (outside) addresses where the row names none.
    pub realm: &'a Realm,
    /// Realm of the inside addresses where the row names none.
    pub inside_realm: &'a Realm,
    /// The line.
    pub record: u64,
}

/// A static assignment as a row.
///
/// # Errors
/// When its prefix is none.
pub fn fixed(row: &StaticAssignment, origin: &Origin<'_>) -> Result<Assignment, &'static str> {
    let realm = told(row.realm.as_deref(), origin.realm);
    let prefix = table_prefix(row.prefix)?;
    let thread = thread_of(&[
        origin.source.0.as_bytes(),
        realm.0.as_bytes(),
        prefix.to_string().as_bytes(),
        row.subscriber.as_bytes(),
        &row.from_us.unwrap_or(i64::MIN).to_be_bytes(),
    ]);
    let holder = Holder::Line(vec![Identity::new(IdentityKind::Contract, row.subscriber.as_str())]);
    let span = valid(row.from_us, row.until_us);
    Ok(Assignment {
        thread,
        ..exact(RecordKind::Static, realm, prefix, PortRange::ALL, holder, span, origin)
    })
}

/// A stay at a venue as a row.
///
/// # Errors
/// When the stay has no address, so that nothing leads to it.
pub fn stay(row: &VenueStay, origin: &Origin<'_>) -> Result<Assignment, &'static str> {
    let address = row.address.ok_or("`address` is empty: nothing leads to this stay")?;
    let realm = told(row.realm.as_deref(), origin.realm);
    let ports = match row.ports {
        None => PortRange::ALL,
        Some((low, high)) => PortRange::new(low, high).ok_or("`port_to` is below `port_from`")?,
    };
    let mut names = Vec::new();
    name(&mut names, IdentityKind::VenueCustomer, row.customer.clone());
    if let Some(seat) = &row.seat {
        name(&mut names, IdentityKind::Seat, format!("{}/{seat}", row.venue));
    }
    name(&mut names, IdentityKind::HardwareAddress, row.mac.map(hardware_address).unwrap_or_default());
    let thread = thread_of(&[
        origin.source.0.as_bytes(),
        realm.0.as_bytes(),
        address.to_string().as_bytes(),
        &ports.low.to_be_bytes(),
        row.venue.as_bytes(),
        row.customer.as_bytes(),
        &row.entered_us.to_be_bytes(),
    ]);
    let entered = UtcMicros(row.entered_us);
    let span = valid(Some(row.entered_us), row.left_us);
    let holder = Holder::Line(names);
    let mut stay = exact(RecordKind::Seat, realm, Prefix::host(address), ports, holder, span, origin);
    if row.left_us.is_none() {
        stay.until = Edge { earliest: entered, latest: UtcMicros::MAX, how: How::Open };
    }
    Ok(Assignment { thread, ..stay })
}

/// A line of a lightweight AFTR's binding table as rows, one for each run of ports (RFC 7597 section 5.1).
///
/// # Errors
/// When its port set has more runs than are kept.
pub fn softwire(row: &SoftwireBinding, origin: &Origin<'_>) -> Result<Vec<Assignment>, &'static str> {
    let inside = told(row.realm.as_deref(), origin.inside_realm);
    let b4 = table_prefix(row.b4)?;
    let outside = Prefix::host(IpAddr::V4(row.ipv4));
    let span = valid(row.from_us, row.until_us);
    let runs = port_set(row.psid_offset, row.psid_length, row.psid)?;
    let rows = runs.into_iter().map(|ports| {
        let holder = Holder::Inside { realm: inside.clone(), prefix: b4, port: None };
        let thread = thread_of(&[
            origin.source.0.as_bytes(),
            origin.realm.0.as_bytes(),
            inside.0.as_bytes(),
            b4.to_string().as_bytes(),
            &row.ipv4.octets(),
            &ports.low.to_be_bytes(),
            &row.from_us.unwrap_or(i64::MIN).to_be_bytes(),
        ]);
        let realm = origin.realm.clone();
        Assignment { thread, ..exact(RecordKind::Rule, realm, outside, ports, holder, span, origin) }
    });
    Ok(rows.collect())
}

/// A rule of a carrier-grade NAT without a log.
///
/// # Errors
/// When its ports run backwards.
pub fn cgn_rule(row: &CgnRule, origin: &Origin<'_>) -> Result<Rule, &'static str> {
    let (dealing, ports_each) = match row.allocation {
        Allocation::Shared => (Dealing::Shared, 0),
        Allocation::Sequential { ports_per_subscriber } => (Dealing::Sequential, ports_per_subscriber),
        Allocation::Interleaved { ports_per_subscriber } => (Dealing::Interleaved, ports_per_subscriber),
    };
    Ok(Rule {
        source: row.gateway.as_deref().map_or_else(|| origin.source.clone(), SourceName::from),
        realm: origin.realm.clone(),
        proto: row.protocol.map_or(Protocol::ANY, Protocol),
        valid: valid(row.from_us, row.until_us),
        algorithm: Algorithm::DeterministicNat {
            inside_first: row.inside.first,
            inside_last: row.inside.last,
            inside_realm: told(row.inside_realm.as_deref(), origin.inside_realm),
            outside_first: row.outside.first,
            outside_last: row.outside.last,
            ports: PortRange::new(row.first_port, row.last_port).ok_or("last port is below the first")?,
            ports_each: u32::from(ports_each),
            dealing,
        },
    })
}

/// A MAP-E basic mapping rule.
///
/// # Errors
/// When a prefix is none.
pub fn map_rule(row: &MapRule, origin: &Origin<'_>) -> Result<Rule, &'static str> {
    let embedded = row.ea_length.saturating_sub(32_u8.saturating_sub(row.ipv4.len));
    Ok(Rule {
        source: origin.source.clone(),
        realm: origin.realm.clone(),
        proto: Protocol::ANY,
        valid: valid(row.from_us, row.until_us),
        algorithm: Algorithm::MapE {
            ipv6: table_prefix(row.ipv6)?,
            ipv4: table_prefix(row.ipv4)?,
            ea_len: row.ea_length,
            psid_offset: row.psid_offset,
            psid_len: (row.psid_length != embedded).then_some(row.psid_length),
            inside_realm: told(row.realm.as_deref(), origin.inside_realm),
        },
    })
}

/// What access records may call a subscriber's line, in the words that our observations use.
pub fn names_of(lines: &LineIds) -> Vec<Identity> {
    let mut names = Vec::new();
    let mut add =
        |kind, values: Vec<String>| values.into_iter().for_each(|value| name(&mut names, kind, value));
    let hexes = |all: &[Vec<u8>]| all.iter().map(|octets| hex(octets)).collect();
    add(IdentityKind::Login, lines.logins.clone());
    add(IdentityKind::Imsi, lines.imsis.clone());
    add(IdentityKind::CircuitId, hexes(&lines.circuit_ids));
    add(IdentityKind::RemoteId, hexes(&lines.remote_ids));
    add(IdentityKind::Duid, hexes(&lines.duids));
    add(IdentityKind::ClientId, hexes(&lines.client_ids));
    add(IdentityKind::CallingStation, lines.calling_station_ids.clone());
    add(IdentityKind::HardwareAddress, lines.macs.iter().map(|mac| hardware_address(*mac)).collect());
    let inside = lines.inside_addresses.iter().filter_map(|told| table_prefix(*told).ok());
    add(IdentityKind::InsideAddress, inside.map(|prefix| prefix.to_string()).collect());
    names
}

/// The runs of ports of a port set: `a` bits of offset, `k` bits of id, the rest follows one another.
fn port_set(a: u8, k: u8, psid: u16) -> Result<Vec<PortRange>, &'static str> {
    let wrong = "port set does not fit 16 bits";
    let m = 16_u8.checked_sub(a).and_then(|left| left.checked_sub(k)).ok_or(wrong)?;
    if u32::from(psid) >> k != 0 {
        return Err(wrong);
    }
    if k == 0 {
        return Ok(vec![PortRange::ALL]);
    }
    let runs = 1_u32 << a;
    if runs > MOST_RUNS {
        return Err("port set has more than 1,024 runs of ports");
    }
    // The first run of an offset is left out: it would hold the well-known ports.
    let first = u32::from(a > 0);
    let run = |i: u32| {
        let low = i << (16 - a) | u32::from(psid) << m;
        PortRange::new(u16::try_from(low).ok()?, u16::try_from(low + (1 << m) - 1).ok()?)
    };
    (first..runs).map(|i| run(i).ok_or(wrong)).collect()
}

/// A row whose edges are as exact as its table.
fn exact(
    kind: RecordKind,
    realm: Realm,
    prefix: Prefix,
    ports: PortRange,
    holder: Holder,
    span: Span,
    origin: &Origin<'_>,
) -> Assignment {
    Assignment {
        kind,
        realm,
        prefix,
        ports,
        proto: Protocol::ANY,
        remote: None,
        holder,
        from: Edge::exact(span.from, How::Logged),
        until: Edge::exact(span.until, How::Logged),
        source: origin.source.clone(),
        record: origin.record,
        corrected_us: 0,
        thread: 0,
    }
}

fn valid(from_us: Option<i64>, until_us: Option<i64>) -> Span {
    Span::new(from_us.map_or(UtcMicros::MIN, UtcMicros), until_us.map_or(UtcMicros::MAX, UtcMicros))
}

fn told(realm: Option<&str>, otherwise: &Realm) -> Realm {
    realm.map_or_else(|| otherwise.clone(), Realm::from)
}

fn table_prefix(told: tables::Prefix) -> Result<Prefix, &'static str> {
    prefix(told.address, told.len)
}

/// Runs of ports of one port set at most: an offset of 10 bits.
const MOST_RUNS: u32 = 1024;
