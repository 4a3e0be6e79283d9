//! An entry that is being read: its lines become a record, or the word that it is not whole.

use jiff::tz::TimeZone;

use super::dates::{self, DateError};
use super::literal::Literal;
use super::{Ended, Line, Slip};
use crate::defect::{Defect, Place};
use crate::dictionary::{Dictionary, Kind, Oid};
use crate::radius::Accounting;
use crate::radius::fields::Field;
use crate::radius::gather::Gather;

/// An entry that is being read.
pub(super) struct Draft<'a> {
    dictionary: &'a Dictionary,
    zone: &'a TimeZone,
    gather: Gather<'a>,
    start: u64,
    header: Option<i64>,
    timestamp: Option<i64>,
    pub(super) attributes: usize,
    pub(super) last_name: Vec<u8>,
    last_value: Vec<u8>,
    pub(super) overlong: bool,
    /// A line that belongs to no entry stands within it.
    stray: bool,
    /// How often each of the attributes that an entry has once at most was seen.
    once: [u8; ONCE.len()],
}

impl<'a> Draft<'a> {
    pub(super) fn new(dictionary: &'a Dictionary, zone: &'a TimeZone, first: &Line) -> Self {
        Self {
            dictionary,
            zone,
            gather: Gather::new(dictionary, Place::Line(first.number)),
            start: first.number,
            header: None,
            timestamp: None,
            attributes: 0,
            last_name: Vec::new(),
            last_value: Vec::new(),
            overlong: false,
            stray: false,
            once: [0; ONCE.len()],
        }
    }

    /// Takes a line in: a header, or an attribute.
    pub(super) fn line(&mut self, line: &Line) {
        if line.ended == Ended::Long {
            self.gather.fault(Defect::line(line.number, "line exceeds the bound on its length"));
            return;
        }
        if let Some((name, value)) = split(&line.text) {
            self.attributes += 1;
            self.last_name = name.to_vec();
            self.last_value = value.to_vec();
            self.attribute(name, value, line.number);
            return;
        }
        if line.number != self.start {
            self.stray = true;
            return;
        }
        let text = std::str::from_utf8(&line.text).ok().map(str::trim);
        match text.ok_or(DateError::Form).and_then(|text| dates::parse(text, self.zone)) {
            Ok(instant) => self.header = Some(instant),
            Err(error) => self.gather.fault(Defect::line(line.number, format!("header {error}"))),
        }
    }

    fn attribute(&mut self, name: &[u8], value: &[u8], line: u64) {
        let Ok(name) = std::str::from_utf8(name) else {
            self.gather.fault(Defect::line(line, "attribute name is not text"));
            return;
        };
        if name.eq_ignore_ascii_case("Timestamp") {
            match dates::epoch(value) {
                Some(instant) => self.timestamp = Some(instant),
                None => self.gather.fault(Defect::line(line, "`Timestamp` is not a number of seconds")),
            }
            return;
        }
        let (name, tag) = match name.rsplit_once(':').map(|(name, tag)| (name, tag.parse().ok())) {
            Some((name, Some(tag))) => (name, Some(tag)),
            _ => (name, None),
        };
        let Some(oid) = self.dictionary.find(name).filter(|oid| Gather::wants(*oid)) else { return };
        if let Some(count) = ONCE.iter().position(|once| Oid::plain(*once) == oid) {
            self.once.iter_mut().skip(count).take(1).for_each(|count| *count = count.saturating_add(1));
        }
        let known = self.dictionary.attribute(oid);
        let kind = known.map_or(Kind::Octets, |known| known.kind);
        let place = Place::Line(line);
        let literal = match Literal::parse(value) {
            Ok(literal) => literal,
            Err(what) => return self.gather.defect(oid, place, what),
        };
        if kind == Kind::Date && !literal.is_hex() {
            return self.date(oid, &literal, place);
        }
        // Names such as `Attr-26.10415.1` stand before raw octets, others before the printed form of the type.
        let numbered = known.is_none_or(|known| !known.name.eq_ignore_ascii_case(name)) && numbered(name);
        let value = literal.value(kind, numbered, &|text| {
            known
                .and_then(|known| self.dictionary.value(&known.name, text))
                .or_else(|| self.dictionary.value(name, text))
        });
        match value {
            Some(value) => self.gather.take(&Field { oid, tag, group: None, at: line, value }, place),
            None => self.gather.defect(oid, place, "cannot be read"),
        }
    }

