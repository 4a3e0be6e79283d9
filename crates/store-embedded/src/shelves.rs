//! Every store of one data folder, opened together.
//!
//! What comes in: the folder, the gate's keys and a standing permit. What goes out: what a desk works with. It decides
//! nothing but where each store has its files.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tadoru_gate::Permit;
use tadoru_gate::keys::{Month, Vault};
use tadoru_gate::permit::Store;
use tadoru_model::{Prefix, UtcMicros};
use tadoru_store::flows::copy::KEYS as COPY_KEYS;
use tadoru_store::flows::memory::end_of_hour;
use tadoru_store::flows::{FlowCopy, Flows, KEYS as FLOW_KEYS};
use tadoru_store::{
    Accounts, Assignments, ClockReadings, Coverage, Holds, Incidents, Rules, StoreError, Stores,
};

use crate::accounts::AccountBook;
use crate::assignments::classes::month_of;
use crate::assignments::{SegmentStore, Settings};
use crate::cases::{CaseBook, Database};
use crate::evidence::Exhibits;
use crate::flows::{CopyStore, FlowStore, Opened, Settings as FlowSettings};
use crate::folder::Folder;
use crate::folder::codec::{Clock, KeyName};
use crate::holds::HoldBook;
use crate::incidents::IncidentBook;
use crate::rules::{ClockBook, RuleBook};
use crate::spool::{Durability, Spool};
use crate::subscribers::Directory;

/// The stores of a data folder.
pub struct Shelves {
    assignments: SegmentStore,
    rules: RuleBook,
    clocks: ClockBook,
    flows: Arc<FlowStore>,
    incidents: IncidentBook,
    holds: HoldBook,
    accounts: AccountBook,
    cases: CaseBook,
    subscribers: Directory,
    evidence: Exhibits,
    spool: Spool,
    copy: CopyStore,
    folder: Folder,
    vault: Vault,
    clock: Clock,
    /// Received flow exports, opened by the first who needs them.
    exports: Mutex<Option<Spool>>,
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
        let flows = Arc::new(flows);
        let (copy, of_copy) = CopyStore::open(folder, Arc::clone(&flows), vault.clone(), Arc::clone(&clock))?;
        let incidents =
            IncidentBook::open(&folder.inside("incidents")?, vault.clone(), Arc::clone(&clock), permit)?;
        let database = Database::open(folder.path(), vault.clone(), Arc::clone(&clock)).await?;
        let shelves = Self {
            assignments,
            rules: RuleBook::open(folder.clone())?,
            clocks: ClockBook::open(folder.clone())?,
            flows,
            incidents,
            holds: HoldBook::open(folder.clone())?,
            accounts: AccountBook::open(folder.clone(), &vault, permit, clock())?,
            cases: CaseBook::new(Arc::clone(&database)),
            subscribers: Directory::open(Arc::clone(&database)).await?,
            evidence: Exhibits::open(database)?,
            spool,
            copy,
            folder: folder.clone(),
            vault,
            clock,
            exports: Mutex::default(),
        };
        let leftovers = [opened.leftovers, found.leftovers, of_copy.leftovers].concat();
        Ok((shelves, Opened { leftovers, foreign: [found.foreign, of_copy.foreign].concat() }))
    }

    /// Where received flow exports wait until they are applied, with how many bytes of a torn tail were cut off when it
    /// was opened, which the first call does. Its receipts are good for the end of the machine after a sync.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn exports(&self, permit: &Permit<Store>) -> Result<(Spool, u64), StoreError> {
        let mut exports = self.exports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spool) = &*exports {
            return Ok((spool.clone(), 0));
        }
        let (spool, torn) = Spool::open_with(
            &self.folder.inside(EXPORTS)?,
            self.vault.clone(),
            Arc::clone(&self.clock),
            permit,
            Arc::from(FLOW_KEYS),
            Durability::AtSync,
        )?;
        *exports = Some(spool.clone());
        Ok((spool, torn))
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
        &*self.flows
    }

    fn flow_copy(&self) -> &dyn FlowCopy {
        &self.copy
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

    fn forget_exports(
        &self,
        permit: &Permit<Store>,
        before: UtcMicros,
    ) -> Result<(u64, Option<UtcMicros>), StoreError> {
        if !self.folder.path().join(EXPORTS).is_dir() {
            return Ok((0, None));
        }
        self.exports(permit)?.0.forget_before(before)
    }

    fn flow_keys_in_use(&self) -> BTreeSet<(String, Month)> {
        let of = |class: &'static str, hours: Vec<i64>| {
            let month = |hour: i64| month_of(end_of_hour(hour.saturating_sub(1)).0);
            hours.into_iter().filter_map(move |hour| KeyName::new(Arc::from(class), month(hour)).in_vault())
        };
        of(FLOW_KEYS, self.flows.hours()).chain(of(COPY_KEYS, self.copy.hours())).collect()
    }
}

/// The folder of received flow exports in the data folder.
const EXPORTS: &str = "flow-spool";
