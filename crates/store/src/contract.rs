//! The suite that every store must pass: one law a function, all of them run by [`assignments`] and [`coverage`].
//!
//! What comes in: permits, and how to make an empty store. What goes out: nothing, or a failed assertion that names the
//! law. Rows and questions are drawn by seeded dice, and every answer is compared with the plain definition of the
//! question ([`Holding::fits`]) over the same rows in [`Memory`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tadoru_gate::permit::{Learn, Preserve, Store};
use tadoru_gate::{
    Act, ActName, Answer, Ask, Basis, DataCategory, DataSet, Facts, Gate, Permit, Purpose, Scope, Sealed,
};
use tadoru_model::{
    Assignment, CaseId, CoverageSpan, CoverageState, Edge, Holder, How, Identity, IdentityKind, PersonId,
    PortRange, Prefix, Protocol, Realm, RecordKind, Remote, Role, SourceName, Span, UtcMicros,
};

use crate::assignments::{Assignments, Holding, MOST_ROWS, Rows, SpoolMark, translation_thread};
use crate::coverage::Coverage;
use crate::memory::Memory;

/// The permits that the suite works under.
pub struct Permits {
    /// For putting, committing and deleting.
    pub store: Permit<Store>,
    /// For asking.
    pub learn: Permit<Learn>,
    /// For holds.
    pub preserve: Permit<Preserve>,
    /// The instant of the suite.
    pub now: UtcMicros,
}

impl Permits {
    /// Permits of a gate with the Japanese pack: recording (JP-060), a substantiated complaint (JP-063), a preservation
    /// request (JP-087). There is no other way to a permit.
    pub fn of(gate: &Gate, now: UtcMicros) -> Self {
        let mut complaint = Facts::none();
        complaint.derive("complaint.id", "K-1");
        complaint.derive("complaint.substantiated", "yes");
        let mut request = Facts::none();
        let reviewer = PersonId("reviewer".to_owned());
        for (fact, value) in
            [("preserve.letter", "2026-1"), ("preserve.days", "30"), ("preserve.identified", "yes")]
        {
            request.state(fact, value, &reviewer, &[Role::LegalReviewer]);
        }
        let ask = |act, purpose, role, basis, facts| Ask {
            act,
            data: DataSet::of(&[DataCategory::Asgn]),
            purpose,
            basis,
            person: PersonId("contract".to_owned()),
            roles: vec![role],
            case: None,
            scope: Scope { own_network: true, ..Scope::default() },
            facts,
            at: now,
        };
        let case = |ask: Ask| Ask { case: Some(CaseId("C-1".to_owned())), ..ask };
        Self {
            store: granted(gate, ask(ActName::Store, Purpose::Clean, Role::System, None, Facts::none())),
            learn: granted(gate, case(ask(ActName::Learn, Purpose::Clean, Role::AbuseDesk, None, complaint))),
            preserve: granted(
                gate,
                case(ask(ActName::Preserve, Purpose::Crime, Role::LegalReviewer, Some(Basis::Pres), request)),
            ),
            now,
        }
    }

    /// What a question found, opened.
    pub fn open<T>(&self, sealed: Sealed<T>) -> T {
        sealed.into_open(&self.learn, self.now).expect_law("the permit opens what was asked under it")
    }
}

/// The permit that the gate gives; the suite cannot run without it.
fn granted<A: Act>(gate: &Gate, ask: Ask) -> Permit<A> {
    let answer = gate.ask::<A>(ask).expect_law("the gate answers");
    #[expect(clippy::panic, reason = "without its permits the suite fails")]
    match answer {
        Answer::Permitted(permit) => permit,
        Answer::Refused(refusal) => panic!("the gate refuses: {:?}", refusal.decision),
    }
}

/// Every law of [`Assignments`].
pub fn assignments<S: Assignments>(permits: &Permits, make: impl Fn() -> S) {
    for seed in 0..SEEDS {
        answers_are_the_plain_definition(permits, &make(), seed);
    }
    newer_versions_replace_open_ones(permits, &make());
    a_question_is_cut_at_its_bound(permits, &make());
    retention_spares_what_is_held(permits, &make());
    a_port_of_any_block_is_found(permits, &make());
    a_mark_is_that_of_the_last_commit(permits, &make());
}

/// Every law of [`Coverage`].
pub fn coverage<S: Coverage + Assignments>(permits: &Permits, make: impl Fn() -> S) {
    touching_spans_are_joined(permits, &make());
    space_is_what_rows_spoke_of(permits, &make());
}

