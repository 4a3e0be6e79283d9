//! The journal from outside: layout, proofs, crashes, damage and full disks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

#[path = "journal/crash.rs"]
mod crash;
#[path = "journal/damage.rs"]
mod damage;
#[path = "journal/oracle.rs"]
mod oracle;
#[path = "journal/scene.rs"]
mod scene;
