//! What a file's sources may have said in what could not be read: for how long that leaves them in doubt.
//!
//! What comes in: the observations of a file in its order, and the word that something between them was damaged. What
//! goes out: lossy coverage. In a file that stands in the order of its times, a damaged record belongs between its
//! neighbours, so one bad line does not put a year in doubt; in any other file it may be of any time in it.

use std::collections::BTreeMap;

use tadoru_model::observation::{Observation, Observed};
use tadoru_model::{CoverageSpan, CoverageState, Realm, RecordKind, SourceName, Span, UtcMicros};

use crate::records::odd_time;
use crate::spoken::{DAMAGE_SLACK_US, Spoken, kind, written};

/// Follows one file.
#[derive(Debug, Default)]
pub(super) struct Damage {
    spoken: BTreeMap<(SourceName, RecordKind, Realm), Spoken>,
    /// Losses that the numbers of records told, to be told of what their source speaks of.
    losses: Vec<CoverageSpan>,
    /// From the last sound record before the damage to the first one after it.
    stretches: Vec<Span>,
    /// Whether there was damage since the last sound record.
    is_open: bool,
    /// Damage that may belong to any time of the file.
    is_anywhere: bool,
    last: Option<UtcMicros>,
    /// Times of all records.
    extent: Option<Span>,
    records: u64,
    steps_back: u64,
}

impl Damage {
    /// Something could not be read here.
    pub(super) fn here(&mut self) {
        self.is_open = true;
    }

    /// Something could not be read that may be of any time.
    pub(super) fn anywhere(&mut self) {
        self.is_anywhere = true;
    }

    /// Takes note of a sound record; a loss without prefixes is kept back.
    pub(super) fn hear(&mut self, observation: Observation, now: UtcMicros) -> Option<Observation> {
        if let Observed::Coverage(span) = observation.what {
            let full = self.losses.len() >= MOST_LOSSES;
            match self.losses.last_mut() {
                Some(last) if full => {
                    last.span = Span::new(last.span.from, last.span.until.max(span.span.until));
                }
                _ => self.losses.push(span),
            }
            return None;
        }
        let Some(kind) = kind(&observation.what) else { return Some(observation) };
        let key = (observation.source.clone(), kind, observation.realm.clone());
        self.spoken.entry(key).or_default().hear(&observation.what);
        if odd_time(&observation, now).is_none() {
            self.time(&observation.what);
        }
        Some(observation)
    }

    fn time(&mut self, what: &Observed) {
        let Some(at) = written(what) else {
            // A row of a table speaks for its own time.
            if let Observed::Row(row) = what {
                let until =
                    if row.until.how.is_open() { row.until.earliest.plus(1) } else { row.until.latest };
                self.reach(row.from.earliest, until);
                self.is_anywhere |= std::mem::take(&mut self.is_open);
            }
            return;
        };
        self.records += 1;
        self.reach(at, at.plus(1));
        let last = self.last.replace(at).unwrap_or(at);
        self.steps_back += u64::from(last.since(at) > STEP_BACK_US);
        if std::mem::take(&mut self.is_open) {
            self.stretch(last.min(at), last.max(at));
        }
    }

    fn reach(&mut self, from: UtcMicros, until: UtcMicros) {
        let extent = self.extent.get_or_insert(Span::new(from, until));
        *extent = Span::new(extent.from.min(from), extent.until.max(until));
    }

    fn stretch(&mut self, from: UtcMicros, until: UtcMicros) {
        let span = Span::new(from.plus(-DAMAGE_SLACK_US), until.plus(DAMAGE_SLACK_US));
        let full = self.stretches.len() >= MOST_STRETCHES;
        match self.stretches.last_mut() {
            Some(last) if full || last.meets(span) => {
                *last = Span::new(last.from.min(span.from), last.until.max(span.until));
            }
            _ => self.stretches.push(span),
        }
    }

    /// What is in doubt, once the file has been read.
    pub(super) fn coverage(mut self) -> Vec<Observation> {
        if let (true, Some(last)) = (self.is_open, self.last) {
            self.stretch(last, last);
        }
        let is_ordered = self.steps_back * ORDERED_OF <= self.records;
        let is_damaged = self.is_open || self.is_anywhere || !self.stretches.is_empty();
        let mut stretches = if is_ordered && !self.is_anywhere && self.last.is_some() {
            self.stretches
        } else {
            self.extent.filter(|_| is_damaged).into_iter().collect()
        };
        // Many sources and many stretches: neighbours are told as one.
        while stretches.len() > 1 && stretches.len() * self.spoken.len() > MOST_SPANS {
            stretches = stretches
                .chunks(2)
                .filter_map(|pair| Some(Span::new(pair.first()?.from, pair.last()?.until)))
                .collect();
        }
        let mut told = Vec::new();
        for ((source, kind, realm), spoken) in &self.spoken {
            told.extend(stretches.iter().map(|span| CoverageSpan {
                source: source.clone(),
                kind: *kind,
                realm: realm.clone(),
                prefixes: spoken.prefixes().to_vec(),
                span: *span,
                state: CoverageState::Lossy,
                why: "records in the imported file are damaged".to_owned(),
            }));
        }
        told.extend(self.losses.into_iter().filter_map(|mut lost| {
            let key = (lost.source.clone(), lost.kind, lost.realm.clone());
            lost.prefixes = self.spoken.get(&key)?.prefixes().to_vec();
            Some(lost)
        }));
        told.retain(|span| !span.prefixes.is_empty());
        let as_observation = |span: CoverageSpan| Observation {
            source: span.source.clone(),
            realm: span.realm.clone(),
            record: 0,
            what: Observed::Coverage(span),
        };
        told.into_iter().map(as_observation).collect()
    }
}

/// Records of devices whose clocks differ, or that were sent again, do not make a file unordered.
const STEP_BACK_US: i64 = 600_000_000;

/// A file is in order unless more than one of so many records steps back.
const ORDERED_OF: u64 = 100;

/// Stretches of damage kept apart.
const MOST_STRETCHES: usize = 1024;

/// Losses told apart.
const MOST_LOSSES: usize = 4096;

/// Spans of damage that one file gives at most, so far as there are fewer sources.
const MOST_SPANS: usize = 16_384;
