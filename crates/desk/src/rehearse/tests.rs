//! Which incidents are taken for the same one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use super::*;

#[test]
fn targets_touch_when_they_have_an_address_in_common() {
    let host = |text: &str| Scope::Host(text.parse().unwrap());
    let prefix = |text: &str| Scope::Prefix(text.parse().unwrap());
    assert!(touch(&host("192.0.2.7"), &host("192.0.2.7")));
    assert!(!touch(&host("192.0.2.7"), &host("192.0.2.8")));
    assert!(touch(&host("192.0.2.7"), &prefix("192.0.2.0/24")));
    assert!(touch(&prefix("192.0.2.0/24"), &prefix("192.0.2.128/25")));
    assert!(!touch(&prefix("192.0.2.0/24"), &host("198.51.100.7")));
    assert!(touch(&Scope::Network, &Scope::Network) && !touch(&Scope::Network, &host("192.0.2.7")));
}
