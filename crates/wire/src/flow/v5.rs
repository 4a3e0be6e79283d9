//! NetFlow v5: a header of 24 octets and up to 30 records of 48, all fixed.
//!
//! Source: Cisco, "NetFlow Export Datagram Format", tables B-3 and B-4. Its records are read by the same column plan
//! as any other, compiled from the layout below.

use crate::{
    Defect,
    flow::{
        message::{Header, Version, u16_at, u32_at},
        template::{Element, Field, Length, Purpose, Space, Template},
    },
};

/// Whether a packet is one.
pub(super) fn is(packet: &[u8]) -> bool {
    u16_at(packet, 0) == Some(5)
}

/// Reads the header. A packet whose length is not that of the records it counts is refused: nothing tells which of the
/// two is wrong, and with them its sampling and its sequence number.
pub(super) fn header(packet: &[u8], defects: &mut Vec<Defect>) -> Option<Header> {
    let Some(header) = (packet.len() >= HEADER).then(|| read_header(packet)).flatten() else {
        defects.push(Defect::byte(packet.len() as u64, "packet ends inside its header"));
        return None;
    };
    if packet.len() != HEADER + usize::from(count(packet)) * RECORD {
        defects.push(Defect::byte(2, "count of records is not that of the packet's length"));
        return None;
    }
    Some(header)
}

/// The records, and how many they are.
pub(super) fn records(packet: &[u8]) -> (&[u8], u32) {
    (packet.get(HEADER..).unwrap_or_default(), u32::from(count(packet)))
}

fn count(packet: &[u8]) -> u16 {
    u16_at(packet, 2).unwrap_or_default()
}

/// One packet in so many; `None` when the header says nothing. Exporters disagree on the two bits of the mode.
pub(super) fn sampling(packet: &[u8]) -> Option<u32> {
    let rate = u16_at(packet, 22)? & 0x3fff;
    (rate != 0).then(|| u32::from(rate))
}

/// The record as a template of v9, whose element numbers have the same meaning.
pub(super) fn template() -> Template {
    let field = |&(id, len): &(u16, u16)| Field {
        element: Element { enterprise: 0, id },
        length: Length::Fixed(len),
        space: Space::Element,
    };
    Template::new(0, Purpose::Data, LAYOUT.iter().map(field).collect())
}

fn read_header(packet: &[u8]) -> Option<Header> {
    Some(Header {
        version: Version::NetFlow5,
        uptime_ms: Some(u32_at(packet, 4)?),
        export_us: i64::from(u32_at(packet, 8)?) * 1_000_000 + i64::from(u32_at(packet, 12)? / 1000),
        sequence: u32_at(packet, 16)?,
        domain: u32::from(u16_at(packet, 20)?),
        len: HEADER,
        end: packet.len(),
    })
}

/// Octets of the header.
pub(super) const HEADER: usize = 24;
const RECORD: usize = 48;
/// Elements and lengths; 210 is padding.
pub(super) const LAYOUT: [(u16, u16); 20] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 2),
    (14, 2),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (210, 1),
    (6, 1),
    (4, 1),
    (5, 1),
    (16, 2),
    (17, 2),
    (9, 1),
    (13, 1),
    (210, 2),
];
