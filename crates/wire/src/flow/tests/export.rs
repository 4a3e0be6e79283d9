//! What our exporter writes: read back by our decoder, and by nfdump where it is installed.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use proptest::prelude::*;

use super::*;

const SOURCE: SocketAddr = SocketAddr::new(EXPORTER, 2055);

fn read_back(packets: &[Vec<u8>]) -> Columns {
    let mut decoder = Decoder::default();
    let mut columns = Columns::default();
    for packet in packets {
        let report = decoder.collect(SOURCE, NOW_US, packet, &mut columns, &mut |_| {});
        assert_eq!((&report.defects[..], report.loss), (&[][..], None));
    }
    columns
}

fn rows() -> impl Strategy<Value = Row> {
    let time = (0_i64..100_000, 0_i64..100_000);
    let keys =
        (prop_oneof![Just(0_u8), Just(4), Just(6)], any::<[u128; 4]>(), any::<[u16; 4]>(), any::<[u8; 6]>());
    let counters = (
        any::<[u64; 4]>(),
        any::<[u32; 6]>(),
        any::<[u64; 2]>(),
        prop_oneof![Just(0_u8), Just(1), Just(255)],
    );
    (time, keys, counters, any::<bool>()).prop_map(|(time, keys, counters, both)| {
        let (ip, addresses, ports, octets) = keys;
        let (counts, numbers, macs, direction) = counters;
        let address = |bits: u128| match ip {
            4 => 0xffff_0000_0000 | bits & 0xffff_ffff,
            6 => bits,
            _ => 0,
        };
        let [src, dst, next_hop, bgp_next_hop] = addresses.map(address);
        Row {
            first_us: NOW_US - (time.0 + time.1) * 1000,
            last_us: NOW_US - time.0 * 1000,
            received_us: NOW_US,
            exporter: to_bits(EXPORTER),
            domain: 7,
            ip,
            src,
            dst,
            src_port: ports[0],
            dst_port: ports[1],
            proto: octets[0],
            tcp_flags: octets[1],
            tos: octets[2],
            packets: counts[0],
            bytes: counts[1],
            reverse_packets: if both { counts[2] } else { 0 },
            reverse_bytes: if both { counts[3] } else { 0 },
            flows: numbers[0].max(1),
            // Nobody samples at more.
            sampling: numbers[1] % (1 << 24),
            input: numbers[2],
            output: numbers[3],
            src_as: numbers[4],
            dst_as: numbers[5],
            src_mask: if ip == 0 { 0 } else { octets[3] },
            dst_mask: if ip == 0 { 0 } else { octets[4] },
            next_hop,
            bgp_next_hop,
            src_vlan: ports[2],
            dst_vlan: ports[3],
            in_src_mac: macs[0] >> 16,
            out_dst_mac: macs[1] >> 16,
            direction,
            forwarding: octets[5],
        }
    })
}

fn columns(rows: &[Row]) -> Columns {
    let mut columns = Columns::default();
    rows.iter().for_each(|row| columns.push(*row));
    columns
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(rows in proptest::collection::vec(rows(), 1..60)) {
        for version in [Version::NetFlow9, Version::Ipfix] {
            let mut exporter = Exporter::new(version, 7, NOW_US - 1_000_000_000);
            let packets = exporter.encode(NOW_US, &columns(&rows)).unwrap();
            prop_assert!(packets.iter().all(|packet| packet.len() <= 1404));
            prop_assert!(read_back(&packets) == columns(&rows), "{version:?}");
        }
    }

    #[test]
    fn v5_says_what_it_can(rows in proptest::collection::vec(rows(), 1..60)) {
        let plain = |row: Row| Row {
            ip: 4,
            src: 0xffff_0000_0000 | row.src & 0xffff_ffff,
            dst: 0xffff_0000_0000 | row.dst & 0xffff_ffff,
            next_hop: 0xffff_0000_0000 | row.next_hop & 0xffff_ffff,
            packets: row.packets >> 32,
            bytes: row.bytes >> 32,
            sampling: row.sampling & 0x3fff,
            input: row.input >> 16,
            output: row.output >> 16,
            src_as: row.src_as >> 16,
            dst_as: row.dst_as >> 16,
            flows: 1,
            direction: 255,
            reverse_packets: 0, reverse_bytes: 0, bgp_next_hop: 0, src_vlan: 0, dst_vlan: 0, in_src_mac: 0,
            out_dst_mac: 0, forwarding: 0,
            ..row
        };
        let rows: Vec<Row> = rows.into_iter().map(plain).collect();
        let packets = Exporter::new(Version::NetFlow5, 7, NOW_US - 1_000_000_000).encode(NOW_US, &columns(&rows)).unwrap();
        prop_assert!(read_back(&packets) == columns(&rows));
    }

    #[test]
    fn nothing_harms(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6)) {
        let mut decoder = Decoder::default();
        let mut columns = Columns::default();
        for (n, mut packet) in packets.into_iter().enumerate() {
            if let Some(version) = packet.get_mut(..2) {
                version.copy_from_slice(&[0, [5, 9, 10][n % 3]]);
            }
            decoder.collect(SOURCE, NOW_US, &packet, &mut columns, &mut |_| {});
            assert!(columns.is_even());
        }
    }
}

