//! When a flow began and ended, in every form that exporters tell it.
//!
//! Sources: RFC 7011 sections 6.1.7 to 6.1.10, the element registry of IPFIX, RFC 3954 section 8. The finest form
//! that is told and not zero is taken. The system uptime wraps after 49.7 days: a time is the one nearest to the
//! export. A record that tells no time is dated by its export.

use super::{At, Fields};
use crate::flow::traffic::read::Rows;

/// What a data set's packet says about time.
#[derive(Debug, Clone, Copy)]
pub(in crate::flow) struct Clock {
    pub export_us: i64,
    /// Milliseconds since the exporter started, where the header tells it.
    pub uptime_ms: Option<u32>,
    /// When it started, milliseconds since 1970, where options data told it.
    pub init_ms: Option<i64>,
}

/// Where a record tells its times.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    /// Absolute ends, the finest first.
    ends: Vec<Ends>,
    uptime: Option<(Option<At>, Option<At>)>,
    /// Start of the system (160), which uptimes count from.
    init: Option<At>,
    duration: Option<(At, i64)>,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    scale: Scale,
    first: Option<At>,
    last: Option<At>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// NTP format: seconds since 1900 and a fraction.
    Ntp,
    Millis,
    Seconds,
    /// Microseconds before the export.
    Delta,
}

impl Times {
    pub(super) fn of(fields: &Fields) -> Self {
        let ends = |scale, first, last| {
            let (first, last) = (fields.one(first), fields.one(last));
            (first.is_some() || last.is_some()).then_some(Ends { scale, first, last })
        };
        let observed = |scale, id| fields.one(id).map(|at| Ends { scale, first: Some(at), last: Some(at) });
        let uptime = (fields.one(22), fields.one(21));
        Self {
            ends: [
                ends(Scale::Ntp, 156, 157),
                ends(Scale::Ntp, 154, 155),
                ends(Scale::Millis, 152, 153),
                ends(Scale::Seconds, 150, 151),
                ends(Scale::Delta, 158, 159),
                observed(Scale::Ntp, 325),
                observed(Scale::Ntp, 324),
                observed(Scale::Millis, 323),
                observed(Scale::Seconds, 322),
            ]
            .into_iter()
            .flatten()
            .collect(),
            uptime: (uptime.0.is_some() || uptime.1.is_some()).then_some(uptime),
            init: fields.one(160),
            duration: fields.one(162).map(|at| (at, 1)).or_else(|| fields.one(161).map(|at| (at, 1000))),
        }
    }

    /// Adds the times of all rows; gives how many are dated by their export.
    pub(super) fn read(
        &self,
        rows: &Rows<'_>,
        clock: &Clock,
        first: &mut Vec<i64>,
        last: &mut Vec<i64>,
    ) -> u32 {
        let base = first.len();
        // The two usual forms, a column at a time.
        if let (Some((Some(begin), Some(end))), Some(uptime), []) =
            (self.uptime, clock.uptime_ms, &self.ends[..])
            && begin.width == 4
            && end.width == 4
        {
            let us = |at: u32| uptime_us(clock.export_us, uptime, at);
            first.extend(rows.u32s(begin.offset).map(us));
            last.extend(rows.u32s(end.offset).map(us));
            let boot = uptime_us(clock.export_us, uptime, 0);
            let untold = |(first, last): (&i64, &i64)| *first == boot && *last == boot;
            if !first.iter().skip(base).zip(last.iter().skip(base)).any(untold) {
                return 0;
            }
        } else if let [Ends { scale: Scale::Millis, first: Some(begin), last: Some(end) }, ..] = self.ends[..]
            && begin.width == 8
            && end.width == 8
        {
            // What overflows or is not told becomes 0, and is looked at again below.
            let us = |ms: u64| i64::try_from(ms).ok().and_then(|ms| ms.checked_mul(1000)).unwrap_or(0);
            first.extend(rows.u64s(begin.offset).map(us));
            last.extend(rows.u64s(end.offset).map(us));
            let mut ends = first.iter().skip(base).zip(last.iter().skip(base));
            if !ends.any(|(first, last)| *first == 0 || *last == 0) {
                return 0;
            }
        }
        first.truncate(base);
        last.truncate(base);
        let mut untimed = 0;
        for record in rows.iter() {
            let (begin, end, told) = self.one(record, clock);
            untimed += u32::from(!told);
            first.push(begin);
            last.push(end);
        }
        untimed
    }

