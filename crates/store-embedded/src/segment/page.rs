//! A page: up to [`ROWS`] rows of one shape, column by column.
//!
//! What comes in: rows in their order. What goes out: bytes, and the rows again. Rows of the same address and lowest port
//! share a head, which tells these once. Times are in the coarsest of µs, ms and s that loses nothing; a row that
//! follows another of its head is timed from the end of that one, so that what is stored is the gap and the duration. Never a row whose page did not pass the gate's codec.

use super::bits::{Column, SLACK, pack, packed_len, put_varint, spread, take_varint, unzigzag, zigzag};
use super::row::{Row, Shape, ThreadRule};

/// Rows a page at most.
pub const ROWS: usize = 64;

/// The columns, in the order in which they lie in a page. The order is part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum C {
    NetHigh,
    NetLow,
    Port,
    Run,
    Head,
    Gap,
    Extent,
    Duration,
    FromSlack,
    UntilSlack,
    Holder,
    Origin,
    Record,
    Corrected,
    Thread,
    Inside,
    FarTag,
    FarHigh,
    FarLow,
    ThreadRule,
}

const COLUMNS: usize = 20;

const UNITS: [i64; 3] = [1_000_000, 1_000, 1];

/// Scratch space for writing pages.
pub struct PageWriter {
    columns: Vec<Vec<u64>>,
}

impl Default for PageWriter {
    fn default() -> Self {
        Self { columns: (0..COLUMNS).map(|_| Vec::with_capacity(ROWS)).collect() }
    }
}

impl PageWriter {
    /// Appends the page of `rows` (in their order, of one shape, at most [`ROWS`]) to `out`.
    pub fn write(&mut self, rows: &[Row], out: &mut Vec<u8>) {
        let unit_code = unit_of(rows);
        let unit = UNITS.get(usize::from(unit_code)).copied().unwrap_or(1);
        for column in &mut self.columns {
            column.clear();
        }
        let mut before: Option<&Row> = None;
        for row in rows {
            let from = row.from_latest / unit;
            match before {
                Some(b) if b.net == row.net && b.low == row.low => {
                    self.push(C::Gap, from.wrapping_sub(b.until_earliest / unit) as u64);
                    if let Some(run) = self.columns.get_mut(C::Run as usize).and_then(|runs| runs.last_mut())
                    {
                        *run += 1;
                    }
                }
                _ => {
                    self.push(C::NetHigh, (row.net >> 64) as u64);
                    self.push(C::NetLow, row.net as u64);
                    self.push(C::Port, u64::from(row.low));
                    self.push(C::Run, 0);
                    self.push(C::Head, from as u64);
                }
            }
            self.push(C::Duration, (row.until_earliest / unit).wrapping_sub(from) as u64);
            before = Some(row);
        }
        self.fill(C::Extent, rows, |r| u64::from(r.high.wrapping_sub(r.low)));
        self.fill(C::Holder, rows, |r| u64::from(r.holder));
        self.fill(C::Origin, rows, |r| u64::from(r.origin));
        self.fill(C::FromSlack, rows, |r| r.from_latest.wrapping_sub(r.from_earliest) as u64);
        self.fill(C::UntilSlack, rows, |r| r.until_latest.wrapping_sub(r.until_earliest) as u64);
        self.fill(C::Record, rows, |r| r.record);
        self.fill(C::Corrected, rows, |r| r.corrected as u64);
        self.fill(C::Thread, rows, |r| r.thread);
        self.fill(C::ThreadRule, rows, |r| r.thread_rule as u64);
        self.fill(C::Inside, rows, |r| u64::from(r.inside));
        self.fill(C::FarTag, rows, |r| u64::from(r.far_tag));
        self.fill(C::FarHigh, rows, |r| (r.far >> 64) as u64);
        self.fill(C::FarLow, rows, |r| r.far as u64);
        let mut bases = [(0_u64, 0_u8); COLUMNS];
        let mut present = 0_u32;
        for ((index, column), slot) in self.columns.iter().enumerate().zip(&mut bases) {
            *slot = spread(column);
            if *slot != (0, 0) {
                present |= 1 << index;
            }
        }
        out.push(rows.len().saturating_sub(1) as u8);
        out.push(unit_code);
        let heads = self.columns.get(C::Head as usize).map_or(0, Vec::len);
        out.push(heads.saturating_sub(1) as u8);
        put_varint(out, u64::from(present));
        for (base, width) in bases.iter().filter(|b| **b != (0, 0)) {
            out.push(*width);
            put_varint(out, zigzag(*base as i64));
        }
        for (column, (base, width)) in self.columns.iter().zip(bases) {
            pack(column, base, width, out);
        }
    }

