//! Fifty million port-block assignments of one day: load, size, look-ups, memory.
//!
//! The workload is that of `bench/assignments/`: 4,096 public addresses with 126 blocks of 512 ports each, exponential
//! busy and idle times, 500,000 subscribers, in the order in which a gateway logs them (by release). `N` sets the rows,
//! `DAYS` spreads them over so many days, `BATCH` sets how many are put at once, `ROWS` names a file of rows to take in
//! their place, `DIR` says where the store goes. Prints one JSON line a figure. Not a timed test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark fails loudly"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tadoru_gate::journal::Options;
use tadoru_gate::keys::Vault;
use tadoru_gate::{Gate, Packs};
use tadoru_model::{
    Assignment, Edge, Holder, How, Identity, IdentityKind, PortRange, Prefix, Protocol, Realm, RecordKind,
    SourceName, Span, UtcMicros,
};
use tadoru_store::assignments::{Assignments, Holding, SpoolMark};
use tadoru_store::contract::Permits;
use tadoru_store_embedded::assignments::{SegmentStore, Settings};
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::folder::codec::Clock;
use tadoru_store_embedded::spool::{Record, Spool};

fn main() {
    let rows = number("N", 50_000_000);
    let days = number("DAYS", 1);
    let dir = std::env::var("DIR").unwrap_or_else(|_| "target/bench-assignments".to_owned());
    let dir = Path::new(&dir);
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
    let options = Options { publish_every: Duration::from_secs(3_600), ..Options::new("gate.example") };
    let (gate, _) = Gate::open(&dir.join("gate"), Packs::shipped().unwrap(), &options, NOW).unwrap();
    let permits = Permits::of(&gate, NOW);
    let vault = Vault::open(&dir.join("gate/keys")).unwrap();
    let clock: Clock = Arc::new(|| NOW);
    let open = || {
        let folder = Folder::open(&dir.join("data")).unwrap().inside("assignments").unwrap();
        let settings = Settings { fresh_rows: number("FRESH", 2 << 20) as usize, ..Settings::default() };
        SegmentStore::open(&folder, vault.clone(), Arc::clone(&clock), &permits.store, settings).unwrap().0
    };
    let mut asked = Vec::new();
    let store = open();
    let (mut busy, mut cpu, mut loaded) = (Duration::ZERO, 0.0, 0_u64);
    for day in 0..days {
        let log = match std::env::var("ROWS") {
            Ok(path) => read_rows(&path),
            Err(_) => generate(rows / days, day, 42 + day),
        };
        let pick = (rows / PICKED).max(1);
        for part in log.chunks(number("BATCH", BATCH) as usize) {
            let batch: Vec<Assignment> = part.iter().map(Slot::assignment).collect();
            asked.extend(
                part.iter()
                    .enumerate()
                    .filter(|(i, _)| (loaded + *i as u64).is_multiple_of(pick))
                    .map(|(_, s)| *s),
            );
            loaded += part.len() as u64;
            let (begin, used) = (Instant::now(), cpu_seconds());
            store.put(&permits.store, &batch).unwrap();
            busy += begin.elapsed();
            cpu += cpu_seconds() - used;
        }
        let (begin, used) = (Instant::now(), cpu_seconds());
        store.commit(&permits.store, SpoolMark(day + 1)).unwrap();
        busy += begin.elapsed();
        cpu += cpu_seconds() - used;
        if days > 1 {
            store.wait_for_merge();
            let bytes = disk(&dir.join("data"));
            println!(
                "{{\"what\":\"growth\",\"day\":{day},\"rows\":{loaded},\"segments\":{},\"bytes_row\":{:.2},\"rss_mib\":{}}}",
                store.segments(),
                bytes as f64 / loaded as f64,
                status("VmRSS") >> 10
            );
        }
    }
    let (bytes, rate) = (disk(&dir.join("data")), loaded as f64 / busy.as_secs_f64());
    println!(
        "{{\"what\":\"load\",\"rows\":{loaded},\"rows_s\":{rate:.0},\"wall_s\":{:.2},\"cpu_s\":{cpu:.2},\"bytes_row\":{:.2},\"segments\":{},\"peak_mib\":{}}}",
        busy.as_secs_f64(),
        bytes as f64 / loaded as f64,
        store.segments(),
        status("VmHWM") >> 10
    );
    let begin = Instant::now();
    loop {
        store.wait_for_merge();
        let before = store.segments();
        store.commit(&permits.store, SpoolMark(days + 1)).unwrap();
        store.wait_for_merge();
        if store.segments() == before {
            break;
        }
    }
    let bytes = disk(&dir.join("data"));
    println!(
        "{{\"what\":\"merge\",\"secs\":{:.2},\"segments\":{},\"bytes_row\":{:.2}}}",
        begin.elapsed().as_secs_f64(),
        store.segments(),
        bytes as f64 / loaded as f64
    );
    drop(store);
    let begin = Instant::now();
    let store = open();
    println!("{{\"what\":\"open\",\"ms\":{:.1}}}", begin.elapsed().as_secs_f64() * 1e3);
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let mut dice = Dice(7);
    for i in (1..asked.len()).rev() {
        asked.swap(i, (dice.roll() % (i as u64 + 1)) as usize);
    }
    let (singles, batch) = asked.split_at(2_000.min(asked.len()));
    let questions: Vec<(Holding, u64)> = singles.iter().map(|slot| slot.question(&mut dice)).collect();
    for round in 0..3 {
        let (mut times, mut wrong) = (Vec::new(), 0);
        let used = cpu_seconds();
        for (question, line) in &questions {
            let begin = Instant::now();
            let rows = store.holding(&permits.learn, question).unwrap();
            times.push(begin.elapsed().as_nanos() as u64);
            let rows = rows.into_open(&permits.learn, NOW).unwrap();
            wrong += usize::from(rows.rows.len() != 1 || rows.rows[0].holder != holder(*line));
        }
        let cpu = (cpu_seconds() - used) * 1e6 / times.len() as f64;
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        println!(
            "{{\"what\":\"single\",\"round\":{round},\"n\":{},\"p50_us\":{:.1},\"p99_us\":{:.1},\"max_us\":{:.1},\"cpu_us\":{cpu:.1},\"wrong\":{wrong}}}",
            times.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    let (questions, lines): (Vec<Holding>, Vec<u64>) =
        batch.iter().take(100_000).map(|slot| slot.question(&mut dice)).unzip();
    for round in 0..number("ROUNDS", 3) {
        let (begin, used) = (Instant::now(), cpu_seconds());
        let answers = store.holding_many(&permits.learn, &questions).unwrap();
        let (secs, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds() - used);
        let answers = answers.into_open(&permits.learn, NOW).unwrap();
        let wrong = answers
            .iter()
            .zip(&lines)
            .filter(|(rows, line)| rows.rows.len() != 1 || rows.rows[0].holder != holder(**line))
            .count();
        println!(
            "{{\"what\":\"batch\",\"round\":{round},\"n\":{},\"lookups_s\":{:.0},\"cpu_s\":{cpu:.3},\"wrong\":{wrong}}}",
            questions.len(),
            questions.len() as f64 / secs
        );
    }
    spool(dir, &vault, &clock, &permits);
    println!(
        "{{\"what\":\"memory\",\"peak_mib\":{},\"rss_mib\":{}}}",
        status("VmHWM") >> 10,
        status("VmRSS") >> 10
    );
}

/// Small records, durable in batches of 100 by two threads.
fn spool(dir: &Path, vault: &Vault, clock: &Clock, permits: &Permits) {
    let folder = Folder::open(&dir.join("raw")).unwrap();
    let (spool, _) =
        Spool::open(&folder, vault.clone(), Arc::clone(clock), &permits.store, Arc::from("assignment"))
            .unwrap();
    let source = SourceName::from("nas-1");
    let record = Record { source, arrived: NOW, bytes: vec![7; 200] };
    let records = vec![record; 100];
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    spool.append(&permits.store, &records).unwrap();
                }
            });
        }
    });
    println!("{{\"what\":\"spool\",\"records_s\":{:.0}}}", 100_000.0 / begin.elapsed().as_secs_f64());
}

