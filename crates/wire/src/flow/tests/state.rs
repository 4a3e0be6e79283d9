//! What is remembered between packets: templates, sequence, waiting data, names; and its bounds.

use super::*;

const SWAPPED: [(u32, u16); 6] = [(225, 4), (8, 4), (227, 2), (7, 2), (4, 1), (230, 1)];

fn data(version: Version, sequence: u32) -> Packet {
    Packet::new(version).sequence(sequence).set(256, &session(1000, 2000, 1))
}

fn at(seconds: i64) -> i64 {
    NOW_US + seconds * 1_000_000
}

/// A v9 packet whose uptime goes with its arrival.
fn v9_at(packet: Packet, seconds: u32) -> Vec<u8> {
    Packet { uptime_ms: UPTIME_MS + seconds * 1000, ..packet }.bytes()
}

#[test]
fn data_before_its_template_waits_and_keeps_its_arrival() {
    let mut decoder = Decoder::default();
    let (events, report) = read(&mut decoder, at(0), &data(Version::NetFlow9, 0).bytes());
    assert_eq!((events.len(), report.held, report.waiting), (0, 1, 1));
    let template = Packet::new(Version::NetFlow9).sequence(1).template(256, &SESSION);
    let (events, report) = read(&mut decoder, at(9), &v9_at(template, 9));
    assert_eq!((events.len(), report.released, report.waiting), (1, 1, 0));
    assert_eq!(events[0].arrival_us, at(0));
    assert_eq!(events[0].outside, endpoint("203.0.113.7", 2000));
    assert_eq!(decoder.waiting_bytes(), 0);
}

#[test]
fn a_template_announced_again_with_another_layout_holds_from_there_on() {
    for version in [Version::NetFlow9, Version::Ipfix] {
        let mut decoder = Decoder::default();
        let first = Packet::new(version).template(256, &SESSION).set(256, &session(1000, 2000, 1));
        let again = Packet::new(version)
            .sequence(1)
            .set(256, &session(1000, 2000, 1))
            .template(256, &SWAPPED)
            .set(256, &session(1000, 2000, 1));
        let (events, report) = read(&mut decoder, at(0), &first.bytes());
        assert_eq!((events.len(), report.templates), (1, 1));
        let (events, report) = read(&mut decoder, at(0), &again.bytes());
        assert_eq!(report.templates, 1);
        assert_eq!(events[0].outside, endpoint("203.0.113.7", 2000));
        assert_eq!(events[1].outside, endpoint("10.0.0.1", 1000));
    }
}

#[test]
fn a_withdrawn_template_is_not_used_any_more() {
    for withdrawal in [[256_u16, 0], [2, 0]] {
        let mut decoder = Decoder::default();
        read(&mut decoder, at(0), &Packet::new(Version::Ipfix).template(256, &SESSION).bytes());
        let body = withdrawal.map(u16::to_be_bytes).concat();
        let packet = Packet::new(Version::Ipfix).set(2, &body).set(256, &session(1, 2, 4));
        let (events, report) = read(&mut decoder, at(1), &packet.bytes());
        assert_eq!((events.len(), report.held), (0, 1));
        assert_eq!(decoder.templates(), 0);
    }
}

#[test]
fn domains_and_exporters_have_templates_of_their_own() {
    let mut decoder = Decoder::default();
    read(&mut decoder, at(0), &Packet::new(Version::Ipfix).template(256, &SESSION).bytes());
    let other = Packet { domain: 8, ..data(Version::Ipfix, 0) };
    assert_eq!(read(&mut decoder, at(0), &other.bytes()).1.held, 1);
    let mut events = 0;
    let elsewhere = "192.0.2.2".parse().unwrap();
    decoder.decode(elsewhere, at(0), &data(Version::Ipfix, 0).bytes(), &mut |_| events += 1);
    assert_eq!(events, 0);
}

#[test]
fn v9_counts_packets_and_ipfix_counts_records() {
    for (version, step) in [(Version::NetFlow9, 1), (Version::Ipfix, 3)] {
        let mut decoder = Decoder::default();
        let three = |n: u32| {
            Packet::new(version)
                .sequence(n)
                .template(256, &SESSION)
                .set(256, &[session(1, 2, 1), session(1, 3, 1), session(1, 4, 1)].concat())
                .bytes()
        };
        assert_eq!(read(&mut decoder, at(0), &three(5)).1.order, Order::Unknown);
        assert_eq!(read(&mut decoder, at(1), &three(5 + step)).1.order, Order::Next);
        let (_, report) = read(&mut decoder, at(4), &three(5 + 2 * step + 7));
        assert_eq!(report.order, Order::AfterLoss);
        assert_eq!(report.loss, Some(Loss { missing: Some(7), from_us: at(1), to_us: at(4) }));
        // The numbers wrap.
        let mut decoder = Decoder::default();
        read(&mut decoder, at(0), &three(u32::MAX));
        assert_eq!(read(&mut decoder, at(1), &three(u32::MAX.wrapping_add(step))).1.order, Order::Next);
    }
}

