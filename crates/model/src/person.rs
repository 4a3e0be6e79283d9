//! People at the desk, their roles, and the case that ties their deeds together.

use serde::{Deserialize, Serialize};

/// A person of the operator's staff, by the name that the configuration gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub String);

/// The thread of everything done in one matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub String);

/// What a person is at the desk for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Takes complaints and looks for the subscriber.
    AbuseDesk,
    /// Runs the network, acts on attacks.
    NetworkOperations,
    /// Decides what may be learnt and disclosed (`L`).
    LegalReviewer,
    /// The second person of a two-person rule.
    Approver,
    /// Sees figures, gives the approvals of management (`M`).
    Manager,
    /// Reads the journal, opens nothing.
    Auditor,
    /// Runs the system, opens nothing.
    Administrator,
    /// Runs sensors.
    SensorOperator,
    /// Asks, on an authority's installation.
    Requester,
    /// Approves what is asked, on an authority's installation.
    UnitHead,
    /// The installation itself, under standing permits only.
    System,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 11] = [
        Self::AbuseDesk,
        Self::NetworkOperations,
        Self::LegalReviewer,
        Self::Approver,
        Self::Manager,
        Self::Auditor,
        Self::Administrator,
        Self::SensorOperator,
        Self::Requester,
        Self::UnitHead,
        Self::System,
    ];

    /// The role's name in configuration, JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbuseDesk => "abuse-desk",
            Self::NetworkOperations => "network-operations",
            Self::LegalReviewer => "legal-reviewer",
            Self::Approver => "approver",
            Self::Manager => "manager",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
            Self::SensorOperator => "sensor-operator",
            Self::Requester => "requester",
            Self::UnitHead => "unit-head",
            Self::System => "system",
        }
    }
}
