#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::*;

const NOW: u32 = 1_000_000;

fn watch() -> Watch {
    let mut watched = Watched::new(4);
    watched.watch(Key::Network, 1, NOW).unwrap();
    watched.watches.pop().unwrap()
}

fn span(from_us: i64, to_us: i64) -> Spread {
    let base = i64::from(NOW) * 1_000_000;
    Spread { from_us: base + from_us, to_us: base + to_us, now: NOW, sampling: 1 }
}

fn packets(packets: f32) -> Amount {
    Amount { packets, bytes: packets * 100.0, flows: 1.0 }
}

#[test]
fn a_minute_told_at_once_is_no_spike() {
    let mut watch = watch();
    watch.add(Lane::UDP, 0, span(-60_000_000, 0), packets(60_000.0), 1.0);
    for age in 1..60 {
        let at = watch.rings[0].at(NOW - age);
        assert!((at.packets - 1000.0).abs() < 1.0, "{age}: {}", at.packets);
    }
}

#[test]
fn a_second_that_is_gone_is_empty_again() {
    let mut watch = watch();
    watch.add(Lane::UDP, 0, span(0, 0), packets(10.0), 1.0);
    let later =
        Spread { now: NOW + SLOTS as u32, ..span(SLOTS as i64 * 1_000_000, SLOTS as i64 * 1_000_000) };
    watch.add(Lane::UDP, 0, later, packets(1.0), 1.0);
    assert_eq!(watch.rings[0].at(NOW).packets, 0.0);
    assert_eq!(watch.rings[0].at(NOW + SLOTS as u32).packets, 1.0);
}

#[test]
fn the_lowest_level_makes_room() {
    let mut levels = Levels::new(8);
    levels.raise(1 << 32 | 1, 100.0, NOW);
    for key in 2..1000 {
        levels.raise(1 << 32 | key, 1.0, NOW);
    }
    assert_eq!(levels.raise(1 << 32 | 1, 1.0, NOW), 101.0);
    assert!(levels.raise(1 << 32 | 1, 0.0, NOW + 60) < 0.1);
}

#[test]
fn who_is_kept_is_found_at_the_new_place() {
    let mut watched = Watched::new(10);
    for row in 0..4 {
        watched.watch(Key::Customer(row), Key::Customer(row).mixed(7), NOW);
    }
    let moved = watched.retain(7, |place, _| place != 1);
    assert_eq!(moved.get(&3), Some(&2));
    assert_eq!(watched.place(Key::Customer(3).mixed(7)), Some(2));
    assert_eq!(watched.place(Key::Customer(1).mixed(7)), None);
}

proptest! {
    #[test]
    fn spreading_keeps_the_sum_of_what_the_ring_can_hold(
        age in 0i64..60_000_000, life in 0i64..60_000_000, count in 1u32..1_000_000,
    ) {
        let to = -age;
        let from = (to - life).max(-(SLOTS as i64 - 2) * 1_000_000);
        let mut watch = watch();
        watch.add(Lane::UDP, 0, span(from, to), packets(count as f32), 1.0);
        let sum: f32 = (0..SLOTS as u32).map(|age| watch.rings[0].at(NOW - age).packets).sum();
        prop_assert!((sum / count as f32 - 1.0).abs() < 0.01);
    }

    #[test]
    fn no_time_does_harm(from in any::<i64>(), to in any::<i64>(), now in any::<u32>()) {
        let mut watch = watch();
        let (from, to) = (from.min(to), from.max(to));
        let near = i64::from(now) * 1_000_000;
        let spread = Spread { from_us: from.max(near - 100_000_000).min(near), to_us: to.clamp(near - 1_000_000, near), now, sampling: 1 };
        watch.add(Lane::UDP, 0, spread, packets(1.0), 1.0);
    }
}
