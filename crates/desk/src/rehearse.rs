//! Rehearsals: what other settings of the detector would have found in the recorded flows, beside those in force.
//!
//! The flows are looked at again in the order of their arrival, automatically and by the installation itself, as they were
//! when they came in (JP-030). What comes of it is told as the list of incidents is: no address, a target as a /24 or /56
//! (JP-005). Whom it would have hit is shown of an incident on file only: then the person asks, and only the incident's
//! own flows are tried (JP-030.2). Nothing is filed, and nobody is told.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::thread;

use tadoru_detect::{Hit, Rehearsal, rehearse};
use tadoru_gate::journal::Event;
use tadoru_gate::permit::Learn;
use tadoru_gate::request::RuleRef;
use tadoru_gate::{Answer, GateError, Permit, Refusal};
use tadoru_model::finding::{Scope, Target};
use tadoru_model::{Flows as Batch, UtcMicros};
use tadoru_store::flows::{FlowsError, Ground, Question};
use tadoru_store::incidents::{Brief, Coarse};

use crate::flows::{CutTo, Figure, FlowGround, FlowInquiry, open};
use crate::{Actor, Desk, DeskError, Detection, Door, Stores};

/// A rehearsal that is wanted.
#[derive(Debug, Clone)]
pub struct RehearsalWish {
    /// Who asks.
    pub actor: Actor,
    /// Over which flows.
    pub question: Question,
    /// The filter as it was written.
    pub words: String,
    /// The settings to be tried; those in force where not told.
    pub detection: Option<Detection>,
    /// On what ground, where somebody would be shown.
    pub ground: FlowGround,
}

/// What came of it.
#[derive(Debug)]
pub enum RehearsalReply {
    /// The rehearsal.
    Told(Box<RehearsalTold>),
    /// The gate refused.
    Refused(Box<Refusal>),
}

/// A rehearsal, and what it stands on.
#[derive(Debug)]
pub struct RehearsalTold {
    /// What the tried settings would have found, by its start.
    pub hits: Vec<Rehearsed>,
    /// What those in force find there and the tried ones would have missed.
    pub missed: Vec<Rehearsed>,
    /// How many records were read.
    pub flows: u64,
    /// Arrival of the first and of the last.
    pub span: Option<(UtcMicros, UtcMicros)>,
    /// The rule that permits it.
    pub rule: RuleRef,
    /// Where the ground stands in the journal.
    pub journal_index: u64,
    /// The incident's own flows, which it was cut to.
    pub cut_to: Option<CutTo>,
}

/// An incident that would have been opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsed {
    /// What may be said of it to whoever may know that there is one.
    pub brief: Brief,
    /// Where it is aimed at, as an aggregate may show it.
    pub target: Coarse,
    /// When it would have been told first.
    pub told: UtcMicros,
    /// How many findings would have been sent about it.
    pub findings: u64,
    /// Whether it was over at the end of the flows.
    pub is_over: bool,
    /// Whether those in force find it too.
    pub known: Known,
    /// Whom it would have named; only of an incident on file.
    pub targets: Option<Vec<Target>>,
}

/// Whether the settings in force find it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// They do.
    InForce,
    /// They do not: it is new.
    New,
}

/// How far a rehearsal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records that were read.
    pub flows: u64,
    /// Of how many.
    pub of: u64,
}

