//! How long an exporter keeps a flow before it tells of it, learnt from the flows that it tells of.
//!
//! What is configured on a router, and what is told of it here, may differ from what it does: some cut long flows every
//! minute, some every half hour, some never.

/// The longest that an exporter lately kept a flow.
#[derive(Default)]
pub(super) struct Waits {
    newest_us: i64,
    before_us: i64,
    since: u32,
}

impl Waits {
    /// Takes in that a flow began so long before it was told of.
    pub(super) fn see(&mut self, wait_us: i64, now: u32) {
        if now.saturating_sub(self.since) >= LATELY_S {
            (self.before_us, self.newest_us, self.since) = (self.newest_us, 0, now);
        }
        self.newest_us = self.newest_us.max(wait_us);
    }

    /// The longest lately, microseconds.
    pub(super) fn longest_us(&self) -> i64 {
        self.newest_us.max(self.before_us)
    }
}

/// A wait is remembered for this long at least, and for twice as long at most, seconds: longer than the longest wait
/// that matters.
const LATELY_S: u32 = 1_200;
