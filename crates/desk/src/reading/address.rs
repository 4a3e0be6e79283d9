//! Addresses and ports as complaints write them.

use std::net::{IpAddr, Ipv6Addr};

use tadoru_model::{Endpoint, Protocol};

/// Why a text is not read as an endpoint. No text of it holds the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Neither IPv4 nor IPv6.
    #[error("not an IPv4 or IPv6 address")]
    NotAnAddress,
    /// `192.0.02.1`: some programs read such a number as octal.
    #[error("a number of the address begins with 0, which some programs read as octal; write it without")]
    LeadingZero,
    /// Not 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// A prefix where one address is wanted.
    #[error("a prefix, not one address")]
    Prefix,
    /// `fe80::1%eth0`: means something on one machine only.
    #[error("a link-local zone (`%…`) means something on one machine only")]
    Zone,
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; also full-width digits and the `[.]` and
/// `hxxp`-like masking of complaints. An IPv4-mapped IPv6 address is the IPv4 address.
///
/// # Errors
/// When the text is no single endpoint.
pub fn read_endpoint(text: &str) -> Result<Endpoint, AddressFault> {
    let text: String =
        text.trim().chars().map(narrow).collect::<String>().replace("[.]", ".").replace("[:]", ":");
    if text.contains('%') {
        return Err(AddressFault::Zone);
    }
    if text.contains('/') {
        return Err(AddressFault::Prefix);
    }
    let (addr, port) = if let Some(rest) = text.strip_prefix('[') {
        let (addr, port) = rest.split_once(']').ok_or(AddressFault::NotAnAddress)?;
        (addr, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(AddressFault::Port)?) })
    } else if text.matches(':').count() == 1 {
        let (addr, port) = text.split_once(':').ok_or(AddressFault::NotAnAddress)?;
        (addr, Some(port))
    } else {
        (text.as_str(), None)
    };
    if !addr.contains(':') && addr.split('.').any(|n| n.len() > 1 && n.starts_with('0')) {
        return Err(AddressFault::LeadingZero);
    }
    let addr: IpAddr = addr.parse().map_err(|_| AddressFault::NotAnAddress)?;
    let addr = match addr {
        IpAddr::V6(v6) => unmapped(v6),
        v4 @ IpAddr::V4(_) => v4,
    };
    let port = port.map(read_port).transpose()?;
    Ok(Endpoint { addr, port, proto: Protocol::ANY })
}

/// Reads a port.
///
/// # Errors
/// When it is not a plain number from 1 to 65535.
pub fn read_port(text: &str) -> Result<u16, AddressFault> {
    let text: String = text.trim().chars().map(narrow).collect();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressFault::Port);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or(AddressFault::Port)
}

fn unmapped(addr: Ipv6Addr) -> IpAddr {
    addr.to_ipv4_mapped().map_or(IpAddr::V6(addr), IpAddr::V4)
}

/// The ASCII form of a full-width character (U+FF01 to U+FF5E), as Japanese input methods leave them.
pub(super) fn narrow(c: char) -> char {
    match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        0x3000 => ' ',
        _ => c,
    }
}

#[cfg(test)]
mod tests;
