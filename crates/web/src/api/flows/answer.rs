//! What is answered about flows, as JSON.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tadoru_desk::flows::{CutTo, FlowTold, Told};
use tadoru_store::flows::sql::{Table, Value};
use tadoru_store::flows::{Rate, Sums};
use utoipa::ToSchema;

use super::row::FlowRow;
use crate::api::exporters::Exporter;
use crate::api::shape::{Refusal, rfc3339};

/// The figures, the flows, what a statement said, or the gate's refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FlowsAnswer {
    /// The figures.
    Told(Box<FlowFigures>),
    /// The flows.
    Listed(Box<FlowList>),
    /// What a statement said.
    Said(Box<FlowTable>),
    /// The gate refused.
    Refused(Box<FlowsRefused>),
}

/// Figures of flows, as the exporters counted them, unscaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowFigures {
    /// `told`.
    pub outcome: String,
    /// One row of sums for all, for a key, or for a step of time.
    pub rows: Vec<FlowSums>,
    /// Whether every key was asked for and there may be more than are answered.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub cut: bool,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
    /// Which of the records that were found were sampled.
    #[serde(default)]
    pub sampling: FlowSampling,
    /// The incident whose own flows the question was cut to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut_to: Option<CutToIncident>,
}

/// Which of the records that a question found were sampled. Every figure is as recorded: nothing is multiplied by a rate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowSampling {
    /// `as-recorded`: packets and bytes are what the exporters counted, not scaled by the rates.
    pub figures: String,
    /// Records that the question found.
    pub records: u64,
    /// Those of them of which the exporter looked at one packet in several.
    pub sampled: u64,
    /// Records by their rate, ascending.
    pub rates: Vec<FlowRate>,
}

/// Records that tell the same rate of sampling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowRate {
    /// One packet in so many was counted; 1: every one; 0: not told.
    pub one_in: u32,
    /// Records.
    pub records: u64,
    /// Who tells this rate now, of the exporters that a served desk hears: `data`, `options`, `configured`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub told_by: Vec<String>,
}

/// Sums over flows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowSums {
    /// The key of a ranking, or the first instant of a step (RFC 3339); nothing for the sums over all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Flows.
    pub flows: u64,
    /// Packets, both directions.
    pub packets: u64,
    /// Octets, both directions.
    pub bytes: u64,
}

/// Single flows, by when they began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowList {
    /// `told`.
    pub outcome: String,
    /// The flows.
    pub flows: Vec<FlowRow>,
    /// Whether more were found than are listed; which of them are listed is not said.
    pub cut: bool,
    /// Sums over all that were found, where the list was cut.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<FlowSums>,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
    /// Which of the records that were found were sampled.
    #[serde(default)]
    pub sampling: FlowSampling,
    /// The incident whose own flows the question was cut to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut_to: Option<CutToIncident>,
}

/// What a statement in SQL said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlowTable {
    /// `told`.
    pub outcome: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each with a value a column: text, number or null; octets as hexadecimal text.
    pub values: Vec<Vec<serde_json::Value>>,
    /// Whether there were more rows than are answered.
    pub cut: bool,
    /// How many flows the statement could read.
    pub read: u64,
    /// Whether the question found more flows than that: then every figure is of a part only.
    pub partial: bool,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
    /// Which of the records that were found were sampled.
    #[serde(default)]
    pub sampling: FlowSampling,
    /// The incident whose own flows the question was cut to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut_to: Option<CutToIncident>,
}

/// What a question was cut to, so that it is about an incident and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CutToIncident {
    /// Id of the incident.
    pub incident: String,
    /// First instant of the flows, RFC 3339 in UTC.
    pub from: Option<String>,
    /// First instant after.
    pub until: Option<String>,
}

/// The gate's refusal to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowsRefused {
    /// `refused`.
    pub outcome: String,
    /// Why, and what is missing.
    #[serde(flatten)]
    pub refusal: Refusal,
}

impl FlowsAnswer {
    /// Of what the desk told; the exporters that are heard now say where a rate comes from.
    pub(super) fn of(told: FlowTold, exporters: &[Exporter]) -> Self {
        let FlowTold { told, rates, rule, journal_index, cut_to } = told;
        let sampling = FlowSampling::of(&rates, exporters);
        let (outcome, rule, cut_to) = ("told".to_owned(), rule.id, cut_to.map(CutToIncident::of));
        let rows = match told {
            Told::List { flows, of } => {
                let listed = FlowList {
                    outcome,
                    flows: (0..flows.rows())
                        .filter_map(|row| flows.get(row))
                        .map(|f| FlowRow::of(&f))
                        .collect(),
                    cut: of.is_some(),
                    of: of.map(|sums| FlowSums::of(None, &sums)),
                    rule,
                    journal_index,
                    sampling,
                    cut_to,
                };
                return Self::Listed(Box::new(listed));
            }
            Told::Sql(Table { columns, rows, cut, flows, partial }) => {
                let values = rows.into_iter().map(|row| row.into_iter().map(value).collect()).collect();
                let read = flows;
                return Self::Said(Box::new(FlowTable {
                    outcome,
                    columns,
                    values,
                    cut,
                    read,
                    partial,
                    rule,
                    journal_index,
                    sampling,
                    cut_to,
                }));
            }
            Told::Totals(sums) => vec![FlowSums::of(None, &sums)],
            Told::Top(keys) => {
                keys.into_iter().map(|key| FlowSums::of(Some(key.key.to_string()), &key.sums)).collect()
            }
            Told::Series(steps) => {
                steps.into_iter().map(|step| FlowSums::of(rfc3339(step.from), &step.sums)).collect()
            }
        };
        Self::Told(Box::new(FlowFigures { outcome, rows, cut: false, rule, journal_index, sampling, cut_to }))
    }
}

impl FlowSampling {
    fn of(rates: &[Rate], exporters: &[Exporter]) -> Self {
        let told_by = |one_in: u32| -> Vec<String> {
            let same = exporters.iter().filter(|exporter| one_in > 0 && exporter.sampling == Some(one_in));
            same.filter_map(|exporter| exporter.sampling_from.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect()
        };
        let rate = |rate: &Rate| FlowRate {
            one_in: rate.one_in,
            records: rate.records,
            told_by: told_by(rate.one_in),
        };
        Self {
            figures: "as-recorded".to_owned(),
            records: rates.iter().map(|rate| rate.records).sum(),
            sampled: rates.iter().filter(|rate| rate.one_in > 1).map(|rate| rate.records).sum(),
            rates: rates.iter().map(rate).collect(),
        }
    }
}

impl FlowSums {
    fn of(key: Option<String>, sums: &Sums) -> Self {
        Self { key, flows: sums.flows, packets: sums.packets, bytes: sums.bytes }
    }
}

impl CutToIncident {
    pub(crate) fn of(cut: CutTo) -> Self {
        let CutTo { incident, span } = cut;
        Self { incident: incident.to_string(), from: rfc3339(span.from), until: rfc3339(span.until) }
    }
}

fn value(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(n) => n.into(),
        // What is no number in JSON (an infinity) is told as text.
        Value::Real(n) => serde_json::Number::from_f64(n).map_or_else(|| n.to_string().into(), Into::into),
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}
