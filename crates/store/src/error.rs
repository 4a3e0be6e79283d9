//! What can go wrong at a store's door.

use std::io;

/// A store's fault. No message holds a value of a record.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk said no.
    #[error("cannot {doing} `{file}`")]
    Disk {
        /// What was being tried.
        doing: &'static str,
        /// The file, relative to the data folder.
        file: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The disk is full: nothing further is taken in until there is space.
    #[error("no space left while writing `{file}`")]
    Full {
        /// The file, relative to the data folder.
        file: String,
    },
    /// A file does not hold what was written to it.
    #[error("file `{file}` is damaged: {what}")]
    Damaged {
        /// The file, relative to the data folder.
        file: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Another process owns the data folder.
    #[error("the data folder is in use by another process")]
    InUse,
    /// The gate's codec refused: a key that was destroyed, or a permit that does not fit.
    #[error("the gate's codec refused")]
    Codec(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Whoever sent it.
    Sender,
    /// Whoever runs this installation.
    Operator,
    /// Some other system.
    Elsewhere,
    /// This program.
    Ours,
}

impl StoreError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Disk { .. } | Self::Full { .. } | Self::Damaged { .. } | Self::InUse => Fault::Operator,
            Self::Codec(_) => Fault::Ours,
        }
    }
}
