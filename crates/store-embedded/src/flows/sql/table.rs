//! The table `flows` of a statement: its columns, and how a flow becomes a row of it.
//!
//! Columns have the names that they have in the flow files. Addresses are texts, IPv4 as such, and IPv4 addresses numbers
//! too; a field that was not told is `NULL` where 0 says so. Instants are microseconds since 1970 UTC, and texts beside
//! them, which are made when they are read.

use std::net::IpAddr;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use tadoru_model::Flow;
use tadoru_model::flow::from_bits;

/// The columns that are kept, in their order.
pub const COLUMNS: &[&str] = &[
    "first_us",
    "last_us",
    "received_us",
    "src",
    "dst",
    "src_port",
    "dst_port",
    "proto",
    "tcp_flags",
    "tos",
    "packets",
    "bytes",
    "reverse_packets",
    "reverse_bytes",
    "flows",
    "sampling",
    "ip",
    "src_int",
    "dst_int",
    "src_net",
    "dst_net",
    "exporter",
    "domain",
    "input",
    "output",
    "src_as",
    "dst_as",
    "src_mask",
    "dst_mask",
    "next_hop",
    "bgp_next_hop",
    "src_vlan",
    "dst_vlan",
    "in_src_mac",
    "out_dst_mac",
    "direction",
    "forwarding",
];

/// How many of them there are.
pub const fn columns() -> usize {
    COLUMNS.len()
}

/// The statement that makes the table.
pub fn definition() -> String {
    let is_text = |name: &str| {
        matches!(name, "src" | "dst" | "src_net" | "dst_net" | "exporter")
            || name.ends_with("next_hop")
            || name.ends_with("_mac")
    };
    let kept =
        COLUMNS.iter().map(|name| format!("{name} {}", if is_text(name) { "TEXT" } else { "INTEGER" }));
    let made = ["first", "last", "received"].map(|name| {
        let us = format!("{name}_us");
        let part = format!("((({us}) % 1000000 + 1000000) % 1000000)");
        format!(
            "{name} TEXT GENERATED ALWAYS AS (strftime('%Y-%m-%dT%H:%M:%S', ({us} - {part}) / 1000000, 'unixepoch') \
             || printf('.%06dZ', {part})) VIRTUAL"
        )
    });
    let duration = "duration_ms INTEGER GENERATED ALWAYS AS (max(last_us - first_us, 0) / 1000) VIRTUAL";
    let all: Vec<String> = kept.chain(made).chain([duration.to_owned()]).collect();
    format!("CREATE TABLE flows ({})", all.join(", "))
}

/// Binds a flow's values, in the order of [`COLUMNS`].
pub fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    flow: &Flow,
) -> Query<'q, Sqlite, SqliteArguments> {
    let (src, dst) = (told(flow.src, flow.ip), told(flow.dst, flow.ip));
    // A count that no number of the database holds stays at its largest.
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    query
        .bind(flow.first_us)
        .bind(flow.last_us)
        .bind(flow.received_us)
        .bind(src.map(|addr| addr.to_string()))
        .bind(dst.map(|addr| addr.to_string()))
        .bind(flow.src_port)
        .bind(flow.dst_port)
        .bind(flow.proto)
        .bind(flow.tcp_flags)
        .bind(flow.tos)
        .bind(count(flow.packets))
        .bind(count(flow.bytes))
        .bind(count(flow.reverse_packets))
        .bind(count(flow.reverse_bytes))
        .bind(flow.flows)
        .bind(flow.sampling)
        .bind(flow.ip)
        .bind(src.and_then(number))
        .bind(dst.and_then(number))
        .bind(src.map(network))
        .bind(dst.map(network))
        .bind(other(flow.exporter).map(|addr| addr.to_string()))
        .bind(flow.domain)
        .bind(flow.input)
        .bind(flow.output)
        .bind(flow.src_as)
        .bind(flow.dst_as)
        .bind(flow.src_mask)
        .bind(flow.dst_mask)
        .bind(other(flow.next_hop).map(|addr| addr.to_string()))
        .bind(other(flow.bgp_next_hop).map(|addr| addr.to_string()))
        .bind(flow.src_vlan)
        .bind(flow.dst_vlan)
        .bind(mac(flow.in_src_mac))
        .bind(mac(flow.out_dst_mac))
        .bind(flow.direction)
        .bind(flow.forwarding)
}

/// An address of a flow; none where the packets were not IP.
fn told(bits: u128, ip: u8) -> Option<IpAddr> {
    matches!(ip, 4 | 6).then(|| from_bits(bits, ip))
}

/// An address of a router, which tells its family by itself; none where it was not told.
fn other(bits: u128) -> Option<IpAddr> {
    (bits != 0).then(|| {
        let v6 = std::net::Ipv6Addr::from_bits(bits);
        v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
    })
}

/// An IPv4 address as a number.
fn number(addr: IpAddr) -> Option<i64> {
    match addr {
        IpAddr::V4(v4) => Some(v4.to_bits().into()),
        IpAddr::V6(_) => None,
    }
}

/// The /24 or /56 of an address: the longest prefixes in which nobody is told.
fn network(addr: IpAddr) -> String {
    match addr {
        IpAddr::V4(v4) => format!("{}/24", std::net::Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => {
            format!("{}/56", std::net::Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 72)))
        }
    }
}

fn mac(bits: u64) -> Option<String> {
    let [_, _, octets @ ..] = bits.to_be_bytes();
    (bits != 0).then(|| octets.map(|octet| format!("{octet:02x}")).join(":"))
}
