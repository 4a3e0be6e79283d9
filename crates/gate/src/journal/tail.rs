//! The tail: what was appended since the last full tiles, in one file that is synced before anybody is answered.
//!
//! In come groups of entries, each closed by the signed checkpoint that covers it; out come the groups that are whole,
//! and what is behind them: nothing, the torn end of a group that nobody was told of, or damage. A group that is all
//! there in length but not in content is damage, because a process that is killed leaves only beginnings.
//!
//! Layout, integers big-endian: `TADTAIL1`, first index (8), length of note (2), signed checkpoint at the first
//! index, check (8); then groups: length of body (4), length of note (2), entries (4), check (6), body (an entry
//! bundle), signed checkpoint behind it. A check is the beginning of the SHA-256 of what stands before it in its head.

use sha2::{Digest, Sha256};

/// Largest body of a group.
pub(super) const MAX_BODY: usize = 64 << 20;

/// The head of a tail that begins at the entry `first`, with the signed checkpoint of that size.
pub(super) fn head(first: u64, note: &str) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&first.to_be_bytes());
    head.extend_from_slice(&u16::try_from(note.len()).unwrap_or(u16::MAX).to_be_bytes());
    head.extend_from_slice(note.as_bytes());
    let check = check::<HEAD_CHECK>(&head);
    head.extend_from_slice(&check);
    head
}

/// A group: `count` entries as a bundle, and the signed checkpoint behind them.
pub(super) fn group(body: &[u8], count: usize, note: &str) -> Vec<u8> {
    let mut group = Vec::with_capacity(GROUP_HEAD + body.len() + note.len());
    group.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    group.extend_from_slice(&u16::try_from(note.len()).unwrap_or(u16::MAX).to_be_bytes());
    group.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    let check = check::<GROUP_CHECK>(&group);
    group.extend_from_slice(&check);
    group.extend_from_slice(body);
    group.extend_from_slice(note.as_bytes());
    group
}

/// A tail as read.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    /// Index of its first entry.
    pub(super) first: u64,
    /// Signed checkpoint at that index.
    pub(super) note: &'a str,
    rest: &'a [u8],
    at: usize,
}

/// What stands next in a tail.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// A group that is whole by its lengths; its content is for the reader to check against its note.
    Group {
        /// Entry bundle.
        body: &'a [u8],
        /// How many entries.
        count: usize,
        /// Signed checkpoint behind it.
        note: &'a str,
    },
    /// Nothing more.
    End,
    /// The beginning of a group that was never finished, so that nobody was told of it.
    Torn {
        /// How many bytes.
        bytes: usize,
    },
    /// Bytes that no crash leaves.
    Damaged,
}

impl<'a> Tail<'a> {
    /// Reads the head; `None` when it is damaged. It is never torn: a tail gets its name only when its head is synced.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (note, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        let (sum, rest) = rest.split_first_chunk::<HEAD_CHECK>()?;
        let at = bytes.len() - rest.len();
        let whole = check::<HEAD_CHECK>(bytes.get(..at - HEAD_CHECK)?) == *sum && magic == MAGIC;
        let note = str::from_utf8(note).ok()?;
        whole.then_some(Self { first: u64::from_be_bytes(*first), note, rest, at })
    }

    /// Where the next group begins.
    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    /// The next group. After a torn or damaged one there is no next.
    pub(super) fn next(&mut self) -> Next<'a> {
        let (at, rest) = (self.at, self.rest);
        if rest.is_empty() {
            return Next::End;
        }
        self.rest = &[];
        self.at += rest.len();
        let torn = Next::Torn { bytes: rest.len() };
        let Some((head, behind)) = rest.split_first_chunk::<GROUP_HEAD>() else { return torn };
        let [b0, b1, b2, b3, n0, n1, c0, c1, c2, c3, sum @ ..] = head;
        let fields = head.get(..GROUP_HEAD - GROUP_CHECK).unwrap_or_default();
        if check::<GROUP_CHECK>(fields) != *sum {
            // A file system may lengthen the file before it writes to it: zeros to the end were never synced.
            return if rest.iter().all(|byte| *byte == 0) { torn } else { Next::Damaged };
        }
        let body_len = u32::from_be_bytes([*b0, *b1, *b2, *b3]) as usize;
        let note_len = usize::from(u16::from_be_bytes([*n0, *n1]));
        let count = u32::from_be_bytes([*c0, *c1, *c2, *c3]) as usize;
        let Some((body, behind)) = behind.split_at_checked(body_len) else { return torn };
        let Some((note, behind)) = behind.split_at_checked(note_len) else { return torn };
        let Ok(note) = str::from_utf8(note) else { return Next::Damaged };
        self.rest = behind;
        self.at = at + GROUP_HEAD + body_len + note_len;
        Next::Group { body, count, note }
    }
}

/// The beginning of the SHA-256 of `bytes`.
fn check<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.first_chunk::<N>().copied().unwrap_or([0; N])
}

const MAGIC: &[u8; 8] = b"TADTAIL1";

/// Bytes of a group's head.
const GROUP_HEAD: usize = 10 + GROUP_CHECK;

const HEAD_CHECK: usize = 8;
const GROUP_CHECK: usize = 6;
