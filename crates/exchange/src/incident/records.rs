//! Flow records as a table: one line a flow, by time.

use std::fmt::Write as _;
use std::net::IpAddr;

use tadoru_model::flow::from_bits;
use tadoru_model::{Flow, Flows, Prefix, UtcMicros};

use crate::pack::Document;

/// Flow records that were opened for one delivery.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The flows.
    pub flows: Flows,
    /// Whether there are more than these.
    pub cut: bool,
}

impl Records {
    /// Only those that have an end at these addresses.
    pub(super) fn of(&self, own: &[Prefix]) -> Self {
        let is_own = |addr: IpAddr| own.iter().any(|prefix| prefix.contains(addr));
        let mut flows = Flows::default();
        for flow in self.rows() {
            if is_own(from_bits(flow.src, flow.ip)) || is_own(from_bits(flow.dst, flow.ip)) {
                flows.push(flow);
            }
        }
        Self { flows, cut: self.cut }
    }

    /// The table.
    pub(super) fn document(&self) -> Document {
        let mut flows: Vec<Flow> = self.rows().collect();
        flows.sort_by_key(|flow| (flow.first_us, flow.last_us));
        let mut text = String::from(HEAD);
        for flow in &flows {
            line(&mut text, flow);
        }
        Document { name: "records.csv", media_type: "text/csv", octets: text.into_bytes() }
    }

    fn rows(&self) -> impl Iterator<Item = Flow> {
        (0..self.flows.rows()).filter_map(|row| self.flows.get(row))
    }
}

fn line(text: &mut String, flow: &Flow) {
    let (src, dst) = (from_bits(flow.src, flow.ip), from_bits(flow.dst, flow.ip));
    let _ = writeln!(
        text,
        "{},{},{},{src},{},{dst},{},{},{},{},{}",
        UtcMicros(flow.first_us),
        UtcMicros(flow.last_us),
        flow.proto,
        flow.src_port,
        flow.dst_port,
        flow.tcp_flags,
        flow.packets,
        flow.bytes,
        flow.sampling.max(1),
    );
}

/// Counts are as counted, and stand for `one_in` times as many.
const HEAD: &str =
    "first,last,protocol,source,source_port,destination,destination_port,tcp_flags,packets,octets,one_in\n";
