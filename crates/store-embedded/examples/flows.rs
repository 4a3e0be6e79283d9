//! Loads the reference workload's raw rows into a flow store, and asks the reference questions.
//! `flows load DIR RAW`, `flows ask DIR ADDRESS`: one JSON line each, seconds and results.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a program that measures"
)]

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use tadoru_gate::journal::Options;
use tadoru_gate::{Gate, Packs};
use tadoru_model::{Flow, Flows as Batch, Prefix, Span, UtcMicros};
use tadoru_store::assignments::SpoolMark;
use tadoru_store::filter::Filter;
use tadoru_store::flows::contract::Permits;
use tadoru_store::flows::{Flows, Ground, Key, Measure, Question};
use tadoru_store_embedded::flows::{FlowStore, Settings};
use tadoru_store_embedded::folder::Folder;

const NOW: UtcMicros = UtcMicros(1_795_000_000_000_000);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let dir = Path::new(&args[2]);
    std::fs::create_dir_all(dir).unwrap();
    let options = Options { publish_every: Duration::from_secs(3_600), ..Options::new("gate.example") };
    let (gate, _) = Gate::open(&dir.join("gate"), Packs::shipped().unwrap(), &options, NOW).unwrap();
    let permits = Permits::of(&gate, NOW);
    let number = |name: &str, other: u64| std::env::var(name).map_or(other, |v| v.parse().unwrap());
    let settings = Settings {
        inside: vec![Prefix::covering("10.0.0.0".parse().unwrap(), 8).unwrap()],
        slice_rows: number("SLICE", 1 << 20) as usize,
        ..Settings::default()
    };
    let folder = Folder::open(&dir.join("data")).unwrap();
    let began = Instant::now();
    let (store, opened) = FlowStore::open(&folder, settings).unwrap();
    let opening = began.elapsed().as_secs_f64();
    if args[1] == "load" {
        let cpu = cpu_s();
        let mut file = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(&args[3]).unwrap());
        let (mut n, mut row, mut parse) = (0_u64, [0_u8; 64], 0.0);
        loop {
            let t = cpu_s();
            let mut batch = Batch::with_capacity(65_536);
            while batch.rows() < 65_536 && file.read_exact(&mut row).is_ok() {
                batch.push(flow(&row));
            }
            parse += cpu_s() - t;
            if batch.is_empty() {
                break;
            }
            n += batch.rows() as u64;
            store.keep(&permits.store, &batch).unwrap();
            store.commit(&permits.store, SpoolMark(n)).unwrap();
        }
        store.flush(&permits.store).unwrap();
        let wrote = cpu_s() - cpu - parse;
        let state = store.state();
        let t = cpu_s();
        let hours = store.compact(&permits.store, NOW).unwrap();
        let joined = cpu_s() - t;
        let after = store.state();
        println!(
            r#"{{"step":"load","flows":{n},"bytes_per_flow":{:.2},"compacted_bytes_per_flow":{:.2},"files":{},"hours_compacted":{hours},"files_after":{},"cpu_s_per_million":{:.3},"compact_cpu_s_per_million":{:.3},"seconds":{:.1}}}"#,
            state.bytes as f64 / n as f64,
            after.bytes as f64 / n as f64,
            state.files,
            after.files,
            wrote / n as f64 * 1e6,
            joined / n as f64 * 1e6,
            began.elapsed().as_secs_f64()
        );
        return;
    }
    println!(r#"{{"step":"open","seconds":{opening:.4},"foreign":{}}}"#, opened.foreign.len());
    let ask = |text: &str, span| Question { filter: Filter::parse(text).unwrap(), span };
    let base = 1_760_000_000_000_000;
    let case = Ground::Case(&permits.learn);
    let ten = Span::new(UtcMicros(base + 1_200_000_000), UtcMicros(base + 1_800_000_001));
    let time = |q: &str, run: &dyn Fn() -> String| {
        let mut walls = Vec::new();
        let mut result = String::new();
        for _ in 0..number("RUNS", 4) {
            let t = Instant::now();
            result = run();
            walls.push(t.elapsed().as_secs_f64());
        }
        let cold = walls.remove(0);
        walls.sort_by(f64::total_cmp);
        let median = walls[walls.len() / 2];
        println!(
            r#"{{"engine":"tadoru","q":"{q}","wall":[{:.4},{median:.4},{:.4}],"first":{cold:.4},"result":"{result}"}}"#,
            walls[0],
            walls[walls.len() - 1]
        );
    };
    let totals = |question: &Question| {
        let sums = permits.open(store.totals(case, question).unwrap());
        format!("{} {} {}", sums.records, sums.bytes, sums.packets)
    };
    let address = ask(&format!("host {}", args[3]), None);
    time("a", &|| totals(&address));
    if let Some(peer) = args.get(4) {
        let peer = ask(&format!("host {peer}"), None);
        time("a-peer", &|| totals(&peer));
        time("a-peer-rows", &|| {
            format!("{}", permits.open(store.find(&permits.learn, &peer, 100_000).unwrap()).flows.rows())
        });
    }
    time("a-rows", &|| {
        format!("{}", permits.open(store.find(&permits.learn, &address, 100_000).unwrap()).flows.rows())
    });
    time("b", &|| {
        let top = permits.open(store.top(case, &ask("any", None), Key::DstAddr, Measure::Bytes, 20).unwrap());
        let first = top[0];
        let tadoru_store::flows::KeyValue::Address(addr) = first.key else { panic!() };
        format!("{addr} {} {} {}", first.sums.bytes, first.sums.packets, first.sums.records)
    });
    time("c", &|| totals(&ask("dst port 53", Some(ten))));
    time("series", &|| {
        format!("{}", permits.open(store.series(case, &ask("any", None), 60_000_000).unwrap()).len())
    });
}

fn flow(row: &[u8; 64]) -> Flow {
    let u64_at = |at: usize| u64::from_le_bytes(row[at..at + 8].try_into().unwrap());
    let u32_at = |at: usize| u32::from_le_bytes(row[at..at + 4].try_into().unwrap());
    let u16_at = |at: usize| u16::from_le_bytes(row[at..at + 2].try_into().unwrap());
    let mapped = |v4: u32| 0xffff_0000_0000 | u128::from(v4);
    Flow {
        first_us: u64_at(0) as i64 * 1_000,
        last_us: u64_at(8) as i64 * 1_000,
        received_us: u64_at(8) as i64 * 1_000,
        exporter: mapped(0x7f00_0001),
        domain: 1,
        ip: 4,
        src: mapped(u32_at(16)),
        dst: mapped(u32_at(20)),
        next_hop: mapped(u32_at(24)),
        input: u32_at(28),
        output: u32_at(32),
        packets: u32_at(36).into(),
        bytes: u32_at(40).into(),
        src_as: u32_at(44),
        dst_as: u32_at(48),
        src_port: u16_at(52),
        dst_port: u16_at(54),
        proto: row[56],
        tcp_flags: row[57],
        tos: row[58],
        direction: row[59],
        src_mask: row[60],
        dst_mask: row[61],
        flows: 1,
        sampling: 1_000,
        ..Flow::default()
    }
}

fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
