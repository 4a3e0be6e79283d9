#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;
use tadoru_model::PortRange;
use tadoru_store::contract;

use super::bits::SLACK;
use super::names::{NamesPage, NamesWriter};
use super::page::{Page, PageWriter};
use super::row::{Origin, Row, Shape, ThreadRule, holder_of, put_assignment, put_holder, take_assignment};

/// Rows of one shape in their order, with times crowded or spread over everything.
fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let time = prop_oneof![
        0..50_i64,
        Just(i64::MIN),
        Just(i64::MAX),
        any::<i64>(),
        (0..9_i64).prop_map(|n| n * 1_000_000)
    ];
    let row = (
        0..4_u128,
        prop_oneof![Just(0_u128), any::<u128>()],
        0..5_u16,
        prop::array::uniform4(time),
        any::<[u64; 2]>(),
        any::<i64>(),
    );
    prop::collection::vec(row, 1..=super::page::ROWS).prop_map(|parts| {
        let mut rows: Vec<Row> = parts
            .into_iter()
            .map(|(net, far, low, [a, b, c, d], [record, thread], corrected)| Row {
                net: net << 62,
                far,
                from_earliest: a,
                from_latest: b,
                until_earliest: c,
                until_latest: d,
                record,
                corrected,
                thread,
                holder: record as u32,
                origin: thread as u32 % 3,
                far_tag: u32::from(far != 0),
                inside: low.into(),
                shape: Shape(1 << 13 | 128 << 5 | 4),
                low,
                high: low + 9,
                thread_rule: ThreadRule::from_code(record % 3).unwrap(),
            })
            .collect();
        rows.sort_by(Row::order);
        rows
    })
}

fn written(rows: &[Row]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PageWriter::default().write(rows, &mut bytes);
    bytes
}

fn opened(mut bytes: Vec<u8>) -> Option<Vec<Row>> {
    bytes.extend_from_slice(&[0; SLACK]);
    let mut found = Vec::new();
    Page::open(&bytes, Shape(1 << 13 | 128 << 5 | 4))?.each(|row| found.push(row));
    Some(found)
}

proptest! {
    #[test]
    fn a_page_gives_back_its_rows(rows in any_rows()) {
        prop_assert!(opened(written(&rows)).unwrap() == rows);
    }

    #[test]
    fn a_page_gives_the_rows_of_a_place_and_time(rows in any_rows(), net in 0..4_u128, lows in (0..5_u16, 0..5_u16), times in any::<(i64, i64)>()) {
        let mut bytes = written(&rows);
        bytes.extend_from_slice(&[0; SLACK]);
        let (mut found, net) = (Vec::new(), net << 62);
        Page::open(&bytes, rows[0].shape).unwrap().each_of(net, lows, times, |row| found.push(row));
        let wanted: Vec<Row> = rows
            .into_iter()
            .filter(|r| r.net == net && lows.0 <= r.low && r.low <= lows.1)
            .filter(|r| r.from_earliest < times.1 && times.0 < r.until_latest)
            .collect();
        prop_assert!(found == wanted);
    }

    #[test]
    fn no_bytes_make_a_page_panic(rows in any_rows(), at in any::<prop::sample::Index>(), flip in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = written(&rows);
        let place = at.index(bytes.len());
        bytes[place] ^= flip;
        bytes.truncate(cut.index(bytes.len() + 1));
        let _ = opened(bytes);
    }

    #[test]
    fn names_come_back_by_number(mut names in prop::collection::btree_set(prop::collection::vec(any::<u8>(), 0..20), 0..200)) {
        let mut writer = NamesWriter::default();
        let mut pages: Vec<Vec<u8>> = names.iter().filter_map(|name| writer.push(name)).collect();
        pages.extend(writer.finish());
        let pages: Vec<NamesPage> = pages.iter().map(|page| NamesPage::read(page).unwrap()).collect();
        let mut number = 0;
        while let Some(name) = names.pop_first() {
            prop_assert_eq!(pages[number / super::names::ROWS].get(number % super::names::ROWS).unwrap(), name);
            number += 1;
        }
    }
}

#[test]
fn an_assignment_comes_back_whole_and_a_cut_one_does_not() {
    for row in contract::rows(3, 300) {
        let mut bytes = Vec::new();
        put_assignment(&mut bytes, &row);
        assert!(take_assignment(&mut bytes.as_slice()).unwrap() == row);
        for len in 0..bytes.len() {
            assert!(take_assignment(&mut &bytes[..len]).is_none());
        }
        let mut holder = Vec::new();
        put_holder(&mut holder, &row.holder);
        let again = Row::of(&row, 0, 0).to_assignment(&Origin::of(&row), holder_of(&holder).unwrap());
        assert!(again.unwrap() == row);
    }
}

#[test]
fn the_lowest_port_of_a_block_is_within_reach_of_each_of_its_ports() {
    for row in contract::rows(5, 500) {
        let shape = Shape::of(row.prefix, row.ports);
        for port in [row.ports.low, row.ports.high, row.ports.low.midpoint(row.ports.high)] {
            let (first, last) = shape.lows(Some(port));
            assert!(first <= row.ports.low && row.ports.low <= last);
        }
        assert_eq!(shape.prefix_of(shape.net_of(row.prefix.addr()).unwrap()), Some(row.prefix));
    }
    assert_eq!(
        Shape::of("192.0.2.1".parse().unwrap(), PortRange { low: 1_024, high: 1_535 }).lows(Some(1_300)),
        (789, 1_300)
    );
}
