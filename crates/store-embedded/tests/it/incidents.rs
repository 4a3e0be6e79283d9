//! The store of incidents in a folder: the contract, kills, torn and foreign files.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tadoru_gate::journal::Options;
use tadoru_gate::{Gate, Packs};
use tadoru_model::UtcMicros;
use tadoru_model::finding::{Finding, FindingState};
use tadoru_store::StoreError;
use tadoru_store::flows::contract::Permits;
use tadoru_store::incidents::{Incidents as _, MemoryIncidents, Moment, contract};
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::incidents::IncidentBook;

use crate::house::place;

#[test]
fn the_store_in_memory_keeps_the_contract() {
    let dir = place();
    contract::incidents(&House::at(dir.path()).permits, MemoryIncidents::default);
}

#[test]
fn the_store_in_a_folder_keeps_the_contract() {
    let (dir, next) = (place(), AtomicUsize::new(0));
    let house = House::at(dir.path());
    let room = || dir.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
    contract::incidents(&house.permits, || house.open(&room()).unwrap());
}

#[test]
fn a_restart_changes_no_answer_and_the_retention_takes_the_keys_of_what_is_gone() {
    let dir = place();
    let house = House::at(dir.path());
    let (path, plain) = (dir.path().join("data"), MemoryIncidents::default());
    for round in 0..4 {
        let book = house.open(&path).unwrap();
        contract::agrees(&house.permits, &book, &plain);
        for number in 0..20 {
            let told = finding(number, round);
            let moment = (told.id, Moment { at: told.at.plus(1), ..Moment::of(&told) });
            for store in [&book as &dyn tadoru_store::Incidents, &plain] {
                store.keep(&house.permits.store, &told).unwrap();
                store.measure(&house.permits.store, &[moment]).unwrap();
            }
        }
        book.remember(&house.permits.store, &[7; 99]).unwrap();
    }
    let book = house.open(&path).unwrap();
    assert_eq!(book.keys_in_use().len(), 2, "of two months");
    for store in [&book as &dyn tadoru_store::Incidents, &plain] {
        assert_eq!(
            store.delete_before(&house.permits.store, UtcMicros::from_seconds(NOW_S - 86_400)).unwrap(),
            10
        );
    }
    assert_eq!(book.keys_in_use().len(), 1, "what was learnt, and what is left, stand under this month's");
    drop(book);
    let book = house.open(&path).unwrap();
    contract::agrees(&house.permits, &book, &plain);
    assert_eq!(book.recall(&house.permits.store).unwrap(), Some(vec![7; 99]));
}

/// Runs itself as a child that keeps and says so until it is killed; then what it said is there, whole.
#[test]
fn kill_9_keeps_what_was_acknowledged() {
    if let Ok(path) = std::env::var(CHILD) {
        return child(Path::new(&path));
    }
    let dir = place();
    let path = dir.path().join("data");
    let mut acknowledged = 0;
    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "incidents::kill_9_keeps_what_was_acknowledged", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 3 + round * 5 % 11;
        for line in lines.map_while(Result::ok) {
            let Some((_, number)) = line.split_once("done ") else { continue };
            acknowledged = number.trim().parse().unwrap();
            left -= 1;
            if left == 0 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let house = House::at(dir.path());
        let book = house.open(&path).unwrap();
        let kept = book.briefs().len() as u64;
        assert!(kept >= acknowledged, "{kept} of {acknowledged} are there");
        for number in 0..kept {
            let wanted = finding(number, 0);
            let found = contract::whole(&house.permits, &book, wanted.id);
            assert!(found.is_some_and(|record| record.newest == wanted), "incident {number} is whole");
        }
    }
    assert!(acknowledged > 8);
}

fn child(path: &Path) {
    let house = House::at(path);
    let book = house.open(&path.join("data")).unwrap();
    for number in book.briefs().len() as u64.. {
        book.keep(&house.permits.store, &finding(number, 0)).unwrap();
        println!("\ndone {}", number + 1);
    }
}

