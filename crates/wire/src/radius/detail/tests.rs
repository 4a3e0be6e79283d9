#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::*;
use crate::defect::Place;
use crate::radius::{Allocation, Origin, Prefix, Status};

const SAMPLE: &str = include_str!("../../../testdata/radius/detail-sample");
const EXOTIC: &str = include_str!("../../../testdata/radius/detail-exotic");

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn read_in(text: &[u8], zone: &TimeZone) -> Vec<Entry> {
    Reader::new(text, Dictionary::builtin(), zone).map(Result::unwrap).collect()
}

fn read(text: &str) -> Vec<Entry> {
    read_in(text.as_bytes(), &TimeZone::UTC)
}

/// The one entry of a text, which must give a record.
fn record(text: &str) -> (Accounting, Vec<Defect>) {
    let [entry] = <[Entry; 1]>::try_from(read(text)).unwrap();
    (entry.record.unwrap(), entry.defects)
}

fn line_is(defects: &[Defect], line: u64, part: &str) -> bool {
    defects.len() == 1 && defects[0].place == Place::Line(line) && defects[0].what.contains(part)
}

// ---------------------------------------------------------------------------------------------- real files

#[test]
fn a_file_of_freeradius_is_read_whole() {
    let entries = read(SAMPLE);
    assert_eq!(entries.len(), 70);
    for entry in &entries {
        assert_eq!(entry.defects, []);
        let record = entry.record.as_ref().unwrap();
        assert!(record.status.is_some() && record.session_id.is_some() && record.nas_ip.is_some());
        assert!(record.event_timestamp.is_some() && record.arrival.is_some());
        let on = record.status == Some(Status::AccountingOn);
        assert!(
            on || record.user_name.is_some() && record.framed_ipv4.is_some() && record.classes.len() == 1
        );
    }
    assert_eq!(
        entries.iter().filter(|e| e.record.as_ref().unwrap().status == Some(Status::AccountingOn)).count(),
        1
    );
    assert_eq!(entries.last().unwrap().end, SAMPLE.len() as u64);
    let lines: Vec<&str> = SAMPLE.lines().collect();
    for entry in &entries {
        assert!(lines[usize::try_from(entry.line).unwrap() - 1].ends_with(" 2016"));
    }
    let first = entries[0].record.as_ref().unwrap();
    assert_eq!(first.status, Some(Status::Start));
}

#[test]
fn what_freeradius_prints_of_rarer_attributes_is_read() {
    let entries = read_in(EXOTIC.as_bytes(), &zone("Asia/Tokyo"));
    let [first, second, third] = entries.as_slice() else { panic!("three entries") };
    assert_eq!(first.defects, []);
    let record = first.record.as_ref().unwrap();
    assert!(record.user_name.as_deref() == Some("DOM\\user \"q\" \\x09\\x0a\\xe9"));
    assert!(record.framed_interface_id == Some([0, 0, 0, 0, 0, 10, 0, 1]));
    assert!(record.framed_ipv6_prefixes == [Prefix::parse("2001:db8:41:e500::/64").unwrap()]);
    assert!(record.classes == [b"abc".to_vec(), vec![0, 0xff]]);
    assert!(record.imsi.as_deref() == Some("440108333154192"));
    assert!(record.agent_circuit_id.as_deref() == Some(b"olt1/1/3".as_slice()));
    assert!(
        record.port_ranges.len() == 1
            && (record.port_ranges[0].low, record.port_ranges[0].high) == (1024, 1055)
    );
    assert_eq!(record.event_timestamp, Some(1_454_284_826_000_000));
    assert_eq!(record.arrival, Some(1_795_297_332_000_000));
    assert!(record.sender == "127.0.0.1".parse().ok());

    let record = second.record.as_ref().unwrap();
    assert_eq!(record.status, Some(Status::Other(9)));
    assert!(
        record.framed_ipv4.is_none() && line_is(&second.defects, 43, "`Framed-IP-Address`"),
        "{:?}",
        second.defects
    );
    let [range, map, huawei] = record.port_ranges.as_slice() else { panic!("three ranges") };
    assert_eq!(
        (range.origin, range.low, range.high, range.allocation),
        (Origin::IpPortRange, 40000, 40511, None::<Allocation>)
    );
    assert_eq!(
        (map.origin, map.low, map.high, map.inside_port),
        (Origin::IpPortForwardingMap, 8080, 8080, Some(80))
    );
    assert_eq!((huawei.origin, huawei.low, huawei.high), (Origin::Huawei, 1024, 2047));

    assert_eq!(third.defects, []);
    let record = third.record.as_ref().unwrap();
    assert_eq!((record.status, record.terminate_cause), (Some(Status::AccountingOff), Some(99)));
}

