//! A whole data set into columns, a column at a time.

use std::net::SocketAddr;

use super::{At, Family, Plan, Starts, layout::Unlaid, times::Clock};
use crate::{
    Defect,
    flow::{
        columns::{Columns, MAPPED, to_bits},
        message::{Fit, Set},
        options::{self, Sampling},
        section::{self, Section},
    },
};

/// What stands around a data set.
#[derive(Debug, Clone, Copy)]
pub(in crate::flow) struct Scene<'a> {
    pub source: SocketAddr,
    pub domain: u32,
    pub arrival_us: i64,
    pub clock: Clock,
    pub sampling: &'a Sampling,
}

/// What became of a data set.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::flow) struct Told {
    pub rows: u32,
    /// Rows that told no time and are dated by their export.
    pub untimed: u32,
}

/// Records of one length, one after the other.
pub(super) struct Rows<'a> {
    body: &'a [u8],
    len: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn iter(&self) -> std::slice::ChunksExact<'a, u8> {
        self.body.chunks_exact(self.len)
    }

    fn count(&self) -> usize {
        self.body.len() / self.len
    }

    fn octets<const N: usize>(&self, offset: usize) -> impl Iterator<Item = [u8; N]> + use<'a, N> {
        // The plan's places lie inside the record; the default is never seen.
        self.iter().map(move |record| {
            record.get(offset..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
        })
    }

    pub(super) fn u32s(&self, offset: usize) -> impl Iterator<Item = u32> + use<'a> {
        self.octets(offset).map(u32::from_be_bytes)
    }

    pub(super) fn u64s(&self, offset: usize) -> impl Iterator<Item = u64> + use<'a> {
        self.octets(offset).map(u64::from_be_bytes)
    }

    /// Numbers of any width up to eight octets.
    fn any(&self, at: At) -> impl Iterator<Item = u64> + use<'a> {
        self.iter().map(move |record| number(record, at))
    }
}

impl Plan {
    /// Adds a row for each record of a set whose records have a fixed length; `body` holds whole records only.
    pub(in crate::flow) fn read_fixed(
        &self,
        body: &[u8],
        offset: usize,
        scene: &Scene<'_>,
        columns: &mut Columns,
        defects: &mut Vec<Defect>,
    ) -> Told {
        let mut wide = 0;
        let told = self.read(&Rows { body, len: self.record.max(1) }, scene, columns, &mut wide);
        if wide > 0 {
            defects.push(Defect::byte(offset as u64, "number is larger than its column holds"));
        }
        told
    }

    /// Adds a row for each record of a set whose records vary; `None` when they cannot be counted.
    pub(in crate::flow) fn read_variable(
        &self,
        set: &Set<'_>,
        least: usize,
        padding: usize,
        scene: &Scene<'_>,
        columns: &mut Columns,
        defects: &mut Vec<Defect>,
    ) -> (Told, Option<u32>) {
        let Some(relay) = &self.relay else { return (Told::default(), None) };
        let mut laid = Vec::new();
        let (mut at, mut count, mut whole, mut wide) = (0, 0_u32, set.fit == Fit::Whole, 0);
        while set.body.len() - at >= least {
            let rest = set.body.get(at..).unwrap_or_default();
            if rest.len() <= padding && rest.iter().all(|&byte| byte == 0) {
                break;
            }
            let kept = laid.len();
            match relay.lay(rest, &mut laid) {
                Ok((len, long)) => {
                    at += len;
                    wide += long;
                    count = count.saturating_add(1);
                }
                Err(Unlaid::Cut) => {
                    laid.truncate(kept);
                    let what = "record runs over the end of its set";
                    defects.push(Defect::byte((set.offset + at) as u64, what));
                    whole = false;
                    break;
                }
            }
        }
        let told = self.read(&Rows { body: &laid, len: self.record.max(1) }, scene, columns, &mut wide);
        if wide > 0 {
            defects.push(Defect::byte(set.offset as u64, "number is larger than its column holds"));
        }
        (told, whole.then_some(count))
    }

