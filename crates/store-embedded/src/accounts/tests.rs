//! Accounts after a restart, sealed on the disk, taken over from the clear, and a file that no longer reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use std::path::Path;

use tadoru_gate::journal::Options;
use tadoru_gate::permit::Store;
use tadoru_gate::{ActName, Answer, Ask, DataCategory, DataSet, Facts, Gate, Packs, Purpose, Scope};
use tadoru_model::Role;
use tadoru_store::accounts::Link;

use super::*;

const NOW: UtcMicros = UtcMicros(1_795_230_000_000_000);

struct House {
    gate: Gate,
    permit: Permit<Store>,
}

impl House {
    fn at(path: &Path) -> Self {
        let packs = Packs::shipped().unwrap();
        let (gate, _) = Gate::open(&path.join("gate"), packs, &Options::new("tests.example"), NOW).unwrap();
        let ask = Ask {
            act: ActName::Store,
            data: DataSet::of(&[DataCategory::Asgn]),
            purpose: Purpose::Clean,
            basis: None,
            person: PersonId("system".to_owned()),
            roles: vec![Role::System],
            case: None,
            scope: Scope { own_network: true, ..Scope::default() },
            facts: Facts::none(),
            at: NOW,
        };
        let Answer::Permitted(permit) = gate.ask::<Store>(ask).unwrap() else { panic!("refused") };
        Self { gate, permit }
    }

    fn book(&self, folder: &Folder) -> Result<AccountBook, StoreError> {
        AccountBook::open(folder.clone(), self.gate.vault(), &self.permit, NOW)
    }
}

fn account(name: &str) -> Account {
    let link = Link { digest: "00".repeat(32), totp: "JBSWY3DPEHPK3PXP".to_owned(), until: UtcMicros(7) };
    Account { link: Some(link), ..Account::of(PersonId(name.to_owned())) }
}

#[test]
fn what_was_changed_is_there_after_a_restart_and_what_was_not_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (house, folder) = (House::at(dir.path()), Folder::open(dir.path()).unwrap());
    {
        let book = house.book(&folder).unwrap();
        for name in ["b", "a", "c"] {
            let mut keep = |one: &mut Option<Account>| {
                *one = Some(account(name));
                true
            };
            book.change(&PersonId(name.to_owned()), &mut keep).unwrap();
        }
        let mut gone = |one: &mut Option<Account>| one.take().is_some();
        book.change(&PersonId("c".to_owned()), &mut gone).unwrap();
        let mut idle = |one: &mut Option<Account>| {
            *one = None;
            false
        };
        book.change(&PersonId("a".to_owned()), &mut idle).unwrap();
    }
    assert_eq!(house.book(&folder).unwrap().accounts(), [account("a"), account("b")]);
    let kept = std::fs::read(folder.file(SEALED)).unwrap();
    for clear in [&b"JBSWY3DP"[..], b"person", b"totp"] {
        assert!(!kept.windows(clear.len()).any(|part| part == clear), "it is sealed");
    }
}

#[test]
fn accounts_in_the_clear_are_sealed_and_the_file_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (house, folder) = (House::at(dir.path()), Folder::open(dir.path()).unwrap());
    // As earlier releases wrote it: without what came later.
    let digest = "00".repeat(32);
    let earlier = format!(
        r#"[{{"person":"a","proof":null,"link":{{"digest":"{digest}","totp":"JBSWY3DPEHPK3PXP","until":7}}}}]"#
    );
    std::fs::write(folder.file(IN_CLEAR), earlier).unwrap();
    assert_eq!(house.book(&folder).unwrap().accounts(), [account("a")]);
    assert!(!folder.file(IN_CLEAR).exists() && folder.file(SEALED).exists());
    assert_eq!(house.book(&folder).unwrap().accounts(), [account("a")]);
}

#[test]
fn a_file_that_does_not_read_is_damage_and_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (house, folder) = (House::at(dir.path()), Folder::open(dir.path()).unwrap());
    std::fs::write(folder.file(IN_CLEAR), "[{").unwrap();
    assert!(matches!(house.book(&folder), Err(StoreError::Damaged { .. })));
    std::fs::remove_file(folder.file(IN_CLEAR)).unwrap();
    let mut keep = |one: &mut Option<Account>| {
        *one = Some(account("a"));
        true
    };
    house.book(&folder).unwrap().change(&PersonId("a".to_owned()), &mut keep).unwrap();
    let whole = std::fs::read(folder.file(SEALED)).unwrap();
    for length in 0..whole.len() {
        std::fs::write(folder.file(SEALED), whole.get(..length).unwrap()).unwrap();
        assert!(matches!(house.book(&folder), Err(StoreError::Damaged { .. })), "cut at {length}");
    }
    let mut other = whole.clone();
    if let Some(byte) = other.last_mut() {
        *byte ^= 1;
    }
    std::fs::write(folder.file(SEALED), other).unwrap();
    assert!(matches!(house.book(&folder), Err(StoreError::Damaged { .. })), "another octet");
    std::fs::write(folder.file(SEALED), &whole).unwrap();
    house.gate.vault().destroy(CLASS, Month::of(UtcMicros(0))).unwrap();
    assert!(matches!(house.book(&folder), Err(StoreError::Damaged { .. })), "the key is gone");
}
