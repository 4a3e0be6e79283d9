//! `tadoru demo --serve`: the console over the records of the demonstration, until it is told to end.
//!
//! The people are invented, and come in by one-time tickets; the desk's day is that of the records. Its traffic is a
//! recording of a small provider, played at the desk's own time. Everything is in a folder of its own that is removed at
//! the end.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use tadoru_desk::settings::Language;
use tadoru_desk::{Clock, Person};
use tadoru_model::{PersonId, Prefix, Role, UtcMicros};
use tadoru_web::api::import::Imported;
use tadoru_web::api::shape::WhoAnswer;
use tadoru_web::api::who::WhoRequest;
use tadoru_web::serve::{Tokens, loopback};
use tadoru_web::words::fixed::ROLES;
use tadoru_web::{Client, with_console};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{DEMO_NOW, Folder, RECORDS, SCENES, ask, flood};
use crate::console;
use crate::door::{CommandError, Door, routes};
use crate::embedded::open;
use crate::print;

mod living;

use living::{Hands, Traffic};

/// Serves the demonstration.
///
/// # Errors
/// When the installation cannot be made, or nothing can be listened to.
pub async fn run(lang: Language) -> Result<ExitCode, CommandError> {
    let folder = Folder::new()?;
    let mut config = flood::configuration(&folder.0)?;
    config.desk.language = lang;
    config.desk.own_prefixes.extend("2001:db8::/32".parse::<Prefix>());
    config.people = people();
    let began = UtcMicros::from_seconds(DEMO_NOW - BEFORE_S);
    let clock = Arc::new(Hands::at(began));
    let data = folder.0.join("data");
    let opened = open(&data, &config, Arc::clone(&clock) as Arc<dyn Clock>).await;
    let desk = opened.map_err(|source| CommandError::Open { folder: data.clone(), source })?.desk;
    let (ending, end) = watch::channel(false);
    let mut traffic = Traffic::new(&desk, Arc::clone(&clock))?;
    let router = routes(&desk, Arc::new(Vec::new), traffic.exporters(), end);
    let played = tokio::task::spawn_blocking(move || traffic.play_past(began).map(|()| traffic)).await;
    let traffic = played
        .map_err(|e| CommandError::Other("the recording ended early".to_owned(), Some(Box::new(e))))??;
    clock.run_from(UtcMicros::from_seconds(DEMO_NOW));
    let as_whom = |name: &str| {
        let actor = desk.people().named(&PersonId(name.to_owned()));
        actor.map(|actor| Door::over(Client::in_process(router.clone(), actor)))
    };
    let nobody = || CommandError::Nobody("demo".to_owned());
    let (runs, asks) = (as_whom(RUNS).ok_or_else(nobody)?, as_whom(ASKS).ok_or_else(nobody)?);
    for (format, options, name, bytes) in RECORDS {
        let path = format!("/v1/import?format={format}&name={name}{options}");
        let _: Imported = runs.post_stream(&path, Body::from(bytes)).await?;
    }
    for scene in &SCENES {
        ask(&asks, scene).await?;
    }
    let _: WhoAnswer = asks.post("/v1/who", &needs_approval()).await?;

    let is_over = Arc::new(AtomicBool::new(false));
    let plays = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            if let Err(error) = traffic.play(&is_over) {
                tracing::error!("{error}: the traffic of the demonstration stands still");
            }
        }
    });

    let console = console::over(&desk, router.clone(), &data);
    let failed = |doing: &str, e| CommandError::Other(format!("cannot {doing}"), Some(Box::new(e) as _));
    let listener = match TcpListener::bind(config.api.listen).await {
        Ok(listener) => listener,
        // Another desk has the usual port.
        Err(_) => TcpListener::bind((config.api.listen.ip(), 0)).await.map_err(|e| failed("listen", e))?,
    };
    let listening = listener.local_addr().map_err(|e| failed("listen", e))?;
    console.sign_in_by(config.console.ways(&config.desk.operator, listening)?);
    let say = |ja: &'static str, en: &'static str| print::of(lang, ja, en);
    println!(
        "{}\n",
        say(
            "デモの設備を動かしています。各リンクは一度だけ使えます。Ctrl-C で終わり、何も残しません。",
            "The demonstration is running. Each link works once. Ctrl-C ends it; nothing is left behind."
        )
    );
    for person in &config.people {
        let ticket = console.ticket(&person.id).unwrap_or_default();
        let roles: Vec<&str> =
            person.roles.iter().map(|role| print::fixed(lang, ROLES, role.as_str())).collect();
        println!("  {:<8} {:<34} http://{listening}{ticket}", person.id.0, roles.join(", "));
    }
    println!(
        "\n{}",
        say(
            "例：追跡の画面に「192.0.2.1:10768 2026-11-22 04:48:56 +09:00」を貼り付け、事件 demo-2 で照会します。\n\
             事案の画面には終わった攻撃が一件あり、20 秒ほどで次の攻撃が現れます。",
            "Try: paste `192.0.2.1:10768 2026-11-22 04:48:56 +09:00` at the trace desk, and ask in case demo-2.\n\
             Under Incidents one attack is over, and another appears about 20 s from now."
        )
    );
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| failed("wait for signals", e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| failed("wait for signals", e))?;
    let ended = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = ending.send(true);
    };
    let served = loopback(listener, with_console(console), Tokens::default(), ended).await;
    is_over.store(true, Ordering::Relaxed);
    let _ = plays.join();
    served.map_err(|e| CommandError::Other("cannot serve".to_owned(), Some(Box::new(e))))?;
    Ok(ExitCode::SUCCESS)
}

/// Invented people, one for each part of the story.
fn people() -> Vec<Person> {
    let person = |name: &str, roles: &[Role]| Person {
        id: PersonId(name.to_owned()),
        roles: roles.to_vec(),
        unix_user: None,
    };
    vec![
        person(ASKS, &[Role::AbuseDesk, Role::NetworkOperations]),
        person("sato", &[Role::LegalReviewer, Role::Approver]),
        person("tanaka", &[Role::Manager]),
        person("mori", &[Role::Auditor]),
        person(RUNS, &[Role::Administrator]),
    ]
}

/// A question that waits for the legal reviewer (JP-054).
fn needs_approval() -> WhoRequest {
    let facts = [("c2log.lawful_source", "yes"), ("danger.present", "yes")];
    WhoRequest {
        address: "192.0.2.1:10768".to_owned(),
        port: None,
        at: vec!["2026-11-22 04:48:56 +09:00".to_owned()],
        proto: None,
        to: None,
        skew: None,
        realm: None,
        case: "demo-1".to_owned(),
        purpose: "P-CLEAN".to_owned(),
        basis: Some("B-NEC".to_owned()),
        facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        attached: None,
    }
}

/// So long before the present a first flood is played: it is over when the demonstration begins.
const BEFORE_S: i64 = 1500;
/// Who asks in the demonstration.
const ASKS: &str = "aoki";
/// Who runs it.
const RUNS: &str = "kimura";
