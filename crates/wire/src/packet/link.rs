//! What stands before the network layer of a captured frame, whoever wants what is behind it.
//!
//! Comes in: a frame and its link type (`LINKTYPE_…`): Ethernet, Linux cooked 1 and 2, BSD null and loopback, raw IP. Goes
//! out: the packet behind VLAN tags, PPPoE and MPLS labels, with the outermost tag and the hardware addresses.

use super::{Headless, array, at, from, u16_at};

/// Finds the network layer of a frame.
///
/// # Errors
/// When the link type is not known, something else than IP is carried, or the frame is cut before it.
pub(crate) fn network(link_type: u16, frame: &[u8]) -> Result<Link<'_>, Headless> {
    let mut link = Link { kind: IPV4, rest: frame, vlan: 0, src_mac: 0, dst_mac: 0 };
    match link_type {
        ETHERNET => {
            link.dst_mac = mac(frame, 0)?;
            link.src_mac = mac(frame, 6)?;
            (link.kind, link.rest) = (u16_at(frame, 12)?, from(frame, 14)?);
        }
        COOKED => (link.kind, link.rest) = (u16_at(frame, 14)?, from(frame, 16)?),
        COOKED_2 => (link.kind, link.rest) = (u16_at(frame, 0)?, from(frame, 20)?),
        NULL | LOOP => link.rest = from(frame, 4)?,
        RAW | RAW_BSD | RAW_OPENBSD | RAW_V4 | RAW_V6 => {}
        _ => return Err(Headless::LinkType),
    }
    if matches!(link_type, ETHERNET | COOKED | COOKED_2) {
        link.untag()?;
    }
    Ok(link)
}

/// What stands before the network layer.
pub(crate) struct Link<'a> {
    kind: u16,
    /// The packet; its first four bits tell its IP version.
    pub rest: &'a [u8],
    /// Outermost VLAN, 0 without one.
    pub vlan: u16,
    /// Source hardware address, 0 where there is none.
    pub src_mac: u64,
    /// Destination hardware address.
    pub dst_mac: u64,
}

impl Link<'_> {
    /// Passes over tags, PPPoE and labels.
    fn untag(&mut self) -> Result<(), Headless> {
        for _ in 0..MAX_TAGS {
            match self.kind {
                VLAN | SERVICE_VLAN | OLD_SERVICE_VLAN => {
                    let tag = u16_at(self.rest, 0)? & 0x0fff;
                    self.vlan = if self.vlan == 0 { tag } else { self.vlan };
                    (self.kind, self.rest) = (u16_at(self.rest, 2)?, from(self.rest, 4)?);
                }
                PPPOE => {
                    let protocol = u16_at(self.rest, 6)?;
                    if protocol != PPP_IPV4 && protocol != PPP_IPV6 {
                        return Err(Headless::NotIp);
                    }
                    (self.kind, self.rest) = (IPV4, from(self.rest, 8)?);
                }
                MPLS | MPLS_UPSTREAM => {
                    let last = at(self.rest, 2)? & 1 == 1;
                    self.rest = from(self.rest, 4)?;
                    self.kind = if last { IPV4 } else { self.kind };
                }
                IPV4 | IPV6 => return Ok(()),
                _ => return Err(Headless::NotIp),
            }
        }
        if matches!(self.kind, IPV4 | IPV6) { Ok(()) } else { Err(Headless::NotIp) }
    }
}

fn mac(octets: &[u8], place: usize) -> Result<u64, Headless> {
    let [a, b, c, d, e, f] = array(octets, place)?;
    Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

pub(super) const NULL: u16 = 0;
pub(super) const ETHERNET: u16 = 1;
pub(super) const RAW_BSD: u16 = 12;
pub(super) const RAW_OPENBSD: u16 = 14;
pub(super) const RAW: u16 = 101;
pub(super) const LOOP: u16 = 108;
pub(super) const COOKED: u16 = 113;
pub(super) const RAW_V4: u16 = 228;
pub(super) const RAW_V6: u16 = 229;
pub(super) const COOKED_2: u16 = 276;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const VLAN: u16 = 0x8100;
pub(super) const SERVICE_VLAN: u16 = 0x88a8;
pub(super) const OLD_SERVICE_VLAN: u16 = 0x9100;
pub(super) const PPPOE: u16 = 0x8864;
pub(super) const MPLS: u16 = 0x8847;
pub(super) const MPLS_UPSTREAM: u16 = 0x8848;
pub(super) const PPP_IPV4: u16 = 0x0021;
pub(super) const PPP_IPV6: u16 = 0x0057;

/// Tags and labels passed over at most.
const MAX_TAGS: usize = 8;
