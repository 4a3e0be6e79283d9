//! Recorded flows in a folder: plain Parquet by hour of arrival, which DuckDB, ClickHouse and others read as it lies.
//!
//! What comes in: batches under `Permit<Store>`, which are answerable at once and written as files a few minutes at a
//! time. What goes out: sealed rows, rankings and figures, by a search of its own. A file is in the folder whole and
//! durable or not at all, and one small file says up to which of them a flush was finished: a kill at any step neither
//! loses what [`Flows::mark`] told nor doubles a row. Files that are torn or not of this layout are told and left alone.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tadoru_gate::permit::{Learn, Preserve, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::{Flows as Batch, Prefix, Span, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::SpoolMark;
use tadoru_store::flows::memory::end_of_hour;
use tadoru_store::flows::sql::{Bounds, Statement, Table};
use tadoru_store::flows::taken::{Known, TakenFiles};
use tadoru_store::flows::tally::{Rates, Steps, Tally};
use tadoru_store::flows::{
    Again, Bucket, Dropped, FileDigest, FileEnd, Flows, FlowsError, Found, Ground, Key, Measure, Question,
    Ranked, Rate, State, Sums, sealed_flows,
};

use crate::folder::Folder;

use compile::Program;
use file::{FlowFile, Inside};
use partitions::{Partitions, Stored, UpTo};

mod ask;
mod columns;
mod compile;
mod copy;
mod decode;
mod encode;
mod export;
mod file;
mod page;
mod partitions;
mod replay;
mod scan;
mod sql;

pub use copy::CopyStore;
pub use export::export;

/// How a store of flows is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The operator's own networks: flows are sorted by the address in them.
    pub inside: Vec<Prefix>,
    /// Flows in memory before they become a file: about 200 bytes each, twice so many while one is being written.
    pub slice_rows: usize,
    /// The longest that flows are in memory only, microseconds of arrival.
    pub slice_us: i64,
    /// So long after the end of an hour of arrival its files are joined into one, microseconds of arrival.
    pub join_us: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { inside: Vec::new(), slice_rows: 1 << 20, slice_us: 300_000_000, join_us: 600_000_000 }
    }
}

/// What was found when a store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Files of something that did not finish; they were removed.
    pub leftovers: Vec<String>,
    /// Files that are torn or not of this layout; they are left alone and not searched.
    pub foreign: Vec<String>,
}

/// Flows in a folder.
pub struct FlowStore {
    inside: Inside,
    settings: Settings,
    /// Taken by whoever changes files.
    upkeep: Mutex<Partitions>,
    fresh: RwLock<Fresh>,
    /// Up to which flush a copy has followed: files of later ones are not joined with any. [`NOBODY`] where none follows.
    copied: AtomicU64,
}

/// What questions see besides files, and which files they see.
#[derive(Default)]
struct Fresh {
    rows: Batch,
    /// How many of the rows are committed, and up to which mark.
    committed: usize,
    committed_mark: SpoolMark,
    /// When the oldest of them arrived.
    since: Option<i64>,
    /// Rows that are being written, and the mark that will be durable with them.
    frozen: Option<(Arc<Batch>, SpoolMark)>,
    durable: SpoolMark,
    /// Rows of imported files, which no mark speaks of.
    brought: Batch,
    /// Those that are being written, and what will be known of their files with them.
    brought_frozen: Option<(Arc<Batch>, Known)>,
    taken: TakenFiles,
    files: Vec<Stored>,
}

impl Fresh {
    /// The batches that are in memory.
    fn in_memory(&self) -> impl Iterator<Item = &Batch> {
        let frozen = self.frozen.iter().map(|(rows, _)| &**rows);
        let brought = self.brought_frozen.iter().map(|(rows, _)| &**rows);
        frozen.chain(brought).chain([&self.rows, &self.brought])
    }

