//! Headers as the standards and the devices write them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::*;

/// 2026-11-21 22:00 UTC.
const NEAR_US: i64 = 1_795_298_400_000_000;

fn utc(line: &str) -> Syslog<'_> {
    parse(line.as_bytes(), &TimeZone::UTC, NEAR_US)
}

fn at(syslog: &Syslog<'_>) -> String {
    let stamp = syslog.time.unwrap();
    format!("{} {:?}", jiff::Timestamp::from_microsecond(stamp.us).unwrap(), stamp.how)
}

#[test]
fn rfc_5424_section_6_5_examples() {
    let s = utc(
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed on /dev/pts/8",
    );
    assert_eq!((s.pri, s.host, s.app), (Some(34), Some(&b"mymachine.example.com"[..]), Some(&b"su"[..])));
    assert_eq!((s.procid, s.msgid, s.structured), (None, Some(&b"ID47"[..]), None));
    assert_eq!(s.msg, b"'su root' failed on /dev/pts/8");
    assert_eq!(at(&s), "2003-10-11T22:14:15.003Z Zoned");
    let s = utc(
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
    );
    assert_eq!(at(&s), "2003-08-24T12:14:15.000003Z Zoned");
    assert_eq!(s.procid, Some(&b"8710"[..]));
    let s = utc(
        "<165>1 2003-10-11T22:14:15.003Z mymachine evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventID=\"1011\"]\
         [meta sequenceId=\"29\"] An entry",
    );
    assert_eq!((s.sequence, s.msg), (Some(29), &b"An entry"[..]));
    assert_eq!(sd_param(s.structured.unwrap(), b"exampleSDID@32473", b"eventID"), Some(&b"1011"[..]));
}

#[test]
fn structured_data_with_escapes_ends_where_it_ends() {
    let s = utc(r#"<14>1 - - - - - [a b="x \" ] \] y" c="\\"] msg"#);
    assert_eq!(s.msg, b"msg");
    assert_eq!(sd_param(s.structured.unwrap(), b"a", b"b"), Some(&br#"x \" ] \] y"#[..]));
    assert_eq!(s.time, None);
}

#[test]
fn rfc_3164_with_what_devices_add() {
    for (line, host, app, pid, msg, time) in [
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            "mymachine",
            "su",
            "",
            "'su root' failed",
            "2026-10-11T22:14:15Z LocalYearless",
        ),
        (
            "Nov 21 21:16:21 vm ulogd[123]: text",
            "vm",
            "ulogd",
            "123",
            "text",
            "2026-11-21T21:16:21Z LocalYearless",
        ),
        (
            "Oct 10 2018 12:34:56 localhost CiscoASA[999]: %ASA-6-1: x",
            "localhost",
            "CiscoASA",
            "999",
            "%ASA-6-1: x",
            "2018-10-10T12:34:56Z Local",
        ),
        (
            "2026-11-21T21:16:21.123456+09:00 gw kernel: x",
            "gw",
            "kernel",
            "",
            "x",
            "2026-11-21T12:16:21.123456Z Zoned",
        ),
        ("2026-11-21 21:16:21 gw kernel: x", "gw", "kernel", "", "x", "2026-11-21T21:16:21Z Local"),
        (
            "<166>Apr 29 2013 12:59:50 UTC: %ASA-6-1: x",
            "",
            "",
            "",
            "%ASA-6-1: x",
            "2013-04-29T12:59:50Z Zoned",
        ),
        (
            "Tue Aug 15 23:30:09 %ASA-6-302016: x",
            "",
            "",
            "",
            "%ASA-6-302016: x",
            "2026-08-15T23:30:09Z LocalYearless",
        ),
    ] {
        let s = utc(line);
        let text = |v: Option<&[u8]>| String::from_utf8_lossy(v.unwrap_or_default()).into_owned();
        assert_eq!(
            (text(s.host), text(s.app), text(s.procid)),
            (host.into(), app.into(), pid.into()),
            "{line}"
        );
        assert_eq!((text(Some(s.msg)), at(&s)), (msg.into(), time.into()), "{line}");
    }
}

#[test]
fn cisco_numbers_and_marks() {
    let s = utc("<189>123: 000124: *Nov 21 12:17:12.503 UTC: %SYS-5-X: text");
    assert_eq!((s.sequence, s.time.unwrap().doubtful), (Some(123), true));
    assert_eq!(at(&s), "2026-11-21T12:17:12.503Z ZonedYearless");
    assert_eq!(s.msg, b"%SYS-5-X: text");
    let s = utc("Nov 21 12:17:13 relay 45: Nov 21 12:17:12.503: %SYS-5-X: text");
    assert_eq!((s.sequence, s.msg), (Some(45), &b"%SYS-5-X: text"[..]));
    // A zone that means several is not guessed in silence.
    let s = utc("<189>7: Nov 21 2026 12:17:12 CST: %SYS-5-X: text");
    assert!(s.time.unwrap().doubtful);
}

#[test]
fn the_year_is_the_nearest_not_more_than_a_day_ahead() {
    assert_eq!(at(&utc("Nov 22 21:00:00 h a: x")), "2026-11-22T21:00:00Z LocalYearless");
    assert_eq!(at(&utc("Nov 23 21:00:00 h a: x")), "2025-11-23T21:00:00Z LocalYearless");
    assert_eq!(at(&utc("Feb 29 21:00:00 h a: x")), "2024-02-29T21:00:00Z LocalYearless");
    let new_year = 1_798_761_600_000_000; // 2027-01-01 00:00 UTC
    let s = parse(b"Dec 31 23:59:59 h a: x", &TimeZone::UTC, new_year);
    assert_eq!(at(&s), "2026-12-31T23:59:59Z LocalYearless");
    let s = parse(b"Jan  1 00:00:01 h a: x", &TimeZone::UTC, new_year - 2_000_000);
    assert_eq!(at(&s), "2027-01-01T00:00:01Z LocalYearless");
}

#[test]
fn a_local_time_that_exists_twice_or_never_keeps_both() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let time = |line: &str| parse(line.as_bytes(), &berlin, NEAR_US).time.unwrap();
    let fold = time("Oct 25 2026 02:30:00 h a: x");
    assert_eq!((fold.us, fold.other_us), (1_792_888_200_000_000, Some(1_792_891_800_000_000)));
    let gap = time("Mar 29 2026 02:30:00 h a: x");
    assert_eq!(gap.us.abs_diff(gap.other_us.unwrap()), 3_600_000_000);
    assert_eq!(time("Nov 21 2026 12:00:00 h a: x").other_us, None);
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    let s = parse(b"Nov 21 2026 09:00:00 h a: x", &tokyo, NEAR_US);
    assert_eq!(at(&s), "2026-11-21T00:00:00Z Local");
}

#[test]
fn what_is_no_header_is_message() {
    for line in [
        "",
        "<",
        "<999>x",
        "<1",
        "1 ",
        "Nov",
        "Nov 31 10:00:00 h a: x",
        "2026-13-01T00:00:00Z h a: x",
        "just text",
    ] {
        assert_eq!(utc(line).time, None, "{line}");
    }
    assert_eq!(utc("just text").msg, b"just text");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, &TimeZone::UTC, NEAR_US);
        let _ = parse(&bytes, &TimeZone::UTC, i64::MIN);
        let _ = parse(&bytes, &TimeZone::UTC, i64::MAX);
    }
}
