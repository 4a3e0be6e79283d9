//! From the values of one record to a NAT event: codes by dialect, sides, port blocks and times.
//!
//! Never guesses between two meanings that would name different hosts: where a record does not say, the event says
//! so too.

use std::net::IpAddr;

use crate::flow::{
    fields::{Address, Holds, Number, Text, Values},
    message::Version,
    nat::{Dialect, Direction, Endpoint, EventKind, EventTime, NatEvent, PortBlock, Realm, TimeSource},
};

/// What a record's packet says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub version: Version,
    pub domain: u32,
    pub export_us: i64,
    pub uptime_ms: Option<u32>,
    pub arrival_us: i64,
    /// Start of the exporter from options data (`systemInitTimeMilliseconds` 160).
    pub init_ms: Option<i64>,
}

/// The dialect of a template's records: the chosen one where the template has its fields, else what it shows.
pub(super) fn dialect_of(chosen: Dialect, holds: Holds) -> Dialect {
    let fitting = match chosen {
        Dialect::Auto => false,
        Dialect::Rfc8158 | Dialect::Draft | Dialect::CiscoIos => holds.nat_event,
        Dialect::CiscoNsel => holds.firewall_event,
        Dialect::Nokia => holds.nokia,
        Dialect::FlowRecord => true,
    };
    if fitting {
        chosen
    } else if holds.nokia {
        Dialect::Nokia
    } else if holds.nsel || (holds.firewall_event && !holds.interval) {
        Dialect::CiscoNsel
    } else if holds.nat_event {
        Dialect::Auto
    } else {
        Dialect::FlowRecord
    }
}

/// Reads a record; `None` when it says nothing about NAT. `dialect` is what `dialect_of` gave.
pub(super) fn read(
    values: &Values<'_>,
    dialect: Dialect,
    context: &Context,
    faults: &mut Vec<&'static str>,
) -> Option<NatEvent> {
    let start = moment(values, context, &STARTS);
    let end = moment(values, context, &ENDS);
    let outside_ports = port_block(values, faults);
    let (kind, code, dialect) = kind(values, dialect, outside_ports.is_some(), end.is_some());
    let stateful = matches!(dialect, Dialect::FlowRecord | Dialect::CiscoNsel);
    let sides = if dialect == Dialect::Nokia { nokia_sides(values) } else { sides(values, stateful) };
    let nokia = values.text(Text::NokiaSubscriber).map(nokia_subscriber);
    let event = NatEvent {
        kind,
        code,
        dialect,
        domain: context.domain,
        time: event_time(values, context, kind, start, end),
        start_us: start.map(|time| time.us),
        end_us: end.map(|time| time.us),
        export_us: context.export_us,
        arrival_us: context.arrival_us,
        protocol: values.number(Number::Protocol).and_then(|value| value.try_into().ok()),
        direction: sides.direction,
        realm: realm(values),
        inside: sides.inside,
        softwire: sides.softwire,
        outside: sides.outside,
        outside_ports,
        destination: sides.destination,
        destination_post: sides.destination_post,
        ingress_vrf: values
            .number32(Number::IngressVrf)
            .or_else(|| values.number32(Number::NokiaInsideService)),
        egress_vrf: values
            .number32(Number::EgressVrf)
            .or_else(|| values.number32(Number::NokiaOutsideService)),
        vrf_name: values.text(Text::VrfName).map(Box::from),
        nat_instance: values.number32(Number::NatInstance),
        pool_id: values.number32(Number::PoolId),
        pool_name: values.text(Text::PoolName).map(Box::from),
        session_id: values.number(Number::FlowId),
        user_name: values
            .text(Text::UserName)
            .or_else(|| nokia.and_then(|subscriber| subscriber.name))
            .map(Box::from),
    };
    let silent = event.code.is_none()
        && event.outside.address.is_none()
        && event.outside.port.is_none()
        && event.destination_post.address.is_none();
    // Exporters of flow records send the translated fields of every flow, translated or not.
    let untranslated = event.kind == EventKind::Flow && event.direction == Direction::Identity;
    (!silent && !untranslated).then_some(event)
}

// --- Codes ---------------------------------------------------------------------------------------------------------

