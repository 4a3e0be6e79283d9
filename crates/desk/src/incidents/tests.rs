#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_model::finding::Rate;
use tadoru_store::incidents::contract;

use super::*;

const NOW_S: i64 = 1_795_230_000;

fn rate(packets_per_s: f64) -> Rate {
    Rate { packets_per_s, ..Rate::default() }
}

fn record(state: FindingState, now: f64, moments: &[(i64, FindingState, f64)]) -> Record {
    // Its last second is that of its number.
    let newest = Finding { now: rate(now), ..contract::finding(1, state, NOW_S) };
    let moment = |(at, state, packets): &(i64, FindingState, f64)| Moment {
        at: UtcMicros::from_seconds(NOW_S + at),
        state: *state,
        rate: rate(*packets),
        ratio: packets / 500.0,
    };
    Record { newest, history: moments.iter().map(moment).collect() }
}

fn course(record: &Record) -> Vec<(i64, f64)> {
    record.history.iter().map(|m| (m.at.0 / 1_000_000 - NOW_S, m.rate.packets_per_s)).collect()
}

use FindingState::{Ended, Grew, Opened};

#[test]
fn what_an_open_incident_has_now_is_what_was_measured_last() {
    let mut open = record(
        Grew,
        9_000.0,
        &[(-20, Opened, 5_000.0), (-2, Grew, 9_000.0), (-12, Grew, 7_000.0), (4, Grew, 80.0)],
    );
    set_course(&mut open);
    assert_eq!(open.newest.now.packets_per_s, 80.0);
    assert_eq!(course(&open), [(-20, 5_000.0), (-12, 7_000.0), (-2, 9_000.0), (4, 80.0)]);
}

#[test]
fn the_course_of_an_ended_incident_ends_with_its_fall() {
    let during = [(-20, Opened, 5_000.0), (-10, Grew, 9_000.0), (0, Grew, 8_000.0)];
    let measured = [(7, Grew, 60.0), (17, Grew, 50.0), (60, Ended, 40.0)];
    let mut ended = record(Ended, 40.0, &[&during[..], &measured[..]].concat());
    set_course(&mut ended);
    assert_eq!(course(&ended), [(-20, 5_000.0), (-10, 9_000.0), (0, 8_000.0), (7, 60.0)]);
    assert_eq!(ended.history.last().unwrap().state, Ended);

    let mut short = record(Ended, 40.0, &[(-1, Opened, 5_000.0), (60, Ended, 40.0)]);
    set_course(&mut short);
    assert_eq!(course(&short), [(-1, 5_000.0), (10, 40.0)]);
}
