//! The spool: what was acknowledged is read back, whatever happened in between.

use std::path::Path;
use std::sync::Arc;

use tadoru_model::{SourceName, UtcMicros};
use tadoru_store::assignments::SpoolMark;
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::spool::{Durability, Record, Spool};

use crate::house::{House, NOW, place};

pub fn open(house: &House, path: &Path) -> (Spool, u64) {
    let folder = Folder::open(path).unwrap().inside("spool").unwrap();
    let clock = Arc::clone(&house.clock);
    Spool::open(&folder, house.vault.clone(), clock, &house.permits.store, Arc::from("assignment")).unwrap()
}

pub fn record(number: u64) -> Record {
    let bytes = number.to_le_bytes().repeat(1 + (number % 9) as usize);
    Record { source: SourceName::from("nas-1"), arrived: UtcMicros(number as i64), bytes }
}

#[test]
fn what_was_appended_is_read_back_in_order_after_a_restart() {
    let house = House::new();
    let folder = place();
    let mut written = 0;
    for _ in 0..3 {
        let (spool, torn) = open(&house, folder.path());
        assert_eq!((spool.end(), torn), (SpoolMark(written), 0));
        for size in [1, 7, 30] {
            let records: Vec<Record> = (written..written + size).map(record).collect();
            written += size;
            let receipt = spool.append(&house.permits.store, &records).unwrap();
            assert_eq!(receipt.mark, SpoolMark(written));
        }
        for from in [0, 1, 5, written - 1, written] {
            let found = spool.read_from(&house.permits.store, SpoolMark(from), usize::MAX).unwrap();
            let wanted: Vec<_> = (from..written).map(|n| (SpoolMark(n + 1), record(n))).collect();
            assert!(found == wanted);
        }
    }
}

#[test]
fn what_is_applied_is_forgotten_also_when_nothing_came_since() {
    let house = House::new();
    let folder = place();
    let (spool, _) = open(&house, folder.path());
    assert_eq!(spool.forget().unwrap(), None);
    spool.append(&house.permits.store, &[record(0), record(1), record(2)]).unwrap();
    spool.trim(SpoolMark(2)).unwrap();
    assert_eq!(spool.forget().unwrap(), Some(NOW), "one is not applied yet");
    drop(spool);

    let (spool, _) = open(&house, folder.path());
    assert_eq!(spool.forget().unwrap(), Some(record(0).arrived), "nobody has said how far it is read");
    spool.trim(SpoolMark(3)).unwrap();
    assert_eq!(spool.forget().unwrap(), None);
    let octets = || -> u64 {
        let files = std::fs::read_dir(folder.path().join("spool")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    assert_eq!(octets(), 0);
    assert!(spool.read_from(&house.permits.store, SpoolMark(3), usize::MAX).unwrap().is_empty());
    drop(spool);

    let (spool, torn) = open(&house, folder.path());
    assert_eq!((spool.end(), torn), (SpoolMark(3), 0), "the count goes on");
    spool.append(&house.permits.store, &[record(3)]).unwrap();
    let found = spool.read_from(&house.permits.store, SpoolMark(3), usize::MAX).unwrap();
    assert!(found == [(SpoolMark(4), record(3))]);
}

#[test]
fn threads_share_a_write_and_each_has_its_own_receipt() {
    let house = House::new();
    let folder = place();
    let (spool, _) = open(&house, folder.path());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..20 {
                    let before = spool.end();
                    let receipt = spool.append(&house.permits.store, &[record(n)]).unwrap();
                    assert!(receipt.mark > before);
                }
            });
        }
    });
    assert_eq!(spool.end(), SpoolMark(160));
    assert_eq!(spool.read_from(&house.permits.store, SpoolMark(0), usize::MAX).unwrap().len(), 160);
}

#[test]
fn a_spool_cut_at_any_length_keeps_every_whole_group_and_says_what_it_lost() {
    let house = House::new();
    let folder = place();
    let (spool, _) = open(&house, folder.path());
    for n in 0..5 {
        spool.append(&house.permits.store, &[record(n)]).unwrap();
    }
    drop(spool);
    let file = folder.path().join("spool/spool-0000000000000000");
    let whole = std::fs::read(&file).unwrap();
    let mut most = 0;
    for len in 0..whole.len() {
        std::fs::write(&file, &whole[..len]).unwrap();
        let (spool, _) = open(&house, folder.path());
        let found = spool.read_from(&house.permits.store, SpoolMark(0), usize::MAX).unwrap();
        assert!(found.iter().enumerate().all(|(n, (_, r))| *r == record(n as u64)));
        assert!(found.len() >= most && found.len() < 5);
        most = found.len();
    }
    assert_eq!(most, 4);
}

#[test]
fn a_long_spool_is_read_piece_by_piece() {
    let house = House::new();
    let folder = place();
    let (spool, _) = open(&house, folder.path());
    // Frames shorter and longer than the pieces that are read.
    let large = |n: u64| Record { bytes: vec![n as u8; 3 << 20], ..record(n) };
    let all: Vec<Record> = (0..60).map(|n| if n % 20 == 7 { large(n) } else { record(n) }).collect();
    for some in all.chunks(3) {
        spool.append(&house.permits.store, some).unwrap();
    }
    for enough in [1, 1000, 1 << 20, 64 << 20] {
        let (mut mark, mut found) = (SpoolMark(0), Vec::new());
        loop {
            let some = spool.read_from(&house.permits.store, mark, enough).unwrap();
            let Some((last, _)) = some.last() else { break };
            mark = *last;
            found.extend(some.into_iter().map(|(_, record)| record));
        }
        assert!(found == all, "{enough}");
    }
}

#[test]
fn a_spool_that_is_synced_now_and_then_goes_on_behind_what_the_machine_took_with_it() {
    let house = House::new();
    let folder = place();
    let lazy = || {
        let inside = Folder::open(folder.path()).unwrap().inside("spool").unwrap();
        let (clock, class) = (Arc::clone(&house.clock), Arc::from("flow-raw"));
        let at_sync = Durability::AtSync;
        Spool::open_with(&inside, house.vault.clone(), clock, &house.permits.store, class, at_sync).unwrap().0
    };
    let spool = lazy();
    spool.append(&house.permits.store, &[record(0), record(1)]).unwrap();
    spool.sync().unwrap();
    spool.sync().unwrap();
    drop(spool);
    // The store has seen five, of which three were never synced.
    let spool = lazy();
    assert_eq!(spool.end(), SpoolMark(2));
    spool.pass_over(SpoolMark(1)).unwrap();
    assert_eq!(spool.read_from(&house.permits.store, SpoolMark(0), usize::MAX).unwrap().len(), 2);
    spool.pass_over(SpoolMark(5)).unwrap();
    assert_eq!(spool.append(&house.permits.store, &[record(5)]).unwrap().mark, SpoolMark(6));
    drop(spool);
    let spool = lazy();
    let left = spool.read_from(&house.permits.store, SpoolMark(0), usize::MAX).unwrap();
    assert!(left == [(SpoolMark(6), record(5))]);
}
