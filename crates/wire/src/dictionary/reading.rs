//! Reads dictionary files line by line into a [`Dictionary`].

use super::{Attribute, Dictionary, Flags, Format, Kind, Oid, VENDOR_SPECIFIC, Vendor, number};
use crate::defect::Defect;

/// Reads `text` and what it includes.
pub(super) fn read(
    dictionary: &mut Dictionary,
    text: &str,
    include: &mut dyn FnMut(&str) -> Option<String>,
) -> Vec<Defect> {
    let mut defects = Vec::new();
    read_file(dictionary, text, include, &mut defects, "", 0);
    defects
}

/// Reads one file; `file` is empty for the outermost one.
fn read_file(
    dictionary: &mut Dictionary,
    text: &str,
    include: &mut dyn FnMut(&str) -> Option<String>,
    defects: &mut Vec<Defect>,
    file: &str,
    depth: usize,
) {
    let mut scope = Scope::default();
    let mut line = 0;
    for raw in text.lines() {
        line += 1;
        let words: Vec<&str> = raw.split('#').next().unwrap_or("").split_whitespace().collect();
        let fault = match words.as_slice() {
            [] => continue,
            ["$INCLUDE", name, ..] | ["$INCLUDE-", name, ..] if depth < MAX_INCLUDES => match include(name) {
                Some(text) => {
                    read_file(dictionary, &text, include, defects, name, depth + 1);
                    continue;
                }
                // The form with a dash may be missing.
                None if words.first() == Some(&"$INCLUDE-") => Ok(()),
                None => Err("`$INCLUDE` is not available here"),
            },
            ["$INCLUDE", ..] => Err("`$INCLUDE` without a name, or nested too deeply"),
            ["ATTRIBUTE", rest @ ..] => attribute(dictionary, &scope, rest),
            ["VALUE", rest @ ..] => value(dictionary, rest),
            ["VENDOR", rest @ ..] => vendor(dictionary, rest),
            [keyword, rest @ ..] => scope.turn(dictionary, keyword, rest),
        };
        if let Err(what) = fault {
            defects.push(Defect::line(line, located(file, what)));
        }
    }
    if scope.vendor.is_some() || !scope.tlvs.is_empty() {
        defects.push(Defect::line(line, located(file, "`BEGIN-VENDOR` or `BEGIN-TLV` is not closed")));
    }
}

/// The text of a defect, with the included file's name where there is one.
fn located(file: &str, what: &str) -> String {
    if file.is_empty() { what.to_owned() } else { format!("in `{file}`: {what}") }
}

// ---------------------------------------------------------------------------------------------- Scope

/// Which vendor and which TLVs the lines stand in.
#[derive(Default)]
struct Scope {
    vendor: Option<(u32, Oid)>,
    tlvs: Vec<Oid>,
}

impl Scope {
    /// The identifier that numbers are relative to.
    fn base(&self) -> Option<Oid> {
        self.tlvs.last().copied().or(self.vendor.map(|(_, oid)| oid))
    }

    /// Opens or closes a block.
    fn turn(&mut self, dictionary: &Dictionary, keyword: &str, rest: &[&str]) -> Result<(), &'static str> {
        match (keyword, rest) {
            ("BEGIN-VENDOR", [name, options @ ..]) => {
                if self.vendor.is_some() || !self.tlvs.is_empty() {
                    return Err("`BEGIN-VENDOR` inside another block");
                }
                let number = dictionary.find_vendor(name).ok_or("`BEGIN-VENDOR` of an unknown vendor")?;
                let parent = match options {
                    [] => Oid::plain(26),
                    [option, ..] => option
                        .strip_prefix("format=")
                        .or_else(|| option.strip_prefix("parent="))
                        .and_then(|name| dictionary.find(name))
                        .ok_or("`BEGIN-VENDOR` with an unknown parent attribute")?,
                };
                self.vendor = Some((number, parent.child(number).ok_or(TOO_DEEP)?));
                Ok(())
            }
            ("END-VENDOR", [name, ..]) => {
                let number = dictionary.find_vendor(name);
                if number.is_none()
                    || self.vendor.map(|(number, _)| number) != number
                    || !self.tlvs.is_empty()
                {
                    return Err("`END-VENDOR` does not close the block that is open");
                }
                self.vendor = None;
                Ok(())
            }
            ("BEGIN-TLV", [name, ..]) => {
                let oid = dictionary.find(name).ok_or("`BEGIN-TLV` of an unknown attribute")?;
                if dictionary.attribute(oid).is_none_or(|attribute| attribute.kind != Kind::Tlv) {
                    return Err("`BEGIN-TLV` of an attribute that is not a `tlv`");
                }
                self.tlvs.push(oid);
                Ok(())
            }
            ("END-TLV", [name, ..]) => {
                if self.tlvs.last().copied() != dictionary.find(name) || self.tlvs.pop().is_none() {
                    return Err("`END-TLV` does not close the block that is open");
                }
                Ok(())
            }
            ("BEGIN-VENDOR" | "END-VENDOR" | "BEGIN-TLV" | "END-TLV", []) => Err("block without a name"),
            _ => Err("unknown keyword"),
        }
    }
}

// ---------------------------------------------------------------------------------------------- lines

