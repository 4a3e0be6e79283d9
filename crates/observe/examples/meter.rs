//! Flows of a packet capture as lines: `cargo run -p tadoru-observe --example meter -- CAPTURE [ACTIVE_MS] > flows.csv`.
//!
//! One line a flow: when it went out, first and last packet (microseconds), addresses, ports, protocol, flags, packets,
//! octets. Compressed captures (gzip) are read as they are. Trials of detection read these lines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an example fails loudly"
)]

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};

use tadoru_model::flow::{Flows, from_bits};
use tadoru_observe::meter::{Config, Meter};
use tadoru_wire::packet::headers;
use tadoru_wire::pcap::Packets;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().expect("name of a capture");
    let active_us = arguments.next().map_or(1000, |ms| ms.parse().expect("milliseconds")) * 1000;
    let mut octets = Vec::new();
    File::open(&name).unwrap().read_to_end(&mut octets).unwrap();
    let input: Box<dyn Read> = if octets.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(octets.as_slice())))
    } else {
        Box::new(octets.as_slice())
    };
    let mut meter = Meter::new(Config { active_us, ..Config::default() });
    let (mut flows, mut unread) = (Flows::default(), 0_u64);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for packet in Packets::new(input) {
        let Ok(packet) = packet else {
            unread += 1;
            continue;
        };
        match (packet.time_us, headers(packet.link_type, &packet.data)) {
            (Some(at_us), Ok(headers)) => meter.take(at_us, &headers, &mut flows),
            _ => unread += 1,
        }
        write(&mut flows, &mut out);
    }
    meter.finish(&mut flows);
    write(&mut flows, &mut out);
    eprintln!("{name}: {unread} packets were not IP or could not be read");
}

fn write(flows: &mut Flows, out: &mut impl Write) {
    for flow in (0..flows.rows()).map_while(|row| flows.get(row)) {
        let (src, dst) = (from_bits(flow.src, flow.ip), from_bits(flow.dst, flow.ip));
        writeln!(
            out,
            "{},{},{},{src},{dst},{},{},{},{},{},{}",
            flow.received_us,
            flow.first_us,
            flow.last_us,
            flow.src_port,
            flow.dst_port,
            flow.proto,
            flow.tcp_flags,
            flow.packets,
            flow.bytes,
        )
        .unwrap();
    }
    flows.clear();
}
