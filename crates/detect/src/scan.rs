//! Looking for open ports: Mirai-like telnet scans, port scans, scans of many hosts.
//!
//! What comes in: flows that begin a connection and do not make it. What goes out: who scans, how, and how many it asked.
//! Requirement 4.N5 and 10: bots among own subscribers are known by what they look for.

use std::collections::HashMap;

use tadoru_model::finding::Scan;
use tadoru_model::{Flow, Sureness, Vector};

use crate::config::Scans;
use crate::judge::Verdict;
use crate::kind::Lane;
use crate::profile::Profile;
use crate::rates::{Amount, Levels};
use crate::said::Sentence;
use crate::sketch::{Distinct, mix};
use crate::world::World;

/// Sources that look for something.
pub(crate) struct Scanning {
    settings: Scans,
    seed: u64,
    levels: Levels,
    sources: HashMap<(u128, u8), Source>,
}

pub(crate) struct Source {
    since: u32,
    last: u32,
    probes: f64,
    telnet: f64,
    hosts: Distinct,
    ports: Distinct,
    /// What it does besides, in the same terms as a target.
    pub profile: Profile,
}

impl Scanning {
    pub(crate) fn new(settings: Scans, seed: u64) -> Self {
        let room = settings.watched.saturating_mul(8).max(1024);
        Self { settings, seed, levels: Levels::new(room), sources: HashMap::new() }
    }

    /// Sees a flow; says what its source does when it has become a scan.
    pub(crate) fn see(
        &mut self,
        flow: &Flow,
        lane: Option<Lane>,
        world: &World,
        second: u32,
    ) -> Option<Verdict> {
        if flow.proto != TCP || lane != Some(Lane::SYN) || flow.packets > 4 {
            return None;
        }
        let key = (flow.src, flow.ip);
        let known = self.sources.contains_key(&key);
        if !known {
            let level = self.levels.raise(mix(self.seed, flow.src), 1.0, second);
            if level < NOTICED || self.sources.len() >= self.settings.watched {
                return None;
            }
        }
        let source = self.sources.entry(key).or_insert_with(|| Source::new(second));
        if second.saturating_sub(source.since) > WINDOW_S {
            *source = Source::new(second);
        }
        source.last = source.last.max(second);
        source.probes += 1.0;
        source.telnet += f64::from(u8::from(matches!(flow.dst_port, 23 | 2323)));
        source.hosts.see(mix(self.seed, flow.dst));
        source.ports.see(mix(self.seed, u128::from(flow.dst_port)));
        let kind = crate::kind::kind(flow, true);
        let amount = Amount { packets: flow.packets as f32, bytes: flow.bytes as f32, flows: 1.0 };
        source.profile.see(flow, kind, amount, world, self.seed, second);
        // Estimates cost more than counting.
        if source.probes % 8.0 == 0.0 { source.verdict(&self.settings) } else { None }
    }

    /// What a source does.
    pub(crate) fn source(&self, addr: u128, ip: u8) -> Option<&Source> {
        self.sources.get(&(addr, ip))
    }

    /// Forgets who has been quiet.
    pub(crate) fn tick(&mut self, second: u32) {
        self.sources.retain(|_, source| second.saturating_sub(source.last) <= WINDOW_S);
    }

    pub(crate) fn octets(&self) -> usize {
        self.levels.octets() + self.sources.len() * SOURCE_OCTETS
    }
}

impl Source {
    fn new(second: u32) -> Self {
        Self {
            since: second,
            last: second,
            probes: 0.0,
            telnet: 0.0,
            hosts: Distinct::new(8),
            ports: Distinct::new(7),
            profile: Profile::new(second),
        }
    }

    /// Probes in a second, since it was noticed.
    pub(crate) fn per_second(&self) -> f64 {
        self.probes / f64::from(self.last.saturating_sub(self.since).max(1))
    }

    fn verdict(&self, settings: &Scans) -> Option<Verdict> {
        let (hosts, ports) = (self.hosts.estimate(), self.ports.estimate());
        let doors = self.profile.aim_count();
        let seconds = self.last.saturating_sub(self.since).max(1);
        let telnet = self.telnet / self.probes;
        let (scan, what, sure) = if telnet >= 0.7 && hosts >= settings.telnet_hosts {
            let what = Sentence::TelnetAsked.with(&[
                format!("{:.0}", telnet * 100.0),
                format!("{:.0}", self.probes),
                seconds.to_string(),
                format!("{hosts:.0}"),
            ]);
            (Scan::Telnet, what, Sureness::Sure)
        } else if ports >= settings.ports && hosts <= 10.0 {
            let what = Sentence::PortsAsked.with(&[
                format!("{ports:.0}"),
                format!("{hosts:.0}"),
                seconds.to_string(),
            ]);
            (Scan::Ports, what, Sureness::Sure)
        } else if doors >= settings.hosts && hosts >= 16.0 && ports <= 16.0 {
            let what = Sentence::HostsAsked.with(&[
                format!("{hosts:.0}"),
                format!("{ports:.0}"),
                seconds.to_string(),
            ]);
            (Scan::Hosts, what, Sureness::Likely)
        } else {
            return None;
        };
        let because = if sure == Sureness::Sure { Sentence::InVain } else { Sentence::RarelyInVain };
        Some(Verdict {
            vector: Vector::Scan(scan),
            why: vec![what],
            sure,
            because: because.text(),
            wrong_if: vec![Sentence::Inventory.text(), Sentence::WrittenByOthers.text()],
            ratio: None,
        })
    }
}

const TCP: u8 = 6;
/// Probes from which on a source is looked at.
const NOTICED: f32 = 8.0;
/// Over how long probes are taken together, seconds.
const WINDOW_S: u32 = 60;
/// Memory of a source, about.
const SOURCE_OCTETS: usize = 6_000;
