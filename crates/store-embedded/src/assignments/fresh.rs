//! Rows that are not in a segment yet: in memory, answerable at once, kept as sorted runs.
//!
//! What comes in: assignments. What goes out: those that fit a question, and all of them in order for a segment. Runs
//! double in size as they are joined, so that each row is sorted anew only a few times. What most rows lack (slack at an
//! edge, a record number, a far side) is kept beside them, for those that have it.

use std::cmp::Ordering;

use tadoru_model::{Assignment, Holder, PortRange, Prefix, Realm};
use tadoru_store::Holding;

use crate::segment::row::{Origin, Row, Shape, holder_of, put_holder, sort_key_of};

use super::interner::Interner;

/// Rows in memory.
#[derive(Default)]
pub struct Fresh {
    rows: Vec<Slim>,
    beside: Vec<Beside>,
    runs: Vec<Vec<Place>>,
    shapes: Vec<Shape>,
    variants: Variants,
    holders: Interner,
}

/// A row's place in the order, and its number.
pub type Place = (u128, u32);

/// What every row has.
#[derive(Clone, Copy)]
struct Slim {
    net: u128,
    from_latest: i64,
    until_earliest: i64,
    holder: u32,
    variant: u32,
    beside: u32,
    low: u16,
    high: u16,
}

/// What a row may have besides; the first of them is that of rows that have nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Beside {
    far: u128,
    from_slack: i64,
    until_slack: i64,
    record: u64,
    corrected: i64,
    thread: u64,
    far_tag: u32,
    inside: u32,
}

impl Fresh {
    /// Takes rows in.
    pub fn add<'a>(&mut self, assignments: impl IntoIterator<Item = &'a Assignment>) {
        let first = self.rows.len();
        let mut all = assignments.into_iter().peekable();
        let (mut names, mut ends, mut part) = (Vec::new(), Vec::new(), Vec::new());
        while all.peek().is_some() {
            names.clear();
            ends.clear();
            part.clear();
            part.extend(all.by_ref().take(TOGETHER));
            for assignment in &part {
                put_holder(&mut names, &assignment.holder);
                ends.push(names.len());
            }
            let numbers = self.holders.intern_all(&names, &ends);
            for (assignment, holder) in part.iter().zip(numbers) {
                self.add_one(assignment, holder);
            }
        }
        let count = self.rows.len();
        let mut run: Vec<Place> = (first..count)
            .filter_map(|number| Some((self.row(number as u32)?.sort_key(), number as u32)))
            .collect();
        if run.is_empty() {
            return;
        }
        run.sort_unstable_by(|a, b| self.order(a, b));
        while let Some(last) = self.runs.pop() {
            if last.len() >= run.len() * 2 {
                self.runs.push(last);
                break;
            }
            run = self.join(&last, &run);
        }
        self.runs.push(run);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows from number `first` on, as they were put.
    pub fn since(&self, first: usize) -> impl Iterator<Item = Assignment> + '_ {
        self.rows_since(first).filter_map(|row| self.assignment(&row))
    }

    /// Every row as it was put.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.rows_since(0)
    }

    /// Appends to `found` the rows that fit.
    pub fn find(&self, question: &Holding, enough: usize, found: &mut Vec<Assignment>) {
        for shape in &self.shapes {
            let Some(net) = shape.net_of(question.addr) else { continue };
            let lows = shape.lows(question.port);
            let low = sort_key_of(*shape, net, lows.0);
            let high = if shape.is_v6() { low } else { sort_key_of(*shape, net, lows.1) | IPV4_TIME };
            for run in &self.runs {
                let start = run.partition_point(|place| place.0 < low);
                let of_interest = run.get(start..).unwrap_or_default().iter().take_while(|p| p.0 <= high);
                for row in of_interest.filter_map(|place| self.row(place.1)) {
                    if fits(&row, question, net) {
                        found.extend(self.assignment(&row).filter(|a| question.fits(a)));
                    }
                    if found.len() > enough {
                        return;
                    }
                }
            }
        }
    }

    /// Every row's place, in order.
    pub fn sorted(&self) -> Vec<Place> {
        self.runs.iter().rev().fold(Vec::new(), |joined, run| self.join(&joined, run))
    }

    /// The row of that number.
    pub fn row(&self, number: u32) -> Option<Row> {
        let slim = self.rows.get(number as usize)?;
        let beside = match slim.beside {
            0 => Beside::default(),
            number => *self.beside.get(number as usize - 1)?,
        };
        let (shape, origin) = *self.variants.known.get(slim.variant as usize)?;
        Some(Row {
            net: slim.net,
            far: beside.far,
            from_earliest: slim.from_latest.wrapping_sub(beside.from_slack),
            from_latest: slim.from_latest,
            until_earliest: slim.until_earliest,
            until_latest: slim.until_earliest.wrapping_add(beside.until_slack),
            record: beside.record,
            corrected: beside.corrected,
            thread: beside.thread,
            holder: slim.holder,
            origin,
            far_tag: beside.far_tag,
            inside: beside.inside,
            shape,
            low: slim.low,
            high: slim.high,
        })
    }

    /// Of which networks the rows speak, many of them more than once.
    pub fn space(&self) -> impl Iterator<Item = (Realm, Prefix)> + '_ {
        self.rows().filter_map(|row| {
            let origin = self.origins().get(row.origin as usize)?;
            Some((origin.realm.clone(), row.shape.prefix_of(row.net)?))
        })
    }

    /// The origins that rows name by number.
    pub fn origins(&self) -> &[Origin] {
        &self.variants.origins
    }

    /// The names that rows name by number.
    pub const fn holders(&self) -> &Interner {
        &self.holders
    }

    fn rows_since(&self, first: usize) -> impl Iterator<Item = Row> + '_ {
        (first as u32..self.rows.len() as u32).filter_map(|number| self.row(number))
    }

    fn add_one(&mut self, assignment: &Assignment, holder: u32) {
        let row = Row::of(assignment, holder, 0);
        if let Err(place) = self.shapes.binary_search(&row.shape) {
            self.shapes.insert(place, row.shape);
        }
        let beside = Beside {
            far: row.far,
            from_slack: row.from_latest.wrapping_sub(row.from_earliest),
            until_slack: row.until_latest.wrapping_sub(row.until_earliest),
            record: row.record,
            corrected: row.corrected,
            thread: row.thread,
            far_tag: row.far_tag,
            inside: row.inside,
        };
        if beside != Beside::default() {
            self.beside.push(beside);
        }
        self.rows.push(Slim {
            net: row.net,
            from_latest: row.from_latest,
            until_earliest: row.until_earliest,
            holder,
            variant: self.variants.number(assignment, row.shape),
            beside: if beside == Beside::default() { 0 } else { self.beside.len() as u32 },
            low: row.low,
            high: row.high,
        });
    }

    fn assignment(&self, row: &Row) -> Option<Assignment> {
        row.to_assignment(self.origins().get(row.origin as usize)?, self.holder(row.holder)?)
    }

    fn holder(&self, number: u32) -> Option<Holder> {
        holder_of(self.holders.get(number)?)
    }

    fn join(&self, a: &[Place], b: &[Place]) -> Vec<Place> {
        let mut joined = Vec::with_capacity(a.len() + b.len());
        let (mut at, mut bt) = (0, 0);
        while let (Some(x), Some(y)) = (a.get(at), b.get(bt)) {
            let second = y.0 < x.0 || (y.0 == x.0 && self.order(x, y).is_gt());
            joined.push(if second { *y } else { *x });
            at += usize::from(!second);
            bt += usize::from(second);
        }
        joined.extend_from_slice(a.get(at..).unwrap_or_default());
        joined.extend_from_slice(b.get(bt..).unwrap_or_default());
        joined
    }

    fn order(&self, a: &Place, b: &Place) -> Ordering {
        a.0.cmp(&b.0).then_with(|| match (self.row(a.1), self.row(b.1)) {
            (Some(a), Some(b)) => a.order(&b),
            _ => a.1.cmp(&b.1),
        })
    }
}

