//! Column chunks: the cells of one column of a row group, as Parquet pages.
//!
//! A column is kept by a sorted dictionary and bit-packed codes where that is smaller than the cells, else plain; both
//! under zstd in small frames, of which a search opens those that it needs, or bare where zstd hardly makes them smaller.
//! Pages of all columns end at the same rows, so that a search that found rows by one column reads just those
//! pages of the others. A column with one value throughout is a single page.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use parquet::basic::{BoundaryOrder, Compression, Encoding, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::columns::{Cells, Column, Kind};

/// A column chunk, ready to be appended to a row group.
pub struct Chunk {
    /// Its pages, as they stand in the file.
    pub bytes: Vec<u8>,
    /// What the footer says of it, with offsets from the beginning of `bytes`.
    pub close: ColumnCloseResult,
}

/// Encodes the cells of a column.
///
/// # Errors
/// When zstd or the format's own code refuses.
pub fn chunk(column: Column, descr: ColumnDescPtr, cells: &Cells) -> Result<Chunk, ParquetError> {
    match cells {
        Cells::Number(cells) => Pages::new(column, descr)?.write(cells),
        Cells::Address(cells) => Pages::new(column, descr)?.write(cells),
    }
}

/// A cell: a widened number or an address.
pub trait Cell: Copy + Ord + Hash + Default {
    /// Appends its plain bytes.
    fn put(self, kind: Kind, into: &mut Vec<u8>);
    /// How it compares with its like; times are signed.
    fn rank(self, kind: Kind) -> Self;
    /// The dictionary of cells that lie so near to each other that a table of all between them is small.
    fn near(cells: &[Self], kind: Kind) -> Option<Dictionary<Self>>;
}

impl Cell for u64 {
    fn put(self, kind: Kind, into: &mut Vec<u8>) {
        match kind.width() {
            8 => into.extend_from_slice(&self.to_le_bytes()),
            _ => into.extend_from_slice(&(self as u32).to_le_bytes()),
        }
    }

    fn rank(self, kind: Kind) -> Self {
        if matches!(kind, Kind::Instant | Kind::Delay) { self ^ (1 << 63) } else { self }
    }

    fn near(cells: &[Self], kind: Kind) -> Option<Dictionary<Self>> {
        let (least, most) = bounds(cells, kind)?;
        // Clocks of most exporters tick in milliseconds.
        let is_ticking = kind == Kind::Instant
            && most.wrapping_sub(least) > NEAR
            && cells.iter().all(|cell| cell.wrapping_sub(least).is_multiple_of(TICK_US));
        let place = |cell: u64| {
            if is_ticking { cell.wrapping_sub(least) / TICK_US } else { cell.wrapping_sub(least) }
        };
        let span = place(most);
        if span >= NEAR || span / 8 > cells.len() as u64 {
            return None;
        }
        let mut codes_of = vec![0_u32; span as usize + 1];
        for cell in cells {
            if let Some(slot) = codes_of.get_mut(place(*cell) as usize) {
                *slot = 1;
            }
        }
        let mut values = Vec::new();
        for (n, slot) in (0..).zip(&mut codes_of).filter(|(_, slot)| **slot == 1) {
            *slot = values.len() as u32;
            values.push(least.wrapping_add(if is_ticking { n * TICK_US } else { n }));
        }
        let code = |cell: &u64| codes_of.get(place(*cell) as usize).copied().unwrap_or(0);
        Some(Dictionary { values, codes: cells.iter().map(code).collect() })
    }
}

impl Cell for u128 {
    fn put(self, _kind: Kind, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.to_be_bytes());
    }

    fn rank(self, _kind: Kind) -> Self {
        self
    }

    fn near(_cells: &[Self], _kind: Kind) -> Option<Dictionary<Self>> {
        None
    }
}

/// Pages on their way into a chunk.
struct Pages {
    column: Column,
    descr: ColumnDescPtr,
    sink: TrackedWrite<Vec<u8>>,
    quick: zstd::bulk::Compressor<'static>,
    thorough: zstd::bulk::Compressor<'static>,
    uncompressed: usize,
    data_at: Option<u64>,
    dictionary_at: Option<u64>,
    index: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
}

