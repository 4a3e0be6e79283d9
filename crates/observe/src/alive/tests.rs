//! Laws of who is alive: a source speaks of its own addresses only, and silence proves nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

use super::*;
use crate::inlet::Subject;
use crate::{Decoded, Decoder};

const AT: i64 = 1_795_255_200;

fn raw(kind: RawKind, source: Option<&str>, second: i64, octets: Vec<u8>) -> SpoolRecord {
    SpoolRecord {
        kind,
        source: source.map(SourceName::from),
        realm: Realm::from("r"),
        inside_realm: Realm::untold(),
        zone: None,
        sender: Some("198.51.100.1".parse().unwrap()),
        arrival: UtcMicros::from_seconds(second),
        place: None,
        octets,
    }
}

/// A translation to an outside address, logged by `gateway`.
fn line(gateway: &str, second: i64, outside: &str) -> SpoolRecord {
    let text = format!(
        "<134>1 2026-11-21T10:00:00Z {gateway} nat - - - %ASA-6-305011: Built dynamic TCP translation from \
         inside:100.64.0.5/1024 to outside:{outside}/1024"
    );
    raw(RawKind::Syslog, Some(gateway), second, text.into_bytes())
}

fn beat(of: RawKind, from: i64, until: i64, beat: Beat, subjects: &[(&str, &[&str])]) -> SpoolRecord {
    let subject = |(name, prefixes): &(&str, &[&str])| Subject {
        source: SourceName::from(*name),
        realm: Realm::from("r"),
        prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
    };
    let subjects = subjects.iter().map(subject).collect();
    let pulse =
        Pulse { of, from: UtcMicros::from_seconds(from), state: CoverageState::Alive, beat, subjects };
    raw(RawKind::Pulse, None, until, pulse.to_octets())
}

/// Source, prefixes, from, until, state of each span.
fn told(decoded: &Decoded) -> Vec<(String, String, i64, i64, CoverageState)> {
    let of = |o: &Observation| match &o.what {
        Observed::Coverage(c) => {
            let prefixes: Vec<_> = c.prefixes.iter().map(ToString::to_string).collect();
            let second = |at: UtcMicros| at.0 / 1_000_000 - AT;
            let (from, until) = (second(c.span.from), second(c.span.until));
            Some((c.source.0.to_string(), prefixes.join(" "), from, until, c.state))
        }
        _ => None,
    };
    decoded.observations.iter().filter_map(of).collect()
}

fn row(
    source: &str,
    prefixes: &str,
    from: i64,
    until: i64,
    state: CoverageState,
) -> (String, String, i64, i64, CoverageState) {
    (source.to_owned(), prefixes.to_owned(), from, until, state)
}

use CoverageState::{Alive as Well, Dead, Lossy};

#[test]
fn a_sender_speaks_of_what_its_records_named_and_of_nothing_else() {
    let mut decoder = Decoder::default();
    decoder.step(0, &line("gw-1", AT, "192.0.2.1"));
    decoder.step(1, &line("gw-2", AT, "203.0.113.9"));
    decoder.step(2, &line("gw-1", AT + 1, "192.0.2.200"));
    let decoded = decoder.step(3, &beat(RawKind::Syslog, AT, AT + 2, Beat::First, &[]));
    let wanted = [row("gw-1", "192.0.2.0/24", 0, 2, Well), row("gw-2", "203.0.113.0/24", 0, 2, Well)];
    assert_eq!(told(&decoded), wanted);
}

#[test]
fn a_sender_that_falls_silent_is_not_alive_for_what_it_speaks_of() {
    let mut decoder = Decoder::default();
    for second in 0..100 {
        decoder.step(0, &line("gw-1", AT + second, "192.0.2.1"));
        decoder.step(0, &line("gw-2", AT + second, "203.0.113.9"));
    }
    decoder.step(0, &beat(RawKind::Syslog, AT, AT + 100, Beat::First, &[]));
    // One goes on, the other is silent.
    let mut quiet = Vec::new();
    for second in (100..=1020).step_by(20) {
        decoder.step(0, &line("gw-1", AT + second, "192.0.2.1"));
        quiet =
            told(&decoder.step(0, &beat(RawKind::Syslog, AT + second - 20, AT + second, Beat::Next, &[])));
    }
    // What was told of it since its last record is put right.
    let wanted =
        [row("gw-1", "192.0.2.0/24", 1000, 1020, Well), row("gw-2", "203.0.113.0/24", 99, 1020, Dead)];
    assert_eq!(quiet, wanted);
    // It speaks again, and is alive from then on.
    decoder.step(0, &line("gw-2", AT + 1025, "203.0.113.9"));
    let again = told(&decoder.step(0, &beat(RawKind::Syslog, AT + 1020, AT + 1040, Beat::Next, &[])));
    assert_eq!(again[1], row("gw-2", "203.0.113.0/24", 1020, 1040, Well));
}

