//! Pages back to cells: plain and dictionary pages of required columns, the encodings that our files use.
//!
//! Nothing in a page is trusted: a code behind the dictionary or a page that ends early is a damaged file.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::columns::{Cells, Kind};
use super::page::{self, Packed};

/// A file that is read at any place without moving a cursor.
pub struct Placed {
    file: File,
    len: u64,
}

impl Placed {
    /// Of an open file.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// How long it is, bytes.
    pub const fn length(&self) -> u64 {
        self.len
    }

    /// Bytes of a place.
    ///
    /// # Errors
    /// What the disk says; when the place is not inside the file.
    pub fn at(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }
}

impl Length for Placed {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Placed {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        // Only page headers are read by it, and whole chunks when files are joined.
        let length = self.len.saturating_sub(start).min(HEADER_READ) as usize;
        Ok(self.get_bytes(start, length)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.at(start, length).map(Bytes::from).map_err(|e| ParquetError::External(Box::new(e)))
    }
}

/// A column chunk that lies in memory, at its place in the file.
pub struct Loaded {
    bytes: Bytes,
    start: u64,
}

impl Length for Loaded {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Loaded {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let from = start.saturating_sub(self.start).min(self.bytes.len() as u64) as usize;
        Ok(self.bytes.slice(from..).reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let from = start.checked_sub(self.start).map(|from| from as usize);
        match from.and_then(|from| from.checked_add(length).map(|to| from..to)) {
            Some(range) if range.end <= self.bytes.len() => Ok(self.bytes.slice(range)),
            _ => Err(ParquetError::EOF("a page is not inside its column".to_owned())),
        }
    }
}

impl Loaded {
    /// The whole of a column chunk.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of(file: &Placed, chunk: &ColumnChunkMetaData) -> Result<Self, ParquetError> {
        let (start, length) = chunk.byte_range();
        Ok(Self { bytes: file.get_bytes(start, length as usize)?, start })
    }
}

/// A page of a column, unpacked.
pub enum Body {
    /// Codes into the dictionary.
    Coded(Vec<u32>),
    /// The cells themselves.
    Plain(Cells),
}

/// A page of a column.
pub struct Data {
    kind: Kind,
    rows: usize,
    is_plain: bool,
    packed: Packed,
    dictionary: Option<Rc<Dictionary>>,
    body: OnceCell<Body>,
}

impl Data {
    /// How many cells it has.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The dictionary of its codes.
    pub fn dictionary(&self) -> Option<&Dictionary> {
        self.dictionary.as_deref()
    }

    /// All of it.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn body(&self) -> Result<&Body, ParquetError> {
        if let Some(body) = self.body.get() {
            return Ok(body);
        }
        let bytes = self.packed.whole()?;
        let body = if self.is_plain {
            Body::Plain(plain(self.kind, &bytes, self.rows)?)
        } else {
            let codes = codes(&bytes, self.rows)?;
            let known = self.dictionary.as_ref().map_or(0, |dictionary| dictionary.distinct);
            if codes.iter().fold(0, |most, code| most.max(*code)) as usize >= known {
                return Err(damaged("a code that is not in the dictionary"));
            }
            Body::Coded(codes)
        };
        Ok(self.body.get_or_init(|| body))
    }

