//! The dates of detail files: of their headers, and of attributes of type `date`.
//!
//! A zone that is named must be known (UTC, GMT, Z, JST, a numeric offset), or be what the zone given calls itself at
//! that time; else the date is not read. A date without a zone is in the zone given; one that falls into the hour that a
//! change of clocks skips or repeats is not read.

use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// Why a date is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DateError {
    /// Not a form of date that is known.
    #[error("is not a date")]
    Form,
    /// No such day or time.
    #[error("is a date that does not exist")]
    Impossible,
    /// The zone's name is not known.
    #[error("names a time zone that is not known")]
    Zone,
    /// The local time was skipped or repeated by a change of clocks.
    #[error("falls into a change of clocks and is not one instant")]
    Ambiguous,
}

/// Microseconds since 1970-01-01 00:00:00 UTC of a printed date.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Result<i64, DateError> {
    let (date, name) = civil(text)?;
    match name {
        None => {
            let stamp = zone.to_ambiguous_timestamp(date).unambiguous().map_err(|_| DateError::Ambiguous)?;
            Ok(stamp.as_microsecond())
        }
        Some(name) => {
            let offset = offset(&name).or_else(|| offset_called(&name, date, zone)).ok_or(DateError::Zone)?;
            offset.to_timestamp(date).map(|stamp| stamp.as_microsecond()).map_err(|_| DateError::Impossible)
        }
    }
}

/// Whether a text that follows this octet starts as a header does: with a day of the week, or with a year (but for a
/// year in quotes, which starts a value).
pub(super) fn starts_header(text: &str, before: Option<&u8>) -> bool {
    let day = text.get(..3).is_some_and(|day| WEEKDAYS.contains(&day));
    let year = text.get(..4).is_some_and(|year| year.bytes().all(|octet| octet.is_ascii_digit()));
    day || year && before != Some(&b'"')
}

/// Microseconds of a printed number of seconds, with or without a fraction.
pub(super) fn epoch(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim().trim_matches('"');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.is_empty() || whole.len() > 11 || !digits(whole) || !digits(fraction) {
        return None;
    }
    whole
        .parse::<i64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(i64::from(fraction_nanoseconds(fraction)) / 1000)
}

/// Date and zone of a printed date: `Mon Feb  1 00:35:16 2016`, `Mon Feb  1 00:35:16 JST 2016`, `Feb  1 2016 00:00:26
/// UTC`, `2016-02-01 00:35:16`, `2016-02-01T00:35:16.25+09:00`.
fn civil(text: &str) -> Result<(civil::DateTime, Option<String>), DateError> {
    let split = text.replacen('T', " ", usize::from(text.starts_with(|c: char| c.is_ascii_digit())));
    let words: Vec<&str> = split.split_whitespace().collect();
    let words = match words.as_slice() {
        [day, rest @ ..]
            if WEEKDAYS.iter().any(|name| name.eq_ignore_ascii_case(day.trim_end_matches(','))) =>
        {
            rest
        }
        all => all,
    };
    let (date, time, zone) = match words {
        [month, day, time, year] if time.contains(':') => (named(year, month, day), *time, None),
        [month, day, time, zone, year] if time.contains(':') => (named(year, month, day), *time, Some(*zone)),
        [month, day, year, time] if month_number(month).is_some() => (named(year, month, day), *time, None),
        [month, day, year, time, zone] if month_number(month).is_some() => {
            (named(year, month, day), *time, Some(*zone))
        }
        [day, month, year, time] => (named(year, month, day), *time, None),
        [day, month, year, time, zone] => (named(year, month, day), *time, Some(*zone)),
        [date, time] => (numeric(date), *time, None),
        [date, time, zone] => (numeric(date), *time, Some(*zone)),
        _ => return Err(DateError::Form),
    };
    let (year, month, day) = date.ok_or(DateError::Form)?;
    let (time, attached) = match time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.') {
        Some(at) => time.split_at_checked(at).ok_or(DateError::Form)?,
        None => (time, ""),
    };
    let zone = match (zone, attached) {
        (zone, "") => zone,
        (None, attached) => Some(attached),
        (Some(_), _) => return Err(DateError::Form),
    };
    let date = civil::Date::new(year, month, day).map_err(|_| DateError::Impossible)?;
    Ok((date.to_datetime(clock(time)?), zone.map(str::to_owned)))
}

/// `hh:mm:ss`, possibly with a fraction.
fn clock(text: &str) -> Result<civil::Time, DateError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<i8> = whole
        .split(':')
        .map(|part| number(part, 2).filter(|_| part.len() == 2))
        .collect::<Option<_>>()
        .ok_or(DateError::Form)?;
    let [hour, minute, second] = *parts else { return Err(DateError::Form) };
    if !fraction.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(DateError::Form);
    }
    civil::Time::new(hour, minute, second, fraction_nanoseconds(fraction)).map_err(|_| DateError::Impossible)
}

fn named(year: &str, month: &str, day: &str) -> Option<(i16, i8, i8)> {
    Some((number(year, 4).filter(|_| year.len() == 4)?, month_number(month)?, number(day, 2)?))
}

/// `yyyy-mm-dd` or `yyyy/mm/dd`; orders that could be mistaken for each other are not read.
fn numeric(text: &str) -> Option<(i16, i8, i8)> {
    let mut parts = text.split(['-', '/']);
    let year = parts.next().filter(|year| year.len() == 4)?;
    let date = (number(year, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    parts.next().is_none().then_some(date)
}

fn month_number(text: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(text))?;
    i8::try_from(at + 1).ok()
}

/// A number of up to `width` digits.
fn number<T: std::str::FromStr>(text: &str, width: usize) -> Option<T> {
    let fits = (1..=width).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

fn fraction_nanoseconds(fraction: &str) -> i32 {
    fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |n, digit| n * 10 + i32::from(digit - b'0'))
}

// ---------------------------------------------------------------------------------------------- zones

/// The offset of a zone whose name means one offset only.
fn offset(name: &str) -> Option<Offset> {
    let seconds = match name {
        "UTC" | "GMT" | "Z" | "z" => 0,
        "JST" => 9 * 3600,
        _ => {
            let (sign, digits) = match name.split_at_checked(1)? {
                ("+", digits) => (1, digits),
                ("-", digits) => (-1, digits),
                _ => return None,
            };
            let (hours, minutes) = match digits.split_once(':') {
                Some(parts) => parts,
                None => digits.split_at_checked(2)?,
            };
            let hours: i32 = number(hours, 2).filter(|hours| *hours <= 14)?;
            let minutes: i32 = if minutes.is_empty() { 0 } else { number(minutes, 2).filter(|m| *m < 60)? };
            sign * (hours * 3600 + minutes * 60)
        }
    };
    Offset::from_seconds(seconds).ok()
}

/// The offset that the zone given has at this date, if it then goes by this name.
fn offset_called(name: &str, date: civil::DateTime, zone: &TimeZone) -> Option<Offset> {
    let candidates = match zone.to_ambiguous_timestamp(date).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset],
        AmbiguousOffset::Fold { before, after } => vec![before, after],
        AmbiguousOffset::Gap { .. } => vec![],
    };
    candidates.into_iter().find(|offset| {
        offset.to_timestamp(date).is_ok_and(|stamp| {
            let info = zone.to_offset_info(stamp);
            info.offset() == *offset && info.abbreviation() == name
        })
    })
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
