//! The store of flows in a folder: the contract, kills, torn and foreign files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tadoru_gate::journal::Options;
use tadoru_gate::{Gate, Packs};
use tadoru_model::{Prefix, UtcMicros};
use tadoru_store::assignments::SpoolMark;
use tadoru_store::filter::Filter;
use tadoru_store::flows::contract::{self, Permits};
use tadoru_store::flows::{Again, FileDigest, FileEnd, Flows, FlowsError, Ground, MemoryFlows, Question};
use tadoru_store_embedded::flows::{FlowStore, Opened, Settings};
use tadoru_store_embedded::folder::Folder;

#[test]
fn the_store_in_memory_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract::flows(&permits(dir.path()), MemoryFlows::default);
}

#[test]
fn the_store_in_a_folder_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let (permits, next) = (permits(dir.path()), AtomicUsize::new(0));
    contract::flows(&permits, || open(&dir.path().join(next.fetch_add(1, Ordering::Relaxed).to_string())).0);
}

#[test]
fn joined_files_answer_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let permits = permits(dir.path());
    let plain = MemoryFlows::default();
    let (store, _) = open(&dir.path().join("s"));
    for step in 0..6 {
        let batch = contract::batch(step, if step == 3 { 60_000 } else { 900 });
        for store in [&store as &dyn Flows, &plain] {
            store.keep(&permits.store, &batch).unwrap();
            store.commit(&permits.store, SpoolMark(step)).unwrap();
            store.flush(&permits.store).unwrap();
        }
    }
    let before = store.state();
    assert_eq!(store.compact(&permits.store, UtcMicros::MAX).unwrap() as u64, before.partitions);
    assert_eq!(store.state().files, before.partitions, "one file an hour");
    contract::agrees(&permits, &store, &plain);
    drop(store);
    let (store, opened) = open(&dir.path().join("s"));
    assert_eq!(opened, Opened::default());
    contract::agrees(&permits, &store, &plain);
    assert_eq!(store.mark(), SpoolMark(5));
}

#[test]
fn commits_join_hours_that_are_past_and_questions_see_each_flow_once() {
    let dir = tempfile::tempdir().unwrap();
    let permits = permits(dir.path());
    let settings = Settings { slice_rows: 400, join_us: 0, ..Settings::default() };
    let (store, _) = FlowStore::open(&Folder::open(&dir.path().join("s")).unwrap(), settings).unwrap();
    let all = Question { filter: Filter::any(), span: None };
    let rows = || {
        let sums = store.totals(Ground::Case(&permits.learn), &all).unwrap();
        permits.open(sums).records
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let now = rows();
                assert!(now >= last && now % 500 == 0, "every batch is there once");
                last = now;
            }
        });
        let kept = (0..5).try_for_each(|step| {
            store.keep(&permits.store, &contract::batch(step, 500))?;
            store.commit(&permits.store, SpoolMark(step))
        });
        done.store(true, Ordering::Relaxed);
        kept.unwrap();
        reader.join().unwrap();
    });
    assert_eq!(rows(), 2_500);
    let state = store.state();
    assert!(state.files < state.partitions + 5, "only the newest hour has more than one file");
}

#[test]
fn torn_and_foreign_files_are_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let permits = permits(dir.path());
    let path = dir.path().join("s");
    let (store, _) = open(&path);
    for step in 1..3 {
        store.keep(&permits.store, &contract::batch(step, 500)).unwrap();
        store.commit(&permits.store, SpoolMark(step)).unwrap();
        store.flush(&permits.store).unwrap();
    }
    drop(store);
    let whole = parquet_files(&path);
    let victim = std::fs::read(&whole[0]).unwrap();
    std::fs::write(whole[0].parent().unwrap().join("notes.txt"), "x").unwrap();
    for cut in [0, 3, 4, 12, victim.len() / 2, victim.len() - 9, victim.len() - 1] {
        std::fs::write(&whole[0], &victim[..cut]).unwrap();
        let (store, opened) = open(&path);
        assert_eq!(opened.foreign.len(), 2, "the torn file and the note");
        assert!(store.state().flows < 1_000 && store.state().flows > 0);
    }
    let mut bits = victim.clone();
    for place in (4..victim.len()).step_by(victim.len() / 300) {
        bits[place] ^= 0x55;
        std::fs::write(&whole[0], &bits).unwrap();
        let (store, _) = open(&path);
        let all = Question { filter: Filter::parse("bytes > 100 and host 192.0.2.7").unwrap(), span: None };
        // A fault or an answer, never a panic.
        let _ = store.totals(Ground::Case(&permits.learn), &all);
        let _ = store.find(&permits.learn, &all, 1_000);
        bits[place] ^= 0x55;
    }
    std::fs::write(&whole[0], &victim).unwrap();
    assert_eq!(open(&path).0.state().flows, 1_000);
}

