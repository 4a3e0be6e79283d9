//! RADIUS dictionaries: which number is which attribute, of which type, and what its values are called.
//!
//! What comes in: text in the FreeRADIUS dictionary file format (`ATTRIBUTE`, `VALUE`, `VENDOR`, `BEGIN-VENDOR`,
//! `BEGIN-TLV`, `$INCLUDE`). What goes out: a [`Dictionary`] to look attributes up by object identifier or by name,
//! and a list of defects for lines that could not be read. It never opens a file: a `$INCLUDE` is answered by the
//! caller's callback. The built-in dictionary covers what session evidence needs (RFC 2865, 2866, 2867, 2869, 3162,
//! 4372, 4818, 6911, 6929, 8045, and the vendors named in `dictionaries/vendors`).

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use crate::defect::Defect;

mod reading;
#[cfg(test)]
mod tests;

// ---------------------------------------------------------------------------------------------- Dictionary

/// Attributes, vendors and names of values, as read from dictionary files.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    attributes: HashMap<Oid, Attribute>,
    /// Lower-case name to identifier; several names may mean one attribute.
    names: HashMap<String, Oid>,
    vendors: HashMap<u32, Vendor>,
    vendor_names: HashMap<String, u32>,
    /// By lower-case attribute name, then lower-case value name.
    values: HashMap<String, HashMap<String, u64>>,
}

impl Dictionary {
    /// The dictionary that is compiled in.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Dictionary> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let mut dictionary = Self::default();
            for (_, text) in BUILTIN_FILES {
                // A test holds that our own files are free of defects.
                dictionary.read(text, &mut |_| None);
            }
            dictionary
        })
    }

    /// Adds what a dictionary file defines; a later definition of the same number or name wins.
    ///
    /// `include` is asked for the text behind each `$INCLUDE`; `None` makes that line a defect. Includes nest to a
    /// bounded depth. Defects of an included file name the file in their text and count its lines.
    pub fn read(&mut self, text: &str, include: &mut dyn FnMut(&str) -> Option<String>) -> Vec<Defect> {
        reading::read(self, text, include)
    }

    /// The attribute at an object identifier.
    pub fn attribute(&self, oid: Oid) -> Option<&Attribute> {
        self.attributes.get(&oid)
    }

    /// The identifier behind a name (letter case does not matter), or behind the numbered forms that servers print
    /// for what they do not know: `Attr-26.10415.1`, `Vendor-10415-Attr-1`, `Unknown-Attr-200`, `26.10415.1`.
    pub fn find(&self, name: &str) -> Option<Oid> {
        let lower = name.to_ascii_lowercase();
        if let Some(oid) = self.names.get(&lower) {
            return Some(*oid);
        }
        let bare = lower.strip_prefix("unknown-").or_else(|| lower.strip_prefix("raw.")).unwrap_or(&lower);
        let bare = bare.strip_prefix("attribute-").or_else(|| bare.strip_prefix("attr-")).unwrap_or(bare);
        if let Some((vendor, number)) =
            bare.strip_prefix("vendor-").and_then(|rest| rest.split_once("-attr-"))
        {
            return Oid::new(&[VENDOR_SPECIFIC, vendor.parse().ok()?, number.parse().ok()?]);
        }
        if let Some(oid) = Oid::parse(bare) {
            return Some(oid);
        }
        self.find_dotted(bare)
    }

    /// A vendor by its enterprise number.
    pub fn vendor(&self, number: u32) -> Option<&Vendor> {
        self.vendors.get(&number)
    }

    /// The enterprise number behind a vendor's name (letter case does not matter).
    pub fn find_vendor(&self, name: &str) -> Option<u32> {
        self.vendor_names.get(&name.to_ascii_lowercase()).copied()
    }

    /// The number behind a value's name, for the attribute named (letter case does not matter).
    pub fn value(&self, attribute: &str, name: &str) -> Option<u64> {
        self.values.get(&attribute.to_ascii_lowercase())?.get(&name.to_ascii_lowercase()).copied()
    }

    /// How many attributes are known.
    pub fn len(&self) -> usize {
        self.attributes.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// `Vendor-Specific.Vendor.Name` and `Parent.Child`, as FreeRADIUS 4 prints nested attributes.
    fn find_dotted(&self, lower: &str) -> Option<Oid> {
        let (rest, last) = lower.rsplit_once('.')?;
        let vendor = rest.rsplit('.').next().and_then(|name| self.find_vendor(name));
        let own = self.names.get(last).copied();
        let Some(vendor) = vendor else { return own };
        if own.is_some_and(|oid| oid.vendor() == Some(vendor)) {
            return own;
        }
        let name = rest.rsplit('.').next()?;
        self.names.get(&format!("{name}-{last}")).copied().filter(|oid| oid.vendor() == Some(vendor))
    }
}

// ---------------------------------------------------------------------------------------------- Oid

