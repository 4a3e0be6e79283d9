//! One attribute's value, from octets by its type and back to octets (RFC 8044 section 3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dictionary::Kind;

/// The value of an attribute.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Text or octets, as they are.
    Octets(Vec<u8>),
    /// An address.
    Ip(IpAddr),
    /// A prefix: address with the bits beyond the length cleared, and length in bits.
    Prefix(IpAddr, u8),
    /// An interface identifier.
    InterfaceId([u8; 8]),
    /// An unsigned number of one, two, four or eight octets.
    Unsigned(u64),
    /// A signed number.
    Signed(i32),
    /// Seconds since 1970-01-01 00:00:00 UTC.
    Date(u32),
    /// A MAC address.
    Ether([u8; 6]),
}

impl Value {
    /// Reads octets as the type says; `None` when their length or content does not fit it.
    pub fn decode(kind: Kind, octets: &[u8]) -> Option<Self> {
        let sized = |n: usize| (octets.len() == n).then_some(());
        let value = match kind {
            Kind::Ipv4 => Self::Ip(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into()),
            Kind::Ipv6 => Self::Ip(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()),
            Kind::Ip if octets.len() == 4 => return Self::decode(Kind::Ipv4, octets),
            Kind::Ip => return Self::decode(Kind::Ipv6, octets),
            Kind::Ipv4Prefix => {
                let [_, bits, address @ ..] = octets else { return None };
                let address = Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?);
                return Self::prefix(address.into(), *bits);
            }
            Kind::Ipv6Prefix => {
                let [_, bits, part @ ..] = octets else { return None };
                let mut full = [0; 16];
                full.get_mut(..part.len())?.copy_from_slice(part);
                if part.len() * 8 < usize::from(*bits) {
                    return None;
                }
                return Self::prefix(Ipv6Addr::from(full).into(), *bits);
            }
            Kind::InterfaceId => Self::InterfaceId(octets.try_into().ok()?),
            Kind::Ether => Self::Ether(octets.try_into().ok()?),
            Kind::Signed => Self::Signed(i32::from_be_bytes(octets.try_into().ok()?)),
            Kind::Date => Self::Date(u32::from_be_bytes(octets.try_into().ok()?)),
            Kind::Byte | Kind::Short | Kind::Integer | Kind::Integer64 => {
                sized(width(kind))?;
                Self::Unsigned(octets.iter().fold(0, |n, octet| (n << 8) | u64::from(*octet)))
            }
            Kind::Text
            | Kind::Octets
            | Kind::Tlv
            | Kind::VendorSpecific
            | Kind::Extended
            | Kind::LongExtended
            | Kind::ExtendedVendorSpecific => Self::Octets(octets.to_vec()),
        };
        Some(value)
    }

    /// Writes the value as the type says; `None` when the type cannot hold it.
    pub fn encode(&self, kind: Kind) -> Option<Vec<u8>> {
        let octets = match (self, kind) {
            (Self::Ip(IpAddr::V4(address)), Kind::Ipv4 | Kind::Ip) => address.octets().to_vec(),
            (Self::Ip(IpAddr::V6(address)), Kind::Ipv6 | Kind::Ip) => address.octets().to_vec(),
            (Self::Prefix(IpAddr::V4(address), bits), Kind::Ipv4Prefix) => {
                [&[0, *bits], address.octets().as_slice()].concat()
            }
            (Self::Prefix(IpAddr::V6(address), bits), Kind::Ipv6Prefix) => {
                let used = usize::from(*bits).div_ceil(8);
                [&[0, *bits], address.octets().get(..used)?].concat()
            }
            (Self::InterfaceId(id), Kind::InterfaceId) => id.to_vec(),
            (Self::Ether(address), Kind::Ether) => address.to_vec(),
            (Self::Signed(n), Kind::Signed) => n.to_be_bytes().to_vec(),
            (Self::Date(n), Kind::Date) => n.to_be_bytes().to_vec(),
            (Self::Unsigned(n), Kind::Byte | Kind::Short | Kind::Integer | Kind::Integer64) => {
                let octets = n.to_be_bytes();
                let (unused, used) = octets.split_at_checked(octets.len() - width(kind))?;
                unused.iter().all(|octet| *octet == 0).then(|| used.to_vec())?
            }
            (Self::Octets(octets), Kind::Text | Kind::Octets) => octets.clone(),
            _ => return None,
        };
        Some(octets)
    }

    /// A prefix with the bits beyond its length cleared; `None` when it is longer than an address.
    pub fn prefix(address: IpAddr, bits: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(address) => {
                let keep = u32::MAX.checked_shl(32_u32.checked_sub(bits.into())?).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & keep))
            }
            IpAddr::V6(address) => {
                let keep = u128::MAX.checked_shl(128_u32.checked_sub(bits.into())?).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & keep))
            }
        };
        Some(Self::Prefix(address, bits))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[..]")
    }
}

/// Octets of an unsigned type.
fn width(kind: Kind) -> usize {
    match kind {
        Kind::Byte => 1,
        Kind::Short => 2,
        Kind::Integer64 => 8,
        _ => 4,
    }
}
