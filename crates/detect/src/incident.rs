//! Suspicions that belong together: one attack keeps one id while it grows, widens and moves.
//!
//! What comes in: targets that are over their thresholds, second by second. What goes out: findings. The same attack is
//! the one on the same target; on a part of the same prefix; with the same senders; or on a router or neighbour when the
//! old target is left alone. One is over when nothing of its last minutes can yet be told of; what is told of later still
//! belongs to it. Requirement 4.F5.

mod fold;

use std::collections::HashMap;

use tadoru_model::finding::{
    Collateral, Direction, Finding, FindingId, FindingState, Peak, Rate, Target, Threshold, VectorRate,
};
use tadoru_model::flow::from_bits;
use tadoru_model::{Prefix, Scope, UtcMicros, Vector};

use crate::config::Settings;
use crate::judge::Verdict;
use crate::kind::Lane;
use crate::profile::{Profile, address, ports};
use crate::rates::{KEPT_US, Key, second};
use crate::sketch::mix;
use crate::world::World;

/// A target over its threshold.
pub(crate) struct Update<'a> {
    pub key: Key,
    pub lane: Lane,
    /// First and last second of this piece.
    pub from: u32,
    pub last: u32,
    /// The second of its rate.
    pub peak_at: u32,
    /// Its threshold, in parts of the lane's threshold of one address.
    pub least: f64,
    /// How long after a packet its flow may yet be told of, microseconds.
    pub lag_us: i64,
    pub rate: Rate,
    /// How many times the threshold.
    pub ratio: f64,
    pub threshold: Threshold,
    pub direction: Direction,
    pub profile: &'a Profile,
    pub verdict: Verdict,
}

/// All incidents that are open, or may be taken up again.
pub(crate) struct Incidents {
    open: Vec<Incident>,
    by_key: HashMap<Key, usize>,
    seed: u64,
    most: usize,
    /// Suspicions that found no room.
    pub crowded: u64,
}

struct Incident {
    id: FindingId,
    from: u32,
    last: u32,
    ended: bool,
    vectors: Vec<(VectorRate, f64)>,
    targets: Vec<Aim>,
    /// Which target it is about now.
    main: usize,
    peak: Peak,
    now: Rate,
    ratio: f64,
    told_ratio: f64,
    told_at: u32,
    lag_us: i64,
    threshold: Threshold,
    direction: Direction,
    profile: Profile,
    verdict: Verdict,
    collateral: Vec<Collateral>,
}

#[derive(Clone)]
struct Aim {
    key: Key,
    vector: Vector,
    lane: Lane,
    least: f64,
    from: u32,
    last: u32,
    peak: Rate,
    now: Rate,
}

impl Incidents {
    pub(crate) fn new(seed: u64, most: usize) -> Self {
        Self { open: Vec::new(), by_key: HashMap::new(), seed, most, crowded: 0 }
    }

    /// Whether a target belongs to an open incident.
    pub(crate) fn holds(&self, key: Key) -> bool {
        self.by_key.get(&key).and_then(|place| self.open.get(*place)).is_some_and(|incident| !incident.ended)
    }

    /// An open incident's target goes on, maybe below its threshold: `last` tells the last second that reaches a figure.
    pub(crate) fn touch(
        &mut self,
        key: Key,
        lane: Lane,
        rate: Rate,
        lag_us: i64,
        last: &dyn Fn(f64) -> Option<u32>,
    ) {
        let Some(incident) = self.by_key.get(&key).and_then(|place| self.open.get_mut(*place)) else {
            return;
        };
        let Some(aim) = incident.targets.iter_mut().find(|aim| aim.key == key && aim.lane == lane) else {
            return;
        };
        let Some(last) = last(aim.least * GOES_ON) else { return };
        aim.last = aim.last.max(last);
        aim.now = rate;
        if !incident.ended {
            incident.last = incident.last.max(last);
            incident.lag_us = lag_us;
        }
    }

