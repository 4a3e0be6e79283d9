//! Where an incident's attack came in, followed under the rule for it; no address of a communication is in the answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::ingress::{self, IngressReply, IngressTold, Place, Volume};
use tadoru_model::{CaseId, FindingId, Sureness};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Asked, Caller, Id};
use super::problem::Problem;
use super::shape::{REFUSED, Refusal, refusal, rfc3339};

/// In which case an incident is followed.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InCase {
    /// Case; it is opened where there is none.
    #[serde(default)]
    pub case: Option<String>,
}

/// Where an attack came in, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum IngressAnswer {
    /// Where.
    Traced(Box<Traced>),
    /// The gate refused.
    Refused(Box<TraceRefused>),
}

/// Where an attack came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Traced {
    /// `traced`.
    pub outcome: String,
    /// First instant that was followed, RFC 3339 in UTC.
    pub from: Option<String>,
    /// First instant behind it.
    pub until: Option<String>,
    /// What the attack carried, as the records tell: scaled by sampling.
    pub total: Amounts,
    /// Where it came in, the largest share of packets first. The shares and `unaccounted` make 1 together.
    pub ingress: Vec<WayIn>,
    /// Parts of the total, 0 to 1, that were seen inside and not seen coming in.
    pub unaccounted: Shares,
    /// Where it was seen on its way inside; no part of the shares.
    pub passing: Vec<Passed>,
    /// `sure`, `likely` or `low`.
    pub sure: String,
    /// What that rests on.
    pub sure_because: String,
    /// What the answer rests on and what keeps it from being better.
    pub why: Vec<String>,
    /// The rule that permits it.
    pub rule: String,
    /// What is owed, by obligation id of the pack.
    pub obligations: Vec<String>,
    /// Where in the journal the answer stands.
    pub journal_index: u64,
}

/// Amounts of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amounts {
    /// Packets.
    pub packets: u64,
    /// Octets of layer 3.
    pub bytes: u64,
    /// Flows.
    pub flows: u64,
}

/// Parts of the total, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shares {
    /// Of packets.
    pub packets: f64,
    /// Of octets.
    pub bytes: f64,
    /// Of flows.
    pub flows: f64,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WayIn {
    /// The exporter that told of it, or the router that is silent.
    pub exporter: String,
    /// Index of the interface; nothing of a silent router.
    pub interface: Option<u32>,
    /// Name of the interface, where it was told.
    pub name: Option<String>,
    /// `edge`, `core` or `customer`, where it was told.
    pub role: Option<String>,
    /// Autonomous system of the neighbour, where it was told.
    pub neighbour_as: Option<u32>,
    /// `entered`, `behind` (the router tells nothing, or too little, of what left it) or `first-seen`.
    pub how: String,
    /// Its parts of the total.
    pub share: Shares,
    /// How far its share of packets may be off by sampling alone, either way, at 95 %.
    pub margin: f64,
    /// What came in there.
    pub amount: Amounts,
    /// Its first packet, RFC 3339 in UTC.
    pub from: Option<String>,
    /// Its last packet.
    pub until: Option<String>,
    /// Source addresses that were seen there: at least, where packets are sampled.
    pub sources: u64,
    /// The coarsest sampling of its records: one packet in how many.
    pub sampling: u32,
}

/// Where it was seen inside the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Passed {
    /// The exporter.
    pub exporter: String,
    /// Index of the interface by which it came to the exporter; 0 when the exporter does not tell.
    pub interface: u32,
    /// Name of the interface, where it was told.
    pub name: Option<String>,
    /// `edge`, `core` or `customer`, where it was told.
    pub role: Option<String>,
    /// The exporter behind the interface, where it was told.
    pub leads_to: Option<String>,
    /// Its part of the total's packets, 0 to 1.
    pub share: f64,
}

/// The gate's refusal to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceRefused {
    /// `refused`.
    pub outcome: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Follows an incident's own flows to where they came in, when the gate permits it.
