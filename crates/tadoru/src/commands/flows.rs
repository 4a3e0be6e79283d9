//! `tadoru flows`: what the recorded flows add up to, and the flows themselves where the gate permits it.

mod list;
mod sheet;

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_model::Flows as Batch;
use tadoru_store::filter::Filter;
use tadoru_web::api::flows::{
    CutToIncident, FlowList, FlowSums, FlowTable, FlowsAnswer, FlowsQuery, FlowsRefused,
};

use self::sheet::Sheet;
use crate::cli::{Flows, Global};
use crate::config::Config;
use crate::door::{CommandError, Door};
use crate::print;

/// Asks about recorded flows.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, flows: Flows) -> Result<ExitCode, CommandError> {
    let language = print::lang(global, flows.lang.as_deref())?;
    check(&flows.filter)?;
    let lists = flows.list || flows.limit.is_some() || flows.parquet.is_some();
    let is_export = flows.csv || global.json || flows.parquet.is_some();
    let rows = lists.then(|| flows.limit.unwrap_or(if is_export { MOST_ROWS } else { SHOWN_ROWS }));
    let key = flows.top.clone().or_else(|| flows.series.as_ref().map(|_| "from".to_owned()));
    let query = FlowsQuery {
        filter: flows.filter,
        since: flows.since,
        until: flows.until,
        once: flows.once,
        top: flows.top,
        by: flows.by,
        count: flows.count,
        series: flows.series,
        rows,
        sql: flows.sql,
        incident: flows.relied.incident,
        case: flows.relied.case,
        purpose: flows.relied.purpose,
        basis: flows.relied.basis,
        facts: flows.relied.facts.into_iter().collect(),
        attached: None,
    };
    let answer: FlowsAnswer = door.post("/v1/flows", &query).await?;
    if let FlowsAnswer::Refused(refused) = &answer {
        return Ok(refuse(global, language, refused));
    }
    if global.json {
        print::json(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    match answer {
        FlowsAnswer::Refused(_) => {}
        FlowsAnswer::Told(told) => {
            if flows.csv {
                sheet_of(key.as_deref(), &told.rows).write()?;
            } else {
                tell(key.as_deref(), &told.rows);
                tell_ground(told.journal_index, &told.rule, told.cut_to.as_ref());
            }
        }
        FlowsAnswer::Listed(listed) => match &flows.parquet {
            Some(file) => export(file, &listed)?,
            None if flows.csv => {
                list::sheet(&listed.flows).write()?;
                eprint!("{}", list::told_of(&listed));
            }
            None => {
                let zone = Config::load(global.config.as_deref())?.desk.time_zone();
                list::show(&listed, &zone);
                tell_ground(listed.journal_index, &listed.rule, listed.cut_to.as_ref());
            }
        },
        FlowsAnswer::Said(said) => {
            if flows.csv {
                let values = said.values.iter().map(|row| row.iter().map(cell).collect());
                Sheet { header: said.columns.clone(), rows: values.collect() }.write()?;
                eprint!("{}", said_of(&said));
            } else {
                tell_table(&said);
                tell_ground(said.journal_index, &said.rule, said.cut_to.as_ref());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// That a filter reads; else where it does not, with the place under it.
///
/// # Errors
/// When it is none.
pub fn check(filter: &str) -> Result<(), CommandError> {
    let Err(fault) = Filter::parse(filter) else { return Ok(()) };
    let (line, column) = place(filter, fault.at);
    let mut help = format!("{line}\n      {:>column$}", "^", column = column + 1);
    if !fault.expected.is_empty() {
        let expected: Vec<String> = fault.expected.iter().map(|word| format!("`{word}`")).collect();
        help.push_str("\n      there could stand ");
        help.push_str(&expected.join(", "));
    }
    let message = format!("the filter is wrong: {}", fault.reason);
    Err(CommandError::Problem { status: 400, message, help: Some(help) })
}

/// The line of a text in which a byte lies, and how many characters wide what stands before it there is.
fn place(text: &str, at: usize) -> (&str, usize) {
    let mut from = 0;
    for line in text.split('\n') {
        if at <= from + line.len() {
            let before = line.char_indices().take_while(|(byte, _)| from + byte < at);
            return (line, before.map(|(_, c)| if c.is_ascii() { 1 } else { 2 }).sum());
        }
        from += line.len() + 1;
    }
    (text, 0)
}

/// Tells a refusal; its exit code.
pub fn refuse(global: &Global, language: Language, refused: &FlowsRefused) -> ExitCode {
    if global.json {
        print::json(refused);
    } else {
        print::refusal(&refused.refusal, print::Facts::Stated, language);
    }
    ExitCode::from(3)
}

/// Tells what an answer stands on.
pub fn tell_ground(journal_index: u64, rule: &str, cut_to: Option<&CutToIncident>) {
    if let Some(cut) = cut_to {
        let or = |at: &Option<String>| at.clone().unwrap_or_else(|| "…".to_owned());
        println!(
            "cut to the own flows of incident {}, {} to {}",
            cut.incident,
            or(&cut.from),
            or(&cut.until)
        );
    }
    println!("permit {journal_index} by {rule}");
}

fn tell(key: Option<&str>, rows: &[FlowSums]) {
    let mut table = print::table(&[key.unwrap_or(""), ">flows", ">packets", ">bytes"]);
    for row in rows {
        table.add_row([
            row.key.clone().unwrap_or_else(|| "all".to_owned()),
            print::number(row.flows),
            print::number(row.packets),
            print::number(row.bytes),
        ]);
    }
    print::show(&table);
}

fn sheet_of(key: Option<&str>, rows: &[FlowSums]) -> Sheet {
    let figures = ["flows", "packets", "bytes"].map(ToOwned::to_owned);
    let header = key.map(ToOwned::to_owned).into_iter().chain(figures).collect();
    let row = |sums: &FlowSums| {
        let figures = [sums.flows, sums.packets, sums.bytes].map(|n| n.to_string());
        key.map(|_| sums.key.clone().unwrap_or_default()).into_iter().chain(figures).collect()
    };
    Sheet { header, rows: rows.iter().map(row).collect() }
}

fn tell_table(said: &FlowTable) {
    let is_number = |column: usize| {
        let mut cells = said.values.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_null());
        cells.all(serde_json::Value::is_number)
    };
    let named = said.columns.iter().enumerate();
    let named: Vec<String> =
        named.map(|(n, name)| if is_number(n) { format!(">{name}") } else { name.clone() }).collect();
    let mut table = print::table(&named.iter().map(String::as_str).collect::<Vec<_>>());
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    for row in &said.values {
        table.add_row(row.iter().map(cell));
    }
    print::show(&table);
    print!("{}", said_of(said));
}

/// How much a statement read and said.
fn said_of(said: &FlowTable) -> String {
    let mut told = format!("{} flows read\n", print::number(said.read));
    if said.partial {
        told.push_str(
            "more flows were found than a statement reads: every figure is of a part; narrow the question\n",
        );
    }
    if said.cut {
        told.push_str("the answer is cut: there were more rows\n");
    }
    told
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes flows to a Parquet file.
fn export(file: &Path, listed: &FlowList) -> Result<(), CommandError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| CommandError::File {
        doing: "write the flows to",
        file: file.to_owned(),
        source,
    };
    let mut flows = Batch::with_capacity(listed.flows.len());
    for row in &listed.flows {
        flows.push(row.flow().ok_or_else(|| failed("a flow of the answer does not read".into()))?);
    }
    let made = File::create_new(file).map_err(|e| failed(Box::new(e)))?;
    tadoru_store_embedded::flows::export(made, &flows).map_err(|e| failed(Box::new(e)))?;
    println!("{} flows written to {}", print::number(flows.rows() as u64), file.display());
    print!("{}", list::told_of(listed));
    tell_ground(listed.journal_index, &listed.rule, listed.cut_to.as_ref());
    Ok(())
}

/// Flows shown in a table where nothing else is told.
const SHOWN_ROWS: u32 = 1_000;
/// Flows that one answer has at most.
const MOST_ROWS: u32 = 100_000;

#[cfg(test)]
mod tests;
