//! The spool: records as they arrived, durable before they are acknowledged, read back until they are applied.
//!
//! What comes in: raw records of a source. What goes out: a receipt once they are on the disk, and the same records in
//! order. Threads that append at the same time share one write and one sync. A torn tail is cut off and said; when the
//! disk is full nothing is acknowledged and nothing that was is lost. Where senders wait for no answer a spool may be
//! synced now and then instead ([`Durability::AtSync`]): a receipt then means that the records survive the end of this
//! process, and those of the last sync survive the end of the machine.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tadoru_gate::Permit;
use tadoru_gate::keys::Vault;
use tadoru_gate::permit::Store;
use tadoru_model::{SourceName, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::SpoolMark;

use crate::assignments::classes::month_of;
use crate::folder::Folder;
use crate::folder::codec::{Clock, Codec, KeyName};
use crate::folder::log::{self, Log, Start, Tail};
use crate::segment::bits::{put_varint, take_varint};
use crate::segment::row::{put_text, take_text};

/// A record as it arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Which source.
    pub source: SourceName,
    /// When it arrived.
    pub arrived: UtcMicros,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[record of {} bytes]", self.bytes.len())
    }
}

/// Records are on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The place behind the last of them.
    pub mark: SpoolMark,
}

/// What a receipt means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The records are on the disk: they survive the end of the machine.
    AtAppend,
    /// The system has the records: they survive the end of the process, and of the machine after [`Spool::sync`].
    AtSync,
}

/// The spool of a folder. Threads share it, and so do clones.
#[derive(Clone)]
pub struct Spool(Arc<Shared>);

struct Shared {
    folder: Folder,
    vault: Vault,
    clock: Clock,
    class: Arc<str>,
    durability: Durability,
    queue: Mutex<Queue>,
    written: Condvar,
    files: Mutex<Files>,
}

/// Records that wait to be written together.
#[derive(Default)]
struct Queue {
    frame: Vec<u8>,
    records: u64,
    /// Number of the group that is being collected.
    group: u64,
    is_writing: bool,
    /// How the last groups ended, until all who waited know.
    ended: BTreeMap<u64, (u64, Result<SpoolMark, Arc<StoreError>>)>,
    waiting: u64,
}

/// What is on the disk.
#[derive(Default)]
struct Files {
    log: Option<Log>,
    next: u64,
    /// Files by their first record.
    names: BTreeMap<u64, String>,
    /// Up to where nobody reads any more.
    trimmed: SpoolMark,
    /// When the first record of each arrived, by its number.
    since: BTreeMap<u64, UtcMicros>,
    /// When the last record of all arrived.
    latest: Option<UtcMicros>,
    /// Places to begin reading at, by the first record behind them.
    places: BTreeMap<u64, (String, Start)>,
    /// Files that have been written to since they were synced last.
    unsynced: BTreeSet<String>,
}

impl Spool {
    /// Opens the spool in `folder`; tells how many bytes of a torn tail were cut off.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a file is not what was written; what disk and codec say.
    pub fn open(
        folder: &Folder,
        vault: Vault,
        clock: Clock,
        permit: &Permit<Store>,
        class: Arc<str>,
    ) -> Result<(Self, u64), StoreError> {
        Self::open_with(folder, vault, clock, permit, class, Durability::AtAppend)
    }

