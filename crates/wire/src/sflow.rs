//! sFlow version 5: sampled packets as traffic flows.
//!
//! Comes in: datagrams with the address they came from and their arrival time. Goes out: a row of [`Columns`] for each
//! packet sample (one packet, its layer-3 octets, and the sampling rate beside them), and a [`Report`] a datagram.
//! Counter samples are counted and passed over, as is every structure that is not known here. It opens no socket,
//! keeps no clock and never allocates by a length that it has not checked; what a stranger can make it keep is bounded.
//!
//! Source: "sFlow Version 5" (sflow.org, July 2004), sections 4 and 5.

mod reading;
mod sample;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
};

use self::{reading::Reader, sample::Place};
use crate::{
    Defect,
    flow::{Columns, Loss, Order, SampleSequence, sampling_rate},
};

/// Reads the datagrams of any number of agents.
#[derive(Debug)]
pub struct Decoder {
    max_agents: usize,
    identity: Identity,
    agents: HashMap<AgentKey, Agent>,
    /// Agents behind each address, and data sources of all together.
    own: HashMap<IpAddr, usize>,
    sources: usize,
}

/// By which address a row names its exporter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Identity {
    /// The one that the datagram came from, as with the other protocols.
    #[default]
    Source,
    /// The one that the agent says it has, for agents behind a relay.
    Agent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct AgentKey {
    source: IpAddr,
    agent: Option<IpAddr>,
    sub_agent: u32,
}

#[derive(Debug, Default)]
struct Agent {
    sequence: SampleSequence,
    /// Packets dropped for want of resources, by data source, as last told.
    drops: BTreeMap<u64, u32>,
    rate: u32,
    totals: Totals,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    datagrams: u64,
    rows: u64,
    counters: u64,
    lost: u64,
    drops: u64,
    last_us: i64,
}

/// What is known of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentView {
    /// Where its datagrams come from.
    pub source: IpAddr,
    /// The address it says it has.
    pub agent: Option<IpAddr>,
    /// Its sub-agent.
    pub sub_agent: u32,
    /// Datagrams read.
    pub datagrams: u64,
    /// Packet samples read.
    pub rows: u64,
    /// Counter samples passed over.
    pub counters: u64,
    /// Datagrams missing by the sequence numbers.
    pub lost: u64,
    /// Samples that the agent says it dropped.
    pub drops: u64,
    /// Sampling rate of its last sample: one packet in so many.
    pub rate: u32,
    /// Arrival of its last datagram, microseconds since 1970 UTC.
    pub last_us: i64,
}

/// What became of one datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The address that the agent says it has; `None` when it does not know one.
    pub agent: Option<IpAddr>,
    /// Sub-agent.
    pub sub_agent: u32,
    /// Sequence number of the datagram.
    pub sequence: u32,
    /// Milliseconds since the agent started.
    pub uptime_ms: u32,
    /// How it stands to those before it.
    pub order: Order,
    /// Datagrams missing before it.
    pub loss: Option<Loss>,
    /// Samples of any kind.
    pub samples: u32,
    /// Traffic flows added to the columns.
    pub rows: u32,
    /// Counter samples.
    pub counters: u32,
    /// Samples of kinds not known here, or without any packet in them.
    pub skipped: u32,
    /// Samples that the agent dropped since it told last.
    pub drops: u32,
    /// Whether it was taken for one of its agent: nothing is known of an agent by one that was not.
    pub is_taken: bool,
    /// What could not be read, by byte offset in the datagram.
    pub defects: Vec<Defect>,
}

/// Whether a datagram is a whole one by its own lengths, and holds a sample.
pub fn is_whole(datagram: &[u8]) -> bool {
    let mut reader = Reader::new(datagram);
    let samples = header(&mut reader, &mut Report::nothing());
    samples.is_some_and(|samples| samples > 0 && contradiction(reader, samples).is_none())
}

/// Whether a datagram is sFlow version 5: its version has four octets, where NetFlow and IPFIX have two.
pub fn is_datagram(datagram: &[u8]) -> bool {
    datagram.starts_with(&[0, 0, 0, 5])
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(4096)
    }
}

