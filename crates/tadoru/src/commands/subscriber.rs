//! `tadoru subscriber`: contracts in, and the person behind one when the gate permits it.

use std::process::ExitCode;

use tadoru_web::api::subscribers::{ContractVersion, ShowAnswer, ShowRequest};

use super::facts;
use crate::cli::{Global, Import, Subscriber};
use crate::door::{CommandError, Door};
use crate::print;

/// Runs a command on the directory.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Subscriber) -> Result<ExitCode, CommandError> {
    match command {
        Subscriber::Import { files } => {
            let format = "subscribers".to_owned();
            let import = Import {
                format,
                files,
                source: None,
                realm: None,
                inside_realm: None,
                zone: None,
                again: false,
            };
            super::import::run(global, door, import).await
        }
        Subscriber::Show { subscriber, ground } => {
            let request = ShowRequest {
                case: ground.case.clone(),
                purpose: ground.purpose.clone(),
                basis: ground.basis.clone(),
                facts: facts(&ground),
            };
            let path = format!("/v1/subscribers/{}/show", super::query(&subscriber));
            let answer: ShowAnswer = door.post(&path, &request).await?;
            match &answer {
                _ if global.json => print::json(&answer),
                ShowAnswer::Opened(contract) => {
                    if contract.versions.is_empty() {
                        println!("no contract of this id is in the directory");
                    }
                    contract.versions.iter().for_each(tell);
                    println!("journal    {}", contract.journal_index);
                }
                ShowAnswer::Refused(refused) => {
                    print::refusal(&refused.refusal, print::Facts::Stated, print::lang(global, None)?);
                }
            }
            Ok(ExitCode::from(if matches!(answer, ShowAnswer::Refused(_)) { 3 } else { 0 }))
        }
    }
}

fn tell(version: &ContractVersion) {
    let or_dash = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let listed = |all: &[String]| if all.is_empty() { "-".to_owned() } else { all.join(", ") };
    let lines: Vec<String> =
        version.lines.iter().map(|l| format!("{} {}", l.name.kind, l.name.value)).collect();
    let ContractVersion { since, class, from, until, identity_level, contact, .. } = version;
    let rows = [
        ("imported", or_dash(since.as_ref())),
        ("class", or_dash(class.as_ref())),
        ("contract", format!("{} to {}", or_dash(from.as_ref()), or_dash(until.as_ref()))),
        ("identity", or_dash(identity_level.as_ref())),
        ("lines", listed(&lines)),
        ("name", or_dash(contact.name.as_ref())),
        ("mail", listed(&contact.mail)),
        ("phone", listed(&contact.phone)),
        ("postal", or_dash(contact.postal.as_ref())),
        ("prefers", or_dash(contact.prefers.as_ref())),
    ];
    for (what, value) in rows {
        println!("{what:<10} {value}");
    }
    println!();
}
