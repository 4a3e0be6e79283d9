//! The questions asked of recorded flows: which, who most, how many over time, and how much altogether.
//!
//! What comes in: batches under `Permit<Store>`; questions in nfdump's language with a span of time. What goes out:
//! sealed rows, rankings and figures. A search for single flows and a ranking stand on `Permit<Learn>`; figures in which
//! nobody can be told stand on `Permit<Aggregate>` too, and a filter that would narrow them down to somebody is then
//! refused. Counts are as the exporters sent them, unscaled. The calls block: whoever must not wait has a thread for it.

use std::ops::{ControlFlow, RangeInclusive};

use tadoru_gate::permit::{Aggregate, Learn, Preserve, Store};
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{Flows as Batch, Span, UtcMicros};

use crate::StoreError;
use crate::assignments::SpoolMark;
use crate::error::Fault;
use crate::filter::{Field, Filter, Node, Test};

pub mod contract;
pub mod copy;
pub mod memory;
pub mod replay;
pub mod sql;
pub mod taken;
pub mod tally;

pub use copy::{Copied, CopyState, FlowCopy};
pub use memory::MemoryFlows;
pub use taken::{Again, FileDigest, FileEnd};
pub use tally::{Bucket, Key, KeyValue, Measure, Ranked, Rate, Sums};

/// Which flows are asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What they match.
    pub filter: Filter,
    /// The time that they lie in, from their first packet to their last: nfdump's time window. `None`: all times.
    pub span: Option<Span>,
}

impl Question {
    /// The question as one filter. A flow lies in a span when its first and its last packet do.
    pub fn whole(&self) -> Filter {
        let Some(span) = self.span else { return self.filter.clone() };
        let within = |field| Node::Is(Test::Number { field, within: vec![instants(span)] });
        let node = if span.is_empty() {
            Node::Never
        } else {
            Node::all(vec![within(Field::FirstUs), within(Field::LastUs)])
        };
        self.filter.clone().and(Filter::from(node))
    }
}

/// The instants of a span as a filter has them: a time before 1970 counts as 0.
fn instants(span: Span) -> RangeInclusive<u64> {
    let unsigned = |us: i64| u64::try_from(us).unwrap_or(0);
    unsigned(span.from.0)..=unsigned(span.until.0.saturating_sub(1))
}

/// A fault at the flows' door. No message holds a value of a record.
#[derive(Debug, thiserror::Error)]
pub enum FlowsError {
    /// The answer would show somebody, and only the standing permit for aggregates was given.
    #[error("the answer would not be an aggregate: it needs a permit of a case")]
    NotAggregate,
    /// The permit is for something else than what these flows are kept for.
    #[error("the permit is for another purpose than these flows are kept for")]
    OtherPurpose,
    /// A batch with columns of different lengths.
    #[error("the columns of the batch are not equally long")]
    Uneven,
    /// The file was taken in before.
    #[error("this file was imported already: its {flows} flows are there")]
    TakenIn {
        /// How many flows of it were kept.
        flows: u64,
    },
    /// The file is being taken in.
    #[error("this file is being imported at the moment")]
    BeingTakenIn,
    /// A statement in SQL came to nothing.
    #[error(transparent)]
    Sql(#[from] sql::SqlFault),
    /// The store's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FlowsError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::NotAggregate | Self::Sql(_) | Self::TakenIn { .. } | Self::BeingTakenIn => Fault::Sender,
            Self::Uneven | Self::OtherPurpose => Fault::Ours,
            Self::Store(error) => error.fault(),
        }
    }
}

