//! The live sources, their spool, and the thread that turns what is spooled into answers.
//!
//! A record is durable in the spool before its sender is answered; it is decoded and answerable within a second after
//! that. After a crash everything behind the last commit is decoded again from the spool, with in mind what the decoder
//! knew there (`sources.state`).

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tadoru_desk::ask::Work;
use tadoru_desk::intake::CoverageFrom;
use tadoru_desk::{Desk, DeskError};
use tadoru_model::SourceName;
use tadoru_observe::collector::{self, Collector, Protocol};
use tadoru_observe::follow::{self, Follower};
use tadoru_observe::inlet::FilePlace;
use tadoru_observe::radius::{self, Server};
use tadoru_observe::{Decoder, ObserveError, Receipt, Shutdown, Spool, SpoolError, SpoolRecord};
use tadoru_store::StoreError;
use tadoru_store::assignments::SpoolMark;
use tadoru_store_embedded::spool::Spool as Files;
use tadoru_web::api::exporters::Exporters;
use tadoru_web::api::health::SourceState;
use tokio::task::JoinSet;

use crate::embedded::Embedded;

pub mod dropped;
pub mod flows;
pub mod line;
pub mod memory;
pub mod room;

use line::Line;
use memory::{Begin, Memory};
use room::Writer;

/// Section `[sources]`: what listens and what is followed. Nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// RADIUS accounting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius: Option<radius::Config>,
    /// Syslog of gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<collector::Config>,
    /// NetFlow and IPFIX of gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<collector::Config>,
    /// Flow exports of routers, switches and probes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<tadoru_observe::flows::Config>,
    /// Lease files and detail files that grow.
    pub follow: Vec<follow::Config>,
}

/// Records of the access network on their way to the disk, and what their decoder has in mind.
pub struct LiveSpool {
    line: Line,
    memory: Memory,
}

impl LiveSpool {
    /// A spool over these files.
    ///
    /// # Errors
    /// When the rules do not permit the recording.
    pub fn new(desk: Arc<Desk<Embedded>>, files: Files, memory: Memory) -> Result<Self, DeskError> {
        Ok(Self { line: Line::new(desk, files, Work::Assignments)?, memory })
    }

    /// Where decoding goes on after a stop, and with what in mind; with it, why what was kept is left aside, if it is.
    pub fn begin(&self) -> (Begin, Option<&'static str>) {
        self.memory.recall(self.applied())
    }

    /// Where following goes on in each source's file: behind what is in the spool.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn places(&self, begin: &Begin) -> Result<HashMap<SourceName, FilePlace>, DeskError> {
        let mut mark = begin.mark;
        let mut places: HashMap<_, _> =
            begin.decoder.places().map(|(source, at)| (source.clone(), at)).collect();
        loop {
            let records = self.line.under(|permit| self.line.files.read_from(permit, mark, READ_BYTES))?;
            let Some((last, _)) = records.last() else { return Ok(places) };
            mark = *last;
            for raw in records.iter().filter_map(|(_, record)| SpoolRecord::read(&record.bytes)) {
                places.extend(raw.source.zip(raw.place));
            }
        }
    }

    /// Up to where the stores have what was spooled.
    fn applied(&self) -> SpoolMark {
        tadoru_desk::Stores::assignments(self.line.desk.stores()).mark()
    }

    /// Keeps what the decoder has in mind behind `mark`; only then what is before it goes from the spool.
    fn remember(&self, decoder: &Decoder, mark: SpoolMark) -> Result<(), DeskError> {
        match self.memory.keep(decoder, mark) {
            Ok(true) => self.line.files.trim(mark)?,
            Ok(false) => {}
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                return Err(StoreError::Full { file: memory::NAME.to_owned() }.into());
            }
            Err(error) => tracing::warn!("cannot keep `{}`: {error}", memory::NAME),
        }
        Ok(())
    }
}

impl Spool for LiveSpool {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        self.line.append(batch)
    }
}

