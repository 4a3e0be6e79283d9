//! Routing tables as BGP speakers dump them: MRT, TABLE_DUMP_V2 (RFC 6396 section 4.3, RFC 8050).
//!
//! What comes in: a dump, unpacked. What goes out: for each prefix of IPv4 and IPv6 unicast one [`Announced`] with the
//! autonomous system that originates it and the neighbours it was heard from. Where peers tell different origins, the one
//! that most of them tell is taken, of equals the lowest; a path that ends in a set of several systems tells none
//! (RFC 6811 section 2). Tables of other families are passed over; messages and the tables of version 1 are told once.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Defect;
use crate::tables::{Fault, Prefix};

#[cfg(test)]
mod tests;

/// A prefix of a routing table.
#[derive(Clone, PartialEq, Eq)]
pub struct Announced {
    /// The prefix.
    pub prefix: Prefix,
    /// The autonomous system that originates it; `None` when no path tells one.
    pub origin: Option<u32>,
    /// The systems that the prefix was heard from, the first of each path; ascending.
    pub neighbours: Vec<u32>,
}

crate::tables::unprinted!(Announced);

/// Reads a dump: each item is a prefix, or what was lost.
pub struct Rib<R> {
    input: R,
    offset: u64,
    /// Systems of the peers, by their index; 0 where not told.
    peers: Vec<u32>,
    waiting: VecDeque<Defect>,
    told_other: bool,
    ended: bool,
}

impl<R: Read> Rib<R> {
    /// A dump in `input`, which should be buffered.
    pub fn new(input: R) -> Self {
        let (peers, waiting) = (Vec::new(), VecDeque::new());
        Self { input, offset: 0, peers, waiting, told_other: false, ended: false }
    }

    /// The next prefix, `None` at the end. Nothing can be read behind an error of the framing.
    fn step(&mut self) -> Result<Option<Announced>, Fault> {
        loop {
            let begin = self.offset;
            let mut header = [0; HEADER];
            match self.fill(&mut header)? {
                0 => return self.end(),
                HEADER => {}
                _ => return self.cut(begin),
            }
            let [_, _, _, _, k0, k1, s0, s1, l0, l1, l2, l3] = header;
            let kind = (u16::from_be_bytes([k0, k1]), u16::from_be_bytes([s0, s1]));
            let length = u32::from_be_bytes([l0, l1, l2, l3]);
            let table = kind.0 == TABLE_DUMP_V2;
            if length > MAX_RECORD || !(table && (kind.1 == PEER_INDEX || Shape::of(kind.1).is_some())) {
                if !self.skip(length)? {
                    return self.cut(begin);
                }
                if table && length > MAX_RECORD {
                    return Err(Defect::byte(begin + 8, "record is longer than any that is read").into());
                }
                if !table && !std::mem::replace(&mut self.told_other, true) {
                    return Err(Defect::byte(begin + 4, OTHER).into());
                }
                continue;
            }
            let mut body = vec![0; usize::try_from(length).unwrap_or_default()];
            if self.fill(&mut body)? < body.len() {
                return self.cut(begin);
            }
            let mut octets = Octets { rest: &body, at: begin + HEADER as u64 };
            match Shape::of(kind.1) {
                None => self.peers = peers(&mut octets)?,
                Some(shape) => {
                    let (peers, waiting) = (&self.peers, &mut self.waiting);
                    return announced(&mut octets, shape, peers, waiting).map(Some).map_err(Fault::from);
                }
            }
        }
    }

    fn end(&mut self) -> Result<Option<Announced>, Fault> {
        self.ended = true;
        Ok(None)
    }

    fn cut(&mut self, begin: u64) -> Result<Option<Announced>, Fault> {
        self.ended = true;
        Err(Defect::byte(begin, "dump ends inside a record").into())
    }

    /// Reads until `into` is full or the input ends; says how much there was.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        let mut got = 0;
        while let Some(room) = into.get_mut(got..).filter(|room| !room.is_empty()) {
            match self.input.read(room) {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    return Err(error.into());
                }
            }
        }
        self.offset += got as u64;
        Ok(got)
    }

    /// Passes over `length` octets; says whether they were there.
    fn skip(&mut self, length: u32) -> Result<bool, Fault> {
        let mut left = u64::from(length);
        let mut room = [0; 4096];
        while left > 0 {
            let part = usize::try_from(left.min(4096)).unwrap_or(4096);
            let got = self.fill(room.get_mut(..part).unwrap_or_default())?;
            if got < part {
                return Ok(false);
            }
            left -= part as u64;
        }
        Ok(true)
    }
}

