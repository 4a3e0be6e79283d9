//! What one lane of a target had, second by second, and further back in coarser steps.
//!
//! What comes in: amounts with the time that they belong to. What goes out: amounts of seconds and of steps. The newest
//! seconds are kept one by one. Exporters may tell of a long flow only when it ends: where one reaches further back,
//! steps of [`STEP_S`] seconds are kept besides, [`KEPT_S`] seconds far; what lies before is not kept.

use super::{Amount, LATELY_DECAY, decayed, second};
use crate::kind::Lane;

/// The second-by-second rates of one lane, as one exporter tells them.
pub(crate) struct Ring {
    pub lane: Lane,
    /// Which exporter's; 0 for all that count at the edge of the network.
    pub teller: u16,
    /// Newest second that the ring has room for.
    head: u32,
    slots: Box<[Amount; SLOTS]>,
    /// Only where a flow reached further back than the seconds do.
    steps: Option<Box<[Amount; STEPS]>>,
    /// Everything that was told of lately, whenever it belongs to: in parts of the threshold, and in packets.
    lately: f32,
    told: f32,
    lately_second: u32,
    /// Oldest second changed since it was looked at.
    changed: u32,
    /// The coarsest sampling seen.
    pub sampling: u32,
}

/// Over which time an amount is spread.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub from_us: i64,
    pub to_us: i64,
    /// Present second.
    pub now: u32,
    pub sampling: u32,
}

/// A step further back: its seconds, and what a second of it had on average.
pub(crate) struct Step {
    pub first: u32,
    pub last: u32,
    pub mean: Amount,
}

impl Ring {
    pub(super) fn new(lane: Lane, teller: u16, now: u32) -> Self {
        Self {
            lane,
            teller,
            head: now,
            slots: Box::new([Amount::default(); SLOTS]),
            steps: None,
            lately: 0.0,
            told: 0.0,
            lately_second: now,
            changed: u32::MAX,
            sampling: 1,
        }
    }

    pub(super) fn add(&mut self, span: Spread, amount: Amount) {
        self.sampling = self.sampling.max(span.sampling);
        self.forward(span.now);
        let oldest = self.oldest();
        let (from, to) = (second(span.from_us), second(span.to_us).min(self.head));
        if from < oldest && self.steps.is_none() {
            self.steps = Some(self.in_steps());
        }
        let kept = if self.steps.is_some() { self.oldest_step() * STEP_S } else { oldest };
        self.changed = self.changed.min(from.max(kept));
        let life = (span.to_us - span.from_us).max(1) as f32;
        // Part of the amount in the stretch that begins at a second.
        let part = |at: u32, seconds: u32| {
            let begin = i64::from(at) * 1_000_000;
            let end = begin + i64::from(seconds) * 1_000_000;
            if from >= at && to < at + seconds {
                return 1.0;
            }
            (span.to_us.min(end) - span.from_us.max(begin)).max(0) as f32 / life
        };
        for at in from.max(oldest)..=to {
            if let Some(slot) = self.slots.get_mut(at as usize % SLOTS) {
                slot.add(amount, part(at, 1));
            }
        }
        let first = (from / STEP_S).max(self.oldest_step());
        if let Some(steps) = &mut self.steps {
            for step in first..=to / STEP_S {
                if let Some(kept) = steps.get_mut(step as usize % STEPS) {
                    kept.add(amount, part(step * STEP_S, STEP_S));
                }
            }
        }
    }

    /// Notes that something was told of, and says how much was lately, in the unit of `weight`.
    pub(super) fn hear(&mut self, packets: f32, weight: f32, now: u32) -> f32 {
        self.lately = decayed(self.lately, self.lately_second, now, LATELY_DECAY) + weight;
        self.told = decayed(self.told, self.lately_second, now, LATELY_DECAY) + packets;
        self.lately_second = self.lately_second.max(now);
        self.lately
    }

    /// Packets that were told of lately.
    pub(super) fn told(&self, now: u32) -> f32 {
        decayed(self.told, self.lately_second, now, LATELY_DECAY)
    }

