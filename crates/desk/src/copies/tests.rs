#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

use tadoru_gate::keys::Month;
use tadoru_gate::pack::signature::sign;
use tadoru_gate::pack::{Pack, PackKey, PackKeys, Packs};
use tadoru_gate::permit::Use;
use tadoru_gate::{ActName, Ask};
use tadoru_model::{Flow, Flows, PersonId};
use tadoru_store::assignments::SpoolMark;
use tadoru_store::filter::Filter;
use tadoru_store::flows::Question;

use super::*;
use crate::Actor;
use crate::house::House;

/// 2026-11-21T03:00:00Z.
const NOW: UtcMicros = UtcMicros::from_seconds(1_795_230_000);
const DAY: i64 = 86_400_000_000;

fn lawyer() -> Actor {
    Actor { person: PersonId("counsel".to_owned()), roles: vec![Role::LegalReviewer] }
}

fn manager() -> Actor {
    Actor { person: PersonId("head".to_owned()), roles: vec![Role::Manager] }
}

/// Flows that arrive at an instant, on the disk.
fn arrive(house: &House, at: UtcMicros, count: u16) {
    let (desk, mut batch) = (&house.desk, Flows::default());
    for number in 0..count {
        batch.push(Flow {
            first_us: at.0 - 2_000_000,
            last_us: at.0 - 1_000_000,
            received_us: at.0,
            exporter: 0xffff_c612_0001,
            ip: 4,
            src: 0xffff_c000_0201,
            dst: 0xffff_c633_6407,
            src_port: 40_000 + number,
            dst_port: 443,
            proto: 6,
            tcp_flags: 0x1b,
            packets: 9,
            bytes: 900,
            flows: 1,
            sampling: 100,
            input: 3,
            src_as: 64_500,
            ..Flow::default()
        });
    }
    let (permit, flows) = (desk.standing(Work::Flows).unwrap(), desk.stores().flows());
    flows.keep(&permit, &batch).unwrap();
    flows.commit(&permit, SpoolMark(flows.mark().0 + u64::from(count))).unwrap();
    flows.flush(&permit).unwrap();
}

fn followed(flows: u64) -> Copying {
    Copying::Followed(Copied { flows, left_out: 0 })
}

/// The copied flows, as the one who is to look for command servers would have them.
fn copied(house: &House) -> Flows {
    let ask = Ask { act: ActName::Use, at: house.desk.now(), ..house.desk.standing_wish(Work::C2Copy) };
    let Answer::Permitted(permit) = house.desk.gate().ask::<Use>(ask).unwrap() else {
        panic!("it is agreed to")
    };
    let all = Question { filter: Filter::any(), span: None };
    let found = house.desk.stores().flow_copy().find(&permit, &all, usize::MAX).unwrap();
    found.into_open(&permit, house.desk.now()).unwrap().flows
}

fn agreed(house: &House, by: &[Actor]) {
    let id = house.desk.copy_report().approval.unwrap();
    for actor in by {
        assert_eq!(house.desk.waiting_for(actor)[0].id, id, "whoever may agree sees it");
        house.desk.approve(actor, &id).unwrap();
    }
}

/// The journal's entries of a kind.
fn entries(house: &House, words: &[&str]) -> usize {
    let journal = house.desk.gate().journal();
    let texts = (0..journal.size()).map(|n| String::from_utf8(journal.entry(n).unwrap()).unwrap());
    texts.filter(|text| words.iter().all(|word| text.contains(word))).count()
}

#[test]
fn nothing_is_copied_where_it_is_not_wanted() {
    let house = House::new(NOW);
    let mut copier = house.desk.copier();
    arrive(&house, NOW, 5);
    assert_eq!(copier.step().unwrap(), Copying::Off);
    assert!(!house.folder.path().join("flows-c2").exists());
    let report = house.desk.copy_report();
    assert_eq!((report.is_wanted, report.state, report.approval), (false, CopyState::default(), None));
    assert!(house.desk.waiting_for(&manager()).is_empty(), "and nobody is bothered");
}

