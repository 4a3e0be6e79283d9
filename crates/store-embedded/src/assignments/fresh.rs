//! Rows that are not in a segment yet: in memory, answerable at once, kept as sorted runs.
//!
//! What comes in: assignments. What goes out: those that fit a question, and all of them in order for a segment. Runs
//! are joined when [`FAN_IN`] of like size have come together, so that each row is moved only a few times. What most rows lack (slack at an
//! edge, a record number, a far side) is kept beside them, for those that have it.

use std::cmp::Ordering;

use tadoru_model::{Assignment, Holder, PortRange, Prefix, Realm, RecordKind};
use tadoru_store::Holding;

use crate::segment::row::{Origin, Row, Shape, ThreadRule, holder_of, kind_code, put_holder};

use super::classes::FarSide;
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
    /// Of each kind that there is, the latest possible end of the row that ends first.
    first_until: [Option<i64>; RecordKind::ALL.len()],
    /// The latest possible end of all.
    last_until: i64,
    /// Which kinds there are without and with a far side, see [`sort_of`].
    sorts: u16,
}

/// A row's place in the order as far as it goes, and in the lowest [`NUMBER_BITS`] its number.
pub type Place = u128;

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
    thread_rule: ThreadRule,
}

impl Fresh {
    /// Takes rows in; many at once on two threads, one of which numbers the holders.
    pub fn add(&mut self, assignments: &[&Assignment]) {
        let first = self.rows.len();
        let on_two =
            if assignments.len() < TWO_THREADS { None } else { self.add_on_two_threads(assignments) };
        let (run, numbers) = on_two
            .unwrap_or_else(|| (self.add_rows(assignments), numbers_of(&mut self.holders, assignments)));
        for (row, holder) in self.rows.iter_mut().skip(first).zip(numbers) {
            row.holder = holder;
        }
        if !run.is_empty() {
            self.runs.push(run);
            self.join_like_runs();
        }
    }

