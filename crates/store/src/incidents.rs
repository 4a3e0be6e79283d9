//! Incidents on file: what the detector said of each, in the words that a list may show and sealed whole beside them.
//!
//! What comes in: findings under `Permit<Store>`. What goes out: briefs without an address or a customer's name, for
//! everybody who may know that there is an incident; coarse targets under the standing permit for aggregates; and the
//! whole of one incident, sealed, under `Permit<Learn>`. It judges nothing: the newest finding of an id is the incident.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tadoru_gate::keys::Month;
use tadoru_gate::permit::{Aggregate, Learn, Store};
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::finding::{Direction, Finding, FindingId, FindingState, Rate, Scope, Sureness};
use tadoru_model::{Prefix, UtcMicros, Vector};

use crate::StoreError;

pub mod contract;
pub mod memory;

pub use memory::MemoryIncidents;

/// What may be said of an incident to whoever may know that there is one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// Which.
    pub id: FindingId,
    /// Its strongest vector.
    pub vector: Vector,
    /// What happened last.
    pub state: FindingState,
    /// When that was said.
    pub at: UtcMicros,
    /// First second over the threshold.
    pub start: UtcMicros,
    /// Last second that belonged to it.
    pub last: UtcMicros,
    /// The highest second, estimated real traffic.
    pub peak: Rate,
    /// The newest rate.
    pub now: Rate,
    /// Seen from the own network.
    pub direction: Direction,
    /// What kind of target it has.
    pub scope: ScopeKind,
    /// How sure it is.
    pub sure: Sureness,
}

/// What kind of thing a finding is aimed at; of a scan, what kind of thing scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeKind {
    /// One address.
    Host,
    /// A customer's prefixes.
    Customer,
    /// A prefix.
    Prefix,
    /// What enters by one interface.
    Interface,
    /// The whole network.
    Network,
}

/// A target as an aggregate may show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coarse {
    /// The prefix that it lies in, /24 (IPv4) or /56 (IPv6) or shorter.
    Prefix(Prefix),
    /// A customer, by its class only; empty where none is configured.
    Class(String),
    /// An interface, by its index.
    Interface(u32),
    /// The whole network.
    Network,
}

/// How strong an incident was at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: UtcMicros,
    /// What was said then.
    pub state: FindingState,
    /// Estimated real traffic.
    pub rate: Rate,
    /// How many times the threshold that was.
    pub ratio: f64,
}

/// An incident in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The newest finding.
    pub newest: Finding,
    /// Its strength over time, oldest first, at most [`MOST_MOMENTS`]; a long one is thinned out evenly.
    pub history: Vec<Moment>,
}

/// The incidents of an installation. What [`Incidents::keep`] took is durable when the call returns.
pub trait Incidents: Send + Sync {
    /// Takes a finding in: a new incident, or the newest of a known one.
    ///
    /// # Errors
    /// When the disk or the gate's codec refuses; then nothing of it is kept.
    fn keep(&self, permit: &Permit<Store>, finding: &Finding) -> Result<(), StoreError>;

    /// Adds to the history of incidents that are on file; of others nothing is kept. What was added last may be lost
    /// when the power fails.
    ///
    /// # Errors
    /// When the disk or the gate's codec refuses; then nothing of it is kept.
    fn measure(&self, permit: &Permit<Store>, moments: &[(FindingId, Moment)]) -> Result<(), StoreError>;

    /// Every incident, the one that began last first.
    fn briefs(&self) -> Vec<Brief>;

    /// One incident in full; `None` where there is none.
    ///
    /// # Errors
    /// When the disk or the gate's codec refuses.
    fn find(&self, permit: &Permit<Learn>, id: FindingId) -> Result<Option<Sealed<Record>>, StoreError>;

    /// The coarse targets of these incidents, in their order; `None` for one that is not on file.
    ///
    /// # Errors
    /// When the disk or the gate's codec refuses.
    fn targets(
        &self,
        permit: &Permit<Aggregate>,
        ids: &[FindingId],
    ) -> Result<Sealed<Vec<Option<Coarse>>>, StoreError>;

    /// Deletes the incidents that are over and whose last second lies before `before`; how many.
    ///
    /// # Errors
    /// When the disk refuses; what was deleted by then stays deleted.
    fn delete_before(&self, permit: &Permit<Store>, before: UtcMicros) -> Result<u64, StoreError>;

    /// Keeps what the detector has learnt, in place of what it kept before.
    ///
    /// # Errors
    /// When the disk or the gate's codec refuses; then what was kept before stands.
    fn remember(&self, permit: &Permit<Store>, learnt: &[u8]) -> Result<(), StoreError>;

