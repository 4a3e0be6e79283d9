//! Which rows of a batch match: each test runs over its own column, a block of rows at a time, and only over those
//! that still matter.

use std::ops::{Range, RangeInclusive};

use tadoru_model::{Flows, Prefix, flow::to_bits};

use super::{AddressField, Field, Node, Test};

/// A tree made ready to run.
#[derive(Clone)]
pub(super) enum Program {
    All,
    None,
    And(Vec<Program>),
    Or(Vec<Program>),
    Not(Box<Program>),
    Number(Field, Numbers),
    Address(AddressField, Addresses),
    Flags { of: u8, set: u8 },
}

/// One bit a row of a block.
type Bits = [u64; WORDS];

impl Program {
    pub(super) fn of(node: &Node) -> Self {
        match node {
            Node::Any => Self::All,
            Node::Never => Self::None,
            Node::And(parts) => Self::And(ordered(parts)),
            Node::Or(parts) => Self::Or(ordered(parts)),
            Node::Is(test) => Self::of_test(test),
            Node::IsNot(test) => Self::Not(Box::new(Self::of_test(test))),
        }
    }

    fn of_test(test: &Test) -> Self {
        match test {
            Test::Number { field, within } => Self::Number(*field, Numbers::of(within)),
            Test::Address { field, within } => Self::Address(*field, Addresses::of(within)),
            Test::Flags { of, set } => Self::Flags { of: *of, set: *set },
        }
    }

    /// How much a row costs, roughly: cheap parts run first.
    fn cost(&self) -> usize {
        match self {
            Self::All | Self::None => 0,
            Self::Flags { .. } => 1,
            Self::Number(field, numbers) => field_cost(*field) + numbers.cost(),
            Self::Address(_, addresses) => 8 + addresses.v4.len().min(8) + addresses.v6.len().min(8),
            Self::Not(inner) => inner.cost(),
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::cost).sum(),
        }
    }

    pub(super) fn select(&self, flows: &Flows, rows: Range<usize>, into: &mut Vec<u32>) {
        let end = rows.end.min(flows.rows()).min(u32::MAX as usize);
        let mut start = rows.start;
        while start < end {
            let block = start..end.min(start + WORDS * 64);
            let bits = self.run(flows, &block, &full(block.len()));
            push_rows(&bits, block.start, into);
            start = block.end;
        }
    }

    /// Those of `open` that match.
    fn run(&self, flows: &Flows, block: &Range<usize>, open: &Bits) -> Bits {
        match self {
            Self::All => *open,
            Self::None => EMPTY,
            Self::And(parts) => {
                let mut left = *open;
                for part in parts {
                    if left == EMPTY {
                        break;
                    }
                    left = part.run(flows, block, &left);
                }
                left
            }
            Self::Or(parts) => {
                let mut left = *open;
                for part in parts {
                    if left == EMPTY {
                        break;
                    }
                    left = without(&left, &part.run(flows, block, &left));
                }
                without(open, &left)
            }
            Self::Not(inner) => without(open, &inner.run(flows, block, open)),
            Self::Number(field, numbers) => numbers.run(*field, flows, block, open),
            Self::Address(field, addresses) => addresses.run(*field, flows, block, open),
            Self::Flags { of, set } => {
                scan(part(&flows.tcp_flags, block), open, |flags: u8| flags & of == *set)
            }
        }
    }
}

fn ordered(parts: &[Node]) -> Vec<Program> {
    let mut parts: Vec<_> = parts.iter().map(Program::of).collect();
    parts.sort_by_key(Program::cost);
    parts
}

fn field_cost(field: Field) -> usize {
    match field {
        Field::DurationMs | Field::BytesPerPacket => 10,
        Field::PacketsPerSecond | Field::BitsPerSecond => 20,
        _ => 1,
    }
}

// Numbers ---------------------------------------------------------------------------------------------------------

/// Where a number must lie, in the form that is quickest to ask.
#[derive(Clone)]
pub(super) enum Numbers {
    /// `number - from <= span`, in the width of the column.
    One { from: u64, span: u64 },
    /// Ascending ranges, all above 65,535 or few.
    Many(Vec<(u64, u64)>),
    /// One bit for each number up to 65,535.
    Table(Vec<u64>),
}

impl Numbers {
    fn of(within: &[RangeInclusive<u64>]) -> Self {
        let small = |range: &&RangeInclusive<u64>| *range.start() <= u16::MAX.into();
        match within {
            [one] => Self::One { from: *one.start(), span: one.end().saturating_sub(*one.start()) },
            many if many.len() > 4 && many.iter().all(|range| *range.end() <= u16::MAX.into()) => {
                let mut table = vec![0; 1024];
                for number in many.iter().filter(small).flat_map(Clone::clone) {
                    if let Some(word) = usize::try_from(number >> 6).ok().and_then(|word| table.get_mut(word))
                    {
                        *word |= 1_u64 << (number & 63);
                    }
                }
                Self::Table(table)
            }
            many => Self::Many(many.iter().map(|range| (*range.start(), *range.end())).collect()),
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Table(_) => 2,
            Self::Many(ranges) => 2 + ranges.len().min(16),
        }
    }

