//! Retention classes: how long what comes of a rule is kept, and how far the operator may set it.
//!
//! What comes in: the classes of a pack and the operator's settings. What goes out: the period in force. It never
//! lets a setting pass the pack's maximum, nor a longer period than the default without a written reason.
//!
//! Law table, section 4.

use serde::{Deserialize, Serialize};

/// A retention class of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionClass {
    /// Its id.
    pub id: String,
    /// From when the period runs.
    pub counts_from: CountsFrom,
    /// The period that the pack sets.
    pub default: Keep,
    /// The longest that the operator may set.
    #[serde(default)]
    pub max: Option<Keep>,
    /// What it is, in Japanese.
    pub text_ja: String,
    /// What it is, in English.
    pub text_en: String,
    /// What the operator has set, with the written reason.
    #[serde(skip)]
    pub set: Option<(Keep, String)>,
}

/// From when a retention period runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountsFrom {
    /// The record's own time.
    Record,
    /// The end of the session.
    Session,
    /// The closing of the case.
    CaseClosed,
    /// The end of the contract.
    ContractEnded,
    /// The answer to the request.
    Answered,
    /// The end of the dispute over the bill.
    BillSettled,
    /// The end that the thing itself names.
    OwnExpiry,
}

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// For so many seconds; 0: not at all.
    Seconds(u64),
    /// Without an end.
    Unlimited,
}

/// What the operator sets for a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSetting {
    /// The class.
    pub class: String,
    /// How long, such as `365 d`.
    pub keep: Keep,
    /// Why, in writing; needed for more than the default.
    #[serde(default)]
    pub reason: String,
}

impl RetentionClass {
    /// The period in force.
    pub fn keep(&self) -> Keep {
        self.set.as_ref().map_or(self.default, |(keep, _)| *keep)
    }

    /// Takes a setting of the operator.
    pub(super) fn set(&mut self, setting: &RetentionSetting) -> Result<(), RetentionError> {
        if setting.keep > self.max.unwrap_or(self.default) {
            return Err(RetentionError::OverMaximum);
        }
        if setting.keep > self.default && setting.reason.trim().is_empty() {
            return Err(RetentionError::NoReason);
        }
        self.set = Some((setting.keep, setting.reason.clone()));
        Ok(())
    }
}

impl Keep {
    /// The period that is written `none`, `unlimited` or a number with `min`, `h`, `d` or `y` (365 days).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => return Some(Self::Seconds(0)),
            "unlimited" => return Some(Self::Unlimited),
            _ => {}
        }
        let (number, unit) = text.split_once(' ')?;
        let seconds = match unit {
            "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "y" => 365 * 86_400,
            _ => return None,
        };
        let number: u32 = number.parse().ok()?;
        Some(Self::Seconds(u64::from(number) * seconds))
    }
}

impl std::fmt::Display for Keep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Seconds(seconds) = *self else { return f.write_str("unlimited") };
        let whole = |unit: u64| seconds >= unit && seconds.is_multiple_of(unit);
        match seconds {
            0 => f.write_str("none"),
            s if whole(365 * 86_400) => write!(f, "{} y", s / (365 * 86_400)),
            s if whole(86_400) => write!(f, "{} d", s / 86_400),
            s if whole(3_600) => write!(f, "{} h", s / 3_600),
            s => write!(f, "{} min", s / 60),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(
                "a period is `none`, `unlimited` or a number with `min`, `h`, `d` or `y`",
            )
        })
    }
}

/// Why a setting was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// Longer than the pack allows.
    #[error("period is longer than the pack allows")]
    OverMaximum,
    /// Longer than the default, and nobody says why.
    #[error("a period longer than the default needs a written reason")]
    NoReason,
}
