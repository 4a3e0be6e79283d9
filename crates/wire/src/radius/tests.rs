#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::IpAddr;

use super::*;
use crate::defect::Place;
use crate::dictionary::{Dictionary, Oid};

mod laws;

const SECRET: &[u8] = b"golden secret";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn start() -> Vec<u8> {
    hex(include_str!("../../testdata/radius/start.hex"))
}

fn cgn() -> Vec<u8> {
    hex(include_str!("../../testdata/radius/cgn.hex"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text).unwrap()
}

/// The fields of a packet made of these attribute octets.
fn fields_of(dictionary: &Dictionary, attributes: &[u8]) -> Fields {
    let length = u16::try_from(HEADER + attributes.len()).unwrap().to_be_bytes();
    let bytes = [&[4, 1, length[0], length[1]], [0; 16].as_slice(), attributes].concat();
    Packet::parse(&bytes).unwrap().fields(dictionary)
}

// ---------------------------------------------------------------------------------------------- golden packets

#[test]
fn a_start_of_radclient_is_read_whole() {
    let bytes = start();
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.code(), Code::ACCOUNTING_REQUEST);
    packet.verify_request(SECRET).unwrap();
    let (record, defects) = Accounting::from_packet(&packet, Dictionary::builtin());
    assert_eq!(defects, []);
    let expected = Accounting {
        status: Some(Status::Start),
        session_id: Some("bras-00010d43".into()),
        user_name: Some("ppp0027@example.ne.jp".into()),
        classes: vec![b"sub-ppp0027".to_vec()],
        nas_ip: Some("192.0.2.251".parse().unwrap()),
        nas_identifier: Some("bras-tyo-1".into()),
        nas_port: Some(485),
        nas_port_id: Some("ge-0/0/1.85:100-485".into()),
        calling_station_id: Some("27-4B-CB-E1-64-31".into()),
        framed_ipv4: Some("100.64.9.14".parse().unwrap()),
        framed_netmask: Some("255.255.255.255".parse().unwrap()),
        framed_routes: vec![prefix("198.51.100.64/29")],
        framed_ipv6_prefixes: vec![prefix("2001:db8:41:e500::/64")],
        framed_ipv6_addresses: vec!["2001:db8:42::14".parse().unwrap()],
        framed_interface_id: Some([0, 0, 0, 0, 0, 10, 0, 1]),
        delegated_ipv6_prefixes: vec![prefix("2001:db8:40:e500::/56")],
        agent_circuit_id: Some(b"olt1/1/3".to_vec()),
        agent_remote_id: Some(vec![0, 0xff]),
        event_timestamp: Some(1_454_284_826_000_000),
        acct_delay_time: Some(7),
        ..Accounting::default()
    };
    assert!(record == expected);
}

#[test]
fn port_ranges_of_rfc_8045_and_of_a_vendor_are_read() {
    let bytes = cgn();
    let packet = Packet::parse(&bytes).unwrap();
    packet.verify_request(SECRET).unwrap();
    let (record, defects) = Accounting::from_packet(&packet, Dictionary::builtin());
    assert_eq!(defects, []);
    assert_eq!(record.status, Some(Status::InterimUpdate));
    assert!(record.nas_ipv6 == "2001:db8::251".parse().ok());
    assert_eq!((record.input_bytes, record.output_bytes), (Some((1 << 32) + 5), Some(6)));
    let [standard, huawei] = record.port_ranges.as_slice() else { panic!("two ranges") };
    assert_eq!((standard.origin, standard.low, standard.high), (Origin::IpPortRange, 40000, 40511));
    assert!(standard.public == "203.0.113.7".parse().ok());
    assert_eq!((standard.allocation, standard.port_type), (Some(Allocation::Allocated), Some(1)));
    assert_eq!((huawei.origin, huawei.low, huawei.high), (Origin::Huawei, 1024, 2047));
    assert!(huawei.public == "203.0.113.8".parse().ok());
}

