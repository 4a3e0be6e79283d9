//! Runs scenes given as data: time passes, records arrive, questions are asked, outcomes are expected.
//!
//! What comes in: a scenario, a town, and a [`Stage`] that takes records in and answers. The runner knows neither a store
//! nor a verb; whoever plays the stage does. Time is a step, never a sleep.

use serde::Deserialize;
use tadoru_model::UtcMicros;

use crate::build::{Arrival, Town};
use crate::questions::{Kind, Question};
use crate::score::{Score, Verdict, score};

/// A scene.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub name: String,
    /// Seed of the town.
    pub seed: u64,
    /// What happens, in order.
    pub step: Vec<Step>,
}

/// One step of a scene.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Time passes; everything that arrives in it is handed to the stage.
    Pass {
        /// How long.
        minutes: u32,
    },
    /// Questions are asked, none twice.
    Ask {
        /// Only of this kind; absent: of any.
        kind: Option<Kind>,
        /// So many at most.
        most: usize,
        /// Only about what lies so far back that its records have had the time to arrive.
        #[serde(default)]
        settled_min: u32,
        /// The outcomes that may come; empty: any.
        #[serde(default)]
        expect: Vec<String>,
    },
}

/// Who takes records in and answers.
pub trait Stage {
    /// What can go wrong.
    type Fault;

    /// Takes the tables of the town in, before anything else happens.
    ///
    /// # Errors
    /// As the stage says.
    fn load(&mut self, town: &Town) -> Result<(), Self::Fault>;

    /// Takes in what arrived up to `now`, in the order of arrival.
    ///
    /// # Errors
    /// As the stage says.
    fn feed(&mut self, town: &Town, now: UtcMicros, arrivals: &[Arrival]) -> Result<(), Self::Fault>;

    /// Answers a question at `now`.
    ///
    /// # Errors
    /// As the stage says.
    fn ask(&mut self, town: &Town, now: UtcMicros, question: &Question) -> Result<Verdict, Self::Fault>;
}

/// What a scene came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answers by the truth.
    pub score: Score,
    /// Step (counted from 1), reference and outcome of each answer that was not expected.
    pub unexpected: Vec<(usize, String, String)>,
}

impl Scenario {
    /// Reads a scene; unknown keys are refused.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Plays the scene.
    ///
    /// # Errors
    /// What the stage could not do.
    pub fn run<S: Stage>(&self, town: &Town, stage: &mut S) -> Result<Outcome, S::Fault> {
        stage.load(town)?;
        let mut now = town.plan.begins();
        let mut rest = town.arrivals.as_slice();
        let mut asked: Vec<Question> = Vec::new();
        let mut verdicts: Vec<Verdict> = Vec::new();
        let mut unexpected = Vec::new();
        for (number, step) in self.step.iter().enumerate() {
            match step {
                Step::Pass { minutes } => {
                    now = now.plus(i64::from(*minutes) * MINUTE);
                    let count = rest.partition_point(|arrival| arrival.at <= now);
                    let (come, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                    rest = later;
                    stage.feed(town, now, come)?;
                }
                Step::Ask { kind, most, settled_min, expect } => {
                    let until = now.plus(-i64::from(*settled_min) * MINUTE);
                    let fresh: Vec<&Question> = town
                        .questions
                        .iter()
                        .filter(|q| q.told <= until && kind.is_none_or(|kind| kind == q.kind))
                        .filter(|q| asked.iter().all(|before| before.reference != q.reference))
                        .take(*most)
                        .collect();
                    for question in fresh {
                        let verdict = stage.ask(town, now, question)?;
                        if !expect.is_empty() && !expect.contains(&verdict.outcome) {
                            let told = (number + 1, question.reference.clone(), verdict.outcome.clone());
                            unexpected.push(told);
                        }
                        asked.push(question.clone());
                        verdicts.push(verdict);
                    }
                }
            }
        }
        Ok(Outcome { score: score(&asked, &verdicts), unexpected })
    }
}

const MINUTE: i64 = 60_000_000;

#[cfg(test)]
mod tests;
