//! The detector of the present, and detectors of other times: what is replayed is looked at in its own time.
//!
//! What comes in: batches as they arrive. What goes out: findings in the time of their flows, which is the time that the
//! store keeps them under. Flows that ended longer before they arrived than the present looks back are of another time:
//! an export that is replayed, a day later or in a minute. Each such time has a detector and a clock of its own, which
//! its flows set; when nothing of it comes any more, what is open in it is ended.

use std::sync::Arc;

use tadoru_model::{Finding, Flow, Flows, UtcMicros};

use crate::config::Settings;
use crate::detector::{Counters, Detector};
use crate::rates::KEPT_US;
use crate::world::World;

/// A detector for each time that flows are of.
pub struct Detectors {
    present: Detector,
    past: Vec<Past>,
    settings: Settings,
    world: Arc<World>,
    seed: u64,
    /// Counters of detectors that are gone.
    gone: Counters,
}

/// A time that is replayed.
struct Past {
    detector: Detector,
    /// When it is there.
    now_us: i64,
    /// What came of its newest second.
    batch: Flows,
    from_us: i64,
    /// When something of it came last, by the clock of the present.
    came_us: i64,
}

impl std::fmt::Debug for Detectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{:?}, {} times besides]", self.present, self.past.len())
    }
}

impl Detectors {
    /// Detectors that have seen nothing; see [`Detector::new`].
    pub fn new(settings: Settings, world: impl Into<Arc<World>>, seed: u64) -> Self {
        let world = world.into();
        let present = Detector::new(settings.clone(), Arc::clone(&world), seed);
        Self { present, past: Vec::new(), settings, world, seed, gone: Counters::default() }
    }

    /// What the present has learnt; see [`Detector::save`].
    pub fn save(&self) -> Vec<u8> {
        self.present.save()
    }

    /// With what [`Detectors::save`] kept; see [`Detector::restored`].
    #[must_use]
    pub fn restored(self, saved: &[u8]) -> Self {
        Self { present: self.present.restored(saved), ..self }
    }

    /// Takes the network's tables anew; see [`Detector::set_world`].
    pub fn set_world(&mut self, world: impl Into<Arc<World>>) {
        self.world = world.into();
        self.present.set_world(Arc::clone(&self.world));
        self.past.iter_mut().for_each(|past| past.detector.set_world(Arc::clone(&self.world)));
    }

    /// Takes a batch that came in until `now`.
    pub fn step(&mut self, now: UtcMicros, batch: &Flows) -> Vec<Finding> {
        let is_past = |flow: &Flow| now.0.saturating_sub(flow.last_us.max(flow.first_us)) > OTHER_US;
        let flows = || (0..batch.rows()).map_while(|row| batch.get(row));
        if !flows().any(|flow| is_past(&flow)) {
            return self.present.step(now, batch);
        }
        let mut present = Flows::default();
        let mut findings = Vec::new();
        for flow in flows() {
            if is_past(&flow) {
                self.replay(flow, now.0, &mut findings);
            } else {
                present.push(flow);
            }
        }
        findings.extend(self.present.step(now, &present));
        findings
    }

    /// Lets time pass; see [`Detector::tick`].
    pub fn tick(&mut self, now: UtcMicros) -> Vec<Finding> {
        let mut findings = self.present.tick(now);
        for past in &mut self.past {
            if now.0.saturating_sub(past.came_us) >= SECOND_US {
                past.step(&mut findings);
            }
        }
        let quiet_us = self.settings.quiet_us;
        let over =
            |past: &Past| now.0.saturating_sub(past.came_us) > past.detector.longest_wait_us() + quiet_us;
        for mut past in self.past.extract_if(.., |past| over(past)) {
            findings.extend(past.end());
            self.gone = summed(self.gone, past.detector.counters());
        }
        findings
    }

    /// All open incidents as they stand.
    pub fn open(&self, now: UtcMicros) -> Vec<Finding> {
        let past = self.past.iter().flat_map(|past| past.detector.open(UtcMicros(past.now_us)));
        self.present.open(now).into_iter().chain(past).collect()
    }

