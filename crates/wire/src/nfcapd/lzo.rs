//! LZO1X streams, as minilzo writes them (described in Linux, `Documentation/staging/lzo.rst`).

/// What `packed` stands for, `None` when it is broken or longer than `limit` octets.
pub(super) fn decompress(mut packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(packed.len().saturating_mul(4).min(limit));
    // Literals that the last instruction brought; 4 stands for more than three.
    let mut state = 0;
    if let Some(first) = packed.first().filter(|first| **first > 17) {
        let len = usize::from(first - 17);
        packed.split_off_first()?;
        literals(&mut packed, &mut out, len, limit)?;
        state = len.min(4);
    }
    loop {
        let octet = usize::from(*packed.split_off_first()?);
        let (distance, len) = match octet {
            0..16 if state == 0 => {
                let len = length(&mut packed, octet, 15)?.checked_add(3)?;
                literals(&mut packed, &mut out, len, limit)?;
                state = 4;
                continue;
            }
            0..16 => {
                let far = usize::from(*packed.split_off_first()?) << 2;
                let near = octet >> 2;
                let found = if state == 4 { (far + near + 2049, 3) } else { (far + near + 1, 2) };
                state = octet & 3;
                found
            }
            16..32 => {
                let len = length(&mut packed, octet & 7, 7)?.checked_add(2)?;
                let pair = pair(&mut packed)?;
                let distance = (octet & 8) << 11 | pair >> 2;
                if distance == 0 {
                    return Some(out);
                }
                state = pair & 3;
                (distance + 16384, len)
            }
            32..64 => {
                let len = length(&mut packed, octet & 31, 31)?.checked_add(2)?;
                let pair = pair(&mut packed)?;
                state = pair & 3;
                ((pair >> 2) + 1, len)
            }
            _ => {
                let far = usize::from(*packed.split_off_first()?) << 3;
                state = octet & 3;
                (far + (octet >> 2 & 7) + 1, (octet >> 5) + 1)
            }
        };
        super::repeat(&mut out, distance, len, limit)?;
        literals(&mut packed, &mut out, state, limit)?;
    }
}

fn literals(packed: &mut &[u8], out: &mut Vec<u8>, len: usize, limit: usize) -> Option<()> {
    let octets = packed.split_off(..len)?;
    (len <= limit - out.len()).then(|| out.extend_from_slice(octets))
}

/// `short`, or when it is 0, `most` and what the octets behind add to it.
fn length(packed: &mut &[u8], short: usize, most: usize) -> Option<usize> {
    if short != 0 {
        return Some(short);
    }
    let mut len = most;
    loop {
        match *packed.split_off_first()? {
            0 => len = len.checked_add(255)?,
            last => return len.checked_add(last.into()),
        }
    }
}

fn pair(packed: &mut &[u8]) -> Option<usize> {
    Some(u16::from_le_bytes([*packed.split_off_first()?, *packed.split_off_first()?]).into())
}
