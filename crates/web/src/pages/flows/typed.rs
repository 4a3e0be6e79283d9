//! A question about flows as it was typed, and the place at which a filter is wrong.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tadoru_model::UtcMicros;

use super::super::Fields;
use super::Lang;
use crate::api::filter::FilterFault;
use crate::api::flows::FlowsQuery;
use crate::api::problem::Problem;
use crate::words::fixed::word;
use crate::words::seen;

/// What was typed, as it was typed.
#[derive(Clone, Default)]
pub struct Typed {
    pub(in crate::pages) filter: String,
    pub(super) last: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) view: &'static str,
    pub(super) key: String,
    pub(super) by: String,
    pub(super) count: String,
    pub(super) step: String,
    pub(super) rows: String,
    pub(super) once: bool,
    pub(super) incident: String,
    pub(in crate::pages) case: String,
    pub(super) purpose: String,
    pub(super) basis: String,
    pub(super) facts: BTreeMap<String, String>,
}

impl Typed {
    /// Of a form's fields, with what is usual where nothing was told.
    pub(super) fn of(fields: &Fields) -> Self {
        let of = |name: &str| fields.get(name).trim().to_owned();
        let or = |name: &str, usual: &str| {
            let told = of(name);
            if told.is_empty() { usual.to_owned() } else { told }
        };
        let view = fields.get("view");
        Self {
            filter: fields.get("filter").to_owned(),
            last: of("last"),
            since: of("since"),
            until: of("until"),
            view: ["sums", "top", "series", "rows"].into_iter().find(|known| *known == view).unwrap_or("top"),
            key: or("key", "dst-port"),
            by: or("by", "bytes"),
            count: or("count", "10"),
            step: or("step", "1m"),
            rows: or("rows", "100"),
            once: !of("counted").is_empty(),
            incident: of("incident"),
            case: of("case"),
            purpose: of("purpose"),
            basis: of("basis"),
            facts: fields
                .under("fact.")
                .filter(|(_, value)| !value.trim().is_empty())
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        }
    }

    /// The question for the API.
    pub(super) fn query(&self, zone: &TimeZone, now: UtcMicros) -> Result<FlowsQuery, Problem> {
        let told = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let mut since = instant(&self.since, zone);
        if since.is_none() {
            since = seconds_of(&self.last)
                .and_then(|length| now.plus(-length * 1_000_000).to_timestamp())
                .map(|at| at.to_string());
        }
        let mut query = FlowsQuery {
            filter: self.filter.clone(),
            since,
            until: instant(&self.until, zone),
            once: self.once,
            incident: told(&self.incident),
            case: told(&self.case),
            purpose: told(&self.purpose),
            basis: told(&self.basis),
            facts: self.facts.clone(),
            ..FlowsQuery::default()
        };
        match self.view {
            "top" => {
                query.top = told(&self.key);
                query.by = told(&self.by);
                query.count = Some(counted("page-keys", &self.count, MOST_KEYS)?);
            }
            "series" => query.series = told(&self.step),
            "rows" => query.rows = Some(counted("page-rows", &self.rows, MOST_ROWS)?),
            _ => {}
        }
        Ok(query)
    }
}

fn counted(what: &str, text: &str, most: u32) -> Result<u32, Problem> {
    let wrong = || Problem::wrong(what, format!("this is a number from 1 to {most}"));
    let count: u32 = text.replace(',', "").parse().map_err(|_| wrong())?;
    if (1..=most).contains(&count) { Ok(count) } else { Err(wrong()) }
}

/// A time with its zone as it was typed; one without, in the operator's zone where it is there once.
fn instant(text: &str, zone: &TimeZone) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let bare: Option<DateTime> = if text.contains(['Z', '+']) { None } else { text.parse().ok() };
    let zoned = bare.and_then(|bare| zone.to_ambiguous_zoned(bare).unambiguous().ok());
    Some(
        zoned.map_or_else(|| text.to_owned(), |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S%.f %:z").to_string()),
    )
}

/// A length before the present, such as `15m`.
fn seconds_of(text: &str) -> Option<i64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    count.parse::<i64>().ok().filter(|count| (1..=1000).contains(count)).map(|count| count * unit)
}

/// Where a filter is wrong.
pub struct Place {
    /// The line in which it is.
    pub(super) line: String,
    /// What stands before the mark under it: as wide as what is before the place.
    pub(super) before: String,
    /// What is wrong.
    pub(super) why: String,
    /// What could stand there.
    pub(super) expected: String,
}

impl Place {
    /// The place of a fault.
    pub(super) fn of(lang: Lang, text: &str, fault: &FilterFault) -> Self {
        let at = usize::try_from(fault.at).unwrap_or(usize::MAX);
        let (mut from, mut line) = (0, "");
        for one in text.split('\n') {
            line = one;
            if at <= from + one.len() {
                break;
            }
            from += one.len() + 1;
        }
        let before = line.char_indices().take_while(|(byte, _)| from + byte < at);
        let why = word(lang, seen::FILTER_FAULTS, &fault.code);
        let why = if why == fault.code { fault.message.as_str() } else { why };
        let expected: Vec<&str> = fault.expected.iter().take(MOST_OFFERED).map(String::as_str).collect();
        Self {
            line: line.to_owned(),
            // Japanese letters are two columns wide.
            before: before.map(|(_, c)| if c.is_ascii() { " " } else { "\u{3000}" }).collect(),
            why: why.to_owned(),
            expected: expected.join(", "),
        }
    }

    /// In one text, for a script.
    pub(super) fn told(&self) -> String {
        let offers = if self.expected.is_empty() { String::new() } else { format!("\n{}", self.expected) };
        format!("{}\n{}^ {}{offers}", self.line, self.before, self.why)
    }
}

/// Keys of a ranking at most, and flows of a list: what a page and its export hold. The command has more.
const MOST_KEYS: u32 = 1000;
const MOST_ROWS: u32 = 10_000;
/// Words that are offered at a fault.
const MOST_OFFERED: usize = 24;

#[cfg(test)]
mod tests;
