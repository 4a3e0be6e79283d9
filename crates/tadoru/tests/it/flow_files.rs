//! A file of flows counts once, whatever it is named and however often it is brought.

use std::path::Path;
use std::process::{Command, Output};

use tadoru_wire::flow::Version;

fn tadoru(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.env_remove("TADORU_CONFIG").arg("--data").arg(folder.join("data")).args(arguments);
    command.output().unwrap()
}

fn flows(folder: &Path) -> u64 {
    let told = tadoru(folder, &["flows", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    told["rows"][0]["flows"].as_u64().unwrap_or(0)
}

#[test]
fn a_file_of_flows_counts_once_unless_it_is_wanted_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let (first, copy, other) = (folder.join("a.pcap"), folder.join("b.pcap"), folder.join("c.pcap"));
    std::fs::write(&first, super::flows::capture(Version::NetFlow9)).unwrap();
    std::fs::copy(&first, &copy).unwrap();
    std::fs::write(&other, super::flows::capture(Version::NetFlow5)).unwrap();
    let [first, copy, other] = [&first, &copy, &other].map(|path| path.to_str().unwrap());

    assert!(tadoru(folder, &["import", "flows", first]).status.success());
    assert_eq!(flows(folder), 40);
    // The copy is refused and told, the other file is taken in.
    let done = tadoru(folder, &["import", "flows", copy, other]);
    let why = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{why}");
    assert!(why.contains("`b.pcap`") && why.contains("imported already") && why.contains("--again"), "{why}");
    assert_eq!(flows(folder), 80);

    assert!(tadoru(folder, &["import", "flows", copy, "--again"]).status.success());
    assert_eq!(flows(folder), 120);
    assert_eq!(tadoru(folder, &["import", "flows", first]).status.code(), Some(2));
    assert_eq!(flows(folder), 120);

    let pipe = tadoru(folder, &["import", "flows", "/dev/null"]);
    assert_eq!(pipe.status.code(), Some(2), "what is no file cannot be read twice");
}

#[test]
fn a_file_without_flows_says_what_it_holds_instead() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let file = folder.join("a.pcap");
    // The first packet of the capture: its template set alone.
    let mut capture = super::flows::capture(Version::Ipfix);
    let packet = 24 + 16 + 20 + 8;
    let template = 16 + usize::from(u16::from_be_bytes([capture[packet + 18], capture[packet + 19]]));
    capture.truncate(packet + template);
    let octets = u16::try_from(template).unwrap();
    capture[24 + 8..24 + 16].copy_from_slice(&[u32::from(octets) + 28; 2].map(u32::to_le_bytes).concat());
    capture[24 + 16 + 2..24 + 16 + 4].copy_from_slice(&(octets + 28).to_be_bytes());
    capture[packet - 4..packet - 2].copy_from_slice(&(octets + 8).to_be_bytes());
    capture[packet + 2..packet + 4].copy_from_slice(&octets.to_be_bytes());
    std::fs::write(&file, capture).unwrap();
    let done = tadoru(folder, &["import", "flows", file.to_str().unwrap()]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(1), "nothing was kept");
    assert!(said.contains("templates and no record of them") && said.contains("1 defective"), "{said}");
}
