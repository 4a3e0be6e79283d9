//! Real dumps read as others read them; records by the RFC's letter; nothing panics and nothing costs its neighbours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::Place;

const BIRD: &[u8] = include_bytes!("../../testdata/mrt/bird-rib.mrt");
const BIRD_TOLD: &str = include_str!("../../testdata/mrt/bird-rib.bgpdump.txt");
const UPDATES: &[u8] = include_bytes!("../../testdata/mrt/bird-updates.mrt");
const OPENBGPD: &[u8] = include_bytes!("../../testdata/mrt/openbgpd-rib.mrt");

fn read(dump: &[u8]) -> (Vec<Announced>, Vec<Defect>) {
    let (mut announced, mut defects) = (Vec::new(), Vec::new());
    for item in Rib::new(dump) {
        match item {
            Ok(one) => announced.push(one),
            Err(Fault::Defect(defect)) => defects.push(defect),
            Err(Fault::Input(error)) => panic!("{error}"),
        }
    }
    (announced, defects)
}

fn prefix_of(text: &str) -> Prefix {
    Prefix::parse(text).unwrap()
}

// ---------------------------------------------------------------------------------------------------- made by hand

fn record(kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let mut record = 1_795_290_888_u32.to_be_bytes().to_vec();
    record.extend(kind.to_be_bytes());
    record.extend(subtype.to_be_bytes());
    record.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    record.extend(body);
    record
}

/// RFC 6396 section 4.3.1: one peer of each kind.
fn peer_table() -> Vec<u8> {
    let mut body = vec![198, 51, 100, 1, 0, 4];
    body.extend(b"view");
    body.extend([0, 4]);
    body.extend([0, 10, 0, 0, 1, 192, 0, 2, 1]);
    body.extend(64501_u16.to_be_bytes());
    body.extend([2, 10, 0, 0, 2, 192, 0, 2, 2]);
    body.extend(4_200_000_001_u32.to_be_bytes());
    for kind in [1_u8, 3] {
        body.extend([kind, 10, 0, 0, 3]);
        body.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, kind]);
        if kind & 2 == 0 {
            body.extend(64503_u16.to_be_bytes())
        } else {
            body.extend(64500_u32.to_be_bytes())
        }
    }
    record(13, 1, &body)
}

/// AS_PATH of these segments, with an ORIGIN before it and an attribute of extended length behind it.
fn attributes(segments: &[(u8, &[u32])]) -> Vec<u8> {
    let mut path = Vec::new();
    for (kind, systems) in segments {
        path.extend([*kind, u8::try_from(systems.len()).unwrap()]);
        systems.iter().for_each(|system| path.extend(system.to_be_bytes()));
    }
    let mut all = vec![0x40, 1, 1, 0, 0x50, 2];
    all.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
    all.extend(path);
    all.extend([0xd0, 32, 0, 0]);
    all
}

fn rib(subtype: u16, len: u8, prefix: &[u8], entries: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 7, len];
    body.extend(prefix);
    body.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
    for (peer, attributes) in entries {
        body.extend(peer.to_be_bytes());
        body.extend([0, 0, 0, 1]);
        if subtype >= 8 {
            body.extend([0, 0, 0, 9]);
        }
        body.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
        body.extend(attributes);
    }
    record(13, subtype, &body)
}

fn one(subtype: u16, len: u8, prefix: &[u8], entries: &[(u16, Vec<u8>)]) -> Announced {
    let dump = [peer_table(), rib(subtype, len, prefix, entries)].concat();
    let (announced, defects) = read(&dump);
    assert!(defects.is_empty(), "{defects:?}");
    let [one] = announced.as_slice() else { panic!("{} prefixes", announced.len()) };
    one.clone()
}

