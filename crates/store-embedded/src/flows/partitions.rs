//! Which flow files there are: `flows/date=2026-11-21/hour=10/0000000007-0000000007.parquet`, by hour of arrival.
//!
//! Every flush has a number, and a file is named by the first and the last flush that is in it. `flows/commit.json` says
//! which flush was finished last, up to which mark of the spool that is, and which imported files are in it: files of
//! later flushes are leftovers, and a file whose flushes are all in another one of its hour was replaced by it. Both are removed when the store is opened,
//! so that no kill at any step loses or doubles a row.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use tadoru_model::{Flows, Span, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::SpoolMark;
use tadoru_store::flows::Dropped;
use tadoru_store::flows::memory::{end_of_hour, hour_of};
use tadoru_store::flows::taken::Known;

use super::Opened;
use super::columns::Column;
use super::compile::{Program, Verdict};
use super::file::{FlowFile, FlowWriter, Inside};
use super::scan::bounds_of;
use crate::folder::{Folder, NEXT};

/// The folder of flow files, and what was written of them last.
pub struct Partitions {
    folder: Folder,
    commit: Commit,
    holds: BTreeMap<String, Vec<Span>>,
}

/// Which flush was finished last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Commit {
    flush: u64,
    mark: u64,
    #[serde(default)]
    taken: Known,
}

/// What is durable together with a flush.
pub enum UpTo {
    /// What came from the spool before this mark.
    Mark(SpoolMark),
    /// What was taken in of these files.
    Files(Known),
}

/// A file of flows.
#[derive(Clone)]
pub struct Stored {
    /// Its place in the folder of flows.
    pub name: String,
    /// The hour of arrival, counted from 1970 UTC.
    pub hour: i64,
    /// How many flows it has.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    flushes: (u64, u64),
    /// When its flows were on the way, from the first that began to the last that ended.
    times: [(u128, u128); 2],
    file: Arc<File>,
    footer: Arc<Mutex<Option<Arc<FlowFile>>>>,
}

impl Stored {
    fn open(folder: &Folder, hour: i64, name: String, flushes: (u64, u64)) -> Result<Self, ParquetError> {
        let external = |e: io::Error| ParquetError::External(Box::new(e));
        let file = File::open(folder.file(&name)).map_err(external)?;
        let bytes = file.metadata().map_err(external)?.len();
        let flows = FlowFile::open(file.try_clone().map_err(external)?)?;
        let times = [Column::First, Column::Last].map(|column| times(&flows, column));
        let (rows, file) = (flows.rows(), Arc::new(file));
        Ok(Self { name, hour, rows, bytes, flushes, times, file, footer: Arc::default() })
    }

    /// The first and the last flush that is in it.
    pub const fn flushes(&self) -> (u64, u64) {
        self.flushes
    }

    /// What its times tell of a program.
    pub fn verdict(&self, program: &Program) -> Verdict {
        let [first, last] = self.times;
        program.verdict(&|column| match column {
            Column::First => Some(first),
            Column::Last => Some(last),
            _ => None,
        })
    }

    /// The file for a search. Footers are kept while they take no more than a bounded part of memory.
    ///
    /// # Errors
    /// What the disk says; when the file was damaged since.
    pub fn reopen(&self) -> Result<Arc<FlowFile>, StoreError> {
        let mut footer = self.footer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*footer {
            return Ok(Arc::clone(file));
        }
        let disk = |source| StoreError::Disk { doing: "open", file: self.name.clone(), source };
        let damaged = |_| StoreError::Damaged { file: self.name.clone(), what: "its footer cannot be read" };
        let file = Arc::new(FlowFile::open(self.file.try_clone().map_err(disk)?).map_err(damaged)?);
        let size = file.memory();
        if FOOTERS.fetch_add(size, Ordering::Relaxed) + size <= MOST_FOOTERS {
            *footer = Some(Arc::clone(&file));
        } else {
            FOOTERS.fetch_sub(size, Ordering::Relaxed);
        }
        Ok(file)
    }

