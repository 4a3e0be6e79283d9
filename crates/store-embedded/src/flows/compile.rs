//! Filters made ready for columns: every test on one column, as ranges, with what a column's bounds already decide.

use tadoru_model::Prefix;
use tadoru_model::flow::to_bits;
use tadoru_store::filter::{AddressField, Field, Filter, Node, Test};

use super::columns::Column;

/// A filter, compiled.
pub enum Program {
    /// Every flow.
    All,
    /// None.
    Never,
    /// All of them.
    And(Vec<Program>),
    /// At least one of them.
    Or(Vec<Program>),
    /// The others.
    Not(Box<Program>),
    /// A test of one column; the number tells it from the others.
    Leaf(usize, Leaf),
    /// A test of what follows from several columns, by the filter's own code.
    Several(Filter),
}

/// A test of one column.
pub struct Leaf {
    /// Which.
    pub column: Column,
    /// What of a cell is compared.
    pub view: View,
    /// Where it must lie: ascending.
    pub within: Vec<(u128, u128)>,
}

/// What of a cell is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All of it.
    Whole,
    /// Its upper octet of two.
    High,
    /// Its lower octet of two.
    Low,
    /// An instant, 0 when before 1970.
    Instant,
    /// These bits.
    Bits(u8),
}

/// What is known of rows before they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// None matches.
    No,
    /// All match.
    Yes,
    /// Some may.
    Maybe,
}

impl Leaf {
    /// Whether a cell passes.
    pub fn passes(&self, cell: u128) -> bool {
        let cell = self.view.of(cell);
        let behind = self.within.partition_point(|(from, _)| *from <= cell);
        behind.checked_sub(1).and_then(|n| self.within.get(n)).is_some_and(|(_, to)| cell <= *to)
    }

    /// The single cell that passes, if it is one.
    pub fn only(&self) -> Option<u128> {
        match (self.view, self.within.as_slice()) {
            (View::Whole, [(from, to)]) if from == to => Some(*from),
            _ => None,
        }
    }

    /// What the least and the most of some cells tell.
    pub fn verdict(&self, least: u128, most: u128) -> Verdict {
        if least == most {
            return if self.passes(least) { Verdict::Yes } else { Verdict::No };
        }
        if matches!(self.view, View::Low | View::Bits(_)) {
            return Verdict::Maybe;
        }
        let (least, most) = (self.view.of(least), self.view.of(most));
        let behind = self.within.partition_point(|(_, to)| *to < least);
        match self.within.get(behind) {
            Some((from, _)) if *from > most => Verdict::No,
            Some((from, to)) if *from <= least && most <= *to => Verdict::Yes,
            Some(_) => Verdict::Maybe,
            None => Verdict::No,
        }
    }
}

impl View {
    const fn of(self, cell: u128) -> u128 {
        match self {
            Self::Whole => cell,
            Self::High => cell >> 8 & 0xff,
            Self::Low => cell & 0xff,
            Self::Instant if cell as u64 as i64 <= 0 => 0,
            Self::Instant => cell as u64 as u128,
            Self::Bits(of) => cell & of as u128,
        }
    }
}

impl Program {
    /// Of a filter.
    pub fn of(filter: &Filter) -> Self {
        build(filter.node(), &mut 0)
    }

    /// What is known of rows whose columns lie between those bounds.
    pub fn verdict(&self, bounds: &impl Fn(Column) -> Option<(u128, u128)>) -> Verdict {
        match self {
            Self::All => Verdict::Yes,
            Self::Never => Verdict::No,
            Self::Several(_) => Verdict::Maybe,
            Self::Not(inner) => match inner.verdict(bounds) {
                Verdict::No => Verdict::Yes,
                Verdict::Yes => Verdict::No,
                Verdict::Maybe => Verdict::Maybe,
            },
            Self::And(parts) => {
                parts.iter().fold(Verdict::Yes, |all, part| match (all, all == Verdict::No) {
                    (_, true) => Verdict::No,
                    (all, _) => match part.verdict(bounds) {
                        Verdict::Yes => all,
                        other => other,
                    },
                })
            }
            Self::Or(parts) => parts.iter().fold(Verdict::No, |any, part| match any {
                Verdict::Yes => Verdict::Yes,
                any => match part.verdict(bounds) {
                    Verdict::No => any,
                    other => other,
                },
            }),
            Self::Leaf(_, leaf) => {
                bounds(leaf.column).map_or(Verdict::Maybe, |(least, most)| leaf.verdict(least, most))
            }
        }
    }
}

