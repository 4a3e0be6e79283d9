//! `tadoru who`: one question, or a table of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::NumberOrText;
use tadoru_web::api::batch::{BatchAnswer, BatchHead, BatchLine, Said};
use tadoru_web::api::shape::{Answered, Candidate, Edge, Hop, Refused, WhoAnswer};
use tadoru_web::api::who::WhoRequest;
use tadoru_web::client::Upload;
use tadoru_web::words::fixed;
use tadoru_wire::tables::Fault;
use tadoru_wire::tables::complaints::{ComplaintLine, Complaints};

use super::facts;
use crate::cli::{Global, Who};
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Asks, and prints the answer.
///
/// # Errors
/// When the desk cannot be asked, or the question cannot be read.
pub async fn run(global: &Global, door: &Door, who: Who) -> Result<ExitCode, CommandError> {
    if let Some(file) = &who.batch {
        return batch(door, &who, file).await;
    }
    let request = WhoRequest {
        address: who.address.clone().unwrap_or_default(),
        port: None,
        at: who.at.clone(),
        proto: who.proto.clone(),
        to: who.to.clone(),
        skew: who.skew.clone(),
        realm: who.realm.clone(),
        case: who.ground.case.clone(),
        purpose: who.ground.purpose.clone(),
        basis: who.ground.basis.clone(),
        facts: facts(&who.ground),
        attached: None,
    };
    let answer: WhoAnswer = door.post("/v1/who", &request).await?;
    if global.json {
        print::json(&answer);
    } else {
        tell(&answer, &Voice::of(global)?);
    }
    Ok(ExitCode::from(code(answer.outcome())))
}

/// The exit code of an outcome.
pub fn code(outcome: &str) -> u8 {
    match outcome {
        "unique" | "none" | "not-ours" => 0,
        "refused" => 3,
        _ => 4,
    }
}

/// Prints an answer for people.
fn tell(answer: &WhoAnswer, voice: &Voice) {
    match answer {
        WhoAnswer::Answered(answered) => tell_answered(answered, voice),
        WhoAnswer::Refused(refused) => tell_refused(refused, voice.lang),
    }
}

fn tell_answered(answer: &Answered, voice: &Voice) {
    let lang = voice.lang;
    let say = |ja: &'static str, en: &'static str, text: &str| println!("{}{text}", print::of(lang, ja, en));
    for warning in &answer.reading.warnings {
        let likely = warning.likely.as_ref().map(|likely| match lang {
            Language::Ja => format!("（本来の時刻の可能性：{likely}）"),
            Language::En => format!(" (may be meant: {likely})"),
        });
        let message = print::of(lang, &warning.message_ja, &warning.message);
        say("注意　　　 ", "warning    ", &format!("{message}{}", likely.unwrap_or_default()));
    }
    for at in &answer.question.at {
        say("問い　　　 ", "asked      ", &format!("{}  =  {}", at.local, at.utc));
    }
    say("回答　　　 ", "outcome    ", &sentence(answer, lang));
    for (place, candidate) in answer.candidates.iter().take(MOST_SHOWN).enumerate() {
        println!();
        tell_candidate(candidate, (answer.candidates.len() > 1).then_some(place + 1), voice);
    }
    let more = answer.candidates.len().saturating_sub(MOST_SHOWN);
    match lang {
        _ if more == 0 => {}
        Language::Ja => println!("\n… ほか {more} 者。`--json` はすべてを示す"),
        Language::En => println!("\n… and {more} more; --json has all of them"),
    }
    println!();
    if !answer.narrow_by.is_empty() {
        let words = answer.narrow_by.iter().map(|code| print::fixed(lang, fixed::NARROW, code));
        let words: Vec<&str> = words.collect();
        say("決め手　　 ", "decided by ", &words.join(print::of(lang, "、", ", ")));
    }
    for note in print::of_all(lang, &answer.notes_ja, &answer.notes) {
        say("付記　　　 ", "note       ", note);
    }
    for source in answer.coverage.iter().filter(|c| c.state != "alive").take(MOST_SHOWN) {
        let open = |at: &Option<String>| at.as_deref().map_or("…".to_owned(), |at| voice.time(Some(at)));
        let (from, until) = (open(&source.from), open(&source.until));
        let (name, state) = (&source.source, print::fixed(lang, fixed::COVERAGE, &source.state));
        let why = print::of(lang, &source.why_ja, &source.why);
        match lang {
            Language::Ja => println!("記録元　　 {name} {state}　{from} から {until} まで（{why}）"),
            Language::En => println!("source     {name} was {state} from {from} until {until}: {why}"),
        }
    }
    let basis = answer.permit.basis.as_deref().unwrap_or("-");
    let permit = &answer.permit;
    let text = print::of(lang, &permit.text_ja, &permit.text_en);
    say("根拠　　　 ", "ground     ", &format!("{} ({basis}): {text}", permit.rule));
    let (decision, told) = (answer.permit.journal_index, answer.journal_index);
    match lang {
        Language::Ja => println!("ジャーナル 判断 {decision} 番、回答 {told} 番"),
        Language::En => println!("journal    decision {decision}, answer {told}"),
    }
}

