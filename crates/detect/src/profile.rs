//! Who sends what to a suspected target: bounded tallies of its flows.
//!
//! What comes in: the flows of one target and lane. What goes out: how many sources, which ports, by which interfaces.

use tadoru_model::Flow;
use tadoru_model::finding::{Ingress, PortShare, SourceShare, Sources};
use tadoru_model::flow::from_bits;

use crate::kind::Kind;
use crate::rates::{Amount, second};
use crate::sketch::{Distinct, Largest, mix};
use crate::spoofing::Evidence;
use crate::world::World;

/// Tallies of one target and lane.
#[derive(Clone)]
pub(crate) struct Profile {
    /// Second of the first flow.
    pub since: u32,
    /// Second of the newest.
    pub last: u32,
    /// Flow records.
    pub rows: f64,
    /// Packets as counted, unscaled.
    pub counted: f64,
    pub packets: f64,
    pub bytes: f64,
    pub flows: f64,
    /// Flow records of one to three packets.
    pub small_rows: f64,
    /// Sum of squares of octets of a flow record.
    squares: f64,
    sources: Distinct,
    /// Pairs of destination address and port.
    aims: Distinct,
    /// Pairs of source address and port.
    ends: Distinct,
    senders: Largest<(u128, u8)>,
    pub hosts: Distinct,
    pub aimed: Largest<(u128, u8)>,
    pub src_ports: Largest<u16>,
    pub dst_ports: Largest<u16>,
    ingress: Largest<(u128, u32)>,
    evidence: Evidence,
    pub sampling: u32,
    /// Whether some began before anything is kept.
    pub is_longer: bool,
    /// How long flows had lasted when they were told of: packets and the longest, by powers of two of a second.
    waits: [(f64, i64); 12],
    /// Since when it has been over its threshold, microseconds.
    pub over_since: Option<i64>,
}

impl Profile {
    pub(crate) fn new(second: u32) -> Self {
        Self {
            since: second,
            last: second,
            rows: 0.0,
            counted: 0.0,
            packets: 0.0,
            bytes: 0.0,
            flows: 0.0,
            small_rows: 0.0,
            squares: 0.0,
            sources: Distinct::new(10),
            aims: Distinct::new(8),
            ends: Distinct::new(9),
            senders: Largest::new(32),
            hosts: Distinct::new(7),
            aimed: Largest::new(16),
            src_ports: Largest::new(16),
            dst_ports: Largest::new(16),
            ingress: Largest::new(16),
            evidence: Evidence::default(),
            sampling: 1,
            is_longer: false,
            waits: [(0.0, 0); 12],
            over_since: None,
        }
    }

    pub(crate) fn see(
        &mut self,
        flow: &Flow,
        kind: Kind,
        amount: Amount,
        world: &World,
        seed: u64,
        second: u32,
    ) {
        let packets = f64::from(amount.packets);
        self.last = second;
        self.rows += 1.0;
        self.counted += flow.packets as f64;
        self.packets += packets;
        self.bytes += f64::from(amount.bytes);
        self.flows += f64::from(amount.flows);
        self.small_rows += f64::from(u8::from(flow.packets <= 3));
        self.squares += (flow.bytes as f64).powi(2);
        let (source, aim) = (mix(seed, flow.src), mix(seed, flow.dst));
        self.sources.see(source);
        self.ends.see(mix(source, u128::from(flow.src_port)));
        self.aims.see(mix(aim, u128::from(flow.dst_port)));
        self.hosts.see(aim);
        self.senders.see((flow.src, flow.ip), packets);
        self.aimed.see((flow.dst, flow.ip), packets);
        self.src_ports.see(flow.src_port, packets);
        self.dst_ports.see(flow.dst_port, packets);
        self.ingress.see((flow.exporter, flow.input), packets);
        self.evidence.see(world, flow, packets, kind.established);
        self.sampling = self.sampling.max(flow.sampling);
    }

    /// Notes how long a flow of so many packets had lasted when it was told of.
    pub(crate) fn wait(&mut self, wait_us: i64, packets: f64) {
        let seconds = u64::try_from(wait_us / 1_000_000).unwrap_or_default();
        let bin = (u64::BITS - seconds.leading_zeros()) as usize;
        if let Some((weight, longest)) = self.waits.get_mut(bin.min(11)) {
            *weight += packets;
            *longest = (*longest).max(wait_us);
        }
    }

    /// Seconds after which nearly all of what belongs to one has been told of.
    pub(crate) fn settled_s(&self) -> u32 {
        let all: f64 = self.waits.iter().map(|(weight, _)| weight).sum();
        let mut sum = 0.0;
        let held = self.waits.iter().find(|(weight, _)| {
            sum += weight;
            *weight > 0.0 && sum >= all * NEARLY_ALL
        });
        held.map_or(0, |(_, longest)| second(longest + 999_999))
    }

