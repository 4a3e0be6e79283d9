//! A small provider of five routers, each with an exporter of another maker, and a desk that listens to all of them.
//!
//! A flood with forged sources enters by one neighbour: three routers tell of each of its packets, and each counts once,
//! where it came in. Without namespaces, pmacct or hping3 the test says so. The recording of such a flood is told by the
//! demonstration as the laboratory knows it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

mod peers {
    use super::*;

    #[test]
    fn every_router_is_heard_and_a_forged_flood_counts_once_where_it_came_in() {
        let Some(isp) = Isp::open() else { return };
        let desk = isp.desk();
        let _shop = isp.spawn("shop", &["python3", "-m", "http.server", "80", "--bind", "198.51.100.11"]);
        let _readers = ["north", "south", "homes"].map(|node| isp.spawn(node, &["python3", "-c", PAGES]));
        wait("all five routers are heard", || {
            let told = desk.get("/v1/exporters");
            let exporters = told["exporters"].as_array().cloned().unwrap_or_default();
            let heard = |protocol| {
                let flows = |one: &&Value| one["protocol"] == protocol && one["flows"].as_u64() > Some(20);
                exporters.iter().filter(flows).count()
            };
            (heard("netflow-9"), heard("ipfix"), heard("sflow-5")) == (2, 2, 1)
        });

        let began = isp.received("edge2", "south");
        let flood =
            isp.spawn("south", &["hping3", "-q", "-S", "-p", "80", "--rand-source", "-i", "u700", VICTIM]);
        wait("the flood came in", || isp.received("edge2", "south") > began + ENOUGH);
        drop(flood);
        let sent = (isp.received("edge2", "south") - began) as f64;
        // Everything was told when the sums do not grow any more.
        let mut last = 0.0;
        wait("all of it is on file", || {
            let now = desk.packets(false);
            std::thread::sleep(Duration::from_secs(5));
            std::mem::replace(&mut last, now) == now && now > 0.0
        });
        let (once, every_time) = (desk.packets(true), desk.packets(false));
        println!("sent {sent}, on file {once}, told {every_time} times");
        // A busy machine's exporters may lose some of it; more than was sent is never counted.
        assert!(once > sent * 0.3 && once < sent * 1.05, "{once} of {sent}");
        assert!(every_time > once * 2.0, "three routers told of each packet: {every_time} of {once}");

        let ranked = desk.flows(&json!({ "filter": FORGED, "once": true, "top": "input", "by": "packets" }));
        let first = &ranked["rows"][0];
        assert_eq!(first["key"], "21", "it came in by edge2 from the south: {ranked}");
        assert!(first["packets"].as_f64().unwrap() > once * 0.9, "{ranked}");
    }
}

