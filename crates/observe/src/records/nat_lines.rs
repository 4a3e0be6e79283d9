//! NAT logs as text: translations out of syslog and conntrack lines, and losses out of their numbering.
//!
//! What comes in: one NAT event of a line, or the numbers that a device gives its messages. What goes out: translation
//! events, and coverage for messages that never came. A time that the device or its zone leaves in doubt is refused: an
//! hour's error names a wrong person.

use std::collections::HashMap;
use std::net::IpAddr;

use tadoru_model::observation::{Moment, NatEvent, Observation, Observed, When};
use tadoru_model::{
    CoverageSpan, CoverageState, PortRange, Protocol, Realm, RecordKind, Remote, SourceName, Span, UtcMicros,
};
use tadoru_wire::natlog::{NatLine, Ports, Stamp, TimeHow, Verb};

use super::{Converted, connection_ports};
use crate::octets::{put, put_number, take, take_number, take_text};

/// What a line does not tell of itself.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The gateway.
    pub source: &'a SourceName,
    /// Realm of the outside addresses.
    pub realm: &'a Realm,
    /// Realm of the inside addresses where the line names none.
    pub inside_realm: &'a Realm,
    /// Whether the operator stated in which zone the gateway's clock runs.
    pub zone: Zone,
    /// When it arrived, if somebody noted it.
    pub arrival: Option<UtcMicros>,
    /// Where it stands.
    pub record: u64,
}

/// Whether the zone of a clock is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// The operator stated it.
    Stated,
    /// Nobody did: a time without a zone of its own is no time.
    Unknown,
}

/// Turns one NAT event of a line into an observation.
///
/// # Errors
/// When it lacks its time, its outside address or its ports, or when the time is in doubt.
pub fn observation(line: &NatLine<'_>, origin: &Origin<'_>) -> Converted {
    if !line.translated {
        return Ok(None);
    }
    let outside = line.outside.ok_or("outside address is missing")?;
    let proto = line.proto.map_or(Protocol::ANY, Protocol);
    let (moment, ports) = match (line.verb, line.outside_ports) {
        (Verb::SessionCreate, ports) => (Moment::Start, connection(proto, ports)?),
        (Verb::SessionDelete, ports) => (Moment::Stop, connection(proto, ports)?),
        (Verb::Flow, ports) => (Moment::Alive, connection(proto, ports)?),
        (Verb::BlockAllocate, ports) => (Moment::Start, block(ports)?),
        (Verb::BlockInterim, ports) => (Moment::Alive, block(ports)?),
        (Verb::BlockRelease, ports) => (Moment::Stop, block(ports)?),
        (Verb::AddressBind, Ports::Whole) => (Moment::Start, PortRange::ALL),
        (Verb::AddressUnbind, Ports::Whole) => (Moment::Stop, PortRange::ALL),
        (Verb::AddressBind, ports) => (Moment::Start, block(ports)?),
        (Verb::AddressUnbind, ports) => (Moment::Stop, block(ports)?),
    };
    let logged = instant(line.time.ok_or("line has no time")?, origin.zone)?;
    let (inside, inside_port) = match line.softwire {
        Some(softwire) => (IpAddr::V6(softwire), None),
        None => (line.inside.addr, line.inside.port),
    };
    let event = NatEvent {
        moment,
        when: When { logged: Some(logged), not_after: origin.arrival },
        began: line.start_us.map(UtcMicros).filter(|began| moment != Moment::Start && *began <= logged),
        proto,
        inside_realm: line.realm.as_deref().map_or_else(|| origin.inside_realm.clone(), Realm::from),
        inside,
        inside_port,
        outside,
        ports,
        remote: line
            .post_destination
            .or(line.destination)
            .map(|far| Remote { addr: far.addr, port: far.port }),
        id: line.session.unwrap_or(0),
    };
    Ok(Some(Observation {
        source: origin.source.clone(),
        realm: origin.realm.clone(),
        record: origin.record,
        what: Observed::Nat(event),
    }))
}

