//! `tadoru demo flood`: a recorded attack, from the first datagram of the routers to the neighbours that it came from.
//!
//! What comes in: what five routers exported while a flood went through them, shipped with the program. What goes out: the
//! story of it as the desk tells it, beside what the laboratory itself counted. It goes the way of a running desk: reader,
//! store, detector, incident, trace to the ingress, journal. The clock is the recording's; nothing is left behind.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Serialize;
use tadoru_desk::flows::{Figure, FlowGround, FlowInquiry, FlowReply, Told};
use tadoru_desk::incidents::{IncidentReply, IncidentTold};
use tadoru_desk::ingress::{IngressReply, IngressTold};
use tadoru_desk::settings::Language;
use tadoru_desk::{Actor, Clock, Desk, DeskError};
use tadoru_gate::journal::{verifier_of, verify};
use tadoru_gate::request::RuleRef;
use tadoru_model::{Finding, FindingId, FindingState, Flows, Span, UtcMicros};
use tadoru_observe::{Format, Options, files};
use tadoru_store::flows::{Bucket, Question};
use tadoru_store::incidents::Brief;
use tadoru_web::Client;
use tadoru_web::api::exporters::Exporters;
use tadoru_web::api::incidents;
use tokio::sync::watch;

use super::Folder;
use crate::config::Config;
use crate::door::{CommandError, Door, routes, user};
use crate::embedded::{Embedded, Installation, journal_folder, open};
use crate::print;

mod story;

use story::Story;

/// Plays the recording and tells what came of it.
///
/// # Errors
/// When the installation cannot be made, or the recording does not come out as it should.
pub async fn run(lang: Language, json: bool) -> Result<ExitCode, CommandError> {
    let folder = Folder::new()?;
    let config = configuration(&folder.0)?;
    let clock = Arc::new(Hand(AtomicI64::new(BEGAN.0)));
    let data = folder.0.join("data");
    let Installation { desk, .. } = open(&data, &config, Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .map_err(|source| CommandError::Open { folder: data.clone(), source })?;
    let login = user();
    let actor = desk.people().behind(&login).ok_or(CommandError::Nobody(login))?;

    let recording = read()?;
    let replay = Replay { desk: Arc::clone(&desk), clock };
    let heard = tokio::task::spawn_blocking(move || replay.play(&recording)).await;
    let heard =
        heard.map_err(|e| CommandError::Other("the replay ended early".to_owned(), Some(Box::new(e))))??;
    let Some(opened) = heard.told.first() else {
        return Err(CommandError::Other("the flood was not told".to_owned(), None));
    };
    let id = opened.1.id;
    if json {
        let whole = whole(&desk, actor, id).await?;
        print::json(&whole);
        let right = whole.incident.state == "ended" && whole.incident.targets.len() == TARGETS;
        return Ok(ExitCode::from(u8::from(!right)));
    }
    let fault =
        |e: DeskError| CommandError::Other("the desk cannot tell of it".to_owned(), Some(Box::new(e)));
    let incident = match desk.incident(&actor, id, None).await.map_err(fault)? {
        IncidentReply::Told(told) => *told,
        IncidentReply::Refused(_) => return Err(refused("incident")),
    };
    let ingress = match desk.trace_ingress(&actor, id, None).await.map_err(fault)? {
        IngressReply::Told(told) => *told,
        IngressReply::Refused(_) => return Err(refused("ingress")),
    };
    let (course, rule, entry) =
        course(&desk, &actor, &incident).await.map_err(fault)?.ok_or(refused("flows"))?;

    let story = Story { lang, zone: config.desk.time_zone() };
    story.opening(&heard);
    story.told(&heard.told, &incident.record.newest);
    story.strength(&incident.record.newest, &course);
    story.sources(&incident.record.newest);
    story.ways_in(&ingress);
    story.ground(
        (&incident.rule, incident.journal_index),
        (&rule, entry),
        (&ingress.rule, ingress.journal_index),
    );
    drop(desk);
    let journal = journal_folder(&data);
    let unread = |e| CommandError::Other("cannot read the journal's key".to_owned(), Some(Box::new(e) as _));
    let report = verify(&journal, &verifier_of(&journal).map_err(unread)?, None);
    story.end(report.size, report.is_sound());
    let right = report.is_sound() && is_right(&heard, &incident.record.newest, &ingress);
    Ok(ExitCode::from(u8::from(!right)))
}

/// The incident as `incident show --json` has it, with the trace to its ingress.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    incident: Box<incidents::IncidentTold>,
    trace: serde_json::Value,
}

