//! Incidents: the list of them, one in full, and what happens to them as it happens.
//!
//! List and stream tell what an aggregate may: no address, no customer's name. One incident in full is for the gate to
//! permit, and its refusal is an answer.

mod told;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{self, Channel};
use serde::{Deserialize, Serialize};
use tadoru_desk::incidents::{IncidentReply, ListReply, Listed, Which};
use tadoru_desk::{DeskError, Door, Stores};
use tadoru_model::finding::Rate;
use tadoru_model::{CaseId, FindingId};
use tadoru_store::incidents::{Brief, Coarse};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::MissedTickBehavior;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Asked, Caller, Id};
use super::flows::span;
use super::ingress::InCase;
use super::problem::Problem;
use super::shape::{REFUSED, Refusal, refusal, rfc3339};

pub use self::told::{
    Aim, AimedAt, HitBesides, IncidentTold, IncidentVector, Limit, Peaked, PortPart, Sender, Senders,
    Sentence, Strength, WayInTold,
};

/// Which incidents are wanted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncidentsQuery {
    /// `open`, `ended` or `all`; all where not given.
    #[serde(default)]
    pub which: Option<String>,
    /// Only those with a second at or after this instant, with its zone.
    #[serde(default)]
    pub since: Option<String>,
}

/// The incidents, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum IncidentsAnswer {
    /// The incidents.
    Listed(Box<IncidentList>),
    /// The gate refused.
    Refused(Box<IncidentRefused>),
}

/// The incidents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentList {
    /// `listed`.
    pub outcome: String,
    /// The incidents, the one that began last first; at most 1,000.
    pub incidents: Vec<IncidentLine>,
    /// How many there are, those that are not listed included.
    pub of: u64,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the ground stands.
    pub journal_index: u64,
}

/// An incident as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentLine {
    /// What may be said of it.
    #[serde(flatten)]
    pub brief: IncidentBrief,
    /// Where it is aimed at: a network of /24 or /56 or shorter, a customer's class (empty where none is configured), an
    /// interface's index, or `network`; of a scan, where it comes from.
    pub target: String,
}

/// What may be said of an incident to whoever may know that there is one; an event of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentBrief {
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// What happened last: `opened`, `grew`, `moved` or `ended`.
    pub state: String,
    /// Its strongest vector, such as `udp` or `amplification-dns`.
    pub vector: String,
    /// `incoming`, `outgoing`, `inside` or `passing`.
    pub direction: String,
    /// `host`, `customer`, `prefix`, `interface` or `network`.
    pub scope: String,
    /// When that was said, RFC 3339 in UTC.
    pub at: Option<String>,
    /// First second over the threshold.
    pub start: Option<String>,
    /// Last second that belonged to it.
    pub last: Option<String>,
    /// The highest second.
    pub peak: Rates,
    /// The newest rate.
    pub now: Rates,
    /// `low`, `likely` or `sure`.
    pub sure: String,
}

/// Estimated real traffic, scaled by sampling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rates {
    /// Packets in a second.
    pub packets_per_s: f64,
    /// Bits of layer 3 in a second.
    pub bits_per_s: f64,
    /// Flows, or connections, in a second.
    pub flows_per_s: f64,
}

/// One incident in full, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum IncidentAnswer {
    /// The incident.
    Told(Box<IncidentTold>),
    /// The gate refused.
    Refused(Box<IncidentRefused>),
}

/// The gate's refusal to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncidentRefused {
    /// `refused`.
    pub outcome: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// The incidents on file, as an aggregate may tell them.
