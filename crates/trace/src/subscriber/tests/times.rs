//! Edges, neighbours, skew, clocks, several times, several versions.

use super::*;

fn neighbours() -> World {
    World::of([session("192.0.2.1", "alice", 100, 500), session("192.0.2.1", "bob", 500, 900)])
}

#[test]
fn an_exact_edge_decides_between_neighbours() {
    check(&neighbours(), &asked("192.0.2.1", 499), "unique alice=certain");
    check(&neighbours(), &asked("192.0.2.1", 500), "unique bob=certain");
}

#[test]
fn a_neighbour_within_the_guard_leaves_doubt() {
    let mut world = neighbours();
    world.guard_s = 5;
    let told = "ambiguous alice=within-skew bob=possible | AnotherTime ExactTime";
    check(&world, &asked("192.0.2.1", 496), told);
    check(&world, &asked("192.0.2.1", 494), "unique alice=certain");
}

#[test]
fn nobody_within_the_guard_leaves_none() {
    let mut world = World::of([session("192.0.2.1", "alice", 100, 500)]);
    world.guard_s = 5;
    check(&world, &asked("192.0.2.1", 498), "unique alice=within-skew");
}

#[test]
fn a_stated_skew_that_crosses_an_edge_is_never_unique() {
    let asked_with = |skew| asked("192.0.2.1", 490).skew(skew);
    check(&neighbours(), &asked_with(9), "unique alice=certain");
    check(&neighbours(), &asked_with(10), "ambiguous alice=possible bob=possible | AnotherTime ExactTime");
    let alone = World::of([session("192.0.2.1", "alice", 100, 500)]);
    check(&alone, &asked_with(30), "ambiguous alice=possible | ExactTime");
}

#[test]
fn a_source_whose_clock_leads_is_put_right() {
    let mut world = neighbours();
    let day = UtcMicros(DAWN.0 - DAWN.0.rem_euclid(86_400_000_000));
    let source = SourceName::from("nas-1");
    world.readings.push(ClockReading { source, day, lead_us: 60_000_000, samples: 100 });
    // It logged 500 when it was 435 to 440.
    let answer = check(&world, &asked("192.0.2.1", 445), "unique bob=certain");
    assert_eq!(answer.candidates[0].path[0].corrected_us, -60_000_000);
    assert!(answer.candidates[0].doubts.contains(&tadoru_model::Doubt::ClockCorrected));
    check(&world, &asked("192.0.2.1", 430), "unique alice=certain");
    // A known weakness: a missing log is named although it is the clock that leaves the edge open.
    let told = "ambiguous alice=possible bob=possible | AnotherTime ExactTime MissingLog";
    check(&world, &asked("192.0.2.1", 437), told);
}

#[test]
fn an_inferred_end_is_certain_up_to_the_last_sign_of_life() {
    let world = World::of([
        session("192.0.2.1", "alice", 100, 0).ends(300, 500, How::NextHolder),
        session("192.0.2.1", "bob", 500, 900),
    ]);
    check(&world, &asked("192.0.2.1", 250), "unique alice=certain");
    check(&world, &asked("192.0.2.1", 400), "ambiguous alice=possible | ExactTime MissingLog");
    check(&world, &asked("192.0.2.1", 600), "unique bob=certain");
}

#[test]
fn several_observed_times_leave_whoever_fits_all() {
    let blocks = World::of([
        block((1024, 1535), "100.64.0.1", 100, 500),
        block((1024, 1535), "100.64.0.1", 700, 900),
        block((1536, 2047), "100.64.0.2", 100, 500),
        block((1536, 2047), "100.64.0.3", 700, 900),
        inner("100.64.0.1", "alice", 0, 1000),
        inner("100.64.0.2", "bob", 0, 1000),
        inner("100.64.0.3", "carol", 0, 1000),
    ]);
    check(&blocks, &asked("192.0.2.1", 300), "ambiguous alice=certain bob=certain | Port AnotherTime");
    check(&blocks, &asked("192.0.2.1", 300).also(800), "unique alice=certain");
}

