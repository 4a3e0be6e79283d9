//! What the open journal knows by heart: the right edge of the tree, and the entries that are not in full tiles yet.
//!
//! Read from the folder at opening and checked against the signed checkpoints there; older entries and hashes are
//! read from their tiles when somebody asks.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::hash::{Frontier, Hash, leaf, row_root};
use super::note::Verifier;
use super::tail::{Next, Tail};
use super::tile::{self, Kind, MAX_ENTRY, Rows, TileId, WIDTH};

/// The journal's state in memory.
#[derive(Debug)]
pub(super) struct State {
    dir: PathBuf,
    /// The tree of the entries that are in full tiles.
    pub(super) rows: Rows,
    /// The entries behind those, as a bundle.
    pub(super) pending: Vec<u8>,
    /// Where each of them begins in `pending`.
    pub(super) starts: Vec<usize>,
    /// Their hashes.
    pub(super) leaves: Vec<Hash>,
    /// The tree of all entries.
    pub(super) frontier: Frontier,
    /// The signed checkpoint of all entries.
    pub(super) note: String,
}

/// What reading the tail found.
#[derive(Debug, Clone, Copy)]
pub(super) struct TailEnd {
    /// Bytes of it that are whole.
    pub(super) whole: u64,
    /// Bytes of a torn group behind them.
    pub(super) torn: u64,
}

impl State {
    /// The state of a journal without entries.
    pub(super) fn empty(dir: &Path, note: String) -> Self {
        Self {
            dir: dir.to_owned(),
            rows: Rows::default(),
            pending: Vec::new(),
            starts: Vec::new(),
            leaves: Vec::new(),
            frontier: Frontier::default(),
            note,
        }
    }

    /// Reads tail and right edge from the folder and checks them against the signed checkpoints in the tail.
    pub(super) fn load(dir: &Path, verifier: &Verifier) -> Result<(Self, TailEnd), JournalError> {
        let bytes = read_limited(&dir.join(TAIL), MAX_TAIL).map_err(JournalError::disk("read the tail"))?;
        let damaged = |why| JournalError::damaged(TAIL, why);
        let mut tail = Tail::read(&bytes).ok_or_else(|| damaged("its head does not fit its check"))?;
        let start = verifier.open(tail.note).map_err(|_| damaged("its first checkpoint is not signed"))?;
        if start.size != tail.first || !tail.first.is_multiple_of(WIDTH as u64) {
            return Err(damaged("its first index is not that of its checkpoint"));
        }
        let mut state = Self::empty(dir, tail.note.to_owned());
        state.rows = read_rows(dir, tail.first)?;
        state.frontier = state.rows.frontier();
        if state.frontier.root() != start.root {
            return Err(JournalError::damaged("tile", "hash tiles do not add up to the signed checkpoint"));
        }
        let mut whole = tail.offset();
        loop {
            match tail.next() {
                Next::Group { body, count, note } => {
                    let leaves = group_leaves(body, count, note, &mut state.frontier, verifier)
                        .map_err(|why| JournalError::damaged(TAIL, why))?;
                    state.extend(body, leaves, note.to_owned());
                    whole = tail.offset();
                }
                Next::End => return Ok((state, TailEnd { whole: whole as u64, torn: 0 })),
                Next::Torn { bytes } => {
                    return Ok((state, TailEnd { whole: whole as u64, torn: bytes as u64 }));
                }
                Next::Damaged => return Err(damaged("a group's head does not fit its check")),
            }
        }
    }

    /// Takes a durable group in; the frontier has been moved already.
    pub(super) fn extend(&mut self, body: &[u8], leaves: Vec<Hash>, note: String) {
        let mut at = self.pending.len();
        self.pending.extend_from_slice(body);
        for entry in tile::entries(body) {
            self.starts.push(at);
            at += 2 + entry.map_or(0, <[u8]>::len);
        }
        self.leaves.extend(leaves);
        self.note = note;
    }

    /// Forgets the entries that have gone into full tiles; `rows` is the tree behind them.
    pub(super) fn rotate(&mut self, rows: Rows) {
        let gone = usize::try_from(rows.size() - self.rows.size()).unwrap_or(usize::MAX);
        let cut = self.starts.get(gone).copied().unwrap_or(self.pending.len());
        self.pending.drain(..cut);
        self.leaves.drain(..gone.min(self.leaves.len()));
        self.starts.drain(..gone.min(self.starts.len()));
        self.starts.iter_mut().for_each(|start| *start -= cut);
        self.rows = rows;
    }

    /// Index of the first entry that is not in a full tile.
    pub(super) const fn first(&self) -> u64 {
        self.rows.size()
    }

    /// The bundle bytes of the pending entries `from..to`.
    pub(super) fn bundle(&self, from: usize, to: usize) -> &[u8] {
        let at = |n: usize| self.starts.get(n).copied().unwrap_or(self.pending.len());
        self.pending.get(at(from)..at(to)).unwrap_or_default()
    }

