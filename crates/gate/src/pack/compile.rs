//! From a checked file to rules that are quick to evaluate.
//!
//! What comes in: the text of a pack whose signature holds. What goes out: a [`Pack`] with facts as bits, an index by
//! act, category and purpose, and each cell ordered by specificity.
//!
//! **Specificity.** Of two rules of a cell, that is the more specific which names fewer purposes; then fewer
//! categories; then fewer acts; then fewer roles; then asks for more facts; then has the lower id. The order is total,
//! so that the same pack always gives the same answer.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    CELLS, Loaded, Pack, PackError, cell_number,
    check::{self, Problem},
    form::{Condition, File, Rule},
    retention::Keep,
};
use crate::{
    request::RuleRef,
    vocabulary::{Basis, Verdict},
};

/// A conjunction of facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Conditions {
    /// The facts that must be so, a bit each.
    pub(crate) facts: u128,
    /// The limits on their values, by number of the fact.
    pub(crate) limits: Vec<(u8, Limit)>,
}

/// A limit on the value of a fact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    /// At most this number.
    AtMost(f64),
    /// At least this number.
    AtLeast(f64),
    /// Ahead of the asking, by at most so many days.
    AheadDays(u32),
    /// Behind the asking, by at most so many days.
    PastDays(u32),
}

/// A basis that a rule may stand on.
#[derive(Debug, Clone)]
pub(crate) struct Alternative {
    pub(crate) basis: Basis,
    /// What the basis asks for wherever it is relied on.
    pub(crate) own: Conditions,
    /// What the rule asks for beside that.
    pub(crate) further: Conditions,
    /// What the gate says when one of its own facts is missing.
    pub(crate) on_missing: Option<Verdict>,
}

pub(super) fn compile(text: &str, digest: String, signed_by: String) -> Result<Pack, PackError> {
    let file: File = toml::from_str(text).map_err(|e| {
        PackError::Problems(vec![Problem {
            place: check::line_of(text, e.span()),
            text: e.message().to_owned(),
        }])
    })?;
    let problems = check::problems(&file);
    if !problems.is_empty() {
        return Err(PackError::Problems(problems));
    }
    let zone = jiff::tz::TimeZone::get(&file.pack.zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let fact_index: BTreeMap<_, _> =
        file.fact.iter().zip(0_u8..).map(|(fact, number)| (fact.name.clone(), number)).collect();
    let mut rules: Vec<_> = file.rule.iter().map(|rule| load(rule, &file, &fact_index, &zone)).collect();
    for loaded in &mut rules {
        loaded.rule.tests.clear();
    }
    Ok(Pack {
        cells: index(&rules),
        jurisdiction: file.pack.jurisdiction,
        version: file.pack.version,
        title_ja: file.pack.title_ja,
        title_en: file.pack.title_en,
        digest,
        signed_by,
        facts: file.fact,
        fact_index,
        bases: file.basis,
        obligations: file.obligation.into_iter().map(|o| (o.id, (o.text_ja, o.text_en))).collect(),
        defects: file.defect.into_iter().map(|d| (d.id.clone(), d)).collect(),
        retention: file.retention.into_iter().map(|r| (r.id.clone(), r)).collect(),
        rules,
    })
}

fn load(rule: &Rule, file: &File, facts: &BTreeMap<String, u8>, zone: &jiff::tz::TimeZone) -> Loaded {
    let begin = |date: jiff::civil::Date| {
        date.to_zoned(zone.clone()).map_or(i64::MAX, |zoned| zoned.timestamp().as_microsecond())
    };
    let alternatives = rule.basis_any_of.iter().map(|used| {
        let decl = file.basis.iter().find(|b| b.id == used.basis());
        Alternative {
            basis: used.basis(),
            own: conditions(decl.map_or(&[], |d| &d.requires), facts),
            further: conditions(used.requires(), facts),
            on_missing: decl.and_then(|d| d.on_missing),
        }
    });
    Loaded {
        reference: RuleRef {
            id: rule.id.clone(),
            version: rule.version,
            mark: rule.mark.clone(),
            text_ja: rule.text_ja.clone(),
            text_en: rule.text_en.clone(),
        },
        from_us: begin(rule.effective_from),
        until_us: rule.effective_to.map_or(i64::MAX, begin),
        requires: conditions(&rule.requires, facts),
        unless: conditions(&rule.unless, facts),
        alternatives: alternatives.collect(),
        max_duration_s: rule.limits.max_duration.as_deref().and_then(Keep::parse).and_then(
            |keep| match keep {
                Keep::Seconds(seconds) => Some(seconds),
                Keep::Unlimited => None,
            },
        ),
        rule: rule.clone(),
        signed_off: false,
        standing: Vec::new(),
        agreed: Vec::new(),
    }
}

fn conditions(list: &[Condition], facts: &BTreeMap<String, u8>) -> Conditions {
    let mut all = Conditions::default();
    for condition in list {
        // INVARIANT: every name is declared, `check::problems` has seen to it; a stray one can never be held.
        let number = facts.get(condition.fact()).copied().unwrap_or(NEVER);
        all.facts |= 1 << number;
        if let Condition::Within(within) = condition {
            let limits = [
                within.at_most.map(Limit::AtMost),
                within.at_least.map(Limit::AtLeast),
                within.ahead_days.map(Limit::AheadDays),
                within.past_days.map(Limit::PastDays),
            ];
            all.limits.extend(limits.into_iter().flatten().map(|limit| (number, limit)));
        }
    }
    all
}

fn index(rules: &[Loaded]) -> Vec<Box<[u16]>> {
    let mut order: Vec<(u16, &Loaded)> = (0_u16..).zip(rules).collect();
    order.sort_by_key(|(_, loaded)| {
        let rule = &loaded.rule;
        let asked = Reverse(loaded.requires.facts.count_ones());
        (rule.purpose.len(), rule.data.len(), rule.act.len(), rule.actor_role.len(), asked, rule.id.clone())
    });
    let mut cells = vec![Vec::new(); CELLS];
    for (number, loaded) in order {
        for &act in &loaded.rule.act {
            for &data in &loaded.rule.data {
                for &purpose in &loaded.rule.purpose {
                    if let Some(cell) = cells.get_mut(cell_number(act, data, purpose)) {
                        cell.push(number);
                    }
                }
            }
        }
    }
    cells.into_iter().map(Vec::into_boxed_slice).collect()
}

/// The bit of no fact: packs declare at most 127.
const NEVER: u8 = 127;
