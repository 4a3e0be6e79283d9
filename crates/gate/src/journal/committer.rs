//! The one thread that writes the journal: it gathers what many callers hand in, writes it as one group, syncs once
//! and answers them all; and it moves what has become full tiles out of the tail.
//!
//! Nobody is answered before the sync. When the disk refuses, the group is taken back and the callers hear of it. After
//! a sync that failed the tail is written anew before the next group, because what it left on disk is not known. A
//! checkpoint that was signed for a group that was taken back was in no other place and is never handed out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::durable::{self, Access, Batch};
use super::error::JournalError;
use super::hash::Hash;
use super::note::Signer;
use super::state::{State, TAIL};
use super::tail;
use super::tile::{Kind, Rows, TileId, WIDTH};

/// Something for the committer to do.
pub(super) enum Job {
    /// Append these entries together.
    Append(Wish),
    /// Bring the standard layout up to date.
    Publish(SyncSender<Result<Published, JournalError>>),
    /// Publish and end.
    Close(SyncSender<Result<Published, JournalError>>),
}

/// Entries of one caller.
pub(super) struct Wish {
    /// As a bundle.
    pub(super) body: Vec<u8>,
    /// Their hashes.
    pub(super) leaves: Vec<Hash>,
    /// Where the index of the first goes, or the error. `None`: nobody waits.
    pub(super) answer: Option<SyncSender<Result<u64, JournalError>>>,
}

/// What a publication wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// How many entries its checkpoint covers.
    pub size: u64,
    /// Whether the copy at the second place was written too.
    pub second: SecondCopy,
}

/// What became of the copy of the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondCopy {
    /// No second place is configured.
    NotAsked,
    /// Written.
    Written,
    /// Not written: the operator has to look after the place.
    Failed(io::ErrorKind),
}

/// The committer's own things.
pub(super) struct Committer {
    pub(super) dir: PathBuf,
    pub(super) second: Option<PathBuf>,
    pub(super) publish_every: Duration,
    pub(super) signer: Arc<Signer>,
    pub(super) state: Arc<RwLock<State>>,
    pub(super) file: File,
    /// Length of the tail that is acknowledged.
    pub(super) len: u64,
    /// Whether the tail on disk may be other than what is acknowledged.
    pub(super) suspect: bool,
    /// Entries in the published checkpoint.
    pub(super) published: Option<u64>,
}

