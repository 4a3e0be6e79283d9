//! The step: one batch of flows in, findings out.
//!
//! Four passes over a batch: what each flow could be and who comes near a threshold; rates of those; senders and ports of
//! what is hot; and the judgement. Memory is bounded by the settings, whatever comes in.

mod answers;
mod peak;

use std::collections::{HashMap, HashSet};

use tadoru_model::finding::{Collateral, Direction, Rate, Threshold, ThresholdFrom};
use tadoru_model::{Finding, Flow, Flows, UtcMicros};

use crate::config::{Limit, Scanners, Settings};
use crate::incident::{Incidents, Update, scope};
use crate::judge::{Breadth, Question, judge};
use crate::kind::{Kind, Lane, kind};
use crate::learn::{Factor, Learnt};
use crate::profile::Profile;
use crate::rates::{Amount, Key, Levels, Ring, SLOTS, Spread, Watched, second};
use crate::scan::Scanning;
use crate::sketch::mix;
use crate::world::{InterfaceRole, World};

use answers::Answers;
use peak::{highest, rate, sentence};

/// Finds attacks and scans in flows.
pub struct Detector {
    settings: Settings,
    world: World,
    seed: u64,
    now_us: i64,
    ticked: u32,
    levels: Levels,
    watched: Watched,
    learnt: Learnt,
    profiles: HashMap<(u32, Lane), Profile>,
    scanning: Scanning,
    incidents: Incidents,
    exporters: HashMap<u128, Exporter>,
    answers: Answers,
    /// How long exporters lately kept a flow before they told of it, microseconds.
    lag_us: i64,
    counters: Counters,
    rows: Vec<Row>,
}

/// What the detector could not take, and how much it keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Flow records seen.
    pub flows: u64,
    /// Records older than what is kept.
    pub late: u64,
    /// Records from the future, taken as of now.
    pub future: u64,
    /// Records counted elsewhere already: inside the own network, or on the way out.
    pub twice: u64,
    /// Targets that found no room to be watched.
    pub unwatched: u64,
    /// Suspicions that found no room as incidents.
    pub unopened: u64,
    /// Targets watched now.
    pub watched: u64,
    /// Octets of memory, about.
    pub octets: u64,
}

struct Exporter {
    index: u16,
    flags_told: bool,
    /// When it told of something on its way in.
    incoming: u32,
}

/// What the first pass found out about a flow.
struct Row {
    flow: Flow,
    kind: Kind,
    amount: Amount,
    spread: Spread,
    teller: u16,
    places: [u32; 5],
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[detector, {} watched]", self.watched.watches.len())
    }
}

impl Detector {
    /// A detector that has seen nothing. The seed should be secret: it keeps others from choosing addresses that collide,
    /// and ids of findings from telling addresses.
    pub fn new(settings: Settings, world: World, seed: u64) -> Self {
        Self {
            levels: Levels::new(settings.destinations),
            watched: Watched::new(settings.watched),
            scanning: Scanning::new(settings.scans, seed),
            incidents: Incidents::new(seed, settings.incidents),
            learnt: Learnt::default(),
            profiles: HashMap::new(),
            exporters: HashMap::new(),
            answers: Answers::new(),
            lag_us: 0,
            counters: Counters::default(),
            rows: Vec::new(),
            now_us: i64::MIN,
            ticked: 0,
            settings,
            world,
            seed,
        }
    }

    /// What it has learnt of each target's usual traffic, and the seed under which it knows them.
    pub fn save(&self) -> Vec<u8> {
        let mut out = vec![SAVED];
        out.extend_from_slice(&self.seed.to_le_bytes());
        self.learnt.save(&mut out);
        out
    }

    /// A detector with the same settings and world that knows what [`Detector::save`] kept; itself where the octets are
    /// not that. To be called before the first step.
    #[must_use]
    pub fn restored(self, saved: &[u8]) -> Self {
        let read = || {
            let (version, rest) = saved.split_first()?;
            let (seed, learnt) = rest.split_first_chunk()?;
            Some((u64::from_le_bytes(*seed), Learnt::restored(learnt).filter(|_| *version == SAVED)?))
        };
        match read() {
            Some((seed, learnt)) => Self { learnt, ..Self::new(self.settings, self.world, seed) },
            None => self,
        }
    }

