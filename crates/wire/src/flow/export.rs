//! Writes traffic flows as NetFlow v5, v9 or IPFIX packets.
//!
//! Comes in: rows of [`Columns`]. Goes out: packets with the templates that their records need. v9 and IPFIX keep every
//! column but those of the receiving side (exporter, domain, arrival), at a precision of milliseconds; what a row does
//! not tell is left out where the format has a way to. v5 knows IPv4 and counters of 32 bits only: rows that it cannot
//! say are an error, and its columns beyond MAC, VLAN, direction, BGP next hop and reverse counters are left out.

use crate::flow::{
    columns::{Columns, Row},
    message::Version,
    v5,
};

/// Why rows cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// NetFlow v5 has IPv4 only.
    #[error("netflow v5 cannot carry what is not IPv4")]
    Family,
    /// A value is larger than its field.
    #[error("`{0}` does not fit its field")]
    Range(&'static str),
    /// A time lies outside of what the format can say.
    #[error("a time cannot be told in this format")]
    Time,
}

/// One exporting process.
#[derive(Debug, Clone)]
pub struct Exporter {
    version: Version,
    domain: u32,
    boot_us: i64,
    sequence: u32,
    announced: [bool; LAYOUTS],
}

/// What the records of one template tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    ip: u8,
    reverse: bool,
    sampling: bool,
    direction: bool,
}

impl Exporter {
    /// An exporter that started at `boot_us`, microseconds since 1970 UTC (v5 and v9 count from it).
    pub fn new(version: Version, domain: u32, boot_us: i64) -> Self {
        Self { version, domain, boot_us, sequence: 0, announced: [false; LAYOUTS] }
    }

    /// Sends the templates once more with the records that follow.
    pub fn announce(&mut self) {
        self.announced = [false; LAYOUTS];
    }

    /// Writes all rows; packets stay below 1400 octets.
    pub fn encode(&mut self, export_us: i64, columns: &Columns) -> Result<Vec<Vec<u8>>, ExportError> {
        let rows = (0..columns.rows()).filter_map(|row| columns.get(row));
        match self.version {
            Version::NetFlow5 => self.encode_v5(export_us, rows),
            Version::NetFlow9 | Version::Ipfix => self.encode_sets(export_us, rows),
        }
    }

    fn encode_sets(
        &mut self,
        export_us: i64,
        rows: impl Iterator<Item = Row>,
    ) -> Result<Vec<Vec<u8>>, ExportError> {
        let mut packets = Vec::new();
        let mut packet = Packet::new(self.header(export_us)?);
        for row in rows {
            let layout = Layout::of(&row);
            let mut fields = Fields { version: self.version, specs: Vec::new(), bytes: Vec::new() };
            fields.row(&row, layout, export_us, self.boot_us)?;
            let id = layout.id();
            let told = self.announced.get(layout.index()).copied().unwrap_or(false);
            let template = if told { 0 } else { 12 + fields.specs.len() };
            if packet.bytes.len() + 8 + template + fields.bytes.len() > MTU
                && packet.records + packet.templates > 0
            {
                packets.push(self.close(packet));
                packet = Packet::new(self.header(export_us)?);
            }
            if let Some(told) = self.announced.get_mut(layout.index())
                && !*told
            {
                *told = true;
                packet.templates += 1;
                let set = if self.version == Version::NetFlow9 { 0 } else { 2 };
                packet.add(set, &fields.template(id));
            }
            packet.records += 1;
            packet.add(id, &fields.bytes);
        }
        if packet.records > 0 {
            packets.push(self.close(packet));
        }
        Ok(packets)
    }