#[test]
fn the_form_of_gnu_radius_is_read() {
    let text = "Fri Dec 15 20:00:24 2000\n\tAcct-Session-Id = \"2193\"\n\tUser-Name = \"e2\"\n\
        \tAcct-Status-Type = Start\n\tFramed-IP-Address = 198.51.100.125\n\tCalling-Station-Id = \"+15550100\"\n\
        \tNAS-IP-Address = 198.51.100.11\n\tNAS-Port-Id = 8\n\tAcct-Delay-Time = 0\n\tRequest-Authenticator = Unverified";
    let (record, defects) = record(text);
    assert_eq!(defects, []);
    assert!(record.nas_port_id.as_deref() == Some("8") && record.framed_ipv4.is_some());
    assert_eq!(record.arrival, Some(976_910_424_000_000));
    assert_eq!(read(text.strip_suffix("ified").unwrap())[0].defects[0].what, "entry is cut");
}

// ---------------------------------------------------------------------------------------------- framing

#[test]
fn entries_are_told_apart_in_every_form() {
    let body = "\tUser-Name = \"a\"\n\tAcct-Status-Type = Start\n\tTimestamp = 1454286916\n";
    let plain = format!("Mon Feb  1 00:35:16 2016\n{body}\n");
    let no_header = format!("{body}\n");
    let unindented = no_header.replace('\t', "");
    let tight = format!("Mon Feb  1 00:35:16 2016\n{body}");
    for text in [
        &plain,
        &no_header,
        &unindented,
        &tight,
        &plain.replace('\n', "\r\n"),
        &plain.replace('\n', " \n"),
        &format!("\n\n{plain}\n"),
    ] {
        for times in [1, 3] {
            let entries = read(&text.repeat(times));
            assert_eq!(entries.len(), times, "{text:?}");
            for entry in entries {
                assert_eq!(entry.defects, [], "{text:?}");
                let record = entry.record.unwrap();
                assert!(
                    record.user_name.as_deref() == Some("a") && record.arrival == Some(1_454_286_916_000_000)
                );
            }
        }
    }
    assert!(read("").is_empty() && read("\n\n \n").is_empty());
}

#[test]
fn an_entry_that_was_cut_is_no_record_and_its_neighbours_are_kept() {
    let whole: Vec<Accounting> = read(SAMPLE).into_iter().map(|e| e.record.unwrap()).collect();
    let (head, _) = SAMPLE.split_at(2500);
    for cut in 0..head.len() {
        let entries = read(&head[..cut]);
        for (i, entry) in entries.iter().enumerate() {
            match &entry.record {
                Some(record) if i + 1 < entries.len() => assert!(*record == whole[i], "{cut}"),
                // Only the first entry of a file cannot be compared with one before it.
                Some(record) => {
                    let line_ends = head[..cut].ends_with('\n');
                    assert!(*record == whole[i] || i == 0 && line_ends, "{cut}");
                }
                None => assert!(
                    i + 1 == entries.len() && entry.cut && line_is(&entry.defects, entry.line, "cut"),
                    "{cut}"
                ),
            }
        }
    }
}

#[test]
fn of_a_growing_file_only_closed_entries_are_read() {
    let (head, _) = SAMPLE.split_at(3000);
    let mut from = 0;
    let mut records = 0;
    for cut in (0..head.len()).step_by(7) {
        let base = from;
        for entry in Reader::new(&head.as_bytes()[base..cut.max(base)], Dictionary::builtin(), &TimeZone::UTC)
            .growing()
        {
            let entry = entry.unwrap();
            if entry.cut {
                break;
            }
            assert_eq!(entry.defects, []);
            records += 1;
            from = base + usize::try_from(entry.end).unwrap();
        }
    }
    assert_eq!(records, head.matches("\n\n").count());
}

