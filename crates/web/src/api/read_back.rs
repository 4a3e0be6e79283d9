//! How a complaint would be read, before anything is asked: no record is looked at, nothing is journaled.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::reading::{TimeFault, read_endpoint, read_time};
use tadoru_desk::{Settings, Stores};
use tadoru_model::UtcMicros;
use utoipa::ToSchema;

use super::Api;
use super::extract::JsonBody;
use super::problem::Problem;
use super::reading::{NumberOrText, Texts, check_realm, read};
use super::shape::{QuestionEcho, Reading};

/// A complaint's texts, or one line that holds them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReadingRequest {
    /// A line as it stands in a complaint or a log: one address, a port where it tells one, a time with its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Address, which may hold a port; the line's, where not given.
    pub address: String,
    /// Port, where the address holds none.
    pub port: String,
    /// When it was seen, with its zone; the line's, where not given.
    pub at: String,
    /// Protocol by name or number.
    pub proto: String,
    /// The far side.
    pub to: String,
    /// How far the observer's clock may be off, either way.
    pub skew: String,
    /// Realm of the address.
    pub realm: String,
}

/// The question as it would be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadBack {
    /// The texts it was read from.
    pub texts: QuestionTexts,
    /// As it was understood.
    pub question: QuestionEcho,
    /// Times with their texts, and what looks wrong.
    pub reading: Reading,
}

/// The texts of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionTexts {
    /// Address, which may hold a port.
    pub address: String,
    /// Port; empty where the address holds it or none was told.
    pub port: String,
    /// When it was seen.
    pub at: String,
}

