//! Laws of the flow decoder, and the small builder of packets that its scenes are made of.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

mod dialects;
mod export;
mod lab;
mod packets;
mod peers;
mod refused;
mod round_trip;
mod samples;
mod state;
mod storm;
mod traffic;

use std::net::{IpAddr, Ipv4Addr};

use super::*;

const EXPORTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// 2026-11-21 01:15:03 UTC.
const NOW_S: u32 = 1_795_223_703;
const NOW_US: i64 = NOW_S as i64 * 1_000_000;
const UPTIME_MS: u32 = 86_400_000;

/// A packet in the making.
#[derive(Clone)]
struct Packet {
    version: Version,
    sequence: u32,
    domain: u32,
    uptime_ms: u32,
    sets: Vec<u8>,
}

impl Packet {
    fn new(version: Version) -> Self {
        Self { version, sequence: 0, domain: 7, uptime_ms: UPTIME_MS, sets: Vec::new() }
    }

    fn sequence(mut self, sequence: u32) -> Self {
        self.sequence = sequence;
        self
    }

    /// A template of (element, length); enterprise elements as `637 << 16 | id` in IPFIX.
    fn template(self, id: u16, fields: &[(u32, u16)]) -> Self {
        let mut body = [id.to_be_bytes(), (fields.len() as u16).to_be_bytes()].concat();
        body.extend(specs(fields));
        let set = if self.version == Version::NetFlow9 { 0 } else { 2 };
        self.set(set, &body)
    }

    fn options(self, id: u16, scopes: &[(u32, u16)], fields: &[(u32, u16)]) -> Self {
        let (a, b) = match self.version {
            Version::NetFlow5 | Version::NetFlow9 => (scopes.len() * 4, fields.len() * 4),
            Version::Ipfix => (scopes.len() + fields.len(), scopes.len()),
        };
        let mut body = [id, a as u16, b as u16].map(u16::to_be_bytes).concat();
        body.extend(specs(scopes));
        body.extend(specs(fields));
        let set = if self.version == Version::NetFlow9 { 1 } else { 3 };
        self.set(set, &body)
    }

    fn set(mut self, id: u16, body: &[u8]) -> Self {
        let begin = self.sets.len();
        self.sets.extend([id, 0].map(u16::to_be_bytes).concat());
        self.sets.extend(body);
        while !(self.sets.len() - begin).is_multiple_of(4) {
            self.sets.push(0);
        }
        let len = (self.sets.len() - begin) as u16;
        self.sets[begin + 2..begin + 4].copy_from_slice(&len.to_be_bytes());
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = match self.version {
            Version::NetFlow5 | Version::NetFlow9 => {
                let mut bytes = [9_u16, 1].map(u16::to_be_bytes).concat();
                bytes.extend(self.uptime_ms.to_be_bytes());
                bytes
            }
            Version::Ipfix => [10_u16, 16 + self.sets.len() as u16].map(u16::to_be_bytes).concat(),
        };
        bytes.extend([NOW_S, self.sequence, self.domain].map(u32::to_be_bytes).concat());
        bytes.extend(&self.sets);
        bytes
    }
}

fn specs(fields: &[(u32, u16)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &(id, len) in fields {
        let enterprise = id >> 16;
        let element = if enterprise == 0 { id as u16 } else { id as u16 | 0x8000 };
        bytes.extend(element.to_be_bytes());
        bytes.extend(len.to_be_bytes());
        if enterprise != 0 {
            bytes.extend(enterprise.to_be_bytes());
        }
    }
    bytes
}

/// Inside, outside, ports, protocol, event: the shortest session record.
const SESSION: [(u32, u16); 6] = [(8, 4), (225, 4), (7, 2), (227, 2), (4, 1), (230, 1)];

fn session(inside_port: u16, outside_port: u16, event: u8) -> Vec<u8> {
    let mut record = vec![10, 0, 0, 1, 203, 0, 113, 7];
    record.extend([inside_port, outside_port].map(u16::to_be_bytes).concat());
    record.extend([6, event]);
    record
}

/// Reads one packet; events and report.
fn read(decoder: &mut Decoder, arrival_us: i64, packet: &[u8]) -> (Vec<NatEvent>, Report) {
    let mut events = Vec::new();
    let report = decoder.decode(EXPORTER, arrival_us, packet, &mut |event| events.push(event));
    assert_eq!(report.events as usize, events.len(), "every event is counted");
    (events, report)
}

/// Reads one packet of a fresh exporter that must be without fault.
fn read_clean(packet: &Packet) -> Vec<NatEvent> {
    let (events, report) = read(&mut Decoder::default(), NOW_US, &packet.bytes());
    assert_eq!(report.defects, [], "nothing is wrong with the packet");
    events
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn endpoint(address: &str, port: u16) -> Endpoint {
    Endpoint { address: ip(address), port: Some(port) }
}
