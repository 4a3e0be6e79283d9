//! Laws of reading captures: what a device sent comes out, what is none of it is passed over.

use std::net::IpAddr;

use tadoru_model::observation::{Moment, Observed};
use tadoru_model::{CoverageState, UtcMicros};
use tadoru_wire::flow::{
    Columns, Dialect, Direction, Encoder, Endpoint, EventKind, EventTime, Exporter, NatEvent, PortBlock,
    Row as FlowRow, TimeSource, Version,
};
use tadoru_wire::radius::{Code, Proof, Writer};

use super::*;

/// A capture of UDP datagrams: seconds, destination port, payload.
fn capture(datagrams: &[(u32, u16, Vec<u8>)]) -> Vec<u8> {
    let mut octets = Vec::new();
    for part in [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65535, RAW] {
        octets.extend(part.to_be_bytes());
    }
    for (second, port, payload) in datagrams {
        let udp = 8 + payload.len();
        let total = 20 + udp;
        for part in [*second, 0, total as u32, total as u32] {
            octets.extend(part.to_be_bytes());
        }
        octets.extend([0x45, 0]);
        octets.extend((total as u16).to_be_bytes());
        octets.extend([0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2]);
        octets.extend(4000_u16.to_be_bytes());
        octets.extend(port.to_be_bytes());
        octets.extend((udp as u16).to_be_bytes());
        octets.extend([0, 0]);
        octets.extend(payload);
    }
    octets
}

fn event(kind: EventKind, us: i64) -> NatEvent {
    let at = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    NatEvent {
        kind,
        code: None,
        dialect: Dialect::Rfc8158,
        domain: 7,
        time: EventTime { us, source: TimeSource::Observation },
        start_us: None,
        end_us: None,
        export_us: us,
        arrival_us: us,
        protocol: None,
        direction: Direction::Outbound,
        realm: None,
        inside: Endpoint { address: at("100.64.0.9"), port: None },
        softwire: None,
        outside: Endpoint { address: at("192.0.2.1"), port: None },
        outside_ports: Some(PortBlock { first: 1024, last: Some(2047), step: 1 }),
        destination: Endpoint::default(),
        destination_post: Endpoint::default(),
        ingress_vrf: Some(12),
        egress_vrf: None,
        vrf_name: None,
        nat_instance: None,
        pool_id: None,
        pool_name: None,
        session_id: None,
        user_name: None,
    }
}

/// Export packets of a gateway, a second apart.
fn exported() -> Vec<(u32, u16, Vec<u8>)> {
    let at = i64::from(AT) * 1_000_000;
    let mut encoder = Encoder::new(Version::Ipfix, 7, at - 3_600_000_000);
    let kinds = [EventKind::PortBlockAllocate, EventKind::PortBlockRelease, EventKind::PortBlockAllocate];
    let mut packets = Vec::new();
    for (nth, kind) in kinds.into_iter().enumerate() {
        let us = at + nth as i64 * 1_000_000;
        for packet in encoder.encode(us, &[event(kind, us)]).unwrap() {
            packets.push((AT + nth as u32, 2055, packet));
        }
    }
    packets
}

#[test]
fn blocks_of_ports_come_out_of_an_export() {
    let (items, report) = taken(Format::NatExport, &capture(&exported()));
    assert_eq!((report.kept, report.defect_count), (3, 0));
    let told = observations(&items);
    let Observed::Nat(event) = &told[0].what else { panic!("not a translation") };
    assert_eq!((event.moment, event.ports.low, event.ports.high), (Moment::Start, 1024, 2047));
    assert_eq!(event.when.logged, Some(UtcMicros::from_seconds(i64::from(AT))));
    assert_eq!(&*event.inside_realm.0, "vrf-12");
    assert_eq!(&*told[0].source.0, "198.51.100.1");
    let Observed::Nat(event) = &told[1].what else { panic!("not a translation") };
    assert_eq!(event.moment, Moment::Stop);
}

