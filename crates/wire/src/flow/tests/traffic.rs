//! Traffic flows: what each form of a field becomes, and what is never guessed.

use std::net::SocketAddr;

use super::*;

const SOURCE: SocketAddr = SocketAddr::new(EXPORTER, 4739);
const KEYS: [(u32, u16); 5] = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1)];

fn gather(decoder: &mut Decoder, packet: &[u8]) -> (Columns, Report) {
    let mut columns = Columns::default();
    let report = decoder.collect(SOURCE, NOW_US, packet, &mut columns, &mut |_| {});
    assert!(columns.is_even(), "every column is as long as the batch");
    assert_eq!(report.rows as usize, columns.rows(), "every row is counted");
    (columns, report)
}

/// The one row of a template with our keys, then `fields`, whose values are `values`.
fn row(version: Version, fields: &[(u32, u16)], values: &[u8]) -> Row {
    row_of(version, 6, fields, values)
}

fn row_of(version: Version, proto: u8, fields: &[(u32, u16)], values: &[u8]) -> Row {
    let mut record = vec![10, 0, 0, 1, 198, 51, 100, 7, 0x9c, 0x40, 0, 80, proto];
    record.extend(values);
    let packet = Packet::new(version).template(256, &[&KEYS[..], fields].concat()).set(256, &record);
    let (columns, report) = gather(&mut Decoder::default(), &packet.bytes());
    assert_eq!(report.defects, [], "nothing is wrong with the packet");
    columns.get(0).expect("one row")
}

fn v4(text: &str) -> u128 {
    to_bits(text.parse().unwrap())
}