#[test]
fn a_torn_tail_is_cut_off_and_what_stands_before_it_stays() {
    let dir = place();
    let house = House::at(dir.path());
    let path = dir.path().join("data");
    let book = house.open(&path).unwrap();
    let mut lens = vec![0];
    let file = path.join("incidents/2026-11.log");
    for number in 0..4 {
        book.keep(&house.permits.store, &finding(number * 2, 0)).unwrap();
        lens.push(std::fs::metadata(&file).unwrap().len());
    }
    drop(book);
    let whole = std::fs::read(&file).unwrap();
    for cut in (0..whole.len()).step_by((whole.len() / 60).max(1)) {
        std::fs::write(&file, &whole[..cut]).unwrap();
        let book = house.open(&path).unwrap();
        let kept = lens[1..].iter().filter(|len| **len <= cut as u64).count();
        assert_eq!(book.briefs().len(), kept, "{cut} octets");
        book.keep(&house.permits.store, &finding(100, 0)).unwrap();
        drop(book);
        let book = house.open(&path).unwrap();
        assert_eq!(book.briefs().len(), kept + 1, "it goes on behind the cut");
        assert!(contract::whole(&house.permits, &book, finding(100, 0).id).is_some());
    }
}

#[test]
fn foreign_octets_give_no_wrong_incident_and_no_panic() {
    let dir = place();
    let house = House::at(dir.path());
    let path = dir.path().join("data");
    let book = house.open(&path).unwrap();
    (0..4).for_each(|number| book.keep(&house.permits.store, &finding(number * 2, 0)).unwrap());
    book.remember(&house.permits.store, &[7; 99]).unwrap();
    drop(book);
    std::fs::write(path.join("incidents/notes.txt"), "x").unwrap();
    std::fs::write(path.join("incidents/2026-11.log.next"), "half").unwrap();
    assert_eq!(house.open(&path).unwrap().briefs().len(), 4, "notes of others and leftovers do no harm");
    let honest =
        |error: StoreError| assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Codec(_)));
    for name in ["2026-11.log", "learnt"] {
        let file = path.join("incidents").join(name);
        let whole = std::fs::read(&file).unwrap();
        for at in (0..whole.len()).step_by((whole.len() / 150).max(1)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            std::fs::write(&file, &bytes).unwrap();
            let book = match house.open(&path) {
                Ok(book) => book,
                Err(error) => {
                    honest(error);
                    continue;
                }
            };
            for number in 0..4 {
                let wanted = finding(number * 2, 0);
                match book.find(&house.permits.learn, wanted.id) {
                    Ok(None) => {}
                    Ok(Some(found)) => {
                        assert!(house.permits.open(found).newest == wanted, "octet {at} of {name}")
                    }
                    Err(error) => honest(error),
                }
            }
            match book.recall(&house.permits.store) {
                Ok(learnt) => assert!(learnt.is_none_or(|learnt| learnt == [7; 99]), "octet {at} of {name}"),
                Err(error) => honest(error),
            }
        }
        std::fs::write(&file, &whole).unwrap();
    }
}

/// Of even numbers from this month and going on, of odd ones from the month before and over.
fn finding(number: u64, round: i64) -> Finding {
    let (state, days) =
        if number.is_multiple_of(2) { (FindingState::Opened, 0) } else { (FindingState::Ended, 40) };
    contract::finding(number, state, NOW_S - days * 86_400 + round)
}

struct House {
    gate: Gate,
    permits: Permits,
}

impl House {
    fn at(path: &Path) -> Self {
        let now = UtcMicros::from_seconds(NOW_S);
        let (packs, options) = (Packs::shipped().unwrap(), Options::new("tests.example"));
        let (gate, _) = Gate::open(&path.join("gate"), packs, &options, now).unwrap();
        Self { permits: Permits::of(&gate, now), gate }
    }

    fn open(&self, path: &Path) -> Result<IncidentBook, StoreError> {
        let folder = Folder::open(path)?.inside("incidents")?;
        let clock = Arc::new(|| UtcMicros::from_seconds(NOW_S));
        IncidentBook::open(&folder, self.gate.vault().clone(), clock, &self.permits.store)
    }
}

/// 2026-11-21T01:15:03Z.
const NOW_S: i64 = 1_795_223_703;
const CHILD: &str = "TADORU_INCIDENTS_CHILD";
