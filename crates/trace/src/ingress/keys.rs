//! Communications one by one, while every packet is counted: the same one at several exporters counts once.

use std::collections::HashMap;

use tadoru_model::Flow;

use super::volume::Amount;

/// Source, destination, ports and protocol.
type Key = (u128, u128, u16, u16, u8);

/// What each communication shows where.
#[derive(Default)]
pub(super) struct Keys {
    seen: HashMap<Key, Vec<Sight>>,
    sights: usize,
}

/// One communication at one interface.
pub(super) struct Sight {
    pub exporter: u128,
    pub input: u32,
    /// Whether it was told on the way out.
    pub on_exit: bool,
    pub first_us: i64,
    pub amount: Amount,
}

impl Keys {
    /// Takes a record; `false` when there is no more room.
    pub fn see(&mut self, flow: &Flow, amount: Amount) -> bool {
        let key = (flow.src, flow.dst, flow.src_port, flow.dst_port, flow.proto);
        let sights = self.seen.entry(key).or_default();
        let on_exit = flow.direction == 1;
        let same = |sight: &&mut Sight| {
            (sight.exporter, sight.input, sight.on_exit) == (flow.exporter, flow.input, on_exit)
        };
        if let Some(sight) = sights.iter_mut().find(same) {
            sight.amount.add(amount);
            sight.first_us = sight.first_us.min(flow.first_us);
            return true;
        }
        let (exporter, input, first_us) = (flow.exporter, flow.input, flow.first_us);
        sights.push(Sight { exporter, input, on_exit, first_us, amount });
        self.sights += 1;
        self.sights <= MOST
    }

    /// Each communication with where it was seen.
    pub fn each(&self) -> impl Iterator<Item = &[Sight]> {
        self.seen.values().map(Vec::as_slice)
    }
}

/// Sights that are kept at most.
const MOST: usize = 1 << 20;
