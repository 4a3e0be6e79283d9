//! The gate's codec as the tables and the evidence use it: sealed bytes, and tokens to look up by.
//!
//! What comes in: plain bytes with a permit. What goes out: sealed bytes, or the plain ones for a seal to be put
//! round. It is the one place of these stores that speaks to the vault.
//!
//! Sealed bytes begin with what finds their key and their nonce: the instant whose month the key is of (eight octets),
//! the random id of the run that sealed them (eight) and their number in that run (four), all little-endian.

use std::collections::HashMap;
use std::sync::Arc;

use tadoru_gate::keys::{Month, PageId, ReadKey, Reader, TAG_LEN, Vault, WriteKey};
use tadoru_gate::permit::{Opens, Store};
use tadoru_gate::{DataSet, Permit};
use tadoru_model::UtcMicros;
use tadoru_store::StoreError;

use super::database::FILE;

/// Tells the time; permits end by it.
pub type Clock = Arc<dyn Fn() -> UtcMicros + Send + Sync>;

/// A keyed hash of a name: equal for equal names, and for nobody to read without the key.
pub(crate) type Token = [u8; 16];

/// Which keys bytes are sealed under: a retention class, with a key a month but for the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The subscriber directory: one key, since a contract lasts.
    Directory,
    /// What was written in cases.
    Case,
    /// What came in as evidence.
    Evidence,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Directory => "contract",
            Self::Case => "case",
            Self::Evidence => "evidence",
        }
    }
}

/// The vault, in these stores' terms.
#[derive(Clone)]
pub(crate) struct Codec {
    vault: Vault,
    clock: Clock,
}

impl Codec {
    pub(crate) const fn new(vault: Vault, clock: Clock) -> Self {
        Self { vault, clock }
    }

    /// What seals a run of `data` of the month of `at`.
    pub(crate) fn sealer(
        &self,
        permit: &Permit<Store>,
        class: Class,
        data: DataSet,
        at: UtcMicros,
    ) -> Result<Sealer, StoreError> {
        let now = (self.clock)();
        let at = if class == Class::Directory { UtcMicros(0) } else { at };
        let writer = self.vault.writer(permit, data, now).map_err(refused)?;
        let key = writer.key(class.name(), Month::of(at), now).map_err(refused)?;
        Ok(Sealer { key, at, run: self.vault.file_id().map_err(refused)?, next: 0 })
    }

    /// What opens `data` of a class.
    pub(crate) fn opener<'p, A: Opens>(
        &self,
        permit: &'p Permit<A>,
        class: Class,
        data: DataSet,
    ) -> Result<Opener<'p>, StoreError> {
        let now = (self.clock)();
        let reader = self.vault.reader(permit, data, now).map_err(refused)?;
        Ok(Opener { reader, class, now, keys: HashMap::new() })
    }

    /// The token of `value` among things of `kind` in the subscriber directory.
    pub(crate) fn token(&self, kind: &str, value: &str) -> Result<Token, StoreError> {
        let month = Month::of(UtcMicros(0));
        let hex = self.vault.token(Class::Directory.name(), month, kind, value).map_err(refused)?;
        let token = u128::from_str_radix(&hex, 16).map_err(refused)?;
        Ok(token.to_be_bytes())
    }
}

/// Seals one run of pieces.
pub(crate) struct Sealer {
    key: WriteKey,
    at: UtcMicros,
    run: u64,
    next: u32,
}

impl Sealer {
    /// Seals a piece; `what` is what it must be taken for when it is opened.
    pub(crate) fn seal(&mut self, what: &'static str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let place = PageId { file: self.run, page: self.next };
        self.next = self.next.checked_add(1).ok_or_else(|| damaged("there is too much to seal at once"))?;
        let mut page = Vec::with_capacity(plain.len() + TAG_LEN);
        page.extend_from_slice(plain);
        self.key.seal(place, &along(what, self.at), &mut page).map_err(refused)?;
        let mut sealed = Vec::with_capacity(HEAD_BYTES + page.len());
        sealed.extend_from_slice(&self.at.0.to_le_bytes());
        sealed.extend_from_slice(&place.file.to_le_bytes());
        sealed.extend_from_slice(&place.page.to_le_bytes());
        sealed.extend_from_slice(&page);
        Ok(sealed)
    }
}

/// Opens pieces of one class; each is counted on the permit.
pub(crate) struct Opener<'p> {
    reader: Reader<'p>,
    class: Class,
    now: UtcMicros,
    keys: HashMap<i64, ReadKey<'p>>,
}

impl Opener<'_> {
    /// Opens a piece that was sealed as `what`.
    pub(crate) fn open(&mut self, what: &'static str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (at, run, page, mut bytes) = head(sealed).ok_or_else(|| damaged("a sealed value is cut off"))?;
        let key = match self.keys.entry(at) {
            std::collections::hash_map::Entry::Occupied(key) => key.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let month = Month::of(UtcMicros(at));
                place.insert(self.reader.key(self.class.name(), month, self.now).map_err(refused)?)
            }
        };
        let place = PageId { file: run, page };
        let length = key.open(place, &along(what, UtcMicros(at)), &mut bytes).map_err(refused)?.len();
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Opens a text; it was UTF-8 when it was sealed.
    pub(crate) fn open_text(&mut self, what: &'static str, sealed: &[u8]) -> Result<String, StoreError> {
        String::from_utf8(self.open(what, sealed)?).map_err(|_| damaged("a text is not UTF-8"))
    }
}

/// The instant, run and number before a sealed piece, and the piece.
fn head(sealed: &[u8]) -> Option<(i64, u64, u32, Vec<u8>)> {
    let (at, rest) = sealed.split_first_chunk()?;
    let (run, rest) = rest.split_first_chunk()?;
    let (page, rest) = rest.split_first_chunk()?;
    Some((i64::from_le_bytes(*at), u64::from_le_bytes(*run), u32::from_le_bytes(*page), rest.to_vec()))
}

/// What must come along unchanged: what the piece is, and the instant before it.
fn along(what: &str, at: UtcMicros) -> Vec<u8> {
    [what.as_bytes(), &at.0.to_le_bytes()].concat()
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Codec(Box::new(error))
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Damaged { file: FILE.to_owned(), what }
}

/// What stands before a sealed piece.
const HEAD_BYTES: usize = 20;

/// How many octets sealing adds to a piece.
pub(crate) const SEALING_BYTES: usize = HEAD_BYTES + TAG_LEN;
