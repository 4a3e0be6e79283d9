//! FreeRADIUS's `radclient` sends accounting to a desk that runs, and a FreeRADIUS relays it; a question is answered from it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};

mod peers {
    use super::*;

    #[test]
    fn what_radclient_is_told_to_be_kept_is_answered() {
        if !is_there("radclient") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (_desk, at) = serve(folder.path());
        let now = jiff::Timestamp::now().as_second();
        for (status, time) in [("Start", now - 600), ("Interim-Update", now - 1)] {
            let record = record(status, now - 600, time);
            assert!(radclient(&at, "s3cret", &record), "{status} was not answered");
            let of_another = record.replace("alice", "mallory");
            assert!(!radclient(&at, "wrong", &of_another), "a wrong secret was answered");
        }
        holder_is_alice(folder.path(), now - 300);
    }

    #[test]
    fn what_freeradius_relays_is_answered_through_it_and_kept() {
        if !is_there("radclient") || !is_there("freeradius") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (_desk, at) = serve(folder.path());
        let relay = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let home = at.rsplit_once(':').unwrap().1;
        let here = folder.path().display();
        let config = format!(
            "prefix = /usr\nlibdir = /usr/lib/freeradius\nraddbdir = {here}\nlogdir = {here}\nrun_dir = {here}\n\
             pidfile = {here}/pid\nmax_requests = 1024\nlog {{\n destination = stdout\n}}\nproxy_requests = yes\n\
             proxy server {{\n}}\nhome_server desk {{\n type = acct\n ipaddr = 127.0.0.1\n port = {home}\n\
             secret = s3cret\n status_check = none\n}}\nhome_server_pool desks {{\n home_server = desk\n}}\n\
             realm desk {{\n acct_pool = desks\n}}\nclient bras {{\n ipaddr = 127.0.0.1\n secret = front\n}}\n\
             modules {{\n}}\nserver relay {{\n listen {{\n type = acct\n ipaddr = 127.0.0.1\n port = {}\n }}\n\
             preacct {{\n update control {{\n Proxy-To-Realm := \"desk\"\n }}\n }}\n accounting {{\n }}\n}}\n",
            relay.port()
        );
        std::fs::write(folder.path().join("radiusd.conf"), config).unwrap();
        let mut command = Command::new("freeradius");
        command.args(["-f", "-l", "stdout", "-n", "radiusd", "-d"]).arg(folder.path());
        let mut freeradius = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(freeradius.stdout.take().unwrap()).lines().map_while(Result::ok);
        let _freeradius = Running(freeradius);
        assert!(said.any(|line| line.contains("Ready to process")), "FreeRADIUS did not start");
        std::thread::spawn(move || said.for_each(drop));

        let now = jiff::Timestamp::now().as_second();
        for (status, time) in [("Start", now - 600), ("Interim-Update", now - 1)] {
            let record = record(status, now - 600, time);
            assert!(radclient(&relay.to_string(), "front", &record), "{status} was not answered");
        }
        holder_is_alice(folder.path(), now - 300);
    }
}

/// An accounting record in `radclient`'s words.
fn record(status: &str, began: i64, time: i64) -> String {
    format!(
        "User-Name = alice\nAcct-Session-Id = a1\nNAS-IP-Address = 127.0.0.1\nFramed-IP-Address = 192.0.2.7\n\
         Acct-Status-Type = {status}\nAcct-Session-Time = {}\nEvent-Timestamp = {time}\n",
        time - began
    )
}

/// Asks the desk who had the address then.
fn holder_is_alice(folder: &Path, at: i64) {
    // A record is answerable within a second after it was acknowledged.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let mut command = tadoru(folder);
    command.args([
        "who",
        "192.0.2.7",
        "--at",
        &at.to_string(),
        "--case",
        "K-1",
        "--purpose",
        "P-CLEAN",
        "--json",
    ]);
    command.args(["--fact", "complaint.id=1", "--fact", "complaint.substantiated=yes"]);
    let answered = command.output().unwrap();
    let told = String::from_utf8_lossy(&answered.stderr).into_owned();
    let answer: serde_json::Value = serde_json::from_slice(&answered.stdout).expect(&told);
    assert_eq!(answer["outcome"], "unique", "{answer:#}");
    let whole = answer.to_string();
    assert!(whole.contains("alice") && !whole.contains("mallory"), "{answer:#}");
}

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("-v").output().is_ok();
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

/// A program that runs, and is gone with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tadoru(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.arg("--data").arg(folder.join("data")).arg("--config").arg(folder.join("tadoru.toml"));
    command
}

/// Serves, and tells where it listens for accounting.
fn serve(folder: &Path) -> (Running, String) {
    let config = "[api]\nlisten = \"127.0.0.1:0\"\n\n[sources.radius]\nlisten = [\"127.0.0.1:0\"]\n\n\
                  [[sources.radius.nas]]\nfrom = \"127.0.0.0/8\"\nsecret = \"s3cret\"\nname = \"bras-1\"\n";
    std::fs::write(folder.join("tadoru.toml"), config).unwrap();
    let mut command = tadoru(folder);
    let mut child = command.arg("serve").env("TADORU_LOG", "info").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let desk = Running(child);
    let mut at = String::new();
    for line in lines.by_ref() {
        if let Some((_, told)) = line.split_once("RADIUS accounting on ") {
            told.trim().clone_into(&mut at);
        }
        if line.contains("API on") {
            break;
        }
    }
    assert!(!at.is_empty(), "the desk did not start");
    // It must not stop because nobody reads what it says.
    std::thread::spawn(move || lines.for_each(drop));
    (desk, at)
}

/// Sends one accounting request; whether it was answered.
fn radclient(at: &str, secret: &str, record: &str) -> bool {
    let mut command = Command::new("radclient");
    command.args(["-r", "1", "-t", "2", at, "acct", secret]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = piped.unwrap();
    child.stdin.take().unwrap().write_all(record.as_bytes()).unwrap();
    child.wait().unwrap().success()
}
