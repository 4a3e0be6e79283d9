//! A data folder for the tests of this crate, and somebody who gets permits for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::path::Path;
use std::sync::Arc;

use tadoru_gate::gate::{Answer, Gate};
use tadoru_gate::journal::Options;
use tadoru_gate::keys::Vault;
use tadoru_gate::permit::{Act, Learn, Store, Use};
use tadoru_gate::{Ask, Basis, DataCategory, DataSet, Facts, Packs, Permit, Purpose, Scope};
use tadoru_model::{CaseId, PersonId, Role, UtcMicros};
use tadoru_store::cases::contract::Door;

use super::Database;

/// Who gets the permits: from the gate, by the shipped rules.
pub(crate) struct Tester {
    gate: Gate,
    store: Permit<Store>,
}

impl Tester {
    pub(crate) fn new(folder: &Path) -> Self {
        let packs = Packs::shipped().unwrap();
        let (gate, _) = Gate::open(&folder.join("gate"), packs, &Options::new("tests.example"), NOW).unwrap();
        let store = permit(&gate, PERSONAL, Purpose::Deliver, Basis::Party, Role::System, None);
        Self { gate, store }
    }
}

impl Door for Tester {
    fn store(&self) -> &Permit<Store> {
        &self.store
    }

    fn learn(&self, case: &CaseId) -> Permit<Learn> {
        let data = DataSet::of(&[DataCategory::Asgn]);
        permit(&self.gate, data, Purpose::Bill, Basis::Biz, Role::System, Some(case))
    }

    fn using(&self, case: &CaseId) -> Permit<Use> {
        permit(&self.gate, PERSONAL, Purpose::Deliver, Basis::Party, Role::AbuseDesk, Some(case))
    }

    fn now(&self) -> UtcMicros {
        NOW
    }
}

fn permit<A: Act>(
    gate: &Gate,
    data: DataSet,
    purpose: Purpose,
    basis: Basis,
    role: Role,
    case: Option<&CaseId>,
) -> Permit<A> {
    let ask = Ask {
        act: A::NAME,
        data,
        purpose,
        basis: Some(basis),
        person: PersonId("ann".into()),
        roles: vec![role],
        case: case.cloned(),
        scope: Scope { own_network: true, ..Scope::default() },
        facts: Facts::none(),
        at: NOW,
    };
    match gate.ask(ask).unwrap() {
        Answer::Permitted(permit) => permit,
        Answer::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

/// The database of a folder, with its own keys.
pub(crate) async fn database(folder: &Path) -> Arc<Database> {
    let vault = Vault::open(&folder.join("keys")).unwrap();
    Database::open(folder, vault, Arc::new(|| NOW)).await.unwrap()
}

/// Every byte of the data folder but the gate's and the keys.
pub(crate) fn bytes_of(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("keys") || path.ends_with("gate") {
            continue;
        }
        if path.is_dir() {
            bytes.extend(bytes_of(&path))
        } else {
            bytes.extend(std::fs::read(&path).unwrap())
        }
    }
    bytes
}

const PERSONAL: DataSet = DataSet::of(&[DataCategory::Sub, DataCategory::Cmp]);

/// 2026-11-21T00:00:00Z.
pub(crate) const NOW: UtcMicros = UtcMicros(1_795_219_200_000_000);
