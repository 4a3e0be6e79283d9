//! The suite that every store of flows must pass: each answer is compared with that of [`MemoryFlows`].

use std::ops::ControlFlow;

use tadoru_gate::permit::{Aggregate, Learn, Preserve, Store};
use tadoru_gate::{
    Act, ActName, Answer, Ask, Basis, DataCategory, DataSet, Facts, Gate, Permit, Purpose, Scope, Sealed,
};
use tadoru_model::{CaseId, Flow, Flows as Batch, PersonId, Role, Span, UtcMicros};

use super::{
    Again, FileDigest, FileEnd, Flows, FlowsError, Found, Ground, Key, Measure, MemoryFlows, Question,
};
use crate::assignments::SpoolMark;
use crate::filter::Filter;

/// The permits that the suite works under.
pub struct Permits {
    /// For keeping and deleting.
    pub store: Permit<Store>,
    /// For searches.
    pub learn: Permit<Learn>,
    /// For figures.
    pub aggregate: Permit<Aggregate>,
    /// For holds.
    pub preserve: Permit<Preserve>,
    /// The instant of the suite.
    pub now: UtcMicros,
}

impl Permits {
    /// Permits of a gate with the Japanese pack: recording (JP-030), an incident (JP-030.2), aggregates (JP-005), a
    /// preservation request (JP-087).
    pub fn of(gate: &Gate, now: UtcMicros) -> Self {
        let reviewer = PersonId("reviewer".to_owned());
        let (mut incident, mut figures, mut request) = (Facts::none(), Facts::none(), Facts::none());
        incident.derive("incident.id", "I-1");
        incident.derive("scope.attack_only", "yes");
        figures.derive("output.aggregate", "yes");
        for (fact, value) in
            [("preserve.letter", "2026-1"), ("preserve.days", "30"), ("preserve.identified", "yes")]
        {
            request.state(fact, value, &reviewer, &[Role::LegalReviewer]);
        }
        let ask = |act, purpose, role, case: Option<&str>, basis, facts| Ask {
            act,
            data: DataSet::of(&[DataCategory::Flow]),
            purpose,
            basis,
            person: PersonId("contract".to_owned()),
            roles: vec![role],
            case: case.map(|case| CaseId(case.to_owned())),
            scope: Scope { own_network: true, ..Scope::default() },
            facts,
            at: now,
        };
        let system = Role::System;
        let case = Some("C-1");
        Self {
            store: granted(gate, ask(ActName::Store, Purpose::ProtOwn, system, None, None, Facts::none())),
            learn: granted(
                gate,
                ask(ActName::Learn, Purpose::ProtOwn, Role::NetworkOperations, case, None, incident),
            ),
            aggregate: granted(gate, ask(ActName::Aggregate, Purpose::Stat, system, None, None, figures)),
            preserve: granted(
                gate,
                ask(ActName::Preserve, Purpose::Crime, Role::LegalReviewer, case, Some(Basis::Pres), request),
            ),
            now,
        }
    }

    /// What a search found, opened.
    pub fn open<T>(&self, sealed: Sealed<T>) -> T {
        law(sealed.into_open(&self.learn, self.now), "the permit opens what was asked under it")
    }
}

fn granted<A: Act>(gate: &Gate, ask: Ask) -> Permit<A> {
    #[expect(clippy::panic, reason = "without its permits the suite fails")]
    match law(gate.ask::<A>(ask), "the gate answers") {
        Answer::Permitted(permit) => permit,
        Answer::Refused(refusal) => panic!("the gate refuses: {:?}", refusal.decision),
    }
}

/// Every law of [`Flows`].
pub fn flows<S: Flows>(permits: &Permits, make: impl Fn() -> S) {
    for seed in 0..SEEDS {
        answers_are_the_plain_definition(permits, &make(), seed);
    }
    nobody_is_shown_on_the_standing_permit(permits, &make());
    a_search_is_cut_at_its_bound(permits, &make());
    whole_hours_are_dropped_and_held(permits, &make());
    uneven_batches_are_refused(permits, &make());
    a_file_counts_once(permits, &make());
    a_file_is_forgotten_with_its_last_hour(permits, &make());
}

