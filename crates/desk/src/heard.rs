//! When the sources of an import were alive, from the records themselves.
//!
//! A file covers the time from its first record to its last. A silence in it that is far out of the ordinary is taken
//! as a hole in the log, not as an hour in which nothing happened: no record and no log are different answers.

use std::collections::{BTreeMap, BTreeSet};

use tadoru_model::observation::{LeaseState, Observation, Observed, When};
use tadoru_model::{CoverageSpan, CoverageState, Prefix, Realm, RecordKind, SourceName, Span, UtcMicros};

/// Listens to observations and says when their sources were alive.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    sources: BTreeMap<(SourceName, RecordKind, Realm), Ear>,
}

#[derive(Debug)]
struct Ear {
    first: UtcMicros,
    last: UtcMicros,
    records: u64,
    /// The longest silences, as (length, beginning).
    silences: BTreeSet<(i64, UtcMicros)>,
    prefixes: BTreeSet<Prefix>,
}

impl Heard {
    /// Takes note of one observation.
    pub(crate) fn note(&mut self, observation: &Observation) {
        let Observation { source, realm, what, .. } = observation;
        match what {
            Observed::Session(event) => {
                let shared = event.ports.iter().map(|(addr, _)| Prefix::host(*addr));
                let prefixes = event.holds.iter().copied().chain(shared);
                self.at(source, RecordKind::Session, realm, instant(event.when), prefixes);
            }
            Observed::DeviceRestart(when) => {
                self.at(source, RecordKind::Session, realm, instant(*when), std::iter::empty());
            }
            Observed::Lease(event) => {
                let at = match event.state {
                    LeaseState::Active => Some(event.since),
                    LeaseState::Released => event.expires,
                    LeaseState::Expired | LeaseState::Declined => None,
                };
                self.at(source, RecordKind::Lease, realm, at, std::iter::once(event.prefix));
            }
            Observed::Nat(event) => {
                let outside = std::iter::once(Prefix::host(event.outside));
                self.at(source, RecordKind::NatBlock, realm, instant(event.when), outside);
            }
            Observed::Row(row) if row.kind.translates() && row.kind != RecordKind::Rule => {
                // Written when it ended, it tells of the time since it began too.
                self.began(source, RecordKind::NatBlock, realm, row.from.earliest);
                let outside = std::iter::once(row.prefix);
                self.at(source, RecordKind::NatBlock, realm, Some(row.until.earliest), outside);
            }
            Observed::Row(row) => {
                // An end that nobody noted says nothing of the time after.
                let until =
                    if row.until.how.is_open() { row.until.earliest.plus(1) } else { row.until.latest };
                self.table(source, row.kind, realm, row.prefix, Span::new(row.from.earliest, until));
            }
            Observed::Coverage(_) => {}
        }
    }

    /// What the sources covered. `before` are the spans already on record: a log that goes on where the last import
    /// ended is one log.
    pub(crate) fn spans(self, before: &[CoverageSpan]) -> Vec<CoverageSpan> {
        let mut spans = Vec::new();
        for ((source, kind, realm), ear) in self.sources {
            if ear.first > ear.last {
                continue;
            }
            let said = |span: Span, state, why: &str| CoverageSpan {
                source: source.clone(),
                kind,
                realm: realm.clone(),
                prefixes: ear.prefixes.iter().copied().collect(),
                span,
                state,
                why: why.to_owned(),
            };
            let usual = ear.usual_silence_us();
            let mut from = ear.first;
            let joins = before
                .iter()
                .filter(|b| {
                    b.source == source
                        && b.kind == kind
                        && b.realm == realm
                        && b.state == CoverageState::Alive
                })
                .map(|b| b.span.until)
                .filter(|until| *until <= from && from.since(*until) <= usual)
                .max();
            from = joins.unwrap_or(from);
            let mut holes: Vec<(UtcMicros, i64)> =
                ear.silences.iter().filter(|(length, _)| *length > usual).map(|(l, at)| (*at, *l)).collect();
            holes.sort_unstable();
            for (begins, length) in holes {
                let ends = begins.plus(length);
                spans.push(said(Span::new(from, begins.plus(1)), CoverageState::Alive, "records imported"));
                let why = format!(
                    "no record for {} s, where {} s of silence are the most that is usual",
                    length / 1_000_000,
                    usual / 1_000_000
                );
                spans.push(said(Span::new(begins.plus(1), ends), CoverageState::Dead, &why));
                from = ends;
            }
            spans.push(said(Span::new(from, ear.last.plus(1)), CoverageState::Alive, "records imported"));
        }
        spans
    }

