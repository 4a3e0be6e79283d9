//! Venue records: who sat where, from when to when (Internet café, hotel, Wi-Fi).
//!
//! What comes in: a table or JSON lines with `venue,seat,customer,entered,left,address` and optionally
//! `mac,port_from,port_to,realm,identity_checked,identity_document`. What goes out: [`VenueStay`]s. Requirement 6.F2:
//! entry and exit time, and which computer, with the verification of identity.

use jiff::tz::TimeZone;

use super::{
    range::parse_address,
    row::{Row, TableRecord},
    subscribers::parse_mac,
    unprinted,
};

/// One stay of one customer at one seat, room or access point.
#[derive(Clone, PartialEq, Eq)]
pub struct VenueStay {
    /// The house.
    pub venue: String,
    /// The seat, room or terminal in it; `None` where there is none, as on Wi-Fi.
    pub seat: Option<String>,
    /// The venue's own id of the customer.
    pub customer: String,
    /// When the customer came, microseconds since the epoch.
    pub entered_us: i64,
    /// When the customer left; `None`: not yet, or not recorded.
    pub left_us: Option<i64>,
    /// The seat's address, if it has one of its own.
    pub address: Option<std::net::IpAddr>,
    /// The ports that are the seat's when the address is shared; `None`: all.
    pub ports: Option<(u16, u16)>,
    /// The customer's device.
    pub mac: Option<[u8; 6]>,
    /// The address space of `address`; `None` is the public one.
    pub realm: Option<String>,
    /// Whether the venue checked who the customer is; `None`: not recorded.
    pub identity_checked: Option<bool>,
    /// By which kind of document.
    pub identity_document: Option<String>,
}

unprinted!(VenueStay);

impl TableRecord for VenueStay {
    const COLUMNS: &'static [&'static str] = &[
        "venue",
        "seat",
        "customer",
        "entered",
        "left",
        "address",
        "mac",
        "port_from",
        "port_to",
        "realm",
        "identity_checked",
        "identity_document",
    ];
    const REQUIRED: &'static [&'static str] = &["venue", "customer", "entered"];

    fn from_row(row: &Row, zone: Option<&TimeZone>) -> Result<Self, String> {
        let (entered, left_us) = row.period("entered", "left", zone)?;
        let address = row.read("address", "an address", parse_address)?;
        let ports = match (row.number::<u16>("port_from")?, row.number::<u16>("port_to")?) {
            (None, None) => None,
            (Some(first), Some(last)) if first <= last => Some((first, last)),
            (Some(_), Some(_)) => return Err("`port_to` is below `port_from`".to_owned()),
            (Some(_), None) => return Err("`port_to` is empty".to_owned()),
            (None, Some(_)) => return Err("`port_from` is empty".to_owned()),
        };
        if ports.is_some() && address.is_none() {
            return Err("`address` is empty".to_owned());
        }
        Ok(Self {
            venue: row.need("venue")?.to_owned(),
            seat: row.text("seat").map(str::to_owned),
            customer: row.need("customer")?.to_owned(),
            entered_us: entered.ok_or("`entered` is empty")?,
            left_us,
            address,
            ports,
            mac: row.read("mac", "a MAC address", parse_mac)?,
            realm: row.text("realm").map(str::to_owned),
            identity_checked: row.read("identity_checked", "yes or no", parse_yes_no)?,
            identity_document: row.text("identity_document").map(str::to_owned),
        })
    }
}

fn parse_yes_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}
