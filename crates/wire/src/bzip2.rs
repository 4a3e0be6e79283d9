//! bzip2 streams (described by J. Tsai, "bzip2: format specification"; the original is bzip2 1.0 by J. Seward).
//!
//! What comes in: a packed input, one stream or several behind each other. What goes out: what it stands for, block by
//! block; of each block the check sum is proven before anything of it goes out. Memory is bounded by the longest block.

use std::io::{self, Read};

#[cfg(test)]
mod tests;

/// Reads what a packed input stands for.
pub struct Unpacked<R> {
    bits: Bits<R>,
    /// Symbols of a block at most; 0 between two streams.
    most: usize,
    /// The check sum of the stream so far.
    total: u32,
    /// Whether a stream has been read whole.
    is_begun: bool,
    block: Vec<u8>,
    at: usize,
    /// Octets of one block at most.
    limit: usize,
}

impl<R: Read> Unpacked<R> {
    /// Reads `packed` from its first octet.
    pub fn new(packed: R) -> Self {
        Self::within(packed, usize::MAX)
    }

    fn within(packed: R, limit: usize) -> Self {
        let bits = Bits { input: packed, ready: Vec::new(), at: 0, held: 0, count: 0, failed: None };
        Self { bits, most: 0, total: 0, is_begun: false, block: Vec::new(), at: 0, limit }
    }

