//! Address prefixes of both families.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A prefix in canonical form: no bit is set behind its length. A single address is a /32 or a /128.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

/// Text or a length that is no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address or prefix in canonical form")]
pub struct NotAPrefix;

impl Prefix {
    /// The prefix of `len` bits that `addr` lies in; bits behind the length are cleared.
    ///
    /// # Errors
    /// When `len` is longer than the family's address.
    pub fn covering(addr: IpAddr, len: u8) -> Result<Self, NotAPrefix> {
        let addr = match addr {
            IpAddr::V4(a) if len <= 32 => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & mask(32, len) as u32)),
            IpAddr::V6(a) if len <= 128 => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & mask(128, len))),
            _ => return Err(NotAPrefix),
        };
        Ok(Self { addr, len })
    }

    /// The single address `addr`.
    pub const fn host(addr: IpAddr) -> Self {
        let len = match addr {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        Self { addr, len }
    }

    /// First address.
    pub const fn addr(self) -> IpAddr {
        self.addr
    }

    /// Length in bits.
    pub const fn len(self) -> u8 {
        self.len
    }

    /// Whether this is the whole address space of its family.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Whether this is one single address.
    pub const fn is_host(self) -> bool {
        self.len == if self.addr.is_ipv4() { 32 } else { 128 }
    }

    /// Whether `addr` lies in it.
    pub fn contains(self, addr: IpAddr) -> bool {
        Self::covering(addr, self.len).is_ok_and(|p| p == self)
    }

    /// Whether the two share an address.
    pub fn meets(self, other: Self) -> bool {
        if self.len <= other.len { self.contains(other.addr) } else { other.contains(self.addr) }
    }
}

/// The upper `len` of `width` bits, right-aligned in a `u128`.
fn mask(width: u32, len: u8) -> u128 {
    let all = if width == 128 { u128::MAX } else { (1 << width) - 1 };
    if len == 0 { 0 } else { all & !(all.checked_shr(u32::from(len)).unwrap_or(0)) }
}

impl From<IpAddr> for Prefix {
    fn from(addr: IpAddr) -> Self {
        Self::host(addr)
    }
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        match text.split_once('/') {
            None => text.parse().map(Self::host).map_err(|_| NotAPrefix),
            Some((addr, len)) => {
                let addr: IpAddr = addr.parse().map_err(|_| NotAPrefix)?;
                let prefix = Self::covering(addr, len.parse().map_err(|_| NotAPrefix)?)?;
                if prefix.addr == addr { Ok(prefix) } else { Err(NotAPrefix) }
            }
        }
    }
}

impl TryFrom<String> for Prefix {
    type Error = NotAPrefix;

    fn try_from(text: String) -> Result<Self, NotAPrefix> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() { write!(f, "{}", self.addr) } else { write!(f, "{}/{}", self.addr, self.len) }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[prefix /{}]", self.len)
    }
}
