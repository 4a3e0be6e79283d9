//! The floor that everything stands on: lawful bases, rule packs, consent, permits, seals and the journal.
//!
//! What comes in: the wish to do something with somebody's communications, in the literal words of the deed. What
//! goes out: a [`Permit`] or a [`Refusal`], both written to the journal before they are handed out. It never says
//! yes by default, and there is no other way to make a permit: not for tests either.
//!
//! Mission items 11.R1–R7, 11.F1–F2 and 12.F4; rule table in `packs/`.

pub mod consent;
pub mod evaluate;
pub mod explain;
pub mod gate;
pub mod journal;
pub mod keys;
pub mod pack;
pub mod permit;
pub mod request;
pub mod seal;
pub mod table;
pub mod vocabulary;

pub use gate::{Answer, Gate, GateError};
pub use pack::{Pack, Packs};
pub use permit::{Act, Permit};
pub use request::{Ask, Decision, Facts, Need, Refusal, Scope};
pub use seal::Sealed;
pub use vocabulary::{ActName, Basis, DataCategory, DataSet, Purpose, Statutory, Verdict};