#[test]
fn the_recorded_flood_comes_out_as_the_laboratory_knows_it() {
    let temporary = tempfile::tempdir().unwrap();
    for (lang, words) in
        [("en", ["AS64497", "randomised", "verifies"]), ("ja", ["AS64497", "乱数で偽装", "検証は成立"])]
    {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_tadoru"));
        demo.args(["demo", "flood", "--lang", lang]).current_dir(temporary.path());
        let done = demo.env_remove("TADORU_CONFIG").env("TMPDIR", temporary.path()).output().unwrap();
        let (told, complaints) =
            (String::from_utf8(done.stdout).unwrap(), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{told}{complaints}");
        for word in words {
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "nothing is left behind");
    }
}

// ---------------------------------------------------------------------------------------------- The provider

/// The provider, and what runs in it.
struct Isp {
    name: String,
    folder: TempDir,
}

impl Isp {
    /// Builds it, unless something is missing.
    fn open() -> Option<Self> {
        for program in ["ip", "python3", "pmacctd", "hping3"] {
            if Command::new(program).env("PATH", path()).arg("--version").output().is_err() {
                println!("skipped: {program} is not installed");
                return None;
            }
        }
        let isp =
            Self { name: format!("tadoru-isp-{}", std::process::id()), folder: tempfile::tempdir().unwrap() };
        let probe = isp.node("probe");
        let allowed = quietly("ip", &["netns", "add", &probe]);
        quietly("ip", &["netns", "del", &probe]);
        if !allowed {
            println!("skipped: network namespaces are not allowed here");
            return None;
        }
        let run = isp.folder.path().join("routers");
        fs::create_dir(&run).unwrap();
        let up = Command::new("bash").arg(here("isp.sh")).args(["up", &isp.name]).arg(run).status().unwrap();
        assert!(up.success(), "the provider cannot be built");
        Some(isp)
    }

    fn node(&self, node: &str) -> String {
        format!("{}-{node}", self.name)
    }

    /// Runs a program in one of the namespaces; it ends with what this returns.
    fn spawn(&self, node: &str, command: &[&str]) -> Running {
        let child = self.within(node).args(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Running(child.unwrap())
    }

    fn within(&self, node: &str) -> Command {
        let mut command = Command::new("ip");
        command.env("PATH", path()).args(["netns", "exec", &self.node(node)]).stdin(Stdio::null());
        command
    }

    /// Packets that a router's interface has received.
    fn received(&self, node: &str, interface: &str) -> u64 {
        let file = format!("/sys/class/net/{interface}/statistics/rx_packets");
        let told = self.within(node).args(["cat", &file]).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
    }

    /// A desk that listens to the routers, with what the provider of the demonstration tells of its network.
    fn desk(&self) -> Desk {
        let folder = self.folder.path();
        let told = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/flood");
        let mut config = fs::read_to_string(told.join("tadoru.toml")).unwrap();
        for table in ["interfaces", "customers", "routes"] {
            config += &format!("{table} = {:?}\n", told.join(format!("{table}.csv")));
        }
        fs::write(folder.join("tadoru.toml"), config + SETTINGS).unwrap();
        let mut serving = self.within("collector");
        serving.arg(env!("CARGO_BIN_EXE_tadoru")).arg("--data").arg(folder.join("data"));
        serving.arg("--config").arg(folder.join("tadoru.toml")).arg("serve").env("TADORU_LOG", "info");
        let log = folder.join("serve.log");
        let child = serving.stderr(fs::File::create(&log).unwrap()).stdout(Stdio::null()).spawn().unwrap();
        let desk = Desk { _running: Running(child), socket: folder.join("data/desk.sock") };
        wait("the desk is served", || fs::read_to_string(&log).unwrap().contains("API on"));
        desk
    }
}

impl Drop for Isp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for log in ["serve.log", "routers/edge2.log", "routers/core.log"] {
                println!("{log}: {}", fs::read_to_string(self.folder.path().join(log)).unwrap_or_default());
            }
        }
        let _ = Command::new("bash").arg(here("isp.sh")).args(["down", &self.name]).status();
    }
}

/// A program that ends when this goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// ---------------------------------------------------------------------------------------------- The desk

/// A desk that is served, and where it is asked.
struct Desk {
    _running: Running,
    socket: PathBuf,
}

impl Desk {
    fn get(&self, what: &str) -> Value {
        self.ask(&format!("GET {what} HTTP/1.0\r\nHost: desk\r\n\r\n"))
    }

    fn flows(&self, query: &Value) -> Value {
        let body = query.to_string();
        let length = body.len();
        self.ask(&format!(
            "POST /v1/flows HTTP/1.0\r\nHost: desk\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Packets of the flood on file.
    fn packets(&self, once: bool) -> f64 {
        let told = self.flows(&json!({ "filter": FORGED, "once": once }));
        told["rows"][0]["packets"].as_f64().unwrap_or_else(|| panic!("{told}"))
    }

    fn ask(&self, request: &str) -> Value {
        let mut desk = UnixStream::connect(&self.socket).unwrap();
        desk.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        desk.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }
}

// ---------------------------------------------------------------------------------------------- Waiting

/// Waits until it is so, for three minutes: the machine may be slow.
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(180), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn quietly(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).env("PATH", path()).args(arguments).output().is_ok_and(|done| done.status.success())
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lab").join(name)
}

/// Where programs are, those for the administrator as well.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// The flood's packets: SYN without options. Those of ordinary connections are longer.
const FORGED: &str = "dst net 198.51.100.0/24 and proto tcp and flags S and not flags A and bpp < 50";
/// The address that is flooded.
const VICTIM: &str = "198.51.100.10";
/// Packets of the flood that are waited for.
const ENOUGH: u64 = 5_000;
/// People who read pages of the shop.
const PAGES: &str = "
import time, urllib.request
while True:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open('http://198.51.100.11/', timeout=5).read()
    except OSError:
        pass
    time.sleep(0.1)
";
/// Where the desk listens.
const SETTINGS: &str = r#"
[api]
listen = "127.0.0.1:0"

[sources.flows]
udp = ["192.0.2.100:2055"]
exporters = [{ from = "192.0.2.0/29" }]
"#;
