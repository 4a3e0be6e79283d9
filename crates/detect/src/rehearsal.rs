//! Rehearsal: what settings would have found in stored flows, and whom they would have hit.
//!
//! What comes in: stored batches in the order of their arrival. What goes out: a summary. The same step as in earnest,
//! with the batches' own time for a clock.

use std::collections::BTreeMap;

use tadoru_model::finding::Target;
use tadoru_model::{Finding, FindingId, FindingState, Flows, UtcMicros};

use crate::config::Settings;
use crate::detector::Counters;
use crate::past::Detectors;
use crate::world::World;

/// What would have happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rehearsal {
    /// Each incident with its last state, by its start.
    pub hits: Vec<Hit>,
    /// Flow records that were read.
    pub flows: u64,
    /// Arrival of the first and of the last.
    pub span: Option<(UtcMicros, UtcMicros)>,
    /// What the detector could not take.
    pub counters: Counters,
}

/// One incident that would have been opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// When it would have been told first.
    pub told: UtcMicros,
    /// How it would have stood at its end.
    pub finding: Finding,
    /// Whom it would have named.
    pub targets: Vec<Target>,
    /// How many findings would have been sent about it.
    pub findings: u64,
}

/// Tries settings on stored batches.
pub fn rehearse(
    settings: Settings,
    world: World,
    seed: u64,
    batches: impl IntoIterator<Item = Flows>,
) -> Rehearsal {
    let mut detector = Detectors::new(settings, world, seed);
    let mut rehearsal = Rehearsal::default();
    let mut hits: BTreeMap<FindingId, Hit> = BTreeMap::new();
    let mut take = |findings: Vec<Finding>| {
        for finding in findings {
            let told = finding.at;
            let hit = hits.entry(finding.id).or_insert_with(|| Hit {
                told,
                finding: finding.clone(),
                targets: Vec::new(),
                findings: 0,
            });
            hit.findings += 1;
            hit.targets.clone_from(&finding.targets);
            hit.finding = finding;
        }
    };
    for batch in batches {
        let Some(now) = batch.received_us.iter().max().copied().map(UtcMicros) else { continue };
        rehearsal.flows += batch.rows() as u64;
        rehearsal.span = Some((rehearsal.span.map_or(now, |(from, _)| from), now));
        take(detector.step(now, &batch));
    }
    if let Some((_, last)) = rehearsal.span {
        // What is open is told as it stands; nothing is known of the time behind.
        take(detector.open(last));
    }
    rehearsal.counters = detector.counters();
    rehearsal.hits = hits.into_values().collect();
    rehearsal.hits.sort_by_key(|hit| (hit.finding.start, hit.finding.id));
    rehearsal
}

impl Hit {
    /// Whether it was over at the end of the stored flows.
    pub fn is_over(&self) -> bool {
        self.finding.state == FindingState::Ended
    }
}
