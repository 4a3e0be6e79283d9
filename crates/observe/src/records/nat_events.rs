//! NAT events out of NetFlow v9 and IPFIX (RFC 8158 and its relatives): translations, losses, restarts.
//!
//! What comes in: events and packet reports as the flow decoder gives them. What goes out: translation events, finished
//! rows for flow records, coverage for what was lost. Only a record that states both sides of a translation counts.

use std::net::IpAddr;

use tadoru_model::observation::{Moment, NatEvent, Observation, Observed, When};
use tadoru_model::{
    Assignment, CoverageSpan, CoverageState, Edge, Holder, How, PortRange, Prefix, Protocol, Realm,
    RecordKind, Remote, SourceName, Span, UtcMicros,
};
use tadoru_wire::flow::{self, EventKind, PortBlock, Report, TimeSource};

use super::{Converted, connection_ports, thread_of};

/// What a record does not tell of itself.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The gateway.
    pub source: &'a SourceName,
    /// Realm of the outside addresses.
    pub realm: &'a Realm,
    /// Realm of the inside addresses; where it is not told, the record's VRF is.
    pub inside_realm: &'a Realm,
    /// Where the packet stands.
    pub record: u64,
}

/// Turns one NAT event into an observation.
///
/// # Errors
/// When it lacks its inside address or its ports, or when its block has holes or no known end.
pub fn observation(event: &flow::NatEvent, origin: &Origin<'_>) -> Converted {
    if !event.is_mapping() {
        return Ok(None);
    }
    let Some(outside) = event.outside.address else { return Ok(None) };
    let proto = event.protocol.map_or(Protocol::ANY, Protocol);
    let one = || connection_ports(proto, event.outside.port);
    let (moment, ports) = match event.kind {
        EventKind::SessionCreate | EventKind::BindingCreate => (Moment::Start, one()?),
        EventKind::SessionDelete | EventKind::BindingDelete => (Moment::Stop, one()?),
        EventKind::AddressBindingCreate => (Moment::Start, PortRange::ALL),
        EventKind::AddressBindingDelete => (Moment::Stop, PortRange::ALL),
        EventKind::PortBlockAllocate => (Moment::Start, block(event.outside_ports)?),
        EventKind::PortBlockRelease => (Moment::Stop, block(event.outside_ports)?),
        EventKind::Flow | EventKind::FlowUpdate => (Moment::Alive, one()?),
        EventKind::AddressesExhausted
        | EventKind::PortsExhausted
        | EventKind::QuotaExceeded(_)
        | EventKind::ThresholdReached(_)
        | EventKind::Denied
        | EventKind::Other => return Ok(None),
    };
    let (inside, inside_port) = match (event.softwire, event.inside.address) {
        (Some(softwire), _) => (IpAddr::V6(softwire), None),
        (None, Some(address)) => (address, event.inside.port),
        (None, None) => return Err("inside address is missing"),
    };
    let nat = NatEvent {
        moment,
        when: when(event),
        began: event.start_us.map(UtcMicros).filter(|_| moment != Moment::Start),
        proto,
        inside_realm: inside_realm(event, origin),
        inside,
        inside_port,
        outside,
        ports,
        remote: remote(event),
        id: event.session_id.unwrap_or(0),
    };
    let what = match (event.kind, event.start_us, event.end_us) {
        (EventKind::Flow, Some(start), Some(end)) if start <= end => {
            Observed::Row(Box::new(flow_row(&nat, origin, UtcMicros(start), UtcMicros(end))))
        }
        _ => Observed::Nat(nat),
    };
    Ok(Some(Observation {
        source: origin.source.clone(),
        realm: origin.realm.clone(),
        record: origin.record,
        what,
    }))
}

/// What a packet's report says of the source: records lost before it.
pub fn loss(report: &Report, origin: &Origin<'_>) -> Option<Observation> {
    let loss = report.loss?;
    let why = match loss.missing {
        Some(missing) => format!("{missing} records or packets lost by sequence numbers"),
        None => "sequence numbers began anew: unknown how many records were lost".to_owned(),
    };
    let (from, until) = (UtcMicros(loss.from_us), UtcMicros(loss.to_us));
    let span = CoverageSpan {
        source: origin.source.clone(),
        kind: RecordKind::NatBlock,
        realm: origin.realm.clone(),
        prefixes: Vec::new(),
        span: Span::new(from.min(until), from.max(until).plus(1)),
        state: CoverageState::Lossy,
        why,
    };
    Some(said(origin, Observed::Coverage(span)))
}

