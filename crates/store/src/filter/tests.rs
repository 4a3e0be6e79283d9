//! Laws of filters: the manual's forms, places of errors, what a store may conclude, and that running over columns
//! is asking each flow.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::ops::RangeInclusive;

use proptest::prelude::*;
use tadoru_model::flow::{from_bits, to_bits};
use tadoru_model::{Flow, Flows, Prefix};

use super::{Addresses, Field, Filter, FilterError, Node, Reason, Test, expected_at};

fn bits(addr: &str) -> u128 {
    to_bits(addr.parse().unwrap())
}

/// A flow of a web server's answer.
fn answer() -> Flow {
    Flow {
        first_us: 1_700_000_000_000_000,
        last_us: 1_700_000_010_000_999,
        exporter: bits("192.0.2.254"),
        domain: 42,
        ip: 4,
        src: bits("192.0.2.80"),
        dst: bits("198.51.100.7"),
        src_port: 80,
        dst_port: 40123,
        proto: 6,
        tcp_flags: 0b01_1010,
        tos: 8,
        packets: 100,
        bytes: 150_000,
        reverse_packets: 50,
        reverse_bytes: 2_500,
        flows: 1,
        input: 3,
        output: 4,
        src_as: 64_500,
        dst_as: 64_501,
        src_mask: 24,
        dst_mask: 22,
        next_hop: bits("192.0.2.1"),
        bgp_next_hop: bits("2001:db8::1"),
        src_vlan: 10,
        dst_vlan: 20,
        in_src_mac: 0x0000_5e00_5301,
        out_dst_mac: 0x0000_5e00_53ff,
        direction: 1,
        forwarding: 64,
        ..Flow::default()
    }
}

fn columns(flows: &[Flow]) -> Flows {
    let mut columns = Flows::default();
    flows.iter().for_each(|flow| columns.push(*flow));
    columns
}

