//! Traffic flows as columns, one vector a field: what every reader of flow exports fills.
//!
//! The names and meanings are those of the nouns that the rooms hand to each other, so that the vectors can be moved
//! over as they are. Counts are as the exporter sent them; absent fields are zero, as on the wire.

use std::net::IpAddr;

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        /// A batch of flows. Every column is as long as the batch.
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct Columns {
            $($(#[$doc])* pub $name: Vec<$type>,)+
        }

        /// One flow of a batch, for whoever looks at a single one.
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub struct Row {
            $($(#[$doc])* pub $name: $type,)+
        }

        impl Columns {
            /// A batch without flows, with room for `rows`.
            pub fn with_capacity(rows: usize) -> Self {
                Self { $($name: Vec::with_capacity(rows),)+ }
            }

            /// Adds one flow.
            pub fn push(&mut self, flow: Row) {
                $(self.$name.push(flow.$name);)+
            }

            /// Adds the flows of another batch, and leaves it empty.
            pub fn append(&mut self, other: &mut Self) {
                $(self.$name.append(&mut other.$name);)+
            }

            /// The flow in a row, `None` behind the last.
            pub fn get(&self, row: usize) -> Option<Row> {
                Some(Row { $($name: *self.$name.get(row)?,)+ })
            }

            /// Forgets all rows and keeps the room.
            pub fn clear(&mut self) {
                $(self.$name.clear();)+
            }

            /// Forgets the rows behind the first `rows`.
            pub fn truncate(&mut self, rows: usize) {
                $(self.$name.truncate(rows);)+
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
    /// Octets of the other direction. NetFlow v9 elements 23 and 24 beside 1 and 2 are read so too, as exporters of
    /// two-way flows mean them.
    reverse_bytes: u64,
    /// Columns that the record stands for: 1 but in aggregated records.
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
    /// Destination MAC address where it went out; where it came in, when only that is told.
    out_dst_mac: u64,
    /// Where the exporter saw it: 0 on the way in, 1 on the way out, 255 not told (IPFIX element 61).
    direction: u8,
    /// What the exporter did with it, as IPFIX element 89 says; 0 when not told.
    forwarding: u8,
}

impl Columns {
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
/// 2.5.5.2). The column [`Columns::ip`] tells which it was.
pub fn to_bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => MAPPED | u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

pub(crate) const MAPPED: u128 = 0xffff_0000_0000;

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} flows]", self.rows())
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[row]")
    }
}
