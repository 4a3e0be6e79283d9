//! The answer to "who had this endpoint then?", with everything it rests on.

use serde::{Deserialize, Serialize};

use crate::{
    CoverageSpan, Edge, Identity, PortRange, Prefix, Protocol, Realm, RecordKind, Span, SubscriberId,
};

/// What the records allow one to say. The words are fixed; see the reference page on outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// One holder, and the evidence leaves room for no other.
    Unique,
    /// The evidence leaves room for several, or for somebody whom no record names.
    Ambiguous,
    /// The records are complete for that time and name nobody.
    None,
    /// Records of that time are missing.
    Gap,
    /// Records of that time were deleted at the end of their retention.
    Expired,
    /// The address is not of this operator.
    NotOurs,
    /// The gate does not permit the question.
    Refused,
}

impl Outcome {
    /// The outcome's name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::Ambiguous => "ambiguous",
            Self::None => "none",
            Self::Gap => "gap",
            Self::Expired => "expired",
            Self::NotOurs => "not-ours",
            Self::Refused => "refused",
        }
    }
}

/// How sure a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Held it over the whole asked span.
    Certain,
    /// Held it at the asked instant by the records, but the clocks leave a doubt at an edge.
    WithinSkew,
    /// May have held it: an edge is inferred, a record is missing, or the question leaves it open.
    Possible,
}

/// One step of the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Kind of record.
    pub kind: RecordKind,
    /// Source that wrote it.
    pub source: String,
    /// Where in the source.
    pub record: u64,
    /// Address plan.
    pub realm: Realm,
    /// What was held.
    pub prefix: Prefix,
    /// Which ports of it.
    pub ports: PortRange,
    /// Protocol.
    pub proto: Protocol,
    /// When it began, normalised.
    pub from: Edge,
    /// When it ended, normalised.
    pub until: Edge,
    /// Clock correction in those times: normalised minus logged, microseconds.
    pub corrected_us: i64,
}

/// One possible holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Contract id, or the surest name that the records have where no directory knows the line.
    pub subscriber: SubscriberId,
    /// What kind of name `subscriber` is.
    pub named_by: Identity,
    /// Every name that the records give the line.
    pub names: Vec<Identity>,
    /// From when to when the whole chain held at most.
    pub held: Span,
    /// How sure.
    pub certainty: Certainty,
    /// The way back, from the asked endpoint to the line.
    pub path: Vec<Hop>,
    /// Why it is not certain, in fixed words.
    pub doubts: Vec<Doubt>,
}

/// Why a candidate is not certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// The asked instant, with its skew, crosses the beginning.
    NearStart,
    /// The asked instant, with its skew, crosses the end.
    NearEnd,
    /// The end was not logged but inferred.
    EndInferred,
    /// The beginning was not logged.
    StartInferred,
    /// The source lost records around that time.
    SourceLossy,
    /// The source's clock was corrected.
    ClockCorrected,
    /// The record does not tell the realm of the inside address.
    RealmUntold,
    /// No record says whose the inside address was.
    InsideUnresolved,
    /// The record does not tell the protocol, or the question does not.
    ProtocolUntold,
}

/// What would decide between candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NarrowBy {
    /// The source port.
    Port,
    /// The protocol.
    Protocol,
    /// The destination address and port.
    Destination,
    /// Another observed time.
    AnotherTime,
    /// A more exact time.
    ExactTime,
    /// The realm (VRF) of the gateway.
    Realm,
    /// The missing log.
    MissingLog,
}

/// The chain from an endpoint and times to subscribers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// What can be said.
    pub outcome: Outcome,
    /// Who may have held it; one certain candidate when `outcome` is unique.
    pub candidates: Vec<Candidate>,
    /// What would decide.
    pub narrow_by: Vec<NarrowBy>,
    /// What is known of the sources.
    pub coverage: Vec<CoverageSpan>,
    /// What the answer rests on, in plain words without any element of a communication.
    pub notes: Vec<String>,
}
