//! How records of the spool and a decoder's memory are laid out: parts behind their lengths, numbers in network order.
//!
//! Whatever is read is taken from the octets that are there: nothing is allocated by a length that nobody has checked.

use tadoru_model::Prefix;

/// A part behind its length.
pub(crate) fn put(out: &mut Vec<u8>, part: &[u8]) {
    // INVARIANT: parts are names, addresses and octets that a receiver has bounded below 4 GiB.
    out.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(part);
}

pub(crate) fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, behind) = rest.split_first_chunk()?;
    let (part, behind) = behind.split_at_checked(u32::from_be_bytes(*len).try_into().ok()?)?;
    *rest = behind;
    Some(part)
}

/// A number of eight octets.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend(number.to_be_bytes());
}

pub(crate) fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u64::from_be_bytes(*number))
}

pub(crate) fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take(rest)?).ok()
}

pub(crate) fn put_prefixes(out: &mut Vec<u8>, prefixes: &[Prefix]) {
    put_number(out, prefixes.len() as u64);
    prefixes.iter().for_each(|prefix| put(out, prefix.to_string().as_bytes()));
}

pub(crate) fn take_prefixes(rest: &mut &[u8]) -> Option<Vec<Prefix>> {
    (0..take_number(rest)?).map(|_| take_text(rest)?.parse().ok()).collect()
}