/// Whether `store` answers every question as `plain` does.
pub fn agrees<S: Flows>(permits: &Permits, store: &S, plain: &MemoryFlows) {
    assert_eq!(store.state().flows, plain.state().flows, "stores hold as many flows");
    let case = Ground::Case(&permits.learn);
    for (turn, question) in questions().into_iter().enumerate() {
        let found = |store: &dyn Flows| -> Found {
            permits.open(law(store.find(&permits.learn, &question, usize::MAX), "a search is answered"))
        };
        assert!(
            rows(&found(store).flows) == rows(&found(plain).flows),
            "the flows are those of the plain definition: {:?}",
            question.filter.node()
        );
        let totals = |store: &dyn Flows| permits.open(law(store.totals(case, &question), "totals are told"));
        assert_eq!(totals(store), totals(plain), "totals are those of the plain definition");
        // Every key in its turn: each is asked with a third of the questions.
        let by = [Measure::Bytes, Measure::Packets, Measure::Flows];
        for (key, by) in Key::ALL.iter().zip(by.iter().cycle()).skip(turn % 3).step_by(3) {
            let top = |store: &dyn Flows| {
                permits.open(law(store.top(case, &question, *key, *by, 7), "a ranking is told"))
            };
            assert!(top(store) == top(plain), "a ranking is that of the plain definition: {key:?} by {by:?}");
        }
        let series = |store: &dyn Flows| {
            permits.open(law(store.series(case, &question, 60_000_000), "a series is told"))
        };
        assert!(series(store) == series(plain), "a series is that of the plain definition");
        let rates = |store: &dyn Flows| permits.open(law(store.rates(case, &question), "rates are told"));
        assert_eq!(rates(store), rates(plain), "rates of sampling are those of the plain definition");
        let told: u64 = rates(store).iter().map(|rate| rate.records).sum();
        assert_eq!(told, totals(store).records, "every record tells a rate, or none");
    }
}

/// Whether `store` tells the flows again as `plain` does: each second of arrival, in order.
fn replays_alike<S: Flows>(permits: &Permits, store: &S, plain: &MemoryFlows) {
    for question in questions().into_iter().step_by(REPLAYED) {
        let replayed = |store: &dyn Flows| -> Vec<Vec<Row>> {
            let mut seconds = Vec::new();
            let told = store.replay(&permits.learn, &question, &mut |batch| {
                seconds.push(rows(&permits.open(batch)));
                ControlFlow::Continue(())
            });
            law(told, "a replay is told");
            seconds
        };
        assert!(replayed(store) == replayed(plain), "a replay tells each second of arrival, in order");
    }
}

fn answers_are_the_plain_definition<S: Flows>(permits: &Permits, store: &S, seed: u64) {
    let plain = MemoryFlows::default();
    for (step, size) in [1, 900, 40_000, 3, 2_000].into_iter().enumerate() {
        let batch = batch(seed * 31 + step as u64, size);
        for store in [store as &dyn Flows, &plain] {
            law(store.keep(&permits.store, &batch), "a batch is kept");
            if step % 2 == 1 {
                law(store.commit(&permits.store, SpoolMark(step as u64)), "a commit succeeds");
                law(store.flush(&permits.store), "a flush succeeds");
            }
        }
        if step == 2 || step == 4 {
            agrees(permits, store, &plain);
            replays_alike(permits, store, &plain);
        }
    }
    assert_eq!(store.mark(), SpoolMark(3), "the mark is that of the last flushed commit");
}

fn nobody_is_shown_on_the_standing_permit<S: Flows>(permits: &Permits, store: &S) {
    law(store.keep(&permits.store, &batch(1, 100)), "a batch is kept");
    let standing = Ground::Standing(&permits.aggregate);
    let all = Question { filter: Filter::any(), span: None };
    let narrow = Question { filter: filter("host 192.0.2.7"), span: None };
    let is_refused = |result: Result<(), FlowsError>| matches!(result, Err(FlowsError::NotAggregate));
    let by = Measure::Bytes;
    assert!(is_refused(store.top(standing, &all, Key::DstAddr, by, 5).map(drop)), "addresses are not ranked");
    assert!(is_refused(store.top(standing, &narrow, Key::Proto, by, 5).map(drop)), "no filter on an address");
    assert!(is_refused(store.totals(standing, &narrow).map(drop)), "no totals of an address");
    assert!(is_refused(store.series(standing, &narrow, 1_000_000).map(drop)), "no series of an address");
    let sealed = law(store.top(standing, &all, Key::Proto, by, 5), "protocols are ranked");
    assert!(
        !law(sealed.into_open(&permits.aggregate, permits.now), "the standing permit opens it").is_empty()
    );
}

