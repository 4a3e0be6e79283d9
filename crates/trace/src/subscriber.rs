//! The way back from an endpoint and a time to the subscriber.
//!
//! What comes in: a question under `Permit<Learn>`, the stores, the clocks, the rules. What goes out: a sealed
//! [`Attribution`]. Chains may have any length: outside endpoint, NAT block, inside address in its realm or softwire,
//! session, line. An answer is *unique* only when the evidence leaves room for no other holder within the asked time
//! and its skew; what no record can tell is said as such (6.F1, 6.F10, 4.C4).

mod chain;
mod coverage;
mod verdict;
mod versions;

use std::net::IpAddr;

use tadoru_gate::permit::Learn;
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{
    Attribution, Endpoint, Identity, Prefix, Realm, RecordKind, Remote, Rule, Seen, SubscriberId, UtcMicros,
};
use tadoru_store::{Assignments, StoreError};

use self::chain::{Chain, Follower, Told, Trail};
pub use self::coverage::CoverageMap;
use crate::clock::Clocks;

/// One question: who had this endpoint at each of these times?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The realm that the endpoint is of; untold asks in all.
    pub realm: Realm,
    /// When it was seen. Several observations of one doer narrow the answer.
    pub seen: Vec<Seen>,
    /// How far the observer's clock may be off, either way, microseconds; 0 where nothing is told.
    pub skew_us: i64,
    /// The far side that the observer tells: the observer's own address and port, as a rule.
    pub remote: Option<Remote>,
}

/// Everything an answer may rest on.
pub struct Evidence<'a> {
    /// Rows of the past.
    pub assignments: &'a dyn Assignments,
    /// When sources were alive.
    pub coverage: &'a CoverageMap,
    /// How wrong their clocks are.
    pub clocks: &'a Clocks,
    /// Translations that no log records.
    pub rules: &'a [Rule],
    /// Address space of the operator, all realms together.
    pub own: &'a [Prefix],
    /// Another holder so near the told time leaves room for doubt, microseconds, whatever skew is told.
    pub guard_us: i64,
    /// How long records of a kind are kept, microseconds.
    pub kept_us: &'a (dyn Fn(RecordKind) -> i64 + Sync),
    /// Up to when records of a kind may have been deleted: of earlier instants they do not tell everybody.
    pub deleted_before: &'a (dyn Fn(RecordKind) -> UtcMicros + Sync),
    /// The instant of asking.
    pub now: UtcMicros,
}

/// What can go wrong on the way back.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The store could not answer.
    #[error("cannot read the records of the past")]
    Store(#[from] StoreError),
    /// The permit does not open what it was given for.
    #[error("the permit does not open the records")]
    Seal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The ways back that the records show, before anybody has said whose contract a line is of.
pub struct Trails {
    moments: Vec<(Seen, Trail)>,
}

/// A line that a way back ends at, as its records name it.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Its names, the surest first.
    pub names: Vec<Identity>,
    /// Realm in which it has them.
    pub realm: Realm,
    /// The time asked about.
    pub seen: Seen,
}

impl Trails {
    /// The lines at the ends of all ways back, for the subscriber directory to say whose they were.
    pub fn lines(&self, _permit: &Permit<Learn>) -> Vec<Line> {
        let of =
            |seen: Seen, chain: &Chain| Line { names: chain.names.clone(), realm: chain.realm.clone(), seen };
        self.moments.iter().flat_map(|(seen, trail)| trail.chains.iter().map(|c| of(*seen, c))).collect()
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[line of {} names]", self.names.len())
    }
}

/// Follows the chains back from the asked endpoint to the lines.
///
/// # Errors
/// When a store fails.
pub fn explore(
    permit: &Permit<Learn>,
    evidence: &Evidence<'_>,
    question: &Question,
) -> Result<Trails, TraceError> {
    let mut moments = Vec::with_capacity(question.seen.len());
    for seen in &question.seen {
        let told = Told { core: seen.core(), skew_us: question.skew_us };
        let window = seen.window(question.skew_us.max(evidence.guard_us));
        let follower = Follower::new(permit, evidence, told, window, question.remote);
        moments.push((*seen, follower.trail(question.realm.clone(), question.endpoint)?));
    }
    Ok(Trails { moments })
}

/// Says what the ways back allow one to say. `contracts` tells for each of [`Trails::lines`], in their order, whose it
/// was; none where the directory does not know the line: then the records' surest name stands.
pub fn judge(
    permit: &Permit<Learn>,
    evidence: &Evidence<'_>,
    question: &Question,
    trails: Trails,
    contracts: Vec<Vec<SubscriberId>>,
) -> Sealed<Attribution> {
    let mut contracts = contracts.into_iter();
    let moments = trails.moments.into_iter().map(|(seen, trail)| {
        let whose: Vec<Vec<SubscriberId>> = contracts.by_ref().take(trail.chains.len()).collect();
        verdict::at_moment(evidence, question, seen, &trail, &whose)
    });
    let attribution = verdict::over_all(moments.collect());
    Sealed::new(SEALED_AS, permit.case().cloned(), attribution)
}

/// Whether `addr` is of the operator's own space; where none is configured, of the space the records speak of.
fn is_ours(evidence: &Evidence<'_>, realm: &Realm, addr: IpAddr) -> bool {
    if evidence.own.is_empty() {
        evidence.coverage.speaks_of(realm, addr)
            || evidence.rules.iter().any(|r| verdict::rule_speaks_of(r, addr))
    } else {
        evidence.own.iter().any(|p| p.contains(addr))
    }
}

/// What an attribution is made of.
const SEALED_AS: DataSet = DataSet::of(&[DataCategory::Asgn]);

#[cfg(test)]
mod tests;
