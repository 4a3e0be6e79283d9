//! How long records are kept, and their deletion at the end of it: a duty, and itself journaled (JP-062).
//!
//! What comes in: the periods of the pack in force. What goes out: rows, flows, received exports, and then the keys of the
//! months of which nothing is left, with the tokens that were made under them. It never destroys a key that a record on the
//! disk still needs; what a hold keeps is one.

use std::sync::PoisonError;

use tadoru_gate::GateError;
use tadoru_gate::journal::Event;
use tadoru_gate::keys::Month;
use tadoru_gate::pack::Keep;
use tadoru_model::{Assignment, RecordKind, UtcMicros};
use tadoru_store::incidents::KEYS as INCIDENT_KEYS;

use crate::ask::Work;
use crate::{Desk, DeskError, Stores};

/// Retention periods of the pack in force, by kind of record, microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Periods {
    assignments: i64,
    destinations: i64,
    venues: i64,
    incidents: i64,
    flows: i64,
    copied: i64,
}

impl Periods {
    /// How long records of a kind are kept after their end; `i64::MAX` for without end.
    pub const fn of(self, kind: RecordKind) -> i64 {
        match kind {
            // Static tables and gateways' rules are kept while they are in force: such a row has not ended.
            RecordKind::Session
            | RecordKind::Lease
            | RecordKind::NatBlock
            | RecordKind::NatBinding
            | RecordKind::Rule
            | RecordKind::Static => self.assignments,
            // Single connections tell the far side as a rule: the shorter period is the one that holds for all.
            RecordKind::NatSession => self.destinations,
            RecordKind::Seat => self.venues,
        }
    }

    /// Whether a row is past its retention.
    pub fn are_over(self, row: &Assignment, now: UtcMicros) -> bool {
        let kept = self.of(row.kind);
        kept != i64::MAX && row.until.latest <= now.plus(-kept)
    }

    /// Whether all that ended in `month` and stands under keys of `class` is past its retention, for a day at least.
    fn are_over_for(self, class: &str, month: Month, now: UtcMicros) -> bool {
        let over = |kept: i64| kept != i64::MAX && month.end() <= now.plus(-kept.saturating_add(DAY_US));
        match class {
            INCIDENT_KEYS => over(self.incidents),
            FLOWS => over(self.flows),
            COPIED => over(self.copied),
            _ => {
                let kinds = kinds_of(class);
                !kinds.is_empty() && kinds.iter().all(|kind| over(self.of(*kind)))
            }
        }
    }
}

/// What a run of the retention did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Rows, flows, exports that nobody had read and incidents deleted.
    pub deleted: u64,
    /// Rows, and hours of flows, that a hold kept.
    pub held: u64,
    /// Keys destroyed.
    pub keys: u64,
}

impl<S: Stores> Desk<S> {
    /// The periods that the pack in force and the operator's settings give.
    pub fn retention_periods(&self) -> Periods {
        Periods {
            assignments: self.period(ASSIGNMENT),
            destinations: self.period(DESTINATION),
            venues: self.period(VENUE),
            incidents: self.period(INCIDENT),
            flows: self.period(FLOWS),
            copied: self.period(COPIED),
        }
    }

    /// How long a retention class is kept, microseconds; `i64::MAX` for without end.
    fn period(&self, class: &str) -> i64 {
        let packs = self.gate().packs();
        match packs.current().and_then(|pack| pack.retention(class)).map(|c| c.keep()) {
            Some(Keep::Seconds(seconds)) => {
                i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
            }
            Some(Keep::Unlimited) => i64::MAX,
            None => DEFAULT_US,
        }
    }

    /// Deletes what is past its retention and held by nothing, destroys the keys of which nothing is left, and writes
    /// that down.
    ///
    /// # Errors
    /// When a store or the journal fails; what was deleted by then stays deleted and is on record, and the next run
    /// goes on.
    pub fn enforce_retention(&self) -> Result<Run, DeskError> {
        self.end_holds()?;
        let permit = self.standing(Work::Assignments)?;
        // Nobody puts a row in that is past its retention before the keys of such rows are gone.
        let _alone = self.deleting.write().unwrap_or_else(PoisonError::into_inner);
        let (periods, now) = (self.retention_periods(), self.now());
        let mut run = Run::default();
        for kind in RecordKind::ALL {
            let kept = periods.of(kind);
            if kept == i64::MAX {
                continue;
            }
            let before = now.plus(-kept);
            let deleted = self.stores().assignments().delete_before(&permit, kind, before)?;
            run.held += deleted.held;
            if deleted.rows > 0 {
                run.deleted += deleted.rows;
                self.note_deleted(kind.as_str(), before, deleted.rows)?;
            }
        }
        let exports_since = self.drop_flows(periods, now, &mut run)?;
        run.deleted += self.drop_incidents(periods, now)?;
        run.keys = self.destroy_keys(periods, exports_since, now)?;
        Ok(run)
    }