    fn read(&self, rows: &Rows<'_>, scene: &Scene<'_>, columns: &mut Columns, wide: &mut u32) -> Told {
        let n = rows.count();
        let base = columns.rows();
        let end = base + n;
        let untimed = self.times.read(rows, &scene.clock, &mut columns.first_us, &mut columns.last_us);
        columns.received_us.resize(end, scene.arrival_us);
        columns.exporter.resize(end, to_bits(scene.source.ip()));
        columns.domain.resize(end, scene.domain);
        fill(rows, self.src_port, 0, &mut columns.src_port, wide);
        fill(rows, self.dst_port, 0, &mut columns.dst_port, wide);
        fill(rows, self.proto, 0, &mut columns.proto, wide);
        fill(rows, self.tcp_flags, 0, &mut columns.tcp_flags, wide);
        fill(rows, self.tos, 0, &mut columns.tos, wide);
        fill(rows, self.packets, 0, &mut columns.packets, wide);
        fill(rows, self.bytes, 0, &mut columns.bytes, wide);
        fill(rows, self.reverse_packets, 0, &mut columns.reverse_packets, wide);
        fill(rows, self.reverse_bytes, 0, &mut columns.reverse_bytes, wide);
        fill(rows, self.flows, 1, &mut columns.flows, wide);
        fill(rows, self.input, 0, &mut columns.input, wide);
        fill(rows, self.output, 0, &mut columns.output, wide);
        fill(rows, self.src_as, 0, &mut columns.src_as, wide);
        fill(rows, self.dst_as, 0, &mut columns.dst_as, wide);
        fill(rows, self.src_vlan, 0, &mut columns.src_vlan, wide);
        fill(rows, self.dst_vlan, 0, &mut columns.dst_vlan, wide);
        fill(rows, self.in_src_mac, 0, &mut columns.in_src_mac, wide);
        fill(rows, self.out_dst_mac, 0, &mut columns.out_dst_mac, wide);
        fill(rows, self.direction, NOT_TOLD, &mut columns.direction, wide);
        fill(rows, self.forwarding, 0, &mut columns.forwarding, wide);
        self.versions(rows, &mut columns.ip);
        let ip = columns.ip.get(base..).unwrap_or_default();
        addresses(rows, self.src, ip, &mut columns.src);
        addresses(rows, self.dst, ip, &mut columns.dst);
        addresses(rows, self.next_hop, ip, &mut columns.next_hop);
        addresses(rows, self.bgp_next_hop, ip, &mut columns.bgp_next_hop);
        masks(rows, self.src_mask, ip, &mut columns.src_mask, wide);
        masks(rows, self.dst_mask, ip, &mut columns.dst_mask, wide);
        if self.flows.is_some() {
            // A record stands for one flow at least.
            columns.flows.iter_mut().skip(base).for_each(|flows| *flows = (*flows).max(1));
        }
        if let (None, Some(dscp)) = (self.tos, self.dscp) {
            for (tos, dscp) in columns.tos.iter_mut().skip(base).zip(rows.any(dscp)) {
                *tos = u8::try_from(dscp & 63).unwrap_or_default() << 2;
            }
        }
        if self.icmp != super::Icmp::default() {
            self.icmp(rows, base, columns);
        }
        self.rates(rows, scene.sampling, base, columns, wide);
        if self.section.is_some() {
            self.sections(rows, base, columns);
        }
        Told { rows: u32::try_from(n).unwrap_or(u32::MAX), untimed }
    }

    /// IP version of each row: by the addresses that the template has, else by those that are not zero.
    fn versions(&self, rows: &Rows<'_>, column: &mut Vec<u8>) {
        let v4 = self.src.v4.or(self.dst.v4).is_some();
        let v6 = self.src.v6.or(self.dst.v6).is_some();
        match (v4, v6, self.ip) {
            (true, false, None) => column.resize(column.len() + rows.count(), 4),
            (false, true, None) => column.resize(column.len() + rows.count(), 6),
            (false, false, None) => column.resize(column.len() + rows.count(), 0),
            _ => column.extend(rows.iter().map(|record| {
                let told = self.ip.map_or(0, |at| number(record, at));
                let any = |at: Option<At>| {
                    at.and_then(|at| record.get(at.offset..at.offset + at.width))
                        .is_some_and(|octets| octets.iter().any(|&octet| octet != 0))
                };
                let (four, six) =
                    (any(self.src.v4) || any(self.dst.v4), any(self.src.v6) || any(self.dst.v6));
                match told {
                    4 if !v6 || four || !six => 4,
                    6 if !v4 || six || !four => 6,
                    _ if four => 4,
                    _ if six => 6,
                    // Addresses of one family only, all zero, and no word of a version.
                    _ if self.ip.is_none() && v4 => 4,
                    _ => 0,
                }
            })),
        }
    }

