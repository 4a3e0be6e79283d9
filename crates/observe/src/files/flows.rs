//! Files of flows: nfdump's own, captures of exports, and captures of packets, which are metered here.
//!
//! Which of them a file is, its octets say. A capture is one of exports when one of its first [`LOOKED_AT`] packets is a
//! whole NetFlow, IPFIX or sFlow datagram, or goes to a port of theirs and begins as one. What goes to where exports go and
//! is none, is then a defect and never a flow; other packets are counted as ignored. Flows go out in batches.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use tadoru_model::Flows;
use tadoru_wire::flow::{self, Columns, Decoder};
use tadoru_wire::nfcapd::Blocks;
use tadoru_wire::packet::headers;
use tadoru_wire::pcap::{Completeness, Packet, Packets, UdpPayload, udp_payload};
use tadoru_wire::tables::Fault;
use tadoru_wire::{Defect, Place, sflow};

use super::Task;
use super::input::Input;
use super::nat::{Found, TEMPLATE_MISSING};
use super::tally::Tally;
use crate::meter::{Config, Meter};

impl Task<'_> {
    /// Flows of whatever kind of file it is.
    pub(super) fn flows(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        // The first octets of nfdump's files on a little-endian machine (nffileV2.h); a capture begins otherwise.
        if input.fill_buf()?.starts_with(&NFCAPD) {
            return self.nfcapd(input, tally);
        }
        let mut packets = Packets::new(input);
        let first: Vec<Result<Packet, Fault>> = packets.by_ref().take(LOOKED_AT).collect();
        let is_export =
            |packet: &Packet| udp_payload(packet).is_some_and(|udp| is_export(&udp) || is_meant(&udp));
        let exports = first.iter().flatten().any(is_export);
        let packets = first.into_iter().chain(packets);
        if exports { exported(packets, tally) } else { metered(packets, tally) }
    }

    fn nfcapd(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let mut found = Found::default();
        for block in Blocks::new(input) {
            let Some(mut block) = tally.sound(block)? else { continue };
            found.rows += block.flows.rows() as u64;
            found.events += block.events;
            tally.records(block.flows.rows() as u64 + block.events + block.bare);
            (0..block.events + block.bare).for_each(|_| tally.ignored());
            block.defects.drain(..).for_each(|defect| tally.defect_anywhere(defect));
            // A record tells no arrival where the collector did not note it: then it is as old as its flow.
            for (received, last) in block.flows.received_us.iter_mut().zip(&block.flows.last_us) {
                *received = (*received).max(*last);
            }
            if hand_on(&mut block.flows, 1, tally).is_break() {
                return Ok(());
            }
        }
        if found.rows == 0 && found.events > 0 {
            let what = format!(
                "it holds no flow but {} NAT events, which are not read from nfdump's files",
                found.events
            );
            tally.defect_anywhere(Defect::byte(0, what));
        }
        Ok(())
    }
}

/// Export datagrams of a capture, each taken as it was captured.
fn exported(packets: impl Iterator<Item = Result<Packet, Fault>>, tally: &mut Tally<'_>) -> io::Result<()> {
    let (mut flows, mut samples) = (Decoder::default(), sflow::Decoder::new(MOST_AGENTS));
    let (mut columns, mut arrived) = (Columns::default(), 0);
    let mut collectors: HashSet<(IpAddr, u16)> = HashSet::new();
    let (mut found, mut ended) = (Found::default(), Ok(()));
    for packet in packets {
        let packet = match tally.sound(packet) {
            Ok(Some(packet)) => packet,
            Ok(None) => continue,
            // What came before the broken place is kept.
            Err(error) => {
                ended = Err(error);
                break;
            }
        };
        tally.record();
        let place = Place::Byte(packet.offset);
        let Some(udp) = udp_payload(&packet) else {
            tally.ignored();
            continue;
        };
        let collector = (udp.dst, udp.dst_port);
        if is_export(&udp) {
            if collectors.len() < MOST_COLLECTORS {
                collectors.insert(collector);
            }
        } else if !collectors.contains(&collector) && !is_meant(&udp) {
            tally.ignored();
            continue;
        }
        if udp.completeness != Completeness::Whole {
            let what = "export is not captured whole".to_owned();
            tally.defect_anywhere(Defect { place, what });
            continue;
        }
        arrived = packet.time_us.unwrap_or(arrived);
        let source = SocketAddr::new(udp.src, udp.src_port);
        let defects = if sflow::is_datagram(udp.payload) {
            let report = samples.collect(source, arrived, udp.payload, &mut columns);
            found.rows += u64::from(report.rows);
            found.counters += u64::from(report.counters);
            report.defects
        } else {
            let report = flows.collect(source, arrived, udp.payload, &mut columns, &mut |_| {});
            found.note(&report);
            report.defects
        };
        for defect in defects {
            tally.defect_anywhere(Defect { place, what: defect.what });
        }
        if hand_on(&mut columns, BATCH, tally).is_break() {
            return Ok(());
        }
    }
    let _ = hand_on(&mut columns, 1, tally);
    if flows.waiting_bytes() > 0 {
        tally.defect_anywhere(Defect::byte(0, TEMPLATE_MISSING));
    } else if let Some(what) = found.instead_of_flows() {
        tally.defect_anywhere(Defect::byte(0, what));
    }
    ended
}