    fn encode_v5(
        &mut self,
        export_us: i64,
        rows: impl Iterator<Item = Row>,
    ) -> Result<Vec<Vec<u8>>, ExportError> {
        let mut packets: Vec<(Vec<u8>, u16, u32)> = Vec::new();
        for row in rows {
            if row.ip != 4 {
                return Err(ExportError::Family);
            }
            if packets.last().is_none_or(|(_, count, rate)| *count == V5_RECORDS || *rate != row.sampling) {
                packets.push((self.header(export_us)?, 0, row.sampling));
            }
            if let Some((packet, count, _)) = packets.last_mut() {
                *count += 1;
                record_v5(packet, &row, export_us, self.boot_us)?;
            }
        }
        let mut done = Vec::new();
        for (mut packet, count, rate) in packets {
            let rate = u16::try_from(rate).ok().filter(|rate| *rate < 1 << 14);
            let rate = rate.ok_or(ExportError::Range("sampling"))?;
            put(&mut packet, 2, &count.to_be_bytes());
            put(&mut packet, 16, &self.sequence.to_be_bytes());
            // Mode 1: one packet in so many.
            put(&mut packet, 22, &(if rate == 0 { 0 } else { 1 << 14 | rate }).to_be_bytes());
            self.sequence = self.sequence.wrapping_add(u32::from(count));
            done.push(packet);
        }
        Ok(done)
    }

    fn header(&self, export_us: i64) -> Result<Vec<u8>, ExportError> {
        let seconds = u32::try_from(export_us.div_euclid(1_000_000)).map_err(|_| ExportError::Time)?;
        let mut bytes = Vec::with_capacity(MTU);
        match self.version {
            Version::NetFlow5 => {
                let nanos = u32::try_from(export_us.rem_euclid(1_000_000) * 1000).unwrap_or_default();
                bytes.extend([5_u16, 0].map(u16::to_be_bytes).concat());
                bytes.extend(
                    [uptime(export_us, self.boot_us), seconds, nanos, 0].map(u32::to_be_bytes).concat(),
                );
                let engine = u16::try_from(self.domain).map_err(|_| ExportError::Range("domain"))?;
                bytes.extend([engine, 0].map(u16::to_be_bytes).concat());
            }
            Version::NetFlow9 => {
                bytes.extend([9_u16, 0].map(u16::to_be_bytes).concat());
                // Uptime of the header's moment, which has no fraction of a second.
                let uptime = uptime(i64::from(seconds) * 1_000_000, self.boot_us);
                bytes.extend([uptime, seconds, 0, self.domain].map(u32::to_be_bytes).concat());
            }
            Version::Ipfix => {
                bytes.extend([10_u16, 0].map(u16::to_be_bytes).concat());
                bytes.extend([seconds, 0, self.domain].map(u32::to_be_bytes).concat());
            }
        }
        Ok(bytes)
    }

    fn close(&mut self, mut packet: Packet) -> Vec<u8> {
        packet.end_set();
        let records = u32::try_from(packet.records).unwrap_or(u32::MAX);
        // v9 counts packets, IPFIX data records.
        let (second, at, step) = match self.version {
            Version::NetFlow9 => (packet.records + packet.templates, 12, 1),
            _ => (packet.bytes.len(), 8, records),
        };
        put(&mut packet.bytes, 2, &u16::try_from(second).unwrap_or(u16::MAX).to_be_bytes());
        put(&mut packet.bytes, at, &self.sequence.to_be_bytes());
        self.sequence = self.sequence.wrapping_add(step);
        packet.bytes
    }
}

impl Layout {
    fn of(row: &Row) -> Self {
        Self {
            ip: row.ip,
            reverse: row.reverse_packets != 0 || row.reverse_bytes != 0,
            sampling: row.sampling != 0,
            direction: row.direction <= 1,
        }
    }

    fn index(self) -> usize {
        let ip = match self.ip {
            4 => 0,
            6 => 1,
            _ => 2,
        };
        ip * 8 + usize::from(self.reverse) * 4 + usize::from(self.sampling) * 2 + usize::from(self.direction)
    }

    fn id(self) -> u16 {
        FIRST_TEMPLATE + u16::try_from(self.index()).unwrap_or_default()
    }
}