#[test]
fn it_follows_from_the_second_agreement_to_the_next_version_and_is_gone_after_its_time() {
    let house = House::wanting_the_copy(NOW);
    let mut copier = house.desk.copier();
    arrive(&house, NOW, 1);
    // Nobody has agreed, then one has.
    assert_eq!(copier.step().unwrap(), Copying::Refused);
    assert_eq!(copier.step().unwrap(), Copying::Refused);
    assert_eq!(entries(&house, &["\"decision\"", "\"JP-050\""]), 1, "it is asked once, not at every step");
    agreed(&house, &[lawyer()]);
    arrive(&house, NOW, 2);
    assert_eq!(copier.step().unwrap(), Copying::Refused);
    assert!(!house.folder.path().join("flows-c2").exists());
    agreed(&house, &[manager()]);
    // What was there before both had agreed is not copied.
    house.clock.set(NOW.plus(1_000_000));
    assert_eq!(copier.step().unwrap(), followed(0));
    arrive(&house, NOW.plus(2_000_000), 4);
    assert_eq!(copier.step().unwrap(), followed(4));
    assert_eq!(entries(&house, &["\"version-approval\""]), 2);
    let report = house.desk.copy_report();
    assert_eq!((report.approval, report.keep.as_deref()), (None, Some("7 d")));

    let flows = copied(&house);
    assert_eq!((flows.rows(), flows.dst_port[0], flows.bytes[0]), (4, 443, 900));
    let one = flows.get(0).unwrap();
    let more = [u64::from(one.proto), one.tcp_flags.into(), one.sampling.into(), one.input.into()];
    assert_eq!((more, one.src_as, one.exporter), ([0; 4], 0, 0), "no more than the rule lets keep");

    // A day later the permit has ended and is asked for anew; nobody has to agree again.
    house.clock.set(NOW.plus(DAY + 5_000_000));
    arrive(&house, NOW.plus(DAY + 5_000_000), 3);
    assert_eq!(copier.step().unwrap(), followed(3));

    // Another version of the rules: it stops until both have agreed to that.
    house.desk.gate().set_packs(another_version(), house.desk.now()).unwrap();
    arrive(&house, house.desk.now(), 6);
    assert_eq!(copier.step().unwrap(), Copying::Refused);
    assert_eq!(house.desk.copy_report().state.since, None);
    agreed(&house, &[manager()]);
    assert_eq!(copier.step().unwrap(), Copying::Refused);
    agreed(&house, &[lawyer()]);
    house.clock.set(house.desk.now().plus(1_000_000));
    assert_eq!(copier.step().unwrap(), followed(0), "what came in between never is");
    arrive(&house, house.desk.now().plus(1), 8);
    assert_eq!(copier.step().unwrap(), followed(8));
    assert_eq!(copied(&house).rows(), 15);

    // Raw flows go after three days, the copy after seven; the second day's hour is there still.
    let hour = 3_600_000_000;
    house.clock.set(NOW.plus(7 * DAY + hour));
    let run = house.desk.enforce_retention().unwrap();
    assert_eq!(run.deleted, 1 + 2 + 4 + 3 + 6 + 8 + 4);
    assert_eq!(house.desk.stores().flow_copy().state().holds.flows, 11);
    assert_eq!(entries(&house, &["\"deleted\"", "\"flow-c2\""]), 1);
    house.clock.set(NOW.plus(8 * DAY + hour));
    assert_eq!(house.desk.enforce_retention().unwrap().deleted, 11);
    assert_eq!(house.desk.stores().flow_copy().state().holds.files, 0);
    // The keys of its month, a day after its time for all of the month.
    let key = |class: &str| (class.to_owned(), Month::parse("2026-11").unwrap());
    let has = |class| house.desk.gate().vault().list().unwrap().contains(&key(class));
    // The first instant of December, seven days and one.
    house.clock.set(UtcMicros::from_seconds(1_796_774_400 - 1));
    house.desk.enforce_retention().unwrap();
    assert!(has(KEYS));
    house.clock.set(UtcMicros::from_seconds(1_796_774_400));
    house.desk.enforce_retention().unwrap();
    assert!(!has(KEYS));
}

/// The Japanese pack with another digest, under a key of the tests.
fn another_version() -> Packs {
    let text = include_str!("../../../../packs/jp/japan.toml").to_owned() + "\n# another version\n";
    let mut packs = Packs::shipped().unwrap();
    let key = PackKey::parse("tests", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=").unwrap();
    let signature = sign(text.as_bytes(), &[7; 32]).unwrap();
    packs.add(Pack::load(&text, &signature, &PackKeys::product().with(key)).unwrap());
    packs
}
