//! "Where does this attack come in?": an incident's own flows, followed to the interfaces of their ingress.
//!
//! What comes in: a person and an incident on file. What goes out: the share that entered by each interface and what is
//! unaccounted for, on the ground that the rules give for it (JP-035): the gate is asked first, only the attack's own
//! 5-tuples are read, and the way is followed no further than the edge of the own network.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sha2::{Digest as _, Sha256};
use tadoru_gate::journal::Event;
use tadoru_gate::permit::{Act as _, Learn};
use tadoru_gate::request::RuleRef;
use tadoru_gate::{Answer as Gated, Ask, DataCategory, DataSet, Facts, Permit, Purpose, Refusal, Scope};
use tadoru_model::{CaseId, FindingId, Span, UtcMicros};
use tadoru_store::cases::{CaseError, Cases as _, Entry, Happened};
use tadoru_store::flows::Question;
use tadoru_trace::ingress::Follower;

use crate::ask::Work;
use crate::casework::check_case;
use crate::flows::open;
use crate::incidents::Attack;
use crate::{Actor, Desk, DeskError, Door, Stores};

pub use tadoru_trace::ingress::{Answer, How, Ingress, Passage, Place, Volume};

/// Where an attack came in, or the gate's refusal.
#[derive(Debug)]
pub enum IngressReply {
    /// Where.
    Told(Box<IngressTold>),
    /// The gate refused.
    Refused(Box<Refusal>),
}

/// Where an attack came in, and what the answer stands on.
#[derive(Debug)]
pub struct IngressTold {
    /// The time that was followed.
    pub span: Span,
    /// The answer.
    pub answer: Answer,
    /// The rule that permits it.
    pub rule: RuleRef,
    /// What is owed, by obligation id.
    pub obligations: Vec<String>,
    /// First instant at which the permit no longer holds.
    pub until: UtcMicros,
    /// Where the answer stands in the journal.
    pub journal_index: u64,
}

impl<S: Stores> Desk<S> {
    /// Follows an incident's own flows to their ingress. With a case, that it was asked is written in the case, which is
    /// opened where there is none. It blocks while it reads.
    ///
    /// # Errors
    /// When the person's roles do not open the flows, there is no such incident, the case is closed, or the gate or a store
    /// fails. A refusal is a reply.
    pub async fn trace_ingress(
        &self,
        actor: &Actor,
        id: FindingId,
        case: Option<CaseId>,
    ) -> Result<IngressReply, DeskError> {
        if !actor.opens(Door::ReadsFlows) {
            return Err(DeskError::Role { role: "network operations, abuse desk, manager or administrator" });
        }
        case.as_ref().map_or(Ok(()), check_case)?;
        let attack = self.attack(id)?.ok_or(DeskError::NoIncident)?;
        let now = self.now();
        let permit = match self.gate().ask::<Learn>(ingress_ask(actor, id, attack.span, case.clone(), now))? {
            Gated::Permitted(permit) => permit,
            Gated::Refused(refusal) => {
                let noted = self
                    .note_ingress(actor, case.as_ref(), Happened::Refused, refusal.journal_index, id)
                    .await;
                return match noted {
                    // A refused question opens no case.
                    Ok(()) | Err(DeskError::Case(CaseError::Unknown(_))) => {
                        Ok(IngressReply::Refused(Box::new(refusal)))
                    }
                    Err(error) => Err(error),
                };
            }
        };
        if let Some(case) = &case {
            let keeping = self.standing(Work::Cases)?;
            self.stores().cases().open_or_join(&keeping, case, &actor.person, now).await?;
        }
        let span = attack.span;
        let answer = self.follow(&permit, attack)?;
        let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
        for way in &answer.ingress {
            *outcomes.entry(format!("ingress-{}", way.how.as_str())).or_default() += 1;
        }
        let rule = permit.rule().clone();
        let (until, obligations) = (permit.until(), permit.obligations().to_vec());
        let answered = Event::Answered {
            permit: permit.journal_index(),
            case: case.clone(),
            outcomes,
            evidence: Some(digest(&answer)),
        };
        let journal_index = self.gate().close_with(permit, &answered, now)?;
        self.note_ingress(actor, case.as_ref(), Happened::Asked, journal_index, id).await?;
        Ok(IngressReply::Told(Box::new(IngressTold {
            span,
            answer,
            rule,
            obligations,
            until,
            journal_index,
        })))
    }

    /// Reads the attack's own flows and nothing else, part by part.
    fn follow(&self, permit: &Permit<Learn>, attack: Attack) -> Result<Answer, DeskError> {
        let Attack { span, filter } = attack;
        let question = Question { filter, span: Some(span) };
        let network = self.network();
        let mut follower = Follower::new(span, network.places());
        let mut fault = None;
        self.stores().flows().replay(permit, &question, &mut |sealed| {
            match open(sealed, permit, self.now()) {
                Ok(flows) => follower.take(&flows),
                Err(error) => {
                    fault = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        fault.map_or_else(|| Ok(follower.finish()), Err)
    }

    /// Writes in the case that an incident's ingress was asked for.
    async fn note_ingress(
        &self,
        actor: &Actor,
        case: Option<&CaseId>,
        what: Happened,
        journal_index: u64,
        id: FindingId,
    ) -> Result<(), DeskError> {
        let Some(case) = case else { return Ok(()) };
        let keeping = self.standing(Work::Cases)?;
        let entry =
            Entry { at: self.now(), by: actor.person.clone(), what, journal_index: Some(journal_index) };
        self.stores().cases().note(&keeping, case, &entry, &format!("ingress of incident {id}")).await?;
        Ok(())
    }
}

fn ingress_ask(actor: &Actor, id: FindingId, span: Span, case: Option<CaseId>, at: UtcMicros) -> Ask {
    let mut facts = Facts::none();
    // It is on file, and only the flows that are its own are read.
    facts.derive("incident.id", &id.to_string());
    facts.derive("scope.attack_only", "yes");
    Ask {
        act: Learn::NAME,
        data: DataSet::of(&[DataCategory::Flow]),
        purpose: Purpose::TraceIn,
        basis: None,
        person: actor.person.clone(),
        roles: actor.roles.clone(),
        case,
        scope: Scope { endpoints: vec![format!("incident {id}")], span: Some(span), ..Scope::default() },
        facts,
        at,
    }
}

/// SHA-256 over the shares as they were told.
fn digest(answer: &Answer) -> String {
    let mut digest = Sha256::new();
    for way in &answer.ingress {
        let (at, share) = (way.interface.unwrap_or_default(), way.share.packets);
        digest.update(format!("{} {at} {} {share:.6}\n", way.exporter, way.how.as_str()));
    }
    digest.update(format!("{:.6} {}\n", answer.unaccounted.packets, answer.why.join("\n")));
    digest.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
}
