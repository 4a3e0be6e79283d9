//! Proofs that an entry is in the journal, and that a journal only grew: made and checked as in RFC 6962 section 2.1
//! and RFC 9162 section 2.1.
//!
//! Making asks for single hashes of tiles; checking needs nothing but the proof. The text form is C2SP tlog-proof.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::hash::{Hash, empty, node, row_root};

/// That an entry stands at an index of a tree of that size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Index of the entry.
    pub index: u64,
    /// Size of the tree.
    pub size: u64,
    /// Neighbours from the leaf to the root.
    pub path: Vec<Hash>,
}

/// That the tree of the new size begins with the tree of the old size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// Size of the tree that was.
    pub old: u64,
    /// Size of the tree that is.
    pub new: u64,
    /// Hashes from the lowest to the highest.
    pub path: Vec<Hash>,
}

impl Inclusion {
    /// Makes it; `hash` gives the hash at a tile level (0: leaves) and an index. `None` when `index` is not below `size`.
    ///
    /// # Errors
    /// Those of `hash`.
    pub fn make<E>(
        index: u64,
        size: u64,
        hash: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
    ) -> Result<Option<Self>, E> {
        if index >= size {
            return Ok(None);
        }
        let (mut path, mut lo, mut hi) = (Vec::new(), 0, size);
        while hi - lo > 1 {
            let middle = lo + split(hi - lo);
            if index < middle {
                path.push(root_of(middle, hi, hash)?);
                hi = middle;
            } else {
                path.push(root_of(lo, middle, hash)?);
                lo = middle;
            }
        }
        path.reverse();
        Ok(Some(Self { index, size, path }))
    }

    /// Whether `leaf` stands there in the tree with `root` (RFC 9162 section 2.1.3.2).
    pub fn proves(&self, leaf: &Hash, root: &Hash) -> bool {
        if self.index >= self.size {
            return false;
        }
        let (mut at, mut last, mut hash) = (self.index, self.size - 1, *leaf);
        for neighbour in &self.path {
            if last == 0 {
                return false;
            }
            if at & 1 == 1 || at == last {
                hash = node(neighbour, &hash);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node(&hash, neighbour);
            }
            at >>= 1;
            last >>= 1;
        }
        last == 0 && hash == *root
    }

    /// The C2SP tlog-proof text with the signed checkpoint of the tree's size.
    pub fn to_text(&self, checkpoint: &str) -> String {
        let mut text = format!("{PROOF_HEAD}\nindex {}\n", self.index);
        for hash in &self.path {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(checkpoint);
        text
    }

    /// Reads the C2SP tlog-proof text: the proof, whose size is still 0 until the checkpoint is opened, and the note.
    pub fn parse(text: &str) -> Option<(Self, &str)> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(PROOF_HEAD) {
            return None;
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next()?.strip_prefix("index ")?;
        let count: u64 = index.parse().ok()?;
        let path: Option<Vec<Hash>> =
            lines.map(|line| STANDARD.decode(line).ok()?.try_into().ok()).take(65).collect();
        (count.to_string() == index).then_some((Self { index: count, size: 0, path: path? }, note))
    }
}

impl Consistency {
    /// Makes it; `hash` as for [`Inclusion::make`]. `None` when `old` is larger than `new`.
    ///
    /// # Errors
    /// Those of `hash`.
    pub fn make<E>(
        old: u64,
        new: u64,
        hash: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
    ) -> Result<Option<Self>, E> {
        if old > new {
            return Ok(None);
        }
        let mut path = Vec::new();
        if old > 0 && old < new {
            let (mut lo, mut hi, mut whole) = (0, new, true);
            while hi != old {
                let middle = lo + split(hi - lo);
                if old <= middle {
                    path.push(root_of(middle, hi, hash)?);
                    hi = middle;
                } else {
                    path.push(root_of(lo, middle, hash)?);
                    lo = middle;
                    whole = false;
                }
            }
            if !whole {
                path.push(root_of(lo, hi, hash)?);
            }
            path.reverse();
        }
        Ok(Some(Self { old, new, path }))
    }

    /// Whether the tree with `new_root` begins with the one with `old_root` (RFC 9162 section 2.1.4.2).
    pub fn proves(&self, old_root: &Hash, new_root: &Hash) -> bool {
        if self.old == self.new {
            return self.path.is_empty() && old_root == new_root;
        }
        if self.old == 0 {
            return self.path.is_empty() && *old_root == empty();
        }
        if self.old > self.new {
            return false;
        }
        let mut path = self.path.iter();
        let (mut at, mut last) = (self.old - 1, self.new - 1);
        while at & 1 == 1 {
            at >>= 1;
            last >>= 1;
        }
        let first = if self.old.is_power_of_two() { Some(old_root) } else { path.next() };
        let Some(first) = first else { return false };
        let (mut old, mut new) = (*first, *first);
        for hash in path {
            if last == 0 {
                return false;
            }
            if at & 1 == 1 || at == last {
                old = node(hash, &old);
                new = node(hash, &new);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                new = node(&new, hash);
            }
            at >>= 1;
            last >>= 1;
        }
        last == 0 && old == *old_root && new == *new_root
    }
}

/// Root of the leaves `lo..hi`, where `lo` is a place at which the tree splits.
///
/// # Errors
/// Those of `hash`.
pub fn root_of<E>(lo: u64, hi: u64, hash: &mut impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    // The perfect subtrees from left to right, then joined from the right.
    let (mut roots, mut at) = (Vec::new(), lo);
    while at < hi {
        let height = (hi - at).ilog2();
        let (level, within) = (height / 8, height % 8);
        let first = at >> (8 * level);
        let mut row = Vec::with_capacity(1 << within);
        for index in first..first + (1 << within) {
            row.push(hash(u8::try_from(level).unwrap_or(u8::MAX), index)?);
        }
        roots.push(row_root(&row));
        at += 1 << height;
    }
    let mut roots = roots.iter().rev();
    Ok(match roots.next() {
        None => empty(),
        Some(last) => roots.fold(*last, |right, left| node(left, &right)),
    })
}

/// Largest power of two below `n`, which is at least 2.
const fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// First line of a C2SP tlog-proof.
const PROOF_HEAD: &str = "c2sp.org/tlog-proof@v1";
