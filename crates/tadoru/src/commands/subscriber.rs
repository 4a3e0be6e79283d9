//! `tadoru subscriber`: contracts in, and the person behind one when the gate permits it.

use std::process::ExitCode;

use tadoru_web::api::subscribers::{ShowAnswer, ShowRequest};

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
            let import = Import { format, files, source: None, realm: None, inside_realm: None, zone: None };
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
                    print::json(&contract.versions);
                    println!("journal    {}", contract.journal_index);
                }
                ShowAnswer::Refused(refused) => println!("{}", refused.refusal.explanation_en),
            }
            Ok(ExitCode::from(if matches!(answer, ShowAnswer::Refused(_)) { 3 } else { 0 }))
        }
    }
}
