//! Which live sources are alive, and what each of them speaks of.
//!
//! What comes in: observations, which tell who speaks of what, and signs of life, which tell how long the receiver has
//! been listening. What goes out: coverage. A source never speaks of more than its configured prefixes, or where none
//! are configured, of the addresses that its records have named so far; until it has named any, it says nothing.
//!
//! A sign of life is the receiver's, not the sender's. A file that is read regularly is alive while it is quiet. A sender
//! is known to be alive by its records only: before the first one, and when it is silent for far longer than it usually
//! is, its log counts as missing, for silence proves nothing.
//!
//! A lease file holds every lease of its server, so that one which has been followed without a break told all along
//! that nothing was leased of a network which it names for the first time: its coverage of that network begins where
//! the following did, or behind the last line that could not be read.
//!
//! What a record that could not be read whole had to say is missing: it may have given any address of its source's to
//! another. So it leaves that source in doubt, from where the record may have been written at the earliest to its arrival,
//! by the receiver's clock and with the slack that damage in an imported file gets. Other sources and times stay as they are.

use std::collections::BTreeMap;

use tadoru_model::observation::{Observation, Observed};
use tadoru_model::{CoverageSpan, CoverageState, Prefix, Realm, RecordKind, SourceName, Span, UtcMicros};

use crate::inlet::{Beat, Pulse, RawKind, SpoolRecord};
use crate::octets::{put, put_number, put_prefixes, take, take_number, take_prefixes, take_text};
use crate::records::odd_time;
use crate::spoken::{DAMAGE_SLACK_US, Spoken, kind, written};

#[cfg(test)]
mod tests;

/// A source that has been heard of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Heard {
    /// By which kind of record.
    by: RawKind,
    /// The name that the configuration gives to where its records come from, if it does.
    via: Option<SourceName>,
    source: SourceName,
    /// What its records are about.
    kind: RecordKind,
    realm: Realm,
}

/// Whether everything in a record could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// It could.
    Whole,
    /// Something could not; of whom it was where no configuration tells, if that can be told.
    Damaged(Option<&'a SourceName>),
}

/// What is kept in mind of a source.
#[derive(Debug)]
struct Ear {
    /// Until when its state has been told.
    told: UtcMicros,
    /// Arrival of its first record and of its last, and how many there were.
    first: UtcMicros,
    last: UtcMicros,
    records: u64,
    /// What the configuration says that it speaks of; empty: nothing.
    configured: Vec<Prefix>,
    spoken: Spoken,
    /// The last stretch that was told to be in doubt; not kept over a restart, for it may be told again.
    doubted: Option<Span>,
}

/// The sources that are known.
#[derive(Debug, Default)]
pub(crate) struct Alive {
    known: BTreeMap<Heard, Ear>,
    followed: BTreeMap<(RawKind, Option<SourceName>), Followed>,
}

/// How long a file has been read without a break, and without a line that could not be read.
#[derive(Debug, Clone, Copy)]
struct Followed {
    since: UtcMicros,
    until: UtcMicros,
}

impl Alive {
    /// Takes note of who spoke in a record, and of what. Losses among the observations then speak of what their source
    /// speaks of; those of a source that has not named any address say nothing, and are left out.
    pub(crate) fn hear(&mut self, record: &SpoolRecord, line: Line<'_>, observations: &mut Vec<Observation>) {
        let earliest = match line {
            Line::Whole => BTreeMap::new(),
            Line::Damaged(_) => self.neighbours(record, observations),
        };
        let followed = self.follow(record, line);
        let mut before = Vec::new();
        for observation in observations.iter() {
            let Some(kind) = kind(&observation.what) else { continue };
            // An exporter that starts again is a gateway.
            let kind = if record.kind == RawKind::Export { RecordKind::NatBlock } else { kind };
            let heard = Heard::of(record, observation, kind);
            if self.known.len() >= MOST_SOURCES && !self.known.contains_key(&heard) {
                continue;
            }
            let told = followed.map_or(record.arrival, |followed| followed.until);
            let ear = self.known.entry(heard).or_insert_with(|| Ear::new(told));
            if ear.records == 0 {
                ear.first = record.arrival;
            }
            ear.records += 1;
            ear.last = ear.last.max(record.arrival);
            let new = ear.spoken.hear(&observation.what);
            // What is configured has been told of all along.
            if let Some(Followed { since, until }) = followed.filter(|_| ear.configured.is_empty()) {
                let span = Span::new(since, until);
                if !new.is_empty() && !span.is_empty() {
                    let heard = Heard::of(record, observation, kind);
                    before.push(heard.coverage(&new, span, CoverageState::Alive, ""));
                }
            }
        }
        observations.retain_mut(|observation| {
            let Observed::Coverage(span) = &observation.what else { return true };
            let prefixes = self.known.get(&Heard::of(record, observation, span.kind)).map(Ear::prefixes);
            let Observed::Coverage(span) = &mut observation.what else { return true };
            if span.prefixes.is_empty() {
                span.prefixes = prefixes.unwrap_or_default().to_vec();
            }
            !span.prefixes.is_empty()
        });
        observations.append(&mut before);
        if let Line::Damaged(speaker) = line {
            self.doubt(record, speaker, &earliest, observations);
        }
    }

