//! How the commands print: aligned tables without drawing, one error form, a bar for long work.

use std::error::Error;
use std::process::ExitCode;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tadoru_desk::settings::Language;
use tadoru_web::api::shape::Refusal;
use tadoru_web::words::Lang;
use tadoru_web::words::fixed::{List, word};

use crate::cli::Global;
use crate::config::Config;
use crate::door::CommandError;

/// A table with these columns; a name that begins with `>` is of a right-aligned one.
pub fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|c| c.trim_start_matches('>').to_owned()));
    for (place, name) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(place) {
            column.set_padding((0, 2));
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table
}

/// Prints a table without trailing space.
pub fn show(table: &Table) {
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
}

/// Prints a value as JSON.
pub fn json(value: &impl serde::Serialize) {
    println!("{}", serde_json::to_string_pretty(value).unwrap_or_default());
}

/// The language of a text for people: the one that was told, else the configuration's.
///
/// # Errors
/// When the configuration cannot be read.
pub fn lang(global: &Global, told: Option<&str>) -> Result<Language, CommandError> {
    Ok(match told.or(global.lang.as_deref()) {
        Some("ja") => Language::Ja,
        Some(_) => Language::En,
        None => Config::load(global.config.as_deref())?.desk.language,
    })
}

/// In which language and zone a command speaks to people. JSON is in UTC, whoever reads it.
pub struct Voice {
    /// The language.
    pub lang: Language,
    /// The operator's zone.
    pub zone: TimeZone,
}

impl Voice {
    /// The language that was told, else the configuration's; the zone is the configuration's.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn of(global: &Global) -> Result<Self, CommandError> {
        let desk = Config::load(global.config.as_deref())?.desk;
        Ok(Self { lang: lang(global, None)?, zone: desk.time_zone() })
    }

    /// A text in the language.
    pub const fn say<'t>(&self, ja: &'t str, en: &'t str) -> &'t str {
        of(self.lang, ja, en)
    }

    /// Names of columns in the language.
    pub const fn columns<'t>(&self, ja: &'t [&'t str], en: &'t [&'t str]) -> &'t [&'t str] {
        match self.lang {
            Language::Ja => ja,
            Language::En => en,
        }
    }

    /// A fixed word in the language.
    pub fn word<'t>(&self, list: List, code: &'t str) -> &'t str {
        fixed(self.lang, list, code)
    }

    /// An instant (RFC 3339) in the operator's zone with its offset, as `2026-11-21 10:15:03 +09:00`; a fraction of a second
    /// where there is one, `-` for none, and what is no instant as it is.
    pub fn time(&self, at: Option<&str>) -> String {
        let Some(text) = at else { return "-".to_owned() };
        let zoned = text.parse::<Timestamp>().map(|at| at.to_zoned(self.zone.clone()));
        zoned.map_or_else(|_| text.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.f %:z").to_string())
    }

    /// From one instant to the other.
    pub fn span(&self, from: Option<&str>, until: Option<&str>) -> String {
        let (from, until) = (self.time(from), self.time(until));
        match self.lang {
            Language::Ja => format!("{from} から {until} まで"),
            Language::En => format!("{from} to {until}"),
        }
    }
}

/// A text in the language.
pub const fn of<'t>(lang: Language, ja: &'t str, en: &'t str) -> &'t str {
    match lang {
        Language::Ja => ja,
        Language::En => en,
    }
}

/// Texts in the language; those in English where an older desk gives no others.
pub fn of_all<'t>(lang: Language, ja: &'t [String], en: &'t [String]) -> &'t [String] {
    if lang == Language::Ja && ja.len() == en.len() { ja } else { en }
}

/// A fixed word of an answer: as it is in English, where it is what scripts read too, and by its list in Japanese.
pub fn fixed(lang: Language, list: List, code: &str) -> &str {
    match lang {
        Language::Ja => word(Lang::Ja, list, code),
        Language::En => code,
    }
}

/// Whether a command takes `--fact`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    /// What is missing can be stated by asking again.
    Stated,
    /// It has to be there already.
    Found,
}

/// Tells a refusal: why, what can be stated, who else may agree, and where it stands in the journal.
pub fn refusal(refusal: &Refusal, facts: Facts, lang: Language) {
    print!("{}", told_refusal(refusal, facts, lang));
}

fn told_refusal(refusal: &Refusal, facts: Facts, lang: Language) -> String {
    let mut told = of(lang, &refusal.explanation_ja, &refusal.explanation_en).trim_end().to_owned();
    told.push('\n');
    let stated = refusal.missing.iter().filter(|missing| missing.stated);
    let names = stated.map(|missing| missing.name.as_str()).collect::<Vec<_>>().join(", ");
    if facts == Facts::Stated && !names.is_empty() {
        told += of(lang, "手引き　　 `--fact` で申述できるもの：", "help       `--fact` states: ");
        told += &names;
        told.push('\n');
    }
    if let Some(id) = &refusal.approval_id {
        told += &match lang {
            Language::Ja => format!("手引き　　 他の人が `tadoru approve {id}` により承認できる\n"),
            Language::En => format!("help       another person may give `tadoru approve {id}`\n"),
        };
    }
    let journal = of(lang, "ジャーナル ", "journal    ");
    told + &format!("{journal}{}\n", refusal.journal_index)
}

/// A number with thousands separators.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A bar on standard error that counts bytes; nothing where standard error is no terminal.
pub fn bytes_bar(total: u64, what: &str) -> ProgressBar {
    bar(total, what, "{msg:24!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
}

/// A bar on standard error that counts things.
pub fn count_bar(total: u64, what: &str) -> ProgressBar {
    bar(total, what, "{msg:24!} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")
}

fn bar(total: u64, what: &str, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Tells an error on standard error, its chain once, in one line, and what to do.
pub fn error(error: &dyn Error, help: Option<&str>) {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    eprintln!("tadoru: {line}");
    if let Some(help) = help {
        eprintln!("\nhelp: {help}");
    }
}

/// Tells a fault; the exit code for it.
pub fn fault(fault: &dyn Error) -> ExitCode {
    error(fault, None);
    ExitCode::from(1)
}

#[cfg(test)]
mod tests;