    fn icmp(&self, rows: &Rows<'_>, base: usize, columns: &mut Columns) {
        let marks = columns.proto.iter().skip(base);
        for ((record, port), proto) in rows.iter().zip(columns.dst_port.iter_mut().skip(base)).zip(marks) {
            let pick = |family: Family| {
                let (own, other) = if *proto == 58 { (family.v6, family.v4) } else { (family.v4, family.v6) };
                let told = |at: Option<At>| at.map(|at| number(record, at)).filter(|&value| value != 0);
                told(own).or_else(|| told(other))
            };
            if !matches!(proto, 1 | 58) {
                continue;
            }
            let apart = pick(self.icmp.kind).unwrap_or(0) << 8 | pick(self.icmp.code).unwrap_or(0) & 0xff;
            let value = pick(self.icmp.both).unwrap_or(apart);
            if let Ok(value @ 1..) = u16::try_from(value) {
                *port = value;
            }
        }
    }

    /// Sampling rate of each row: its own, else that of its sampler, its interface, its domain.
    fn rates(
        &self,
        rows: &Rows<'_>,
        sampling: &Sampling,
        base: usize,
        columns: &mut Columns,
        wide: &mut u32,
    ) {
        let rate = &self.rate;
        let own = rate.interval.or(rate.left).or(rate.population).is_some();
        let named = rate.sampler.or(rate.selector).is_some() && sampling.has_selectors();
        let by_interface = self.input.is_some() && sampling.has_interfaces();
        if !own && !named && !by_interface {
            columns.sampling.resize(base + rows.count(), sampling.of_domain());
            return;
        }
        let inputs = columns.input.iter().skip(base);
        columns.sampling.extend(rows.iter().zip(inputs).map(|(record, &input)| {
            let get = |at: Option<At>| at.map(|at| number(record, at));
            let told = get(rate.interval)
                .filter(|told| *told != 0)
                .or_else(|| ratio(get(rate.taken)?, get(rate.taken)?.checked_add(get(rate.left)?)?))
                .or_else(|| ratio(get(rate.size)?, get(rate.population)?));
            let own = told.and_then(options::rate);
            *wide += u32::from(told.is_some() && own.is_none());
            own.or_else(|| sampling.of_selector(get(rate.sampler)?))
                .or_else(|| sampling.of_selector(get(rate.selector)?))
                .or_else(|| sampling.of_interface(input))
                .unwrap_or_else(|| sampling.of_domain())
        }));
    }

    /// What the record itself does not tell out of the piece of a packet that it holds.
    fn sections(&self, rows: &Rows<'_>, base: usize, columns: &mut Columns) {
        let Some(piece) = self.section else { return };
        for (n, record) in rows.iter().enumerate() {
            let bytes = record.get(piece.at.offset..piece.at.offset + piece.at.width).unwrap_or_default();
            let bytes = match (piece.prefixed, bytes.split_first()) {
                (true, Some((&len, rest))) => rest.get(..usize::from(len)).unwrap_or_default(),
                _ => bytes,
            };
            let found = match piece.starts {
                Starts::Link => section::ethernet(bytes),
                Starts::Ip => section::ip(bytes),
            };
            let frame = piece.frame.map_or(0, |at| number(record, at));
            self.section(base + n, &found, frame, columns);
        }
    }

    fn section(&self, row: usize, found: &Section, frame: u64, columns: &mut Columns) {
        let addressed = self.src.v4.or(self.src.v6).is_some();
        if !addressed {
            put(&mut columns.ip, row, found.ip, true);
            put(&mut columns.src, row, found.src, true);
            put(&mut columns.dst, row, found.dst, true);
        }
        put(&mut columns.proto, row, found.proto, self.proto.is_none());
        put(&mut columns.src_port, row, found.src_port, self.src_port.is_none());
        put(&mut columns.dst_port, row, found.dst_port, self.dst_port.is_none());
        put(&mut columns.tcp_flags, row, found.tcp_flags, self.tcp_flags.is_none());
        put(&mut columns.tos, row, found.tos, self.tos.or(self.dscp).is_none());
        put(&mut columns.src_vlan, row, found.vlan, self.src_vlan.is_none());
        put(&mut columns.in_src_mac, row, found.src_mac, self.in_src_mac.is_none());
        put(&mut columns.out_dst_mac, row, found.dst_mac, self.out_dst_mac.is_none());
        put(&mut columns.packets, row, 1, self.packets.is_none());
        let link = u64::try_from(found.link_octets).unwrap_or(0);
        let octets =
            if found.ip_octets > 0 { u64::from(found.ip_octets) } else { frame.saturating_sub(link) };
        put(&mut columns.bytes, row, octets, self.bytes.is_none());
    }
}