    /// Takes a target that is over its threshold, and tells what is new, if anything is.
    pub(crate) fn take(
        &mut self,
        update: Update<'_>,
        world: &World,
        settings: &Settings,
        now: u32,
        collateral: impl FnOnce() -> Vec<Collateral>,
        told: &mut Vec<Finding>,
    ) {
        let place = match self.find(&update, world, settings) {
            Found::Covered => return,
            Found::Place(place) => place,
            Found::None if self.open.iter().filter(|incident| !incident.ended).count() >= self.most => {
                self.crowded += 1;
                return;
            }
            Found::None => {
                let place = self.open.len();
                self.by_key.insert(update.key, place);
                let incident = Incident::new(update, now, self.seed, collateral());
                told.push(incident.finding(FindingState::Opened, now, world));
                self.open.push(incident);
                return;
            }
        };
        self.by_key.insert(update.key, place);
        let Some(incident) = self.open.get_mut(place) else { return };
        let state = incident.join(update, now, settings.quiet_us);
        if let Some(findings) = self.fold(place, second(settings.shift_us), now, world) {
            told.extend(findings);
        } else if let Some((state, incident)) = state.zip(self.open.get_mut(place)) {
            incident.collateral = collateral();
            told.push(incident.finding(state, now, world));
        }
    }

    fn find(&self, update: &Update<'_>, world: &World, settings: &Settings) -> Found {
        // One that is over is taken up again by what was no later than that; later evidence of that time comes late.
        let near = |incident: &Incident| {
            let since = i64::from(update.from.saturating_sub(incident.last)) * 1_000_000;
            let before = i64::from(incident.from.saturating_sub(update.last)) * 1_000_000;
            !incident.ended || since.max(before) <= settings.shift_us
        };
        if let Some(place) = self.by_key.get(&update.key)
            && self
                .open
                .get(*place)
                .is_some_and(|known| known.is_scan() == update.verdict.vector.is_scan() && near(known))
        {
            return Found::Place(*place);
        }
        if update.verdict.vector.is_scan() {
            return Found::None;
        }
        let wide = !matches!(update.key, Key::Host { .. });
        let mut inside = (0.0, 0.0);
        let mut covered = None;
        let mut like = None;
        for (place, incident) in self.open.iter().enumerate() {
            if incident.is_scan()
                || !near(incident)
                || !incident.vectors.iter().any(|(v, _)| kin(v.vector, update.verdict.vector))
            {
                continue;
            }
            let fresh = |aim: &&Aim| update.last.saturating_sub(aim.last) <= FRESH_S;
            for aim in incident.targets.iter().filter(fresh) {
                if wide && holds(update.key, aim.key, world) && !holds(aim.key, update.key, world) {
                    // Only the same vector explains the wider figure.
                    inside.0 += aim.now.packets_per_s;
                    inside.1 += aim.now.bits_per_s;
                    covered = covered.or(Some(place));
                } else if holds(aim.key, update.key, world) {
                    like = Some(place);
                }
            }
            let since = i64::from(update.from.saturating_sub(incident.last)) * 1_000_000;
            if like.is_none() && !wide && since <= settings.shift_us && incident.same_attack(update, world) {
                like = Some(place);
            }
        }
        let explained =
            inside.0 >= update.rate.packets_per_s * 0.4 || inside.1 >= update.rate.bits_per_s * 0.4;
        match (covered, like) {
            (Some(_), _) if explained => Found::Covered,
            (Some(place), _) if matches!(update.key, Key::Prefix { .. }) => Found::Place(place),
            (_, Some(place)) => Found::Place(place),
            _ => Found::None,
        }
    }

    /// Ends what has been quiet for so long that nothing of that time can yet be told of, and forgets what cannot be taken
    /// up again.
    pub(crate) fn tick(
        &mut self,
        now: u32,
        world: &World,
        settings: &Settings,
        present: &Present<'_>,
    ) -> Vec<Finding> {
        let mut ended = Vec::new();
        let age_us = |incident: &Incident| i64::from(now.saturating_sub(incident.last)) * 1_000_000;
        for incident in &mut self.open {
            if !incident.ended && age_us(incident) >= settings.quiet_us.saturating_add(incident.lag_us) {
                incident.ended = true;
                incident.now = incident.measured(now, present).map_or(Rate::default(), |(_, rate)| rate);
                ended.push(incident.finding(FindingState::Ended, now, world));
            }
        }
        // What is told late belongs to one as long as anything of its time is kept.
        let kept = |incident: &Incident| !incident.ended || age_us(incident) < settings.shift_us.max(KEPT_US);
        if self.open.iter().any(|incident| !kept(incident)) {
            self.open.retain(kept);
            self.place_keys();
        }
        ended
    }

    /// Which incident each target belongs to: the newest of several.
    fn place_keys(&mut self) {
        let aims = self.open.iter().enumerate();
        self.by_key =
            aims.flat_map(|(at, incident)| incident.targets.iter().map(move |aim| (aim.key, at))).collect();
    }

