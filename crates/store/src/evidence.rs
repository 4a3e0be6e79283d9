//! Evidence: what a case rests on, byte for byte, named by its SHA-256.
//!
//! What comes in: a stream of bytes and what it is, under `Permit<Store>`. What goes out: the same bytes, sealed for
//! the case they belong to. It never holds a whole exhibit in memory, and never hands out bytes that are not those that
//! came in without saying so.

use std::fmt;
use std::future::Future;
use std::io::Read;

use tadoru_gate::permit::{Opens, Store};
use tadoru_gate::{DataSet, Permit, Sealed};
use tadoru_model::{CaseId, PersonId, UtcMicros};

use crate::StoreError;
use crate::cases::CaseError;

pub mod contract;

/// The SHA-256 of an exhibit's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known of an exhibit when it comes in.
#[derive(Clone, PartialEq, Eq)]
pub struct About {
    /// The case that it belongs to; it must exist.
    pub case: CaseId,
    /// Its name, such as that of the file it came in.
    pub name: String,
    /// Its media type (RFC 6838).
    pub media_type: String,
    /// The categories of data that are in it.
    pub data: DataSet,
    /// Who adds it.
    pub by: PersonId,
    /// When.
    pub at: UtcMicros,
}

/// An exhibit of a case, without its name and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// What its bytes are.
    pub digest: Digest,
    /// How many there are.
    pub size_bytes: u64,
    /// Its media type.
    pub media_type: String,
    /// The categories of data that are in it.
    pub data: DataSet,
    /// Who added it.
    pub by: PersonId,
    /// When.
    pub at: UtcMicros,
}

/// An exhibit, opened.
pub struct Opened<'p> {
    /// Its name.
    pub name: String,
    /// Its bytes. Reading fails at the damaged place, and at the end where they are not those of the digest.
    pub content: Box<dyn Read + Send + 'p>,
}

/// The evidence of an installation. What is taken in is durable when the call returns.
pub trait Evidence: Send + Sync {
    /// Takes an exhibit in. The same bytes may be an exhibit of several cases; they are kept once.
    ///
    /// The file work blocks the calling task: a server calls it where blocking is allowed.
    ///
    /// # Errors
    /// [`CaseError::Unknown`], or when reading `content`, the disk or the codec fails; then nothing of it is kept.
    fn put(
        &self,
        permit: &Permit<Store>,
        about: &About,
        content: &mut (dyn Read + Send),
    ) -> impl Future<Output = Result<Digest, CaseError>> + Send;

    /// The exhibits of a case, in the order of coming in.
    ///
    /// # Errors
    /// When the disk refuses.
    fn list(&self, case: &CaseId) -> impl Future<Output = Result<Vec<Exhibit>, StoreError>> + Send;

    /// An exhibit of a case, sealed for that case; `None` where the case has no such exhibit.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn open<'p, A: Opens>(
        &self,
        permit: &'p Permit<A>,
        case: &CaseId,
        digest: Digest,
    ) -> impl Future<Output = Result<Option<Sealed<Opened<'p>>>, StoreError>> + Send;

    /// Reads the whole exhibit and says how many bytes it has, when they are still those of its digest.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when they are not, or are gone, or no case has such an exhibit.
    fn verify<A: Opens>(
        &self,
        permit: &Permit<A>,
        digest: Digest,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Takes an exhibit from a case, and deletes its bytes where no other case has them; says whether it was there.
    ///
    /// # Errors
    /// When the disk refuses.
    fn remove(
        &self,
        permit: &Permit<Store>,
        case: &CaseId,
        digest: Digest,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[about an exhibit]")
    }
}

impl fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[exhibit]")
    }
}
