//! What each dialect's codes and fields mean, in records made here after the vendors' documents.

use super::*;

/// A record of NAT44 with the fields that a scene needs.
struct Record {
    fields: Vec<(u32, u16)>,
    bytes: Vec<u8>,
}

impl Record {
    fn new() -> Self {
        Self { fields: Vec::new(), bytes: Vec::new() }
    }

    fn put(mut self, id: u32, value: &[u8]) -> Self {
        self.fields.push((id, value.len() as u16));
        self.bytes.extend(value);
        self
    }

    fn address(self, id: u32, text: &str) -> Self {
        match text.parse().unwrap() {
            IpAddr::V4(address) => self.put(id, &address.octets()),
            IpAddr::V6(address) => self.put(id, &address.octets()),
        }
    }

    fn port(self, id: u32, port: u16) -> Self {
        self.put(id, &port.to_be_bytes())
    }

    fn sides(self) -> Self {
        self.address(8, "10.0.0.1").address(225, "203.0.113.7")
    }

    fn read_as(&self, version: Version, dialect: Dialect) -> (Option<NatEvent>, Report) {
        let mut decoder = Decoder::default();
        decoder.set_dialect(EXPORTER, dialect);
        let packet = Packet::new(version).template(256, &self.fields).set(256, &self.bytes).bytes();
        let (mut events, report) = read(&mut decoder, NOW_US, &packet);
        (events.pop(), report)
    }

    fn read(&self) -> NatEvent {
        let (event, report) = self.read_as(Version::Ipfix, Dialect::Auto);
        assert_eq!(report.defects, []);
        event.unwrap()
    }
}

fn kind_of(record: Record, code: u8, dialect: Dialect) -> EventKind {
    record.put(230, &[code]).read_as(Version::Ipfix, dialect).0.unwrap().kind
}

#[test]
fn the_code_table_of_rfc_8158() {
    use EventKind::*;
    let table = [
        (1, SessionCreate),
        (2, SessionDelete),
        (3, AddressesExhausted),
        (4, SessionCreate),
        (5, SessionDelete),
        (6, SessionCreate),
        (7, SessionDelete),
        (8, BindingCreate),
        (9, BindingDelete),
        (10, BindingCreate),
        (11, BindingDelete),
        (12, PortsExhausted),
        (13, QuotaExceeded(None)),
        (14, AddressBindingCreate),
        (15, AddressBindingDelete),
        (16, PortBlockAllocate),
        (17, PortBlockRelease),
        (18, ThresholdReached(None)),
        (0, Other),
        (19, Other),
        (255, Other),
    ];
    for (code, kind) in table {
        assert_eq!(kind_of(Record::new().sides(), code, Dialect::Rfc8158), kind, "code {code}");
    }
}

#[test]
fn the_code_table_of_the_draft_that_junos_follows() {
    use EventKind::*;
    let table = [
        (1, SessionCreate),
        (2, SessionDelete),
        (3, AddressesExhausted),
        (4, SessionCreate),
        (5, SessionDelete),
        (6, BindingCreate),
        (7, BindingDelete),
        (8, BindingCreate),
        (9, BindingDelete),
        (10, PortsExhausted),
        (11, QuotaExceeded(None)),
        (12, AddressBindingCreate),
        (13, AddressBindingDelete),
        (14, PortBlockAllocate),
        (15, PortBlockRelease),
        (16, Other),
        (18, Other),
    ];
    for (code, kind) in table {
        assert_eq!(kind_of(Record::new().sides(), code, Dialect::Draft), kind, "code {code}");
    }
}

