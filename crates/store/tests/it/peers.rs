//! Our filters against nfdump's own, over the same flows.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows};
use tadoru_store::filter::Filter;

use crate::nfcapd;

/// Rows that nfdump finds; `Err` with its complaint.
fn nfdump(folder: &Path, filter: &str) -> Result<Vec<u32>, String> {
    std::fs::write(folder.join("filter"), filter).unwrap();
    let run = Command::new("nfdump")
        .current_dir(folder)
        .env("TZ", "UTC")
        .args(["-C", "none", "-G", "countries", "-q", "-r", "flows", "-f", "filter", "-o", "fmt:%nas"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&run.stderr).trim().to_owned();
    if !run.status.success() || !complaint.is_empty() {
        return Err(complaint);
    }
    let text = String::from_utf8(run.stdout).unwrap();
    Ok(text.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

fn ours(flows: &Flows, filter: &str) -> Vec<u32> {
    let mut rows = Vec::new();
    Filter::parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}")).select(
        flows,
        0..flows.rows(),
        &mut rows,
    );
    rows
}

/// Whether nfdump is there; says so when it is not.
fn has_nfdump() -> bool {
    let found = Command::new("nfdump").arg("-V").output().is_ok_and(|run| run.status.success());
    if !found {
        println!("skipped: nfdump is not installed");
    }
    found
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

const V4: [&str; 8] = [
    "192.0.2.1",
    "192.0.2.7",
    "192.0.2.200",
    "198.51.100.3",
    "198.51.100.129",
    "203.0.113.9",
    "10.1.2.3",
    "10.200.0.1",
];
const V6: [&str; 6] =
    ["2001:db8::1", "2001:db8::2", "2001:db8:1::1", "2001:db8:ffff:1::5", "2001:db8:8000::", "fe80::1"];
const NETS: [&str; 4] = ["192.0.2.0/25", "198.51.100.128/25", "10.1.0.0/16", "2001:db8:1::/48"];
const PORTS: [u16; 8] = [0, 22, 53, 80, 123, 443, 40123, 65535];
const PROTOS: [u8; 7] = [1, 6, 6, 17, 17, 47, 58];
const MACS: [u64; 3] = [0, 0x0000_5e00_5301, 0x0200_5e10_0001];
const NUMBERS: [u32; 6] = [0, 1, 7, 100, 64512, 4_200_000_001];

fn scene(rows: usize) -> Vec<Flow> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let bits = |addr: &str| to_bits(addr.parse().unwrap());
    (0..rows)
        .map(|_| {
            let ip = dice.pick(&[4, 4, 6]);
            let addrs: &[&str] = if ip == 4 { &V4 } else { &V6 };
            let first = 1_700_000_000_000 + i64::try_from(dice.roll(100_000)).unwrap();
            let length = dice.pick(&[0, 0, 1, 10, 999, 1000, 12_345, 300_000]);
            let proto = dice.pick(&PROTOS);
            let packets = dice.pick(&[1, 1, 2, 10, 999, 1000, 123_456]);
            Flow {
                first_us: first * 1000,
                last_us: (first + length) * 1000,
                received_us: (first + length) * 1000,
                exporter: bits(dice.pick(&["192.0.2.254", "2001:db8::fe"])),
                domain: dice.pick(&NUMBERS),
                ip,
                src: bits(dice.pick(addrs)),
                dst: bits(dice.pick(addrs)),
                src_port: dice.pick(&PORTS),
                dst_port: if proto == 1 || proto == 58 {
                    dice.pick(&[0x0800, 0x0301, 0x8000])
                } else {
                    dice.pick(&PORTS)
                },
                proto,
                tcp_flags: if proto == 6 { u8::try_from(dice.roll(64)).unwrap() } else { 0 },
                tos: dice.pick(&[0, 8, 184]),
                packets,
                bytes: packets * dice.pick(&[40, 60, 1500]) + dice.pick(&[0, 1]),
                reverse_packets: dice.pick(&[0, 0, 5]),
                reverse_bytes: dice.pick(&[0, 0, 500]),
                flows: dice.pick(&[1, 1, 3]),
                input: dice.pick(&NUMBERS),
                output: dice.pick(&NUMBERS),
                src_as: dice.pick(&NUMBERS),
                dst_as: dice.pick(&NUMBERS),
                src_mask: dice.pick(&[0, 16, 24]),
                dst_mask: dice.pick(&[0, 16, 24]),
                next_hop: bits(dice.pick(&["192.0.2.254", "198.51.100.254", "2001:db8::fe"])),
                bgp_next_hop: bits(dice.pick(&["192.0.2.254", "198.51.100.254", "2001:db8::fe"])),
                src_vlan: dice.pick(&[0, 100, 4094]),
                dst_vlan: dice.pick(&[0, 100, 4094]),
                in_src_mac: dice.pick(&MACS),
                out_dst_mac: dice.pick(&MACS),
                direction: dice.pick(&[0, 1]),
                forwarding: dice.pick(&[0, 1, 2, 19, 64, 131]),
                ..Flow::default()
            }
        })
        .collect()
}

fn comparison(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "=", "==", "eq", "<", "lt", "LT", ">", "gt", "<=", "le", ">=", "ge", "GE"])
}

