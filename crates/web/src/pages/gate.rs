//! What the rules would say to a wish, and the whole decision table as a page.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::{Fields, Frame, Visitor, told};
use crate::api::gate::{ExplainRequest, Explained, Table};
use crate::api::problem::Problem;
use crate::console::Console;
use crate::words::Lang;
use crate::words::fixed::{self, List, word};

#[derive(Template)]
#[template(path = "gate.html")]
struct GatePage {
    f: Frame,
    acts: Vec<Choice>,
    data: Vec<Choice>,
    purposes: Vec<Choice>,
    bases: Vec<Choice>,
    facts: String,
    explained: Option<Explained>,
    verdict: String,
    is_permitted: bool,
    wrong: String,
    filter: String,
    rules: Vec<Rule>,
    shown: usize,
    all: usize,
}

/// One of a closed list.
pub(super) struct Choice {
    pub(super) code: &'static str,
    pub(super) text: &'static str,
    pub(super) is_chosen: bool,
}

/// One rule of the table.
struct Rule {
    id: String,
    marks: String,
    sentence: String,
    rest: Vec<String>,
}

/// The page; with `act` in its address it explains.
pub async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Query(asked): Query<Fields>,
) -> Response {
    let page = page(&console, &visitor, &asked).await;
    console.shown(&visitor, page)
}

async fn page(console: &Console, visitor: &Visitor, asked: &Fields) -> Result<GatePage, Problem> {
    let lang = visitor.lang;
    let (mut explained, mut wrong) = (None, String::new());
    if !asked.get("act").is_empty() {
        let told_basis = asked.get("basis");
        let request = ExplainRequest {
            act: asked.get("act").to_owned(),
            data: vec![asked.get("data").to_owned()],
            purpose: asked.get("purpose").to_owned(),
            basis: (!told_basis.is_empty()).then(|| told_basis.to_owned()),
            facts: facts(asked.get("facts")),
            lang: Some(lang.as_str().to_owned()),
        };
        match console.post::<Explained>(visitor, "/v1/gate/explain", &request).await {
            Ok(told) => explained = Some(told),
            Err(problem) if problem.status == 400 => wrong = told(lang, &problem),
            Err(problem) => return Err(problem),
        }
    }
    let table: Table = console.get(visitor, &format!("/v1/gate/table?lang={}", lang.as_str())).await?;
    let filter = asked.get("q").trim().to_lowercase();
    let rules: Vec<Rule> = table.text.split("\n\n").skip(1).filter_map(rule).collect();
    let all = rules.len();
    let fits = |rule: &Rule| {
        let whole = format!("{} {} {}", rule.id, rule.sentence, rule.rest.join(" "));
        whole.to_lowercase().contains(&filter)
    };
    let rules: Vec<Rule> = rules.into_iter().filter(fits).collect();
    let or = |name, usual| Some(asked.get(name)).filter(|text| !text.is_empty()).unwrap_or(usual);
    Ok(GatePage {
        f: console.frame(visitor, "gate", lang.words().gate, "/gate"),
        acts: choices(lang, fixed::ACTS, or("act", "learn")),
        data: choices(lang, fixed::DATA, or("data", "ASGN")),
        purposes: choices(lang, fixed::PURPOSES, or("purpose", "CLEAN")),
        bases: choices(lang, fixed::BASES, asked.get("basis")),
        facts: asked.get("facts").to_owned(),
        verdict: explained
            .as_ref()
            .map(|told| word(lang, fixed::VERDICTS, &told.verdict).to_owned())
            .unwrap_or_default(),
        is_permitted: explained.as_ref().is_some_and(|told| told.verdict.starts_with("permit")),
        explained,
        wrong,
        filter,
        shown: rules.len(),
        all,
        rules,
    })
}

/// A closed list with the one that is chosen.
pub(super) fn choices(lang: Lang, list: List, chosen: &str) -> Vec<Choice> {
    let choice = |(code, ja, en): &(&'static str, &'static str, &'static str)| Choice {
        code,
        text: lang.of(ja, en),
        is_chosen: *code == chosen,
    };
    list.iter().map(choice).collect()
}

/// Facts, one a line, `name=value`; a name alone is `yes`.
fn facts(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap_or((line, "yes"));
            (name.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

/// A rule as the table writes it: `JP-063  [S A]`, its sentence, and lines of particulars.
fn rule(block: &str) -> Option<Rule> {
    let mut lines = block.lines();
    let (id, marks) = lines.next()?.split_once("  [")?;
    Some(Rule {
        id: id.to_owned(),
        marks: marks.trim_end_matches(']').to_owned(),
        sentence: lines.next()?.trim().to_owned(),
        rest: lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect(),
    })
}
