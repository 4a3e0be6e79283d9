//! The reference store of flows: batches in memory, searched from end to end.
//!
//! It is the plain definition of each question, against which other stores are tested, and keeps nothing on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tadoru_gate::permit::{Learn, Preserve, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::{Flows as Batch, Span, UtcMicros};

use super::replay::Arrivals;
use super::taken::{Again, FileDigest, FileEnd, TakenFiles};
use super::tally::{Bucket, Key, Measure, Ranked, Rate, Rates, Steps, Sums, Tally};
use super::{Dropped, Flows, FlowsError, Found, Ground, Question, State, sealed_flows};
use crate::assignments::SpoolMark;

/// Flows in memory.
#[derive(Default)]
pub struct MemoryFlows {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    all: Batch,
    /// The number of flows at the last commit.
    committed: usize,
    mark: SpoolMark,
    holds: BTreeMap<String, Vec<Span>>,
    taken: TakenFiles,
}

impl MemoryFlows {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn rows(&self, question: &Question) -> Vec<u32> {
        let mut rows = Vec::new();
        question.whole().select(&self.all, 0..self.all.rows(), &mut rows);
        rows
    }

    /// Whether a hold has a flow of that hour.
    fn is_held(&self, hour: i64) -> bool {
        let rows = 0..self.all.rows();
        let of_hour =
            rows.filter_map(|row| self.all.get(row)).filter(|flow| hour_of(flow.received_us) == hour);
        of_hour.into_iter().any(|flow| {
            let life =
                Span::new(UtcMicros(flow.first_us), UtcMicros(flow.last_us.max(flow.first_us)).plus(1));
            self.holds.values().flatten().any(|span| span.meets(life))
        })
    }
}

/// The number of the hour since 1970 UTC in which an instant lies.
pub const fn hour_of(us: i64) -> i64 {
    us.div_euclid(HOUR_US)
}

/// The first instant behind an hour.
pub const fn end_of_hour(hour: i64) -> UtcMicros {
    UtcMicros(hour.saturating_add(1).saturating_mul(HOUR_US))
}

impl Flows for MemoryFlows {
    fn keep(&self, _permit: &Permit<Store>, batch: &Batch) -> Result<(), FlowsError> {
        if !batch.is_even() {
            return Err(FlowsError::Uneven);
        }
        self.write().all.append(&mut batch.clone());
        Ok(())
    }

    fn commit(&self, _permit: &Permit<Store>, mark: SpoolMark) -> Result<(), FlowsError> {
        let mut inner = self.write();
        inner.mark = mark;
        inner.committed = inner.all.rows();
        Ok(())
    }

    fn flush(&self, _permit: &Permit<Store>) -> Result<(), FlowsError> {
        Ok(())
    }

    fn begin_file(
        &self,
        _permit: &Permit<Store>,
        file: &FileDigest,
        again: Again,
    ) -> Result<u64, FlowsError> {
        self.write().taken.begin(file, again)
    }

    fn keep_of(&self, _permit: &Permit<Store>, file: &FileDigest, batch: &Batch) -> Result<(), FlowsError> {
        if !batch.is_even() {
            return Err(FlowsError::Uneven);
        }
        let mut inner = self.write();
        if inner.committed == inner.all.rows() {
            inner.committed += batch.rows();
        }
        inner.all.append(&mut batch.clone());
        inner.taken.note(file, batch);
        Ok(())
    }

    fn end_file(&self, _permit: &Permit<Store>, file: &FileDigest, end: &FileEnd) -> Result<(), FlowsError> {
        self.write().taken.end(file, end);
        Ok(())
    }

    fn mark(&self) -> SpoolMark {
        self.read().mark
    }

    fn find(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        most: usize,
    ) -> Result<Sealed<Found>, FlowsError> {
        let inner = self.read();
        let rows = inner.rows(question);
        let mut found = Found { flows: Batch::default(), cut: rows.len() > most };
        let flows = rows.iter().take(most).filter_map(|row| inner.all.get(*row as usize));
        flows.for_each(|flow| found.flows.push(flow));
        Ok(sealed_flows(permit, found))
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
        let inner = self.read();
        let mut tally = Tally::default();
        tally.add_rows(key, &inner.all, &inner.rows(question));
        Ok(ground.seal(tally.ranking(key, by, most)))
    }

