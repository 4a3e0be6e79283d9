//! Evidence packs of incidents: made for one recipient under the rule for that recipient, handed to who asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::packs::{PackFor, PackReply, PackWish, WithoutRecords};
use tadoru_model::{FindingId, Prefix};
use utoipa::ToSchema;

use super::extract::{Caller, Id, JsonBody};
use super::problem::Problem;
use super::shape::{REFUSED, Refusal, refusal};
use super::{Api, ground};

/// For whom a pack of an incident is, and on what ground.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackRequest {
    /// `victim`, `neighbour` or `association`.
    pub recipient: String,
    /// The recipient by name, as the documents will say.
    pub name: String,
    /// The victim's addresses and prefixes, which must be targets; may be left out where there is one target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<String>,
    /// The neighbour's autonomous system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_as: Option<u32>,
    /// Makes the pack for a victim or the association even where no flow record of the attack is found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_records: bool,
    /// Case; it is opened where there is none.
    pub case: String,
    /// Basis that is relied on, such as `B-PARTY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Facts that the person states, such as `victim.consent`.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// SHA-256 of what is attached to the statements, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<String>,
}

/// A pack, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum PackAnswer {
    /// The documents.
    Packed(Box<Packed>),
    /// The gate refused, or somebody has to agree first.
    Refused(Box<PackRefused>),
}

/// A pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Packed {
    /// `packed`.
    pub outcome: String,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the delivery stands.
    pub journal_index: u64,
    /// How many flow records are in it; nothing where the recipient is due none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// SHA-256 of the manifest, 64 hexadecimal digits.
    pub manifest: String,
    /// The documents, the manifest among them.
    pub documents: Vec<Document>,
}

/// A document of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Document {
    /// Name of its file.
    pub name: String,
    /// What it is, as a media type.
    pub media_type: String,
    /// Its text.
    pub text: String,
}

/// The gate's refusal to hand anything out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackRefused {
    /// `refused`.
    pub outcome: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Makes an evidence pack of an incident, when the gate permits it.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/packs", tag = "incidents", operation_id = "incident-pack",
    params(("id" = String, Path, description = "id of the incident")), request_body = PackRequest,
    responses(
        (status = 200, description = "the documents, or the gate's refusal", body = PackAnswer),
        (status = 400, description = "the request cannot be read, or the recipient has no part in the incident",
         body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "a fact is stated that another role must state", body = Problem),
        (status = 404, description = "there is no such incident", body = Problem),
        (status = 409, description = "the case is closed, or there is no flow record of the attack", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("gate")))
)]
pub(super) async fn pack<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(request): JsonBody<PackRequest>,
) -> Result<Json<PackAnswer>, Problem> {
    let wish = wish(caller, &id, request)?;
    let reply = api.run(move |desk, handle| handle.block_on(desk.incident_pack(&wish))).await?;
    Ok(Json(match reply {
        PackReply::Packed { documents, records, manifest, rule, journal_index } => {
            PackAnswer::Packed(Box::new(Packed {
                outcome: "packed".to_owned(),
                rule: rule.id,
                journal_index,
                records,
                manifest: manifest.iter().map(|byte| format!("{byte:02x}")).collect(),
                documents: documents
                    .into_iter()
                    .map(|document| Document {
                        name: document.name.to_owned(),
                        media_type: document.media_type.to_owned(),
                        text: String::from_utf8_lossy(&document.octets).into_owned(),
                    })
                    .collect(),
            }))
        }
        PackReply::Refused(refused) => PackAnswer::Refused(Box::new(PackRefused {
            outcome: REFUSED.to_owned(),
            refusal: refusal(&api.desk.gate().packs(), &refused),
        })),
    }))
}

fn wish(caller: Caller, id: &str, request: PackRequest) -> Result<PackWish, Problem> {
    let incident: FindingId = id.parse().map_err(|e| Problem::wrong("id", format!("`id` is {e}")))?;
    let recipient = match (request.recipient.as_str(), request.neighbour_as) {
        ("victim", None) => PackFor::Victim(prefixes(&request.own)?),
        ("neighbour", Some(asn)) => PackFor::Neighbour(asn),
        ("neighbour", None) => {
            return Err(Problem::wrong("neighbour_as", "which neighbour: `neighbour_as` is missing"));
        }
        ("association", None) => PackFor::Association,
        (_, Some(_)) => return Err(Problem::wrong("neighbour_as", "only a neighbour has a `neighbour_as`")),
        _ => return Err(ground::unknown("recipient", ["victim", "neighbour", "association"].into_iter())),
    };
    if request.name.trim().is_empty() || request.name.len() > MOST_NAME_BYTES {
        return Err(Problem::wrong("name", "the recipient's name has 1 to 200 octets"));
    }
    if !request.own.is_empty() && !matches!(recipient, PackFor::Victim(_)) {
        return Err(Problem::wrong("own", "only a victim has addresses of its `own`"));
    }
    let ground =
        ground::stated(&request.case, request.basis.as_deref(), &request.facts, request.attached.as_deref())?;
    let without_records =
        if request.without_records { WithoutRecords::Allowed } else { WithoutRecords::Refused };
    Ok(PackWish { actor: caller.0, incident, recipient, name: request.name, without_records, ground })
}

fn prefixes(texts: &[String]) -> Result<Vec<Prefix>, Problem> {
    if texts.len() > MOST_PREFIXES {
        return Err(Problem::wrong("own", "more than 256 addresses and prefixes"));
    }
    let read =
        |text: &String| text.parse().map_err(|_| Problem::wrong("own", "`own` holds what is no prefix"));
    texts.iter().map(read).collect()
}

const MOST_NAME_BYTES: usize = 200;
const MOST_PREFIXES: usize = 256;
