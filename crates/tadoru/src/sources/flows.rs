//! Flow exports: their spool, and the thread that turns what is spooled into recorded and watched flows.
//!
//! A datagram is in the spool before anybody looks into it, and survives the end of this process from then on, that of the
//! machine within a second. After a crash everything behind what the store has on the disk is read again, with in mind
//! what the reader knew before it (`flows.state`): templates survive, nothing is lost and nothing doubled. What lies
//! before both, and is waited for by no template, goes from the spool.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tadoru_desk::ask::Work;
use tadoru_desk::{Desk, DeskError, FlowWatch, Stores as _};
use tadoru_model::Flows;
use tadoru_observe::flows::{AddressHealth, Config, Counters, ExporterHealth, Reader, Receiver};
use tadoru_observe::{ObserveError, Receipt, Shutdown, Spool, SpoolError, SpoolRecord};
use tadoru_store::StoreError;
use tadoru_store::assignments::SpoolMark;
use tadoru_web::api::exporters::{Exporters, Reception};
use tadoru_web::api::health::SourceState;
use tokio::task::JoinSet;

use super::line::Line;
use super::memory::Memory;
use super::room::Writer;
use crate::embedded::Embedded;

mod shown;

/// Flow exports on their way into the store.
pub struct FlowSpool {
    line: Line,
    memory: Memory,
    config: Config,
    health: Mutex<Health>,
    /// Where reading goes on, and with what in mind, until it does.
    begin: Mutex<Option<(Reader, SpoolMark)>>,
}

/// How exporters fare, as it was looked at last.
#[derive(Default)]
struct Health {
    exporters: Vec<ExporterHealth>,
    addresses: Vec<AddressHealth>,
}

impl FlowSpool {
    /// The spool of an installation. What its reader knew of the exporters before is shown at once.
    ///
    /// # Errors
    /// When the rules do not permit the recording, or the spool cannot be opened.
    pub fn open(desk: Arc<Desk<Embedded>>, data: &Path, config: Config) -> Result<Self, DeskError> {
        // The retention has the same spool in hand.
        let (files, torn) = desk.stores().exports(&desk.standing(Work::Flows)?)?;
        if torn > 0 {
            tracing::warn!("cut {torn} octets off the spool of flows, which a crash left half written");
        }
        let mark = desk.stores().flows().mark();
        if files.end() < mark {
            tracing::warn!("the end of the spool of flows went with the machine; the store has what it held");
            files.pass_over(mark)?;
        }
        let line = Line::new(desk, files, Work::Flows)?;
        let (health, begin) = (Mutex::default(), Mutex::default());
        let spool = Self { line, memory: Memory::named(data, NAME), config, health, begin };
        let (mut reader, mark) = spool.begin();
        spool.look(&mut reader);
        *spool.begin.lock().unwrap_or_else(PoisonError::into_inner) = Some((reader, mark));
        Ok(spool)
    }

    /// Looks how the exporters fare.
    fn look(&self, reader: &mut Reader) {
        let exporters = reader.health(self.line.desk.now());
        let health = Health { exporters, addresses: reader.addresses() };
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    /// Up to where the store has on the disk what was spooled.
    fn durable(&self) -> SpoolMark {
        self.line.desk.stores().flows().mark()
    }

    /// Where reading goes on after a stop, and with what in mind. Where nothing is in mind, all that is left is read
    /// again, for its templates.
    fn begin(&self) -> (Reader, SpoolMark) {
        let recalled = self.memory.recall_with(self.durable(), |memory| Reader::recall(&self.config, memory));
        if let Err(why) = recalled {
            tracing::warn!("`{NAME}` is left aside, for {why}: templates are learnt anew");
        }
        recalled.ok().flatten().unwrap_or_else(|| (Reader::new(&self.config), SpoolMark(0)))
    }

    /// Makes durable what was spooled, every second until `shutdown`.
    async fn sync(self: Arc<Self>, mut shutdown: Shutdown) {
        let mut is_over = false;
        while !is_over {
            tokio::select! {
                () = tokio::time::sleep(SYNC_EVERY) => {}
                _ = shutdown.wait_for(|end| *end) => is_over = true,
            }
            let spool = Arc::clone(&self);
            let synced = tokio::task::spawn_blocking(move || spool.line.files.sync()).await;
            if let Ok(Err(error)) = synced {
                tracing::warn!("cannot sync the spool of flows: {error}");
            }
        }
    }
}

impl Spool for FlowSpool {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        self.line.append(batch)
    }
}

/// A receiver that runs.
pub struct Running {
    /// Its tasks; they end at shutdown.
    pub tasks: JoinSet<()>,
    /// How it fares, as a source among others; nothing where it is not configured.
    pub state: Option<Arc<dyn Fn() -> SourceState + Send + Sync>>,
    /// How its exporters fare.
    pub exporters: Arc<dyn Fn() -> Exporters + Send + Sync>,
    /// Where it listens, for the person at the console.
    pub told: Vec<String>,
}