impl Pages {
    fn new(column: Column, descr: ColumnDescPtr) -> Result<Self, ParquetError> {
        let compressor =
            |level| zstd::bulk::Compressor::new(level).map_err(|e| ParquetError::External(Box::new(e)));
        Ok(Self {
            column,
            descr,
            sink: TrackedWrite::new(Vec::new()),
            quick: compressor(QUICK)?,
            thorough: compressor(THOROUGH)?,
            uncompressed: 0,
            data_at: None,
            dictionary_at: None,
            index: ColumnIndexBuilder::new(column.kind().physical()),
            offsets: OffsetIndexBuilder::new(),
        })
    }

    fn write<C: Cell>(mut self, cells: &[C]) -> Result<Chunk, ParquetError> {
        let kind = self.column.kind();
        let is_sorted = cells.is_sorted_by_key(|cell| cell.rank(kind));
        let dictionary = Dictionary::of(cells, kind, is_sorted);
        let distinct = dictionary.values.len();
        let is_plain = distinct > 1
            && (is_sorted && kind == Kind::Address
                || distinct * kind.width() + cells.len() * bits_for(distinct) as usize / 8
                    > cells.len() * kind.width());
        let bloom = (is_searched(self.column) && distinct > 1)
            .then(|| Sbbf::new_with_ndv_fpp(distinct as u64, FALSE_POSITIVES))
            .transpose()?
            .map(|bloom| filled(bloom, &dictionary.values, kind));
        let mut body = Vec::new();
        if !is_plain {
            dictionary.values.iter().for_each(|value| value.put(kind, &mut body));
            let packed = self.packed(&body, DICTIONARY_FRAME)?;
            let page = Page::DictionaryPage {
                buf: packed,
                num_values: distinct as u32,
                encoding: Encoding::PLAIN,
                is_sorted: true,
            };
            self.page(page, body.len())?;
        }
        let width = bits_for(distinct);
        let rows = if distinct == 1 { cells.len().max(1) } else { PAGE_ROWS };
        let mut codes = dictionary.codes.chunks(rows);
        let mut is_bare = false;
        for page in cells.chunks(rows) {
            body.clear();
            if is_plain {
                page.iter().for_each(|cell| cell.put(kind, &mut body));
            } else {
                body.push(width);
                put_codes(codes.next().unwrap_or_default(), width, &mut body);
            }
            let encoding = if is_plain { Encoding::PLAIN } else { Encoding::RLE_DICTIONARY };
            let num_values = page.len() as u32;
            let packed = if is_bare { None } else { Some(self.packed(&body, FRAME)?) };
            // What zstd hardly makes smaller is kept as it is, and so is what follows it in the column.
            let little = if is_searched(self.column) { 4 } else { 8 };
            is_bare |= packed
                .as_ref()
                .is_some_and(|p| body.len() > FRAME && p.len() * little > body.len() * (little - 1));
            let data = match packed.filter(|_| !is_bare) {
                Some(buf) => Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding: Encoding::RLE,
                    rep_level_encoding: Encoding::RLE,
                    statistics: None,
                },
                None => Page::DataPageV2 {
                    buf: body.clone().into(),
                    num_values,
                    encoding,
                    num_nulls: 0,
                    num_rows: num_values,
                    def_levels_byte_len: 0,
                    rep_levels_byte_len: 0,
                    is_compressed: false,
                    statistics: None,
                },
            };
            self.page(data, body.len())?;
            let (mut low, mut high) = (Vec::new(), Vec::new());
            if let Some((least, most)) = bounds(page, kind) {
                least.put(kind, &mut low);
                most.put(kind, &mut high);
            }
            self.index.append(false, low, high, 0);
            self.offsets.append_row_count(page.len() as i64);
        }
        let (mut low, mut high) = (Vec::new(), Vec::new());
        if let (Some(least), Some(most)) = (dictionary.values.first(), dictionary.values.last()) {
            least.put(kind, &mut low);
            most.put(kind, &mut high);
        }
        self.close(cells.len(), is_plain, is_sorted, statistics(kind, low, high), bloom)
    }

    /// Bytes under zstd, in frames that are unpacked each by itself.
    fn packed(&mut self, body: &[u8], frame: usize) -> Result<bytes::Bytes, ParquetError> {
        let compressor =
            if self.column.kind() == Kind::Address { &mut self.thorough } else { &mut self.quick };
        let mut packed = Vec::with_capacity(body.len() / 2);
        for frame in body.chunks(frame) {
            let frame = compressor.compress(frame).map_err(|e| ParquetError::External(Box::new(e)))?;
            packed.extend_from_slice(&frame);
        }
        Ok(packed.into())
    }

    fn page(&mut self, page: Page, length: usize) -> Result<(), ParquetError> {
        let page = CompressedPage::new(page, length);
        let is_dictionary = !page.compressed_page().is_data_page();
        let spec = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.uncompressed += spec.uncompressed_size;
        if is_dictionary {
            self.dictionary_at = Some(spec.offset);
        } else {
            self.data_at.get_or_insert(spec.offset);
            self.offsets.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        }
        Ok(())
    }

    fn close(
        mut self,
        rows: usize,
        is_plain: bool,
        is_sorted: bool,
        statistics: Statistics,
        bloom: Option<Sbbf>,
    ) -> Result<Chunk, ParquetError> {
        let bytes = self.sink.into_inner()?;
        let encodings = if is_plain {
            vec![Encoding::PLAIN, Encoding::RLE]
        } else {
            vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY]
        };
        let metadata = ColumnChunkMetaData::builder(Arc::clone(&self.descr))
            .set_encodings(encodings)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(QUICK)?))
            .set_num_values(rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_data_page_offset(self.data_at.unwrap_or(0) as i64)
            .set_dictionary_page_offset(self.dictionary_at.map(|at| at as i64))
            .set_statistics(statistics)
            .build()?;
        if is_sorted {
            self.index.set_boundary_order(BoundaryOrder::ASCENDING);
        }
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: bloom,
            column_index: Some(self.index.build()?),
            offset_index: Some(self.offsets.build()),
        };
        Ok(Chunk { bytes, close })
    }
}

