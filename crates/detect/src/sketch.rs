//! Sketches of bounded size: how many different ones, and which are the largest.
//!
//! Seeds are handed in, so that nobody outside can choose addresses that collide. Flajolet and others, "HyperLogLog"
//! (2007), with linear counting below its range; Metwally and others, "Space-Saving" (2005).

#[cfg(test)]
mod tests;

/// A number spread over 64 bits, by a seed.
pub(crate) const fn mix(seed: u64, value: u128) -> u64 {
    let low = fold(value as u64 ^ seed, 0x9e37_79b9_7f4a_7c15);
    let high = fold((value >> 64) as u64 ^ low, 0xd6e8_feb8_6659_fd93 ^ seed);
    fold(high ^ low, 0xa076_1d64_78bd_642f)
}

const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

// ---------------------------------------------------------------------------------------------- Distinct

/// Estimates how many different values it has seen, with `1 << BITS` octets.
#[derive(Clone)]
pub(crate) struct Distinct {
    registers: Box<[u8]>,
    bits: u32,
}

impl Distinct {
    /// `bits` from 4 to 16: the standard error is 1.04 / sqrt(2^bits).
    pub(crate) fn new(bits: u32) -> Self {
        let bits = bits.clamp(4, 16);
        Self { registers: vec![0; 1 << bits].into(), bits }
    }

    /// Sees a value that [`mix`] has spread.
    pub(crate) fn see(&mut self, mixed: u64) {
        let rank = (mixed << self.bits | 1 << (self.bits - 1)).leading_zeros() as u8 + 1;
        if let Some(register) = self.registers.get_mut((mixed >> (64 - self.bits)) as usize) {
            *register = rank.max(*register);
        }
    }

    /// How many there were.
    pub(crate) fn estimate(&self) -> f64 {
        let m = self.registers.len() as f64;
        let sum: f64 = self.registers.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let empty = self.registers.iter().filter(|rank| **rank == 0).count();
        if raw <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { raw }
    }

    /// Standard error in percent.
    pub(crate) fn error_percent(&self) -> f64 {
        104.0 / (self.registers.len() as f64).sqrt()
    }
}

// ---------------------------------------------------------------------------------------------- Largest

/// The values with the largest weights, at most `room` of them.
#[derive(Clone)]
pub(crate) struct Largest<T> {
    /// Each with its weight, and how much of that may be others'.
    entries: Vec<(T, f64, f64)>,
    room: usize,
    total: f64,
}

impl<T: Copy + PartialEq + Ord> Largest<T> {
    pub(crate) fn new(room: usize) -> Self {
        Self { entries: Vec::new(), room, total: 0.0 }
    }

    pub(crate) fn see(&mut self, value: T, weight: f64) {
        self.total += weight;
        if let Some((_, held, _)) = self.entries.iter_mut().find(|(known, ..)| *known == value) {
            *held += weight;
        } else if self.entries.len() < self.room {
            self.entries.push((value, weight, 0.0));
        } else if let Some(least) = self.entries.iter_mut().min_by(|a, b| a.1.total_cmp(&b.1)) {
            // Takes over what the least one had: never too small, too large by that at most.
            *least = (value, least.1 + weight, least.1);
        }
    }

    /// Values with their part of the whole at most, the largest first.
    pub(crate) fn shares(&self) -> Vec<(T, f64)> {
        self.parts(|held, _| held)
    }

    /// Values with their part of the whole at least, the largest first: of many that are all small, none is large.
    pub(crate) fn sure_shares(&self) -> Vec<(T, f64)> {
        self.parts(|held, others| held - others)
    }

    fn parts(&self, of: impl Fn(f64, f64) -> f64) -> Vec<(T, f64)> {
        let total = self.total.max(f64::MIN_POSITIVE);
        let mut shares: Vec<_> =
            self.entries.iter().map(|(value, held, others)| (*value, of(*held, *others) / total)).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        shares
    }

    /// The part of the largest one.
    pub(crate) fn top_share(&self) -> f64 {
        let top = self.entries.iter().map(|(_, held, _)| *held).fold(0.0, f64::max);
        top / self.total.max(f64::MIN_POSITIVE)
    }

    /// Whether every value that was seen is held: then the shares are exact.
    pub(crate) fn is_whole(&self) -> bool {
        self.entries.len() < self.room
    }

    /// The values that are held.
    pub(crate) fn values(&self) -> impl Iterator<Item = T> + '_ {
        self.entries.iter().map(|(value, ..)| *value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
