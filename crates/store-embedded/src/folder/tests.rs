#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_folder_is_made_for_its_owner_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data");
    let folder = Folder::open(&path).unwrap().inside("part").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(folder.place("file"), "part/file");
}

#[test]
fn a_folder_of_another_version_is_refused() {
    let place = tempfile::tempdir().unwrap();
    drop(Folder::open(place.path()).unwrap());
    fs::write(place.path().join("version"), "tadoru data 2\n").unwrap();
    assert!(matches!(Folder::open(place.path()), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_folder_is_free_again_when_its_last_owner_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let inside = Folder::open(place.path()).unwrap().inside("part").unwrap();
    assert!(matches!(Folder::open(place.path()), Err(StoreError::InUse)));
    drop(inside);
    assert!(Folder::open(place.path()).is_ok());
}

#[test]
fn a_file_is_replaced_whole() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    folder.replace("file", b"one").unwrap();
    folder.replace("file", b"two").unwrap();
    assert_eq!(fs::read(folder.file("file")).unwrap(), b"two");
    assert_eq!(folder.names().unwrap(), ["file", "lock", "version"]);
}
