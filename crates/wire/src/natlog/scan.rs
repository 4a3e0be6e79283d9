//! Bytes of a log line taken apart: numbers, addresses, ports, key-value fields.
//!
//! What comes in: slices of one line. What goes out: values and the rest of the slice. Every taker is strict: a number
//! has a bounded count of digits, an address is whole, and what follows a value is the caller's to check, so that a
//! cut value is never taken for a shorter one. Never allocates.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Endpoint;

/// Where `byte` first stands, looked for eight bytes at a time.
pub(super) fn position(s: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let wanted = ONES * u64::from(byte);
    let mut at = 0;
    let mut rest = s;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let x = u64::from_le_bytes(*chunk) ^ wanted;
        if x.wrapping_sub(ONES) & !x & (ONES << 7) != 0 {
            break;
        }
        at += 8;
        rest = tail;
    }
    rest.iter().position(|&b| b == byte).map(|i| at + i)
}

/// Where `needle` first stands in `hay`.
pub(super) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let (&first, tail) = needle.split_first()?;
    let mut from = 0;
    loop {
        let rest = hay.get(from..)?;
        let at = from + position(rest, first)?;
        if hay.get(at + 1..)?.starts_with(tail) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// What stands behind the first `needle`.
pub(super) fn after<'a>(hay: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    hay.get(find(hay, needle)? + needle.len()..)
}

/// Cuts at the first `byte`: what is before it, and what is behind it.
pub(super) fn cut(s: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = s.iter().position(|&b| b == byte)?;
    Some((s.get(..at)?, s.get(at + 1..)?))
}

/// Cuts at the last `byte`.
pub(super) fn cut_last(s: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = s.iter().rposition(|&b| b == byte)?;
    Some((s.get(..at)?, s.get(at + 1..)?))
}

/// The next word (up to a space or tab) and the rest behind it, leading blanks skipped.
pub(super) fn word(s: &[u8]) -> (&[u8], &[u8]) {
    let s = s.trim_ascii_start();
    let end = s.iter().position(|&b| b == b' ' || b == b'\t').unwrap_or(s.len());
    s.split_at(end)
}

/// Leading decimal digits as a number, at most `max` of them, and the rest; a longer run of digits is none.
pub(super) fn digits(s: &[u8], max: usize) -> Option<(u64, &[u8])> {
    let mut value: u64 = 0;
    let mut n = 0;
    for &b in s {
        if !b.is_ascii_digit() {
            break;
        }
        n += 1;
        if n > max {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(b - b'0'))?;
    }
    if n == 0 { None } else { Some((value, s.get(n..)?)) }
}

/// The whole slice as a decimal number.
pub(super) fn number(s: &[u8]) -> Option<u64> {
    match digits(s, 20)? {
        (n, []) => Some(n),
        _ => None,
    }
}

/// The whole slice as a hexadecimal number, with or without `0x`.
pub(super) fn hex(s: &[u8]) -> Option<u64> {
    let s = s.strip_prefix(b"0x").unwrap_or(s);
    if s.is_empty() || s.len() > 16 {
        return None;
    }
    let mut value: u64 = 0;
    for &b in s {
        value = (value << 4) | u64::from(char::from(b).to_digit(16)?);
    }
    Some(value)
}

/// The whole slice as a port.
pub(super) fn port(s: &[u8]) -> Option<u16> {
    match digits(s, 5)? {
        (n, []) => u16::try_from(n).ok(),
        _ => None,
    }
}

/// The whole slice as `low-high`, low not above high.
pub(super) fn port_range(s: &[u8]) -> Option<(u16, u16)> {
    let (low, high) = cut(s, b'-')?;
    let (low, high) = (port(low.trim_ascii())?, port(high.trim_ascii())?);
    (low <= high).then_some((low, high))
}

