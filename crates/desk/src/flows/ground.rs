//! The ground on which flows are asked about, and what a question is cut to by it.

use tadoru_gate::gate::Statement;
use tadoru_gate::permit::{Act, Aggregate, Learn};
use tadoru_gate::{ActName, Answer, Ask, Basis, DataCategory, DataSet, Facts, Purpose, Scope};
use tadoru_model::{CaseId, FindingId, Span, UtcMicros};
use tadoru_store::flows::Question;

use super::{CutTo, FlowInquiry};
use crate::{Actor, Desk, DeskError, Stores};

/// What somebody relies on who would be shown somebody.
#[derive(Debug, Clone, Default)]
pub struct FlowGround {
    /// In which case; it is opened where there is none.
    pub case: Option<CaseId>,
    /// An incident on file: the question is cut to its own flows.
    pub incident: Option<FindingId>,
    /// What for; the protection of own facilities where not told.
    pub purpose: Option<Purpose>,
    /// The basis relied on, where the person names one.
    pub basis: Option<Basis>,
    /// Facts that the person states.
    pub facts: Vec<(String, String)>,
    /// SHA-256 of what the facts rest on, where something was attached.
    pub attached: Option<[u8; 32]>,
}

impl<S: Stores> Desk<S> {
    /// A question, and of it what belongs to an incident where one is named.
    pub(crate) fn cut(
        &self,
        question: &Question,
        incident: Option<FindingId>,
    ) -> Result<(Question, Option<CutTo>), DeskError> {
        let Some(incident) = incident else { return Ok((question.clone(), None)) };
        let attack = self.attack(incident)?.ok_or(DeskError::NoIncident)?;
        let span = match question.span {
            Some(asked) => {
                let from = asked.from.max(attack.span.from);
                Span::new(from, asked.until.min(attack.span.until).max(from))
            }
            None => attack.span,
        };
        let filter = question.filter.clone().and(attack.filter);
        Ok((Question { filter, span: Some(span) }, Some(CutTo { incident, span })))
    }

    /// The permit for figures in which nobody can be told; the store refuses whatever else would come out under it.
    pub(crate) fn aggregate_permit(&self) -> Result<Answer<Aggregate>, DeskError> {
        let mut facts = Facts::none();
        facts.derive("output.aggregate", "yes");
        let scope = Scope { own_network: true, ..Scope::default() };
        let system = Actor::system();
        Ok(self.gate().ask(ask(Aggregate::NAME, Purpose::Stat, &system, scope, facts, self.now()))?)
    }

    /// The permit for whatever shows somebody, asked for the person; what they state is written down first.
    pub(crate) fn learn_permit(
        &self,
        inquiry: &FlowInquiry,
        span: Option<Span>,
    ) -> Result<Answer<Learn>, DeskError> {
        let FlowInquiry { actor, ground, .. } = inquiry;
        let told = |span: Span| span.from > UtcMicros::MIN && span.until < UtcMicros::MAX;
        if ground.purpose.is_some() && !span.is_some_and(told) {
            return Err(DeskError::Question { why: "its time has no beginning or no end" });
        }
        let now = self.now();
        let mut facts = Facts::none();
        if let Some(incident) = ground.incident {
            // The question was cut to the incident's own flows.
            facts.derive("incident.id", &incident.to_string());
            facts.derive("scope.attack_only", "yes");
        }
        for (fact, value) in &ground.facts {
            self.gate().state(&Statement {
                person: actor.person.clone(),
                roles: actor.roles.clone(),
                fact: fact.clone(),
                value: value.clone(),
                case: ground.case.clone(),
                evidence: ground.attached,
                at: now,
            })?;
            facts.state(fact, value, &actor.person, &actor.roles);
        }
        let incident = ground.incident.map(|id| format!("incident {id}"));
        let endpoints = incident.into_iter().chain([format!("flows {}", inquiry.words.trim())]).collect();
        let scope = Scope { endpoints, span, ..Scope::default() };
        let purpose = ground.purpose.unwrap_or(Purpose::ProtOwn);
        let ask = ask(Learn::NAME, purpose, actor, scope, facts, now);
        Ok(self.gate().ask(Ask { basis: ground.basis, case: ground.case.clone(), ..ask })?)
    }
}

fn ask(act: ActName, purpose: Purpose, actor: &Actor, scope: Scope, facts: Facts, at: UtcMicros) -> Ask {
    Ask {
        act,
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
