//! Laws of the accounting server, over loopback: who gets an answer, and what is kept before it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::inlet::tests::Kept;

struct Scene {
    kept: Arc<Kept>,
    counters: Arc<Counters>,
    server: SocketAddr,
    client: UdpSocket,
    stop: tokio::sync::watch::Sender<bool>,
}

async fn scene() -> Scene {
    scene_with(vec![nas("127.0.0.0/8", None)]).await
}

fn nas(from: &str, name: Option<&str>) -> Nas {
    Nas {
        prefixes: Vec::new(),
        from: from.parse().unwrap(),
        secret: Secret::new(SECRET),
        name: name.map(tadoru_model::SourceName::from),
        realm: Realm::untold(),
    }
}

async fn scene_with(nas: Vec<Nas>) -> Scene {
    let kept = Arc::new(Kept::default());
    let config = Config { listen: vec!["127.0.0.1:0".parse().unwrap()], nas, ..Config::default() };
    let server = Server::new(config, Arc::clone(&kept) as Arc<dyn Spool>).unwrap();
    let counters = server.counters();
    let listening = server.listen().unwrap();
    let addr = listening.addresses()[0];
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    tokio::spawn(listening.run(shutdown));
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(addr).await.unwrap();
    Scene { kept, counters, server: addr, client, stop }
}

impl Scene {
    /// Sends, and waits for an answer for a while.
    async fn ask(&self, octets: &[u8]) -> Option<Vec<u8>> {
        self.ask_for(octets, Duration::from_secs(5)).await
    }

    async fn ask_for(&self, octets: &[u8], wait: Duration) -> Option<Vec<u8>> {
        self.client.send(octets).await.unwrap();
        let mut buffer = vec![0; 4096];
        let len = timeout(wait, self.client.recv(&mut buffer)).await.ok()?.unwrap();
        buffer.truncate(len);
        Some(buffer)
    }

    /// Nothing comes back; a query that is answered behind it shows that it was not merely slow.
    async fn silent(&self, octets: &[u8]) {
        self.client.send(octets).await.unwrap();
        let query = Writer::new(Code::STATUS_SERVER, 250).status_query([7; 16], SECRET.as_bytes()).unwrap();
        let answer = self.ask(&query).await.expect("the query behind it is answered");
        assert_eq!(answer[1], 250, "nothing was answered before it");
    }
}

fn request(identifier: u8, session: &str) -> Vec<u8> {
    with(identifier, session, SECRET, |_| {})
}

fn with(identifier: u8, session: &str, secret: &str, more: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, identifier);
    writer.raw(40, &1_u32.to_be_bytes()).unwrap();
    writer.raw(44, session.as_bytes()).unwrap();
    writer.raw(32, b"bras-1").unwrap();
    writer.raw(8, &[192, 0, 2, 5]).unwrap();
    more(&mut writer);
    writer.request(secret.as_bytes(), Proof::Authenticator).unwrap()
}

#[tokio::test]
async fn a_request_is_answered_once_it_is_kept() {
    let scene = scene().await;
    let octets = request(1, "s-1");
    let answer = scene.ask(&octets).await.unwrap();
    let answer = Packet::parse(&answer).unwrap();
    assert_eq!(answer.code(), Code::ACCOUNTING_RESPONSE);
    answer.verify_response(&Packet::parse(&octets).unwrap(), SECRET.as_bytes()).unwrap();
    let told = scene.kept.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].octets, octets);
    assert_eq!(scene.counters.kept.get(), 1);
}

#[tokio::test]
async fn a_retransmission_is_answered_again_and_kept_once() {
    let scene = scene().await;
    let octets = request(1, "s-1");
    let first = scene.ask(&octets).await.unwrap();
    assert_eq!(scene.ask(&octets).await.unwrap(), first);
    assert_eq!(scene.kept.told().len(), 1);
    assert_eq!(scene.counters.nas[0].again.get(), 1);
    scene.ask(&request(1, "s-2")).await.unwrap();
    assert_eq!(scene.kept.told().len(), 2, "the same identifier for another record is no retransmission");
}

#[tokio::test]
async fn a_wrong_secret_is_met_with_silence() {
    let scene = scene().await;
    scene.silent(&with(1, "s-1", "another", |_| {})).await;
    assert_eq!(scene.counters.nas[0].wrong_secret.get(), 1);
    assert!(scene.kept.told().is_empty());
}

#[tokio::test]
async fn a_stranger_is_met_with_silence() {
    let scene = scene_with(vec![nas("192.0.2.0/24", None)]).await;
    assert_eq!(scene.ask_for(&request(1, "s-1"), Duration::from_millis(300)).await, None);
    assert_eq!(scene.counters.unknown.get(), 1);
    assert!(scene.kept.told().is_empty());
}

