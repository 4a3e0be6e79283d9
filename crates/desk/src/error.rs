//! What can go wrong at the desk. A refusal of the gate is an answer, not an error.

use tadoru_gate::GateError;
use tadoru_store::StoreError;
use tadoru_store::cases::CaseError;
use tadoru_store::flows::FlowsError;
use tadoru_trace::subscriber::TraceError;

/// A fault of the desk. No message holds an address or a name of a subscriber.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The gate could not answer.
    #[error("the gate cannot answer")]
    Gate(#[from] GateError),
    /// A store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The store of flows failed, or was asked for what its ground does not allow.
    #[error("cannot ask the recorded flows")]
    Flows(#[from] FlowsError),
    /// A case is not as it must be.
    #[error("cannot work on the case")]
    Case(#[from] CaseError),
    /// The records cannot be read.
    #[error("cannot follow the trail")]
    Trace(#[from] TraceError),
    /// A permit does not open what it was given for.
    #[error("the permit does not open the answer")]
    Seal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The rules do not let the installation do its own work.
    #[error("the rules in force do not permit to {act} for this installation's own work{}", rule.as_ref().map(|r| format!(" ({r})")).unwrap_or_default())]
    Standing {
        /// The deed.
        act: &'static str,
        /// The rule that refused, where one did.
        rule: Option<String>,
    },
    /// The person's roles do not include the one that the command takes.
    #[error("this takes the role {role}")]
    Role {
        /// The role, or the roles of which one is enough.
        role: &'static str,
    },
    /// A file of flows was not announced.
    #[error("a file of flows is announced with its SHA-256")]
    NotAnnounced,
    /// There is no such hold in force.
    #[error("there is no such hold in force")]
    NoHold,
    /// There is no such incident on file.
    #[error("there is no such incident on file")]
    NoIncident,
    /// An evidence pack would hold no evidence.
    #[error("no flow record of the attack is found: the pack would hold no evidence")]
    NoRecords,
    /// A question without a time, an endpoint, or with too much of them.
    #[error("the question is not one that can be asked: {why}")]
    Question {
        /// What is wrong with it.
        why: &'static str,
    },
}
