//! Laws of reading files: samples come out as their records say, packed or not, and no damage loses a neighbour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::io::{Read, Write};
use std::ops::ControlFlow;

use tadoru_model::observation::{LeaseState, Moment, Observed};
use tadoru_model::{Algorithm, Dealing, Holder, How, RecordKind, UtcMicros};

use super::*;

mod captures;

/// Reads octets as a file of `format`, in UTC where a zone is missing.
fn taken(format: Format, octets: &[u8]) -> (Vec<Item>, FileReport) {
    let options = Options { zone: Some(TimeZone::UTC), ..Options::new(NOW) };
    with(format, octets, &options)
}

fn with(format: Format, octets: impl Read, options: &Options) -> (Vec<Item>, FileReport) {
    let mut items = Vec::new();
    let mut sink = |item| {
        items.push(item);
        ControlFlow::Continue(())
    };
    let report = read(format, octets, "sample", options, &mut sink, &mut |_| {}).unwrap();
    (items, report)
}

fn observations(items: &[Item]) -> Vec<&Observation> {
    let mut observations = Vec::new();
    for item in items {
        if let Item::Observation(observation) = item {
            observations.push(observation);
        }
    }
    observations
}

fn row(item: &Item) -> &tadoru_model::Assignment {
    match item {
        Item::Observation(Observation { what: Observed::Row(row), .. }) => row,
        _ => panic!("not a row"),
    }
}

#[test]
fn every_format_is_known_by_its_own_name() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.as_str()), Some(format));
    }
    assert_eq!(Format::parse("netflow"), None);
}

#[test]
fn a_detail_file_tells_who_had_which_address() {
    let (items, report) = taken(Format::RadiusDetail, include_bytes!("../../testdata/detail-20160204"));
    assert_eq!((report.records, report.kept, report.defect_count), (4, 4, 0));
    let Observed::Session(event) = &observations(&items)[0].what else { panic!("not a session") };
    assert_eq!(&*observations(&items)[0].source.0, "bras-tyo-1");
    assert_eq!(event.names[0].value, "ppp0014@example.ne.jp");
    assert!(event.when.logged.is_some() && event.when.not_after.is_some());
}

#[test]
fn a_lease_given_back_is_bounded_by_its_neighbours() {
    let (items, report) = taken(Format::Kea4, include_bytes!("../../testdata/kea-leases4.csv"));
    assert_eq!((report.records, report.kept, report.defect_count), (31, 31, 0));
    let released: Vec<_> = observations(&items)
        .into_iter()
        .filter_map(|o| match &o.what {
            Observed::Lease(event) if event.state == LeaseState::Released => Some((o.record, event)),
            _ => None,
        })
        .collect();
    assert_eq!(released.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [23, 24, 25]);
    for (_, event) in released {
        assert_eq!(event.expires, Some(UtcMicros::from_seconds(LAST_RENEWAL_BEFORE)));
        assert_eq!(event.since, UtcMicros::from_seconds(NEXT_RENEWAL_AFTER + 1));
    }
    let lines: Vec<u64> = observations(&items).iter().map(|o| o.record).collect();
    assert!(lines.is_sorted(), "events keep the order of the file");
}

#[test]
fn a_compacted_lease_file_bounds_nothing_by_its_neighbours() {
    let head = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n";
    let body = "198.51.100.1,02:00:5e:10:00:01,,120,1795290629,1,0,0,,0,\n\
                198.51.100.2,02:00:5e:10:00:02,,0,1795290400,1,0,0,,3,\n\
                198.51.100.3,02:00:5e:10:00:03,,120,1795290640,1,0,0,,0,\n";
    let (items, _) = taken(Format::Kea4, format!("{head}{body}").as_bytes());
    let Observed::Lease(event) = &observations(&items)[1].what else { panic!("not a lease") };
    assert_eq!(event.state, LeaseState::Released);
    assert_eq!(event.expires, Some(UtcMicros::from_seconds(1_795_290_400)));
    assert_eq!(event.since, UtcMicros::MAX);
}

#[test]
fn connections_of_a_gateway_are_told_from_begin_to_end() {
    let (items, report) = taken(Format::Conntrack, include_bytes!("../../testdata/conntrack.events.txt"));
    assert_eq!((report.records, report.kept + report.ignored, report.defect_count), (40, 40, 0));
    let Observed::Nat(event) = &observations(&items)[0].what else { panic!("not a translation") };
    assert_eq!(event.moment, Moment::Start);
    assert_eq!((event.outside.to_string().as_str(), event.ports.low), ("192.0.2.1", 13828));
    assert_eq!((event.inside.to_string().as_str(), event.inside_port), ("100.64.0.29", Some(56688)));
    assert_eq!(event.remote.unwrap().port, Some(80));
    assert_eq!(event.when.logged, Some(UtcMicros(1_795_290_510_597_884)));
}