#[test]
fn codes_of_two_meanings_are_told_apart_by_the_fields() {
    use EventKind::*;
    let block = || Record::new().sides().port(361, 1024).port(362, 2047);
    let binding = || Record::new().sides().port(7, 5000).port(227, 6000);
    let session = || binding().address(12, "198.51.100.9").port(11, 443);
    let pool = || Record::new().put(283, &[0, 0, 0, 9]);
    for (record, code, kind) in [
        (block(), 14, PortBlockAllocate),
        (block(), 15, PortBlockRelease),
        (block(), 16, PortBlockAllocate),
        (block(), 17, PortBlockRelease),
        (Record::new().sides(), 14, AddressBindingCreate),
        (Record::new().sides(), 15, AddressBindingDelete),
        (Record::new().sides(), 12, AddressBindingCreate),
        (Record::new().sides(), 13, AddressBindingDelete),
        (pool(), 12, PortsExhausted),
        (pool(), 13, QuotaExceeded(None)),
        (pool(), 10, PortsExhausted),
        (pool(), 11, QuotaExceeded(None)),
        (pool(), 3, AddressesExhausted),
        (binding(), 10, BindingCreate),
        (binding(), 11, BindingDelete),
        (binding(), 6, BindingCreate),
        (session(), 6, SessionCreate),
        (session(), 7, SessionDelete),
        (session(), 4, SessionCreate),
    ] {
        assert_eq!(kind_of(record, code, Dialect::Auto), kind, "code {code}");
    }
}

#[test]
fn no_dialect_trades_a_creation_for_a_deletion() {
    let begins = |kind| {
        matches!(
            kind,
            EventKind::SessionCreate
                | EventKind::BindingCreate
                | EventKind::AddressBindingCreate
                | EventKind::PortBlockAllocate
        )
    };
    let ends = |kind| {
        matches!(
            kind,
            EventKind::SessionDelete
                | EventKind::BindingDelete
                | EventKind::AddressBindingDelete
                | EventKind::PortBlockRelease
        )
    };
    for code in 0..=255 {
        let full = || {
            let record = Record::new().sides().port(7, 1).port(227, 2).address(12, "198.51.100.9");
            record.port(361, 1024).port(362, 2047)
        };
        let kinds = [Dialect::Auto, Dialect::Rfc8158, Dialect::Draft, Dialect::CiscoIos]
            .map(|dialect| kind_of(full(), code, dialect));
        assert!(
            !(kinds.iter().any(|&kind| begins(kind)) && kinds.iter().any(|&kind| ends(kind))),
            "code {code}"
        );
    }
}

#[test]
fn ios_xe_allots_port_sets_under_the_codes_of_sessions() {
    // The template of IOS XE's bulk logging: start, step and number of ports, no end.
    for (code, kind) in [(1, EventKind::PortBlockAllocate), (2, EventKind::PortBlockRelease)] {
        let record = Record::new()
            .sides()
            .put(234, &[0, 0, 0, 3])
            .put(4, &[17])
            .put(230, &[code])
            .put(323, &1_749_049_740_450_u64.to_be_bytes())
            .port(361, 1024)
            .port(363, 1)
            .port(364, 512);
        let (event, report) = record.read_as(Version::NetFlow9, Dialect::Auto);
        let event = event.unwrap();
        assert_eq!(report.defects, []);
        assert_eq!((event.kind, event.dialect), (kind, Dialect::CiscoIos));
        assert_eq!(event.outside_ports, Some(PortBlock { first: 1024, last: Some(1535), step: 1 }));
        assert_eq!(event.time, EventTime { us: 1_749_049_740_450_000, source: TimeSource::Observation });
        assert_eq!(event.ingress_vrf, Some(3));
        assert!(event.is_mapping());
    }
}

#[test]
fn a_port_block_has_an_end_only_when_the_record_gives_one() {
    let read = |fields: &[(u32, u16)]| {
        let mut record = Record::new().sides().put(230, &[16]);
        for &(id, value) in fields {
            record = record.port(id, value);
        }
        let (event, report) = record.read_as(Version::Ipfix, Dialect::Auto);
        (event.unwrap().outside_ports.unwrap(), report.defects.len())
    };
    let block = |first, last, step| PortBlock { first, last, step };
    assert_eq!(read(&[(361, 1024), (362, 2047)]), (block(1024, Some(2047), 1), 0));
    assert_eq!(read(&[(361, 1024), (362, 2047), (363, 1), (364, 1024)]), (block(1024, Some(2047), 1), 0));
    assert_eq!(read(&[(361, 1024), (362, 2047), (363, 4), (364, 256)]), (block(1024, Some(2047), 4), 0));
    assert_eq!(read(&[(361, 1024), (363, 4), (364, 256)]), (block(1024, Some(2044), 4), 0));
    // The example of Cisco's "Bulk Logging and Port Block Allocation": from 4000 in steps of 4, 512 ports.
    assert_eq!(read(&[(361, 4000), (363, 4), (364, 512)]), (block(4000, Some(6044), 4), 0));
    assert_eq!(read(&[(361, 65535), (364, 1)]), (block(65535, Some(65535), 1), 0));
    // Nothing told, or told in two ways: no end.
    assert_eq!(read(&[(361, 1024)]), (block(1024, None, 1), 1));
    assert_eq!(read(&[(361, 1024), (362, 1000)]), (block(1024, None, 1), 1));
    assert_eq!(read(&[(361, 1024), (362, 2047), (364, 512)]), (block(1024, None, 1), 1));
    assert_eq!(read(&[(361, 65000), (364, 1000)]), (block(65000, None, 1), 1));
    assert_eq!(read(&[(361, 1024), (363, 0), (364, 512)]), (block(1024, None, 0), 1));
}