/// What a figure stands on.
#[derive(Debug, Clone, Copy)]
pub enum Ground<'p> {
    /// The standing permit for aggregates: no filter on less than a /24 or a /56, no ranking of addresses.
    Standing(&'p Permit<Aggregate>),
    /// A permit of a case.
    Case(&'p Permit<Learn>),
}

impl Ground<'_> {
    /// Whether the filter and the key may be asked on this ground.
    ///
    /// # Errors
    /// [`FlowsError::NotAggregate`] when an answer on the standing permit would show somebody.
    pub fn check(&self, question: &Question, key: Option<Key>) -> Result<(), FlowsError> {
        let shown = !question.filter.is_aggregate_safe() || key.is_some_and(Key::names_somebody);
        match self {
            Self::Standing(_) if shown => Err(FlowsError::NotAggregate),
            _ => Ok(()),
        }
    }

    /// Seals a figure for the permit it was asked under.
    pub fn seal<T>(&self, figure: T) -> Sealed<T> {
        match self {
            Self::Standing(permit) => Sealed::new(FLOWS, permit.case().cloned(), figure),
            Self::Case(permit) => Sealed::new(FLOWS, permit.case().cloned(), figure),
        }
    }
}

/// Seals flows for the case of the permit they were asked under.
pub fn sealed_flows<T>(permit: &Permit<Learn>, found: T) -> Sealed<T> {
    Sealed::new(FLOWS, permit.case().cloned(), found)
}

/// Flows that a question found.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The flows, in no order that is promised.
    pub flows: Batch,
    /// Whether there were more than asked for: which of them are here is not said.
    pub cut: bool,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} flows found]", self.flows.rows())
    }
}

/// What a run of the retention deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Flows.
    pub flows: u64,
    /// Partitions (hours of arrival).
    pub partitions: u64,
    /// Partitions that a hold keeps.
    pub held: u64,
}

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Flows, those in memory included.
    pub flows: u64,
    /// Flows that are in memory and not yet durable here: the spool has them.
    pub in_memory: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Files.
    pub files: u64,
    /// Partitions (hours of arrival).
    pub partitions: u64,
}

/// Recorded flows.
///
/// Flows lie in the partition of the hour in which they *arrived*: an exporter's clock that is wrong, or a record that is
/// late, changes neither where a flow lies nor when it is deleted.
pub trait Flows: Send + Sync {
    /// Takes a batch in. It is answerable at once, and durable when [`Flows::mark`] has reached the mark of a later
    /// [`Flows::commit`].
    ///
    /// # Errors
    /// When its columns are uneven ([`FlowsError::Uneven`]), or the disk refused earlier and there is no room left; then
    /// nothing of the batch is kept.
    fn keep(&self, permit: &Permit<Store>, batch: &Batch) -> Result<(), FlowsError>;

    /// Tells that everything kept so far came from the spool before `mark`, and writes what is due. The store writes a
    /// few minutes of flows at once, so that [`Flows::mark`] may stay behind.
    ///
    /// # Errors
    /// When the disk refuses: then everything stays answerable, and the next commit tries again.
    fn commit(&self, permit: &Permit<Store>, mark: SpoolMark) -> Result<(), FlowsError>;

    /// Writes everything that was committed, as before the end of the program.
    ///
    /// # Errors
    /// As [`Flows::commit`].
    fn flush(&self, permit: &Permit<Store>) -> Result<(), FlowsError>;

    /// Begins to take a file in; how many of its flows are kept already because it broke off before: whoever goes on
    /// leaves so many of its first flows out.
    ///
    /// # Errors
    /// [`FlowsError::TakenIn`] when it was taken in whole and is not wanted again, [`FlowsError::BeingTakenIn`] while it
    /// is being taken in.
    fn begin_file(&self, permit: &Permit<Store>, file: &FileDigest, again: Again) -> Result<u64, FlowsError>;

    /// Takes flows of a file in that was begun. They do not come from the spool: marks say nothing of them. They are
    /// answerable at once, and become durable together with how many of them there are.
    ///
    /// # Errors
    /// When its columns are uneven or the disk refuses; then nothing of the batch is kept.
    fn keep_of(&self, permit: &Permit<Store>, file: &FileDigest, batch: &Batch) -> Result<(), FlowsError>;

