//! The console's accounts, in one small file that is replaced whole, readable by the owner alone.
//!
//! What comes in: changes of single accounts. What goes out: the same after a restart. It holds hashes, never a password.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tadoru_model::PersonId;
use tadoru_store::StoreError;
use tadoru_store::accounts::{Account, Accounts};

use crate::folder::Folder;
use crate::rules::{read, write};

/// The accounts of a folder.
pub struct AccountBook {
    folder: Folder,
    accounts: Mutex<Vec<Account>>,
}

impl AccountBook {
    /// The accounts in `folder`.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn open(folder: Folder) -> Result<Self, StoreError> {
        let accounts = Mutex::new(read(&folder, ACCOUNTS)?);
        Ok(Self { folder, accounts })
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
        write(&self.folder, ACCOUNTS, &next)?;
        *held = next;
        Ok(())
    }

    fn accounts(&self) -> Vec<Account> {
        self.locked().clone()
    }
}

const ACCOUNTS: &str = "accounts.json";

#[cfg(test)]
mod tests;
