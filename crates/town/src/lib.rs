//! A synthetic town whose truth is known, with a clock in hand and a runner of scenes; for the demo and for tests.
//!
//! What comes in: a [`Plan`] (`scenarios/town.toml`) and a seed. What goes out: a [`Town`] with its truth, the records as
//! its devices would write them in the order of their arrival (RADIUS, IPFIX, NetFlow v9, syslog, conntrack, leases,
//! tables), questions with true answers, and a [`score`] of what was answered. It never knows a store or a verb, keeps no
//! clock and has no chance but its seed.

pub mod build;
pub mod dice;
pub mod files;
pub mod plan;
pub mod questions;
pub mod scenario;
pub mod score;
pub mod truth;

#[cfg(test)]
mod tests;

pub use build::{Arrival, BuildError, Counts, Format, Source, Town};
pub use dice::Dice;
pub use files::Import;
pub use plan::{Plan, PlanError};
pub use questions::{Kind, Question};
pub use scenario::{Scenario, Stage, Step};
pub use score::{Score, Verdict, score};
pub use truth::{Asked, Ports, Tenure, Truth, Way};
