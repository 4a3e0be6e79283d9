//! Translations of gateways.

use super::*;
use Moment::{Alive, Start, Stop};

const BLOCK: (u16, u16) = (1024, 1535);
const PORT: (u16, u16) = (4000, 4000);

#[test]
fn a_connection_is_a_row_from_its_create_to_its_delete() {
    check(
        &[nat(100, Start, PORT, 1), nat(130, Stop, PORT, 1)],
        &["nat-session 192.0.2.1:4000 100.64.0.1 [100] [130]"],
    );
}

#[test]
fn a_create_reported_twice_is_one() {
    check(
        &[nat(100, Start, PORT, 1), nat(100, Start, PORT, 1), nat(130, Stop, PORT, 1)],
        &["nat-session 192.0.2.1:4000 100.64.0.1 [100] [130]"],
    );
}

#[test]
fn a_whole_address_is_a_binding() {
    check(
        &[nat(100, Start, (0, u16::MAX), 1), nat(900, Stop, (0, u16::MAX), 1)],
        &["nat-binding 192.0.2.1 100.64.0.1 [100] [900]"],
    );
}

#[test]
fn a_delete_without_a_create_began_at_some_time_before() {
    check(
        &[nat(50, Start, (9, 9), 7), nat(130, Stop, PORT, 1)],
        &[
            "nat-session 192.0.2.1:9 100.64.0.7 [50] [50.. open]",
            "nat-session 192.0.2.1:4000 100.64.0.1 [..130 before] [130]",
        ],
    );
}

#[test]
fn a_delete_that_tells_the_beginning_needs_no_create() {
    check(
        &[nat(130, Stop, PORT, 1).began(100)],
        &["nat-session 192.0.2.1:4000 100.64.0.1 [99..100 duration] [130]"],
    );
}

#[test]
fn a_lost_delete_is_bounded_by_the_next_holder() {
    check(
        &[nat(100, Start, PORT, 1), nat(300, Start, PORT, 2), nat(330, Stop, PORT, 2)],
        &[
            "nat-session 192.0.2.1:4000 100.64.0.1 [100] [100..300 next-holder]",
            "nat-session 192.0.2.1:4000 100.64.0.2 [300] [330]",
        ],
    );
}

#[test]
fn one_outside_port_toward_two_destinations_is_two_connections() {
    let (near, far) = ("198.51.100.1", "203.0.113.1");
    check(
        &[
            nat(100, Start, PORT, 1).toward(near),
            nat(110, Start, PORT, 2).toward(far),
            nat(130, Stop, PORT, 1).toward(near),
            nat(140, Stop, PORT, 2).toward(far),
        ],
        &[
            "nat-session 192.0.2.1:4000 > 198.51.100.1 100.64.0.1 [100] [130]",
            "nat-session 192.0.2.1:4000 > 203.0.113.1 100.64.0.2 [110] [140]",
        ],
    );
}

#[test]
fn a_block_lives_from_its_allocation_through_interims_to_its_release() {
    check(
        &[nat(100, Start, BLOCK, 1), nat(700, Alive, BLOCK, 1)],
        &["nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [700.. open]"],
    );
    check(
        &[nat(100, Start, BLOCK, 1), nat(700, Alive, BLOCK, 1), nat(900, Stop, BLOCK, 1)],
        &["nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [900]"],
    );
    check(
        &[nat(100, Start, BLOCK, 1), nat(700, Alive, BLOCK, 1), nat(900, Start, BLOCK, 2)],
        &[
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [700..900 next-holder]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [900] [900.. open]",
        ],
    );
}

#[test]
fn an_interim_without_an_allocation_began_at_some_time_before() {
    check(
        &[nat(50, Start, (9, 9), 7), nat(700, Alive, BLOCK, 1), nat(900, Stop, BLOCK, 1)],
        &[
            "nat-session 192.0.2.1:9 100.64.0.7 [50] [50.. open]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [..700 before] [900]",
        ],
    );
    check(
        &[nat(700, Alive, BLOCK, 1).began(600), nat(900, Stop, BLOCK, 1)],
        &["nat-block 192.0.2.1:1024-1535 100.64.0.1 [599..600 duration] [900]"],
    );
}

#[test]
fn a_release_without_an_allocation_began_after_the_release_before_it() {
    check(
        &[nat(100, Start, BLOCK, 1), nat(300, Stop, BLOCK, 1), nat(900, Stop, BLOCK, 2)],
        &[
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [300]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [300..900 before] [900]",
        ],
    );
}

#[test]
fn an_older_create_that_comes_late_is_bounded_by_the_present_holder() {
    check(
        &[nat(300, Start, BLOCK, 2), nat(100, Start, BLOCK, 1)],
        &[
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [100..300 next-holder]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [300] [300.. open]",
        ],
    );
}

#[test]
fn a_restart_of_the_gateway_ends_its_translations_and_no_others() {
    check(
        &[
            nat(100, Start, BLOCK, 1),
            nat(120, Start, (2000, 2099), 3).of("cgn-2"),
            nat(150, Alive, BLOCK, 1),
            restart("cgn-1", 200),
            nat(210, Start, BLOCK, 2),
        ],
        &[
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [150..200 restart]",
            "nat-block 192.0.2.1:2000-2099 100.64.0.3 [120] [120.. open]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [210] [210.. open]",
        ],
    );
}

