//! The subscriber directory: contracts, what identifies their lines, how well identity is known, how to reach them.
//!
//! What comes in: a table with `subscriber` (contract id) and any of the other columns; several values in one cell
//! are separated by `;`. What goes out: [`SubscriberRow`]s, contact data apart in [`Contact`]. Times of a contract may
//! be whole days in the caller's zone: the first and the last day of the contract. Requirements 15.F1 to 15.F5.

use jiff::tz::TimeZone;

use super::{
    range::Prefix,
    row::{Row, TableRecord},
    time::DateMeans,
    unprinted,
};

/// One contract.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriberRow {
    /// Contract id.
    pub subscriber: String,
    /// Class of the contract or of the person, as the operator names it.
    pub class: Option<String>,
    /// What access records call the line.
    pub lines: LineIds,
    /// First instant of the contract, microseconds since the epoch; `None`: since always.
    pub contract_from_us: Option<i64>,
    /// First instant after it; `None`: open.
    pub contract_until_us: Option<i64>,
    /// How well the person behind the contract is known; `None`: not recorded.
    pub identity_level: Option<IdentityLevel>,
    /// How to reach the person.
    pub contact: Contact,
}

/// The identifiers by which access records name a subscriber's line; each list may be empty.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LineIds {
    /// RADIUS `User-Name`.
    pub logins: Vec<String>,
    /// Hardware addresses.
    pub macs: Vec<[u8; 6]>,
    /// DHCP relay circuit ids (RFC 3046 sub-option 1; DHCPv6 interface ids); `0x…` is hexadecimal, else text.
    pub circuit_ids: Vec<Vec<u8>>,
    /// DHCP relay remote ids (RFC 3046 sub-option 2; RFC 4649 without the enterprise number).
    pub remote_ids: Vec<Vec<u8>>,
    /// SIM identities.
    pub imsis: Vec<String>,
    /// DHCPv6 unique identifiers (RFC 8415 section 11), hexadecimal.
    pub duids: Vec<Vec<u8>>,
    /// DHCPv4 client identifiers, hexadecimal.
    pub client_ids: Vec<Vec<u8>>,
    /// RADIUS `Calling-Station-Id`.
    pub calling_station_ids: Vec<String>,
    /// Addresses inside the access network that are always this line's.
    pub inside_addresses: Vec<Prefix>,
    /// The address space of `inside_addresses`; `None` is the public one.
    pub realm: Option<String>,
}

/// Contact data of a person.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// Name of the contract holder.
    pub name: Option<String>,
    /// Mail addresses.
    pub mail: Vec<String>,
    /// Telephone numbers.
    pub phone: Vec<String>,
    /// Postal address.
    pub postal: Option<String>,
    /// Which channel the person asked for, as the operator names it.
    pub channel: Option<String>,
}

unprinted!(SubscriberRow, LineIds, Contact);

/// How the identity behind a contract was verified, from nothing to in person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityLevel {
    /// `none`: nothing was asked.
    None,
    /// `self-declared`: what the person wrote.
    SelfDeclared,
    /// `card`: a payment card, checked by a person before the line was opened (15.F4).
    Card,
    /// `mail-confirmed`: identity-confirmation mail to the postal address (15.F1).
    MailConfirmed,
    /// `responsible-person`: a corporate member's designated person was verified (15.F2).
    ResponsiblePerson,
    /// `document`: a copy of a licence or similar came with the application (15.F3).
    Document,
    /// `in-person`: a document was seen together with its holder.
    InPerson,
}

impl IdentityLevel {
    /// All levels with their words in tables.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("none", Self::None),
        ("self-declared", Self::SelfDeclared),
        ("card", Self::Card),
        ("mail-confirmed", Self::MailConfirmed),
        ("responsible-person", Self::ResponsiblePerson),
        ("document", Self::Document),
        ("in-person", Self::InPerson),
    ];

    /// Reads a level's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, level)| *level)
    }

    /// The level's word.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, level)| *level == self).map_or("", |(word, _)| word)
    }
}

