//! Laws of the course: its statement reads, and rates stand under their vectors.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use serde_json::json;
use tadoru_model::finding::{Scan, Service};
use tadoru_store::flows::sql::Statement;

use super::*;

#[test]
fn the_statement_reads_whatever_the_vectors_are() {
    let services = Service::ALL.iter().copied().chain([Service::Unknown]).map(Vector::Amplification);
    let scans = [Scan::Telnet, Scan::Ports, Scan::Hosts].map(Vector::Scan);
    let all: Vec<String> =
        Vector::PLAIN.into_iter().chain(services).chain(scans).map(|vector| vector.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for vectors in [all.as_slice(), &["syn"], &["scan-ports"], &[], &["'; DROP TABLE flows --"]] {
        let text = statement(vectors, 5);
        assert!(Statement::parse(&text).is_ok(), "{text}");
        assert!(!text.contains("DROP"), "{text}");
    }
    let text = statement(&["udp", "amplification-dns"], 1);
    assert!(text.find("src_port = 53 THEN 1") < text.find("proto = 17 THEN 0"), "{text}");
}

#[test]
fn rates_stand_under_their_vectors() {
    let table = FlowTable {
        outcome: "told".to_owned(),
        columns: Vec::new(),
        values: vec![
            vec![json!(100), json!(0), json!(500)],
            vec![json!(100), json!(2), json!(5)],
            vec![json!(105), json!(1), json!(50)],
            vec![json!(null), json!(1), json!(50)],
        ],
        cut: false,
        read: 4,
        partial: false,
        rule: String::new(),
        journal_index: 0,
        sampling: crate::api::flows::FlowSampling::default(),
        cut_to: None,
    };
    let course = Course::read(&table, &["syn", "udp"], 5, true);
    assert_eq!(course.vectors, ["syn", "udp", OTHER]);
    assert_eq!(course.steps, [(100, vec![100.0, 0.0, 1.0]), (105, vec![0.0, 10.0, 0.0])]);
    let course = Course::read(&FlowTable { values: vec![], ..table }, &["syn"], 5, false);
    assert_eq!((course.vectors, course.steps.len()), (vec!["syn".to_owned()], 0));
}
