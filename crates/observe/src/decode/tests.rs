//! Laws of decoding: the same spool gives the same observations, and signs of life tell when nobody listened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;
use tadoru_model::observation::LeaseState;
use tadoru_model::{CoverageState, Realm, UtcMicros};

use super::*;
use crate::inlet::Beat;

fn raw(kind: RawKind, second: i64, octets: &[u8]) -> SpoolRecord {
    SpoolRecord {
        kind,
        source: None,
        realm: Realm::untold(),
        inside_realm: Realm::untold(),
        zone: None,
        sender: Some("198.51.100.1".parse().unwrap()),
        arrival: UtcMicros::from_seconds(second),
        place: None,
        octets: octets.to_vec(),
    }
}

fn pulse(of: RawKind, from: i64, until: i64, beat: Beat) -> SpoolRecord {
    let (from, state) = (UtcMicros::from_seconds(from), CoverageState::Alive);
    let pulse = Pulse { of, from, state, beat, subjects: Vec::new() };
    SpoolRecord { sender: None, ..raw(RawKind::Pulse, until, &pulse.to_octets()) }
}

fn spans(decoded: &Decoded) -> Vec<(i64, i64, CoverageState)> {
    let span = |o: &Observation| match &o.what {
        Observed::Coverage(c) => (c.span.from.0 / 1_000_000, c.span.until.0 / 1_000_000, c.state),
        _ => panic!("not coverage"),
    };
    decoded.observations.iter().map(span).collect()
}

fn line(sequence: u32) -> Vec<u8> {
    format!(
        "<134>1 2026-11-21T10:00:{:02}Z gw1 nat - - [meta sequenceId=\"{sequence}\"] %ASA-6-305011: Built dynamic TCP \
         translation from inside:100.64.0.5/{sequence} to outside:192.0.2.1/{sequence}",
        sequence % 60
    )
    .into_bytes()
}

#[test]
fn the_same_spool_gives_the_same_observations() {
    let at = 1_795_255_200;
    let spool: Vec<SpoolRecord> = [1000, 1001, 1004, 1005]
        .into_iter()
        .map(|n| raw(RawKind::Syslog, at + i64::from(n) - 1000, &line(n)))
        .chain([pulse(RawKind::Syslog, at - 2, at + 7, Beat::First)])
        .collect();
    let run = || {
        let mut decoder = Decoder::default();
        let steps = spool.iter().zip(0..).map(|(record, number)| decoder.step(number, record).observations);
        steps.collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first, run());
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 2, 1, 1]);
    let Observed::Coverage(lost) = &first[2][0].what else { panic!("not coverage") };
    assert_eq!(lost.state, CoverageState::Lossy);
}

#[test]
fn the_time_between_two_runs_is_told_as_dead() {
    let at = 1_795_255_200;
    let mut decoder = Decoder::default();
    decoder.step(0, &raw(RawKind::Syslog, at, &line(1000)));
    let decoded = decoder.step(1, &pulse(RawKind::Syslog, at - 1, at + 2, Beat::First));
    assert_eq!(spans(&decoded), [(at - 1, at + 2, CoverageState::Alive)]);
    let decoded = decoder.step(2, &pulse(RawKind::Syslog, at + 2, at + 4, Beat::Next));
    assert_eq!(spans(&decoded), [(at + 2, at + 4, CoverageState::Alive)]);
    // Killed; another process goes on.
    let mut decoder = Decoder::recall(&decoder.memory().unwrap()).unwrap();
    let decoded = decoder.step(3, &pulse(RawKind::Syslog, at + 60, at + 62, Beat::First));
    let told = [(at + 4, at + 60, CoverageState::Dead), (at + 60, at + 62, CoverageState::Alive)];
    assert_eq!(spans(&decoded), told);
    let decoded = decoder.step(4, &pulse(RawKind::Syslog, at + 70, at + 72, Beat::Next));
    let told = [(at + 62, at + 70, CoverageState::Lossy), (at + 70, at + 72, CoverageState::Alive)];
    assert_eq!(spans(&decoded), told);
    let decoded = decoder.step(5, &pulse(RawKind::Export, at + 70, at + 74, Beat::First));
    assert!(decoded.observations.is_empty(), "signs of life speak for their own kind of record only");
}

