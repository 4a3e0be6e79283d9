#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

fn lane(proto: u8, ports: (u16, u16), flags: u8, packets: u64) -> Option<Vector> {
    let flow = Flow {
        proto,
        src_port: ports.0,
        dst_port: ports.1,
        tcp_flags: flags,
        packets,
        bytes: packets * 60,
        ..Flow::default()
    };
    kind(&flow, true).lane.map(Lane::vector)
}

#[test]
fn a_flow_counts_for_its_vector() {
    let client = (40_000, 80);
    let server = (80, 40_000);
    for (proto, ports, flags, packets, vector) in [
        (UDP, (1234, 9999), 0, 1, Some(Vector::Udp)),
        (UDP, (53, 40_000), 0, 1, Some(Vector::Amplification(Service::Dns))),
        (UDP, (11_211, 40_000), 0, 1, Some(Vector::Amplification(Service::Memcached))),
        (UDP, (0, 0), 0, 1, Some(Vector::Fragments)),
        (ICMP, (0, 0x0800), 0, 1, Some(Vector::Icmp)),
        (ICMP, (0, 0x0301), 0, 1, Some(Vector::Icmp)),
        (TCP, client, SYN, 1, Some(Vector::Syn)),
        (TCP, client, SYN | 0xc0, 1, Some(Vector::Syn)),
        (TCP, client, SYN | RST, 2, Some(Vector::Syn)),
        (TCP, server, SYN | ACK, 1, Some(Vector::SynAck)),
        (TCP, client, SYN | ACK, 2, Some(Vector::Connections)),
        (TCP, client, SYN | ACK | PSH | FIN, 5, Some(Vector::Connections)),
        (TCP, server, SYN | ACK | PSH | FIN, 5, None),
        (TCP, client, ACK, 1, Some(Vector::Ack)),
        (TCP, client, RST, 1, Some(Vector::Rst)),
        (TCP, client, FIN | ACK, 1, Some(Vector::Fin)),
        (TCP, client, 0, 1, Some(Vector::TcpInvalid)),
        (TCP, client, FIN | PSH | URG, 1, Some(Vector::TcpInvalid)),
        (TCP, client, SYN | FIN, 1, Some(Vector::TcpInvalid)),
        (47, (0, 0), 0, 1, Some(Vector::OtherProtocol)),
    ] {
        assert_eq!(lane(proto, ports, flags, packets), vector, "{proto} {ports:?} {flags:#x} {packets}");
    }
}

#[test]
fn flags_that_nobody_tells_are_no_flags_of_an_attack() {
    let flow = Flow { proto: TCP, src_port: 443, dst_port: 40_000, packets: 9, ..Flow::default() };
    assert!(kind(&flow, false).established);
    assert_eq!(kind(&flow, true).lane, Some(Lane::TCP_INVALID));
}

#[test]
fn every_lane_has_a_vector_and_a_threshold() {
    for lane in (0..Lane::COUNT).map(Lane) {
        assert!(!lane.vector().is_scan());
        assert!(lane.limit(&Limits::default()).packets_per_s > 0.0);
    }
}
