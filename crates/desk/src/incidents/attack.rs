//! Which flows are an attack's own.
//!
//! What comes in: the newest finding of an incident and whose prefixes are whose. What goes out: a span of time and a
//! filter over single flows: for each target its addresses, the protocol, flags and ports of its vector, and the time in
//! which it was hit. It is what the fact `scope.attack_only` means, so it rather leaves a packet of the attack out than
//! takes a neighbour's communication in: ports that hold nearly all of an attack bound it, and a target as wide as an
//! interface or the network counts only where ports or flags tell the attack from everything else there.

use std::ops::RangeInclusive;

use tadoru_detect::{Said, Sentence, Tables};
use tadoru_model::finding::{Finding, FindingState, PortShare, Scan, Scope, Service, Target};
use tadoru_model::{Prefix, Span, UtcMicros, Vector};
use tadoru_store::filter::{AddressField, Field, Filter, Node, Test};

#[cfg(test)]
mod tests;

/// The flows of an attack.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// Its time.
    pub span: Span,
    /// Which flows of that time are its own.
    pub filter: Filter,
}

impl Attack {
    /// The flows of the incident that a finding is the newest of, as of `now`, by exporters that tell long flows every
    /// `timeout_us`.
    pub fn of(finding: &Finding, tables: &Tables, own: &[Prefix], now: UtcMicros, timeout_us: i64) -> Self {
        let margin_us = timeout_us.max(MARGIN_US).max(told_within_us(finding));
        let before_us = if began_earlier(finding) { LONGEST_US } else { margin_us };
        let last = if finding.state == FindingState::Ended { finding.last } else { finding.last.max(now) };
        let span = Span::new(finding.start.plus(-before_us), last.plus(margin_us));
        let whose = Whose { tables, own };
        let targets = finding.targets.iter().map(|target| {
            let Target { scope, vector, from, last, .. } = target;
            let going_on = finding.state != FindingState::Ended && finding.at.since(*last) <= FRESH_US;
            let last = if going_on { (*last).max(now) } else { *last };
            let hit = Span::new(from.plus(-before_us), last.plus(margin_us));
            Node::all(vec![whose.aim(scope, *vector), shape(finding, scope, *vector), within(hit)])
        });
        Self { span, filter: Filter::from(Node::either(targets.collect())) }
    }
}

/// How long after they began flows of it were told of, where that is longer than configured.
fn told_within_us(finding: &Finding) -> i64 {
    let said = finding.why.iter().filter_map(|text| Said::read(text));
    let mut seconds = said.filter(|said| said.sentence == Sentence::LongFlows).filter_map(|said| {
        let seconds: i64 = said.figures.first()?.parse().ok()?;
        Some(seconds.saturating_mul(1_000_000))
    });
    seconds.next().unwrap_or_default().min(LONGEST_US)
}

/// Whether flows of it began before anything is kept of them.
fn began_earlier(finding: &Finding) -> bool {
    let mut said = finding.wrong_if.iter().filter_map(|text| Said::read(text));
    said.any(|said| said.sentence == Sentence::BeganEarlier)
}

/// Whose prefixes are whose.
struct Whose<'t> {
    tables: &'t Tables,
    own: &'t [Prefix],
}

impl Whose<'_> {
    /// Towards a target; of a scan, from it.
    fn aim(&self, scope: &Scope, vector: Vector) -> Node {
        let side = if vector.is_scan() { AddressField::Src } else { AddressField::Dst };
        match scope {
            Scope::Host(addr) => in_prefixes(side, vec![Prefix::host(*addr)]),
            Scope::Prefix(prefix) => in_prefixes(side, vec![*prefix]),
            Scope::Customer(name) => {
                let customers = self.tables.customers.iter().filter(|customer| customer.name == *name);
                in_prefixes(side, customers.flat_map(|customer| customer.prefixes.iter().copied()).collect())
            }
            Scope::Interface { exporter, index } => Node::all(vec![
                in_prefixes(AddressField::Exporter, vec![Prefix::host(*exporter)]),
                number(Field::Input, vec![u64::from(*index)..=u64::from(*index)]),
            ]),
            Scope::Network => {
                let customers = self.tables.customers.iter().flat_map(|customer| &customer.prefixes);
                let own = self.own.iter().chain(&self.tables.own).chain(customers);
                in_prefixes(side, own.copied().collect())
            }
        }
    }
}