    /// The same, with a choice of what a receipt means.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn open_with(
        folder: &Folder,
        vault: Vault,
        clock: Clock,
        permit: &Permit<Store>,
        class: Arc<str>,
        durability: Durability,
    ) -> Result<(Self, u64), StoreError> {
        let codec = Codec::store(&vault, &clock, permit)?;
        let mut files = Files::default();
        let mut torn = 0;
        let number = |name: &String| u64::from_str_radix(name.strip_prefix(PREFIX)?, 16).ok();
        let names: Vec<(u64, String)> =
            folder.names()?.into_iter().filter_map(|name| Some((number(&name)?, name))).collect();
        let newest = names.last().map(|(first, _)| *first);
        for (first, name) in names {
            if !files.names.is_empty() && files.next != first {
                return Err(folder.damaged(&name, "records before it are missing"));
            }
            files.next = first;
            files.names.insert(first, name.clone());
            let tail = log::read(folder, &name, &codec, |behind, frame| {
                let (start, records) = head(frame).ok_or_else(|| folder.damaged(&name, UNSOUND))?;
                if start != files.next {
                    return Err(folder.damaged(&name, "records in it are missing"));
                }
                files.next = start + records;
                if start == first || Some(first) == newest {
                    take_records(frame, |_, record| {
                        files.since.entry(first).or_insert(record.arrived);
                        files.latest = files.latest.max(Some(record.arrived));
                    });
                }
                files.note(&name, behind);
                Ok(())
            })?;
            if tail.torn > 0 {
                torn += tail.torn;
                // Cut off; what follows is written to a file of its own.
                drop(Log::resume(folder, &name, Tail { len: tail.len, torn: 0 })?);
            }
        }
        let shared = Shared {
            folder: folder.clone(),
            vault,
            clock,
            class,
            durability,
            queue: Mutex::default(),
            written: Condvar::new(),
            files: Mutex::new(files),
        };
        Ok((Self(Arc::new(shared)), torn))
    }

    /// Takes records; they are durable when it returns, as [`Durability`] says.
    ///
    /// # Errors
    /// When the disk refuses: then none of them is acknowledged, and none is read back.
    pub fn append(&self, permit: &Permit<Store>, records: &[Record]) -> Result<Receipt, StoreError> {
        let codec = Codec::store(&self.0.vault, &self.0.clock, permit)?;
        let mut queue = lock(&self.0.queue);
        records.iter().for_each(|record| put_record(&mut queue.frame, record));
        queue.records += records.len() as u64;
        let group = queue.group;
        queue.waiting += 1;
        loop {
            if let Some((left, ended)) = queue.ended.get_mut(&group) {
                *left -= 1;
                let ended = ended.clone();
                if queue.ended.get(&group).is_some_and(|(left, _)| *left == 0) {
                    queue.ended.remove(&group);
                }
                return ended.map(|mark| Receipt { mark }).map_err(|e| again(&e));
            }
            if queue.is_writing {
                queue = self.0.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // Nobody writes: this thread does, for all who wait.
            queue.is_writing = true;
            let (frame, records) = (std::mem::take(&mut queue.frame), std::mem::take(&mut queue.records));
            let (writing, waiting) = (queue.group, std::mem::take(&mut queue.waiting));
            queue.group += 1;
            drop(queue);
            let ended = self.write(&codec, &frame, records).map_err(Arc::new);
            queue = lock(&self.0.queue);
            queue.is_writing = false;
            queue.ended.insert(writing, (waiting, ended));
            self.0.written.notify_all();
        }
    }

    /// Records from `mark` on, each with the place behind it, until they are about `enough` bytes.
    ///
    /// # Errors
    /// When a file is not what was written, or disk or codec refuse.
    pub fn read_from(
        &self,
        permit: &Permit<Store>,
        mark: SpoolMark,
        enough: usize,
    ) -> Result<Vec<(SpoolMark, Record)>, StoreError> {
        let codec = Codec::store(&self.0.vault, &self.0.clock, permit)?;
        let (names, place, end) = {
            let files = lock(&self.0.files);
            // Where nothing is left to read, no file is: [`Spool::forget`] may remove it meanwhile.
            if mark.0 >= files.next {
                return Ok(Vec::new());
            }
            let first = files.names.range(..=mark.0).next_back().map_or(0, |(first, _)| *first);
            let names: Vec<(u64, String)> =
                files.names.range(first..).map(|(first, name)| (*first, name.clone())).collect();
            let place = files.places.range(..=mark.0).next_back().map(|(_, place)| place.clone());
            (names, place, files.next)
        };
        let (mut found, bytes) = (Vec::new(), Cell::new(0));
        for (_, name) in names {
            let mut each = |_: Start, frame: &[u8]| {
                take_records(frame, |number, record| {
                    if number >= mark.0 && number < end && bytes.get() < enough {
                        bytes.set(bytes.get() + record.bytes.len() + 32);
                        found.push((SpoolMark(number + 1), record));
                    }
                })
                .ok_or_else(|| self.0.folder.damaged(&name, UNSOUND))
            };
            let mut from = match place.as_ref().filter(|(of, _)| *of == name) {
                Some((_, start)) => Some(*start),
                None => match log::begin(&self.0.folder, &name) {
                    Err(_) if self.is_gone(&name) => None,
                    begun => begun?.ok(),
                },
            };
            while let Some(start) = from {
                from = match log::read_some(&self.0.folder, &name, &codec, start, PIECE_BYTES, &mut each) {
                    Err(_) if self.is_gone(&name) => None,
                    read => read?,
                };
                if bytes.get() >= enough {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// Whether a file was removed: what a retention takes away is read no more, also by one who was about to.
    fn is_gone(&self, name: &str) -> bool {
        !lock(&self.0.files).names.values().any(|left| left == name)
    }

    /// Makes everything that was appended survive the end of the machine.
    ///
    /// # Errors
    /// What the disk says; the next call tries again.
    pub fn sync(&self) -> Result<(), StoreError> {
        // Whoever appends meanwhile does not wait.
        let names = std::mem::take(&mut lock(&self.0.files).unsynced);
        for name in &names {
            let synced = match self.0.folder.read_only(name) {
                Ok(file) => file.sync_data().map_err(|e| self.0.folder.fault("sync", name, e)),
                Err(e) => Err(e),
            };
            let mut files = lock(&self.0.files);
            // A file that was trimmed away meanwhile needs no sync.
            if let Err(e) = synced
                && files.names.values().any(|left| left == name)
            {
                files.unsynced.extend(names);
                return Err(e);
            }
        }
        Ok(())
    }

    /// The place behind the last record.
    pub fn end(&self) -> SpoolMark {
        SpoolMark(lock(&self.0.files).next)
    }

    /// Goes on from `mark` on, where less than that is here: records that were applied and lost with the machine before
    /// they were synced. What is here was applied before them, and goes.
    ///
    /// # Errors
    /// What the disk says.
    pub fn pass_over(&self, mark: SpoolMark) -> Result<(), StoreError> {
        let mut files = lock(&self.0.files);
        if files.next >= mark.0 {
            return Ok(());
        }
        for name in std::mem::take(&mut files.names).into_values() {
            self.0.folder.remove(&name)?;
        }
        *files = Files { next: mark.0, ..Files::default() };
        self.begin_file(&mut files)
    }

    /// Removes files whose records all lie before `mark`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn trim(&self, mark: SpoolMark) -> Result<(), StoreError> {
        let mut files = lock(&self.0.files);
        files.trimmed = files.trimmed.max(mark);
        loop {
            let mut starts = files.names.keys();
            let (Some(first), Some(second)) = (starts.next().copied(), starts.next().copied()) else {
                return Ok(());
            };
            if second > mark.0 {
                return Ok(());
            }
            if let Some(name) = files.names.get(&first).cloned() {
                self.0.folder.remove(&name)?;
            }
            files.names.remove(&first);
            files.since.remove(&first);
            files.places.retain(|number, _| *number >= second);
        }
    }

    /// Removes what lies before the last mark of [`Spool::trim`], also when nothing came since; tells when the oldest
    /// record that is left arrived.
    ///
    /// # Errors
    /// What the disk says.
    pub fn forget(&self) -> Result<Option<UtcMicros>, StoreError> {
        let mut files = lock(&self.0.files);
        let trimmed = files.trimmed;
        if trimmed.0 >= files.next && !files.since.is_empty() {
            self.begin_file(&mut files)?;
        }
        drop(files);
        self.trim(trimmed)?;
        Ok(lock(&self.0.files).since.values().min().copied())
    }

    /// Removes files whose records all arrived before `before`, whether or not anybody was to read them still; tells how
    /// many records that were, and when the oldest that is left arrived.
    ///
    /// # Errors
    /// What the disk says; what was removed by then stays removed.
    pub fn forget_before(&self, before: UtcMicros) -> Result<(u64, Option<UtcMicros>), StoreError> {
        let mut files = lock(&self.0.files);
        let mut removed = 0;
        while let Some((first, name)) = files.names.first_key_value().map(|(n, name)| (*n, name.clone())) {
            // What is in a file arrived before the first record of the files behind it.
            let next = files.since.range(first + 1..).next().map(|(_, since)| *since);
            let has_records = files.since.contains_key(&first);
            if !has_records || next.or(files.latest).is_none_or(|last| last >= before) {
                break;
            }
            if files.names.len() == 1 {
                self.begin_file(&mut files)?;
            }
            let behind = files.names.range(first + 1..).next().map_or(files.next, |(number, _)| *number);
            self.0.folder.remove(&name)?;
            files.names.remove(&first);
            files.since.remove(&first);
            files.places.retain(|number, _| *number >= behind);
            removed += behind - first;
        }
        Ok((removed, files.since.values().min().copied()))
    }

    /// Begins a file: it tells by its name how many records there were before.
    fn begin_file(&self, files: &mut Files) -> Result<(), StoreError> {
        let name = format!("{PREFIX}{:016x}", files.next);
        files.log = Some(Log::create(&self.0.folder, &name)?);
        self.0.folder.sync()?;
        files.names.insert(files.next, name);
        Ok(())
    }

    fn write(&self, codec: &Codec, records: &[u8], count: u64) -> Result<SpoolMark, StoreError> {
        let files = &mut *lock(&self.0.files);
        if count == 0 {
            return Ok(SpoolMark(files.next));
        }
        if files.log.as_ref().is_none_or(|log| log.len() >= FILE_BYTES) {
            self.begin_file(files)?;
        }
        let mut frame = Vec::with_capacity(records.len() + 16);
        frame.extend_from_slice(&files.next.to_le_bytes());
        put_varint(&mut frame, count);
        frame.extend_from_slice(records);
        let now = (self.0.clock)();
        let key = KeyName::new(Arc::clone(&self.0.class), month_of(now.0));
        let Some(log) = &mut files.log else { return Ok(SpoolMark(files.next)) };
        let added = log.push(codec, &key, &frame).and_then(|()| log.write());
        if let Err(e) = added {
            log.discard()?;
            return Err(e);
        }
        let synced = match self.0.durability {
            Durability::AtAppend => log.sync(),
            Durability::AtSync => {
                if !files.unsynced.contains(log.name()) {
                    files.unsynced.insert(log.name().to_owned());
                }
                Ok(())
            }
        };
        if let Err(e) = synced {
            // What the disk kept is not known: nothing of it is acknowledged, and it is cut off when possible.
            let len = log.len();
            let _ = Log::resume(
                &self.0.folder,
                log.name(),
                Tail { len: len.saturating_sub(frame.len() as u64), torn: 0 },
            );
            files.log = None;
            return Err(e);
        }
        let (name, place) = (log.name().to_owned(), log.place());
        if files.names.contains_key(&files.next) {
            files.since.insert(files.next, now);
        }
        files.latest = files.latest.max(Some(now));
        files.next += count;
        if let Some(place) = place {
            files.note(&name, place);
        }
        Ok(SpoolMark(files.next))
    }
}

impl Files {
    /// Notes a place to begin reading at, now and then.
    fn note(&mut self, name: &str, place: Start) {
        let far = match self.places.last_key_value() {
            Some((_, (of, last))) => of != name || place.at >= last.at + PLACE_BYTES,
            None => true,
        };
        if far {
            self.places.insert(self.next, (name.to_owned(), place));
        }
    }
}

/// The same fault for another who waited.
fn again(fault: &StoreError) -> StoreError {
    match fault {
        StoreError::Full { file } => StoreError::Full { file: file.clone() },
        StoreError::Damaged { file, what } => StoreError::Damaged { file: file.clone(), what },
        StoreError::Disk { doing, file, source } => {
            StoreError::Disk { doing, file: file.clone(), source: source.kind().into() }
        }
        StoreError::InUse => StoreError::InUse,
        StoreError::Codec(source) => StoreError::Codec(source.to_string().into()),
    }
}

fn head(mut frame: &[u8]) -> Option<(u64, u64)> {
    let (first, rest) = frame.split_first_chunk::<8>()?;
    frame = rest;
    Some((u64::from_le_bytes(*first), take_varint(&mut frame)?))
}

fn put_record(out: &mut Vec<u8>, record: &Record) {
    put_text(out, &record.source.0);
    out.extend_from_slice(&record.arrived.0.to_le_bytes());
    put_varint(out, record.bytes.len() as u64);
    out.extend_from_slice(&record.bytes);
}

fn take_records(mut frame: &[u8], mut each: impl FnMut(u64, Record)) -> Option<()> {
    let (first, rest) = frame.split_first_chunk::<8>()?;
    frame = rest;
    let (first, count) = (u64::from_le_bytes(*first), take_varint(&mut frame)?);
    for number in first..first.checked_add(count)? {
        let source = SourceName::from(take_text(&mut frame)?.as_str());
        let (arrived, rest) = frame.split_first_chunk::<8>()?;
        frame = rest;
        let len = usize::try_from(take_varint(&mut frame)?).ok()?;
        let (bytes, rest) = frame.split_at_checked(len)?;
        frame = rest;
        let arrived = UtcMicros(i64::from_le_bytes(*arrived));
        each(number, Record { source, arrived, bytes: bytes.to_vec() });
    }
    Some(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const PREFIX: &str = "spool-";
const FILE_BYTES: u64 = 64 << 20;
const PLACE_BYTES: u64 = 256 << 10;
/// Bytes read of a file at a time.
const PIECE_BYTES: u64 = 1 << 20;
const UNSOUND: &str = "a frame is not sound";
