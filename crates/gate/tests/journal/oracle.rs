//! Roots and proofs agree with an independent implementation, and the layout is that of C2SP tlog-tiles.

use std::fs;
use std::sync::Arc;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use tadoru_gate::journal::hash::{leaf, row_root};
use tadoru_gate::journal::tile::{self, Kind, TileId};
use tadoru_gate::journal::{Consistency, Inclusion, verify};

use crate::scene::{entries, entry, open};

#[test]
fn roots_and_proofs_are_those_of_ct_merkle() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut roots: Vec<RootHash<Sha256>> = vec![oracle.root()];
    for n in 0..1100 {
        oracle.push(entry(n));
        roots.push(oracle.root());
    }
    journal.append_many(&entries(0..700)).unwrap();
    journal.publish().unwrap();
    journal.append_many(&entries(700..1100)).unwrap();
    for size in (0..=1100).filter(|n| n % 37 == 0 || (255..=258).contains(n) || *n > 1097) {
        let root = journal.root(size).unwrap();
        assert_eq!(root.as_slice(), roots[size as usize].as_bytes().as_slice(), "root at {size}");
        for index in (0..size).filter(|n| n % 101 == 0 || *n == size - 1) {
            let ours = journal.prove_inclusion(index, size).unwrap();
            assert!(ours.proves(&leaf(&entry(index)), &root));
            assert!(!ours.proves(&leaf(&entry(index + 1)), &root));
            let bytes = ours.path.as_flattened().to_vec();
            let theirs = InclusionProof::<Sha256>::try_from_bytes(bytes).unwrap();
            roots[size as usize].verify_inclusion(&entry(index), index, &theirs).unwrap();
        }
    }
    for (old, new) in
        [(1, 1), (1, 2), (3, 700), (255, 256), (256, 512), (257, 1100), (512, 1100), (1099, 1100)]
    {
        let ours = journal.prove_consistency(old, new).unwrap();
        let (a, b) = (journal.root(old).unwrap(), journal.root(new).unwrap());
        assert!(ours.proves(&a, &b), "{old} to {new}");
        assert!(old == new || !ours.proves(&b, &a));
        if old < new {
            let theirs =
                ConsistencyProof::<Sha256>::try_from_bytes(ours.path.as_flattened().to_vec()).unwrap();
            roots[new as usize].verify_consistency(&roots[old as usize], &theirs).unwrap();
        }
    }
}

#[test]
fn a_changed_proof_proves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    journal.append_many(&entries(0..300)).unwrap();
    let (old, new) = (journal.root(150).unwrap(), journal.root(300).unwrap());
    let inclusion = journal.prove_inclusion(17, 300).unwrap();
    let consistency = journal.prove_consistency(150, 300).unwrap();
    for at in 0..inclusion.path.len() {
        let mut changed = inclusion.clone();
        changed.path[at][0] ^= 1;
        assert!(!changed.proves(&leaf(&entry(17)), &new));
        changed.path.remove(at);
        assert!(!changed.proves(&leaf(&entry(17)), &new));
    }
    assert!(!Inclusion { index: 18, ..inclusion.clone() }.proves(&leaf(&entry(17)), &new));
    for at in 0..consistency.path.len() {
        let mut changed = consistency.clone();
        changed.path[at][0] ^= 1;
        assert!(!changed.proves(&old, &new));
        changed.path.remove(at);
        assert!(!changed.proves(&old, &new));
    }
    assert!(!Consistency { old: 151, ..consistency }.proves(&old, &new));
    let text = inclusion.to_text(&journal.checkpoint());
    let (parsed, note) = Inclusion::parse(&text).unwrap();
    let head = journal.verifier().open(note).unwrap();
    assert!(Inclusion { size: head.size, ..parsed }.proves(&leaf(&entry(17)), &head.root));
}

