//! Flows as columns: what exporters, meters and archives tell, in one shape for detectors and stores.
//!
//! One column a field, so that a detector or a store touches only what it needs. Counts are as the exporter sent them:
//! whoever wants the traffic itself multiplies by [`Flows::sampling`]. Absent fields are zero, as on the wire.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        /// A batch of flows. Every column is as long as the batch.
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct Flows {
            $($(#[$doc])* pub $name: Vec<$type>,)+
        }

        /// One flow of a batch, for whoever looks at a single one.
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub struct Flow {
            $($(#[$doc])* pub $name: $type,)+
        }

        impl Flows {
            /// A batch without flows, with room for `rows`.
            pub fn with_capacity(rows: usize) -> Self {
                Self { $($name: Vec::with_capacity(rows),)+ }
            }

            /// Adds one flow.
            pub fn push(&mut self, flow: Flow) {
                $(self.$name.push(flow.$name);)+
            }

            /// Adds the flows of another batch, and leaves it empty.
            pub fn append(&mut self, other: &mut Self) {
                $(self.$name.append(&mut other.$name);)+
            }

            /// The flow in a row, `None` behind the last.
            pub fn get(&self, row: usize) -> Option<Flow> {
                Some(Flow { $($name: *self.$name.get(row)?,)+ })
            }

            /// Forgets all rows and keeps the room.
            pub fn clear(&mut self) {
                $(self.$name.clear();)+
            }

            /// Whether every column is as long as the batch.
            pub fn is_even(&self) -> bool {
                true $(&& self.$name.len() == self.rows())+
            }
        }
    };
}

columns! {
    /// When its first packet was seen, microseconds since 1970 UTC, by the exporter's clock as corrected.
    first_us: i64,
    /// When its last packet was seen.
    last_us: i64,
    /// When its record arrived here.
    received_us: i64,
    /// Address of the exporter, as [`to_bits`].
    exporter: u128,
    /// Observation domain, source id, engine or sub-agent of the exporter.
    domain: u32,
    /// IP version of the packets: 4, 6, or 0 when they are not IP.
    ip: u8,
    /// Source address, as [`to_bits`].
    src: u128,
    /// Destination address, as [`to_bits`].
    dst: u128,
    /// Source port; 0 for protocols without.
    src_port: u16,
    /// Destination port; of ICMP, type x 256 + code, as exporters put it.
    dst_port: u16,
    /// IP protocol number.
    proto: u8,
    /// TCP control bits of all packets together: CWR 128, ECE 64, URG 32, ACK 16, PSH 8, RST 4, SYN 2, FIN 1.
    tcp_flags: u8,
    /// Type of service or traffic class.
    tos: u8,
    /// Packets as counted, unscaled.
    packets: u64,
    /// Octets of layer 3 as counted, unscaled.
    bytes: u64,
    /// Packets of the other direction, where one record tells both (RFC 5103).
    reverse_packets: u64,
    /// Octets of the other direction.
    reverse_bytes: u64,
    /// Flows that the record stands for: 1 but in aggregated records.
    flows: u32,
    /// One in how many packets was looked at; 0 when nobody said.
    sampling: u32,
    /// Interface where it came in, by the exporter's index; 0 when not told.
    input: u32,
    /// Interface where it went out.
    output: u32,
    /// Autonomous system of the source, 0 when not told.
    src_as: u32,
    /// Autonomous system of the destination.
    dst_as: u32,
    /// Length of the source's prefix.
    src_mask: u8,
    /// Length of the destination's prefix.
    dst_mask: u8,
    /// Next hop by the exporter's table, as [`to_bits`], 0 when not told.
    next_hop: u128,
    /// Next hop of BGP.
    bgp_next_hop: u128,
    /// VLAN where it came in.
    src_vlan: u16,
    /// VLAN where it went out.
    dst_vlan: u16,
    /// Source MAC address where it came in, in the low 48 bits.
    in_src_mac: u64,
    /// Destination MAC address where it went out.
    out_dst_mac: u64,
    /// Where the exporter saw it: 0 on the way in, 1 on the way out, 255 not told (IPFIX element 61).
    direction: u8,
    /// What the exporter did with it, as IPFIX element 89 says; 0 when not told.
    forwarding: u8,
}

impl Flows {
    /// How many flows there are.
    pub fn rows(&self) -> usize {
        self.first_us.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first_us.is_empty()
    }
}

/// An address as a number: an IPv6 address as it is, an IPv4 address as its IPv4-mapped address (RFC 4291 section
/// 2.5.5.2). The column [`Flows::ip`] tells which it was.
pub fn to_bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => MAPPED | u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address that a number of a column stands for; `ip` is the IP version of its row.
pub fn from_bits(bits: u128, ip: u8) -> IpAddr {
    let [.., a, b, c, d] = bits.to_be_bytes();
    if ip == 6 { Ipv6Addr::from_bits(bits).into() } else { Ipv4Addr::new(a, b, c, d).into() }
}

const MAPPED: u128 = 0xffff_0000_0000;

impl std::fmt::Debug for Flows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} flows]", self.rows())
    }
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[flow]")
    }
}
