//! Tries are held off by name and altogether, and let again later.

use super::*;

#[test]
fn a_name_is_held_off_after_five_and_let_again_after_the_window() {
    let (limits, mut now) = (Limits::default(), UtcMicros(0));
    for _ in 0..MOST_OF_NAME {
        assert_eq!(limits.count("ann", now), Let::Try);
    }
    assert_eq!(limits.count(" ann ", now), Let::HeldOffFirst);
    assert_eq!(limits.count("ann", now), Let::HeldOff);
    assert_eq!(limits.count("bob", now), Let::Try, "another name is not concerned");
    now = now.plus(WINDOW_US);
    assert_eq!(limits.count("ann", now), Let::Try);
    limits.forget("ann");
    for _ in 0..MOST_OF_NAME {
        assert_eq!(limits.count("ann", now), Let::Try);
    }
}

#[test]
fn many_names_are_held_off_together() {
    let limits = Limits::default();
    let tries = (0..MOST_OF_ALL * 2).map(|name| limits.count(&name.to_string(), UtcMicros(0)));
    assert_eq!(tries.filter(|tried| *tried == Let::Try).count(), MOST_OF_ALL as usize);
}
