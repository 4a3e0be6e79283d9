//! Killed at any moment, on a disk that is full: what was acknowledged is there, in order, and the checkpoint holds.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs};

use tadoru_gate::journal::{Journal, JournalError, Options, verifier_of, verify};

use crate::scene::{ORIGIN, open, options};

/// Appends and tells the parent of each entry until it is killed. Runs only as a child of the test below.
#[test]
fn child_that_is_killed() {
    let Ok(dir) = env::var("TADORU_JOURNAL_CHILD") else { return };
    let options = Options { publish_every: Duration::from_millis(5), ..Options::new(ORIGIN) };
    let (journal, _) = Journal::open(Path::new(&dir), &options).unwrap();
    let next = AtomicU64::new(journal.size());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let batch: Vec<String> =
                        (0..n % 90 + 1).map(|i| format!("{n}/{i} {}", "y".repeat(90))).collect();
                    let first = journal.append_many(&batch).unwrap();
                    let mut lines = String::new();
                    for (index, entry) in (first..).zip(&batch) {
                        lines.push_str(&format!("ack {index} {entry}\n"));
                    }
                    // One write: a line is told whole or not at all.
                    std::io::stdout().write_all(lines.as_bytes()).unwrap();
                }
            });
        }
    });
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(u64, String)> = Vec::new();
    let mut torn = 0;
    for round in 0..20_u64 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_is_killed", "--nocapture", "--test-threads=1"])
            .env("TADORU_JOURNAL_CHILD", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
        // Killed after another number of acknowledgements each time.
        let until = 50 + round * 97 % 1500;
        let mut told = 0;
        let mut take = |line: Vec<u8>| {
            let line = String::from_utf8(line).unwrap();
            if let Some((index, entry)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' ')) {
                // The last line may be cut by the kill.
                if entry.ends_with(&"y".repeat(90)) {
                    acknowledged.push((index.parse().unwrap(), entry.to_owned()));
                }
            }
        };
        while told < until {
            take(lines.next().unwrap().unwrap());
            told += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.map_while(Result::ok).for_each(&mut take);
        let key = verifier_of(dir.path()).unwrap();
        let report = verify(dir.path(), &key, None);
        assert!(report.is_sound(), "round {round}: {:?}", report.findings);
        torn += u64::from(report.torn_bytes > 0);
        let (journal, recovery) = open(dir.path());
        assert_eq!((recovery.size, recovery.dropped_bytes), (report.size, report.torn_bytes));
        for (index, entry) in &acknowledged {
            assert_eq!(journal.entry(*index).unwrap(), entry.as_bytes(), "round {round}");
        }
        let head = key.open(&journal.checkpoint()).unwrap();
        assert_eq!((head.size, head.root), (recovery.size, journal.root(recovery.size).unwrap()));
    }
    assert!(acknowledged.len() > 5000, "{} acknowledged, {torn} torn", acknowledged.len());
}

/// A small disk of its own, unmounted at the end. `None` where mounting is not allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_refuses_and_when_there_is_room_again_it_goes_on() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: mounting a small disk is not allowed here");
        return;
    };
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![0; 200 << 10]).unwrap();
    let dir = disk.0.path().join("journal");
    let (journal, _) = Journal::open(&dir, &options()).unwrap();
    let mut acknowledged = Vec::new();
    let mut fill = |most: usize| {
        for n in 0..most {
            let entry = format!("{n}:{}", "z".repeat(700));
            match journal.append(entry.as_bytes()) {
                Ok(index) => acknowledged.push((index, entry)),
                Err(error) => return Some(error),
            }
        }
        None
    };
    assert!(matches!(fill(1000), Some(JournalError::Disk { .. })), "the disk is full");
    assert!(matches!(fill(1), Some(JournalError::Disk { .. })), "and stays so");
    let report = verify(&dir, journal.verifier(), None);
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!(report.torn_bytes, 0, "what was not acknowledged was taken back");
    fs::remove_file(&ballast).unwrap();
    assert!(fill(20).is_none(), "there is room again");
    for (at, (index, entry)) in acknowledged.iter().enumerate() {
        assert_eq!(*index, at as u64, "refused entries have no index");
        assert_eq!(journal.entry(*index).unwrap(), entry.as_bytes());
    }
    let (key, size) = (journal.verifier().clone(), journal.size());
    drop(journal);
    let report = verify(&dir, &key, None);
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!(report.size, size);
}