    /// Calls with the place of each code that is `wanted`, by eight rows and a bit for each; `None` of a plain page.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn matches(&self, wanted: u32, mut visit: impl FnMut(usize, u8)) -> Result<Option<()>, ParquetError> {
        if self.is_plain {
            return Ok(None);
        }
        page::each_run(&self.packed.whole()?, self.rows, |width, from, run| match run {
            page::Run::Same(count, code) if code == wanted => {
                (from..from + count).for_each(|row| visit(row, 1));
            }
            page::Run::Same(..) => {}
            page::Run::Groups(packed) => {
                page::matches(packed, width, wanted, &mut |group, bits| visit(from + group * 8, bits));
            }
        })?;
        Ok(Some(()))
    }

    /// Those cells, ascending rows of the page; opens only what has them.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn cells(&self, rows: &[usize]) -> Result<Cells, ParquetError> {
        let place = |row: usize| -> Result<usize, ParquetError> {
            let Some(Body::Coded(codes)) = self.body.get() else { return Ok(row) };
            Ok(codes.get(row).map_or(0, |code| *code as usize))
        };
        let cells = |packed: &Packed, places: &mut dyn Iterator<Item = Result<usize, ParquetError>>| {
            let end = packed.length() / self.kind.width();
            let places = places.map(|place| match place {
                Ok(place) if place >= end => Err(damaged("a code that is not in the dictionary")),
                other => other,
            });
            Ok::<_, ParquetError>(match self.kind.width() {
                4 => Cells::Number(
                    places.map(|n| Ok(u32::from_le_bytes(packed.at(n? * 4)?).into())).collect::<Result<
                        _,
                        ParquetError,
                    >>(
                    )?,
                ),
                8 => Cells::Number(
                    places
                        .map(|n| Ok(u64::from_le_bytes(packed.at(n? * 8)?)))
                        .collect::<Result<_, ParquetError>>()?,
                ),
                _ => Cells::Address(
                    places
                        .map(|n| Ok(u128::from_be_bytes(packed.at(n? * 16)?)))
                        .collect::<Result<_, ParquetError>>()?,
                ),
            })
        };
        if self.is_plain {
            return cells(&self.packed, &mut rows.iter().map(|row| Ok(*row)));
        }
        let dictionary = self.dictionary.as_ref().ok_or_else(|| damaged("codes without a dictionary"))?;
        if dictionary.distinct == 1 {
            return cells(&dictionary.packed, &mut rows.iter().map(|_| Ok(0)));
        }
        match page::only_groups(&self.packed, self.rows)? {
            Some(groups) if self.body.get().is_none() => cells(
                &dictionary.packed,
                &mut rows
                    .iter()
                    .map(|row| page::code_at(&self.packed, groups, *row).map(|code| code as usize)),
            ),
            _ => {
                self.body()?;
                cells(&dictionary.packed, &mut rows.iter().map(|row| place(*row)))
            }
        }
    }
}

/// The distinct values of a column chunk, ascending.
pub struct Dictionary {
    kind: Kind,
    /// How many there are.
    pub distinct: usize,
    packed: Packed,
    values: OnceCell<Cells>,
}

impl Dictionary {
    /// All of them.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn values(&self) -> Result<&Cells, ParquetError> {
        if let Some(values) = self.values.get() {
            return Ok(values);
        }
        let values = plain(self.kind, &self.packed.whole()?, self.distinct)?;
        Ok(self.values.get_or_init(|| values))
    }

    /// The place of an address among them.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn place_of(&self, address: u128) -> Result<Option<u32>, ParquetError> {
        let (before, bytes) = self.packed.frame_of(address)?;
        let cells = bytes.as_chunks::<16>().0;
        let found = cells.binary_search_by_key(&address, |cell| u128::from_be_bytes(*cell));
        Ok(found.ok().map(|place| (before + place) as u32))
    }
}

/// The pages of a column chunk, read in order, those not needed skipped.
pub struct Column {
    kind: Kind,
    reader: SerializedPageReader<Placed>,
    locations: Vec<PageLocation>,
    rows: usize,
    next: usize,
    has_dictionary: bool,
    dictionary: Option<Rc<Dictionary>>,
}

impl Column {
    /// The column chunk, of a row group of `rows`.
    ///
    /// # Errors
    /// What the disk says, or when the chunk is not of our making.
    pub fn open(
        file: &Arc<Placed>,
        kind: Kind,
        chunk: &ColumnChunkMetaData,
        rows: usize,
        locations: &[PageLocation],
    ) -> Result<Self, ParquetError> {
        // The reader hands pages on as they lie: they are unpacked here, and often only in part.
        let as_it_lies = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let reader =
            SerializedPageReader::new(Arc::clone(file), &as_it_lies, rows, Some(locations.to_vec()))?;
        let has_dictionary = chunk.dictionary_page_offset().is_some();
        Ok(Self {
            kind,
            reader,
            locations: locations.to_vec(),
            rows,
            next: 0,
            has_dictionary,
            dictionary: None,
        })
    }

