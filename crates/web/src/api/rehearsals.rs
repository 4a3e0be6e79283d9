//! Rehearsals: settings of the detector, tried on recorded flows.
//!
//! What comes in: which flows, and the settings. What goes out: JSON lines, first how far it is, at last the answer.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::channel::Channel;
use serde::{Deserialize, Serialize};
use tadoru_desk::rehearse::{Known, Progress, RehearsalReply, RehearsalTold, RehearsalWish, Rehearsed};
use tadoru_desk::{Detection, Stores};
use tadoru_model::finding::{Rate, Scope};
use tadoru_store::flows::Question;
use tadoru_store::incidents::Coarse;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::Api;
use super::extract::{Caller, JsonBody};
use super::flows::{CutToIncident, FlowsQuery, FlowsRefused, filter, relied_on, span};
use super::problem::Problem;
use super::shape::{REFUSED, refusal, rfc3339};

/// Which flows, and which settings of the detector.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RehearsalQuery {
    /// Filter in nfdump's language; every flow where not given.
    pub filter: String,
    /// First instant, with its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// First instant after, with its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The settings to be tried, as the section `detection` of the configuration has them, every key with its default;
    /// those in force where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub detection: Option<serde_json::Value>,
    /// An incident on file: only its own flows are tried, and whom it would have hit is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// Case, where an answer would show somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Purpose, where an answer would show somebody; `P-PROT-OWN` where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Basis that is relied on; else the rules' order decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Facts that the person states.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

/// A line of the answer: how far it is, and at last what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RehearsalLine {
    /// What came of it.
    Told(Box<RehearsalAnswer>),
    /// The gate refused.
    Refused(Box<FlowsRefused>),
    /// How far it is.
    Progress(RehearsalProgress),
}

/// How far a rehearsal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RehearsalProgress {
    /// Records that were read.
    pub read: u64,
    /// Of how many.
    pub of: u64,
}

/// What settings would have found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RehearsalAnswer {
    /// `told`.
    pub outcome: String,
    /// What the tried settings would have found, by its start.
    pub hits: Vec<RehearsalHit>,
    /// What those in force find there and the tried ones would have missed.
    pub missed: Vec<RehearsalHit>,
    /// How many records were read.
    pub flows: u64,
    /// When the first of them arrived, RFC 3339 in UTC; `null` when there was none.
    pub from: Option<String>,
    /// When the last of them arrived.
    pub until: Option<String>,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
    /// The incident whose own flows were tried.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut_to: Option<CutToIncident>,
}

/// An incident that would have been opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RehearsalHit {
    /// Its strongest vector, such as `udp` or `amplification-dns`.
    pub vector: String,
    /// `host`, `customer`, `prefix`, `interface` or `network`.
    pub scope: String,
    /// Where it is aimed at: a network of /24 or /56 or shorter, a customer's class, an interface's index.
    pub target: String,
    /// First second over the threshold.
    pub start: Option<String>,
    /// Last second that belonged to it.
    pub last: Option<String>,
    /// When it would have been told first.
    pub told: Option<String>,
    /// How many findings would have been sent about it.
    pub findings: u64,
    /// Whether it was over at the end of the flows.
    pub is_over: bool,
    /// Packets a second at its peak, scaled by the sampling.
    pub peak_packets_per_s: f64,
    /// Bits a second at its peak.
    pub peak_bits_per_s: f64,
    /// Whether the settings in force do not find it.
    pub is_new: bool,
    /// Whom it would have named; only of an incident on file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub targets: Option<Vec<RehearsalTarget>>,
}

/// Whom an incident would have named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RehearsalTarget {
    /// An address, a prefix, a customer, an exporter's interface, or `network`.
    pub target: String,
    /// By which vector.
    pub vector: String,
    /// First second.
    pub from: Option<String>,
    /// Last second.
    pub last: Option<String>,
}

