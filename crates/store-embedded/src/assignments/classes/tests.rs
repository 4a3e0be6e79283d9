#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

#[test]
fn a_month_begins_at_its_first_instant_and_ends_before_the_next() {
    // Seconds since 1970 as `date -u -d …  +%s` tells them.
    for (seconds, year, month) in [
        (0, 1970, 1),
        (951_782_400, 2000, 2),
        (951_868_799, 2000, 2),
        (951_868_800, 2000, 3),
        (1_709_164_800, 2024, 2),
        (1_767_225_599, 2025, 12),
        (1_767_225_600, 2026, 1),
        (4_107_542_399, 2100, 2),
        (4_107_542_400, 2100, 3),
    ] {
        assert_eq!(month_of(seconds * 1_000_000), year * 12 + month - 1, "{seconds}");
    }
}

#[test]
fn instants_that_no_calendar_knows_are_of_the_first_or_the_endless_month() {
    assert_eq!(month_of(i64::MIN), FIRST);
    assert_eq!(month_of(-1), FIRST);
    assert_eq!(month_of(i64::MAX), ENDLESS);
}