    /// Takes the network's tables anew; what was seen stays. Customers are known by their row: keep their order.
    pub fn set_world(&mut self, world: World) {
        self.world = world;
    }

    /// Takes a batch that came in until `now`.
    pub fn step(&mut self, now: UtcMicros, batch: &Flows) -> Vec<Finding> {
        let mut findings = self.tick(now);
        let now = second(self.now_us);
        let mut rows = std::mem::take(&mut self.rows);
        for flow in (0..batch.rows()).map_while(|row| batch.get(row)) {
            if let Some(row) = self.look(flow, now, &mut findings) {
                rows.push(row);
            }
        }
        let hot = self.count(&mut rows, now);
        if !hot.is_empty() {
            self.tally(&rows, now);
            self.judge(hot, now, &mut findings);
        }
        rows.clear();
        self.rows = rows;
        findings
    }

    /// Lets time pass: ends what is over and forgets what is idle. A step does so too.
    pub fn tick(&mut self, now: UtcMicros) -> Vec<Finding> {
        self.now_us = self.now_us.max(now.0);
        let now = second(self.now_us);
        if now == self.ticked {
            return Vec::new();
        }
        self.ticked = now;
        self.lag_us -= self.lag_us / 16;
        let ended = self.incidents.tick(now, &self.world, &self.settings);
        if now.is_multiple_of(10) || self.watched.watches.len() >= self.settings.watched {
            self.scanning.tick(now);
            let incidents = &self.incidents;
            // An attack of a minute's active timeout is told of once a minute.
            let idle = SLOTS as u32;
            let crowded = self.watched.watches.len() >= self.settings.watched;
            let moved = self.watched.retain(self.seed, |_, watch| {
                let quiet = now.saturating_sub(watch.second);
                incidents.holds(watch.key) || quiet < if crowded { 2 } else { idle }
            });
            let profiles = std::mem::take(&mut self.profiles);
            let kept = profiles.into_iter().filter_map(|((place, lane), profile)| {
                let recent = now.saturating_sub(profile.last) <= PROFILE_S || {
                    let key = moved.get(&place).and_then(|place| self.watched.get(*place));
                    key.is_some_and(|watch| incidents.holds(watch.key))
                };
                moved.get(&place).filter(|_| recent).map(|place| ((*place, lane), profile))
            });
            self.profiles = kept.collect();
        }
        ended
    }

    /// All open incidents as they stand.
    pub fn open(&self, now: UtcMicros) -> Vec<Finding> {
        self.incidents.snapshots(second(now.0.max(self.now_us)), &self.world)
    }

    /// What could not be taken, and how much is kept.
    pub fn counters(&self) -> Counters {
        let profiles = self.profiles.len() * PROFILE_OCTETS;
        let octets = self.levels.octets()
            + self.watched.octets()
            + self.learnt.octets()
            + self.scanning.octets()
            + self.incidents.octets()
            + profiles
            + self.rows.capacity() * size_of::<Row>();
        Counters {
            unwatched: self.watched.crowded,
            unopened: self.incidents.crowded,
            watched: self.watched.watches.len() as u64,
            octets: octets as u64,
            ..self.counters
        }
    }

    // ------------------------------------------------------------------------------------------ First pass

    /// What a flow is, and whether it counts; those who come near a threshold are watched from now on.
    fn look(&mut self, flow: Flow, now: u32, findings: &mut Vec<Finding>) -> Option<Row> {
        self.counters.flows += 1;
        if flow.ip == 0 {
            return None;
        }
        let (teller, flags_told) = self.teller(&flow, now)?;
        let kind = kind(&flow, flags_told);
        let spread = self.spread(&flow, now)?;
        self.answers.see(mix(self.seed, flow.src), mix(self.seed, flow.dst), now);
        self.look_for_scans(&flow, kind, now, findings);
        let scale = flow.sampling.max(1) as f32;
        let amount = Amount {
            packets: flow.packets as f32 * scale,
            bytes: flow.bytes as f32 * scale,
            flows: flow.flows.max(1) as f32 * scale,
        };
        let mut row = Row { flow, kind, amount, spread, teller, places: [NOWHERE; 5] };
        if let Some(lane) = kind.lane {
            self.find_places(&mut row, lane, now);
        } else if let Some(place) = self.watched.place(Key::host(flow.dst, flow.ip).mixed(self.seed)) {
            row.places = [place, NOWHERE, NOWHERE, NOWHERE, NOWHERE];
        }
        Some(row)
    }

