//! Sources: what the access network writes down comes in, observations go out.
//!
//! What comes in: files that an operator hands over ([`files`]), datagrams, streams and growing files of a running
//! network (one file a source). What goes out: [`tadoru_model::Observation`]s, rules and directory rows, with the defects
//! of what could not be read. It never decides what a record means for a question, and never stores: raw records go to a
//! [`inlet::Spool`], observations to an [`inlet::Inlet`], both of which somebody else implements.

mod alive;
pub mod collector;
pub mod counters;
pub mod decode;
pub mod error;
pub mod files;
pub mod flows;
pub mod follow;
pub mod inlet;
pub mod meter;
mod octets;
pub mod radius;
mod receive;
pub mod records;
mod spoken;

pub use decode::{Decoded, Decoder};
pub use error::ObserveError;
pub use files::{FileReport, Format, Item, Options};
pub use inlet::{Inlet, Receipt, Spool, SpoolError, SpoolRecord};
pub use receive::Shutdown;
