//! The bytes of a page, of which only what is asked for is unpacked.
//!
//! A page under zstd is a row of frames, each of a few KiB: whoever reads Parquet unpacks them all one behind the other,
//! and a search that wants few cells opens those frames that have them. Nothing in a page is trusted: what ends early or
//! promises too much is a damaged file.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};

use bytes::Bytes;
use parquet::errors::ParquetError;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

use super::decode::damaged;

/// A page as it lies in the file.
pub struct Packed {
    frames: Vec<Frame>,
    length: usize,
}

struct Frame {
    packed: Bytes,
    from: usize,
    length: usize,
    open: OnceCell<Bytes>,
}

impl Packed {
    /// A page that is not compressed.
    pub fn bare(bytes: Bytes) -> Self {
        let length = bytes.len();
        let frame = Frame { packed: Bytes::new(), from: 0, length, open: OnceCell::from(bytes) };
        Self { frames: vec![frame], length }
    }

    /// A page under zstd, of at most `most` bytes.
    ///
    /// # Errors
    /// When its frames do not tell how long they are, or are longer.
    pub fn under_zstd(mut bytes: Bytes, most: usize) -> Result<Self, ParquetError> {
        let (mut frames, mut length) = (Vec::new(), 0_usize);
        while !bytes.is_empty() {
            let size = find_frame_compressed_size(&bytes).map_err(|_| damaged("a page that ends early"))?;
            let whole = get_frame_content_size(&bytes).ok().flatten().and_then(|n| usize::try_from(n).ok());
            let whole = whole.ok_or_else(|| damaged("a frame that does not tell its length"))?;
            if size == 0 || size > bytes.len() || whole > most.saturating_sub(length) {
                return Err(damaged("a frame of another length than its page"));
            }
            let packed = bytes.split_to(size);
            frames.push(Frame { packed, from: length, length: whole, open: OnceCell::new() });
            length += whole;
        }
        Ok(Self { frames, length })
    }

    /// How many bytes it has, unpacked.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// All of it.
    ///
    /// # Errors
    /// When it cannot be unpacked.
    pub fn whole(&self) -> Result<Cow<'_, [u8]>, ParquetError> {
        if let [frame] = self.frames.as_slice() {
            return Ok(Cow::Borrowed(frame.bytes()?));
        }
        let mut all = Vec::with_capacity(self.length);
        for frame in &self.frames {
            match frame.open.get() {
                Some(bytes) => all.extend_from_slice(bytes),
                None => all.extend_from_slice(&frame.unpacked()?),
            }
        }
        Ok(Cow::Owned(all))
    }

    /// `N` bytes from a place on; zeros behind the end.
    ///
    /// # Errors
    /// When they cannot be unpacked.
    pub fn at<const N: usize>(&self, place: usize) -> Result<[u8; N], ParquetError> {
        let mut found = [0; N];
        let mut number = self.frames.partition_point(|frame| frame.from <= place).saturating_sub(1);
        let mut got = 0;
        while got < N
            && let Some(frame) = self.frames.get(number)
        {
            let bytes = frame.bytes()?.get(place + got - frame.from..).unwrap_or_default();
            for (slot, byte) in found.iter_mut().skip(got).zip(bytes) {
                *slot = *byte;
            }
            got += bytes.len().min(N - got);
            number += 1;
        }
        Ok(found)
    }

    /// The frame of ascending 16-byte cells that may have one, and how many cells stand before it.
    ///
    /// # Errors
    /// When it cannot be unpacked.
    pub fn frame_of(&self, cell: u128) -> Result<(usize, &[u8]), ParquetError> {
        // A frame whose first cell is not yet behind the wanted one, found by halves.
        let (mut low, mut high) = (0, self.frames.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            let first = self.frames.get(middle).map(|frame| frame.bytes()).transpose()?;
            let first = first.and_then(<[u8]>::first_chunk).map_or(0, |b| u128::from_be_bytes(*b));
            if first <= cell { low = middle } else { high = middle }
        }
        match self.frames.get(low) {
            Some(frame) => Ok((frame.from / 16, frame.bytes()?)),
            None => Ok((0, &[])),
        }
    }
}

impl Frame {
    fn bytes(&self) -> Result<&[u8], ParquetError> {
        if let Some(bytes) = self.open.get() {
            return Ok(bytes);
        }
        let bytes = Bytes::from(self.unpacked()?);
        Ok(self.open.get_or_init(|| bytes))
    }

    fn unpacked(&self) -> Result<Vec<u8>, ParquetError> {
        let unpack = |zstd: &RefCell<Option<Decompressor<'static>>>| {
            let mut zstd = zstd.borrow_mut();
            if zstd.is_none() {
                *zstd = Some(Decompressor::new()?);
            }
            match &mut *zstd {
                Some(zstd) => zstd.decompress(&self.packed, self.length),
                None => Err(std::io::ErrorKind::Other.into()),
            }
        };
        let bytes = ZSTD.with(unpack).map_err(|_| damaged("a page that cannot be unpacked"))?;
        if bytes.len() == self.length { Ok(bytes) } else { Err(damaged("a page of another length")) }
    }
}

/// A run of codes: Parquet's hybrid.
pub enum Run<'b> {
    /// So many times the same.
    Same(usize, u32),
    /// Groups of eight codes, each group as many bytes as a code has bits.
    Groups(&'b [u8]),
}

