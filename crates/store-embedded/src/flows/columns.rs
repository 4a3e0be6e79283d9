//! The columns of a flow file: what they are called, how Parquet types them, and how a batch has them.
//!
//! Addresses are 16 bytes in network order, an IPv4 address as its IPv4-mapped one, so that one column has both
//! families and compares in the order of addresses. Times are microseconds UTC. When a record arrived is told as the
//! delay after its last packet: next to nothing on the disk, where a third instant would cost two bytes a flow.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::Type;

use tadoru_model::Flows;

/// The cells of one column of a batch, widened: negative numbers as their two's complement.
#[derive(Clone)]
pub enum Cells {
    /// Numbers.
    Number(Vec<u64>),
    /// Addresses.
    Address(Vec<u128>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Microseconds since 1970 UTC.
    Instant,
    /// Signed microseconds.
    Delay,
    /// An unsigned number of so many bits.
    Unsigned(u8),
    /// An address.
    Address,
}

impl Kind {
    /// How Parquet stores it.
    pub const fn physical(self) -> Physical {
        match self {
            Self::Instant | Self::Delay | Self::Unsigned(64) => Physical::INT64,
            Self::Unsigned(_) => Physical::INT32,
            Self::Address => Physical::FIXED_LEN_BYTE_ARRAY,
        }
    }

    /// Bytes of a plain value.
    pub const fn width(self) -> usize {
        match self {
            Self::Instant | Self::Delay | Self::Unsigned(64) => 8,
            Self::Unsigned(_) => 4,
            Self::Address => 16,
        }
    }
}

/// Makes the list of columns, and the ways between a batch and its columns.
macro_rules! columns {
    ($($column:ident $field:ident $name:literal $kind:expr, $get:ident $put:ident;)+) => {
        /// A column, in the order of the file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "they are those of `Flows`")]
        pub enum Column { $($column,)+ }

        impl Column {
            /// Every column, in the order of the file.
            pub const ALL: &'static [Self] = &[$(Self::$column,)+];

            /// Its name in files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$column => $name,)+ }
            }

            /// What it holds.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$column => $kind,)+ }
            }

            /// Its cells in those rows, in that order.
            pub fn of(self, flows: &Flows, rows: &[u32]) -> Cells {
                match self { $(Self::$column => $get!(flows, $field, rows),)+ }
            }

            /// Puts cells behind what a batch has of the column.
            pub fn put(self, flows: &mut Flows, cells: &Cells) {
                match self { $(Self::$column => $put!(flows, $field, cells),)+ }
            }
        }
    };
}

macro_rules! number {
    ($flows:ident, $field:ident, $rows:ident) => {
        Cells::Number(match same(&$flows.$field) {
            Some(v) => vec![v as u64; $rows.len()],
            None => $rows.iter().map(|r| $flows.$field.get(*r as usize).map_or(0, |v| *v as u64)).collect(),
        })
    };
}

macro_rules! delay {
    ($flows:ident, $field:ident, $rows:ident) => {
        Cells::Number(
            $rows
                .iter()
                .map(|r| match ($flows.received_us.get(*r as usize), $flows.last_us.get(*r as usize)) {
                    (Some(received), Some(last)) => received.wrapping_sub(*last) as u64,
                    _ => 0,
                })
                .collect(),
        )
    };
}

macro_rules! address {
    ($flows:ident, $field:ident, $rows:ident) => {
        Cells::Address(match same(&$flows.$field) {
            Some(v) => vec![v; $rows.len()],
            None => $rows.iter().map(|r| $flows.$field.get(*r as usize).copied().unwrap_or(0)).collect(),
        })
    };
}

macro_rules! put_number {
    ($flows:ident, $field:ident, $cells:ident) => {
        if let Cells::Number(cells) = $cells {
            cells.iter().for_each(|v| $flows.$field.push(*v as _));
        }
    };
}

// Behind `last`, which stands before it in the list.
macro_rules! put_delay {
    ($flows:ident, $field:ident, $cells:ident) => {
        if let Cells::Number(cells) = $cells {
            let from = $flows.received_us.len();
            let last = $flows.last_us.get(from..).unwrap_or_default();
            let received = cells.iter().zip(last).map(|(delay, last)| last.wrapping_add(*delay as i64));
            $flows.received_us.extend(received);
        }
    };
}

