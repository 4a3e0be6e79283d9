//! A pack: documents for one recipient, with a manifest by which they are checked.
//!
//! The manifest is JSON; the sums beside it are in the form that `sha256sum --check` reads, so that a recipient needs
//! no program of ours.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tadoru_model::UtcMicros;

/// A document of a pack.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Name of its file.
    pub name: &'static str,
    /// What it is, as a media type.
    pub media_type: &'static str,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// What a delivery stands on, and between whom it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Who sends it: the operator.
    pub sender: String,
    /// Who gets it, as the person who sends it names them.
    pub recipient: String,
    /// Which kind of pack, and what it is about.
    pub subject: String,
    /// The rule that permits it.
    pub rule: Rule,
    /// Where the permit stands in the sender's journal.
    pub journal_index: u64,
    /// When it was made.
    #[serde(serialize_with = "as_text")]
    pub made: UtcMicros,
}

/// A rule, with its own sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Id, such as `JP-089`.
    pub id: String,
    /// Its sentence in Japanese.
    pub text_ja: String,
    /// Its sentence in English.
    pub text_en: String,
}

#[derive(Serialize)]
struct Manifest<'a> {
    format: &'static str,
    #[serde(flatten)]
    delivery: &'a Delivery,
    documents: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    media_type: &'a str,
    size: usize,
    sha256: String,
}

/// The documents with their manifest and their sums; and the SHA-256 of the manifest, which names the whole.
pub fn pack(delivery: &Delivery, mut documents: Vec<Document>) -> (Vec<Document>, [u8; 32]) {
    let listed = documents.iter().map(|document| Listed {
        name: document.name,
        media_type: document.media_type,
        size: document.octets.len(),
        sha256: hex(sha256(&document.octets)),
    });
    let manifest = Manifest { format: FORMAT, delivery, documents: listed.collect() };
    documents.push(json(MANIFEST, &manifest));
    let digest = documents.last().map_or([0; 32], |manifest| sha256(&manifest.octets));
    let mut sums = String::new();
    for document in &documents {
        let _ = writeln!(sums, "{}  {}", hex(sha256(&document.octets)), document.name);
    }
    documents.push(Document { name: "SHA256SUMS", media_type: "text/plain", octets: sums.into_bytes() });
    (documents, digest)
}

/// A document of JSON.
pub(crate) fn json(name: &'static str, value: &impl Serialize) -> Document {
    let octets = serde_json::to_vec_pretty(value).unwrap_or_default();
    Document { name, media_type: "application/json", octets }
}

/// An instant as RFC 3339 in UTC.
pub(crate) fn as_text<S: serde::Serializer>(at: &UtcMicros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[document `{}`, {} octets]", self.name, self.octets.len())
    }
}

const MANIFEST: &str = "manifest.json";
const FORMAT: &str = "tadoru-pack/1";

#[cfg(test)]
mod tests;