    fn fill(&mut self, column: C, rows: &[Row], value: impl Fn(&Row) -> u64) {
        // Most columns are all zeros, and left out.
        let any = rows.iter().fold(0, |any, row| any | value(row));
        if let Some(values) = self.columns.get_mut(column as usize).filter(|_| any != 0) {
            values.extend(rows.iter().map(value));
        }
    }

    fn push(&mut self, column: C, value: u64) {
        if let Some(values) = self.columns.get_mut(column as usize) {
            values.push(value);
        }
    }
}

/// The coarsest unit that loses nothing, as its place in [`UNITS`].
fn unit_of(rows: &[Row]) -> u8 {
    let fits = |unit: i64| rows.iter().all(|r| r.from_latest % unit == 0 && r.until_earliest % unit == 0);
    UNITS.iter().position(|unit| fits(*unit)).unwrap_or(2) as u8
}

/// A page that was opened: its columns, where they lie.
pub struct Page<'a> {
    bytes: &'a [u8],
    rows: usize,
    heads: usize,
    unit: i64,
    shape: Shape,
    columns: [Column; COLUMNS],
}

impl<'a> Page<'a> {
    /// Reads the head of a page; `bytes` end with [`SLACK`] bytes that are not of the page. `None` when it is no page.
    pub fn open(bytes: &'a [u8], shape: Shape) -> Option<Self> {
        let content = bytes.len().checked_sub(SLACK)?;
        let mut rest = bytes.get(..content)?;
        let (&[rows, unit, heads], after) = rest.split_first_chunk::<3>()?;
        rest = after;
        let (rows, heads) = (usize::from(rows) + 1, usize::from(heads) + 1);
        let unit = *UNITS.get(usize::from(unit))?;
        let present = take_varint(&mut rest)?;
        if rows > ROWS || heads > rows || present >> COLUMNS != 0 {
            return None;
        }
        let mut columns = [Column::default(); COLUMNS];
        let is_present = |(index, _): &(usize, &mut Column)| present & 1 << index != 0;
        for (_, column) in columns.iter_mut().enumerate().filter(is_present) {
            let (&width, after) = rest.split_first()?;
            rest = after;
            if width > 64 {
                return None;
            }
            column.width = width;
            column.base = unzigzag(take_varint(&mut rest)?) as u64;
        }
        let mut at = content - rest.len();
        for (index, column) in columns.iter_mut().enumerate().filter(is_present) {
            let count = match index {
                i if i <= C::Head as usize => heads,
                i if i == C::Gap as usize => rows - heads,
                _ => rows,
            };
            column.at = at;
            at += packed_len(count, column.width);
        }
        let page = Self { bytes, rows, heads, unit, shape, columns };
        (at == content && page.rows_before(heads) == rows).then_some(page)
    }

    /// How many rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Calls `visit` with every row of network `net` whose lowest port is within `lows` and whose possible extent
    /// meets `[from, until)`, in order.
    pub fn each_of(
        &self,
        net: u128,
        lows: (u16, u16),
        (from, until): (i64, i64),
        mut visit: impl FnMut(Row),
    ) {
        let first = self.first_not_below((net, lows.0));
        let behind = match (lows.1.checked_add(1), net.checked_add(1)) {
            (Some(next), _) => self.first_not_below((net, next)),
            (None, Some(next)) => self.first_not_below((next, 0)),
            (None, None) => self.heads,
        };
        // Where the slack is the same all over and does not go back, no later row of the place begins earlier.
        let slack = self.get(C::FromSlack, 0) as i64;
        let in_order = self.width(C::FromSlack) == 0 && slack >= 0;
        self.walk(first, behind, |head, index, begins, ends| {
            let earliest = begins.wrapping_sub(self.get(C::FromSlack, index) as i64);
            let latest = ends.wrapping_add(self.get(C::UntilSlack, index) as i64);
            if earliest < until && from < latest {
                visit(self.row(head, index, begins, ends));
            }
            !(in_order && begins.checked_sub(slack).is_some_and(|earliest| earliest >= until))
        });
    }

