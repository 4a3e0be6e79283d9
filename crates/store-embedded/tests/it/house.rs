//! A store in a folder of its own, with permits from the gate.

use std::path::Path;
use std::sync::Arc;

use tadoru_gate::keys::Vault;
use tadoru_gate::Permit;
use tadoru_store::StoreError;
use tadoru_store::contract::Permits;
use tadoru_store_embedded::assignments::{Opened, SegmentStore, Settings};
use tadoru_store_embedded::folder::Folder;

/// What a test needs to open stores.
pub struct House {
    /// The gate's keys.
    pub vault: Arc<Vault>,
    /// The gate's permits.
    pub permits: Permits,
}

impl House {
    /// A house with a gate.
    pub fn new() -> Self {
        Self {
            vault: Arc::new(Vault::stub()),
            permits: Permits { store: Permit::stub(), learn: Permit::stub(), preserve: Permit::stub() },
        }
    }

    /// Opens the store in `path`.
    pub fn open(&self, path: &Path, settings: &Settings) -> Result<(SegmentStore, Opened), StoreError> {
        let folder = Folder::open(path)?.inside("assignments")?;
        SegmentStore::open(&folder, Arc::clone(&self.vault), &self.permits.store, settings.clone())
    }
}

/// A store whose memory is so small that rows soon become segments.
pub fn small() -> Settings {
    Settings { fresh_rows: 300, cache_bytes: 1 << 14, ..Settings::default() }
}
