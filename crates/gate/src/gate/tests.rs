#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::path::Path;
use std::time::Duration;

use tadoru_model::{CaseId, PersonId, Role, Span, UtcMicros};

use super::{Answer, Gate, GateError, Statement};
use crate::journal::event::{Decided, Entry};
use crate::journal::{Event, Options, verify};
use crate::keys::{KeyError, Month};
use crate::permit::{Disclose, Learn, Permit, Store};
use crate::seal::{SealError, Sealed};
use crate::{ActName, Ask, DataCategory, DataSet, Facts, Packs, Purpose, Scope, Verdict};

const NOW: UtcMicros = UtcMicros::from_seconds(1_795_224_903);
const HOUR: i64 = 3_600_000_000;

fn gate(dir: &Path) -> Gate {
    let options = Options { publish_every: Duration::from_secs(3600), ..Options::new("gate.example") };
    Gate::open(dir, Packs::shipped().unwrap(), &options, NOW).unwrap().0
}

fn person(name: &str) -> PersonId {
    PersonId(name.to_owned())
}

/// Recording assignments for the bill: automatic (JP-002).
fn standing() -> Ask {
    Ask {
        act: ActName::Store,
        data: DataSet::of(&[DataCategory::Asgn]),
        purpose: Purpose::Bill,
        basis: None,
        person: person("desk"),
        roles: vec![Role::System],
        case: None,
        scope: Scope { own_network: true, ..Scope::default() },
        facts: Facts::none(),
        at: NOW,
    }
}

/// Following an attack inside the network: the engineer on duty may, for an incident on file (JP-035).
fn follow() -> Ask {
    let mut facts = Facts::none();
    facts.derive("incident.id", "I-203.0.113.99");
    facts.derive("scope.attack_only", "yes");
    Ask {
        act: ActName::Learn,
        data: DataSet::of(&[DataCategory::Flow]),
        purpose: Purpose::TraceIn,
        person: person("sato"),
        roles: vec![Role::NetworkOperations],
        case: Some(CaseId("C-7".to_owned())),
        scope: Scope {
            endpoints: vec!["203.0.113.7:40123".to_owned()],
            subscribers: vec!["line-4711".to_owned()],
            span: Some(Span::around(NOW, 30_000_000)),
            own_network: false,
        },
        facts,
        ..standing()
    }
}

/// Handing history over through the certified association: two different persons (JP-038).
fn hand_over() -> Ask {
    let mut ask = follow();
    ask.facts.derive("association.certified", "yes");
    Ask { act: ActName::Disclose, purpose: Purpose::TraceX, ..ask }
}

fn permitted<A: crate::Act>(gate: &Gate, ask: Ask) -> Permit<A> {
    match gate.ask(ask).unwrap() {
        Answer::Permitted(permit) => permit,
        Answer::Refused(refusal) => panic!("{:?}", refusal.decision),
    }
}

fn refused<A: crate::Act>(gate: &Gate, ask: Ask) -> crate::Refusal {
    match gate.ask::<A>(ask).unwrap() {
        Answer::Permitted(permit) => panic!("{permit:?}"),
        Answer::Refused(refusal) => refusal,
    }
}

fn entry(gate: &Gate, index: u64) -> Event {
    Entry::parse(&gate.journal().entry(index).unwrap()).unwrap().event
}

fn decided(gate: &Gate, index: u64) -> Box<Decided> {
    match entry(gate, index) {
        Event::Decision(decided) => decided,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_permit_and_a_refusal_are_in_the_journal_when_they_are_handed_out() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let permit: Permit<Store> = permitted(&gate, standing());
    let written = decided(&gate, permit.journal_index());
    assert_eq!((written.rule.as_deref(), written.verdict), (Some("JP-002"), Verdict::PermitWithObligations));
    assert_eq!(written.packs, gate.packs().current().unwrap().digest());
    assert_eq!(permit.until(), NOW.plus(24 * HOUR), "a standing permit holds a day");
    let refusal = refused::<Learn>(&gate, Ask { data: DataSet::of(&[DataCategory::Cont]), ..follow() });
    let written = decided(&gate, refusal.journal_index);
    assert_eq!((written.verdict, written.until), (Verdict::Deny, None));
    let nobody = refused::<Learn>(&gate, Ask { data: DataSet::EMPTY, ..follow() });
    assert_eq!(decided(&gate, nobody.journal_index).verdict, Verdict::Deny);
    let other = gate.ask::<Disclose>(follow());
    assert!(matches!(other, Err(GateError::OtherAct { .. })));
}

#[test]
fn no_entry_holds_an_address_a_line_or_a_fact_s_value() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let permit: Permit<Learn> = permitted(&gate, follow());
    let written = decided(&gate, permit.journal_index());
    refused::<Disclose>(&gate, hand_over());
    let mut strange = follow();
    strange.facts.derive("203.0.113.7", "yes");
    refused::<Learn>(&gate, strange);
    for index in 0..gate.journal().size() {
        let text = String::from_utf8(gate.journal().entry(index).unwrap()).unwrap();
        assert!(!text.contains("203.0.113") && !text.contains("4711"), "{text}");
    }
    assert!(!std::fs::read_to_string(dir.path().join("pending")).unwrap().contains("203.0.113"));
    assert!(!format!("{permit:?}").contains("203"));
    let token =
        gate.vault().token(&written.scope.class, Month::of(NOW), "endpoint", "203.0.113.7:40123").unwrap();
    assert_eq!(written.scope.endpoints, [token.as_str()], "whoever has the key finds it again");
    gate.destroy_key(&written.scope.class, Month::of(NOW), NOW).unwrap();
    let again = gate.vault().token(&written.scope.class, Month::of(NOW), "endpoint", "203.0.113.7:40123");
    assert_ne!(again.unwrap(), token, "and without the key nobody");
}

