//! No open door: every route of the document, asked by nobody, by somebody without a role, and in every role.
//!
//! The routes are taken from the document, so that a new one is asked too. What a route says of its door (`x-door`) is
//! held against what it does.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tadoru_desk::Actor;
use tadoru_model::{PersonId, Role};

use crate::house::{House, RECORDS, admin, ann, question, somebody};

/// A route of the document.
struct Route {
    method: Method,
    path: String,
    id: String,
    door: Value,
}

async fn routes(house: &House) -> Vec<Route> {
    let (_, document) = house.get(Some(&ann()), "/v1/openapi.json").await;
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            routes.push(Route {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                id: operation["operationId"].as_str().unwrap().to_owned(),
                door: operation["x-door"].clone(),
            });
        }
    }
    assert!(routes.len() >= 36, "{}", routes.len());
    routes
}

/// A request that would do something, but for the facts that a rule asks for.
fn request(route: &Route) -> (String, String) {
    let mut asked = question("203.0.113.7:40123", "2026-11-21T01:15:03Z");
    asked["facts"] = json!({});
    let head = json!({"case": "K-1", "purpose": "CLEAN"});
    let line = json!({"address": "203.0.113.7", "time": "2026-11-21T01:15:03Z"});
    let body = match route.id.as_str() {
        "who" => asked.to_string(),
        "who-batch" => format!("{head}\n{line}\n"),
        "import" => RECORDS.to_owned(),
        "case-open" => json!({"title": "x"}).to_string(),
        "case-close" => json!({"reason": "x"}).to_string(),
        "hold-new" => json!({
            "endpoints": ["203.0.113.7:40123"], "from": "2026-11-21T01:00:00Z", "until": "2026-11-21T02:00:00Z",
            "days": 30, "case": "K-1", "purpose": "P-CRIME"
        })
        .to_string(),
        "flows" => json!({"top": "dst-port"}).to_string(),
        "flows-filter" => json!({"filter": "proto udp and", "at": 13}).to_string(),
        "rehearse" => json!({}).to_string(),
        "incident-pack" => json!({"recipient": "association", "name": "x", "case": "K-1"}).to_string(),
        "reading" => json!({"line": "203.0.113.7:40123 2026-11-21T01:15:03Z"}).to_string(),
        "subscriber-show" => head.to_string(),
        "token-issue" => json!({"days": 1}).to_string(),
        "token-revoke" => json!({"number": 1}).to_string(),
        "gate-explain" => json!({"act": "learn", "data": ["ASGN"], "purpose": "CLEAN"}).to_string(),
        _ => String::new(),
    };
    let query = if route.id == "import" { "?format=table&name=records.csv" } else { "" };
    let id = if route.path.starts_with("/v1/incidents/") { "00000000000005ab" } else { "K-1" };
    (route.path.replace("{id}", id).replace("{index}", "0") + query, body)
}

