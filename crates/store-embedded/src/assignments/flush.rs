//! From fresh rows, or from small segments, to sorted ones.
//!
//! What comes in: fresh rows, or segments of one class and month. What goes out: durable segment files that no manifest
//! names yet.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use tadoru_store::StoreError;

use crate::folder::Folder;
use crate::folder::codec::{Codec, KeyName};
use crate::segment::Segment;
use crate::segment::row::{Origin, Row};
use crate::segment::scan::{Names, Rows};
use crate::segment::write::SegmentWriter;

use super::classes::{FarSide, RetentionClasses, month_of};
use super::fresh::{Fresh, Place};

/// Writes `fresh` as one segment for each class and month; gives their files.
///
/// # Errors
/// What disk and codec say; what was written by then is left over.
pub fn write_fresh(
    folder: &Folder,
    codec: &Codec,
    classes: &RetentionClasses,
    fresh: &Fresh,
) -> Result<Vec<String>, StoreError> {
    let order = fresh.sorted();
    let holders = fresh.holders().sorted();
    let mut parts: BTreeMap<KeyName, Vec<Place>> = BTreeMap::new();
    for (key, places) in partition(fresh, classes, order) {
        parts.insert(key, places);
    }
    let whole = parts.len() == 1;
    let mut files = Vec::new();
    for (key, places) in parts {
        let mut writer = SegmentWriter::create(folder, &key, codec, fresh.origins().to_vec())?;
        let mut used = vec![whole; fresh.holders().len()];
        if !whole {
            for row in places.iter().filter_map(|place| fresh.row_at(*place)) {
                if let Some(used) = used.get_mut(row.holder as usize) {
                    *used = true;
                }
            }
        }
        let mut numbers = vec![0_u32; fresh.holders().len()];
        let mut next = 0;
        for number in &holders {
            if used.get(*number as usize) == Some(&true) {
                writer.name(fresh.holders().get(*number).unwrap_or_default())?;
                if let Some(to) = numbers.get_mut(*number as usize) {
                    *to = next;
                }
                next += 1;
            }
        }
        // Rows are gathered some at a time, so that the memory is waited for once and not for each.
        let mut gathered: Vec<Row> = Vec::with_capacity(TOGETHER);
        for part in places.chunks(TOGETHER) {
            gathered.clear();
            fresh.touch(part);
            gathered.extend(part.iter().filter_map(|place| fresh.row_at(*place)));
            for row in &mut gathered {
                row.holder = numbers.get(row.holder as usize).copied().unwrap_or(0);
            }
            gathered.iter().try_for_each(|row| writer.row(*row))?;
        }
        files.push(writer.finish()?);
    }
    Ok(files)
}

/// The places by class and month, in order.
fn partition(fresh: &Fresh, classes: &RetentionClasses, order: Vec<Place>) -> Vec<(KeyName, Vec<Place>)> {
    let key = |row: &Row| {
        let far = if row.far_tag == 0 { FarSide::NotKept } else { FarSide::Kept };
        let kind = fresh.origins().get(row.origin as usize).map(|o| o.kind);
        (kind.map(|kind| classes.class(kind, far)), month_of(row.until_latest))
    };
    let name = |(class, month): (Option<&Arc<str>>, u32)| {
        KeyName::new(Arc::clone(class.unwrap_or(&classes.assignments)), month)
    };
    let Some((first, last)) = fresh.ends() else { return Vec::new() };
    // Mostly all are of one class and month.
    let mut of = fresh.sorts().map(|(kind, far)| classes.class(kind, far));
    let class = of.next();
    if of.all(|other| Some(other) == class) && month_of(first) == month_of(last) {
        return vec![(name((class, month_of(first))), order)];
    }
    let mut parts: BTreeMap<(Option<&Arc<str>>, u32), Vec<Place>> = BTreeMap::new();
    for place in order {
        if let Some(row) = fresh.row_at(place) {
            parts.entry(key(&row)).or_default().push(place);
        }
    }
    parts.into_iter().map(|(key, places)| (name(key), places)).collect()
}