#[test]
fn a_two_person_rule_takes_two() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let waits = refused::<Disclose>(&gate, hand_over());
    assert_eq!(waits.decision.verdict, Verdict::NeedApproval);
    let id = waits.approval_id.unwrap();
    assert_eq!(refused::<Disclose>(&gate, hand_over()).approval_id.as_ref(), Some(&id), "the id is stable");
    let duty = [Role::LegalReviewer];
    let list = gate.waiting_for(&duty, NOW);
    assert_eq!((list.len(), list[0].id.as_str(), list[0].act), (1, id.as_str(), ActName::Disclose));
    assert!(gate.waiting_for(&[Role::Auditor], NOW).is_empty());
    let own = gate.approve(&id, &person("sato"), &duty, NOW);
    assert!(matches!(own, Err(GateError::OwnApproval { .. })));
    let auditor = gate.approve(&id, &person("ueda"), &[Role::Auditor], NOW);
    assert!(matches!(auditor, Err(GateError::MayNotApprove { .. })));
    assert!(matches!(
        gate.approve("nothing", &person("ueda"), &duty, NOW),
        Err(GateError::NothingWaits { .. })
    ));
    let agreed = gate.approve(&id, &person("ueda"), &duty, NOW).unwrap();
    assert!(matches!(gate.approve(&id, &person("ueda"), &duty, NOW), Err(GateError::AgreedAlready { .. })));
    assert!(gate.waiting_for(&duty, NOW).is_empty());
    let permit: Permit<Disclose> = permitted(&gate, hand_over());
    assert_eq!(decided(&gate, permit.journal_index()).approved_by, [agreed]);
    // Agreed is this wish, of this person, in this scope.
    let mut other = hand_over();
    other.scope.endpoints.push("203.0.113.8:1".to_owned());
    assert_eq!(refused::<Disclose>(&gate, other).decision.verdict, Verdict::NeedApproval);
    let other = Ask { person: person("mori"), ..hand_over() };
    assert_eq!(refused::<Disclose>(&gate, other).decision.verdict, Verdict::NeedApproval);
    let later = Ask { at: NOW.plus(25 * HOUR), ..hand_over() };
    assert_eq!(refused::<Disclose>(&gate, later).decision.verdict, Verdict::NeedApproval, "it ends in a day");
}

#[test]
fn what_waits_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let first = gate(dir.path());
    let id = refused::<Disclose>(&first, hand_over()).approval_id.unwrap();
    drop(first);
    let second = gate(dir.path());
    second.approve(&id, &person("ueda"), &[Role::Approver], NOW).unwrap();
    drop(second);
    let third = gate(dir.path());
    let _: Permit<Disclose> = permitted(&third, hand_over());
    drop(third);
    let key = crate::journal::verifier_of(&dir.path().join("journal")).unwrap();
    assert!(verify(&dir.path().join("journal"), &key, None).is_sound());
}

