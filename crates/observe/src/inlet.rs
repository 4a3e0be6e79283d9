//! Where records go: raw into a spool, typed to a taker. Whoever runs the sources implements both.
//!
//! What comes in: batches. What goes out: the word that a batch is durable, or that it is not. A source answers its
//! sender only after that word.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tadoru_model::observation::Observation;
use tadoru_model::{CoverageState, Prefix, Realm, RecordKind, SourceName, UtcMicros};

use crate::octets::{put, put_prefixes, take, take_prefixes, take_text};

#[cfg(test)]
pub(crate) mod tests;

// ---------------------------------------------------------------------------------------------- Spool, Inlet

/// Keeps raw records before anybody decodes them.
pub trait Spool: Send + Sync + 'static {
    /// Appends a batch, in its order. When it returns a receipt, the batch survives a crash of the machine.
    ///
    /// # Errors
    /// When the batch is not durable; then none of it was promised, and the sender is not answered.
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError>;
}

/// Which numbers the records of a batch got in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the first one.
    pub first: u64,
    /// The number behind the last one.
    pub next: u64,
}

/// Why a batch is not durable.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// No room is left on the disk.
    #[error("no room is left for records")]
    Full,
    /// The disk refused.
    #[error("cannot keep records")]
    Failed(#[source] io::Error),
}

/// Takes what has been decoded.
pub trait Inlet: Send + Sync + 'static {
    /// Takes observations, in the order of the spool.
    fn take(&self, observations: Vec<Observation>);
}

// ---------------------------------------------------------------------------------------------- SpoolRecord

/// One raw record, with what its receiver knew of it. Decoding it needs nothing else, so that decoding it again after a
/// crash, under another configuration even, gives the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SpoolRecord {
    /// What the octets are.
    pub kind: RawKind,
    /// The source, where the configuration names it.
    pub source: Option<SourceName>,
    /// Realm of (outside) addresses.
    pub realm: Realm,
    /// Realm of inside addresses.
    pub inside_realm: Realm,
    /// Name of the zone of times without one.
    pub zone: Option<Box<str>>,
    /// Who sent it, if somebody did.
    pub sender: Option<IpAddr>,
    /// When it arrived.
    pub arrival: UtcMicros,
    /// Where it stands in a file, if it comes out of one.
    pub place: Option<FilePlace>,
    /// As received.
    pub octets: Vec<u8>,
}

/// What raw octets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RawKind {
    /// A RADIUS packet whose authenticator has been checked.
    Accounting = 1,
    /// One syslog message.
    Syslog = 2,
    /// One NetFlow or IPFIX packet.
    Export = 3,
    /// Whole lines of a Kea DHCPv4 lease file, the header first.
    Kea4 = 4,
    /// Whole lines of a Kea DHCPv6 lease file, the header first.
    Kea6 = 5,
    /// Whole blocks of an ISC lease file.
    Isc = 6,
    /// Whole entries of a RADIUS detail file.
    Detail = 7,
    /// A sign of life of a source, see [`Pulse`].
    Pulse = 8,
    /// Export datagrams of traffic that arrived together, see [`crate::flows`].
    Flow = 9,
}

/// Where a record stands in a file that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePlace {
    /// A number for this file; a file that replaces it has another.
    pub file: u64,
    /// Line of the record's first line, counted from 1; a header that is repeated does not count.
    pub line: u64,
    /// Offset behind the record: where following goes on.
    pub end: u64,
    /// Whether it stood there already when following began.
    pub age: Age,
}

/// Whether a record was read as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It stood there before; when it was written is not known.
    Old,
    /// It was written since the reading before.
    Fresh,
}

/// A sign of life: the source was in this state from then until the record's arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// Records of which kind it speaks about.
    pub of: RawKind,
    /// Since when.
    pub from: UtcMicros,
    /// In which state.
    pub state: CoverageState,
    /// What is known of the time before.
    pub beat: Beat,
    /// The sources that the configuration names; told by the first sign of life of a run only.
    pub subjects: Vec<Subject>,
}

/// A source that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name.
    pub source: SourceName,
    /// Realm of its addresses.
    pub realm: Realm,
    /// What its records speak of; empty: what they have spoken of so far.
    pub prefixes: Vec<Prefix>,
}

/// Which sign of life it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// One more.
    Next,
    /// The first one of a run: before it, since the last sign of life, nobody listened.
    First,
    /// The first one of a run that went on where the last one stopped: nothing is missing in between.
    Resumed,
}

impl RawKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Accounting,
        Self::Syslog,
        Self::Export,
        Self::Kea4,
        Self::Kea6,
        Self::Isc,
        Self::Detail,
        Self::Pulse,
        Self::Flow,
    ];

    /// Kind of the records in it, as coverage names it.
    pub(crate) const fn about(self) -> RecordKind {
        match self {
            Self::Syslog | Self::Export => RecordKind::NatBlock,
            Self::Kea4 | Self::Kea6 | Self::Isc => RecordKind::Lease,
            Self::Accounting | Self::Detail | Self::Pulse | Self::Flow => RecordKind::Session,
        }
    }

    /// Whether somebody sends it by himself, so that his silence may be a fault.
    pub(crate) const fn is_sent(self) -> bool {
        matches!(self, Self::Accounting | Self::Syslog | Self::Export)
    }

    pub(crate) fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == octet)
    }
}