    /// Snapshots of all that is open.
    pub(crate) fn snapshots(
        &self,
        now: u32,
        world: &World,
        told: Told,
        present: &Present<'_>,
    ) -> Vec<Finding> {
        let open = self.open.iter().filter(|incident| !incident.ended);
        let of = |incident: &Incident| {
            let mut finding = incident.finding(FindingState::Grew, now, world);
            let measured = incident.measured(now, present).filter(|(second, _)| *second >= incident.from);
            match (measured, told) {
                (Some((second, rate)), Told::Measured) => (finding.at, finding.now) = (at(second), rate),
                (Some((_, rate)), Told::Now) => finding.now = rate,
                (None, Told::Measured) => return None,
                (None, Told::Now) => {}
            }
            Some(finding)
        };
        open.filter_map(of).collect()
    }

    pub(crate) fn octets(&self) -> usize {
        self.open.len() * 10_000
    }
}

/// As of when an open incident is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// As of now.
    Now,
    /// As of the newest second of which everything has been told.
    Measured,
}

/// What a lane of a target has in a second.
pub(crate) type Present<'p> = dyn Fn(Key, Lane, u32) -> Rate + 'p;

enum Found {
    /// What is known explains it.
    Covered,
    Place(usize),
    None,
}

impl Incident {
    fn new(update: Update<'_>, now: u32, seed: u64, collateral: Vec<Collateral>) -> Self {
        let vector = update.verdict.vector;
        let id = mix(update.key.mixed(seed), u128::from(update.from) << 8 | u128::from(vector.is_scan()));
        Self {
            id: FindingId(id),
            from: update.from,
            last: update.last,
            ended: false,
            vectors: vec![(VectorRate { vector, peak: update.rate }, update.ratio)],
            targets: vec![Aim::new(&update)],
            main: 0,
            peak: Peak { at: at(update.peak_at), rate: update.rate },
            now: update.rate,
            ratio: update.ratio,
            told_ratio: update.ratio,
            told_at: now,
            lag_us: update.lag_us,
            threshold: update.threshold,
            direction: update.direction,
            profile: update.profile.clone(),
            verdict: update.verdict,
            collateral,
        }
    }

    /// What its target has now, in the newest second of which nearly everything has been told of; `None` of a scan.
    fn measured(&self, now: u32, present: &Present<'_>) -> Option<(u32, Rate)> {
        let aim = self.targets.get(self.main).filter(|_| !self.is_scan())?;
        let second = now.saturating_sub(self.profile.settled_s() + 1);
        Some((second, present(aim.key, aim.lane, second)))
    }

    fn is_scan(&self) -> bool {
        self.vectors.first().is_some_and(|(rate, _)| rate.vector.is_scan())
    }

