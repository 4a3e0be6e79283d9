//! Questions about recorded flows, in nfdump's filter language.
//!
//! Figures in which nobody can be told are answered to whoever may see the flows at all; whatever would show one address
//! goes to the gate on the ground that the person names, and its refusal is an answer.

mod answer;
mod row;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::flows::{Figure, FlowGround, FlowInquiry, FlowReply};
use tadoru_desk::reading::read_time;
use tadoru_gate::{ActName, DataCategory};
use tadoru_model::{Span, UtcMicros};
use tadoru_store::filter::Filter;
use tadoru_store::flows::sql::{Bounds, Statement};
use tadoru_store::flows::{Key, Measure, Question};
use utoipa::ToSchema;

use super::extract::{Caller, JsonBody};
use super::problem::Problem;
use super::reading::duration_us;
use super::shape::{REFUSED, refusal};
use super::{Api, ground};

pub use self::answer::{
    CutToIncident, FlowFigures, FlowList, FlowRate, FlowSampling, FlowSums, FlowTable, FlowsAnswer,
    FlowsRefused,
};
pub use self::row::FlowRow;

/// Which flows, and what of them: sums over all, unless `top`, `series`, `rows` or `sql` is given.
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
    /// Only the records that count traffic once: at interfaces to other networks and to customers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Rank by this key: `dst-port`, `proto`, `src-as`, `input`, `dst-addr`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<String>,
    /// `bytes` (the default), `packets` or `flows`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How many keys, at most 10,000; 0: all of them; 10 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Sums in steps of this length: `1m`, `30s`, `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// The flows themselves, at most so many (1 to 100,000).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u32>,
    /// One `SELECT` over a table `flows` of the flows that are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// An incident on file, where an answer would show somebody: the question is cut to its own flows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// Case, where an answer would show somebody; it is opened where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Purpose, where an answer would show somebody; `P-PROT-OWN` where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Basis that is relied on, such as `B-BIZ`; else the rules' order decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Facts that the person states.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// SHA-256 of what the facts rest on, 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached: Option<String>,
}

