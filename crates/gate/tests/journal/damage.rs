//! Damage is found wherever it is, and a torn tail is told from damage.

use std::fs;
use std::path::Path;

use tadoru_gate::journal::{Journal, JournalError, Options, Verifier, verify};

use crate::scene::{copy, entries, entry, files, folder, open, options};

/// A journal with full tiles, old partial tiles, a published checkpoint and a tail of several groups behind it.
fn small(dir: &Path) -> (Verifier, String) {
    let (journal, _) = open(dir);
    journal.append_many(&entries(0..258)).unwrap();
    journal.publish().unwrap();
    journal.append(&entry(258)).unwrap();
    let kept = journal.publish().map(|_| journal.checkpoint()).unwrap();
    let key = journal.verifier().clone();
    journal.append_many(&entries(259..261)).unwrap();
    journal.append(&entry(261)).unwrap();
    // As after a kill: the folder is taken before the journal is closed and published.
    let taken = folder();
    copy(dir, taken.path());
    journal.close().unwrap();
    fs::remove_dir_all(dir).unwrap();
    copy(taken.path(), dir);
    (key, kept)
}

#[test]
fn every_flipped_byte_is_found() {
    let dir = folder();
    let (key, _) = small(dir.path());
    assert!(verify(dir.path(), &key, None).is_sound());
    let mut flips = 0;
    for file in files(dir.path()) {
        let sound = fs::read(&file).unwrap();
        // In hash tiles one byte of each hash in turn; everywhere else every byte.
        let stride = if file.to_str().unwrap().contains("tile/0/000") { 31 } else { 1 };
        for at in (0..sound.len()).step_by(stride) {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&file, &bytes).unwrap();
            let report = verify(dir.path(), &key, None);
            assert!(!report.is_sound(), "byte {at} of {}", file.display());
            flips += 1;
        }
        fs::write(&file, &sound).unwrap();
    }
    assert!(flips > 2000);
    assert!(verify(dir.path(), &key, None).is_sound());
}

#[test]
fn a_tile_cut_anywhere_or_removed_is_found() {
    let dir = folder();
    let (key, _) = small(dir.path());
    for file in files(&dir.path().join("tile")).into_iter().chain([dir.path().join("checkpoint")]) {
        let sound = fs::read(&file).unwrap();
        for len in (0..sound.len()).step_by(if sound.len() > 1000 { 13 } else { 1 }) {
            fs::write(&file, &sound[..len]).unwrap();
            assert!(!verify(dir.path(), &key, None).is_sound(), "{} cut at {len}", file.display());
        }
        fs::write(&file, &sound).unwrap();
    }
    for name in ["tile/0/000", "tile/entries/000", "tile/1/000.p/1", "tile/0/001.p/3", "tail"] {
        let sound = fs::read(dir.path().join(name)).unwrap();
        fs::remove_file(dir.path().join(name)).unwrap();
        assert!(!verify(dir.path(), &key, None).is_sound(), "{name} removed");
        fs::write(dir.path().join(name), sound).unwrap();
    }
}

#[test]
fn a_tail_cut_anywhere_is_torn_or_damage_and_never_less_than_its_checkpoint() {
    let dir = folder();
    let (key, _) = small(dir.path());
    let tail = dir.path().join("tail");
    let sound = fs::read(&tail).unwrap();
    let (mut torn, mut damaged) = (0, 0);
    for len in 0..sound.len() {
        fs::write(&tail, &sound[..len]).unwrap();
        let report = verify(dir.path(), &key, None);
        let scratch = folder();
        copy(dir.path(), scratch.path());
        match Journal::open(scratch.path(), &options()) {
            Ok((journal, recovery)) => {
                assert!(report.is_sound(), "cut at {len}: {:?}", report.findings);
                assert_eq!((recovery.size, recovery.dropped_bytes), (report.size, report.torn_bytes));
                assert!((259..=261).contains(&recovery.size), "nothing published is lost");
                assert_eq!(journal.append(b"goes on").unwrap(), recovery.size);
                for index in 0..recovery.size {
                    assert_eq!(journal.entry(index).unwrap(), entry(index));
                }
                journal.close().unwrap();
                assert!(verify(scratch.path(), &key, None).is_sound());
                torn += 1;
            }
            Err(JournalError::Damaged { .. }) => {
                assert!(!report.is_sound(), "cut at {len}");
                damaged += 1;
            }
            Err(other) => panic!("cut at {len}: {other}"),
        }
    }
    assert!(torn > 300 && damaged > 100, "{torn} torn, {damaged} damaged");
}

#[test]
fn a_changed_group_at_the_very_end_is_damage_and_not_a_torn_tail() {
    let dir = folder();
    let (key, _) = small(dir.path());
    let tail = dir.path().join("tail");
    let mut bytes = fs::read(&tail).unwrap();
    let last = bytes.len() - 1;
    bytes[last - 20] ^= 4;
    fs::write(&tail, &bytes).unwrap();
    assert!(!verify(dir.path(), &key, None).is_sound());
    assert!(matches!(Journal::open(dir.path(), &options()), Err(JournalError::Damaged { .. })));
    assert_eq!(fs::read(&tail).unwrap(), bytes, "damage is left as it is");
}

