//! Rules and clock readings: small, of the network and not of people, each in one readable file.
//!
//! What comes in and goes out: see [`Rules`] and [`ClockReadings`]. A change replaces the file whole or not at all.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::{ClockReading, Rule, SourceName, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::clocks::ClockReadings;
use tadoru_store::rules::Rules;

use crate::folder::Folder;

/// The rules of a data folder.
#[derive(Debug)]
pub struct RuleBook {
    folder: Folder,
    rules: Mutex<Vec<Rule>>,
}

impl RuleBook {
    /// The rules in `folder`.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn open(folder: Folder) -> Result<Self, StoreError> {
        let rules = Mutex::new(read(&folder, RULES)?);
        Ok(Self { folder, rules })
    }
}

impl Rules for RuleBook {
    fn put_rules(&self, _permit: &Permit<Store>, new: &[Rule]) -> Result<u64, StoreError> {
        let mut rules = locked(&self.rules);
        let mut all = rules.clone();
        for rule in new {
            if !all.contains(rule) {
                all.push(rule.clone());
            }
        }
        let added = (all.len() - rules.len()) as u64;
        write(&self.folder, RULES, &all)?;
        *rules = all;
        Ok(added)
    }

    fn rules(&self) -> Vec<Rule> {
        locked(&self.rules).clone()
    }
}

/// The clock readings of a data folder.
#[derive(Debug)]
pub struct ClockBook {
    folder: Folder,
    readings: Mutex<BTreeMap<(SourceName, UtcMicros), ClockReading>>,
}

impl ClockBook {
    /// The readings in `folder`.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn open(folder: Folder) -> Result<Self, StoreError> {
        let readings: Vec<ClockReading> = read(&folder, CLOCKS)?;
        let readings = readings.into_iter().map(|r| ((r.source.clone(), r.day), r)).collect();
        Ok(Self { folder, readings: Mutex::new(readings) })
    }
}

impl ClockReadings for ClockBook {
    fn note(&self, _permit: &Permit<Store>, new: &[ClockReading]) -> Result<(), StoreError> {
        let mut readings = locked(&self.readings);
        let mut all = readings.clone();
        for reading in new {
            let day = all.entry((reading.source.clone(), reading.day)).or_insert_with(|| ClockReading {
                lead_us: i64::MIN,
                samples: 0,
                ..reading.clone()
            });
            day.lead_us = day.lead_us.max(reading.lead_us);
            day.samples = day.samples.saturating_add(reading.samples);
        }
        write(&self.folder, CLOCKS, &all.values().collect::<Vec<_>>())?;
        *readings = all;
        Ok(())
    }

    fn readings(&self) -> Vec<ClockReading> {
        locked(&self.readings).values().cloned().collect()
    }
}

pub(crate) fn read<T: DeserializeOwned + Default>(folder: &Folder, name: &str) -> Result<T, StoreError> {
    match std::fs::read(folder.file(name)) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|_| StoreError::Damaged { file: folder.place(name), what: "it does not read" }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(source) => Err(StoreError::Disk { doing: "read", file: folder.place(name), source }),
    }
}

pub(crate) fn write<T: Serialize>(folder: &Folder, name: &str, value: &T) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(value).map_err(|_| StoreError::Damaged {
        file: folder.place(name),
        what: "it cannot be written as JSON",
    })?;
    folder.replace(name, &bytes)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const RULES: &str = "rules.json";
const CLOCKS: &str = "clocks.json";
