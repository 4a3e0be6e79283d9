//! Laws of the sFlow decoder, over datagrams put together by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

use std::net::Ipv4Addr;

use super::*;
use crate::flow::{Row, to_bits};

const SOURCE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 6343);
const NOW_US: i64 = 1_795_223_703_000_000;

fn words<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.map(u32::to_be_bytes).concat()
}

fn structure(format: u32, body: &[u8]) -> Vec<u8> {
    [&words([format, body.len() as u32])[..], body].concat()
}

fn datagram(sequence: u32, samples: &[Vec<u8>]) -> Vec<u8> {
    let header = words([5, 1, 0x0a00_0001, 3, sequence, 60_000 + sequence, samples.len() as u32]);
    [header, samples.concat()].concat()
}

fn flow(drops: u32, output: u32, records: &[Vec<u8>]) -> Vec<u8> {
    let head = words([1, 7, 512, 1000, drops, 11, output, records.len() as u32]);
    structure(FLOW, &[head, records.concat()].concat())
}

/// UDP from 192.0.2.7:53 to 198.51.100.9:4444, 128 octets of IP, in a VLAN.
fn frame() -> Vec<u8> {
    let mut frame =
        vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 100, 8, 0, 0x45, 4, 0, 128, 0, 0, 0, 0, 64, 17];
    frame.extend([0, 0, 192, 0, 2, 7, 198, 51, 100, 9, 0, 53, 0x11, 0x5c, 0, 108, 0, 0]);
    frame
}

fn raw(protocol: u32, header: &[u8]) -> Vec<u8> {
    let mut padded = header.to_vec();
    padded.resize(header.len().next_multiple_of(4), 0);
    structure(1, &[words([protocol, 150, 4, header.len() as u32]), padded].concat())
}

fn read(datagram: &[u8]) -> (Vec<Row>, Report) {
    let mut columns = Columns::default();
    let report = Decoder::default().collect(SOURCE, NOW_US, datagram, &mut columns);
    assert!(columns.is_even());
    assert_eq!(report.rows as usize, columns.rows());
    ((0..columns.rows()).map(|row| columns.get(row).unwrap()).collect(), report)
}

fn v4(text: &str) -> u128 {
    to_bits(text.parse().unwrap())
}

#[test]
fn a_sampled_frame_becomes_a_row() {
    let switch = structure(1001, &words([200, 0, 300, 0]));
    let router = structure(1002, &words([1, 0xc000_02fe, 24, 16]));
    let gateway =
        structure(1003, &words([1, 0xc000_02fd, 64_500, 64_501, 64_502, 1, 2, 2, 64_503, 64_504, 0, 100]));
    let (rows, report) = read(&datagram(9, &[flow(0, 12, &[raw(1, &frame()), switch, router, gateway])]));
    assert_eq!(report.defects, []);
    assert_eq!((report.agent, report.sub_agent, report.sequence), (Some("10.0.0.1".parse().unwrap()), 3, 9));
    let [row] = &rows[..] else { panic!("one row") };
    assert_eq!((row.ip, row.src, row.dst), (4, v4("192.0.2.7"), v4("198.51.100.9")));
    assert_eq!((row.src_port, row.dst_port, row.proto, row.tos), (53, 4444, 17, 4));
    // Layer 3 only, one packet, and the rate beside it.
    assert_eq!((row.packets, row.bytes, row.sampling, row.flows), (1, 128, 512, 1));
    assert_eq!((row.input, row.output, row.src_vlan, row.dst_vlan), (11, 12, 200, 300));
    assert_eq!((row.next_hop, row.bgp_next_hop), (v4("192.0.2.254"), v4("192.0.2.253")));
    assert_eq!((row.src_mask, row.dst_mask, row.src_as, row.dst_as), (24, 16, 64_501, 64_504));
    assert_eq!((row.in_src_mac, row.out_dst_mac), (0x0200_0000_0002, 0x0200_0000_0001));
    assert_eq!((row.first_us, row.exporter, row.domain), (NOW_US, v4("192.0.2.1"), 3));
}

