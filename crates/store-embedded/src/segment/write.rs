//! Writing a segment: names first, then rows in their order, then the footer.
//!
//! What comes in: sorted names, sorted rows. What goes out: a file that is durable when [`SegmentWriter::finish`] returns.

use std::fs::File;
use std::io::Write;

use tadoru_model::{Prefix, Realm};
use tadoru_store::StoreError;
use tadoru_store::coverage::{aggregate, shortened};

use crate::folder::Folder;
use crate::folder::codec::{At, Codec, KeyName, PageKey};

use super::Tally;
use super::bits::{put_table, put_varint};
use super::names::NamesWriter;
use super::page::{PageWriter, ROWS};
use super::row::{Origin, Row, kind_code, put_text};

/// A segment that is being written. Unless it is finished its file is removed.
pub struct SegmentWriter<'c> {
    file: File,
    folder: Folder,
    name: String,
    id: u64,
    key: PageKey<'c>,
    out: Vec<u8>,
    offset: u64,
    page: u32,
    names: NamesWriter,
    names_at: u64,
    names_lens: Vec<u64>,
    pages: PageWriter,
    origins: Vec<Origin>,
    rows: Vec<Row>,
    tally: Tally,
    block: [Vec<u64>; 6],
    block_at: (u64, u32),
    tops: [Vec<u64>; 10],
    space: Vec<(Realm, Prefix)>,
    is_finished: bool,
}

impl Drop for SegmentWriter<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = self.folder.remove(&self.name);
        }
    }
}

