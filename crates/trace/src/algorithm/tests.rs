#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

use proptest::prelude::*;
use tadoru_model::{Protocol, SourceName, Span, UtcMicros};

use super::*;

fn rule(algorithm: Algorithm) -> Rule {
    Rule {
        source: SourceName::from("cgn-1"),
        realm: Realm::from("internet"),
        proto: Protocol::ANY,
        valid: Span::new(UtcMicros::MIN, UtcMicros::MAX),
        algorithm,
    }
}

fn nat(inside: &str, first: &str, last: &str, ports: (u16, u16), each: u32, dealing: Dealing) -> Rule {
    let inside: Prefix = inside.parse().unwrap();
    let size = 1_u32 << (32 - inside.len());
    let IpAddr::V4(base) = inside.addr() else { panic!("IPv4 inside") };
    rule(Algorithm::DeterministicNat {
        inside_first: inside.addr(),
        inside_last: IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() + size - 1)),
        inside_realm: Realm::from("cgn"),
        outside_first: first.parse().unwrap(),
        outside_last: last.parse().unwrap(),
        ports: PortRange::new(ports.0, ports.1).unwrap(),
        ports_each: each,
        dealing,
    })
}

fn inside(rule: &Rule, addr: &str, port: Option<u16>) -> Option<String> {
    translate(rule, 0, addr.parse().unwrap(), port).map(|row| match row.holder {
        Holder::Inside { prefix, .. } => prefix.to_string(),
        Holder::Line(_) => panic!("a rule names an inside address"),
    })
}

#[test]
fn sequential_dealing_fills_one_outside_address_before_the_next() {
    let r = nat("100.64.0.0/24", "192.0.2.1", "192.0.2.2", (1024, 65535), 512, Dealing::Sequential);
    assert_eq!(inside(&r, "192.0.2.1", Some(1024)).as_deref(), Some("100.64.0.0"));
    assert_eq!(inside(&r, "192.0.2.1", Some(1535)).as_deref(), Some("100.64.0.0"));
    assert_eq!(inside(&r, "192.0.2.1", Some(1536)).as_deref(), Some("100.64.0.1"));
    assert_eq!(inside(&r, "192.0.2.2", Some(1024)).as_deref(), Some("100.64.0.126"));
    assert_eq!(inside(&r, "192.0.2.2", Some(65535)).as_deref(), Some("100.64.0.251"));
    assert_eq!(inside(&r, "192.0.2.1", Some(80)), None);
    assert_eq!(inside(&r, "192.0.2.3", Some(1024)), None);
}

#[test]
fn interleaved_dealing_gives_neighbours_different_outside_addresses() {
    let r = nat("100.64.0.0/24", "192.0.2.1", "192.0.2.2", (1024, 65535), 512, Dealing::Interleaved);
    assert_eq!(inside(&r, "192.0.2.1", Some(1024)).as_deref(), Some("100.64.0.0"));
    assert_eq!(inside(&r, "192.0.2.2", Some(1024)).as_deref(), Some("100.64.0.1"));
    assert_eq!(inside(&r, "192.0.2.1", Some(1536)).as_deref(), Some("100.64.0.2"));
}

#[test]
fn a_shared_rule_narrows_to_the_inside_prefix() {
    let r = nat("100.64.0.0/28", "192.0.2.1", "192.0.2.1", (1024, 8191), 0, Dealing::Shared);
    assert_eq!(inside(&r, "192.0.2.1", Some(3000)).as_deref(), Some("100.64.0.0/28"));
    assert_eq!(inside(&r, "192.0.2.1", Some(9000)), None);
}

#[test]
fn ports_that_do_not_fill_a_block_belong_to_nobody() {
    let r = nat("100.64.0.0/24", "192.0.2.1", "192.0.2.1", (1024, 2100), 512, Dealing::Sequential);
    assert_eq!(inside(&r, "192.0.2.1", Some(2047)).as_deref(), Some("100.64.0.1"));
    assert_eq!(inside(&r, "192.0.2.1", Some(2048)), None);
}

/// RFC 7597, appendix A, example 1.
#[test]
fn map_e_example_of_the_rfc() {
    let r = rule(Algorithm::MapE {
        ipv6: "2001:db8::/40".parse().unwrap(),
        ipv4: "192.0.2.0/24".parse().unwrap(),
        ea_len: 16,
        psid_offset: 6,
        psid_len: None,
        inside_realm: Realm::from("access"),
    });
    for port in [1232, 1235, 2256, 64720] {
        assert_eq!(inside(&r, "192.0.2.18", Some(port)).as_deref(), Some("2001:db8:12:3400::/56"));
    }
    assert_ne!(inside(&r, "192.0.2.18", Some(1236)).as_deref(), Some("2001:db8:12:3400::/56"));
    assert_eq!(inside(&r, "192.0.2.18", Some(1000)), None, "below the first port set");
    assert_eq!(inside(&r, "192.0.2.18", None).as_deref(), Some("2001:db8:12::/48"));
}

#[test]
fn map_e_without_sharing_gives_the_whole_address() {
    let r = rule(Algorithm::MapE {
        ipv6: "2001:db8::/32".parse().unwrap(),
        ipv4: "192.0.2.0/24".parse().unwrap(),
        ea_len: 8,
        psid_offset: 0,
        psid_len: None,
        inside_realm: Realm::from("access"),
    });
    let row = translate(&r, 0, "192.0.2.7".parse().unwrap(), Some(80)).unwrap();
    assert_eq!(row.ports, PortRange::ALL);
    assert_eq!(inside(&r, "192.0.2.7", Some(80)).as_deref(), Some("2001:db8:700::/40"));
}

proptest! {
    #[test]
    fn two_inside_addresses_never_share_an_outside_port(
        each in 1_u32..3000, low in 0_u16..2000, port_a in 0_u16.., port_b in 0_u16.., interleaved: bool,
    ) {
        let dealing = if interleaved { Dealing::Interleaved } else { Dealing::Sequential };
        let r = nat("100.64.0.0/16", "192.0.2.0", "192.0.2.255", (low, 65535), each, dealing);
        let ask = |port| translate(&r, 0, "192.0.2.9".parse().unwrap(), Some(port));
        if let (Some(a), Some(b)) = (ask(port_a), ask(port_b)) {
            prop_assert!(a.ports.contains(port_a));
            if a.ports.contains(port_b) {
                prop_assert_eq!(a.holder, b.holder);
            }
        }
    }

    #[test]
    fn no_configuration_of_map_e_panics(
        v6_len in 0_u8..=128, v4_len in 0_u8..=32, ea in 0_u8..=64, off in 0_u8..=32,
        psid in proptest::option::of(0_u8..=32), addr: u32, port in proptest::option::of(0_u16..),
    ) {
        let r = rule(Algorithm::MapE {
            ipv6: Prefix::covering("2001:db8::".parse().unwrap(), v6_len).unwrap(),
            ipv4: Prefix::covering(IpAddr::V4(Ipv4Addr::from_bits(addr)), v4_len).unwrap(),
            ea_len: ea, psid_offset: off, psid_len: psid, inside_realm: Realm::untold(),
        });
        let _ = translate(&r, 0, IpAddr::V4(Ipv4Addr::from_bits(addr)), port);
    }
}
