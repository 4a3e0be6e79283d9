//! Recorded flows: taken in from files, and asked about on the ground that the question needs.
//!
//! Figures in which nobody can be told stand on the standing permit for aggregates (JP-005). Whatever shows one address
//! or one communication is asked of the gate for the person, on the ground that the person names. With an incident on
//! file the question is cut to the incident's own flows before the gate is asked: so the fact that it is about nothing
//! else is true by construction, for every figure (JP-030.2, JP-035). Figures are as recorded, never scaled: with each stands
//! how many of its records were sampled, and at which rates.

mod ground;
mod intake;

use std::collections::BTreeMap;

use tadoru_gate::journal::Event;
use tadoru_gate::permit::{Learn, Opens};
use tadoru_gate::request::RuleRef;
use tadoru_gate::{Answer, Permit, Refusal, Sealed};
use tadoru_model::{FindingId, Flow, Flows as Batch, Span, UtcMicros};
use tadoru_store::cases::{CaseError, Cases as _, Happened};
use tadoru_store::flows::sql::{Bounds, Statement, Table};
use tadoru_store::flows::{Bucket, Ground, Key, Measure, Question, Ranked, Rate, Sums};

use crate::ask::Work;
use crate::casework::check_case;
use crate::{Actor, Desk, DeskError, Door, Stores};

pub use self::ground::FlowGround;
pub(crate) use self::intake::{Ended, FlowIntake};

/// Which figure of the flows is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The flows themselves.
    List {
        /// How many at most.
        most: usize,
    },
    /// What a statement in SQL says over them.
    Sql {
        /// The statement.
        statement: Statement,
        /// How much it may read, say and take.
        bounds: Bounds,
    },
}

/// What somebody wants to know of the flows.
#[derive(Debug, Clone)]
pub struct FlowInquiry {
    /// Who asks.
    pub actor: Actor,
    /// Which flows.
    pub question: Question,
    /// The filter as it was written: an approval is given to these words and no others.
    pub words: String,
    /// What of them.
    pub figure: Figure,
    /// On what ground, where somebody would be shown.
    pub ground: FlowGround,
}

/// What came of it.
#[derive(Debug)]
pub enum FlowReply {
    /// The figure.
    Told(Box<FlowTold>),
    /// The gate refused.
    Refused(Box<Refusal>),
}

/// A figure, and what it stands on.
#[derive(Debug)]
pub struct FlowTold {
    /// The figure.
    pub told: Told,
    /// How many of the records that were found tell which rate of sampling, ascending by rate.
    pub rates: Vec<Rate>,
    /// The rule that permits it.
    pub rule: RuleRef,
    /// Where the ground stands in the journal.
    pub journal_index: u64,
    /// The incident's own flows, which the question was cut to.
    pub cut_to: Option<CutTo>,
}

/// What a question was cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutTo {
    /// The incident.
    pub incident: FindingId,
    /// Its time.
    pub span: Span,
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
    /// The flows themselves, by when they began.
    List {
        /// The flows.
        flows: Box<Batch>,
        /// Sums over all that were found, where more were found than are listed.
        of: Option<Sums>,
    },
    /// What a statement said.
    Sql(Table),
}

impl Told {
    /// How many rows it has.
    fn rows(&self) -> usize {
        match self {
            Self::Totals(_) => 1,
            Self::Top(keys) => keys.len(),
            Self::Series(steps) => steps.len(),
            Self::List { flows, .. } => flows.rows(),
            Self::Sql(table) => table.rows.len(),
        }
    }
}

impl Figure {
    /// Whether it shows somebody, whatever the filter is.
    fn names_somebody(&self) -> bool {
        match self {
            Self::Totals | Self::Series { .. } => false,
            Self::Top { key, .. } => key.names_somebody(),
            Self::List { .. } | Self::Sql { .. } => true,
        }
    }
}

impl<S: Stores> Desk<S> {
    /// Asks about recorded flows. It blocks while it searches: a server calls it where blocking is allowed.
    ///
    /// # Errors
    /// When the person's roles do not open the flows, there is no such incident, the statement cannot be run, or the gate
    /// or a store fails. A refusal is a reply.
    pub async fn ask_flows(&self, inquiry: &FlowInquiry) -> Result<FlowReply, DeskError> {
        if !inquiry.actor.opens(Door::ReadsFlows) {
            return Err(DeskError::Role { role: "network operations, abuse desk, manager or administrator" });
        }
        let (question, cut_to) = self.cut(&inquiry.question, inquiry.ground.incident)?;
        let figure = &inquiry.figure;
        if question.filter.is_aggregate_safe() && !figure.names_somebody() {
            let permit = match self.aggregate_permit()? {
                Answer::Permitted(permit) => permit,
                Answer::Refused(refusal) => return Ok(FlowReply::Refused(Box::new(refusal))),
            };
            let (told, rates) = self.figure(&permit, Ground::Standing(&permit), &question, figure)?;
            let (rule, journal_index) = (permit.rule().clone(), permit.journal_index());
            self.gate().close(permit)?;
            return Ok(FlowReply::Told(Box::new(FlowTold { told, rates, rule, journal_index, cut_to })));
        }
        self.ask_somebody(inquiry, question, cut_to).await
    }

