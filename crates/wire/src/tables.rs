//! Tables that operators keep by hand or export from other systems: comma-separated values or JSON lines.
//!
//! What comes in: lines of text. The first line of comma-separated values names the columns, in any order; unknown
//! columns are ignored. JSON lines are objects with the same names. What goes out: one record a line, with its line
//! number, or a defect. It never looks at a clock, never guesses a time zone, and never decides which subscriber is
//! meant.
//!
//! Times are microseconds since the Unix epoch (UTC). A quoted field does not span lines, so that one missing quote
//! costs one line and not the rest of the file (unlike RFC 4180 section 2 item 6).

pub mod cgn_rules;
pub mod complaints;
pub mod customers;
pub mod interfaces;
pub mod lines;
pub mod nft;
pub mod range;
pub mod routes;
pub mod row;
pub mod softwires;
pub mod statics;
pub mod subscribers;
pub mod time;
pub mod venue;

#[cfg(test)]
mod tests;

pub use lines::Fault;
pub use range::{AddressRange, Prefix};
pub use row::{Table, TableRecord};

/// Gives types a `Debug` that shows the name only: they hold elements of a communication.
macro_rules! unprinted {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "[..]"))
            }
        }
    )+};
}
pub(crate) use unprinted;