/// Tries settings of the detector on recorded flows; nothing is filed.
#[utoipa::path(
    post, path = "/v1/rehearsals", tag = "flows", operation_id = "rehearse", request_body = RehearsalQuery,
    responses(
        (status = 200, description = "JSON lines: how far it is, and at last the answer or the gate's refusal",
            body = RehearsalLine, content_type = "application/x-ndjson"),
        (status = 400, description = "the question or the settings cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such incident", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn rehearse<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    JsonBody(query): JsonBody<RehearsalQuery>,
) -> Result<Response, Problem> {
    let ground = FlowsQuery {
        incident: query.incident.clone(),
        case: query.case.clone(),
        purpose: query.purpose.clone(),
        basis: query.basis.clone(),
        facts: query.facts.clone(),
        ..FlowsQuery::default()
    };
    let wish = RehearsalWish {
        question: Question { filter: filter(&query.filter)?, span: span(&api, &query.since, &query.until)? },
        detection: query.detection.map(settings).transpose()?,
        ground: relied_on(&api, &ground)?,
        words: query.filter,
        actor: caller.0,
    };
    let (lines, mut said) = mpsc::channel::<RehearsalLine>(LINES);
    let asked = Arc::clone(&api);
    let running = tokio::spawn(async move {
        let packs = asked.desk.gate().packs();
        asked
            .run(move |desk, _| {
                let reply = desk.rehearse(&wish, &mut |Progress { flows, of }| {
                    // Whoever does not read along need not be told every step; who has left ends it.
                    match lines.try_send(RehearsalLine::Progress(RehearsalProgress { read: flows, of })) {
                        Err(mpsc::error::TrySendError::Closed(_)) => ControlFlow::Break(()),
                        _ => ControlFlow::Continue(()),
                    }
                })?;
                Ok::<_, tadoru_desk::DeskError>(match reply {
                    RehearsalReply::Told(told) => RehearsalLine::Told(Box::new(RehearsalAnswer::of(*told))),
                    RehearsalReply::Refused(refused) => RehearsalLine::Refused(Box::new(FlowsRefused {
                        outcome: REFUSED.to_owned(),
                        refusal: refusal(&packs, &refused),
                    })),
                })
            })
            .await
    });
    // What is wrong shows before the first line: then the status can say it.
    let first = said.recv().await;
    let (mut sender, channel) = Channel::<Bytes, axum::BoxError>::new(2);
    let Some(first) = first else {
        return Ok(answer(Body::from(line(&ended(running.await)?))));
    };
    tokio::spawn(async move {
        let mut next = Some(first);
        while let Some(told) = next {
            if sender.send_data(line(&told)).await.is_err() {
                return;
            }
            next = said.recv().await;
        }
        match ended(running.await) {
            Ok(told) => drop(sender.send_data(line(&told)).await),
            Err(problem) => sender.abort(problem.error.message.into()),
        }
    });
    Ok(answer(Body::new(channel)))
}

fn ended(
    joined: Result<Result<RehearsalLine, Problem>, tokio::task::JoinError>,
) -> Result<RehearsalLine, Problem> {
    joined.unwrap_or_else(|_| Err(Problem::no_answer()))
}

fn answer(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

fn line(told: &RehearsalLine) -> Bytes {
    let mut text = serde_json::to_vec(told).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

/// Settings, as the configuration has them.
fn settings(told: serde_json::Value) -> Result<Detection, Problem> {
    let wrong = |what: String| {
        Problem::wrong("detection", format!("the settings are not right: {what}"))
            .help("the keys are those of the section [detection] of the configuration")
    };
    let detection: Detection = serde_json::from_value(told).map_err(|e| wrong(e.to_string()))?;
    detection.check().map_err(|(key, what)| wrong(format!("{key}: {what}")))?;
    Ok(detection)
}

impl RehearsalAnswer {
    fn of(told: RehearsalTold) -> Self {
        let RehearsalTold { hits, missed, flows, span, rule, journal_index, cut_to } = told;
        let all = |hits: Vec<Rehearsed>| hits.into_iter().map(RehearsalHit::of).collect();
        Self {
            outcome: "told".to_owned(),
            hits: all(hits),
            missed: all(missed),
            flows,
            from: span.and_then(|(from, _)| rfc3339(from)),
            until: span.and_then(|(_, until)| rfc3339(until)),
            rule: rule.id,
            journal_index,
            cut_to: cut_to.map(CutToIncident::of),
        }
    }
}

impl RehearsalHit {
    fn of(hit: Rehearsed) -> Self {
        let Rehearsed { brief, target, told, findings, is_over, known, targets } = hit;
        let Rate { packets_per_s, bits_per_s, .. } = brief.peak;
        let target = match target {
            Coarse::Prefix(prefix) => prefix.to_string(),
            Coarse::Class(class) => class,
            Coarse::Interface(index) => index.to_string(),
            Coarse::Network => "network".to_owned(),
        };
        let targets = targets.map(|targets| {
            let named = targets.into_iter().map(|target| RehearsalTarget {
                target: scope(&target.scope),
                vector: target.vector.to_string(),
                from: rfc3339(target.from),
                last: rfc3339(target.last),
            });
            named.collect()
        });
        Self {
            vector: brief.vector.to_string(),
            scope: brief.scope.as_str().to_owned(),
            target,
            start: rfc3339(brief.start),
            last: rfc3339(brief.last),
            told: rfc3339(told),
            findings,
            is_over,
            peak_packets_per_s: packets_per_s,
            peak_bits_per_s: bits_per_s,
            is_new: known == Known::New,
            targets,
        }
    }
}

fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Host(addr) => addr.to_string(),
        Scope::Customer(name) => name.clone(),
        Scope::Prefix(prefix) => prefix.to_string(),
        Scope::Interface { exporter, index } => format!("{exporter} interface {index}"),
        Scope::Network => "network".to_owned(),
    }
}

/// Lines that wait for whoever asked.
const LINES: usize = 4;
