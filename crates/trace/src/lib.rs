//! Ways back: from records to rows of the past, from an endpoint and a time to the subscriber, and from an attack to its
//! ingress.
//!
//! What comes in: observations in the order of their arrival; questions under a permit. What goes out: assignments with
//! edges that say how they are known; a sealed attribution with its outcome, candidates and evidence. It never touches
//! the network, keeps no clock of its own, and never shows one candidate as *the* candidate when the evidence allows two.
//!
//! Mission items 6.F1, 6.F10, 4.C4, 15.F8, 5.F1, 5.F3.

pub mod algorithm;
pub mod assemble;
pub mod clock;
pub mod ingress;
pub mod subscriber;

pub use assemble::Assembler;
pub use subscriber::{Evidence, Question, explore, judge};
