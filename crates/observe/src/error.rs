//! Why a source cannot go on. A bad record is never an error: it is a defect, and its neighbours are kept.

use std::io;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operator's: a setting or a file.
    Operator,
    /// The machine's or another program's.
    Elsewhere,
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A file cannot be opened.
    #[error("cannot open the file")]
    Open(#[source] io::Error),
    /// The input failed while it was read; what was read before it has been handed on.
    #[error("cannot read on")]
    Read(#[source] io::Error),
}

impl ObserveError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Open(_) => Fault::Operator,
            Self::Read(_) => Fault::Elsewhere,
        }
    }
}
