//! Checks a whole journal from its files alone: every entry, every hash, every signature, every file.
//!
//! In come a folder, the key that readers were given and, where one was kept, an older checkpoint; out goes a report.
//! It writes nothing, needs no private key, and holds one tile a level in memory however long the journal is. The
//! copy of a journal without its tail and key (what a tlog-tiles reader fetches) is checked as far as its checkpoint.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::committer::CHECKPOINT;
use super::durable::BESIDE;
use super::hash::{Frontier, Hash, leaf};
use super::note::{Checkpoint, MAX_NOTE, Verifier};
use super::state::{MAX_TAIL, TAIL, group_leaves, read_limited, read_tile};
use super::tail::{Next, Tail};
use super::tile::{self, Kind, Rows, TileId, WIDTH};
use super::{SIGNER, parse_signer};

/// What checking a journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were read.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// Entries that the published checkpoint covers.
    pub published: Option<u64>,
    /// Bytes behind the last whole group of the tail: a crash left them, nobody was told of them. Not damage.
    pub torn_bytes: u64,
    /// Files that a crash left before they got their names. Not damage.
    pub leftovers: u64,
    /// Damage, in the order in which it was found; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// Damage beyond those.
    pub more: u64,
}

impl Report {
    /// Whether the journal is what was acknowledged.
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, below the journal's folder.
    pub file: String,
    /// The entry where it begins, when it is known.
    pub entry: Option<u64>,
    /// What does not fit.
    pub what: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.file, self.what)?;
        self.entry.map_or(Ok(()), |entry| write!(f, " (entry {entry})"))
    }
}

/// Checks the journal in `dir` with the key that its readers were given, and against a checkpoint that was kept.
pub fn verify(dir: &Path, verifier: &Verifier, against: Option<&str>) -> Report {
    let mut walk = Walk {
        dir,
        verifier,
        report: Report::default(),
        frontier: Frontier::default(),
        rows: Rows::default(),
        first: 0,
        marks: Vec::new(),
    };
    walk.all(against);
    walk.report.size = walk.frontier.size();
    walk.report.root = walk.frontier.root();
    walk.report
}

/// A root that the tree must have had at a size.
struct Mark {
    size: u64,
    root: Hash,
    file: &'static str,
    what: &'static str,
}

struct Walk<'a> {
    dir: &'a Path,
    verifier: &'a Verifier,
    report: Report,
    frontier: Frontier,
    rows: Rows,
    /// First entry that need not be in a full tile.
    first: u64,
    marks: Vec<Mark>,
}