#[test]
fn vendors_with_other_framings_are_read() {
    let mut dictionary = Dictionary::builtin().clone();
    let defects = dictionary.read(
        "VENDOR WiMAX 24757 format=1,1,c\nVENDOR USR 429 format=4,0\nVENDOR Starent 8164 format=2,2\n",
        &mut |_| None,
    );
    assert_eq!(defects, []);
    let bytes = hex(include_str!("../../testdata/radius/mobile.hex"));
    let packet = Packet::parse(&bytes).unwrap();
    packet.verify_request(SECRET).unwrap();
    let Fields { fields, defects } = packet.fields(&dictionary);
    assert_eq!(defects, []);
    let value = |oid: &[u32]| fields.iter().find(|f| f.oid.parts() == oid).map(|f| f.value.clone());
    assert!(value(&[26, 24757, 24]) == Some(Value::Octets(b"abc".to_vec())));
    assert!(value(&[26, 429, 0x66]) == Some(Value::Octets(b"1".to_vec())));
    assert!(value(&[26, 8164, 2]) == Some(Value::Octets(b"ctx".to_vec())));
    let (record, _) = Accounting::from_packet(&packet, &dictionary);
    assert!(record.imsi.as_deref() == Some("440108333154192"));
    assert_eq!((record.status, record.terminate_cause), (Some(Status::Stop), Some(2)));
}

#[test]
fn a_status_query_is_verified_by_its_message_authenticator() {
    let bytes = hex(include_str!("../../testdata/radius/status.hex"));
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.code(), Code::STATUS_SERVER);
    assert_eq!(packet.verify_request(SECRET), Ok(()));
    assert_eq!(packet.verify_request(b"other"), Err(AuthError::MessageAuthenticator));
    let unsigned = [&bytes[..2], &[0, 20], &bytes[4..20]].concat();
    assert_eq!(Packet::parse(&unsigned).unwrap().verify_request(SECRET), Err(AuthError::Unsigned));
}

// ---------------------------------------------------------------------------------------------- framing, authenticators

#[test]
fn only_packets_of_lawful_length_are_read() {
    let good = start();
    for cut in 0..good.len() {
        let error = Packet::parse(&good[..cut]).unwrap_err();
        assert!(matches!(error, PacketError::Short { .. } | PacketError::Truncated { .. }), "{cut}: {error}");
    }
    let padded = [good.as_slice(), &[0xff; 9]].concat();
    assert_eq!(Packet::parse(&padded).unwrap().bytes(), good);
    for length in [0_u16, 19, 4097, 65535] {
        let mut bytes = vec![0; 70_000];
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        assert_eq!(Packet::parse(&bytes), Err(PacketError::Length { length: length.into() }));
    }
    for (attributes, offset) in
        [(&[1_u8][..], 20), (&[1, 0], 20), (&[1, 1], 20), (&[1, 3], 20), (&[1, 2, 1, 9, 0], 22)]
    {
        let length = u8::try_from(20 + attributes.len()).unwrap();
        let bytes = [&[4, 1, 0, length], [0; 16].as_slice(), attributes].concat();
        assert_eq!(Packet::parse(&bytes), Err(PacketError::Attribute { offset }));
    }
}

#[test]
fn one_flipped_bit_anywhere_is_not_believed() {
    for good in [start(), cgn()] {
        for at in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(
                Packet::parse(&bytes).is_err_and(|_| true)
                    || Packet::parse(&bytes).unwrap().verify_request(SECRET).is_err()
            );
        }
        assert_eq!(Packet::parse(&good).unwrap().verify_request(b""), Err(AuthError::EmptySecret));
        assert_eq!(Packet::parse(&good).unwrap().verify_request(b"other"), Err(AuthError::Authenticator));
    }
}

#[test]
fn answers_verify_only_against_their_request_and_secret() {
    let bytes = start();
    let request = Packet::parse(&bytes).unwrap();
    for proof in [Proof::Authenticator, Proof::MessageAuthenticator] {
        let answer = Writer::new(Code::ACCOUNTING_RESPONSE, 0).response(&request, SECRET, proof).unwrap();
        let answer = Packet::parse(&answer).unwrap();
        assert_eq!(answer.identifier(), request.identifier());
        assert_eq!(answer.verify_response(&request, SECRET), Ok(()));
        assert_eq!(answer.verify_response(&request, b"other"), Err(AuthError::Authenticator));
        let other = cgn();
        assert!(answer.verify_response(&Packet::parse(&other).unwrap(), SECRET).is_err());
    }
    assert_eq!(request.verify_response(&request, b""), Err(AuthError::EmptySecret));
    let query = Writer::new(Code::STATUS_SERVER, 9).status_query([7; 16], SECRET).unwrap();
    assert_eq!(Packet::parse(&query).unwrap().verify_request(SECRET), Ok(()));
}