/// Writes the rows of `segments` (all of one class and month) for which `keep` says so as one segment; gives its file,
/// `None` when nothing is left.
///
/// # Errors
/// What disk and codec say; what was written by then is left over.
pub fn merge(
    folder: &Folder,
    codec: &Codec,
    key: &KeyName,
    segments: &[Arc<Segment>],
    keep: &mut dyn FnMut(&Segment, &Row) -> Result<bool, StoreError>,
) -> Result<Option<String>, StoreError> {
    let (origins, origin_numbers) = join_origins(segments);
    let mut writer = SegmentWriter::create(folder, key, codec, origins)?;
    let holder_numbers = join_names(segments, codec, &mut writer)?;
    let mut inputs = Vec::with_capacity(segments.len());
    let mut heads = BinaryHeap::with_capacity(segments.len());
    for (number, segment) in segments.iter().enumerate() {
        let mut rows = Rows::of(segment, codec)?;
        if let Some(row) = rows.take()? {
            heads.push(Reverse(Next { row, input: number }));
        }
        inputs.push(rows);
    }
    let mut kept = 0_u64;
    while let Some(mut top) = heads.peek_mut() {
        let Reverse(Next { row, input }) = *top;
        let next = match inputs.get_mut(input) {
            Some(rows) => rows.take()?,
            None => None,
        };
        match next {
            Some(row) => *top = Reverse(Next { row, input }),
            None => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
        let Some(segment) = segments.get(input) else { continue };
        if keep(segment, &row)? {
            let number = |table: &[Vec<u32>], old: u32| {
                table.get(input).and_then(|numbers| numbers.get(old as usize)).copied().ok_or_else(|| {
                    folder.damaged(segment.name(), "a row names somebody whom the segment does not name")
                })
            };
            let holder = number(&holder_numbers, row.holder)?;
            let origin = number(&origin_numbers, row.origin)?;
            writer.row(Row { holder, origin, ..row })?;
            kept += 1;
        }
    }
    if kept == 0 { Ok(None) } else { writer.finish().map(Some) }
}

/// The origins of all, each once, and for each segment the new number of each old one.
fn join_origins(segments: &[Arc<Segment>]) -> (Vec<Origin>, Vec<Vec<u32>>) {
    let mut all: Vec<Origin> = Vec::new();
    let mut numbers = Vec::with_capacity(segments.len());
    for segment in segments {
        let of_one = segment.origins().iter().map(|origin| {
            all.iter().position(|known| known == origin).unwrap_or_else(|| {
                all.push(origin.clone());
                all.len() - 1
            }) as u32
        });
        numbers.push(of_one.collect());
    }
    (all, numbers)
}

/// Writes the names of all in order, each once; gives for each segment the new number of each old one.
fn join_names(
    segments: &[Arc<Segment>],
    codec: &Codec,
    writer: &mut SegmentWriter,
) -> Result<Vec<Vec<u32>>, StoreError> {
    let mut numbers: Vec<Vec<u32>> =
        segments.iter().map(|s| Vec::with_capacity(s.holders() as usize)).collect();
    let mut inputs = segments.iter().map(|s| Names::of(s, codec)).collect::<Result<Vec<_>, _>>()?;
    let mut least = Vec::new();
    let mut next = 0_u32;
    loop {
        let Some(smallest) = inputs.iter().filter_map(Names::peek).min() else { return Ok(numbers) };
        least.clear();
        least.extend_from_slice(smallest);
        writer.name(&least)?;
        for (input, numbers) in inputs.iter_mut().zip(&mut numbers) {
            if input.peek() == Some(least.as_slice()) {
                numbers.push(next);
                input.advance()?;
            }
        }
        next += 1;
    }
}

/// Rows gathered at a time.
const TOGETHER: usize = 128;

struct Next {
    row: Row,
    input: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.row.order(&other.row).then(self.input.cmp(&other.input))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next {}
