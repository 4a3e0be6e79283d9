//! The same routes in the process, over the socket and on loopback; who asks is told by the transport alone.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tadoru_model::Role;
use tadoru_web::Client;
use tadoru_web::client::{ClientError, Upload};
use tadoru_web::serve::{ServeError, Tokens, loopback, socket};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::oneshot;

use crate::house::{House, RECORDS, admin, ann, question, somebody};

async fn json_of(client: &Client, path: &str, value: &Value) -> Value {
    let answer = client.send_json(Method::POST, path, value).await.unwrap();
    serde_json::from_slice(&answer.bytes(1 << 20).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_knows_its_peer_and_answers_as_the_process_does() {
    let house = House::with_records().await;
    let path = house.folder.path().join("desk.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let me = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(house.folder.path()).unwrap());
    let router = house.router.clone();
    let served = tokio::spawn(async move {
        let known = move |uid| (uid == me).then(ann);
        socket(listener, router, known, async { drop(ended.await) }).await;
    });
    let client = Client::socket(&path);
    let asked = question("203.0.113.7:40123", "2026-11-21T01:15:03Z");
    let (mut over, mut inside) =
        (json_of(&client, "/v1/who", &asked).await, json_of(&house.client(ann()), "/v1/who", &asked).await);
    assert_eq!(over["outcome"], "unique");
    for answer in [&mut over, &mut inside] {
        answer["journal_index"] = Value::Null;
        answer["permit"]["journal_index"] = Value::Null;
    }
    assert_eq!(over, inside);

    end.send(()).unwrap();
    served.await.unwrap();
    drop(std::fs::remove_file(&path));
    let gone = client.send(Method::GET, "/v1/health", Body::empty()).await;
    assert!(matches!(gone, Err(ClientError::Reach { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_whom_nobody_knows_gets_nothing() {
    let house = House::with_records().await;
    let path = house.folder.path().join("desk.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(socket(listener, house.router.clone(), |_| None, std::future::pending()));
    let answer = Client::socket(&path).send(Method::GET, "/v1/health", Body::empty()).await.unwrap();
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_streams_both_ways_over_the_socket() {
    let house = House::with_records().await;
    let path = house.folder.path().join("desk.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(socket(listener, house.router.clone(), |_| Some(ann()), std::future::pending()));
    let (mut upload, body) = Upload::body();
    let written = tokio::spawn(async move {
        let head = json!({"case": "K-1", "purpose": "CLEAN",
            "facts": {"complaint.id": "K-1", "complaint.substantiated": "yes"}});
        assert!(upload.write(format!("{head}\n")).await);
        for n in 0..12_000 {
            let line = json!({"address": "203.0.113.7:40123", "time": "2026-11-21T01:15:03Z", "ref": n});
            assert!(upload.write(format!("{line}\n")).await);
        }
    });
    let answer = Client::socket(&path).send(Method::POST, "/v1/who/batch", body).await.unwrap();
    assert_eq!(answer.status, 200);
    let (mut lines, mut count) = (answer.lines(), 0_u64);
    while let Some(line) = lines.next().await.unwrap() {
        let answer: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&answer["ref"], &answer["outcome"]), (&json!(count), &json!("unique")));
        count += 1;
    }
    assert_eq!(count, 12_000);
    written.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_streams_and_one_that_breaks_off_is_no_whole_file() {
    let house = House::new().await;
    let path = "/v1/import?format=table&name=records.csv";
    let (mut upload, body) = Upload::body();
    let lines = RECORDS.lines().next().unwrap();
    tokio::spawn(async move {
        for _ in 0..20_000 {
            assert!(upload.write(format!("{lines}\n")).await);
        }
    });
    let client = house.client(admin());
    let answer = client.send(Method::POST, path, body).await.unwrap();
    let told: Value = serde_json::from_slice(&answer.bytes(1 << 20).await.unwrap()).unwrap();
    assert_eq!(told["kept"], 20_000, "{told}");

    let (mut upload, body) = Upload::body();
    tokio::spawn(async move {
        assert!(upload.write(RECORDS).await);
        upload.abort("the disk went away");
    });
    let answer = client.send(Method::POST, path, body).await.unwrap();
    assert_eq!(answer.status, 400);
    let told: Value = serde_json::from_slice(&answer.bytes(1 << 20).await.unwrap()).unwrap();
    assert_eq!(told["error"]["code"], "unreadable-file");
    // What was kept of it by then stays, and the journal says so.
    let path = format!("/v1/journal/entries?from={}&count=1", house.desk.gate().journal().size() - 1);
    let (_, entries) = house.get(Some(&somebody(Role::Auditor)), &path).await;
    assert!(entries.to_string().contains("table (broken off)"), "{entries}");
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_takes_bearers_of_known_tokens_and_is_loopback() {
    let house = House::with_records().await;
    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = loopback(everywhere, house.router.clone(), Tokens::default(), std::future::ready(())).await;
    assert!(matches!(refused, Err(ServeError::NotLoopback)));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let tokens = Tokens::new(vec![(Sha256::digest(b"s3cret").into(), ann())]);
    assert_eq!(format!("{tokens:?}"), "[1 tokens]");
    tokio::spawn(loopback(listener, house.router.clone(), tokens, std::future::pending()));
    for (header, status) in [
        ("", "401"),
        ("Authorization: Bearer wrong\r\n", "401"),
        ("Authorization: Basic s3cret\r\n", "401"),
        ("Authorization: Bearer s3cret\r\n", "200"),
        ("authorization: bearer s3cret\r\n", "200"),
    ] {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let request = format!("GET /v1/health HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {answer}");
        assert_eq!(status == "401", answer.to_lowercase().contains("www-authenticate: bearer"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_at_the_end() {
    let house = Arc::new(House::with_records().await);
    let path = house.folder.path().join("desk.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let router = house.router.clone();
    let served = tokio::spawn(async move {
        socket(listener, router, |_| Some(admin()), async { drop(ended.await) }).await;
    });
    let (mut upload, body) = Upload::body();
    assert!(upload.write(RECORDS).await);
    // The import has begun when its standing permit is in the journal.
    let before = house.desk.gate().journal().size();
    let client = Client::socket(&path);
    let asked = tokio::spawn(async move {
        client.send(Method::POST, "/v1/import?format=table&name=records.csv", body).await
    });
    while house.desk.gate().journal().size() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    end.send(()).unwrap();
    drop(upload);
    assert_eq!(asked.await.unwrap().unwrap().status, 200);
    served.await.unwrap();
}
