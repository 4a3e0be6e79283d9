//! The third pass over a batch: what is over its threshold, and what is told of it.

use tadoru_model::Finding;
use tadoru_model::finding::{Collateral, Direction, Rate, Threshold, ThresholdFrom};

use super::Detector;
use super::peak::{extent, highest, rate, sentence};
use crate::config::Limit;
use crate::incident::{Update, scope};
use crate::judge::{Breadth, Question, judge};
use crate::kind::Lane;
use crate::learn::Factor;
use crate::profile::Profile;
use crate::rates::{KEPT_US, Key, Ring, Watch, Watched, second};
use crate::said::Sentence;
use crate::sketch::mix;
use crate::world::World;

impl Detector {
    pub(super) fn judge(&mut self, hot: Vec<(u32, Lane)>, now: u32, findings: &mut Vec<Finding>) {
        let order = |place: u32| self.watched.get(place).map(|watch| watch.key);
        let mut hot: Vec<_> = hot.into_iter().filter_map(|(at, lane)| Some((order(at)?, lane, at))).collect();
        hot.sort_unstable();
        for (key, lane, place) in hot {
            self.judge_one(key, lane, place, now, findings);
        }
    }

    fn judge_one(
        &mut self,
        key: Key,
        lane: Lane,
        place: u32,
        now: u32,
        findings: &mut Vec<Finding>,
    ) -> Option<()> {
        let limit = lane.limit(&self.settings.host);
        let watch = self.watched.get_mut(place)?;
        watch.hot &= !(1 << lane.0);
        let rings = watch.rings.iter_mut().filter(|ring| ring.lane == lane);
        let best =
            rings.filter_map(|ring| highest(ring, limit)).max_by(|a, b| a.ratio.total_cmp(&b.ratio))?;
        let breadth = match key {
            Key::Host { .. } => Breadth::Host,
            Key::Prefix { .. } => Breadth::Prefix,
            Key::Customer(_) => Breadth::Wide(self.settings.customer_factor),
            Key::Interface { .. } => Breadth::Wide(self.settings.interface_factor),
            Key::Network => Breadth::Wide(self.settings.network_factor),
        };
        let scale = match breadth {
            Breadth::Host => 1.0,
            Breadth::Prefix => self.settings.prefix_factor,
            Breadth::Wide(factor) => factor,
        };
        let id = mix(key.mixed(self.seed), u128::from(lane.0));
        let learnt = self.learnt.factor(id, now, self.settings.learning);
        let (class, class_factor) = self.class(key);
        let ratio = best.ratio / (class_factor * learnt.times());
        let held = self.incidents.holds(key);
        let reach = |watch: &Watch, from: u32, least: f64, gap: u32| {
            let ring = watch.rings.iter().find(|ring| ring.lane == lane && ring.teller == best.teller)?;
            extent(ring, limit, from, (least, best.at, gap))
        };
        let lag_us = self.lag_us_of(place, lane);
        if held {
            self.learnt.forget_minute(id);
            let last = |least| Some(reach(self.watched.get(place)?, best.changed, least, ANY)?.1);
            self.incidents.touch(key, lane, best.rate, lag_us, &last);
        } else {
            self.learnt.see(id, now, best.ratio / scale);
        }
        if ratio < 1.0 {
            return None;
        }
        let profile = self.profiles.get_mut(&(place, lane))?;
        // Answers may be told of before their questions: an ended flow goes out at once, an open one waits.
        let since = *profile.over_since.get_or_insert(self.now_us);
        let waits = lane.answers() && self.answers.visible();
        if waits && self.now_us.saturating_sub(since) < self.lag_us {
            return None;
        }
        let profile = self.profiles.get(&(place, lane))?;
        let question = Question {
            lane,
            breadth,
            ratio,
            profile,
            watch: self.watched.get(place)?,
            now,
            answers_visible: self.answers.visible(),
            settings: &self.settings,
        };
        let mut verdict = judge(&question)?;
        self.learnt.forget_minute(id);
        let carpet = breadth == Breadth::Prefix && ratio < scale;
        let times = class_factor * learnt.times() * if carpet { 1.0 } else { scale };
        let threshold = Threshold {
            rate: Rate {
                packets_per_s: limit.packets_per_s * times,
                bits_per_s: limit.bits_per_s * times,
                flows_per_s: 0.0,
            },
            from: match learnt {
                Factor::Configured => ThresholdFrom::Configured,
                Factor::WarmingUp => ThresholdFrom::WarmingUp,
                Factor::Learnt(_) => ThresholdFrom::Learnt,
            },
            class,
        };
        let ratio = verdict.ratio.unwrap_or(ratio * class_factor * learnt.times() / times);
        if verdict.ratio.is_none() {
            verdict.why.insert(0, sentence(&best, &threshold.rate));
        }
        if matches!(learnt, Factor::WarmingUp) {
            verdict.wrong_if.push(Sentence::WarmingUp.text());
        }
        if profile.is_longer {
            let seconds = (KEPT_US / 1_000_000).to_string();
            verdict.wrong_if.push(Sentence::BeganEarlier.with(&[seconds]));
        }
        let told_us = self.settings.active_timeout_us;
        if lag_us > told_us.saturating_add(IDLE_US) {
            let seconds = [lag_us, told_us].map(|us| (us / 1_000_000).to_string());
            verdict.why.push(Sentence::LongFlows.with(&seconds));
        }
        let direction = self.direction(key, profile);
        let (watched, world) = (&self.watched, &self.world);
        let hits = || collateral(watched, world, key, lane, limit, now);
        let watch = watched.get(place)?;
        // A new one is looked for as far back as anything is kept of it.
        let (from, gap) = if held { (best.changed, ANY) } else { (0, second(self.settings.shift_us)) };
        let over = reach(watch, from, times.min(best.ratio), gap);
        let (from, last) = over.unwrap_or((best.at, best.at));
        let update = Update {
            key,
            lane,
            from,
            last,
            peak_at: best.at,
            least: times,
            lag_us,
            rate: best.rate,
            ratio,
            threshold,
            direction,
            profile,
            verdict,
        };
        self.incidents.take(update, world, &self.settings, now, hits, findings);
        Some(())
    }

