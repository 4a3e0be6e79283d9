//! Assignments: the contract, and that a restart changes nothing.

use tadoru_store::assignments::{Assignments, SpoolMark};
use tadoru_store::contract::{self, agrees, questions, rows};
use tadoru_store::{Coverage, Memory};
use tadoru_store_embedded::assignments::{SegmentStore, Settings};

use crate::house::{House, place, small};

/// A store that keeps its folder for as long as it lives.
fn fresh_store(house: &House, settings: &Settings) -> SegmentStore {
    house.open(&house.room(), settings).unwrap().0
}

#[test]
fn the_store_in_memory_keeps_the_contract() {
    let house = House::new();
    contract::assignments(&house.permits, Memory::default);
    contract::coverage(&house.permits, Memory::default);
}

#[test]
fn the_embedded_store_keeps_the_contract() {
    let house = House::new();
    contract::assignments(&house.permits, || fresh_store(&house, &Settings::default()));
    contract::coverage(&house.permits, || fresh_store(&house, &Settings::default()));
}

#[test]
fn the_embedded_store_keeps_the_contract_with_little_memory() {
    let house = House::new();
    contract::assignments(&house.permits, || fresh_store(&house, &small()));
    contract::coverage(&house.permits, || fresh_store(&house, &small()));
}

#[test]
fn a_restart_changes_nothing() {
    let house = House::new();
    for seed in 0..4 {
        let folder = place();
        let plain = Memory::default();
        for round in 0..8_u64 {
            let settings = if seed % 2 == 0 { small() } else { Settings::default() };
            let (store, opened) = house.open(folder.path(), &settings).unwrap();
            assert_eq!(opened.torn, 0);
            assert_eq!(store.mark(), SpoolMark(round));
            agrees(&house.permits, &store, &plain, &questions(seed + round, 20));
            assert_eq!(store.space().unwrap(), plain.space().unwrap());
            for part in rows(seed * 100 + round, 400).chunks(130) {
                store.put(&house.permits.store, part).unwrap();
                plain.put(&house.permits.store, part).unwrap();
                if round % 3 == 0 {
                    store.commit(&house.permits.store, SpoolMark(round)).unwrap();
                }
            }
            store.commit(&house.permits.store, SpoolMark(round + 1)).unwrap();
            agrees(&house.permits, &store, &plain, &questions(seed + round, 20));
        }
    }
}

#[test]
fn merging_changes_nothing() {
    let house = House::new();
    let folder = place();
    let plain = Memory::default();
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    for round in 0..20 {
        let part = rows(round, 350);
        store.put(&house.permits.store, &part).unwrap();
        plain.put(&house.permits.store, &part).unwrap();
        store.commit(&house.permits.store, SpoolMark(round)).unwrap();
    }
    let before = store.segments();
    store.wait_for_merge();
    store.commit(&house.permits.store, SpoolMark(99)).unwrap();
    store.wait_for_merge();
    assert!(store.segments() <= before);
    agrees(&house.permits, &store, &plain, &questions(3, 120));
    drop(store);
    let (store, opened) = house.open(folder.path(), &small()).unwrap();
    assert_eq!(opened.leftovers, Vec::<String>::new());
    agrees(&house.permits, &store, &plain, &questions(4, 120));
}
