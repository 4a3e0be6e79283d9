//! What the town is made of: `scenarios/town.toml`, read strictly.
//!
//! Every part is optional but the clock; a town of one access network is a town too. Addresses are of the documentation
//! and benchmark ranges, so that no real subscriber is ever named.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use serde::Deserialize;
use tadoru_model::{Prefix, UtcMicros};

/// A town as planned.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the town is called.
    pub name: String,
    /// When its records begin.
    pub begin: Timestamp,
    /// How long they go on.
    pub hours: u32,
    /// Contracts in all; shared out by the `weight` of the parts.
    pub subscribers: usize,
    /// How many questions are asked of it.
    pub questions: usize,
    /// How far an observer's clock may be off, either way, seconds.
    pub skew_s: u32,
    /// The operator's own address space.
    pub own: Vec<Prefix>,
    /// How records are lost and delayed on their way.
    pub delivery: Delivery,
    /// Access servers that write RADIUS accounting.
    #[serde(default)]
    pub access: Vec<Access>,
    /// Gateways that log their translations.
    #[serde(default)]
    pub gateway: Vec<Gateway>,
    /// A gateway that needs no log.
    pub deterministic: Option<Deterministic>,
    /// An access network with DHCP.
    pub dhcp: Option<Dhcp>,
    /// A MAP-E domain.
    pub map_e: Option<MapE>,
    /// A venue with seats.
    pub venue: Option<Venue>,
    /// Business lines with fixed addresses.
    pub fixed: Option<Fixed>,
}

/// How records are lost and delayed on their way; likelihoods from 0 to 1, each record for itself.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// A record (RADIUS), a datagram (exports) or a line (syslog) never arrives.
    pub lost: f64,
    /// A RADIUS record arrives twice.
    pub repeated: f64,
    /// A RADIUS record is sent later, and says so (Acct-Delay-Time).
    pub delayed: f64,
    /// A RADIUS record arrives later, and does not say so.
    pub detained: f64,
    /// A datagram is overtaken by the next ones.
    pub overtaken: f64,
}

/// An access server that writes RADIUS accounting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// NAS-Identifier and name of the source.
    pub name: String,
    /// NAS-IP-Address.
    pub address: Ipv4Addr,
    /// Secret of its RADIUS packets.
    pub secret: String,
    /// Its share of the contracts.
    pub weight: usize,
    /// Address plan of its pool; the public one where absent.
    pub realm: Option<String>,
    /// IPv4 pool.
    pub pool: Prefix,
    /// Prefix out of which a /56 is delegated to each session.
    pub delegated: Prefix,
    /// By how much its clock is ahead, seconds; negative: behind.
    #[serde(default)]
    pub clock_s: i64,
    /// Seconds between two interim updates; 0: none are sent.
    pub interim_s: u32,
    /// When it crashes, minutes after the beginning.
    #[serde(default)]
    pub crash_min: Vec<u32>,
    /// Share of the contracts whose account is used on two lines at once.
    #[serde(default)]
    pub shared_accounts: f64,
}

/// A gateway that logs its translations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Name of the source.
    pub name: String,
    /// Address that it exports from.
    pub address: Ipv4Addr,
    /// Address plan behind it.
    pub inside_realm: String,
    /// Its outside addresses.
    pub outside: Prefix,
    /// How it logs.
    pub log: Log,
    /// By how much its clock is ahead, seconds; negative: behind.
    #[serde(default)]
    pub clock_s: i64,
    /// When nothing of its log arrives.
    pub outage: Option<Outage>,
}

/// How a gateway logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Log {
    /// Port blocks by IPFIX (RFC 7011, RFC 8158); sequence numbers count records.
    Ipfix,
    /// Port blocks by NetFlow v9 (RFC 3954); sequence numbers count packets.
    Netflow9,
    /// Port blocks by RFC 5424 syslog as Juniper writes them, with `sequenceId`.
    Syslog,
    /// Single connections as Linux `conntrack -E -o timestamp,id` prints them; nothing shows a lost line.
    Conntrack,
}

impl Log {
    /// Whether a loss can be seen in what arrives.
    pub const fn shows_loss(self) -> bool {
        !matches!(self, Self::Conntrack)
    }

    /// Whether arrivals are recorded beside the device's own times.
    pub const fn has_arrivals(self) -> bool {
        matches!(self, Self::Ipfix | Self::Netflow9)
    }
}