/// The packets of a vector, as the detector tells them, and the ports of this attack.
fn shape(finding: &Finding, scope: &Scope, vector: Vector) -> Node {
    // Ports were counted of the strongest vector.
    let is_main = vector == finding.vector;
    let dst = is_main.then(|| narrow(&finding.dst_ports)).flatten();
    let src = is_main.then(|| narrow(&finding.src_ports)).flatten();
    let is_wide = matches!(scope, Scope::Interface { .. } | Scope::Network);
    let tells = match vector {
        Vector::TcpInvalid => true,
        Vector::Amplification(service) => service != Service::Unknown || src.is_some(),
        _ => dst.is_some() || src.is_some(),
    };
    if is_wide && !tells {
        return Node::Never;
    }
    let ports = |field: Field, within: Option<Vec<RangeInclusive<u64>>>| {
        within.map_or(Node::Any, |within| number(field, within))
    };
    let own = match vector {
        Vector::Scan(Scan::Telnet) => number(Field::DstPort, vec![23..=23, 2323..=2323]),
        Vector::Scan(Scan::Ports) => Node::Any,
        // Its source ports are chosen anew for each question.
        Vector::Scan(Scan::Hosts) => ports(Field::DstPort, dst),
        // Answers to what the target itself began carry both flags too: they go to ports that no service has.
        Vector::Connections | Vector::HttpGet | Vector::SlowConnections if dst.is_none() => {
            Node::all(vec![number(Field::DstPort, vec![0..=LAST_OF_SERVICES]), ports(Field::SrcPort, src)])
        }
        _ => Node::all(vec![ports(Field::DstPort, dst), ports(Field::SrcPort, src)]),
    };
    Node::all(vec![kind(vector), own])
}

/// What packets of a vector have in common.
fn kind(vector: Vector) -> Node {
    let tcp = |parts: Vec<Node>| Node::all([vec![proto(&[TCP]), no_fragment()], parts].concat());
    let few = || number(Field::Packets, vec![0..=FEW]);
    match vector {
        Vector::Udp | Vector::Amplification(Service::Unknown) => {
            Node::all(vec![proto(&[UDP]), no_fragment(), no_service()])
        }
        Vector::Icmp => proto(&[ICMP, ICMP_V6]),
        Vector::Syn => tcp(vec![flags(SYN | ACK | FIN, SYN)]),
        Vector::SynAck => tcp(vec![flags(FIN | SYN | PSH | ACK | URG, SYN | ACK), few()]),
        Vector::Ack => tcp(vec![flags(SYN, 0)]),
        Vector::Rst => tcp(vec![flags(SYN | RST | PSH, RST), few()]),
        Vector::Fin => tcp(vec![flags(SYN | RST | FIN | PSH, FIN), few()]),
        Vector::TcpInvalid => tcp(vec![Node::either(vec![
            flags(ALL, 0),
            flags(SYN | FIN | ACK, SYN | FIN),
            flags(ALL, FIN | PSH | URG),
        ])]),
        Vector::Fragments => Node::all(vec![proto(&[TCP, UDP]), no_ports()]),
        Vector::Amplification(service) => {
            let port = u64::from(service.port());
            Node::all(vec![proto(&[UDP]), number(Field::SrcPort, vec![port..=port])])
        }
        Vector::Connections | Vector::HttpGet => tcp(vec![flags(SYN | ACK, SYN | ACK)]),
        Vector::SlowConnections => {
            tcp(vec![flags(SYN | FIN | RST | ACK, ACK), number(Field::Packets, vec![0..=FEW + 1])])
        }
        Vector::OtherProtocol => {
            let known = [ICMP, TCP, UDP, ICMP_V6].map(|proto| proto..=proto).to_vec();
            Node::IsNot(Test::Number { field: Field::Proto, within: known })
        }
        Vector::Scan(_) => tcp(vec![flags(SYN | ACK, SYN)]),
    }
}

