//! Speed, memory and silence of detection: `cargo bench -p tadoru-detect [-- speed|day]`.
//!
//! `speed`: a million active destinations of both families, then the same with a flood from random sources; printed are
//! flows in a second of CPU through the step, and memory. `day`: twenty-four simulated hours of ordinary traffic with
//! a flash crowd, backups and speed tests, in which nothing may be found, and then a flood that must be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench fails loudly"
)]

use std::time::Instant;

use tadoru_detect::{Detector, Settings, Tables, World};
use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows, UtcMicros};

fn main() {
    let what: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let all = what.is_empty();
    if all || what.iter().any(|word| word == "speed") {
        speed();
    }
    if all || what.iter().any(|word| word == "day") {
        day();
    }
}

fn detector() -> Detector {
    let own = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap()).to_vec();
    Detector::new(Settings::default(), World::new(Tables { own, ..Tables::default() }), 0x5eed)
}

// ---------------------------------------------------------------------------------------------- Speed

fn speed() {
    let mut dice = Dice(7);
    let mut detector = detector();
    for (name, flood) in [("a million destinations", 0), ("the same and a flood from random sources", 50)] {
        // Half a minute of 100,000 flows a second, in batches of a tenth of a second.
        let batches: Vec<Flows> = (0..30).map(|_| busy(&mut dice, flood)).collect();
        let (mut rows, mut taken) = (0, 0.0);
        let mut found = 0;
        for tick in 0..300_i64 {
            let now = START + (tick + i64::from(flood > 0) * 300) * 100_000;
            let mut batch = batches[tick as usize % 30].clone();
            for row in 0..batch.rows() {
                batch.received_us[row] = now;
                batch.last_us[row] += now;
                batch.first_us[row] += now;
            }
            let begin = cpu_s();
            found += detector.step(UtcMicros(now), &batch).len();
            taken += cpu_s() - begin;
            rows += batch.rows();
        }
        let counters = detector.counters();
        println!(
            "{name}: {:.2} million flows in a second of CPU, {} targets watched, {} MiB kept (resident {} MiB), {found} findings",
            rows as f64 / taken / 1e6,
            counters.watched,
            counters.octets >> 20,
            resident_mib(),
        );
    }
}

/// A tenth of a second: 10,000 flows to a million destinations; of a hundred, `flood` to one.
fn busy(dice: &mut Dice, flood: u64) -> Flows {
    let mut batch = Flows::with_capacity(10_000);
    for _ in 0..10_000 {
        let flooded = dice.below(100) < flood;
        let (ip, dst) = match (flooded, dice.below(4)) {
            (true, _) => (4, 0xffff_0a00_0001),
            (_, 0) => (6, 0x2001_0db8 << 96 | u128::from(dice.below(250_000)) << 64 | 1),
            _ => (4, 0xffff_0a00_0000 + u128::from(dice.below(750_000))),
        };
        let src = 0xffff_0000_0000 | u128::from(dice.next() as u32);
        let life = if flooded { 0 } else { dice.below(60_000_000) as i64 };
        let udp = flooded || dice.below(4) == 0;
        let packets = if flooded { 1 } else { 1 + dice.below(100) };
        batch.push(Flow {
            first_us: -life,
            exporter: to_bits("192.0.2.1".parse().unwrap()),
            ip,
            src,
            dst,
            src_port: if udp && !flooded { 443 } else { dice.next() as u16 },
            dst_port: if flooded { 80 } else { 1024 + dice.below(60_000) as u16 },
            proto: if udp { 17 } else { 6 },
            tcp_flags: if udp { 0 } else { 0x18 },
            packets,
            bytes: packets * 700,
            flows: 1,
            sampling: 1,
            input: 1,
            ..Flow::default()
        });
    }
    batch
}

/// CPU time of this process, seconds: the machine may be busy with other things.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
        >> 10
}

// ---------------------------------------------------------------------------------------------- A day

fn day() {
    let (mut detector, mut dice) = (detector(), Dice(11));
    let (mut flows, begin) = (0, Instant::now());
    let mut found = Vec::new();
    for second in 0..86_400 {
        let mut batch = Flows::default();
        let now = START + second * 1_000_000;
        ordinary(second, now, &mut dice, &mut batch);
        flows += batch.rows();
        found.extend(detector.step(UtcMicros(now), &batch));
    }
    println!(
        "a day of {flows} flows with a flash crowd, backups and speed tests: {} findings, {:.0} s",
        found.len(),
        begin.elapsed().as_secs_f64()
    );
    for finding in &found {
        println!("  false: {finding:?}: {}", finding.why.join("; "));
    }
    let mut told = None;
    for tick in 1..=30 {
        let now = START + 86_400_000_000 + tick * 100_000;
        let mut batch = Flows::default();
        for _ in 0..400 {
            let src = 0xffff_0000_0000 | u128::from(dice.next() as u32);
            batch.push(Flow { src, packets: 6, bytes: 1200, dst: host(77), ..udp(now, 0, 9999, 80) });
        }
        let finding = detector.step(UtcMicros(now), &batch).into_iter().next();
        told = told.or(finding.map(|finding| (tick, finding)));
    }
    let (tick, finding) = told.expect("a flood at 1.2 times the threshold was not found");
    println!(
        "a flood at 1.2 times the threshold behind it: found after {:.1} s: {finding:?}",
        tick as f64 / 10.0
    );
    assert!(found.is_empty(), "false alarms");
}