#[test]
fn a_message_authenticator_that_stands_twice_is_not_believed() {
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
    writer.raw(80, &[0; 16]).unwrap();
    let bytes = writer.request(SECRET, Proof::MessageAuthenticator).unwrap();
    assert_eq!(Packet::parse(&bytes).unwrap().verify_request(SECRET), Err(AuthError::MessageAuthenticator));
}

// ---------------------------------------------------------------------------------------------- RFC 6929

#[test]
fn extended_attributes_are_taken_apart_as_rfc_6929_draws_them() {
    let mut dictionary = Dictionary::builtin().clone();
    let text = "ATTRIBUTE Test-Octets 241.1 octets\nATTRIBUTE Test-Long 245.1 octets\nVENDOR Test 32473\n";
    assert_eq!(dictionary.read(text, &mut |_| None), []);
    // 241.1 0x2345
    let Fields { fields, defects } = fields_of(&dictionary, &hex("f105012345"));
    assert_eq!(defects, []);
    assert!(fields[0].oid.parts() == [241, 1] && fields[0].value == Value::Octets(vec![0x23, 0x45]));
    // 241.26.32473.1 0x23
    let Fields { fields, defects } = fields_of(&dictionary, &hex("f1091a00007ed90123"));
    assert_eq!(defects, []);
    assert!(fields[0].oid.parts() == [241, 26, 32473, 1] && fields[0].value == Value::Octets(vec![0x23]));
    // A fragment whose successor is missing, of another type, or absent behind other attributes.
    for broken in ["f506018000ff", "f506018000fff10501ffff", "f506018000fff5060200aaff"] {
        let Fields { fields, defects } = fields_of(&dictionary, &hex(broken));
        assert_eq!(defects.len(), 1, "{broken}");
        assert!(fields[0].oid.parts() == [245, 1], "{broken}");
    }
    for short in ["f102", "f10301", "f502", "f50301", "f5040100", "f1061a00007e", "1a03ff"] {
        let Fields { fields, defects } = fields_of(&dictionary, &hex(short));
        assert_eq!((fields.len(), defects.len()), (1, 1), "{short}");
        assert_eq!(defects[0].place, Place::Byte(20));
    }
}

#[test]
fn a_long_value_travels_in_fragments() {
    let dictionary = Dictionary::builtin();
    for length in [1, 250, 251, 252, 502, 503, 3900] {
        let value = Value::Octets((0..length).map(|i: u32| i as u8).collect());
        for oid in [&[245, 77][..], &[246, 26, 32473, 3]] {
            let oid = Oid::new(oid).unwrap();
            let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
            writer
                .put(dictionary, oid, &value)
                .unwrap()
                .put(dictionary, Oid::plain(1), &Value::Octets(vec![1]))
                .unwrap();
            let bytes = writer.request(SECRET, Proof::Authenticator).unwrap();
            let Fields { fields, defects } = Packet::parse(&bytes).unwrap().fields(dictionary);
            assert_eq!(defects, []);
            assert_eq!(fields.len(), 2);
            assert!(fields[0].oid == oid && fields[0].value == value, "{oid} {length}");
        }
    }
}

#[test]
fn nested_attributes_that_do_not_fit_are_kept_whole() {
    let dictionary = Dictionary::builtin();
    for broken in ["f106060906ff", "f106060100ff", "f10606010a0a"] {
        let Fields { fields, defects } = fields_of(dictionary, &hex(broken));
        assert!(fields.len() == 1 && fields[0].oid.parts() == [241, 6], "{broken}");
        assert_eq!(defects.len(), 1, "{broken}");
    }
}

#[test]
fn nesting_is_bounded() {
    let mut dictionary = Dictionary::default();
    let text = "ATTRIBUTE X 241 extended\nATTRIBUTE A 241.1 tlv\nATTRIBUTE B 241.1.1 tlv\nATTRIBUTE C 241.1.1.1 tlv\n\
        ATTRIBUTE D 241.1.1.1.1 tlv\nATTRIBUTE E 241.1.1.1.1.1 tlv\nATTRIBUTE F 241.1.1.1.1.1.1 tlv\n\
        ATTRIBUTE G 241.1.1.1.1.1.1.1 tlv\n";
    assert_eq!(dictionary.read(text, &mut |_| None), []);
    let mut value = vec![1, 2];
    while value.len() < 250 {
        value = [&[1, u8::try_from(value.len() + 2).unwrap()], value.as_slice()].concat();
    }
    let whole = [&[241, u8::try_from(value.len() + 3).unwrap(), 1], value.as_slice()].concat();
    let Fields { fields, defects } = fields_of(&dictionary, &whole);
    assert_eq!((fields.len(), defects.len()), (1, 1));
}