    /// By whom a flow is told, 0 for all at the edge of the network; `None` when it is counted elsewhere.
    fn teller(&mut self, flow: &Flow, now: u32) -> Option<(u16, bool)> {
        let next = u16::try_from(self.exporters.len() + 1).unwrap_or(u16::MAX);
        if self.exporters.len() >= MOST_EXPORTERS && !self.exporters.contains_key(&flow.exporter) {
            return Some((u16::MAX, flow.tcp_flags != 0));
        }
        let fresh = || Exporter { index: next, flags_told: false, incoming: 0 };
        let exporter = self.exporters.entry(flow.exporter).or_insert_with(fresh);
        exporter.flags_told |= flow.tcp_flags != 0;
        if flow.direction != 1 {
            exporter.incoming = now;
        } else if exporter.incoming > 0 && now.saturating_sub(exporter.incoming) < 300 {
            self.counters.twice += 1;
            return None;
        }
        let index = exporter.index;
        let flags_told = exporter.flags_told;
        match self.world.role(flow.exporter, flow.input) {
            Some(InterfaceRole::Core) => {
                self.counters.twice += 1;
                None
            }
            Some(_) => Some((0, flags_told)),
            None => Some((index, flags_told)),
        }
    }

    /// Over which seconds a flow is spread.
    fn spread(&mut self, flow: &Flow, now: u32) -> Option<Spread> {
        let (mut from, mut to) = (flow.first_us.min(flow.last_us), flow.last_us.max(flow.first_us));
        let timeout = self.settings.active_timeout_us;
        let late = flow.received_us.saturating_sub(to);
        let future = to.saturating_sub(self.now_us);
        if flow.received_us > 0 && late > timeout.saturating_add(SLACK_US) {
            // A clock that is wrong by so much tells nothing: the arrival does.
            (from, to) = (from.saturating_add(late), to.saturating_add(late));
        } else if future > SLACK_US {
            self.counters.future += 1;
            (from, to) = (from.saturating_sub(future), to.saturating_sub(future));
        }
        to = to.min(self.now_us);
        self.lag_us = self.lag_us.max(self.now_us.saturating_sub(from).min(timeout));
        from = from.clamp(to.saturating_sub(timeout), to);
        if self.now_us.saturating_sub(to) >= (SLOTS as i64 - 1) * 1_000_000 {
            self.counters.late += 1;
            return None;
        }
        Some(Spread { from_us: from, to_us: to, now, sampling: flow.sampling.max(1) })
    }

    fn look_for_scans(&mut self, flow: &Flow, kind: Kind, now: u32, findings: &mut Vec<Finding>) {
        let own = self.world.is_own(flow.src);
        if self.settings.scans.of == Scanners::Own && self.world.knows_own() && !own {
            return;
        }
        let Some(verdict) = self.scanning.see(flow, kind.lane, &self.world, now) else { return };
        let Some(source) = self.scanning.source(flow.src, flow.ip) else { return };
        let direction = match (own, self.world.is_own(flow.dst)) {
            (true, true) => Direction::Inside,
            (true, false) => Direction::Outgoing,
            (false, true) => Direction::Incoming,
            (false, false) => Direction::Passing,
        };
        let rate = source.per_second();
        let octets = source.profile.bytes / source.profile.packets.max(1.0);
        let update = Update {
            key: Key::host(flow.src, flow.ip),
            from: source.profile.since,
            last: now,
            rate: Rate { packets_per_s: rate, bits_per_s: rate * octets * 8.0, flows_per_s: rate },
            ratio: 1.0,
            threshold: Threshold {
                rate: Rate::default(),
                from: ThresholdFrom::Configured,
                class: String::new(),
            },
            direction,
            profile: &source.profile,
            verdict,
        };
        findings.extend(self.incidents.take(update, &self.world, &self.settings, now, Vec::new));
    }

