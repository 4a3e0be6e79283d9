//! `tadoru coverage`: when each source was alive, and how its clock goes.

use std::process::ExitCode;

use tadoru_web::api::coverage::Coverage;

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
    let mut table = print::table(&["source", "kind", "realm", "from", "until", "state", "why"]);
    let or_dash = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".to_owned());
    for span in &coverage.spans {
        let realm = if span.realm.is_empty() { "-" } else { &span.realm };
        table.add_row([
            span.source.clone(),
            span.kind.clone(),
            realm.to_owned(),
            or_dash(&span.from),
            or_dash(&span.until),
            span.state.clone(),
            span.why.clone(),
        ]);
    }
    print::show(&table);
    let wrong: Vec<_> = coverage.clocks.iter().filter(|c| c.lead_us > 1_000_000).collect();
    for clock in wrong {
        let ahead = clock.lead_us / 1_000_000;
        println!("clock of {} is ahead by {ahead} s or more on {}", clock.source, or_dash(&clock.day));
    }
    Ok(ExitCode::SUCCESS)
}