    /// What the exports of a source speak of, by whatever name they came in.
    pub(crate) fn exported(&self, source: &SourceName, realm: &Realm) -> Vec<Prefix> {
        let theirs =
            |heard: &Heard| heard.by == RawKind::Export && heard.source == *source && heard.realm == *realm;
        let ears = self.known.iter().filter(|(heard, _)| theirs(heard));
        let mut prefixes: Vec<Prefix> = ears.flat_map(|(_, ear)| ear.prefixes().iter().copied()).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes
    }

    /// Since when a damaged record may have been written, by each source that it may be of: a sender writes in his order,
    /// so behind the record before it; a file was read to its end at the last sign of life, and what stands in it beside
    /// the damage tells whether something older was added since.
    fn neighbours(&self, record: &SpoolRecord, beside: &[Observation]) -> BTreeMap<Heard, UtcMicros> {
        let sound = beside.iter().filter(|told| odd_time(told, record.arrival).is_none());
        let oldest = sound.filter_map(|told| written(&told.what)).min();
        let since = |ear: &Ear| match oldest {
            _ if record.kind.is_sent() => ear.last,
            Some(oldest) => ear.told.min(oldest),
            None => ear.told,
        };
        let of_record = |heard: &Heard| heard.by == record.kind && heard.via == record.source;
        let ours = self.known.iter().filter(|(heard, _)| of_record(heard));
        ours.map(|(heard, ear)| (heard.clone(), since(ear))).collect()
    }

    /// Leaves in doubt what a damaged record may have spoken of.
    fn doubt(
        &mut self,
        record: &SpoolRecord,
        speaker: Option<&SourceName>,
        earliest: &BTreeMap<Heard, UtcMicros>,
        out: &mut Vec<Observation>,
    ) {
        let ours = |heard: &Heard| {
            heard.by == record.kind
                && heard.via == record.source
                && (heard.via.is_some() || Some(&heard.source) == speaker)
        };
        let at = record.arrival;
        for (heard, ear) in self.known.iter_mut().filter(|(heard, _)| ours(heard)) {
            let from = earliest.get(heard).copied().unwrap_or(at).min(at).plus(-DAMAGE_SLACK_US);
            let until = at.plus(DAMAGE_SLACK_US);
            let is_told = ear.doubted.is_some_and(|told| told.from <= from && until <= told.until);
            if is_told || ear.prefixes().is_empty() {
                continue;
            }
            // A source whose records are damaged one after the other is told of now and then.
            let span = Span::new(from, until.plus(DOUBT_STEP_US));
            ear.doubted = Some(span);
            out.push(heard.coverage(ear.prefixes(), span, CoverageState::Lossy, UNREADABLE));
        }
    }

    /// How long the lease file of a record has been followed, when it was by the last sign of life; a line that could not
    /// be read may have named anything.
    fn follow(&mut self, record: &SpoolRecord, line: Line<'_>) -> Option<Followed> {
        if record.kind.is_sent() || record.kind.about() != RecordKind::Lease {
            return None;
        }
        let key = (record.kind, record.source.clone());
        if line != Line::Whole && (self.followed.len() < MOST_SOURCES || self.followed.contains_key(&key)) {
            let at = record.arrival;
            self.followed.insert(key, Followed { since: at, until: at });
            return None;
        }
        self.followed.get(&key).copied()
    }