#[test]
fn a_configured_sender_is_told_of_before_its_first_record() {
    let mut decoder = Decoder::default();
    let subjects: [(&str, &[&str]); 2] = [("gw-1", &["192.0.2.0/25", "198.51.100.7"]), ("gw-2", &[])];
    let first = decoder.step(0, &beat(RawKind::Syslog, AT, AT + 2, Beat::First, &subjects));
    // Nothing has come: nobody can say that nothing happened. Of what the other one speaks is not known.
    assert_eq!(told(&first), [row("gw-1", "192.0.2.0/25 198.51.100.7", 0, 2, Dead)]);
    decoder.step(1, &line("gw-1", AT + 3, "192.0.2.1"));
    let next = decoder.step(2, &beat(RawKind::Syslog, AT + 2, AT + 4, Beat::Next, &[]));
    assert_eq!(told(&next), [row("gw-1", "192.0.2.0/25 198.51.100.7", 2, 4, Well)]);
    // Another run, another configuration.
    let mut decoder = Decoder::recall(&decoder.memory().unwrap()).unwrap();
    let again = decoder.step(3, &beat(RawKind::Syslog, AT + 10, AT + 12, Beat::First, &[("gw-1", &[])]));
    let wanted = [row("gw-1", "192.0.2.0/24", 4, 10, Dead), row("gw-1", "192.0.2.0/24", 10, 12, Well)];
    assert_eq!(told(&again), wanted);
}

#[test]
fn a_file_that_is_read_regularly_is_alive_while_nothing_is_written() {
    let mut decoder = Decoder::default();
    let follow = |from, until, of, subjects: &[(&str, &[&str])]| SpoolRecord {
        source: Some(SourceName::from("kea-1")),
        ..beat(RawKind::Kea4, from, until, of, subjects)
    };
    let first = decoder.step(0, &follow(AT, AT + 1, Beat::First, &[("kea-1", &["192.0.2.0/24"])]));
    assert_eq!(told(&first), [row("kea-1", "192.0.2.0/24", 0, 1, Well)]);
    let later = decoder.step(1, &follow(AT + 1, AT + 9000, Beat::Next, &[]));
    assert_eq!(told(&later), [row("kea-1", "192.0.2.0/24", 1, 9000, Well)]);
    let Observed::Coverage(span) = &later.observations[0].what else { panic!("not coverage") };
    assert_eq!(span.kind, RecordKind::Lease);
    // Stopped; the next run went on in the same file where this one had stopped.
    let resumed = [("kea-1", &["192.0.2.0/24"][..])];
    let again = decoder.step(2, &follow(AT + 9100, AT + 9101, Beat::Resumed, &resumed));
    let wanted =
        [row("kea-1", "192.0.2.0/24", 9000, 9100, Well), row("kea-1", "192.0.2.0/24", 9100, 9101, Well)];
    assert_eq!(told(&again), wanted);
}

/// Lines of a followed Kea file, one for each address.
fn leases(second: i64, addresses: &[&str]) -> SpoolRecord {
    let mut text = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,state\n".to_owned();
    for address in addresses {
        text += &format!("{address},02:00:5e:10:00:01,,600,{},1,0\n", second + 600);
    }
    let place = crate::inlet::FilePlace { file: 1, line: 2, end: 0, age: crate::inlet::Age::Fresh };
    let mut record = raw(RawKind::Kea4, Some("kea-1"), second, text.into_bytes());
    record.place = Some(place);
    record
}

fn kea(from: i64, until: i64, of: Beat, prefixes: &[&str]) -> SpoolRecord {
    let source = Some(SourceName::from("kea-1"));
    SpoolRecord { source, ..beat(RawKind::Kea4, from, until, of, &[("kea-1", prefixes)]) }
}

