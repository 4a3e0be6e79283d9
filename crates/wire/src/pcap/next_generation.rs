//! The newer capture format: blocks with a type and a length, in sections of either byte order.
//!
//! What comes in: the file behind the type of its first block. What goes out: packets of enhanced, simple and (old)
//! packet blocks; other blocks are passed over. A block whose content is wrong costs that block only.

use std::io::Read;

use super::{MAX_CAPTURED, Order, Packet, Source, Step, Stop};
use crate::Defect;

/// A file being read.
pub(super) struct NextGeneration {
    order: Order,
    interfaces: Vec<Interface>,
}

struct Interface {
    link_type: u16,
    snap_len: u32,
    /// Units of time in a second.
    per_second: u64,
    /// Seconds to add.
    offset_s: i64,
}

impl NextGeneration {
    pub(super) fn begin<R: Read>(source: &mut Source<R>) -> Result<Self, Stop> {
        let order = section(source)?;
        Ok(Self { order, interfaces: Vec::new() })
    }

    pub(super) fn next<R: Read>(&mut self, source: &mut Source<R>) -> Result<Step, Stop> {
        let offset = source.offset;
        let Some(kind) = source.take_or_end::<4>()? else { return Ok(Step::End) };
        if kind == SECTION_HEADER {
            self.order = section(source)?;
            self.interfaces.clear();
            return Ok(Step::Nothing);
        }
        let len = self.order.u32(source.take()?);
        if !(12..=MAX_BELIEVED).contains(&len) || !len.is_multiple_of(4) {
            return Err(Stop::broken(offset + 4, "block length cannot be right"));
        }
        let kind = self.order.u32(kind);
        let body = len - 12;
        if !matches!(kind, INTERFACE | PACKET | SIMPLE | ENHANCED) {
            source.skip(u64::from(body) + 4)?;
            return Ok(Step::Nothing);
        }
        if body > MAX_CAPTURED + MAX_AROUND {
            source.skip(u64::from(body) + 4)?;
            return Ok(Step::Skipped(Defect::byte(offset + 4, "packet is longer than 256 KiB")));
        }
        let body = source.take_vec(body as usize)?;
        let trailer = self.order.u32(source.take()?);
        if trailer != len {
            return Err(Stop::broken(source.offset - 4, "block lengths at its ends differ"));
        }
        let packet = match kind {
            INTERFACE => {
                return Ok(match self.interface(&body) {
                    Ok(interface) if self.interfaces.len() < MAX_INTERFACES => {
                        self.interfaces.push(interface);
                        Step::Nothing
                    }
                    Ok(_) => return Err(Stop::broken(offset, "too many interfaces")),
                    Err(what) => return Err(Stop::broken(offset, what)),
                });
            }
            SIMPLE => self.simple(offset, &body),
            _ => self.packet(offset, kind, &body),
        };
        Ok(match packet {
            Ok(packet) => Step::Packet(packet),
            Err(what) => Step::Skipped(Defect::byte(offset, what)),
        })
    }

    fn packet(&self, offset: u64, kind: u32, body: &[u8]) -> Result<Packet, &'static str> {
        let mut fields = Fields { order: self.order, rest: body };
        let interface = match kind {
            ENHANCED => fields.u32()?,
            // The old block has a drop count in the lower half.
            _ => {
                let interface = u32::from(fields.u16()?);
                fields.u16()?;
                interface
            }
        };
        let interface = usize::try_from(interface).ok().and_then(|at| self.interfaces.get(at));
        let interface = interface.ok_or("interface of the packet is not described")?;
        let units = u64::from(fields.u32()?) << 32 | u64::from(fields.u32()?);
        let (captured, original_len) = (fields.u32()?, fields.u32()?);
        let data = fields.octets(captured)?.to_vec();
        let time_us = interface.time_us(units).ok_or("time of the packet is out of range")?;
        Ok(Packet { offset, time_us: Some(time_us), link_type: interface.link_type, data, original_len })
    }

    fn simple(&self, offset: u64, body: &[u8]) -> Result<Packet, &'static str> {
        let interface = self.interfaces.first().ok_or("interface of the packet is not described")?;
        let mut fields = Fields { order: self.order, rest: body };
        let original_len = fields.u32()?;
        let snap_len = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
        let captured = original_len.min(snap_len).min(u32::try_from(fields.rest.len()).unwrap_or(u32::MAX));
        let data = fields.octets(captured)?.to_vec();
        Ok(Packet { offset, time_us: None, link_type: interface.link_type, data, original_len })
    }

    fn interface(&self, body: &[u8]) -> Result<Interface, &'static str> {
        let mut fields = Fields { order: self.order, rest: body };
        let link_type = fields.u16()?;
        fields.u16()?;
        let snap_len = fields.u32()?;
        let mut interface = Interface { link_type, snap_len, per_second: 1_000_000, offset_s: 0 };
        while !fields.rest.is_empty() {
            let (code, len) = (fields.u16()?, fields.u16()?);
            let value = fields.octets(u32::from(len))?;
            fields.octets(u32::from(len.wrapping_neg() % 4))?;
            match (code, value) {
                (0, _) => break,
                (TIME_RESOLUTION, [resolution]) => {
                    let exponent = u32::from(resolution & 0x7f);
                    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
                    interface.per_second = base
                        .checked_pow(exponent)
                        .ok_or("time resolution of an interface is out of range")?;
                }
                (TIME_OFFSET, value) => {
                    if let Ok(octets) = <[u8; 8]>::try_from(value) {
                        interface.offset_s = match self.order {
                            Order::Little => i64::from_le_bytes(octets),
                            Order::Big => i64::from_be_bytes(octets),
                        };
                    }
                }
                _ => {}
            }
        }
        Ok(interface)
    }
}

impl Interface {
    fn time_us(&self, units: u64) -> Option<i64> {
        let us = u128::from(units) * 1_000_000 / u128::from(self.per_second);
        let us = i64::try_from(us).ok()?;
        us.checked_add(self.offset_s.checked_mul(1_000_000)?)
    }
}

/// Reads a section header behind its type, and says the section's byte order.
fn section<R: Read>(source: &mut Source<R>) -> Result<Order, Stop> {
    let offset = source.offset;
    let len: [u8; 4] = source.take()?;
    let order = match source.take()? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
        [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
        _ => return Err(Stop::broken(offset + 4, "byte order of a section is not known")),
    };
    let len = order.u32(len);
    if !(28..=MAX_BELIEVED).contains(&len) || !len.is_multiple_of(4) {
        return Err(Stop::broken(offset, "block length cannot be right"));
    }
    source.skip(u64::from(len) - 12)?;
    Ok(order)
}

/// The fields of a block's body, in order.
struct Fields<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn u16(&mut self) -> Result<u16, &'static str> {
        let (octets, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(self.order.u16(*octets))
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        let (octets, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(self.order.u32(*octets))
    }

    fn octets(&mut self, len: u32) -> Result<&'a [u8], &'static str> {
        let (octets, rest) = self.rest.split_at_checked(len as usize).ok_or(SHORT)?;
        self.rest = rest;
        Ok(octets)
    }
}

pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;

const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

const MAX_INTERFACES: usize = 4096;

/// Room for the fields and options around a packet.
const MAX_AROUND: u32 = 64 * 1024;

/// A longer block is taken for damage.
const MAX_BELIEVED: u32 = 16 * 1024 * 1024;

const SHORT: &str = "block is shorter than its fields";