struct Packet {
    bytes: Vec<u8>,
    /// Id of the open set and where it begins.
    set: Option<(u16, usize)>,
    records: usize,
    templates: usize,
}

impl Packet {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, set: None, records: 0, templates: 0 }
    }

    fn add(&mut self, set: u16, content: &[u8]) {
        if self.set.is_none_or(|(open, _)| open != set) {
            self.end_set();
            self.set = Some((set, self.bytes.len()));
            self.bytes.extend([set, 0].map(u16::to_be_bytes).concat());
        }
        self.bytes.extend(content);
    }

    fn end_set(&mut self) {
        let Some((_, begin)) = self.set.take() else { return };
        while !(self.bytes.len() - begin).is_multiple_of(4) {
            self.bytes.push(0);
        }
        let len = u16::try_from(self.bytes.len() - begin).unwrap_or(u16::MAX);
        put(&mut self.bytes, begin + 2, &len.to_be_bytes());
    }
}

struct Fields {
    version: Version,
    specs: Vec<u8>,
    bytes: Vec<u8>,
}

impl Fields {
    fn row(&mut self, row: &Row, layout: Layout, export_us: i64, boot_us: i64) -> Result<(), ExportError> {
        self.times(row, export_us, boot_us)?;
        match layout.ip {
            4 => {
                for (id, bits) in [(8, row.src), (12, row.dst), (15, row.next_hop), (18, row.bgp_next_hop)] {
                    self.put(id, &v4(bits));
                }
                self.put(9, &[row.src_mask]);
                self.put(13, &[row.dst_mask]);
            }
            6 => {
                for (id, bits) in [(27, row.src), (28, row.dst), (62, row.next_hop), (63, row.bgp_next_hop)] {
                    self.put(id, &bits.to_be_bytes());
                }
                self.put(29, &[row.src_mask]);
                self.put(30, &[row.dst_mask]);
            }
            _ => {}
        }
        self.put(7, &row.src_port.to_be_bytes());
        self.put(11, &row.dst_port.to_be_bytes());
        self.put(4, &[row.proto]);
        self.put(6, &[row.tcp_flags]);
        self.put(5, &[row.tos]);
        self.put(2, &row.packets.to_be_bytes());
        self.put(1, &row.bytes.to_be_bytes());
        for (id, value) in
            [(10, row.input), (14, row.output), (16, row.src_as), (17, row.dst_as), (3, row.flows)]
        {
            self.put(id, &value.to_be_bytes());
        }
        self.put(58, &row.src_vlan.to_be_bytes());
        self.put(59, &row.dst_vlan.to_be_bytes());
        for (id, mac) in [(56, row.in_src_mac), (57, row.out_dst_mac)] {
            let [_, _, octets @ ..] = mac.to_be_bytes();
            self.put(id, &octets);
        }
        self.put(89, &[row.forwarding]);
        if layout.reverse {
            let counters = match self.version {
                Version::Ipfix => [(0x8002, row.reverse_packets), (0x8001, row.reverse_bytes)],
                _ => [(24, row.reverse_packets), (23, row.reverse_bytes)],
            };
            for (id, value) in counters {
                self.put(id, &value.to_be_bytes());
            }
        }
        if layout.sampling {
            self.put(34, &row.sampling.to_be_bytes());
        }
        if layout.direction {
            self.put(61, &[row.direction]);
        }
        Ok(())
    }

    fn times(&mut self, row: &Row, export_us: i64, boot_us: i64) -> Result<(), ExportError> {
        for (us, uptimes, millis) in [(row.first_us, 22, 152), (row.last_us, 21, 153)] {
            if self.version == Version::Ipfix {
                let ms = u64::try_from(us.div_euclid(1000)).map_err(|_| ExportError::Time)?;
                self.put(millis, &ms.to_be_bytes());
            } else {
                self.put(uptimes, &moment(us, export_us, boot_us)?.to_be_bytes());
            }
        }
        Ok(())
    }

