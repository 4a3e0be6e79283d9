//! `tadoru flows`: what the recorded flows add up to, and the flows themselves where the gate permits it.

mod list;
mod sheet;
mod words;

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
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Asks about recorded flows.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, flows: Flows) -> Result<ExitCode, CommandError> {
    let voice = Voice::of(global)?;
    check(&flows.filter, voice.lang)?;
    let lists = flows.list || flows.limit.is_some() || flows.parquet.is_some();
    let is_export = flows.csv || global.json || flows.parquet.is_some();
    let rows = lists.then(|| flows.limit.unwrap_or(if is_export { MOST_ROWS } else { SHOWN_ROWS }));
    let key = match (&flows.top, &flows.series) {
        (Some(key), _) => Keyed::By(key.clone()),
        (None, Some(_)) => Keyed::ByTime,
        (None, None) => Keyed::Not,
    };
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
        return Ok(refuse(global, voice.lang, refused));
    }
    if global.json {
        print::json(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    match answer {
        FlowsAnswer::Refused(_) => {}
        FlowsAnswer::Told(told) => {
            let sampling = words::sampling(&told.sampling, voice.lang);
            if flows.csv {
                sheet_of(&key, &told.rows).write()?;
                eprint!("{sampling}");
            } else {
                tell(&key, &told.rows, &voice);
                if told.cut {
                    println!("{}", words::keys_cut(told.rows.len() as u64, voice.lang));
                }
                print!("{sampling}");
                tell_ground(told.journal_index, &told.rule, told.cut_to.as_ref(), &voice);
            }
        }
        FlowsAnswer::Listed(listed) => match &flows.parquet {
            Some(file) => export(file, &listed, &voice)?,
            None if flows.csv => {
                list::sheet(&listed.flows).write()?;
                eprint!("{}", words::listed(&listed, voice.lang));
            }
            None => {
                list::show(&listed, &voice);
                tell_ground(listed.journal_index, &listed.rule, listed.cut_to.as_ref(), &voice);
            }
        },
        FlowsAnswer::Said(said) => {
            if flows.csv {
                let values = said.values.iter().map(|row| row.iter().map(cell).collect());
                Sheet { header: said.columns.clone(), rows: values.collect() }.write()?;
                eprint!("{}", words::said(&said, voice.lang));
            } else {
                tell_table(&said, voice.lang);
                tell_ground(said.journal_index, &said.rule, said.cut_to.as_ref(), &voice);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the rows of sums are by.
enum Keyed {
    /// One row for all.
    Not,
    /// A key of a ranking.
    By(String),
    /// The first instant of a step.
    ByTime,
}

/// That a filter reads; else where it does not, with the place under it.
///
/// # Errors
/// When it is none.
pub fn check(filter: &str, lang: Language) -> Result<(), CommandError> {
    let Err(fault) = Filter::parse(filter) else { return Ok(()) };
    let (line, column) = place(filter, fault.at);
    let mut help = format!("{line}\n      {:>column$}", "^", column = column + 1);
    if !fault.expected.is_empty() {
        let expected: Vec<String> = fault.expected.iter().map(|word| format!("`{word}`")).collect();
        help.push_str(print::of(lang, "\n      ここに書けるもの：", "\n      there could stand "));
        help.push_str(&expected.join(print::of(lang, "、", ", ")));
    }
    let message = words::wrong_filter(fault.reason, lang);
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
pub fn tell_ground(journal_index: u64, rule: &str, cut_to: Option<&CutToIncident>, voice: &Voice) {
    if let Some(cut) = cut_to {
        let (id, span) = (&cut.incident, voice.span(cut.from.as_deref(), cut.until.as_deref()));
        match voice.lang {
            Language::Ja => println!("事案 {id} 自身のフローに限った（{span}）"),
            Language::En => println!("cut to the own flows of incident {id}, {span}"),
        }
    }
    match voice.lang {
        Language::Ja => println!("許可 {journal_index} 番、規則 {rule}"),
        Language::En => println!("permit {journal_index} by {rule}"),
    }
}

fn tell(keyed: &Keyed, rows: &[FlowSums], voice: &Voice) {
    let key = match keyed {
        Keyed::Not => "",
        Keyed::By(key) => key,
        Keyed::ByTime => voice.say("開始", "from"),
    };
    let mut table = print::table(
        voice.columns(&[key, ">フロー", ">パケット", ">バイト"], &[key, ">flows", ">packets", ">bytes"]),
    );
    for row in rows {
        table.add_row([
            match (keyed, &row.key) {
                (Keyed::ByTime, at) => voice.time(at.as_deref()),
                (_, Some(key)) => key.clone(),
                (_, None) => voice.say("全体", "all").to_owned(),
            },
            print::number(row.flows),
            print::number(row.packets),
            print::number(row.bytes),
        ]);
    }
    print::show(&table);
}

/// Sums as values; a series tells its steps in UTC.
fn sheet_of(keyed: &Keyed, rows: &[FlowSums]) -> Sheet {
    let key = match keyed {
        Keyed::Not => None,
        Keyed::By(key) => Some(key.as_str()),
        Keyed::ByTime => Some("from"),
    };
    let figures = ["flows", "packets", "bytes"].map(ToOwned::to_owned);
    let header = key.map(ToOwned::to_owned).into_iter().chain(figures).collect();
    let row = |sums: &FlowSums| {
        let figures = [sums.flows, sums.packets, sums.bytes].map(|n| n.to_string());
        key.map(|_| sums.key.clone().unwrap_or_default()).into_iter().chain(figures).collect()
    };
    Sheet { header, rows: rows.iter().map(row).collect() }
}

fn tell_table(said: &FlowTable, lang: Language) {
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
    print!("{}", words::said(said, lang));
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes flows to a Parquet file.
fn export(file: &Path, listed: &FlowList, voice: &Voice) -> Result<(), CommandError> {
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
    println!("{}", words::written(flows.rows() as u64, file, voice.lang));
    print!("{}", words::listed(listed, voice.lang));
    tell_ground(listed.journal_index, &listed.rule, listed.cut_to.as_ref(), voice);
    Ok(())
}

/// Flows shown in a table where nothing else is told.
const SHOWN_ROWS: u32 = 1_000;
/// Flows that one answer has at most.
const MOST_ROWS: u32 = 100_000;

#[cfg(test)]
mod tests;
