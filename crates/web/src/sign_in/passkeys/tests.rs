//! Origins that browsers take, and ceremonies that end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use super::*;

#[test]
fn passkeys_are_for_names_over_tls_and_for_this_machine() {
    for good in ["https://desk.example.net", "https://desk.example.net:8443/", "http://localhost:7480"] {
        assert!(Passkeys::new(good, "example.net").is_ok(), "{good}");
    }
    for bad in [
        "",
        "desk.example.net",
        "http://desk.example.net",
        "http://127.0.0.1:7480",
        "https://192.0.2.1",
        "https://desk.example.net/console",
        "https://desk.example.net/?a",
        "https://me@desk.example.net",
    ] {
        assert!(Passkeys::new(bad, "example.net").is_err(), "{bad}");
    }
    let passkeys = Passkeys::new("http://localhost:7480", "example.net").unwrap();
    let of = |host: &'static str| HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
    assert!(passkeys.is_here(&of("LOCALHOST:7480")));
    for elsewhere in ["localhost", "127.0.0.1:7480", "localhost:74800"] {
        assert!(!passkeys.is_here(&of(elsewhere)), "{elsewhere}");
    }
}

#[test]
fn what_waits_is_taken_once_in_its_time_and_is_bounded() {
    let mut waiting = Waiting::default();
    let at = |s: i64| UtcMicros(s * 1_000_000);
    waiting.put("a", 1, at(0));
    assert_eq!(waiting.take(&"a", at(1)), Some(1));
    assert_eq!(waiting.take(&"a", at(1)), None, "once");
    waiting.put("b", 2, at(0));
    assert_eq!(waiting.take(&"b", at(300)), None, "it is past its time");
    for n in 0..2000 {
        waiting.put("c", n, at(n / 1000));
    }
    assert_eq!(waiting.take(&"c", at(2)), Some(1999), "the last of a key holds");
    for n in 0..5000_i64 {
        Waiting::put(&mut waiting, Box::leak(n.to_string().into_boxed_str()), n, at(3));
    }
    assert!(waiting.held.len() <= MOST_WAITING && waiting.turn.len() <= MOST_WAITING);
}
