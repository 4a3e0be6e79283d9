//! What goes on at a glance: what waits for the visitor, the sources, questions and refusals, and the journal's head.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use tadoru_desk::Door;

use super::journal::Shown;
use super::picture::{TimeLine, calendar};
use super::{Frame, Visitor, approvals, number};
use crate::api::cases::Cases;
use crate::api::coverage::Coverage;
use crate::api::health::Health;
use crate::api::journal::Entries;
use crate::api::problem::Problem;
use crate::console::Console;
use crate::words::Lang;
use crate::words::fixed::{self, word};

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    f: Frame,
    waiting: Vec<approvals::Row>,
    health: Health,
    journal_size: String,
    assignments: String,
    sources: Vec<Source>,
    calendar: Option<TimeLine>,
    activity: Option<Activity>,
    open_cases: Option<String>,
    verified: Option<Shown>,
}

struct Source {
    name: String,
    kind: String,
    trouble: Option<String>,
    counters: String,
}

/// What the newest entries of the journal add up to.
struct Activity {
    /// Entries that were looked at.
    looked: String,
    outcomes: Vec<(String, String)>,
    refusals: Vec<(String, String, String)>,
}

/// The page.
pub async fn show(State(console): State<Arc<Console>>, visitor: Visitor) -> Response {
    let page = page(&console, &visitor).await;
    console.shown(&visitor, page)
}

async fn page(console: &Console, visitor: &Visitor) -> Result<OverviewPage, Problem> {
    let lang = visitor.lang;
    let health: Health = console.get(visitor, "/v1/health").await?;
    let coverage: Coverage = console.get(visitor, "/v1/coverage").await?;
    let activity = if visitor.actor.opens(Door::ReadsJournal) {
        let entries: Entries = console.get(visitor, "/v1/journal/entries?count=1000").await?;
        Some(activity(lang, &entries))
    } else {
        None
    };
    let open_cases = if visitor.actor.opens(Door::SeesCases) {
        let cases: Cases = console.get(visitor, "/v1/cases?which=open").await?;
        Some(number(cases.cases.len() as u64))
    } else {
        None
    };
    let sources = health.sources.iter().map(|source| Source {
        name: source.name.clone(),
        kind: source.kind.clone(),
        trouble: source.trouble.clone(),
        counters: source
            .counters
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| format!("{name} {}", number(*count)))
            .collect::<Vec<_>>()
            .join(", "),
    });
    let now = console.keeper.desk_now().to_timestamp().unwrap_or_default();
    Ok(OverviewPage {
        f: console.frame(visitor, "overview", lang.words().overview, "/"),
        waiting: approvals::waiting(console, visitor).await?,
        journal_size: number(health.journal_size),
        assignments: number(health.assignments),
        sources: sources.collect(),
        calendar: calendar(lang, &console.zone, &coverage.spans, now, CALENDAR_S),
        activity,
        open_cases,
        verified: super::journal::shown(console, lang),
        health,
    })
}

/// Questions by outcome, and refusals by rule.
fn activity(lang: Lang, entries: &Entries) -> Activity {
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut refusals: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for entry in &entries.entries {
        let text = |name: &str| entry.entry.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("kind") {
            "answered" => {
                let all = entry.entry.get("outcomes").and_then(Value::as_object);
                for (name, count) in all.into_iter().flatten() {
                    *outcomes.entry(name.as_str()).or_default() += count.as_u64().unwrap_or_default();
                }
            }
            "decision" if !text("verdict").starts_with("permit") => {
                *refusals.entry((text("rule").to_owned(), text("verdict"))).or_default() += 1;
            }
            _ => {}
        }
    }
    let outcomes = fixed::OUTCOMES.iter().filter_map(|(code, ja, en)| {
        let count = outcomes.get(code)?;
        Some((lang.of(ja, en).to_owned(), number(*count)))
    });
    let mut refusals: Vec<_> = refusals.into_iter().collect();
    refusals.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let refusals = refusals.into_iter().map(|((rule, verdict), count)| {
        (rule, word(lang, fixed::VERDICTS, verdict).to_owned(), number(count))
    });
    Activity {
        looked: number(entries.entries.len() as u64),
        outcomes: outcomes.collect(),
        refusals: refusals.collect(),
    }
}

/// What the calendar of the sources shows: two days.
const CALENDAR_S: f64 = 2.0 * 86_400.0;
