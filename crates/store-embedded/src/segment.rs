//! A segment: an immutable, sorted file of rows of one retention class and one month, with what is needed to find a row.
//!
//! What comes in: rows in their order, once. What goes out: the rows that fit a point question, from one or two pages
//! each. Every page, also those of names and of the index, is sealed; what is in memory is the top of the index, and
//! what was asked for lately. The format is described in `docs/reference/segment-format.md`; version 1 is read for ever.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tadoru_model::{Assignment, PortRange, Prefix, Realm, RecordKind};
use tadoru_store::{Holding, StoreError};

use crate::folder::Folder;
use crate::folder::codec::{At, Codec, KeyName, PageKey, TAG};

use bits::{SLACK, take_table, take_varint};
use cache::{Cache, Slots};
use names::NamesPage;
use page::Page;
use row::{Origin, Row, Shape, holder_of, take_text};

pub mod bits;
pub mod cache;
pub mod names;
pub mod page;
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
}

impl Default for Tally {
    fn default() -> Self {
        Self { kinds: [0; RecordKind::ALL.len()], min_from: i64::MAX, max_until: i64::MIN }
    }
}

impl Tally {
    /// Rows of all kinds.
    pub fn rows(&self) -> u64 {
        self.kinds.iter().sum()
    }

    /// Rows of `kind`.
    pub fn of(&self, kind: RecordKind) -> u64 {
        self.kinds.get(usize::from(row::kind_code(kind))).copied().unwrap_or(0)
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
    pub const fn may_meet(&self, question: &Holding) -> bool {
        self.tally.min_from < question.span.until.0 && question.span.from.0 < self.tally.max_until
    }

    /// A reader of it, which keeps what it needed last.
    pub fn reader<'s>(&'s self, codec: &'s Codec<'s>) -> Reader<'s> {
        Reader { segment: self, codec, key: None, names: None }
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

/// Reads a segment for one who asks.
pub struct Reader<'s> {
    segment: &'s Segment,
    codec: &'s Codec<'s>,
    key: Option<PageKey<'s>>,
    names: Option<(usize, Arc<NamesPage>)>,
}

impl Reader<'_> {
    /// Appends to `hits` the rows that fit; not many more than it takes to have more than `enough`.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn find(
        &mut self,
        question: &Holding,
        enough: usize,
        buffer: &mut Vec<u8>,
        hits: &mut Vec<Row>,
    ) -> Result<(), StoreError> {
        let segment = self.segment;
        for section in &segment.sections {
            let Some(net) = section.shape.net_of(question.addr) else { continue };
            let lows = section.shape.lows(question.port);
            let (first, behind) = run(&section.blocks, (net, lows.0), (net, lows.1), |t| (t.net, t.low));
            for number in first..behind {
                let Some(top) = section.blocks.get(number) else { break };
                if !meets(question, top.min_from, top.max_until) {
                    continue;
                }
                let key = key_of(&mut self.key, self.codec, segment)?;
                let block = segment.block(section.first_block + number, top, key)?;
                let (first, behind) = run(&block.entries, (net, lows.0), (net, lows.1), |e| (e.net, e.low));
                for entry in block.entries.get(first..behind).unwrap_or_default() {
                    if meets(question, entry.min_from, entry.max_until) {
                        segment.read_page(entry, key, buffer)?;
                        segment.find_in(section.shape, question, net, lows, buffer, hits)?;
                    }
                    if hits.len() > enough {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The assignment of a row of the segment.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn assignment(&mut self, row: &Row) -> Result<Assignment, StoreError> {
        let segment = self.segment;
        let (page, place) = (row.holder as usize / names::ROWS, row.holder as usize % names::ROWS);
        if self.names.as_ref().is_none_or(|(of, _)| *of != page) {
            let names = match segment.names_cache.get(page) {
                Some(names) => names,
                None => segment.names_page(page, key_of(&mut self.key, self.codec, segment)?)?,
            };
            self.names = Some((page, names));
        }
        let holder = self.names.as_ref().and_then(|(_, names)| holder_of(names.get(place)?));
        let origin = segment.origins.get(row.origin as usize);
        let whole = origin.zip(holder).and_then(|(origin, holder)| row.to_assignment(origin, holder));
        whole.ok_or_else(|| segment.unsound())
    }
}

/// The key in hand, or the codec's.
fn key_of<'k, 's>(
    key: &'k mut Option<PageKey<'s>>,
    codec: &'s Codec<'s>,
    segment: &Segment,
) -> Result<&'k PageKey<'s>, StoreError> {
    match key {
        Some(key) => Ok(key),
        None => Ok(key.insert(codec.key(&segment.key)?)),
    }
}

fn meets(question: &Holding, min_from: i64, max_until: i64) -> bool {
    min_from < question.span.until.0 && question.span.from.0 < max_until
}

/// Which of the sorted `items` may hold places from `low` to `high`, when each holds those from its own first place
/// to the next one's.
fn run<T>(
    items: &[T],
    low: (u128, u16),
    high: (u128, u16),
    first: impl Fn(&T) -> (u128, u16),
) -> (usize, usize) {
    let start = items.partition_point(|item| first(item) < low).saturating_sub(1);
    let end = items.partition_point(|item| first(item) <= high);
    (start, end)
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
        Some(Self { tally, origins, names: NamesDirectory { count: holders, offsets }, sections, space })
    }
}

#[cfg(test)]
mod tests;
