//! Whether the exporters see both directions of communications: only then does a missing answer mean anything.

/// Whether both directions of communications are seen at all.
pub(super) struct Answers {
    pairs: Vec<(u64, bool)>,
    both: f64,
    second: u32,
}

impl Answers {
    pub(super) fn new() -> Self {
        Self { pairs: vec![(0, false); PAIRS], both: 0.0, second: 0 }
    }

    pub(super) fn see(&mut self, src: u64, dst: u64, now: u32) {
        if now.saturating_sub(self.second) >= 60 {
            (self.both, self.second) = (self.both * 0.5, now);
        }
        let pair = src.wrapping_add(dst) | 1;
        let Some(held) = self.pairs.get_mut(pair as usize / 2 % PAIRS) else { return };
        if held.0 != pair {
            *held = (pair, src < dst);
        } else if held.1 != (src < dst) {
            self.both += 1.0;
            *held = (0, false);
        }
    }

    pub(super) fn visible(&self) -> bool {
        self.both >= 3.0
    }
}

/// Pairs of addresses kept to see answers.
const PAIRS: usize = 4096;
