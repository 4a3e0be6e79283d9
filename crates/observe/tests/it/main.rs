//! What only a whole process shows: an accounting server that is killed loses nothing that it has answered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tadoru_model::Realm;
use tadoru_model::observation::Observed;
use tadoru_observe::radius::{Config, Nas, Secret, Server};
use tadoru_observe::{Decoder, Receipt, Spool, SpoolError, SpoolRecord};
use tadoru_wire::radius::{Code, Packet, Proof, Writer};

/// A file, each record behind its length, synced after each batch.
struct InFile(Mutex<File>);

impl Spool for InFile {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        let mut octets = Vec::new();
        for record in batch {
            let at = octets.len();
            octets.extend([0; 4]);
            record.write(&mut octets);
            let len = u32::try_from(octets.len() - at - 4).unwrap();
            octets[at..at + 4].copy_from_slice(&len.to_be_bytes());
        }
        let mut file = self.0.lock().unwrap();
        file.write_all(&octets).and_then(|()| file.sync_data()).map_err(SpoolError::Failed)?;
        Ok(Receipt { first: 0, next: batch.len() as u64 })
    }
}

/// Every record that is whole in a spool's file.
fn spooled(octets: &[u8]) -> Vec<SpoolRecord> {
    let mut records = Vec::new();
    let mut rest = octets;
    while let Some((len, behind)) = rest.split_first_chunk() {
        let Some((record, behind)) = behind.split_at_checked(u32::from_be_bytes(*len) as usize) else {
            break;
        };
        records.push(SpoolRecord::read(record).expect("a record that is whole is read"));
        rest = behind;
    }
    records
}

/// Serves when it is the child of the test below; is nothing otherwise.
#[test]
fn a_server_for_the_test_that_kills_it() {
    let Ok(path) = std::env::var("TADORU_TEST_SPOOL") else { return };
    let file = File::options().append(true).create(true).open(path).unwrap();
    let nas = Nas {
        prefixes: Vec::new(),
        from: "127.0.0.1".parse().unwrap(),
        secret: Secret::new(SECRET),
        name: None,
        realm: Realm::untold(),
    };
    let config = Config { listen: vec!["127.0.0.1:0".parse().unwrap()], nas: vec![nas], ..Config::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listening = Server::new(config, Arc::new(InFile(Mutex::new(file)))).unwrap().listen().unwrap();
        println!("listens on {}", listening.addresses()[0]);
        let (_stop, shutdown) = tokio::sync::watch::channel(false);
        listening.run(shutdown).await;
    });
}

#[test]
fn nothing_that_was_answered_is_lost_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let mut answered = Vec::new();
    for run in 0..3_u8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_server_for_the_test_that_kills_it", "--nocapture"])
            .env("TADORU_TEST_SPOOL", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addr = lines
            .find_map(|line| Some(line.unwrap().split_once("listens on ")?.1.to_owned()))
            .expect("the child says where it listens");
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(addr).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let session = |n: u8| format!("s-{run}-{n}");
        for n in 0..200 {
            client.send(&request(n, &session(n))).unwrap();
        }
        let mut buffer = [0; 4096];
        for _ in 0..50 + usize::from(run) * 40 {
            let len = client.recv(&mut buffer).unwrap();
            answered.push(session(Packet::parse(&buffer[..len]).unwrap().identifier()));
        }
        // SIGKILL, in the middle of it.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let octets = std::fs::read(&path).unwrap();
    let records = spooled(&octets);
    let decode = || {
        let mut decoder = Decoder::default();
        let steps = records.iter().zip(0..).map(|(record, number)| decoder.step(number, record).observations);
        steps.flatten().collect::<Vec<_>>()
    };
    let observations = decode();
    assert_eq!(observations, decode(), "decoding again gives the same");
    let mut sessions = Vec::new();
    for observation in &observations {
        if let Observed::Session(event) = &observation.what {
            sessions.push(event.session.clone());
        }
    }
    for session in &answered {
        assert!(sessions.contains(session), "an answered record is in the spool");
    }
    assert!(answered.len() >= 200);
}

fn request(identifier: u8, session: &str) -> Vec<u8> {
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, identifier);
    writer.raw(40, &1_u32.to_be_bytes()).unwrap();
    writer.raw(44, session.as_bytes()).unwrap();
    writer.raw(32, b"bras-1").unwrap();
    writer.raw(8, &[192, 0, 2, 5]).unwrap();
    writer.request(SECRET.as_bytes(), Proof::Authenticator).unwrap()
}

const SECRET: &str = "not-a-real-secret";