impl<R: Read> Iterator for Rib<R> {
    type Item = Result<Announced, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(defect) = self.waiting.pop_front() {
            return Some(Err(defect.into()));
        }
        if self.ended { None } else { self.step().transpose() }
    }
}

// --------------------------------------------------------------------------------------------------------- records

/// How the entries of a subtype look.
#[derive(Clone, Copy)]
struct Shape {
    is_v4: bool,
    /// Whether each entry has a path identifier (RFC 8050 section 4).
    has_path_id: bool,
}

impl Shape {
    const fn of(subtype: u16) -> Option<Self> {
        match subtype {
            2 => Some(Self { is_v4: true, has_path_id: false }),
            4 => Some(Self { is_v4: false, has_path_id: false }),
            8 => Some(Self { is_v4: true, has_path_id: true }),
            10 => Some(Self { is_v4: false, has_path_id: true }),
            _ => None,
        }
    }
}

/// The systems of the peers, by their index (RFC 6396 section 4.3.1).
fn peers(octets: &mut Octets<'_>) -> Result<Vec<u32>, Defect> {
    octets.number(4, "collector's id")?;
    let name = octets.number(2, "length of the view's name")?;
    octets.take(name as usize, "view's name")?;
    let count = octets.number(2, "number of peers")?;
    let mut peers = Vec::new();
    for _ in 0..count {
        let kind = octets.number(1, "kind of a peer")?;
        octets.number(4, "id of a peer")?;
        octets.take(if kind & 1 == 0 { 4 } else { 16 }, "address of a peer")?;
        peers.push(octets.number(if kind & 2 == 0 { 2 } else { 4 }, "system of a peer")?);
    }
    Ok(peers)
}

/// One prefix with its entries (RFC 6396 sections 4.3.2 and 4.3.4). A path that cannot be read costs itself only.
fn announced(
    octets: &mut Octets<'_>,
    shape: Shape,
    peers: &[u32],
    defects: &mut VecDeque<Defect>,
) -> Result<Announced, Defect> {
    octets.number(4, "sequence number")?;
    let prefix = prefix(octets, shape)?;
    let count = octets.number(2, "number of entries")?;
    let mut votes: BTreeMap<u32, u32> = BTreeMap::new();
    let mut neighbours = Vec::new();
    for _ in 0..count {
        let peer = octets.number(2, "index of a peer")?;
        octets.number(4, "time of a route")?;
        if shape.has_path_id {
            octets.number(4, "identifier of a path")?;
        }
        let length = octets.number(2, "length of attributes")?;
        let at = octets.at;
        let mut attributes = Octets { rest: octets.take(length as usize, "attributes")?, at };
        let path = match path(&mut attributes) {
            Ok(path) => path,
            Err(defect) => {
                if defects.len() < MAX_DEFECTS {
                    defects.push_back(defect);
                }
                continue;
            }
        };
        // An empty path is of the own system: an internal peer's, or nobody's where it was made here.
        let own = peers.get(peer as usize).copied();
        let origin = if path.is_empty { own } else { path.last };
        if let Some(origin) = origin.filter(|number| *number != 0) {
            *votes.entry(origin).or_default() += 1;
        }
        neighbours.extend(path.first.filter(|number| *number != 0));
    }
    neighbours.sort_unstable();
    neighbours.dedup();
    let most = votes.into_iter().max_by_key(|(origin, votes)| (*votes, std::cmp::Reverse(*origin)));
    Ok(Announced { prefix, origin: most.map(|(origin, _)| origin), neighbours })
}

