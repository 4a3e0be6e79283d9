//! DHCP leases.

use super::*;
use LeaseState::{Active, Declined, Expired, Released};

#[test]
fn a_lease_holds_from_its_grant_to_its_expiry_at_the_latest() {
    check(&[lease(Active, 100, Some(1000), "aa")], &["lease 192.0.2.1 aa [100] [100..1000 open]"]);
    check(&[lease(Active, 100, None, "aa")], &["lease 192.0.2.1 aa [100] [100.. open]"]);
}

#[test]
fn a_renewal_is_the_same_lease() {
    check(
        &[lease(Active, 100, Some(1000), "aa"), lease(Active, 500, Some(1400), "aa")],
        &["lease 192.0.2.1 aa [100] [500..1400 open]"],
    );
}

#[test]
fn a_lease_that_ran_out_ended_at_its_expiry() {
    check(
        &[lease(Active, 100, Some(1000), "aa"), lease(Expired, 1200, Some(1000), "aa")],
        &["lease 192.0.2.1 aa [100] [1000 expiry]"],
    );
    check(
        &[lease(Active, 100, Some(1000), "aa"), lease(Active, 1500, Some(2000), "bb")],
        &["lease 192.0.2.1 aa [100] [100..1000 expiry]", "lease 192.0.2.1 bb [1500] [1500..2000 open]"],
    );
}

#[test]
fn a_client_that_comes_back_after_its_expiry_has_a_new_lease() {
    check(
        &[lease(Active, 100, Some(1000), "aa"), lease(Active, 1500, Some(2000), "aa")],
        &["lease 192.0.2.1 aa [100] [100..1000 expiry]", "lease 192.0.2.1 aa [1500] [1500..2000 open]"],
    );
}

#[test]
fn a_release_lies_within_its_bounds() {
    check(
        &[lease(Active, 100, Some(1000), "aa"), lease(Released, 310, Some(300), "aa")],
        &["lease 192.0.2.1 aa [100] [300..310]"],
    );
    check(
        &[
            lease(Active, 100, Some(1000), "aa"),
            lease(Released, 310, Some(300), "aa"),
            lease(Active, 305, Some(900), "bb"),
        ],
        &["lease 192.0.2.1 aa [100] [300..305]", "lease 192.0.2.1 bb [305] [305..900 open]"],
    );
}

#[test]
fn an_address_given_to_another_before_its_expiry_was_given_up_in_between() {
    check(
        &[
            lease(Active, 100, Some(1000), "aa"),
            lease(Active, 400, Some(1300), "aa"),
            lease(Active, 700, Some(1600), "bb"),
        ],
        &["lease 192.0.2.1 aa [100] [400..700 next-holder]", "lease 192.0.2.1 bb [700] [700..1600 open]"],
    );
}

#[test]
fn an_address_that_somebody_unknown_uses_ends_the_lease_by_then() {
    check(
        &[lease(Active, 100, Some(1000), "aa"), lease(Declined, 300, None, "aa")],
        &["lease 192.0.2.1 aa [100] [100..300]"],
    );
}

#[test]
fn the_end_of_an_earlier_lease_does_not_end_the_present_one() {
    check(
        &[
            lease(Active, 100, Some(1000), "aa"),
            lease(Active, 700, Some(1600), "bb"),
            lease(Released, 650, Some(650), "aa"),
            lease(Expired, 1000, Some(1000), "aa"),
        ],
        &["lease 192.0.2.1 aa [100] [650]", "lease 192.0.2.1 bb [700] [700..1600 open]"],
    );
}

#[test]
fn an_end_without_a_grant_tells_who_had_the_address_until_then() {
    check(&[lease(Released, 310, Some(300), "aa")], &["lease 192.0.2.1 aa [..300 before] [300..310]"]);
    check(
        &[lease(Active, 100, Some(1000), "aa"), lease(Released, 610, Some(600), "bb")],
        &[
            "lease 192.0.2.1 aa [100] [100..600 next-holder]",
            "lease 192.0.2.1 bb [100..600 before] [600..610]",
        ],
    );
    check(&[lease(Declined, 400, None, "aa"), lease(Released, 500, None, "aa")], &[]);
}

#[test]
fn an_assembler_that_takes_over_goes_on_with_open_leases() {
    let records = [
        lease(Active, 100, Some(1000), "aa"),
        lease(Active, 400, Some(1300), "aa"),
        lease(Active, 700, Some(1600), "bb"),
        lease(Released, 900, Some(880), "bb"),
    ];
    let wanted = told(&run(&[&records]));
    for split in 0..=records.len() {
        let (before, after) = records.split_at(split);
        assert_eq!(told(&run(&[before, after])), wanted, "split at {split}");
    }
}

/// A lease file of one address: each entry later than the one before.
fn file(entries: &[(i64, u8, u8)]) -> Vec<Observation> {
    let mut now = 100;
    let mut holder = None;
    let mut records = Vec::new();
    for (step, who, what) in entries {
        now += step;
        let client = ["aa", "bb", "cc"][usize::from(*who) % 3];
        match (what % 4, holder) {
            (0, Some(present)) => {
                records.push(lease(Released, now, Some(now - step / 2), present));
                holder = None;
            }
            _ => {
                records.push(lease(Active, now, Some(now + 1000), client));
                holder = Some(client);
            }
        }
    }
    records
}

