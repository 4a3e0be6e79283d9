//! What a recipient can check.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

fn delivery() -> Delivery {
    Delivery {
        sender: "Example Net".to_owned(),
        recipient: "NOC of AS 64501".to_owned(),
        subject: "incident neighbour".to_owned(),
        rule: Rule { id: "JP-037".to_owned(), text_ja: "…".to_owned(), text_en: "…".to_owned() },
        journal_index: 7,
        made: UtcMicros(1_782_864_000_000_000),
    }
}

#[test]
fn the_manifest_and_the_sums_name_every_document() {
    let one = Document { name: "one.txt", media_type: "text/plain", octets: b"abc".to_vec() };
    let (documents, digest) = pack(&delivery(), vec![one]);
    let names: Vec<_> = documents.iter().map(|document| document.name).collect();
    assert_eq!(names, ["one.txt", "manifest.json", "SHA256SUMS"]);
    let manifest: serde_json::Value = serde_json::from_slice(&documents[1].octets).unwrap();
    // FIPS 180-2, appendix B.1.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(manifest["documents"][0]["sha256"], abc);
    assert_eq!((&manifest["rule"]["id"], &manifest["journal_index"]), (&"JP-037".into(), &7.into()));
    assert_eq!(manifest["made"], "2026-07-01T00:00:00Z");
    let sums = String::from_utf8(documents[2].octets.clone()).unwrap();
    assert!(sums.starts_with(&format!("{abc}  one.txt\n")), "{sums}");
    assert!(sums.contains(&format!("{}  manifest.json\n", hex(digest))), "{sums}");
}

#[test]
fn debug_shows_no_document() {
    let document = Document { name: "one.txt", media_type: "text/plain", octets: b"192.0.2.1".to_vec() };
    assert!(!format!("{document:?}").contains("192.0.2.1"));
}