/// Whether `store` answers `questions` as `plain` does, one by one and as a batch.
pub fn agrees<S: Assignments>(permits: &Permits, store: &S, plain: &Memory, questions: &[Holding]) {
    assert_eq!(store.count(), plain.count(), "stores hold as many rows");
    let batch = permits.open(store.holding_many(&permits.learn, questions).expect_law("a batch is answered"));
    assert_eq!(batch.len(), questions.len(), "a batch has as many answers as questions");
    for (question, of_batch) in questions.iter().zip(batch) {
        let found =
            permits.open(store.holding(&permits.learn, question).expect_law("a question is answered"));
        let wanted = permits.open(plain.holding(&permits.learn, question).expect_law("memory answers"));
        assert!(found.rows.is_sorted_by_key(|row| row.from.earliest), "rows come by their beginning");
        assert!(found.rows.iter().all(|row| question.fits(row)), "no row that does not fit");
        assert_eq!(found.cut, wanted.cut, "an answer is cut when there is more");
        assert_eq!(of_batch.cut, wanted.cut, "an answer of a batch is cut when there is more");
        if !wanted.cut {
            assert!(same(&found, &wanted), "the rows are those of the plain definition");
            assert!(same(&of_batch, &wanted), "the rows of a batch are those of the plain definition");
        }
    }
}

/// Rows drawn by dice: crowded into few addresses, so that they overlap.
pub fn rows(seed: u64, count: usize) -> Vec<Assignment> {
    let mut dice = Dice(seed);
    (0..count).map(|_| dice.row()).collect()
}

/// Questions drawn by dice about what [`rows`] draws.
pub fn questions(seed: u64, count: usize) -> Vec<Holding> {
    let mut dice = Dice(seed ^ 0x5eed);
    (0..count).map(|_| dice.question()).collect()
}

// ---- laws ---------------------------------------------------------------------------------------------------------

fn answers_are_the_plain_definition<S: Assignments>(permits: &Permits, store: &S, seed: u64) {
    let plain = Memory::default();
    for (round, part) in rows(seed, 1_200).chunks(300).enumerate() {
        store.put(&permits.store, part).expect_law("rows are put");
        plain.put(&permits.store, part).expect_law("rows are put");
        agrees(permits, store, &plain, &questions(seed + round as u64, 50));
        if round % 2 == 0 {
            store.commit(&permits.store, SpoolMark(round as u64)).expect_law("a commit succeeds");
        }
    }
    agrees(permits, store, &plain, &questions(seed ^ 0xffff, 150));
    let open = store.open_rows(&permits.store).expect_law("open rows are told");
    let wanted = plain.open_rows(&permits.store).expect_law("open rows are told");
    assert!(same_rows(open, wanted), "the open rows are those of the plain definition");
}

fn newer_versions_replace_open_ones<S: Assignments>(permits: &Permits, store: &S) {
    let mut row = plain_row(1);
    row.thread = 7;
    row.until = Edge { earliest: UtcMicros(100), latest: UtcMicros::MAX, how: How::Open };
    let put = |row: &Assignment| {
        store.put(&permits.store, std::slice::from_ref(row)).expect_law("a row is put");
    };
    put(&row);
    row.until.earliest = UtcMicros(200);
    put(&row);
    assert_eq!(store.count(), 1, "an open version replaces the open one");
    row.until = Edge::exact(UtcMicros(250), How::Logged);
    put(&row);
    let open = store.open_rows(&permits.store).expect_law("open rows are told");
    assert!(open.is_empty() && store.count() == 1, "a closed version replaces the open one");
    row.until = Edge::exact(UtcMicros(260), How::Logged);
    put(&row);
    assert_eq!(store.count(), 2, "closed versions stay side by side");
    let mut other = row.clone();
    other.prefix = Prefix::host(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)));
    other.until = Edge { earliest: UtcMicros(100), latest: UtcMicros::MAX, how: How::Open };
    put(&other);
    put(&row);
    assert_eq!(store.count(), 4, "a version of one address does not close another address of its thread");
}

