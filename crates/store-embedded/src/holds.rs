//! The list of preservation holds, in one small file that is replaced whole.
//!
//! What comes in: holds and their ends. What goes out: the same after a restart. It holds no address.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tadoru_gate::Permit;
use tadoru_gate::permit::{Preserve, Store};
use tadoru_model::UtcMicros;
use tadoru_store::StoreError;
use tadoru_store::holds::{Hold, Holds};

use crate::folder::Folder;
use crate::rules::{read, write};

/// The list of a folder.
pub struct HoldBook {
    folder: Folder,
    holds: Mutex<Vec<Hold>>,
}

impl HoldBook {
    /// The list in `folder`.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn open(folder: Folder) -> Result<Self, StoreError> {
        let holds = Mutex::new(read(&folder, HOLDS)?);
        Ok(Self { folder, holds })
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Hold>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, held: &mut Vec<Hold>, next: Vec<Hold>) -> Result<(), StoreError> {
        write(&self.folder, HOLDS, &next)?;
        *held = next;
        Ok(())
    }
}

impl Holds for HoldBook {
    fn keep(&self, _permit: &Permit<Preserve>, hold: &Hold) -> Result<(), StoreError> {
        let mut held = self.locked();
        let mut next = held.clone();
        match next.iter_mut().find(|known| known.id == hold.id) {
            Some(known) => known.clone_from(hold),
            None => next.push(hold.clone()),
        }
        self.replace(&mut held, next)
    }

    fn end(&self, _permit: &Permit<Store>, id: &str, at: UtcMicros) -> Result<(), StoreError> {
        let mut held = self.locked();
        let mut next = held.clone();
        match next.iter_mut().find(|known| known.id == id && known.ended.is_none()) {
            Some(known) => known.ended = Some(at),
            None => return Ok(()),
        }
        self.replace(&mut held, next)
    }

    fn holds(&self) -> Vec<Hold> {
        self.locked().clone()
    }
}

const HOLDS: &str = "holds.json";
