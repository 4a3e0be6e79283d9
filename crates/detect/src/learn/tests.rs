#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

const WEEK: u32 = 7 * 86_400;
const START: u32 = 2_000 * WEEK;

fn taught(weeks: u32, usual: f64) -> Learnt {
    let mut learnt = Learnt::default();
    for second in (START..START + weeks * WEEK + 7200).step_by(30) {
        // Monday's first hour is busy; an attack of three minutes a week is not usual.
        let ratio = match second % WEEK {
            0..180 => 50.0,
            180..3600 => usual,
            _ => usual / 10.0,
        };
        learnt.see(9, second, ratio);
    }
    learnt
}

#[test]
fn an_hour_counts_after_the_weeks_that_were_asked_for() {
    let on = Learning::default();
    assert_eq!(taught(0, 1.0).factor(9, START, on), Factor::WarmingUp);
    assert_eq!(taught(3, 1.0).factor(8, START, on), Factor::WarmingUp);
    assert_eq!(taught(3, 1.0).factor(9, START, Learning::Off), Factor::Configured);
    let Factor::Learnt(times) = taught(3, 1.0).factor(9, START, on) else { panic!("not learnt") };
    assert!((2.7..3.3).contains(&times), "{times}");
}

#[test]
fn other_hours_have_their_own_and_both_ends_are_bounded() {
    let (learnt, on) = (taught(3, 5.0), Learning::default());
    assert_eq!(learnt.factor(9, START, on), Factor::Learnt(4.0));
    let Factor::Learnt(times) = learnt.factor(9, START + 5 * 3600, on) else { panic!("not learnt") };
    assert!((1.3..1.7).contains(&times), "{times}");
    assert_eq!(taught(3, 0.001).factor(9, START, on), Factor::Learnt(0.5));
}
