//! The town's chance: the same seed gives the same town on every machine.
//!
//! SplitMix64 (Steele, Lea, Flood 2014), integers only where a value becomes a record, so that no floating-point library
//! has a say. Not for secrets.

/// A source of numbers that its seed decides.
#[derive(Debug, Clone)]
pub struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    /// Dice of this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// Dice of their own for one part of the town: what another part draws does not change them.
    #[must_use]
    pub fn fork(&self, part: &str) -> Self {
        let mut hash = self.seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in part.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self::new(mixed(hash))
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mixed(self.state)
    }

    /// A number below `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.roll()) * n as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to just below `high`; `low` where there is none.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        let drawn = (u128::from(self.roll()) * u128::from(width)) >> 64;
        low.saturating_add(i64::try_from(drawn).unwrap_or(0))
    }

    /// A number from `low` to about `high` whose every doubling is equally likely: many short, few long.
    pub fn long_tailed(&mut self, low: i64, high: i64) -> i64 {
        let low = low.max(1);
        let doublings = (high / low).max(1).ilog2();
        let base = low << self.below(doublings as usize + 1).min(62);
        self.between(base, base.saturating_mul(2).min(high.max(base + 1)))
    }

    /// Whether something of this likelihood (0 to 1) happens.
    pub fn chance(&mut self, likelihood: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let drawn = (self.roll() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < likelihood
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

const fn mixed(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
