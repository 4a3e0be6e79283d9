//! Laws of the sentences: each is made somewhere, numbers stay in their places, and an unknown one is left as it is.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

use super::*;

/// The files in which sentences are made.
const MADE_IN: [&str; 9] = [
    include_str!("../../../../observe/src/alive.rs"),
    include_str!("../../../../observe/src/files/damage.rs"),
    include_str!("../../../../observe/src/records/nat_lines.rs"),
    include_str!("../../../../observe/src/records/nat_events.rs"),
    include_str!("../../../../desk/src/heard.rs"),
    include_str!("../../../../desk/src/who.rs"),
    include_str!("../../../../trace/src/subscriber/coverage.rs"),
    include_str!("../../../../trace/src/subscriber/verdict.rs"),
    include_str!("../../../../trace/src/ingress/verdict.rs"),
];

#[test]
fn every_sentence_is_made_as_it_stands_here() {
    // A sentence may go over the end of a line.
    let made_in = MADE_IN.map(|file| file.split("\\\n").map(str::trim_start).collect::<String>());
    for (en, ja) in WHY.iter().chain(NOTES).chain(INGRESS) {
        // A sentence with numbers or words in it is made of the parts between them.
        // A per cent has two numbers.
        let whole = en.replace("{}.{} %", "{}");
        let parts = whole.split("{}").flat_map(|part| match part.strip_prefix("the classic slip: ") {
            Some(slip) => match slip.split_once(" the records name") {
                Some((when, _)) => {
                    vec!["the classic slip: ", when, " the records name one line; check the zone"]
                }
                None => vec![part],
            },
            None => vec![part],
        });
        for part in parts.map(str::trim).filter(|part| part.len() > 3) {
            assert!(made_in.iter().any(|file| file.contains(part)), "nobody says `{part}`");
        }
        assert_eq!(en.matches("{}").count(), ja.matches("{}").count(), "{en}");
        assert!(!ja.is_ascii(), "{en}");
    }
}

#[test]
fn every_reason_that_a_source_gives_is_known() {
    // Sentences stand behind `why`, or are said of a state.
    for (file, begins) in [(MADE_IN[0], "CoverageState::Dead, \""), (MADE_IN[0], "CoverageState::Lossy, \"")]
    {
        for found in file.split(begins).skip(1) {
            let said = found.split('"').next().unwrap();
            assert!(said.is_empty() || WHY.iter().any(|(en, _)| *en == said), "`{said}` has no Japanese");
        }
    }
}

#[test]
fn numbers_stay_in_their_places() {
    let said = "no record for 7200 s, where 900 s of silence are the most that is usual";
    assert_eq!(japanese(said), "7200 秒間記録がない（通常は長くても 900 秒）");
    assert_eq!(japanese("3 messages lost by sequence numbers"), "通し番号によれば 3 件が失われた");
    let left = japanese("12.5 % left routers that told of none or too little of it: let them export");
    assert!(left.starts_with("12.5 % は"), "{left}");
    assert_eq!(japanese("the source was not listened to"), "記録を受け取っていなかった");
    for unknown in ["", "12", "something else of 2027"] {
        assert_eq!(japanese(unknown), unknown);
    }
}
