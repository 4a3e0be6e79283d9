//! The longest prefix counts, as a search through all of them would say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::IpAddr;

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
fn nothing_told_is_nothing_known() {
    let ranges = Ranges::<u32>::new([]);
    assert!(ranges.is_empty());
    assert_eq!(ranges.find(0), None);
    assert_eq!(ranges.find(u128::MAX), None);
}

#[test]
fn a_prefix_of_the_value_around_it_takes_no_room() {
    let rows = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "11.0.0.0/8"];
    let ranges = Ranges::new(rows.map(|text| (text.parse().unwrap(), 7)));
    assert_eq!(ranges.steps.len(), 2);
}

#[test]
fn a_default_route_of_ipv6_says_nothing_of_ipv4() {
    let rows = |more: &[(&str, u32)]| {
        let rows = [("::/0", 6)].iter().chain(more).map(|(text, value)| (text.parse().unwrap(), *value));
        Ranges::new(rows.collect::<Vec<_>>())
    };
    let bare = rows(&[]);
    assert_eq!([bare.find(bits("192.0.2.1")), bare.find(bits("2001:db8::"))], [None, Some(6)]);
    assert_eq!([bare.find(bits("::1")), bare.find(u128::MAX)], [Some(6), Some(6)]);
    let both = rows(&[("0.0.0.0/0", 4), ("255.255.255.255", 5)]);
    assert_eq!([both.find(bits("192.0.2.1")), both.find(bits("255.255.255.255"))], [Some(4), Some(5)]);
    assert_eq!(both.find(bits("0:0:0:0:1::")), Some(6));
}

#[test]
fn a_whole_table_answers_as_its_prefixes_say() {
    let at = |bits: u32| IpAddr::from(bits.to_be_bytes());
    // Every /16 has a hole, a /24 and a host of another value; the ends of the space among them.
    let rows = (0..=u32::from(u16::MAX)).step_by(3).flat_map(|place| {
        let base = place << 16;
        [(base, 17, 1), (base + 0x100, 24, 2), (base + 0x1ff, 32, 3), (base + 0xffff, 32, 4)]
    });
    let v6 = [("2001:db8::/32".parse().unwrap(), 5), ("::/64".parse().unwrap(), 6)];
    let ranges = Ranges::new(
        rows.map(|(addr, len, value)| (Prefix::covering(at(addr), len).unwrap(), value)).chain(v6),
    );
    assert!(!ranges.before.is_empty());
    for place in 0..=u32::from(u16::MAX) {
        let base = place << 16;
        let told = place % 3 == 0;
        for (addr, value) in
            [(base, 1), (base + 0x100, 2), (base + 0x1ff, 3), (base + 0x200, 1), (base + 0xffff, 4)]
        {
            assert_eq!(ranges.find(to_bits(at(addr))), told.then_some(value), "{addr:x}");
        }
        assert_eq!(ranges.find(to_bits(at(base + 0x8000))), None);
    }
    assert_eq!(ranges.find(bits("2001:db8::9")), Some(5));
    assert_eq!(ranges.find(bits("::1")), Some(6));
    assert_eq!(ranges.find(bits("0:0:0:1::")), None);
    assert_eq!(ranges.find(u128::MAX), None);
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

    #[test]
    fn values_that_repeat_are_still_found(
        rows in prop::collection::vec((any::<u8>(), 24u8..=32, 0u8..3), 0..20), addr in any::<u8>(),
    ) {
        let at = |low: u8| IpAddr::from(u32::from(low).to_be_bytes());
        let rows: Vec<(Prefix, u8)> =
            rows.iter().map(|(low, len, value)| (Prefix::covering(at(*low), *len).unwrap(), *value)).collect();
        let covering = rows.iter().enumerate().filter(|(_, (prefix, _))| prefix.contains(at(addr)));
        let longest = covering.max_by_key(|(place, (prefix, _))| (prefix.len(), *place)).map(|(_, (_, v))| *v);
        prop_assert_eq!(Ranges::new(rows.iter().copied()).find(to_bits(at(addr))), longest);
    }
}
