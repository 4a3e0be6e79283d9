//! Who gets what: nothing more than the rule for each recipient says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::IpAddr;

use tadoru_model::finding::{
    Collateral, Direction, FindingId, FindingState, Peak, PortShare, Service, SourceShare, Sources, Spoofing,
    SpoofingVerdict, Sureness, Threshold, ThresholdFrom, Vector,
};
use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows};

use super::*;

const VICTIM: &str = "203.0.113.77";
const OTHER: &str = "203.0.113.99";
const SENDER: &str = "198.51.100.23";
const CUSTOMER: &str = "Yamada Kogyo K.K.";

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rate(packets_per_s: f64) -> Rate {
    Rate { packets_per_s, bits_per_s: packets_per_s * 8_000.0, flows_per_s: 1.0 }
}

fn aim(scope: Scope) -> Target {
    let vector = Vector::Amplification(Service::Dns);
    Target { scope, vector, from: UtcMicros(0), last: UtcMicros(9_000_000), peak: rate(9_000.0) }
}

fn ingress(input: u32, neighbour_as: u32, share: f64) -> Ingress {
    Ingress { exporter: addr("192.0.2.1"), input, neighbour_as, share }
}

/// As if every sentence were known in Japanese.
fn say(english: &str) -> Option<String> {
    (!english.is_empty()).then(|| format!("「{english}」"))
}

fn finding() -> Finding {
    let vector = Vector::Amplification(Service::Dns);
    Finding {
        id: FindingId(0xabc),
        state: FindingState::Ended,
        at: UtcMicros(9_000_000),
        vector,
        vectors: vec![VectorRate { vector, peak: rate(9_000.0) }],
        scope: Scope::Host(addr(VICTIM)),
        direction: Direction::Incoming,
        start: UtcMicros(0),
        last: UtcMicros(9_000_000),
        peak: Peak { at: UtcMicros(5_000_000), rate: rate(9_000.0) },
        now: Rate::default(),
        threshold: Threshold { rate: rate(1_000.0), from: ThresholdFrom::Configured, class: String::new() },
        sampling: 100,
        sources: Sources {
            count: 40,
            error_percent: 0.0,
            entropy: 0.9,
            largest: vec![SourceShare { addr: addr(SENDER), share: 0.5 }],
            spoofing: Spoofing {
                verdict: SpoofingVerdict::Plausible,
                impossible_share: 0.0,
                because: vec!["a service answered".to_owned()],
            },
        },
        ingress: vec![ingress(3, 64_501, 0.8), ingress(4, 64_502, 0.2)],
        collateral: vec![Collateral {
            scope: Scope::Host(addr(OTHER)),
            how: "a neighbour is hit too".to_owned(),
            rate: rate(10.0),
        }],
        targets: vec![
            aim(Scope::Host(addr(VICTIM))),
            aim(Scope::Host(addr(OTHER))),
            aim(Scope::Customer(CUSTOMER.to_owned())),
        ],
        dst_ports: vec![PortShare { port: 4_444, share: 1.0 }],
        src_ports: vec![PortShare { port: 53, share: 1.0 }],
        why: vec!["nine times the threshold".to_owned()],
        sure: Sureness::Sure,
        sure_because: "answers nobody asked for".to_owned(),
        wrong_if: vec!["the target asked for them".to_owned()],
    }
}

fn flow(src: &str, dst: &str, first_us: i64) -> Flow {
    let (src, dst) = (to_bits(addr(src)), to_bits(addr(dst)));
    Flow {
        ip: 4,
        src,
        dst,
        src_port: 53,
        dst_port: 4_444,
        proto: 17,
        packets: 5,
        bytes: 6_000,
        first_us,
        ..Flow::default()
    }
}

fn records() -> Records {
    let mut flows = Flows::default();
    flows.push(flow(SENDER, VICTIM, 2_000_000));
    flows.push(flow("198.51.100.24", OTHER, 1_000_000));
    flows.push(flow(VICTIM, SENDER, 1_000_000));
    Records { flows, cut: false }
}

fn text(documents: &[Document]) -> String {
    documents.iter().map(|document| String::from_utf8(document.octets.clone()).unwrap()).collect()
}

#[test]
fn no_pack_names_a_customer() {
    let packs = [
        for_victim(&finding(), &records(), &[Prefix::host(addr(VICTIM))], say),
        for_neighbour(&finding(), 64_501, &[Prefix::host(addr(VICTIM))]),
        for_association(&finding(), &records(), say),
    ];
    for pack in &packs {
        assert!(!text(pack).contains(CUSTOMER));
    }
}

#[test]
fn the_victim_gets_its_own_communications_and_no_others() {
    let documents = for_victim(&finding(), &records(), &[Prefix::host(addr(VICTIM))], say);
    let text = text(&documents);
    assert!(text.contains(VICTIM) && text.contains(SENDER));
    assert!(!text.contains(OTHER) && !text.contains("198.51.100.24"), "{text}");
    assert!(
        !text.contains("64501") && !text.contains("192.0.2.1"),
        "the operator's routers are no part of it"
    );
    let csv = String::from_utf8(documents.iter().find(|d| d.name == "records.csv").unwrap().octets.clone())
        .unwrap();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(lines[1].starts_with("1970-01-01T00:00:01Z,"), "by time: {csv}");
    assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
}

#[test]
fn the_neighbour_gets_five_fields_and_no_address_of_a_communication() {
    let documents = for_neighbour(&finding(), 64_501, &[Prefix::host(addr(VICTIM))]);
    let told: serde_json::Value = serde_json::from_slice(&documents[0].octets).unwrap();
    let fields: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["time", "attack_type", "volume", "ingress_interfaces", "victim_prefixes"]);
    assert_eq!(told["victim_prefixes"][0], "203.0.113.0/24");
    assert_eq!(told["ingress_interfaces"].as_array().unwrap().len(), 1, "its own interfaces only");
    let text = text(&documents);
    for secret in [VICTIM, OTHER, SENDER, "64502"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn the_association_gets_the_sources_as_evidence() {
    let text = text(&for_association(&finding(), &records(), say));
    assert!(text.contains(SENDER) && text.contains("64502"), "{text}");
    let because = &finding().sure_because;
    assert!(text.contains(&format!("「{because}」 / {because}")), "in both languages: {text}");
}

#[test]
fn a_network_is_told_no_narrower_than_a_24_or_a_48() {
    let told = |prefix: &str| network(prefix.parse().unwrap()).to_string();
    assert_eq!(told("203.0.113.77/32"), "203.0.113.0/24");
    assert_eq!(told("203.0.112.0/22"), "203.0.112.0/22");
    assert_eq!(told("2001:db8:1:2::/64"), "2001:db8:1::/48");
}
