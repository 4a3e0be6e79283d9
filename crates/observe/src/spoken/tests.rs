//! Laws of what a source speaks of: everything named is in it, it stays small, and it never is everything.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

use proptest::prelude::*;

use super::*;

fn of(prefixes: &[&str]) -> Vec<String> {
    let mut spoken = Spoken::default();
    for prefix in prefixes {
        spoken.add(prefix.parse().unwrap());
    }
    spoken.prefixes().iter().map(ToString::to_string).collect()
}

#[test]
fn addresses_are_widened_and_named_once() {
    let told = [
        "192.0.2.9",
        "2001:db8:0:7::/64",
        "192.0.2.200",
        "198.51.100.0/22",
        "198.51.101.7",
        "198.51.96.0/20",
    ];
    assert_eq!(of(&told), ["192.0.2.0/24", "198.51.96.0/20", "2001:db8::/48"]);
}

#[test]
fn the_nearest_are_joined_when_there_are_too_many() {
    let mut spoken = Spoken::default();
    for n in 0..=MOST_PREFIXES {
        let n = u8::try_from(n % 256).unwrap();
        // Every second /24 of 10.0.0.0/15, and one far away.
        spoken.add(Prefix::host([10, u8::from(n > 127), n.wrapping_mul(2), 1].into()));
    }
    spoken.add("203.0.113.0/24".parse().unwrap());
    assert!(spoken.prefixes().len() <= MOST_PREFIXES);
    assert_eq!(spoken.prefixes().last().unwrap().to_string(), "203.0.113.0/24");
    assert!(spoken.prefixes().iter().all(|prefix| prefix.len() >= 15));
}

proptest! {
    #[test]
    fn everything_named_is_in_it(named: Vec<(u32, u8, bool)>) {
        let mut spoken = Spoken::default();
        let prefixes: Vec<Prefix> = named.iter().map(|(bits, len, v6)| match v6 {
            false => Prefix::covering(IpAddr::V4((*bits).into()), 8 + len % 25).unwrap(),
            true => Prefix::covering(IpAddr::V6((u128::from(*bits) << 90).into()), 16 + len % 113).unwrap(),
        }).collect();
        for prefix in &prefixes {
            spoken.add(*prefix);
        }
        let kept = spoken.prefixes();
        prop_assert!(kept.len() <= MOST_PREFIXES);
        prop_assert!(kept.is_sorted());
        prop_assert!(kept.windows(2).all(|pair| !pair[0].meets(pair[1])));
        for prefix in prefixes {
            prop_assert!(kept.iter().any(|known| known.len() <= prefix.len() && known.contains(prefix.addr())));
        }
    }
}
