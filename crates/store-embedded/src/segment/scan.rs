//! Reading a segment from end to end, for merging and for deleting rows.
//!
//! What comes in: an open segment. What goes out: its names in order, its rows in order.

use std::sync::Arc;

use tadoru_store::StoreError;

use crate::folder::codec::{Codec, PageKey};

use super::Segment;
use super::names::{self, NamesPage};
use super::page::Page;
use super::row::Row;

/// The rows of a segment, in order.
pub struct Rows<'c> {
    segment: Arc<Segment>,
    key: PageKey<'c>,
    section: usize,
    block: usize,
    entry: usize,
    rows: std::vec::IntoIter<Row>,
    buffer: Vec<u8>,
    spare: Vec<Row>,
}

impl<'c> Rows<'c> {
    /// From the first row on.
    ///
    /// # Errors
    /// When the codec refuses.
    pub fn of(segment: &Arc<Segment>, codec: &'c Codec<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            segment: Arc::clone(segment),
            key: codec.key(&segment.key)?,
            section: 0,
            block: 0,
            entry: 0,
            rows: Vec::new().into_iter(),
            buffer: Vec::new(),
            spare: Vec::new(),
        })
    }

    /// The next row.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn take(&mut self) -> Result<Option<Row>, StoreError> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            if !self.read_page()? {
                return Ok(None);
            }
        }
    }

    fn read_page(&mut self) -> Result<bool, StoreError> {
        let segment = Arc::clone(&self.segment);
        loop {
            let Some(section) = segment.sections.get(self.section) else { return Ok(false) };
            let Some(top) = section.blocks.get(self.block) else {
                (self.section, self.block, self.entry) = (self.section + 1, 0, 0);
                continue;
            };
            let block = segment.block(section.first_block + self.block, top, &self.key)?;
            let Some(entry) = block.entries.get(self.entry) else {
                (self.block, self.entry) = (self.block + 1, 0);
                continue;
            };
            self.entry += 1;
            segment.read_page(entry, &self.key, &mut self.buffer)?;
            let page = Page::open(&self.buffer, section.shape).ok_or_else(|| segment.unsound())?;
            let mut rows = std::mem::take(&mut self.spare);
            rows.reserve(page.rows());
            page.each(|row| rows.push(row));
            self.rows = rows.into_iter();
            return Ok(true);
        }
    }
}

/// The names of a segment, in order.
pub struct Names<'c> {
    segment: Arc<Segment>,
    key: PageKey<'c>,
    page: Option<Arc<NamesPage>>,
    number: usize,
}

impl<'c> Names<'c> {
    /// From the first name on.
    ///
    /// # Errors
    /// When the codec refuses.
    pub fn of(segment: &Arc<Segment>, codec: &'c Codec<'_>) -> Result<Self, StoreError> {
        let mut names =
            Self { segment: Arc::clone(segment), key: codec.key(&segment.key)?, page: None, number: 0 };
        names.load()?;
        Ok(names)
    }

    /// The name in hand.
    pub fn peek(&self) -> Option<&[u8]> {
        self.page.as_ref()?.get(self.number % names::ROWS)
    }

    /// Goes on to the next.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn advance(&mut self) -> Result<(), StoreError> {
        self.number += 1;
        if self.number.is_multiple_of(names::ROWS) { self.load() } else { Ok(()) }
    }

    fn load(&mut self) -> Result<(), StoreError> {
        self.page = if self.number < self.segment.holders() as usize {
            Some(self.segment.names_page(self.number / names::ROWS, &self.key)?)
        } else {
            None
        };
        Ok(())
    }
}