#[tokio::test]
async fn hostile_packets_are_counted_and_harm_nobody() {
    let scene = scene().await;
    let sound = request(9, "s-9");
    for end in 0..sound.len() {
        scene.client.send(&sound[..end]).await.unwrap();
    }
    let mut flipped = sound.clone();
    for at in 0..flipped.len() {
        flipped[at] ^= 0x55;
        scene.client.send(&flipped).await.unwrap();
        flipped[at] ^= 0x55;
    }
    scene.client.send(&vec![0xff; 9000]).await.unwrap();
    assert!(scene.ask(&sound).await.is_some());
    assert_eq!(scene.kept.told().len(), 1);
    assert!(scene.counters.nas[0].malformed.get() > 20);
}

#[tokio::test]
async fn a_full_disk_answers_nobody_and_says_so() {
    let scene = scene().await;
    let before = request(1, "s-1");
    scene.ask(&before).await.unwrap();
    scene.kept.full.store(true, Ordering::SeqCst);
    let octets = request(2, "s-2");
    assert_eq!(scene.ask_for(&octets, Duration::from_millis(300)).await, None);
    assert_eq!(scene.counters.room(), Room::Full);
    assert!(scene.ask(&before).await.is_some(), "what is durable already is answered all the same");
    scene.kept.full.store(false, Ordering::SeqCst);
    assert!(scene.ask(&octets).await.is_some(), "the device tries again");
    assert_eq!((scene.counters.room(), scene.kept.told().len()), (Room::Enough, 2));
}

#[tokio::test]
async fn what_a_proxy_needs_back_comes_back() {
    let scene = scene().await;
    let octets = with(3, "s-3", SECRET, |writer| {
        writer.raw(33, b"first").unwrap();
        writer.raw(33, b"second").unwrap();
    });
    let answer = scene.ask(&octets).await.unwrap();
    let answer = Packet::parse(&answer).unwrap();
    let states: Vec<&[u8]> =
        answer.attributes().filter(|(_, kind, _)| *kind == 33).map(|(.., v)| v).collect();
    assert_eq!(states, [b"first".as_slice(), b"second"]);
}

#[tokio::test]
async fn the_name_that_goes_with_the_secret_is_the_sources_name() {
    let scene = scene_with(vec![nas("127.0.0.0/8", None), nas("127.0.0.1", Some("edge-7"))]).await;
    scene.ask(&request(1, "s-1")).await.unwrap();
    let decoded = crate::Decoder::default().step(0, &scene.kept.told()[0]);
    assert_eq!(&*decoded.observations[0].source.0, "edge-7");
}

#[tokio::test]
async fn a_real_client_is_content() {
    let Ok(radclient) = std::process::Command::new("radclient").arg("-v").output() else {
        println!("skipped: radclient is not installed");
        return;
    };
    assert!(radclient.status.success());
    let scene = scene().await;
    let attributes = "Acct-Status-Type = Start\nAcct-Session-Id = \"s-1\"\nUser-Name = \"u\"\nNAS-Identifier = \"b\"\n\
                      Framed-IP-Address = 192.0.2.5\nDelegated-IPv6-Prefix = 2001:db8::/56\n";
    let server = scene.server.to_string();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = std::process::Command::new("radclient")
            .args(["-r", "1", "-t", "5", &server, "acct", SECRET])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), attributes.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    assert!(output.status.success(), "radclient takes our answer as signed");
    let decoded = crate::Decoder::default().step(0, &scene.kept.told()[0]);
    assert_eq!(decoded.observations.len(), 1);
    assert_eq!(decoded.defect_count, 0);
}

#[tokio::test]
async fn a_shutdown_ends_the_run_and_leaves_a_sign_of_life() {
    let scene = scene().await;
    scene.ask(&request(1, "s-1")).await.unwrap();
    scene.stop.send(true).unwrap();
    scene.stop.closed().await;
    let records = scene.kept.records.lock().unwrap();
    assert_eq!(records.last().unwrap().kind, RawKind::Pulse);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let spool = || Arc::new(Kept::default()) as Arc<dyn Spool>;
    let of = |nas| Config { nas, ..Config::default() };
    let empty = Nas { secret: Secret::new(""), ..nas("192.0.2.1", None) };
    assert!(Server::new(of(vec![empty]), spool()).is_err());
    assert!(Server::new(of(vec![nas("192.0.2.1", None), nas("192.0.2.1", None)]), spool()).is_err());
    assert!(toml::from_str::<Config>("listn = []").is_err());
    let shown = toml::to_string(&of(vec![nas("192.0.2.1", None)])).unwrap();
    assert!(!shown.contains(SECRET) && !format!("{:?}", nas("192.0.2.1", None)).contains(SECRET));
}

const SECRET: &str = "not-a-real-secret";
