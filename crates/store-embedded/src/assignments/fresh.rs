//! Rows that are not in a segment yet: in memory, answerable at once, kept as sorted runs.
//!
//! What comes in: assignments. What goes out: those that fit a question, and all of them in order for a segment. Runs
//! double in size as they are joined, so that each row is sorted anew only a few times.

use tadoru_model::{Assignment, Holder, PortRange, Prefix, Realm};
use tadoru_store::Holding;

use crate::segment::row::{Origin, Row, Shape, holder_of, put_holder, sort_key_of};

use super::interner::Interner;

/// Rows in memory.
#[derive(Default)]
pub struct Fresh {
    rows: Vec<Row>,
    runs: Vec<Vec<Place>>,
    shapes: Vec<Shape>,
    origins: Vec<Origin>,
    recent: Vec<u32>,
    holders: Interner,
    scratch: Vec<u8>,
}

/// A row's place in the order, and where the row is.
pub type Place = (u128, u32);

impl Fresh {
    /// Takes rows in.
    pub fn add<'a>(&mut self, assignments: impl IntoIterator<Item = &'a Assignment>) {
        let first = self.rows.len();
        for assignment in assignments {
            let origin = self.origin(assignment);
            self.scratch.clear();
            put_holder(&mut self.scratch, &assignment.holder);
            let holder = self.holders.intern(&self.scratch);
            let row = Row::of(assignment, holder, origin);
            if let Err(place) = self.shapes.binary_search(&row.shape) {
                self.shapes.insert(place, row.shape);
            }
            self.rows.push(row);
        }
        let added = self.rows.get(first..).unwrap_or_default();
        let mut run: Vec<Place> =
            added.iter().zip(first as u32..).map(|(row, number)| (row.sort_key(), number)).collect();
        if run.is_empty() {
            return;
        }
        sort(&self.rows, &mut run);
        while let Some(last) = self.runs.pop() {
            if last.len() >= run.len() * 2 {
                self.runs.push(last);
                break;
            }
            run = join(&self.rows, &last, &run);
        }
        self.runs.push(run);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows from number `first` on, as they were put.
    pub fn since(&self, first: usize) -> impl Iterator<Item = Assignment> + '_ {
        self.rows.get(first..).unwrap_or_default().iter().filter_map(|row| self.assignment(row))
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
                for row in of_interest.filter_map(|place| self.rows.get(place.1 as usize)) {
                    if fits(row, question, net) {
                        found.extend(self.assignment(row).filter(|a| question.fits(a)));
                    }
                    if found.len() > enough {
                        return;
                    }
                }
            }
        }
    }

    /// Every row in order.
    pub fn sorted(&self) -> Vec<Place> {
        let mut all = Vec::with_capacity(self.rows.len());
        for run in &self.runs {
            all.extend_from_slice(run);
        }
        // A stable sort finds the runs and joins them.
        all.sort_by(|a, b| order(&self.rows, a, b));
        all
    }

    /// The row at a place.
    pub fn row(&self, place: &Place) -> Option<&Row> {
        self.rows.get(place.1 as usize)
    }

    /// Of which networks the rows speak, many of them more than once.
    pub fn space(&self) -> impl Iterator<Item = (Realm, Prefix)> + '_ {
        self.rows.iter().filter_map(|row| {
            let origin = self.origins.get(row.origin as usize)?;
            Some((origin.realm.clone(), row.shape.prefix_of(row.net)?))
        })
    }

    /// The origins that rows name by number.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The names that rows name by number.
    pub const fn holders(&self) -> &Interner {
        &self.holders
    }

    /// The rows again.
    pub fn assignment(&self, row: &Row) -> Option<Assignment> {
        let origin = self.origins.get(row.origin as usize)?;
        row.to_assignment(origin, self.holder(row.holder)?)
    }

    fn holder(&self, number: u32) -> Option<Holder> {
        holder_of(self.holders.get(number)?)
    }

    /// The number of the assignment's origin: a guess by the end of the source's name first.
    fn origin(&mut self, assignment: &Assignment) -> u32 {
        let name = assignment.source.0.as_bytes();
        let end = name.iter().rev().take(3).fold(0_usize, |sum, b| sum.wrapping_mul(31) + usize::from(*b));
        let slot = (end ^ (assignment.from.how as usize) << 4 ^ (assignment.until.how as usize) << 5) % RECENT;
        self.recent.resize(RECENT, 0);
        if let Some(number) = self.recent.get(slot)
            && self.origins.get(*number as usize).is_some_and(|o| o.is_of(assignment))
        {
            return *number;
        }
        let known = self.origins.iter().position(|o| o.is_of(assignment));
        let number = known.unwrap_or_else(|| {
            self.origins.push(Origin::of(assignment));
            self.origins.len() - 1
        }) as u32;
        if let Some(guess) = self.recent.get_mut(slot) {
            *guess = number;
        }
        number
    }
}

fn fits(row: &Row, question: &Holding, net: u128) -> bool {
    row.net == net
        && row.from_earliest < question.span.until.0
        && question.span.from.0 < row.until_latest
        && question.port.is_none_or(|port| PortRange { low: row.low, high: row.high }.contains(port))
}

fn sort(rows: &[Row], run: &mut [Place]) {
    run.sort_unstable_by(|a, b| order(rows, a, b));
}

fn order(rows: &[Row], a: &Place, b: &Place) -> std::cmp::Ordering {
    a.0.cmp(&b.0).then_with(|| match (rows.get(a.1 as usize), rows.get(b.1 as usize)) {
        (Some(a), Some(b)) => a.order(b),
        _ => a.1.cmp(&b.1),
    })
}

fn join(rows: &[Row], a: &[Place], b: &[Place]) -> Vec<Place> {
    let mut joined = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if order(rows, x, y).is_gt() => b.next(),
            (Some(_), _) => a.next(),
            (None, _) => b.next(),
        };
        match next {
            Some(place) => joined.push(*place),
            None => return joined,
        }
    }
}

/// Every bit of an IPv4 sort key that tells the time.
const IPV4_TIME: u128 = (1 << 66) - 1;
const RECENT: usize = 256;
