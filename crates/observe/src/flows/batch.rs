//! Datagrams that arrived together, as the octets of one raw record.
//!
//! What comes in: datagrams, each with whence and when it came and what the configuration says of its exporter. What
//! goes out: octets, and the datagrams again in order. Reading them takes nothing else, so that a batch that is read
//! again under another configuration gives the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tadoru_model::{Realm, UtcMicros};

use super::Reach;
use crate::inlet::{RawKind, SpoolRecord};

/// What the configuration says of a datagram's exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether its flows are wanted.
    pub standing: super::Standing,
    /// Sampling where it tells none; 0: nothing is known.
    pub sampling: u32,
    pub templates: Reach,
}

/// One datagram, or message of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub source: SocketAddr,
    pub arrival: UtcMicros,
    pub told: Told,
    pub octets: &'a [u8],
}

/// A batch that grows.
#[derive(Default)]
pub(crate) struct Batch {
    octets: Vec<u8>,
    datagrams: usize,
    last: Option<UtcMicros>,
}

impl Batch {
    pub(crate) fn datagrams(&self) -> usize {
        self.datagrams
    }

    pub(crate) fn octets(&self) -> usize {
        self.octets.len()
    }

    /// Adds a datagram; `false` for one longer than any may be.
    pub(crate) fn push(&mut self, datagram: &Datagram<'_>) -> bool {
        let Ok(len) = u16::try_from(datagram.octets.len()) else { return false };
        let Datagram { source, arrival, told, .. } = datagram;
        let flags = u8::from(source.is_ipv6()) * V6
            + u8::from(told.standing == super::Standing::Quarantined) * QUARANTINED
            + u8::from(told.templates == Reach::Address) * ADDRESS;
        let out = &mut self.octets;
        out.reserve(FIXED + 16 + datagram.octets.len());
        out.push(flags);
        match source.ip() {
            IpAddr::V4(addr) => out.extend_from_slice(&addr.octets()),
            IpAddr::V6(addr) => out.extend_from_slice(&addr.octets()),
        }
        out.extend_from_slice(&source.port().to_be_bytes());
        out.extend_from_slice(&arrival.0.to_be_bytes());
        out.extend_from_slice(&told.sampling.to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(datagram.octets);
        self.datagrams += 1;
        self.last = Some(*arrival);
        true
    }

    /// The batch as a raw record; it is empty afterwards.
    pub(crate) fn take(&mut self) -> Option<SpoolRecord> {
        let arrival = self.last.take()?;
        let room = self.octets.len();
        self.datagrams = 0;
        Some(SpoolRecord {
            kind: RawKind::Flow,
            source: None,
            realm: Realm::untold(),
            inside_realm: Realm::untold(),
            zone: None,
            sender: None,
            arrival,
            place: None,
            octets: std::mem::replace(&mut self.octets, Vec::with_capacity(room)),
        })
    }
}

/// The datagrams of a batch; it ends early where the octets are not those of one.
pub(crate) fn datagrams(mut octets: &[u8]) -> impl Iterator<Item = Datagram<'_>> {
    std::iter::from_fn(move || {
        let (datagram, rest) = read(octets)?;
        octets = rest;
        Some(datagram)
    })
}

fn read(octets: &[u8]) -> Option<(Datagram<'_>, &[u8])> {
    let (&flags, rest) = octets.split_first()?;
    let (ip, rest): (IpAddr, _) = if flags & V6 == 0 {
        let (addr, rest) = rest.split_first_chunk::<4>()?;
        (Ipv4Addr::from(*addr).into(), rest)
    } else {
        let (addr, rest) = rest.split_first_chunk::<16>()?;
        (Ipv6Addr::from(*addr).into(), rest)
    };
    let (port, rest) = rest.split_first_chunk()?;
    let (arrival, rest) = rest.split_first_chunk()?;
    let (sampling, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (octets, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    let standing =
        if flags & QUARANTINED == 0 { super::Standing::Known } else { super::Standing::Quarantined };
    let told = Told {
        standing,
        sampling: u32::from_be_bytes(*sampling),
        templates: if flags & ADDRESS == 0 { Reach::Port } else { Reach::Address },
    };
    let source = SocketAddr::new(ip, u16::from_be_bytes(*port));
    Some((Datagram { source, arrival: UtcMicros(i64::from_be_bytes(*arrival)), told, octets }, rest))
}

const V6: u8 = 1;
const QUARANTINED: u8 = 2;
const ADDRESS: u8 = 4;
/// Octets beside address and datagram.
const FIXED: usize = 17;