#[test]
fn a_late_packet_is_read_and_does_not_move_the_count() {
    let mut decoder = Decoder::default();
    let packet =
        |n| Packet::new(Version::NetFlow9).sequence(n).template(256, &SESSION).set(256, &session(1, 2, 1));
    read(&mut decoder, at(0), &packet(10).bytes());
    assert_eq!(read(&mut decoder, at(0), &packet(12).bytes()).1.loss.unwrap().missing, Some(1));
    let (events, report) = read(&mut decoder, at(0), &packet(11).bytes());
    assert_eq!((events.len(), report.order, report.loss), (1, Order::Late, None));
    assert_eq!(read(&mut decoder, at(0), &packet(13).bytes()).1.order, Order::Next);
}

#[test]
fn after_data_that_cannot_be_counted_no_loss_is_claimed() {
    let mut decoder = Decoder::default();
    read(&mut decoder, at(0), &data(Version::Ipfix, 100).bytes());
    let (_, report) = read(&mut decoder, at(1), &data(Version::Ipfix, 103).bytes());
    assert_eq!((report.order, report.loss), (Order::Unknown, None));
}

#[test]
fn a_restart_is_known_by_uptime_or_numbering_and_forgets_the_templates() {
    // v9: the uptime begins anew, the number too; the number alone would look like a late packet.
    let mut decoder = Decoder::default();
    let first = Packet::new(Version::NetFlow9).sequence(20).template(256, &SESSION);
    read(&mut decoder, at(0), &first.bytes());
    let fresh = Packet { uptime_ms: 4000, ..data(Version::NetFlow9, 0) };
    let (events, report) = read(&mut decoder, at(60), &fresh.bytes());
    assert_eq!((events.len(), report.order, report.held), (0, Order::Restart, 1));
    assert_eq!(report.loss, Some(Loss { missing: None, from_us: at(0), to_us: at(60) }));
    assert_eq!(report.boot_us, Some(NOW_US - 4_000_000));
    // IPFIX: a number far from the expected one.
    let mut decoder = Decoder::default();
    let first = Packet::new(Version::Ipfix).sequence(3_000_000).template(256, &SESSION);
    read(&mut decoder, at(0), &first.bytes());
    let (_, report) = read(&mut decoder, at(60), &data(Version::Ipfix, 0).bytes());
    assert_eq!((report.order, report.held, decoder.templates()), (Order::Restart, 1, 0));
}

#[test]
fn an_uptime_that_wraps_is_no_restart() {
    let mut decoder = Decoder::default();
    let near =
        Packet { uptime_ms: u32::MAX - 1000, ..Packet::new(Version::NetFlow9).template(256, &SESSION) };
    read(&mut decoder, at(0), &near.bytes());
    let lost = Packet { uptime_ms: 9000, ..data(Version::NetFlow9, 5) };
    let (events, report) = read(&mut decoder, at(10), &lost.bytes());
    assert_eq!((events.len(), report.order), (1, Order::AfterLoss));
}