    fn put(&mut self, id: u16, value: &[u8]) {
        self.specs.extend(id.to_be_bytes());
        self.specs.extend(u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
        if id & 0x8000 != 0 {
            self.specs.extend(REVERSE.to_be_bytes());
        }
        self.bytes.extend(value);
    }

    fn template(&self, id: u16) -> Vec<u8> {
        // The reverse elements take eight octets, all others four.
        let enterprise = self.specs.windows(4).filter(|window| *window == REVERSE.to_be_bytes()).count();
        let count = self.specs.len() / 4 - enterprise;
        let mut bytes = [id, u16::try_from(count).unwrap_or_default()].map(u16::to_be_bytes).concat();
        bytes.extend(&self.specs);
        bytes
    }
}

fn record_v5(packet: &mut Vec<u8>, row: &Row, export_us: i64, boot_us: i64) -> Result<(), ExportError> {
    let narrow32 = |value: u64, name| u32::try_from(value).map_err(|_| ExportError::Range(name));
    let narrow16 = |value: u32, name| u16::try_from(value).map_err(|_| ExportError::Range(name));
    let system = |number: u32| u16::try_from(number).unwrap_or(AS_TRANS).to_be_bytes();
    for (id, len) in v5::LAYOUT {
        match id {
            8 => packet.extend(v4(row.src)),
            12 => packet.extend(v4(row.dst)),
            15 => packet.extend(v4(row.next_hop)),
            10 => packet.extend(narrow16(row.input, "input")?.to_be_bytes()),
            14 => packet.extend(narrow16(row.output, "output")?.to_be_bytes()),
            2 => packet.extend(narrow32(row.packets, "packets")?.to_be_bytes()),
            1 => packet.extend(narrow32(row.bytes, "bytes")?.to_be_bytes()),
            22 => packet.extend(moment(row.first_us, export_us, boot_us)?.to_be_bytes()),
            21 => packet.extend(moment(row.last_us, export_us, boot_us)?.to_be_bytes()),
            7 => packet.extend(row.src_port.to_be_bytes()),
            11 => packet.extend(row.dst_port.to_be_bytes()),
            6 => packet.push(row.tcp_flags),
            4 => packet.push(row.proto),
            5 => packet.push(row.tos),
            16 => packet.extend(system(row.src_as)),
            17 => packet.extend(system(row.dst_as)),
            9 => packet.push(row.src_mask),
            13 => packet.push(row.dst_mask),
            _ => packet.extend(std::iter::repeat_n(0, usize::from(len))),
        }
    }
    Ok(())
}

/// The uptime at a moment, if a reader will find that moment again.
fn moment(us: i64, export_us: i64, boot_us: i64) -> Result<u32, ExportError> {
    if us.abs_diff(export_us) / 1000 > u64::from(u32::MAX / 2) || us < boot_us {
        return Err(ExportError::Time);
    }
    Ok(uptime(us, boot_us))
}

/// Milliseconds since the start, which wrap (RFC 3954 section 5.1).
fn uptime(us: i64, boot_us: i64) -> u32 {
    let ms = us.saturating_sub(boot_us).div_euclid(1000).rem_euclid(1 << 32);
    u32::try_from(ms).unwrap_or_default()
}

fn v4(bits: u128) -> [u8; 4] {
    let [.., a, b, c, d] = bits.to_be_bytes();
    [a, b, c, d]
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

const FIRST_TEMPLATE: u16 = 256;
const LAYOUTS: usize = 24;
/// Longest packet in octets that goes through a link of 1500 with room for tunnels.
const MTU: usize = 1400;
const V5_RECORDS: u16 = 30;
/// Enterprise number of reverse elements (RFC 5103 section 6.1).
const REVERSE: u32 = 29_305;
/// The number that stands for those of more than 16 bits (RFC 6793 section 9).
const AS_TRANS: u16 = 23_456;
