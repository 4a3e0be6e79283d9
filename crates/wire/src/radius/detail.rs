//! Reads FreeRADIUS `detail` files (versions 2 to 4) and those of GNU Radius, entry by entry.
//!
//! What comes in: text of any size, read line by line with bounded memory. What goes out: an [`Entry`] for each, with
//! its [`Accounting`] record and its defects. An entry that was cut (by the end of the file, or by a crash of the server
//! that wrote it) is a defect and not a record: half an address is another address. Attributes by name, by number
//! (`Attr-26.10415.1`), with tags and operators; dates with the zone they name, or the zone given.

use std::io::{self, BufRead};

use jiff::tz::TimeZone;

use super::Accounting;
use crate::defect::Defect;
use crate::dictionary::Dictionary;

mod dates;
mod draft;
mod literal;
#[cfg(test)]
mod tests;

use draft::{Draft, split};

// ---------------------------------------------------------------------------------------------- Entry

/// One entry of a detail file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its first line, counted from 1.
    pub line: u64,
    /// Offset of the octet behind it; whoever follows a growing file goes on from the last entry that was not cut.
    pub end: u64,
    /// What it says; `None` when it was cut, torn, too long, or holds no attribute.
    pub record: Option<Accounting>,
    /// Whether it was cut: more of it may come, or never will.
    pub cut: bool,
    /// What could not be read; places are lines.
    pub defects: Vec<Defect>,
}

// ---------------------------------------------------------------------------------------------- Reader

/// Reads entries one by one.
pub struct Reader<'a, R> {
    input: R,
    dictionary: &'a Dictionary,
    zone: &'a TimeZone,
    line: u64,
    offset: u64,
    /// A line that was read and belongs to the next entry.
    ahead: Option<Line>,
    /// The attribute that ended the last entry that a blank line closed. Where blank lines close entries, one that
    /// nothing closes is whole if it ends alike; `None` where they do not, or not yet.
    last_name: Option<Vec<u8>>,
    slip: Slip,
    input_is: Input,
    done: bool,
}

/// Whether the input is still being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Finished,
    Growing,
}

/// Whether the operator was told that headers and `Timestamp` disagree.
#[derive(PartialEq)]
enum Slip {
    Untold,
    Told,
}

/// A line without its end.
struct Line {
    text: Vec<u8>,
    number: u64,
    /// Offset of the octet behind it.
    end: u64,
    ended: Ended,
}

/// How a line ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// With a line feed.
    Feed,
    /// With the end of the input.
    Input,
    /// It exceeds the bound; its text is not kept.
    Long,
}

impl<'a, R: BufRead> Reader<'a, R> {
    /// A reader over `input`; `zone` is the zone of dates that name none: the one the writing server ran in.
    pub fn new(input: R, dictionary: &'a Dictionary, zone: &'a TimeZone) -> Self {
        Self {
            input,
            dictionary,
            zone,
            line: 0,
            offset: 0,
            ahead: None,
            last_name: None,
            slip: Slip::Untold,
            input_is: Input::Finished,
            done: false,
        }
    }

    /// For a file that is still being written: an entry counts as whole only when a blank line closes it.
    #[must_use]
    pub fn growing(self) -> Self {
        Self { input_is: Input::Growing, ..self }
    }

    /// The next entry; `None` at the end of the input.
    fn entry(&mut self) -> io::Result<Option<Entry>> {
        let Some(first) = self.first_line()? else { return Ok(None) };
        let mut draft = Draft::new(self.dictionary, self.zone, &first);
        let start = first.end;
        draft.line(&first);
        let mut end = first.end;
        let mut closed = Closed::No;
        let mut ended = first.ended;
        while let Some(line) = self.next_line()? {
            if line.text.is_empty() && line.ended == Ended::Feed {
                end = line.end;
                closed = Closed::Yes;
                break;
            }
            if line.text.is_empty() && line.ended == Ended::Input {
                // The indent of a line that never came.
                end = line.end;
                ended = line.ended;
                break;
            }
            if line.ended != Ended::Long && !is_attribute(&line.text) {
                self.ahead = Some(line);
                break;
            }
            if let Some(at) = glued_header(&line.text, self.zone) {
                let text = line.text.get(at..).unwrap_or(&[]).to_vec();
                end = line.end.saturating_sub(text.len() as u64);
                closed = Closed::Torn;
                self.ahead = Some(Line { text, ..line });
                break;
            }
            end = line.end;
            ended = line.ended;
            if line.number - first.number >= MAX_LINES || end.saturating_sub(start) > MAX_OCTETS {
                draft.overlong = true;
            } else {
                draft.line(&line);
            }
        }
        Ok(Some(self.finish(draft, first.number, end, closed, ended)))
    }

