//! Times as complaints write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use tadoru_model::{Seen, UtcMicros};

use super::address::narrow;
use super::{ReadTime, Warning};

/// Why a text is not read as a time, with the readings that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    /// Not a time in any form known here.
    #[error("not a time; write it like `2026-11-21 10:15:03 +09:00`")]
    NotATime,
    /// No zone: two readings, hours apart.
    #[error("the time has no zone: it may be `{ours}` or `{utc}`; ask the sender which")]
    NoZone {
        /// Read in the operator's zone.
        ours: String,
        /// Read in UTC.
        utc: String,
    },
    /// `03/04/2026`: the third of April or the fourth of March.
    #[error("day and month can be read both ways: `{day_first}` or `{month_first}`; ask the sender which")]
    DayOrMonth {
        /// Day first.
        day_first: String,
        /// Month first.
        month_first: String,
    },
    /// A day that no calendar has.
    #[error("there is no such date{}", likely.as_ref().map(|l| format!("; `{l}` may be meant")).unwrap_or_default())]
    Impossible {
        /// What may be meant, where something fits.
        likely: Option<String>,
    },
    /// An abbreviation that stands for several zones.
    #[error("the zone abbreviation stands for several zones; write the offset, like `+09:00`")]
    ZoneAbbreviation,
}

/// Reads a time with its zone.
///
/// Forms: RFC 3339 (also with a space, without seconds, with `+0900`), `Z`, `UTC`, `GMT`, `JST` and the American and
/// European abbreviations that stand for one offset, seconds or milliseconds since the epoch, web server logs
/// (`21/Nov/2026:10:15:03 +0900`), mail (`Sat, 21 Nov 2026 10:15:03 +0900`), Japanese (`2026年11月21日 10時15分03秒 JST`).
///
/// # Errors
/// When there is no zone, no such date, or more than one reading.
pub fn read_time(text: &str, ours: &TimeZone, now: UtcMicros) -> Result<ReadTime, TimeFault> {
    let text: String = text.trim().chars().map(narrow).collect();
    if let Some(read) = epoch(&text, now) {
        return Ok(read);
    }
    let parts = split(&text).ok_or(TimeFault::NotATime)?;
    let civil = parts.civil(ours)?;
    let Some(zone) = parts.zone else {
        return Err(TimeFault::NoZone { ours: shown(civil, ours), utc: shown(civil, &TimeZone::UTC) });
    };
    let zone = read_zone(zone)?;
    let mut warnings = Vec::new();
    let at = zone.offset.to_timestamp(civil).map_err(|_| TimeFault::Impossible { likely: None })?;
    if parts.leap_second {
        warnings.push(Warning::Repeated);
    }
    if let Some(season) = zone.season
        && let Some(likely) = season.slip(civil)
    {
        warnings.push(Warning::ZoneSeason { likely: local(likely, ours) });
    }
    let here = ours.to_offset(at);
    let apart = zone.offset.seconds() - here.seconds();
    if apart.abs() == 3600 {
        let likely = here.to_timestamp(civil).map(|t| local(t, ours)).unwrap_or_default();
        warnings.push(Warning::OneHourFromOurs { likely });
    }
    if UtcMicros::from(at) > now.plus(FUTURE_TOLERANCE_US) {
        let past = |at: Option<Timestamp>| at.filter(|at| UtcMicros::from(*at) <= now);
        let likely = past(here.to_timestamp(civil).ok())
            .or_else(|| past(zone.offset.to_timestamp(swapped(civil)?).ok()))
            .map(|at| local(at, ours));
        warnings.push(Warning::Future { likely });
    }
    Ok(ReadTime { seen: Seen { at: at.into(), resolution_us: parts.resolution_us }, warnings })
}

/// The same with day and month the other way round, where that is a date.
fn swapped(civil: DateTime) -> Option<DateTime> {
    civil.with().month(civil.day()).day(civil.month()).build().ok()
}

