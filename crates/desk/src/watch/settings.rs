//! Section `[detection]` of the configuration: what the detector goes by.
//!
//! Every key has the detector's own default. Rates are of the real traffic, scaled by sampling; a figure of 0 is not
//! looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tadoru_detect::{ClassFactor, Learning, Limit, Limits, Scanners, Scans, Settings};

/// Section `[detection]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detection {
    /// An incident ends after this much quiet, seconds.
    pub quiet_s: u32,
    /// An attack that appears elsewhere within this time is the same one, seconds.
    pub shift_s: u32,
    /// Exporters send long flows at least this often (their active timeout), seconds.
    pub active_timeout_s: u32,
    /// From how many addresses of a prefix on, hit alike, the threshold of one address holds for their sum.
    pub carpet_hosts: f64,
    /// How many times the threshold answered traffic must reach: it may be wanted.
    pub answered_factor: f64,
    /// How many times the threshold of one address a /24 or /48 has.
    pub prefix_factor: f64,
    /// How many times that a customer's prefixes together have.
    pub customer_factor: f64,
    /// How many times that what comes in by one interface has.
    pub interface_factor: f64,
    /// How many times that the whole network has.
    pub network_factor: f64,
    /// Destinations of which only a level is kept, 16 octets each.
    pub destinations: usize,
    /// Destinations whose rates are kept second by second at most, about 2 kB each.
    pub watched: usize,
    /// Targets of which senders and ports are kept at most, about 8 kB each.
    pub profiles: usize,
    /// Open incidents at most.
    pub incidents: usize,
    /// From which rate on one address is suspected to be under attack.
    pub thresholds: Thresholds,
    /// How many times the thresholds a class of customers has, by the class's name.
    pub classes: BTreeMap<String, f64>,
    /// Whether thresholds follow what each target usually has at each hour of the week.
    pub learning: LearningSettings,
    /// From when on looking for open ports is a scan, in a minute.
    pub scans: ScanSettings,
}

/// Section `[detection.thresholds]`: of one address, by vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// UDP.
    pub udp: Threshold,
    /// ICMP.
    pub icmp: Threshold,
    /// SYN.
    pub syn: Threshold,
    /// SYN with ACK.
    pub syn_ack: Threshold,
    /// ACK and data.
    pub ack: Threshold,
    /// RST.
    pub rst: Threshold,
    /// FIN.
    pub fin: Threshold,
    /// Impossible flags.
    pub tcp_invalid: Threshold,
    /// Fragments.
    pub fragments: Threshold,
    /// Each service whose answers are reflected.
    pub amplification: Threshold,
    /// Connections made; as packets, each counts one.
    pub connections: Threshold,
    /// Connections held open for nothing, in ten seconds.
    pub slow_connections: f64,
    /// Other protocols.
    pub other_protocol: Threshold,
}

/// A threshold, whichever is reached first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Threshold {
    /// Packets in a second; 0: not looked at.
    pub packets_per_s: f64,
    /// Bits of layer 3 in a second; 0: not looked at.
    pub bits_per_s: f64,
}

/// Section `[detection.learning]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearningSettings {
    /// Whether it is done.
    pub on: bool,
    /// How many times the usual peak is suspected.
    pub factor: f64,
    /// Smallest part of the configured threshold that it may come down to.
    pub lowest: f64,
    /// Most times the configured threshold that it may go up to.
    pub highest: f64,
    /// How many weeks an hour must have been seen before it counts.
    pub weeks: u8,
}

/// Section `[detection.scans]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScanSettings {
    /// Whose: `own` subscribers', or `everybody`'s.
    pub of: ScansOf,
    /// Addresses asked for telnet.
    pub telnet_hosts: f64,
    /// Pairs of address and port asked, of few ports and many addresses.
    pub hosts: f64,
    /// Ports asked of few addresses.
    pub ports: f64,
    /// Sources watched at most, about 600 octets each.
    pub watched: usize,
}

/// Whose scans are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScansOf {
    /// Own subscribers'; everybody's while own prefixes are not told.
    Own,
    /// Everybody's.
    Everybody,
}

impl Detection {
    /// The detector's settings.
    pub fn settings(&self) -> Settings {
        let thresholds = &self.thresholds;
        let LearningSettings { on, factor, lowest, highest, weeks } = self.learning;
        Settings {
            host: Limits {
                udp: thresholds.udp.into(),
                icmp: thresholds.icmp.into(),
                syn: thresholds.syn.into(),
                syn_ack: thresholds.syn_ack.into(),
                ack: thresholds.ack.into(),
                rst: thresholds.rst.into(),
                fin: thresholds.fin.into(),
                tcp_invalid: thresholds.tcp_invalid.into(),
                fragments: thresholds.fragments.into(),
                amplification: thresholds.amplification.into(),
                connections: thresholds.connections.into(),
                slow_connections: thresholds.slow_connections,
                other_protocol: thresholds.other_protocol.into(),
            },
            prefix_factor: self.prefix_factor,
            customer_factor: self.customer_factor,
            interface_factor: self.interface_factor,
            network_factor: self.network_factor,
            carpet_hosts: self.carpet_hosts,
            answered_factor: self.answered_factor,
            classes: (self.classes.iter())
                .map(|(class, factor)| ClassFactor { class: class.clone(), factor: *factor })
                .collect(),
            learning: if on { Learning::On { factor, lowest, highest, weeks } } else { Learning::Off },
            scans: Scans {
                of: match self.scans.of {
                    ScansOf::Own => Scanners::Own,
                    ScansOf::Everybody => Scanners::Everybody,
                },
                telnet_hosts: self.scans.telnet_hosts,
                hosts: self.scans.hosts,
                ports: self.scans.ports,
                watched: self.scans.watched,
            },
            quiet_us: us(self.quiet_s),
            shift_us: us(self.shift_s),
            active_timeout_us: us(self.active_timeout_s),
            destinations: self.destinations,
            watched: self.watched,
            profiles: self.profiles,
            incidents: self.incidents,
        }
    }