macro_rules! put_address {
    ($flows:ident, $field:ident, $cells:ident) => {
        if let Cells::Address(cells) = $cells {
            $flows.$field.extend_from_slice(cells);
        }
    };
}

columns! {
    First first_us "first" Kind::Instant, number put_number;
    Last last_us "last" Kind::Instant, number put_number;
    Delay received_us "delay_us" Kind::Delay, delay put_delay;
    Src src "src" Kind::Address, address put_address;
    Dst dst "dst" Kind::Address, address put_address;
    SrcPort src_port "src_port" Kind::Unsigned(16), number put_number;
    DstPort dst_port "dst_port" Kind::Unsigned(16), number put_number;
    Proto proto "proto" Kind::Unsigned(8), number put_number;
    TcpFlags tcp_flags "tcp_flags" Kind::Unsigned(8), number put_number;
    Tos tos "tos" Kind::Unsigned(8), number put_number;
    Packets packets "packets" Kind::Unsigned(64), number put_number;
    Bytes bytes "bytes" Kind::Unsigned(64), number put_number;
    ReversePackets reverse_packets "reverse_packets" Kind::Unsigned(64), number put_number;
    ReverseBytes reverse_bytes "reverse_bytes" Kind::Unsigned(64), number put_number;
    Count flows "flows" Kind::Unsigned(32), number put_number;
    Sampling sampling "sampling" Kind::Unsigned(32), number put_number;
    Ip ip "ip" Kind::Unsigned(8), number put_number;
    Exporter exporter "exporter" Kind::Address, address put_address;
    Domain domain "domain" Kind::Unsigned(32), number put_number;
    Input input "input" Kind::Unsigned(32), number put_number;
    Output output "output" Kind::Unsigned(32), number put_number;
    SrcAs src_as "src_as" Kind::Unsigned(32), number put_number;
    DstAs dst_as "dst_as" Kind::Unsigned(32), number put_number;
    SrcMask src_mask "src_mask" Kind::Unsigned(8), number put_number;
    DstMask dst_mask "dst_mask" Kind::Unsigned(8), number put_number;
    NextHop next_hop "next_hop" Kind::Address, address put_address;
    BgpNextHop bgp_next_hop "bgp_next_hop" Kind::Address, address put_address;
    SrcVlan src_vlan "src_vlan" Kind::Unsigned(16), number put_number;
    DstVlan dst_vlan "dst_vlan" Kind::Unsigned(16), number put_number;
    InSrcMac in_src_mac "in_src_mac" Kind::Unsigned(64), number put_number;
    OutDstMac out_dst_mac "out_dst_mac" Kind::Unsigned(64), number put_number;
    Direction direction "direction" Kind::Unsigned(8), number put_number;
    Forwarding forwarding "forwarding" Kind::Unsigned(8), number put_number;
}

/// What all cells of a column are, where they are the same: those are not gathered one by one.
fn same<T: Copy + PartialEq>(cells: &[T]) -> Option<T> {
    cells.first().copied().filter(|first| cells.iter().all(|cell| cell == first))
}

/// The schema of every flow file.
///
/// # Errors
/// Never in practice: the list is fixed.
pub fn schema() -> Result<Arc<Type>, ParquetError> {
    let fields: Result<Vec<Arc<Type>>, ParquetError> = Column::ALL
        .iter()
        .map(|column| {
            let kind = column.kind();
            let logical = match kind {
                Kind::Instant => Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
                Kind::Unsigned(bits) => Some(LogicalType::integer(bits as i8, false)),
                Kind::Delay | Kind::Address => None,
            };
            let field = Type::primitive_type_builder(column.name(), kind.physical())
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(logical);
            let field = if kind == Kind::Address { field.with_length(16) } else { field };
            field.build().map(Arc::new)
        })
        .collect();
    Type::group_type_builder("flows").with_fields(fields?).build().map(Arc::new)
}
