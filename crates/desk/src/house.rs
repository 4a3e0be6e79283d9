//! An installation in a folder of its own, for tests: embedded stores, a gate with the Japanese pack, a clock set by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tadoru_gate::journal::Options;
use tadoru_gate::permit::{Act as _, Store};
use tadoru_gate::{Answer, Ask, DataCategory, DataSet, Facts, Gate, Packs, Permit, Purpose, Scope};
use tadoru_model::{PersonId, Role, UtcMicros};
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::shelves::Shelves;
use tokio::runtime::Runtime;

use crate::{Clock, Desk, People, Settings};

/// An installation.
pub(crate) struct House {
    /// Its desk.
    pub desk: Arc<Desk<Shelves>>,
    /// Its clock.
    pub clock: Hands,
    /// Its folder.
    pub folder: tempfile::TempDir,
    settings: Settings,
    runtime: Runtime,
}

/// A clock that is set by hand.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    /// Sets it.
    pub fn set(&self, now: UtcMicros) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> UtcMicros {
        UtcMicros(self.0.load(Ordering::Relaxed))
    }
}

impl House {
    /// An empty installation.
    pub fn new(now: UtcMicros) -> Self {
        Self::with(now, Settings::default())
    }

    /// One whose operator wants the copy of flows for finding command servers.
    pub fn wanting_the_copy(now: UtcMicros) -> Self {
        Self::with(now, Settings { c2_copy: true, ..Settings::default() })
    }

    fn with(now: UtcMicros, settings: Settings) -> Self {
        let clock = Hands(Arc::new(AtomicI64::new(now.0)));
        let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        let desk = desk(&runtime, folder.path(), &clock, settings.clone());
        Self { desk, clock, folder, settings, runtime }
    }

    /// The same after a stop. Permits keep the journal open: whoever has one drops it before.
    pub fn restarted(self) -> Self {
        let Self { desk: old, clock, folder, settings, runtime } = self;
        assert_eq!(Arc::strong_count(&old), 1, "nobody else has the desk");
        drop(old);
        let desk = desk(&runtime, folder.path(), &clock, settings.clone());
        Self { desk, clock, folder, settings, runtime }
    }
}

fn desk(runtime: &Runtime, path: &Path, clock: &Hands, settings: Settings) -> Arc<Desk<Shelves>> {
    let folder = Folder::open(path).unwrap();
    let (packs, options) = (Packs::shipped().unwrap(), Options::new("tests.example"));
    let (gate, _) = Gate::open(&path.join("gate"), packs, &options, clock.now()).unwrap();
    let (permit, vault, tick) = (recording(&gate, clock.now()), gate.vault().clone(), clock.clone());
    let opening = Shelves::open(&folder, vault, Arc::new(move || tick.now()), &permit, &[]);
    let (stores, _) = runtime.block_on(opening).unwrap();
    let clock = Arc::new(clock.clone());
    Arc::new(Desk::new(Arc::new(gate), stores, settings, People::default(), clock))
}

fn recording(gate: &Gate, at: UtcMicros) -> Permit<Store> {
    let ask = Ask {
        act: Store::NAME,
        data: DataSet::of(&[DataCategory::Asgn]),
        purpose: Purpose::Clean,
        basis: None,
        person: PersonId("system".to_owned()),
        roles: vec![Role::System],
        case: None,
        scope: Scope { own_network: true, ..Scope::default() },
        facts: Facts::none(),
        at,
    };
    let Answer::Permitted(permit) = gate.ask::<Store>(ask).unwrap() else {
        unreachable!("JP-060 permits it")
    };
    permit
}
