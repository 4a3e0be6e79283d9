//! Settings of the accounting server.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize, Serializer};
use tadoru_model::{Prefix, Realm, SourceName};

use crate::ObserveError;
use crate::inlet::Subject;

/// Settings of the accounting server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The devices that may send.
    pub nas: Vec<Nas>,
    /// Requests made durable together at most.
    pub batch: usize,
    /// Room for requests that wait in the kernel, octets.
    pub receive_buffer: usize,
    /// Answered requests kept in mind on each socket, to tell retransmissions.
    pub remembered: usize,
}

/// A device, or several that share a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nas {
    /// Whence it sends.
    pub from: Prefix,
    /// The secret shared with it.
    pub secret: Secret,
    /// The source's name; without it, what the device calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SourceName>,
    /// Realm of the addresses that it gives out.
    #[serde(default = "Realm::untold")]
    pub realm: Realm,
    /// What addresses it gives out; without them, those that its records have named so far. Only with them is it known
    /// before its first record what is missing when it is silent. They need a `name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<Prefix>,
}

/// A shared secret; never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Config {
    /// Whether the settings can work.
    pub(super) fn check(&self) -> Result<(), ObserveError> {
        if self.nas.iter().any(|nas| nas.secret.0.is_empty()) {
            return Err(ObserveError::Setting("`secret` of a `nas` is empty"));
        }
        if self.nas.iter().any(|nas| nas.name.is_none() && !nas.prefixes.is_empty()) {
            return Err(ObserveError::Setting("a `nas` has `prefixes` and no `name`"));
        }
        let mut prefixes: Vec<Prefix> = self.nas.iter().map(|nas| nas.from).collect();
        prefixes.sort_unstable();
        if prefixes.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(ObserveError::Setting("two entries of `nas` are for the same prefix"));
        }
        if self.batch == 0 {
            return Err(ObserveError::Setting("`batch` is zero"));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0; 4], 1813)), SocketAddr::from(([0_u16; 8], 1813))],
            nas: Vec::new(),
            batch: 1024,
            receive_buffer: 8 * 1024 * 1024,
            remembered: 256 * 1024,
        }
    }
}

impl Nas {
    /// It as a source, where it has a name.
    pub(super) fn subject(&self) -> Option<Subject> {
        let (source, realm) = (self.name.clone()?, self.realm.clone());
        Some(Subject { source, realm, prefixes: self.prefixes.clone() })
    }
}

impl Secret {
    /// A secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn octets(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[secret]")
    }
}
