#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]
//! What must hold of the Japanese pack whatever is on hand, shown over the full enumeration: every cell, every choice of
//! the facts that bear on it, every role, every set of approvals, with and without every rule signed off.

use std::collections::BTreeSet;

use tadoru_gate::{
    ActName, Basis, DataCategory, Decision, Facts, Packs, Purpose, Verdict,
    evaluate::evaluate,
    table::{APPROVALS, Cell, all_signed, cells, people},
};
use tadoru_model::{PersonId, Role};

use DataCategory::*;

/// The categories that no one learns of for an investigation without a warrant.
const SECRET: [DataCategory; 9] = [Asgn, Seat, Flow, Hdr, Dns, Menv, Url, Loc, Cont];
const WARRANT: [&str; 3] = ["warrant.signature.valid", "warrant.court.verified", "warrant.scope.matches"];

fn japan() -> (Packs, Packs) {
    let packs = Packs::shipped().unwrap();
    let signed = all_signed(&packs);
    (packs, signed)
}

/// One permit that was found, with all that led to it.
struct Permitted<'a> {
    cell: &'a Cell,
    choice: &'a [usize],
    role: Role,
    approvals: &'static str,
    decision: Decision,
}

impl Permitted<'_> {
    fn facts(&self) -> Facts {
        self.cell.facts(self.choice)
    }

    fn rule(&self) -> &str {
        self.decision.rule.as_ref().map_or("", |rule| rule.id.as_str())
    }

    fn says(&self) -> String {
        let Cell { act, data, purpose, .. } = self.cell;
        let facts = self.facts();
        let names: Vec<_> = facts.iter().map(|(name, _)| name).collect();
        format!(
            "{act} {data} {purpose} {} {} by {} on {names:?}",
            self.role.as_str(),
            self.approvals,
            self.rule()
        )
    }
}

