//! Source-address validation: which customers' interfaces let forged sources in.
//!
//! What comes in: flows and tables. What goes out: one line an interface. A pure function; it names no source address.
//! Requirement 5.F2; BCP 38 (RFC 2827), BCP 84 (RFC 3704).

use std::collections::BTreeMap;
use std::net::IpAddr;

use tadoru_model::{Flow, Flows};

use crate::profile::address;
use crate::spoofing::{Impossible, check};
use crate::world::{InterfaceRole, World};

#[cfg(test)]
mod tests;

/// What came in by one interface, packets scaled by sampling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InterfaceSources {
    /// The exporter's address.
    pub exporter: IpAddr,
    /// Index of the interface.
    pub index: u32,
    /// What is behind it, if it was told.
    pub role: Option<InterfaceRole>,
    /// All packets.
    pub packets: u64,
    /// From prefixes that may come in there.
    pub valid: u64,
    /// From addresses that nobody has in the public Internet.
    pub bogon: u64,
    /// From own addresses, by an interface to another network.
    pub own_from_outside: u64,
    /// From elsewhere than the tables let in.
    pub wrong: u64,
    /// Nothing is known that speaks for or against.
    pub unverifiable: u64,
    /// Flow records with a source that cannot be there: one or two are an accident, many are no validation.
    pub impossible_flows: u64,
}

impl std::fmt::Debug for InterfaceSources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[interface sources: {} of {} packets impossible]", self.impossible(), self.packets)
    }
}

impl InterfaceSources {
    fn none(flow: &Flow, role: Option<InterfaceRole>) -> Self {
        Self {
            exporter: address(flow.exporter),
            index: flow.input,
            role,
            packets: 0,
            valid: 0,
            bogon: 0,
            own_from_outside: 0,
            wrong: 0,
            unverifiable: 0,
            impossible_flows: 0,
        }
    }

    /// Packets whose source cannot be there.
    pub const fn impossible(&self) -> u64 {
        self.bogon.saturating_add(self.own_from_outside).saturating_add(self.wrong)
    }
}

/// What came in by every interface that is a customer's or an edge, or of which nothing was told; the worst first.
pub fn source_validation<'a>(
    batches: impl IntoIterator<Item = &'a Flows>,
    world: &World,
) -> Vec<InterfaceSources> {
    let mut tally = SourceTally::default();
    batches.into_iter().for_each(|batch| tally.take(batch, world));
    tally.finish()
}

/// A report in the making, batch by batch.
#[derive(Default)]
pub struct SourceTally {
    rows: BTreeMap<(u128, u32), InterfaceSources>,
}

impl std::fmt::Debug for SourceTally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[sources of {} interfaces]", self.rows.len())
    }
}

impl SourceTally {
    /// Takes a batch.
    pub fn take(&mut self, batch: &Flows, world: &World) {
        for flow in (0..batch.rows()).map_while(|row| batch.get(row)) {
            let role = world.role(flow.exporter, flow.input);
            if flow.ip == 0 || flow.direction == 1 || role == Some(InterfaceRole::Core) {
                continue;
            }
            let place = (flow.exporter, flow.input);
            if self.rows.len() >= MOST && !self.rows.contains_key(&place) {
                continue;
            }
            let row = self.rows.entry(place).or_insert_with(|| InterfaceSources::none(&flow, role));
            let packets = flow.packets.saturating_mul(u64::from(flow.sampling.max(1)));
            row.packets = row.packets.saturating_add(packets);
            let verdict = check(world, &flow);
            row.impossible_flows += u64::from(verdict.is_err());
            let kind = match verdict {
                Err(Impossible::Bogon) => &mut row.bogon,
                Err(Impossible::OwnFromOutside) => &mut row.own_from_outside,
                Err(Impossible::WrongIngress) => &mut row.wrong,
                Ok(Some(())) => &mut row.valid,
                Ok(None) => &mut row.unverifiable,
            };
            *kind = kind.saturating_add(packets);
        }
    }

    /// The interfaces, the worst first.
    pub fn finish(self) -> Vec<InterfaceSources> {
        let mut rows: Vec<InterfaceSources> = self.rows.into_values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.impossible()));
        rows
    }
}

/// Interfaces in a report at most.
const MOST: usize = 1 << 16;
