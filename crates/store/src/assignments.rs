//! The question "which rows say who may have held this, then?".

use std::collections::BTreeSet;
use std::net::IpAddr;

use tadoru_gate::keys::Month;
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

/// The thread that the versions of one translation share: FNV-1a (64 bits) over the parts that tell one translation from
/// another and its beginning `from`, each with an `ff` behind it; never 0. It says nothing that the row does not say, so a
/// store need not keep it.
pub fn translation_thread(row: &Assignment, from: UtcMicros) -> u64 {
    let remote = row.remote.map_or([0; 19], |remote| {
        let mut bytes = [1; 19];
        let (addr, port) = bytes.split_at_mut(16);
        addr.copy_from_slice(&octets(remote.addr));
        for (to, byte) in port.iter_mut().zip(remote.port.unwrap_or(0).to_be_bytes()) {
            *to = byte;
        }
        bytes
    });
    let parts: [&[u8]; 8] = [
        row.source.0.as_bytes(),
        row.realm.0.as_bytes(),
        &[row.proto.0],
        &octets(row.prefix.addr()),
        &row.ports.low.to_be_bytes(),
        &row.ports.high.to_be_bytes(),
        &remote,
        &from.0.to_be_bytes(),
    ];
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0xff]));
    bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)).max(1)
}

/// An address as 16 octets, IPv4 mapped (RFC 4291, 2.5.5.2).
fn octets(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
        IpAddr::V6(addr) => addr.octets(),
    }
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
    /// Nothing is committed by it: rows that are not yet durable may stay until the next run. A run that finds nothing to
    /// delete writes nothing.
    ///
    /// # Errors
    /// When the disk refuses; what was deleted by then stays deleted.
    fn delete_before(
        &self,
        permit: &Permit<Store>,
        kind: RecordKind,
        before: UtcMicros,
    ) -> Result<Deleted, StoreError>;

    /// Up to when rows of `kind` may have been deleted: of an earlier instant the records do not tell everybody. The
    /// least instant where nothing was.
    fn deleted_before(&self, kind: RecordKind) -> UtcMicros;

    /// Keeps the rows that fit these questions from deletion until [`Assignments::release`].
    ///
    /// # Errors
    /// When the disk refuses.
    fn hold(&self, permit: &Permit<Preserve>, hold: &str, questions: &[Holding]) -> Result<u64, StoreError>;

    /// Ends a hold; its rows go with the next run of the retention.
    ///
    /// # Errors
    /// When the disk refuses.
    fn release(&self, permit: &Permit<Store>, hold: &str) -> Result<(), StoreError>;

    /// The retention classes and months whose keys its rows need, in memory and on the disk. None where nothing is sealed.
    fn keys_in_use(&self) -> BTreeSet<(String, Month)> {
        BTreeSet::new()
    }

    /// How many rows are held.
    fn count(&self) -> u64;

    /// What upkeep in the background fails with, in one line; `None` while it goes well. Nothing is lost by it, but
    /// questions take longer and longer.
    fn ailment(&self) -> Option<String> {
        None
    }
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

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

#[cfg(test)]
mod tests;