fn be<const N: usize>(values: [u64; N]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

#[test]
fn a_record_becomes_a_row() {
    let fields =
        [(2, 4), (1, 4), (6, 1), (5, 1), (10, 2), (14, 4), (16, 2), (17, 4), (9, 1), (13, 1), (61, 1)];
    let values = [0, 0, 0, 3, 0, 0, 1, 0, 18, 8, 0, 9, 0, 0, 0, 10, 0xfc, 0, 0, 0, 0xfd, 0xe8, 24, 16, 1];
    let row = row(Version::NetFlow9, &fields, &values);
    assert_eq!((row.ip, row.src, row.dst), (4, v4("10.0.0.1"), v4("198.51.100.7")));
    assert_eq!((row.src_port, row.dst_port, row.proto), (40_000, 80, 6));
    assert_eq!((row.packets, row.bytes, row.tcp_flags, row.tos), (3, 256, 18, 8));
    assert_eq!((row.input, row.output, row.src_as, row.dst_as), (9, 10, 64_512, 65_000));
    assert_eq!((row.src_mask, row.dst_mask, row.direction, row.flows), (24, 16, 1, 1));
    assert_eq!((row.exporter, row.domain, row.received_us), (to_bits(EXPORTER), 7, NOW_US));
}

#[test]
fn every_form_of_time_is_read() {
    // NTP: seconds since 1900, fraction of 2^32.
    let ntp = |us: u64| (us / 1_000_000 + 2_208_988_800) << 32 | ((us % 1_000_000) << 32).div_ceil(1_000_000);
    let (begin, end) = (NOW_US as u64 - 4_500_000, NOW_US as u64 - 500_000);
    let wide = [
        (152, 153, be([begin / 1000, end / 1000])),
        (154, 155, be([ntp(begin), ntp(end)])),
        (156, 157, be([ntp(begin), ntp(end)])),
    ];
    for (first, last, values) in wide {
        let values = [&values[..], &[0, 0, 0, 1]].concat();
        let row = row(Version::Ipfix, &[(first, 8), (last, 8), (1, 4)], &values);
        assert_eq!((row.first_us, row.last_us), (begin as i64, end as i64), "element {first}");
    }
    let narrow = [
        (150, 151, NOW_S - 4, NOW_S - 1, -4_000_000, -1_000_000),
        (158, 159, 4_500_000, 500_000, -4_500_000, -500_000),
    ];
    for (first, last, a, b, begin, end) in narrow {
        let values = [a.to_be_bytes(), b.to_be_bytes(), [0, 0, 0, 1]].concat();
        let row = row(Version::Ipfix, &[(first, 4), (last, 4), (1, 4)], &values);
        assert_eq!((row.first_us - NOW_US, row.last_us - NOW_US), (begin, end), "element {first}");
    }
}

#[test]
fn an_uptime_counts_from_the_header_over_its_wrap_and_from_the_system_start_in_ipfix() {
    let values = [(UPTIME_MS - 4500).to_be_bytes(), (UPTIME_MS - 500).to_be_bytes(), [0, 0, 0, 1]].concat();
    let fields = [(22, 4), (21, 4), (1, 4)];
    let read = row(Version::NetFlow9, &fields, &values);
    assert_eq!((read.first_us - NOW_US, read.last_us - NOW_US), (-4_500_000, -500_000));
    // The flow began before the uptime wrapped.
    let record = [
        &[10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 6][..],
        &(u32::MAX - 999).to_be_bytes(),
        &500_u32.to_be_bytes(),
        &[0, 0, 0, 1],
    ]
    .concat();
    let packet = Packet { uptime_ms: 1000, ..Packet::new(Version::NetFlow9) };
    let packet = packet.template(256, &[&KEYS[..], &fields].concat()).set(256, &record);
    let (columns, _) = gather(&mut Decoder::default(), &packet.bytes());
    assert_eq!((columns.first_us[0] - NOW_US, columns.last_us[0] - NOW_US), (-2_000_000, -500_000));
    // IPFIX has no uptime in its header: by 160, or only the length is known and the export dates it.
    let init = (NOW_US / 1000) as u64 - u64::from(UPTIME_MS);
    let with_init = [&values[..], &init.to_be_bytes()].concat();
    let read = row(Version::Ipfix, &[(22, 4), (21, 4), (1, 4), (160, 8)], &with_init);
    assert_eq!((read.first_us - NOW_US, read.last_us - NOW_US), (-4_500_000, -500_000));
    let read = row(Version::Ipfix, &fields, &values);
    assert_eq!((read.first_us - NOW_US, read.last_us - NOW_US), (-4_000_000, 0));
}

#[test]
fn a_record_without_a_time_is_dated_by_its_export_and_counted() {
    let record = [&[10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 6][..], &[0; 8], &[0, 0, 0, 1]].concat();
    let fields = [&KEYS[..], &[(22, 4), (21, 4), (1, 4)]].concat();
    let packet = Packet::new(Version::NetFlow9).template(256, &fields).set(256, &record);
    let (columns, report) = gather(&mut Decoder::default(), &packet.bytes());
    assert_eq!((columns.first_us[0], columns.last_us[0], report.untimed), (NOW_US, NOW_US, 1));
}

#[test]
fn icmp_stands_in_the_destination_port_in_every_form() {
    for (proto, fields, values) in [
        (1, &[(32, 2), (1, 1)][..], &[3, 1, 9][..]),
        (58, &[(139, 2), (1, 1)], &[3, 1, 9]),
        (1, &[(176, 1), (177, 1), (1, 1)], &[3, 1, 9]),
        (58, &[(178, 1), (179, 1), (1, 1)], &[3, 1, 9]),
    ] {
        assert_eq!(row_of(Version::Ipfix, proto, fields, values).dst_port, 0x0301);
    }
    // Of other protocols it says nothing.
    assert_eq!(row_of(Version::Ipfix, 6, &[(32, 2), (1, 1)], &[3, 1, 9]).dst_port, 80);
}

#[test]
fn both_directions_of_a_biflow_are_kept() {
    // RFC 5103, then NetFlow v9's way, then the initiator's and responder's.
    let reverse = 29_305 << 16;
    let values = be([10, 1000, 7, 700]);
    for (version, fields) in [
        (Version::Ipfix, [(2, 8), (1, 8), (reverse | 2, 8), (reverse | 1, 8)]),
        (Version::NetFlow9, [(2, 8), (1, 8), (24, 8), (23, 8)]),
        (Version::NetFlow9, [(298, 8), (231, 8), (299, 8), (232, 8)]),
    ] {
        let row = row(version, &fields, &values);
        assert_eq!((row.packets, row.bytes, row.reverse_packets, row.reverse_bytes), (10, 1000, 7, 700));
    }
    // Alone they count the flow on its way out.
    let row = row(Version::NetFlow9, &[(24, 8), (23, 8)], &be([10, 1000]));
    assert_eq!((row.packets, row.bytes, row.reverse_packets, row.reverse_bytes), (10, 1000, 0, 0));
}

#[test]
fn a_template_with_both_families_gives_the_one_that_is_there() {
    let fields = [(8, 4), (12, 4), (27, 16), (28, 16), (60, 1), (1, 4)];
    let v6: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
    let four = [&[192, 0, 2, 7, 192, 0, 2, 8][..], &[0; 32], &[4, 0, 0, 0, 9]].concat();
    let six = [&[0; 8][..], &v6.octets(), &v6.octets(), &[6, 0, 0, 0, 9]].concat();
    let packet = Packet::new(Version::Ipfix).template(256, &fields).set(256, &[four, six].concat());
    let (columns, _) = gather(&mut Decoder::default(), &packet.bytes());
    assert_eq!(columns.ip, [4, 6]);
    assert_eq!(columns.src, [v4("192.0.2.7"), v6.to_bits()]);
}

#[test]
fn of_a_tunnel_the_inner_packet_is_the_flow_and_nothing_of_the_outer_one_is_mixed_in() {
    let fields =
        [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (1, 4), (8, 4), (12, 4), (7, 2), (11, 2), (4, 1)];
    let record =
        [&[7; 32][..], &[0, 0, 0, 0, 4], &[0, 0, 0, 9], &[10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 54, 17]]
            .concat();
    let packet = Packet::new(Version::Ipfix).template(256, &fields).set(256, &record);
    let (columns, _) = gather(&mut Decoder::default(), &packet.bytes());
    let row = columns.get(0).unwrap();
    assert_eq!((row.ip, row.src, row.proto, row.src_port, row.dst_port), (4, v4("10.0.0.1"), 17, 53, 54));
}

#[test]
fn what_varies_in_length_is_stepped_over_or_read() {
    // A basic list (RFC 6313), a long name, counters of variable length.
    let fields = [(8, 4), (291, 0xffff), (12, 4), (371, 0xffff), (1, 0xffff), (4, 1)];
    let mut record = vec![10, 0, 0, 1, 3, 9, 9, 9, 10, 0, 0, 2, 255, 1, 0];
    record.extend([b'x'; 256]);
    record.extend([2, 1, 0, 17]);
    let two = [record.clone(), record].concat();
    let packet = Packet::new(Version::Ipfix).template(256, &fields).set(256, &two);
    let (columns, report) = gather(&mut Decoder::default(), &packet.bytes());
    assert_eq!((report.defects.len(), columns.rows()), (0, 2));
    assert_eq!((columns.dst[1], columns.bytes[1], columns.proto[1]), (v4("10.0.0.2"), 256, 17));
}

#[test]
fn a_packet_section_tells_what_the_record_does_not() {
    let ip = [
        0x45, 0x20, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 7, 198, 51, 100, 9, 0, 80, 0x9c, 0x40, 0, 0,
        0, 1, 0, 0, 0, 0, 0x50, 18, 0, 0,
    ];
    let frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x20, 100, 8, 0][..], &ip].concat();
    for (id, section, vlan) in [(313, &ip[..], 0), (315, &frame[..], 100)] {
        let record = [&[0, 0, 0, 5, section.len() as u8][..], section].concat();
        let packet = Packet::new(Version::Ipfix).template(256, &[(10, 4), (id, 0xffff)]).set(256, &record);
        let (columns, report) = gather(&mut Decoder::default(), &packet.bytes());
        assert_eq!(report.defects, []);
        let row = columns.get(0).unwrap();
        assert_eq!((row.ip, row.src, row.dst), (4, v4("192.0.2.7"), v4("198.51.100.9")));
        assert_eq!((row.src_port, row.dst_port, row.proto, row.tcp_flags), (80, 40_000, 6, 18));
        assert_eq!((row.packets, row.bytes, row.tos, row.input, row.src_vlan), (1, 60, 32, 5, vlan));
    }
}

