//! Settings of a detector: thresholds, classes of targets, learning, bounds of memory.
//!
//! The defaults are for an access network of some 100 Gbit/s; every figure is meant to be changed. Rates are of the real
//! traffic, scaled by sampling.

use tadoru_model::Vector;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// From which rate on one address is suspected to be under attack, by vector.
    pub host: Limits,
    /// How many times that for a /24 or /48.
    pub prefix_factor: f64,
    /// How many times that for all prefixes of a customer.
    pub customer_factor: f64,
    /// How many times that for what comes in by one interface.
    pub interface_factor: f64,
    /// How many times that for the whole network.
    pub network_factor: f64,
    /// From how many addresses of a prefix on, hit alike, the threshold of one address holds for their sum.
    pub carpet_hosts: f64,
    /// How many times the threshold answered traffic must reach: it may be wanted.
    pub answered_factor: f64,
    /// Factors of classes of customers; the name `cgn`, `cdn`, `business` or any other.
    pub classes: Vec<ClassFactor>,
    /// Whether thresholds follow what each target usually has.
    pub learning: Learning,
    /// Scans.
    pub scans: Scans,
    /// An incident ends after this much quiet, microseconds.
    pub quiet_us: i64,
    /// An attack that appears elsewhere within this time is the same one, microseconds.
    pub shift_us: i64,
    /// Exporters send long flows at least this often (their active timeout), microseconds.
    pub active_timeout_us: i64,
    /// Room for destinations of which only a level is kept, 16 octets each.
    pub destinations: usize,
    /// Destinations whose rates are kept second by second at most, about 2 kB each.
    pub watched: usize,
    /// Targets of which senders and ports are kept at most, about 8 kB each.
    pub profiles: usize,
    /// Open incidents at most.
    pub incidents: usize,
}

/// Thresholds of one address, by vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// UDP.
    pub udp: Limit,
    /// ICMP.
    pub icmp: Limit,
    /// SYN.
    pub syn: Limit,
    /// SYN with ACK.
    pub syn_ack: Limit,
    /// ACK and data.
    pub ack: Limit,
    /// RST.
    pub rst: Limit,
    /// FIN.
    pub fin: Limit,
    /// Impossible flags.
    pub tcp_invalid: Limit,
    /// Fragments.
    pub fragments: Limit,
    /// Each service whose answers are reflected.
    pub amplification: Limit,
    /// Connections made; as packets, each counts one.
    pub connections: Limit,
    /// Connections held open, in ten seconds.
    pub slow_connections: f64,
    /// Other protocols.
    pub other_protocol: Limit,
}

/// A threshold; what is 0 is not looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limit {
    /// Packets in a second.
    pub packets_per_s: f64,
    /// Bits of layer 3 in a second.
    pub bits_per_s: f64,
}

/// How many times the thresholds a class of customers may have.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassFactor {
    /// Name of the class.
    pub class: String,
    /// Its factor.
    pub factor: f64,
}

/// Whether thresholds follow what each target usually has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Learning {
    /// They do not.
    Off,
    /// They do, for each hour of the week.
    On {
        /// How many times the usual peak is suspected.
        factor: f64,
        /// Smallest part of the configured threshold that it may come down to.
        lowest: f64,
        /// Most times the configured threshold that it may go up to: patience cannot teach it everything.
        highest: f64,
        /// How many weeks an hour must have been seen before it counts.
        weeks: u8,
    },
}

/// From when on looking for open ports is a scan, in a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scans {
    /// Who is looked at.
    pub of: Scanners,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanners {
    /// Own subscribers' only; everybody's while own prefixes are not told.
    Own,
    /// Everybody's. The whole Internet is scanned all the time.
    Everybody,
}

impl Limits {
    /// The threshold of a vector; of a scan, none.
    pub fn of(&mut self, vector: Vector) -> Option<&mut Limit> {
        Some(match vector {
            Vector::Udp => &mut self.udp,
            Vector::Icmp => &mut self.icmp,
            Vector::Syn => &mut self.syn,
            Vector::SynAck => &mut self.syn_ack,
            Vector::Ack => &mut self.ack,
            Vector::Rst => &mut self.rst,
            Vector::Fin => &mut self.fin,
            Vector::TcpInvalid => &mut self.tcp_invalid,
            Vector::Fragments => &mut self.fragments,
            Vector::Amplification(_) => &mut self.amplification,
            Vector::Connections | Vector::HttpGet => &mut self.connections,
            Vector::OtherProtocol => &mut self.other_protocol,
            Vector::SlowConnections | Vector::Scan(_) => return None,
        })
    }
}

impl Settings {
    /// The same settings for a network of `factor` times the traffic: every rate is multiplied.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for vector in Vector::PLAIN.into_iter().filter(|vector| *vector != Vector::HttpGet) {
            if let Some(limit) = self.host.of(vector) {
                *limit = limit.times(factor);
            }
        }
        self.host.amplification = self.host.amplification.times(factor);
        self.host.slow_connections *= factor;
        self
    }
}

impl Limit {
    /// A threshold on packets only.
    pub const fn packets(packets_per_s: f64) -> Self {
        Self { packets_per_s, bits_per_s: 0.0 }
    }

    /// A threshold on packets and bits, whichever is reached first.
    pub const fn either(packets_per_s: f64, bits_per_s: f64) -> Self {
        Self { packets_per_s, bits_per_s }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self { packets_per_s: self.packets_per_s * factor, bits_per_s: self.bits_per_s * factor }
    }

    /// How many times the threshold a rate is.
    pub(crate) fn ratio(self, packets: f64, bytes: f64) -> f64 {
        let of = |amount: f64, limit: f64| if limit > 0.0 { amount / limit } else { 0.0 };
        of(packets, self.packets_per_s).max(of(bytes * 8.0, self.bits_per_s))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            udp: Limit::either(20_000.0, 200e6),
            icmp: Limit::either(2_500.0, 20e6),
            syn: Limit::packets(5_000.0),
            syn_ack: Limit::packets(5_000.0),
            ack: Limit::packets(20_000.0),
            rst: Limit::packets(5_000.0),
            fin: Limit::packets(5_000.0),
            tcp_invalid: Limit::packets(1_000.0),
            fragments: Limit::either(5_000.0, 50e6),
            amplification: Limit::either(5_000.0, 50e6),
            connections: Limit::packets(2_000.0),
            slow_connections: 1_000.0,
            other_protocol: Limit::either(20_000.0, 200e6),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let class = |class: &str, factor| ClassFactor { class: class.to_owned(), factor };
        Self {
            host: Limits::default(),
            prefix_factor: 5.0,
            customer_factor: 5.0,
            interface_factor: 50.0,
            network_factor: 200.0,
            carpet_hosts: 10.0,
            answered_factor: 5.0,
            classes: vec![class("cgn", 10.0), class("cdn", 20.0), class("business", 2.0)],
            learning: Learning::default(),
            scans: Scans::default(),
            quiet_us: 60_000_000,
            shift_us: 300_000_000,
            active_timeout_us: 60_000_000,
            destinations: 1 << 21,
            watched: 1 << 16,
            profiles: 4096,
            incidents: 4096,
        }
    }
}

impl Default for Learning {
    fn default() -> Self {
        Self::On { factor: 3.0, lowest: 0.5, highest: 4.0, weeks: 2 }
    }
}

impl Default for Scans {
    fn default() -> Self {
        Self { of: Scanners::Own, telnet_hosts: 64.0, hosts: 100.0, ports: 100.0, watched: 1 << 14 }
    }
}
