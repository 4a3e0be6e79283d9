//! The embedded stores from outside: the contract, restarts, damage, a full disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod assignments;
mod copy;
mod crash;
mod flows;
mod house;
mod incidents;
mod spool;
mod upkeep;
