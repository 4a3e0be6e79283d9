//! `tadoru account`: accounts of the console, and one-time links with which they are set.

use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::accounts::tokens::{Token, TokenIssued, TokenRevoked, TokenWanted, Tokens};
use tadoru_web::api::accounts::{AccountLink, AccountRemoved, Accounts};
use tadoru_web::words::fixed::ROLES;

use super::query;
use crate::cli::{Account, Global};
use crate::config::Config;
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Runs it.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, command: Account) -> Result<ExitCode, CommandError> {
    let nothing = serde_json::json!({});
    let voice = Voice::of(global)?;
    match command {
        Account::List => {
            let accounts: Accounts = door.get("/v1/accounts").await?;
            if global.json {
                print::json(&accounts);
                return Ok(ExitCode::SUCCESS);
            }
            let mut table =
                print::table(voice.columns(
                    &["人", "役割", "設定", "リンクの期限"],
                    &["person", "roles", "set", "link until"],
                ));
            for one in &accounts.accounts {
                table.add_row([
                    one.person.clone(),
                    one.roles.iter().map(|role| voice.word(ROLES, role)).collect::<Vec<_>>().join(","),
                    voice.time(one.set.as_deref()),
                    voice.time(one.link_until.as_deref()),
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
            let (person, until) = (&link.person, voice.time(link.until.as_deref()));
            println!("http://{listen}{}", link.path);
            match voice.lang {
                Language::Ja => {
                    println!(
                        "`{person}` のリンク。{until} まで一度だけ使え、パスワードとワンタイムコードを定める"
                    );
                }
                Language::En => {
                    println!("for `{person}`, once, until {until}; it sets password and one-time codes");
                }
            }
        }
        Account::Remove { person } => {
            let path = format!("/v1/accounts/{}/remove", query(&person));
            let AccountRemoved { removed } = door.post(&path, &nothing).await?;
            if global.json {
                print::json(&AccountRemoved { removed });
            } else {
                println!(
                    "{}",
                    if removed {
                        voice.say("削除した", "removed")
                    } else {
                        voice.say("アカウントはなかった", "there was no account")
                    }
                );
            }
        }
        Account::Token { person, label, roles, cases, days } => {
            let path = format!("/v1/accounts/{}/tokens", query(&person));
            let issued: TokenIssued = door.post(&path, &TokenWanted { label, roles, cases, days }).await?;
            if global.json {
                print::json(&issued);
            } else {
                println!("{}", issued.token);
                let until = voice.time(issued.until.as_deref());
                match voice.lang {
                    Language::Ja => {
                        println!(
                            "`{person}` のトークン {} 番。{until} まで。いま一度だけ表示する",
                            issued.number
                        );
                    }
                    Language::En => {
                        println!(
                            "token {} of `{person}`, until {until}; it is not shown again",
                            issued.number
                        );
                    }
                }
            }
        }
        Account::Tokens => {
            let known: Tokens = door.get("/v1/tokens").await?;
            if global.json {
                print::json(&known);
            } else {
                print::show(&tokens(&voice, &known.tokens));
            }
        }
        Account::Revoke { person, number } => {
            let path = format!("/v1/accounts/{}/tokens/revoke", query(&person));
            let revoked: TokenRevoked = door.post(&path, &serde_json::json!({ "number": number })).await?;
            if global.json {
                print::json(&revoked);
            } else if revoked.revoked {
                println!("{}", voice.say("失効させた", "revoked"));
            } else {
                println!("{}", voice.say("そのトークンはなかった", "there was no such token"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tokens(voice: &Voice, known: &[Token]) -> comfy_table::Table {
    let mut table = print::table(voice.columns(
        &["人", "番号", "用途", "役割", "事件", "期限"],
        &["person", "number", "for", "roles", "cases", "until"],
    ));
    for token in known {
        table.add_row([
            token.person.clone(),
            token.number.to_string(),
            token.label.clone(),
            token.roles.iter().map(|role| voice.word(ROLES, role)).collect::<Vec<_>>().join(","),
            token.cases.join(","),
            voice.time(token.until.as_deref()),
        ]);
    }
    table
}
