//! The ground of an opening as people see it: the rule's own sentence with what it takes, before; a refusal, after.

use std::collections::BTreeMap;

use super::{Visitor, told};
use crate::api::gate::{ExplainRequest, Explained};
use crate::api::problem::Problem;
use crate::api::shape::{Missing, Refusal};
use crate::console::Console;
use crate::words::Lang;
use crate::words::fixed::{self, word};

/// What the rules say to a wish, and what of it the visitor may state.
pub(super) struct Rules {
    pub(super) explained: Explained,
    pub(super) verdict: String,
    pub(super) facts: Vec<Fact>,
    pub(super) others: Vec<Other>,
}

/// A fact that the visitor may state.
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) value: String,
}

/// What is missing and is not the visitor's to state.
pub(super) struct Other {
    pub(super) text: String,
    pub(super) by: String,
}

/// A refusal in the form that people read.
pub(super) struct No {
    pub(super) refusal: Refusal,
    pub(super) verdict: String,
    pub(super) text: String,
    pub(super) missing: Vec<Other>,
}

/// A wish: the deed, the data, the purpose, the basis relied on.
pub(super) struct Wish<'w> {
    pub(super) act: &'w str,
    pub(super) data: &'w [&'w str],
    pub(super) purpose: &'w str,
    pub(super) basis: &'w str,
    /// What the program itself finds.
    pub(super) found: &'w [(&'w str, &'w str)],
}

impl Rules {
    /// Asks what the rules say. Nothing is asked of the gate.
    pub(super) async fn of(
        console: &Console,
        visitor: &Visitor,
        wish: &Wish<'_>,
        typed: &BTreeMap<String, String>,
    ) -> Result<Self, Problem> {
        let lang = visitor.lang;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = ExplainRequest {
            act: wish.act.to_owned(),
            data: wish.data.iter().map(|data| (*data).to_owned()).collect(),
            purpose: wish.purpose.to_owned(),
            basis: Some(wish.basis.to_owned()).filter(|basis| !basis.is_empty()),
            facts: wish.found.iter().map(owned).collect(),
            lang: Some(lang.as_str().to_owned()),
        };
        let explained: Explained = console.post(visitor, "/v1/gate/explain", &request).await?;
        Ok(Self::told(visitor, explained, typed))
    }

    /// Of what the rules said.
    pub(super) fn told(visitor: &Visitor, explained: Explained, typed: &BTreeMap<String, String>) -> Self {
        let (facts, others) = supplied(visitor, &explained.needs, typed);
        let verdict = word(visitor.lang, fixed::VERDICTS, &explained.verdict).to_owned();
        Self { explained, verdict, facts, others }
    }
}

/// What the visitor may state, with what was typed, and what others have to supply.
pub(super) fn supplied(
    visitor: &Visitor,
    needs: &[Missing],
    typed: &BTreeMap<String, String>,
) -> (Vec<Fact>, Vec<Other>) {
    let lang = visitor.lang;
    let (mut facts, mut others) = (Vec::new(), Vec::new());
    for need in needs {
        let text = lang.of(&need.text_ja, &need.text_en).to_owned();
        let is_mine = visitor.actor.roles.iter().any(|role| need.by.iter().any(|by| by == role.as_str()));
        if need.stated && is_mine {
            let value = typed.get(&need.name).cloned().unwrap_or_default();
            facts.push(Fact { name: need.name.clone(), text, value });
        } else {
            others.push(Other { text, by: supplied_by(lang, &need.by) });
        }
    }
    // What was stated before and is not asked for now is not lost.
    for (name, value) in typed {
        if facts.iter().all(|fact| fact.name != *name) {
            facts.push(Fact { name: name.clone(), text: name.clone(), value: value.clone() });
        }
    }
    (facts, others)
}

impl No {
    /// Of what the gate said.
    pub(super) fn of(lang: Lang, refusal: &Refusal) -> Self {
        let explained = lang.of(&refusal.explanation_ja, &refusal.explanation_en);
        let missing = refusal.missing.iter().map(|need| Other {
            text: lang.of(&need.text_ja, &need.text_en).to_owned(),
            by: supplied_by(lang, &need.by),
        });
        Self {
            verdict: word(lang, fixed::VERDICTS, &refusal.verdict).to_owned(),
            text: explained.lines().next().unwrap_or_default().to_owned(),
            missing: missing.collect(),
            refusal: refusal.clone(),
        }
    }
}

/// Who can supply something; nobody by name where the program finds it.
fn supplied_by(lang: Lang, roles: &[String]) -> String {
    if roles.is_empty() {
        return lang.words().found_by_program.to_owned();
    }
    roles.iter().map(|role| word(lang, fixed::ROLES, role)).collect::<Vec<_>>().join(lang.of("・", ", "))
}

/// What is wrong with a form: at which field, and what.
#[derive(Default)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) text: String,
}

impl Wrong {
    /// Of what the API said, at the first of `fields` whose code it has; at the first of all where none fits.
    pub(super) fn of(lang: Lang, problem: &Problem, fields: &[(&'static str, &[&str])]) -> Self {
        let code = problem.error.code.as_str();
        let fits = |(_, codes): &&(&'static str, &[&str])| codes.contains(&code);
        let field = fields.iter().find(fits).or_else(|| fields.first()).map_or("", |(field, _)| field);
        Self { field, text: told(lang, problem) }
    }

    pub(super) fn at(&self, field: &str) -> bool {
        !self.text.is_empty() && self.field == field
    }
}