/// A time in which nothing of a log arrives.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Minutes after the beginning.
    pub from_min: u32,
    /// How long, minutes.
    pub minutes: u32,
}

/// A gateway that deals its ports out by an algorithm (RFC 7422).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deterministic {
    /// Name of the gateway.
    pub name: String,
    /// Address plan behind it.
    pub inside_realm: String,
    /// Inside addresses.
    pub inside: Prefix,
    /// Outside addresses.
    pub outside: Prefix,
    /// Ports of one inside address.
    pub ports_each: u16,
}

/// An access network with DHCP, v4 leases behind a gateway and delegated v6 prefixes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dhcp {
    /// Name of the source.
    pub name: String,
    /// Its share of the contracts.
    pub weight: usize,
    /// Address plan of the v4 pool; the public one where absent.
    pub realm: Option<String>,
    /// IPv4 pool.
    pub pool: Prefix,
    /// Prefix out of which a /56 is delegated to each line.
    pub delegated: Prefix,
    /// Length of a lease, seconds; renewed at half of it.
    pub lease_s: u32,
}

/// A MAP-E domain (RFC 7597): one basic mapping rule, customers' prefixes by contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapE {
    /// Its share of the contracts.
    pub weight: usize,
    /// Rule IPv6 prefix.
    pub ipv6: Prefix,
    /// Rule IPv4 prefix.
    pub ipv4: Prefix,
    /// Length of the embedded-address bits.
    pub ea_len: u8,
    /// Bits of a port before its port-set id.
    pub psid_offset: u8,
    /// Address of the border relay.
    pub relay: std::net::Ipv6Addr,
}

/// A venue whose seats have public addresses of their own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    /// Its name.
    pub name: String,
    /// One address a seat.
    pub seats: Prefix,
    /// How many customers it has.
    pub customers: usize,
}

/// Business lines with fixed addresses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// Its share of the contracts.
    pub weight: usize,
    /// One IPv4 address each.
    pub ipv4: Prefix,
    /// One /48 each.
    pub ipv6: Prefix,
}

/// Why a plan is refused.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The text is not a plan.
    #[error("cannot read the plan of the town")]
    Text(#[from] toml::de::Error),
    /// A part has more lines than addresses, prefixes or port sets.
    #[error("`{part}` has no room for {lines} lines")]
    Room {
        /// Which part.
        part: String,
        /// How many lines it should have.
        lines: usize,
    },
    /// Nothing that arrives would show a clock error or an outage.
    #[error("nothing in the log of `{part}` would show its `{what}`")]
    Unseen {
        /// Which gateway.
        part: String,
        /// `clock_s` or `outage`.
        what: &'static str,
    },
    /// Nobody takes the contracts.
    #[error("no part of the town has a `weight`")]
    Weight,
    /// Two sources have one name.
    #[error("two parts are called `{part}`")]
    Name {
        /// The name.
        part: String,
    },
}

impl Plan {
    /// Reads a plan; unknown keys are refused.
    ///
    /// # Errors
    /// When it is not a plan, or not one that can be built.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let plan: Self = toml::from_str(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// The town that the product brings along.
    ///
    /// # Errors
    /// Never, as long as the committed plan is one.
    pub fn builtin() -> Result<Self, PlanError> {
        Self::parse(include_str!("../../../scenarios/town.toml"))
    }

    /// First instant of the records.
    pub fn begins(&self) -> UtcMicros {
        self.begin.into()
    }

    /// First instant after them.
    pub fn ends(&self) -> UtcMicros {
        self.begins().plus(i64::from(self.hours) * 3_600_000_000)
    }

    /// The stated skew, microseconds.
    pub fn skew_us(&self) -> i64 {
        i64::from(self.skew_s) * 1_000_000
    }

    /// How many contracts each part gets: access servers in their order, then DHCP, MAP-E, fixed lines.
    pub fn shares(&self) -> Shares {
        let weights: Vec<usize> = self
            .access
            .iter()
            .map(|a| a.weight)
            .chain([
                self.dhcp.as_ref().map_or(0, |d| d.weight),
                self.map_e.as_ref().map_or(0, |m| m.weight),
                self.fixed.as_ref().map_or(0, |f| f.weight),
            ])
            .collect();
        let total = weights.iter().sum::<usize>().max(1);
        let (mut given, mut passed) = (0, 0);
        let mut counts = weights.iter().map(|weight| {
            passed += weight;
            let until = self.subscribers * passed / total;
            let count = until - given;
            given = until;
            count
        });
        let access: Vec<usize> = counts.by_ref().take(self.access.len()).collect();
        let mut next = || counts.next().unwrap_or(0);
        Shares { access, dhcp: next(), map_e: next(), fixed: next() }
    }