fn kind(
    values: &Values<'_>,
    dialect: Dialect,
    block: bool,
    ended: bool,
) -> (EventKind, Option<u64>, Dialect) {
    let nat = values.number(Number::NatEvent);
    let firewall = values.number(Number::FirewallEvent);
    match dialect {
        Dialect::Nokia => {
            let started =
                STARTS.iter().any(|&(number, _, _)| values.number(number).is_some_and(|at| at != 0));
            let kind = if ended {
                EventKind::SessionDelete
            } else if started {
                EventKind::SessionCreate
            } else {
                EventKind::Flow
            };
            (kind, None, dialect)
        }
        Dialect::CiscoNsel => (firewall.map_or(EventKind::Other, nsel), firewall, dialect),
        Dialect::FlowRecord => {
            // PAN-OS puts the firewall's verdict into its flow records; a refused flow was not translated.
            let denied = firewall == Some(3);
            (if denied { EventKind::Denied } else { EventKind::Flow }, firewall, dialect)
        }
        Dialect::Rfc8158 => (nat.map_or(EventKind::Other, |code| rfc8158(code, values, block)), nat, dialect),
        Dialect::Draft => (nat.map_or(EventKind::Other, |code| draft(code, values, block)), nat, dialect),
        Dialect::CiscoIos => (nat.map_or(EventKind::Other, |code| cisco_ios(code, block)), nat, dialect),
        Dialect::Auto => match nat {
            Some(code) => {
                let (kind, dialect) = auto(code, values, block);
                (kind, Some(code), dialect)
            }
            None => (EventKind::Other, None, Dialect::Rfc8158),
        },
    }
}

/// Cisco ASA NetFlow Implementation Guide, NF_F_FW_EVENT.
fn nsel(code: u64) -> EventKind {
    match code {
        1 => EventKind::SessionCreate,
        2 => EventKind::SessionDelete,
        3 => EventKind::Denied,
        5 => EventKind::FlowUpdate,
        _ => EventKind::Other,
    }
}

/// IOS XE announces its port-set template with the same event field as its sessions (seen in a capture; the feature is
/// "Bulk Logging and Port Block Allocation"): with a port range the codes of sessions are about a block.
fn cisco_ios(code: u64, block: bool) -> EventKind {
    match (code, block) {
        (1, false) => EventKind::SessionCreate,
        (2, false) => EventKind::SessionDelete,
        (1, true) => EventKind::PortBlockAllocate,
        (2, true) => EventKind::PortBlockRelease,
        (3, _) => EventKind::AddressesExhausted,
        _ => EventKind::Other,
    }
}

/// RFC 8158 and IANA's table of `natEvent` values; 1 and 2 are historic there.
fn rfc8158(code: u64, values: &Values<'_>, block: bool) -> EventKind {
    match code {
        1..=3 => cisco_ios(code, block),
        4 | 6 => EventKind::SessionCreate,
        5 | 7 => EventKind::SessionDelete,
        8 | 10 => EventKind::BindingCreate,
        9 | 11 => EventKind::BindingDelete,
        12 => EventKind::PortsExhausted,
        13 => EventKind::QuotaExceeded(values.number32(Number::QuotaEvent)),
        14 => EventKind::AddressBindingCreate,
        15 => EventKind::AddressBindingDelete,
        16 => EventKind::PortBlockAllocate,
        17 => EventKind::PortBlockRelease,
        18 => EventKind::ThresholdReached(values.number32(Number::ThresholdEvent)),
        _ => EventKind::Other,
    }
}

/// draft-ietf-behave-ipfix-nat-logging-02, as Junos documents its codes ("Mapping Between Field Values for IPFIX
/// Flow Templates and Logs").
fn draft(code: u64, values: &Values<'_>, block: bool) -> EventKind {
    match code {
        1..=3 => cisco_ios(code, block),
        4 => EventKind::SessionCreate,
        5 => EventKind::SessionDelete,
        6 | 8 => EventKind::BindingCreate,
        7 | 9 => EventKind::BindingDelete,
        10 => EventKind::PortsExhausted,
        11 => EventKind::QuotaExceeded(values.number32(Number::QuotaEvent)),
        12 => EventKind::AddressBindingCreate,
        13 => EventKind::AddressBindingDelete,
        14 => EventKind::PortBlockAllocate,
        15 => EventKind::PortBlockRelease,
        _ => EventKind::Other,
    }
}

