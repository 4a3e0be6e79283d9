//! The data folder: who owns it, how its files are written, and what its faults are called.
//!
//! What comes in: a path. What goes out: an owned folder (one process at a time, mode 0700, a version that fits), files
//! that are replaced whole or not at all. No message holds more of a path than its place inside the folder.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tadoru_store::StoreError;

pub mod codec;
pub mod log;

/// A data folder that this process owns for as long as any clone of it lives.
#[derive(Debug, Clone)]
pub struct Folder {
    root: Arc<Owned>,
    path: PathBuf,
}

#[derive(Debug)]
struct Owned {
    root: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the folder at `path`, making it when it is not there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process owns it; [`StoreError::Damaged`] when it was written by a later
    /// version of the program or holds no version; else what the disk says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let fault = |doing, source| disk(doing, ".", source);
        DirBuilder::new().recursive(true).mode(MODE).create(path).map_err(|e| fault("make", e))?;
        fs::set_permissions(path, fs::Permissions::from_mode(MODE)).map_err(|e| fault("protect", e))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(|e| disk("open", LOCK, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse),
            Err(TryLockError::Error(e)) => return Err(disk("lock", LOCK, e)),
        }
        let folder =
            Self { root: Arc::new(Owned { root: path.to_owned(), _lock: lock }), path: path.to_owned() };
        folder.check_version()?;
        Ok(folder)
    }

    /// The folder `name` inside this one, made when it is not there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn inside(&self, name: &str) -> Result<Self, StoreError> {
        let path = self.path.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(MODE)
            .create(&path)
            .map_err(|e| disk("make", &self.place(name), e))?;
        Ok(Self { root: Arc::clone(&self.root), path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file `name` in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// How faults call the file `name`: its place inside the data folder.
    pub fn place(&self, name: &str) -> String {
        self.path.strip_prefix(&self.root.root).unwrap_or(Path::new("")).join(name).display().to_string()
    }

    /// A new file for reading and writing; an old one of that name is cut to nothing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(&self, name: &str) -> Result<File, StoreError> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.file(name))
            .map_err(|e| self.fault("make", name, e))
    }

    /// An existing file for reading.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read_only(&self, name: &str) -> Result<File, StoreError> {
        File::open(self.file(name)).map_err(|e| self.fault("open", name, e))
    }

    /// Replaces the file `name` by `content`, whole or not at all, durable when it returns.
    ///
    /// # Errors
    /// What the disk says; then the old file stands.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let next = format!("{name}{NEXT}");
        let mut file = self.create(&next)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        if let Err(e) = written {
            let _ = fs::remove_file(self.file(&next));
            return Err(self.fault("write", name, e));
        }
        fs::rename(self.file(&next), self.file(name)).map_err(|e| self.fault("replace", name, e))?;
        self.sync()
    }

    /// Makes durable which files are in the folder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sync(&self) -> Result<(), StoreError> {
        File::open(&self.path).and_then(|d| d.sync_all()).map_err(|e| self.fault("sync", "", e))
    }

    /// Removes a file; one that is not there is no fault.
    ///
    /// # Errors
    /// What the disk says.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        match fs::remove_file(self.file(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(self.fault("remove", name, e)),
            _ => Ok(()),
        }
    }

    /// The names of the files in it, in order.
    ///
    /// # Errors
    /// What the disk says.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|e| self.fault("list", "", e))? {
            let entry = entry.map_err(|e| self.fault("list", "", e))?;
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The fault of the file `name`: a full disk is told apart from every other.
    pub fn fault(&self, doing: &'static str, name: &str, source: io::Error) -> StoreError {
        disk(doing, &self.place(name), source)
    }

    /// The fault of a file that does not hold what was written to it.
    pub fn damaged(&self, name: &str, what: &'static str) -> StoreError {
        StoreError::Damaged { file: self.place(name), what }
    }

    fn check_version(&self) -> Result<(), StoreError> {
        match fs::read_to_string(self.file(VERSION_FILE)) {
            Ok(text) if text.trim_end() == VERSION => Ok(()),
            Ok(_) => Err(self.damaged(VERSION_FILE, "not a version that this program reads")),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.replace(VERSION_FILE, format!("{VERSION}\n").as_bytes())
            }
            Err(e) => Err(self.fault("read", VERSION_FILE, e)),
        }
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn disk(doing: &'static str, file: &str, source: io::Error) -> StoreError {
    let full = matches!(
        source.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    );
    if full {
        StoreError::Full { file: file.to_owned() }
    } else {
        StoreError::Disk { doing, file: file.to_owned(), source }
    }
}

const MODE: u32 = 0o700;
const LOCK: &str = "lock";
const VERSION_FILE: &str = "version";
const VERSION: &str = "tadoru data 1";

/// What a file is called while it is being written.
pub const NEXT: &str = ".next";

#[cfg(test)]
mod tests;