/// Digits and names of a written time, before any calendar has looked at them.
struct Parts<'t> {
    year: i16,
    /// Month and day in the order written, for `a/b/year` and `year-a-b`.
    first: i8,
    second: i8,
    order: Order,
    hour: i8,
    minute: i8,
    second_of_minute: i8,
    nanos: i32,
    resolution_us: i64,
    leap_second: bool,
    zone: Option<&'t str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    MonthDay,
    DayMonth,
    Unclear,
}

impl Parts<'_> {
    fn civil(&self, ours: &TimeZone) -> Result<DateTime, TimeFault> {
        let time = jiff::civil::Time::new(self.hour, self.minute, self.second_of_minute, self.nanos)
            .map_err(|_| TimeFault::NotATime)?;
        let date = |month, day| Date::new(self.year, month, day).ok().map(|d| d.to_datetime(time));
        let month_first = date(self.first, self.second);
        let day_first = date(self.second, self.first);
        match (self.order, month_first, day_first) {
            (Order::MonthDay, Some(read), _) | (Order::DayMonth, _, Some(read)) => Ok(read),
            (Order::MonthDay, None, swapped) | (Order::DayMonth, swapped, None) => {
                Err(TimeFault::Impossible { likely: swapped.map(|d| shown(d, ours)) })
            }
            (Order::Unclear, Some(m), Some(d)) if m == d => Ok(m),
            (Order::Unclear, Some(m), Some(d)) => {
                Err(TimeFault::DayOrMonth { day_first: shown(d, ours), month_first: shown(m, ours) })
            }
            (Order::Unclear, Some(read), None) | (Order::Unclear, None, Some(read)) => Ok(read),
            (Order::Unclear, None, None) => Err(TimeFault::Impossible { likely: None }),
        }
    }
}

/// Takes a written time apart.
fn split(text: &str) -> Option<Parts<'_>> {
    let text = match text.split_once(", ") {
        Some((weekday, rest)) if weekday.len() <= 9 && weekday.chars().all(char::is_alphabetic) => rest,
        _ => text,
    };
    let text = text.trim_start_matches('[').trim_end_matches(']');
    // The clock begins at the first `h:m` or `h時`; what is before it is the date.
    let colon = text.char_indices().find(|(i, c)| {
        (*c == ':' || *c == '時')
            && text.get(..*i).is_some_and(|t| t.ends_with(|d: char| d.is_ascii_digit()))
            && {
                // In web server logs the date itself ends with a colon: `21/Nov/2026:10:15:03`.
                let digits = text
                    .get(..*i)
                    .map_or(0, |t| t.len() - t.trim_end_matches(|d: char| d.is_ascii_digit()).len());
                digits <= 2
            }
    })?;
    let head = text.get(..colon.0)?;
    let hour_digits = head.len() - head.trim_end_matches(|d: char| d.is_ascii_digit()).len();
    let date = head.get(..head.len() - hour_digits)?.trim_end_matches(['T', 't', ' ', ':']);
    let hour: i8 = head.get(head.len() - hour_digits..)?.parse().ok()?;

    let mut rest = text.get(colon.0 + colon.1.len_utf8()..)?;
    let minute = take_number(&mut rest, 2)?;
    rest = rest.strip_prefix('分').unwrap_or(rest);
    let (mut second, mut nanos, mut resolution_us) = (0_i64, 0_i32, 60_000_000);
    let more =
        rest.strip_prefix(':').or_else(|| rest.starts_with(|c: char| c.is_ascii_digit()).then_some(rest));
    if let Some(more) = more {
        rest = more;
        second = take_number(&mut rest, 2)?;
        rest = rest.strip_prefix('秒').unwrap_or(rest);
        resolution_us = 1_000_000;
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let digits = fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let kept = fraction.get(..digits.min(9))?;
            nanos = format!("{kept:0<9}").parse().ok()?;
            resolution_us = 10_i64.pow(6_u32.saturating_sub(u32::try_from(digits).ok()?));
            rest = fraction.get(digits..)?;
        }
    }
    let mut hour = hour;
    let mut zone = rest.trim();
    for (mark, add) in [("AM", 0), ("PM", 12)] {
        if let Some(after) = zone.strip_prefix(mark).or_else(|| zone.strip_prefix(&mark.to_lowercase())) {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + add;
            zone = after.trim();
        }
    }
    let leap_second = second == 60;
    let (year, first, second_of_date, order) = split_date(date.trim())?;
    Some(Parts {
        year,
        first,
        second: second_of_date,
        order,
        hour,
        minute: i8::try_from(minute).ok()?,
        second_of_minute: i8::try_from(if leap_second { 59 } else { second }).ok()?,
        nanos,
        resolution_us,
        leap_second,
        zone: (!zone.is_empty()).then_some(zone),
    })
}