/// Tells the two code tables apart by what the record holds. Where both give the same kind nothing is to be told;
/// create and delete never trade places between the tables.
fn auto(code: u64, values: &Values<'_>, block: bool) -> (EventKind, Dialect) {
    let source = values.address(Address::Source4).or_else(|| values.address(Address::Source6));
    let post = values.address(Address::PostSource4).or_else(|| values.address(Address::PostSource6));
    let paired = source.is_some() && post.is_some();
    let ports = values.number(Number::PostSourcePort).is_some();
    let destined = values.address(Address::Destination4).is_some()
        || values.address(Address::Destination6).is_some()
        || values.number(Number::DestinationPort).is_some();
    let by_draft = match code {
        1..=3 => return (cisco_ios(code, block), Dialect::CiscoIos),
        // NAT64 session in the RFC, NAT44 binding in the draft: a session has a destination.
        6 | 7 => !destined,
        // NAT64 binding in the RFC, exhaustion or quota in the draft: a binding has both sides.
        10 | 11 => !(paired && ports),
        // Exhaustion or quota in the RFC, address binding in the draft.
        12 | 13 => paired,
        // Address binding in the RFC, port block in the draft.
        14 | 15 => block,
        _ => false,
    };
    if by_draft {
        (draft(code, values, block), Dialect::Draft)
    } else {
        (rfc8158(code, values, block), Dialect::Rfc8158)
    }
}

// --- Sides ---------------------------------------------------------------------------------------------------------

struct Sides {
    direction: Direction,
    inside: Endpoint,
    softwire: Option<std::net::Ipv6Addr>,
    outside: Endpoint,
    destination: Endpoint,
    destination_post: Endpoint,
}

fn sides(values: &Values<'_>, stateful: bool) -> Sides {
    let (source4, source6) = (values.address(Address::Source4), values.address(Address::Source6));
    let source = Endpoint { address: source4.or(source6), port: values.number16(Number::SourcePort) };
    let softwire = match (source4, source6) {
        (Some(_), Some(IpAddr::V6(b4))) => Some(b4),
        _ => None,
    };
    let post = Endpoint {
        address: values.address(Address::PostSource4).or_else(|| values.address(Address::PostSource6)),
        port: values.number16(Number::PostSourcePort),
    };
    let destination = Endpoint {
        address: values.address(Address::Destination4).or_else(|| values.address(Address::Destination6)),
        port: values.number16(Number::DestinationPort),
    };
    let destination_post = Endpoint {
        address: values
            .address(Address::PostDestination4)
            .or_else(|| values.address(Address::PostDestination6)),
        port: values.number16(Number::PostDestinationPort),
    };
    let direction = match (changed(source, post), changed(destination, destination_post)) {
        (true, false) => Direction::Outbound,
        (false, true) => Direction::Inbound,
        (false, false) => Direction::Identity,
        (true, true) => match realm(values) {
            Some(Realm::Public) => Direction::Inbound,
            Some(Realm::Private) => Direction::Outbound,
            // NAT64 changes both; a flow record of a firewall may be either way.
            None if stateful && same_family(source, post) => Direction::Unclear,
            None => Direction::Outbound,
        },
    };
    if direction == Direction::Inbound {
        return Sides {
            direction,
            inside: destination_post,
            softwire: None,
            outside: destination,
            destination: source,
            destination_post: post,
        };
    }
    Sides { direction, inside: source, softwire, outside: post, destination, destination_post }
}