    /// A question whose answer shows somebody: on the person's own ground, in the case that they name.
    async fn ask_somebody(
        &self,
        inquiry: &FlowInquiry,
        question: Question,
        cut_to: Option<CutTo>,
    ) -> Result<FlowReply, DeskError> {
        let case = inquiry.ground.case.as_ref();
        case.map_or(Ok(()), check_case)?;
        let permit = match self.learn_permit(inquiry, question.span)? {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => {
                let told = self
                    .tell_flows(inquiry, Happened::Refused, refusal.journal_index, "flows".to_owned())
                    .await;
                return match told {
                    // A refused question opens no case.
                    Ok(()) | Err(DeskError::Case(CaseError::Unknown(_))) => {
                        Ok(FlowReply::Refused(Box::new(refusal)))
                    }
                    Err(error) => Err(error),
                };
            }
        };
        let now = self.now();
        if let Some(case) = case {
            let keeping = self.standing(Work::Cases)?;
            self.stores().cases().open_or_join(&keeping, case, &inquiry.actor.person, now).await?;
        }
        let (told, rates) = self.figure(&permit, Ground::Case(&permit), &question, &inquiry.figure)?;
        let (rule, journal_index) = (permit.rule().clone(), permit.journal_index());
        let answered = Event::Answered {
            permit: journal_index,
            case: case.cloned(),
            outcomes: BTreeMap::from([("flows".to_owned(), told.rows() as u64)]),
            evidence: None,
        };
        let answer = self.gate().close_with(permit, &answered, now)?;
        self.tell_flows(inquiry, Happened::Asked, answer, format!("flows: {} rows", told.rows())).await?;
        Ok(FlowReply::Told(Box::new(FlowTold { told, rates, rule, journal_index, cut_to })))
    }

    fn figure<A: Opens>(
        &self,
        permit: &Permit<A>,
        ground: Ground<'_>,
        question: &Question,
        figure: &Figure,
    ) -> Result<(Told, Vec<Rate>), DeskError> {
        let (flows, now) = (self.stores().flows(), self.now());
        let rates = open(flows.rates(ground, question)?, permit, now)?;
        let told = match figure {
            Figure::Totals => Told::Totals(open(flows.totals(ground, question)?, permit, now)?),
            Figure::Top { key, by, most } => {
                Told::Top(open(flows.top(ground, question, *key, *by, *most)?, permit, now)?)
            }
            Figure::Series { step_us } => {
                Told::Series(open(flows.series(ground, question, *step_us)?, permit, now)?)
            }
            Figure::List { most } => {
                let found = open(flows.find(single(ground)?, question, *most)?, permit, now)?;
                let of = found.cut.then(|| flows.totals(ground, question)).transpose()?;
                let of = of.map(|sums| open(sums, permit, now)).transpose()?;
                Told::List { flows: Box::new(ordered(&found.flows)), of }
            }
            Figure::Sql { statement, bounds } => {
                Told::Sql(open(flows.sql(single(ground)?, question, statement, *bounds)?, permit, now)?)
            }
        };
        Ok((told, rates))
    }

    async fn tell_flows(
        &self,
        inquiry: &FlowInquiry,
        what: Happened,
        journal_index: u64,
        text: String,
    ) -> Result<(), DeskError> {
        let Some(case) = &inquiry.ground.case else { return Ok(()) };
        let keeping = self.standing(Work::Cases)?;
        let entry = tadoru_store::cases::Entry {
            at: self.now(),
            by: inquiry.actor.person.clone(),
            what,
            journal_index: Some(journal_index),
        };
        self.stores().cases().note(&keeping, case, &entry, &text).await?;
        Ok(())
    }
}

/// The permit that shows single flows.
fn single(ground: Ground<'_>) -> Result<&Permit<Learn>, DeskError> {
    match ground {
        Ground::Case(permit) => Ok(permit),
        Ground::Standing(_) => Err(tadoru_store::flows::FlowsError::NotAggregate.into()),
    }
}

/// The flows by when they began.
fn ordered(flows: &Batch) -> Batch {
    let mut all: Vec<Flow> = (0..flows.rows()).filter_map(|row| flows.get(row)).collect();
    all.sort_by_key(|flow| (flow.first_us, flow.last_us, flow.received_us, flow.src, flow.dst));
    let mut ordered = Batch::with_capacity(all.len());
    all.into_iter().for_each(|flow| ordered.push(flow));
    ordered
}

pub(crate) fn open<T, A: Opens>(
    sealed: Sealed<T>,
    permit: &Permit<A>,
    now: UtcMicros,
) -> Result<T, DeskError> {
    sealed.into_open(permit, now).map_err(|e| DeskError::Seal(Box::new(e)))
}
