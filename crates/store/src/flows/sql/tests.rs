//! What may be run at all, and what is told of what may not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use super::*;

#[test]
fn one_statement_that_reads_is_taken() {
    for text in [
        "SELECT 1",
        "select src from flows ;",
        "\n  With t AS (SELECT 1) SELECT * FROM t;; \n",
        "VALUES (1)",
        "SELECT(1)",
    ] {
        assert!(Statement::parse(text).is_ok(), "{text}");
    }
    assert_eq!(Statement::parse(" SELECT 1 ; ").unwrap().as_str(), "SELECT 1");
}

#[test]
fn whatever_else_is_refused() {
    use StatementFault::{Empty, NotSelect, Several, TooLong, Zero};
    for (text, why) in [
        ("", Empty),
        (" ; ;", Empty),
        ("ATTACH DATABASE '/tmp/x' AS x", NotSelect),
        ("PRAGMA query_only = 0", NotSelect),
        ("-- \nSELECT 1", NotSelect),
        ("/* */ DELETE FROM flows", NotSelect),
        ("EXPLAIN SELECT 1", NotSelect),
        ("SELECTED", NotSelect),
        ("SELECT 1; ATTACH 'x' AS x", Several),
        ("SELECT ';'", Several),
        ("SELECT 1 /* ; */", Several),
        ("SELECT '\0'", Zero),
    ] {
        assert_eq!(Statement::parse(text), Err(why), "{text:?}");
    }
    let long = format!("SELECT {}", "1+".repeat(40_000));
    assert_eq!(Statement::parse(&long), Err(TooLong(64 << 10)));
}

#[test]
fn the_databases_words_hold_no_address_and_no_second_line() {
    let told = |text| SqlFault::refused(text).to_string();
    assert_eq!(told("no such column: 192.0.2.7\nSELECT x"), "the statement cannot be run: no such column: …");
    assert!(!told("no such column: 192.0.2.7.x").contains("192"));
    assert!(!told("near \"2001:db8::1\": syntax error").contains("db8"));
    assert!(told("no such column: flows.dst_prot").contains("flows.dst_prot"));
    assert!(told(&"x".repeat(10_000)).len() < 300);
}
