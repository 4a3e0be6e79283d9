//! Figures of the gate: evaluations, journaled permits, appends, pages and tokens a second.
//!
//! `cargo bench -p tadoru-gate`; where the folder for the journal is decides what a sync costs: `TMPDIR=/path`.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a bench fails loudly")]

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tadoru_gate::evaluate::evaluate;
use tadoru_gate::journal::{Journal, Options};
use tadoru_gate::keys::{Month, PageId};
use tadoru_gate::permit::Store;
use tadoru_gate::{ActName, Answer, Ask, DataCategory, DataSet, Facts, Gate, Packs, Permit, Purpose, Scope};
use tadoru_model::{PersonId, Role, UtcMicros};

const NOW: UtcMicros = UtcMicros::from_seconds(1_795_224_903);

fn main() {
    let packs = Packs::shipped().unwrap();
    let ask = standing();
    rate("evaluations, one core", 1, |_| {
        black_box(evaluate(&packs, &ask, &[]));
        1
    });
    let dir = tempfile::tempdir().unwrap();
    appends(dir.path());
    permits(dir.path(), packs);
}

/// Recording of assignments for the bill: automatic by a standing rule.
fn standing() -> Ask {
    Ask {
        act: ActName::Store,
        data: DataSet::of(&[DataCategory::Asgn]),
        purpose: Purpose::Bill,
        basis: None,
        person: PersonId("desk".to_owned()),
        roles: vec![Role::System],
        case: None,
        scope: Scope { endpoints: vec!["192.0.2.1".to_owned()], own_network: true, ..Scope::default() },
        facts: Facts::none(),
        at: NOW,
    }
}

fn appends(dir: &Path) {
    let (journal, _) = Journal::open(&dir.join("appends"), &Options::new("bench.example")).unwrap();
    let entry = [b'e'; 500];
    for callers in [1, 16, 64, 256] {
        rate(&format!("durable appends of 500 bytes, {callers} callers"), callers, |_| {
            journal.append(&entry).unwrap();
            1
        });
    }
    let batch = vec![entry; 256];
    rate("durable appends of 500 bytes, batches of 256, one caller", 1, |_| {
        journal.append_many(&batch).unwrap();
        256
    });
    rate("entries read back", 1, |n| {
        black_box(journal.entry(n * 7919 % journal.size()).unwrap());
        1
    });
}

fn permits(dir: &Path, packs: Packs) {
    let (gate, _) = Gate::open(&dir.join("gate"), packs, &Options::new("bench.example"), NOW).unwrap();
    for callers in [1, 64, 256] {
        rate(&format!("journaled permits, {callers} callers"), callers, |_| {
            black_box(store(&gate, vec![standing()]));
            1
        });
    }
    rate("journaled permits, batches of 256, one caller", 1, |_| {
        black_box(store(&gate, vec![standing(); 256]));
        256
    });
    let permit = store(&gate, vec![standing()]).pop().unwrap();
    let writer = gate.vault().writer(&permit, DataSet::of(&[DataCategory::Asgn]), NOW).unwrap();
    let key = writer.key("bench", Month::of(NOW), NOW).unwrap();
    let file = gate.vault().file_id().unwrap();
    let mut page = vec![7; 4096];
    let writing = key.clone();
    let mut written = page.clone();
    rate("pages of 4 KiB sealed", 1, move |n| {
        written.truncate(4096);
        writing.seal(PageId { file, page: u32::try_from(n).unwrap() }, b"aad", &mut written).unwrap();
        1
    });
    let at = PageId { file: !file, page: 0 };
    key.seal(at, b"aad", &mut page).unwrap();
    let mut scratch = page.clone();
    rate("pages of 4 KiB opened, with a copy of each", 1, move |_| {
        scratch.copy_from_slice(&page);
        black_box(key.open(at, b"aad", &mut scratch).unwrap());
        1
    });
    rate("tokens", 1, |n| {
        black_box(gate.vault().token("bench", Month::of(NOW), "endpoint", &n.to_string()).unwrap());
        1
    });
}

fn store(gate: &Gate, asks: Vec<Ask>) -> Vec<Permit<Store>> {
    let answers = gate.ask_many::<Store>(asks).unwrap();
    let permits = answers.into_iter().filter_map(|answer| match answer {
        Answer::Permitted(permit) => Some(permit),
        Answer::Refused(_) => None,
    });
    let permits: Vec<_> = permits.collect();
    assert!(!permits.is_empty(), "the standing permit is given");
    permits
}

/// Runs `work` on so many threads for two seconds and prints how much it did a second; it returns how much it did.
fn rate(what: &str, threads: usize, work: impl FnMut(u64) -> u64 + Send + Clone) {
    let (done, start) = (AtomicU64::new(0), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let mut work = work.clone();
            let done = &done;
            scope.spawn(move || {
                let mut n = 0;
                while start.elapsed() < Duration::from_secs(2) {
                    done.fetch_add(work(n), Ordering::Relaxed);
                    n += 1;
                }
            });
        }
    });
    let a_second = done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    println!("{what}: {a_second:.0} a second");
}