#[utoipa::path(
    get, path = "/v1/incidents/{id}/ingress", tag = "incidents", operation_id = "incident-ingress",
    params(("id" = String, Path, description = "id of the incident"), InCase),
    responses(
        (status = 200, description = "where it came in, or the gate's refusal", body = IngressAnswer),
        (status = 400, description = "the id is none", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such incident", body = Problem),
        (status = 409, description = "the case is closed", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn ingress<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
    Asked(in_case): Asked<InCase>,
) -> Result<Json<IngressAnswer>, Problem> {
    let id = FindingId::try_from(id).map_err(|fault| Problem::wrong("id", fault.to_string()))?;
    let case = in_case.case.map(CaseId);
    let reply = api.run(move |desk, handle| handle.block_on(desk.trace_ingress(&caller.0, id, case))).await?;
    Ok(Json(match reply {
        IngressReply::Told(told) => IngressAnswer::Traced(Box::new(traced(*told))),
        IngressReply::Refused(refused) => IngressAnswer::Refused(Box::new(TraceRefused {
            outcome: REFUSED.to_owned(),
            refusal: refusal(&api.desk.gate().packs(), &refused),
        })),
    }))
}

fn traced(told: IngressTold) -> Traced {
    let IngressTold { span, answer, rule, obligations, journal_index, .. } = told;
    Traced {
        outcome: "traced".to_owned(),
        from: rfc3339(span.from),
        until: rfc3339(span.until),
        total: amounts(answer.total),
        ingress: answer.ingress.iter().map(way_in).collect(),
        unaccounted: shares(answer.unaccounted),
        passing: answer.passing.iter().take(MOST_PASSED).map(passed).collect(),
        sure: match answer.sure {
            Sureness::Low => "low",
            Sureness::Likely => "likely",
            Sureness::Sure => "sure",
        }
        .to_owned(),
        sure_because: answer.sure_because,
        why: answer.why,
        rule: rule.id,
        obligations,
        journal_index,
    }
}

fn way_in(one: &ingress::Ingress) -> WayIn {
    WayIn {
        exporter: one.exporter.to_string(),
        interface: one.interface,
        name: name(one.place.as_ref()),
        role: role(one.place.as_ref()),
        neighbour_as: one.place.as_ref().map(|place| place.neighbour_as).filter(|number| *number != 0),
        how: one.how.as_str().to_owned(),
        share: shares(one.share),
        margin: rounded(one.margin),
        amount: amounts(one.volume),
        from: rfc3339(one.span.from),
        until: rfc3339(one.span.until),
        sources: one.sources,
        sampling: one.sampling,
    }
}

fn passed(one: &ingress::Passage) -> Passed {
    Passed {
        exporter: one.exporter.to_string(),
        interface: one.interface,
        name: name(one.place.as_ref()),
        role: role(one.place.as_ref()),
        leads_to: one.place.as_ref().and_then(|place| place.leads_to).map(|to| to.to_string()),
        share: rounded(one.share),
    }
}

pub(super) fn name(place: Option<&Place>) -> Option<String> {
    place.map(|place| place.name.clone()).filter(|name| !name.is_empty())
}

pub(super) fn role(place: Option<&Place>) -> Option<String> {
    place.map(|place| place.role.as_str().to_owned())
}

fn amounts(volume: Volume) -> Amounts {
    Amounts {
        packets: volume.packets.round() as u64,
        bytes: volume.bytes.round() as u64,
        flows: volume.flows.round() as u64,
    }
}

fn shares(volume: Volume) -> Shares {
    Shares { packets: rounded(volume.packets), bytes: rounded(volume.bytes), flows: rounded(volume.flows) }
}

/// A share to six places: what is behind them is noise.
fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

/// Places inside the network that are shown at most.
const MOST_PASSED: usize = 1000;