/// Asks about recorded flows.
#[utoipa::path(
    post, path = "/v1/flows", tag = "flows", operation_id = "flows", request_body = FlowsQuery,
    responses(
        (status = 200, description = "the figures, the flows, or the gate's refusal", body = FlowsAnswer),
        (status = 400, description = "the question cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such incident", body = Problem),
        (status = 409, description = "the case is closed", body = Problem),
        (status = 422, description = "the statement takes more time or memory than it may", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn flows<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    JsonBody(query): JsonBody<FlowsQuery>,
) -> Result<Json<FlowsAnswer>, Problem> {
    let all_keys = query.top.is_some() && query.count == Some(0);
    let inquiry = FlowInquiry {
        question: Question { filter: wanted(&api, &query)?, span: span(&api, &query.since, &query.until)? },
        figure: figure(&query)?,
        ground: relied_on(&api, &query)?,
        words: query.filter,
        actor: caller.0,
    };
    let reply = api.run(move |desk, handle| handle.block_on(desk.ask_flows(&inquiry))).await?;
    Ok(Json(match reply {
        FlowReply::Told(told) => {
            let mut answer = FlowsAnswer::of(*told, &(api.exporters)().exporters);
            if let FlowsAnswer::Told(figures) = &mut answer {
                figures.cut = all_keys && figures.rows.len() >= MOST_KEYS as usize;
            }
            answer
        }
        FlowReply::Refused(refused) => FlowsAnswer::Refused(Box::new(FlowsRefused {
            outcome: REFUSED.to_owned(),
            refusal: refusal(&api.desk.gate().packs(), &refused),
        })),
    }))
}

/// What is asked for, cut to the records that count once where that is wanted.
fn wanted<S: Stores>(api: &Api<S>, query: &FlowsQuery) -> Result<Filter, Problem> {
    let wanted = filter(&query.filter)?;
    if !query.once {
        return Ok(wanted);
    }
    let once = api.desk.network().once().ok_or_else(|| {
        Problem::wrong(
            "once",
            "no interface was told to be an edge or a customer's: nothing can be counted once",
        )
        .help("name the interfaces of the exporters in the table of `network.interfaces`")
    })?;
    Ok(wanted.and(once))
}

pub(super) fn filter(text: &str) -> Result<Filter, Problem> {
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

/// The ground that is relied on where somebody would be shown.
pub(super) fn relied_on<S: Stores>(api: &Api<S>, query: &FlowsQuery) -> Result<FlowGround, Problem> {
    let named = ground::read(&ground::Words {
        case: query.case.as_deref().unwrap_or_default(),
        purpose: query.purpose.as_deref().unwrap_or("PROT-OWN"),
        basis: query.basis.as_deref(),
        facts: &query.facts,
        attached: query.attached.as_deref(),
    })?;
    ground::check_facts(&api.desk, (ActName::Learn, DataCategory::Flow), &named)?;
    Ok(FlowGround {
        case: query.case.is_some().then_some(named.case),
        incident: query.incident.as_deref().map(incident).transpose()?,
        purpose: query.purpose.is_some().then_some(named.purpose),
        basis: named.basis,
        facts: named.facts,
        attached: named.attached,
    })
}

/// The id of an incident.
pub(super) fn incident(text: &str) -> Result<tadoru_model::FindingId, Problem> {
    text.parse().map_err(|_| {
        Problem::wrong("incident", "an incident is named by 16 hexadecimal digits")
            .help("`tadoru incidents` lists those on file")
    })
}

fn figure(query: &FlowsQuery) -> Result<Figure, Problem> {
    let wrong = |what: &str, known: Vec<&'static str>| {
        Problem::wrong(what, format!("there is no such `{what}`"))
            .help(format!("there are: {}", known.join(", ")))
    };
    let asked = [query.top.is_some(), query.series.is_some(), query.rows.is_some(), query.sql.is_some()];
    if asked.into_iter().filter(|asked| *asked).count() > 1 {
        return Err(Problem::wrong("figure", "one of `top`, `series`, `rows` and `sql`, not several"));
    }
    if let Some(top) = &query.top {
        let key =
            Key::parse(top).ok_or_else(|| wrong("top", Key::ALL.iter().map(|key| key.as_str()).collect()))?;
        let by = query.by.as_deref().unwrap_or("bytes");
        let by = Measure::parse(by)
            .ok_or_else(|| wrong("by", Measure::ALL.iter().map(|by| by.as_str()).collect()))?;
        return match query.count.unwrap_or(FEW_KEYS) {
            0 => Ok(Figure::Top { key, by, most: MOST_KEYS as usize }),
            most @ 1..=MOST_KEYS => Ok(Figure::Top { key, by, most: most as usize }),
            _ => Err(Problem::wrong("count", format!("a ranking has at most {MOST_KEYS} keys"))
                .help("narrow the filter or the time, or give 0 for as many as there may be")),
        };
    }
    if query.by.is_some() || query.count.is_some() {
        return Err(Problem::wrong("top", "`by` and `count` are of a ranking, and `top` is missing"));
    }
    if let Some(step) = &query.series {
        let help = "write it like `30s`, `5m` or `1h`";
        return match duration_us(step) {
            Ok(us @ 1..) => Ok(Figure::Series { step_us: us.unsigned_abs() }),
            Ok(_) => Err(Problem::wrong("series", "the step of a series has no length").help(help)),
            Err(fault) => Err(Problem::wrong(
                &fault.error.code,
                "the step of a series is not a length of time of at most one day",
            )
            .help(help)),
        };
    }
    if let Some(most) = query.rows {
        return match most {
            1..=MOST_ROWS => Ok(Figure::List { most: most as usize }),
            _ => Err(Problem::wrong("rows", format!("1 to {MOST_ROWS} flows are listed"))
                .help("narrow the filter or the time; or ask for sums, a ranking, or `sql`")),
        };
    }
    if let Some(text) = &query.sql {
        let statement = Statement::parse(text).map_err(|fault| Problem::wrong("sql", fault.to_string()))?;
        return Ok(Figure::Sql { statement, bounds: Bounds::default() });
    }
    Ok(Figure::Totals)
}

pub(super) fn span<S: Stores>(
    api: &Api<S>,
    since: &Option<String>,
    until: &Option<String>,
) -> Result<Option<Span>, Problem> {
    let (zone, now) = (api.desk.settings().time_zone(), api.desk.now());
    let at = |text: &Option<String>, about: &str, otherwise: UtcMicros| match text {
        None => Ok(otherwise),
        Some(text) => read_time(text, &zone, now)
            .map(|read| read.seen.at)
            .map_err(|fault| Problem::wrong(about, fault.to_string())),
    };
    if since.is_none() && until.is_none() {
        return Ok(None);
    }
    let (from, end) = (at(since, "since", UtcMicros::MIN)?, at(until, "until", UtcMicros::MAX)?);
    if from >= end {
        return Err(Problem::wrong("until", "`until` is not after `since`: no flow lies in such a time")
            .help("the first instant goes to `since`, the first instant after to `until`"));
    }
    Ok(Some(Span::new(from, end)))
}

/// Keys of a ranking where it is not told how many.
const FEW_KEYS: u32 = 10;
/// Keys of one ranking at most.
const MOST_KEYS: u32 = 10_000;
/// Flows listed at most.
const MOST_ROWS: u32 = 100_000;