fn side(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "src", "dst", "src or dst", "dst or src", "src and dst", "dst and src", "SRC", "Dst"])
}

/// One test of the language, with values that the scene has or nearly has.
fn primitive(dice: &mut Dice) -> String {
    let addr = if dice.roll(3) == 0 { dice.pick(&V6) } else { dice.pick(&V4) };
    let len = if addr.contains(':') {
        dice.pick(&[16, 32, 33, 48, 64, 65, 128])
    } else {
        dice.pick(&[1, 8, 16, 24, 25, 32])
    };
    let (comparison, side, port) = (comparison(dice), side(dice), dice.pick(&PORTS));
    let number = dice.pick(&NUMBERS);
    let mac = dice.pick(&["00:00:5e:00:53:01", "2:0:5e:10:0:1", "ff:ff:ff:ff:ff:ff"]);
    let listed = |dice: &mut Dice, from: &[&str]| {
        let count = 1 + dice.roll(4);
        (0..count).map(|_| dice.pick(from)).collect::<Vec<_>>().join(dice.pick(&[" ", ",", ", "]))
    };
    match dice.roll(34) {
        0 => "any".into(),
        1 => dice.pick(&["ipv4", "inet", "IPv4"]).into(),
        2 => dice.pick(&["ipv6", "inet6"]).into(),
        3 => format!("proto {}", dice.pick(&["tcp", "UDP", "icmp", "gre", "icmp6", "6", "17", "esp"])),
        4 | 5 => format!("{side} {} {addr}", dice.pick(&["ip", "host"])),
        6 => format!(
            "{side} ip in [ {} ]",
            if dice.roll(2) == 0 { listed(dice, &V4) } else { listed(dice, &V6) }
        ),
        // nfdump takes networks of a list apart by spaces only.
        7 => format!("{side} ip in [{}]", listed(dice, &NETS).replace(',', " ")),
        8 | 9 => format!("{side} net {addr}/{len}"),
        10 => format!(
            "{side} net {} {}",
            dice.pick(&V4),
            dice.pick(&["255.255.255.0", "255.0.0.0", "255.255.255.128"])
        ),
        11 | 12 => format!("{side} port {comparison} {port}"),
        13 => {
            format!("{side} port in [ {} ]", listed(dice, &["22", "53", "80", "443", "40123", "0", "5", "6"]))
        }
        14 => format!("{} {}", dice.pick(&["icmp-type 8", "icmp-type 3", "icmp-type 128"]), ""),
        15 => format!("icmp-code {}", dice.pick(&["0", "1"])),
        16 => format!("{} if {number}", dice.pick(&["", "in", "out"])),
        17 => format!("{side} as {comparison} {number}"),
        18 => format!("{side} as in [ {} ]", listed(dice, &["1", "7", "100", "64512", "0x10"])),
        19 => format!("{side} mask {}", dice.pick(&[0, 16, 24, 25])),
        20 => format!("{side} vlan {}", dice.pick(&[0, 100, 4094, 7])),
        21 => format!("{} mac {mac}", dice.pick(&["in src", "out dst"])),
        22 => format!(
            "{} ip {}",
            dice.pick(&["next", "bgpnext", "router"]),
            dice.pick(&["192.0.2.254", "2001:db8::fe"])
        ),
        23 => format!("next ip in [ {} ]", listed(dice, &["192.0.2.254", "198.51.100.254", "2001:db8::fe"])),
        24 => format!(
            "flags {}",
            dice.pick(&["S", "F", "A", "R", "P", "U", "SA", "SF", "UAPRSF", "X", "AFRPU"])
        ),
        25 => format!("flags {comparison} {}", dice.pick(&[0, 2, 16, 18, 63])),
        26 => format!("{} tos {comparison} {}", dice.pick(&["", "src"]), dice.pick(&[0, 8, 184, 255])),
        27 => format!(
            "{} packets {comparison} {}",
            dice.pick(&["", "in"]),
            dice.pick(&["1", "2", "1k", "999", "123456", "1M"])
        ),
        28 => format!(
            "{} bytes {comparison} {}",
            dice.pick(&["", "in"]),
            dice.pick(&["40", "60k", "1500", "1g", "0x28"])
        ),
        29 => format!(
            "out {} {comparison} {}",
            dice.pick(&["packets", "bytes"]),
            dice.pick(&["0", "5", "500", "1k"])
        ),
        30 => format!("flows {comparison} {}", dice.pick(&[0, 1, 3])),
        31 => format!(
            "{} {comparison} {}",
            dice.pick(&["duration", "pps", "bps", "bpp"]),
            dice.pick(&["0", "1", "10", "41", "999", "1k", "12345", "300k", "1m"])
        ),
        32 => format!("fwdstat {}", dice.pick(&["0", "1", "forw", "Noroute", "tforus", "64"])),
        _ => format!("{} {}", dice.pick(&["flowdir", "dir"]), dice.pick(&["0", "1", "ingress", "egress"])),
    }
}

