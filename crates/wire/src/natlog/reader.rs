//! NAT log files read line by line.
//!
//! What comes in: any [`BufRead`]. What goes out: every line as [`Parsed`], in order, and counts. A line longer than
//! [`MAX_LINE`] is skipped and reported; memory holds one line. The last line of a file that has no line end may be cut,
//! and a cut port is a port too: it is taken only if it ends in the bracket that its format closes with.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use super::scan::position;
use super::{Dialect, Events, MAX_LINE, Options, Parsed, Syslog, parse};

/// What was in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines, empty ones included.
    pub lines: u64,
    /// NAT events.
    pub events: u64,
    /// Lines without a NAT event.
    pub ignored: u64,
    /// Lines that could not be read, or only in part.
    pub faults: u64,
}

/// Hands every line that is not empty to `sink`, with its number from 1; `Break` stops the reading.
pub fn read(
    mut input: impl BufRead,
    options: &Options<'_>,
    mut sink: impl FnMut(u64, Parsed<'_>) -> ControlFlow<()>,
) -> io::Result<Counts> {
    let mut counts = Counts::default();
    let mut held = Vec::new();
    loop {
        let flow = match next(&mut input, &mut held)? {
            Line::End => return Ok(counts),
            Line::TooLong => {
                counts.lines += 1;
                one(&mut counts, fault(b"", "line is longer than 64 KiB"), &mut sink)
            }
            Line::Whole => {
                counts.lines += 1;
                let line = trimmed(&held, counts.lines);
                if line.is_empty() {
                    ControlFlow::Continue(())
                } else {
                    one(&mut counts, parse(line, options), &mut sink)
                }
            }
            Line::Open => {
                counts.lines += 1;
                let may_go_on = may_go_on(&held, options);
                let parsed = if may_go_on {
                    fault(&held, "last line has no line end and may be cut")
                } else {
                    parse(&held, options)
                };
                one(&mut counts, parsed, &mut sink)
            }
        };
        if flow.is_break() {
            return Ok(counts);
        }
    }
}

enum Line {
    /// With its line end.
    Whole,
    /// Without, at the end of the input.
    Open,
    TooLong,
    End,
}

/// The next line into `held`, at most [`MAX_LINE`] bytes; a longer one is passed over to its end.
fn next(input: &mut impl BufRead, held: &mut Vec<u8>) -> io::Result<Line> {
    held.clear();
    let mut too_long = false;
    loop {
        let piece = match input.fill_buf() {
            Ok(piece) => piece,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if piece.is_empty() {
            return Ok(match (too_long, held.is_empty()) {
                (true, _) => Line::TooLong,
                (false, true) => Line::End,
                (false, false) => Line::Open,
            });
        }
        let end = position(piece, b'\n');
        let take = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        too_long |= held.len() + take.len() > MAX_LINE;
        if too_long {
            held.clear();
        } else {
            held.extend_from_slice(take);
        }
        let used = take.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(if too_long { Line::TooLong } else { Line::Whole });
        }
    }
}

/// Without a carriage return, and the first line without a byte order mark.
fn trimmed(line: &[u8], number: u64) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if number == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line }
}

/// Whether a line without its end may go on: it may, unless it ends in the bracket that its format closes with.
fn may_go_on(line: &[u8], options: &Options<'_>) -> bool {
    let now = parse(line, options);
    match (now.events.iter().next().map(|e| e.dialect), line.last()) {
        (None, _) => now.fault.is_some(),
        (Some(Dialect::Juniper | Dialect::CiscoCgv6), Some(b']')) => false,
        (Some(Dialect::Ulogd), Some(b'}')) => false,
        (Some(Dialect::Sixwind | Dialect::CiscoAsa), Some(b')')) => false,
        _ => true,
    }
}

fn fault<'a>(line: &'a [u8], what: &'static str) -> Parsed<'a> {
    let syslog = Syslog { content: line, msg: line, ..Syslog::default() };
    Parsed { syslog, events: Events::default(), fault: Some(what) }
}

fn one(
    counts: &mut Counts,
    parsed: Parsed<'_>,
    sink: &mut impl FnMut(u64, Parsed<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    counts.events += parsed.events.len() as u64;
    counts.faults += u64::from(parsed.fault.is_some());
    counts.ignored += u64::from(parsed.events.is_empty() && parsed.fault.is_none());
    sink(counts.lines, parsed)
}