/// The outcome in one sentence of fixed words, which begins with its word in the JSON.
fn sentence(answer: &Answered, lang: Language) -> String {
    let count = print::number(answer.candidates.len() as u64);
    let outcome = answer.outcome.as_str();
    let text = match (outcome, count.as_str()) {
        ("unique", _) => {
            print::of(lang, "記録が許す保持者は一者のみ", "the records leave room for one holder")
        }
        ("ambiguous", "1") => print::of(
            lang,
            "候補は一者。ただし記録は他の者の余地を残す",
            "one candidate, and the records leave room for others",
        ),
        ("ambiguous", _) => {
            return match lang {
                Language::Ja => format!("ambiguous：候補 {count} 者"),
                Language::En => format!("ambiguous: {count} candidates"),
            };
        }
        ("none", _) => print::of(
            lang,
            "その時刻の記録は揃っており、誰も挙げていない",
            "the records of that time are complete and name nobody",
        ),
        ("gap", _) => print::of(lang, "その時刻の記録が欠けている", "records of that time are missing"),
        ("expired", _) => print::of(
            lang,
            "その時刻の記録は保存期間を過ぎている",
            "records of that time are past their retention",
        ),
        ("not-ours", _) => print::of(lang, "自社のアドレスではない", "the address is not of this operator"),
        _ => return outcome.to_owned(),
    };
    let word = if outcome == "not-ours" { print::of(lang, "not-ours", "not ours") } else { outcome };
    format!("{word}{}{text}", print::of(lang, "：", ": "))
}

fn tell_candidate(candidate: &Candidate, place: Option<usize>, voice: &Voice) {
    let lang = voice.lang;
    let number = place.map(|n| format!("{n}. ")).unwrap_or_default();
    let doubts = candidate.doubts.iter().map(|code| print::fixed(lang, fixed::DOUBTS, code));
    let doubts = doubts.collect::<Vec<_>>().join(print::of(lang, "、", ", "));
    let doubts = match lang {
        _ if doubts.is_empty() => doubts,
        Language::Ja => format!("（{doubts}）"),
        Language::En => format!(" ({doubts})"),
    };
    let named_by = print::fixed(lang, fixed::NAMES, &candidate.named_by);
    let certainty = print::fixed(lang, fixed::CERTAINTIES, &candidate.certainty);
    println!("{number}{}  [{named_by}]  {certainty}{doubts}", candidate.subscriber);
    let mut table = print::table(match lang {
        Language::Ja => &["", "保持", "ポート", "開始", "終了", "記録"],
        Language::En => &["", "held", "ports", "from", "until", "record"],
    });
    for hop in &candidate.path {
        let ports = hop.ports.map_or_else(
            || print::of(lang, "全て", "all").to_owned(),
            |p| {
                if p.low == p.high { p.low.to_string() } else { format!("{}-{}", p.low, p.high) }
            },
        );
        table.add_row([
            print::fixed(lang, fixed::KINDS, &hop.kind).to_owned(),
            hop.prefix.clone(),
            ports,
            edge(&hop.from, voice),
            edge(&hop.until, voice),
            record(hop, lang),
        ]);
    }
    print::show(&table);
}

fn edge(edge: &Edge, voice: &Voice) -> String {
    let [earliest, latest] = [&edge.earliest, &edge.latest].map(|at| voice.time(at.as_deref()));
    if edge.earliest == edge.latest {
        earliest
    } else {
        format!("{earliest} … {latest} ({})", voice.word(fixed::EDGES, &edge.how))
    }
}

fn record(hop: &Hop, lang: Language) -> String {
    let corrected = match (hop.corrected_ms, lang) {
        (0, _) => String::new(),
        (ms, Language::Ja) => format!("（時計を {ms:+} ms 補正）"),
        (ms, Language::En) => format!(" (clock {ms:+} ms)"),
    };
    if hop.record == 0 {
        format!("{}{corrected}", hop.source)
    } else {
        format!("{}:{}{corrected}", hop.source, hop.record)
    }
}

fn tell_refused(refused: &Refused, lang: Language) {
    let refusal = &refused.refusal;
    let verdict = print::fixed(lang, fixed::VERDICTS, &refusal.verdict);
    println!("{}refused ({verdict})", print::of(lang, "回答　　　 ", "outcome    "));
    print::refusal(refusal, print::Facts::Stated, lang);
}

