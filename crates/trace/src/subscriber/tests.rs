//! Scenes: rows, coverage and rules of an operator, a question, and what may be said of it.
//!
//! An answer is written as `outcome candidate=certainty … | what would decide`. Times are seconds after [`DAWN`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod chains;
mod coverage;
mod proofs;
mod times;

use std::sync::LazyLock;

use tadoru_gate::journal::Options;
use tadoru_gate::{Gate, Packs};
use tadoru_model::{
    Algorithm, Assignment, ClockReading, CoverageSpan, CoverageState, Dealing, Edge, Holder, How,
    IdentityKind, PortRange, Protocol, SourceName, Span,
};
use tadoru_store::Memory;
use tadoru_store::contract::Permits;

use super::*;

/// The gate that all scenes ask, and its permits.
struct House {
    permits: Permits,
    _gate: Gate,
    _folder: tempfile::TempDir,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new("tests.example");
    let (gate, _) =
        Gate::open(&folder.path().join("gate"), Packs::shipped().unwrap(), &options, NOW).unwrap();
    House { permits: Permits::of(&gate, NOW), _gate: gate, _folder: folder }
});

/// What the operator has.
struct World {
    rows: Vec<Assignment>,
    calendar: Vec<CoverageSpan>,
    rules: Vec<Rule>,
    readings: Vec<ClockReading>,
    own: Vec<Prefix>,
    guard_s: i64,
    kept_s: i64,
    /// Up to when rows of that kind were deleted.
    deleted: Option<(RecordKind, i64)>,
}

impl World {
    /// Rows of sources that were alive all the time, two hours before [`DAWN`] included.
    fn of(rows: impl IntoIterator<Item = Assignment>) -> Self {
        let rows: Vec<Assignment> = rows.into_iter().collect();
        let mut world = Self {
            rows: Vec::new(),
            calendar: Vec::new(),
            rules: Vec::new(),
            readings: Vec::new(),
            own: Vec::new(),
            guard_s: 0,
            kept_s: 365 * 86_400,
            deleted: None,
        };
        for row in &rows {
            let alive = covered(row, -7200, 80_000, CoverageState::Alive);
            if !world.calendar.contains(&alive) {
                world.calendar.push(alive);
            }
        }
        world.rows = rows;
        world
    }

    /// The answer, opened.
    fn ask(&self, question: &Question, contracts: impl Fn(&Line) -> Vec<SubscriberId>) -> Attribution {
        let permits = &HOUSE.permits;
        let store = Memory::default();
        store.put(&permits.store, &self.rows).unwrap();
        let coverage = CoverageMap::new(self.calendar.clone());
        let clocks = Clocks::new(self.readings.clone());
        let evidence = Evidence {
            assignments: &store,
            coverage: &coverage,
            clocks: &clocks,
            rules: &self.rules,
            own: &self.own,
            guard_us: self.guard_s * 1_000_000,
            kept_us: &|_| self.kept_s * 1_000_000,
            deleted_before: &|kind| match self.deleted {
                Some((of, s)) if of == kind => instant(s),
                _ => UtcMicros::MIN,
            },
            now: NOW,
        };
        let trails = explore(&permits.learn, &evidence, question).unwrap();
        let whose = trails.lines(&permits.learn).iter().map(contracts).collect();
        permits.open(judge(&permits.learn, &evidence, question, trails, whose))
    }
}

#[track_caller]
fn check(world: &World, question: &Question, wanted: &str) -> Attribution {
    let answer = world.ask(question, |_| Vec::new());
    assert_eq!(answer_told(&answer), wanted);
    answer
}

fn answer_told(answer: &Attribution) -> String {
    let mut told = answer.outcome.as_str().to_owned();
    for candidate in &answer.candidates {
        let certainty = match candidate.certainty {
            tadoru_model::Certainty::Certain => "certain",
            tadoru_model::Certainty::WithinSkew => "within-skew",
            tadoru_model::Certainty::Possible => "possible",
        };
        told += &format!(" {}={certainty}", candidate.subscriber.0);
    }
    if !answer.narrow_by.is_empty() {
        told += " |";
    }
    for by in &answer.narrow_by {
        told += &format!(" {by:?}");
    }
    told
}

// ---- questions ----------------------------------------------------------------------------------------------------

/// `endpoint` is an address, with a port where there is a `:` behind an IPv4 address.
fn asked(endpoint: &str, second: i64) -> Question {
    let (addr, port) = match endpoint.split_once(':') {
        Some((addr, port)) if addr.contains('.') => (addr, Some(port.parse().unwrap())),
        _ => (endpoint, None),
    };
    Question {
        endpoint: Endpoint { addr: addr.parse().unwrap(), port, proto: Protocol::ANY },
        realm: Realm::untold(),
        seen: vec![seen(second)],
        skew_us: 0,
        remote: None,
    }
}

fn seen(second: i64) -> Seen {
    Seen { at: instant(second), resolution_us: 1_000_000 }
}

