//! The live sources, their spool, and the thread that turns what is spooled into answers.
//!
//! A record is durable in the spool before its sender is answered; it is decoded and answerable within a second after
//! that. After a crash everything behind the last commit is decoded again from the spool.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tadoru_desk::ask::Work;
use tadoru_desk::intake::CoverageFrom;
use tadoru_desk::{Desk, DeskError};
use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::SourceName;
use tadoru_observe::collector::{self, Collector, Protocol};
use tadoru_observe::follow::{self, Follower};
use tadoru_observe::radius::{self, Server};
use tadoru_observe::{Decoder, ObserveError, Receipt, Shutdown, Spool, SpoolError, SpoolRecord};
use tadoru_store::StoreError;
use tadoru_store_embedded::spool::{Record, Spool as Files};
use tadoru_web::api::health::SourceState;
use tokio::task::JoinSet;

use crate::embedded::Embedded;

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
    /// Lease files and detail files that grow.
    pub follow: Vec<follow::Config>,
}

/// Raw records on their way to the disk, under the standing permit for recording.
pub struct LiveSpool {
    desk: Arc<Desk<Embedded>>,
    files: Files,
    permit: Mutex<Arc<Permit<Store>>>,
    arrived: std::sync::Condvar,
    waiting: Mutex<bool>,
}

impl LiveSpool {
    /// A spool over these files.
    ///
    /// # Errors
    /// When the rules do not permit the recording.
    pub fn new(desk: Arc<Desk<Embedded>>, files: Files) -> Result<Self, DeskError> {
        let permit = Mutex::new(Arc::new(desk.standing(Work::Assignments)?));
        Ok(Self { desk, files, permit, arrived: std::sync::Condvar::new(), waiting: Mutex::new(false) })
    }

    /// Does something under the standing permit, which is asked for anew when it has ended.
    fn under<T>(&self, deed: impl FnOnce(&Permit<Store>) -> Result<T, StoreError>) -> Result<T, DeskError> {
        let permit = {
            let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
            if !permit.holds(self.desk.now()) {
                *permit = Arc::new(self.desk.standing(Work::Assignments)?);
            }
            Arc::clone(&permit)
        };
        Ok(deed(&permit)?)
    }

    /// Waits until something arrives, or `most` has passed.
    fn wait(&self, most: Duration) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let woken = self.arrived.wait_timeout_while(waiting, most, |new| !*new);
        *woken.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    fn wake(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.arrived.notify_all();
    }
}

impl Spool for LiveSpool {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        let records: Vec<Record> = batch
            .iter()
            .map(|record| {
                let mut bytes = Vec::with_capacity(record.octets.len() + 64);
                record.write(&mut bytes);
                let source = record.source.clone().unwrap_or_else(|| SourceName::from(""));
                Record { source, arrived: record.arrival, bytes }
            })
            .collect();
        let mark = match self.under(|permit| self.files.append(permit, &records)) {
            Ok(receipt) => receipt.mark.0,
            Err(DeskError::Store(StoreError::Full { .. })) => return Err(SpoolError::Full),
            Err(error) => return Err(SpoolError::Failed(std::io::Error::other(error))),
        };
        self.wake();
        Ok(Receipt { first: mark.saturating_sub(records.len() as u64), next: mark })
    }
}

/// Decodes what is spooled and takes it in, until `shutdown`; then everything is applied and committed.
///
/// # Errors
/// When a store fails; what was acknowledged is in the spool and is applied at the next start.
pub fn apply(spool: &LiveSpool, shutdown: &Shutdown) -> Result<(), DeskError> {
    let desk = Arc::clone(&spool.desk);
    let mut intake = desk.intake(CoverageFrom::Source)?;
    let mut decoder = Decoder::default();
    let mut mark = tadoru_desk::Stores::assignments(desk.stores()).mark();
    let mut committed = (mark, Instant::now());
    loop {
        let ending = *shutdown.borrow();
        let records = spool.under(|permit| spool.files.read_from(permit, mark, READ_BYTES))?;
        for (behind, record) in &records {
            if let Some(raw) = SpoolRecord::read(&record.bytes) {
                for observation in decoder.step(behind.0.saturating_sub(1), &raw).observations {
                    intake.take(observation)?;
                }
            }
            mark = *behind;
        }
        intake.settle()?;
        let idle = records.is_empty();
        if mark != committed.0 && (idle || ending || committed.1.elapsed() > COMMIT_EVERY) {
            intake.commit(mark)?;
            spool.files.trim(mark)?;
            committed = (mark, Instant::now());
        }
        if ending && idle {
            return Ok(());
        }
        if idle {
            spool.wait(LOOK_EVERY);
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

/// Starts the configured sources.
///
/// # Errors
/// When one cannot listen.
pub async fn start(
    config: &Config,
    spool: &Arc<LiveSpool>,
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
        let follower = Follower::new(config.clone(), None, sink());
        let counters = follower.counters();
        let name = config.source.0.to_string();
        told.push(format!("following {}", config.path.display()));
        states.push(Box::new(move || of_follower(&name, &counters)));
        tasks.spawn(follower.run(shutdown.clone()));
    }
    Ok(Running { tasks, states: Arc::new(move || states.iter().map(|s| s()).collect()), told })
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
/// How long the applier waits for a word that something arrived.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Octets of records decoded at a time.
const READ_BYTES: usize = 4 << 20;