fn a_question_is_cut_at_its_bound<S: Assignments>(permits: &Permits, store: &S) {
    let many: Vec<Assignment> = (0..MOST_ROWS as u64 + 5).map(plain_row).collect();
    let question =
        ask(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), None, Span::new(UtcMicros(0), UtcMicros(1_000)));
    store.put(&permits.store, many.get(..MOST_ROWS).unwrap_or_default()).expect_law("rows are put");
    let answer = |store: &S| -> Rows {
        permits.open(store.holding(&permits.learn, &question).expect_law("a question is answered"))
    };
    let whole = answer(store);
    assert!(!whole.cut && whole.rows.len() == MOST_ROWS, "an answer at its bound is whole");
    store.put(&permits.store, many.get(MOST_ROWS..).unwrap_or_default()).expect_law("rows are put");
    let cut = answer(store);
    assert!(cut.cut && cut.rows.len() == MOST_ROWS, "an answer above its bound is cut, and says so");
    store.commit(&permits.store, SpoolMark(1)).expect_law("a commit succeeds");
    assert!(answer(store).cut, "an answer above its bound is cut after a commit too");
}

fn retention_spares_what_is_held<S: Assignments>(permits: &Permits, store: &S) {
    let plain = Memory::default();
    let drawn = rows(99, 800);
    let held = questions(98, 3);
    store.put(&permits.store, &drawn).expect_law("rows are put");
    plain.put(&permits.store, &drawn).expect_law("rows are put");
    store.commit(&permits.store, SpoolMark(3)).expect_law("a commit succeeds");
    let counts = (
        store.hold(&permits.preserve, "case-1", &held).expect_law("a hold is set"),
        plain.hold(&permits.preserve, "case-1", &held).expect_law("a hold is set"),
    );
    assert_eq!(counts.0, counts.1, "a hold tells how many rows it keeps");
    for before in [-5_000_000, 40_000_000, 61_000_000, i64::MAX] {
        for kind in RecordKind::ALL {
            let gone =
                store.delete_before(&permits.store, kind, UtcMicros(before)).expect_law("rows are deleted");
            let wanted =
                plain.delete_before(&permits.store, kind, UtcMicros(before)).expect_law("rows are deleted");
            assert_eq!(gone, wanted, "what was deleted and what was held is told");
        }
        agrees(permits, store, &plain, &questions(97, 40));
        agrees(permits, store, &plain, &held);
    }
    store.release(&permits.store, "case-1").expect_law("a hold is ended");
    plain.release(&permits.store, "case-1").expect_law("a hold is ended");
    for kind in RecordKind::ALL {
        let gone = store.delete_before(&permits.store, kind, UtcMicros::MAX).expect_law("rows are deleted");
        let wanted = plain.delete_before(&permits.store, kind, UtcMicros::MAX).expect_law("rows are deleted");
        assert_eq!(store.deleted_before(kind), plain.deleted_before(kind), "the furthest line is told");
        assert_eq!(gone, wanted, "what a hold kept goes when it is ended");
    }
    agrees(permits, store, &plain, &questions(96, 50));
}

fn a_port_of_any_block_is_found<S: Assignments>(permits: &Permits, store: &S) {
    let blocks = [
        (0, 0),
        (0, 65_535),
        (1, 2),
        (1_000, 1_511),
        (1_024, 1_535),
        (1_536, 2_047),
        (60_001, 65_535),
        (80, 80),
    ];
    let mut many = Vec::new();
    for (number, (low, high)) in blocks.into_iter().enumerate() {
        let mut row = plain_row(number as u64);
        row.ports = PortRange { low, high };
        many.push(row);
    }
    store.put(&permits.store, &many).expect_law("rows are put");
    store.commit(&permits.store, SpoolMark(1)).expect_law("a commit succeeds");
    for port in (0..=u16::MAX).filter(|port| port % 61 == 0 || (995..1_540).contains(port) || *port > 65_500)
    {
        let question =
            ask(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), Some(port), Span::around(UtcMicros(5), 0));
        let found =
            permits.open(store.holding(&permits.learn, &question).expect_law("a question is answered"));
        let wanted = many.iter().filter(|row| row.ports.contains(port)).count();
        assert_eq!(found.rows.len(), wanted, "every block that has the port is found, and no other");
    }
}

fn a_mark_is_that_of_the_last_commit<S: Assignments>(permits: &Permits, store: &S) {
    assert_eq!(store.mark(), SpoolMark(0), "a new store has no mark");
    store.commit(&permits.store, SpoolMark(41)).expect_law("a commit succeeds");
    store.put(&permits.store, &[plain_row(1)]).expect_law("a row is put");
    assert_eq!(store.mark(), SpoolMark(41), "the mark is that of the last commit");
}

