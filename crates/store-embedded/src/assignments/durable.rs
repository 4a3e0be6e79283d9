//! Putting, committing and opening: what makes rows survive.
//!
//! What comes in: rows, and the word to make them durable. What goes out: files such that after a crash the state is that
//! of the last commit: the manifest names segments and a log; the log counts up to its last commit frame.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use tadoru_gate::keys::Vault;
use tadoru_model::Assignment;
use tadoru_store::StoreError;
use tadoru_store::assignments::SpoolMark;

use crate::coverage::CoverageLog;
use crate::folder::Folder;
use crate::folder::codec::{Clock, Codec, KeyName};
use crate::folder::log::{self, Log, Tail};
use crate::segment::Segment;
use crate::segment::cache::Cache;
use crate::segment::row::{put_assignment, take_assignment};

use super::fresh::Fresh;
use super::holds::Holds;
use super::lines::{self, Lines};
use super::manifest::{self, Manifest};
use super::open::{Key, Open};
use super::{Inner, Opened, Settings, State, Writer, flush, holds, locked};

impl Inner {
    /// Takes rows in.
    pub(super) fn put(self: &Arc<Self>, codec: &Codec, rows: &[Assignment]) -> Result<(), StoreError> {
        let mut writer = locked(&self.writer);
        if self.state().fresh.len() >= self.settings.fresh_rows {
            self.settle(&mut writer, codec)?;
            self.freeze(&mut writer, codec)?;
        }
        for part in rows.chunks(PUT_ROWS) {
            let count = self.state().fresh.len();
            if count + part.len() > MOST_FRESH {
                self.settle(&mut writer, codec)?;
                self.freeze(&mut writer, codec)?;
            }
            self.state_mut().put(part);
        }
        Ok(())
    }

    /// Makes everything put so far durable.
    pub(super) fn commit(self: &Arc<Self>, codec: &Codec, mark: SpoolMark) -> Result<(), StoreError> {
        let mut writer = locked(&self.writer);
        self.commit_with(&mut writer, codec, mark)
    }

    pub(super) fn commit_with(
        self: &Arc<Self>,
        writer: &mut Writer,
        codec: &Codec,
        mark: SpoolMark,
    ) -> Result<(), StoreError> {
        let unlogged = self.state().fresh.len().saturating_sub(writer.in_log);
        let log_room = writer.log.as_ref().is_some_and(|log| log.len() < writer.log_floor * 2 + LOG_BYTES);
        let in_segments =
            writer.flush.is_some() || !writer.pending.is_empty() || self.state().frozen.is_some();
        if writer.is_unload_due {
            self.checkpoint(writer, codec, mark, 0)?;
            writer.is_unload_due = false;
        } else if in_segments || unlogged > LOG_ROWS || !log_room {
            self.checkpoint(writer, codec, mark, LOG_ROWS)?;
        } else if let Some(log) = &mut writer.log {
            let mut state = self.state_mut();
            let added = push_rows(log, codec, &self.settings, state.fresh.since(writer.in_log))
                .and_then(|()| push_changes(log, codec, &self.settings, &state.open))
                .and_then(|()| push_commit(log, codec, &self.settings, mark));
            if let Err(e) = added {
                log.discard()?;
                return Err(e);
            }
            if let Err(e) = log.write().and_then(|()| log.sync()) {
                // What the disk kept of it is not known: the next commit begins a new log.
                writer.log = None;
                return Err(e);
            }
            writer.in_log = state.fresh.len();
            state.open.settled();
        }
        self.mark.store(mark.0, Ordering::Release);
        Ok(())
    }

    /// Whether everything put so far is durable.
    pub(super) fn is_all_durable(&self, writer: &Writer) -> bool {
        let state = self.state();
        let is_in_log = state.fresh.len() == writer.in_log && state.open.changes().next().is_none();
        is_in_log && state.frozen.is_none() && writer.flush.is_none() && writer.pending.is_empty()
    }

