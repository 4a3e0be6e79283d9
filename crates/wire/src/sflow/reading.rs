//! The data representation of sFlow (XDR, RFC 4506): numbers of four octets, big-endian, and structures with their
//! length in front.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A piece of a datagram, read from the front.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of `rest` in the datagram.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, at: 0 }
    }

    pub(super) fn offset(&self) -> u64 {
        self.at as u64
    }

    /// Whether nothing but zeros is left.
    pub(super) fn is_filling(&self) -> bool {
        self.rest.iter().all(|octet| *octet == 0)
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        (self.rest, self.at) = (rest, self.at + len);
        Some(taken)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// The low half of a number that has no more.
    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::try_from(self.u32()?).unwrap_or_default())
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(u8::try_from(self.u32()?).unwrap_or_default())
    }

    /// A MAC address: six octets and two of filling.
    pub(super) fn mac(&mut self) -> Option<u64> {
        let octets: [u8; 8] = self.take(8)?.try_into().ok()?;
        Some(u64::from_be_bytes(octets) >> 16)
    }

    /// An address with its type in front; `None` inside for one that is not known.
    pub(super) fn address(&mut self) -> Option<Option<IpAddr>> {
        match self.u32()? {
            0 => Some(None),
            1 => {
                let octets: [u8; 4] = self.take(4)?.try_into().ok()?;
                Some(Some(IpAddr::V4(Ipv4Addr::from(octets))).filter(|address| !address.is_unspecified()))
            }
            2 => {
                let octets: [u8; 16] = self.take(16)?.try_into().ok()?;
                Some(Some(IpAddr::V6(Ipv6Addr::from(octets))).filter(|address| !address.is_unspecified()))
            }
            _ => None,
        }
    }

    /// Octets with their number in front.
    pub(super) fn opaque(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        self.take(len)
    }

    /// A structure: its format, and what is in it.
    pub(super) fn structure(&mut self) -> Option<(u32, Self)> {
        let format = self.u32()?;
        let len = usize::try_from(self.u32()?).ok()?;
        let at = self.at;
        let rest = self.take(len)?;
        Some((format, Self { rest, at }))
    }
}
