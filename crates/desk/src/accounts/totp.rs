//! One-time codes of the time (RFC 6238 over RFC 4226): HMAC-SHA-1, steps of 30 s, six digits, as authenticators have them.
//!
//! What comes in: a secret and an instant. What goes out: whether a code fits, and in which step. It remembers nothing:
//! that no step is taken twice is the account's to see to.

use aws_lc_rs::hmac;

/// The step of time of an instant, seconds since 1970.
pub const fn step_of(unix_s: u64) -> u64 {
    unix_s / STEP_S
}

/// The step whose code this is: the present one, the one before or the one after, and later than `used`.
pub fn fitting_step(secret: &[u8], code: &str, now_step: u64, used: u64) -> Option<u64> {
    let code = code.trim();
    if code.len() != DIGITS || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let near = now_step.saturating_sub(1)..=now_step.saturating_add(1);
    let mut found = None;
    for step in near {
        let right = self::code(secret, step);
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(right.as_bytes(), code.as_bytes());
        if same.is_ok() && step > used {
            found = Some(step);
        }
    }
    found
}

/// The code of a step.
pub fn code(secret: &[u8], step: u64) -> String {
    format!("{:0DIGITS$}", value(secret, step) % 1_000_000)
}

/// The truncated HMAC of a step, 31 bits (RFC 4226, 5.3).
fn value(secret: &[u8], step: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
    let four = bytes.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
    u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff
}

/// Bytes in base32 without padding (RFC 4648, 6), as authenticators take secrets.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter((held >> bits) & 31));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(letter((held << (5 - bits)) & 31));
    }
    text
}

/// The bytes that base32 stands for; `None` where it holds anything else.
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(text.len() * 5 / 8), 0u32, 0u32);
    for c in text.bytes() {
        let at = ALPHABET.iter().position(|letter| *letter == c.to_ascii_uppercase())?;
        held = (held << 5) | u32::try_from(at).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
        held &= (1 << bits) - 1;
    }
    Some(bytes)
}

fn letter(place: u32) -> char {
    let place = usize::try_from(place).unwrap_or_default();
    ALPHABET.get(place).copied().map_or('A', char::from)
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Length of a step, seconds.
const STEP_S: u64 = 30;

/// Digits of a code.
const DIGITS: usize = 6;

#[cfg(test)]
mod tests;