    /// A sign of life speaks for every source that is heard of in that way.
    pub(crate) fn pulse(&mut self, record: &SpoolRecord, pulse: &Pulse, out: &mut Vec<Observation>) {
        if pulse.beat != Beat::Next {
            self.configure(record, pulse);
        }
        let key = (pulse.of, record.source.clone());
        if !pulse.of.is_sent()
            && pulse.of.about() == RecordKind::Lease
            && (self.followed.len() < MOST_SOURCES || self.followed.contains_key(&key))
        {
            let unbroken = Followed { since: pulse.from, until: record.arrival };
            let followed = self.followed.entry(key).or_insert(unbroken);
            let is_broken = match pulse.beat {
                Beat::First => true,
                Beat::Resumed => false,
                Beat::Next => pulse.from > followed.until,
            };
            if is_broken {
                // Not before a line of this run that could not be read.
                followed.since = followed.since.max(pulse.from);
            }
            if pulse.state != CoverageState::Alive {
                followed.since = record.arrival;
            }
            followed.until = record.arrival;
        }
        let ours =
            |heard: &Heard| heard.by == pulse.of && (record.source.is_none() || record.source == heard.via);
        for (heard, ear) in self.known.iter_mut().filter(|(heard, _)| ours(heard)) {
            let mut say = |from: UtcMicros, until: UtcMicros, state, why: &str| {
                let span = Span::new(from, until);
                if !span.is_empty() && !ear.prefixes().is_empty() {
                    out.push(heard.coverage(ear.prefixes(), span, state, why));
                }
            };
            let unheard = (ear.told, pulse.from);
            match pulse.beat {
                Beat::First => {
                    say(unheard.0, unheard.1, CoverageState::Dead, "the source was not listened to")
                }
                Beat::Resumed => say(unheard.0, unheard.1, CoverageState::Alive, ""),
                Beat::Next => say(unheard.0, unheard.1, CoverageState::Lossy, "signs of life are missing"),
            }
            match ear.silence(pulse.of, record.arrival) {
                Silence::Usual => {
                    let lost = pulse.state == CoverageState::Lossy;
                    let why = if lost { "records were lost on arrival" } else { "" };
                    say(pulse.from, record.arrival, pulse.state, why);
                }
                Silence::NeverHeard => {
                    say(pulse.from, record.arrival, CoverageState::Dead, "nothing has come from it yet");
                }
                Silence::TooLong => {
                    let why = "no record for far longer than is usual";
                    say(ear.last.plus(1), record.arrival, CoverageState::Dead, why);
                }
            }
            ear.told = record.arrival;
        }
    }

    /// Takes in what the configuration of a run says of its sources.
    fn configure(&mut self, record: &SpoolRecord, pulse: &Pulse) {
        let ours =
            |heard: &Heard| heard.by == pulse.of && (record.source.is_none() || record.source == heard.via);
        self.known.iter_mut().filter(|(heard, _)| ours(heard)).for_each(|(_, ear)| ear.configured.clear());
        for subject in &pulse.subjects {
            let heard = Heard {
                by: pulse.of,
                via: Some(subject.source.clone()),
                source: subject.source.clone(),
                kind: pulse.of.about(),
                realm: subject.realm.clone(),
            };
            if subject.prefixes.is_empty()
                || self.known.len() >= MOST_SOURCES && !self.known.contains_key(&heard)
            {
                continue;
            }
            let ear = self.known.entry(heard).or_insert_with(|| Ear::new(pulse.from));
            ear.configured.extend(&subject.prefixes);
        }
    }

