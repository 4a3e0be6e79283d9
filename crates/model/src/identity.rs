//! Who a line belongs to, in the words of the record that says so.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A contract id in the operator's subscriber directory: a pseudonym until disclosed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubscriberId(pub String);

impl fmt::Debug for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[subscriber]")
    }
}

/// What kind of name a record gives to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityKind {
    /// The contract id itself (static tables, venues).
    Contract,
    /// RADIUS User-Name (RFC 2865, 5.1).
    Login,
    /// RADIUS Class (RFC 2865, 5.25), as text where it is text, else as hexadecimal.
    Class,
    /// International mobile subscriber identity (3GPP TS 29.061).
    Imsi,
    /// Relay agent circuit id (RFC 3046), hexadecimal.
    CircuitId,
    /// Relay agent remote id (RFC 3046), hexadecimal.
    RemoteId,
    /// DHCPv6 unique identifier (RFC 8415), hexadecimal.
    Duid,
    /// DHCP client identifier (RFC 2132, 9.14), hexadecimal.
    ClientId,
    /// Calling-Station-Id (RFC 2865, 5.31), as logged.
    CallingStation,
    /// Hardware address, lower-case with colons.
    HardwareAddress,
    /// IPv6 address or prefix of a softwire's far end (RFC 6333, RFC 7596, RFC 7597).
    Softwire,
    /// Customer of a venue, as the venue names them.
    VenueCustomer,
    /// Seat, terminal or room of a venue.
    Seat,
    /// The inside address itself, where no further record says whose it was.
    InsideAddress,
}

impl IdentityKind {
    /// Every kind, the surest name of a contract first: the order in which a directory is asked.
    pub const ALL: [Self; 14] = [
        Self::Contract,
        Self::Login,
        Self::Class,
        Self::Imsi,
        Self::CircuitId,
        Self::RemoteId,
        Self::Duid,
        Self::ClientId,
        Self::CallingStation,
        Self::HardwareAddress,
        Self::Softwire,
        Self::VenueCustomer,
        Self::Seat,
        Self::InsideAddress,
    ];

    /// The kind's name in JSON and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Login => "login",
            Self::Class => "class",
            Self::Imsi => "imsi",
            Self::CircuitId => "circuit-id",
            Self::RemoteId => "remote-id",
            Self::Duid => "duid",
            Self::ClientId => "client-id",
            Self::CallingStation => "calling-station",
            Self::HardwareAddress => "hardware-address",
            Self::Softwire => "softwire",
            Self::VenueCustomer => "venue-customer",
            Self::Seat => "seat",
            Self::InsideAddress => "inside-address",
        }
    }
}

/// One name of a line, as a record gives it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// What kind of name.
    pub kind: IdentityKind,
    /// The name.
    pub value: String,
}

impl Identity {
    /// A name of the given kind.
    pub fn new(kind: IdentityKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into() }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.kind.as_str())
    }
}