    /// Reads the next block; `Some(false)` at the end, `None` when something is broken.
    fn next_block(&mut self) -> Option<bool> {
        (self.at, self.block) = (0, std::mem::take(&mut self.block));
        self.block.clear();
        loop {
            if self.most == 0 {
                // Behind a whole stream there may be another.
                if self.is_begun && self.bits.is_over() {
                    return Some(false);
                }
                if self.bits.take(24)? != u64::from(u32::from_be_bytes(*b"\0BZh")) {
                    return None;
                }
                let level = usize::try_from(self.bits.take(8)?).ok()?.checked_sub(usize::from(b'0'))?;
                if !(1..=9).contains(&level) {
                    return None;
                }
                (self.most, self.total) = (level * 100_000, 0);
            }
            match self.bits.take(48)? {
                BLOCK => {
                    let told = u32::try_from(self.bits.take(32)?).ok()?;
                    block(&mut self.bits, self.most, &mut self.block, self.limit)?;
                    let found = crc(&self.block);
                    self.total = self.total.rotate_left(1) ^ found;
                    if found != told {
                        return None;
                    }
                    if !self.block.is_empty() {
                        return Some(true);
                    }
                }
                END => {
                    if self.bits.take(32)? != u64::from(self.total) {
                        return None;
                    }
                    self.bits.skip_to_octet();
                    (self.most, self.is_begun) = (0, true);
                }
                _ => return None,
            }
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            match self.next_block() {
                Some(true) => {}
                Some(false) => return Ok(0),
                None => {
                    self.block.clear();
                    self.at = 0;
                    let broken =
                        || io::Error::new(io::ErrorKind::InvalidData, "bzip2 data is broken or cut off");
                    return Err(self.bits.failed.take().unwrap_or_else(broken));
                }
            }
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.at += len;
        Ok(len)
    }
}

/// What `packed` stands for, `None` when it is broken or longer than `limit` octets.
pub(crate) fn decompress(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut unpacked = Unpacked::within(packed, limit);
    let mut out = Vec::new();
    while unpacked.next_block()? {
        if unpacked.block.len() > limit - out.len() {
            return None;
        }
        out.extend_from_slice(&unpacked.block);
    }
    Some(out)
}

/// One block, of at most `most` symbols before the runs are made long.
fn block(bits: &mut Bits<impl Read>, most: usize, out: &mut Vec<u8>, limit: usize) -> Option<()> {
    // A "randomised" block, which nothing has written since 1996.
    if bits.take(1)? != 0 {
        return None;
    }
    let origin = usize::try_from(bits.take(24)?).ok()?;
    let symbols = symbols(bits)?;
    let sorted = sorted(bits, &symbols, most)?;
    let origin = u32::try_from(origin).ok().filter(|_| origin < sorted.len())?;

    // The inverse of the Burrows-Wheeler transform: `next[i]` is where the octet behind the i-th sorted one stands.
    let mut starts = [0_u32; 256];
    for octet in &sorted {
        *starts.get_mut(usize::from(*octet))? += 1;
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += std::mem::replace(start, sum);
    }
    let mut next = vec![0_u32; sorted.len()];
    for (i, octet) in (0_u32..).zip(&sorted) {
        let start = starts.get_mut(usize::from(*octet))?;
        *next.get_mut(*start as usize)? = i;
        *start += 1;
    }

    // Four equal octets are followed by how many more there are.
    let mut place = *next.get(origin as usize)?;
    let (mut run, mut last) = (0, None);
    for _ in 0..sorted.len() {
        let octet = *sorted.get(place as usize)?;
        place = *next.get(place as usize)?;
        if run == 4 {
            let more = usize::from(octet);
            if more > limit - out.len() {
                return None;
            }
            out.extend(std::iter::repeat_n(last?, more));
            run = 0;
            last = None;
            continue;
        }
        run = if last == Some(octet) { run + 1 } else { 1 };
        last = Some(octet);
        if out.len() >= limit {
            return None;
        }
        out.push(octet);
    }
    Some(())
}

/// The octets that occur in a block, ascending.
fn symbols(bits: &mut Bits<impl Read>) -> Option<Vec<u8>> {
    let rows = bits.take(16)?;
    let mut symbols = Vec::new();
    for row in 0..16_u8 {
        if rows >> (15 - row) & 1 == 0 {
            continue;
        }
        let columns = bits.take(16)?;
        symbols.extend(
            (0..16).filter(|column| columns >> (15 - column) & 1 == 1).map(|column| row * 16 + column),
        );
    }
    (!symbols.is_empty()).then_some(symbols)
}

/// The last column of the sorted rotations: Huffman codes, runs of the front symbol, move to front.
fn sorted(bits: &mut Bits<impl Read>, symbols: &[u8], most: usize) -> Option<Vec<u8>> {
    let tables = usize::try_from(bits.take(3)?).ok().filter(|tables| (2..=6).contains(tables))?;
    let selectors = usize::try_from(bits.take(15)?).ok().filter(|selectors| *selectors > 0)?;
    let mut recent: Vec<u8> = (0..6).take(tables).collect();
    let mut chosen = Vec::with_capacity(selectors);
    for _ in 0..selectors {
        let mut back = 0;
        while bits.take(1)? == 1 {
            back += 1;
            if back == tables {
                return None;
            }
        }
        chosen.push(to_front(&mut recent, back)?);
    }
    let alphabet = symbols.len() + 2;
    let tables = (0..tables).map(|_| Codes::read(bits, alphabet)).collect::<Option<Vec<_>>>()?;

    let end = symbols.len() + 1;
    let mut recent = symbols.to_vec();
    let mut out: Vec<u8> = Vec::new();
    let (mut run, mut weight) = (0_usize, 1_usize);
    for table in chosen {
        let table = tables.get(usize::from(table))?;
        for _ in 0..50 {
            let symbol = table.next(bits)?;
            // Symbols 0 and 1 are the digits 1 and 2 of a run's length, the lowest first, to the base of two.
            if symbol < 2 {
                run = run.checked_add(weight << symbol).filter(|run| *run <= most)?;
                weight <<= 1;
                continue;
            }
            if run > 0 {
                let front = *recent.first()?;
                out.extend(std::iter::repeat_n(front, run.min(most)));
                (run, weight) = (0, 1);
            }
            if out.len() > most {
                return None;
            }
            if symbol == end {
                return Some(out);
            }
            out.push(to_front(&mut recent, symbol - 1)?);
        }
    }
    None
}

/// Moves an item to the front, and gives it.
fn to_front(items: &mut [u8], at: usize) -> Option<u8> {
    let moved = items.get_mut(..=at)?;
    moved.rotate_right(1);
    moved.first().copied()
}

/// A canonical Huffman code.
struct Codes {
    /// For each length: the first code behind those of this length, left-aligned, and what to add to a code of this
    /// length for its place in `symbols`.
    lengths: [(u64, i64); 21],
    symbols: Vec<u16>,
    /// By the next [`SHORT`] bits: how long the code is that they begin with, and its symbol; length 0: it is longer.
    short: Vec<(u8, u16)>,
}

impl Codes {
    fn read(bits: &mut Bits<impl Read>, alphabet: usize) -> Option<Self> {
        let mut len = usize::try_from(bits.take(5)?).ok()?;
        let mut of_symbols = Vec::with_capacity(alphabet);
        for _ in 0..alphabet {
            while bits.take(1)? == 1 {
                len = if bits.take(1)? == 0 { len + 1 } else { len.checked_sub(1)? };
                if len > 20 {
                    return None;
                }
            }
            if !(1..=20).contains(&len) {
                return None;
            }
            of_symbols.push(len);
        }
        let mut lengths = [(0, 0); 21];
        let mut symbols = Vec::with_capacity(alphabet);
        let mut code = 0_u64;
        for (len, bound) in lengths.iter_mut().enumerate().skip(1) {
            let before = i64::try_from(symbols.len()).ok()? - i64::try_from(code).ok()?;
            symbols
                .extend((0_u16..).zip(&of_symbols).filter(|(_, of)| **of == len).map(|(symbol, _)| symbol));
            code = u64::try_from(i64::try_from(symbols.len()).ok()? - before).ok()?;
            *bound = (code, before);
            code <<= 1;
        }
        let mut codes = Self { lengths, symbols, short: Vec::new() };
        codes.short = (0..1_u64 << SHORT).map(|ahead| codes.begins(ahead).unwrap_or((0, 0))).collect();
        Some(codes)
    }