/// One assignment of the workload: address and block, times in milliseconds, subscriber.
#[derive(Clone, Copy)]
struct Slot {
    block: u32,
    from: i64,
    until: i64,
    line: u64,
}

impl Slot {
    fn addr(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 + self.block / BLOCKS))
    }

    fn low(&self) -> u16 {
        1_024 + (self.block % BLOCKS) as u16 * 512
    }

    fn assignment(&self) -> Assignment {
        thread_local! {
            static NAMES: (Realm, Vec<SourceName>) =
                (Realm::untold(), (0..16).map(|n| SourceName::from(format!("gateway-{n:02}").as_str())).collect());
        }
        let (realm, source) =
            NAMES.with(|names| (names.0.clone(), names.1[(self.block / BLOCKS / 256) as usize % 16].clone()));
        Assignment {
            kind: RecordKind::NatBlock,
            realm,
            prefix: Prefix::host(self.addr()),
            ports: PortRange { low: self.low(), high: self.low() + 511 },
            proto: Protocol::ANY,
            remote: None,
            holder: holder(self.line),
            from: Edge::exact(UtcMicros(self.from * 1_000), How::Logged),
            until: Edge::exact(UtcMicros(self.until * 1_000), How::Logged),
            source,
            record: 0,
            corrected_us: 0,
            thread: 0,
        }
    }

    fn question(&self, dice: &mut Dice) -> (Holding, u64) {
        let at = self.from + (dice.roll() % (self.until - self.from) as u64) as i64;
        let holding = Holding {
            realm: Realm::untold(),
            addr: self.addr(),
            port: Some(self.low() + (dice.roll() % 512) as u16),
            proto: Protocol::ANY,
            span: Span::around(UtcMicros(at * 1_000), 0),
        };
        (holding, self.line)
    }
}

