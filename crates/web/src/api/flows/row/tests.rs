//! A row is the flow, whole, there and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use super::*;

fn flow() -> Flow {
    Flow {
        first_us: 1_795_230_000_000_001,
        last_us: 1_795_230_001_500_000,
        received_us: 1_795_230_002_000_000,
        exporter: to_bits("198.51.100.1".parse().unwrap()),
        domain: 7,
        ip: 6,
        src: to_bits("2001:db8:1:2:3:4:5:6".parse().unwrap()),
        dst: to_bits("2001:db8::1".parse().unwrap()),
        src_port: 40_000,
        dst_port: 443,
        proto: 6,
        tcp_flags: 0x1b,
        tos: 40,
        packets: u64::MAX,
        bytes: 1500,
        reverse_packets: 3,
        reverse_bytes: 4,
        flows: 2,
        sampling: 1000,
        input: 1,
        output: 2,
        src_as: 64_500,
        dst_as: 4_200_000_000,
        src_mask: 48,
        dst_mask: 56,
        next_hop: to_bits("2001:db8::9".parse().unwrap()),
        bgp_next_hop: to_bits("192.0.2.9".parse().unwrap()),
        src_vlan: 10,
        dst_vlan: 20,
        in_src_mac: 0x0200_0000_00fe,
        out_dst_mac: 0xffff_ffff_ffff,
        direction: 255,
        forwarding: 64,
    }
}

#[test]
fn a_row_is_the_flow_there_and_back() {
    let four = Flow {
        ip: 4,
        src: to_bits("192.0.2.1".parse().unwrap()),
        dst: to_bits("203.0.113.7".parse().unwrap()),
        ..flow()
    };
    for flow in [flow(), four, Flow::default(), Flow { first_us: -1, ..Flow::default() }] {
        let row = FlowRow::of(&flow);
        let text = serde_json::to_string(&row).unwrap();
        let read: FlowRow = serde_json::from_str(&text).unwrap();
        assert!(read == row && read.flow() == Some(flow), "{text}");
    }
    let row = FlowRow::of(&flow());
    assert_eq!(row.src.as_deref(), Some("2001:db8:1:2:3:4:5:6"));
    assert_eq!(
        (row.first.as_str(), row.in_src_mac.as_deref()),
        ("2026-11-21T03:00:00.000001Z", Some("02:00:00:00:00:fe"))
    );
}

#[test]
fn what_cannot_be_read_is_no_flow() {
    for text in [
        r#"{"first":"x"}"#,
        r#"{"first":"2026-11-21T03:00:00Z","last":"2026-11-21T03:00:00Z","received":"2026-11-21T03:00:00Z","src":"x"}"#,
    ] {
        assert!(serde_json::from_str::<FlowRow>(text).unwrap().flow().is_none(), "{text}");
    }
}
