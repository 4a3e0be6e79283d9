//! Byte strings by number, each kept once.
//!
//! What comes in: byte strings. What goes out: a number for each, and the string for a number.

use std::hash::{BuildHasher, RandomState};

/// Byte strings by number.
pub struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    slots: Vec<(u32, u32)>,
    seeds: (u64, u64),
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
        let guesses: Vec<u32> = hashes
            .iter()
            .map(|hash| self.slots.get(*hash as usize & mask).map_or(0, |slot| slot.1))
            .collect();
        let places = guesses.iter().map(|guess| self.ends.get(*guess as usize).copied().unwrap_or(0));
        let places: Vec<usize> = places.collect();
        let seen = places.iter().map(|end| self.bytes.get(end.saturating_sub(1)).copied().unwrap_or(0));
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
                Some((known, number)) if *known == hash as u32 && self.get(*number) == Some(name) => {
                    return *number;
                }
                _ => at = (at + 1) & mask,
            }
        }
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len());
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = (hash as u32, number);
        }
        number
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
            let hash = self.hash(self.get(number).unwrap_or_default());
            let mut at = hash as usize & mask;
            while slots.get(at).is_some_and(|slot| *slot != EMPTY) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = (hash as u32, number);
            }
        }
        self.slots = slots;
    }

    /// A hash under seeds that no sender knows.
    fn hash(&self, name: &[u8]) -> u64 {
        let mut hash = self.seeds.0 ^ name.len() as u64;
        for chunk in name.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            let product = u128::from(hash ^ u64::from_le_bytes(word)) * u128::from(self.seeds.1 | 1);
            hash = product as u64 ^ (product >> 64) as u64;
        }
        hash ^ hash >> 32
    }
}

const EMPTY: (u32, u32) = (u32::MAX, u32::MAX);
const FIRST_SLOTS: usize = 1 << 10;
