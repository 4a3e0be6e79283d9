//! Laws of what people are told: a refusal says what can be stated, in their language.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

use tadoru_web::api::shape::Missing;

use super::*;

fn missing(name: &str, stated: bool) -> Missing {
    let text = || "…".to_owned();
    Missing { name: name.to_owned(), text_ja: text(), text_en: text(), by: vec![], stated }
}

#[test]
fn a_refusal_names_the_facts_that_can_be_stated_wherever_the_command_takes_them() {
    let refused = Refusal {
        verdict: "deny".to_owned(),
        rule: None,
        text_ja: String::new(),
        text_en: String::new(),
        missing: vec![missing("complaint.id", true), missing("own.derived", false)],
        approval_id: Some("A-7".to_owned()),
        journal_index: 12,
        explanation_en: "no\n".to_owned(),
        explanation_ja: "不可\n".to_owned(),
    };
    let en = told_refusal(&refused, Facts::Stated, Language::En);
    assert_eq!(
        en,
        "no\nhelp       `--fact` states: complaint.id\nhelp       another person may give `tadoru approve A-7`\n\
         journal    12\n"
    );
    let ja = told_refusal(&refused, Facts::Stated, Language::Ja);
    assert!(ja.starts_with("不可\n") && ja.contains("`--fact` で申述できるもの：complaint.id\n"), "{ja}");
    assert!(!told_refusal(&refused, Facts::Found, Language::En).contains("--fact"));
}

#[test]
fn an_instant_is_told_in_the_operators_zone_with_its_offset() {
    let voice = |lang, zone| Voice { lang, zone: TimeZone::get(zone).unwrap() };
    let tokyo = voice(Language::En, "Asia/Tokyo");
    assert_eq!(tokyo.time(Some("2026-11-21T01:15:03Z")), "2026-11-21 10:15:03 +09:00");
    assert_eq!(tokyo.time(Some("2026-11-21T15:00:00.25Z")), "2026-11-22 00:00:00.25 +09:00");
    assert_eq!((tokyo.time(None), tokyo.time(Some("open"))), ("-".to_owned(), "open".to_owned()));
    assert_eq!(
        voice(Language::En, "UTC").span(Some("2026-11-21T01:15:03Z"), None),
        "2026-11-21 01:15:03 +00:00 to -"
    );
    assert_eq!(
        voice(Language::Ja, "Asia/Tokyo").span(Some("2026-11-21T01:15:03Z"), None),
        "2026-11-21 10:15:03 +09:00 から - まで"
    );
}
