//! Static assignments: addresses and prefixes that belong to a subscriber by contract.
//!
//! What comes in: a table `address_or_prefix,realm,subscriber,from,until`. What goes out: [`StaticAssignment`]s.

use jiff::tz::TimeZone;

use super::{
    range::Prefix,
    row::{Row, TableRecord},
    unprinted,
};

/// An address or prefix that one subscriber holds.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticAssignment {
    /// What is assigned.
    pub prefix: Prefix,
    /// The address space it belongs to (a VRF or site); `None` is the public one.
    pub realm: Option<String>,
    /// Contract id.
    pub subscriber: String,
    /// From when, microseconds since the epoch; `None`: since always.
    pub from_us: Option<i64>,
    /// Until when (not included); `None`: open.
    pub until_us: Option<i64>,
}

unprinted!(StaticAssignment);

impl TableRecord for StaticAssignment {
    const COLUMNS: &'static [&'static str] = &["address_or_prefix", "realm", "subscriber", "from", "until"];
    const REQUIRED: &'static [&'static str] = &["address_or_prefix", "subscriber"];

    fn from_row(row: &Row, zone: Option<&TimeZone>) -> Result<Self, String> {
        row.need("address_or_prefix")?;
        let prefix =
            row.read("address_or_prefix", "an address or a prefix without host bits", Prefix::parse)?;
        let (from_us, until_us) = row.period("from", "until", zone)?;
        Ok(Self {
            prefix: prefix.ok_or("`address_or_prefix` is empty")?,
            realm: row.text("realm").map(str::to_owned),
            subscriber: row.need("subscriber")?.to_owned(),
            from_us,
            until_us,
        })
    }
}
