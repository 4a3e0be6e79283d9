//! Preservation holds, as people see them: which there are, on what ground, until when.
//!
//! What comes in: holds under `Permit<Preserve>`, their ends under `Permit<Store>`. What goes out: the same. It holds no
//! address: what a hold names is sealed with the records ([`crate::Assignments::hold`]).

use serde::{Deserialize, Serialize};
use tadoru_gate::Permit;
use tadoru_gate::permit::{Preserve, Store};
use tadoru_model::{CaseId, PersonId, UtcMicros};

use crate::StoreError;

/// Records that are kept from deletion because somebody who may asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its id.
    pub id: String,
    /// In which case.
    pub case: CaseId,
    /// Who set it.
    pub person: PersonId,
    /// The rule that permits it.
    pub rule: String,
    /// Where in the journal the permit stands.
    pub permit: u64,
    /// When it was set.
    pub since: UtcMicros,
    /// First instant at which it no longer holds.
    pub until: UtcMicros,
    /// How many records it named when it was set; `None`: setting it did not come to its end.
    pub records: Option<u64>,
    /// When it ended.
    pub ended: Option<UtcMicros>,
}

/// The holds of an installation. What is taken in is durable when the call returns.
pub trait Holds: Send + Sync {
    /// Takes a hold in, new or changed.
    ///
    /// # Errors
    /// When the disk refuses; then the one before stands.
    fn keep(&self, permit: &Permit<Preserve>, hold: &Hold) -> Result<(), StoreError>;

    /// Notes that a hold ended; one that is not known, or has ended, stays as it is.
    ///
    /// # Errors
    /// When the disk refuses.
    fn end(&self, permit: &Permit<Store>, id: &str, at: UtcMicros) -> Result<(), StoreError>;

    /// Every hold, the oldest first.
    fn holds(&self) -> Vec<Hold>;
}
