//! What was told decides, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_model::Flow;

use super::*;

fn bits(text: &str) -> u128 {
    to_bits(text.parse().unwrap())
}

fn interface(exporter: &str, index: u32, role: InterfaceRole) -> Interface {
    Interface {
        exporter: exporter.parse().unwrap(),
        index,
        name: format!("if{index}"),
        role,
        neighbour_as: 64500 + index,
        leads_to: None,
        sources: Vec::new(),
    }
}

fn flow(exporter: &str, input: u32, direction: u8) -> Flow {
    Flow { exporter: bits(exporter), input, direction, ip: 4, ..Flow::default() }
}

fn batch(flows: impl IntoIterator<Item = Flow>) -> Flows {
    let mut batch = Flows::default();
    flows.into_iter().for_each(|flow| batch.push(flow));
    batch
}

#[test]
fn systems_are_filled_in_where_none_was_told() {
    let network = Network::new(Told {
        own: vec!["203.0.113.0/24".parse().unwrap()],
        own_as: 64500,
        origins: vec![
            ("198.51.100.0/24".parse().unwrap(), 64501),
            ("198.51.100.128/25".parse().unwrap(), 64502),
            ("2001:db8::/32".parse().unwrap(), 64503),
        ],
        ..Told::default()
    });
    let pair = |src: &str, dst: &str, src_as, ip| Flow {
        src: bits(src),
        dst: bits(dst),
        src_as,
        ip,
        ..Flow::default()
    };
    let mut flows = batch([
        pair("198.51.100.1", "203.0.113.9", 0, 4),
        pair("198.51.100.200", "192.0.2.1", 0, 4),
        pair("198.51.100.200", "203.0.113.9", 65000, 4),
        pair("2001:db8::1", "2001:db9::1", 0, 6),
        pair("198.51.100.1", "203.0.113.9", 0, 0),
    ]);
    network.enrich(&mut flows);
    assert_eq!(flows.src_as, [64501, 64502, 65000, 64503, 0]);
    assert_eq!(flows.dst_as, [64500, 0, 64500, 0, 0]);
}

#[test]
fn records_count_once_at_the_edge_and_at_customers() {
    let (one, two) = ("192.0.2.1", "2001:db8::2");
    let network = Network::new(Told {
        interfaces: vec![
            interface(one, 1, InterfaceRole::Edge),
            interface(one, 2, InterfaceRole::Customer),
            interface(one, 3, InterfaceRole::Core),
            interface(one, 5, InterfaceRole::Edge),
            interface(two, 3, InterfaceRole::Edge),
            interface(two, 1, InterfaceRole::Core),
        ],
        ..Told::default()
    });
    let flows = batch([
        flow(one, 1, 0),
        flow(one, 2, 255),
        flow(one, 3, 0),
        flow(one, 4, 0),
        flow(one, 5, 1),
        flow(two, 3, 0),
        flow(two, 1, 0),
        flow("192.0.2.9", 1, 0),
    ]);
    let once = network.once().unwrap();
    let mut rows = Vec::new();
    once.select(&flows, 0..flows.rows(), &mut rows);
    assert_eq!(rows, [0, 1, 5]);
    assert!(once.is_aggregate_safe());
    assert!(once.and(Filter::parse("proto udp").unwrap()).is_aggregate_safe());
}

#[test]
fn without_ways_in_nothing_counts_once() {
    assert!(Network::default().once().is_none());
    let interfaces = vec![interface("192.0.2.1", 1, InterfaceRole::Core)];
    assert!(Network::new(Told { interfaces, ..Told::default() }).once().is_none());
}

#[test]
fn places_are_those_that_were_told() {
    let interfaces = vec![interface("192.0.2.1", 7, InterfaceRole::Edge)];
    let network = Network::new(Told { interfaces, ..Told::default() });
    let place = network.place(bits("192.0.2.1"), 7).unwrap();
    assert_eq!((place.name.as_str(), place.neighbour_as), ("if7", 64507));
    assert!(network.place(bits("192.0.2.1"), 8).is_none());
}

#[test]
fn customers_keep_their_places_when_the_network_is_told_anew() {
    let customer = |name: &str, prefix: &str| Customer {
        name: name.to_owned(),
        prefixes: vec![prefix.parse().unwrap()],
        class: String::new(),
    };
    let told = |customers: Vec<Customer>| Network::new(Told { customers, ..Told::default() });
    let before = told(vec![customer("hill", "203.0.113.0/26"), customer("river", "203.0.113.64/26")]);
    let anew = vec![
        customer("sea", "203.0.113.128/26"),
        customer("river", "203.0.113.192/26"),
        customer("wood", "198.51.100.0/26"),
    ];
    let network = told(anew).behind(&before);
    let names: Vec<&str> = network.tables().customers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["hill", "river", "sea", "wood"]);
    let world = network.world();
    assert_eq!(world.customer_of(bits("203.0.113.1")), None, "who is told no more has no address");
    assert_eq!(world.customer_of(bits("203.0.113.65")), None);
    assert_eq!(world.customer_of(bits("203.0.113.193")), Some(1));
    assert_eq!(world.customer_of(bits("203.0.113.129")), Some(2));
}
