//! Figures over flows: sums, rankings and series, as every store makes them.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tadoru_model::{Flows, Prefix, UtcMicros};

/// What flows are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Source address.
    SrcAddr,
    /// Destination address.
    DstAddr,
    /// Source port.
    SrcPort,
    /// Destination port.
    DstPort,
    /// IP protocol.
    Proto,
    /// Autonomous system of the source.
    SrcAs,
    /// Autonomous system of the destination.
    DstAs,
    /// Interface where it came in.
    Input,
    /// Interface where it went out.
    Output,
    /// Address of the exporter.
    Exporter,
    /// TCP control bits.
    TcpFlags,
    /// Type of service.
    Tos,
    /// Next hop.
    NextHop,
    /// Network of the source: /24 of IPv4, /56 of IPv6, the longest in which nobody is told.
    SrcNet,
    /// Network of the destination.
    DstNet,
    /// Address of either side: a flow counts for both, as with every key of either side.
    Addr,
    /// Port of either side.
    Port,
    /// Autonomous system of either side.
    As,
    /// Interface of either side.
    Interface,
    /// Network of either side.
    Net,
}

impl Key {
    /// Every key.
    pub const ALL: &'static [Self] = &[
        Self::SrcAddr,
        Self::DstAddr,
        Self::SrcPort,
        Self::DstPort,
        Self::Proto,
        Self::SrcAs,
        Self::DstAs,
        Self::Input,
        Self::Output,
        Self::Exporter,
        Self::TcpFlags,
        Self::Tos,
        Self::NextHop,
        Self::SrcNet,
        Self::DstNet,
        Self::Addr,
        Self::Port,
        Self::As,
        Self::Interface,
        Self::Net,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SrcAddr => "src-addr",
            Self::DstAddr => "dst-addr",
            Self::SrcPort => "src-port",
            Self::DstPort => "dst-port",
            Self::Proto => "proto",
            Self::SrcAs => "src-as",
            Self::DstAs => "dst-as",
            Self::Input => "input",
            Self::Output => "output",
            Self::Exporter => "exporter",
            Self::TcpFlags => "flags",
            Self::Tos => "tos",
            Self::NextHop => "next-hop",
            Self::SrcNet => "src-net",
            Self::DstNet => "dst-net",
            Self::Addr => "addr",
            Self::Port => "port",
            Self::As => "asn",
            Self::Interface => "interface",
            Self::Net => "net",
        }
    }

    /// By its name on the command line.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.as_str() == name)
    }

    /// Whether its values are addresses of a communication.
    pub const fn names_somebody(self) -> bool {
        matches!(self, Self::SrcAddr | Self::DstAddr | Self::Addr)
    }

    /// Whether its values are addresses.
    pub const fn is_address(self) -> bool {
        self.is_net()
            || matches!(self, Self::SrcAddr | Self::DstAddr | Self::Addr | Self::Exporter | Self::NextHop)
    }

    /// Whether its values are networks.
    const fn is_net(self) -> bool {
        matches!(self, Self::SrcNet | Self::DstNet | Self::Net)
    }

    /// The columns in which its values stand.
    pub const fn sides(self) -> &'static [Self] {
        match self {
            Self::SrcAddr | Self::SrcNet => &[Self::SrcAddr],
            Self::DstAddr | Self::DstNet => &[Self::DstAddr],
            Self::Addr | Self::Net => &[Self::SrcAddr, Self::DstAddr],
            Self::SrcPort => &[Self::SrcPort],
            Self::DstPort => &[Self::DstPort],
            Self::Port => &[Self::SrcPort, Self::DstPort],
            Self::Proto => &[Self::Proto],
            Self::SrcAs => &[Self::SrcAs],
            Self::DstAs => &[Self::DstAs],
            Self::As => &[Self::SrcAs, Self::DstAs],
            Self::Input => &[Self::Input],
            Self::Output => &[Self::Output],
            Self::Interface => &[Self::Input, Self::Output],
            Self::Exporter => &[Self::Exporter],
            Self::TcpFlags => &[Self::TcpFlags],
            Self::Tos => &[Self::Tos],
            Self::NextHop => &[Self::NextHop],
        }
    }

    /// The bits of a column as those of the key: of a network, without what tells the host.
    pub const fn fold(self, bits: u128) -> u128 {
        match (self.is_net(), bits >> 32 == MAPPED) {
            (false, _) => bits,
            (true, true) => bits & (u128::MAX << 8),
            (true, false) => bits & (u128::MAX << 72),
        }
    }

    /// The value of a column as a key: an address from its bits (IPv4 as IPv4-mapped), else the number.
    pub fn value(self, bits: u128) -> KeyValue {
        if !self.is_address() {
            return KeyValue::Number(bits as u64);
        }
        let v6 = Ipv6Addr::from_bits(bits);
        let addr = v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), |v4: Ipv4Addr| IpAddr::V4(v4));
        if !self.is_net() {
            return KeyValue::Address(addr);
        }
        Prefix::covering(addr, if addr.is_ipv4() { 24 } else { 56 })
            .map_or(KeyValue::Address(addr), KeyValue::Network)
    }

    /// The bits of the first of its columns in a row; 0 behind the last.
    pub fn of(self, flows: &Flows, row: usize) -> u128 {
        fn wide<T: Copy + Into<u128>>(column: &[T], row: usize) -> u128 {
            column.get(row).copied().map_or(0, Into::into)
        }
        match self {
            Self::SrcAddr | Self::SrcNet | Self::Addr | Self::Net => wide(&flows.src, row),
            Self::DstAddr | Self::DstNet => wide(&flows.dst, row),
            Self::SrcPort | Self::Port => wide(&flows.src_port, row),
            Self::DstPort => wide(&flows.dst_port, row),
            Self::Proto => wide(&flows.proto, row),
            Self::SrcAs | Self::As => wide(&flows.src_as, row),
            Self::DstAs => wide(&flows.dst_as, row),
            Self::Input | Self::Interface => wide(&flows.input, row),
            Self::Output => wide(&flows.output, row),
            Self::Exporter => wide(&flows.exporter, row),
            Self::TcpFlags => wide(&flows.tcp_flags, row),
            Self::Tos => wide(&flows.tos, row),
            Self::NextHop => wide(&flows.next_hop, row),
        }
    }
}