/// Asks for the incident and its trace at the routes, as the commands do.
async fn whole(desk: &Arc<Desk<Embedded>>, actor: Actor, id: FindingId) -> Result<Whole, CommandError> {
    let (ending, end) = watch::channel(false);
    let router = routes(desk, Arc::new(Vec::new), Arc::new(Exporters::default), end);
    let door = Door::over(Client::in_process(router, actor));
    let incident = match door.get(&format!("/v1/incidents/{id}")).await? {
        incidents::IncidentAnswer::Told(told) => told,
        incidents::IncidentAnswer::Refused(_) => return Err(refused("incident")),
    };
    let trace = door.get(&format!("/v1/incidents/{id}/ingress")).await?;
    drop(ending);
    Ok(Whole { incident, trace })
}

/// What the provider told of its network, written as an operator writes it.
pub(super) fn configuration(folder: &Path) -> Result<Config, CommandError> {
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        let written = std::fs::write(&file, text);
        written.map_err(|source| CommandError::File { doing: "write", file, source: Box::new(source) })
    };
    let mut named = CONFIG.to_owned();
    for (key, name, table) in TABLES {
        write(name, table)?;
        // JSON's strings are TOML's.
        let path = serde_json::Value::from(folder.join(name).to_string_lossy());
        named += &format!("{key} = {path}\n");
    }
    write("tadoru.toml", &named)?;
    Ok(Config::load(Some(&folder.join("tadoru.toml")))?)
}

fn refused(what: &str) -> CommandError {
    CommandError::Other(format!("the rules in force do not let `{what}` be told"), None)
}

// ---------------------------------------------------------------------------------------------- The replay

/// A clock that is set by hand: the recording's time.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> UtcMicros {
        UtcMicros(self.0.load(Ordering::Relaxed))
    }
}

/// The flows of the recording, in the order in which they arrived.
fn read() -> Result<Flows, CommandError> {
    let mut recording = Flows::default();
    let mut sink = |item| {
        if let files::Item::Flows(mut flows) = item {
            recording.append(&mut flows);
        }
        ControlFlow::Continue(())
    };
    let options = Options::new(BEGAN);
    let read = files::read(Format::Flows, EXPORTS, "exports", &options, &mut sink, &mut |_| {});
    read.map_err(|e| CommandError::Other("cannot read the recording".to_owned(), Some(Box::new(e))))?;
    Ok(recording)
}

struct Replay {
    desk: Arc<Desk<Embedded>>,
    clock: Arc<Hand>,
}

/// What happened during the replay.
struct Heard {
    records: usize,
    exporters: usize,
    span: Span,
    /// When something was told, and what.
    told: Vec<(UtcMicros, Brief)>,
}

