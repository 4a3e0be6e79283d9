//! Incidents that were open when the desk stopped: gone on with where the attack goes on, ended where it does not.
//!
//! What comes in: the newest findings of what is open on file, and what a detector finds that knows nothing of them. What
//! goes out: the same attack under its old id, with its old start, peak and targets; and, once so much quiet has passed as
//! ends any incident, the end of what was not seen again, which says that the desk was not watching in between.

use std::collections::HashMap;

use tadoru_detect::Sentence;
use tadoru_model::finding::{Peak, Rate, Target, VectorRate};
use tadoru_model::{Finding, FindingId, FindingState, Scope, UtcMicros};

/// What is open on file and not yet seen again, and under which old ids new findings go.
pub(super) struct Resumed {
    waiting: Vec<Finding>,
    old: HashMap<FindingId, Finding>,
    until: UtcMicros,
}

impl Resumed {
    /// These were open on file when watching began at `now`.
    pub(super) fn new(open: Vec<Finding>, now: UtcMicros, quiet_us: i64) -> Self {
        Self { waiting: open, old: HashMap::new(), until: now.plus(quiet_us) }
    }

    /// The id under which a finding of the detector's is on file.
    pub(super) fn id_of(&self, id: FindingId) -> FindingId {
        self.old.get(&id).map_or(id, |old| old.id)
    }

    /// A finding as it goes on file: under its old id where it is the same attack.
    pub(super) fn gone_on(&mut self, mut finding: Finding) -> Finding {
        if let Some(place) = self.waiting.iter().position(|old| same(old, &finding)) {
            let old = self.waiting.swap_remove(place);
            if finding.state == FindingState::Opened {
                finding.state = FindingState::Grew;
            }
            self.old.insert(finding.id, old);
        }
        let Some(old) = self.old.get(&finding.id) else { return finding };
        finding.id = old.id;
        finding.start = finding.start.min(old.start);
        finding.peak = Peak {
            at: if stronger(&old.peak.rate, &finding.peak.rate) { old.peak.at } else { finding.peak.at },
            rate: highest(old.peak.rate, finding.peak.rate),
        };
        finding.vectors = vectors(&old.vectors, &finding.vectors);
        finding.targets = targets(&old.targets, &finding.targets);
        finding
    }

    /// What was not seen again, ended, once all that happened until `now` has come.
    pub(super) fn gone(&mut self, now: UtcMicros) -> Vec<Finding> {
        if now < self.until {
            return Vec::new();
        }
        let ended = self.waiting.drain(..).map(|mut finding| {
            (finding.state, finding.at, finding.now) = (FindingState::Ended, now, Rate::default());
            finding.wrong_if.push(not_seen());
            finding
        });
        ended.collect()
    }
}

/// Whether a new finding is an attack that was on file: a common target, and a scan only with a scan.
fn same(old: &Finding, new: &Finding) -> bool {
    let aimed = |scope: &Scope| old.scope == *scope || old.targets.iter().any(|t| t.scope == *scope);
    let vectors = || old.vectors.iter().any(|a| new.vectors.iter().any(|b| a.vector == b.vector));
    let aims = aimed(&new.scope) || new.targets.iter().any(|target| aimed(&target.scope));
    old.vector.is_scan() == new.vector.is_scan() && aims && (vectors() || old.id == new.id)
}

/// What both saw, the strongest first as the newer one has it.
fn vectors(old: &[VectorRate], new: &[VectorRate]) -> Vec<VectorRate> {
    let mut all = new.to_vec();
    for was in old {
        match all.iter_mut().find(|known| known.vector == was.vector) {
            Some(known) => known.peak = highest(known.peak, was.peak),
            None => all.push(*was),
        }
    }
    all
}

/// What both aimed at, the oldest first.
fn targets(old: &[Target], new: &[Target]) -> Vec<Target> {
    let mut all = old.to_vec();
    for is in new {
        match all.iter_mut().find(|known| known.scope == is.scope && known.vector == is.vector) {
            Some(known) => {
                known.from = known.from.min(is.from);
                known.last = known.last.max(is.last);
                known.peak = highest(known.peak, is.peak);
            }
            None => all.push(is.clone()),
        }
    }
    all.sort_by_key(|target| target.from);
    all
}

fn stronger(a: &Rate, b: &Rate) -> bool {
    a.packets_per_s > b.packets_per_s || a.bits_per_s > b.bits_per_s
}

fn highest(a: Rate, b: Rate) -> Rate {
    Rate {
        packets_per_s: a.packets_per_s.max(b.packets_per_s),
        bits_per_s: a.bits_per_s.max(b.bits_per_s),
        flows_per_s: a.flows_per_s.max(b.flows_per_s),
    }
}

/// What such an end says.
pub(super) fn not_seen() -> String {
    Sentence::EndNotSeen.text()
}
