//! The form of a pack file: what may stand in it, and nothing else.
//!
//! What comes in: TOML. What goes out: the same as values; every key is known and every word is of a closed list. It
//! never judges whether the names in it are declared: that is `check`.

use serde::{Deserialize, Serialize};
use tadoru_model::Role;

use super::retention::RetentionClass;
use crate::{
    request::Approval,
    vocabulary::{ActName, Basis, DataCategory, Mark, Purpose, Verdict},
};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the pack is.
    pub pack: Head,
    /// The bases that the pack knows, with what each of them asks for.
    pub basis: Vec<BasisDecl>,
    /// The facts that its rules ask for.
    pub fact: Vec<FactDecl>,
    /// What may be owed.
    #[serde(default)]
    pub obligation: Vec<ObligationDecl>,
    /// How long things are kept.
    #[serde(default)]
    pub retention: Vec<RetentionClass>,
    /// What may be wrong with a request.
    #[serde(default)]
    pub defect: Vec<DefectDecl>,
    /// The rules.
    pub rule: Vec<Rule>,
}

/// What a pack is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Jurisdiction, two capital letters.
    pub jurisdiction: String,
    /// Version of the pack.
    pub version: String,
    /// The zone in which its dates begin and end.
    pub zone: String,
    /// Title in Japanese.
    pub title_ja: String,
    /// Title in English.
    pub title_en: String,
}

/// A lawful basis, and what it asks for wherever it is relied on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasisDecl {
    /// The basis.
    pub id: Basis,
    /// Facts that it always asks for.
    #[serde(default)]
    pub requires: Vec<Condition>,
    /// What the gate says when one of them is missing.
    #[serde(default)]
    pub on_missing: Option<Verdict>,
    /// Its name in plain Japanese.
    pub text_ja: String,
    /// Its name in plain English.
    pub text_en: String,
}

/// A fact that rules may ask for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactDecl {
    /// Dotted lower-case name, such as `complaint.id`.
    pub name: String,
    /// What its value is.
    pub kind: FactKind,
    /// Who says so.
    pub from: FactFrom,
    /// The roles that may state it; none for derived facts.
    #[serde(default)]
    pub by: Vec<Role>,
    /// The defect of a request in which it is missing.
    #[serde(default)]
    pub defect: Option<String>,
    /// What it says, in Japanese.
    pub text_ja: String,
    /// What it says, in English.
    pub text_en: String,
}

/// What the value of a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// `yes`; `no` is the same as not given.
    Yes,
    /// Some words or an identifier, not empty.
    Text,
    /// A finite decimal number.
    Number,
    /// A civil date `2026-11-21`, or an instant with its zone.
    Date,
}

/// Who says that a fact is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactFrom {
    /// A person of the staff in one of the named roles; the program may find it as well.
    Stated,
    /// The program only.
    Derived,
}

/// A duty that comes with a permit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObligationDecl {
    /// Its id.
    pub id: String,
    /// In Japanese.
    pub text_ja: String,
    /// In English.
    pub text_en: String,
}

/// Something that may be wrong with a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefectDecl {
    /// Its code, used in replies.
    pub id: String,
    /// In Japanese.
    pub text_ja: String,
    /// In English.
    pub text_en: String,
}

/// A rule, or a further paragraph of one (`JP-004.2`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Id, such as `JP-081`.
    pub id: String,
    /// Version of the rule, from 1.
    pub version: u32,
    /// What follows when it fits.
    #[serde(default)]
    pub effect: Effect,
    /// First day in force.
    pub effective_from: jiff::civil::Date,
    /// First day no longer in force.
    #[serde(default)]
    pub effective_to: Option<jiff::civil::Date>,
    /// The deeds.
    #[serde(default)]
    pub act: Vec<ActName>,
    /// What they are done to.
    #[serde(default)]
    pub data: Vec<DataCategory>,
    /// What for.
    #[serde(default)]
    pub purpose: Vec<Purpose>,
    /// Who may do it.
    #[serde(default)]
    pub actor_role: Vec<Role>,
    /// The bases, in order; the first that is satisfied is recorded.
    #[serde(default)]
    pub basis_any_of: Vec<BasisUse>,
    /// Facts that must be so.
    #[serde(default)]
    pub requires: Vec<Condition>,
    /// Facts that lift a deny or a need, when all of them are so.
    #[serde(default)]
    pub unless: Vec<Condition>,
    /// What it is limited to.
    #[serde(default)]
    pub limits: Limits,
    /// What is owed.
    #[serde(default)]
    pub obligations: Vec<String>,
    /// Who must agree.
    #[serde(default)]
    pub approval: Approval,
    /// Retention class of what comes of it.
    #[serde(default)]
    pub retention: Option<String>,
    /// What the gate says when a fact is missing.
    #[serde(default)]
    pub on_fail: OnFail,
    /// Whether it gives nothing before the operator's counsel has signed it.
    #[serde(default)]
    pub sign_off: SignOffNeed,
    /// One sentence in Japanese.
    pub text_ja: String,
    /// One sentence in English.
    pub text_en: String,
    /// Where it comes from.
    pub source: String,
    /// How sure it is.
    pub mark: Vec<Mark>,
    /// Vectors that must come out.
    #[serde(default)]
    pub tests: Vec<Vector>,
}

