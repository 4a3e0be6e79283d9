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
use tadoru_web::words::fixed::{COVERAGE, KINDS, NARROW};

use crate::cli::{DemoStory, Global};
use crate::config::Config;
use crate::door::{CommandError, Door};
use crate::embedded::journal_folder;
use crate::print::{self, Voice};

/// One scene: a question and what it shows.
struct Scene {
    /// In Japanese, in English.
    title: [&'static str; 2],
    address: &'static str,
    at: &'static str,
    purpose: &'static str,
}

mod flood;
mod serve;

/// Plays the main job, or another story.
///
/// # Errors
/// When the installation cannot be made, or a scene does not come out.
pub async fn run(
    global: &Global,
    story: Option<DemoStory>,
    serve: bool,
    lang: Language,
) -> Result<ExitCode, CommandError> {
    match story {
        None if serve => serve::run(lang).await,
        Some(_) if serve => {
            Err(CommandError::Other("a story is told in the terminal, without `--serve`".to_owned(), None))
        }
        None => main_job(lang).await,
        Some(DemoStory::Flood) => flood::run(lang, global.json).await,
    }
}

/// Plays the six scenes and verifies the journal.
async fn main_job(lang: Language) -> Result<ExitCode, CommandError> {
    let folder = Folder::new()?;
    let config = Config::default();
    let clock = FixedClock(UtcMicros::from_seconds(DEMO_NOW));
    let door = Door::in_process(&folder.0, &config, Arc::new(clock)).await?;
    let voice = Voice { lang, zone: config.desk.time_zone() };
    let say = |ja: &'static str, en: &'static str| print::of(lang, ja, en);
    println!(
        "{}",
        say(
            "Tadoru 追跡窓口：「このアドレス、この時刻」から、法に適い証拠を備えた回答へ。",
            "Tadoru, the trace desk: \"this address, at this time\" into a lawful, evidenced answer."
        )
    );
    println!(
        "{}\n",
        say(
            "小さなアクセス網の記録（RADIUS、NAT 装置二台）。いずれも実際のプログラムが書いたもの：",
            "Records of a small access network (RADIUS, two NAT gateways), as real programs wrote them:"
        )
    );
    for (format, options, name, bytes) in RECORDS {
        let path = format!("/v1/import?format={format}&name={name}{options}");
        let imported: Imported = door.post_stream(&path, Body::from(bytes)).await?;
        let (kept, entry) = (imported.kept, imported.journal_index);
        match lang {
            Language::Ja => println!("  {format:<14} {name:<18} {kept:>5} 件を保存、ジャーナル {entry} 番"),
            Language::En => {
                println!("  {format:<14} {name:<18} {kept:>5} records kept, journal entry {entry}")
            }
        }
    }
    let mut told = 0;
    for (number, scene) in SCENES.iter().enumerate() {
        let answer = ask(&door, scene).await?;
        let Scene { title: [ja, en], address, at, purpose } = scene;
        println!("\n{}. {}", number + 1, say(ja, en));
        match lang {
            Language::Ja => println!("   {at} に {address} を使っていたのは誰か。（目的 {purpose}）"),
            Language::En => println!("   Who had {address} at {at}?   (purpose {purpose})"),
        }
        match &answer {
            WhoAnswer::Answered(answered) => tell(answered, &voice),
            WhoAnswer::Refused(refused) => {
                let refusal = &refused.refusal;
                let why = print::of(lang, &refusal.explanation_ja, &refusal.explanation_en);
                println!("{}{}", say("   回答       不許可。", "   Answer    refused. "), first_line(why));
                let entry = refusal.journal_index;
                match lang {
                    Language::Ja => println!("   ジャーナル {entry} 番：不許可を、規則・人・目的とともに"),
                    Language::En => {
                        println!("   Journal   entry {entry}: the refusal, by rule, person and purpose")
                    }
                }
            }
        }
        told += usize::from(answer.outcome() == EXPECTED.get(number).copied().unwrap_or_default());
    }
    drop(door);
    let journal = journal_folder(&folder.0);
    let unread = |e| CommandError::Other("cannot read the journal's key".to_owned(), Some(Box::new(e) as _));
    let report = verify(&journal, &verifier_of(&journal).map_err(unread)?, None);
    let (size, is_sound) = (report.size, report.is_sound());
    match lang {
        Language::Ja => println!(
            "\nジャーナルは {size} 件、検証は{}：すべての問い・判断・開封を残し、アドレスは平文で残さない。",
            if is_sound { "成立" } else { "不成立" }
        ),
        Language::En => println!(
            "\nThe journal holds {size} entries and {}: every question, decision and opening, no address in the clear.",
            if is_sound { "verifies" } else { "does NOT verify" }
        ),
    }
    println!(
        "{}",
        say(
            "次は `tadoru import --help`、`tadoru who --help`。手元の記録は ./tadoru-data に保存される。",
            "Next: `tadoru import --help`, `tadoru who --help`. The same with your own records keeps them in ./tadoru-data."
        )
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

fn tell(answer: &Answered, voice: &Voice) {
    let Voice { lang, zone } = voice;
    let lang = *lang;
    let say = |ja: &'static str, en: &'static str| print::of(lang, ja, en);
    println!("{}{}", say("   回答       ", "   Answer    "), sentence(answer, lang));
    for candidate in answer.candidates.iter().take(1) {
        evidence(candidate, zone, lang);
    }
    for source in answer.coverage.iter().filter(|c| c.state != "alive").take(1) {
        let open = |at: &Option<String>| at.as_deref().map_or("…".to_owned(), |at| voice.time(Some(at)));
        let (from, until) = (open(&source.from), open(&source.until));
        let (name, state) = (&source.source, voice.word(COVERAGE, &source.state));
        let why = voice.say(&source.why_ja, &source.why);
        match lang {
            Language::Ja => println!("   証拠       {name} {state}　{from} から {until} まで（{why}）"),
            Language::En => println!("   Evidence  {name} {state} from {from} until {until}: {why}"),
        }
    }
    if !answer.narrow_by.is_empty() {
        let words = answer.narrow_by.iter().map(|code| voice.word(NARROW, code)).collect::<Vec<_>>();
        println!("{}{}", say("   決め手     ", "   Decided by  "), words.join(say("、", ", ")));
    }
    let basis = answer.permit.basis.as_deref().unwrap_or("-");
    let permit = &answer.permit;
    let text = print::of(lang, &permit.text_ja, &permit.text_en);
    println!("{}{} ({basis}) {text}", say("   根拠       ", "   Ground    "), permit.rule);
    let (decision, told) = (answer.permit.journal_index, answer.journal_index);
    match lang {
        Language::Ja => println!("   ジャーナル 判断は {decision} 番、回答は {told} 番"),
        Language::En => println!("   Journal   entry {decision} the decision, entry {told} the answer"),
    }
}

fn sentence(answer: &Answered, lang: Language) -> String {
    let count = print::number(answer.candidates.len() as u64);
    let holder = answer.candidates.first().map(|c| c.subscriber.as_str()).unwrap_or_default();
    match (answer.outcome.as_str(), lang) {
        ("unique", Language::Ja) => {
            format!("一意：契約 {holder}。契約者本人は封印されたまま。開封は別の手続きによる。")
        }
        ("unique", Language::En) => format!(
            "unique: contract {holder}. The person behind it stays sealed; opening is a step of its own."
        ),
        ("ambiguous", Language::Ja) => {
            format!("特定不能：{count} 回線が共用していた。Tadoru はそのいずれとも名指ししない。")
        }
        ("ambiguous", Language::En) => {
            format!("ambiguous: {count} lines shared it. Tadoru names none of them as the one.")
        }
        ("gap", Language::Ja) => {
            "欠落：その時刻の装置の記録がない。記録がないことは、誰も使っていなかったことではない。"
                .to_owned()
        }
        ("gap", Language::En) => {
            "gap: the log of that gateway is missing for that time. No record is not the same as nobody."
                .to_owned()
        }
        ("expired", Language::Ja) => "期限経過：その時刻の記録は保存期間の 180 日を過ぎている。".to_owned(),
        ("expired", Language::En) => {
            "expired: records of that time were past their retention of 180 days.".to_owned()
        }
        (other, _) => other.to_owned(),
    }
}

/// The way back, hop by hop.
fn evidence(candidate: &Candidate, zone: &TimeZone, lang: Language) {
    if candidate.path.len() < 2 && candidate.certainty == "possible" {
        return;
    }
    for (place, hop) in candidate.path.iter().enumerate() {
        let label = if place == 0 { print::of(lang, "証拠      ", "Evidence ") } else { "         " };
        println!("   {label} {}", line(hop, zone, lang));
    }
}

fn line(hop: &Hop, zone: &TimeZone, lang: Language) -> String {
    let ports = hop.ports.map(|p| match (p.low == p.high, lang) {
        (true, Language::Ja) => format!(" ポート {}", p.low),
        (true, Language::En) => format!(" port {}", p.low),
        (false, Language::Ja) => format!(" ポート {}-{}", p.low, p.high),
        (false, Language::En) => format!(" ports {}-{}", p.low, p.high),
    });
    let time = |t: &Option<String>| {
        let at = t.as_deref().and_then(|t| t.parse::<jiff::Timestamp>().ok());
        at.map_or_else(|| "…".to_owned(), |t| t.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string())
    };
    let open = hop.until.how == "open";
    let until =
        if open { print::of(lang, "継続中", "(still open)").to_owned() } else { time(&hop.until.latest) };
    let (from, ports) = (time(&hop.from.latest), ports.unwrap_or_default());
    let Hop { prefix, source, record, .. } = hop;
    let kind = print::fixed(lang, KINDS, &hop.kind);
    match lang {
        Language::Ja => {
            // A Japanese word is twice as wide as its letters.
            let gap = "　".repeat(6_usize.saturating_sub(kind.chars().count()));
            format!("{kind}{gap}{prefix}{ports}　{from} から {until}　［{source}、記録 {record}］")
        }
        Language::En => {
            format!("{kind:<11} {prefix}{ports}  from {from} until {until}  [{source}, record {record}]")
        }
    }
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
        title: [
            "ポートのある申告：事業者の NAT をさかのぼって一つの契約へ",
            "A complaint with a port: through the carrier's NAT to one contract",
        ],
        address: "192.0.2.1:10768",
        at: "2026-11-22 04:48:56 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: [
            "IPv6 アドレス：含まれる委譲プレフィックスから",
            "An IPv6 address: by the delegated prefix it lies in",
        ],
        address: "2001:db8:40:4021::15",
        at: "2026-11-22 04:48:40 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: [
            "ポートのない申告：「このうちのいずれか」と正直に",
            "A complaint without a port: an honest \"one of these\"",
        ],
        address: "192.0.2.1",
        at: "2026-11-22 04:48:56 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: ["装置の記録の欠落", "A hole in a gateway's log"],
        address: "198.51.100.9:5712",
        at: "2026-11-22 07:48:07 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: ["保存期間を過ぎた時刻", "A time past retention"],
        address: "192.0.2.1:10768",
        at: "2026-04-01 10:15:03 +09:00",
        purpose: "P-CLEAN",
    },
    Scene {
        title: [
            "最初と同じ問いを、捜査のため、令状なしに",
            "The same question as the first, for an investigation, without a warrant",
        ],
        address: "192.0.2.1:10768",
        at: "2026-11-22 04:48:56 +09:00",
        purpose: "P-CRIME",
    },
];

/// What each scene comes to: the demonstration checks itself.
const EXPECTED: [&str; 6] = ["unique", "unique", "ambiguous", "gap", "expired", "refused"];
