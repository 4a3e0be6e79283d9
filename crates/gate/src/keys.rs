//! The gate's codec for what stores write: keys by retention class and month, pages sealed and opened with them, and
//! tokens that mean nothing once their key is gone.
//!
//! In come pages and values, out go sealed pages and tokens. Keys are random, 256 bit, in `DIR/keys/`, readable by
//! the owner alone; destroying one is part of deleting the data, and is final: a record of that class and month that comes
//! later is sealed under a new key, which opens nothing of the old. Overwriting a file does not reach what
//! a flash disk or a snapshot keeps of it: the folder belongs on a file system without snapshots.
//!
//! Pages are sealed with AES-256-GCM (NIST SP 800-38D). The 96-bit nonce is the page's file id (64 bit) and its
//! number in the file (32 bit). A nonce comes once under a key because a file id is random and given to one file
//! only, and a page of a file is written once: what is changed is written to a new file with a new id. With a million
//! files a month under one key the chance that two share an id is below 2^-25.
//!
//! Answers the contract that the journal and the pages do not outlive the data (JP-062).

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use tadoru_model::UtcMicros;

use crate::journal::Fault;
use crate::journal::durable::{self, Access};
use crate::permit::{Act, Opens, Permit, Preserve, Store, Uses};
use crate::vocabulary::DataSet;

mod month;

pub use month::Month;

/// Where a page is: its nonce. See the head of this file on why none comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageId {
    /// The file's random id, from [`Vault::file_id`].
    pub file: u64,
    /// The page's number in the file.
    pub page: u32,
}

/// Why a key is not to be had, or a page does not open.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The key was destroyed with its data.
    #[error("the key of class `{class}` and month `{month}` was destroyed with its data")]
    KeyDestroyed {
        /// Retention class.
        class: String,
        /// Month.
        month: Month,
    },
    /// There never was such a key.
    #[error("there is no key of class `{class}` and month `{month}`")]
    NoKey {
        /// Retention class.
        class: String,
        /// Month.
        month: Month,
    },
    /// The key file is not what was written.
    #[error("the key file of class `{class}` and month `{month}` is damaged")]
    Damaged {
        /// Retention class.
        class: String,
        /// Month.
        month: Month,
    },
    /// A class's name is not made of letters, digits, `-` and `_`, or is longer than 64.
    #[error("a retention class has a name that is no file name")]
    ClassName,
    /// The page is not what was sealed there.
    #[error("a page is not what was sealed in its place")]
    Page,
    /// The permit covers other data.
    #[error("the permit does not cover the data")]
    OtherData,
    /// The permit has ended.
    #[error("the permit has ended")]
    Ended,
    /// The disk refused.
    #[error("cannot {doing} a key")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandom,
}

impl KeyError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::KeyDestroyed { .. } | Self::Ended => Fault::Sender,
            Self::NoKey { .. } | Self::Damaged { .. } | Self::Page | Self::Disk { .. } | Self::NoRandom => {
                Fault::Operator
            }
            Self::ClassName | Self::OtherData => Fault::Ours,
        }
    }

    fn disk(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |e| Self::Disk { doing, source: Arc::new(e) }
    }
}

/// An act under which a store writes: keeping records, and keeping them from deletion.
pub trait Keeps: Act {}

impl Keeps for Store {}
impl Keeps for Preserve {}

/// The keys. Clones share them.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    dir: PathBuf,
    open: RwLock<HashMap<Month, HashMap<String, Arc<Key>>>>,
    /// Held while a key is made or destroyed.
    changing: Mutex<()>,
}

/// A key in use: what it seals pages with, and what it makes tokens with.
struct Key {
    pages: LessSafeKey,
    tokens: hmac::Key,
    destroyed: AtomicBool,
    class: String,
    month: Month,
}

