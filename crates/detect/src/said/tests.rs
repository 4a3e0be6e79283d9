#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::collections::HashSet;

use super::*;

const FIGURES: [&str; 6] = ["12,345", "6.7", "memcached", "0", "89", "1,000,000"];

#[test]
fn every_sentence_is_read_as_it_was_said() {
    for sentence in Sentence::ALL {
        let count = sentence.row().1.matches("{}").count();
        let figures: Vec<String> = FIGURES[..count].iter().map(|figure| (*figure).to_owned()).collect();
        let text = sentence.with(&figures);
        assert!(!text.contains('{'), "{text}");
        assert_eq!(Said::read(&text), Some(Said { sentence: *sentence, figures }), "{text}");
    }
}

#[test]
fn japanese_has_every_figure_and_is_japanese() {
    let mut codes = HashSet::new();
    for sentence in Sentence::ALL {
        let (code, en, ja) = sentence.row();
        assert!(codes.insert(code), "{code} comes twice");
        let count = en.matches("{}").count();
        assert_eq!(ja.matches('{').count(), count, "{code}");
        (0..count).for_each(|place| assert!(ja.contains(&format!("{{{place}}}")), "{code}"));
        assert!(ja.chars().any(|c| ('\u{3040}'..='\u{9fff}').contains(&c)), "{code}");
        assert!(en.is_ascii() && !ja.ends_with('。'), "{code}");
    }
}

#[test]
fn another_text_is_none_of_them() {
    for text in ["", "something else", "answers of a service", "only a few sampled packets tell of it"] {
        assert_eq!(Said::read(text), None, "{text}");
    }
}