#[test]
fn packets_that_are_missing_in_an_export_are_told() {
    let mut packets = exported();
    packets.remove(packets.len() - 2);
    let (items, _) = taken(Format::NatExport, &capture(&packets));
    let lost = observations(&items).into_iter().find_map(|o| match &o.what {
        Observed::Coverage(span) => Some(span),
        _ => None,
    });
    let lost = lost.expect("a loss");
    assert_eq!(lost.state, CoverageState::Lossy);
    assert!(lost.span.contains(UtcMicros::from_seconds(i64::from(AT) + 1)));
}

#[test]
fn accounting_requests_come_out_of_a_capture() {
    let mut writer = Writer::new(Code::ACCOUNTING_REQUEST, 1);
    for (kind, octets) in [(40, &[0, 0, 0, 1][..]), (44, b"s-1"), (8, &[192, 0, 2, 5]), (41, &[0, 0, 0, 9])] {
        writer.raw(kind, octets).unwrap();
    }
    let request = writer.request(b"unknown to us", Proof::Authenticator).unwrap();
    let answer =
        Writer::new(Code::ACCOUNTING_RESPONSE, 1).request(b"unknown to us", Proof::Authenticator).unwrap();
    let datagrams = [
        (AT, 1813, request.clone()),
        (AT, 40000, answer),
        (AT, 1813, request[..30].to_vec()),
        (AT, 53, b"no RADIUS at all".to_vec()),
    ];
    let (items, report) = taken(Format::RadiusPcap, &capture(&datagrams));
    assert_eq!((report.records, report.kept, report.ignored, report.defect_count), (4, 1, 2, 1));
    let Observed::Session(event) = &observations(&items)[0].what else { panic!("not a session") };
    assert_eq!(event.when.not_after, Some(UtcMicros::from_seconds(i64::from(AT) - 9)));
    assert_eq!(&*observations(&items)[0].source.0, "198.51.100.1", "who sent it, as nothing else names it");
}

#[test]
fn a_capture_cut_anywhere_keeps_what_stood_before() {
    let whole = capture(&exported());
    let mut most = 0;
    for end in 0..whole.len() {
        let (items, report) = taken(Format::NatExport, &whole[..end]);
        assert!(items.len() >= most && items.len() <= 3);
        assert!(end <= 24 || report.records == 3 || report.defect_count > 0 || report.kept < 3);
        most = items.len();
    }
}

#[test]
fn packets_before_the_broken_place_of_a_packed_capture_are_metered() {
    let packets: Vec<_> =
        (0..200_u16).map(|n| (1_795_000_000 + u32::from(n), 5000 + n, vec![0; 32])).collect();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packer.write_all(&capture(&packets)).unwrap();
    let packed = packer.finish().unwrap();
    let flows = |octets: &[u8]| -> (usize, End) {
        let (items, report) = taken(Format::Flows, octets);
        let rows = items.iter().map(|item| if let Item::Flows(flows) = item { flows.rows() } else { 0 });
        (rows.sum(), report.end)
    };
    assert_eq!(flows(&packed), (200, End::Whole));
    let (kept, end) = flows(&packed[..packed.len() / 2]);
    assert!(end == End::Cut && (90..110).contains(&kept), "{kept} of about 100");
}

/// 2026-11-21T10:00:00Z.
const AT: u32 = 1_795_255_200;

/// Link type of packets that begin with their IP header.
const RAW: u32 = 101;

/// Exports of a router with three flows, for one packet each.
fn traffic(version: Version) -> Vec<Vec<u8>> {
    let at = i64::from(AT) * 1_000_000;
    let mut columns = Columns::default();
    for n in 0..3_u16 {
        let row = FlowRow {
            first_us: at,
            last_us: at,
            ip: 4,
            src_port: n,
            packets: 1,
            flows: 1,
            ..FlowRow::default()
        };
        columns.push(row);
    }
    let mut exporter = Exporter::new(version, 0, at - 60_000_000);
    exporter.encode(at, &columns).unwrap()
}

