//! Findings in metered flows: `meter CAPTURE | cargo run -p tadoru-detect --example trial -- SCALE [own=PREFIX]…`.
//!
//! What comes in: lines as the example `meter` of the sources writes them. What goes out: a line for each finding: when
//! (microseconds), id, state, vectors, scope, targets, direction, sureness, sources, verdict on them, peak packets/s and
//! bit/s, why. SCALE multiplies every threshold: 1 for an operator's network, 0.01 for a lab.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an example fails loudly"
)]

use std::io::BufRead;
use std::net::IpAddr;

use tadoru_detect::{Detector, Scanners, Settings, Tables, World};
use tadoru_model::flow::to_bits;
use tadoru_model::{Finding, Flow, Flows, Scope, UtcMicros};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let scale: f64 = arguments.next().expect("scale").parse().expect("scale");
    let own = arguments.map(|word| word.strip_prefix("own=").expect("own=PREFIX").parse().expect("prefix"));
    let tables = Tables { own: own.collect(), ..Tables::default() };
    let mut settings = Settings::default().scaled(scale);
    settings.scans.of = Scanners::Everybody;
    let mut detector = Detector::new(settings, World::new(tables), 0x5eed);
    let (mut batch, mut until) = (Flows::default(), None);
    let mut now = UtcMicros(0);
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(',').collect();
        let number = |at: usize| words[at].parse::<i64>().unwrap();
        let address = |at: usize| words[at].parse::<IpAddr>().unwrap();
        // One batch for each tenth of a second of export.
        if number(0) >= *until.get_or_insert(number(0) + 100_000) {
            print(&detector.step(now, &batch));
            batch.clear();
            until = Some(number(0) + 100_000);
        }
        now = UtcMicros(number(0));
        batch.push(Flow {
            received_us: number(0),
            first_us: number(1),
            last_us: number(2),
            ip: if address(3).is_ipv4() { 4 } else { 6 },
            src: to_bits(address(3)),
            dst: to_bits(address(4)),
            src_port: number(5) as u16,
            dst_port: number(6) as u16,
            proto: number(7) as u8,
            tcp_flags: number(8) as u8,
            packets: number(9) as u64,
            bytes: number(10) as u64,
            flows: 1,
            sampling: 1,
            ..Flow::default()
        });
    }
    print(&detector.step(now, &batch));
    print(&detector.tick(now.plus(600_000_000)));
}

fn print(findings: &[Finding]) {
    for finding in findings {
        let vectors: Vec<String> = finding.vectors.iter().map(|rate| rate.vector.to_string()).collect();
        let targets: Vec<String> = finding.targets.iter().map(|target| text(&target.scope)).collect();
        println!(
            "{}\t{}\t{:?}\t{}\t{}\t{}\t{:?}\t{:?}\t{}\t{:?}\t{:.0}\t{:.0}\t{}",
            finding.at.0,
            finding.id,
            finding.state,
            vectors.join(","),
            text(&finding.scope),
            targets.join(","),
            finding.direction,
            finding.sure,
            finding.sources.count,
            finding.sources.spoofing.verdict,
            finding.peak.rate.packets_per_s,
            finding.peak.rate.bits_per_s,
            finding.why.join("; "),
        );
    }
}

fn text(scope: &Scope) -> String {
    match scope {
        Scope::Host(addr) => addr.to_string(),
        Scope::Prefix(prefix) => prefix.to_string(),
        Scope::Customer(name) => name.clone(),
        Scope::Interface { exporter, index } => format!("{exporter}:{index}"),
        Scope::Network => "network".to_owned(),
    }
}
