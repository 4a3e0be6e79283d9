//! Questions as complaints write them: texts in, a question with its echo out, or what is wrong with them.
//!
//! The desk reads the texts; here they are only put together. No message repeats an address.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tadoru_desk::reading::{AddressFault, TimeFault, Warning, read_endpoint, read_port, read_time};
use tadoru_desk::who::Question;
use tadoru_desk::{Desk, Settings, Stores};
use tadoru_model::{Endpoint, Protocol, Realm, Remote, UtcMicros};
use utoipa::ToSchema;

use super::problem::Problem;
use super::shape::{Moment, QuestionEcho, Reading, TimeRead, Warned};
use crate::words::Lang;
use crate::words::fixed::{WARNINGS, word};

/// A number, or the same as text, as tables have it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum NumberOrText {
    /// As a number.
    Number(u64),
    /// As text.
    Text(String),
}

impl NumberOrText {
    /// As text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl std::fmt::Debug for NumberOrText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[text]")
    }
}

/// The texts of one question.
#[derive(Default)]
pub(super) struct Texts<'t> {
    pub(super) address: &'t str,
    pub(super) port: Option<&'t NumberOrText>,
    pub(super) at: &'t [String],
    pub(super) proto: Option<&'t str>,
    pub(super) to: Option<&'t str>,
    pub(super) to_port: Option<&'t NumberOrText>,
    pub(super) skew: Option<&'t str>,
    pub(super) realm: Option<&'t str>,
}

/// A question that was read, and how.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) echo: QuestionEcho,
    pub(super) reading: Reading,
}

/// Reads the texts of one question.
pub(super) fn read(texts: &Texts<'_>, settings: &Settings, now: UtcMicros) -> Result<Asked, Problem> {
    let zone = settings.time_zone();
    let mut endpoint = endpoint(texts.address, texts.port, "address")?;
    endpoint.proto = texts.proto.filter(|p| !p.trim().is_empty()).map_or(Ok(Protocol::ANY), protocol)?;
    let remote = match texts.to.filter(|to| !to.trim().is_empty()) {
        Some(to) => {
            let Endpoint { addr, port, .. } = self::endpoint(to, texts.to_port, "to")?;
            Some(Remote { addr, port })
        }
        None if texts.to_port.is_some_and(|port| !port.text().trim().is_empty()) => {
            return Err(Problem::wrong("to", "a destination port without a destination address"));
        }
        None => None,
    };
    let (seen, reading) = times(texts.at, &zone, now)?;
    let skew_us = match texts.skew.filter(|s| !s.trim().is_empty()) {
        Some(text) => duration_us(text)?,
        None => 0,
    };
    let realm = texts.realm.map_or_else(Realm::untold, Realm::from);
    let echo = QuestionEcho {
        address: endpoint.addr.to_string(),
        port: endpoint.port,
        proto: endpoint.proto.to_string(),
        realm: realm.0.to_string(),
        to: remote.map(|r| Endpoint { addr: r.addr, port: r.port, proto: Protocol::ANY }.to_string()),
        at: seen.iter().map(|s: &tadoru_model::Seen| Moment::of(s.at, &zone)).collect(),
        skew_ms: u64::try_from(skew_us / 1000).unwrap_or_default(),
    };
    Ok(Asked { question: Question { endpoint, realm, seen, skew_us, remote }, echo, reading })
}

/// Refuses a realm that neither a record nor a rule speaks of; where there are none yet, any may be meant.
pub(super) fn check_realm<S: Stores>(desk: &Desk<S>, realm: Option<&str>) -> Result<(), Problem> {
    let Some(realm) = realm.map(Realm::from).filter(|realm| !realm.is_untold()) else { return Ok(()) };
    let known = desk.realms()?;
    if known.is_empty() || known.contains(&realm) {
        return Ok(());
    }
    let known: Vec<&str> = known.iter().map(|realm| &*realm.0).collect();
    Err(Problem::wrong("realm", "no record and no rule speaks of this `realm`")
        .help(format!("there are: {}", known.join(", "))))
}

