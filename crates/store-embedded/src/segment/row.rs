//! An assignment with its names replaced by numbers, and the order in which rows lie in a segment.
//!
//! What comes in: assignments. What goes out: rows of fixed size whose holder and origin are numbers of a dictionary.
//! Rows lie by shape, address, lowest port and beginning, so that a point question reads one short run of each shape.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use tadoru_model::{
    Assignment, Edge, Holder, How, Identity, IdentityKind, PortRange, Prefix, Protocol, Realm, RecordKind,
    Remote, SourceName, UtcMicros,
};
use tadoru_store::assignments::translation_thread;

use super::bits::{put_varint, take_varint};

/// Family, prefix length and size of the port range: what a point question must know to look at one place only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Shape(pub u16);

impl Shape {
    /// The shape of a prefix with these ports.
    pub fn of(prefix: Prefix, ports: PortRange) -> Self {
        let size = ports.count().next_power_of_two().trailing_zeros() as u16;
        let family = u16::from(prefix.addr().is_ipv6());
        Self(family << 13 | u16::from(prefix.len()) << 5 | size)
    }

    /// Whether it is of IPv6.
    pub const fn is_v6(self) -> bool {
        self.0 & 1 << 13 != 0
    }

    /// Prefix length in bits.
    pub const fn prefix_len(self) -> u8 {
        (self.0 >> 5) as u8
    }

    /// Whether rows of this shape may exist: the length fits the family and the ports fit 16 bits.
    pub const fn is_sound(self) -> bool {
        self.0 < 1 << 14 && self.prefix_len() <= self.width() && self.0 & 31 <= 16
    }

    /// Bits of the family's addresses.
    const fn width(self) -> u8 {
        if self.is_v6() { 128 } else { 32 }
    }

    /// The number of the network that `addr` lies in, `None` when it is of the other family.
    pub fn net_of(self, addr: IpAddr) -> Option<u128> {
        let bits = match addr {
            IpAddr::V4(a) if !self.is_v6() => u128::from(a.to_bits()),
            IpAddr::V6(a) if self.is_v6() => a.to_bits(),
            _ => return None,
        };
        Some(bits.checked_shr(u32::from(self.width().saturating_sub(self.prefix_len()))).unwrap_or(0))
    }

    /// The prefix with that network number; `None` when the number is too large.
    pub fn prefix_of(self, net: u128) -> Option<Prefix> {
        let shift = u32::from(self.width().saturating_sub(self.prefix_len()));
        let bits = net.checked_shl(shift).unwrap_or(0);
        let addr = if self.is_v6() {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits).ok()?))
        };
        Prefix::covering(addr, self.prefix_len()).ok()
    }

    /// The lowest and highest first port of a range of this shape that can contain `port`.
    pub fn lows(self, port: Option<u16>) -> (u16, u16) {
        match port {
            None => (0, u16::MAX),
            Some(port) => {
                let reach = (1_u32 << (self.0 & 31).min(16)) - 1;
                (u16::try_from(u32::from(port).saturating_sub(reach)).unwrap_or(0), port)
            }
        }
    }
}

/// What many rows share: which record kind of which source said it, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Kind of record.
    pub kind: RecordKind,
    /// Protocol.
    pub proto: Protocol,
    /// How the beginning is known.
    pub from: How,
    /// How the end is known.
    pub until: How,
    /// Address plan.
    pub realm: Realm,
    /// Source.
    pub source: SourceName,
}

impl Origin {
    /// The origin of `row`.
    pub fn of(row: &Assignment) -> Self {
        Self {
            kind: row.kind,
            proto: row.proto,
            from: row.from.how,
            until: row.until.how,
            realm: row.realm.clone(),
            source: row.source.clone(),
        }
    }