/// The distinct cells of a column, ascending, and the place of each cell among them.
pub struct Dictionary<C> {
    values: Vec<C>,
    codes: Vec<u32>,
}

impl<C: Cell> Dictionary<C> {
    fn of(cells: &[C], kind: Kind, is_sorted: bool) -> Self {
        let Some(first) = cells.first() else { return Self { values: Vec::new(), codes: Vec::new() } };
        if cells.iter().all(|cell| cell == first) {
            return Self { values: vec![*first], codes: vec![0; cells.len()] };
        }
        if is_sorted {
            return Self::sorted(cells);
        }
        if let Some(near) = C::near(cells, kind) {
            return near;
        }
        let mut numbers: HashMap<C, u32, BuildHasherDefault<Mix>> = HashMap::default();
        let (mut values, mut codes) = (Vec::new(), Vec::with_capacity(cells.len()));
        let mut last = (*first, u32::MAX);
        for cell in cells {
            if last.0 != *cell || last.1 == u32::MAX {
                let next = values.len() as u32;
                let number = *numbers.entry(*cell).or_insert(next);
                if number == next {
                    values.push(*cell);
                }
                last = (*cell, number);
            }
            codes.push(last.1);
        }
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_unstable_by_key(|n| values.get(*n as usize).map(|value| value.rank(kind)));
        let mut places = vec![0; values.len()];
        for (place, number) in (0..).zip(&order) {
            if let Some(slot) = places.get_mut(*number as usize) {
                *slot = place;
            }
        }
        codes.iter_mut().for_each(|code| *code = places.get(*code as usize).copied().unwrap_or(0));
        let values = order.iter().filter_map(|n| values.get(*n as usize).copied()).collect();
        Self { values, codes }
    }
}

impl<C: Cell> Dictionary<C> {
    /// Of ascending cells.
    fn sorted(cells: &[C]) -> Self {
        let (mut values, mut codes) = (Vec::new(), Vec::with_capacity(cells.len()));
        for cell in cells {
            if values.last() != Some(cell) {
                values.push(*cell);
            }
            codes.push(values.len() as u32 - 1);
        }
        Self { values, codes }
    }
}