proptest::proptest! {
    #[test]
    fn a_file_read_twice_changes_nothing(
        entries in proptest::collection::vec((2_i64..1500, 0_u8..3, 1_u8..4), 1..10),
    ) {
        let once = file(&entries);
        let twice: Vec<Observation> = once.iter().chain(&once).cloned().collect();
        proptest::prop_assert_eq!(told(&run(&[&twice])), told(&run(&[&once])));
    }

    #[test]
    fn leases_of_one_address_are_never_certain_for_two_at_once(
        entries in proptest::collection::vec((2_i64..1500, 0_u8..3, 0_u8..4), 1..10),
    ) {
        let rows = newest(&run(&[&file(&entries)]));
        for (place, a) in rows.iter().enumerate() {
            for b in &rows[place + 1..] {
                let (one, other) = (a.certain(), b.certain());
                let both = !one.is_empty() && !other.is_empty() && one.meets(other);
                proptest::prop_assert!(!both, "{} and {}", row_told(a), row_told(b));
            }
        }
    }
}

/// The last renewal, read again after the release, is no new lease.
#[test]
fn a_renewed_and_released_lease_read_twice_is_one() {
    let once = [
        lease(Active, 100, Some(1000), "aa"),
        lease(Active, 400, Some(1300), "aa"),
        lease(Released, 510, Some(500), "aa"),
    ];
    check(&once, &["lease 192.0.2.1 aa [100] [500..510]"]);
    let twice: Vec<Observation> = once.iter().chain(&once).cloned().collect();
    check(&twice, &["lease 192.0.2.1 aa [100] [500..510]"]);
}

// ---- files in any order -------------------------------------------------------------------------------------------

#[test]
fn an_older_file_read_after_a_newer_one_finds_its_place() {
    check(
        &[lease(Active, 5000, Some(6000), "bb"), lease(Active, 100, Some(1000), "aa")],
        &["lease 192.0.2.1 aa [100] [100..1000 expiry]", "lease 192.0.2.1 bb [5000] [5000..6000 open]"],
    );
    check(
        &[lease(Active, 700, Some(1600), "bb"), lease(Active, 100, Some(1000), "aa")],
        &["lease 192.0.2.1 aa [100] [100..700 next-holder]", "lease 192.0.2.1 bb [700] [700..1600 open]"],
    );
    check(
        &[lease(Released, 510, Some(500), "aa"), lease(Active, 100, Some(1000), "aa")],
        &["lease 192.0.2.1 aa [100] [500..510]", "lease 192.0.2.1 aa [100] [500..510]"],
    );
}

#[test]
fn a_release_read_after_that_of_a_later_lease_parts_them() {
    check(
        &[
            lease(Active, 102, Some(1102), "aa"),
            lease(Released, 112, Some(111), "aa"),
            lease(Released, 104, Some(103), "aa"),
            lease(Active, 108, Some(1108), "aa"),
        ],
        &[
            "lease 192.0.2.1 aa [102] [103..104]",
            "lease 192.0.2.1 aa [108] [111..112]",
            "lease 192.0.2.1 aa [108] [111..112]",
        ],
    );
}

#[test]
fn a_grant_between_two_signs_of_life_of_another_parts_them() {
    check(
        &[
            lease(Active, 100, Some(1000), "aa"),
            lease(Active, 700, Some(1600), "aa"),
            lease(Active, 400, Some(900), "bb"),
        ],
        &[
            "lease 192.0.2.1 aa [100] [100..400 next-holder]",
            "lease 192.0.2.1 bb [400] [400..700 next-holder]",
            "lease 192.0.2.1 aa [400..700 before] [700..1600 open]",
        ],
    );
}

/// Whether somebody surely, or possibly, held the address in a second, by the rows of `client`.
fn held(rows: &[Assignment], client: &str, second: i64, span: impl Fn(&Assignment) -> Span) -> bool {
    let at = UtcMicros::from_seconds(second);
    let of = |row: &&Assignment| matches!(&row.holder, Holder::Line(names) if names[0].value == client);
    rows.iter().filter(of).any(|row| span(row).contains(at))
}

proptest::proptest! {
    /// Parts of a file in any order: nobody surely held the address where in the order of time nobody surely did, and
    /// whoever may have held it is not lost.
    #[test]
    fn parts_read_in_another_order_are_never_surer(
        entries in proptest::collection::vec((2_i64..900, 0_u8..3, 0_u8..4), 1..8), cut: (u8, u8),
    ) {
        let records = file(&entries);
        let mut places = [usize::from(cut.0) % records.len(), usize::from(cut.1) % records.len()];
        places.sort_unstable();
        let parts = [&records[..places[0]], &records[places[0]..places[1]], &records[places[1]..]];
        let wanted = newest(&run(&[&records]));
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mixed: Vec<Observation> = order.iter().flat_map(|n| parts[*n]).cloned().collect();
            let rows = newest(&run(&[&mixed]));
            for client in ["aa", "bb", "cc"] {
                for second in (100..9000).step_by(7) {
                    let sure = |rows| held(rows, client, second, Assignment::certain);
                    let may = |rows| held(rows, client, second, Assignment::possible);
                    proptest::prop_assert!(!sure(&rows) || may(&wanted), "{client} at {second} {:?}", told(&rows));
                    proptest::prop_assert!(!sure(&wanted) || may(&rows), "{client} at {second} {:?}", told(&rows));
                }
            }
        }
    }
}
