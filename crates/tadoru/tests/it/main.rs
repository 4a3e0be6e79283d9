//! End-to-end and tidy tests: the executable as its users meet it, and the house as it stands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests fail loudly"
)]

mod c2_copy;
mod cgnat;
mod console;
mod damage;
mod exporters;
mod flow_files;
mod flows;
mod fuzz_bodies;
mod identity;
mod import;
mod isp;
mod kea;
mod passkeys;
mod radius;
mod serve;
mod socket;
mod tidy;
mod town;
mod who;