/// Asks a table of complaints; answers go to standard output, a line each, in their order.
async fn batch(door: &Door, who: &Who, file: &Path) -> Result<ExitCode, CommandError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| CommandError::File {
        doing: "read the complaints in",
        file: file.to_owned(),
        source: error,
    };
    let input = File::open(file).map_err(|e| failed(Box::new(e)))?;
    let total = count_lines(BufReader::new(&input)).map_err(|e| failed(Box::new(e)))?;
    let input = File::open(file).map_err(|e| failed(Box::new(e)))?;
    let mut complaints = Complaints::new(BufReader::new(input)).peekable();
    match complaints.peek() {
        Some(Err(fault)) => return Err(failed(fault.to_string().into())),
        None => {
            return Err(CommandError::Problem {
                status: 400,
                message: format!("no questions in `{}`", file.display()),
                help: Some(
                    "a header line with at least `address` and `time`, then a line a question".to_owned(),
                ),
            });
        }
        Some(Ok(_)) => {}
    }

    let head = BatchHead {
        case: who.ground.case.clone(),
        purpose: who.ground.purpose.clone(),
        basis: who.ground.basis.clone(),
        facts: facts(&who.ground),
        attached: None,
        skew: who.skew.clone(),
        realm: who.realm.clone(),
    };
    let (mut upload, body) = Upload::body();
    let sending = tokio::spawn(async move {
        let mut piece = serde_json::to_vec(&head).unwrap_or_default();
        piece.push(b'\n');
        for complaint in complaints {
            let line = match complaint {
                Ok(complaint) => line_of(complaint),
                Err(Fault::Defect(defect)) => BatchLine { error: Some(defect.what), ..BatchLine::default() },
                Err(Fault::Input(_)) => return upload.abort("the table cannot be read further"),
            };
            serde_json::to_writer(&mut piece, &line).unwrap_or_default();
            piece.push(b'\n');
            if piece.len() >= PIECE_BYTES && !upload.write(std::mem::take(&mut piece)).await {
                return;
            }
        }
        upload.write(piece).await;
    });

    let mut answers = door.stream("/v1/who/batch", body).await?.lines();
    let bar = print::count_bar(total.saturating_sub(1), "asking");
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut worst = 0;
    while let Some(line) = answers.next().await? {
        let said = serde_json::from_slice::<BatchAnswer>(&line).map(|a| a.said);
        let outcome = match &said {
            Ok(Said::Answer(answer)) => answer.outcome().to_owned(),
            _ => "unreadable".to_owned(),
        };
        worst = worst.max(match outcome.as_str() {
            "unreadable" => 2,
            known => rank(code(known)),
        });
        *outcomes.entry(outcome).or_default() += 1;
        let written = out.write_all(&line).and_then(|()| out.write_all(b"\n"));
        written.map_err(|e| CommandError::Other("cannot write the answers".to_owned(), Some(Box::new(e))))?;
        bar.inc(1);
    }
    out.flush().map_err(|e| CommandError::Other("cannot write the answers".to_owned(), Some(Box::new(e))))?;
    bar.finish_and_clear();
    let _ = sending.await;
    let told: Vec<String> = outcomes.iter().map(|(o, n)| format!("{o} {}", print::number(*n))).collect();
    eprintln!("{} asked: {}", print::number(outcomes.values().sum()), told.join(", "));
    Ok(ExitCode::from([0, 4, 2, 3].get(worst).copied().unwrap_or(1)))
}

/// How much an exit code weighs where several lines have several.
const fn rank(code: u8) -> usize {
    match code {
        0 => 0,
        4 => 1,
        2 => 2,
        _ => 3,
    }
}

fn line_of(complaint: ComplaintLine) -> BatchLine {
    let reference = complaint.reference.map(NumberOrText::Text);
    match complaint.question {
        Err(defect) => BatchLine { reference, error: Some(defect.what), ..BatchLine::default() },
        Ok(question) => BatchLine {
            address: Some(question.address),
            port: question.port.map(NumberOrText::Text),
            time: Some(NumberOrText::Text(question.time)),
            proto: question.proto.map(NumberOrText::Text),
            dst_address: question.dst_address,
            dst_port: question.dst_port.map(NumberOrText::Text),
            reference,
            error: None,
        },
    }
}

/// How many line ends there are, for the bar.
fn count_lines(mut input: impl BufRead) -> std::io::Result<u64> {
    let mut count = 0;
    loop {
        let piece = input.fill_buf()?;
        if piece.is_empty() {
            return Ok(count);
        }
        count += piece.iter().filter(|b| **b == b'\n').count() as u64;
        let n = piece.len();
        input.consume(n);
    }
}

/// Candidates and sources printed at most; `--json` has all.
const MOST_SHOWN: usize = 10;
/// Bytes sent at a time.
const PIECE_BYTES: usize = 64 << 10;
