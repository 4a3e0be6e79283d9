//! Flows received by a desk that is served: every protocol on one port, streams, strangers, kills.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tadoru_wire::flow::{Columns, Exporter, Row, Version, to_bits};

/// A desk that runs.
struct Serving {
    child: Child,
    udp: String,
    tcp: String,
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
        let (mut udp, mut tcp) = (String::new(), String::new());
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, at)) = line.split_once("flows on UDP ") {
                udp = at.trim().to_owned();
            } else if let Some((_, at)) = line.split_once("flows on TCP ") {
                tcp = at.trim().to_owned();
            } else if line.contains("API on") {
                break;
            }
        }
        assert!(!udp.is_empty(), "the desk did not start");
        // It must not stop because nobody reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, udp, tcp }
    }

    fn end(mut self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// What a route of the desk answers, by its socket; nothing while nobody listens there.
fn ask(folder: &Path, method: &str, path: &str, body: &str) -> Option<Value> {
    let mut desk = UnixStream::connect(folder.join("data/desk.sock")).ok()?;
    let length = body.len();
    write!(
        desk,
        "{method} {path} HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    desk.read_to_string(&mut answer).ok()?;
    let body = answer.split_once("\r\n\r\n")?.1;
    serde_json::from_str(body.get(body.find('{')?..=body.rfind('}')?)?).ok()
}

fn exporters(folder: &Path) -> Value {
    ask(folder, "GET", "/v1/exporters", "").unwrap_or_default()
}

/// Flows that are recorded.
fn recorded(folder: &Path) -> u64 {
    let told = ask(folder, "POST", "/v1/flows", "{\"filter\":\"\"}").unwrap_or_default();
    told.pointer("/rows/0/flows").and_then(Value::as_u64).unwrap_or(0)
}

/// Waits until it is so; a slow machine has time.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// So many flows that ended just now.
fn flows(count: u16) -> Columns {
    let mut columns = Columns::default();
    for n in 0..count {
        columns.push(Row {
            first_us: now_us() - 2_000_000,
            last_us: now_us() - 1_000_000,
            ip: 4,
            src: to_bits(std::net::Ipv4Addr::new(198, 51, 100, (n % 250) as u8 + 1).into()),
            dst: to_bits("192.0.2.7".parse().unwrap()),
            src_port: n,
            dst_port: 443,
            proto: 6,
            packets: 3,
            bytes: 1200,
            flows: 1,
            ..Row::default()
        });
    }
    columns
}

fn packets(exporter: &mut Exporter, count: u16) -> Vec<Vec<u8>> {
    exporter.encode(now_us(), &flows(count)).unwrap()
}

fn exporter(version: Version, domain: u32) -> Exporter {
    Exporter::new(version, domain, now_us() - 60_000_000)
}

/// An sFlow datagram with one sampled packet.
fn sflow(sequence: u32) -> Vec<u8> {
    let mut header = vec![0; 14];
    header[12] = 8;
    header.extend([0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 198, 51, 100, 9, 192, 0, 2, 9]);
    header.extend([0x30, 0x39, 1, 187, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]);
    header.extend([0; 2]);
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let raw = [words(&[1, 58, 4, 54]), header].concat();
    let record = [words(&[1, raw.len() as u32]), raw].concat();
    let sample = [words(&[sequence, 3, 512, 512 * sequence, 0, 3, 4, 1]), record].concat();
    let samples = [words(&[1, sample.len() as u32]), sample].concat();
    [words(&[5, 1, 0xc000_02fe, 0, sequence, 1000 * sequence, 1]), samples].concat()
}

fn configure(folder: &Path, more: &str) {
    let config = format!(
        "[api]\nlisten = \"127.0.0.1:0\"\n\n[sources.flows]\nudp = [\"127.0.0.1:0\"]\ntcp = [\"127.0.0.1:0\"]\n{more}\n"
    );
    std::fs::write(folder.join("tadoru.toml"), config).unwrap();
}

const NAMED: &str = "exporters = [{ from = \"127.0.0.1\", name = \"edge-1\", sampling = 100 }]";

#[test]
fn every_protocol_comes_in_on_one_port_and_each_stream_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder, NAMED);
    let serving = Serving::start(folder);
    let router = UdpSocket::bind("127.0.0.1:0").unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |socket: &UdpSocket, packets: &[Vec<u8>]| {
        for packet in packets {
            socket.send_to(packet, &serving.udp).unwrap();
        }
    };
    send(&router, &packets(&mut exporter(Version::NetFlow5, 0), 5));
    send(&router, &packets(&mut exporter(Version::NetFlow9, 1), 7));
    send(&router, &packets(&mut exporter(Version::Ipfix, 1), 11));
    // Another exporter behind the same address and one more domain: their ids are their own.
    send(&other, &packets(&mut exporter(Version::NetFlow9, 1), 13));
    send(&other, &packets(&mut exporter(Version::NetFlow9, 2), 17));
    send(&router, &[sflow(1), sflow(2)]);
    let mut stream = TcpStream::connect(&serving.tcp).unwrap();
    for packet in packets(&mut exporter(Version::Ipfix, 9), 19) {
        stream.write_all(&packet).unwrap();
    }
    // A record whose template never came, and what is no export.
    let mut late = exporter(Version::NetFlow9, 3);
    let announced = packets(&mut late, 1);
    send(&router, &packets(&mut late, 23));
    send(&router, &[b"\0\x09hostile".to_vec(), vec![0; 9], vec![0xff; 1400]]);
    let expected = 5 + 7 + 11 + 13 + 17 + 2 + 19;
    wait_for("the flows", || recorded(folder) == expected);

    // What is shown may be a second old.
    let shown = |told: &Value| {
        let waits = told.pointer("/addresses/0/waiting_datagrams").and_then(Value::as_u64).unwrap_or(0);
        told["exporters"].as_array().map_or(0, Vec::len) == 7 && waits > 0
    };
    wait_for("the streams", || shown(&exporters(folder)) && recorded(folder) == expected);
    let told = exporters(folder);
    let all = told["exporters"].as_array().unwrap().clone();
    let find = |protocol: &str, domain: u64| {
        all.iter()
            .find(|one| one["protocol"] == protocol && one["domain"] == domain)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(all.len(), 7, "{told:#}");
    assert!(all.iter().all(|one| one["name"] == "edge-1" && one["standing"] == "known"), "{told:#}");
    assert_eq!(
        (&find("sflow-5", 0)["sampling"], &find("sflow-5", 0)["sampling_from"]),
        (&512.into(), &"data".into())
    );
    assert_eq!(find("netflow-9", 2)["sampling"], 100);
    assert_eq!(find("netflow-9", 2)["sampling_from"], "configured");
    assert_eq!(find("ipfix", 9)["flows"], 19);
    // A domain of which nothing has been read is no line of the list; what came of it is told at its address.
    let address = &told["addresses"][0];
    assert_eq!((&address["name"], &address["unread_domains"]), (&"edge-1".into(), &1.into()), "{told:#}");
    assert!(!address["defects"].as_object().unwrap().is_empty(), "{told:#}");

    // The template comes after all.
    send(&router, &announced);
    wait_for("what had waited", || recorded(folder) == expected + 24);

    let printed = Command::new(env!("CARGO_BIN_EXE_tadoru"))
        .args(["--data", folder.join("data").to_str().unwrap(), "exporters"])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.contains("edge-1 127.0.0.1") && printed.contains("configured"), "{printed}");
    assert!(printed.contains("version is neither"), "{printed}");
    wait_for("the streams with the one that waited", || {
        exporters(folder)["exporters"].as_array().map_or(0, Vec::len) == 8
    });
    let before = exporters(folder);
    serving.end("-TERM");

    // After a restart all of it is shown before anything comes.
    let serving = Serving::start(folder);
    let after = exporters(folder);
    for told in ["exporters", "addresses"] {
        let of = |all: &Value| -> Vec<Value> {
            let kept = ["protocol", "domain", "flows", "lost", "templates", "datagrams", "defects", "last"];
            let one = |one: &Value| kept.iter().map(|name| one[*name].clone()).collect::<Value>();
            all[told].as_array().unwrap().iter().map(one).collect()
        };
        assert_eq!(of(&after), of(&before), "{told}");
    }
    serving.end("-TERM");
}