/// What follows when a rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Effect {
    /// The deed is permitted under its conditions.
    #[default]
    #[serde(rename = "permit")]
    Permit,
    /// The deed is denied, whatever else permits it.
    #[serde(rename = "deny")]
    Deny,
    /// Consent is needed, whatever else permits it.
    #[serde(rename = "need:consent")]
    NeedConsent,
    /// The legal reviewer decides, whatever else permits it.
    #[serde(rename = "need:legal-review")]
    NeedLegalReview,
    /// A standing duty of the operator; it opens nothing and closes nothing.
    #[serde(rename = "duty")]
    Duty,
}

impl Effect {
    /// What the gate says when a rule that stops a deed fits; `None` for permits and duties.
    pub const fn stops_with(self) -> Option<Verdict> {
        match self {
            Self::Permit | Self::Duty => None,
            Self::Deny => Some(Verdict::Deny),
            Self::NeedConsent => Some(Verdict::NeedConsent),
            Self::NeedLegalReview => Some(Verdict::NeedLegalReview),
        }
    }
}

/// A basis that a rule may stand on, with what the rule asks for beside the basis's own facts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum BasisUse {
    /// The basis with its own facts.
    Plain(Basis),
    /// The basis with further facts.
    With(BasisWith),
}

/// A basis with further facts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasisWith {
    /// The basis.
    pub basis: Basis,
    /// The further facts.
    pub requires: Vec<Condition>,
}

impl BasisUse {
    /// The basis.
    pub const fn basis(&self) -> Basis {
        match self {
            Self::Plain(basis) => *basis,
            Self::With(with) => with.basis,
        }
    }

    /// The further facts.
    pub fn requires(&self) -> &[Condition] {
        match self {
            Self::Plain(_) => &[],
            Self::With(with) => &with.requires,
        }
    }
}

/// A fact that must be so, and within which limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// It is so.
    Held(String),
    /// It is so within a limit.
    Within(Within),
}

/// A fact with a limit on its value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// The fact.
    pub fact: String,
    /// The largest number.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// The smallest number.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// A date that lies ahead of the asking by at most so many days.
    #[serde(default)]
    pub ahead_days: Option<u32>,
    /// A date that lies behind the asking by at most so many days.
    #[serde(default)]
    pub past_days: Option<u32>,
}

impl Condition {
    /// The fact's name.
    pub fn fact(&self) -> &str {
        match self {
            Self::Held(name) => name,
            Self::Within(within) => &within.fact,
        }
    }
}

/// What a permit is limited to beside its scope.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The fields, period or width that it covers, in Japanese.
    #[serde(default)]
    pub scope_ja: Option<String>,
    /// The same in English.
    #[serde(default)]
    pub scope_en: Option<String>,
    /// The longest time that it lasts, such as `24 h`.
    #[serde(default)]
    pub max_duration: Option<String>,
}

/// What the gate says when a fact is missing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnFail {
    /// The outcome.
    pub outcome: Verdict,
    /// The defect code.
    #[serde(default)]
    pub defect: Option<String>,
    /// The rule that says so, when it is another.
    #[serde(default)]
    pub rule: Option<String>,
}

impl Default for OnFail {
    fn default() -> Self {
        Self { outcome: Verdict::Deny, defect: None, rule: None }
    }
}

/// Whether a rule gives anything before the operator's counsel has signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignOffNeed {
    /// It does, with a warning where it is marked C.
    #[default]
    Warn,
    /// It is off until then.
    Required,
}

/// A vector that a pack brings along and that must come out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Its name, such as `V1`.
    pub name: String,
    /// The deed.
    pub act: ActName,
    /// What it is done to.
    pub data: Vec<DataCategory>,
    /// What for.
    pub purpose: Purpose,
    /// The roles of the one who asks.
    pub roles: Vec<Role>,
    /// The basis that is named.
    #[serde(default)]
    pub basis: Option<Basis>,
    /// Facts on hand; `yes` where no value is given.
    #[serde(default)]
    pub facts: Vec<String>,
    /// The roles of each further person who agrees.
    #[serde(default)]
    pub approvals: Vec<Vec<Role>>,
    /// What must come out.
    pub expect: Verdict,
    /// The rule that must decide.
    #[serde(default)]
    pub rule: Option<String>,
    /// The defect that must be named.
    #[serde(default)]
    pub defect: Option<String>,
}
