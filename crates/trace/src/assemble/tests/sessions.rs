//! RADIUS accounting.

use super::*;
use Moment::{Alive, Start, Stop};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";

#[test]
fn a_start_and_a_stop_are_a_row() {
    check(
        &[acct(100, Start, "s1", "alice", A), acct(200, Stop, "s1", "alice", A)],
        &["session 192.0.2.1 alice [100] [200]"],
    );
}

#[test]
fn records_sent_again_change_nothing() {
    let (start, stop) = (acct(100, Start, "s1", "alice", A), acct(200, Stop, "s1", "alice", A));
    check(
        &[start.clone(), start.clone(), stop.clone(), start, stop],
        &["session 192.0.2.1 alice [100] [200]"],
    );
}

#[test]
fn a_session_without_a_stop_is_open_since_its_last_sign_of_life() {
    check(
        &[acct(100, Start, "s1", "alice", A), acct(160, Alive, "s1", "alice", A)],
        &["session 192.0.2.1 alice [100] [160.. open]"],
    );
}

#[test]
fn a_lost_start_is_counted_back_from_the_session_time() {
    check(
        &[acct(200, Stop, "s1", "alice", A).lasted(100)],
        &["session 192.0.2.1 alice [99..100 duration] [200]"],
    );
    check(
        &[acct(160, Alive, "s1", "alice", A).lasted(60), acct(200, Stop, "s1", "alice", A).lasted(100)],
        &["session 192.0.2.1 alice [99..100 duration] [200]"],
    );
}

#[test]
fn a_lost_start_without_a_session_time_may_lie_anywhere_before() {
    check(
        &[acct(160, Alive, "s1", "alice", A), acct(200, Stop, "s1", "alice", A)],
        &["session 192.0.2.1 alice [..160 before] [200]"],
    );
}

#[test]
fn a_start_that_comes_late_takes_the_place_of_the_guess() {
    check(
        &[acct(200, Stop, "s1", "alice", A).lasted(100), acct(100, Start, "s1", "alice", A)],
        &["session 192.0.2.1 alice [100] [200]"],
    );
    check(
        &[acct(200, Stop, "s1", "alice", A), acct(100, Start, "s1", "alice", A)],
        &["session 192.0.2.1 alice [100] [200]"],
    );
}

#[test]
fn a_lost_stop_is_bounded_by_the_next_holder() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(160, Alive, "s1", "alice", A),
            acct(300, Start, "s2", "bob", A),
        ],
        &["session 192.0.2.1 alice [100] [160..300 next-holder]", "session 192.0.2.1 bob [300] [300.. open]"],
    );
}

#[test]
fn a_stop_that_comes_late_revises_the_bound() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(300, Start, "s2", "bob", A),
            acct(250, Stop, "s1", "alice", A),
        ],
        &["session 192.0.2.1 alice [100] [250]", "session 192.0.2.1 bob [300] [300.. open]"],
    );
}

#[test]
fn a_sign_of_life_behind_the_next_holders_start_opens_the_row_again() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(300, Start, "s2", "bob", A),
            acct(400, Alive, "s1", "alice", A),
        ],
        &["session 192.0.2.1 alice [100] [400.. open]", "session 192.0.2.1 bob [300] [300.. open]"],
    );
}

#[test]
fn holders_that_arrive_out_of_order_bound_each_other_by_the_nearest() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(500, Start, "s3", "carol", A),
            acct(300, Start, "s2", "bob", A),
        ],
        &[
            "session 192.0.2.1 alice [100] [100..300 next-holder]",
            "session 192.0.2.1 bob [300] [300..500 next-holder]",
            "session 192.0.2.1 carol [500] [500.. open]",
        ],
    );
}

#[test]
fn an_address_that_another_device_hands_out_in_the_same_realm_is_taken_over() {
    check(
        &[acct(100, Start, "s1", "alice", A), acct(300, Start, "s1", "bob", A).of("nas-2")],
        &["session 192.0.2.1 alice [100] [100..300 next-holder]", "session 192.0.2.1 bob [300] [300.. open]"],
    );
}

#[test]
fn the_same_address_in_another_realm_bounds_nothing() {
    let elsewhere = Observation { realm: Realm::from("vrf-b"), ..acct(300, Start, "s2", "bob", A) };
    check(
        &[acct(100, Start, "s1", "alice", A), elsewhere],
        &["session 192.0.2.1 alice [100] [100.. open]", "session 192.0.2.1 bob [300] [300.. open]"],
    );
}