#[test]
fn what_waits_is_bounded_counted_and_ends() {
    let limits = Limits {
        stream_waiting_bytes: 4096,
        waiting_bytes: 6000,
        waiting_us: 60_000_000,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(limits);
    let mut dropped = 0;
    for n in 0..500 {
        for domain in 0..3 {
            let packet = Packet { domain, ..data(Version::NetFlow9, n) };
            dropped += read(&mut decoder, at(0), &packet.bytes()).1.dropped;
            assert!(decoder.waiting_bytes() <= 6000);
        }
    }
    let (_, report) = read(&mut decoder, at(1), &Packet::new(Version::Ipfix).bytes());
    assert_eq!(dropped + report.waiting, 1500);
    let (_, report) = read(&mut decoder, at(3600), &Packet::new(Version::Ipfix).bytes());
    assert_eq!((report.waiting, decoder.waiting_bytes()), (0, 0));
}

#[test]
fn templates_and_streams_are_bounded() {
    let limits =
        Limits { templates: 10, stream_fields: 30, streams: 8, streams_per_exporter: 4, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    for id in 256..600 {
        let (_, report) =
            read(&mut decoder, at(0), &Packet::new(Version::Ipfix).template(id, &[(8, 4)]).bytes());
        assert_eq!(report.defects.is_empty(), id < 266);
    }
    assert_eq!(decoder.templates(), 10);
    // A known template that grows beyond the bound is not used in its old layout.
    let grown = Packet::new(Version::Ipfix).template(256, &[(8, 4); 40]);
    read(&mut decoder, at(0), &grown.bytes());
    assert_eq!(decoder.templates(), 9);
    let mut refused = 0;
    for exporter in 0..4_u8 {
        for domain in 0..10 {
            let packet = Packet { domain, ..Packet::new(Version::NetFlow9).template(256, &[(8, 4)]) };
            let exporter = IpAddr::from([198, 51, 100, exporter]);
            let report = decoder.decode(exporter, at(0), &packet.bytes(), &mut |_| {});
            refused += report.defects.len();
        }
    }
    assert_eq!(refused, 40 - 7);
}

#[test]
fn options_data_names_pools_and_vrfs() {
    for version in [Version::NetFlow9, Version::Ipfix] {
        let fields = [(8, 4), (225, 4), (234, 4), (283, 4), (230, 1)];
        let record = [10, 0, 0, 1, 203, 0, 113, 7, 0, 0, 0, 5, 0, 0, 0, 9, 14];
        let packet = Packet::new(version)
            .options(300, &[(283, 4)], &[(284, 8)])
            .options(301, &[(234, 4)], &[(236, 8)])
            .set(300, b"\0\0\0\x09pool-a\0\0")
            .set(301, b"\0\0\0\x05home\0\0\0\0")
            .template(256, &fields)
            .set(256, &record);
        let events = read_clean(&packet);
        assert_eq!(events[0].pool_name.as_deref(), Some("pool-a"));
        assert_eq!(events[0].vrf_name.as_deref(), Some("home"));
        assert_eq!(events[0].kind, EventKind::AddressBindingCreate);
    }
}

#[test]
fn the_scope_numbers_of_v9_are_no_elements() {
    // Scope 4 is "cache", not the protocol; the record after it is read as announced.
    let packet = Packet::new(Version::NetFlow9)
        .options(300, &[(4, 4)], &[(283, 4), (284, 4)])
        .set(300, b"\0\0\0\x01\0\0\0\x09abcd")
        .template(256, &[(283, 4), (230, 1)])
        .set(256, &[0, 0, 0, 9, 3]);
    let events = read_clean(&packet);
    assert_eq!(events[0].pool_name.as_deref(), Some("abcd"));
    assert_eq!(events[0].kind, EventKind::AddressesExhausted);
}

#[test]
fn a_late_packet_is_not_read_by_a_template_that_changed_after_it_was_sent() {
    let mut decoder = Decoder::default();
    let packet = |n| Packet::new(Version::NetFlow9).sequence(n);
    read(&mut decoder, at(0), &packet(1).template(256, &SESSION).bytes());
    read(&mut decoder, at(0), &packet(3).template(256, &SWAPPED).bytes());
    let late = packet(2).template(256, &SESSION).set(256, &session(1, 2, 1));
    let (events, report) = read(&mut decoder, at(0), &packet(2).set(256, &session(1, 2, 1)).bytes());
    assert_eq!((events.len(), report.order), (0, Order::Late));
    assert_eq!(report.defects[0].what, "late data is older than its template");
    // Two layouts and no word which is the newer: neither holds until it is announced in order.
    let (events, report) = read(&mut decoder, at(0), &late.bytes());
    assert_eq!((events.len(), report.order, report.templates), (0, Order::Late, 0));
    assert_eq!(report.defects[0].what, "late data has no template");
    let (events, report) = read(&mut decoder, at(0), &packet(4).set(256, &session(1, 2, 1)).bytes());
    assert_eq!((events.len(), report.held), (0, 1));
    let (events, report) = read(&mut decoder, at(0), &packet(5).template(256, &SWAPPED).bytes());
    assert_eq!((events.len(), report.released), (1, 1));
    assert_eq!(events[0].inside, endpoint("203.0.113.7", 2));
}

#[test]
fn an_exporter_that_starts_again_with_a_low_count_is_not_late() {
    for version in [Version::NetFlow9, Version::Ipfix] {
        let mut decoder = Decoder::default();
        let old = Packet { uptime_ms: 50_000, ..Packet::new(version).sequence(30).template(256, &SESSION) };
        read(&mut decoder, at(0), &old.bytes());
        let new = Packet { uptime_ms: 1000, ..Packet::new(version).sequence(3) };
        let new = new.template(256, &SWAPPED).set(256, &session(1, 2, 1));
        let (events, report) = read(&mut decoder, at(11), &new.bytes());
        assert_eq!(report.order, Order::Restart, "{version:?}");
        assert_eq!(events[0].inside, endpoint("203.0.113.7", 2));
    }
}

#[test]
fn what_waits_over_a_restart_is_dropped_and_counted() {
    let mut decoder = Decoder::default();
    read(&mut decoder, at(0), &data(Version::NetFlow9, 20).bytes());
    let fresh = Packet { uptime_ms: 4000, ..Packet::new(Version::NetFlow9).template(256, &SESSION) };
    let (events, report) = read(&mut decoder, at(60), &fresh.bytes());
    assert_eq!((events.len(), report.order, report.dropped), (0, Order::Restart, 1));
    assert_eq!((report.waiting, decoder.waiting_bytes()), (0, 0));
}

#[test]
fn a_chosen_dialect_holds_where_its_fields_are() {
    let elsewhere = [Dialect::Rfc8158, Dialect::Draft, Dialect::CiscoNsel, Dialect::Nokia];
    for chosen in elsewhere {
        let mut decoder = Decoder::default();
        decoder.set_dialect(EXPORTER, chosen);
        let flows =
            Packet::new(Version::Ipfix).template(256, &SESSION[..5]).set(256, &session(1000, 2000, 0)[..13]);
        let (events, _) = read(&mut decoder, at(0), &flows.bytes());
        assert_eq!((events[0].kind, events[0].dialect), (EventKind::Flow, Dialect::FlowRecord));
    }
}