    /// Every key that a flow counts for and that is worth watching.
    fn find_places(&mut self, row: &mut Row, lane: Lane, now: u32) {
        let flow = &row.flow;
        let limit = lane.limit(&self.settings.host);
        let weight = limit.ratio(f64::from(counted(lane, row).packets), f64::from(row.amount.bytes)) as f32;
        let own = self.world.is_own(flow.dst);
        let aimed = own || !self.world.knows_own();
        let near = |levels: &mut Levels, watched: &mut Watched, key: Key, seed: u64| {
            let mixed = key.mixed(seed);
            if let Some(place) = watched.place(mixed) {
                return place;
            }
            if levels.raise(mixed, weight, now) < NEAR {
                return NOWHERE;
            }
            watched.watch(key, mixed, now).unwrap_or(NOWHERE)
        };
        let host = near(&mut self.levels, &mut self.watched, Key::host(flow.dst, flow.ip), self.seed);
        row.places = [host, NOWHERE, NOWHERE, NOWHERE, NOWHERE];
        if !aimed {
            return;
        }
        let prefix = Key::prefix(flow.dst, flow.ip);
        let prefix = if lane.per_host() {
            self.watched.place(prefix.mixed(self.seed)).unwrap_or(NOWHERE)
        } else {
            near(&mut self.levels, &mut self.watched, prefix, self.seed)
        };
        let mut always = |key: Key| {
            let mixed = key.mixed(self.seed);
            self.watched.place(mixed).or_else(|| self.watched.watch(key, mixed, now)).unwrap_or(NOWHERE)
        };
        let customer = self.world.customer_of(flow.dst).map_or(NOWHERE, |row| always(Key::Customer(row)));
        let told = self.world.role(flow.exporter, flow.input).is_some();
        let interface = Key::Interface { exporter: flow.exporter, index: flow.input };
        let interface = if told { always(interface) } else { NOWHERE };
        let network = if own { always(Key::Network) } else { NOWHERE };
        row.places = [host, prefix, customer, interface, network];
    }

    // ------------------------------------------------------------------------------------------ Second pass

    /// Counts flows for all that is watched, and says what comes near a threshold.
    fn count(&mut self, rows: &mut [Row], now: u32) -> Vec<(u32, Lane)> {
        let mut hot = HashSet::new();
        for row in rows.iter_mut() {
            for place in row.places {
                if place == NOWHERE {
                    continue;
                }
                let Some(watch) = self.watched.get_mut(place) else { continue };
                watch.hear(row.amount.packets, row.kind.established, now);
                let lanes = [row.kind.lane, row.kind.slow.then_some(Lane::SLOW)];
                let wide = !matches!(watch.key, Key::Host { .. });
                for lane in lanes.into_iter().flatten() {
                    if wide && lane.per_host() && lane != Lane::CONNECTIONS {
                        continue;
                    }
                    let amount = counted(lane, row);
                    let limit = lane.limit(&self.settings.host);
                    let weight = limit.ratio(f64::from(amount.packets), f64::from(amount.bytes)) as f32;
                    let lately = watch.add(lane, row.teller, row.spread, amount, weight);
                    let judged = !(wide && lane.per_host());
                    if judged && lately >= WARM && watch.hot & (1 << lane.0) == 0 {
                        watch.hot |= 1 << lane.0;
                        hot.insert((place, lane));
                    }
                }
            }
            self.count_said(row, now);
        }
        hot.into_iter().collect()
    }

    /// What the source says, if it is a target itself.
    fn count_said(&mut self, row: &Row, now: u32) {
        let (src, ip) = (row.flow.src, row.flow.ip);
        let customer = self.world.customer_of(src).map(Key::Customer);
        let network = self.world.is_own(src).then_some(Key::Network);
        let keys = [Some(Key::host(src, ip)), Some(Key::prefix(src, ip)), customer, network];
        for key in keys.into_iter().flatten() {
            if let Some(watch) =
                self.watched.place(key.mixed(self.seed)).and_then(|place| self.watched.get_mut(place))
            {
                watch.say(row.kind.says, row.amount.packets, now);
            }
        }
    }

