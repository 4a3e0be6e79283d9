//! Deleting what is past its retention, but for what a hold names.
//!
//! What comes in: a kind of record and an instant. What goes out: how many rows are gone. Whole segments are removed,
//! those with a row past the line rewritten, all others not even opened; the removal is durable when it returns. It never
//! commits what is not durable yet, and rows are put and asked about while it works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tadoru_gate::keys::Month;
use tadoru_model::{RecordKind, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::{Deleted, Holding, SpoolMark};

use crate::folder::codec::{Codec, KeyName};
use crate::segment::Segment;
use crate::segment::row::{Row, kind_code};
use crate::segment::scan::Rows;

use super::holds::Holds;
use super::{Inner, flush, locked};

/// What earlier runs found in segments that hold nothing but held rows past the line, by segment and kind.
#[derive(Default)]
pub(super) struct Looks(BTreeMap<(String, u8), Look>);

/// What a segment has of one kind.
#[derive(Clone, Copy)]
struct Look {
    /// As of which change of the holds.
    holds: u64,
    /// As of which line.
    before: i64,
    /// Rows past the line that no hold names.
    due: u64,
    /// Rows past the line that a hold names.
    held: u64,
    /// When the first of the other rows ends.
    next: i64,
}

impl Inner {
    /// Deletes rows of `kind` that ended by `before`.
    pub(super) fn delete_before(
        self: &Arc<Self>,
        codec: &Codec,
        kind: RecordKind,
        before: UtcMicros,
    ) -> Result<Deleted, StoreError> {
        let mut looks = locked(&self.upkeep);
        self.unload(codec, kind, before)?;
        let segments = self.committed();
        looks.0.retain(|(name, _), _| segments.iter().any(|segment| segment.name() == name));
        let mut deleted = Deleted::default();
        for segment in segments.iter().filter(|segment| segment.tally().has_ended_by(kind, before.0)) {
            let of_this = self.delete_from(&mut looks, codec, segment, kind, before.0)?;
            deleted.rows += of_this.rows;
            deleted.held += of_this.held;
        }
        Ok(deleted)
    }

    /// Makes segments of the rows in memory when some of them are due: now when all of them are durable, else with the
    /// next commit.
    fn unload(
        self: &Arc<Self>,
        codec: &Codec,
        kind: RecordKind,
        before: UtcMicros,
    ) -> Result<(), StoreError> {
        let is_due = {
            let state = self.state();
            let mut all = std::iter::once(&state.fresh).chain(state.frozen.as_deref());
            all.any(|fresh| fresh.has_ended_by(kind, before.0))
        };
        if !is_due {
            return Ok(());
        }
        let mut writer = locked(&self.writer);
        if !self.is_all_durable(&writer) {
            writer.is_unload_due = true;
            return Ok(());
        }
        let mark = SpoolMark(self.mark.load(std::sync::atomic::Ordering::Acquire));
        self.checkpoint(&mut writer, codec, mark, 0)
    }

    /// Deletes what is due from one segment.
    fn delete_from(
        &self,
        looks: &mut Looks,
        codec: &Codec,
        segment: &Arc<Segment>,
        kind: RecordKind,
        before: i64,
    ) -> Result<Deleted, StoreError> {
        let (tally, inputs) = (*segment.tally(), [Arc::clone(segment)]);
        let place = (segment.name().to_owned(), kind_code(kind));
        loop {
            let holds = locked(&self.holds).clone();
            let all = tally.of(kind) == tally.rows() && tally.max_until <= before;
            if all && !holds.questions().any(|question| segment.may_meet(question.span)) {
                locked(&self.lines).note(&self.folder, kind, before)?;
                if self.replace_unless_held(&holds, codec, &inputs, None)? {
                    return Ok(Deleted { rows: tally.rows(), held: 0 });
                }
                continue;
            }
            // Without holds there is something to delete for sure.
            if holds.questions().next().is_some() {
                let known = looks.0.get(&place).filter(|look| look.stands(holds.changes(), before)).copied();
                let look = match known {
                    Some(look) => look,
                    None => look(segment, codec, &holds, kind, before)?,
                };
                looks.0.insert(place.clone(), look);
                if look.due == 0 {
                    return Ok(Deleted { rows: 0, held: look.held });
                }
            }
            let mut deleted = Deleted::default();
            let mut keep = |segment: &Segment, row: &Row| -> Result<bool, StoreError> {
                if !is_of(segment, row, kind) || row.until_latest > before {
                    return Ok(true);
                }
                let is_held = is_held(segment, row, holds.questions(), codec)?;
                *(if is_held { &mut deleted.held } else { &mut deleted.rows }) += 1;
                Ok(is_held)
            };
            let file = flush::merge(&self.folder, codec, segment.key(), &inputs, &mut keep)?;
            locked(&self.lines).note(&self.folder, kind, before)?;
            if self.replace_unless_held(&holds, codec, &inputs, file)? {
                return Ok(deleted);
            }
        }
    }

    /// Puts `file` in the place of `old`; when the holds were changed meanwhile it is removed instead, and `false`.
    fn replace_unless_held(
        &self,
        holds: &Holds,
        codec: &Codec,
        old: &[Arc<Segment>],
        file: Option<String>,
    ) -> Result<bool, StoreError> {
        let mut writer = locked(&self.writer);
        let now = locked(&self.holds);
        if now.changes() == holds.changes() {
            self.replace(&mut writer, codec, old, file)?;
            return Ok(true);
        }
        if let Some(file) = file {
            self.folder.remove(&file)?;
        }
        Ok(false)
    }

    /// Sets a hold; tells how many rows it keeps now.
    pub(super) fn hold(&self, codec: &Codec, hold: &str, questions: &[Holding]) -> Result<u64, StoreError> {
        let mut holds = locked(&self.holds);
        let mut next = holds.clone();
        next.set(hold, questions);
        next.write(&self.folder, codec, &self.settings.classes)?;
        *holds = next;
        drop(holds);
        self.count_fitting(codec, questions)
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
    pub(super) fn release(&self, codec: &Codec, hold: &str) -> Result<(), StoreError> {
        let mut holds = locked(&self.holds);
        let mut next = holds.clone();
        next.end(hold);
        next.write(&self.folder, codec, &self.settings.classes)?;
        *holds = next;
        Ok(())
    }

    /// The classes and months whose keys the rows need: those of segments, and those in memory, which are in the log.
    pub(super) fn keys_in_use(&self) -> BTreeSet<(String, Month)> {
        let state = self.state();
        let in_memory = std::iter::once(&state.fresh).chain(state.frozen.as_deref());
        let in_memory: BTreeSet<KeyName> = in_memory
            .flat_map(|fresh| fresh.since(0))
            .map(|row| self.settings.classes.key_of(&row))
            .collect();
        let all = state.segments.iter().map(|segment| segment.key()).chain(&in_memory);
        all.filter_map(KeyName::in_vault).collect()
    }
}

impl Look {
    /// Whether nothing can have changed for the line `before`.
    const fn stands(&self, holds: u64, before: i64) -> bool {
        self.holds == holds && self.before <= before && before < self.next
    }
}

/// Reads what a segment has of `kind`.
fn look(
    segment: &Arc<Segment>,
    codec: &Codec,
    holds: &Holds,
    kind: RecordKind,
    before: i64,
) -> Result<Look, StoreError> {
    let mut look = Look { holds: holds.changes(), before, due: 0, held: 0, next: i64::MAX };
    let mut rows = Rows::of(segment, codec)?;
    while let Some(row) = rows.take()? {
        if !is_of(segment, &row, kind) {
            continue;
        }
        if row.until_latest > before {
            look.next = look.next.min(row.until_latest);
        } else if is_held(segment, &row, holds.questions(), codec)? {
            look.held += 1;
        } else {
            look.due += 1;
        }
    }
    Ok(look)
}

fn is_of(segment: &Segment, row: &Row, kind: RecordKind) -> bool {
    segment.origins().get(row.origin as usize).is_some_and(|origin| origin.kind == kind)
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
