//! Pages back to cells: plain and dictionary pages of required columns, the encodings that our files use.
//!
//! Nothing in a page is trusted: a code behind the dictionary or a page that ends early is a damaged file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::columns::{Cells, Kind};

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

/// A page of a column.
pub enum Body {
    /// Codes into the dictionary.
    Coded(Vec<u32>),
    /// The cells themselves.
    Plain(Cells),
}

/// The pages of a column chunk, read in order, those not needed skipped.
pub struct Column {
    kind: Kind,
    reader: SerializedPageReader<Placed>,
    locations: Vec<PageLocation>,
    rows: usize,
    next: usize,
    has_dictionary: bool,
    /// The distinct values, once they are read.
    pub dictionary: Option<Arc<Cells>>,
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
        let reader = SerializedPageReader::new(Arc::clone(file), chunk, rows, Some(locations.to_vec()))?;
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
    pub fn dictionary(&mut self) -> Result<Option<Arc<Cells>>, ParquetError> {
        if self.has_dictionary && self.dictionary.is_none() {
            match self.reader.get_next_page()? {
                Some(Page::DictionaryPage { buf, num_values, .. }) => {
                    self.dictionary = Some(Arc::new(plain(self.kind, &buf, num_values as usize)?));
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

    /// A page by its number; the numbers must ascend. With the row it begins with.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn page(&mut self, number: usize) -> Result<(usize, Body), ParquetError> {
        let dictionary = self.dictionary()?;
        while self.next < number {
            self.reader.skip_next_page()?;
            self.next += 1;
        }
        let first = self.locations.get(number).map_or(0, |page| page.first_row_index as usize);
        let end = self.locations.get(number + 1).map_or(self.rows, |page| page.first_row_index as usize);
        let rows = end.saturating_sub(first);
        self.next = number + 1;
        let Some(Page::DataPage { buf, num_values, encoding, .. }) = self.reader.get_next_page()? else {
            return Err(damaged("a page is missing"));
        };
        if num_values as usize != rows {
            return Err(damaged("a page does not have the rows that the index promises"));
        }
        let body = match (encoding, dictionary) {
            (Encoding::PLAIN, _) => Body::Plain(plain(self.kind, &buf, rows)?),
            (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, Some(dictionary)) => {
                let codes = codes(&buf, rows)?;
                let known = match &*dictionary {
                    Cells::Number(values) => values.len(),
                    Cells::Address(values) => values.len(),
                };
                if codes.iter().fold(0, |most, code| most.max(*code)) as usize >= known {
                    return Err(damaged("a code that is not in the dictionary"));
                }
                Body::Coded(codes)
            }
            _ => return Err(damaged("an encoding that flow files do not have")),
        };
        Ok((first, body))
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

/// The codes of a page: Parquet's hybrid of runs and bit-packed groups of eight.
fn codes(bytes: &[u8], rows: usize) -> Result<Vec<u32>, ParquetError> {
    let (width, mut rest) = bytes.split_first().ok_or_else(|| damaged("a page without a width"))?;
    let width = usize::from(*width);
    if width > 32 {
        return Err(damaged("a width above 32 bits"));
    }
    let mut codes = Vec::with_capacity(rows + 64);
    while codes.len() < rows {
        let header = varint(&mut rest).ok_or_else(|| damaged("a page that ends early"))?;
        let count = (header >> 1) as usize;
        if header & 1 == 0 {
            let (code, behind) =
                rest.split_at_checked(width.div_ceil(8)).ok_or_else(|| damaged("a page that ends early"))?;
            let code = code.iter().rev().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
            codes.resize(codes.len() + count.min(rows - codes.len()), code);
            rest = behind;
        } else {
            let groups = count.min(rows.div_ceil(8));
            let (packed, behind) =
                rest.split_at_checked(groups * width).ok_or_else(|| damaged("a page that ends early"))?;
            unpack(packed, width, groups, &mut codes);
            rest = behind;
        }
    }
    codes.truncate(rows);
    Ok(codes)
}

/// Groups of eight codes, each group as many bytes as a code has bits.
fn unpack(packed: &[u8], width: usize, groups: usize, into: &mut Vec<u32>) {
    macro_rules! by_width {
        ($($w:literal)+) => { match width {
            $($w => unpack_by::<$w>(packed, into),)+
            _ => into.resize(into.len() + groups * 8, 0),
        } };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

fn unpack_by<const WIDTH: usize>(packed: &[u8], into: &mut Vec<u32>) {
    let mask = u32::MAX >> (32 - WIDTH);
    for group in packed.as_chunks::<WIDTH>().0 {
        // 32 bytes of zeros behind the last, so that any code is cut out of whole words.
        let mut wide = [0_u8; 40];
        if let Some(front) = wide.first_chunk_mut::<WIDTH>() {
            *front = *group;
        }
        let mut eight = [0_u32; 8];
        for (place, slot) in eight.iter_mut().enumerate() {
            let bit = place * WIDTH;
            let word =
                wide.get(bit / 8..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
            *slot = (word >> (bit % 8)) as u32 & mask;
        }
        into.extend_from_slice(&eight);
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
        if shift > 35 {
            return None;
        }
    }
}

/// A fault of the file's content.
pub fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

const HEADER_READ: u64 = 4_096;