/// The ports that nearly all of an attack has; `None` where it has no such ports.
fn narrow(shares: &[PortShare]) -> Option<Vec<RangeInclusive<u64>>> {
    let held: f64 = shares.iter().map(|share| share.share).sum();
    if held < NEARLY_ALL {
        return None;
    }
    let mut ports: Vec<u64> = shares.iter().map(|share| u64::from(share.port)).collect();
    Some(joined(&mut ports))
}

/// Ascending ranges that do not touch.
fn joined(ports: &mut [u64]) -> Vec<RangeInclusive<u64>> {
    ports.sort_unstable();
    let mut within: Vec<RangeInclusive<u64>> = Vec::new();
    for port in ports {
        match within.last_mut() {
            Some(last) if *port <= last.end() + 1 => *last = *last.start()..=*port,
            _ => within.push(*port..=*port),
        }
    }
    within
}

pub(crate) fn in_prefixes(field: AddressField, mut within: Vec<Prefix>) -> Node {
    // None may cover another.
    within.sort_by_key(|prefix| (prefix.addr(), prefix.len()));
    within.dedup_by(|later, earlier| earlier.contains(later.addr()) && earlier.len() <= later.len());
    if within.is_empty() { Node::Never } else { Node::Is(Test::Address { field, within }) }
}

fn proto(numbers: &[u64]) -> Node {
    number(Field::Proto, numbers.iter().map(|number| *number..=*number).collect())
}

fn flags(of: u8, set: u8) -> Node {
    Node::Is(Test::Flags { of, set })
}

fn number(field: Field, within: Vec<RangeInclusive<u64>>) -> Node {
    Node::Is(Test::Number { field, within })
}

/// Fragments behind the first carry no ports.
fn no_ports() -> Node {
    Node::all(vec![number(Field::SrcPort, vec![0..=0]), number(Field::DstPort, vec![0..=0])])
}

fn no_fragment() -> Node {
    let other = |field| Node::IsNot(Test::Number { field, within: vec![0..=0] });
    Node::either(vec![other(Field::SrcPort), other(Field::DstPort)])
}

/// Answers of a service that is known are a vector of their own.
fn no_service() -> Node {
    let mut ports: Vec<u64> = Service::ALL.iter().map(|service| u64::from(service.port())).collect();
    Node::IsNot(Test::Number { field: Field::SrcPort, within: joined(&mut ports) })
}

/// Flows that lie in a span from their first packet to their last.
fn within(span: Span) -> Node {
    let us = |at: i64| u64::try_from(at).unwrap_or(0);
    let instants = us(span.from.0)..=us(span.until.0.saturating_sub(1));
    Node::all(vec![number(Field::FirstUs, vec![instants.clone()]), number(Field::LastUs, vec![instants])])
}

const ICMP: u64 = 1;
const TCP: u64 = 6;
const UDP: u64 = 17;
const ICMP_V6: u64 = 58;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
const URG: u8 = 32;
const ALL: u8 = FIN | SYN | RST | PSH | ACK | URG;

/// Behind this are ports that systems take for their own questions (Linux's; RFC 6335 begins at 49152).
const LAST_OF_SERVICES: u64 = 32_767;
/// Packets of a flow that is hardly one.
const FEW: u64 = 3;
/// Part of an attack that ports must hold to bound it.
const NEARLY_ALL: f64 = 0.95;
/// How long before and after its seconds over the threshold flows of an attack may begin and end at least: an exporter's
/// usual active timeout, microseconds.
const MARGIN_US: i64 = 60_000_000;
/// How long a flow of an attack may have lasted at most, microseconds.
const LONGEST_US: i64 = 86_400_000_000;
/// A target that was hit so shortly before the newest finding is hit still, microseconds.
const FRESH_US: i64 = 60_000_000;