    fn meets(&self, span: Span) -> bool {
        let [(first, _), (_, last)] = self.times;
        let (first, last) = (UtcMicros(first as u64 as i64), UtcMicros(last as u64 as i64));
        span.meets(Span::new(first, last.plus(1)))
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        if Arc::strong_count(&self.footer) == 1
            && let Some(file) = self.footer.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            FOOTERS.fetch_sub(file.memory(), Ordering::Relaxed);
        }
    }
}

impl Partitions {
    /// Opens a folder of flows inside `folder`: removes what did not finish, tells what is not ours.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(folder: &Folder, name: &str) -> Result<(Self, Vec<Stored>, Opened), StoreError> {
        let folder = folder.inside(name)?;
        let (commit, holds) = (read(&folder, COMMIT)?, read(&folder, HOLDS)?);
        let store = Self { folder, commit, holds };
        let mut opened = Opened::default();
        let mut all: Vec<(i64, String, (u64, u64))> = Vec::new();
        for place in store.places()? {
            let named = named(&place);
            let is_late = |(_, flushes): &(i64, (u64, u64))| flushes.1 > store.commit.flush;
            if place.ends_with(NEXT) || named.as_ref().is_some_and(is_late) {
                store.folder.remove(&place)?;
                opened.leftovers.push(place);
            } else {
                match named {
                    Some((hour, flushes)) => all.push((hour, place, flushes)),
                    None => opened.foreign.push(place),
                }
            }
        }
        let mut files: Vec<Stored> = Vec::new();
        for (hour, place, flushes) in all {
            match Stored::open(&store.folder, hour, place.clone(), flushes) {
                Ok(file) => files.push(file),
                Err(_) => opened.foreign.push(place),
            }
        }
        let replaced: Vec<Stored> =
            files.iter().filter(|old| files.iter().any(|new| new.replaces(old))).cloned().collect();
        files.retain(|file| !replaced.iter().any(|old| old.name == file.name));
        store.remove(&replaced)?;
        opened.leftovers.extend(replaced.into_iter().map(|old| old.name.clone()));
        Ok((store, files, opened))
    }

    /// Up to where the spool is in files.
    pub const fn mark(&self) -> SpoolMark {
        SpoolMark(self.commit.mark)
    }

    /// The flush that was finished last.
    pub const fn flush(&self) -> u64 {
        self.commit.flush
    }

    /// Which imported files are in files of ours.
    pub const fn taken(&self) -> &Known {
        &self.commit.taken
    }

    /// Writes what is known of imported files, without flows.
    ///
    /// # Errors
    /// What the disk says; then it stands as it was.
    pub fn know(&mut self, taken: Known) -> Result<(), StoreError> {
        let commit = Commit { taken, ..self.commit.clone() };
        self.put(COMMIT, &commit)?;
        self.commit = commit;
        Ok(())
    }

    /// Tells that what lies before `mark` is done with, without flows.
    ///
    /// # Errors
    /// What the disk says; then it stands as it was.
    pub fn skip_to(&mut self, mark: SpoolMark) -> Result<(), StoreError> {
        let commit = Commit { mark: mark.0, ..self.commit.clone() };
        self.put(COMMIT, &commit)?;
        self.commit = commit;
        Ok(())
    }

    /// Writes what `make` makes of the flows of other files, some at a time, and that it is done up to `mark` then.
    ///
    /// # Errors
    /// When the disk refuses or a file is damaged; then nothing of it is there.
    pub fn copy(
        &mut self,
        files: &[Stored],
        mark: SpoolMark,
        inside: &Inside,
        make: &dyn Fn(&Flows) -> Flows,
    ) -> Result<Vec<Stored>, StoreError> {
        let mut hours: BTreeMap<i64, Vec<&Stored>> = BTreeMap::new();
        for file in files {
            hours.entry(file.hour).or_default().push(file);
        }
        let flush = self.commit.flush + 1;
        let mut written = Vec::new();
        let ended = hours.into_iter().try_for_each(|(hour, files)| {
            let files = files.into_iter().map(Stored::reopen).collect::<Result<Vec<_>, _>>()?;
            let new = self.file(hour, (flush, flush), |writer| {
                let mut put = |flows: &mut Flows| {
                    let made = make(flows);
                    flows.clear();
                    writer.slice(&made, &all(&made), inside)
                };
                for file in &files {
                    super::ask::some_at_a_time(file, MOST_AT_ONCE, &mut put)?;
                }
                Ok(())
            })?;
            written.push(new);
            Ok(())
        });
        let commit = Commit { flush, mark: mark.0, ..self.commit.clone() };
        // A file may have come out empty.
        let (written, empty): (Vec<_>, Vec<_>) = written.into_iter().partition(|file: &Stored| file.rows > 0);
        let ended = ended.and_then(|()| self.remove(&empty)).and_then(|()| self.put(COMMIT, &commit));
        match ended {
            Ok(()) => {
                self.commit = commit;
                Ok(written)
            }
            Err(error) => {
                let _ = self.remove(&written);
                Err(error)
            }
        }
    }

    /// Writes flows, a file for each hour in which some arrived, and then what that makes durable.
    ///
    /// # Errors
    /// When the disk refuses; then nothing of it is there.
    pub fn write(&mut self, flows: &Flows, up_to: UpTo, inside: &Inside) -> Result<Vec<Stored>, StoreError> {
        let mut hours: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (row, received) in (0..).zip(&flows.received_us) {
            hours.entry(hour_of(*received)).or_default().push(row);
        }
        let flush = self.commit.flush + 1;
        let mut written = Vec::new();
        let ended = hours.into_iter().try_for_each(|(hour, rows)| {
            written.push(self.file(hour, (flush, flush), |writer| writer.slice(flows, &rows, inside))?);
            Ok(())
        });
        let mut commit = Commit { flush, ..self.commit.clone() };
        match up_to {
            UpTo::Mark(mark) => commit.mark = mark.0,
            UpTo::Files(taken) => commit.taken = taken,
        }
        match ended.and_then(|()| self.put(COMMIT, &commit)) {
            Ok(()) => {
                self.commit = commit;
                Ok(written)
            }
            Err(error) => {
                // What stays of it is removed when the store is opened again.
                let _ = self.remove(&written);
                Err(error)
            }
        }
    }

    /// Joins files of one hour: large slices are taken over as they are, small ones made into larger ones.
    ///
    /// # Errors
    /// When the disk refuses or a file is damaged; then the old files stand.
    pub fn join(&self, old: &[Stored], inside: &Inside, slice_rows: usize) -> Result<Stored, StoreError> {
        let hour = old.first().map_or(0, |file| file.hour);
        let first = old.iter().map(|file| file.flushes.0).min().unwrap_or(0);
        let last = old.iter().map(|file| file.flushes.1).max().unwrap_or(0);
        let files = old.iter().map(Stored::reopen).collect::<Result<Vec<_>, _>>()?;
        self.file(hour, (first, last), |writer| {
            let mut small = Flows::default();
            for file in &files {
                if file.rows() as usize * 2 >= slice_rows {
                    writer.adopt(file)?;
                    continue;
                }
                super::ask::find(file, &Program::All, usize::MAX, &mut small)?;
                if small.rows() >= slice_rows {
                    writer.slice(&small, &all(&small), inside)?;
                    small.clear();
                }
            }
            writer.slice(&small, &all(&small), inside)
        })
    }

    /// Which files are due for deletion, and what will have been deleted.
    pub fn outlived(&self, files: &[Stored], before: UtcMicros) -> (Vec<Stored>, Dropped) {
        let mut hours: BTreeMap<i64, Vec<&Stored>> = BTreeMap::new();
        for file in files.iter().filter(|file| end_of_hour(file.hour) <= before) {
            hours.entry(file.hour).or_default().push(file);
        }
        let (mut gone, mut dropped) = (Vec::new(), Dropped::default());
        for files in hours.into_values() {
            let spans = || self.holds.values().flatten();
            if files.iter().any(|file| spans().any(|span| file.meets(*span))) {
                dropped.held += 1;
                continue;
            }
            dropped.partitions += 1;
            dropped.flows += files.iter().map(|file| file.rows).sum::<u64>();
            gone.extend(files.into_iter().cloned());
        }
        (gone, dropped)
    }

    /// Removes files, and folders that have none any more.
    ///
    /// # Errors
    /// What the disk says; what was removed by then stays removed.
    pub fn remove(&self, files: &[Stored]) -> Result<(), StoreError> {
        for file in files {
            self.folder.remove(&file.name)?;
            // Folders that still have files refuse.
            for folder in Path::new(&file.name).ancestors().skip(1).take(2) {
                let _ = fs::remove_dir(self.folder.path().join(folder));
            }
        }
        Ok(())
    }

    /// Keeps hours that have flows of those spans.
    ///
    /// # Errors
    /// What the disk says.
    pub fn hold(&mut self, hold: &str, spans: &[Span]) -> Result<(), StoreError> {
        self.holds.insert(hold.to_owned(), spans.to_vec());
        self.put(HOLDS, &self.holds)
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// What the disk says.
    pub fn release(&mut self, hold: &str) -> Result<(), StoreError> {
        self.holds.remove(hold);
        self.put(HOLDS, &self.holds)
    }

    /// Writes a file aside, and puts it into its place when it is whole and durable.
    fn file(
        &self,
        hour: i64,
        flushes: (u64, u64),
        fill: impl FnOnce(&mut FlowWriter) -> Result<(), ParquetError>,
    ) -> Result<Stored, StoreError> {
        let place = place_of(hour);
        let folder = self.folder.inside(&place)?;
        self.folder.sync()?;
        let name = format!("{:010}-{:010}{SUFFIX}", flushes.0, flushes.1);
        let next = format!("{name}{NEXT}");
        let whole = folder.create(&next).map(|file| {
            let mut writer = FlowWriter::new(file)?;
            fill(&mut writer)?;
            writer.finish()
        })?;
        let renamed = whole.map_err(|e| fault(&folder, &name, e)).and_then(|()| {
            fs::rename(folder.file(&next), folder.file(&name)).map_err(|e| folder.fault("name", &name, e))
        });
        if let Err(error) = renamed {
            let _ = fs::remove_file(folder.file(&next));
            return Err(error);
        }
        folder.sync()?;
        let place = format!("{place}/{name}");
        Stored::open(&self.folder, hour, place.clone(), flushes).map_err(|e| fault(&self.folder, &place, e))
    }

    fn put<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StoreError> {
        let text =
            serde_json::to_vec(value).map_err(|_| self.folder.damaged(name, "it cannot be written"))?;
        self.folder.replace(name, &text)
    }

    /// Every file under the folders of days and hours.
    fn places(&self) -> Result<Vec<String>, StoreError> {
        let mut places = Vec::new();
        for day in self.folder.names()?.into_iter().filter(|name| name.starts_with("date=")) {
            let day_folder = self.folder.inside(&day)?;
            for hour in day_folder.names()?.into_iter().filter(|name| name.starts_with("hour=")) {
                let names = day_folder.inside(&hour)?.names()?;
                places.extend(names.into_iter().map(|name| format!("{day}/{hour}/{name}")));
            }
        }
        Ok(places)
    }
}

