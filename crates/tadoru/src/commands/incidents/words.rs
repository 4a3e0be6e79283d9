//! The words, times and figures with which incidents are told.

use comfy_table::Table;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use tadoru_desk::settings::Language;
use tadoru_web::api::incidents::Sentence;
use tadoru_web::words::fixed::List;

use crate::print;

/// In which language and zone incidents are told.
pub(super) struct Words {
    pub lang: Language,
    pub zone: TimeZone,
}

impl Words {
    /// A text in the language.
    pub const fn say<'t>(&self, ja: &'t str, en: &'t str) -> &'t str {
        print::of(self.lang, ja, en)
    }

    /// A fixed word: as it is in English, where it is what scripts read too.
    pub fn word<'t>(&self, list: List, code: &'t str) -> &'t str {
        print::fixed(self.lang, list, code)
    }

    /// A sentence of the detector.
    pub fn sentence(&self, english: &str, said: &Sentence) -> String {
        match self.lang {
            Language::Ja => said.text_ja.clone(),
            Language::En => english.to_owned(),
        }
    }

    /// Sentences of the detector.
    pub fn sentences(&self, english: &[String], said: &[Sentence]) -> Vec<String> {
        english.iter().zip(said).map(|(english, said)| self.sentence(english, said)).collect()
    }

    /// A time in the operator's zone.
    pub fn time(&self, at: Option<&str>) -> String {
        instant(at).map_or_else(
            || "-".to_owned(),
            |at| at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
        )
    }

    /// A time in the operator's zone, with UTC beside it.
    pub fn time_utc(&self, at: Option<&str>) -> String {
        instant(at).map_or_else(
            || "-".to_owned(),
            |utc| format!("{} ({} UTC)", self.time(at), utc.strftime("%H:%M:%S")),
        )
    }

    /// How long it was from one instant to the other.
    pub fn lasted(&self, from: Option<&str>, until: Option<&str>) -> String {
        match (instant(from), instant(until)) {
            (Some(from), Some(until)) => {
                let whole = until.duration_since(from).round(Unit::Second);
                duration(whole.map_or(0, |whole| whole.as_secs()))
            }
            _ => "-".to_owned(),
        }
    }
}

/// The instant of an RFC 3339 text.
pub(super) fn instant(at: Option<&str>) -> Option<Timestamp> {
    at?.parse().ok()
}

/// Seconds as `1 h 4 m 12 s`; the parts that are nothing are left out.
pub(super) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}"));
    let told = told.collect::<Vec<_>>().join(" ");
    if told.is_empty() { "0 s".to_owned() } else { told }
}

/// Packets in a second.
pub(super) fn packets(rate: f64) -> String {
    print::number(rate.max(0.0).round() as u64)
}

/// Bits in a second with the decimal prefix that network people use.
pub(super) fn bits(rate: f64) -> String {
    let mut scaled = rate.max(0.0);
    for prefix in ["", "k", "M", "G", "T"] {
        if scaled < 999.95 || prefix == "T" {
            let figure = if prefix.is_empty() { format!("{scaled:.0}") } else { format!("{scaled:.1}") };
            return format!("{figure} {prefix}bit/s");
        }
        scaled /= 1000.0;
    }
    String::new()
}

/// A part of a whole.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A text filled up to so many columns; a Japanese letter takes two.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| if c >= FIRST_WIDE { 2 } else { 1 }).sum()
}

/// The lines of a table without trailing space.
pub(super) fn table_lines(table: &Table) -> impl Iterator<Item = String> {
    table.lines().map(|line| line.trim_end().to_owned())
}

/// What happened last to an incident.
pub(super) const STATES: List = &[
    ("opened", "検知", "opened"),
    ("grew", "拡大", "grew"),
    ("moved", "標的の移動", "moved"),
    ("ended", "終結", "ended"),
];

/// Which way it goes.
pub(super) const DIRECTIONS: List = &[
    ("incoming", "流入", "incoming"),
    ("outgoing", "流出", "outgoing"),
    ("inside", "網内", "inside"),
    ("passing", "通過", "passing"),
];

/// Kinds of target.
pub(super) const SCOPES: List = &[
    ("host", "ホスト", "host"),
    ("customer", "顧客", "customer"),
    ("prefix", "プレフィックス", "prefix"),
    ("interface", "インターフェース", "interface"),
    ("network", "網全体", "network"),
];

/// How sure it is.
pub(super) const SURENESS: List =
    &[("low", "低い", "low"), ("likely", "中程度", "likely"), ("sure", "確実", "sure")];

/// Whether sources can be believed.
pub(super) const VERDICTS: List = &[
    ("plausible", "もっともらしい", "plausible"),
    ("impossible-here", "ここではあり得ない", "impossible here"),
    ("randomised", "乱数で偽装", "randomised"),
    ("unverifiable", "判断不能", "unverifiable"),
];

/// Where a threshold comes from.
pub(super) const THRESHOLDS: List = &[
    ("configured", "設定値", "configured"),
    ("warming-up", "設定値（学習中）", "configured, as too little has been learnt yet"),
    ("learnt", "学習値", "learnt: what is usual at this hour of the week"),
];

/// The first letter of those that take two columns (CJK radicals, U+2E80).
const FIRST_WIDE: char = '\u{2e80}';
