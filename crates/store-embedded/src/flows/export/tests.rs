//! An exported file is one of the store's own, with every flow in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use tadoru_store::flows::contract::batch;

use super::super::file::FlowFile;
use super::*;

#[test]
fn an_exported_file_has_every_flow() {
    let folder = tempfile::tempdir().unwrap();
    for (n, size) in [0, 1, 5_000].into_iter().enumerate() {
        let place = folder.path().join(format!("{n}.parquet"));
        export(File::create_new(&place).unwrap(), &batch(7, size)).unwrap();
        assert_eq!(FlowFile::open(File::open(&place).unwrap()).unwrap().rows(), size as u64);
    }
}
