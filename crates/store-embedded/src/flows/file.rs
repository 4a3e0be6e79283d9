//! Flow files: plain Parquet, which any engine reads, laid out for searches by address.
//!
//! Within a slice of time the flows that leave the inside and those that enter it are row groups of their own, sorted by
//! the inside address, then by the other. So the flows of an inside address lie together, whichever way they went; what
//! an outside address did is told by a bloom filter and a dictionary. A file is written aside and renamed when it is
//! whole and durable.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use tadoru_model::flow::to_bits;
use tadoru_model::{Flows, Prefix};

use super::columns::{Column, schema};
use super::decode::{Loaded, Placed, damaged};
use super::encode;

/// The operator's own networks, by which a flow is told to leave or to enter.
#[derive(Debug, Clone, Default)]
pub struct Inside {
    ranges: Vec<(u128, u128)>,
}

impl Inside {
    /// Of prefixes.
    pub fn of(prefixes: &[Prefix]) -> Self {
        let mut ranges: Vec<(u128, u128)> = prefixes
            .iter()
            .map(|prefix| {
                let width: u8 = if prefix.addr().is_ipv4() { 32 } else { 128 };
                let first = to_bits(prefix.addr());
                let behind = u32::from(width.saturating_sub(prefix.len()));
                (first, first | u128::MAX.checked_shr(128 - behind).unwrap_or(0))
            })
            .collect();
        ranges.sort_unstable();
        Self { ranges }
    }

    fn has(&self, bits: u128) -> bool {
        // Ranges of prefixes nest or are apart: the last that begins before it, or one that holds that.
        let behind = self.ranges.partition_point(|(from, _)| *from <= bits);
        self.ranges.iter().take(behind).rev().any(|(_, to)| bits <= *to)
    }

    /// The rows of a batch in the order of a file, by row group: leaving, entering, neither.
    fn groups(&self, flows: &Flows, rows: &[u32]) -> [Vec<u32>; 3] {
        let mut keys: [Vec<(u128, u128, u32)>; 3] = Default::default();
        for row in rows {
            let (Some(src), Some(dst)) = (flows.src.get(*row as usize), flows.dst.get(*row as usize)) else {
                continue;
            };
            let (class, key) = if self.has(*src) {
                (0, (*src, *dst, *row))
            } else {
                (if self.has(*dst) { 1 } else { 2 }, (*dst, *src, *row))
            };
            if let Some(keys) = keys.get_mut(class) {
                keys.push(key);
            }
        }
        keys.map(sorted)
    }
}

/// Rows in the order of their keys. Where all addresses are of IPv4, keys are sorted in half the room.
fn sorted(mut keys: Vec<(u128, u128, u32)>) -> Vec<u32> {
    let v4 = |bits: u128| bits >> 32 == 0xffff;
    if keys.iter().all(|(inside, other, _)| v4(*inside) && v4(*other)) {
        let pair = |inside: u128, other: u128| u64::from(inside as u32) << 32 | u64::from(other as u32);
        let mut short: Vec<(u64, u32)> =
            keys.iter().map(|(inside, other, row)| (pair(*inside, *other), *row)).collect();
        short.sort_unstable();
        return short.into_iter().map(|(_, row)| row).collect();
    }
    keys.sort_unstable();
    keys.into_iter().map(|(_, _, row)| row).collect()
}

/// A file that is being written.
pub struct FlowWriter {
    writer: SerializedFileWriter<BufWriter<File>>,
}

impl FlowWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn new(file: File) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_created_by(format!("tadoru {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(vec![KeyValue::new(LAYOUT_KEY.to_owned(), LAYOUT.to_owned())]))
            .build();
        let writer = SerializedFileWriter::new(BufWriter::new(file), schema()?, Arc::new(properties))?;
        Ok(Self { writer })
    }

    /// Writes those rows of a batch: flows of one slice of time.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn slice(&mut self, flows: &Flows, rows: &[u32], inside: &Inside) -> Result<(), ParquetError> {
        for rows in inside.groups(flows, rows) {
            for rows in rows.chunks(MOST_GROUP_ROWS) {
                self.group(flows, rows)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, flows: &Flows, rows: &[u32]) -> Result<(), ParquetError> {
        let descriptors: Vec<_> = self.writer.schema_descr().columns().to_vec();
        let mut group = self.writer.next_row_group()?;
        for (column, descr) in Column::ALL.iter().zip(descriptors) {
            let chunk = encode::chunk(*column, descr, &column.of(flows, rows))?;
            group.append_column(&bytes::Bytes::from(chunk.bytes), chunk.close)?;
        }
        group.close()?;
        Ok(())
    }

    /// Takes over all row groups of another file as they are.
    ///
    /// # Errors
    /// When the disk refuses, or the other file is damaged.
    pub fn adopt(&mut self, other: &FlowFile) -> Result<(), ParquetError> {
        for (number, meta) in other.meta.row_groups().iter().enumerate() {
            let mut group = self.writer.next_row_group()?;
            for (column, chunk) in Column::ALL.iter().zip(meta.columns()) {
                let missing = || damaged("a column has no page index");
                let close = ColumnCloseResult {
                    bytes_written: chunk.compressed_size().max(0) as u64,
                    rows_written: meta.num_rows().max(0) as u64,
                    metadata: chunk.clone(),
                    bloom_filter: Sbbf::read_from_column_chunk(chunk, &*other.placed)?,
                    column_index: Some(other.index(number, *column).ok_or_else(missing)?.clone()),
                    offset_index: Some(other.offsets(number, *column).ok_or_else(missing)?.clone()),
                };
                group.append_column(&Loaded::of(&other.placed, chunk)?, close)?;
            }
            group.close()?;
        }
        Ok(())
    }

    /// Ends the file; it is durable when it returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<(), ParquetError> {
        self.writer.finish()?;
        let external = |e: io::Error| ParquetError::External(Box::new(e));
        let buffer = self.writer.inner_mut();
        buffer.flush().map_err(external)?;
        buffer.get_ref().sync_all().map_err(external)
    }
}

