//! Ways back of several steps, and what tells candidates apart.

use super::*;

const LOW: (u16, u16) = (1024, 1535);
const HIGH: (u16, u16) = (1536, 2047);

fn two_blocks() -> World {
    World::of([
        block(LOW, "100.64.0.1", 100, 900),
        block(HIGH, "100.64.0.2", 100, 900),
        inner("100.64.0.1", "alice", 0, 1000),
        inner("100.64.0.2", "bob", 0, 1000),
    ])
}

#[test]
fn a_port_leads_through_the_block_and_the_inside_address_to_one_line() {
    let answer = check(&two_blocks(), &asked("192.0.2.1:1100", 500), "unique alice=certain");
    let kinds: Vec<RecordKind> = answer.candidates[0].path.iter().map(|hop| hop.kind).collect();
    assert_eq!(kinds, [RecordKind::NatBlock, RecordKind::Session]);
    assert_eq!(answer.candidates[0].held, Span::new(instant(100), instant(900)));
    check(&two_blocks(), &asked("192.0.2.1:2000", 500), "unique bob=certain");
}

#[test]
fn without_a_port_the_port_would_decide() {
    check(&two_blocks(), &asked("192.0.2.1", 500), "ambiguous alice=certain bob=certain | Port AnotherTime");
}

#[test]
fn a_line_of_one_contract_is_named_by_the_contract_and_several_lines_of_it_are_one() {
    let one = |_: &Line| vec![SubscriberId("C-1".to_owned())];
    let answer = two_blocks().ask(&asked("192.0.2.1", 500), one);
    assert_eq!(answer_told(&answer), "ambiguous C-1=certain | Port");
    let two = |_: &Line| vec![SubscriberId("C-1".to_owned()), SubscriberId("C-2".to_owned())];
    let answer = two_blocks().ask(&asked("192.0.2.1:1100", 500), two);
    assert_eq!(answer_told(&answer), "ambiguous C-1=certain C-2=certain | AnotherTime");
}

#[test]
fn the_destination_narrows_where_the_gateway_logged_it() {
    let connection = |inside: &str, far: &str| Assignment {
        kind: RecordKind::NatSession,
        remote: Some(Remote { addr: far.parse().unwrap(), port: Some(443) }),
        ..block((4000, 4000), inside, 100, 900)
    };
    let world = World::of([
        connection("100.64.0.1", "198.51.100.1"),
        connection("100.64.0.2", "203.0.113.1"),
        inner("100.64.0.1", "alice", 0, 1000),
        inner("100.64.0.2", "bob", 0, 1000),
    ]);
    let question = asked("192.0.2.1:4000", 500);
    check(&world, &question, "ambiguous alice=certain bob=certain | Destination AnotherTime");
    check(&world, &question.clone().toward("198.51.100.1"), "unique alice=certain");
    check(&world, &question.toward("203.0.113.1"), "unique bob=certain");
}

#[test]
fn the_protocol_narrows_where_the_gateway_logged_it() {
    let of = |proto, row| Assignment { proto, ..row };
    let world = World::of([
        of(Protocol::TCP, block(LOW, "100.64.0.1", 100, 900)),
        of(Protocol::UDP, block(LOW, "100.64.0.2", 100, 900)),
        inner("100.64.0.1", "alice", 0, 1000),
        inner("100.64.0.2", "bob", 0, 1000),
    ]);
    let mut question = asked("192.0.2.1:1100", 500);
    check(&world, &question, "ambiguous alice=certain bob=certain | Protocol AnotherTime");
    question.endpoint.proto = Protocol::UDP;
    check(&world, &question, "unique bob=certain");
}

#[test]
fn map_e_leads_to_the_prefix_and_its_session() {
    let home = |prefix: &str, login: &str| session(prefix, login, 0, 1000).of("nas-6", "access");
    let mut world = World::of([home("2001:db8:12:3400::/56", "alice"), home("2001:db8:12:3500::/56", "bob")]);
    world.rules.push(map_e());
    let answer = check(&world, &asked("192.0.2.18:1232", 500), "unique alice=certain");
    assert_eq!(answer.candidates[0].path[0].kind, RecordKind::Rule);
    check(&world, &asked("192.0.2.18:1236", 500), "unique bob=certain");
    check(&world, &asked("2001:db8:12:34ff::9", 500), "unique alice=certain");
}

#[test]
fn a_shared_rule_only_narrows() {
    let mut world = World::of([]);
    world.rules.push(shared());
    // A known weakness: a more exact time is named although none would decide.
    let told = "ambiguous 100.64.0.0/24=possible | AnotherTime ExactTime";
    check(&world, &asked("192.0.2.1:3000", 500), told);
}

#[test]
fn a_shared_rule_steps_back_behind_a_log() {
    let mut world = two_blocks();
    world.rules.push(shared());
    check(&world, &asked("192.0.2.1:1100", 500), "unique alice=certain");
}

#[test]
fn an_untold_realm_leaves_overlapping_private_space_ambiguous() {
    let world = |realm: &str| {
        World::of([
            block(LOW, "100.64.0.1", 100, 900).inside(realm, "100.64.0.1"),
            inner("100.64.0.1", "alice", 0, 1000).of("bng-1", "vrf-a"),
            inner("100.64.0.1", "bob", 0, 1000).of("bng-2", "vrf-b"),
        ])
    };
    let question = asked("192.0.2.1:1100", 500);
    check(&world(""), &question, "ambiguous alice=certain bob=certain | AnotherTime Realm");
    check(&world("vrf-b"), &question, "unique bob=certain");
    check(&world("nobody-knows-it"), &question, "ambiguous alice=certain bob=certain | AnotherTime Realm");
}

#[test]
fn an_untold_realm_is_open_while_one_of_the_realms_lacks_its_records() {
    let bob = inner("100.64.0.1", "bob", 0, 50).of("bng-2", "vrf-b");
    let mut world = World::of([
        block(LOW, "100.64.0.1", 100, 900).inside("", "100.64.0.1"),
        inner("100.64.0.1", "alice", 0, 1000).of("bng-1", "vrf-a"),
        bob.clone(),
    ]);
    let question = asked("192.0.2.1:1100", 500);
    check(&world, &question, "unique alice=certain");
    world.calendar.push(covered(&bob, 400, 600, CoverageState::Dead));
    check(&world, &question, "ambiguous alice=certain");
}

#[test]
fn an_inside_address_that_no_record_names_is_a_gap_where_records_of_it_are_kept() {
    let kept = World::of([block(LOW, "100.64.0.1", 100, 900), inner("100.64.0.9", "dora", 0, 1000)]);
    let question = asked("192.0.2.1:1100", 500);
    check(&kept, &question, "gap 100.64.0.1=certain | MissingLog");
    let not_kept = World::of([block(LOW, "100.64.0.1", 100, 900)]);
    check(&not_kept, &question, "unique 100.64.0.1=certain");
}

#[test]
fn a_chain_that_runs_in_a_circle_ends() {
    let binding = |outside: &str, inside: &str| {
        row(RecordKind::NatBinding, "cgn-1", "cgn", outside, 0, 1000).inside("cgn", inside)
    };
    let world = World::of([binding("100.64.0.1", "100.64.0.2"), binding("100.64.0.2", "100.64.0.1")]);
    let answer = world.ask(&asked("100.64.0.1", 500), |_| Vec::new());
    assert_ne!(answer.outcome, tadoru_model::Outcome::Gap, "no access records are kept");
    assert!(answer.candidates.iter().all(|candidate| candidate.path.len() <= 8));
}
