//! An exporter's clock against the arrival of its datagrams, and times of flows corrected by it.
//!
//! A datagram cannot be sent after it has come: a clock that is ahead is wrong at once. One that is behind may be a
//! datagram kept back on the way, so that a few in a row must say so, and the least of what they say is believed.

use tadoru_wire::flow::Columns;

/// What is known of the clock of one stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    /// Datagrams in a row that say the clock is behind, and the least that they say.
    behind: u32,
    least_us: i64,
    /// What is taken from its times now, microseconds.
    pub correction_us: i64,
    /// Flows whose times were corrected.
    pub corrected: u64,
}

impl Clock {
    /// Takes in how far the clock of a datagram is ahead of its arrival; gives what is to be taken from its times.
    pub(super) fn note(&mut self, ahead_us: i64) -> i64 {
        if ahead_us < -TOLERATED_US {
            self.least_us = if self.behind == 0 { ahead_us } else { self.least_us.max(ahead_us) };
            self.behind = self.behind.saturating_add(1);
            self.correction_us = if self.behind >= IN_A_ROW { self.least_us } else { 0 };
        } else {
            self.behind = 0;
            self.correction_us = if ahead_us > TOLERATED_US { ahead_us } else { 0 };
        }
        self.correction_us
    }

    /// Corrects the times of the rows from `first` on that the correction brings nearer to their arrival: an exporter
    /// may tell right times of flows under a wrong time of export.
    pub(super) fn correct(&mut self, columns: &mut Columns, first: usize) {
        if self.correction_us == 0 {
            return;
        }
        let begins = columns.first_us.iter_mut().skip(first);
        let ends = columns.last_us.iter_mut().skip(first);
        for ((begin, end), received) in begins.zip(ends).zip(columns.received_us.iter().skip(first)) {
            let moved = end.saturating_sub(self.correction_us);
            if moved.abs_diff(*received) < end.abs_diff(*received) {
                *begin = begin.saturating_sub(self.correction_us);
                *end = moved;
                self.corrected += 1;
            }
        }
    }
}

/// As much is put down to delay, queues and export times in whole seconds.
const TOLERATED_US: i64 = 10_000_000;
/// So many datagrams in a row make a clock that is behind.
const IN_A_ROW: u32 = 3;
