//! A single flow in JSON: its members have the names of the columns of the flow files.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use tadoru_model::flow::{from_bits, to_bits};
use tadoru_model::{Flow, UtcMicros};
use utoipa::ToSchema;

/// A flow as its exporter told it. Members that are left out were not told, or are 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FlowRow {
    /// When its first packet was seen, RFC 3339 in UTC.
    pub first: String,
    /// When its last packet was seen.
    pub last: String,
    /// When its record arrived here.
    pub received: String,
    /// Version of IP: 4, 6, or 0 when the packets were not IP.
    pub ip: u8,
    /// Source address in canonical text (RFC 5952).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
    /// Destination address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst: Option<String>,
    /// Source port; 0 for protocols without.
    pub src_port: u16,
    /// Destination port; of ICMP, type x 256 + code.
    pub dst_port: u16,
    /// Number of the protocol.
    pub proto: u8,
    /// TCP control bits of all packets together.
    #[serde(skip_serializing_if = "is_zero")]
    pub tcp_flags: u8,
    /// Type of service or traffic class.
    #[serde(skip_serializing_if = "is_zero")]
    pub tos: u8,
    /// Packets as counted, unscaled.
    pub packets: u64,
    /// Octets of layer 3 as counted, unscaled.
    pub bytes: u64,
    /// Packets of the other direction, where one record tells both.
    #[serde(skip_serializing_if = "is_zero")]
    pub reverse_packets: u64,
    /// Octets of the other direction.
    #[serde(skip_serializing_if = "is_zero")]
    pub reverse_bytes: u64,
    /// Flows that the record stands for.
    pub flows: u32,
    /// One packet in how many was looked at: the real counts are about so many times these. 0 when nobody said.
    pub sampling: u32,
    /// Address of the exporter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exporter: Option<String>,
    /// Observation domain, source id, engine or sub-agent of the exporter.
    #[serde(skip_serializing_if = "is_zero")]
    pub domain: u32,
    /// Interface where it came in.
    #[serde(skip_serializing_if = "is_zero")]
    pub input: u32,
    /// Interface where it went out.
    #[serde(skip_serializing_if = "is_zero")]
    pub output: u32,
    /// Autonomous system of the source.
    #[serde(skip_serializing_if = "is_zero")]
    pub src_as: u32,
    /// Autonomous system of the destination.
    #[serde(skip_serializing_if = "is_zero")]
    pub dst_as: u32,
    /// Length of the source's prefix.
    #[serde(skip_serializing_if = "is_zero")]
    pub src_mask: u8,
    /// Length of the destination's prefix.
    #[serde(skip_serializing_if = "is_zero")]
    pub dst_mask: u8,
    /// Next hop by the exporter's table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<String>,
    /// Next hop of BGP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bgp_next_hop: Option<String>,
    /// VLAN where it came in.
    #[serde(skip_serializing_if = "is_zero")]
    pub src_vlan: u16,
    /// VLAN where it went out.
    #[serde(skip_serializing_if = "is_zero")]
    pub dst_vlan: u16,
    /// Source MAC address where it came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_src_mac: Option<String>,
    /// Destination MAC address where it went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_dst_mac: Option<String>,
    /// Where the exporter saw it: 0 on the way in, 1 on the way out, 255 not told.
    pub direction: u8,
    /// What the exporter did with it (IPFIX element 89).
    #[serde(skip_serializing_if = "is_zero")]
    pub forwarding: u8,
}

impl FlowRow {
    /// A flow's row.
    pub fn of(flow: &Flow) -> Self {
        let told = |bits| matches!(flow.ip, 4 | 6).then(|| from_bits(bits, flow.ip).to_string());
        let at = |us| UtcMicros(us).to_string();
        Self {
            first: at(flow.first_us),
            last: at(flow.last_us),
            received: at(flow.received_us),
            ip: flow.ip,
            src: told(flow.src),
            dst: told(flow.dst),
            src_port: flow.src_port,
            dst_port: flow.dst_port,
            proto: flow.proto,
            tcp_flags: flow.tcp_flags,
            tos: flow.tos,
            packets: flow.packets,
            bytes: flow.bytes,
            reverse_packets: flow.reverse_packets,
            reverse_bytes: flow.reverse_bytes,
            flows: flow.flows,
            sampling: flow.sampling,
            exporter: router(flow.exporter),
            domain: flow.domain,
            input: flow.input,
            output: flow.output,
            src_as: flow.src_as,
            dst_as: flow.dst_as,
            src_mask: flow.src_mask,
            dst_mask: flow.dst_mask,
            next_hop: router(flow.next_hop),
            bgp_next_hop: router(flow.bgp_next_hop),
            src_vlan: flow.src_vlan,
            dst_vlan: flow.dst_vlan,
            in_src_mac: mac(flow.in_src_mac),
            out_dst_mac: mac(flow.out_dst_mac),
            direction: flow.direction,
            forwarding: flow.forwarding,
        }
    }

    /// The flow of a row; `None` when a text of it cannot be read.
    pub fn flow(&self) -> Option<Flow> {
        let at = |text: &str| text.parse::<jiff::Timestamp>().ok().map(|at| UtcMicros::from(at).0);
        let addr = |text: &Option<String>| match text {
            None => Some(0),
            Some(text) => text.parse::<IpAddr>().ok().map(to_bits),
        };
        Some(Flow {
            first_us: at(&self.first)?,
            last_us: at(&self.last)?,
            received_us: at(&self.received)?,
            exporter: addr(&self.exporter)?,
            domain: self.domain,
            ip: self.ip,
            src: addr(&self.src)?,
            dst: addr(&self.dst)?,
            src_port: self.src_port,
            dst_port: self.dst_port,
            proto: self.proto,
            tcp_flags: self.tcp_flags,
            tos: self.tos,
            packets: self.packets,
            bytes: self.bytes,
            reverse_packets: self.reverse_packets,
            reverse_bytes: self.reverse_bytes,
            flows: self.flows,
            sampling: self.sampling,
            input: self.input,
            output: self.output,
            src_as: self.src_as,
            dst_as: self.dst_as,
            src_mask: self.src_mask,
            dst_mask: self.dst_mask,
            next_hop: addr(&self.next_hop)?,
            bgp_next_hop: addr(&self.bgp_next_hop)?,
            src_vlan: self.src_vlan,
            dst_vlan: self.dst_vlan,
            in_src_mac: octets(&self.in_src_mac)?,
            out_dst_mac: octets(&self.out_dst_mac)?,
            direction: self.direction,
            forwarding: self.forwarding,
        })
    }
}

/// An address that tells its family by itself; none where it was not told.
fn router(bits: u128) -> Option<String> {
    (bits != 0).then(|| {
        let v6 = Ipv6Addr::from_bits(bits);
        v6.to_ipv4_mapped().map_or_else(|| v6.to_string(), |v4| v4.to_string())
    })
}

fn mac(bits: u64) -> Option<String> {
    let [_, _, octets @ ..] = bits.to_be_bytes();
    (bits != 0).then(|| octets.map(|octet| format!("{octet:02x}")).join(":"))
}

fn octets(text: &Option<String>) -> Option<u64> {
    let Some(text) = text else { return Some(0) };
    text.split(':')
        .try_fold(0, |bits: u64, octet| Some(bits << 8 | u64::from(u8::from_str_radix(octet, 16).ok()?)))
}

fn is_zero<T: Default + PartialEq>(n: &T) -> bool {
    *n == T::default()
}

#[cfg(test)]
mod tests;