/// Reads a length of time such as `30s`, `500ms` or `2m`, in microseconds.
pub(super) fn duration_us(text: &str) -> Result<i64, Problem> {
    let wrong = || {
        Problem::wrong("skew", "the skew is not a length of time of at most one day")
            .help("write it like `30s`, `500ms` or `2m`")
    };
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let unit_us = match unit.trim() {
        "ms" => 1000,
        "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_us).filter(|us| *us <= MOST_SKEW_US).ok_or_else(wrong)
}

fn endpoint(text: &str, port: Option<&NumberOrText>, about: &str) -> Result<Endpoint, Problem> {
    if text.len() > MOST_TEXT_BYTES {
        return Err(Problem::wrong(about, format!("`{about}` is too long for an address")));
    }
    let mut endpoint = read_endpoint(text).map_err(|fault| address_problem(fault, about))?;
    let told = port.map(NumberOrText::text).filter(|p| !p.trim().is_empty());
    if let Some(port) = told {
        let port = read_port(&port).map_err(|fault| address_problem(fault, about))?;
        if endpoint.port.is_some_and(|other| other != port) {
            return Err(Problem::wrong("two-ports", format!("two ports are given with `{about}`"))
                .help("give the port once: with the address, or as the port"));
        }
        endpoint.port = Some(port);
    }
    Ok(endpoint)
}

fn protocol(text: &str) -> Result<Protocol, Problem> {
    Protocol::parse(text.trim()).ok_or_else(|| {
        Problem::wrong("proto", "`proto` is no protocol")
            .help("write it like `tcp`, `udp`, `icmp`, or its number in the IANA registry")
    })
}

fn times(
    texts: &[String],
    zone: &TimeZone,
    now: UtcMicros,
) -> Result<(Vec<tadoru_model::Seen>, Reading), Problem> {
    if texts.is_empty() || texts.len() > MOST_TIMES {
        return Err(Problem::wrong("at", format!("`at` takes 1 to {MOST_TIMES} times")));
    }
    let (mut seen, mut reading) = (Vec::with_capacity(texts.len()), Reading::default());
    for (place, text) in texts.iter().enumerate() {
        if text.len() > MOST_TEXT_BYTES {
            return Err(time_problem(&TimeFault::NotATime));
        }
        let read = read_time(text, zone, now).map_err(|fault| time_problem(&fault))?;
        let moment = Moment::of(read.seen.at, zone);
        let Moment { utc, local } = moment;
        let resolution_us = read.seen.resolution_us;
        reading.at.push(TimeRead { text: text.clone(), utc, local, resolution_us });
        let about = format!("at[{place}]");
        reading.warnings.extend(read.warnings.iter().map(|w| warned(w, &about)));
        seen.push(read.seen);
    }
    Ok((seen, reading))
}

fn address_problem(fault: AddressFault, about: &str) -> Problem {
    let code = match fault {
        AddressFault::NotAnAddress => "address",
        AddressFault::LeadingZero => "address-leading-zero",
        AddressFault::Port => "port",
        AddressFault::Prefix => "address-prefix",
        AddressFault::Zone => "address-zone",
    };
    Problem::wrong(code, format!("cannot read `{about}`: {fault}"))
        .help("write it like `192.0.2.1`, `192.0.2.1:40123` or `[2001:db8::1]:40123`")
}

fn time_problem(fault: &TimeFault) -> Problem {
    let (code, likely) = match fault {
        TimeFault::NotATime => ("time", vec![]),
        TimeFault::NoZone { ours, utc } => ("time-no-zone", vec![ours.clone(), utc.clone()]),
        TimeFault::DayOrMonth { day_first, month_first } => {
            ("time-day-or-month", vec![day_first.clone(), month_first.clone()])
        }
        TimeFault::Impossible { likely } => ("time-impossible", likely.iter().cloned().collect()),
        TimeFault::ZoneAbbreviation => ("time-zone-abbreviation", vec![]),
    };
    Problem::wrong(code, format!("cannot read the time: {fault}"))
        .help("write it like `2026-11-21 10:15:03 +09:00`; the zone is part of it")
        .likely(likely)
}

fn warned(warning: &Warning, about: &str) -> Warned {
    let (code, message, likely) = match warning {
        Warning::Future { likely } => {
            ("future", "the time lies in the future, as it does when a zone is mistaken", likely.clone())
        }
        Warning::ZoneSeason { likely } => {
            ("zone-season", "the zone's abbreviation does not fit the season", Some(likely.clone()))
        }
        Warning::OneHourFromOurs { likely } => (
            "one-hour-from-ours",
            "the offset is one hour away from the operator's zone",
            Some(likely.clone()),
        ),
        Warning::Epoch => ("epoch", "the time was given as a count since 1970 and taken as UTC", None),
        Warning::Repeated => ("repeated", "the time falls on a leap second or a repeated hour", None),
    };
    Warned {
        code: code.to_owned(),
        about: about.to_owned(),
        message: message.to_owned(),
        likely,
        message_ja: word(Lang::Ja, WARNINGS, code).to_owned(),
    }
}

/// Longest text of an address or a time.
const MOST_TEXT_BYTES: usize = 256;

/// Observed times of one question.
const MOST_TIMES: usize = 64;

/// One day: who does not know the time to a day does not know it.
const MOST_SKEW_US: i64 = 86_400_000_000;
