//! Routes: which autonomous system a prefix belongs to, and by which interface its packets may come in.
//!
//! What comes in: a table `prefix,as,exporter,index`, several lines for a prefix with several ways in. What goes out:
//! [`RouteRow`]s, each of which tells an autonomous system, a way in, or both.

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::{
    interfaces::{AS_NUMBER, autonomous_system},
    range::{Prefix, parse_address},
    row::{Row, TableRecord},
    unprinted,
};

/// What one line tells of a prefix.
#[derive(Clone, PartialEq, Eq)]
pub struct RouteRow {
    /// The prefix.
    pub prefix: Prefix,
    /// The autonomous system that originates it.
    pub origin: Option<u32>,
    /// Exporter and index of an interface by which packets from it may come in.
    pub ingress: Option<(IpAddr, u32)>,
}

unprinted!(RouteRow);

impl TableRecord for RouteRow {
    const COLUMNS: &'static [&'static str] = &["prefix", "as", "exporter", "index"];
    const REQUIRED: &'static [&'static str] = &["prefix"];

    fn from_row(row: &Row, _zone: Option<&TimeZone>) -> Result<Self, String> {
        row.need("prefix")?;
        let prefix = row.read("prefix", "an address or a prefix without host bits", Prefix::parse)?;
        let origin = row.read("as", AS_NUMBER, autonomous_system)?;
        let exporter = row.read("exporter", "an address", parse_address)?;
        let index: Option<u32> = row.number("index")?;
        let ingress = match (exporter, index) {
            (Some(_), Some(0)) => return Err("`index` is 0, which stands for no interface".to_owned()),
            (Some(exporter), Some(index)) => Some((exporter, index)),
            (None, None) => None,
            _ => return Err("`exporter` and `index` stand together or not at all".to_owned()),
        };
        if origin.is_none() && ingress.is_none() {
            return Err("the line tells neither `as` nor `exporter` and `index`".to_owned());
        }
        Ok(Self { prefix: prefix.ok_or("`prefix` is empty")?, origin, ingress })
    }
}
