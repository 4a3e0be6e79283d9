//! An answer about flows as its page shows it.

use super::super::figures::octets;
use super::super::times::{local, name, seconds};
use super::{Lang, Typed, number};
use crate::api::flows::{CutToIncident, FlowRate, FlowRow, FlowSampling, FlowSums, FlowsAnswer};
use crate::console::Console;
use crate::words::fixed::word;
use crate::words::seen;

/// An answer.
pub struct Shown {
    pub(super) table: Table,
    /// What keeps it from being the whole, in words.
    pub(super) notes: Vec<String>,
    pub(super) rule: String,
    pub(super) journal_index: u64,
    pub(super) cut_to: Option<(String, String)>,
    pub(super) formats: &'static [&'static str],
}

/// Its rows.
pub enum Table {
    /// Sums: over all, or of a ranking.
    Sums {
        /// What the keys are; nothing of sums over all.
        key: Option<String>,
        /// The rows.
        rows: Vec<SumsRow>,
    },
    /// Sums over time.
    Series {
        /// Name of the zone.
        zone: String,
        /// Which measure is drawn first.
        by: String,
        /// The rows.
        rows: Vec<SumsRow>,
    },
    /// Flows.
    List(Vec<ListRow>),
}

/// Sums in a row.
pub struct SumsRow {
    pub(super) key: String,
    pub(super) t: String,
    pub(super) flows: (u64, String),
    pub(super) packets: (u64, String),
    pub(super) bytes: (u64, String),
    /// Of 1,000, the share of the largest.
    pub(super) width: u64,
}

/// A flow in a row.
pub struct ListRow {
    pub(super) first: String,
    pub(super) took: String,
    pub(super) proto: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) packets: String,
    pub(super) bytes: String,
    pub(super) flags: String,
    pub(super) exporter: String,
    pub(super) interfaces: String,
    pub(super) sampling: String,
}

impl Shown {
    /// Of an answer that is no refusal.
    pub(super) fn of(console: &Console, lang: Lang, typed: &Typed, answer: &FlowsAnswer) -> Self {
        let (w, zone) = (lang.words(), &console.zone);
        let cut = |cut: &CutToIncident| {
            let span =
                format!("{} – {}", local(cut.from.as_deref(), zone), local(cut.until.as_deref(), zone));
            (cut.incident.clone(), span)
        };
        match answer {
            FlowsAnswer::Told(told) => {
                let rows = sums(lang, zone, typed, &told.rows);
                let mut notes = vec![sampling(lang, &told.sampling)];
                if told.rows.len() > MOST_SHOWN {
                    notes.push(w.more_in_export.to_owned());
                }
                let table = match typed.view {
                    "series" => Table::Series { zone: name(zone), by: typed.by.clone(), rows },
                    "top" => Table::Sums { key: Some(word(lang, seen::KEYS, &typed.key).to_owned()), rows },
                    _ => Table::Sums { key: None, rows },
                };
                Self {
                    table,
                    notes,
                    rule: told.rule.clone(),
                    journal_index: told.journal_index,
                    cut_to: told.cut_to.as_ref().map(cut),
                    formats: &["csv", "json"],
                }
            }
            FlowsAnswer::Listed(listed) => {
                let mut notes = vec![sampling(lang, &listed.sampling)];
                if let Some(of) = &listed.of {
                    let (flows, packets, bytes) = (number(of.flows), number(of.packets), octets(of.bytes));
                    notes.push(format!("{} {flows} / {packets} packets / {bytes}", w.list_is_cut));
                }
                if listed.flows.len() > MOST_SHOWN {
                    notes.push(w.more_in_export.to_owned());
                }
                let rows = listed.flows.iter().take(MOST_SHOWN).map(|flow| ListRow::of(zone, flow));
                Self {
                    table: Table::List(rows.collect()),
                    notes,
                    rule: listed.rule.clone(),
                    journal_index: listed.journal_index,
                    cut_to: listed.cut_to.as_ref().map(cut),
                    formats: &["csv", "json", "parquet"],
                }
            }
            FlowsAnswer::Said(_) | FlowsAnswer::Refused(_) => Self {
                table: Table::List(Vec::new()),
                notes: Vec::new(),
                rule: String::new(),
                journal_index: 0,
                cut_to: None,
                formats: &[],
            },
        }
    }
}

