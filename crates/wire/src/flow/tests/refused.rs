//! Datagrams that contradict themselves: refused whole, counted, and nothing of the exporter's state moves.

use std::net::SocketAddr;

use super::*;

const SOURCE: SocketAddr = SocketAddr::new(EXPORTER, 4739);
const KEYS: [(u32, u16); 5] = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1)];
const RECORD: [u8; 13] = [10, 0, 0, 1, 198, 51, 100, 7, 0x9c, 0x40, 0, 80, 6];

fn gather(decoder: &mut Decoder, packet: &[u8]) -> (Columns, Report) {
    let mut columns = Columns::default();
    let report = decoder.collect(SOURCE, NOW_US, packet, &mut columns, &mut |_| {});
    assert_eq!(report.rows as usize, columns.rows());
    (columns, report)
}

/// Hands a packet to a decoder that knows the exporter; nothing of it may count.
fn is_refused(known: &[Vec<u8>], packet: &[u8]) {
    let mut decoder = Decoder::default();
    for packet in known {
        assert_eq!(gather(&mut decoder, packet).1.defects, []);
    }
    let before = decoder.save();
    let (rows, report) = gather(&mut decoder, packet);
    assert_eq!((rows.rows(), report.version), (0, None), "{:?}", report.defects);
    assert!(!report.defects.is_empty(), "it is counted");
    assert_eq!(decoder.save(), before, "nothing of its header is believed");
}

fn v5(flows: u16, rate: u32) -> Vec<Vec<u8>> {
    let mut columns = Columns::default();
    for _ in 0..flows {
        columns.push(Row {
            first_us: NOW_US,
            last_us: NOW_US,
            ip: 4,
            packets: 1,
            flows: 1,
            sampling: rate,
            ..Row::default()
        });
    }
    Exporter::new(Version::NetFlow5, 3, NOW_US - 60_000_000).encode(NOW_US, &columns).unwrap()
}

#[test]
fn a_v5_packet_whose_count_is_not_that_of_its_length() {
    let known = v5(10, 64);
    let liar = &v5(10, 1000)[0];
    for count in (0..=40_u16).chain([255, 1365, u16::MAX]).filter(|count| *count != 10) {
        let mut lying = liar.clone();
        lying[2..4].copy_from_slice(&count.to_be_bytes());
        is_refused(&known, &lying);
    }
    for octets in [1, 20, 47, 48, 96] {
        is_refused(&known, &[&liar[..], &vec![0; octets]].concat());
        is_refused(&known, &[&liar[..], &vec![7; octets]].concat());
    }
    for len in 0..liar.len() {
        is_refused(&known, &liar[..len]);
    }
    // Its sampling stays what it was.
    let mut decoder = Decoder::default();
    gather(&mut decoder, &known[0]);
    let mut lying = liar.clone();
    lying[3] = 30;
    gather(&mut decoder, &lying);
    assert_eq!(decoder.streams().next().unwrap().rates().collect::<Vec<_>>(), [Rate::Domain(64)]);
}

#[test]
fn a_packet_whose_lengths_contradict_each_other() {
    for version in [Version::NetFlow9, Version::Ipfix] {
        let known = [Packet::new(version).template(256, &KEYS).set(256, &RECORD).bytes()];
        let begin = if version == Version::Ipfix { 16 } else { 20 };
        let whole = Packet::new(version).sequence(900).template(257, &KEYS).set(256, &RECORD).bytes();
        let data_at = whole.len() - 20;
        for at in [begin, data_at] {
            let told = u16::from_be_bytes([whole[at + 2], whole[at + 3]]);
            // Shorter than its own header, over the end, or such that what follows is no set.
            for len in [0, 1, 2, 3, told + 1, told + 400, u16::MAX] {
                let mut lying = whole.clone();
                lying[at + 2..at + 4].copy_from_slice(&len.to_be_bytes());
                let report = gather(&mut Decoder::default(), &lying).1;
                if report.version.is_none() {
                    is_refused(&known, &lying);
                } else {
                    assert!(!report.defects.is_empty() || report.held > 0, "{version:?} {at} {len}");
                }
            }
        }
        for len in 0..whole.len() {
            // v9 does not tell its length: cut between sets it is whole.
            let report = gather(&mut Decoder::default(), &whole[..len]).1;
            assert_ne!(report.version.is_none(), report.defects.is_empty(), "refused, or without a fault");
            assert!(version == Version::NetFlow9 || report.version.is_none());
        }
    }
    let known = [Packet::new(Version::Ipfix).template(256, &KEYS).bytes()];
    let whole = Packet::new(Version::Ipfix).sequence(900).set(256, &RECORD).bytes();
    for len in [0_u16, 15, 16, 20, 35, 37, 1400, u16::MAX] {
        let mut lying = whole.clone();
        lying[2..4].copy_from_slice(&len.to_be_bytes());
        is_refused(&known, &lying);
    }
    is_refused(&known, &[&whole[..], &[1, 0, 0, 4]].concat());
}

