//! Tiles and entry bundles of C2SP tlog-tiles: their paths, their bytes, and the rows that fill them.
//!
//! In come leaf hashes, out go full tiles as they fill and the partial ones on demand. Nothing here opens a file.

use super::hash::{Frontier, Hash, row_root};

/// Hashes of a full tile, entries of a full bundle.
pub const WIDTH: usize = 256;

/// Longest entry: bundles hold its length in 16 bits.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// What a file under `tile/` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Entries: `tile/entries/…`.
    Entries,
    /// Hashes of that level: `tile/<L>/…`.
    Hashes(u8),
}

/// One file under `tile/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Entries, or hashes of a level.
    pub kind: Kind,
    /// Which of its level.
    pub index: u64,
    /// How many hashes or entries, 1 to 256; 256 is a full one.
    pub width: usize,
}

impl TileId {
    /// A full tile.
    pub const fn full(kind: Kind, index: u64) -> Self {
        Self { kind, index, width: WIDTH }
    }

    /// The path below the journal's folder, with `/` between its parts.
    pub fn path(&self) -> String {
        let mut path = String::from("tile/");
        match self.kind {
            Kind::Entries => path.push_str("entries"),
            Kind::Hashes(level) => path.push_str(&level.to_string()),
        }
        let digits = format!("{:03}", self.index);
        let head = digits.len() % 3;
        let padded = if head == 0 { digits } else { format!("{}{digits}", "0".repeat(3 - head)) };
        let groups = padded.len() / 3;
        for group in 0..groups {
            path.push_str(if group + 1 == groups { "/" } else { "/x" });
            path.push_str(padded.get(group * 3..group * 3 + 3).unwrap_or_default());
        }
        if self.width < WIDTH {
            path.push_str(&format!(".p/{}", self.width));
        }
        path
    }

    /// The tile that has this path; `None` when the path is not one, or not in the one right spelling.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = if kind == "entries" { Kind::Entries } else { Kind::Hashes(kind.parse().ok()?) };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().ok()?),
            None => (rest, WIDTH),
        };
        let digits: String = index.chars().filter(char::is_ascii_digit).collect();
        let tile = Self { kind, index: digits.parse().ok()?, width };
        (tile.path() == path && (1..=WIDTH).contains(&width)).then_some(tile)
    }

    /// First leaf behind it: the journal must be at least so long to have it.
    pub fn end(&self) -> Option<u64> {
        let level = match self.kind {
            Kind::Entries => 0,
            Kind::Hashes(level) => u32::from(level),
        };
        let unit = 256_u64.checked_pow(level)?;
        self.index.checked_mul(256)?.checked_add(self.width as u64)?.checked_mul(unit)
    }
}

/// Adds an entry to a bundle: its length in two bytes, big-endian, and its bytes. It must not exceed [`MAX_ENTRY`].
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let len = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&len.to_be_bytes());
    bundle.extend_from_slice(entry.get(..usize::from(len)).unwrap_or(entry));
}

/// The entries of a bundle in their order; `None` in place of an entry that the bytes break off in.
pub fn entries(bundle: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = bundle;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = rest
            .split_first_chunk::<2>()
            .and_then(|(len, tail)| tail.split_at_checked(usize::from(u16::from_be_bytes(*len))));
        rest = split.map_or(&[], |(_, tail)| tail);
        Some(split.map(|(entry, _)| entry))
    })
}

/// The hashes of a tile file; `None` when its length is not one of whole hashes.
pub fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (whole, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| whole.to_vec())
}

/// The tiles that are still filling, a row a level.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    rows: Vec<Vec<Hash>>,
    size: u64,
}

impl Rows {
    /// The rows of a tree of `size` leaves, from the lowest level up.
    pub(super) fn from_rows(size: u64, rows: Vec<Vec<Hash>>) -> Self {
        Self { rows, size }
    }

    /// One more leaf; each tile that fills by it is handed out.
    ///
    /// # Errors
    /// Those of `filled`; the rows are then no longer of use.
    pub fn push<E>(
        &mut self,
        leaf: Hash,
        mut filled: impl FnMut(TileId, &[Hash]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut hash = leaf;
        let mut level: u8 = 0;
        self.size += 1;
        loop {
            let at = usize::from(level);
            if self.rows.len() <= at {
                self.rows.push(Vec::with_capacity(WIDTH));
            }
            let Some(row) = self.rows.get_mut(at) else { return Ok(()) };
            row.push(hash);
            if row.len() < WIDTH {
                return Ok(());
            }
            let span = 256_u64.checked_pow(u32::from(level) + 1).unwrap_or(u64::MAX);
            filled(TileId::full(Kind::Hashes(level), self.size / span - 1), row)?;
            hash = row_root(row);
            row.clear();
            level += 1;
        }
    }

    /// The partial tiles of the tree as it is now.
    pub fn partial(&self) -> impl Iterator<Item = (TileId, &[Hash])> {
        self.rows.iter().zip(0_u8..).filter(|(row, _)| !row.is_empty()).map(|(row, level)| {
            let span = 256_u64.checked_pow(u32::from(level) + 1).unwrap_or(u64::MAX);
            let id = TileId { kind: Kind::Hashes(level), index: self.size / span, width: row.len() };
            (id, row.as_slice())
        })
    }

    /// The hash at `index` of `level`, when it stands in a tile that is still filling.
    pub fn get(&self, level: u8, index: u64) -> Option<Hash> {
        let row = self.rows.get(usize::from(level))?;
        let done = self.size.checked_shr(8 * u32::from(level)).unwrap_or(0) & !0xFF;
        row.get(usize::try_from(index.checked_sub(done)?).ok()?).copied()
    }

    /// The right edge of the tree.
    pub fn frontier(&self) -> Frontier {
        let mut roots = Vec::new();
        for row in self.rows.iter().rev() {
            let mut edge = Frontier::default();
            row.iter().for_each(|hash| edge.push(*hash));
            roots.extend_from_slice(edge.roots());
        }
        Frontier::from_roots(self.size, roots)
    }

    /// How many leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }
}
