//! Trees of what was read, with negation carried down to the tests.

use std::ops::RangeInclusive;

use tadoru_model::Prefix;

use super::{AddressField, Field, Node, Test};

/// Whether what was read counts as it stands or in the negative.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Positive,
    Negative,
}

/// Which side of a flow a test is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Src,
    Dst,
    /// Neither is written: either one.
    Unsaid,
    /// `src or dst`.
    Either,
    /// `src and dst`.
    Both,
}

/// Parts that all hold (`Both`) or of which one holds; in the negative it is the other way round.
pub(super) fn joined(parts: Vec<Node>, sense: Sense, side: Side) -> Node {
    let all = (side == Side::Both) == (sense == Sense::Positive);
    if all { Node::all(parts) } else { Node::either(parts) }
}

/// A test of one or two sides; `test` is asked with whether it is the source's.
pub(super) fn of_sides(side: Side, sense: Sense, test: impl Fn(bool) -> Node) -> Node {
    match side {
        Side::Src => test(true),
        Side::Dst => test(false),
        Side::Unsaid | Side::Either | Side::Both => joined(vec![test(true), test(false)], sense, side),
    }
}

pub(super) fn address_of_sides(within: Vec<Prefix>, side: Side, sense: Sense) -> Node {
    let field = |is_src| if is_src { AddressField::Src } else { AddressField::Dst };
    of_sides(side, sense, |is_src| address(field(is_src), within.clone(), sense))
}

pub(super) fn address(field: AddressField, mut within: Vec<Prefix>, sense: Sense) -> Node {
    within.sort_by_key(|prefix| (prefix.addr(), prefix.len()));
    within.dedup_by(|later, earlier| earlier.contains(later.addr()) && earlier.len() <= later.len());
    tested(Test::Address { field, within }, sense)
}

pub(super) fn number(field: Field, mut within: Vec<RangeInclusive<u64>>, sense: Sense) -> Node {
    within.sort_by_key(|range| *range.start());
    within.dedup_by(|later, earlier| {
        let touches = *later.start() <= earlier.end().saturating_add(1);
        if touches {
            *earlier = *earlier.start()..=*earlier.end().max(later.end());
        }
        touches
    });
    if within.is_empty() {
        return if sense == Sense::Positive { Node::Never } else { Node::Any };
    }
    tested(Test::Number { field, within }, sense)
}

pub(super) fn tested(test: Test, sense: Sense) -> Node {
    if sense == Sense::Positive { Node::Is(test) } else { Node::IsNot(test) }
}