#[test]
fn a_restart_of_the_device_bounds_its_sessions_and_no_others() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(150, Alive, "s1", "alice", A),
            acct(120, Start, "s9", "dora", B).of("nas-2"),
            restart("nas-1", 200),
            acct(210, Start, "s2", "bob", A),
        ],
        &[
            "session 192.0.2.1 alice [100] [150..200 restart]",
            "session 192.0.2.2 dora [120] [120.. open]",
            "session 192.0.2.1 bob [210] [210.. open]",
        ],
    );
}

#[test]
fn a_restart_that_arrives_late_spares_the_sessions_after_it() {
    check(
        &[acct(210, Start, "s2", "bob", A), restart("nas-1", 200)],
        &["session 192.0.2.1 bob [210] [210.. open]"],
    );
}

#[test]
fn a_sign_of_life_after_the_stop_does_not_bring_the_session_back() {
    for late in [180, 250] {
        check(
            &[
                acct(100, Start, "s1", "alice", A),
                acct(200, Stop, "s1", "alice", A),
                acct(late, Alive, "s1", "alice", A),
            ],
            &["session 192.0.2.1 alice [100] [200]"],
        );
    }
}

#[test]
fn an_address_told_first_in_a_sign_of_life_was_given_at_some_time_until_then() {
    check(
        &[
            acct(100, Start, "s1", "alice", ""),
            acct(160, Alive, "s1", "alice", A),
            acct(200, Stop, "s1", "alice", A),
        ],
        &["session 192.0.2.1 alice [100..160 before] [200]"],
    );
}

#[test]
fn an_address_that_another_takes_the_place_of_ends_between_the_two_records() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(160, Alive, "s1", "alice", B),
            acct(200, Stop, "s1", "alice", B),
        ],
        &[
            "session 192.0.2.1 alice [100] [100..160 next-holder]",
            "session 192.0.2.2 alice [100..160 before] [200]",
        ],
    );
}

#[test]
fn an_address_and_a_prefix_of_one_session_are_two_rows() {
    let mut start = acct(100, Start, "s1", "alice", A);
    let mut stop = acct(200, Stop, "s1", "alice", A);
    for record in [&mut start, &mut stop] {
        let Observed::Session(event) = &mut record.what else { panic!("a session") };
        event.holds.push("2001:db8:7::/56".parse().unwrap());
        event.ports.push((IpAddr::from([198, 51, 100, 1]), PortRange::new(1024, 2047).unwrap()));
    }
    check(
        &[start, stop],
        &[
            "session 192.0.2.1 alice [100] [200]",
            "session 2001:db8:7::/56 alice [100] [200]",
            "session 198.51.100.1:1024-2047 alice [100] [200]",
        ],
    );
}

#[test]
fn a_session_id_used_again_after_a_restart_is_another_session() {
    check(
        &[
            acct(100, Start, "1", "alice", A),
            restart("nas-1", 200),
            acct(300, Start, "1", "bob", A),
            acct(400, Stop, "1", "bob", A),
        ],
        &["session 192.0.2.1 alice [100] [100..200 restart]", "session 192.0.2.1 bob [300] [400]"],
    );
    check(
        &[
            acct(100, Start, "1", "alice", A),
            acct(150, Stop, "1", "alice", A),
            acct(300, Start, "1", "alice", B),
            acct(400, Stop, "1", "alice", B),
        ],
        &["session 192.0.2.1 alice [100] [150]", "session 192.0.2.2 alice [300] [400]"],
    );
}

#[test]
fn signs_of_life_that_were_due_and_did_not_come_make_a_session_silent() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(160, Alive, "s1", "alice", A),
            acct(220, Alive, "s1", "alice", A),
            acct(1000, Start, "s2", "bob", B),
        ],
        &["session 192.0.2.1 alice [100] [220.. silent]", "session 192.0.2.2 bob [1000] [1000.. open]"],
    );
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(160, Alive, "s1", "alice", A),
            acct(220, Alive, "s1", "alice", A),
            acct(1000, Start, "s2", "bob", B).of("nas-2"),
        ],
        &["session 192.0.2.1 alice [100] [220.. open]", "session 192.0.2.2 bob [1000] [1000.. open]"],
    );
}

