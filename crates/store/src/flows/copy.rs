//! The copy of flows for finding unknown command servers: a dataset of its own, which no other purpose reaches (JP-050).
//!
//! What comes in: a permit to store flows for that purpose; the flows themselves come from the store of flows, as they
//! become durable there. What goes out: the same flows with the minimum of fields ([`minimum`]), under a permit to use them
//! for that purpose. No question about recorded flows sees the copy, and the copy takes nothing that arrived before it
//! began.

use tadoru_gate::permit::{Act, Store, Use};
use tadoru_gate::{DataCategory, Permit, Purpose, Sealed};
use tadoru_model::flow::Flow;
use tadoru_model::{Flows as Batch, UtcMicros};

use super::{Dropped, FlowsError, Found, Question, State};

/// The copy of flows.
pub trait FlowCopy: Send + Sync {
    /// Copies what became durable in the store of flows since the last call, and begins with what arrives from now on
    /// where it had not begun.
    ///
    /// # Errors
    /// [`FlowsError::OtherPurpose`] when the permit is for anything else; when it has ended, or the disk refuses: then the
    /// next call goes on where this one ended.
    fn follow(&self, permit: &Permit<Store>) -> Result<Copied, FlowsError>;

    /// Copies no more: what arrives from now on until the next [`FlowCopy::follow`] will never be in it. What is in it
    /// stays until its time is over.
    ///
    /// # Errors
    /// When the disk refuses.
    fn pause(&self) -> Result<(), FlowsError>;

    /// The copied flows that a question finds, at most `most` of them.
    ///
    /// # Errors
    /// [`FlowsError::OtherPurpose`] when the permit is for anything else; when it has ended, or the disk refuses.
    fn find(
        &self,
        permit: &Permit<Use>,
        question: &Question,
        most: usize,
    ) -> Result<Sealed<Found>, FlowsError>;

    /// Deletes the hours of arrival that ended by `before`. It takes any permit to store: deleting is a duty.
    ///
    /// # Errors
    /// When the disk refuses; what was deleted by then stays deleted.
    fn delete_before(&self, permit: &Permit<Store>, before: UtcMicros) -> Result<Dropped, FlowsError>;

    /// What it holds, and whether it follows.
    fn state(&self) -> CopyState;
}

/// What a step of the copying did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Flows copied.
    pub flows: u64,
    /// Flows left out, for they had arrived before the copying began.
    pub left_out: u64,
}

/// What the copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyState {
    /// What arrives from then on is copied; `None` while nothing is.
    pub since: Option<UtcMicros>,
    /// What it holds.
    pub holds: State,
    /// When the oldest hour of arrival that it holds began.
    pub oldest: Option<UtcMicros>,
}

/// The flow with what the rule allows and no more: addresses, ports, times and sizes. What the exporter told of protocol,
/// flags, interfaces, routes, layer 2 and itself is not kept. Type and code of ICMP are no ports.
pub fn minimum(flow: &Flow) -> Flow {
    let is_icmp = matches!(flow.proto, ICMP | ICMP6);
    let [src_port, dst_port] = if is_icmp { [0, 0] } else { [flow.src_port, flow.dst_port] };
    Flow {
        first_us: flow.first_us,
        last_us: flow.last_us,
        received_us: flow.received_us,
        ip: flow.ip,
        src: flow.src,
        dst: flow.dst,
        src_port,
        dst_port,
        packets: flow.packets,
        bytes: flow.bytes,
        reverse_packets: flow.reverse_packets,
        reverse_bytes: flow.reverse_bytes,
        flows: flow.flows,
        direction: NOT_TOLD,
        ..Flow::default()
    }
}

/// Whether a permit is for the copy: for flows, to detect.
///
/// # Errors
/// [`FlowsError::OtherPurpose`] when it is for anything else.
pub fn check<A: Act>(permit: &Permit<A>) -> Result<(), FlowsError> {
    let fits = permit.purpose() == Purpose::Detect && permit.data().contains(DataCategory::Flow);
    if fits { Ok(()) } else { Err(FlowsError::OtherPurpose) }
}

/// The flows of a batch with the minimum of fields, those left out that arrived before `since`.
pub fn minimum_of(batch: &Batch, since: UtcMicros) -> Batch {
    let mut copied = Batch::with_capacity(batch.rows());
    let flows = (0..batch.rows()).filter_map(|row| batch.get(row));
    flows.filter(|flow| flow.received_us >= since.0).for_each(|flow| copied.push(minimum(&flow)));
    copied
}

/// Retention class of the copy.
pub const KEYS: &str = "flow-c2";

const ICMP: u8 = 1;
const ICMP6: u8 = 58;
/// [`Flow::direction`] where nobody said.
const NOT_TOLD: u8 = 255;
