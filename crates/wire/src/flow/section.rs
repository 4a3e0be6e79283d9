//! A piece of a packet, from its first header on: addresses, ports, flags and lengths out of it.
//!
//! Comes in: an Ethernet frame or an IP packet, cut off anywhere, as sFlow's raw headers and the packet sections of
//! IPFIX (elements 104, 313 and 315) carry it. Goes out: what its headers tell as far as they are there. It looks
//! through VLAN tags (802.1Q, 802.1ad), MPLS labels (RFC 3032, the control word of RFC 4385 included), PPPoE and the
//! extension headers of IPv6 (RFC 8200), never into a tunnel; ports of a fragment that is not the first are not there.

use crate::flow::{
    columns::MAPPED,
    message::{u16_at, u32_at},
};

/// What the headers tell. Zero is: not told.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// 4, 6, or 0 when no IP header was found.
    pub ip: u8,
    pub src: u128,
    pub dst: u128,
    pub src_port: u16,
    /// Of ICMP: type x 256 + code.
    pub dst_port: u16,
    pub proto: u8,
    pub tcp_flags: u8,
    pub tos: u8,
    /// Octets before the IP header; of a frame without one, before its payload.
    pub link_octets: usize,
    /// Octets of the packet from its IP header on, as that header says.
    pub ip_octets: u32,
    pub vlan: u16,
    pub src_mac: u64,
    pub dst_mac: u64,
}

/// Reads a frame of Ethernet.
pub(crate) fn ethernet(frame: &[u8]) -> Section {
    let mut section = Section::default();
    let (Some(dst), Some(src)) = (mac_at(frame, 0), mac_at(frame, 6)) else { return section };
    (section.dst_mac, section.src_mac) = (dst, src);
    section.link_octets = 14;
    if let Some(kind) = u16_at(frame, 12) {
        network(&mut section, kind, frame, 14);
    }
    section
}

/// Reads a packet that begins with its IP header.
pub(crate) fn ip(packet: &[u8]) -> Section {
    let mut section = Section::default();
    internet(&mut section, packet, 0);
    section
}

/// Goes from an EtherType, whose header begins at `at`, to the IP header.
fn network(section: &mut Section, kind: u16, frame: &[u8], at: usize) {
    let (mut kind, mut at) = (kind, at);
    for _ in 0..MAX_HEADERS {
        section.link_octets = at;
        match kind {
            0x0800 | 0x86dd => return internet(section, frame, at),
            // 802.1Q, 802.1ad and the tags that came before it.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                let (Some(tag), Some(next)) = (u16_at(frame, at), u16_at(frame, at + 2)) else { return };
                if section.vlan == 0 {
                    section.vlan = tag & 0x0fff;
                }
                (kind, at) = (next, at + 4);
            }
            0x8847 | 0x8848 => return labels(section, frame, at),
            // PPPoE session data (RFC 2516), then the PPP protocol.
            0x8864 => {
                kind = match u16_at(frame, at + 6) {
                    Some(0x0021) => 0x0800,
                    Some(0x0057) => 0x86dd,
                    _ => return,
                };
                at += 8;
            }
            _ => return,
        }
    }
}

/// Goes through a label stack.
fn labels(section: &mut Section, frame: &[u8], mut at: usize) {
    for _ in 0..MAX_HEADERS {
        let Some(entry) = u32_at(frame, at) else { return };
        at += 4;
        section.link_octets = at;
        if entry & 0x100 == 0 {
            continue;
        }
        match frame.get(at).map(|octet| octet >> 4) {
            Some(4 | 6) => internet(section, frame, at),
            // A control word: Ethernet behind it, if it looks like IP in it.
            Some(0) => {
                let inner = at + 4;
                if let Some(kind @ (0x0800 | 0x86dd | 0x8100 | 0x88a8)) = u16_at(frame, inner + 12) {
                    network(section, kind, frame, inner + 14);
                }
            }
            _ => {}
        }
        return;
    }
}

fn internet(section: &mut Section, frame: &[u8], at: usize) {
    section.link_octets = at;
    let packet = frame.get(at..).unwrap_or_default();
    match packet.first().map(|octet| octet >> 4) {
        Some(4) => v4(section, packet),
        Some(6) => v6(section, packet),
        _ => {}
    }
}

fn v4(section: &mut Section, packet: &[u8]) {
    let (Some(src), Some(dst)) = (u32_at(packet, 12), u32_at(packet, 16)) else { return };
    let header = usize::from(packet.first().copied().unwrap_or_default() & 15) * 4;
    if header < 20 {
        return;
    }
    section.ip = 4;
    (section.src, section.dst) = (MAPPED | u128::from(src), MAPPED | u128::from(dst));
    section.tos = octet(packet, 1);
    section.proto = octet(packet, 9);
    section.ip_octets = u32::from(u16_at(packet, 2).unwrap_or_default());
    let fragment = u16_at(packet, 6).unwrap_or_default() & 0x1fff;
    if fragment == 0 {
        transport(section, packet, header);
    }
}

fn v6(section: &mut Section, packet: &[u8]) {
    let (Some(src), Some(dst)) = (u128_at(packet, 8), u128_at(packet, 24)) else { return };
    section.ip = 6;
    (section.src, section.dst) = (src, dst);
    section.tos = octet(packet, 0) << 4 | octet(packet, 1) >> 4;
    // A payload length of 0 is a jumbogram (RFC 2675) or the sender's segmentation offload: not told.
    section.ip_octets = match u16_at(packet, 4).unwrap_or_default() {
        0 => 0,
        payload => u32::from(payload) + 40,
    };
    let mut next = octet(packet, 6);
    let mut at = 40;
    for _ in 0..MAX_HEADERS {
        section.proto = next;
        let (Some(&behind), Some(&len)) = (packet.get(at), packet.get(at + 1)) else { return };
        match next {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => at += (usize::from(len) + 1) * 8,
            // Authentication header, in units of four.
            51 => at += (usize::from(len) + 2) * 4,
            44 => {
                let Some(fragment) = u16_at(packet, at + 2) else { return };
                if fragment & 0xfff8 != 0 {
                    section.proto = behind;
                    return;
                }
                at += 8;
            }
            _ => return transport(section, packet, at),
        }
        next = behind;
    }
}

fn transport(section: &mut Section, packet: &[u8], at: usize) {
    match section.proto {
        1 | 58 => section.dst_port = u16_at(packet, at).unwrap_or_default(),
        // TCP, UDP, DCCP, SCTP, UDP-Lite.
        6 | 17 | 33 | 132 | 136 => {
            let (Some(src), Some(dst)) = (u16_at(packet, at), u16_at(packet, at + 2)) else { return };
            (section.src_port, section.dst_port) = (src, dst);
            if section.proto == 6 {
                section.tcp_flags = octet(packet, at + 13);
            }
        }
        _ => {}
    }
}

fn octet(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

fn mac_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32_at(bytes, at)?) << 16 | u64::from(u16_at(bytes, at + 4)?))
}

fn u128_at(bytes: &[u8], at: usize) -> Option<u128> {
    let end = at.checked_add(16)?;
    bytes.get(at..end)?.try_into().ok().map(u128::from_be_bytes)
}

/// Most tags, labels or extension headers looked through.
const MAX_HEADERS: usize = 16;