    /// Begins a new log and a new manifest; fresh rows become segments when there are more than `most_fresh`.
    pub(super) fn checkpoint(
        self: &Arc<Self>,
        writer: &mut Writer,
        codec: &Codec,
        mark: SpoolMark,
        most_fresh: usize,
    ) -> Result<(), StoreError> {
        self.settle(writer, codec)?;
        if self.state().fresh.len() > most_fresh {
            self.freeze(writer, codec)?;
            self.settle(writer, codec)?;
        }
        let name = format!("log-{:016x}", codec.new_file_id()?);
        let log = match self.write_snapshot(codec, mark, &name) {
            Ok(log) => log,
            Err(e) => {
                let _ = self.folder.remove(&name);
                return Err(e);
            }
        };
        let mut manifest = writer.manifest.clone();
        manifest.segments.extend(writer.pending.iter().cloned());
        manifest.log = name;
        manifest.mark = mark.0;
        // When this fails it is not known which manifest stands: both logs stay until the next opening.
        manifest.write(&self.folder)?;
        let old = std::mem::replace(&mut writer.manifest, manifest);
        writer.log_floor = log.len();
        writer.log = Some(log);
        writer.pending.clear();
        let mut state = self.state_mut();
        writer.in_log = state.fresh.len();
        state.open.settled();
        drop(state);
        let _ = self.folder.remove(&old.log);
        Ok(())
    }

    /// A new log that begins with what is in memory.
    fn write_snapshot(&self, codec: &Codec, mark: SpoolMark, name: &str) -> Result<Log, StoreError> {
        let mut log = Log::create(&self.folder, name)?;
        let state = self.state();
        push_open(&mut log, codec, &self.settings, &state.open)?;
        push_rows(&mut log, codec, &self.settings, state.fresh.since(0))?;
        push_commit(&mut log, codec, &self.settings, mark)?;
        drop(state);
        log.write()?;
        log.sync()?;
        self.folder.sync()?;
        Ok(log)
    }

    /// Sets the fresh rows aside and begins to write them as segments.
    fn freeze(self: &Arc<Self>, writer: &mut Writer, codec: &Codec) -> Result<(), StoreError> {
        let fresh = {
            let mut state = self.state_mut();
            let fresh = Arc::new(std::mem::take(&mut state.fresh));
            state.frozen = Some(Arc::clone(&fresh));
            writer.in_log = 0;
            fresh
        };
        self.begin_segments(writer, codec, fresh)
    }

    fn begin_segments(
        self: &Arc<Self>,
        writer: &mut Writer,
        codec: &Codec,
        fresh: Arc<Fresh>,
    ) -> Result<(), StoreError> {
        let (inner, codec) = (Arc::clone(self), codec.kept()?);
        let thread = std::thread::Builder::new().name("segment".to_owned()).spawn(move || {
            let files = flush::write_fresh(&inner.folder, &codec, &inner.settings.classes, &fresh)?;
            let open = |name: &String| Segment::open(&inner.folder, name, &codec, &inner.cache).map(Arc::new);
            files.iter().map(open).collect()
        });
        writer.flush = Some(thread.map_err(|e| self.folder.fault("start a thread for", "", e))?);
        Ok(())
    }

    /// Waits for the segments that are being written and puts them in the place of the rows set aside.
    fn settle(self: &Arc<Self>, writer: &mut Writer, codec: &Codec) -> Result<(), StoreError> {
        if writer.flush.is_none() {
            // Rows that are still set aside: an earlier attempt failed.
            let Some(fresh) = self.state().frozen.clone() else { return Ok(()) };
            self.begin_segments(writer, codec, fresh)?;
        }
        let Some(thread) = writer.flush.take() else { return Ok(()) };
        let segments = match thread.join() {
            Ok(done) => done?,
            Err(_) => return Err(self.folder.damaged("", "the thread that writes segments ended early")),
        };
        writer.pending.extend(segments.iter().map(|s| s.name().to_owned()));
        let mut state = self.state_mut();
        state.segments.extend(segments);
        state.frozen = None;
        Ok(())
    }
}