    /// What open incidents had when that was told last; see [`Detector::measured`].
    pub fn measured(&self, now: UtcMicros) -> Vec<Finding> {
        let past = self.past.iter().flat_map(|past| past.detector.measured(UtcMicros(past.now_us)));
        self.present.measured(now).into_iter().chain(past).collect()
    }

    /// How long exporters lately kept a flow of the present at most; see [`Detector::longest_wait_us`].
    pub fn longest_wait_us(&self) -> i64 {
        self.present.longest_wait_us()
    }

    /// What could not be taken, and how much is kept.
    pub fn counters(&self) -> Counters {
        let all = self.past.iter().map(|past| past.detector.counters()).fold(self.gone, summed);
        let present = self.present.counters();
        let octets: u64 = self.past.iter().map(|past| past.detector.counters().octets).sum();
        Counters { octets: present.octets + octets, watched: present.watched, ..summed(present, all) }
    }

    /// Takes a flow of another time.
    fn replay(&mut self, flow: Flow, came_us: i64, findings: &mut Vec<Finding>) {
        let at_us = flow.last_us.max(flow.first_us);
        let near = |past: &Past| {
            at_us > past.now_us.saturating_sub(KEPT_US) && at_us < past.now_us.saturating_add(OTHER_US)
        };
        let place = match self.past.iter().position(near) {
            Some(place) => place,
            None => {
                if self.past.len() >= MOST_TIMES {
                    // The one that nothing came of for longest makes room.
                    let idle = (0..).zip(&self.past).min_by_key(|(_, past)| past.came_us);
                    if let Some((place, _)) = idle {
                        let mut past = self.past.remove(place);
                        findings.extend(past.end());
                        self.gone = summed(self.gone, past.detector.counters());
                    }
                }
                let fresh = Detector::new(self.settings.clone(), Arc::clone(&self.world), self.seed);
                let detector = fresh.restored(&self.present.save());
                self.past.push(Past {
                    detector,
                    now_us: at_us,
                    batch: Flows::default(),
                    from_us: at_us,
                    came_us,
                });
                self.past.len() - 1
            }
        };
        if let Some(past) = self.past.get_mut(place) {
            past.take(flow, at_us, came_us, findings);
        }
    }
}

impl Past {
    fn take(&mut self, flow: Flow, at_us: i64, came_us: i64, findings: &mut Vec<Finding>) {
        if at_us.saturating_sub(self.from_us) >= STEP_US {
            self.step(findings);
            self.from_us = at_us;
        }
        self.now_us = self.now_us.max(at_us);
        self.came_us = came_us;
        // It came when it was told of then.
        self.batch.push(Flow { received_us: self.now_us, ..flow });
    }

    fn step(&mut self, findings: &mut Vec<Finding>) {
        if self.batch.rows() > 0 {
            findings.extend(self.detector.step(UtcMicros(self.now_us), &self.batch));
            self.batch.clear();
        }
    }

    /// What is still open is over: nothing comes any more.
    fn end(&mut self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.step(&mut findings);
        findings.extend(self.detector.tick(UtcMicros(self.now_us.saturating_add(FOR_EVER_US))));
        findings
    }
}

fn summed(a: Counters, b: Counters) -> Counters {
    Counters {
        flows: a.flows + b.flows,
        late: a.late + b.late,
        future: a.future + b.future,
        twice: a.twice + b.twice,
        unwatched: a.unwatched + b.unwatched,
        unopened: a.unopened + b.unopened,
        watched: 0,
        octets: 0,
    }
}

const SECOND_US: i64 = 1_000_000;
/// A flow that ended so long before now is of another time.
const OTHER_US: i64 = KEPT_US - 60 * SECOND_US;
/// How much of another time is looked at in one step.
const STEP_US: i64 = SECOND_US / 10;
/// Other times at once.
const MOST_TIMES: usize = 4;
/// Longer than anything waits.
const FOR_EVER_US: i64 = 86_400 * SECOND_US;