    /// Takes in more of the same attack; says what is worth telling.
    fn join(&mut self, update: Update<'_>, now: u32, quiet_us: i64) -> Option<FindingState> {
        let vector = update.verdict.vector;
        let was = (self.ended, self.from, self.last);
        self.from = self.from.min(update.from);
        self.last = self.last.max(update.last);
        self.lag_us = update.lag_us;
        // Late evidence of what is over by now takes nothing up again.
        let over =
            i64::from(now.saturating_sub(self.last)) * 1_000_000 >= quiet_us.saturating_add(self.lag_us);
        self.ended &= over;
        let again = was.0 && !self.ended;
        let main = self.targets.get(self.main).map(|aim| (aim.key, aim.last, aim.now));
        let wider = main.is_some_and(|(key, ..)| breadth(update.key) > breadth(key));
        let narrower = main.is_some_and(|(key, ..)| breadth(update.key) < breadth(key));
        let known = self.targets.iter().position(|aim| aim.key == update.key && aim.vector == vector);
        let is_new = !self.targets.iter().any(|aim| aim.key == update.key);
        let place = known.or_else(|| self.room(&update, wider));
        // One more than are kept counts for the incident and is no target: no other one gets its figures.
        let new_aim = is_new && place.is_some();
        if let Some(aim) = place.and_then(|place| self.targets.get_mut(place)) {
            aim.from = aim.from.min(update.from);
            aim.last = aim.last.max(update.last);
            (aim.lane, aim.least) = (update.lane, update.least);
            aim.now = update.rate;
            aim.peak = highest(aim.peak, update.rate);
        }
        let new_vector = !self.vectors.iter().any(|(rate, _)| rate.vector == vector);
        if new_vector {
            self.vectors.push((VectorRate { vector, peak: update.rate }, 0.0));
        }
        if let Some((rate, ratio)) = self.vectors.iter_mut().find(|(rate, _)| rate.vector == vector) {
            rate.peak = highest(rate.peak, update.rate);
            *ratio = ratio.max(update.ratio);
        }
        self.vectors.sort_by(|a, b| b.1.total_cmp(&a.1));
        let left = main.is_some_and(|(key, last, rate)| {
            key != update.key
                && (last < update.last.saturating_sub(1) || rate.packets_per_s < update.rate.packets_per_s)
        });
        // It is told about where it is now: the widest, and of the same width the newest or strongest.
        let turn = place.filter(|_| wider || !narrower && left);
        let same = main.is_some_and(|(key, ..)| key == update.key);
        self.main = turn.unwrap_or(self.main);
        let turn = turn.is_some();
        if turn || same {
            let stronger = self.vectors.first().is_none_or(|(first, _)| first.vector == vector);
            self.now = update.rate;
            if stronger || turn {
                self.profile = update.profile.clone();
                let sure = self.verdict.sure.max(update.verdict.sure);
                self.verdict = update.verdict;
                self.verdict.sure = if new_aim { self.verdict.sure } else { sure };
                self.threshold = update.threshold;
            }
            if update.rate.packets_per_s > self.peak.rate.packets_per_s
                || update.rate.bits_per_s > self.peak.rate.bits_per_s
            {
                self.peak = Peak { at: at(update.peak_at), rate: highest(self.peak.rate, update.rate) };
            }
        }
        self.ratio = self.ratio.max(update.ratio);
        let moved = new_aim && (turn || !narrower);
        let grown = self.ratio >= self.told_ratio * 1.5 && now > self.told_at;
        if self.ended {
            let told = was != (true, self.from, self.last) || moved || new_vector || grown;
            return told.then_some(FindingState::Ended);
        }
        if !(moved || new_vector || grown || again) {
            return None;
        }
        (self.told_ratio, self.told_at) = (self.ratio.max(self.told_ratio), now);
        Some(if moved { FindingState::Moved } else { FindingState::Grew })
    }

    /// A place for a target more; where there is no room, a wider one takes that of the newest narrower one.
    fn room(&mut self, update: &Update<'_>, wider: bool) -> Option<usize> {
        if self.targets.len() < MOST_TARGETS {
            self.targets.push(Aim::new(update));
            return Some(self.targets.len() - 1);
        }
        let narrow = |(place, aim): (usize, &Aim)| {
            (place != self.main && breadth(aim.key) < breadth(update.key)).then_some(place)
        };
        let place = self.targets.iter().enumerate().rev().filter(|_| wider).find_map(narrow)?;
        *self.targets.get_mut(place)? = Aim::new(update);
        Some(place)
    }

    /// Whether traffic to somebody else is the same attack.
    fn same_attack(&self, update: &Update<'_>, world: &World) -> bool {
        let Key::Host { addr, ip } = update.key else { return false };
        let near = self.targets.iter().any(|aim| match aim.key {
            Key::Host { addr: other, ip: kind } => {
                kind == ip && Key::prefix(other, kind) == Key::prefix(addr, ip)
            }
            Key::Prefix { .. } => aim.key == Key::prefix(addr, ip),
            _ => false,
        });
        let in_front = world.is_router(addr) && update.last.saturating_sub(self.last) <= FRESH_S;
        let senders = self.profile.likeness(update.profile) >= 0.5;
        let port = |profile: &Profile| profile.dst_ports.shares().first().map(|(port, _)| *port);
        let scattered = self.profile.is_scattered()
            && update.profile.is_scattered()
            && port(&self.profile) == port(update.profile)
            && self.targets.get(self.main).is_some_and(|aim| aim.last < update.last.saturating_sub(1));
        near || in_front || senders || scattered
    }

