//! Questions about recorded flows, in nfdump's filter language.
//!
//! Figures in which nobody can be told are answered to whoever may see the flows at all; whatever would show one address
//! goes to the gate, and its refusal is an answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::flows::{Figure, FlowInquiry, FlowReply, Told};
use tadoru_desk::reading::read_time;
use tadoru_model::{CaseId, Span, UtcMicros};
use tadoru_store::filter::Filter;
use tadoru_store::flows::{Key, Measure, Question, Sums};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Caller, JsonBody};
use super::problem::Problem;
use super::reading::duration_us;
use super::shape::{REFUSED, Refusal, refusal, rfc3339};

/// Which flows, and what of them: sums over all, unless `top` or `series` is given.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlowsQuery {
    /// Filter in nfdump's language; every flow where not given.
    pub filter: String,
    /// First instant, with its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// First instant after, with its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Rank by this key: `dst-port`, `proto`, `src-as`, `input`, `dst-addr`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<String>,
    /// `bytes` (the default), `packets` or `flows`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How many keys; 10 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Sums in steps of this length: `1m`, `30s`, `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Case, where an answer would show somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
}

/// The figures, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FlowsAnswer {
    /// The figures.
    Told(Box<FlowFigures>),
    /// The gate refused.
    Refused(Box<FlowsRefused>),
}

/// Figures of flows, as the exporters counted them, unscaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowFigures {
    /// `told`.
    pub outcome: String,
    /// One row of sums for all, for a key, or for a step of time.
    pub rows: Vec<FlowSums>,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
}

/// Sums over flows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowSums {
    /// The key of a ranking, or the first instant of a step (RFC 3339); nothing for the sums over all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Flows.
    pub flows: u64,
    /// Packets, both directions.
    pub packets: u64,
    /// Octets, both directions.
    pub bytes: u64,
}

/// The gate's refusal to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowsRefused {
    /// `refused`.
    pub outcome: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Asks about recorded flows.
#[utoipa::path(
    post, path = "/v1/flows", tag = "flows", operation_id = "flows", request_body = FlowsQuery,
    responses(
        (status = 200, description = "the figures, or the gate's refusal", body = FlowsAnswer),
        (status = 400, description = "the question cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn flows<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    JsonBody(query): JsonBody<FlowsQuery>,
) -> Result<Json<FlowsAnswer>, Problem> {
    let inquiry = FlowInquiry {
        question: Question { filter: filter(&query.filter)?, span: span(&api, &query)? },
        figure: figure(&query)?,
        case: query.case.map(CaseId),
        actor: caller.0,
    };
    let reply = api.run(move |desk, _| desk.ask_flows(&inquiry)).await?;
    Ok(Json(match reply {
        FlowReply::Told { told, rule, journal_index } => FlowsAnswer::Told(Box::new(FlowFigures {
            outcome: "told".to_owned(),
            rows: rows(told),
            rule: rule.id,
            journal_index,
        })),
        FlowReply::Refused(refused) => FlowsAnswer::Refused(Box::new(FlowsRefused {
            outcome: REFUSED.to_owned(),
            refusal: refusal(&api.desk.gate().packs(), &refused),
        })),
    }))
}

fn filter(text: &str) -> Result<Filter, Problem> {
    if text.trim().is_empty() {
        return Ok(Filter::any());
    }
    Filter::parse(text).map_err(|fault| {
        let expected: Vec<String> = fault.expected.iter().map(|word| format!("`{word}`")).collect();
        let problem =
            Problem::wrong("filter", format!("the filter is wrong at byte {}: {}", fault.at, fault.reason));
        if expected.is_empty() {
            problem
        } else {
            problem.help(format!("there could stand {}", expected.join(", ")))
        }
    })
}

fn figure(query: &FlowsQuery) -> Result<Figure, Problem> {
    let wrong = |what: &str, known: Vec<&'static str>| {
        Problem::wrong(what, format!("there is no such `{what}`"))
            .help(format!("there are: {}", known.join(", ")))
    };
    match (&query.top, &query.series) {
        (Some(_), Some(_)) => Err(Problem::wrong("series", "either a ranking or a series, not both")),
        (None, Some(step)) => match duration_us(step)? {
            us @ 1.. => Ok(Figure::Series { step_us: us.unsigned_abs() }),
            _ => Err(Problem::wrong("series", "a step has a length")),
        },
        (None, None) => Ok(Figure::Totals),
        (Some(top), None) => {
            let key = Key::parse(top)
                .ok_or_else(|| wrong("top", Key::ALL.iter().map(|key| key.as_str()).collect()))?;
            let by = query.by.as_deref().unwrap_or("bytes");
            let by = Measure::parse(by)
                .ok_or_else(|| wrong("by", Measure::ALL.iter().map(|by| by.as_str()).collect()))?;
            let most = query.count.unwrap_or(10).min(MOST_KEYS) as usize;
            Ok(Figure::Top { key, by, most })
        }
    }
}

fn span<S: Stores>(api: &Api<S>, query: &FlowsQuery) -> Result<Option<Span>, Problem> {
    let (zone, now) = (api.desk.settings().time_zone(), api.desk.now());
    let at = |text: &Option<String>, about: &str, otherwise: UtcMicros| match text {
        None => Ok(otherwise),
        Some(text) => read_time(text, &zone, now)
            .map(|read| read.seen.at)
            .map_err(|fault| Problem::wrong(about, fault.to_string())),
    };
    if query.since.is_none() && query.until.is_none() {
        return Ok(None);
    }
    let from = at(&query.since, "since", UtcMicros::MIN)?;
    Ok(Some(Span::new(from, at(&query.until, "until", UtcMicros::MAX)?)))
}

fn rows(told: Told) -> Vec<FlowSums> {
    let row = |key: Option<String>, sums: Sums| FlowSums {
        key,
        flows: sums.flows,
        packets: sums.packets,
        bytes: sums.bytes,
    };
    match told {
        Told::Totals(sums) => vec![row(None, sums)],
        Told::Top(keys) => keys.into_iter().map(|key| row(Some(key.key.to_string()), key.sums)).collect(),
        Told::Series(steps) => steps.into_iter().map(|step| row(rfc3339(step.from), step.sums)).collect(),
    }
}

/// Keys of one ranking at most.
const MOST_KEYS: u32 = 10_000;