impl Committer {
    /// Works until it is told to close, or until nobody can tell it anything any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut due: Option<Instant> = None;
        loop {
            let wait = due.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()));
            let mut next = match jobs.recv_timeout(wait) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => {
                    if due.is_some() {
                        // Failing is tried again; what is acknowledged does not rest on it.
                        let failed = self.publish().is_err();
                        due = failed.then(|| Instant::now() + self.publish_every);
                    }
                    None
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.publish();
                    return;
                }
            };
            let (mut wishes, mut bytes) = (Vec::new(), 0);
            while let Some(Job::Append(wish)) = next {
                bytes += wish.body.len();
                wishes.push(wish);
                next = if bytes < GROUP_BYTES { jobs.try_recv().ok() } else { None };
            }
            if !wishes.is_empty() {
                self.commit(wishes);
                due = due.or_else(|| Some(Instant::now() + self.publish_every));
            }
            match next {
                Some(Job::Publish(answer)) => {
                    let _ = answer.send(self.publish());
                }
                Some(Job::Close(answer)) => {
                    let _ = answer.send(self.publish());
                    return;
                }
                Some(Job::Append(_)) | None => {}
            }
        }
    }

    /// Writes one group, answers everybody in it, and then moves full tiles out if it is time.
    fn commit(&mut self, wishes: Vec<Wish>) {
        let written = self.write_group(&wishes);
        let mut index = 0;
        for wish in wishes {
            if let Some(answer) = wish.answer {
                // Whoever has gone away does not hear it; the entries stand all the same.
                let _ = answer.send(written.clone().map(|first| first + index));
            }
            index += wish.leaves.len() as u64;
        }
        let (pending, bytes) = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            (state.leaves.len(), state.pending.len())
        };
        if pending >= ROTATE_ENTRIES || (bytes >= ROTATE_BYTES && pending >= WIDTH) {
            // A full disk only makes the tail longer; the next group tries again.
            let _ = self.flush(Extent::FullTiles);
        }
    }

    /// Makes one group durable and returns the index of its first entry.
    fn write_group(&mut self, wishes: &[Wish]) -> Result<u64, JournalError> {
        let (mut frontier, pending) = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            (state.frontier.clone(), state.pending.len())
        };
        let first = frontier.size();
        let leaves: Vec<Hash> = wishes.iter().flat_map(|wish| wish.leaves.iter().copied()).collect();
        let body: Vec<u8> = wishes.iter().flat_map(|wish| wish.body.iter().copied()).collect();
        if pending + body.len() > PENDING_LIMIT {
            self.flush(Extent::FullTiles)?;
        }
        if self.suspect {
            self.rewrite_tail()?;
        }
        leaves.iter().for_each(|hash| frontier.push(*hash));
        let note = self.signer.checkpoint(frontier.size(), frontier.root());
        let group = tail::group(&body, leaves.len(), &note);
        if let Err(e) = self.file.write_all(&group) {
            // Taken back; when even that is not sure, the rewriting before the next group makes it so.
            self.suspect = self.file.set_len(self.len).and_then(|()| self.file.sync_all()).is_err();
            return Err(JournalError::disk("append to the tail")(e));
        }
        if let Err(e) = self.file.sync_data() {
            self.suspect = true;
            let _ = self.file.set_len(self.len);
            return Err(JournalError::disk("append to the tail")(e));
        }
        self.len += group.len() as u64;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.frontier = frontier;
        state.extend(&body, leaves, note);
        Ok(first)
    }

    /// Brings the standard layout up to date: every tile, the partial ones too, and the checkpoint.
    fn publish(&mut self) -> Result<Published, JournalError> {
        let size = self.state.read().unwrap_or_else(PoisonError::into_inner).frontier.size();
        if self.published != Some(size) {
            self.flush(Extent::Everything)?;
        }
        let note = self.state.read().unwrap_or_else(PoisonError::into_inner).note.clone();
        let second = match &self.second {
            None => SecondCopy::NotAsked,
            Some(path) => match durable::write(path, note.as_bytes(), Access::Group) {
                Ok(()) => SecondCopy::Written,
                Err(e) => SecondCopy::Failed(e.kind()),
            },
        };
        Ok(Published { size, second })
    }

    /// Writes the tiles that are full, or all with the checkpoint, and begins a new tail behind the full ones.
    fn flush(&mut self, extent: Extent) -> Result<(), JournalError> {
        let disk = JournalError::disk("write the tiles");
        let state = Arc::clone(&self.state);
        let state = state.read().unwrap_or_else(PoisonError::into_inner);
        let full = state.leaves.len() / WIDTH;
        let mut batch = Batch::default();
        let mut rows = state.rows.clone();
        let mut filled = Vec::new();
        let mut leaves = state.leaves.iter();
        for bundle in 0..full {
            let id = TileId::full(Kind::Entries, state.first() / WIDTH as u64 + bundle as u64);
            let bytes = state.bundle(bundle * WIDTH, (bundle + 1) * WIDTH);
            batch.add(&self.dir.join(id.path()), bytes, Access::Group).map_err(&disk)?;
            filled.push(id);
            for leaf in leaves.by_ref().take(WIDTH) {
                rows.push(*leaf, |id, row| {
                    filled_tile(&mut batch, &self.dir, id, row, &mut filled).map_err(&disk)
                })?;
            }
        }
        let partial: Vec<Hash> = leaves.copied().collect();
        if extent == Extent::Everything {
            let mut edge = rows.clone();
            partial.iter().try_for_each(|leaf| edge.push(*leaf, |_, _| Ok::<(), JournalError>(())))?;
            for (id, row) in edge.partial() {
                batch.add(&self.dir.join(id.path()), row.as_flattened(), Access::Group).map_err(&disk)?;
            }
            if !partial.is_empty() {
                let index = state.first() / WIDTH as u64 + full as u64;
                let id = TileId { kind: Kind::Entries, index, width: partial.len() };
                let bytes = state.bundle(full * WIDTH, state.leaves.len());
                batch.add(&self.dir.join(id.path()), bytes, Access::Group).map_err(&disk)?;
            }
        }
        batch.commit().map_err(&disk)?;
        let (size, note) = (state.frontier.size(), state.note.clone());
        drop(state);
        if extent == Extent::Everything {
            let path = self.dir.join(CHECKPOINT);
            durable::write(&path, note.as_bytes(), Access::Group).map_err(&disk)?;
            self.published = Some(size);
        }
        if full > 0 {
            self.begin_tail(Some(rows))?;
            for id in filled {
                // Their full tiles are there; who misses a partial one fetches the full one.
                let _ = fs::remove_dir_all(self.dir.join(format!("{}.p", id.path())));
            }
        }
        Ok(())
    }

    /// Writes the tail anew from what is acknowledged.
    fn rewrite_tail(&mut self) -> Result<(), JournalError> {
        self.begin_tail(None)
    }

    /// Puts a new tail in the place of the old one: behind `rows` when full tiles were written, else from where it was.
    fn begin_tail(&mut self, rows: Option<Rows>) -> Result<(), JournalError> {
        let bytes = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            let rows = rows.as_ref().unwrap_or(&state.rows);
            let gone = usize::try_from(rows.size() - state.first()).unwrap_or(usize::MAX);
            let start = self.signer.checkpoint(rows.size(), rows.frontier().root());
            let mut bytes = tail::head(rows.size(), &start);
            let count = state.leaves.len().saturating_sub(gone);
            if count > 0 {
                let body = state.bundle(gone, state.leaves.len());
                bytes.extend_from_slice(&tail::group(body, count, &state.note));
            }
            bytes
        };
        let path = self.dir.join(TAIL);
        let disk = JournalError::disk("begin a new tail");
        let before = self.suspect;
        // From here on the open file may no longer be the journal's: without the new one nothing is written.
        self.suspect = true;
        if let Err(e) = durable::write(&path, &bytes, Access::Group) {
            self.suspect = before || !is_file(&path, &self.file);
            return Err(disk(e));
        }
        self.file = open_tail(&path).map_err(&disk)?;
        self.len = bytes.len() as u64;
        self.suspect = false;
        if let Some(rows) = rows {
            self.state.write().unwrap_or_else(PoisonError::into_inner).rotate(rows);
        }
        Ok(())
    }
}

