//! Pages of names: the holders of a segment, sorted, each once, with what it shares with the one before left out.
//!
//! What comes in: sorted byte strings. What goes out: the string with a given number. [`ROWS`] strings a page.

use super::bits::{put_varint, take_varint};

/// Names a page.
pub const ROWS: usize = 64;

/// Writes pages of names.
#[derive(Default)]
pub struct NamesWriter {
    page: Vec<u8>,
    last: Vec<u8>,
    in_page: usize,
    count: u32,
}

impl NamesWriter {
    /// Takes the next name; gives the page when it is full.
    pub fn push(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let shared = if self.in_page == 0 {
            0
        } else {
            self.last.iter().zip(name).take_while(|(a, b)| a == b).count()
        };
        let rest = name.get(shared..).unwrap_or_default();
        put_varint(&mut self.page, shared as u64);
        put_varint(&mut self.page, rest.len() as u64);
        self.page.extend_from_slice(rest);
        self.last.clear();
        self.last.extend_from_slice(name);
        self.count += 1;
        self.in_page += 1;
        if self.in_page == ROWS { self.finish() } else { None }
    }

    /// The page that was begun, if any.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        self.in_page = 0;
        if self.page.is_empty() { None } else { Some(std::mem::take(&mut self.page)) }
    }

    /// How many names it took.
    pub const fn count(&self) -> u32 {
        self.count
    }
}

/// A page of names that was opened.
pub struct NamesPage {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl NamesPage {
    /// Reads a page; `None` when it is none.
    pub fn read(mut page: &[u8]) -> Option<Self> {
        let (mut bytes, mut ends) = (Vec::<u8>::with_capacity(page.len() * 2), Vec::with_capacity(ROWS));
        let mut start = 0;
        while !page.is_empty() {
            let shared = usize::try_from(take_varint(&mut page)?).ok()?;
            let len = usize::try_from(take_varint(&mut page)?).ok()?;
            let (rest, after) = page.split_at_checked(len)?;
            page = after;
            let end = bytes.len();
            if shared > end - start {
                return None;
            }
            bytes.extend_from_within(start..start + shared);
            bytes.extend_from_slice(rest);
            start = end;
            ends.push(u32::try_from(bytes.len()).ok()?);
        }
        (ends.len() <= ROWS).then_some(Self { bytes, ends })
    }

    /// The name at that place.
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)? as usize;
        let start = if place == 0 { 0 } else { *self.ends.get(place - 1)? as usize };
        self.bytes.get(start..end)
    }

    /// How many names are in it.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that it takes in memory.
    pub fn size(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4 + 64
    }
}
