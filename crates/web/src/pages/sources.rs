//! Exporters and sources: how each fares now, and on which days its records cover.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use tadoru_desk::Door;

use super::calendar::{Calendar, calendar};
use super::figures::{duration, octets, skew};
use super::times::local;
use super::{Frame, Visitor, number};
use crate::api::coverage::Coverage;
use crate::api::exporters::{Address, Exporter, Exporters, Reception};
use crate::api::health::Health;
use crate::api::problem::Problem;
use crate::console::Console;
use crate::words::Lang;
use crate::words::fixed::word;
use crate::words::seen;

#[derive(Template)]
#[template(path = "sources.html")]
struct SourcesPage {
    f: Frame,
    reception: Option<Vec<(&'static str, String)>>,
    trouble: Option<String>,
    opens_flows: bool,
    exporters: Vec<Row>,
    unread: Vec<Unread>,
    unknown: Vec<[String; 3]>,
    sources: Vec<(String, String, Option<String>, String)>,
    calendar: Calendar,
    clocks: Vec<[String; 4]>,
    zone: String,
}

/// An exporter's stream as a row.
struct Row {
    name: String,
    address: String,
    standing: (bool, String),
    protocol: String,
    domain: u32,
    rate: String,
    flows: String,
    lost: (bool, String),
    waiting: (bool, String),
    sampling: String,
    skew: (bool, String),
    templates: String,
    restarts: String,
    last: String,
    silent: (bool, String),
}

/// What of an address could not be read.
struct Unread {
    name: String,
    address: String,
    standing: (bool, String),
    datagrams: String,
    domains: String,
    waiting: String,
    dropped: String,
    defects: String,
    last: String,
}

/// The page.
pub async fn show(State(console): State<Arc<Console>>, visitor: Visitor) -> Response {
    let page = page(&console, &visitor).await;
    console.shown(&visitor, page)
}

async fn page(console: &Console, visitor: &Visitor) -> Result<SourcesPage, Problem> {
    let (lang, zone) = (visitor.lang, &console.zone);
    let health: Health = console.get(visitor, "/v1/health").await?;
    let coverage: Coverage = console.get(visitor, "/v1/coverage").await?;
    let opens_flows = visitor.actor.opens(Door::ReadsFlows);
    let told = if opens_flows { console.get(visitor, "/v1/exporters").await? } else { Exporters::default() };
    let now = console.keeper.desk_now().to_timestamp().unwrap_or_default();
    let clocks = coverage.clocks.iter().rev().take(MOST_CLOCKS).map(|clock| {
        let day = clock.day.as_deref().and_then(|day| day.get(..10)).unwrap_or("—");
        let ahead = if clock.lead_us > 0 { skew(clock.lead_us) } else { lang.words().not_ahead.to_owned() };
        [clock.source.clone(), format!("{day} UTC"), ahead, number(clock.samples)]
    });
    let unknown = told
        .unknown
        .iter()
        .map(|sender| [sender.address.clone(), number(sender.datagrams), local(Some(&sender.last), zone)]);
    let sources = health.sources.iter().map(|source| {
        let counted = source.counters.iter().filter(|(_, count)| **count > 0);
        let counted = counted.map(|(name, count)| format!("{name} {}", number(*count)));
        let counted = counted.collect::<Vec<_>>().join(", ");
        (source.name.clone(), source.kind.clone(), source.trouble.clone(), counted)
    });
    Ok(SourcesPage {
        f: console.frame(visitor, "sources", lang.words().sources, "/sources"),
        trouble: told.reception.as_ref().and_then(|reception| reception.trouble.clone()),
        reception: told.reception.as_ref().map(|reception| counted(lang, reception)),
        opens_flows,
        exporters: told.exporters.iter().map(|one| Row::of(console, lang, one)).collect(),
        unread: told.addresses.iter().filter_map(|one| Unread::of(console, lang, one)).collect(),
        unknown: unknown.collect(),
        sources: sources.collect(),
        calendar: calendar(lang, zone, &coverage.spans, now),
        clocks: clocks.collect(),
        zone: super::times::name(zone),
    })
}

/// What was counted at the door; what was lost there is told even where it is nothing.
fn counted(lang: Lang, reception: &Reception) -> Vec<(&'static str, String)> {
    let w = lang.words();
    vec![
        (w.received, number(reception.received)),
        (w.volume, octets(reception.octets)),
        (w.kept, number(reception.kept)),
        (w.refused_by_spool, number(reception.refused)),
        (w.kernel_drops, number(reception.kernel_drops)),
        (w.malformed, number(reception.malformed)),
        (w.unknown_senders, number(reception.unknown)),
        (w.quarantined, number(reception.quarantined)),
    ]
}

impl Row {
    fn of(console: &Console, lang: Lang, one: &Exporter) -> Self {
        let w = lang.words();
        let sampling = match (one.sampling, one.sampling_from.as_deref()) {
            (Some(rate), Some(from)) => {
                format!("1:{} {}", number(u64::from(rate)), word(lang, seen::SAMPLING_FROM, from))
            }
            (Some(rate), None) => format!("1:{}", number(u64::from(rate))),
            (None, _) => w.sampling_untold.to_owned(),
        };
        let clock = match one.skew_us {
            None => w.sampling_untold.to_owned(),
            Some(us) if one.correction_us != 0 => format!("{} ({})", skew(us), w.corrected),
            Some(us) => skew(us),
        };
        let silent = i64::try_from(one.silent_s).unwrap_or(i64::MAX);
        Self {
            name: one.name.clone().unwrap_or_else(|| "—".to_owned()),
            address: match one.port {
                Some(port) => format!("{} {port}", one.address),
                None => one.address.clone(),
            },
            standing: (one.standing == "known", word(lang, seen::STANDINGS, &one.standing).to_owned()),
            protocol: word(lang, seen::PROTOCOLS, &one.protocol).to_owned(),
            domain: one.domain,
            rate: format!("{:.1}", one.rate),
            flows: number(one.flows),
            lost: (one.lost > 0, number(one.lost)),
            waiting: (one.waiting_datagrams > 0, waiting(one.waiting_datagrams, one.waiting_octets)),
            sampling,
            skew: (one.skew_us.is_some_and(|us| us.abs() > 1_000_000), clock),
            templates: number(one.templates),
            restarts: number(one.restarts),
            last: local(Some(&one.last), &console.zone),
            silent: (one.silent_s > SILENT_S, duration(silent)),
        }
    }
}

impl Unread {
    /// Of an address; nothing where all that came of it was read.
    fn of(console: &Console, lang: Lang, one: &Address) -> Option<Self> {
        let is_whole = one.unread_domains == 0 && one.dropped_sets == 0 && one.defects.is_empty();
        if is_whole && one.waiting_datagrams == 0 && one.standing == "known" {
            return None;
        }
        let defects = one.defects.iter().map(|(cause, count)| format!("{cause} {}", number(*count)));
        Some(Self {
            name: one.name.clone().unwrap_or_else(|| "—".to_owned()),
            address: one.address.clone(),
            standing: (one.standing == "known", word(lang, seen::STANDINGS, &one.standing).to_owned()),
            datagrams: number(one.datagrams),
            domains: number(one.unread_domains),
            waiting: waiting(one.waiting_datagrams, one.waiting_octets),
            dropped: number(one.dropped_sets),
            defects: defects.collect::<Vec<_>>().join(", "),
            last: local(Some(&one.last), &console.zone),
        })
    }
}

fn waiting(datagrams: u64, waiting_octets: u64) -> String {
    if datagrams == 0 {
        "0".to_owned()
    } else {
        format!("{} ({})", number(datagrams), octets(waiting_octets))
    }
}

/// So long without a datagram is looked at.
const SILENT_S: u64 = 60;
/// Evidence about clocks that is shown.
const MOST_CLOCKS: usize = 50;
