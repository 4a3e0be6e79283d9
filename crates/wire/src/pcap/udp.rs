//! The UDP datagram inside a captured packet.
//!
//! What comes in: a packet of any link type that `packet::link` knows. What goes out: addresses, ports and payload, and
//! whether the payload is all there. It does not put fragments together and does not check sums (an offloading host
//! captures wrong ones).

use std::net::IpAddr;

use super::Packet;
use crate::packet::link::network;

/// A datagram.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UdpPayload<'a> {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// What it carries, as far as captured.
    pub payload: &'a [u8],
    /// Whether that is all.
    pub completeness: Completeness,
}

/// Whether a payload is all that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// It is.
    Whole,
    /// It is the first fragment of a longer datagram.
    FirstFragment,
    /// The capture or the datagram itself is shorter than its length field.
    Cut,
}

impl std::fmt::Debug for UdpPayload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UdpPayload[..]")
    }
}

/// The datagram in `packet`, or `None` when it carries no UDP, a later fragment, or less than its headers.
pub fn udp_payload(packet: &Packet) -> Option<UdpPayload<'_>> {
    let ip = network(packet.link_type, &packet.data).ok()?.rest;
    match ip.first()? >> 4 {
        4 => udp_in_v4(ip),
        6 => udp_in_v6(ip),
        _ => None,
    }
}

/// RFC 791 section 3.1.
fn udp_in_v4(ip: &[u8]) -> Option<UdpPayload<'_>> {
    let first = *ip.first()?;
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16_at(ip, 2)?);
    let fragment = u16_at(ip, 6)?;
    if first >> 4 != 4 || header < 20 || total < header || fragment & 0x1fff != 0 || *ip.get(9)? != UDP {
        return None;
    }
    let src: [u8; 4] = ip.get(12..16)?.try_into().ok()?;
    let dst: [u8; 4] = ip.get(16..20)?.try_into().ok()?;
    let more = fragment & 0x2000 != 0;
    udp(src.into(), dst.into(), ip.get(header..total.min(ip.len()))?, more)
}

/// RFC 8200 sections 3 and 4.
fn udp_in_v6(ip: &[u8]) -> Option<UdpPayload<'_>> {
    if ip.first()? >> 4 != 6 {
        return None;
    }
    let total = usize::from(u16_at(ip, 4)?) + 40;
    let src: [u8; 16] = ip.get(8..24)?.try_into().ok()?;
    let dst: [u8; 16] = ip.get(24..40)?.try_into().ok()?;
    let mut kind = *ip.get(6)?;
    let mut rest = ip.get(40..total.min(ip.len()))?;
    let mut more = false;
    for _ in 0..MAX_EXTENSIONS {
        let len = match kind {
            UDP => return udp(src.into(), dst.into(), rest, more),
            HOP_BY_HOP | ROUTING | DESTINATION => (usize::from(*rest.get(1)?) + 1) * 8,
            FRAGMENT => {
                let fragment = u16_at(rest, 2)?;
                if fragment >> 3 != 0 {
                    return None;
                }
                more |= fragment & 1 != 0;
                8
            }
            AUTHENTICATION => (usize::from(*rest.get(1)?) + 2) * 4,
            _ => return None,
        };
        kind = *rest.first()?;
        rest = rest.get(len..)?;
    }
    None
}

/// RFC 768.
fn udp(src: IpAddr, dst: IpAddr, segment: &[u8], more_fragments: bool) -> Option<UdpPayload<'_>> {
    let len = usize::from(u16_at(segment, 4)?);
    let body = segment.get(8..)?;
    if len < 8 {
        return None;
    }
    let payload = body.get(..len - 8).unwrap_or(body);
    let completeness = match (more_fragments, payload.len() == len - 8) {
        (true, _) => Completeness::FirstFragment,
        (false, true) => Completeness::Whole,
        (false, false) => Completeness::Cut,
    };
    let (src_port, dst_port) = (u16_at(segment, 0)?, u16_at(segment, 2)?);
    Some(UdpPayload { src, dst, src_port, dst_port, payload, completeness })
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

const HOP_BY_HOP: u8 = 0;
const UDP: u8 = 17;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

const MAX_EXTENSIONS: usize = 8;