/// Starts to receive.
///
/// # Errors
/// When it cannot listen.
pub async fn start(spool: &Arc<FlowSpool>, shutdown: &Shutdown) -> Result<Running, ObserveError> {
    let receiver = Receiver::new(spool.config.clone(), Arc::clone(spool) as Arc<dyn Spool>)?;
    let counters = receiver.counters();
    let listening = receiver.listen().await?;
    let (udp, tcp) = listening.addresses();
    let mut told: Vec<String> = udp.iter().map(|a| format!("flows on UDP {a}")).collect();
    told.extend(tcp.iter().map(|a| format!("flows on TCP {a}")));
    let mut tasks = JoinSet::new();
    tasks.spawn(listening.run(shutdown.clone()));
    tasks.spawn(Arc::clone(spool).sync(shutdown.clone()));
    let listens = !told.is_empty();
    let (of_state, of_exporters) = (Arc::clone(spool), Arc::clone(spool));
    let counted = Arc::clone(&counters);
    let state = move || of_state.state(&counted);
    let exporters =
        Arc::new(move || if listens { of_exporters.exporters(&counters) } else { Exporters::default() });
    let state = listens.then(|| Arc::new(state) as Arc<dyn Fn() -> SourceState + Send + Sync>);
    Ok(Running { tasks, state, exporters, told })
}

impl FlowSpool {
    fn state(&self, counters: &Counters) -> SourceState {
        let counts = [
            ("received", counters.received.get()),
            ("kept", counters.kept.get()),
            ("refused", counters.refused.get()),
            ("unknown_sender", counters.unknown.get()),
            ("quarantined", counters.quarantined.get()),
            ("kernel_drops", counters.kernel_drops()),
            ("malformed", counters.malformed.get()),
            ("crowded", counters.crowded.get()),
        ];
        super::state("flows", "flows", self.line.room.state().trouble(), &counts)
    }

    fn exporters(&self, counters: &Counters) -> Exporters {
        let now = self.line.desk.now();
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        Exporters {
            reception: Some(Reception {
                received: counters.received.get(),
                octets: counters.octets.get(),
                kept: counters.kept.get(),
                refused: counters.refused.get(),
                unknown: counters.unknown.get(),
                quarantined: counters.quarantined.get(),
                kernel_drops: counters.kernel_drops(),
                malformed: counters.malformed.get(),
                trouble: self.line.room.state().trouble().map(ToOwned::to_owned),
            }),
            exporters: health.exporters.iter().map(|one| shown::exporter(one, &self.config, now)).collect(),
            addresses: health.addresses.iter().map(|one| shown::address(one, &self.config, now)).collect(),
            unknown: counters.unknown_senders().iter().map(shown::unknown).collect(),
        }
    }
}

/// Reads what is spooled and takes it in, until `shutdown`; then everything is on the disk. While the disk is full it
/// waits for room.
///
/// # Errors
/// When a store fails; what was received is in the spool and is taken in at the next start.
pub fn apply(spool: &FlowSpool, shutdown: &Shutdown) -> Result<(), DeskError> {
    let begun = spool.begin.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (reader, mark) = begun.unwrap_or_else(|| spool.begin());
    let mut applier = Applier {
        spool,
        shutdown,
        watch: spool.line.desk.watch()?,
        reader,
        mark,
        applied: spool.durable(),
        committed: (spool.durable(), Instant::now()),
        uncommitted: 0,
        in_mind: None,
        rows: Flows::default(),
    };
    let (mut shown, mut reminded) = (Instant::now(), Instant::now());
    loop {
        let is_ending = *shutdown.borrow();
        let has_read = applier.read()?;
        let since = applier.committed.1.elapsed();
        let is_behind = applier.mark > applier.committed.0;
        let is_due = since > COMMIT_EVERY || applier.uncommitted > COMMIT_ROWS;
        if is_behind && (is_ending || is_due || !has_read && since > COMMIT_IDLE) {
            applier.commit()?;
        }
        if shown.elapsed() > SHOW_EVERY || is_ending {
            spool.look(&mut applier.reader);
            shown = Instant::now();
        }
        let ticked = applier.watch.tick();
        spool.line.note(Writer::Stores, &ticked);
        if is_ending && !has_read {
            applier.finish()?;
            applier.remember()?;
            return applier.watch.end();
        }
        if reminded.elapsed() > REMEMBER_EVERY {
            applier.remember()?;
            reminded = Instant::now();
        }
        if !has_read {
            spool.line.wait(LOOK_EVERY);
        }
    }
}