#[test]
fn what_a_crash_left_is_not_joined_with_what_follows() {
    let entries: Vec<&str> = SAMPLE.split_inclusive("\n\n").take(3).collect();
    let whole = read(SAMPLE);
    for cut in 30..entries[1].len() - 1 {
        let torn = [entries[0], &entries[1][..cut], entries[2]].concat();
        let read = read(&torn);
        assert!(read[0].record == whole[0].record, "{cut}");
        for entry in &read[1..] {
            let known = |record: &Accounting| whole.iter().any(|e| e.record.as_ref() == Some(record));
            assert!(entry.record.as_ref().is_none_or(known), "{cut}");
            assert!(entry.record.is_some() || entry.defects.len() == 1, "{cut}");
        }
        assert!(read.last().unwrap().record == whole[2].record, "{cut}");
    }
}

#[test]
fn two_entries_in_one_are_none() {
    let text = "\tAcct-Status-Type = Start\n\tUser-Name = \"a\"\n\tUser-Name = \"a\"\n\n\tUser-Name = \"b\"\n\tAcct-Status-Type = Stop\n\n\
        \tUser-Name = \"c\"\n\tgarbage\n\tAcct-Status-Type = Stop\n\n";
    let entries = read(text);
    assert!(line_is(&entries[0].defects, 1, "torn") && entries[0].record.is_none());
    assert!(entries[1].record.is_some());
    assert!(line_is(&entries[2].defects, 8, "torn") && entries[2].record.is_none());
}

#[test]
fn lines_and_entries_are_bounded() {
    let long = "x".repeat(3 * MAX_LINE);
    let text = format!(
        "\tUser-Name = \"{long}\"\n\tAcct-Status-Type = Stop\n\n\tUser-Name = \"b\"\n\tAcct-Status-Type = Start\n\n"
    );
    let entries = read(&text);
    let record = entries[0].record.as_ref().unwrap();
    assert!(record.user_name.is_none() && record.status == Some(Status::Stop));
    assert!(line_is(&entries[0].defects, 1, "bound"));
    assert!(entries[1].record.as_ref().unwrap().user_name.as_deref() == Some("b"));

    let many = "\tClass = 0x00\n".repeat(5000);
    let wide = format!("\tClass = 0x{}\n", "00".repeat(30_000)).repeat(40);
    for body in [many, wide] {
        let entries = read(&format!("{body}\n\tUser-Name = \"b\"\n\tAcct-Status-Type = Start\n\n"));
        assert!(entries[0].record.is_none() && line_is(&entries[0].defects, 1, "bound"));
        assert!(entries[1].record.is_some());
    }
}

// ---------------------------------------------------------------------------------------------- values

#[test]
fn names_and_operators_are_read_in_every_form() {
    for line in [
        "3GPP-IMSI = \"440\"",
        "3gpp-imsi = '440'",
        "3GPP-IMSI=\"440\"",
        "3GPP-IMSI += \"440\"",
        "3GPP-IMSI := \"440\"",
        "3GPP-IMSI:=\"440\"",
        "3GPP-IMSI:0 = \"440\"",
        "Attr-26.10415.1 = 0x343430",
        "Vendor-10415-Attr-1 = 0x343430",
        "Unknown-Attr-26.10415.1 = 0x343430",
        "Vendor-Specific.3GPP.IMSI = \"440\"",
        "3GPP-IMSI = 440",
        "3GPP-IMSI = \"\\064\\x34\\060\"",
    ] {
        let (record, defects) = record(&format!("\tAcct-Status-Type = 1\n\t{line}\n\n"));
        assert_eq!(defects, [], "{line}");
        assert!(record.imsi.as_deref() == Some("440"), "{line}");
    }
    for (value, status) in [
        ("Alive", Status::InterimUpdate),
        ("interim-update", Status::InterimUpdate),
        ("3", Status::InterimUpdate),
        ("\"Stop\"", Status::Stop),
        ("Accounting-On", Status::AccountingOn),
        ("Tunnel-Stop", Status::Other(10)),
        ("4000", Status::Other(4000)),
    ] {
        assert_eq!(record(&format!("\tAcct-Status-Type = {value}\n\n")).0.status, Some(status), "{value}");
    }
}

