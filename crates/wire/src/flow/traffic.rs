//! From templates to columns: a plan compiled once per template, then whole sets of records at a time.
//!
//! Comes in: a template, later the data sets it describes. Goes out: rows of [`Columns`]. A plan says for each column
//! at which octets of a record its value lies, so that a set is read column by column. Records of variable length
//! are first laid out anew with fixed places and then go the same way; what no column wants, such as the structured
//! data of RFC 6313, is stepped over by its length. A field whose length its type cannot have is left out of the
//! plan and named in [`Plan::unreadable`]; a value that its column cannot hold is left out and reported.

mod layout;
mod read;
mod times;

pub(super) use self::{
    read::{Scene, Told, ratio},
    times::Clock,
};

use std::collections::HashMap;

use self::{layout::Relay, times::Times};
use crate::flow::template::{Element, Field, Layout, Length, Purpose, Space, Template};

/// Where a value lies in a record: a number of `width` octets, or the first octet of something of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    offset: usize,
    width: usize,
}

/// An address of either family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Family {
    v4: Option<At>,
    v6: Option<At>,
}

/// How the records of one template become rows.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Octets of a record, of a variable one as it is laid out anew.
    record: usize,
    /// How a record of variable length is laid out anew.
    relay: Option<Relay>,
    /// Fields that are wanted but cannot be read because of their length.
    pub unreadable: Box<[u16]>,
    times: Times,
    ip: Option<At>,
    src: Family,
    dst: Family,
    next_hop: Family,
    bgp_next_hop: Family,
    src_mask: Family,
    dst_mask: Family,
    src_port: Option<At>,
    dst_port: Option<At>,
    icmp: Icmp,
    proto: Option<At>,
    tcp_flags: Option<At>,
    tos: Option<At>,
    dscp: Option<At>,
    packets: Option<At>,
    bytes: Option<At>,
    reverse_packets: Option<At>,
    reverse_bytes: Option<At>,
    flows: Option<At>,
    input: Option<At>,
    output: Option<At>,
    src_as: Option<At>,
    dst_as: Option<At>,
    src_vlan: Option<At>,
    dst_vlan: Option<At>,
    in_src_mac: Option<At>,
    out_dst_mac: Option<At>,
    direction: Option<At>,
    forwarding: Option<At>,
    rate: Rate,
    section: Option<Piece>,
}

/// Type and code of ICMP, of either family, together or apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Icmp {
    both: Family,
    kind: Family,
    code: Family,
}

/// What a record itself says of sampling.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    interval: Option<At>,
    /// So many are taken (305), so many are left out (306).
    taken: Option<At>,
    left: Option<At>,
    /// So many (309) out of so many (310).
    size: Option<At>,
    population: Option<At>,
    /// Name of the sampler (48) that options data tells of.
    sampler: Option<At>,
    /// Name of the selector (302).
    selector: Option<At>,
}

/// A piece of a packet in the record.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: At,
    starts: Starts,
    /// Whether its first octet tells how long it is.
    prefixed: bool,
    /// Octets of the whole frame (312, 103).
    frame: Option<At>,
}

/// What a piece of a packet begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starts {
    Link,
    Ip,
}

/// What else a template tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    /// A translation: without counters it is an event, and no flow.
    Nat,
    Nothing,
}

