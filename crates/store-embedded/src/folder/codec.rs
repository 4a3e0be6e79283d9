//! The gate's codec, as the files of this crate use it: pages under keys of a retention class and a month.
//!
//! What comes in: pages in the clear. What goes out: sealed pages, and the clear again. A page is bound to its file, its
//! number and its kind: one from another place does not open.

use std::sync::Arc;

use tadoru_gate::Permit;
use tadoru_gate::keys::{self, Vault};
use tadoru_gate::permit::{Learn, Store};
use tadoru_store::StoreError;

use super::Folder;

/// Which key a page is under: retention class, and month since year 0 (`year × 12 + month − 1`, UTC).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// Retention class.
    pub class: Arc<str>,
    /// Month.
    pub month: u32,
}

/// Seals and reopens pages for the store itself, or opens them for a question.
#[derive(Clone)]
pub enum Codec {
    /// For the store.
    Store(keys::Writer),
    /// For a question.
    Learn(keys::Reader),
}

impl Codec {
    /// The codec of the store.
    pub fn store(vault: &Vault, permit: &Permit<Store>) -> Self {
        Self::Store(vault.writer(permit))
    }

    /// The codec of a question.
    pub fn learn(vault: &Vault, permit: &Permit<Learn>) -> Self {
        Self::Learn(vault.reader(permit))
    }

    /// The key of that name.
    ///
    /// # Errors
    /// When the gate refuses: the key was destroyed.
    pub fn key(&self, name: &KeyName) -> Result<PageKey, StoreError> {
        let key = match self {
            Self::Store(writer) => writer.key(&name.class, name.month),
            Self::Learn(reader) => reader.key(&name.class, name.month),
        };
        key.map(PageKey).map_err(refused)
    }
}

/// A key in hand.
pub struct PageKey(keys::Key);

impl PageKey {
    /// Seals `page` in place; it grows by [`TAG`] bytes.
    ///
    /// # Errors
    /// When the gate refuses.
    pub fn seal(&self, at: At, page: &mut Vec<u8>) -> Result<(), StoreError> {
        self.0.seal(at.file, at.page, at.kind, page).map_err(refused)
    }

    /// Opens `page` in place and gives what was sealed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not the page that was sealed there.
    pub fn open<'a>(
        &self,
        at: At,
        page: &'a mut [u8],
        folder: &Folder,
        name: &str,
    ) -> Result<&'a mut [u8], StoreError> {
        self.0
            .open(at.file, at.page, at.kind, page)
            .map_err(|_| folder.damaged(name, "a page is not what was sealed there"))
    }
}

/// Where a page stands; no two pages under one key stand in the same place.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// File, by the random number in its head.
    pub file: u64,
    /// Page of it.
    pub page: u32,
    /// What kind of page.
    pub kind: &'static [u8],
}

fn refused<E: std::error::Error + Send + Sync + 'static>(error: E) -> StoreError {
    StoreError::Codec(Box::new(error))
}

/// Bytes that sealing adds.
pub const TAG: usize = 16;