    fn at(
        &mut self,
        source: &SourceName,
        kind: RecordKind,
        realm: &Realm,
        at: Option<UtcMicros>,
        prefixes: impl Iterator<Item = Prefix>,
    ) {
        let ear = self.ear(source, kind, realm);
        ear.hear(prefixes);
        let Some(at) = at else { return };
        ear.records += 1;
        if ear.first <= ear.last {
            ear.silence(at.since(ear.last), ear.last);
        }
        ear.first = ear.first.min(at);
        ear.last = ear.last.max(at);
    }

    /// A record tells of the time from `from` on. Where that lies far before all others, the log in between is a hole like
    /// any other silence.
    fn began(&mut self, source: &SourceName, kind: RecordKind, realm: &Realm, from: UtcMicros) {
        let ear = self.ear(source, kind, realm);
        if ear.first > ear.last {
            (ear.first, ear.last) = (from, from);
        } else if from < ear.first {
            ear.silence(ear.first.since(from), from);
            ear.first = from;
        }
    }

    /// A row of a table speaks for its own time, whenever the table was made.
    fn table(&mut self, source: &SourceName, kind: RecordKind, realm: &Realm, prefix: Prefix, span: Span) {
        let ear = self.ear(source, kind, realm);
        ear.hear(std::iter::once(prefix));
        ear.first = ear.first.min(span.from);
        ear.last = ear.last.max(span.until);
    }

    fn ear(&mut self, source: &SourceName, kind: RecordKind, realm: &Realm) -> &mut Ear {
        self.sources.entry((source.clone(), kind, realm.clone())).or_insert_with(|| Ear {
            first: UtcMicros::MAX,
            last: UtcMicros::MIN,
            records: 0,
            silences: BTreeSet::new(),
            prefixes: BTreeSet::new(),
        })
    }
}

impl Ear {
    fn hear(&mut self, prefixes: impl Iterator<Item = Prefix>) {
        for prefix in prefixes {
            let len = prefix.len().min(if prefix.addr().is_ipv4() { 24 } else { 48 });
            if self.prefixes.len() < MOST_PREFIXES
                && let Ok(wide) = Prefix::covering(prefix.addr(), len)
            {
                self.prefixes.insert(wide);
            }
        }
    }

    /// Remembers a silence, if it may be a hole.
    fn silence(&mut self, length: i64, begins: UtcMicros) {
        if length > SHORTEST_HOLE_US {
            self.silences.insert((length, begins));
            if self.silences.len() > MOST_SILENCES {
                self.silences.pop_first();
            }
        }
    }

    /// The longest silence that is still in the ordinary for this source, microseconds.
    fn usual_silence_us(&self) -> i64 {
        let mean = self.last.since(self.first) / i64::try_from(self.records.max(1)).unwrap_or(i64::MAX);
        mean.saturating_mul(UNUSUAL_TIMES).max(SHORTEST_HOLE_US)
    }
}

fn instant(when: When) -> Option<UtcMicros> {
    when.logged.or(when.not_after)
}

/// A silence of so many times the mean distance of records does not come about by chance in a log that goes on.
const UNUSUAL_TIMES: i64 = 100;
/// A silence shorter than this is never a hole.
const SHORTEST_HOLE_US: i64 = 60_000_000;
/// Silences remembered of one source.
const MOST_SILENCES: usize = 4096;
/// Prefixes remembered of one source; one that speaks of more may speak of any.
const MOST_PREFIXES: usize = 65_536;

#[cfg(test)]
mod tests;