#[test]
fn a_seal_opens_for_its_data_its_case_and_until_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let permit: Permit<Learn> = permitted(&gate, follow());
    let flow = DataSet::of(&[DataCategory::Flow]);
    let seal =
        |data, case: Option<&str>| Sealed::new(data, case.map(|case| CaseId(case.to_owned())), "value");
    assert_eq!(seal(flow, Some("C-7")).open(&permit, NOW), Ok(&"value"));
    assert_eq!(seal(flow, None).into_open(&permit, NOW), Ok("value"));
    assert_eq!(seal(flow, Some("C-8")).open(&permit, NOW), Err(SealError::OtherCase));
    let more = DataSet::of(&[DataCategory::Flow, DataCategory::Sub]);
    assert_eq!(seal(more, Some("C-7")).open(&permit, NOW), Err(SealError::OtherData));
    assert_eq!(seal(flow, Some("C-7")).open(&permit, permit.until()), Err(SealError::Ended));
    assert_eq!(format!("{:?}", seal(flow, None)), "[sealed]");
    assert_eq!(permit.openings(), 2);
    let index = permit.journal_index();
    let told = gate.close(permit).unwrap().unwrap();
    let openings = [(DataCategory::Flow, 2)].into();
    assert_eq!(entry(&gate, told), Event::Opened { permit: index, openings, pages: 0 });
    // A permit that is merely dropped tells too; one that opened nothing has nothing to tell.
    let permit: Permit<Learn> = permitted(&gate, follow());
    seal(flow, None).open(&permit, NOW).unwrap();
    drop(permit);
    drop(permitted::<Learn>(&gate, follow()));
    let last = gate.note(&Event::DeskStopped { version: "1".to_owned() }, NOW).unwrap();
    assert!(matches!(entry(&gate, last - 2), Event::Opened { pages: 0, .. }));
    assert!(matches!(entry(&gate, last - 1), Event::Decision(_)));
}

#[test]
fn pages_are_written_and_read_under_permits_only_for_their_data_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let (asgn, flow) = (DataSet::of(&[DataCategory::Asgn]), DataSet::of(&[DataCategory::Flow]));
    let store: Permit<Store> = permitted(&gate, standing());
    assert!(matches!(gate.vault().writer(&store, flow, NOW), Err(KeyError::OtherData)));
    assert!(matches!(gate.vault().writer(&store, asgn, store.until()), Err(KeyError::Ended)));
    let writer = gate.vault().writer(&store, asgn, NOW).unwrap();
    assert!(matches!(writer.key("asgn", Month::of(NOW), store.until()), Err(KeyError::Ended)));
    assert!(matches!(writer.old_key("asgn", Month::of(NOW), NOW), Err(KeyError::NoKey { .. })));
    let key = writer.key("asgn", Month::of(NOW), NOW).unwrap();
    let at = crate::keys::PageId { file: gate.vault().file_id().unwrap(), page: 0 };
    let mut page = b"page".to_vec();
    key.seal(at, b"", &mut page).unwrap();
    let learn: Permit<Learn> = permitted(&gate, follow());
    assert!(matches!(gate.vault().reader(&learn, asgn, NOW), Err(KeyError::OtherData)));
    let reader = gate.vault().reader(&learn, flow, NOW).unwrap();
    let key = reader.key("asgn", Month::of(NOW), NOW).unwrap();
    assert_eq!(key.open(at, b"", &mut page).unwrap(), b"page");
    let told = gate.close(learn).unwrap().unwrap();
    assert!(matches!(entry(&gate, told), Event::Opened { pages: 1, .. }));
}

#[test]
fn a_statement_is_written_for_a_fact_that_the_person_may_state() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let packs = gate.packs();
    let decl = packs.current().unwrap().facts().iter().find(|fact| !fact.by.is_empty()).unwrap();
    let statement = Statement {
        person: person("sato"),
        roles: decl.by.clone(),
        fact: decl.name.clone(),
        value: "198.51.100.4".to_owned(),
        case: None,
        evidence: Some([0xAB; 32]),
        at: NOW,
    };
    let before = gate.journal().size();
    gate.state(&statement).unwrap();
    assert_eq!(gate.journal().size(), before, "it waits for the decision that rests on it");
    let permit: Permit<Learn> = permitted(&gate, follow());
    assert_eq!(permit.journal_index(), before + 1);
    match entry(&gate, before) {
        Event::Statement { fact, value, evidence, .. } => {
            assert_eq!((fact, evidence), (decl.name.clone(), Some("ab".repeat(32))));
            assert!(!value.contains("198.51"));
        }
        other => panic!("{other:?}"),
    }
    let with = |fact: &str, roles: Vec<Role>| {
        gate.state(&Statement { fact: fact.to_owned(), roles, ..statement.clone() })
    };
    assert!(matches!(with(&decl.name, vec![Role::Auditor]), Err(GateError::MayNotState { .. })));
    assert!(matches!(with("incident.id", Role::ALL.to_vec()), Err(GateError::DerivedFact { .. })));
    assert!(matches!(with("no.such.fact", Role::ALL.to_vec()), Err(GateError::UnknownFact)));
}

#[test]
fn many_wishes_are_answered_together_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let asks = vec![standing(), Ask { roles: vec![Role::Auditor], ..standing() }, standing()];
    let before = gate.journal().size();
    let answers = gate.ask_many::<Store>(asks).unwrap();
    let indexes: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Permitted(permit) => (true, permit.journal_index() - before),
            Answer::Refused(refusal) => (false, refusal.journal_index - before),
        })
        .collect();
    assert_eq!(indexes, [(true, 0), (false, 1), (true, 2)]);
}
