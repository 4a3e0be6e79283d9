//! A packet's attributes by dictionary: vendor-specific, extended, long-extended and nested ones taken apart.
//!
//! RFC 2865 section 5.26, RFC 6929 section 2. What cannot be taken apart is kept whole as octets, with a defect; what
//! the dictionary does not know is kept as octets, without one.

use super::{Packet, Value};
use crate::defect::Defect;
use crate::dictionary::{Dictionary, Format, Kind, Oid};

/// One attribute of a packet, or of a detail file's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Which attribute.
    pub oid: Oid,
    /// Its tag, for those that carry one (RFC 2868 section 3).
    pub tag: Option<u8>,
    /// The number of the outermost attribute that it stands in, counted through the packet; TLVs of one attribute share
    /// it. `None` where the source does not tell.
    pub group: Option<u32>,
    /// Offset in the packet of the outermost attribute, or line in the file.
    pub at: u64,
    /// Its value.
    pub value: Value,
}

/// The attributes of a packet, in order, and what was wrong with them.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// The attributes.
    pub fields: Vec<Field>,
    /// What could not be read.
    pub defects: Vec<Defect>,
}

impl Packet<'_> {
    /// The attributes by dictionary.
    pub fn fields(&self, dictionary: &Dictionary) -> Fields {
        let mut walk = Walk { dictionary, out: Fields::default(), group: 0, at: 0 };
        let mut rest: &[(usize, u8, &[u8])] = &self.attributes().collect::<Vec<_>>();
        while let [first, following @ ..] = rest {
            walk.at = first.0 as u64;
            let taken = walk.outermost(first.1, first.2, following);
            walk.group += 1;
            rest = following.get(taken..).unwrap_or(&[]);
        }
        walk.out
    }
}

// ---------------------------------------------------------------------------------------------- Walk

/// The way through a packet.
struct Walk<'d> {
    dictionary: &'d Dictionary,
    out: Fields,
    group: u32,
    at: u64,
}

/// Nested attributes whose lengths do not fit.
struct Malformed;