fn touching_spans_are_joined<S: Coverage>(permits: &Permits, store: &S) {
    let span = |from, until, state| CoverageSpan {
        source: SourceName::from("nas-1"),
        kind: RecordKind::Session,
        realm: Realm::untold(),
        prefixes: Vec::new(),
        span: Span::new(UtcMicros(from), UtcMicros(until)),
        state,
        why: String::new(),
    };
    let cover = |spans: &[CoverageSpan]| store.cover(&permits.store, spans).expect_law("spans are put");
    cover(&[span(0, 10, CoverageState::Alive), span(10, 20, CoverageState::Alive)]);
    cover(&[span(15, 30, CoverageState::Alive), span(40, 50, CoverageState::Alive)]);
    cover(&[span(18, 22, CoverageState::Lossy)]);
    let addr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let around = |from, until| {
        let asked = Span::new(UtcMicros(from), UtcMicros(until));
        store.around(&permits.learn, &Realm::untold(), addr, asked).expect_law("a question is answered")
    };
    let wanted = [span(0, 30, CoverageState::Alive), span(18, 22, CoverageState::Lossy)];
    assert_eq!(around(0, 35), wanted, "touching spans are joined, another state is kept beside them");
    assert_eq!(around(30, 40), [], "where nothing is known nothing is told");
    assert_eq!(store.calendar().expect_law("the calendar is told").len(), 3, "the calendar has every span");
}

fn space_is_what_rows_spoke_of<S: Coverage + Assignments>(permits: &Permits, store: &S) {
    let plain = Memory::default();
    let drawn = rows(5, 800);
    store.put(&permits.store, &drawn).expect_law("rows are put");
    plain.put(&permits.store, &drawn).expect_law("rows are put");
    let space = |store: &dyn Coverage| store.space().expect_law("the space is told");
    assert_eq!(space(store), space(&plain), "fresh rows count for the space");
    store.commit(&permits.store, SpoolMark(1)).expect_law("a commit succeeds");
    assert_eq!(space(store), space(&plain), "committed rows count for the space");
}

// ---- what laws compare --------------------------------------------------------------------------------------------

fn same(a: &Rows, b: &Rows) -> bool {
    same_rows(a.rows.clone(), b.rows.clone())
}

fn same_rows(mut a: Vec<Assignment>, mut b: Vec<Assignment>) -> bool {
    for rows in [&mut a, &mut b] {
        rows.sort_by_key(|row| (row.from.earliest, row.record, row.thread, row.until.latest, row.prefix));
    }
    a == b
}

/// A law's own `expect`: a store's fault names no value of a record.
trait ExpectLaw<T> {
    fn expect_law(self, law: &str) -> T;
}

impl<T, E: std::fmt::Display> ExpectLaw<T> for Result<T, E> {
    fn expect_law(self, law: &str) -> T {
        #[expect(clippy::panic, reason = "a broken law fails the suite")]
        match self {
            Ok(value) => value,
            Err(error) => panic!("{law}: {error}"),
        }
    }
}

