//! The ground that a request names: case, purpose, basis, stated facts.

use std::collections::BTreeMap;

use tadoru_gate::{Basis, Purpose};
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
    if words.facts.len() > MOST_FACTS {
        return Err(Problem::wrong("facts", format!("more than {MOST_FACTS} facts are stated")));
    }
    Ok(Named {
        case: CaseId(words.case.to_owned()),
        purpose: purpose(words.purpose)?,
        basis: words.basis.map(basis).transpose()?,
        facts: words.facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        attached: words.attached.map(digest).transpose()?,
    })
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
