//! Makes RADIUS packets: requests with their authenticators, answers, status queries.

use super::{
    AUTHENTICATOR, Code, HEADER, MAX_PACKET, MESSAGE_AUTHENTICATOR, Packet, Value, digest, message_digest,
};
use crate::dictionary::{Dictionary, Format, Kind, Oid};

/// A packet that is being written.
#[derive(Clone)]
pub struct Writer {
    bytes: Vec<u8>,
}

/// How a packet proves where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By its authenticator alone (RFC 2866 section 3).
    Authenticator,
    /// By a Message-Authenticator too (RFC 3579 section 3.2).
    MessageAuthenticator,
}

impl Writer {
    /// An empty packet.
    pub fn new(code: Code, identifier: u8) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes.splice(..2, [code.0, identifier]);
        Self { bytes }
    }

    /// Adds a plain attribute of at most 253 octets.
    pub fn raw(&mut self, kind: u8, octets: &[u8]) -> Result<&mut Self, EncodeError> {
        let length = u8::try_from(octets.len() + 2).map_err(|_| EncodeError::Long)?;
        if self.bytes.len() + octets.len() + 2 > MAX_PACKET {
            return Err(EncodeError::Full);
        }
        self.bytes.extend([kind, length]);
        self.bytes.extend_from_slice(octets);
        Ok(self)
    }

    /// Adds an attribute by its dictionary type (octets where the dictionary does not know it), framed as its place says.
    pub fn put(
        &mut self,
        dictionary: &Dictionary,
        oid: Oid,
        value: &Value,
    ) -> Result<&mut Self, EncodeError> {
        let kind = dictionary.attribute(oid).map_or(Kind::Octets, |known| known.kind);
        let octets = value.encode(kind).ok_or(EncodeError::Type)?;
        self.frame(dictionary, oid, octets)
    }

    /// Adds a TLV that holds these attributes (RFC 6929 section 2.3); each is named by its number within the TLV.
    pub fn put_tlv(
        &mut self,
        dictionary: &Dictionary,
        oid: Oid,
        members: &[(u8, Value)],
    ) -> Result<&mut Self, EncodeError> {
        let mut octets = Vec::new();
        for (member, value) in members {
            let oid = oid.child((*member).into()).ok_or(EncodeError::Place)?;
            let kind = dictionary.attribute(oid).map_or(Kind::Octets, |known| known.kind);
            octets.extend(sub(
                Format::default(),
                (*member).into(),
                &value.encode(kind).ok_or(EncodeError::Type)?,
            )?);
        }
        self.frame(dictionary, oid, octets)
    }

    /// The octets of an Accounting-Request, or of another request signed like one.
    pub fn request(mut self, secret: &[u8], proof: Proof) -> Result<Vec<u8>, EncodeError> {
        self.sign(&[0; AUTHENTICATOR], secret, proof)?;
        let authenticator = digest(&self.bytes, &[0; AUTHENTICATOR], secret);
        Ok(self.sealed(authenticator))
    }

    /// The octets of a Status-Server, whose authenticator is sixteen random octets (RFC 5997 section 3).
    pub fn status_query(
        mut self,
        random: [u8; AUTHENTICATOR],
        secret: &[u8],
    ) -> Result<Vec<u8>, EncodeError> {
        self.sign(&random, secret, Proof::MessageAuthenticator)?;
        Ok(self.sealed(random))
    }

    /// The octets of an answer to `request` (RFC 2866 section 3: Response Authenticator).
    pub fn response(
        mut self,
        request: &Packet<'_>,
        secret: &[u8],
        proof: Proof,
    ) -> Result<Vec<u8>, EncodeError> {
        self.bytes.splice(1..2, [request.identifier()]);
        self.sign(request.authenticator(), secret, proof)?;
        let authenticator = digest(&self.bytes, request.authenticator(), secret);
        Ok(self.sealed(authenticator))
    }

    /// Adds a Message-Authenticator where asked, and writes the length.
    fn sign(
        &mut self,
        authenticator: &[u8; AUTHENTICATOR],
        secret: &[u8],
        proof: Proof,
    ) -> Result<(), EncodeError> {
        let offset = self.bytes.len();
        if proof == Proof::MessageAuthenticator {
            self.raw(MESSAGE_AUTHENTICATOR, &[0; AUTHENTICATOR])?;
        }
        let length = u16::try_from(self.bytes.len()).map_err(|_| EncodeError::Full)?;
        self.bytes.splice(2..4, length.to_be_bytes());
        if proof == Proof::MessageAuthenticator {
            let value = message_digest(&self.bytes, offset, authenticator, secret);
            self.bytes.splice(offset + 2.., value);
        }
        Ok(())
    }

    fn sealed(mut self, authenticator: [u8; AUTHENTICATOR]) -> Vec<u8> {
        self.bytes.splice(4..HEADER, authenticator);
        self.bytes
    }

    /// Frames a value as its place says, from the inside out.
    fn frame(
        &mut self,
        dictionary: &Dictionary,
        oid: Oid,
        octets: Vec<u8>,
    ) -> Result<&mut Self, EncodeError> {
        let plain = |number: u32| u8::try_from(number).map_err(|_| EncodeError::Place);
        match oid.parts() {
            [kind] => {
                let joined = dictionary.attribute(oid).is_some_and(|known| known.flags.joined);
                if !joined {
                    return self.raw(plain(*kind)?, &octets);
                }
                for part in octets.chunks(MAX_VALUE) {
                    self.raw(plain(*kind)?, part)?;
                }
                Ok(self)
            }
            [26, vendor, kind, inner @ ..] => {
                let octets = nest(inner, octets)?;
                let format = dictionary.vendor(*vendor).map(|vendor| vendor.format).unwrap_or_default();
                let value = [vendor.to_be_bytes().as_slice(), &sub(format, *kind, &octets)?].concat();
                self.raw(26, &value)
            }
            [outer @ 241..=246, 26, vendor, kind, inner @ ..] => {
                let octets = nest(inner, octets)?;
                let value = [vendor.to_be_bytes().as_slice(), &[plain(*kind)?], &octets].concat();
                self.extended(plain(*outer)?, 26, &value)
            }
            [outer @ 241..=246, kind, inner @ ..] => {
                let octets = nest(inner, octets)?;
                self.extended(plain(*outer)?, plain(*kind)?, &octets)
            }
            _ => Err(EncodeError::Place),
        }
    }

    /// RFC 6929 sections 2.1 and 2.2.
    fn extended(&mut self, outer: u8, kind: u8, octets: &[u8]) -> Result<&mut Self, EncodeError> {
        if octets.is_empty() {
            return Err(EncodeError::Type);
        }
        if outer < 245 {
            return self.raw(outer, &[&[kind], octets].concat());
        }
        let mut parts = octets.chunks(MAX_VALUE - 2).peekable();
        while let Some(part) = parts.next() {
            let more = if parts.peek().is_some() { 0x80 } else { 0 };
            self.raw(outer, &[&[kind, more], part].concat())?;
        }
        Ok(self)
    }
}