    /// The same with names of its own in memory.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { realm: Realm::from(&*self.realm.0), source: SourceName::from(&*self.source.0), ..self.clone() }
    }

    /// Whether it is the origin of `row`.
    pub fn is_of(&self, row: &Assignment) -> bool {
        self.kind == row.kind
            && self.proto == row.proto
            && self.from == row.from.how
            && self.until == row.until.how
            && same(&self.source.0, &row.source.0)
            && same(&self.realm.0, &row.realm.0)
    }

    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend([kind_code(self.kind), self.proto.0, how_code(self.from), how_code(self.until)]);
        put_text(out, &self.realm.0);
        put_text(out, &self.source.0);
    }

    /// Takes it off the front.
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        *bytes = rest;
        let [kind, proto, from, until] = *head;
        Some(Self {
            kind: *RecordKind::ALL.get(usize::from(kind))?,
            proto: Protocol(proto),
            from: *How::ALL.get(usize::from(from))?,
            until: *How::ALL.get(usize::from(until))?,
            realm: Realm::from(take_text(bytes)?.as_str()),
            source: SourceName::from(take_text(bytes)?.as_str()),
        })
    }
}

/// A row whose holder and origin are numbers of a dictionary.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Network number of the prefix, see [`Shape::net_of`].
    pub net: u128,
    /// Address of the far side; 0 when there is none.
    pub far: u128,
    /// [`How`] it began: not before, µs.
    pub from_earliest: i64,
    /// Not after, µs.
    pub from_latest: i64,
    /// It ended not before, µs.
    pub until_earliest: i64,
    /// Not after, µs.
    pub until_latest: i64,
    /// Place in the source.
    pub record: u64,
    /// Clock correction, µs.
    pub corrected: i64,
    /// Thread; 0 where `thread_rule` tells it.
    pub thread: u64,
    /// Number of the holder.
    pub holder: u32,
    /// Number of the origin.
    pub origin: u32,
    /// 0 for no far side, else 1 + family (0, 1) + 2 × (port + 1, or 0 when not told).
    pub far_tag: u32,
    /// 0 for no inside port, else port + 1.
    pub inside: u32,
    /// Shape.
    pub shape: Shape,
    /// Lowest port.
    pub low: u16,
    /// Highest port.
    pub high: u16,
    /// How the thread is told.
    pub thread_rule: ThreadRule,
}

/// How a row's thread is told. The threads of translations are numbers of eight bytes that look random, but follow from
/// the row itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum ThreadRule {
    /// As such.
    #[default]
    Told,
    /// It is [`translation_thread`] of the row's latest beginning.
    OfBeginning,
    /// It is [`translation_thread`] of the row's latest end: its beginning was counted back from there.
    OfEnd,
}

impl ThreadRule {
    /// The rule of `row`.
    fn of(row: &Assignment) -> Self {
        if row.thread == 0 || !row.kind.translates() {
            Self::Told
        } else if row.thread == translation_thread(row, row.from.latest) {
            Self::OfBeginning
        } else if row.thread == translation_thread(row, row.until.latest) {
            Self::OfEnd
        } else {
            Self::Told
        }
    }

    /// The rule with that number in files.
    pub const fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(Self::Told),
            1 => Some(Self::OfBeginning),
            2 => Some(Self::OfEnd),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[row]")
    }
}

impl Row {
    /// The row of `assignment` with these numbers.
    pub fn of(assignment: &Assignment, holder: u32, origin: u32) -> Self {
        let shape = Shape::of(assignment.prefix, assignment.ports);
        let (far, far_tag) = match assignment.remote {
            None => (0, 0),
            Some(Remote { addr, port }) => {
                let (bits, family) = match addr {
                    IpAddr::V4(a) => (u128::from(a.to_bits()), 0),
                    IpAddr::V6(a) => (a.to_bits(), 1),
                };
                (bits, 1 + family + 2 * port.map_or(0, |p| u32::from(p) + 1))
            }
        };
        let inside = match assignment.holder {
            Holder::Inside { port: Some(port), .. } => u32::from(port) + 1,
            _ => 0,
        };
        let thread_rule = ThreadRule::of(assignment);
        Self {
            net: shape.net_of(assignment.prefix.addr()).unwrap_or(0),
            far,
            from_earliest: assignment.from.earliest.0,
            from_latest: assignment.from.latest.0,
            until_earliest: assignment.until.earliest.0,
            until_latest: assignment.until.latest.0,
            record: assignment.record,
            corrected: assignment.corrected_us,
            thread: if thread_rule == ThreadRule::Told { assignment.thread } else { 0 },
            holder,
            origin,
            far_tag,
            inside,
            shape,
            low: assignment.ports.low,
            high: assignment.ports.high,
            thread_rule,
        }
    }