impl Vault {
    /// Opens the keys in that folder, or makes the folder; finishes destructions that a crash interrupted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(dir: &Path) -> Result<Self, KeyError> {
        durable::folder(dir).map_err(KeyError::disk("open the folder of"))?;
        let vault =
            Self(Arc::new(Keys { dir: dir.to_owned(), open: RwLock::default(), changing: Mutex::new(()) }));
        for file in fs::read_dir(dir).map_err(KeyError::disk("list"))?.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if let Some(key) = name.strip_suffix(DESTROYED) {
                wipe(&dir.join(key)).map_err(KeyError::disk("destroy"))?;
            } else if name.ends_with(durable::BESIDE) {
                wipe(&file.path()).map_err(KeyError::disk("remove the beginning of"))?;
            }
        }
        durable::sync_folder(dir).map_err(KeyError::disk("destroy"))?;
        Ok(vault)
    }

    /// A handle that seals, and reopens what a store has to reopen of its own.
    ///
    /// # Errors
    /// When the permit covers other data or has ended.
    pub fn writer<A: Keeps>(
        &self,
        permit: &Permit<A>,
        data: DataSet,
        now: UtcMicros,
    ) -> Result<Writer, KeyError> {
        check(permit.data(), data, permit.until(), now)?;
        Ok(Writer { vault: self.clone(), until: permit.until() })
    }

    /// A handle that opens; its pages are counted on the permit.
    ///
    /// # Errors
    /// When the permit covers other data or has ended.
    pub fn reader<'p, A: Opens>(
        &self,
        permit: &'p Permit<A>,
        data: DataSet,
        now: UtcMicros,
    ) -> Result<Reader<'p>, KeyError> {
        check(permit.data(), data, permit.until(), now)?;
        permit.uses().touch(now);
        Ok(Reader { vault: self.clone(), until: permit.until(), uses: permit.uses() })
    }

    /// An id for a new file, random.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn file_id(&self) -> Result<u64, KeyError> {
        let mut id = [0; 8];
        SystemRandom::new().fill(&mut id).map_err(|_| KeyError::NoRandom)?;
        Ok(u64::from_be_bytes(id))
    }

    /// A stable token for a value of that kind: 128 bit of HMAC-SHA-256 in hexadecimal. The same within a class and
    /// month; it tells nothing to who lacks the key, and nothing to anybody once the key is destroyed.
    ///
    /// # Errors
    /// When the key was destroyed, or cannot be made or read.
    pub fn token(&self, class: &str, month: Month, kind: &str, value: &str) -> Result<String, KeyError> {
        let key = self.key(class, month, Missing::Make)?;
        key.check()?;
        let mut context = hmac::Context::with_key(&key.tokens);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        Ok(hex(context.sign().as_ref().get(..TOKEN_LEN).unwrap_or_default()))
    }

    /// Destroys a key for good: what it sealed cannot be opened, and what it made tokens of cannot be found again.
    /// Whether there was one. What is written under its name afterwards is written under a new key.
    ///
    /// # Errors
    /// When the disk refuses; the key is barred from use in this process all the same.
    pub fn destroy(&self, class: &str, month: Month) -> Result<bool, KeyError> {
        let path = self.path(class, month)?;
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let key = {
            let mut open = self.0.open.write().unwrap_or_else(PoisonError::into_inner);
            open.get_mut(&month).and_then(|keys| keys.remove(class))
        };
        if let Some(key) = key {
            key.destroyed.store(true, Ordering::Release);
        }
        durable::write(&marker(&path), b"", Access::Owner).map_err(KeyError::disk("destroy"))?;
        let was = wipe(&path).map_err(KeyError::disk("destroy"))?;
        durable::sync_folder(&self.0.dir).map_err(KeyError::disk("destroy"))?;
        Ok(was)
    }

    /// The classes and months that have a key, sorted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn list(&self) -> Result<Vec<(String, Month)>, KeyError> {
        let mut keys = Vec::new();
        for file in fs::read_dir(&self.0.dir).map_err(KeyError::disk("list"))?.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let named = name.split_once('.').and_then(|(class, month)| Some((class, Month::parse(month)?)));
            keys.extend(named.map(|(class, month)| (class.to_owned(), month)));
        }
        keys.sort();
        Ok(keys)
    }

    /// The key of a class and month, from memory, from its file, or new.
    fn key(&self, class: &str, month: Month, missing: Missing) -> Result<Arc<Key>, KeyError> {
        let cached = |class: &str| {
            let open = self.0.open.read().unwrap_or_else(PoisonError::into_inner);
            open.get(&month).and_then(|keys| keys.get(class)).map(Arc::clone)
        };
        if let Some(key) = cached(class) {
            return Ok(key);
        }
        let path = self.path(class, month)?;
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = cached(class) {
            return Ok(key);
        }
        if marker(&path).exists() {
            if missing == Missing::Error {
                return Err(KeyError::KeyDestroyed { class: class.to_owned(), month });
            }
            // The destruction is finished before there is a new key: the mark goes last.
            wipe(&path).and_then(|_| fs::remove_file(marker(&path))).map_err(KeyError::disk("replace"))?;
        }
        let secret = match fs::read(&path) {
            Ok(bytes) => bytes
                .split_first_chunk::<32>()
                .filter(|(key, sum)| checksum(key) == **sum)
                .map(|(key, _)| *key),
            Err(e) if e.kind() == io::ErrorKind::NotFound && missing == Missing::Make => {
                let mut secret = [0; 32];
                SystemRandom::new().fill(&mut secret).map_err(|_| KeyError::NoRandom)?;
                let file = [secret.as_slice(), checksum(&secret).as_slice()].concat();
                durable::write(&path, &file, Access::Owner).map_err(KeyError::disk("write"))?;
                Some(secret)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::NoKey { class: class.to_owned(), month });
            }
            Err(e) => return Err(KeyError::disk("read")(e)),
        };
        let damaged = || KeyError::Damaged { class: class.to_owned(), month };
        let master = hmac::Key::new(hmac::HMAC_SHA256, &secret.ok_or_else(damaged)?);
        let pages = UnboundKey::new(&AES_256_GCM, hmac::sign(&master, b"tadoru pages 1").as_ref());
        let key = Arc::new(Key {
            pages: LessSafeKey::new(pages.map_err(|_| damaged())?),
            tokens: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&master, b"tadoru tokens 1").as_ref()),
            destroyed: AtomicBool::new(false),
            class: class.to_owned(),
            month,
        });
        let mut open = self.0.open.write().unwrap_or_else(PoisonError::into_inner);
        open.entry(month).or_default().insert(class.to_owned(), Arc::clone(&key));
        Ok(key)
    }

    fn path(&self, class: &str, month: Month) -> Result<PathBuf, KeyError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if class.is_empty() || class.len() > 64 || !class.chars().all(plain) {
            return Err(KeyError::ClassName);
        }
        Ok(self.0.dir.join(format!("{class}.{month}")))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[vault]")
    }
}

