//! Laws of the calendar: the worse counts, what nothing speaks of is unknown, and a day has as many hours as it has.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

use super::*;

fn span(state: &str, from: &str, until: &str) -> Covered {
    Covered {
        source: "nas-1".to_owned(),
        kind: "session".to_owned(),
        realm: String::new(),
        prefixes: Vec::new(),
        from: Some(from.to_owned()),
        until: Some(until.to_owned()),
        state: state.to_owned(),
        why: String::new(),
        why_ja: String::new(),
    }
}

fn days(zone: &str, spans: &[Covered], now: &str) -> Vec<Day> {
    let zone = TimeZone::get(zone).unwrap();
    let made = calendar(Lang::En, &zone, spans, now.parse().unwrap());
    assert!(made.rows.iter().all(|row| row.days.len() == made.days.len()));
    made.rows.into_iter().next().map(|row| row.days).unwrap_or_default()
}

#[test]
fn the_worse_counts_and_silence_is_unknown() {
    let spans = [
        span("alive", "2026-11-19T00:00:00Z", "2026-11-21T00:00:00Z"),
        span("lossy", "2026-11-20T01:00:00Z", "2026-11-20T03:00:00Z"),
        span("dead", "2026-11-20T02:00:00Z", "2026-11-20T02:04:12Z"),
        span("alive", "2026-11-21T00:00:00Z", "2026-11-21T03:00:00Z"),
    ];
    let days = days("UTC", &spans, "2026-11-21T06:00:00Z");
    let told: Vec<(&str, &str)> =
        days.iter().rev().take(4).map(|day| (day.state, day.figure.as_str())).collect();
    assert_eq!(told, [("unknown", "3 h"), ("gap", "4 m 12 s"), ("covered", "24 h"), ("unknown", "24 h")]);
    assert_eq!(days[12].whole, "covered 22 h · lossy 1 h 55 m 48 s · gap 4 m 12 s");
}

#[test]
fn a_day_is_the_operators_and_as_long_as_it_is() {
    let spans = [span("alive", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")];
    let days = days("Europe/Berlin", &spans, "2026-10-26T12:00:00Z");
    let last = &days[12];
    assert_eq!((last.state, last.whole.as_str()), ("covered", "covered 1 d 1 h"), "25 hours");
    assert_eq!(days[13].state, "unknown");
}

#[test]
fn open_ends_and_texts_that_are_no_times_do_no_harm() {
    let open = Covered { from: None, until: None, ..span("alive", "", "") };
    let spans = [open, span("dead", "never", "2026-11-20T00:00:00Z")];
    assert!(days("UTC", &spans, "2026-11-21T06:00:00Z").iter().all(|day| day.state == "covered"));
    assert!(days("UTC", &[], "2026-11-21T06:00:00Z").is_empty());
}
