//! Upkeep: what retention writes and what it leaves alone, and that a failed merge is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use tadoru_model::{
    Assignment, Edge, Holder, How, PortRange, Prefix, Protocol, Realm, RecordKind, SourceName, Span,
    UtcMicros,
};
use tadoru_store::assignments::{Assignments, Deleted, Holding, SpoolMark, translation_thread};

use crate::house::{House, place, small};

/// Where a store has its files.
const INSIDE: &str = "assignments";
const DAY_US: i64 = 86_400_000_000;

/// A port block of the day `day` of January 2026, under the thread that its assembler gives it.
fn block(day: i64, number: u64) -> Assignment {
    let begin = 1_767_225_600_000_000 + day * DAY_US + number as i64 * 1_000_000;
    let low = 1_024 + (number % 126) as u16 * 512;
    let mut row = Assignment {
        kind: RecordKind::NatBlock,
        realm: Realm::untold(),
        prefix: Prefix::host("192.0.2.7".parse().unwrap()),
        ports: PortRange { low, high: low + 511 },
        proto: Protocol::ANY,
        remote: None,
        holder: Holder::Inside {
            realm: Realm::untold(),
            prefix: Prefix::host("198.51.100.7".parse().unwrap()),
            port: None,
        },
        from: Edge::exact(UtcMicros(begin), How::Logged),
        until: Edge::exact(UtcMicros(begin + 1_000_000), How::Logged),
        source: SourceName::from("gateway-1"),
        record: number,
        corrected_us: 0,
        thread: 0,
    };
    row.thread = translation_thread(&row, row.from.latest);
    row
}

fn line(day: i64) -> UtcMicros {
    UtcMicros(1_767_225_600_000_000 + day * DAY_US)
}

/// Every file with its length and when it was written.
fn files(folder: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let about = entry.metadata().unwrap();
        (entry.file_name().into_string().unwrap(), (about.len(), about.modified().unwrap()))
    });
    entries.collect()
}

#[test]
fn a_run_that_finds_nothing_new_writes_nothing() {
    let (house, folder) = (House::new(), place());
    let permits = &house.permits;
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    for day in 0..4 {
        let rows: Vec<Assignment> = (0..600).map(|number| block(day, number)).collect();
        store.put(&permits.store, &rows).unwrap();
        store.commit(&permits.store, SpoolMark(day as u64 + 1)).unwrap();
    }
    store.wait_for_merge();
    // Every row of the first second of each day is held: rows past the line stay, and are told each time.
    let held: Vec<Holding> = (0..4)
        .map(|day| Holding {
            realm: Realm::untold(),
            addr: "192.0.2.7".parse().unwrap(),
            port: None,
            proto: Protocol::ANY,
            span: Span::new(line(day), line(day).plus(1_000_000)),
        })
        .collect();
    let run = |day| store.delete_before(&permits.store, RecordKind::NatBlock, line(day)).unwrap();
    assert_eq!(run(2), Deleted { rows: 1_200, held: 0 });
    let before = files(&folder.path().join(INSIDE));
    for _ in 0..3 {
        assert_eq!(run(2), Deleted::default());
        assert_eq!(
            store.delete_before(&permits.store, RecordKind::Lease, line(9)).unwrap(),
            Deleted::default()
        );
    }
    assert_eq!(files(&folder.path().join(INSIDE)), before);
    store.hold(&permits.preserve, "case-1", &held).unwrap();
    assert_eq!(run(3), Deleted { rows: 599, held: 1 });
    let before = files(&folder.path().join(INSIDE));
    for _ in 0..3 {
        assert_eq!(run(3), Deleted { rows: 0, held: 1 });
    }
    assert_eq!(files(&folder.path().join(INSIDE)), before);
    store.release(&permits.store, "case-1").unwrap();
    assert_eq!(run(3), Deleted { rows: 1, held: 0 });
    assert_eq!(store.count(), 600);
}