fn parse(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn selects(text: &str, flow: Flow) -> bool {
    let mut rows = Vec::new();
    parse(text).select(&columns(&[flow]), 0..1, &mut rows);
    !rows.is_empty()
}

fn refused(text: &str) -> FilterError {
    Filter::parse(text).expect_err(text)
}

// The language ----------------------------------------------------------------------------------------------------

#[test]
fn every_form_of_the_manual_is_understood() {
    let matching = [
        "",
        "# only a comment",
        "any",
        "inet",
        "ipv4",
        "not ipv6",
        "proto tcp",
        "proto 6",
        "PROTO TCP AND IPv4",
        "ip 192.0.2.80",
        "host 198.51.100.7",
        "src ip 192.0.2.80",
        "dst host 198.51.100.7",
        "src or dst ip 198.51.100.7",
        "src and dst net 192.0.0.0/2",
        "ip in [ 203.0.113.1 192.0.2.80 ]",
        "dst ip in [203.0.113.0/24, 198.51.100.0/24]",
        "net 192.0.2.0/24",
        "src net 192.0.2.0 255.255.255.0",
        "net 192.0.2/24",
        "net 192/8",
        "net 0.0.0.0/0",
        "port 80",
        "src port = 80",
        "dst port > 1024",
        "port in [ 443 80 ]",
        "port in [443,80]",
        "dst port >= 40123 and dst port <= 40123",
        "dst port ge 40123 && dst port le 0x9cbb",
        "if 3",
        "in if 3",
        "out if 4",
        "as 64501",
        "src as 64500",
        "dst as > 64500",
        "as in [ 1 2 64500 ]",
        "mask 22",
        "src mask 24",
        "vlan 20",
        "src vlan 10",
        "flags S",
        "flags sap",
        "flags SA and not flags FRU",
        "flags = 26",
        "flags > 25",
        "router ip 192.0.2.254",
        "next ip 192.0.2.1",
        "next ip in [192.0.2.0/28]",
        "bgpnext ip 2001:db8::1",
        "in src mac 00:00:5e:00:53:01",
        "out dst mac 0:0:5E:0:53:ff",
        "packets 100",
        "in packets < 1k",
        "out packets 50",
        "bytes > 149k",
        "out bytes 2500",
        "flows 1",
        "flow 1",
        "tos 8",
        "src tos 8",
        "flowdir egress",
        "dir 1",
        "duration 10000",
        "duration < 10001",
        "pps 10",
        "bps 120k",
        "bpp 1500",
        "fwdstat 64",
        "observation domain id 42",
        "first seen >= 2023-11-14T22:13:20Z",
        "first seen 2023-11-15T07:13:20.000+09:00",
        "last seen < 2023-11-14T22:13:30.001Z",
        "not (port 53 or port 123)",
        "! port 53 && ! port 123",
        "not not port 80",
        "port 53 or port 80 and proto tcp",
        "(port 53 or port 80) # web or names\n and proto tcp",
    ];
    for text in matching {
        assert!(selects(text, answer()), "{text}");
    }
    let failing = [
        "not any",
        "ipv6",
        "proto udp",
        "ip 192.0.2.81",
        "src ip 198.51.100.7",
        "src and dst port 80",
        "net 192.0.2.0/28",
        "net ::/0",
        "flags R",
        "flags SAR",
        "flags X",
        "not flags SR",
        "packets < 100",
        "packets < 0",
        "bytes > 18446744073709551615",
        "icmp-type 156",
        "pps > 10",
        "first seen > 2023-11-14T22:13:20Z",
        "last seen > 2023-11-14T22:13:30Z",
        "(port 53 or port 80) and proto udp",
    ];
    for text in failing {
        assert!(!selects(text, answer()), "{text}");
    }
}

#[test]
fn icmp_type_and_code_are_the_port_of_icmp_only() {
    let echo = Flow { proto: 1, src_port: 0, dst_port: 8 << 8, ..answer() };
    assert!(selects("icmp-type 8 and icmp-code 0", echo));
    assert!(!selects("icmp-type 8", Flow { proto: 17, ..echo }));
    assert!(selects("icmp-type 8", Flow { proto: 58, ..echo }));
    assert!(selects("not icmp-type 8", Flow { proto: 17, ..echo }));
}

#[test]
fn a_family_matches_its_own_addresses_only() {
    let mapped = Flow { ip: 6, src: bits("192.0.2.80"), dst: bits("2001:db8::1"), ..answer() };
    assert!(!selects("src ip 192.0.2.80", mapped) && selects("src ip ::ffff:192.0.2.80", mapped));
    assert!(!selects("src ip ::ffff:192.0.2.80", answer()));
    assert!(!selects("ip ::192.0.2.80", answer()) && !selects("net ::/0", answer()));
    assert!(!selects("next ip in [::/0]", answer()) && selects("bgpnext ip in [::/0]", answer()));
    let frame = Flow { ip: 0, ..Flow::default() };
    assert!(!selects("ipv4", frame) && !selects("ipv6", frame) && !selects("net 0.0.0.0/0", frame));
}

#[test]
fn a_flow_that_ends_before_it_begins_lasts_nothing() {
    let backwards = Flow { last_us: 1_699_999_999_000_000, ..answer() };
    assert!(selects("duration 0 and pps 0 and bps 0", backwards));
    let empty = Flow { packets: 0, ..answer() };
    assert!(selects("bpp 0 and pps 0", empty));
    let great = Flow { bytes: u64::MAX, last_us: 1_700_000_000_001_000, ..answer() };
    assert!(selects("bps > 1t", great));
}

#[test]
fn negative_flags_are_none_of_them_as_the_manual_has_it() {
    let syn = Flow { tcp_flags: 2, ..answer() };
    let reset = Flow { tcp_flags: 6, ..answer() };
    assert!(selects("flags S and not flags AFRPU", syn) && !selects("flags S and not flags AFRPU", reset));
    assert!(selects("not flags S", Flow { proto: 17, ..syn }));
    assert!(selects("not (flags R or port 1)", syn) && selects("not not flags S", syn));
}

// Errors ----------------------------------------------------------------------------------------------------------

#[test]
fn an_error_names_the_place_and_what_could_stand_there() {
    let cases = [
        ("port", 4, Reason::Unfinished),
        ("port eighty", 5, Reason::Unexpected),
        ("port 65536", 5, Reason::TooLarge(65535)),
        ("proto 256", 6, Reason::TooLarge(255)),
        ("port 80 port 81", 8, Reason::Unexpected),
        ("(port 80", 8, Reason::Unfinished),
        ("port 80)", 7, Reason::Unexpected),
        ("src or src ip 192.0.2.1", 7, Reason::Unexpected),
        ("ip www.example.net", 3, Reason::HostName),
        ("ip 192.0.2", 3, Reason::Unexpected),
        ("net 192.0.2/25", 12, Reason::PrefixLength),
        ("net 192.0.2.0/33", 14, Reason::PrefixLength),
        ("net 2001:db8::/129", 15, Reason::PrefixLength),
        ("net 192.0.2.0 255.0.255.0", 14, Reason::Netmask),
        ("net 192.0.2.0", 13, Reason::Unfinished),
        ("ip in [ 192.0.2.1 ; ]", 18, Reason::Unexpected),
        ("flags SYN", 6, Reason::Flags),
        ("first seen > 2023-11-14T22:13:20", 13, Reason::TimeZone),
        ("first seen > 2023-02-29T00:00Z", 13, Reason::Unexpected),
        ("@include more", 0, Reason::Include),
        ("any and next as 1", 13, Reason::NotKept("next as")),
        ("dst tos 8", 4, Reason::NotKept("dst tos")),
        ("port in pblock", 8, Reason::NotKept("port block")),
    ];
    for (text, at, reason) in cases {
        let error = refused(text);
        assert_eq!((error.at, error.reason), (at, reason), "{text}: {error}");
    }
    assert_eq!(refused("src or src").expected, ["dst"]);
    assert_eq!(refused("port 80 port").expected, ["and", "or"]);
    assert_eq!(refused("(any").to_string(), "the filter ends too early at byte 4; expected `and`, `or`, `)`");
}

#[test]
fn a_field_that_is_not_kept_is_refused_and_never_fails_to_match() {
    let filters = [
        "ident here",
        "count < 5",
        "engine-type 1",
        "engine-id > 1",
        "sysid 4",
        "exporter 4",
        "mpls label1 5",
        "mpls any 5",
        "tun proto 4",
        "tunip 192.0.2.1",
        "src geo JP",
        "mac 00:00:5e:00:53:01",
        "src mac 00:00:5e:00:53:01",
        "in mac 00:00:5e:00:53:01",
        "in dst mac 00:00:5e:00:53:01",
        "out src mac 00:00:5e:00:53:01",
        "prev as 1",
        "previous as 1",
        "next as 1",
        "dst tos 1",
        "src or dst tos 1",
        "client latency > 1",
        "payload content 'x'",
        "asa event deny",
        "xip 192.0.2.1",
        "src xport 80",
        "xnet 192.0.2.0/24",
        "nat event add",
        "nip 192.0.2.1",
        "dst nport 80",
        "ingress vrf 1",
        "ingress acl > 1",
        "pblock start 1",
        "observation point id 1",
    ];
    for text in filters {
        let text = format!("not (port 80 or {text})");
        let error = refused(&text);
        assert!(matches!(error.reason, Reason::NotKept(_)), "{text}: {error}");
        assert!((16..30).contains(&error.at), "{text}: {error}");
    }
}

#[test]
fn the_reference_says_what_is_answered_and_what_is_refused_by_name() {
    let page = include_str!("../../../../docs/reference/filter.md");
    let rows: Vec<[&str; 3]> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>().try_into().unwrap()
        })
        .collect();
    assert!(rows.len() > 60, "the manual's primitives");
    for [primitive, example, answered] in rows {
        let example = example.trim_matches('`');
        let Some(no) = answered.strip_prefix("no: ") else {
            assert!(answered.starts_with("yes"), "{primitive}");
            assert!(Filter::parse(example).is_ok(), "{example}");
            continue;
        };
        let fault = Filter::parse(&format!("port 80 or {example}")).map(drop).unwrap_err();
        let stands = (11..11 + example.len()).contains(&fault.at);
        match fault.reason {
            Reason::NotKept(field) => assert!(stands && no.contains(field), "{example}: {fault}"),
            other => assert!(stands && other.to_string() == no, "{example}: {fault}"),
        }
    }
}

