//! The nouns that one room hands to another, and nothing else.
//!
//! No input or output, no logging, no clock. What identifies a person or a communication is still plain here:
//! it is `gate` that seals it. `Debug` of such nouns never shows a value.

pub mod assignment;
pub mod attribution;
pub mod clock;
pub mod coverage;
pub mod endpoint;
pub mod finding;
pub mod flow;
pub mod identity;
pub mod interface;
pub mod observation;
pub mod person;
pub mod prefix;
pub mod ranges;
pub mod rule;
pub mod source;
pub mod time;

pub use assignment::{Assignment, Edge, Holder, How, RecordKind};
pub use attribution::{Attribution, Candidate, Certainty, Doubt, Hop, NarrowBy, Outcome};
pub use clock::{ClockError, ClockReading};
pub use coverage::{CoverageSpan, CoverageState};
pub use endpoint::{Endpoint, PortRange, Protocol, Remote};
pub use finding::{Finding, FindingId, FindingState, Scope, Sureness, Vector};
pub use flow::{Flow, Flows};
pub use identity::{Identity, IdentityKind, SubscriberId};
pub use interface::InterfaceRole;
pub use person::{CaseId, PersonId, Role};
pub use prefix::Prefix;
pub use ranges::Ranges;
pub use rule::{Algorithm, Dealing, Rule};
pub use source::{Realm, SourceName};
pub use time::{Seen, Span, UtcMicros};