impl Replay {
    /// Hands the recording to the watch as it arrived, a tenth of a second at a time, and lets time pass until it is over.
    fn play(&self, recording: &Flows) -> Result<Heard, CommandError> {
        let fault =
            |e: DeskError| CommandError::Other("cannot replay the recording".to_owned(), Some(Box::new(e)));
        let mut watch = self.desk.watch().map_err(fault)?;
        let mut listening = self.desk.hear_incidents();
        let mut told = Vec::new();
        let mut exporters = recording.exporter.clone();
        exporters.sort_unstable();
        exporters.dedup();
        let (mut batch, mut row) = (Flows::default(), 0);
        let first = recording.received_us.first().copied().unwrap_or_default();
        let last = recording.received_us.iter().copied().max().unwrap_or_default();
        let mut now = first;
        let mut over = false;
        while now < last + QUIET_US || !over && now < last + LONGEST_US {
            now += STEP_US;
            self.clock.0.store(now, Ordering::Relaxed);
            while let Some(flow) = recording.get(row).filter(|flow| flow.received_us < now) {
                batch.push(flow);
                row += 1;
            }
            if !batch.is_empty() {
                watch.take(&mut batch).map_err(fault)?;
                batch.clear();
            }
            watch.tick().map_err(fault)?;
            while let Ok(brief) = listening.try_recv() {
                over = !brief.is_open();
                told.push((UtcMicros(now), brief));
            }
        }
        watch.end().map_err(fault)?;
        let span = Span::new(UtcMicros(first), UtcMicros(last));
        Ok(Heard { records: row, exporters: exporters.len(), span, told })
    }
}

/// How strong it was, second by second, from the flows on file: each packet counted where it entered.
async fn course(
    desk: &Arc<Desk<Embedded>>,
    actor: &Actor,
    incident: &IncidentTold,
) -> Result<Option<(Vec<Bucket>, RuleRef, u64)>, DeskError> {
    let filter = desk.network().once().unwrap_or_else(tadoru_store::filter::Filter::any);
    let inquiry = FlowInquiry {
        actor: actor.clone(),
        question: Question { filter, span: None },
        words: "any".to_owned(),
        figure: Figure::Series { step_us: 1_000_000 },
        ground: FlowGround { incident: Some(incident.record.newest.id), ..FlowGround::default() },
    };
    Ok(match desk.ask_flows(&inquiry).await? {
        FlowReply::Told(told) => match told.told {
            Told::Series(buckets) => Some((buckets, told.rule, told.journal_index)),
            _ => None,
        },
        FlowReply::Refused(_) => None,
    })
}

/// Whether it came out as the laboratory knows it to be.
fn is_right(heard: &Heard, newest: &Finding, ingress: &IngressTold) -> bool {
    let one = heard.told.iter().all(|(_, brief)| brief.id == newest.id);
    let ended = newest.state == FindingState::Ended;
    let both = newest.targets.len() == TARGETS;
    let main = ingress.answer.ingress.first();
    let from = main.is_some_and(|way| (way.share.packets - MAIN_SHARE).abs() < 0.05);
    one && ended && both && from
}

/// The instant at which the first forged packet was sent, by the laboratory's log (`truth.jsonl`).
pub(super) const BEGAN: UtcMicros = UtcMicros(1_795_320_546_036_000);
/// Addresses that it was aimed at, one after the other.
const TARGETS: usize = 2;
/// Packets that came in by edge2's interface to the network in the south, and by edge1's to that in the north, as the
/// routers' kernels counted them.
const SENT: [u64; 2] = [499_856 + 262_179, 52_191 + 28_309];
/// The larger one's part of them.
const MAIN_SHARE: f64 = 0.904;
/// The detector looks at what came in a tenth of a second at a time.
const STEP_US: i64 = 100_000;
/// How long nothing comes in after the recording, and how long it is waited for the end of the incident at most: it is
/// not told before flows of its last minutes can have come.
const QUIET_US: i64 = 70_000_000;
const LONGEST_US: i64 = 1_200_000_000;

pub(super) const EXPORTS: &[u8] = include_bytes!("../../../demo/flood/exports.pcap.gz");
const TABLES: [(&str, &str, &str); 3] = [
    ("interfaces", "interfaces.csv", include_str!("../../../demo/flood/interfaces.csv")),
    ("customers", "customers.csv", include_str!("../../../demo/flood/customers.csv")),
    ("routes", "routes.csv", include_str!("../../../demo/flood/routes.csv")),
];
const CONFIG: &str = include_str!("../../../demo/flood/tadoru.toml");
