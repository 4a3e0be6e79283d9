//! IPv4 over IPv6 by rule: MAP-E mapping rules (RFC 7597) and lightweight 4over6 bindings (RFC 7596).
//!
//! What comes in: tables `rule_ipv6_prefix,rule_ipv4_prefix,ea_length,psid_offset,psid_length,br_address,from,until,
//! realm` and `b4_ipv6,ipv4,psid,psid_length,psid_offset,from,until,realm`. What goes out: [`MapRule`]s and
//! [`SoftwireBinding`]s that are consistent in themselves. The arithmetic from port to prefix is not done here.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::tz::TimeZone;

use super::{
    range::Prefix,
    row::{Row, TableRecord},
    unprinted,
};

/// A basic mapping rule (RFC 7597 section 5).
#[derive(Clone, PartialEq, Eq)]
pub struct MapRule {
    /// Rule IPv6 prefix.
    pub ipv6: Prefix,
    /// Rule IPv4 prefix.
    pub ipv4: Prefix,
    /// Length of the embedded address bits.
    pub ea_length: u8,
    /// PSID offset, a; 6 when the table leaves it empty (RFC 7597 section 5.1).
    pub psid_offset: u8,
    /// PSID length, k: what the embedded bits leave behind the IPv4 suffix, or as given when nothing is embedded.
    pub psid_length: u8,
    /// The border relay's address.
    pub br_address: Option<Ipv6Addr>,
    /// From when the rule was in force, microseconds since the epoch; `None`: since always.
    pub from_us: Option<i64>,
    /// Until when (not included); `None`: open.
    pub until_us: Option<i64>,
    /// The address space of the IPv6 side; `None` is the public one.
    pub realm: Option<String>,
}

/// One line of a lightweight AFTR's binding table (RFC 7596 section 6).
#[derive(Clone, PartialEq, Eq)]
pub struct SoftwireBinding {
    /// The subscriber's IPv6 tunnel address or prefix.
    pub b4: Prefix,
    /// The outside IPv4 address.
    pub ipv4: Ipv4Addr,
    /// Which port set.
    pub psid: u16,
    /// PSID length in bits; 0: all ports.
    pub psid_length: u8,
    /// PSID offset; 0 when the table leaves it empty (RFC 7596 section 5.1).
    pub psid_offset: u8,
    /// From when, microseconds since the epoch; `None`: since always.
    pub from_us: Option<i64>,
    /// Until when (not included); `None`: open.
    pub until_us: Option<i64>,
    /// The address space of the IPv6 side; `None` is the public one.
    pub realm: Option<String>,
}

unprinted!(MapRule, SoftwireBinding);

impl TableRecord for MapRule {
    const COLUMNS: &'static [&'static str] = &[
        "rule_ipv6_prefix",
        "rule_ipv4_prefix",
        "ea_length",
        "psid_offset",
        "psid_length",
        "br_address",
        "from",
        "until",
        "realm",
    ];
    const REQUIRED: &'static [&'static str] = &["rule_ipv6_prefix", "rule_ipv4_prefix", "ea_length"];

    fn from_row(row: &Row, zone: Option<&TimeZone>) -> Result<Self, String> {
        let ipv6 = prefix(row, "rule_ipv6_prefix", "an IPv6 prefix without host bits", Family::V6)?;
        let ipv4 = prefix(row, "rule_ipv4_prefix", "an IPv4 prefix without host bits", Family::V4)?;
        let ea_length: u8 = row.number("ea_length")?.ok_or("`ea_length` is empty")?;
        // RFC 7597 section 5.2: at most 48 embedded bits, inside the IPv6 address.
        if ea_length > 48 || u16::from(ea_length) + u16::from(ipv6.len) > 128 {
            return Err("`ea_length` is too large".to_owned());
        }
        let psid_offset: u8 = row.number("psid_offset")?.unwrap_or(6);
        let given: Option<u8> = row.number("psid_length")?;
        let embedded = ea_length.saturating_sub(32 - ipv4.len);
        let psid_length = match given {
            Some(given) if ea_length > 0 && given != embedded => {
                return Err("`psid_length` contradicts `ea_length` and `rule_ipv4_prefix`".to_owned());
            }
            Some(given) => given,
            None => embedded,
        };
        check_port_set(psid_offset, psid_length)?;
        let (from_us, until_us) = row.period("from", "until", zone)?;
        Ok(Self {
            ipv6,
            ipv4,
            ea_length,
            psid_offset,
            psid_length,
            br_address: row.read("br_address", "an IPv6 address", |text| text.parse().ok())?,
            from_us,
            until_us,
            realm: row.text("realm").map(str::to_owned),
        })
    }
}

impl TableRecord for SoftwireBinding {
    const COLUMNS: &'static [&'static str] =
        &["b4_ipv6", "ipv4", "psid", "psid_length", "psid_offset", "from", "until", "realm"];
    const REQUIRED: &'static [&'static str] = &["b4_ipv6", "ipv4"];

    fn from_row(row: &Row, zone: Option<&TimeZone>) -> Result<Self, String> {
        let b4 = prefix(row, "b4_ipv6", "an IPv6 address or prefix without host bits", Family::V6)?;
        let ipv4 = row.read("ipv4", "an IPv4 address", |text| text.parse().ok())?;
        let psid_length: u8 = row.number("psid_length")?.unwrap_or(0);
        let psid_offset: u8 = row.number("psid_offset")?.unwrap_or(0);
        let psid: Option<u16> = row.number("psid")?;
        check_port_set(psid_offset, psid_length)?;
        let psid = match psid {
            Some(psid) if u32::from(psid) >> psid_length != 0 => {
                return Err("`psid` does not fit `psid_length`".to_owned());
            }
            Some(psid) => psid,
            None if psid_length == 0 => 0,
            None => return Err("`psid` is empty".to_owned()),
        };
        let (from_us, until_us) = row.period("from", "until", zone)?;
        Ok(Self {
            b4,
            ipv4: ipv4.ok_or("`ipv4` is empty")?,
            psid,
            psid_length,
            psid_offset,
            from_us,
            until_us,
            realm: row.text("realm").map(str::to_owned),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

fn prefix(row: &Row, column: &str, kind: &str, family: Family) -> Result<Prefix, String> {
    let read =
        |text: &str| Prefix::parse(text).filter(|prefix| prefix.address.is_ipv4() == (family == Family::V4));
    row.read(column, kind, read)?.ok_or_else(|| format!("`{column}` is empty"))
}

/// A port has 16 bits: offset and PSID share them (RFC 7597 section 5.1).
fn check_port_set(psid_offset: u8, psid_length: u8) -> Result<(), String> {
    match u16::from(psid_offset) + u16::from(psid_length) {
        0..=16 => Ok(()),
        _ => Err("`psid_offset` and `psid_length` together exceed 16 bits".to_owned()),
    }
}
