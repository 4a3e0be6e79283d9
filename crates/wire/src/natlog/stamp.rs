//! Time stamps of log lines, and how they became an instant.
//!
//! What comes in: the text of a stamp, the zone that the operator states for the device, and an instant near which a
//! stamp without a year must lie. What goes out: microseconds since 1970 UTC, with how that was known. It reads no
//! clock. A local time that exists twice or not at all keeps both candidates.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::scan::digits;

#[cfg(test)]
mod tests;

/// How an instant is known, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeHow {
    /// A count of seconds since 1970, which has no zone.
    Epoch,
    /// A date and time with its own zone or offset.
    Zoned,
    /// A date and time without a zone: the zone is the one stated for the source.
    Local,
    /// Without zone and without year: the year is the one nearest to the arrival.
    LocalYearless,
    /// Without year, but with a zone of its own.
    ZonedYearless,
}

/// An instant as a line gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub us: i64,
    /// How it is known.
    pub how: TimeHow,
    /// The other instant that the same local time could mean (daylight-saving fold or gap); `us` is the earlier in a
    /// fold.
    pub other_us: Option<i64>,
    /// The device itself marks its clock as not set (Cisco `*` and `.`), or names a zone that is neither a known one
    /// nor the stated one.
    pub doubtful: bool,
}

impl Stamp {
    /// A stamp from seconds and microseconds since 1970.
    pub(super) fn epoch(seconds: u64, micros: u64) -> Option<Self> {
        let us =
            i64::try_from(seconds).ok()?.checked_mul(1_000_000)?.checked_add(i64::try_from(micros).ok()?)?;
        (us < LATEST_US).then_some(Self { us, how: TimeHow::Epoch, other_us: None, doubtful: false })
    }
}

/// A date and time as written, before its zone and year are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: Option<i64>,
    pub(super) month: u8,
    pub(super) day: u8,
    /// Microseconds since midnight.
    pub(super) of_day_us: i64,
    pub(super) zone: Zone,
    pub(super) doubtful: bool,
}

/// The zone that a stamp names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// None.
    Absent,
    /// An offset from UTC in seconds.
    Offset(i32),
    /// An abbreviation that means different offsets in different countries, or is not known.
    Unclear,
}

impl Civil {
    /// Settles zone and year.
    pub(super) fn settle(&self, zone: &TimeZone, near_us: i64) -> Option<Stamp> {
        match self.year {
            Some(year) => self.in_year(year, zone, false),
            None => {
                let latest = near_us.saturating_add(DAY_US);
                let (near_year, _, _) = civil_from_days(near_us.div_euclid(DAY_US));
                // Nine years back: 29 February may be eight years away at a century.
                (0..10)
                    .filter_map(|back| self.in_year(near_year + 1 - back, zone, true))
                    .find(|stamp| stamp.us <= latest)
            }
        }
    }

    fn in_year(&self, year: i64, zone: &TimeZone, guessed: bool) -> Option<Stamp> {
        let days = days_from_civil(year, self.month, self.day)?;
        let wall = days.checked_mul(DAY_US)?.checked_add(self.of_day_us)?;
        let (us, other_us, how) = match self.zone {
            Zone::Offset(s) => {
                let how = if guessed { TimeHow::ZonedYearless } else { TimeHow::Zoned };
                (wall - i64::from(s) * 1_000_000, None, how)
            }
            Zone::Absent | Zone::Unclear => {
                let at = Timestamp::from_microsecond(wall).ok()?;
                let shift = |o: Offset| wall - i64::from(o.seconds()) * 1_000_000;
                let (us, other) = match zone.to_ambiguous_timestamp(Offset::UTC.to_datetime(at)).offset() {
                    AmbiguousOffset::Unambiguous { offset } => (shift(offset), None),
                    AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
                        (shift(before), Some(shift(after)))
                    }
                };
                (us, other, if guessed { TimeHow::LocalYearless } else { TimeHow::Local })
            }
        };
        if us >= LATEST_US {
            return None;
        }
        Some(Stamp { us, how, other_us, doubtful: self.doubtful || self.zone == Zone::Unclear })
    }
}

/// Whether the year was chosen, not read.
pub(super) fn without_year(how: TimeHow) -> bool {
    matches!(how, TimeHow::LocalYearless | TimeHow::ZonedYearless)
}

