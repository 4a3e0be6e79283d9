//! Incidents: the list without anybody in it, one in full for whoever may, and the stream of what happens.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tadoru_desk::{Actor, Stores as _};
use tadoru_model::flow::to_bits;
use tadoru_model::{FindingState, Flow, Flows, Role};
use tadoru_store::incidents::contract::finding;
use tadoru_web::serve::{Tokens, loopback};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{House, NOW, admin, ann, somebody};

/// The one address, the exporter and the sender of the findings below.
const VICTIM: &str = "198.51.100.4";
const EXPORTER: &str = "192.0.2.1";
const SENDER: &str = "203.0.113.4";
const NOW_S: i64 = NOW.0 / 1_000_000;

fn keep(house: &House, number: u64, state: FindingState, at_s: i64) -> String {
    let finding = finding(number, state, at_s);
    let permit = house.desk.standing(tadoru_desk::ask::Work::Flows).unwrap();
    house.desk.stores().incidents().keep(&permit, &finding).unwrap();
    finding.id.to_string()
}

/// Network operations, to whom alone JP-030.2 tells an incident.
fn noc() -> Actor {
    somebody(Role::NetworkOperations)
}

fn shows_nobody(text: &str) {
    for secret in [VICTIM, EXPORTER, SENDER, "2001:db8:17:1234", "a customer", "203.0.113"] {
        let shown = text.replace("198.51.100.0/24", "").replace("2001:db8:17:1200::/56", "");
        assert!(!shown.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_list_to_one_in_full() {
    let house = House::new().await;
    for number in [0, 1, 2, 3, 6, 12] {
        keep(&house, number, FindingState::Ended, NOW_S - 3600);
    }
    let id = keep(&house, 4, FindingState::Moved, NOW_S - 60);

    let (status, list) = house.get(Some(&ann()), "/v1/incidents").await;
    assert_eq!(
        (status, &list["outcome"], &list["of"], &list["rule"]),
        (200, &json!("listed"), &json!(7), &json!("JP-005"))
    );
    shows_nobody(&list.to_string());
    let first = &list["incidents"][0];
    assert_eq!(
        (&first["id"], &first["state"], &first["scope"]),
        (&json!(id), &json!("moved"), &json!("host")),
        "{list}"
    );
    assert_eq!(
        (&first["target"], &first["vector"]),
        (&json!("198.51.100.0/24"), &json!("amplification-dns")),
        "{list}"
    );
    assert_eq!(first["peak"]["packets_per_s"], json!(5000.0));

    let (_, open) = house.get(Some(&ann()), "/v1/incidents?which=open").await;
    assert_eq!((&open["of"], &open["incidents"][0]["id"]), (&json!(1), &json!(id)), "{open}");
    let (_, ended) = house.get(Some(&ann()), "/v1/incidents?which=ended").await;
    assert_eq!(ended["of"], json!(6), "{ended}");
    let since = tadoru_model::UtcMicros::from_seconds(NOW_S - 600).to_string();
    let (_, late) = house.get(Some(&ann()), &format!("/v1/incidents?since={since}")).await;
    assert_eq!(late["of"], json!(1), "{late}");

    let (status, told) = house.get(Some(&noc()), &format!("/v1/incidents/{id}?case=K-7")).await;
    assert_eq!((status, &told["outcome"], &told["id"]), (200, &json!("told"), &json!(id)), "{told}");
    assert_eq!(told["scope"], json!({"kind": "host", "name": VICTIM}));
    assert_eq!(told["sources"]["largest"], json!([{"address": SENDER, "share": 0.02}]));
    assert_eq!(
        (&told["sources"]["verdict"], &told["threshold"]["from"]),
        (&json!("randomised"), &json!("configured"))
    );
    assert_eq!(
        (&told["ingress"][0]["exporter"], &told["ingress"][0]["neighbour_as"]),
        (&json!(EXPORTER), &json!(64_500))
    );
    assert_eq!(told["history"].as_array().map(Vec::len), Some(1), "{told}");
    assert!(told["rule"].as_str().unwrap().starts_with("JP-030"), "{told}");

    // That it was opened is in the journal and in the case, without an address.
    let (_, thread) = house.get(Some(&ann()), "/v1/cases/K-7").await;
    assert!(thread.to_string().contains(&format!("incident {id}")), "{thread}");
    let (_, entries) = house.get(Some(&ann()), "/v1/journal/entries?count=50").await;
    assert!(entries.to_string().contains(r#""outcomes":{"incident":1}"#), "{entries}");
    shows_nobody(&entries.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_who_may_not() {
    let house = House::new().await;
    let id = keep(&house, 4, FindingState::Opened, NOW_S);
    let (status, empty) = House::new().await.get(Some(&ann()), "/v1/incidents").await;
    assert_eq!((status, &empty["of"], &empty["incidents"]), (200, &json!(0), &json!([])), "{empty}");
    for none in ["00000000000005ab", "none", "%20", "0000000000000000000000"] {
        let (status, told) = house.get(Some(&ann()), &format!("/v1/incidents/{none}")).await;
        assert_eq!((status, &told["error"]["code"]), (404, &json!("no-such-incident")), "{none}: {told}");
    }
    for wrong in ["which=some", "since=yesterday", "since=2026-11-21T00:00:00", "until=x"] {
        let (status, told) = house.get(Some(&ann()), &format!("/v1/incidents?{wrong}")).await;
        assert_eq!(status, 400, "{wrong}: {told}");
    }
    // They see the list, and are refused the incident; what is said of the refusal names nobody.
    for role in [Role::Manager, Role::AbuseDesk, Role::Administrator] {
        let (_, list) = house.get(Some(&somebody(role)), "/v1/incidents").await;
        assert_eq!(list["of"], json!(1), "{list}");
        let (status, told) = house.get(Some(&somebody(role)), &format!("/v1/incidents/{id}")).await;
        assert_eq!((status, &told["outcome"]), (200, &json!("refused")), "{told}");
        shows_nobody(&told.to_string());
    }
    let (status, told) = house.get(Some(&somebody(Role::Auditor)), &format!("/v1/incidents/{id}")).await;
    assert_eq!(status, 403, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_tells_of_what_is_filed_until_the_desk_ends() {
    let house = House::new().await;
    let mut stream = stream(&house, &admin()).await;
    assert_eq!(next(&mut stream).await.as_deref(), Some(":\n\n"), "it is heard at once");
    flood(&house);
    let mut told = String::new();
    while !told.contains("event: incident") {
        told += &next(&mut stream).await.unwrap();
    }
    let (_, list) = house.get(Some(&admin()), "/v1/incidents").await;
    let data = told.split_once("event: incident\ndata: ").unwrap().1.split_once("\n\n").unwrap().0;
    let event: Value = serde_json::from_str(data).unwrap();
    assert_eq!((&event["state"], &event["id"]), (&json!("opened"), &list["incidents"][0]["id"]), "{told}");
    assert!(
        event["vector"].as_str().unwrap().starts_with("amplification") && event["scope"].is_string(),
        "{told}"
    );
    assert!(event.get("target").is_none(), "{told}");
    shows_nobody(&told);

    house.end.send(true).unwrap();
    while let Some(more) = next(&mut stream).await {
        shows_nobody(&more);
    }
    let (status, _) = house.get(Some(&somebody(Role::Auditor)), "/v1/incidents/stream").await;
    assert_eq!(status, 403);
    let (status, _) = house.get(None, "/v1/incidents/stream").await;
    assert_eq!(status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_is_ended_whole_when_the_desk_ends() {
    let house = House::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, mut ended) = (house.router.clone(), house.end.subscribe());
    let tokens = Tokens::new(vec![(Sha256::digest("t").into(), ann())]);
    let served = tokio::spawn(async move {
        loopback(listener, router, tokens, async { drop(ended.wait_for(|end| *end).await) }).await
    });
    let mut listens = TcpStream::connect(address).await.unwrap();
    let asked = b"GET /v1/incidents/stream HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer t\r\n\r\n";
    listens.write_all(asked).await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b":\n\n\r\n") {
        assert_ne!(tokio::time::timeout(PATIENCE, listens.read_buf(&mut heard)).await.unwrap().unwrap(), 0);
    }
    house.end.send(true).unwrap();
    tokio::time::timeout(PATIENCE, listens.read_to_end(&mut heard)).await.unwrap().unwrap();
    // The last chunk is there only where the stream was not cut off (RFC 9112, 7.1).
    assert!(heard.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&heard));
    tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap().unwrap();
}

/// An amplification of ten million packets in a second, as it comes in.
fn flood(house: &House) {
    let bits = |text: &str| to_bits(text.parse().unwrap());
    let mut watch = house.desk.watch().unwrap();
    for second in 0..30 {
        let mut flows = Flows::default();
        for n in 0..20 {
            let at = NOW.0 - 40_000_000 + second * 1_000_000;
            flows.push(Flow {
                ip: 4,
                src: bits(&format!("203.0.113.{n}")),
                dst: bits(VICTIM),
                src_port: 53,
                dst_port: 4_321,
                proto: 17,
                flows: 1,
                sampling: 1000,
                first_us: at,
                last_us: at + 500_000,
                received_us: at + 600_000,
                packets: 500,
                bytes: 700_000,
                ..Flow::default()
            });
        }
        watch.take(&mut flows).unwrap();
    }
    watch.tick().unwrap();
    watch.end().unwrap();
}

/// Opens the stream as somebody.
async fn stream(house: &House, actor: &Actor) -> Body {
    use tower::ServiceExt as _;
    let mut request = Request::get("/v1/incidents/stream").body(Body::empty()).unwrap();
    request.extensions_mut().insert(actor.clone());
    let response = house.router.clone().oneshot(request).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    response.into_body()
}

async fn next(stream: &mut Body) -> Option<String> {
    use http_body_util::BodyExt as _;
    let frame = tokio::time::timeout(PATIENCE, stream.frame()).await.unwrap()?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

/// Long enough for the slowest machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);
