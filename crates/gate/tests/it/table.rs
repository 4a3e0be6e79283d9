#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]
//! The committed decision tables are what the packs say. `TADORU_BLESS=1` writes them anew; the difference is the
//! review of a changed rule.

use std::path::Path;

use tadoru_gate::{Packs, table};

#[test]
fn the_committed_tables_are_what_the_packs_say() {
    for jurisdiction in ["JP", "EU", "UK", "US"] {
        let packs = Packs::shipped().unwrap().with_jurisdiction(jurisdiction).unwrap();
        let text = table::text(&packs);
        let name = format!("tests/decision-table/{}.txt", jurisdiction.to_lowercase());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("TADORU_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = committed.lines().zip(text.lines()).position(|(a, b)| a != b);
        assert!(
            committed == text,
            "{} differs from line {} on; TADORU_BLESS=1 writes it anew",
            path.display(),
            differs.map_or(committed.lines().count().min(text.lines().count()), |n| n) + 1
        );
    }
}
