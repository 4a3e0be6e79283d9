//! The copy of flows for finding command servers: its fields, its two marks, kills between them, its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tadoru_gate::journal::Options;
use tadoru_gate::keys::Vault;
use tadoru_gate::permit::{Act, Store, Use};
use tadoru_gate::{Answer, Ask, DataCategory, DataSet, Facts, Gate, Packs, Permit, Purpose, Scope};
use tadoru_model::{Flow, Flows as Batch, PersonId, Role, UtcMicros};
use tadoru_store::assignments::SpoolMark;
use tadoru_store::filter::Filter;
use tadoru_store::flows::contract::{self, Permits};
use tadoru_store::flows::copy::minimum;
use tadoru_store::flows::{Copied, CopyState, FlowCopy, Flows, FlowsError, Question};
use tadoru_store_embedded::flows::{CopyStore, FlowStore, Settings};
use tadoru_store_embedded::folder::Folder;

/// Permits for everything that is done here, and a clock set by hand.
struct Ground {
    permits: Permits,
    copying: Permit<Store>,
    using: Permit<Use>,
    vault: Vault,
    clock: Arc<AtomicI64>,
}

impl Ground {
    fn new(path: &Path) -> Self {
        let options = Options::new("tests.example");
        let (gate, _) = Gate::open(&path.join("gate"), Packs::shipped().unwrap(), &options, NOW).unwrap();
        let permits = Permits::of(&gate, NOW);
        let Answer::Refused(refusal) = gate.ask::<Store>(wish::<Store>()).unwrap() else {
            panic!("nobody has agreed to it")
        };
        for (person, role) in [("counsel", Role::LegalReviewer), ("head", Role::Manager)] {
            let id = refusal.approval_id.as_deref().unwrap();
            gate.approve(id, &PersonId(person.to_owned()), &[role], NOW).unwrap();
        }
        let (copying, using) = (granted(&gate), granted(&gate));
        let (vault, clock) = (gate.vault().clone(), Arc::new(AtomicI64::new(BEGIN.0)));
        Self { permits, copying, using, vault, clock }
    }

    fn open(&self, path: &Path) -> (Arc<FlowStore>, CopyStore) {
        let folder = Folder::open(path).unwrap();
        let settings = Settings { slice_rows: 50_000, join_us: 0, ..Settings::default() };
        let flows = Arc::new(FlowStore::open(&folder, settings).unwrap().0);
        let clock = Arc::clone(&self.clock);
        let tick = Arc::new(move || UtcMicros(clock.load(Ordering::Relaxed)));
        let copy = CopyStore::open(&folder, Arc::clone(&flows), self.vault.clone(), tick).unwrap().0;
        (flows, copy)
    }

    /// Keeps a batch and writes it.
    fn keep(&self, flows: &FlowStore, step: u64, batch: &Batch) {
        flows.keep(&self.permits.store, batch).unwrap();
        flows.commit(&self.permits.store, SpoolMark(step)).unwrap();
        flows.flush(&self.permits.store).unwrap();
    }

    fn follow(&self, copy: &CopyStore) -> Copied {
        copy.follow(&self.copying).unwrap()
    }

    /// What is in the copy.
    fn copied(&self, copy: &CopyStore) -> Vec<contract::Row> {
        let found = copy.find(&self.using, &all(), usize::MAX).unwrap();
        contract::rows(&found.into_open(&self.using, NOW).unwrap().flows)
    }

    /// What should be in it of everything that the store of flows has.
    fn wanted(&self, flows: &FlowStore) -> Vec<contract::Row> {
        let found = flows.find(&self.permits.learn, &all(), usize::MAX).unwrap();
        cut(&self.permits.open(found).flows)
    }
}

fn all() -> Question {
    Question { filter: Filter::any(), span: None }
}

fn cut(flows: &Batch) -> Vec<contract::Row> {
    let mut cut = Batch::default();
    (0..flows.rows()).for_each(|row| cut.push(minimum(&flows.get(row).unwrap())));
    contract::rows(&cut)
}

fn wish<A: Act>() -> Ask {
    let mut facts = Facts::none();
    facts.derive("fields.minimum", "yes");
    Ask {
        act: A::NAME,
        data: DataSet::of(&[DataCategory::Flow]),
        purpose: Purpose::Detect,
        basis: None,
        person: PersonId("system".to_owned()),
        roles: vec![Role::System],
        case: None,
        scope: Scope { own_network: true, ..Scope::default() },
        facts,
        at: NOW,
    }
}

