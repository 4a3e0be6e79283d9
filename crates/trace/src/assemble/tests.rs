//! Scenes: records in the order of their arrival, and the rows that they add up to.
//!
//! A row is written as `kind address[:ports] [> remote] holder [from] [until]`, times in seconds; an edge that is not
//! simply logged says how it is known, and its bounds where it has two.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod leases;
mod sessions;
mod translations;

use std::net::IpAddr;

use tadoru_model::observation::{LeaseEvent, LeaseState, Moment, NatEvent, SessionEvent};
use tadoru_model::{
    CoverageState, Holder, Identity, IdentityKind, PortRange, Prefix, Protocol, Realm, RecordKind, Remote,
    SourceName, Span,
};

use super::*;

/// Runs the records through one assembler, and through one that is drained after each: both end with `wanted`.
#[track_caller]
fn check(records: &[Observation], wanted: &[&str]) {
    let whole = told(&run(&[records]));
    assert_eq!(whole, wanted, "drained at the end");
    let singly: Vec<Assignment> = {
        let mut assembler = Assembler::default();
        let mut rows = Vec::new();
        for record in records {
            assembler.step(record.clone());
            rows.append(&mut assembler.drain().rows);
        }
        rows
    };
    assert_eq!(told(&singly), wanted, "drained after each record");
}

/// Every version that comes out of assemblers, each of which takes over the open rows of the one before.
fn run(parts: &[&[Observation]]) -> Vec<Assignment> {
    let mut rows: Vec<Assignment> = Vec::new();
    for part in parts {
        let mut assembler = Assembler::resume(open_rows(&rows));
        part.iter().for_each(|record| assembler.step(record.clone()));
        rows.append(&mut assembler.drain().rows);
    }
    rows
}

/// What a store hands back as open: the newest open version, where no later version has closed it.
fn open_rows(versions: &[Assignment]) -> Vec<Assignment> {
    newest(versions).into_iter().filter(|row| row.until.how == How::Open).collect()
}

/// The newest version of each row: a version takes the place of an older one of the same thread, address and ports that
/// it overlaps or begins with.
fn newest(versions: &[Assignment]) -> Vec<Assignment> {
    let mut rows: Vec<Assignment> = Vec::new();
    for row in versions {
        let same = |old: &&mut Assignment| {
            row.thread != 0
                && (old.thread, old.prefix, old.ports) == (row.thread, row.prefix, row.ports)
                && (old.possible().meets(row.possible()) || old.from.latest == row.from.latest)
        };
        match rows.iter_mut().find(same) {
            Some(old) => *old = row.clone(),
            None => rows.push(row.clone()),
        }
    }
    rows
}

fn told(versions: &[Assignment]) -> Vec<String> {
    let mut rows = newest(versions);
    rows.sort_by_key(|row| (row.from.latest, row.until.latest, row.record));
    rows.iter().map(row_told).collect()
}

fn row_told(row: &Assignment) -> String {
    let ports = if row.ports == PortRange::ALL { String::new() } else { format!(":{}", row.ports) };
    let remote = row.remote.map_or(String::new(), |r| format!(" > {}", r.addr));
    let holder = match &row.holder {
        Holder::Line(names) => names.first().map_or("nobody".to_owned(), |n| n.value.clone()),
        Holder::Inside { prefix, .. } => prefix.to_string(),
    };
    let (kind, prefix) = (row.kind.as_str(), row.prefix);
    format!("{kind} {prefix}{ports}{remote} {holder} {} {}", edge_told(row.from), edge_told(row.until))
}

fn edge_told(edge: Edge) -> String {
    let how = if edge.how == How::Logged { String::new() } else { format!(" {}", edge.how.as_str()) };
    if edge.earliest == edge.latest {
        format!("[{}{how}]", second_told(edge.earliest))
    } else {
        format!("[{}..{}{how}]", second_told(edge.earliest), second_told(edge.latest))
    }
}

fn second_told(at: UtcMicros) -> String {
    match at {
        UtcMicros::MIN => String::new(),
        UtcMicros::MAX => String::new(),
        UtcMicros(micros) if micros % 1_000_000 == 0 => (micros / 1_000_000).to_string(),
        UtcMicros(micros) => format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000),
    }
}

// ---- records ------------------------------------------------------------------------------------------------------

fn at(second: i64) -> When {
    When { logged: Some(UtcMicros::from_seconds(second)), not_after: None }
}

fn observed(source: &str, what: Observed) -> Observation {
    Observation { source: SourceName::from(source), realm: Realm::from("internet"), record: 0, what }
}

/// A record of `nas-1`; an empty `addr` is not told.
fn acct(second: i64, moment: Moment, session: &str, login: &str, addr: &str) -> Observation {
    let holds = if addr.is_empty() { Vec::new() } else { vec![addr.parse().unwrap()] };
    let event = SessionEvent {
        moment,
        when: at(second),
        session: session.to_owned(),
        lasted_s: None,
        holds,
        ports: Vec::new(),
        names: vec![Identity::new(IdentityKind::Login, login)],
    };
    observed("nas-1", Observed::Session(event))
}

