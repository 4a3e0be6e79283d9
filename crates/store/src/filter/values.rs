//! Numbers, comparisons and addresses as a filter writes them.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

#[derive(Clone, Copy)]
pub(super) enum Comparison {
    Equal,
    Less,
    Greater,
    AtMost,
    AtLeast,
}

impl Comparison {
    /// Where a number lies that compares so with `value`; empty when none does.
    pub(super) fn ranges(self, value: u64) -> Vec<RangeInclusive<u64>> {
        let range = match self {
            Self::Equal => Some(value..=value),
            Self::Less => value.checked_sub(1).map(|last| 0..=last),
            Self::Greater => value.checked_add(1).map(|first| first..=u64::MAX),
            Self::AtMost => Some(0..=value),
            Self::AtLeast => Some(value..=u64::MAX),
        };
        range.into_iter().collect()
    }
}

/// A number, decimal or hexadecimal, or with k, m, g or t behind it.
pub(super) fn scaled(word: &str) -> Option<u64> {
    if let Some(hex) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(hex, 16).ok())?;
    }
    let (digits, scale) = match word.chars().next_back()?.to_ascii_lowercase() {
        'k' => (word.get(..word.len() - 1)?, 1000),
        'm' => (word.get(..word.len() - 1)?, 1_000_000),
        'g' => (word.get(..word.len() - 1)?, 1_000_000_000),
        't' => (word.get(..word.len() - 1)?, 1_000_000_000_000),
        _ => (word, 1),
    };
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(scale))?
}

pub(super) fn mac(word: &str) -> Option<u64> {
    let mut octets = word.split([':', '-']);
    let mut value = 0;
    for _ in 0..6 {
        let octet = octets.next().filter(|octet| !octet.starts_with('+'))?;
        value = value << 8 | u64::from(u8::from_str_radix(octet, 16).ok()?);
    }
    octets.next().is_none().then_some(value)
}

pub(super) fn direction(word: &str) -> Option<u64> {
    match () {
        () if word.eq_ignore_ascii_case("ingress") => Some(0),
        () if word.eq_ignore_ascii_case("egress") => Some(1),
        () => None,
    }
}

pub(super) fn flag_bits(word: &str) -> Option<u8> {
    word.chars().try_fold(0, |bits, letter| {
        let bit = match letter.to_ascii_uppercase() {
            'F' => 1,
            'S' => 2,
            'R' => 4,
            'P' => 8,
            'A' => 16,
            'U' => 32,
            'X' => 63,
            _ => return None,
        };
        Some(bits | bit)
    })
}

pub(super) fn is_comparison(word: &str) -> bool {
    ["in", "eq", "lt", "gt", "le", "ge"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The first octets of an IPv4 address, and how many bits they are.
pub(super) fn partial(word: &str) -> Option<(IpAddr, u8)> {
    let octets: Vec<u8> = word.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let bits = u8::try_from(octets.len() * 8).ok().filter(|bits| *bits <= 32)?;
    let value =
        octets.iter().zip([24, 16, 8, 0]).fold(0, |value, (octet, shift)| value | u32::from(*octet) << shift);
    Some((Ipv4Addr::from_bits(value).into(), bits))
}

pub(super) fn looks_like_address(word: &str) -> bool {
    word.contains(':') || word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

pub(super) fn width(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}
