//! `tadoru demo`: the main job in six scenes, on records that real programs wrote. Nothing to install, nothing left behind.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use axum::body::Body;
use jiff::tz::TimeZone;
use tadoru_desk::FixedClock;
use tadoru_desk::settings::Language;
use tadoru_gate::journal::{verifier_of, verify};
use tadoru_model::UtcMicros;
use tadoru_web::api::import::Imported;
use tadoru_web::api::shape::{Answered, Candidate, Hop, WhoAnswer};
use tadoru_web::api::who::WhoRequest;

use crate::config::Config;
use crate::door::{CommandError, Door};
use crate::embedded::journal_folder;
use crate::print;

/// One scene: a question and what it shows.
struct Scene {
    title: &'static str,
    address: &'static str,
    at: &'static str,
    purpose: &'static str,
}

/// Plays the six scenes and verifies the journal.
///
/// # Errors
/// When the installation cannot be made, or a scene does not come out.
pub async fn run(lang: Language) -> Result<ExitCode, CommandError> {
    let folder = Folder::new()?;
    let config = Config::default();
    let clock = FixedClock(UtcMicros::from_seconds(DEMO_NOW));
    let door = Door::in_process(&folder.0, &config, Arc::new(clock)).await?;
    let zone = config.desk.time_zone();
    println!("Tadoru, the trace desk: \"this address, at this time\" into a lawful, evidenced answer.");
    println!("Records of a small access network (RADIUS, two NAT gateways), as real programs wrote them:\n");
    for (format, options, name, bytes) in RECORDS {
        let path = format!("/v1/import?format={format}&name={name}{options}");
        let imported: Imported = door.post_stream(&path, Body::from(bytes)).await?;
        println!(
            "  {:<14} {:<18} {:>5} records kept, journal entry {}",
            format, name, imported.kept, imported.journal_index
        );
    }
    let mut told = 0;
    for (number, scene) in SCENES.iter().enumerate() {
        let answer = ask(&door, scene).await?;
        println!("\n{}. {}", number + 1, scene.title);
        println!("   Who had {} at {}?   (purpose {})", scene.address, scene.at, scene.purpose);
        match &answer {
            WhoAnswer::Answered(answered) => tell(answered, &zone, lang),
            WhoAnswer::Refused(refused) => {
                let refusal = &refused.refusal;
                let why = print::of(lang, &refusal.explanation_ja, &refusal.explanation_en);
                println!("   Answer    refused. {}", first_line(why));
                println!(
                    "   Journal   entry {}: the refusal, by rule, person and purpose",
                    refused.refusal.journal_index
                );
            }
        }
        told += usize::from(answer.outcome() == EXPECTED.get(number).copied().unwrap_or_default());
    }
    drop(door);
    let journal = journal_folder(&folder.0);
    let unread = |e| CommandError::Other("cannot read the journal's key".to_owned(), Some(Box::new(e) as _));
    let report = verify(&journal, &verifier_of(&journal).map_err(unread)?, None);
    println!(
        "\nThe journal holds {} entries and {}: every question, decision and opening, no address in the clear.",
        report.size,
        if report.is_sound() { "verifies" } else { "does NOT verify" }
    );
    println!(
        "Next: `tadoru import --help`, `tadoru who --help`. The same with your own records keeps them in ./tadoru-data."
    );
    let whole = report.is_sound() && told == SCENES.len();
    Ok(ExitCode::from(u8::from(!whole)))
}

async fn ask(door: &Door, scene: &Scene) -> Result<WhoAnswer, CommandError> {
    let facts = [("complaint.id", "K-17"), ("complaint.substantiated", "yes")];
    let stated = scene.purpose == "P-CLEAN";
    let request = WhoRequest {
        address: scene.address.to_owned(),
        port: None,
        at: vec![scene.at.to_owned()],
        proto: None,
        to: None,
        skew: None,
        realm: None,
        case: "demo-1".to_owned(),
        purpose: scene.purpose.to_owned(),
        basis: None,
        facts: facts.iter().filter(|_| stated).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        attached: None,
    };
    door.post("/v1/who", &request).await
}

fn tell(answer: &Answered, zone: &TimeZone, lang: Language) {
    println!("   Answer    {}", sentence(answer));
    for candidate in answer.candidates.iter().take(1) {
        evidence(candidate, zone);
    }
    for source in answer.coverage.iter().filter(|c| c.state != "alive").take(1) {
        let (from, until) = (source.from.as_deref().unwrap_or("…"), source.until.as_deref().unwrap_or("…"));
        println!("   Evidence  {} {} from {from} until {until}: {}", source.source, source.state, source.why);
    }
    if !answer.narrow_by.is_empty() {
        println!("   Decided by  {}", answer.narrow_by.join(", "));
    }
    let basis = answer.permit.basis.as_deref().unwrap_or("-");
    let permit = &answer.permit;
    println!("   Ground    {} ({basis}) {}", permit.rule, print::of(lang, &permit.text_ja, &permit.text_en));
    println!(
        "   Journal   entry {} the decision, entry {} the answer",
        answer.permit.journal_index, answer.journal_index
    );
}

