//! Rules of a carrier-grade NAT that needs no log: deterministic port blocks (RFC 7422) and static ones.
//!
//! What comes in: a table `inside_prefix,inside_realm,outside_prefix_or_range,ports_per_subscriber,first_port,
//! last_port,algorithm,from,until,gateway`, or a ruleset as `nft list ruleset` prints it (see [`super::nft`]). What
//! goes out: [`CgnRule`]s. The arithmetic from rule to subscriber is not done here.

use std::io::{self, BufRead};

use jiff::tz::TimeZone;

use super::{
    lines::Fault,
    nft::NftRules,
    range::AddressRange,
    row::{Row, Table, TableRecord},
    unprinted,
};

/// Which outside addresses and ports stand for which inside addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct CgnRule {
    /// The subscribers' addresses, in the order in which blocks are given out.
    pub inside: AddressRange,
    /// Their address space (a VRF); `None` is the only one.
    pub inside_realm: Option<String>,
    /// The outside addresses.
    pub outside: AddressRange,
    /// Lowest port of an outside address that the rule gives out.
    pub first_port: u16,
    /// Highest one.
    pub last_port: u16,
    /// How blocks are given out.
    pub allocation: Allocation,
    /// The only protocol (IANA number) that the rule is for; `None`: every one.
    pub protocol: Option<u8>,
    /// Whether traffic must meet further conditions for the rule to apply.
    pub reach: Reach,
    /// From when the rule was in force, microseconds since the epoch; `None`: since always.
    pub from_us: Option<i64>,
    /// Until when (not included); `None`: open.
    pub until_us: Option<i64>,
    /// The translator's name.
    pub gateway: Option<String>,
}

unprinted!(CgnRule);

/// How the ports `first_port..=last_port` of the outside addresses are divided among the inside addresses.
///
/// With P ports a subscriber, an outside address has B = (`last_port` - `first_port` + 1) / P whole blocks (what is
/// left over is unused); block b starts at `first_port` + b P. Inside addresses are counted i = 0, 1, … from the
/// first, outside addresses a = 0, 1, … of A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// Nothing is divided: all inside addresses share all of the ports, and only a log can tell them apart.
    Shared,
    /// `sequential` (RFC 7422 section 2, the usual one of deterministic NAT): an outside address is filled before
    /// the next is begun, so a = i / B and b = i mod B.
    Sequential {
        /// P.
        ports_per_subscriber: u16,
    },
    /// `interleaved`: neighbours go to different outside addresses, so a = i mod A and b = i / A.
    Interleaved {
        /// P.
        ports_per_subscriber: u16,
    },
}

/// Whether a rule is for all traffic of its inside addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// For all of it.
    AllTraffic,
    /// For a part only (for instance one destination): other ports may be used elsewhere.
    PartOfTraffic,
}

/// Reads rules in either form: each item is the line number and the rule, or a fault.
pub enum CgnRules<R> {
    /// Comma-separated values or JSON lines.
    Table(Table<R, CgnRule>),
    /// An nftables ruleset.
    Nft(NftRules<R>),
}

impl<R: BufRead> CgnRules<R> {
    /// Rules in `input`; words of its beginning tell the two forms apart, and what is in doubt is a table.
    ///
    /// # Errors
    /// When the first octets cannot be read.
    pub fn new(mut input: R, zone: Option<TimeZone>) -> io::Result<Self> {
        let head = input.fill_buf()?;
        let has = |word: &[u8]| head.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        if !has(KEY_COLUMN) && NFT_WORDS.iter().any(|word| has(word)) {
            return Ok(Self::Nft(NftRules::new(input)));
        }
        Ok(Self::Table(Table::new(input, zone)))
    }
}

impl<R: BufRead> Iterator for CgnRules<R> {
    type Item = Result<(u64, CgnRule), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Table(table) => table.next(),
            Self::Nft(rules) => rules.next(),
        }
    }
}

impl TableRecord for CgnRule {
    const COLUMNS: &'static [&'static str] = &[
        "inside_prefix",
        "inside_realm",
        "outside_prefix_or_range",
        "ports_per_subscriber",
        "first_port",
        "last_port",
        "algorithm",
        "from",
        "until",
        "gateway",
    ];
    const REQUIRED: &'static [&'static str] =
        &["inside_prefix", "outside_prefix_or_range", "first_port", "last_port"];

    fn from_row(row: &Row, zone: Option<&TimeZone>) -> Result<Self, String> {
        let range = |column: &str| {
            let range =
                row.read(column, "an address, a prefix without host bits, or a range", AddressRange::parse)?;
            range.ok_or_else(|| format!("`{column}` is empty"))
        };
        let (inside, outside) = (range("inside_prefix")?, range("outside_prefix_or_range")?);
        let first_port: u16 = row.number("first_port")?.ok_or("`first_port` is empty")?;
        let last_port: u16 = row.number("last_port")?.ok_or("`last_port` is empty")?;
        if last_port < first_port {
            return Err("`last_port` is below `first_port`".to_owned());
        }
        let ports = u32::from(last_port - first_port) + 1;
        let per_subscriber: Option<u16> = row.number("ports_per_subscriber")?;
        let allocation = match (per_subscriber, row.text("algorithm")) {
            (None, None) => Allocation::Shared,
            (None, Some(_)) => return Err("`ports_per_subscriber` is empty".to_owned()),
            (Some(0), _) => return Err("`ports_per_subscriber` is zero".to_owned()),
            (Some(_), None) => return Err("`algorithm` is empty".to_owned()),
            (Some(ports_per_subscriber), Some(word)) => match word.to_ascii_lowercase().as_str() {
                "sequential" => Allocation::Sequential { ports_per_subscriber },
                "interleaved" => Allocation::Interleaved { ports_per_subscriber },
                _ => return Err("`algorithm` is none of sequential, interleaved".to_owned()),
            },
        };
        if let Some(per_subscriber) = per_subscriber {
            let blocks = u128::from(ports / u32::from(per_subscriber));
            if outside.count().saturating_mul(blocks) < inside.count() {
                return Err("`inside_prefix` has more addresses than the rule has port blocks".to_owned());
            }
        }
        let (from_us, until_us) = row.period("from", "until", zone)?;
        Ok(Self {
            inside,
            inside_realm: row.text("inside_realm").map(str::to_owned),
            outside,
            first_port,
            last_port,
            allocation,
            protocol: None,
            reach: Reach::AllTraffic,
            from_us,
            until_us,
            gateway: row.text("gateway").map(str::to_owned),
        })
    }
}

const KEY_COLUMN: &[u8] = b"inside_prefix";

const NFT_WORDS: [&[u8]; 3] = [b"table ip", b"table inet ", b"snat "];
