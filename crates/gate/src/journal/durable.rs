//! Files that are either wholly there after a power failure or not at all.
//!
//! Written beside their place, synced, renamed, and the folder synced. Nothing is ever changed in place.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The owner alone (0600).
    Owner,
    /// The owner, and the group that reads journals (0640).
    Group,
}

/// Writes one file, and returns when it is durable.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut batch = Batch::default();
    batch.add(path, bytes, access)?;
    batch.commit()
}

/// Makes a folder and those above it, each durable in the one above.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = parent(path);
    folder(parent)?;
    match fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => sync_folder(parent),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(if path.as_os_str().is_empty() { Path::new(".") } else { path })?.sync_all()
}

/// The folder that a file is in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Several files that become durable together, with as few waits as it takes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    files: Vec<(File, PathBuf, PathBuf)>,
}

impl Batch {
    /// Writes a file beside its place.
    pub(crate) fn add(&mut self, path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
        folder(parent(path))?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(BESIDE);
        let beside = PathBuf::from(beside);
        let mode = match access {
            Access::Owner => 0o600,
            Access::Group => 0o640,
        };
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&beside)
            .and_then(|mut file| file.write_all(bytes).map(|()| file));
        match written {
            Ok(file) => self.files.push((file, beside, path.to_owned())),
            Err(e) => {
                // The half-written file would only take room that is already short.
                let _ = fs::remove_file(&beside);
                return Err(e);
            }
        }
        Ok(())
    }

    /// Syncs them, puts them in their places, syncs the folders. On an error none that was there before is harmed.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        self.sync()?;
        for (_, beside, path) in &self.files {
            fs::rename(beside, path)?;
            folders.insert(parent(path));
        }
        for folder in folders {
            sync_folder(folder)?;
        }
        self.files.clear();
        Ok(())
    }
}

impl Batch {
    /// Syncs every file; many of them side by side, so that the disk's own log joins their waits.
    fn sync(&self) -> io::Result<()> {
        let sync =
            |files: &[(File, PathBuf, PathBuf)]| files.iter().try_for_each(|(file, _, _)| file.sync_data());
        if self.files.len() <= SYNCED_ALONE {
            return sync(&self.files);
        }
        std::thread::scope(|scope| {
            let parts = self.files.chunks(self.files.len().div_ceil(SIDE_BY_SIDE));
            let waits: Vec<_> = parts.map(|part| scope.spawn(move || sync(part))).collect();
            let died = |_| Err(io::Error::other("a syncing thread died"));
            waits.into_iter().try_for_each(|wait| wait.join().unwrap_or_else(died))
        })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for (_, beside, _) in &self.files {
            // Already renamed, or a leftover that the next writing replaces.
            let _ = fs::remove_file(beside);
        }
    }
}

/// Ending of a file that is not yet in its place.
pub(crate) const BESIDE: &str = ".tmp";

/// Files that are synced one after the other.
const SYNCED_ALONE: usize = 8;

/// Threads that sync a larger batch.
const SIDE_BY_SIDE: usize = 16;