    /// Calls `visit` with every row, in order.
    pub fn each(&self, mut visit: impl FnMut(Row)) {
        self.walk(0, self.heads, |head, index, begins, ends| {
            visit(self.row(head, index, begins, ends));
            true
        });
    }

    /// Goes through the rows of the heads from `first` to before `behind`, and calls `step` with head, row, latest
    /// beginning and earliest end; when that says no, it goes on with the next head.
    fn walk(&self, first: usize, behind: usize, mut step: impl FnMut(usize, usize, i64, i64) -> bool) {
        let mut start = self.rows_before(first);
        for head in first..behind {
            let next = start.saturating_add(self.run(head)).min(self.rows);
            let mut until = 0;
            for index in start..next {
                let from = if index == start {
                    self.get(C::Head, head) as i64
                } else {
                    i64::wrapping_add(until, self.get(C::Gap, index - head - 1) as i64)
                };
                until = from.wrapping_add(self.get(C::Duration, index) as i64);
                if !step(head, index, from.wrapping_mul(self.unit), until.wrapping_mul(self.unit)) {
                    break;
                }
            }
            start = next;
        }
    }

    /// How many rows the heads before `head` have.
    fn rows_before(&self, head: usize) -> usize {
        if self.width(C::Run) == 0 {
            head.saturating_mul(self.run(0))
        } else {
            (0..head).fold(0, |rows, head| rows.saturating_add(self.run(head)))
        }
    }

    /// How many rows a head has.
    #[inline]
    fn run(&self, head: usize) -> usize {
        usize::try_from(self.get(C::Run, head)).unwrap_or(ROWS).saturating_add(1)
    }

    /// The row at `index`, of that head.
    fn row(&self, head: usize, index: usize, begins: i64, ends: i64) -> Row {
        let (net, low) = self.place(head);
        Row {
            net,
            far: u128::from(self.get(C::FarHigh, index)) << 64 | u128::from(self.get(C::FarLow, index)),
            from_earliest: begins.wrapping_sub(self.get(C::FromSlack, index) as i64),
            from_latest: begins,
            until_earliest: ends,
            until_latest: ends.wrapping_add(self.get(C::UntilSlack, index) as i64),
            record: self.get(C::Record, index),
            corrected: self.get(C::Corrected, index) as i64,
            thread: self.get(C::Thread, index),
            holder: self.get(C::Holder, index) as u32,
            origin: self.get(C::Origin, index) as u32,
            far_tag: self.get(C::FarTag, index) as u32,
            inside: self.get(C::Inside, index) as u32,
            shape: self.shape,
            low,
            high: low.wrapping_add(self.get(C::Extent, index) as u16),
            thread_rule: ThreadRule::from_code(self.get(C::ThreadRule, index)).unwrap_or_default(),
        }
    }

    /// The first head whose network and lowest port are not below `place`.
    fn first_not_below(&self, place: (u128, u16)) -> usize {
        let (mut low, mut high) = (0, self.heads);
        while low < high {
            let middle = low.midpoint(high);
            if self.place(middle) < place {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Network and lowest port of a head.
    #[inline]
    fn place(&self, head: usize) -> (u128, u16) {
        let net = u128::from(self.get(C::NetHigh, head)) << 64 | u128::from(self.get(C::NetLow, head));
        (net, self.get(C::Port, head) as u16)
    }

    fn width(&self, column: C) -> u8 {
        self.columns.get(column as usize).map_or(0, |c| c.width)
    }

    #[inline]
    fn get(&self, column: C, index: usize) -> u64 {
        self.columns.get(column as usize).map_or(0, |c| c.get(self.bytes, index))
    }
}
