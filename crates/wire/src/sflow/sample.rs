//! One flow sample: the packet that was picked and what the agent says beside it.

use std::net::IpAddr;

use super::reading::Reader;
use crate::{
    Defect,
    flow::{
        NONSENSE, Row, sampling_rate,
        section::{self, Section},
        to_bits,
    },
};

/// What all rows of a datagram have in common.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub exporter: IpAddr,
    pub domain: u32,
    pub arrival_us: i64,
}

/// A flow sample.
pub(super) struct Sample {
    /// Type and index of the data source.
    pub data_source: u64,
    /// One packet in so many.
    pub rate: u32,
    /// Packets that could not be sampled since the agent started.
    pub drops: u32,
    /// The packet; `None` when no record tells one.
    pub row: Option<Row>,
}

/// An interface: where a packet came from or went.
#[derive(Clone, Copy)]
enum Interface {
    Index(u32),
    Dropped,
    /// To several, or to the device itself.
    Unnamed,
}

/// A flow sample whose numbers share their octets (format 1).
pub(super) fn compact(mut body: Reader<'_>, place: &Place, defects: &mut Vec<Defect>) -> Option<Sample> {
    let _sequence = body.u32()?;
    let data_source = u64::from(body.u32()?);
    let data_source = (data_source >> 24) << 32 | data_source & 0x00ff_ffff;
    let (rate, _pool, drops) = (body.u32()?, body.u32()?, body.u32()?);
    let split = |value: u32| interface(value >> 30, value & 0x3fff_ffff);
    let (input, output) = (split(body.u32()?), split(body.u32()?));
    Some(Sample { data_source, rate, drops, row: records(body, place, rate, input, output, defects) })
}

/// A flow sample of an agent with large indexes (format 3).
pub(super) fn expanded(mut body: Reader<'_>, place: &Place, defects: &mut Vec<Defect>) -> Option<Sample> {
    let _sequence = body.u32()?;
    let data_source = u64::from(body.u32()?) << 32 | u64::from(body.u32()?);
    let (rate, _pool, drops) = (body.u32()?, body.u32()?, body.u32()?);
    let input = interface(body.u32()?, body.u32()?);
    let output = interface(body.u32()?, body.u32()?);
    Some(Sample { data_source, rate, drops, row: records(body, place, rate, input, output, defects) })
}

fn interface(format: u32, value: u32) -> Interface {
    match (format, value) {
        (0, INTERNAL | u32::MAX) => Interface::Unnamed,
        (0, index) => Interface::Index(index),
        (1, _) => Interface::Dropped,
        _ => Interface::Unnamed,
    }
}

/// Puts a row together from the records of a sample.
fn records(
    mut body: Reader<'_>,
    place: &Place,
    rate: u32,
    input: Interface,
    output: Interface,
    defects: &mut Vec<Defect>,
) -> Option<Row> {
    // A rate of 0 tells that nothing is sampled.
    if rate != 0 && sampling_rate(u64::from(rate)).is_none() {
        defects.push(Defect::byte(body.offset(), NONSENSE));
    }
    let mut row = Row {
        first_us: place.arrival_us,
        last_us: place.arrival_us,
        received_us: place.arrival_us,
        exporter: to_bits(place.exporter),
        domain: place.domain,
        packets: 1,
        flows: 1,
        sampling: sampling_rate(u64::from(rate)).unwrap_or(0),
        direction: NOT_TOLD,
        ..Row::default()
    };
    if let Interface::Index(index) = input {
        row.input = index;
    }
    match output {
        Interface::Index(index) => row.output = index,
        Interface::Dropped => row.forwarding = DROPPED,
        Interface::Unnamed => {}
    }
    let mut packet = false;
    for _ in 0..body.u32()? {
        let at = body.offset();
        let Some((format, record)) = body.structure() else {
            defects.push(Defect::byte(at, "sample ends inside a record"));
            break;
        };
        // Of a record that breaks off, nothing counts.
        let mut next = row;
        let read = match format {
            1 => raw(record, &mut next).map(|()| packet = true),
            // Beside a raw header these say less.
            2 if !packet => ethernet(record, &mut next).map(|()| packet = true),
            3 if row.ip == 0 => ip(record, &mut next, 4).map(|()| packet = true),
            4 if row.ip == 0 => ip(record, &mut next, 6).map(|()| packet = true),
            1001 => switch(record, &mut next),
            1002 => router(record, &mut next),
            1003 => gateway(record, &mut next),
            _ => Some(()),
        };
        if read.is_some() {
            row = next;
        }
        if read.is_none() {
            defects.push(Defect::byte(at, "record is shorter than what it tells"));
        }
    }
    packet.then_some(row)
}

