//! The headers of one captured packet: what a flow meter needs to know of it.
//!
//! What comes in: a frame as captured, maybe cut, of Ethernet, Linux cooked capture 1 and 2, BSD null or loopback, or raw
//! IP; with VLAN and QinQ tags, PPPoE and MPLS passed over. What goes out: [`Headers`], or why there are none. It looks
//! at no payload, puts no fragments together, checks no sums, and allocates nothing. RFC 791, RFC 8200, RFC 768, RFC 9293,
//! RFC 792, RFC 4443, IEEE 802.1Q, RFC 3032, RFC 2516.

use std::net::IpAddr;

pub(crate) mod link;
#[cfg(test)]
mod tests;

use link::Link;

/// What the headers of a packet say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IP protocol number, behind IPv6 extension headers.
    pub proto: u8,
    /// Source port; 0 where there is none, or where it was not captured.
    pub src_port: u16,
    /// Destination port; of ICMP and ICMPv6, type x 256 + code.
    pub dst_port: u16,
    /// Control bits of TCP, CWR 128 to FIN 1.
    pub tcp_flags: u8,
    /// Type of service or traffic class.
    pub tos: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Octets of layer 3 on the wire, by its own length field.
    pub octets: u32,
    /// Whether it is a part of a longer datagram.
    pub fragment: Fragment,
    /// Outermost VLAN, 0 without a tag.
    pub vlan: u16,
    /// Source hardware address in the low 48 bits, 0 where the link has none.
    pub src_mac: u64,
    /// Destination hardware address.
    pub dst_mac: u64,
}

/// Whether a packet is a part of a longer datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragment {
    /// It is whole.
    Whole,
    /// It is the first part, which holds the ports.
    First,
    /// It is a later part.
    Later,
}

/// Why a packet has no headers for a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Headless {
    /// Its link type is not one of those that are read.
    #[error("link type is not read")]
    LinkType,
    /// It carries something else than IP.
    #[error("not IP")]
    NotIp,
    /// The capture ends inside its headers.
    #[error("headers are cut")]
    Cut,
    /// A header contradicts itself.
    #[error("header contradicts itself")]
    Broken,
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers[..]")
    }
}

/// The headers of a frame of this link type (`LINKTYPE_…`).
///
/// # Errors
/// When it is not IP, or does not reach up to the addresses. Ports that were not captured are 0.
pub fn headers(link_type: u16, frame: &[u8]) -> Result<Headers, Headless> {
    let link = link::network(link_type, frame)?;
    match at(link.rest, 0)? >> 4 {
        4 => v4(&link),
        6 => v6(&link),
        _ => Err(Headless::NotIp),
    }
}

impl Link<'_> {
    fn headers(&self, src: IpAddr, dst: IpAddr) -> Headers {
        Headers {
            src,
            dst,
            proto: 0,
            src_port: 0,
            dst_port: 0,
            tcp_flags: 0,
            tos: 0,
            ttl: 0,
            octets: 0,
            fragment: Fragment::Whole,
            vlan: self.vlan,
            src_mac: self.src_mac,
            dst_mac: self.dst_mac,
        }
    }
}

/// RFC 791 section 3.1.
fn v4(link: &Link<'_>) -> Result<Headers, Headless> {
    let ip = link.rest;
    let header = usize::from(at(ip, 0)? & 0x0f) * 4;
    let total = u16_at(ip, 2)?;
    // A host that leaves cutting to its interface writes 0 there.
    let octets = if total == 0 { ip.len() } else { usize::from(total) };
    if header < 20 || octets < header {
        return Err(Headless::Broken);
    }
    let src: [u8; 4] = array(ip, 12)?;
    let dst: [u8; 4] = array(ip, 16)?;
    let part = u16_at(ip, 6)?;
    let mut found = link.headers(src.into(), dst.into());
    found.proto = at(ip, 9)?;
    found.tos = at(ip, 1)?;
    found.ttl = at(ip, 8)?;
    found.octets = u32::try_from(octets).unwrap_or(u32::MAX);
    found.fragment = match (part & 0x1fff, part & 0x2000) {
        (0, 0) => Fragment::Whole,
        (0, _) => Fragment::First,
        _ => Fragment::Later,
    };
    found.transport(ip.get(header..octets.min(ip.len())).unwrap_or(&[]));
    Ok(found)
}

