#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;
use tadoru_wire::packet::{Fragment, Headers};

use super::*;

fn packet(src: u8, port: u16, flags: u8) -> Headers {
    Headers {
        src: IpAddr::from([192, 0, 2, src]),
        dst: IpAddr::from([198, 51, 100, 1]),
        proto: 6,
        src_port: port,
        dst_port: 80,
        tcp_flags: flags,
        tos: 0,
        ttl: 64,
        octets: 60,
        fragment: Fragment::Whole,
        vlan: 0,
        src_mac: 0,
        dst_mac: 0,
    }
}

#[test]
fn a_connection_is_one_flow_and_goes_out_at_its_end() {
    let (mut meter, mut out) = (Meter::new(Config::default()), Flows::default());
    for (at, flags) in [(0, SYN), (10, ACK), (20, ACK | FIN)] {
        meter.take(at, &packet(1, 5000, flags), &mut out);
    }
    assert!(out.is_empty());
    meter.expire(200_000, &mut out);
    let flow = out.get(0).unwrap();
    assert_eq!((flow.packets, flow.bytes, flow.tcp_flags), (3, 180, SYN | ACK | FIN));
    assert_eq!((flow.first_us, flow.last_us, flow.sampling, flow.ip), (0, 20, 1, 4));
    assert_eq!(flow.src, to_bits(IpAddr::from([192, 0, 2, 1])));
    assert_eq!(out.rows(), 1);
}

#[test]
fn a_port_used_again_is_another_connection() {
    let (mut meter, mut out) = (Meter::new(Config::default()), Flows::default());
    for flags in [SYN, RST, SYN, RST] {
        meter.take(0, &packet(1, 5000, flags), &mut out);
    }
    meter.finish(&mut out);
    assert_eq!(out.packets, [2, 2]);
}

#[test]
fn a_long_flow_is_cut_by_age_and_a_silent_one_by_silence() {
    let config = Config { active_us: 1_000_000, idle_us: 300_000, ..Config::default() };
    let (mut meter, mut out) = (Meter::new(config), Flows::default());
    for at in (0..2_000_000).step_by(100_000) {
        meter.take(at, &packet(1, 5000, ACK), &mut out);
    }
    meter.expire(3_000_000, &mut out);
    assert_eq!(out.packets, [10, 10]);
    assert_eq!(out.first_us, [0, 1_000_000]);
}

#[test]
fn what_finds_no_room_goes_out_alone() {
    let (mut meter, mut out) = (Meter::new(Config { most_flows: 2, ..Config::default() }), Flows::default());
    for port in 0..5 {
        meter.take(0, &packet(1, port, SYN), &mut out);
    }
    assert_eq!((out.rows(), meter.crowded()), (3, 3));
    meter.finish(&mut out);
    assert_eq!(out.rows(), 5);
}

proptest! {
    #[test]
    fn no_packet_and_no_octet_is_lost(
        packets in prop::collection::vec((-2_000_000i64..20_000_000, 0u8..4, 0u16..4, any::<u8>()), 0..200),
    ) {
        let config = Config { most_flows: 5, ..Config::default() };
        let (mut meter, mut out) = (Meter::new(config), Flows::default());
        for (at, src, port, flags) in &packets {
            meter.take(*at, &packet(*src, *port, *flags), &mut out);
        }
        meter.finish(&mut out);
        prop_assert!(out.is_even());
        prop_assert_eq!(out.packets.iter().sum::<u64>(), packets.len() as u64);
        prop_assert_eq!(out.bytes.iter().sum::<u64>(), packets.len() as u64 * 60);
        prop_assert!(out.first_us.iter().zip(&out.last_us).all(|(first, last)| first <= last));
    }
}