fn sums(lang: Lang, zone: &jiff::tz::TimeZone, typed: &Typed, rows: &[FlowSums]) -> Vec<SumsRow> {
    let measured = |row: &FlowSums| match typed.by.as_str() {
        "packets" => row.packets,
        "flows" => row.flows,
        _ => row.bytes,
    };
    let most = rows.iter().map(measured).max().unwrap_or(0).max(1);
    let row = |row: &FlowSums| {
        let t = row.key.as_deref().filter(|_| typed.view == "series");
        let key = match (&row.key, t) {
            (_, Some(at)) => local(Some(at), zone),
            (Some(key), None) => key.clone(),
            (None, None) => lang.words().all.to_owned(),
        };
        SumsRow {
            key,
            t: t.and_then(seconds).map(|at| format!("{at:.0}")).unwrap_or_default(),
            flows: (row.flows, number(row.flows)),
            packets: (row.packets, number(row.packets)),
            bytes: (row.bytes, octets(row.bytes)),
            width: u64::try_from(u128::from(measured(row)) * 1000 / u128::from(most)).unwrap_or(1000),
        }
    };
    rows.iter().take(MOST_SHOWN).map(row).collect()
}

/// What is known of the sampling, such as `1:100 12,000, 1:1,000 40`.
fn sampling(lang: Lang, sampling: &FlowSampling) -> String {
    let w = lang.words();
    let told = |rate: &FlowRate| {
        let one_in = match rate.one_in {
            0 => w.sampling_untold.to_owned(),
            one_in => format!("1:{}", number(u64::from(one_in))),
        };
        let by = rate.told_by.iter().map(|by| word(lang, seen::SAMPLING_FROM, by)).collect::<String>();
        format!("{one_in}{by} {} {}", number(rate.records), w.records)
    };
    let told: Vec<String> = sampling.rates.iter().take(8).map(told).collect();
    let told = if told.is_empty() { w.sampling_untold.to_owned() } else { told.join(", ") };
    format!("{} {told}", w.sampling_note)
}

impl ListRow {
    fn of(zone: &jiff::tz::TimeZone, flow: &FlowRow) -> Self {
        let end = |address: &Option<String>, port: u16| {
            let address = address.clone().unwrap_or_else(|| "—".to_owned());
            match (flow.proto, address.contains(':')) {
                (6 | 17 | 33 | 132, true) => format!("[{address}]:{port}"),
                (6 | 17 | 33 | 132, false) => format!("{address}:{port}"),
                _ => address,
            }
        };
        let took = match (seconds(&flow.first), seconds(&flow.last)) {
            (Some(first), Some(last)) => format!("{:.3} s", (last - first).max(0.0)),
            _ => "—".to_owned(),
        };
        let proto = match flow.proto {
            1 => "icmp".to_owned(),
            6 => "tcp".to_owned(),
            17 => "udp".to_owned(),
            58 => "icmp6".to_owned(),
            other => other.to_string(),
        };
        Self {
            first: local(Some(&flow.first), zone),
            took,
            proto,
            from: end(&flow.src, flow.src_port),
            to: end(&flow.dst, flow.dst_port),
            packets: number(flow.packets),
            bytes: octets(flow.bytes),
            flags: if flow.proto == 6 { flags(flow.tcp_flags) } else { String::new() },
            exporter: flow.exporter.clone().unwrap_or_else(|| "—".to_owned()),
            interfaces: format!("{} → {}", flow.input, flow.output),
            sampling: if flow.sampling == 0 {
                "?".to_owned()
            } else {
                format!("1:{}", number(u64::from(flow.sampling)))
            },
        }
    }
}

/// TCP flags as nfdump writes them: `...AP.S.`.
fn flags(bits: u8) -> String {
    "CEUAPRSF"
        .chars()
        .enumerate()
        .map(|(place, c)| if bits & (0x80 >> place) != 0 { c } else { '.' })
        .collect()
}

/// Rows that a page shows.
const MOST_SHOWN: usize = 1000;