#[test]
fn a_value_that_cannot_be_read_is_a_defect_and_no_value() {
    for line in [
        "Framed-IP-Address = 192.0.2",
        "Framed-IP-Address = 192.0.2.256",
        "Framed-IP-Address = 2001:db8::1",
        "Framed-IP-Address = \"192.0.2.1",
        "Framed-IP-Address = \"192.0.2.1\" x",
        "Framed-IP-Address =",
        "Delegated-IPv6-Prefix = 2001:db8::",
        "Delegated-IPv6-Prefix = 2001:db8::/129",
        "Delegated-IPv6-Prefix = 192.0.2.0/24",
        "Delegated-IPv6-Prefix = ::/0",
        "Framed-Interface-Id = 1:2:3",
        "Framed-Interface-Id = 1:2:3:12345",
        "Acct-Session-Time = 4294967296",
        "Acct-Session-Time = -1",
        "Acct-Terminate-Cause = Nonsense",
        "Class = 0x123",
        "Event-Timestamp = \"Feb 30 2016 00:00:26 UTC\"",
        "Event-Timestamp = \"Feb  1 2016 24:00:26 UTC\"",
        "Event-Timestamp = \"02/01/2016 00:00:26 UTC\"",
        "Event-Timestamp = \"Feb  1 2016 00:00:26 XYZ\"",
        "Event-Timestamp = \"Feb  1 2016 00:00:26 IST\"",
        "Event-Timestamp = yesterday",
        "Timestamp = yesterday",
        "Timestamp = 999999999999",
    ] {
        let (record, defects) = record(&format!("\tAcct-Status-Type = Stop\n\t{line}\n\n"));
        assert!(record == Accounting { status: Some(Status::Stop), ..Accounting::default() }, "{line}");
        assert!(line_is(&defects, 2, "`"), "{line}: {defects:?}");
        assert!(
            !defects[0].what.contains("192.0") && !defects[0].what.contains("2001"),
            "{line}: {defects:?}"
        );
    }
    let (unknown, defects) = record("\tAcct-Status-Type = Nonsense\n\tUser-Name = \"a\"\n\n");
    assert!(unknown.status.is_none() && unknown.user_name.is_some() && defects.len() == 2);
    // What is not part of the record is not looked at.
    assert_eq!(record("\tAcct-Status-Type = Stop\n\tNAS-Port-Type = Nonsense\n\tFoo = \"\n\n").1, []);
}

// ---------------------------------------------------------------------------------------------- dates

#[test]
fn event_timestamps_are_read_with_their_zone() {
    let utc = 1_454_284_826_000_000;
    let berlin = zone("Europe/Berlin");
    for (text, expected) in [
        ("\"Feb  1 2016 00:00:26 UTC\"", Some(utc)),
        ("\"Feb  1 2016 00:00:26 GMT\"", Some(utc)),
        ("\"Feb  1 2016 09:00:26 JST\"", Some(utc)),
        ("\"Feb  1 2016 01:00:26 CET\"", Some(utc)),
        ("\"Feb  1 2016 01:00:26\"", Some(utc)),
        ("\"Feb  1 2016 00:00:26 CEST\"", None),
        ("\"Feb  1 2016 00:00:26 EST\"", None),
        ("\"2016-02-01T00:00:26Z\"", Some(utc)),
        ("\"2016-02-01T09:00:26+09:00\"", Some(utc)),
        ("\"2016-02-01T00:00:26.5Z\"", Some(utc + 500_000)),
        ("\"2016-02-01 09:00:26 +0900\"", Some(utc)),
        ("\"2016-01-31 19:00:26 -05:00\"", Some(utc)),
        ("1454284826", Some(utc)),
        ("\"1454284826\"", Some(utc)),
        ("0x56aea01a", Some(utc)),
        ("\"Mar 27 2016 02:30:00\"", None),
        ("\"Oct 30 2016 02:30:00\"", None),
        ("\"Oct 30 2016 02:30:00 CET\"", Some(1_477_791_000_000_000)),
        ("\"Oct 30 2016 02:30:00 CEST\"", Some(1_477_787_400_000_000)),
        ("\"Feb  1 16 00:00:26 UTC\"", None),
    ] {
        let text = format!("\tAcct-Status-Type = Stop\n\tEvent-Timestamp = {text}\n\n");
        let entries = read_in(text.as_bytes(), &berlin);
        assert_eq!(entries[0].record.as_ref().unwrap().event_timestamp, expected, "{text}");
        assert_eq!(entries[0].defects.is_empty(), expected.is_some(), "{text}: {:?}", entries[0].defects);
    }
}

