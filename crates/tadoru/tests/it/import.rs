//! `import` of files that are damaged: what was kept, what is in doubt, and what came to nothing.

use std::path::Path;
use std::process::{Command, Output};

fn tadoru(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.arg("--data").arg(folder.join("data")).args(arguments).output().unwrap()
}

/// Today, as what is past its retention is not kept.
fn event(second: u32, name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = now / 1000 * 1000 - 1000 + u64::from(second);
    format!(
        "[{at}.000000]\t [{name}] tcp      6 120 SYN_SENT src=100.64.0.5 dst=198.51.100.10 sport=500{second} \
         dport=80 [UNREPLIED] src=198.51.100.10 dst=192.0.2.1 sport=80 dport=12{second:02}\n"
    )
}

#[test]
fn a_damaged_line_is_told_and_what_it_leaves_in_doubt_is_lossy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gw-1.log");
    let log = [event(10, "NEW"), event(11, "NEX"), event(12, "NEW")].concat();
    std::fs::write(&file, log).unwrap();
    let done = tadoru(folder.path(), &["import", "conntrack", file.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(told.contains("line 2: ") && told.contains("2 kept, 0 ignored, 1 defective"), "{told}");
    let coverage = tadoru(folder.path(), &["coverage", "--json"]);
    let coverage: serde_json::Value = serde_json::from_slice(&coverage.stdout).unwrap();
    let states: Vec<_> =
        coverage["spans"].as_array().unwrap().iter().map(|span| span["state"].clone()).collect();
    assert_eq!(states, ["lossy", "alive"]);
}

#[test]
fn a_file_of_which_nothing_is_kept_makes_the_command_fail() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (empty, good, damaged) = (path("empty.log"), path("good.log"), path("damaged.log"));
    std::fs::write(&empty, "").unwrap();
    std::fs::write(&good, event(10, "NEW")).unwrap();
    std::fs::write(&damaged, event(11, "NEX")).unwrap();
    assert!(tadoru(folder.path(), &["import", "conntrack", &empty]).status.success());
    let done = tadoru(folder.path(), &["import", "conntrack", &damaged, &good]);
    assert_eq!(done.status.code(), Some(1));
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("nothing of `damaged.log` was kept") && told.contains("help: "), "{told}");
    assert!(String::from_utf8(done.stdout).unwrap().contains("good.log: 1 records read, 1 kept"));
    // Lines of another program are none of its business, but then nothing is kept either.
    std::fs::write(&damaged, "Nov 21 21:16:21 vm sshd[812]: Accepted publickey for ops\n").unwrap();
    assert_eq!(
        tadoru(folder.path(), &["import", "nat-syslog", &damaged, "--zone", "UTC"]).status.code(),
        Some(1)
    );
}

#[test]
fn a_format_that_there_is_not_is_told_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let done = tadoru(folder.path(), &["import", "bogus", "no-such-file.log"]);
    assert_eq!(done.status.code(), Some(2));
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("no import format `bogus`") && told.contains("radius-detail, "), "{told}");
    assert!(!told.contains("cannot read"), "{told}");
}
