//! `tadoru case`.

use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::cases::{Cases, Closing, Dossier, NewCase, Noted, OpenedCase};
use tadoru_web::words::fixed::{CASES, HAPPENED};

use crate::cli::{Case, Global};
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Runs a command on cases.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Case) -> Result<ExitCode, CommandError> {
    let voice = Voice::of(global)?;
    let sealed = voice.say("［封印］", "[sealed]");
    match command {
        Case::New { id, title } => {
            let opened: OpenedCase = door.post("/v1/cases", &NewCase { id, title }).await?;
            if global.json { print::json(&opened) } else { println!("{}", opened.id) }
        }
        Case::List { which } => {
            let list: Cases = door.get(&format!("/v1/cases?which={}", super::query(&which))).await?;
            if global.json {
                print::json(&list);
            } else if list.cases.is_empty() {
                println!(
                    "{}",
                    voice.say(
                        "事件はない。`tadoru case new` か最初の照会が開く",
                        "no case; `tadoru case new` opens one, and so does a first question"
                    )
                );
            } else {
                let mut table = print::table(voice.columns(
                    &["事件", "状態", "開始", "担当", ">記事"],
                    &["case", "state", "opened", "by", ">entries"],
                ));
                for case in &list.cases {
                    table.add_row([
                        case.id.clone(),
                        voice.word(CASES, &case.state).to_owned(),
                        voice.time(case.opened.as_deref()),
                        case.opened_by.clone(),
                        print::number(case.entries),
                    ]);
                }
                print::show(&table);
            }
        }
        Case::Show { id } => {
            let dossier: Dossier = door.get(&format!("/v1/cases/{}", super::query(&id))).await?;
            if global.json {
                print::json(&dossier);
                return Ok(ExitCode::SUCCESS);
            }
            println!(
                "{}  {}  {}",
                dossier.case.id,
                voice.word(CASES, &dossier.case.state),
                dossier.title.as_deref().unwrap_or(sealed)
            );
            let mut table = print::table(voice.columns(
                &["時刻", "担当", "事柄", ">ジャーナル", "内容"],
                &["at", "by", "what", ">journal", "text"],
            ));
            for entry in &dossier.thread {
                table.add_row([
                    voice.time(entry.at.as_deref()),
                    entry.by.clone(),
                    voice.word(HAPPENED, &entry.what).to_owned(),
                    entry.journal_index.map_or_else(|| "-".to_owned(), |i| i.to_string()),
                    entry.text.clone().unwrap_or_else(|| sealed.to_owned()),
                ]);
            }
            print::show(&table);
            if let Some(refusal) = &dossier.sealed {
                print::refusal(refusal, print::Facts::Found, voice.lang);
            }
        }
        Case::Close { id, reason } => {
            let path = format!("/v1/cases/{}/close", super::query(&id));
            let noted: Noted = door.post(&path, &Closing { reason }).await?;
            if global.json {
                print::json(&noted)
            } else {
                let index = noted.journal_index;
                match voice.lang {
                    Language::Ja => println!("終結した。ジャーナル {index} 番"),
                    Language::En => println!("closed; journal {index}"),
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
