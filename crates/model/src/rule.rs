//! Translations that no log records because an algorithm decides them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{PortRange, Prefix, Protocol, Realm, SourceName, Span};

/// How a deterministic gateway deals its ports out (RFC 7422, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dealing {
    /// One block each; an outside address is filled before the next is begun.
    Sequential,
    /// One block each; neighbours go to different outside addresses.
    Interleaved,
    /// All inside addresses share all ports; the rule narrows, it does not decide.
    Shared,
}

/// An algorithmic translation and the time in which it was configured.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Gateway or border relay that it is configured on.
    pub source: SourceName,
    /// Realm of the outside addresses.
    pub realm: Realm,
    /// Protocol, [`Protocol::ANY`] for all.
    pub proto: Protocol,
    /// When it was in force.
    pub valid: Span,
    /// The algorithm.
    pub algorithm: Algorithm,
}

/// The algorithm of a [`Rule`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Deterministic carrier-grade NAT (RFC 7422), or a static translation rule.
    DeterministicNat {
        /// First inside address.
        inside_first: IpAddr,
        /// Last inside address.
        inside_last: IpAddr,
        /// Their realm.
        inside_realm: Realm,
        /// First outside address.
        outside_first: IpAddr,
        /// Last outside address.
        outside_last: IpAddr,
        /// Ports of each outside address that are dealt out.
        ports: PortRange,
        /// Ports of one subscriber; unused where `dealing` is [`Dealing::Shared`].
        ports_each: u32,
        /// How they are dealt out.
        dealing: Dealing,
    },
    /// MAP-E basic mapping rule (RFC 7597, section 5.2).
    MapE {
        /// Rule IPv6 prefix.
        ipv6: Prefix,
        /// Rule IPv4 prefix.
        ipv4: Prefix,
        /// Length of the embedded-address bits.
        ea_len: u8,
        /// Bits of the port before the port-set id (`a`).
        psid_offset: u8,
        /// Length of the port-set id where it is not what the other lengths leave.
        psid_len: Option<u8>,
        /// Realm of the customers' IPv6 prefixes.
        inside_realm: Realm,
    },
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.algorithm {
            Algorithm::DeterministicNat { .. } => "[deterministic NAT rule]",
            Algorithm::MapE { .. } => "[MAP-E rule]",
        })
    }
}
