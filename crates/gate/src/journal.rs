//! The journal: an append-only record that proves itself, in the C2SP tlog-tiles layout with signed checkpoints.
//!
//! In come entries, and each is durable before its index goes out; out go entries, checkpoints and proofs. Nothing is
//! ever changed or removed. What is in the folder: `checkpoint`, `tile/…` (any tlog-tiles reader can use them),
//! `tail` (what is not yet in full tiles), `signer` (the Ed25519 key, 0600) and `lock`.
//!
//! Answers 11.R5, 11.F2 and 12.F4; RFC 6962, RFC 9162, C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-proof.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::Duration;

mod committer;
pub(crate) mod durable;
mod error;
pub mod event;
pub mod hash;
pub mod note;
pub mod proof;
mod state;
mod tail;
pub mod tile;
mod verify;

pub use committer::{Published, SecondCopy};
pub use error::{Fault, JournalError};
pub use event::Event;
pub use hash::Hash;
pub use note::{Checkpoint, NoteError, Verifier};
pub use proof::{Consistency, Inclusion};
pub use verify::{Finding, MAX_FINDINGS, Report, verify};

use committer::{CHECKPOINT, Committer, Job, Wish, open_tail};
use durable::Access;
use note::Signer;
use state::{State, TAIL};
use tile::MAX_ENTRY;

/// How a journal is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The log's name, the first line of its checkpoints: no space, no plus; kept in the key file from then on.
    pub origin: String,
    /// Where a copy of each published checkpoint goes, best on another machine's disk.
    pub second: Option<PathBuf>,
    /// After an append the standard layout is brought up to date within this.
    pub publish_every: Duration,
}

impl Options {
    /// With that origin, no second place, and a publication within ten seconds.
    pub fn new(origin: impl Into<String>) -> Self {
        Self { origin: origin.into(), second: None, publish_every: Duration::from_secs(10) }
    }
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Entries in the journal.
    pub size: u64,
    /// Bytes of a torn group that were dropped from the tail; nobody had been told of them.
    pub dropped_bytes: u64,
    /// Whether the journal was begun by this opening.
    pub created: bool,
}

/// An open journal. One process at a time has it; its threads share it.
#[derive(Debug)]
pub struct Journal {
    state: Arc<RwLock<State>>,
    verifier: Verifier,
    jobs: SyncSender<Job>,
    committer: Option<JoinHandle<()>>,
    _lock: File,
}