impl TableRecord for SubscriberRow {
    const COLUMNS: &'static [&'static str] = &[
        "subscriber",
        "class",
        "login",
        "mac",
        "circuit_id",
        "remote_id",
        "imsi",
        "duid",
        "client_id",
        "calling_station_id",
        "inside_address",
        "realm",
        "name",
        "mail",
        "phone",
        "postal",
        "contact_channel",
        "contract_from",
        "contract_until",
        "identity_level",
    ];
    const REQUIRED: &'static [&'static str] = &["subscriber"];

    fn from_row(row: &Row, zone: Option<&TimeZone>) -> Result<Self, String> {
        let contract_from_us = row.day("contract_from", zone, DateMeans::Start)?;
        let contract_until_us = row.day("contract_until", zone, DateMeans::End)?;
        if let (Some(from), Some(until)) = (contract_from_us, contract_until_us)
            && until < from
        {
            return Err("`contract_until` is before `contract_from`".to_owned());
        }
        let text = |column: &str| row.text(column).map(str::to_owned);
        let texts = |column: &str| row.read_many(column, "text", |value| Some(value.to_owned()));
        Ok(Self {
            subscriber: row.need("subscriber")?.to_owned(),
            class: text("class"),
            lines: LineIds {
                logins: texts("login")?,
                macs: row.read_many("mac", "a MAC address", parse_mac)?,
                circuit_ids: row.read_many("circuit_id", "text or hexadecimal", parse_opaque)?,
                remote_ids: row.read_many("remote_id", "text or hexadecimal", parse_opaque)?,
                imsis: row.read_many("imsi", "an IMSI", parse_imsi)?,
                duids: row.read_many("duid", "hexadecimal", parse_hex)?,
                client_ids: row.read_many("client_id", "hexadecimal", parse_hex)?,
                calling_station_ids: texts("calling_station_id")?,
                inside_addresses: row.read_many("inside_address", "an address or prefix", Prefix::parse)?,
                realm: text("realm"),
            },
            contract_from_us,
            contract_until_us,
            identity_level: row.read("identity_level", "a known level", IdentityLevel::parse)?,
            contact: Contact {
                name: text("name"),
                mail: texts("mail")?,
                phone: texts("phone")?,
                postal: text("postal"),
                channel: text("contact_channel"),
            },
        })
    }
}

/// Reads an Ethernet address: `02:00:5e:10:00:01`, with `-` for `:`, in dotted triples, or bare.
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let form_fits = match text.len() {
        17 => [b':', b'-']
            .iter()
            .any(|mark| text.bytes().enumerate().all(|(at, byte)| (at % 3 == 2) == (byte == *mark))),
        14 => text.bytes().enumerate().all(|(at, byte)| (at % 5 == 4) == (byte == b'.')),
        12 => true,
        _ => false,
    };
    if !form_fits {
        return None;
    }
    let digits: String = text.chars().filter(|mark| !matches!(mark, ':' | '-' | '.')).collect();
    hex_pairs(&digits)?.try_into().ok()
}

/// Reads hexadecimal octets: `0x0001`, `0001`, `00:01`, and `0:1` as dhcpd prints them. Never empty.
pub fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if !text.contains([':', '-']) {
        return hex_pairs(text);
    }
    let parts = text.split([':', '-']).map(|part| match part.len() {
        1 | 2 if part.bytes().all(|byte| byte.is_ascii_hexdigit()) => u8::from_str_radix(part, 16).ok(),
        _ => None,
    });
    parts.collect()
}

/// `0x…` is hexadecimal, anything else is the text's own octets.
fn parse_opaque(text: &str) -> Option<Vec<u8>> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => hex_pairs(hex),
        None => Some(text.as_bytes().to_vec()),
    }
}

fn hex_pairs(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

/// 6 to 15 digits (ITU-T E.212).
fn parse_imsi(text: &str) -> Option<String> {
    let fits = (6..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.to_owned())
}
