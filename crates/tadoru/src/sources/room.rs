//! Whether the disk takes what the sources receive: said once when it stops doing so, and once when it does again.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use tadoru_desk::DeskError;
use tadoru_store::StoreError;
use tadoru_store::flows::FlowsError;

#[cfg(test)]
mod tests;

/// Whether there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// There is.
    Enough,
    /// No room is left.
    Full,
    /// The disk refuses for another reason.
    Refused,
}

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub enum Writer {
    /// The spool, as records arrive.
    Spool,
    /// The stores, as records are applied.
    Stores,
}

/// The room that both writers have.
#[derive(Debug, Default)]
pub struct Room {
    writers: [AtomicU8; 2],
    told: Mutex<u8>,
}

impl Room {
    /// How it went for one of the writers; gives what a person should be told, if that is news.
    pub fn note(&self, writer: Writer, state: State) -> Option<&'static str> {
        self.writers.get(writer as usize)?.store(state as u8, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.state();
        (std::mem::replace(&mut *told, now as u8) != now as u8)
            .then(|| now.trouble().unwrap_or("there is room on the disk again: records are taken in"))
    }

    /// How it is.
    pub fn state(&self) -> State {
        let worst = self.writers.iter().map(|writer| writer.load(Ordering::Relaxed)).max();
        [State::Enough, State::Full, State::Refused]
            .into_iter()
            .find(|s| Some(*s as u8) == worst)
            .unwrap_or(State::Enough)
    }
}

/// Whether a full disk is what went wrong.
pub const fn is_full(error: &DeskError) -> bool {
    matches!(
        error,
        DeskError::Store(StoreError::Full { .. })
            | DeskError::Flows(FlowsError::Store(StoreError::Full { .. }))
    )
}

impl State {
    /// How a writer fared.
    pub const fn of<T>(outcome: &Result<T, DeskError>) -> Self {
        match outcome {
            Ok(_) => Self::Enough,
            Err(error) if is_full(error) => Self::Full,
            Err(_) => Self::Refused,
        }
    }

    /// What is wrong, and what to do; `None`: nothing.
    pub const fn trouble(self) -> Option<&'static str> {
        match self {
            Self::Enough => None,
            Self::Full => Some(
                "the disk is full: no record is acknowledged; make room where the data folder is, nothing need be restarted",
            ),
            Self::Refused => Some(
                "the disk refuses records: none is acknowledged; look at the disk of the data folder and the log",
            ),
        }
    }
}
