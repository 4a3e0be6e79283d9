//! The records of a block: flows, and what is known of their exporters and samplers.

use std::collections::HashMap;

use super::{Block, MAX_DEFECTS};
use crate::Defect;
use crate::flow::Row;

/// What the records before told of exporters and samplers.
#[derive(Default)]
pub(super) struct Known {
    exporters: HashMap<u16, Exporter>,
    samplers: HashMap<u16, Vec<Sampler>>,
}

struct Exporter {
    addr: u128,
    domain: u32,
}

struct Sampler {
    id: u64,
    /// One in how many packets.
    rate: u32,
}

/// Where a defect of a record is said to stand.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In the file, the block's records beginning here.
    Inside(u64),
    /// In a block that was compressed, and begins here.
    Block(u64),
}

impl Place {
    fn of(self, at: usize) -> u64 {
        match self {
            Self::Inside(begin) => begin + at as u64,
            Self::Block(begin) => begin,
        }
    }
}

impl Known {
    /// Reads the records of a block into `block`, and says how many they were.
    pub(super) fn read(&mut self, octets: &[u8], place: Place, block: &mut Block) -> u64 {
        let mut rest = octets;
        let (mut met, mut broken) = (0, 0_u64);
        while !rest.is_empty() {
            let at = octets.len() - rest.len();
            let Some((kind, record)) = take_record(&mut rest) else {
                tell(block, &mut broken, place.of(at), UNFIT);
                break;
            };
            met += 1;
            let read = match kind {
                FLOW => self.flow(record, block),
                EXPORTER => self.exporter(record),
                SAMPLER => self.sampler(record),
                _ => Ok(()),
            };
            if let Err(what) = read {
                tell(block, &mut broken, place.of(at), what);
            }
        }
        if let Some(more) = broken.checked_sub(MAX_DEFECTS as u64).filter(|more| *more > 0) {
            block.defects.push(Defect::byte(place.of(0), format!("{more} further records cannot be read")));
        }
        met
    }

    fn exporter(&mut self, record: &[u8]) -> Result<(), &'static str> {
        let fields = Fields(record);
        let short = "record of an exporter is too short";
        let (family, number) = fields.u16(20).zip(fields.u16(22)).ok_or(short)?;
        let domain = fields.u32(24).ok_or(short)?;
        let addr = if family == AF_INET { fields.v4(12) } else { fields.v6(4) }.ok_or(short)?;
        if self.exporters.len() < MAX_EXPORTERS {
            self.exporters.insert(number, Exporter { addr, domain });
        }
        Ok(())
    }

    fn sampler(&mut self, record: &[u8]) -> Result<(), &'static str> {
        let fields = Fields(record);
        let short = "record of a sampler is too short";
        let (exporter, id) = fields.u16(0).zip(fields.u64(4)).ok_or(short)?;
        let (packets, space) = fields.u32(12).zip(fields.u32(16)).ok_or(short)?;
        let rate = packets.checked_add(space).and_then(|all| all.checked_div(packets));
        let Some(rate) = rate else { return Err("record of a sampler samples no packet") };
        let samplers = self.samplers.entry(exporter).or_default();
        samplers.retain(|sampler| sampler.id != id);
        if samplers.len() < MAX_SAMPLERS {
            samplers.push(Sampler { id, rate });
        }
        Ok(())
    }

    /// One flow, with its elements in any order (`recordHeaderV3_s`).
    fn flow(&self, record: &[u8], block: &mut Block) -> Result<(), &'static str> {
        let fields = Fields(record);
        let short = "record of a flow is too short";
        let count = fields.u16(0).ok_or(short)?;
        let (exporter, flags) = fields.u16(4).zip(fields.u8(6)).ok_or(short)?;
        let mut elements = record.get(8..).ok_or(short)?;

        let mut row = Row { flows: 1, direction: NOT_TOLD, ..Row::default() };
        let (mut is_flow, mut is_event, mut sampler) = (false, flags & EVENT != 0, None);
        for _ in 0..count {
            let (kind, body) =
                take_record(&mut elements).ok_or("length of an element does not fit its record")?;
            match kind {
                1 => is_flow = true,
                18 => sampler = Fields(body).u64(0),
                19 | 25 => is_event = true,
                _ => {}
            }
            element(kind, Fields(body), &mut row).ok_or("element of a flow is too short")?;
        }
        if is_event {
            block.events += 1;
            return Ok(());
        }
        if !is_flow {
            block.bare += 1;
            return Ok(());
        }
        if let Some(known) = self.exporters.get(&exporter) {
            row.exporter = if row.exporter == 0 { known.addr } else { row.exporter };
            row.domain = if row.domain == 0 { known.domain } else { row.domain };
        }
        if flags & SAMPLED != 0 && !self.unscale(exporter, sampler, &mut row) {
            block.scaled += 1;
        }
        block.flows.push(row);
        Ok(())
    }

    /// Divides the counts by the rate that the collector multiplied them with, if that is known beyond doubt.
    fn unscale(&self, exporter: u16, sampler: Option<u64>, row: &mut Row) -> bool {
        let known = self.samplers.get(&exporter).map_or(&[] as &[_], Vec::as_slice);
        let found = match (known, sampler) {
            ([only], None) => Some(only),
            (many, id) => many.iter().find(|sampler| Some(sampler.id) == id),
        };
        let Some(rate) = found.map(|sampler| sampler.rate).filter(|rate| *rate > 0) else { return false };
        let wide = u64::from(rate);
        if !row.packets.is_multiple_of(wide) || !row.bytes.is_multiple_of(wide) {
            return false;
        }
        row.packets /= wide;
        row.bytes /= wide;
        row.sampling = rate;
        true
    }
}