    /// Appends all that is known as octets.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.known.len() as u64);
        for (heard, ear) in &self.known {
            put(out, &[heard.by as u8]);
            put(out, heard.via.as_ref().map_or(&[], |via| via.0.as_bytes()));
            put(out, heard.source.0.as_bytes());
            put(out, heard.kind.as_str().as_bytes());
            put(out, heard.realm.0.as_bytes());
            for time in [ear.told, ear.first, ear.last] {
                put(out, &time.0.to_be_bytes());
            }
            put_number(out, ear.records);
            put_prefixes(out, &ear.configured);
            put_prefixes(out, ear.spoken.prefixes());
        }
        put_number(out, self.followed.len() as u64);
        for ((by, via), followed) in &self.followed {
            put(out, &[*by as u8]);
            put(out, via.as_ref().map_or(&[], |via| via.0.as_bytes()));
            put(out, &followed.since.0.to_be_bytes());
            put(out, &followed.until.0.to_be_bytes());
        }
    }

    /// Reads what [`Self::write`] wrote; `None` when it is anything else.
    pub(crate) fn read(rest: &mut &[u8]) -> Option<Self> {
        let mut known = BTreeMap::new();
        for _ in 0..take_number(rest)? {
            let &[by] = take(rest)? else { return None };
            let via = take_text(rest)?;
            let (source, kind, realm) = (take_text(rest)?, take_text(rest)?, take_text(rest)?);
            let heard = Heard {
                by: RawKind::from_octet(by)?,
                via: (!via.is_empty()).then(|| SourceName::from(via)),
                source: SourceName::from(source),
                kind: RecordKind::ALL.into_iter().find(|known| known.as_str() == kind)?,
                realm: Realm::from(realm),
            };
            let mut time = || Some(UtcMicros(i64::from_be_bytes(take(rest)?.try_into().ok()?)));
            let (told, first, last) = (time()?, time()?, time()?);
            let (records, configured) = (take_number(rest)?, take_prefixes(rest)?);
            let mut spoken = Spoken::default();
            for prefix in take_prefixes(rest)? {
                spoken.add(prefix);
            }
            known.insert(heard, Ear { told, first, last, records, configured, spoken, doubted: None });
        }
        let mut followed = BTreeMap::new();
        for _ in 0..take_number(rest)? {
            let &[by] = take(rest)? else { return None };
            let via = take_text(rest)?;
            let via = (!via.is_empty()).then(|| SourceName::from(via));
            let mut time = || Some(UtcMicros(i64::from_be_bytes(take(rest)?.try_into().ok()?)));
            let (since, until) = (time()?, time()?);
            followed.insert((RawKind::from_octet(by)?, via), Followed { since, until });
        }
        Some(Self { known, followed })
    }
}

impl Heard {
    fn of(record: &SpoolRecord, observation: &Observation, kind: RecordKind) -> Self {
        Self {
            by: record.kind,
            via: record.source.clone(),
            source: observation.source.clone(),
            kind,
            realm: observation.realm.clone(),
        }
    }

    fn coverage(&self, prefixes: &[Prefix], span: Span, state: CoverageState, why: &str) -> Observation {
        let span = CoverageSpan {
            source: self.source.clone(),
            kind: self.kind,
            realm: self.realm.clone(),
            prefixes: prefixes.to_vec(),
            span,
            state,
            why: why.to_owned(),
        };
        Observation {
            source: self.source.clone(),
            realm: self.realm.clone(),
            record: 0,
            what: Observed::Coverage(span),
        }
    }
}

/// How long nothing has come from a source.
enum Silence {
    /// No longer than is usual; of a file that is read regularly, silence tells that nothing was written.
    Usual,
    /// There never was a record.
    NeverHeard,
    /// Far longer than is usual.
    TooLong,
}

impl Ear {
    fn new(told: UtcMicros) -> Self {
        let (configured, spoken) = (Vec::new(), Spoken::default());
        Self { told, first: told, last: told, records: 0, configured, spoken, doubted: None }
    }

    fn prefixes(&self) -> &[Prefix] {
        if self.configured.is_empty() { self.spoken.prefixes() } else { &self.configured }
    }

    fn silence(&self, by: RawKind, now: UtcMicros) -> Silence {
        if !by.is_sent() {
            return Silence::Usual;
        }
        if self.records == 0 {
            return Silence::NeverHeard;
        }
        let mean = self.last.since(self.first) / i64::try_from(self.records).unwrap_or(i64::MAX);
        let usual = mean.saturating_mul(UNUSUAL_TIMES).max(SHORTEST_SILENCE_US);
        if now.since(self.last) > usual { Silence::TooLong } else { Silence::Usual }
    }
}

/// Why a source is in doubt of which a record was damaged.
const UNREADABLE: &str = "a record could not be read";

/// How much further a stretch in doubt is told than it reaches so far: ten seconds.
const DOUBT_STEP_US: i64 = 10_000_000;

/// Sources kept in mind at most.
const MOST_SOURCES: usize = 65_536;

/// A silence of so many times the mean distance of its records does not come about by chance with a sender that is well.
const UNUSUAL_TIMES: i64 = 100;

/// A silence shorter than this is always usual: a quarter of an hour, within which devices report what goes on.
const SHORTEST_SILENCE_US: i64 = 900_000_000;
