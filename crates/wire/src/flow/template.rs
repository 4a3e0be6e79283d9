//! Templates of NetFlow v9 (RFC 3954 sections 5.2 and 6.1) and IPFIX (RFC 7011 section 3.4): read once, compiled to a
//! layout, kept in a bounded store.
//!
//! A template of fixed-length fields becomes a list of offsets and one record length; one that holds a
//! variable-length field (RFC 7011 section 7) is walked field by field. What a reader wants of a template is compiled
//! beside it, once, as the plan `P` of the store.

use std::collections::HashMap;

use crate::{
    Defect,
    flow::message::{Set, Version, u16_at, u32_at},
};

/// An information element: enterprise number (0 for IANA's) and element number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Element {
    pub enterprise: u32,
    pub id: u16,
}

/// One field of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub element: Element,
    pub length: Length,
    /// The scope types 1 to 5 of a v9 options template are another number space (RFC 3954 section 6.1).
    pub space: Space,
}

/// How long a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Fixed(u16),
    Variable,
}

/// Which numbers a field's element is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Element,
    V9Scope,
}

/// What a template's records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Data,
    Options,
}

/// A template as announced, with its layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub id: u16,
    pub purpose: Purpose,
    pub fields: Box<[Field]>,
    pub layout: Layout,
}

/// How records of a template lie in their set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Every record has this many bytes.
    Fixed(usize),
    /// No record is shorter than this.
    Variable(usize),
}

/// What a template set says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Announcement {
    Define(Template),
    /// IPFIX template withdrawal (RFC 7011 section 8.1).
    Withdraw(u16),
    /// Withdrawal of all templates of this purpose.
    WithdrawAll(Purpose),
}

impl Template {
    pub(super) fn new(id: u16, purpose: Purpose, fields: Vec<Field>) -> Self {
        let mut least = 0_usize;
        let mut variable = false;
        for field in &fields {
            match field.length {
                Length::Fixed(len) => least += usize::from(len),
                // Even an empty value has its one length octet.
                Length::Variable => {
                    least += 1;
                    variable = true;
                }
            }
        }
        let layout = if variable { Layout::Variable(least) } else { Layout::Fixed(least) };
        Self { id, purpose, fields: fields.into_boxed_slice(), layout }
    }
}

/// What kind of set an id announces, if it announces templates at all.
pub(super) fn purpose_of(version: Version, set_id: u16) -> Option<Purpose> {
    match (version, set_id) {
        (Version::NetFlow9, 0) | (Version::Ipfix, 2) => Some(Purpose::Data),
        (Version::NetFlow9, 1) | (Version::Ipfix, 3) => Some(Purpose::Options),
        _ => None,
    }
}

/// Reads all templates of a template set or options template set. A set that does not come out even is refused whole: a
/// number of fields that lies cuts one template short and begins another within it.
pub(super) fn read(
    version: Version,
    purpose: Purpose,
    set: &Set<'_>,
    max_fields: usize,
    defects: &mut Vec<Defect>,
) -> Vec<Announcement> {
    let mut found = Vec::new();
    let mut cursor = Cursor { bytes: set.body, at: 0 };
    while cursor.left() >= 4 {
        let start = set.offset + cursor.at;
        match read_one(version, purpose, &mut cursor, max_fields) {
            Ok(Some(announcement)) => found.push(announcement),
            // Padding: a template id of 0.
            Ok(None) => break,
            Err(what) => {
                defects.push(Defect::byte(start as u64, what));
                found.clear();
                break;
            }
        }
    }
    found
}