    /// Who tells of it.
    pub(crate) fn exporters(&self) -> impl Iterator<Item = u128> + '_ {
        self.ingress.values().map(|(exporter, _)| exporter)
    }

    /// How many source addresses, about.
    pub(crate) fn source_count(&self) -> f64 {
        if self.senders.is_whole() { self.senders.len() as f64 } else { self.sources.estimate().max(32.0) }
    }

    /// The part of the `count` largest senders together.
    pub(crate) fn leading_share(&self, count: usize) -> f64 {
        self.senders.shares().iter().take(count).map(|(_, share)| *share).sum()
    }

    /// The part of the senders that are held which is the own network's.
    pub(crate) fn own_share(&self, world: &World) -> f64 {
        let senders = self.senders.shares();
        let own = senders.iter().filter(|((addr, _), _)| world.is_own(*addr));
        let (own, all): (f64, f64) =
            (own.map(|(_, share)| share).sum(), senders.iter().map(|(_, share)| share).sum());
        own / all.max(f64::MIN_POSITIVE)
    }

    pub(crate) fn aim_count(&self) -> f64 {
        self.aims.estimate()
    }

    /// Source addresses with their ports: connections.
    pub(crate) fn end_count(&self) -> f64 {
        self.ends.estimate()
    }

    /// Octets of a packet, on average.
    pub(crate) fn packet_octets(&self) -> f64 {
        self.bytes / self.packets.max(1.0)
    }

    /// How unlike flow records are in size: standard deviation in parts of the mean.
    pub(crate) fn unlikeness(&self) -> f64 {
        let rows = self.rows.max(1.0);
        let mean = self.bytes / rows / f64::from(self.sampling.max(1));
        ((self.squares / rows - mean * mean).max(0.0)).sqrt() / mean.max(1.0)
    }

    /// How much two sets of senders have in common, 0 to 1.
    pub(crate) fn likeness(&self, other: &Self) -> f64 {
        let theirs = other.senders.shares();
        let shared = |(sender, share): &((u128, u8), f64)| {
            theirs.iter().find(|(known, _)| known == sender).map_or(0.0, |(_, their)| their.min(*share))
        };
        self.senders.shares().iter().map(shared).sum()
    }

    /// Whether so many send so little each that senders say nothing about who it is.
    pub(crate) fn is_scattered(&self) -> bool {
        !self.senders.is_whole() && self.senders.top_share() < 0.2 && self.source_count() > self.rows * 0.3
    }

    pub(crate) fn sources(&self, reflector: Option<&str>) -> Sources {
        let exact = self.senders.is_whole();
        let shares = self.senders.sure_shares();
        let largest = shares.iter().take(16).filter(|(_, share)| *share >= 0.01);
        Sources {
            count: self.source_count().round() as u64,
            error_percent: if exact { 0.0 } else { self.sources.error_percent() },
            entropy: self.entropy(&shares),
            largest: largest
                .map(|((src, ip), share)| SourceShare { addr: from_bits(*src, *ip), share: share.min(1.0) })
                .collect(),
            spoofing: self.evidence.verdict(self.source_count(), reflector),
        }
    }

    /// Shannon's entropy of the senders' shares as a part of its greatest; those that are not held count as alike.
    fn entropy(&self, shares: &[((u128, u8), f64)]) -> f64 {
        let count = self.source_count();
        if count < 1.5 {
            return 0.0;
        }
        // A scattered set has taken over one another's places: what is held says nothing then.
        if self.is_scattered() {
            return 1.0;
        }
        let term = |share: f64| if share > 0.0 { -share * share.log2() } else { 0.0 };
        let held: f64 = shares.iter().map(|(_, share)| *share).sum::<f64>().min(1.0);
        let others = (count - shares.len() as f64).max(0.0);
        let rest = if others >= 1.0 { others * term((1.0 - held) / others) } else { 0.0 };
        let sum: f64 = shares.iter().map(|(_, share)| term(*share)).sum::<f64>() + rest;
        (sum / count.log2()).clamp(0.0, 1.0)
    }

    pub(crate) fn ways_in(&self, world: &World) -> Vec<Ingress> {
        let way = |((exporter, input), share): ((u128, u32), f64)| Ingress {
            exporter: address(exporter),
            input,
            neighbour_as: world.neighbour_as(exporter, input),
            share,
        };
        self.ingress.shares().into_iter().map(way).collect()
    }
}

/// The largest ports, as far as they matter.
pub(crate) fn ports(largest: &Largest<u16>) -> Vec<PortShare> {
    let shares = largest.sure_shares().into_iter().take(8).filter(|(_, share)| *share >= 0.05);
    shares.map(|(port, share)| PortShare { port, share: share.min(1.0) }).collect()
}

/// An exporter's address: mapped ones are IPv4.
pub(crate) fn address(bits: u128) -> std::net::IpAddr {
    from_bits(bits, if bits >> 32 == 0xffff { 4 } else { 6 })
}

/// Part of the packets that stands for all of them.
const NEARLY_ALL: f64 = 0.95;
