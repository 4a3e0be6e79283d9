//! What is open in a session: answers, incidents, packs and questions about flows. It lives there and nowhere else.

use std::sync::Arc;

use super::flows::Run;
use super::packs::Made;
use super::times::read;
use super::{incidents, quoted, trace};
use crate::api::shape::WhoAnswer;
use crate::console::Console;
use crate::words::Lang;
use crate::words::fixed::{self, word};

/// Something that is open in a session.
pub enum Opened {
    /// An answer of the trace desk.
    Answer(Box<trace::Asked>),
    /// An incident in full.
    Incident(Box<incidents::InFull>),
    /// An evidence pack.
    Pack(Box<Made>),
    /// A question about flows, answered or under way.
    Flows(Arc<Run>),
}

/// It as a row: where it is, what it is, and its case.
pub(super) struct OpenRow {
    pub(super) path: String,
    pub(super) what: String,
    pub(super) question: String,
    pub(super) case: String,
}

impl Opened {
    /// Whether its permit has not ended.
    pub(super) fn holds(&self, console: &Console) -> bool {
        let until = match self {
            Self::Answer(asked) => match &asked.answer {
                WhoAnswer::Answered(answered) => answered.permit.until.as_deref(),
                WhoAnswer::Refused(_) => None,
            },
            Self::Incident(incident) => incident.told.until.as_deref(),
            Self::Pack(_) | Self::Flows(_) => None,
        };
        let now = console.keeper.desk_now().to_timestamp();
        until.and_then(read).is_none_or(|until| now.is_some_and(|now| now < until))
    }

    /// Whether it shows somebody, so that the seal counts it.
    pub(crate) fn shows_somebody(&self) -> bool {
        match self {
            Self::Flows(run) => run.shows_somebody(),
            Self::Answer(_) | Self::Incident(_) | Self::Pack(_) => true,
        }
    }

    /// The row of it under that name.
    pub(super) fn row(&self, name: &str, lang: Lang) -> OpenRow {
        let w = lang.words();
        match self {
            Self::Answer(asked) => OpenRow {
                path: format!("/trace/answers/{name}"),
                what: word(lang, fixed::OUTCOMES, asked.answer.outcome()).to_owned(),
                question: format!("{} {}", asked.request.address, asked.request.at.join(" ")),
                case: asked.request.case.clone(),
            },
            Self::Incident(incident) => OpenRow {
                path: format!("/incidents/{}", quoted(&incident.told.id)),
                what: w.incident.to_owned(),
                question: incident.told.id.clone(),
                case: incident.case.clone(),
            },
            Self::Pack(made) => OpenRow {
                path: format!("/packs/{name}"),
                what: w.pack.to_owned(),
                question: made.incident.clone(),
                case: made.case.clone(),
            },
            Self::Flows(run) => OpenRow {
                path: format!("/flows/answers/{name}"),
                what: w.flows.to_owned(),
                question: run.typed.filter.clone(),
                case: run.typed.case.clone(),
            },
        }
    }
}
