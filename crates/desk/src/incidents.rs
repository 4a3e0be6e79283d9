//! Incidents: listed as aggregates to whoever may see the flows, told in full to whoever may learn them.
//!
//! What comes in: a person and, for one incident, its id. What goes out: what is on file, on the ground that it needs. The
//! list stands on the standing permit for aggregates (JP-005): a target is told to its /24 or /56, or by its class. An
//! incident in full shows the attack's own figures and nothing else, so that it is asked of the gate as such (JP-030.2).

pub mod attack;

use std::collections::BTreeMap;

use tadoru_gate::journal::Event;
use tadoru_gate::permit::{Act, Aggregate, Learn};
use tadoru_gate::request::RuleRef;
use tadoru_gate::{Answer, Ask, DataCategory, DataSet, Facts, Permit, Purpose, Refusal, Scope};
use tadoru_model::finding::{Finding, FindingState};
use tadoru_model::{CaseId, FindingId, Span, UtcMicros};
use tadoru_store::cases::{CaseError, Cases as _, Entry, Happened};
use tadoru_store::incidents::{Brief, Coarse, Moment, Record};

use crate::ask::Work;
use crate::casework::check_case;
use crate::flows::open;
use crate::{Actor, Desk, DeskError, Door, Stores};

pub(crate) use self::attack::Attack;
pub use tadoru_detect::Said;

/// Which incidents are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// Those that are not over.
    Open,
    /// Those that are over.
    Ended,
    /// All.
    #[default]
    All,
}

/// An incident as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// What may be said of it.
    pub brief: Brief,
    /// Where it is aimed at, as an aggregate may show it.
    pub target: Coarse,
}

/// A list of incidents, or the gate's refusal.
#[derive(Debug)]
pub enum ListReply {
    /// The incidents, the one that began last first.
    Told {
        /// At most [`MOST_LISTED`] of them.
        incidents: Vec<Listed>,
        /// How many there are, those that are not listed included.
        of: u64,
        /// The rule that it stands on.
        rule: RuleRef,
        /// Where the ground stands in the journal.
        journal_index: u64,
    },
    /// The gate refused.
    Refused(Box<Refusal>),
}

/// One incident in full, or the gate's refusal.
#[derive(Debug)]
pub enum IncidentReply {
    /// The incident.
    Told(Box<IncidentTold>),
    /// The gate refused.
    Refused(Box<Refusal>),
}

/// One incident in full, and what the answer stands on.
#[derive(Debug)]
pub struct IncidentTold {
    /// The incident.
    pub record: Record,
    /// The rule that permits it.
    pub rule: RuleRef,
    /// First instant at which the permit no longer holds.
    pub until: UtcMicros,
    /// Where the permit stands in the journal.
    pub journal_index: u64,
}

impl<S: Stores> Desk<S> {
    /// The incidents on file, those with a second after `since` only where it is told.
    ///
    /// # Errors
    /// When the person's roles do not open the flows, or the gate or the store fails. A refusal is a reply.
    pub fn incidents(
        &self,
        actor: &Actor,
        which: Which,
        since: Option<UtcMicros>,
    ) -> Result<ListReply, DeskError> {
        check_door(actor)?;
        let mut facts = Facts::none();
        // The store gives nothing else on this ground.
        facts.derive("output.aggregate", "yes");
        let permit = match self.flow_wish::<Aggregate>(&Actor::system(), Purpose::Stat, facts)? {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => return Ok(ListReply::Refused(Box::new(refusal))),
        };
        let mut briefs = self.stores().incidents().briefs();
        briefs.retain(|brief| which.holds(brief) && since.is_none_or(|since| brief.last >= since));
        let of = briefs.len() as u64;
        briefs.truncate(MOST_LISTED);
        let ids: Vec<FindingId> = briefs.iter().map(|brief| brief.id).collect();
        let targets = open(self.stores().incidents().targets(&permit, &ids)?, &permit, self.now())?;
        // One that the retention has deleted meanwhile is left out.
        let incidents = briefs.into_iter().zip(targets);
        let incidents = incidents.filter_map(|(brief, target)| Some(Listed { brief, target: target? }));
        let (rule, journal_index) = (permit.rule().clone(), permit.journal_index());
        let incidents = incidents.collect();
        self.gate().close(permit)?;
        Ok(ListReply::Told { incidents, of, rule, journal_index })
    }

