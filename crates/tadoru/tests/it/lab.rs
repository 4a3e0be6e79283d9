//! A network of three namespaces on this machine: clients, a gateway that translates their addresses, a server.
//!
//! What comes in: the gateway's translation rules. What goes out: the gateway's record of its connections as `conntrack`
//! or `ulogd` writes them, and what the server saw of each, together with who the client really was. It never touches
//! anything outside of its namespaces, and removes them in the end, also when a test fails.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The three namespaces and what runs in them.
pub struct Lab {
    clients: String,
    gateway: String,
    server: String,
    running: Vec<Child>,
    /// Where records and logs are.
    pub folder: TempDir,
}

/// What writes down the gateway's connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Recorder {
    /// `conntrack -E` of conntrack-tools.
    Conntrack,
    /// ulogd2 with its NFCT input, twice: as LOGEMU and as GPRINT writes it.
    Ulogd,
}

/// A connection as the server saw it, and whose it was.
pub struct Seen {
    /// When, RFC 3339 with microseconds.
    pub time: String,
    /// The address it came from.
    pub address: String,
    /// The port it came from.
    pub port: u16,
    /// `tcp` or `udp`.
    pub proto: String,
    /// The client's own address.
    pub client: Ipv4Addr,
}

impl Lab {
    /// Builds the network; the clients have `addresses`, the gateway `outside` and the rules of the table `nat`.
    ///
    /// # Errors
    /// What this machine lacks, in words: the test is to be skipped.
    pub fn open(
        name: &str,
        addresses: &[Ipv4Addr],
        outside: &[Ipv4Addr],
        rules: &str,
    ) -> Result<Self, String> {
        for program in ["ip", "nft", "conntrack", "python3"] {
            is_there(program)?;
        }
        let own = |end: &str| format!("tadoru-{}-{name}-{end}", std::process::id());
        let lab = Self {
            clients: own("clients"),
            gateway: own("gateway"),
            server: own("server"),
            running: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        let (c, g, s) = (&lab.clients, &lab.gateway, &lab.server);
        for namespace in [c, g, s] {
            if !does("ip", &["netns", "add", namespace]) {
                return Err("network namespaces are not allowed here".to_owned());
            }
            run("ip", &["-n", namespace, "link", "set", "lo", "up"]);
        }
        run("ip", &["-n", c, "link", "add", "up0", "type", "veth", "peer", "name", "in0", "netns", g]);
        run("ip", &["-n", g, "link", "add", "out0", "type", "veth", "peer", "name", "net0", "netns", s]);
        for address in addresses {
            run("ip", &["-n", c, "addr", "add", &format!("{address}/10"), "dev", "up0"]);
        }
        for address in outside {
            run("ip", &["-n", g, "addr", "add", &format!("{address}/32"), "dev", "lo"]);
        }
        run("ip", &["-n", g, "addr", "add", "100.127.255.1/10", "dev", "in0"]);
        run("ip", &["-n", g, "addr", "add", "198.51.100.1/24", "dev", "out0"]);
        run("ip", &["-n", s, "addr", "add", &format!("{SERVER}/24"), "dev", "net0"]);
        for (namespace, link) in [(c, "up0"), (g, "in0"), (g, "out0"), (s, "net0")] {
            run("ip", &["-n", namespace, "link", "set", link, "up"]);
        }
        run("ip", &["-n", c, "route", "add", "default", "via", "100.127.255.1"]);
        run("ip", &["-n", s, "route", "add", "default", "via", "198.51.100.1"]);

        let file = lab.folder.path().join("rules.nft");
        fs::write(&file, rules).unwrap();
        if !does("ip", &["netns", "exec", g, "nft", "-f", &file.to_string_lossy()]) {
            return Err("nftables cannot translate addresses here".to_owned());
        }
        lab.set("net.ipv4.ip_forward", 1);
        // The kernel itself notes when connections begin and end; ulogd has these times where there are any.
        lab.set("net.netfilter.nf_conntrack_timestamp", 1);
        // A port is free again a second after its connection was closed.
        lab.set("net.netfilter.nf_conntrack_tcp_timeout_time_wait", 1);
        Ok(lab)
    }

    /// Lets `count` connections of random clients go through the gateway while it records them; tells what the server
    /// saw, in order. When the recorder says that it lost events, which it may on a busy machine, all is done again and
    /// at half the pace.
    pub fn talk(
        &mut self,
        recorder: Recorder,
        count: usize,
        clients: &[Ipv4Addr],
        mark: Ipv4Addr,
    ) -> Vec<Seen> {
        for pause in [0.02, 0.04, 0.08, 0.16, 0.32] {
            let seen = self.talk_once(recorder, count, clients, mark, pause);
            let complaints = fs::read_to_string(self.complaints()).unwrap();
            if !["ENOBUFS", "losing events", "overrun"].iter().any(|words| complaints.contains(words)) {
                return seen;
            }
            println!("the recorder lost events: {complaints}");
        }
        panic!("the recorder lost events five times");
    }

    fn talk_once(
        &mut self,
        recorder: Recorder,
        count: usize,
        clients: &[Ipv4Addr],
        mark: Ipv4Addr,
        pause: f64,
    ) -> Vec<Seen> {
        let log = self.folder.path().join("server.csv");
        let records = self.record_with(recorder);
        let mut server = within(&self.server, "python3")
            .arg(script("server.py"))
            .arg(PORT)
            .arg(&log)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        self.running.push(server);
        assert_eq!(ready, "ready\n");

        self.mark(mark, &records);
        let mut talking = within(&self.clients, "python3");
        talking.arg(script("clients.py")).args([
            SERVER,
            PORT,
            &count.to_string(),
            "cgnat",
            &pause.to_string(),
        ]);
        assert!(talking.args(clients.iter().map(ToString::to_string)).status().unwrap().success());
        self.mark(mark, &records);
        self.stop();
        let all = fs::read_to_string(log).unwrap();
        let seen: Vec<Seen> = all.lines().map(seen).filter(|s| s.client != mark).collect();
        let untranslated = seen.iter().filter(|s| s.address == s.client.to_string()).count();
        assert_eq!(untranslated, 0, "the gateway let connections through as they were");
        seen
    }

    /// Starts the recorder; gives the files that it writes. One that does not get its turn loses events.
    fn record_with(&mut self, recorder: Recorder) -> Vec<PathBuf> {
        let mut command = within(&self.gateway, "nice");
        command.args(["-n", "-15"]);
        let records = match recorder {
            Recorder::Conntrack => {
                command.args([
                    "conntrack",
                    "-E",
                    "-b",
                    "67108864",
                    "-e",
                    "NEW,DESTROY",
                    "-o",
                    "timestamp,id",
                ]);
                command.stdout(File::create(self.record()).unwrap());
                command.stderr(File::create(self.complaints()).unwrap());
                vec![self.record()]
            }
            Recorder::Ulogd => {
                let [emu, gprint] = self.ulogd_records();
                for file in [&emu, &gprint, &self.complaints()] {
                    File::create(file).unwrap();
                }
                let mut settings = format!(
                    "[global]\nlogfile={:?}\nloglevel=5\n\
                     stack=ct1:NFCT,ip2str1:IP2STR,print1:PRINTFLOW,emu1:LOGEMU\n\
                     stack=ct2:NFCT,ip2str2:IP2STR,gp1:GPRINT\n\
                     [emu1]\nfile={emu:?}\nsync=1\n[gp1]\nfile={gprint:?}\nsync=1\ntimestamp=1\n",
                    self.complaints()
                );
                for input in ["ct1", "ct2"] {
                    // Without its table of connections ulogd tells when each begins, and not only when it ends.
                    write!(settings, "[{input}]\nhash_enable=0\nevent_mask=0x00000005\n").unwrap();
                    settings +=
                        "netlink_socket_buffer_size=67108864\nnetlink_socket_buffer_maxsize=67108864\n";
                }
                let file = self.folder.path().join("ulogd.conf");
                fs::write(&file, settings).unwrap();
                command.env("TZ", "UTC").arg("ulogd").arg("-c").arg(file);
                vec![emu, gprint]
            }
        };
        self.running.push(command.spawn().unwrap());
        records
    }

    /// What the recorder says of itself.
    fn complaints(&self) -> PathBuf {
        self.folder.path().join("recorder.err")
    }

    /// The gateway's record as ulogd writes it: LOGEMU, in whole seconds of UTC, and GPRINT, with the kernel's own times.
    pub fn ulogd_records(&self) -> [PathBuf; 2] {
        ["ulogd-emu.log", "ulogd-gprint.log"].map(|name| self.folder.path().join(name))
    }

    /// The gateway's record as `conntrack` prints it.
    pub fn record(&self) -> PathBuf {
        self.folder.path().join("conntrack.log")
    }

    /// The gateway's rules as it prints them itself, in a file.
    pub fn ruleset(&self) -> PathBuf {
        let printed = within(&self.gateway, "nft").args(["list", "ruleset"]).output().unwrap();
        let file = self.folder.path().join("ruleset.txt");
        fs::write(&file, printed.stdout).unwrap();
        file
    }

    /// Sends marked datagrams until each record has one of them, and longer than clocks are taken to differ.
    fn mark(&self, mark: Ipv4Addr, records: &[PathBuf]) {
        let mut marking = within(&self.clients, "python3");
        marking.arg(script("marks.py")).args([SERVER, PORT, &mark.to_string(), "1.5"]).args(records);
        assert!(marking.status().unwrap().success(), "nothing was recorded");
    }

    fn set(&self, key: &str, value: u32) {
        let write = format!("echo {value} > /proc/sys/{}", key.replace('.', "/"));
        assert!(within(&self.gateway, "sh").args(["-c", &write]).status().unwrap().success(), "{key}");
    }

    fn stop(&mut self) {
        for mut child in self.running.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop();
        for namespace in [&self.clients, &self.gateway, &self.server] {
            does("ip", &["netns", "del", namespace]);
        }
    }
}

/// Says that a test was skipped, on standard output and in the file that `TADORU_SKIPS` names.
pub fn skip(why: &str) {
    println!("skipped: {why}");
    if let Some(list) = std::env::var_os("TADORU_SKIPS") {
        let mut line = String::new();
        let _ = writeln!(line, "skipped: {why}");
        let mut list = OpenOptions::new().create(true).append(true).open(list).unwrap();
        list.write_all(line.as_bytes()).unwrap();
    }
}

/// Whether a program is installed; else what to say.
pub fn is_there(program: &str) -> Result<(), String> {
    let started = Command::new(program).env("PATH", path()).arg("--version").output();
    started.map(drop).map_err(|_| format!("{program} is not installed"))
}

fn seen(line: &str) -> Seen {
    let cells: Vec<&str> = line.split(',').collect();
    let [time, address, port, proto, client] = cells.as_slice() else { panic!("the server wrote `{line}`") };
    Seen {
        time: (*time).to_owned(),
        address: (*address).to_owned(),
        port: port.parse().unwrap(),
        proto: (*proto).to_owned(),
        client: client.parse().unwrap(),
    }
}

fn within(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.env("PATH", path()).args(["netns", "exec", namespace, program]).stdin(Stdio::null());
    command
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).env("PATH", path()).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn does(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).env("PATH", path()).args(arguments).output().is_ok_and(|done| done.status.success())
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lab").join(name)
}

/// Where programs are, those for the administrator as well.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// The server's address.
pub const SERVER: &str = "198.51.100.10";
const PORT: &str = "8080";
