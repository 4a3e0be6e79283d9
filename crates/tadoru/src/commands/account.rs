//! `tadoru account`: accounts of the console, and one-time links with which they are set.

use std::process::ExitCode;

use tadoru_web::api::accounts::{AccountLink, AccountRemoved, Accounts};

use super::query;
use crate::cli::{Account, Global};
use crate::config::Config;
use crate::door::{CommandError, Door};
use crate::print;

/// Runs it.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Account) -> Result<ExitCode, CommandError> {
    let nothing = serde_json::json!({});
    match command {
        Account::List => {
            let accounts: Accounts = door.get("/v1/accounts").await?;
            if global.json {
                print::json(&accounts);
                return Ok(ExitCode::SUCCESS);
            }
            let mut table = print::table(&["person", "roles", "set", "link until"]);
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            for one in &accounts.accounts {
                table.add_row([
                    one.person.clone(),
                    one.roles.join(","),
                    or_dash(&one.set),
                    or_dash(&one.link_until),
                ]);
            }
            print::show(&table);
        }
        Account::Link { person } => {
            let path = format!("/v1/accounts/{}/link", query(&person));
            let link: AccountLink = door.post(&path, &nothing).await?;
            if global.json {
                print::json(&link);
                return Ok(ExitCode::SUCCESS);
            }
            let listen = Config::load(global.config.as_deref())?.api.listen;
            let until = link.until.as_deref().unwrap_or_default();
            println!("http://{listen}{}", link.path);
            println!("for `{}`, once, until {until}; it sets password and one-time codes", link.person);
        }
        Account::Remove { person } => {
            let path = format!("/v1/accounts/{}/remove", query(&person));
            let AccountRemoved { removed } = door.post(&path, &nothing).await?;
            if global.json {
                print::json(&AccountRemoved { removed });
            } else {
                println!("{}", if removed { "removed" } else { "there was no account" });
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