    /// One incident in full. With a case, that it was shown is written in the case, which is opened where there is none.
    ///
    /// # Errors
    /// When the person's roles do not open the flows, there is no such incident, the case is closed, or the gate or a store
    /// fails. A refusal is a reply.
    pub async fn incident(
        &self,
        actor: &Actor,
        id: FindingId,
        case: Option<CaseId>,
    ) -> Result<IncidentReply, DeskError> {
        check_door(actor)?;
        case.as_ref().map_or(Ok(()), check_case)?;
        let brief = self.stores().incidents().briefs().into_iter().find(|brief| brief.id == id);
        let brief = brief.ok_or(DeskError::NoIncident)?;
        let now = self.now();
        let mut facts = Facts::none();
        // It is on file, and nothing is shown but what the finding says of the attack itself.
        facts.derive("incident.id", &id.to_string());
        facts.derive("scope.attack_only", "yes");
        let scope = Scope {
            endpoints: vec![format!("incident {id}")],
            span: Some(Span::new(brief.start, brief.last.plus(1))),
            ..Scope::default()
        };
        let ask = Ask { case: case.clone(), ..flow_ask::<Learn>(actor, Purpose::ProtOwn, scope, facts, now) };
        let permit = match self.gate().ask::<Learn>(ask)? {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => {
                let told =
                    self.tell(actor, case.as_ref(), Happened::Refused, refusal.journal_index, id).await;
                return match told {
                    // A refused question opens no case.
                    Ok(()) | Err(DeskError::Case(CaseError::Unknown(_))) => {
                        Ok(IncidentReply::Refused(Box::new(refusal)))
                    }
                    Err(error) => Err(error),
                };
            }
        };
        if let Some(case) = &case {
            let keeping = self.standing(Work::Cases)?;
            self.stores().cases().open_or_join(&keeping, case, &actor.person, now).await?;
        }
        let sealed = self.stores().incidents().find(&permit, id)?.ok_or(DeskError::NoIncident)?;
        let mut record = open(sealed, &permit, now)?;
        set_course(&mut record);
        let (rule, until, journal_index) = (permit.rule().clone(), permit.until(), permit.journal_index());
        let answered = Event::Answered {
            permit: journal_index,
            case: case.clone(),
            outcomes: BTreeMap::from([("incident".to_owned(), 1)]),
            evidence: None,
        };
        let answer = self.gate().close_with(permit, &answered, now)?;
        self.tell(actor, case.as_ref(), Happened::Asked, answer, id).await?;
        Ok(IncidentReply::Told(Box::new(IncidentTold { record, rule, until, journal_index })))
    }

    /// Which flows are an incident's own: what `scope.attack_only` means. `None` where there is no such incident.
    ///
    /// The installation looks it up by itself, automatically (JP-030); it shows nobody anything.
    ///
    /// # Errors
    /// When the rules in force do not permit that, or the gate or the store fails.
    pub(crate) fn attack(&self, id: FindingId) -> Result<Option<Attack>, DeskError> {
        let Some(Record { newest, history }) = self.record(id)? else { return Ok(None) };
        // One that is replayed goes on in its own time.
        let seen = history.iter().map(|moment| moment.at).max().unwrap_or(newest.at);
        let now = if self.now().since(seen) > OTHER_US { seen } else { self.now() };
        let timeout_us = self.detection().settings().active_timeout_us;
        let own = &self.settings().own_prefixes;
        Ok(Some(Attack::of(&newest, self.network().tables(), own, now, timeout_us)))
    }

    /// The newest finding of an incident, for the installation's own work (JP-030).
    pub(crate) fn newest(&self, id: FindingId) -> Result<Option<Finding>, DeskError> {
        Ok(self.record(id)?.map(|record| record.newest))
    }

