//! What could not be read, and where: one bad record never loses its neighbours.

use std::fmt;

/// Where in its input a defect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Line number, counted from 1.
    Line(u64),
    /// Byte offset from the start of the input, of the first byte of the field that is wrong.
    Byte(u64),
}

/// One thing that could not be read. `what` names the field and the fault, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, lower-case, without any value of the record.
    pub what: String,
}

impl Defect {
    /// A defect at a line.
    pub fn line(line: u64, what: impl Into<String>) -> Self {
        Self { place: Place::Line(line), what: what.into() }
    }

    /// A defect at a byte offset.
    pub fn byte(offset: u64, what: impl Into<String>) -> Self {
        Self { place: Place::Byte(offset), what: what.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(n) => write!(f, "line {n}"),
            Self::Byte(n) => write!(f, "byte {n}"),
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