fn plain_row(record: u64) -> Assignment {
    Assignment {
        kind: RecordKind::NatBlock,
        realm: Realm::untold(),
        prefix: Prefix::host(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        ports: PortRange::ALL,
        proto: Protocol::ANY,
        remote: None,
        holder: Holder::Line(vec![Identity::new(IdentityKind::Contract, format!("C{record}"))]),
        from: Edge::exact(UtcMicros(0), How::Logged),
        until: Edge::exact(UtcMicros(300), How::Logged),
        source: SourceName::from("gateway-1"),
        record,
        corrected_us: 0,
        thread: 0,
    }
}

fn ask(addr: IpAddr, port: Option<u16>, span: Span) -> Holding {
    Holding { realm: Realm::untold(), addr, port, proto: Protocol::ANY, span }
}

/// Seeded dice (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// One in `n`.
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, list: &[T], other: T) -> T {
        let place = self.below(list.len() as u64) as usize;
        list.get(place).copied().unwrap_or(other)
    }

    fn addr(&mut self) -> IpAddr {
        if self.one_in(3) {
            let far =
                u128::from(self.below(3)) << 70 | u128::from(self.below(3)) << 63 | u128::from(self.below(4));
            IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | far))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 | self.below(6) as u32 | (self.below(2) as u32) << 9))
        }
    }

    fn prefix(&mut self) -> Prefix {
        let addr = self.addr();
        let width = if addr.is_ipv4() { 32 } else { 128 };
        let len = if self.one_in(3) { self.below(width + 1) as u8 } else { width as u8 };
        Prefix::covering(addr, len).unwrap_or(Prefix::host(addr))
    }

    fn ports(&mut self) -> PortRange {
        match self.below(5) {
            0 => PortRange::ALL,
            1 => PortRange::one(self.roll() as u16),
            2 => {
                let low = 1_024 + 512 * self.below(126) as u16;
                PortRange { low, high: low + 511 }
            }
            _ => {
                let (a, b) = (self.roll() as u16, self.roll() as u16);
                PortRange { low: a.min(b), high: a.max(b) }
            }
        }
    }

    fn realm(&mut self) -> Realm {
        Realm::from(self.of(&["", "", "vrf-a", "vrf-b"], ""))
    }

    fn instant(&mut self) -> i64 {
        match self.below(40) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => self.roll() as i64,
            n if n < 20 => self.below(60) as i64 * 1_000_000,
            n if n < 30 => self.below(60_000) as i64 * 1_000,
            // Over several months, so that rows go to several segments.
            n if n < 33 => self.below(5) as i64 * 2_600_000_000_000,
            _ => self.below(60_000_000) as i64,
        }
    }

    fn edge(&mut self, how: How) -> Edge {
        let at = UtcMicros(self.instant());
        match self.below(3) {
            0 => Edge::exact(at, how),
            1 => Edge::between(at, at.plus(2_000_000), how),
            _ => Edge::between(at, UtcMicros(self.instant()), how),
        }
    }

    fn how(&mut self) -> How {
        self.of(&How::ALL, How::Logged)
    }

    fn holder(&mut self) -> Holder {
        if self.one_in(2) {
            let port = if self.one_in(2) { Some(self.roll() as u16) } else { None };
            Holder::Inside { realm: self.realm(), prefix: self.prefix(), port }
        } else {
            let count = self.below(4);
            Holder::Line((0..count).map(|_| self.identity()).collect())
        }
    }

    fn identity(&mut self) -> Identity {
        let kind = self.of(&IdentityKind::ALL, IdentityKind::Login);
        Identity::new(
            kind,
            self.of(&["", "a", "line-1", "line-12", "line-2@example.jp", "回線"], "").to_owned(),
        )
    }

    fn row(&mut self) -> Assignment {
        let (from, until) = (self.how(), self.how());
        let remote = if self.one_in(4) {
            let port = if self.one_in(2) { Some(self.roll() as u16) } else { None };
            Some(Remote { addr: self.addr(), port })
        } else {
            None
        };
        let mut row = Assignment {
            kind: self.of(&RecordKind::ALL, RecordKind::Session),
            realm: self.realm(),
            prefix: self.prefix(),
            ports: self.ports(),
            proto: Protocol(self.of(&[0, 0, 6, 17], 0)),
            remote,
            holder: self.holder(),
            from: self.edge(from),
            until: self.edge(until),
            source: SourceName::from(self.of(&["nas-1", "nas-2", "gateway-1"], "nas-1")),
            record: if self.one_in(2) { self.below(1_000) } else { self.roll() },
            corrected_us: if self.one_in(3) { self.roll() as i64 } else { 0 },
            thread: if self.one_in(2) { self.below(20) } else { 0 },
        };
        // Some threads are those of translations, whatever the kind.
        match self.below(8) {
            0 => row.thread = translation_thread(&row, row.from.latest),
            1 => row.thread = translation_thread(&row, row.until.latest),
            _ => {}
        }
        row
    }

    fn question(&mut self) -> Holding {
        let (a, b) = (self.instant(), self.instant());
        let span = match self.below(4) {
            0 => Span::new(UtcMicros(a.min(b)), UtcMicros(a.max(b))),
            1 => Span::new(UtcMicros::MIN, UtcMicros::MAX),
            _ => Span::around(UtcMicros(a), 1_000_000 * self.below(3) as i64),
        };
        let port = match self.below(3) {
            0 => None,
            1 => Some(self.roll() as u16),
            _ => Some(1_024 + self.below(64_512) as u16),
        };
        Holding {
            realm: self.realm(),
            addr: self.addr(),
            port,
            proto: Protocol(self.of(&[0, 6, 17], 0)),
            span,
        }
    }
}

const SEEDS: u64 = 4;
