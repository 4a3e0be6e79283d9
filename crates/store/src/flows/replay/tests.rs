//! Arrivals come out ascending, whole seconds at a time, each flow once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;
use tadoru_model::Flow;

use super::*;

fn flows(received: &[i64]) -> Flows {
    let mut flows = Flows::default();
    for us in received {
        flows.push(Flow { received_us: *us, ..Flow::default() });
    }
    flows
}

proptest! {
    #[test]
    fn each_flow_comes_out_once_in_order_and_seconds_are_not_split(
        pieces in prop::collection::vec(prop::collection::vec(-3_000_000_i64..9_000_000, 0..40), 0..6),
        cut in -3_000_000_i64..9_000_000,
    ) {
        let (early, late): (Vec<i64>, Vec<i64>) = pieces.concat().into_iter().partition(|us| *us < cut);
        let (mut arrivals, mut out) = (Arrivals::default(), Vec::new());
        let mut visit = |batch: Flows| {
            out.push(batch.received_us);
            ControlFlow::Continue(())
        };
        arrivals.put(flows(&early));
        let _ = arrivals.until(cut, &mut visit);
        arrivals.put(flows(&late));
        let _ = arrivals.until(i64::MAX, &mut visit);
        prop_assert_eq!(arrivals.waiting(), 0);
        let mut all = pieces.concat();
        all.sort_unstable();
        prop_assert_eq!(out.concat(), all);
        let seconds: Vec<i64> = out.iter().map(|batch| batch[0].div_euclid(SECOND_US)).collect();
        prop_assert!(seconds.is_sorted_by(|a, b| a < b), "{:?}", seconds);
    }
}