/// A prefix; what stands behind its length does not matter (RFC 4271 section 4.3).
fn prefix(octets: &mut Octets<'_>, shape: Shape) -> Result<Prefix, Defect> {
    let at = octets.at;
    let wrong = |what: &str| Defect::byte(at, what);
    let len = octets.number(1, "length of a prefix")?;
    let width = if shape.is_v4 { 32 } else { 128 };
    if len > width {
        return Err(wrong("length of a prefix is more than its address has"));
    }
    let mut bits = [0; 16];
    let told = octets.take(len.div_ceil(8) as usize, "prefix")?;
    bits.iter_mut().zip(told).for_each(|(bit, octet)| *bit = *octet);
    let kept = u128::MAX.checked_shl(128 - len).unwrap_or(0);
    let bits = u128::from_be_bytes(bits) & kept;
    let address = if shape.is_v4 {
        IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap_or_default()))
    } else {
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    };
    if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        return Err(wrong("prefix of IPv6 stands for IPv4 addresses"));
    }
    Prefix::new(address, u8::try_from(len).unwrap_or_default()).ok_or_else(|| wrong("prefix is none"))
}

/// What an AS_PATH tells.
#[derive(Default)]
struct Path {
    is_empty: bool,
    first: Option<u32>,
    last: Option<u32>,
}

/// The AS_PATH among attributes (RFC 4271 section 4.3); numbers have four octets (RFC 6396 section 4.3.4).
fn path(attributes: &mut Octets<'_>) -> Result<Path, Defect> {
    let mut path = Path { is_empty: true, ..Path::default() };
    while !attributes.rest.is_empty() {
        let flags = attributes.number(1, "flags of an attribute")?;
        let kind = attributes.number(1, "kind of an attribute")?;
        let length =
            attributes.number(if flags & EXTENDED == 0 { 1 } else { 2 }, "length of an attribute")?;
        let at = attributes.at;
        let mut segments = Octets { rest: attributes.take(length as usize, "attribute")?, at };
        if kind != AS_PATH {
            continue;
        }
        while !segments.rest.is_empty() {
            let at = segments.at;
            let kind = segments.number(1, "kind of a path segment")?;
            let count = segments.number(1, "length of a path segment")?;
            let systems: Vec<u32> =
                (0..count).map(|_| segments.number(4, "path segment")).collect::<Result<_, _>>()?;
            match kind {
                AS_SET | AS_SEQUENCE if systems.is_empty() => {}
                AS_SEQUENCE => {
                    path.first = if path.is_empty { systems.first().copied() } else { path.first };
                    path.last = systems.last().copied();
                    path.is_empty = false;
                }
                AS_SET => {
                    let one = systems.first().copied().filter(|one| systems.iter().all(|s| s == one));
                    path.first = if path.is_empty { one } else { path.first };
                    path.last = one;
                    path.is_empty = false;
                }
                // Systems inside a confederation are the own network (RFC 5065).
                3 | 4 => {}
                _ => return Err(Defect::byte(at, "kind of a path segment is not known")),
            }
        }
    }
    Ok(path)
}

/// Octets from the front, with the place of the next in the dump.
struct Octets<'a> {
    rest: &'a [u8],
    at: u64,
}

impl<'a> Octets<'a> {
    fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], Defect> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| Defect::byte(self.at, format!("{what} does not fit its record")))?;
        self.rest = rest;
        self.at += count as u64;
        Ok(taken)
    }

    /// A number of up to four octets, the highest first.
    fn number(&mut self, octets: usize, what: &str) -> Result<u32, Defect> {
        Ok(self.take(octets, what)?.iter().fold(0, |sum: u32, octet| sum << 8 | u32::from(*octet)))
    }
}

/// Octets of the head of each record (RFC 6396 section 2).
const HEADER: usize = 12;
/// Type of the records that are read.
const TABLE_DUMP_V2: u16 = 13;
/// Subtype of the list of peers.
const PEER_INDEX: u16 = 1;
/// The flag of an attribute whose length has two octets.
const EXTENDED: u32 = 0x10;
const AS_PATH: u32 = 2;
const AS_SET: u32 = 1;
const AS_SEQUENCE: u32 = 2;
/// The longest record that is read, in octets: a thousand peers with paths of kilobytes.
const MAX_RECORD: u32 = 8 << 20;
/// Defects that one record tells at most.
const MAX_DEFECTS: usize = 16;
const OTHER: &str =
    "record is none of a routing table (TABLE_DUMP_V2); it and others like it are passed over";
