//! What the encoder writes, the decoder reads back.

use std::{net::Ipv6Addr, time::Instant};

use proptest::prelude::*;

use super::*;

/// An event with nothing but what every one has.
pub(super) fn bare(kind: EventKind, time_us: i64) -> NatEvent {
    NatEvent {
        kind,
        code: None,
        dialect: Dialect::Rfc8158,
        domain: 7,
        time: EventTime { us: time_us, source: TimeSource::Observation },
        start_us: None,
        end_us: None,
        export_us: NOW_US,
        arrival_us: NOW_US,
        protocol: None,
        direction: Direction::Outbound,
        realm: None,
        inside: Endpoint::default(),
        softwire: None,
        outside: Endpoint::default(),
        outside_ports: None,
        destination: Endpoint::default(),
        destination_post: Endpoint::default(),
        ingress_vrf: None,
        egress_vrf: None,
        vrf_name: None,
        nat_instance: None,
        pool_id: None,
        pool_name: None,
        session_id: None,
        user_name: None,
    }
}

/// What a reader gets of packets, without loss, with the codes blanked that only the wire has.
pub(super) fn read_back(packets: &[Vec<u8>]) -> Vec<NatEvent> {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        let (found, report) = read(&mut decoder, NOW_US, packet);
        assert_eq!(report.defects, []);
        assert_eq!(report.order, if n == 0 { Order::Unknown } else { Order::Next });
        assert!(packet.len() <= 1400);
        events.extend(found);
    }
    for event in &mut events {
        assert!(event.code.take().is_some());
    }
    events
}

fn inside() -> impl Strategy<Value = (IpAddr, Option<Ipv6Addr>)> {
    let v6 = any::<u64>().prop_map(|low| Ipv6Addr::from((0x2001_0db8_u128) << 96 | u128::from(low) | 1));
    prop_oneof![
        any::<u32>().prop_map(|low| (Ipv4Addr::from(0x0a00_0001 | low >> 8).into(), None)),
        (any::<u32>(), v6.clone())
            .prop_map(|(low, b4)| (Ipv4Addr::from(0x0a00_0001 | low >> 8).into(), Some(b4))),
        v6.prop_map(|address| (address.into(), None)),
    ]
}

fn name() -> impl Strategy<Value = Option<Box<str>>> {
    prop::option::of("[a-z0-9@.]{1,64}".prop_map(String::into_boxed_str))
}

prop_compose! {
    fn common()(
        (inside, softwire) in inside(),
        outside in any::<u32>().prop_map(|low| Ipv4Addr::from(0xcb00_7101 | low >> 24)),
        time_ms in 1_600_000_000_000_i64..1_900_000_000_000,
        vrf in prop::option::of(any::<u32>()),
        egress in prop::option::of(any::<u32>()),
        instance in prop::option::of(any::<u32>()),
        pool in prop::option::of(any::<u32>()),
        session in prop::option::of(any::<u64>()),
        names in (name(), name(), name()),
    ) -> NatEvent {
        NatEvent {
            inside: Endpoint { address: Some(inside), port: None },
            softwire,
            outside: Endpoint { address: Some(outside.into()), port: None },
            ingress_vrf: vrf,
            egress_vrf: egress,
            nat_instance: instance,
            pool_id: pool,
            session_id: session,
            vrf_name: names.0,
            pool_name: names.1.filter(|_| pool.is_some()),
            user_name: names.2,
            ..bare(EventKind::SessionCreate, time_ms * 1000)
        }
    }
}

prop_compose! {
    fn session_event()(
        event in common(),
        create in any::<bool>(),
        protocol in any::<u8>(),
        ports in any::<(u16, u16, u16)>(),
        destination in any::<u32>().prop_map(|low| IpAddr::from(Ipv4Addr::from(0xc633_6401 | low >> 24))),
        realm in prop::option::of(prop::sample::select(&[Realm::Private, Realm::Public][..])),
    ) -> NatEvent {
        let post = Endpoint { address: Some(destination), port: Some(ports.2) };
        let six = event.inside.address.unwrap().is_ipv6();
        let seen = if six { ip("64:ff9b::1") } else { Some(destination) };
        NatEvent {
            kind: if create { EventKind::SessionCreate } else { EventKind::SessionDelete },
            protocol: Some(protocol),
            inside: Endpoint { port: Some(ports.0), ..event.inside },
            outside: Endpoint { port: Some(ports.1), ..event.outside },
            destination: Endpoint { address: seen, port: Some(ports.2) },
            destination_post: post,
            // A session of NAT64 from the public realm would be read the other way.
            realm: if six { Some(Realm::Private) } else { realm },
            ..event
        }
    }
}

