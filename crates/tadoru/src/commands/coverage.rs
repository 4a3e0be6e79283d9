//! `tadoru coverage`: when each source was alive, and how its clock goes.

use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::coverage::Coverage;
use tadoru_web::words::fixed;

use crate::cli::Global;
use crate::door::{CommandError, Door};
use crate::print;

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
    if coverage.spans.is_empty() {
        println!("no source is on record; `tadoru import` or `tadoru serve` brings records in");
        return Ok(ExitCode::SUCCESS);
    }
    let lang = print::lang(global, None)?;
    let mut table = print::table(match lang {
        Language::Ja => &["記録元", "種類", "空間", "開始", "終了", "状態", "理由"],
        Language::En => &["source", "kind", "realm", "from", "until", "state", "why"],
    });
    let or_dash = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".to_owned());
    for span in &coverage.spans {
        let realm = if span.realm.is_empty() { "-" } else { &span.realm };
        table.add_row([
            span.source.clone(),
            print::fixed(lang, fixed::KINDS, &span.kind).to_owned(),
            realm.to_owned(),
            or_dash(&span.from),
            or_dash(&span.until),
            print::fixed(lang, fixed::COVERAGE, &span.state).to_owned(),
            print::of(lang, &span.why_ja, &span.why).to_owned(),
        ]);
    }
    print::show(&table);
    let wrong: Vec<_> = coverage.clocks.iter().filter(|c| c.lead_us > 1_000_000).collect();
    for clock in wrong {
        let ahead = clock.lead_us / 1_000_000;
        let (source, day) = (&clock.source, or_dash(&clock.day));
        match lang {
            Language::Ja => println!("{source} の時計は {day} に {ahead} 秒以上進んでいた"),
            Language::En => println!("clock of {source} is ahead by {ahead} s or more on {day}"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