    /// Times of one record, and whether it tells any.
    fn one(&self, record: &[u8], clock: &Clock) -> (i64, i64, bool) {
        let absolute = |end: fn(&Ends) -> Option<At>| {
            self.ends.iter().find_map(|ends| {
                let raw = number(record, end(ends)?).filter(|&raw| raw != 0)?;
                to_us(ends.scale, raw, clock)
            })
        };
        let (mut begin, mut end) = (absolute(|ends| ends.first), absolute(|ends| ends.last));
        let mut length = self
            .duration
            .and_then(|(at, scale)| i64::try_from(number(record, at)?).ok()?.checked_mul(scale))
            .unwrap_or(0);
        if let Some(uptimes) = self.uptime {
            let raw =
                |at: Option<At>| at.and_then(|at| number(record, at)).and_then(|raw| u32::try_from(raw).ok());
            let (from, to) = (raw(uptimes.0), raw(uptimes.1));
            // Both zero is how exporters say that they do not know.
            if from.unwrap_or(0) != 0 || to.unwrap_or(0) != 0 {
                match self.uptime_ms(record, clock) {
                    Some(uptime) => {
                        let us = |raw: u32| uptime_us(clock.export_us, uptime, raw);
                        begin = begin.or(from.map(us));
                        end = end.or(to.map(us));
                    }
                    // Without a start of the system only the distance counts.
                    None => {
                        if let (Some(from), Some(to), 0) = (from, to, length) {
                            length = i64::from(to.wrapping_sub(from).cast_signed()).max(0) * 1000;
                        }
                    }
                }
            }
        }
        match (begin, end) {
            (Some(begin), Some(end)) => (begin, end, true),
            (Some(begin), None) => (begin, begin.saturating_add(length), true),
            (None, Some(end)) => (end.saturating_sub(length), end, true),
            (None, None) => (clock.export_us.saturating_sub(length), clock.export_us, false),
        }
    }

    /// Uptime at the export, by the record, the header or options data.
    fn uptime_ms(&self, record: &[u8], clock: &Clock) -> Option<u32> {
        let init = self.init.and_then(|at| number(record, at)).filter(|&ms| ms != 0);
        let init = init.and_then(|ms| i64::try_from(ms).ok());
        if init.is_none() && clock.uptime_ms.is_some() {
            return clock.uptime_ms;
        }
        let passed = (clock.export_us / 1000).checked_sub(init.or(clock.init_ms)?)?;
        u32::try_from(passed.rem_euclid(1 << 32)).ok()
    }
}

fn to_us(scale: Scale, raw: u64, clock: &Clock) -> Option<i64> {
    let signed = i64::try_from(raw).ok();
    match scale {
        Scale::Millis => signed?.checked_mul(1000),
        Scale::Seconds => signed?.checked_mul(1_000_000),
        Scale::Delta => clock.export_us.checked_sub(signed?),
        Scale::Ntp => {
            let seconds = i64::try_from(raw >> 32).ok()? - NTP_TO_UNIX_S;
            let micros = i64::try_from(((raw & 0xffff_ffff) * 1_000_000) >> 32).ok()?;
            Some(seconds * 1_000_000 + micros)
        }
    }
}

/// A moment by the uptime then and the uptime at the export, the nearest to the export of all that it may be.
pub(in crate::flow) fn uptime_us(export_us: i64, uptime_ms: u32, at_ms: u32) -> i64 {
    export_us - i64::from(uptime_ms.wrapping_sub(at_ms).cast_signed()) * 1000
}

fn number(record: &[u8], at: At) -> Option<u64> {
    let bytes = record.get(at.offset..at.offset + at.width)?;
    Some(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;