#[test]
fn what_could_stand_at_a_place_is_told_for_completion() {
    let at_end = |text: &str| expected_at(text, text.len());
    assert!(at_end("").contains(&"src") && at_end("").contains(&"not") && at_end("").contains(&"port"));
    assert_eq!(at_end("po"), at_end(""));
    assert_eq!(at_end("src "), at_end("src po"));
    assert_eq!(at_end("src ip "), ["in", "<address>"]);
    assert_eq!(at_end("port 80 "), ["and", "or"]);
    assert_eq!(at_end("(port 80 "), ["and", "or", ")"]);
    assert_eq!(at_end("dst port "), ["in", "=", "<", ">", "<=", ">=", "<number>"]);
    assert_eq!(at_end("src or "), ["dst"]);
    assert!(at_end("flowdir ").contains(&"ingress") && at_end("flowdir ").contains(&"egress"));
    assert!(at_end("port 80 port ").is_empty());
    assert_eq!(expected_at("src  and more", 4), at_end("src "));
    assert!(!at_end("port 80 and ").contains(&"and"));
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}any{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(64)).is_ok());
    assert_eq!(refused(&nested(65)).reason, Reason::TooDeep(64));
    assert_eq!(refused(&nested(500_000)).reason, Reason::TooDeep(64));
    assert!(matches!(refused(&"#".repeat(1 << 21)).reason, Reason::TooLong(_)));
    assert!(selects(&format!("{}any", "not ".repeat(100_000)), answer()));
    let long = vec!["port 80"; 50_000].join(" or ");
    assert!(selects(&long, answer()));
}

