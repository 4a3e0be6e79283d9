//! How an incident's strength went, vector by vector, from its own recorded flows: each scaled by its own sampling and
//! counted when it began.
//!
//! It is asked with one statement in SQL over the flows that the incident itself is cut to, so that the rule that opens the
//! incident permits it. Where edges and customers' interfaces are told, a packet is counted once; else at every exporter.

use tadoru_model::finding::Vector;

use super::super::Visitor;
use super::super::times::seconds;
use crate::api::flows::{FlowTable, FlowsAnswer, FlowsQuery};
use crate::api::incidents::IncidentTold;
use crate::api::problem::Problem;
use crate::console::Console;

/// Packets in a second by vector, over time.
#[derive(Clone)]
pub struct Course {
    /// Length of a step, seconds.
    pub(super) step_s: i64,
    /// The vectors; the last is what fits none of them, where anything does.
    pub(super) vectors: Vec<String>,
    /// First second of a step, since 1970, and the rates in the order of the vectors.
    pub(super) steps: Vec<(i64, Vec<f64>)>,
    /// Whether each packet is counted once.
    pub(super) once: bool,
    /// Whether there were more flows than a statement reads.
    pub(super) is_partial: bool,
}

impl Course {
    /// Asks for it; nothing where it is not told.
    pub(super) async fn of(
        console: &Console,
        visitor: &Visitor,
        told: &IncidentTold,
        case: &str,
    ) -> Option<Self> {
        let start = seconds(told.start.as_deref()?)?;
        let length = seconds(told.last.as_deref()?)? - start;
        let step_s = STEPS_S.into_iter().find(|step| length / *step as f64 <= MOST_STEPS)?;
        let vectors: Vec<&str> = told.vectors.iter().map(|one| one.vector.as_str()).collect();
        let mut query = FlowsQuery {
            once: true,
            sql: Some(statement(&vectors, step_s)),
            incident: Some(told.id.clone()),
            case: Some(case.to_owned()).filter(|case| !case.is_empty()),
            ..FlowsQuery::default()
        };
        let mut said = ask(console, visitor, &query).await;
        if said.as_ref().is_err_and(|problem| problem.error.code == "once") {
            query.once = false;
            said = ask(console, visitor, &query).await;
        }
        match said {
            Ok(FlowsAnswer::Said(table)) => Some(Self::read(&table, &vectors, step_s, query.once)),
            _ => None,
        }
    }

    fn read(table: &FlowTable, vectors: &[&str], step_s: i64, once: bool) -> Self {
        let mut names: Vec<String> = vectors.iter().map(|name| (*name).to_owned()).collect();
        let mut steps: Vec<(i64, Vec<f64>)> = Vec::new();
        for row in &table.values {
            let [at, place, packets, ..] = row.as_slice() else { continue };
            let (Some(at), Some(place), Some(packets)) = (at.as_i64(), place.as_u64(), packets.as_f64())
            else {
                continue;
            };
            // As many places as there are vectors, and one for the rest.
            let place = usize::try_from(place).unwrap_or(usize::MAX).min(vectors.len());
            if place == vectors.len() && names.len() == vectors.len() {
                names.push(OTHER.to_owned());
            }
            if steps.last().is_none_or(|(last, _)| *last != at) {
                steps.push((at, vec![0.0; vectors.len() + 1]));
            }
            if let Some(rate) = steps.last_mut().and_then(|(_, rates)| rates.get_mut(place)) {
                *rate = packets / step_s as f64;
            }
        }
        let width = names.len();
        steps.iter_mut().for_each(|(_, rates)| rates.truncate(width));
        Self { step_s, vectors: names, steps, once, is_partial: table.partial || table.cut }
    }
}

async fn ask(console: &Console, visitor: &Visitor, query: &FlowsQuery) -> Result<FlowsAnswer, Problem> {
    console.post(visitor, "/v1/flows", query).await
}

/// Sums by step and vector. Nothing of what anybody typed is in it.
fn statement(vectors: &[&str], step_s: i64) -> String {
    let mut placed: Vec<(usize, &&str)> = vectors.iter().enumerate().collect();
    // The narrower ones first: a DNS answer is UDP too.
    placed.sort_by_key(|(_, name)| matches!(**name, "udp" | "ack" | "connections" | "icmp"));
    let cases: String = placed
        .iter()
        .filter_map(|(place, name)| Some(format!(" WHEN {} THEN {place}", condition(name)?)))
        .collect();
    let other = vectors.len();
    let place = if cases.is_empty() { other.to_string() } else { format!("CASE{cases} ELSE {other} END") };
    format!(
        "SELECT first_us / {us} * {step_s} AS at, {place} AS place, \
         sum(packets * CASE WHEN sampling > 1 THEN sampling ELSE 1 END) AS packets \
         FROM flows GROUP BY at, place ORDER BY at, place",
        us = step_s * 1_000_000
    )
}

/// What tells a vector by protocol, ports and flags; `None` where these do not tell it.
fn condition(vector: &str) -> Option<String> {
    Some(match vector.parse::<Vector>().ok()? {
        Vector::Udp => "proto = 17".to_owned(),
        Vector::Icmp => "proto IN (1, 58)".to_owned(),
        Vector::Syn => "proto = 6 AND tcp_flags & 18 = 2".to_owned(),
        Vector::SynAck => "proto = 6 AND tcp_flags & 18 = 18".to_owned(),
        Vector::Rst => "proto = 6 AND tcp_flags & 6 = 4".to_owned(),
        Vector::Ack => "proto = 6 AND tcp_flags & 18 = 16".to_owned(),
        Vector::Fin => "proto = 6 AND tcp_flags & 19 = 1".to_owned(),
        Vector::Fragments => "src_port = 0 AND dst_port = 0 AND proto IN (6, 17)".to_owned(),
        Vector::Amplification(service) if service.port() != 0 => {
            format!("proto = 17 AND src_port = {}", service.port())
        }
        Vector::Amplification(_) => "proto = 17".to_owned(),
        Vector::Connections | Vector::HttpGet | Vector::SlowConnections | Vector::TcpInvalid => {
            "proto = 6".to_owned()
        }
        Vector::OtherProtocol => "proto NOT IN (1, 6, 17, 58)".to_owned(),
        Vector::Scan(_) => return None,
    })
}

/// What fits no vector of the incident.
pub(super) const OTHER: &str = "other";
/// Lengths of a step.
const STEPS_S: [i64; 10] = [1, 2, 5, 10, 30, 60, 300, 900, 3600, 86_400];
/// Steps of one chart at most.
const MOST_STEPS: f64 = 240.0;

#[cfg(test)]
mod tests;
