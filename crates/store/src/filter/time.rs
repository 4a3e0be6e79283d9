//! Times in filters: RFC 3339, to the minute or finer, always with a zone.

use super::Reason;

/// Milliseconds since 1970 UTC.
///
/// # Errors
/// [`Reason::TimeZone`] when only the zone is missing, [`Reason::Unexpected`] when it is no time.
pub(super) fn parse(text: &str) -> Result<u64, Reason> {
    let (clock, zone) = split_zone(text);
    let local = local_ms(clock).ok_or(Reason::Unexpected)?;
    let offset = zone.ok_or(Reason::TimeZone)?;
    let offset = offset_ms(offset).ok_or(Reason::Unexpected)?;
    u64::try_from(local - offset).map_err(|_| Reason::Unexpected)
}

/// The text without its zone, and the zone: `Z`, or a sign and what follows it behind the `T`.
fn split_zone(text: &str) -> (&str, Option<&str>) {
    let clock = text.find(['T', 't']).unwrap_or(text.len());
    match text.char_indices().find(|(i, c)| *i > clock && matches!(c, 'Z' | 'z' | '+' | '-')) {
        Some((i, _)) => text.split_at_checked(i).map_or((text, None), |(clock, zone)| (clock, Some(zone))),
        None => (text, None),
    }
}

fn local_ms(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once(['T', 't'])?;
    let mut date = date.split('-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.split(':').map(digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next().unwrap_or(Some(0))?);
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !fits || date.next().is_some() || clock.next().is_some() {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1000 + fraction_ms(fraction)?)
}

fn fraction_ms(text: &str) -> Option<i64> {
    match text.len() {
        0 => Some(0),
        len @ 1..=9 => Some(digits(text)? * 1000 / 10_i64.pow(u32::try_from(len).ok()?)),
        _ => None,
    }
}

fn offset_ms(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, hours) = match zone.split_at_checked(1)? {
        ("+", hours) => (1, hours),
        ("-", hours) => (-1, hours),
        _ => return None,
    };
    let (hours, minutes) = hours.split_once(':')?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leaps = (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
    let months: i64 = (1..month).map(|m| days_in(year, m)).sum();
    (year - 1970) * 365 + leaps + months + day - 1
}
