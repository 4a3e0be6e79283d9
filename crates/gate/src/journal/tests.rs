#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::collections::BTreeMap;

use tadoru_model::{PersonId, Role, UtcMicros};

use super::event::{Entry, Event, time};
use super::hash::{Frontier, empty, leaf, node};
use super::note::{NoteError, Signer, Verifier};
use super::tail::{self, Next, Tail};
use super::tile::{Rows, entries, push_entry};

/// The published example key and note of the signed-note format (golang.org/x/mod/sumdb/note).
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SIGNS: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PETER_SAYS: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn keys_and_signatures_are_those_of_signed_note() {
    let verifier = Verifier::parse(PETER).unwrap();
    assert_eq!(verifier.to_string(), PETER);
    let signer = Signer::parse(PETER_SIGNS).unwrap();
    assert_eq!(signer.verifier(), &verifier);
    assert_eq!(signer.secret_text(), PETER_SIGNS);
    // The signature fits; the text is no checkpoint.
    assert_eq!(verifier.open(PETER_SAYS), Err(NoteError::Checkpoint));
    let changed = PETER_SAYS.replacen("answer", "answers", 1);
    assert_eq!(verifier.open(&changed), Err(NoteError::Signature));
    assert!(!format!("{signer:?}").contains("AYEKFALVFGyNhPJEMzD1QIDr"));
}

#[test]
fn notes_of_others_are_not_accepted_and_more_signatures_are() {
    let signer = Signer::generate("log.example").unwrap();
    let other = Signer::generate("log.example").unwrap();
    let note = signer.checkpoint(7, empty());
    let head = signer.verifier().open(&note).unwrap();
    assert_eq!((head.size, head.root), (7, empty()));
    assert_eq!(other.verifier().open(&note), Err(NoteError::Unsigned));
    let both = format!("{note}{}", other.checkpoint(7, empty()).rsplit_once("\n\n").unwrap().1);
    assert_eq!(signer.verifier().open(&both), Ok(head.clone()));
    assert_eq!(other.verifier().open(&both), Ok(head));
    for wrong in ["", "\n\n", "x\n\n", "x\n\n\u{2014} a b\n", "x\n\n\u{2014} log.example AAAA"] {
        assert!(signer.verifier().open(wrong).is_err());
    }
    for name in ["", "a b", "a+b", "a\u{3000}b"] {
        assert!(Signer::generate(name).is_err());
    }
}

#[test]
fn every_flipped_byte_of_a_note_is_found() {
    let signer = Signer::generate("log.example").unwrap();
    let note = signer.checkpoint(123, empty());
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let opened = str::from_utf8(&bytes).ok().and_then(|text| signer.verifier().open(text).ok());
            assert_eq!(opened, None, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn roots_are_those_of_rfc_6962() {
    let mut tree = Frontier::default();
    assert_eq!(tree.root(), empty());
    let leaves: Vec<_> = (0..7_u8).map(|n| leaf(&[n])).collect();
    leaves.iter().for_each(|hash| tree.push(*hash));
    let pair = |a: usize| node(&leaves[a], &leaves[a + 1]);
    let left = node(&pair(0), &pair(2));
    assert_eq!(tree.root(), node(&left, &node(&pair(4), &leaves[6])));
}

#[test]
fn rows_and_the_running_edge_agree() {
    let (mut rows, mut edge) = (Rows::default(), Frontier::default());
    let mut filled = 0;
    for n in 0..70_000_u64 {
        let hash = leaf(&n.to_be_bytes());
        edge.push(hash);
        rows.push(hash, |_, row| {
            assert_eq!(row.len(), 256);
            filled += 1;
            Ok::<(), ()>(())
        })
        .unwrap();
        if n % 997 == 0 || n % 256 > 253 {
            assert_eq!(rows.frontier().root(), edge.root());
        }
    }
    assert_eq!(filled, 273 + 1);
    let widths: Vec<_> = rows.partial().map(|(id, row)| (id.path(), row.len())).collect();
    let want = [("tile/0/273.p/112", 112), ("tile/1/001.p/17", 17), ("tile/2/000.p/1", 1)];
    assert_eq!(widths, want.map(|(path, width)| (path.to_owned(), width)));
}

#[test]
fn a_tail_cut_anywhere_gives_the_groups_before_the_cut() {
    let mut body = Vec::new();
    push_entry(&mut body, b"one");
    push_entry(&mut body, b"two");
    let mut bytes = tail::head(256, "start");
    let starts = [bytes.len(), bytes.len() + tail::group(&body, 2, "note").len()];
    bytes.extend(tail::group(&body, 2, "note"));
    bytes.extend(tail::group(&body, 2, "note"));
    for len in 0..=bytes.len() {
        let Some(mut read) = Tail::read(&bytes[..len]) else {
            assert!(len < starts[0]);
            continue;
        };
        let mut groups = 0;
        let end = loop {
            match read.next() {
                Next::Group { body, count, note } => {
                    assert_eq!((entries(body).count(), count, note), (2, 2, "note"));
                    groups += 1;
                }
                end => break end,
            }
        };
        assert_eq!(groups, starts.iter().skip(1).chain([&bytes.len()]).filter(|end| len >= **end).count());
        let clean = starts.contains(&len) || len == bytes.len();
        assert!(matches!((end, clean), (Next::End, true) | (Next::Torn { .. }, false)), "cut at {len}");
    }
}

#[test]
fn an_entry_is_one_stable_json_object() {
    let at = UtcMicros(1_795_224_903_000_001);
    let event =
        Event::Opened { permit: 7, openings: BTreeMap::from([(crate::DataCategory::Asgn, 3)]), pages: 12 };
    let bytes = event.to_bytes(at).unwrap();
    let text = r#"{"v":1,"at":"2026-11-21T01:35:03.000001Z","kind":"opened","permit":7,"openings":{"ASGN":3},"pages":12}"#;
    assert_eq!(str::from_utf8(&bytes).unwrap(), text);
    assert_eq!(Entry::parse(&bytes), Some(Entry { v: 1, at: time(at), event }));
    let statement = Event::Statement {
        person: PersonId("sato".to_owned()),
        roles: vec![Role::LegalReviewer],
        fact: "incident.id".to_owned(),
        value: "00".repeat(16),
        case: None,
        evidence: None,
    };
    let bytes = statement.to_bytes(at).unwrap();
    assert_eq!(Entry::parse(&bytes).unwrap().event, statement);
    assert_eq!(time(UtcMicros(0)), "1970-01-01T00:00:00.000000Z");
}
