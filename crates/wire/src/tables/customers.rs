//! Customers and their prefixes, as detectors need them: by name and class, not by contract.
//!
//! What comes in: a table `prefix,customer,class`, one prefix a line. What goes out: [`CustomerPrefix`]es; the lines of
//! one customer belong together by its name.

use jiff::tz::TimeZone;

use super::{
    range::Prefix,
    row::{Row, TableRecord},
    unprinted,
};

/// A prefix of a customer.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerPrefix {
    /// The prefix.
    pub prefix: Prefix,
    /// The customer's name in findings.
    pub customer: String,
    /// Its class, which moves thresholds; `None` for none.
    pub class: Option<String>,
}

unprinted!(CustomerPrefix);

impl TableRecord for CustomerPrefix {
    const COLUMNS: &'static [&'static str] = &["prefix", "customer", "class"];
    const REQUIRED: &'static [&'static str] = &["prefix", "customer"];

    fn from_row(row: &Row, _zone: Option<&TimeZone>) -> Result<Self, String> {
        row.need("prefix")?;
        let prefix = row.read("prefix", "an address or a prefix without host bits", Prefix::parse)?;
        Ok(Self {
            prefix: prefix.ok_or("`prefix` is empty")?,
            customer: row.need("customer")?.to_owned(),
            class: row.text("class").map(str::to_owned),
        })
    }
}
