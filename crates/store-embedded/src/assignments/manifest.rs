//! Which files are the store: one small file, replaced whole, that names them.
//!
//! What comes in: the names of segments and of the log. What goes out: the same after a restart; everything else in the
//! folder is a leftover of something that did not finish.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tadoru_store::StoreError;

use crate::folder::{Folder, hex};

/// The files of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this file's form.
    pub version: u32,
    /// Segments.
    pub segments: Vec<String>,
    /// The log: open rows, and rows that are in no segment yet.
    pub log: String,
    /// The spool mark up to which the segments go; the log tells the marks that came later.
    pub mark: u64,
}

impl Manifest {
    /// Reads the manifest; `None` when the store is new.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was written.
    pub fn read(folder: &Folder) -> Result<Option<Self>, StoreError> {
        let damaged = || folder.damaged(NAME, "it is not what was written");
        let text = match std::fs::read_to_string(folder.file(NAME)) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => return Err(damaged()),
            Err(e) => return Err(folder.fault("read", NAME, e)),
        };
        let (sum, body) = text.split_once('\n').ok_or_else(damaged)?;
        if sum != digest(body) {
            return Err(damaged());
        }
        let manifest: Self = serde_json::from_str(body).map_err(|_| damaged())?;
        if manifest.version == VERSION { Ok(Some(manifest)) } else { Err(damaged()) }
    }

    /// Replaces the manifest; durable when it returns.
    ///
    /// # Errors
    /// What the disk says; then the old one stands.
    pub fn write(&self, folder: &Folder) -> Result<(), StoreError> {
        let body = serde_json::to_string_pretty(self)
            .map_err(|e| folder.fault("write", NAME, std::io::Error::other(e)))?;
        folder.replace(NAME, format!("{}\n{body}", digest(&body)).as_bytes())
    }
}

fn digest(body: &str) -> String {
    hex(&Sha256::digest(body.as_bytes()))
}

/// The manifest's file.
pub const NAME: &str = "manifest";
/// The form that this program writes and reads.
pub const VERSION: u32 = 1;
