//! The ground that a request names: case, purpose, basis, stated facts.

use std::collections::{BTreeMap, BTreeSet};

use tadoru_desk::ask::Stated;
use tadoru_desk::{Desk, Stores};
use tadoru_gate::pack::form::{Condition, FactFrom, Rule};
use tadoru_gate::{ActName, Basis, DataCategory, Purpose};
use tadoru_model::CaseId;

use super::problem::Problem;

/// On what ground something is asked.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) case: CaseId,
    pub(super) purpose: Purpose,
    pub(super) basis: Option<Basis>,
    pub(super) facts: Vec<(String, String)>,
    pub(super) attached: Option<[u8; 32]>,
}

/// The ground in the words of a request.
pub(super) struct Words<'w> {
    pub(super) case: &'w str,
    pub(super) purpose: &'w str,
    pub(super) basis: Option<&'w str>,
    pub(super) facts: &'w BTreeMap<String, String>,
    pub(super) attached: Option<&'w str>,
}

/// Reads the words.
pub(super) fn read(words: &Words<'_>) -> Result<Named, Problem> {
    let Stated { case, basis, facts, attached } =
        stated(words.case, words.basis, words.facts, words.attached)?;
    Ok(Named { case, purpose: purpose(words.purpose)?, basis, facts, attached })
}

/// Reads a ground whose purpose the route itself tells.
pub(super) fn stated(
    case: &str,
    basis_word: Option<&str>,
    facts: &BTreeMap<String, String>,
    attached: Option<&str>,
) -> Result<Stated, Problem> {
    if facts.len() > MOST_FACTS {
        return Err(Problem::wrong("facts", format!("more than {MOST_FACTS} facts are stated")));
    }
    Ok(Stated {
        case: CaseId(case.to_owned()),
        basis: basis_word.map(basis).transpose()?,
        facts: facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        attached: attached.map(digest).transpose()?,
    })
}

/// Refuses a fact that the rules in force do not know, with those that can be stated for such a wish.
pub(super) fn check_facts<S: Stores>(
    desk: &Desk<S>,
    (act, data): (ActName, DataCategory),
    named: &Named,
) -> Result<(), Problem> {
    let packs = desk.gate().packs();
    let Some(pack) = packs.current() else { return Ok(()) };
    if named.facts.iter().all(|(name, _)| pack.fact(name).is_some()) {
        return Ok(());
    }
    let speaks = |rule: &&Rule| {
        rule.act.contains(&act) && rule.data.contains(&data) && rule.purpose.contains(&named.purpose)
    };
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for rule in pack.rules().filter(speaks) {
        let bases = rule.basis_any_of.iter().flat_map(|of| {
            let always = pack.bases().iter().filter(|decl| decl.id == of.basis());
            of.requires().iter().chain(always.flat_map(|decl| &decl.requires))
        });
        asked.extend(rule.requires.iter().chain(&rule.unless).chain(bases).map(Condition::fact));
    }
    asked.retain(|name| pack.fact(name).is_some_and(|fact| fact.from == FactFrom::Stated));
    let asked: Vec<&str> = asked.into_iter().collect();
    let purpose = named.purpose.as_str();
    Err(Problem::wrong("unknown-fact", "the rules know no fact of that name").help(if asked.is_empty() {
        format!("no rule asks for a stated fact for P-{purpose}; `tadoru gate explain` tells more")
    } else {
        format!(
            "for P-{purpose} there are: {}; `tadoru gate explain` tells which of them a rule asks for",
            asked.join(", ")
        )
    }))
}

/// Reads a purpose, with or without its `P-`.
pub(super) fn purpose(word: &str) -> Result<Purpose, Problem> {
    Purpose::parse(word).ok_or_else(|| unknown("purpose", Purpose::ALL.iter().map(|p| p.as_str())))
}

/// Reads a basis, with or without its `B-`.
pub(super) fn basis(word: &str) -> Result<Basis, Problem> {
    Basis::parse(word).ok_or_else(|| unknown("basis", Basis::ALL.iter().map(|b| b.as_str())))
}

/// That a word is none of a closed list.
pub(super) fn unknown(what: &str, words: impl Iterator<Item = &'static str>) -> Problem {
    let words: Vec<&str> = words.collect();
    Problem::wrong(what, format!("`{what}` is none that the rules know"))
        .help(format!("there are: {}", words.join(", ")))
}

fn digest(text: &str) -> Result<[u8; 32], Problem> {
    let wrong = || Problem::wrong("attached", "`attached` is no SHA-256 in 64 hexadecimal digits");
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(at * 2..at * 2 + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

/// Facts that one request states.
const MOST_FACTS: usize = 64;
