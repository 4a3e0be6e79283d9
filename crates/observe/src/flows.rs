//! Flow exports of a running network: NetFlow v5, v9, IPFIX and sFlow v5 on one UDP port, IPFIX over TCP.
//!
//! What comes in: datagrams and streams of the exporters that the configuration names ([`Receiver`]). What goes out: raw
//! records of datagrams that arrived together, into a spool, before anybody looks into them; and out of the spool
//! ([`Reader`]) columns of flows, with the health of each exporter. An exporter that is not named is refused, or
//! quarantined: spooled, counted and shown, but its flows are left out. It never stores flows, and asks for no clock
//! but that of arrival.

use std::net::SocketAddr;

use tadoru_model::{Prefix, SourceName};

pub(crate) mod batch;
mod clock;
mod health;
mod memory;
mod reader;
mod receiver;
mod streams;
#[cfg(test)]
mod tests;
mod unknown;

pub use health::{AddressHealth, ExporterHealth, Protocol, Sampling, Standing};
pub use reader::Reader;
pub use receiver::{Counters, Listening, Receiver};
pub use unknown::UnknownSender;

/// Section `[sources.flows]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen for datagrams, of every protocol.
    pub udp: Vec<SocketAddr>,
    /// Where to listen for streams of IPFIX.
    pub tcp: Vec<SocketAddr>,
    /// Who may send.
    pub exporters: Vec<Exporter>,
    /// What becomes of the datagrams of others.
    pub unknown: Unknown,
    /// Streams at a time.
    pub streams: usize,
    /// Datagrams taken from the kernel and made durable together at most.
    pub batch: usize,
    /// Room for datagrams that wait in the kernel, octets.
    pub receive_buffer: usize,
    /// How long data waits for its template, seconds. RFC 3954 section 9 asks exporters for one each half hour.
    pub template_wait_s: u32,
}

/// An exporter, or several.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exporter {
    /// Whence it sends.
    pub from: Prefix,
    /// Its name, for people; without it, its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SourceName>,
    /// One packet in so many is looked at, where the exporter itself does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<u32>,
    /// How far its templates reach.
    #[serde(default)]
    pub templates: Reach,
}

/// How far an exporter's templates reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// As RFC 7011 section 8.1 says, one address and port: several exporters behind one address are kept apart.
    #[default]
    Port,
    /// All ports of the address, for one that sends templates from one port and data from another.
    Address,
}

/// What becomes of datagrams of an exporter that is not named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// Dropped and counted.
    #[default]
    Refuse,
    /// Spooled, read and shown, so that an operator sees who it is; its flows are not kept.
    Quarantine,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            exporters: Vec::new(),
            unknown: Unknown::Refuse,
            streams: 256,
            batch: 256,
            receive_buffer: 64 * 1024 * 1024,
            template_wait_s: 1800,
        }
    }
}
