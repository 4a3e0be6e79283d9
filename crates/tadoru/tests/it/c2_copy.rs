//! The copy of flows for finding command servers, by a desk that is served: off, waiting, following, over a restart.

use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const TADORU: &str = env!("CARGO_BIN_EXE_tadoru");

/// A desk that runs, and where it hears flows.
struct Serving {
    child: Child,
    udp: String,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut child =
            tadoru(folder, &["serve"]).env("TADORU_LOG", "info").stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut udp = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, at)) = line.split_once("flows on UDP ") {
                udp = at.trim().to_owned();
            } else if line.contains("API on") {
                break;
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, udp }
    }

    fn end(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn tadoru(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(TADORU);
    command
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--config")
        .arg(folder.join("tadoru.toml"))
        .args(words);
    command
}

/// What `tadoru c2-copy` says, once it is so.
fn wait_for(folder: &Path, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let told = tadoru(folder, &["c2-copy", "--json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
        if is_so(&told) {
            return told;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{told:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// One NetFlow v5 datagram with one flow.
fn export() -> Vec<u8> {
    let mut octets = vec![0; 72];
    octets[1] = 5;
    octets[3] = 1;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    octets[4..8].copy_from_slice(&60_000_u32.to_be_bytes());
    octets[8..12].copy_from_slice(&(now.as_secs() as u32).to_be_bytes());
    octets[24..28].copy_from_slice(&[192, 0, 2, 1]);
    octets[28..32].copy_from_slice(&[198, 51, 100, 7]);
    octets[40..44].copy_from_slice(&9_u32.to_be_bytes());
    octets[44..48].copy_from_slice(&900_u32.to_be_bytes());
    octets[48..52].copy_from_slice(&58_000_u32.to_be_bytes());
    octets[52..56].copy_from_slice(&59_000_u32.to_be_bytes());
    octets[56..58].copy_from_slice(&40_000_u16.to_be_bytes());
    octets[58..60].copy_from_slice(&443_u16.to_be_bytes());
    octets[62] = 6;
    octets
}

fn configure(folder: &Path, wanted: bool, sign_offs: &str) {
    let text = format!(
        "[desk]\nc2_copy = {wanted}\n[gate]\nsign_offs = [{sign_offs}]\n[api]\nlisten = \"127.0.0.1:0\"\n\
         [sources.flows]\nudp = [\"127.0.0.1:0\"]\nexporters = [{{ from = \"127.0.0.1\", name = \"edge\" }}]\n"
    );
    std::fs::write(folder.join("tadoru.toml"), text).unwrap();
}

#[test]
fn it_stands_still_until_two_have_agreed_and_then_follows_what_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    configure(folder, false, "");
    let off = wait_for(folder, |told| told["wanted"] == false);
    assert_eq!((&off["since"], &off["keep"]), (&Value::Null, &"7 d".into()));

    configure(folder, true, "");
    let serving = Serving::start(folder);
    let waits = wait_for(folder, |told| told["approval_id"].is_string());
    assert_eq!((&waits["verdict"], &waits["rule"]), (&"need:approval".into(), &"JP-050".into()));
    assert_eq!(waits["missing"].as_array().unwrap().len(), 2);
    let said = tadoru(folder, &["c2-copy", "--lang", "ja"]).output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("管理責任者") && said.contains("tadoru approve"), "{said}");
    serving.end();
    assert!(!folder.join("data/flows-c2").exists());

    // Counsel and management have signed, each in a file of their own.
    let packs = tadoru_gate::Packs::shipped().unwrap();
    let digest = packs.current().unwrap().digest();
    for (person, role) in [("counsel", "legal-reviewer"), ("head", "manager")] {
        let record = format!(
            "[[sign_off]]\npack_sha256 = \"{digest}\"\nrules = [\"JP-050\"]\nperson = \"{person}\"\n\
             roles = [\"{role}\"]\ndate = \"2026-11-21\"\nreason = \"opinion\"\n"
        );
        std::fs::write(folder.join(format!("{person}.toml")), record).unwrap();
    }
    let file = |name: &str| format!("{:?}", folder.join(name));
    configure(folder, true, &[file("counsel.toml"), file("head.toml")].join(", "));
    let serving = Serving::start(folder);
    wait_for(folder, |told| told["since"].is_string());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&export(), &serving.udp).unwrap();
    let began = Instant::now();
    let is_there = || {
        let told = tadoru(folder, &["flows", "--json"]).output().unwrap().stdout;
        serde_json::from_slice::<Value>(&told).unwrap_or_default()["rows"][0]["bytes"] == 900
    };
    while !is_there() {
        assert!(began.elapsed() < Duration::from_secs(120), "the flow has not arrived");
        std::thread::sleep(Duration::from_millis(200));
    }
    // The end of the desk puts it on the disk, and the next one copies it: once.
    serving.end();
    let serving = Serving::start(folder);
    let copied = wait_for(folder, |told| told["flows"] == 1);
    assert!(copied["oldest"].is_string() && copied["missing"] == serde_json::json!([]), "{copied:#}");
    serving.end();
    let serving = Serving::start(folder);
    assert_eq!(wait_for(folder, |told| told["since"].is_string())["flows"], 1);
    serving.end();
}
