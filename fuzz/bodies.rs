//! What each fuzz target does with arbitrary bytes: it must come back, whatever they are.
//!
//! Included by the fuzz targets in this folder and, as ordinary tests over real files, by the product's own tests. A
//! body takes bytes and returns nothing; it fails by panicking, by not ending, or by an assertion of what must hold for
//! every input.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;

use tadoru_gate::journal::event::Entry;
use tadoru_gate::journal::note::Verifier;
use tadoru_gate::journal::{Inclusion, tile, verify};
use tadoru_gate::pack::{SignOff, check};
use tadoru_model::UtcMicros;
use tadoru_model::observation::Observed;
use tadoru_observe::files::{self, Format, Item, Options};
use tadoru_store::filter::{self, Filter};
use tadoru_wire::bzip2::Unpacked;
use tadoru_wire::dictionary::Dictionary;
use tadoru_wire::flow::{Columns, Decoder, Limits};
use tadoru_wire::mrt::Rib;
use tadoru_wire::natlog::{self, Deframer};
use tadoru_wire::nfcapd::{Blocks, MAX_DEFECTS};
use tadoru_wire::radius::{Accounting, Packet};
use tadoru_wire::sflow;
use tadoru_wire::tables::customers::CustomerPrefix;
use tadoru_wire::tables::interfaces::InterfaceRow;
use tadoru_wire::tables::routes::RouteRow;
use tadoru_wire::tables::{Table, TableRecord};

/// A body by the name of its target.
pub type Body = (&'static str, fn(&[u8]));

/// Every body.
pub const BODIES: [Body; 31] = [
    ("radius_packet", radius_packet),
    ("flow_packets", flow_packets),
    ("flow_columns", flow_columns),
    ("sflow_datagrams", sflow_datagrams),
    ("syslog_stream", syslog_stream),
    ("dictionary", dictionary),
    ("radius_detail", |data| file(Format::RadiusDetail, data)),
    ("radius_pcap", |data| file(Format::RadiusPcap, data)),
    ("kea4", |data| file(Format::Kea4, data)),
    ("kea6", |data| file(Format::Kea6, data)),
    ("isc_leases", |data| file(Format::IscLeases, data)),
    ("conntrack", |data| file(Format::Conntrack, data)),
    ("nat_syslog", |data| file(Format::NatSyslog, data)),
    ("nat_export", |data| file(Format::NatExport, data)),
    ("cgn_rules", |data| file(Format::CgnRules, data)),
    ("map_e", |data| file(Format::MapE, data)),
    ("softwires", |data| file(Format::Softwires, data)),
    ("venue", |data| file(Format::Venue, data)),
    ("fixed", |data| file(Format::Static, data)),
    ("subscribers", |data| file(Format::Subscribers, data)),
    ("pack", pack),
    ("journal_note", journal_note),
    ("journal_tiles", journal_tiles),
    ("journal_verify", journal_verify),
    ("flow_filter", flow_filter),
    ("nfcapd", nfcapd),
    ("mrt", mrt),
    ("bzip2", bzip2),
    ("customers", table::<CustomerPrefix>),
    ("interfaces", table::<InterfaceRow>),
    ("routes", table::<RouteRow>),
];

/// Runs the body of that name.
pub fn run(name: &str, data: &[u8]) {
    for (_, body) in BODIES.iter().filter(|(known, _)| *known == name) {
        body(data);
    }
}

/// A datagram at the accounting port.
pub fn radius_packet(data: &[u8]) {
    if let Ok(packet) = Packet::parse(data) {
        assert!(packet.bytes().len() <= data.len());
        let (_, defects) = Accounting::from_packet(&packet, Dictionary::builtin());
        assert!(defects.len() <= data.len());
        let _ = packet.verify_request(b"secret");
    }
}

/// Packets of one exporter, each with two octets of length before it: templates of one bear on the next.
pub fn flow_packets(data: &[u8]) {
    let mut decoder = Decoder::new(Limits { waiting_bytes: 1 << 20, ..Limits::default() });
    let exporter = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let mut rest = data;
    let mut arrival_us = NOW.0;
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(tail.len());
        let (packet, behind) = tail.split_at(length);
        decoder.decode(exporter, arrival_us, packet, &mut |_| {});
        assert!(decoder.waiting_bytes() <= 1 << 20);
        (rest, arrival_us) = (behind, arrival_us + 1000);
    }
}

/// Exports of one exporter into columns, as [`flow_packets`] has them; the state is saved and taken in again.
pub fn flow_columns(data: &[u8]) {
    let mut decoder = Decoder::new(Limits { waiting_bytes: 1 << 20, ..Limits::default() });
    let mut columns = Columns::default();
    datagrams(data, |source, arrival_us, packet| {
        let before = columns.rows();
        let report = decoder.collect(source, arrival_us, packet, &mut columns, &mut |_| {});
        assert!(columns.is_even());
        assert_eq!(columns.rows() - before, report.rows as usize);
        assert!(decoder.waiting_bytes() <= 1 << 20);
    });
    let saved = decoder.save();
    assert_eq!(Decoder::default().restore(&saved), Ok(()));
    let _ = Decoder::default().restore(data);
}

/// Datagrams of one sFlow agent, each with two octets of length before it.
pub fn sflow_datagrams(data: &[u8]) {
    let mut decoder = sflow::Decoder::default();
    let mut columns = Columns::default();
    datagrams(data, |source, arrival_us, datagram| {
        decoder.collect(source, arrival_us, datagram, &mut columns);
        assert!(columns.is_even());
    });
}