    // ------------------------------------------------------------------------------------------ Third pass

    /// Senders and ports of what is hot.
    fn tally(&mut self, rows: &[Row], now: u32) {
        for row in rows {
            for place in row.places {
                let Some(watch) = self.watched.get(place).filter(|watch| watch.hot != 0) else { continue };
                let lanes = [row.kind.lane, row.kind.slow.then_some(Lane::SLOW)];
                for lane in lanes.into_iter().flatten().filter(|lane| watch.hot & (1 << lane.0) != 0) {
                    let full = self.profiles.len() >= self.settings.profiles;
                    if full && !self.profiles.contains_key(&(place, lane)) {
                        continue;
                    }
                    let profile = self
                        .profiles
                        .entry((place, lane))
                        .or_insert_with(|| Profile::new(second(row.spread.from_us)));
                    let stale = now.saturating_sub(profile.since) > PROFILE_S;
                    if stale && !self.incidents.holds(watch.key) {
                        *profile = Profile::new(now);
                    }
                    profile.see(&row.flow, row.kind, row.amount, &self.world, self.seed, now);
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------ Judgement

    fn judge(&mut self, hot: Vec<(u32, Lane)>, now: u32, findings: &mut Vec<Finding>) {
        let order = |place: u32| self.watched.get(place).map(|watch| watch.key);
        let mut hot: Vec<_> = hot.into_iter().filter_map(|(at, lane)| Some((order(at)?, lane, at))).collect();
        hot.sort_unstable();
        for (key, lane, place) in hot {
            findings.extend(self.judge_one(key, lane, place, now));
        }
    }

    fn judge_one(&mut self, key: Key, lane: Lane, place: u32, now: u32) -> Option<Finding> {
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
        let vector = lane.vector();
        if held {
            self.learnt.forget_minute(id);
            if ratio >= 0.5 {
                self.incidents.touch(key, vector, best.last, best.rate);
            }
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
            verdict
                .wrong_if
                .push("such traffic is usual for the target: too little of it has been seen yet".into());
        }
        let direction = self.direction(key, profile);
        let (watched, world) = (&self.watched, &self.world);
        let hits = || collateral(watched, world, key, lane, limit, now);
        let update = Update {
            key,
            from: best.from,
            last: best.last,
            rate: best.rate,
            ratio,
            threshold,
            direction,
            profile,
            verdict,
        };
        self.incidents.take(update, world, &self.settings, now, hits)
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
            let how = if router {
                "a router gets the same kind of packets"
            } else {
                "a neighbouring address gets the same kind of packets"
            };
            let hit = Collateral { scope: scope(watch.key, world), how: how.into(), rate: rate(most) };
            hits.push((ratio, hit));
        }
    }
    hits.sort_by(|a, b| b.0.total_cmp(&a.0));
    hits.truncate(16);
    hits.into_iter().map(|(_, hit)| hit).collect()
}

/// What counts in a lane: connections count one each, however long they are.
fn counted(lane: Lane, row: &Row) -> Amount {
    if lane == Lane::CONNECTIONS || lane == Lane::SLOW {
        Amount { packets: row.amount.flows, ..row.amount }
    } else {
        row.amount
    }
}

/// Version of what [`Detector::save`] keeps.
const SAVED: u8 = 1;
const NOWHERE: u32 = u32::MAX;
/// Seconds of a threshold from which on a key is watched.
const NEAR: f32 = 0.1;
/// Seconds of a threshold from which on a lane is looked at.
const WARM: f32 = 0.4;
/// How far clocks may be off, microseconds.
const SLACK_US: i64 = 2_000_000;
/// Over how long senders are gathered before there is an incident, seconds.
const PROFILE_S: u32 = 10;
/// Memory of a profile, about.
const PROFILE_OCTETS: usize = 8_000;
/// Exporters told apart at most.
const MOST_EXPORTERS: usize = 60_000;
