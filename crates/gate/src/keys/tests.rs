#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tadoru_model::UtcMicros;

use super::{KeyError, Missing, Month, PageId, TAG_LEN, Vault, WriteKey};

const NOVEMBER: Month = Month { year: 2026, month: 11 };
const OCTOBER: Month = Month { year: 2026, month: 10 };

fn key(vault: &Vault, class: &str, month: Month) -> WriteKey {
    WriteKey(vault.key(class, month, Missing::Make).unwrap())
}

#[test]
fn a_page_opens_only_in_its_place_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    let november = key(&vault, "assignment", NOVEMBER);
    let at = PageId { file: vault.file_id().unwrap(), page: 3 };
    let mut sealed = b"a page".to_vec();
    november.seal(at, b"head", &mut sealed).unwrap();
    assert_eq!(sealed.len(), 6 + TAG_LEN);
    assert!(!sealed.windows(4).any(|part| part == b"page"));
    let opens = |key: &WriteKey, at: PageId, aad: &[u8], page: &[u8]| {
        key.open(at, aad, &mut page.to_vec()).map(|page| page.to_vec()).ok()
    };
    assert_eq!(opens(&november, at, b"head", &sealed), Some(b"a page".to_vec()));
    assert_eq!(opens(&november, PageId { page: 4, ..at }, b"head", &sealed), None);
    assert_eq!(opens(&november, PageId { file: !at.file, ..at }, b"head", &sealed), None);
    assert_eq!(opens(&november, at, b"haed", &sealed), None);
    assert_eq!(opens(&key(&vault, "assignment", OCTOBER), at, b"head", &sealed), None);
    assert_eq!(opens(&key(&vault, "flow", NOVEMBER), at, b"head", &sealed), None);
    for at_byte in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at_byte] ^= 1;
        assert_eq!(opens(&november, at, b"head", &changed), None);
        assert_eq!(opens(&november, at, b"head", &sealed[..at_byte]), None);
    }
    let again = Vault::open(dir.path()).unwrap();
    assert_eq!(opens(&key(&again, "assignment", NOVEMBER), at, b"head", &sealed), Some(b"a page".to_vec()));
}

#[test]
fn a_destroyed_key_is_gone_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    let november = key(&vault, "assignment", NOVEMBER);
    let at = PageId { file: 1, page: 1 };
    let mut sealed = b"a page".to_vec();
    november.seal(at, b"", &mut sealed).unwrap();
    let secret = fs::read(dir.path().join("assignment.2026-11")).unwrap();
    assert!(vault.destroy("assignment", NOVEMBER).unwrap());
    assert!(!vault.destroy("assignment", NOVEMBER).unwrap());
    let gone = |result: Result<&mut [u8], KeyError>| matches!(result, Err(KeyError::KeyDestroyed { .. }));
    assert!(gone(november.open(at, b"", &mut sealed.clone())), "a handle from before is of no use");
    for vault in [&vault, &Vault::open(dir.path()).unwrap()] {
        let old = vault.key("assignment", NOVEMBER, Missing::Error);
        assert!(matches!(old.err(), Some(KeyError::KeyDestroyed { .. })));
        assert!(vault.key("assignment", OCTOBER, Missing::Make).is_ok());
    }
    for file in fs::read_dir(dir.path()).unwrap() {
        assert_ne!(fs::read(file.unwrap().path()).unwrap(), secret);
    }
}

