//! Answering questions: fresh rows, open rows, and those of every segment that may know.
//!
//! What comes in: one question, or many. What goes out: the rows that fit, by beginning. While segments are read no lock is held.

use std::net::IpAddr;
use std::sync::Arc;

use tadoru_model::{Assignment, Span};
use tadoru_store::StoreError;
use tadoru_store::assignments::{Holding, MOST_ROWS, Rows};

use crate::folder::codec::Codec;
use crate::segment::Segment;

use super::{Inner, State};

impl Inner {
    /// One question.
    pub(super) fn ask(&self, codec: &Codec, question: &Holding) -> Result<Rows, StoreError> {
        self.find(codec, question, MOST_ROWS).map(rows)
    }

    /// Every row that fits, however many: for holds.
    pub(super) fn every_row_of(
        &self,
        codec: &Codec,
        question: &Holding,
    ) -> Result<Vec<Assignment>, StoreError> {
        self.find(codec, question, usize::MAX)
    }

    /// The rows that fit; not many more than `enough`.
    fn find(&self, codec: &Codec, question: &Holding, enough: usize) -> Result<Vec<Assignment>, StoreError> {
        let (mut found, segments) = {
            let state = self.state();
            (state.find_in_memory(question, enough), state.segments_for(std::slice::from_ref(question)))
        };
        let (mut buffer, mut hits) = (Vec::new(), Vec::new());
        for segment in segments {
            hits.clear();
            let mut reader = segment.reader(codec);
            reader.find(question, enough, &mut buffer, &mut hits)?;
            for row in &hits {
                found.push(reader.assignment(row)?);
            }
            if found.len() > enough {
                break;
            }
        }
        Ok(found)
    }

    /// Many questions: sorted, so that neighbours read the same pages, on two threads.
    pub(super) fn ask_many(&self, codec: &Codec, questions: &[Holding]) -> Result<Vec<Rows>, StoreError> {
        let (found, segments) = {
            let state = self.state();
            let found: Vec<Vec<Assignment>> =
                questions.iter().map(|question| state.find_in_memory(question, MOST_ROWS)).collect();
            (found, state.segments_for(questions))
        };
        let mut sorted: Vec<(u128, u32)> = questions.iter().map(near).zip(0..).collect();
        sorted.sort_unstable();
        let numbers = sorted.into_iter().map(|(_, number)| number as usize);
        let order: Vec<(usize, Span)> =
            numbers.filter_map(|number| Some((number, questions.get(number)?.span))).collect();
        let (first, second) = order.split_at(order.len() / 2);
        let in_order = |part: &[(usize, Span)]| ask_sorted(codec, &segments, questions, part);
        let (first_rows, second_rows) = if order.len() < TWO_THREADS {
            (in_order(first)?, in_order(second)?)
        } else {
            std::thread::scope(|scope| {
                let other = scope.spawn(|| in_order(second));
                let mine = in_order(first);
                let theirs = other.join().unwrap_or_else(|_| {
                    Err(self.folder.damaged("", "the thread that reads segments ended early"))
                });
                Ok::<_, StoreError>((mine?, theirs?))
            })?
        };
        let mut answers = found;
        for ((number, _), mut more) in order.iter().zip(first_rows.into_iter().chain(second_rows)) {
            if let Some(found) = answers.get_mut(*number) {
                if found.is_empty() {
                    *found = more;
                    continue;
                }
                found.append(&mut more);
            }
        }
        Ok(answers.into_iter().map(rows).collect())
    }
}

impl State {
    fn find_in_memory(&self, question: &Holding, enough: usize) -> Vec<Assignment> {
        let mut found = Vec::new();
        self.fresh.find(question, enough, &mut found);
        if let Some(frozen) = &self.frozen {
            frozen.find(question, enough, &mut found);
        }
        self.open.find(question, enough, &mut found);
        found
    }

    fn segments_for(&self, questions: &[Holding]) -> Vec<Arc<Segment>> {
        let may = |segment: &&Arc<Segment>| questions.iter().any(|question| segment.may_meet(question.span));
        self.segments.iter().filter(may).cloned().collect()
    }
}

/// The rows of segments for the questions numbered in `order`, in that order.
fn ask_sorted(
    codec: &Codec,
    segments: &[Arc<Segment>],
    questions: &[Holding],
    order: &[(usize, Span)],
) -> Result<Vec<Vec<Assignment>>, StoreError> {
    let mut answers: Vec<Vec<Assignment>> = vec![Vec::new(); order.len()];
    let (mut buffer, mut hits, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for segment in segments {
        hits.clear();
        named.clear();
        let mut reader = segment.reader(codec).for_many();
        for (place, (number, span)) in order.iter().enumerate() {
            // Most segments know nothing of most instants: then the question itself is not even read.
            let Some(question) = questions.get(*number).filter(|_| segment.may_meet(*span)) else { continue };
            let first = hits.len();
            reader.find(question, first.saturating_add(MOST_ROWS), &mut buffer, &mut hits)?;
            let found = hits.iter().enumerate().skip(first);
            named.extend(found.map(|(hit, row)| (row.holder, place as u32, hit as u32)));
        }
        // By holder, so that a page of names is opened once.
        named.sort_unstable();
        for (_, place, hit) in &named {
            let Some(row) = hits.get(*hit as usize) else { continue };
            let assignment = reader.assignment(row)?;
            if let Some(answer) = answers.get_mut(*place as usize) {
                // Most questions have one row: a vector grows to four of them by itself.
                if answer.is_empty() {
                    answer.reserve_exact(1);
                }
                answer.push(assignment);
            }
        }
    }
    Ok(answers)
}

/// A number that is near for questions whose rows lie near.
fn near(question: &Holding) -> u128 {
    let port = question.port.map_or(0, |port| u128::from(port) + 1);
    let time = u128::from((question.span.from.0 as u64 ^ 1 << 63) >> 16);
    match question.addr {
        IpAddr::V4(addr) => u128::from(addr.to_bits()) << 65 | port << 48 | time,
        IpAddr::V6(addr) => 1 << 127 | addr.to_bits() >> 48 << 17 | port,
    }
}

fn rows(mut found: Vec<Assignment>) -> Rows {
    let cut = found.len() > MOST_ROWS;
    found.truncate(MOST_ROWS);
    found.sort_by_key(|row| row.from.earliest);
    Rows { rows: found, cut }
}

/// From how many questions on a second thread pays.
const TWO_THREADS: usize = 256;