fn granted<A: Act>(gate: &Gate) -> Permit<A> {
    match gate.ask::<A>(wish::<A>()).unwrap() {
        Answer::Permitted(permit) => permit,
        Answer::Refused(refusal) => panic!("{:?}", refusal.decision),
    }
}

#[test]
fn it_holds_addresses_ports_times_and_sizes_and_nothing_else() {
    let full = Flow {
        first_us: 1,
        last_us: 2,
        received_us: 3,
        exporter: 4,
        domain: 5,
        ip: 4,
        src: 6,
        dst: 7,
        src_port: 8,
        dst_port: 9,
        proto: 6,
        tcp_flags: 11,
        tos: 12,
        packets: 13,
        bytes: 14,
        reverse_packets: 15,
        reverse_bytes: 16,
        flows: 1,
        sampling: 18,
        input: 19,
        output: 20,
        src_as: 21,
        dst_as: 22,
        src_mask: 23,
        dst_mask: 24,
        next_hop: 25,
        bgp_next_hop: 26,
        src_vlan: 27,
        dst_vlan: 28,
        in_src_mac: 29,
        out_dst_mac: 30,
        direction: 1,
        forwarding: 32,
    };
    let kept = Flow {
        first_us: 1,
        last_us: 2,
        received_us: 3,
        ip: 4,
        src: 6,
        dst: 7,
        src_port: 8,
        dst_port: 9,
        packets: 13,
        bytes: 14,
        reverse_packets: 15,
        reverse_bytes: 16,
        flows: 1,
        direction: 255,
        ..Flow::default()
    };
    assert!(minimum(&full) == kept);
    for icmp in [1, 58] {
        let cut = minimum(&Flow { proto: icmp, ..full });
        assert_eq!((cut.src_port, cut.dst_port), (0, 0), "type and code are no ports");
    }
    // On the disk too.
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::new(dir.path());
    let (flows, copy) = ground.open(&dir.path().join("s"));
    ground.follow(&copy);
    ground.keep(&flows, 1, &contract::batch(1, 700));
    assert_eq!(ground.follow(&copy), Copied { flows: 700, left_out: 0 });
    assert!(ground.copied(&copy) == ground.wanted(&flows));
    let state = copy.state();
    assert!(state.holds.bytes < flows.state().bytes, "{state:?}");
}

#[test]
fn another_permit_neither_fills_nor_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::new(dir.path());
    let (_, copy) = ground.open(&dir.path().join("s"));
    let refused = copy.follow(&ground.permits.store);
    assert!(matches!(refused, Err(FlowsError::OtherPurpose)), "{refused:?}");
    assert_eq!(copy.state(), CopyState::default());
    assert!(!dir.path().join("s/flows-c2").exists(), "an installation without it has nothing of it");
    ground.clock.store(ground.copying.until().0, Ordering::Relaxed);
    assert!(copy.follow(&ground.copying).is_err(), "a permit ends");
    assert!(copy.find(&ground.using, &all(), 1).is_err());
}

#[test]
fn it_begins_with_what_arrives_and_has_nothing_of_a_pause() {
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::new(dir.path());
    let path = dir.path().join("s");
    let (flows, copy) = ground.open(&path);
    let flow = |at: i64| {
        let mut batch = contract::batch(1, 1);
        batch.received_us = vec![at];
        batch
    };
    ground.keep(&flows, 1, &flow(BEGIN.0 - 10));
    // In memory when it begins, and arrived before.
    flows.keep(&ground.permits.store, &flow(BEGIN.0 - 1)).unwrap();
    assert_eq!(ground.follow(&copy), Copied::default());
    assert_eq!(copy.state().since, Some(BEGIN));
    ground.keep(&flows, 2, &flow(BEGIN.0));
    assert_eq!(ground.follow(&copy), Copied { flows: 1, left_out: 1 });
    copy.pause().unwrap();
    ground.keep(&flows, 3, &flow(BEGIN.0 + 5));
    drop((flows, copy));
    let (flows, copy) = ground.open(&path);
    assert_eq!(copy.state().since, None);
    ground.clock.store(BEGIN.0 + 10, Ordering::Relaxed);
    assert_eq!(ground.follow(&copy), Copied::default());
    ground.keep(&flows, 4, &flow(BEGIN.0 + 11));
    assert_eq!(ground.follow(&copy), Copied { flows: 1, left_out: 0 });
    assert_eq!(copy.state().holds.flows, 2);
}