#[test]
fn headers_are_in_the_zone_given_unless_they_name_one() {
    let instant = 1_454_254_516_000_000;
    for header in [
        "Mon Feb  1 00:35:16 2016",
        "Mon Feb  1 00:35:16 JST 2016",
        "Sun Jan 31 15:35:16 UTC 2016",
        "2016-02-01 00:35:16",
        "2016/02/01 00:35:16",
        "2016-01-31T15:35:16Z",
        "2016-02-01T00:35:16.000+09:00",
        "Mon, 01 Feb 2016 00:35:16",
    ] {
        let text = format!("{header}\n\tAcct-Status-Type = Stop\n\n");
        let entries = read_in(text.as_bytes(), &zone("Asia/Tokyo"));
        assert_eq!(entries[0].defects, [], "{header}");
        assert_eq!(entries[0].record.as_ref().unwrap().arrival, Some(instant), "{header}");
    }
    let entries =
        read("Mon Feb 31 00:35:16 2016\n\tAcct-Status-Type = Stop\n\nhello\n\tAcct-Status-Type = Stop\n\n");
    assert!(entries.iter().all(|e| e.record.as_ref().unwrap().arrival.is_none()));
    assert!(line_is(&entries[0].defects, 1, "header") && line_is(&entries[1].defects, 4, "header"));
}

#[test]
fn a_zone_that_is_not_the_servers_is_told_once() {
    let entries = read_in(SAMPLE.as_bytes(), &zone("Asia/Tokyo"));
    let told: Vec<&Defect> = entries.iter().flat_map(|entry| &entry.defects).collect();
    assert!(told.len() == 1 && told[0].what.contains("zone"), "{told:?}");
    let in_utc = read(SAMPLE);
    assert!(entries.iter().zip(&in_utc).all(|(a, b)| a.record == b.record));
}

// ---------------------------------------------------------------------------------------------- laws

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop::collection::vec(prop_oneof![
        Just(b"\tUser-Name = ".to_vec()), Just(b"\tEvent-Timestamp = \"".to_vec()), Just(b"\n".to_vec()), Just(b"\n\n".to_vec()),
        Just(b"Mon Feb  1 00:35:16 2016".to_vec()), Just(b"\tFramed-IP-Address = 192.0.2.".to_vec()), Just(b"\"".to_vec()),
        Just(b"\\x".to_vec()), Just(b"Attr-26.".to_vec()), Just(b":1 += 0x".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12)], 0..60)) {
        let text = text.concat();
        let mut offset = 0;
        for entry in read_in(&text, &TimeZone::UTC) {
            prop_assert!(entry.end > offset && entry.end <= text.len() as u64);
            offset = entry.end;
        }
    }

    #[test]
    fn quoted_octets_come_back(octets in prop::collection::vec(any::<u8>(), 0..60)) {
        let quoted: String = octets.iter().map(|octet| match octet {
            b'"' => "\\\"".to_owned(),
            b'\\' => "\\\\".to_owned(),
            b'\n' => "\\n".to_owned(),
            b' '..=b'~' => char::from(*octet).to_string(),
            other => format!("\\{other:03o}"),
        }).collect();
        let entries = read(&format!("\tAcct-Status-Type = Stop\n\tClass = \"{quoted}\"\n\n"));
        prop_assert_eq!(&entries[0].record.as_ref().unwrap().classes, &vec![octets]);
    }
}