impl<S: Stores> Desk<S> {
    /// Tries settings on recorded flows, and tells how far it is; it ends early when `progress` breaks. It blocks while
    /// it works.
    ///
    /// # Errors
    /// When the person's roles do not open the flows, the settings are none, another rehearsal runs, it was ended early,
    /// there is no such incident, or the gate or a store fails. A refusal is a reply.
    pub fn rehearse(
        &self,
        wish: &RehearsalWish,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<RehearsalReply, DeskError> {
        if !wish.actor.opens(Door::ReadsFlows) {
            return Err(DeskError::Role { role: "network operations, abuse desk, manager or administrator" });
        }
        if wish.detection.as_ref().is_some_and(|tried| tried.check().is_err()) {
            return Err(DeskError::Question { why: "the settings are not ones that a detector can have" });
        }
        let Ok(_one) = ONE.try_lock() else {
            return Err(DeskError::Question { why: "another rehearsal is running" });
        };
        let (question, cut_to) = self.cut(&wish.question, wish.ground.incident)?;
        if cut_to.is_none() && question.filter.is_aggregate_safe() {
            let shown = match self.aggregate_permit()? {
                Answer::Permitted(permit) => permit,
                Answer::Refused(refusal) => return Ok(RehearsalReply::Refused(Box::new(refusal))),
            };
            let permit = self.own_look()?;
            let both = self.tried(&permit, &question, wish, progress);
            self.gate().close(permit)?;
            let told = told(both?, Shown::Coarse, shown.rule().clone(), shown.journal_index(), cut_to);
            self.gate().close(shown)?;
            return Ok(RehearsalReply::Told(Box::new(told)));
        }
        let inquiry = FlowInquiry {
            actor: wish.actor.clone(),
            question: question.clone(),
            words: wish.words.clone(),
            figure: Figure::Totals,
            ground: wish.ground.clone(),
        };
        let permit = match self.learn_permit(&inquiry, question.span)? {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => return Ok(RehearsalReply::Refused(Box::new(refusal))),
        };
        let both = self.tried(&permit, &question, wish, progress)?;
        let told = told(both, Shown::Targets, permit.rule().clone(), permit.journal_index(), cut_to);
        let answered = Event::Answered {
            permit: told.journal_index,
            case: wish.ground.case.clone(),
            outcomes: BTreeMap::from([("rehearsed".to_owned(), told.hits.len() as u64)]),
            evidence: None,
        };
        self.gate().close_with(permit, &answered, self.now())?;
        Ok(RehearsalReply::Told(Box::new(told)))
    }

    /// What the tried settings find, and what those in force do where others are tried.
    fn tried(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        wish: &RehearsalWish,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(Rehearsal, Option<Rehearsal>), DeskError> {
        let in_force = self.detection().settings();
        let tried = wish.detection.as_ref().map_or_else(|| in_force.clone(), Detection::settings);
        let others = (tried != in_force).then_some(in_force);
        let seed = self.gate().vault().file_id().map_err(GateError::from)?;
        let flows = self.stores().flows();
        let of = open(flows.totals(Ground::Case(permit), question)?, permit, self.now())?.records;

        thread::scope(|scope| {
            let run = |settings| {
                let (sender, receiver) = sync_channel::<Batch>(BATCHES_AHEAD);
                let world = self.network().world();
                (sender, scope.spawn(move || rehearse(settings, world, seed, receiver)))
            };
            let (mut senders, mut runs) = (Vec::new(), Vec::new());
            for settings in std::iter::once(tried).chain(others) {
                let (sender, running) = run(settings);
                senders.push(sender);
                runs.push(running);
            }
            let (mut read, mut reported, mut fault) = (0, 0, None);
            let replayed = flows.replay(permit, question, &mut |sealed| {
                let batch = match open(sealed, permit, self.now()) {
                    Ok(batch) => batch,
                    Err(error) => {
                        fault = Some(error);
                        return ControlFlow::Break(());
                    }
                };
                read += batch.rows() as u64;
                for sender in &senders {
                    // Who has ended has been told why by its thread.
                    let _ = sender.send(batch.clone());
                }
                if read - reported >= REPORTED_EVERY {
                    reported = read;
                    if progress(Progress { flows: read, of }).is_break() {
                        fault = Some(DeskError::Question { why: "it was ended early" });
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            drop(senders);
            let mut ends = runs.into_iter().map(|run| {
                run.join().map_err(|_| DeskError::Question { why: "the detector did not get to its end" })
            });
            let tried = ends.next().transpose();
            let in_force = ends.next().transpose();
            replayed.map_err(|e: FlowsError| DeskError::from(e))?;
            fault.map_or(Ok(()), Err)?;
            let tried = tried?.ok_or(DeskError::Question { why: "nothing was tried" })?;
            Ok((tried, in_force?))
        })
    }
}

/// How much of a target is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Coarse,
    Targets,
}

fn told(
    (tried, in_force): (Rehearsal, Option<Rehearsal>),
    shown: Shown,
    rule: RuleRef,
    journal_index: u64,
    cut_to: Option<CutTo>,
) -> RehearsalTold {
    let Rehearsal { hits, flows, span, .. } = tried;
    let others = in_force.map(|other| other.hits);
    let rehearsed = |hit: &Hit, known| Rehearsed {
        brief: Brief::of(&hit.finding),
        target: Coarse::of(&hit.finding),
        told: hit.told,
        findings: hit.findings,
        is_over: hit.is_over(),
        known,
        targets: (shown == Shown::Targets).then(|| hit.targets.clone()),
    };
    let found = |hit: &Hit, among: &[Hit]| among.iter().any(|other| same(hit, other));
    let missed = others.iter().flatten().filter(|hit| !found(hit, &hits));
    RehearsalTold {
        missed: missed.map(|hit| rehearsed(hit, Known::InForce)).collect(),
        hits: hits
            .iter()
            .map(|hit| {
                let is_known = others.as_ref().is_none_or(|others| found(hit, others));
                rehearsed(hit, if is_known { Known::InForce } else { Known::New })
            })
            .collect(),
        flows,
        span,
        rule,
        journal_index,
        cut_to,
    }
}

/// Whether two incidents are the same, found by different settings: at the same time, with a target in common.
fn same(a: &Hit, b: &Hit) -> bool {
    let (first, second) = (&a.finding, &b.finding);
    let apart = first.start > second.last.plus(APART_US) || second.start > first.last.plus(APART_US);
    let scopes = |hit: &Hit| -> Vec<Scope> {
        let named = hit.targets.iter().map(|target| target.scope.clone());
        named.chain([hit.finding.scope.clone()]).collect()
    };
    let others = scopes(b);
    !apart
        && first.vector.is_scan() == second.vector.is_scan()
        && scopes(a).iter().any(|scope| others.iter().any(|other| touch(scope, other)))
}

/// Whether two targets have an address in common, as far as they tell.
fn touch(a: &Scope, b: &Scope) -> bool {
    match (a, b) {
        (Scope::Host(host), Scope::Prefix(prefix)) | (Scope::Prefix(prefix), Scope::Host(host)) => {
            prefix.contains(*host)
        }
        (Scope::Prefix(a), Scope::Prefix(b)) => a.meets(*b),
        _ => a == b,
    }
}

/// Held while a rehearsal runs: each detector has its own memory.
static ONE: Mutex<()> = Mutex::new(());

/// Incidents further apart are not the same one, microseconds.
const APART_US: i64 = 60_000_000;
/// Seconds of arrival that wait for a detector at most.
const BATCHES_AHEAD: usize = 4;
/// Records between two reports.
const REPORTED_EVERY: u64 = 100_000;

#[cfg(test)]
mod tests;
