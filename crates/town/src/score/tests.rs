#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_model::{Protocol, UtcMicros};

use super::*;
use crate::truth::Asked;

fn question(reference: &str, answer: Option<&str>, knowable: bool) -> Question {
    let asked = Asked { addr: [192, 0, 2, 1].into(), port: None, proto: Protocol::ANY, remote: None };
    Question {
        reference: reference.to_owned(),
        kind: Kind::Plain,
        asked,
        told: UtcMicros(0),
        resolution_us: 1_000_000,
        at: UtcMicros(0),
        answer: answer.map(str::to_owned),
        knowable,
        way: None,
    }
}

fn verdict(reference: &str, outcome: &str, candidates: &[&str]) -> Verdict {
    let candidates = candidates.iter().map(|c| (*c).to_owned()).collect();
    Verdict { reference: reference.to_owned(), outcome: outcome.to_owned(), candidates }
}

#[test]
fn each_answer_falls_into_one_drawer() {
    let questions = [
        question("right", Some("A"), true),
        question("other", Some("A"), true),
        question("nobody-named", None, false),
        question("nobody", None, false),
        question("hidden", Some("A"), false),
        question("declined", Some("A"), true),
        question("not-among", Some("A"), false),
        question("silent", Some("A"), false),
        question("twice", Some("A"), false),
    ];
    let verdicts = [
        verdict("right", "unique", &["A"]),
        verdict("other", "unique", &["B"]),
        verdict("nobody-named", "unique", &["A"]),
        verdict("nobody", "none", &[]),
        verdict("hidden", "none", &[]),
        verdict("declined", "gap", &["A"]),
        verdict("not-among", "ambiguous", &["B", "C"]),
        verdict("twice", "unique", &["A"]),
        verdict("twice", "unique", &["A"]),
    ];
    let score = score(&questions, &verdicts);
    assert_eq!((score.asked, score.right, score.right_none), (9, 1, 1));
    assert_eq!(score.wrong_unique, ["other", "nobody-named"]);
    assert_eq!(score.wrong_none, ["hidden"]);
    assert_eq!(score.missed, ["declined"]);
    assert_eq!(score.not_among, ["not-among"]);
    assert_eq!(score.unanswered, ["silent", "twice"]);
    assert_eq!(score.declined.get("gap"), Some(&1));
    assert!(score.to_string().contains("wrong unique 2"));
}

#[test]
fn a_unique_answer_with_two_names_is_wrong() {
    let score = score(&[question("q", Some("A"), true)], &[verdict("q", "unique", &["A", "B"])]);
    assert_eq!(score.wrong_unique, ["q"]);
}

#[test]
fn answers_are_read_from_json_lines() {
    let line = r#"{"ref":"q1","outcome":"ambiguous","candidates":[{"subscriber":"A","certainty":"possible"},{"subscriber":"B"}],"permit":7}"#;
    assert_eq!(Verdict::from_json(line).unwrap(), verdict("q1", "ambiguous", &["A", "B"]));
    assert_eq!(Verdict::from_json(r#"{"ref":"q","outcome":"none"}"#).unwrap(), verdict("q", "none", &[]));
    assert!(matches!(Verdict::from_json("q1 unique"), Err(VerdictError::Json(_))));
    assert!(matches!(Verdict::from_json("{\"ref\":\"q\"}"), Err(VerdictError::Field { field: "outcome" })));
    let nameless = r#"{"ref":"q","outcome":"unique","candidates":[{}]}"#;
    assert!(matches!(Verdict::from_json(nameless), Err(VerdictError::Field { .. })));
}
