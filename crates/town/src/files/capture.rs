//! Export datagrams as a capture file: classic pcap, microseconds, Ethernet, IPv4, UDP to port 4739.

use std::net::Ipv4Addr;

use tadoru_model::UtcMicros;

/// The file's own header (draft-ietf-opsawg-pcap section 4).
pub(super) fn header(out: &mut Vec<u8>) {
    out.extend(0xa1b2_c3d4_u32.to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    for word in [0_u32, 0, 65_535, ETHERNET] {
        out.extend(word.to_le_bytes());
    }
}

/// One datagram from an exporter to the collector, captured at its arrival.
pub(super) fn packet(from: Ipv4Addr, payload: &[u8], at: UtcMicros, out: &mut Vec<u8>) {
    let udp_len = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
    let ip_len = udp_len.saturating_add(20);
    let mut ip = vec![0x45, 0];
    ip.extend(ip_len.to_be_bytes());
    ip.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    ip.extend(from.octets());
    ip.extend(COLLECTOR.octets());
    let sum = checksum(&ip);
    ip.splice(10..12, sum.to_be_bytes());
    let captured = u32::from(ip_len) + 14;
    let seconds = u32::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0);
    let micros = u32::try_from(at.0.rem_euclid(1_000_000)).unwrap_or(0);
    for word in [seconds, micros, captured, captured] {
        out.extend(word.to_le_bytes());
    }
    out.extend([0x02, 0, 0x5e, 0x30, 0, 1, 0x02, 0, 0x5e, 0x30, 0, 2, 0x08, 0]);
    out.extend(ip);
    // A checksum of zero says that none was computed (RFC 768).
    for half in [4739_u16, 4739, udp_len, 0] {
        out.extend(half.to_be_bytes());
    }
    out.extend_from_slice(payload);
}

/// The Internet checksum (RFC 1071).
fn checksum(header: &[u8]) -> u16 {
    let sum = header.chunks(2).fold(0_u32, |sum, pair| match pair {
        [high, low] => sum + u32::from(u16::from_be_bytes([*high, *low])),
        _ => sum,
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

/// Link type 1.
const ETHERNET: u32 = 1;
/// Where the exporters send to.
const COLLECTOR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 240);