/// RFC 8200 sections 3 and 4.
fn v6(link: &Link<'_>) -> Result<Headers, Headless> {
    let ip = link.rest;
    let src: [u8; 16] = array(ip, 8)?;
    let dst: [u8; 16] = array(ip, 24)?;
    let payload = usize::from(u16_at(ip, 4)?);
    let mut found = link.headers(src.into(), dst.into());
    found.tos = (at(ip, 0)? << 4) | (at(ip, 1)? >> 4);
    found.ttl = at(ip, 7)?;
    let octets = if payload == 0 { ip.len() } else { payload + 40 };
    found.octets = u32::try_from(octets).unwrap_or(u32::MAX);
    found.proto = at(ip, 6)?;
    let mut rest = ip.get(40..octets.min(ip.len())).unwrap_or(&[]);
    for _ in 0..MAX_EXTENSIONS {
        let len = match found.proto {
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY => {
                rest.get(1).map_or(0, |len| (usize::from(*len) + 1) * 8)
            }
            FRAGMENT => {
                let Ok(part) = u16_at(rest, 2) else { break };
                // An atomic fragment (RFC 6946) is whole.
                found.fragment = match (part >> 3, part & 1) {
                    (0, 0) => Fragment::Whole,
                    (0, _) => Fragment::First,
                    _ => Fragment::Later,
                };
                8
            }
            AUTHENTICATION => rest.get(1).map_or(0, |len| (usize::from(*len) + 2) * 4),
            _ => break,
        };
        let (Some(next), Some(behind)) = (rest.first(), rest.get(len.max(8)..)) else { break };
        found.proto = *next;
        rest = behind;
        if found.fragment == Fragment::Later {
            break;
        }
    }
    found.transport(rest);
    Ok(found)
}

impl Headers {
    /// Ports and flags, as far as they were captured.
    fn transport(&mut self, segment: &[u8]) {
        if self.fragment == Fragment::Later {
            return;
        }
        match self.proto {
            TCP | UDP | DCCP | SCTP | UDP_LITE => {
                self.src_port = u16_at(segment, 0).unwrap_or(0);
                self.dst_port = u16_at(segment, 2).unwrap_or(0);
                if self.proto == TCP {
                    self.tcp_flags = at(segment, 13).unwrap_or(0);
                }
            }
            ICMP | ICMP_V6 => self.dst_port = u16_at(segment, 0).unwrap_or(0),
            _ => {}
        }
    }
}

fn at(octets: &[u8], place: usize) -> Result<u8, Headless> {
    octets.get(place).copied().ok_or(Headless::Cut)
}

fn from(octets: &[u8], place: usize) -> Result<&[u8], Headless> {
    octets.get(place..).ok_or(Headless::Cut)
}

fn array<const N: usize>(octets: &[u8], place: usize) -> Result<[u8; N], Headless> {
    octets.get(place..place + N).and_then(|found| found.try_into().ok()).ok_or(Headless::Cut)
}

fn u16_at(octets: &[u8], place: usize) -> Result<u16, Headless> {
    array(octets, place).map(u16::from_be_bytes)
}

const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DCCP: u8 = 33;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const ICMP_V6: u8 = 58;
const DESTINATION: u8 = 60;
const SCTP: u8 = 132;
const MOBILITY: u8 = 135;
const UDP_LITE: u8 = 136;

/// IPv6 extension headers passed over at most.
const MAX_EXTENSIONS: usize = 8;