#[test]
fn a_lease_given_back_while_we_watch_ended_before_we_looked() {
    let header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,state\n";
    let place = |line, end, age| Some(FilePlace { file: 5, line, end, age });
    let of = |octets: &str, arrival, place| SpoolRecord {
        source: Some(SourceName::from("kea-1")),
        place,
        ..raw(RawKind::Kea4, arrival, format!("{header}{octets}").as_bytes())
    };
    let mut decoder = Decoder::default();
    let first =
        of("192.0.2.5,02:00:5e:10:00:01,,3600,1795259000,1,0\n", 1_795_255_402, place(2, 90, Age::Old));
    let second =
        of("192.0.2.5,02:00:5e:10:00:01,,0,1795255400,1,0\n", 1_795_255_500, place(3, 140, Age::Fresh));
    assert_eq!(decoder.step(0, &first).observations[0].record, 2);
    let decoded = decoder.step(1, &second);
    assert_eq!(decoded.observations[0].record, 3);
    let Observed::Lease(event) = &decoded.observations[0].what else { panic!("not a lease") };
    assert_eq!(event.state, LeaseState::Released);
    assert_eq!(event.expires, Some(UtcMicros::from_seconds(1_795_255_400)));
    assert_eq!(event.since, UtcMicros::from_seconds(1_795_255_501));
    assert_eq!(decoder.places().next().unwrap().1.end, 140);
}

#[test]
fn records_that_lack_what_they_need_are_defects() {
    let mut decoder = Decoder::default();
    for kind in RawKind::ALL {
        let nobody = SpoolRecord { sender: None, ..raw(kind, 0, b"\0\x09 nonsense") };
        let decoded = decoder.step(0, &nobody);
        assert!(decoded.observations.is_empty() && decoded.defect_count + decoded.ignored > 0, "{kind:?}");
    }
}

#[test]
fn a_file_that_is_followed_is_the_sign_of_life_of_all_that_it_tells_of() {
    let of = |record| SpoolRecord { source: Some(SourceName::from("detail-1")), ..record };
    let mut decoder = Decoder::default();
    let octets = include_bytes!("../../testdata/detail-20160204");
    let place = Some(FilePlace { file: 1, line: 1, end: octets.len() as u64, age: Age::Old });
    let decoded = decoder.step(0, &SpoolRecord { place, ..of(raw(RawKind::Detail, 1_454_600_000, octets)) });
    assert_eq!((decoded.observations.len(), decoded.defect_count), (4, 0));
    let sources: std::collections::BTreeSet<_> =
        decoded.observations.iter().map(|o| o.source.clone()).collect();
    let beat = of(pulse(RawKind::Detail, 1_454_599_999, 1_454_600_001, Beat::First));
    assert_eq!(decoder.step(1, &beat).observations.len(), sources.len());
    let other = SpoolRecord { source: Some(SourceName::from("detail-2")), ..beat };
    assert!(decoder.step(2, &other).observations.is_empty());
}

proptest! {
    #[test]
    fn nothing_that_is_in_the_spool_breaks_the_decoder(records: Vec<(u8, Vec<u8>, bool)>) {
        let mut decoder = Decoder::default();
        for (number, (kind, octets, placed)) in (0..).zip(records) {
            let mut record = raw(RawKind::ALL[usize::from(kind) % RawKind::ALL.len()], i64::from(kind), &octets);
            if placed {
                record.source = Some(SourceName::from("s"));
                record.place = Some(FilePlace { file: 1, line: u64::MAX, end: 0, age: Age::Fresh });
            }
            decoder.step(number, &record);
        }
    }
}

#[test]
fn what_is_kept_in_mind_is_read_as_written_and_nothing_else_is() {
    let mut decoder = Decoder::default();
    let of = |record| SpoolRecord { source: Some(SourceName::from("gw-1")), ..record };
    decoder.step(0, &of(raw(RawKind::Syslog, 1_795_255_200, &line(7))));
    decoder.step(1, &raw(RawKind::Export, 1_795_255_201, &packets()[0]));
    let place = Some(FilePlace { file: 9, line: 8, end: 7, age: Age::Fresh });
    decoder.step(2, &SpoolRecord { place, ..of(raw(RawKind::Detail, 1_795_255_202, b"")) });
    let memory = decoder.memory().unwrap();
    let again = Decoder::recall(&memory).unwrap();
    assert_eq!(again.memory(), Some(memory.clone()));
    assert_eq!(again.places().next().map(|(_, place)| place), place);
    // Cut where an earlier version had no more, it is one of that version.
    let read = (0..memory.len()).filter(|end| Decoder::recall(&memory[..*end]).is_some());
    assert_eq!(read.collect::<Vec<_>>(), [memory.len() - 8]);
}

/// Three packets of an exporter: the first announces its templates.
fn packets() -> Vec<Vec<u8>> {
    let mut encoder = flow::Encoder::new(flow::Version::Ipfix, 5, 1_795_000_000_000_000);
    (0..3)
        .flat_map(|n| {
            let at = 1_795_255_200_000_000 + n * 1_000_000;
            encoder.encode(at, &[translation(at)]).unwrap()
        })
        .collect()
}

