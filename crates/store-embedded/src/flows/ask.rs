//! Questions over a file: what is found is taken, summed up or ranked block by block.

use parquet::errors::ParquetError;

use tadoru_model::Flows;
use tadoru_store::flows::Key;
use tadoru_store::flows::tally::{Rates, Steps, Sums, Tally};

use super::columns::{Cells, Column};
use super::compile::Program;
use super::file::FlowFile;
use super::scan::{Block, Group, PlainView, View};

/// Takes the flows that match, until a batch has `enough`.
///
/// # Errors
/// When the disk refuses or the file is damaged.
pub fn find(file: &FlowFile, program: &Program, enough: usize, into: &mut Flows) -> Result<(), ParquetError> {
    each_block(file, program, |group, block| {
        let mut block = Block { from: block.from, rows: block.rows, mask: block.mask.clone() };
        let mut room = enough.saturating_sub(into.rows());
        for word in &mut block.mask {
            while word.count_ones() as usize > room {
                *word &= !(1 << (63 - word.leading_zeros()));
            }
            room -= word.count_ones() as usize;
        }
        if block.count() > 0 {
            group.take(&block, into)?;
        }
        Ok(into.rows() < enough)
    })
}

/// Gives all flows of a file, about `most` at a time; `put` empties the batch.
///
/// # Errors
/// When the disk refuses or the file is damaged; what `put` says.
pub fn some_at_a_time(
    file: &FlowFile,
    most: usize,
    put: &mut dyn FnMut(&mut Flows) -> Result<(), ParquetError>,
) -> Result<(), ParquetError> {
    let mut some = Flows::default();
    each_block(file, &Program::All, |group, block| {
        group.take(block, &mut some)?;
        if some.rows() >= most {
            put(&mut some)?;
        }
        Ok(true)
    })?;
    if some.is_empty() { Ok(()) } else { put(&mut some) }
}

/// Sums up the flows that match.
///
/// # Errors
/// When the disk refuses or the file is damaged.
pub fn totals(file: &FlowFile, program: &Program, sums: &mut Sums) -> Result<(), ParquetError> {
    each_block(file, program, |group, block| {
        let counts = Counts::of(group, block)?;
        let mut all = Sums::default();
        block.each(|row| all.add(&counts.at(row)));
        sums.add(&all);
        Ok(true)
    })
}

/// Adds the flows that match to the step in which they began.
///
/// # Errors
/// When the disk refuses or the file is damaged.
pub fn series(file: &FlowFile, program: &Program, steps: &mut Steps) -> Result<(), ParquetError> {
    each_block(file, program, |group, block| {
        let Cells::Number(firsts) = group.part(Column::First, block)?.cells(block)? else { return Ok(true) };
        let counts = Counts::of(group, block)?;
        let (mut firsts, mut last) = (firsts.into_iter(), (0, Sums::default()));
        block.each(|row| {
            let step = steps.step(firsts.next().unwrap_or_default() as i64);
            if step != last.0 {
                add_step(steps, last.0, &last.1);
                last = (step, Sums::default());
            }
            last.1.add(&counts.at(row));
        });
        add_step(steps, last.0, &last.1);
        Ok(true)
    })
}

/// Adds the flows that match to the sums of their key.
///
/// # Errors
/// When the disk refuses or the file is damaged.
pub fn top(file: &FlowFile, program: &Program, key: Key, tally: &mut Tally) -> Result<(), ParquetError> {
    key.sides().iter().try_for_each(|side| top_of(file, program, column_of(*side), key, tally))
}

/// Counts the flows that match by their rate of sampling.
///
/// # Errors
/// When the disk refuses or the file is damaged.
pub fn rates(file: &FlowFile, program: &Program, rates: &mut Rates) -> Result<(), ParquetError> {
    each_block(file, program, |group, block| {
        let part = group.part(Column::Sampling, block)?;
        if let Some(rate) = part.constant() {
            rates.add(narrow(rate), block.count() as u64);
        } else if let Cells::Number(cells) = part.cells(block)? {
            cells.into_iter().for_each(|rate| rates.add(narrow(rate), 1));
        }
        Ok(true)
    })
}

/// The column has 32 bits.
fn narrow(rate: u64) -> u32 {
    u32::try_from(rate).unwrap_or(u32::MAX)
}

fn top_of(
    file: &FlowFile,
    program: &Program,
    column: Column,
    key: Key,
    tally: &mut Tally,
) -> Result<(), ParquetError> {
    for (number, meta) in file.groups().iter().enumerate() {
        // Sums by code of the dictionary, which are keys only at the end of the row group.
        let mut coded: Vec<Sums> = Vec::new();
        let mut values: Option<Cells> = None;
        let mut group = Group::of(file, number, meta);
        group.blocks(program, |group, block| {
            let counts = Counts::of(group, block)?;
            let part = group.part(column, block)?;
            match part.view()? {
                View::Coded(codes, dictionary) => {
                    if values.is_none() {
                        let distinct = match dictionary {
                            Cells::Number(values) => values.len(),
                            Cells::Address(values) => values.len(),
                        };
                        coded.resize(distinct, Sums::default());
                        values = Some(dictionary.clone());
                    }
                    block.each(|row| {
                        if let Some(sums) = codes.get(row).and_then(|code| coded.get_mut(*code as usize)) {
                            sums.add(&counts.at(row));
                        }
                    });
                }
                View::Plain(PlainView::Address(cells)) => runs(block, cells, &counts, key, tally),
                View::Plain(PlainView::Number(cells)) => runs(block, cells, &counts, key, tally),
            }
            Ok(true)
        })?;
        let mut add = |bits: u128, sums: &Sums| {
            if sums.records > 0 {
                tally.add(key.fold(bits), sums);
            }
        };
        match values {
            Some(Cells::Number(values)) => {
                values.iter().zip(&coded).for_each(|(key, sums)| add((*key).into(), sums))
            }
            Some(Cells::Address(values)) => values.iter().zip(&coded).for_each(|(key, sums)| add(*key, sums)),
            None => {}
        }
    }
    Ok(())
}