    /// Deletes the hours of flows that are past their retention (JP-030: 72 hours), those of their copy (JP-050: 7 days),
    /// and exports that nobody had read by then; tells when the oldest export that is left arrived.
    fn drop_flows(
        &self,
        periods: Periods,
        now: UtcMicros,
        run: &mut Run,
    ) -> Result<Option<UtcMicros>, DeskError> {
        let permit = self.standing(Work::Flows)?;
        let (stores, line) = (self.stores(), |kept: i64| now.plus(kept.saturating_neg()));
        let (raw, copied) = (line(periods.flows), line(periods.copied));
        let flows = stores.flows().delete_before(&permit, raw)?;
        let (exports, exports_since) = stores.forget_exports(&permit, raw)?;
        let copies = stores.flow_copy().delete_before(&permit, copied)?;
        run.held += flows.held;
        for (class, before, records) in
            [(FLOWS, raw, flows.flows), (FLOWS, raw, exports), (COPIED, copied, copies.flows)]
        {
            if records > 0 {
                run.deleted += records;
                self.note_deleted(class, before, records)?;
            }
        }
        Ok(exports_since)
    }

    /// Deletes the incidents that ended longer ago than their extract is kept (JP-030.2: a year); how many.
    fn drop_incidents(&self, periods: Periods, now: UtcMicros) -> Result<u64, DeskError> {
        if periods.incidents == i64::MAX {
            return Ok(0);
        }
        let permit = self.standing(Work::Flows)?;
        let before = now.plus(-periods.incidents);
        let deleted = self.stores().incidents().delete_before(&permit, before)?;
        if deleted > 0 {
            self.note_deleted(INCIDENT, before, deleted)?;
        }
        Ok(deleted)
    }

    /// Writes a deletion in the journal.
    fn note_deleted(&self, class: &str, before: UtcMicros, records: u64) -> Result<(), DeskError> {
        let (class, month) = (class.to_owned(), format!("before {before}"));
        let event = Event::Deleted { class, month, records, keys_destroyed: 0 };
        self.gate().note(&event, self.now())?;
        Ok(())
    }

    /// Destroys the keys of the months that are over of which nothing is left; how many.
    fn destroy_keys(
        &self,
        periods: Periods,
        exports_since: Option<UtcMicros>,
        now: UtcMicros,
    ) -> Result<u64, DeskError> {
        let mut keys = self.gate().vault().list().map_err(GateError::from)?;
        keys.retain(|(class, month)| periods.are_over_for(class, *month, now));
        if keys.is_empty() {
            return Ok(0);
        }
        let live_since = self.stores().forget_applied()?.unwrap_or(UtcMicros::MAX);
        let mut needed = self.stores().assignments().keys_in_use();
        needed.extend(self.stores().incidents().keys_in_use());
        needed.extend(self.stores().flow_keys_in_use());
        let exports_since = exports_since.unwrap_or(UtcMicros::MAX);
        // What waits live to be applied stands under the keys of assignments, or of flows.
        let waits = |(class, month): &(String, Month)| match class.as_str() {
            INCIDENT_KEYS | COPIED => false,
            FLOWS => month.end() > exports_since,
            _ => month.end() > live_since,
        };
        keys.retain(|key| !waits(key) && !needed.contains(key));
        for (class, month) in &keys {
            self.gate().destroy_key(class, *month, now)?;
        }
        Ok(keys.len() as u64)
    }
}

/// The kinds of records that stand under the keys of a retention class; none where the class is not of assignments.
fn kinds_of(class: &str) -> &'static [RecordKind] {
    match class {
        ASSIGNMENT => &[
            RecordKind::Session,
            RecordKind::Lease,
            RecordKind::NatBlock,
            RecordKind::NatBinding,
            RecordKind::NatSession,
            RecordKind::Rule,
            RecordKind::Static,
        ],
        DESTINATION => {
            &[RecordKind::NatBlock, RecordKind::NatBinding, RecordKind::NatSession, RecordKind::Rule]
        }
        VENUE => &[RecordKind::Seat],
        _ => &[],
    }
}

/// Retention class of sessions, leases, tables, and translations that do not tell the far side.
pub const ASSIGNMENT: &str = "assignment";
/// Retention class of translations that tell the far side.
pub const DESTINATION: &str = "assignment-destination";
/// Retention class of stays at a venue.
pub const VENUE: &str = "venue";
/// Retention class of incidents, and of what is kept in a case for a year after its end.
pub const INCIDENT: &str = "case-1y";
/// Retention class of flows kept for the handling of attacks.
pub const FLOWS: &str = tadoru_store::flows::KEYS;
/// Retention class of the copy of flows for finding command servers.
pub const COPIED: &str = tadoru_store::flows::copy::KEYS;

const DAY_US: i64 = 86_400_000_000;
/// 180 days: the pack's default for assignment logs, should a pack not tell.
const DEFAULT_US: i64 = 180 * DAY_US;

#[cfg(test)]
mod tests;
