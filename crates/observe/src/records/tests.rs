//! Laws of the conversions: what a record does not tell is not made up, and what is in doubt is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::Ipv4Addr;

use tadoru_model::observation::{Moment, SessionEvent};
use tadoru_model::{Realm, SourceName};
use tadoru_wire::radius::{self, Accounting, Allocation, Status};

use super::*;

fn session(record: &Accounting) -> SessionEvent {
    match converted(record).unwrap().unwrap().what {
        Observed::Session(event) => event,
        _ => panic!("not a session"),
    }
}

fn converted(record: &Accounting) -> Converted {
    let realm = Realm::untold();
    let origin = accounting::Origin {
        sender: None,
        arrival: Some(UtcMicros::from_seconds(2_000_000_000)),
        source: None,
        realm: &realm,
        record: 7,
    };
    accounting::observation(record, &origin)
}

fn start() -> Accounting {
    Accounting {
        status: Some(Status::Start),
        session_id: Some("s-1".to_owned()),
        nas_identifier: Some("bras-1".to_owned()),
        framed_ipv4: Some(Ipv4Addr::new(192, 0, 2, 5)),
        ..Accounting::default()
    }
}

fn range(public: Ipv4Addr, allocation: Option<Allocation>) -> radius::PortRange {
    radius::PortRange {
        origin: radius::Origin::IpPortRange,
        public: Some(public),
        low: 1024,
        high: 2047,
        inside: None,
        inside_port: None,
        allocation,
        port_type: None,
        realm: None,
    }
}

#[test]
fn a_netmask_gives_a_line_no_address_of_its_neighbours() {
    for mask in [[255, 255, 255, 0], [255, 255, 255, 255], [255, 0, 255, 0]] {
        let record = Accounting { framed_netmask: Some(mask.into()), ..start() };
        assert_eq!(session(&record).holds[0].to_string(), "192.0.2.5", "{mask:?}");
    }
}

#[test]
fn a_shared_address_is_held_by_its_ports_alone() {
    let shared = Ipv4Addr::new(192, 0, 2, 5);
    let record = Accounting { port_ranges: vec![range(shared, Some(Allocation::Allocated))], ..start() };
    let event = session(&record);
    assert!(event.holds.is_empty());
    assert_eq!((event.ports[0].1.low, event.ports[0].1.high), (1024, 2047));
    let back = Accounting { port_ranges: vec![range(shared, Some(Allocation::Released))], ..start() };
    assert!(session(&back).ports.is_empty());
}

#[test]
fn a_delay_is_taken_off_the_arrival_and_not_off_the_logged_time() {
    let record =
        Accounting { acct_delay_time: Some(30), event_timestamp: Some(1_999_999_960_000_000), ..start() };
    let when = session(&record).when;
    assert_eq!(when.logged, Some(UtcMicros::from_seconds(1_999_999_960)));
    assert_eq!(when.not_after, Some(UtcMicros::from_seconds(1_999_999_970)));
}

#[test]
fn records_that_lack_what_names_them_are_refused() {
    assert!(converted(&Accounting { session_id: None, ..start() }).is_err());
    assert!(converted(&Accounting { status: None, ..start() }).is_err());
    assert!(converted(&Accounting { nas_identifier: None, ..start() }).is_err());
    assert_eq!(converted(&Accounting { status: Some(Status::Other(15)), ..start() }), Ok(None));
    let on = Accounting { status: Some(Status::AccountingOn), session_id: None, ..start() };
    assert!(matches!(converted(&on).unwrap().unwrap().what, Observed::DeviceRestart(_)));
}

#[test]
fn names_stand_in_the_order_of_their_sureness() {
    let record = Accounting {
        user_name: Some("u".to_owned()),
        classes: vec![b"gold".to_vec(), vec![0, 255]],
        imsi: Some("440100000000001".to_owned()),
        agent_circuit_id: Some(vec![0xAB]),
        agent_remote_id: Some(vec![1]),
        calling_station_id: Some("27-4B".to_owned()),
        ..start()
    };
    let names: Vec<String> = session(&record).names.into_iter().map(|name| name.value).collect();
    assert_eq!(names, ["u", "gold", "00ff", "440100000000001", "ab", "01", "27-4B"]);
}

#[test]
fn a_device_is_known_by_its_name_before_its_address() {
    let address =
        Accounting { nas_identifier: None, nas_ip: Some(Ipv4Addr::new(198, 51, 100, 1)), ..start() };
    assert_eq!(converted(&address).unwrap().unwrap().source, SourceName::from("198.51.100.1"));
    assert_eq!(converted(&start()).unwrap().unwrap().source, SourceName::from("bras-1"));
}

#[test]
fn gaps_in_numbers_are_losses_and_resets_are_none() {
    let (source, realm) = (SourceName::from("gw"), Realm::untold());
    let mut sequences = nat_lines::Sequences::default();
    let mut step = |number, second| {
        sequences.step(&source, &realm, number, Some(UtcMicros::from_seconds(second))).map(|span| span.why)
    };
    assert_eq!(step(1000, 10), None);
    assert_eq!(step(1001, 11), None);
    assert_eq!(step(1005, 12).as_deref(), Some("3 messages lost by sequence numbers"));
    assert_eq!(step(1003, 12), None, "a late one");
    assert_eq!(step(1006, 13), None);
    assert_eq!(step(1, 20), None, "a device that started again");
    assert_eq!(step(2, 21), None);
}

#[test]
fn a_connection_without_its_port_claims_no_whole_address() {
    assert!(connection_ports(Protocol::TCP, None).is_err());
    assert!(connection_ports(Protocol::ANY, None).is_err());
    assert_eq!(connection_ports(Protocol(47), None), Ok(PortRange::ALL));
}

#[test]
fn odd_times_are_told_and_kept() {
    let mut record = start();
    record.event_timestamp = Some(2_100_000_000_000_000);
    let observation = converted(&record).unwrap().unwrap();
    assert!(odd_time(&observation, UtcMicros::from_seconds(2_000_000_000)).is_some());
    record.event_timestamp = Some(0);
    let observation = converted(&record).unwrap().unwrap();
    assert!(odd_time(&observation, UtcMicros::from_seconds(2_000_000_000)).is_some());
    let Observed::Session(event) = observation.what else { panic!("not a session") };
    assert_eq!(event.moment, Moment::Start);
}
