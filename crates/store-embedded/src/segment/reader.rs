//! Asking a segment: the pages that a question needs, found by the index and opened.
//!
//! What comes in: questions, one after the other. What goes out: the rows that fit, and their assignments. A reader keeps
//! what it needed last, so that sorted questions open each page of the index and of names once.

use std::sync::Arc;

use tadoru_model::Assignment;
use tadoru_store::{Holding, StoreError};

use crate::folder::codec::{Codec, PageKey};

use super::names::{self, NamesPage};
use super::row::{Origin, Row, holder_of};
use super::{Block, Segment};

/// Reads a segment for one who asks.
pub struct Reader<'s> {
    segment: &'s Segment,
    codec: &'s Codec<'s>,
    key: Option<PageKey<'s>>,
    names: Option<(usize, Arc<NamesPage>)>,
    /// Where the last question was answered in each section: the next one is mostly near.
    places: Vec<Place>,
    /// Origins of its own: those of the segment are counted by every thread that hands out rows.
    origins: Option<Vec<Origin>>,
}

/// Where a reader stands in a section.
#[derive(Clone, Default)]
struct Place {
    top: usize,
    entry: usize,
    block: Option<(usize, Arc<Block>)>,
}

impl<'s> Reader<'s> {
    /// A reader of `segment`.
    pub(super) fn of(segment: &'s Segment, codec: &'s Codec<'s>) -> Self {
        let places = vec![Place::default(); segment.sections.len()];
        Self { segment, codec, key: None, names: None, places, origins: None }
    }

    /// The same for many questions on one thread of several.
    #[must_use]
    pub fn for_many(mut self) -> Self {
        self.origins = Some(self.segment.origins.iter().map(Origin::apart).collect());
        self
    }

    /// Appends to `hits` the rows that fit; not many more than it takes to have more than `enough`. Questions in the
    /// order of their addresses and ports are answered fastest.
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
        for (section, place) in segment.sections.iter().zip(&mut self.places) {
            let Some(net) = section.shape.net_of(question.addr) else { continue };
            let lows = section.shape.lows(question.port);
            let (first, last) = ((net, lows.0), (net, lows.1));
            place.top = last_below(&section.blocks, place.top, |top| (top.net, top.low) < first);
            for (number, top) in section.blocks.iter().enumerate().skip(place.top) {
                if (top.net, top.low) > last && number > place.top {
                    break;
                }
                if !meets(question, top.min_from, top.max_until) {
                    continue;
                }
                let key = key_of(&mut self.key, self.codec, segment)?;
                let block = match &place.block {
                    Some((of, block)) if *of == number => Arc::clone(block),
                    _ => {
                        let block = segment.block(section.first_block + number, top, key)?;
                        (place.block, place.entry) = (Some((number, Arc::clone(&block))), 0);
                        block
                    }
                };
                place.entry = last_below(&block.entries, place.entry, |entry| (entry.net, entry.low) < first);
                for (number, entry) in block.entries.iter().enumerate().skip(place.entry) {
                    if (entry.net, entry.low) > last && number > place.entry {
                        break;
                    }
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
        let origins = self.origins.as_deref().unwrap_or(&segment.origins);
        let origin = origins.get(row.origin as usize);
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

/// The place of the last of the sorted `items` that `is_below` says yes to, 0 when there is none. It is looked for from
/// `hint` on first.
fn last_below<T>(items: &[T], hint: usize, is_below: impl Fn(&T) -> bool) -> usize {
    let below = |place: usize| items.get(place).is_some_and(&is_below);
    if below(hint) {
        for place in hint..hint.saturating_add(NEAR) {
            if !below(place + 1) {
                return place;
            }
        }
    }
    items.partition_point(is_below).saturating_sub(1)
}

/// How many places further the next answer is looked for before all of them are.
const NEAR: usize = 16;