/// `outer`, whose year was chosen, moved into the year of `inner`, a second stamp of the same message.
pub(super) fn same_year(outer: Stamp, inner: Stamp) -> Stamp {
    let year = |us: i64| civil_from_days(us.div_euclid(DAY_US));
    let (_, month, day) = year(outer.us);
    let of_day = outer.us.rem_euclid(DAY_US);
    let (inner_year, _, _) = year(inner.us);
    let how = if outer.how == TimeHow::LocalYearless { TimeHow::Local } else { TimeHow::Zoned };
    let (Ok(month), Ok(day)) = (u8::try_from(month), u8::try_from(day)) else { return outer };
    // The two stamps may stand on both sides of a new year.
    (inner_year - 1..=inner_year + 1)
        .filter_map(|y| Some(days_from_civil(y, month, day)? * DAY_US + of_day))
        .min_by_key(|us| us.abs_diff(inner.us))
        .map_or(outer, |us| Stamp { us, how, other_us: outer.other_us.map(|o| o + (us - outer.us)), ..outer })
}

/// `2026-11-21T21:16:21[.ffffff][Z|+09:00|+0900]`, also with a blank for the `T`; and the rest.
pub(super) fn iso(s: &[u8]) -> Option<(Civil, &[u8])> {
    let (year, s) = exactly(s, 4)?;
    let (month, s) = exactly(s.strip_prefix(b"-")?, 2)?;
    let (day, s) = exactly(s.strip_prefix(b"-")?, 2)?;
    let (of_day_us, s) = clock(s.strip_prefix(b"T").or_else(|| s.strip_prefix(b" "))?)?;
    let (zone, s) = match s {
        [b'Z', rest @ ..] => (Zone::Offset(0), rest),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, rest) = exactly(rest, 2)?;
            let (minutes, rest) = exactly(rest.strip_prefix(b":").unwrap_or(rest), 2)?;
            if hours > 15 || minutes > 59 {
                return None;
            }
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
            (Zone::Offset(if *sign == b'-' { -seconds } else { seconds }), rest)
        }
        _ => (Zone::Absent, s),
    };
    let civil = Civil {
        year: Some(i64::try_from(year).ok()?),
        month: u8::try_from(month).ok()?,
        day: u8::try_from(day).ok()?,
        of_day_us,
        zone,
        doubtful: false,
    };
    civil.is_a_date().then_some((civil, s))
}

/// `Mmm [d]d [yyyy] hh:mm:ss[.fff][ yyyy][ ZONE]`, with the marks `*` and `.` of Cisco before it; and the rest.
///
/// RFC 3164 section 4.1.2; the year and the zone are what devices add to it.
pub(super) fn bsd(s: &[u8]) -> Option<(Civil, &[u8])> {
    let (doubtful, s) = match s {
        [b'*' | b'.', rest @ ..] => (true, rest),
        _ => (false, s),
    };
    let (month, s) = month(s)?;
    let (day, s) = one_or_two(s)?;
    let s = s.strip_prefix(b" ")?;
    let (year, s) = match exactly(s, 4) {
        Some((y, rest)) if rest.starts_with(b" ") => (Some(y), rest.strip_prefix(b" ")?),
        _ => (None, s),
    };
    let (of_day_us, s) = clock(s)?;
    let (zone, s) = zone_name(s);
    let year = year.map(i64::try_from).transpose().ok()?;
    let civil = Civil { year, month, day, of_day_us, zone, doubtful };
    civil.is_a_date().then_some((civil, s))
}

/// `yyyy Mmm dd hh:mm:ss`, as IOS XR writes it in the place of the RFC 5424 stamp; and the rest.
pub(super) fn year_first(s: &[u8]) -> Option<(Civil, &[u8])> {
    let (year, s) = exactly(s, 4)?;
    let (mut civil, s) = bsd(s.strip_prefix(b" ")?)?;
    civil.year = Some(i64::try_from(year).ok()?);
    civil.is_a_date().then_some((civil, s))
}

/// `Www Mmm dd hh:mm:ss yyyy`, the whole slice, as C's `ctime` writes it.
pub(super) fn ctime(s: &[u8]) -> Option<Civil> {
    let (month, s) = month(s.get(4..)?)?;
    let (day, s) = one_or_two(s)?;
    let (of_day_us, s) = clock(s.strip_prefix(b" ")?)?;
    let (year, s) = exactly(s.strip_prefix(b" ")?, 4)?;
    let year = Some(i64::try_from(year).ok()?);
    let civil = Civil { year, month, day, of_day_us, zone: Zone::Absent, doubtful: false };
    (s.is_empty() && civil.is_a_date()).then_some(civil)
}

