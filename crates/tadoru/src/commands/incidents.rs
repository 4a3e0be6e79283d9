//! `tadoru incidents` and `tadoru incident show`: which attacks and scans are on file, and one of them in full.

use std::process::ExitCode;

use jiff::tz::TimeZone;
use tadoru_desk::settings::Language;
use tadoru_web::api::incidents::{IncidentAnswer, IncidentList, IncidentRefused, IncidentsAnswer};

use crate::cli::{Global, IncidentShow, Incidents};
use crate::commands::query;
use crate::config::Config;
use crate::door::{CommandError, Door};
use crate::print;

mod page;
mod words;

#[cfg(test)]
mod tests;

use self::words::Words;

/// Lists the incidents on file.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn list(global: &Global, door: &Door, wanted: Incidents) -> Result<ExitCode, CommandError> {
    let words = words(global, wanted.lang.as_deref())?;
    let which = match (wanted.open, wanted.ended) {
        (true, _) => "open",
        (_, true) => "ended",
        _ => "all",
    };
    let since = wanted.since.map(|since| format!("&since={}", query(&since))).unwrap_or_default();
    let answer: IncidentsAnswer = door.get(&format!("/v1/incidents?which={which}{since}")).await?;
    if global.json {
        print::json(&answer);
    }
    match answer {
        IncidentsAnswer::Refused(refused) => Ok(refuse(global, &words, &refused)),
        IncidentsAnswer::Listed(list) => {
            if !global.json {
                listed(&words, &list).iter().for_each(|line| println!("{line}"));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Shows one incident in full.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn show(global: &Global, door: &Door, wanted: IncidentShow) -> Result<ExitCode, CommandError> {
    let words = words(global, wanted.lang.as_deref())?;
    let case = wanted.case.map(|case| format!("?case={}", query(&case))).unwrap_or_default();
    let answer: IncidentAnswer = door.get(&format!("/v1/incidents/{}{case}", query(&wanted.id))).await?;
    if global.json {
        print::json(&answer);
    }
    match answer {
        IncidentAnswer::Refused(refused) => Ok(refuse(global, &words, &refused)),
        IncidentAnswer::Told(told) => {
            if !global.json {
                page::lines(&words, &told).iter().for_each(|line| println!("{line}"));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn words(global: &Global, lang: Option<&str>) -> Result<Words, CommandError> {
    let zone: TimeZone = Config::load(global.config.as_deref())?.desk.time_zone();
    Ok(Words { lang: print::lang(global, lang)?, zone })
}

fn refuse(global: &Global, words: &Words, refused: &IncidentRefused) -> ExitCode {
    if !global.json {
        print::refusal(&refused.refusal, print::Facts::Found, words.lang);
    }
    ExitCode::from(3)
}

/// The list as lines.
fn listed(words: &Words, list: &IncidentList) -> Vec<String> {
    let mut lines = Vec::new();
    if list.incidents.is_empty() {
        lines.push(
            words
                .say(
                    "該当する事案はありません。`tadoru serve`（設定 [sources.flows]）がフローを受け取り、[detection] のしきい値で検知したものがここに並びます。",
                    "no such incident on file: `tadoru serve` with [sources.flows] files what goes over the thresholds of [detection]",
                )
                .to_owned(),
        );
    } else {
        let columns: [(&str, &str); 11] = [
            ("ID", "id"),
            ("状態", "state"),
            ("手口", "vector"),
            ("向き", "direction"),
            ("対象の種類", "scope"),
            ("対象", "target"),
            ("開始", "start"),
            (">継続時間", ">lasted"),
            (">最大 packets/s", ">peak packets/s"),
            (">最大の速度", ">peak rate"),
            ("確からしさ", "sure"),
        ];
        let mut table = print::table(&columns.map(|(ja, en)| words.say(ja, en)));
        // A line is never cut: its first column is what the next command takes.
        table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        for one in &list.incidents {
            let brief = &one.brief;
            let target = if one.target.is_empty() { "-" } else { &one.target };
            table.add_row([
                brief.id.clone(),
                words.word(words::STATES, &brief.state).to_owned(),
                brief.vector.clone(),
                words.word(words::DIRECTIONS, &brief.direction).to_owned(),
                words.word(words::SCOPES, &brief.scope).to_owned(),
                words.word(words::SCOPES, target).to_owned(),
                words.time(brief.start.as_deref()),
                words.lasted(brief.start.as_deref(), brief.last.as_deref()),
                words::packets(brief.peak.packets_per_s),
                words::bits(brief.peak.bits_per_s),
                words.word(words::SURENESS, &brief.sure).to_owned(),
            ]);
        }
        lines.extend(words::table_lines(&table));
        lines.push(String::new());
    }
    let (told, of) = (print::number(list.incidents.len() as u64), print::number(list.of));
    lines.push(match words.lang {
        Language::Ja => {
            format!("{of} 件中 {told} 件。{} による。ジャーナル {}", list.rule, list.journal_index)
        }
        Language::En => format!("{told} of {of} incidents, by {}; journal {}", list.rule, list.journal_index),
    });
    lines
}
