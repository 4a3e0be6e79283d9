//! The outer layer of NetFlow v9 (RFC 3954 section 5) and IPFIX (RFC 7011 section 3): header and sets. That of v5,
//! which has no sets, is read beside its records.
//!
//! Comes in: one export packet. Goes out: its header and its sets, each with its byte offset. A set that runs over
//! the end of the packet is cut there, so that the whole records in it can still be read; after a set whose length
//! is impossible nothing more can be found, and the rest is reported as one defect.

use crate::{Defect, flow::v5};

/// Which protocol a packet speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// NetFlow version 5, of fixed records.
    NetFlow5,
    /// NetFlow version 9 (RFC 3954).
    NetFlow9,
    /// IPFIX, version 10 (RFC 7011).
    Ipfix,
}

/// Header of one export packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub version: Version,
    /// Export time in microseconds since 1970 UTC; whole seconds but in v5.
    pub export_us: i64,
    /// Milliseconds since the exporter started; not in IPFIX. Wraps after 49.7 days.
    pub uptime_ms: Option<u32>,
    pub sequence: u32,
    /// Engine type and id (v5), source id (v9) or observation domain (IPFIX).
    pub domain: u32,
    /// Length of the header in bytes, that is, where the first set begins.
    pub len: usize,
    /// Where the sets end: the IPFIX length field or the end of the packet, whichever is first.
    pub end: usize,
}

/// One set (FlowSet in v9).
#[derive(Debug, Clone, Copy)]
pub(super) struct Set<'a> {
    pub id: u16,
    /// Offset of `body` in the packet.
    pub offset: usize,
    pub body: &'a [u8],
    pub fit: Fit,
}

/// Whether a set is all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Whole,
    /// The packet ended before the set did.
    Cut,
}

/// Reads the header, or says why the packet is not ours.
pub(super) fn header(packet: &[u8], defects: &mut Vec<Defect>) -> Option<Header> {
    let Some(version) = u16_at(packet, 0) else {
        defects.push(Defect::byte(0, "packet is shorter than a version number"));
        return None;
    };
    let header = match version {
        9 => v9_header(packet),
        10 => ipfix_header(packet, defects),
        _ => {
            defects.push(Defect::byte(0, "version is neither 9 nor 10"));
            return None;
        }
    };
    if header.is_none() {
        defects.push(Defect::byte(packet.len() as u64, "packet ends inside its header"));
    }
    header
}

/// Whether a packet is one whole export of v5, v9 or IPFIX by its own lengths, and holds anything.
pub fn is_whole(packet: &[u8]) -> bool {
    let mut defects = Vec::new();
    if v5::is(packet) {
        return v5::header(packet, &mut defects).is_some() && !v5::records(packet).0.is_empty();
    }
    let header = header(packet, &mut defects);
    header.is_some_and(|header| !sets(packet, &header, &mut defects).is_empty()) && defects.is_empty()
}

/// Walks the sets of a packet.
pub(super) fn sets<'a>(packet: &'a [u8], header: &Header, defects: &mut Vec<Defect>) -> Vec<Set<'a>> {
    let mut found = Vec::new();
    let mut at = header.len;
    while at < header.end {
        let rest = packet.get(at..header.end).unwrap_or_default();
        // Some exporters send a packet of fixed size and leave its end zero.
        if rest.iter().all(|&byte| byte == 0) {
            break;
        }
        let (Some(id), Some(len)) = (u16_at(rest, 0), u16_at(rest, 2)) else {
            defects.push(Defect::byte(at as u64, "packet ends inside a set header"));
            break;
        };
        let len = usize::from(len);
        if len < SET_HEADER {
            defects.push(Defect::byte(at as u64 + 2, "set length is shorter than its own header"));
            break;
        }
        let fit = if len > rest.len() {
            defects.push(Defect::byte(at as u64 + 2, "set length runs over the end of the packet"));
            Fit::Cut
        } else {
            Fit::Whole
        };
        let body = rest.get(SET_HEADER..len.min(rest.len())).unwrap_or_default();
        found.push(Set { id, offset: at + SET_HEADER, body, fit });
        at += len;
    }
    found
}

/// Big-endian 16-bit number at an offset.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let end = at.checked_add(2)?;
    bytes.get(at..end)?.try_into().ok().map(u16::from_be_bytes)
}

/// Big-endian 32-bit number at an offset.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    bytes.get(at..end)?.try_into().ok().map(u32::from_be_bytes)
}

fn v9_header(packet: &[u8]) -> Option<Header> {
    // The count at offset 2 is not used: exporters disagree on whether it counts records or sets.
    Some(Header {
        version: Version::NetFlow9,
        uptime_ms: Some(u32_at(packet, 4)?),
        export_us: i64::from(u32_at(packet, 8)?) * 1_000_000,
        sequence: u32_at(packet, 12)?,
        domain: u32_at(packet, 16)?,
        len: V9_HEADER,
        end: packet.len(),
    })
}

fn ipfix_header(packet: &[u8], defects: &mut Vec<Defect>) -> Option<Header> {
    let declared = usize::from(u16_at(packet, 2)?);
    let header = Header {
        version: Version::Ipfix,
        uptime_ms: None,
        export_us: i64::from(u32_at(packet, 4)?) * 1_000_000,
        sequence: u32_at(packet, 8)?,
        domain: u32_at(packet, 12)?,
        len: IPFIX_HEADER,
        end: declared.clamp(IPFIX_HEADER, packet.len()),
    };
    if declared != packet.len() {
        defects.push(Defect::byte(2, LENGTH_DIFFERS));
    }
    Some(header)
}

const LENGTH_DIFFERS: &str = "message length differs from the packet's";
const V9_HEADER: usize = 20;
const IPFIX_HEADER: usize = 16;
const SET_HEADER: usize = 4;