    fn has(&self, number: u64) -> bool {
        match self {
            Self::One { from, span } => number.wrapping_sub(*from) <= *span,
            Self::Many(ranges) => {
                let behind = ranges.partition_point(|(from, _)| *from <= number);
                behind.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|(_, to)| number <= *to)
            }
            Self::Table(table) => usize::try_from(number >> 6)
                .ok()
                .and_then(|word| table.get(word))
                .is_some_and(|word| word >> (number & 63) & 1 == 1),
        }
    }

    fn run(&self, field: Field, flows: &Flows, block: &Range<usize>, open: &Bits) -> Bits {
        let (b, o) = (block, open);
        match field {
            Field::Ip => self.column(&flows.ip, b, o),
            Field::Proto => self.column(&flows.proto, b, o),
            Field::SrcPort => self.column(&flows.src_port, b, o),
            Field::DstPort => self.column(&flows.dst_port, b, o),
            Field::IcmpType => scan(part(&flows.dst_port, b), o, |port: u16| self.has(u64::from(port >> 8))),
            Field::IcmpCode => scan(part(&flows.dst_port, b), o, |port: u16| self.has(u64::from(port & 255))),
            Field::TcpFlags => self.column(&flows.tcp_flags, b, o),
            Field::Tos => self.column(&flows.tos, b, o),
            Field::Packets => self.column(&flows.packets, b, o),
            Field::Bytes => self.column(&flows.bytes, b, o),
            Field::ReversePackets => self.column(&flows.reverse_packets, b, o),
            Field::ReverseBytes => self.column(&flows.reverse_bytes, b, o),
            Field::Flows => self.column(&flows.flows, b, o),
            Field::Domain => self.column(&flows.domain, b, o),
            Field::Input => self.column(&flows.input, b, o),
            Field::Output => self.column(&flows.output, b, o),
            Field::SrcAs => self.column(&flows.src_as, b, o),
            Field::DstAs => self.column(&flows.dst_as, b, o),
            Field::SrcMask => self.column(&flows.src_mask, b, o),
            Field::DstMask => self.column(&flows.dst_mask, b, o),
            Field::SrcVlan => self.column(&flows.src_vlan, b, o),
            Field::DstVlan => self.column(&flows.dst_vlan, b, o),
            Field::InSrcMac => self.column(&flows.in_src_mac, b, o),
            Field::OutDstMac => self.column(&flows.out_dst_mac, b, o),
            Field::Direction => self.column(&flows.direction, b, o),
            Field::Forwarding => self.column(&flows.forwarding, b, o),
            Field::FirstUs => scan(part(&flows.first_us, b), o, |us: i64| self.has(us.max(0).unsigned_abs())),
            Field::LastUs => scan(part(&flows.last_us, b), o, |us: i64| self.has(us.max(0).unsigned_abs())),
            Field::DurationMs => self.of_times(flows, b, o, |ms, _| ms, &flows.packets),
            Field::PacketsPerSecond => self.of_times(flows, b, o, |ms, n| rate(n, 1000, ms), &flows.packets),
            Field::BitsPerSecond => self.of_times(flows, b, o, |ms, n| rate(n, 8000, ms), &flows.bytes),
            Field::BytesPerPacket => {
                let counts = part(&flows.bytes, b).iter().zip(part(&flows.packets, b));
                gather(counts, o, |(bytes, packets)| self.has(bytes.checked_div(*packets).unwrap_or(0)))
            }
        }
    }

    fn column<T: Column>(&self, column: &[T], block: &Range<usize>, open: &Bits) -> Bits {
        let values = part(column, block);
        match self {
            Self::One { from, span } => match (T::try_from(*from), T::try_from(*from + *span)) {
                (Ok(from), Ok(to)) => scan(values, open, |value: T| value >= from && value <= to),
                (Ok(from), Err(_)) => scan(values, open, |value: T| value >= from),
                (Err(_), _) => EMPTY,
            },
            _ => scan(values, open, |value: T| self.has(value.into())),
        }
    }

    /// A number that follows from a flow's times and one count.
    fn of_times(
        &self,
        flows: &Flows,
        block: &Range<usize>,
        open: &Bits,
        number: impl Fn(u64, u64) -> u64,
        counts: &[u64],
    ) -> Bits {
        let times = part(&flows.first_us, block).iter().zip(part(&flows.last_us, block));
        gather(times.zip(part(counts, block)), open, |((first, last), count)| {
            let ms = last.div_euclid(1000).saturating_sub(first.div_euclid(1000));
            self.has(number(ms.max(0).unsigned_abs(), *count))
        })
    }
}

trait Column: Copy + PartialOrd + Into<u64> + TryFrom<u64> {}

impl<T: Copy + PartialOrd + Into<u64> + TryFrom<u64>> Column for T {}

fn rate(count: u64, scale: u64, ms: u64) -> u64 {
    let scaled = u128::from(count) * u128::from(scale);
    scaled.checked_div(ms.into()).map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
}