#[test]
fn packed_files_are_read_as_they_are() {
    let plain: &[u8] = include_bytes!("../../testdata/conntrack.events.txt");
    let (whole, _) = taken(Format::Conntrack, plain);
    let gzip = |part: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(part).unwrap();
        packer.finish().unwrap()
    };
    let (first, second) = plain.split_at(1000);
    let members = [gzip(first), gzip(second)].concat();
    assert_eq!(taken(Format::Conntrack, &gzip(plain)).0, whole);
    assert_eq!(taken(Format::Conntrack, &members).0, whole);
    let zst = zstd::encode_all(plain, 3).unwrap();
    assert_eq!(taken(Format::Conntrack, &zst).0, whole);
}

#[test]
fn packed_files_that_are_cut_keep_what_they_hold() {
    let plain: &[u8] = include_bytes!("../../testdata/conntrack.events.txt");
    let packed = zstd::encode_all(plain, 3).unwrap();
    let (items, report) = taken(Format::Conntrack, &packed[..packed.len() - 8]);
    assert_eq!(report.end, End::Cut);
    assert!(report.defect_count >= 1);
    assert!(items.len() <= 40);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packer.write_all(plain).unwrap();
    let stored = packer.finish().unwrap();
    let (items, report) = taken(Format::Conntrack, &stored[..stored.len() / 2]);
    assert_eq!(report.end, End::Cut);
    assert!(items.len() > 10, "what stood before the cut is kept");
}

#[test]
fn no_truncation_breaks_a_reader_or_loses_what_stood_before() {
    let samples: [(Format, &[u8]); 3] = [
        (Format::RadiusDetail, include_bytes!("../../testdata/detail-20160204")),
        (Format::Kea4, include_bytes!("../../testdata/kea-leases4.csv")),
        (Format::Conntrack, include_bytes!("../../testdata/conntrack.events.txt")),
    ];
    for (format, octets) in samples {
        let (whole, _) = taken(format, octets);
        let mut most = 0;
        for end in (0..octets.len()).step_by(7) {
            let (items, _) = taken(format, &octets[..end]);
            assert!(items.len() >= most.min(whole.len()).saturating_sub(1));
            most = most.max(items.len());
        }
    }
}

#[test]
fn captures_of_strangers_are_no_exports() {
    for format in [Format::RadiusPcap, Format::NatExport] {
        let (items, report) = taken(format, b"\xd4\xc3\xb2\xa1 this is no capture");
        assert!(items.is_empty() && report.defect_count > 0);
        assert_eq!(taken(format, b"").1.defect_count, 0);
    }
}

#[test]
fn a_static_assignment_holds_as_long_as_it_says() {
    let table = "address_or_prefix,realm,subscriber,from,until\n\
                 198.51.100.0/29,,c-1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
                 2001:db8::/48,vpn-7,c-2,,\n";
    let (items, report) = taken(Format::Static, table.as_bytes());
    assert_eq!(report.kept, 2);
    let (first, second) = (row(&items[0]), row(&items[1]));
    assert_eq!((first.kind, first.from.latest), (RecordKind::Static, UtcMicros::from_seconds(1_767_225_600)));
    assert_eq!((second.from.earliest, second.until.earliest), (UtcMicros::MIN, UtcMicros::MAX));
    assert_eq!(&*second.realm.0, "vpn-7");
}

#[test]
fn a_stay_without_an_end_is_open_and_one_without_an_address_a_defect() {
    let stays = "{\"venue\":\"house-1\",\"seat\":\"A7\",\"customer\":\"m-9\",\"entered\":\"2026-01-01T10:00:00+09:00\",\
                 \"address\":\"198.51.100.7\",\"mac\":\"02:00:5E:10:00:01\"}\n\
                 {\"venue\":\"house-1\",\"customer\":\"m-9\",\"entered\":\"2026-01-01T10:00:00+09:00\"}\n";
    let (items, report) = taken(Format::Venue, stays.as_bytes());
    assert_eq!((report.kept, report.defect_count), (1, 1));
    let stay = row(&items[0]);
    assert_eq!((stay.until.how, stay.until.earliest), (How::Open, UtcMicros::from_seconds(1_767_229_200)));
    let Holder::Line(names) = &stay.holder else { panic!("not a line") };
    let values: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
    assert_eq!(values, ["m-9", "house-1/A7", "02:00:5e:10:00:01"]);
}