/// One number in how many, rounded.
pub(in crate::flow) fn ratio(part: u64, whole: u64) -> Option<u64> {
    whole.checked_add(part / 2)?.checked_div(part).filter(|told| *told != 0)
}

fn put<T>(column: &mut [T], row: usize, value: T, wanted: bool) {
    if let (true, Some(place)) = (wanted, column.get_mut(row)) {
        *place = value;
    }
}

/// A column of numbers.
trait Narrow: Copy {
    const OCTETS: usize;
    /// Without what does not fit.
    fn cut(value: u64) -> Self;
    fn exact(value: u64) -> Option<Self>;
}

macro_rules! narrow {
    ($($type:ty)+) => {
        $(impl Narrow for $type {
            const OCTETS: usize = size_of::<$type>();
            fn cut(value: u64) -> Self {
                value as Self
            }
            fn exact(value: u64) -> Option<Self> {
                Self::try_from(value).ok()
            }
        })+
    };
}

narrow!(u8 u16 u32 u64);

/// Adds a column: the numbers at a place, or what stands for their absence.
fn fill<T: Narrow>(rows: &Rows<'_>, at: Option<At>, absent: T, column: &mut Vec<T>, wide: &mut u32) {
    let Some(at) = at else {
        column.resize(column.len() + rows.count(), absent);
        return;
    };
    match at.width {
        width if width > T::OCTETS => column.extend(rows.any(at).map(|value| {
            T::exact(value).unwrap_or_else(|| {
                *wide = wide.saturating_add(1);
                absent
            })
        })),
        1 => column.extend(rows.octets::<1>(at.offset).map(|[octet]| T::cut(u64::from(octet)))),
        2 => {
            column.extend(rows.octets(at.offset).map(|octets| T::cut(u64::from(u16::from_be_bytes(octets)))))
        }
        4 => column.extend(rows.u32s(at.offset).map(|value| T::cut(u64::from(value)))),
        8 => column.extend(rows.u64s(at.offset).map(T::cut)),
        _ => column.extend(rows.any(at).map(T::cut)),
    }
}

/// Adds a column of addresses, of the row's family where the template has both.
fn addresses(rows: &Rows<'_>, family: Family, ip: &[u8], column: &mut Vec<u128>) {
    match (family.v4, family.v6) {
        (None, None) => column.resize(column.len() + rows.count(), 0),
        (Some(v4), None) => column.extend(rows.u32s(v4.offset).map(mapped)),
        (None, Some(v6)) => column.extend(rows.octets(v6.offset).map(u128::from_be_bytes)),
        (Some(v4), Some(v6)) => {
            let both = rows.u32s(v4.offset).zip(rows.octets(v6.offset).map(u128::from_be_bytes));
            column.extend(both.zip(ip).map(|((four, six), ip)| if *ip == 6 { six } else { mapped(four) }));
        }
    }
}

fn mapped(address: u32) -> u128 {
    MAPPED | u128::from(address)
}

fn masks(rows: &Rows<'_>, family: Family, ip: &[u8], column: &mut Vec<u8>, wide: &mut u32) {
    if let (Some(v4), Some(v6)) = (family.v4, family.v6) {
        let both = rows.any(v4).zip(rows.any(v6)).zip(ip);
        column.extend(
            both.map(|((four, six), ip)| u8::try_from(if *ip == 6 { six } else { four }).unwrap_or_default()),
        );
    } else {
        fill(rows, family.v4.or(family.v6), 0, column, wide);
    }
}

fn number(record: &[u8], at: At) -> u64 {
    let octets = record.get(at.offset..at.offset + at.width).unwrap_or_default();
    octets.iter().fold(0, |value, &octet| value << 8 | u64::from(octet))
}

/// Direction of a flow of which nobody said it.
pub(in crate::flow) const NOT_TOLD: u8 = 255;