// ---------------------------------------------------------------------------------------------- records

#[test]
fn several_vendor_attributes_may_share_one() {
    let bytes = hex("1a1a 00000de9 0106 6f6c7431 0206 72656d31 ff08 010203040506");
    let Fields { fields, defects } = fields_of(Dictionary::builtin(), &bytes);
    assert_eq!((fields.len(), defects.len()), (3, 0));
    let bytes = hex("1a0e 00000de9 0106 6f6c7431 02ff");
    let Fields { fields, defects } = fields_of(Dictionary::builtin(), &bytes);
    assert!(fields.len() == 1 && fields[0].oid.parts() == [26, 3561]);
    assert_eq!(defects.len(), 1);
}

#[test]
fn a_value_of_the_wrong_length_is_a_defect_and_no_value() {
    for (kind, octets) in [(8_u8, 3_usize), (8, 5), (40, 3), (55, 8), (95, 15), (96, 7), (97, 1), (123, 19)] {
        let attributes =
            [vec![kind, u8::try_from(octets + 2).unwrap()], vec![1; octets], vec![1, 3, b'u']].concat();
        let length = u8::try_from(HEADER + attributes.len()).unwrap();
        let bytes = [&[4, 1, 0, length], [0; 16].as_slice(), &attributes].concat();
        let (record, defects) =
            Accounting::from_packet(&Packet::parse(&bytes).unwrap(), Dictionary::builtin());
        assert!(record == Accounting { user_name: Some("u".into()), ..Accounting::default() }, "{kind}");
        assert!(
            defects.iter().any(|d| d.place == Place::Byte(20) && d.what.contains("does not fit")),
            "{defects:?}"
        );
    }
}

#[test]
fn two_different_values_leave_neither() {
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
    for last in [1, 1, 2, 1] {
        writer.raw(8, &[192, 0, 2, last]).unwrap();
    }
    writer.raw(40, &[0, 0, 0, 2]).unwrap();
    let bytes = writer.request(SECRET, Proof::Authenticator).unwrap();
    let (record, defects) = Accounting::from_packet(&Packet::parse(&bytes).unwrap(), Dictionary::builtin());
    assert!(record.framed_ipv4.is_none());
    assert_eq!(record.status, Some(Status::Stop));
    assert_eq!(defects.len(), 1, "{defects:?}");
}

#[test]
fn addresses_that_are_none_are_not_taken_for_one() {
    for octets in [[0, 0, 0, 0], [255, 255, 255, 254], [255, 255, 255, 255]] {
        let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
        writer.raw(40, &[0, 0, 0, 1]).unwrap().raw(8, &octets).unwrap();
        writer.raw(22, b"0.0.0.0/0 0.0.0.0 1").unwrap().raw(123, &[0, 0]).unwrap();
        let bytes = writer.request(SECRET, Proof::Authenticator).unwrap();
        let (record, defects) =
            Accounting::from_packet(&Packet::parse(&bytes).unwrap(), Dictionary::builtin());
        assert!(record == Accounting { status: Some(Status::Start), ..Accounting::default() });
        assert_eq!(defects.len(), 2);
    }
}

#[test]
fn routes_are_read_as_the_rfcs_write_them() {
    for (text, expected) in [
        ("192.168.1.0/24 192.168.1.1 1", Some("192.168.1.0/24")),
        ("10.0.0.0", Some("10.0.0.0/8")),
        ("172.16.0.0 0.0.0.0 1", Some("172.16.0.0/16")),
        ("192.0.2.0 0.0.0.0", Some("192.0.2.0/24")),
        ("192.0.2.77/28 0.0.0.0", Some("192.0.2.64/28")),
        ("224.0.0.1", None),
        ("192.0.2.0/33", None),
        ("192.0.2.0/+24", None),
        ("192.0.2.0/255.255.255.0", None),
        ("", None),
    ] {
        assert!(Prefix::parse_route4(text) == expected.map(prefix), "{text}");
    }
    assert!(Prefix::parse_route6("2001:db8:1::/48 fe80::1 1") == Some(prefix("2001:db8:1::/48")));
    assert!(Prefix::parse_route6("2001:db8:1:: fe80::1 1").is_none());
    assert!(Prefix::parse_route6("192.0.2.0/24").is_none());
}