impl Decoder {
    /// A decoder that keeps the state of so many agents and sub-agents.
    pub fn new(max_agents: usize) -> Self {
        Self {
            max_agents,
            identity: Identity::Source,
            agents: HashMap::new(),
            own: HashMap::new(),
            sources: 0,
        }
    }

    /// Chooses by which address rows name their exporter.
    pub fn set_identity(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// What is known of each agent.
    pub fn agents(&self) -> impl Iterator<Item = AgentView> {
        self.agents.iter().map(|(key, agent)| AgentView {
            source: key.source,
            agent: key.agent,
            sub_agent: key.sub_agent,
            datagrams: agent.totals.datagrams,
            rows: agent.totals.rows,
            counters: agent.totals.counters,
            lost: agent.totals.lost,
            drops: agent.totals.drops,
            rate: agent.rate,
            last_us: agent.totals.last_us,
        })
    }

    /// Reads one datagram; its packet samples are added to `columns`, dated by `arrival_us` (microseconds since 1970
    /// UTC), as sFlow tells no other time.
    pub fn collect(
        &mut self,
        source: SocketAddr,
        arrival_us: i64,
        datagram: &[u8],
        columns: &mut Columns,
    ) -> Report {
        let mut report = Report::nothing();
        let mut reader = Reader::new(datagram);
        let Some(samples) = header(&mut reader, &mut report) else {
            let what = if is_datagram(datagram) { CUT } else { "version is not 5" };
            report.defects.push(Defect::byte(reader.offset(), what));
            return report;
        };
        // Nothing tells which of its lengths is wrong: nothing of it is believed.
        if let Some(defect) = contradiction(reader, samples) {
            return Report { defects: vec![defect], ..Report::nothing() };
        }
        let key = AgentKey { source: source.ip(), agent: report.agent, sub_agent: report.sub_agent };
        // Without a sample anybody's octets may look like a new agent.
        if samples == 0 && !self.agents.contains_key(&key) {
            return report;
        }
        if !self.agents.contains_key(&key) && !self.make_room(key, arrival_us) {
            report.defects.push(Defect::byte(0, "more agents than are kept"));
            return report;
        }
        let room = MOST_SOURCES_OF_ALL.saturating_sub(self.sources);
        let agent = self.agents.entry(key).or_default();
        let before = agent.drops.len();
        let most = MOST_SOURCES.min(before.saturating_add(room));
        (report.order, report.loss) = agent.sequence.place(report.sequence, report.uptime_ms, arrival_us);
        let exporter = match (self.identity, report.agent) {
            (Identity::Agent, Some(agent)) => agent,
            _ => source.ip(),
        };
        let place = Place { exporter, domain: report.sub_agent, arrival_us };
        for _ in 0..samples {
            let at = reader.offset();
            let Some((kind, body)) = reader.structure() else {
                report.defect(at, "datagram ends inside a sample");
                break;
            };
            report.samples += 1;
            agent.sample(kind, body, &place, most, columns, &mut report);
        }
        agent.note(arrival_us, &report);
        self.sources = self.sources.saturating_sub(before).saturating_add(agent.drops.len());
        report.is_taken = true;
        report
    }

    /// Makes room for one more agent, if there can be; its place is taken then. The one silent longest makes room, of the
    /// same address where that has its share, if it has been so long enough.
    fn make_room(&mut self, key: AgentKey, now_us: i64) -> bool {
        let own = self.own.get(&key.source).copied().unwrap_or_default();
        let is_crowded = own >= MOST_OF_ADDRESS;
        if is_crowded || self.agents.len() >= self.max_agents {
            let candidates =
                self.agents.iter().filter(|(other, _)| !is_crowded || other.source == key.source);
            let Some((&gone, agent)) = candidates.min_by_key(|(_, agent)| agent.totals.last_us) else {
                return false;
            };
            if now_us.saturating_sub(agent.totals.last_us) < SILENT_US {
                return false;
            }
            self.sources = self.sources.saturating_sub(agent.drops.len());
            self.agents.remove(&gone);
            if let Some(own) = self.own.get_mut(&gone.source) {
                *own = own.saturating_sub(1);
            }
            self.own.retain(|_, own| *own > 0);
        }
        *self.own.entry(key.source).or_default() += 1;
        true
    }
}

impl Agent {
    fn sample(
        &mut self,
        kind: u32,
        body: Reader<'_>,
        place: &Place,
        most_sources: usize,
        columns: &mut Columns,
        report: &mut Report,
    ) {
        let at = body.offset();
        let read = match kind {
            FLOW => sample::compact(body, place, &mut report.defects),
            EXPANDED_FLOW => sample::expanded(body, place, &mut report.defects),
            COUNTERS | EXPANDED_COUNTERS => return report.counters += 1,
            _ => return report.skipped += 1,
        };
        let Some(sample) = read else {
            return report.defect(at, "flow sample ends inside its header");
        };
        self.rate = sampling_rate(u64::from(sample.rate)).unwrap_or(0);
        let known = self.drops.get(&sample.data_source).copied();
        if let Some(before) = known {
            // A counter that went back began anew.
            let more = if sample.drops >= before { sample.drops - before } else { sample.drops };
            report.drops = report.drops.saturating_add(more);
        }
        if known.is_some() || self.drops.len() < most_sources {
            self.drops.insert(sample.data_source, sample.drops);
        }
        match sample.row {
            Some(row) => {
                report.rows += 1;
                columns.push(row);
            }
            None => report.skipped += 1,
        }
    }