    /// The rows of imported files, set aside to be written, when there is anything that is not durable.
    fn freeze_brought(&mut self, durable: &Known) -> Option<(Arc<Batch>, Known)> {
        if self.brought_frozen.is_none() && (self.brought.rows() > 0 || self.taken.known() != durable) {
            let rows = Arc::new(std::mem::take(&mut self.brought));
            self.brought_frozen = Some((rows, self.taken.known().clone()));
        }
        self.brought_frozen.clone()
    }

    fn frozen_rows(&self) -> usize {
        self.frozen.as_ref().map_or(0, |(rows, _)| rows.rows())
    }

    /// The committed rows, set aside to be written; those that the disk refused before come first.
    fn freeze(&mut self) -> Option<(Arc<Batch>, SpoolMark)> {
        if self.frozen.is_none() {
            if self.committed == 0 && self.committed_mark == self.durable {
                return None;
            }
            let rows = if self.committed == self.rows.rows() {
                std::mem::take(&mut self.rows)
            } else {
                let mut split = [Batch::with_capacity(self.committed), Batch::default()];
                for (row, flow) in (0..self.rows.rows()).filter_map(|row| Some((row, self.rows.get(row)?))) {
                    let [committed, rest] = &mut split;
                    if row < self.committed { committed.push(flow) } else { rest.push(flow) }
                }
                let [committed, rest] = split;
                self.rows = rest;
                committed
            };
            self.committed = 0;
            self.since = self.rows.received_us.iter().copied().min();
            self.frozen = Some((Arc::new(rows), self.committed_mark));
        }
        self.frozen.clone()
    }
}

