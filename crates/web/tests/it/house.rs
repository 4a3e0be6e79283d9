//! An installation in a folder of its own, with people, and records of one small network.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::Value;
use tadoru_desk::import::{FileReader, FileReport, ImportError, Item, Reading};
use tadoru_desk::{Actor, Clock, Desk, DeskError, Network, People, Person, Settings};
use tadoru_gate::journal::Options;
use tadoru_gate::permit::Store;
use tadoru_gate::{ActName, Answer, Ask, DataCategory, DataSet, Facts, Gate, Packs, Permit, Purpose, Scope};
use tadoru_model::observation::{Observation, Observed};
use tadoru_model::{
    Assignment, Edge, Holder, How, Identity, IdentityKind, PersonId, PortRange, Prefix, Protocol, Realm,
    RecordKind, Role, SourceName, UtcMicros,
};
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::shelves::Shelves;
use tadoru_web::{Api, Client, router};
use tokio::sync::watch;

/// An installation.
pub struct House {
    /// Its routes.
    pub router: Router,
    /// Its desk.
    pub desk: Arc<Desk<Shelves>>,
    /// Its clock.
    pub clock: Hands,
    /// Its folder.
    pub folder: tempfile::TempDir,
    /// Tells its streams that it ends.
    pub end: watch::Sender<bool>,
}

/// A clock that is set by hand.
#[derive(Clone)]
pub struct Hands(Arc<AtomicI64>);

impl Hands {
    /// Sets it.
    pub fn set(&self, now: UtcMicros) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> UtcMicros {
        UtcMicros(self.0.load(Ordering::Relaxed))
    }
}

