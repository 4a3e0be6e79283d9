//! How the exporters of flows fare. It names exporters, which are the operator's own, and senders that are not among
//! them; it shows no flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::{Door, Stores};
use utoipa::ToSchema;

use super::Api;
use super::extract::Caller;
use super::problem::Problem;

/// How the reception of flows fares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exporters {
    /// What was counted at the door since the program started; `null` where none listens.
    pub reception: Option<Reception>,
    /// Each protocol and domain of each exporter of which a template or a record has been read.
    pub exporters: Vec<Exporter>,
    /// All that came from each address, read or not.
    pub addresses: Vec<Address>,
    /// Senders that the configuration does not name, those that sent the most first; a bounded number of them.
    pub unknown: Vec<Unknown>,
}

/// What was counted before anybody looked into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reception {
    /// Datagrams of named exporters.
    pub received: u64,
    /// Octets that went into the spool.
    pub octets: u64,
    /// Datagrams in the spool.
    pub kept: u64,
    /// Datagrams that the spool refused and that are lost.
    pub refused: u64,
    /// Datagrams of senders that are not named.
    pub unknown: u64,
    /// Of those, how many were quarantined; the others were dropped.
    pub quarantined: u64,
    /// Datagrams that the system dropped for want of room.
    pub kernel_drops: u64,
    /// Streams whose framing was lost, and messages that were cut.
    pub malformed: u64,
    /// Why nothing is taken in; `null`: it is.
    pub trouble: Option<String>,
}

/// One protocol and domain of an exporter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exporter {
    /// Its name in the configuration.
    pub name: Option<String>,
    /// Address that it sends from.
    pub address: String,
    /// Port that it sends from, where it tells streams apart.
    pub port: Option<u16>,
    /// `known`, or `quarantined`: its flows are not kept.
    pub standing: String,
    /// `netflow-5`, `netflow-9`, `ipfix` or `sflow-5`.
    pub protocol: String,
    /// Engine, source id, observation domain or sub-agent.
    pub domain: u32,
    /// Address that an sFlow agent says it has.
    pub agent: Option<String>,
    /// Templates known.
    pub templates: u64,
    /// Datagrams read since it was first heard.
    pub datagrams: u64,
    /// Octets in them.
    pub octets: u64,
    /// Flows read.
    pub flows: u64,
    /// Flows a second over the last minute.
    pub rate: f64,
    /// Missing by the sequence numbers: datagrams of NetFlow v9 and sFlow, flows of v5, records of IPFIX.
    pub lost: u64,
    /// Datagrams that came late or twice.
    pub late: u64,
    /// How often it started anew.
    pub restarts: u64,
    /// Data sets of datagrams that wait for their template.
    pub waiting_datagrams: u64,
    /// Octets that wait.
    pub waiting_octets: u64,
    /// Data sets that were dropped while they waited, for want of room or because no template came.
    pub dropped_sets: u64,
    /// One packet in so many is looked at; `null`: nobody told.
    pub sampling: Option<u32>,
    /// Who told the sampling: `data`, `options` or `configured`.
    pub sampling_from: Option<String>,
    /// How far its clock is ahead of ours, microseconds; `null` of sFlow, which tells no time.
    pub skew_us: Option<i64>,
    /// How often its clock jumped.
    pub clock_jumps: u64,
    /// What is taken from the times that it tells now, microseconds; 0: they are believed.
    pub correction_us: i64,
    /// Flows whose times were corrected by their arrival.
    pub corrected: u64,
    /// NAT events, which are not read here.
    pub nat_events: u64,
    /// Arrival of its last datagram, RFC 3339.
    pub last: String,
    /// Seconds since then.
    pub silent_s: u64,
}

/// All that came from one address, read or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Address {
    /// Its name in the configuration.
    pub name: Option<String>,
    /// The address.
    pub address: String,
    /// `known`, or `quarantined`: its flows are not kept.
    pub standing: String,
    /// Datagrams of it since it was first heard.
    pub datagrams: u64,
    /// Domains of which no template and no record has been read; a bounded number is kept.
    pub unread_domains: u64,
    /// Data sets of datagrams that wait for their template.
    pub waiting_datagrams: u64,
    /// Octets that wait.
    pub waiting_octets: u64,
    /// Data sets that were dropped while they waited, for want of room or because no template came.
    pub dropped_sets: u64,
    /// What could not be read in its datagrams, by cause.
    pub defects: BTreeMap<String, u64>,
    /// Arrival of its last datagram, RFC 3339.
    pub last: String,
    /// Seconds since then.
    pub silent_s: u64,
}

/// A sender that the configuration does not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unknown {
    /// Its address.
    pub address: String,
    /// Datagrams and streams of it.
    pub datagrams: u64,
    /// Arrival of the last one, RFC 3339.
    pub last: String,
}

/// How the exporters fare.
#[utoipa::path(
    get, path = "/v1/exporters", tag = "flows", operation_id = "exporters",
    responses(
        (status = 200, description = "how the exporters fare", body = Exporters),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
    ),
    extensions(("x-door" = json!(["network-operations", "abuse-desk", "manager", "administrator"])))
)]
pub(super) async fn exporters<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
) -> Result<Json<Exporters>, Problem> {
    if !caller.0.opens(Door::ReadsFlows) {
        return Err(Problem::role(Door::ReadsFlows.roles()));
    }
    Ok(Json((api.exporters)()))
}