#[test]
fn a_network_that_a_followed_lease_file_names_is_told_of_since_it_is_followed() {
    let mut decoder = Decoder::default();
    assert_eq!(told(&decoder.step(0, &kea(AT, AT + 1, Beat::First, &[]))), []);
    decoder.step(0, &kea(AT + 1, AT + 50, Beat::Next, &[]));
    let first = decoder.step(0, &leases(AT + 60, &["192.0.2.7", "192.0.2.8"]));
    assert_eq!(told(&first), [row("kea-1", "192.0.2.0/24", 0, 50, Well)]);
    let next = decoder.step(0, &kea(AT + 50, AT + 70, Beat::Next, &[]));
    assert_eq!(told(&next), [row("kea-1", "192.0.2.0/24", 50, 70, Well)]);
    assert_eq!(told(&decoder.step(0, &leases(AT + 80, &["192.0.2.9"]))), [], "it is known");

    // Over a restart that went on where it was; of the new network only what was not told yet is told.
    let mut decoder = Decoder::recall(&decoder.memory().unwrap()).unwrap();
    decoder.step(0, &kea(AT + 90, AT + 95, Beat::Resumed, &[]));
    let other = decoder.step(0, &leases(AT + 100, &["198.51.100.7"]));
    assert_eq!(told(&other), [row("kea-1", "198.51.100.0/24", 0, 95, Well)]);
}

#[test]
fn what_was_not_read_whole_is_not_told_of_before() {
    // Signs of life are missing between 10 and 20.
    let mut decoder = Decoder::default();
    decoder.step(0, &kea(AT, AT + 10, Beat::First, &[]));
    decoder.step(0, &kea(AT + 20, AT + 30, Beat::Next, &[]));
    let named = decoder.step(0, &leases(AT + 31, &["192.0.2.7"]));
    assert_eq!(told(&named), [row("kea-1", "192.0.2.0/24", 20, 30, Well)]);
    // A line that could not be read may have named the other network.
    let damaged = decoder.step(0, &leases(AT + 32, &["198.51.100.300"]));
    let doubt = row("kea-1", "192.0.2.0/24", 30 - 60, 32 + 70, Lossy);
    assert_eq!((told(&damaged), damaged.defect_count), (vec![doubt], 1));
    assert_eq!(told(&decoder.step(0, &leases(AT + 33, &["198.51.100.7"]))), []);
    decoder.step(0, &kea(AT + 30, AT + 40, Beat::Next, &[]));
    let other = decoder.step(0, &leases(AT + 41, &["203.0.113.7"]));
    assert_eq!(told(&other), [row("kea-1", "203.0.113.0/24", 32, 40, Well)]);
    // Another run did not see what happened in between.
    let mut decoder = Decoder::recall(&decoder.memory().unwrap()).unwrap();
    decoder.step(0, &kea(AT + 50, AT + 60, Beat::First, &[]));
    let third = decoder.step(0, &leases(AT + 61, &["10.0.0.7"]));
    assert_eq!(told(&third), [row("kea-1", "10.0.0.0/24", 50, 60, Well)]);
}

#[test]
fn a_loss_speaks_of_what_its_source_speaks_of() {
    let numbered = |number: u32| {
        let mut record = line("gw-1", AT + i64::from(number), "192.0.2.1");
        let text = String::from_utf8(record.octets).unwrap();
        record.octets =
            text.replace("nat - - -", &format!("nat - - [meta sequenceId=\"{number}\"]")).into_bytes();
        record
    };
    let mut decoder = Decoder::default();
    decoder.step(0, &numbered(1));
    let decoded = decoder.step(1, &numbered(5));
    assert_eq!(told(&decoded), [row("gw-1", "192.0.2.0/24", 1, 5, Lossy)]);
}

