//! Times as tables write them.
//!
//! What comes in: RFC 3339 with an offset or `Z`, or seconds since the Unix epoch with an optional fraction. What
//! goes out: microseconds since the epoch. A time without a zone is refused unless the caller says which zone the
//! table is in; even then an hour that a clock change repeats or leaves out is refused, never picked.

use jiff::{Timestamp, civil, tz::TimeZone};

/// Why a text is not an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    /// Neither RFC 3339 nor epoch seconds.
    #[error("is not a time (RFC 3339 or epoch seconds)")]
    Unreadable,
    /// A wall clock without a zone.
    #[error("has no zone")]
    NoZone,
    /// A wall clock that its zone shows twice or never.
    #[error("falls into a clock change of its zone")]
    ClockChange,
}

/// Which end of a period a bare date names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateMeans {
    /// The first instant of the day.
    Start,
    /// The first instant after the day.
    End,
}

/// Reads an instant, in microseconds since the Unix epoch. `zone` is that of times written without one.
///
/// # Errors
/// When the text names no single instant.
pub fn time_us(text: &str, zone: Option<&TimeZone>) -> Result<i64, TimeFault> {
    let text = text.trim();
    if let Some(us) = epoch_us(text) {
        return Ok(us);
    }
    if !looks_like_date_and_time(text) {
        return Err(TimeFault::Unreadable);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_microsecond());
    }
    // A civil time only if no trace of an offset is left, so that a bad offset is not ignored.
    let bare = text.get(10..).is_some_and(|rest| {
        rest.bytes().skip(1).all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.')
    });
    let Ok(wall) = text.parse::<civil::DateTime>() else { return Err(TimeFault::Unreadable) };
    if !bare {
        return Err(TimeFault::Unreadable);
    }
    instant_of(wall, zone)
}

/// As [`time_us`], and a bare date `2026-11-21` too, in `zone`.
///
/// # Errors
/// When the text names no single instant.
pub fn date_or_time_us(text: &str, zone: Option<&TimeZone>, means: DateMeans) -> Result<i64, TimeFault> {
    let text = text.trim();
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') || !has_date(text)
    {
        return time_us(text, zone);
    }
    let day: civil::Date = text.parse().map_err(|_| TimeFault::Unreadable)?;
    let day = match means {
        DateMeans::Start => day,
        DateMeans::End => day.tomorrow().map_err(|_| TimeFault::Unreadable)?,
    };
    instant_of(day.to_datetime(civil::Time::midnight()), zone)
}

fn instant_of(wall: civil::DateTime, zone: Option<&TimeZone>) -> Result<i64, TimeFault> {
    let zone = zone.ok_or(TimeFault::NoZone)?;
    let instant = zone.to_ambiguous_timestamp(wall);
    instant.unambiguous().map(|instant| instant.as_microsecond()).map_err(|_| TimeFault::ClockChange)
}

/// Epoch seconds: 9 to 11 digits, so that `20260101` or a count of milliseconds is not taken for one.
fn epoch_us(text: &str) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    if !(9..=11).contains(&whole.len()) || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut us: i64 = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    if let Some(fraction) = fraction {
        if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let micros: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
        us = us.checked_add(micros.parse().ok()?)?;
    }
    Some(us)
}

/// `YYYY-MM-DD`, then `T` or a space, then something; no bracketed annotation.
fn looks_like_date_and_time(text: &str) -> bool {
    has_date(text) && matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' ')) && !text.contains('[')
}

fn has_date(text: &str) -> bool {
    text.bytes().take(10).enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    })
}