#[test]
fn the_folder_is_a_tiled_log() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    journal.append_many(&entries(0..70_000)).unwrap();
    journal.publish().unwrap();
    let read = |path: &str| fs::read(dir.path().join(path)).unwrap();
    // The example of the tlog-tiles text: 273 full tiles, then widths 112, 17 and 1.
    assert_eq!(read("tile/0/272").len(), 8192);
    assert_eq!(read("tile/0/273.p/112").len(), 112 * 32);
    assert_eq!(read("tile/1/000").len(), 8192);
    assert_eq!(read("tile/1/001.p/17").len(), 17 * 32);
    assert_eq!(read("tile/2/000.p/1").len(), 32);
    assert_eq!(tile::entries(&read("tile/entries/273.p/112")).count(), 112);
    assert!(!dir.path().join("tile/0/274").exists());
    let bundle = read("tile/entries/005");
    let leaves: Vec<_> = tile::entries(&bundle).map(|entry| leaf(entry.unwrap())).collect();
    assert_eq!(leaves.as_flattened(), read("tile/0/005"));
    assert_eq!(row_root(&leaves).as_slice(), &read("tile/1/000")[5 * 32..6 * 32]);
    let head = journal.verifier().open(str::from_utf8(&read("checkpoint")).unwrap()).unwrap();
    assert_eq!((head.size, head.root), (70_000, journal.root(70_000).unwrap()));
    for index in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        assert_eq!(journal.entry(index).unwrap(), entry(index));
    }
    let key = journal.verifier().clone();
    journal.close().unwrap();
    let report = verify(dir.path(), &key, None);
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!((report.size, report.published, report.torn_bytes), (70_000, Some(70_000), 0));
    let (again, recovery) = open(dir.path());
    assert_eq!((recovery.size, recovery.dropped_bytes, recovery.created), (70_000, 0, false));
    assert_eq!(again.append(b"next").unwrap(), 70_000);
}

#[test]
fn what_a_reader_fetches_is_checked_without_tail_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    journal.append_many(&entries(0..600)).unwrap();
    let key = journal.verifier().clone();
    journal.close().unwrap();
    for name in ["tail", "signer", "lock"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    let report = verify(dir.path(), &key, None);
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!(report.size, 600);
    fs::remove_file(dir.path().join("tile/entries/002.p/88")).unwrap();
    assert!(!verify(dir.path(), &key, None).is_sound());
}

#[test]
fn many_callers_share_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let journal = Arc::new(journal);
    let callers: Vec<_> = (0..16_u64)
        .map(|caller| {
            let journal = Arc::clone(&journal);
            std::thread::spawn(move || {
                let one = |n: u64| {
                    let entry = format!("{caller}/{n}");
                    (journal.append(entry.as_bytes()).unwrap(), entry)
                };
                (0..100).map(one).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut seen = vec![false; 1600];
    for caller in callers {
        let indexes = caller.join().unwrap();
        assert!(indexes.windows(2).all(|pair| pair[0].0 < pair[1].0), "a caller's entries keep their order");
        for (index, entry) in indexes {
            assert_eq!(journal.entry(index).unwrap(), entry.as_bytes());
            assert!(!std::mem::replace(&mut seen[usize::try_from(index).unwrap()], true));
        }
    }
    assert!(seen.into_iter().all(|seen| seen));
}

#[test]
fn paths_are_spelt_as_the_format_says() {
    let path = |index, width| TileId { kind: Kind::Entries, index, width }.path();
    assert_eq!(path(1_234_067, 256), "tile/entries/x001/x234/067");
    assert_eq!(path(0, 1), "tile/entries/000.p/1");
    assert_eq!(TileId { kind: Kind::Hashes(2), index: 1000, width: 256 }.path(), "tile/2/x001/000");
    for wrong in
        ["tile/0/0", "tile/0/x001", "tile/00/001", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/x000/001"]
    {
        assert_eq!(TileId::parse(wrong), None, "{wrong}");
    }
    for index in [0, 7, 999, 1000, 999_999, 1_000_000, u64::MAX / 512] {
        let id = TileId { kind: Kind::Hashes(0), index, width: 9 };
        assert_eq!(TileId::parse(&id.path()), Some(id));
    }
}
