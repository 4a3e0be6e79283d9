//! Which files of flows were taken in, so that none counts twice: by the SHA-256 of the file as it is.
//!
//! What comes in: that a file is begun, its flows, and how it ended. What goes out: what is known of it, and whether it is
//! refused. A file that broke off is gone on with behind the flows that were kept of it, for a reader hands a file's flows
//! out in one order. It keeps nothing durable itself: a store writes [`Known`] together with the flows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use tadoru_model::{Flows as Batch, UtcMicros};

use super::FlowsError;
use super::memory::{end_of_hour, hour_of};

/// SHA-256 of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileDigest(String);

impl FileDigest {
    /// Reads 64 hexadecimal digits, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_one.then(|| Self(text.to_ascii_lowercase()))
    }

    /// 64 hexadecimal digits, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a SHA-256")
    }
}

impl From<FileDigest> for String {
    fn from(digest: FileDigest) -> Self {
        digest.0
    }
}

/// Whether a file that was taken in whole may be taken in once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It is refused.
    Refused,
    /// Its flows then count twice.
    Wanted,
}

/// How the taking in of a file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEnd {
    /// It was read to its end, and this is the digest of what was read.
    Whole(FileDigest),
    /// It broke off.
    BrokenOff,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TakenFile {
    /// How many flows of it were kept.
    pub flows: u64,
    /// Whether it was read to its end.
    pub whole: bool,
    /// The first and the last hour of arrival of its flows, counted from 1970 UTC.
    pub hours: Option<(i64, i64)>,
}

/// What is known of files.
pub type Known = BTreeMap<FileDigest, TakenFile>;

/// The files that were taken in, and those that are at the moment.
#[derive(Debug, Clone, Default)]
pub struct TakenFiles {
    known: Known,
    open: BTreeSet<FileDigest>,
}

impl TakenFiles {
    /// With what was known when the store was written.
    pub fn of(known: Known) -> Self {
        Self { known, open: BTreeSet::new() }
    }

    /// What is known.
    pub const fn known(&self) -> &Known {
        &self.known
    }

    /// Begins a file: how many of its flows are there already, when it broke off before.
    ///
    /// # Errors
    /// When it was taken in already, or is being taken in.
    pub fn begin(&mut self, file: &FileDigest, again: Again) -> Result<u64, FlowsError> {
        if self.open.contains(file) {
            return Err(FlowsError::BeingTakenIn);
        }
        let there = match self.known.get(file) {
            Some(TakenFile { whole: true, flows, .. }) if again == Again::Refused => {
                return Err(FlowsError::TakenIn { flows: *flows });
            }
            Some(TakenFile { whole: true, .. }) | None => 0,
            Some(broken_off) => broken_off.flows,
        };
        self.open.insert(file.clone());
        Ok(there)
    }

    /// Notes flows of a file that were kept. Those of a whole file are the first of it once more.
    pub fn note(&mut self, file: &FileDigest, batch: &Batch) {
        let hours = batch.received_us.iter().map(|us| hour_of(*us));
        let (Some(first), Some(last)) = (hours.clone().min(), hours.max()) else { return };
        let known = self.known.entry(file.clone()).or_default();
        if known.whole {
            (known.whole, known.flows) = (false, 0);
        }
        known.flows += batch.rows() as u64;
        known.hours = Some(known.hours.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
    }

    /// Notes how a file ended. It is known by what was read, whatever it had been announced as.
    pub fn end(&mut self, file: &FileDigest, end: &FileEnd) {
        self.open.remove(file);
        let FileEnd::Whole(read) = end else { return };
        // Without flows there is nothing that could count twice.
        if self.known.get(file).is_none_or(|known| known.whole) {
            return;
        }
        let Some(mut known) = self.known.remove(file) else { return };
        known.whole = true;
        self.known.insert(read.clone(), known);
    }

    /// Forgets the files whose hours all ended by `before` when none of them has flows any more, and whose flows are in
    /// `durable` as they are known here. Tells which were forgotten.
    pub fn forget(
        &mut self,
        durable: &Known,
        before: UtcMicros,
        has_flows: impl Fn((i64, i64)) -> bool,
    ) -> Vec<FileDigest> {
        let open = &self.open;
        let gone = self.known.extract_if(.., |file, known| {
            let is_over = known.hours.is_none_or(|hours| end_of_hour(hours.1) <= before && !has_flows(hours));
            is_over && !open.contains(file) && durable.get(file) == Some(&*known)
        });
        gone.map(|(file, _)| file).collect()
    }
}