#[test]
fn sampling_comes_from_the_record_its_sampler_or_the_domain() {
    let mut decoder = Decoder::default();
    let options = Packet::new(Version::NetFlow9)
        .options(300, &[(1, 4)], &[(48, 1), (50, 4)])
        .set(300, &[0, 0, 0, 0, 1, 0, 0, 3, 232, 0, 0, 0, 0, 2, 0, 0, 7, 208])
        .options(301, &[(1, 4)], &[(34, 4), (35, 1)])
        .set(301, &[0, 0, 0, 0, 0, 0, 0, 100, 1])
        .options(302, &[(2, 4)], &[(82, 8)])
        .set(302, b"\x00\x00\x00\x05ge-0/0/1");
    gather(&mut decoder, &options.bytes());
    let packet = Packet::new(Version::NetFlow9)
        .sequence(1)
        .template(256, &[(8, 4), (1, 4), (48, 1)])
        .set(256, &[10, 0, 0, 1, 0, 0, 0, 9, 2, 10, 0, 0, 1, 0, 0, 0, 9, 3])
        .template(257, &[(8, 4), (1, 4), (34, 4)])
        .set(257, &[10, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7])
        .template(258, &[(8, 4), (1, 4)])
        .set(258, &[10, 0, 0, 1, 0, 0, 0, 9]);
    let (columns, _) = gather(&mut decoder, &packet.bytes());
    // Sampler 3 was never told of: the domain's rate stands.
    assert_eq!(columns.sampling, [2000, 100, 7, 100]);
    let view = decoder.streams().next().unwrap();
    assert_eq!(view.interfaces().collect::<Vec<_>>(), [(5, "ge-0/0/1")]);
    assert_eq!(
        view.rates().collect::<Vec<_>>(),
        [Rate::Domain(100), Rate::Selector(1, 1000), Rate::Selector(2, 2000)]
    );
}