/// A value of a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    /// An address.
    Address(IpAddr),
    /// A network.
    Network(Prefix),
    /// A number.
    Number(u64),
}

impl std::fmt::Display for KeyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(addr) => addr.fmt(f),
            Self::Network(prefix) => prefix.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl std::fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

/// What a ranking is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Octets.
    Bytes,
    /// Packets.
    Packets,
    /// Flows.
    Flows,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 3] = [Self::Bytes, Self::Packets, Self::Flows];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Packets => "packets",
            Self::Flows => "flows",
        }
    }

    /// By its name on the command line.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == name)
    }
}

/// Sums over flows, as counted, unscaled; both directions of a biflow are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Records.
    pub records: u64,
    /// Flows that the records stand for.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Octets.
    pub bytes: u64,
}

impl Sums {
    /// Adds others; a sum stays at its largest.
    pub fn add(&mut self, other: &Self) {
        self.records = self.records.saturating_add(other.records);
        self.flows = self.flows.saturating_add(other.flows);
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// The sums of one row.
    pub fn of(flows: &Flows, row: usize) -> Self {
        let of = |column: &[u64]| column.get(row).copied().unwrap_or(0);
        Self {
            records: 1,
            flows: flows.flows.get(row).copied().unwrap_or(0).into(),
            packets: of(&flows.packets).saturating_add(of(&flows.reverse_packets)),
            bytes: of(&flows.bytes).saturating_add(of(&flows.reverse_bytes)),
        }
    }

    /// One of them.
    pub const fn get(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Bytes => self.bytes,
            Measure::Packets => self.packets,
            Measure::Flows => self.flows,
        }
    }
}

/// A key of a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// The key.
    pub key: KeyValue,
    /// Its sums.
    pub sums: Sums,
}

/// How many records tell one rate of sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// One packet in so many was counted; 1: every one; 0: not told.
    pub one_in: u32,
    /// Records.
    pub records: u64,
}

/// Records by their rate of sampling, on their way to a list.
#[derive(Debug, Clone, Default)]
pub struct Rates(BTreeMap<u32, u64>);

