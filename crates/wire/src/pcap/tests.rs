//! Laws of the capture reader: three forms of one capture are equal, damage stays local, cuts never panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::{Completeness, Packet, Packets, udp_payload};
use crate::{Defect, tables::Fault};

const PCAP: &[u8] = include_bytes!("../../testdata/pcap/udp.pcap");
const NANOSECONDS: &[u8] = include_bytes!("../../testdata/pcap/udp.nsec.pcap");
const PCAPNG: &[u8] = include_bytes!("../../testdata/pcap/udp.pcapng");

fn read(capture: &[u8]) -> (Vec<Packet>, Vec<Defect>) {
    let (mut packets, mut defects) = (Vec::new(), Vec::new());
    for item in Packets::new(capture) {
        match item {
            Ok(packet) => packets.push(packet),
            Err(Fault::Defect(defect)) => defects.push(defect),
            Err(Fault::Input(error)) => panic!("{error}"),
        }
    }
    (packets, defects)
}

/// The same classic capture in the other byte order.
fn swapped(capture: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let turn = |octets: &[u8]| octets.iter().rev().copied().collect::<Vec<u8>>();
    out.extend(turn(&capture[..4]));
    out.extend(turn(&capture[4..6]));
    out.extend(turn(&capture[6..8]));
    capture[8..24].chunks(4).for_each(|word| out.extend(turn(word)));
    let mut rest = &capture[24..];
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        rest[..16].chunks(4).for_each(|word| out.extend(turn(word)));
        out.extend(&rest[16..16 + len]);
        rest = &rest[16 + len..];
    }
    out
}

#[test]
fn one_capture_in_four_forms_is_one_capture() {
    let bare = |capture: &[u8]| -> Vec<_> {
        let (packets, defects) = read(capture);
        assert!(defects.is_empty());
        packets.into_iter().map(|packet| (packet.time_us, packet.link_type, packet.data)).collect()
    };
    let wanted = bare(PCAP);
    assert_eq!(wanted.len(), 3);
    assert!(wanted == bare(NANOSECONDS) && wanted == bare(PCAPNG) && wanted == bare(&swapped(PCAP)));
    // Two sections, one after the other.
    assert_eq!(bare(&[PCAPNG, PCAPNG].concat()).len(), 6);
}

#[test]
fn datagrams_are_found() {
    let (packets, _) = read(PCAPNG);
    let datagrams: Vec<_> = packets.iter().map(|packet| udp_payload(packet).unwrap()).collect();
    assert_eq!(datagrams.iter().map(|udp| udp.dst_port).collect::<Vec<_>>(), [1813, 4739, 2055]);
    assert_eq!(datagrams.iter().map(|udp| udp.payload.len()).collect::<Vec<_>>(), [5, 3000, 5]);
    assert!(datagrams[0].payload == b"first" && datagrams[0].src_port == 40001);
    assert!(datagrams[2].src.is_ipv6() && datagrams[2].payload == b"third");
    assert!(datagrams.iter().all(|udp| udp.completeness == Completeness::Whole));
}

fn v4(flags: u16, udp_len: u16, payload: &[u8]) -> Vec<u8> {
    // Header with one word of options.
    let mut ip = vec![0x46, 0];
    ip.extend((24 + 8 + payload.len() as u16).to_be_bytes());
    ip.extend([0, 1]);
    ip.extend(flags.to_be_bytes());
    ip.extend([64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 1, 1, 1, 1, 0x9c, 0x41, 0x07, 0x15]);
    ip.extend(udp_len.to_be_bytes());
    ip.extend([0, 0]);
    ip.extend(payload);
    ip
}

fn v6(extensions: &[&[u8]], next: u8, payload: &[u8]) -> Vec<u8> {
    let body: Vec<u8> = extensions.concat();
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend((body.len() as u16 + 8 + payload.len() as u16).to_be_bytes());
    ip.extend([next, 64]);
    ip.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    ip.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    ip.extend(body);
    ip.extend([0x9c, 0x41, 0x07, 0x15]);
    ip.extend((8 + payload.len() as u16).to_be_bytes());
    ip.extend([0, 0]);
    ip.extend(payload);
    ip
}

fn packet(link_type: u16, head: &[u8], ip: &[u8]) -> Packet {
    let data = [head, ip].concat();
    Packet { offset: 0, time_us: None, link_type, original_len: data.len() as u32, data }
}

#[test]
fn every_link_layer_leads_to_the_datagram() {
    let ip = v4(0, 13, b"hello");
    let mut ip_padded = ip.clone();
    ip_padded.extend([0; 12]);
    let mac = [0u8; 12];
    let cooked = [0u8; 14];
    for (link_type, head) in [
        (1, [&mac[..], &[8, 0]].concat()),
        (1, [&mac[..], &[0x81, 0, 0, 5, 8, 0]].concat()),
        (1, [&mac[..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]].concat()),
        (1, [&mac[..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0, 0x21]].concat()),
        (113, [&cooked[..], &[8, 0]].concat()),
        (276, [&[8, 0][..], &[0; 18]].concat()),
        (101, vec![]),
        (228, vec![]),
        (0, vec![2, 0, 0, 0]),
        (0, vec![0, 0, 0, 2]),
        (108, vec![0, 0, 0, 2]),
    ] {
        let packet = packet(link_type, &head, &ip_padded);
        let udp = udp_payload(&packet).unwrap();
        assert!(udp.payload == b"hello" && udp.src_port == 40001 && udp.dst_port == 1813, "{link_type}");
        assert_eq!(udp.completeness, Completeness::Whole);
        // Cut anywhere: nothing, or what is there and a word that it is cut.
        let whole = head.len() + ip.len();
        for len in 0..whole {
            let mut cut = packet.clone();
            cut.data.truncate(len);
            assert!(udp_payload(&cut).is_none_or(|udp| udp.completeness == Completeness::Cut));
        }
    }
    assert!(udp_payload(&packet(147, &[], &ip)).is_none());
}

