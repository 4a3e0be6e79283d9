//! `tadoru hold`: identified records are kept from deletion, listed without what they say, and let go.

use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::cases::Noted;
use tadoru_web::api::holds::{Hold as Known, HoldAnswer, HoldRequest, Holds};
use tadoru_web::words::fixed::HOLDS;

use super::facts;
use crate::cli::{Global, Hold, NewHold};
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Runs a command on holds.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Hold) -> Result<ExitCode, CommandError> {
    let voice = Voice::of(global)?;
    match command {
        Hold::New(new) => {
            let NewHold { endpoints, realm, from, until, days, letter, extension, ground } = *new;
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
                HoldAnswer::Held(hold) => println!("{}", held(hold, &voice)),
                HoldAnswer::Refused(refused) => {
                    print::refusal(&refused.refusal, print::Facts::Stated, voice.lang);
                }
            }
            return Ok(ExitCode::from(if matches!(answer, HoldAnswer::Refused(_)) { 3 } else { 0 }));
        }
        Hold::List => {
            let list: Holds = door.get("/v1/holds").await?;
            if global.json {
                print::json(&list);
            } else if list.holds.is_empty() {
                println!(
                    "{}",
                    voice
                        .say("保全はない。`tadoru hold new` が設ける", "no hold; `tadoru hold new` sets one")
                );
            } else {
                let mut table = print::table(voice.columns(
                    &["保全", "状態", "事件", "規則", "担当", "期限", ">記録", ">ジャーナル"],
                    &["hold", "state", "case", "rule", "by", "until", ">records", ">journal"],
                ));
                list.holds.iter().for_each(|hold| {
                    table.add_row(row(hold, &voice));
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
                let index = noted.journal_index;
                match voice.lang {
                    Language::Ja => {
                        println!("終えた。記録は次の保存期間の処理で消える。ジャーナル {index} 番")
                    }
                    Language::En => {
                        println!("ended; its records go with the next run of the retention; journal {index}")
                    }
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn held(hold: &Known, voice: &Voice) -> String {
    let (id, until, rule) = (&hold.id, voice.time(hold.until.as_deref()), &hold.rule);
    let (records, index) = (print::number(hold.records.unwrap_or_default()), hold.journal_index);
    match (hold.records, voice.lang) {
        (Some(0), Language::Ja) => format!(
            "{id}：これが名指しする記録はない。アドレス、アドレス空間、時刻を確かめること。{until} までに届いたものは保全する"
        ),
        (Some(0), Language::En) => format!(
            "{id}: no record is there that this names; check the addresses, the realm and the times. What comes by \
             {until} is kept"
        ),
        (_, Language::Ja) => {
            format!("{id}：{records} 件の記録を {until} まで保全する。許可 {index} 番、規則 {rule}")
        }
        (_, Language::En) => {
            format!("{id}: {records} records are kept until {until}; permit {index} by {rule}")
        }
    }
}

fn row(hold: &Known, voice: &Voice) -> [String; 8] {
    [
        hold.id.clone(),
        voice.word(HOLDS, &hold.outcome).to_owned(),
        hold.case.clone(),
        hold.rule.clone(),
        hold.person.clone(),
        voice.time(hold.until.as_deref()),
        hold.records.map_or_else(|| "-".to_owned(), print::number),
        hold.journal_index.to_string(),
    ]
}
