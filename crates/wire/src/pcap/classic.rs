//! The older capture format: one header, then records.
//!
//! What comes in: the file behind its magic number. What goes out: packets. A record longer than the bound is passed
//! over; one whose length cannot be right ends the reading, for nothing marks where the next one begins.

use std::io::Read;

use super::{MAX_CAPTURED, Order, Packet, Source, Step, Stop};
use crate::Defect;

/// A file being read.
pub(super) struct Classic {
    order: Order,
    /// Fractions in a microsecond.
    fractions: u32,
    /// Octets behind each record header (8 in Kuznetzov's variant).
    extra: u64,
    link_type: u16,
}

impl Classic {
    pub(super) fn begin<R: Read>(magic: [u8; 4], source: &mut Source<R>) -> Result<Self, Stop> {
        let (order, magic) = match u32::from_be_bytes(magic) {
            big @ (MICROSECONDS | NANOSECONDS | KUZNETZOV) => (Order::Big, big),
            _ => (Order::Little, u32::from_le_bytes(magic)),
        };
        let (fractions, extra) = match magic {
            MICROSECONDS => (1, 0),
            NANOSECONDS => (1000, 0),
            KUZNETZOV => (1, 8),
            _ => return Err(Stop::broken(0, "file is neither pcap nor pcapng")),
        };
        let [_, _, _, _, link] = source.words::<5>(order)?;
        // The upper bits say how long the frame check sequence is.
        Ok(Self { order, fractions, extra, link_type: (link & 0xffff) as u16 })
    }

    pub(super) fn next<R: Read>(&mut self, source: &mut Source<R>) -> Result<Step, Stop> {
        let offset = source.offset;
        let Some(head) = source.take_or_end::<16>()? else { return Ok(Step::End) };
        let mut words = head.as_chunks::<4>().0.iter().map(|word| self.order.u32(*word));
        let mut word = || words.next().unwrap_or_default();
        let (seconds, fraction, captured, original_len) = (word(), word(), word(), word());
        if captured > MAX_BELIEVED {
            return Err(Stop::broken(offset + 8, "captured length cannot be right"));
        }
        source.skip(self.extra)?;
        if captured > MAX_CAPTURED {
            source.skip(u64::from(captured))?;
            return Ok(Step::Skipped(Defect::byte(offset + 8, "packet is longer than 256 KiB")));
        }
        let data = source.take_vec(captured as usize)?;
        let time_us = i64::from(seconds) * 1_000_000 + i64::from(fraction / self.fractions);
        let link_type = self.link_type;
        Ok(Step::Packet(Packet { offset, time_us: Some(time_us), link_type, data, original_len }))
    }
}

impl<R: Read> Source<R> {
    fn words<const N: usize>(&mut self, order: Order) -> Result<[u32; N], Stop> {
        let mut words = [0; N];
        for word in &mut words {
            *word = order.u32(self.take()?);
        }
        Ok(words)
    }
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const KUZNETZOV: u32 = 0xa1b2_cd34;

/// A longer record is taken for damage.
const MAX_BELIEVED: u32 = 16 * 1024 * 1024;
