//! LZ4 blocks (LZ4 block format, lz4.org).

/// What `packed` stands for, `None` when it is broken or longer than `limit` octets.
pub(super) fn decompress(mut packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(packed.len().saturating_mul(4).min(limit));
    loop {
        let token = *packed.split_off_first()?;
        let literals = length(&mut packed, token >> 4)?;
        let literals = packed.split_off(..literals)?;
        if literals.len() > limit - out.len() {
            return None;
        }
        out.extend_from_slice(literals);
        if packed.is_empty() {
            return Some(out);
        }
        let distance = u16::from_le_bytes([*packed.split_off_first()?, *packed.split_off_first()?]);
        let len = length(&mut packed, token & 15)?.checked_add(4)?;
        super::repeat(&mut out, distance.into(), len, limit)?;
    }
}

fn length(packed: &mut &[u8], nibble: u8) -> Option<usize> {
    let mut len = usize::from(nibble);
    let mut more = nibble == 15;
    while more {
        let octet = *packed.split_off_first()?;
        len = len.checked_add(octet.into())?;
        more = octet == 255;
    }
    Some(len)
}
