//! What is behind an exporter's interface.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is behind an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceRole {
    /// Another network.
    Edge,
    /// The own network: what comes in there was counted before.
    Core,
    /// A customer.
    Customer,
}

/// Text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no role of an interface: `edge`, `core` or `customer`")]
pub struct NotARole;

impl InterfaceRole {
    /// Its name in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Core => "core",
            Self::Customer => "customer",
        }
    }

    /// Whether what comes in there comes into the network, and so counts once.
    pub const fn is_way_in(self) -> bool {
        !matches!(self, Self::Core)
    }
}

impl FromStr for InterfaceRole {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        [Self::Edge, Self::Core, Self::Customer]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(NotARole)
    }
}