#[test]
fn both_families_and_paths_with_identifiers_are_read() {
    let path = || attributes(&[(2, &[64501, 4_200_000_002])]);
    for (subtype, len, octets, text) in [
        (2, 24, &[203, 0, 113][..], "203.0.113.0/24"),
        (8, 24, &[203, 0, 113], "203.0.113.0/24"),
        (4, 33, &[0x20, 1, 0x0d, 0xb8, 0x80], "2001:db8:8000::/33"),
        (10, 128, &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1"),
        (2, 0, &[], "0.0.0.0/0"),
        // Bits behind the length do not matter.
        (2, 25, &[203, 0, 113, 0xff], "203.0.113.128/25"),
    ] {
        let found = one(subtype, len, octets, &[(0, path()), (1, path())]);
        assert!(found.prefix == prefix_of(text), "{text}");
        assert_eq!((found.origin, found.neighbours), (Some(4_200_000_002), vec![64501]), "{text}");
    }
}

#[test]
fn most_peers_decide_the_origin() {
    let by = |origin: u32| attributes(&[(2, &[64501 + origin % 7, origin])]);
    let found = |origins: &[u32]| {
        let entries: Vec<_> = origins.iter().map(|origin| (0, by(*origin))).collect();
        one(2, 24, &[203, 0, 113], &entries)
    };
    assert_eq!(found(&[64600, 64700, 64700]).origin, Some(64700));
    assert_eq!(found(&[64700, 64600]).origin, Some(64600), "of equals the lowest");
    assert_eq!(found(&[64600, 64601]).neighbours.len(), 2);
}

#[test]
fn a_set_of_several_systems_tells_no_origin() {
    let found = |segments: &[(u8, &[u32])]| {
        let found = one(2, 8, &[10], &[(1, attributes(segments))]);
        (found.origin, found.neighbours)
    };
    assert_eq!(found(&[(2, &[64501]), (1, &[64600, 64601])]), (None, vec![64501]));
    assert_eq!(found(&[(2, &[64501]), (1, &[64600])]), (Some(64600), vec![64501]));
    // A confederation is the own network.
    assert_eq!(found(&[(3, &[65100]), (4, &[65101]), (2, &[64501, 64601])]), (Some(64601), vec![64501]));
    // An empty path is of the system of the peer that told it.
    assert_eq!(found(&[]), (Some(4_200_000_001), vec![]));
    assert_eq!(one(2, 8, &[10], &[(3, attributes(&[]))]).origin, Some(64500));
    assert_eq!(one(2, 8, &[10], &[(9, attributes(&[]))]).origin, None);
}

#[test]
fn a_broken_path_costs_itself_only() {
    let good = attributes(&[(2, &[64501, 64600])]);
    let mut long = good.clone();
    long[7] = 200;
    let mut odd = good.clone();
    odd[8] = 9;
    let dump = [peer_table(), rib(2, 24, &[203, 0, 113], &[(0, long), (0, good.clone()), (1, odd)])].concat();
    let (announced, defects) = read(&dump);
    assert_eq!(announced[0].origin, Some(64600));
    let told: Vec<&str> = defects.iter().map(|defect| defect.what.as_str()).collect();
    assert_eq!(told, ["attribute does not fit its record", "kind of a path segment is not known"]);

    let bad = rib(2, 33, &[203, 0, 113, 0, 0], &[]);
    let mapped = [&[0; 10][..], &[0xff, 0xff, 10, 0, 0, 1]].concat();
    let dump = [bad, rib(4, 128, &mapped, &[]), rib(2, 24, &[203, 0, 113], &[(0, good)])].concat();
    let (announced, defects) = read(&dump);
    assert_eq!((announced.len(), defects.len()), (1, 2));
    assert_eq!(defects[0].place, Place::Byte(16));
}

#[test]
fn other_records_are_passed_over_and_told_once() {
    let good = rib(2, 24, &[203, 0, 113], &[(0, attributes(&[(2, &[64501])]))]);
    let dump = [record(16, 4, &[1, 2, 3]), record(13, 6, &[0; 40]), record(12, 1, &[0; 9]), good].concat();
    let (announced, defects) = read(&dump);
    assert_eq!((announced.len(), defects.len()), (1, 1));
    let (announced, defects) = read(UPDATES);
    assert_eq!((announced.len(), defects.len()), (0, 1));
}

#[test]
fn a_record_too_long_is_passed_over() {
    let long = record(13, 2, &vec![0; MAX_RECORD as usize + 1]);
    let good = rib(2, 24, &[203, 0, 113], &[]);
    let (announced, defects) = read(&[long, good].concat());
    assert_eq!((announced.len(), defects.len()), (1, 1));
    let mut lie = rib(2, 24, &[203, 0, 113], &[]);
    lie[8] = 0xff;
    assert_eq!(read(&lie).1.len(), 1);
}

// ------------------------------------------------------------------------------------------------------ real dumps

#[test]
fn bird_s_table_reads_as_bgpdump_reads_it() {
    let (announced, defects) = read(BIRD);
    assert!(defects.is_empty(), "{defects:?}");
    let mut told: BTreeMap<Prefix, Vec<Vec<u32>>> = BTreeMap::new();
    for line in BIRD_TOLD.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let path = fields[6].split_whitespace().map(|system| system.parse().unwrap()).collect();
        told.entry(prefix_of(fields[5])).or_default().push(path);
    }
    assert_eq!(announced.len(), told.len());
    for one in &announced {
        let paths = &told[&one.prefix];
        let first: BTreeSet<u32> = paths.iter().filter_map(|path| path.first().copied()).collect();
        let last: BTreeSet<u32> = paths.iter().filter_map(|path| path.last().copied()).collect();
        assert_eq!(one.neighbours, first.into_iter().collect::<Vec<_>>());
        assert!(one.origin.map_or(last.is_empty(), |origin| last.contains(&origin)));
    }
    let hijacked = announced.iter().find(|one| one.prefix == prefix_of("198.51.100.0/25")).unwrap();
    assert_eq!((hijacked.origin, hijacked.neighbours.as_slice()), (Some(64666), &[64502][..]));
}

#[test]
fn openbgpd_s_table_is_read() {
    let (announced, defects) = read(OPENBGPD);
    assert!(defects.is_empty(), "{defects:?}");
    assert!(announced.len() > 10 && announced.iter().all(|one| one.origin.is_some()), "{}", announced.len());
    assert!(announced.iter().any(|one| one.prefix.address.is_ipv6()));
}

#[test]
fn a_dump_cut_anywhere_keeps_what_came_before() {
    for dump in [BIRD, OPENBGPD] {
        let whole = read(dump).0;
        for end in 0..dump.len() {
            let (announced, defects) = read(&dump[..end]);
            assert!(whole.starts_with(&announced), "{end}");
            assert!(defects.len() <= 1, "{end}");
        }
    }
}

proptest! {
    #[test]
    fn changed_octets_do_not_panic(at in 0..BIRD.len(), octet in any::<u8>(), more in 0..BIRD.len()) {
        let mut dump = BIRD.to_vec();
        dump[at] = octet;
        dump[more] = dump[more].wrapping_add(octet);
        let _ = read(&dump);
    }

    #[test]
    fn any_octets_do_not_panic(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&octets);
        let _ = read(&record(13, 2, &octets));
        let _ = read(&record(13, 10, &octets));
        let _ = read(&record(13, 1, &octets));
    }
}
