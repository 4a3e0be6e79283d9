//! The console's accounts, in one small file that is sealed under a key of the gate's vault and replaced whole.
//!
//! What comes in: changes of single accounts. What goes out: the same after a restart. It holds hashes, public keys and the
//! secrets of one-time codes, never a password. A file in the clear, as earlier releases wrote it, is sealed and removed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tadoru_gate::Permit;
use tadoru_gate::keys::{Keeps, KeyError, Month, PageId, Vault, WriteKey};
use tadoru_model::{PersonId, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::accounts::{Account, Accounts};

use crate::folder::Folder;
use crate::rules::read;

/// The accounts of a folder.
pub struct AccountBook {
    folder: Folder,
    vault: Vault,
    key: WriteKey,
    accounts: Mutex<Vec<Account>>,
}

impl AccountBook {
    /// The accounts in `folder`, sealed under a key that does not end with a month.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or its key is gone.
    pub fn open<A: Keeps>(
        folder: Folder,
        vault: &Vault,
        permit: &Permit<A>,
        now: UtcMicros,
    ) -> Result<Self, StoreError> {
        let in_clear = folder.file(IN_CLEAR).exists();
        let sealed = match std::fs::read(folder.file(SEALED)) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(folder.fault("read", SEALED, source)),
        };
        let writer = vault.writer(permit, permit.data(), now).map_err(|_| no_key(&folder))?;
        let month = Month::of(UtcMicros(0));
        // A file without its key is damage: a new key would begin the accounts anew, and with them who administers.
        let key = match sealed {
            Some(_) => writer.old_key(CLASS, month, now),
            None => writer.key(CLASS, month, now),
        };
        let key = key.map_err(|_| no_key(&folder))?;
        let accounts = match sealed {
            Some(bytes) => opened(&folder, &key, bytes)?,
            None => read(&folder, IN_CLEAR)?,
        };
        let book = Self { folder, vault: vault.clone(), key, accounts: Mutex::new(accounts) };
        if in_clear {
            book.keep(&book.locked())?;
            book.folder.remove(IN_CLEAR)?;
        }
        Ok(book)
    }

    fn keep(&self, accounts: &[Account]) -> Result<(), StoreError> {
        let damaged = || self.folder.damaged(SEALED, "it cannot be sealed");
        let file = self.vault.file_id().map_err(|_| damaged())?;
        let mut page = serde_json::to_vec(accounts).map_err(|_| damaged())?;
        self.key.seal(PageId { file, page: 0 }, AAD, &mut page).map_err(|_| damaged())?;
        let mut bytes = file.to_be_bytes().to_vec();
        bytes.extend(page);
        self.folder.replace(SEALED, &bytes)
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts for AccountBook {
    fn change(
        &self,
        person: &PersonId,
        change: &mut dyn FnMut(&mut Option<Account>) -> bool,
    ) -> Result<(), StoreError> {
        let mut held = self.locked();
        let mut one = held.iter().find(|account| account.person == *person).cloned();
        if !change(&mut one) {
            return Ok(());
        }
        let mut next: Vec<Account> =
            held.iter().filter(|account| account.person != *person).cloned().chain(one).collect();
        next.sort_by(|a, b| a.person.cmp(&b.person));
        self.keep(&next)?;
        *held = next;
        Ok(())
    }

    fn accounts(&self) -> Vec<Account> {
        self.locked().clone()
    }
}

fn opened(folder: &Folder, key: &WriteKey, mut bytes: Vec<u8>) -> Result<Vec<Account>, StoreError> {
    let damaged = || folder.damaged(SEALED, "it does not read");
    let (file, page) = bytes.split_first_chunk_mut::<8>().ok_or_else(damaged)?;
    let at = PageId { file: u64::from_be_bytes(*file), page: 0 };
    let page = key.open(at, AAD, page).map_err(|_: KeyError| damaged())?;
    serde_json::from_slice(page).map_err(|_| damaged())
}

fn no_key(folder: &Folder) -> StoreError {
    folder.damaged(SEALED, "its key cannot be had")
}

/// What was written by earlier releases.
const IN_CLEAR: &str = "accounts.json";
const SEALED: &str = "accounts.sealed";

/// Class of the key; no rule pack keeps data of that name, so that no retention destroys it.
const CLASS: &str = "console";

/// What the page is, besides its file.
const AAD: &[u8] = b"tadoru accounts 1";

#[cfg(test)]
mod tests;