/// The instant of a stamp, unless there is any doubt about it.
///
/// # Errors
/// When its local time exists twice or never, when the device marks its clock as not set, or when nobody knows its zone.
pub fn instant(stamp: Stamp, zone: Zone) -> Result<UtcMicros, &'static str> {
    let local = matches!(stamp.how, TimeHow::Local | TimeHow::LocalYearless);
    if stamp.doubtful {
        Err("the device's clock cannot be trusted here: it is not set, or its zone is unclear")
    } else if local && zone == Zone::Unknown {
        Err("time has no zone, and none is stated for the source")
    } else if stamp.other_us.is_some() {
        Err("the device's clock cannot be trusted here: the time falls into a clock change")
    } else {
        Ok(UtcMicros(stamp.us))
    }
}

fn connection(proto: Protocol, ports: Ports) -> Result<PortRange, &'static str> {
    match ports {
        Ports::One(port) => Ok(PortRange::one(port)),
        Ports::Whole => connection_ports(proto, None),
        Ports::Block { low, high } => PortRange::new(low, high).ok_or(BACKWARDS),
    }
}

fn block(ports: Ports) -> Result<PortRange, &'static str> {
    match ports {
        Ports::Block { low, high } => PortRange::new(low, high).ok_or(BACKWARDS),
        Ports::One(port) => Ok(PortRange::one(port)),
        Ports::Whole => Err("ports of the block are missing"),
    }
}

/// Follows the numbers that devices give their messages (RFC 5424 section 7.3.1, Cisco sequence numbers).
#[derive(Debug, Default)]
pub struct Sequences {
    last: HashMap<SourceName, Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    number: u64,
    at: Option<UtcMicros>,
}

impl Sequences {
    /// Takes the next message in; gives the span of those that are missing before it. A message that comes late is none,
    /// and numbers that begin anew are none either.
    pub fn step(
        &mut self,
        source: &SourceName,
        realm: &Realm,
        number: u64,
        at: Option<UtcMicros>,
    ) -> Option<CoverageSpan> {
        let next = Last { number, at };
        let Some(last) = self.last.get_mut(source) else {
            if self.last.len() < MOST_SOURCES {
                self.last.insert(source.clone(), next);
            }
            return None;
        };
        if number <= last.number && last.number - number < LATE {
            return None;
        }
        let before = std::mem::replace(last, next);
        let missing = number.checked_sub(before.number)?.checked_sub(1).filter(|missing| *missing > 0)?;
        let (from, until) = (before.at.or(at)?, at.or(before.at)?);
        Some(CoverageSpan {
            source: source.clone(),
            kind: RecordKind::NatBlock,
            realm: realm.clone(),
            prefixes: Vec::new(),
            span: Span::new(from.min(until), from.max(until).plus(1)),
            state: CoverageState::Lossy,
            why: format!("{missing} messages lost by sequence numbers"),
        })
    }
}

impl Sequences {
    /// Appends the numbers as octets.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.last.len() as u64);
        for (source, last) in &self.last {
            put(out, source.0.as_bytes());
            put_number(out, last.number);
            put(out, last.at.map(|at| at.0.to_be_bytes()).as_ref().map_or(&[], |at| at.as_slice()));
        }
    }

    /// Reads what [`Self::write`] wrote; `None` when it is anything else.
    pub(crate) fn read(rest: &mut &[u8]) -> Option<Self> {
        let mut last = HashMap::new();
        for _ in 0..take_number(rest)? {
            let (source, number) = (SourceName::from(take_text(rest)?), take_number(rest)?);
            let at = match take(rest)? {
                [] => None,
                at => Some(UtcMicros(i64::from_be_bytes(at.try_into().ok()?))),
            };
            last.insert(source, Last { number, at });
        }
        Some(Self { last })
    }
}

const BACKWARDS: &str = "last port is below the first";

/// A number that lies back less than this came late; one that lies back further begins anew.
const LATE: u64 = 64;

/// Sources whose numbers are followed at most.
const MOST_SOURCES: usize = 65_536;