#[test]
fn only_segments_with_a_row_past_the_line_are_rewritten() {
    let (house, folder) = (House::new(), place());
    let permits = &house.permits;
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    for day in 0..5 {
        let rows: Vec<Assignment> = (0..600).map(|number| block(day, number)).collect();
        store.put(&permits.store, &rows).unwrap();
        store.commit(&permits.store, SpoolMark(day as u64 + 1)).unwrap();
    }
    store.wait_for_merge();
    let before = files(&folder.path().join(INSIDE));
    let half_of_the_first = line(0).plus(300_000_000);
    let gone = store.delete_before(&permits.store, RecordKind::NatBlock, half_of_the_first).unwrap();
    assert_eq!(gone, Deleted { rows: 300, held: 0 });
    let after = files(&folder.path().join(INSIDE));
    let is_segment = |name: &&String| name.ends_with(".seg");
    let untouched = after.iter().filter(|(name, about)| before.get(*name) == Some(about)).count();
    assert_eq!(before.keys().filter(is_segment).count(), 4);
    // All but the segment of the first day and the manifest.
    assert_eq!((after.len(), untouched), (before.len() + 1, before.len() - 2), "and the line is noted");
    assert_eq!(store.deleted_before(RecordKind::NatBlock), half_of_the_first);
}

#[test]
fn retention_makes_nothing_durable_that_was_not_committed() {
    let (house, folder) = (House::new(), place());
    let permits = &house.permits;
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    store.put(&permits.store, &[block(0, 1), block(5, 2)]).unwrap();
    store.commit(&permits.store, SpoolMark(7)).unwrap();
    store.put(&permits.store, &[block(5, 3)]).unwrap();
    let run = || store.delete_before(&permits.store, RecordKind::NatBlock, line(1)).unwrap();
    assert_eq!(run(), Deleted::default());
    let copy = place();
    let (from, to) = (folder.path().join(INSIDE), copy.path().join(INSIDE));
    std::fs::create_dir(&to).unwrap();
    for name in files(&from).keys() {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let (crashed, _) = house.open(copy.path(), &small()).unwrap();
    assert_eq!((crashed.count(), crashed.mark()), (2, SpoolMark(7)));
    store.commit(&permits.store, SpoolMark(8)).unwrap();
    assert_eq!(run(), Deleted { rows: 1, held: 0 });
    assert_eq!((store.count(), store.mark()), (2, SpoolMark(8)));
    // Once all is durable a run works on rows in memory at once.
    store.put(&permits.store, &[block(0, 4)]).unwrap();
    store.commit(&permits.store, SpoolMark(9)).unwrap();
    assert_eq!(run(), Deleted { rows: 1, held: 0 });
    drop(store);
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    assert_eq!((store.count(), store.mark()), (2, SpoolMark(9)));
}

#[test]
fn a_merge_that_fails_is_told_and_loses_nothing() {
    let (house, folder) = (House::new(), place());
    let permits = &house.permits;
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    for day in 0..12 {
        let rows: Vec<Assignment> = (0..600).map(|number| block(day, number)).collect();
        store.put(&permits.store, &rows).unwrap();
        store.commit(&permits.store, SpoolMark(day as u64 + 1)).unwrap();
        // The disk returns other bytes than were written.
        for name in files(&folder.path().join(INSIDE)).into_keys().filter(|name| name.ends_with(".seg")) {
            let file =
                std::fs::OpenOptions::new().write(true).open(folder.path().join(INSIDE).join(name)).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[0xaa; 64], 64).unwrap();
        }
    }
    store.wait_for_merge();
    let merges = store.merges();
    assert!(merges.failed > 0 && merges.fault.is_some(), "{merges:?}");
    assert_eq!(store.ailment(), merges.fault);
    assert_eq!(store.count(), 7_200);
}

#[test]
fn the_thread_of_a_translation_comes_back_and_takes_no_room() {
    let bytes = |told: bool| {
        let (house, folder) = (House::new(), place());
        let permits = &house.permits;
        let (store, _) = house.open(folder.path(), &small()).unwrap();
        let mut rows: Vec<Assignment> = (0..50_000).map(|number| block(0, number)).collect();
        if told {
            rows.iter_mut().for_each(|row| row.thread ^= 1);
        }
        store.put(&permits.store, &rows).unwrap();
        // The next row finds the memory full, and these become a segment.
        store.put(&permits.store, &[block(1, 0)]).unwrap();
        store.commit(&permits.store, SpoolMark(1)).unwrap();
        let question = Holding {
            realm: Realm::untold(),
            addr: "192.0.2.7".parse().unwrap(),
            port: Some(1_024),
            proto: Protocol::ANY,
            span: Span::around(rows[0].from.latest.plus(500_000), 0),
        };
        let found = permits.open(store.holding(&permits.learn, &question).unwrap());
        assert_eq!(found.rows.first(), rows.first());
        files(&folder.path().join(INSIDE)).values().map(|(len, _)| len).sum::<u64>()
    };
    let (derived, told) = (bytes(false), bytes(true));
    assert!(derived + 50_000 * 7 < told, "{derived} bytes, {told} with threads as such");
}
