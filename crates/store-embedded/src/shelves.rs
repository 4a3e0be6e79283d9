//! Every store of one data folder, opened together.
//!
//! What comes in: the folder, the gate's keys and a standing permit. What goes out: what a desk works with. It decides
//! nothing but where each store has its files.

use std::sync::Arc;

use tadoru_gate::Permit;
use tadoru_gate::keys::Vault;
use tadoru_gate::permit::Store;
use tadoru_model::{Prefix, UtcMicros};
use tadoru_store::flows::Flows;
use tadoru_store::{
    Accounts, Assignments, ClockReadings, Coverage, Holds, Incidents, Rules, StoreError, Stores,
};

use crate::accounts::AccountBook;
use crate::assignments::{SegmentStore, Settings};
use crate::cases::{CaseBook, Database};
use crate::evidence::Exhibits;
use crate::flows::{FlowStore, Opened, Settings as FlowSettings};
use crate::folder::Folder;
use crate::folder::codec::Clock;
use crate::holds::HoldBook;
use crate::incidents::IncidentBook;
use crate::rules::{ClockBook, RuleBook};
use crate::spool::Spool;
use crate::subscribers::Directory;

/// The stores of a data folder.
pub struct Shelves {
    assignments: SegmentStore,
    rules: RuleBook,
    clocks: ClockBook,
    flows: FlowStore,
    incidents: IncidentBook,
    holds: HoldBook,
    accounts: AccountBook,
    cases: CaseBook,
    subscribers: Directory,
    evidence: Exhibits,
    spool: Spool,
}

impl Shelves {
    /// Opens the stores in `folder` of an operator with these networks; names the files that a crash
    /// left over, which are removed, and those of others, which are left alone.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub async fn open(
        folder: &Folder,
        vault: Vault,
        clock: Clock,
        permit: &Permit<Store>,
        own: &[Prefix],
    ) -> Result<(Self, Opened), StoreError> {
        // The classes are the pack's own, so that a key and what it sealed go together.
        let settings = Settings::default();
        let live = Arc::clone(&settings.classes.assignments);
        let inside = folder.inside("assignments")?;
        let (assignments, opened) =
            SegmentStore::open(&inside, vault.clone(), Arc::clone(&clock), permit, settings)?;
        let (spool, _) =
            Spool::open(&folder.inside("spool")?, vault.clone(), Arc::clone(&clock), permit, live)?;
        let inside = FlowSettings { inside: own.to_vec(), ..FlowSettings::default() };
        let (flows, found) = FlowStore::open(folder, inside)?;
        let incidents =
            IncidentBook::open(&folder.inside("incidents")?, vault.clone(), Arc::clone(&clock), permit)?;
        let database = Database::open(folder.path(), vault, clock).await?;
        let shelves = Self {
            assignments,
            rules: RuleBook::open(folder.clone())?,
            clocks: ClockBook::open(folder.clone())?,
            flows,
            incidents,
            holds: HoldBook::open(folder.clone())?,
            accounts: AccountBook::open(folder.clone())?,
            cases: CaseBook::new(Arc::clone(&database)),
            subscribers: Directory::open(Arc::clone(&database)).await?,
            evidence: Exhibits::open(database)?,
            spool,
        };
        let leftovers = [opened.leftovers, found.leftovers].concat();
        Ok((shelves, Opened { leftovers, foreign: found.foreign }))
    }

    /// Where live records wait until they are applied.
    pub const fn spool(&self) -> &Spool {
        &self.spool
    }
}

impl Stores for Shelves {
    type Cases = CaseBook;
    type Subscribers = Directory;
    type Evidence = Exhibits;

    fn assignments(&self) -> &dyn Assignments {
        &self.assignments
    }

    fn coverage(&self) -> &dyn Coverage {
        &self.assignments
    }

    fn rules(&self) -> &dyn Rules {
        &self.rules
    }

    fn clocks(&self) -> &dyn ClockReadings {
        &self.clocks
    }

    fn flows(&self) -> &dyn Flows {
        &self.flows
    }

    fn incidents(&self) -> &dyn Incidents {
        &self.incidents
    }

    fn holds(&self) -> &dyn Holds {
        &self.holds
    }

    fn accounts(&self) -> &dyn Accounts {
        &self.accounts
    }

    fn cases(&self) -> &CaseBook {
        &self.cases
    }

    fn subscribers(&self) -> &Directory {
        &self.subscribers
    }

    fn evidence(&self) -> &Exhibits {
        &self.evidence
    }

    fn forget_applied(&self) -> Result<Option<UtcMicros>, StoreError> {
        self.spool.forget()
    }
}