fn holder(line: u64) -> Holder {
    Holder::Line(vec![Identity::new(IdentityKind::Contract, format!("{line:016x}"))])
}

/// Rows that another program made: 32 bytes each, little-endian: address u32, lowest port u16, two bytes unused, beginning
/// and end in milliseconds i64, subscriber u64.
fn read_rows(path: &str) -> Vec<Slot> {
    let bytes = std::fs::read(path).unwrap();
    let number = |row: &[u8], at: usize| u64::from_le_bytes(row[at..at + 8].try_into().unwrap());
    bytes
        .chunks_exact(32)
        .map(|row| {
            let head = number(row, 0);
            let (addr, low) = (head as u32, (head >> 32) as u16);
            Slot {
                block: (addr - 0xc612_0000) * BLOCKS + u32::from((low - 1_024) / 512),
                from: number(row, 8) as i64,
                until: number(row, 16) as i64,
                line: number(row, 24),
            }
        })
        .collect()
}

/// The rows of one day, by release.
fn generate(rows: u64, day: u64, seed: u64) -> Vec<Slot> {
    let mut dice = Dice(seed);
    let blocks = u64::from(ADDRESSES * BLOCKS);
    let start = 1_760_000_000_000 + day as i64 * DAY_MS;
    let mut log = Vec::with_capacity(rows as usize);
    for block in 0..blocks {
        let count = (rows / blocks + u64::from(block < rows % blocks)) as usize;
        let mut edges = Vec::with_capacity(count * 2 + 1);
        let mut sum = 0.0;
        for i in 0..count * 2 + 1 {
            sum += -(1.0 - dice.unit()).ln() * if i % 2 == 0 { 0.35 } else { 1.0 };
            edges.push(sum);
        }
        for pair in edges.chunks_exact(2) {
            let at = |edge: f64| start + (edge / sum * (DAY_MS - 1) as f64) as i64;
            let from = at(pair[0]);
            let line = 0x5a00_0000_0000_0000 + dice.roll() % SUBSCRIBERS * 0x9e37_79b1;
            log.push(Slot { block: block as u32, from, until: at(pair[1]).max(from + 1), line });
        }
    }
    log.sort_unstable_by_key(|slot| slot.until);
    log
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn number(name: &str, other: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(other)
}

fn disk(dir: &Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { disk(&path) } else { path.metadata().map_or(0, |m| m.len()) }
        })
        .sum()
}

/// KiB of a line of `/proc/self/status`.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// CPU seconds of the process, all threads.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

const NOW: UtcMicros = UtcMicros::from_seconds(1_795_223_703);
const ADDRESSES: u32 = 4_096;
const BLOCKS: u32 = 126;
const SUBSCRIBERS: u64 = 500_000;
const DAY_MS: i64 = 86_400_000;
const BATCH: u64 = 1 << 16;
const PICKED: u64 = 110_000;
