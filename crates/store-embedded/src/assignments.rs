//! Assignments in segments: an LSM of our own, for one question.
//!
//! What comes in: rows. What goes out: the rows that fit a point question, sealed. Rows are answerable when
//! [`SegmentStore::put`] returns and durable when [`SegmentStore::commit`] does; after a crash the state is that of the
//! last commit. Fresh rows are in memory and in a log, open versions in memory only and in the log, all others in sorted
//! segments of one retention class and one month, so that a month is forgotten by removing files and a key.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use tadoru_gate::keys::{Month, Vault};
use tadoru_gate::permit::{Learn, Preserve, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::{Assignment, CoverageSpan, Prefix, Realm, RecordKind, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::{
    Assignments, Deleted, Holding, OpenKey, Rows, SpoolMark, is_open_version, sealed_as,
};

use crate::coverage::CoverageLog;
use crate::folder::Folder;
use crate::folder::codec::{Clock, Codec};
use crate::folder::log::Log;
use crate::segment::Segment;
use crate::segment::cache::Cache;

use classes::RetentionClasses;
use fresh::Fresh;
use holds::Holds;
use lines::Lines;
use manifest::Manifest;
use open::{Key, Open};
use retention::Looks;

pub use merge::Merges;

pub mod classes;

mod ask;
mod durable;
mod flush;
mod fresh;
mod holds;
mod interner;
mod lines;
mod manifest;
mod merge;
mod open;
mod retention;

/// Assignments and coverage in a folder.
pub struct SegmentStore {
    inner: Arc<Inner>,
    merging: Mutex<Option<JoinHandle<()>>>,
}

/// How a store is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Retention classes of what it keeps.
    pub classes: RetentionClasses,
    /// Rows in memory before they become a segment: about 150 bytes each, twice so many while one is being written.
    pub fresh_rows: usize,
    /// Bytes of opened index and names that are kept in memory at most.
    pub cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { classes: RetentionClasses::default(), fresh_rows: 1 << 20, cache_bytes: 128 << 20 }
    }
}

/// What was found when a store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Files left over from something that did not finish; they were removed.
    pub leftovers: Vec<String>,
    /// Bytes behind the last commit that were cut off.
    pub torn: u64,
}

/// What the store's threads share.
struct Inner {
    folder: Folder,
    vault: Vault,
    clock: Clock,
    settings: Settings,
    cache: Arc<Cache>,
    state: RwLock<State>,
    /// Taken before `writer` by whoever replaces segments.
    upkeep: Mutex<Looks>,
    merges: Mutex<Merges>,
    writer: Mutex<Writer>,
    holds: Mutex<Holds>,
    lines: Mutex<Lines>,
    coverage: Mutex<CoverageLog>,
    mark: AtomicU64,
}

/// What questions see.
#[derive(Default)]
struct State {
    fresh: Fresh,
    frozen: Option<Arc<Fresh>>,
    open: Open,
    segments: Vec<Arc<Segment>>,
}

/// What the one who writes knows besides.
struct Writer {
    manifest: Manifest,
    log: Option<Log>,
    /// Length of the log when it was begun.
    log_floor: u64,
    /// Fresh rows that are in the log.
    in_log: usize,
    /// Segments that no manifest names yet.
    pending: Vec<String>,
    /// Rows in memory are past their retention: the next commit makes segments of all of them.
    is_unload_due: bool,
    flush: Option<JoinHandle<Result<Vec<Arc<Segment>>, StoreError>>>,
}

impl SegmentStore {
    /// Opens the store in `folder`, with what the last commit left.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a file that the manifest names is not what was written; what disk and codec say.
    pub fn open(
        folder: &Folder,
        vault: Vault,
        clock: Clock,
        permit: &Permit<Store>,
        settings: Settings,
    ) -> Result<(Self, Opened), StoreError> {
        let codec = Codec::store(&vault, &clock, permit)?;
        let (inner, opened) = durable::open(folder, (vault, clock), &codec, settings)?;
        Ok((Self { inner: Arc::new(inner), merging: Mutex::new(None) }, opened))
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        self.inner.folder.path()
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.inner.state().segments.len()
    }

    /// Waits until no segments are being merged; tells whether any were.
    pub fn wait_for_merge(&self) -> bool {
        match locked(&self.merging).take() {
            Some(merging) => merging.join().is_ok(),
            None => false,
        }
    }

    /// How the joining of segments in the background goes.
    pub fn merges(&self) -> Merges {
        locked(&self.inner.merges).clone()
    }

    /// Lends the coverage for a change.
    pub(crate) fn with_coverage<T>(
        &self,
        permit: &Permit<Store>,
        change: impl FnOnce(&mut CoverageLog, &Codec) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        change(&mut locked(&self.inner.coverage), &self.inner.store_codec(permit)?)
    }

    /// Lends the coverage for reading.
    pub(crate) fn coverage<T>(&self, read: impl FnOnce(&[CoverageSpan]) -> T) -> T {
        read(locked(&self.inner.coverage).spans())
    }