impl House {
    /// An empty installation.
    pub async fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap(), NOW).await
    }

    /// An empty installation that was told of a network.
    pub async fn with_network(network: Network) -> Self {
        let clock = Hands(Arc::new(AtomicI64::new(NOW.0)));
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &clock).await.with_network(network);
        Self::of(desk, clock, folder)
    }

    /// The installation in a folder, at that instant.
    pub async fn at(folder: tempfile::TempDir, now: UtcMicros) -> Self {
        let clock = Hands(Arc::new(AtomicI64::new(now.0)));
        Self::of(desk(folder.path(), &clock).await, clock, folder)
    }

    /// An installation whose configuration names somebody in each role.
    pub async fn staffed() -> Self {
        let clock = Hands(Arc::new(AtomicI64::new(NOW.0)));
        let folder = tempfile::tempdir().unwrap();
        let person = |role: Role| {
            let Actor { person: id, roles } = somebody(role);
            Person { id, roles, unix_user: None }
        };
        let people = People::new(Role::ALL.map(person).to_vec());
        Self::of(desk_of(folder.path(), &clock, people).await, clock, folder)
    }

    fn of(desk: Desk<Shelves>, clock: Hands, folder: tempfile::TempDir) -> Self {
        let desk = Arc::new(desk);
        let (end, ended) = watch::channel(false);
        let api = Api {
            desk: Arc::clone(&desk),
            reader: Arc::new(Table),
            sources: Arc::new(Vec::new),
            exporters: Arc::new(Default::default),
            end: ended,
        };
        Self { router: router(Arc::new(api)), desk, clock, folder, end }
    }

    /// The same installation after its process ended and began again.
    pub async fn restarted(self) -> Self {
        let Self { router, desk, clock, folder, end } = self;
        let now = clock.now();
        drop((router, desk, end));
        Self::at(folder, now).await
    }

    /// One with the records of [`RECORDS`].
    pub async fn with_records() -> Self {
        let house = Self::new().await;
        let path = "/v1/import?format=table&name=records.csv";
        let (status, imported) = house.post(Some(&admin()), path, RECORDS).await;
        assert_eq!((status, &imported["kept"]), (200, &Value::from(4)), "{imported}");
        house
    }

    /// Asks as somebody, or as nobody. Of a stream that does not end by itself, nothing is read.
    pub async fn ask(&self, actor: Option<&Actor>, method: Method, path: &str, body: Body) -> (u16, String) {
        use tower::ServiceExt as _;
        let mut request = axum::http::Request::builder().method(method).uri(path).body(body).unwrap();
        if let Some(actor) = actor {
            request.extensions_mut().insert(actor.clone());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status: StatusCode = response.status();
        if response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            return (status.as_u16(), String::new());
        }
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status.as_u16(), String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Posts text, takes JSON.
    pub async fn post(&self, actor: Option<&Actor>, path: &str, body: &str) -> (u16, Value) {
        let (status, text) = self.ask(actor, Method::POST, path, Body::from(body.to_owned())).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Takes JSON.
    pub async fn get(&self, actor: Option<&Actor>, path: &str) -> (u16, Value) {
        let (status, text) = self.ask(actor, Method::GET, path, Body::empty()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A client in this process.
    pub fn client(&self, actor: Actor) -> Client {
        Client::in_process(self.router.clone(), actor)
    }
}

/// Somebody in one role.
pub fn somebody(role: Role) -> Actor {
    Actor { person: PersonId(format!("a-{}", role.as_str())), roles: vec![role] }
}

/// The abuse desk.
pub fn ann() -> Actor {
    somebody(Role::AbuseDesk)
}

/// The administrator.
pub fn admin() -> Actor {
    somebody(Role::Administrator)
}

/// A question with what JP-063 asks for.
pub fn question(address: &str, at: &str) -> Value {
    serde_json::json!({
        "address": address, "at": [at], "case": "K-1", "purpose": "P-CLEAN",
        "facts": {"complaint.id": "K-1", "complaint.substantiated": "yes"}
    })
}

/// kind, prefix, low port, high port, inside address or contract, from, until. The second line has a hole in the
/// ports; the last one is none.
pub const RECORDS: &str = "\
nat-block,203.0.113.7/32,40000,40999,100.64.0.9/32,2026-11-21T00:00:00Z,2026-11-21T02:00:00Z
nat-block,203.0.113.7/32,41000,41999,100.64.0.10/32,2026-11-21T00:00:00Z,2026-11-21T02:00:00Z
static,100.64.0.9/32,0,65535,C-9,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z
static,100.64.0.10/32,0,65535,C-10,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z
static,rubbish
";

/// 2026-11-21 03:00 UTC.
pub const NOW: UtcMicros = UtcMicros(1_795_230_000_000_000);

async fn desk(path: &Path, clock: &Hands) -> Desk<Shelves> {
    desk_of(path, clock, People::default()).await
}

async fn desk_of(path: &Path, clock: &Hands, people: People) -> Desk<Shelves> {
    let folder = Folder::open(path).unwrap();
    let packs = Packs::shipped().unwrap();
    let now = clock.now();
    let (gate, _) = Gate::open(&path.join("gate"), packs, &Options::new("tests.example"), now).unwrap();
    let (permit, vault) = (recording(&gate, now), gate.vault().clone());
    let tick = clock.clone();
    let (stores, _) =
        Shelves::open(&folder, vault, Arc::new(move || tick.now()), &permit, &[]).await.unwrap();
    let settings = Settings::default();
    Desk::new(Arc::new(gate), stores, settings, people, Arc::new(clock.clone()))
}

fn recording(gate: &Gate, at: UtcMicros) -> Permit<Store> {
    let ask = Ask {
        act: ActName::Store,
        data: DataSet::of(&[DataCategory::Asgn]),
        purpose: Purpose::Clean,
        basis: None,
        person: PersonId("system".to_owned()),
        roles: vec![Role::System],
        case: None,
        scope: Scope { own_network: true, ..Scope::default() },
        facts: Facts::none(),
        at,
    };
    match gate.ask::<Store>(ask).unwrap() {
        Answer::Permitted(permit) => permit,
        Answer::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

/// Reads the table above; it reads a line only when it needs it.
struct Table;

impl FileReader for Table {
    fn is_operators_table(&self, _: &str) -> bool {
        true
    }

    fn read(
        &self,
        reading: &Reading,
        input: &mut (dyn Read + Send),
        sink: &mut dyn FnMut(Item) -> Result<(), DeskError>,
    ) -> Result<FileReport, ImportError> {
        if reading.format != "table" {
            return Err(ImportError::Format { format: reading.format.clone(), known: "table".to_owned() });
        }
        let mut report = FileReport { sha256: "00".repeat(32), ..FileReport::default() };
        for (at, line) in BufReader::new(input).lines().enumerate() {
            let line = line.map_err(|source| ImportError::Input {
                format: reading.format.clone(),
                name: reading.name.clone(),
                source: Box::new(source),
            })?;
            report.records += 1;
            match row(&line, at as u64 + 1) {
                Some(observation) => {
                    report.kept += 1;
                    sink(Item::Observation(observation))?;
                }
                None => {
                    report.defective += 1;
                    report.defects.push(format!("line {}: not a row", at + 1));
                }
            }
        }
        Ok(report)
    }
}

fn row(line: &str, record: u64) -> Option<Observation> {
    let [kind, prefix, low, high, holder, from, until] =
        line.split(',').collect::<Vec<_>>().try_into().ok()?;
    let instant = |text: &str| text.parse::<jiff::Timestamp>().ok().map(UtcMicros::from);
    let (kind, source, holder) = match kind {
        "nat-block" => {
            let prefix: Prefix = holder.parse().ok()?;
            (RecordKind::NatBlock, "cgn-1", Holder::Inside { realm: Realm::untold(), prefix, port: None })
        }
        _ => {
            let name = Identity::new(IdentityKind::Contract, holder);
            (RecordKind::Static, "plan", Holder::Line(vec![name]))
        }
    };
    let row = Assignment {
        kind,
        realm: Realm::untold(),
        prefix: prefix.parse().ok()?,
        ports: PortRange::new(low.parse().ok()?, high.parse().ok()?)?,
        proto: Protocol::ANY,
        remote: None,
        holder,
        from: Edge::exact(instant(from)?, How::Logged),
        until: Edge::exact(instant(until)?, How::Logged),
        source: SourceName::from(source),
        record,
        corrected_us: 0,
        thread: 0,
    };
    let Assignment { source, realm, .. } = row.clone();
    Some(Observation { source, realm, record, what: Observed::Row(Box::new(row)) })
}
