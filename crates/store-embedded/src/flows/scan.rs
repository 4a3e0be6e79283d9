//! A search over the row groups of a file: bounds first, then the columns of the filter, then what was asked for.
//!
//! Rows are looked at in blocks of a page. What the footer's bounds decide is not read; a test on a dictionary is made
//! once a distinct value, then on the codes; columns that are asked for are read only where rows were left.

use std::rc::Rc;
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::statistics::Statistics;

use tadoru_model::Flows;

use super::columns::{Cells, Column, Kind};
use super::compile::{Leaf, Program, Verdict};
use super::decode::{self, Body, Data, damaged};
use super::encode::PAGE_ROWS;
use super::file::FlowFile;

/// One bit a row of a block.
pub type Mask = Vec<u64>;

/// The rows of a row group that were found in a block.
pub struct Block {
    /// The first row.
    pub from: usize,
    /// How many rows it has.
    pub rows: usize,
    /// Which of them match.
    pub mask: Mask,
}

impl Block {
    /// How many match.
    pub fn count(&self) -> usize {
        self.mask.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Calls with every row that matches, counted from the block's first.
    pub fn each(&self, mut visit: impl FnMut(usize)) {
        for (n, word) in self.mask.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                visit(n * 64 + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
    }
}

/// A row group that is being searched.
pub struct Group<'f> {
    file: &'f FlowFile,
    number: usize,
    meta: &'f RowGroupMetaData,
    rows: usize,
    columns: Vec<Option<Opened>>,
    /// What is known of the leaves of the program here.
    leaves: Vec<Option<Known>>,
}

/// A column that is open, with the page read last.
struct Opened {
    column: decode::Column,
    page: Option<(usize, usize, Rc<Data>)>,
}

/// What a leaf comes to in a row group.
#[derive(Clone)]
enum Known {
    No,
    /// Codes from the first to the second pass.
    Codes(u32, u32),
    /// Passing codes, one each.
    Table(Arc<Vec<bool>>),
    /// Cells are looked at one by one.
    Cells,
}

/// A column of a block: its page, and where the block begins in it.
pub struct Part {
    page: Rc<Data>,
    skip: usize,
}

/// The cells of a part.
pub enum View<'p> {
    /// Codes into a dictionary.
    Coded(&'p [u32], &'p Cells),
    /// The cells.
    Plain(PlainView<'p>),
}

/// Plain cells.
pub enum PlainView<'p> {
    /// Numbers.
    Number(&'p [u64]),
    /// Addresses.
    Address(&'p [u128]),
}

impl Part {
    /// Its cells.
    ///
    /// # Errors
    /// When there is no dictionary for the codes.
    pub fn view(&self) -> Result<View<'_>, ParquetError> {
        fn from<T>(cells: &[T], skip: usize) -> &[T] {
            cells.get(skip..).unwrap_or_default()
        }
        match (self.page.body()?, self.page.dictionary()) {
            (Body::Coded(codes), Some(dictionary)) => {
                Ok(View::Coded(from(codes, self.skip), dictionary.values()?))
            }
            (Body::Coded(_), None) => Err(damaged("codes without a dictionary")),
            (Body::Plain(Cells::Number(cells)), _) => {
                Ok(View::Plain(PlainView::Number(from(cells, self.skip))))
            }
            (Body::Plain(Cells::Address(cells)), _) => {
                Ok(View::Plain(PlainView::Address(from(cells, self.skip))))
            }
        }
    }

    /// Which rows of a block have that code; `None` when the cells are plain.
    fn only(&self, block: &Block, code: u32) -> Result<Option<Mask>, ParquetError> {
        let mut mask = none(block);
        let end = self.skip + block.rows;
        let found = self.page.matches(code, |row, bits| {
            for row in (0..8).filter(|n| bits >> n & 1 == 1).map(|n| row + n) {
                let place = row.wrapping_sub(self.skip);
                if row < end
                    && let Some(word) = mask.get_mut(place / 64)
                {
                    *word |= 1 << (place % 64);
                }
            }
        })?;
        mask.iter_mut().zip(&block.mask).for_each(|(found, open)| *found &= open);
        Ok(found.map(|()| mask))
    }

    /// The number that all cells are, if the dictionary has only that one.
    pub fn constant(&self) -> Option<u64> {
        let dictionary = self.page.dictionary().filter(|dictionary| dictionary.distinct == 1)?;
        match dictionary.values() {
            Ok(Cells::Number(values)) => values.first().copied(),
            _ => None,
        }
    }

    /// Whether so few rows match that their cells are better cut out one by one.
    pub fn is_worth_picking(&self, block: &Block) -> bool {
        block.count() * FEW < self.page.rows()
    }

    /// The cells of the rows that match, in their order.
    ///
    /// # Errors
    /// When there is no dictionary for the codes.
    pub fn cells(&self, block: &Block) -> Result<Cells, ParquetError> {
        fn picked<T: Copy + Default>(block: &Block, at: impl Fn(usize) -> Option<T>) -> Vec<T> {
            let mut all = Vec::with_capacity(block.count());
            block.each(|row| all.push(at(row).unwrap_or_default()));
            all
        }
        if self.is_worth_picking(block) {
            let mut rows = Vec::with_capacity(block.count());
            block.each(|row| rows.push(self.skip + row));
            return self.page.cells(&rows);
        }
        Ok(match self.view()? {
            View::Coded(codes, Cells::Number(values)) => Cells::Number(picked(block, |row| {
                codes.get(row).and_then(|code| values.get(*code as usize)).copied()
            })),
            View::Coded(codes, Cells::Address(values)) => Cells::Address(picked(block, |row| {
                codes.get(row).and_then(|code| values.get(*code as usize)).copied()
            })),
            View::Plain(PlainView::Number(cells)) => {
                Cells::Number(picked(block, |row| cells.get(row).copied()))
            }
            View::Plain(PlainView::Address(cells)) => {
                Cells::Address(picked(block, |row| cells.get(row).copied()))
            }
        })
    }
}

impl<'f> Group<'f> {
    /// A row group of a file.
    pub fn of(file: &'f FlowFile, number: usize, meta: &'f RowGroupMetaData) -> Self {
        let columns = Column::ALL.iter().map(|_| None).collect();
        Self { file, number, meta, rows: meta.num_rows().max(0) as usize, columns, leaves: Vec::new() }
    }

