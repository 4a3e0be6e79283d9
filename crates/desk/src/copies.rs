//! The copy of flows for finding unknown command servers (JP-050): off unless the operator wants it, and then only while
//! the rules permit it.
//!
//! What comes in: the operator's setting, the gate's word, time. What goes out: a copy that follows the recorded flows, or
//! one that stands still. The gate is asked when it would say yes, and else once a day, so that those who may agree find it
//! among what waits; a new version of the rules takes their agreement anew, and the copying stops until then. It reads
//! nothing of the copy.

use std::sync::Arc;

use tadoru_gate::evaluate::evaluate;
use tadoru_gate::permit::Store;
use tadoru_gate::request::Decision;
use tadoru_gate::{Answer, Permit};
use tadoru_model::{Role, UtcMicros};
use tadoru_store::flows::copy::KEYS;
use tadoru_store::flows::{Copied, CopyState};

use crate::ask::Work;
use crate::{Desk, DeskError, Stores};

/// Copies the flows of an installation, step by step. There is one at a time.
pub struct Copier<S> {
    desk: Arc<Desk<S>>,
    permit: Option<Permit<Store>>,
    /// The digest of the rules that refused it last, and when.
    refused: Option<(String, UtcMicros)>,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copying {
    /// The operator does not want it.
    Off,
    /// The rules do not permit it, or somebody has to agree first.
    Refused,
    /// The copy has everything that is on the disk.
    Followed(Copied),
}

/// How it stands with the copy.
#[derive(Debug, Clone)]
pub struct CopyReport {
    /// Whether the operator wants it.
    pub is_wanted: bool,
    /// What the rules in force say to it.
    pub decision: Decision,
    /// The id under which an agreement can be given, where one waits.
    pub approval: Option<String>,
    /// What there is of it.
    pub state: CopyState,
    /// How long it is kept, as the pack says it.
    pub keep: Option<String>,
}

impl<S: Stores> Desk<S> {
    /// The copier. It does nothing before its first step.
    pub fn copier(self: &Arc<Self>) -> Copier<S> {
        Copier { desk: Arc::clone(self), permit: None, refused: None }
    }

    /// How it stands with the copy; nothing is asked of the gate.
    pub fn copy_report(&self) -> CopyReport {
        let (decision, packs) = (self.copy_decision(), self.gate().packs());
        let rule = decision.rule.as_ref().map(|rule| rule.id.clone());
        let waiting = self.gate().waiting_for(&Role::ALL, self.now());
        let approval = waiting.into_iter().find(|waiting| waiting.version.is_some() && waiting.rule == rule);
        let class = packs.current().and_then(|pack| pack.retention(KEYS));
        CopyReport {
            is_wanted: self.settings().c2_copy,
            approval: approval.filter(|_| !decision.verdict.permits()).map(|waiting| waiting.id),
            decision,
            state: self.stores().flow_copy().state(),
            keep: class.map(|class| class.keep().to_string()),
        }
    }

    /// What the rules in force say to the copying, without a word to anybody.
    fn copy_decision(&self) -> Decision {
        evaluate(&self.gate().packs(), &self.standing_wish(Work::C2Copy), &[])
    }
}

impl<S: Stores> Copier<S> {
    /// Copies what is new, where it is wanted and permitted; else sees to it that nothing is copied. To be called every few
    /// seconds.
    ///
    /// # Errors
    /// When the gate or the store fails; the next step goes on where this one ended.
    pub fn step(&mut self) -> Result<Copying, DeskError> {
        if !self.desk.settings().c2_copy {
            self.stop()?;
            return Ok(Copying::Off);
        }
        let now = self.desk.now();
        if !self.desk.copy_decision().verdict.permits() {
            self.stop()?;
            self.ask_for_it(now)?;
            return Ok(Copying::Refused);
        }
        if !self.permit.as_ref().is_some_and(|permit| permit.holds(now)) {
            self.permit = self.ask()?;
        }
        let Some(permit) = &self.permit else {
            self.stop()?;
            return Ok(Copying::Refused);
        };
        Ok(Copying::Followed(self.desk.stores().flow_copy().follow(permit)?))
    }

    fn ask(&self) -> Result<Option<Permit<Store>>, DeskError> {
        match self.desk.gate().ask::<Store>(self.desk.standing_wish(Work::C2Copy))? {
            Answer::Permitted(permit) => Ok(Some(permit)),
            Answer::Refused(_) => Ok(None),
        }
    }

    /// Asks though it will be refused, once for these rules and a day: so it waits for those who may agree.
    fn ask_for_it(&mut self, now: UtcMicros) -> Result<(), DeskError> {
        let packs = self.desk.gate().packs();
        let digest = packs.current().map_or("", |pack| pack.digest());
        let is_fresh =
            |(of, at): &(String, UtcMicros)| of == digest && now.since(*at) < ASK_AGAIN_US && now >= *at;
        if !self.refused.as_ref().is_some_and(is_fresh) {
            self.permit = self.ask()?;
            self.refused = Some((digest.to_owned(), now));
        }
        Ok(())
    }

    /// Nothing that arrives from now on is copied.
    fn stop(&mut self) -> Result<(), DeskError> {
        self.permit = None;
        Ok(self.desk.stores().flow_copy().pause()?)
    }
}

/// How often a wish that is refused is put to the gate again, microseconds: a day. What waits is forgotten after a week.
const ASK_AGAIN_US: i64 = 86_400_000_000;

#[cfg(test)]
mod tests;
