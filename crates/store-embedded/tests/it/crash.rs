//! Crashes and damage: after kill -9 the state is that of the last commit; a damaged file is said to be, and gives no row.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tadoru_store::assignments::{Assignments, SpoolMark};
use tadoru_store::contract::{agrees, questions, rows};
use tadoru_store::{Memory, StoreError};

use crate::house::{House, place, small};
use crate::spool;

const CHILD: &str = "TADORU_TEST_CHILD";

/// What a process that will be killed does: puts and commits, and says each commit that was acknowledged.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let path = Path::new(&path);
    let house = House::at(path);
    let (store, _) = house.open(&path.join("data"), &small()).unwrap();
    let (raw, _) = spool::open(&house, &path.join("raw"));
    for round in store.mark().0.. {
        for part in rows(round, 120).chunks(50) {
            store.put(&house.permits.store, part).unwrap();
        }
        store.commit(&house.permits.store, SpoolMark(round + 1)).unwrap();
        let receipt = raw.append(&house.permits.store, &[spool::record(raw.end().0)]).unwrap();
        println!("done {} {}", round + 1, receipt.mark.0);
    }
}

#[test]
fn after_kill_9_the_state_is_that_of_the_last_commit() {
    let folder = place();
    let path = folder.path();
    let plain = Memory::default();
    let (mut applied, mut spooled) = (0, 0);
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--nocapture"])
            .env(CHILD, path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed after some acknowledged commits, in the middle of whatever comes next.
        let mut left = 2 + round * 3 % 7;
        for line in lines.map_while(Result::ok) {
            let mut words = line.split(' ').skip_while(|word| *word != "done").skip(1);
            let (Some(mark), Some(raw)) = (words.next(), words.next()) else { continue };
            (applied, spooled) = (mark.parse().unwrap(), raw.parse().unwrap());
            left -= 1;
            if left == 0 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let house = House::at(path);
        let (store, _) = house.open(&path.join("data"), &small()).unwrap();
        let mark = store.mark().0;
        assert!(mark >= applied, "what was acknowledged is there");
        let known = plain.mark().0;
        for round in known..mark {
            plain.put(&house.permits.store, &rows(round, 120)).unwrap();
        }
        plain.commit(&house.permits.store, SpoolMark(mark)).unwrap();
        agrees(&house.permits, &store, &plain, &questions(round, 60));
        let (raw, _) = spool::open(&house, &path.join("raw"));
        let found = raw.read_from(&house.permits.store, SpoolMark(0), usize::MAX).unwrap();
        assert!(found.len() as u64 >= spooled, "what was spooled is there");
        assert!(found.iter().enumerate().all(|(n, (_, r))| *r == spool::record(n as u64)));
    }
    assert!(applied > 10);
}

/// A store with everything in it: segments, log, open rows, a hold.
fn filled(house: &House, path: &Path) -> Memory {
    let plain = Memory::default();
    let (store, _) = house.open(path, &small()).unwrap();
    for round in 0..4 {
        store.put(&house.permits.store, &rows(round, 250)).unwrap();
        plain.put(&house.permits.store, &rows(round, 250)).unwrap();
        store.commit(&house.permits.store, SpoolMark(round + 1)).unwrap();
    }
    store.hold(&house.permits.preserve, "h", &questions(1, 2)).unwrap();
    plain.hold(&house.permits.preserve, "h", &questions(1, 2)).unwrap();
    plain
}

fn files(path: &Path) -> Vec<PathBuf> {
    let folder = path.join("assignments");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// Whether the store either says that a file is damaged or gives only rows that were put, and counts none twice.
fn is_honest(house: &House, path: &Path, plain: &Memory) -> bool {
    let store = match house.open(path, &small()) {
        Ok((store, _)) => store,
        Err(StoreError::Damaged { .. }) => return true,
        Err(StoreError::Codec(_)) => return true,
        Err(other) => panic!("{other}"),
    };
    questions(9, 30).iter().all(|question| {
        let wanted = house.permits.open(plain.holding(&house.permits.learn, question).unwrap());
        match store.holding(&house.permits.learn, question) {
            Ok(found) => house.permits.open(found).rows.iter().all(|row| wanted.rows.contains(row)),
            Err(StoreError::Damaged { .. } | StoreError::Codec(_)) => true,
            Err(other) => panic!("{other}"),
        }
    })
}

#[test]
fn a_flipped_byte_anywhere_gives_no_wrong_row_and_no_panic() {
    let house = House::new();
    let folder = place();
    let plain = filled(&house, folder.path());
    for file in files(folder.path()) {
        let whole = std::fs::read(&file).unwrap();
        let step = (whole.len() / 40).max(1);
        for at in (0..whole.len()).step_by(step) {
            let copy = copied(folder.path());
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            std::fs::write(copy.path().join("assignments").join(file.file_name().unwrap()), bytes).unwrap();
            assert!(is_honest(&house, copy.path(), &plain), "byte {at} of {}", file.display());
        }
    }
}

#[test]
fn a_file_cut_at_any_length_gives_no_wrong_row_and_no_panic() {
    let house = House::new();
    let folder = place();
    let plain = filled(&house, folder.path());
    for file in files(folder.path()) {
        let whole = std::fs::read(&file).unwrap();
        for len in (0..whole.len()).step_by((whole.len() / 25).max(1)) {
            let copy = copied(folder.path());
            std::fs::write(copy.path().join("assignments").join(file.file_name().unwrap()), &whole[..len])
                .unwrap();
            assert!(is_honest(&house, copy.path(), &plain), "{len} bytes of {}", file.display());
        }
    }
}

#[test]
fn leftovers_are_removed_and_said() {
    let house = House::new();
    let folder = place();
    let plain = filled(&house, folder.path());
    std::fs::write(folder.path().join("assignments/assignment-202611-00.seg"), b"half").unwrap();
    std::fs::write(folder.path().join("assignments/manifest.next"), b"half").unwrap();
    let (store, opened) = house.open(folder.path(), &small()).unwrap();
    assert_eq!(opened.leftovers, ["assignment-202611-00.seg", "manifest.next"]);
    agrees(&house.permits, &store, &plain, &questions(2, 40));
}

#[test]
fn a_folder_has_one_owner() {
    let house = House::new();
    let folder = place();
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    assert!(matches!(house.open(folder.path(), &small()), Err(StoreError::InUse)));
    drop(store);
    assert!(house.open(folder.path(), &small()).is_ok());
}

/// On a small file system of its own; skipped, and said, where it cannot be mounted.
#[test]
fn a_full_disk_is_said_and_keeps_what_was_committed() {
    let house = House::new();
    let folder = place();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=600k", "tmpfs"])
        .arg(folder.path())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("skipped: a small file system cannot be mounted here");
        return;
    }
    let plain = Memory::default();
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    let mut full = false;
    for round in 0..200 {
        let part = rows(round, 200);
        let put = store.put(&house.permits.store, &part);
        let done = put.and_then(|()| store.commit(&house.permits.store, SpoolMark(round + 1)));
        match done {
            Ok(()) => {
                plain.put(&house.permits.store, &part).unwrap();
                plain.commit(&house.permits.store, SpoolMark(round + 1)).unwrap();
            }
            Err(StoreError::Full { .. }) => {
                full = true;
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    drop(store);
    let (store, _) = house.open(folder.path(), &small()).unwrap();
    assert!(full && store.mark() == plain.mark());
    agrees(&house.permits, &store, &plain, &questions(2, 40));
    drop(store);
    Command::new("umount").arg(folder.path()).status().unwrap();
}

fn copied(from: &Path) -> tempfile::TempDir {
    let to = place();
    for part in ["", "assignments"] {
        std::fs::create_dir_all(to.path().join(part)).unwrap();
        for entry in std::fs::read_dir(from.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, to.path().join(part).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    to
}