/// Sorted cells come in runs: a run is added at once.
fn runs<T: Copy + PartialEq + Default + Into<u128>>(
    block: &Block,
    cells: &[T],
    counts: &Counts,
    key: Key,
    tally: &mut Tally,
) {
    let mut run = (T::default(), Sums::default());
    block.each(|row| {
        let cell = cells.get(row).copied().unwrap_or_default();
        if cell != run.0 {
            if run.1.records > 0 {
                tally.add(key.fold(run.0.into()), &run.1);
            }
            run = (cell, Sums::default());
        }
        run.1.add(&counts.at(row));
    });
    if run.1.records > 0 {
        tally.add(key.fold(run.0.into()), &run.1);
    }
}

fn each_block(
    file: &FlowFile,
    program: &Program,
    mut visit: impl FnMut(&mut Group<'_>, &Block) -> Result<bool, ParquetError>,
) -> Result<(), ParquetError> {
    let mut goes_on = true;
    for (number, meta) in file.groups().iter().enumerate() {
        if !goes_on {
            break;
        }
        Group::of(file, number, meta).blocks(program, |group, block| {
            goes_on = visit(group, block)?;
            Ok(goes_on)
        })?;
    }
    Ok(())
}

/// What is counted of the flows of a block.
struct Counts {
    flows: Count,
    packets: Count,
    bytes: Count,
    reverse_packets: Count,
    reverse_bytes: Count,
}

enum Count {
    Same(u64),
    Each(Vec<u64>),
}

impl Count {
    fn at(&self, row: usize) -> u64 {
        match self {
            Self::Same(value) => *value,
            Self::Each(values) => values.get(row).copied().unwrap_or(0),
        }
    }
}

impl Counts {
    fn of(group: &mut Group<'_>, block: &Block) -> Result<Self, ParquetError> {
        let mut count = |column| {
            let part = group.part(column, block)?;
            if let Some(value) = part.constant() {
                return Ok(Count::Same(value));
            }
            let at = |all: &mut Vec<u64>, row: usize, value: Option<&u64>| {
                if let (Some(slot), Some(value)) = (all.get_mut(row), value) {
                    *slot = *value;
                }
            };
            let mut all = Vec::new();
            if part.is_worth_picking(block) {
                if let Cells::Number(cells) = part.cells(block)? {
                    let mut cells = cells.iter();
                    all.resize(block.rows, 0);
                    block.each(|row| at(&mut all, row, cells.next()));
                }
                return Ok(Count::Each(all));
            }
            match part.view()? {
                View::Coded(codes, Cells::Number(values)) if block.count() * 4 > block.rows => {
                    let codes = codes.iter().take(block.rows);
                    all.extend(codes.map(|code| values.get(*code as usize).copied().unwrap_or(0)));
                }
                View::Coded(codes, Cells::Number(values)) => {
                    all.resize(block.rows, 0);
                    block.each(|row| at(&mut all, row, codes.get(row).and_then(|c| values.get(*c as usize))));
                }
                View::Plain(PlainView::Number(cells)) => all.extend(cells.iter().take(block.rows)),
                _ => {}
            }
            Ok::<_, ParquetError>(Count::Each(all))
        };
        Ok(Self {
            flows: count(Column::Count)?,
            packets: count(Column::Packets)?,
            bytes: count(Column::Bytes)?,
            reverse_packets: count(Column::ReversePackets)?,
            reverse_bytes: count(Column::ReverseBytes)?,
        })
    }

    fn at(&self, row: usize) -> Sums {
        Sums {
            records: 1,
            flows: self.flows.at(row),
            packets: self.packets.at(row).saturating_add(self.reverse_packets.at(row)),
            bytes: self.bytes.at(row).saturating_add(self.reverse_bytes.at(row)),
        }
    }
}

const fn column_of(key: Key) -> Column {
    match key {
        Key::SrcAddr | Key::SrcNet | Key::Addr | Key::Net => Column::Src,
        Key::DstAddr | Key::DstNet => Column::Dst,
        Key::SrcPort | Key::Port => Column::SrcPort,
        Key::DstPort => Column::DstPort,
        Key::Proto => Column::Proto,
        Key::SrcAs | Key::As => Column::SrcAs,
        Key::DstAs => Column::DstAs,
        Key::Input | Key::Interface => Column::Input,
        Key::Output => Column::Output,
        Key::Exporter => Column::Exporter,
        Key::TcpFlags => Column::TcpFlags,
        Key::Tos => Column::Tos,
        Key::NextHop => Column::NextHop,
    }
}

fn add_step(steps: &mut Steps, step: i64, sums: &Sums) {
    if sums.records > 0 {
        steps.add(step, sums);
    }
}
