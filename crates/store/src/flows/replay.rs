//! Flows in the order of their arrival, second by second, from pieces that overlap in time.

use std::ops::ControlFlow;

use tadoru_model::Flows;

/// Flows on their way into the order of their arrival.
#[derive(Debug, Default)]
pub struct Arrivals {
    pending: Flows,
}

impl Arrivals {
    /// Takes flows in, in any order.
    pub fn put(&mut self, mut flows: Flows) {
        if self.pending.is_empty() {
            self.pending = flows;
        } else {
            self.pending.append(&mut flows);
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.pending.rows()
    }

    /// Hands out what arrived before an instant, a batch a second, ascending, and keeps the rest. Whoever calls promises
    /// that nothing older comes any more. The seconds that an instant cuts in two are handed out whole the next time.
    ///
    /// # Errors
    /// The break of `visit`.
    pub fn until(&mut self, before: i64, visit: &mut dyn FnMut(Flows) -> ControlFlow<()>) -> ControlFlow<()> {
        let whole = if before == i64::MAX { before } else { before.div_euclid(SECOND_US) * SECOND_US };
        let received = &self.pending.received_us;
        let mut due: Vec<usize> =
            (0..received.len()).filter(|row| received.get(*row).is_some_and(|us| *us < whole)).collect();
        if due.is_empty() {
            return ControlFlow::Continue(());
        }
        let at = |row: usize| received.get(row).copied().unwrap_or(0);
        due.sort_by_key(|row| at(*row));
        let mut rest = Flows::with_capacity(received.len() - due.len());
        if due.len() < received.len() {
            let waits = (0..received.len()).filter(|row| at(*row) >= whole);
            waits.filter_map(|row| self.pending.get(row)).for_each(|flow| rest.push(flow));
        }
        for second in due.chunk_by(|a, b| at(*a).div_euclid(SECOND_US) == at(*b).div_euclid(SECOND_US)) {
            let mut batch = Flows::with_capacity(second.len());
            second.iter().filter_map(|row| self.pending.get(*row)).for_each(|flow| batch.push(flow));
            visit(batch)?;
        }
        self.pending = rest;
        ControlFlow::Continue(())
    }
}

const SECOND_US: i64 = 1_000_000;

#[cfg(test)]
mod tests;