/// A handle under a permit to store.
#[derive(Debug, Clone)]
pub struct Writer {
    vault: Vault,
    until: UtcMicros,
}

/// A handle under a permit whose act opens.
pub struct Reader<'p> {
    vault: Vault,
    until: UtcMicros,
    uses: &'p Uses,
}

/// Seals the pages of one class and month, and reopens them.
#[derive(Clone)]
pub struct WriteKey(Arc<Key>);

/// Opens the pages of one class and month.
pub struct ReadKey<'p> {
    key: Arc<Key>,
    uses: &'p Uses,
}

impl Writer {
    /// The key for what is written now; made when there is none yet.
    ///
    /// # Errors
    /// When the permit has ended, the key was destroyed, or cannot be made or read.
    pub fn key(&self, class: &str, month: Month, now: UtcMicros) -> Result<WriteKey, KeyError> {
        ended(self.until, now)?;
        self.vault.key(class, month, Missing::Make).map(WriteKey)
    }

    /// The key for what was written before, to compact or recover it.
    ///
    /// # Errors
    /// When the permit has ended, the key was destroyed, never was, or cannot be read.
    pub fn old_key(&self, class: &str, month: Month, now: UtcMicros) -> Result<WriteKey, KeyError> {
        ended(self.until, now)?;
        self.vault.key(class, month, Missing::Error).map(WriteKey)
    }
}