/// Reads a complaint without asking anything of the records.
#[utoipa::path(
    post, path = "/v1/reading", tag = "who", operation_id = "reading", request_body = ReadingRequest,
    responses(
        (status = 200, description = "how it would be read", body = ReadBack),
        (status = 400, description = "it cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn reading<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    JsonBody(request): JsonBody<ReadingRequest>,
) -> Result<Json<ReadBack>, Problem> {
    let (settings, now) = (api.desk.settings(), api.desk.now());
    let ReadingRequest { line, mut address, mut port, mut at, proto, to, skew, realm } = request;
    if let Some(line) = line.filter(|line| !line.trim().is_empty()) {
        let told = of_line(&line, settings, now)?;
        for (mine, of_line) in [(&mut address, told.address), (&mut port, told.port), (&mut at, told.at)] {
            if mine.trim().is_empty() {
                *mine = of_line;
            }
        }
    }
    let told = |text: &String| (!text.trim().is_empty()).then(|| text.clone());
    let port_told = told(&port).map(NumberOrText::Text);
    let (times, realm) = ([at.clone()], told(&realm));
    let texts = Texts {
        address: &address,
        port: port_told.as_ref(),
        at: &times,
        proto: Some(&proto),
        to: Some(&to),
        to_port: None,
        skew: Some(&skew),
        realm: realm.as_deref(),
    };
    check_realm(&api.desk, texts.realm)?;
    let asked = read(&texts, settings, now)?;
    let texts = QuestionTexts { address, port, at };
    Ok(Json(ReadBack { texts, question: asked.echo, reading: asked.reading }))
}

/// The address, the port and the time of a line. What could be two things is none: a person has to say which.
fn of_line(line: &str, settings: &Settings, now: UtcMicros) -> Result<QuestionTexts, Problem> {
    if line.len() > MOST_LINE_BYTES {
        return Err(Problem::wrong("line", "the line is too long for one complaint"));
    }
    let words: Vec<&str> = line.split(is_between).filter(|word| !word.is_empty()).take(MOST_WORDS).collect();
    let mut addresses = BTreeSet::new();
    let mut found: Option<(usize, String)> = None;
    for (place, word) in words.iter().enumerate() {
        let text = address_of(word);
        if let Ok(endpoint) = read_endpoint(text) {
            addresses.insert(endpoint.addr);
            found.get_or_insert((place, text.to_owned()));
        }
    }
    let Some((place, address)) = found else {
        return Err(
            Problem::wrong("line", "no address is found in the line").help("fill the fields in by hand")
        );
    };
    if addresses.len() > 1 {
        return Err(Problem::wrong("line", "the line holds more than one address")
            .help("fill in by hand the one that is asked about"));
    }
    let own_port = read_endpoint(&address).is_ok_and(|endpoint| endpoint.port.is_some());
    let port = if own_port { String::new() } else { port_of(&words, place) };
    Ok(QuestionTexts { address, port, at: time_of(line, &words, settings, now)? })
}

/// The port beside an address: named as one (`port 40123`, `sport=40123`), or the column behind the address.
fn port_of(words: &[&str], place: usize) -> String {
    let number = |word: &&str| word.parse::<u16>().is_ok_and(|port| port != 0);
    let named = words.iter().enumerate().find_map(|(at, word)| {
        let (name, value) = word.split_once('=').unwrap_or((word.trim_end_matches(':'), ""));
        let is_port = ["port", "sport", "src_port", "srcport", "source_port", "ポート"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        let value = if value.is_empty() { words.get(at + 1).copied().unwrap_or_default() } else { value };
        (is_port && number(&value)).then(|| value.to_owned())
    });
    named.unwrap_or_else(|| {
        words.get(place + 1).filter(|word| number(word)).map(|word| (*word).to_owned()).unwrap_or_default()
    })
}

/// The one time in a line: the longest run of its text that reads as one. A time without a zone is told as that.
fn time_of(line: &str, words: &[&str], settings: &Settings, now: UtcMicros) -> Result<String, Problem> {
    let zone = settings.time_zone();
    let start = |word: &str| (word.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    let mut instants = BTreeSet::new();
    let (mut best, mut fault) = (None::<String>, None);
    for (first, word) in words.iter().enumerate() {
        for last in (first..words.len().min(first + MOST_TIME_WORDS)).rev() {
            let Some(end) = words.get(last) else { continue };
            let Some(text) = line.get(start(word)..start(end) + end.len()) else { continue };
            let text = text.split_once('=').map_or(text, |(_, value)| value).trim_matches(is_quote);
            if crosses_columns(text) {
                continue;
            }
            match read_time(text, &zone, now) {
                Ok(read) if !text.bytes().all(|b| b.is_ascii_digit()) || text.len() >= EPOCH_DIGITS => {
                    let covered = best.as_ref().is_some_and(|known: &String| known.contains(text));
                    if !covered {
                        instants.insert(read.seen.at);
                        best.get_or_insert_with(|| text.to_owned());
                    }
                    break;
                }
                Err(known @ (TimeFault::NoZone { .. } | TimeFault::DayOrMonth { .. })) => {
                    fault.get_or_insert_with(|| (known, text.to_owned()));
                }
                _ => {}
            }
        }
    }
    match (best, fault, instants.len()) {
        (Some(text), _, 1) => Ok(text),
        (Some(_), ..) => Err(Problem::wrong("line", "the line holds more than one time")
            .help("fill in by hand the one that is asked about")),
        // The field shows what is wrong with it.
        (None, Some((_, text)), _) => Ok(text),
        (None, None, _) => Err(Problem::wrong("line", "no time with its zone is found in the line")
            .help("fill the fields in by hand; write the time like `2026-11-21 10:15:03 +09:00`")),
    }
}

/// Whether a text reaches over more than one column; the comma behind a day of the week (RFC 5322) ends none.
fn crosses_columns(text: &str) -> bool {
    let ends = [',', ';', '|', '、'];
    text.split_once(ends)
        .is_some_and(|(day, rest)| !day.chars().all(|c| c.is_ascii_alphabetic()) || rest.contains(ends))
}

fn address_of(word: &str) -> &str {
    let word = word.split_once('=').map_or(word, |(_, value)| value);
    let word = word.trim_matches(is_quote);
    if word.starts_with('[') && word.contains(':') { word } else { word.trim_end_matches([':', '.', ']']) }
}

const fn is_between(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | ',' | ';' | '|' | '、' | '　')
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '(' | ')' | '<' | '>' | '「' | '」')
}

/// Longest line of a complaint.
const MOST_LINE_BYTES: usize = 4096;
/// Words of a line that are looked at.
const MOST_WORDS: usize = 96;
/// Words that one time has at most.
const MOST_TIME_WORDS: usize = 6;
/// Fewest digits of a count of seconds that is taken for a time in a line.
const EPOCH_DIGITS: usize = 10;

#[cfg(test)]
mod tests;