impl Journal {
    /// Opens the journal in that folder, or begins one; a torn tail is repaired and said.
    ///
    /// # Errors
    /// When another process has it, when it is damaged or shorter than its checkpoints, or when the disk refuses.
    pub fn open(dir: &Path, options: &Options) -> Result<(Self, Recovery), JournalError> {
        let disk = JournalError::disk("open the folder");
        durable::folder(dir).map_err(&disk)?;
        let lock = File::create(dir.join(LOCK)).map_err(&disk)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(JournalError::Busy),
            Err(fs::TryLockError::Error(e)) => return Err(disk(e)),
        }
        let created = !dir.join(TAIL).exists();
        let signer = Arc::new(signer(dir, &options.origin, created)?);
        if created {
            begin(dir, &signer)?;
        }
        let (state, end) = State::load(dir, signer.verifier())?;
        let file = open_tail(&dir.join(TAIL)).map_err(&disk)?;
        if end.torn > 0 {
            file.set_len(end.whole).and_then(|()| file.sync_all()).map_err(&disk)?;
        }
        let published = kept(&dir.join(CHECKPOINT), CHECKPOINT, &state, signer.verifier())?;
        if let Some(second) = &options.second {
            kept(second, "checkpoint at the second place", &state, signer.verifier())?;
        }
        let recovery = Recovery { size: state.frontier.size(), dropped_bytes: end.torn, created };
        let state = Arc::new(RwLock::new(state));
        let verifier = signer.verifier().clone();
        let committer = Committer {
            dir: dir.to_owned(),
            second: options.second.clone(),
            publish_every: options.publish_every,
            signer,
            state: Arc::clone(&state),
            file,
            len: end.whole,
            suspect: false,
            published,
        };
        let (jobs, inbox) = sync_channel(QUEUE);
        let committer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || committer.run(&inbox))
            .map_err(JournalError::disk("start the committer"))?;
        Ok((Self { state, verifier, jobs, committer: Some(committer), _lock: lock }, recovery))
    }

    /// Appends an entry and returns its index when it is durable.
    ///
    /// # Errors
    /// When the entry is too long or the disk refuses; it is then not in the journal.
    pub fn append(&self, entry: &[u8]) -> Result<u64, JournalError> {
        self.append_many(&[entry])
    }

    /// Appends entries next to each other and returns the index of the first when all are durable.
    ///
    /// # Errors
    /// When one is too long, all together are, or the disk refuses; none of them is then in the journal.
    pub fn append_many(&self, entries: &[impl AsRef<[u8]>]) -> Result<u64, JournalError> {
        if entries.is_empty() {
            return Ok(self.size());
        }
        let (answer, reply) = sync_channel(1);
        self.jobs.send(Job::Append(wish(entries, Some(answer))?)).map_err(|_| JournalError::Closed)?;
        wait(&reply)
    }

    /// Appends an entry without waiting: for what is told at a moment that cannot wait, such as a permit's end.
    ///
    /// # Errors
    /// When the entry is too long or the journal is closed.
    pub fn append_later(&self, entry: &[u8]) -> Result<(), JournalError> {
        self.jobs.send(Job::Append(wish(&[entry], None)?)).map_err(|_| JournalError::Closed)
    }

    /// Brings the standard layout up to date: partial tiles, checkpoint, and its copy at the second place.
    ///
    /// # Errors
    /// When the disk refuses. A copy that fails is no error but said.
    pub fn publish(&self) -> Result<Published, JournalError> {
        let (answer, reply) = sync_channel(1);
        self.jobs.send(Job::Publish(answer)).map_err(|_| JournalError::Closed)?;
        wait(&reply)
    }

    /// Publishes and ends.
    ///
    /// # Errors
    /// As [`Journal::publish`]; what was acknowledged is safe either way.
    pub fn close(mut self) -> Result<Published, JournalError> {
        self.end()
    }

    /// How many durable entries it has.
    pub fn size(&self) -> u64 {
        self.state().frontier.size()
    }

    /// The signed checkpoint of all durable entries.
    pub fn checkpoint(&self) -> String {
        self.state().note.clone()
    }

    /// The key that checks its checkpoints; its `Display` is the text that readers are given.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// An entry.
    ///
    /// # Errors
    /// When there is none at that index, or its tile cannot be read.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, JournalError> {
        self.state().entry(index)
    }

    /// The root of the tree when it had so many entries.
    ///
    /// # Errors
    /// When it never had so many, or a tile cannot be read.
    pub fn root(&self, size: u64) -> Result<Hash, JournalError> {
        root_at(&self.state(), size)
    }

    /// The proof that an entry is in the tree of that size.
    ///
    /// # Errors
    /// When there is no such entry or size, or a tile cannot be read.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Inclusion, JournalError> {
        let state = self.state();
        check_size(&state, size)?;
        let proof = Inclusion::make(index, size, &mut |level, at| state.hash(level, at))?;
        proof.ok_or(JournalError::NoSuchEntry { asked: index, size })
    }

    /// The proof that the tree of the new size begins with that of the old size.
    ///
    /// # Errors
    /// When there is no such size, or a tile cannot be read.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Consistency, JournalError> {
        let state = self.state();
        check_size(&state, new)?;
        let proof = Consistency::make(old, new, &mut |level, at| state.hash(level, at))?;
        proof.ok_or(JournalError::NoSuchEntry { asked: old, size: new })
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&mut self) -> Result<Published, JournalError> {
        let Some(committer) = self.committer.take() else { return Err(JournalError::Closed) };
        let (answer, reply) = sync_channel(1);
        let sent = self.jobs.send(Job::Close(answer)).map_err(|_| JournalError::Closed);
        let published = sent.and_then(|()| wait(&reply));
        let _ = committer.join();
        published
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody to tell; what was acknowledged is in the tail, and the next opening publishes.
        let _ = self.end();
    }
}

/// The verifier's key of the journal in that folder, without opening it.
///
/// # Errors
/// When there is no key file or it is not a key.
pub fn verifier_of(dir: &Path) -> Result<Verifier, JournalError> {
    let text = fs::read_to_string(dir.join(SIGNER)).map_err(JournalError::disk("read the key"))?;
    Ok(parse_signer(&text)?.verifier().clone())
}

