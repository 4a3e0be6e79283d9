//! Values by prefix: the longest prefix that covers an address decides, as in a router's table.
//!
//! What comes in: prefixes of both families with a value each, in any order. What goes out: the value of an address, by
//! one binary search. Of a prefix that is told twice, the later one holds.

use crate::Prefix;
use crate::flow::to_bits;

#[cfg(test)]
mod tests;

/// Values by prefix, the longest that covers an address; answered by one binary search.
#[derive(Clone)]
pub struct Ranges<T> {
    /// From which address on, in order, which value holds; no step has the value of the step before.
    steps: Vec<(u128, Option<T>)>,
    /// Of many steps: how many stand before each /16 of IPv4, and before the end of the last. A whole routing table is
    /// then searched in a few neighbouring steps.
    before: Vec<u32>,
}

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self { steps: Vec::new(), before: Vec::new() }
    }
}

impl<T> std::fmt::Debug for Ranges<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} steps of prefixes]", self.steps.len())
    }
}

impl<T: Copy + PartialEq> Ranges<T> {
    /// Makes prefixes with their values ready.
    pub fn new(rows: impl IntoIterator<Item = (Prefix, T)>) -> Self {
        // A prefix of IPv6 that is so short that it holds the mapped addresses says nothing of IPv4.
        let v4 = (MAPPED, MAPPED | u128::from(u32::MAX), None);
        let told = rows.into_iter().map(|(prefix, value)| (low(prefix), high(prefix), Some(value)));
        let mut rows: Vec<(u128, u128, Option<T>)> = std::iter::once(v4).chain(told).collect();
        // A prefix stands before those in it.
        rows.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut steps: Vec<(u128, Option<T>)> = Vec::new();
        let mut around: Vec<(u128, Option<T>)> = Vec::new();
        for (from, to, value) in rows {
            while around.last().is_some_and(|(end, _)| *end < from) {
                close(&mut around, &mut steps);
            }
            step(&mut steps, from, value);
            around.push((to, value));
        }
        while !around.is_empty() {
            close(&mut around, &mut steps);
        }
        steps.shrink_to_fit();
        let before = if steps.len() < MANY { Vec::new() } else { index(&steps) };
        Self { steps, before }
    }

    /// The value that holds for an address, given as [`to_bits`].
    pub fn find(&self, addr: u128) -> Option<T> {
        let (low, high) = self.around(addr).unwrap_or((0, self.steps.len()));
        let behind = low + self.steps.get(low..high)?.partition_point(|(from, _)| *from <= addr);
        self.steps.get(behind.checked_sub(1)?)?.1
    }

    /// Between which steps the first behind an IPv4 address stands.
    fn around(&self, addr: u128) -> Option<(usize, usize)> {
        let place = usize::try_from(addr.checked_sub(MAPPED)? >> 16).ok()?;
        Some((*self.before.get(place)? as usize, *self.before.get(place + 1)? as usize))
    }

    /// Whether no address has a value.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// How many steps stand before each /16 of IPv4, and before what follows IPv4.
fn index<T>(steps: &[(u128, Option<T>)]) -> Vec<u32> {
    let mut before = Vec::with_capacity((1 << 16) + 1);
    let mut passed = 0;
    for place in 0..=1_u128 << 16 {
        let base = MAPPED + (place << 16);
        passed += steps.get(passed..).unwrap_or_default().iter().take_while(|(from, _)| *from < base).count();
        before.push(u32::try_from(passed).unwrap_or(u32::MAX));
    }
    before
}

/// Ends the innermost prefix: behind it holds what is around it.
fn close<T: Copy + PartialEq>(around: &mut Vec<(u128, Option<T>)>, steps: &mut Vec<(u128, Option<T>)>) {
    let Some((end, _)) = around.pop() else { return };
    let outer = around.last().and_then(|(_, value)| *value);
    if let Some(next) = end.checked_add(1) {
        step(steps, next, outer);
    }
}

/// From `from` on `value` holds; what was said of the same place before is void.
fn step<T: Copy + PartialEq>(steps: &mut Vec<(u128, Option<T>)>, from: u128, value: Option<T>) {
    if steps.last().is_some_and(|(same, _)| *same == from) {
        steps.pop();
    }
    if steps.last().and_then(|(_, before)| *before) != value {
        steps.push((from, value));
    }
}

fn low(prefix: Prefix) -> u128 {
    to_bits(prefix.addr())
}

fn high(prefix: Prefix) -> u128 {
    let width = if prefix.addr().is_ipv4() { 32 } else { 128 };
    let host_bits = width - u32::from(prefix.len());
    low(prefix) | u128::MAX.checked_shr(128 - host_bits).unwrap_or(0)
}

/// The first IPv4 address, as [`to_bits`] has it.
const MAPPED: u128 = 0xffff_0000_0000;
/// From how many steps on an index is worth its room.
const MANY: usize = 4096;