/// The whole slice as an address.
pub(super) fn addr(s: &[u8]) -> Option<IpAddr> {
    match v4(s) {
        Some(a) => Some(IpAddr::V4(a)),
        None if s.contains(&b':') && s.len() <= 45 => {
            std::str::from_utf8(s).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        None => None,
    }
}

/// `address:port`, `address/port` or `[v6]:port`, by the separator given.
pub(super) fn endpoint(s: &[u8], separator: u8) -> Option<Endpoint> {
    let (a, p) = cut_last(s, separator)?;
    let a = a.strip_prefix(b"[").and_then(|x| x.strip_suffix(b"]")).unwrap_or(a);
    Some(Endpoint { addr: addr(a)?, port: Some(port(p)?) })
}

/// `address` alone or with a port behind the separator. A bare IPv6 address is taken whole.
pub(super) fn endpoint_or_addr(s: &[u8], separator: u8) -> Option<Endpoint> {
    match addr(s) {
        Some(addr) => Some(Endpoint { addr, port: None }),
        None => endpoint(s, separator),
    }
}

/// Protocol number by number or by name, in either case.
pub(super) fn proto(s: &[u8]) -> Option<u8> {
    if let Some(n) = number(s) {
        return u8::try_from(n).ok();
    }
    PROTOCOLS.iter().find(|(name, _)| s.eq_ignore_ascii_case(name)).map(|&(_, n)| n)
}

/// Fields `key=value` parted by blanks; a value may stand in double quotes and then hold blanks and `\"`.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    separator: u8,
}

impl<'a> Fields<'a> {
    /// Over a text whose fields are parted by blanks.
    pub(super) fn blanks(text: &'a [u8]) -> Self {
        Self { rest: text, separator: b' ' }
    }

    /// Over a text whose fields are parted by commas.
    pub(super) fn commas(text: &'a [u8]) -> Self {
        Self { rest: text, separator: b',' }
    }
}

impl<'a> Iterator for Fields<'a> {
    /// Key and value; a word without `=` has the whole word as key and no value. A quoted value that is not closed
    /// has no value and ends the fields.
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let s = self.rest.trim_ascii_start();
        let s = if self.separator == b',' { s.strip_prefix(b",").unwrap_or(s).trim_ascii_start() } else { s };
        if s.is_empty() {
            self.rest = s;
            return None;
        }
        let stop = s.iter().position(|&b| b == b'=' || b == self.separator).unwrap_or(s.len());
        let (key, rest) = s.split_at(stop);
        let Some(value) = rest.strip_prefix(b"=") else {
            self.rest = rest.get(1..).unwrap_or_default();
            return Some((key, None));
        };
        if let Some(quoted) = value.strip_prefix(b"\"") {
            let mut escaped = false;
            for (i, &b) in quoted.iter().enumerate() {
                match b {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => {
                        self.rest = quoted.get(i + 1..).unwrap_or_default();
                        return Some((key, quoted.get(..i)));
                    }
                    _ => {}
                }
            }
            self.rest = &[];
            return Some((key, None));
        }
        let end = value.iter().position(|&b| b == self.separator).unwrap_or(value.len());
        let (value, rest) = value.split_at(end);
        self.rest = rest;
        Some((key, Some(value)))
    }
}

fn v4(s: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut value: u32 = 0;
    let (mut n, mut len) = (0usize, 0usize);
    for &b in s {
        match b {
            b'0'..=b'9' => {
                value = value * 10 + u32::from(b - b'0');
                len += 1;
                if len > 3 || value > 255 {
                    return None;
                }
            }
            b'.' if len > 0 => {
                *octets.get_mut(n)? = u8::try_from(value).ok()?;
                n += 1;
                (value, len) = (0, 0);
            }
            _ => return None,
        }
    }
    if n != 3 || len == 0 {
        return None;
    }
    *octets.last_mut()? = u8::try_from(value).ok()?;
    Some(Ipv4Addr::from(octets))
}

/// Names that the dialects use, with the numbers of the IANA protocol registry.
const PROTOCOLS: [(&[u8], u8); 14] = [
    (b"tcp", 6),
    (b"udp", 17),
    (b"icmp", 1),
    (b"icmpv6", 58),
    (b"ipv6-icmp", 58),
    (b"icmp6", 58),
    (b"gre", 47),
    (b"esp", 50),
    (b"ah", 51),
    (b"sctp", 132),
    (b"udplite", 136),
    (b"dccp", 33),
    (b"ipv6", 41),
    (b"igmp", 2),
];