#[test]
fn port_sets_of_softwires_are_runs_of_ports() {
    let table = "b4_ipv6,ipv4,psid,psid_length,psid_offset\n\
                 2001:db8::1,192.0.2.1,1,8,0\n\
                 2001:db8::2,192.0.2.1,256,8,0\n\
                 2001:db8::3,192.0.2.1,52,8,6\n\
                 2001:db8::4,192.0.2.2,,,\n";
    let (items, report) = taken(Format::Softwires, table.as_bytes());
    assert_eq!(report.defect_count, 1);
    assert_eq!((row(&items[0]).ports.low, row(&items[0]).ports.high), (256, 511));
    // RFC 7597 appendix B, example 1: PSID 0x34 (52), offset 6: 1232-1235, 2256-2259, …, 64720-64723.
    let of_three: Vec<(u16, u16)> =
        items[1..64].iter().map(|item| (row(item).ports.low, row(item).ports.high)).collect();
    assert_eq!(of_three[0], (1232, 1235));
    assert_eq!(of_three[1], (2256, 2259));
    assert_eq!(of_three[62], (64720, 64723));
    assert_eq!(row(&items[64]).ports, tadoru_model::PortRange::ALL);
}

#[test]
fn rules_of_translators_keep_their_arithmetic() {
    let table = "inside_prefix,outside_prefix_or_range,ports_per_subscriber,first_port,last_port,algorithm,gateway\n\
                 100.64.0.0/24,192.0.2.0/28,1008,1024,65535,interleaved,cgn-1\n";
    let (items, _) = taken(Format::CgnRules, table.as_bytes());
    let Item::Rule(rule) = &items[0] else { panic!("not a rule") };
    assert_eq!(&*rule.source.0, "cgn-1");
    let Algorithm::DeterministicNat { ports_each, dealing, .. } = &rule.algorithm else { panic!("not NAT") };
    assert_eq!((*ports_each, *dealing), (1008, Dealing::Interleaved));
    let table = "rule_ipv6_prefix,rule_ipv4_prefix,ea_length,psid_offset\n2001:db8::/40,192.0.2.0/24,16,6\n";
    let (items, _) = taken(Format::MapE, table.as_bytes());
    let Item::Rule(rule) = &items[0] else { panic!("not a rule") };
    let Algorithm::MapE { ea_len, psid_len, .. } = &rule.algorithm else { panic!("not MAP-E") };
    assert_eq!((*ea_len, *psid_len), (16, None));
}

#[test]
fn a_ruleset_is_told_from_a_table_packed_or_not() {
    let rules =
        "table ip nat {\n chain post {\n  ip saddr 100.64.0.0/28 snat to 192.0.2.1:1024-8191\n }\n}\n";
    let packed = zstd::encode_all(rules.as_bytes(), 3).unwrap();
    for octets in [rules.as_bytes(), packed.as_slice()] {
        let (items, report) = taken(Format::CgnRules, octets);
        assert_eq!((report.kept, report.defect_count), (1, 0));
        let Item::Rule(rule) = &items[0] else { panic!("not a rule") };
        assert_eq!(&*rule.source.0, "sample");
    }
}

#[test]
fn a_time_without_a_zone_is_a_defect_unless_one_is_stated() {
    let line = "2026-10-25 02:30:00 gw1 %ASA-6-305011: Built dynamic TCP translation from inside:100.64.0.5/40000 to \
                outside:192.0.2.1/50000\n";
    let nobody = Options::new(NOW);
    assert_eq!(with(Format::NatSyslog, line.as_bytes(), &nobody).1.defect_count, 1);
    let berlin = Options { zone: Some(TimeZone::get("Europe/Berlin").unwrap()), ..Options::new(NOW) };
    let (items, report) = with(Format::NatSyslog, line.as_bytes(), &berlin);
    assert!(items.is_empty(), "an hour that exists twice names nobody");
    assert_eq!(report.defect_count, 1);
    let (items, _) = taken(Format::NatSyslog, line.as_bytes());
    assert_eq!(&*observations(&items)[0].source.0, "gw1");
}

#[test]
fn a_taker_that_wants_no_more_ends_the_reading() {
    let options = Options::new(NOW);
    let octets: &[u8] = include_bytes!("../../testdata/conntrack.events.txt");
    let mut bytes = 0;
    let report =
        read(Format::Conntrack, octets, "sample", &options, &mut |_| ControlFlow::Break(()), &mut |read| {
            bytes = read
        })
        .unwrap();
    assert_eq!((report.kept, report.end), (1, End::Stopped));
    assert_eq!(bytes, report.bytes);
}

#[test]
fn no_word_of_a_report_shows_a_value() {
    let table = "address_or_prefix,subscriber\n198.51.100.300,secret-person\n198.51.100.9/24,secret-person\n";
    let (_, report) = taken(Format::Static, table.as_bytes());
    let text = format!("{report:?}");
    assert!(report.defect_count == 2 && !text.contains("198.51") && !text.contains("secret"));
}

