#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_model::Flow;
use tadoru_model::flow::to_bits;

use super::*;
use crate::world::{Interface, Tables};

#[test]
fn each_interface_is_told_what_it_lets_in() {
    let exporter: IpAddr = "192.0.2.1".parse().unwrap();
    let customer = |index, prefix: &str| Interface {
        exporter,
        index,
        role: InterfaceRole::Customer,
        neighbour_as: 0,
        sources: vec![prefix.parse().unwrap()],
    };
    let edge = Interface {
        exporter,
        index: 9,
        role: InterfaceRole::Edge,
        neighbour_as: 64_500,
        sources: Vec::new(),
    };
    let world = World::new(Tables {
        own: vec!["44.1.0.0/16".parse().unwrap()],
        interfaces: vec![customer(1, "44.1.1.0/24"), customer(2, "44.1.2.0/24"), edge],
        ..Tables::default()
    });
    let mut flows = Flows::default();
    for (input, src, sampling) in [
        (1, "44.1.1.5", 0),
        (1, "8.8.8.8", 0),
        (1, "10.0.0.1", 0),
        (2, "44.1.2.9", 100),
        (9, "44.1.2.9", 0),
        (9, "8.8.8.8", 0),
        (9, "192.168.0.1", 0),
    ] {
        let (exporter, src) = (to_bits(exporter), to_bits(src.parse().unwrap()));
        flows.push(Flow { exporter, src, input, ip: 4, packets: 10, sampling, ..Flow::default() });
    }
    let rows = source_validation([&flows], &world);
    let row = |index| *rows.iter().find(|row| row.index == index).unwrap();
    assert_eq!((row(1).valid, row(1).wrong, row(1).packets), (10, 20, 30));
    assert_eq!((row(2).valid, row(2).impossible(), row(2).packets), (1000, 0, 1000));
    assert_eq!((row(9).own_from_outside, row(9).bogon, row(9).unverifiable), (10, 10, 10));
    assert!(!format!("{rows:?}").contains("44.1"));
}