#[test]
fn bindings_are_put_together_only_when_that_is_certain() {
    let dictionary = Dictionary::builtin();
    let unsigned = |oid: &[u32], n: u64| (Oid::new(oid).unwrap(), Value::Unsigned(n));
    let address = |oid: &[u32], text: &str| (Oid::new(oid).unwrap(), Value::Ip(ip(text)));
    let public = [26, 2011, 161];
    let (low, high) = ([26, 2011, 162], [26, 2011, 163]);
    let read = |parts: &[(Oid, Value)]| {
        let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
        writer.raw(40, &[0, 0, 0, 1]).unwrap();
        for (oid, value) in parts {
            writer.put(dictionary, *oid, value).unwrap();
        }
        let bytes = writer.request(SECRET, Proof::Authenticator).unwrap();
        let (record, defects) = Accounting::from_packet(&Packet::parse(&bytes).unwrap(), dictionary);
        (record.port_ranges, defects.len())
    };
    let (a, b) = ("203.0.113.1", "203.0.113.2");
    let two = [
        address(&public, a),
        unsigned(&low, 1),
        unsigned(&high, 9),
        address(&public, b),
        unsigned(&low, 5),
        unsigned(&high, 6),
    ];
    let (ranges, defects) = read(&two);
    assert_eq!((ranges.len(), defects), (2, 0));
    assert!(ranges[1].public == b.parse().ok() && (ranges[1].low, ranges[1].high) == (5, 6));
    for doubtful in [
        vec![
            unsigned(&low, 1),
            unsigned(&high, 9),
            address(&public, b),
            unsigned(&low, 5),
            unsigned(&high, 6),
        ],
        vec![
            address(&public, a),
            unsigned(&low, 1),
            unsigned(&high, 9),
            unsigned(&low, 5),
            unsigned(&high, 6),
        ],
        vec![address(&public, a), unsigned(&low, 9), unsigned(&high, 1)],
        vec![address(&public, a), unsigned(&low, 1)],
        vec![address(&public, a), unsigned(&low, 1), unsigned(&high, 65536)],
    ] {
        let (ranges, defects) = read(&doubtful);
        assert_eq!((ranges.len(), defects), (0, 1));
    }
    // RFC 8045 ties the parts together itself.
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
    let (range, map) = (Oid::new(&[241, 6]).unwrap(), Oid::new(&[241, 7]).unwrap());
    writer.raw(40, &[0, 0, 0, 1]).unwrap();
    writer.put_tlv(dictionary, range, &[(9, Value::Unsigned(1)), (10, Value::Unsigned(9))]).unwrap();
    writer
        .put_tlv(
            dictionary,
            range,
            &[
                (3, Value::Ip(ip(b))),
                (9, Value::Unsigned(5)),
                (10, Value::Unsigned(6)),
                (8, Value::Unsigned(2)),
            ],
        )
        .unwrap();
    writer
        .put_tlv(
            dictionary,
            map,
            &[
                (5, Value::Ip(ip("2001:db8::5"))),
                (6, Value::Unsigned(80)),
                (7, Value::Unsigned(8080)),
                (11, Value::Octets(b"vrf-1".to_vec())),
            ],
        )
        .unwrap();
    let bytes = writer.request(SECRET, Proof::Authenticator).unwrap();
    let (record, defects) = Accounting::from_packet(&Packet::parse(&bytes).unwrap(), dictionary);
    assert_eq!(defects, []);
    let [first, second, forward] = record.port_ranges.as_slice() else { panic!("three") };
    assert!(first.public.is_none() && (first.low, first.high) == (1, 9));
    assert!(second.public == b.parse().ok() && second.allocation == Some(Allocation::Released));
    assert!(forward.inside == Some(ip("2001:db8::5")) && forward.inside_port == Some(80));
    assert_eq!((forward.low, forward.high, forward.realm.as_deref()), (8080, 8080, Some("vrf-1")));
}

