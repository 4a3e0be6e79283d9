//! Durable acknowledgements of RADIUS accounting over loopback: `cargo bench -p tadoru-observe --bench radius`.
//!
//! The server runs in this process, with a spool that writes and syncs a file before each batch is answered; a child
//! process sends, and sends again what was not answered. Printed: acknowledgements a second of wall time and of this
//! process's CPU time, and the records of a batch.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench fails loudly"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tadoru_model::Realm;
use tadoru_observe::radius::{Config, Nas, Secret, Server};
use tadoru_observe::{Receipt, Spool, SpoolError, SpoolRecord};
use tadoru_wire::radius::{Code, Proof, Writer};

/// A file that is synced after each batch.
struct Synced(Mutex<(File, Vec<u8>, u64, u64)>);

impl Spool for Synced {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        let (file, octets, next, batches) = &mut *self.0.lock().unwrap();
        octets.clear();
        batch.iter().for_each(|record| record.write(octets));
        file.write_all(octets).and_then(|()| file.sync_data()).map_err(SpoolError::Failed)?;
        let first = *next;
        *next += batch.len() as u64;
        *batches += 1;
        Ok(Receipt { first, next: *next })
    }
}

fn main() {
    if let Ok(server) = std::env::var("TADORU_BENCH_SERVER") {
        return send(&server);
    }
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let file = File::create(folder.path().join("spool")).unwrap();
    let spool = Arc::new(Synced(Mutex::new((file, Vec::new(), 0, 0))));
    let nas = Nas {
        prefixes: Vec::new(),
        from: "127.0.0.1".parse().unwrap(),
        secret: Secret::new(SECRET),
        name: None,
        realm: Realm::untold(),
    };
    let config = Config { listen: vec!["127.0.0.1:0".parse().unwrap()], nas: vec![nas], ..Config::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    runtime.block_on(async {
        let server = Server::new(config, Arc::clone(&spool) as Arc<dyn Spool>).unwrap();
        let counters = server.counters();
        let listening = server.listen().unwrap();
        let addr = listening.addresses()[0].to_string();
        let (began, cpu) = (Instant::now(), cpu_seconds());
        let sender = std::thread::spawn(move || {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .env("TADORU_BENCH_SERVER", addr)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            lines.for_each(|line| println!("sender: {}", line.unwrap()));
            child.wait().unwrap();
            stop.send(true).unwrap();
        });
        listening.run(shutdown).await;
        sender.join().unwrap();
        let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let kept = counters.kept.get();
        let batches = spool.0.lock().unwrap().3;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let (count, batches) = (kept as f64, batches as f64);
        println!(
            "server: {kept} durable acknowledgements; {:.0} a second of wall time, {:.0} a second of CPU time; \
             {:.0} records a batch; {} retransmissions",
            count / wall,
            count / cpu,
            count / batches,
            counters.nas[0].again.get()
        );
    });
}

/// Sends rounds of requests from several ports, and waits for all answers of a round.
fn send(server: &str) {
    let sockets: Vec<UdpSocket> = (0..PORTS)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(server).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            socket
        })
        .collect();
    let began = Instant::now();
    let mut answered = 0_u64;
    let mut buffer = [0; 4096];
    while began.elapsed() < Duration::from_secs(10) {
        let requests: Vec<Vec<u8>> = (0..IDENTIFIERS).map(|id| request(id, answered)).collect();
        for socket in &sockets {
            requests.iter().for_each(|octets| drop(socket.send(octets)));
        }
        for socket in &sockets {
            let mut waiting = [true; IDENTIFIERS as usize];
            while waiting.contains(&true) {
                match socket.recv(&mut buffer) {
                    Ok(_) => waiting[usize::from(buffer[1])] = false,
                    Err(_) => {
                        let again = requests.iter().zip(waiting).filter(|(_, waits)| *waits);
                        again.for_each(|(octets, _)| drop(socket.send(octets)));
                    }
                }
            }
            answered += u64::from(IDENTIFIERS);
        }
    }
    println!("{answered} answered in {:.1} s", began.elapsed().as_secs_f64());
}

/// A Start of usual size.
fn request(identifier: u8, round: u64) -> Vec<u8> {
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, identifier);
    for (kind, octets) in [
        (40, 1_u32.to_be_bytes().to_vec()),
        (44, format!("{round:016x}{identifier:02x}").into_bytes()),
        (1, b"ppp0027@example.ne.jp".to_vec()),
        (32, b"bras-tyo-1".to_vec()),
        (4, vec![192, 0, 2, 251]),
        (8, vec![100, 64, 9, 14]),
        (31, b"27-4B-CB-E1-64-31".to_vec()),
        (25, b"sub-ppp0027".to_vec()),
        (87, b"ge-0/0/1.85:100-485".to_vec()),
        (55, 1_795_290_510_u32.to_be_bytes().to_vec()),
        (41, 0_u32.to_be_bytes().to_vec()),
    ] {
        writer.raw(kind, &octets).unwrap();
    }
    writer.request(SECRET.as_bytes(), Proof::Authenticator).unwrap()
}

/// CPU time of this process so far, of all threads.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

const SECRET: &str = "not-a-real-secret";
const PORTS: usize = 8;
const IDENTIFIERS: u8 = 200;
