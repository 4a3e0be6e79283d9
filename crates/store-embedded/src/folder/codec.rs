//! The gate's codec, as the files of this crate use it: pages under keys of a retention class and a month.
//!
//! What comes in: pages in the clear. What goes out: sealed pages, and the clear again. A page is bound to its file, its
//! number and its kind: one from another place does not open.

use std::sync::Arc;

use tadoru_gate::Permit;
use tadoru_gate::keys::{Keeps, KeyError, Month, PageId, ReadKey, Reader, Vault, WriteKey, Writer};
use tadoru_gate::permit::Opens;
use tadoru_model::UtcMicros;
use tadoru_store::StoreError;

use super::Folder;

/// The clock handed in.
pub type Clock = Arc<dyn Fn() -> UtcMicros + Send + Sync>;

/// Which key a page is under: retention class, and month since year 0 (`year × 12 + month − 1`, UTC).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// Retention class.
    pub class: Arc<str>,
    /// Month.
    pub month: u32,
    named: Option<Month>,
}

impl KeyName {
    /// The key of that class and month.
    pub fn new(class: Arc<str>, month: u32) -> Self {
        let named = Month::parse(&format!("{:04}-{:02}", month / 12, month % 12 + 1));
        Self { class, month, named }
    }

    /// Its class and month as the gate names them; `None` for a month that no calendar knows.
    pub fn in_vault(&self) -> Option<(String, Month)> {
        Some((self.class.as_ref().to_owned(), self.named?))
    }
}

/// Seals and reopens pages for the store itself, or opens them for a question.
pub struct Codec<'p> {
    vault: Vault,
    clock: Clock,
    handle: Handle<'p>,
}

enum Handle<'p> {
    Store(Writer),
    Learn(Reader<'p>),
}

impl Codec<'static> {
    /// The codec of the store.
    ///
    /// # Errors
    /// When the permit has ended.
    pub fn store<A: Keeps>(vault: &Vault, clock: &Clock, permit: &Permit<A>) -> Result<Self, StoreError> {
        let handle = vault.writer(permit, permit.data(), clock()).map(Handle::Store).map_err(refused)?;
        Ok(Self { vault: vault.clone(), clock: Arc::clone(clock), handle })
    }
}

impl<'p> Codec<'p> {
    /// The codec of a question.
    ///
    /// # Errors
    /// When the permit has ended.
    pub fn learn<A: Opens>(vault: &Vault, clock: &Clock, permit: &'p Permit<A>) -> Result<Self, StoreError> {
        let handle = vault.reader(permit, permit.data(), clock()).map(Handle::Learn).map_err(refused)?;
        Ok(Self { vault: vault.clone(), clock: Arc::clone(clock), handle })
    }

    /// The same for a thread that outlives the call; only a store has such threads.
    ///
    /// # Errors
    /// When it is the codec of a question.
    pub fn kept(&self) -> Result<Codec<'static>, StoreError> {
        match &self.handle {
            Handle::Store(writer) => Ok(Codec {
                vault: self.vault.clone(),
                clock: Arc::clone(&self.clock),
                handle: Handle::Store(writer.clone()),
            }),
            Handle::Learn(_) => Err(refused(KeyError::OtherData)),
        }
    }

    /// The key of that name.
    ///
    /// # Errors
    /// When the gate refuses: the permit has ended, or the key was destroyed.
    pub fn key(&self, name: &KeyName) -> Result<PageKey<'_>, StoreError> {
        let (month, now) = (name.named.ok_or_else(|| refused(KeyError::ClassName))?, (self.clock)());
        match &self.handle {
            Handle::Store(writer) => writer.key(&name.class, month, now).map(PageKey::Write),
            Handle::Learn(reader) => reader.key(&name.class, month, now).map(PageKey::Read),
        }
        .map_err(refused)
    }

    /// A number that no file had before.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new_file_id(&self) -> Result<u64, StoreError> {
        self.vault.file_id().map_err(refused)
    }
}

/// A key in hand.
pub enum PageKey<'p> {
    /// For writing, and reopening what was written.
    Write(WriteKey),
    /// For a question.
    Read(ReadKey<'p>),
}

impl PageKey<'_> {
    /// Seals `page` in place; it grows by [`TAG`] bytes.
    ///
    /// # Errors
    /// When the gate refuses.
    pub fn seal(&self, at: At, page: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Write(key) => key.seal(at.id(), at.kind, page).map_err(refused),
            Self::Read(_) => Err(refused(KeyError::OtherData)),
        }
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
        let opened = match self {
            Self::Write(key) => key.open(at.id(), at.kind, page),
            Self::Read(key) => key.open(at.id(), at.kind, page),
        };
        opened.map_err(|e| match e {
            KeyError::Page => folder.damaged(name, "a page is not what was sealed there"),
            other => refused(other),
        })
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

impl At {
    const fn id(self) -> PageId {
        PageId { file: self.file, page: self.page }
    }
}

fn refused(error: KeyError) -> StoreError {
    StoreError::Codec(Box::new(error))
}

/// Bytes that sealing adds.
pub const TAG: usize = tadoru_gate::keys::TAG_LEN;