    fn record(&self, id: FindingId) -> Result<Option<Record>, DeskError> {
        let permit = self.own_look()?;
        let Some(sealed) = self.stores().incidents().find(&permit, id)? else { return Ok(None) };
        let record = open(sealed, &permit, self.now())?;
        self.gate().close(permit)?;
        Ok(Some(record))
    }

    /// The permit for the installation's own, automatic use of what was recorded (JP-030).
    pub(crate) fn own_look(&self) -> Result<Permit<Learn>, DeskError> {
        match self.flow_wish::<Learn>(&Actor::system(), Purpose::ProtOwn, Facts::none())? {
            Answer::Permitted(permit) => Ok(permit),
            Answer::Refused(refusal) => {
                let rule = refusal.decision.rule.map(|rule| rule.id);
                Err(DeskError::Standing { act: Learn::NAME.as_str(), rule })
            }
        }
    }

    fn flow_wish<A: Act>(
        &self,
        actor: &Actor,
        purpose: Purpose,
        facts: Facts,
    ) -> Result<Answer<A>, DeskError> {
        let scope = Scope { own_network: true, ..Scope::default() };
        Ok(self.gate().ask::<A>(flow_ask::<A>(actor, purpose, scope, facts, self.now()))?)
    }

    /// Writes in the case that an incident was asked for.
    async fn tell(
        &self,
        actor: &Actor,
        case: Option<&CaseId>,
        what: Happened,
        journal_index: u64,
        id: FindingId,
    ) -> Result<(), DeskError> {
        let Some(case) = case else { return Ok(()) };
        let keeping = self.standing(Work::Cases)?;
        let (at, by) = (self.now(), actor.person.clone());
        let entry = Entry { at, by, what, journal_index: Some(journal_index) };
        self.stores().cases().note(&keeping, case, &entry, &format!("incident {id}")).await?;
        Ok(())
    }
}

impl Which {
    fn holds(self, brief: &Brief) -> bool {
        match self {
            Self::Open => brief.is_open(),
            Self::Ended => !brief.is_open(),
            Self::All => true,
        }
    }
}

/// Puts a history in the order of its instants: what was measured is told later than what was found. What an open
/// incident has now is what was measured last; the course of one that is over ends with the fall behind its last second.
fn set_course(record: &mut Record) {
    let Record { newest, history } = record;
    history.sort_by_key(|moment| moment.at);
    if newest.state != FindingState::Ended {
        newest.now = history.last().map_or(newest.now, |moment| moment.rate);
        return;
    }
    let behind = history.iter().find(|moment| moment.at > newest.last && moment.state != FindingState::Ended);
    let near = newest.last.plus(FALL_US);
    let fall = behind.copied().filter(|moment| moment.at <= near);
    let fall = fall.unwrap_or(Moment { at: near, ..Moment::of(newest) });
    history.retain(|moment| moment.at <= newest.last);
    history.push(Moment { state: FindingState::Ended, ..fall });
}

fn check_door(actor: &Actor) -> Result<(), DeskError> {
    if actor.opens(Door::ReadsFlows) {
        return Ok(());
    }
    Err(DeskError::Role { role: "network operations, abuse desk, manager or administrator" })
}

fn flow_ask<A: Act>(actor: &Actor, purpose: Purpose, scope: Scope, facts: Facts, at: UtcMicros) -> Ask {
    Ask {
        act: A::NAME,
        data: DataSet::of(&[DataCategory::Flow]),
        purpose,
        basis: None,
        person: actor.person.clone(),
        roles: actor.roles.clone(),
        case: None,
        scope,
        facts,
        at,
    }
}

/// Incidents of one list at most.
pub const MOST_LISTED: usize = 1000;

/// An open incident of which nothing was noted for so long is not of the present, microseconds.
const OTHER_US: i64 = 1_200_000_000;
/// How long behind its last second the fall of an attack is drawn at most: as often as its strength is noted.
const FALL_US: i64 = 10_000_000;

#[cfg(test)]
mod tests;