    fn note(&mut self, arrival_us: i64, report: &Report) {
        let totals = &mut self.totals;
        totals.datagrams += 1;
        totals.rows += u64::from(report.rows);
        totals.counters += u64::from(report.counters);
        totals.lost += u64::from(report.loss.and_then(|loss| loss.missing).unwrap_or(0));
        totals.drops += u64::from(report.drops);
        totals.last_us = totals.last_us.max(arrival_us);
    }
}

impl Report {
    fn nothing() -> Self {
        Self {
            agent: None,
            sub_agent: 0,
            sequence: 0,
            uptime_ms: 0,
            order: Order::Unknown,
            loss: None,
            samples: 0,
            rows: 0,
            counters: 0,
            skipped: 0,
            drops: 0,
            is_taken: false,
            defects: Vec::new(),
        }
    }

    fn defect(&mut self, at: u64, what: &str) {
        if self.defects.len() < MAX_DEFECTS {
            self.defects.push(Defect::byte(at, what));
        }
    }
}

/// Says what contradicts the datagram's own lengths behind its header, if anything does. Zeros at the end are filling.
fn contradiction(mut reader: Reader<'_>, samples: u32) -> Option<Defect> {
    for _ in 0..samples {
        let at = reader.offset();
        if reader.structure().is_none() {
            return Some(Defect::byte(at, "datagram ends inside a sample"));
        }
    }
    (!reader.is_filling()).then(|| Defect::byte(reader.offset(), "datagram goes on behind its last sample"))
}

/// Reads the header; gives the number of samples that it tells.
fn header(reader: &mut Reader<'_>, report: &mut Report) -> Option<u32> {
    if reader.u32()? != 5 {
        return None;
    }
    report.agent = reader.address()?;
    report.sub_agent = reader.u32()?;
    report.sequence = reader.u32()?;
    report.uptime_ms = reader.u32()?;
    reader.u32()
}

const CUT: &str = "datagram ends inside its header";
const FLOW: u32 = 1;
const COUNTERS: u32 = 2;
const EXPANDED_FLOW: u32 = 3;
const EXPANDED_COUNTERS: u32 = 4;
/// Most data sources of one agent whose drops are followed.
const MOST_SOURCES: usize = 1024;
/// Most data sources of all agents together.
const MOST_SOURCES_OF_ALL: usize = 65_536;
/// Most agents behind one address.
const MOST_OF_ADDRESS: usize = 1024;
/// Most defects listed of one datagram.
const MAX_DEFECTS: usize = 64;
/// An agent that has been silent for so long may make room for a new one.
const SILENT_US: i64 = 900_000_000;
