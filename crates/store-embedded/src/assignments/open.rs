//! The open versions of sessions and leases: in memory, replaced as they are revised.
//!
//! What comes in: open and closing rows. What goes out: the open rows that fit a question. They never enter a segment.

use std::collections::{BTreeMap, BTreeSet};

use tadoru_model::Assignment;
use tadoru_store::Holding;
use tadoru_store::assignments::OpenKey;

use crate::segment::bits::{put_varint, take_varint};
use crate::segment::row::{Shape, put_assignment, take_assignment};

/// Where an open row stands: what is held, then its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    shape: Shape,
    net: u128,
    low: u16,
    high: u16,
    thread: u64,
}

impl Key {
    /// The place of rows of that key.
    pub fn of(key: &OpenKey) -> Self {
        let shape = Shape::of(key.prefix, key.ports);
        let net = shape.net_of(key.prefix.addr()).unwrap_or(0);
        Self { shape, net, low: key.ports.low, high: key.ports.high, thread: key.thread }
    }

    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        for part in [
            u64::from(self.shape.0),
            (self.net >> 64) as u64,
            self.net as u64,
            u64::from(self.low),
            u64::from(self.high),
            self.thread,
        ] {
            put_varint(out, part);
        }
    }

    /// Takes it off the front.
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut parts = [0_u64; 6];
        for part in &mut parts {
            *part = take_varint(bytes)?;
        }
        let [shape, high_bits, low_bits, low, high, thread] = parts;
        Some(Self {
            shape: Shape(u16::try_from(shape).ok()?),
            net: u128::from(high_bits) << 64 | u128::from(low_bits),
            low: u16::try_from(low).ok()?,
            high: u16::try_from(high).ok()?,
            thread,
        })
    }
}

/// The open rows.
#[derive(Default)]
pub struct Open {
    rows: BTreeMap<Key, Box<[u8]>>,
    shapes: BTreeMap<Shape, usize>,
    changed: BTreeSet<Key>,
}

impl Open {
    /// Takes the newest version in.
    pub fn put(&mut self, key: Key, assignment: &Assignment) {
        let mut bytes = Vec::with_capacity(96);
        put_assignment(&mut bytes, assignment);
        if self.rows.insert(key, bytes.into_boxed_slice()).is_none() {
            *self.shapes.entry(key.shape).or_default() += 1;
        }
        self.changed.insert(key);
    }

    /// Takes the open version out, because a closed one came.
    pub fn close(&mut self, key: Key) {
        if self.rows.remove(&key).is_some() {
            if let Some(count) = self.shapes.get_mut(&key.shape) {
                *count -= 1;
                if *count == 0 {
                    self.shapes.remove(&key.shape);
                }
            }
            self.changed.insert(key);
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = Assignment> + '_ {
        self.rows.values().filter_map(|bytes| take_assignment(&mut &**bytes))
    }

    /// Every row as it is written.
    pub fn written(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.values().map(|bytes| &**bytes)
    }

    /// What changed since [`Open::settled`]: the row as it is written, `None` where it was taken out.
    pub fn changes(&self) -> impl Iterator<Item = (&Key, Option<&[u8]>)> {
        self.changed.iter().map(|key| (key, self.rows.get(key).map(|bytes| &**bytes)))
    }

    /// What changed is durable.
    pub fn settled(&mut self) {
        self.changed.clear();
    }

    /// Appends to `found` the rows that fit.
    pub fn find(&self, question: &Holding, enough: usize, found: &mut Vec<Assignment>) {
        for shape in self.shapes.keys() {
            let Some(net) = shape.net_of(question.addr) else { continue };
            let lows = shape.lows(question.port);
            let first = Key { shape: *shape, net, low: lows.0, high: 0, thread: 0 };
            let last = Key { shape: *shape, net, low: lows.1, high: u16::MAX, thread: u64::MAX };
            for bytes in self.rows.range(first..=last).map(|(_, bytes)| bytes) {
                found.extend(take_assignment(&mut &**bytes).filter(|row| question.fits(row)));
                if found.len() > enough {
                    return;
                }
            }
        }
    }
}
