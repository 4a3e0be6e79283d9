//! Laws of the collector, over loopback: messages of configured senders are kept whole, and strangers harm nobody.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::sync::atomic::Ordering;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::inlet::tests::Kept;

struct Scene {
    kept: Arc<Kept>,
    counters: Arc<Counters>,
    udp: SocketAddr,
    tcp: SocketAddr,
    _stop: tokio::sync::watch::Sender<bool>,
}

async fn scene(protocol: Protocol, from: &str, streams: usize) -> Scene {
    let kept = Arc::new(Kept::default());
    let sender = Sender {
        prefixes: Vec::new(),
        from: from.parse().unwrap(),
        name: None,
        realm: Realm::untold(),
        inside_realm: Realm::untold(),
        zone: Some("Asia/Tokyo".to_owned()),
    };
    let any = || vec!["127.0.0.1:0".parse().unwrap()];
    let config = Config { udp: any(), tcp: any(), senders: vec![sender], streams, ..Config::default() };
    let collector = Collector::new(protocol, config, Arc::clone(&kept) as Arc<dyn Spool>).unwrap();
    let counters = collector.counters();
    let listening = collector.listen().await.unwrap();
    let (udp, tcp) = listening.addresses();
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    tokio::spawn(listening.run(shutdown));
    Scene { kept, counters, udp: udp[0], tcp: tcp[0], _stop: stop }
}

/// Waits until it is so; fails when it never is.
async fn until(so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if so() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("it never was so");
}

#[tokio::test]
async fn datagrams_and_streams_of_syslog_are_kept_message_by_message() {
    let scene = scene(Protocol::Syslog, "127.0.0.1", 4).await;
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(b"<134>one\n", scene.udp).await.unwrap();
    let mut stream = TcpStream::connect(scene.tcp).await.unwrap();
    stream.write_all(b"8 <13>two ").await.unwrap();
    stream.write_all(b"<13>three\n<13>cut").await.unwrap();
    drop(stream);
    until(|| scene.kept.told().len() == 3 && scene.counters.malformed.get() == 1).await;
    let mut told: Vec<Vec<u8>> = scene.kept.told().into_iter().map(|record| record.octets).collect();
    told.sort();
    assert_eq!(told, [b"<134>one".to_vec(), b"<13>three".to_vec(), b"<13>two".to_vec()]);
    assert_eq!(scene.kept.told()[0].zone.as_deref(), Some("Asia/Tokyo"));
    assert_eq!(scene.counters.kept.get(), 3);
}

#[tokio::test]
async fn strangers_are_counted_and_not_heard() {
    let scene = scene(Protocol::Syslog, "192.0.2.0/24", 4).await;
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(b"<134>one", scene.udp).await.unwrap();
    let _stream = TcpStream::connect(scene.tcp).await.unwrap();
    until(|| scene.counters.unknown.get() == 2).await;
    assert!(scene.kept.told().is_empty());
}

#[tokio::test]
async fn streams_beyond_the_bound_are_closed() {
    let scene = scene(Protocol::Syslog, "127.0.0.1", 1).await;
    let mut first = TcpStream::connect(scene.tcp).await.unwrap();
    first.write_all(b"<13>one\n").await.unwrap();
    until(|| scene.kept.told().len() == 1).await;
    let mut second = TcpStream::connect(scene.tcp).await.unwrap();
    assert_eq!(second.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert_eq!(scene.counters.crowded.get(), 1);
    first.write_all(b"<13>two\n").await.unwrap();
    until(|| scene.kept.told().len() == 2).await;
}

#[tokio::test]
async fn a_stream_waits_while_the_disk_is_full_and_datagrams_are_told_as_lost() {
    let scene = scene(Protocol::Syslog, "127.0.0.1", 1).await;
    until(|| !scene.kept.records.lock().unwrap().is_empty()).await;
    scene.kept.full.store(true, Ordering::SeqCst);
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(b"<134>lost", scene.udp).await.unwrap();
    let mut stream = TcpStream::connect(scene.tcp).await.unwrap();
    stream.write_all(b"<13>waits\n").await.unwrap();
    until(|| scene.counters.refused.get() == 1 && scene.counters.received.get() == 2).await;
    scene.kept.full.store(false, Ordering::SeqCst);
    until(|| scene.kept.told().len() == 1).await;
    assert_eq!(scene.kept.told()[0].octets, b"<13>waits");
    let lossy = || {
        let records = scene.kept.records.lock().unwrap();
        let mut pulses = records.iter().filter_map(|record| crate::inlet::Pulse::from_octets(&record.octets));
        pulses.any(|pulse| pulse.state == tadoru_model::CoverageState::Lossy)
    };
    until(lossy).await;
}

#[test]
fn messages_of_a_stream_are_cut_at_their_lengths_however_it_arrives() {
    let message = |fill: u8, len: u16| {
        let mut octets = vec![fill; usize::from(len)];
        octets[..4].copy_from_slice(&[0, 10, len.to_be_bytes()[0], len.to_be_bytes()[1]]);
        octets
    };
    let (one, two) = (message(1, 16), message(2, 300));
    let stream = [one.clone(), two.clone()].concat();
    for piece in [1, 3, 17, 400] {
        let mut framing = Framing::new(Protocol::Export);
        let mut told = Vec::new();
        for part in stream.chunks(piece) {
            framing.push(part, |octets| told.push(octets.to_vec())).unwrap();
        }
        assert_eq!(told, [one.clone(), two.clone()]);
        assert_eq!(framing.finish(), 0);
    }
    assert!(Framing::new(Protocol::Export).push(b"\0\x0a\0\x03", |_| {}).is_err());
    assert!(Framing::new(Protocol::Export).push(b"GET / HTTP/1.1", |_| {}).is_err());
}
