//! No record, no log, no longer, not ours.

use super::*;

#[test]
fn complete_records_that_name_nobody_say_so() {
    let world = World::of([session("192.0.2.1", "alice", 100, 200)]);
    check(&world, &asked("192.0.2.1", 500), "none");
}

#[test]
fn records_that_were_incomplete_shortly_before_do_not_say_nobody() {
    let alice = session("192.0.2.1", "alice", 100, 200);
    let mut world = World::of([alice.clone()]);
    world.calendar.push(covered(&alice, 1000, 1100, CoverageState::Dead));
    check(&world, &asked("192.0.2.1", 2000), "gap | MissingLog");
    check(&world, &asked("192.0.2.1", 5000), "none");
}

#[test]
fn a_source_that_was_dead_leaves_a_gap() {
    let alice = session("192.0.2.1", "alice", 100, 200);
    let mut world = World::of([alice.clone()]);
    world.calendar.push(covered(&alice, 400, 600, CoverageState::Dead));
    let answer = check(&world, &asked("192.0.2.1", 500), "gap | MissingLog");
    assert!(answer.coverage.iter().any(|span| span.state == CoverageState::Dead), "the hole is shown");
    check(&world, &asked("192.0.2.1", 90_000), "gap | MissingLog");
}

#[test]
fn a_gap_lists_the_stretches_in_which_no_source_was_alive() {
    let alice = session("192.0.2.1", "alice", 100, 200);
    let mut world = World::of([alice.clone()]);
    world.calendar = vec![
        covered(&alice, 0, 1000, CoverageState::Alive),
        covered(&alice, 1600, 2000, CoverageState::Alive),
    ];
    let dead = |second| {
        let answer = check(&world, &asked("192.0.2.1", second), "gap | MissingLog");
        let dead = answer.coverage.iter().filter(|c| c.state == CoverageState::Dead);
        dead.map(|c| (c.source.0.to_string(), c.span)).collect::<Vec<_>>()
    };
    let hole = |from, until| ("nas-1".to_owned(), Span::new(instant(from), instant(until)));
    assert_eq!(
        dead(1300),
        [hole(1300 - 3600, 0), hole(1000, 1600)],
        "the whole of the hole, not the asked second"
    );
    assert_eq!(dead(9000), [hole(2000, 9001)], "after the last sign of life");
}

#[test]
fn a_source_that_lost_records_cannot_say_nobody() {
    let alice = session("192.0.2.1", "alice", 100, 200);
    let mut world = World::of([alice.clone()]);
    world.calendar.push(covered(&alice, 400, 600, CoverageState::Lossy));
    check(&world, &asked("192.0.2.1", 500), "gap | MissingLog");
}

#[test]
fn a_block_open_while_its_source_lost_records_may_have_ended() {
    let open = block((1024, 1535), "100.64.0.1", 100, 150).open();
    let line = inner("100.64.0.1", "alice", 0, 1000);
    let mut world = World::of([open.clone(), line]);
    check(&world, &asked("192.0.2.1:1100", 500), "unique alice=certain");
    for (state, wanted) in [
        (CoverageState::Lossy, "ambiguous alice=possible | ExactTime MissingLog"),
        (CoverageState::Dead, "gap alice=possible | MissingLog"),
    ] {
        world.calendar.truncate(2);
        world.calendar.push(covered(&open, 400, 600, state));
        check(&world, &asked("192.0.2.1:1100", 500), wanted);
        check(&world, &asked("192.0.2.1:1100", 300), "unique alice=certain");
    }
}

#[test]
fn an_open_session_is_certain_up_to_its_last_sign_of_life() {
    let world = World::of([session("192.0.2.1", "alice", 100, 400).open()]);
    check(&world, &asked("192.0.2.1", 300), "unique alice=certain");
    check(&world, &asked("192.0.2.1", 500), "ambiguous alice=possible | ExactTime MissingLog");
    check(&world, &asked("192.0.2.1", 85_000), "gap alice=possible | MissingLog");
}

#[test]
fn an_address_outside_the_operators_space_is_not_ours() {
    let mut world = World::of([session("192.0.2.1", "alice", 100, 200)]);
    world.own.push("192.0.2.0/24".parse().unwrap());
    check(&world, &asked("198.51.100.1", 150), "not-ours");
    check(&world, &asked("192.0.2.7", 150), "none");
}

#[test]
fn without_a_configured_space_it_is_what_the_records_speak_of() {
    let mut world = World::of([session("192.0.2.1", "alice", 100, 200)]);
    world.calendar[0].prefixes.push("192.0.2.0/24".parse().unwrap());
    check(&world, &asked("198.51.100.1", 150), "not-ours");
    check(&world, &asked("192.0.2.7", 150), "none");
}

#[test]
fn a_time_past_the_retention_is_expired_and_not_nobody() {
    let mut world = World::of([session("192.0.2.1", "alice", 50_000, 60_000)]);
    world.kept_s = 43_200;
    check(&world, &asked("192.0.2.1", 500), "expired");
    check(&world, &asked("192.0.2.1", 50_500), "unique alice=certain");
    check(&world, &asked("192.0.2.1", 70_000), "none");
}

#[test]
fn where_records_were_deleted_nobody_is_ruled_out() {
    let mut world = World::of([session("192.0.2.1", "alice", 50_000, 60_000)]);
    check(&world, &asked("192.0.2.1", 55_000), "unique alice=certain");
    check(&world, &asked("192.0.2.1", 45_000), "none");
    world.deleted = Some((RecordKind::Session, 56_000));
    check(&world, &asked("192.0.2.1", 55_000), "ambiguous alice=certain");
    check(&world, &asked("192.0.2.1", 45_000), "expired");
    check(&world, &asked("192.0.2.1", 57_000), "unique alice=certain");
    // Blocks of ports are of no concern to an address that no gateway gives out.
    world.deleted = Some((RecordKind::NatSession, 56_000));
    check(&world, &asked("192.0.2.1", 55_000), "unique alice=certain");
}
