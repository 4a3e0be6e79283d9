//! Flows of files on their way into the store, under the standing permit for recording (JP-030).
//!
//! A file is announced by its digest, and refused when it was taken in before. One that broke off is gone on with behind
//! the flows that were kept of it.

use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::Flows as Batch;
use tadoru_store::flows::{FileDigest, FileEnd, FlowsError};

use crate::ask::Work;
use crate::import::Reading;
use crate::{Desk, DeskError, Stores};

/// Flows of a file on their way into the store.
pub(crate) struct FlowIntake<'d, S: Stores> {
    desk: &'d Desk<S>,
    permit: Permit<Store>,
    file: FileDigest,
    kept_before: u64,
    /// Flows of those that have not come by yet.
    behind: u64,
    /// Flows taken in.
    kept: u64,
    is_open: bool,
}

/// How a file that was read to its end came out.
pub(crate) enum Ended {
    /// It is the one that was announced.
    AsAnnounced,
    /// It is another one.
    Changed {
        /// Flows of it that are kept.
        kept: u64,
    },
}

impl<S: Stores> Desk<S> {
    /// Begins to take flows of a file in.
    pub(crate) fn flow_intake<'d, 'i>(
        &'d self,
        intake: &'i mut Option<FlowIntake<'d, S>>,
        reading: &Reading,
    ) -> Result<&'i mut FlowIntake<'d, S>, DeskError> {
        if intake.is_none() {
            let file = reading.sha256.clone().ok_or(DeskError::NotAnnounced)?;
            let permit = self.standing(Work::Flows)?;
            let kept_before = self.stores().flows().begin_file(&permit, &file, reading.again)?;
            let behind = kept_before;
            *intake =
                Some(FlowIntake { desk: self, permit, file, kept_before, behind, kept: 0, is_open: true });
        }
        intake.as_mut().ok_or(DeskError::NotAnnounced)
    }
}

impl<S: Stores> FlowIntake<'_, S> {
    /// Flows of the file that were kept before.
    pub(crate) const fn kept_before(&self) -> u64 {
        self.kept_before
    }

    /// Takes a batch in, with the autonomous systems that the exporters did not tell; how many flows of it were not kept
    /// before.
    pub(crate) fn take(&mut self, batch: Batch) -> Result<u64, DeskError> {
        let rows = batch.rows() as u64;
        let known = self.behind.min(rows);
        self.behind -= known;
        if known == rows {
            return Ok(0);
        }
        let mut batch = if known == 0 { batch } else { behind(&batch, known as usize) };
        self.desk.network().enrich(&mut batch);
        self.desk.stores().flows().keep_of(&self.permit, &self.file, &batch)?;
        self.kept += rows - known;
        Ok(rows - known)
    }

    /// Makes everything durable; `read` is the digest of what was read.
    pub(crate) fn finish(mut self, read: &str) -> Result<Ended, DeskError> {
        let read = FileDigest::parse(read).ok_or(DeskError::NotAnnounced)?;
        let is_announced = read == self.file;
        self.end(&FileEnd::Whole(read))?;
        let kept = self.kept_before + self.kept;
        Ok(if is_announced { Ended::AsAnnounced } else { Ended::Changed { kept } })
    }

    /// Makes durable what was taken in of a file that broke off; how many of its flows that are.
    pub(crate) fn break_off(mut self) -> Result<u64, DeskError> {
        self.end(&FileEnd::BrokenOff)?;
        Ok(self.kept_before + self.kept)
    }

    fn end(&mut self, end: &FileEnd) -> Result<(), FlowsError> {
        self.is_open = false;
        self.desk.stores().flows().end_file(&self.permit, &self.file, end)
    }
}

impl<S: Stores> Drop for FlowIntake<'_, S> {
    fn drop(&mut self) {
        if self.is_open {
            // Whoever takes the file in once more is told what was kept.
            let _ = self.end(&FileEnd::BrokenOff);
        }
    }
}

/// The flows behind the first `known` of a batch.
fn behind(batch: &Batch, known: usize) -> Batch {
    let mut rest = Batch::with_capacity(batch.rows().saturating_sub(known));
    (known..batch.rows()).filter_map(|row| batch.get(row)).for_each(|flow| rest.push(flow));
    rest
}