/// A quick hasher for a table that lives for one column; keyed by nothing, and probed in memory that is bounded.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, n: u64) {
        let wide = u128::from(self.0.rotate_left(29) ^ n) * u128::from(ODD);
        self.0 = (wide as u64) ^ (wide >> 64) as u64;
    }

    fn write_u128(&mut self, n: u128) {
        self.write_u64((n >> 64) as u64);
        self.write_u64(n as u64);
    }
}

fn bounds<C: Cell>(cells: &[C], kind: Kind) -> Option<(C, C)> {
    let least = cells.iter().min_by_key(|cell| cell.rank(kind))?;
    let most = cells.iter().max_by_key(|cell| cell.rank(kind))?;
    Some((*least, *most))
}

fn filled<C: Cell>(mut bloom: Sbbf, values: &[C], kind: Kind) -> Sbbf {
    let mut plain = Vec::new();
    for value in values {
        plain.clear();
        value.put(kind, &mut plain);
        bloom.insert(plain.as_slice());
    }
    bloom
}

fn statistics(kind: Kind, low: Vec<u8>, high: Vec<u8>) -> Statistics {
    match kind.width() {
        4 => Statistics::int32(int32(&low), int32(&high), None, Some(0), false),
        8 => Statistics::int64(int64(&low), int64(&high), None, Some(0), false),
        _ => {
            let fixed = |bytes: Vec<u8>| Some(FixedLenByteArray::from(ByteArray::from(bytes)));
            Statistics::fixed_len_byte_array(fixed(low), fixed(high), None, Some(0), false)
        }
    }
}

fn int32(bytes: &[u8]) -> Option<i32> {
    bytes.first_chunk().map(|bytes| i32::from_le_bytes(*bytes))
}

fn int64(bytes: &[u8]) -> Option<i64> {
    bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
}

/// Bits of a code for so many values: at least 1.
fn bits_for(distinct: usize) -> u8 {
    let largest = distinct.saturating_sub(1) as u32;
    (32 - largest.leading_zeros()).max(1) as u8
}

/// Codes as Parquet's hybrid of runs and bit-packed groups of eight.
fn put_codes(codes: &[u32], width: u8, into: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while let Some(code) = codes.get(at) {
        let rest = codes.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|other| *other == code).count();
        if run >= LEAST_RUN {
            put_packed(codes.get(packed_from..at).unwrap_or_default(), width, into);
            put_varint((run as u64) << 1, into);
            into.extend(code.to_le_bytes().iter().take(usize::from(width).div_ceil(8)));
            at += run;
            packed_from = at;
        } else {
            // Groups are of eight: what follows a run begins anew.
            at += 8;
        }
    }
    put_packed(codes.get(packed_from..).unwrap_or_default(), width, into);
}

fn put_packed(codes: &[u32], width: u8, into: &mut Vec<u8>) {
    if codes.is_empty() {
        return;
    }
    let groups = codes.len().div_ceil(8);
    put_varint((groups as u64) << 1 | 1, into);
    let (mut word, mut filled) = (0_u64, 0);
    let padding = std::iter::repeat_n(&0, groups * 8 - codes.len());
    for code in codes.iter().chain(padding) {
        word |= u64::from(*code) << filled;
        filled += u32::from(width);
        while filled >= 8 {
            into.push(word as u8);
            word >>= 8;
            filled -= 8;
        }
    }
}

fn put_varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Whether single values of it are searched for, so that a bloom filter spares reading.
const fn is_searched(column: Column) -> bool {
    matches!(column, Column::Src | Column::Dst)
}

/// Rows of a page.
pub const PAGE_ROWS: usize = 16_384;
/// Bytes of a page that are under zstd together.
const FRAME: usize = 8 << 10;
/// Bytes of a dictionary that are under zstd together.
const DICTIONARY_FRAME: usize = 64 << 10;
/// Cells nearer to each other than this are numbered by a table.
const NEAR: u64 = 1 << 22;
const TICK_US: u64 = 1_000;
const LEAST_RUN: usize = 24;
const FALSE_POSITIVES: f64 = 0.01;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
const QUICK: i32 = 1;
const THOROUGH: i32 = 3;