    /// Ends a file: when it returns, its flows are durable and so is that it was taken in. It is forgotten when retention
    /// has deleted all hours that it has flows in.
    ///
    /// # Errors
    /// When the disk refuses: then everything stays answerable, and the next flush tries again.
    fn end_file(&self, permit: &Permit<Store>, file: &FileDigest, end: &FileEnd) -> Result<(), FlowsError>;

    /// Up to where the spool is not needed any more: whoever opens the store keeps again what lies behind.
    fn mark(&self) -> SpoolMark;

    /// The flows that a question finds, at most `most` of them.
    ///
    /// # Errors
    /// When the disk refuses.
    fn find(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        most: usize,
    ) -> Result<Sealed<Found>, FlowsError>;

    /// The `most` keys with the most of a measure, largest first, equal ones by key; keys that are addresses need a case.
    ///
    /// # Errors
    /// [`FlowsError::NotAggregate`] when it would show somebody on the standing permit; when the disk refuses.
    fn top(
        &self,
        ground: Ground<'_>,
        question: &Question,
        key: Key,
        by: Measure,
        most: usize,
    ) -> Result<Sealed<Vec<Ranked>>, FlowsError>;

    /// Sums over the flows that began in each step, ascending; steps without flows are left out.
    ///
    /// # Errors
    /// As [`Flows::top`].
    fn series(
        &self,
        ground: Ground<'_>,
        question: &Question,
        step_us: u64,
    ) -> Result<Sealed<Vec<Bucket>>, FlowsError>;

    /// Sums over all flows that a question finds.
    ///
    /// # Errors
    /// As [`Flows::top`].
    fn totals(&self, ground: Ground<'_>, question: &Question) -> Result<Sealed<Sums>, FlowsError>;

    /// How many of the records that a question finds tell which rate of sampling, ascending by rate.
    ///
    /// # Errors
    /// As [`Flows::top`].
    fn rates(&self, ground: Ground<'_>, question: &Question) -> Result<Sealed<Vec<Rate>>, FlowsError>;

    /// Runs one statement over a table `flows` that holds the flows that a question finds, and no others.
    ///
    /// # Errors
    /// When the statement cannot be run within its bounds, the store does not speak SQL, or the disk refuses.
    fn sql(
        &self,
        _permit: &Permit<Learn>,
        _question: &Question,
        _statement: &sql::Statement,
        _bounds: sql::Bounds,
    ) -> Result<Sealed<sql::Table>, FlowsError> {
        Err(sql::SqlFault::Unspoken.into())
    }

    /// Tells all flows that a question finds, in the order of their arrival: each batch holds what arrived within one
    /// second. It ends early when `visit` breaks.
    ///
    /// # Errors
    /// When the disk refuses.
    fn replay(
        &self,
        permit: &Permit<Learn>,
        question: &Question,
        visit: &mut dyn FnMut(Sealed<Batch>) -> ControlFlow<()>,
    ) -> Result<(), FlowsError>;

    /// Deletes the partitions whose hour ended by `before` and which no hold keeps; what is in memory is not touched.
    ///
    /// # Errors
    /// When the disk refuses; what was deleted by then stays deleted.
    fn delete_before(&self, permit: &Permit<Store>, before: UtcMicros) -> Result<Dropped, FlowsError>;

    /// Keeps the partitions that have flows of these spans from deletion until [`Flows::release`].
    ///
    /// # Errors
    /// When the disk refuses.
    fn hold(&self, permit: &Permit<Preserve>, hold: &str, spans: &[Span]) -> Result<(), FlowsError>;

    /// Ends a hold.
    ///
    /// # Errors
    /// When the disk refuses.
    fn release(&self, permit: &Permit<Preserve>, hold: &str) -> Result<(), FlowsError>;

    /// What it holds.
    fn state(&self) -> State;
}

/// Retention class of recorded flows, and of the exports that they come from.
pub const KEYS: &str = "flow-raw";

const FLOWS: DataSet = DataSet::of(&[DataCategory::Flow]);
