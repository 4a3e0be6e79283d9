//! Hostile, cut and odd packets: never a panic, never an endless loop, neighbours kept.

use proptest::prelude::*;

use super::*;

fn both() -> [Version; 2] {
    [Version::NetFlow9, Version::Ipfix]
}

#[test]
fn a_packet_cut_anywhere_keeps_the_whole_records_before_the_cut() {
    for version in both() {
        let records: Vec<u8> = (0..5).flat_map(|n| session(1000 + n, 2000 + n, 1)).collect();
        let whole = Packet::new(version).template(256, &SESSION).set(256, &records).bytes();
        let data_at = whole.len() - (5 * 14 + 2);
        for len in 0..whole.len() {
            let (events, report) = read(&mut Decoder::default(), NOW_US, &whole[..len]);
            let expected = len.saturating_sub(data_at).min(5 * 14) / 14;
            assert_eq!(events.len(), expected, "{version:?} cut at {len}");
            // v9 does not tell its length: cut between sets it is whole, and zeros at the end are padding.
            let seams = [20, 21, 22, 23, data_at - 4];
            let silent = version == Version::NetFlow9 && seams.contains(&len);
            assert_eq!(report.defects.is_empty(), silent, "{version:?} cut at {len}");
        }
    }
}

#[test]
fn a_set_length_below_its_header_ends_the_packet_and_nothing_else() {
    for version in both() {
        for len in 0..4_u16 {
            let good = Packet::new(version).template(256, &SESSION).set(256, &session(1, 2, 1));
            let at = good.bytes().len();
            let mut bytes = good.set(257, &[1, 2, 3, 4]).bytes();
            bytes[at + 2..at + 4].copy_from_slice(&len.to_be_bytes());
            let (events, report) = read(&mut Decoder::default(), NOW_US, &bytes);
            assert_eq!(events.len(), 1);
            let what = "set length is shorter than its own header";
            assert_eq!(report.defects, [Defect::byte(at as u64 + 2, what)]);
        }
    }
}

#[test]
fn a_set_longer_than_the_packet_gives_the_records_that_are_there() {
    let good = Packet::new(Version::NetFlow9).template(256, &SESSION);
    let at = good.bytes().len();
    let mut bytes = good.set(256, &[session(1, 2, 1), session(3, 4, 2)].concat()).bytes();
    bytes[at + 2..at + 4].copy_from_slice(&u16::MAX.to_be_bytes());
    let (events, report) = read(&mut Decoder::default(), NOW_US, &bytes);
    assert_eq!(events.len(), 2);
    assert_eq!(report.defects, [Defect::byte(at as u64 + 2, "set length runs over the end of the packet")]);
}

#[test]
fn a_huge_field_count_is_refused_before_anything_is_kept() {
    for version in both() {
        for count in [100_u16, 1024, 1025, u16::MAX] {
            let mut body = [256, count].map(u16::to_be_bytes).concat();
            body.extend(specs(&SESSION));
            let set = if version == Version::NetFlow9 { 0 } else { 2 };
            let mut decoder = Decoder::default();
            let (_, report) = read(&mut decoder, NOW_US, &Packet::new(version).set(set, &body).bytes());
            assert_eq!(report.defects.len(), 1);
            assert_eq!(decoder.templates(), 0);
        }
    }
}

#[test]
fn a_variable_length_over_the_end_of_its_set_keeps_the_records_before_it() {
    let fields = [(8, 4), (225, 4), (230, 1), (371, u16::MAX)];
    let good = [&[10, 0, 0, 1, 203, 0, 113, 7, 4, 3][..], b"eva"].concat();
    for bad in [&[200_u8][..], &[255], &[255, 0], &[255, 0xff, 0xff], &[254, 1]] {
        let records = [&good[..], &good[..9], bad].concat();
        // Room for the padding not to be eaten: the bad length is far longer.
        let packet = Packet::new(Version::Ipfix).template(256, &fields).set(256, &records);
        let (events, report) = read(&mut Decoder::default(), NOW_US, &packet.bytes());
        assert_eq!(events[0].user_name.as_deref(), Some("eva"));
        if bad != [255] && bad != [255, 0] {
            assert_eq!(events.len(), 1);
            assert_eq!(report.defects.len(), 1);
        }
    }
}

#[test]
fn a_long_form_length_is_read_as_a_short_one() {
    let fields = [(8, 4), (225, 4), (230, 1), (371, u16::MAX)];
    let record = [&[10, 0, 0, 1, 203, 0, 113, 7, 4, 255, 0, 3][..], b"eva"].concat();
    let events = read_clean(&Packet::new(Version::Ipfix).template(256, &fields).set(256, &record));
    assert_eq!(events[0].user_name.as_deref(), Some("eva"));
}

#[test]
fn a_template_without_length_does_not_loop() {
    for version in both() {
        for fields in [&[][..], &[(230, 0)], &[(8, 0), (225, 0), (4, 0)]] {
            let packet = Packet::new(version).template(300, fields).set(300, &[1; 64]);
            let (events, _) = read(&mut Decoder::default(), NOW_US, &packet.bytes());
            assert_eq!(events, []);
        }
    }
}

