//! What holds for every value, every packet and every octet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::IpAddr;

use proptest::prelude::*;

use super::{cgn, hex, start};
use crate::dictionary::{Dictionary, Kind, Oid};
use crate::radius::{Accounting, Code, Fields, Packet, Proof, Value, Writer, text};

/// Undoes [`text`].
fn untext(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        match rest {
            [b'\\', b'x', a, b, behind @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.extend(hex(std::str::from_utf8(&[*a, *b]).unwrap()));
                rest = behind;
            }
            _ => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

fn any_value() -> impl Strategy<Value = (Kind, Value)> {
    let octets = prop::collection::vec(any::<u8>(), 1..200);
    prop_oneof![
        octets.prop_map(|v| (Kind::Octets, Value::Octets(v))),
        any::<[u8; 4]>().prop_map(|v| (Kind::Ipv4, Value::Ip(IpAddr::from(v)))),
        any::<[u8; 16]>().prop_map(|v| (Kind::Ipv6, Value::Ip(IpAddr::from(v)))),
        any::<[u8; 16]>().prop_map(|v| (Kind::Ip, Value::Ip(IpAddr::from(v)))),
        (any::<[u8; 4]>(), 0..=32_u8)
            .prop_map(|(v, n)| (Kind::Ipv4Prefix, Value::prefix(v.into(), n).unwrap())),
        (any::<[u8; 16]>(), 0..=128_u8)
            .prop_map(|(v, n)| (Kind::Ipv6Prefix, Value::prefix(v.into(), n).unwrap())),
        any::<[u8; 8]>().prop_map(|v| (Kind::InterfaceId, Value::InterfaceId(v))),
        any::<[u8; 6]>().prop_map(|v| (Kind::Ether, Value::Ether(v))),
        any::<u8>().prop_map(|v| (Kind::Byte, Value::Unsigned(v.into()))),
        any::<u16>().prop_map(|v| (Kind::Short, Value::Unsigned(v.into()))),
        any::<u32>().prop_map(|v| (Kind::Integer, Value::Unsigned(v.into()))),
        any::<u64>().prop_map(|v| (Kind::Integer64, Value::Unsigned(v))),
        any::<i32>().prop_map(|v| (Kind::Signed, Value::Signed(v))),
        any::<u32>().prop_map(|v| (Kind::Date, Value::Date(v))),
    ]
}

proptest! {
    #[test]
    fn values_come_back((kind, value) in any_value()) {
        let octets = value.encode(kind).unwrap();
        prop_assert!(Value::decode(kind, &octets) == Some(value));
    }

    #[test]
    fn octets_become_different_text(octets in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\\'), Just(b'x'), Just(b'f')], 0..40)) {
        prop_assert_eq!(untext(&text(&octets)), octets);
    }

    #[test]
    fn packets_come_back(parts in prop::collection::vec((prop_oneof![
        (1..=255_u32).prop_filter("framed otherwise", |n| !matches!(n, 26 | 79 | 80 | 241..=246)).prop_map(|n| vec![n]),
        (any::<u32>(), 1..=255_u32).prop_map(|(vendor, n)| vec![26, vendor, n]),
        (241..=246_u32, 100..=255_u32).prop_map(|(outer, n)| vec![outer, n]),
        (241..=246_u32, any::<u32>(), 1..=255_u32).prop_map(|(outer, vendor, n)| vec![outer, 26, vendor, n]),
    ], prop::collection::vec(any::<u8>(), 1..200)), 0..15), identifier: u8, secret in prop::collection::vec(any::<u8>(), 1..40)) {
        // Only the framings are known, so that every value is octets.
        let mut dictionary = Dictionary::default();
        dictionary.read("ATTRIBUTE A 241 extended\nATTRIBUTE B 242 extended\nATTRIBUTE C 243 extended\nATTRIBUTE D 244 extended\n\
            ATTRIBUTE E 245 long-extended\nATTRIBUTE F 246 long-extended\nATTRIBUTE AA 241.26 evs\nATTRIBUTE BB 242.26 evs\n\
            ATTRIBUTE CC 243.26 evs\nATTRIBUTE DD 244.26 evs\nATTRIBUTE EE 245.26 evs\nATTRIBUTE FF 246.26 evs\n", &mut |_| None);
        let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, identifier);
        for (oid, octets) in &parts {
            writer.put(&dictionary, Oid::new(oid).unwrap(), &Value::Octets(octets.clone())).unwrap();
        }
        let bytes = writer.request(&secret, Proof::MessageAuthenticator).unwrap();
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!(packet.verify_request(&secret), Ok(()));
        let Fields { fields, defects } = packet.fields(&dictionary);
        prop_assert_eq!(defects, vec![]);
        prop_assert_eq!(fields.len(), parts.len() + 1);
        for (field, (oid, octets)) in fields.iter().zip(&parts) {
            prop_assert!(field.oid.parts() == oid.as_slice() && field.value == Value::Octets(octets.clone()));
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..300), patch in prop::collection::vec((20..580_usize, any::<u8>()), 0..6)) {
        if let Ok(packet) = Packet::parse(&octets) {
            Accounting::from_packet(&packet, Dictionary::builtin());
        }
        for base in [start(), cgn()] {
            let mut bytes = base;
            for (at, octet) in &patch {
                if let Some(slot) = bytes.get_mut(*at) {
                    *slot = *octet;
                }
            }
            if let Ok(packet) = Packet::parse(&bytes) {
                Accounting::from_packet(&packet, Dictionary::builtin());
            }
        }
    }
}
