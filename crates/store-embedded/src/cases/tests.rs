#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_store::cases::contract::{self, Door};

use super::desk::{Tester, bytes_of, database};
use super::*;

const AT: UtcMicros = UtcMicros(1_795_219_200_000_000);

fn ann() -> PersonId {
    PersonId("ann".into())
}

#[tokio::test]
async fn holds_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(folder.path());
    let cases = CaseBook::new(database(folder.path()).await);
    contract::cases(&cases, &tester).await.unwrap();
}

#[tokio::test]
async fn no_text_is_on_the_disk_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(folder.path());
    let database = database(folder.path()).await;
    let cases = CaseBook::new(database.clone());
    let id = CaseId("one".into());
    let new = NewCase { id: Some(id.clone()), title: "TITLE-192.0.2.1".into(), by: ann(), at: AT };
    cases.open(tester.store(), &new).await.unwrap();
    let entry = Entry { at: AT, by: ann(), what: Happened::Noted, journal_index: None };
    cases.note(tester.store(), &id, &entry, "TEXT-192.0.2.1").await.unwrap();
    cases.close(tester.store(), &id, &ann(), AT, "REASON-192.0.2.1").await.unwrap();
    database.close().await;
    let bytes = bytes_of(folder.path());
    assert!(!bytes.windows(9).any(|window| window == b"192.0.2.1"));
}

#[tokio::test]
async fn two_desks_in_a_hurry_get_two_ids() {
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(folder.path());
    let cases = CaseBook::new(database(folder.path()).await);
    let new = NewCase { id: None, title: String::new(), by: ann(), at: AT };
    let (a, b) = tokio::join!(cases.open(tester.store(), &new), cases.open(tester.store(), &new));
    assert_ne!(a.unwrap(), b.unwrap());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), [b'x'; 4096]).unwrap();
    let vault = tadoru_gate::keys::Vault::open(&folder.path().join("keys")).unwrap();
    let opened = Database::open(folder.path(), vault, Arc::new(|| AT)).await;
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
}

#[tokio::test]
async fn the_first_schema_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join(FILE))
        .create_if_missing(true)
        .foreign_keys(false);
    let mut old = <SqliteConnection as Connection>::connect_with(&options).await.unwrap();
    sqlx::raw_sql(include_str!("../../testdata/cases-0001.sql")).execute(&mut old).await.unwrap();
    old.close().await.unwrap();
    let database = database(folder.path()).await;
    let directory = crate::subscribers::Directory::open(database.clone()).await.unwrap();
    assert_eq!(tadoru_store::Subscribers::count(&directory), 1);
    let exhibits = crate::evidence::Exhibits::open(database.clone()).unwrap();
    let listed = tadoru_store::Evidence::list(&exhibits, &CaseId("2026-0001".into())).await.unwrap();
    assert_eq!(listed.first().unwrap().size_bytes, 3);
    let cases = CaseBook::new(database);
    let thread = cases.show(&CaseId("2026-0001".into())).await.unwrap();
    assert_eq!(thread.case.closed, Some((PersonId("ben".into()), UtcMicros(1_795_219_260_000_000))));
    assert_eq!(thread.entries.len(), 3);
    assert_eq!(thread.entries[1].journal_index, Some(41));
}

/// Everything that was acknowledged to a process before kill -9 is there afterwards, entries and exhibits.
#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    use std::io::BufRead;
    use tadoru_store::Evidence;

    let folder = tempfile::tempdir().unwrap();
    let id = CaseId("one".into());
    let mut acknowledged = 0;
    for round in 1..=3_usize {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cases::tests::write_until_killed", "--nocapture"])
            .env(FOLDER_TO_WRITE, folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let told =
            lines.map(Result::unwrap).filter_map(|line| line.strip_prefix("kept ")?.parse::<u64>().ok());
        acknowledged = told.take(round * 7).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let tester = Tester::new(folder.path());
    let database = database(folder.path()).await;
    let cases = CaseBook::new(database.clone());
    let texts = cases.texts(&tester.using(&id), &id).await.unwrap();
    let texts = texts.into_open(&tester.using(&id), tester.now()).unwrap();
    let exhibits = crate::evidence::Exhibits::open(database).unwrap();
    let listed = exhibits.list(&id).await.unwrap();
    for number in 1..=acknowledged {
        assert_eq!(texts.entries[usize::try_from(number).unwrap()], number.to_string());
    }
    assert!(listed.len() as u64 >= acknowledged);
    for exhibit in listed {
        exhibits.verify(&tester.using(&id), exhibit.digest).await.unwrap();
    }
}

/// The process that is killed: it writes only where the test above names a folder.
#[tokio::test]
async fn write_until_killed() {
    use tadoru_store::Evidence;

    let Some(folder) = std::env::var_os(FOLDER_TO_WRITE).map(std::path::PathBuf::from) else { return };
    let id = CaseId("one".into());
    let tester = Tester::new(&folder);
    let database = database(&folder).await;
    let cases = CaseBook::new(database.clone());
    let exhibits = crate::evidence::Exhibits::open(database).unwrap();
    cases.open_or_join(tester.store(), &id, &ann(), AT).await.unwrap();
    loop {
        let number = cases.show(&id).await.unwrap().entries.len().to_string();
        let about = tadoru_store::evidence::About {
            case: id.clone(),
            name: number.clone(),
            media_type: "text/plain".into(),
            data: TEXTS,
            by: ann(),
            at: AT,
        };
        exhibits.put(tester.store(), &about, &mut number.as_bytes()).await.unwrap();
        let entry = Entry { at: AT, by: ann(), what: Happened::Evidence, journal_index: None };
        cases.note(tester.store(), &id, &entry, &number).await.unwrap();
        println!("kept {number}");
    }
}

const FOLDER_TO_WRITE: &str = "TADORU_TEST_FOLDER";
