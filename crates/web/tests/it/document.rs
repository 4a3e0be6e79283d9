//! The document of the routes is committed; a change of it is a change of the contract and is reviewed as such.

use std::path::Path;

use crate::house::{House, ann};

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_the_committed_one() {
    let house = House::new().await;
    let (status, document) = house.get(Some(&ann()), "/v1/openapi.json").await;
    assert_eq!(status, 200);
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json");
    if std::env::var_os("TADORU_BLESS").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(kept == text, "the routes are not those of tests/openapi.json; TADORU_BLESS=1 writes it anew");
}