    fn finding(&self, state: FindingState, now: u32, world: &World) -> Finding {
        let vector = self.vectors.first().map_or(self.verdict.vector, |(rate, _)| rate.vector);
        let main = self.targets.get(self.main).map_or(Key::Network, |aim| aim.key);
        let reflector = match vector {
            Vector::Amplification(service) => Some(service.as_str()),
            Vector::SynAck => Some("tcp"),
            _ => None,
        };
        let target = |aim: &Aim| Target {
            scope: scope(aim.key, world),
            vector: aim.vector,
            from: at(aim.from),
            last: at(aim.last),
            peak: aim.peak,
        };
        let mut targets: Vec<Target> = self.targets.iter().map(target).collect();
        targets.sort_by_key(|target| target.from);
        let aimed = |scope: &Scope| targets.iter().any(|target| target.scope == *scope);
        let collateral = self.collateral.iter().filter(|hit| !aimed(&hit.scope)).cloned().collect();
        Finding {
            id: self.id,
            state,
            at: at(now),
            vector,
            vectors: self.vectors.iter().map(|(rate, _)| *rate).collect(),
            scope: scope(main, world),
            direction: self.direction,
            start: at(self.from),
            last: at(self.last),
            peak: self.peak,
            now: self.now,
            threshold: self.threshold.clone(),
            sampling: self.profile.sampling.max(1),
            sources: self.profile.sources(reflector),
            ingress: if vector.is_scan() { Vec::new() } else { self.profile.ways_in(world) },
            collateral,
            targets,
            dst_ports: ports(&self.profile.dst_ports),
            src_ports: ports(&self.profile.src_ports),
            why: self.verdict.why.clone(),
            sure: self.verdict.sure,
            sure_because: self.verdict.because.clone(),
            wrong_if: self.verdict.wrong_if.clone(),
        }
    }
}

impl Aim {
    fn new(update: &Update<'_>) -> Self {
        Self {
            key: update.key,
            vector: update.verdict.vector,
            lane: update.lane,
            least: update.least,
            from: update.from,
            last: update.last,
            peak: update.rate,
            now: update.rate,
        }
    }
}

/// Vectors that one attack has together.
fn kin(a: Vector, b: Vector) -> bool {
    let large = |v| matches!(v, Vector::Amplification(_) | Vector::Fragments | Vector::Udp);
    let small = |v| matches!(v, Vector::Connections | Vector::HttpGet | Vector::SlowConnections);
    a == b || large(a) && large(b) || small(a) && small(b)
}

/// Whether one target lies in another.
fn holds(outer: Key, inner: Key, world: &World) -> bool {
    let (addr, ip) = match inner {
        Key::Host { addr, ip } | Key::Prefix { addr, ip } => (addr, ip),
        _ => return outer == inner || matches!(outer, Key::Network),
    };
    match outer {
        Key::Host { .. } => outer == inner,
        Key::Prefix { .. } => Key::prefix(addr, ip) == outer,
        Key::Customer(row) => world.customer_of(addr) == Some(row),
        Key::Interface { .. } | Key::Network => true,
    }
}

const fn breadth(key: Key) -> u8 {
    match key {
        Key::Host { .. } => 0,
        Key::Prefix { .. } => 1,
        Key::Customer(_) => 2,
        Key::Interface { .. } => 3,
        Key::Network => 4,
    }
}

/// A target in the words of a finding.
pub(crate) fn scope(key: Key, world: &World) -> Scope {
    match key {
        Key::Host { addr, ip } => Scope::Host(from_bits(addr, ip)),
        Key::Prefix { addr, ip } => {
            let addr = from_bits(addr, ip);
            Scope::Prefix(Prefix::covering(addr, if ip == 6 { 48 } else { 24 }).unwrap_or(Prefix::host(addr)))
        }
        Key::Customer(row) => Scope::Customer(world.customer(row).map_or(String::new(), |c| c.name.clone())),
        Key::Interface { exporter, index } => Scope::Interface { exporter: address(exporter), index },
        Key::Network => Scope::Network,
    }
}

fn highest(a: Rate, b: Rate) -> Rate {
    Rate {
        packets_per_s: a.packets_per_s.max(b.packets_per_s),
        bits_per_s: a.bits_per_s.max(b.bits_per_s),
        flows_per_s: a.flows_per_s.max(b.flows_per_s),
    }
}

fn at(second: u32) -> UtcMicros {
    UtcMicros::from_seconds(i64::from(second))
}

/// Part of its threshold that a target must have for an incident to go on.
const GOES_ON: f64 = 0.5;
/// How old a target's newest second may be to explain a wider one.
const FRESH_S: u32 = 60;
/// Targets kept of an incident.
const MOST_TARGETS: usize = 256;
