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
pub(super) fn open<'a, R: Read + 'a>(input: Counted<'a, R>) -> io::Result<(Packing, Input<'a>)> {
    let raw = Headed::new(input);
    let packing = match raw.head() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        // A skippable frame of zstd (RFC 8878 section 3.1.2), as pzstd writes it first.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
        _ => Packing::None,
    };
    let raw = BufReader::with_capacity(BUFFER, raw);
    let input: Input<'a> = match packing {
        Packing::None => Box::new(raw),
        Packing::Gzip => unpacked(flate2::bufread::MultiGzDecoder::new(raw)),
        Packing::Zstd => unpacked(zstd::stream::read::Decoder::with_buffer(raw)?),
    };
    Ok((packing, input))
}

fn unpacked<'a>(input: impl Read + 'a) -> Input<'a> {
    Box::new(BufReader::with_capacity(BUFFER, Headed::new(input)))
}

/// A reader whose beginning has been read, so that it can be looked at as a whole.
struct Headed<R> {
    head: Cursor<Vec<u8>>,
    /// What ended the reading of the head; it is told behind it.
    fault: Option<io::Error>,
    rest: R,
}

impl<R: Read> Headed<R> {
    fn new(mut rest: R) -> Self {
        let mut head = Vec::new();
        let fault = rest.by_ref().take(HEAD).read_to_end(&mut head).err();
        Self { head: Cursor::new(head), fault, rest }
    }

    fn head(&self) -> &[u8] {
        self.head.get_ref()
    }
}

impl<R: Read> Read for Headed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.read(buffer)? {
            0 => match self.fault.take() {
                Some(fault) => Err(fault),
                None => self.rest.read(buffer),
            },
            read => Ok(read),
        }
    }
}

const BUFFER: usize = 256 * 1024;

/// How much is looked at before anything is read.
const HEAD: u64 = 64 * 1024;
