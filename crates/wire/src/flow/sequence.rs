//! Follows the sequence numbers of one stream: what is missing, what came late, when the exporter began anew.
//!
//! NetFlow v9 counts packets (RFC 3954 section 5.1), IPFIX counts data records (RFC 7011 section 3.1). A v9 exporter
//! that started again is known by its uptime, compared with the time that passed here; an IPFIX exporter only by a
//! number far from the expected one.

use crate::flow::message::{Header, Version};

/// Records or packets that did not arrive, and between which arrivals they should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// How many are missing: packets in NetFlow v9, data records in IPFIX. `None` after a restart: unknown.
    pub missing: Option<u32>,
    /// Arrival of the last packet before the hole, microseconds since 1970 UTC.
    pub from_us: i64,
    /// Arrival of the first packet after the hole, microseconds since 1970 UTC.
    pub to_us: i64,
}

/// How a packet stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first of its stream, or its place cannot be told because the packet before it could not be counted.
    Unknown,
    /// The next one.
    Next,
    /// After a hole.
    AfterLoss,
    /// Late or repeated: older than one already seen. What was told as lost before may be this.
    Late,
    /// The exporter has started again, or its numbering has.
    Restart,
}

/// Sequence state of one stream.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    /// The number that the next packet should bear; unknown after a packet whose records could not be counted.
    expected: Option<u32>,
    number: u32,
    arrival_us: i64,
    uptime_ms: Option<u32>,
}

impl Sequence {
    /// Places a packet. Call `counted` afterwards, once its records are known.
    pub(super) fn place(&self, header: &Header, arrival_us: i64) -> (Order, Option<Loss>) {
        let Some(last) = self.last else {
            return (Order::Unknown, None);
        };
        let base = last.expected.unwrap_or(last.number);
        #[expect(clippy::cast_possible_wrap, reason = "the distance of serial numbers is signed (RFC 1982)")]
        let distance = header.sequence.wrapping_sub(base) as i32;
        if distance == 0 && last.expected.is_some() {
            return (Order::Next, None);
        }
        let hole = |missing| Loss { missing, from_us: last.arrival_us, to_us: arrival_us };
        let window = match header.version {
            Version::NetFlow9 => LATE_PACKETS,
            Version::Ipfix => LATE_RECORDS,
        };
        let broken = uptime_broken(&last, header, arrival_us);
        let soon = arrival_us.saturating_sub(last.arrival_us) <= LATE_US;
        if distance < 0 && distance >= -window && soon && !broken {
            return (Order::Late, None);
        }
        if distance < 0 || broken || distance > FARTHEST {
            return (Order::Restart, Some(hole(None)));
        }
        match last.expected {
            Some(_) => (Order::AfterLoss, Some(hole(Some(distance.unsigned_abs())))),
            None => (Order::Unknown, None),
        }
    }

    /// Remembers a packet that was placed; `records` is `None` when not all could be counted.
    pub(super) fn counted(&mut self, header: &Header, arrival_us: i64, order: Order, records: Option<u32>) {
        if order == Order::Late {
            return;
        }
        let step = match header.version {
            Version::NetFlow9 => Some(1),
            Version::Ipfix => records,
        };
        self.last = Some(Last {
            expected: step.map(|step| header.sequence.wrapping_add(step)),
            number: header.sequence,
            arrival_us,
            uptime_ms: header.uptime_ms,
        });
    }
}

/// Whether the exporter's uptime has moved otherwise than the time here.
fn uptime_broken(last: &Last, header: &Header, arrival_us: i64) -> bool {
    let (Some(before), Some(now)) = (last.uptime_ms, header.uptime_ms) else {
        return false;
    };
    let passed_ms = i64::from(now.wrapping_sub(before));
    let here_ms = arrival_us.saturating_sub(last.arrival_us) / 1000;
    // Modulo 2^32 milliseconds, as the uptime wraps.
    let off = passed_ms.saturating_sub(here_ms).rem_euclid(1 << 32);
    off.min((1 << 32) - off) > UPTIME_SLACK_MS
}

/// How many packets a late one may lie back in NetFlow v9.
const LATE_PACKETS: i32 = 256;
/// How many records a late packet may lie back in IPFIX.
const LATE_RECORDS: i32 = 16_384;
/// How much later than the packet before it a late one may arrive, in microseconds; an exporter that starts again
/// takes longer.
const LATE_US: i64 = 10_000_000;
/// A step ahead by more than this is a new numbering, not a loss.
const FARTHEST: i32 = 1 << 26;
/// Uptime and arrival may differ by this much through delay, coarse clocks and drift, in milliseconds.
const UPTIME_SLACK_MS: i64 = 120_000;