/// The one thread that applies.
struct Applier<'s> {
    spool: &'s FlowSpool,
    shutdown: &'s Shutdown,
    watch: FlowWatch<Embedded>,
    reader: Reader,
    /// Behind the last record read.
    mark: SpoolMark,
    /// What lies before is in the store already: only the reader must hear of it again.
    applied: SpoolMark,
    committed: (SpoolMark, Instant),
    /// Rows that the store took since. It writes what was committed only, and holds but some of its files in memory.
    uncommitted: usize,
    /// What the reader had in mind at a place, until the store has all before it and nothing before it waits.
    in_mind: Option<(SpoolMark, Vec<u8>)>,
    rows: Flows,
}

impl Applier<'_> {
    /// Reads some of the spool; whether there was any.
    fn read(&mut self) -> Result<bool, DeskError> {
        let line = &self.spool.line;
        let records = line.under(|permit| line.files.read_from(permit, self.mark, READ_BYTES))?;
        for (behind, record) in &records {
            if let Some(raw) = SpoolRecord::read(&record.bytes) {
                self.reader.step(behind.0.saturating_sub(1), &raw, &mut self.rows);
            }
            if *behind <= self.applied {
                self.rows.clear();
            }
            self.mark = *behind;
        }
        if !self.rows.is_empty() {
            let mut rows = std::mem::take(&mut self.rows);
            self.uncommitted += rows.rows();
            self.patiently(|applier| applier.watch.take(&mut rows))?;
            // Their room is used again, unless a burst made it large.
            if rows.rows() <= ROWS_AT_HAND {
                rows.clear();
                self.rows = rows;
            }
        }
        Ok(!records.is_empty())
    }

    /// Tells the store how far it has come. The spool must not be behind it when the machine ends.
    fn commit(&mut self) -> Result<(), DeskError> {
        self.patiently(|applier| {
            applier.spool.line.files.sync()?;
            applier.watch.commit(applier.mark)
        })?;
        self.committed = (self.mark, Instant::now());
        self.uncommitted = 0;
        Ok(())
    }

    /// Writes everything.
    fn finish(&mut self) -> Result<(), DeskError> {
        let flows = self.spool.line.desk.stores().flows();
        self.spool.line.under(|permit| flows.flush(permit))
    }

    /// Keeps what the reader has in mind, and lets go from the spool what nobody needs any more.
    fn remember(&mut self) -> Result<(), DeskError> {
        let waits_from = self.reader.waits_from().unwrap_or(u64::MAX);
        let durable = self.spool.durable();
        let mut fits = |(mark, _): &mut (SpoolMark, Vec<u8>)| *mark <= durable && mark.0 <= waits_from;
        if self.mark <= durable && self.mark.0 <= waits_from {
            self.in_mind = Some((self.mark, self.reader.memory()));
        }
        if let Some((mark, memory)) = self.in_mind.take_if(&mut fits) {
            match self.spool.memory.keep_octets(&memory, mark) {
                Ok(()) => {
                    self.spool.line.files.trim(mark)?;
                    self.spool.line.files.forget()?;
                }
                Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                    let full = Err(StoreError::Full { file: NAME.to_owned() }.into());
                    self.spool.line.note::<()>(Writer::Stores, &full);
                }
                Err(error) => tracing::warn!("cannot keep `{NAME}`: {error}"),
            }
        }
        if self.in_mind.is_none() {
            self.in_mind = Some((self.mark, self.reader.memory()));
        }
        Ok(())
    }

    /// Does it again and again while the disk is full.
    fn patiently(
        &mut self,
        mut deed: impl FnMut(&mut Self) -> Result<(), DeskError>,
    ) -> Result<(), DeskError> {
        loop {
            let outcome = deed(self);
            self.spool.line.note(Writer::Stores, &outcome);
            match outcome {
                Err(error) if super::room::is_full(&error) && !*self.shutdown.borrow() => {
                    std::thread::sleep(AGAIN);
                }
                ended => return ended,
            }
        }
    }
}

/// The file of what the reader has in mind.
pub const NAME: &str = "flows.state";

/// The power may take what was spooled in so long.
const SYNC_EVERY: Duration = Duration::from_millis(900);
/// How far the store's mark may be behind, under load and where nothing comes.
const COMMIT_EVERY: Duration = Duration::from_secs(5);
const COMMIT_ROWS: usize = 1 << 19;
const COMMIT_IDLE: Duration = Duration::from_secs(1);
/// How far what the reader has in mind may be behind.
const REMEMBER_EVERY: Duration = Duration::from_secs(30);
/// How old the shown health of exporters may be.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How long the applier waits for a word that something arrived.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// When a full disk is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// Octets of datagrams read at a time.
const READ_BYTES: usize = 4 << 20;
/// Rows whose room is kept from one reading to the next.
const ROWS_AT_HAND: usize = 1 << 18;