#[test]
fn only_a_first_fragment_is_given_and_it_says_so() {
    let first = packet(101, &[], &v4(0x2000, 2000, b"beginning"));
    assert_eq!(udp_payload(&first).unwrap().completeness, Completeness::FirstFragment);
    assert!(udp_payload(&packet(101, &[], &v4(0x0010, 13, b"hello"))).is_none());
    let first = packet(101, &[], &v6(&[&[17, 0, 0, 1, 0, 0, 0, 9]], 44, b"beginning"));
    assert_eq!(udp_payload(&first).unwrap().completeness, Completeness::FirstFragment);
    assert!(udp_payload(&packet(101, &[], &v6(&[&[17, 0, 0, 8, 0, 0, 0, 9]], 44, b"later"))).is_none());
}

#[test]
fn extension_headers_are_passed_over_within_bounds() {
    let hop = [60u8, 0, 1, 4, 0, 0, 0, 0];
    let destination = [17u8, 0, 1, 4, 0, 0, 0, 0];
    let packet_with = |extensions: &[&[u8]]| packet(101, &[], &v6(extensions, 0, b"hello"));
    assert!(udp_payload(&packet_with(&[&hop, &destination])).unwrap().payload == b"hello");
    let endless: Vec<&[u8]> = vec![&hop; 50];
    assert!(udp_payload(&packet_with(&endless)).is_none());
}

#[test]
fn a_capture_cut_anywhere_keeps_what_is_whole() {
    for capture in [PCAP, PCAPNG] {
        let (whole, _) = read(capture);
        for len in 0..capture.len() {
            let (packets, defects) = read(&capture[..len]);
            assert!(whole[..packets.len()] == packets[..]);
            assert!(defects.len() <= 1);
            assert!(packets.len() == 3 || len == 0 || !defects.is_empty() || packets.len() < 3);
        }
    }
}

#[test]
fn a_length_that_cannot_be_right_is_not_believed() {
    let mut capture = PCAP.to_vec();
    capture[32..36].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    let (packets, defects) = read(&capture);
    assert!(packets.is_empty() && defects == [Defect::byte(32, "captured length cannot be right")]);

    // Longer than we keep, but there: passed over.
    let mut capture = PCAP[..24].to_vec();
    let long = 300 * 1024u32;
    capture.extend([0; 8]);
    capture.extend(long.to_le_bytes());
    capture.extend(long.to_le_bytes());
    capture.extend(vec![0; long as usize]);
    capture.extend(&PCAP[24..]);
    let (packets, defects) = read(&capture);
    assert!(packets.len() == 3 && defects.len() == 1);

    let (packets, defects) = read(b"not a capture at all");
    assert!(packets.is_empty() && defects.len() == 1);
}

#[test]
fn time_follows_the_interface() {
    let block = |kind: u32, body: &[u8]| {
        let len = (12 + body.len() as u32).to_be_bytes();
        [&kind.to_be_bytes()[..], &len, body, &len].concat()
    };
    let section =
        block(0x0a0d_0d0a, &[0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    let interface = |options: &[u8]| block(1, &[&[0, 101, 0, 0, 0, 0, 0, 0][..], options].concat());
    let enhanced = |at: u32, units: u64| {
        let body =
            [&at.to_be_bytes()[..], &units.to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 1, 0x45, 0, 0, 0]].concat();
        block(6, &body)
    };
    let capture = [
        section,
        interface(&[]),
        interface(&[0, 9, 0, 1, 9, 0, 0, 0]),
        interface(&[0, 9, 0, 1, 0x80 | 10, 0, 0, 0, 0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0]),
        enhanced(0, 1_795_223_703_000_000),
        enhanced(1, 1_795_223_703_000_000_123),
        enhanced(2, 1024),
        enhanced(3, 1),
        enhanced(0, u64::MAX),
        block(3, &[0, 0, 0, 1, 0x45, 0, 0, 0]),
    ]
    .concat();
    let (packets, defects) = read(&capture);
    let times: Vec<_> = packets.iter().map(|packet| packet.time_us).collect();
    assert_eq!(times, [Some(1_795_223_703_000_000), Some(1_795_223_703_000_000), Some(101_000_000), None]);
    assert_eq!(defects.len(), 2);
}

proptest! {
    #[test]
    fn no_capture_panics(form in 0usize..3, at in 0usize..3000, octets in proptest::collection::vec(any::<u8>(), 1..40)) {
        let mut capture = [PCAP, NANOSECONDS, PCAPNG][form].to_vec();
        let at = at % capture.len();
        let end = capture.len().min(at + octets.len());
        capture[at..end].copy_from_slice(&octets[..end - at]);
        for packet in read(&capture).0 {
            udp_payload(&packet);
        }
    }

    #[test]
    fn no_packet_panics(link in 0usize..8, data in proptest::collection::vec(any::<u8>(), 0..120)) {
        let link_type = [0, 1, 12, 101, 108, 113, 228, 276][link];
        udp_payload(&packet(link_type, &[], &data));
    }
}
