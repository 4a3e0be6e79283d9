//! The embedded stores: one folder, one process, open file formats.
//!
//! What comes in: rows, spans, cases and evidence through the traits of `store`. What goes out: the same, sealed. Every
//! byte about a person passes through the gate's codec before it reaches the disk. Nobody but the executable imports
//! this crate.

pub mod accounts;
pub mod assignments;
pub mod cases;
pub mod coverage;
pub mod evidence;
pub mod flows;
pub mod folder;
pub mod holds;
pub mod incidents;
pub mod rules;
pub mod segment;
pub mod shelves;
pub mod spool;
pub mod subscribers;