#[test]
fn a_field_of_no_length_is_not_there_and_its_neighbours_are() {
    let mut fields = SESSION.to_vec();
    fields.insert(2, (12, 0));
    let events =
        read_clean(&Packet::new(Version::NetFlow9).template(256, &fields).set(256, &session(1, 2, 1)));
    assert_eq!(events[0].outside, endpoint("203.0.113.7", 2));
    assert_eq!(events[0].destination.address, None);
}

#[test]
fn an_address_field_of_a_wrong_length_is_told_and_never_read() {
    let fields = [(8, 4), (225, 3), (230, 1)];
    let packet =
        Packet::new(Version::NetFlow9).template(256, &fields).set(256, &[10, 0, 0, 1, 203, 0, 113, 1]);
    let (events, report) = read(&mut Decoder::default(), NOW_US, &packet.bytes());
    assert_eq!(events[0].outside.address, None);
    assert!(!events[0].is_mapping());
    assert_eq!(report.defects.len(), 1);
}

#[test]
fn a_data_set_of_another_layout_is_not_read_at_all() {
    let longer = [session(1, 2, 1), vec![9; 6], session(1, 2, 1), vec![9; 6]].concat();
    let packet = Packet::new(Version::NetFlow9).template(256, &SESSION).set(256, &longer);
    let (events, report) = read(&mut Decoder::default(), NOW_US, &packet.bytes());
    assert_eq!(events, []);
    assert_eq!(report.defects[0].what, "data set does not fit its template");
}

#[test]
fn ports_and_numbers_may_be_sent_shorter_than_their_type() {
    let fields = [(8, 4), (225, 4), (7, 1), (227, 2), (234, 2), (230, 4)];
    let record = [10, 0, 0, 1, 203, 0, 113, 7, 80, 0x9c, 0x40, 1, 2, 0, 0, 0, 4];
    let events = read_clean(&Packet::new(Version::Ipfix).template(256, &fields).set(256, &record));
    assert_eq!(events[0].inside, endpoint("10.0.0.1", 80));
    assert_eq!(events[0].ingress_vrf, Some(258));
    assert_eq!(events[0].kind, EventKind::SessionCreate);
}

#[test]
fn enterprise_and_reverse_elements_are_not_taken_for_ianas() {
    // 29305 is the reverse direction (RFC 5103), 2636 Juniper, 9 Cisco.
    for enterprise in [29305_u32, 2636, 9] {
        let mut fields = SESSION.to_vec();
        fields.insert(0, (enterprise << 16 | 8, 4));
        fields.insert(0, (enterprise << 16 | 225, 4));
        let record = [&[198, 51, 100, 1, 198, 51, 100, 2][..], &session(1, 2, 4)].concat();
        let events = read_clean(&Packet::new(Version::Ipfix).template(256, &fields).set(256, &record));
        assert_eq!(events[0].inside, endpoint("10.0.0.1", 1));
        assert_eq!(events[0].outside, endpoint("203.0.113.7", 2));
    }
}

#[test]
fn defects_are_listed_up_to_a_bound_and_counted_beyond_it() {
    let fields = [(8, 4), (225, 4), (230, 1), (361, 2)];
    let records: Vec<u8> = (0..200).flat_map(|_| [10, 0, 0, 1, 203, 0, 113, 7, 16, 4, 0]).collect();
    let packet = Packet::new(Version::Ipfix).template(256, &fields).set(256, &records);
    let (events, report) = read(&mut Decoder::default(), NOW_US, &packet.bytes());
    assert_eq!(events.len(), 200);
    assert_eq!(report.defects.len() + report.more_defects as usize, 200);
    assert!(report.defects.len() <= 64);
}

#[test]
fn no_text_of_ours_names_an_address_or_a_user() {
    let fields = [(8, 4), (225, 4), (230, 1), (371, u16::MAX)];
    let record = [&[10, 0, 0, 1, 203, 0, 113, 7, 4, 3][..], b"eva"].concat();
    let mut decoder = Decoder::default();
    let packet = Packet::new(Version::Ipfix).template(256, &fields).set(256, &record).bytes();
    let (events, report) = read(&mut decoder, NOW_US, &packet);
    let text = format!("{events:?} {report:?} {:?}", events[0].inside);
    for secret in ["10.0.0.1", "203.0.113", "eva"] {
        assert!(!text.contains(secret), "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(head in 9_u8..=10, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut decoder = Decoder::default();
        read(&mut decoder, NOW_US, &[&[0, head][..], &bytes].concat());
        read(&mut decoder, NOW_US, &[&[0, head][..], &bytes].concat());
    }

    #[test]
    fn no_changed_bytes_make_it_panic(
        version in prop::sample::select(both().to_vec()),
        changes in prop::collection::vec((0_usize..200, any::<u8>()), 1..12),
    ) {
        let fields = [(8, 4), (225, 4), (230, 1), (361, 2), (371, 9)];
        let mut packet = Packet::new(version)
            .options(260, &[(1, 4)], &[(283, 4), (284, 8)])
            .template(256, &fields)
            .set(256, &[7; 60])
            .set(260, &[7; 64])
            .bytes();
        let len = packet.len();
        for (at, byte) in changes {
            packet[at % len] = byte;
        }
        let mut decoder = Decoder::default();
        read(&mut decoder, NOW_US, &packet);
        read(&mut decoder, NOW_US + 1, &packet);
    }
}
