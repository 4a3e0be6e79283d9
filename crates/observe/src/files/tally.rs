//! What is handed on, and what is counted, while a file is read.

use std::io;
use std::ops::ControlFlow;

use tadoru_model::observation::Observation;
use tadoru_model::{Flows, UtcMicros};
use tadoru_wire::tables::Fault;
use tadoru_wire::{Defect, Place};

use super::damage::Damage;
use super::{End, FileReport, Item, MOST_DEFECTS, Sink};
use crate::records::odd_time;

/// Hands items on and keeps the counts.
pub(super) struct Tally<'a> {
    sink: Sink<'a>,
    now: UtcMicros,
    damage: Damage,
    report: FileReport,
}

impl<'a> Tally<'a> {
    pub(super) fn new(sink: Sink<'a>, now: UtcMicros) -> Self {
        Self { sink, now, damage: Damage::default(), report: FileReport::default() }
    }

    /// One more record was seen.
    pub(super) fn record(&mut self) {
        self.report.records += 1;
    }

    /// Many more records were seen.
    pub(super) fn records(&mut self, more: u64) {
        self.report.records += more;
    }

    /// The record says nothing about who held an address.
    pub(super) fn ignored(&mut self) {
        self.report.ignored += 1;
    }

    /// Something could not be read or believed, so that what it would have told is missing.
    pub(super) fn defect(&mut self, defect: Defect) {
        self.damage.here();
        self.list(defect);
    }

    /// Something could not be read that may have stood anywhere in the file.
    pub(super) fn defect_anywhere(&mut self, defect: Defect) {
        self.damage.anywhere();
        self.list(defect);
    }

    fn list(&mut self, defect: Defect) {
        self.report.defect_count += 1;
        if self.report.defects.len() < MOST_DEFECTS {
            self.report.defects.push(defect);
        }
    }

    /// Defects that were counted elsewhere and are not listed.
    pub(super) fn more_defects(&mut self, more: u64) {
        self.report.defect_count += more;
    }

    /// Hands an item on.
    pub(super) fn item(&mut self, item: Item) -> ControlFlow<()> {
        self.report.kept += 1;
        let flow = (self.sink)(item);
        if flow.is_break() {
            self.report.end = End::Stopped;
        }
        flow
    }

    /// Hands flows on, each counted.
    pub(super) fn flows(&mut self, flows: Flows) -> ControlFlow<()> {
        self.report.kept += (flows.rows() as u64).saturating_sub(1);
        self.item(Item::Flows(Box::new(flows)))
    }

    /// Hands an observation on, and says so where its time is odd. Losses follow at the end.
    pub(super) fn observation(&mut self, place: Place, observation: Observation) -> ControlFlow<()> {
        if let Some(what) = odd_time(&observation, self.now) {
            self.list(Defect { place, what: what.to_owned() });
        }
        match self.damage.hear(observation, self.now) {
            Some(observation) => self.item(Item::Observation(observation)),
            None => ControlFlow::Continue(()),
        }
    }

    /// Hands the outcome of a conversion on.
    pub(super) fn converted(
        &mut self,
        place: Place,
        converted: Result<Option<Observation>, &'static str>,
    ) -> ControlFlow<()> {
        match converted {
            Ok(Some(observation)) => return self.observation(place, observation),
            Ok(None) => self.ignored(),
            Err(what) => self.defect(Defect { place, what: what.to_owned() }),
        }
        ControlFlow::Continue(())
    }

    /// Takes a reader's result: `None` for a defect, which is noted.
    pub(super) fn sound<T>(&mut self, read: Result<T, Fault>) -> io::Result<Option<T>> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Fault::Defect(defect)) => {
                self.defect(defect);
                Ok(None)
            }
            Err(Fault::Input(error)) => Err(error),
        }
    }

    /// The input ends before its end; the last defect says so even when the list is full.
    pub(super) fn cut(&mut self, bytes: u64, what: &str) {
        self.report.end = End::Cut;
        self.report.defect_count += 1;
        self.report.defects.truncate(MOST_DEFECTS - 1);
        self.report.defects.push(Defect::byte(bytes, what));
    }

    /// Tells at last what is in doubt, and gives the report.
    pub(super) fn finish(mut self) -> FileReport {
        for observation in std::mem::take(&mut self.damage).coverage() {
            if self.report.end == End::Stopped || (self.sink)(Item::Observation(observation)).is_break() {
                self.report.end = End::Stopped;
                break;
            }
        }
        self.report
    }
}