#[test]
fn how_many_are_taken_in_a_row_is_no_rate_without_how_many_are_left_out() {
    for (fields, values, rate) in [
        (&[(305, 4), (306, 4)][..], &[0, 0, 0, 1, 0, 0, 3, 231][..], 1000),
        (&[(305, 4)], &[0, 0, 0, 1], 0),
        (&[(309, 4), (310, 4)], &[0, 0, 0, 2, 0, 0, 0, 200], 100),
    ] {
        let mut decoder = Decoder::default();
        let options = Packet::new(Version::Ipfix)
            .options(300, &[(144, 4)], fields)
            .set(300, &[&[0, 0, 0, 1], values].concat());
        gather(&mut decoder, &options.bytes());
        let data = Packet::new(Version::Ipfix)
            .sequence(1)
            .template(256, &[(8, 4), (1, 4)])
            .set(256, &[10, 0, 0, 1, 0, 0, 0, 9]);
        assert_eq!(gather(&mut decoder, &data.bytes()).0.sampling, [rate]);
    }
}

#[test]
fn a_number_too_large_for_its_column_is_left_out_and_reported() {
    let mut record = vec![10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 6];
    record.extend(be([1 << 40, 5]));
    let fields = [&KEYS[..], &[(10, 8), (1, 8)]].concat();
    let packet = Packet::new(Version::Ipfix).template(256, &fields).set(256, &record);
    let (columns, report) = gather(&mut Decoder::default(), &packet.bytes());
    assert_eq!((columns.input[0], columns.bytes[0]), (0, 5));
    assert_eq!(report.defects[0].what, "number is larger than its column holds");
}

#[test]
fn exporters_behind_one_address_are_kept_apart_by_their_ports_unless_told() {
    let template = Packet::new(Version::NetFlow9).template(256, &[(8, 4), (1, 4)]).bytes();
    let data = Packet::new(Version::NetFlow9).sequence(1).set(256, &[10, 0, 0, 1, 0, 0, 0, 9]).bytes();
    let elsewhere = SocketAddr::new(EXPORTER, 4740);
    for (scope, rows, held) in [(Scope::Session, 0, 1), (Scope::Address, 1, 0)] {
        let mut decoder = Decoder::default();
        decoder.set_scope(EXPORTER, scope);
        gather(&mut decoder, &template);
        let mut columns = Columns::default();
        let report = decoder.collect(elsewhere, NOW_US, &data, &mut columns, &mut |_| {});
        assert_eq!((columns.rows(), report.held), (rows, held));
    }
}

