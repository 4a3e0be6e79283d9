//! Files that an operator hands over: whole, or compressed with gzip or zstd.
//!
//! What comes in: one file of a known [`Format`]. What goes out: [`Item`]s one by one, and a [`FileReport`] with the
//! defects of what could not be read. Memory is bounded by what a format must remember (templates, leases that wait),
//! never by the length of the file.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use jiff::tz::TimeZone;
use tadoru_model::observation::Observation;
use tadoru_model::{Flows, Realm, Rule, SourceName, UtcMicros};
use tadoru_wire::Defect;
use tadoru_wire::tables::subscribers::SubscriberRow;

use crate::ObserveError;

mod damage;
mod flows;
mod input;
mod leases;
mod nat;
mod radius;
mod tables;
mod tally;
#[cfg(test)]
mod tests;

pub use flows::adopt;
pub(crate) use flows::give_back;
use tally::Tally;

// ---------------------------------------------------------------------------------------------- Format

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// FreeRADIUS `detail` (also of GNU Radius).
    RadiusDetail,
    /// A capture (pcap, pcapng) of RADIUS accounting.
    RadiusPcap,
    /// Kea DHCPv4 lease file.
    Kea4,
    /// Kea DHCPv6 lease file.
    Kea6,
    /// ISC `dhcpd.leases`, v4 or v6.
    IscLeases,
    /// `conntrack -E -o timestamp`, ulogd2.
    Conntrack,
    /// NAT logs of gateways as syslog lines.
    NatSyslog,
    /// A capture of NetFlow v9 or IPFIX with NAT events.
    NatExport,
    /// Deterministic and static rules of a carrier-grade NAT: a table, or `nft list ruleset`.
    CgnRules,
    /// MAP-E rules.
    MapE,
    /// Binding table of a lightweight 4over6 AFTR.
    Softwires,
    /// Stays at a venue.
    Venue,
    /// Static assignments.
    Static,
    /// The subscriber directory.
    Subscribers,
    /// Flows: nfdump's files, captures of exports or of packets.
    Flows,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 15] = [
        Self::RadiusDetail,
        Self::RadiusPcap,
        Self::Kea4,
        Self::Kea6,
        Self::IscLeases,
        Self::Conntrack,
        Self::NatSyslog,
        Self::NatExport,
        Self::CgnRules,
        Self::MapE,
        Self::Softwires,
        Self::Venue,
        Self::Static,
        Self::Subscribers,
        Self::Flows,
    ];

    /// The format's name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RadiusDetail => "radius-detail",
            Self::RadiusPcap => "radius-pcap",
            Self::Kea4 => "kea4",
            Self::Kea6 => "kea6",
            Self::IscLeases => "isc-leases",
            Self::Conntrack => "conntrack",
            Self::NatSyslog => "nat-syslog",
            Self::NatExport => "nat-export",
            Self::CgnRules => "cgn-rules",
            Self::MapE => "map-e",
            Self::Softwires => "softwires",
            Self::Venue => "venue",
            Self::Static => "static",
            Self::Subscribers => "subscribers",
            Self::Flows => "flows",
        }
    }

    /// By its name on the command line.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

// ---------------------------------------------------------------------------------------------- Options, Item

/// What the file does not say of itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// The source, where the operator names one; else the records' own, else the file's name.
    pub source: Option<SourceName>,
    /// Realm of (outside) addresses.
    pub realm: Realm,
    /// Realm of inside addresses; where it is not told, the records' own.
    pub inside_realm: Realm,
    /// Zone of times that name none; without it such times are defects.
    pub zone: Option<TimeZone>,
    /// The present: nearest to it, or to the file's own time, a time without a year is placed.
    pub now: UtcMicros,
}

impl Options {
    /// Nothing is told but the present.
    pub fn new(now: UtcMicros) -> Self {
        Self { source: None, realm: Realm::untold(), inside_realm: Realm::untold(), zone: None, now }
    }
}

/// One thing that a file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An observation.
    Observation(Observation),
    /// A rule that decides translations.
    Rule(Rule),
    /// A row of the subscriber directory, with its line.
    Subscriber(u64, Box<SubscriberRow>),
    /// Flows, many at a time.
    Flows(Box<Flows>),
}

// ---------------------------------------------------------------------------------------------- FileReport

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileReport {
    /// Bytes read, as they lie on the disk.
    pub bytes: u64,
    /// Records (entries, lines, datagrams, rows) seen.
    pub records: u64,
    /// Items handed on.
    pub kept: u64,
    /// Records that say nothing about who held an address.
    pub ignored: u64,
    /// What could not be read or believed, the first [`MOST_DEFECTS`] of it.
    pub defects: Vec<Defect>,
    /// How many defects there are in all.
    pub defect_count: u64,
    /// Whether the reading came to the end.
    pub end: End,
}

