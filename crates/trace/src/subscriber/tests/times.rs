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

/// A question behind the revised end meets only the older version, and asks for the newer one.
#[test]
fn behind_a_revised_end_the_older_version_does_not_speak_alone() {
    let bounded = session("192.0.2.1", "alice", 100, 0).ends(200, 600, How::NextHolder).thread(7);
    let logged = session("192.0.2.1", "alice", 100, 550).thread(7);
    for rows in [[bounded.clone(), logged.clone()], [logged, bounded]] {
        let world = World::of(rows);
        check(&world, &asked("192.0.2.1", 540), "unique alice=certain");
        check(&world, &asked("192.0.2.1", 580), "none");
    }
}

#[test]
fn of_two_logged_ends_the_time_between_is_left_open() {
    let (late, early) = (session("192.0.2.1", "alice", 100, 300), session("192.0.2.1", "alice", 100, 250));
    let world = World::of([late.thread(7), early.thread(7)]);
    check(&world, &asked("192.0.2.1", 200), "unique alice=certain");
    check(&world, &asked("192.0.2.1", 270), "ambiguous alice=possible | ExactTime MissingLog");
}

/// Whoever takes over sees a Stop and no Start; the Start is in an older version.
#[test]
fn a_late_stop_leaves_the_logged_start() {
    let bounded = session("192.0.2.1", "alice", 100, 0).ends(160, 300, How::NextHolder).thread(7);
    let before = Edge::between(UtcMicros::MIN, instant(250), How::Before);
    let stopped = Assignment { from: before, ..session("192.0.2.1", "alice", 0, 250).thread(7) };
    for rows in [[bounded.clone(), stopped.clone()], [stopped, bounded]] {
        let world = World::of(rows);
        check(&world, &asked("192.0.2.1", 200), "unique alice=certain");
        check(&world, &asked("192.0.2.1", 50), "none");
        check(&world, &asked("192.0.2.1", 270), "none");
    }
}

/// The device counts anew, and the later session's Start is lost: its Stop is not the end of the earlier one.
#[test]
fn a_stop_behind_the_bound_of_an_earlier_session_is_anothers() {
    let first = session("192.0.2.1", "alice", 100, 0).ends(160, 300, How::Restart).thread(7);
    let before = Edge::between(UtcMicros::MIN, instant(900), How::Before);
    let again = Assignment { from: before, ..session("192.0.2.1", "alice", 0, 900).thread(7) };
    for rows in [[first.clone(), again.clone()], [again, first]] {
        let world = World::of(rows);
        check(&world, &asked("192.0.2.1", 150), "unique alice=certain");
        check(&world, &asked("192.0.2.1", 500), "ambiguous alice=possible | ExactTime");
    }
}

#[test]
fn a_sign_of_life_behind_a_bound_voids_it() {
    let bounded = session("192.0.2.1", "alice", 100, 0).ends(100, 300, How::NextHolder).thread(7);
    let heard = session("192.0.2.1", "alice", 100, 400).open().thread(7);
    let bob = session("192.0.2.1", "bob", 300, 500);
    let answer = World::of([bounded, heard, bob]).ask(&asked("192.0.2.1", 350), |_| Vec::new());
    assert!(answer_told(&answer).starts_with("ambiguous alice=certain bob=certain"));
}

#[test]
fn an_open_end_is_bounded_by_the_first_record_that_proves_it_whoever_read_it() {
    let open = block((1024, 1535), "100.64.0.1", 100, 150).open().thread(7);
    let lines = [inner("100.64.0.1", "alice", 0, 1000), inner("100.64.0.2", "bob", 0, 1000)];
    let told = |next: &Assignment, second| {
        let world = World::of(lines.iter().chain([&open, next]).cloned());
        answer_told(&world.ask(&asked("192.0.2.1:1100", second), |_| Vec::new()))
    };
    // Another's allocation of ports of it; its own release, which another reader met before its allocation.
    let next = block((1024, 2047), "100.64.0.2", 300, 400).thread(8);
    let before = Edge::between(UtcMicros::MIN, instant(300), How::Before);
    let ended = Assignment { from: before, ..block((1024, 1535), "100.64.0.1", 0, 300).thread(8) };
    for next in [next, ended] {
        assert_eq!(told(&next, 140), "unique alice=certain");
        assert!(told(&next, 200).starts_with("ambiguous alice=possible"));
        assert_eq!(told(&next, 500), "none");
    }
}

fn lease(client: &str, from: i64, until: i64) -> Assignment {
    row(RecordKind::Lease, "dhcp-1", "internet", "192.0.2.1", from, until).line(client)
}

#[test]
fn a_lease_holds_to_its_expiry_unless_another_record_says_otherwise() {
    let first = lease("aa", 100, 0).ends(100, 1000, How::Expiry).thread(7);
    let alone = World::of([first.clone()]);
    check(&alone, &asked("192.0.2.1", 900), "unique aa=certain");
    let renewed = World::of([first.clone(), lease("aa", 700, 1600).thread(8)]);
    check(&renewed, &asked("192.0.2.1", 650), "unique aa=certain");
    let taken = World::of([first.clone(), lease("bb", 700, 900).thread(8)]);
    check(&taken, &asked("192.0.2.1", 680), "ambiguous aa=possible | ExactTime MissingLog");
    check(&taken, &asked("192.0.2.1", 800), "unique bb=certain");
    let mut unheard = alone;
    unheard.calendar.push(covered(&first, 400, 600, CoverageState::Dead));
    check(&unheard, &asked("192.0.2.1", 300), "unique aa=certain");
    check(&unheard, &asked("192.0.2.1", 900), "ambiguous aa=possible | ExactTime MissingLog");
}

/// A session that was silent and was heard again: the version that heard of it later stands.
#[test]
fn a_session_heard_of_again_is_no_longer_silent() {
    let silent = Edge { earliest: instant(220), latest: UtcMicros::MAX, how: How::Silent };
    let silent = Assignment { until: silent, ..session("192.0.2.1", "alice", 100, 220).thread(7) };
    let world = World::of([silent, session("192.0.2.1", "alice", 100, 1060).open().thread(7)]);
    check(&world, &asked("192.0.2.1", 500), "unique alice=certain");
}
