//! RADIUS accounting: packets in and out, and the accounting record that packets and detail files have in common.
//!
//! What comes in: a datagram, and the secret shared with its sender. What goes out: a [`Packet`] whose framing holds
//! (RFC 2865 section 3), the word on its authenticators (RFC 2866 section 3, RFC 3579 section 3.2, RFC 5997), its
//! attributes by dictionary (RFC 6929 too), and an [`Accounting`] record. [`Writer`] makes packets. Nothing here opens a
//! socket; a malformed packet is an error, a malformed attribute a defect that leaves the others as they are.
//!
//! Attribute values are elements of communications: `Debug` of what holds them shows `[..]` in their place.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

mod accounting;
pub mod detail;
mod fields;
mod gather;
mod ports;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use accounting::{Accounting, Prefix, Status, text};
pub use fields::{Field, Fields};
pub use ports::{Allocation, Origin, PortRange};
pub use value::Value;
pub use write::{EncodeError, Proof, Writer};

// ---------------------------------------------------------------------------------------------- Packet

/// A RADIUS packet whose framing has been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Exactly the octets that the length field counts.
    bytes: &'a [u8],
    head: Head,
}

/// The fixed part of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head {
    code: Code,
    identifier: u8,
    authenticator: [u8; AUTHENTICATOR],
}

impl<'a> Packet<'a> {
    /// Checks the framing of a datagram: its length field (20 to 4,096), padding behind it (ignored), and that the
    /// attributes fill the packet exactly (RFC 2865 sections 3 and 5).
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let [code, identifier, high, low, ..] = *datagram else {
            return Err(PacketError::Short { have: datagram.len() });
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(HEADER..=MAX_PACKET).contains(&length) {
            return Err(PacketError::Length { length });
        }
        let bytes = datagram.get(..length).ok_or(PacketError::Truncated { length, have: datagram.len() })?;
        let authenticator = bytes.get(4..).and_then(|rest| rest.first_chunk()).copied();
        let authenticator = authenticator.ok_or(PacketError::Short { have: datagram.len() })?;
        let packet = Self { bytes, head: Head { code: Code(code), identifier, authenticator } };
        let mut offset = HEADER;
        while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
            match *rest {
                [_, length, ..] if length >= 2 && rest.len() >= usize::from(length) => {
                    offset += usize::from(length)
                }
                _ => return Err(PacketError::Attribute { offset }),
            }
        }
        Ok(packet)
    }

    /// What kind of packet it is.
    pub fn code(&self) -> Code {
        self.head.code
    }

    /// The number that ties a response to its request.
    pub fn identifier(&self) -> u8 {
        self.head.identifier
    }

    /// The authenticator as it stands in the packet.
    pub fn authenticator(&self) -> &[u8; AUTHENTICATOR] {
        &self.head.authenticator
    }

    /// The packet's octets without padding.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The attributes as framed: offset in the packet, type, value.
    pub fn attributes(&self) -> impl Iterator<Item = (usize, u8, &'a [u8])> + use<'a> {
        let bytes = self.bytes;
        let mut offset = HEADER;
        std::iter::from_fn(move || {
            let rest = bytes.get(offset..)?;
            let (kind, length) = (*rest.first()?, usize::from(*rest.get(1)?));
            let value = rest.get(2..length)?;
            let at = offset;
            offset += length;
            Some((at, kind, value))
        })
    }

    /// Checks that a request comes from who holds `secret`.
    ///
    /// An Accounting-Request (and the other requests signed alike: Disconnect and CoA) must carry the Request
    /// Authenticator of RFC 2866 section 3; a Status-Server must carry a Message-Authenticator (RFC 5997 section 3).
    /// A Message-Authenticator is verified wherever it stands.
    pub fn verify_request(&self, secret: &[u8]) -> Result<(), AuthError> {
        if secret.is_empty() {
            return Err(AuthError::EmptySecret);
        }
        match self.code() {
            Code::ACCOUNTING_REQUEST | Code::DISCONNECT_REQUEST | Code::COA_REQUEST => {
                let expected = digest(self.bytes, &[0; AUTHENTICATOR], secret);
                equal(&expected, self.authenticator(), AuthError::Authenticator)?;
                self.verify_message(&[0; AUTHENTICATOR], secret).map(|_| ())
            }
            Code::STATUS_SERVER => match self.verify_message(self.authenticator(), secret)? {
                Signed::Yes => Ok(()),
                Signed::No => Err(AuthError::Unsigned),
            },
            _ => Err(AuthError::Code),
        }
    }

    /// Checks that this is the answer to `request` by who holds `secret`: same identifier, Response Authenticator of
    /// RFC 2866 section 3, and Message-Authenticator where one stands.
    pub fn verify_response(&self, request: &Packet<'_>, secret: &[u8]) -> Result<(), AuthError> {
        if secret.is_empty() {
            return Err(AuthError::EmptySecret);
        }
        if self.identifier() != request.identifier() {
            return Err(AuthError::Identifier);
        }
        let expected = digest(self.bytes, request.authenticator(), secret);
        equal(&expected, self.authenticator(), AuthError::Authenticator)?;
        self.verify_message(request.authenticator(), secret).map(|_| ())
    }

    /// Verifies the Message-Authenticator with `authenticator` in the header's place (RFC 3579 section 3.2).
    fn verify_message(
        &self,
        authenticator: &[u8; AUTHENTICATOR],
        secret: &[u8],
    ) -> Result<Signed, AuthError> {
        let mut found = self.attributes().filter(|(_, kind, _)| *kind == MESSAGE_AUTHENTICATOR);
        let Some((offset, _, value)) = found.next() else { return Ok(Signed::No) };
        if value.len() != AUTHENTICATOR || found.next().is_some() {
            return Err(AuthError::MessageAuthenticator);
        }
        let expected = message_digest(self.bytes, offset, authenticator, secret);
        equal(&expected, value, AuthError::MessageAuthenticator).map(|()| Signed::Yes)
    }
}

impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.bytes.len();
        write!(
            f,
            "Packet {{ code: {:?}, identifier: {}, octets: {octets}, [..] }}",
            self.code(),
            self.identifier()
        )
    }
}

/// Whether a Message-Authenticator stood in the packet.
enum Signed {
    Yes,
    No,
}

// ---------------------------------------------------------------------------------------------- Code

/// The kind of a packet (RFC 2865 section 3, RFC 2866 section 3, RFC 5997, RFC 5176).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u8);

impl Code {
    /// Accounting-Request.
    pub const ACCOUNTING_REQUEST: Self = Self(4);
    /// Accounting-Response.
    pub const ACCOUNTING_RESPONSE: Self = Self(5);
    /// Status-Server.
    pub const STATUS_SERVER: Self = Self(12);
    /// Disconnect-Request.
    pub const DISCONNECT_REQUEST: Self = Self(40);
    /// CoA-Request.
    pub const COA_REQUEST: Self = Self(43);
}

// ---------------------------------------------------------------------------------------------- errors

/// Why a datagram is not a RADIUS packet; it is to be dropped without an answer (RFC 2865 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Shorter than a header.
    #[error("datagram of {have} octets is shorter than a RADIUS header")]
    Short {
        /// Octets received.
        have: usize,
    },
    /// The length field is out of bounds.
    #[error("length field {length} is not within 20 to 4096")]
    Length {
        /// What the field says.
        length: usize,
    },
    /// The length field counts more than was received.
    #[error("length field {length} counts more than the {have} octets received")]
    Truncated {
        /// What the field says.
        length: usize,
        /// Octets received.
        have: usize,
    },
    /// An attribute's length is under two, or runs over the end.
    #[error("attribute at byte {offset} has a length that does not fit the packet")]
    Attribute {
        /// Where the attribute starts.
        offset: usize,
    },
}

/// Why a packet is not believed; it is to be dropped without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The secret has no octets (RFC 2865 section 3 forbids it).
    #[error("shared secret is empty")]
    EmptySecret,
    /// The Request or Response Authenticator is another: wrong secret, or changed on the way.
    #[error("authenticator does not verify")]
    Authenticator,
    /// The Message-Authenticator is another, has a wrong length, or stands twice.
    #[error("`Message-Authenticator` does not verify")]
    MessageAuthenticator,
    /// A packet that must carry a Message-Authenticator has none.
    #[error("`Message-Authenticator` is missing")]
    Unsigned,
    /// The response answers another request.
    #[error("identifier is not that of the request")]
    Identifier,
    /// Not a kind of request that can be verified here.
    #[error("packet code is not one of an accounting request or a status query")]
    Code,
}

// ---------------------------------------------------------------------------------------------- digests

/// MD5 over the packet with `authenticator` in the header's place, then the secret (RFC 2866 section 3).
fn digest(packet: &[u8], authenticator: &[u8; AUTHENTICATOR], secret: &[u8]) -> [u8; AUTHENTICATOR] {
    let mut md5 = Md5::new();
    md5.update(packet.get(..4).unwrap_or(&[]));
    md5.update(authenticator);
    md5.update(packet.get(HEADER..).unwrap_or(&[]));
    md5.update(secret);
    md5.finalize().into()
}

/// HMAC-MD5 over the packet, `authenticator` in the header's place and zeros in the Message-Authenticator at `offset`.
fn message_digest(
    packet: &[u8],
    offset: usize,
    authenticator: &[u8; AUTHENTICATOR],
    secret: &[u8],
) -> [u8; AUTHENTICATOR] {
    // HMAC takes a key of any length, so that the error cannot arise.
    let Ok(mut hmac) = Hmac::<Md5>::new_from_slice(secret) else { return [0; AUTHENTICATOR] };
    let value = offset + 2;
    hmac.update(packet.get(..4).unwrap_or(&[]));
    hmac.update(authenticator);
    hmac.update(packet.get(HEADER..value).unwrap_or(&[]));
    hmac.update(&[0; AUTHENTICATOR]);
    hmac.update(packet.get(value + AUTHENTICATOR..).unwrap_or(&[]));
    hmac.finalize().into_bytes().into()
}

/// Compares in constant time.
fn equal(a: &[u8], b: &[u8], otherwise: AuthError) -> Result<(), AuthError> {
    verify_slices_are_equal(a, b).map_err(|_| otherwise)
}

/// Octets of code, identifier, length and authenticator.
pub const HEADER: usize = 20;

/// Most octets of a packet (RFC 2865 section 3).
pub const MAX_PACKET: usize = 4096;

/// Octets of an authenticator.
pub const AUTHENTICATOR: usize = 16;

/// Type of the Message-Authenticator attribute.
const MESSAGE_AUTHENTICATOR: u8 = 80;
