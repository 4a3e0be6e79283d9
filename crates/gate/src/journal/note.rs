//! Signed checkpoints: C2SP signed-note with Ed25519 (type 0x01) around a C2SP tlog-checkpoint.
//!
//! In come a size and a root, out goes the text that stands for them, and the other way round after its signature
//! was checked. Keys have their text forms: `name+id+key` to check, `PRIVATE+KEY+name+id+key` to sign.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::hash::Hash;

/// What a checkpoint says: the tree of that log had this root when it had so many entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, its first line.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root.
    pub root: Hash,
}

/// Why a note or a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not in the form of a signed note.
    #[error("the text is not a signed note")]
    Form,
    /// No signature by the expected key.
    #[error("the note has no signature of the expected key")]
    Unsigned,
    /// The signature by the expected key is wrong.
    #[error("the signature does not fit the note")]
    Signature,
    /// Signed, but not a checkpoint of this log.
    #[error("the note is not a checkpoint of this journal")]
    Checkpoint,
    /// Not a key in its text form, or a name that has a space or a plus.
    #[error("the text is not a key of a signed note")]
    Key,
}

/// Checks signatures: the public key with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

impl Verifier {
    /// Of an Ed25519 public key (RFC 8032).
    fn new(name: &str, key: [u8; 32]) -> Result<Self, NoteError> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(NoteError::Key);
        }
        let digest = Sha256::new().chain_update(name).chain_update([b'\n', ED25519_TYPE]).chain_update(key);
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        Ok(Self { name: name.to_owned(), id: [a, b, c, d], key })
    }

    /// From its text form `name+id+key`.
    ///
    /// # Errors
    /// When the text is not in that form, or its id does not belong to its key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, rest) = text.split_once('+').ok_or(NoteError::Key)?;
        let (id, key) = rest.split_once('+').ok_or(NoteError::Key)?;
        let verifier = Self::new(name, key_bytes(key)?)?;
        if verifier.id_text() == id { Ok(verifier) } else { Err(NoteError::Key) }
    }

    /// The name of the key, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The checkpoint that the note states, when this key signed it.
    ///
    /// # Errors
    /// When the note has another form, another origin, or no valid signature of this key.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        if note.len() > MAX_NOTE || note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Form);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, signatures) = (note.get(..=split).ok_or(NoteError::Form)?, note.get(split + 2..));
        let signatures = signatures.and_then(|s| s.strip_suffix('\n')).ok_or(NoteError::Form)?;
        let mut signed = false;
        for line in signatures.split('\n') {
            let (name, blob) =
                line.strip_prefix("\u{2014} ").and_then(|l| l.split_once(' ')).ok_or(NoteError::Form)?;
            let blob = STANDARD.decode(blob).map_err(|_| NoteError::Form)?;
            let (id, signature) = blob.split_first_chunk::<4>().ok_or(NoteError::Form)?;
            if name != self.name || *id != self.id {
                continue;
            }
            UnparsedPublicKey::new(&ED25519, &self.key)
                .verify(text.as_bytes(), signature)
                .map_err(|_| NoteError::Signature)?;
            signed = true;
        }
        if !signed {
            return Err(NoteError::Unsigned);
        }
        let checkpoint = Checkpoint::parse(text).ok_or(NoteError::Checkpoint)?;
        if checkpoint.origin == self.name { Ok(checkpoint) } else { Err(NoteError::Checkpoint) }
    }

    fn id_text(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, self.id_text(), key_text(&self.key))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

impl Checkpoint {
    /// The note's text, without signatures (tlog-checkpoint).
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// From the note's text; extension lines are let pass as the format asks.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if origin.is_empty() || lines.any(str::is_empty) {
            return None;
        }
        let count: u64 = size.parse().ok()?;
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        (count.to_string() == size).then(|| Self { origin: origin.to_owned(), size: count, root })
    }
}

/// Signs checkpoints. `Debug` shows the public half only.
pub struct Signer {
    pair: Ed25519KeyPair,
    seed: [u8; 32],
    verifier: Verifier,
}

impl Signer {
    /// A new key under that name.
    ///
    /// # Errors
    /// When the name has a space or a plus, or the system gives no random bytes.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| NoteError::Key)?;
        Self::from_seed(name, seed)
    }

    /// From its text form.
    ///
    /// # Errors
    /// When the text is not in that form, or its id does not belong to its key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(NoteError::Key)?;
        let (name, rest) = rest.split_once('+').ok_or(NoteError::Key)?;
        let (id, key) = rest.split_once('+').ok_or(NoteError::Key)?;
        let signer = Self::from_seed(name, key_bytes(key)?)?;
        if signer.verifier.id_text() == id { Ok(signer) } else { Err(NoteError::Key) }
    }

    fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteError::Key)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Key)?;
        let verifier = Verifier::new(name, key)?;
        Ok(Self { pair, seed, verifier })
    }

    /// The text form that goes into the key file, and nowhere else.
    pub(super) fn secret_text(&self) -> String {
        format!("PRIVATE+KEY+{}+{}+{}", self.verifier.name, self.verifier.id_text(), key_text(&self.seed))
    }

    /// The public half.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signed checkpoint of a tree. It is only asked for trees that grow.
    pub fn checkpoint(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.verifier.name.clone(), size, root }.text();
        let mut blob = self.verifier.id.to_vec();
        blob.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.verifier.name, STANDARD.encode(blob))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

/// A key of 32 bytes with its type byte before it, in Base64.
fn key_text(key: &[u8; 32]) -> String {
    let mut bytes = vec![ED25519_TYPE];
    bytes.extend_from_slice(key);
    STANDARD.encode(bytes)
}

fn key_bytes(text: &str) -> Result<[u8; 32], NoteError> {
    match STANDARD.decode(text).map_err(|_| NoteError::Key)?.split_first() {
        Some((&ED25519_TYPE, key)) => key.try_into().map_err(|_| NoteError::Key),
        _ => Err(NoteError::Key),
    }
}

/// Signature type of Ed25519 in signed notes.
const ED25519_TYPE: u8 = 1;

/// Longest note that is read: room for many witnesses' signatures.
pub(super) const MAX_NOTE: usize = 65_535;