impl Plan {
    /// The plan of a template that tells of traffic, `None` of any other: options, and events without counters.
    pub(super) fn compile(template: &Template, tells: Tells) -> Option<Self> {
        if template.purpose == Purpose::Options {
            return None;
        }
        let (fields, unreadable) = Fields::of(template);
        let counters = [fields.first(PACKETS), fields.first(BYTES)];
        let section = fields.section();
        let event = tells == Tells::Nat || EVENTS.iter().any(|&id| fields.holds(id));
        let named = KEYS.iter().any(|&id| fields.holds(id));
        let counted = counters.iter().any(Option::is_some);
        if !counted && section.is_none() && (event || !named) {
            return None;
        }
        let reverse = |ids, beside: Option<At>, other| {
            let of_record = fields.enterprise(REVERSE, ids);
            // Elements 23 and 24 alone count the flow itself, on its way out.
            of_record.or_else(|| fields.one(other).filter(|at| Some(*at) != beside))
        };
        Some(Self {
            record: fields.record,
            times: Times::of(&fields),
            ip: fields.one(60),
            src: Family { v4: fields.first(&[8, 44]), v6: fields.first(&[27, 170]) },
            dst: Family { v4: fields.first(&[12, 45]), v6: fields.first(&[28, 169]) },
            next_hop: Family { v4: fields.one(15), v6: fields.one(62) },
            bgp_next_hop: Family { v4: fields.one(18), v6: fields.one(63) },
            src_mask: Family { v4: fields.one(9), v6: fields.one(29) },
            dst_mask: Family { v4: fields.one(13), v6: fields.one(30) },
            src_port: fields.first(&[7, 182, 180]),
            dst_port: fields.first(&[11, 183, 181]),
            icmp: Icmp {
                both: Family { v4: fields.one(32), v6: fields.one(139) },
                kind: Family { v4: fields.one(176), v6: fields.one(178) },
                code: Family { v4: fields.one(177), v6: fields.one(179) },
            },
            proto: fields.first(&[4, 193]),
            tcp_flags: fields.one(6).map(At::last),
            tos: fields.one(5),
            dscp: fields.one(195),
            packets: fields.first(PACKETS),
            bytes: fields.first(BYTES),
            reverse_packets: reverse(&[2, 86], fields.first(PACKETS), 24)
                .or_else(|| fields.enterprise(IXIA, &[177]))
                .or_else(|| fields.one(299).filter(|at| Some(*at) != fields.first(PACKETS))),
            reverse_bytes: reverse(&[1, 85], fields.first(BYTES), 23)
                .or_else(|| fields.enterprise(IXIA, &[176]))
                .or_else(|| fields.one(232).filter(|at| Some(*at) != fields.first(BYTES))),
            flows: fields.one(3),
            input: fields.first(&[10, 252]),
            output: fields.first(&[14, 253]),
            src_as: fields.one(16),
            dst_as: fields.one(17),
            src_vlan: fields.first(&[58, 243]),
            dst_vlan: fields.first(&[59, 254]),
            in_src_mac: fields.one(56),
            out_dst_mac: fields.first(&[57, 80]),
            direction: fields.one(61).map(At::last),
            forwarding: fields.one(89).map(At::last),
            rate: Rate {
                interval: fields.first(&[50, 34]),
                taken: fields.one(305),
                left: fields.one(306),
                size: fields.one(309),
                population: fields.one(310),
                sampler: fields.one(48),
                selector: fields.one(302),
            },
            section,
            relay: fields.relay,
            unreadable: unreadable.into_boxed_slice(),
        })
    }
}

impl At {
    /// Its last octet alone, for what counts in one octet and is sent in more.
    fn last(self) -> Self {
        Self { offset: self.offset + self.width - 1, width: 1 }
    }
}

/// The fields of a template that columns want, by element.
struct Fields {
    places: HashMap<Element, At>,
    record: usize,
    relay: Option<Relay>,
    /// Elements that vary in length.
    varying: Vec<u16>,
}

impl Fields {
    /// Also gives the elements that are wanted but have a length that their type cannot have.
    fn of(template: &Template) -> (Self, Vec<u16>) {
        let mut places = HashMap::new();
        let mut unreadable = Vec::new();
        let mut taken = |field: &Field, at: At| {
            // An element that comes twice is read once.
            places.entry(field.element).or_insert(at) == &at
        };
        let inner = inner_header(&template.fields);
        let readable = |n: usize, field: &Field| {
            let outer = n < inner && field.element.enterprise == 0 && HEADER.contains(&field.element.id);
            let kind = kind_of(field.element).filter(|_| field.space == Space::Element && !outer)?;
            Some((kind, kind.fits(field.length)))
        };
        let mut complain = |field: &Field| {
            if field.length != Length::Fixed(0) {
                unreadable.push(field.element.id);
            }
        };
        let (record, relay) = match template.layout {
            Layout::Fixed(record) => {
                let mut offset = 0;
                for (n, field) in template.fields.iter().enumerate() {
                    let Length::Fixed(width) = field.length else { continue };
                    let width = usize::from(width);
                    match readable(n, field) {
                        Some((_, true)) => _ = taken(field, At { offset, width }),
                        Some((_, false)) => complain(field),
                        None => {}
                    }
                    offset += width;
                }
                (record, None)
            }
            Layout::Variable(_) => {
                let mut relay = Relay::new();
                for (n, field) in template.fields.iter().enumerate() {
                    match readable(n, field) {
                        Some((kind, true)) => {
                            let at = relay.place(kind, field.length);
                            if taken(field, at) {
                                relay.keep(field.length, at);
                            } else {
                                relay.skip(field.length);
                            }
                        }
                        Some((_, false)) => {
                            complain(field);
                            relay.skip(field.length);
                        }
                        None => relay.skip(field.length),
                    }
                }
                (relay.record(), Some(relay))
            }
        };
        let varying = template.fields.iter().filter(|field| field.length == Length::Variable);
        let varying = varying.map(|field| field.element.id).collect();
        (Self { places, record, relay, varying }, unreadable)
    }

    fn one(&self, id: u16) -> Option<At> {
        self.places.get(&Element { enterprise: 0, id }).copied()
    }