/// How the reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// At the end of the file.
    #[default]
    Whole,
    /// The taker wanted no more.
    Stopped,
    /// The compressed data is cut off or damaged; the last defect says so.
    Cut,
}

/// Takes what a file tells; `Break` ends the reading.
pub type Sink<'a> = &'a mut dyn FnMut(Item) -> ControlFlow<()>;

/// Hears how many bytes have been read from the disk so far.
pub type Progress<'a> = &'a mut dyn FnMut(u64);

// ---------------------------------------------------------------------------------------------- reading

/// Reads the file at `path`; its name is the source of records that name none.
///
/// # Errors
/// When it cannot be opened, or fails while it is read.
pub fn read_path(
    format: Format,
    path: &Path,
    options: &Options,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> Result<FileReport, ObserveError> {
    let file = File::open(path).map_err(ObserveError::Open)?;
    let modified = file.metadata().and_then(|meta| meta.modified()).ok();
    let modified = modified.and_then(|time| jiff::Timestamp::try_from(time).ok()).map(UtcMicros::from);
    // A log without years was written before its file was last changed.
    let now = modified.map_or(options.now, |modified| modified.min(options.now));
    let about = About { stem: stem(path), written: now };
    run(format, file, &about, options, sink, progress)
}

/// Reads from any input; `name` is the source of records that name none.
///
/// # Errors
/// When the input fails; what was read before has been handed on.
pub fn read(
    format: Format,
    input: impl Read,
    name: &str,
    options: &Options,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> Result<FileReport, ObserveError> {
    let about = About { stem: SourceName::from(name), written: options.now };
    run(format, input, &about, options, sink, progress)
}

/// What is known of a file from outside.
struct About {
    stem: SourceName,
    /// Not after this it was written.
    written: UtcMicros,
}

fn run(
    format: Format,
    input: impl Read,
    about: &About,
    options: &Options,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> Result<FileReport, ObserveError> {
    let counted = input::Counted::new(input, progress);
    let bytes = counted.count();
    let mut tally = Tally::new(sink, options.now);
    let (packed, read) = match input::open(counted) {
        Err(error) => (input::Packing::None, Err(error)),
        Ok((packed, mut input)) => {
            let task = Task { about, options };
            (packed, task.read(format, &mut input, &mut tally))
        }
    };
    if let Err(error) = read {
        if packed == input::Packing::None {
            return Err(ObserveError::Read(error));
        }
        tally.cut(bytes.get(), "compressed data is cut off or damaged here");
    }
    Ok(FileReport { bytes: bytes.get(), ..tally.finish() })
}

/// One reading: what is known of the file and what the operator told.
struct Task<'a> {
    about: &'a About,
    options: &'a Options,
}

impl Task<'_> {
    /// Reads to the end, or until the taker wants no more.
    fn read(
        &self,
        format: Format,
        input: &mut input::Input<'_>,
        tally: &mut Tally<'_>,
    ) -> std::io::Result<()> {
        match format {
            Format::RadiusDetail => self.radius_detail(input, tally),
            Format::RadiusPcap => self.radius_capture(input, tally),
            Format::Kea4 | Format::Kea6 | Format::IscLeases => self.leases(format, input, tally),
            Format::Conntrack | Format::NatSyslog => self.nat_lines(input, tally),
            Format::NatExport => self.nat_export(input, tally),
            Format::CgnRules => self.cgn_rules(input, tally),
            Format::MapE => self.map_e(input, tally),
            Format::Softwires => self.softwires(input, tally),
            Format::Venue => self.venue(input, tally),
            Format::Static => self.fixed(input, tally),
            Format::Subscribers => self.subscribers(input, tally),
            Format::Flows => self.flows(input, tally),
        }
    }

    /// The source that the operator named, else the file.
    fn source(&self) -> SourceName {
        self.options.source.clone().unwrap_or_else(|| self.about.stem.clone())
    }
}

/// The file's name without folder, packing and ending.
fn stem(path: &Path) -> SourceName {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    SourceName::from(if stem.is_empty() { name } else { stem })
}

/// Endings of compressed files.
const PACKED: [&str; 3] = [".gz", ".zst", ".zstd"];

/// Defects that a report lists; the rest are counted.
pub const MOST_DEFECTS: usize = 1000;
