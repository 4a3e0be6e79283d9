//! Incidents on file: one sealed append log a month, and of each incident in memory what a list may show.
//!
//! What comes in: findings and rates, each a sealed frame under the key of the month in which its incident began to be
//! kept. What goes out: briefs from memory; one incident read from its own frames only. A finding is synced before the
//! call returns; a torn tail is cut off at the next start. A log in which most frames have been superseded, and one that
//! loses incidents to the retention, is written anew beside the old one and takes its place whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tadoru_gate::keys::{KeyError, Month, Vault};
use tadoru_gate::permit::{Aggregate, Learn, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::UtcMicros;
use tadoru_model::finding::{Finding, FindingId, FindingState};
use tadoru_store::StoreError;
use tadoru_store::incidents::{
    Brief, Coarse, Incidents, KEYS, Moment, Record, sealed_record, sealed_targets, thin,
};

use crate::assignments::classes::month_of;
use crate::folder::codec::{Clock, Codec, KeyName};
use crate::folder::log::{self, Log, Start, Tail};
use crate::folder::{Folder, NEXT};

/// The incidents of a data folder.
pub struct IncidentBook {
    folder: Folder,
    vault: Vault,
    clock: Clock,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: BTreeMap<FindingId, Known>,
    months: BTreeMap<u32, Pages>,
    learnt: Option<u32>,
}

/// The log of a month.
struct Pages {
    log: Log,
    frames: u64,
}

/// What is in memory of an incident: nothing that shows anybody.
struct Known {
    brief: Brief,
    month: u32,
    newest: Place,
    moments: Vec<Told>,
}

/// A moment's frame.
#[derive(Clone, Copy)]
struct Told {
    place: Place,
    happened: bool,
}

/// Where a frame stands, and how long it is with what stands before it.
#[derive(Clone, Copy)]
struct Place {
    start: Start,
    len: u64,
}

/// What a frame holds.
#[derive(Serialize, Deserialize)]
enum Frame {
    /// A finding, which is a moment of its incident too.
    Finding(Box<Finding>),
    /// A moment of an incident.
    Moment(FindingId, Moment),
    /// The newest finding of an incident whose moments stand behind it.
    Whole(Box<Finding>),
}

impl IncidentBook {
    /// Opens the incidents in `folder`.
    ///
    /// # Errors
    /// When the disk refuses, or a file is damaged.
    pub fn open(
        folder: &Folder,
        vault: Vault,
        clock: Clock,
        permit: &Permit<Store>,
    ) -> Result<Self, StoreError> {
        let codec = Codec::store(&vault, &clock, permit)?;
        let mut inner = Inner::default();
        for name in folder.names()? {
            if name.ends_with(NEXT) {
                folder.remove(&name)?;
            } else if name == LEARNT {
                let mut month = None;
                log::read(folder, LEARNT, &codec, |_, bytes| {
                    month = month.or(learnt_month(bytes));
                    Ok(())
                })
                .or_else(without_key)?;
                inner.learnt = month;
            } else if let Some(month) = month_of_name(&name) {
                let (log, frames) = inner.read_in(folder, &name, month, &codec)?;
                inner.months.insert(month, Pages { log, frames });
            }
        }
        Ok(Self { folder: folder.clone(), vault, clock, inner: Mutex::new(inner) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codec(&self, permit: &Permit<Store>) -> Result<Codec<'static>, StoreError> {
        Codec::store(&self.vault, &self.clock, permit)
    }

    /// Adds a frame to a month's log.
    fn append(
        &self,
        inner: &mut Inner,
        codec: &Codec<'_>,
        month: u32,
        frame: &Frame,
    ) -> Result<Place, StoreError> {
        let pages = match inner.months.entry(month) {
            std::collections::btree_map::Entry::Occupied(pages) => pages.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let log = Log::create(&self.folder, &name_of(month))?;
                self.folder.sync()?;
                place.insert(Pages { log, frames: 0 })
            }
        };
        let place = push(&mut pages.log, codec, &key_of(month), frame)?;
        pages.log.write()?;
        pages.frames += 1;
        Ok(place)
    }

    /// Reads the frames of one incident.
    fn record(&self, codec: &Codec<'_>, known: &Known) -> Result<Record, StoreError> {
        let newest = self.newest(codec, known)?;
        let mut history = Vec::with_capacity(known.moments.len());
        for told in &known.moments {
            history.extend(match self.frame(codec, known.month, told.place)? {
                Frame::Moment(_, moment) => Some(moment),
                Frame::Finding(finding) => Some(Moment::of(&finding)),
                Frame::Whole(_) => None,
            });
        }
        Ok(Record { newest, history })
    }

    fn newest(&self, codec: &Codec<'_>, known: &Known) -> Result<Finding, StoreError> {
        match self.frame(codec, known.month, known.newest)? {
            Frame::Finding(finding) | Frame::Whole(finding) => Ok(*finding),
            Frame::Moment(..) => Err(self.folder.damaged(&name_of(known.month), NO_FINDING)),
        }
    }

    fn frame(&self, codec: &Codec<'_>, month: u32, place: Place) -> Result<Frame, StoreError> {
        let name = name_of(month);
        let mut found = None;
        log::read_some(&self.folder, &name, codec, place.start, place.len, |_, bytes| {
            found = found.take().or_else(|| serde_json::from_slice(bytes).ok());
            Ok(())
        })?;
        found.ok_or_else(|| self.folder.damaged(&name, NO_FINDING))
    }

    /// Writes a month's log anew with what is known of it.
    fn rewrite(&self, inner: &mut Inner, codec: &Codec<'_>, month: u32) -> Result<(), StoreError> {
        let name = name_of(month);
        let ids: Vec<FindingId> =
            inner.known.iter().filter(|(_, known)| known.month == month).map(|(id, _)| *id).collect();
        if ids.is_empty() {
            inner.months.remove(&month);
            self.folder.remove(&name)?;
            return self.folder.sync();
        }
        let (next, key) = (format!("{name}{NEXT}"), key_of(month));
        let mut log = Log::create(&self.folder, &next)?;
        for id in ids {
            let Some(known) = inner.known.get(&id) else { continue };
            let record = self.record(codec, known)?;
            push(&mut log, codec, &key, &Frame::Whole(Box::new(record.newest)))?;
            for moment in record.history {
                push(&mut log, codec, &key, &Frame::Moment(id, moment))?;
            }
            log.write()?;
        }
        log.sync()?;
        drop(log);
        fs::rename(self.folder.file(&next), self.folder.file(&name))
            .map_err(|e| self.folder.fault("replace", &name, e))?;
        self.folder.sync()?;
        inner.known.retain(|_, known| known.month != month);
        let (log, frames) = inner.read_in(&self.folder, &name, month, codec)?;
        inner.months.insert(month, Pages { log, frames });
        Ok(())
    }

    /// Writes a month's log anew when most of its frames have been superseded.
    fn tidy(&self, inner: &mut Inner, codec: &Codec<'_>, month: u32) -> Result<(), StoreError> {
        let Some(frames) = inner.months.get(&month).map(|pages| pages.frames) else { return Ok(()) };
        if frames < FEW_FRAMES {
            return Ok(());
        }
        let of_month = inner.known.values().filter(|known| known.month == month);
        let needed: u64 = of_month.map(|known| known.moments.len() as u64 + 1).sum();
        if frames > needed.saturating_mul(3) { self.rewrite(inner, codec, month) } else { Ok(()) }
    }
}

impl Inner {
    /// Takes in what a log says, and goes on with it.
    fn read_in(
        &mut self,
        folder: &Folder,
        name: &str,
        month: u32,
        codec: &Codec<'_>,
    ) -> Result<(Log, u64), StoreError> {
        let mut frames = 0;
        let tail = match log::begin(folder, name)? {
            Err(torn) => Tail { len: 0, torn },
            Ok(mut start) => log::read_from(folder, name, codec, start, |behind, bytes| {
                let place = Place { start, len: behind.at - start.at };
                start = behind;
                frames += 1;
                let frame = serde_json::from_slice(bytes).map_err(|_| folder.damaged(name, NO_FINDING))?;
                self.note(&frame, month, place);
                Ok(())
            })?,
        };
        Ok((Log::resume(folder, name, tail)?, frames))
    }

    /// Keeps in mind what a frame says.
    fn note(&mut self, frame: &Frame, month: u32, place: Place) {
        match frame {
            Frame::Finding(finding) | Frame::Whole(finding) => {
                let brief = Brief::of(finding);
                let fresh = || Known { brief, month, newest: place, moments: Vec::new() };
                let known = self.known.entry(finding.id).or_insert_with(fresh);
                (known.brief, known.newest) = (brief, place);
                if matches!(frame, Frame::Finding(_)) {
                    known.add(place, finding.state);
                }
            }
            Frame::Moment(id, moment) => {
                if let Some(known) = self.known.get_mut(id) {
                    known.add(place, moment.state);
                }
            }
        }
    }
}

impl Known {
    fn add(&mut self, place: Place, state: FindingState) {
        self.moments.push(Told { place, happened: state != FindingState::Grew });
        thin(&mut self.moments, |told| told.happened);
    }
}

impl Incidents for IncidentBook {
    fn keep(&self, permit: &Permit<Store>, finding: &Finding) -> Result<(), StoreError> {
        let (codec, mut inner) = (self.codec(permit)?, self.inner());
        let month = inner.known.get(&finding.id).map_or_else(|| month_of(finding.at.0), |known| known.month);
        let frame = Frame::Finding(Box::new(finding.clone()));
        let place = self.append(&mut inner, &codec, month, &frame)?;
        inner.note(&frame, month, place);
        inner.months.get(&month).map_or(Ok(()), |pages| pages.log.sync())?;
        self.tidy(&mut inner, &codec, month)
    }

    fn measure(&self, permit: &Permit<Store>, moments: &[(FindingId, Moment)]) -> Result<(), StoreError> {
        let (codec, mut inner) = (self.codec(permit)?, self.inner());
        let mut months = BTreeSet::new();
        for (id, moment) in moments {
            let Some(month) = inner.known.get(id).map(|known| known.month) else { continue };
            let frame = Frame::Moment(*id, *moment);
            let place = self.append(&mut inner, &codec, month, &frame)?;
            inner.note(&frame, month, place);
            months.insert(month);
        }
        months.into_iter().try_for_each(|month| self.tidy(&mut inner, &codec, month))
    }

    fn briefs(&self) -> Vec<Brief> {
        let mut briefs: Vec<Brief> = self.inner().known.values().map(|known| known.brief).collect();
        briefs.sort_by_key(|brief| (std::cmp::Reverse(brief.start), brief.id));
        briefs
    }

    fn find(&self, permit: &Permit<Learn>, id: FindingId) -> Result<Option<Sealed<Record>>, StoreError> {
        let inner = self.inner();
        let Some(known) = inner.known.get(&id) else { return Ok(None) };
        let codec = Codec::learn(&self.vault, &self.clock, permit)?;
        Ok(Some(sealed_record(permit, self.record(&codec, known)?)))
    }

    fn targets(
        &self,
        permit: &Permit<Aggregate>,
        ids: &[FindingId],
    ) -> Result<Sealed<Vec<Option<Coarse>>>, StoreError> {
        let inner = self.inner();
        let codec = Codec::learn(&self.vault, &self.clock, permit)?;
        let coarse = |id: &FindingId| {
            let known = inner.known.get(id);
            known.map(|known| Ok(Coarse::of(&self.newest(&codec, known)?))).transpose()
        };
        let targets = ids.iter().map(coarse).collect::<Result<_, StoreError>>()?;
        Ok(sealed_targets(permit, targets))
    }

    fn delete_before(&self, permit: &Permit<Store>, before: UtcMicros) -> Result<u64, StoreError> {
        let (codec, mut inner) = (self.codec(permit)?, self.inner());
        let over = |known: &Known| !known.brief.is_open() && known.brief.last < before;
        let months: BTreeSet<u32> =
            inner.known.values().filter(|known| over(known)).map(|known| known.month).collect();
        let mut deleted = 0;
        for month in months {
            let had = inner.known.len();
            inner.known.retain(|_, known| known.month != month || !over(known));
            let gone = had - inner.known.len();
            if let Err(error) = self.rewrite(&mut inner, &codec, month) {
                // The old log stands: so does what is known of it.
                inner.known.retain(|_, known| known.month != month);
                let (log, frames) = inner.read_in(&self.folder, &name_of(month), month, &codec)?;
                inner.months.insert(month, Pages { log, frames });
                return Err(error);
            }
            deleted += gone as u64;
        }
        Ok(deleted)
    }

    fn remember(&self, permit: &Permit<Store>, learnt: &[u8]) -> Result<(), StoreError> {
        let (codec, mut inner) = (self.codec(permit)?, self.inner());
        let month = month_of((self.clock)().0);
        let next = format!("{LEARNT}{NEXT}");
        let mut log = Log::create(&self.folder, &next)?;
        log.push(&codec, &key_of(month), &[&month.to_le_bytes(), learnt].concat())?;
        log.write()?;
        log.sync()?;
        drop(log);
        fs::rename(self.folder.file(&next), self.folder.file(LEARNT))
            .map_err(|e| self.folder.fault("replace", LEARNT, e))?;
        self.folder.sync()?;
        inner.learnt = Some(month);
        Ok(())
    }

    fn recall(&self, permit: &Permit<Store>) -> Result<Option<Vec<u8>>, StoreError> {
        let (codec, inner) = (self.codec(permit)?, self.inner());
        let mut learnt = None;
        if inner.learnt.is_some() {
            log::read(&self.folder, LEARNT, &codec, |_, bytes| {
                learnt = bytes.split_first_chunk::<4>().map(|(_, learnt)| learnt.to_vec());
                Ok(())
            })?;
        }
        Ok(learnt)
    }

    fn keys_in_use(&self) -> BTreeSet<(String, Month)> {
        let inner = self.inner();
        inner
            .months
            .keys()
            .copied()
            .chain(inner.learnt)
            .filter_map(|month| key_of(month).in_vault())
            .collect()
    }
}

fn push(log: &mut Log, codec: &Codec<'_>, key: &KeyName, frame: &Frame) -> Result<Place, StoreError> {
    let bytes = serde_json::to_vec(frame)
        .map_err(|_| StoreError::Damaged { file: log.name().to_owned(), what: NO_FINDING })?;
    let start = log.place().filter(|place| place.at == log.len());
    let start = start.unwrap_or(Start { at: log.len(), epoch: 0 });
    let pushed = log.push(codec, key, &bytes);
    if let Err(error) = pushed {
        log.discard()?;
        return Err(error);
    }
    Ok(Place { start, len: log.len() - start.at })
}

fn key_of(month: u32) -> KeyName {
    KeyName::new(Arc::from(KEYS), month)
}

fn name_of(month: u32) -> String {
    format!("{:04}-{:02}.log", month / 12, month % 12 + 1)
}

fn month_of_name(name: &str) -> Option<u32> {
    let (year, month) = name.strip_suffix(".log")?.split_once('-')?;
    let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
    let number = year.checked_mul(12)?.checked_add(month.checked_sub(1)?)?;
    (name_of(number) == name).then_some(number)
}

fn learnt_month(bytes: &[u8]) -> Option<u32> {
    bytes.split_first_chunk().map(|(month, _)| u32::from_le_bytes(*month))
}

/// What was learnt under a key that is gone is gone with it; everything else is a fault.
fn without_key(error: StoreError) -> Result<Tail, StoreError> {
    match &error {
        StoreError::Codec(source)
            if matches!(
                source.downcast_ref(),
                Some(KeyError::KeyDestroyed { .. } | KeyError::NoKey { .. })
            ) =>
        {
            Ok(Tail::default())
        }
        _ => Err(error),
    }
}

const LEARNT: &str = "learnt";
const NO_FINDING: &str = "a frame holds no finding";
/// Fewer frames than this are never worth writing anew.
const FEW_FRAMES: u64 = 4096;
