//! The question "which rows say who may have held this, then?".

use std::net::IpAddr;

use tadoru_gate::permit::{Learn, Preserve, Store};
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{Assignment, How, PortRange, Prefix, Protocol, Realm, RecordKind, Span, UtcMicros};

use crate::StoreError;

/// One point question: rows about `addr` (and `port`, when told) that may have held within `span`.
///
/// A row fits when its realm can speak of `realm`, its prefix contains `addr`, its ports contain `port` (or no port is
/// asked), its protocol can speak of `proto`, and its possible extent meets `span`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Address plan; [`Realm::untold`] asks in all of them.
    pub realm: Realm,
    /// Address.
    pub addr: IpAddr,
    /// Port, when told.
    pub port: Option<u16>,
    /// Protocol, [`Protocol::ANY`] when not told.
    pub proto: Protocol,
    /// The time asked about, skew included.
    pub span: Span,
}

impl Holding {
    /// Whether `row` fits: the plain definition that every store is held to.
    pub fn fits(&self, row: &Assignment) -> bool {
        row.realm.speaks_of(&self.realm)
            && row.covers(self.addr, self.port)
            && row.proto.speaks_of(self.proto)
            && row.possible().meets(self.span)
    }
}

/// Rows that a question found, and whether there were more than the store hands out at once: which of them is not said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// The rows, by their earliest possible beginning.
    pub rows: Vec<Assignment>,
    /// Whether the store stopped at its bound ([`MOST_ROWS`]).
    pub cut: bool,
}

/// How many rows one question gets at most.
pub const MOST_ROWS: usize = 10_000;

/// How far the assignments that a store holds are durable: the place in the spool up to which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct SpoolMark(pub u64);

/// What tells the open row of one version from that of another: its thread and what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpenKey {
    /// The thread, never 0.
    pub thread: u64,
    /// Address or prefix.
    pub prefix: Prefix,
    /// Ports of it.
    pub ports: PortRange,
}

impl OpenKey {
    /// The key of `row`, if it belongs to a thread.
    pub fn of(row: &Assignment) -> Option<Self> {
        (row.thread != 0).then_some(Self { thread: row.thread, prefix: row.prefix, ports: row.ports })
    }
}

/// Whether `row` is kept as the open version of its thread, to be replaced by the next version. Open rows without a
/// thread are rows like any other.
pub fn is_open_version(row: &Assignment) -> bool {
    row.thread != 0 && row.until.how == How::Open
}

/// What a run of the retention deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deleted {
    /// Rows.
    pub rows: u64,
    /// Rows kept because a hold names them.
    pub held: u64,
}

/// Assignments: who held an address, or ports of it, from when to when.
///
/// Rows with a `thread` other than 0 are versions of one session or lease: while the newest version is open
/// ([`tadoru_model::How::is_open`] of `until.how`) it replaces the older open one; a closed version replaces the open one;
/// closed versions stay side by side, and whoever reads joins them.
pub trait Assignments: Send + Sync {
    /// Takes rows in. They are answerable at once, and durable after [`Assignments::commit`].
    ///
    /// # Errors
    /// When the disk refuses; then none of `rows` is kept.
    fn put(&self, permit: &Permit<Store>, rows: &[Assignment]) -> Result<(), StoreError>;

    /// Makes everything put so far durable, together with the spool mark up to which it was made.
    ///
    /// # Errors
    /// When the disk refuses; then what was durable before still is.
    fn commit(&self, permit: &Permit<Store>, mark: SpoolMark) -> Result<(), StoreError>;

    /// The spool mark of the last commit.
    fn mark(&self) -> SpoolMark;

    /// The open rows, for whoever joins events to rows to go on where it stopped.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn open_rows(&self, permit: &Permit<Store>) -> Result<Vec<Assignment>, StoreError>;

    /// The rows that fit, sealed.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn holding(&self, permit: &Permit<Learn>, question: &Holding) -> Result<Sealed<Rows>, StoreError>;

    /// The same for many questions under one permit, in their order: one seal for the batch.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn holding_many(
        &self,
        permit: &Permit<Learn>,
        questions: &[Holding],
    ) -> Result<Sealed<Vec<Rows>>, StoreError>;

    /// Deletes rows of `kind` whose possible extent ended by `before` and which no hold names. Open versions stay.
    /// What was put and not committed is committed by it, under the mark that stands.
    ///
    /// # Errors
    /// When the disk refuses; what was deleted by then stays deleted.
    fn delete_before(
        &self,
        permit: &Permit<Store>,
        kind: RecordKind,
        before: UtcMicros,
    ) -> Result<Deleted, StoreError>;

    /// Keeps the rows that fit these questions from deletion until [`Assignments::release`].
    ///
    /// # Errors
    /// When the disk refuses.
    fn hold(&self, permit: &Permit<Preserve>, hold: &str, questions: &[Holding]) -> Result<u64, StoreError>;

    /// Ends a hold; its rows go with the next run of the retention.
    ///
    /// # Errors
    /// When the disk refuses.
    fn release(&self, permit: &Permit<Preserve>, hold: &str) -> Result<(), StoreError>;

    /// How many rows are held.
    fn count(&self) -> u64;
}

/// Seals what a question found, for the case of the permit it was asked under and of the data that it covers.
pub fn sealed_as<T>(permit: &Permit<Learn>, found: T) -> Sealed<T> {
    let covered = |category: &DataCategory| permit.data().contains(*category);
    let data = match (covered(&DataCategory::Asgn), covered(&DataCategory::Seat)) {
        (true, true) => DataSet::of(&[DataCategory::Asgn, DataCategory::Seat]),
        (false, true) => DataSet::of(&[DataCategory::Seat]),
        _ => DataSet::of(&[DataCategory::Asgn]),
    };
    Sealed::new(data, permit.case().cloned(), found)
}