/// Year, the two other numbers in their order, and what the order means.
fn split_date(date: &str) -> Option<(i16, i8, i8, Order)> {
    let words: Vec<&str> =
        date.split(['-', '/', ' ', '.', '年', '月', '日', ',']).filter(|w| !w.is_empty()).collect();
    let [a, b, c] = words.as_slice() else { return None };
    let number = |w: &str| w.parse::<i8>().ok();
    let year = |w: &str| (w.len() == 4).then(|| w.parse::<i16>().ok()).flatten();
    if let Some(y) = year(a) {
        return match month(b) {
            Some(m) => Some((y, m, number(c)?, Order::MonthDay)),
            None => Some((y, number(b)?, number(c)?, Order::MonthDay)),
        };
    }
    let y = year(c)?;
    match (month(a), month(b)) {
        (Some(m), _) => Some((y, m, number(b)?, Order::MonthDay)),
        (None, Some(m)) => Some((y, number(a)?, m, Order::DayMonth)),
        // German `21.11.2026` is always day first.
        (None, None) if date.contains('.') => Some((y, number(a)?, number(b)?, Order::DayMonth)),
        (None, None) => Some((y, number(a)?, number(b)?, Order::Unclear)),
    }
}

fn month(word: &str) -> Option<i8> {
    let short = word.get(..3)?.to_ascii_lowercase();
    let place = MONTHS.iter().position(|m| *m == short)?;
    i8::try_from(place + 1).ok()
}

fn take_number(rest: &mut &str, most: usize) -> Option<i64> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, after) = (rest.get(..digits)?, rest.get(digits..)?);
    *rest = after;
    number.parse().ok()
}

/// Seconds or milliseconds since the epoch, which are UTC by what they are.
fn epoch(text: &str, now: UtcMicros) -> Option<ReadTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let (micros, resolution_us) = match (whole.len(), fraction.len()) {
        (9 | 10, 0) => (number.checked_mul(1_000_000)?, 1_000_000),
        (9 | 10, n) => {
            let part: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
            (
                number.checked_mul(1_000_000)?.checked_add(part)?,
                10_i64.pow(6_u32.saturating_sub(u32::try_from(n).ok()?)),
            )
        }
        (12 | 13, 0) => (number.checked_mul(1000)?, 1000),
        (15 | 16, 0) => (number, 1),
        _ => return None,
    };
    let mut warnings = vec![Warning::Epoch];
    if UtcMicros(micros) > now.plus(FUTURE_TOLERANCE_US) {
        warnings.push(Warning::Future { likely: None });
    }
    Some(ReadTime { seen: Seen { at: UtcMicros(micros), resolution_us }, warnings })
}

struct Zone {
    offset: Offset,
    season: Option<Season>,
}

/// An abbreviation that is right in one half of the year only.
struct Season {
    place: &'static str,
    offset: Offset,
}

