//! Small journals for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tadoru_gate::journal::{Journal, Options, Recovery};

pub const ORIGIN: &str = "journal.example.net/desk";

/// Nothing is published but when the test says so.
pub fn options() -> Options {
    Options { publish_every: Duration::from_secs(3600), ..Options::new(ORIGIN) }
}

pub fn open(dir: &Path) -> (Journal, Recovery) {
    Journal::open(dir, &options()).unwrap()
}

/// A folder in memory where there is one: the tests that open a journal thousands of times need no real disk.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Entry `n`: its number, and as many bytes behind it as the number says.
pub fn entry(n: u64) -> Vec<u8> {
    let mut entry = format!("{n}:").into_bytes();
    entry.extend(std::iter::repeat_n(b'x', usize::try_from(n % 7).unwrap()));
    entry
}

pub fn entries(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(entry).collect()
}

/// Every file below a folder, sorted.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

pub fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let path = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&file, path).unwrap();
    }
}
