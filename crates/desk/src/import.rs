//! Files in: a reader is plugged in by the executable, for the desk reads no format itself.

use std::io::Read;

use tadoru_model::observation::Observation;
use tadoru_model::{Flows, Realm, Rule, SourceName, UtcMicros};
use tadoru_store::flows::{Again, FileDigest};
use tadoru_store::subscribers::Subscriber;

use crate::flows::{Ended, FlowIntake};
use crate::intake::{CoverageFrom, Provenance};
use crate::{Actor, Desk, DeskError, Stores};

/// One thing that a file holds.
#[derive(Debug)]
pub enum Item {
    /// A fact of the access network.
    Observation(Observation),
    /// An algorithmic translation.
    Rule(Rule),
    /// A contract.
    Contract(Box<Subscriber>),
    /// Flows, many at a time.
    Flows(Box<Flows>),
}

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Format, by its name on the command line.
    pub format: String,
    /// The file's name without its folder.
    pub name: String,
    /// Source of its records, where they do not tell it.
    pub source: Option<SourceName>,
    /// Realm of the addresses that it speaks of.
    pub realm: Realm,
    /// Realm of the inside addresses of translations.
    pub inside_realm: Realm,
    /// Zone of times that tell none, by name. The operator's own tables are in the operator's zone where none is named;
    /// in logs of devices a time without a zone is then a defect, for an hour's error names a wrong person.
    pub zone: Option<String>,
    /// The instant of reading.
    pub now: UtcMicros,
    /// SHA-256 of the file as it is sent: a file of flows is announced by it, so that none counts twice.
    pub sha256: Option<FileDigest>,
    /// Whether a file of flows that was taken in before is taken in once more.
    pub again: Again,
}

/// What was read of a file.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    /// Records read.
    pub records: u64,
    /// Records kept.
    pub kept: u64,
    /// Records that are none of this format's business.
    pub ignored: u64,
    /// Records with a defect.
    pub defective: u64,
    /// The first defects, each with its place; no value of a record.
    pub defects: Vec<String>,
    /// SHA-256 of the file as it was read, hexadecimal.
    pub sha256: String,
}

/// Why a file could not be read. No message holds a value of a record.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file itself.
    #[error("cannot read {format} file `{name}`")]
    Input {
        /// Format.
        format: String,
        /// The file's name.
        name: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such format.
    #[error("there is no import format `{format}`; there are: {known}")]
    Format {
        /// What was named.
        format: String,
        /// What there is.
        known: String,
    },
    /// The zone is not in the time-zone database.
    #[error("there is no time zone `{zone}`")]
    Zone {
        /// What was named.
        zone: String,
    },
    /// A file of flows is not the one that was announced; what it holds was taken in.
    #[error("the file changed while it was read: what was read is kept, {kept} flows of it")]
    Changed {
        /// Flows of it that are kept.
        kept: u64,
    },
    /// A file of flows broke off; what was taken in of it stays.
    #[error("{source}; the first {kept} flows of the file are kept")]
    BrokenOff {
        /// Flows of it that are kept.
        kept: u64,
        /// Why.
        source: Box<ImportError>,
    },
    /// The desk.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// Reads files of the formats that the installation knows.
pub trait FileReader: Send + Sync {
    /// Whether a format is a table that the operator keeps, not a log of a device.
    fn is_operators_table(&self, format: &str) -> bool;

    /// Reads `input` to its end, handing each thing in it to `sink`; a fault of `sink` ends the reading.
    ///
    /// # Errors
    /// When the input fails or `sink` does. Defects of single records are in the report.
    fn read(
        &self,
        reading: &Reading,
        input: &mut (dyn Read + Send),
        sink: &mut dyn FnMut(Item) -> Result<(), DeskError>,
    ) -> Result<FileReport, ImportError>;
}

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// What was read.
    pub report: FileReport,
    /// Rows stored, new or in a newer version.
    pub rows: u64,
    /// Flows of the file that an import that broke off had kept before; they were not taken in again.
    pub kept_before: u64,
    /// Those of them that were past their retention already: the next run of it deletes them, unless they are held.
    pub past_retention: u64,
    /// Where in the journal it stands.
    pub journal_index: u64,
}

impl<S: Stores> Desk<S> {
    /// Imports one file. It blocks while it reads: a server calls it where blocking is allowed.
    ///
    /// # Errors
    /// When the person may not import, the input or a store fails. What was kept by then is not lost, and the journal says
    /// that the import was broken off.
    pub async fn import(
        &self,
        actor: &Actor,
        reader: &dyn FileReader,
        reading: &Reading,
        input: &mut (dyn Read + Send),
    ) -> Result<Imported, ImportError> {
        if !actor.is(tadoru_model::Role::Administrator) && !actor.is(tadoru_model::Role::System) {
            return Err(DeskError::Role { role: "administrator" }.into());
        }
        let mut reading = reading.clone();
        if reading.zone.is_none() && reader.is_operators_table(&reading.format) {
            reading.zone = Some(self.settings().zone.clone());
        }
        let reading = &reading;
        let mut intake = self.intake(CoverageFrom::Records)?;
        let (mut rules, mut contracts) = (Vec::new(), Vec::new());
        let (mut kept, mut flows) = (0, None);
        let read = reader.read(reading, input, &mut |item| match item {
            Item::Observation(observation) => intake.take(observation).inspect(|()| kept += 1),
            Item::Rule(rule) => {
                rules.push(rule);
                Ok(())
            }
            Item::Contract(contract) => {
                contracts.push(*contract);
                Ok(())
            }
            Item::Flows(batch) => {
                kept += self.flow_intake(&mut flows, reading)?.take(*batch)?;
                Ok(())
            }
        });
        let format = reading.format.clone();
        let source = reading.source.as_ref().map_or_else(|| reading.name.clone(), |s| s.0.to_string());
        let report = match read {
            Ok(report) => report,
            Err(error) => {
                if kept > 0 {
                    // What was taken in stays, so it is on record too. Why it broke off is the greater news.
                    let format = format!("{format} (broken off)");
                    let _ = intake.finish(&Provenance { format, source, kept, defects: 0, file: None });
                }
                return Err(match flows.map(FlowIntake::break_off) {
                    Some(Ok(kept)) if kept > 0 => ImportError::BrokenOff { kept, source: Box::new(error) },
                    _ => error,
                });
            }
        };
        let file = Some(report.sha256.clone());
        let of = Provenance { format, source, kept: report.kept, defects: report.defective, file };
        let kept_before = flows.as_ref().map_or(0, FlowIntake::kept_before);
        let taken = if let Some(flows) = flows {
            if let Ended::Changed { kept } = flows.finish(&report.sha256)? {
                self.note_import(&Provenance { format: format!("{} (broken off)", of.format), kept, ..of })?;
                return Err(ImportError::Changed { kept });
            }
            crate::intake::Taken { rows: kept, past_retention: 0, journal_index: self.note_import(&of)? }
        } else if !rules.is_empty() {
            self.take_rules(&rules, &of)?
        } else if !contracts.is_empty() {
            let (imported, journal_index) = self.take_contracts(&contracts, &of).await?;
            crate::intake::Taken { rows: imported.new + imported.changed, past_retention: 0, journal_index }
        } else {
            intake.finish(&of)?
        };
        let crate::intake::Taken { rows, past_retention, journal_index } = taken;
        Ok(Imported { report, rows, kept_before, past_retention, journal_index })
    }
}
