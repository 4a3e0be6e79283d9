//! Laws of the stream: one event is one line of data, in the visitor's words, without an address.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

use serde_json::Value;

use super::*;

#[test]
fn an_event_is_one_line_in_the_words_of_the_visitor() {
    let brief = json!({
        "id": "0123456789abcdef", "state": "moved", "vector": "syn\nevent: evil", "direction": "incoming",
        "scope": "host", "at": null, "start": "2026-11-21T01:00:00Z", "last": "2026-11-21T01:04:12Z",
        "peak": {"packets_per_s": 1234.0, "bits_per_s": 1e6, "flows_per_s": 0.0},
        "now": {"packets_per_s": 0.0, "bits_per_s": 0.0, "flows_per_s": 0.0}, "sure": "likely"
    });
    let said = said(Lang::Ja, "incident", &brief.to_string()).unwrap();
    let data = said.strip_prefix("event: row\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
    assert!(!data.contains('\n'), "{said}");
    let told: Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        (&told["cells"]["state"], &told["cells"]["lasted"]),
        (&json!("標的の移動"), &json!("4 m 12 s"))
    );
    assert_eq!((&told["is_open"], &told["cells"]["peak_packets"]), (&json!(true), &json!("1,234")));
}

#[test]
fn what_does_not_read_is_left_out() {
    assert_eq!(said(Lang::En, "incident", "{"), None);
    assert_eq!(said(Lang::En, "missed", "{\"missed\":3}").as_deref(), Some("event: missed\ndata: {}\n\n"));
}
