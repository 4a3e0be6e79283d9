//! Flows asked about: single ones, statements and rehearsals, and what of them is never told.

use serde_json::{Value, json};
use tadoru_desk::Stores as _;
use tadoru_model::flow::to_bits;
use tadoru_model::{FindingState, Flow, Flows, Role};
use tadoru_store::incidents::contract::finding;

use crate::house::{House, NOW, admin, ann, somebody};

const VICTIM: &str = "198.51.100.4";
const SENDER: &str = "203.0.113.200";
const NEIGHBOUR: &str = "198.51.100.5";

fn flow(src: &str, dst: &str, src_port: u16, at: i64) -> Flow {
    let (src, dst) = (to_bits(src.parse().unwrap()), to_bits(dst.parse().unwrap()));
    let of = Flow {
        ip: 4,
        src,
        dst,
        src_port,
        dst_port: 53,
        proto: 17,
        flows: 1,
        sampling: 1000,
        ..Flow::default()
    };
    Flow { first_us: at, last_us: at + 500_000, received_us: at + 600_000, packets: 9, bytes: 9_000, ..of }
}

/// A DNS amplification at one address on file, with flows of it, of somebody else, and of the same address before.
async fn house() -> (House, String) {
    let house = House::new().await;
    let finding = finding(4, FindingState::Opened, NOW.0 / 1_000_000);
    let permit = house.desk.standing(tadoru_desk::ask::Work::Flows).unwrap();
    let mut flows = Flows::default();
    for second in 0..30 {
        for n in 0..20 {
            let at = NOW.0 - 40_000_000 + second * 1_000_000;
            let sender = if n == 0 { SENDER.to_owned() } else { format!("203.0.113.{n}") };
            flows.push(Flow { packets: 500, bytes: 700_000, ..flow(&sender, VICTIM, 53, at) });
        }
    }
    flows.push(flow("203.0.113.202", NEIGHBOUR, 53, NOW.0 - 2_000_000));
    flows.push(flow("203.0.113.203", VICTIM, 443, NOW.0 - 2_000_000));
    flows.push(flow("203.0.113.204", VICTIM, 53, NOW.0 - 7_200_000_000));
    house.desk.stores().flows().keep(&permit, &flows).unwrap();
    house.desk.stores().incidents().keep(&permit, &finding).unwrap();
    (house, finding.id.to_string())
}

async fn asked(house: &House, role: Role, body: &Value) -> (u16, Value) {
    house.post(Some(&somebody(role)), "/v1/flows", &body.to_string()).await
}