/// `ATTRIBUTE name number type [flags] [vendor]`
fn attribute(dictionary: &mut Dictionary, scope: &Scope, rest: &[&str]) -> Result<(), &'static str> {
    let [name, numbers, kind, options @ ..] = rest else {
        return Err("`ATTRIBUTE` needs a name, a number and a type");
    };
    let (kind, length) = kind_of(kind)?;
    let mut flags = Flags { length, ..Flags::default() };
    let mut base = scope.base();
    for word in options.iter().flat_map(|word| word.split(',')) {
        match word.split_once('=') {
            Some(("encrypt", method)) => {
                flags.hidden_by = Some(method.parse().map_err(|_| "`encrypt` is not a number")?);
            }
            None if word == "has_tag" => flags.tagged = true,
            None if word == "concat" => flags.joined = true,
            None if word == "array" => flags.array = true,
            None => {
                // The older form names the vendor at the end of the line.
                if let Some(vendor) = dictionary.find_vendor(word) {
                    base = Oid::new(&[VENDOR_SPECIFIC, vendor]);
                }
            }
            // Flags of later servers do not change how a value is read.
            Some(_) => {}
        }
    }
    let own = Oid::parse(numbers).ok_or("attribute number is not a number, or nested too deeply")?;
    let oid = match base {
        None => own,
        Some(base) => own.parts().iter().try_fold(base, |oid, part| oid.child(*part)).ok_or(TOO_DEEP)?,
    };
    let lower = name.to_ascii_lowercase();
    let twice = dictionary.names.get(&lower).is_some_and(|known| *known != oid);
    dictionary.names.insert(lower, oid);
    dictionary.attributes.insert(oid, Attribute { name: (*name).to_owned(), oid, kind, flags });
    if twice { Err("attribute name is already taken by another number") } else { Ok(()) }
}

/// `VALUE attribute name number`
fn value(dictionary: &mut Dictionary, rest: &[&str]) -> Result<(), &'static str> {
    let [attribute, name, value, ..] = rest else {
        return Err("`VALUE` needs an attribute, a name and a number");
    };
    let value = match value.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => value.parse(),
    };
    let value = value.map_err(|_| "`VALUE` is not a number")?;
    let names = dictionary.values.entry(attribute.to_ascii_lowercase()).or_default();
    names.insert(name.to_ascii_lowercase(), value);
    Ok(())
}

/// `VENDOR name number [format=type,length[,c]]`
fn vendor(dictionary: &mut Dictionary, rest: &[&str]) -> Result<(), &'static str> {
    let [name, digits, options @ ..] = rest else {
        return Err("`VENDOR` needs a name and a number");
    };
    let number = number(digits).ok_or("vendor number is not a number")?;
    let mut format = Format::default();
    for option in options {
        let text = option.strip_prefix("format=").ok_or("unknown option of `VENDOR`")?;
        let parts: Vec<&str> = text.split(',').collect();
        let (sizes, continued) = match parts.as_slice() {
            [sizes @ .., "c"] => (sizes, true),
            sizes => (sizes, false),
        };
        format = match sizes {
            [kind @ ("1" | "2" | "4"), length @ ("0" | "1" | "2")] => {
                let octets = |text: &str| text.parse().unwrap_or(1);
                Format { type_octets: octets(kind), length_octets: octets(length), continued }
            }
            _ => return Err("`format` of a vendor is not one of the known ones"),
        };
    }
    dictionary.vendor_names.insert(name.to_ascii_lowercase(), number);
    dictionary.vendors.insert(number, Vendor { name: (*name).to_owned(), number, format });
    Ok(())
}

/// The type named, and its fixed length when the name carries one.
fn kind_of(text: &str) -> Result<(Kind, Option<u16>), &'static str> {
    let (name, length) = match text.split_once('[') {
        None => (text, None),
        Some((name, rest)) => {
            let digits = rest.strip_suffix(']').ok_or("length of a type is not closed")?;
            (name, Some(digits.parse().map_err(|_| "length of a type is not a number")?))
        }
    };
    let kind = match name.to_ascii_lowercase().as_str() {
        "string" | "text" => Kind::Text,
        "octets" | "abinary" | "concat" => Kind::Octets,
        "ipaddr" | "ipv4addr" => Kind::Ipv4,
        "ipv6addr" => Kind::Ipv6,
        "combo-ip" | "comboip" => Kind::Ip,
        "ipv4prefix" => Kind::Ipv4Prefix,
        "ipv6prefix" => Kind::Ipv6Prefix,
        "ifid" => Kind::InterfaceId,
        "byte" | "uint8" => Kind::Byte,
        "short" | "uint16" => Kind::Short,
        "integer" | "uint32" | "enum" => Kind::Integer,
        "integer64" | "uint64" => Kind::Integer64,
        "signed" | "int32" => Kind::Signed,
        "date" | "time" => Kind::Date,
        "ether" => Kind::Ether,
        "tlv" => Kind::Tlv,
        "vsa" => Kind::VendorSpecific,
        "extended" => Kind::Extended,
        "long-extended" => Kind::LongExtended,
        "evs" => Kind::ExtendedVendorSpecific,
        _ => return Err("unknown attribute type"),
    };
    Ok((kind, length))
}

const TOO_DEEP: &str = "attribute is nested too deeply";

/// Deepest nesting of included files.
const MAX_INCLUDES: usize = 8;
