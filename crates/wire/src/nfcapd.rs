//! nfdump's own files, as nfcapd, sfcapd, nfpcapd and `nfdump -w` of version 1.7 write them: file layout 2.
//!
//! What comes in: a file, not compressed or with blocks of LZO1X, bzip2, LZ4 or Zstandard. What goes out: one [`Block`] of flows
//! after the other, with what could not be read of it. It holds one block at a time, of at most [`MAX_BLOCK`] octets;
//! fields that are not among the columns are skipped by their length. A collector that knew the sampling rate has
//! multiplied the counts: they are divided again where the file tells the rate, so that they are as counted. Files of
//! layout 1 (nfdump 1.6) are refused; nfdump converts them. Source: nfdump 1.7.1, `nffileV2.h` and
//! `nfxV3.h`; all numbers are little-endian.

mod lz4;
mod lzo;
mod records;

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use crate::bzip2;
use crate::flow::Columns;
use crate::{Defect, tables::Fault};

/// The flows of one block of a file.
#[derive(Debug, Default)]
pub struct Block {
    /// Where it begins in the file.
    pub offset: u64,
    /// The flows, in the order of the file.
    pub flows: Columns,
    /// Records of NAT and firewall events, which are no traffic and are left out.
    pub events: u64,
    /// Records without times and counts, left out.
    pub bare: u64,
    /// Flows whose counts the collector multiplied by a sampling rate that the file does not tell.
    pub scaled: u64,
    /// What could not be read, at most [`MAX_DEFECTS`] and a word on the rest.
    pub defects: Vec<Defect>,
}

/// Reads a file block by block: each item is a block, or what was lost instead of one.
pub struct Blocks<R> {
    input: R,
    offset: u64,
    state: State,
    known: records::Known,
}

#[derive(Clone, Copy)]
enum State {
    Begin,
    Inside(File),
    Ended,
}

/// What the header tells of the file, and how many blocks were met.
#[derive(Clone, Copy)]
struct File {
    compression: Compression,
    blocks: u32,
    met: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Lzo,
    Bzip2,
    Lz4,
    Zstandard,
}

impl<R: Read> Blocks<R> {
    /// A file in `input`, which should be buffered.
    pub fn new(input: R) -> Self {
        Self { input, offset: 0, state: State::Begin, known: records::Known::default() }
    }

    /// The next block, `None` at the end. Nothing can be read behind an error, unless `state` is set before.
    fn step(&mut self) -> Result<Option<Block>, Fault> {
        let file = match std::mem::replace(&mut self.state, State::Ended) {
            State::Begin => match self.header()? {
                Some(file) => file,
                None => return Ok(None),
            },
            State::Inside(file) => file,
            State::Ended => return Ok(None),
        };
        let begin = self.offset;
        let mut header = [0; BLOCK_HEADER];
        match self.fill(&mut header)? {
            0 if file.met < file.blocks => {
                return Err(defect(begin, "file ends before the last of its blocks"));
            }
            0 => return Ok(None),
            BLOCK_HEADER => {}
            _ => return Err(defect(begin, CUT)),
        }
        let [r0, r1, r2, r3, s0, s1, s2, s3, k0, k1, f0, f1] = header;
        let count = u32::from_le_bytes([r0, r1, r2, r3]);
        let size =
            usize::try_from(u32::from_le_bytes([s0, s1, s2, s3])).ok().filter(|size| *size <= MAX_BLOCK);
        let size = size.ok_or_else(|| defect(begin + 4, "block is larger than any that is written"))?;
        let (kind, flags) = (u16::from_le_bytes([k0, k1]), u16::from_le_bytes([f0, f1]));
        let compression = if flags & IS_PLAIN == 0 { file.compression } else { Compression::None };
        let mut octets = vec![0; size];
        let got = self.fill(&mut octets)?;
        let is_cut = got < size;
        octets.truncate(got);
        if is_cut && compression != Compression::None {
            return Err(defect(begin, CUT));
        }
        if !is_cut {
            self.state = State::Inside(File { met: file.met.saturating_add(1), ..file });
        }

        if kind != RECORDS {
            return Err(defect(begin + 8, "kind of block is not known"));
        }
        let octets = match compression {
            Compression::None => Some(octets),
            Compression::Lzo => lzo::decompress(&octets, MAX_BLOCK),
            Compression::Bzip2 => bzip2::decompress(&octets, MAX_BLOCK),
            Compression::Lz4 => lz4::decompress(&octets, MAX_BLOCK),
            Compression::Zstandard => zstandard(&octets, MAX_BLOCK),
        };
        let octets = octets.ok_or_else(|| defect(begin, "block cannot be decompressed"))?;
        let place = match compression {
            Compression::None => records::Place::Inside(begin + BLOCK_HEADER as u64),
            _ => records::Place::Block(begin),
        };
        let mut block = Block { offset: begin, ..Block::default() };
        let met = self.known.read(&octets, place, &mut block);
        if is_cut {
            block.defects.retain(|defect| defect.what != records::UNFIT);
            block.defects.push(Defect::byte(begin, CUT));
        } else if met != u64::from(count) && block.defects.is_empty() {
            block.defects.push(Defect::byte(begin, "block holds another number of records than it says"));
        }
        Ok(Some(block))
    }