#[test]
fn tables_of_the_network_are_read_again_while_the_desk_serves() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let table = folder.join("routes.csv");
    std::fs::write(&table, "prefix,as\n10.0.0.0/8,64501\n").unwrap();
    configure(folder, &format!("{NAMED}\n\n[network]\nroutes = {table:?}"));
    let serving = Serving::start(folder);
    let network = || {
        let health = ask(folder, "GET", "/v1/health", "").unwrap_or_default();
        let all = health["sources"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|source| source["name"] == "network").unwrap_or_default()
    };
    assert_eq!((&network()["trouble"], &network()["counters"]["taken_anew"]), (&Value::Null, &0.into()));
    std::fs::write(&table, "prefix,as\n10.0.0.0/8,64502\n10.0.0.0/9,none\n").unwrap();
    wait_for("the word of the fault", || {
        network()["trouble"].as_str().is_some_and(|why| why.contains("line 3"))
    });
    std::fs::write(&table, "prefix,as\n10.0.0.0/8,64502\n").unwrap();
    wait_for("the table", || network()["trouble"].is_null() && network()["counters"]["taken_anew"] == 1);
    serving.end("-TERM");
}

#[test]
fn what_was_received_before_a_kill_is_there_afterwards_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder, NAMED);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // It announces its template once, at the very beginning.
    let mut router = exporter(Version::Ipfix, 4);
    let mut sent = 0;
    for round in 0..5 {
        let serving = Serving::start(folder);
        wait_for("what was kept before", || recorded(folder) == sent);
        let mut packets = 0;
        for packet in (0..40).flat_map(|_| self::packets(&mut router, 50)) {
            socket.send_to(&packet, &serving.udp).unwrap();
            packets += 1;
        }
        sent += 2000;
        // What the door has counted as kept is in the spool; it need not have been read.
        let kept = |told: &Value| told.pointer("/reception/kept").and_then(Value::as_u64);
        wait_for("the spool", || kept(&exporters(folder)).is_some_and(|kept| kept == packets));
        serving.end(if round == 2 { "-TERM" } else { "-KILL" });
    }
    let serving = Serving::start(folder);
    wait_for("everything", || recorded(folder) == sent);
    // By the numbers, too: nothing is missing between before and after.
    wait_for("the stream", || exporters(folder).pointer("/exporters/0/lost").is_some_and(|lost| *lost == 0));
    serving.end("-TERM");
}

#[test]
fn strangers_are_refused_and_counted_or_shown_in_quarantine() {
    for (unknown, standing) in [("refuse", None), ("quarantine", Some("quarantined"))] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        configure(folder, &format!("unknown = \"{unknown}\"\nexporters = [{{ from = \"192.0.2.1\" }}]"));
        let serving = Serving::start(folder);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for packet in packets(&mut exporter(Version::NetFlow9, 1), 40) {
            socket.send_to(&packet, &serving.udp).unwrap();
        }
        wait_for("the stranger", || {
            let told = exporters(folder);
            let shown = told.pointer("/exporters/0/standing").and_then(Value::as_str).map(ToOwned::to_owned);
            told.pointer("/unknown/0/address").is_some_and(|address| address == "127.0.0.1")
                && shown.as_deref() == standing
        });
        assert_eq!(recorded(folder), 0);
        serving.end("-TERM");
    }
}
