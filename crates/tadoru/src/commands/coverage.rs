//! `tadoru coverage`: when each source was alive, and how its clock goes.

use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::coverage::Coverage;
use tadoru_web::words::fixed;

use crate::cli::Global;
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Prints the calendar.
///
/// # Errors
/// When the desk cannot be asked.
pub async fn run(global: &Global, door: &Door) -> Result<ExitCode, CommandError> {
    let coverage: Coverage = door.get("/v1/coverage").await?;
    if global.json {
        print::json(&coverage);
        return Ok(ExitCode::SUCCESS);
    }
    let voice = Voice::of(global)?;
    let lang = voice.lang;
    if coverage.spans.is_empty() {
        println!(
            "{}",
            voice.say(
                "記録元はまだない。`tadoru import` か `tadoru serve` が記録を取り込む",
                "no source is on record; `tadoru import` or `tadoru serve` brings records in"
            )
        );
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(match lang {
        Language::Ja => &["記録元", "種類", "空間", "開始", "終了", "状態", "理由"],
        Language::En => &["source", "kind", "realm", "from", "until", "state", "why"],
    });
    for span in &coverage.spans {
        let realm = if span.realm.is_empty() { "-" } else { &span.realm };
        table.add_row([
            span.source.clone(),
            print::fixed(lang, fixed::KINDS, &span.kind).to_owned(),
            realm.to_owned(),
            voice.time(span.from.as_deref()),
            voice.time(span.until.as_deref()),
            print::fixed(lang, fixed::COVERAGE, &span.state).to_owned(),
            print::of(lang, &span.why_ja, &span.why).to_owned(),
        ]);
    }
    print::show(&table);
    let wrong: Vec<_> = coverage.clocks.iter().filter(|c| c.lead_us > 1_000_000).collect();
    for clock in wrong {
        let ahead = clock.lead_us / 1_000_000;
        let (source, day) = (&clock.source, clock.day.as_deref().unwrap_or("-"));
        match lang {
            Language::Ja => println!("{source} の時計は {day} に {ahead} 秒以上進んでいた"),
            Language::En => println!("clock of {source} is ahead by {ahead} s or more on {day}"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
