//! Laws of following: every whole line once, whatever becomes of the file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::*;

const HEADER: &str = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,state\n";

fn tail(path: &Path, format: Followed, from: Option<FilePlace>) -> Tail {
    let config = Config {
        path: path.to_owned(),
        format,
        source: SourceName::from("server-1"),
        realm: Realm::untold(),
        prefixes: Vec::new(),
        zone: None,
        poll_ms: 1000,
    };
    Tail { config, from, has_resumed: false, open: None, earlier: None, counters: Arc::default() }
}

/// Everything that is there: text, first line, age.
fn all(tail: &mut Tail) -> Vec<(String, u64, Age)> {
    let mut pieces = Vec::new();
    while let Some(piece) = tail.look().unwrap() {
        tail.taken();
        let place = piece.place.unwrap();
        pieces.push((String::from_utf8(piece.octets).unwrap(), place.line, place.age));
    }
    pieces
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn lines_are_taken_when_they_are_whole_and_carry_their_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.csv");
    append(&path, &format!("{HEADER}a\nb"));
    let mut tail = tail(&path, Followed::Kea4, None);
    assert_eq!(all(&mut tail), [(format!("{HEADER}a\n"), 2, Age::Old)]);
    append(&path, "b\nc\n");
    assert_eq!(all(&mut tail), [(format!("{HEADER}bb\nc\n"), 3, Age::Fresh)]);
    assert!(all(&mut tail).is_empty());
    append(&path, "d\n");
    assert_eq!(all(&mut tail), [(format!("{HEADER}d\n"), 5, Age::Fresh)]);
}

#[test]
fn a_file_that_is_replaced_is_read_to_its_end_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.csv");
    append(&path, &format!("{HEADER}a\n"));
    let mut tail = tail(&path, Followed::Kea4, None);
    all(&mut tail);
    append(&path, "b\n");
    std::fs::rename(&path, folder.path().join("leases.csv.1")).unwrap();
    append(&path, &format!("{HEADER}c\n"));
    let told: Vec<String> = all(&mut tail).into_iter().map(|(text, ..)| text).collect();
    assert_eq!(told, [format!("{HEADER}b\n"), format!("{HEADER}c\n")]);
    assert_eq!(tail.counters.replaced.get(), 1);
}

#[test]
fn a_file_that_is_truncated_is_read_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.csv");
    append(&path, &format!("{HEADER}a\nb\nc\n"));
    let mut tail = tail(&path, Followed::Kea4, None);
    let before = tail.look().unwrap().unwrap().place.unwrap();
    tail.taken();
    std::fs::write(&path, format!("{HEADER}d\n")).unwrap();
    let after = tail.look().unwrap().unwrap();
    assert_eq!(after.octets, format!("{HEADER}d\n").into_bytes());
    assert_ne!(after.place.unwrap().file, before.file, "its lines have nothing to do with those before");
}

#[test]
fn following_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.csv");
    append(&path, &format!("{HEADER}a\nb\n"));
    let place = tail(&path, Followed::Kea4, None).look().unwrap().unwrap().place.unwrap();
    append(&path, "c\n");
    let mut again = tail(&path, Followed::Kea4, Some(place));
    assert_eq!(all(&mut again), [(format!("{HEADER}c\n"), 4, Age::Fresh)], "written since then");
    assert!(again.has_resumed);
    let other = FilePlace { file: 1, ..place };
    assert_eq!(all(&mut tail(&path, Followed::Kea4, Some(other))).len(), 1, "another file is read whole");
}

#[test]
fn what_the_clean_up_of_kea_left_is_read_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.csv");
    append(&path, &format!("{HEADER}c\n"));
    append(&folder.path().join("leases.csv.1"), &format!("{HEADER}b\n"));
    append(&folder.path().join("leases.csv.2"), &format!("{HEADER}a\n"));
    let told: Vec<String> =
        all(&mut tail(&path, Followed::Kea4, None)).into_iter().map(|(text, ..)| text).collect();
    assert_eq!(told, ["a", "b", "c"].map(|line| format!("{HEADER}{line}\n")));
}

#[test]
fn blocks_and_entries_are_taken_when_they_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let leases = folder.path().join("dhcpd.leases");
    append(&leases, "lease 192.0.2.1 {\n  binding state active;\n}\nlease 192.0.2.2 {\n");
    let mut blocks = tail(&leases, Followed::IscLeases, None);
    assert_eq!(all(&mut blocks)[0].0.matches('}').count(), 1);
    append(&leases, "  binding state free;\n}\n");
    assert!(all(&mut blocks)[0].0.starts_with("lease 192.0.2.2"));
    let detail = folder.path().join("detail");
    append(&detail, "Mon Feb  1 00:00:00 2016\n\tUser-Name = \"u\"\n\nMon Feb");
    let mut entries = tail(&detail, Followed::RadiusDetail, None);
    assert!(all(&mut entries)[0].0.ends_with("\"u\"\n\n"));
    assert!(all(&mut entries).is_empty());
}

#[test]
fn a_piece_that_the_spool_refused_is_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.csv");
    append(&path, &format!("{HEADER}a\n"));
    let mut tail = tail(&path, Followed::Kea4, None);
    let first = tail.look().unwrap().unwrap();
    let again = tail.look().unwrap().unwrap();
    assert_eq!((first.octets, first.place), (again.octets, again.place));
}

#[test]
fn a_file_that_is_not_there_is_no_end_of_following() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.csv");
    let mut tail = tail(&path, Followed::Kea4, None);
    assert!(tail.look().is_err());
    append(&path, &format!("{HEADER}a\n"));
    assert_eq!(all(&mut tail).len(), 1);
}