/// Format 1 has the outside address where others have the source, and the inside port beside it; format 2 has the
/// outside in its own fields. Both give the inside address in a string (Nokia, "Template formats").
fn nokia_sides(values: &Values<'_>) -> Sides {
    let inside = values.text(Text::NokiaSubscriber).and_then(|text| nokia_subscriber(text).address);
    let post = values.address(Address::PostSource4).or_else(|| values.address(Address::PostSource6));
    let outside = match post {
        Some(address) => Endpoint { address: Some(address), port: values.number16(Number::PostSourcePort) },
        None => Endpoint { address: values.address(Address::Source4), port: None },
    };
    Sides {
        direction: Direction::Outbound,
        inside: Endpoint { address: inside, port: values.number16(Number::SourcePort) },
        softwire: None,
        outside,
        destination: Endpoint {
            address: values.address(Address::Destination4).or_else(|| values.address(Address::Destination6)),
            port: values.number16(Number::DestinationPort),
        },
        destination_post: Endpoint::default(),
    }
}

struct NokiaSubscriber<'a> {
    name: Option<&'a str>,
    address: Option<IpAddr>,
}

/// `LSN-Host@10.10.10.101`: a name of the subscriber (or the kind of host) and the inside address.
fn nokia_subscriber(text: &str) -> NokiaSubscriber<'_> {
    let (name, address) = match text.rsplit_once('@') {
        Some((name, address)) => (name, address),
        None => (text, ""),
    };
    let address = address.trim_matches(['[', ']', ' ']).parse().ok();
    // The names that stand for a kind of NAT are nobody's.
    let name = Some(name).filter(|name| !name.is_empty() && !name.ends_with("-Host"));
    NokiaSubscriber { name, address }
}

fn changed(before: Endpoint, after: Endpoint) -> bool {
    match (before.address, after.address) {
        (_, None) => false,
        (Some(before_address), Some(after_address)) => {
            before_address != after_address || (after.port.is_some() && before.port != after.port)
        }
        (None, Some(_)) => true,
    }
}

fn same_family(a: Endpoint, b: Endpoint) -> bool {
    a.address.map(|address| address.is_ipv4()) == b.address.map(|address| address.is_ipv4())
}

fn realm(values: &Values<'_>) -> Option<Realm> {
    match values.number(Number::Realm) {
        Some(1) => Some(Realm::Private),
        Some(2) => Some(Realm::Public),
        _ => None,
    }
}

// --- Port blocks ---------------------------------------------------------------------------------------------------

fn port_block(values: &Values<'_>, faults: &mut Vec<&'static str>) -> Option<PortBlock> {
    let first = values.number16(Number::PortRangeStart)?;
    let step = values.number16(Number::PortRangeStep).unwrap_or(1);
    let sent = values.number16(Number::PortRangeEnd).filter(|&end| end != 0);
    let count = values.number16(Number::PortRangeCount).filter(|&count| count != 0);
    let reckoned = match count {
        Some(count) if step > 0 => Some(u32::from(first) + u32::from(step) * (u32::from(count) - 1)),
        _ => None,
    };
    let last = match (sent, reckoned) {
        (Some(end), _) if end < first => {
            faults.push("port range ends before it starts");
            None
        }
        // A row of ports may end anywhere in its last step.
        (Some(end), Some(reckoned)) if u32::from(end).wrapping_sub(reckoned) >= u32::from(step) => {
            faults.push("port range end and number of ports disagree");
            None
        }
        (Some(end), _) => Some(end),
        (None, Some(reckoned)) => {
            let last = u16::try_from(reckoned).ok();
            if last.is_none() {
                faults.push("port range runs over 65535");
            }
            last
        }
        (None, None) => {
            faults.push("port range has no end");
            None
        }
    };
    Some(PortBlock { first, last, step })
}

// --- Times ---------------------------------------------------------------------------------------------------------

/// How a number is a time.
#[derive(Debug, Clone, Copy)]
enum Scale {
    Seconds,
    Millis,
    /// NTP timestamp, of which the fraction counts (RFC 7011 sections 6.1.9 and 6.1.10).
    Ntp,
    /// Microseconds before the export time.
    DeltaMicros,
    /// Milliseconds of uptime.
    Uptime,
}

