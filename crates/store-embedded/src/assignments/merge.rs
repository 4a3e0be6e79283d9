//! Joining small segments, so that a question touches few.
//!
//! What comes in: a store with many segments of one class and month and of like size. What goes out: one in their place,
//! and how it went: a merge that fails leaves everything as it was, and the next commit tries again.

use std::collections::BTreeMap;
use std::sync::Arc;

use tadoru_store::StoreError;

use crate::folder::codec::{Codec, KeyName};
use crate::segment::Segment;

use super::{Inner, Writer, flush, locked};

/// How the joining of segments goes. While it fails nothing is lost, but questions take longer and longer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merges {
    /// Merges that succeeded since the store was opened.
    pub done: u64,
    /// Attempts that failed since then.
    pub failed: u64,
    /// What the last attempt failed with, in one line; `None` when it succeeded.
    pub fault: Option<String>,
}

impl Merges {
    /// Notes how an attempt went.
    pub(super) fn note(&mut self, went: &Result<bool, StoreError>) {
        match went {
            Ok(false) => {}
            Ok(true) => (self.done, self.fault) = (self.done + 1, None),
            Err(e) => (self.failed, self.fault) = (self.failed + 1, Some(in_one_line(e))),
        }
    }
}

/// An error and what it came from.
fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(of) = source {
        line = format!("{line}: {of}");
        source = of.source();
    }
    line
}

impl Inner {
    /// Whether there is something to merge.
    pub(super) fn is_merge_due(&self) -> bool {
        self.next_merge().is_some()
    }

    /// Merges once; tells whether it did.
    pub(super) fn merge_once(&self, codec: &Codec) -> Result<bool, StoreError> {
        let _alone = locked(&self.upkeep);
        let Some(inputs) = self.next_merge() else { return Ok(false) };
        let Some(key) = inputs.first().map(|s| s.key().clone()) else { return Ok(false) };
        let file = flush::merge(&self.folder, codec, &key, &inputs, &mut |_, _| Ok(true))?;
        let mut writer = locked(&self.writer);
        self.replace(&mut writer, codec, &inputs, file)?;
        Ok(true)
    }

    /// Puts the segment in `file` in the place of `old` ones, durably, and removes those.
    pub(super) fn replace(
        &self,
        writer: &mut Writer,
        codec: &Codec,
        old: &[Arc<Segment>],
        file: Option<String>,
    ) -> Result<(), StoreError> {
        let new = match &file {
            Some(name) => Some(Arc::new(Segment::open(&self.folder, name, codec, &self.cache)?)),
            None => None,
        };
        self.folder.sync()?;
        let is_old = |name: &str| old.iter().any(|segment| segment.name() == name);
        let mut manifest = writer.manifest.clone();
        manifest.segments.retain(|name| !is_old(name));
        manifest.segments.extend(file);
        manifest.write(&self.folder)?;
        writer.manifest = manifest;
        let mut state = self.state_mut();
        state.segments.retain(|segment| !is_old(segment.name()));
        state.segments.extend(new);
        drop(state);
        old.iter().try_for_each(|segment| self.folder.remove(segment.name()))
    }

    /// The segments that the manifest names.
    pub(super) fn committed(&self) -> Vec<Arc<Segment>> {
        let named = locked(&self.writer).manifest.segments.clone();
        let is_named = |segment: &&Arc<Segment>| named.iter().any(|name| name == segment.name());
        self.state().segments.iter().filter(is_named).cloned().collect()
    }

    /// The segments to merge next: of one class, month and size class, when there are enough of them.
    fn next_merge(&self) -> Option<Vec<Arc<Segment>>> {
        let mut groups: BTreeMap<(KeyName, u32), Vec<Arc<Segment>>> = BTreeMap::new();
        for segment in self.committed() {
            let rows = segment.tally().rows();
            if rows < MOST_ROWS {
                let size = rows.max(SMALL_ROWS).ilog(u64::from(FAN_IN));
                groups.entry((segment.key().clone(), size)).or_default().push(segment);
            }
        }
        let mut due = groups.into_values().find(|group| group.len() >= FAN_IN as usize)?;
        due.truncate(MOST_INPUTS);
        Some(due)
    }
}

/// How many segments of like size are merged.
const FAN_IN: u32 = 8;
const MOST_INPUTS: usize = 64;
/// Segments below are of like size.
const SMALL_ROWS: u64 = 1 << 15;
/// Segments of so many rows are merged no further.
const MOST_ROWS: u64 = 1 << 26;