    /// What the footer tells of the program here.
    pub fn verdict(&self, program: &Program) -> Verdict {
        program.verdict(&|column| self.chunk(column).and_then(|chunk| bounds_of(column.kind(), chunk)))
    }

    /// Calls with each block that has rows that match, until it is told to stop.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn blocks(
        &mut self,
        program: &Program,
        mut visit: impl FnMut(&mut Self, &Block) -> Result<bool, ParquetError>,
    ) -> Result<(), ParquetError> {
        let whole = self.verdict(program);
        if whole == Verdict::No {
            return Ok(());
        }
        for from in (0..self.rows).step_by(PAGE_ROWS) {
            let rows = PAGE_ROWS.min(self.rows - from);
            let known = match whole {
                Verdict::Maybe => program.verdict(&|column| self.page_bounds(column, from)),
                known => known,
            };
            let open = Block { from, rows, mask: full(rows) };
            let mask = match known {
                Verdict::No => continue,
                Verdict::Yes => open.mask,
                Verdict::Maybe => self.run(program, &open)?,
            };
            let block = Block { mask, ..open };
            if block.mask.iter().any(|word| *word != 0) && !visit(self, &block)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A column in a block.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn part(&mut self, column: Column, block: &Block) -> Result<Part, ParquetError> {
        let opened = self.opened(column)?;
        let (number, first) = opened.column.page_of(block.from);
        let page = match &opened.page {
            Some((read, _, page)) if *read == number => Rc::clone(page),
            _ => {
                let page = Rc::new(opened.column.page(number)?);
                opened.page = Some((number, first, Rc::clone(&page)));
                page
            }
        };
        let skip = block.from - first;
        if page.rows() < skip + block.rows {
            return Err(damaged("pages that do not end at the same rows"));
        }
        Ok(Part { page, skip })
    }

    /// Puts the rows of a block that match behind a batch.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn take(&mut self, block: &Block, into: &mut Flows) -> Result<(), ParquetError> {
        for column in Column::ALL {
            let cells = self.part(*column, block)?.cells(block)?;
            column.put(into, &cells);
        }
        Ok(())
    }

    fn opened(&mut self, column: Column) -> Result<&mut Opened, ParquetError> {
        let missing = || damaged("a column is missing");
        let (file, number, meta, rows) = (self.file, self.number, self.meta, self.rows);
        let slot = self.columns.get_mut(column as usize).ok_or_else(missing)?;
        if slot.is_none() {
            let chunk = meta.columns().get(column as usize).ok_or_else(missing)?;
            let locations = file.locations(number, column).ok_or_else(missing)?;
            let column = decode::Column::open(&file.placed, column.kind(), chunk, rows, locations)?;
            *slot = Some(Opened { column, page: None });
        }
        slot.as_mut().ok_or_else(missing)
    }

    fn chunk(&self, column: Column) -> Option<&'f ColumnChunkMetaData> {
        self.meta.columns().get(column as usize)
    }