#[test]
fn a_template_set_that_does_not_come_out_even_defines_nothing() {
    for version in [Version::NetFlow9, Version::Ipfix] {
        let set = if version == Version::NetFlow9 { 0 } else { 2 };
        // Five fields are there, and the number tells of two: the third would be read as another template.
        let mut body = [256_u16, 2].map(u16::to_be_bytes).concat();
        body.extend(specs(&KEYS));
        let packet = Packet::new(version).set(set, &body).set(256, &RECORD);
        let mut decoder = Decoder::default();
        let (rows, report) = gather(&mut decoder, &packet.bytes());
        assert_eq!((rows.rows(), decoder.templates(), report.defects.len()), (0, 0, 1));
    }
    let mut body = [256_u16, 6, 4].map(u16::to_be_bytes).concat();
    body.extend(specs(&[(1, 4), (34, 4)]));
    let packet = Packet::new(Version::NetFlow9).set(1, &body);
    let mut decoder = Decoder::default();
    assert_eq!(gather(&mut decoder, &packet.bytes()).1.defects.len(), 1);
    assert_eq!(decoder.templates(), 0);
    let mut body = [256_u16, 1, 2].map(u16::to_be_bytes).concat();
    body.extend(specs(&[(149, 4), (34, 4)]));
    let report = gather(&mut decoder, &Packet::new(Version::Ipfix).set(3, &body).bytes()).1;
    assert_eq!((report.defects.len(), decoder.templates()), (1, 0));
}

#[test]
fn a_record_of_no_length_is_told() {
    for version in [Version::NetFlow9, Version::Ipfix] {
        let packet = Packet::new(version).template(300, &[(8, 0), (12, 0)]).set(300, &[1; 64]);
        let (rows, report) = gather(&mut Decoder::default(), &packet.bytes());
        assert_eq!((rows.rows(), report.defects.len()), (0, 1), "{:?}", report.defects);
    }
}

#[test]
fn a_sampling_rate_that_nobody_samples_at_is_told_and_not_taken() {
    let options = |rate: u32, sequence| {
        let scope = [(149, 4)];
        let values = [[0, 0, 0, 7], rate.to_be_bytes()].concat();
        Packet::new(Version::Ipfix).sequence(sequence).options(300, &scope, &[(34, 4)]).set(300, &values)
    };
    let rates = |decoder: &Decoder| decoder.streams().next().unwrap().rates().collect::<Vec<_>>();
    let mut decoder = Decoder::default();
    assert_eq!(gather(&mut decoder, &options(100, 0).bytes()).1.defects, []);
    assert_eq!(rates(&decoder), [Rate::Domain(100)]);
    // None is told, and none can be.
    assert_eq!(gather(&mut decoder, &options(0, 1).bytes()).1.defects, []);
    for (rate, sequence) in [((1 << 24) + 1, 2), (u32::MAX, 3)] {
        assert_eq!(gather(&mut decoder, &options(rate, sequence).bytes()).1.defects.len(), 1, "{rate}");
    }
    assert_eq!(rates(&decoder), [Rate::Domain(100)]);
    assert_eq!(gather(&mut decoder, &options(1 << 24, 4).bytes()).1.defects, []);
    assert_eq!(rates(&decoder), [Rate::Domain(1 << 24)]);
    // In records of flows it is the same.
    let fields = [&KEYS[..], &[(34, 4)]].concat();
    let told = |rate: u32| {
        let record = [&RECORD[..], &rate.to_be_bytes()].concat();
        let packet = Packet::new(Version::NetFlow9).template(256, &fields).set(256, &record);
        let (rows, report) = gather(&mut Decoder::default(), &packet.bytes());
        (rows.sampling[0], report.defects.len())
    };
    assert_eq!([told(0), told(64), told(u32::MAX)], [(0, 0), (64, 0), (0, 1)]);
}
