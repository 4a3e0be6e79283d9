//! Byte strings by number, each kept once.
//!
//! What comes in: byte strings. What goes out: a number for each, and the string for a number.

use std::hash::{BuildHasher, RandomState};

/// Byte strings by number.
pub struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    slots: Vec<Slot>,
    seeds: (u64, u64),
}

/// A place of the table: all that a look-up needs but the string, so that it waits for memory once less.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    hash: u32,
    number: u32,
    /// Where the string begins, and in the lowest [`LEN_BITS`] how long it is, or all ones when it is longer.
    place: u64,
}

impl Slot {
    fn new(hash: u64, number: u32, start: usize, len: usize) -> Self {
        Self { hash: hash as u32, number, place: (start as u64) << LEN_BITS | (len as u64).min(LEN) }
    }

    const fn start(self) -> usize {
        (self.place >> LEN_BITS) as usize
    }
}

impl Default for Interner {
    fn default() -> Self {
        let state = RandomState::new();
        Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            slots: vec![EMPTY; FIRST_SLOTS],
            seeds: (state.hash_one(1_u8), state.hash_one(2_u8)),
        }
    }
}

impl Interner {
    /// The number of `name`.
    pub fn intern(&mut self, name: &[u8]) -> u32 {
        self.intern_hashed(name, self.hash(name))
    }

    /// The numbers of names that lie one behind the other and end at `ends`. Their places are read first, so that the
    /// memory is waited for once and not for each.
    pub fn intern_all(&mut self, names: &[u8], ends: &[usize]) -> Vec<u32> {
        let starts = || std::iter::once(0).chain(ends.iter().copied());
        let name = |start: usize, end: usize| names.get(start..end).unwrap_or_default();
        let hashes: Vec<u64> = starts().zip(ends).map(|(start, end)| self.hash(name(start, *end))).collect();
        let mask = self.slots.len() - 1;
        let places =
            hashes.iter().map(|hash| self.slots.get(*hash as usize & mask).map_or(0, |slot| slot.start()));
        let places: Vec<usize> = places.collect();
        let seen = places.iter().map(|start| self.bytes.get(*start).copied().unwrap_or(0));
        std::hint::black_box(seen.fold(0_u8, u8::wrapping_add));
        let each = starts().zip(ends).zip(hashes);
        each.map(|((start, end), hash)| self.intern_hashed(name(start, *end), hash)).collect()
    }

    fn intern_hashed(&mut self, name: &[u8], hash: u64) -> u32 {
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.slots.get(at) {
                Some(slot) if *slot == EMPTY => break,
                Some(slot) if slot.hash == hash as u32 && self.is_at(slot, name) => return slot.number,
                _ => at = (at + 1) & mask,
            }
        }
        let (number, start) = (self.ends.len() as u32, self.bytes.len());
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len());
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot::new(hash, number, start, name.len());
        }
        number
    }

    /// Whether `name` is the string of that slot.
    fn is_at(&self, slot: &Slot, name: &[u8]) -> bool {
        match slot.place & LEN {
            LEN => self.get(slot.number) == Some(name),
            len => {
                len == name.len() as u64
                    && self.bytes.get(slot.start()..slot.start() + name.len()) == Some(name)
            }
        }
    }

    /// The string with that number.
    pub fn get(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let start = if number == 0 { 0 } else { *self.ends.get(number - 1)? };
        self.bytes.get(start..*self.ends.get(number)?)
    }

    /// How many strings.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The numbers in the order of their strings.
    pub fn sorted(&self) -> Vec<u32> {
        let shared = self.shared_start();
        let mut order: Vec<(u128, u32)> = (0..self.ends.len() as u32)
            .map(|number| {
                let name = self.get(number).and_then(|n| n.get(shared..)).unwrap_or_default();
                let mut key = [0; 16];
                for (to, from) in key.iter_mut().zip(name) {
                    *to = *from;
                }
                (u128::from_be_bytes(key), number)
            })
            .collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.get(a.1).cmp(&self.get(b.1))));
        order.into_iter().map(|(_, number)| number).collect()
    }

    /// How many bytes all strings begin with in common.
    fn shared_start(&self) -> usize {
        let first = self.get(0).unwrap_or_default();
        (1..self.ends.len() as u32).fold(first.len(), |shared, number| {
            let name = self.get(number).unwrap_or_default();
            first.iter().zip(name).take(shared).take_while(|(a, b)| a == b).count()
        })
    }

    fn grow(&mut self) {
        let mut slots = vec![EMPTY; self.slots.len() * 2];
        let mask = slots.len() - 1;
        for number in 0..self.ends.len() as u32 {
            let start = number.checked_sub(1).and_then(|n| self.ends.get(n as usize)).copied().unwrap_or(0);
            let name = self.get(number).unwrap_or_default();
            let (hash, len) = (self.hash(name), name.len());
            let mut at = hash as usize & mask;
            while slots.get(at).is_some_and(|slot| *slot != EMPTY) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = Slot::new(hash, number, start, len);
            }
        }
        self.slots = slots;
    }

    /// A hash under seeds that no sender knows.
    fn hash(&self, name: &[u8]) -> u64 {
        let mix = |hash: u64, word: u64| {
            let product = u128::from(hash ^ word) * u128::from(self.seeds.1 | 1);
            product as u64 ^ (product >> 64) as u64
        };
        let (words, rest) = name.as_chunks::<8>();
        let hash = self.seeds.0 ^ name.len() as u64;
        let hash = words.iter().fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)));
        let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let hash = mix(hash, rest);
        hash ^ hash >> 32
    }
}

const EMPTY: Slot = Slot { hash: u32::MAX, number: u32::MAX, place: 0 };
const LEN_BITS: u32 = 16;
const LEN: u64 = (1 << LEN_BITS) - 1;
const FIRST_SLOTS: usize = 1 << 10;