/// DuckDB and ClickHouse read the files as they lie: as many flows and octets, the same types. `./check` says where they
/// are.
#[test]
fn others_read_the_files_as_they_lie() {
    let Some(python) = std::env::var_os("TADORU_READERS") else {
        println!("skipped: DuckDB and chdb are not there");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let permits = permits(dir.path());
    let path = dir.path().join("s");
    let (store, _) = open(&path);
    let (mut flows, mut octets) = (0, 0);
    for step in 1..4 {
        let mut batch = contract::batch(step, 20_000);
        batch.bytes.iter_mut().for_each(|bytes| *bytes %= 1_000_000);
        flows += batch.rows();
        octets += batch.bytes.iter().sum::<u64>();
        store.keep(&permits.store, &batch).unwrap();
        store.commit(&permits.store, SpoolMark(step)).unwrap();
        store.flush(&permits.store).unwrap();
        if step == 2 {
            store.compact(&permits.store, UtcMicros::MAX).unwrap();
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/flows/read_by_others.py");
    let done = Command::new(python)
        .arg(script)
        .arg(path.join("flows"))
        .args([flows.to_string(), octets.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("duckdb") && said.contains("clickhouse"), "both have read: {said}");
}

/// Runs itself as a child that keeps, flushes, joins and deletes until it is killed; then every batch up to the mark is
/// there once, and none behind it.
#[test]
fn no_kill_loses_or_doubles_a_flow() {
    if let Ok(path) = std::env::var("FLOWS_CHILD") {
        return child(Path::new(&path));
    }
    let dir = tempfile::tempdir().unwrap();
    let permits = permits(&dir.path().join("parent"));
    let path = dir.path().join("s");
    let rounds = std::env::var("KILLS").map_or(25, |n| n.parse().unwrap());
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "flows::no_kill_loses_or_doubles_a_flow"])
            .env("FLOWS_CHILD", &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + round * 37 % 400));
        child.kill().unwrap();
        child.wait().unwrap();
        let (store, opened) = open(&path.join("data"));
        assert_eq!(opened.foreign, Vec::<String>::new());
        let mark = store.mark().0;
        let all = Question { filter: Filter::any(), span: None };
        let found = permits.open(store.find(&permits.learn, &all, usize::MAX).unwrap());
        let wanted = MemoryFlows::default();
        (1..=mark).for_each(|step| wanted.keep(&permits.store, &contract::batch(step, SIZE)).unwrap());
        let wanted = permits.open(wanted.find(&permits.learn, &all, usize::MAX).unwrap());
        assert!(contract::rows(&found.flows) == contract::rows(&wanted.flows), "after a kill at mark {mark}");
    }
}

fn child(path: &Path) {
    let permits = permits(&path.join(format!("gate-{}", std::process::id())));
    let (store, _) = open(&path.join("data"));
    for step in store.mark().0 + 1.. {
        store.keep(&permits.store, &contract::batch(step, SIZE)).unwrap();
        store.commit(&permits.store, SpoolMark(step)).unwrap();
        store.flush(&permits.store).unwrap();
        if step % 3 == 0 {
            store.compact(&permits.store, UtcMicros::MAX).unwrap();
        }
    }
}