/// Where an attribute stands: type, then vendor and vendor type, extended type, or nested types (RFC 6929 section 2.7).
///
/// A vendor-specific attribute is `26.vendor.type`, an extended one `241.type`, an extended vendor-specific one
/// `241.26.vendor.type`; a TLV adds one number a level. At most eight numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    len: u8,
    parts: [u32; MAX_DEPTH],
}

impl Oid {
    /// An identifier of these numbers; `None` when there are none, or more than eight.
    pub fn new(parts: &[u32]) -> Option<Self> {
        let mut oid = Self { len: 0, parts: [0; MAX_DEPTH] };
        for part in parts {
            oid = oid.child(*part)?;
        }
        (oid.len > 0).then_some(oid)
    }

    /// A plain attribute of RFC 2865.
    pub const fn plain(number: u8) -> Self {
        Self { len: 1, parts: [number as u32, 0, 0, 0, 0, 0, 0, 0] }
    }

    /// The identifier one level below; `None` when that is too deep.
    #[must_use]
    pub fn child(mut self, part: u32) -> Option<Self> {
        *self.parts.get_mut(usize::from(self.len))? = part;
        self.len += 1;
        Some(self)
    }

    /// Reads the dotted form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut oid = Self { len: 0, parts: [0; MAX_DEPTH] };
        for part in text.split('.') {
            oid = oid.child(number(part)?)?;
        }
        Some(oid)
    }

    /// The numbers, outermost first.
    pub fn parts(&self) -> &[u32] {
        self.parts.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The enterprise number, when this is a vendor's attribute.
    pub fn vendor(&self) -> Option<u32> {
        match self.parts() {
            [VENDOR_SPECIFIC, vendor, ..] | [241..=246, VENDOR_SPECIFIC, vendor, ..] => Some(*vendor),
            _ => None,
        }
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts().iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            write!(f, "{dot}{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// ---------------------------------------------------------------------------------------------- Attribute, Vendor

/// What a dictionary says of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub oid: Oid,
    /// The type of its value.
    pub kind: Kind,
    /// What else the line says.
    pub flags: Flags,
}

/// The flags of an `ATTRIBUTE` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// The value starts with a tag (`has_tag`, RFC 2868 section 3).
    pub tagged: bool,
    /// The method the value is hidden by (`encrypt=1` to `3`); such values stay octets.
    pub hidden_by: Option<u8>,
    /// Consecutive instances are one value (`concat`).
    pub joined: bool,
    /// One instance holds several values (`array`).
    pub array: bool,
    /// The fixed length of the value in octets (`octets[2]`).
    pub length: Option<u16>,
}

/// The data types of RFC 8044 section 3, and those that dictionary files add to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text; not always UTF-8 in the field, and so kept as octets.
    Text,
    /// Octets without further meaning.
    Octets,
    /// IPv4 address, four octets.
    Ipv4,
    /// IPv6 address, sixteen octets.
    Ipv6,
    /// IPv4 or IPv6 address, told apart by length.
    Ip,
    /// IPv4 prefix (RFC 8044 section 3.11).
    Ipv4Prefix,
    /// IPv6 prefix (RFC 3162 section 2.3).
    Ipv6Prefix,
    /// Interface identifier, eight octets.
    InterfaceId,
    /// Unsigned, one octet.
    Byte,
    /// Unsigned, two octets.
    Short,
    /// Unsigned, four octets.
    Integer,
    /// Unsigned, eight octets.
    Integer64,
    /// Signed, four octets.
    Signed,
    /// Seconds since 1970-01-01 00:00:00 UTC, four octets.
    Date,
    /// MAC address, six octets.
    Ether,
    /// Nested attributes (RFC 6929 section 2.3).
    Tlv,
    /// Vendor-specific (RFC 2865 section 5.26).
    VendorSpecific,
    /// Extended (RFC 6929 section 2.1).
    Extended,
    /// Long extended (RFC 6929 section 2.2).
    LongExtended,
    /// Extended vendor-specific (RFC 6929 section 2.4).
    ExtendedVendorSpecific,
}

/// A vendor and the shape of its sub-attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    /// Its name.
    pub name: String,
    /// Its enterprise number.
    pub number: u32,
    /// How its sub-attributes are framed.
    pub format: Format,
}

/// How a vendor frames its sub-attributes (`format=type,length[,c]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Octets of the type: 1, 2 or 4.
    pub type_octets: u8,
    /// Octets of the length: 0, 1 or 2.
    pub length_octets: u8,
    /// A continuation octet follows the length (WiMAX).
    pub continued: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self { type_octets: 1, length_octets: 1, continued: false }
    }
}

/// A number, decimal or `0x` hexadecimal; no sign.
fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// Type 26.
const VENDOR_SPECIFIC: u32 = 26;

/// Most numbers in an identifier, and so the deepest nesting that is followed.
pub const MAX_DEPTH: usize = 8;

/// Our own dictionary files, in reading order.
const BUILTIN_FILES: [(&str, &str); 2] = [
    ("standards", include_str!("../dictionaries/standards")),
    ("vendors", include_str!("../dictionaries/vendors")),
];