// Addresses -------------------------------------------------------------------------------------------------------

/// Where an address must lie, as numbers, by family.
#[derive(Clone)]
pub(super) struct Addresses {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Addresses {
    fn of(within: &[Prefix]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in within {
            let first = to_bits(prefix.addr());
            let (ranges, width) = if prefix.addr().is_ipv4() { (&mut v4, 32) } else { (&mut v6, 128) };
            let behind = u32::from(width - prefix.len());
            let last = first | u128::MAX.checked_shr(128 - behind).unwrap_or(0);
            ranges.push((first, last));
        }
        Self { v4, v6 }
    }

    fn run(&self, field: AddressField, flows: &Flows, block: &Range<usize>, open: &Bits) -> Bits {
        let column = match field {
            AddressField::Src => &flows.src,
            AddressField::Dst => &flows.dst,
            AddressField::NextHop => &flows.next_hop,
            AddressField::BgpNextHop => &flows.bgp_next_hop,
            AddressField::Exporter => &flows.exporter,
        };
        let values = part(column, block);
        let mut hits = EMPTY;
        for (ranges, family) in [(&self.v4, 4), (&self.v6, 6)] {
            let found = match ranges.as_slice() {
                [] => continue,
                [(only, last)] if only == last => scan(values, open, |bits: u128| bits == *only),
                [(first, last)] => scan(values, open, |bits: u128| bits >= *first && bits <= *last),
                many => scan(values, open, |bits: u128| {
                    let behind = many.partition_point(|(first, _)| *first <= bits);
                    behind.checked_sub(1).and_then(|i| many.get(i)).is_some_and(|(_, last)| bits <= *last)
                }),
            };
            if found == EMPTY {
                continue;
            }
            // The columns hold IPv4 addresses as IPv4-mapped ones: only the row tells them from real ones.
            let of_family = match field {
                AddressField::Src | AddressField::Dst => {
                    scan(part(&flows.ip, block), &found, |ip: u8| ip == family)
                }
                _ => scan(values, &found, |bits: u128| (bits >> 32 == MAPPED) == (family == 4)),
            };
            hits = both(&hits, &of_family);
        }
        hits
    }
}

// Bits ------------------------------------------------------------------------------------------------------------

/// A block's part of a column; empty where the column is too short.
fn part<'a, T>(column: &'a [T], block: &Range<usize>) -> &'a [T] {
    column.get(block.clone()).unwrap_or_default()
}

/// Those of `open` whose value passes.
fn scan<T: Copy>(values: &[T], open: &Bits, pass: impl Fn(T) -> bool) -> Bits {
    let mut bits = EMPTY;
    let (words, rest) = values.as_chunks::<64>();
    for ((word, open), values) in bits.iter_mut().zip(open).zip(words) {
        if *open != 0 {
            *word = packed(values, &pass) & open;
        }
    }
    if let Some((word, open)) = bits.iter_mut().zip(open).nth(words.len()) {
        *word = packed(rest, &pass) & open;
    }
    bits
}

/// One bit for each of up to 64 values. Inlined, so that the loop over 64 is unrolled.
#[inline(always)]
fn packed<T: Copy>(values: &[T], pass: &impl Fn(T) -> bool) -> u64 {
    values.iter().enumerate().fold(0, |bits, (i, value)| bits | u64::from(pass(*value)) << i)
}

/// Those of `open` whose values, from several columns, pass.
fn gather<T>(mut values: impl Iterator<Item = T>, open: &Bits, pass: impl Fn(T) -> bool) -> Bits {
    let mut bits = EMPTY;
    for (word, open) in bits.iter_mut().zip(open) {
        for i in 0..64 {
            let Some(value) = values.next() else { return bits };
            if open >> i & 1 == 1 && pass(value) {
                *word |= 1 << i;
            }
        }
    }
    bits
}

fn full(rows: usize) -> Bits {
    let mut bits = EMPTY;
    let mut left = rows;
    for word in &mut bits {
        *word = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        left = left.saturating_sub(64);
    }
    bits
}

fn without(bits: &Bits, gone: &Bits) -> Bits {
    let mut left = *bits;
    left.iter_mut().zip(gone).for_each(|(bits, gone)| *bits &= !gone);
    left
}

fn both(a: &Bits, b: &Bits) -> Bits {
    let mut all = *a;
    all.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
    all
}

fn push_rows(bits: &Bits, start: usize, into: &mut Vec<u32>) {
    for (i, word) in bits.iter().enumerate() {
        let (mut word, first) = (*word, u32::try_from(start + i * 64).unwrap_or(u32::MAX));
        if word == u64::MAX {
            into.extend(first..first.saturating_add(64));
            continue;
        }
        into.reserve(word.count_ones() as usize);
        while word != 0 {
            into.push(first.saturating_add(word.trailing_zeros()));
            word &= word - 1;
        }
    }
}

const WORDS: usize = 32;
const EMPTY: Bits = [0; WORDS];
const MAPPED: u128 = 0xffff;
