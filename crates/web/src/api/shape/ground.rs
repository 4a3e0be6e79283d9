//! The ground of an answer, and a refusal with what is missing and who can supply it.

use serde::{Deserialize, Serialize};
use tadoru_desk::who::Ground;
use tadoru_gate::Packs;
use tadoru_gate::explain::{Lang, explain_decision};
use utoipa::ToSchema;

use super::rfc3339;

/// The ground of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Permit {
    /// Id of the rule, such as `JP-060`.
    pub rule: String,
    /// The basis, such as `BIZ`.
    pub basis: Option<String>,
    /// How sure the rule is: `A`, `B`, `C`, `S`, `P`.
    pub mark: Vec<String>,
    /// The rule's one sentence in Japanese.
    pub text_ja: String,
    /// The rule's one sentence in English.
    pub text_en: String,
    /// What is owed, by obligation id of the pack.
    pub obligations: Vec<String>,
    /// First instant at which the permit no longer holds, RFC 3339 in UTC.
    pub until: Option<String>,
    /// Where in the journal the decision stands.
    pub journal_index: u64,
}

/// The gate's no, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// `deny`, `need:approval`, `need:consent`, `need:legal-review` or `need:warrant`.
    pub verdict: String,
    /// Id of the rule that decided; `null` where no rule fits, which is a no.
    pub rule: Option<String>,
    /// The rule's one sentence in Japanese; empty where no rule fits.
    pub text_ja: String,
    /// The rule's one sentence in English; empty where no rule fits.
    pub text_en: String,
    /// What is missing.
    pub missing: Vec<Missing>,
    /// The id under which an approval can be given, when that is all that is missing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approval_id: Option<String>,
    /// Where in the journal the refusal stands.
    pub journal_index: u64,
    /// The whole of it in English, for people.
    pub explanation_en: String,
    /// The whole of it in Japanese, for people.
    pub explanation_ja: String,
}

/// Something that is missing, and who can supply it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Missing {
    /// Name of the fact, or of the approval (`approval:L`).
    pub name: String,
    /// In plain words, Japanese.
    pub text_ja: String,
    /// In plain words, English.
    pub text_en: String,
    /// Roles that may state or give it; empty: the program finds it.
    pub by: Vec<String>,
    /// Whether a person may state it.
    pub stated: bool,
}

impl Permit {
    pub(super) fn of(ground: &Ground) -> Self {
        Self {
            rule: ground.rule.id.clone(),
            basis: ground.basis.map(|b| b.as_str().to_owned()),
            mark: ground.rule.mark.iter().map(|m| m.as_str().to_owned()).collect(),
            text_ja: ground.rule.text_ja.clone(),
            text_en: ground.rule.text_en.clone(),
            obligations: ground.obligations.clone(),
            until: rfc3339(ground.until),
            journal_index: ground.journal_index,
        }
    }
}

impl Missing {
    pub(crate) fn of(need: &tadoru_gate::Need) -> Self {
        Self {
            name: need.name.clone(),
            text_ja: need.text_ja.clone(),
            text_en: need.text_en.clone(),
            by: need.by.iter().map(|role| role.as_str().to_owned()).collect(),
            stated: need.stated,
        }
    }
}

/// A refusal with its explanation by the packs in force.
pub(crate) fn refusal(packs: &Packs, refused: &tadoru_gate::Refusal) -> Refusal {
    let decision = &refused.decision;
    let rule = decision.rule.as_ref();
    let explained = |lang| explain_decision(packs, decision, lang).text(lang);
    Refusal {
        verdict: decision.verdict.as_str().to_owned(),
        rule: rule.map(|r| r.id.clone()),
        text_ja: rule.map(|r| r.text_ja.clone()).unwrap_or_default(),
        text_en: rule.map(|r| r.text_en.clone()).unwrap_or_default(),
        missing: decision.missing.iter().map(Missing::of).collect(),
        approval_id: refused.approval_id.clone(),
        journal_index: refused.journal_index,
        explanation_en: explained(Lang::En),
        explanation_ja: explained(Lang::Ja),
    }
}
