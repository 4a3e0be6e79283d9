#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::*;

#[test]
fn distinct_values_are_counted_within_four_errors() {
    for seed in [1, 77, 0xdead_beef] {
        for count in [1_u32, 10, 300, 2_000, 50_000, 1_000_000] {
            let mut sketch = Distinct::new(10);
            for value in (0..count).chain(0..count.min(500)) {
                sketch.see(mix(seed, u128::from(value)));
            }
            let off = (sketch.estimate() / f64::from(count) - 1.0).abs() * 100.0;
            assert!(off < 4.0 * sketch.error_percent(), "{count}: {off} %");
        }
    }
}

#[test]
fn nothing_seen_is_nothing() {
    assert!(Distinct::new(10).estimate() < 0.5);
    assert!(Largest::<u8>::new(4).shares().is_empty());
}

proptest! {
    #[test]
    fn a_large_value_is_never_missed(
        values in prop::collection::vec(0u8..40, 1..400),
    ) {
        let mut largest = Largest::new(8);
        values.iter().for_each(|value| largest.see(*value, 1.0));
        let shares = largest.shares();
        for value in 0..40 {
            let held = values.iter().filter(|v| **v == value).count();
            if held * 8 > values.len() {
                let found = shares.iter().find(|(v, _)| *v == value);
                prop_assert!(found.is_some_and(|(_, s)| *s * values.len() as f64 + 1e-6 >= held as f64));
            }
        }
    }
}

#[test]
fn of_many_that_are_all_small_none_is_surely_large() {
    let mut largest = Largest::new(8);
    (0..10_000_u32).for_each(|value| largest.see(value, 1.0));
    assert!(largest.sure_shares().iter().all(|(_, share)| *share <= 0.0002), "{:?}", largest.sure_shares());
    (0..10_000_u32).for_each(|_| largest.see(7, 1.0));
    let (value, share) = largest.sure_shares().first().copied().unwrap();
    assert!(value == 7 && (0.49..=0.51).contains(&share), "{value} {share}");
}
