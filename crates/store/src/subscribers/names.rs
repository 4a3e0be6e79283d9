//! The one spelling of a line's name: two spellings are the same name when, and only when, this says so.
//!
//! What comes in: names as records and directories spell them. What goes out: their canonical form, or nothing for a
//! name that says nothing. Nothing else in the program compares names of lines.
//!
//! * Hardware address: lower-case pairs with colons, from colons, hyphens, Cisco's dotted triples or bare digits.
//!   One of another length than Ethernet's is as given, in lower case.
//! * Calling-Station-Id: a hardware address where it reads as one (RFC 3580, 3.21), and then the same name as one;
//!   else, and where it is decimal digits only (a telephone number), as given.
//! * Circuit id, remote id, DUID, client id: lower-case hexadecimal without separators; what is not hexadecimal is the
//!   text's own octets.
//! * Login: the part after the last `@` in lower case (a realm is compared without case, RFC 7542, 2.4), the rest as
//!   given: whether `Alice` and `alice` are one account only the operator's server knows, and a wrong person is worse
//!   than none.
//! * IMSI: digits only.
//! * Softwire and inside address: one kind of name, a prefix in canonical form (RFC 5952).
//! * Contract id, class, customer and seat: as given. White space around a name is never part of it.

use std::net::IpAddr;

use tadoru_model::{Identity, IdentityKind, Prefix};

#[cfg(test)]
mod tests;

/// A name in its one spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Canonical {
    /// A text, compared whole.
    Text(IdentityKind, String),
    /// A prefix: it names every address inside.
    Net(Prefix),
}

impl std::fmt::Debug for Canonical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[canonical name]")
    }
}

/// The canonical form of `name`; `None` when it says nothing (empty, all zero, not of its kind, too long).
pub fn canonical(name: &Identity) -> Option<Canonical> {
    let text = name.value.trim();
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        return None;
    }
    match name.kind {
        IdentityKind::HardwareAddress => match mac(text) {
            Some(octets) => hardware(&octets),
            None => Some(Canonical::Text(name.kind, text.to_ascii_lowercase())),
        },
        IdentityKind::CallingStation => match mac(text) {
            Some(octets) if !text.bytes().all(|b| b.is_ascii_digit()) => hardware(&octets),
            _ => Some(Canonical::Text(name.kind, text.to_owned())),
        },
        IdentityKind::CircuitId | IdentityKind::RemoteId | IdentityKind::Duid | IdentityKind::ClientId => {
            Some(Canonical::Text(name.kind, octets(text)))
        }
        IdentityKind::Login => Some(Canonical::Text(name.kind, login(text))),
        IdentityKind::Imsi => {
            let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
            let fits = (6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            fits.then_some(Canonical::Text(name.kind, digits))
        }
        IdentityKind::Softwire | IdentityKind::InsideAddress => net(text).map(Canonical::Net),
        IdentityKind::Contract | IdentityKind::Class | IdentityKind::VenueCustomer | IdentityKind::Seat => {
            Some(Canonical::Text(name.kind, text.to_owned()))
        }
    }
}

/// The prefix in `text`, unless it is everybody's or nobody's; an IPv4 address in IPv6 clothes (`::ffff:0:0/96`) is
/// the IPv4 address.
fn net(text: &str) -> Option<Prefix> {
    let prefix: Prefix = text.parse().ok()?;
    if prefix.is_empty() || prefix.addr().is_unspecified() {
        return None;
    }
    match prefix.addr() {
        IpAddr::V6(addr) if prefix.is_host() => Some(Prefix::host(IpAddr::V6(addr).to_canonical())),
        _ => Some(prefix),
    }
}

fn login(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((user, realm)) => format!("{user}@{}", realm.to_lowercase()),
        None => text.to_owned(),
    }
}

/// The address, unless it is one that any device may send: all zero, or broadcast.
fn hardware(octets: &[u8; 6]) -> Option<Canonical> {
    if *octets == [0; 6] || *octets == [0xff; 6] {
        return None;
    }
    let [a, b, c, d, e, f] = octets;
    let text = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    Some(Canonical::Text(IdentityKind::HardwareAddress, text))
}

/// Six octets as `02:00:5e:10:00:01`, with `-` for `:`, as dotted triples, or bare.
fn mac(text: &str) -> Option<[u8; 6]> {
    let every = |step: usize, mark: u8| {
        text.bytes().enumerate().all(|(at, b)| (at % step == step - 1) == (b == mark))
    };
    let form_fits = match text.len() {
        17 => every(3, b':') || every(3, b'-'),
        14 => every(5, b'.'),
        12 => true,
        _ => false,
    };
    if !form_fits {
        return None;
    }
    let digits: String = text.chars().filter(|mark| !matches!(mark, ':' | '-' | '.')).collect();
    pairs(&digits)?.try_into().ok()
}

/// Octets as lower-case hexadecimal; `0x`, colons and hyphens between pairs are taken off, `0:1` is read as `0001`.
fn octets(text: &str) -> String {
    let bare = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let parts: Option<Vec<u8>> =
        if bare.contains([':', '-']) { bare.split([':', '-']).map(octet).collect() } else { pairs(bare) };
    let octets = parts.unwrap_or_else(|| text.as_bytes().to_vec());
    let mut hex = String::with_capacity(octets.len() * 2);
    for octet in octets {
        hex.extend(char::from_digit(u32::from(octet >> 4), 16));
        hex.extend(char::from_digit(u32::from(octet & 15), 16));
    }
    hex
}

fn octet(digits: &str) -> Option<u8> {
    let fits = matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { u8::from_str_radix(digits, 16).ok() } else { None }
}

fn pairs(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let mut octets = Vec::with_capacity(digits.len() / 2);
    for at in (0..digits.len()).step_by(2) {
        octets.push(octet(digits.get(at..at + 2)?)?);
    }
    Some(octets)
}

/// Longest name that is taken for one, in bytes: RADIUS attributes and DHCP options end at 255, hexadecimal doubles.
pub const MAX_NAME_BYTES: usize = 1024;
