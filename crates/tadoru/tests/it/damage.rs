//! A line of a followed lease file that cannot be read: no answer that it may have decided is unique.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

#[test]
fn a_damaged_line_of_a_followed_file_leaves_no_unique_answer_that_it_may_have_decided() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files: [PathBuf; 2] = ["one.csv", "two.csv"].map(|name| folder.join(name));
    let mut settings = "[api]\nlisten = \"127.0.0.1:0\"\n".to_owned();
    for (number, file) in (1..).zip(&files) {
        append(file, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,state\n");
        settings +=
            &format!("\n[[sources.follow]]\npath = {file:?}\nformat = \"kea4\"\nsource = \"kea-{number}\"\n");
    }
    std::fs::write(folder.join("tadoru.toml"), settings).unwrap();
    let _desk = Desk::start(folder);
    // Kea's times are whole seconds: the leases are to begin while the files are surely followed.
    std::thread::sleep(Duration::from_secs(3));
    append(&files[0], &lease("192.0.2.5"));
    append(&files[1], &lease("198.51.100.5"));
    for address in ["192.0.2.5", "198.51.100.5"] {
        let answer = when_decided(folder, address, now_s() + 1);
        assert_eq!(answer["outcome"], "unique", "{address} before the damage: {answer:#}");
    }

    // The address may have been given to another: nobody can read to whom, nor which one it was.
    append(&files[0], "192.0.2.5,02:00:5e:10:zz:99,,3600,not-a-time,1,0\n");
    wait(|| {
        let calendar = told(folder, &["coverage", "--json"]);
        let spans = calendar["spans"].as_array().unwrap();
        spans.iter().any(|span| span["source"] == "kea-1" && span["state"] == "lossy").then_some(())
    });
    let at = now_s() + 1;
    let answer = when_decided(folder, "198.51.100.5", at);
    assert_eq!(answer["outcome"], "unique", "the other server's file is whole: {answer:#}");
    let answer = who(folder, "192.0.2.5", at);
    assert_eq!(answer["outcome"], "ambiguous", "{answer:#}");
    assert!(answer["coverage"].to_string().contains("読めない記録があった"), "{answer:#}");
}

/// One lease from now on.
fn lease(address: &str) -> String {
    format!("{address},02:00:5e:10:00:01,,3600,{},1,0\n", now_s() + 3600)
}

fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn append(file: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// The answer, once the signs of life reach beyond the asked time.
fn when_decided(folder: &Path, address: &str, at: i64) -> Value {
    let since = Instant::now();
    loop {
        let answer = who(folder, address, at);
        if answer["outcome"] == "unique" || since.elapsed() > MOST {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Waits for a condition.
fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < MOST, "it did not come about");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Who had the address then?
fn who(folder: &Path, address: &str, at: i64) -> Value {
    let at = at.to_string();
    let question = ["who", address, "--at", &at, "--case", "K-1", "--purpose", "P-CLEAN", "--json"];
    told(
        folder,
        &[&question[..], &["--fact", "complaint.id=1", "--fact", "complaint.substantiated=yes"]].concat(),
    )
}

fn told(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_slice(&tadoru(folder).args(arguments).output().unwrap().stdout).unwrap()
}

fn tadoru(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.arg("--data").arg(folder.join("data")).arg("--config").arg(folder.join("tadoru.toml"));
    command
}

/// A desk that runs, and is gone with the test.
struct Desk(Child);

impl Desk {
    fn start(folder: &Path) -> Self {
        let mut command = tadoru(folder);
        command.arg("serve").env("TADORU_LOG", "info").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let desk = Self(child);
        assert!(lines.any(|line| line.contains("API on")), "the desk did not start");
        // It must not stop because nobody reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        desk
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long a slow machine may take.
const MOST: Duration = Duration::from_secs(120);
