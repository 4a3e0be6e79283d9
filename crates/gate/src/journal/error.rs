//! What can go wrong with the journal, and whose fault it is.

use std::io;
use std::sync::Arc;

use super::note::NoteError;
use super::tile::MAX_ENTRY;

/// Whose fault an error is, so that the desk can say who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Whoever asked or sent something.
    Sender,
    /// The operator of the installation: a disk, a permission, a configuration.
    Operator,
    /// Somebody else's system.
    Elsewhere,
    /// This program.
    Ours,
}

/// Why the journal did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("the journal is open in another process")]
    Busy,
    /// What is on disk is not what was acknowledged; nothing is written to it any more.
    #[error("journal file `{file}` is damaged: {why}")]
    Damaged {
        /// Path below the journal's folder.
        file: String,
        /// What does not fit.
        why: &'static str,
    },
    /// The disk refused, for want of room or otherwise. What was acknowledged before is not harmed.
    #[error("cannot {doing} of the journal")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// An entry is longer than the format can hold.
    #[error("an entry of {len} bytes is longer than the {MAX_ENTRY} that the journal takes")]
    EntryTooLong {
        /// Its length.
        len: usize,
    },
    /// One batch holds more than is written at once.
    #[error("a batch of {len} bytes is more than is appended at once")]
    BatchTooLarge {
        /// Its length.
        len: usize,
    },
    /// An event does not go into JSON.
    #[error("an event cannot be written as an entry")]
    Unwritable,
    /// The key file or the origin is not usable.
    #[error("the journal's key `{file}` is not usable")]
    Key {
        /// Path below the journal's folder.
        file: &'static str,
        /// Why.
        source: NoteError,
    },
    /// There is no such entry or size.
    #[error("the journal has {size} entries; `{asked}` is not among them")]
    NoSuchEntry {
        /// What was asked for.
        asked: u64,
        /// How many there are.
        size: u64,
    },
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Busy | Self::Damaged { .. } | Self::Disk { .. } | Self::Key { .. } => Fault::Operator,
            Self::NoSuchEntry { .. } | Self::BatchTooLarge { .. } => Fault::Sender,
            Self::EntryTooLong { .. } | Self::Unwritable | Self::Closed => Fault::Ours,
        }
    }

    /// Makes a disk error.
    pub(super) fn disk(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |e| Self::Disk { doing, source: Arc::new(e) }
    }

    /// Makes a damage.
    pub(super) fn damaged(file: impl Into<String>, why: &'static str) -> Self {
        Self::Damaged { file: file.into(), why }
    }
}
