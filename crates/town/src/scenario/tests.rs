#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::convert::Infallible;

use super::*;
use crate::tests::town;

/// Knows the truth, and says so; remembers what was handed to it.
#[derive(Default)]
struct Oracle {
    loaded: usize,
    fed: usize,
    latest: Option<UtcMicros>,
}

impl Stage for Oracle {
    type Fault = Infallible;

    fn load(&mut self, _: &Town) -> Result<(), Infallible> {
        self.loaded += 1;
        Ok(())
    }

    fn feed(&mut self, _: &Town, now: UtcMicros, arrivals: &[Arrival]) -> Result<(), Infallible> {
        assert!(arrivals.iter().all(|a| a.at <= now && self.latest.is_none_or(|latest| latest < a.at)));
        self.fed += arrivals.len();
        self.latest = Some(now);
        Ok(())
    }

    fn ask(&mut self, _: &Town, _: UtcMicros, question: &Question) -> Result<Verdict, Infallible> {
        let outcome = match (question.kind, &question.answer) {
            (Kind::NoPort, Some(_)) => "ambiguous",
            (Kind::NotOurs, _) => "not-ours",
            (_, None) => "none",
            (_, Some(_)) => "unique",
        };
        Ok(Verdict {
            reference: question.reference.clone(),
            outcome: outcome.to_owned(),
            candidates: question.answer.iter().cloned().collect(),
        })
    }
}

#[test]
fn the_committed_scene_runs_to_its_end() {
    let scene = Scenario::parse(include_str!("../../../../scenarios/town-day.toml")).unwrap();
    let town = town();
    assert_eq!(town.seed, scene.seed);
    let mut oracle = Oracle::default();
    let outcome = scene.run(town, &mut oracle).unwrap();
    assert_eq!((oracle.loaded, oracle.fed), (1, town.arrivals.len()));
    assert_eq!(outcome.score.asked, town.questions.len());
    assert_eq!(outcome.unexpected, []);
    assert!(outcome.score.wrong_unique.is_empty() && outcome.score.unanswered.is_empty());
}

#[test]
fn an_outcome_that_was_not_expected_is_told() {
    let text = "name = \"x\"\nseed = 1\n[[step]]\npass = { minutes = 800 }\n[[step]]\nask = { most = 3, expect = [\"gap\"] }\n";
    let town = town();
    let outcome = Scenario::parse(text).unwrap().run(town, &mut Oracle::default()).unwrap();
    assert_eq!(outcome.unexpected.len(), 3);
    assert!(outcome.unexpected.iter().all(|(step, ..)| *step == 2));
}

#[test]
fn a_misspelt_step_is_refused() {
    for text in [
        "name = \"x\"\nseed = 1\n[[step]]\nwait = { minutes = 1 }\n",
        "name = \"x\"\nseed = 1\n[[step]]\npass = { minuets = 1 }\n",
    ] {
        assert!(Scenario::parse(text).is_err());
    }
}