/// Notes a defect, if there are not too many.
fn tell(block: &mut Block, broken: &mut u64, offset: u64, what: &'static str) {
    if block.defects.len() < MAX_DEFECTS {
        block.defects.push(Defect::byte(offset, what));
    }
    *broken += 1;
}

/// The next record's or element's kind, and what stands behind its length.
fn take_record<'a>(rest: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
    let fields = Fields(rest);
    let (kind, len) = fields.u16(0).zip(fields.u16(2))?;
    let record = rest.split_off(..usize::from(len))?;
    record.get(4..).map(|body| (kind, body))
}

/// Puts an element's fields into the row; `None` when it is too short for them. An element that is longer than it
/// was in 1.7.1 has new fields at its end.
fn element(kind: u16, fields: Fields<'_>, row: &mut Row) -> Option<()> {
    match kind {
        1 => {
            row.first_us = fields.ms(0)?;
            row.last_us = fields.ms(8)?;
            row.received_us = fields.ms(16)?;
            row.packets = fields.u64(24)?;
            row.bytes = fields.u64(32)?;
            row.src_port = fields.u16(40)?;
            row.dst_port = fields.u16(42)?;
            row.proto = fields.u8(44)?;
            row.tcp_flags = fields.u8(45)?;
            row.forwarding = fields.u8(46)?;
            row.tos = fields.u8(47)?;
        }
        2 => {
            let (src, dst) = (fields.v4(0)?, fields.v4(4)?);
            // Some templates have fields for both families; those of the other one are zero.
            if row.ip == 0 || (src, dst) != (MAPPED, MAPPED) {
                (row.ip, row.src, row.dst) = (4, src, dst);
            }
        }
        3 => {
            let (src, dst) = (fields.v6(0)?, fields.v6(16)?);
            let is_empty = (row.src, row.dst) == (MAPPED, MAPPED);
            if row.ip == 0 || (is_empty && (src, dst) != (0, 0)) {
                (row.ip, row.src, row.dst) = (6, src, dst);
            }
        }
        4 => {
            row.input = fields.u32(0)?;
            row.output = fields.u32(4)?;
            row.src_mask = fields.u8(8)?;
            row.dst_mask = fields.u8(9)?;
            row.direction = fields.u8(10)?;
        }
        5 => {
            row.flows = u32::try_from(fields.u64(0)?).unwrap_or(u32::MAX);
            row.reverse_packets = fields.u64(8)?;
            row.reverse_bytes = fields.u64(16)?;
        }
        6 => {
            row.src_vlan = u16::try_from(fields.u32(0)?).unwrap_or(0);
            row.dst_vlan = u16::try_from(fields.u32(4)?).unwrap_or(0);
        }
        7 => {
            row.src_as = fields.u32(0)?;
            row.dst_as = fields.u32(4)?;
        }
        8 => row.bgp_next_hop = told(fields.v4(0)?).unwrap_or(row.bgp_next_hop),
        9 => row.bgp_next_hop = told(fields.v6(0)?).unwrap_or(row.bgp_next_hop),
        10 => row.next_hop = told(fields.v4(0)?).unwrap_or(row.next_hop),
        11 => row.next_hop = told(fields.v6(0)?).unwrap_or(row.next_hop),
        12 => row.exporter = told(fields.v4(0)?).unwrap_or(row.exporter),
        13 => row.exporter = told(fields.v6(0)?).unwrap_or(row.exporter),
        15 => {
            row.in_src_mac = fields.u64(0)? & MAC;
            row.out_dst_mac = fields.u64(8)? & MAC;
        }
        33 => row.domain = fields.u32(8)?,
        _ => {}
    }
    Some(())
}

/// An address that is not the unspecified one.
fn told(addr: u128) -> Option<u128> {
    (addr != 0 && addr != MAPPED).then_some(addr)
}

/// Little-endian fields by their offset.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn octets<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.octets(at).map(u16::from_le_bytes)
    }

    fn u32(self, at: usize) -> Option<u32> {
        self.octets(at).map(u32::from_le_bytes)
    }

    fn u64(self, at: usize) -> Option<u64> {
        self.octets(at).map(u64::from_le_bytes)
    }

    /// Milliseconds, as microseconds.
    fn ms(self, at: usize) -> Option<i64> {
        self.u64(at).map(|ms| i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000))
    }

    fn v4(self, at: usize) -> Option<u128> {
        self.u32(at).map(|addr| MAPPED | u128::from(addr))
    }

    /// Two numbers, the upper one first.
    fn v6(self, at: usize) -> Option<u128> {
        let (high, low) = self.u64(at).zip(self.u64(at + 8))?;
        Some(u128::from(high) << 64 | u128::from(low))
    }
}

/// What is said of a record that goes on behind its block.
pub(super) const UNFIT: &str = "length of a record does not fit its block";

/// Above an IPv4 address as a number (RFC 4291 section 2.5.5.2).
const MAPPED: u128 = 0xffff_0000_0000;

const EXPORTER: u16 = 7;
const FLOW: u16 = 11;
const SAMPLER: u16 = 15;
const EVENT: u8 = 1;
const SAMPLED: u8 = 2;
const AF_INET: u16 = 2;
const NOT_TOLD: u8 = 255;
const MAC: u64 = (1 << 48) - 1;
const MAX_EXPORTERS: usize = 1 << 16;
const MAX_SAMPLERS: usize = 64;
