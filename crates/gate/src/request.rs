//! What is asked of the gate, and what it answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tadoru_model::{CaseId, PersonId, Role, Span, UtcMicros};

use crate::vocabulary::{ActName, Basis, DataSet, Mark, Purpose, Verdict};

/// A wish, in the literal words of the deed.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The deed.
    pub act: ActName,
    /// What it is done to.
    pub data: DataSet,
    /// What for.
    pub purpose: Purpose,
    /// The basis that the person relies on, when they name one; else the rule's order decides.
    pub basis: Option<Basis>,
    /// The person who asks.
    pub person: PersonId,
    /// The roles that the person has.
    pub roles: Vec<Role>,
    /// The case; standing permits have none.
    pub case: Option<CaseId>,
    /// What it is limited to.
    pub scope: Scope,
    /// Facts on hand.
    pub facts: Facts,
    /// The instant of asking, by the clock handed in.
    pub at: UtcMicros,
}

/// What a permit is limited to. Nothing of it is written to the journal in the clear.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The endpoints, as canonical text.
    pub endpoints: Vec<String>,
    /// The subscribers, by contract id.
    pub subscribers: Vec<String>,
    /// The time that the data are of.
    pub span: Option<Span>,
    /// The whole own network, aggregated: for standing permits.
    pub own_network: bool,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} endpoints, {} subscribers]", self.endpoints.len(), self.subscribers.len())
    }
}

/// Facts on hand: stated by a person, or derived by the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, Fact>);

/// One fact on hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its value: `yes`, a number, a date, an identifier.
    pub value: String,
    /// Who says so.
    pub from: FactOrigin,
}

/// Who says that a fact is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactOrigin {
    /// A person of the staff, journaled as their statement.
    Stated(PersonId, Vec<Role>),
    /// The program found it: a signature that verifies, a consent on record, a complaint's grade.
    Derived,
}

impl Facts {
    /// No facts.
    pub fn none() -> Self {
        Self::default()
    }

    /// A person states it.
    pub fn state(&mut self, name: &str, value: &str, person: &PersonId, roles: &[Role]) {
        let from = FactOrigin::Stated(person.clone(), roles.to_vec());
        self.0.insert(name.to_owned(), Fact { value: value.to_owned(), from });
    }

    /// The program found it.
    pub fn derive(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Fact { value: value.to_owned(), from: FactOrigin::Derived });
    }

    /// The fact of that name.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.0.iter().map(|(name, fact)| (name.as_str(), fact))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the rules say to a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Yes, no, or what is needed first.
    pub verdict: Verdict,
    /// The rule that decided, `None` where no rule fits (which is a no).
    pub rule: Option<RuleRef>,
    /// The basis that the permit stands on.
    pub basis: Option<Basis>,
    /// What is missing, one line each.
    pub missing: Vec<Need>,
    /// What is owed when it is permitted, by obligation id of the pack.
    pub obligations: Vec<String>,
    /// The retention class of what comes of it.
    pub retention: Option<String>,
    /// Approvals the rule asks for.
    pub approval: Approval,
    /// Which defect of the request stands in the way, by defect code of the pack.
    pub defect: Option<String>,
    /// The longest time that a permit under the rule may last, in seconds; `None`: the rule sets no end of its own.
    pub max_duration_s: Option<u64>,
}

/// A rule, as decisions name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRef {
    /// Id, such as `JP-081`.
    pub id: String,
    /// Version of the rule.
    pub version: u32,
    /// How sure it is.
    pub mark: Vec<Mark>,
    /// Its one sentence in Japanese.
    pub text_ja: String,
    /// Its one sentence in English.
    pub text_en: String,
}

/// Something that is missing, and who can supply it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Name of the fact, or of the approval (`approval:L`).
    pub name: String,
    /// In plain words, Japanese.
    pub text_ja: String,
    /// In plain words, English.
    pub text_en: String,
    /// Who may state or give it; empty: the program derives it.
    pub by: Vec<Role>,
    /// Whether a person may state it.
    pub stated: bool,
}

/// Which people must agree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// One of these roles each must be among those who agree (`L`, `M`, …).
    #[serde(default)]
    pub roles: Vec<Role>,
    /// How many different persons; 0: automatic, 1: may be the one who asks if the role allows.
    #[serde(default)]
    pub persons: u8,
    /// In an emergency the deed may come first, and the approval within so many minutes. Never applied where two
    /// persons are asked for.
    #[serde(default)]
    pub emergency_after_minutes: Option<u32>,
    /// The roles in which the one who asks counts as one of those who agree.
    #[serde(default)]
    pub asker: Vec<Role>,
    /// Whether it is given for each wish, or once for a version of the rule.
    #[serde(default)]
    pub per: ApprovalPer,
}

/// How often an approval has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalPer {
    /// For each wish.
    #[default]
    Ask,
    /// Once for a version of the pack: at the gate, or by the operator's sign-off.
    Version,
}

/// The gate's no, or not yet. An answer, not an error.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What the rules said.
    pub decision: Decision,
    /// Where in the journal it stands.
    pub journal_index: u64,
    /// The id under which an approval can be given, when that is all that is missing.
    pub approval_id: Option<String>,
}