impl Walk<'_> {
    fn all(&mut self, against: Option<&str>) {
        self.key();
        let published = self.published();
        if let Some(text) = against {
            match self.verifier.open(text) {
                Ok(kept) => self.mark(&kept, KEPT, "the journal's entries are not those that it covers"),
                Err(_) => self.found(KEPT, None, "it is not signed by the journal's key"),
            }
        }
        let bytes = match read_limited(&self.dir.join(TAIL), MAX_TAIL) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound && !self.dir.join(SIGNER).exists() => None,
            Err(_) => {
                self.found(TAIL, None, "it cannot be read");
                None
            }
        };
        let tail = bytes.as_deref().and_then(|bytes| {
            let tail = Tail::read(bytes);
            if tail.is_none() {
                self.found(TAIL, None, "its head does not fit its check");
            }
            tail
        });
        match &tail {
            Some(tail) => {
                self.first = tail.first;
                match self.verifier.open(tail.note) {
                    Ok(start) if start.size == tail.first => {
                        self.mark(&start, TAIL, "the full tiles are not those that it follows");
                    }
                    _ => self.found(TAIL, None, "its first checkpoint is not signed"),
                }
            }
            None => self.first = published.unwrap_or(0) / WIDTH as u64 * WIDTH as u64,
        }
        self.marks.sort_by_key(|mark| mark.size);
        self.reached();
        if self.full_bundles() {
            let pending = match tail {
                Some(tail) => self.tail(tail),
                None => self.partial_bundle(published.unwrap_or(0)),
            };
            self.pending_bundles(&pending);
            let rows = std::mem::take(&mut self.rows);
            for (id, row) in rows.partial() {
                self.partials(id, row.as_flattened(), |width| width * 32);
            }
            for mark in std::mem::take(&mut self.marks) {
                self.found(mark.file, None, "it covers more entries than the journal has");
            }
        }
        self.needed(published.unwrap_or(0));
        self.strays(&self.dir.join("tile"), "tile");
    }

    /// The private key, where it lies beside, must be that of the public one.
    fn key(&mut self) {
        match read_limited(&self.dir.join(SIGNER), MAX_NOTE as u64) {
            Ok(bytes) => {
                let signer = str::from_utf8(&bytes).ok().and_then(|text| parse_signer(text).ok());
                if signer.is_none_or(|signer| signer.verifier() != self.verifier) {
                    self.found(SIGNER, None, "it is not the key of this verifier");
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => self.found(SIGNER, None, "it cannot be read"),
        }
    }

    /// The published checkpoint: how many entries it covers.
    fn published(&mut self) -> Option<u64> {
        let bytes = match read_limited(&self.dir.join(CHECKPOINT), MAX_NOTE as u64) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            Err(_) => {
                self.found(CHECKPOINT, None, "it cannot be read");
                return None;
            }
        };
        match str::from_utf8(&bytes).ok().and_then(|text| self.verifier.open(text).ok()) {
            Some(stated) => {
                self.report.published = Some(stated.size);
                self.mark(&stated, CHECKPOINT, "the journal's entries are not those that it covers");
                Some(stated.size)
            }
            None => {
                self.found(CHECKPOINT, None, "it is not signed by the journal's key");
                None
            }
        }
    }

    /// Every full bundle up to the tail. Whether the walk can go on behind them.
    fn full_bundles(&mut self) -> bool {
        for index in 0..self.first / WIDTH as u64 {
            let id = TileId::full(Kind::Entries, index);
            let bundle = read_tile(self.dir, id).unwrap_or_default();
            let leaves: Option<Vec<Hash>> = tile::entries(&bundle).map(|entry| entry.map(leaf)).collect();
            let leaves = match leaves.filter(|leaves| leaves.len() == WIDTH) {
                Some(leaves) => {
                    self.bundle_partials(id, &bundle);
                    leaves
                }
                None => {
                    self.found(&id.path(), Some(index * 256), "it does not hold 256 entries");
                    // The hashes still tell whether the rest is sound.
                    let hashes =
                        read_tile(self.dir, TileId::full(Kind::Hashes(0), index)).unwrap_or_default();
                    match tile::hashes(&hashes).filter(|hashes| hashes.len() == WIDTH) {
                        Some(hashes) => hashes,
                        None => {
                            let what =
                                "neither entries nor hashes can be read: nothing behind them was checked";
                            self.found(&id.path(), Some(index * 256), what);
                            return false;
                        }
                    }
                }
            };
            leaves.into_iter().for_each(|leaf| self.push(leaf));
        }
        true
    }

    /// The groups of the tail; returns their entries as a bundle.
    fn tail(&mut self, mut tail: Tail<'_>) -> Vec<u8> {
        let mut pending = Vec::new();
        loop {
            match tail.next() {
                Next::Group { body, count, note } => {
                    let from = self.frontier.size();
                    let mut edge = self.frontier.clone();
                    match group_leaves(body, count, note, &mut edge, self.verifier) {
                        Ok(leaves) => leaves.into_iter().for_each(|leaf| self.push(leaf)),
                        Err(what) => {
                            self.found(TAIL, Some(from), what);
                            return pending;
                        }
                    }
                    pending.extend_from_slice(body);
                }
                Next::End => return pending,
                Next::Torn { bytes } => {
                    self.report.torn_bytes = bytes as u64;
                    return pending;
                }
                Next::Damaged => {
                    let from = self.frontier.size();
                    self.found(TAIL, Some(from), "a group's head does not fit its check");
                    return pending;
                }
            }
        }
    }

    /// Without a tail: the partial bundle that the published checkpoint asks for.
    fn partial_bundle(&mut self, size: u64) -> Vec<u8> {
        let width = usize::try_from(size % WIDTH as u64).unwrap_or(0);
        if width == 0 {
            return Vec::new();
        }
        let id = TileId { kind: Kind::Entries, index: size / WIDTH as u64, width };
        let full = TileId { width: WIDTH, ..id };
        let bundle = read_tile(self.dir, id).or_else(|_| read_tile(self.dir, full)).unwrap_or_default();
        for entry in tile::entries(&bundle).take(width) {
            match entry {
                Some(entry) => self.push(leaf(entry)),
                None => self.found(&id.path(), None, "an entry breaks off"),
            }
        }
        bundle
    }

    /// Bundles of entries that the tail has too: full ones that were written before it was rotated, and partial ones.
    fn pending_bundles(&mut self, pending: &[u8]) {
        let mut rest = pending;
        let mut index = self.first / WIDTH as u64;
        while !rest.is_empty() {
            let (len, count) = prefix(rest, WIDTH);
            let (bundle, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            let full = TileId::full(Kind::Entries, index);
            if count == WIDTH {
                match read_tile(self.dir, full) {
                    Ok(bytes) if bytes == bundle => {}
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    _ => self.found(&full.path(), Some(index * 256), "its entries are not those of the tail"),
                }
            }
            self.bundle_partials(full, bundle);
            (rest, index) = (behind, index + 1);
        }
    }

    /// One more leaf: fills tiles, which are compared, and reaches marks.
    fn push(&mut self, leaf: Hash) {
        self.frontier.push(leaf);
        let mut rows = std::mem::take(&mut self.rows);
        let _ = rows.push(leaf, |id, row| {
            self.full_tile(id, row);
            Ok::<(), std::convert::Infallible>(())
        });
        self.rows = rows;
        self.reached();
    }

    /// Compares the roots at the size that the tree has now.
    fn reached(&mut self) {
        let size = self.frontier.size();
        while self.marks.first().is_some_and(|mark| mark.size <= size) {
            let mark = self.marks.remove(0);
            if mark.size == size && mark.root != self.frontier.root() {
                self.found(mark.file, None, mark.what);
            }
        }
    }

    /// Compares a full tile of hashes, and the partial ones that it took the place of.
    fn full_tile(&mut self, id: TileId, row: &[Hash]) {
        match read_tile(self.dir, id) {
            Ok(bytes) if bytes == row.as_flattened() => {}
            Ok(bytes) => {
                let differs = bytes.chunks(32).zip(row).position(|(have, want)| have != want).unwrap_or(0);
                let entry = (id.kind == Kind::Hashes(0)).then(|| id.index * 256 + differs as u64);
                self.found(&id.path(), entry, "its hashes are not those of the entries");
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound && id.end().is_none_or(|end| end > self.first) => {}
            Err(_) => self.found(&id.path(), None, "it cannot be read"),
        }
        self.partials(id, row.as_flattened(), |width| width * 32);
    }

    fn bundle_partials(&mut self, id: TileId, bundle: &[u8]) {
        self.partials(id, bundle, |width| prefix(bundle, width).0);
    }

    /// Compares the partial files of a tile with the beginning of its bytes; `len` tells how long one of a width is.
    fn partials(&mut self, id: TileId, bytes: &[u8], len: impl Fn(usize) -> usize) {
        let full = TileId { width: WIDTH, ..id };
        let Ok(folder) = fs::read_dir(self.dir.join(format!("{}.p", full.path()))) else { return };
        for file in folder.flatten() {
            let width = file.file_name().to_str().and_then(|name| name.parse::<usize>().ok());
            // What has no width for a name is found with the strays, and what is wider than the journal is long.
            let Some(width) = width.filter(|width| (1..WIDTH).contains(width)) else { continue };
            let part = TileId { width, ..id };
            if part.end().is_some_and(|end| end > self.frontier.size().max(self.first)) {
                continue;
            }
            let have = read_tile(self.dir, part).ok();
            if have.as_deref() != bytes.get(..len(width)) || have.is_none() {
                self.found(&part.path(), None, "it is not the beginning of its tile");
            }
        }
    }

    /// The partial tiles that a reader of the published checkpoint asks for.
    fn needed(&mut self, size: u64) {
        let mut level: u8 = 0;
        while let Some(count) = size.checked_shr(8 * u32::from(level)).filter(|count| *count > 0) {
            let width = usize::try_from(count % 256).unwrap_or(0);
            let kinds = [Kind::Hashes(level), Kind::Entries];
            for kind in kinds.into_iter().take(if level == 0 { 2 } else { 1 }).filter(|_| width > 0) {
                let id = TileId { kind, index: count / 256, width };
                let full = TileId { width: WIDTH, ..id };
                if !self.dir.join(id.path()).exists() && !self.dir.join(full.path()).exists() {
                    self.found(&id.path(), None, "the checkpoint needs it and it is missing");
                }
            }
            level += 1;
        }
    }

    /// Files that no journal of this length has.
    fn strays(&mut self, folder: &Path, below: &str) {
        let mut folders: Vec<(PathBuf, String)> = vec![(folder.to_owned(), below.to_owned())];
        while let Some((folder, below)) = folders.pop() {
            let Ok(files) = fs::read_dir(&folder) else { continue };
            for file in files.flatten() {
                let path = format!("{below}/{}", file.file_name().to_string_lossy());
                if file.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push((file.path(), path));
                } else if path.ends_with(BESIDE) {
                    self.report.leftovers += 1;
                } else if TileId::parse(&path)
                    .and_then(|id| id.end())
                    .is_none_or(|end| end > self.frontier.size())
                {
                    self.found(&path, None, "no journal of this length has it");
                }
            }
        }
    }

    fn mark(&mut self, stated: &Checkpoint, file: &'static str, what: &'static str) {
        self.marks.push(Mark { size: stated.size, root: stated.root, file, what });
    }

    fn found(&mut self, file: &str, entry: Option<u64>, what: &'static str) {
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(Finding { file: file.to_owned(), entry, what });
        } else {
            self.report.more += 1;
        }
    }
}

/// How long the first `width` entries of a bundle are, and how many there are of them.
fn prefix(bundle: &[u8], width: usize) -> (usize, usize) {
    tile::entries(bundle)
        .take(width)
        .map(|entry| entry.map_or(2, |entry| 2 + entry.len()))
        .fold((0, 0), |(len, count), entry| (len + entry, count + 1))
}

/// What findings call the checkpoint that was kept elsewhere.
const KEPT: &str = "kept checkpoint";

/// Findings beyond this are only counted.
pub const MAX_FINDINGS: usize = 1000;