fn a_search_is_cut_at_its_bound<S: Flows>(permits: &Permits, store: &S) {
    law(store.keep(&permits.store, &batch(3, 500)), "a batch is kept");
    law(store.commit(&permits.store, SpoolMark(1)), "a commit succeeds");
    law(store.flush(&permits.store), "a flush succeeds");
    law(store.keep(&permits.store, &batch(4, 500)), "a batch is kept");
    let all = Question { filter: Filter::any(), span: None };
    for most in [0, 1, 499, 500, 501, 999, 1_000, 1_001] {
        let found = permits.open(law(store.find(&permits.learn, &all, most), "a search is answered"));
        assert_eq!(found.flows.rows(), most.min(1_000), "as many as asked for");
        assert_eq!(found.cut, most < 1_000, "that there are more is said");
    }
}

/// A file of flows with that digit for a digest.
pub fn file(digit: char) -> FileDigest {
    law(FileDigest::parse(&digit.to_string().repeat(64)).ok_or("no digest"), "a digest of the suite is one")
}

fn a_file_counts_once<S: Flows>(permits: &Permits, store: &S) {
    let (one, other) = (file('a'), file('b'));
    let begin = |file, again| store.begin_file(&permits.store, file, again);
    let keep = |file, seed, size| law(store.keep_of(&permits.store, file, &batch(seed, size)), "it is kept");
    let end = |file: &FileDigest, end| law(store.end_file(&permits.store, file, &end), "a file is ended");
    let whole = |file: &FileDigest| FileEnd::Whole(file.clone());

    assert_eq!(law(begin(&one, Again::Refused), "it is begun"), 0, "nothing of it is there");
    keep(&one, 1, 700);
    assert!(
        matches!(begin(&one, Again::Wanted), Err(FlowsError::BeingTakenIn)),
        "no file is taken in twice at a time"
    );
    end(&one, FileEnd::BrokenOff);
    assert_eq!(law(begin(&one, Again::Refused), "it is gone on with"), 700, "what was kept of it is told");
    keep(&one, 2, 300);
    assert_eq!(store.state().flows, 1_000, "its flows are answerable at once");
    end(&one, whole(&one));
    assert_eq!(store.state().in_memory, 0, "its flows are durable when it has ended");
    assert_eq!(store.mark(), SpoolMark::default(), "files move no mark");
    let is_refused = |file| matches!(begin(file, Again::Refused), Err(FlowsError::TakenIn { flows: 1_000 }));
    assert!(is_refused(&one) && is_refused(&one), "it is refused, as often as it comes");

    assert_eq!(law(begin(&one, Again::Wanted), "it is wanted again"), 0, "from its begin");
    end(&one, FileEnd::BrokenOff);
    assert!(is_refused(&one), "what broke off before its first flow has changed nothing");
    law(begin(&one, Again::Wanted), "it is wanted again");
    keep(&one, 1, 700);
    end(&one, FileEnd::BrokenOff);
    assert_eq!(law(begin(&one, Again::Refused), "that goes on too"), 700, "what was kept this time is told");
    keep(&one, 2, 300);
    end(&one, whole(&one));
    assert!(is_refused(&one), "it was taken in twice, and a third time takes another word");

    law(begin(&other, Again::Refused), "another file is begun");
    keep(&other, 3, 5);
    end(&other, whole(&file('c')));
    let begun = law(begin(&other, Again::Refused), "what was announced was not what came");
    assert_eq!(begun, 0, "nothing of it is there");
    assert!(begin(&file('c'), Again::Refused).is_err(), "what came is known");
    end(&other, FileEnd::BrokenOff);
}

