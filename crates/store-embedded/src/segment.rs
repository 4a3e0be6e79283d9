//! A segment: an immutable, sorted file of rows of one retention class and one month, with what is needed to find a row.
//!
//! What comes in: rows in their order, once. What goes out: the rows that fit a point question, from one or two pages
//! each. Every page, also those of names and of the index, is sealed; what is in memory is the top of the index, and
//! what was asked for lately. The format is described in `docs/reference/segment-format.md`; another version is refused.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tadoru_model::{PortRange, Prefix, Realm, RecordKind, Span};
use tadoru_store::{Holding, StoreError};

use crate::folder::Folder;
use crate::folder::codec::{At, Codec, KeyName, PageKey, TAG};

use bits::{SLACK, take_table, take_varint};
use cache::{Cache, Slots};
use names::NamesPage;
use page::Page;
use reader::Reader;
use row::{Origin, Row, Shape, take_text};

pub mod bits;
pub mod cache;
pub mod names;
pub mod page;
pub mod reader;
pub mod row;
pub mod scan;
pub mod write;

/// An open segment.
pub struct Segment {
    file: File,
    folder: Folder,
    name: String,
    id: u64,
    key: KeyName,
    tally: Tally,
    origins: Vec<Origin>,
    sections: Vec<Section>,
    space: Vec<(Realm, Prefix)>,
    names: NamesDirectory,
    index: Slots<Block>,
    names_cache: Slots<NamesPage>,
    cache: Arc<Cache>,
}

/// What a segment holds, in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Rows of each kind, in the order of [`RecordKind::ALL`].
    pub kinds: [u64; RecordKind::ALL.len()],
    /// Earliest possible beginning.
    pub min_from: i64,
    /// Latest possible end.
    pub max_until: i64,
    /// Of each kind the latest possible end of the row that ends first.
    pub first_until: [i64; RecordKind::ALL.len()],
}

impl Default for Tally {
    fn default() -> Self {
        let kinds = [0; RecordKind::ALL.len()];
        Self { kinds, min_from: i64::MAX, max_until: i64::MIN, first_until: NEVER }
    }
}

/// No row of any kind ends.
const NEVER: [i64; RecordKind::ALL.len()] = [i64::MAX; RecordKind::ALL.len()];

impl Tally {
    /// Rows of all kinds.
    pub fn rows(&self) -> u64 {
        self.kinds.iter().sum()
    }

    /// Rows of `kind`.
    pub fn of(&self, kind: RecordKind) -> u64 {
        self.kinds.get(usize::from(row::kind_code(kind))).copied().unwrap_or(0)
    }

    /// Whether a row of `kind` has ended by `before`.
    pub fn has_ended_by(&self, kind: RecordKind, before: i64) -> bool {
        let first = self.first_until.get(usize::from(row::kind_code(kind))).copied();
        self.of(kind) > 0 && first.is_none_or(|first| first <= before)
    }
}

/// The index blocks of one shape.
struct Section {
    shape: Shape,
    blocks: Vec<Top>,
    first_block: usize,
}

/// What is always in memory of an index block.
struct Top {
    net: u128,
    low: u16,
    min_from: i64,
    max_until: i64,
    offset: u64,
    len: u32,
    page: u32,
    first_offset: u64,
    first_page: u32,
}

/// An index block: one entry a page.
pub struct Block {
    entries: Vec<Entry>,
}

struct Entry {
    net: u128,
    low: u16,
    min_from: i64,
    max_until: i64,
    offset: u64,
    len: u32,
    page: u32,
}

/// Where the pages of names are.
struct NamesDirectory {
    count: u32,
    offsets: Vec<u64>,
}

impl Segment {
    /// Opens the segment in the file `name`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not whole; else what disk and codec say.
    pub fn open(folder: &Folder, name: &str, codec: &Codec, cache: &Arc<Cache>) -> Result<Self, StoreError> {
        let file = folder.read_only(name)?;
        let len = file.metadata().map_err(|e| folder.fault("read", name, e))?.len();
        let torn = || folder.damaged(name, "it is not whole");
        let (id, key, head) = read_head(folder, name, &file)?;
        let end = len.checked_sub(write::TRAILER as u64).filter(|end| *end >= head).ok_or_else(torn)?;
        let mut trailer = [0; write::TRAILER];
        file.read_exact_at(&mut trailer, end).map_err(|e| folder.fault("read", name, e))?;
        let (offset, magic) = trailer.split_first_chunk::<8>().ok_or_else(torn)?;
        let offset = u64::from_le_bytes(*offset);
        if magic != write::MAGIC || offset < head || offset > end {
            return Err(torn());
        }
        let mut footer = vec![0; usize::try_from(end - offset).map_err(|_| torn())?];
        file.read_exact_at(&mut footer, offset).map_err(|e| folder.fault("read", name, e))?;
        let at = At { file: id, page: write::FOOTER_PAGE, kind: write::KIND_FOOTER };
        let opened = codec.key(&key)?.open(at, &mut footer, folder, name)?;
        let parts = Footer::read(opened).ok_or_else(|| folder.damaged(name, "its footer is not sound"))?;
        let (blocks, pages) =
            (parts.sections.iter().map(|s| s.blocks.len()).sum(), parts.names.offsets.len());
        Ok(Self {
            file,
            folder: folder.clone(),
            name: name.to_owned(),
            id,
            key,
            tally: parts.tally,
            origins: parts.origins,
            sections: parts.sections,
            space: parts.space,
            names: parts.names,
            index: Slots::new(blocks),
            names_cache: Slots::new(pages),
            cache: Arc::clone(cache),
        })
    }

