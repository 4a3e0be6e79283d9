//! Correspondence: what is handed to people outside, as documents that they can keep and check.
//!
//! What comes in: what `desk` has opened for one delivery, and the ground that the delivery stands on. What goes out:
//! documents. It opens no seal, asks nobody, sends nothing and keeps nothing.

pub mod incident;
pub mod pack;