    fn series(
        &self,
        ground: Ground<'_>,
        question: &Question,
        step_us: u64,
    ) -> Result<Sealed<Vec<Bucket>>, FlowsError> {
        ground.check(question, None)?;
        let inner = self.read();
        let mut steps = Steps::of(step_us);
        steps.add_rows(&inner.all, &inner.rows(question));
        Ok(ground.seal(steps.series()))
    }

    fn totals(&self, ground: Ground<'_>, question: &Question) -> Result<Sealed<Sums>, FlowsError> {
        ground.check(question, None)?;
        let inner = self.read();
        let mut sums = Sums::default();
        inner.rows(question).iter().for_each(|row| sums.add(&Sums::of(&inner.all, *row as usize)));
        Ok(ground.seal(sums))
    }

    fn rates(&self, ground: Ground<'_>, question: &Question) -> Result<Sealed<Vec<Rate>>, FlowsError> {
        ground.check(question, None)?;
        let inner = self.read();
        let mut rates = Rates::default();
        rates.add_rows(&inner.all, &inner.rows(question));
        Ok(ground.seal(rates.list()))
    }

    fn replay(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        visit: &mut dyn FnMut(Sealed<Batch>) -> ControlFlow<()>,
    ) -> Result<(), FlowsError> {
        let mut arrivals = Arrivals::default();
        let inner = self.read();
        let mut found = Batch::default();
        let flows = inner.rows(question).into_iter().filter_map(|row| inner.all.get(row as usize));
        flows.for_each(|flow| found.push(flow));
        drop(inner);
        arrivals.put(found);
        let _ = arrivals.until(i64::MAX, &mut |batch| visit(sealed_flows(permit, batch)));
        Ok(())
    }

    fn delete_before(&self, _permit: &Permit<Store>, before: UtcMicros) -> Result<Dropped, FlowsError> {
        let mut inner = self.write();
        let (durable, mut dropped) = (inner.committed, Dropped::default());
        let hour = |inner: &Inner, row: usize| inner.all.received_us.get(row).map_or(0, |us| hour_of(*us));
        let due: BTreeSet<i64> =
            (0..durable).map(|row| hour(&inner, row)).filter(|hour| end_of_hour(*hour) <= before).collect();
        let (held, gone): (BTreeSet<i64>, BTreeSet<i64>) =
            due.into_iter().partition(|hour| inner.is_held(*hour));
        let mut left = Batch::default();
        for row in 0..inner.all.rows() {
            if row < durable && gone.contains(&hour(&inner, row)) {
                dropped.flows += 1;
            } else if let Some(flow) = inner.all.get(row) {
                left.push(flow);
            }
        }
        inner.committed -= dropped.flows as usize;
        inner.all = left;
        let hours: BTreeSet<i64> = (0..inner.all.rows()).map(|row| hour(&inner, row)).collect();
        let known = inner.taken.known().clone();
        inner.taken.forget(&known, before, |(first, last)| hours.range(first..=last).next().is_some());
        Ok(Dropped { partitions: gone.len() as u64, held: held.len() as u64, ..dropped })
    }

    fn hold(&self, _permit: &Permit<Preserve>, hold: &str, spans: &[Span]) -> Result<(), FlowsError> {
        self.write().holds.insert(hold.to_owned(), spans.to_vec());
        Ok(())
    }

    fn release(&self, _permit: &Permit<Preserve>, hold: &str) -> Result<(), FlowsError> {
        self.write().holds.remove(hold);
        Ok(())
    }

    fn state(&self) -> State {
        let inner = self.read();
        let hours: BTreeSet<i64> = inner.all.received_us.iter().map(|us| hour_of(*us)).collect();
        State {
            flows: inner.all.rows() as u64,
            in_memory: (inner.all.rows() - inner.committed) as u64,
            partitions: hours.len() as u64,
            ..State::default()
        }
    }
}

const HOUR_US: i64 = 3_600_000_000;
