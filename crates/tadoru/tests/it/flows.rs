//! Flows from a capture of exports to a figure, and what the gate does not let out.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output};

use tadoru_wire::flow::{Columns, Exporter, Row, Version, to_bits};

fn tadoru(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.env_remove("TADORU_CONFIG").arg("--data").arg(folder.join("data")).args(arguments);
    command.output().unwrap()
}

fn told(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let done = tadoru(folder, &[arguments, &["--json"]].concat());
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A capture (raw IPv4) of what a router exports of thirty DNS answers and ten web connections, a minute ago.
pub fn capture(version: Version) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let at = i64::try_from(now).unwrap() - 60_000_000;
    let mut flows = Columns::default();
    for n in 0..40_u8 {
        let (proto, src_port, dst_port) = if n < 30 { (17, 53, 40_000) } else { (6, 50_000, 443) };
        flows.push(Row {
            first_us: at - 2_000_000,
            last_us: at - 1_000_000,
            ip: 4,
            src: to_bits(Ipv4Addr::new(192, 0, 2, n).into()),
            dst: to_bits(Ipv4Addr::new(198, 51, 100, 10).into()),
            src_port,
            dst_port,
            proto,
            packets: 2,
            bytes: 1000,
            flows: 1,
            ..Row::default()
        });
    }
    let mut file = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101].map(u32::to_le_bytes).concat();
    file[4..8].copy_from_slice(&[2, 0, 4, 0]);
    for payload in Exporter::new(version, 7, at - 3_600_000_000).encode(at, &flows).unwrap() {
        let len = u16::try_from(payload.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend((len + 28).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 203, 0, 113, 1, 203, 0, 113, 2]);
        packet.extend([0xc0, 0, 0x08, 0x07]);
        packet.extend((len + 8).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        let (s, us) = (u32::try_from(at / 1_000_000).unwrap(), u32::try_from(at % 1_000_000).unwrap());
        let whole = u32::try_from(packet.len()).unwrap();
        file.extend([s, us, whole, whole].map(u32::to_le_bytes).concat());
        file.extend(packet);
    }
    file
}

#[test]
fn exports_of_every_version_add_up_and_nobody_is_shown_without_an_incident() {
    for version in [Version::NetFlow5, Version::NetFlow9, Version::Ipfix] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let file = folder.join("exports.pcap");
        std::fs::write(&file, capture(version)).unwrap();
        let imported = told(folder, &["import", "flows", file.to_str().unwrap()]);
        assert_eq!(imported[0]["imported"]["kept"], 40, "{version:?}: {imported}");

        let all = told(folder, &["flows"]);
        assert_eq!((&all["rule"], &all["rows"][0]["flows"]), (&"JP-005".into(), &40.into()));
        let dns = told(folder, &["flows", "proto udp and src port 53"]);
        assert_eq!((&dns["rows"][0]["packets"], &dns["rows"][0]["bytes"]), (&60.into(), &30_000.into()));
        let ports = told(folder, &["flows", "--top", "dst-port", "--by", "flows"]);
        assert_eq!((&ports["rows"][0]["key"], &ports["rows"][1]["key"]), (&"40000".into(), &"443".into()));

        for shown in [&["flows", "host 198.51.100.10"][..], &["flows", "--top", "src-addr"]] {
            let refused = tadoru(folder, shown);
            assert_eq!(refused.status.code(), Some(3));
            let why = String::from_utf8(refused.stdout).unwrap();
            assert!(why.contains("JP-030") && !why.contains("198.51"), "{why}");
        }
    }
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!(tadoru(nowhere.path(), &["flows", "prot udp"]).status.code(), Some(2));
}

#[test]
fn single_flows_wait_for_a_ground_and_mistakes_are_shown_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("exports.pcap");
    std::fs::write(&file, capture(Version::Ipfix)).unwrap();
    told(folder, &["import", "flows", file.to_str().unwrap()]);

    let out = folder.join("out.parquet");
    let sql = "SELECT count(*) FROM flows";
    for shown in [
        &["flows", "--list"][..],
        &["flows", "proto udp", "--limit", "5", "--csv"],
        &["flows", "--parquet", out.to_str().unwrap()],
        &["flows", "--sql", sql],
        &["rehearse", "host 198.51.100.10"],
    ] {
        for (language, said) in [("en", "JP-030.2"), ("ja", "不許可")] {
            let refused = tadoru(folder, &[shown, &["--lang", language]].concat());
            let why = String::from_utf8(refused.stdout).unwrap();
            assert_eq!(refused.status.code(), Some(3), "{shown:?}: {why}");
            assert!(why.contains(said), "{shown:?}: {why}");
            assert!(!why.contains("198.51.100.10"), "{why}");
        }
    }
    assert!(!out.exists(), "nothing is written");

    let sums = tadoru(folder, &["flows", "--top", "src-net", "--csv"]);
    assert_eq!(
        String::from_utf8(sums.stdout).unwrap(),
        "src-net,flows,packets,bytes\n192.0.2.0/24,40,80,40000\n"
    );
    let rehearsed = told(folder, &["rehearse"]);
    assert_eq!((&rehearsed["flows"], &rehearsed["hits"]), (&40.into(), &serde_json::json!([])));

    for (wrong, said) in [
        (&["flows", "proto udp andd port 53"][..], "help: proto udp andd port 53\n                ^"),
        (&["flows", "--list", "--incident", "0000000000000000"], "no such incident"),
        (&["flows", "--sql", "DELETE FROM flows"], "SELECT"),
        (&["flows", "--top", "nothing"], "dst-port"),
        (&["rehearse", "--detection", "none.toml"], "none.toml"),
    ] {
        let done = tadoru(folder, wrong);
        let why = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{wrong:?}: {why}");
        assert!(why.contains(said), "{wrong:?}: {why}");
    }
}
