#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

use tadoru_model::observation::{LeaseEvent, NatEvent};
use tadoru_model::{Assignment, Edge, Holder, How, PortRange, Protocol};

use super::*;

fn nat(seconds: i64) -> Observation {
    let at = UtcMicros::from_seconds(seconds);
    Observation {
        source: SourceName::from("cgn-1"),
        realm: Realm::untold(),
        record: 0,
        what: Observed::Nat(NatEvent {
            moment: tadoru_model::observation::Moment::Start,
            when: When { logged: Some(at), not_after: None },
            began: None,
            proto: Protocol::TCP,
            inside_realm: Realm::untold(),
            inside: "100.64.0.1".parse().unwrap(),
            inside_port: None,
            outside: "192.0.2.1".parse().unwrap(),
            ports: PortRange::one(1024),
            remote: None,
            id: 0,
        }),
    }
}

fn heard(seconds: impl IntoIterator<Item = i64>, before: &[CoverageSpan]) -> Vec<CoverageSpan> {
    let mut heard = Heard::default();
    for s in seconds {
        heard.note(&nat(s));
    }
    heard.spans(before)
}

#[test]
fn a_file_covers_the_time_from_its_first_record_to_its_last() {
    let spans = heard([10, 20, 15, 30], &[]);
    let only = spans.first().unwrap();
    assert_eq!((spans.len(), only.state), (1, CoverageState::Alive));
    assert_eq!(only.span, Span::new(UtcMicros::from_seconds(10), UtcMicros(30_000_001)));
    assert_eq!(only.prefixes, ["192.0.2.0/24".parse().unwrap()]);
}

#[test]
fn a_silence_far_out_of_the_ordinary_is_a_hole_in_the_log() {
    let spans = heard((0..3000).chain(4000..8000), &[]);
    let states: Vec<_> = spans.iter().map(|s| (s.state, s.span.from.0 / 1_000_000)).collect();
    assert_eq!(
        states,
        [(CoverageState::Alive, 0), (CoverageState::Dead, 2999), (CoverageState::Alive, 4000)]
    );
}

#[test]
fn a_quiet_source_is_not_taken_for_a_dead_one() {
    assert_eq!(heard((0..200).map(|n| n * 600), &[]).len(), 1);
}

#[test]
fn a_log_that_goes_on_where_the_last_import_ended_is_one_log() {
    let day_one = heard(0..1000, &[]);
    let day_two = heard(1020..2000, &day_one);
    assert_eq!(day_two.first().unwrap().span.from, UtcMicros(999_000_001));
    let much_later = heard(5000..6000, &day_one);
    assert_eq!(much_later.first().unwrap().span.from, UtcMicros::from_seconds(5000));
}

#[test]
fn an_expiry_that_lies_ahead_says_nothing_of_when_the_server_was_alive() {
    let mut heard = Heard::default();
    heard.note(&Observation {
        source: SourceName::from("dhcp"),
        realm: Realm::untold(),
        record: 1,
        what: Observed::Lease(LeaseEvent {
            state: LeaseState::Active,
            prefix: "192.0.2.7".parse().unwrap(),
            since: UtcMicros::from_seconds(100),
            expires: Some(UtcMicros::from_seconds(100_000)),
            names: Vec::new(),
        }),
    });
    assert_eq!(heard.spans(&[]).first().unwrap().span.until, UtcMicros(100_000_001));
}

/// Rows of translations as a flow export gives them: each written at its end.
fn rows(times: impl IntoIterator<Item = (i64, i64)>) -> Vec<CoverageSpan> {
    let mut heard = Heard::default();
    for (from, until) in times {
        let edge = |seconds| Edge::exact(UtcMicros::from_seconds(seconds), How::Logged);
        let row = Assignment {
            kind: RecordKind::NatSession,
            realm: Realm::untold(),
            prefix: "192.0.2.1".parse().unwrap(),
            ports: PortRange::one(1024),
            proto: Protocol::TCP,
            remote: None,
            holder: Holder::Line(Vec::new()),
            from: edge(from),
            until: edge(until),
            source: SourceName::from("cgn-1"),
            record: 0,
            corrected_us: 0,
            thread: 0,
        };
        let (source, realm) = (row.source.clone(), row.realm.clone());
        heard.note(&Observation { source, realm, record: 0, what: Observed::Row(Box::new(row)) });
    }
    heard.spans(&[])
}

#[test]
fn rows_of_translations_cover_the_time_from_the_first_to_the_last_that_they_tell_of() {
    let spans = rows([(1000, 1500)]);
    assert_eq!(spans.len(), 1);
    let only = Span::new(UtcMicros::from_seconds(1000), UtcMicros::from_seconds(1500).plus(1));
    assert_eq!((spans[0].span, spans[0].state), (only, CoverageState::Alive));
    let spans = rows([(1000, 1010), (990, 1012), (1005, 1020)]);
    assert_eq!((spans.len(), spans[0].span.from), (1, UtcMicros::from_seconds(990)));
}

#[test]
fn a_long_translation_does_not_make_the_log_reach_back_over_a_hole() {
    // One connection of a day among two hours of dense log: of the day before, nothing else is on record.
    let dense = (0..7200).map(|n| (100_000 + n, 100_001 + n));
    let spans = rows(dense.chain([(14_000, 107_201)]));
    let dead: Vec<_> = spans.iter().filter(|s| s.state == CoverageState::Dead).collect();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].span.until, UtcMicros::from_seconds(100_000));
    assert_eq!(dead[0].span.from, UtcMicros::from_seconds(14_000).plus(1));
}