    /// How long after a packet to a target its flow may yet be told of, by the exporters that tell of it.
    fn lag_us_of(&self, place: u32, lane: Lane) -> i64 {
        let Some(profile) = self.profiles.get(&(place, lane)) else { return 0 };
        let exporters = profile.exporters().filter_map(|exporter| self.exporters.get(&exporter));
        exporters.map(|exporter| exporter.waits.longest_us()).max().unwrap_or_default()
    }

    fn class(&self, key: Key) -> (String, f64) {
        let row = match key {
            Key::Host { addr, .. } | Key::Prefix { addr, .. } => self.world.customer_of(addr),
            Key::Customer(row) => Some(row),
            _ => None,
        };
        let Some(customer) = row.and_then(|row| self.world.customer(row)) else {
            return (String::new(), 1.0);
        };
        let factor = self.settings.classes.iter().find(|known| known.class == customer.class);
        (customer.class.clone(), factor.map_or(1.0, |known| known.factor.max(f64::MIN_POSITIVE)))
    }

    fn direction(&self, key: Key, profile: &Profile) -> Direction {
        if !self.world.knows_own() {
            return Direction::Passing;
        }
        let own = profile.own_share(&self.world);
        let target = match key {
            Key::Host { addr, .. } | Key::Prefix { addr, .. } => self.world.is_own(addr),
            _ => true,
        };
        match (own >= 0.5, target) {
            (true, true) => Direction::Inside,
            (true, false) => Direction::Outgoing,
            (false, true) => Direction::Incoming,
            (false, false) => Direction::Passing,
        }
    }
}

/// Neighbours and routers that get some of it.
fn collateral(
    watched: &Watched,
    world: &World,
    key: Key,
    lane: Lane,
    limit: Limit,
    now: u32,
) -> Vec<Collateral> {
    let Key::Host { addr, ip } = key else { return Vec::new() };
    let mut hits: Vec<(f64, Collateral)> = Vec::new();
    for watch in &watched.watches {
        let Key::Host { addr: other, ip: kind } = watch.key else { continue };
        let router = world.is_router(other);
        let near = kind == ip && Key::prefix(other, kind) == Key::prefix(addr, ip);
        if watch.key == key || !(near || router) || now.saturating_sub(watch.second) > 5 {
            continue;
        }
        let newest = |ring: &Ring| ring.at(now).plus(ring.at(now.saturating_sub(1))).times(0.5);
        let rings = watch.rings.iter().filter(|ring| ring.lane == lane).map(newest);
        let Some(most) = rings.max_by(|a, b| a.packets.total_cmp(&b.packets)) else { continue };
        let ratio = limit.ratio(f64::from(most.packets), f64::from(most.bytes));
        if ratio >= 0.1 {
            let how = if router { Sentence::RouterHit } else { Sentence::NeighbourHit };
            let hit = Collateral { scope: scope(watch.key, world), how: how.text(), rate: rate(most) };
            hits.push((ratio, hit));
        }
    }
    hits.sort_by(|a, b| b.0.total_cmp(&a.0));
    hits.truncate(16);
    hits.into_iter().map(|(_, hit)| hit).collect()
}

/// A gap that nothing is longer than, seconds.
const ANY: u32 = u32::MAX;
/// Exporters tell of a flow that ended when it has been idle for about so long, microseconds.
const IDLE_US: i64 = 30_000_000;
