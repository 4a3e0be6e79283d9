//! The highest of the seconds that changed, and what is said of it.

use tadoru_model::finding::Rate;

use crate::config::Limit;
use crate::judge::grouped;
use crate::rates::{Amount, Ring};

/// The highest of the seconds that changed.
pub(super) struct Best {
    /// How many times the threshold of one address, safe against chance and single seconds.
    pub ratio: f64,
    pub rate: Rate,
    pub from: u32,
    pub last: u32,
    /// Over how many seconds the rate is an average; of one or two it is the higher.
    seconds: u32,
}

/// A second of half as much again, or two of as much; of sampled traffic up to ten, for few samples say little.
pub(super) fn highest(ring: &mut Ring, limit: Limit) -> Option<Best> {
    let sampling = f64::from(ring.sampling.max(1));
    let windows: &[(u32, f64)] =
        if ring.sampling > 1 { &[(1, 1.5), (2, 1.0), (5, 1.0), (10, 1.0)] } else { &[(1, 1.5), (2, 1.0)] };
    let mut best: Option<Best> = None;
    for at in ring.take_changed() {
        let mut sum = Amount::default();
        let mut width = 0;
        let mut top = Amount::default();
        for (window, strictness) in windows {
            while width < *window {
                let slot = ring.at(at.saturating_sub(width));
                sum = sum.plus(slot);
                top = if slot.bytes > top.bytes { slot } else { top };
                width += 1;
            }
            let mean = sum.times(1.0 / *window as f32);
            let mut ratio = limit.ratio(f64::from(mean.packets), f64::from(mean.bytes)) / strictness;
            if sampling > 1.0 {
                // Two standard errors of the number of samples, and never less than a dozen.
                let samples = f64::from(sum.packets) / sampling;
                ratio *= if samples < 12.0 { 0.0 } else { 1.0 - 2.0 / samples.sqrt() };
            }
            if best.as_ref().is_none_or(|known| ratio > known.ratio) {
                // Seconds before it began are no part of it, though a window reaches into them.
                let begun = |second: &u32| ring.at(*second).packets >= mean.packets * 0.25;
                let from = (at.saturating_sub(window - 1)..=at).find(begun).unwrap_or(at);
                let shown = if *window > 2 { mean } else { top };
                best = Some(Best { ratio, rate: rate(shown), from, last: at, seconds: *window });
            }
        }
    }
    best
}

pub(super) fn rate(amount: Amount) -> Rate {
    Rate {
        packets_per_s: f64::from(amount.packets),
        bits_per_s: f64::from(amount.bytes) * 8.0,
        flows_per_s: f64::from(amount.flows),
    }
}

/// The rate and how it stands to the threshold: plain figures, without the caution of [`Best::ratio`].
pub(super) fn sentence(best: &Best, limit: &Rate) -> String {
    let limits = Limit { packets_per_s: limit.packets_per_s, bits_per_s: limit.bits_per_s };
    let times = limits.ratio(best.rate.packets_per_s, best.rate.bits_per_s / 8.0);
    let bits = if limit.bits_per_s > 0.0 {
        format!(" or {} bit/s", grouped(limit.bits_per_s))
    } else {
        String::new()
    };
    let over =
        if best.seconds > 2 { format!("over {} seconds", best.seconds) } else { "in a second".to_owned() };
    format!(
        "{} packets/s and {} bit/s {over}, {times:.1} times the threshold of {} packets/s{bits}",
        grouped(best.rate.packets_per_s),
        grouped(best.rate.bits_per_s),
        grouped(limit.packets_per_s),
    )
}
