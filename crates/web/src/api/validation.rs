//! Source-address validation by interface: sums in which nobody can be told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::validation::{Validated, ValidationReply};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Asked, Caller};
use super::flows::span;
use super::ingress::{name, role};
use super::problem::Problem;
use super::shape::{REFUSED, Refusal, refusal};

/// Over which time.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Period {
    /// First instant, with its zone.
    #[serde(default)]
    pub since: Option<String>,
    /// First instant after, with its zone.
    #[serde(default)]
    pub until: Option<String>,
}

/// The report, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ValidationAnswer {
    /// The report.
    Told(Box<Validation>),
    /// The gate refused.
    Refused(Box<ValidationRefused>),
}

/// Which interfaces let in sources that cannot be there. Packets are scaled by sampling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// `told`.
    pub outcome: String,
    /// An interface each, the one with the most packets of impossible sources first.
    pub interfaces: Vec<ValidatedInterface>,
    /// Whether own prefixes or interfaces were told: else nothing is impossible but addresses that nobody has.
    pub told: bool,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
}

/// What came in by one interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidatedInterface {
    /// The exporter.
    pub exporter: String,
    /// Index of the interface.
    pub interface: u32,
    /// Name of the interface, where it was told.
    pub name: Option<String>,
    /// `edge` or `customer`, where it was told.
    pub role: Option<String>,
    /// All packets.
    pub packets: u64,
    /// From prefixes that may come in there.
    pub valid: u64,
    /// From addresses that nobody has in the public Internet.
    pub bogon: u64,
    /// From own addresses, by an interface to another network.
    pub own_from_outside: u64,
    /// From elsewhere than the tables let in.
    pub wrong: u64,
    /// Nothing is known that speaks for or against.
    pub unverifiable: u64,
    /// Flow records with a source that cannot be there: one or two are an accident, many are no validation.
    pub impossible_flows: u64,
}

/// The gate's refusal to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationRefused {
    /// `refused`.
    pub outcome: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Which interfaces let in sources that cannot be there.
#[utoipa::path(
    get, path = "/v1/validation", tag = "flows", operation_id = "validation", params(Period),
    responses(
        (status = 200, description = "the report, or the gate's refusal", body = ValidationAnswer),
        (status = 400, description = "a time cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn validation<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Asked(period): Asked<Period>,
) -> Result<Json<ValidationAnswer>, Problem> {
    let span = span(&api, &period.since, &period.until)?;
    let reply = api.run(move |desk, _| desk.validation(&caller.0, span)).await?;
    Ok(Json(match reply {
        ValidationReply::Told { interfaces, told, rule, journal_index } => {
            ValidationAnswer::Told(Box::new(Validation {
                outcome: "told".to_owned(),
                interfaces: interfaces.iter().map(interface).collect(),
                told,
                rule: rule.id,
                journal_index,
            }))
        }
        ValidationReply::Refused(refused) => ValidationAnswer::Refused(Box::new(ValidationRefused {
            outcome: REFUSED.to_owned(),
            refusal: refusal(&api.desk.gate().packs(), &refused),
        })),
    }))
}

fn interface(one: &Validated) -> ValidatedInterface {
    let sources = &one.sources;
    ValidatedInterface {
        exporter: sources.exporter.to_string(),
        interface: sources.index,
        name: name(one.place.as_ref()),
        role: role(one.place.as_ref()),
        packets: sources.packets,
        valid: sources.valid,
        bogon: sources.bogon,
        own_from_outside: sources.own_from_outside,
        wrong: sources.wrong,
        unverifiable: sources.unverifiable,
        impossible_flows: sources.impossible_flows,
    }
}