impl FlowStore {
    /// Opens the store in `folder`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(folder: &Folder, settings: Settings) -> Result<(Self, Opened), StoreError> {
        let (partitions, files, opened) = Partitions::open(folder, partitions::FOLDER)?;
        let durable = partitions.mark();
        let taken = TakenFiles::of(partitions.taken().clone());
        let fresh = Fresh { durable, committed_mark: durable, taken, files, ..Fresh::default() };
        let store = Self {
            inside: Inside::of(&settings.inside),
            settings,
            upkeep: Mutex::new(partitions),
            fresh: RwLock::new(fresh),
            copied: AtomicU64::new(NOBODY),
        };
        Ok((store, opened))
    }

    /// The hours of arrival that there are files of, counted from 1970 UTC.
    pub(crate) fn hours(&self) -> Vec<i64> {
        let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
        fresh.files.iter().map(|file| file.hour).collect()
    }

    /// The files of the flushes behind one, and the last flush that was finished.
    fn flushed_after(&self, flush: u64) -> (Vec<Stored>, u64) {
        // Whoever flushes holds it until the files can be seen.
        let last = self.upkeep().flush();
        let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
        let new = fresh.files.iter().filter(|file| flush < file.flushes().0 && file.flushes().1 <= last);
        (new.cloned().collect(), last)
    }

    /// From now on no flush is joined with an older one before a copy has followed; the last that was finished.
    fn begin_to_follow(&self) -> u64 {
        let last = self.upkeep();
        self.copied.store(last.flush(), Ordering::Release);
        last.flush()
    }

    /// A copy has followed up to a flush; [`NOBODY`]: it follows no more.
    fn followed(&self, flush: u64) {
        self.copied.store(flush, Ordering::Release);
    }

    /// Joins the files of hours that ended by `now` into one each; tells how many hours there were. A commit that writes
    /// does it by itself for hours that are [`Settings::join_us`] past. Questions see the old files or the new one.
    ///
    /// # Errors
    /// When the disk refuses; then the files stand as they were.
    pub fn compact(&self, _permit: &Permit<Store>, now: UtcMicros) -> Result<usize, FlowsError> {
        let partitions = self.upkeep();
        let mut joined = 0;
        loop {
            let files = self.fresh.read().unwrap_or_else(PoisonError::into_inner).files.clone();
            let copied = self.copied.load(Ordering::Acquire);
            let Some(due) = partitions::due(&files, now, copied) else { return Ok(joined) };
            let new = partitions.join(&due, &self.inside, self.settings.slice_rows)?;
            let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
            fresh.files.retain(|file| !due.iter().any(|old| old.name == file.name));
            fresh.files.push(new);
            drop(fresh);
            partitions.remove(&due)?;
            joined += 1;
        }
    }

    fn upkeep(&self) -> MutexGuard<'_, Partitions> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is committed.
    fn write(&self) -> Result<(), FlowsError> {
        let mut partitions = self.upkeep();
        let frozen = self.fresh.write().unwrap_or_else(PoisonError::into_inner).freeze();
        let Some((rows, mark)) = frozen else { return Ok(()) };
        let new = partitions.write(&rows, UpTo::Mark(mark), &self.inside)?;
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        fresh.frozen = None;
        fresh.durable = mark;
        fresh.files.extend(new);
        Ok(())
    }

    /// Writes the rows of imported files, and what is known of these files with them.
    fn write_brought(&self) -> Result<(), FlowsError> {
        let mut partitions = self.upkeep();
        loop {
            let frozen =
                self.fresh.write().unwrap_or_else(PoisonError::into_inner).freeze_brought(partitions.taken());
            let Some((rows, taken)) = frozen else { return Ok(()) };
            let new = partitions.write(&rows, UpTo::Files(taken), &self.inside)?;
            let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
            fresh.brought_frozen = None;
            fresh.files.extend(new);
        }
    }

    /// Runs a question over the rows in memory and over all files.
    fn ask(
        &self,
        question: &Question,
        mut of_memory: impl FnMut(&Batch, &[u32]),
        mut of_file: impl FnMut(&FlowFile, &Program) -> Result<bool, parquet::errors::ParquetError>,
    ) -> Result<(), FlowsError> {
        let filter = question.whole();
        let files = {
            let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
            for batch in fresh.in_memory() {
                let mut rows = Vec::new();
                filter.select(batch, 0..batch.rows(), &mut rows);
                of_memory(batch, &rows);
            }
            fresh.files.clone()
        };
        let program = Program::of(&filter);
        for stored in &files {
            if stored.verdict(&program) == compile::Verdict::No {
                continue;
            }
            let damaged = || StoreError::Damaged { file: stored.name.clone(), what: "it cannot be searched" };
            let file = stored.reopen()?;
            if !of_file(&file, &program).map_err(|_| damaged())? {
                break;
            }
        }
        Ok(())
    }

    /// The flows that a question finds, at most `most` of them.
    fn found(&self, question: &Question, most: usize) -> Result<Found, FlowsError> {
        let enough = most.saturating_add(1);
        let found = Mutex::new(Batch::default());
        let found_mut = || found.lock().unwrap_or_else(PoisonError::into_inner);
        self.ask(
            question,
            |flows, rows| {
                let some = rows.iter().take(enough).filter_map(|row| flows.get(*row as usize));
                some.for_each(|flow| found_mut().push(flow));
            },
            |file, program| {
                let mut found = found_mut();
                ask::find(file, program, enough, &mut found)?;
                Ok(found.rows() < enough)
            },
        )?;
        let all = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        if all.rows() <= most {
            return Ok(Found { flows: all, cut: false });
        }
        let mut flows = Batch::with_capacity(most);
        (0..most).filter_map(|row| all.get(row)).for_each(|flow| flows.push(flow));
        Ok(Found { flows, cut: true })
    }
}

impl Flows for FlowStore {
    fn keep(&self, _permit: &Permit<Store>, batch: &Batch) -> Result<(), FlowsError> {
        if !batch.is_even() {
            return Err(FlowsError::Uneven);
        }
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        if fresh.frozen_rows() + fresh.rows.rows() + batch.rows()
            > self.settings.slice_rows.saturating_mul(MOST_SLICES)
            && fresh.frozen_rows() + fresh.rows.rows() > 0
        {
            return Err(StoreError::Full { file: partitions::FOLDER.to_owned() }.into());
        }
        fresh.since = fresh.since.into_iter().chain(batch.received_us.iter().copied()).min();
        fresh.rows.append(&mut batch.clone());
        Ok(())
    }

