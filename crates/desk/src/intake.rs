//! Observations in: joined to rows, stored under the standing permits, with what they say about coverage and clocks.

use std::sync::PoisonError;

use tadoru_gate::Permit;
use tadoru_gate::journal::Event;
use tadoru_gate::permit::Store;
use tadoru_model::observation::Observation;
use tadoru_model::{CoverageSpan, Rule};
use tadoru_store::assignments::SpoolMark;
use tadoru_store::subscribers::{Imported as Contracts, Subscriber, Subscribers as _};
use tadoru_trace::Assembler;

use crate::ask::Work;
use crate::heard::Heard;
use crate::{Desk, DeskError, Stores};

/// Observations on their way into the stores: of one import, or of the live sources.
pub struct Intake<'d, S> {
    desk: &'d Desk<S>,
    permit: Permit<Store>,
    assembler: Assembler,
    heard: Option<Heard>,
    waiting: usize,
    kept: u64,
    past_retention: u64,
}

/// Whether the records' own times say when their source was alive, or the source says it itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverageFrom {
    /// An imported file: from its first record to its last.
    Records,
    /// A live source tells its own coverage.
    Source,
}

/// What an import brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Rows stored, new or in a newer version.
    pub rows: u64,
    /// Those of them that were past their retention already: the next run of it deletes them, unless they are held.
    pub past_retention: u64,
    /// Where in the journal it stands.
    pub journal_index: u64,
}

/// What an import was of, for the journal.
#[derive(Debug, Clone, Default)]
pub struct Provenance {
    /// Format.
    pub format: String,
    /// Source, or the file's name without its folder.
    pub source: String,
    /// Records kept.
    pub kept: u64,
    /// Records with a defect.
    pub defects: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub file: Option<String>,
}

impl<S: Stores> Desk<S> {
    /// Begins to take observations in, from where the last intake stopped.
    ///
    /// # Errors
    /// When the rules do not permit the recording, or the store fails.
    pub fn intake(&self, coverage: CoverageFrom) -> Result<Intake<'_, S>, DeskError> {
        let permit = self.standing(Work::Assignments)?;
        let open = self.stores().assignments().open_rows(&permit)?;
        Ok(Intake {
            desk: self,
            permit,
            assembler: Assembler::resume(open),
            heard: (coverage == CoverageFrom::Records).then(Heard::default),
            waiting: 0,
            kept: 0,
            past_retention: 0,
        })
    }

    /// Takes algorithmic translations in; says how many were new, and where in the journal it stands.
    ///
    /// # Errors
    /// When the rules do not permit it, or the store fails.
    pub fn take_rules(&self, rules: &[Rule], of: &Provenance) -> Result<Taken, DeskError> {
        let permit = self.standing(Work::Assignments)?;
        let rows = self.stores().rules().put_rules(&permit, rules)?;
        Ok(Taken { rows, past_retention: 0, journal_index: self.note_import(of)? })
    }

    /// Takes contracts into the subscriber directory, as they are now.
    ///
    /// # Errors
    /// When the rules do not permit it, or the store fails.
    pub async fn take_contracts(
        &self,
        contracts: &[Subscriber],
        of: &Provenance,
    ) -> Result<(Contracts, u64), DeskError> {
        let permit = self.standing(Work::Directory)?;
        let imported = self.stores().subscribers().import(&permit, self.now(), contracts).await?;
        Ok((imported, self.note_import(of)?))
    }

    pub(crate) fn note_import(&self, of: &Provenance) -> Result<u64, DeskError> {
        let Provenance { format, source, kept, defects, file } = of.clone();
        Ok(self.gate().note(&Event::Imported { format, source, kept, defects, file }, self.now())?)
    }
}

impl<S: Stores> Intake<'_, S> {
    /// Takes one observation in.
    ///
    /// # Errors
    /// When the store refuses; then nothing that was acknowledged is lost, and the observation may be given again.
    pub fn take(&mut self, observation: Observation) -> Result<(), DeskError> {
        if let Some(heard) = &mut self.heard {
            heard.note(&observation);
        }
        self.assembler.step(observation);
        self.waiting += 1;
        if self.waiting >= BATCH {
            self.settle()?;
        }
        Ok(())
    }

    /// Puts what has been taken in so far into the stores: it can be asked for from then on.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn settle(&mut self) -> Result<(), DeskError> {
        self.waiting = 0;
        let changed = self.assembler.drain();
        let stores = self.desk.stores();
        self.kept += changed.rows.len() as u64;
        let (periods, now) = (self.desk.retention_periods(), self.desk.now());
        let past = changed.rows.iter().filter(|row| periods.are_over(row, now)).count() as u64;
        self.past_retention += past;
        let deleting = || self.desk.deleting.read().unwrap_or_else(PoisonError::into_inner);
        let _not_now = (past > 0).then(deleting);
        if !changed.rows.is_empty() {
            stores.assignments().put(&self.permit, &changed.rows)?;
        }
        if !changed.coverage.is_empty() {
            stores.coverage().cover(&self.permit, &changed.coverage)?;
        }
        if !changed.clocks.is_empty() {
            stores.clocks().note(&self.permit, &changed.clocks)?;
        }
        Ok(())
    }

    /// Settles and makes everything durable up to `mark` of the spool.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn commit(&mut self, mark: SpoolMark) -> Result<(), DeskError> {
        self.settle()?;
        if !self.permit.holds(self.desk.now()) {
            self.permit = self.desk.standing(Work::Assignments)?;
        }
        Ok(self.desk.stores().assignments().commit(&self.permit, mark)?)
    }

    /// Ends an import: everything is durable, the coverage of its sources and the import itself are on record.
    /// What was past its retention already goes with the next run of it, unless a hold keeps it by then.
    ///
    /// # Errors
    /// When the store or the journal refuses.
    pub fn finish(mut self, of: &Provenance) -> Result<Taken, DeskError> {
        let mark = self.desk.stores().assignments().mark();
        self.commit(mark)?;
        if let Some(heard) = self.heard.take() {
            let coverage = self.desk.stores().coverage();
            let spans: Vec<CoverageSpan> = heard.spans(&coverage.calendar()?);
            coverage.cover(&self.permit, &spans)?;
        }
        let journal_index = self.desk.note_import(of)?;
        Ok(Taken { rows: self.kept, past_retention: self.past_retention, journal_index })
    }
}

/// Observations joined at a time.
const BATCH: usize = 16_384;
