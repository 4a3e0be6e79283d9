//! When a source was alive: the difference between *no record* and *no log*.

use serde::{Deserialize, Serialize};

use crate::{Prefix, Realm, RecordKind, SourceName, Span};

/// What is known of a source over a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoverageState {
    /// Its records are here, complete as far as the source lets one know.
    Alive,
    /// Some of its records are known to be missing.
    Lossy,
    /// It was down, or its records never came.
    Dead,
}

impl CoverageState {
    /// The state's name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Lossy => "lossy",
            Self::Dead => "dead",
        }
    }
}

/// A span over which the state of one source is known. Where spans of one source overlap, the worst state holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CoverageSpan {
    /// Which source.
    pub source: SourceName,
    /// Kind of records that it speaks of.
    pub kind: RecordKind,
    /// Address plan.
    pub realm: Realm,
    /// What it speaks of; empty: not told, it may be any address of the realm.
    pub prefixes: Vec<Prefix>,
    /// From when to when.
    pub span: Span,
    /// In which state.
    pub state: CoverageState,
    /// Why, in plain words without any element of a communication.
    pub why: String,
}
