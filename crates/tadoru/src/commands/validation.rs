//! `tadoru validation`: which interfaces let in sources that cannot be there.

use std::process::ExitCode;

use tadoru_web::api::validation::{Validation, ValidationAnswer};

use crate::cli::{Global, ValidationReport};
use crate::commands::query;
use crate::door::{CommandError, Door};
use crate::print;

/// Asks for the report.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, wanted: ValidationReport) -> Result<ExitCode, CommandError> {
    let ValidationReport { since, until, lang } = wanted;
    let language = print::lang(global, lang.as_deref())?;
    let ends = [("since", since), ("until", until)];
    let ends: Vec<String> = ends
        .into_iter()
        .filter_map(|(name, text)| text.map(|text| format!("{name}={}", query(&text))))
        .collect();
    let answer: ValidationAnswer = door.get(&format!("/v1/validation?{}", ends.join("&"))).await?;
    if global.json {
        print::json(&answer);
    }
    match answer {
        ValidationAnswer::Refused(refused) => {
            if !global.json {
                let refusal = &refused.refusal;
                println!("{}", print::of(language, &refusal.explanation_ja, &refusal.explanation_en));
            }
            Ok(ExitCode::from(3))
        }
        ValidationAnswer::Told(report) => {
            if !global.json {
                tell(&report);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn tell(report: &Validation) {
    if report.interfaces.is_empty() {
        println!("no flow of that time is on record");
    } else {
        let mut table = print::table(&[
            "exporter",
            "interface",
            "role",
            ">packets",
            ">valid",
            ">bogon",
            ">own from outside",
            ">wrong",
            ">unverifiable",
            ">impossible flows",
        ]);
        for one in &report.interfaces {
            table.add_row([
                one.exporter.clone(),
                one.name
                    .as_ref()
                    .map_or_else(|| one.interface.to_string(), |name| format!("{name} ({})", one.interface)),
                one.role.clone().unwrap_or_else(|| "not told".to_owned()),
                print::number(one.packets),
                print::number(one.valid),
                print::number(one.bogon),
                print::number(one.own_from_outside),
                print::number(one.wrong),
                print::number(one.unverifiable),
                print::number(one.impossible_flows),
            ]);
        }
        print::show(&table);
        println!(
            "packets are scaled by sampling; one or two impossible flows are an accident, many are no validation"
        );
    }
    if !report.told {
        println!(
            "own prefixes and interfaces were not told: only addresses that nobody has are called impossible"
        );
        println!("name them in `desk.own_prefixes` and in the table of `network.interfaces`");
    }
    println!("permit {} by {}", report.journal_index, report.rule);
}
