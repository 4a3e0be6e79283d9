//! The player of scenes.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tadoru_detect::{
    Customer, Detector, Interface, InterfaceRole, Route, Said, Scanners, Settings, Tables, World,
};
use tadoru_model::flow::to_bits;
use tadoru_model::{Finding, FindingId, FindingState, Flow, Flows, Prefix, Scope, UtcMicros};

/// Plays a scene and holds what was found against what it expects.
pub fn check(name: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = std::fs::read_to_string(format!("{root}/scenes/{name}.scene")).unwrap();
    let scene = Scene::parse(&text);
    let told = scene.play();
    let mut wrong = Vec::new();
    let mut known: BTreeMap<FindingId, bool> = told.iter().map(|finding| (finding.id, false)).collect();
    for expected in &scene.expected {
        let mut found = told.iter().filter(|finding| expected.names(finding));
        let Some(first) = found.next() else {
            wrong.push(format!("missed: {}", expected.line));
            continue;
        };
        let after = (first.at.0 - START_US) as f64 / 1e6 - expected.after;
        let detail = found.chain([first]).any(|finding| expected.fits(finding));
        if !expected.within.contains(&after) {
            wrong.push(format!("{after:.1} s after: {}", expected.line));
        }
        if !detail {
            wrong.push(format!("otherwise: {}: {}", expected.line, shown(first)));
        }
        let ids = told.iter().filter(|finding| expected.names(finding)).map(|finding| finding.id);
        ids.for_each(|id| {
            known.insert(id, true);
        });
    }
    for (id, _) in known.iter().filter(|(_, expected)| !**expected) {
        let first = told.iter().find(|finding| finding.id == *id).unwrap();
        if !scene.allowed.contains(&first.vector.to_string()) {
            wrong.push(format!("false: {}", shown(first)));
        }
    }
    if let Some(count) = scene.incidents
        && count != known.len()
    {
        let ids: Vec<String> = told.iter().map(shown).collect();
        wrong.push(format!("{} incidents instead of {count}:\n  {}", known.len(), ids.join("\n  ")));
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

/// Everything about a finding that a scene may speak of.
fn shown(finding: &Finding) -> String {
    let states: Vec<String> = finding.targets.iter().map(|target| place(&target.scope)).collect();
    format!(
        "{:.1} s {} {:?} {} on {} {:?} {:?} {} sources {:?}, targets {}: {}",
        (finding.at.0 - START_US) as f64 / 1e6,
        finding.id,
        finding.state,
        finding.vector,
        place(&finding.scope),
        finding.direction,
        finding.sure,
        finding.sources.count,
        finding.sources.spoofing.verdict,
        states.join(" "),
        finding.why.join("; "),
    )
}

fn place(scope: &Scope) -> String {
    match scope {
        Scope::Host(addr) => addr.to_string(),
        Scope::Prefix(prefix) => prefix.to_string(),
        Scope::Customer(name) => name.clone(),
        Scope::Interface { exporter, index } => format!("{exporter}:{index}"),
        Scope::Network => "network".into(),
    }
}

struct Scene {
    settings: Settings,
    tables: Tables,
    sends: Vec<Send>,
    recorded: Option<String>,
    until: f64,
    expected: Vec<Expected>,
    allowed: Vec<String>,
    incidents: Option<usize>,
}

struct Expected {
    line: String,
    vector: String,
    target: String,
    after: f64,
    within: std::ops::RangeInclusive<f64>,
    also: Vec<(String, String)>,
}

impl Expected {
    fn names(&self, finding: &Finding) -> bool {
        let vector = finding.vectors.iter().any(|rate| rate.vector.to_string() == self.vector);
        let target = place(&finding.scope) == self.target
            || finding.targets.iter().any(|target| place(&target.scope) == self.target);
        vector && target
    }

    fn fits(&self, finding: &Finding) -> bool {
        self.also.iter().all(|(key, value)| match key.as_str() {
            "spoofing" => format!("{:?}", finding.sources.spoofing.verdict) == *value,
            "sure" => format!("{:?}", finding.sure) == *value,
            "direction" => format!("{:?}", finding.direction) == *value,
            "threshold" => format!("{:?}", finding.threshold.from) == *value,
            "state" => format!("{:?}", finding.state) == *value,
            "kpps" => near(finding.peak.rate.packets_per_s, value.parse::<f64>().unwrap() * 1000.0),
            // Seconds of the scene, to two seconds.
            "start" => (seconds(finding.start) - value.parse::<f64>().unwrap()).abs() <= 2.0,
            "last" => (seconds(finding.last) - value.parse::<f64>().unwrap()).abs() <= 2.0,
            "said" => finding
                .why
                .iter()
                .chain(&finding.wrong_if)
                .any(|text| Said::read(text).is_some_and(|said| said.sentence.code() == value)),
            "sources" => near(finding.sources.count as f64, value.parse().unwrap()),
            "targets" => finding.targets.len() == value.parse::<usize>().unwrap(),
            "ways" => finding.ingress.len() == value.parse::<usize>().unwrap(),
            "ended" => (finding.state == FindingState::Ended).to_string() == *value,
            "collateral" => finding.collateral.iter().any(|hit| place(&hit.scope) == *value),
            _ => panic!("no such key `{key}`"),
        })
    }
}

fn seconds(at: UtcMicros) -> f64 {
    (at.0 - START_US) as f64 / 1e6
}

fn near(found: f64, wanted: f64) -> bool {
    (found / wanted - 1.0).abs() < 0.25
}

/// Traffic between two instants.
#[derive(Clone)]
struct Send {
    from: f64,
    to: f64,
    every: f64,
    life: f64,
    pps: f64,
    ramp: bool,
    size: f64,
    records: f64,
    reply: f64,
    reply_flags: u8,
    src: Addresses,
    dst: Addresses,
    src_port: Port,
    dst_port: Port,
    proto: u8,
    flags: u8,
    sampling: u32,
    exporters: Vec<(IpAddr, u32)>,
}

#[derive(Clone, Copy)]
struct Addresses {
    base: Prefix,
    /// How many of them, 0 for all.
    count: u64,
}

#[derive(Clone, Copy)]
enum Port {
    One(u16),
    Random,
    Next,
}

impl Scene {
    fn parse(text: &str) -> Self {
        let mut scene = Self {
            settings: Settings::default(),
            tables: Tables::default(),
            sends: Vec::new(),
            recorded: None,
            until: 20.0,
            expected: Vec::new(),
            allowed: Vec::new(),
            incidents: None,
        };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |at: usize| words[at].parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            let address = |text: &str| text.parse::<IpAddr>().unwrap_or_else(|_| panic!("{line}"));
            match words[0] {
                "scale" => scene.settings = scene.settings.scaled(number(1)),
                "scans" => scene.settings.scans.of = Scanners::Everybody,
                "quiet" => scene.settings.quiet_us = (number(1) * 1e6) as i64,
                "until" => scene.until = number(1),
                "own" => {
                    scene.tables.own.extend(words[1..].iter().map(|text| text.parse::<Prefix>().unwrap()))
                }
                "router" => scene.tables.routers.push(address(words[1])),
                "customer" => scene.tables.customers.push(Customer {
                    name: words[1].into(),
                    class: words[2].into(),
                    prefixes: words[3..].iter().map(|text| text.parse().unwrap()).collect(),
                }),
                "interface" => scene.tables.interfaces.push(Interface {
                    exporter: address(words[1]),
                    index: number(2) as u32,
                    role: match words[3] {
                        "edge" => InterfaceRole::Edge,
                        "core" => InterfaceRole::Core,
                        _ => InterfaceRole::Customer,
                    },
                    neighbour_as: words.get(4).map_or(0, |text| text.parse().unwrap()),
                    sources: Vec::new(),
                }),
                "route" => scene.tables.routes.push(Route {
                    prefix: words[1].parse().unwrap(),
                    ingress: words[2..].iter().map(|text| way(text)).collect(),
                }),
                "flows" => scene.recorded = Some(words[1].into()),
                "send" => scene.sends.push(Send::parse(&words[1..])),
                "incidents" => scene.incidents = Some(number(1) as usize),
                "allow" => scene.allowed.extend(words[1..].iter().map(|text| (*text).to_owned())),
                // expect VECTOR on TARGET within SECONDS after SECONDS key=value …
                "expect" => scene.expected.push(Expected {
                    line: line.into(),
                    vector: words[1].into(),
                    target: words[3].into(),
                    within: 0.0..=number(5),
                    after: number(7),
                    also: words[8..].iter().map(|word| pair(word)).collect(),
                }),
                _ => panic!("no such line: {line}"),
            }
        }
        scene
    }

    fn play(&self) -> Vec<Finding> {
        let world = World::new(self.tables.clone());
        let mut detector = Detector::new(self.settings.clone(), world, 0x5eed);
        let mut told = Vec::new();
        if let Some(name) = &self.recorded {
            let mut start = None;
            for batch in recorded(name) {
                let now = UtcMicros(*batch.received_us.iter().max().unwrap());
                // Times of a scene count from the first flow of a recording.
                let shift = *start.get_or_insert(now.0) - START_US;
                let mut batch = batch;
                let times = [&mut batch.first_us, &mut batch.last_us, &mut batch.received_us];
                times.into_iter().flatten().for_each(|time| *time -= shift);
                told.extend(detector.step(now.plus(-shift), &batch));
            }
            told.extend(detector.tick(UtcMicros(START_US + 1_000_000_000)));
            return told;
        }
        let mut dice = Dice(7, 0);
        for tick in 1..=(self.until * 10.0) as i64 {
            let at = tick as f64 / 10.0;
            let now = UtcMicros(START_US + tick * 100_000);
            let mut batch = Flows::default();
            for send in &self.sends {
                send.export(at, now, &mut dice, &mut batch);
            }
            told.extend(detector.step(now, &batch));
        }
        told
    }
}

impl Send {
    fn parse(words: &[&str]) -> Self {
        let any = "0.0.0.0".parse().unwrap();
        let mut send = Self {
            from: 0.0,
            to: 1e9,
            every: 0.1,
            life: 0.1,
            pps: 1.0,
            ramp: false,
            size: 100.0,
            records: 10.0,
            reply: 0.0,
            reply_flags: 0x1b,
            src: Addresses { base: Prefix::host(any), count: 0 },
            dst: Addresses { base: Prefix::host(any), count: 0 },
            src_port: Port::Random,
            dst_port: Port::Random,
            proto: 17,
            flags: 0,
            sampling: 1,
            exporters: vec![("203.0.113.1".parse().unwrap(), 1)],
        };
        for (key, value) in words.iter().map(|word| pair(word)) {
            let number = || value.parse::<f64>().unwrap_or_else(|_| panic!("{key}={value}"));
            match key.as_str() {
                "at" => {
                    let (from, to) = value.split_once("..").unwrap();
                    (send.from, send.to) = (from.parse().unwrap(), to.parse().unwrap_or(1e9));
                }
                "every" => send.every = number(),
                "life" => send.life = number(),
                "pps" => send.pps = number(),
                "ramp" => send.ramp = value == "yes",
                "size" => send.size = number(),
                "records" => send.records = number(),
                "reply" => send.reply = number(),
                "reply-flags" => send.reply_flags = number() as u8,
                "src" => send.src = Addresses::parse(&value),
                "dst" => send.dst = Addresses::parse(&value),
                "sport" => send.src_port = Port::parse(&value),
                "dport" => send.dst_port = Port::parse(&value),
                "proto" => send.proto = number() as u8,
                "flags" => send.flags = number() as u8,
                "sampling" => send.sampling = number() as u32,
                "by" => send.exporters = value.split(',').map(way).collect(),
                _ => panic!("no such key `{key}`"),
            }
        }
        send
    }

    /// Records that are exported at `at`, seconds of the scene.
    fn export(&self, at: f64, now: UtcMicros, dice: &mut Dice, out: &mut Flows) {
        let turn = (at * 10.0).round() as i64;
        if at <= self.from || at > self.to + 1e-9 || turn % (self.every * 10.0).round() as i64 != 0 {
            return;
        }
        let share = if self.ramp { (at - self.from) / (self.to - self.from) } else { 1.0 };
        let packets = self.pps * share * self.every;
        // Of sampled traffic, only what was sampled makes records.
        let counted = packets / f64::from(self.sampling);
        let records = (self.records * share * self.every).min(counted.max(1.0));
        let records = records as u64 + u64::from(dice.part() < records.fract());
        for _ in 0..records {
            let each = counted / records as f64;
            let each = each as u64 + u64::from(dice.part() < each.fract());
            if each == 0 {
                continue;
            }
            let octets = self.size * (0.8 + 0.4 * dice.part());
            let life = ((self.life * 1e6) as i64).min(if each > 1 { i64::MAX } else { 0 });
            for (exporter, input) in &self.exporters {
                let flow = Flow {
                    first_us: now.0 - 20_000 - life,
                    last_us: now.0 - 20_000,
                    received_us: now.0,
                    exporter: to_bits(*exporter),
                    input: *input,
                    ip: if self.dst.base.addr().is_ipv4() { 4 } else { 6 },
                    src: to_bits(self.src.pick(dice)),
                    dst: to_bits(self.dst.pick(dice)),
                    src_port: self.src_port.pick(dice),
                    dst_port: self.dst_port.pick(dice),
                    proto: self.proto,
                    tcp_flags: self.flags,
                    packets: each,
                    bytes: (each as f64 * octets) as u64,
                    flows: 1,
                    sampling: self.sampling,
                    ..Flow::default()
                };
                out.push(flow);
                let back = each as f64 * self.reply;
                let back = back as u64 + u64::from(dice.part() < back.fract());
                if back > 0 {
                    out.push(Flow {
                        src: flow.dst,
                        dst: flow.src,
                        src_port: flow.dst_port,
                        dst_port: flow.src_port,
                        tcp_flags: if self.proto == 6 { self.reply_flags } else { 0 },
                        packets: back,
                        bytes: back * 60,
                        ..flow
                    });
                }
            }
        }
    }
}

impl Addresses {
    /// `PREFIX` for any of it, `PREFIX*N` for N of it.
    fn parse(text: &str) -> Self {
        let (base, count) = text.split_once('*').unwrap_or((text, "0"));
        Self { base: base.parse().unwrap_or_else(|_| panic!("{text}")), count: count.parse().unwrap() }
    }

    fn pick(&self, dice: &mut Dice) -> IpAddr {
        let drawn = if self.count > 0 { scattered(dice.next() % self.count) } else { dice.next() };
        match self.base.addr() {
            IpAddr::V4(addr) => {
                let mask = u32::MAX.checked_shr(self.base.len().into()).unwrap_or(0);
                Ipv4Addr::from_bits(addr.to_bits() | (drawn as u32 & mask)).into()
            }
            IpAddr::V6(addr) => {
                let mask = u128::MAX.checked_shr(self.base.len().into()).unwrap_or(0);
                let wide = u128::from(drawn) | u128::from(scattered(drawn)) << 64;
                Ipv6Addr::from_bits(addr.to_bits() | (wide & mask)).into()
            }
        }
    }
}

impl Port {
    fn parse(text: &str) -> Self {
        match text {
            "random" => Self::Random,
            "next" => Self::Next,
            _ => Self::One(text.parse().unwrap()),
        }
    }

    fn pick(self, dice: &mut Dice) -> u16 {
        match self {
            Self::One(port) => port,
            Self::Random => 1024 + (dice.next() % 64_000) as u16,
            Self::Next => {
                dice.1 = dice.1.wrapping_add(1).max(1);
                dice.1
            }
        }
    }
}

/// A generator with a fixed beginning (splitmix64), and the port that came last.
struct Dice(u64, u16);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scattered(self.0)
    }

    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn scattered(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn pair(word: &str) -> (String, String) {
    let (key, value) = word.split_once('=').unwrap_or_else(|| panic!("{word}"));
    (key.into(), value.into())
}

fn way(text: &str) -> (IpAddr, u32) {
    let (exporter, index) = text.rsplit_once(':').unwrap();
    (exporter.parse().unwrap(), index.parse().unwrap())
}

/// Batches of a recording: lines as the meter example writes them, one batch for each instant of export.
fn recorded(name: &str) -> Vec<Flows> {
    let file = std::fs::File::open(format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut batches: BTreeMap<i64, Flows> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(',').collect();
        let number = |at: usize| words[at].parse::<i64>().unwrap();
        let address = |at: usize| words[at].parse::<IpAddr>().unwrap();
        batches.entry(number(0) / 100_000).or_default().push(Flow {
            received_us: number(0),
            first_us: number(1),
            last_us: number(2),
            exporter: to_bits("203.0.113.1".parse().unwrap()),
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
    batches.into_values().collect()
}

/// When every scene begins: 2026-11-21 00:00 UTC.
const START_US: i64 = 1_795_219_200_000_000;
