//! The coverage calendar: for each source a row of days, and what is known of each.
//!
//! What comes in: the spans on record. What goes out: for each day the worst that is known of it, and for how long. Where
//! spans overlap the worse one counts; what no span speaks of is unknown, never taken for covered.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::figures::duration;
use super::times;
use crate::api::shape::Covered;
use crate::words::fixed::{self, word};
use crate::words::{Lang, seen};

/// The calendar.
pub struct Calendar {
    /// The days, the oldest first: as `11-22`, and as `Sun`.
    pub days: Vec<(String, &'static str)>,
    /// A row for each source and kind of record.
    pub rows: Vec<Row>,
}

/// A source's row.
pub struct Row {
    /// The source.
    pub source: String,
    /// Kind of its records.
    pub kind: String,
    /// Its days.
    pub days: Vec<Day>,
}

/// What is known of a source on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// `covered`, `lossy`, `gap` or `unknown`.
    pub state: &'static str,
    /// The word for it.
    pub word: &'static str,
    /// For how long.
    pub figure: String,
    /// All that is known.
    pub whole: String,
}

/// The days up to now.
pub fn calendar(lang: Lang, zone: &TimeZone, spans: &[Covered], now: Timestamp) -> Calendar {
    let today = now.to_zoned(zone.clone()).date();
    let days: Vec<Date> = (0..DAYS).rev().filter_map(|back| today.checked_sub(back.days()).ok()).collect();
    let mut rows: Vec<((&str, &str), Vec<&Covered>)> = Vec::new();
    for span in spans {
        let key = (span.source.as_str(), span.kind.as_str());
        let has_room = rows.len() < MOST_ROWS;
        match rows.iter_mut().find(|(known, _)| *known == key) {
            Some((_, all)) => all.push(span),
            None if has_room => rows.push((key, vec![span])),
            None => {}
        }
    }
    let ends: Vec<(f64, f64)> = days
        .iter()
        .filter_map(|day| {
            let begin = |day: &Date| Some(day.to_zoned(zone.clone()).ok()?.timestamp());
            let (from, until) = (begin(day)?, begin(&day.tomorrow().ok()?)?);
            Some((from.as_second() as f64, until.min(now).as_second() as f64))
        })
        .collect();
    let row = |((source, kind), spans): ((&str, &str), Vec<&Covered>)| Row {
        source: source.to_owned(),
        kind: word(lang, fixed::KINDS, kind).to_owned(),
        days: ends.iter().map(|(from, until)| day(lang, &spans, *from, *until)).collect(),
    };
    Calendar {
        days: days.iter().map(|day| (day.strftime("%m-%d").to_string(), weekday(lang, *day))).collect(),
        rows: rows.into_iter().map(row).collect(),
    }
}

fn weekday(lang: Lang, day: Date) -> &'static str {
    let place = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
    let names = match lang {
        Lang::Ja => ["月", "火", "水", "木", "金", "土", "日"],
        Lang::En => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    };
    names.get(place).copied().unwrap_or_default()
}

/// What is known of a day, seconds since 1970.
fn day(lang: Lang, spans: &[&Covered], from: f64, until: f64) -> Day {
    let mut known: Vec<(f64, f64, usize)> = Vec::new();
    for span in spans {
        let edge = |at: &Option<String>, open: f64| at.as_deref().map_or(Some(open), times::seconds);
        let (Some(begins), Some(ends)) = (edge(&span.from, f64::MIN), edge(&span.until, f64::MAX)) else {
            continue;
        };
        let (begins, ends) = (begins.max(from), ends.min(until));
        if begins < ends {
            let rank = match span.state.as_str() {
                "alive" => COVERED,
                "lossy" => LOSSY,
                _ => GAP,
            };
            known.push((begins, ends, rank));
        }
    }
    let mut cuts: Vec<f64> = known.iter().flat_map(|(begins, ends, _)| [*begins, *ends]).collect();
    cuts.extend([from, until]);
    cuts.sort_by(f64::total_cmp);
    let mut sums = [0.0; 4];
    for pair in cuts.windows(2) {
        let [begins, ends] = pair else { continue };
        let here = known.iter().filter(|(b, e, _)| b <= begins && ends <= e).map(|(.., rank)| *rank);
        if let Some(sum) = sums.get_mut(here.max().unwrap_or(UNKNOWN)) {
            *sum += ends - begins;
        }
    }
    let told = |rank: usize| sums.get(rank).copied().unwrap_or(0.0).round() as i64;
    let worst = [GAP, LOSSY, UNKNOWN].into_iter().find(|rank| told(*rank) > 0).unwrap_or(COVERED);
    let name = |rank: usize| STATES.get(rank).copied().unwrap_or("unknown");
    let of = |rank: usize| word(lang, seen::DAYS, name(rank));
    let all = [COVERED, LOSSY, GAP, UNKNOWN].into_iter().filter(|rank| told(*rank) > 0);
    let whole =
        all.map(|rank| format!("{} {}", of(rank), duration(told(rank)))).collect::<Vec<_>>().join(" · ");
    Day { state: name(worst), word: of(worst), figure: coarse(told(worst)), whole }
}

/// A length in its two largest units.
fn coarse(seconds: i64) -> String {
    match seconds {
        0..3600 => duration(seconds),
        3600..86_400 => duration(seconds / 60 * 60),
        _ => "24 h".to_owned(),
    }
}

/// Places of the states; a larger one of those that spans have is worse.
const UNKNOWN: usize = 0;
const COVERED: usize = 1;
const LOSSY: usize = 2;
const GAP: usize = 3;
const STATES: [&str; 4] = ["unknown", "covered", "lossy", "gap"];
/// Days that are shown.
const DAYS: i64 = 14;
/// Rows at most.
const MOST_ROWS: usize = 200;

#[cfg(test)]
mod tests;