#[test]
fn what_comes_after_a_destruction_has_a_key_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    let token = vault.token("assignment", NOVEMBER, "endpoint", "192.0.2.1").unwrap();
    let at = PageId { file: 1, page: 1 };
    let mut sealed = b"a page".to_vec();
    key(&vault, "assignment", NOVEMBER).seal(at, b"", &mut sealed).unwrap();
    vault.destroy("assignment", NOVEMBER).unwrap();

    let new = key(&vault, "assignment", NOVEMBER);
    assert!(matches!(new.open(at, b"", &mut sealed), Err(KeyError::Page)));
    assert_ne!(vault.token("assignment", NOVEMBER, "endpoint", "192.0.2.1").unwrap(), token);
    let mut sealed = b"another".to_vec();
    new.seal(at, b"", &mut sealed).unwrap();
    let again = Vault::open(dir.path()).unwrap();
    assert_eq!(again.list().unwrap(), [("assignment".to_owned(), NOVEMBER)]);
    assert_eq!(key(&again, "assignment", NOVEMBER).open(at, b"", &mut sealed).unwrap(), b"another");
}

#[test]
fn a_destruction_that_a_crash_interrupted_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    key(&Vault::open(dir.path()).unwrap(), "flow", NOVEMBER);
    fs::write(dir.path().join("flow.2026-11.destroyed"), b"").unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    assert!(!dir.path().join("flow.2026-11").exists());
    assert!(vault.key("flow", NOVEMBER, Missing::Error).is_err());
    assert_eq!(vault.list().unwrap(), []);
}

#[test]
fn tokens_are_stable_within_class_month_and_kind_and_tell_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    let token = vault.token("assignment", NOVEMBER, "endpoint", "192.0.2.1").unwrap();
    assert_eq!(token.len(), 32);
    assert_eq!(
        Vault::open(dir.path()).unwrap().token("assignment", NOVEMBER, "endpoint", "192.0.2.1").unwrap(),
        token
    );
    let others = [
        vault.token("assignment", OCTOBER, "endpoint", "192.0.2.1"),
        vault.token("flow", NOVEMBER, "endpoint", "192.0.2.1"),
        vault.token("assignment", NOVEMBER, "subscriber", "192.0.2.1"),
        vault.token("assignment", NOVEMBER, "endpoint", "192.0.2.2"),
    ];
    assert!(others.into_iter().all(|other| other.unwrap() != token));
    let keys = [("assignment", OCTOBER), ("assignment", NOVEMBER), ("flow", NOVEMBER)];
    assert_eq!(vault.list().unwrap(), keys.map(|(class, month)| (class.to_owned(), month)));
}

#[test]
fn key_files_are_the_owners_alone_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    key(&Vault::open(dir.path()).unwrap(), "flow", NOVEMBER);
    let path = dir.path().join("flow.2026-11");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut bytes = fs::read(&path).unwrap();
    bytes[5] ^= 1;
    fs::write(&path, bytes).unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    assert!(matches!(vault.key("flow", NOVEMBER, Missing::Make).err(), Some(KeyError::Damaged { .. })));
    assert!(matches!(vault.key("flow", OCTOBER, Missing::Error).err(), Some(KeyError::NoKey { .. })));
    for name in ["", "..", "a/b", "a.b", "日本"] {
        assert!(matches!(vault.key(name, NOVEMBER, Missing::Make).err(), Some(KeyError::ClassName)));
    }
}

#[test]
fn months_are_those_of_utc() {
    let month = |seconds: i64| Month::of(UtcMicros::from_seconds(seconds)).to_string();
    assert_eq!(month(0), "1970-01");
    assert_eq!(month(-1), "1969-12");
    assert_eq!(month(1_795_996_799), "2026-11");
    assert_eq!(month(1_796_083_200), "2026-12");
    assert_eq!(Month::parse("2026-11"), Some(NOVEMBER));
    assert_eq!(NOVEMBER.end(), UtcMicros::from_seconds(1_796_083_200));
    assert_eq!(Month::of(NOVEMBER.end()).to_string(), "2026-12");
    assert_eq!(Month { year: 2026, month: 12 }.end(), UtcMicros::from_seconds(1_798_761_600));
    for wrong in ["2026-13", "2026-1", "2026", "26-11 ", "2026-00"] {
        assert_eq!(Month::parse(wrong), None, "{wrong}");
    }
    let _ = (Month::of(UtcMicros::MIN), Month::of(UtcMicros::MAX));
}
