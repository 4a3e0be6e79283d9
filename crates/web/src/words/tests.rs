//! Both languages are whole, and are what they say they are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use super::*;

fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[test]
fn every_word_is_there_in_its_language() {
    let alike = ["none_dash", "in_utc", "other_language"];
    for (name, ja, en) in ALL.iter().filter(|(name, ..)| !alike.contains(name)) {
        assert!(!ja.trim().is_empty() && !en.trim().is_empty(), "{name}");
        assert!(is_japanese(ja), "{name}: {ja}");
        assert!(!is_japanese(en), "{name}: {en}");
        assert!(!en.contains('!') && !ja.contains('！'), "{name}: calm");
    }
}

#[test]
fn a_language_is_read_by_its_tag() {
    assert_eq!(Lang::parse("ja"), Some(Lang::Ja));
    assert_eq!(Lang::parse("fr"), None);
    assert_eq!(Lang::Ja.words().overview, "概況");
    assert_eq!(Lang::En.words().overview, "Overview");
}
