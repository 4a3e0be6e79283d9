//! Octets of a file, unpacked if they are packed.
//!
//! What comes in: any reader. What goes out: a buffered reader of what is in it, gzip (with several members) and zstd
//! (with several frames) told by their first octets, and a count of the octets taken.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use super::Progress;

/// A buffered reader of what is in a file.
pub(super) type Input<'a> = Box<dyn BufRead + 'a>;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

/// A reader that says how far it is.
pub(super) struct Counted<'a, R> {
    input: R,
    bytes: Rc<Cell<u64>>,
    progress: Progress<'a>,
}

impl<'a, R: Read> Counted<'a, R> {
    pub(super) fn new(input: R, progress: Progress<'a>) -> Self {
        Self { input, bytes: Rc::default(), progress }
    }

    /// Where the count can be read while the reader is in use.
    pub(super) fn count(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.bytes)
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes.set(self.bytes.get() + read as u64);
        (self.progress)(self.bytes.get());
        Ok(read)
    }
}

/// Unpacks `input` if its first octets say so.
pub(super) fn open<'a, R: Read + 'a>(mut input: Counted<'a, R>) -> io::Result<(Packing, Input<'a>)> {
    let mut head = [0; 4];
    let mut got = 0;
    while let Some(rest) = head.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => got += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let head = head.get(..got).unwrap_or_default().to_vec();
    let packing = match head.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
        // A skippable frame of zstd (RFC 8878 section 3.1.2), as pzstd writes it first.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Packing::Zstd,
        _ => Packing::None,
    };
    let raw = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(input));
    let input: Input<'a> = match packing {
        Packing::None => Box::new(raw),
        Packing::Gzip => {
            Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(raw)))
        }
        Packing::Zstd => {
            Box::new(BufReader::with_capacity(BUFFER, zstd::stream::read::Decoder::with_buffer(raw)?))
        }
    };
    Ok((packing, input))
}

const BUFFER: usize = 256 * 1024;