    /// The places in order and the holders' numbers; `None` when there is no second thread to be had.
    fn add_on_two_threads(&mut self, assignments: &[&Assignment]) -> Option<(Vec<Place>, Vec<u32>)> {
        let mut holders = std::mem::take(&mut self.holders);
        let added = std::thread::scope(|scope| {
            let rows = || self.add_rows(assignments);
            let thread =
                std::thread::Builder::new().name("rows".to_owned()).spawn_scoped(scope, rows).ok()?;
            let numbers = numbers_of(&mut holders, assignments);
            Some((thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), numbers))
        });
        self.holders = holders;
        added
    }

    /// Takes rows in whose holders have no number yet; gives their places in order.
    fn add_rows(&mut self, assignments: &[&Assignment]) -> Vec<Place> {
        let first = self.rows.len();
        assignments.iter().for_each(|assignment| self.add_one(assignment));
        let added = (first as u32..self.rows.len() as u32).filter_map(|number| self.place(number));
        let mut run: Vec<Place> = added.collect();
        run.sort_unstable();
        run
    }

    /// Whether there are rows of `kind` that have ended by `before`.
    pub fn has_ended_by(&self, kind: RecordKind, before: i64) -> bool {
        let first = self.first_until.get(usize::from(kind_code(kind))).copied().flatten();
        first.is_some_and(|first| first <= before)
    }

    /// The possible ends of the row that ends first and of that which ends last, if there are any.
    pub fn ends(&self) -> Option<(i64, i64)> {
        self.first_until.iter().flatten().min().map(|first| (*first, self.last_until))
    }

    /// Which kinds of rows there are, and whether with a far side.
    pub fn sorts(&self) -> impl Iterator<Item = (RecordKind, FarSide)> + '_ {
        let all = RecordKind::ALL.into_iter();
        all.flat_map(|kind| [(kind, FarSide::NotKept), (kind, FarSide::Kept)])
            .filter(|(kind, far)| self.sorts & sort_of(*kind, matches!(far, FarSide::Kept)) != 0)
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
            let low = prefix_of(*shape, net, lows.0);
            let high = prefix_of(*shape, net, lows.1) | if shape.is_v6() { NUMBER } else { IPV4_TIME };
            for run in &self.runs {
                let start = run.partition_point(|place| *place < low);
                let of_interest = run.get(start..).unwrap_or_default().iter().take_while(|p| **p <= high);
                for row in of_interest.filter_map(|place| self.row_at(*place)) {
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

    /// The number of every row, in order.
    pub fn sorted(&self) -> Vec<Place> {
        let mut all = joined(&self.runs);
        // Places tell an IPv4 row's time to 4 s only, and of an IPv6 row not all: those that are alike are put right.
        for alike in all.chunk_by_mut(|a, b| a >> NUMBER_BITS == b >> NUMBER_BITS) {
            if alike.len() > 1 {
                alike.sort_by(|a, b| match (self.row_at(*a), self.row_at(*b)) {
                    (Some(a), Some(b)) => a.order(&b),
                    _ => Ordering::Equal,
                });
            }
        }
        all
    }

    /// The row at a place.
    pub fn row_at(&self, place: Place) -> Option<Row> {
        self.row((place & NUMBER) as u32)
    }

    /// Reads from memory what [`Fresh::row_at`] needs first, so that it is waited for once for many places and not for each.
    pub fn touch(&self, places: &[Place]) {
        let rows = places.iter().filter_map(|place| self.rows.get((place & NUMBER) as usize));
        std::hint::black_box(rows.fold(0, |seen, row| seen ^ row.holder));
    }

    /// The row of that number.
    fn row(&self, number: u32) -> Option<Row> {
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
            thread_rule: beside.thread_rule,
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

    fn add_one(&mut self, assignment: &Assignment) {
        let row = Row::of(assignment, 0, 0);
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
            thread_rule: row.thread_rule,
        };
        if beside != Beside::default() {
            self.beside.push(beside);
        }
        if let Some(first) = self.first_until.get_mut(usize::from(kind_code(assignment.kind))) {
            *first = Some(first.map_or(row.until_latest, |first| row.until_latest.min(first)));
        }
        self.last_until = self.last_until.max(row.until_latest);
        self.sorts |= sort_of(assignment.kind, row.far_tag != 0);
        self.rows.push(Slim {
            net: row.net,
            from_latest: row.from_latest,
            until_earliest: row.until_earliest,
            holder: 0,
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

    fn place(&self, number: u32) -> Option<Place> {
        let slim = self.rows.get(number as usize)?;
        let (shape, _) = *self.variants.known.get(slim.variant as usize)?;
        let time =
            if shape.is_v6() { 0 } else { u128::from((slim.from_latest as u64 ^ 1 << 63) >> TIME_CUT) };
        Some(prefix_of(shape, slim.net, slim.low) | time << NUMBER_BITS | u128::from(number))
    }

    /// Joins the last runs when so many of like size have come together.
    fn join_like_runs(&mut self) {
        let size = |run: &Vec<Place>| run.len().ilog2() / FAN_IN.ilog2();
        while let Some(last) = self.runs.last().map(size) {
            let alike = self.runs.iter().rev().take_while(|run| size(run) <= last).count();
            if alike < FAN_IN {
                return;
            }
            let run = joined(&self.runs.split_off(self.runs.len() - alike));
            self.runs.push(run);
        }
    }
}

/// The numbers of the holders of `assignments`.
fn numbers_of(holders: &mut Interner, assignments: &[&Assignment]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(assignments.len());
    let (mut names, mut ends) = (Vec::new(), Vec::new());
    for part in assignments.chunks(TOGETHER) {
        names.clear();
        ends.clear();
        touch_holders(part);
        for assignment in part {
            put_holder(&mut names, &assignment.holder);
            ends.push(names.len());
        }
        numbers.extend(holders.intern_all(&names, &ends));
    }
    numbers
}

/// Reads from memory what holders are made of, step by step, so that it is waited for once for all and not for each.
fn touch_holders(assignments: &[&Assignment]) {
    let first = |assignment: &&Assignment| match &assignment.holder {
        Holder::Line(names) => names.first().map_or(0, |name| name.value.len()),
        Holder::Inside { .. } => 0,
    };
    std::hint::black_box(assignments.iter().map(first).fold(0, usize::wrapping_add));
    let text = |assignment: &&Assignment| match &assignment.holder {
        Holder::Line(names) => names.first().and_then(|name| name.value.bytes().next()).unwrap_or(0),
        Holder::Inside { .. } => 0,
    };
    std::hint::black_box(assignments.iter().map(text).fold(0, u8::wrapping_add));
}

/// The bit of a kind without or with a far side.
fn sort_of(kind: RecordKind, has_far: bool) -> u16 {
    1 << (kind_code(kind) * 2 + u8::from(has_far))
}

/// One run of several: a stable sort finds the runs and joins them.
fn joined(runs: &[Vec<Place>]) -> Vec<Place> {
    let mut all = runs.concat();
    all.sort();
    all
}

/// The upper bits of the places of rows of that shape and network, and for IPv4 of that lowest port.
fn prefix_of(shape: Shape, net: u128, low: u16) -> Place {
    let head = u128::from(shape.0) << 114;
    if shape.is_v6() {
        let upper = net.checked_shl(128 - u32::from(shape.prefix_len())).unwrap_or(0) >> 14;
        head | upper & !NUMBER
    } else {
        head | net << 82 | u128::from(low) << 66
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

/// How many rows there can be, as a power of two.
pub const NUMBER_BITS: u32 = 24;
const NUMBER: Place = (1 << NUMBER_BITS) - 1;
/// Every bit of an IPv4 place that tells time and number.
const IPV4_TIME: Place = (1 << 66) - 1;
/// Bits of the time that an IPv4 place does not tell: 66 bits hold the rest and the number.
const TIME_CUT: u32 = NUMBER_BITS - 2;
/// Runs of like size that are joined.
const FAN_IN: usize = 16;
const RECENT: usize = 1_024;
/// From how many rows on a second thread pays.
const TWO_THREADS: usize = 1 << 12;
/// Rows whose holders are looked up together, so that the memory is waited for once.
const TOGETHER: usize = 128;