/// The first octets of the packet itself.
fn raw(mut record: Reader<'_>, row: &mut Row) -> Option<()> {
    let (protocol, frame, stripped) = (record.u32()?, record.u32()?, record.u32()?);
    let header = record.opaque()?;
    let found = match protocol {
        ETHERNET => section::ethernet(header),
        IPV4 | IPV6 => section::ip(header),
        _ => Section::default(),
    };
    row.ip = found.ip;
    (row.src, row.dst) = (found.src, found.dst);
    (row.src_port, row.dst_port) = (found.src_port, found.dst_port);
    (row.proto, row.tcp_flags, row.tos) = (found.proto, found.tcp_flags, found.tos);
    (row.in_src_mac, row.out_dst_mac) = (found.src_mac, found.dst_mac);
    if row.src_vlan == 0 {
        row.src_vlan = found.vlan;
    }
    // Layer 3 by the IP header, which knows nothing of filling and check sums behind it.
    let link = u64::try_from(found.link_octets).unwrap_or(0);
    let behind = u64::from(frame).saturating_sub(u64::from(stripped)).saturating_sub(link);
    row.bytes = match u64::from(found.ip_octets) {
        0 => behind,
        told => told,
    };
    Some(())
}

fn ethernet(mut record: Reader<'_>, row: &mut Row) -> Option<()> {
    let frame = u64::from(record.u32()?);
    (row.in_src_mac, row.out_dst_mac) = (record.mac()?, record.mac()?);
    row.bytes = frame.saturating_sub(ETHERNET_OCTETS);
    Some(())
}

fn ip(mut record: Reader<'_>, row: &mut Row, version: u8) -> Option<()> {
    row.bytes = u64::from(record.u32()?);
    row.proto = record.u8()?;
    let mut address = || -> Option<IpAddr> {
        if version == 4 {
            record.take(4)?.try_into().ok().map(|octets: [u8; 4]| octets.into())
        } else {
            record.take(16)?.try_into().ok().map(|octets: [u8; 16]| octets.into())
        }
    };
    (row.src, row.dst) = (to_bits(address()?), to_bits(address()?));
    (row.src_port, row.dst_port) = (record.u16()?, record.u16()?);
    (row.tcp_flags, row.tos) = (record.u8()?, record.u8()?);
    row.ip = version;
    Some(())
}

fn switch(mut record: Reader<'_>, row: &mut Row) -> Option<()> {
    let (src, _, dst, _) = (record.u16()?, record.u32()?, record.u16()?, record.u32()?);
    if src != 0 {
        row.src_vlan = src;
    }
    row.dst_vlan = dst;
    Some(())
}

fn router(mut record: Reader<'_>, row: &mut Row) -> Option<()> {
    row.next_hop = record.address()?.map_or(0, to_bits);
    (row.src_mask, row.dst_mask) = (record.u8()?, record.u8()?);
    Some(())
}

/// The destination's system is the last of the path.
fn gateway(mut record: Reader<'_>, row: &mut Row) -> Option<()> {
    row.bgp_next_hop = record.address()?.map_or(0, to_bits);
    let (_own, src, _peer) = (record.u32()?, record.u32()?, record.u32()?);
    row.src_as = src;
    for _ in 0..record.u32()? {
        let _kind = record.u32()?;
        for _ in 0..record.u32()? {
            row.dst_as = record.u32()?;
        }
    }
    Some(())
}

/// A packet from or to the device itself.
const INTERNAL: u32 = 0x3fff_ffff;
/// Forwarding status "dropped, for no reason told" (IPFIX element 89).
const DROPPED: u8 = 128;
const NOT_TOLD: u8 = 255;
const ETHERNET: u32 = 1;
const IPV4: u32 = 11;
const IPV6: u32 = 12;
const ETHERNET_OCTETS: u64 = 14;
