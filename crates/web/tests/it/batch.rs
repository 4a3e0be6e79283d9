//! Batches: exactly one answer a line, in order, with its reference, whatever the lines hold.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::house::{House, ann};

const HEAD: &str =
    r#"{"case":"K-1","purpose":"CLEAN","facts":{"complaint.id":"K-1","complaint.substantiated":"yes"}}"#;

async fn answers(house: &House, body: String) -> Vec<Value> {
    let (status, text) = house.ask(Some(&ann()), Method::POST, "/v1/who/batch", Body::from(body)).await;
    assert_eq!(status, 200, "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_its_answer_in_its_place() {
    let house = House::with_records().await;
    let lines = [
        r#"{"address":"203.0.113.7","port":"40123","time":"2026-11-21T01:15:03Z","ref":"a"}"#,
        r#"{"address":"203.0.113.7","port":40123,"time":"2026-11-21 10:15:03","ref":7}"#,
        r#"{"error":"line 4: a quote is not closed","ref":"c"}"#,
        "",
        "no json",
        r#"{"address":"203.0.113.7","tme":"x","ref":"f"}"#,
        r#"{"address":"203.0.113.7","time":"2026-11-21T01:15:03Z"}"#,
        r#"{"address":"203.0.113.7:41001","time":"1795223703","dst_address":"","dst_port":"","proto":"","ref":"h"}"#,
    ];
    let found = answers(&house, format!("{HEAD}\n{}", lines.join("\n"))).await;
    assert_eq!(found.len(), lines.len());
    for (at, answer) in found.iter().enumerate() {
        assert_eq!(answer["line"], at as u64 + 1);
    }
    let references: Vec<&Value> = found.iter().map(|answer| &answer["ref"]).collect();
    assert_eq!(
        references,
        [
            &json!("a"),
            &json!(7),
            &json!("c"),
            &Value::Null,
            &Value::Null,
            &json!("f"),
            &Value::Null,
            &json!("h")
        ]
    );
    let outcomes: Vec<Option<&str>> =
        found.iter().map(|a| a.get("outcome").and_then(Value::as_str)).collect();
    let expected = [Some("unique"), None, None, None, None, None, Some("ambiguous"), Some("unique")];
    assert_eq!(outcomes, expected, "{found:#?}");
    assert_eq!(found[1]["error"]["code"], "time-no-zone");
    assert_eq!(
        found[1]["error"]["likely"],
        json!(["2026-11-21 10:15:03 +09:00", "2026-11-21 10:15:03 +00:00"])
    );
    assert_eq!(found[2]["error"]["message"], "line 4: a quote is not closed");
    assert_eq!(found[0]["candidates"][0]["subscriber"], "C-9");
    assert_eq!(found[7]["candidates"][0]["subscriber"], "C-10");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_ten_thousand_share_a_permit_and_keep_the_order() {
    let house = House::with_records().await;
    let mut body = format!("{HEAD}\n");
    for n in 0..10_500_u32 {
        let port = 40_000 + n % 2000;
        let _ = writeln!(
            body,
            r#"{{"address":"203.0.113.7","port":{port},"time":"2026-11-21T01:15:03Z","ref":{n}}}"#
        );
    }
    let found = answers(&house, body).await;
    assert_eq!(found.len(), 10_500);
    for (n, answer) in found.iter().enumerate() {
        assert_eq!(answer["ref"], n as u64);
        let holder = if n % 2000 < 1000 { "C-9" } else { "C-10" };
        assert_eq!(answer["candidates"][0]["subscriber"], holder);
    }
    let permit_of = |n: usize| found[n]["permit"]["journal_index"].as_u64().unwrap();
    assert_eq!(permit_of(0), permit_of(9_999));
    assert!(permit_of(10_000) > permit_of(9_999));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_answers_each_line_with_the_refusal() {
    let house = House::with_records().await;
    let line = r#"{"address":"203.0.113.7","time":"2026-11-21T01:15:03Z","ref":"x"}"#;
    let found =
        answers(&house, format!("{{\"case\":\"K-1\",\"purpose\":\"CRIME\"}}\n{line}\nbad\n{line}\n")).await;
    assert_eq!(found.len(), 3);
    assert_eq!((&found[0]["outcome"], &found[2]["outcome"]), (&json!("refused"), &json!("refused")));
    assert!(found[1].get("outcome").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ground_that_cannot_be_read_or_stated_is_told_by_the_status() {
    let house = House::with_records().await;
    let line = r#"{"address":"203.0.113.7","time":"2026-11-21T01:15:03Z"}"#;
    for (head, status) in [
        ("", 400),
        ("no json", 400),
        (r#"{"case":"K-1","purpose":"FUN"}"#, 400),
        (r#"{"case":"no good id!","purpose":"CLEAN"}"#, 400),
        (r#"{"case":"K-1","purpose":"CLEAN","facts":{"no.such.fact":"yes"}}"#, 400),
    ] {
        let (got, told) = house.post(Some(&ann()), "/v1/who/batch", &format!("{head}\n{line}\n")).await;
        assert_eq!(got, status, "{head}: {told}");
        assert!(told["error"]["code"].is_string());
    }
    assert!(answers(&house, format!("{HEAD}\n")).await.is_empty());
}