    /// The code of at most [`SHORT`] bits that these bits begin with: its length and its symbol.
    fn begins(&self, ahead: u64) -> Option<(u8, u16)> {
        (1..=SHORT).find_map(|len| {
            let (behind, before) = *self.lengths.get(len as usize)?;
            let code = ahead >> (SHORT - len);
            let at = (code < behind).then(|| usize::try_from(i64::try_from(code).ok()? + before).ok())??;
            Some((u8::try_from(len).ok()?, *self.symbols.get(at)?))
        })
    }

    fn next(&self, bits: &mut Bits<impl Read>) -> Option<usize> {
        let (len, symbol) = self.short.get(usize::try_from(bits.ahead(SHORT)).ok()?)?;
        if *len > 0 {
            bits.take(u32::from(*len))?;
            return Some(usize::from(*symbol));
        }
        let mut code = 0;
        for (behind, before) in self.lengths.iter().skip(1) {
            code = code << 1 | bits.take(1)?;
            if code < *behind {
                let at = usize::try_from(i64::try_from(code).ok()? + before).ok()?;
                return self.symbols.get(at).map(|symbol| usize::from(*symbol));
            }
        }
        None
    }
}

/// Bits, the highest of each octet first.
struct Bits<R> {
    input: R,
    ready: Vec<u8>,
    at: usize,
    held: u64,
    count: u32,
    /// Why the input failed.
    failed: Option<io::Error>,
}

impl<R: Read> Bits<R> {
    /// The next bits, at most 48.
    fn take(&mut self, count: u32) -> Option<u64> {
        while self.count < count {
            self.held = self.held << 8 | u64::from(self.octet()?);
            self.count += 8;
        }
        self.count -= count;
        Some(self.held >> self.count & ((1 << count) - 1))
    }

    /// The next bits without taking them; behind the end are zeros.
    fn ahead(&mut self, count: u32) -> u64 {
        while self.count < count {
            let Some(octet) = self.octet() else {
                return self.held << (count - self.count) & ((1 << count) - 1);
            };
            self.held = self.held << 8 | u64::from(octet);
            self.count += 8;
        }
        self.held >> (self.count - count) & ((1 << count) - 1)
    }

    fn skip_to_octet(&mut self) {
        self.count -= self.count % 8;
    }

    fn is_over(&mut self) -> bool {
        if self.count > 0 {
            return false;
        }
        let Some(octet) = self.octet() else { return self.failed.is_none() };
        (self.held, self.count) = (u64::from(octet), 8);
        false
    }

    fn octet(&mut self) -> Option<u8> {
        if self.at == self.ready.len() {
            self.at = 0;
            self.ready.resize(READY, 0);
            let read = loop {
                match self.input.read(&mut self.ready) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            let len = read.unwrap_or_else(|error| {
                self.failed = Some(error);
                0
            });
            self.ready.truncate(len);
        }
        let octet = *self.ready.get(self.at)?;
        self.at += 1;
        Some(octet)
    }
}

/// CRC-32 with the highest bit first.
fn crc(octets: &[u8]) -> u32 {
    let table = CRC;
    !octets.iter().fold(!0, |crc, octet| {
        let [high, ..] = crc.to_be_bytes();
        crc << 8 ^ table.get(usize::from(high ^ octet)).copied().unwrap_or(0)
    })
}

const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut octet = 0_u32;
    while let [entry, others @ ..] = rest {
        let mut crc = octet << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
            bit += 1;
        }
        *entry = crc;
        rest = others;
        octet += 1;
    }
    table
};

/// The digits of pi, and those of its square root.
const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;
/// Octets read from the input at a time.
const READY: usize = 64 << 10;
/// Codes of so many bits are looked up.
const SHORT: u32 = 10;
