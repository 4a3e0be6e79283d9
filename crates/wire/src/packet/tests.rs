#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::link::*;
use super::*;

/// An IPv4 header of 20 octets before `payload`.
fn ipv4(proto: u8, part: u16, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let mut ip = vec![0x45, 0x10];
    ip.extend(total.to_be_bytes());
    ip.extend([0, 0]);
    ip.extend(part.to_be_bytes());
    ip.extend([64, proto, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7]);
    ip.extend(payload);
    ip
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x61, 0x20, 0, 0];
    ip.extend((payload.len() as u16).to_be_bytes());
    ip.extend([next, 33]);
    let (src, dst): (std::net::Ipv6Addr, std::net::Ipv6Addr) =
        ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    ip.extend(src.octets());
    ip.extend(dst.octets());
    ip.extend(payload);
    ip
}

const SYN: [u8; 20] = [0x9c, 0x40, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0xc2, 0, 0, 0, 0, 0, 0];

fn ether(tags: &[u8], kind: u16, rest: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8];
    frame.extend(tags);
    frame.extend(kind.to_be_bytes());
    frame.extend(rest);
    frame
}

#[test]
fn every_link_leads_to_the_same_packet() {
    let ip = ipv4(TCP, 0, &SYN);
    let plain = headers(RAW, &ip).unwrap();
    assert_eq!((plain.src_port, plain.dst_port, plain.tcp_flags), (40000, 80, 0xc2));
    assert_eq!((plain.octets, plain.tos, plain.ttl), (40, 0x10, 64));
    let with = |start: &[u8]| [start, &ip].concat();
    let labels = with(&[0, 0, 0x10, 64, 0, 0, 0x21, 64]);
    let pppoe = with(&[0x11, 0, 0, 1, 0, 42, 0, 0x21]);
    let tagged = [0x88, 0xa8, 0, 5, 0x81, 0, 0, 6];
    for (link, frame, vlan) in [
        (ETHERNET, ether(&[], IPV4, &ip), 0),
        (ETHERNET, ether(&tagged, IPV4, &ip), 5),
        (ETHERNET, ether(&[0x81, 0, 0xe0, 7], MPLS, &labels), 7),
        (ETHERNET, ether(&[], PPPOE, &pppoe), 0),
        (COOKED, [&[0; 14][..], &[8, 0], &ip].concat(), 0),
        (COOKED_2, [&[8, 0][..], &[0; 18], &ip].concat(), 0),
        (NULL, with(&[2, 0, 0, 0]), 0),
        (RAW_V4, ip.clone(), 0),
    ] {
        let found = headers(link, &frame).unwrap();
        assert_eq!(found.vlan, vlan);
        if link == ETHERNET {
            assert_eq!((found.src_mac, found.dst_mac), (0x0200_0000_0008, 0x0200_0000_0009));
        }
        assert!(Headers { vlan: 0, src_mac: 0, dst_mac: 0, ..found } == plain, "link type {link}");
    }
}

#[test]
fn extension_headers_are_passed_over() {
    let chain = [&[FRAGMENT, 0, 0, 0, 0, 0, 0, 0][..], &[TCP, 0, 0, 1, 0, 0, 0, 1], &SYN].concat();
    let found = headers(RAW, &ipv6(HOP_BY_HOP, &chain)).unwrap();
    assert_eq!((found.proto, found.dst_port, found.fragment), (TCP, 80, Fragment::First));
    assert_eq!((found.tos, found.ttl, found.octets), (0x12, 33, 40 + chain.len() as u32));
    let later = [&[UDP, 0, 1, 0, 0, 0, 0, 1][..], &SYN].concat();
    let found = headers(RAW, &ipv6(FRAGMENT, &later)).unwrap();
    assert_eq!((found.proto, found.src_port, found.fragment), (UDP, 0, Fragment::Later));
}

#[test]
fn a_later_fragment_has_no_ports() {
    let found = headers(RAW, &ipv4(UDP, 185, &SYN)).unwrap();
    assert_eq!((found.src_port, found.dst_port, found.fragment), (0, 0, Fragment::Later));
    assert_eq!(headers(RAW, &ipv4(UDP, 0x2000, &SYN)).unwrap().fragment, Fragment::First);
}

#[test]
fn icmp_tells_type_and_code_as_port() {
    assert_eq!(headers(RAW, &ipv4(ICMP, 0, &[3, 1, 0, 0])).unwrap().dst_port, 0x0301);
}

#[test]
fn what_is_no_ip_is_said_so() {
    assert_eq!(headers(ETHERNET, &ether(&[], 0x0806, &[0; 28])), Err(Headless::NotIp));
    assert_eq!(headers(147, &[0; 64]), Err(Headless::LinkType));
    assert_eq!(headers(RAW, &[0x42; 40]), Err(Headless::Broken));
    let endless = ether(&[0x81, 0, 0, 1].repeat(40), IPV4, &[]);
    assert_eq!(headers(ETHERNET, &endless), Err(Headless::NotIp));
}

#[test]
fn a_cut_at_every_length_is_told_or_keeps_the_addresses() {
    let frame = ether(&[0x81, 0, 0, 1], IPV4, &ipv4(TCP, 0, &SYN));
    let whole = headers(ETHERNET, &frame).unwrap();
    for len in 0..frame.len() {
        match headers(ETHERNET, &frame[..len]) {
            Err(Headless::Cut) => assert!(len < 18 + 20),
            Ok(found) => assert!(found.src == whole.src && found.dst == whole.dst && len >= 18 + 20),
            Err(other) => panic!("{other} at {len}"),
        }
    }
}

proptest! {
    #[test]
    fn no_octets_do_harm(
        link in prop_oneof![Just(ETHERNET), Just(COOKED), Just(COOKED_2), Just(RAW), Just(NULL), any::<u16>()],
        frame in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let _ = headers(link, &frame);
    }

    #[test]
    fn no_octets_behind_an_ip_header_do_harm(
        kind in prop_oneof![Just(IPV4), Just(IPV6), Just(MPLS), Just(PPPOE), Just(VLAN)],
        first in prop_oneof![Just(0x45_u8), Just(0x60), Just(0x4f)],
        rest in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let _ = headers(ETHERNET, &ether(&[], kind, &[&[first], &rest[..]].concat()));
    }
}
