//! Columns of integers, packed to as many bits as their spread needs.
//!
//! What comes in: a column of `u64`. What goes out: one byte of width, the base as a varint, and the differences from
//! the base, `width` bits each, least significant bit first. A constant column has no bits, a column of zeros is left out.

/// Bytes that a packed buffer must have behind its last column so that every value can be read in one step.
pub const SLACK: usize = 16;

/// Appends `value` as a LEB128 varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a varint off the front; `None` when it does not end or is longer than a `u64`.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0_u32);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if shift > 63 || (shift == 63 && part > 1) {
            return None;
        }
        value |= part << shift;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

/// Maps small negative numbers to small positive ones.
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// How many bits `value` needs.
pub const fn width_of(value: u64) -> u8 {
    (64 - value.leading_zeros()) as u8
}

/// Appends `values` less `base`, `width` bits each.
pub fn pack(values: &[u64], base: u64, width: u8, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut pending, mut filled) = (0_u128, 0_u32);
    for value in values {
        pending |= u128::from(value.wrapping_sub(base)) << filled;
        filled += u32::from(width);
        if filled >= 64 {
            out.extend_from_slice(&(pending as u64).to_le_bytes());
            pending >>= 64;
            filled -= 64;
        }
    }
    let tail = (pending as u64).to_le_bytes();
    out.extend_from_slice(tail.get(..filled.div_ceil(8) as usize).unwrap_or(&tail));
}

/// How many bytes `count` values of `width` bits take.
pub const fn packed_len(count: usize, width: u8) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Base and width of a column: values are read as signed, so that small negative ones stay small.
pub fn spread(values: &[u64]) -> (u64, u8) {
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for value in values {
        low = low.min(*value as i64);
        high = high.max(*value as i64);
    }
    if values.is_empty() { (0, 0) } else { (low as u64, width_of((high as u64).wrapping_sub(low as u64))) }
}

/// Appends a table: how many rows, then each column with its width, base and bits.
pub fn put_table(columns: &[&[u64]], out: &mut Vec<u8>) {
    put_varint(out, columns.first().map_or(0, |c| c.len()) as u64);
    for column in columns {
        let (base, width) = spread(column);
        out.push(width);
        put_varint(out, zigzag(base as i64));
        pack(column, base, width, out);
    }
}

/// Takes a table of `N` columns and at most `most` rows off the front.
pub fn take_table<const N: usize>(bytes: &mut &[u8], most: usize) -> Option<[Vec<u64>; N]> {
    let rows = usize::try_from(take_varint(bytes)?).ok().filter(|rows| *rows <= most)?;
    let mut table = [const { Vec::new() }; N];
    for values in &mut table {
        let (&width, rest) = bytes.split_first()?;
        *bytes = rest;
        if width > 64 {
            return None;
        }
        let base = unzigzag(take_varint(bytes)?) as u64;
        let (bits, rest) = bytes.split_at_checked(packed_len(rows, width))?;
        *bytes = rest;
        let mut padded = bits.to_vec();
        padded.extend_from_slice(&[0; SLACK]);
        let column = Column { base, width, at: 0 };
        *values = (0..rows).map(|index| column.get(&padded, index)).collect();
    }
    Some(table)
}

/// A packed column inside a buffer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Column {
    /// Added to every value.
    pub base: u64,
    /// Bits a value.
    pub width: u8,
    /// Where the bits begin in the buffer.
    pub at: usize,
}

impl Column {
    /// The value at `index`; what lies behind the buffer reads as zero bits.
    #[inline]
    pub fn get(self, buffer: &[u8], index: usize) -> u64 {
        if self.width == 0 {
            return self.base;
        }
        let bit = index * usize::from(self.width);
        let (at, shift) = (self.at + bit / 8, bit % 8);
        let raw = if self.width <= 56 {
            match buffer.get(at..at + 8).and_then(|b| <[u8; 8]>::try_from(b).ok()) {
                Some(word) => u64::from_le_bytes(word) >> shift,
                None => 0,
            }
        } else {
            match buffer.get(at..at + 16).and_then(|b| <[u8; 16]>::try_from(b).ok()) {
                Some(word) => (u128::from_le_bytes(word) >> shift) as u64,
                None => 0,
            }
        };
        self.base.wrapping_add(raw & mask(self.width))
    }
}

/// The lowest `width` bits set.
const fn mask(width: u8) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

#[cfg(test)]
mod tests;