#[test]
fn a_silent_session_that_is_heard_again_is_open_again() {
    check(
        &[
            acct(100, Start, "s1", "alice", A),
            acct(160, Alive, "s1", "alice", A),
            acct(1000, Start, "s2", "bob", B),
            acct(1060, Alive, "s1", "alice", A),
            acct(1100, Stop, "s1", "alice", A),
        ],
        &["session 192.0.2.1 alice [100] [1100]", "session 192.0.2.2 bob [1000] [1000.. open]"],
    );
}

#[test]
fn an_assembler_that_takes_over_goes_on_with_open_sessions() {
    let records = [
        acct(100, Start, "s1", "alice", A),
        acct(160, Alive, "s1", "alice", A),
        acct(170, Start, "s2", "bob", B),
        acct(300, Start, "s3", "carol", A),
        acct(350, Stop, "s2", "bob", B),
    ];
    let wanted = told(&run(&[&records]));
    for split in 1..=3 {
        let (before, after) = records.split_at(split);
        assert_eq!(told(&run(&[before, after])), wanted, "split at {split}");
    }
}

#[test]
fn an_address_of_a_second_start_begins_with_that() {
    check(
        &[acct(100, Start, "s1", "alice", A), acct(300, Start, "s1", "alice", B)],
        &[
            "session 192.0.2.1 alice [100] [100..300 next-holder]",
            "session 192.0.2.2 alice [300] [300.. open]",
        ],
    );
}

// ---- a proof of the law that matters most -------------------------------------------------------------------------

proptest::proptest! {
    /// Truth first: sessions on two addresses, one after the other; then records of them, some lost, some late. Whoever
    /// is said to have surely held an address at an instant did hold it then, or nobody's record contradicts it.
    #[test]
    fn nobody_is_certain_where_another_truly_held_it(
        lives in proptest::collection::vec((1_i64..400, 1_i64..400, 0_usize..5, 0_usize..2, 0_u32..16), 1..12),
        swaps in proptest::collection::vec((0_usize..64, 0_usize..64), 0..6),
    ) {
        let mut clock = [1_000_i64; 2];
        let (mut truth, mut records) = (Vec::new(), Vec::new());
        for (number, (pause, length, who, place, lost)) in lives.into_iter().enumerate() {
            let (login, addr) = (["alice", "bob", "carol", "dora", "erin"][who], [A, B][place]);
            let begins = clock[place] + pause;
            let ends = begins + length;
            clock[place] = ends;
            truth.push((addr.parse::<Prefix>().unwrap(), login, begins, ends));
            let id = format!("s{number}");
            let told = [
                acct(begins, Start, &id, login, addr),
                acct(begins + length / 2, Alive, &id, login, addr).lasted(u32::try_from(length / 2).unwrap()),
                acct(ends, Stop, &id, login, addr).lasted(u32::try_from(length).unwrap()),
            ];
            records.extend(told.into_iter().enumerate().filter(|(n, _)| lost >> n & 1 == 0).map(|(_, r)| r));
        }
        for (a, b) in swaps {
            if !records.is_empty() {
                let count = records.len();
                records.swap(a % count, b % count);
            }
        }
        for row in newest(&run(&[&records])) {
            let Holder::Line(names) = &row.holder else { panic!("a session has a line") };
            let sure = row.certain();
            for (prefix, login, begins, ends) in &truth {
                let held = Span::new(UtcMicros::from_seconds(*begins), UtcMicros::from_seconds(*ends));
                let other = *prefix == row.prefix && *login != names[0].value;
                proptest::prop_assert!(
                    !(other && !sure.is_empty() && sure.meets(held)),
                    "certain while another held it: {}", row_told(&row)
                );
            }
        }
    }
}

/// The device counted anew, and neither a Stop nor its restart is on record: the id proves that the first had ended.
#[test]
fn an_id_used_again_bounds_the_first_session() {
    check(
        &[acct(100, Start, "1", "alice", A), acct(300, Start, "1", "bob", B)],
        &["session 192.0.2.1 alice [100] [100..300 next-holder]", "session 192.0.2.2 bob [300] [300.. open]"],
    );
    check(
        &[acct(100, Start, "1", "alice", A), acct(300, Start, "1", "bob", A)],
        &["session 192.0.2.1 alice [100] [100..300 next-holder]", "session 192.0.2.1 bob [300] [300.. open]"],
    );
}