    /// What is wrong with it, and at which key.
    ///
    /// # Errors
    /// The key, and what its value must be.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let factors = [
            ("detection.prefix_factor", self.prefix_factor),
            ("detection.customer_factor", self.customer_factor),
            ("detection.interface_factor", self.interface_factor),
            ("detection.network_factor", self.network_factor),
            ("detection.carpet_hosts", self.carpet_hosts),
            ("detection.answered_factor", self.answered_factor),
            ("detection.learning.factor", self.learning.factor),
            ("detection.learning.lowest", self.learning.lowest),
            ("detection.learning.highest", self.learning.highest),
            ("detection.scans.telnet_hosts", self.scans.telnet_hosts),
            ("detection.scans.hosts", self.scans.hosts),
            ("detection.scans.ports", self.scans.ports),
        ];
        let classes = self.classes.values().map(|factor| ("detection.classes", *factor));
        for (key, factor) in factors.into_iter().chain(classes) {
            if !(factor.is_finite() && factor > 0.0) {
                return Err((key, "it must be more than 0"));
            }
        }
        let limits = &self.thresholds;
        let rates = [
            limits.udp,
            limits.icmp,
            limits.syn,
            limits.syn_ack,
            limits.ack,
            limits.rst,
            limits.fin,
            limits.tcp_invalid,
            limits.fragments,
            limits.amplification,
            limits.connections,
            limits.other_protocol,
        ];
        let figures = rates.iter().flat_map(|limit| [limit.packets_per_s, limit.bits_per_s]);
        if !figures.chain([limits.slow_connections]).all(|rate| rate.is_finite() && rate >= 0.0) {
            return Err(("detection.thresholds", "each figure must be 0 or more"));
        }
        for (key, seconds) in
            [("detection.quiet_s", self.quiet_s), ("detection.active_timeout_s", self.active_timeout_s)]
        {
            if seconds == 0 {
                return Err((key, "it must be at least a second"));
            }
        }
        for (key, count, most) in [
            ("detection.destinations", self.destinations, MOST_LEVELS),
            ("detection.watched", self.watched, MOST_ROWS),
            ("detection.profiles", self.profiles, MOST_ROWS),
            ("detection.incidents", self.incidents, MOST_ROWS),
            ("detection.scans.watched", self.scans.watched, MOST_ROWS),
        ] {
            if !(1..=most).contains(&count) {
                return Err((key, "it must be at least 1, and fit into memory"));
            }
        }
        Ok(())
    }
}

impl Default for Detection {
    fn default() -> Self {
        let of = Settings::default();
        Self {
            quiet_s: s(of.quiet_us),
            shift_s: s(of.shift_us),
            active_timeout_s: s(of.active_timeout_us),
            carpet_hosts: of.carpet_hosts,
            answered_factor: of.answered_factor,
            prefix_factor: of.prefix_factor,
            customer_factor: of.customer_factor,
            interface_factor: of.interface_factor,
            network_factor: of.network_factor,
            destinations: of.destinations,
            watched: of.watched,
            profiles: of.profiles,
            incidents: of.incidents,
            thresholds: Thresholds::default(),
            classes: of.classes.into_iter().map(|known| (known.class, known.factor)).collect(),
            learning: LearningSettings::default(),
            scans: ScanSettings::default(),
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        let of = Limits::default();
        Self {
            udp: of.udp.into(),
            icmp: of.icmp.into(),
            syn: of.syn.into(),
            syn_ack: of.syn_ack.into(),
            ack: of.ack.into(),
            rst: of.rst.into(),
            fin: of.fin.into(),
            tcp_invalid: of.tcp_invalid.into(),
            fragments: of.fragments.into(),
            amplification: of.amplification.into(),
            connections: of.connections.into(),
            slow_connections: of.slow_connections,
            other_protocol: of.other_protocol.into(),
        }
    }
}

impl Default for LearningSettings {
    fn default() -> Self {
        match Learning::default() {
            Learning::On { factor, lowest, highest, weeks } => {
                Self { on: true, factor, lowest, highest, weeks }
            }
            Learning::Off => Self { on: false, factor: 3.0, lowest: 0.5, highest: 4.0, weeks: 2 },
        }
    }
}

impl Default for ScanSettings {
    fn default() -> Self {
        let Scans { of, telnet_hosts, hosts, ports, watched } = Scans::default();
        let of = match of {
            Scanners::Own => ScansOf::Own,
            Scanners::Everybody => ScansOf::Everybody,
        };
        Self { of, telnet_hosts, hosts, ports, watched }
    }
}

impl From<Limit> for Threshold {
    fn from(Limit { packets_per_s, bits_per_s }: Limit) -> Self {
        Self { packets_per_s, bits_per_s }
    }
}

impl From<Threshold> for Limit {
    fn from(Threshold { packets_per_s, bits_per_s }: Threshold) -> Self {
        Self { packets_per_s, bits_per_s }
    }
}

fn us(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}

fn s(us: i64) -> u32 {
    u32::try_from(us / 1_000_000).unwrap_or(u32::MAX)
}

/// Levels at most: 4 GiB of them.
const MOST_LEVELS: usize = 1 << 28;
/// Of everything else at most.
const MOST_ROWS: usize = 1 << 24;