#[test]
fn neither_errors_nor_debug_output_show_an_address() {
    let shown = |text: &str| match Filter::parse(text) {
        Ok(filter) => format!("{filter:?} {:?} {:?}", filter.node(), filter.addresses()),
        Err(error) => format!("{error} {error:?}"),
    };
    for text in
        ["ip 192.0.2.80", "ip 192.0.2.80x", "net 192.0.2.80", "in src mac 00:19:20:02:80:00", "192.0.2.80"]
    {
        let shown = shown(text);
        assert!(!shown.contains("192") && !shown.contains("19:20") && !shown.contains("8192"), "{shown}");
    }
}

// What a store may conclude ---------------------------------------------------------------------------------------

#[test]
fn bounds_hold_of_every_match() {
    let one = |text: &str| vec![text.parse::<Prefix>().unwrap()];
    assert_eq!(
        parse("ip 192.0.2.1 and port 80").addresses(),
        Some(Addresses { src: None, dst: None, either: Some([one("192.0.2.1"), one("192.0.2.1")].concat()) })
    );
    let pair = parse("src ip 192.0.2.1 and dst net 10.0.0.0/8").addresses().unwrap();
    assert_eq!((pair.src, pair.dst), (Some(one("192.0.2.1")), Some(one("10.0.0.0/8"))));
    assert_eq!(parse("ip 192.0.2.1 or port 80").addresses(), None);
    assert_eq!(parse("not ip 192.0.2.1").addresses(), None);
    let ports = parse("dst port in [80 443] and src port > 1023").ports().unwrap();
    assert_eq!((ports.src, ports.dst), (Some(vec![1024..=65535]), Some(vec![80..=80, 443..=443])));
    let time =
        parse("first seen >= 2023-11-14T22:13:20Z and first seen < 2023-11-14T22:13:21Z").time().unwrap();
    assert_eq!(time.first_us, Some(1_700_000_000_000_000..=1_700_000_000_999_999));
    assert_eq!((time.last_us, parse("port 80").time()), (None, None));
    assert_eq!(parse("packets < 0").addresses().unwrap().src, Some(Vec::new()));
}