    fn check(&self) -> Result<(), PlanError> {
        let shares = self.shares();
        if self.subscribers > 0 && shares.total() == 0 {
            return Err(PlanError::Weight);
        }
        let room = |part: &str, lines: usize, places: u64| {
            if (lines as u64) < places {
                Ok(())
            } else {
                Err(PlanError::Room { part: part.to_owned(), lines })
            }
        };
        for (access, count) in self.access.iter().zip(&shares.access) {
            let lines = count * 2;
            room(&access.name, lines, places(access.pool, 32).min(places(access.delegated, 56)))?;
        }
        if let Some(dhcp) = &self.dhcp {
            room(&dhcp.name, shares.dhcp, places(dhcp.pool, 32).min(places(dhcp.delegated, 56)))?;
        }
        if let Some(map) = &self.map_e {
            let suffix = 32_u8.saturating_sub(map.ipv4.len());
            let fits = map.ea_len > suffix
                && map.ea_len - suffix + map.psid_offset <= 16
                && map.ipv6.len() + map.ea_len <= 64
                && map.ipv4.addr().is_ipv4()
                && map.ipv6.addr().is_ipv6();
            room("map_e", shares.map_e, if fits { 1 << map.ea_len.min(32) } else { 0 })?;
        }
        if let Some(fixed) = &self.fixed {
            room("fixed", shares.fixed, places(fixed.ipv4, 32).min(places(fixed.ipv6, 48)))?;
        }
        if let Some(rule) = &self.deterministic {
            let blocks = u64::from(64_512 / rule.ports_each.max(1));
            room(&rule.name, 0, u64::from(places(rule.outside, 32) * blocks >= places(rule.inside, 32)))?;
        }
        for gateway in &self.gateway {
            room(&gateway.name, 0, places(gateway.outside, 32))?;
            for (wrong, what) in [
                (gateway.clock_s != 0 && !gateway.log.has_arrivals(), "clock_s"),
                (gateway.outage.is_some() && !gateway.log.shows_loss(), "outage"),
            ] {
                if wrong {
                    return Err(PlanError::Unseen { part: gateway.name.clone(), what });
                }
            }
        }
        let mut names: Vec<&str> = self.access.iter().map(|a| a.name.as_str()).collect();
        names.extend(self.gateway.iter().map(|g| g.name.as_str()));
        names.extend(self.dhcp.iter().map(|d| d.name.as_str()));
        names.sort_unstable();
        match names.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first()) {
            Some(part) => Err(PlanError::Name { part: (*part).to_owned() }),
            None => Ok(()),
        }
    }
}

/// How many contracts each part has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// Of each access server.
    pub access: Vec<usize>,
    /// Of the DHCP network.
    pub dhcp: usize,
    /// Of the MAP-E domain.
    pub map_e: usize,
    /// Fixed lines.
    pub fixed: usize,
}

impl Shares {
    /// All contracts.
    pub fn total(&self) -> usize {
        self.access.iter().sum::<usize>() + self.dhcp + self.map_e + self.fixed
    }
}

/// How many prefixes of `len` bits are in `prefix`; 0 where it is longer itself.
pub(crate) fn places(prefix: Prefix, len: u8) -> u64 {
    match len.checked_sub(prefix.len()) {
        Some(bits) => 1 << bits.min(62),
        None => 0,
    }
}

/// The `n`-th prefix of `len` bits in `prefix`; the first of all where there is no such one.
pub(crate) fn nth(prefix: Prefix, len: u8, n: usize) -> Prefix {
    let n = n as u128;
    let addr = match prefix.addr() {
        IpAddr::V4(base) => {
            let shifted = u32::try_from(n << 32_u8.saturating_sub(len)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(base.to_bits().wrapping_add(shifted)))
        }
        IpAddr::V6(base) => {
            let shifted = n.checked_shl(u32::from(128_u8.saturating_sub(len))).unwrap_or(0);
            IpAddr::V6(std::net::Ipv6Addr::from_bits(base.to_bits().wrapping_add(shifted)))
        }
    };
    Prefix::covering(addr, len).unwrap_or(prefix)
}

#[cfg(test)]
mod tests;