/// One second of a network of some thousand customers.
fn ordinary(second: i64, now: i64, dice: &mut Dice, out: &mut Flows) {
    // Twice as much in the evening as at night.
    let tide = 1.5 + 0.5 * ((second as f64 / 86_400.0 - 0.6) * std::f64::consts::TAU).cos();
    for _ in 0..(60.0 * tide) as u64 {
        let customer = host(1000 + dice.below(4000) as u32);
        let life = dice.below(60_000_000) as i64;
        let packets = 5 + dice.below(3000);
        let web = Flow {
            dst: customer,
            packets,
            bytes: packets * 900,
            tcp_flags: 0x1b,
            ..udp(now, life, 443, 40_000)
        };
        if dice.below(3) == 0 {
            both(web, 0.15, dice, out);
        } else {
            both(Flow { proto: 6, ..web }, 0.4, dice, out);
        }
    }
    // Names, time, pings.
    for (port, packets) in [(53, 1), (123, 1), (53, 2)] {
        both(
            Flow { dst: host(53), packets, bytes: packets * 300, ..udp(now, 0, port, 50_000) },
            1.0,
            dice,
            out,
        );
    }
    let ping = Flow {
        proto: 1,
        src_port: 0,
        dst_port: 0x0800,
        dst: host(80),
        packets: 2,
        bytes: 168,
        ..udp(now, 0, 0, 0)
    };
    out.push(ping);
    match second {
        // A flash crowd: ten minutes of growth, up to 4,000 new connections a second from 300,000 people.
        36_000..39_600 => {
            let crowd = ((second - 36_000) as f64 / 600.0).min(1.0);
            for _ in 0..(400.0 * crowd) as u64 {
                // Told of in aggregates of ten, as some collectors do.
                let packets = (6 + dice.below(20)) * 10;
                let src = 0xffff_5000_0000 + u128::from(dice.below(300_000)) * 977;
                let visit = Flow {
                    proto: 6,
                    tcp_flags: 0x1b,
                    src,
                    dst: host(80),
                    packets,
                    bytes: packets * (80 + dice.below(300)),
                    flows: 10,
                    ..udp(now, 900_000, 40_000, 443)
                };
                let reply = Flow {
                    src: visit.dst,
                    dst: src,
                    src_port: 443,
                    dst_port: 40_000,
                    packets: packets * 2,
                    bytes: packets * 2400,
                    ..visit
                };
                out.push(visit);
                out.push(reply);
            }
            // Some come in vain and try again.
            for _ in 0..(30.0 * crowd) as u64 {
                let src = 0xffff_5000_0000 + u128::from(dice.below(300_000)) * 977;
                out.push(Flow {
                    proto: 6,
                    tcp_flags: 2,
                    src,
                    dst: host(80),
                    packets: 2,
                    bytes: 120,
                    ..udp(now, 0, 40_000, 443)
                });
            }
        }
        // Backups at night: two servers of a customer receive 2 Gbit/s by TCP and 1 Gbit/s by UDP, a minute a record.
        7_200..10_800 if second % 60 == 0 => {
            let tcp = Flow {
                proto: 6,
                tcp_flags: 0x18,
                dst: host(90),
                packets: 10_000_000,
                bytes: 15_000_000_000,
                ..udp(now, 60_000_000, 50_000, 873)
            };
            both(tcp, 0.05, dice, out);
            let udp = Flow {
                dst: host(91),
                packets: 5_400_000,
                bytes: 7_500_000_000,
                ..udp(now, 60_000_000, 33_001, 33_001)
            };
            both(udp, 0.02, dice, out);
        }
        _ => {}
    }
    // Speed tests, four an hour: eight TCP connections at 2 Gbit/s, or one UDP stream at 1 Gbit/s, told of every second.
    match second % 900 {
        0..15 => {
            for port in 0..8 {
                let tcp = Flow {
                    proto: 6,
                    tcp_flags: 0x18,
                    src: 0xffff_5801_0202,
                    dst: host(2000),
                    packets: 21_000,
                    bytes: 31_000_000,
                    ..udp(now, 1_000_000, 8080, 50_000 + port)
                };
                both(tcp, 0.3, dice, out);
            }
        }
        450..465 => {
            let udp = Flow {
                src: 0xffff_5801_0203,
                dst: host(2001),
                packets: 86_000,
                bytes: 125_000_000,
                ..udp(now, 1_000_000, 5201, 50_001)
            };
            both(udp, 0.01, dice, out);
        }
        _ => {}
    }
}

fn both(flow: Flow, reply: f64, dice: &mut Dice, out: &mut Flows) {
    let src = if flow.src == 0 { 0xffff_5800_0000 + u128::from(dice.below(5000)) * 4099 } else { flow.src };
    let packets = ((flow.packets as f64 * reply) as u64).max(1);
    out.push(Flow { src, ..flow });
    out.push(Flow {
        src: flow.dst,
        dst: src,
        src_port: flow.dst_port,
        dst_port: flow.src_port,
        packets,
        bytes: packets * 60,
        ..flow
    });
}

fn udp(now: i64, life: i64, src_port: u16, dst_port: u16) -> Flow {
    Flow {
        first_us: now - life,
        last_us: now,
        received_us: now,
        exporter: to_bits("192.0.2.1".parse().unwrap()),
        ip: 4,
        src_port,
        dst_port,
        proto: 17,
        flows: 1,
        sampling: 1,
        input: 1,
        ..Flow::default()
    }
}

fn host(row: u32) -> u128 {
    0xffff_0a00_0000 + u128::from(row)
}

/// A generator with a fixed beginning (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// 2026-11-21 00:00 UTC.
const START: i64 = 1_795_219_200_000_000;