#[test]
fn nokia_port_ranges_are_read() {
    let read = |parts: &[(u32, Value)]| {
        let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
        writer.raw(40, &[0, 0, 0, 1]).unwrap();
        for (number, value) in parts {
            writer.put(Dictionary::builtin(), Oid::new(&[26, 6527, *number]).unwrap(), value).unwrap();
        }
        let bytes = writer.request(SECRET, Proof::Authenticator).unwrap();
        let (record, defects) =
            Accounting::from_packet(&Packet::parse(&bytes).unwrap(), Dictionary::builtin());
        (record.port_ranges, defects.len())
    };
    let text = |text: &str| (121, Value::Octets(text.as_bytes().to_vec()));
    let outside = |text: &str| (141, Value::Ip(ip(text)));
    let (ranges, defects) = read(&[text("203.0.113.9 1024..1055 router base")]);
    assert!(
        defects == 0
            && ranges[0].public == "203.0.113.9".parse().ok()
            && (ranges[0].low, ranges[0].high) == (1024, 1055)
    );
    assert_eq!(ranges[0].realm.as_deref(), Some("router base"));
    let (ranges, defects) = read(&[outside("203.0.113.9"), text("1024-1055")]);
    assert!(defects == 0 && ranges[0].public == "203.0.113.9".parse().ok());
    for bad in ["203.0.113.9", "203.0.113.9 9..1", "203.0.113.9 1..70000", "x", "203.0.113.9 +1..2"] {
        let (ranges, defects) = read(&[text(bad)]);
        assert_eq!((ranges.len(), defects), (0, 1), "{bad}");
    }
    assert_eq!(read(&[outside("203.0.113.9"), text("203.0.113.8 1..2")]).1, 1);
}

#[test]
fn nothing_that_identifies_is_printed() {
    for bytes in [start(), cgn()] {
        let packet = Packet::parse(&bytes).unwrap();
        let (record, _) = Accounting::from_packet(&packet, Dictionary::builtin());
        let printed = format!(
            "{packet:?} {record:?} {:?} {:?}",
            record.port_ranges,
            packet.fields(Dictionary::builtin())
        );
        for secret in ["ppp00", "bras", "100", "203.0", "2001", "40000", "27-4B"] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
}

#[test]
fn text_is_without_loss() {
    assert_eq!(text("kanji \u{8fbf} DOM\\xavier".as_bytes()), "kanji \u{8fbf} DOM\\xavier");
    assert_eq!(text(b"a\xff\x00\n"), "a\\xff\\x00\\x0a");
    assert_eq!(text(b"a\\xff"), "a\\x5cxff");
    assert_ne!(text(b"a\xff"), text(b"a\\xff"));
}

#[test]
fn tags_are_taken_off_and_consecutive_parts_joined() {
    let dictionary = Dictionary::builtin();
    let Fields { fields, defects } =
        fields_of(dictionary, &hex("4005 01 0003 4006 01 000003 4206 01 313233 4205 313233"));
    assert_eq!(defects.len(), 1, "a tagged integer has four octets");
    let tags: Vec<Option<u8>> = fields.iter().map(|field| field.tag).collect();
    assert_eq!(tags, [None, Some(1), Some(1), None]);
    assert!(fields[1].value == Value::Unsigned(3) && fields[2].value == Value::Octets(b"123".to_vec()));
    assert!(fields[3].value == Value::Octets(b"123".to_vec()));

    let value = Value::Octets((0..600_u32).map(|i| i as u8).collect());
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
    writer.put(dictionary, Oid::plain(79), &value).unwrap();
    let bytes = writer.request(SECRET, Proof::Authenticator).unwrap();
    let Fields { fields, defects } = Packet::parse(&bytes).unwrap().fields(dictionary);
    assert!(defects.is_empty() && fields.len() == 1 && fields[0].value == value);
}

#[test]
fn a_value_of_wimax_goes_on_in_the_next_attribute() {
    let mut dictionary = Dictionary::default();
    let text = "ATTRIBUTE Vendor-Specific 26 vsa\nVENDOR WiMAX 24757 format=1,1,c\n";
    assert_eq!(dictionary.read(text, &mut |_| None), []);
    let whole = "1a0b 000060b5 01058061 62 1a0b 000060b5 01050063 64";
    let Fields { fields, defects } = fields_of(&dictionary, &hex(whole));
    assert_eq!(defects, []);
    assert!(fields.len() == 1 && fields[0].oid.parts() == [26, 24757, 1]);
    assert!(fields[0].value == Value::Octets(b"abcd".to_vec()));
    let two = "1a0f 000060b5 01050061 62 02040063";
    assert_eq!(fields_of(&dictionary, &hex(two)).fields.len(), 2);
    for broken in
        ["1a0b 000060b5 01058061 62", "1a0b 000060b5 01050061 62 1a06 000060b5", "1a0b 000060b5 01ff0061 62"]
    {
        assert_eq!(fields_of(&dictionary, &hex(broken)).defects.len(), 1, "{broken}");
    }
}
