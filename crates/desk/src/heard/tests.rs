#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use tadoru_model::observation::{LeaseEvent, NatEvent};
use tadoru_model::{PortRange, Protocol};

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
