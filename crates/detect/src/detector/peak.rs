//! The highest of the seconds that changed, and what is said of it.

use tadoru_model::finding::Rate;

use crate::config::Limit;
use crate::judge::grouped;
use crate::rates::{Amount, Ring, Step};
use crate::said::Sentence;

/// The highest of the seconds that changed.
pub(super) struct Best {
    /// Whose figures they are.
    pub teller: u16,
    /// How many times the threshold of one address, safe against chance and single seconds.
    pub ratio: f64,
    pub rate: Rate,
    /// The second of that rate.
    pub at: u32,
    /// The oldest second that changed.
    pub changed: u32,
    /// Over how many seconds the rate is an average; of one or two it is the higher.
    seconds: u32,
}

/// A stretch of seconds with one figure.
struct Piece {
    from: u32,
    last: u32,
    ratio: f64,
    rate: Rate,
    seconds: u32,
}

/// A second of half as much again, or two of as much; of sampled traffic up to ten, for few samples say little.
pub(super) fn highest(ring: &mut Ring, limit: Limit) -> Option<Best> {
    let changed = *ring.take_changed().start();
    let mut best: Option<Piece> = None;
    each(ring, limit, changed, |piece| {
        if best.as_ref().is_none_or(|known| piece.ratio > known.ratio) {
            best = Some(piece);
        }
    });
    let Piece { last, ratio, rate, seconds, .. } = best?;
    Some(Best { teller: ring.teller, ratio, rate, at: last, changed, seconds })
}

/// The first and the last second from `from` on that reach `least` times the threshold of one address, and belong to
/// the stretch around `about`: no gap in it is longer than `gap` seconds.
pub(super) fn extent(
    ring: &Ring,
    limit: Limit,
    from: u32,
    (least, about, gap): (f64, u32, u32),
) -> Option<(u32, u32)> {
    let mut over: Vec<(u32, u32)> = Vec::new();
    each(ring, limit, from, |piece| {
        if piece.ratio >= least {
            over.push((piece.from, piece.last));
        }
    });
    over.sort_unstable();
    let mut found: Option<(u32, u32)> = None;
    for (first, last) in over {
        match &mut found {
            Some(known) if first <= known.1.saturating_add(gap) => known.1 = known.1.max(last),
            Some(known) if known.1 >= about => break,
            _ => found = Some((first, last)),
        }
    }
    found
}

/// Every stretch from `from` on with its highest figure, the oldest first.
fn each(ring: &Ring, limit: Limit, from: u32, mut take: impl FnMut(Piece)) {
    let sampling = f64::from(ring.sampling.max(1));
    let ratio_of = |sum: Amount, mean: Amount, strictness: f64| {
        let mut ratio = limit.ratio(f64::from(mean.packets), f64::from(mean.bytes)) / strictness;
        if sampling > 1.0 {
            // Two standard errors of the number of samples, and never less than a dozen.
            let samples = f64::from(sum.packets) / sampling;
            ratio *= if samples < 12.0 { 0.0 } else { 1.0 - 2.0 / samples.sqrt() };
        }
        ratio
    };
    let steps: Vec<Step> = ring.steps(from).collect();
    for (place, step) in steps.iter().enumerate() {
        let seconds = step.last - step.first + 1;
        let beside = |place: Option<usize>| place.and_then(|place| steps.get(place)).map(|step| step.mean);
        let (before, behind) = (beside(place.checked_sub(1)), beside(Some(place + 1)));
        take(Piece {
            from: step.first + idle(step.mean, before, behind, seconds),
            last: step.last - idle(step.mean, behind, before, seconds),
            ratio: ratio_of(step.mean.times(seconds as f32), step.mean, 1.0),
            rate: rate(step.mean),
            seconds,
        });
    }
    let windows: &[(u32, f64)] =
        if ring.sampling > 1 { &[(1, 1.5), (2, 1.0), (5, 1.0), (10, 1.0)] } else { &[(1, 1.5), (2, 1.0)] };
    for at in ring.seconds(from) {
        let (mut sum, mut top) = (Amount::default(), Amount::default());
        let mut width = 0;
        let mut best: Option<Piece> = None;
        for (window, strictness) in windows {
            while width < *window {
                let slot = ring.at(at.saturating_sub(width));
                sum = sum.plus(slot);
                top = if slot.bytes > top.bytes { slot } else { top };
                width += 1;
            }
            let mean = sum.times(1.0 / *window as f32);
            let ratio = ratio_of(sum, mean, *strictness);
            if best.as_ref().is_none_or(|known| ratio > known.ratio) {
                // Seconds before it began and after it ended are no part of it, though a window reaches into them.
                let busy = |second: &u32| ring.at(*second).packets >= mean.packets * 0.25;
                let mut seconds = (at.saturating_sub(window - 1)..=at).filter(busy);
                let from = seconds.next().unwrap_or(at);
                let last = seconds.next_back().unwrap_or(from);
                let rate = rate(if *window > 2 { mean } else { top });
                best = Some(Piece { from, last, ratio, rate, seconds: *window });
            }
        }
        best.into_iter().for_each(&mut take);
    }
}

/// Seconds of a step at its beginning in which nothing came yet, where it began in it: less than in the step behind, and
/// nearly nothing before. For its end, the steps are handed in the other way round.
fn idle(mean: Amount, before: Option<Amount>, behind: Option<Amount>, seconds: u32) -> u32 {
    let (before, behind) = (before.unwrap_or_default().packets, behind.unwrap_or_default().packets);
    if behind <= mean.packets || before >= mean.packets * 0.1 {
        return 0;
    }
    let part = 1.0 - f64::from(mean.packets / behind);
    ((f64::from(seconds) * part) as u32).min(seconds - 1)
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
    let mut figures = vec![grouped(best.rate.packets_per_s), grouped(best.rate.bits_per_s)];
    let averaged = best.seconds > 2;
    if averaged {
        figures.push(best.seconds.to_string());
    }
    figures.extend([format!("{times:.1}"), grouped(limit.packets_per_s)]);
    let by_bits = limit.bits_per_s > 0.0;
    if by_bits {
        figures.push(grouped(limit.bits_per_s));
    }
    let sentence = match (averaged, by_bits) {
        (false, false) => Sentence::RateInASecond,
        (false, true) => Sentence::RateInASecondOrBits,
        (true, false) => Sentence::RateOverSeconds,
        (true, true) => Sentence::RateOverSecondsOrBits,
    };
    sentence.with(&figures)
}