    /// Judges whether an entry is whole, and makes it.
    fn finish(&mut self, draft: Draft<'_>, line: u64, end: u64, closed: Closed, ended: Ended) -> Entry {
        let cut = match closed {
            Closed::Yes => false,
            Closed::Torn => true,
            Closed::No if self.ahead.is_some() && self.last_name.is_none() => false,
            Closed::No if self.ahead.is_none() && self.input_is == Input::Growing => true,
            Closed::No => !draft.looks_whole(self.last_name.as_deref(), ended),
        };
        let fault = if draft.overlong {
            Some("entry exceeds the bound on its length")
        } else if cut {
            Some("entry is cut")
        } else if draft.attributes == 0 {
            Some("entry without attributes")
        } else if draft.torn() {
            Some("entry is torn, or runs into the next one")
        } else {
            None
        };
        if let Some(what) = fault {
            return Entry { line, end, record: None, cut, defects: vec![Defect::line(line, what)] };
        }
        if closed == Closed::Yes {
            self.last_name = Some(draft.last_name.clone());
        }
        let (record, defects) = draft.finish(&mut self.slip);
        Entry { line, end, record: Some(record), cut, defects }
    }

    /// The next line that is not blank.
    fn first_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            match self.next_line()? {
                Some(line) if line.text.is_empty() && line.ended != Ended::Long => {}
                other => return Ok(other),
            }
        }
    }

    /// The next line, blank ones as empty text; keeps no more than the bound.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        let mut text = Vec::new();
        let mut ended = Ended::Input;
        let mut any = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let feed = buffer.iter().position(|octet| *octet == b'\n');
            let part = buffer.get(..feed.unwrap_or(buffer.len())).unwrap_or(buffer);
            if text.len() + part.len() > MAX_LINE {
                ended = Ended::Long;
                text.clear();
            } else if ended != Ended::Long {
                text.extend_from_slice(part);
            }
            let used = part.len() + usize::from(feed.is_some());
            self.input.consume(used);
            self.offset += used as u64;
            if feed.is_some() {
                if ended != Ended::Long {
                    ended = Ended::Feed;
                }
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.line += 1;
        text.truncate(text.trim_ascii_end().len());
        Ok(Some(Line { text, number: self.line, end: self.offset, ended }))
    }
}

impl<R: BufRead> Iterator for Reader<'_, R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.entry().transpose();
        self.done = matches!(entry, None | Some(Err(_)));
        entry
    }
}

/// What closed an entry.
#[derive(Clone, Copy, PartialEq)]
enum Closed {
    /// A blank line.
    Yes,
    /// Nothing: the next header, or the end of the input, came first.
    No,
    /// A header in the middle of a line.
    Torn,
}

// ---------------------------------------------------------------------------------------------- lines

/// Whether a line goes on with an entry: it is indented, or it reads as an attribute.
fn is_attribute(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'\t' | b' ')) || split(line).is_some()
}

/// Where a header starts that a crash of the writing server left in the middle of a line.
fn glued_header(line: &[u8], zone: &TimeZone) -> Option<usize> {
    let plausible = line.last().is_some_and(|octet| octet.is_ascii_digit() || *octet == b'Z');
    let clock = line.iter().rev().take(30).filter(|octet| **octet == b':').count() >= 2;
    if !plausible || !clock {
        return None;
    }
    let starts =
        HEADER_OCTETS.iter().filter_map(|octets| line.len().checked_sub(*octets).filter(|at| *at > 0));
    starts.into_iter().find(|at| {
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        let header = line.get(*at..).and_then(|header| std::str::from_utf8(header).ok());
        header.is_some_and(|text| dates::starts_header(text, before) && dates::parse(text, zone).is_ok())
    })
}

/// Lengths of the headers that are looked for in the middle of a line: `Mon Feb  1 00:35:16 2016`, the same with a zone
/// of three letters, `2016-02-01 00:35:16`, the same with `Z` and with an offset.
const HEADER_OCTETS: [usize; 5] = [28, 24, 25, 20, 19];

/// Most octets of a line that is read.
const MAX_LINE: usize = 64 * 1024;

/// Most lines of an entry: a packet of 4,096 octets holds 2,038 attributes.
const MAX_LINES: u64 = 4096;

/// Most octets of an entry.
const MAX_OCTETS: u64 = 1024 * 1024;
