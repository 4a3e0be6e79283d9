//! Every store of an installation, as the desk is given them.

use std::collections::BTreeSet;

use tadoru_gate::Permit;
use tadoru_gate::keys::Month;
use tadoru_gate::permit::Store;
use tadoru_model::UtcMicros;

use crate::flows::{FlowCopy, Flows};
use crate::{
    Accounts, Assignments, Cases, ClockReadings, Coverage, Evidence, Holds, Incidents, Rules, StoreError,
    Subscribers,
};

/// Everything that the desk keeps and asks.
pub trait Stores: Send + Sync + 'static {
    /// Cases.
    type Cases: Cases;
    /// The subscriber directory.
    type Subscribers: Subscribers;
    /// Evidence.
    type Evidence: Evidence;

    /// Who held what.
    fn assignments(&self) -> &dyn Assignments;
    /// When sources were alive.
    fn coverage(&self) -> &dyn Coverage;
    /// Algorithmic translations.
    fn rules(&self) -> &dyn Rules;
    /// The sources' clocks.
    fn clocks(&self) -> &dyn ClockReadings;
    /// Recorded flows.
    fn flows(&self) -> &dyn Flows;
    /// The copy of flows for finding command servers.
    fn flow_copy(&self) -> &dyn FlowCopy;
    /// Incidents on file.
    fn incidents(&self) -> &dyn Incidents;
    /// What is kept from deletion.
    fn holds(&self) -> &dyn Holds;
    /// Accounts of the console.
    fn accounts(&self) -> &dyn Accounts;
    /// Cases.
    fn cases(&self) -> &Self::Cases;
    /// The subscriber directory.
    fn subscribers(&self) -> &Self::Subscribers;
    /// Evidence.
    fn evidence(&self) -> &Self::Evidence;

    /// Removes live records that nobody reads any more; tells when the oldest that is left arrived. An installation
    /// without live sources has none.
    ///
    /// # Errors
    /// When the disk refuses.
    fn forget_applied(&self) -> Result<Option<UtcMicros>, StoreError> {
        Ok(None)
    }

    /// Removes received flow exports that arrived before an instant, whether or not somebody was to read them still;
    /// tells how many there were, and when the oldest that is left arrived. An installation without live exporters has
    /// none.
    ///
    /// # Errors
    /// When the disk refuses.
    fn forget_exports(
        &self,
        _permit: &Permit<Store>,
        _before: UtcMicros,
    ) -> Result<(u64, Option<UtcMicros>), StoreError> {
        Ok((0, None))
    }

    /// The classes and months of keys that go with recorded flows and with their copy: those in which some that are left
    /// arrived.
    fn flow_keys_in_use(&self) -> BTreeSet<(String, Month)> {
        BTreeSet::new()
    }
}
