//! Follows the sequence numbers of one stream: what is missing, what came late, when the exporter began anew.
//!
//! NetFlow v5 counts flows, v9 counts packets (RFC 3954 section 5.1), IPFIX counts data records (RFC 7011 section
//! 3.1); some exporters of records put the number behind their own packet, which shows by every packet fitting so. A v5
//! or v9 exporter that started again is known by its uptime, compared with the time that passed here; an IPFIX exporter only by a
//! number far from the expected one.

use crate::flow::message::{Header, Version};

/// Records or packets that did not arrive, and between which arrivals they should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// How many are missing: packets in NetFlow v9, flows in v5, data records in IPFIX. `None` after a restart: unknown.
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
    pub last: Option<Last>,
    /// Packets that fit only a number that stands before their records.
    before: u32,
    /// Packets that fit only a number that stands behind them.
    behind: u32,
}

/// The last packet that was not late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Last {
    /// The number that the next packet should bear; unknown after a packet whose records could not be counted.
    pub expected: Option<u32>,
    pub number: u32,
    pub arrival_us: i64,
    pub export_us: i64,
    pub uptime_ms: Option<u32>,
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
            Version::NetFlow5 | Version::Ipfix => LATE_RECORDS,
        };
        let broken = boot_moved(&last, header, arrival_us);
        let soon = arrival_us.saturating_sub(last.arrival_us) <= LATE_US;
        if distance < 0 && soon && !broken && (distance >= -window || older(&last, header)) {
            return (Order::Late, None);
        }
        // An uptime that goes on tells that the exporter did not start again, however far the numbers are.
        let goes_on = !broken && header.uptime_ms.is_some();
        if distance < 0 || broken || (distance > FARTHEST && !goes_on) {
            return (Order::Restart, Some(hole(None)));
        }
        match last.expected {
            Some(_) => {
                let missing = (distance <= FARTHEST).then_some(distance.unsigned_abs());
                (Order::AfterLoss, Some(hole(missing)))
            }
            None => (Order::Unknown, None),
        }
    }

    /// Remembers a packet that was placed; `records` is `None` when not all could be counted, `flows` leaves out those
    /// of options. Gives its place and loss again, as they are now that its records are known.
    pub(super) fn counted(
        &mut self,
        header: &Header,
        arrival_us: i64,
        placed: (Order, Option<Loss>),
        records: Option<u32>,
        flows: u32,
    ) -> (Order, Option<Loss>) {
        let (order, loss) = self.again(header, arrival_us, placed, records, flows);
        if order == Order::Late {
            return (order, loss);
        }
        let step = match header.version {
            Version::NetFlow9 => Some(1),
            Version::NetFlow5 | Version::Ipfix => records,
        };
        self.last = Some(Last {
            expected: step.map(|step| header.sequence.wrapping_add(step)),
            number: header.sequence,
            arrival_us,
            export_us: header.export_us,
            uptime_ms: header.uptime_ms,
        });
        (order, loss)
    }

    /// Looks whether the number of a packet of records stands behind them rather than before.
    fn again(
        &mut self,
        header: &Header,
        arrival_us: i64,
        placed: (Order, Option<Loss>),
        records: Option<u32>,
        flows: u32,
    ) -> (Order, Option<Loss>) {
        let Some(last) = self.last.filter(|_| header.version != Version::NetFlow9) else { return placed };
        if placed.0 == Order::Restart {
            (self.before, self.behind) = (0, 0);
            return placed;
        }
        let step = header.sequence.wrapping_sub(last.number);
        let fits_behind = step != 0 && (step == flows || Some(step) == records);
        let fits_before = last.expected == Some(header.sequence);
        match (fits_before, fits_behind) {
            (true, false) => self.before = self.before.saturating_add(1),
            (false, true) if self.before == 0 => {
                self.behind = self.behind.saturating_add(1);
                return (Order::Next, None);
            }
            (false, false) if self.behind > 1 && self.before == 0 && step > flows && step < FARTHEST_STEP => {
                let missing = Some(step - flows);
                let hole = Loss { missing, from_us: last.arrival_us, to_us: arrival_us };
                return (Order::AfterLoss, Some(hole));
            }
            _ => {}
        }
        placed
    }
}

/// Sequence state of an sFlow agent, which counts datagrams and tells its uptime as NetFlow v9 does.
#[derive(Debug, Default)]
pub(crate) struct SampleSequence(Sequence);

impl SampleSequence {
    /// The last datagram that was not late.
    pub(crate) fn last(&self) -> Option<Last> {
        self.0.last
    }

    /// Goes on behind that datagram.
    pub(crate) fn behind(last: Option<Last>) -> Self {
        Self(Sequence { last, ..Sequence::default() })
    }

    /// Places a datagram and remembers it.
    pub(crate) fn place(&mut self, number: u32, uptime_ms: u32, arrival_us: i64) -> (Order, Option<Loss>) {
        let header = Header {
            version: Version::NetFlow9,
            export_us: arrival_us,
            uptime_ms: Some(uptime_ms),
            sequence: number,
            domain: 0,
            len: 0,
            end: 0,
        };
        let (order, loss) = self.0.place(&header, arrival_us);
        self.0.counted(&header, arrival_us, (order, loss), None, 0)
    }
}

/// Whether the exporter's start has moved behind the last packet: its uptime otherwise than the time here, otherwise
/// than its own clock, which may have been set, and to less than has passed since.
fn boot_moved(last: &Last, header: &Header, arrival_us: i64) -> bool {
    let (Some(before), Some(now)) = (last.uptime_ms, header.uptime_ms) else {
        return false;
    };
    let passed_ms = i64::from(now.wrapping_sub(before));
    let moved = |from_us: i64, to_us: i64| {
        let here_ms = to_us.saturating_sub(from_us) / 1000;
        // Modulo 2^32 milliseconds, as the uptime wraps.
        let off = passed_ms.saturating_sub(here_ms).rem_euclid(1 << 32);
        off.min((1 << 32) - off) > UPTIME_SLACK_MS
    };
    let gap_ms = arrival_us.saturating_sub(last.arrival_us) / 1000;
    let fresh = i64::from(now) <= gap_ms.saturating_add(UPTIME_SLACK_MS);
    fresh && moved(last.arrival_us, arrival_us) && moved(last.export_us, header.export_us)
}

/// Whether a packet was sent before the last one, by its own clock.
fn older(last: &Last, header: &Header) -> bool {
    match (last.uptime_ms, header.uptime_ms) {
        (Some(before), Some(now)) => now.wrapping_sub(before).cast_signed() < 0,
        _ => header.export_us < last.export_us,
    }
}

/// How many packets a late one may lie back in NetFlow v9.
const LATE_PACKETS: i32 = 256;
/// How many records a late packet may lie back in v5 and IPFIX.
const LATE_RECORDS: i32 = 16_384;
/// A step of numbers that stand behind their records by more than this is none.
const FARTHEST_STEP: u32 = 1 << 26;
/// How much later than the packet before it a late one may arrive, in microseconds; an exporter that starts again
/// takes longer.
const LATE_US: i64 = 10_000_000;
/// A step ahead by more than this is a new numbering, not a loss.
const FARTHEST: i32 = 1 << 26;
/// Uptime and arrival may differ by this much through delay, coarse clocks and drift, in milliseconds.
const UPTIME_SLACK_MS: i64 = 120_000;
