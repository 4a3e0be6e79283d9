//! Lines of complaints: what is found, and what is left to a person.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use super::*;

/// 2026-11-22T00:00:00Z.
const NOW: UtcMicros = UtcMicros(1_795_305_600_000_000);

fn read_line(line: &str) -> Result<(String, String, String), String> {
    let told = of_line(line, &Settings::default(), NOW).map_err(|problem| problem.error.message)?;
    Ok((told.address, told.port, told.at))
}

#[test]
fn lines_as_complaints_write_them() {
    let time = "2026-11-21 10:15:03 +09:00";
    for (line, address, port, at) in [
        ("203.0.113.7:40123 2026-11-21 10:15:03 +09:00", "203.0.113.7:40123", "", time),
        ("2026-11-21 10:15:03 +09:00 src=203.0.113.7 sport=40123 proto=tcp", "203.0.113.7", "40123", time),
        ("203.0.113.7,40123,2026-11-21 10:15:03 +09:00,tcp", "203.0.113.7", "40123", time),
        (
            "at 2026-11-21T01:15:03Z from \"203.0.113.7\" port 40123.",
            "203.0.113.7",
            "",
            "2026-11-21T01:15:03Z",
        ),
        (
            "203[.]0[.]113[.]7 - - [21/Nov/2026:10:15:03 +0900]",
            "203[.]0[.]113[.]7",
            "",
            "21/Nov/2026:10:15:03 +0900",
        ),
        ("[2001:db8::7]:443 1795230903", "[2001:db8::7]:443", "", "1795230903"),
    ] {
        let found = read_line(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!(found.0, address, "{line}");
        let trimmed = found.2.trim_matches(['[', ']']);
        assert_eq!((found.1.as_str(), trimmed), (port, at), "{line}");
    }
}

#[test]
fn what_may_be_two_things_is_left_to_a_person() {
    let two = read_line("203.0.113.7 -> 198.51.100.9 2026-11-21T01:15:03Z").unwrap_err();
    assert!(two.contains("more than one address"), "{two}");
    let two = read_line("203.0.113.7 2026-11-21T01:15:03Z until 2026-11-21T01:20:03Z").unwrap_err();
    assert!(two.contains("more than one time"), "{two}");
    assert!(read_line("2026-11-21T01:15:03Z").unwrap_err().contains("no address"));
    assert!(read_line("203.0.113.7").unwrap_err().contains("no time"));
    // A time without a zone goes into its field, where it is told what is wrong with it.
    assert_eq!(read_line("203.0.113.7 2026-11-21 10:15:03").unwrap().2, "2026-11-21 10:15:03");
}

#[test]
fn no_line_is_too_strange() {
    for line in [
        "",
        " ",
        ",,,,",
        "=",
        "[",
        "203.0.113.7:",
        "\u{0}\u{1}",
        "ポート=1",
        &"a ".repeat(5000),
        &"7".repeat(4000),
    ] {
        let _ = read_line(line);
    }
}
