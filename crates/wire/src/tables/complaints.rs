//! Complaints in a table, one question a line.
//!
//! What comes in: a table with `address` and `time`, and optionally `port,proto,dst_address,dst_port,ref`. What goes
//! out: exactly one item for each line behind the header, in order, also for a line that cannot be read; the texts
//! as they stand, because reading them strictly (and saying what may have been meant) is the desk's work.

use std::io::BufRead;

use super::{
    lines::{Fault, Line, Lines},
    row::{Header, Row, split, text_of},
    unprinted,
};
use crate::Defect;

/// One line of the table.
#[derive(Clone, PartialEq, Eq)]
pub struct ComplaintLine {
    /// Line number, the header being line 1.
    pub line: u64,
    /// The complainant's own reference, to be repeated in the answer; also of a bad line, where it is certain.
    pub reference: Option<String>,
    /// What was asked, or why the line cannot be read.
    pub question: Result<Complaint, Defect>,
}

/// What a line asks, as it was written (without surrounding space); `None` is an empty cell.
#[derive(Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The address complained about.
    pub address: String,
    /// When it was seen.
    pub time: String,
    /// Its port.
    pub port: Option<String>,
    /// Protocol name or number.
    pub proto: Option<String>,
    /// The other side's address.
    pub dst_address: Option<String>,
    /// The other side's port.
    pub dst_port: Option<String>,
}

unprinted!(ComplaintLine, Complaint);

/// Reads complaints line by line. Empty lines at the end are no questions; elsewhere they are bad ones.
pub struct Complaints<R> {
    lines: Lines<R>,
    header: Option<Header>,
    empty: u64,
    waiting: Option<ComplaintLine>,
    next_line: u64,
    ended: bool,
}

impl<R: BufRead> Complaints<R> {
    /// A table in `input`.
    pub fn new(input: R) -> Self {
        Self { lines: Lines::new(input), header: None, empty: 0, waiting: None, next_line: 0, ended: false }
    }

    fn end(&mut self, fault: impl Into<Fault>) -> Option<Result<ComplaintLine, Fault>> {
        self.ended = true;
        Some(Err(fault.into()))
    }

    /// An empty line that turned out to stand between others.
    fn held_back(&mut self) -> Option<ComplaintLine> {
        if self.empty == 0 {
            return self.waiting.take();
        }
        self.empty -= 1;
        let line = self.next_line;
        self.next_line += 1;
        Some(ComplaintLine { line, reference: None, question: Err(Defect::line(line, "line is empty")) })
    }
}

impl<R: BufRead> Iterator for Complaints<R> {
    type Item = Result<ComplaintLine, Fault>;

    /// The next question; a fault only when the input or its header cannot be read, and then nothing follows.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.waiting.is_some()
            && let Some(line) = self.held_back()
        {
            return Some(Ok(line));
        }
        loop {
            let (number, line) = match self.lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => return self.end(error),
            };
            if let Line::Text(text) = line
                && text.iter().all(u8::is_ascii_whitespace)
            {
                if self.header.is_some() {
                    if self.empty == 0 {
                        self.next_line = number;
                    }
                    self.empty += 1;
                }
                continue;
            }
            let text = text_of(line);
            let Some(header) = &self.header else {
                let header = text.and_then(|text| Header::read(text, COLUMNS, &["address", "time"]));
                match header {
                    Ok(header) => self.header = Some(header),
                    Err(what) => return self.end(Defect::line(number, what)),
                }
                continue;
            };
            let read = read_line(header, number, text);
            if self.empty == 0 {
                return Some(Ok(read));
            }
            self.waiting = Some(read);
            return self.held_back().map(Ok);
        }
    }
}

fn read_line(header: &Header, line: u64, text: Result<&str, String>) -> ComplaintLine {
    let row = text.clone().and_then(|text| header.row(text));
    let (reference, question) = match row {
        Ok(row) => (row.text("ref").map(str::to_owned), question(&row)),
        Err(what) => (text.ok().and_then(|text| certain_reference(header, text)), Err(what)),
    };
    ComplaintLine { line, reference, question: question.map_err(|what| Defect::line(line, what)) }
}

fn question(row: &Row) -> Result<Complaint, String> {
    let cell = |column: &str| row.text(column).map(str::to_owned);
    Ok(Complaint {
        address: row.need("address")?.to_owned(),
        time: row.need("time")?.to_owned(),
        port: cell("port"),
        proto: cell("proto"),
        dst_address: cell("dst_address"),
        dst_port: cell("dst_port"),
    })
}

/// With a wrong number of fields only the first is certain to be what the header calls it.
fn certain_reference(header: &Header, text: &str) -> Option<String> {
    let first = split(text).ok()?.into_iter().next()?;
    let reference = first.trim();
    (header.place_of("ref") == Some(0) && !reference.is_empty()).then(|| reference.to_owned())
}

const COLUMNS: &[&str] = &["address", "time", "port", "proto", "dst_address", "dst_port", "ref"];
