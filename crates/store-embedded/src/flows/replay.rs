//! Stored flows again in the order of their arrival, for rehearsals.
//!
//! Within a file flows lie by address, row group by row group; each row group is of one slice of time. So row groups are
//! read in the order of their first arrival, and what lies before the next one's is handed out: memory holds the slices
//! that overlap, never an hour.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use tadoru_gate::Permit;
use tadoru_gate::permit::Learn;
use tadoru_model::Flows as Batch;
use tadoru_store::StoreError;
use tadoru_store::flows::replay::Arrivals;
use tadoru_store::flows::{FlowsError, Question};

use super::FlowStore;
use super::columns::Column;
use super::compile::{Program, Verdict};
use super::file::FlowFile;
use super::partitions::Stored;
use super::scan::{Group, bounds_of};

impl FlowStore {
    /// Tells what a question finds second by second of arrival, until `visit` breaks.
    pub(super) fn again(
        &self,
        _permit: &Permit<Learn>,
        question: &Question,
        visit: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<(), FlowsError> {
        let filter = question.whole();
        let program = Program::of(&filter);
        let mut arrivals = Arrivals::default();
        let files = {
            let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
            for batch in fresh.in_memory() {
                let (mut rows, mut found) = (Vec::new(), Batch::default());
                filter.select(batch, 0..batch.rows(), &mut rows);
                let flows = rows.into_iter().filter_map(|row| batch.get(row as usize));
                flows.for_each(|flow| found.push(flow));
                arrivals.put(found);
            }
            fresh.files.clone()
        };
        let due: Vec<&Stored> = files.iter().filter(|file| file.verdict(&program) != Verdict::No).collect();

        let mut groups = Vec::new();
        for (place, stored) in due.iter().enumerate() {
            let file = stored.reopen()?;
            let metas = file.groups().iter().enumerate();
            groups.extend(metas.map(|(number, meta)| (first_arrival(meta), place, number)));
        }
        groups.sort_unstable();

        let mut open: Option<(usize, Arc<FlowFile>)> = None;
        for (first, place, number) in groups {
            if arrivals.until(first, visit).is_break() {
                return Ok(());
            }
            let Some(stored) = due.get(place) else { continue };
            let file = match open.take() {
                Some((of, file)) if of == place => file,
                _ => stored.reopen()?,
            };
            let damaged =
                || StoreError::Damaged { file: stored.name.clone(), what: "it cannot be read again" };
            arrivals.put(group(&file, number, &program).map_err(|_| damaged())?);
            open = Some((place, file));
        }
        let _ = arrivals.until(i64::MAX, visit);
        Ok(())
    }
}

/// The flows of a row group that match.
fn group(file: &FlowFile, number: usize, program: &Program) -> Result<Batch, ParquetError> {
    let mut found = Batch::default();
    if let Some(meta) = file.groups().get(number) {
        Group::of(file, number, meta).blocks(program, |group, block| {
            group.take(block, &mut found)?;
            Ok(true)
        })?;
    }
    Ok(found)
}

/// The earliest that a flow of a row group can have arrived: the least last packet with the least delay after it.
fn first_arrival(meta: &RowGroupMetaData) -> i64 {
    let least = |column: Column| {
        let chunk = meta.columns().get(column as usize)?;
        bounds_of(column.kind(), chunk).map(|(least, _)| least as u64 as i64)
    };
    least(Column::Last).zip(least(Column::Delay)).map_or(i64::MIN, |(last, delay)| last.saturating_add(delay))
}