impl Stored {
    /// Whether all that another file has is in this one.
    fn replaces(&self, old: &Self) -> bool {
        self.hour == old.hour
            && self.flushes != old.flushes
            && self.flushes.0 <= old.flushes.0
            && old.flushes.1 <= self.flushes.1
    }
}

/// The files of the first hour that ended by `now` and has more than one; none of a flush behind `copied`.
pub fn due(files: &[Stored], now: UtcMicros, copied: u64) -> Option<Vec<Stored>> {
    let mut hours: BTreeMap<i64, Vec<&Stored>> = BTreeMap::new();
    let is_due = |file: &&Stored| end_of_hour(file.hour) <= now && file.flushes.1 <= copied;
    for file in files.iter().filter(is_due) {
        hours.entry(file.hour).or_default().push(file);
    }
    let mut files = hours.into_values().find(|files| files.len() > 1)?;
    files.sort_by_key(|file| file.flushes);
    Some(files.into_iter().cloned().collect())
}

fn fault(folder: &Folder, name: &str, error: ParquetError) -> StoreError {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => folder.fault("write", name, *source),
            Err(_) => folder.damaged(name, "it cannot be written"),
        },
        _ => folder.damaged(name, "it cannot be written"),
    }
}

fn read<T: Default + for<'a> Deserialize<'a>>(folder: &Folder, name: &str) -> Result<T, StoreError> {
    match fs::read(folder.file(name)) {
        Ok(text) => {
            serde_json::from_slice(&text).map_err(|_| folder.damaged(name, "it is not what was written"))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(e) => Err(folder.fault("read", name, e)),
    }
}

/// From the least to the most of a column of times; all times when the footer does not tell.
fn times(file: &FlowFile, column: Column) -> (u128, u128) {
    let bounds = file.groups().iter().map(|group| {
        let chunk = group.columns().get(column as usize)?;
        bounds_of(column.kind(), chunk).map(|(least, most)| (least as u64 as i64, most as u64 as i64))
    });
    let all: Option<Vec<(i64, i64)>> = bounds.collect();
    let least = all.as_ref().and_then(|all| all.iter().map(|(least, _)| *least).min()).unwrap_or(i64::MIN);
    let most = all.as_ref().and_then(|all| all.iter().map(|(_, most)| *most).max()).unwrap_or(i64::MAX);
    (u128::from(least as u64), u128::from(most as u64))
}

/// Every row of a batch.
fn all(flows: &Flows) -> Vec<u32> {
    (0..).take(flows.rows()).collect()
}

/// The folder of an hour.
fn place_of(hour: i64) -> String {
    let (year, month, day) = civil(hour.div_euclid(24));
    format!("date={year:04}-{month:02}-{day:02}/hour={:02}", hour.rem_euclid(24))
}

/// The hour and the flushes of a file by its place.
fn named(place: &str) -> Option<(i64, (u64, u64))> {
    let (day, rest) = place.strip_prefix("date=")?.split_once("/hour=")?;
    let (hour, name) = rest.split_once('/')?;
    let (first, last) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let (year, month_day) =
        day.rsplit_once('-').and_then(|(ym, d)| ym.rsplit_once('-').map(|(y, m)| (y, (m, d))))?;
    let day = days(year.parse().ok()?, month_day.0.parse().ok()?, month_day.1.parse().ok()?);
    let hour: i64 = day * 24 + hour.parse::<i64>().ok()?;
    let fits = place.starts_with(&place_of(hour));
    fits.then_some((hour, (first.parse().ok()?, last.parse().ok()?)))
}

/// Year, month and day of a number of days since 1970 (proleptic Gregorian).
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// The number of days since 1970 of a date.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The folder of flows in the data folder.
pub const FOLDER: &str = "flows";
const COMMIT: &str = "commit.json";
const HOLDS: &str = "holds.json";
const SUFFIX: &str = ".parquet";
const MOST_FOOTERS: usize = 64 << 20;
/// Flows that are copied at a time: some fifty megabytes.
const MOST_AT_ONCE: usize = 1 << 18;
static FOOTERS: AtomicUsize = AtomicUsize::new(0);