    /// A date: seconds since 1970, or text with or without a zone.
    fn date(&mut self, oid: Oid, literal: &Literal, place: Place) {
        let instant = match std::str::from_utf8(literal.octets()) {
            Ok(text) => match dates::epoch(text.as_bytes()) {
                Some(instant) => Ok(instant),
                None => dates::parse(text.trim(), self.zone),
            },
            Err(_) => Err(DateError::Form),
        };
        match instant {
            Ok(instant) => self.gather.event(place, instant),
            Err(error) => self.gather.defect(oid, place, &error.to_string()),
        }
    }

    /// Whether an entry that no blank line closes was written to its end. It must end with the attribute that the entry
    /// before ended with; without a line feed, the last value must show that nothing is missing.
    pub(super) fn looks_whole(&self, last_name: Option<&[u8]>, ended: Ended) -> bool {
        match ended {
            Ended::Feed => last_name.map_or(self.attributes > 1, |name| name == self.last_name),
            Ended::Long => false,
            Ended::Input => {
                if last_name.is_some_and(|name| name != self.last_name) {
                    return false;
                }
                match (self.last_name.as_slice(), self.last_value.as_slice()) {
                    (b"Timestamp", _) => match (self.timestamp, self.header) {
                        (Some(timestamp), Some(header)) => timestamp.abs_diff(header) < ONE_DAY_AND_MORE,
                        (Some(timestamp), None) => timestamp >= TEN_DIGITS,
                        (None, _) => false,
                    },
                    (b"Request-Authenticator", value) => matches!(value, b"Verified" | b"Unverified"),
                    (_, [quote @ (b'"' | b'\''), .., last]) if last_name.is_some() => {
                        quote == last && Literal::parse(&self.last_value).is_ok()
                    }
                    _ => false,
                }
            }
        }
    }

    /// Whether two entries may have run into each other, which would join one person's address to another's name.
    pub(super) fn torn(&self) -> bool {
        self.stray || self.once.iter().any(|count| *count > 1)
    }

    pub(super) fn finish(mut self, slip: &mut Slip) -> (Accounting, Vec<Defect>) {
        if let (Some(timestamp), Some(header)) = (self.timestamp, self.header)
            && timestamp.abs_diff(header) > SLIP
            && *slip == Slip::Untold
        {
            *slip = Slip::Told;
            let what = "header and `Timestamp` disagree (told once): the zone given is not that of the server; \
                        `Timestamp` is used";
            self.gather.fault(Defect::line(self.start, what));
        }
        self.gather.arrival(self.timestamp.or(self.header));
        self.gather.finish()
    }
}

/// Name and value of `Name = value` (also `+=`, `:=`, `==`).
pub(super) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii();
    let end = line.iter().position(|octet| matches!(octet, b' ' | b'\t' | b'='))?;
    let (name, rest) = line.split_at_checked(end)?;
    let name_octet =
        |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b':' | b'/');
    // `Name:=` without blanks leaves the operator's colon with the name.
    let name = name.strip_suffix(b":").or_else(|| name.strip_suffix(b"+")).unwrap_or(name);
    if name.is_empty() || !name.iter().all(name_octet) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let rest =
        rest.strip_prefix(b"+").or_else(|| rest.strip_prefix(b":")).unwrap_or(rest).strip_prefix(b"=")?;
    Some((name, rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii_start()))
}

/// Whether a name tells its attribute by number.
fn numbered(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix("unknown-").or_else(|| lower.strip_prefix("raw.")).unwrap_or(&lower);
    bare.len() < lower.len()
        || bare.starts_with("attr-")
        || bare.starts_with("vendor-") && bare.contains("-attr-")
        || Oid::parse(bare).is_some()
}

/// User-Name, Acct-Status-Type and Acct-Session-Id: an entry has each once at most (RFC 2866 section 5.13).
const ONCE: [u8; 3] = [1, 40, 44];

/// Microseconds that header and `Timestamp` of one entry may lie apart.
const SLIP: u64 = 120 * 1_000_000;

/// Microseconds of 26 hours: more than any zone shifts a date, less than a lost digit does.
const ONE_DAY_AND_MORE: u64 = 26 * 3600 * 1_000_000;

/// From here on a number of seconds has ten digits; in microseconds.
const TEN_DIGITS: i64 = 1_000_000_000 * 1_000_000;
