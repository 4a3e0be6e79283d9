//! `tadoru gate`: what the rules say.

use std::path::Path;
use std::process::ExitCode;

use tadoru_web::api::gate::{ExplainRequest, Explained, Table};

use crate::cli::{Gate, Global};
use crate::door::{CommandError, Door};
use crate::print;

/// Runs a question about the rules.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Gate) -> Result<ExitCode, CommandError> {
    match command {
        Gate::Explain { act, categories, purpose, basis, facts, lang } => {
            let facts = facts.into_iter().collect();
            let request = ExplainRequest { act, data: categories, purpose, basis, facts, lang };
            let explained: Explained = door.post("/v1/gate/explain", &request).await?;
            if global.json {
                print::json(&explained)
            } else {
                println!("{}", explained.text)
            }
            Ok(ExitCode::from(if explained.verdict.starts_with("permit") { 0 } else { 3 }))
        }
        Gate::Table { lang } => {
            let lang = lang.map(|l| format!("?lang={}", super::query(&l))).unwrap_or_default();
            let table: Table = door.get(&format!("/v1/gate/table{lang}")).await?;
            if global.json {
                print::json(&table)
            } else {
                print!("{}", table.text)
            }
            Ok(ExitCode::SUCCESS)
        }
        Gate::Check { pack } => check(global, &pack),
    }
}

/// Checks a rule pack's text; needs no installation.
///
/// # Errors
/// When the file cannot be read.
pub fn check(global: &Global, pack: &Path) -> Result<ExitCode, CommandError> {
    let text = std::fs::read_to_string(pack).map_err(|source| CommandError::File {
        doing: "read the pack",
        file: pack.to_owned(),
        source: Box::new(source),
    })?;
    let report = tadoru_gate::explain::check(&text);
    if global.json {
        let problems: Vec<_> = report.problems.iter().map(|p| format!("{}: {}", p.place, p.text)).collect();
        print::json(&serde_json::json!({
            "rules": report.rules, "vectors": report.vectors, "problems": problems, "warnings": report.warnings,
        }));
    } else {
        for problem in &report.problems {
            println!("problem    {}: {}", problem.place, problem.text);
        }
        for warning in &report.warnings {
            println!("warning    {warning}");
        }
        println!("{} rules, {} of the pack's own vectors come out", report.rules, report.vectors);
    }
    Ok(ExitCode::from(if report.problems.is_empty() { 0 } else { 2 }))
}