fn build(node: &Node, next: &mut usize) -> Program {
    match node {
        Node::Any => Program::All,
        Node::Never => Program::Never,
        Node::And(parts) => Program::And(parts.iter().map(|part| build(part, next)).collect()),
        Node::Or(parts) => Program::Or(parts.iter().map(|part| build(part, next)).collect()),
        Node::Is(test) => of_test(test, next),
        Node::IsNot(test) => Program::Not(Box::new(of_test(test, next))),
    }
}

fn of_test(test: &Test, next: &mut usize) -> Program {
    let mut leaf = |column, view, within| {
        *next += 1;
        Program::Leaf(*next - 1, Leaf { column, view, within })
    };
    match test {
        Test::Number { field, within } => {
            let wide =
                within.iter().map(|range| (u128::from(*range.start()), u128::from(*range.end()))).collect();
            match column_of(*field) {
                Some((column, view)) => leaf(column, view, wide),
                None => Program::Several(Filter::from(Node::Is(test.clone()))),
            }
        }
        Test::Flags { of, set } => {
            leaf(Column::TcpFlags, View::Bits(*of), vec![(u128::from(*set), u128::from(*set))])
        }
        Test::Address { field, within } => {
            let (column, is_told) = match field {
                AddressField::Src => (Column::Src, true),
                AddressField::Dst => (Column::Dst, true),
                AddressField::NextHop => (Column::NextHop, false),
                AddressField::BgpNextHop => (Column::BgpNextHop, false),
                AddressField::Exporter => (Column::Exporter, false),
            };
            let mut families = Vec::new();
            for family in [4, 6] {
                let mut ranges: Vec<(u128, u128)> =
                    within.iter().filter(|p| p.addr().is_ipv4() == (family == 4)).map(range_of).collect();
                if !is_told && family == 6 {
                    ranges = ranges.into_iter().flat_map(outside_mapped).collect();
                }
                ranges.sort_unstable();
                if ranges.is_empty() {
                    continue;
                }
                let address = leaf(column, View::Whole, ranges);
                // The columns hold IPv4 addresses as IPv4-mapped ones: only the row tells them from real ones.
                families.push(if is_told {
                    Program::And(vec![leaf(Column::Ip, View::Whole, vec![(family, family)]), address])
                } else {
                    address
                });
            }
            Program::Or(families)
        }
    }
}

fn range_of(prefix: &Prefix) -> (u128, u128) {
    let width: u8 = if prefix.addr().is_ipv4() { 32 } else { 128 };
    let first = to_bits(prefix.addr());
    let behind = u32::from(width.saturating_sub(prefix.len()));
    (first, first | u128::MAX.checked_shr(128 - behind).unwrap_or(0))
}

/// A range without the IPv4-mapped addresses in it.
fn outside_mapped((from, to): (u128, u128)) -> Vec<(u128, u128)> {
    let (low, high) = (0xffff_0000_0000, 0xffff_ffff_ffff);
    let parts = [(from, to.min(low - 1)), (from.max(high + 1), to)];
    parts.into_iter().filter(|(from, to)| from <= to).collect()
}

const fn column_of(field: Field) -> Option<(Column, View)> {
    let column = match field {
        Field::IcmpType => return Some((Column::DstPort, View::High)),
        Field::IcmpCode => return Some((Column::DstPort, View::Low)),
        Field::FirstUs => return Some((Column::First, View::Instant)),
        Field::LastUs => return Some((Column::Last, View::Instant)),
        Field::DurationMs | Field::PacketsPerSecond | Field::BitsPerSecond | Field::BytesPerPacket => {
            return None;
        }
        Field::Ip => Column::Ip,
        Field::Proto => Column::Proto,
        Field::SrcPort => Column::SrcPort,
        Field::DstPort => Column::DstPort,
        Field::TcpFlags => Column::TcpFlags,
        Field::Tos => Column::Tos,
        Field::Packets => Column::Packets,
        Field::Bytes => Column::Bytes,
        Field::ReversePackets => Column::ReversePackets,
        Field::ReverseBytes => Column::ReverseBytes,
        Field::Flows => Column::Count,
        Field::Domain => Column::Domain,
        Field::Input => Column::Input,
        Field::Output => Column::Output,
        Field::SrcAs => Column::SrcAs,
        Field::DstAs => Column::DstAs,
        Field::SrcMask => Column::SrcMask,
        Field::DstMask => Column::DstMask,
        Field::SrcVlan => Column::SrcVlan,
        Field::DstVlan => Column::DstVlan,
        Field::InSrcMac => Column::InSrcMac,
        Field::OutDstMac => Column::OutDstMac,
        Field::Direction => Column::Direction,
        Field::Forwarding => Column::Forwarding,
    };
    Some((column, View::Whole))
}
