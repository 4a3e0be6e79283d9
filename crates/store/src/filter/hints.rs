//! What must hold of every flow that a filter selects, so that a store can leave files and row groups unread.

use std::ops::RangeInclusive;

use tadoru_model::Prefix;

use super::{AddressField, Field, Node, Test};

/// Bounds on the two sides of a flow. Each that is told holds of every match; an empty one says that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides<T> {
    /// The source's lies in one of these.
    pub src: Option<Vec<T>>,
    /// The destination's lies in one of these.
    pub dst: Option<Vec<T>>,
    /// The source's or the destination's lies in one of these.
    pub either: Option<Vec<T>>,
}

/// Bounds on the addresses.
pub type Addresses = Sides<Prefix>;

/// Bounds on the ports.
pub type Ports = Sides<RangeInclusive<u16>>;

/// Bounds on the times, microseconds since 1970 UTC. Each that is told holds of every match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// When the first packet was seen.
    pub first_us: Option<RangeInclusive<i64>>,
    /// When the last packet was seen.
    pub last_us: Option<RangeInclusive<i64>>,
}

pub(super) fn addresses(node: &Node) -> Option<Addresses> {
    sides(node, &|test| match test {
        Test::Address { field: AddressField::Src, within } => Some((Side::Src, within.clone())),
        Test::Address { field: AddressField::Dst, within } => Some((Side::Dst, within.clone())),
        _ => None,
    })
    .told()
}

pub(super) fn ports(node: &Node) -> Option<Ports> {
    sides(node, &|test| match test {
        Test::Number { field: Field::SrcPort, within } => Some((Side::Src, narrowed(within))),
        Test::Number { field: Field::DstPort, within } => Some((Side::Dst, narrowed(within))),
        _ => None,
    })
    .told()
}

pub(super) fn times(node: &Node) -> Option<Times> {
    let times = Times { first_us: hull(node, Field::FirstUs), last_us: hull(node, Field::LastUs) };
    (times != Times::default()).then_some(times)
}

enum Side {
    Src,
    Dst,
}

impl<T: Clone> Sides<T> {
    const NONE: Self = Self { src: None, dst: None, either: None };

    fn told(self) -> Option<Self> {
        (self.src.is_some() || self.dst.is_some() || self.either.is_some()).then_some(self)
    }

    /// The shortest bound on either side.
    fn any_side(&self) -> Option<&Vec<T>> {
        [&self.either, &self.src, &self.dst].into_iter().flatten().min_by_key(|bound| bound.len())
    }

    fn and(self, other: Self) -> Self {
        Self {
            src: shorter(self.src, other.src),
            dst: shorter(self.dst, other.dst),
            either: shorter(self.either, other.either),
        }
    }

    fn or(self, other: Self) -> Self {
        let either = union(self.any_side(), other.any_side());
        Self {
            src: union(self.src.as_ref(), other.src.as_ref()),
            dst: union(self.dst.as_ref(), other.dst.as_ref()),
            either,
        }
    }
}

fn sides<T: Clone>(node: &Node, bound: &impl Fn(&Test) -> Option<(Side, Vec<T>)>) -> Sides<T> {
    match node {
        Node::Any | Node::IsNot(_) => Sides::NONE,
        Node::Never => Sides { src: Some(Vec::new()), dst: Some(Vec::new()), either: Some(Vec::new()) },
        Node::And(parts) => parts.iter().fold(Sides::NONE, |all, part| all.and(sides(part, bound))),
        Node::Or(parts) => {
            let mut parts = parts.iter().map(|part| sides(part, bound));
            parts.next().map_or(Sides::NONE, |first| parts.fold(first, Sides::or))
        }
        Node::Is(test) => match bound(test) {
            Some((Side::Src, within)) => Sides { src: Some(within), ..Sides::NONE },
            Some((Side::Dst, within)) => Sides { dst: Some(within), ..Sides::NONE },
            None => Sides::NONE,
        },
    }
}

fn shorter<T>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.len() <= b.len() { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn union<T: Clone>(a: Option<&Vec<T>>, b: Option<&Vec<T>>) -> Option<Vec<T>> {
    let (a, b) = (a?, b?);
    (a.len() + b.len() <= MAX_BOUND).then(|| a.iter().chain(b).cloned().collect())
}

fn narrowed(within: &[RangeInclusive<u64>]) -> Vec<RangeInclusive<u16>> {
    let narrow = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
    let ports = within.iter().filter(|range| *range.start() <= u16::MAX.into());
    ports.map(|range| narrow(*range.start())..=narrow(*range.end())).collect()
}

/// The span from the smallest to the largest time that a match can have; an empty one when there is none.
fn hull(node: &Node, asked: Field) -> Option<RangeInclusive<i64>> {
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    match node {
        Node::Is(Test::Number { field, within }) if *field == asked => {
            // A time before 1970 counts as 0 in a test.
            let first = within.first().map(|range| signed(*range.start()))?;
            let last = within.last().map(|range| signed(*range.end()))?;
            Some(if first == 0 { i64::MIN } else { first }..=last)
        }
        Node::And(parts) => parts
            .iter()
            .filter_map(|part| hull(part, asked))
            .reduce(|a, b| *a.start().max(b.start())..=*a.end().min(b.end())),
        Node::Or(parts) => {
            let hulls: Option<Vec<_>> = parts.iter().map(|part| hull(part, asked)).collect();
            hulls?.into_iter().reduce(|a, b| *a.start().min(b.start())..=*a.end().max(b.end()))
        }
        _ => None,
    }
}

/// More than this many prefixes or ranges are no bound that helps.
const MAX_BOUND: usize = 65_536;
