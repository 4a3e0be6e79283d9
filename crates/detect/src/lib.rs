//! Suspicions: batches of flows in, findings out.
//!
//! What comes in: [`tadoru_model::Flows`], the present time, and what the operator told about the network
//! ([`World`]) and wants to be told ([`Settings`]). What goes out: [`tadoru_model::Finding`]s, each with why, how sure, and
//! what would make it wrong. Every step is a pure function of what came so far: no input or output, no clock, no dice; the
//! seed of the sketches is handed in. Requirements 4.F1–F5, 4.F11, 5.F2.

mod config;
mod detector;
mod incident;
mod judge;
mod kind;
mod learn;
mod past;
mod profile;
mod rates;
mod rehearsal;
mod said;
mod scan;
mod sketch;
mod spoofing;
mod validation;
mod world;

pub use config::{ClassFactor, Learning, Limit, Limits, Scanners, Scans, Settings};
pub use detector::{Counters, Detector};
pub use past::Detectors;
pub use rehearsal::{Hit, Rehearsal, rehearse};
pub use said::{Said, Sentence};
pub use validation::{InterfaceSources, SourceTally, source_validation};
pub use world::{Customer, Interface, InterfaceRole, Route, Tables, World};