#[test]
fn flows_are_joined_behind_the_copy_only() {
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::new(dir.path());
    let path = dir.path().join("s");
    let (flows, copy) = ground.open(&path);
    ground.follow(&copy);
    for step in 1..4 {
        ground.keep(&flows, step, &contract::batch(step, 400));
    }
    ground.follow(&copy);
    for step in 4..7 {
        ground.keep(&flows, step, &contract::batch(step, 400));
    }
    // Also by a process that has only just opened it.
    drop((flows, copy));
    let (flows, copy) = ground.open(&path);
    flows.compact(&ground.permits.store, UtcMicros::MAX).unwrap();
    assert!(flows.state().files > flows.state().partitions, "what is not copied stays apart");
    assert_eq!(ground.follow(&copy).flows, 1_200);
    assert!(ground.copied(&copy) == ground.wanted(&flows));
    flows.compact(&ground.permits.store, UtcMicros::MAX).unwrap();
    assert_eq!(flows.state().files, flows.state().partitions);
    assert_eq!(ground.follow(&copy), Copied::default());
    assert!(ground.copied(&copy) == ground.wanted(&flows));
}

/// A kill between the copy's files and its mark: the mark of before is put back in its place.
#[test]
fn files_without_their_mark_are_written_once_more_and_none_is_there_twice() {
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::new(dir.path());
    let path = dir.path().join("s");
    let (flows, copy) = ground.open(&path);
    ground.follow(&copy);
    ground.keep(&flows, 1, &contract::batch(1, 500));
    ground.follow(&copy);
    let mark = path.join("flows-c2/commit.json");
    let before = std::fs::read(&mark).unwrap();
    ground.keep(&flows, 2, &contract::batch(2, 500));
    ground.follow(&copy);
    drop((flows, copy));
    std::fs::write(&mark, before).unwrap();
    let (flows, copy) = ground.open(&path);
    assert_eq!(copy.state().holds.flows, 500, "what has no mark is not there");
    assert_eq!(ground.follow(&copy), Copied { flows: 500, left_out: 0 });
    assert!(ground.copied(&copy) == ground.wanted(&flows));
}

/// Runs itself as a child that writes, joins and copies until it is killed.
#[test]
fn no_kill_loses_or_doubles_a_copied_flow() {
    if let Ok(path) = std::env::var("COPY_CHILD") {
        return child(Path::new(&path));
    }
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::new(&dir.path().join("parent"));
    let path = dir.path().join("s");
    for round in 0..15 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "copy::no_kill_loses_or_doubles_a_copied_flow"])
            .env("COPY_CHILD", &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(200 + round * 37 % 400));
        child.kill().unwrap();
        child.wait().unwrap();
        let (flows, copy) = ground.open(&path.join("data"));
        ground.follow(&copy);
        let (copied, wanted) = (ground.copied(&copy), ground.wanted(&flows));
        assert!(copied == wanted, "{} of {} after kill {round}", copied.len(), wanted.len());
    }
}

fn child(path: &Path) {
    let ground = Ground::new(&path.join(format!("gate-{}", std::process::id())));
    let (flows, copy) = ground.open(&path.join("data"));
    // Before the first flow: else it begins behind what was killed.
    ground.follow(&copy);
    for step in flows.mark().0 + 1.. {
        ground.keep(&flows, step, &contract::batch(step, 300));
        if step % 3 != 0 {
            ground.follow(&copy);
        }
        flows.compact(&ground.permits.store, UtcMicros::MAX).unwrap();
    }
}

#[test]
fn it_goes_hour_by_hour_and_without_an_agreement_too() {
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::new(dir.path());
    let path = dir.path().join("s");
    let (flows, copy) = ground.open(&path);
    ground.follow(&copy);
    ground.keep(&flows, 1, &contract::batch(1, 500));
    ground.follow(&copy);
    copy.pause().unwrap();
    let oldest = copy.state().oldest.unwrap();
    // The permit for the recording is enough to delete.
    let first = copy.delete_before(&ground.permits.store, oldest.plus(3_600_000_000)).unwrap();
    assert_eq!(first.partitions, 1);
    assert!(copy.state().oldest > Some(oldest));
    copy.delete_before(&ground.permits.store, UtcMicros::MAX).unwrap();
    assert_eq!(copy.state(), CopyState::default());
    assert_eq!(flows.state().flows, 500, "the recorded flows have a time of their own");
    drop((flows, copy));
    assert_eq!(ground.open(&path).1.state().holds.files, 0);
}

const NOW: UtcMicros = UtcMicros(1_795_000_000_000_000);
/// Before anything of the suite arrives.
const BEGIN: UtcMicros = NOW;
