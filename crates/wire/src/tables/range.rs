//! Prefixes and ranges of addresses as tables write them.
//!
//! What comes in: `198.51.100.7`, `2001:db8::/56`, `192.0.2.1-192.0.2.4`. What goes out: the first and last address.
//! It never corrects: host bits in a prefix, a range that runs backwards and an IPv4-mapped address are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::unprinted;

/// A prefix without host bits; a single address is one of full length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Its first address.
    pub address: IpAddr,
    /// Its length in bits.
    pub len: u8,
}

impl Prefix {
    /// A prefix, or `None` when the length does not fit or host bits are set.
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        let width = width(address);
        if len > width {
            return None;
        }
        let host = host_mask(width, len);
        (bits(address) & host == 0).then_some(Self { address, len })
    }

    /// Reads `address` or `address/length`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (parse_address(address)?, Some(parse_length(len)?)),
            None => (parse_address(text)?, None),
        };
        Self::new(address, len.unwrap_or_else(|| width(address)))
    }

    /// Its last address.
    pub fn last(self) -> IpAddr {
        let width = width(self.address);
        from_bits(width, bits(self.address) | host_mask(width, self.len))
    }
}

/// Addresses of one family from `first` to `last`, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    /// The lowest address.
    pub first: IpAddr,
    /// The highest address.
    pub last: IpAddr,
}

unprinted!(Prefix, AddressRange);

impl AddressRange {
    /// A range, or `None` when it runs backwards or mixes families.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    /// Reads an address, a prefix, or `first-last`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('-') {
            Some((first, last)) => Self::new(parse_address(first.trim())?, parse_address(last.trim())?),
            None => Prefix::parse(text).map(Self::from),
        }
    }

    /// How many addresses it holds, saturating.
    pub fn count(self) -> u128 {
        (bits(self.last) - bits(self.first)).saturating_add(1)
    }
}

impl From<Prefix> for AddressRange {
    fn from(prefix: Prefix) -> Self {
        Self { first: prefix.address, last: prefix.last() }
    }
}

/// Reads an address; an IPv4-mapped IPv6 address is refused, because two texts would mean one endpoint.
pub(crate) fn parse_address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => None,
        _ => Some(address),
    }
}

fn parse_length(text: &str) -> Option<u8> {
    if text.is_empty() || text.len() > 3 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn from_bits(width: u8, bits: u128) -> IpAddr {
    match u32::try_from(bits) {
        Ok(v4) if width == 32 => IpAddr::V4(Ipv4Addr::from_bits(v4)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

/// The bits behind a prefix of `len` in addresses of `width` bits.
fn host_mask(width: u8, len: u8) -> u128 {
    match u32::from(width.saturating_sub(len)) {
        128.. => u128::MAX,
        host => (1u128 << host) - 1,
    }
}