/// Decodes what is spooled from `begin` on and takes it in, until `shutdown`; then everything is applied and committed. While the disk is
/// full it waits for room.
///
/// # Errors
/// When a store fails; what was acknowledged is in the spool and is applied at the next start.
pub fn apply(spool: &LiveSpool, mut begin: Begin, shutdown: &Shutdown) -> Result<(), DeskError> {
    loop {
        let outcome = apply_from(spool, begin, shutdown);
        spool.line.note(Writer::Stores, &outcome);
        match outcome {
            Err(DeskError::Store(StoreError::Full { .. })) if !*shutdown.borrow() => {
                std::thread::sleep(LOOK_EVERY);
                begin = spool.begin().0;
            }
            ended => return ended,
        }
    }
}

fn apply_from(spool: &LiveSpool, begin: Begin, shutdown: &Shutdown) -> Result<(), DeskError> {
    let mut intake = spool.line.desk.intake(CoverageFrom::Source)?;
    let Begin { mut decoder, mut mark } = begin;
    let applied = spool.applied();
    let mut committed = (applied, Instant::now());
    let lost = decoder.lost();
    if !lost.is_empty() {
        lost.into_iter().try_for_each(|observation| intake.take(observation))?;
        intake.settle()?;
        intake.commit(applied)?;
    }
    // From now on, whatever is spooled is decoded again with this in mind.
    spool.remember(&decoder, mark)?;
    let mut remembered = Instant::now();
    loop {
        let ending = *shutdown.borrow();
        let records = spool.line.under(|permit| spool.line.files.read_from(permit, mark, READ_BYTES))?;
        for (behind, record) in &records {
            if let Some(raw) = SpoolRecord::read(&record.bytes) {
                let decoded = decoder.step(behind.0.saturating_sub(1), &raw);
                // The stores have it already: only the decoder must hear of it again.
                if *behind > applied {
                    for observation in decoded.observations {
                        intake.take(observation)?;
                    }
                }
            }
            mark = *behind;
        }
        intake.settle()?;
        let idle = records.is_empty();
        if mark > committed.0 && (idle || ending || committed.1.elapsed() > COMMIT_EVERY) {
            intake.commit(mark)?;
            spool.line.note::<()>(Writer::Stores, &Ok(()));
            committed = (mark, Instant::now());
        }
        let is_over = ending && idle;
        if is_over || mark == committed.0 && remembered.elapsed() > REMEMBER_EVERY {
            spool.remember(&decoder, mark)?;
            remembered = Instant::now();
        }
        if is_over {
            return Ok(());
        }
        if idle {
            spool.line.wait(LOOK_EVERY);
        }
    }
}

/// Sources that run, and how to see how they fare.
pub struct Running {
    /// Their tasks; they end at shutdown.
    pub tasks: JoinSet<()>,
    /// Tells how each fares.
    pub states: Arc<dyn Fn() -> Vec<SourceState> + Send + Sync>,
    /// Where each listens, for the person at the console.
    pub told: Vec<String>,
}

/// Starts the configured sources; following goes on at `places`.
///
/// # Errors
/// When one cannot listen.
pub async fn start(
    config: &Config,
    spool: &Arc<LiveSpool>,
    places: &HashMap<SourceName, FilePlace>,
    shutdown: &Shutdown,
) -> Result<Running, ObserveError> {
    let mut tasks = JoinSet::new();
    let mut told = Vec::new();
    let mut states: Vec<Box<dyn Fn() -> SourceState + Send + Sync>> = Vec::new();
    let sink = || Arc::clone(spool) as Arc<dyn Spool>;
    if let Some(config) = &config.radius {
        let server = Server::new(config.clone(), sink())?;
        let counters = server.counters();
        states.push(Box::new(move || of_radius(&counters)));
        let listening = server.listen()?;
        told.extend(listening.addresses().iter().map(|a| format!("RADIUS accounting on {a}")));
        tasks.spawn(listening.run(shutdown.clone()));
    }
    for (protocol, name, config) in
        [(Protocol::Syslog, "syslog", &config.syslog), (Protocol::Export, "export", &config.export)]
    {
        let Some(config) = config else { continue };
        let collector = Collector::new(protocol, config.clone(), sink())?;
        let counters = collector.counters();
        states.push(Box::new(move || of_collector(name, &counters)));
        let listening = collector.listen().await?;
        let (udp, tcp) = listening.addresses();
        told.extend(udp.iter().map(|a| format!("{name} on UDP {a}")));
        told.extend(tcp.iter().map(|a| format!("{name} on TCP {a}")));
        tasks.spawn(listening.run(shutdown.clone()));
    }
    for config in &config.follow {
        let follower = Follower::new(config.clone(), places.get(&config.source).copied(), sink());
        let counters = follower.counters();
        let name = config.source.0.to_string();
        told.push(format!("following {}", config.path.display()));
        states.push(Box::new(move || of_follower(&name, &counters)));
        tasks.spawn(follower.run(shutdown.clone()));
    }
    let spool = Arc::clone(spool);
    let states = move || {
        let trouble = spool.line.room.state().trouble();
        let with_room = |state: SourceState| SourceState {
            trouble: trouble.map(ToOwned::to_owned).or(state.trouble),
            ..state
        };
        states.iter().map(|state| with_room(state())).collect()
    };
    Ok(Running { tasks, states: Arc::new(states), told })
}

