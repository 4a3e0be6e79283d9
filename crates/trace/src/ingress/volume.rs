//! Amounts of traffic, scaled by sampling, with how far chance may have them off.

use tadoru_model::Flow;

/// An amount of traffic, or parts of one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Volume {
    /// Packets, scaled by sampling.
    pub packets: f64,
    /// Octets of layer 3, scaled by sampling.
    pub bytes: f64,
    /// Flows, scaled by sampling.
    pub flows: f64,
}

impl Volume {
    pub(super) fn each(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            packets: of(self.packets, other.packets),
            bytes: of(self.bytes, other.bytes),
            flows: of(self.flows, other.flows),
        }
    }

    /// Its parts of a total, 0 to 1.
    pub(super) fn parts_of(self, total: Self) -> Self {
        self.each(total, |part, whole| if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 })
    }

    pub(super) fn larger(self, other: Self) -> Self {
        self.each(other, f64::max)
    }
}

/// An estimate with its variance.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Amount {
    pub volume: Volume,
    pub variance: Volume,
}

impl Amount {
    /// What `part` of a record stands for. A packet that was sampled one in s stands for s, with a variance of about s².
    pub fn of(flow: &Flow, part: f64) -> Self {
        let scale = f64::from(flow.sampling.max(1));
        let (packets, bytes) = (flow.packets as f64, flow.bytes as f64);
        let flows = f64::from(flow.flows.max(1));
        let volume = Volume {
            packets: packets * scale * part,
            bytes: bytes * scale * part,
            flows: flows * scale * part,
        };
        let square = if scale > 1.0 { scale * scale * part } else { 0.0 };
        let variance = Volume {
            packets: packets * square,
            bytes: bytes * bytes / packets.max(1.0) * square,
            flows: flows * square,
        };
        Self { volume, variance }
    }

    pub fn add(&mut self, other: Self) {
        self.volume = self.volume.each(other.volume, |a, b| a + b);
        self.variance = self.variance.each(other.variance, |a, b| a + b);
    }

    pub fn plus(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    /// What is left when another is taken away; never less than nothing.
    pub fn less(self, other: Self) -> Self {
        Self {
            volume: self.volume.each(other.volume, |a, b| (a - b).max(0.0)),
            variance: self.variance.each(other.variance, |a, b| a + b),
        }
    }

    /// Whether it has more packets than another beyond chance, and beyond what clocks and timeouts blur.
    pub fn exceeds(self, other: Self) -> bool {
        let by = self.volume.packets - other.volume.packets;
        let chance = SIGMAS * (self.variance.packets + other.variance.packets).sqrt();
        by > chance.max(BLUR * self.volume.packets)
    }
}

/// Standard deviations that chance is held to make.
const SIGMAS: f64 = 3.0;
/// Part below which a difference says nothing.
const BLUR: f64 = 0.01;
