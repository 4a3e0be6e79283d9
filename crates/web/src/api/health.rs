//! Whether the desk works, which rules are in force, and how the live sources fare. It names no endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use utoipa::ToSchema;

use super::Api;
use super::shape::Moment;

/// How the desk fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `well`, or `ailing` where a source tells why it does not take records in, or the upkeep of the store fails.
    pub state: String,
    /// Version of the program.
    pub version: String,
    /// The operator.
    pub operator: String,
    /// The instant that the desk takes for the present.
    pub now: Moment,
    /// Name of the operator's zone.
    pub zone: String,
    /// The rules in force.
    pub rules: RulesInForce,
    /// Entries of the journal.
    pub journal_size: u64,
    /// Rows of assignments that are kept.
    pub assignments: u64,
    /// What the upkeep of the store in the background fails with, so that questions take longer and longer; `null`: it
    /// goes well.
    pub upkeep: Option<String>,
    /// The live sources.
    pub sources: Vec<SourceState>,
}

/// The rules in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesInForce {
    /// Jurisdiction, such as `JP`.
    pub jurisdiction: String,
    /// Version of its pack.
    pub version: Option<String>,
    /// What the pack warns of: rules that are not verified and that nobody has signed off.
    pub warnings: Vec<String>,
}

/// How a live source fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceState {
    /// Its name in the configuration.
    pub name: String,
    /// What it listens to, such as `radius`.
    pub kind: String,
    /// Why it does not take records in; `null`: it does.
    pub trouble: Option<String>,
    /// What it has counted, by name.
    pub counters: BTreeMap<String, u64>,
}

/// How the desk fares.
#[utoipa::path(
    get, path = "/v1/health", tag = "about", operation_id = "health",
    responses(
        (status = 200, description = "how the desk fares", body = Health),
        (status = 401, description = "nobody is known to be asking", body = super::problem::Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn health<S: Stores>(State(api): State<Arc<Api<S>>>) -> Json<Health> {
    let (desk, sources) = (&api.desk, (api.sources)());
    let (packs, settings) = (desk.gate().packs(), desk.settings());
    let upkeep = desk.stores().assignments().ailment();
    let ailing = upkeep.is_some() || sources.iter().any(|source| source.trouble.is_some());
    Json(Health {
        state: if ailing { "ailing" } else { "well" }.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        operator: settings.operator.clone(),
        now: Moment::of(desk.now(), &settings.time_zone()),
        zone: settings.zone.clone(),
        rules: RulesInForce {
            jurisdiction: packs.jurisdiction().to_owned(),
            version: packs.current().map(|pack| pack.version().to_owned()),
            warnings: packs.warnings(),
        },
        journal_size: desk.gate().journal().size(),
        assignments: desk.stores().assignments().count(),
        upkeep,
        sources,
    })
}
