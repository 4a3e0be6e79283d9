//! The questions asked of the past, as traits, an in-memory store, and the suite that every store must pass.
//!
//! What comes in: rows and spans under `Permit<Store>`, questions under `Permit<Learn>`. What goes out: sealed rows.
//! Never a query language, a pool or a column type in a signature.

pub mod accounts;
pub mod assignments;
pub mod cases;
pub mod clocks;
pub mod contract;
pub mod coverage;
pub mod error;
pub mod evidence;
pub mod filter;
pub mod flows;
pub mod holds;
pub mod incidents;
pub mod memory;
pub mod rules;
pub mod stores;
pub mod subscribers;

pub use accounts::Accounts;
pub use assignments::{Assignments, Holding};
pub use cases::{CaseError, Cases};
pub use clocks::ClockReadings;
pub use coverage::Coverage;
pub use error::StoreError;
pub use evidence::Evidence;
pub use holds::Holds;
pub use incidents::Incidents;
pub use memory::Memory;
pub use rules::Rules;
pub use stores::Stores;
pub use subscribers::Subscribers;