impl Rates {
    /// Adds records of a rate.
    pub fn add(&mut self, one_in: u32, records: u64) {
        if records > 0 {
            let all = self.0.entry(one_in).or_default();
            *all = all.saturating_add(records);
        }
    }

    /// Adds rows of a batch.
    pub fn add_rows(&mut self, flows: &Flows, rows: &[u32]) {
        rows.iter().for_each(|row| self.add(flows.sampling.get(*row as usize).copied().unwrap_or(0), 1));
    }

    /// The rates, ascending.
    pub fn list(self) -> Vec<Rate> {
        self.0.into_iter().map(|(one_in, records)| Rate { one_in, records }).collect()
    }
}

/// A step of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins.
    pub from: UtcMicros,
    /// Its sums.
    pub sums: Sums,
}

/// Sums by key, on their way to a ranking.
#[derive(Default)]
pub struct Tally {
    sums: HashMap<u128, Sums, Quick>,
}

/// Quick hashing of keys, with a seed of its own a ranking, so that nobody outside can choose keys that collide.
struct Quick(u64);

impl Default for Quick {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u8) | 1)
    }
}

impl BuildHasher for Quick {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { seed: self.0, state: self.0 }
    }
}

struct Folded {
    seed: u64,
    state: u64,
}

impl Folded {
    fn fold(&mut self, word: u64) {
        let wide = u128::from(self.state ^ word) * u128::from(self.seed ^ ODD);
        self.state = wide as u64 ^ (wide >> 64) as u64;
    }
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.fold((*byte).into()));
    }

    fn write_u128(&mut self, n: u128) {
        self.fold((n >> 64) as u64);
        self.fold(n as u64);
    }
}

impl Tally {
    /// Adds to the sums of a key.
    pub fn add(&mut self, key: u128, sums: &Sums) {
        self.sums.entry(key).or_default().add(sums);
    }

    /// Adds rows of a batch.
    pub fn add_rows(&mut self, key: Key, flows: &Flows, rows: &[u32]) {
        for side in key.sides() {
            for row in rows {
                self.add(key.fold(side.of(flows, *row as usize)), &Sums::of(flows, *row as usize));
            }
        }
    }

    /// The ranking: the largest first, equal ones by key.
    pub fn ranking(self, key: Key, by: Measure, most: usize) -> Vec<Ranked> {
        let mut all: Vec<(u128, Sums)> = self.sums.into_iter().collect();
        let order = |a: &(u128, Sums), b: &(u128, Sums)| b.1.get(by).cmp(&a.1.get(by)).then(a.0.cmp(&b.0));
        if most < all.len() {
            all.select_nth_unstable_by(most, order);
            all.truncate(most);
        }
        all.sort_unstable_by(order);
        all.into_iter().map(|(bits, sums)| Ranked { key: key.value(bits), sums }).collect()
    }
}

/// Sums by step, on their way to a series.
pub struct Steps {
    step_us: i64,
    sums: BTreeMap<i64, Sums>,
}

impl Steps {
    /// Steps of that length; 0 counts as 1.
    pub fn of(step_us: u64) -> Self {
        Self { step_us: i64::try_from(step_us).unwrap_or(i64::MAX).max(1), sums: BTreeMap::new() }
    }

    /// The number of the step in which an instant lies.
    pub const fn step(&self, us: i64) -> i64 {
        us.div_euclid(self.step_us)
    }

    /// Adds to a step, by its number.
    pub fn add(&mut self, step: i64, sums: &Sums) {
        self.sums.entry(step).or_default().add(sums);
    }

    /// Adds rows of a batch.
    pub fn add_rows(&mut self, flows: &Flows, rows: &[u32]) {
        for row in rows {
            let first = flows.first_us.get(*row as usize).copied().unwrap_or(0);
            self.add(self.step(first), &Sums::of(flows, *row as usize));
        }
    }

    /// The series, ascending.
    pub fn series(self) -> Vec<Bucket> {
        let from = |step: i64| UtcMicros(step.saturating_mul(self.step_us));
        self.sums.iter().map(|(step, sums)| Bucket { from: from(*step), sums: *sums }).collect()
    }
}

/// What stands before the 32 bits of an IPv4-mapped address.
const MAPPED: u128 = 0xffff;
const ODD: u64 = 0x9e37_79b9_7f4a_7c14;