fn fits(row: &Row, question: &Holding, net: u128) -> bool {
    row.net == net
        && row.from_earliest < question.span.until.0
        && question.span.from.0 < row.until_latest
        && question.port.is_none_or(|port| PortRange { low: row.low, high: row.high }.contains(port))
}

/// Shapes and origins together: what few rows have of their own.
#[derive(Default)]
struct Variants {
    known: Vec<(Shape, u32)>,
    names: Interner,
    origins: Vec<Origin>,
    origin_names: Interner,
    /// The last variant of sources whose names end so.
    recent: Vec<u32>,
    scratch: Vec<u8>,
}

impl Variants {
    fn number(&mut self, assignment: &Assignment, shape: Shape) -> u32 {
        let name = assignment.source.0.as_bytes();
        let end = name.iter().rev().take(3).fold(0_usize, |sum, b| sum.wrapping_mul(31) + usize::from(*b));
        let slot = (end ^ usize::from(shape.0) << 2 ^ (assignment.until.how as usize) << 5) % RECENT;
        self.recent.resize(RECENT, 0);
        let guess = self.recent.get(slot).copied().unwrap_or(0);
        if let Some((of, origin)) = self.known.get(guess as usize)
            && *of == shape
            && self.origins.get(*origin as usize).is_some_and(|o| o.is_of(assignment))
        {
            return guess;
        }
        let number = self.look_up(assignment, shape);
        if let Some(guess) = self.recent.get_mut(slot) {
            *guess = number;
        }
        number
    }

    fn look_up(&mut self, assignment: &Assignment, shape: Shape) -> u32 {
        let origin = Origin::of(assignment);
        self.scratch.clear();
        origin.write(&mut self.scratch);
        let number = self.origin_names.intern(&self.scratch);
        if number as usize == self.origins.len() {
            self.origins.push(origin);
        }
        self.scratch.extend_from_slice(&shape.0.to_le_bytes());
        let variant = self.names.intern(&self.scratch);
        if variant as usize == self.known.len() {
            self.known.push((shape, number));
        }
        variant
    }
}

/// Every bit of an IPv4 sort key that tells the time.
const IPV4_TIME: u128 = (1 << 66) - 1;
const RECENT: usize = 1_024;
/// Rows whose holders are looked up together, so that the memory is waited for once.
const TOGETHER: usize = 128;
