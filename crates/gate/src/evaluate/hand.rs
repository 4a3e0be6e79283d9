//! The facts on hand, read against what the pack declares.
//!
//! What comes in: the facts of a wish. What goes out: which of them count, a bit each, and the values that limits are
//! put on; or why the wish cannot be judged at all. It never shows a value.

use jiff::Timestamp;
use tadoru_model::{PersonId, Role};

use super::{Ask, EMERGENCY, needs};
use crate::{
    pack::{Conditions, FactDecl, FactKind, Limit, Pack, form::FactFrom},
    request::{Fact, FactOrigin, Need},
};

/// What is on hand for a wish.
pub(super) struct Hand<'a> {
    held: u128,
    values: Vec<(u8, Value)>,
    at_us: i64,
    /// Whether an emergency is declared.
    pub(super) emergency: bool,
    /// Facts that were stated by somebody who may not: they count for nothing.
    pub(super) not_theirs: u128,
    /// Who has agreed.
    pub(super) approvals: &'a [(PersonId, Vec<Role>)],
}

/// A value that limits are put on.
#[derive(Clone, Copy)]
enum Value {
    Number(f64),
    /// First and last microsecond that the date may mean.
    Date(i64, i64),
}

impl<'a> Hand<'a> {
    /// Reads the facts; the needs say what is wrong with those that cannot be read.
    pub(super) fn read(
        pack: &Pack,
        ask: &Ask,
        approvals: &'a [(PersonId, Vec<Role>)],
    ) -> Result<Self, Vec<Need>> {
        let mut hand =
            Self { held: 0, values: Vec::new(), at_us: ask.at.0, emergency: false, not_theirs: 0, approvals };
        let mut faults = Vec::new();
        for (name, fact) in ask.facts.iter() {
            let Some((number, decl)) = pack.fact_number(name).zip(pack.fact(name)) else {
                faults.push(needs::unknown_fact(name));
                continue;
            };
            match hand.take(number, decl, fact) {
                Ok(()) => hand.emergency |= name == EMERGENCY && hand.held & (1 << number) != 0,
                Err(need) => faults.push(need),
            }
        }
        if faults.is_empty() { Ok(hand) } else { Err(faults) }
    }

    /// Whether all of it is so, within its limits.
    pub(super) fn holds(&self, conditions: &Conditions) -> bool {
        self.lacking(conditions) == 0
            && conditions.limits.iter().all(|(number, limit)| self.within(*number, *limit))
    }

    /// The facts of it that are not on hand.
    pub(super) fn lacking(&self, conditions: &Conditions) -> u128 {
        conditions.facts & !self.held
    }

    /// Whether any fact of it is on hand.
    pub(super) fn touches(&self, conditions: &Conditions) -> bool {
        conditions.facts & self.held != 0
    }

    /// Whether the value of a fact is within a limit; a value that is not on hand is not.
    pub(super) fn within(&self, number: u8, limit: Limit) -> bool {
        let day = |days: u32| i64::from(days).saturating_mul(DAY_US);
        let value = self.values.iter().find(|(n, _)| *n == number).map(|(_, value)| *value);
        match (value, limit) {
            (Some(Value::Number(n)), Limit::AtMost(most)) => n <= most,
            (Some(Value::Number(n)), Limit::AtLeast(least)) => n >= least,
            (Some(Value::Date(first, last)), Limit::AheadDays(days)) => {
                first > self.at_us && last <= self.at_us.saturating_add(day(days))
            }
            (Some(Value::Date(first, _)), Limit::PastDays(days)) => {
                first <= self.at_us && first >= self.at_us.saturating_sub(day(days))
            }
            _ => false,
        }
    }

    fn take(&mut self, number: u8, decl: &FactDecl, fact: &Fact) -> Result<(), Need> {
        if let FactOrigin::Stated(_, roles) = &fact.from {
            if decl.from == FactFrom::Derived {
                return Err(needs::not_by_hand(decl));
            }
            if !roles.iter().any(|role| decl.by.contains(role)) {
                self.not_theirs |= 1 << number;
                return Ok(());
            }
        }
        let text = fact.value.trim();
        let held = match decl.kind {
            FactKind::Yes if matches!(text, "yes" | "true") => true,
            FactKind::Yes if matches!(text, "no" | "false") => false,
            FactKind::Yes => return Err(needs::not_of_kind(decl)),
            FactKind::Text if text.len() > MAX_TEXT => return Err(needs::not_of_kind(decl)),
            FactKind::Text => !text.is_empty(),
            FactKind::Number => {
                let value = text.parse().ok().filter(|n: &f64| n.is_finite());
                self.values.push((number, Value::Number(value.ok_or_else(|| needs::not_of_kind(decl))?)));
                true
            }
            FactKind::Date => {
                self.values.push((number, date(text).ok_or_else(|| needs::not_of_kind(decl))?));
                true
            }
        };
        self.held |= u128::from(held) << number;
        Ok(())
    }
}

/// A civil date means any instant of that day anywhere, so that a limit is kept however it is read.
fn date(text: &str) -> Option<Value> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(Value::Date(instant.as_microsecond(), instant.as_microsecond()));
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    let start = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
    Some(Value::Date(start, start.saturating_add(DAY_US - 1)))
}

const DAY_US: i64 = 86_400_000_000;
const MAX_TEXT: usize = 4096;
