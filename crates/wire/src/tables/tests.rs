//! Laws of the tables: names decide, zones are never guessed, one bad line costs one line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{
    AddressRange, Fault, Prefix, Table, TableRecord,
    cgn_rules::{Allocation, CgnRule, CgnRules, Reach},
    complaints::{ComplaintLine, Complaints},
    customers::CustomerPrefix,
    interfaces::{InterfaceRow, Role},
    lines::{Line, Lines, MAX_LINE},
    routes::RouteRow,
    row::split,
    softwires::{MapRule, SoftwireBinding},
    statics::StaticAssignment,
    subscribers::{IdentityLevel, SubscriberRow, parse_hex, parse_mac},
    time::{DateMeans, TimeFault, date_or_time_us, time_us},
    venue::VenueStay,
};
use crate::{Defect, Place};

const NAT_RULES: &[u8] = include_bytes!("../../testdata/tables/nat.rules.txt");
const NAT_MAPS: &[u8] = include_bytes!("../../testdata/tables/nat.maps.txt");

fn sort<T>(items: impl Iterator<Item = Result<(u64, T), Fault>>) -> (Vec<(u64, T)>, Vec<Defect>) {
    let (mut records, mut defects) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(record) => records.push(record),
            Err(Fault::Defect(defect)) => defects.push(defect),
            Err(Fault::Input(error)) => panic!("{error}"),
        }
    }
    (records, defects)
}

fn table<T: TableRecord>(text: &str) -> (Vec<(u64, T)>, Vec<Defect>) {
    sort(Table::new(text.as_bytes(), None))
}

fn one<T: TableRecord>(text: &str) -> Result<T, String> {
    let (mut records, mut defects) = table(text);
    assert_eq!(records.len() + defects.len(), 1);
    records.pop().map(|(_, record)| record).ok_or_else(|| defects.pop().unwrap().what)
}

fn rules(text: &[u8]) -> (Vec<(u64, CgnRule)>, Vec<Defect>) {
    sort(CgnRules::new(text, None).unwrap())
}

fn range(text: &str) -> AddressRange {
    AddressRange::parse(text).unwrap()
}

// --------------------------------------------------------------------------------------------------------- lines

#[test]
fn lines_lose_their_ends_and_their_mark() {
    let mut lines = Lines::new(&b"\xef\xbb\xbfone\r\n\ntwo"[..]);
    for (number, text) in [(1, &b"one"[..]), (2, b""), (3, b"two")] {
        assert!(lines.next_line().unwrap() == Some((number, Line::Text(text))));
    }
    assert!(lines.next_line().unwrap().is_none());
}

#[test]
fn a_line_over_the_bound_is_one_line() {
    let text = format!("{}\nshort\n{}", "x".repeat(MAX_LINE + 1), "y".repeat(MAX_LINE));
    let mut lines = Lines::new(std::io::BufReader::with_capacity(7, text.as_bytes()));
    assert!(lines.next_line().unwrap() == Some((1, Line::TooLong)));
    assert!(lines.next_line().unwrap() == Some((2, Line::Text(b"short"))));
    assert!(matches!(lines.next_line().unwrap(), Some((3, Line::Text(text))) if text.len() == MAX_LINE));
}

