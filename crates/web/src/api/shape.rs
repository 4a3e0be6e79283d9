//! The JSON of answers and refusals. The order of members is part of the contract; new members come behind.
//!
//! Times are RFC 3339 in UTC, `null` for an end that is open; times for people are in the operator's zone. Words such
//! as outcomes and kinds are fixed; the reference page lists them.

mod chain;
mod ground;
mod times;

pub use self::chain::{Candidate, Covered, Edge, Hop, Name, Ports};
pub use self::ground::{Missing, Permit, Refusal};
pub use self::times::Moment;

use serde::{Deserialize, Serialize};
use tadoru_desk::who::Answered as Attributed;
use tadoru_model::Attribution;
use utoipa::ToSchema;

use super::reading::Asked;
use crate::words::said::japanese;

pub(super) use self::ground::refusal;
pub(super) use self::times::rfc3339;

/// The answer to one question: what the records say, or that the gate refused to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum WhoAnswer {
    /// What the records say.
    Answered(Box<Answered>),
    /// The gate refused, or somebody has to agree first.
    Refused(Box<Refused>),
}

/// What the records say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answered {
    /// `unique`, `ambiguous`, `none`, `gap`, `expired` or `not-ours`.
    pub outcome: String,
    /// The question as it was understood.
    pub question: QuestionEcho,
    /// How the complaint's texts were read.
    pub reading: Reading,
    /// Who may have held it; one certain candidate when `outcome` is `unique`.
    pub candidates: Vec<Candidate>,
    /// What would decide: `port`, `protocol`, `destination`, `another-time`, `exact-time`, `realm`, `missing-log`.
    pub narrow_by: Vec<String>,
    /// What is known of the sources around that time.
    pub coverage: Vec<Covered>,
    /// What the answer rests on, in plain words.
    pub notes: Vec<String>,
    /// The ground of the answer.
    pub permit: Permit,
    /// Where in the journal the answer stands.
    pub journal_index: u64,
    /// `notes` in Japanese, in the same order.
    #[serde(default)]
    pub notes_ja: Vec<String>,
}

/// The gate's no, or not yet, with the question it was given to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// `refused`.
    pub outcome: String,
    /// The question as it was understood.
    pub question: QuestionEcho,
    /// How the complaint's texts were read.
    pub reading: Reading,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// The question as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionEcho {
    /// Address in canonical text (RFC 5952).
    pub address: String,
    /// Port, where told.
    pub port: Option<u16>,
    /// Protocol by name or number; `any` where not told.
    pub proto: String,
    /// Realm of the address; empty where not told.
    pub realm: String,
    /// The far side, where told.
    pub to: Option<String>,
    /// When it was seen.
    pub at: Vec<Moment>,
    /// How far the observer's clock may be off, either way, milliseconds.
    pub skew_ms: u64,
}

/// How the complaint's texts were read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Reading {
    /// Each time with its text.
    pub at: Vec<TimeRead>,
    /// What can be read and yet looks wrong. Nothing of it was corrected.
    pub warnings: Vec<Warned>,
}

/// A time as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeRead {
    /// The complaint's text.
    pub text: String,
    /// In UTC, RFC 3339.
    pub utc: String,
    /// In the operator's zone.
    pub local: String,
    /// What one unit of its last digit is, microseconds.
    pub resolution_us: i64,
}

/// Something that can be read and yet looks wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warned {
    /// `future`, `zone-season`, `one-hour-from-ours`, `epoch` or `repeated`.
    pub code: String,
    /// Which text: `at[0]`.
    pub about: String,
    /// In plain words.
    pub message: String,
    /// The reading that may have been meant.
    pub likely: Option<String>,
    /// `message` in Japanese.
    #[serde(default)]
    pub message_ja: String,
}

impl WhoAnswer {
    /// The fixed word of the outcome.
    pub fn outcome(&self) -> &str {
        match self {
            Self::Answered(answered) => &answered.outcome,
            Self::Refused(refused) => &refused.outcome,
        }
    }

    /// Of what the records say.
    pub(super) fn answered(asked: Asked, found: &Attribution, ground: &Attributed) -> Self {
        Self::Answered(Box::new(Answered {
            outcome: found.outcome.as_str().to_owned(),
            question: asked.echo,
            reading: asked.reading,
            candidates: found.candidates.iter().map(Candidate::of).collect(),
            narrow_by: found.narrow_by.iter().map(|n| chain::narrow_word(*n).to_owned()).collect(),
            coverage: found.coverage.iter().map(Covered::of).collect(),
            notes: found.notes.clone(),
            permit: Permit::of(&ground.ground),
            journal_index: ground.journal_index,
            notes_ja: found.notes.iter().map(|note| japanese(note)).collect(),
        }))
    }

    /// Of the gate's no.
    pub(super) fn refused(asked: Asked, refusal: Refusal) -> Self {
        Self::Refused(Box::new(Refused {
            outcome: REFUSED.to_owned(),
            question: asked.echo,
            reading: asked.reading,
            refusal,
        }))
    }
}

/// The outcome of a refusal.
pub(super) const REFUSED: &str = "refused";
