//! An answer about flows as a file: CSV, JSON as the API has it, or Parquet. It is made of the answer that is open; nothing
//! is asked again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::Value;
use tadoru_model::Flows;

use super::super::packs::attached;
use super::{Run, Stage, Visitor, kept, trace};
use crate::api::flows::{FlowRow, FlowSums, FlowsAnswer};
use crate::console::Console;

/// The file.
pub async fn export(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path((name, format)): Path<(String, String)>,
) -> Response {
    let run = kept(&console, &visitor, &name);
    match run.and_then(|run| file(&console, &run, &format)) {
        Some((media_type, octets)) => attached(&format!("flows.{format}"), media_type, octets),
        None => trace::gone(&console, &visitor, "flows", "/flows"),
    }
}

fn file(console: &Console, run: &Run, format: &str) -> Option<(&'static str, Vec<u8>)> {
    let Stage::Answered(answer) = run.stage() else { return None };
    match (format, &*answer) {
        ("json", _) => Some(("application/json", serde_json::to_vec_pretty(&*answer).ok()?)),
        ("csv", FlowsAnswer::Told(told)) => {
            let key = match run.typed.view {
                "series" => Some("from"),
                "top" => Some(run.typed.key.as_str()),
                _ => None,
            };
            Some((CSV, sums(key, &told.rows).into_bytes()))
        }
        ("csv", FlowsAnswer::Listed(listed)) => Some((CSV, list(&listed.flows).into_bytes())),
        ("parquet", FlowsAnswer::Listed(listed)) => {
            let mut flows = Flows::with_capacity(listed.flows.len());
            for row in &listed.flows {
                flows.push(row.flow()?);
            }
            Some(("application/vnd.apache.parquet", (console.parquet)(&flows)?))
        }
        _ => None,
    }
}

fn sums(key: Option<&str>, rows: &[FlowSums]) -> String {
    let mut out = String::new();
    line(&mut out, key.into_iter().chain(["flows", "packets", "bytes"]));
    for row in rows {
        let figures = [row.flows, row.packets, row.bytes].map(|figure| figure.to_string());
        let told = key.map(|_| row.key.clone().unwrap_or_default());
        line(&mut out, told.as_deref().into_iter().chain(figures.iter().map(String::as_str)));
    }
    out
}

/// Flows, each with every member that the API has, in its order.
fn list(flows: &[FlowRow]) -> String {
    let mut out = String::new();
    line(&mut out, COLUMNS.into_iter());
    for flow in flows {
        let Ok(Value::Object(told)) = serde_json::to_value(flow) else { continue };
        let cells: Vec<String> = COLUMNS
            .iter()
            .map(|name| match told.get(*name) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            })
            .collect();
        line(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// A line of CSV (RFC 4180).
fn line<'c>(out: &mut String, cells: impl Iterator<Item = &'c str>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push_str("\r\n");
}

const CSV: &str = "text/csv; charset=utf-8";

/// The columns of a list: the members of a flow.
const COLUMNS: [&str; 33] = [
    "first",
    "last",
    "received",
    "ip",
    "src",
    "dst",
    "src_port",
    "dst_port",
    "proto",
    "tcp_flags",
    "tos",
    "packets",
    "bytes",
    "reverse_packets",
    "reverse_bytes",
    "flows",
    "sampling",
    "exporter",
    "domain",
    "input",
    "output",
    "src_as",
    "dst_as",
    "src_mask",
    "dst_mask",
    "next_hop",
    "bgp_next_hop",
    "src_vlan",
    "dst_vlan",
    "in_src_mac",
    "out_dst_mac",
    "direction",
    "forwarding",
];

#[cfg(test)]
mod tests;