#[test]
fn a_restart_that_arrives_late_spares_what_began_after_it() {
    check(
        &[nat(210, Start, BLOCK, 2), restart("cgn-1", 200)],
        &["nat-block 192.0.2.1:1024-1535 100.64.0.2 [210] [210.. open]"],
    );
}

/// Events of a gateway in the order of their time: few blocks, few inside addresses, some creates and deletes lost.
fn events() -> impl proptest::strategy::Strategy<Value = Vec<Observation>> {
    use proptest::prelude::*;
    let one = (1_i64..40, 0_u8..4, 0_u16..3, 0_u8..3, any::<bool>());
    proptest::collection::vec(one, 1..40).prop_map(|steps| {
        let mut now = 1_000;
        // The log begins with a record of something else.
        let mut records = vec![nat(now, Start, (9, 9), 9)];
        let mut holders = [None; 4];
        for (step, moment, block, inside, far) in steps {
            now += step;
            let moment = [Start, Stop, Alive, Start][usize::from(moment)];
            let low = 1024 + 512 * block;
            let holder = &mut holders[usize::from(block) + usize::from(block == 2 && far)];
            if moment == Alive && *holder != Some(inside) {
                continue;
            }
            *holder = (moment != Stop).then_some(inside);
            let record = if block == 2 {
                nat(now, moment, (low, low), inside).toward(if far { "198.51.100.1" } else { "203.0.113.1" })
            } else {
                nat(now, moment, (low, low + 511), inside)
            };
            records.push(record);
        }
        records
    })
}

proptest::proptest! {
    #[test]
    fn an_assembler_that_takes_over_goes_on_as_if_never_stopped(records in events(), splits: (u8, u8)) {
        let whole = closed(&run(&[&records]));
        let mut places = [usize::from(splits.0) % records.len(), usize::from(splits.1) % records.len()];
        places.sort_unstable();
        let (first, rest) = records.split_at(places[0]);
        let (second, third) = rest.split_at(places[1] - places[0]);
        proptest::prop_assert_eq!(closed(&run(&[first, second, third])), whole);
    }
}

/// The closed rows; of a beginning that was lost only the latest instant: the end before it is not taken over.
fn closed(versions: &[Assignment]) -> Vec<String> {
    let mut rows = newest(versions);
    rows.retain(|row| !row.until.how.is_open());
    for row in rows.iter_mut().filter(|row| row.from.how == How::Before) {
        row.from.earliest = UtcMicros::MIN;
    }
    told(&rows)
}

/// When the log began says nothing: the files before it may be read later, or by another.
#[test]
fn whoever_takes_over_bounds_a_lost_beginning_no_tighter() {
    let records = [nat(50, Start, (9, 9), 7), nat(60, Stop, (9, 9), 7), nat(130, Stop, BLOCK, 1)];
    let wanted = [
        "nat-block 192.0.2.1:1024-1535 100.64.0.1 [..130 before] [130]",
        "nat-session 192.0.2.1:9 100.64.0.7 [50] [60]",
    ];
    for split in 0..=records.len() {
        let mut rows = told(&run(&[&records[..split], &records[split..]]));
        rows.sort();
        assert_eq!(rows, wanted, "split at {split}");
    }
}

/// A release read before an older one says nothing of when the older one's holder began.
#[test]
fn an_older_release_read_after_a_newer_one_is_not_lost() {
    check(
        &[nat(900, Stop, BLOCK, 2), nat(300, Stop, BLOCK, 1)],
        &[
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [..300 before] [300]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [..900 before] [900]",
        ],
    );
}

#[test]
fn an_interim_that_comes_late_opens_nothing_and_leaves_the_present_holder() {
    check(
        &[nat(300, Start, BLOCK, 2), nat(250, Alive, BLOCK, 1), nat(900, Stop, BLOCK, 2)],
        &[
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [..250 before] [250..300 next-holder]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [300] [900]",
        ],
    );
}

/// Another's interim or release proves that the block was taken from the first holder by then.
#[test]
fn a_record_of_another_holder_bounds_the_block_of_the_first() {
    let mut assembler = Assembler::default();
    let mut rows = Vec::new();
    for record in [nat(100, Start, BLOCK, 1), nat(300, Alive, BLOCK, 2), nat(400, Stop, BLOCK, 2)] {
        assembler.step(record);
        rows.append(&mut assembler.drain().rows);
    }
    assert_eq!(
        told(&rows),
        [
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [100..300 next-holder]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [..300 before] [400]",
        ]
    );
    check(
        &[nat(100, Start, BLOCK, 1), nat(400, Stop, BLOCK, 2)],
        &[
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [100..400 next-holder]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.2 [..400 before] [400]",
        ],
    );
}

/// Files read newest first: the release that is known already bounds the allocation.
#[test]
fn an_allocation_read_after_its_release_does_not_stay_open() {
    check(
        &[nat(50, Start, (9, 9), 7), nat(200, Stop, BLOCK, 1), nat(100, Start, BLOCK, 1)],
        &[
            "nat-session 192.0.2.1:9 100.64.0.7 [50] [50.. open]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [100..200 next-holder]",
            "nat-block 192.0.2.1:1024-1535 100.64.0.1 [..200 before] [200]",
        ],
    );
}

/// The same with the restart of the gateway.
#[test]
fn a_restart_read_before_the_allocation_bounds_it() {
    check(
        &[restart("cgn-1", 200), nat(100, Start, BLOCK, 1)],
        &["nat-block 192.0.2.1:1024-1535 100.64.0.1 [100] [100..200 restart]"],
    );
}
