//! The file format of an exhibit: compressed bytes in sealed pieces.
//!
//! What comes in: bytes. What goes out: frames, and the bytes again. A file is [`MAGIC`], then frames of a length (four
//! octets, little-endian) and that many octets of the gate's codec. Opened, a frame is its number from 0 on (eight
//! octets, little-endian), one octet that is 1 in the last frame and else 0, and a piece of one zstd stream (RFC 8878).
//! So a frame that is missing, moved, or of another file is noticed; and the bytes as a whole must have their digest.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

use sha2::{Digest as _, Sha256};
use tadoru_store::StoreError;
use tadoru_store::evidence::Digest;

use crate::cases::codec::{Opener, SEALING_BYTES, Sealer};

/// Cuts a stream of bytes into sealed frames.
pub(super) struct FrameWriter {
    file: BufWriter<File>,
    sealer: Sealer,
    number: u64,
    piece: Vec<u8>,
}

impl FrameWriter {
    pub fn new(file: File, sealer: Sealer) -> io::Result<Self> {
        let mut file = BufWriter::new(file);
        file.write_all(&MAGIC)?;
        let mut frames = Self { file, sealer, number: 0, piece: Vec::with_capacity(FRAME_BYTES) };
        frames.begin();
        Ok(frames)
    }

    /// Writes the last frame; the file is not yet synchronised.
    pub fn finish(mut self) -> io::Result<File> {
        self.end(1)?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn begin(&mut self) {
        self.piece.clear();
        self.piece.extend_from_slice(&self.number.to_le_bytes());
        self.piece.push(0);
    }

    fn end(&mut self, last: u8) -> io::Result<()> {
        if let Some(flag) = self.piece.get_mut(NUMBER_BYTES) {
            *flag = last;
        }
        let sealed = self.sealer.seal(FRAME, &self.piece).map_err(io::Error::other)?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&sealed)
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() >= FRAME_BYTES {
            self.end(0)?;
            self.number += 1;
            self.begin();
        }
        let (now, _) = bytes.split_at(bytes.len().min(FRAME_BYTES.saturating_sub(self.piece.len())));
        self.piece.extend_from_slice(now);
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of an exhibit; reading fails where they are not what they were.
pub(super) struct Content<'p> {
    zstd: zstd::Decoder<'static, BufReader<Frames<'p>>>,
    hash: Sha256,
    digest: Digest,
}

impl<'p> Content<'p> {
    pub fn new(file: File, opener: Opener<'p>, digest: Digest) -> io::Result<Self> {
        let mut file = BufReader::new(file);
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic).map_err(short)?;
        if magic != MAGIC {
            return Err(damaged("it is no exhibit of a version that this program knows"));
        }
        let frames = Frames { file, opener, number: 0, ended: false, piece: Vec::new(), at: 0 };
        let mut zstd = zstd::Decoder::with_buffer(BufReader::with_capacity(FRAME_BYTES, frames))?;
        zstd.window_log_max(MAX_WINDOW_LOG)?;
        Ok(Self { zstd, hash: Sha256::new(), digest })
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = match self.zstd.read(buffer) {
            Ok(count) => count,
            Err(e) if e.raw_os_error().is_some() || e.get_ref().is_some_and(|e| e.is::<StoreError>()) => {
                return Err(e);
            }
            Err(_) => return Err(damaged("its bytes do not decompress")),
        };
        self.hash.update(buffer.get(..count).unwrap_or_default());
        if count == 0 && self.hash.clone().finalize().as_slice() != self.digest.0 {
            return Err(damaged("its bytes are not those of its digest"));
        }
        Ok(count)
    }
}

/// The pieces of a file, opened one after the other.
struct Frames<'p> {
    file: BufReader<File>,
    opener: Opener<'p>,
    number: u64,
    ended: bool,
    piece: Vec<u8>,
    at: usize,
}

impl Frames<'_> {
    fn next(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length).map_err(short)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_SEALED_BYTES {
            return Err(damaged("a frame is too long"));
        }
        let mut sealed = vec![0; length];
        self.file.read_exact(&mut sealed).map_err(short)?;
        self.piece = self.opener.open(FRAME, &sealed).map_err(io::Error::other)?;
        let Some((number, [last, ..])) = self.piece.split_at_checked(NUMBER_BYTES) else {
            return Err(damaged("a frame is too short"));
        };
        if number != self.number.to_le_bytes() || *last > 1 {
            return Err(damaged("its frames are not in order"));
        }
        self.ended = *last == 1;
        self.number += 1;
        self.at = NUMBER_BYTES + 1;
        if self.ended && self.file.read(&mut [0])? != 0 {
            return Err(damaged("there is something behind its end"));
        }
        Ok(())
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.piece.len() {
            if self.ended {
                return Ok(0);
            }
            self.next()?;
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

fn short(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { damaged("it ends too early") } else { error }
}

/// A fault of the bytes; who opened the file knows its name.
fn damaged(what: &'static str) -> io::Error {
    io::Error::other(StoreError::Damaged { file: String::new(), what })
}

/// What a file begins with: the format and its version.
pub(super) const MAGIC: [u8; 8] = *b"TADOEXH1";

/// Octets of a frame's number.
const NUMBER_BYTES: usize = 8;

/// Longest frame before it is sealed.
const FRAME_BYTES: usize = 256 << 10;

/// Longest sealed frame that is read.
const MAX_SEALED_BYTES: usize = FRAME_BYTES + SEALING_BYTES;

/// The widest zstd window that is accepted, as a power of two of octets; the writer uses 2^21.
const MAX_WINDOW_LOG: u32 = 23;

/// What a sealed frame is taken for.
const FRAME: &str = "frame of an exhibit";
