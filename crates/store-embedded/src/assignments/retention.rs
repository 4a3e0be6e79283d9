//! Deleting what is past its retention, but for what a hold names.
//!
//! What comes in: a kind of record and an instant. What goes out: how many rows are gone. Whole segments are removed,
//! partial ones rewritten; the removal is durable when it returns.

use std::sync::Arc;

use tadoru_model::{RecordKind, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::{Deleted, Holding, SpoolMark};

use crate::folder::codec::Codec;
use crate::segment::Segment;
use crate::segment::row::Row;

use super::classes::month_of;
use super::{Inner, flush, locked};

impl Inner {
    /// Deletes rows of `kind` that ended by `before`.
    pub(super) fn delete_before(
        self: &Arc<Self>,
        codec: &Codec,
        kind: RecordKind,
        before: UtcMicros,
    ) -> Result<Deleted, StoreError> {
        let _alone = locked(&self.upkeep);
        let mut writer = locked(&self.writer);
        let mark = SpoolMark(self.mark.load(std::sync::atomic::Ordering::Acquire));
        self.checkpoint(&mut writer, codec, mark, 0)?;
        let holds = locked(&self.holds).clone();
        let segments = self.state().segments.clone();
        let mut deleted = Deleted::default();
        for segment in segments {
            let tally = *segment.tally();
            if tally.of(kind) == 0 || segment.key().month > month_of(before.0) {
                continue;
            }
            let all = tally.of(kind) == tally.rows() && tally.max_until <= before.0;
            if all && !holds.questions().any(|question| segment.may_meet(question)) {
                deleted.rows += tally.rows();
                self.replace(&mut writer, codec, &[segment], None)?;
                continue;
            }
            let mut of_this = Deleted::default();
            let mut keep = |segment: &Segment, row: &Row| -> Result<bool, StoreError> {
                let of_kind = segment.origins().get(row.origin as usize).is_some_and(|o| o.kind == kind);
                if !of_kind || row.until_latest > before.0 {
                    return Ok(true);
                }
                let is_held = is_held(segment, row, holds.questions(), codec)?;
                *(if is_held { &mut of_this.held } else { &mut of_this.rows }) += 1;
                Ok(is_held)
            };
            let inputs = [segment];
            let key = match inputs.first() {
                Some(segment) => segment.key().clone(),
                None => continue,
            };
            let file = flush::merge(&self.folder, codec, &key, &inputs, &mut keep)?;
            if of_this.rows == 0 {
                if let Some(file) = file {
                    self.folder.remove(&file)?;
                }
            } else {
                self.replace(&mut writer, codec, &inputs, file)?;
            }
            deleted.rows += of_this.rows;
            deleted.held += of_this.held;
        }
        Ok(deleted)
    }

    /// Sets a hold; tells how many rows it keeps now.
    pub(super) fn hold(&self, hold: &str, questions: &[Holding]) -> Result<u64, StoreError> {
        let mut holds = locked(&self.holds);
        let mut next = holds.clone();
        next.set(hold, questions);
        next.write(&self.folder, &self.settings.classes)?;
        *holds = next;
        let codec = Arc::clone(holds.codec());
        drop(holds);
        self.count_fitting(&codec, questions)
    }

    /// How many rows fit any of the questions.
    fn count_fitting(&self, codec: &Codec, questions: &[Holding]) -> Result<u64, StoreError> {
        let mut count = 0;
        for (number, question) in questions.iter().enumerate() {
            let earlier = questions.get(..number).unwrap_or_default();
            let rows = self.every_row_of(codec, question)?;
            count += rows.iter().filter(|row| !earlier.iter().any(|q| q.fits(row))).count() as u64;
        }
        Ok(count)
    }

    /// Ends a hold.
    pub(super) fn release(&self, hold: &str) -> Result<(), StoreError> {
        let mut holds = locked(&self.holds);
        let mut next = holds.clone();
        next.end(hold);
        next.write(&self.folder, &self.settings.classes)?;
        *holds = next;
        Ok(())
    }
}

fn is_held<'a>(
    segment: &Segment,
    row: &Row,
    mut questions: impl Iterator<Item = &'a Holding>,
    codec: &Codec,
) -> Result<bool, StoreError> {
    let near = |question: &Holding| row.shape.net_of(question.addr) == Some(row.net);
    let Some(first) = questions.find(|question| near(question)) else { return Ok(false) };
    let assignment = segment.reader(codec).assignment(row)?;
    Ok(first.fits(&assignment) || questions.any(|question| question.fits(&assignment)))
}