#[test]
fn a_damaged_line_of_a_followed_file_leaves_its_source_in_doubt_since_the_last_sign_of_life_and_no_other() {
    let of = |name: &str, mut record: SpoolRecord| {
        record.source = Some(SourceName::from(name));
        record
    };
    let mut decoder = Decoder::default();
    decoder.step(0, &kea(AT, AT + 1, Beat::First, &[]));
    decoder.step(0, &of("kea-2", leases(AT + 2, &["203.0.113.7"])));
    decoder.step(0, &leases(AT + 2, &["192.0.2.7"]));
    decoder.step(0, &kea(AT + 1, AT + 500, Beat::Next, &[]));
    // Nobody can tell whom the line gave which address, nor who held it from then on.
    let damaged = decoder.step(0, &leases(AT + 501, &["192.0.2.8", "192.0.2.300"]));
    assert_eq!(told(&damaged), [row("kea-1", "192.0.2.0/24", 500 - 60, 501 + 70, Lossy)]);
    // What comes within the stretch is told already; what comes behind it is told anew.
    assert_eq!(told(&decoder.step(0, &leases(AT + 505, &["192.0.2.300"]))), []);
    decoder.step(0, &kea(AT + 500, AT + 900, Beat::Next, &[]));
    let again = decoder.step(0, &leases(AT + 901, &["192.0.2.300"]));
    assert_eq!(told(&again), [row("kea-1", "192.0.2.0/24", 900 - 60, 901 + 70, Lossy)]);
    // Beside a lease that was written long ago, such as one that a partner handed on, so may the damaged one have been.
    decoder.step(0, &kea(AT + 900, AT + 5000, Beat::Next, &[]));
    let mut late = leases(AT + 3000, &["192.0.2.9", "192.0.2.300"]);
    late.arrival = UtcMicros::from_seconds(AT + 5001);
    assert_eq!(told(&decoder.step(0, &late)), [row("kea-1", "192.0.2.0/24", 3000 - 60, 5001 + 70, Lossy)]);
}

#[test]
fn a_damaged_entry_of_a_detail_file_leaves_every_device_that_writes_there_in_doubt() {
    let entry = |device: &str, address: &str, second: i64| {
        format!(
            "Sat Nov 21 10:00:00 2026\n\tAcct-Session-Id = \"1\"\n\tUser-Name = \"u\"\n\tAcct-Status-Type = Start\n\t\
             NAS-Identifier = \"{device}\"\n\tFramed-IP-Address = {address}\n\tTimestamp = {second}\n\n"
        )
    };
    let detail = |second: i64, text: &str| raw(RawKind::Detail, None, second, text.as_bytes().to_vec());
    let mut decoder = Decoder::default();
    let both = entry("nas-1", "192.0.2.7", AT) + &entry("nas-2", "203.0.113.7", AT);
    let sound = decoder.step(0, &detail(AT + 1, &both));
    assert_eq!((sound.observations.len(), sound.defect_count), (2, 0));
    decoder.step(0, &beat(RawKind::Detail, AT, AT + 2, Beat::First, &[]));
    let damaged = decoder.step(0, &detail(AT + 4, &entry("nas-1", "192.0.2.700", AT + 3)));
    let rows: Vec<_> = told(&damaged).into_iter().map(|row| (row.0, row.2, row.3, row.4)).collect();
    assert!(damaged.defect_count > 0);
    // Without a name in the configuration, an entry is of the device that it names, if it can be read.
    assert!(rows.iter().all(|row| row.1 == 2 - 60 && row.2 == 4 + 70 && row.3 == Lossy), "{rows:?}");

    let of = |mut record: SpoolRecord| {
        record.source = Some(SourceName::from("detail-1"));
        record
    };
    let mut decoder = Decoder::default();
    decoder.step(0, &of(detail(AT + 1, &both)));
    decoder.step(0, &of(beat(RawKind::Detail, AT, AT + 2, Beat::First, &[])));
    let damaged = told(&decoder.step(0, &of(detail(AT + 4, &entry("nas-1", "192.0.2.700", AT + 3)))));
    assert!(
        !damaged.is_empty() && damaged.iter().all(|row| row.4 == Lossy && row.2 == 2 - 60),
        "{damaged:?}"
    );
}

#[test]
fn a_message_that_cannot_be_read_leaves_its_gateway_in_doubt_since_the_message_before_it() {
    for named in [true, false] {
        let of = |mut record: SpoolRecord| {
            record.source = record.source.filter(|_| named);
            record
        };
        let mut decoder = Decoder::default();
        decoder.step(0, &of(line("gw-1", AT, "192.0.2.1")));
        decoder.step(0, &of(line("gw-2", AT + 100, "203.0.113.9")));
        decoder.step(0, &of(line("gw-1", AT + 200, "192.0.2.1")));
        let damaged = decoder.step(0, &of(line("gw-1", AT + 300, "192.0.2.999")));
        assert_eq!(damaged.defect_count, 1);
        assert_eq!(told(&damaged), [row("gw-1", "192.0.2.0/24", 200 - 60, 300 + 70, Lossy)], "{named}");
        // A message about something else is no damage.
        let mut other = line("gw-2", AT + 400, "203.0.113.9");
        other.octets = b"<134>1 2026-11-21T10:00:00Z gw-2 sshd - - - session opened".to_vec();
        assert_eq!(told(&decoder.step(0, &of(other))), []);
    }
}
