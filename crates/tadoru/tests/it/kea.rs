//! Kea gives a lease to a client in a namespace while a desk follows its lease file; a question is answered from it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

mod peers {
    use super::*;

    #[test]
    fn a_lease_that_kea_gives_is_answered_while_its_file_is_followed() {
        for program in ["ip", "kea-dhcp4", "dhclient"] {
            if Command::new(program).env("PATH", path()).arg("-V").output().is_err() {
                println!("skipped: {program} is not installed");
                return;
            }
        }
        let Some(net) = Net::open() else {
            println!("skipped: network namespaces are not allowed here");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let leases = folder.join("leases.csv");
        let config = serde_json::json!({"Dhcp4": {
            "interfaces-config": {"interfaces": ["srv0"]},
            "lease-database": {"type": "memfile", "persist": true, "name": leases},
            "valid-lifetime": 600,
            "subnet4": [{"subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.50 - 192.0.2.99"}]}],
            "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}],
        }});
        fs::write(folder.join("kea.json"), config.to_string()).unwrap();
        let mut kea = within(&net.server, "kea-dhcp4");
        kea.arg("-c").arg(folder.join("kea.json"));
        kea.env("KEA_LOCKFILE_DIR", folder).env("KEA_PIDFILE_DIR", folder).stdout(Stdio::piped());
        let (_kea, _) = started(kea, |child| Box::new(child.stdout.take().unwrap()), "DHCP4_STARTED");

        let settings = format!(
            "[api]\nlisten = \"127.0.0.1:0\"\n\n[[sources.follow]]\npath = {leases:?}\nformat = \"kea4\"\nsource = \"kea-1\"\n"
        );
        fs::write(folder.join("tadoru.toml"), settings).unwrap();
        let mut desk = tadoru(folder);
        desk.arg("serve").env("TADORU_LOG", "info").stderr(Stdio::piped());
        let (_desk, _) = started(desk, |child| Box::new(child.stderr.take().unwrap()), "API on");

        // Kea's times are whole seconds: the lease is to begin while the file is surely followed.
        std::thread::sleep(Duration::from_secs(3));

        // The client keeps its interface as it is: that it has the lease is enough.
        let script = folder.join("nothing.sh");
        fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let mut client = within(&net.client, "dhclient");
        client.args(["-4", "-1", "-d", "-sf"]).arg(&script).arg("-lf").arg(folder.join("client.leases"));
        client.arg("-pf").arg(folder.join("client.pid")).arg("cli0").stderr(Stdio::piped());
        let (_client, bound) = started(client, |child| Box::new(child.stderr.take().unwrap()), "bound to ");
        let address = bound.split_whitespace().nth(2).unwrap().to_owned();

        let mac = fs::read_to_string(&leases)
            .unwrap()
            .lines()
            .last()
            .unwrap()
            .split(',')
            .nth(1)
            .unwrap()
            .to_owned();
        // Two seconds from now; it is known when the next sign of life of the file has come.
        let at = jiff::Timestamp::now().as_second() + 2;
        let since = Instant::now();
        let answer = loop {
            std::thread::sleep(Duration::from_millis(500));
            let answer = who(folder, &address, at);
            if answer["outcome"] == "unique" || since.elapsed() > Duration::from_secs(120) {
                break answer;
            }
        };
        assert_eq!(answer["outcome"], "unique", "{answer:#}");
        assert!(answer.to_string().contains(&mac), "{answer:#}");
    }
}

/// Who had the address then?
fn who(folder: &Path, address: &str, at: i64) -> serde_json::Value {
    let mut command = tadoru(folder);
    command.args([
        "who",
        address,
        "--at",
        &at.to_string(),
        "--case",
        "K-1",
        "--purpose",
        "P-CLEAN",
        "--json",
    ]);
    command.args(["--fact", "complaint.id=1", "--fact", "complaint.substantiated=yes"]);
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

/// Two namespaces with a line between them, gone with the test.
struct Net {
    server: String,
    client: String,
}

impl Net {
    fn open() -> Option<Self> {
        let own = |end: &str| format!("tadoru-{}-kea-{end}", std::process::id());
        let net = Self { server: own("server"), client: own("client") };
        let (s, c) = (net.server.as_str(), net.client.as_str());
        (ip(&["netns", "add", s]) && ip(&["netns", "add", c])).then_some(())?;
        assert!(ip(&["-n", s, "link", "add", "srv0", "type", "veth", "peer", "name", "cli0", "netns", c]));
        assert!(ip(&["-n", s, "addr", "add", "192.0.2.1/24", "dev", "srv0"]));
        for (namespace, link) in [(s, "lo"), (s, "srv0"), (c, "lo"), (c, "cli0")] {
            assert!(ip(&["-n", namespace, "link", "set", link, "up"]));
        }
        Some(net)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            ip(&["netns", "del", namespace]);
        }
    }
}

/// A program that runs, and is gone with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

type Output = Box<dyn std::io::Read + Send>;

/// Starts a program and waits for a line with these words; gives the line.
fn started(mut command: Command, output: impl Fn(&mut Child) -> Output, words: &str) -> (Running, String) {
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(output(&mut child)).lines().map_while(Result::ok);
    let running = Running(child);
    let line = lines.find(|line| line.contains(words)).unwrap_or_else(|| panic!("no `{words}` was said"));
    // It must not stop because nobody reads what it says.
    std::thread::spawn(move || lines.for_each(drop));
    (running, line)
}

fn tadoru(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.arg("--data").arg(folder.join("data")).arg("--config").arg(folder.join("tadoru.toml"));
    command
}

fn within(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.env("PATH", path()).args(["netns", "exec", namespace, program]);
    command
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").env("PATH", path()).args(arguments).output().is_ok_and(|done| done.status.success())
}

/// Where programs are, those for the administrator as well.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}