fn read_one(
    version: Version,
    purpose: Purpose,
    cursor: &mut Cursor<'_>,
    max_fields: usize,
) -> Result<Option<Announcement>, &'static str> {
    const CUT: &str = "set ends inside a template";
    let id = cursor.u16().ok_or(CUT)?;
    if id == 0 {
        return Ok(None);
    }
    let first = cursor.u16().ok_or(CUT)?;
    if version == Version::Ipfix && first == 0 {
        return Ok(Some(match id {
            2 => Announcement::WithdrawAll(Purpose::Data),
            3 => Announcement::WithdrawAll(Purpose::Options),
            _ => Announcement::Withdraw(id),
        }));
    }
    if id < FIRST_DATA_SET {
        return Err("template id is below 256");
    }
    let (scopes, total) = match (purpose, version) {
        (Purpose::Data, _) => (0, usize::from(first)),
        (Purpose::Options, Version::Ipfix) => (usize::from(cursor.u16().ok_or(CUT)?), usize::from(first)),
        // v9 gives both lengths in bytes, four a field.
        (Purpose::Options, Version::NetFlow5 | Version::NetFlow9) => {
            let options = usize::from(cursor.u16().ok_or(CUT)?);
            if first % 4 != 0 || options % 4 != 0 {
                return Err("length of an options template is not one of whole fields");
            }
            (usize::from(first) / 4, usize::from(first) / 4 + options / 4)
        }
    };
    if scopes > total {
        return Err("options template has more scopes than fields");
    }
    if total > max_fields {
        return Err("template has more fields than are kept");
    }
    if total.saturating_mul(4) > cursor.left() {
        return Err(CUT);
    }
    let mut fields = Vec::with_capacity(total);
    for n in 0..total {
        let id = cursor.u16().ok_or(CUT)?;
        let len = cursor.u16().ok_or(CUT)?;
        let length = match (version, len) {
            (Version::Ipfix, 0xffff) => Length::Variable,
            _ => Length::Fixed(len),
        };
        // Only IPFIX has the enterprise bit (RFC 7011 section 3.2); v9 element numbers use all 16 bits.
        let element = if version == Version::Ipfix && id & 0x8000 != 0 {
            Element { enterprise: cursor.u32().ok_or(CUT)?, id: id & 0x7fff }
        } else {
            Element { enterprise: 0, id }
        };
        let v9_scope = version == Version::NetFlow9 && n < scopes && id <= LAST_V9_SCOPE;
        fields.push(Field { element, length, space: if v9_scope { Space::V9Scope } else { Space::Element } });
    }
    Ok(Some(Announcement::Define(Template::new(id, purpose, fields))))
}

/// Templates of one stream, each with what was compiled from it.
#[derive(Debug)]
pub(super) struct Store<P> {
    entries: HashMap<u16, (Template, P)>,
    fields: usize,
    /// Whether any template was ever withdrawn or announced with another layout.
    changed: bool,
}

/// What became of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defined {
    /// First seen, or announced again with another layout.
    New,
    /// The same as before.
    Same,
    /// The store is full.
    Refused,
}

/// Whether a template may stand for another layout than its id did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newness {
    First,
    MayReplace,
}

impl<P> Store<P> {
    pub(super) fn new() -> Self {
        Self { entries: HashMap::new(), fields: 0, changed: false }
    }

    pub(super) fn define(
        &mut self,
        template: Template,
        max_templates: usize,
        max_fields: usize,
        compile: impl FnOnce(&Template, Newness) -> P,
    ) -> Defined {
        let old = self.entries.get(&template.id).map(|(old, _)| (*old == template, old.fields.len()));
        let freed = match old {
            Some((true, _)) => return Defined::Same,
            Some((false, len)) => len,
            None => 0,
        };
        let fields = self.fields - freed + template.fields.len();
        if (old.is_none() && self.entries.len() >= max_templates) || fields > max_fields {
            // A template of which we know only that it has changed must not be used any more.
            self.withdraw(template.id);
            return Defined::Refused;
        }
        self.fields = fields;
        self.changed |= old.is_some();
        let newness = if self.changed { Newness::MayReplace } else { Newness::First };
        let plan = compile(&template, newness);
        self.entries.insert(template.id, (template, plan));
        Defined::New
    }

    pub(super) fn withdraw(&mut self, id: u16) {
        if let Some((old, _)) = self.entries.remove(&id) {
            self.changed = true;
            self.fields -= old.fields.len();
        }
    }

    pub(super) fn withdraw_all(&mut self, purpose: Purpose) {
        self.entries.retain(|_, (template, _)| template.purpose != purpose);
        self.changed = true;
        self.fields = self.entries.values().map(|(template, _)| template.fields.len()).sum();
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.fields = 0;
    }

    pub(super) fn get(&self, id: u16) -> Option<&(Template, P)> {
        self.entries.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Template, P)> {
        self.entries.values()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Fields of all of them together.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }
}

/// Length of a variable-length value at an offset, and where the value begins (RFC 7011 section 7).
pub(super) fn variable_length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let short = *bytes.get(at)?;
    if short < 255 {
        return Some((usize::from(short), at + 1));
    }
    Some((usize::from(u16_at(bytes, at + 1)?), at + 3))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    fn u16(&mut self) -> Option<u16> {
        let value = u16_at(self.bytes, self.at)?;
        self.at += 2;
        Some(value)
    }

    fn u32(&mut self) -> Option<u32> {
        let value = u32_at(self.bytes, self.at)?;
        self.at += 4;
        Some(value)
    }
}

/// Sets with lower ids announce templates or are reserved.
pub(super) const FIRST_DATA_SET: u16 = 256;
const LAST_V9_SCOPE: u16 = 5;