prop_compose! {
    fn block_event()(event in common(), allocate in any::<bool>(), first in 1..=65_000_u16, size in 0..500_u16)
        -> NatEvent {
        NatEvent {
            kind: if allocate { EventKind::PortBlockAllocate } else { EventKind::PortBlockRelease },
            outside_ports: Some(PortBlock { first, last: Some(first + size), step: 1 }),
            ..event
        }
    }
}

prop_compose! {
    fn pairing_event()(event in common(), create in any::<bool>()) -> NatEvent {
        let kind = if create { EventKind::AddressBindingCreate } else { EventKind::AddressBindingDelete };
        NatEvent { kind, ..event }
    }
}

proptest! {
    #[test]
    fn events_are_read_back_as_they_were(
        version in prop::sample::select(&[Version::NetFlow9, Version::Ipfix][..]),
        events in prop::collection::vec(prop_oneof![session_event(), block_event(), pairing_event()], 0..40),
    ) {
        let mut encoder = Encoder::new(version, 7, NOW_US - 86_400_000_000);
        let packets = encoder.encode(NOW_US, &events).unwrap();
        prop_assert!(read_back(&packets) == events);
    }
}

#[test]
fn templates_are_sent_once_and_again_when_asked() {
    let event = NatEvent {
        inside: endpoint("10.0.0.1", 1),
        outside: endpoint("203.0.113.7", 2),
        ..bare(EventKind::SessionCreate, NOW_US)
    };
    for version in [Version::NetFlow9, Version::Ipfix] {
        let mut encoder = Encoder::new(version, 7, NOW_US);
        let first = encoder.encode(NOW_US, std::slice::from_ref(&event)).unwrap().concat();
        let second = encoder.encode(NOW_US, std::slice::from_ref(&event)).unwrap().concat();
        encoder.announce_again();
        let third = encoder.encode(NOW_US, std::slice::from_ref(&event)).unwrap().concat();
        assert!(second.len() < first.len());
        assert_eq!(first.len(), third.len());
        assert_eq!(encoder.sequence(), 3);
    }
}

#[test]
fn what_rfc_8158_has_no_words_for_is_not_written() {
    let mut encoder = Encoder::new(Version::NetFlow9, 7, NOW_US);
    for kind in [EventKind::Flow, EventKind::FlowUpdate, EventKind::Denied, EventKind::Other] {
        assert_eq!(encoder.encode(NOW_US, &[bare(kind, NOW_US)]), Err(EncodeError::Kind));
    }
    let long = NatEvent { user_name: Some("x".repeat(65).into()), ..bare(EventKind::SessionCreate, NOW_US) };
    assert_eq!(encoder.encode(NOW_US, &[long]), Err(EncodeError::Name));
    assert_eq!(encoder.encode(-1, &[]), Err(EncodeError::Time));
}

#[test]
fn throughput_is_told() {
    let events: Vec<_> = (0..20_000_u32)
        .map(|n| NatEvent {
            protocol: Some(6),
            inside: Endpoint { address: Some(Ipv4Addr::from(0x0a00_0000 | n).into()), port: Some(n as u16) },
            outside: endpoint("203.0.113.7", n as u16 ^ 0x5555),
            destination: endpoint("198.51.100.9", 443),
            destination_post: endpoint("198.51.100.9", 443),
            ingress_vrf: Some(3),
            ..bare(EventKind::SessionCreate, NOW_US)
        })
        .collect();
    for version in [Version::NetFlow9, Version::Ipfix] {
        let packets = Encoder::new(version, 7, NOW_US).encode(NOW_US, &events).unwrap();
        let mut decoder = Decoder::default();
        let mut count = 0_u32;
        let begin = Instant::now();
        for packet in &packets {
            decoder.decode(EXPORTER, NOW_US, packet, &mut |_| count += 1);
        }
        let rate = f64::from(count) / begin.elapsed().as_secs_f64();
        println!("{version:?}: {rate:.0} events/s in this build");
        assert_eq!(count as usize, events.len());
    }
}
