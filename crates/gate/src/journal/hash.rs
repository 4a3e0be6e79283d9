//! The Merkle tree of RFC 6962: hashes of entries and of pairs, and the running head of a growing tree.
//!
//! In come entries in their order, out goes the root at any moment. It keeps as many hashes as the size has binary
//! ones, and never reads a file.

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// Hash of an entry: `SHA-256(0x00 || entry)` (RFC 6962 section 2.1).
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// Hash of two neighbours: `SHA-256(0x01 || left || right)` (RFC 6962 section 2.1).
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of the tree without entries.
pub fn empty() -> Hash {
    Sha256::new().finalize().into()
}

/// Root over a row of subtrees of one height, such as the hashes of a tile.
pub fn row_root(row: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for hash in row {
        frontier.push(*hash);
    }
    frontier.root()
}

/// The right edge of a growing tree: the roots of its perfect subtrees, the largest first.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree of `size` leaves, from its perfect subtrees, the largest first.
    pub(super) fn from_roots(size: u64, roots: Vec<Hash>) -> Self {
        Self { size, roots }
    }

    /// One more leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut ones = self.size;
        while ones & 1 == 1 {
            if let Some(left) = self.roots.pop() {
                hash = node(&left, &hash);
            }
            ones >>= 1;
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// How many leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root now.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => empty(),
            Some(last) => roots.fold(*last, |right, left| node(left, &right)),
        }
    }

    /// Its perfect subtrees, the largest first.
    pub(super) fn roots(&self) -> &[Hash] {
        &self.roots
    }
}