fn restart(source: &str, second: i64) -> Observation {
    observed(source, Observed::DeviceRestart(at(second)))
}

fn lease(state: LeaseState, since: i64, expires: Option<i64>, client: &str) -> Observation {
    let event = LeaseEvent {
        state,
        prefix: "192.0.2.1".parse().unwrap(),
        since: UtcMicros::from_seconds(since),
        expires: expires.map(UtcMicros::from_seconds),
        names: vec![Identity::new(IdentityKind::HardwareAddress, client)],
    };
    observed("dhcp-1", Observed::Lease(event))
}

/// A record of `cgn-1` about `192.0.2.1`; `inside` is the last octet.
fn nat(second: i64, moment: Moment, ports: (u16, u16), inside: u8) -> Observation {
    let event = NatEvent {
        moment,
        when: at(second),
        began: None,
        proto: Protocol::ANY,
        inside_realm: Realm::from("cgn"),
        inside: IpAddr::from([100, 64, 0, inside]),
        inside_port: None,
        outside: IpAddr::from([192, 0, 2, 1]),
        ports: PortRange::new(ports.0, ports.1).unwrap(),
        remote: None,
        id: 0,
    };
    observed("cgn-1", Observed::Nat(event))
}

/// What a record may tell besides.
trait Telling {
    fn of(self, source: &str) -> Self;
    fn lasted(self, seconds: u32) -> Self;
    fn toward(self, addr: &str) -> Self;
    fn began(self, second: i64) -> Self;
}

impl Telling for Observation {
    fn of(self, source: &str) -> Self {
        Self { source: SourceName::from(source), ..self }
    }

    fn lasted(mut self, seconds: u32) -> Self {
        let Observed::Session(event) = &mut self.what else { panic!("only sessions last") };
        event.lasted_s = Some(seconds);
        self
    }

    fn toward(mut self, addr: &str) -> Self {
        let Observed::Nat(event) = &mut self.what else { panic!("only translations have a far side") };
        event.remote = Some(Remote { addr: addr.parse().unwrap(), port: Some(443) });
        self
    }

    fn began(mut self, second: i64) -> Self {
        let Observed::Nat(event) = &mut self.what else { panic!("only translations tell it") };
        event.began = Some(UtcMicros::from_seconds(second));
        self
    }
}

// ---- what is handed on as it came ---------------------------------------------------------------------------------

#[test]
fn rows_and_coverage_pass_and_arrivals_tell_of_the_clock() {
    let mut assembler = Assembler::default();
    let row = run(&[&[acct(1, Moment::Start, "s", "alice", "192.0.2.1")]]).remove(0);
    let row = Assignment { kind: RecordKind::Static, thread: 0, ..row };
    let span = CoverageSpan {
        source: SourceName::from("nas-1"),
        kind: RecordKind::Session,
        realm: Realm::from("internet"),
        prefixes: vec![Prefix::host(IpAddr::from([192, 0, 2, 1]))],
        span: Span::new(UtcMicros(0), UtcMicros(9)),
        state: CoverageState::Lossy,
        why: "sequence".to_owned(),
    };
    assembler.step(observed("table", Observed::Row(Box::new(row.clone()))));
    assembler.step(observed("nas-1", Observed::Coverage(span.clone())));
    let mut ahead = acct(100, Moment::Start, "s", "alice", "192.0.2.1");
    let Observed::Session(event) = &mut ahead.what else { panic!("a session") };
    event.when.not_after = Some(UtcMicros::from_seconds(70));
    assembler.step(ahead);
    let changed = assembler.drain();
    assert_eq!((changed.rows.len(), changed.rows.first()), (2, Some(&row)));
    assert_eq!(changed.coverage, [span]);
    assert_eq!((changed.clocks[0].lead_us, changed.clocks[0].samples), (30_000_000, 1));
    let again = assembler.drain();
    assert!(again.rows.is_empty() && again.coverage.is_empty() && again.clocks.is_empty());
}

#[test]
fn a_record_without_a_time_of_its_own_is_bounded_by_its_arrival() {
    let mut record = acct(0, Moment::Start, "s", "alice", "192.0.2.1");
    let Observed::Session(event) = &mut record.what else { panic!("a session") };
    event.when = When { logged: None, not_after: Some(UtcMicros::from_seconds(100)) };
    check(&[record], &["session 192.0.2.1 alice [95..100] [95.. open]"]);
}

#[test]
fn a_record_without_any_time_says_only_that_somebody_held_it_once() {
    let mut record = acct(0, Moment::Start, "s", "alice", "192.0.2.1");
    let Observed::Session(event) = &mut record.what else { panic!("a session") };
    event.when = When { logged: None, not_after: None };
    let rows = run(&[&[record]]);
    assert!(rows.iter().all(|row| row.certain().is_empty()), "it is certain at no time");
}
