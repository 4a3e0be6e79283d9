//! `tadoru flows`: what the recorded flows add up to.

use std::process::ExitCode;

use tadoru_web::api::flows::{FlowSums, FlowsAnswer, FlowsQuery};

use crate::cli::{Flows, Global};
use crate::door::{CommandError, Door};
use crate::print;

/// Asks about recorded flows.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, flows: Flows) -> Result<ExitCode, CommandError> {
    let Flows { filter, since, until, top, by, count, series, case, lang } = flows;
    let language = print::lang(global, lang.as_deref())?;
    let what = top.clone().or_else(|| series.as_ref().map(|_| "from".to_owned()));
    let query = FlowsQuery { filter, since, until, top, by, count, series, case };
    let answer: FlowsAnswer = door.post("/v1/flows", &query).await?;
    if global.json {
        print::json(&answer);
    }
    match answer {
        FlowsAnswer::Refused(refused) => {
            if !global.json {
                println!(
                    "{}",
                    print::of(language, &refused.refusal.explanation_ja, &refused.refusal.explanation_en)
                );
            }
            Ok(ExitCode::from(3))
        }
        FlowsAnswer::Told(told) => {
            if !global.json {
                tell(what.as_deref(), &told.rows);
                println!("permit {} by {}", told.journal_index, told.rule);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn tell(what: Option<&str>, rows: &[FlowSums]) {
    let mut table = print::table(&[what.unwrap_or(""), ">flows", ">packets", ">bytes"]);
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