    /// An entry.
    pub(super) fn entry(&self, index: u64) -> Result<Vec<u8>, JournalError> {
        let size = self.frontier.size();
        if index >= size {
            return Err(JournalError::NoSuchEntry { asked: index, size });
        }
        let (bundle, at) = match index.checked_sub(self.first()) {
            Some(at) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                (self.bundle(at, at.saturating_add(1)).to_vec(), 0)
            }
            None => {
                let id = TileId::full(Kind::Entries, index / WIDTH as u64);
                (self.read(id)?, usize::try_from(index % WIDTH as u64).unwrap_or(0))
            }
        };
        let found = tile::entries(&bundle).nth(at).flatten().map(<[u8]>::to_vec);
        found.ok_or_else(|| {
            JournalError::damaged(TileId::full(Kind::Entries, index / 256).path(), "an entry is missing")
        })
    }

    /// The hash at `index` of a tile level; its subtree must be full.
    pub(super) fn hash(&self, level: u8, index: u64) -> Result<Hash, JournalError> {
        let first = self.first();
        let done = first.checked_shr(8 * u32::from(level)).unwrap_or(0);
        if index >= done {
            if level == 0 {
                let at = usize::try_from(index - first).unwrap_or(usize::MAX);
                return self
                    .leaves
                    .get(at)
                    .copied()
                    .ok_or(JournalError::NoSuchEntry { asked: index, size: self.frontier.size() });
            }
            let children: Result<Vec<Hash>, _> =
                (index * 256..(index + 1) * 256).map(|child| self.hash(level - 1, child)).collect();
            return Ok(row_root(&children?));
        }
        if let Some(hash) = self.rows.get(level, index) {
            return Ok(hash);
        }
        let id = TileId::full(Kind::Hashes(level), index / 256);
        let row = tile::hashes(&self.read(id)?).unwrap_or_default();
        let hash = row.get(usize::try_from(index % 256).unwrap_or(0)).copied();
        hash.ok_or_else(|| JournalError::damaged(id.path(), "a hash is missing"))
    }

    fn read(&self, id: TileId) -> Result<Vec<u8>, JournalError> {
        read_tile(&self.dir, id).map_err(JournalError::disk("read a tile"))
    }
}

/// The leaf hashes of a group, after its entries, count, root and signature were checked. Moves the frontier.
pub(super) fn group_leaves(
    body: &[u8],
    count: usize,
    note: &str,
    frontier: &mut Frontier,
    verifier: &Verifier,
) -> Result<Vec<Hash>, &'static str> {
    let leaves: Option<Vec<Hash>> = tile::entries(body).map(|entry| entry.map(leaf)).collect();
    let leaves =
        leaves.filter(|l| l.len() == count).ok_or("a group does not hold the entries that it counts")?;
    leaves.iter().for_each(|hash| frontier.push(*hash));
    let stated = verifier.open(note).map_err(|_| "a group's checkpoint is not signed")?;
    if stated.size == frontier.size() && stated.root == frontier.root() {
        Ok(leaves)
    } else {
        Err("a group's entries are not those of its signed checkpoint")
    }
}

/// The filling rows of a tree of `first` leaves, a multiple of 256, from the full tiles below them.
fn read_rows(dir: &Path, first: u64) -> Result<Rows, JournalError> {
    let mut rows = vec![Vec::new()];
    let mut level: u8 = 1;
    while let Some(count) = first.checked_shr(8 * u32::from(level)).filter(|count| *count > 0) {
        let mut row = Vec::with_capacity(WIDTH);
        for index in count & !0xFF..count {
            let id = TileId::full(Kind::Hashes(level - 1), index);
            let bytes = read_tile(dir, id).map_err(JournalError::disk("read a tile"))?;
            let hashes = tile::hashes(&bytes).filter(|hashes| hashes.len() == WIDTH);
            row.push(row_root(
                &hashes.ok_or_else(|| JournalError::damaged(id.path(), "it has another length"))?,
            ));
        }
        rows.push(row);
        level += 1;
    }
    Ok(Rows::from_rows(first, rows))
}

/// The bytes of a tile or bundle; longer than one can be is an error.
pub(super) fn read_tile(dir: &Path, id: TileId) -> io::Result<Vec<u8>> {
    let limit = match id.kind {
        Kind::Entries => WIDTH * (2 + MAX_ENTRY),
        Kind::Hashes(_) => WIDTH * 32,
    };
    read_limited(&dir.join(id.path()), limit as u64)
}

/// The bytes of a file that must not be longer than `limit`.
pub(super) fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is longer than it can be"));
    }
    Ok(bytes)
}

/// Name of the tail in the journal's folder.
pub(super) const TAIL: &str = "tail";

/// Longest tail that is read: what the committer lets it grow to, and one group.
pub(super) const MAX_TAIL: u64 = 256 << 20;