impl<'c> SegmentWriter<'c> {
    /// Begins a segment of that class and month with these origins.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn create(
        folder: &Folder,
        key_name: &KeyName,
        codec: &'c Codec<'_>,
        origins: Vec<Origin>,
    ) -> Result<Self, StoreError> {
        let id = codec.new_file_id()?;
        let name = format!(
            "{}-{:04}{:02}-{id:016x}{SUFFIX}",
            key_name.class,
            key_name.month / 12,
            key_name.month % 12 + 1
        );
        let file = folder.create(&name)?;
        let mut out = Vec::with_capacity(BUFFER * 2);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&key_name.month.to_le_bytes());
        let class = key_name.class.as_bytes();
        out.push(class.len().min(CLASS_MOST) as u8);
        out.extend_from_slice(class.get(..class.len().min(CLASS_MOST)).unwrap_or_default());
        let offset = out.len() as u64;
        Ok(Self {
            file,
            folder: folder.clone(),
            name,
            id,
            key: codec.key(key_name)?,
            out,
            offset,
            page: 0,
            names: NamesWriter::default(),
            names_at: offset,
            names_lens: Vec::new(),
            pages: PageWriter::default(),
            origins,
            rows: Vec::with_capacity(ROWS),
            tally: Tally::default(),
            block: Default::default(),
            block_at: (0, 0),
            tops: Default::default(),
            space: Vec::new(),
            is_finished: false,
        })
    }

    /// Takes the next name; names come sorted, each once, and before the first row.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn name(&mut self, name: &[u8]) -> Result<(), StoreError> {
        match self.names.push(name) {
            Some(page) => self.names_page(page),
            None => Ok(()),
        }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn row(&mut self, row: Row) -> Result<(), StoreError> {
        let other_shape = self.rows.last().is_some_and(|last| last.shape != row.shape);
        if other_shape || self.rows.len() == ROWS {
            self.rows_page()?;
        }
        if other_shape {
            self.index_block()?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Writes the rest and makes the file durable; gives its name.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn finish(mut self) -> Result<String, StoreError> {
        if let Some(page) = self.names.finish() {
            self.names_page(page)?;
        }
        self.rows_page()?;
        self.index_block()?;
        let mut footer = Vec::new();
        for count in self.tally.kinds {
            put_varint(&mut footer, count);
        }
        put_varint(&mut footer, self.tally.min_from as u64);
        put_varint(&mut footer, self.tally.max_until as u64);
        put_varint(&mut footer, self.origins.len() as u64);
        for origin in &self.origins {
            origin.write(&mut footer);
        }
        put_varint(&mut footer, u64::from(self.names.count()));
        put_varint(&mut footer, self.names_at);
        put_table(&[&self.names_lens], &mut footer);
        put_table(&self.tops.each_ref().map(Vec::as_slice), &mut footer);
        let space = aggregate(std::mem::take(&mut self.space));
        put_varint(&mut footer, space.len() as u64);
        for (realm, prefix) in space {
            put_text(&mut footer, &realm.0);
            put_text(&mut footer, &prefix.to_string());
        }
        for first in self.tally.first_until {
            put_varint(&mut footer, first as u64);
        }
        let footer_at = self.offset;
        self.key.seal(At { file: self.id, page: FOOTER_PAGE, kind: KIND_FOOTER }, &mut footer)?;
        self.out.extend_from_slice(&footer);
        self.out.extend_from_slice(&footer_at.to_le_bytes());
        self.out.extend_from_slice(MAGIC);
        self.flush()?;
        self.file.sync_all().map_err(|e| self.folder.fault("sync", &self.name, e))?;
        self.is_finished = true;
        Ok(std::mem::take(&mut self.name))
    }

    fn names_page(&mut self, page: Vec<u8>) -> Result<(), StoreError> {
        let len = self.append(page, KIND_NAMES)?;
        self.names_lens.push(u64::from(len));
        Ok(())
    }

    fn rows_page(&mut self) -> Result<(), StoreError> {
        if let Some(page) = self.names.finish() {
            self.names_page(page)?;
        }
        let Some(first) = self.rows.first().copied() else { return Ok(()) };
        let (mut from, mut until) = (i64::MAX, i64::MIN);
        for row in &self.rows {
            from = from.min(row.from_earliest);
            until = until.max(row.until_latest);
            let kind = self.origins.get(row.origin as usize).map_or(0, |o| kind_code(o.kind));
            if let Some(count) = self.tally.kinds.get_mut(usize::from(kind)) {
                *count += 1;
            }
            if let Some(first) = self.tally.first_until.get_mut(usize::from(kind)) {
                *first = row.until_latest.min(*first);
            }
        }
        self.note_space();
        self.tally.min_from = self.tally.min_from.min(from);
        self.tally.max_until = self.tally.max_until.max(until);
        if self.block[0].is_empty() {
            self.block_at = (self.offset, self.page);
        }
        let mut page = Vec::with_capacity(2048);
        self.pages.write(&self.rows, &mut page);
        self.rows.clear();
        let len = self.append(page, KIND_ROWS)?;
        let entry = [
            (first.net >> 64) as u64,
            first.net as u64,
            u64::from(first.low),
            from as u64,
            until as u64,
            u64::from(len),
        ];
        if self.block[0].is_empty() {
            let [_, high, low_bits, low, ..] = &mut self.tops;
            high.push(entry[0]);
            low_bits.push(entry[1]);
            low.push(entry[2]);
            self.tops[0].push(u64::from(first.shape.0));
        }
        for (column, value) in self.block.iter_mut().zip(entry) {
            column.push(value);
        }
        if self.block[0].len() == BLOCK { self.index_block() } else { Ok(()) }
    }

    /// Notes of which networks the rows of the page speak.
    fn note_space(&mut self) {
        let mut before = None;
        for row in &self.rows {
            if before.replace((row.net, row.origin)) == Some((row.net, row.origin)) {
                continue;
            }
            let origin = self.origins.get(row.origin as usize);
            if let (Some(origin), Some(prefix)) = (origin, row.shape.prefix_of(row.net)) {
                let prefix = shortened(prefix);
                let known = |(realm, known): &(Realm, Prefix)| *known == prefix && *realm == origin.realm;
                if !self.space.iter().rev().take(SPACE_LOOK).any(known) {
                    self.space.push((origin.realm.clone(), prefix));
                }
            }
        }
    }

    fn index_block(&mut self) -> Result<(), StoreError> {
        let [nets, _, _, from, until, _] = &self.block;
        let pages = nets.len() as u64;
        if pages == 0 {
            return Ok(());
        }
        let min_from = from.iter().map(|f| *f as i64).min().unwrap_or(i64::MIN);
        let max_until = until.iter().map(|u| *u as i64).max().unwrap_or(i64::MAX);
        let behind = self.offset - self.block_at.0;
        let mut page = Vec::with_capacity(4096);
        put_table(&self.block.each_ref().map(Vec::as_slice), &mut page);
        let len = self.append(page, KIND_INDEX)?;
        let [_, _, _, _, from, until, first_offset, first_page, at, lens] = &mut self.tops;
        from.push(min_from as u64);
        until.push(max_until as u64);
        first_offset.push(self.block_at.0);
        first_page.push(u64::from(self.block_at.1));
        at.push(pages << 32 | behind);
        lens.push(u64::from(len));
        self.block.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    /// Seals a page and appends it.
    fn append(&mut self, mut page: Vec<u8>, kind: &'static [u8]) -> Result<u32, StoreError> {
        self.key.seal(At { file: self.id, page: self.page, kind }, &mut page)?;
        self.out.extend_from_slice(&page);
        self.offset += page.len() as u64;
        self.page =
            self.page.checked_add(1).filter(|page| *page < FOOTER_PAGE).ok_or_else(|| {
                self.folder.damaged(&self.name, "it has more pages than a segment may have")
            })?;
        if self.out.len() >= BUFFER {
            self.flush()?;
        }
        u32::try_from(page.len())
            .ok()
            .filter(|len| *len <= PAGE_MOST)
            .ok_or_else(|| self.folder.damaged(&self.name, "a page is longer than a page may be"))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.file.write_all(&self.out).map_err(|e| self.folder.fault("write", &self.name, e))?;
        self.out.clear();
        Ok(())
    }
}

/// How a segment begins and ends: name and version.
pub const MAGIC: &[u8] = b"TADSEG\x00\x02";
/// Where the version stands in it.
pub const VERSION_AT: usize = 7;
/// Where the footer begins, and the magic again.
pub const TRAILER: usize = 16;
/// The longest head.
pub const HEAD_MOST: usize = 8 + 8 + 4 + 1 + CLASS_MOST;
const CLASS_MOST: usize = 255;
/// The footer's page number.
pub const FOOTER_PAGE: u32 = u32::MAX;
/// Pages an index block.
pub const BLOCK: usize = 256;
/// The longest page, sealed.
pub const PAGE_MOST: u32 = 1 << 24;
/// How a segment's file name ends.
pub const SUFFIX: &str = ".seg";

/// Kinds of pages, as they are bound to the seal.
pub const KIND_ROWS: &[u8] = b"segment rows";
/// Names.
pub const KIND_NAMES: &[u8] = b"segment names";
/// Index.
pub const KIND_INDEX: &[u8] = b"segment index";
/// Footer.
pub const KIND_FOOTER: &[u8] = b"segment footer";

const BUFFER: usize = 1 << 20;
/// How many of the networks noted last are looked through before one is noted again.
const SPACE_LOOK: usize = 16;