fn a_file_is_forgotten_with_its_last_hour<S: Flows>(permits: &Permits, store: &S) {
    let one = file('d');
    let is_known = || match store.begin_file(&permits.store, &one, Again::Refused) {
        Ok(_) => {
            law(store.end_file(&permits.store, &one, &FileEnd::BrokenOff), "it is ended");
            false
        }
        Err(_) => true,
    };
    assert!(!is_known(), "a new store knows no file");
    law(store.begin_file(&permits.store, &one, Again::Refused), "it is begun");
    law(store.keep_of(&permits.store, &one, &batch(8, 3_000)), "it is kept");
    law(store.delete_before(&permits.store, UtcMicros::MAX), "hours are dropped");
    law(store.end_file(&permits.store, &one, &FileEnd::Whole(one.clone())), "it is ended");
    assert!(is_known(), "what is under way is not forgotten");
    law(store.keep_of(&permits.store, &file('e'), &batch(9, 100)), "another file is kept");
    law(store.end_file(&permits.store, &file('e'), &FileEnd::BrokenOff), "and breaks off");
    let before = |us| law(store.delete_before(&permits.store, UtcMicros(us)), "hours are dropped");
    before(BASE_US + 2 * HOUR_US);
    assert!(is_known(), "some of its hours are there");
    let span = Span::new(UtcMicros(BASE_US + 2 * HOUR_US), UtcMicros(BASE_US + 3 * HOUR_US));
    law(store.hold(&permits.preserve, "case", &[span]), "a hold is set");
    before(i64::MAX);
    assert!(is_known(), "a hold keeps some of it");
    law(store.release(&permits.preserve, "case"), "the hold ends");
    before(i64::MAX);
    assert_eq!(store.state().flows, 0, "all is gone");
    assert!(!is_known(), "and the file with it");
}

fn whole_hours_are_dropped_and_held<S: Flows>(permits: &Permits, store: &S) {
    let plain = MemoryFlows::default();
    for store in [store as &dyn Flows, &plain] {
        law(store.keep(&permits.store, &batch(8, 3_000)), "a batch is kept");
        law(store.commit(&permits.store, SpoolMark(1)), "a commit succeeds");
        law(store.flush(&permits.store), "a flush succeeds");
        let span = Span::new(UtcMicros(BASE_US), UtcMicros(BASE_US + 1));
        law(store.hold(&permits.preserve, "case", &[span]), "a hold is set");
    }
    for before in [BASE_US - HOUR_US, BASE_US, BASE_US + HOUR_US, BASE_US + 3 * HOUR_US, i64::MAX] {
        let dropped = |store: &dyn Flows| {
            law(store.delete_before(&permits.store, UtcMicros(before)), "hours are dropped")
        };
        assert_eq!(dropped(store), dropped(&plain), "what was dropped is told");
        agrees(permits, store, &plain);
    }
    law(store.release(&permits.preserve, "case"), "a hold is ended");
    law(store.delete_before(&permits.store, UtcMicros::MAX), "hours are dropped");
    assert_eq!(store.state().flows, 0, "what a hold kept goes when it is ended");
}

fn uneven_batches_are_refused<S: Flows>(permits: &Permits, store: &S) {
    let mut uneven = batch(1, 5);
    uneven.bytes.pop();
    assert!(
        matches!(store.keep(&permits.store, &uneven), Err(FlowsError::Uneven)),
        "uneven batches are refused"
    );
    assert_eq!(store.state().flows, 0, "and nothing of them is kept");
}

/// Questions about what [`batch`] draws.
pub fn questions() -> Vec<Question> {
    let span = Span::new(UtcMicros(BASE_US + 400_000_000), UtcMicros(BASE_US + 1_000_000_000));
    let texts = [
        "any",
        "host 192.0.2.7",
        "src host 192.0.2.7",
        "dst net 198.51.100.0/25",
        "host 2001:db8::5",
        "not host 192.0.2.7",
        "proto tcp and dst port 443",
        "port 53 or port 123",
        "proto udp and not port 53",
        "bytes > 100000",
        "packets < 3 and flags S and not flags A",
        "in if 3 and out if 104",
        "bps > 1000000",
        "src as 64500",
        "host 203.0.113.250",
        "ipv6",
        "duration > 100",
        "(src net 192.0.2.0/24 and port 443) or (dst net 192.0.2.0/24 and proto udp)",
    ];
    let with = |span| texts.iter().map(move |text| Question { filter: filter(text), span });
    with(None).chain(with(Some(span))).collect()
}

fn filter(text: &str) -> Filter {
    law(Filter::parse(text), "a filter of the suite is one")
}