    fn page_bounds(&self, column: Column, row: usize) -> Option<(u128, u128)> {
        let locations = self.file.locations(self.number, column)?;
        let page = page_at(locations, row);
        page_bounds(column.kind(), self.file.index(self.number, column)?, page)
    }

    // Which rows match ------------------------------------------------------------------------------------------

    /// Those rows of a block that match.
    fn run(&mut self, program: &Program, open: &Block) -> Result<Mask, ParquetError> {
        Ok(match program {
            Program::All => open.mask.clone(),
            Program::Never => none(open),
            Program::Not(inner) => {
                let found = self.run(inner, open)?;
                open.mask.iter().zip(found).map(|(open, found)| open & !found).collect()
            }
            Program::And(parts) => {
                let mut left = Block { from: open.from, rows: open.rows, mask: open.mask.clone() };
                for part in self.cheapest_first(parts) {
                    if left.mask.iter().all(|word| *word == 0) {
                        break;
                    }
                    left.mask = self.run(part, &left)?;
                }
                left.mask
            }
            Program::Or(parts) => {
                let mut any = none(open);
                for part in parts {
                    let found = self.run(part, open)?;
                    any.iter_mut().zip(found).for_each(|(any, found)| *any |= found);
                }
                any
            }
            Program::Leaf(number, leaf) => {
                match self.page_bounds(leaf.column, open.from).map(|(least, most)| leaf.verdict(least, most))
                {
                    Some(Verdict::No) => none(open),
                    Some(Verdict::Yes) => open.mask.clone(),
                    _ => self.leaf(*number, leaf, open)?,
                }
            }
            Program::Several(filter) => {
                let mut few = Flows::default();
                for column in [Column::First, Column::Last, Column::Packets, Column::Bytes] {
                    let cells = self.part(column, open)?.cells(open)?;
                    column.put(&mut few, &cells);
                }
                let mut rows = Vec::new();
                filter.select(&few, 0..few.rows(), &mut rows);
                let mut rows = rows.into_iter().peekable();
                let (mut mask, mut nth) = (none(open), 0);
                open.each(|row| {
                    if rows.next_if_eq(&nth).is_some()
                        && let Some(word) = mask.get_mut(row / 64)
                    {
                        *word |= 1 << (row % 64);
                    }
                    nth += 1;
                });
                mask
            }
        })
    }

    /// Parts on small columns before those on large ones: what they leave out is not read of the others.
    fn cheapest_first<'p>(&self, parts: &'p [Program]) -> Vec<&'p Program> {
        let mut parts: Vec<&Program> = parts.iter().collect();
        parts.sort_by_key(|part| match part {
            Program::Leaf(_, leaf) => self.chunk(leaf.column).map_or(0, ColumnChunkMetaData::compressed_size),
            _ => i64::MAX,
        });
        parts
    }

    fn leaf(&mut self, number: usize, leaf: &Leaf, open: &Block) -> Result<Mask, ParquetError> {
        if self.leaves.len() <= number {
            self.leaves.resize(number + 1, None);
        }
        let known = match self.leaves.get(number).cloned().flatten() {
            Some(known) => known,
            None => {
                let known = self.look_up(leaf)?;
                if let Some(slot) = self.leaves.get_mut(number) {
                    *slot = Some(known.clone());
                }
                known
            }
        };
        if matches!(known, Known::No) {
            return Ok(none(open));
        }
        let part = self.part(leaf.column, open)?;
        if let Known::Codes(from, to) = known
            && from == to
            && let Some(mask) = part.only(open, from)?
        {
            return Ok(mask);
        }
        Ok(match (part.view()?, known) {
            (View::Coded(codes, _), Known::Codes(from, to)) => {
                let span = to - from;
                masked(open, codes, |code| code.wrapping_sub(from) <= span)
            }
            (View::Coded(codes, _), Known::Table(table)) => {
                masked(open, codes, |code| table.get(code as usize).copied().unwrap_or(false))
            }
            (View::Plain(PlainView::Number(cells)), _) => {
                masked(open, cells, |cell| leaf.passes(cell.into()))
            }
            (View::Plain(PlainView::Address(cells)), _) => match leaf.only() {
                Some(only) => masked(open, cells, |cell| cell == only),
                None => masked(open, cells, |cell| leaf.passes(cell)),
            },
            (View::Coded(codes, values), _) => masked(open, codes, |code| match values {
                Cells::Number(values) => values.get(code as usize).is_some_and(|v| leaf.passes((*v).into())),
                Cells::Address(values) => values.get(code as usize).is_some_and(|v| leaf.passes(*v)),
            }),
        })
    }

    /// What a leaf comes to, by the bloom filter and the dictionary.
    fn look_up(&mut self, leaf: &Leaf) -> Result<Known, ParquetError> {
        let chunk = self.chunk(leaf.column).ok_or_else(|| damaged("a column is missing"))?;
        if let (Some(only), Kind::Address, true) =
            (leaf.only(), leaf.column.kind(), chunk.dictionary_page_offset().is_some())
            && let Some(bloom) = Sbbf::read_from_column_chunk(chunk, &*self.file.placed)?
            && !bloom.check(only.to_be_bytes().as_slice())
        {
            return Ok(Known::No);
        }
        let Some(dictionary) = self.opened(leaf.column)?.column.dictionary()? else {
            return Ok(Known::Cells);
        };
        if let (Kind::Address, Some(only)) = (leaf.column.kind(), leaf.only()) {
            return Ok(dictionary.place_of(only)?.map_or(Known::No, |n| Known::Codes(n, n)));
        }
        let table: Vec<bool> = match (dictionary.values()?, leaf.only()) {
            (Cells::Number(values), _) => values.iter().map(|v| leaf.passes((*v).into())).collect(),
            (Cells::Address(values), _) => values.iter().map(|v| leaf.passes(*v)).collect(),
        };
        let (first, last) = (table.iter().position(|p| *p), table.iter().rposition(|p| *p));
        let (Some(first), Some(last)) = (first, last) else { return Ok(Known::No) };
        let is_one = table.get(first..=last).is_some_and(|between| between.iter().all(|passes| *passes));
        Ok(if is_one { Known::Codes(first as u32, last as u32) } else { Known::Table(Arc::new(table)) })
    }
}