    fn commit(&self, permit: &Permit<Store>, mark: SpoolMark) -> Result<(), FlowsError> {
        let (is_due, latest) = {
            let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
            fresh.committed = fresh.rows.rows();
            fresh.committed_mark = mark;
            let latest = fresh.rows.received_us.iter().copied().max();
            let is_old =
                |since: i64| latest.is_some_and(|l| l.saturating_sub(since) >= self.settings.slice_us);
            (fresh.committed >= self.settings.slice_rows || fresh.since.is_some_and(is_old), latest)
        };
        if is_due {
            self.flush(permit)?;
            if let Some(latest) = latest {
                self.compact(permit, UtcMicros(latest.saturating_sub(self.settings.join_us)))?;
            }
        }
        Ok(())
    }

    fn flush(&self, _permit: &Permit<Store>) -> Result<(), FlowsError> {
        self.write()?;
        self.write_brought()
    }

    fn begin_file(
        &self,
        _permit: &Permit<Store>,
        file: &FileDigest,
        again: Again,
    ) -> Result<u64, FlowsError> {
        self.fresh.write().unwrap_or_else(PoisonError::into_inner).taken.begin(file, again)
    }

    fn keep_of(&self, _permit: &Permit<Store>, file: &FileDigest, batch: &Batch) -> Result<(), FlowsError> {
        if !batch.is_even() {
            return Err(FlowsError::Uneven);
        }
        let rows = self.fresh.read().unwrap_or_else(PoisonError::into_inner).brought.rows();
        if rows >= self.settings.slice_rows {
            self.write_brought()?;
        }
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        fresh.brought.append(&mut batch.clone());
        fresh.taken.note(file, batch);
        Ok(())
    }

    fn end_file(&self, permit: &Permit<Store>, file: &FileDigest, end: &FileEnd) -> Result<(), FlowsError> {
        let known = {
            let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
            let known = fresh.taken.known().get(file).copied().unwrap_or_default();
            fresh.taken.end(file, end);
            known
        };
        self.write_brought()?;
        // A file of several slices left several files an hour.
        if known.flows > self.settings.slice_rows as u64
            && let Some((_, last)) = known.hours
        {
            self.compact(permit, end_of_hour(last.saturating_sub(1)).plus(-self.settings.join_us))?;
        }
        Ok(())
    }

    fn mark(&self) -> SpoolMark {
        self.fresh.read().unwrap_or_else(PoisonError::into_inner).durable
    }

    fn find(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        most: usize,
    ) -> Result<Sealed<Found>, FlowsError> {
        Ok(sealed_flows(permit, self.found(question, most)?))
    }

    fn top(
        &self,
        ground: Ground<'_>,
        question: &Question,
        key: Key,
        by: Measure,
        most: usize,
    ) -> Result<Sealed<Vec<Ranked>>, FlowsError> {
        ground.check(question, Some(key))?;
        let tally = std::cell::RefCell::new(Tally::default());
        self.ask(
            question,
            |flows, rows| tally.borrow_mut().add_rows(key, flows, rows),
            |file, program| ask::top(file, program, key, &mut tally.borrow_mut()).map(|()| true),
        )?;
        Ok(ground.seal(tally.into_inner().ranking(key, by, most)))
    }

    fn series(
        &self,
        ground: Ground<'_>,
        question: &Question,
        step_us: u64,
    ) -> Result<Sealed<Vec<Bucket>>, FlowsError> {
        ground.check(question, None)?;
        let steps = std::cell::RefCell::new(Steps::of(step_us));
        self.ask(
            question,
            |flows, rows| steps.borrow_mut().add_rows(flows, rows),
            |file, program| ask::series(file, program, &mut steps.borrow_mut()).map(|()| true),
        )?;
        Ok(ground.seal(steps.into_inner().series()))
    }

