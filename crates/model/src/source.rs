//! Where records come from, and the address plan they speak about.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The operator's name of one source of records: a NAS, a gateway, a lease server, an imported file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceName(pub Arc<str>);

/// An address plan: the public Internet, or one VRF whose private addresses may overlap with another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Realm(pub Arc<str>);

impl Realm {
    /// The realm of records whose source names none: it may be any of the installation's realms.
    pub const UNTOLD: &'static str = "";

    /// The realm that a source without one gets.
    pub fn untold() -> Self {
        Self(Arc::from(Self::UNTOLD))
    }

    /// Whether no realm was told.
    pub fn is_untold(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a record of this realm can speak about a question in `asked`: equal, or one of them not told.
    pub fn speaks_of(&self, asked: &Self) -> bool {
        self.is_untold() || asked.is_untold() || self == asked
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_untold() { "untold" } else { &self.0 })
    }
}

impl From<&str> for SourceName {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

impl From<&str> for Realm {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}