/// Opens a store.
pub(super) fn open(
    folder: &Folder,
    (vault, clock): (Vault, Clock),
    codec: &Codec,
    settings: Settings,
) -> Result<(Inner, Opened), StoreError> {
    let manifest = match Manifest::read(folder)? {
        Some(manifest) => manifest,
        None => begin(folder)?,
    };
    let mut opened = Opened { leftovers: remove_leftovers(folder, &manifest)?, torn: 0 };
    let cache = Arc::new(Cache::new(settings.cache_bytes));
    let mut state = State::default();
    for name in &manifest.segments {
        state.segments.push(Arc::new(Segment::open(folder, name, codec, &cache)?));
    }
    let mut replay = Replay { mark: manifest.mark, ..Replay::default() };
    let log = if manifest.log.is_empty() {
        None
    } else {
        let tail = log::read(folder, &manifest.log, codec, |behind, frame| {
            replay
                .frame(behind.at, frame, &mut state)
                .ok_or_else(|| folder.damaged(&manifest.log, "a frame is not sound"))
        })?;
        opened.torn = (tail.len + tail.torn).saturating_sub(replay.end);
        Some(Log::resume(folder, &manifest.log, Tail { len: replay.end, torn: 0 })?)
    };
    state.open.settled();
    let writer = Writer {
        in_log: state.fresh.len(),
        log_floor: log.as_ref().map_or(0, Log::len),
        log,
        manifest,
        pending: Vec::new(),
        is_unload_due: false,
        flush: None,
    };
    let inner = Inner {
        folder: folder.clone(),
        holds: Mutex::new(Holds::read(folder, codec)?),
        lines: Mutex::new(Lines::read(folder)?),
        coverage: Mutex::new(CoverageLog::open(folder, codec, &settings.classes)?),
        vault,
        clock,
        settings,
        cache,
        state: RwLock::new(state),
        upkeep: Mutex::default(),
        merges: Mutex::default(),
        writer: Mutex::new(writer),
        mark: AtomicU64::new(replay.mark),
    };
    Ok((inner, opened))
}

/// The manifest of an empty store.
fn begin(folder: &Folder) -> Result<Manifest, StoreError> {
    let names = folder.names()?;
    if names.iter().any(|name| name.ends_with(crate::segment::write::SUFFIX)) {
        return Err(folder.damaged(manifest::NAME, "it is missing, and there are segments"));
    }
    let manifest = Manifest { version: manifest::VERSION, segments: Vec::new(), log: String::new(), mark: 0 };
    manifest.write(folder)?;
    Ok(manifest)
}

fn remove_leftovers(folder: &Folder, manifest: &Manifest) -> Result<Vec<String>, StoreError> {
    let mut removed = Vec::new();
    for name in folder.names()? {
        let known = name == manifest::NAME
            || name == manifest.log
            || name == holds::NAME
            || name == lines::NAME
            || name == crate::coverage::NAME
            || manifest.segments.contains(&name);
        if !known {
            folder.remove(&name)?;
            removed.push(name);
        }
    }
    Ok(removed)
}

// ---- frames of the log --------------------------------------------------------------------------------------------

const ROWS: u8 = b'R';
const OPEN: u8 = b'O';
const CLOSED: u8 = b'X';
const COMMIT: u8 = b'C';

/// What the frames since the last commit frame said.
#[derive(Default)]
struct Replay {
    rows: Vec<Assignment>,
    open: Vec<Assignment>,
    closed: Vec<Key>,
    mark: u64,
    end: u64,
}