async fn knock(house: &House, route: &Route, actor: Option<&Actor>) -> (u16, String) {
    let (path, body) = request(route);
    house.ask(actor, route.method.clone(), &path, Body::from(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_nothing_from_any_route() {
    let house = House::with_records().await;
    let before = house.desk.gate().journal().size();
    for route in routes(&house).await {
        let (status, text) = knock(&house, &route, None).await;
        assert_eq!(status, 401, "{} {text}", route.id);
        let none = Actor { person: PersonId("x".to_owned()), roles: vec![] };
        let (status, text) = knock(&house, &route, Some(&none)).await;
        assert_eq!(status, 403, "{} {text}", route.id);
    }
    let (status, _) = house.get(None, "/v1/no-such-route").await;
    assert_eq!(status, 401);
    assert_eq!(house.desk.gate().journal().size(), before, "and nothing was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_gets_what_the_door_says_and_no_address_without_a_ground() {
    let house = House::with_records().await;
    for route in routes(&house).await {
        for role in Role::ALL {
            // The case is there, and is open, for everybody who knocks.
            let _ =
                house.post(Some(&ann()), "/v1/cases", r#"{"id":"K-1","title":"203.0.113.7 again"}"#).await;
            let (status, text) = knock(&house, &route, Some(&somebody(role))).await;
            let at = format!("{} as {}: {status} {text}", route.id, role.as_str());
            let named = route.door.as_array().map(|roles| roles.contains(&json!(role.as_str())));
            match (named, route.door.as_str()) {
                (Some(false), _) => assert_eq!(status, 403, "{at}"),
                (Some(true), _) => assert_ne!(status, 403, "{at}"),
                (None, Some("anybody")) => assert_eq!(status, 200, "{at}"),
                (None, Some("gate")) => assert!(refused(status, &text), "{at}"),
                (None, Some("desk")) => {
                    let may = matches!(role, Role::Administrator | Role::System);
                    assert_eq!(status, if may { 200 } else { 403 }, "{at}");
                }
                _ => panic!("no door is told: {at}"),
            }
            // What was found, or who it was, is in no answer; the question's own echo is.
            assert!(!text.contains("C-9") && !text.contains("100.64.0.9"), "{at}");
        }
        if route.id == "case-close" {
            let _ = house.post(Some(&ann()), "/v1/cases", r#"{"id":"K-1"}"#).await;
        }
    }
}

/// Whether the gate said no: as a refusal, or because nothing waits for this person.
fn refused(status: u16, text: &str) -> bool {
    match status {
        200 => text.lines().all(|line| {
            let answer: Value = serde_json::from_str(line).unwrap();
            answer["outcome"] == "refused"
        }),
        403 | 404 => true,
        // The case was closed by somebody who may.
        409 => text.contains("case-closed"),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_open_nothing_are_refused_with_every_fact_on_hand_too() {
    let house = House::with_records().await;
    let asked = question("203.0.113.7:40123", "2026-11-21T01:15:03Z").to_string();
    for role in [Role::Auditor, Role::Administrator, Role::Manager, Role::Approver, Role::SensorOperator] {
        let (status, answer) = house.post(Some(&somebody(role)), "/v1/who", &asked).await;
        let said_no = status == 403 || answer["outcome"] == "refused";
        assert!(said_no && answer.get("candidates").is_none(), "{}: {status} {answer}", role.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_agreed_to_by_another_person_only() {
    let house = House::with_records().await;
    let (status, told) = house.post(Some(&ann()), "/v1/approvals/none-such", "").await;
    assert_eq!((status, &told["error"]["code"]), (404, &json!("nothing-waits")));
    let (_, waiting) = house.get(Some(&admin()), "/v1/approvals").await;
    assert_eq!(waiting, json!({"waiting": []}));

    // JP-054: the legal reviewer has to agree.
    let mut asked = question("203.0.113.7:40123", "2026-11-21T01:15:03Z");
    asked["facts"] = json!({"c2log.lawful_source": "yes", "danger.present": "yes"});
    asked["basis"] = json!("B-NEC");
    let (status, told) = house.post(Some(&ann()), "/v1/who", &asked.to_string()).await;
    assert_eq!((status, &told["verdict"]), (200, &json!("need:approval")), "{told:#}");
    let approve = format!("/v1/approvals/{}", told["approval_id"].as_str().unwrap());
    let reviewer = somebody(Role::LegalReviewer);
    let (_, waiting) = house.get(Some(&reviewer), "/v1/approvals").await;
    assert_eq!(
        (&waiting["waiting"][0]["rule"], &waiting["waiting"][0]["case"]),
        (&json!("JP-054"), &json!("K-1"))
    );
    assert!(!waiting.to_string().contains("203.0.113"));

    let (status, told) = house.post(Some(&ann()), &approve, "").await;
    assert_eq!((status, &told["error"]["code"]), (403, &json!("own-approval")));
    let (status, told) = house.post(Some(&admin()), &approve, "").await;
    assert_eq!((status, &told["error"]["code"]), (403, &json!("role")));
    let (status, _) = house.post(Some(&reviewer), &approve, "").await;
    assert_eq!(status, 200);
    let (status, told) = house.post(Some(&reviewer), &approve, "").await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("agreed-already")));
    let (_, answer) = house.post(Some(&ann()), "/v1/who", &asked.to_string()).await;
    assert_eq!((&answer["outcome"], &answer["permit"]["rule"]), (&json!("unique"), &json!("JP-054")));
}
