#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use super::*;

fn reading(day: i64, lead_s: i64, samples: u64) -> ClockReading {
    ClockReading {
        source: SourceName("nas".into()),
        day: UtcMicros(day * DAY_US),
        lead_us: lead_s * 1_000_000,
        samples,
    }
}

fn at(day: i64) -> UtcMicros {
    UtcMicros(day * DAY_US + 1)
}

#[test]
fn a_clock_that_never_leads_by_more_than_a_second_is_right() {
    let clocks = Clocks::new([reading(10, -3, 500)]);
    assert_eq!(clocks.error(&SourceName("nas".into()), at(10)), ClockError::NONE);
}

#[test]
fn a_clock_that_leads_is_fast_by_at_least_that() {
    let clocks = Clocks::new([reading(10, 93, 500)]);
    let error = clocks.error(&SourceName("nas".into()), at(10));
    assert!(error.least_us == 93_000_000 && error.most_us >= 95_000_000);
}

#[test]
fn slow_delivery_and_a_slow_clock_are_both_allowed_for() {
    let clocks = Clocks::new([reading(10, -90, 500)]);
    let error = clocks.error(&SourceName("nas".into()), at(10));
    assert_eq!((error.least_us, error.most_us), (-90_000_000, 0));
}

#[test]
fn a_clock_set_in_between_stays_within_the_bounds_and_sparse_days_do_not_count() {
    let clocks = Clocks::new([reading(9, 93, 500), reading(10, -1, 500), reading(11, -400, 3)]);
    let error = clocks.error(&SourceName("nas".into()), at(10));
    assert!(error.least_us <= 0 && error.most_us >= 93_000_000);
    assert!(error.least_us > -400_000_000);
}

#[test]
fn the_watch_keeps_the_largest_lead_of_each_day() {
    let mut watch = ClockWatch::default();
    let source = SourceName("nas".into());
    for (logged, arrived) in [(100, 160), (200, 203), (300, 900)] {
        watch.note(
            &source,
            When {
                logged: Some(UtcMicros::from_seconds(logged)),
                not_after: Some(UtcMicros::from_seconds(arrived)),
            },
        );
    }
    let readings = watch.drain();
    assert_eq!(readings.len(), 1);
    assert_eq!((readings.first().unwrap().lead_us, readings.first().unwrap().samples), (-3_000_000, 3));
    assert!(watch.drain().is_empty());
}