impl Pulse {
    /// As the octets of a record.
    pub fn to_octets(&self) -> Vec<u8> {
        let state = STATES.iter().position(|state| *state == self.state).unwrap_or(0);
        let beat = BEATS.iter().position(|beat| *beat == self.beat).unwrap_or(0);
        let mut out = vec![self.of as u8, u8::try_from(state).unwrap_or(0), u8::try_from(beat).unwrap_or(0)];
        out.extend(self.from.0.to_be_bytes());
        for Subject { source, realm, prefixes } in &self.subjects {
            put(&mut out, source.0.as_bytes());
            put(&mut out, realm.0.as_bytes());
            put_prefixes(&mut out, prefixes);
        }
        out
    }

    /// From the octets of a record.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let ([of, state, beat], rest) = octets.split_first_chunk()?;
        let (from, mut rest) = rest.split_first_chunk()?;
        let mut subjects = Vec::new();
        while !rest.is_empty() {
            let (source, realm) = (take_text(&mut rest)?, take_text(&mut rest)?);
            let (source, realm) = (SourceName::from(source), Realm::from(realm));
            subjects.push(Subject { source, realm, prefixes: take_prefixes(&mut rest)? });
        }
        Some(Self {
            of: RawKind::from_octet(*of)?,
            from: UtcMicros(i64::from_be_bytes(*from)),
            state: *STATES.get(usize::from(*state))?,
            beat: *BEATS.get(usize::from(*beat))?,
            subjects,
        })
    }
}

impl SpoolRecord {
    /// Appends the record's octets, as a spool keeps them.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend([FORM, self.kind as u8]);
        out.extend(self.arrival.0.to_be_bytes());
        put(out, self.source.as_ref().map_or(&[], |name| name.0.as_bytes()));
        put(out, self.realm.0.as_bytes());
        put(out, self.inside_realm.0.as_bytes());
        put(out, self.zone.as_deref().unwrap_or_default().as_bytes());
        match self.sender {
            None => put(out, &[]),
            Some(IpAddr::V4(addr)) => put(out, &addr.octets()),
            Some(IpAddr::V6(addr)) => put(out, &addr.octets()),
        }
        match self.place {
            None => put(out, &[]),
            Some(place) => {
                let parts = [place.file, place.line, place.end, u64::from(place.age == Age::Fresh)];
                put(out, &parts.map(u64::to_be_bytes).concat());
            }
        }
        put(out, &self.octets);
    }

    /// Reads what [`Self::write`] wrote; `None` when it is anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let ([FORM, kind], rest) = bytes.split_first_chunk()? else { return None };
        let (arrival, mut rest) = rest.split_first_chunk()?;
        let rest = &mut rest;
        let text = |part: &[u8]| std::str::from_utf8(part).ok().map(str::to_owned);
        let source = text(take(rest)?)?;
        let (realm, inside_realm, zone) = (text(take(rest)?)?, text(take(rest)?)?, text(take(rest)?)?);
        let sender = match take(rest)? {
            [] => None,
            octets if octets.len() == 4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into()),
            octets => Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()),
        };
        let place = match take(rest)? {
            [] => None,
            parts => Some(place(parts)?),
        };
        let octets = take(rest)?.to_vec();
        rest.is_empty().then_some(Self {
            kind: RawKind::from_octet(*kind)?,
            source: (!source.is_empty()).then(|| SourceName::from(source.as_str())),
            realm: Realm::from(realm.as_str()),
            inside_realm: Realm::from(inside_realm.as_str()),
            zone: (!zone.is_empty()).then(|| zone.into()),
            sender,
            arrival: UtcMicros(i64::from_be_bytes(*arrival)),
            place,
            octets,
        })
    }
}

impl std::fmt::Debug for SpoolRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpoolRecord {{ kind: {:?}, octets: {}, [..] }}", self.kind, self.octets.len())
    }
}

fn place(parts: &[u8]) -> Option<FilePlace> {
    let mut numbers = parts.chunks_exact(8).map(|part| part.try_into().ok().map(u64::from_be_bytes));
    let mut next = || numbers.next().flatten();
    let (file, line, end, fresh) = (next()?, next()?, next()?, next()?);
    let age = if fresh == 1 { Age::Fresh } else { Age::Old };
    (parts.len() == 32).then_some(FilePlace { file, line, end, age })
}

const STATES: [CoverageState; 3] = [CoverageState::Alive, CoverageState::Lossy, CoverageState::Dead];

const BEATS: [Beat; 3] = [Beat::Next, Beat::First, Beat::Resumed];

/// The form of a record's octets; another form gets another number.
const FORM: u8 = 1;