/// A flow file, open for searches.
pub struct FlowFile {
    /// Its bytes.
    pub placed: Arc<Placed>,
    meta: ParquetMetaData,
}

impl FlowFile {
    /// Opens a file; its footer is read and checked.
    ///
    /// # Errors
    /// When it is torn, or is not one of ours.
    pub fn open(file: File) -> Result<Self, ParquetError> {
        let placed = Placed::of(file).map_err(|e| ParquetError::External(Box::new(e)))?;
        let meta = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&placed)?;
        let pairs = meta.file_metadata().key_value_metadata();
        let is_ours = pairs.is_some_and(|pairs| {
            pairs.iter().any(|pair| pair.key == LAYOUT_KEY && pair.value.as_deref() == Some(LAYOUT))
        });
        let columns = meta.file_metadata().schema_descr().columns();
        let fits = columns.len() == Column::ALL.len()
            && columns.iter().zip(Column::ALL).all(|(has, wanted)| {
                has.name() == wanted.name() && has.physical_type() == wanted.kind().physical()
            });
        if !(is_ours && fits) {
            return Err(damaged("not a flow file of this layout"));
        }
        let file = Self { placed: Arc::new(placed), meta };
        if (0..file.groups().len()).all(|group| file.is_sound(group)) {
            Ok(file)
        } else {
            Err(damaged("a footer that promises what is not there"))
        }
    }

    /// Whether everything that the footer tells of a row group lies inside the file and fits together.
    fn is_sound(&self, group: usize) -> bool {
        let Some(meta) = self.groups().get(group) else { return false };
        let (len, rows) = (self.placed.length(), meta.num_rows());
        let is_inside = |from: i64, length: i64| {
            let end = from.checked_add(length).and_then(|end| u64::try_from(end).ok());
            from >= 0 && length >= 0 && end.is_some_and(|end| end <= len)
        };
        let fits = |column: &Column| {
            let Some(chunk) = meta.columns().get(*column as usize) else { return false };
            let (Some(pages), Some(index)) = (self.locations(group, *column), self.index(group, *column))
            else {
                return false;
            };
            let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let bloom = chunk.bloom_filter_offset().zip(chunk.bloom_filter_length());
            let firsts = pages.iter().map(|page| page.first_row_index);
            start <= chunk.data_page_offset()
                && is_inside(start, chunk.compressed_size())
                && chunk.bloom_filter_offset().is_none_or(|_| bloom.is_some())
                && bloom.is_none_or(|(from, length)| is_inside(from, length.into()))
                && chunk.num_values() == rows
                && index.num_pages() == pages.len() as u64
                && pages.iter().all(|page| is_inside(page.offset, page.compressed_page_size.into()))
                && firsts.clone().is_sorted_by(|a, b| a < b)
                && firsts.clone().next() == Some(0)
                && firsts.clone().next_back().is_some_and(|last| last < rows)
        };
        rows > 0 && Column::ALL.iter().all(fits)
    }

    /// Its row groups.
    pub fn groups(&self) -> &[RowGroupMetaData] {
        self.meta.row_groups()
    }

    /// How many flows it has.
    pub fn rows(&self) -> u64 {
        self.groups().iter().map(|group| group.num_rows().max(0) as u64).sum()
    }

    /// How much memory its footer takes.
    pub fn memory(&self) -> usize {
        self.meta.memory_size()
    }

    /// Where the pages of a column lie.
    pub fn locations(&self, group: usize, column: Column) -> Option<&[PageLocation]> {
        self.offsets(group, column).map(|index| index.page_locations().as_slice())
    }

    /// The bounds of the pages of a column.
    pub fn index(&self, group: usize, column: Column) -> Option<&ColumnIndexMetaData> {
        let index = self.meta.column_index()?.get(group)?.get(column as usize)?;
        (!matches!(index, ColumnIndexMetaData::NONE)).then_some(index)
    }

    fn offsets(&self, group: usize, column: Column) -> Option<&OffsetIndexMetaData> {
        self.meta.offset_index()?.get(group)?.get(column as usize)
    }
}

/// A row group has at most so many rows, however long its slice is.
const MOST_GROUP_ROWS: usize = 1 << 20;
const LAYOUT_KEY: &str = "tadoru.flows";
const LAYOUT: &str = "1";
