//! A store in a folder of its own, with permits from a gate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tadoru_gate::journal::Options;
use tadoru_gate::keys::Vault;
use tadoru_gate::{Gate, Packs};
use tadoru_model::UtcMicros;
use tadoru_store::StoreError;
use tadoru_store::contract::Permits;
use tadoru_store_embedded::assignments::{Opened, SegmentStore, Settings};
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::folder::codec::Clock;

/// What a test needs to open stores.
pub struct House {
    /// The gate's keys.
    pub vault: Vault,
    /// The gate's permits.
    pub permits: Permits,
    /// The clock handed in.
    pub clock: Clock,
    rooms: AtomicU32,
    _gate: Gate,
    _folder: tempfile::TempDir,
}

impl House {
    /// A house with a gate of its own.
    pub fn new() -> Self {
        let folder = place();
        let mut house = Self::at(folder.path());
        house._folder = folder;
        house
    }

    /// A house whose gate is in that folder.
    pub fn at(folder: &Path) -> Self {
        let options = Options { publish_every: Duration::from_secs(3_600), ..Options::new("gate.example") };
        let (gate, _) = Gate::open(&folder.join("gate"), Packs::shipped().unwrap(), &options, NOW).unwrap();
        Self {
            vault: Vault::open(&folder.join("gate/keys")).unwrap(),
            permits: Permits::of(&gate, NOW),
            clock: Arc::new(|| NOW),
            rooms: AtomicU32::new(0),
            _gate: gate,
            _folder: place(),
        }
    }

    /// A new folder inside the house.
    pub fn room(&self) -> PathBuf {
        let number = self.rooms.fetch_add(1, Ordering::Relaxed);
        self._folder.path().join(format!("room-{number}"))
    }

    /// Opens the store in `path`.
    pub fn open(&self, path: &Path, settings: &Settings) -> Result<(SegmentStore, Opened), StoreError> {
        let folder = Folder::open(path)?.inside("assignments")?;
        let clock = Arc::clone(&self.clock);
        SegmentStore::open(&folder, self.vault.clone(), clock, &self.permits.store, settings.clone())
    }
}

/// A folder that is gone with the test; in memory where there is such a place, because many tests sync much.
pub fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A store whose memory is so small that rows soon become segments.
pub fn small() -> Settings {
    Settings { fresh_rows: 300, cache_bytes: 1 << 14, ..Settings::default() }
}

/// 2026-11-21T01:15:03Z.
pub const NOW: UtcMicros = UtcMicros::from_seconds(1_795_223_703);