#[test]
fn zeros_behind_the_last_group_are_a_torn_tail() {
    let dir = folder();
    let (key, _) = small(dir.path());
    let tail = dir.path().join("tail");
    let mut bytes = fs::read(&tail).unwrap();
    bytes.extend([0; 5000]);
    fs::write(&tail, &bytes).unwrap();
    let report = verify(dir.path(), &key, None);
    assert!(report.is_sound());
    assert_eq!(report.torn_bytes, 5000);
    assert_eq!(open(dir.path()).1.dropped_bytes, 5000);
}

#[test]
fn swapped_entries_are_found() {
    let dir = folder();
    let (key, _) = small(dir.path());
    let path = dir.path().join("tile/entries/000");
    let bytes = fs::read(&path).unwrap();
    // Entries 14 and 21 have the same length; so have 14 and 21 of the hash tile.
    let start = |n: u64| (0..n).map(|i| 2 + entry(i).len()).sum::<usize>();
    let (a, b, len) = (start(14), start(21), 2 + entry(14).len());
    let mut swapped = bytes.clone();
    swapped[a..a + len].copy_from_slice(&bytes[b..b + len]);
    swapped[b..b + len].copy_from_slice(&bytes[a..a + len]);
    fs::write(&path, &swapped).unwrap();
    let report = verify(dir.path(), &key, None);
    assert!(report.findings.iter().any(|finding| finding.entry == Some(14)), "{:?}", report.findings);
    // Swapped in the hashes too, the signed roots still tell.
    let path = dir.path().join("tile/0/000");
    let hashes = fs::read(&path).unwrap();
    let mut swapped = hashes.clone();
    swapped[14 * 32..15 * 32].copy_from_slice(&hashes[21 * 32..22 * 32]);
    swapped[21 * 32..22 * 32].copy_from_slice(&hashes[14 * 32..15 * 32]);
    fs::write(&path, &swapped).unwrap();
    assert!(!verify(dir.path(), &key, None).is_sound());
    assert!(matches!(Journal::open(dir.path(), &options()), Err(JournalError::Damaged { .. })));
}

#[test]
fn a_past_rewritten_with_the_real_key_is_found_by_a_kept_checkpoint() {
    let dir = folder();
    let (key, kept) = small(dir.path());
    assert!(verify(dir.path(), &key, Some(&kept)).is_sound());
    // Whoever has the key makes a new history with one entry changed.
    let forged = folder();
    fs::copy(dir.path().join("signer"), forged.path().join("signer")).unwrap();
    let (journal, _) = open(forged.path());
    let mut all = entries(0..262);
    all[100] = b"nothing happened".to_vec();
    journal.append_many(&all).unwrap();
    journal.close().unwrap();
    assert!(verify(forged.path(), &key, None).is_sound(), "by itself it is a sound journal");
    let report = verify(forged.path(), &key, Some(&kept));
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].to_string().contains("kept checkpoint"));
    // A checkpoint at the second place keeps the desk from going on with it.
    let second = forged.path().join("kept");
    fs::write(&second, &kept).unwrap();
    let with_second = Options { second: Some(second), ..options() };
    assert!(matches!(Journal::open(forged.path(), &with_second), Err(JournalError::Damaged { .. })));
}

#[test]
fn a_shortened_journal_is_found_by_a_kept_checkpoint() {
    let dir = folder();
    let (key, kept) = small(dir.path());
    let short = folder();
    fs::copy(dir.path().join("signer"), short.path().join("signer")).unwrap();
    let (journal, _) = open(short.path());
    journal.append_many(&entries(0..200)).unwrap();
    journal.close().unwrap();
    assert!(verify(short.path(), &key, None).is_sound());
    assert!(!verify(short.path(), &key, Some(&kept)).is_sound());
    let other = folder();
    let (stranger, _) = open(other.path());
    assert!(
        !verify(dir.path(), &key, Some(&stranger.checkpoint())).is_sound(),
        "a stranger's checkpoint is none"
    );
}

#[test]
fn a_journal_is_open_once() {
    let dir = folder();
    let (_journal, _) = open(dir.path());
    assert!(matches!(Journal::open(dir.path(), &options()), Err(JournalError::Busy)));
}

#[test]
fn what_is_too_long_is_refused_and_harms_nothing() {
    let dir = folder();
    let (journal, _) = open(dir.path());
    assert!(matches!(journal.append(&vec![0; 65_536]), Err(JournalError::EntryTooLong { len: 65_536 })));
    assert_eq!(journal.append(&vec![0; 65_535]).unwrap(), 0);
    assert_eq!(journal.append(&[]).unwrap(), 1);
    assert_eq!(journal.entry(0).unwrap().len(), 65_535);
    assert_eq!(journal.entry(1).unwrap().len(), 0);
    assert!(matches!(journal.entry(2), Err(JournalError::NoSuchEntry { asked: 2, size: 2 })));
}