/// Packets of a capture, made into flows.
fn metered(packets: impl Iterator<Item = Result<Packet, Fault>>, tally: &mut Tally<'_>) -> io::Result<()> {
    let mut meter = Meter::new(Config::default());
    let mut flows = Flows::default();
    let mut ended = Ok(());
    for packet in packets {
        let packet = match tally.sound(packet) {
            Ok(Some(packet)) => packet,
            Ok(None) => continue,
            Err(error) => {
                ended = Err(error);
                break;
            }
        };
        tally.record();
        match (packet.time_us, headers(packet.link_type, &packet.data)) {
            (Some(at_us), Ok(headers)) => meter.take(at_us, &headers, &mut flows),
            _ => tally.ignored(),
        }
        if flows.rows() >= BATCH && tally.flows(std::mem::take(&mut flows)).is_break() {
            return Ok(());
        }
    }
    meter.finish(&mut flows);
    if !flows.is_empty() {
        let _ = tally.flows(flows);
    }
    ended
}

/// Hands the flows on when there are at least `least`.
fn hand_on(columns: &mut Columns, least: usize, tally: &mut Tally<'_>) -> ControlFlow<()> {
    if columns.rows() < least.max(1) {
        return ControlFlow::Continue(());
    }
    tally.flows(adopt(std::mem::take(columns)))
}

/// Whether a datagram is a whole export by its own lengths.
fn is_export(udp: &UdpPayload<'_>) -> bool {
    udp.completeness == Completeness::Whole
        && (flow::is_whole(udp.payload) || sflow::is_datagram(udp.payload) && sflow::is_whole(udp.payload))
}

/// Whether a datagram was meant to be an export: it goes to a port where they are received, and begins as one.
fn is_meant(udp: &UdpPayload<'_>) -> bool {
    PORTS.contains(&udp.dst_port)
        && (sflow::is_datagram(udp.payload) || matches!(udp.payload, [0, 5 | 9 | 10, ..]))
}

macro_rules! moved {
    ($to:ident, $from:ident: $($name:ident),+ $(,)?) => {
        $to { $($name: $from.$name,)+ }
    };
}

macro_rules! moves {
    ($($name:ident),+ $(,)?) => {
        /// The columns of the wire as the columns of the house; nothing is copied.
        pub fn adopt(columns: Columns) -> Flows {
            moved!(Flows, columns: $($name),+)
        }

        /// The columns of the house as those of the wire, to go on with them.
        pub(crate) fn give_back(flows: Flows) -> Columns {
            moved!(Columns, flows: $($name),+)
        }
    };
}

moves!(
    first_us,
    last_us,
    received_us,
    exporter,
    domain,
    ip,
    src,
    dst,
    src_port,
    dst_port,
    proto,
    tcp_flags,
    tos,
    packets,
    bytes,
    reverse_packets,
    reverse_bytes,
    flows,
    sampling,
    input,
    output,
    src_as,
    dst_as,
    src_mask,
    dst_mask,
    next_hop,
    bgp_next_hop,
    src_vlan,
    dst_vlan,
    in_src_mac,
    out_dst_mac,
    direction,
    forwarding,
);

const NFCAPD: [u8; 2] = [0x0c, 0xa5];
/// Ports where exports are received: IPFIX and sFlow by IANA's register, NetFlow by custom.
const PORTS: [u16; 8] = [2055, 2056, 4432, 4739, 6343, 9555, 9995, 9996];
/// Collectors of one capture that are told apart.
const MOST_COLLECTORS: usize = 1024;
/// Packets by which a capture is told to be one of exports.
const LOOKED_AT: usize = 256;
/// Flows handed on together at least.
const BATCH: usize = 65_536;
/// sFlow agents that are told apart.
const MOST_AGENTS: usize = 4096;
