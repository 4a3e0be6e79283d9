//! `tadoru serve`: the desk, its sources, and its two doors; ends cleanly on SIGTERM and SIGINT.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use tadoru_desk::{Clock as _, Desk, SystemClock};
use tadoru_gate::journal::Event;
use tadoru_model::PersonId;
use tadoru_web::serve::{Tokens, loopback, socket};
use tadoru_web::with_console;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::Global;
use crate::config::Config;
use crate::console;
use crate::door::{CommandError, actor_of, listen, routes, socket_of};
use crate::embedded::{Embedded, Installation, open};
use crate::network::watch::{Stamps, Watch};
use crate::sources::flows::{self, FlowSpool};
use crate::sources::memory::{self, Memory};
use crate::sources::{LiveSpool, apply, dropped, start};

/// Serves until it is told to end.
///
/// # Errors
/// When the installation, a source or a listener cannot be opened, or a store fails.
pub async fn run(global: &Global) -> Result<ExitCode, CommandError> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TADORU_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();

    let config = Config::load(global.config.as_deref())?;
    // Looked at before they are read: no change gets lost.
    let tables = Stamps::of(&config.network);
    let opened = open(&global.data, &config, Arc::new(SystemClock)).await;
    let Installation { desk, folder: _folder, spool, warnings } =
        opened.map_err(|source| CommandError::Open { folder: global.data.clone(), source })?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let version = || env!("CARGO_PKG_VERSION").to_owned();
    let noted = |e| failed("write to the journal", e);
    desk.gate().note(&Event::DeskStarted { version: version() }, desk.now()).map_err(noted)?;

    let (end, shutdown) = watch::channel(false);
    let spool = LiveSpool::new(Arc::clone(&desk), spool, Memory::of(&global.data));
    let spool = Arc::new(spool.map_err(|e| failed("open the spool", e))?);
    let (begin, left_aside) = spool.begin();
    if let Some(why) = left_aside {
        tracing::warn!("`{}` is left aside, for {why}: sources and templates are learnt anew", memory::NAME);
    }
    let places = spool.places(&begin).map_err(|e| failed("read the spool", e))?;
    let started = start(&config.sources, &spool, &places, &shutdown).await;
    let mut running = started.map_err(|e| failed("start a source", e))?;
    let exports = config.sources.flows.clone().unwrap_or_default();
    let exports = FlowSpool::open(Arc::clone(&desk), &global.data, exports);
    let exports = Arc::new(exports.map_err(|e| failed("open the spool of flows", e))?);
    let receiving = flows::start(&exports, &shutdown).await.map_err(|e| failed("receive flows", e))?;
    let exporters = running.join(receiving);
    let renewed = Arc::clone(&desk);
    let take = Box::new(move |network| renewed.renew_network(network));
    let tables = Watch::new(config.network.clone(), config.desk.own_prefixes.clone(), tables, take);
    running.show(tables.state());
    running.tasks.spawn(tables.run(shutdown.clone()));
    // The appliers outlive the sources, so that what they spooled last is applied too.
    let (apply_end, apply_shutdown) = watch::channel(false);
    let flow_shutdown = apply_shutdown.clone();
    let mut flow_applier = tokio::task::spawn_blocking(move || flows::apply(&exports, &flow_shutdown));
    let mut applier = tokio::task::spawn_blocking({
        let spool = Arc::clone(&spool);
        move || apply(&spool, begin, &apply_shutdown)
    });

    let dropped = tokio::spawn(dropped::tell(Arc::clone(&running.states), shutdown.clone()));
    let router = routes(&desk, Arc::clone(&running.states), exporters, shutdown.clone());
    let path = socket_of(&global.data, &config);
    let door = listen(&path, &config).map_err(|e| failed("listen on the desk's socket", e))?;
    let listener = TcpListener::bind(config.api.listen).await.map_err(|e| failed("listen for the API", e))?;
    let listening = listener.local_addr().map_err(|e| failed("listen for the API", e))?;
    for told in &running.told {
        tracing::info!("{told}");
    }
    if let Some(link) = console::first_link(&desk, listening)? {
        eprintln!("tadoru: {link}");
    }
    tracing::info!("API on http://{listening}, the console beside it, commands by `{}`", path.display());

    let issued = Arc::clone(&desk);
    let tokens = tokens(&config, &desk)
        .and_issued(Arc::new(move |token: &str| issued.bearer(token, SystemClock.now())));
    let known = {
        let desk = Arc::clone(&desk);
        move |uid| actor_of(&desk, uid)
    };
    let ended = |mut shutdown: watch::Receiver<bool>| async move {
        let _ = shutdown.wait_for(|end| *end).await;
    };
    let front = console::over(&desk, router.clone(), &global.data);
    front.sign_in_by(config.console.ways(&config.desk.operator, listening)?);
    let doors = tokio::spawn({
        let (router, shutdown) = (router.clone(), shutdown.clone());
        let pages = with_console(front);
        let by_token = loopback(listener, pages, tokens, ended(shutdown.clone()));
        let by_socket = socket(door, router, known, ended(shutdown));
        async move { tokio::join!(by_token, by_socket).0 }
    });

    let retention = tokio::spawn(keep_retention(Arc::clone(&desk), shutdown.clone()));
    let copying = tokio::spawn(super::c2_copy::keep(Arc::clone(&desk), shutdown.clone()));
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| failed("wait for signals", e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| failed("wait for signals", e))?;
    // An applier that ends by itself has failed: a desk that no longer learns anything must not go on answering.
    let failure = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        applied = &mut applier => Some(applied),
        applied = &mut flow_applier => Some(applied),
    };
    tracing::info!("ending");
    let _ = end.send(true);
    while running.tasks.join_next().await.is_some() {}
    let _ = doors.await;
    let _ = retention.await;
    let _ = copying.await;
    let _ = dropped.await;
    let _ = apply_end.send(true);
    let mut outcomes = vec![];
    outcomes.extend(failure);
    for applier in [applier, flow_applier] {
        if !applier.is_finished() || outcomes.is_empty() {
            outcomes.push(applier.await);
        }
    }
    for applied in outcomes {
        match applied {
            Ok(applied) => applied.map_err(|e| failed("apply what was received", e))?,
            Err(e) => return Err(failed("apply what was received", e)),
        }
    }
    desk.gate().note(&Event::DeskStopped { version: version() }, desk.now()).map_err(noted)?;
    let _ = std::fs::remove_file(&path);
    tracing::info!("ended; everything received is applied");
    Ok(ExitCode::SUCCESS)
}

