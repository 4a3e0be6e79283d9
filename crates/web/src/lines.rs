//! Lines of a body that streams: bounded in length, whole at their end.

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;

/// The lines of a body.
pub(crate) struct Lines {
    body: Body,
    rest: Vec<u8>,
    /// Where in `rest` the next line begins.
    at: usize,
    most: usize,
    skipping: bool,
    ended: bool,
}

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// It is longer than a line may be.
    TooLong,
}

impl Lines {
    /// The lines of `body`, each of at most `most` bytes.
    pub(crate) const fn new(body: Body, most: usize) -> Self {
        Self { body, rest: Vec::new(), at: 0, most, skipping: false, ended: false }
    }

    /// The next line; `None` at the end. A last line needs no end of its own.
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, axum::Error> {
        loop {
            if let Some(line) = self.whole() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(self.last());
            }
            match self.body.frame().await {
                Some(frame) => self.take(frame?.into_data().unwrap_or_default()),
                None => self.ended = true,
            }
        }
    }

    /// The next line whose end is here.
    fn whole(&mut self) -> Option<Line> {
        let open = self.rest.get(self.at..)?;
        let Some(length) = open.iter().position(|b| *b == b'\n') else {
            if open.len() > self.most {
                self.skipping = true;
            }
            if self.skipping {
                self.rest.clear();
                self.at = 0;
            }
            return None;
        };
        let line = open.get(..length)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let too_long = std::mem::take(&mut self.skipping) || line.len() > self.most;
        let line = if too_long { Line::TooLong } else { Line::Whole(line.to_vec()) };
        self.at += length + 1;
        Some(line)
    }

    fn last(&mut self) -> Option<Line> {
        let rest = std::mem::take(&mut self.rest);
        let rest = rest.get(std::mem::take(&mut self.at)..).unwrap_or_default();
        if std::mem::take(&mut self.skipping) || rest.len() > self.most {
            return Some(Line::TooLong);
        }
        (!rest.is_empty()).then(|| Line::Whole(rest.to_vec()))
    }

    fn take(&mut self, more: Bytes) {
        self.rest.drain(..self.at);
        self.at = 0;
        self.rest.extend_from_slice(&more);
    }
}

#[cfg(test)]
mod tests;