fn flows(items: &[Item]) -> usize {
    items.iter().map(|item| if let Item::Flows(flows) = item { flows.rows() } else { 0 }).sum()
}

#[test]
fn a_broken_export_is_a_defect_and_never_a_flow() {
    for version in [Version::NetFlow5, Version::NetFlow9, Version::Ipfix] {
        let whole = traffic(version);
        let mut broken = whole[0].clone();
        match version {
            Version::NetFlow5 => broken[3] = 30,
            Version::NetFlow9 => broken[22..24].copy_from_slice(&[0xff, 0xff]),
            Version::Ipfix => broken[3] = broken[3].wrapping_add(8),
        }
        // Alone, it goes to a port of exports.
        let (items, report) = taken(Format::Flows, &capture(&[(AT, 2055, broken.clone())]));
        assert_eq!((flows(&items), report.defect_count, report.ignored), (0, 1, 0), "{version:?}");
        // Among others at any port, it goes where they go.
        let among = [(AT, 40_000, whole[0].clone()), (AT, 40_000, broken), (AT, 40_001, vec![7; 60])];
        let (items, report) = taken(Format::Flows, &capture(&among));
        assert_eq!((flows(&items), report.defect_count, report.ignored), (3, 1, 1), "{version:?}");
    }
    // What only begins like one and goes elsewhere is a packet.
    let (items, report) = taken(Format::Flows, &capture(&[(AT, 53, vec![0, 9, 1, 2])]));
    assert_eq!((flows(&items), report.defect_count), (1, 0));
}

#[test]
fn a_capture_without_flows_says_what_it_holds_instead() {
    let defect = |format, packets: &[(u32, u16, Vec<u8>)]| {
        let (_, report) = taken(format, &capture(packets));
        assert_eq!((report.kept, report.defect_count), (0, 1));
        report.defects[0].what.clone()
    };
    // A template set alone: the packet without its data.
    let packet = &traffic(Version::Ipfix)[0];
    let template = 16 + usize::from(u16::from_be_bytes([packet[18], packet[19]]));
    let mut announced = packet[..template].to_vec();
    announced[2..4].copy_from_slice(&(template as u16).to_be_bytes());
    for format in [Format::Flows, Format::NatExport] {
        assert!(defect(format, &[(AT, 2055, announced.clone())]).contains("templates and no record"));
    }
    let told = defect(Format::Flows, &exported());
    assert!(told.contains("3 NAT events") && told.contains("`nat-export`"), "{told}");
    let of_traffic =
        traffic(Version::NetFlow9).into_iter().map(|packet| (AT, 2055, packet)).collect::<Vec<_>>();
    let told = defect(Format::NatExport, &of_traffic);
    assert!(told.contains("3 other records") && told.contains("`flows`"), "{told}");
}

#[test]
fn a_stretch_whose_template_never_came_is_lossy() {
    let mut packets = exported();
    // The template is in the first packet only; the last comes hours after what waits was given up.
    let late = packets.remove(0);
    packets.push((AT + 9000, 2055, late.2));
    let (items, _) = taken(Format::NatExport, &capture(&packets));
    let spans: Vec<_> = observations(&items)
        .into_iter()
        .filter_map(|o| if let Observed::Coverage(span) = &o.what { Some(span) } else { None })
        .filter(|span| span.why.contains("template never came"))
        .collect();
    let [span] = spans[..] else { panic!("one stretch") };
    assert_eq!((span.state, &*span.source.0), (CoverageState::Lossy, "198.51.100.1"));
    assert!(span.span.contains(UtcMicros::from_seconds(i64::from(AT) + 1)));
    assert!(!span.span.contains(UtcMicros::from_seconds(i64::from(AT) + 8000)));
}