/// Calls with every run of a page of codes, until `rows` codes were met; tells how many bits a code has.
///
/// # Errors
/// When the page ends early.
pub fn each_run(
    bytes: &[u8],
    rows: usize,
    mut visit: impl FnMut(usize, usize, Run<'_>),
) -> Result<(), ParquetError> {
    let early = || damaged("a page that ends early");
    let (width, mut rest) = bytes.split_first().ok_or_else(early)?;
    let width = usize::from(*width);
    if width > 32 {
        return Err(damaged("a width above 32 bits"));
    }
    let mut met = 0;
    while met < rows {
        let header = varint(&mut rest).ok_or_else(early)?;
        let count = usize::try_from(header >> 1).map_err(|_| early())?;
        if header & 1 == 0 {
            let (code, behind) = rest.split_at_checked(width.div_ceil(8)).ok_or_else(early)?;
            let code = code.iter().rev().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
            visit(width, met, Run::Same(count.min(rows - met), code));
            (met, rest) = (met + count.min(rows - met), behind);
        } else {
            let groups = count.min(rows.div_ceil(8));
            let (packed, behind) = rest.split_at_checked(groups * width).ok_or_else(early)?;
            visit(width, met, Run::Groups(packed));
            (met, rest) = (met + groups * 8, behind);
        }
        if count == 0 {
            return Err(early());
        }
    }
    Ok(())
}

/// Where the codes of a page begin and how many bits one has, when they are all in one row of groups.
///
/// # Errors
/// When it cannot be unpacked.
pub fn only_groups(page: &Packed, rows: usize) -> Result<Option<(usize, usize)>, ParquetError> {
    let [width, header @ ..] = page.at::<8>(0)?;
    let mut rest = header.as_slice();
    let Some(count) = varint(&mut rest) else { return Ok(None) };
    let (width, groups) = (usize::from(width), (count >> 1) as usize);
    let begin = 1 + header.len() - rest.len();
    let is_one = count & 1 == 1 && groups >= rows.div_ceil(8) && (1..=32).contains(&width);
    Ok((is_one && begin + rows.div_ceil(8) * width <= page.length()).then_some((begin, width)))
}

/// One code out of groups of eight.
///
/// # Errors
/// When it cannot be unpacked.
pub fn code_at(page: &Packed, (begin, width): (usize, usize), row: usize) -> Result<u32, ParquetError> {
    let bit = row * width;
    let word = u64::from_le_bytes(page.at(begin + bit / 8)?);
    Ok((word >> (bit % 8)) as u32 & u32::MAX >> (32 - width.clamp(1, 32)))
}

macro_rules! by_width {
    ($width:expr, $name:ident($($arg:expr),*), $else:expr) => { by_width!(@ $width, $name($($arg),*), $else,
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32) };
    (@ $width:expr, $name:ident $args:tt, $else:expr, $($w:literal)+) => {
        match $width { $($w => by_width!(@ $name $w $args),)+ _ => $else }
    };
    (@ $name:ident $w:literal ($($arg:expr),*)) => { $name::<$w>($($arg),*) };
}

/// Puts groups of eight codes behind `into`.
pub fn unpack(packed: &[u8], width: usize, into: &mut Vec<u32>, codes: usize) {
    by_width!(width, unpack_by(packed, into), into.resize(into.len() + codes, 0));
}

/// Calls with the place of every group of eight that has a code, and which of the eight it is, a bit each.
pub fn matches(packed: &[u8], width: usize, code: u32, visit: &mut impl FnMut(usize, u8)) {
    by_width!(width, matches_by(packed, code, visit), ());
}

fn unpack_by<const WIDTH: usize>(packed: &[u8], into: &mut Vec<u32>) {
    for group in packed.as_chunks::<WIDTH>().0 {
        into.extend_from_slice(&eight(group));
    }
}

fn matches_by<const WIDTH: usize>(packed: &[u8], code: u32, visit: &mut impl FnMut(usize, u8)) {
    for (place, group) in packed.as_chunks::<WIDTH>().0.iter().enumerate() {
        let eight = eight(group);
        if eight.iter().fold(false, |any, found| any | (*found == code)) {
            let bits = (0..).zip(&eight).fold(0, |bits, (n, found)| bits | u8::from(*found == code) << n);
            visit(place, bits);
        }
    }
}

#[inline]
fn eight<const WIDTH: usize>(group: &[u8; WIDTH]) -> [u32; 8] {
    let mask = u32::MAX >> (32 - WIDTH);
    // 8 bytes of zeros behind the last, so that any code is cut out of a whole word.
    let mut wide = [0_u8; 40];
    if let Some(front) = wide.first_chunk_mut::<WIDTH>() {
        *front = *group;
    }
    let mut eight = [0_u32; 8];
    for (place, slot) in eight.iter_mut().enumerate() {
        let bit = place * WIDTH;
        let word =
            wide.get(bit / 8..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
        *slot = (word >> (bit % 8)) as u32 & mask;
    }
    eight
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
        if shift > 35 {
            return None;
        }
    }
}

thread_local! {
    /// One a thread: to make it takes longer than to unpack a frame.
    static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}
