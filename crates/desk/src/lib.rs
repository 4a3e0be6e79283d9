//! The desk: the case's life, and the commands that people and machines give it.
//!
//! What comes in: a person with roles and what they want; observations of the sources. What goes out: answers with the
//! ground that they stand on. It calls the verbs in their order and speaks with the gate before and after; it holds no
//! algorithm, no protocol and no page.

pub mod accounts;
pub mod approvals;
pub mod ask;
pub mod casework;
pub mod clock;
pub mod copies;
pub mod directory;
pub mod error;
pub mod flows;
pub mod holds;
pub mod import;
pub mod incidents;
pub mod ingress;
pub mod intake;
pub mod law;
pub mod network;
pub mod packs;
pub mod people;
pub mod reading;
pub mod rehearse;
pub mod retention;
pub mod settings;
pub mod sources;
pub mod validation;
pub mod watch;
pub mod who;

mod heard;
#[cfg(test)]
mod house;

use std::sync::{Arc, PoisonError, RwLock};

use tadoru_gate::Gate;
use tadoru_store::incidents::Brief;
use tokio::sync::broadcast;

pub use self::clock::{Clock, FixedClock, SystemClock};
pub use self::error::DeskError;
pub use self::network::Network;
pub use self::people::{Actor, Door, People, Person};
pub use self::settings::Settings;
pub use self::watch::{Detection, FlowWatch};
pub use tadoru_store::Stores;

/// One installation's desk.
pub struct Desk<S> {
    gate: Arc<Gate>,
    stores: S,
    settings: Settings,
    people: People,
    clock: Arc<dyn Clock>,
    network: RwLock<Arc<Network>>,
    detection: Detection,
    /// Tells of incidents as they are filed.
    told: broadcast::Sender<Brief>,
    /// Written while the retention runs, read while rows go in that are past it.
    deleting: RwLock<()>,
}

impl<S: Stores> Desk<S> {
    /// A desk over these stores, with this gate.
    pub fn new(
        gate: Arc<Gate>,
        stores: S,
        settings: Settings,
        people: People,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            gate,
            stores,
            settings,
            people,
            clock,
            network: RwLock::default(),
            detection: Detection::default(),
            told: broadcast::Sender::new(MOST_WAITING),
            deleting: RwLock::default(),
        }
    }

    /// The desk with what the operator has told about the network.
    #[must_use]
    pub fn with_network(self, network: Network) -> Self {
        Self { network: RwLock::new(Arc::new(network)), ..self }
    }

    /// What the operator has told about the network; nothing where nothing was.
    pub fn network(&self) -> Arc<Network> {
        Arc::clone(&self.network.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes by another network from now on: the operator has told it anew.
    pub fn renew_network(&self, network: Network) {
        let mut known = self.network.write().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(network.behind(&known));
    }

    /// The desk with other settings of its detector.
    #[must_use]
    pub fn with_detection(self, detection: Detection) -> Self {
        Self { detection, ..self }
    }

    /// What the detector goes by.
    pub const fn detection(&self) -> &Detection {
        &self.detection
    }

    /// Tells of incidents.
    pub(crate) const fn told(&self) -> &broadcast::Sender<Brief> {
        &self.told
    }

    /// The gate.
    pub const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The stores.
    pub const fn stores(&self) -> &S {
        &self.stores
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The people.
    pub const fn people(&self) -> &People {
        &self.people
    }

    /// The instant that the desk takes for the present.
    pub fn now(&self) -> tadoru_model::UtcMicros {
        self.clock.now()
    }
}

/// Incidents that a listener may be behind before it misses some.
const MOST_WAITING: usize = 1024;