#[test]
fn nsel_events_and_what_is_refused() {
    let record = |event: u8, ids: [u32; 4]| {
        Record::new()
            .put(148, &[0, 0, 0, 42])
            .address(8, "10.0.0.1")
            .port(7, 5000)
            .address(12, "198.51.100.9")
            .port(11, 443)
            .put(4, &[6])
            .address(ids[0], "203.0.113.7")
            .address(ids[1], "198.51.100.9")
            .port(ids[2], 6000)
            .port(ids[3], 443)
            .put(if ids[0] == 225 { 233 } else { 40005 }, &[event])
            .put(33002, &[0, 0])
            .put(323, &1_795_223_700_123_u64.to_be_bytes())
            .put(152, &1_795_223_600_000_u64.to_be_bytes())
            .put(40000, b"eva\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
    };
    for ids in [[225, 226, 227, 228], [40001, 40002, 40003, 40004]] {
        for (code, kind, mapping) in [
            (1, EventKind::SessionCreate, true),
            (2, EventKind::SessionDelete, true),
            (3, EventKind::Denied, false),
            (4, EventKind::Other, false),
            (5, EventKind::FlowUpdate, true),
            (0, EventKind::Other, false),
        ] {
            let (event, report) = record(code, ids).read_as(Version::NetFlow9, Dialect::Auto);
            let event = event.unwrap();
            assert_eq!(report.defects, []);
            assert_eq!((event.kind, event.dialect), (kind, Dialect::CiscoNsel));
            assert_eq!(event.is_mapping(), mapping);
            assert_eq!(event.inside, endpoint("10.0.0.1", 5000));
            assert_eq!(event.outside, endpoint("203.0.113.7", 6000));
            assert_eq!(event.destination, endpoint("198.51.100.9", 443));
            assert_eq!((event.session_id, event.user_name.as_deref()), (Some(42), Some("eva")));
            assert_eq!(event.time.us, 1_795_223_700_123_000);
            assert_eq!(event.start_us, Some(1_795_223_600_000_000));
        }
    }
}

#[test]
fn nokia_format_2_has_the_outside_in_its_own_fields() {
    let record = |time: u32, subscriber: &[u8]| {
        Record::new()
            .put(148, &7_u64.to_be_bytes())
            .address(225, "203.0.113.7")
            .address(12, "198.51.100.9")
            .port(7, 5000)
            .port(227, 6000)
            .port(11, 443)
            .put(time, &1_795_223_700_123_u64.to_be_bytes())
            .put(4, &[6])
            .put(637 << 16 | 91, &[0, 5])
            .put(637 << 16 | 92, &[0, 6])
            .put(637 << 16 | 93, subscriber)
    };
    let event = record(152, b"LSN-Host@10.10.10.101\0\0\0").read();
    assert_eq!((event.kind, event.dialect), (EventKind::SessionCreate, Dialect::Nokia));
    assert_eq!(event.inside, endpoint("10.10.10.101", 5000));
    assert_eq!(event.outside, endpoint("203.0.113.7", 6000));
    assert_eq!((event.ingress_vrf, event.egress_vrf), (Some(5), Some(6)));
    assert_eq!(event.user_name, None);
    let event = record(153, b"sub-17@10.10.10.101").read();
    assert_eq!((event.kind, event.time.source), (EventKind::SessionDelete, TimeSource::FlowEnd));
    assert_eq!(event.user_name.as_deref(), Some("sub-17"));
    // A B4 address; and a string that is something else.
    let event = record(152, b"DsLite-Host@[2001:db8::1]").read();
    assert_eq!(event.inside, endpoint("2001:db8::1", 5000));
    let event = record(152, b"something else").read();
    assert_eq!(event.inside.address, None);
}

#[test]
fn a_flow_record_says_from_when_to_when_it_was_translated() {
    // MikroTik RouterOS and PAN-OS: v9, no event, FIRST and LAST_SWITCHED.
    let record = Record::new()
        .address(8, "192.168.88.10")
        .port(7, 5000)
        .address(12, "198.51.100.9")
        .port(11, 443)
        .put(4, &[6])
        .put(22, &(UPTIME_MS - 30_000).to_be_bytes())
        .put(21, &(UPTIME_MS - 10_000).to_be_bytes())
        .address(225, "203.0.113.7")
        .address(226, "198.51.100.9")
        .port(227, 6000)
        .port(228, 443);
    let (event, report) = record.read_as(Version::NetFlow9, Dialect::Auto);
    let event = event.unwrap();
    assert_eq!(report.defects, []);
    assert_eq!((event.kind, event.dialect), (EventKind::Flow, Dialect::FlowRecord));
    assert_eq!(event.start_us, Some(NOW_US - 30_000_000));
    assert_eq!(event.end_us, Some(NOW_US - 10_000_000));
    assert_eq!(event.time.source, TimeSource::Uptime);
    assert!(event.is_mapping());
}

#[test]
fn the_way_back_of_a_flow_names_the_same_inside_and_outside() {
    let event = Record::new()
        .address(8, "198.51.100.9")
        .port(7, 443)
        .address(12, "203.0.113.7")
        .port(11, 6000)
        .address(225, "198.51.100.9")
        .address(226, "192.168.88.10")
        .port(227, 443)
        .port(228, 5000)
        .read();
    assert_eq!(event.direction, Direction::Inbound);
    assert_eq!(event.inside, endpoint("192.168.88.10", 5000));
    assert_eq!(event.outside, endpoint("203.0.113.7", 6000));
    assert_eq!(event.destination, endpoint("198.51.100.9", 443));
    assert!(event.is_mapping());
}

#[test]
fn a_flow_with_both_ends_translated_is_a_mapping_only_when_its_realm_is_told() {
    let both = || {
        Record::new()
            .address(8, "192.168.88.10")
            .address(12, "203.0.113.7")
            .address(225, "203.0.113.8")
            .address(226, "192.168.88.20")
    };
    let event = both().read();
    assert_eq!(event.direction, Direction::Unclear);
    assert!(!event.is_mapping());
    let event = both().put(229, &[1]).read();
    assert_eq!((event.direction, event.inside.address), (Direction::Outbound, ip("192.168.88.10")));
    let event = both().put(229, &[2]).read();
    assert_eq!((event.direction, event.inside.address), (Direction::Inbound, ip("192.168.88.20")));
    assert!(event.is_mapping());
}

#[test]
fn a_flow_that_is_not_translated_or_was_refused_is_no_mapping() {
    for post in ["0.0.0.0", "192.168.88.10"] {
        let untranslated =
            Record::new().address(8, "192.168.88.10").port(7, 9).address(225, post).port(227, 9);
        let (event, report) = untranslated.read_as(Version::NetFlow9, Dialect::Auto);
        assert_eq!((event, report.records, report.defects.len()), (None, 1, 0));
    }
    let refused = Record::new()
        .sides()
        .put(22, &UPTIME_MS.to_be_bytes())
        .put(21, &UPTIME_MS.to_be_bytes())
        .put(233, &[3])
        .put(56702, b"acme\\eva\0\0");
    let (event, _) = refused.read_as(Version::NetFlow9, Dialect::Auto);
    let event = event.unwrap();
    assert_eq!((event.kind, event.dialect), (EventKind::Denied, Dialect::FlowRecord));
    assert_eq!(event.user_name.as_deref(), Some("acme\\eva"));
    assert!(!event.is_mapping());
}

#[test]
fn a_softwire_is_the_ipv6_source_beside_an_ipv4_one() {
    let event = Record::new().sides().address(27, "2001:db8::b4").put(230, &[4]).read();
    assert_eq!(event.softwire, Some("2001:db8::b4".parse().unwrap()));
    assert_eq!(event.inside.address, ip("10.0.0.1"));
    let event = Record::new().address(27, "2001:db8::b4").address(225, "203.0.113.7").put(230, &[6]).read();
    assert_eq!((event.softwire, event.inside.address), (None, ip("2001:db8::b4")));
    // NAT64 translates both ends.
    let event = Record::new()
        .address(27, "2001:db8::1")
        .address(28, "64:ff9b::c633:6409")
        .address(225, "203.0.113.7")
        .address(226, "198.51.100.9")
        .put(230, &[6])
        .read();
    assert_eq!((event.direction, event.destination_post.address), (Direction::Outbound, ip("198.51.100.9")));
    assert!(event.is_mapping());
}

#[test]
fn times_are_read_from_the_best_field_and_say_which() {
    let us = 1_795_223_700_123_456_i64;
    let ntp = {
        let seconds = (us / 1_000_000 + 2_208_988_800) as u64;
        // The fraction, rounded up so that it reads back as the same microsecond.
        let fraction = (((us % 1_000_000) as u64) << 32).div_ceil(1_000_000);
        (seconds << 32 | fraction).to_be_bytes()
    };
    let ms = ((us / 1000) as u64).to_be_bytes();
    let seconds = ((us / 1_000_000) as u32).to_be_bytes();
    let floor_ms = us / 1000 * 1000;
    let floor_s = us / 1_000_000 * 1_000_000;
    let create = || Record::new().sides().put(230, &[4]);
    let cases: [(Record, i64, TimeSource); 9] = [
        (create().put(324, &ntp), us, TimeSource::Observation),
        (create().put(325, &ntp), us, TimeSource::Observation),
        (create().put(323, &ms), floor_ms, TimeSource::Observation),
        (create().put(322, &seconds).put(152, &ms), floor_s, TimeSource::Observation),
        (create().put(154, &ntp), us, TimeSource::FlowStart),
        (create().put(152, &ms), floor_ms, TimeSource::FlowStart),
        (create().put(150, &seconds), floor_s, TimeSource::FlowStart),
        (create().put(158, &1500_u32.to_be_bytes()), NOW_US - 1500, TimeSource::FlowStart),
        (create(), NOW_US, TimeSource::Export),
    ];
    for (record, us, source) in cases {
        assert_eq!(record.read().time, EventTime { us, source });
    }
    // The start of a session is not the time of its end.
    let delete = Record::new().sides().put(230, &[5]).put(152, &ms).read();
    assert_eq!(delete.time.source, TimeSource::Export);
    assert_eq!(delete.start_us, Some(floor_ms));
    let delete = Record::new().sides().put(230, &[5]).put(152, &ms).put(153, &ms).read();
    assert_eq!(delete.time.source, TimeSource::FlowEnd);
}

#[test]
fn ipfix_uptimes_need_the_start_of_the_system() {
    let init_ms = NOW_US as u64 / 1000 - u64::from(UPTIME_MS);
    let record = || Record::new().sides().put(230, &[4]).put(22, &(UPTIME_MS - 5000).to_be_bytes());
    assert_eq!(record().read().time.source, TimeSource::Export);
    let event = record().put(160, &init_ms.to_be_bytes()).read();
    let expected = (NOW_US / 1000 - 5000) * 1000;
    assert_eq!(event.time, EventTime { us: expected, source: TimeSource::Uptime });
    // From options data; and over a wrap of the uptime.
    let wrapped = init_ms - (1 << 32);
    let packet = Packet::new(Version::Ipfix)
        .options(300, &[(149, 4)], &[(160, 8)])
        .set(300, &[&[0, 0, 0, 7][..], &wrapped.to_be_bytes()].concat())
        .template(256, &record().fields)
        .set(256, &record().bytes);
    assert_eq!(read_clean(&packet)[0].time, EventTime { us: expected, source: TimeSource::Uptime });
}

#[test]
fn quota_and_threshold_events_carry_their_reason() {
    let event = Record::new().address(8, "10.0.0.1").put(230, &[13]).put(466, &3_u32.to_be_bytes()).read();
    assert_eq!(event.kind, EventKind::QuotaExceeded(Some(3)));
    let event = Record::new().put(230, &[18]).put(467, &5_u32.to_be_bytes()).read();
    assert_eq!(event.kind, EventKind::ThresholdReached(Some(5)));
    assert!(!event.is_mapping());
}