#[test]
fn labels_extension_headers_and_fragments_are_looked_through() {
    let ip = &frame()[18..];
    let ethernet = |kind: [u8; 2], rest: &[u8]| [&[0; 12][..], &kind, rest].concat();
    let mpls = ethernet([0x88, 0x47], &[&[0, 1, 0, 64, 0, 2, 1, 64][..], ip].concat());
    let qinq = ethernet([0x88, 0xa8], &[&[0, 5, 0x81, 0, 0, 6, 8, 0][..], ip].concat());
    for header in [mpls, qinq] {
        assert_eq!(read(&datagram(1, &[flow(0, 0, &[raw(1, &header)])])).0[0].dst_port, 4444);
    }
    assert_eq!(read(&datagram(1, &[flow(0, 0, &[raw(11, ip)])])).0[0].bytes, 128);
    let mut fragment = ip.to_vec();
    fragment[7] = 9;
    let row = read(&datagram(1, &[flow(0, 0, &[raw(11, &fragment)])])).0[0];
    assert_eq!((row.proto, row.src_port, row.dst_port), (17, 0, 0));
    let mut six = vec![0x60, 0x10, 0, 0, 0, 40, 0, 64];
    six.extend([1; 32]);
    six.extend([44, 0, 1, 0, 0, 0, 0, 0]);
    six.extend([6, 0, 0, 1, 0, 0, 0, 0]);
    six.extend([0, 80, 0x9c, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0]);
    let row = read(&datagram(1, &[flow(0, 0, &[raw(12, &six)])])).0[0];
    assert_eq!(
        (row.ip, row.proto, row.src_port, row.dst_port, row.tcp_flags, row.tos),
        (6, 6, 80, 40_000, 2, 1)
    );
    assert_eq!(row.bytes, 80);
}

#[test]
fn an_output_that_is_no_interface_is_none() {
    let out = |output| read(&datagram(1, &[flow(0, output, &[raw(1, &frame())])])).0[0];
    assert_eq!((out(1 << 30 | 256).output, out(1 << 30 | 256).forwarding), (0, 128));
    assert_eq!((out(2 << 30 | 3).output, out(INTERNAL_PORT).output), (0, 0));
}

#[test]
fn sampled_addresses_count_where_no_header_is() {
    let four = structure(3, &words([99, 6, 0xc000_0207, 0xc633_6409, 80, 40_000, 18, 8]));
    let row = read(&datagram(1, &[flow(0, 1, &[four])])).0[0];
    assert_eq!((row.ip, row.bytes, row.proto, row.tcp_flags, row.dst_port), (4, 99, 6, 18, 40_000));
}

#[test]
fn counters_drops_and_losses_are_counted() {
    let mut decoder = Decoder::default();
    let mut columns = Columns::default();
    let mut read = |sequence, drops| {
        let samples =
            [flow(drops, 1, &[raw(1, &frame())]), structure(COUNTERS, &[0; 20]), structure(99, &[0; 8])];
        decoder.collect(
            SOURCE,
            NOW_US + i64::from(sequence) * 1000,
            &datagram(sequence, &samples),
            &mut columns,
        )
    };
    let first = read(1, 10);
    assert_eq!((first.samples, first.rows, first.counters, first.skipped, first.drops), (3, 1, 1, 1, 0));
    assert_eq!(read(2, 14).drops, 4);
    let lost = read(6, 14);
    assert_eq!(lost.loss.unwrap().missing, Some(3));
    let agent = decoder.agents().next().unwrap();
    assert_eq!((agent.lost, agent.drops, agent.rows, agent.rate), (3, 4, 3, 512));
}