/// Why an attribute cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The value is of another type than the dictionary's.
    #[error("value does not fit the attribute's type")]
    Type,
    /// The value is longer than an attribute can hold.
    #[error("value is longer than its attribute can hold")]
    Long,
    /// The packet would exceed 4,096 octets.
    #[error("packet would be longer than 4096 octets")]
    Full,
    /// The identifier does not name a place in a packet.
    #[error("attribute number has no place in a packet")]
    Place,
}

/// Wraps a value in the TLVs of these numbers, outermost first.
fn nest(numbers: &[u32], octets: Vec<u8>) -> Result<Vec<u8>, EncodeError> {
    numbers.iter().rev().try_fold(octets, |octets, number| sub(Format::default(), *number, &octets))
}

/// A sub-attribute: type, length, the continuation octet of a vendor that has one, value.
fn sub(format: Format, kind: u32, octets: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let cut = |number: u32, width: u8| {
        let whole = number.to_be_bytes();
        let (unused, used) =
            whole.split_at_checked(4_usize.saturating_sub(width.into())).ok_or(EncodeError::Place)?;
        if unused.iter().any(|octet| *octet != 0) { Err(EncodeError::Place) } else { Ok(used.to_vec()) }
    };
    let continued: &[u8] = if format.continued { &[0] } else { &[] };
    let header = usize::from(format.type_octets + format.length_octets) + continued.len();
    let length = u32::try_from(header + octets.len()).map_err(|_| EncodeError::Long)?;
    let length = if format.length_octets == 0 {
        Vec::new()
    } else {
        cut(length, format.length_octets).map_err(|_| EncodeError::Long)?
    };
    Ok([&cut(kind, format.type_octets)?, &length, continued, octets].concat())
}

/// Most octets of a plain attribute's value.
const MAX_VALUE: usize = 253;