/// Walks the whole table with no basis named, and hands every permit to `look`.
fn every_permit(wanted: impl Fn(&Cell) -> bool, look: impl FnMut(&Permitted<'_>)) -> usize {
    every_permit_on(&[None], wanted, look)
}

/// The same for each of some named bases.
fn every_permit_on(
    bases: &[Option<Basis>],
    wanted: impl Fn(&Cell) -> bool,
    mut look: impl FnMut(&Permitted<'_>),
) -> usize {
    let (packs, signed) = japan();
    let mut found = 0;
    for cell in cells(packs.current().unwrap()).iter().filter(|cell| wanted(cell)) {
        let choices = cell.choices();
        for role in Role::ALL {
            for choice in &choices {
                let mut ask = cell.ask(role, cell.facts(choice));
                for (basis, packs) in bases.iter().flat_map(|basis| [(basis, &packs), (basis, &signed)]) {
                    ask.basis = *basis;
                    for (approvals, roles) in APPROVALS {
                        let decision = evaluate(packs, &ask, &people(roles));
                        if decision.verdict.permits() {
                            found += 1;
                            look(&Permitted { cell, choice, role, approvals, decision });
                        }
                    }
                }
            }
        }
    }
    found
}

#[test]
fn nothing_secret_is_disclosed_for_an_investigation_without_a_warrant() {
    let secret = |cell: &Cell| {
        cell.act == ActName::Disclose && cell.purpose == Purpose::Crime && SECRET.contains(&cell.data)
    };
    let mut rules = BTreeSet::new();
    let named: Vec<Option<Basis>> = Basis::ALL.iter().copied().map(Some).chain([None]).collect();
    let found = every_permit_on(&named, secret, |permitted| {
        let facts = permitted.facts();
        assert!(WARRANT.iter().all(|name| facts.get(name).is_some()), "{}", permitted.says());
        if permitted.rule().starts_with("JP-090") {
            assert!(facts.get("instrument.domestic").is_some(), "{}", permitted.says());
        }
        rules.insert(permitted.rule().to_owned());
    });
    assert!(found > 0);
    assert_eq!(
        rules.into_iter().collect::<Vec<_>>(),
        ["JP-082", "JP-083", "JP-085", "JP-090.2"],
        "and no other"
    );
}

#[test]
fn nothing_secret_is_looked_up_for_an_investigation_without_a_warrant_but_by_both_parties() {
    let secret = |cell: &Cell| {
        cell.act == ActName::Learn && cell.purpose == Purpose::Crime && SECRET.contains(&cell.data)
    };
    every_permit(secret, |permitted| {
        let facts = permitted.facts();
        let warrant = WARRANT.iter().all(|name| facts.get(name).is_some());
        let parties = permitted.rule() == "JP-073" && permitted.decision.basis == Some(Basis::Party);
        assert!(warrant || parties, "{}", permitted.says());
    });
}

#[test]
fn necessity_opens_danger_to_life_and_five_lines_that_disclose_nothing() {
    let others = ["JP-025", "JP-032", "JP-033", "JP-035", "JP-054"];
    let mut seen = BTreeSet::new();
    every_permit(
        |_| true,
        |permitted| {
            if permitted.decision.basis == Some(Basis::Nec) {
                let life = permitted.cell.purpose == Purpose::Life && permitted.rule() == "JP-086";
                let other = others.contains(&permitted.rule()) && permitted.cell.act != ActName::Disclose;
                assert!(life || other, "{}", permitted.says());
                seen.insert(permitted.rule().to_owned());
            }
            // Where disclosing for danger to life is permitted, it is by necessity or to the person concerned.
            if permitted.cell.act == ActName::Disclose && permitted.cell.purpose == Purpose::Life {
                assert!(["JP-086", "JP-089"].contains(&permitted.rule()), "{}", permitted.says());
            }
            roles(permitted);
            persons(permitted);
            denied(permitted);
        },
    );
    assert!(seen.contains("JP-086") && seen.contains("JP-054"));
}

/// The auditor and the administrator open nothing, the manager sees figures only.
fn roles(permitted: &Permitted<'_>) {
    let opens = matches!(permitted.cell.act, ActName::Learn | ActName::Use | ActName::Disclose);
    match permitted.role {
        Role::Auditor => panic!("{}", permitted.says()),
        Role::Administrator => assert_eq!(permitted.cell.act, ActName::Store, "{}", permitted.says()),
        Role::Manager => assert!(!opens || permitted.cell.data == Agg, "{}", permitted.says()),
        _ => {}
    }
}

/// A rule that asks for two persons is never passed by one.
fn persons(permitted: &Permitted<'_>) {
    let asked = &permitted.decision.approval;
    if asked.persons >= 2 && asked.per == tadoru_gate::request::ApprovalPer::Ask {
        assert_ne!(permitted.approvals, "-", "{}", permitted.says());
        let counts = asked.asker.contains(&permitted.role);
        assert!(counts || permitted.approvals.contains('+'), "{}", permitted.says());
    }
}

/// What JP-003, 007, 052, 056, 064, 065 and 092 deny.
fn denied(permitted: &Permitted<'_>) {
    use ActName::*;
    let Cell { act, data, purpose, .. } = *permitted.cell;
    let says = || permitted.says();
    let investigating = [Purpose::Crime, Purpose::Life].contains(&purpose);
    assert!(!(act == Learn && data == Cont && !investigating), "JP-003: {}", says());
    assert!(!([Throttle, Block].contains(&act) && purpose == Purpose::Civil), "JP-007: {}", says());
    assert!(!(act == Share && data == Flow), "JP-052: {}", says());
    if act == Disclose && data == Flow && purpose == Purpose::TraceX {
        assert!(["JP-038", "JP-089"].contains(&permitted.rule()), "JP-052: {}", says());
    }
    assert!(act != Probe, "JP-056: {}", says());
    if act == Disclose && [Purpose::Clean, Purpose::Spam].contains(&purpose) {
        assert!(![Sub, Idv, Pay, Seat, Loc].contains(&data), "JP-064: {}", says());
        assert!(![Asgn, Flow, Hdr, Menv].contains(&data), "JP-065: {}", says());
    }
    if act == Disclose && data == Sub {
        let known =
            ["JP-036", "JP-080", "JP-081", "JP-086", "JP-088", "JP-089", "JP-090", "JP-090.2", "JP-105"];
        assert!(known.contains(&permitted.rule()), "JP-064: {}", says());
    }
    let personal = SECRET.contains(&data) || [Sub, Idv, Pay, Apat, Vol].contains(&data);
    assert!(!(act == Use && purpose == Purpose::Crime && personal), "JP-092: {}", says());
}

/// The one fact that stops a deed (JP-061.2) and that another rule asks for (JP-061.3).
const STOPS_AND_OPENS: &str = "nat.destination.kept";

#[test]
fn a_further_true_fact_never_turns_a_yes_into_a_no() {
    let (packs, signed) = japan();
    for packs in [&packs, &signed] {
        for cell in cells(packs.current().unwrap()) {
            let choices = cell.choices();
            for role in Role::ALL {
                for (_, roles) in APPROVALS {
                    let people = people(roles);
                    let permits = |choice: &[usize]| {
                        evaluate(packs, &cell.ask(role, cell.facts(choice)), &people).verdict.permits()
                    };
                    let yes: BTreeSet<&Vec<usize>> =
                        choices.iter().filter(|choice| permits(choice)).collect();
                    for choice in &yes {
                        for atom in (0..choice.len()).filter(|atom| choice[*atom] == 0) {
                            if cell.atoms[atom].facts.iter().any(|(name, _)| name == STOPS_AND_OPENS) {
                                continue;
                            }
                            let mut more = (*choice).clone();
                            more[atom] = 1;
                            assert!(yes.contains(&more), "{cell:?} {role:?} {choice:?} + {atom}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn only_these_facts_stop_what_would_be_permitted() {
    let (_, signed) = japan();
    let mut stopping = BTreeSet::new();
    for cell in cells(signed.current().unwrap()) {
        for role in Role::ALL {
            for (_, roles) in APPROVALS {
                let ask = |facts| evaluate(&signed, &cell.ask(role, facts), &people(roles));
                for stop in cell.stops.iter().chain(&cell.atoms) {
                    let other = |atom: &tadoru_gate::table::Atom| usize::from(atom != stop);
                    let others: Vec<usize> = cell.atoms.iter().map(other).collect();
                    let unless = "nat.destination.reason";
                    let lifted =
                        cell.atoms.iter().position(|a| a.facts.iter().any(|(name, _)| name == unless));
                    for others in [others.clone(), lifted.map_or(others.clone(), |i| without(&others, i))] {
                        let before = cell.facts(&others);
                        let mut facts = before.clone();
                        stop.put(1, &mut facts);
                        if ask(before).verdict.permits() && !ask(facts).verdict.permits() {
                            stopping.extend(stop.facts.iter().map(|(name, _)| name.clone()));
                        }
                    }
                }
            }
        }
    }
    let expected = [
        "answer.third_person",
        "consent.outdated",
        "ground.copyright",
        STOPS_AND_OPENS,
        "recipient.complainant",
        "request.exploratory",
        "request.incomplete",
        "request.overlong",
    ];
    assert_eq!(stopping.into_iter().collect::<Vec<_>>(), expected);
}

fn without(choice: &[usize], atom: usize) -> Vec<usize> {
    choice.iter().enumerate().map(|(i, value)| if i == atom { 0 } else { *value }).collect()
}

#[test]
fn the_stops_hold_whatever_else_is_on_hand() {
    use ActName::*;
    let (packs, signed) = japan();
    type Stopped = fn(&Cell) -> bool;
    let stops: [(&str, Stopped); 4] = [
        ("ground.copyright", |cell| [Throttle, Block].contains(&cell.act)),
        ("answer.third_person", |cell| {
            [Learn, Disclose].contains(&cell.act)
                && (SECRET.contains(&cell.data) || [Apat, Vol].contains(&cell.data))
        }),
        ("recipient.complainant", |cell| {
            let who = [Sub, Idv, Pay, Seat, Loc, Asgn, Flow, Hdr, Menv].contains(&cell.data);
            cell.act == Disclose && cell.purpose != Purpose::Civil && who
        }),
        ("request.exploratory", |cell| {
            [Learn, Disclose].contains(&cell.act)
                && cell.purpose == Purpose::Crime
                && ![Agg, Ioc, Pub].contains(&cell.data)
        }),
    ];
    for cell in cells(packs.current().unwrap()) {
        for (name, _) in stops.iter().filter(|(_, stopped)| stopped(&cell)) {
            let atom = cell.stops.iter().find(|atom| atom.facts.iter().any(|(n, _)| n == name)).unwrap();
            for choice in cell.choices() {
                for role in Role::ALL {
                    let mut facts = cell.facts(&choice);
                    atom.put(1, &mut facts);
                    let decision = evaluate(&signed, &cell.ask(role, facts), &people(APPROVALS[6].1));
                    assert!(!decision.verdict.permits(), "{name} does not stop {cell:?}");
                }
            }
        }
    }
}

#[test]
fn a_missing_fact_of_an_atom_is_the_same_as_none_of_it() {
    let (_, signed) = japan();
    for cell in cells(signed.current().unwrap()) {
        let all: Vec<usize> = cell.atoms.iter().map(|_| 1).collect();
        for (number, atom) in cell.atoms.iter().enumerate().filter(|(_, atom)| atom.facts.len() > 1) {
            let mut none = all.clone();
            none[number] = 0;
            for left_out in 0..atom.facts.len() {
                let mut part = atom.clone();
                part.facts.remove(left_out);
                for role in Role::ALL {
                    for (_, roles) in APPROVALS {
                        let mut facts = cell.facts(&none);
                        let without = evaluate(&signed, &cell.ask(role, facts.clone()), &people(roles));
                        part.put(1, &mut facts);
                        let with = evaluate(&signed, &cell.ask(role, facts), &people(roles));
                        assert_eq!(with.verdict.permits(), without.verdict.permits(), "{cell:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn nobody_passes_a_two_person_rule_alone_not_even_with_every_role() {
    let (_, signed) = japan();
    let asker = PersonId("asker".to_owned());
    let roles: Vec<Role> = Role::ALL.to_vec();
    let mut rules = BTreeSet::new();
    for cell in cells(signed.current().unwrap()) {
        for choice in cell.choices() {
            let mut ask = cell.ask(Role::System, cell.facts(&choice));
            ask.roles.clone_from(&roles);
            let himself = [(asker.clone(), roles.clone()), (asker.clone(), vec![Role::LegalReviewer])];
            let decision = evaluate(&signed, &ask, &himself);
            let two = decision.approval.persons >= 2;
            if two && decision.approval.per == tadoru_gate::request::ApprovalPer::Ask {
                assert!(!decision.verdict.permits(), "{cell:?}");
                rules.insert(decision.rule.unwrap().id);
            }
        }
    }
    for rule in ["JP-033", "JP-038", "JP-057.2", "JP-058", "JP-073", "JP-082", "JP-083", "JP-085", "JP-103"] {
        assert!(rules.contains(rule), "{rule} was met: {rules:?}");
    }
}

#[test]
fn without_a_rule_the_answer_is_no() {
    let (packs, signed) = japan();
    let known: BTreeSet<_> =
        cells(packs.current().unwrap()).iter().map(|cell| (cell.act, cell.data, cell.purpose)).collect();
    let mut empty = 0;
    for act in ActName::ALL {
        for data in DataCategory::ALL {
            for purpose in Purpose::ALL.iter().filter(|p| !known.contains(&(*act, *data, **p))) {
                let cell =
                    Cell { act: *act, data: *data, purpose: *purpose, atoms: Vec::new(), stops: Vec::new() };
                for role in Role::ALL {
                    let decision = evaluate(&signed, &cell.ask(role, Facts::none()), &people(APPROVALS[6].1));
                    assert_eq!(decision.verdict, Verdict::Deny);
                }
                empty += 1;
            }
        }
    }
    assert_eq!(empty + known.len(), ActName::ALL.len() * DataCategory::ALL.len() * Purpose::ALL.len());
}
