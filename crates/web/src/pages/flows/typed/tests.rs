//! Laws of what is typed: a bare time is the operator's, one that is there twice is nobody's; a fault is under its place.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use super::*;

#[test]
fn a_bare_time_is_in_the_operators_zone() {
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    assert_eq!(instant("2026-11-21 10:15", &tokyo).unwrap(), "2026-11-21 10:15:00 +09:00");
    assert_eq!(instant("2026-11-21T10:15:03", &tokyo).unwrap(), "2026-11-21 10:15:03 +09:00");
    for whole in ["2026-11-21 10:15:03 +01:00", "2026-11-21T10:15:03Z", "yesterday"] {
        assert_eq!(instant(whole, &tokyo).unwrap(), whole, "left to the API");
    }
    assert_eq!(instant("", &tokyo), None);
    // The hour that is there twice is not read for anybody.
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    assert_eq!(instant("2026-10-25 02:30", &berlin).unwrap(), "2026-10-25 02:30");
}

#[test]
fn the_last_hour_counts_from_the_desks_present() {
    let typed = Typed { last: "1h".to_owned(), view: "sums", ..Typed::default() };
    let now = UtcMicros::from_seconds(1_795_309_200);
    assert_eq!(typed.query(&TimeZone::UTC, now).unwrap().since.as_deref(), Some("2026-11-22T00:00:00Z"));
    for none in ["", "1", "h", "-1h", "1000000h", "一時"] {
        assert_eq!(seconds_of(none), None, "{none}");
    }
}

#[test]
fn how_many_is_bounded_and_told_at_its_field() {
    for (view, count, rows, code) in
        [("top", "0", "1", "page-keys"), ("rows", "1", "99999", "page-rows"), ("rows", "1", "x", "page-rows")]
    {
        let typed = Typed { view, count: count.to_owned(), rows: rows.to_owned(), ..Typed::default() };
        assert_eq!(typed.query(&TimeZone::UTC, UtcMicros(0)).unwrap_err().error.code, code);
    }
}

#[test]
fn a_fault_is_marked_under_its_place() {
    let fault = FilterFault {
        at: 14,
        code: "unexpected".to_owned(),
        message: "the filter cannot go on like this".to_owned(),
        expected: vec!["and".to_owned(), "or".to_owned()],
    };
    let place = Place::of(Lang::En, "proto udp\nand andd x", &fault);
    assert_eq!((place.line.as_str(), place.before.as_str()), ("and andd x", "    "));
    assert!(place.told().contains("\n    ^ ") && place.told().ends_with("and, or"), "{}", place.told());
    let past = Place::of(Lang::Ja, "あ", &FilterFault { at: 99, ..fault });
    assert_eq!(past.before, "\u{3000}");
}