/// Flows drawn by dice: few customers and many peers, both families, over four hours of arrival.
pub fn batch(seed: u64, size: usize) -> Batch {
    let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed;
    let mut roll = |below: u64| {
        dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    };
    let mut all = Batch::with_capacity(size);
    for _ in 0..size {
        let ip = if roll(4) == 0 { 6 } else { 4 };
        let address = |v4: u32, low: u64| match ip {
            6 => 0x2001_0db8_u128 << 96 | u128::from(low),
            _ => 0xffff_0000_0000 | u128::from(v4) | u128::from(low),
        };
        let inside = address(0xc000_0200, roll(40));
        let outside = address(0xc633_6400, roll(250) * roll(2));
        let is_out = roll(2) == 0;
        let first_us = BASE_US + roll(3 * HOUR_US as u64) as i64;
        let last_us = first_us + if roll(2) == 0 { 0 } else { roll(60_000_000) as i64 };
        let service = match roll(4) {
            0 => 443,
            1 => 53,
            2 => 80,
            _ => 123,
        };
        let client = 1_024 + roll(60_000) as u16;
        let packets = 1 + roll(9) * roll(200);
        all.push(Flow {
            first_us,
            last_us: if roll(500) == 0 { first_us - 5 } else { last_us },
            received_us: last_us + roll(15_000_000) as i64,
            exporter: 0xffff_c612_0001 + u128::from(roll(2)),
            domain: roll(3) as u32,
            ip,
            src: if is_out { inside } else { outside },
            dst: if is_out { outside } else { inside },
            src_port: if is_out { client } else { service },
            dst_port: if is_out { service } else { client },
            proto: if service == 443 || service == 80 { 6 } else { 17 },
            tcp_flags: roll(256) as u8,
            tos: if roll(9) == 0 { 40 } else { 0 },
            packets,
            bytes: if roll(1_000) == 0 { u64::MAX - roll(5) } else { packets * (40 + roll(1_400)) },
            reverse_packets: if roll(50) == 0 { roll(9) } else { 0 },
            reverse_bytes: if roll(50) == 0 { roll(9_000) } else { 0 },
            flows: 1 + u32::from(roll(100) == 0),
            sampling: [0, 1, 1_000].get(roll(3) as usize).copied().unwrap_or(0),
            input: roll(5) as u32,
            output: 100 + roll(5) as u32,
            src_as: asn(roll(4)),
            dst_as: asn(roll(4)),
            src_mask: 24,
            dst_mask: roll(2) as u8 * 24,
            next_hop: 0xffff_c0a8_0001 + u128::from(roll(8)),
            bgp_next_hop: 0,
            src_vlan: roll(3) as u16,
            dst_vlan: 0,
            in_src_mac: if roll(3) == 0 { roll(1 << 48) } else { 0 },
            out_dst_mac: 0,
            direction: if is_out { 1 } else { 0 },
            forwarding: 64,
        });
    }
    all
}

/// Every flow of a batch, in an order of its own.
pub fn rows(flows: &Batch) -> Vec<Row> {
    let mut all: Vec<Row> = (0..flows.rows()).filter_map(|row| flows.get(row)).map(|f| row_of(&f)).collect();
    all.sort_unstable();
    all
}

/// Every field of a flow.
pub type Row = ([i64; 3], [u128; 5], [u64; 6], [u32; 7], [u16; 4], [u8; 9]);

fn row_of(f: &Flow) -> Row {
    (
        [f.first_us, f.last_us, f.received_us],
        [f.exporter, f.src, f.dst, f.next_hop, f.bgp_next_hop],
        [f.packets, f.bytes, f.reverse_packets, f.reverse_bytes, f.in_src_mac, f.out_dst_mac],
        [f.domain, f.flows, f.sampling, f.input, f.output, f.src_as, f.dst_as],
        [f.src_port, f.dst_port, f.src_vlan, f.dst_vlan],
        [f.ip, f.proto, f.tcp_flags, f.tos, f.src_mask, f.dst_mask, f.direction, f.forwarding, 0],
    )
}

/// A number of an autonomous system; 0 where it is not known.
const fn asn(n: u64) -> u32 {
    if n == 0 { 0 } else { 64_499 + n as u32 }
}

fn law<T, E: std::fmt::Display>(result: Result<T, E>, law: &str) -> T {
    #[expect(clippy::panic, reason = "a broken law fails the suite")]
    match result {
        Ok(value) => value,
        Err(error) => panic!("{law}: {error}"),
    }
}

const SEEDS: u64 = 2;
/// One question in so many is replayed: it tells each second.
const REPLAYED: usize = 17;
const HOUR_US: i64 = 3_600_000_000;
const BASE_US: i64 = 500_000 * HOUR_US;
