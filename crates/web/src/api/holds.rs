//! Preservation holds: set under a permit of the gate, listed without what they keep, ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::holds::{Outcome, Preservation, read_network};
use tadoru_desk::{Door, Stores};
use tadoru_gate::{ActName, DataCategory};
use tadoru_model::Realm;
use tadoru_store::holds::Hold as Known;
use utoipa::ToSchema;

use super::cases::Noted;
use super::extract::{Caller, Id, JsonBody};
use super::problem::Problem;
use super::reading::{Texts, read};
use super::shape::{REFUSED, Refusal, refusal, rfc3339};
use super::{Api, ground};

/// What is to be kept from deletion, and on what ground.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Addresses, each of which may hold a port, and IPv4 networks of at most 256 addresses: the records of these are
    /// kept, and no others.
    pub endpoints: Vec<String>,
    /// Realm (VRF) of the addresses; in every realm where not given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub realm: Option<String>,
    /// First instant of the records, with its zone.
    pub from: String,
    /// First instant after them, with its zone.
    pub until: String,
    /// For how many days from now; stated as the fact `preserve.days`.
    pub days: u32,
    /// Case; it is opened where there is none.
    pub case: String,
    /// Purpose, such as `P-CRIME`.
    pub purpose: String,
    /// Basis that is relied on, such as `B-PRES`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<String>,
    /// Facts that the person states, such as `preserve.letter`.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// SHA-256 of the request, 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attached: Option<String>,
}

/// A hold, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum HoldAnswer {
    /// The records are kept.
    Held(Box<Hold>),
    /// The gate refused, or somebody has to agree first.
    Refused(Box<HoldRefused>),
}

/// A hold, without what it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// `held`, `ended`, or `unfinished` where a crash kept it from being set.
    pub outcome: String,
    /// Its id.
    pub id: String,
    /// In which case.
    pub case: String,
    /// Who set it.
    pub person: String,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
    /// When it was set, RFC 3339 in UTC.
    pub since: Option<String>,
    /// When it ends by itself.
    pub until: Option<String>,
    /// How many records it named when it was set.
    pub records: Option<u64>,
    /// When it ended.
    pub ended: Option<String>,
}

/// The gate's refusal to keep records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldRefused {
    /// `refused`.
    pub outcome: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Holds, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holds {
    /// The holds.
    pub holds: Vec<Hold>,
}

/// Keeps identified records from deletion, when the gate permits it.
#[utoipa::path(
    post, path = "/v1/holds", tag = "records", operation_id = "hold-new", request_body = HoldRequest,
    responses(
        (status = 200, description = "the hold, or the gate's refusal", body = HoldAnswer),
        (status = 400, description = "the request cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "a fact is stated that another role must state", body = Problem),
        (status = 409, description = "the case is closed", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("gate")))
)]
pub(super) async fn new<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    JsonBody(request): JsonBody<HoldRequest>,
) -> Result<Json<HoldAnswer>, Problem> {
    let wanted = preservation(&api, caller, &request)?;
    let done = api.run(move |desk, handle| handle.block_on(desk.preserve(wanted))).await?;
    Ok(Json(match done {
        Outcome::Held(hold) => HoldAnswer::Held(Box::new(Hold::of(&hold))),
        Outcome::Refused(refused) => HoldAnswer::Refused(Box::new(HoldRefused {
            outcome: REFUSED.to_owned(),
            refusal: refusal(&api.desk.gate().packs(), &refused),
        })),
    }))
}

/// Lists holds.
#[utoipa::path(
    get, path = "/v1/holds", tag = "records", operation_id = "hold-list",
    responses(
        (status = 200, description = "the holds, the latest first", body = Holds),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "network-operations", "legal-reviewer", "approver", "manager",
        "auditor", "requester", "unit-head"])))
)]
pub(super) async fn list<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
) -> Result<Json<Holds>, Problem> {
    caller.may(Door::SeesCases.roles())?;
    Ok(Json(Holds { holds: api.desk.holds().iter().map(Hold::of).collect() }))
}

/// Ends a hold before its time.
#[utoipa::path(
    post, path = "/v1/holds/{id}/release", tag = "records", operation_id = "hold-release",
    params(("id" = String, Path, description = "id of the hold")),
    responses(
        (status = 200, description = "it is ended", body = Noted),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such hold in force", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "legal-reviewer"])))
)]
pub(super) async fn release<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Noted>, Problem> {
    caller.may(Door::EndsHolds.roles())?;
    let journal_index = api.run(move |desk, _| desk.release(&caller.0, &id)).await?;
    Ok(Json(Noted { journal_index }))
}

fn preservation<S: Stores>(
    api: &Api<S>,
    caller: Caller,
    request: &HoldRequest,
) -> Result<Preservation, Problem> {
    let named = ground::read(&ground::Words {
        case: &request.case,
        purpose: &request.purpose,
        basis: request.basis.as_deref(),
        facts: &request.facts,
        attached: request.attached.as_deref(),
    })?;
    ground::check_facts(&api.desk, (ActName::Preserve, DataCategory::Asgn), &named)?;
    let ground::Named { case, purpose, basis, facts, attached } = named;
    let realm = request.realm.as_deref().map_or_else(Realm::untold, Realm::from);
    let at = [request.from.clone(), request.until.clone()];
    let (settings, now) = (api.desk.settings(), api.desk.now());
    let (mut endpoints, mut span) = (Vec::new(), None);
    for text in &request.endpoints {
        // A network's own address is read with the times; which addresses it has is told by the network.
        let network = read_network(text);
        let address = network.as_ref().map_or(text.as_str(), |_| text.split('/').next().unwrap_or_default());
        let question = read(&Texts { address, at: &at, ..Texts::default() }, settings, now)?.question;
        endpoints.extend(network.unwrap_or_else(|| vec![question.endpoint]));
        span = question.seen.first().zip(question.seen.last()).map(|(from, until)| (from.at, until.at));
    }
    let (from, until) = span.unwrap_or((now, now));
    let days = request.days;
    Ok(Preservation {
        actor: caller.0,
        case,
        purpose,
        basis,
        facts,
        attached,
        realm,
        endpoints,
        from,
        until,
        days,
    })
}

impl Hold {
    fn of(hold: &Known) -> Self {
        let outcome = match (hold.ended, hold.records) {
            (Some(_), _) => "ended",
            (None, Some(_)) => "held",
            (None, None) => "unfinished",
        };
        Self {
            outcome: outcome.to_owned(),
            id: hold.id.clone(),
            case: hold.case.0.clone(),
            person: hold.person.0.clone(),
            rule: hold.rule.clone(),
            journal_index: hold.permit,
            since: rfc3339(hold.since),
            until: rfc3339(hold.until),
            records: hold.records,
            ended: hold.ended.and_then(rfc3339),
        }
    }
}
