#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::IpAddr;

use tadoru_detect::{Customer, Detector, Settings, World};
use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows};
use tadoru_store::incidents::contract;

use super::*;

/// A flood: what its `n`th flow in a second looks like. Times, addresses and sampling are put in.
type Draw = fn(u64) -> Flow;

const FLOODS: &[(&str, Draw)] = &[
    ("udp", |n| Flow { src_port: port(n), dst_port: 7777, ..of(17, 0, 1, 500) }),
    ("udp on every port", |n| Flow { src_port: port(n), dst_port: port(n * 7), ..of(17, 0, 1, 500) }),
    ("icmp", |_| Flow { dst_port: 0x0800, ..of(1, 0, 1, 84) }),
    ("syn", |n| Flow { src_port: port(n), dst_port: 443, ..of(6, 2, 1, 40) }),
    ("syn-ack", |n| Flow { src_port: 443, dst_port: port(n), ..of(6, 18, 1, 40) }),
    ("rst", |n| Flow { src_port: port(n), dst_port: port(n * 3), ..of(6, 4, 1, 40) }),
    ("fin", |n| Flow { src_port: port(n), dst_port: 443, ..of(6, 1, 1, 40) }),
    ("xmas", |n| Flow { src_port: port(n), dst_port: 443, ..of(6, 41, 1, 40) }),
    ("fragments", |_| of(17, 0, 1, 1400)),
    ("dns", |n| Flow { src_port: 53, dst_port: port(n), ..of(17, 0, 1, 1400) }),
    ("ntp", |_| Flow { src_port: 123, dst_port: 80, ..of(17, 0, 1, 468) }),
    ("gre", |_| of(47, 0, 1, 600)),
    ("ack", |n| Flow { src_port: port(n), dst_port: 443, sampling: 1, ..of(6, 16, 3, 40) }),
    ("memcached", |n| Flow { src_port: 11211, dst_port: port(n), ..of(17, 0, 1, 1400) }),
    ("ssdp", |n| Flow { src_port: 1900, dst_port: port(n), ..of(17, 0, 1, 320) }),
    ("cldap", |n| Flow { src_port: 389, dst_port: port(n), ..of(17, 0, 1, 1400) }),
    ("chargen", |n| Flow { src_port: 19, dst_port: port(n), ..of(17, 0, 1, 1000) }),
    ("connections", |n| Flow { src_port: port(n), dst_port: 22, sampling: 1, ..of(6, 27, 4, 50) }),
    ("http-get", |n| Flow { src: bot(n), src_port: port(n), dst_port: 80, sampling: 1, ..of(6, 27, 6, 100) }),
];

/// Which vector each of them is.
const VECTORS: &[(&str, &str)] = &[
    ("udp", "udp"),
    ("udp on every port", "udp"),
    ("icmp", "icmp"),
    ("syn", "syn"),
    ("syn-ack", "syn-ack"),
    ("rst", "rst"),
    ("fin", "fin"),
    ("xmas", "tcp-invalid"),
    ("fragments", "fragments"),
    ("dns", "amplification-dns"),
    ("ntp", "amplification-ntp"),
    ("gre", "other-protocol"),
    ("ack", "ack"),
    ("memcached", "amplification-memcached"),
    ("ssdp", "amplification-ssdp"),
    ("cldap", "amplification-cldap"),
    ("chargen", "amplification-chargen"),
    ("connections", "connections"),
    ("http-get", "http-get"),
];