/// What is missing of a source, as its template never came.
pub fn given_up(sets: u32, span: Span, origin: &Origin<'_>) -> Observation {
    let span = CoverageSpan {
        source: origin.source.clone(),
        kind: RecordKind::NatBlock,
        realm: origin.realm.clone(),
        prefixes: Vec::new(),
        span,
        state: CoverageState::Lossy,
        why: format!("{sets} data sets dropped, as their template never came"),
    };
    said(origin, Observed::Coverage(span))
}

/// The restart that a changed start of the exporter tells; `before` is its start as the packets before told it.
///
/// Numbers that begin anew are not enough: a collector may have been switched. What was translated then goes on.
pub fn restart(
    before: Option<i64>,
    report: &Report,
    arrival: UtcMicros,
    origin: &Origin<'_>,
) -> Option<Observation> {
    let (before, now) = (before?, report.boot_us?);
    let anew = now.saturating_sub(before) > BOOT_SLACK_US;
    let when = When { logged: Some(UtcMicros(now)), not_after: Some(arrival) };
    anew.then(|| said(origin, Observed::DeviceRestart(when)))
}

fn said(origin: &Origin<'_>, what: Observed) -> Observation {
    Observation { source: origin.source.clone(), realm: origin.realm.clone(), record: origin.record, what }
}

/// The exporter's own word on the time; the export time of the packet only bounds it.
fn when(event: &flow::NatEvent) -> When {
    let logged = match event.time.source {
        TimeSource::Export | TimeSource::Arrival => None,
        TimeSource::Observation | TimeSource::FlowStart | TimeSource::FlowEnd | TimeSource::Uptime => {
            Some(UtcMicros(event.time.us))
        }
    };
    When { logged, not_after: Some(UtcMicros(event.arrival_us)) }
}

fn inside_realm(event: &flow::NatEvent, origin: &Origin<'_>) -> Realm {
    match (&event.vrf_name, event.ingress_vrf) {
        _ if !origin.inside_realm.is_untold() => origin.inside_realm.clone(),
        (Some(name), _) if !name.is_empty() => Realm::from(name.as_ref()),
        (_, Some(id)) => Realm::from(format!("vrf-{id}").as_str()),
        _ => origin.inside_realm.clone(),
    }
}

fn remote(event: &flow::NatEvent) -> Option<Remote> {
    [event.destination_post, event.destination]
        .into_iter()
        .find_map(|far| Some(Remote { addr: far.address?, port: far.port }))
}

fn block(ports: Option<PortBlock>) -> Result<PortRange, &'static str> {
    let block = ports.ok_or("ports of the block are missing")?;
    let last = block.last.ok_or("last port of the block is not told")?;
    if block.step != 1 && block.first != last {
        return Err("ports of the block do not follow one another");
    }
    PortRange::new(block.first, last).ok_or("last port of the block is below the first")
}

/// A flow that was translated from its first packet to its last one.
fn flow_row(nat: &NatEvent, origin: &Origin<'_>, start: UtcMicros, end: UtcMicros) -> Assignment {
    let text =
        format!("{} {} {} {:?}", nat.inside, nat.outside, nat.ports, nat.remote.map(|r| (r.addr, r.port)));
    let thread = thread_of(&[
        origin.source.0.as_bytes(),
        origin.realm.0.as_bytes(),
        nat.inside_realm.0.as_bytes(),
        &[nat.proto.0],
        text.as_bytes(),
        &nat.inside_port.unwrap_or(0).to_be_bytes(),
        &start.0.to_be_bytes(),
    ]);
    Assignment {
        kind: RecordKind::NatSession,
        realm: origin.realm.clone(),
        prefix: Prefix::host(nat.outside),
        ports: nat.ports,
        proto: nat.proto,
        remote: nat.remote,
        holder: Holder::Inside {
            realm: nat.inside_realm.clone(),
            prefix: Prefix::host(nat.inside),
            port: nat.inside_port,
        },
        from: Edge::exact(start, How::Logged),
        // The last packet's own instant is inside.
        until: Edge::exact(end.plus(1), How::Logged),
        source: origin.source.clone(),
        record: origin.record,
        corrected_us: 0,
        thread,
    }
}

/// Starts of an exporter as two packets tell them differ by less than this: uptime and clock drift apart.
const BOOT_SLACK_US: i64 = 120_000_000;
