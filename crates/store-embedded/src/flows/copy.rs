//! The copy of flows for finding command servers, in a folder of its own: `flows-c2`, laid out as the store of flows.
//!
//! What comes in: the files of the store of flows, flush by flush. What goes out: what the rule lets keep of them, in files
//! of the copy's own. There are two marks: the store's, up to where the spool is in its files, and the copy's, up to which
//! flush of the store it has come. The copy's is written with its files in one step, and the store joins no files behind
//! it: a kill at any step neither loses nor doubles a flow. `since.json` is there while the copy follows.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use tadoru_gate::keys::Vault;
use tadoru_gate::permit::{Store, Use};
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{Flows as Batch, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::SpoolMark;
use tadoru_store::flows::copy::{check, minimum_of};
use tadoru_store::flows::memory::end_of_hour;
use tadoru_store::flows::{Copied, CopyState, Dropped, FlowCopy, FlowsError, Found, Question, State};

use crate::folder::Folder;
use crate::folder::codec::{Clock, Codec};

use super::compile::{Program, Verdict};
use super::partitions::{Partitions, Stored, due};
use super::{FlowStore, NOBODY, Opened, ask};

/// The copy in a folder.
pub struct CopyStore {
    folder: Folder,
    flows: Arc<FlowStore>,
    vault: Vault,
    clock: Clock,
    /// `None` while there is no such folder: an installation that does not want the copy has nothing of it.
    kept: Mutex<Option<Kept>>,
}

/// What there is of it.
struct Kept {
    folder: Folder,
    partitions: Partitions,
    files: Vec<Stored>,
    /// What arrives from then on is copied; `None` while nothing is.
    since: Option<UtcMicros>,
}

/// The file that is there while the copy follows.
#[derive(Serialize, Deserialize)]
struct Since {
    since_us: i64,
}

impl CopyStore {
    /// The copy of those flows inside `folder`, where there is one.
    ///
    /// # Errors
    /// What the disk says; when what is there is not what was written.
    pub fn open(
        folder: &Folder,
        flows: Arc<FlowStore>,
        vault: Vault,
        clock: Clock,
    ) -> Result<(Self, Opened), StoreError> {
        let (mut kept, mut opened) = (None, Opened::default());
        if folder.path().join(FOLDER).is_dir() {
            let (there, found) = Kept::open(folder)?;
            if there.since.is_some() {
                flows.followed(there.partitions.mark().0);
            }
            (kept, opened) = (Some(there), found);
        }
        let folder = folder.clone();
        Ok((Self { folder, flows, vault, clock, kept: Mutex::new(kept) }, opened))
    }

    /// The hours of arrival that there are files of, counted from 1970 UTC.
    pub(crate) fn hours(&self) -> Vec<i64> {
        self.kept().iter().flat_map(|kept| &kept.files).map(|file| file.hour).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to follow: nothing that is in the store of flows now, or has arrived by now, will be in the copy.
    fn begin(&self, kept: &mut Kept) -> Result<UtcMicros, StoreError> {
        let flush = self.flows.begin_to_follow();
        let since = (self.clock)();
        let begun = kept.partitions.skip_to(SpoolMark(flush)).and_then(|()| kept.put_since(since));
        if let Err(error) = begun {
            self.flows.followed(NOBODY);
            return Err(error);
        }
        kept.since = Some(since);
        Ok(since)
    }
}

impl Kept {
    fn open(folder: &Folder) -> Result<(Self, Opened), StoreError> {
        let (partitions, files, opened) = Partitions::open(folder, FOLDER)?;
        let folder = folder.inside(FOLDER)?;
        let since = match fs::read(folder.file(SINCE)) {
            Ok(text) => {
                let since = serde_json::from_slice::<Since>(&text);
                let unsound = |_| folder.damaged(SINCE, "it is not what was written");
                Some(UtcMicros(since.map_err(unsound)?.since_us))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(folder.fault("read", SINCE, e)),
        };
        Ok((Self { folder, partitions, files, since }, opened))
    }

    fn put_since(&self, since: UtcMicros) -> Result<(), StoreError> {
        let text = serde_json::to_vec(&Since { since_us: since.0 });
        let text = text.map_err(|_| self.folder.damaged(SINCE, "it cannot be written"))?;
        self.folder.replace(SINCE, &text)
    }

    /// Copies one flush of the store of flows: its files and the mark behind them are there together or not at all.
    fn copy(
        &mut self,
        flows: &FlowStore,
        files: &[Stored],
        flush: u64,
        since: UtcMicros,
    ) -> Result<Copied, StoreError> {
        let make = |batch: &Batch| minimum_of(batch, since);
        let new = self.partitions.copy(files, SpoolMark(flush), &flows.inside, &make)?;
        let copied: u64 = new.iter().map(|file| file.rows).sum();
        let all: u64 = files.iter().map(|file| file.rows).sum();
        self.files.extend(new);
        Ok(Copied { flows: copied, left_out: all.saturating_sub(copied) })
    }

    /// Joins the files of hours that are over.
    fn join(&mut self, flows: &FlowStore, now: UtcMicros) -> Result<(), StoreError> {
        let ended = now.plus(-flows.settings.join_us);
        while let Some(due) = due(&self.files, ended, NOBODY) {
            let new = self.partitions.join(&due, &flows.inside, MOST_JOINED)?;
            self.files.retain(|file| !due.iter().any(|old| old.name == file.name));
            self.files.push(new);
            self.partitions.remove(&due)?;
        }
        Ok(())
    }
}

impl FlowCopy for CopyStore {
    fn follow(&self, permit: &Permit<Store>) -> Result<Copied, FlowsError> {
        check(permit)?;
        // Nothing of it is sealed; the codec tells whether the permit holds still.
        Codec::store(&self.vault, &self.clock, permit)?;
        let mut kept = self.kept();
        if kept.is_none() {
            *kept = Some(Kept::open(&self.folder)?.0);
        }
        let Some(kept) = &mut *kept else { return Ok(Copied::default()) };
        let since = kept.since.map_or_else(|| self.begin(kept), Ok)?;
        let (files, last) = self.flows.flushed_after(kept.partitions.mark().0);
        let mut flushes: Vec<u64> = files.iter().map(|file| file.flushes().1).collect();
        flushes.sort_unstable();
        flushes.dedup();
        let mut copied = Copied::default();
        for flush in flushes {
            let of_it: Vec<Stored> = files.iter().filter(|file| file.flushes().1 == flush).cloned().collect();
            let step = kept.copy(&self.flows, &of_it, flush, since)?;
            copied.flows += step.flows;
            copied.left_out += step.left_out;
            self.flows.followed(flush);
        }
        // A flush of nothing has no files. Where the store began anew, so does the copy.
        if kept.partitions.mark().0 > last {
            kept.partitions.skip_to(SpoolMark(last))?;
        }
        self.flows.followed(last);
        kept.join(&self.flows, (self.clock)())?;
        Ok(copied)
    }

    fn pause(&self) -> Result<(), FlowsError> {
        if let Some(kept) = &mut *self.kept()
            && kept.since.is_some()
        {
            kept.folder.remove(SINCE)?;
            kept.since = None;
            kept.folder.sync()?;
            self.flows.followed(NOBODY);
        }
        Ok(())
    }

    fn find(
        &self,
        permit: &Permit<Use>,
        question: &Question,
        most: usize,
    ) -> Result<Sealed<Found>, FlowsError> {
        check(permit)?;
        Codec::learn(&self.vault, &self.clock, permit)?;
        let files: Vec<Stored> = self.kept().iter().flat_map(|kept| &kept.files).cloned().collect();
        let program = Program::of(&question.whole());
        let mut flows = Batch::default();
        for stored in files.iter().filter(|stored| stored.verdict(&program) != Verdict::No) {
            let damaged =
                |_| StoreError::Damaged { file: stored.name.clone(), what: "it cannot be searched" };
            ask::find(&*stored.reopen()?, &program, most.saturating_add(1), &mut flows).map_err(damaged)?;
        }
        let cut = flows.rows() > most;
        let mut found = Batch::with_capacity(flows.rows().min(most));
        (0..most).map_while(|row| flows.get(row)).for_each(|flow| found.push(flow));
        Ok(Sealed::new(
            DataSet::of(&[DataCategory::Flow]),
            permit.case().cloned(),
            Found { flows: found, cut },
        ))
    }

    fn delete_before(&self, _permit: &Permit<Store>, before: UtcMicros) -> Result<Dropped, FlowsError> {
        let mut kept = self.kept();
        let Some(kept) = &mut *kept else { return Ok(Dropped::default()) };
        let (gone, dropped) = kept.partitions.outlived(&kept.files, before);
        kept.files.retain(|file| !gone.iter().any(|old| old.name == file.name));
        kept.partitions.remove(&gone)?;
        Ok(dropped)
    }

    fn state(&self) -> CopyState {
        let kept = self.kept();
        let Some(kept) = &*kept else { return CopyState::default() };
        let mut hours: Vec<i64> = kept.files.iter().map(|file| file.hour).collect();
        hours.sort_unstable();
        hours.dedup();
        CopyState {
            since: kept.since,
            holds: State {
                flows: kept.files.iter().map(|file| file.rows).sum(),
                in_memory: 0,
                bytes: kept.files.iter().map(|file| file.bytes).sum(),
                files: kept.files.len() as u64,
                partitions: hours.len() as u64,
            },
            oldest: hours.first().map(|hour| end_of_hour(hour.saturating_sub(1))),
        }
    }
}

/// The folder of the copy in the data folder.
const FOLDER: &str = "flows-c2";
const SINCE: &str = "since.json";
/// Flows that are joined in memory at a time.
const MOST_JOINED: usize = 1 << 18;
