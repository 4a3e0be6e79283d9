//! `tadoru rehearse`: what other thresholds would have found in the recorded flows.

use std::path::Path;
use std::process::ExitCode;

use axum::body::Body;
use serde::Deserialize;
use tadoru_web::api::rehearsals::{RehearsalAnswer, RehearsalHit, RehearsalLine, RehearsalQuery};

use super::flows::{check, refuse, tell_ground};
use crate::cli::{Global, Rehearse};
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Tries settings on recorded flows.
///
/// # Errors
/// When the desk cannot be asked, the settings cannot be read, or the desk says what is wrong.
pub async fn run(global: &Global, door: &Door, rehearse: Rehearse) -> Result<ExitCode, CommandError> {
    let voice = Voice::of(global)?;
    check(&rehearse.filter, voice.lang)?;
    let query = RehearsalQuery {
        filter: rehearse.filter,
        since: rehearse.since,
        until: rehearse.until,
        detection: rehearse.detection.as_deref().map(settings).transpose()?,
        incident: rehearse.relied.incident,
        case: rehearse.relied.case,
        purpose: rehearse.relied.purpose,
        basis: rehearse.relied.basis,
        facts: rehearse.relied.facts.into_iter().collect(),
    };
    let is_compared = query.detection.is_some();
    let body = serde_json::to_vec(&query).map_err(CommandError::Shape)?;
    let mut lines = door.stream("/v1/rehearsals", Body::from(body)).await?.lines();
    let bar = print::count_bar(0, voice.say("試行", "rehearsing"));
    let mut last = None;
    while let Some(line) = lines.next().await? {
        match serde_json::from_slice(&line).map_err(CommandError::Shape)? {
            RehearsalLine::Progress(progress) => {
                bar.set_length(progress.of);
                bar.set_position(progress.read);
            }
            said => last = Some(said),
        }
    }
    bar.finish_and_clear();
    match last {
        Some(RehearsalLine::Refused(refused)) => Ok(refuse(global, voice.lang, &refused)),
        Some(RehearsalLine::Told(told)) => {
            if global.json {
                print::json(&told);
            } else {
                tell(&told, is_compared, &voice);
            }
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(CommandError::Other("the rehearsal broke off".to_owned(), None)),
    }
}

/// The section `[detection]` of a file, which may be a whole configuration.
fn settings(file: &Path) -> Result<serde_json::Value, CommandError> {
    #[derive(Deserialize)]
    struct Section {
        detection: serde_json::Value,
    }
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| CommandError::File {
        doing: "read the settings in",
        file: file.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(file).map_err(|e| failed(Box::new(e)))?;
    let section: Section = toml::from_str(&text).map_err(|e| failed(Box::new(e)))?;
    Ok(section.detection)
}

fn tell(told: &RehearsalAnswer, is_compared: bool, voice: &Voice) {
    let (count, span) = (print::number(told.flows), voice.span(told.from.as_deref(), told.until.as_deref()));
    println!("{count} {}{span}", voice.say("件の記録、", "records, "));
    let line = |ja, en, count: usize| println!("{}{}", voice.say(ja, en), print::number(count as u64));
    line("検知されたはずの事案：", "incidents that would have been told: ", told.hits.len());
    if is_compared {
        let new = told.hits.iter().filter(|hit| hit.is_new).count();
        line("うち現行設定では検知されないもの：", "of them new, not found by the settings in force: ", new);
        line(
            "現行設定では検知され、見逃されるもの：",
            "missed, found by the settings in force: ",
            told.missed.len(),
        );
    }
    if !told.hits.is_empty() {
        println!();
        table(&told.hits, is_compared, voice);
    }
    if !told.missed.is_empty() {
        println!("\n{}", voice.say("見逃されるもの", "missed"));
        table(&told.missed, false, voice);
    }
    let targets = told.hits.iter().flat_map(|hit| hit.targets.iter().flatten());
    let mut whom =
        print::table(voice.columns(&["対象", "手口", "開始", "最終"], &["target", "vector", "from", "last"]));
    whom.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    for target in targets {
        whom.add_row([
            target.target.clone(),
            target.vector.clone(),
            voice.time(target.from.as_deref()),
            voice.time(target.last.as_deref()),
        ]);
    }
    if whom.row_count() > 0 {
        println!("\n{}", voice.say("当たったはずの対象", "whom it would have hit"));
        print::show(&whom);
    }
    println!(
        "\n{}",
        voice.say(
            "率はサンプリングを掛けた推定。学習済みのしきい値は用いず、始まりの時点で続いていたものは遅れて検知される",
            "rates are estimates, scaled by the sampling; nothing that was learnt before is used; what was going on at \
             the beginning is told late"
        )
    );
    tell_ground(told.journal_index, &told.rule, told.cut_to.as_ref(), voice);
}

fn table(hits: &[RehearsalHit], is_compared: bool, voice: &Voice) {
    let mut columns = voice
        .columns(
            &["開始", "検知", "最終", "手口", "範囲", "対象", ">パケット/s", ">bit/s", ">件数"],
            &["start", "told", "last", "vector", "scope", "target", ">packets/s", ">bit/s", ">findings"],
        )
        .to_vec();
    if is_compared {
        columns.push("");
    }
    let mut table = print::table(&columns);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    for hit in hits {
        let last = if hit.is_over {
            voice.time(hit.last.as_deref())
        } else {
            voice.say("継続中", "going on").to_owned()
        };
        let mut cells = vec![
            voice.time(hit.start.as_deref()),
            voice.time(hit.told.as_deref()),
            last,
            hit.vector.clone(),
            hit.scope.clone(),
            hit.target.clone(),
            print::number(hit.peak_packets_per_s.round() as u64),
            print::number(hit.peak_bits_per_s.round() as u64),
            hit.findings.to_string(),
        ];
        if is_compared {
            cells.push(if hit.is_new { voice.say("新規", "new").to_owned() } else { String::new() });
        }
        table.add_row(cells);
    }
    print::show(&table);
}