#[utoipa::path(
    get, path = "/v1/incidents", tag = "incidents", operation_id = "incidents", params(IncidentsQuery),
    responses(
        (status = 200, description = "the incidents, or the gate's refusal", body = IncidentsAnswer),
        (status = 400, description = "the query cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn list<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Asked(asked): Asked<IncidentsQuery>,
) -> Result<Json<IncidentsAnswer>, Problem> {
    let which = match asked.which.as_deref() {
        None | Some("all") => Which::All,
        Some("open") => Which::Open,
        Some("ended") => Which::Ended,
        Some(_) => return Err(Problem::wrong("which", "`which` is `open`, `ended` or `all`")),
    };
    let since = span(&api, &asked.since, &None)?.map(|span| span.from);
    let reply = api.run(move |desk, _| desk.incidents(&caller.0, which, since)).await?;
    Ok(Json(match reply {
        ListReply::Told { incidents, of, rule, journal_index } => {
            IncidentsAnswer::Listed(Box::new(IncidentList {
                outcome: "listed".to_owned(),
                incidents: incidents.iter().map(line).collect(),
                of,
                rule: rule.id,
                journal_index,
            }))
        }
        ListReply::Refused(refused) => IncidentsAnswer::Refused(refuse(&api, &refused)),
    }))
}

/// One incident in full, when the gate permits it.
#[utoipa::path(
    get, path = "/v1/incidents/{id}", tag = "incidents", operation_id = "incident",
    params(("id" = String, Path, description = "id of the incident"), InCase),
    responses(
        (status = 200, description = "the incident, or the gate's refusal", body = IncidentAnswer),
        (status = 400, description = "the query cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such incident", body = Problem),
        (status = 409, description = "the case is closed", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn show<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
    Asked(in_case): Asked<InCase>,
) -> Result<Json<IncidentAnswer>, Problem> {
    check_door(&caller)?;
    // What is no id names no incident.
    let id = FindingId::try_from(id).map_err(|_| Problem::from(DeskError::NoIncident))?;
    let case = in_case.case.map(CaseId);
    let reply = api.run(move |desk, handle| handle.block_on(desk.incident(&caller.0, id, case))).await?;
    Ok(Json(match reply {
        IncidentReply::Told(told) => {
            IncidentAnswer::Told(Box::new(IncidentTold::of(*told, &api.desk.network())))
        }
        IncidentReply::Refused(refused) => IncidentAnswer::Refused(refuse(&api, &refused)),
    }))
}

/// What happens to incidents, as it happens: server-sent events until the desk ends. An event `incident` for each finding
/// that is filed; `missed` when the listener was too slow, with how many were left out: then the list tells how it stands.
#[utoipa::path(
    get, path = "/v1/incidents/stream", tag = "incidents", operation_id = "incident-stream",
    responses(
        (status = 200, description = "events `incident`, each with an `IncidentBrief` as its data",
            body = IncidentBrief, content_type = "text/event-stream"),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn stream<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
) -> Result<Response, Problem> {
    check_door(&caller)?;
    let (sender, channel) = Channel::<Bytes, axum::BoxError>::new(2);
    tokio::spawn(tell(api.desk.hear_incidents(), api.end.clone(), sender));
    let headers = [(header::CONTENT_TYPE, EVENTS), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::new(channel)).into_response())
}

/// Tells what is heard until the listener leaves or the desk ends, also to one who does not read.
async fn tell(
    mut heard: broadcast::Receiver<Brief>,
    mut end: watch::Receiver<bool>,
    mut sender: channel::Sender<Bytes, axum::BoxError>,
) {
    // Its first tick is at once: the listener sees that it is heard.
    let mut alive = tokio::time::interval(ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let telling = async {
        loop {
            let text = tokio::select! {
                heard = heard.recv() => match heard {
                    Ok(told) => event("incident", &brief(&told)),
                    Err(RecvError::Lagged(missed)) => event("missed", &serde_json::json!({"missed": missed})),
                    Err(RecvError::Closed) => return,
                },
                _ = alive.tick() => Bytes::from_static(b":\n\n"),
            };
            if sender.send_data(text).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = telling => {}
        // Whoever would tell of the end is gone: that is the end too.
        _ = end.wait_for(|end| *end) => {}
    }
}

fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}

fn check_door(caller: &Caller) -> Result<(), Problem> {
    let door = Door::ReadsFlows;
    if caller.0.opens(door) { Ok(()) } else { Err(Problem::role(door.roles())) }
}

fn refuse<S: Stores>(api: &Api<S>, refused: &tadoru_gate::Refusal) -> Box<IncidentRefused> {
    let refusal = refusal(&api.desk.gate().packs(), refused);
    Box::new(IncidentRefused { outcome: REFUSED.to_owned(), refusal })
}

fn line(listed: &Listed) -> IncidentLine {
    let target = match &listed.target {
        Coarse::Prefix(prefix) => prefix.to_string(),
        Coarse::Class(class) => class.clone(),
        Coarse::Interface(index) => index.to_string(),
        Coarse::Network => "network".to_owned(),
    };
    IncidentLine { brief: brief(&listed.brief), target }
}

fn brief(brief: &Brief) -> IncidentBrief {
    IncidentBrief {
        id: brief.id.to_string(),
        state: told::word(&brief.state),
        vector: brief.vector.to_string(),
        direction: told::word(&brief.direction),
        scope: brief.scope.as_str().to_owned(),
        at: rfc3339(brief.at),
        start: rfc3339(brief.start),
        last: rfc3339(brief.last),
        peak: rates(brief.peak),
        now: rates(brief.now),
        sure: told::word(&brief.sure),
    }
}

/// A rate to a tenth: what is behind that is noise.
fn rates(rate: Rate) -> Rates {
    let tenth = |figure: f64| (figure * 10.0).round() / 10.0;
    Rates {
        packets_per_s: tenth(rate.packets_per_s),
        bits_per_s: tenth(rate.bits_per_s),
        flows_per_s: tenth(rate.flows_per_s),
    }
}

/// The media type of server-sent events (HTML, 9.2).
const EVENTS: &str = "text/event-stream";

/// How often a listener is told that nothing is lost while nothing happens.
const ALIVE: Duration = Duration::from_secs(15);