#[test]
fn asking_for_one_address_or_a_narrow_prefix_is_told_apart() {
    let kind = |text: &str| (parse(text).names_one_address(), parse(text).is_aggregate_safe());
    for text in [
        "any",
        "port 80",
        "src as 64500",
        "if 3",
        "net 192.0.2.0/24",
        "net 2001:db8::/56",
        "router ip 192.0.2.1",
    ] {
        assert_eq!(kind(text), (false, true), "{text}");
    }
    for text in ["net 192.0.2.0/25", "net 2001:db8::/57", "ip in [10.0.0.0/8 192.0.2.0/31]"] {
        assert_eq!(kind(text), (false, false), "{text}");
    }
    for text in
        ["ip 192.0.2.1", "port 80 or not src ip 2001:db8::1", "net 192.0.2.1/32", "in src mac 0:0:5e:0:53:1"]
    {
        assert_eq!(kind(text), (true, false), "{text}");
    }
}

#[test]
fn filters_join_as_their_texts_would() {
    let joined = parse("port 80 or port 443").and(parse("net 192.0.2.0/24"));
    assert_eq!(joined, parse("(port 80 or port 443) and (net 192.0.2.0/24)"));
    assert_eq!(Filter::any().and(parse("port 80")), parse("port 80"));
}

// Columns and single flows ----------------------------------------------------------------------------------------

/// Asks one flow, the slow and obvious way.
fn holds(node: &Node, flow: &Flow) -> bool {
    match node {
        Node::Any => true,
        Node::Never => false,
        Node::And(parts) => parts.iter().all(|part| holds(part, flow)),
        Node::Or(parts) => parts.iter().any(|part| holds(part, flow)),
        Node::Is(test) => passes(test, flow),
        Node::IsNot(test) => !passes(test, flow),
    }
}

fn passes(test: &Test, flow: &Flow) -> bool {
    match test {
        Test::Flags { of, set } => flow.tcp_flags & of == *set,
        Test::Number { field, within } => {
            let number = match field {
                Field::SrcPort => flow.src_port.into(),
                Field::DstPort => flow.dst_port.into(),
                Field::Proto => flow.proto.into(),
                Field::Packets => flow.packets,
                Field::SrcAs => flow.src_as.into(),
                Field::BytesPerPacket => flow.bytes.checked_div(flow.packets).unwrap_or(0),
                other => panic!("{other:?}"),
            };
            within.iter().any(|range| range.contains(&number))
        }
        Test::Address { field, within } => {
            let bits = if *field == super::AddressField::Src { flow.src } else { flow.dst };
            within.iter().any(|prefix| prefix.contains(from_bits(bits, flow.ip)))
        }
    }
}