    /// The assignment again; `None` when a number is out of its range (a damaged page).
    pub fn to_assignment(&self, origin: &Origin, holder: Holder) -> Option<Assignment> {
        let holder = match (holder, self.inside) {
            (Holder::Inside { realm, prefix, .. }, inside) => {
                let port = if inside == 0 { None } else { Some(u16::try_from(inside - 1).ok()?) };
                Holder::Inside { realm, prefix, port }
            }
            (line, _) => line,
        };
        let remote = if self.far_tag == 0 {
            None
        } else {
            let (family, port) = ((self.far_tag - 1) & 1, (self.far_tag - 1) >> 1);
            let addr = if family == 1 {
                IpAddr::V6(Ipv6Addr::from_bits(self.far))
            } else {
                IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(self.far).ok()?))
            };
            Some(Remote { addr, port: if port == 0 { None } else { Some(u16::try_from(port - 1).ok()?) } })
        };
        let mut assignment = Assignment {
            kind: origin.kind,
            realm: origin.realm.clone(),
            prefix: self.shape.prefix_of(self.net)?,
            ports: PortRange::new(self.low, self.high)?,
            proto: origin.proto,
            remote,
            holder,
            from: edge(self.from_earliest, self.from_latest, origin.from),
            until: edge(self.until_earliest, self.until_latest, origin.until),
            source: origin.source.clone(),
            record: self.record,
            corrected_us: self.corrected,
            thread: self.thread,
        };
        match self.thread_rule {
            ThreadRule::Told => {}
            ThreadRule::OfBeginning => {
                assignment.thread = translation_thread(&assignment, assignment.from.latest);
            }
            ThreadRule::OfEnd => assignment.thread = translation_thread(&assignment, assignment.until.latest),
        }
        Some(assignment)
    }

    /// The whole order: shape, network, lowest port, beginning.
    pub fn order(&self, other: &Self) -> Ordering {
        (self.shape, self.net, self.low, self.from_latest).cmp(&(
            other.shape,
            other.net,
            other.low,
            other.from_latest,
        ))
    }
}

/// Whether the names are the same: mostly they are the same place in memory.
fn same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

const fn edge(earliest: i64, latest: i64, how: How) -> Edge {
    Edge { earliest: UtcMicros(earliest), latest: UtcMicros(latest), how }
}

/// The kind's number in files; it never changes.
pub fn kind_code(kind: RecordKind) -> u8 {
    RecordKind::ALL.iter().position(|k| *k == kind).unwrap_or(0) as u8
}

fn how_code(how: How) -> u8 {
    How::ALL.iter().position(|h| *h == how).unwrap_or(0) as u8
}

// ---- holders ------------------------------------------------------------------------------------------------------

/// Appends a holder without its inside port, which is a column of its own.
pub fn put_holder(out: &mut Vec<u8>, holder: &Holder) {
    match holder {
        Holder::Inside { realm, prefix, .. } => {
            out.push(0);
            put_text(out, &realm.0);
            out.push(prefix.len());
            match prefix.addr() {
                IpAddr::V4(a) => out.extend_from_slice(&a.octets()),
                IpAddr::V6(a) => out.extend_from_slice(&a.octets()),
            }
        }
        Holder::Line(names) => {
            out.push(1);
            for name in names {
                out.push(identity_code(name.kind));
                put_text(out, &name.value);
            }
        }
    }
}

