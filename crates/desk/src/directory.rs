//! The person behind a contract: a separate, sealed step after the answer, and a deed of its own.

use tadoru_gate::gate::Statement;
use tadoru_gate::permit::Learn;
use tadoru_gate::{ActName, Answer, Ask, Basis, DataCategory, DataSet, Facts, Purpose, Refusal, Scope};
use tadoru_model::{CaseId, SubscriberId};
use tadoru_store::cases::{Cases as _, Entry, Happened};
use tadoru_store::subscribers::{Subscribers as _, Version};

use crate::ask::Work;
use crate::casework::check_case;
use crate::{Actor, Desk, DeskError, Stores};

/// What is wanted of the directory, and on what ground.
#[derive(Debug, Clone)]
pub struct Look {
    /// Who asks.
    pub actor: Actor,
    /// In which case.
    pub case: CaseId,
    /// What for.
    pub purpose: Purpose,
    /// The basis relied on, where the person names one.
    pub basis: Option<Basis>,
    /// Facts that the person states.
    pub facts: Vec<(String, String)>,
    /// Which contract.
    pub subscriber: SubscriberId,
}

/// A contract, opened; or the refusal.
pub enum Page {
    /// The contract as the imports had it, the latest first, and where in the journal the permit stands.
    Opened(Vec<Version>, u64),
    /// The gate refused.
    Refused(Box<Refusal>),
}

impl<S: Stores> Desk<S> {
    /// Shows a contract with its contact data, when the gate permits it; the case is opened or joined, and knows of it.
    ///
    /// # Errors
    /// When the case is closed, or the gate or the store fails.
    pub async fn show_subscriber(&self, look: Look) -> Result<Page, DeskError> {
        let now = self.now();
        check_case(&look.case)?;
        let keeping = self.standing(Work::Cases)?;
        let Actor { person, roles } = &look.actor;
        let mut facts = Facts::none();
        for (fact, value) in &look.facts {
            let statement = Statement {
                person: person.clone(),
                roles: roles.clone(),
                fact: fact.clone(),
                value: value.clone(),
                case: Some(look.case.clone()),
                evidence: None,
                at: now,
            };
            self.gate().state(&statement)?;
            facts.state(fact, value, person, roles);
        }
        let ask = Ask {
            act: ActName::Learn,
            data: DataSet::of(&[DataCategory::Sub]),
            purpose: look.purpose,
            basis: look.basis,
            person: person.clone(),
            roles: roles.clone(),
            case: Some(look.case.clone()),
            scope: Scope { subscribers: vec![look.subscriber.0.clone()], ..Scope::default() },
            facts,
            at: now,
        };
        match self.gate().ask::<Learn>(ask)? {
            Answer::Refused(refusal) => Ok(Page::Refused(Box::new(refusal))),
            Answer::Permitted(permit) => {
                let (cases, index) = (self.stores().cases(), permit.journal_index());
                cases.open_or_join(&keeping, &look.case, person, now).await?;
                let entry =
                    Entry { at: now, by: person.clone(), what: Happened::Asked, journal_index: Some(index) };
                cases.note(&keeping, &look.case, &entry, "subscriber show").await?;
                let sealed = self.stores().subscribers().show(&permit, &look.subscriber).await?;
                let versions = sealed.into_open(&permit, now).map_err(|e| DeskError::Seal(Box::new(e)))?;
                self.gate().close(permit)?;
                Ok(Page::Opened(versions, index))
            }
        }
    }
}