#[test]
fn every_flow_of_an_attack_is_its_own_and_no_other() {
    let mut wrong = Vec::new();
    for (name, draw) in FLOODS {
        for six in [false, true] {
            let name = format!("{name}, IPv{}", if six { 6 } else { 4 });
            let (target, flood) = attacked(six, *draw);
            let Some((attack, finding)) = found(&flood, 0) else {
                wrong.push(format!("{name}: nothing found"));
                continue;
            };
            assert_eq!(finding.scope, Scope::Host(target), "{name}");
            let (_, vector) = VECTORS.iter().find(|(of, _)| name.split(", ").next() == Some(*of)).unwrap();
            assert_eq!(finding.vector.to_string(), *vector, "{name}");
            let all: Vec<Flow> = flood.concat();
            let own = chosen(&attack, &all);
            if own.len() != all.len() {
                wrong.push(format!("{name}: {} of {} flows", own.len(), all.len()));
            }
            let some = all[all.len() / 2];
            let others = [
                ("a neighbour", Flow { dst: some.dst ^ 1, ..some }),
                ("its source as target", Flow { dst: some.src, src: some.dst, ..some }),
                ("an hour before", moved(some, -3_600)),
                ("an hour after", moved(some, 3_600)),
                ("one that lasts since an hour", Flow { first_us: some.first_us - 3_600_000_000, ..some }),
                (
                    "a page that the target serves",
                    Flow { src_port: 51_000, dst_port: 8443, ..with(some, 6, 27, 9) },
                ),
                ("a page that it reads", Flow { src_port: 8443, dst_port: 51_000, ..with(some, 6, 27, 9) }),
                (
                    "a time that it asked for",
                    Flow { src_port: 123, dst_port: 51_000, ..with(some, 17, 0, 1) },
                ),
                ("another tunnel", Flow { src_port: 0, dst_port: 0, ..with(some, 50, 0, 9) }),
            ];
            for (what, other) in others {
                // Answers of a service under a flood of such answers, and tunnels in one of all that is no TCP, UDP
                // or ICMP, cannot be told from it.
                let alike = name.starts_with("ntp") && what.contains("time that")
                    || name.starts_with("gre") && what.contains("tunnel");
                if !alike && !chosen(&attack, &[other]).is_empty() {
                    wrong.push(format!("{name}: {what} is taken in"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_goes_on_is_taken_in_while_the_attack_is_open_and_not_after_its_end() {
    let (_, flood) = attacked(false, FLOODS[0].1);
    let (open, finding) = found(&flood, 0).unwrap();
    // Further behind the newest second than flows of it may begin.
    let later = moved(flood[3][0], 75);
    assert_eq!(chosen(&open, &[later]).len(), 0, "as of then it lies ahead");
    let now = finding.last.plus(75_000_000);
    let (tables, own) = (tables(), Vec::new());
    assert_eq!(chosen(&Attack::of(&finding, &tables, &own, now, MARGIN_US), &[later]).len(), 1, "it goes on");
    let ended = Finding { state: FindingState::Ended, at: now, ..finding.clone() };
    let last = finding.last;
    let gap = Flow { first_us: last.0 + 61_000_000, last_us: last.0 + 61_000_000, ..flood[0][0] };
    assert_eq!(
        chosen(&Attack::of(&ended, &tables, &own, now.plus(900_000_000), MARGIN_US), &[gap]).len(),
        0,
        "it is over"
    );
}

#[test]
fn flows_are_looked_for_as_far_back_as_their_exporters_keep_them() {
    let (_, flood) = attacked(false, FLOODS[0].1);
    let (_, finding) = found(&flood, 0).unwrap();
    let long = Flow { first_us: finding.start.0 - 290_000_000, ..flood[3][0] };
    let kept_for = |timeout_us| Attack::of(&finding, &tables(), &[], finding.at, timeout_us);
    assert_eq!(chosen(&kept_for(60_000_000), &[long]).len(), 0);
    assert_eq!(chosen(&kept_for(300_000_000), &[long]).len(), 1);
}

/// Where its exporters tell of longer flows than is configured, or of longer ones than are looked at, these are its own.
#[test]
fn long_flows_of_an_attack_are_its_own() {
    let (_, flood) = attacked(false, FLOODS[0].1);
    let (_, finding) = found(&flood, 0).unwrap();
    let lasting = |seconds: i64| Flow { first_us: finding.start.0 - seconds * 1_000_000, ..flood[3][0] };
    let own = |finding: &Finding| {
        let attack = Attack::of(finding, &tables(), &[], finding.at, MARGIN_US);
        [50, 290, 3_000].map(|seconds| chosen(&attack, &[lasting(seconds)]).len())
    };
    assert_eq!(own(&finding), [1, 0, 0]);
    let mut told = finding.clone();
    told.why.push(Sentence::LongFlows.with(&["300".to_owned(), "60".to_owned()]));
    assert_eq!(own(&told), [1, 1, 0]);
    let mut told = finding.clone();
    told.wrong_if.push(Sentence::BeganEarlier.with(&["1008".to_owned()]));
    assert_eq!(own(&told), [1, 1, 1]);
}

#[test]
fn a_scan_is_what_the_scanner_asks_and_nothing_that_it_answers() {
    let scanner = addr("198.51.100.9");
    for (scan, asked) in
        [(Scan::Telnet, vec![23, 2323]), (Scan::Hosts, vec![445]), (Scan::Ports, vec![1, 80, 9000])]
    {
        let vector = Vector::Scan(scan);
        let ports = if scan == Scan::Ports { Vec::new() } else { shares(&asked) };
        let finding = told(vector, Scope::Host(scanner), &ports, &[]);
        let attack = Attack::of(&finding, &tables(), &[], finding.at, MARGIN_US);
        let question = Flow {
            src: to_bits(scanner),
            dst: to_bits(addr("203.0.113.77")),
            src_port: 40_000,
            ..at(of(6, 2, 1, 40), finding.start.0)
        };
        for port in asked {
            assert_eq!(chosen(&attack, &[Flow { dst_port: port, ..question }]).len(), 1, "{vector:?}");
        }
        let first = Flow { dst_port: 23, ..question };
        for other in [
            Flow { src: question.src ^ 1, ..first },
            Flow { src: question.dst, dst: question.src, ..first },
            Flow { tcp_flags: 27, packets: 12, ..first },
            Flow { proto: 17, tcp_flags: 0, ..first },
        ] {
            assert!(chosen(&attack, &[other]).is_empty(), "{vector:?}");
        }
        if scan != Scan::Ports {
            assert!(chosen(&attack, &[Flow { dst_port: 443, ..question }]).is_empty(), "{vector:?}");
        }
    }
}

#[test]
fn a_carpet_is_its_prefix_and_a_customer_its_prefixes() {
    let prefix = Prefix::covering(addr("198.51.100.0"), 24).unwrap();
    let carpet = Scope::Prefix(prefix);
    let customer = Scope::Customer("the shop".to_owned());
    for (scope, inside, outside) in [
        (carpet, ["198.51.100.0", "198.51.100.255"], ["198.51.99.255", "198.51.101.0"]),
        (customer, ["203.0.113.64", "2001:db8:5::1"], ["203.0.113.128", "2001:db8:6::1"]),
        (Scope::Network, ["198.51.100.3", "203.0.113.127"], ["192.0.2.1", "2001:db8:6::1"]),
    ] {
        let finding = told(Vector::Syn, scope.clone(), &shares(&[443]), &[]);
        let own = [Prefix::covering(addr("198.51.100.0"), 23).unwrap()];
        let attack = Attack::of(&finding, &tables(), &own, finding.at, MARGIN_US);
        let flow = |dst: &str| Flow {
            dst: to_bits(addr(dst)),
            ip: if dst.contains(':') { 6 } else { 4 },
            dst_port: 443,
            ..at(of(6, 2, 1, 40), finding.start.0)
        };
        for dst in inside {
            assert_eq!(chosen(&attack, &[flow(dst)]).len(), 1, "{scope:?}");
            assert!(chosen(&attack, &[Flow { dst_port: 80, ..flow(dst) }]).is_empty(), "{scope:?}");
        }
        outside.iter().for_each(|dst| assert!(chosen(&attack, &[flow(dst)]).is_empty(), "{scope:?}"));
    }
    let nobody = told(Vector::Syn, Scope::Customer("a stranger".to_owned()), &shares(&[443]), &[]);
    assert_eq!(*Attack::of(&nobody, &tables(), &[], nobody.at, MARGIN_US).filter.node(), Node::Never);
}

#[test]
fn a_whole_interface_or_network_counts_only_where_ports_tell_the_attack() {
    let exporter = addr("192.0.2.1");
    for scope in [Scope::Interface { exporter, index: 7 }, Scope::Network] {
        for (vector, dst, src, tells) in [
            (Vector::Syn, vec![], vec![], false),
            (Vector::Udp, vec![7777], vec![], true),
            (Vector::Udp, vec![], vec![4444], true),
            (Vector::Fragments, vec![], vec![], false),
            (Vector::Amplification(Service::Dns), vec![], vec![], true),
            (Vector::Amplification(Service::Unknown), vec![], vec![], false),
            (Vector::TcpInvalid, vec![], vec![], true),
        ] {
            let finding = told(vector, scope.clone(), &shares(&dst), &shares(&src));
            let own = [Prefix::covering(addr("198.51.100.0"), 24).unwrap()];
            let attack = Attack::of(&finding, &tables(), &own, finding.at, MARGIN_US);
            assert_eq!(*attack.filter.node() != Node::Never, tells, "{vector:?}, {scope:?}");
        }
    }
    let finding = told(Vector::Udp, Scope::Interface { exporter, index: 7 }, &shares(&[7777]), &[]);
    let attack = Attack::of(&finding, &tables(), &[], finding.at, MARGIN_US);
    let flow = Flow {
        exporter: to_bits(exporter),
        input: 7,
        src_port: 9,
        dst_port: 7777,
        ..at(of(17, 0, 1, 500), finding.start.0)
    };
    assert_eq!(chosen(&attack, &[flow]).len(), 1);
    assert!(
        chosen(&attack, &[Flow { input: 8, ..flow }, Flow { exporter: flow.exporter ^ 1, ..flow }])
            .is_empty()
    );
}

#[test]
fn ports_bound_an_attack_only_where_they_hold_nearly_all_of_it() {
    let scattered = [PortShare { port: 80, share: 0.5 }, PortShare { port: 443, share: 0.4 }];
    let finding = told(Vector::Syn, Scope::Host(addr("198.51.100.9")), &scattered, &[]);
    let attack = Attack::of(&finding, &tables(), &[], finding.at, MARGIN_US);
    let flow = Flow { src_port: 9, dst_port: 22, ..at(of(6, 2, 1, 40), finding.start.0) };
    assert_eq!(chosen(&attack, &[flow]).len(), 1, "one of the tenth that has other ports");
}

/// After the 256th target no other one gets a further one's time or figures.
#[test]
fn targets_that_find_no_room_change_no_other() {
    let mut detector =
        Detector::new(Settings { carpet_hosts: 1e9, ..settings() }, World::new(Tables::default()), 7);
    let mut newest = None;
    let mut hit = Vec::new();
    for second in 0..300_u64 {
        // Another address of a /48 each second.
        let dst = to_bits(addr("2001:db8:17::1")) + u128::from(second);
        let flows: Vec<Flow> =
            (0..400).map(|n| Flow { dst, ..placed(FLOODS[3].1(n), n, second, true) }).collect();
        hit.push((dst, START_US + second as i64 * 1_000_000));
        for finding in step(&mut detector, second + 1, &flows) {
            newest = Some(finding);
        }
    }
    let open = detector.open(UtcMicros(START_US + 301_000_000));
    let finding = open.iter().max_by_key(|finding| finding.targets.len()).cloned().or(newest).unwrap();
    assert!(finding.targets.len() <= 256);
    assert!(finding.targets.len() > 200, "{} targets", finding.targets.len());
    for target in &finding.targets {
        let Scope::Host(addr) = target.scope else { continue };
        let (_, at) = hit.iter().find(|(dst, _)| *dst == to_bits(addr)).unwrap();
        let long = target.last.0 - at;
        assert!((-1_000_000..=3_000_000).contains(&long), "a target hit for a second has {long} µs");
        assert!(target.from.0 - at >= -1_000_000);
    }
}

// --- scenes ---------------------------------------------------------------------------------------------------

const START_US: i64 = 1_795_230_000_000_000;

/// Ten seconds of a flood on one host.
fn attacked(six: bool, draw: Draw) -> (IpAddr, Vec<Vec<Flow>>) {
    let target = addr(if six { "2001:db8:17::9" } else { "198.51.100.9" });
    let of_second = |second| {
        // Where every flow is seen, there are more of them.
        let count = if draw(0).sampling > 1 { 400 } else { 8_000 };
        let flows = (0..count).map(|n| {
            let mut flow = placed(draw(n), n, second, six);
            if six && flow.proto == 1 {
                (flow.proto, flow.dst_port) = (58, 128 << 8);
            }
            Flow { dst: to_bits(target), ..flow }
        });
        flows.collect()
    };
    (target, (0..10).map(of_second).collect())
}

/// What the detector makes of it, as of the newest finding.
fn found(flood: &[Vec<Flow>], seed: u64) -> Option<(Attack, Finding)> {
    let mut detector = Detector::new(settings(), World::new(Tables::default()), seed);
    for (second, flows) in flood.iter().enumerate() {
        step(&mut detector, second as u64 + 1, flows);
    }
    let now = UtcMicros(START_US + flood.len() as i64 * 1_000_000);
    let finding = detector.open(now).into_iter().next()?;
    Some((Attack::of(&finding, &tables(), &[], now, MARGIN_US), finding))
}

fn step(detector: &mut Detector, second: u64, flows: &[Flow]) -> Vec<Finding> {
    detector.step(UtcMicros(START_US + second as i64 * 1_000_000), &batch(flows))
}

fn settings() -> Settings {
    Settings { destinations: 1 << 14, ..Settings::default() }
}

fn placed(flow: Flow, n: u64, second: u64, six: bool) -> Flow {
    let scattered = (second * 1_000 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let base = if six { to_bits(addr("2a00::")) } else { to_bits(addr("20.0.0.0")) };
    let first = START_US + second as i64 * 1_000_000 + n as i64 * 100;
    Flow {
        src: base + if flow.src > 0 { flow.src } else { u128::from(scattered >> 38) },
        ip: if six { 6 } else { 4 },
        received_us: first + 1_000,
        ..at(flow, first)
    }
}

fn of(proto: u8, tcp_flags: u8, packets: u64, octets: u64) -> Flow {
    Flow {
        proto,
        tcp_flags,
        packets,
        bytes: packets * octets,
        sampling: 100,
        flows: 1,
        direction: 255,
        ..Flow::default()
    }
}

fn at(flow: Flow, first_us: i64) -> Flow {
    let exporter = to_bits(addr("192.0.2.1"));
    let target = to_bits(addr("198.51.100.9"));
    Flow { first_us, last_us: first_us, exporter, input: 3, ip: 4, dst: target, ..flow }
}

fn with(flow: Flow, proto: u8, tcp_flags: u8, packets: u64) -> Flow {
    Flow { proto, tcp_flags, packets, bytes: packets * 700, ..flow }
}

fn moved(flow: Flow, seconds: i64) -> Flow {
    let by = seconds * 1_000_000;
    Flow {
        first_us: flow.first_us + by,
        last_us: flow.last_us + by,
        received_us: flow.received_us + by,
        ..flow
    }
}

/// A finding of an attack on `scope` that lasted five seconds.
fn told(vector: Vector, scope: Scope, dst: &[PortShare], src: &[PortShare]) -> Finding {
    let mut finding = contract::finding(1, FindingState::Ended, START_US / 1_000_000);
    finding.targets.truncate(1);
    finding.targets[0].scope = scope.clone();
    finding.targets[0].vector = vector;
    Finding { vector, scope, dst_ports: dst.to_vec(), src_ports: src.to_vec(), ..finding }
}

fn shares(ports: &[u16]) -> Vec<PortShare> {
    ports.iter().map(|port| PortShare { port: *port, share: 1.0 / ports.len() as f64 }).collect()
}

fn tables() -> Tables {
    let prefixes = [("203.0.113.64", 26), ("2001:db8:5::", 48)];
    let prefixes = prefixes.map(|(at, len)| Prefix::covering(addr(at), len).unwrap()).to_vec();
    let shop = Customer { name: "the shop".to_owned(), class: "business".to_owned(), prefixes };
    Tables { customers: vec![shop], ..Tables::default() }
}

/// Those of the flows that are the attack's own, of its span as a store looks them up.
fn chosen(attack: &Attack, flows: &[Flow]) -> Vec<u32> {
    let mut rows = Vec::new();
    attack.filter.select(&batch(flows), 0..flows.len(), &mut rows);
    let inside = |flow: &Flow| flow.first_us < attack.span.until.0 && flow.last_us >= attack.span.from.0;
    assert!(rows.iter().all(|row| inside(&flows[*row as usize])), "the span holds what the filter takes");
    rows
}

fn batch(flows: &[Flow]) -> Flows {
    let mut batch = Flows::with_capacity(flows.len());
    flows.iter().for_each(|flow| batch.push(*flow));
    batch
}

/// One of a hundred senders.
fn bot(n: u64) -> u128 {
    u128::from(n % 100 + 1) << 9
}

fn port(n: u64) -> u16 {
    20_001 + (n.wrapping_mul(2_654_435_761) >> 7) as u16 % 12_000 * 2
}

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}
