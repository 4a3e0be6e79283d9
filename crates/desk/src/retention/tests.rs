#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use tadoru_model::FindingState;
use tadoru_store::incidents::contract;

use super::*;
use crate::house::House;

const PERIODS: Periods = Periods {
    assignments: 180 * DAY_US,
    destinations: 90 * DAY_US,
    venues: i64::MAX,
    incidents: 365 * DAY_US,
};

fn at(text: &str) -> UtcMicros {
    UtcMicros::from(text.parse::<jiff::Timestamp>().unwrap())
}

#[test]
fn a_month_is_over_a_day_after_its_last_row_of_every_kind() {
    let month = Month::parse("2026-09").unwrap();
    let over = |class: &str, now: &str| PERIODS.are_over_for(class, month, at(now));
    // The first instant of October and 180 days, and one.
    assert!(!over(ASSIGNMENT, "2027-03-30T23:59:59Z"));
    assert!(over(ASSIGNMENT, "2027-03-31T00:00:00Z"));
    // Blocks with a far side stand under the same key as connections, and are kept for longer.
    assert!(!over(DESTINATION, "2027-03-30T23:59:59Z"));
    assert!(over(DESTINATION, "2027-03-31T00:00:00Z"));
    assert!(!over(VENUE, "2999-01-01T00:00:00Z"), "without end");
    assert!(!over(INCIDENT_KEYS, "2027-10-01T23:59:59Z"));
    assert!(over(INCIDENT_KEYS, "2027-10-02T00:00:00Z"));
    assert!(!over("contract", "2999-01-01T00:00:00Z"), "another store's");
}

#[test]
fn every_kind_stands_under_the_keys_of_a_class() {
    let known =
        |kind: &RecordKind| [ASSIGNMENT, DESTINATION, VENUE].iter().any(|c| kinds_of(c).contains(kind));
    assert!(RecordKind::ALL.iter().all(known));
}

#[test]
fn an_incident_goes_a_year_after_its_end_and_its_key_with_the_last_of_its_month() {
    // 2026-11-21T03:00:00Z.
    let now = UtcMicros::from_seconds(1_795_230_000);
    let house = House::new(now);
    let permit = house.desk.standing(Work::Flows).unwrap();
    let ended = contract::finding(4, FindingState::Ended, 1_795_230_000);
    let open = contract::finding(5, FindingState::Opened, 1_795_230_000 - 40 * 86_400);
    for finding in [&ended, &open] {
        house.desk.stores().incidents().keep(&permit, finding).unwrap();
    }
    // It keeps the journal open, beyond the stop.
    drop(permit);
    let key = |month| (INCIDENT_KEYS.to_owned(), Month::parse(month).unwrap());
    let has = |month| house.desk.gate().vault().list().unwrap().contains(&key(month));
    let run = || house.desk.enforce_retention().unwrap();
    let ids = || house.desk.stores().incidents().briefs().iter().map(|brief| brief.id).collect::<Vec<_>>();

    house.clock.set(at("2027-11-21T03:00:00Z"));
    assert_eq!((run().deleted, ids().len()), (0, 2), "a year after its last second, not before");
    house.clock.set(at("2027-11-21T03:00:01Z"));
    assert_eq!((run().deleted, ids()), (1, vec![open.id]), "what is open stays");
    let journal = house.desk.gate().journal();
    let entries = (0..journal.size()).map(|n| String::from_utf8(journal.entry(n).unwrap()).unwrap());
    let told: Vec<String> =
        entries.filter(|entry| entry.contains("deleted") && entry.contains(INCIDENT)).collect();
    assert_eq!(told.len(), 1, "{told:?}");

    assert!(has("2026-11"), "the month is over, but not for a year");
    house.clock.set(at("2027-12-02T00:00:00Z"));
    assert_eq!(run().keys, 1);
    assert!(!has("2026-11"));
    assert!(has("2026-10"), "an incident that is open needs it");
    let house = house.restarted();
    assert_eq!(house.desk.newest(open.id).unwrap(), Some(open));
}
