//! Single flows for people: nfdump's columns and their order, where it has them.

use comfy_table::ContentArrangement;
use jiff::tz::TimeZone;
use tadoru_model::Protocol;
use tadoru_web::api::flows::{FlowList, FlowRow};

use super::sheet::Sheet;
use super::words;
use crate::print::{self, Voice};

/// Prints flows, and how many there are.
pub fn show(listed: &FlowList, voice: &Voice) {
    let is_sampled = listed.flows.iter().any(|row| row.sampling > 1);
    let mut columns = voice.columns(JA_COLUMNS, COLUMNS).to_vec();
    if is_sampled {
        columns.push(voice.say(">サンプリング", ">Sampling"));
    }
    let mut table = print::table(&columns);
    // An address that is broken in two is no address.
    table.set_content_arrangement(ContentArrangement::Disabled);
    for row in &listed.flows {
        let mut cells = vec![
            local(&row.first, &voice.zone),
            seconds(row),
            protocol(row.proto),
            end(row, row.src.as_deref(), row.src_port, Side::Source),
            end(row, row.dst.as_deref(), row.dst_port, Side::Destination),
            flags(row.tcp_flags),
            row.tos.to_string(),
            print::number(row.packets.saturating_add(row.reverse_packets)),
            print::number(row.bytes.saturating_add(row.reverse_bytes)),
            row.flows.to_string(),
        ];
        if is_sampled {
            cells.push(if row.sampling > 1 { format!("1:{}", row.sampling) } else { "-".to_owned() });
        }
        table.add_row(cells);
    }
    if !listed.flows.is_empty() {
        print::show(&table);
    }
    print!("{}", words::listed(listed, voice.lang));
}

/// Flows as nfdump writes them with `-o csv`, in UTC; the last five columns are our own.
pub fn sheet(flows: &[FlowRow]) -> Sheet {
    let none = |text: &Option<String>| text.clone().unwrap_or_default();
    let row = |row: &FlowRow| {
        vec![
            row.first.clone(),
            row.last.clone(),
            seconds(row),
            none(&row.src),
            none(&row.dst),
            row.src_port.to_string(),
            row.dst_port.to_string(),
            protocol(row.proto),
            flags(row.tcp_flags),
            row.forwarding.to_string(),
            row.tos.to_string(),
            row.packets.to_string(),
            row.bytes.to_string(),
            row.reverse_packets.to_string(),
            row.reverse_bytes.to_string(),
            row.input.to_string(),
            row.output.to_string(),
            row.src_as.to_string(),
            row.dst_as.to_string(),
            row.src_mask.to_string(),
            row.dst_mask.to_string(),
            if row.direction == NOT_TOLD { String::new() } else { row.direction.to_string() },
            none(&row.next_hop),
            none(&row.bgp_next_hop),
            row.src_vlan.to_string(),
            row.dst_vlan.to_string(),
            none(&row.in_src_mac),
            none(&row.out_dst_mac),
            none(&row.exporter),
            row.received.clone(),
            row.flows.to_string(),
            row.sampling.to_string(),
            row.domain.to_string(),
        ]
    };
    Sheet {
        header: HEADER.iter().map(|name| (*name).to_owned()).collect(),
        rows: flows.iter().map(row).collect(),
    }
}

/// Which end of a flow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
}

/// An end of a flow; of ICMP, type and code stand at the destination.
fn end(row: &FlowRow, addr: Option<&str>, port: u16, side: Side) -> String {
    let addr = addr.unwrap_or("-");
    let port = match (Protocol(row.proto), side) {
        (Protocol::ICMP | Protocol(ICMPV6), Side::Destination) => format!("{}.{}", port >> 8, port & 0xff),
        _ => port.to_string(),
    };
    if addr.contains(':') { format!("[{addr}]:{port}") } else { format!("{addr}:{port}") }
}

fn protocol(proto: u8) -> String {
    match proto {
        0 => "0".to_owned(),
        proto => Protocol(proto).to_string().to_uppercase(),
    }
}

/// TCP control bits as nfdump writes them.
pub fn flags(bits: u8) -> String {
    let letters = ['C', 'E', 'U', 'A', 'P', 'R', 'S', 'F'].into_iter().enumerate();
    letters.map(|(n, letter)| if bits & (0x80 >> n) == 0 { '.' } else { letter }).collect()
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

fn local(text: &str, zone: &TimeZone) -> String {
    let zoned = instant(text).map(|at| at.to_zoned(zone.clone()));
    zoned.map_or_else(|| text.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string())
}

/// From the first packet to the last, in seconds.
fn seconds(row: &FlowRow) -> String {
    let ms = instant(&row.first).zip(instant(&row.last));
    let ms =
        ms.map_or(0, |(first, last)| last.as_millisecond().saturating_sub(first.as_millisecond()).max(0));
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

const COLUMNS: &[&str] = &[
    "Date first seen",
    ">Duration",
    "Proto",
    ">Src IP Addr:Port",
    "Dst IP Addr:Port",
    "Flags",
    ">Tos",
    ">Packets",
    ">Bytes",
    ">Flows",
];
const JA_COLUMNS: &[&str] =
    &["開始", ">秒", "プロトコル", ">送信元", "宛先", "フラグ", ">ToS", ">パケット", ">バイト", ">フロー"];
const HEADER: &[&str] = &[
    "ts", "te", "td", "sa", "da", "sp", "dp", "pr", "flg", "fwd", "stos", "ipkt", "ibyt", "opkt", "obyt",
    "in", "out", "sas", "das", "smk", "dmk", "dir", "nh", "nhb", "svln", "dvln", "ismc", "odmc", "ra", "tr",
    "flows", "sampling", "domain",
];
const ICMPV6: u8 = 58;
const NOT_TOLD: u8 = 255;
