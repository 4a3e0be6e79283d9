//! How flows and mistakes in filters are shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_web::api::flows::{FlowRate, FlowRow, FlowSampling};

use super::*;

#[test]
fn a_mistake_is_shown_under_the_filter() {
    let check = |text| check(text, Language::En);
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

#[test]
fn what_was_sampled_is_said_and_that_nothing_is_scaled() {
    let rate = |one_in, records, told_by: &[&str]| FlowRate {
        one_in,
        records,
        told_by: told_by.iter().map(|by| (*by).to_owned()).collect(),
    };
    let told = |rates: Vec<FlowRate>| FlowSampling {
        figures: "as-recorded".to_owned(),
        records: rates.iter().map(|rate| rate.records).sum(),
        sampled: rates.iter().filter(|rate| rate.one_in > 1).map(|rate| rate.records).sum(),
        rates,
    };
    let say = |rates, lang| words::sampling(&told(rates), lang);
    assert_eq!(say(vec![], Language::En), "");
    assert_eq!(
        say(vec![rate(0, 7, &[])], Language::En),
        "figures are as recorded; no record tells a sampling rate\n"
    );
    assert_eq!(
        say(vec![rate(0, 1, &[]), rate(1, 6, &[])], Language::En),
        "figures are as recorded; no record is sampled\n"
    );
    let mixed = || vec![rate(0, 1, &[]), rate(1, 1000, &[]), rate(1000, 8999, &["options"])];
    assert_eq!(
        say(mixed(), Language::En),
        "figures are as recorded, not multiplied by the sampling; of 10,000 records: 1:1000 8,999 (89.9 %, rate told \
         by options), not sampled 1,000 (10.0 %), rate not told 1 (< 0.1 %)\n"
    );
    let ja = say(mixed(), Language::Ja);
    assert!(
        ja.contains("1:1000 が 8,999 件（89.9 %、率の出所 options）") && ja.contains("掛けていない"),
        "{ja}"
    );
}
