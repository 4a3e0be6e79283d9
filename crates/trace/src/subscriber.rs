//! The way back from an endpoint and a time to the subscriber.
//!
//! What comes in: a question under `Permit<Learn>`, the stores, the clocks, the rules. What goes out: a sealed
//! [`Attribution`]. Chains may have any length: outside endpoint, NAT block, inside address in its realm or softwire,
//! session, line. An answer is *unique* only when the evidence leaves room for no other holder within the asked time
//! and its skew; what no record can tell is said as such (6.F1, 6.F10, 4.C4).

mod chain;
mod coverage;
mod verdict;

use std::net::IpAddr;

use tadoru_gate::permit::Learn;
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{
    Attribution, Endpoint, Identity, Prefix, Realm, RecordKind, Remote, Rule, Seen, SubscriberId, UtcMicros,
};
use tadoru_store::{Assignments, StoreError};

use self::chain::Follower;
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
    /// How far the observer's clock may be off, either way, microseconds.
    pub skew_us: i64,
    /// The far side that the observer tells: the observer's own address and port, as a rule.
    pub remote: Option<Remote>,
}

/// Who has a contract for a line.
pub trait Directory: Sync {
    /// The contracts that had one of `names` in `realm` at `at`; none where the directory does not know the line.
    fn contracts(&self, names: &[Identity], realm: &Realm, at: UtcMicros) -> Vec<SubscriberId>;
}

/// A directory that knows nobody: the records' own names stand.
pub struct NoDirectory;

impl Directory for NoDirectory {
    fn contracts(&self, _: &[Identity], _: &Realm, _: UtcMicros) -> Vec<SubscriberId> {
        Vec::new()
    }
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
    /// Contracts.
    pub directory: &'a dyn Directory,
    /// Address space of the operator, all realms together.
    pub own: &'a [Prefix],
    /// How long records of a kind are kept, microseconds.
    pub kept_us: &'a (dyn Fn(RecordKind) -> i64 + Sync),
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

/// Follows the chain back from the asked endpoint and says what the records allow one to say.
///
/// # Errors
/// When a store fails. That nothing can be told is an answer, not an error.
pub fn follow(
    permit: &Permit<Learn>,
    evidence: &Evidence<'_>,
    question: &Question,
) -> Result<Sealed<Attribution>, TraceError> {
    let mut moments = Vec::with_capacity(question.seen.len());
    for seen in &question.seen {
        let window = seen.window(question.skew_us);
        let follower = Follower::new(permit, evidence, seen.core(), window, question.remote);
        let trail = follower.trail(question.realm.clone(), question.endpoint)?;
        moments.push(verdict::at_moment(evidence, question, *seen, trail));
    }
    Ok(Sealed::new(SEALED_AS, permit.case().cloned(), verdict::over_all(moments)))
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
