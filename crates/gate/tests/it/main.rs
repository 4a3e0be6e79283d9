//! The gate's rules, asked from outside.

mod invariants;
mod table;
mod vectors;