#[test]
fn fields_are_split_as_rfc_4180_says() {
    assert_eq!(split(r#"a,"b,""c""",,"" , d"#).unwrap(), ["a", "b,\"c\"", "", "", " d"]);
    for wrong in [r#""a"#, r#"a"b"#, r#""a"b"#] {
        assert!(split(wrong).is_err());
    }
}

// ---------------------------------------------------------------------------------------------------------- time

#[test]
fn an_instant_needs_a_zone() {
    for text in ["2026-11-21T10:15:03+09:00", "2026-11-21 01:15:03Z", "1795223703", "1795223703.0"] {
        assert_eq!(time_us(text, None), Ok(1_795_223_703_000_000), "{text}");
    }
    assert_eq!(time_us("1795223703.1234567", None), Ok(1_795_223_703_123_456));
    assert_eq!(time_us("2026-11-21T10:15:03", None), Err(TimeFault::NoZone));
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    assert_eq!(time_us("2026-11-21 10:15:03", Some(&tokyo)), Ok(1_795_223_703_000_000));
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    for change in ["2026-10-25 02:30:00", "2026-03-29 02:30:00"] {
        assert_eq!(time_us(change, Some(&berlin)), Err(TimeFault::ClockChange));
    }
    for wrong in [
        "",
        "20261121",
        "1795223703000",
        "2026-11-21",
        "21/11/2026 10:15",
        "2026-13-21T10:15:03Z",
        "2026-11-21T10:15:03+99:00",
        "2026-11-21T10:15:03[Asia/Tokyo]",
        "-1795223703",
        "soon",
    ] {
        assert_eq!(time_us(wrong, Some(&tokyo)), Err(TimeFault::Unreadable), "{wrong}");
    }
}

#[test]
fn a_contract_s_days_are_whole() {
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    let start = date_or_time_us("2026-11-21", Some(&tokyo), DateMeans::Start).unwrap();
    let end = date_or_time_us("2026-11-21", Some(&tokyo), DateMeans::End).unwrap();
    assert_eq!((start, end - start), (1_795_186_800_000_000, 86_400_000_000));
    assert_eq!(date_or_time_us("2026-11-21", None, DateMeans::Start), Err(TimeFault::NoZone));
}

// -------------------------------------------------------------------------------------------------------- ranges

#[test]
fn ranges_are_never_corrected() {
    assert_eq!(range("192.0.2.0/30").count(), 4);
    assert!(range("192.0.2.1-192.0.2.4").last == "192.0.2.4".parse::<std::net::IpAddr>().unwrap());
    assert!(
        Prefix::parse("2001:db8::/56").unwrap().len == 56 && Prefix::parse("2001:db8::1").unwrap().len == 128
    );
    assert!(range("0.0.0.0/0").count() == 1 << 32 && range("::/0").count() == u128::MAX);
    for wrong in [
        "192.0.2.1/24",
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/+8",
        "192.0.2.9-192.0.2.1",
        "192.0.2.1-::1",
        "::ffff:192.0.2.1",
        "192.0.02.1",
        "",
    ] {
        assert!(AddressRange::parse(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn hardware_addresses_have_one_form_each() {
    for text in ["02:00:5e:10:00:01", "02-00-5E-10-00-01", "0200.5e10.0001", "02005e100001"] {
        assert_eq!(parse_mac(text), Some([2, 0, 0x5e, 0x10, 0, 1]));
    }
    for wrong in ["02:00:5e:10:00", "02:00-5e:10:00:01", "0:200:5e:10:00:01", "02005e10000g", "é2005e10000"]
    {
        assert_eq!(parse_mac(wrong), None, "{wrong}");
    }
    assert_eq!(parse_hex("0x00ff"), Some(vec![0, 255]));
    assert_eq!(parse_hex("0:ff"), Some(vec![0, 255]));
    assert!(parse_hex("").is_none() && parse_hex("123").is_none() && parse_hex("1::2").is_none());
}

// -------------------------------------------------------------------------------------------------------- tables

#[test]
fn columns_stand_in_any_order_and_unknown_ones_are_ignored() {
    let text = "note,Subscriber,until, from ,address_or_prefix\n\
        x,C1,,2026-01-01T00:00:00Z,192.0.2.0/29\n\
        \n\
        x,C2,1795223703,,2001:db8::/56\n";
    let (records, defects) = table::<StaticAssignment>(text);
    assert!(defects.is_empty());
    let (line, first) = &records[0];
    assert!(*line == 2 && first.subscriber == "C1" && first.from_us.is_some() && first.until_us.is_none());
    assert!(first.prefix == Prefix::parse("192.0.2.0/29").unwrap() && first.realm.is_none());
    assert!(records[1].0 == 4 && records[1].1.until_us == Some(1_795_223_703_000_000));
}

#[test]
fn a_bad_line_keeps_its_neighbours() {
    let good = "192.0.2.1,C1\n";
    for bad in
        ["192.0.2.1/8,C1", "192.0.2.1,", ",C1", "192.0.2.1", "a,b,c", "\"192.0.2.1,C1", &"x".repeat(70_000)]
    {
        let text = format!("address_or_prefix,subscriber\n{good}{bad}\n{good}");
        let (records, defects) = table::<StaticAssignment>(&text);
        assert_eq!(records.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(defects.len(), 1);
        assert_eq!(defects[0].place, Place::Line(3));
        assert!(!defects[0].what.contains("192.0.2"));
    }
}

#[test]
fn a_table_that_is_not_this_table_is_refused_once() {
    for text in ["a,b\n1,2\n3,4\n", "address_or_prefix,subscriber,subscriber\n", "\n\nnothing\nat\nall\n"] {
        let (records, defects) = table::<StaticAssignment>(text);
        assert!(records.is_empty() && defects.len() == 1, "{text}");
    }
    // 契約 in Shift_JIS.
    let text = b"address_or_prefix,subscriber\n192.0.2.1,\x8c\x5f\x96\xf1\n192.0.2.2,C2\n";
    let (records, defects) = sort(Table::<_, StaticAssignment>::new(&text[..], None));
    assert!(records.len() == 1 && defects[0].what.contains("Shift_JIS"));
}

#[test]
fn a_subscriber_has_many_identifiers_and_sealed_contacts() {
    let head = "subscriber,login,mac,circuit_id,remote_id,duid,inside_address,name,mail,contract_from,identity_level";
    let row = "C1,a@isp;b@isp,02:00:5e:10:00:01;02005e100002,eth0/1,0x0001ff,0001:0002,100.64.0.1;100.64.1.0/24,\
        \"Doe, J\",j@example.com,2020-04-01,document";
    let zone = Some(TimeZone::get("Asia/Tokyo").unwrap());
    let text = format!("{head}\n{}\n", row.replace("0001:0002", "00010002"));
    let (records, defects) = sort(Table::<_, SubscriberRow>::new(text.as_bytes(), zone));
    assert!(defects.is_empty(), "{defects:?}");
    let row = &records[0].1;
    assert!(row.lines.logins == ["a@isp", "b@isp"] && row.lines.macs.len() == 2);
    assert!(row.lines.circuit_ids == [b"eth0/1"] && row.lines.remote_ids == [[0, 1, 255]]);
    assert!(row.lines.duids == [[0, 1, 0, 2]] && row.lines.inside_addresses.len() == 2);
    assert!(
        row.contact.name.as_deref() == Some("Doe, J") && row.identity_level == Some(IdentityLevel::Document)
    );
    assert_eq!(row.contract_from_us, Some(1_585_666_800_000_000));
    assert_eq!(format!("{:?} {row:?}", row.contact), "Contact[..] SubscriberRow[..]");
    for (bad, column) in [("C1,x,zz", "mac"), (",x,", "subscriber")] {
        let defect = one::<SubscriberRow>(&format!("subscriber,login,mac\n{bad}\n")).err().unwrap();
        assert!(defect.contains(column));
    }
    assert!(IdentityLevel::WORDS.iter().all(|(word, level)| IdentityLevel::parse(word) == Some(*level)));
    assert!(IdentityLevel::WORDS.is_sorted_by_key(|(_, level)| *level));
}

#[test]
fn a_venue_s_stay_is_read_from_either_form() {
    let csv = "venue,seat,customer,entered,left,address,port_from,port_to,identity_checked\n\
        cafe-1,12,M-7,2026-11-21T10:00:00+09:00,,192.0.2.9,2000,2999,yes\n";
    let json = r#"{"venue":"cafe-1","seat":12,"customer":"M-7","entered":"2026-11-21T10:00:00+09:00","left":null,
        "address":"192.0.2.9","port_from":2000,"port_to":2999,"identity_checked":true,"more":{"a":1}}"#;
    let (csv, json) = (one::<VenueStay>(csv).unwrap(), one::<VenueStay>(&json.replace('\n', "")).unwrap());
    assert!(csv == json);
    assert!(csv.ports == Some((2000, 2999)) && csv.identity_checked == Some(true) && csv.left_us.is_none());
    let (records, defects) = table::<VenueStay>("{\"venue\":\"a\"}\n{]\n{\"venue\":[[1]]}\n");
    assert!(records.is_empty() && defects.len() == 3);
    let backwards = "venue,customer,entered,left\nv,c,2026-11-21T10:00:00Z,2026-11-21T09:00:00Z\n";
    assert!(one::<VenueStay>(backwards).err().unwrap().contains("before"));
}

// ---------------------------------------------------------------------------------------------------- complaints

fn complaints(text: &str) -> Vec<ComplaintLine> {
    Complaints::new(text.as_bytes()).map(|line| line.unwrap()).collect()
}

#[test]
fn every_line_gives_exactly_one_question() {
    let text = "ref,time,address,port,junk\n\
        R1,2026-11-21 10:15:03 +09:00,203.0.113.7,40123,x\n\
        R2,,203.0.113.7,1,x\n\
        R3,t,203.0.113.7\n\
        \n\
        R5,\"t,203.0.113.7,1,x\n\
        R6,t,203.0.113.7,,\n\
        \n\n";
    let lines = complaints(text);
    assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    let first = lines[0].question.as_ref().unwrap();
    assert!(first.time == "2026-11-21 10:15:03 +09:00" && first.port.as_deref() == Some("40123"));
    assert_eq!(
        lines.iter().map(|line| line.question.is_ok()).collect::<Vec<_>>(),
        [true, false, false, false, false, true]
    );
    let refs: Vec<_> = lines.iter().map(|line| line.reference.as_deref()).collect();
    assert_eq!(refs, [Some("R1"), Some("R2"), Some("R3"), None, None, Some("R6")]);
    assert_eq!(format!("{:?}", lines[0]), "ComplaintLine[..]");
}

#[test]
fn an_uncertain_reference_is_not_repeated() {
    let lines = complaints("address,time,ref\n192.0.2.1,t,too,many\n192.0.2.1,R\n");
    assert!(lines.len() == 2 && lines.iter().all(|line| line.reference.is_none() && line.question.is_err()));
}

#[test]
fn complaints_without_address_or_time_are_refused() {
    let mut lines = Complaints::new(&b"address,port\n192.0.2.1,1\n"[..]);
    assert!(matches!(lines.next(), Some(Err(Fault::Defect(defect))) if defect.what.contains("`time`")));
    assert!(lines.next().is_none());
}

// ----------------------------------------------------------------------------------------------------- cgn rules

#[test]
fn port_block_rules_of_a_real_gateway() {
    let (rules, defects) = rules(NAT_RULES);
    assert!(defects.is_empty());
    let seen: Vec<_> =
        rules.iter().map(|(line, rule)| (*line, rule.first_port, rule.last_port, rule.protocol)).collect();
    assert_eq!(
        seen,
        [
            (4, 1024, 8191, Some(6)),
            (5, 1024, 8191, Some(17)),
            (6, 8192, 16383, Some(6)),
            (7, 8192, 16383, Some(17)),
            (8, 1024, 16383, Some(6)),
            (9, 1024, 16383, Some(17)),
        ]
    );
    let (_, rule) = &rules[2];
    assert!(rule.inside == range("100.64.0.16/28") && rule.outside == range("192.0.2.1"));
    assert!(rule.allocation == Allocation::Shared && rule.reach == Reach::AllTraffic);
}

#[test]
fn maps_of_a_real_gateway() {
    let (rules, defects) = rules(NAT_MAPS);
    let brief = |wanted: &str| -> Vec<_> {
        let wanted = range(wanted);
        let same = rules.iter().filter(|(_, rule)| rule.inside == wanted);
        same.map(|(_, rule)| (rule.first_port, rule.last_port, rule.protocol, rule.reach)).collect()
    };
    let all = Reach::AllTraffic;
    assert_eq!(brief("100.64.0.2"), [(2048, 3071, Some(6), all), (2048, 3071, Some(17), all)]);
    assert_eq!(brief("100.64.1.3"), [(3072, 4095, Some(6), all), (3072, 4095, Some(17), all)]);
    assert_eq!(brief("100.64.5.1-100.64.5.9"), [(0, 65535, Some(1), all)]);
    assert_eq!(brief("100.64.7.0/28"), [(5000, 5999, Some(6), Reach::PartOfTraffic)]);
    assert_eq!(rules.len(), 4 + 6 + 2 + 2);
    assert!(rules.iter().any(|(_, rule)| rule.outside == range("192.0.2.8/31")));
    assert!(defects.len() == 1 && defects[0].what.contains("masquerade"));
}

#[test]
fn a_source_nat_that_is_not_understood_is_said() {
    for rule in [
        "ip saddr != 100.64.0.0/28 snat to 192.0.2.1",
        "ip saddr @nobody snat to 192.0.2.1",
        "snat to ip saddr map @nobody",
        "snat to numgen inc mod 2 map { 0 : 192.0.2.1, 1 : 192.0.2.2 }",
        "snat to ip saddr . ip daddr map { 100.64.0.1 . 192.0.2.9 : 192.0.2.1 }",
        "snat to ip saddr map { * : 192.0.2.1 }",
        "ip saddr 100.64.0.1 snat to 192.0.2.1:9-1",
        "ip saddr 100.64.0.1 snat to 192.0.2.300",
        "ip saddr 100.64.0.1 snat",
        "ip saddr nonsense snat to 192.0.2.1",
    ] {
        let good = "ip saddr 100.64.9.1 snat to 192.0.2.9:1024-2047";
        let text = format!("table ip nat {{\n\tchain post {{\n{good}\n{rule}\n{good}\n}}\n}}\n");
        let (rules, defects) = rules(text.as_bytes());
        assert_eq!(rules.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 5], "{rule}");
        assert_eq!(defects.iter().map(|defect| defect.place).collect::<Vec<_>>(), [Place::Line(4)], "{rule}");
        assert!(!defects[0].what.contains("192.0.2"));
    }
}

#[test]
fn a_map_of_many_subscribers_stands_on_one_line() {
    let elements: Vec<_> =
        (0..6000).map(|at| format!("100.64.{}.{} : 192.0.2.1 . {at}-{at}", at / 250, at % 250)).collect();
    let map = elements.join(", ");
    assert!(map.len() > 2 * MAX_LINE);
    let text = format!("table ip nat {{\n\tchain post {{\n\t\tsnat to ip saddr map {{ {map} }}\n\t}}\n}}\n");
    let (rules, defects) = rules(text.as_bytes());
    assert!(rules.len() == 6000 && defects.is_empty());
}

#[test]
fn hand_written_rules_are_read_too() {
    let text = "#!/usr/sbin/nft -f\n\
        add rule ip nat post ip saddr { 100.64.0.1, 100.64.0.2 } \\\n  snat to 192.0.2.1:1024-2047 # two share\n\
        table ip6 nat { chain post { snat to [2001:db8::1]:1000-1999; ip6 saddr fd00::/64 snat to 2001:db8::2; } }\n\
        table ip nat {\n chain post {\n snat ip addr . port to ip saddr map {\n  100.64.1.1: 192.0.2.2 . 1-9,\n\
        100.64.1.2 counter packets 1 bytes 2 : 192.0.2.2 . 10-19\n }\n }\n}\n";
    let (rules, defects) = rules(text.as_bytes());
    assert!(defects.is_empty(), "{defects:?}");
    let seen: Vec<_> =
        rules.iter().map(|(line, rule)| (*line, rule.inside, rule.outside, rule.first_port)).collect();
    let wanted = [
        (2, "100.64.0.1", "192.0.2.1", 1024),
        (2, "100.64.0.2", "192.0.2.1", 1024),
        (4, "::/0", "2001:db8::1", 1000),
        (4, "fd00::/64", "2001:db8::2", 0),
        (8, "100.64.1.1", "192.0.2.2", 1),
        (9, "100.64.1.2", "192.0.2.2", 10),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(line, a, b, port)| (*line, range(a), range(b), *port)).collect();
    assert!(seen == wanted);
}

#[test]
fn deterministic_rules_in_a_table() {
    let head = "inside_prefix,inside_realm,outside_prefix_or_range,ports_per_subscriber,first_port,last_port,algorithm,from,until,gateway\n";
    let rule = |row: &str| -> Result<CgnRule, String> {
        let (mut records, mut defects) = rules(format!("{head}{row}\n").as_bytes());
        records.pop().map(|(_, rule)| rule).ok_or_else(|| defects.pop().unwrap().what)
    };
    let sequential = rule("100.64.0.0/24,vrf1,192.0.2.0/30,1000,1024,65535,sequential,,,gw1").ok().unwrap();
    assert!(sequential.allocation == Allocation::Sequential { ports_per_subscriber: 1000 });
    assert!(sequential.inside_realm.as_deref() == Some("vrf1") && sequential.outside.count() == 4);
    assert!(rule("100.64.0.0/24,,192.0.2.1,,1024,65535,,,,").ok().unwrap().allocation == Allocation::Shared);
    for (bad, word) in [
        ("100.64.0.0/24,,192.0.2.1,1000,1024,65535,sequential,,,", "more addresses"),
        ("100.64.0.0/24,,192.0.2.1,0,1024,65535,sequential,,,", "zero"),
        ("100.64.0.0/24,,192.0.2.1,100,1024,65535,random,,,", "none of"),
        ("100.64.0.0/24,,192.0.2.1,100,1024,65535,,,,", "algorithm"),
        ("100.64.0.0/24,,192.0.2.1,100,1024,65536,sequential,,,", "last_port"),
        ("100.64.0.0/24,,192.0.2.1,100,2000,1024,sequential,,,", "below"),
        ("100.64.0.1/24,,192.0.2.1,100,1024,65535,sequential,,,", "inside_prefix"),
    ] {
        assert!(rule(bad).err().unwrap().contains(word), "{bad}");
    }
    let (records, defects) = rules(b"inside,outside\n100.64.0.1,192.0.2.1\n");
    assert!(records.is_empty() && defects.len() == 1, "a table with a wrong header is not an empty ruleset");
}

// ----------------------------------------------------------------------------------------------------- softwires

#[test]
fn map_rules_are_consistent_in_themselves() {
    let head = "rule_ipv6_prefix,rule_ipv4_prefix,ea_length,psid_offset,psid_length,br_address\n";
    let rule = |row: &str| one::<MapRule>(&format!("{head}{row}\n"));
    // RFC 7597 appendix A, example 1: /40, /24, 16 embedded bits: PSID of 8 bits.
    let example = rule("2001:db8::/40,192.0.2.0/24,16,6,,").ok().unwrap();
    assert_eq!((example.psid_offset, example.psid_length), (6, 8));
    assert_eq!(rule("2001:db8::/40,192.0.2.0/24,16,,,2001:db8::9").ok().unwrap().psid_offset, 6);
    // Appendix A, example 4: nothing embedded, and the whole address.
    assert_eq!(rule("2001:db8:12:3400::/56,192.0.2.18/32,0,,,").ok().unwrap().psid_length, 0);
    assert_eq!(rule("2001:db8:12:3400::/56,192.0.2.18/32,0,6,8,").ok().unwrap().psid_length, 8);
    for bad in [
        "2001:db8::/40,192.0.2.0/24,16,6,7,",
        "2001:db8::/40,192.0.2.0/24,16,9,,",
        "2001:db8::/40,192.0.2.0/24,49,6,,",
        "2001:db8::/40,2001:db8::/40,16,6,,",
        "192.0.2.0/24,192.0.2.0/24,16,6,,",
        "2001:db8::/40,192.0.2.0/24,,6,,",
    ] {
        assert!(rule(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_binding_s_port_set_fits_a_port() {
    let head = "b4_ipv6,ipv4,psid,psid_length,psid_offset\n";
    let binding = |row: &str| one::<SoftwireBinding>(&format!("{head}{row}\n"));
    let shared = binding("2001:db8::1,192.0.2.1,52,8,0").ok().unwrap();
    assert_eq!((shared.psid, shared.psid_length, shared.psid_offset), (52, 8, 0));
    assert!(binding("2001:db8:0:100::/56,192.0.2.1,,,").is_ok());
    for bad in ["2001:db8::1,192.0.2.1,256,8,0", "2001:db8::1,192.0.2.1,,8,0", "2001:db8::1,192.0.2.1,0,9,8"]
    {
        assert!(binding(bad).is_err(), "{bad}");
    }
}

// ------------------------------------------------------------------------------------------------------- network

#[test]
fn customers_are_told_by_prefix() {
    let (customers, defects) = table::<CustomerPrefix>(
        "customer,class,prefix\nriver,business,203.0.113.0/24\nriver,,2001:db8:7::/48\n,,192.0.2.0/24\nhill,,10.0.0.1/8\n",
    );
    assert_eq!(customers.len(), 2);
    assert_eq!(customers[0].1.class.as_deref(), Some("business"));
    let told: Vec<_> = defects.iter().map(|defect| (defect.place, defect.what.as_str())).collect();
    let wrong = "`prefix` is not an address or a prefix without host bits";
    assert_eq!(told, [(Place::Line(4), "`customer` is empty"), (Place::Line(5), wrong)]);
}

#[test]
fn interfaces_have_a_role_and_an_index() {
    let head = "exporter,index,name,role,neighbour_as,leads_to,sources\n";
    let interface = |row: &str| one::<InterfaceRow>(&format!("{head}{row}\n"));
    let edge = interface("192.0.2.1,7,xe-0/0/1,Edge,AS64501,,").ok().unwrap();
    assert_eq!((edge.index, edge.role, edge.neighbour_as), (7, Role::Edge, Some(64501)));
    let customer =
        interface("2001:db8::1,4294967295,,customer,,,203.0.113.0/24; 2001:db8:7::/48").ok().unwrap();
    assert_eq!((customer.sources.len(), customer.name), (2, None));
    let core = interface("192.0.2.1,9,,core,,192.0.2.2,").ok().unwrap();
    assert_eq!(core.leads_to, Some("192.0.2.2".parse().unwrap()));
    for bad in [
        "192.0.2.1,0,,edge,,,",
        "192.0.2.1,-1,,edge,,,",
        "192.0.2.1,7,,,,,",
        "192.0.2.1,7,,peer,,,",
        "192.0.2.1,7,,edge,64500.1,,",
        "192.0.2.1,7,,edge,0,,",
        "192.0.2.1,7,,edge,AS,,",
        "192.0.2.1,7,,edge,,192.0.2.2,",
        "192.0.2.1,7,,customer,,,203.0.113.1/24",
        "router-1,7,,edge,,,",
        ",7,,edge,,,",
    ] {
        assert!(interface(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_route_tells_an_origin_or_a_way_in() {
    let route = |row: &str| one::<RouteRow>(&format!("prefix,as,exporter,index\n{row}\n"));
    assert_eq!(route("203.0.113.0/24,64501,,").ok().unwrap().origin, Some(64501));
    let way = route("2001:db8::/32,,192.0.2.1,3").ok().unwrap();
    assert_eq!(way.ingress, Some(("192.0.2.1".parse().unwrap(), 3)));
    assert!(table::<RouteRow>("prefix,as\n203.0.113.0/24,AS64501\n").1.is_empty());
    for bad in [
        "203.0.113.0/24,,,",
        "203.0.113.0/24,64501,192.0.2.1,",
        "203.0.113.0/24,64501,,3",
        "203.0.113.0/24,4294967296,,",
        "203.0.113.0/24,64501,192.0.2.1,0",
        ",64501,,",
    ] {
        assert!(route(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = text.as_slice();
        let _ = sort(Table::<_, SubscriberRow>::new(text, None));
        let _ = sort(Table::<_, InterfaceRow>::new(text, None));
        let _ = sort(Table::<_, RouteRow>::new(text, None));
        let _ = Complaints::new(text).count();
        let _ = rules(text);
    }

    #[test]
    fn no_ruleset_panics(words in proptest::collection::vec(0usize..16, 0..60)) {
        const WORDS: [&str; 16] = ["table ", "ip ", "saddr ", "{ ", "} ", "snat ", "to ", "map ", "@m ", ": ", ". ", ", ",
            "192.0.2.1 ", "1-2 ", "elements ", "\n"];
        let text: String = words.iter().map(|at| WORDS[*at]).collect();
        let _ = rules(text.as_bytes());
    }

    #[test]
    fn quoting_and_splitting_agree(fields in proptest::collection::vec("[ -~é]{0,12}", 1..6)) {
        let line: Vec<_> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
        prop_assert_eq!(split(&line.join(",")).unwrap(), fields);
    }
}