fn event_time(
    values: &Values<'_>,
    context: &Context,
    kind: EventKind,
    start: Option<EventTime>,
    end: Option<EventTime>,
) -> EventTime {
    let over = matches!(
        kind,
        EventKind::SessionDelete
            | EventKind::BindingDelete
            | EventKind::AddressBindingDelete
            | EventKind::PortBlockRelease
    );
    // The start of a mapping is not the time of its deletion.
    let own = if over { end } else { start.or(end) };
    moment(values, context, &OBSERVED).or(own).unwrap_or(if context.export_us > 0 {
        EventTime { us: context.export_us, source: TimeSource::Export }
    } else {
        EventTime { us: context.arrival_us, source: TimeSource::Arrival }
    })
}

fn moment(values: &Values<'_>, context: &Context, from: &[(Number, Scale, TimeSource)]) -> Option<EventTime> {
    from.iter().find_map(|&(number, scale, source)| {
        let raw = values.number(number).filter(|&raw| raw != 0)?;
        let us = match scale {
            Scale::Seconds => i64::try_from(raw).ok()?.checked_mul(1_000_000)?,
            Scale::Millis => i64::try_from(raw).ok()?.checked_mul(1000)?,
            Scale::Ntp => ntp_us(raw),
            Scale::DeltaMicros => context.export_us.checked_sub(i64::try_from(raw).ok()?)?,
            Scale::Uptime => uptime_us(u32::try_from(raw).ok()?, values, context)?,
        };
        Some(EventTime { us, source })
    })
}

fn ntp_us(raw: u64) -> i64 {
    let seconds = i64::try_from(raw >> 32).unwrap_or_default() - NTP_TO_UNIX_S;
    let micros = ((raw & 0xffff_ffff) * 1_000_000) >> 32;
    seconds * 1_000_000 + i64::try_from(micros).unwrap_or_default()
}

/// Time of an uptime in milliseconds; it wraps after 49.7 days.
fn uptime_us(at: u32, values: &Values<'_>, context: &Context) -> Option<i64> {
    match (context.version, context.uptime_ms) {
        (Version::NetFlow9, Some(now)) => {
            #[expect(clippy::cast_possible_wrap, reason = "a flow may end after its header was filled in")]
            let ago = now.wrapping_sub(at) as i32;
            context.export_us.checked_sub(i64::from(ago) * 1000)
        }
        _ => {
            let sent = values.number(Number::SystemInitMs).and_then(|ms| i64::try_from(ms).ok());
            let init = sent.filter(|&ms| ms != 0).or(context.init_ms)?;
            let first = init.checked_add(i64::from(at))?;
            // The latest wrap that is not after the export, with a second for its rounding.
            let behind = context.export_us / 1000 + 1000 - first;
            first.checked_add(behind.div_euclid(1 << 32).max(0) << 32)?.checked_mul(1000)
        }
    }
}

const OBSERVED: [(Number, Scale, TimeSource); 4] = [
    (Number::ObservedNtpNanos, Scale::Ntp, TimeSource::Observation),
    (Number::ObservedNtp, Scale::Ntp, TimeSource::Observation),
    (Number::ObservedMs, Scale::Millis, TimeSource::Observation),
    (Number::ObservedSeconds, Scale::Seconds, TimeSource::Observation),
];
const STARTS: [(Number, Scale, TimeSource); 6] = [
    (Number::StartNtpNanos, Scale::Ntp, TimeSource::FlowStart),
    (Number::StartNtp, Scale::Ntp, TimeSource::FlowStart),
    (Number::StartMs, Scale::Millis, TimeSource::FlowStart),
    (Number::StartDeltaUs, Scale::DeltaMicros, TimeSource::FlowStart),
    (Number::StartSeconds, Scale::Seconds, TimeSource::FlowStart),
    (Number::FirstUptimeMs, Scale::Uptime, TimeSource::Uptime),
];
const ENDS: [(Number, Scale, TimeSource); 6] = [
    (Number::EndNtpNanos, Scale::Ntp, TimeSource::FlowEnd),
    (Number::EndNtp, Scale::Ntp, TimeSource::FlowEnd),
    (Number::EndMs, Scale::Millis, TimeSource::FlowEnd),
    (Number::EndDeltaUs, Scale::DeltaMicros, TimeSource::FlowEnd),
    (Number::EndSeconds, Scale::Seconds, TimeSource::FlowEnd),
    (Number::LastUptimeMs, Scale::Uptime, TimeSource::Uptime),
];
/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;
