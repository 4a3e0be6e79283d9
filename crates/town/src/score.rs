//! Judges answers by the truth: right, wrong, or declined, and whether a declined one could have been known.
//!
//! The law of the house is that [`Score::wrong_unique`] is empty. A wrong *none* is counted by itself: where a log does
//! not show that it lost records, nothing can tell "nobody" from "not written down".

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::questions::{Kind, Question};

/// What a desk answered, in the fixed words of outcomes.
#[derive(Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The question's reference.
    pub reference: String,
    /// `unique`, `ambiguous`, `none`, `gap`, `expired`, `not-ours` or `refused`.
    pub outcome: String,
    /// Everybody who is named.
    pub candidates: Vec<String>,
}

/// A line that is not an answer.
#[derive(Debug, thiserror::Error)]
pub enum VerdictError {
    /// It is not JSON.
    #[error("answer is not JSON")]
    Json(#[from] serde_json::Error),
    /// A field is missing or of another type.
    #[error("answer has no `{field}`")]
    Field {
        /// Its name.
        field: &'static str,
    },
}

impl Verdict {
    /// Reads a line of `who --batch`: `ref`, `outcome` and `candidates[].subscriber`.
    ///
    /// # Errors
    /// When the line is not such an answer.
    pub fn from_json(line: &str) -> Result<Self, VerdictError> {
        let value: serde_json::Value = serde_json::from_str(line)?;
        let text = |field: &'static str| {
            let text = value.get(field).and_then(|v| v.as_str()).map(str::to_owned);
            text.ok_or(VerdictError::Field { field })
        };
        let candidates =
            value.get("candidates").and_then(|v| v.as_array()).map(Vec::as_slice).unwrap_or_default();
        let named =
            candidates.iter().map(|c| c.get("subscriber").and_then(|s| s.as_str()).map(str::to_owned));
        Ok(Self {
            reference: text("ref")?,
            outcome: text("outcome")?,
            candidates: named
                .collect::<Option<_>>()
                .ok_or(VerdictError::Field { field: "candidates[].subscriber" })?,
        })
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verdict {{ {} {}, {} candidates }}", self.reference, self.outcome, self.candidates.len())
    }
}

/// How answers stand to the truth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Questions in all.
    pub asked: usize,
    /// The one named is the one it was.
    pub right: usize,
    /// Nobody held the endpoint, and the answer says so.
    pub right_none: usize,
    /// References whose answer names one person, and it was another or nobody.
    pub wrong_unique: Vec<String>,
    /// References whose answer says that nobody held the endpoint, and somebody did.
    pub wrong_none: Vec<String>,
    /// Answers that decline to name anybody alone, by their outcome.
    pub declined: BTreeMap<String, usize>,
    /// References that were declined although the records that arrived prove the answer.
    pub missed: Vec<String>,
    /// References answered `ambiguous` whose candidates lack the one it was.
    pub not_among: Vec<String>,
    /// References without an answer, or with several.
    pub unanswered: Vec<String>,
    /// Right, wrong and declined by what makes the questions nasty.
    pub by_kind: BTreeMap<Kind, [usize; 3]>,
}

/// Judges answers, in any order, by the questions' truth.
pub fn score(questions: &[Question], verdicts: &[Verdict]) -> Score {
    let mut given: HashMap<&str, Vec<&Verdict>> = HashMap::new();
    for verdict in verdicts {
        given.entry(verdict.reference.as_str()).or_default().push(verdict);
    }
    let mut score = Score { asked: questions.len(), ..Score::default() };
    for question in questions {
        let kind = score.by_kind.entry(question.kind).or_default();
        let reference = question.reference.clone();
        let Some([verdict]) = given.get(question.reference.as_str()).map(Vec::as_slice) else {
            score.unanswered.push(reference);
            continue;
        };
        let truth = question.answer.as_deref();
        let named = verdict.candidates.iter().any(|c| Some(c.as_str()) == truth);
        let [right, wrong, declined] = kind;
        match (verdict.outcome.as_str(), truth) {
            ("unique", Some(_)) if named && verdict.candidates.len() == 1 => {
                score.right += 1;
                *right += 1;
            }
            ("unique", _) => {
                score.wrong_unique.push(reference);
                *wrong += 1;
            }
            ("none" | "not-ours", None) => {
                score.right_none += 1;
                *right += 1;
            }
            ("none" | "not-ours", Some(_)) => {
                score.wrong_none.push(reference);
                *wrong += 1;
            }
            (outcome, truth) => {
                *score.declined.entry(outcome.to_owned()).or_default() += 1;
                *declined += 1;
                if outcome == "ambiguous" && truth.is_some() && !named {
                    score.not_among.push(reference.clone());
                }
                if question.knowable {
                    score.missed.push(reference);
                }
            }
        }
    }
    score
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "asked {}, right {} (and {} rightly nobody), wrong unique {}, wrong none {}, unanswered {}",
            self.asked,
            self.right,
            self.right_none,
            self.wrong_unique.len(),
            self.wrong_none.len(),
            self.unanswered.len()
        )?;
        let declined: Vec<String> =
            self.declined.iter().map(|(outcome, n)| format!("{outcome} {n}")).collect();
        writeln!(
            f,
            "declined: {}; {} of them could have been known; in {} ambiguous answers the true one is missing",
            if declined.is_empty() { "none".to_owned() } else { declined.join(", ") },
            self.missed.len(),
            self.not_among.len()
        )?;
        for (kind, [right, wrong, declined]) in &self.by_kind {
            writeln!(
                f,
                "  {:<15} right {right:>5}  wrong {wrong:>5}  declined {declined:>5}",
                kind.as_str()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