fn sentence(answer: &Answered) -> String {
    let count = print::number(answer.candidates.len() as u64);
    match answer.outcome.as_str() {
        "unique" => {
            let holder = answer.candidates.first().map(|c| c.subscriber.as_str()).unwrap_or_default();
            format!(
                "unique: contract {holder}. The person behind it stays sealed; opening is a step of its own."
            )
        }
        "ambiguous" => format!("ambiguous: {count} lines shared it. Tadoru names none of them as the one."),
        "gap" => {
            "gap: the log of that gateway is missing for that time. No record is not the same as nobody."
                .to_owned()
        }
        "expired" => "expired: records of that time were past their retention of 180 days.".to_owned(),
        other => other.to_owned(),
    }
}

/// The way back, hop by hop.
fn evidence(candidate: &Candidate, zone: &TimeZone) {
    if candidate.path.len() < 2 && candidate.certainty == "possible" {
        return;
    }
    for (place, hop) in candidate.path.iter().enumerate() {
        let label = if place == 0 { "Evidence " } else { "         " };
        println!("   {label} {}", line(hop, zone));
    }
}

fn line(hop: &Hop, zone: &TimeZone) -> String {
    let ports = hop.ports.map(|p| {
        if p.low == p.high { format!(" port {}", p.low) } else { format!(" ports {}-{}", p.low, p.high) }
    });
    let time = |t: &Option<String>| {
        let at = t.as_deref().and_then(|t| t.parse::<jiff::Timestamp>().ok());
        at.map_or_else(|| "…".to_owned(), |t| t.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string())
    };
    let until = if hop.until.how == "open" { "(still open)".to_owned() } else { time(&hop.until.latest) };
    format!(
        "{:<11} {}{}  from {} until {}  [{}, record {}]",
        hop.kind,
        hop.prefix,
        ports.unwrap_or_default(),
        time(&hop.from.latest),
        until,
        hop.source,
        hop.record
    )
}

/// The first line of an explanation, without the verdict that stands before it.
fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("Refused: ").trim_start_matches("不許可：")
}

/// A folder of its own that goes away again.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, CommandError> {
        let name = format!("tadoru-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let made = std::fs::create_dir(&path);
        made.map_err(|source| CommandError::File {
            doing: "make",
            file: path.clone(),
            source: Box::new(source),
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        let _ = std::fs::remove_dir_all(path);
    }
}

/// 2026-11-22T00:00:00Z: the day of the records.
const DEMO_NOW: i64 = 1_795_305_600;

const RECORDS: [(&str, &str, &str, &[u8]); 4] = [
    ("radius-detail", "&realm=access", "detail-20261121", include_bytes!("../../demo/detail-20261121")),
    (
        "conntrack",
        "&source=cgn-tyo-1&inside_realm=access",
        "conntrack",
        include_bytes!("../../demo/conntrack.log"),
    ),
    (
        "conntrack",
        "&source=cgn-osa-2&inside_realm=access",
        "conntrack-osa",
        include_bytes!("../../demo/conntrack-osa.log"),
    ),
    ("subscribers", "", "subscribers", include_bytes!("../../demo/subscribers.csv")),
];

const SCENES: [Scene; 6] = [
    Scene {
        title: "A complaint with a port: through the carrier's NAT to one contract",
        address: "192.0.2.1:10768",
        at: "2026-11-22 04:48:56 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: "An IPv6 address: by the delegated prefix it lies in",
        address: "2001:db8:40:4021::15",
        at: "2026-11-22 04:48:40 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: "A complaint without a port: an honest \"one of these\"",
        address: "192.0.2.1",
        at: "2026-11-22 04:48:56 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: "A hole in a gateway's log",
        address: "198.51.100.9:5712",
        at: "2026-11-22 07:48:07 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: "A time past retention",
        address: "192.0.2.1:10768",
        at: "2026-04-01 10:15:03 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: "The same question as the first, for an investigation, without a warrant",
        address: "192.0.2.1:10768",
        at: "2026-11-22 04:48:56 +09:00",
        purpose: "P-CRIME",
    },
];

/// What each scene comes to: the demonstration checks itself.
const EXPECTED: [&str; 6] = ["unique", "unique", "ambiguous", "gap", "expired", "refused"];