impl Season {
    /// What the wall clock of that place would have meant, when the abbreviation does not fit the season.
    fn slip(&self, civil: DateTime) -> Option<Timestamp> {
        let zone = TimeZone::get(self.place).ok()?;
        let meant = zone.to_ambiguous_zoned(civil).compatible().ok()?.timestamp();
        let told = self.offset.to_timestamp(civil).ok()?;
        (meant != told).then_some(meant)
    }
}

fn read_zone(text: &str) -> Result<Zone, TimeFault> {
    let plain = |seconds| Offset::from_seconds(seconds).map(|offset| Zone { offset, season: None });
    let text = text.trim_matches(|c| c == '(' || c == ')');
    let bare =
        ["UTC", "GMT"].iter().find_map(|p| text.strip_prefix(p)).filter(|t| !t.is_empty()).unwrap_or(text);
    if let Some(sign) = bare.chars().next().filter(|c| "+-−".contains(*c)) {
        let digits: String = bare.chars().skip(1).take_while(|c| c.is_ascii_digit() || *c == ':').collect();
        let (hours, minutes) = match digits.split_once(':') {
            Some((h, m)) => (h.to_owned(), m.to_owned()),
            None if digits.len() == 4 => (digits.chars().take(2).collect(), digits.chars().skip(2).collect()),
            None => (digits, "0".to_owned()),
        };
        let (Ok(hours), Ok(minutes)) = (hours.parse::<i32>(), minutes.parse::<i32>()) else {
            return Err(TimeFault::NotATime);
        };
        if hours > 14 || minutes > 59 {
            return Err(TimeFault::NotATime);
        }
        let seconds = hours * 3600 + minutes * 60;
        return plain(if sign == '+' { seconds } else { -seconds }).map_err(|_| TimeFault::NotATime);
    }
    let upper = text.to_ascii_uppercase();
    if let Some((_, hours, place)) = ABBREVIATIONS.iter().find(|(name, ..)| *name == upper) {
        let offset = Offset::from_seconds(hours * 3600).map_err(|_| TimeFault::NotATime)?;
        let season = place.map(|place| Season { place, offset });
        return Ok(Zone { offset, season });
    }
    if text == "日本時間" {
        return plain(9 * 3600).map_err(|_| TimeFault::NotATime);
    }
    if text.chars().all(|c| c.is_ascii_alphabetic()) && text.len() <= 5 {
        return Err(TimeFault::ZoneAbbreviation);
    }
    Err(TimeFault::NotATime)
}

/// `2026-11-21 10:15:03 +09:00`, the form of every time that people read.
fn shown(civil: DateTime, zone: &TimeZone) -> String {
    match zone.to_ambiguous_zoned(civil).compatible() {
        Ok(zoned) => zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
        Err(_) => civil.to_string(),
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A clock that runs ahead by less is no reason to doubt the zone.
const FUTURE_TOLERANCE_US: i64 = SignedDuration::from_mins(10).as_secs() * 1_000_000;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Abbreviations that stand for one offset in practice; those with a place are right in one half of the year only.
const ABBREVIATIONS: [(&str, i32, Option<&str>); 17] = [
    ("Z", 0, None),
    ("UTC", 0, None),
    ("GMT", 0, None),
    ("JST", 9, None),
    ("KST", 9, None),
    ("EST", -5, Some("America/New_York")),
    ("EDT", -4, Some("America/New_York")),
    ("CDT", -5, Some("America/Chicago")),
    ("MST", -7, Some("America/Denver")),
    ("MDT", -6, Some("America/Denver")),
    ("PST", -8, Some("America/Los_Angeles")),
    ("PDT", -7, Some("America/Los_Angeles")),
    ("WET", 0, Some("Europe/Lisbon")),
    ("CET", 1, Some("Europe/Berlin")),
    ("CEST", 2, Some("Europe/Berlin")),
    ("EET", 2, Some("Europe/Helsinki")),
    ("EEST", 3, Some("Europe/Helsinki")),
];

#[cfg(test)]
mod tests;
