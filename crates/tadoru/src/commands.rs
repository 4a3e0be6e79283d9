//! The commands, one file a noun or verb: they ask the desk's routes and print what comes back.

mod account;
mod c2_copy;
mod case;
mod coverage;
mod demo;
mod exporters;
mod flows;
mod gate;
mod hold;
mod import;
mod incidents;
mod journal;
mod pack;
mod rehearse;
mod serve;
mod subscriber;
mod trace;
mod validation;
mod who;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use tadoru_web::api::approvals::Approvals;
use tadoru_web::api::retention::RetentionRun;

use crate::cli::{Cli, Command, Ground};
use crate::config::Config;
use crate::door::{CommandError, Door};
use crate::print;

/// Runs a command; its exit code.
///
/// # Errors
/// When it comes to nothing.
pub async fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    let Cli { global, command } = cli;
    match command {
        Command::Serve => return serve::run(&global).await,
        Command::Demo { story, serve } => {
            return demo::run(&global, story, serve, print::lang(&global, None)?).await;
        }
        Command::CheckConfig => {
            let config = Config::load(global.config.as_deref())?;
            let network = crate::network::load(&config.network, &config.desk.own_prefixes);
            let told =
                |e| CommandError::Other("the configuration is not right".to_owned(), Some(Box::new(e)));
            for warning in network.map_err(told)?.1 {
                println!("{warning}");
            }
            println!("the configuration is right");
            return Ok(ExitCode::SUCCESS);
        }
        Command::PrintConfig => {
            print!("{}", Config::load(global.config.as_deref())?.text());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Journal(command) => return journal::run(&global, command).await,
        Command::Gate(crate::cli::Gate::Check { pack }) => return gate::check(&global, &pack),
        _ => {}
    }
    quiet_log();
    let door = Door::open(&global).await?;
    match command {
        Command::Who(who) => who::run(&global, &door, who).await,
        Command::Import(import) => import::run(&global, &door, import).await,
        Command::Flows(flows) => flows::run(&global, &door, *flows).await,
        Command::Rehearse(rehearse) => rehearse::run(&global, &door, *rehearse).await,
        Command::Coverage => coverage::run(&global, &door).await,
        Command::Exporters => exporters::run(&global, &door).await,
        Command::Incidents(wanted) => incidents::list(&global, &door, wanted).await,
        Command::Incident(crate::cli::Incident::Show(wanted)) => {
            incidents::show(&global, &door, wanted).await
        }
        Command::Incident(crate::cli::Incident::Trace(wanted)) => trace::run(&global, &door, wanted).await,
        Command::Incident(crate::cli::Incident::Pack(wanted)) => pack::run(&global, &door, wanted).await,
        Command::Validation(wanted) => validation::run(&global, &door, wanted).await,
        Command::Account(command) => account::run(&global, &door, command).await,
        Command::Case(command) => case::run(&global, &door, command).await,
        Command::Subscriber(command) => subscriber::run(&global, &door, command).await,
        Command::Gate(command) => gate::run(&global, &door, command).await,
        Command::Approve { id: Some(id) } => {
            let noted: serde_json::Value =
                door.post(&format!("/v1/approvals/{id}"), &serde_json::json!({})).await?;
            print::json(&noted);
            Ok(ExitCode::SUCCESS)
        }
        Command::Approve { id: None } => {
            let approvals: Approvals = door.get("/v1/approvals").await?;
            if global.json {
                print::json(&approvals);
            } else if approvals.waiting.is_empty() {
                println!("nothing waits for you");
            } else {
                let mut table =
                    print::table(&["id", "deed", "purpose", "case", "rule", "asked by", ">lacking"]);
                for w in &approvals.waiting {
                    let data = format!("{} {}", w.act, w.data.join(","));
                    let or_dash = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".to_owned());
                    table.add_row([
                        w.id.clone(),
                        data,
                        w.purpose.clone(),
                        or_dash(&w.case),
                        or_dash(&w.rule),
                        w.person.clone(),
                        w.lacking.to_string(),
                    ]);
                }
                print::show(&table);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::C2Copy => c2_copy::run(&global, &door).await,
        Command::Hold(command) => hold::run(&global, &door, command).await,
        Command::Retention => {
            let run: RetentionRun = door.post("/v1/retention/run", &serde_json::json!({})).await?;
            if global.json {
                print::json(&run);
            } else {
                let number = print::number;
                println!(
                    "{} rows deleted, {} held, {} keys destroyed",
                    number(run.deleted),
                    number(run.held),
                    number(run.keys)
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve
        | Command::Demo { .. }
        | Command::CheckConfig
        | Command::PrintConfig
        | Command::Journal(_) => Ok(ExitCode::SUCCESS),
    }
}

/// Stated facts as the routes take them.
fn facts(ground: &Ground) -> BTreeMap<String, String> {
    ground.facts.iter().cloned().collect()
}

/// A text for a query string: everything but unreserved characters in percent form (RFC 3986, 2.3).
fn query(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

/// Warnings on standard error, unless `TADORU_LOG` says otherwise.
fn quiet_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TADORU_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
