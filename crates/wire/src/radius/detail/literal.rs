//! A value as a detail file prints it: quoted text with escapes, `0x` octets, or a bare word.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dictionary::Kind;
use crate::radius::Value;

/// A value before its type is known.
#[derive(Clone)]
pub(super) enum Literal {
    /// What stood in quotes, escapes resolved.
    Quoted(Vec<u8>),
    /// `0x…`: the word itself, and the octets it stands for.
    Hex { word: Vec<u8>, octets: Vec<u8> },
    /// Anything else.
    Word(Vec<u8>),
}

impl Literal {
    /// Reads a value; the error says what is wrong with it.
    pub(super) fn parse(value: &[u8]) -> Result<Self, &'static str> {
        if let [quote @ (b'"' | b'\''), rest @ ..] = value {
            return unquote(*quote, rest).map(Self::Quoted);
        }
        match value.strip_prefix(b"0x").or_else(|| value.strip_prefix(b"0X")).and_then(hex) {
            Some(octets) => Ok(Self::Hex { word: value.to_vec(), octets }),
            None => Ok(Self::Word(value.to_vec())),
        }
    }

    pub(super) fn is_hex(&self) -> bool {
        matches!(self, Self::Hex { .. })
    }

    /// What stands there, without quotes.
    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::Quoted(octets) | Self::Word(octets) => octets,
            Self::Hex { octets, .. } => octets,
        }
    }

    /// The value by its type; `None` when it is not one. `number` gives the number behind a name.
    pub(super) fn value(
        &self,
        kind: Kind,
        numbered: bool,
        number: &dyn Fn(&str) -> Option<u64>,
    ) -> Option<Value> {
        let octets = match self {
            // Raw octets: of an attribute told by its number, or of a type that has no other form.
            Self::Hex { octets, .. } if numbered || kind == Kind::Octets => {
                return Value::decode(kind, octets);
            }
            Self::Hex { word, octets } => match kind {
                Kind::Text => return Some(Value::Octets(word.clone())),
                _ => return Value::decode(kind, octets),
            },
            Self::Quoted(octets) | Self::Word(octets) => octets,
        };
        if kind == Kind::Octets && matches!(self, Self::Word(word) if word.starts_with(b"0x")) {
            return None;
        }
        if matches!(kind, Kind::Text | Kind::Octets) {
            return Some(Value::Octets(octets.clone()));
        }
        let text = std::str::from_utf8(octets).ok()?.trim();
        match kind {
            Kind::Ipv4 => text.parse::<Ipv4Addr>().ok().map(|address| Value::Ip(address.into())),
            Kind::Ipv6 => text.parse::<Ipv6Addr>().ok().map(|address| Value::Ip(address.into())),
            Kind::Ip => text.parse::<IpAddr>().ok().map(Value::Ip),
            Kind::Ipv4Prefix | Kind::Ipv6Prefix => {
                let (address, bits) = text.split_once('/')?;
                let address: IpAddr = address.parse().ok()?;
                let bits = Some(bits).filter(|bits| digits(bits))?.parse().ok()?;
                Value::prefix(address, bits).filter(|_| address.is_ipv4() == (kind == Kind::Ipv4Prefix))
            }
            Kind::Byte | Kind::Short | Kind::Integer | Kind::Integer64 => {
                let number = if digits(text) { text.parse().ok() } else { number(text) };
                number.map(Value::Unsigned)
            }
            Kind::Signed => text.parse().ok().map(Value::Signed),
            Kind::InterfaceId => interface_id(text).map(Value::InterfaceId),
            _ => None,
        }
    }
}

/// What stands before the closing quote; nothing but blanks may follow it.
fn unquote(quote: u8, text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [] => return Err("lacks its closing quote"),
            [octet, behind @ ..] if *octet == quote => {
                return if behind.trim_ascii().is_empty() {
                    Ok(out)
                } else {
                    Err("goes on behind its closing quote")
                };
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', behind @ ..] => {
                out.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                rest = behind;
            }
            [b'\\', b'x', a, b, behind @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.extend(hex(&[*a, *b]).unwrap_or_default());
                rest = behind;
            }
            [b'\\', escaped, behind @ ..] => {
                match escaped {
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    b'\\' | b'"' | b'\'' => out.push(*escaped),
                    // Not an escape: the backslash is the value's own.
                    other => out.extend([b'\\', *other]),
                }
                rest = behind;
            }
            [octet, behind @ ..] => {
                out.push(*octet);
                rest = behind;
            }
        }
    }
}

/// The octets behind pairs of hexadecimal digits.
fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some((nibble(high)? << 4) | nibble(low)?)).collect()
}

/// Four groups of up to four hexadecimal digits.
fn interface_id(text: &str) -> Option<[u8; 8]> {
    let groups: Vec<u16> = text
        .split(':')
        .map(|group| u16::from_str_radix(group, 16).ok().filter(|_| (1..=4).contains(&group.len())))
        .collect::<Option<_>>()?;
    let groups: [u16; 4] = groups.try_into().ok()?;
    groups.map(u16::to_be_bytes).concat().try_into().ok()
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}
