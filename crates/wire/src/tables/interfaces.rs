//! Interfaces of exporters, and what is behind each.
//!
//! What comes in: a table `exporter,index,name,role,neighbour_as,leads_to,sources`. What goes out: [`InterfaceRow`]s. It
//! never guesses a role.

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::{
    range::{Prefix, parse_address},
    row::{Row, TableRecord},
    unprinted,
};

/// An interface of an exporter.
#[derive(Clone, PartialEq, Eq)]
pub struct InterfaceRow {
    /// The exporter's address, as its flows show it.
    pub exporter: IpAddr,
    /// Its index (ifIndex of RFC 2863), which is never 0.
    pub index: u32,
    /// Its name.
    pub name: Option<String>,
    /// What is behind it.
    pub role: Role,
    /// Autonomous system of the neighbour.
    pub neighbour_as: Option<u32>,
    /// The exporter behind it; of a core interface only.
    pub leads_to: Option<IpAddr>,
    /// Prefixes that may be the source of what comes in, separated by `;`. Empty: not told.
    pub sources: Vec<Prefix>,
}

/// What is behind an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Another network.
    Edge,
    /// The own network.
    Core,
    /// A customer.
    Customer,
}

unprinted!(InterfaceRow);

impl TableRecord for InterfaceRow {
    const COLUMNS: &'static [&'static str] =
        &["exporter", "index", "name", "role", "neighbour_as", "leads_to", "sources"];
    const REQUIRED: &'static [&'static str] = &["exporter", "index", "role"];

    fn from_row(row: &Row, _zone: Option<&TimeZone>) -> Result<Self, String> {
        row.need("exporter")?;
        row.need("index")?;
        row.need("role")?;
        let exporter = row.read("exporter", "an address", parse_address)?;
        let index: Option<u32> = row.number("index")?;
        let role = row.read("role", "`edge`, `core` or `customer`", Role::parse)?;
        let role = role.ok_or("`role` is empty")?;
        let leads_to = row.read("leads_to", "an address", parse_address)?;
        if leads_to.is_some() && role != Role::Core {
            return Err("`leads_to` stands at an interface that is not `core`".to_owned());
        }
        Ok(Self {
            exporter: exporter.ok_or("`exporter` is empty")?,
            index: index.filter(|index| *index != 0).ok_or("`index` is 0, which stands for no interface")?,
            name: row.text("name").map(str::to_owned),
            role,
            neighbour_as: row.read("neighbour_as", AS_NUMBER, autonomous_system)?,
            leads_to,
            sources: row.read_many("sources", "prefixes without host bits", Prefix::parse)?,
        })
    }
}

impl Role {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "edge" => Some(Self::Edge),
            "core" => Some(Self::Core),
            "customer" => Some(Self::Customer),
            _ => None,
        }
    }
}

/// Reads the number of an autonomous system in plain digits, with or without `AS` before it (RFC 5396 section 2). 0 is
/// none (RFC 7607).
pub(crate) fn autonomous_system(text: &str) -> Option<u32> {
    let digits = match text.get(..2) {
        Some(head) if head.eq_ignore_ascii_case("as") => text.get(2..)?,
        _ => text,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|number| *number != 0)
}

/// What the number of an autonomous system is called when it is none.
pub(crate) const AS_NUMBER: &str = "the number of an autonomous system, as 64500 or AS64500";