impl Running {
    /// The receiver of flows runs beside the others.
    pub fn join(&mut self, flows: flows::Running) -> Arc<dyn Fn() -> Exporters + Send + Sync> {
        let flows::Running { mut tasks, state, exporters, told } = flows;
        self.tasks.spawn(async move { while tasks.join_next().await.is_some() {} });
        self.show(state);
        self.told.extend(told);
        exporters
    }

    /// Shows one more among the sources.
    pub fn show(&mut self, state: Option<Arc<dyn Fn() -> SourceState + Send + Sync>>) {
        if let Some(state) = state {
            let others = Arc::clone(&self.states);
            self.states = Arc::new(move || others().into_iter().chain([state()]).collect());
        }
    }
}

fn of_radius(counters: &radius::Counters) -> SourceState {
    let sum = |of: fn(&radius::NasCounters) -> u64| counters.nas.iter().map(of).sum();
    let trouble = match counters.room() {
        radius::Room::Enough => None,
        radius::Room::Full => Some("the disk is full: no device is answered"),
        radius::Room::Failed => Some("the disk refuses: no device is answered"),
    };
    let counts = [
        ("received", counters.received.get()),
        ("kept", counters.kept.get()),
        ("refused", counters.refused.get()),
        ("unknown_device", counters.unknown.get()),
        ("retransmitted", sum(|n| n.again.get())),
        ("wrong_secret", sum(|n| n.wrong_secret.get())),
        ("malformed", sum(|n| n.malformed.get())),
    ];
    state("radius", "radius", trouble, &counts)
}

fn of_collector(name: &str, counters: &collector::Counters) -> SourceState {
    let counts = [
        ("received", counters.received.get()),
        ("kept", counters.kept.get()),
        ("refused", counters.refused.get()),
        ("unknown_sender", counters.unknown.get()),
        ("malformed", counters.malformed.get()),
        ("crowded", counters.crowded.get()),
    ];
    state(name, name, None, &counts)
}

fn of_follower(name: &str, counters: &follow::Counters) -> SourceState {
    let counts = [
        ("octets", counters.octets.get()),
        ("replaced", counters.replaced.get()),
        ("unreadable", counters.unreadable.get()),
        ("refused", counters.refused.get()),
    ];
    state(name, "follow", None, &counts)
}

fn state(name: &str, kind: &str, trouble: Option<&str>, counts: &[(&str, u64)]) -> SourceState {
    let counters: BTreeMap<String, u64> = counts.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect();
    SourceState {
        name: name.to_owned(),
        kind: kind.to_owned(),
        trouble: trouble.map(ToOwned::to_owned),
        counters,
    }
}

/// How far the applied mark may be behind a commit.
const COMMIT_EVERY: Duration = Duration::from_secs(5);
/// How far what the decoder has in mind may be behind: so much of the spool is decoded again after a crash.
const REMEMBER_EVERY: Duration = Duration::from_secs(30);
/// How long the applier waits for a word that something arrived.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Octets of records decoded at a time.
const READ_BYTES: usize = 4 << 20;