/// The holder that [`put_holder`] wrote.
pub fn holder_of(mut bytes: &[u8]) -> Option<Holder> {
    let (&tag, rest) = bytes.split_first()?;
    bytes = rest;
    if tag == 1 {
        let mut names = Vec::new();
        while let Some((&kind, rest)) = bytes.split_first() {
            bytes = rest;
            let kind = *IdentityKind::ALL.get(usize::from(kind))?;
            // Most have one name: a vector grows to four of them by itself.
            names.reserve_exact(1);
            names.push(Identity { kind, value: take_text(&mut bytes)? });
        }
        return Some(Holder::Line(names));
    }
    let realm = Realm::from(take_text(&mut bytes)?.as_str());
    let (&len, rest) = bytes.split_first()?;
    let addr = match rest.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(rest).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(rest).ok()?),
        _ => return None,
    };
    (tag == 0).then_some(Holder::Inside { realm, prefix: Prefix::covering(addr, len).ok()?, port: None })
}

fn identity_code(kind: IdentityKind) -> u8 {
    match kind {
        IdentityKind::Contract => 0,
        other => IdentityKind::ALL.iter().position(|k| *k == other).unwrap_or(0) as u8,
    }
}

/// Appends a text with its length before it.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Takes a text off the front.
pub fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(take_varint(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

// ---- whole rows, for logs -----------------------------------------------------------------------------------------

/// Appends a whole assignment, names and all.
pub fn put_assignment(out: &mut Vec<u8>, assignment: &Assignment) {
    let row = Row::of(assignment, 0, 0);
    Origin::of(assignment).write(out);
    let mut holder = Vec::with_capacity(48);
    put_holder(&mut holder, &assignment.holder);
    put_varint(out, holder.len() as u64);
    out.extend_from_slice(&holder);
    for part in [
        u64::from(row.shape.0),
        row.net as u64,
        (row.net >> 64) as u64,
        u64::from(row.low),
        u64::from(row.high),
        row.far as u64,
        (row.far >> 64) as u64,
        u64::from(row.far_tag),
        u64::from(row.inside),
        row.record,
        assignment.thread,
    ] {
        put_varint(out, part);
    }
    for part in [row.from_earliest, row.from_latest, row.until_earliest, row.until_latest, row.corrected] {
        out.extend_from_slice(&part.to_le_bytes());
    }
}

/// Takes an assignment off the front.
pub fn take_assignment(bytes: &mut &[u8]) -> Option<Assignment> {
    let origin = Origin::read(bytes)?;
    let len = usize::try_from(take_varint(bytes)?).ok()?;
    let (holder, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    let holder = holder_of(holder)?;
    let mut parts = [0_u64; 11];
    for part in &mut parts {
        *part = take_varint(bytes)?;
    }
    let mut times = [0_i64; 5];
    for time in &mut times {
        let (word, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        *time = i64::from_le_bytes(*word);
    }
    let [shape, net_lo, net_hi, low, high, far_lo, far_hi, far_tag, inside, record, thread] = parts;
    let [from_earliest, from_latest, until_earliest, until_latest, corrected] = times;
    let shape = Shape(u16::try_from(shape).ok()?);
    if !shape.is_sound() {
        return None;
    }
    let row = Row {
        net: u128::from(net_hi) << 64 | u128::from(net_lo),
        far: u128::from(far_hi) << 64 | u128::from(far_lo),
        from_earliest,
        from_latest,
        until_earliest,
        until_latest,
        record,
        corrected,
        thread,
        holder: 0,
        origin: 0,
        far_tag: u32::try_from(far_tag).ok()?,
        inside: u32::try_from(inside).ok()?,
        shape,
        low: u16::try_from(low).ok()?,
        high: u16::try_from(high).ok()?,
        thread_rule: ThreadRule::Told,
    };
    row.to_assignment(&origin, holder)
}
