//! Every code that an answer can hold has its words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use tadoru_gate::{ActName, Basis, DataCategory, Purpose};
use tadoru_model::{IdentityKind, Outcome, RecordKind, Role};
use tadoru_store::cases::Happened;

use super::*;

fn known(list: List, codes: impl IntoIterator<Item = &'static str>) {
    for code in codes {
        assert!(list.iter().any(|(word, ..)| *word == code), "`{code}` has no words");
    }
}

#[test]
fn every_code_of_an_answer_has_words() {
    known(ROLES, Role::ALL.iter().map(|role| role.as_str()));
    known(PURPOSES, Purpose::ALL.iter().map(|word| word.as_str()));
    known(BASES, Basis::ALL.iter().map(|word| word.as_str()));
    known(ACTS, ActName::ALL.iter().map(|word| word.as_str()));
    known(DATA, DataCategory::ALL.iter().map(|word| word.as_str()));
    known(HAPPENED, Happened::ALL.iter().map(|word| word.as_str()));
    known(KINDS, RecordKind::ALL.iter().map(|word| word.as_str()));
    known(NAMES, IdentityKind::ALL.iter().map(|word| word.as_str()));
    let outcomes = [
        Outcome::Unique,
        Outcome::Ambiguous,
        Outcome::None,
        Outcome::Gap,
        Outcome::Expired,
        Outcome::NotOurs,
    ];
    known(OUTCOMES, outcomes.iter().map(|outcome| outcome.as_str()).chain(["refused"]));
    known(SENTENCES, OUTCOMES.iter().map(|(code, ..)| *code));
}

#[test]
fn both_languages_are_there_and_no_code_stands_twice() {
    let lists = [
        OUTCOMES,
        SENTENCES,
        CERTAINTIES,
        DOUBTS,
        NARROW,
        KINDS,
        NAMES,
        COVERAGE,
        VERDICTS,
        ROLES,
        PURPOSES,
        BASES,
        ACTS,
        DATA,
        HAPPENED,
        EVENTS,
        WARNINGS,
        FAULTS,
    ];
    for list in lists {
        for (place, (code, ja, en)) in list.iter().enumerate() {
            assert!(!ja.is_empty() && !en.is_empty(), "{code}");
            assert!(list.iter().skip(place + 1).all(|(other, ..)| other != code), "{code} twice");
        }
    }
    assert_eq!(word(Lang::Ja, OUTCOMES, "gap"), "記録欠落");
    assert_eq!(word(Lang::En, OUTCOMES, "of-another-day"), "of-another-day");
}