fn translation(at_us: i64) -> flow::NatEvent {
    let end = |addr: &str, port| flow::Endpoint { address: Some(addr.parse().unwrap()), port: Some(port) };
    flow::NatEvent {
        kind: flow::EventKind::SessionCreate,
        code: None,
        dialect: flow::Dialect::Rfc8158,
        domain: 5,
        time: flow::EventTime { us: at_us, source: flow::TimeSource::Observation },
        start_us: None,
        end_us: None,
        export_us: at_us,
        arrival_us: at_us,
        protocol: Some(6),
        direction: flow::Direction::Outbound,
        realm: None,
        inside: end("100.64.0.5", 50_001),
        softwire: None,
        outside: end("192.0.2.1", 40_001),
        outside_ports: None,
        destination: end("198.51.100.80", 443),
        destination_post: end("198.51.100.80", 443),
        ingress_vrf: None,
        egress_vrf: None,
        vrf_name: None,
        nat_instance: None,
        pool_id: None,
        pool_name: None,
        session_id: None,
        user_name: None,
    }
}

#[test]
fn templates_known_before_a_restart_are_known_after_it() {
    let [first, second, third] = <[Vec<u8>; 3]>::try_from(packets()).unwrap();
    let mut decoder = Decoder::default();
    assert_eq!(decoder.step(0, &raw(RawKind::Export, 1_795_255_200, &first)).observations.len(), 1);
    // Without what was kept in mind, its data would wait for the template to be announced again.
    assert!(
        Decoder::default().step(1, &raw(RawKind::Export, 1_795_255_201, &second)).observations.is_empty()
    );
    let mut again = Decoder::recall(&decoder.memory().unwrap()).unwrap();
    let decoded = again.step(1, &raw(RawKind::Export, 1_795_255_201, &second));
    assert_eq!((decoded.observations.len(), decoded.defect_count), (1, 0), "and nothing is told as lost");
    // What is sent while nobody listens is told by its number.
    let mut late = Decoder::recall(&decoder.memory().unwrap()).unwrap();
    let decoded = late.step(2, &raw(RawKind::Export, 1_795_255_202, &third));
    let lost = decoded.observations.iter().filter(|o| matches!(o.what, Observed::Coverage(_)));
    assert_eq!((decoded.observations.len(), lost.count()), (2, 1));
}

#[test]
fn a_stretch_whose_template_never_came_is_lossy_for_the_source_that_sent_it() {
    let [first, second, third] = <[Vec<u8>; 3]>::try_from(packets()).unwrap();
    // The same from another domain, whose first packet, with the template, never comes.
    let other_domain = |mut packet: Vec<u8>| {
        packet[12..16].copy_from_slice(&6_u32.to_be_bytes());
        packet
    };
    let (second, third) = (other_domain(second), other_domain(third));
    let at = 1_795_255_200;
    let mut decoder = Decoder::default();
    let named = |octets: &[u8], second| {
        let realm = Realm::from("cgn-1");
        SpoolRecord { source: Some(SourceName::from("gw-1")), realm, ..raw(RawKind::Export, second, octets) }
    };
    assert_eq!(decoder.step(0, &named(&first, at - 1)).observations.len(), 1);
    assert!(decoder.step(1, &named(&second, at)).observations.is_empty());
    assert!(decoder.step(2, &named(&third, at + 5)).observations.is_empty());
    // A restart of ours gives up what waits.
    let mut again = Decoder::recall(&decoder.memory().unwrap()).unwrap();
    let lost = Decoded { observations: again.lost(), ..Decoded::default() };
    assert_eq!(spans_of(&lost, "gw-1", "cgn-1"), [(at, at + 5, CoverageState::Lossy)]);
    assert!(again.lost().is_empty(), "it is told once");
    // Hours later another exporter is heard.
    let other: IpAddr = "198.51.100.77".parse().unwrap();
    let record = SpoolRecord { sender: Some(other), ..raw(RawKind::Export, at + 9000, &first) };
    let decoded = decoder.step(3, &record);
    assert_eq!(spans_of(&decoded, "gw-1", "cgn-1"), [(at, at + 5, CoverageState::Lossy)]);
}

/// Coverage of one source and realm, in seconds.
fn spans_of(decoded: &Decoded, source: &str, realm: &str) -> Vec<(i64, i64, CoverageState)> {
    let told = decoded.observations.iter().filter(|o| &*o.source.0 == source && &*o.realm.0 == realm);
    let span = |o: &Observation| match &o.what {
        Observed::Coverage(c) => Some((c.span.from.0 / 1_000_000, c.span.until.0 / 1_000_000, c.state)),
        _ => None,
    };
    told.filter_map(span).collect()
}
