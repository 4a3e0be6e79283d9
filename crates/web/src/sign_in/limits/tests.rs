//! Tries are held off by name and altogether, and let again later.

use super::*;

#[test]
fn a_name_is_held_off_after_five_and_let_again_after_the_window() {
    let (limits, mut now) = (Limits::default(), UtcMicros(0));
    for _ in 0..MOST_OF_NAME {
        assert_eq!(limits.count(Some("ann"), None, now), Let::Try);
    }
    assert_eq!(limits.count(Some(" ann "), None, now), Let::HeldOffFirst(Wait(301)));
    assert_eq!(limits.count(Some("ann"), None, now), Let::HeldOff(Wait(301)));
    assert_eq!(limits.count(Some("bob"), None, now), Let::Try, "another name is not concerned");
    now = now.plus(WINDOW_US);
    assert_eq!(limits.count(Some("ann"), None, now), Let::Try);
    limits.forget("ann");
    for _ in 0..MOST_OF_NAME {
        assert_eq!(limits.count(Some("ann"), None, now), Let::Try);
    }
}

#[test]
fn many_names_are_held_off_together() {
    let limits = Limits::default();
    let tries = (0..MOST_OF_ALL * 2).map(|name| limits.count(Some(&name.to_string()), None, UtcMicros(0)));
    assert_eq!(tries.filter(|tried| *tried == Let::Try).count(), MOST_OF_ALL as usize);
}

#[test]
fn an_address_is_held_off_without_keeping_others_out_and_is_told_how_long() {
    let limits = Limits::default();
    let at = |s: i64| UtcMicros(s * 1_000_000);
    for name in 0..MOST_OF_ADDRESS {
        assert_eq!(limits.count(Some(&name.to_string()), Some("192.0.2.1"), at(0)), Let::Try);
    }
    let held_off = limits.count(Some("x"), Some("192.0.2.1"), at(100));
    assert_eq!(held_off, Let::HeldOffFirst(Wait(201)));
    assert_eq!(limits.count(Some("y"), Some("192.0.2.2"), at(100)), Let::Try);
    assert_eq!(limits.count(Some("x"), Some("192.0.2.1"), at(300)), Let::Try);
    for try_ in 0..10_000 {
        let _ = limits.count(Some(&try_.to_string()), Some(&format!("192.0.2.{try_}")), at(300));
    }
    let counts = limits.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(counts.by_name.len() <= MOST_KEPT && counts.by_address.len() <= MOST_KEPT);
}
