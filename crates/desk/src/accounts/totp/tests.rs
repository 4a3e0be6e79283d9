//! The vectors of RFC 6238 (appendix B) and RFC 4648, and that no step is taken twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use proptest::prelude::*;

use super::*;

const SECRET: &[u8] = b"12345678901234567890";

#[test]
fn the_vectors_of_the_rfc_hold() {
    let vectors = [
        (59, 94_287_082),
        (1_111_111_109, 7_081_804),
        (1_111_111_111, 14_050_471),
        (1_234_567_890, 89_005_924),
        (2_000_000_000, 69_279_037),
        (20_000_000_000, 65_353_130),
    ];
    for (seconds, eight_digits) in vectors {
        assert_eq!(value(SECRET, step_of(seconds)) % 100_000_000, eight_digits, "at {seconds}");
    }
    assert_eq!(code(SECRET, step_of(1_111_111_109)), "081804");
}

#[test]
fn a_step_beside_the_present_one_fits_once_and_no_other_does() {
    let now = step_of(1_234_567_890);
    for step in [now - 1, now, now + 1] {
        let typed = format!(" {} ", code(SECRET, step));
        assert_eq!(fitting_step(SECRET, &typed, now, 0), Some(step));
        assert_eq!(fitting_step(SECRET, &typed, now, step), None, "used already");
    }
    assert_eq!(fitting_step(SECRET, &code(SECRET, now - 2), now, 0), None);
    assert_eq!(fitting_step(SECRET, &code(SECRET, now + 2), now, 0), None);
    for typed in ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef"] {
        assert_eq!(fitting_step(SECRET, typed, now, 0), None, "{typed}");
    }
}

#[test]
fn base32_is_as_the_rfc_has_it() {
    for (bytes, text) in
        [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
    {
        assert_eq!(base32(bytes.as_bytes()), text);
        assert_eq!(from_base32(text).unwrap(), bytes.as_bytes());
    }
    assert_eq!(from_base32("M1"), None);
}

proptest! {
    #[test]
    fn base32_goes_there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(from_base32(&base32(&bytes)).unwrap(), bytes);
    }
}