    fn first(&self, ids: &[u16]) -> Option<At> {
        ids.iter().find_map(|&id| self.one(id))
    }

    fn enterprise(&self, enterprise: u32, ids: &[u16]) -> Option<At> {
        ids.iter().find_map(|&id| self.places.get(&Element { enterprise, id }).copied())
    }

    fn holds(&self, id: u16) -> bool {
        self.one(id).is_some()
    }

    fn section(&self) -> Option<Piece> {
        let frame = self.first(&[312, 103]);
        let piece = |id, starts| {
            let prefixed = self.varying.contains(&id);
            self.one(id).map(|at| Piece { at, starts, prefixed, frame })
        };
        piece(315, Starts::Link).or_else(|| piece(104, Starts::Link)).or_else(|| piece(313, Starts::Ip))
    }
}

/// Of what type a wanted field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    V4,
    V6,
    Mac,
    Section,
}

impl Kind {
    fn fits(self, length: Length) -> bool {
        match (self, length) {
            (Self::Section, Length::Fixed(len)) => len > 0,
            // Numbers and pieces may vary; an address or a MAC address of another length is none.
            (Self::Section | Self::Number, Length::Variable) => true,
            (_, Length::Variable) => false,
            // Reduced-size encoding (RFC 7011 section 6.2).
            (Self::Number, Length::Fixed(len)) => (1..=8).contains(&len),
            (Self::V4, Length::Fixed(len)) => len == 4,
            (Self::V6, Length::Fixed(len)) => len == 16,
            (Self::Mac, Length::Fixed(len)) => len == 6,
        }
    }
}

/// Where the header inside a tunnel begins, 0 in a template without one.
///
/// A template that tells of a tunnel has the elements of the outer header first and then those of the inner one once
/// more (RFC 7011 section 8). The flow is the inner one; nothing of the outer header may stand beside its addresses.
fn inner_header(fields: &[Field]) -> usize {
    let is = |field: &Field, ids: &[u16]| {
        field.space == Space::Element && field.element.enterprise == 0 && ids.contains(&field.element.id)
    };
    let mut sources = fields.iter().enumerate().filter(|(_, field)| is(field, &[8, 27])).map(|(n, _)| n);
    let Some((outer, inner)) = fields.split_at_checked(sources.nth(1).unwrap_or(0)) else { return 0 };
    let twice = |id| [outer, inner].iter().all(|part| part.iter().any(|field| is(field, &[id])));
    if [4, 7, 11].into_iter().any(twice) { outer.len() } else { 0 }
}

fn kind_of(element: Element) -> Option<Kind> {
    match (element.enterprise, element.id) {
        (0, 8 | 12 | 15 | 18 | 44 | 45) => Some(Kind::V4),
        (0, 27 | 28 | 62 | 63 | 169 | 170) => Some(Kind::V6),
        (0, 56 | 57 | 80) => Some(Kind::Mac),
        (0, 104 | 313 | 315) => Some(Kind::Section),
        (0, id) if NUMBERS.contains(&id) => Some(Kind::Number),
        (REVERSE, 1 | 2 | 85 | 86) | (IXIA, 176 | 177) => Some(Kind::Number),
        _ => None,
    }
}

/// Enterprise number of reverse elements (RFC 5103 section 6.1).
const REVERSE: u32 = 29_305;
/// Ixia, which has reverse counters of its own.
const IXIA: u32 = 3054;
/// Counters of packets, the best first: of the flow, in all, on its way out, of the initiator.
const PACKETS: &[u16] = &[2, 86, 24, 298];
/// Counters of octets, the best first; those of layer 2 (352, 353) where no other is told.
const BYTES: &[u16] = &[1, 85, 23, 231, 352, 353];
/// What marks a record as an event rather than a flow, unless it counts: NAT event, firewall event, port block.
const EVENTS: [u16; 4] = [230, 233, 361, 40_005];
/// What a header of a packet tells.
const HEADER: [u16; 21] =
    [4, 5, 6, 7, 8, 9, 11, 12, 13, 27, 28, 29, 30, 32, 60, 139, 176, 177, 178, 179, 193];
/// What can name a flow.
const KEYS: [u16; 10] = [8, 12, 27, 28, 44, 45, 56, 80, 169, 170];
/// All elements that are read as numbers.
const NUMBERS: [u16; 80] = [
    1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 16, 17, 21, 22, 23, 24, 29, 30, 32, 34, 48, 50, 58, 59, 60, 61,
    85, 86, 89, 103, 139, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 176, 177, 178,
    179, 180, 181, 182, 183, 193, 195, 230, 231, 232, 233, 243, 252, 253, 254, 298, 299, 302, 305, 306, 309,
    310, 312, 322, 323, 324, 325, 352, 353, 361, 40_005,
];