fn sources(answer: &Value) -> Vec<&str> {
    answer["flows"].as_array().unwrap().iter().map(|row| row["src"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_shows_its_own_flows_and_no_others() {
    let (house, incident) = house().await;
    let noc = Role::NetworkOperations;
    let (status, told) =
        asked(&house, noc, &json!({"rows": 1000, "incident": incident, "case": "K-7"})).await;
    assert_eq!((status, &told["rule"], &told["cut"]), (200, &json!("JP-030.2"), &json!(false)), "{told}");
    let seen = sources(&told);
    assert!(seen.contains(&SENDER), "{told}");
    assert!(!seen.contains(&"203.0.113.202") && !seen.contains(&"203.0.113.203"), "{told}");
    assert!(!seen.contains(&"203.0.113.204"), "what the address got before is not of the attack: {told}");
    assert_eq!(
        (&told["cut_to"]["incident"], told["flows"][0]["sampling"].as_u64()),
        (&json!(incident), Some(1000))
    );
    let firsts: Vec<&str> =
        told["flows"].as_array().unwrap().iter().map(|row| row["first"].as_str().unwrap()).collect();
    assert!(firsts.is_sorted(), "by when they began");

    // Whatever the filter asks for.
    for filter in [format!("host {NEIGHBOUR}"), "port 443".to_owned(), "src host 203.0.113.204".to_owned()] {
        let (_, told) = asked(&house, noc, &json!({"rows": 9, "incident": incident, "filter": filter})).await;
        assert_eq!(told["flows"], json!([]), "{filter}: {told}");
    }
    let (_, told) = asked(&house, noc, &json!({"top": "src-addr", "incident": incident, "count": 3})).await;
    assert_eq!(told["rows"].as_array().unwrap().len(), 3, "{told}");
    let (_, told) = asked(&house, noc, &json!({"rows": 5, "incident": incident})).await;
    assert!(told["cut"] == json!(true) && told["of"]["flows"].as_u64().unwrap() > 5, "{told}");
    let trace = json!({"rows": 5, "incident": incident, "purpose": "trace-in"});
    assert_eq!(asked(&house, noc, &trace).await.1["rule"], json!("JP-035"));

    let (_, thread) = house.get(Some(&ann()), "/v1/cases/K-7").await;
    assert!(thread.to_string().contains("asked"), "{thread}");
    let (_, entries) = house.get(Some(&ann()), "/v1/journal/entries?count=50").await;
    assert!(!entries.to_string().contains(VICTIM) && !entries.to_string().contains(SENDER));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_without_a_ground_or_in_another_role() {
    let (house, incident) = house().await;
    let figures = [
        json!({"rows": 5}),
        json!({"sql": "SELECT * FROM flows"}),
        json!({"top": "addr"}),
        json!({"filter": format!("host {VICTIM}")}),
        json!({"filter": format!("host {VICTIM}"), "series": "1m"}),
    ];
    for figure in &figures {
        let (status, told) = asked(&house, Role::NetworkOperations, figure).await;
        let missing = told["missing"].to_string();
        assert_eq!((status, &told["outcome"]), (200, &json!("refused")), "{figure}: {told}");
        assert!(missing.contains("incident.id") && missing.contains("scope.attack_only"), "{figure}: {told}");
        let mut of = figure.clone();
        of["incident"] = json!(incident);
        for role in [Role::AbuseDesk, Role::Manager, Role::Administrator] {
            let (_, told) = asked(&house, role, &of).await;
            assert!(told["outcome"] == "refused" && !told.to_string().contains(SENDER), "{of}: {told}");
        }
        for role in [Role::Auditor, Role::LegalReviewer, Role::Requester] {
            assert_eq!(asked(&house, role, &of).await.0, 403, "{of}");
        }
    }
    for figure in [json!({}), json!({"top": "dst-net"}), json!({"top": "port"}), json!({"series": "1m"})] {
        let (_, told) = asked(&house, Role::Manager, &figure).await;
        assert_eq!(told["rule"], json!("JP-005"), "{told}");
        assert!(!told.to_string().contains(VICTIM), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said() {
    let (house, incident) = house().await;
    let noc = Role::NetworkOperations;
    for (body, status, code) in [
        (json!({"rows": 5, "incident": "0000000000000000"}), 404, "no-such-incident"),
        (json!({"rows": 5, "incident": VICTIM}), 400, "incident"),
        (json!({"rows": 0}), 400, "rows"),
        (json!({"rows": 100_001}), 400, "rows"),
        (json!({"rows": 5, "sql": "SELECT 1"}), 400, "figure"),
        (json!({"top": "nothing"}), 400, "top"),
        (json!({"sql": "SELECT 1; ATTACH 'x' AS x"}), 400, "sql"),
        (json!({"sql": "PRAGMA query_only = 0"}), 400, "sql"),
        (json!({"sql": "SELECT x FROM cases", "incident": incident}), 400, "sql"),
        (json!({"sql": "WITH a AS (SELECT 1) DELETE FROM flows", "incident": incident}), 400, "sql"),
        (json!({"rows": 5, "facts": {"scope.attack_only": "yes", "incident.id": "1"}}), 400, "derived-fact"),
        (json!({"rows": 5, "facts": {"nothing.such": "yes"}}), 400, "unknown-fact"),
        (json!({"rows": 5, "purpose": "CRIME"}), 400, "question"),
        (json!({"rows": 5, "purpose": "nothing"}), 400, "purpose"),
    ] {
        let (told, answer) = asked(&house, noc, &body).await;
        assert_eq!((told, &answer["error"]["code"]), (status, &json!(code)), "{body}: {answer}");
        assert!(!answer.to_string().contains(VICTIM), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_sees_what_the_incident_leaves() {
    let (house, incident) = house().await;
    let statement = "SELECT dst, count(*) AS n, max(packets) AS p, min(first) AS f FROM flows GROUP BY dst";
    let (status, told) =
        asked(&house, Role::NetworkOperations, &json!({"sql": statement, "incident": incident})).await;
    assert_eq!((status, &told["columns"]), (200, &json!(["dst", "n", "p", "f"])), "{told}");
    let rows = told["values"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0][0], &rows[0][2]), (1, &json!(VICTIM), &json!(500)), "{told}");
    assert_eq!((&told["read"], &told["partial"], &told["cut"]), (&rows[0][1], &json!(false), &json!(false)));
}

async fn rehearsed(house: &House, role: Role, body: &Value) -> (u16, Value) {
    let (status, text) = house
        .ask(Some(&somebody(role)), axum::http::Method::POST, "/v1/rehearsals", body.to_string().into())
        .await;
    (status, text.lines().last().map(|line| serde_json::from_str(line).unwrap()).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_tells_what_is_new_and_what_is_missed_without_an_address() {
    let (house, incident) = house().await;
    let strict = json!({"thresholds": {"amplification": {"packets_per_s": 100.0, "bits_per_s": 0.0}}});
    let loose = json!({"thresholds": {
        "amplification": {"packets_per_s": 1e15, "bits_per_s": 1e15}, "udp": {"packets_per_s": 1e15, "bits_per_s": 1e15},
    }});
    let (status, told) = rehearsed(&house, Role::Administrator, &json!({"detection": strict})).await;
    assert_eq!((status, &told["outcome"], &told["rule"]), (200, &json!("told"), &json!("JP-005")), "{told}");
    assert_eq!(told["flows"], json!(603));
    let hit = &told["hits"][0];
    assert_eq!(
        (&hit["vector"], &hit["target"]),
        (&json!("amplification-dns"), &json!("198.51.100.0/24")),
        "{told}"
    );
    assert!(hit["told"].as_str().unwrap() >= hit["start"].as_str().unwrap(), "{told}");
    assert!(!told.to_string().contains(VICTIM) && hit.get("targets").is_none(), "{told}");

    // The same flows under the settings in force, and under ones that find nothing.
    let (_, in_force) = rehearsed(&house, Role::NetworkOperations, &json!({})).await;
    assert!(!in_force["hits"].as_array().unwrap().is_empty(), "{in_force}");
    assert!(in_force["hits"].as_array().unwrap().iter().all(|hit| hit["is_new"] == json!(false)));
    let (_, told) = rehearsed(&house, Role::NetworkOperations, &json!({"detection": loose})).await;
    assert_eq!((&told["hits"], told["missed"].as_array().unwrap().len()), (&json!([]), 1), "{told}");

    // Whom it would have hit: of an incident on file, to network operations.
    let of = json!({"detection": strict, "incident": incident});
    let (_, told) = rehearsed(&house, Role::NetworkOperations, &of).await;
    assert_eq!(
        (&told["rule"], &told["hits"][0]["targets"][0]["target"]),
        (&json!("JP-030.2"), &json!(VICTIM)),
        "{told}"
    );
    for (role, body) in
        [(Role::Administrator, of), (Role::NetworkOperations, json!({"filter": format!("host {VICTIM}")}))]
    {
        let (_, told) = rehearsed(&house, role, &body).await;
        assert_eq!(told["outcome"], json!("refused"), "{told}");
    }
    let (status, told) =
        rehearsed(&house, Role::NetworkOperations, &json!({"detection": {"quite_s": 1}})).await;
    assert_eq!((status, &told["error"]["code"]), (400, &json!("detection")), "{told}");
    assert_eq!(rehearsed(&house, Role::Auditor, &json!({})).await.0, 403);
    assert!(
        house.get(Some(&admin()), "/v1/incidents").await.1.to_string().matches("\"id\"").count() <= 1,
        "nothing is filed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_as_recorded_and_say_what_was_sampled() {
    let (house, incident) = house().await;
    let noc = Role::NetworkOperations;
    let standing = [json!({}), json!({"top": "proto"}), json!({"series": "1m"})];
    for body in &standing {
        let (_, told) = asked(&house, noc, body).await;
        let sampling = &told["sampling"];
        assert_eq!(sampling["figures"], "as-recorded", "{told}");
        assert_eq!((&sampling["records"], &sampling["sampled"]), (&json!(603), &json!(603)), "{told}");
        assert_eq!(sampling["rates"], json!([{"one_in": 1000, "records": 603}]), "{told}");
    }
    // Nothing is multiplied: the sums are those of the records.
    let (_, told) = asked(&house, noc, &standing[0]).await;
    assert_eq!(told["rows"][0]["packets"], 600 * 500 + 3 * 9, "{told}");
    for more in [json!({"rows": 5}), json!({"sql": "SELECT count(*) FROM flows"})] {
        let mut body = more;
        body["incident"] = json!(incident);
        let (_, told) = asked(&house, noc, &body).await;
        assert_eq!(told["sampling"]["rates"][0]["one_in"], 1000, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ranking_of_all_keys() {
    let (house, _) = house().await;
    let noc = Role::NetworkOperations;
    let keys = |told: &Value| told["rows"].as_array().unwrap().len();
    let (_, few) = asked(&house, noc, &json!({"top": "src-port", "count": 1})).await;
    let (_, all) = asked(&house, noc, &json!({"top": "src-port", "count": 0})).await;
    assert_eq!((keys(&few), keys(&all)), (1, 2), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_silently_be_nothing_is_refused() {
    let (house, _) = house().await;
    let (noon, later) = ("2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z");
    for (body, code, says) in [
        (json!({"since": later, "until": noon}), "until", "not after"),
        (json!({"since": noon, "until": noon}), "until", "not after"),
        (json!({"series": "abc"}), "skew", "the step of a series"),
        (json!({"series": "0s"}), "series", "the step of a series"),
        (json!({"series": "1m", "count": 3}), "top", "`top` is missing"),
        (json!({"top": "port", "count": 10_001}), "count", "10000"),
    ] {
        let (_, told) = asked(&house, Role::NetworkOperations, &body).await;
        assert_eq!(told["error"]["code"], code, "{body}: {told}");
        assert!(told["error"]["message"].as_str().unwrap().contains(says), "{body}: {told}");
    }
}
