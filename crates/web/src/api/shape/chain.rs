//! Candidates, the records that lead to them, and the state of the sources.

use serde::{Deserialize, Serialize};
use tadoru_model::{Certainty, CoverageSpan, Doubt, NarrowBy, PortRange};
use utoipa::ToSchema;

use super::rfc3339;
use crate::words::said::japanese;

/// One possible holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    /// Contract id, or the surest name of the line where no directory knows it: see `named_by`.
    pub subscriber: String,
    /// What kind of name `subscriber` is: `contract`, `login`, `circuit-id`, …
    pub named_by: String,
    /// Every name that the records give the line.
    pub names: Vec<Name>,
    /// From when the whole chain held at most, RFC 3339; `null`: the records begin in the middle of it.
    pub from: Option<String>,
    /// First instant at which it no longer held, RFC 3339; `null`: it has not ended.
    pub until: Option<String>,
    /// `certain`, `within-skew` or `possible`.
    pub certainty: String,
    /// Why it is not certain, in fixed words.
    pub doubts: Vec<String>,
    /// The way back, from the asked endpoint to the line.
    pub path: Vec<Hop>,
}

/// A name of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Name {
    /// Kind of name.
    pub kind: String,
    /// The name.
    pub value: String,
}

/// One step of the way back: a record and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hop {
    /// Kind of record: `session`, `lease`, `nat-session`, `nat-block`, `nat-binding`, `rule`, `seat` or `static`.
    pub kind: String,
    /// Source that wrote it.
    pub source: String,
    /// Where in the source: line, byte offset or sequence number; 0 where the source has none.
    pub record: u64,
    /// Realm of the address; empty where the record tells none.
    pub realm: String,
    /// Address or prefix that was held.
    pub prefix: String,
    /// Ports of it; `null`: all of them.
    pub ports: Option<Ports>,
    /// Protocol by name or number; `any` for all.
    pub proto: String,
    /// When it began.
    pub from: Edge,
    /// When it ended.
    pub until: Edge,
    /// Clock correction in these times, normalised minus logged, milliseconds.
    pub corrected_ms: i64,
}

/// A range of ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ports {
    /// Lowest.
    pub low: u16,
    /// Highest.
    pub high: u16,
}

/// One end of a record's time: not before `earliest` and not after `latest`. Open ends are `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Edge {
    /// Not before, normalised, RFC 3339 in UTC.
    pub earliest: Option<String>,
    /// Not after, normalised.
    pub latest: Option<String>,
    /// How it is known: `logged`, `duration`, `next-holder`, `restart`, `expiry`, `open`, `silent` or `before`.
    pub how: String,
    /// `earliest` by the source's own clock.
    pub logged_earliest: Option<String>,
    /// `latest` by the source's own clock.
    pub logged_latest: Option<String>,
}

/// What is known of a source over a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Covered {
    /// Which source.
    pub source: String,
    /// Kind of its records.
    pub kind: String,
    /// Realm that it speaks of; empty where not told.
    pub realm: String,
    /// Prefixes that it speaks of; empty: any of the realm.
    pub prefixes: Vec<String>,
    /// First instant, RFC 3339 in UTC.
    pub from: Option<String>,
    /// First instant after.
    pub until: Option<String>,
    /// `alive`, `lossy` or `dead`.
    pub state: String,
    /// Why, in plain words.
    pub why: String,
    /// `why` in Japanese.
    #[serde(default)]
    pub why_ja: String,
}

impl Candidate {
    pub(super) fn of(candidate: &tadoru_model::Candidate) -> Self {
        let name =
            |n: &tadoru_model::Identity| Name { kind: n.kind.as_str().to_owned(), value: n.value.clone() };
        Self {
            subscriber: candidate.subscriber.0.clone(),
            named_by: candidate.named_by.kind.as_str().to_owned(),
            names: candidate.names.iter().map(name).collect(),
            from: rfc3339(candidate.held.from),
            until: rfc3339(candidate.held.until),
            certainty: certainty_word(candidate.certainty).to_owned(),
            doubts: candidate.doubts.iter().map(|d| doubt_word(*d).to_owned()).collect(),
            path: candidate.path.iter().map(Hop::of).collect(),
        }
    }
}

impl Hop {
    fn of(hop: &tadoru_model::Hop) -> Self {
        let PortRange { low, high } = hop.ports;
        let edge = |edge: &tadoru_model::Edge| Edge {
            earliest: rfc3339(edge.earliest),
            latest: rfc3339(edge.latest),
            how: edge.how.as_str().to_owned(),
            logged_earliest: rfc3339(edge.earliest.plus(-hop.corrected_us)),
            logged_latest: rfc3339(edge.latest.plus(-hop.corrected_us)),
        };
        Self {
            kind: hop.kind.as_str().to_owned(),
            source: hop.source.clone(),
            record: hop.record,
            realm: hop.realm.0.to_string(),
            prefix: hop.prefix.to_string(),
            ports: (hop.ports != PortRange::ALL).then_some(Ports { low, high }),
            proto: hop.proto.to_string(),
            from: edge(&hop.from),
            until: edge(&hop.until),
            corrected_ms: hop.corrected_us / 1000,
        }
    }
}

impl Covered {
    pub(crate) fn of(span: &CoverageSpan) -> Self {
        Self {
            source: span.source.0.to_string(),
            kind: span.kind.as_str().to_owned(),
            realm: span.realm.0.to_string(),
            prefixes: span.prefixes.iter().map(ToString::to_string).collect(),
            from: rfc3339(span.span.from),
            until: rfc3339(span.span.until),
            state: span.state.as_str().to_owned(),
            why: span.why.clone(),
            why_ja: japanese(&span.why),
        }
    }
}

const fn certainty_word(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Certain => "certain",
        Certainty::WithinSkew => "within-skew",
        Certainty::Possible => "possible",
    }
}

const fn doubt_word(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::NearStart => "near-start",
        Doubt::NearEnd => "near-end",
        Doubt::EndInferred => "end-inferred",
        Doubt::StartInferred => "start-inferred",
        Doubt::SourceLossy => "source-lossy",
        Doubt::ClockCorrected => "clock-corrected",
        Doubt::RealmUntold => "realm-untold",
        Doubt::InsideUnresolved => "inside-unresolved",
        Doubt::ProtocolUntold => "protocol-untold",
    }
}

pub(super) const fn narrow_word(narrow: NarrowBy) -> &'static str {
    match narrow {
        NarrowBy::Port => "port",
        NarrowBy::Protocol => "protocol",
        NarrowBy::Destination => "destination",
        NarrowBy::AnotherTime => "another-time",
        NarrowBy::ExactTime => "exact-time",
        NarrowBy::Realm => "realm",
        NarrowBy::MissingLog => "missing-log",
    }
}