/// Runs itself as a child that takes files in, several slices each, beside live flows, until it is killed: then of each
/// file there is what the store says, and a file that broke off is gone on with to the same flows.
#[test]
fn no_kill_parts_the_flows_of_a_file_from_its_digest() {
    if let Ok(path) = std::env::var("FILES_CHILD") {
        return bring(Path::new(&path));
    }
    let dir = tempfile::tempdir().unwrap();
    let permits = permits(&dir.path().join("parent"));
    let path = dir.path().join("s");
    let mut broke_off = 0;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "flows::no_kill_parts_the_flows_of_a_file_from_its_digest"])
            .env("FILES_CHILD", &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + round * 37 % 400));
        child.kill().unwrap();
        child.wait().unwrap();
        let (store, opened) = small(&path.join("data"));
        assert_eq!(opened.foreign, Vec::<String>::new());
        let wanted = MemoryFlows::default();
        (1..=store.mark().0).for_each(|step| wanted.keep(&permits.store, &live(step)).unwrap());
        for number in 0..FILES {
            let kept = match store.begin_file(&permits.store, &digest(number), Again::Refused) {
                Ok(kept) => kept,
                Err(FlowsError::TakenIn { flows }) => flows,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(kept % SIZE as u64, 0, "flows are kept by the batch");
            broke_off += u64::from(kept > 0 && kept < PARTS * SIZE as u64);
            (0..kept / SIZE as u64)
                .for_each(|part| wanted.keep(&permits.store, &part_of(number, part)).unwrap());
        }
        let all = Question { filter: Filter::any(), span: None };
        let found = permits.open(store.find(&permits.learn, &all, usize::MAX).unwrap());
        let wanted = permits.open(wanted.find(&permits.learn, &all, usize::MAX).unwrap());
        assert!(contract::rows(&found.flows) == contract::rows(&wanted.flows), "after kill {round}");
    }
    eprintln!("{broke_off} files had broken off");
}

fn bring(path: &Path) {
    let permits = permits(&path.join(format!("gate-{}", std::process::id())));
    let (store, _) = small(&path.join("data"));
    let mut step = store.mark().0;
    for number in 0..FILES {
        let Ok(kept) = store.begin_file(&permits.store, &digest(number), Again::Refused) else { continue };
        for part in kept / SIZE as u64..PARTS {
            store.keep_of(&permits.store, &digest(number), &part_of(number, part)).unwrap();
            step += 1;
            store.keep(&permits.store, &live(step)).unwrap();
            store.commit(&permits.store, SpoolMark(step)).unwrap();
        }
        let end = FileEnd::Whole(digest(number));
        store.end_file(&permits.store, &digest(number), &end).unwrap();
    }
}

fn small(path: &Path) -> (FlowStore, Opened) {
    let settings = Settings { slice_rows: 2 * SIZE, join_us: i64::MAX, ..Settings::default() };
    FlowStore::open(&Folder::open(path).unwrap(), settings).unwrap()
}

fn digest(number: u64) -> FileDigest {
    FileDigest::parse(&format!("{number:064x}")).unwrap()
}

fn part_of(number: u64, part: u64) -> tadoru_model::Flows {
    contract::batch(1_000_000 + number * 1_000 + part, SIZE)
}

fn live(step: u64) -> tadoru_model::Flows {
    contract::batch(step, 20)
}

fn parquet_files(path: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            all.extend(parquet_files(&entry));
        } else if entry.extension().is_some_and(|e| e == "parquet") {
            all.push(entry);
        }
    }
    all.sort();
    all
}

fn open(path: &Path) -> (FlowStore, Opened) {
    let inside = vec![
        Prefix::covering("192.0.2.0".parse().unwrap(), 24).unwrap(),
        Prefix::covering("2001:db8::".parse().unwrap(), 122).unwrap(),
    ];
    let settings = Settings { inside, slice_rows: 50_000, join_us: i64::MAX, ..Settings::default() };
    FlowStore::open(&Folder::open(path).unwrap(), settings).unwrap()
}

fn permits(path: &Path) -> Permits {
    let (gate, _) =
        Gate::open(&path.join("gate"), Packs::shipped().unwrap(), &Options::new("tests.example"), NOW)
            .unwrap();
    Permits::of(&gate, NOW)
}

const NOW: UtcMicros = UtcMicros(1_795_000_000_000_000);
const SIZE: usize = 300;
const FILES: u64 = 300;
const PARTS: u64 = 7;
