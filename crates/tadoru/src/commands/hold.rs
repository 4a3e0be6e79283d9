//! `tadoru hold`: identified records are kept from deletion, listed without what they say, and let go.

use std::process::ExitCode;

use tadoru_web::api::cases::Noted;
use tadoru_web::api::holds::{Hold as Known, HoldAnswer, HoldRequest, Holds};

use super::facts;
use crate::cli::{Global, Hold, NewHold};
use crate::door::{CommandError, Door};
use crate::print;

/// Runs a command on holds.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Hold) -> Result<ExitCode, CommandError> {
    match command {
        Hold::New(new) => {
            let NewHold { endpoints, realm, from, until, days, letter, extension, lang, ground } = *new;
            let mut facts = facts(&ground);
            facts.entry("preserve.identified".to_owned()).or_insert_with(|| "yes".to_owned());
            for (fact, value) in [("preserve.letter", letter), ("preserve.extension", extension)] {
                facts.extend(value.map(|value| (fact.to_owned(), value)));
            }
            let request = HoldRequest {
                endpoints,
                realm,
                from,
                until,
                days,
                case: ground.case,
                purpose: ground.purpose,
                basis: ground.basis,
                facts,
                attached: None,
            };
            let answer: HoldAnswer = door.post("/v1/holds", &request).await?;
            match &answer {
                _ if global.json => print::json(&answer),
                HoldAnswer::Held(hold) if hold.records == Some(0) => println!(
                    "{}: no record is there that this names; check the addresses, the realm and the times. What comes \
                     by {} is kept",
                    hold.id,
                    or_dash(hold.until.as_ref()),
                ),
                HoldAnswer::Held(hold) => println!(
                    "{}: {} records are kept until {}; permit {} by {}",
                    hold.id,
                    print::number(hold.records.unwrap_or_default()),
                    or_dash(hold.until.as_ref()),
                    hold.journal_index,
                    hold.rule,
                ),
                HoldAnswer::Refused(refused) => {
                    let lang = print::lang(global, lang.as_deref())?;
                    print::refusal(&refused.refusal, print::Facts::Stated, lang);
                }
            }
            return Ok(ExitCode::from(if matches!(answer, HoldAnswer::Refused(_)) { 3 } else { 0 }));
        }
        Hold::List => {
            let list: Holds = door.get("/v1/holds").await?;
            if global.json {
                print::json(&list);
            } else if list.holds.is_empty() {
                println!("no hold; `tadoru hold new` sets one");
            } else {
                let mut table =
                    print::table(&["hold", "state", "case", "rule", "by", "until", ">records", ">journal"]);
                list.holds.iter().for_each(|hold| {
                    table.add_row(row(hold));
                });
                print::show(&table);
            }
        }
        Hold::Release { id } => {
            let path = format!("/v1/holds/{}/release", super::query(&id));
            let noted: Noted = door.post(&path, &serde_json::json!({})).await?;
            if global.json {
                print::json(&noted)
            } else {
                println!(
                    "ended; its records go with the next run of the retention; journal {}",
                    noted.journal_index
                )
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(hold: &Known) -> [String; 8] {
    [
        hold.id.clone(),
        hold.outcome.clone(),
        hold.case.clone(),
        hold.rule.clone(),
        hold.person.clone(),
        or_dash(hold.until.as_ref()),
        hold.records.map_or_else(|| "-".to_owned(), print::number),
        hold.journal_index.to_string(),
    ]
}

fn or_dash(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "-".to_owned())
}