#[test]
fn what_v5_cannot_say_is_refused() {
    let mut exporter = Exporter::new(Version::NetFlow5, 7, NOW_US - 1_000_000_000);
    let row = Row { first_us: NOW_US, last_us: NOW_US, ip: 4, ..Row::default() };
    for (row, error) in [
        (Row { ip: 6, ..row }, ExportError::Family),
        (Row { bytes: 1 << 32, ..row }, ExportError::Range("bytes")),
        (Row { first_us: NOW_US - 2_000_000_000, ..row }, ExportError::Time),
    ] {
        assert_eq!(exporter.encode(NOW_US, &columns(&[row])), Err(error));
    }
}

#[test]
fn nfdump_reads_the_same() {
    if Command::new("nfcapd").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return;
    }
    let row = |n: u8| Row {
        first_us: NOW_US - 9_000_000,
        last_us: NOW_US - 1_500_000,
        ip: if n.is_multiple_of(2) { 4 } else { 6 },
        src: if n.is_multiple_of(2) { 0xffff_c000_0201 } else { 0x2001_0db8 << 96 | u128::from(n) },
        dst: if n.is_multiple_of(2) { 0xffff_c633_6400 | u128::from(n) } else { 0x2001_0db8 << 96 },
        src_port: 40_000 + u16::from(n),
        dst_port: 53,
        proto: 17,
        tos: 8,
        packets: u64::from(n) + 1,
        bytes: 1000 + u64::from(n),
        flows: 1,
        input: 3,
        output: 4,
        src_as: 64_512,
        dst_as: 65_000,
        direction: 0,
        ..Row::default()
    };
    for version in [Version::NetFlow5, Version::NetFlow9, Version::Ipfix] {
        let all: Vec<Row> =
            (0..50).map(row).filter(|row| version != Version::NetFlow5 || row.ip == 4).collect();
        let packets = Exporter::new(version, 7, NOW_US - 100_000_000).encode(NOW_US, &columns(&all)).unwrap();
        let mut told = nfdump(&packets);
        let mut wanted: Vec<String> = all
            .iter()
            .map(|row| {
                format!(
                    "{} {} {} {} {} {}",
                    row.src_port, row.dst_port, row.proto, row.packets, row.bytes, row.src_as
                )
            })
            .collect();
        told.sort();
        wanted.sort();
        assert_eq!(told, wanted, "{version:?}");
    }
}

/// Sends packets to nfcapd and lets nfdump print what it has kept.
fn nfdump(packets: &[Vec<u8>]) -> Vec<String> {
    let folder = std::env::temp_dir().join(format!("tadoru-nfcapd-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap();
    drop(free);
    let mut collector = Command::new("nfcapd")
        .args(["-b", "127.0.0.1", "-p", &port.port().to_string(), "-w"])
        .arg(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(port).unwrap();
    // Until somebody listens, a connected socket hears that nobody does.
    for _ in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(25));
        if socket.send(&[0]).is_ok() && socket.send(&[0]).is_ok() {
            break;
        }
    }
    for packet in packets {
        socket.send(packet).unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let stop = Command::new("kill").arg(collector.id().to_string()).status().unwrap();
    assert!(stop.success());
    collector.wait().unwrap();
    let said = Command::new("nfdump")
        .args(["-q", "-N", "-o", "fmt:%sp %dp %pr %pkt %byt %sas", "-R"])
        .arg(&folder)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let text = String::from_utf8(said.stdout).unwrap().replace("UDP", "17");
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| line.starts_with('4'))
        .collect()
}
