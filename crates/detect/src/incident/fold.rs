//! Incidents that turn out to be one: evidence that came late lies between them.

use tadoru_model::finding::{Finding, FindingState, Rate};

use super::{Incident, Incidents, MOST_TARGETS, highest, kin};
use crate::said::Sentence;
use crate::world::World;

impl Incidents {
    /// Puts another incident that touches the one at `place` together with it: the same target and a kindred vector, and
    /// no more than `gap` seconds between them. The older one goes on; of the other it is told that it is a part of it.
    pub(super) fn fold(&mut self, place: usize, gap: u32, now: u32, world: &World) -> Option<[Finding; 2]> {
        let one = self.open.get(place).filter(|one| !one.is_scan())?;
        let touches = |other: &Incident| {
            one.from <= other.last.saturating_add(gap) && other.from <= one.last.saturating_add(gap)
        };
        let same = |other: &Incident| {
            let aims = |key| one.targets.iter().any(|aim| aim.key == key);
            let vector = |a| one.vectors.iter().any(|(b, _)| kin(a, b.vector));
            other.targets.iter().any(|aim| aims(aim.key) && vector(aim.vector))
        };
        let mut others = self.open.iter().enumerate();
        let (other, _) =
            others.find(|(at, other)| *at != place && !other.is_scan() && touches(other) && same(other))?;
        let begun = |at: usize| self.open.get(at).map(|incident| (incident.from, incident.told_at));
        let (first, later) = if begun(other) <= begun(place) { (other, place) } else { (place, other) };
        let mut part = self.open.remove(later);
        let whole = self.open.get_mut(if later < first { first - 1 } else { first })?;
        whole.absorb(&part);
        part.verdict.wrong_if.push(Sentence::PartOf.with(&[whole.id.to_string()]));
        (part.ended, part.now) = (true, Rate::default());
        let state = if whole.ended { FindingState::Ended } else { FindingState::Grew };
        let told = [part.finding(FindingState::Ended, now, world), whole.finding(state, now, world)];
        self.place_keys();
        Some(told)
    }
}

impl Incident {
    /// Takes in the time, the targets and the figures of another.
    fn absorb(&mut self, part: &Self) {
        // Where the attack is now, the newer one knows.
        if part.last >= self.last {
            self.now = part.now;
            self.profile = part.profile.clone();
        }
        self.ended &= part.ended;
        self.from = self.from.min(part.from);
        self.last = self.last.max(part.last);
        self.lag_us = self.lag_us.max(part.lag_us);
        self.ratio = self.ratio.max(part.ratio);
        let (a, b) = (self.peak.rate, part.peak.rate);
        if b.packets_per_s > a.packets_per_s || b.bits_per_s > a.bits_per_s {
            self.peak.at = part.peak.at;
        }
        self.peak.rate = highest(a, b);
        for (rate, ratio) in &part.vectors {
            match self.vectors.iter_mut().find(|(known, _)| known.vector == rate.vector) {
                Some((known, most)) => {
                    known.peak = highest(known.peak, rate.peak);
                    *most = most.max(*ratio);
                }
                None => self.vectors.push((*rate, *ratio)),
            }
        }
        self.vectors.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut room = MOST_TARGETS.saturating_sub(self.targets.len());
        for aim in &part.targets {
            let known =
                self.targets.iter_mut().find(|known| (known.key, known.vector) == (aim.key, aim.vector));
            match known {
                Some(known) => {
                    known.from = known.from.min(aim.from);
                    known.last = known.last.max(aim.last);
                    known.peak = highest(known.peak, aim.peak);
                }
                None if room > 0 => {
                    room -= 1;
                    self.targets.push(aim.clone());
                }
                None => {}
            }
        }
    }
}