#[test]
fn a_datagram_that_contradicts_itself_moves_nothing() {
    let mut decoder = Decoder::default();
    let mut columns = Columns::default();
    decoder.collect(SOURCE, NOW_US, &datagram(1, &[flow(3, 1, &[raw(1, &frame())])]), &mut columns);
    let before = decoder.save();
    let whole = datagram(40, &[flow(9, 1, &[raw(1, &frame())]), structure(COUNTERS, &[0; 20])]);
    let mut lying = vec![[&whole[..], &[0, 0, 0, 1]].concat()];
    for count in [0_u32, 1, 3, 70_000, u32::MAX] {
        let mut one = whole.clone();
        one[24..28].copy_from_slice(&count.to_be_bytes());
        lying.push(one);
    }
    for len in [0_u32, 16, 1400, u32::MAX] {
        let mut one = whole.clone();
        one[32..36].copy_from_slice(&len.to_be_bytes());
        lying.push(one);
    }
    lying.extend((0..whole.len()).map(|len| whole[..len].to_vec()));
    for lying in lying {
        let mut columns = Columns::default();
        let report = decoder.collect(SOURCE, NOW_US, &lying, &mut columns);
        assert_eq!((columns.rows(), report.is_taken, report.defects.len()), (0, false, 1));
        assert!(!is_whole(&lying));
        assert_eq!(decoder.save(), before);
    }
    assert!(is_whole(&whole) && is_whole(&[&whole[..], &[0; 6]].concat()));
}

#[test]
fn agents_are_known_by_their_samples_and_outlive_a_restart() {
    let mut decoder = Decoder::default();
    let mut columns = Columns::default();
    for agent in 0..100_u32 {
        let empty = words([5, 1, agent, 3, 1, 1000, 0]);
        assert!(!decoder.collect(SOURCE, NOW_US, &empty, &mut columns).is_taken);
    }
    assert_eq!(decoder.agents().count(), 0);
    for sequence in 1..4 {
        let one = datagram(sequence, &[flow(7, 1, &[raw(1, &frame())])]);
        decoder.collect(SOURCE, NOW_US, &one, &mut columns);
    }
    let saved = decoder.save();
    let mut again = Decoder::default();
    again.restore(&saved).unwrap();
    assert_eq!(again.agents().collect::<Vec<_>>(), decoder.agents().collect::<Vec<_>>());
    let next = datagram(6, &[flow(9, 1, &[raw(1, &frame())])]);
    let report = again.collect(SOURCE, NOW_US, &next, &mut columns);
    assert_eq!((report.loss.unwrap().missing, report.drops), (Some(2), 2));
    for len in 0..saved.len() {
        assert!(Decoder::default().restore(&saved[..len]).is_err());
    }
}

#[test]
fn a_record_that_breaks_off_tells_nothing_and_a_rate_that_none_can_be_is_none() {
    // A path of three systems that ends after the first.
    let cut = structure(1003, &words([1, 0xc000_02fd, 64_500, 64_501, 64_502, 1, 2, 3, 64_503]));
    let (rows, report) = read(&datagram(1, &[flow(0, 12, &[raw(1, &frame()), cut])]));
    assert_eq!((rows[0].src_as, rows[0].dst_as, rows[0].bgp_next_hop, report.defects.len()), (0, 0, 0, 1));
    for (rate, taken, defects) in [(0, 0, 0), (1 << 24, 1 << 24, 0), (u32::MAX, 0, 1)] {
        let head = words([1, 7, rate, 1000, 0, 11, 12, 1]);
        let sample = structure(FLOW, &[head, raw(1, &frame())].concat());
        let (rows, report) = read(&datagram(1, &[sample]));
        assert_eq!((rows[0].sampling, report.defects.len()), (taken, defects));
    }
}

#[test]
fn no_length_of_any_datagram_harms() {
    let whole = datagram(1, &[flow(0, 1, &[raw(1, &frame())]), structure(COUNTERS, &[0; 20])]);
    for len in 0..whole.len() {
        let (rows, report) = read(&whole[..len]);
        assert!(rows.len() <= 1 && (len == whole.len() || !report.defects.is_empty()));
    }
    for at in 0..whole.len() {
        for value in [0, 1, 127, 255] {
            let mut bent = whole.clone();
            bent[at] = value;
            read(&bent);
        }
    }
}

const INTERNAL_PORT: u32 = 0x3fff_ffff;
