#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::*;

fn name(kind: IdentityKind, value: &str) -> Option<Canonical> {
    canonical(&Identity::new(kind, value))
}

fn text(kind: IdentityKind, value: &str) -> String {
    match name(kind, value) {
        Some(Canonical::Text(_, text)) => text,
        Some(Canonical::Net(prefix)) => prefix.to_string(),
        None => String::new(),
    }
}

#[test]
fn hardware_addresses_have_one_spelling() {
    for spelt in
        ["02:00:5E:10:00:0a", "02-00-5e-10-00-0A", "0200.5e10.000a", "02005E10000A", " 02:00:5e:10:00:0a "]
    {
        assert_eq!(text(IdentityKind::HardwareAddress, spelt), "02:00:5e:10:00:0a");
        assert_eq!(name(IdentityKind::CallingStation, spelt), name(IdentityKind::HardwareAddress, spelt));
    }
}

#[test]
fn a_telephone_number_is_no_hardware_address() {
    assert_eq!(
        name(IdentityKind::CallingStation, "819012345678"),
        Some(Canonical::Text(IdentityKind::CallingStation, "819012345678".into()))
    );
}

#[test]
fn names_that_say_nothing_are_no_names() {
    for kind in IdentityKind::ALL {
        assert_eq!(name(kind, "  "), None);
        assert_eq!(name(kind, &"x".repeat(MAX_NAME_BYTES + 1)), None);
    }
    assert_eq!(name(IdentityKind::HardwareAddress, "00:00:00:00:00:00"), None);
    assert_eq!(name(IdentityKind::CallingStation, "ff-ff-ff-ff-ff-ff"), None);
    assert_eq!(name(IdentityKind::InsideAddress, "0.0.0.0"), None);
    assert_eq!(name(IdentityKind::InsideAddress, "::/0"), None);
    assert_eq!(name(IdentityKind::Imsi, "440x"), None);
}

#[test]
fn relay_ids_are_octets() {
    assert_eq!(text(IdentityKind::CircuitId, "0x0A0b"), "0a0b");
    assert_eq!(text(IdentityKind::CircuitId, "0a:B"), "0a0b");
    assert_eq!(text(IdentityKind::RemoteId, "0A0B"), "0a0b");
    assert_eq!(text(IdentityKind::CircuitId, "eth 1/2"), "65746820312f32");
}

#[test]
fn only_the_realm_of_a_login_is_without_case() {
    assert_eq!(text(IdentityKind::Login, "Alice@ISP.Example"), "Alice@isp.example");
    assert_ne!(name(IdentityKind::Login, "Alice"), name(IdentityKind::Login, "alice"));
}

#[test]
fn softwires_and_inside_addresses_are_one_kind() {
    let name_a = name(IdentityKind::Softwire, "2001:DB8:0:0::1");
    assert_eq!(name_a, name(IdentityKind::InsideAddress, "2001:db8::1"));
    assert_eq!(
        name(IdentityKind::InsideAddress, "::ffff:192.0.2.1"),
        name(IdentityKind::InsideAddress, "192.0.2.1")
    );
}

proptest! {
    #[test]
    fn canonical_is_stable_and_never_panics(kind in 0..IdentityKind::ALL.len(), value in "\\PC{0,40}|[0-9a-fA-F:.x-]{0,20}") {
        let kind = IdentityKind::ALL[kind];
        if let Some(Canonical::Text(kind, once)) = name(kind, &value) {
            prop_assert_eq!(name(kind, &once), Some(Canonical::Text(kind, once.clone())));
        }
    }
}