    /// Its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its retention class and month.
    pub const fn key(&self) -> &KeyName {
        &self.key
    }

    /// What it holds, in figures.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Its origins.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Of which networks it speaks, aggregated.
    pub fn space(&self) -> &[(Realm, Prefix)] {
        &self.space
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// What the disk says.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        self.file.metadata().map(|m| m.len()).map_err(|e| self.folder.fault("read", &self.name, e))
    }

    /// Whether a row of it may meet the time asked about.
    pub const fn may_meet(&self, span: Span) -> bool {
        self.tally.min_from < span.until.0 && span.from.0 < self.tally.max_until
    }

    /// A reader of it, which keeps what it needed last.
    pub fn reader<'s>(&'s self, codec: &'s Codec<'s>) -> Reader<'s> {
        Reader::of(self, codec)
    }

    fn find_in(
        &self,
        shape: Shape,
        question: &Holding,
        net: u128,
        lows: (u16, u16),
        buffer: &[u8],
        hits: &mut Vec<Row>,
    ) -> Result<(), StoreError> {
        let page = Page::open(buffer, shape).ok_or_else(|| self.unsound())?;
        let mut unsound = false;
        page.each_of(net, lows, (question.span.from.0, question.span.until.0), |row| {
            let ports = PortRange { low: row.low, high: row.high };
            if question.port.is_none_or(|port| ports.contains(port)) {
                match self.origins.get(row.origin as usize) {
                    Some(o) if o.proto.speaks_of(question.proto) && o.realm.speaks_of(&question.realm) => {
                        hits.push(row);
                    }
                    Some(_) => {}
                    None => unsound = true,
                }
            }
        });
        if unsound { Err(self.unsound()) } else { Ok(()) }
    }

    /// Reads and opens a page into `buffer`, with [`SLACK`] bytes behind it.
    fn read_page(&self, entry: &Entry, key: &PageKey, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        buffer.resize(entry.len as usize, 0);
        self.file
            .read_exact_at(buffer, entry.offset)
            .map_err(|e| self.folder.fault("read", &self.name, e))?;
        let at = At { file: self.id, page: entry.page, kind: write::KIND_ROWS };
        let content = key.open(at, buffer, &self.folder, &self.name)?.len();
        buffer.truncate(content);
        buffer.resize(content + SLACK, 0);
        Ok(())
    }

    fn block(&self, number: usize, top: &Top, key: &PageKey) -> Result<Arc<Block>, StoreError> {
        if let Some(block) = self.index.get(number) {
            return Ok(block);
        }
        let bytes = self.read_sealed(top.offset, top.len, top.page, write::KIND_INDEX, key)?;
        let block = Block::read(&bytes, top).ok_or_else(|| self.unsound())?;
        let size = block.entries.len() * size_of::<Entry>();
        let block = Arc::new(block);
        self.cache.keep(&self.index, number, &block, size);
        Ok(block)
    }

    fn read_sealed(
        &self,
        offset: u64,
        len: u32,
        page: u32,
        kind: &'static [u8],
        key: &PageKey,
    ) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, offset).map_err(|e| self.folder.fault("read", &self.name, e))?;
        let content = key.open(At { file: self.id, page, kind }, &mut bytes, &self.folder, &self.name)?.len();
        bytes.truncate(content);
        Ok(bytes)
    }

    /// The page of names that holder `number` is in.
    fn names_page(&self, page: usize, key: &PageKey) -> Result<Arc<NamesPage>, StoreError> {
        if let Some(names) = self.names_cache.get(page) {
            return Ok(names);
        }
        let (Some(start), Some(end)) = (self.names.offsets.get(page), self.names.offsets.get(page + 1))
        else {
            return Err(self.unsound());
        };
        let len = u32::try_from(end.saturating_sub(*start)).map_err(|_| self.unsound())?;
        let bytes = self.read_sealed(*start, len, page as u32, write::KIND_NAMES, key)?;
        let names = Arc::new(NamesPage::read(&bytes).ok_or_else(|| self.unsound())?);
        self.cache.keep(&self.names_cache, page, &names, names.size());
        Ok(names)
    }

    /// How many holders it names.
    pub const fn holders(&self) -> u32 {
        self.names.count
    }

    fn unsound(&self) -> StoreError {
        self.folder.damaged(&self.name, "a page is not sound")
    }
}

