//! The step: one batch of flows in, findings out.
//!
//! Four passes over a batch: what each flow could be and who comes near a threshold; rates of those; senders and ports of
//! what is hot; and the judgement. Memory is bounded by the settings, whatever comes in.

mod answers;
mod judging;
mod look;
mod peak;
mod waits;

use std::collections::HashMap;
use std::sync::Arc;

use tadoru_model::finding::Rate;
use tadoru_model::{Finding, Flows, UtcMicros};

use crate::config::Settings;
use crate::incident::{Incidents, Told};
use crate::kind::Lane;
use crate::learn::Learnt;
use crate::profile::Profile;
use crate::rates::{Key, Levels, SLOTS, Watched, second};
use crate::scan::Scanning;
use crate::world::World;

use answers::Answers;
use look::{Exporter, Row};

/// Finds attacks and scans in flows.
pub struct Detector {
    settings: Settings,
    world: Arc<World>,
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

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[detector, {} watched]", self.watched.watches.len())
    }
}

impl Detector {
    /// A detector that has seen nothing. The seed should be secret: it keeps others from choosing addresses that collide,
    /// and ids of findings from telling addresses.
    pub fn new(settings: Settings, world: impl Into<Arc<World>>, seed: u64) -> Self {
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
            world: world.into(),
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
    pub fn set_world(&mut self, world: impl Into<Arc<World>>) {
        self.world = world.into();
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
        let watched = &self.watched;
        let seed = self.seed;
        let ended = self.incidents.tick(now, &self.world, &self.settings, &|key, lane, second| {
            present(watched, seed, (key, lane), second)
        });
        if now.is_multiple_of(10) || self.watched.watches.len() >= self.settings.watched {
            self.scanning.tick(now);
            let incidents = &self.incidents;
            // An attack is told of as often as exporters cut long flows.
            let idle = second(self.longest_wait_us()).max(SLOTS as u32);
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
        self.snapshots(now, Told::Now)
    }

    /// What open incidents have in the newest second of which their flows have been told by now; that second stands as
    /// the time of each. Incidents that are told of later than they began have none at first.
    pub fn measured(&self, now: UtcMicros) -> Vec<Finding> {
        self.snapshots(now, Told::Measured)
    }

    fn snapshots(&self, now: UtcMicros, told: Told) -> Vec<Finding> {
        let present = |key, lane, second| present(&self.watched, self.seed, (key, lane), second);
        self.incidents.snapshots(second(now.0.max(self.now_us)), &self.world, told, &present)
    }

    /// How long exporters lately kept a flow at most before they told of it, microseconds.
    pub fn longest_wait_us(&self) -> i64 {
        self.exporters.values().map(|exporter| exporter.waits.longest_us()).max().unwrap_or_default()
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
}

/// What a lane of a target has in a second.
fn present(watched: &Watched, seed: u64, (key, lane): (Key, Lane), second: u32) -> Rate {
    let watch = watched.place(key.mixed(seed)).and_then(|place| watched.get(place));
    watch.map_or(Rate::default(), |watch| peak::rate(watch.rate(lane, second)))
}

/// Version of what [`Detector::save`] keeps.
const SAVED: u8 = 1;
const NOWHERE: u32 = u32::MAX;
/// Over how long senders are gathered before there is an incident, seconds.
const PROFILE_S: u32 = 10;
/// Memory of a profile, about.
const PROFILE_OCTETS: usize = 8_000;
