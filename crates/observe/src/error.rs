//! Why a source cannot go on. A bad record is never an error: it is a defect, and its neighbours are kept.

use std::io;
use std::net::SocketAddr;

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
    /// A socket cannot be opened.
    #[error("cannot listen on `{0}`")]
    Listen(SocketAddr, #[source] io::Error),
    /// A setting that cannot work.
    #[error("{0}")]
    Setting(&'static str),
}

impl ObserveError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Open(_) | Self::Listen(..) | Self::Setting(_) => Fault::Operator,
            Self::Read(_) => Fault::Elsewhere,
        }
    }
}
