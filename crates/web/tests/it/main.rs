//! The routes asked from outside: over a real desk, the embedded stores and the shipped rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod accounts;
mod answers;
mod batch;
mod console;
mod document;
mod doors;
mod flows;
mod hostile;
mod house;
mod incidents;
mod network;
mod oidc;
mod packs;
mod retention;
mod transports;
mod watch;