    /// What the detector has learnt; `None` where nothing is kept, or its key went with the retention.
    ///
    /// # Errors
    /// When the disk refuses, or the file is damaged.
    fn recall(&self, permit: &Permit<Store>) -> Result<Option<Vec<u8>>, StoreError>;

    /// The keys that its files need. None where nothing is sealed.
    fn keys_in_use(&self) -> BTreeSet<(String, Month)> {
        BTreeSet::new()
    }
}

impl Brief {
    /// What may be said of a finding.
    pub fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id,
            vector: finding.vector,
            state: finding.state,
            at: finding.at,
            start: finding.start,
            last: finding.last,
            peak: finding.peak.rate,
            now: finding.now,
            direction: finding.direction,
            scope: ScopeKind::of(&finding.scope),
            sure: finding.sure,
        }
    }

    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        self.state != FindingState::Ended
    }
}

impl ScopeKind {
    /// The kind of a scope.
    pub const fn of(scope: &Scope) -> Self {
        match scope {
            Scope::Host(_) => Self::Host,
            Scope::Customer(_) => Self::Customer,
            Scope::Prefix(_) => Self::Prefix,
            Scope::Interface { .. } => Self::Interface,
            Scope::Network => Self::Network,
        }
    }

    /// Its word in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Customer => "customer",
            Self::Prefix => "prefix",
            Self::Interface => "interface",
            Self::Network => "network",
        }
    }
}

impl Coarse {
    /// What an aggregate may show of a finding's target.
    pub fn of(finding: &Finding) -> Self {
        let wide = |prefix: Prefix| {
            let most = if prefix.addr().is_ipv4() { BROAD_V4 } else { BROAD_V6 };
            Self::Prefix(Prefix::covering(prefix.addr(), prefix.len().min(most)).unwrap_or(prefix))
        };
        match &finding.scope {
            Scope::Host(addr) => wide(Prefix::host(*addr)),
            Scope::Prefix(prefix) => wide(*prefix),
            Scope::Customer(_) => Self::Class(finding.threshold.class.clone()),
            Scope::Interface { index, .. } => Self::Interface(*index),
            Scope::Network => Self::Network,
        }
    }
}

impl std::fmt::Debug for Coarse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[coarse target]")
    }
}

impl Moment {
    /// The strength that a finding tells.
    pub fn of(finding: &Finding) -> Self {
        let over = |rate: f64, limit: f64| if limit > 0.0 { rate / limit } else { 0.0 };
        let (rate, limit) = (finding.now, finding.threshold.rate);
        let ratio = over(rate.packets_per_s, limit.packets_per_s)
            .max(over(rate.bits_per_s, limit.bits_per_s))
            .max(over(rate.flows_per_s, limit.flows_per_s));
        Self { at: finding.at, state: finding.state, rate, ratio }
    }
}

/// Thins a history out until it is no longer than [`MOST_MOMENTS`]: every second rate between two things that
/// happened goes, the first and the last stay.
pub fn thin<T>(history: &mut Vec<T>, happened: impl Fn(&T) -> bool) {
    while history.len() > MOST_MOMENTS {
        let (before, last) = (history.len(), history.len() - 1);
        let mut place = 0;
        history.retain(|moment| {
            let kept = place == 0 || place == last || place % 2 == 0 || happened(moment);
            place += 1;
            kept
        });
        if history.len() == before {
            // Nothing but what happened is left: the oldest half of it goes.
            history.drain(1..before / 2);
        }
    }
}

/// Seals a whole incident for the case of the permit it was asked under.
pub fn sealed_record(permit: &Permit<Learn>, record: Record) -> Sealed<Record> {
    Sealed::new(FLOWS, permit.case().cloned(), record)
}

/// Seals coarse targets for the permit they were asked under.
pub fn sealed_targets(
    permit: &Permit<Aggregate>,
    targets: Vec<Option<Coarse>>,
) -> Sealed<Vec<Option<Coarse>>> {
    Sealed::new(FLOWS, permit.case().cloned(), targets)
}

/// The class of the keys under which a store seals incidents: kept as long as the extract of an incident (JP-030.2: a
/// year after its end), and apart from the journal's tokens of that class, so that a key goes with its last incident.
pub const KEYS: &str = "incident";
/// Moments of one history at most.
pub const MOST_MOMENTS: usize = 512;

const FLOWS: DataSet = DataSet::of(&[DataCategory::Flow]);
/// Longest prefixes in which nobody can be told.
const BROAD_V4: u8 = 24;
const BROAD_V6: u8 = 56;
