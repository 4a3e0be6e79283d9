//! The shapes of answers: what scripts may rely on.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tadoru_model::Role;

use crate::house::{House, admin, ann, question, somebody};

/// The members of an object in their order.
fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_answer_shows_its_candidate_path_ground_and_journal_entry() {
    let house = House::with_records().await;
    let asked = question("203.0.113.7:40123", "2026-11-21 10:15:03 +09:00").to_string();
    let (status, answer) = house.post(Some(&ann()), "/v1/who", &asked).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["outcome"], "unique", "{answer:#}");
    let order = [
        "outcome",
        "question",
        "reading",
        "candidates",
        "narrow_by",
        "coverage",
        "notes",
        "permit",
        "journal_index",
        "notes_ja",
    ];
    assert_eq!(members(&answer), order);
    assert_eq!(
        answer["question"],
        json!({
            "address": "203.0.113.7", "port": 40123, "proto": "any", "realm": "", "to": null,
            "at": [{"utc": "2026-11-21T01:15:03Z", "local": "2026-11-21 10:15:03 +09:00"}],
            "skew_ms": 0
        })
    );
    let candidate = &answer["candidates"][0];
    let order = ["subscriber", "named_by", "names", "from", "until", "certainty", "doubts", "path"];
    assert_eq!(members(candidate), order);
    assert_eq!(candidate["subscriber"], "C-9");
    assert_eq!(candidate["named_by"], "contract");
    assert_eq!(candidate["from"], "2026-11-21T00:00:00Z");
    assert_eq!(candidate["until"], "2026-11-21T02:00:00Z");
    assert_eq!(candidate["certainty"], "certain");
    assert_eq!(
        candidate["path"][0],
        json!({
            "kind": "nat-block", "source": "cgn-1", "record": 1, "realm": "", "prefix": "203.0.113.7",
            "ports": {"low": 40000, "high": 40999}, "proto": "any",
            "from": {"earliest": "2026-11-21T00:00:00Z", "latest": "2026-11-21T00:00:00Z", "how": "logged",
                "logged_earliest": "2026-11-21T00:00:00Z", "logged_latest": "2026-11-21T00:00:00Z"},
            "until": {"earliest": "2026-11-21T02:00:00Z", "latest": "2026-11-21T02:00:00Z", "how": "logged",
                "logged_earliest": "2026-11-21T02:00:00Z", "logged_latest": "2026-11-21T02:00:00Z"},
            "corrected_ms": 0
        })
    );
    assert_eq!(candidate["path"][1]["kind"], "static");
    assert_eq!(candidate["path"][1]["ports"], Value::Null);
    assert_eq!(answer["permit"]["rule"], "JP-063");
    assert_eq!(answer["permit"]["basis"], "BIZ");
    let permit = answer["permit"]["journal_index"].as_u64().unwrap();
    let answered = answer["journal_index"].as_u64().unwrap();
    assert!(answered > permit);

    let path = format!("/v1/journal/entries?from={answered}&count=1");
    let (_, entries) = house.get(Some(&somebody(Role::Auditor)), &path).await;
    assert_eq!(entries["entries"][0]["entry"]["kind"], "answered");
    assert_eq!(entries["entries"][0]["entry"]["permit"], permit);
    assert!(!entries.to_string().contains("203.0.113"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_port_the_answer_names_what_would_decide() {
    let house = House::with_records().await;
    let asked = question("203.0.113.7", "2026-11-21T01:15:03Z").to_string();
    let (status, answer) = house.post(Some(&ann()), "/v1/who", &asked).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("ambiguous")), "{answer:#}");
    assert_eq!(answer["candidates"].as_array().unwrap().len(), 2);
    assert!(answer["narrow_by"].as_array().unwrap().contains(&json!("port")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_answer_that_names_what_is_missing_and_who_can_supply_it() {
    let house = House::with_records().await;
    let mut asked = question("203.0.113.7:40123", "2026-11-21T01:15:03Z");
    asked["facts"] = json!({"complaint.id": "K-1"});
    let (status, answer) = house.post(Some(&ann()), "/v1/who", &asked.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("refused")));
    assert!(answer.get("candidates").is_none());
    let names: Vec<&str> =
        answer["missing"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!((&answer["rule"], names), (&json!("JP-063"), vec!["complaint.substantiated"]), "{answer:#}");
    for member in
        ["verdict", "rule", "text_ja", "text_en", "journal_index", "explanation_en", "explanation_ja"]
    {
        assert!(answer.get(member).is_some(), "{member}");
    }
    assert_eq!(members(&answer["missing"][0]), ["name", "text_ja", "text_en", "by", "stated"]);

    asked["purpose"] = json!("CRIME");
    let (status, answer) = house.post(Some(&ann()), "/v1/who", &asked.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("refused")));
    assert_eq!((&answer["verdict"], &answer["rule"]), (&json!("need:warrant"), &json!("JP-081.2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspicious_time_is_answered_as_told_with_the_likely_reading_beside_it() {
    let house = House::with_records().await;
    let asked = question("203.0.113.7:40123", "2026-11-21 09:15:03 +08:00").to_string();
    let (_, answer) = house.post(Some(&ann()), "/v1/who", &asked).await;
    assert_eq!(answer["reading"]["at"][0]["utc"], "2026-11-21T01:15:03Z");
    let warned = &answer["reading"]["warnings"][0];
    assert_eq!((&warned["code"], &warned["about"]), (&json!("one-hour-from-ours"), &json!("at[0]")));
    assert_eq!(warned["likely"], "2026-11-21 09:15:03 +09:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn day_and_month_that_may_be_swapped_are_shown_both_ways_and_never_chosen() {
    let house = House::with_records().await;
    for (text, code, likely) in [
        ("03/04/2026 10:15:03 +09:00", "time-day-or-month", vec!["2026-04-03", "2026-03-04"]),
        ("2026-21-11 10:15:03 +09:00", "time-impossible", vec!["2026-11-21"]),
    ] {
        let asked = question("203.0.113.7:40123", text).to_string();
        let (status, told) = house.post(Some(&ann()), "/v1/who", &asked).await;
        assert_eq!((status, &told["error"]["code"]), (400, &json!(code)), "{told}");
        let likely: Vec<String> = likely.iter().map(|day| format!("{day} 10:15:03 +09:00")).collect();
        assert_eq!(told["error"]["likely"], json!(likely), "{text}");
        assert!(!told.to_string().contains("203.0.113"));
    }
    // Told clearly, but it lies in the future: answered as told, with the other reading beside it.
    let asked = question("203.0.113.7:40123", "2026-12-11 10:15:03 +09:00").to_string();
    let (_, answer) = house.post(Some(&ann()), "/v1/who", &asked).await;
    assert_eq!(answer["reading"]["at"][0]["utc"], "2026-12-11T01:15:03Z");
    let warned = &answer["reading"]["warnings"][0];
    assert_eq!(
        (&warned["code"], &warned["likely"]),
        (&json!("future"), &json!("2026-11-12 10:15:03 +09:00"))
    );
    assert_ne!(answer["outcome"], "unique");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_of_an_hour_or_of_the_zone_is_a_note_beside_the_answer_and_no_other_answer() {
    let house = House::with_records().await;
    let (early, right) = ("2026-11-21T01:15:03Z", "2026-11-21T01:45:03Z");
    let noted = |answer: &Value, words: &str| {
        answer["notes"].as_array().unwrap().iter().filter(|n| n.as_str().unwrap().contains(words)).count()
    };
    // Each line of a batch is looked at within the time that the whole batch covers, and no further.
    for (slip, words) in [
        ("2026-11-21T02:30:00Z", "one hour earlier"),
        ("2026-11-20T23:30:00Z", "one hour later"),
        ("2026-11-21T10:15:03Z", "at the told clock time in the operator's zone"),
        ("2026-11-20T16:15:03Z", "at the told clock time in UTC"),
    ] {
        let head = r#"{"case":"K-1","purpose":"CLEAN","facts":{"complaint.id":"K-1","complaint.substantiated":"yes"}}"#;
        let line = |time: &str| format!(r#"{{"address":"203.0.113.7:40123","time":"{time}"}}"#);
        let body = [head.to_owned(), line(early), line(slip), line(right)].join("\n");
        let (status, text) = house.ask(Some(&ann()), Method::POST, "/v1/who/batch", Body::from(body)).await;
        assert_eq!(status, 200, "{text}");
        let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(noted(&answers[1], words), 1, "{slip}: {:#}", answers[1]);
        assert!(["none", "gap"].contains(&answers[1]["outcome"].as_str().unwrap()), "{slip}");
        assert_eq!(answers[1]["candidates"], json!([]), "{slip}");
        for unique in [&answers[0], &answers[2]] {
            assert_eq!((&unique["outcome"], noted(unique, "slip")), (&json!("unique"), 0), "{slip}");
        }
    }
    // Alone, the question covers its own instant only.
    let asked = question("203.0.113.7:40123", "2026-11-21T02:30:00Z").to_string();
    let (_, answer) = house.post(Some(&ann()), "/v1/who", &asked).await;
    assert_eq!(noted(&answer, "slip"), 0, "{answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_or_a_fact_that_nobody_knows_is_told_with_those_that_there_are() {
    let house = House::with_records().await;
    let told = async |change: &dyn Fn(&mut Value)| {
        let mut asked = question("203.0.113.7:40123", "2026-11-21T01:15:03Z");
        change(&mut asked);
        house.post(Some(&ann()), "/v1/who", &asked.to_string()).await
    };
    // Where no record names a realm, any may be meant.
    let (status, _) = told(&|asked| asked["realm"] = json!("vrf-7")).await;
    assert_eq!(status, 200);
    let (status, told) = told(&|asked| asked["facts"] = json!({"complaint.no": "K-1"})).await;
    assert_eq!((status, &told["error"]["code"]), (400, &json!("unknown-fact")), "{told}");
    let help = told["error"]["help"].as_str().unwrap();
    assert!(help.contains("complaint.id, complaint.substantiated"), "{help}");
    assert!(help.contains("P-CLEAN") && help.contains("tadoru gate explain"), "{help}");
    assert!(!help.contains("warrant"), "those of other purposes are of no use: {help}");
    let (_, journal) = house.get(Some(&ann()), "/v1/journal/entries?count=1000").await;
    assert!(!journal.to_string().contains("complaint.no"), "what is refused so is not written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_what_it_kept_and_where_the_defects_are() {
    let house = House::new().await;
    let path = "/v1/import?format=table&name=records.csv";
    let (status, told) = house.post(Some(&admin()), path, crate::house::RECORDS).await;
    assert_eq!(status, 200, "{told}");
    let order = [
        "records",
        "kept",
        "ignored",
        "defective",
        "defects",
        "sha256",
        "rows",
        "kept_before",
        "past_retention",
        "journal_index",
    ];
    assert_eq!(members(&told), order);
    assert_eq!((&told["records"], &told["defective"]), (&json!(5), &json!(1)));
    assert_eq!(told["defects"], json!(["line 5: not a row"]));
    let (_, health) = house.get(Some(&admin()), "/v1/health").await;
    assert_eq!((&health["state"], &health["assignments"]), (&json!("well"), &json!(4)));
    assert_eq!(health.get("upkeep"), Some(&Value::Null), "the upkeep of the store goes well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_open_to_closed_and_shows_its_texts_to_those_who_may_read_them() {
    let house = House::new().await;
    let ann = ann();
    let (status, opened) = house.post(Some(&ann), "/v1/cases", r#"{"title": "port scan"}"#).await;
    assert_eq!((status, &opened), (200, &json!({"id": "2026-0001"})));
    let (status, told) = house.post(Some(&ann), "/v1/cases", r#"{"id": "2026-0001"}"#).await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("case-exists")));

    let (_, dossier) = house.get(Some(&ann), "/v1/cases/2026-0001").await;
    assert_eq!(dossier["title"], "port scan", "{dossier:#}");
    let (_, dossier) = house.get(Some(&somebody(Role::Auditor)), "/v1/cases/2026-0001").await;
    assert_eq!(dossier["title"], Value::Null);
    assert_eq!(dossier["thread"][0]["text"], Value::Null);
    assert!(dossier["sealed"]["verdict"].is_string());

    let (status, _) = house.post(Some(&ann), "/v1/cases/2026-0001/close", r#"{"reason": "done"}"#).await;
    assert_eq!(status, 200);
    let (status, told) = house.post(Some(&ann), "/v1/cases/2026-0001/close", r#"{"reason": "done"}"#).await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("case-closed")));
    let (_, open) = house.get(Some(&ann), "/v1/cases").await;
    let (_, closed) = house.get(Some(&ann), "/v1/cases?which=closed").await;
    assert_eq!(open["cases"], json!([]));
    assert_eq!(
        (&closed["cases"][0]["id"], &closed["cases"][0]["state"]),
        (&json!("2026-0001"), &json!("closed"))
    );
    let (status, _) = house.get(Some(&ann), "/v1/cases/2026-0002").await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_from_the_api_is_checked_by_the_key_alone() {
    use tadoru_gate::journal::{Inclusion, Verifier, hash};
    let house = House::with_records().await;
    let (_, proof) = house.get(Some(&somebody(Role::Auditor)), "/v1/journal/proof/1").await;
    let verifier = Verifier::parse(proof["key"].as_str().unwrap()).unwrap();
    let (mut inclusion, note) = Inclusion::parse(proof["proof"].as_str().unwrap()).unwrap();
    let checkpoint = verifier.open(note).unwrap();
    inclusion.size = checkpoint.size;
    assert!(inclusion.proves(&hash::leaf(proof["entry"].as_str().unwrap().as_bytes()), &checkpoint.root));
    let (status, told) = house.get(Some(&somebody(Role::Auditor)), "/v1/journal/proof/999999").await;
    assert_eq!((status, &told["error"]["code"]), (404, &json!("no-such-entry")));
    let (_, told) = house.get(Some(&ann()), "/v1/journal/checkpoint").await;
    assert_eq!(
        verifier.open(told["checkpoint"].as_str().unwrap()).unwrap().size,
        told["size"].as_u64().unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_are_explained_in_the_language_that_is_asked_for() {
    let house = House::new().await;
    let wish = json!({"act": "learn", "data": ["D-ASGN"], "purpose": "P-CLEAN", "lang": "ja"}).to_string();
    let (status, told) = house.post(Some(&ann()), "/v1/gate/explain", &wish).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["verdict"], "deny");
    assert!(told["summary"].as_str().unwrap().starts_with("不許可"));
    let (_, table) = house.get(Some(&ann()), "/v1/gate/table?lang=en").await;
    assert!(table["text"].as_str().unwrap().contains("JP-063"));
}
