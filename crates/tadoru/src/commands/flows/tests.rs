//! How flows and mistakes in filters are shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_web::api::flows::FlowRow;

use super::*;

#[test]
fn a_mistake_is_shown_under_the_filter() {
    assert!(check("proto udp and dst port 53").is_ok() && check("").is_ok());
    let Err(CommandError::Problem { status: 400, help: Some(help), .. }) =
        check("proto udp andd dst port 53")
    else {
        panic!("it was taken")
    };
    let lines: Vec<&str> = help.lines().collect();
    // The help begins behind `help: `.
    assert_eq!(lines[0], "proto udp andd dst port 53");
    assert_eq!(lines[1], format!("      {}^", " ".repeat("proto udp ".len())));
    assert!(lines[2].contains("`and`"), "{help}");
    let Err(CommandError::Problem { help: Some(help), .. }) = check("proto udp\nand dst prt 53") else {
        panic!("it was taken")
    };
    assert!(help.starts_with("and dst prt 53\n"), "{help}");
    assert_eq!(place("日本 x", 7), ("日本 x", 5));
}

#[test]
fn flags_and_lines_are_as_elsewhere() {
    assert_eq!(list::flags(0x1b), "...AP.SF");
    assert_eq!(sheet::line(&["a".to_owned(), "b,\"c".to_owned()]), "a,\"b,\"\"c\"");
    let row = FlowRow {
        first: "2026-11-21T03:00:00Z".to_owned(),
        last: "2026-11-21T03:00:04.1234Z".to_owned(),
        proto: 17,
        direction: 255,
        ..FlowRow::default()
    };
    let sheet = list::sheet(&[row]);
    assert!(sheet.rows.iter().all(|row| row.len() == sheet.header.len()));
    assert_eq!((sheet.rows[0][2].as_str(), sheet.rows[0][7].as_str()), ("4.123", "UDP"));
}