    /// Of which networks the rows speak, some of them more than once.
    pub(crate) fn all_space(&self) -> Vec<(Realm, Prefix)> {
        let state = self.inner.state();
        let mut all: Vec<(Realm, Prefix)> =
            state.segments.iter().flat_map(|segment| segment.space().iter().cloned()).collect();
        all.extend(state.fresh.space());
        all.extend(state.frozen.iter().flat_map(|fresh| fresh.space()));
        all.extend(state.open.rows().map(|row| (row.realm, row.prefix)));
        all
    }

    /// Merges small segments on a thread of its own, when there are enough of them and none is being merged.
    fn merge_when_due(&self, permit: &Permit<Store>) {
        let mut merging = locked(&self.merging);
        if merging.as_ref().is_some_and(|thread| !thread.is_finished()) || !self.inner.is_merge_due() {
            return;
        }
        let begun = self.inner.store_codec(permit).and_then(|codec| {
            let inner = Arc::clone(&self.inner);
            let thread = std::thread::Builder::new().name("merge".to_owned()).spawn(move || {
                loop {
                    let went = inner.merge_once(&codec);
                    locked(&inner.merges).note(&went);
                    if !matches!(went, Ok(true)) {
                        break;
                    }
                }
            });
            thread.map_err(|e| self.inner.folder.fault("start a thread for", "", e))
        });
        match begun {
            Ok(thread) => *merging = Some(thread),
            Err(e) => locked(&self.inner.merges).note(&Err(e)),
        }
    }
}

impl Drop for SegmentStore {
    fn drop(&mut self) {
        self.wait_for_merge();
        if let Some(flush) = locked(&self.inner.writer).flush.take() {
            let _ = flush.join();
        }
    }
}

impl Inner {
    fn store_codec(&self, permit: &Permit<Store>) -> Result<Codec<'static>, StoreError> {
        Codec::store(&self.vault, &self.clock, permit)
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|s| s.tally().rows()).sum();
        let frozen = self.frozen.as_ref().map_or(0, |f| f.len());
        segments + (self.fresh.len() + frozen + self.open.len()) as u64
    }

    fn put(&mut self, rows: &[Assignment]) {
        let mut closed = Vec::with_capacity(rows.len());
        for row in rows {
            let key = OpenKey::of(row).map(|key| Key::of(&key));
            match key {
                Some(key) if is_open_version(row) => self.open.put(key, row),
                Some(key) => {
                    self.open.close(key);
                    closed.push(row);
                }
                None => closed.push(row),
            }
        }
        self.fresh.add(&closed);
    }
}

impl Assignments for SegmentStore {
    fn put(&self, permit: &Permit<Store>, rows: &[Assignment]) -> Result<(), StoreError> {
        self.inner.put(&self.inner.store_codec(permit)?, rows)
    }

    fn commit(&self, permit: &Permit<Store>, mark: SpoolMark) -> Result<(), StoreError> {
        self.inner.commit(&self.inner.store_codec(permit)?, mark)?;
        self.merge_when_due(permit);
        Ok(())
    }

    fn mark(&self) -> SpoolMark {
        SpoolMark(self.inner.mark.load(Ordering::Acquire))
    }

    fn open_rows(&self, _permit: &Permit<Store>) -> Result<Vec<Assignment>, StoreError> {
        Ok(self.inner.state().open.rows().collect())
    }

    fn holding(&self, permit: &Permit<Learn>, question: &Holding) -> Result<Sealed<Rows>, StoreError> {
        let codec = Codec::learn(&self.inner.vault, &self.inner.clock, permit)?;
        Ok(sealed_as(permit, self.inner.ask(&codec, question)?))
    }

    fn holding_many(
        &self,
        permit: &Permit<Learn>,
        questions: &[Holding],
    ) -> Result<Sealed<Vec<Rows>>, StoreError> {
        let codec = Codec::learn(&self.inner.vault, &self.inner.clock, permit)?;
        Ok(sealed_as(permit, self.inner.ask_many(&codec, questions)?))
    }

    fn delete_before(
        &self,
        permit: &Permit<Store>,
        kind: RecordKind,
        before: UtcMicros,
    ) -> Result<Deleted, StoreError> {
        self.inner.delete_before(&self.inner.store_codec(permit)?, kind, before)
    }

    fn deleted_before(&self, kind: RecordKind) -> UtcMicros {
        locked(&self.inner.lines).of(kind)
    }

    fn hold(&self, permit: &Permit<Preserve>, hold: &str, questions: &[Holding]) -> Result<u64, StoreError> {
        let codec = Codec::store(&self.inner.vault, &self.inner.clock, permit)?;
        self.inner.hold(&codec, hold, questions)
    }

    fn release(&self, permit: &Permit<Store>, hold: &str) -> Result<(), StoreError> {
        self.inner.release(&self.inner.store_codec(permit)?, hold)
    }

    fn keys_in_use(&self) -> BTreeSet<(String, Month)> {
        self.inner.keys_in_use()
    }

    fn count(&self) -> u64 {
        self.inner.state().count()
    }

    fn ailment(&self) -> Option<String> {
        self.merges().fault
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