fn datagrams(data: &[u8], mut each: impl FnMut(SocketAddr, i64, &[u8])) {
    let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4739);
    let mut rest = data;
    let mut arrival_us = NOW.0;
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(tail.len());
        let (packet, behind) = tail.split_at(length);
        each(source, arrival_us, packet);
        (rest, arrival_us) = (behind, arrival_us + 1000);
    }
}

/// A stream of syslog over TCP, in pieces.
pub fn syslog_stream(data: &[u8]) {
    let zone = jiff::tz::TimeZone::UTC;
    let options = natlog::Options { zone: &zone, near_us: NOW.0, dialect: None };
    let mut frames = Deframer::new();
    let mut length = 0;
    for piece in data.chunks(7) {
        frames.push(piece, |message| {
            length += message.len();
            natlog::parse(message, &options);
        });
    }
    length += frames.finish().map_or(0, |message| message.len());
    assert!(length <= data.len());
}

/// A dictionary of RADIUS attributes.
pub fn dictionary(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    Dictionary::default().read(&text, &mut |_| Some(String::new()));
}

/// A file of that format, as an operator hands it over.
pub fn file(format: Format, data: &[u8]) {
    let mut items = 0;
    let read = files::read(
        format,
        data,
        "fuzz",
        &Options::new(NOW),
        &mut |item| {
            // What the defects leave in doubt is no record of the file.
            items += match item {
                Item::Observation(o) => u64::from(!matches!(o.what, Observed::Coverage(_))),
                Item::Flows(flows) => flows.rows() as u64,
                _ => 1,
            };
            ControlFlow::Continue(())
        },
        &mut |_| {},
    );
    if let Ok(report) = read {
        assert_eq!(report.kept, items, "every record that is handed on is counted");
        assert!(report.defects.len() as u64 <= report.defect_count);
    }
}

/// A filter over flows, as somebody types it.
pub fn flow_filter(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let expected = filter::expected_at(&text, text.len() / 2);
    assert!(expected.len() < 100);
    match Filter::parse(&text) {
        Ok(filter) => {
            let mut rows = Vec::new();
            let mut flows = tadoru_model::Flows::default();
            flows.push(tadoru_model::Flow::default());
            filter.select(&flows, 0..2, &mut rows);
            assert!(rows.len() <= 1);
            assert!(!filter.names_one_address() || !filter.is_aggregate_safe());
        }
        Err(error) => assert!(text.is_char_boundary(error.at)),
    }
}

/// A file of nfdump.
pub fn nfcapd(data: &[u8]) {
    for block in Blocks::new(data).flatten() {
        assert!(block.flows.is_even());
        assert!(block.defects.len() <= MAX_DEFECTS + 2);
    }
}

/// A dump of a routing table.
pub fn mrt(data: &[u8]) {
    let mut read = 0;
    for one in Rib::new(data).take(data.len() + 1).flatten() {
        read += 1;
        assert!(one.origin != Some(0) && !one.neighbours.contains(&0), "0 is no autonomous system");
        assert!(one.neighbours.is_sorted());
    }
    assert!(read <= data.len(), "each prefix takes octets of the dump");
}

/// A stream of bzip2, of which so much is unpacked.
pub fn bzip2(data: &[u8]) {
    let mut unpacked = Vec::new();
    let _ = Unpacked::new(data).take(8 << 20).read_to_end(&mut unpacked);
}

/// A table that the operator keeps.
pub fn table<T: TableRecord>(data: &[u8]) {
    let rows = Table::<_, T>::new(data, None).take(data.len() + 2).count();
    assert!(rows <= data.len() + 1, "each row takes octets of the table");
}

/// A rule pack and a file of sign-offs.
pub fn pack(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    check(&text);
    let _ = SignOff::read(&text);
}

/// A checkpoint, a key, a proof, an entry.
pub fn journal_note(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = Verifier::parse(&text);
    if let Ok(verifier) = Verifier::parse(KEY) {
        assert!(verifier.open(&text).is_err(), "nobody has signed it with this key");
    }
    let _ = Inclusion::parse(&text);
    let _ = Entry::parse(data);
}

/// Bundles, tiles of hashes, paths.
pub fn journal_tiles(data: &[u8]) {
    let length: usize = tile::entries(data).flatten().map(|entry| entry.len() + 2).sum();
    assert!(length <= data.len());
    let _ = tile::hashes(data);
    let text = String::from_utf8_lossy(data);
    if let Some(id) = tile::TileId::parse(&text) {
        assert_eq!(id.path(), text);
    }
}

/// A journal's folder whose checkpoint and tail are these bytes: nothing of it is sound.
pub fn journal_verify(data: &[u8]) {
    let (Ok(dir), Ok(verifier)) = (tempfile::tempdir(), Verifier::parse(KEY)) else { return };
    for name in ["checkpoint", "tail"] {
        if std::fs::write(dir.path().join(name), data).is_err() {
            return;
        }
    }
    assert!(!verify(dir.path(), &verifier, None).is_sound());
}

/// 2026-11-21 00:00 UTC.
const NOW: UtcMicros = UtcMicros(1_795_219_200_000_000);

/// The public key of the example in the signed-note format's own text.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
