//! How the desk asks the gate: standing permits for its own work, and permits for people.

use tadoru_gate::gate::Statement;
use tadoru_gate::permit::{Act, Store};
use tadoru_gate::{Answer, Ask, Basis, DataCategory, DataSet, Facts, Permit, Purpose, Scope};
use tadoru_model::CaseId;

use crate::{Actor, Desk, DeskError, Stores};

/// What of the installation's own work a standing permit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Keeping assignment records (JP-060, JP-061).
    Assignments,
    /// Keeping venue records (JP-066).
    Venues,
    /// Keeping the subscriber directory (JP-067).
    Directory,
    /// Keeping flows (JP-030).
    Flows,
    /// Keeping the minimum of flows a second time, to find command servers (JP-050).
    C2Copy,
    /// Keeping complaints, cases and their evidence (JP-068).
    Cases,
}

/// On what ground a person asks for something: the case, the basis where they name one, and what they state.
#[derive(Debug, Clone)]
pub struct Stated {
    /// In which case.
    pub case: CaseId,
    /// The basis relied on; else the rule's order decides.
    pub basis: Option<Basis>,
    /// Facts that the person states.
    pub facts: Vec<(String, String)>,
    /// SHA-256 of what they attach to their statements.
    pub attached: Option<[u8; 32]>,
}

impl Work {
    const fn data(self) -> DataSet {
        DataSet::of(match self {
            Self::Assignments => &[DataCategory::Asgn],
            Self::Venues => &[DataCategory::Seat],
            Self::Directory => &[DataCategory::Sub],
            Self::Flows | Self::C2Copy => &[DataCategory::Flow],
            Self::Cases => &[DataCategory::Cmp],
        })
    }

    const fn purpose(self) -> Purpose {
        match self {
            Self::Flows => Purpose::ProtOwn,
            Self::C2Copy => Purpose::Detect,
            _ => Purpose::Clean,
        }
    }

    /// What the program itself sees to.
    fn facts(self) -> Facts {
        let mut facts = Facts::none();
        if self == Self::C2Copy {
            // The store keeps nothing but these fields, see `tadoru_store::flows::copy::minimum`.
            facts.derive("fields.minimum", "yes");
        }
        facts
    }
}

impl<S: Stores> Desk<S> {
    /// A standing permit for the installation's own recording, its ground in the journal.
    ///
    /// # Errors
    /// When the rules in force do not give it, or the gate cannot answer.
    pub fn standing(&self, work: Work) -> Result<Permit<Store>, DeskError> {
        match self.gate().ask::<Store>(self.standing_wish(work))? {
            Answer::Permitted(permit) => Ok(permit),
            Answer::Refused(refusal) => {
                let rule = refusal.decision.rule.map(|r| r.id);
                Err(DeskError::Standing { act: Store::NAME.as_str(), rule })
            }
        }
    }

    /// The wish for a standing permit.
    pub(crate) fn standing_wish(&self, work: Work) -> Ask {
        let system = Actor::system();
        Ask {
            act: Store::NAME,
            data: work.data(),
            purpose: work.purpose(),
            basis: None,
            person: system.person,
            roles: system.roles,
            case: None,
            scope: Scope { own_network: true, ..Scope::default() },
            facts: work.facts(),
            at: self.now(),
        }
    }

    /// The facts that a person states, written down before anything rests on them.
    ///
    /// # Errors
    /// When the person may not state one of them, or the gate fails.
    pub(crate) fn state(&self, actor: &Actor, stated: &Stated) -> Result<Facts, DeskError> {
        let mut facts = Facts::none();
        for (fact, value) in &stated.facts {
            self.gate().state(&Statement {
                person: actor.person.clone(),
                roles: actor.roles.clone(),
                fact: fact.clone(),
                value: value.clone(),
                case: Some(stated.case.clone()),
                evidence: stated.attached,
                at: self.now(),
            })?;
            facts.state(fact, value, &actor.person, &actor.roles);
        }
        Ok(facts)
    }
}