impl<'p> Reader<'p> {
    /// The key for what was written before.
    ///
    /// # Errors
    /// When the permit has ended, the key was destroyed, never was, or cannot be read.
    pub fn key(&self, class: &str, month: Month, now: UtcMicros) -> Result<ReadKey<'p>, KeyError> {
        ended(self.until, now)?;
        self.uses.touch(now);
        let key = self.vault.key(class, month, Missing::Error)?;
        Ok(ReadKey { key, uses: self.uses })
    }
}

impl WriteKey {
    /// Seals a page where it stands and adds [`TAG_LEN`] bytes to it. `aad` is what must come along unchanged.
    ///
    /// # Errors
    /// When the key was destroyed meanwhile.
    pub fn seal(&self, at: PageId, aad: &[u8], page: &mut Vec<u8>) -> Result<(), KeyError> {
        self.0.check()?;
        let sealed = self.0.pages.seal_in_place_append_tag(nonce(at), Aad::from(aad), page);
        sealed.map_err(|_| KeyError::Page)
    }

    /// Reopens a page where it stands.
    ///
    /// # Errors
    /// When the key was destroyed meanwhile, or the page is not what was sealed there.
    pub fn open<'b>(&self, at: PageId, aad: &[u8], page: &'b mut [u8]) -> Result<&'b mut [u8], KeyError> {
        self.0.open(at, aad, page)
    }
}

impl ReadKey<'_> {
    /// Opens a page where it stands; counted on the permit.
    ///
    /// # Errors
    /// When the key was destroyed meanwhile, or the page is not what was sealed there.
    pub fn open<'b>(&self, at: PageId, aad: &[u8], page: &'b mut [u8]) -> Result<&'b mut [u8], KeyError> {
        let opened = self.key.open(at, aad, page)?;
        self.uses.count_page();
        Ok(opened)
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[reader]")
    }
}

impl fmt::Debug for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl fmt::Debug for ReadKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl Key {
    fn check(&self) -> Result<(), KeyError> {
        if self.destroyed.load(Ordering::Acquire) {
            return Err(KeyError::KeyDestroyed { class: self.class.clone(), month: self.month });
        }
        Ok(())
    }

    fn open<'b>(&self, at: PageId, aad: &[u8], page: &'b mut [u8]) -> Result<&'b mut [u8], KeyError> {
        self.check()?;
        self.pages.open_in_place(nonce(at), Aad::from(aad), page).map_err(|_| KeyError::Page)
    }
}

/// What to do when there is no key yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Make,
    Error,
}

fn check(permitted: DataSet, data: DataSet, until: UtcMicros, now: UtcMicros) -> Result<(), KeyError> {
    if !permitted.covers(data) {
        return Err(KeyError::OtherData);
    }
    ended(until, now)
}

fn ended(until: UtcMicros, now: UtcMicros) -> Result<(), KeyError> {
    if now < until { Ok(()) } else { Err(KeyError::Ended) }
}

fn nonce(at: PageId) -> Nonce {
    let mut bytes = [0; 12];
    let (file, page) = bytes.split_at_mut(8);
    file.copy_from_slice(&at.file.to_be_bytes());
    page.copy_from_slice(&at.page.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn checksum(key: &[u8; 32]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(key).into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// The mark that a key was destroyed.
fn marker(key: &Path) -> PathBuf {
    let mut path = key.as_os_str().to_owned();
    path.push(DESTROYED);
    PathBuf::from(path)
}

/// Overwrites and removes a key file. Whether there was one.
fn wipe(path: &Path) -> io::Result<bool> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(0).min(4096);
    file.write_all(&vec![0; len])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    Ok(true)
}

/// Bytes that sealing adds to a page.
pub const TAG_LEN: usize = 16;

/// Bytes of a token.
const TOKEN_LEN: usize = 16;

/// Ending of the mark that a key was destroyed.
const DESTROYED: &str = ".destroyed";

#[cfg(test)]
mod tests;