#[test]
fn a_nat_event_is_no_flow_and_a_flow_with_a_translation_is_both() {
    let mut columns = Columns::default();
    let mut events = 0;
    let event = Packet::new(Version::Ipfix).template(256, &SESSION).set(256, &session(1, 2, 4)).bytes();
    Decoder::default().collect(SOURCE, NOW_US, &event, &mut columns, &mut |_| events += 1);
    assert_eq!((columns.rows(), events), (0, 1));
    let fields = [&SESSION[..5], &[(1, 4)]].concat();
    let record = [&session(1, 2, 0)[..13], &[0, 0, 0, 9]].concat();
    let flow = Packet::new(Version::Ipfix).template(256, &fields).set(256, &record).bytes();
    let report = Decoder::default().collect(SOURCE, NOW_US, &flow, &mut columns, &mut |_| events += 1);
    assert_eq!((columns.rows(), events, report.records), (1, 2, 1));
}

#[test]
fn a_saved_state_goes_on_where_it_stood() {
    let mut decoder = Decoder::default();
    let first = Packet::new(Version::Ipfix)
        .template(256, &[(8, 4), (1, 4), (371, 0xffff)])
        .options(300, &[(149, 4)], &[(34, 4)])
        .set(300, &[0, 0, 0, 7, 0, 0, 0, 50]);
    gather(&mut decoder, &first.bytes());
    let saved = decoder.save();
    let mut later = Decoder::default();
    later.restore(&saved).unwrap();
    assert_eq!(later.save(), saved);
    let data = Packet::new(Version::Ipfix).sequence(1).set(256, &[10, 0, 0, 1, 0, 0, 0, 9, 1, b'x']);
    let (columns, report) = gather(&mut later, &data.bytes());
    assert_eq!((columns.rows(), report.order), (1, Order::Next));
    assert_eq!(columns.sampling, [50]);
    for len in 0..saved.len() {
        assert!(Decoder::default().restore(&saved[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn a_number_that_stands_behind_its_records_is_no_loss() {
    let packet = |sequence, records: usize| {
        let body = [10, 0, 0, 1, 0, 0, 0, 9].repeat(records);
        Packet::new(Version::Ipfix)
            .sequence(sequence)
            .template(256, &[(8, 4), (1, 4)])
            .set(256, &body)
            .bytes()
    };
    let mut decoder = Decoder::default();
    for (sequence, records) in [(20, 20), (48, 28), (76, 28), (98, 22)] {
        let (_, report) = gather(&mut decoder, &packet(sequence, records));
        assert_eq!(report.loss, None);
    }
    let (_, report) = gather(&mut decoder, &packet(98 + 5 + 11, 11));
    assert_eq!(report.loss.unwrap().missing, Some(5));
    assert_eq!(decoder.streams().next().unwrap().lost, 5);
}

#[test]
fn v5_counts_flows_and_tells_its_rate() {
    let mut columns = Columns::default();
    let one = Row {
        first_us: NOW_US - 2_000_000,
        last_us: NOW_US,
        ip: 4,
        packets: 1,
        flows: 1,
        sampling: 64,
        ..Row::default()
    };
    (0..40).for_each(|_| columns.push(one));
    let mut exporter = Exporter::new(Version::NetFlow5, 3, NOW_US - 60_000_000);
    let packets = exporter.encode(NOW_US, &columns).unwrap();
    assert_eq!(packets.iter().map(Vec::len).collect::<Vec<_>>(), [24 + 30 * 48, 24 + 10 * 48]);
    let mut decoder = Decoder::default();
    assert_eq!(gather(&mut decoder, &packets[0]).0.rows(), 30);
    let (rest, report) = gather(&mut decoder, &packets[1]);
    assert_eq!((rest.rows(), rest.sampling[9], report.order, report.loss), (10, 64, Order::Next, None));
    let again = exporter.encode(NOW_US, &columns).unwrap();
    let (_, report) = gather(&mut decoder, &again[1]);
    assert_eq!(report.loss.unwrap().missing, Some(30));
}

#[test]
fn no_length_of_any_packet_harms() {
    let fields = [&KEYS[..], &[(1, 4), (313, 0xffff), (152, 8)]].concat();
    let record =
        [&[10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 6, 0, 0, 0, 9, 20][..], &[0x45; 20], &[0; 8]].concat();
    let whole = Packet::new(Version::Ipfix).template(256, &fields).set(256, &record.repeat(3)).bytes();
    for len in 0..whole.len() {
        gather(&mut Decoder::default(), &whole[..len]);
        for at in 0..len.min(80) {
            let mut bent = whole.clone();
            bent[at] = bent[at].wrapping_add(len as u8);
            gather(&mut Decoder::default(), &bent);
        }
    }
}
