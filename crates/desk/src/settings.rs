//! The desk's settings: whose addresses these are, and how times are read and shown.

use serde::{Deserialize, Serialize};
use tadoru_model::Prefix;

/// Settings of the desk, section `[desk]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Name of the operator, as letters and the journal's origin show it.
    pub operator: String,
    /// The operator's zone, by its name in the time-zone database.
    pub zone: String,
    /// The operator's address space. Empty: what the records speak of.
    pub own_prefixes: Vec<Prefix>,
    /// Another holder so near the told time leaves room for doubt, whatever skew is told, milliseconds.
    pub guard_ms: u32,
    /// Language of texts that name no other.
    pub language: Language,
    /// Whether a copy of the flows is wanted to find unknown command servers (JP-050); the rules ask for two agreements.
    pub c2_copy: bool,
}

/// A language that Tadoru speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            operator: "example.net".to_owned(),
            zone: "Asia/Tokyo".to_owned(),
            own_prefixes: Vec::new(),
            guard_ms: 1000,
            language: Language::En,
            c2_copy: false,
        }
    }
}

impl Settings {
    /// The operator's zone; UTC where the name is not known (the configuration check refuses such a name).
    pub fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}