impl Walk<'_> {
    /// One outermost attribute; says how many of those that follow belong to it.
    fn outermost(&mut self, kind: u8, value: &[u8], following: &[(usize, u8, &[u8])]) -> usize {
        let oid = Oid::plain(kind);
        match self.kind(oid) {
            Some(Kind::VendorSpecific) => return self.vendor_specific(oid, value, following),
            Some(Kind::Extended) => self.extended(oid, value),
            Some(Kind::LongExtended) => return self.long_extended(oid, value, following),
            _ if self.dictionary.attribute(oid).is_some_and(|known| known.flags.joined) => {
                let parts = following.iter().take_while(|(_, other, _)| *other == kind);
                let mut whole = value.to_vec();
                let mut taken = 0;
                for (_, _, part) in parts {
                    whole.extend_from_slice(part);
                    taken += 1;
                }
                self.leaf(oid, &whole);
                return taken;
            }
            _ => self.leaf(oid, value),
        }
        0
    }

    /// RFC 6929 section 2.1: the type's second octet, then the value.
    fn extended(&mut self, oid: Oid, value: &[u8]) {
        match value {
            [kind, inner @ ..] if !inner.is_empty() => self.inner(oid, *kind, inner),
            _ => self.whole(oid, value, "extended attribute is too short"),
        }
    }

    /// RFC 6929 section 2.2: as above with a flags octet; fragments follow each other while `More` is set.
    fn long_extended(&mut self, oid: Oid, value: &[u8], following: &[(usize, u8, &[u8])]) -> usize {
        let [kind, flags, part @ ..] = value else {
            self.whole(oid, value, "long extended attribute is too short");
            return 0;
        };
        let mut whole = part.to_vec();
        let mut more = flags & MORE != 0;
        let mut taken = 0;
        while more {
            match following.get(taken) {
                Some((_, outer, [other, flags, part @ ..])) if Oid::plain(*outer) == oid && other == kind => {
                    whole.extend_from_slice(part);
                    more = flags & MORE != 0;
                    taken += 1;
                }
                _ => {
                    let oid = oid.child(u32::from(*kind)).unwrap_or(oid);
                    self.whole(oid, &whole, "fragmented attribute lacks its last fragment");
                    return taken;
                }
            }
        }
        if whole.is_empty() {
            self.whole(oid, value, "long extended attribute is too short");
        } else {
            self.inner(oid, *kind, &whole);
        }
        taken
    }

    /// What an extended attribute holds: a vendor's attribute (RFC 6929 section 2.4), or any other.
    fn inner(&mut self, outer: Oid, kind: u8, value: &[u8]) {
        let Some(oid) = outer.child(kind.into()) else { return };
        if self.kind(oid) != Some(Kind::ExtendedVendorSpecific) {
            return self.leaf(oid, value);
        }
        let inner = value.split_first_chunk().and_then(|(vendor, rest)| {
            let (kind, value) = rest.split_first()?;
            let oid = oid.child(u32::from_be_bytes(*vendor))?.child((*kind).into())?;
            (!value.is_empty()).then_some((oid, value))
        });
        match inner {
            Some((oid, value)) => self.leaf(oid, value),
            None => self.whole(oid, value, "extended vendor-specific attribute is too short"),
        }
    }

    /// RFC 2865 section 5.26: an enterprise number, then sub-attributes in the vendor's own framing.
    fn vendor_specific(&mut self, outer: Oid, value: &[u8], following: &[(usize, u8, &[u8])]) -> usize {
        let Some((vendor, inner)) = value.split_first_chunk() else {
            self.whole(outer, value, "`Vendor-Specific` is too short");
            return 0;
        };
        let vendor = u32::from_be_bytes(*vendor);
        let Some(oid) = outer.child(vendor) else { return 0 };
        let known = self.dictionary.vendor(vendor);
        let format = known.map(|vendor| vendor.format).unwrap_or_default();
        if format.continued {
            return self.continued(oid, value, following);
        }
        let before = self.out.fields.len();
        let mut rest = inner;
        while !rest.is_empty() {
            let Some((kind, value, behind)) = split(format, rest) else {
                self.out.fields.truncate(before);
                match known {
                    Some(_) => self.whole(oid, inner, "vendor's sub-attributes do not fit"),
                    None => self.push(oid, None, Value::Octets(inner.to_vec())),
                }
                return 0;
            };
            if let Some(oid) = oid.child(kind) {
                self.leaf(oid, value);
            }
            rest = behind;
        }
        0
    }

    /// WiMAX framing: the value of the last sub-attribute goes on in the next attribute while its flag is set.
    fn continued(&mut self, oid: Oid, value: &[u8], following: &[(usize, u8, &[u8])]) -> usize {
        let before = self.out.fields.len();
        let (vendor, mut rest) = value.split_at_checked(4).unwrap_or((value, &[]));
        let mut open: Option<(u8, Vec<u8>)> = None;
        let mut taken = 0;
        while let [kind, length, flags, ..] = rest {
            let Some((own, behind)) = rest.split_at_checked((*length).into()) else { break };
            let Some(part) = own.get(3..) else { break };
            let mut whole = match open.take() {
                None => Vec::new(),
                Some((other, whole)) if other == *kind => whole,
                Some(_) => break,
            };
            whole.extend_from_slice(part);
            if flags & MORE == 0 {
                if let Some(oid) = oid.child((*kind).into()) {
                    self.leaf(oid, &whole);
                }
                if behind.is_empty() {
                    return taken;
                }
                rest = behind;
                continue;
            }
            open = Some((*kind, whole));
            match following.get(taken) {
                Some((_, 26, next)) if behind.is_empty() && next.starts_with(vendor) => {
                    rest = next.get(4..).unwrap_or(&[]);
                }
                _ => break,
            }
            taken += 1;
        }
        self.out.fields.truncate(before);
        self.whole(oid, value.get(4..).unwrap_or(&[]), "vendor's sub-attributes do not fit");
        taken
    }

    /// An attribute with a value of its own, or with nested ones.
    fn leaf(&mut self, oid: Oid, octets: &[u8]) {
        let Some(known) = self.dictionary.attribute(oid) else {
            return self.push(oid, None, Value::Octets(octets.to_vec()));
        };
        if known.kind == Kind::Tlv {
            let before = self.out.fields.len();
            if let Err(Malformed) = self.nested(oid, octets) {
                self.out.fields.truncate(before);
                self.whole(oid, octets, &format!("`{}` holds attributes that do not fit", known.name));
            }
            return;
        }
        if known.flags.hidden_by.is_some() {
            return self.push(oid, None, Value::Octets(octets.to_vec()));
        }
        let (tag, value) = match octets {
            [tag, rest @ ..] if known.flags.tagged && known.kind == Kind::Integer && octets.len() == 4 => {
                let number = rest.iter().fold(0, |n, octet| (n << 8) | u64::from(*octet));
                return self.push(oid, Some(*tag), Value::Unsigned(number));
            }
            [tag @ ..=0x1f, rest @ ..] if known.flags.tagged => (Some(*tag), rest),
            _ => (None, octets),
        };
        let fits = known.flags.length.is_none_or(|length| usize::from(length) == value.len());
        match Value::decode(known.kind, value).filter(|_| fits) {
            Some(value) => self.push(oid, tag, value),
            None => self.whole(oid, octets, &format!("`{}` does not fit its type", known.name)),
        }
    }

    /// RFC 6929 section 2.3; the depth is bounded by that of an [`Oid`].
    fn nested(&mut self, oid: Oid, octets: &[u8]) -> Result<(), Malformed> {
        let mut rest = octets;
        while !rest.is_empty() {
            let (kind, value, behind) = split(Format::default(), rest).ok_or(Malformed)?;
            self.leaf(oid.child(kind).ok_or(Malformed)?, value);
            rest = behind;
        }
        Ok(())
    }

    /// Keeps octets whole and says why.
    fn whole(&mut self, oid: Oid, octets: &[u8], what: &str) {
        self.push(oid, None, Value::Octets(octets.to_vec()));
        self.out.defects.push(Defect::byte(self.at, what));
    }

    fn push(&mut self, oid: Oid, tag: Option<u8>, value: Value) {
        self.out.fields.push(Field { oid, tag, group: Some(self.group), at: self.at, value });
    }

    fn kind(&self, oid: Oid) -> Option<Kind> {
        match (self.dictionary.attribute(oid), oid.parts()) {
            (Some(known), _) => Some(known.kind),
            (None, [26]) => Some(Kind::VendorSpecific),
            _ => None,
        }
    }
}

/// The first sub-attribute: type, value, and what stands behind it.
fn split(format: Format, octets: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let number = |octets: &[u8]| octets.iter().fold(0, |n, octet| (n << 8) | u32::from(*octet));
    let (kind, rest) = octets.split_at_checked(format.type_octets.into())?;
    let (length, rest) = rest.split_at_checked(format.length_octets.into())?;
    if length.is_empty() {
        return Some((number(kind), rest, &[]));
    }
    let own = usize::try_from(number(length)).ok()?.checked_sub(kind.len() + length.len())?;
    let (value, behind) = rest.split_at_checked(own)?;
    Some((number(kind), value, behind))
}

/// The flag that says that the next attribute goes on with this one's value.
const MORE: u8 = 0x80;
