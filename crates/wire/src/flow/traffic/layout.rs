//! Records of variable length laid out anew: each wanted field at a fixed place, so that they are read like any other.

use super::{At, Kind};
use crate::flow::template::{Length, variable_length};

/// How to lay out the records of a template.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    steps: Vec<(Length, Option<At>)>,
    record: usize,
}

/// Why a record could not be laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlaid {
    /// It runs over the end of its set.
    Cut,
}

impl Relay {
    pub(super) fn new() -> Self {
        Self { steps: Vec::new(), record: 0 }
    }

    /// Makes a place for a field.
    pub(super) fn place(&self, kind: Kind, length: Length) -> At {
        let width = match (length, kind) {
            (Length::Fixed(len), _) => usize::from(len),
            // One octet tells how many of the others are there.
            (Length::Variable, Kind::Section) => 1 + LONGEST_SECTION,
            (Length::Variable, _) => 8,
        };
        At { offset: self.record, width }
    }

    pub(super) fn keep(&mut self, length: Length, at: At) {
        self.steps.push((length, Some(at)));
        self.record += at.width;
    }

    pub(super) fn skip(&mut self, length: Length) {
        match self.steps.last_mut() {
            // Neighbours that nobody wants are stepped over at once.
            Some((Length::Fixed(before), None)) if let Length::Fixed(len) = length => {
                match before.checked_add(len) {
                    Some(sum) => *before = sum,
                    None => self.steps.push((length, None)),
                }
            }
            _ => self.steps.push((length, None)),
        }
    }

    /// Octets of a record as laid out.
    pub(super) fn record(&self) -> usize {
        self.record
    }

    /// Lays out the record that begins here behind `out`; gives its length as it came and how many of its numbers
    /// were longer than a number can be.
    pub(super) fn lay(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(usize, u32), Unlaid> {
        let base = out.len();
        out.resize(base + self.record, 0);
        let mut at = 0;
        let mut long = 0;
        for &(length, place) in &self.steps {
            let (len, begin) = match length {
                Length::Fixed(len) => (usize::from(len), at),
                Length::Variable => variable_length(bytes, at).ok_or(Unlaid::Cut)?,
            };
            let value = bytes.get(begin..begin + len).ok_or(Unlaid::Cut)?;
            at = begin + len;
            let Some(place) = place else { continue };
            let slot =
                out.get_mut(base + place.offset..base + place.offset + place.width).unwrap_or_default();
            if matches!(length, Length::Fixed(_)) {
                slot.copy_from_slice(value);
            } else if place.width == 8 {
                match 8_usize.checked_sub(len).and_then(|empty| slot.get_mut(empty..)) {
                    Some(low) => low.copy_from_slice(value),
                    None => long += 1,
                }
            } else if let Some((told, piece)) = slot.split_first_mut() {
                let len = len.min(LONGEST_SECTION);
                *told = u8::try_from(len).unwrap_or(u8::MAX);
                for (to, from) in piece.iter_mut().zip(value) {
                    *to = *from;
                }
            }
        }
        Ok((at, long))
    }
}

/// Octets kept of a piece of a packet of variable length: enough for any stack of headers that is looked through.
pub(super) const LONGEST_SECTION: usize = 255;