#[test]
fn times_that_no_one_holder_fits_are_not_answered_with_one() {
    let question = asked("192.0.2.1", 300).also(700);
    let answer = check(&neighbours(), &question, "ambiguous alice=certain bob=certain");
    assert!(answer.notes.iter().any(|note| note.contains("no holder fits")));
}

#[test]
fn a_time_without_records_is_not_made_good_by_another() {
    let alice = session("192.0.2.1", "alice", 100, 500);
    let mut world = World::of([alice.clone()]);
    world.calendar.push(covered(&alice, 600, 800, CoverageState::Dead));
    check(&world, &asked("192.0.2.1", 300).also(700), "gap alice=certain | MissingLog");
    check(&world, &asked("192.0.2.1", 300).also(5000), "none alice=certain");
}

#[test]
fn no_time_is_no_question() {
    let question = Question { seen: Vec::new(), ..asked("192.0.2.1", 1) };
    check(&neighbours(), &question, "none");
}

#[test]
fn versions_of_one_session_are_one_row_and_the_best_known_end_stands() {
    let bounded = session("192.0.2.1", "alice", 100, 0).ends(200, 600, How::NextHolder).thread(7);
    let logged = session("192.0.2.1", "alice", 100, 550).thread(7);
    for rows in [[bounded.clone(), logged.clone()], [logged, bounded]] {
        let world = World::of(rows);
        check(&world, &asked("192.0.2.1", 400), "unique alice=certain");
        check(&world, &asked("192.0.2.1", 700), "none");
    }
}

#[test]
fn two_sessions_of_one_thread_are_two() {
    let world = World::of([
        session("192.0.2.1", "alice", 100, 200).thread(7),
        session("192.0.2.1", "bob", 300, 400).thread(7),
    ]);
    check(&world, &asked("192.0.2.1", 150), "unique alice=certain");
    check(&world, &asked("192.0.2.1", 350), "unique bob=certain");
}

#[test]
fn who_may_have_held_it_gives_way_to_who_surely_held_it_all_the_time() {
    let world = World::of([
        session("192.0.2.1", "alice", 100, 0).ends(200, 9000, How::Silent),
        session("192.0.2.1", "bob", 300, 900),
    ]);
    check(&world, &asked("192.0.2.1", 500), "unique bob=certain");
    check(&world, &asked("192.0.2.1", 500).skew(190), "unique bob=certain");
}

/// A question behind the revised end meets only the older version: the newer one, which would overrule it, is not asked
/// for.
#[test]
fn known_fault_behind_a_revised_end_the_older_version_speaks_alone() {
    let bounded = session("192.0.2.1", "alice", 100, 0).ends(200, 600, How::NextHolder).thread(7);
    let logged = session("192.0.2.1", "alice", 100, 550).thread(7);
    let world = World::of([bounded, logged]);
    check(&world, &asked("192.0.2.1", 580), "ambiguous alice=possible | ExactTime MissingLog");
    let (late, early) = (session("192.0.2.1", "alice", 100, 300), session("192.0.2.1", "alice", 100, 250));
    let world = World::of([late.thread(7), early.thread(7)]);
    check(&world, &asked("192.0.2.1", 200), "unique alice=certain");
    check(&world, &asked("192.0.2.1", 270), "unique alice=certain");
}

/// A session that was silent and was heard again: the version that heard of it later stands.
#[test]
fn a_session_heard_of_again_is_no_longer_silent() {
    let silent = Edge { earliest: instant(220), latest: UtcMicros::MAX, how: How::Silent };
    let silent = Assignment { until: silent, ..session("192.0.2.1", "alice", 100, 220).thread(7) };
    let world = World::of([silent, session("192.0.2.1", "alice", 100, 1060).open().thread(7)]);
    check(&world, &asked("192.0.2.1", 500), "unique alice=certain");
}
