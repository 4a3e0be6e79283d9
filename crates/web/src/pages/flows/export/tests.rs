//! Laws of exports: every member of a flow has its column, and no cell breaks its line.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use tadoru_model::Flow;

use super::*;

#[test]
fn every_member_of_a_flow_has_its_column() {
    let flow = Flow {
        ip: 4,
        tcp_flags: 1,
        tos: 1,
        reverse_packets: 1,
        reverse_bytes: 1,
        domain: 1,
        input: 1,
        output: 1,
        src_as: 1,
        dst_as: 1,
        src_mask: 1,
        dst_mask: 1,
        exporter: 1,
        next_hop: 1,
        bgp_next_hop: 1,
        src_vlan: 1,
        dst_vlan: 1,
        in_src_mac: 1,
        out_dst_mac: 1,
        forwarding: 1,
        ..Flow::default()
    };
    let row = FlowRow::of(&flow);
    let Value::Object(told) = serde_json::to_value(&row).unwrap() else { unreachable!() };
    let left: Vec<&String> = told.keys().filter(|name| !COLUMNS.contains(&name.as_str())).collect();
    assert!(left.is_empty(), "in no column: {left:?}");
    let text = list(&[row]);
    assert_eq!((text.lines().count(), text.lines().nth(1).unwrap().split(',').count()), (2, COLUMNS.len()));
}

#[test]
fn no_cell_breaks_its_line() {
    let row = |key: &str| FlowSums { key: Some(key.to_owned()), flows: 1, packets: 2, bytes: 3 };
    assert_eq!(
        sums(Some("proto"), &[row("a,\"b\"\r\n")]),
        "proto,flows,packets,bytes\r\n\"a,\"\"b\"\"\r\n\",1,2,3\r\n"
    );
    assert_eq!(sums(None, &[row("x")]), "flows,packets,bytes\r\n1,2,3\r\n");
}
