//! The thread of a translation: it is part of stored data, so it stays what it was.

#![allow(clippy::indexing_slicing, reason = "tests fail loudly")]

use tadoru_model::{Edge, Holder, Remote, SourceName};

use super::*;

/// 2026-01-01 00:00 UTC.
const NEW_YEAR: UtcMicros = UtcMicros(1_767_225_600_000_000);

fn row(ports: PortRange, remote: Option<Remote>) -> Assignment {
    Assignment {
        kind: RecordKind::NatBlock,
        realm: Realm::from("internet"),
        prefix: Prefix::host(IpAddr::from([192, 0, 2, 7])),
        ports,
        proto: Protocol(17),
        remote,
        holder: Holder::Line(Vec::new()),
        from: Edge::exact(NEW_YEAR, How::Logged),
        until: Edge::exact(NEW_YEAR, How::Logged),
        source: SourceName::from("gateway-1"),
        record: 0,
        corrected_us: 0,
        thread: 0,
    }
}

/// Computed by another program from the words of `docs/reference/segment-format.md`.
#[test]
fn the_thread_of_a_translation_is_that_of_the_format() {
    let block = row(PortRange { low: 1_024, high: 1_535 }, None);
    assert_eq!(translation_thread(&block, NEW_YEAR), 0x197f_1492_ddfc_1311);
    let far = Remote { addr: IpAddr::from([203, 0, 113, 9]), port: Some(443) };
    let connection = row(PortRange { low: 1_024, high: 1_024 }, Some(far));
    assert_eq!(translation_thread(&connection, NEW_YEAR), 0x10c9_f2e1_5f46_f2af);
}

#[test]
fn another_beginning_or_another_far_side_is_another_thread() {
    let one = row(PortRange::ALL, None);
    let far = Remote { addr: IpAddr::from([203, 0, 113, 9]), port: None };
    let other = row(PortRange::ALL, Some(far));
    let threads =
        [(&one, 0), (&one, 1), (&other, 0)].map(|(row, later)| translation_thread(row, NEW_YEAR.plus(later)));
    assert!(threads[0] != threads[1] && threads[0] != threads[2] && threads[1] != threads[2]);
    assert!(!threads.contains(&0));
}