/// 2026-11-22T00:00:00Z.
const NOW: UtcMicros = UtcMicros::from_seconds(1_795_305_600);

/// Of `kea-leases4.csv`: the renewals on the lines next to those that were given back.
const LAST_RENEWAL_BEFORE: i64 = 1_795_290_517;
const NEXT_RENEWAL_AFTER: i64 = 1_795_290_521;

/// Lossy spans: their beginning and end in seconds, and their prefixes.
fn lossy(items: &[Item]) -> Vec<(i64, i64, String)> {
    let span = |o: &&Observation| match &o.what {
        Observed::Coverage(c) => {
            let prefixes: Vec<_> = c.prefixes.iter().map(ToString::to_string).collect();
            Some((c.span.from.0 / 1_000_000, c.span.until.0 / 1_000_000, prefixes.join(" ")))
        }
        _ => None,
    };
    observations(items).iter().filter_map(span).collect()
}

/// 2025-01-01T00:00:00Z.
const A_YEAR_AGO: i64 = 1_735_689_600;

/// A year of a gateway's log, an event every hour, without those of `damaged`.
fn a_year_without(damaged: &[i64]) -> String {
    let line = |hour: i64| {
        let event = if damaged.contains(&hour) { "[NEX]" } else { "[NEW]" };
        format!(
            "[{}.000000]\t {event} tcp      6 120 SYN_SENT src=100.64.0.5 dst=198.51.100.10 sport=50130 dport=80 \
             [UNREPLIED] src=198.51.100.10 dst=192.0.2.1 sport=80 dport=1198\n",
            A_YEAR_AGO + hour * 3600
        )
    };
    (0..8760).map(line).collect()
}

#[test]
fn a_damaged_line_leaves_the_time_between_its_neighbours_in_doubt_and_no_other() {
    let (items, report) = taken(Format::Conntrack, a_year_without(&[4000]).as_bytes());
    assert_eq!((report.kept, report.defect_count, report.ignored), (8759, 1, 0));
    let at = |hour: i64| A_YEAR_AGO + hour * 3600;
    let wanted = (at(3999) - 60, at(4001) + 60, "192.0.2.0/24".to_owned());
    assert_eq!(lossy(&items), std::slice::from_ref(&wanted));
    // At the ends there is one neighbour only.
    let (items, _) = taken(Format::Conntrack, a_year_without(&[0, 4000, 8759]).as_bytes());
    let first = (at(1) - 60, at(1) + 60, wanted.2.clone());
    let last = (at(8758) - 60, at(8758) + 60, wanted.2.clone());
    assert_eq!(lossy(&items), [first, wanted, last]);
    assert!(lossy(&taken(Format::Conntrack, a_year_without(&[]).as_bytes()).0).is_empty());
}

#[test]
fn damage_in_a_file_that_is_in_no_order_leaves_all_of_it_in_doubt() {
    let table = "address_or_prefix,realm,subscriber,from,until\n\
                 198.51.100.0/29,,c-1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
                 198.51.100.8/2x,,c-2,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
                 198.51.100.16/29,,c-3,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z\n";
    let (items, report) = taken(Format::Static, table.as_bytes());
    assert_eq!((report.kept, report.defect_count), (2, 1));
    assert_eq!(lossy(&items), [(1_767_225_600, 1_772_323_200, "198.51.100.0/24".to_owned())]);
    // The same for a log that somebody sorted by something else than its times.
    let year = a_year_without(&[4000]);
    let lines: Vec<&str> = year.split_inclusive('\n').collect();
    let shuffled: String = (0..8760).map(|n| lines[n * 7919 % 8760]).collect();
    let (items, _) = taken(Format::Conntrack, shuffled.as_bytes());
    assert_eq!(lossy(&items), [(A_YEAR_AGO, A_YEAR_AGO + 8759 * 3600, "192.0.2.0/24".to_owned())]);
}

#[test]
fn losses_by_number_speak_of_what_their_gateway_speaks_of() {
    let line = |number: u32| {
        format!(
            "<134>1 2026-11-21T10:00:{number:02}Z gw1 nat - - [meta sequenceId=\"{number}\"] %ASA-6-305011: Built dynamic \
             TCP translation from inside:100.64.0.5/{number} to outside:192.0.2.1/{number}\n"
        )
    };
    let (items, report) = taken(Format::NatSyslog, [line(1), line(9)].concat().as_bytes());
    assert_eq!((report.kept, report.defect_count), (2, 0));
    assert_eq!(lossy(&items), [(1_795_255_201, 1_795_255_209, "192.0.2.0/24".to_owned())]);
}
