//! How fast traffic flows are decoded, datagram to columns: `cargo bench -p tadoru-wire`.
//!
//! Prints records a second on one core, the best and the median of some rounds; no other program is compared here, so
//! that the figure needs nothing but this crate.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Instant,
};

use tadoru_wire::flow::{Columns, Decoder, Exporter, Row, Version, to_bits};

fn main() {
    for (name, packets, records) in [
        ("netflow v9, template of 18 fields", typical_v9(), PACKETS * PER_PACKET),
        ("netflow v5", ours(Version::NetFlow5, false), ROWS),
        ("netflow v9, our own template of 25 fields", ours(Version::NetFlow9, false), ROWS),
        ("ipfix, our own template of 25 fields", ours(Version::Ipfix, false), ROWS),
        ("ipfix, two-way, IPv6 and IPv4 by turns", ours(Version::Ipfix, true), ROWS),
        ("ipfix, with a field of variable length", varying(), PACKETS * PER_PACKET),
    ] {
        measure(name, &packets, records);
    }
}

fn measure(name: &str, packets: &[Vec<u8>], records: usize) {
    let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 2055);
    let mut columns = Columns::with_capacity(BATCH + PER_PACKET);
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let mut decoder = Decoder::default();
        let (mut rows, mut defects) = (0, 0);
        let begin = Instant::now();
        for packet in packets {
            let report = decoder.collect(source, NOW_US, packet, &mut columns, &mut |_| {});
            defects += report.defects.len();
            if columns.rows() >= BATCH {
                rows += columns.rows();
                black_box(&columns);
                columns.clear();
            }
        }
        rows += columns.rows();
        columns.clear();
        assert_eq!((rows, defects), (records, 0), "everything is read");
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        rates.push(rows as f64 / begin.elapsed().as_secs_f64() / 1e6);
    }
    rates.sort_by(f64::total_cmp);
    let best = rates.last().copied().unwrap_or_default();
    let median = rates.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("{name:44} best {best:6.1}  median {median:6.1}  million records/s");
}

/// What routers send: addresses, ports, counters, times, interfaces, systems, masks.
fn typical_v9() -> Vec<Vec<u8>> {
    const FIELDS: [(u16, u16); 18] = [
        (8, 4),
        (12, 4),
        (15, 4),
        (10, 4),
        (14, 4),
        (2, 4),
        (1, 4),
        (22, 4),
        (21, 4),
        (7, 2),
        (11, 2),
        (16, 4),
        (17, 4),
        (9, 1),
        (13, 1),
        (6, 1),
        (4, 1),
        (5, 1),
    ];
    sets(9, 0, &FIELDS, |out, seed| {
        for (id, len) in FIELDS {
            let value = match id {
                8 | 12 => 0x0a00_0000 | (seed.wrapping_mul(2_654_435_761) ^ u32::from(id)) & 0x00ff_ffff,
                21 | 22 => UPTIME_MS - seed % 60_000,
                4 => 6,
                _ => seed % 251,
            };
            let octets = value.to_be_bytes();
            out.extend(octets.get(4 - usize::from(len)..).unwrap_or_default());
        }
    })
}

/// The same with a name in between.
fn varying() -> Vec<Vec<u8>> {
    const FIELDS: [(u16, u16); 9] =
        [(8, 4), (12, 4), (7, 2), (11, 2), (371, 65_535), (4, 1), (2, 8), (1, 8), (152, 8)];
    sets(10, 2, &FIELDS, |out, seed| {
        out.extend(seed.to_be_bytes());
        out.extend([192, 0, 2, 7, 0, 80, 1, 187, 5]);
        out.extend(b"name1\x06");
        out.extend(u64::from(seed % 1000).to_be_bytes());
        out.extend(u64::from(seed).to_be_bytes());
        out.extend((u64::from(NOW_S) * 1000).to_be_bytes());
    })
}

fn sets(
    version: u16,
    template_set: u16,
    fields: &[(u16, u16)],
    record: impl Fn(&mut Vec<u8>, u32),
) -> Vec<Vec<u8>> {
    let mut sequence = 0;
    (0..PACKETS)
        .map(|n| {
            let mut sets = Vec::new();
            if n == 0 {
                let mut body = [256, len16(fields.len())].map(u16::to_be_bytes).concat();
                body.extend(fields.iter().flat_map(|(id, len)| [*id, *len].map(u16::to_be_bytes).concat()));
                sets.extend([template_set, len16(body.len() + 4)].map(u16::to_be_bytes).concat());
                sets.extend(body);
            }
            let mut body = Vec::new();
            for r in 0..PER_PACKET {
                record(&mut body, u32::try_from(n * PER_PACKET + r).unwrap_or_default());
            }
            while body.len() % 4 != 0 {
                body.push(0);
            }
            sets.extend([256, len16(body.len() + 4)].map(u16::to_be_bytes).concat());
            sets.extend(body);
            let mut packet = version.to_be_bytes().to_vec();
            if version == 9 {
                packet.extend(1_u16.to_be_bytes());
                packet.extend(UPTIME_MS.to_be_bytes());
            } else {
                packet.extend(len16(sets.len() + 16).to_be_bytes());
            }
            packet.extend([NOW_S, sequence, 7].map(u32::to_be_bytes).concat());
            sequence += if version == 9 { 1 } else { u32::try_from(PER_PACKET).unwrap_or_default() };
            packet.extend(sets);
            packet
        })
        .collect()
}

fn len16(len: usize) -> u16 {
    u16::try_from(len).unwrap_or_default()
}

/// What our own exporter sends.
fn ours(version: Version, mixed: bool) -> Vec<Vec<u8>> {
    let mut columns = Columns::with_capacity(ROWS);
    for n in 0..ROWS {
        let seed = u32::try_from(n).unwrap_or_default();
        let six = mixed && n % 100 >= 50;
        let v4 = |bits: u32| to_bits(IpAddr::V4(Ipv4Addr::from_bits(bits)));
        let wide = |bits: u32| 0x2001_0db8_u128 << 96 | u128::from(bits);
        columns.push(Row {
            first_us: NOW_US - 5_000_000,
            last_us: NOW_US - 1_000_000,
            ip: if six { 6 } else { 4 },
            src: if six { wide(seed) } else { v4(seed.wrapping_mul(2_654_435_761)) },
            dst: if six { wide(seed / 7) } else { v4(0xc000_0200 | seed & 255) },
            src_port: 443,
            dst_port: 40_000,
            proto: 6,
            packets: 10,
            bytes: 5000,
            reverse_packets: u64::from(mixed),
            flows: 1,
            direction: 0,
            ..Row::default()
        });
    }
    let mut exporter = Exporter::new(version, 7, NOW_US - 86_400_000_000);
    exporter.encode(NOW_US, &columns).unwrap_or_default()
}

const NOW_S: u32 = 1_795_223_703;
const NOW_US: i64 = NOW_S as i64 * 1_000_000;
const UPTIME_MS: u32 = 86_400_000;
const PACKETS: usize = 20_000;
const PER_PACKET: usize = 24;
const ROWS: usize = 480_000;
/// Rows that are gathered before they are handed on.
const BATCH: usize = 4096;
const ROUNDS: usize = 15;
