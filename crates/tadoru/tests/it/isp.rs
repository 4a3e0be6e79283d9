//! A small provider of five routers, each with an exporter of another maker, and a desk that listens to all of them.
//!
//! A flood with forged sources, by IPv4 and then by IPv6, enters by one neighbour: three routers tell of each packet, and
//! each counts once, where it came in; the flood is one incident that moved, told as what it was and followed to that
//! neighbour. Ordinary traffic is none. Without namespaces, pmacct or hping3 the test says so. The recording of such a
//! flood is told by the demonstration as the laboratory knows it.

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
    fn a_forged_flood_counts_once_is_told_as_what_it_was_and_is_followed_to_where_it_came_in() {
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

        assert_eq!(desk.incidents(), Vec::<Value>::new(), "ordinary traffic is no incident");

        let began = isp.received("edge2", "south");
        let flood =
            isp.spawn("south", &["hping3", "-q", "-S", "-p", "80", "--rand-source", "-i", "u700", VICTIM]);
        wait("the flood came in", || isp.received("edge2", "south") > began + ENOUGH);
        wait("it is told", || !desk.incidents().is_empty());
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

        let began = isp.received("edge2", "south");
        let flood = isp.spawn("south", &["python3", "-c", FLOOD_6, VICTIM_6]);
        wait("it is seen to have moved to IPv6", || {
            desk.incidents().iter().any(|one| one["target"].as_str().is_some_and(|to| to.contains(':')))
        });
        wait("that flood came in", || isp.received("edge2", "south") > began + ENOUGH);
        drop(flood);
        wait("all is over", || desk.incidents().iter().all(|one| one["state"] == "ended"));
        let incidents = desk.incidents();
        assert_eq!(incidents.len(), 1, "an attack that moves is one, and nothing else is: {incidents:#?}");
        let id = incidents[0]["id"].as_str().unwrap();
        let told = desk.get(&format!("/v1/incidents/{id}"));
        let targets: Vec<&Value> =
            told["targets"].as_array().unwrap().iter().map(|at| &at["scope"]["name"]).collect();
        assert_eq!(targets, [VICTIM, VICTIM_6], "{told:#}");
        assert_eq!(told["vectors"][0]["vector"], "syn", "{told:#}");
        assert_eq!(told["sources"]["verdict"], "randomised", "{told:#}");
        assert!(told["sources"]["count"].as_u64() > Some(500), "{told:#}");
        assert!(told["peak"]["packets_per_s"].as_f64() > Some(THRESHOLD), "{told:#}");

        let traced = desk.get(&format!("/v1/incidents/{id}/ingress"));
        let way = &traced["ingress"][0];
        let at = [&way["exporter"], &way["interface"], &way["neighbour_as"]];
        assert_eq!(at, [&json!("192.0.2.2"), &json!(21), &json!(64497)], "{traced:#}");
        assert!(way["share"]["packets"].as_f64() > Some(0.9), "{traced:#}");
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
        config = config.replace(OWN_4, OWN_BOTH);
        assert!(config.contains(OWN_BOTH), "{config}");
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

    fn incidents(&self) -> Vec<Value> {
        self.get("/v1/incidents")["incidents"].as_array().unwrap().clone()
    }

    /// Packets of the flood of IPv4 on file.
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
/// The addresses that are flooded.
const VICTIM: &str = "198.51.100.10";
const VICTIM_6: &str = "2001:db8:100::10";
/// The provider's own networks: as the demonstration has them, and with those of IPv6.
const OWN_4: &str = "own_prefixes = [";
const OWN_BOTH: &str = "own_prefixes = [\"2001:db8:100::/48\", ";
/// SYN in a second from which on it is an attack; hping3 and Python send some times as many.
const THRESHOLD: f64 = 200.0;
/// SYN by IPv6 with a forged source each.
const FLOOD_6: &str = "
import os, random, socket, struct, sys, time
line = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
target = socket.inet_pton(socket.AF_INET6, sys.argv[1])
while True:
    source = bytes([0x2a]) + os.urandom(15)
    tcp = struct.pack('!HHIIBBHHH', random.randrange(1024, 65536), 80, random.getrandbits(32), 0, 0x50, 2, 512, 0, 0)
    ip = struct.pack('!IHBB', 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + source + target
    line.sendto(ip + tcp, (sys.argv[1], 0))
    time.sleep(0.0007)
";
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

[detection]
quiet_s = 10
active_timeout_s = 10

[detection.thresholds]
syn = { packets_per_s = 200.0 }
"#;