/// Reads a segment's head: its id, its key, and how long the head is.
fn read_head(folder: &Folder, name: &str, file: &File) -> Result<(u64, KeyName, u64), StoreError> {
    let torn = || folder.damaged(name, "it does not begin as a segment does");
    let mut head = [0; write::HEAD_MOST];
    let mut filled = 0;
    while filled < head.len() {
        let rest = head.get_mut(filled..).unwrap_or_default();
        match file.read_at(rest, filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) => return Err(folder.fault("read", name, e)),
        }
    }
    let (name_of_form, version) = write::MAGIC.split_at(write::VERSION_AT);
    let told = head.strip_prefix(name_of_form).and_then(|rest| rest.get(..version.len()));
    if told.is_some_and(|told| told != version) {
        return Err(folder.damaged(name, "it is of a version that this program does not read"));
    }
    let parse = || -> Option<(u64, KeyName, u64)> {
        let mut bytes = head.get(..filled)?;
        let magic = bytes.split_off(..write::MAGIC.len())?;
        let (id, rest) = bytes.split_first_chunk::<8>()?;
        let (month, rest) = rest.split_first_chunk::<4>()?;
        let (&len, rest) = rest.split_first()?;
        let class = std::str::from_utf8(rest.get(..usize::from(len))?).ok()?;
        let key = KeyName::new(Arc::from(class), u32::from_le_bytes(*month));
        let length = write::MAGIC.len() + 13 + usize::from(len);
        (magic == write::MAGIC).then_some((u64::from_le_bytes(*id), key, length as u64))
    };
    parse().ok_or_else(torn)
}

impl Block {
    fn read(mut bytes: &[u8], top: &Top) -> Option<Self> {
        let rest = &mut bytes;
        let [high, low_bits, lows, from, until, lens] = take_table::<6>(rest, write::BLOCK)?;
        let (mut offset, mut page) = (top.first_offset, top.first_page);
        let mut entries = Vec::with_capacity(lens.len());
        let columns = high.iter().zip(&low_bits).zip(&lows).zip(&from).zip(&until).zip(&lens);
        for (((((high, low_bits), low), from), until), len) in columns {
            let len =
                u32::try_from(*len).ok().filter(|len| *len as usize >= TAG && *len <= write::PAGE_MOST)?;
            entries.push(Entry {
                net: u128::from(*high) << 64 | u128::from(*low_bits),
                low: *low as u16,
                min_from: *from as i64,
                max_until: *until as i64,
                offset,
                len,
                page,
            });
            offset += u64::from(len);
            page = page.checked_add(1)?;
        }
        Some(Self { entries })
    }
}

/// What a footer says.
struct Footer {
    tally: Tally,
    origins: Vec<Origin>,
    names: NamesDirectory,
    sections: Vec<Section>,
    space: Vec<(Realm, Prefix)>,
}

impl Footer {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let rest = &mut bytes;
        let mut tally = Tally::default();
        for count in &mut tally.kinds {
            *count = take_varint(rest)?;
        }
        tally.min_from = take_varint(rest)? as i64;
        tally.max_until = take_varint(rest)? as i64;
        let count = take_varint(rest)?;
        let mut origins = Vec::new();
        for _ in 0..count {
            origins.push(Origin::read(rest)?);
        }
        let holders = u32::try_from(take_varint(rest)?).ok()?;
        let first = take_varint(rest)?;
        let [lens] = take_table::<1>(rest, u32::MAX as usize)?;
        let mut offsets = vec![first];
        let mut offset = first;
        for len in lens {
            offset = offset.checked_add(len)?;
            offsets.push(offset);
        }
        let [shapes, high, low_bits, lows, from, until, first_offsets, first_pages, index_at, lens] =
            take_table::<10>(rest, u32::MAX as usize)?;
        let mut sections: Vec<Section> = Vec::new();
        for (number, shape) in shapes.iter().enumerate() {
            let shape = Shape(u16::try_from(*shape).ok()?);
            let first_offset = *first_offsets.get(number)?;
            let (pages, bytes) = (*index_at.get(number)? >> 32, *index_at.get(number)? & 0xffff_ffff);
            let first_page = u32::try_from(*first_pages.get(number)?).ok()?;
            let top = Top {
                net: u128::from(*high.get(number)?) << 64 | u128::from(*low_bits.get(number)?),
                low: *lows.get(number)? as u16,
                min_from: *from.get(number)? as i64,
                max_until: *until.get(number)? as i64,
                offset: first_offset.checked_add(bytes)?,
                len: u32::try_from(*lens.get(number)?).ok().filter(|len| *len <= write::PAGE_MOST)?,
                page: first_page.checked_add(u32::try_from(pages).ok()?)?,
                first_offset,
                first_page,
            };
            match sections.last_mut() {
                Some(section) if section.shape == shape => section.blocks.push(top),
                _ if shape.is_sound() => {
                    sections.push(Section { shape, blocks: vec![top], first_block: number });
                }
                _ => return None,
            }
        }
        let mut space = Vec::new();
        for _ in 0..take_varint(rest)? {
            space.push((Realm::from(take_text(rest)?.as_str()), take_text(rest)?.parse().ok()?));
        }
        for first in &mut tally.first_until {
            *first = take_varint(rest)? as i64;
        }
        Some(Self { tally, origins, names: NamesDirectory { count: holders, offsets }, sections, space })
    }
}

#[cfg(test)]
mod tests;
