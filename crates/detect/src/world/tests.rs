#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

fn bits(text: &str) -> u128 {
    to_bits(text.parse().unwrap())
}

#[test]
fn an_ipv4_bogon_is_none_of_ipv6() {
    let world = World::new(Tables::default());
    for addr in ["10.1.1.1", "240.0.0.1", "fe80::1", "::1", "127.0.0.1"] {
        assert!(world.is_bogon(bits(addr)), "{addr}");
    }
    for addr in ["8.8.8.8", "2400::1", "100.128.0.1"] {
        assert!(!world.is_bogon(bits(addr)), "{addr}");
    }
}

#[test]
fn only_what_was_told_decides_where_a_source_may_enter() {
    let exporter: IpAddr = "192.0.2.1".parse().unwrap();
    let prefix: Prefix = "203.0.113.0/24".parse().unwrap();
    let world = World::new(Tables {
        routes: vec![Route { prefix, ingress: vec![(exporter, 3)] }],
        ..Tables::default()
    });
    let (source, at) = (bits("203.0.113.5"), to_bits(exporter));
    assert_eq!(world.may_enter(source, at, 3), Some(true));
    assert_eq!(world.may_enter(source, at, 4), Some(false));
    assert_eq!(world.may_enter(source, at + 1, 4), None);
    assert_eq!(world.may_enter(bits("8.8.8.8"), at, 4), None);
}

#[test]
fn space_of_nobody_is_somebodys_where_it_is_told_and_not_by_a_default_route() {
    let exporter: IpAddr = "192.0.2.1".parse().unwrap();
    let route = |prefix: &str| Route { prefix: prefix.parse().unwrap(), ingress: vec![(exporter, 3)] };
    let routes = vec![route("0.0.0.0/0"), route("203.0.113.0/25"), route("198.51.100.0/24")];
    let world = World::new(Tables { routes, ..Tables::default() });
    for (addr, is_bogon) in [
        ("203.0.113.5", false),
        ("203.0.113.200", true),
        ("198.51.100.1", false),
        ("10.1.2.3", true),
        ("8.8.8.8", false),
    ] {
        assert_eq!(world.is_bogon(bits(addr)), is_bogon, "{addr}");
    }
}
