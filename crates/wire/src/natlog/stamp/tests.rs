//! Calendar and clock forms.
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn iso_agrees_with_jiff(us in 0i64..6_000_000_000_000_000) {
        let text = Timestamp::from_microsecond(us).unwrap().to_string();
        let (civil, rest) = iso(text.as_bytes()).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(civil.settle(&TimeZone::UTC, 0).unwrap().us, us);
    }

    #[test]
    fn days_go_there_and_back(days in 0i64..84_000) {
        let (y, m, d) = civil_from_days(days);
        prop_assert_eq!(days_from_civil(y, u8::try_from(m).unwrap(), u8::try_from(d).unwrap()), Some(days));
    }
}

#[test]
fn durations_are_whole() {
    assert_eq!(duration(b"1:23:45"), Some(5_025_000_000));
    assert_eq!(duration(b"2h03m04s"), Some(7_384_000_000));
    for bad in [&b"1:23"[..], b"1:23:4x", b"1:99:00", b"", b"1:23:45 "] {
        assert_eq!(duration(bad), None);
    }
}
