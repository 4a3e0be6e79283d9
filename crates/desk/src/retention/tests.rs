#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

use std::sync::Arc;

use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::{FindingState, Flow, Flows, SourceName, Span};
use tadoru_store::assignments::SpoolMark;
use tadoru_store::flows::contract::Permits;
use tadoru_store::incidents::contract;
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::spool::{Record, Spool};

use super::*;
use crate::house::House;

const PERIODS: Periods = Periods {
    assignments: 180 * DAY_US,
    destinations: 90 * DAY_US,
    venues: i64::MAX,
    incidents: 365 * DAY_US,
    flows: 3 * DAY_US,
    copied: 7 * DAY_US,
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
    assert!(!over(FLOWS, "2026-10-04T23:59:59Z"));
    assert!(over(FLOWS, "2026-10-05T00:00:00Z"));
    assert!(!over(COPIED, "2026-10-08T23:59:59Z"));
    assert!(over(COPIED, "2026-10-09T00:00:00Z"));
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

/// A flow that arrived at an instant, on the disk.
fn flow(house: &House, at: UtcMicros) {
    let flow = Flow { first_us: at.0, last_us: at.0, received_us: at.0, flows: 1, ..Flow::default() };
    let (mut batch, flows) = (Flows::default(), house.desk.stores().flows());
    batch.push(flow);
    let permit = house.desk.standing(Work::Flows).unwrap();
    flows.keep(&permit, &batch).unwrap();
    flows.commit(&permit, SpoolMark(1)).unwrap();
    flows.flush(&permit).unwrap();
}

/// Whether there is the key of the recorded flows of 2026-11.
fn has_flow_key(house: &House) -> bool {
    let key = (FLOWS.to_owned(), Month::parse("2026-11").unwrap());
    house.desk.gate().vault().list().unwrap().contains(&key)
}

#[test]
fn exports_past_their_time_are_deleted_and_what_a_copy_of_them_holds_can_be_read_by_nobody() {
    let house = House::new(at("2026-11-28T00:00:00Z"));
    let permit = house.desk.standing(Work::Flows).unwrap();
    let (spool, _) = house.desk.stores().exports(&permit).unwrap();
    let record = |arrived| Record { source: SourceName::from(""), arrived, bytes: b"export".to_vec() };
    spool.append(&permit, &[record(at("2026-11-28T00:00:00Z")), record(at("2026-11-28T00:00:00Z"))]).unwrap();
    let folder = house.folder.path().join("flow-spool");
    let files = || -> Vec<_> { std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect() };
    let (name, kept) = (files()[0].clone(), std::fs::read(&files()[0]).unwrap());
    let run = || house.desk.enforce_retention().unwrap();

    house.clock.set(at("2026-12-01T00:00:00Z"));
    assert_eq!(run(), Run::default(), "three days, not before");
    house.clock.set(at("2026-12-01T00:00:01Z"));
    assert_eq!(run(), Run { deleted: 2, ..Run::default() }, "also where nobody has read them");
    assert!(!name.exists() && has_flow_key(&house));
    // The spool goes on behind what is gone.
    let permit = house.desk.standing(Work::Flows).unwrap();
    spool.append(&permit, &[record(house.desk.now())]).unwrap();
    let left = spool.read_from(&permit, SpoolMark(0), usize::MAX).unwrap();
    assert_eq!(left.iter().map(|(mark, _)| mark.0).collect::<Vec<_>>(), [3]);
    // Somebody has made a copy of the file, and puts it in its place again: with the key it opens.
    let other = tempfile::tempdir().unwrap();
    let reopened = |permit: &Permit<Store>| {
        let place = Folder::open(other.path()).unwrap().inside("flow-spool").unwrap();
        std::fs::write(place.path().join(name.file_name().unwrap()), &kept).unwrap();
        let (vault, clock) = (house.desk.gate().vault().clone(), house.clock.clone());
        let tick = Arc::new(move || crate::Clock::now(&clock));
        let spool = Spool::open(&place, vault, tick, permit, Arc::from(FLOWS));
        spool.and_then(|(spool, _)| spool.read_from(permit, SpoolMark(0), usize::MAX)).map_or(0, |r| r.len())
    };
    assert_eq!(reopened(&permit), 2);

    house.clock.set(at("2026-12-04T23:59:59Z"));
    run();
    assert!(has_flow_key(&house));
    house.clock.set(at("2026-12-05T00:00:00Z"));
    assert_eq!(run().keys, 1);
    assert!(!has_flow_key(&house));
    let permit = house.desk.standing(Work::Flows).unwrap();
    assert_eq!(reopened(&permit), 0, "and without it nobody opens it");
}

#[test]
fn a_held_hour_of_flows_keeps_the_key_of_its_month() {
    let house = House::new(at("2026-11-28T00:00:00Z"));
    let preserve = Permits::of(house.desk.gate(), house.desk.now()).preserve;
    flow(&house, house.desk.now());
    let (now, flows) = (house.desk.now(), house.desk.stores().flows());
    flows.hold(&preserve, "H-1", &[Span::new(now, now.plus(1))]).unwrap();
    assert!(has_flow_key(&house), "the permit for the recording has its token under it");
    house.clock.set(at("2026-12-05T00:00:00Z"));
    let run = house.desk.enforce_retention().unwrap();
    assert_eq!((run.deleted, run.held), (0, 1));
    assert!(has_flow_key(&house), "the data are there still");
    flows.release(&preserve, "H-1").unwrap();
    let run = house.desk.enforce_retention().unwrap();
    assert_eq!((run.deleted, run.held), (1, 0));
    assert!(!has_flow_key(&house));
}