/// How much of the standard layout is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Full tiles only.
    FullTiles,
    /// The partial ones and the checkpoint too.
    Everything,
}

/// Writes a full tile of hashes, and notes it.
fn filled_tile(
    batch: &mut Batch,
    dir: &Path,
    id: TileId,
    row: &[Hash],
    filled: &mut Vec<TileId>,
) -> io::Result<()> {
    filled.push(id);
    batch.add(&dir.join(id.path()), row.as_flattened(), Access::Group)
}

/// Whether the path still names the open file.
fn is_file(path: &Path, file: &File) -> bool {
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    fs::metadata(path).and_then(|named| Ok(id(named) == id(file.metadata()?))).unwrap_or(false)
}

/// Opens the tail for appending at its end.
pub(super) fn open_tail(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

/// Name of the published checkpoint in the journal's folder.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// A group is not gathered further when it has so many bytes.
const GROUP_BYTES: usize = 4 << 20;

/// Full tiles are moved out of the tail when it has so many entries: rarely, so that appending does not wait for it.
const ROTATE_ENTRIES: usize = 8192;

/// Or so many bytes.
const ROTATE_BYTES: usize = 8 << 20;

/// With a disk that takes no tiles the tail may grow to this; then appending is refused.
const PENDING_LIMIT: usize = 128 << 20;

/// How long an idle committer sleeps.
const IDLE: Duration = Duration::from_secs(3600);