    fn totals(&self, ground: Ground<'_>, question: &Question) -> Result<Sealed<Sums>, FlowsError> {
        ground.check(question, None)?;
        let sums = std::cell::RefCell::new(Sums::default());
        self.ask(
            question,
            |flows, rows| rows.iter().for_each(|row| sums.borrow_mut().add(&Sums::of(flows, *row as usize))),
            |file, program| ask::totals(file, program, &mut sums.borrow_mut()).map(|()| true),
        )?;
        Ok(ground.seal(sums.into_inner()))
    }

    fn rates(&self, ground: Ground<'_>, question: &Question) -> Result<Sealed<Vec<Rate>>, FlowsError> {
        ground.check(question, None)?;
        let rates = std::cell::RefCell::new(Rates::default());
        self.ask(
            question,
            |flows, rows| rates.borrow_mut().add_rows(flows, rows),
            |file, program| ask::rates(file, program, &mut rates.borrow_mut()).map(|()| true),
        )?;
        Ok(ground.seal(rates.into_inner().list()))
    }

    fn sql(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        statement: &Statement,
        bounds: Bounds,
    ) -> Result<Sealed<Table>, FlowsError> {
        Ok(sealed_flows(permit, self.run(permit, question, statement, bounds)?))
    }

    fn replay(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        visit: &mut dyn FnMut(Sealed<Batch>) -> ControlFlow<()>,
    ) -> Result<(), FlowsError> {
        self.again(permit, question, &mut |batch| visit(sealed_flows(permit, batch)))
    }

    fn delete_before(&self, _permit: &Permit<Store>, before: UtcMicros) -> Result<Dropped, FlowsError> {
        let mut partitions = self.upkeep();
        let files = self.fresh.read().unwrap_or_else(PoisonError::into_inner).files.clone();
        let (gone, dropped) = partitions.outlived(&files, before);
        // Questions that are under way have their files open or are told that one is gone: never half of it.
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        fresh.files.retain(|file| !gone.iter().any(|old| old.name == file.name));
        drop(fresh);
        partitions.remove(&gone)?;
        // Which files were imported is forgotten after their flows: a kill in between leaves it to the next run.
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        let Fresh { taken, files, .. } = &mut *fresh;
        let has_flows = |(first, last)| files.iter().any(|file| first <= file.hour && file.hour <= last);
        let forgotten = taken.forget(partitions.taken(), before, has_flows);
        drop(fresh);
        if !forgotten.is_empty() {
            let mut taken = partitions.taken().clone();
            taken.retain(|file, _| !forgotten.contains(file));
            partitions.know(taken)?;
        }
        Ok(dropped)
    }

    fn hold(&self, _permit: &Permit<Preserve>, hold: &str, spans: &[Span]) -> Result<(), FlowsError> {
        Ok(self.upkeep().hold(hold, spans)?)
    }

    fn release(&self, _permit: &Permit<Preserve>, hold: &str) -> Result<(), FlowsError> {
        Ok(self.upkeep().release(hold)?)
    }

    fn state(&self) -> State {
        let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
        let in_memory = fresh.in_memory().map(|batch| batch.rows() as u64).sum();
        let of_files: u64 = fresh.files.iter().map(|file| file.rows).sum();
        let mut hours: Vec<i64> = fresh.files.iter().map(|file| file.hour).collect();
        hours.sort_unstable();
        hours.dedup();
        State {
            flows: of_files + in_memory,
            in_memory,
            bytes: fresh.files.iter().map(|file| file.bytes).sum(),
            files: fresh.files.len() as u64,
            partitions: hours.len() as u64,
        }
    }
}

/// No copy follows: the flushes of all files are behind it.
const NOBODY: u64 = u64::MAX;
/// So many slices are taken in while the disk refuses.
const MOST_SLICES: usize = 3;
