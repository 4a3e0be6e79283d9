//! How long records are kept, and their deletion at the end of it: a duty, and itself journaled (JP-062).

use tadoru_gate::journal::Event;
use tadoru_gate::pack::Keep;
use tadoru_model::RecordKind;

use crate::ask::Work;
use crate::{Desk, DeskError, Stores};

/// Retention periods of the pack in force, by kind of record, microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Periods {
    assignments: i64,
    destinations: i64,
    venues: i64,
}

impl Periods {
    /// How long records of a kind are kept; `i64::MAX` for without end.
    pub const fn of(self, kind: RecordKind) -> i64 {
        match kind {
            RecordKind::Session | RecordKind::Lease | RecordKind::NatBlock | RecordKind::NatBinding => {
                self.assignments
            }
            // Single connections tell the far side as a rule: the shorter period is the one that holds for all.
            RecordKind::NatSession => self.destinations,
            RecordKind::Seat => self.venues,
            // Configuration, not a log of anybody's doing.
            RecordKind::Rule | RecordKind::Static => i64::MAX,
        }
    }
}

/// What a run of the retention did, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Rows deleted.
    pub deleted: u64,
    /// Rows that a hold kept.
    pub held: u64,
}

impl<S: Stores> Desk<S> {
    /// The periods that the pack in force and the operator's settings give.
    pub fn retention_periods(&self) -> Periods {
        let packs = self.gate().packs();
        let of = |class: &str| match packs.current().and_then(|pack| pack.retention(class)).map(|c| c.keep())
        {
            Some(Keep::Seconds(seconds)) => {
                i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
            }
            Some(Keep::Unlimited) => i64::MAX,
            None => DEFAULT_US,
        };
        Periods {
            assignments: of("assignment"),
            destinations: of("assignment-destination"),
            venues: of("venue"),
        }
    }

    /// Deletes what is past its retention and held by nothing, and writes that down.
    ///
    /// # Errors
    /// When a store or the journal fails; what was deleted by then stays deleted and is on record.
    pub fn enforce_retention(&self) -> Result<Run, DeskError> {
        let permit = self.standing(Work::Assignments)?;
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
                let event = Event::Deleted {
                    class: kind.as_str().to_owned(),
                    month: format!("before {before}"),
                    records: deleted.rows,
                    keys_destroyed: 0,
                };
                self.gate().note(&event, now)?;
            }
        }
        Ok(run)
    }
}

/// 180 days: the pack's default for assignment logs, should a pack not tell.
const DEFAULT_US: i64 = 180 * 86_400_000_000;
