//! A small provider of five routers, each with an exporter of another maker, and a desk that listens to all of them.
//!
//! A flood with forged sources enters by one neighbour; the desk is to tell of it once, as what it was, and to follow it
//! to that neighbour's interface. Ordinary traffic is no incident. Without namespaces, pmacct or hping3 the test says so.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

mod peers {
    use super::*;

    #[test]
    fn a_forged_flood_is_told_once_and_followed_to_the_neighbour_that_sent_it() {
        let Some(isp) = Isp::open() else { return };
        let desk = isp.desk();
        let _shop = isp.spawn("shop", &["python3", "-m", "http.server", "80", "--bind", "198.51.100.11"]);
        let _readers = ["north", "homes"].map(|node| isp.spawn(node, &["python3", "-c", PAGES]));
        wait("all five routers are heard", || {
            let told = desk.get("/v1/exporters");
            let exporters = told["exporters"].as_array().cloned().unwrap_or_default();
            let flows = |one: &Value| one["flows"].as_u64().unwrap_or(0);
            let heard = |protocol| {
                exporters.iter().filter(|one| one["protocol"] == protocol && flows(one) > 0).count()
            };
            (heard("netflow-9"), heard("ipfix"), heard("sflow-5")) == (2, 2, 1)
        });
        // Ordinary traffic goes on until the desk has seen some hundred flows of it.
        wait("ordinary flows are read", || {
            let told = desk.get("/v1/exporters");
            let exporters = told["exporters"].as_array().cloned().unwrap_or_default();
            exporters.iter().filter_map(|one| one["flows"].as_u64()).sum::<u64>() > 300
        });
        assert_eq!(desk.incidents(), Vec::<Value>::new(), "ordinary traffic is no incident");

        let counted = Counted::begin(&isp);
        let began = isp.received("edge2", "south");
        let flood =
            isp.spawn("south", &["hping3", "-q", "-S", "-p", "80", "--rand-source", "-i", "u700", VICTIM]);
        wait("the flood is told", || !desk.incidents().is_empty());
        // It goes on until its sources can be judged, and the rate has come to its height.
        let told_at = isp.received("edge2", "south");
        wait("some thousand packets more came in", || isp.received("edge2", "south") > told_at + ENOUGH);
        drop(flood);
        let sent = (isp.received("edge2", "south") - began) as f64;
        let fastest = counted.end();
        wait("the flood is over", || desk.incidents().iter().all(|one| one["state"] == "ended"));

        let incidents = desk.incidents();
        assert_eq!(incidents.len(), 1, "it is told once, and nothing else is: {incidents:?}");
        let id = incidents[0]["id"].as_str().unwrap();
        let incident = desk.get(&format!("/v1/incidents/{id}"));
        println!("{incident:#}");

        let ingress = desk.get(&format!("/v1/incidents/{id}/ingress"));
        println!("{ingress:#}\nsent {sent}, {fastest} in the fastest second");
        let first = &ingress["ingress"][0];
        assert_eq!(first["exporter"], "192.0.2.2", "{ingress}");
        assert_eq!(first["interface"], 21, "{ingress}");
        assert_eq!(first["neighbour_as"], 64497, "{ingress}");
        let share = first["share"]["packets"].as_f64().unwrap();
        assert!(share > 0.9, "{ingress}");
        // Three routers told of every packet. A busy machine's exporters may lose some of them.
        let followed = ingress["total"]["packets"].as_f64().unwrap();
        assert!(followed > sent * 0.3 && followed < sent * 1.3, "{followed} of {sent}");
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

/// How many packets came in by the neighbour's interface in the fastest second, looked at all the time.
struct Counted {
    is_over: Arc<AtomicBool>,
    looking: std::thread::JoinHandle<f64>,
}

impl Counted {
    fn begin(isp: &Isp) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, node) = (Arc::clone(&is_over), isp.node("edge2"));
        let looking = std::thread::spawn(move || {
            let script = "while sleep 0.1; do read -r now rest </proc/uptime; \
                read -r count </sys/class/net/south/statistics/rx_packets; echo $now $count; done";
            let mut looking = Command::new("ip");
            looking.env("PATH", path()).args(["netns", "exec", &node, "sh", "-c", script]);
            let mut looking = Running(looking.stdout(Stdio::piped()).spawn().unwrap());
            let lines = std::io::BufRead::lines(std::io::BufReader::new(looking.0.stdout.take().unwrap()));
            let (mut seen, mut fastest): (Vec<(f64, f64)>, f64) = (Vec::new(), 0.0);
            for line in lines.map_while(Result::ok) {
                let numbers: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
                let [at, count] = numbers.as_slice() else { panic!("looked at `{line}`") };
                // The nearest look that is a second old or more.
                if let Some((then, before)) = seen.iter().rev().find(|(then, _)| at - then >= 1.0) {
                    fastest = fastest.max((count - before) / (at - then));
                }
                seen.push((*at, *count));
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
            fastest
        });
        Self { is_over, looking }
    }

    fn end(self) -> f64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.looking.join().unwrap()
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
        let mut desk = UnixStream::connect(&self.socket).unwrap();
        write!(desk, "GET {what} HTTP/1.0\r\nHost: desk\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        desk.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{what}: {answer}"))
    }

    fn incidents(&self) -> Vec<Value> {
        self.get("/v1/incidents")["incidents"].as_array().unwrap().clone()
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

/// The address that is flooded.
const VICTIM: &str = "198.51.100.10";
/// Packets of the flood that are waited for after it was told.
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
/// What a laboratory's flood is: more SYN than ordinary traffic has, and far fewer than a real one.
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
syn = { packets_per_s = 300.0 }
"#;
