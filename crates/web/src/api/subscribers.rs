//! The person behind a contract: a separate step, opened by a permit of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::directory::{Look, Page};
use tadoru_gate::{ActName, DataCategory};
use tadoru_model::SubscriberId;
use tadoru_store::subscribers::{Channel, IdentityLevel, LineName, Version};
use utoipa::ToSchema;

use super::extract::{Caller, Id, JsonBody};
use super::problem::Problem;
use super::shape::{Name, Refusal, refusal, rfc3339};
use super::{Api, ground, shape};

/// The ground on which a contract is to be opened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowRequest {
    /// Case.
    pub case: String,
    /// Purpose, such as `P-CLEAN`.
    pub purpose: String,
    /// Basis that is relied on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<String>,
    /// Facts that the person states.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
}

/// A contract, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ShowAnswer {
    /// The gate opened it.
    Opened(Contract),
    /// The gate refused.
    Refused(Box<ShowRefused>),
}

/// A contract, opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contract {
    /// `opened`.
    pub outcome: String,
    /// Contract id.
    pub subscriber: String,
    /// The contract as the imports had it, the latest first; empty where it is not known.
    pub versions: Vec<ContractVersion>,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
}

/// The gate's refusal to open a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShowRefused {
    /// `refused`.
    pub outcome: String,
    /// Contract id.
    pub subscriber: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// A contract as one import had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContractVersion {
    /// The first import that had it so, RFC 3339 in UTC.
    pub since: Option<String>,
    /// Class of the contract, as the operator names it.
    pub class: Option<String>,
    /// From when the contract runs.
    pub from: Option<String>,
    /// First instant after it; `null`: without end.
    pub until: Option<String>,
    /// How the identity was verified: `none`, `self-declared`, `card`, `mail-confirmed`, `responsible-person`,
    /// `document`, `in-person`; `null`: not recorded.
    pub identity_level: Option<String>,
    /// What access records call the line.
    pub lines: Vec<Line>,
    /// How to reach the person.
    pub contact: Contact,
}

/// A name of a contract's line, and when it had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// The name.
    #[serde(flatten)]
    pub name: Name,
    /// Realm in which the name is said; `null`: in every one.
    pub realm: Option<String>,
    /// From when; `null`: as long as the contract.
    pub from: Option<String>,
    /// First instant after; `null`: as long as the contract.
    pub until: Option<String>,
}

/// How to reach a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Name of the contract holder.
    pub name: Option<String>,
    /// Mail addresses, the preferred first.
    pub mail: Vec<String>,
    /// Telephone numbers, the preferred first.
    pub phone: Vec<String>,
    /// Postal address.
    pub postal: Option<String>,
    /// Account in the operator's portal.
    pub portal: Option<String>,
    /// The channel that the person asked for: `mail`, `phone`, `postal` or `portal`.
    pub prefers: Option<String>,
}

/// Shows a contract with its contact data, when the gate permits it.
#[utoipa::path(
    post, path = "/v1/subscribers/{id}/show", tag = "cases", operation_id = "subscriber-show",
    params(("id" = String, Path, description = "contract id")), request_body = ShowRequest,
    responses(
        (status = 200, description = "the contract, or the gate's refusal", body = ShowAnswer),
        (status = 400, description = "the ground cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "a fact is stated that another role must state", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("gate")))
)]
pub(super) async fn show<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(request): JsonBody<ShowRequest>,
) -> Result<Json<ShowAnswer>, Problem> {
    let named = ground::read(&ground::Words {
        case: &request.case,
        purpose: &request.purpose,
        basis: request.basis.as_deref(),
        facts: &request.facts,
        attached: None,
    })?;
    ground::check_facts(&api.desk, (ActName::Learn, DataCategory::Sub), &named)?;
    let ground::Named { case, purpose, basis, facts, attached: _ } = named;
    let subscriber = SubscriberId(id.clone());
    let look = Look { actor: caller.0, case, purpose, basis, facts, subscriber };
    let page = api.run(move |desk, handle| handle.block_on(desk.show_subscriber(look))).await?;
    Ok(Json(match page {
        Page::Opened(versions, journal_index) => ShowAnswer::Opened(Contract {
            outcome: "opened".to_owned(),
            subscriber: id,
            versions: versions.iter().map(ContractVersion::of).collect(),
            journal_index,
        }),
        Page::Refused(refused) => ShowAnswer::Refused(Box::new(ShowRefused {
            outcome: shape::REFUSED.to_owned(),
            subscriber: id,
            refusal: refusal(&api.desk.gate().packs(), &refused),
        })),
    }))
}

impl ContractVersion {
    fn of(version: &Version) -> Self {
        let contract = &version.contract;
        let contact = &contract.contact;
        Self {
            since: rfc3339(version.since),
            class: contract.class.clone(),
            from: rfc3339(contract.contract.from),
            until: rfc3339(contract.contract.until),
            identity_level: contract.identity_level.map(|level| level_word(level).to_owned()),
            lines: contract.lines.iter().map(Line::of).collect(),
            contact: Contact {
                name: contact.name.clone(),
                mail: contact.mail.clone(),
                phone: contact.phone.clone(),
                postal: contact.postal.clone(),
                portal: contact.portal.clone(),
                prefers: contact.prefers.map(|channel| channel_word(channel).to_owned()),
            },
        }
    }
}

impl Line {
    fn of(line: &LineName) -> Self {
        let kind = line.identity.kind.as_str().to_owned();
        Self {
            name: Name { kind, value: line.identity.value.clone() },
            realm: line.realm.as_ref().map(|realm| realm.0.to_string()),
            from: line.from.and_then(rfc3339),
            until: line.until.and_then(rfc3339),
        }
    }
}

const fn level_word(level: IdentityLevel) -> &'static str {
    match level {
        IdentityLevel::None => "none",
        IdentityLevel::SelfDeclared => "self-declared",
        IdentityLevel::Card => "card",
        IdentityLevel::MailConfirmed => "mail-confirmed",
        IdentityLevel::ResponsiblePerson => "responsible-person",
        IdentityLevel::Document => "document",
        IdentityLevel::InPerson => "in-person",
    }
}

const fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Mail => "mail",
        Channel::Phone => "phone",
        Channel::Postal => "postal",
        Channel::Portal => "portal",
    }
}