impl Question {
    fn skew(self, seconds: i64) -> Self {
        Self { skew_us: seconds * 1_000_000, ..self }
    }

    fn also(mut self, second: i64) -> Self {
        self.seen.push(seen(second));
        self
    }

    fn toward(self, addr: &str) -> Self {
        Self { remote: Some(Remote { addr: addr.parse().unwrap(), port: None }), ..self }
    }
}

// ---- rows ---------------------------------------------------------------------------------------------------------

fn row(kind: RecordKind, source: &str, realm: &str, prefix: &str, from: i64, until: i64) -> Assignment {
    Assignment {
        kind,
        realm: Realm::from(realm),
        prefix: prefix.parse().unwrap(),
        ports: PortRange::ALL,
        proto: Protocol::ANY,
        remote: None,
        holder: Holder::Line(Vec::new()),
        from: Edge::exact(instant(from), How::Logged),
        until: Edge::exact(instant(until), How::Logged),
        source: SourceName::from(source),
        record: 1,
        corrected_us: 0,
        thread: 0,
    }
}

/// A session in the public realm.
fn session(prefix: &str, login: &str, from: i64, until: i64) -> Assignment {
    row(RecordKind::Session, "nas-1", "internet", prefix, from, until).line(login)
}

/// A session behind the gateway.
fn inner(prefix: &str, login: &str, from: i64, until: i64) -> Assignment {
    row(RecordKind::Session, "bng-1", "cgn", prefix, from, until).line(login)
}

/// A port block of the gateway on `192.0.2.1`.
fn block(ports: (u16, u16), inside: &str, from: i64, until: i64) -> Assignment {
    let row = row(RecordKind::NatBlock, "cgn-1", "internet", "192.0.2.1", from, until).inside("cgn", inside);
    Assignment { ports: PortRange::new(ports.0, ports.1).unwrap(), ..row }
}

impl Telling for Assignment {
    fn line(self, login: &str) -> Self {
        Self { holder: Holder::Line(vec![Identity::new(IdentityKind::Login, login)]), ..self }
    }

    fn inside(self, realm: &str, prefix: &str) -> Self {
        let holder =
            Holder::Inside { realm: Realm::from(realm), prefix: prefix.parse().unwrap(), port: None };
        Self { holder, ..self }
    }

    fn open(self) -> Self {
        let until = Edge { latest: UtcMicros::MAX, how: How::Open, ..self.until };
        Self { until, ..self }
    }

    fn ends(self, earliest: i64, latest: i64, how: How) -> Self {
        Self { until: Edge::between(instant(earliest), instant(latest), how), ..self }
    }

    fn thread(self, thread: u64) -> Self {
        Self { thread, ..self }
    }

    fn of(self, source: &str, realm: &str) -> Self {
        Self { source: SourceName::from(source), realm: Realm::from(realm), ..self }
    }
}

/// What a row of a scene may differ in.
trait Telling {
    fn line(self, login: &str) -> Self;
    fn inside(self, realm: &str, prefix: &str) -> Self;
    fn open(self) -> Self;
    fn ends(self, earliest: i64, latest: i64, how: How) -> Self;
    fn thread(self, thread: u64) -> Self;
    fn of(self, source: &str, realm: &str) -> Self;
}

/// What the row's source says of itself.
fn covered(row: &Assignment, from: i64, until: i64, state: CoverageState) -> CoverageSpan {
    CoverageSpan {
        source: row.source.clone(),
        kind: row.kind,
        realm: row.realm.clone(),
        prefixes: Vec::new(),
        span: Span::new(instant(from), instant(until)),
        state,
        why: String::new(),
    }
}

fn map_e() -> Rule {
    Rule {
        source: SourceName::from("br-1"),
        realm: Realm::from("internet"),
        proto: Protocol::ANY,
        valid: Span::new(UtcMicros::MIN, UtcMicros::MAX),
        algorithm: Algorithm::MapE {
            ipv6: "2001:db8::/40".parse().unwrap(),
            ipv4: "192.0.2.0/24".parse().unwrap(),
            ea_len: 16,
            psid_offset: 6,
            psid_len: None,
            inside_realm: Realm::from("access"),
        },
    }
}

fn shared() -> Rule {
    let algorithm = Algorithm::DeterministicNat {
        inside_first: "100.64.0.0".parse().unwrap(),
        inside_last: "100.64.0.255".parse().unwrap(),
        inside_realm: Realm::from("cgn"),
        outside_first: "192.0.2.1".parse().unwrap(),
        outside_last: "192.0.2.1".parse().unwrap(),
        ports: PortRange::ALL,
        ports_each: 0,
        dealing: Dealing::Shared,
    };
    Rule { algorithm, ..map_e() }
}

const fn instant(second: i64) -> UtcMicros {
    UtcMicros(DAWN.0 + second * 1_000_000)
}

/// When scenes begin.
const DAWN: UtcMicros = UtcMicros(1_790_000_000_000_000);
/// When scenes are asked about: a day later.
const NOW: UtcMicros = UtcMicros(DAWN.0 + 86_400_000_000);
