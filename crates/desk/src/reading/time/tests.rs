#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

use super::*;

fn tokyo() -> TimeZone {
    TimeZone::get("Asia/Tokyo").unwrap()
}

fn now() -> UtcMicros {
    UtcMicros::from("2026-12-01T00:00:00Z".parse::<Timestamp>().unwrap())
}

fn read(text: &str) -> Result<ReadTime, TimeFault> {
    read_time(text, &tokyo(), now())
}

#[test]
fn every_written_form_of_one_instant_is_that_instant() {
    for text in [
        "2026-11-21T10:15:03+09:00",
        "2026-11-21 10:15:03 +09:00",
        "2026-11-21 10:15:03+0900",
        "2026/11/21 10:15:03 JST",
        "2026-11-21T01:15:03Z",
        "2026-11-21 01:15:03 UTC",
        "2026-11-21 01:15:03 GMT",
        "21/Nov/2026:10:15:03 +0900",
        "[21/Nov/2026:10:15:03 +0900]",
        "Sat, 21 Nov 2026 10:15:03 +0900",
        "21 Nov 2026 10:15:03 +0900 (JST)",
        "Nov 21, 2026 10:15:03 AM JST",
        "2026年11月21日 10時15分03秒 JST",
        "２０２６-11-21 10:15:03 +09:00",
        "1795223703",
        "1795223703.000",
        "21.11.2026 02:15:03 CET",
        "2026-11-20 20:15:03 EST",
    ] {
        let read = read(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(read.seen.at.to_string(), "2026-11-21T01:15:03Z", "{text}");
    }
}

#[test]
fn the_resolution_is_the_last_digit_written() {
    for (text, resolution) in [
        ("2026-11-21 10:15 +09:00", 60_000_000),
        ("2026-11-21 10:15:03 +09:00", 1_000_000),
        ("2026-11-21 10:15:03.5 +09:00", 100_000),
        ("2026-11-21 10:15:03.123456 +09:00", 1),
        ("1795223703123", 1000),
    ] {
        assert_eq!(read(text).unwrap().seen.resolution_us, resolution, "{text}");
    }
}

#[test]
fn a_time_without_a_zone_is_shown_in_both_readings_and_not_taken() {
    let Err(TimeFault::NoZone { ours, utc }) = read("2026-11-21 10:15:03") else { panic!("has no zone") };
    assert_eq!((ours.as_str(), utc.as_str()), ("2026-11-21 10:15:03 +09:00", "2026-11-21 10:15:03 +00:00"));
}

#[test]
fn day_and_month_that_can_be_swapped_are_not_guessed() {
    assert!(matches!(read("03/04/2026 10:15:03 +0900"), Err(TimeFault::DayOrMonth { .. })));
    assert_eq!(read("03/03/2026 10:15:03 +0900").unwrap().seen.at.to_string(), "2026-03-03T01:15:03Z");
    assert_eq!(read("23/04/2026 10:15:03 +0900").unwrap().seen.at.to_string(), "2026-04-23T01:15:03Z");
    let Err(TimeFault::Impossible { likely }) = read("2026-21-11 10:15:03 +09:00") else {
        panic!("month 21")
    };
    assert_eq!(likely.as_deref(), Some("2026-11-21 10:15:03 +09:00"));
    assert_eq!(read("2026-02-30 10:15:03 +09:00"), Err(TimeFault::Impossible { likely: None }));
}

#[test]
fn an_hour_that_the_season_puts_in_doubt_is_flagged_beside_its_likely_reading() {
    let read = read("2026-07-01 10:00:00 EST").unwrap();
    assert_eq!(read.seen.at.to_string(), "2026-07-01T15:00:00Z");
    assert_eq!(read.warnings, [Warning::ZoneSeason { likely: "2026-07-01 23:00:00 +09:00".into() }]);
}

#[test]
fn a_time_in_the_future_is_the_classic_slip_of_the_zone() {
    let read = read("2026-12-01 05:00:00 UTC").unwrap();
    let likely = Some("2026-12-01 05:00:00 +09:00".into());
    assert_eq!(read.warnings, [Warning::Future { likely }]);
    let swapped = read_time("2026-12-11T04:48:31+09:00", &tokyo(), now()).unwrap();
    let likely = Some("2026-11-12 04:48:31 +09:00".into());
    assert_eq!(swapped.warnings, [Warning::Future { likely }], "day and month the other way round");
    let off_by_one = read_time("2026-11-21 10:15:03 +08:00", &tokyo(), now()).unwrap();
    assert_eq!(
        off_by_one.warnings,
        [Warning::OneHourFromOurs { likely: "2026-11-21 10:15:03 +09:00".into() }]
    );
}

#[test]
fn abbreviations_of_several_zones_are_not_taken() {
    for text in ["2026-11-21 10:15:03 IST", "2026-11-21 10:15:03 CST", "2026-11-21 10:15:03 BST"] {
        assert_eq!(read(text), Err(TimeFault::ZoneAbbreviation), "{text}");
    }
}

#[test]
fn what_is_no_time_is_none() {
    for text in [
        "",
        "yesterday",
        "10:15:03 +09:00",
        "2026-11-21",
        "2026-11-21 25:15:03 Z",
        "2026-11-21 10:65:03 Z",
        "99999999999999999999",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,60}") {
        let _ = read(&text);
    }

    #[test]
    fn any_clutter_of_digits_and_marks_is_read_or_refused_without_a_panic(text in "[0-9:./ TZ+年月日時分秒APM,-]{0,40}") {
        let _ = read(&text);
    }

    #[test]
    fn rfc_3339_is_read_back(seconds in 0_i64..4_000_000_000) {
        let at = Timestamp::from_second(seconds).unwrap();
        proptest::prop_assert_eq!(read(&at.to_string()).unwrap().seen.at, UtcMicros::from(at));
    }
}
