//! Requests that do not fit: told by place and code, never by a value; nothing is done.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::house::{House, admin, ann, question};

const ADDRESS: &str = "203.0.113.7";

#[tokio::test(flavor = "multi_thread")]
async fn no_error_holds_an_address() {
    let house = House::with_records().await;
    let at = "2026-11-21T01:15:03Z";
    let with = |name: &str, value: Value| {
        let mut asked = question(&format!("{ADDRESS}:40123"), at);
        asked[name] = value;
        asked.to_string()
    };
    let bodies = [
        (with("address", json!("203.0.113.07")), "address-leading-zero"),
        (with("address", json!("203.0.113.7/24")), "address-prefix"),
        (with("address", json!("203.0.113.7.7")), "address"),
        (with("address", json!("203.0.113.7:70000")), "port"),
        (with("address", json!("9".repeat(9000))), "address"),
        (with("port", json!("203.0.113.7")), "address"),
        (with("port", json!(40124)), "two-ports"),
        (with("port", json!(-1)), "body"),
        (with("to", json!("203.0.113.7:x")), "to"),
        (with("at", json!([])), "at"),
        (with("at", json!("203.0.113.7")), "body"),
        (with("at", json!(["203.0.113.7"])), "time"),
        (with("at", json!(["2026-11-21 10:15:03"])), "time-no-zone"),
        (with("at", json!(["03/04/2026 10:15:03 +0900"])), "time-day-or-month"),
        (with("at", json!(["2026-02-30T00:00:00Z"])), "time-impossible"),
        (with("skew", json!("203.0.113.7")), "skew"),
        (with("skew", json!("9999999999999999999s")), "skew"),
        (with("proto", json!("203.0.113.7")), "proto"),
        (with("purpose", json!("203.0.113.7")), "purpose"),
        (with("basis", json!("203.0.113.7")), "basis"),
        (with("case", json!("203.0.113.7/..")), "case-id"),
        (with("203.0.113.7", json!(1)), "body"),
        (with("attached", json!("203.0.113.7")), "attached"),
        (format!("\"{ADDRESS}\""), "body"),
        (format!("{{\"address\":\"{ADDRESS}\""), "body"),
        (format!("{{\"address\":{ADDRESS}}}"), "body"),
        ("[".repeat(100_000), "body"),
        (String::new(), "body"),
    ];
    for (body, code) in bodies {
        let (status, told) = house.post(Some(&ann()), "/v1/who", &body).await;
        let shown: String = body.chars().take(120).collect();
        assert_eq!(status, 400, "{shown}: {told}");
        assert!(told["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{told}");
        let known = ["port", "address", "to", "at"];
        let said = told["error"]["code"].as_str().unwrap();
        assert!(said == code || (known.contains(&said) && known.contains(&code)), "{shown}: {told}");
        assert!(!told.to_string().contains("203.0"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_not_read() {
    let house = House::new().await;
    let long = format!("{{\"title\": \"{}\"}}", "x".repeat(2 << 20));
    let (status, told) = house.post(Some(&ann()), "/v1/cases", &long).await;
    assert_eq!((status, &told["error"]["code"]), (413, &json!("too-long")));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_queries_that_do_not_fit_are_answered_in_the_same_form() {
    let house = House::new().await;
    for (method, path, status) in [
        (Method::GET, "/v1/no-such-route", 404),
        (Method::GET, "/v1/who", 405),
        (Method::GET, "/v1/cases?which=203.0.113.7", 400),
        (Method::GET, "/v1/cases?203.0.113.7=x", 400),
        (Method::GET, "/v1/cases/%ff", 400),
        (Method::GET, "/v1/gate/table?lang=203.0.113.7", 400),
        (Method::GET, "/v1/journal/proof/203.0.113.7", 400),
        (Method::GET, "/v1/journal/proof/18446744073709551616", 400),
        (Method::GET, "/v1/journal/proof/18446744073709551615", 404),
        (Method::GET, "/v1/journal/entries?from=18446744073709551615&count=18446744073709551615", 200),
        (Method::GET, "/v1/journal/entries?from=-1", 400),
        (Method::POST, "/v1/import?name=x", 400),
        (Method::POST, "/v1/import?format=none-such&name=x", 400),
    ] {
        let (got, text) = house.ask(Some(&admin()), method.clone(), path, Body::empty()).await;
        let role = got == 403 && path.starts_with("/v1/cases");
        assert!(got == status || role, "{method} {path}: {got} {text}");
        let told: Value = serde_json::from_str(&text).unwrap();
        assert!(got == 200 || told["error"]["code"].is_string(), "{path}: {text}");
        assert!(!text.contains("203.0"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_too_long_costs_itself_only() {
    let house = House::with_records().await;
    let head =
        r#"{"case":"K-1","purpose":"CLEAN","facts":{"complaint.id":"K-1","complaint.substantiated":"yes"}}"#;
    let line = r#"{"address":"203.0.113.7:40123","time":"2026-11-21T01:15:03Z"}"#;
    let body = format!("{head}\n{line}\n{}\n{line}\n", "x".repeat(3 << 20));
    let (status, text) = house.ask(Some(&ann()), Method::POST, "/v1/who/batch", Body::from(body)).await;
    assert_eq!(status, 200);
    let answers: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), 3);
    assert_eq!((&answers[0]["outcome"], &answers[2]["outcome"]), (&json!("unique"), &json!("unique")));
    assert_eq!(answers[1]["error"]["code"], "too-long");
}
