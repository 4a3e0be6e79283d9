//! Recorded flows: taken in from files, and asked about on the ground that the question needs.
//!
//! Figures in which nobody can be told stand on the standing permit for aggregates (JP-005). Whatever shows one address
//! or one communication is asked of the gate for the person: it takes an incident on file (JP-030).

use tadoru_gate::permit::{Act, Aggregate, Learn, Opens, Store};
use tadoru_gate::request::RuleRef;
use tadoru_gate::{Answer, Ask, DataCategory, DataSet, Facts, Permit, Purpose, Refusal, Scope, Sealed};
use tadoru_model::{CaseId, Flows as Batch, UtcMicros};
use tadoru_store::flows::{Bucket, Ground, Key, Measure, Question, Ranked, Sums};

use crate::ask::Work;
use crate::{Actor, Desk, DeskError, Door, Stores};

/// Which figure of the flows is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Sums over all.
    Totals,
    /// The largest keys.
    Top {
        /// What is ranked.
        key: Key,
        /// By what.
        by: Measure,
        /// How many.
        most: usize,
    },
    /// Sums over time.
    Series {
        /// Length of a step, microseconds.
        step_us: u64,
    },
}

/// What somebody wants to know of the flows.
#[derive(Debug, Clone)]
pub struct FlowInquiry {
    /// Who asks.
    pub actor: Actor,
    /// Which flows.
    pub question: Question,
    /// What of them.
    pub figure: Figure,
    /// In which case, where somebody would be shown.
    pub case: Option<CaseId>,
}

/// What came of it.
#[derive(Debug)]
pub enum FlowReply {
    /// The figure, and the rule that it stands on.
    Told {
        /// The figure.
        told: Told,
        /// Rule.
        rule: RuleRef,
        /// Where the ground stands in the journal.
        journal_index: u64,
    },
    /// The gate refused.
    Refused(Box<Refusal>),
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Sums over all.
    Totals(Sums),
    /// The largest keys.
    Top(Vec<Ranked>),
    /// Sums over time.
    Series(Vec<Bucket>),
}

/// Flows on their way into the store.
pub struct FlowIntake<'d, S> {
    desk: &'d Desk<S>,
    permit: Permit<Store>,
}

impl<S: Stores> Desk<S> {
    /// Begins to take flows in, under the standing permit for recording (JP-030).
    pub(crate) fn flow_intake<'d, 'i>(
        &'d self,
        intake: &'i mut Option<FlowIntake<'d, S>>,
    ) -> Result<&'i mut FlowIntake<'d, S>, DeskError> {
        if intake.is_none() {
            *intake = Some(FlowIntake { desk: self, permit: self.standing(Work::Flows)? });
        }
        intake.as_mut().ok_or(DeskError::Question { why: "no flows are taken in" })
    }

    /// Asks about recorded flows. It blocks while it searches: a server calls it where blocking is allowed.
    ///
    /// # Errors
    /// When the person's roles do not open the flows, or the gate or the store fails. A refusal is a reply.
    pub fn ask_flows(&self, inquiry: &FlowInquiry) -> Result<FlowReply, DeskError> {
        if !inquiry.actor.opens(Door::ReadsFlows) {
            return Err(DeskError::Role { role: "network operations, abuse desk, manager or administrator" });
        }
        let key = match inquiry.figure {
            Figure::Top { key, .. } => Some(key),
            _ => None,
        };
        let shows = !inquiry.question.filter.is_aggregate_safe() || key.is_some_and(Key::names_somebody);
        if shows {
            let permit = self.flow_permit::<Learn>(&inquiry.actor, Purpose::ProtOwn, inquiry.case.clone())?;
            return self.told(permit, inquiry, |permit| Ground::Case(permit));
        }
        let permit = self.flow_permit::<Aggregate>(&Actor::system(), Purpose::Stat, None)?;
        self.told(permit, inquiry, |permit| Ground::Standing(permit))
    }

    /// The figure on the ground that a permit gives; the permit ends with it.
    fn told<A: Opens>(
        &self,
        answer: Answer<A>,
        inquiry: &FlowInquiry,
        ground: impl Fn(&Permit<A>) -> Ground<'_>,
    ) -> Result<FlowReply, DeskError> {
        let permit = match answer {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => return Ok(FlowReply::Refused(Box::new(refusal))),
        };
        let told = self.figure(&permit, ground(&permit), inquiry)?;
        let (rule, journal_index) = (permit.rule().clone(), permit.journal_index());
        self.gate().close(permit)?;
        Ok(FlowReply::Told { told, rule, journal_index })
    }

    fn figure<A: Opens>(
        &self,
        permit: &Permit<A>,
        ground: Ground<'_>,
        inquiry: &FlowInquiry,
    ) -> Result<Told, DeskError> {
        let (flows, question, now) = (self.stores().flows(), &inquiry.question, self.now());
        Ok(match inquiry.figure {
            Figure::Totals => Told::Totals(open(flows.totals(ground, question)?, permit, now)?),
            Figure::Top { key, by, most } => {
                Told::Top(open(flows.top(ground, question, key, by, most)?, permit, now)?)
            }
            Figure::Series { step_us } => {
                Told::Series(open(flows.series(ground, question, step_us)?, permit, now)?)
            }
        })
    }

    fn flow_permit<A: Act>(
        &self,
        actor: &Actor,
        purpose: Purpose,
        case: Option<CaseId>,
    ) -> Result<Answer<A>, DeskError> {
        let mut facts = Facts::none();
        if purpose == Purpose::Stat {
            // The store refuses whatever else would come out of a question on this ground.
            facts.derive("output.aggregate", "yes");
        }
        let ask = Ask {
            act: A::NAME,
            data: DataSet::of(&[DataCategory::Flow]),
            purpose,
            basis: None,
            person: actor.person.clone(),
            roles: actor.roles.clone(),
            case,
            scope: Scope { own_network: true, ..Scope::default() },
            facts,
            at: self.now(),
        };
        Ok(self.gate().ask::<A>(ask)?)
    }
}

fn open<T, A: Opens>(sealed: Sealed<T>, permit: &Permit<A>, now: UtcMicros) -> Result<T, DeskError> {
    sealed.into_open(permit, now).map_err(|e| DeskError::Seal(Box::new(e)))
}

impl<S: Stores> FlowIntake<'_, S> {
    /// Takes a batch in.
    pub(crate) fn take(&self, batch: &Batch) -> Result<(), DeskError> {
        Ok(self.desk.stores().flows().keep(&self.permit, batch)?)
    }

    /// Makes everything durable.
    pub(crate) fn finish(self) -> Result<(), DeskError> {
        let flows = self.desk.stores().flows();
        flows.commit(&self.permit, flows.mark())?;
        Ok(flows.flush(&self.permit)?)
    }
}