    /// The file's header, `None` when the input is empty.
    fn header(&mut self) -> Result<Option<File>, Fault> {
        let mut header = [0; FILE_HEADER];
        let got = self.fill(&mut header)?;
        let [m0, m1, v0, v1, ..] = header;
        match (u16::from_le_bytes([m0, m1]), u16::from_le_bytes([v0, v1])) {
            _ if got == 0 => return Ok(None),
            (SWAPPED, _) => return Err(defect(0, "file was written by a big-endian machine")),
            (magic, _) if magic != MAGIC => return Err(defect(0, "not a file of nfdump")),
            (_, 1) => {
                return Err(defect(
                    2,
                    "file is of nfdump 1.6: convert it with `nfdump -r old -w new` of version 1.7",
                ));
            }
            (_, 2) if got == FILE_HEADER => {}
            (_, 2) => return Err(defect(0, CUT)),
            _ => return Err(defect(2, "layout of the file is not known")),
        }
        let [.., _, _, _, _, b0, b1, b2, b3] = header;
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, compression, encryption, ..] = header;
        if encryption != 0 {
            return Err(defect(17, "file is encrypted"));
        }
        let compression = match compression {
            0 => Compression::None,
            1 => Compression::Lzo,
            2 => Compression::Bzip2,
            3 => Compression::Lz4,
            4 => Compression::Zstandard,
            _ => return Err(defect(16, "compression of the file is not known")),
        };
        Ok(Some(File { compression, blocks: u32::from_le_bytes([b0, b1, b2, b3]), met: 0 }))
    }

    /// As many octets as there are, up to the length of `octets`.
    fn fill(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let mut got = 0;
        while let Some(rest) = octets.get_mut(got..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.offset += got as u64;
        Ok(got)
    }
}

impl<R: Read> Iterator for Blocks<R> {
    type Item = Result<Block, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

fn defect(offset: u64, what: &str) -> Fault {
    Defect::byte(offset, what).into()
}

/// What a Zstandard frame (RFC 8878) stands for, `None` when it is broken or longer than `limit` octets.
fn zstandard(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    zstd::bulk::decompress(packed, limit).ok()
}

/// Appends `len` octets that stand `distance` octets back, which may overlap what they append.
fn repeat(out: &mut Vec<u8>, distance: usize, len: usize, limit: usize) -> Option<()> {
    let from = out.len().checked_sub(distance).filter(|_| distance > 0)?;
    if len > limit - out.len() {
        return None;
    }
    let mut left = len;
    while left > 0 {
        // What is there to copy doubles as it is copied.
        let count = left.min(out.len() - from);
        out.extend_from_within(from..from + count);
        left -= count;
    }
    Some(())
}

/// The largest block that is read, in octets; the collectors' buffers hold 5 MiB.
pub const MAX_BLOCK: usize = 8 << 20;

/// So many defects of a block are told one by one.
pub const MAX_DEFECTS: usize = 16;

const MAGIC: u16 = 0xa50c;
const SWAPPED: u16 = 0x0ca5;
const FILE_HEADER: usize = 40;
const BLOCK_HEADER: usize = 12;
const RECORDS: u16 = 3;
const IS_PLAIN: u16 = 1;
const CUT: &str = "file is cut off";
