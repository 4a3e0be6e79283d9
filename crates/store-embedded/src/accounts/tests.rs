//! Accounts after a restart, and a file that no longer reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use tadoru_model::UtcMicros;
use tadoru_store::accounts::Link;

use super::*;

fn account(name: &str) -> Account {
    let link = Link { digest: "00".repeat(32), totp: "AAAA".to_owned(), until: UtcMicros(7) };
    Account { person: PersonId(name.to_owned()), proof: None, link: Some(link) }
}

#[test]
fn what_was_changed_is_there_after_a_restart_and_what_was_not_is_not() {
    let dir = tempfile::tempdir().unwrap();
    {
        let folder = Folder::open(dir.path()).unwrap();
        let book = AccountBook::open(folder).unwrap();
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
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(AccountBook::open(folder).unwrap().accounts(), [account("a"), account("b")]);
}

#[test]
fn a_file_that_does_not_read_is_damage_and_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    std::fs::write(dir.path().join(ACCOUNTS), "[{").unwrap();
    assert!(matches!(AccountBook::open(folder), Err(StoreError::Damaged { .. })));
}