fn texts() -> impl Strategy<Value = String> {
    let number = prop_oneof![0_u32..4, 60_u32..70, Just(65535)];
    let numbers = prop::collection::vec(0_u32..200, 1..9)
        .prop_map(|list| list.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
    let side = prop::sample::select(vec!["", "src", "dst", "src and dst"]);
    let addr =
        prop::sample::select(vec!["192.0.2.1", "192.0.2.2", "192.0.2.130", "2001:db8::1", "2001:db8::2"]);
    let comparison = prop::sample::select(vec!["", "<", ">", "<=", ">="]);
    let leaf = prop_oneof![
        (side.clone(), comparison.clone(), number.clone()).prop_map(|(s, c, n)| format!("{s} port {c} {n}")),
        (side.clone(), numbers.clone()).prop_map(|(s, n)| format!("{s} port in [{n}]")),
        numbers.prop_map(|n| format!("src as in [{n}]")),
        (side.clone(), addr.clone()).prop_map(|(s, a)| format!("{s} ip {a}")),
        (side, addr.clone(), addr).prop_map(|(s, a, b)| format!("{s} ip in [{a}/25 {b} 2001:db8::/127]")),
        (comparison.clone(), number.clone()).prop_map(|(c, n)| format!("packets {c} {n}")),
        (comparison, number).prop_map(|(c, n)| format!("bpp {c} {n}")),
        Just("proto tcp".to_owned()),
        Just("flags SA".to_owned()),
        Just("any".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn a_flow() -> impl Strategy<Value = Flow> {
    let v4 = prop::sample::select(vec!["192.0.2.1", "192.0.2.2", "192.0.2.130", "198.51.100.1"]);
    let v6 = prop::sample::select(vec!["2001:db8::1", "2001:db8::2", "::ffff:192.0.2.1"]);
    let port = || prop_oneof![0_u16..4, 60_u16..70, Just(65535)];
    let addrs = prop_oneof![(Just(4), v4.clone(), v4), (Just(6), v6.clone(), v6)];
    (addrs, port(), port(), prop::sample::select(vec![6, 17]), 0_u8..64, 0_u64..70, 0_u32..200).prop_map(
        |((ip, src, dst), src_port, dst_port, proto, tcp_flags, packets, src_as)| Flow {
            ip,
            src: bits(src),
            dst: bits(dst),
            src_port,
            dst_port,
            proto,
            tcp_flags,
            packets,
            bytes: 4000,
            src_as,
            ..Flow::default()
        },
    )
}

fn bounded<T>(bound: Option<&Vec<T>>, fits: impl Fn(&T) -> bool) -> bool {
    bound.is_none_or(|bound| bound.iter().any(fits))
}

proptest! {
    #[test]
    fn running_over_columns_is_asking_each_flow(
        text in texts(),
        flows in prop::collection::vec(a_flow(), 1..20),
        copies in 1_usize..300,
        from in 0_usize..50,
    ) {
        let filter = parse(&text);
        let flows: Vec<Flow> = flows.iter().cycle().take(flows.len() * copies).copied().collect();
        let mut rows = vec![7];
        filter.select(&columns(&flows), from..usize::MAX, &mut rows);
        let wanted = (from..flows.len()).filter(|row| holds(filter.node(), &flows[*row]));
        prop_assert_eq!(rows, [7].into_iter().chain(wanted.map(|row| row as u32)).collect::<Vec<_>>());
    }

    #[test]
    fn no_match_lies_outside_the_bounds(text in texts(), flow in a_flow()) {
        let filter = parse(&text);
        prop_assume!(holds(filter.node(), &flow));
        let (src, dst) = (from_bits(flow.src, flow.ip), from_bits(flow.dst, flow.ip));
        if let Some(bounds) = filter.addresses() {
            prop_assert!(bounded(bounds.src.as_ref(), |prefix| prefix.contains(src)));
            prop_assert!(bounded(bounds.dst.as_ref(), |prefix| prefix.contains(dst)));
            prop_assert!(bounded(bounds.either.as_ref(), |prefix| prefix.contains(src) || prefix.contains(dst)));
        }
        if let Some(bounds) = filter.ports() {
            let has = |range: &RangeInclusive<u16>, port| range.contains(&port);
            prop_assert!(bounded(bounds.src.as_ref(), |range| has(range, flow.src_port)));
            prop_assert!(bounded(bounds.dst.as_ref(), |range| has(range, flow.dst_port)));
            prop_assert!(bounded(bounds.either.as_ref(), |r| has(r, flow.src_port) || has(r, flow.dst_port)));
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        words in prop::collection::vec(
            prop_oneof![
                "[ -~]{0,8}",
                prop::sample::select(vec![
                    "src", "dst", "and", "or", "not", "(", ")", "[", "]", "in", "ip", "port", "net", "flags", "80", "/",
                    "192.0.2.1", "2001:db8::1", ",", "<", "proto", "tcp", "first", "seen", "2023-01-01T00:00Z", "é",
                ]).prop_map(str::to_owned),
            ],
            0..12,
        ),
        at in 0_usize..60,
    ) {
        let text = words.join(" ");
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at));
        }
        expected_at(&text, at);
    }
}
