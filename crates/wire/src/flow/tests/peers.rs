//! What nfdump and tshark read of our packets, compared with what we wrote.
//!
//! nfcapd gets the packets over loopback UDP, tshark as a capture file. Without the program a test says so and returns.

use std::{
    collections::HashMap,
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{round_trip::bare, *};

const TIME_MS: i64 = NOW_US / 1000 - 4321;

fn session_events() -> Vec<NatEvent> {
    let destination = endpoint("198.51.100.9", 443);
    [(EventKind::SessionCreate, 0), (EventKind::SessionDelete, 1500)]
        .map(|(kind, later)| NatEvent {
            protocol: Some(6),
            inside: endpoint("10.1.2.3", 50_001),
            outside: endpoint("203.0.113.7", 40_123),
            destination,
            destination_post: destination,
            ingress_vrf: Some(17),
            ..bare(kind, (TIME_MS + later) * 1000)
        })
        .to_vec()
}

fn block_events() -> Vec<NatEvent> {
    [(EventKind::PortBlockAllocate, 0), (EventKind::PortBlockRelease, 2500)]
        .map(|(kind, later)| NatEvent {
            inside: Endpoint { address: ip("10.1.2.4"), port: None },
            outside: Endpoint { address: ip("203.0.113.8"), port: None },
            outside_ports: Some(PortBlock { first: 4096, last: Some(5119), step: 1 }),
            ingress_vrf: Some(17),
            ..bare(kind, (TIME_MS + later) * 1000)
        })
        .to_vec()
}

fn packets(version: Version, events: &[NatEvent]) -> Vec<Vec<u8>> {
    Encoder::new(version, 7, NOW_US - 86_400_000_000).encode(NOW_US, events).unwrap()
}

/// A folder of this test run that is removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tadoru-flow-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn installed(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|folder| folder.join(program).is_file()));
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

// --- tshark --------------------------------------------------------------------------------------------------------

/// A capture file of UDP packets from 192.0.2.1 to 192.0.2.2 port 2055, with raw IP as its link type.
fn capture(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 101] {
        file.extend(word.to_be_bytes());
    }
    for payload in packets {
        let udp_len = payload.len() as u16 + 8;
        let mut packet = vec![0x45, 0];
        packet.extend((udp_len + 20).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        packet.extend([20_000, 2055, udp_len, 0].map(u16::to_be_bytes).concat());
        packet.extend(payload);
        let len = packet.len() as u32;
        file.extend([NOW_S, 0, len, len].map(u32::to_be_bytes).concat());
        file.extend(packet);
    }
    file
}

/// One line a record, of the named fields.
fn tshark(packets: &[Vec<u8>], name: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let folder = Folder::new(name);
    let path = folder.0.join("flows.pcap");
    fs::write(&path, capture(packets)).unwrap();
    let mut command = Command::new("tshark");
    command.env("TZ", "UTC").arg("-r").arg(&path).args(["-d", "udp.port==2055,cflow", "-T", "fields"]);
    command.args(["-E", "separator=;", "-E", "occurrence=a", "-E", "aggregator=|"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // All records of one packet stand in one line, field by field: turn it over.
    let mut records = Vec::new();
    for line in text.lines() {
        let columns: Vec<Vec<&str>> = line.split(';').map(|column| column.split('|').collect()).collect();
        let count = columns.iter().map(Vec::len).max().unwrap();
        for n in 0..count {
            records
                .push(columns.iter().map(|column| column.get(n).copied().unwrap_or("").to_owned()).collect());
        }
    }
    records
}

#[test]
fn tshark_reads_the_sessions_that_we_write() {
    if !installed("tshark") {
        return;
    }
    let fields = [
        "cflow.nat_event",
        "cflow.protocol",
        "cflow.srcaddr",
        "cflow.srcport",
        "cflow.post_natsource_ipv4_address",
        "cflow.post_naptsource_transport_port",
        "cflow.dstaddr",
        "cflow.dstport",
        "cflow.post_natdestination_ipv4_address",
        "cflow.post_naptdestination_transport_port",
        "cflow.ingress_vrfid",
        "cflow.observation_time_milliseconds",
    ];
    for version in [Version::NetFlow9, Version::Ipfix] {
        let records = tshark(&packets(version, &session_events()), "tshark-session", &fields);
        assert_eq!(records.len(), 2);
        for (record, (code, time)) in records.iter().zip([("4", "01:14:58.679"), ("5", "01:15:00.179")]) {
            let expected = [
                code,
                "6",
                "10.1.2.3",
                "50001",
                "203.0.113.7",
                "40123",
                "198.51.100.9",
                "443",
                "198.51.100.9",
                "443",
                "17",
            ];
            assert_eq!(record[..11], expected, "{version:?}");
            assert!(record[11].contains(time), "{version:?}: {}", record[11]);
        }
    }
}

#[test]
fn tshark_reads_the_port_blocks_that_we_write() {
    if !installed("tshark") {
        return;
    }
    let fields = [
        "cflow.nat_event",
        "cflow.srcaddr",
        "cflow.post_natsource_ipv4_address",
        "cflow.port_range_start",
        "cflow.port_range_end",
        "cflow.observation_time_milliseconds",
    ];
    for version in [Version::NetFlow9, Version::Ipfix] {
        let records = tshark(&packets(version, &block_events()), "tshark-block", &fields);
        assert_eq!(records.len(), 2);
        for (record, (code, time)) in records.iter().zip([("16", "01:14:58.679"), ("17", "01:15:01.179")]) {
            assert_eq!(record[..5], [code, "10.1.2.4", "203.0.113.8", "4096", "5119"], "{version:?}");
            assert!(record[5].contains(time), "{version:?}: {}", record[5]);
        }
    }
}

// --- nfdump --------------------------------------------------------------------------------------------------------

#[test]
fn nfdump_reads_the_sessions_that_we_write() {
    if !installed("nfcapd") || !installed("nfdump") {
        return;
    }
    for version in [Version::NetFlow9, Version::Ipfix] {
        let records = nfdump(&packets(version, &session_events()), "nfdump-session");
        assert_eq!(records.len(), 2);
        for (record, (code, time_ms)) in records.iter().zip([("4:", TIME_MS), ("5:", TIME_MS + 1500)]) {
            let value = |name: &str| record.get(name).map_or("", String::as_str);
            assert!(value("nat event").starts_with(code), "{version:?}: {}", value("nat event"));
            assert!(value("Event time").starts_with(&time_ms.to_string()), "{version:?}");
            for (name, expected) in [
                ("proto", "6 TCP"),
                ("src addr", "10.1.2.3"),
                ("src port", "50001"),
                ("src xlt ip", "203.0.113.7"),
                ("src xlt port", "40123"),
                ("dst addr", "198.51.100.9"),
                ("dst port", "443"),
                ("dst xlt ip", "198.51.100.9"),
                ("dst xlt port", "443"),
                ("ingress VRF", "17"),
            ] {
                assert_eq!(value(name), expected, "{version:?}: {name}");
            }
        }
    }
}

#[test]
fn nfdump_reads_the_port_blocks_that_we_write() {
    if !installed("nfcapd") || !installed("nfdump") {
        return;
    }
    for version in [Version::NetFlow9, Version::Ipfix] {
        let records = nfdump(&packets(version, &block_events()), "nfdump-block");
        assert_eq!(records.len(), 2);
        for (record, (code, time_ms)) in records.iter().zip([("16:", TIME_MS), ("17:", TIME_MS + 2500)]) {
            let value = |name: &str| record.get(name).map_or("", String::as_str);
            assert!(value("nat event").starts_with(code), "{version:?}: {}", value("nat event"));
            assert!(value("Event time").starts_with(&time_ms.to_string()), "{version:?}");
            assert_eq!((value("src addr"), value("src xlt ip")), ("10.1.2.4", "203.0.113.8"));
            // nfdump 1.7.1 reads port ranges of NetFlow v9 only.
            if version == Version::NetFlow9 {
                assert_eq!((value("pblock start"), value("pblock end")), ("4096", "5119"));
            }
        }
    }
}

/// The records of `nfdump -o raw`, which alone of its formats has the NAT fields: names and values.
fn nfdump(packets: &[Vec<u8>], name: &str) -> Vec<HashMap<String, String>> {
    let mut records = Vec::new();
    for line in nfdump_raw(packets, name).lines() {
        if line.starts_with("Flow Record") {
            records.push(HashMap::new());
        } else if let (Some(record), Some((name, value))) = (records.last_mut(), line.split_once('=')) {
            record.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    records
}

fn nfdump_raw(packets: &[Vec<u8>], name: &str) -> String {
    let folder = Folder::new(name);
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut collector = Command::new("nfcapd")
        .args(["-b", "127.0.0.1", "-p", &port.to_string(), "-w"])
        .arg(&folder.0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| queued(port).is_some());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for packet in packets {
        socket.send_to(packet, ("127.0.0.1", port)).unwrap();
    }
    wait_for(|| queued(port) == Some(0));
    let pid = collector.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(collector.wait().unwrap().success());
    let output = Command::new("nfdump")
        .env("TZ", "UTC")
        .arg("-R")
        .arg(&folder.0)
        .args(["-N", "-q", "-o", "raw"])
        .output()
        .unwrap();
    assert!(output.status.success(), "nfdump: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Bytes in the receive queue of a UDP port of this machine; `None` when nobody listens.
fn queued(port: u16) -> Option<u64> {
    let wanted = format!(":{port:04X}");
    let table = fs::read_to_string(Path::new("/proc/net/udp")).unwrap();
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace();
        let local = words.nth(1)?;
        let queues = words.nth(2)?;
        let (_, received) = queues.split_once(':')?;
        local.ends_with(&wanted).then(|| u64::from_str_radix(received, 16).unwrap())
    })
}

fn wait_for(mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(30), "a peer program did not answer");
        thread::sleep(Duration::from_millis(20));
    }
}