/// `h:mm:ss` of any number of hours, as a duration in microseconds; the whole slice. Also `XhYmZs`.
pub(super) fn duration(s: &[u8]) -> Option<i64> {
    let (h, rest) = digits(s, 8)?;
    let (unit_h, unit_m, end): (&[u8], &[u8], &[u8]) =
        if rest.starts_with(b"h") { (b"h", b"m", b"s") } else { (b":", b":", b"") };
    let (m, rest) = digits(rest.strip_prefix(unit_h)?, 2)?;
    let (sec, rest) = digits(rest.strip_prefix(unit_m)?, 2)?;
    if rest != end || m > 59 || sec > 60 {
        return None;
    }
    i64::try_from(h * 3600 + m * 60 + sec).ok()?.checked_mul(1_000_000)
}

impl Civil {
    fn is_a_date(&self) -> bool {
        let year = self.year.unwrap_or(2000);
        (1970..=2200).contains(&year) && days_from_civil(year, self.month, self.day).is_some()
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; none where there is no such day.
fn days_from_civil(year: i64, month: u8, day: u8) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > longest {
        return None;
    }
    let (y, m, d) = (year - i64::from(month <= 2), i64::from(month), i64::from(day));
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

fn exactly(s: &[u8], n: usize) -> Option<(u64, &[u8])> {
    let head = s.get(..n)?;
    match digits(head, n)? {
        (value, []) => Some((value, s.get(n..)?)),
        _ => None,
    }
}

fn one_or_two(s: &[u8]) -> Option<(u8, &[u8])> {
    let (n, rest) = digits(s.strip_prefix(b" ").unwrap_or(s), 2)?;
    Some((u8::try_from(n).ok()?, rest))
}

/// A month's name and the blank behind it.
fn month(s: &[u8]) -> Option<(u8, &[u8])> {
    let name = s.get(..3)?;
    let at = MONTHS.iter().position(|m| *m == name)?;
    Some((u8::try_from(at + 1).ok()?, s.get(3..)?.strip_prefix(b" ")?))
}

/// `hh:mm:ss[.f…]` as microseconds since midnight; a leap second counts as the second after it.
fn clock(s: &[u8]) -> Option<(i64, &[u8])> {
    let (h, s) = exactly(s, 2)?;
    let (m, s) = exactly(s.strip_prefix(b":")?, 2)?;
    let (sec, s) = exactly(s.strip_prefix(b":")?, 2)?;
    if h > 23 || m > 59 || sec > 60 {
        return None;
    }
    let whole = i64::try_from(h * 3600 + m * 60 + sec).ok()? * 1_000_000;
    let Some(frac) = s.strip_prefix(b".").or_else(|| s.strip_prefix(b",")) else { return Some((whole, s)) };
    let n = frac.iter().take_while(|b| b.is_ascii_digit()).count();
    if n == 0 {
        return Some((whole, s));
    }
    let (digits, rest) = frac.split_at(n);
    let mut us = 0;
    for i in 0..6 {
        us = us * 10 + digits.get(i).map_or(0, |b| i64::from(b - b'0'));
    }
    Some((whole + us, rest))
}

/// A zone abbreviation behind the time, if there is one: capitals, then a colon, a blank or the end.
fn zone_name(s: &[u8]) -> (Zone, &[u8]) {
    let Some(text) = s.strip_prefix(b" ") else { return (Zone::Absent, s) };
    let n = text.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let (name, rest) = text.split_at(n);
    // Only a colon tells a zone from a host name in capitals; a known zone also stands before a blank.
    let colon = rest.starts_with(b":");
    if let Some(&(_, hours)) = ZONES.iter().find(|(z, _)| *z == name)
        && (colon || rest.starts_with(b" "))
    {
        return (Zone::Offset(hours * 3600), rest);
    }
    if (2..=5).contains(&n) && colon && rest.get(1) == Some(&b' ') && rest.get(2) == Some(&b'%') {
        return (Zone::Unclear, rest);
    }
    (Zone::Absent, s)
}

const DAY_US: i64 = 86_400_000_000;
/// Beyond the year 2200 a stamp is not believed.
const LATEST_US: i64 = 84_006 * DAY_US;
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// Abbreviations with one meaning in practice, in hours. `CST`, `IST` and `BST` mean several and are left out.
const ZONES: [(&[u8], i32); 17] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"JST", 9),
    (b"KST", 9),
    (b"WET", 0),
    (b"WEST", 1),
    (b"CET", 1),
    (b"CEST", 2),
    (b"EET", 2),
    (b"EEST", 3),
    (b"EST", -5),
    (b"EDT", -4),
    (b"CDT", -5),
    (b"MST", -7),
    (b"MDT", -6),
    (b"PST", -8),
    (b"PDT", -7),
];
