//! The fuzz bodies, replayed over real files: as they are, cut, and with single octets changed.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../../fuzz/bodies.rs"]
mod bodies;

#[test]
fn no_body_fails_on_real_files_cut_or_changed() {
    let seeds = seeds();
    assert!(seeds.len() > 20, "the test data is gone");
    for (name, body) in bodies::BODIES {
        for seed in &seeds {
            let data = fs::read(seed).unwrap();
            let data = data.get(..data.len().min(MOST_BYTES)).unwrap();
            body(data);
            for part in 1..PARTS {
                body(data.get(..data.len() * part / PARTS).unwrap());
                let mut changed = data.to_vec();
                if let Some(octet) = changed.get_mut(data.len() * part / PARTS) {
                    *octet = octet.wrapping_add(u8::try_from(37 * part).unwrap());
                }
                body(&changed);
            }
        }
        body(b"");
        body(name.as_bytes());
    }
}

#[test]
fn every_body_has_its_target() {
    for (name, _) in bodies::BODIES {
        let target = top().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(&target).unwrap_or_default();
        assert!(text.contains(&format!("bodies::run(\"{name}\", data)")), "{name}");
    }
    assert_eq!(fs::read_dir(top().join("fuzz/fuzz_targets")).unwrap().count(), bodies::BODIES.len());
    bodies::run("pack", b"");
}

/// Real files of every format.
fn seeds() -> Vec<PathBuf> {
    let mut seeds = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["wire", "observe"].map(|r| top().join("crates").join(r).join("testdata")).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                seeds.push(path);
            }
        }
    }
    seeds.sort();
    seeds
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cuts and changes of each file.
const PARTS: usize = 5;

/// Of each file at most so much: what a body does to the rest is the same.
const MOST_BYTES: usize = 6_000;
