#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use super::*;

const PERIODS: Periods = Periods { assignments: 180 * DAY_US, destinations: 90 * DAY_US, venues: i64::MAX };

fn at(text: &str) -> UtcMicros {
    UtcMicros::from(text.parse::<jiff::Timestamp>().unwrap())
}

#[test]
fn a_month_is_over_a_day_after_its_last_row_of_every_kind() {
    let month = Month::parse("2026-09").unwrap();
    let over = |class: &str, now: &str| PERIODS.are_over_for(kinds_of(class), month, at(now));
    // The first instant of October and 180 days, and one.
    assert!(!over(ASSIGNMENT, "2027-03-30T23:59:59Z"));
    assert!(over(ASSIGNMENT, "2027-03-31T00:00:00Z"));
    // Blocks with a far side stand under the same key as connections, and are kept for longer.
    assert!(!over(DESTINATION, "2027-03-30T23:59:59Z"));
    assert!(over(DESTINATION, "2027-03-31T00:00:00Z"));
    assert!(!over(VENUE, "2999-01-01T00:00:00Z"), "without end");
    assert!(!over("contract", "2999-01-01T00:00:00Z"), "another store's");
}

#[test]
fn every_kind_stands_under_the_keys_of_a_class() {
    let known =
        |kind: &RecordKind| [ASSIGNMENT, DESTINATION, VENUE].iter().any(|c| kinds_of(c).contains(kind));
    assert!(RecordKind::ALL.iter().all(known));
}