impl Replay {
    fn frame(&mut self, end: u64, frame: &[u8], state: &mut State) -> Option<()> {
        let (&kind, mut rest) = frame.split_first()?;
        match kind {
            ROWS | OPEN => {
                while !rest.is_empty() {
                    let row = take_assignment(&mut rest)?;
                    if kind == ROWS { self.rows.push(row) } else { self.open.push(row) }
                }
            }
            CLOSED => {
                while !rest.is_empty() {
                    self.closed.push(Key::read(&mut rest)?);
                }
            }
            COMMIT => {
                self.mark = u64::from_le_bytes(rest.try_into().ok()?);
                state.fresh.add(&self.rows.iter().collect::<Vec<_>>());
                for key in self.closed.drain(..) {
                    state.open.close(key);
                }
                for row in self.open.drain(..) {
                    let key = tadoru_store::assignments::OpenKey::of(&row)?;
                    state.open.put(Key::of(&key), &row);
                }
                self.rows.clear();
                self.end = end;
            }
            _ => return None,
        }
        Some(())
    }
}

/// Adds rows, each batch under the key of its class and month.
fn push_rows(
    log: &mut Log,
    codec: &Codec,
    settings: &Settings,
    rows: impl Iterator<Item = Assignment>,
) -> Result<(), StoreError> {
    let mut frames: std::collections::BTreeMap<KeyName, Vec<u8>> = std::collections::BTreeMap::new();
    for row in rows {
        let key = settings.classes.key_of(&row);
        let frame = frames.entry(key.clone()).or_insert_with(|| vec![ROWS]);
        put_assignment(frame, &row);
        if frame.len() >= FRAME_BYTES {
            log.push(codec, &key, frame)?;
            frames.remove(&key);
        }
    }
    for (key, frame) in frames {
        log.push(codec, &key, &frame)?;
    }
    Ok(())
}

fn push_open(log: &mut Log, codec: &Codec, settings: &Settings, open: &Open) -> Result<(), StoreError> {
    let key = settings.classes.endless(&settings.classes.assignments);
    push_all(log, codec, &key, OPEN, open.written(), |row, frame| frame.extend_from_slice(row))
}

fn push_changes(log: &mut Log, codec: &Codec, settings: &Settings, open: &Open) -> Result<(), StoreError> {
    let key = settings.classes.endless(&settings.classes.assignments);
    let closed = open.changes().filter(|change| change.1.is_none()).map(|change| change.0);
    push_all(log, codec, &key, CLOSED, closed, |key, frame| key.write(frame))?;
    let rows = open.changes().filter_map(|change| change.1);
    push_all(log, codec, &key, OPEN, rows, |row, frame| frame.extend_from_slice(row))
}

fn push_all<T>(
    log: &mut Log,
    codec: &Codec,
    key: &KeyName,
    kind: u8,
    items: impl Iterator<Item = T>,
    write: impl Fn(T, &mut Vec<u8>),
) -> Result<(), StoreError> {
    let mut frame = vec![kind];
    for item in items {
        write(item, &mut frame);
        if frame.len() >= FRAME_BYTES {
            log.push(codec, key, &frame)?;
            frame.truncate(1);
        }
    }
    if frame.len() > 1 { log.push(codec, key, &frame) } else { Ok(()) }
}

fn push_commit(log: &mut Log, codec: &Codec, settings: &Settings, mark: SpoolMark) -> Result<(), StoreError> {
    let key = settings.classes.endless(&settings.classes.assignments);
    let mut frame = vec![COMMIT];
    frame.extend_from_slice(&mark.0.to_le_bytes());
    log.push(codec, &key, &frame)
}

/// Rows taken in while questions wait.
const PUT_ROWS: usize = 1 << 15;
/// Fresh rows that there can be at most, however many are put at once.
const MOST_FRESH: usize = 1 << super::fresh::NUMBER_BITS;
/// Fresh rows that a commit writes to the log at most; more become a segment.
const LOG_ROWS: usize = 1 << 17;
/// How far a log grows, besides twice the open rows that it began with, before a new one is begun.
const LOG_BYTES: u64 = 64 << 20;
const FRAME_BYTES: usize = 1 << 20;
