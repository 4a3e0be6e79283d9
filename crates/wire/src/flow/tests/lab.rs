//! Exports of real exporters, compared with what nfdump reads of them.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use super::*;
use crate::{
    pcap::{Packets, udp_payload},
    sflow,
};

/// Ends and ports, protocol, flags, packets: how often.
type Flows = BTreeMap<String, usize>;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/flow/lab").join(name)
}

fn ours(name: &str) -> Columns {
    let (mut flows, mut samples) = (Decoder::default(), sflow::Decoder::default());
    let mut columns = Columns::default();
    for packet in Packets::new(std::fs::File::open(path(name)).unwrap()) {
        let packet = packet.unwrap();
        let udp = udp_payload(&packet).unwrap();
        let source = SocketAddr::new(udp.src, udp.src_port);
        let at = packet.time_us.unwrap();
        if sflow::is_datagram(udp.payload) {
            assert_eq!(samples.collect(source, at, udp.payload, &mut columns).defects, []);
        } else {
            let report = flows.collect(source, at, udp.payload, &mut columns, &mut |_| {});
            assert_eq!((&report.defects[..], report.loss), (&[][..], None));
        }
    }
    columns
}

fn flags(bits: u8) -> String {
    "CEUAPRSF".chars().enumerate().map(|(n, flag)| if bits & 0x80 >> n != 0 { flag } else { '.' }).collect()
}

fn stamp(us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(us.div_euclid(1000) * 1000).unwrap();
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn told(columns: &Columns, sampled: bool) -> Flows {
    let mut flows = Flows::new();
    for row in (0..columns.rows()).map(|row| columns.get(row).unwrap()) {
        let ip = |bits: u128| {
            let v6 = std::net::Ipv6Addr::from_bits(bits);
            if row.ip == 6 { v6.to_string() } else { v6.to_ipv4_mapped().unwrap().to_string() }
        };
        let rate = if sampled { u64::from(row.sampling) } else { 1 };
        let mut line = format!(
            "{},{},{},{},{},{},{}",
            row.proto,
            ip(row.src),
            row.src_port,
            ip(row.dst),
            row.dst_port,
            flags(row.tcp_flags),
            row.packets * rate
        );
        if !sampled {
            line += &format!(",{},{},{}", row.bytes, stamp(row.first_us), stamp(row.last_us));
        }
        *flows.entry(line).or_default() += 1;
    }
    flows
}

fn expected(name: &str, sampled: bool) -> Flows {
    let mut flows = Flows::new();
    for line in std::fs::read_to_string(path(name)).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let mut wanted = cells[3..10].join(",");
        if !sampled {
            wanted += &format!(",{},{},{}", cells[10], cells[0], cells[1]);
        }
        *flows.entry(wanted).or_default() += 1;
    }
    flows
}

#[test]
fn what_exporters_sent_is_what_nfdump_reads() {
    for (name, sampled) in
        [("softflowd5", false), ("softflowd9", false), ("softflowd10", false), ("sflow", true)]
    {
        let columns = ours(&format!("normal_only.{name}.pcap"));
        let (have, wanted) =
            (told(&columns, sampled), expected(&format!("normal_only.{name}.expected.nfdump.csv"), sampled));
        assert!(!wanted.is_empty());
        assert_eq!(have, wanted, "{name}");
    }
}
