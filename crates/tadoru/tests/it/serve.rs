//! `serve` that is stopped and killed: followed files go on where they were, and what exporters announced is known.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tadoru_wire::flow::{
    Dialect, Direction, Encoder, Endpoint, EventKind, EventTime, NatEvent, TimeSource, Version,
};

/// A desk that runs.
struct Serving {
    child: Child,
    /// Where it listens for exports.
    export: String,
    /// What it warned of while it started.
    warnings: Vec<String>,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tadoru"))
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--config")
            .arg(folder.join("tadoru.toml"))
            .arg("serve")
            .env("TADORU_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut export, mut warnings) = (String::new(), Vec::new());
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, at)) = line.split_once("export on UDP ") {
                export = at.trim().to_owned();
            }
            if line.contains("WARN") {
                warnings.push(line);
            } else if line.contains("API on") {
                break;
            }
        }
        assert!(!export.is_empty(), "the desk did not start");
        // It must not stop because nobody reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, export, warnings }
    }

    /// Waits until so many rows are kept, and looks a moment longer whether there are more.
    fn wait_for_rows(&self, folder: &Path, wanted: u64) {
        let since = Instant::now();
        let mut rows = health(folder)["assignments"].as_u64().unwrap();
        while rows < wanted && since.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(200));
            rows = health(folder)["assignments"].as_u64().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(health(folder)["assignments"].as_u64(), Some(wanted));
        assert_eq!(rows, wanted);
    }

    fn end(mut self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// What the desk says of itself, by its socket.
fn health(folder: &Path) -> serde_json::Value {
    let mut desk = UnixStream::connect(folder.join("data/desk.sock")).unwrap();
    desk.write_all(b"GET /v1/health HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    desk.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(&body[body.find('{').unwrap()..=body.rfind('}').unwrap()]).unwrap()
}

/// Opens the stream of incidents, and waits until it is heard.
fn listens(folder: &Path) -> (UnixStream, Vec<u8>) {
    let mut desk = UnixStream::connect(folder.join("data/desk.sock")).unwrap();
    desk.write_all(b"GET /v1/incidents/stream HTTP/1.1\r\nHost: desk\r\n\r\n").unwrap();
    let mut heard = vec![];
    while !heard.ends_with(b":\n\n\r\n") {
        let mut octet = [0];
        assert_eq!(desk.read(&mut octet).unwrap(), 1, "{}", String::from_utf8_lossy(&heard));
        heard.extend(octet);
    }
    (desk, heard)
}

/// The counters of a source.
fn counters(folder: &Path, source: &str) -> serde_json::Value {
    let health = health(folder);
    let sources = health["sources"].as_array().unwrap();
    sources.iter().find(|of| of["name"] == source).unwrap()["counters"].clone()
}

/// Leases of so many hosts of 192.0.2.0/24.
fn leases(path: &Path, hosts: std::ops::Range<u8>) -> u64 {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    let mut text = String::new();
    for host in hosts {
        let ends = now_us() / 1_000_000 + 3600;
        text += &format!("192.0.2.{host},02:00:5e:10:00:{host:02x},,3600,{ends},1,0\n");
    }
    file.write_all(text.as_bytes()).unwrap();
    text.len() as u64
}

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// The next translation of a gateway; only the first packet announces how to read it.
fn translation(encoder: &mut Encoder, port: u16) -> Vec<Vec<u8>> {
    let end = |addr: &str, port| Endpoint { address: Some(addr.parse().unwrap()), port: Some(port) };
    let us = now_us();
    let event = NatEvent {
        kind: EventKind::SessionCreate,
        code: None,
        dialect: Dialect::Rfc8158,
        domain: 5,
        time: EventTime { us, source: TimeSource::Observation },
        start_us: None,
        end_us: None,
        export_us: us,
        arrival_us: us,
        protocol: Some(6),
        direction: Direction::Outbound,
        realm: None,
        inside: end("100.64.0.5", port),
        softwire: None,
        outside: end("198.51.100.1", port),
        outside_ports: None,
        destination: end("203.0.113.80", 443),
        destination_post: end("203.0.113.80", 443),
        ingress_vrf: None,
        egress_vrf: None,
        vrf_name: None,
        nat_instance: None,
        pool_id: None,
        pool_name: None,
        session_id: None,
        user_name: None,
    };
    encoder.encode(us, &[event]).unwrap()
}

#[test]
fn a_desk_that_is_stopped_and_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("leases.csv");
    std::fs::write(&file, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,state\n").unwrap();
    let config = format!(
        "[api]\nlisten = \"127.0.0.1:0\"\n\n[sources.export]\nudp = [\"127.0.0.1:0\"]\n\
         senders = [{{ from = \"127.0.0.1\", name = \"cgn-1\", prefixes = [\"198.51.100.0/24\"] }}]\n\n\
         [[sources.follow]]\npath = \"{}\"\nformat = \"kea4\"\nsource = \"kea-1\"\n",
        file.display()
    );
    std::fs::write(folder.join("tadoru.toml"), config).unwrap();
    let gateway = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut encoder = Encoder::new(Version::Ipfix, 5, now_us() - 60_000_000);
    let mut send = |serving: &Serving, port| {
        for packet in translation(&mut encoder, port) {
            gateway.send_to(&packet, &serving.export).unwrap();
        }
    };

    let first = Serving::start(folder);
    send(&first, 1024);
    leases(&file, 1..11);
    first.wait_for_rows(folder, 11);
    first.end("-TERM");

    // Stopped in good order: the template stands in `sources.state`.
    let second = Serving::start(folder);
    send(&second, 1025);
    let written = leases(&file, 11..21);
    second.wait_for_rows(folder, 22);
    assert_eq!(counters(folder, "kea-1")["octets"], written, "nothing is read twice");
    second.end("-KILL");

    // Killed, and more is written meanwhile.
    let written = leases(&file, 21..31);
    let third = Serving::start(folder);
    assert!(!third.warnings.iter().any(|line| line.contains("sources.state")), "{:?}", third.warnings);
    send(&third, 1026);
    third.wait_for_rows(folder, 33);
    assert_eq!(counters(folder, "kea-1")["octets"], written);
    third.end("-KILL");

    // A file that is damaged is left aside and said; nothing is counted twice even so.
    std::fs::write(folder.join("data/sources.state"), "torn").unwrap();
    let fourth = Serving::start(folder);
    assert!(fourth.warnings.iter().any(|line| line.contains("sources.state")), "{:?}", fourth.warnings);
    fourth.wait_for_rows(folder, 33);
    fourth.end("-TERM");
}

#[test]
fn somebody_who_listens_does_not_keep_a_desk_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = "[api]\nlisten = \"127.0.0.1:0\"\n\n[sources.export]\nudp = [\"127.0.0.1:0\"]\n";
    std::fs::write(folder.join("tadoru.toml"), config).unwrap();
    let mut desk = Serving::start(folder);
    let (mut stream, mut heard) = listens(folder);
    let asked = Command::new("kill").args(["-TERM", &desk.child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    stream.read_to_end(&mut heard).unwrap();
    assert!(heard.ends_with(b"0\r\n\r\n"), "the stream was cut off: {}", String::from_utf8_lossy(&heard));
    assert!(desk.child.wait().unwrap().success());
    assert!(!folder.join("data/desk.sock").exists(), "it ended as it should");
}