    /// What a second has.
    pub(crate) fn at(&self, second: u32) -> Amount {
        let known = second <= self.head && self.head - second < SLOTS as u32;
        if known {
            self.slots.get(second as usize % SLOTS).copied().unwrap_or_default()
        } else {
            Amount::default()
        }
    }

    /// What a second has, or had on average with those around it.
    pub(super) fn rate(&self, second: u32) -> Amount {
        if second >= self.oldest() { self.at(second) } else { self.mean(second / STEP_S) }
    }

    /// Seconds that changed since this was asked last, oldest first; of those that [`Self::steps`] has, the oldest.
    pub(crate) fn take_changed(&mut self) -> std::ops::RangeInclusive<u32> {
        let from = std::mem::replace(&mut self.changed, u32::MAX);
        from..=self.head
    }

    /// The seconds from `from` on that are kept one by one.
    pub(crate) fn seconds(&self, from: u32) -> std::ops::RangeInclusive<u32> {
        from.max(self.oldest())..=self.head
    }

    /// The steps from the one of `from` on that lie before those.
    pub(crate) fn steps(&self, from: u32) -> impl Iterator<Item = Step> + '_ {
        let until = self.steps.as_ref().map_or(0, |_| self.oldest().div_ceil(STEP_S));
        let first = (from / STEP_S).max(self.oldest_step());
        (first..until).map(|step| Step {
            first: step * STEP_S,
            last: step * STEP_S + STEP_S - 1,
            mean: self.mean(step),
        })
    }

    /// Octets of memory beside its own.
    pub(super) fn octets(&self) -> usize {
        let steps = if self.steps.is_some() { size_of::<[Amount; STEPS]>() } else { 0 };
        size_of::<[Amount; SLOTS]>() + steps
    }

    fn mean(&self, step: u32) -> Amount {
        let kept = (self.oldest_step()..=self.head / STEP_S).contains(&step);
        let steps = self.steps.as_ref().filter(|_| kept);
        let sum = steps.and_then(|steps| steps.get(step as usize % STEPS)).copied().unwrap_or_default();
        sum.times(1.0 / STEP_S as f32)
    }

    fn oldest(&self) -> u32 {
        self.head.saturating_sub(SLOTS as u32 - 1)
    }

    fn oldest_step(&self) -> u32 {
        (self.head / STEP_S).saturating_sub(STEPS as u32 - 1)
    }

    /// Makes room up to a second.
    fn forward(&mut self, now: u32) {
        if now <= self.head {
            return;
        }
        let stale = (now - self.head).min(SLOTS as u32);
        for second in now - stale + 1..=now {
            if let Some(slot) = self.slots.get_mut(second as usize % SLOTS) {
                *slot = Amount::default();
            }
        }
        let (old, new) = (self.head / STEP_S, now / STEP_S);
        if let Some(steps) = &mut self.steps {
            for step in new - (new - old).min(STEPS as u32)..new {
                if let Some(kept) = steps.get_mut((step + 1) as usize % STEPS) {
                    *kept = Amount::default();
                }
            }
        }
        self.head = now;
    }

    /// The seconds that are kept, in steps.
    fn in_steps(&self) -> Box<[Amount; STEPS]> {
        let mut steps = Box::new([Amount::default(); STEPS]);
        for second in self.oldest()..=self.head {
            if let Some(step) = steps.get_mut((second / STEP_S) as usize % STEPS) {
                step.add(self.at(second), 1.0);
            }
        }
        steps
    }
}

/// Seconds that are kept one by one: an active timeout of a minute, and what comes late.
pub(crate) const SLOTS: usize = 72;
/// Seconds of a step.
const STEP_S: u32 = 16;
/// Steps that are kept.
const STEPS: usize = 64;
/// How far back anything is kept, seconds.
const KEPT_S: u32 = STEP_S * (STEPS as u32 - 1);
/// The same in microseconds.
pub(crate) const KEPT_US: i64 = KEPT_S as i64 * 1_000_000;
