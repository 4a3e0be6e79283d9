//! Syslog messages out of a TCP stream (RFC 6587, and the length cap of RFC 5425 section 4.3.1 as 64 KiB).
//!
//! What comes in: pieces of the stream as they arrive. What goes out: whole messages, and a count of those that were
//! longer than the cap; they are skipped and the stream goes on behind them. Holds at most one message. Both framings
//! are read, told apart at the start of each message: octet counting begins with a digit other than 0 and a blank
//! behind the digits, anything else runs to the line feed (or NUL).

use super::MAX_LINE;

#[cfg(test)]
mod tests;

/// A de-framer for one connection.
#[derive(Debug, Default)]
pub struct Deframer {
    held: Vec<u8>,
    state: State,
    oversize: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a message: perhaps digits of a count are held.
    #[default]
    Start,
    /// Octet counting: so many octets are still to come.
    Counted { left: usize, skip: bool },
    /// Up to the trailer.
    Line { skip: bool },
}

impl Deframer {
    /// A fresh one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece of the stream and hands every message that is whole with it to `sink`, without its framing.
    pub fn push(&mut self, mut piece: &[u8], mut sink: impl FnMut(&[u8])) {
        while !piece.is_empty() {
            piece = match self.state {
                State::Start => self.start(piece),
                State::Counted { left, skip } => self.counted(piece, left, skip, &mut sink),
                State::Line { skip } => self.line(piece, skip, &mut sink),
            };
        }
    }

    /// The stream has ended. What is held is a message without its end, and is given back so that it can be counted:
    /// it may be cut, so its values must not be trusted.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let state = std::mem::take(&mut self.state);
        let held = std::mem::take(&mut self.held);
        let skip = matches!(state, State::Counted { skip: true, .. } | State::Line { skip: true });
        (!held.is_empty() && !skip).then_some(held)
    }

    /// Messages longer than the cap, skipped so far.
    pub fn oversize(&self) -> u64 {
        self.oversize
    }

    /// Collects the digits of a count, until what follows tells the framing.
    fn start<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let Some((&b, rest)) = piece.split_first() else { return piece };
        match b {
            b'0'..=b'9' if self.held.len() < MAX_COUNT_DIGITS && !(self.held.is_empty() && b == b'0') => {
                self.held.push(b);
                rest
            }
            b' ' if !self.held.is_empty() => {
                let mut left: usize = 0;
                for d in self.held.drain(..) {
                    left = left * 10 + usize::from(d - b'0');
                }
                let skip = left > MAX_LINE;
                self.oversize += u64::from(skip);
                self.state = State::Counted { left, skip };
                rest
            }
            b'\n' | b'\r' | 0 if self.held.is_empty() => rest,
            _ => {
                self.state = State::Line { skip: false };
                piece
            }
        }
    }

    fn counted<'p>(
        &mut self,
        piece: &'p [u8],
        left: usize,
        skip: bool,
        sink: &mut impl FnMut(&[u8]),
    ) -> &'p [u8] {
        let (take, rest) = piece.split_at(left.min(piece.len()));
        let left = left - take.len();
        if left > 0 {
            if !skip {
                self.held.extend_from_slice(take);
            }
            self.state = State::Counted { left, skip };
            return rest;
        }
        if !skip {
            if self.held.is_empty() {
                sink(take);
            } else {
                self.held.extend_from_slice(take);
                sink(&self.held);
            }
        }
        self.held.clear();
        self.state = State::Start;
        rest
    }

    fn line<'p>(&mut self, piece: &'p [u8], skip: bool, sink: &mut impl FnMut(&[u8])) -> &'p [u8] {
        let end = piece.iter().position(|&b| b == b'\n' || b == 0);
        let (take, rest) = match end {
            Some(at) => (piece.get(..at).unwrap_or_default(), piece.get(at + 1..).unwrap_or_default()),
            None => (piece, &[][..]),
        };
        let too_long = skip || self.held.len() + take.len() > MAX_LINE;
        if too_long {
            self.oversize += u64::from(!skip);
            self.held.clear();
        } else if end.is_none() {
            self.held.extend_from_slice(take);
        }
        if end.is_none() {
            self.state = State::Line { skip: too_long };
            return rest;
        }
        if !too_long {
            if self.held.is_empty() {
                sink(take.strip_suffix(b"\r").unwrap_or(take));
            } else {
                self.held.extend_from_slice(take);
                sink(self.held.strip_suffix(b"\r").unwrap_or(&self.held));
            }
        }
        self.held.clear();
        self.state = State::Start;
        rest
    }
}

/// Nine digits bound the count below 10^9, so that it never overflows.
const MAX_COUNT_DIGITS: usize = 9;
