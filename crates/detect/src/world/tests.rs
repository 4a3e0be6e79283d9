#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::*;

fn bits(text: &str) -> u128 {
    to_bits(text.parse().unwrap())
}

#[test]
fn the_longest_prefix_counts() {
    let rows = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "0.0.0.0/0", "2001:db8::/32", "255.255.255.255"];
    let ranges = Ranges::new((0_u32..).zip(rows).map(|(row, text)| (text.parse().unwrap(), row)));
    for (addr, row) in [
        ("10.1.2.3", Some(2)),
        ("10.1.3.0", Some(1)),
        ("10.2.0.0", Some(0)),
        ("11.0.0.0", Some(3)),
        ("255.255.255.255", Some(5)),
        ("2001:db8::1", Some(4)),
        ("2001:db9::", None),
    ] {
        assert_eq!(ranges.find(bits(addr)), row, "{addr}");
    }
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

proptest! {
    #[test]
    fn ranges_answer_as_a_search_through_all_does(
        rows in prop::collection::vec((any::<u16>(), 16u8..=32), 0..20), addr in any::<u16>(),
    ) {
        let at = |low: u16| IpAddr::from(u32::from(low).to_be_bytes());
        let rows: Vec<Prefix> = rows.iter().map(|(low, len)| Prefix::covering(at(*low), *len).unwrap()).collect();
        let ranges = Ranges::new(rows.iter().map(|prefix| (*prefix, prefix.len())));
        let longest = rows.iter().filter(|prefix| prefix.contains(at(addr))).map(|prefix| prefix.len()).max();
        prop_assert_eq!(ranges.find(to_bits(at(addr))), longest);
    }
}
