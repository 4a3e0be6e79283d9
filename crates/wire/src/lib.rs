//! Bytes and lines of the outside world in, records out, and back; a file a format.
//!
//! What comes in: octets or text as an access network's devices write them (RADIUS packets, detail files, lease
//! files, NAT logs, NetFlow and IPFIX NAT events, CSV tables). What goes out: plain records in the format's own
//! terms, and a list of [`Defect`]s for what could not be read. It never opens a socket or a file, keeps no clock,
//! never panics, and never allocates by a length that it has not checked.

pub mod bzip2;
pub mod defect;
pub mod dictionary;
pub mod flow;
pub mod leases;
pub mod mrt;
pub mod natlog;
pub mod nfcapd;
pub mod packet;
pub mod pcap;
pub mod radius;
pub mod sflow;
pub mod tables;

pub use defect::{Defect, Place};