fn masked<T: Copy>(open: &Block, cells: &[T], passes: impl Fn(T) -> bool) -> Mask {
    let words = open.mask.iter().zip(cells.chunks(64));
    let mut mask: Mask = words
        .map(|(open, cells)| {
            if *open == 0 {
                return 0;
            }
            let mut found = 0_u64;
            for (n, cell) in cells.iter().enumerate() {
                found |= u64::from(passes(*cell)) << n;
            }
            found & open
        })
        .collect();
    mask.resize(open.mask.len(), 0);
    mask
}

fn full(rows: usize) -> Mask {
    let word = |n: usize| match rows - n * 64 {
        left if left >= 64 => u64::MAX,
        left => (1 << left) - 1,
    };
    (0..rows.div_ceil(64)).map(word).collect()
}

fn none(open: &Block) -> Mask {
    vec![0; open.mask.len()]
}

/// The page that has a row.
pub fn page_at(locations: &[PageLocation], row: usize) -> usize {
    locations.partition_point(|page| page.first_row_index <= row as i64).saturating_sub(1)
}

// Bounds --------------------------------------------------------------------------------------------------------------

/// The least and the most of a chunk, as cells.
pub fn bounds_of(kind: Kind, chunk: &ColumnChunkMetaData) -> Option<(u128, u128)> {
    Some(match chunk.statistics()? {
        Statistics::Int32(s) => ((*s.min_opt()? as u32).into(), (*s.max_opt()? as u32).into()),
        Statistics::Int64(s) => ((*s.min_opt()? as u64).into(), (*s.max_opt()? as u64).into()),
        Statistics::FixedLenByteArray(s) if kind == Kind::Address => {
            (address(s.min_bytes_opt()?)?, address(s.max_bytes_opt()?)?)
        }
        _ => return None,
    })
}

fn page_bounds(kind: Kind, index: &ColumnIndexMetaData, page: usize) -> Option<(u128, u128)> {
    Some(match index {
        ColumnIndexMetaData::INT32(pages) => {
            ((*pages.min_value(page)? as u32).into(), (*pages.max_value(page)? as u32).into())
        }
        ColumnIndexMetaData::INT64(pages) => {
            ((*pages.min_value(page)? as u64).into(), (*pages.max_value(page)? as u64).into())
        }
        ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(pages) if kind == Kind::Address => {
            (address(pages.min_value(page)?)?, address(pages.max_value(page)?)?)
        }
        _ => return None,
    })
}

fn address(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().ok().map(u128::from_be_bytes)
}

/// Cells are cut out of a page one by one where fewer than one row of so many is wanted.
const FEW: usize = 32;
