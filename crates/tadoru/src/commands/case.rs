//! `tadoru case`.

use std::process::ExitCode;

use tadoru_web::api::cases::{Cases, Closing, Dossier, NewCase, Noted, OpenedCase};

use crate::cli::{Case, Global};
use crate::door::{CommandError, Door};
use crate::print;

/// Runs a command on cases.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Case) -> Result<ExitCode, CommandError> {
    let or_dash = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".to_owned());
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
                println!("no case; `tadoru case new` opens one, and so does a first question");
            } else {
                let mut table = print::table(&["case", "state", "opened", "by", ">entries"]);
                for case in &list.cases {
                    let opened = or_dash(&case.opened);
                    table.add_row([
                        case.id.clone(),
                        case.state.clone(),
                        opened,
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
                dossier.case.state,
                dossier.title.as_deref().unwrap_or("[sealed]")
            );
            let mut table = print::table(&["at", "by", "what", ">journal", "text"]);
            for entry in &dossier.thread {
                table.add_row([
                    or_dash(&entry.at),
                    entry.by.clone(),
                    entry.what.clone(),
                    entry.journal_index.map_or_else(|| "-".to_owned(), |i| i.to_string()),
                    entry.text.clone().unwrap_or_else(|| "[sealed]".to_owned()),
                ]);
            }
            print::show(&table);
            if let Some(refusal) = &dossier.sealed {
                print::refusal(refusal, print::Facts::Found, print::lang(global, None)?);
            }
        }
        Case::Close { id, reason } => {
            let path = format!("/v1/cases/{}/close", super::query(&id));
            let noted: Noted = door.post(&path, &Closing { reason }).await?;
            if global.json {
                print::json(&noted)
            } else {
                println!("closed; journal {}", noted.journal_index)
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
