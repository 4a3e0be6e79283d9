//! DHCP lease files: which client held which address or prefix, and until when.
//!
//! What comes in: the journal that a DHCP server keeps (Kea memfile CSV for v4 and v6, ISC `dhcpd.leases`), whole or
//! line by line while it grows. What goes out: one [`Lease`] for each version of a lease, in the order of the file.
//! It never decides which version held at an instant, and never keeps a host name.
//!
//! A lease file is a journal: a later line about the same address replaces what an earlier one said of the time
//! after it. Compacted files (`.1`, `.2`, `.completed`) have the same form and hold only the last version.

mod isc;
mod kea4;
mod kea6;
mod kea_line;
mod relay;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, io::BufRead, net::IpAddr};

use crate::{
    Defect,
    tables::{
        Fault,
        lines::{Line, Lines},
        unprinted,
    },
};

/// One version of a lease.
#[derive(Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address, or the first address of the delegated prefix.
    pub address: IpAddr,
    /// 32 or 128 for an address, the prefix length for a delegated prefix.
    pub prefix_len: u8,
    /// What is leased.
    pub kind: LeaseKind,
    /// The client's Ethernet address, if the server knew it; other hardware types are not kept.
    pub mac: Option<[u8; 6]>,
    /// DHCPv4 client identifier (option 61); empty if there was none.
    pub client_id: Vec<u8>,
    /// DHCPv6 unique identifier (RFC 8415 section 11); empty in v4.
    pub duid: Vec<u8>,
    /// DHCPv6 identity association.
    pub iaid: Option<u32>,
    /// Circuit id added by the relay next to the client (RFC 3046 sub-option 1; DHCPv6 interface id); may be empty.
    pub circuit_id: Vec<u8>,
    /// Remote id likewise (RFC 3046 sub-option 2; RFC 4649 without its enterprise number); may be empty.
    pub remote_id: Vec<u8>,
    /// The server's number of the subnet (Kea).
    pub subnet_id: Option<u32>,
    /// When this lease began, where the file says it (ISC `starts`), microseconds since the epoch.
    pub starts_us: Option<i64>,
    /// Last time that the client asked for or renewed it.
    pub cltt_us: Option<i64>,
    /// When it ends; `None`: never. Of a lease that was given back, Kea writes the last renewal here and nowhere
    /// the moment of giving back, which lies between this and the next version.
    pub expire_us: Option<i64>,
    /// Its state in this version.
    pub state: LeaseState,
}

unprinted!(Lease);

/// What is leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseKind {
    /// An IPv4 address.
    V4,
    /// A DHCPv6 non-temporary address (IA_NA).
    V6Address,
    /// A DHCPv6 temporary address (IA_TA).
    V6Temporary,
    /// A delegated prefix (IA_PD).
    V6Prefix,
}

/// The state of a lease; only in `Active` a client holds the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseState {
    /// A client holds it until it ends.
    Active,
    /// The client gave it back.
    Released,
    /// It ended and the server has noticed.
    Expired,
    /// Somebody else used the address (Kea declined, ISC abandoned); nobody known holds it.
    Declined,
    /// To be given to anybody.
    Free,
    /// To be given by the failover partner.
    Backup,
    /// Set aside.
    Reserved,
    /// Between states, or reset by the operator.
    Reset,
    /// Address registered by its user (RFC 9686): chosen by the host, not given.
    Registered,
    /// A number that this reader does not know.
    Unknown(u32),
}

/// Which server wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseFormat {
    /// Kea DHCPv4 memfile.
    Kea4,
    /// Kea DHCPv6 memfile.
    Kea6,
    /// ISC dhcpd, v4 and v6.
    Isc,
}

/// A lease with the line it begins on, or what could not be read.
pub type LeaseRead = Result<(u64, Lease), Defect>;

/// Reads a lease file from beginning to end: each item is the line number and the lease, or a fault.
pub struct Leases<R> {
    lines: Lines<R>,
    parser: LeaseParser,
    ready: VecDeque<LeaseRead>,
    ended: bool,
}

impl<R: BufRead> Leases<R> {
    /// A lease file in `input`.
    pub fn new(format: LeaseFormat, input: R) -> Self {
        Self {
            lines: Lines::new(input),
            parser: LeaseParser::new(format),
            ready: VecDeque::new(),
            ended: false,
        }
    }
}

impl<R: BufRead> Iterator for Leases<R> {
    type Item = Result<(u64, Lease), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready.map_err(Fault::from));
            }
            if self.ended {
                return None;
            }
            match self.lines.next_line() {
                Ok(Some((number, line))) => self.parser.line(number, line, &mut self.ready),
                Ok(None) => {
                    self.ended = true;
                    self.parser.finish(&mut self.ready);
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
            }
        }
    }
}

/// Reads a lease file line by line, for one that still grows: hand in complete lines only.
pub struct LeaseParser(Parser);

enum Parser {
    Kea4(kea_line::KeaLines<kea4::Row>),
    Kea6(kea_line::KeaLines<kea6::Row>),
    Isc(isc::Isc),
}

impl LeaseParser {
    /// A parser at the beginning of a file.
    pub fn new(format: LeaseFormat) -> Self {
        Self(match format {
            LeaseFormat::Kea4 => Parser::Kea4(kea_line::KeaLines::default()),
            LeaseFormat::Kea6 => Parser::Kea6(kea_line::KeaLines::default()),
            LeaseFormat::Isc => Parser::Isc(isc::Isc::default()),
        })
    }

    /// Takes one line, numbered from 1, and appends what it completes to `out`.
    pub fn line(&mut self, number: u64, line: Line<'_>, out: &mut VecDeque<LeaseRead>) {
        match &mut self.0 {
            Parser::Kea4(kea) => kea.line(number, line, out),
            Parser::Kea6(kea) => kea.line(number, line, out),
            Parser::Isc(isc) => isc.line(number, line, out),
        }
    }

    /// Says what the end of the file leaves incomplete.
    pub fn finish(&mut self, out: &mut VecDeque<LeaseRead>) {
        if let Parser::Isc(isc) = &mut self.0 {
            isc.finish(out);
        }
    }
}
