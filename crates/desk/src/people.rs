//! The people at the desk and their roles, from the configuration.

use serde::{Deserialize, Serialize};
use tadoru_model::{PersonId, Role};

/// A person as the configuration names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name that the journal will show.
    pub id: PersonId,
    /// The roles.
    pub roles: Vec<Role>,
    /// Login of this person on the machine: who gives a command over the desk's socket is known by it.
    #[serde(default)]
    pub unix_user: Option<String>,
}

/// Everybody at the desk.
#[derive(Debug, Clone, Default)]
pub struct People(Vec<Person>);

/// Whoever gives a command: a person, in all of their roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub person: PersonId,
    /// In which roles.
    pub roles: Vec<Role>,
}

impl People {
    /// These people.
    pub const fn new(people: Vec<Person>) -> Self {
        Self(people)
    }

    /// Everybody.
    pub fn all(&self) -> &[Person] {
        &self.0
    }

    /// Who gives commands under this login. Where nobody is configured, the installation has one seat: its user works
    /// the desk and runs the system, and no two-person rule can be met.
    pub fn behind(&self, unix_user: &str) -> Option<Actor> {
        if self.0.is_empty() {
            let roles = vec![Role::AbuseDesk, Role::NetworkOperations, Role::Administrator];
            return Some(Actor { person: PersonId(unix_user.to_owned()), roles });
        }
        let of = |p: &&Person| p.unix_user.as_deref() == Some(unix_user);
        self.0.iter().find(of).map(|p| Actor { person: p.id.clone(), roles: p.roles.clone() })
    }

    /// The person of that name.
    pub fn named(&self, id: &PersonId) -> Option<Actor> {
        self.0.iter().find(|p| p.id == *id).map(|p| Actor { person: p.id.clone(), roles: p.roles.clone() })
    }
}

/// What a role opens where no rule of a pack is asked: the one place that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Opening and closing cases.
    WorksCases,
    /// Seeing which cases and holds there are; what is written in them is opened by the gate.
    SeesCases,
    /// Reading the journal's entries, which name no address and no subscriber.
    ReadsJournal,
    /// Running the system: imports, deletion.
    RunsSystem,
    /// Asking the recorded flows; what shows somebody is for the gate to permit.
    ReadsFlows,
    /// Ending a hold; setting one is for the gate to permit.
    EndsHolds,
}

impl Door {
    /// The roles that it opens to.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::WorksCases => &[
                Role::AbuseDesk,
                Role::NetworkOperations,
                Role::LegalReviewer,
                Role::Requester,
                Role::UnitHead,
            ],
            Self::SeesCases => &[
                Role::AbuseDesk,
                Role::NetworkOperations,
                Role::LegalReviewer,
                Role::Approver,
                Role::Manager,
                Role::Auditor,
                Role::Requester,
                Role::UnitHead,
            ],
            Self::ReadsJournal => &[
                Role::AbuseDesk,
                Role::NetworkOperations,
                Role::LegalReviewer,
                Role::Approver,
                Role::Manager,
                Role::Auditor,
                Role::Administrator,
            ],
            Self::RunsSystem => &[Role::Administrator, Role::System],
            Self::ReadsFlows => {
                &[Role::NetworkOperations, Role::AbuseDesk, Role::Manager, Role::Administrator]
            }
            // Those who may ask for a preservation (JP-087).
            Self::EndsHolds => &[Role::AbuseDesk, Role::LegalReviewer],
        }
    }
}

impl Actor {
    /// The installation itself, under standing permits.
    pub fn system() -> Self {
        Self { person: PersonId("system".to_owned()), roles: vec![Role::System] }
    }

    /// Whether a role of the person's opens that door.
    pub fn opens(&self, door: Door) -> bool {
        door.roles().iter().any(|role| self.is(*role))
    }

    /// Whether the person has that role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