fn expression(dice: &mut Dice, depth: usize) -> String {
    match dice.roll(if depth == 0 { 2 } else { 7 }) {
        0 | 1 => primitive(dice),
        2 => format!("{} {}", dice.pick(&["not", "!", "not not"]), primitive(dice)),
        3 => format!("{} ({})", dice.pick(&["not", ""]), expression(dice, depth - 1)),
        _ => {
            let mut text = expression(dice, depth - 1);
            for _ in 0..=dice.roll(3) {
                let join = dice.pick(&["and", "or", "&&", "||", "AND", "or # why\n"]);
                write!(text, " {join} {}", expression(dice, depth - 1)).unwrap();
            }
            text
        }
    }
}

#[test]
fn a_filter_selects_the_rows_that_nfdump_selects() {
    if !has_nfdump() {
        return;
    }
    let flows = scene(500);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows"), nfcapd::file(&flows)).unwrap();
    std::fs::write(folder.path().join("countries"), nfcapd::no_countries()).unwrap();
    let mut columns = Flows::default();
    flows.iter().for_each(|flow| columns.push(*flow));
    assert_eq!(nfdump(folder.path(), "any").unwrap(), (0..500).collect::<Vec<_>>());

    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut wrong = Vec::new();
    let mut kinds = [0; 3];
    for round in 0..400 {
        let filter = if round % 2 == 0 { primitive(&mut dice) } else { expression(&mut dice, 3) };
        let theirs =
            nfdump(folder.path(), &filter).unwrap_or_else(|complaint| panic!("{filter}: {complaint}"));
        let ours = ours(&columns, &filter);
        kinds[if theirs.is_empty() {
            0
        } else if theirs.len() == flows.len() {
            1
        } else {
            2
        }] += 1;
        if theirs != ours {
            wrong.push(format!("nfdump {} ours {}: {filter}", theirs.len(), ours.len()));
        }
    }
    println!("none {}, all {}, some {}", kinds[0], kinds[1], kinds[2]);
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(kinds[2] > 200, "the generated filters tell little");
}

/// Where nfdump 1.7.1 departs from its manual, with what it does instead: rows it finds too many or too few, or its
/// complaint. A later version may well have mended them; then this list gets shorter.
#[test]
fn where_nfdump_departs_from_its_manual_is_known() {
    if !has_nfdump() {
        return;
    }
    let bits = |addr: &str| to_bits(addr.parse().unwrap());
    let v4 = |src, dst| Flow {
        ip: 4,
        src: bits(src),
        dst: bits(dst),
        proto: 6,
        packets: 1,
        bytes: 40,
        flows: 1,
        ..Flow::default()
    };
    let v6 =
        Flow { ip: 6, src: bits("::192.0.2.1"), dst: bits("2001:db8::1"), ..v4("192.0.2.1", "192.0.2.1") };
    let backwards = Flow { first_us: 5_000_000, last_us: 1_000_000, ..v4("10.0.0.1", "10.0.0.2") };
    let flows = [v4("192.0.2.1", "198.51.100.1"), v4("10.1.2.3", "198.51.100.1"), v6, backwards];
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows"), nfcapd::file(&flows)).unwrap();
    std::fs::write(folder.path().join("countries"), nfcapd::no_countries()).unwrap();
    let mut columns = Flows::default();
    flows.iter().for_each(|flow| columns.push(*flow));

    let both: [Difference<'_>; 8] = [
        // An address is the lower bits of either family.
        ("src ip 192.0.2.1", Ok(&[0, 2]), &[0]),
        ("src net 192.0.2.0/24", Ok(&[0, 2]), &[0]),
        // A list forgets a network that covers an address named before.
        ("src ip in [10.1.2.3 10.0.0.0/8]", Ok(&[1]), &[1, 3]),
        // The difference of the times is not signed.
        ("duration > 1k", Ok(&[3]), &[]),
        // A word of another sentence.
        ("fwdstat term", Err("syntax error"), &[]),
        // A comma stands before an address, not before a network.
        ("src ip in [192.0.2.1, 10.0.0.0/8]", Err("syntax error"), &[0, 1, 3]),
        // One octet is a number.
        ("src net 10/8", Err("syntax error"), &[1, 3]),
        ("flow > 0", Err("syntax error"), &[0, 1, 2, 3]),
    ];
    for (filter, theirs, wanted) in both {
        match (nfdump(folder.path(), filter), theirs) {
            (Ok(found), Ok(known)) => assert_eq!(found, known, "{filter}"),
            (Err(complaint), Err(known)) => assert!(complaint.contains(known), "{filter}: {complaint}"),
            (found, _) => panic!("{filter}: {found:?}"),
        }
        assert_eq!(ours(&columns, filter), wanted, "{filter}");
    }
}

/// A filter, the rows or the complaint of nfdump, and our rows.
type Difference<'a> = (&'a str, Result<&'a [u32], &'a str>, &'a [u32]);