/// The root of the tree when it had `size` entries.
fn root_at(state: &State, size: u64) -> Result<Hash, JournalError> {
    check_size(state, size)?;
    proof::root_of(0, size, &mut |level, at| state.hash(level, at))
}

fn check_size(state: &State, size: u64) -> Result<(), JournalError> {
    let have = state.frontier.size();
    if size > have { Err(JournalError::NoSuchEntry { asked: size, size: have }) } else { Ok(()) }
}

/// Reads or makes the key.
fn signer(dir: &Path, origin: &str, create: bool) -> Result<Signer, JournalError> {
    let path = dir.join(SIGNER);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let signer = parse_signer(&text)?;
            if signer.verifier().name() == origin {
                Ok(signer)
            } else {
                Err(JournalError::damaged(SIGNER, "its name is not the configured origin"))
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound && create => {
            let signer =
                Signer::generate(origin).map_err(|source| JournalError::Key { file: SIGNER, source })?;
            let text = format!("{}\n", signer.secret_text());
            durable::write(&path, text.as_bytes(), Access::Owner)
                .map_err(JournalError::disk("write the key"))?;
            Ok(signer)
        }
        Err(e) => Err(JournalError::disk("read the key")(e)),
    }
}

fn parse_signer(text: &str) -> Result<Signer, JournalError> {
    let line = text.strip_suffix('\n').ok_or(NoteError::Key);
    line.and_then(Signer::parse).map_err(|source| JournalError::Key { file: SIGNER, source })
}

/// Begins a journal. Only where nothing speaks of an older one.
fn begin(dir: &Path, signer: &Signer) -> Result<(), JournalError> {
    if dir.join(CHECKPOINT).exists() || dir.join("tile").exists() {
        return Err(JournalError::damaged(TAIL, "it is missing"));
    }
    let head = tail::head(0, &signer.checkpoint(0, hash::empty()));
    durable::write(&dir.join(TAIL), &head, Access::Group).map_err(JournalError::disk("begin a tail"))
}

/// Checks the journal against a checkpoint that was kept in a file, and returns its size; `None` when none was kept.
fn kept(path: &Path, file: &str, state: &State, verifier: &Verifier) -> Result<Option<u64>, JournalError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(JournalError::disk("read the checkpoint")(e)),
    };
    let kept = verifier
        .open(&text)
        .map_err(|_| JournalError::damaged(file, "it is not signed by the journal's key"))?;
    if kept.size > state.frontier.size() {
        return Err(JournalError::damaged(file, "it covers more entries than the journal has"));
    }
    if root_at(state, kept.size)? != kept.root {
        return Err(JournalError::damaged(file, "the journal's entries are not those that it covers"));
    }
    Ok(Some(kept.size))
}

/// A caller's entries as the committer takes them.
fn wish(
    entries: &[impl AsRef<[u8]>],
    answer: Option<SyncSender<Result<u64, JournalError>>>,
) -> Result<Wish, JournalError> {
    let len = entries.iter().map(|entry| 2 + entry.as_ref().len()).sum();
    if len > MAX_BATCH {
        return Err(JournalError::BatchTooLarge { len });
    }
    let (mut body, mut leaves) = (Vec::with_capacity(len), Vec::with_capacity(entries.len()));
    for entry in entries.iter().map(AsRef::as_ref) {
        if entry.len() > MAX_ENTRY {
            return Err(JournalError::EntryTooLong { len: entry.len() });
        }
        tile::push_entry(&mut body, entry);
        leaves.push(hash::leaf(entry));
    }
    Ok(Wish { body, leaves, answer })
}

fn wait<T>(reply: &Receiver<Result<T, JournalError>>) -> Result<T, JournalError> {
    reply.recv().map_err(|_| JournalError::Closed)?
}

/// Name of the key file in the journal's folder.
const SIGNER: &str = "signer";

/// Name of the lock file in the journal's folder.
const LOCK: &str = "lock";

/// Callers that may stand in line before the committer.
const QUEUE: usize = 1024;

/// Most bytes that are appended at once.
const MAX_BATCH: usize = tail::MAX_BODY - (8 << 20);

#[cfg(test)]
mod tests;