    /// The dictionary, read when it was not; `None` of a plain column.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn dictionary(&mut self) -> Result<Option<Rc<Dictionary>>, ParquetError> {
        if self.has_dictionary && self.dictionary.is_none() {
            match self.reader.get_next_page()? {
                Some(Page::DictionaryPage { buf, num_values, .. }) => {
                    let distinct = num_values as usize;
                    let length = distinct.saturating_mul(self.kind.width());
                    let packed = Packed::under_zstd(buf, length)?;
                    if packed.length() != length {
                        return Err(damaged("a page of another length than its values"));
                    }
                    let dictionary =
                        Dictionary { kind: self.kind, distinct, packed, values: OnceCell::new() };
                    self.dictionary = Some(Rc::new(dictionary));
                }
                _ => return Err(damaged("no dictionary where one was promised")),
            }
        }
        Ok(self.dictionary.clone())
    }

    /// The page that has a row, and the row it begins with.
    pub fn page_of(&self, row: usize) -> (usize, usize) {
        let behind = self.locations.partition_point(|page| page.first_row_index <= row as i64);
        let page = behind.saturating_sub(1);
        (page, self.locations.get(page).map_or(0, |page| page.first_row_index as usize))
    }

    /// A page by its number; the numbers must ascend.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn page(&mut self, number: usize) -> Result<Data, ParquetError> {
        let dictionary = self.dictionary()?;
        while self.next < number {
            self.reader.skip_next_page()?;
            self.next += 1;
        }
        let first = self.locations.get(number).map_or(0, |page| page.first_row_index as usize);
        let end = self.locations.get(number + 1).map_or(self.rows, |page| page.first_row_index as usize);
        let rows = end.saturating_sub(first);
        self.next = number + 1;
        let (bytes, num_values, encoding, is_bare) = match self.reader.get_next_page()? {
            Some(Page::DataPage { buf, num_values, encoding, .. }) => (buf, num_values, encoding, false),
            Some(Page::DataPageV2 { buf, num_values, encoding, is_compressed, .. }) => {
                (buf, num_values, encoding, !is_compressed)
            }
            _ => return Err(damaged("a page is missing")),
        };
        if num_values as usize != rows {
            return Err(damaged("a page does not have the rows that the index promises"));
        }
        let is_plain = match (encoding, &dictionary) {
            (Encoding::PLAIN, _) => true,
            (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, Some(_)) => false,
            _ => return Err(damaged("an encoding that flow files do not have")),
        };
        let most = rows.saturating_mul(MOST_CELL).saturating_add(64);
        let packed = if is_bare { Packed::bare(bytes) } else { Packed::under_zstd(bytes, most)? };
        if is_plain && packed.length() != rows.saturating_mul(self.kind.width()) {
            return Err(damaged("a page of another length than its values"));
        }
        Ok(Data { kind: self.kind, rows, is_plain, packed, dictionary, body: OnceCell::new() })
    }
}

fn plain(kind: Kind, bytes: &[u8], count: usize) -> Result<Cells, ParquetError> {
    if bytes.len() != count.saturating_mul(kind.width()) {
        return Err(damaged("a page of another length than its values"));
    }
    Ok(match kind.width() {
        4 => Cells::Number(bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b).into()).collect()),
        8 => Cells::Number(bytes.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b)).collect()),
        _ => Cells::Address(bytes.as_chunks().0.iter().map(|b| u128::from_be_bytes(*b)).collect()),
    })
}

/// The codes of a page.
fn codes(bytes: &[u8], rows: usize) -> Result<Vec<u32>, ParquetError> {
    let mut codes = Vec::with_capacity(rows + 64);
    page::each_run(bytes, rows, |width, _, run| match run {
        page::Run::Same(count, code) => codes.resize(codes.len() + count, code),
        page::Run::Groups(packed) => page::unpack(packed, width, &mut codes, rows),
    })?;
    codes.truncate(rows);
    Ok(codes)
}

/// A fault of the file's content.
pub fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

const HEADER_READ: u64 = 4_096;
/// The widest cell, bytes.
const MOST_CELL: usize = 16;
