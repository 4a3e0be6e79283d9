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

/// Copying flows to find command servers: agreed to once for a version, by the manager and the legal reviewer (JP-050).
fn copying(at: UtcMicros) -> Ask {
    let mut facts = Facts::none();
    facts.derive("fields.minimum", "yes");
    let data = DataSet::of(&[DataCategory::Flow]);
    Ask { data, purpose: Purpose::Detect, facts, at, ..standing() }
}

/// The Japanese pack with another version, and so another digest.
fn another_version() -> Packs {
    let text = include_str!("../../../../packs/jp/japan.toml").to_owned() + "\n# another version\n";
    let (seed, mut packs) = ([7; 32], Packs::shipped().unwrap());
    let signature = crate::pack::signature::sign(text.as_bytes(), &seed).unwrap();
    let key = crate::pack::PackKey::parse("tests", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=").unwrap();
    let keys = crate::pack::PackKeys::product().with(key);
    packs.add(crate::Pack::load(&text, &signature, &keys).unwrap());
    packs
}

#[test]
fn what_is_agreed_to_once_a_version_holds_for_that_version_only() {
    let dir = tempfile::tempdir().unwrap();
    let first = gate(dir.path());
    let waits = refused::<Store>(&first, copying(NOW));
    assert_eq!(waits.decision.verdict, Verdict::NeedApproval);
    let id = waits.approval_id.unwrap();
    // A month later, asked anew: the same.
    assert_eq!(refused::<Store>(&first, copying(NOW.plus(31 * 24 * HOUR))).approval_id.as_ref(), Some(&id));
    let (lawyer, manager) = ([Role::LegalReviewer], [Role::Manager]);
    assert_eq!(first.waiting_for(&lawyer, NOW)[0].id, id);
    let duty = first.approve(&id, &person("oda"), &[Role::Approver], NOW);
    assert!(matches!(duty, Err(GateError::MayNotApprove { .. })), "{duty:?}");
    let one = first.approve(&id, &person("ueda"), &lawyer, NOW).unwrap();
    assert!(matches!(
        first.approve(&id, &person("ueda"), &lawyer, NOW),
        Err(GateError::AgreedAlready { .. })
    ));
    match entry(&first, one) {
        Event::VersionApproval { rule, pack, roles, .. } => {
            assert_eq!((rule.as_str(), roles.as_slice()), ("JP-050", lawyer.as_slice()));
            assert_eq!(pack, first.packs().current().unwrap().digest());
        }
        other => panic!("{other:?}"),
    }
    let lacking = refused::<Store>(&first, copying(NOW));
    assert_eq!(lacking.decision.missing.len(), 1, "the manager is missing still");
    assert!(first.waiting_for(&lawyer, NOW).is_empty());
    // One person in both roles is one person.
    let both = first.approve(&id, &person("ueda"), &[Role::LegalReviewer, Role::Manager], NOW);
    assert!(both.is_err());
    let two = first.approve(&id, &person("mori"), &manager, NOW).unwrap();
    let permit: Permit<Store> = permitted(&first, copying(NOW));
    assert_eq!(decided(&first, permit.journal_index()).approved_by, [one, two]);
    assert_eq!((permit.retention(), permit.purpose()), (Some("flow-c2"), Purpose::Detect));
    let next_year = NOW.plus(365 * 24 * HOUR);
    drop(permitted::<Store>(&first, copying(next_year)));
    // It was agreed to this rule and to no other one.
    assert_eq!(refused::<Disclose>(&first, hand_over()).decision.verdict, Verdict::NeedApproval);
    drop((permit, first));

    let again = gate(dir.path());
    drop(permitted::<Store>(&again, copying(NOW)));
    again.set_packs(another_version(), NOW).unwrap();
    let waits = refused::<Store>(&again, copying(NOW));
    assert_ne!(waits.approval_id.as_ref(), Some(&id), "another version is another matter");
    assert!(matches!(
        again.approve(&id, &person("sato"), &manager, NOW),
        Err(GateError::NothingWaits { .. })
    ));
    assert!(again.waiting_for(&manager, NOW).iter().all(|waiting| waiting.id != id));
    let id = waits.approval_id.unwrap();
    again.approve(&id, &person("mori"), &manager, NOW).unwrap();
    refused::<Store>(&again, copying(NOW));
    again.approve(&id, &person("ueda"), &lawyer, NOW).unwrap();
    drop(permitted::<Store>(&again, copying(NOW)));
    drop(again);
    // A line of the file that no entry of the journal bears out counts for nothing.
    let file = dir.path().join("agreed");
    let forged = std::fs::read_to_string(&file).unwrap().replace("ueda", "kato");
    std::fs::write(&file, forged).unwrap();
    refused::<Store>(&gate(dir.path()), copying(NOW));
}

#[test]
fn an_agreement_to_one_wish_is_none_to_a_version() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(dir.path());
    let id = refused::<Disclose>(&gate, hand_over()).approval_id.unwrap();
    gate.approve(&id, &person("ueda"), &[Role::LegalReviewer], NOW).unwrap();
    let lacking = refused::<Store>(&gate, copying(NOW)).decision.missing;
    assert_eq!(lacking.len(), 2, "{lacking:?}");
}