/// Deletes what is past its retention, every hour.
async fn keep_retention(desk: Arc<Desk<Embedded>>, mut shutdown: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RETENTION_EVERY) => {}
            _ = shutdown.wait_for(|end| *end) => return,
        }
        let desk = Arc::clone(&desk);
        match tokio::task::spawn_blocking(move || desk.enforce_retention()).await {
            Ok(Ok(run)) => tracing::info!(deleted = run.deleted, held = run.held, "retention"),
            Ok(Err(error)) => tracing::error!("retention could not be enforced: {error}"),
            Err(_) => tracing::error!("retention could not be enforced"),
        }
    }
}

/// The bearer tokens of the configuration, with the people who bear them.
fn tokens(config: &Config, desk: &Desk<Embedded>) -> Tokens {
    let all = config.api.tokens.iter().filter_map(|token| {
        let mut digest = [0; 32];
        for (place, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(token.sha256.get(place * 2..place * 2 + 2)?, 16).ok()?;
        }
        Some((digest, desk.people().named(&PersonId(token.person.clone()))?))
    });
    Tokens::new(all.collect())
}

fn failed(doing: &str, error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Other(format!("cannot {doing}"), Some(Box::new(error)))
}

/// How often the retention is enforced.
const RETENTION_EVERY: std::time::Duration = std::time::Duration::from_secs(3600);
