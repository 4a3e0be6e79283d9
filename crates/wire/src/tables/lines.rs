//! Lines of a text, one after the other, with their numbers.
//!
//! What comes in: any buffered reader. What goes out: a line without its end (LF or CRLF) and without a byte order
//! mark, or the word that it was longer than a bound, usually [`MAX_LINE`]. It never holds more than one line.

use std::io::{self, BufRead};

use crate::Defect;

/// Why a reader gives no record.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// One record could not be read; the reader goes on behind it.
    #[error("{0}")]
    Defect(Defect),
    /// The input itself failed; the reader has ended.
    #[error("cannot read the input")]
    Input(#[from] io::Error),
}

impl From<Defect> for Fault {
    fn from(defect: Defect) -> Self {
        Self::Defect(defect)
    }
}

/// One line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its octets, without the line end.
    Text(&'a [u8]),
    /// It was longer than the bound and has been skipped.
    TooLong,
}

/// Splits a reader into lines.
pub struct Lines<R> {
    input: R,
    number: u64,
    text: Vec<u8>,
    bound: usize,
}

impl<R: BufRead> Lines<R> {
    /// Lines of `input`, counted from 1.
    pub fn new(input: R) -> Self {
        Self::bounded(input, MAX_LINE)
    }

    /// As [`Lines::new`], with another bound than [`MAX_LINE`], in octets.
    pub fn bounded(input: R, bound: usize) -> Self {
        Self { input, number: 0, text: Vec::new(), bound }
    }

    /// The next line and its number, or `None` at the end of the input.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        self.text.clear();
        let mut too_long = false;
        let mut seen = false;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            seen = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let (part, used) = match end {
                Some(at) => (chunk.get(..at).unwrap_or_default(), at + 1),
                None => (chunk, chunk.len()),
            };
            if self.text.len() + part.len() > self.bound {
                too_long = true;
                self.text.clear();
            } else if !too_long {
                self.text.extend_from_slice(part);
            }
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !seen {
            return Ok(None);
        }
        self.number += 1;
        if too_long {
            return Ok(Some((self.number, Line::TooLong)));
        }
        let mut text = self.text.as_slice();
        if self.number == 1 {
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        Ok(Some((self.number, Line::Text(text.strip_suffix(b"\r").unwrap_or(text)))))
    }
}

/// The longest line that is read, in octets.
pub const MAX_LINE: usize = 64 * 1024;

/// What a reader says of a longer one.
pub(crate) const TOO_LONG: &str = "line is longer than 64 KiB";

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
