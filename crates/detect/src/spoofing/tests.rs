#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::IpAddr;

use tadoru_model::flow::to_bits;

use super::*;
use crate::sketch::mix;
use crate::world::{Interface, Tables};

fn seen(world: &World, sources: impl Iterator<Item = u32>, flags: u8) -> SpoofingVerdict {
    verdict(world, sources.map(|source| IpAddr::from(source.to_be_bytes())), flags)
}

fn verdict(world: &World, sources: impl Iterator<Item = IpAddr>, flags: u8) -> SpoofingVerdict {
    let (mut evidence, mut distinct) = (Evidence::default(), std::collections::BTreeSet::new());
    for source in sources {
        let (src, ip) = (to_bits(source), if source.is_ipv4() { 4 } else { 6 });
        let exporter = to_bits("192.0.2.1".parse().unwrap());
        let flow = Flow { ip, src, exporter, input: 7, packets: 4, tcp_flags: flags, ..Flow::default() };
        evidence.see(world, &flow, 4.0, flags & 16 != 0);
        distinct.insert(source);
    }
    evidence.verdict(distinct.len() as f64, None).verdict
}

#[test]
fn a_random_number_generator_is_known_by_its_evenness() {
    let world = World::new(Tables::default());
    for seed in 0..20 {
        for count in [400_u32, 3_000, 20_000] {
            let random = (0..count).map(|n| mix(seed, u128::from(n)) as u32);
            assert_eq!(seen(&world, random, 2), SpoofingVerdict::Randomised, "{seed} {count}");
        }
    }
}

#[test]
fn real_crowds_are_not_called_random() {
    let world = World::new(Tables::default());
    // Senders of some twenty networks.
    let crowd = (0..5_000_u32).map(|n| {
        let network = [1, 5, 23, 24, 31, 45, 46, 77, 78, 80, 84, 85, 91, 93, 94, 101, 103, 176, 185, 212]
            [n as usize % 20];
        (network << 24) | (mix(1, u128::from(n)) as u32 >> 8)
    });
    assert_eq!(seen(&world, crowd, 2), SpoofingVerdict::Unverifiable);
    // One sender, many flows.
    assert_eq!(seen(&world, (0..5_000).map(|_| 0x0808_0808), 2), SpoofingVerdict::Unverifiable);
    // Too few to say anything.
    let few = (0..50).map(|n| (mix(3, n) as u32 % 0xdf00_0000).max(0x0b00_0000) | 0x0100_0000);
    assert_ne!(seen(&world, few, 2), SpoofingVerdict::Randomised);
}

#[test]
fn ipv6_is_drawn_evenly_by_generators_and_not_by_crowds() {
    let world = World::new(Tables::default());
    let v6 = |bits: u128| IpAddr::from(bits.to_be_bytes());
    let drawn = |seed: u64, n: u128| u128::from(mix(seed, n)) << 64 | u128::from(mix(seed + 100, n));
    for seed in 0..20 {
        for count in [400_u128, 3_000, 20_000] {
            let random = (0..count).map(|n| v6(0x2a << 120 | drawn(seed, n) >> 8));
            assert_eq!(verdict(&world, random, 2), SpoofingVerdict::Randomised, "{seed} {count}");
        }
    }
    // A line each of some thousand providers, and hosts that draw addresses in a network of their own.
    let crowd = (0..5_000).map(|n| {
        let provider = 0x2a00_0000 + (u128::from(mix(1, n)) % 3_000) * 8;
        v6(provider << 96 | drawn(2, n) >> 32)
    });
    assert_eq!(verdict(&world, crowd, 2), SpoofingVerdict::Unverifiable);
    let one_network = (0..5_000).map(|n| v6(0x2a00_1450_4001_0801 << 64 | drawn(3, n) >> 64));
    assert_eq!(verdict(&world, one_network, 2), SpoofingVerdict::Unverifiable);
}

#[test]
fn who_completed_a_handshake_is_plausible() {
    let world = World::new(Tables::default());
    assert_eq!(seen(&world, (0..500).map(|n| 0x0808_0000 + n % 3), 0x12), SpoofingVerdict::Plausible);
}

#[test]
fn own_addresses_do_not_come_from_outside() {
    let own = "198.41.0.0/16".parse().unwrap();
    let interface = Interface {
        exporter: "192.0.2.1".parse().unwrap(),
        index: 7,
        role: InterfaceRole::Edge,
        neighbour_as: 0,
        sources: Vec::new(),
    };
    let tables = Tables { own: vec![own], interfaces: vec![interface], ..Tables::default() };
    let world = World::new(tables);
    assert_eq!(seen(&world, (0..10).map(|n| 0xc629_0000 + n), 2), SpoofingVerdict::ImpossibleHere);
    assert_eq!(seen(&world, (0..10).map(|n| 0xc728_0000 + n), 2), SpoofingVerdict::Unverifiable);
    assert_eq!(seen(&world, (0..10).map(|n| 0x0a00_0000 + n), 2), SpoofingVerdict::ImpossibleHere);
}

#[test]
fn a_part_that_is_impossible_says_nothing_about_the_rest() {
    let world = World::new(Tables::default());
    let (mut evidence, exporter) = (Evidence::default(), to_bits("192.0.2.1".parse().unwrap()));
    for n in 0..100_u32 {
        // Every tenth is of 10.0.0.0/8.
        let source = if n % 10 == 0 { 0x0a00_0000 + n } else { 0x0808_0000 + n };
        let src = to_bits(IpAddr::from(source.to_be_bytes()));
        let flow = Flow { ip: 4, src, exporter, input: 7, packets: 1, tcp_flags: 2, ..Flow::default() };
        evidence.see(&world, &flow, 1.0, false);
    }
    let spoofing = evidence.verdict(100.0, None);
    assert_eq!(spoofing.verdict, SpoofingVerdict::Unverifiable);
    assert!((spoofing.impossible_share - 0.1).abs() < 1e-9, "{}", spoofing.impossible_share);
}

#[test]
fn what_stays_on_its_link_says_nothing_about_its_source() {
    let world = World::new(Tables::default());
    for (src, dst, is_right) in [
        ("0.0.0.0", "255.255.255.255", true),
        ("0.0.0.0", "8.8.8.8", false),
        ("10.0.0.1", "224.0.0.5", true),
        ("10.0.0.1", "224.0.1.5", false),
        ("fe80::1", "ff02::1", true),
        ("fe80::1", "fe80::2", true),
        ("::", "ff02::16", true),
        ("fe80::1", "ff05::1", false),
        ("fe80::1", "2400::1", false),
    ] {
        let (src, dst): (IpAddr, IpAddr) = (src.parse().unwrap(), dst.parse().unwrap());
        let ip = if dst.is_ipv4() { 4 } else { 6 };
        let flow = Flow { ip, src: to_bits(src), dst: to_bits(dst), ..Flow::default() };
        assert_eq!(check(&world, &flow).is_ok(), is_right, "{src} to {dst}");
    }
}
