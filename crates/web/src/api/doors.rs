//! Which roles a route is for, where neither the gate nor the desk asks by itself.
//!
//! The document says the same of each route as `x-door`: roles, `gate` (the rules decide), `desk` (the command asks for
//! a role) or `anybody` (any person with a role).

use tadoru_model::Role;

/// Who works cases.
pub(super) const WORKS_CASES: [Role; 5] =
    [Role::AbuseDesk, Role::NetworkOperations, Role::LegalReviewer, Role::Requester, Role::UnitHead];

/// Who may see which cases there are; what is written in them is opened by the gate.
pub(super) const SEES_CASES: [Role; 8] = [
    Role::AbuseDesk,
    Role::NetworkOperations,
    Role::LegalReviewer,
    Role::Approver,
    Role::Manager,
    Role::Auditor,
    Role::Requester,
    Role::UnitHead,
];

/// Who may read the journal's entries, which name no address and no subscriber.
pub(super) const READS_JOURNAL: [Role; 7] = [
    Role::AbuseDesk,
    Role::NetworkOperations,
    Role::LegalReviewer,
    Role::Approver,
    Role::Manager,
    Role::Auditor,
    Role::Administrator,
];

/// Who runs the system.
pub(super) const RUNS_SYSTEM: [Role; 2] = [Role::Administrator, Role::System];
