//! What a detector says: which suspicion, where, how big, from where, why, how sure, and what would make it wrong.
//!
//! A finding is a whole snapshot: whoever reads the newest one of an id needs no earlier one. Rates are estimates of
//! the real traffic, scaled by sampling. Sentences in it never hold an address; `Debug` shows none either.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Prefix, UtcMicros};

#[cfg(test)]
mod tests;

// ---------------------------------------------------------------------------------------------- Finding

/// A suspicion as it stands at one instant. All findings of one incident carry the same id.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stays the same from the first finding of an incident to its last.
    pub id: FindingId,
    /// What happened since the finding before.
    pub state: FindingState,
    /// When this was said.
    pub at: UtcMicros,
    /// Its strongest vector.
    pub vector: Vector,
    /// Every vector that went over its threshold, the strongest first.
    pub vectors: Vec<VectorRate>,
    /// Where it is aimed at now; of a scan, who scans.
    pub scope: Scope,
    /// Into the own network, out of it, or through it.
    pub direction: Direction,
    /// First second over the threshold.
    pub start: UtcMicros,
    /// Last second that belonged to it.
    pub last: UtcMicros,
    /// The highest second.
    pub peak: Peak,
    /// The newest rate.
    pub now: Rate,
    /// The threshold that it went over.
    pub threshold: Threshold,
    /// The coarsest sampling among what it rests on: one packet in how many; 1 when every packet was counted.
    pub sampling: u32,
    /// Who sends.
    pub sources: Sources,
    /// Where it enters, the largest share first.
    pub ingress: Vec<Ingress>,
    /// Who is hit besides.
    pub collateral: Vec<Collateral>,
    /// Where it was aimed at over time, oldest first.
    pub targets: Vec<Target>,
    /// Ports it is sent to, the largest share first; of ICMP, type x 256 + code.
    pub dst_ports: Vec<PortShare>,
    /// Ports it is sent from.
    pub src_ports: Vec<PortShare>,
    /// Why it is suspected, one sentence each.
    pub why: Vec<String>,
    /// How sure that is.
    pub sure: Sureness,
    /// What that sureness rests on.
    pub sure_because: String,
    /// What would make it wrong, one sentence each.
    pub wrong_if: Vec<String>,
}

/// Names an incident, without telling anything about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FindingId(pub u64);

/// What happened since the finding before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingState {
    /// It is new.
    Opened,
    /// It became stronger, or got another vector.
    Grew,
    /// It is aimed at somebody else, or at more.
    Moved,
    /// It is over.
    Ended,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sureness {
    /// Worth a look; a harmless cause is near.
    Low,
    /// A harmless cause would be unusual.
    Likely,
    /// The evidence leaves no harmless cause that is known.
    Sure,
}

/// Which way it goes, seen from the own network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Towards an own address.
    Incoming,
    /// From own addresses to others.
    Outgoing,
    /// Between own addresses.
    Inside,
    /// Between others; or nobody told which addresses are own.
    Passing,
}

// ---------------------------------------------------------------------------------------------- Vector

/// Kind of suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Vector {
    /// UDP that nobody asked for.
    Udp,
    /// ICMP or ICMPv6.
    Icmp,
    /// TCP SYN without ACK.
    Syn,
    /// TCP SYN with ACK, without a SYN that it answers: reflection.
    SynAck,
    /// TCP ACK or data that belongs to no connection.
    Ack,
    /// TCP RST.
    Rst,
    /// TCP FIN without a connection.
    Fin,
    /// TCP flags that no stack sends: none at all, SYN with FIN, FIN with PSH and URG without ACK.
    TcpInvalid,
    /// Fragments behind the first, which carry no ports.
    Fragments,
    /// Answers of a service to questions that somebody else asked in the target's name.
    Amplification(Service),
    /// Connections that are made and hardly used.
    Connections,
    /// Small requests to a web service, each in its connection.
    HttpGet,
    /// Connections that are held open with hardly any traffic.
    SlowConnections,
    /// Other protocols of IP.
    OtherProtocol,
    /// Looking for open ports or hosts.
    Scan(Scan),
}

/// Kind of scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scan {
    /// Telnet on many addresses (ports 23 and 2323), as Mirai and its kin do.
    Telnet,
    /// Many ports of few addresses.
    Ports,
    /// Few ports of many addresses.
    Hosts,
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $port:literal;)+) => {
        /// Service whose answers are reflected.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Service {
            $($(#[$doc])* $name,)+
            /// None that is known: told by its shape only, one source port, many sources, large packets.
            Unknown,
        }

        impl Service {
            /// Every service that is known by its port.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The service that answers from this UDP port.
            pub const fn of_port(port: u16) -> Option<Self> {
                match port {
                    $($port => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The UDP port that it answers from; 0 of an unknown one.
            pub const fn port(self) -> u16 {
                match self {
                    $(Self::$name => $port,)+
                    Self::Unknown => 0,
                }
            }

            /// Its name in JSON and tables.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown => "unknown",
                }
            }
        }
    };
}

// Ports of CISA alert TA14-017A and of later advisories of the makers or finders of each.
services! {
    /// Quote of the day (RFC 865).
    Qotd = "qotd", 17;
    /// Character generator (RFC 864).
    Chargen = "chargen", 19;
    /// Domain names.
    Dns = "dns", 53;
    /// Trivial file transfer (RFC 1350).
    Tftp = "tftp", 69;
    /// ONC RPC port mapper (RFC 1833).
    Portmap = "portmap", 111;
    /// Network time: monlist and its like.
    Ntp = "ntp", 123;
    /// NetBIOS name service (RFC 1002).
    NetBios = "netbios", 137;
    /// SNMP, GetBulk.
    Snmp = "snmp", 161;
    /// Connectionless LDAP.
    Cldap = "cldap", 389;
    /// Internet key exchange (RFC 7296).
    Isakmp = "isakmp", 500;
    /// RIPv1 (RFC 1058).
    Rip = "rip", 520;
    /// IPMI remote management.
    Ipmi = "ipmi", 623;
    /// Microsoft SQL resolution.
    MsSql = "mssql", 1434;
    /// Simple service discovery.
    Ssdp = "ssdp", 1900;
    /// Apple remote management.
    Arms = "arms", 3283;
    /// Session traversal (RFC 8489).
    Stun = "stun", 3478;
    /// Web services dynamic discovery.
    WsDiscovery = "ws-discovery", 3702;
    /// Sentinel licence manager.
    Sentinel = "sentinel", 5093;
    /// Multicast DNS asked from outside (RFC 6762).
    Mdns = "mdns", 5353;
    /// Constrained application protocol (RFC 7252).
    Coap = "coap", 5683;
    /// Ubiquiti discovery.
    Ubiquiti = "ubiquiti", 10001;
    /// Mitel collaboration driver.
    Mitel = "mitel", 10074;
    /// memcached.
    Memcached = "memcached", 11211;
    /// Quake engine.
    Quake = "quake", 27960;
    /// Plex media discovery.
    Plex = "plex", 32414;
    /// Jenkins discovery.
    Jenkins = "jenkins", 33848;
    /// Video recorders' discovery (DHDiscover).
    DhDiscover = "dhdiscover", 37810;
}

impl Vector {
    /// Every vector but amplification and scans, which have kinds of their own.
    pub const PLAIN: [Self; 13] = [
        Self::Udp,
        Self::Icmp,
        Self::Syn,
        Self::SynAck,
        Self::Ack,
        Self::Rst,
        Self::Fin,
        Self::TcpInvalid,
        Self::Fragments,
        Self::Connections,
        Self::HttpGet,
        Self::SlowConnections,
        Self::OtherProtocol,
    ];

    /// Whether it looks for victims instead of hitting one.
    pub const fn is_scan(self) -> bool {
        matches!(self, Self::Scan(_))
    }

    /// Its name without the service.
    const fn head(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::Ack => "ack",
            Self::Rst => "rst",
            Self::Fin => "fin",
            Self::TcpInvalid => "tcp-invalid",
            Self::Fragments => "fragments",
            Self::Amplification(_) => "amplification-",
            Self::Connections => "connections",
            Self::HttpGet => "http-get",
            Self::SlowConnections => "slow-connections",
            Self::OtherProtocol => "other-protocol",
            Self::Scan(Scan::Telnet) => "scan-telnet",
            Self::Scan(Scan::Ports) => "scan-ports",
            Self::Scan(Scan::Hosts) => "scan-hosts",
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.head())?;
        if let Self::Amplification(service) = self { f.write_str(service.as_str()) } else { Ok(()) }
    }
}

/// Text that names no vector, or no finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FindingTextError {
    /// No such vector.
    #[error("no such vector")]
    Vector,
    /// A finding's id is 16 hexadecimal digits.
    #[error("not the id of a finding: 16 hexadecimal digits")]
    Id,
}

impl FromStr for Vector {
    type Err = FindingTextError;

    fn from_str(text: &str) -> Result<Self, FindingTextError> {
        if let Some(service) = text.strip_prefix("amplification-") {
            let mut all = Service::ALL.iter().copied().chain([Service::Unknown]);
            return all
                .find(|s| s.as_str() == service)
                .map(Self::Amplification)
                .ok_or(FindingTextError::Vector);
        }
        let scans = [Scan::Telnet, Scan::Ports, Scan::Hosts].map(Self::Scan);
        let mut all = Self::PLAIN.into_iter().chain(scans);
        all.find(|vector| vector.head() == text).ok_or(FindingTextError::Vector)
    }
}

impl From<Vector> for String {
    fn from(vector: Vector) -> Self {
        vector.to_string()
    }
}

impl TryFrom<String> for Vector {
    type Error = FindingTextError;

    fn try_from(text: String) -> Result<Self, FindingTextError> {
        text.parse()
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for FindingId {
    type Err = FindingTextError;

    fn from_str(text: &str) -> Result<Self, FindingTextError> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = u64::from_str_radix(text, 16).map_err(|_| FindingTextError::Id)?;
        if digits { Ok(Self(id)) } else { Err(FindingTextError::Id) }
    }
}

impl From<FindingId> for String {
    fn from(id: FindingId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for FindingId {
    type Error = FindingTextError;

    fn try_from(text: String) -> Result<Self, FindingTextError> {
        text.parse()
    }
}

// ---------------------------------------------------------------------------------------------- Scope and size

/// Where a finding is aimed at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One address.
    Host(IpAddr),
    /// All prefixes of a customer, by the name that the configuration gives.
    Customer(String),
    /// A prefix.
    Prefix(Prefix),
    /// What enters by one interface.
    Interface {
        /// The exporter's address.
        exporter: IpAddr,
        /// Its index.
        index: u32,
    },
    /// The whole network.
    Network,
}

/// Estimated real traffic, scaled by sampling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Packets in a second.
    pub packets_per_s: f64,
    /// Bits of layer 3 in a second.
    pub bits_per_s: f64,
    /// Flows, or connections, in a second.
    pub flows_per_s: f64,
}

/// The highest second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// When.
    pub at: UtcMicros,
    /// How much.
    pub rate: Rate,
}

/// One vector of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VectorRate {
    /// Which.
    pub vector: Vector,
    /// Its highest second.
    pub peak: Rate,
}

/// What a rate was compared with. A figure of 0 was not looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The rate from which on it is suspected.
    pub rate: Rate,
    /// Where it comes from.
    pub from: ThresholdFrom,
    /// Class of the target, as configured; empty when none is.
    pub class: String,
}

/// Where a threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdFrom {
    /// Configuration.
    Configured,
    /// Configuration, because too little has been learnt of this target yet.
    WarmingUp,
    /// What this target had at this hour of the week.
    Learnt,
}

// ---------------------------------------------------------------------------------------------- Sources and ways

/// Who sends.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// Estimated number of source addresses.
    pub count: u64,
    /// Standard error of that estimate, in percent; 0 when they were counted.
    pub error_percent: f64,
    /// How evenly packets are spread over them: 0 one alone sends, 1 all send alike.
    pub entropy: f64,
    /// The largest senders.
    pub largest: Vec<SourceShare>,
    /// Whether the addresses can be believed.
    pub spoofing: Spoofing,
}

/// A sender's share.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SourceShare {
    /// Its address, as the packets say.
    pub addr: IpAddr,
    /// Part of all packets, 0 to 1.
    pub share: f64,
}

/// A port's share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PortShare {
    /// The port.
    pub port: u16,
    /// Part of all packets, 0 to 1.
    pub share: f64,
}

/// Whether source addresses can be believed, and what that rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spoofing {
    /// The verdict.
    pub verdict: SpoofingVerdict,
    /// Part of the packets whose source cannot be where they came in, 0 to 1.
    pub impossible_share: f64,
    /// What it rests on, one sentence each.
    pub because: Vec<String>,
}

/// Whether source addresses can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoofingVerdict {
    /// The senders answered: a connection was made, or a service replied.
    Plausible,
    /// They cannot come from where they came in.
    ImpossibleHere,
    /// They are spread as a random number generator spreads them.
    Randomised,
    /// Nothing speaks for or against.
    Unverifiable,
}

/// A place where it enters the network.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Ingress {
    /// The exporter's address.
    pub exporter: IpAddr,
    /// Index of the input interface; 0 when not told.
    pub input: u32,
    /// Autonomous system of the neighbour behind it; 0 when not known.
    pub neighbour_as: u32,
    /// Part of the packets, 0 to 1.
    pub share: f64,
}

/// Somebody who is hit besides.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Collateral {
    /// Who or what.
    pub scope: Scope,
    /// In what way, one sentence without an address.
    pub how: String,
    /// How much of the same vector it gets.
    pub rate: Rate,
}

/// One aim of an incident.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// What was aimed at.
    pub scope: Scope,
    /// By which vector.
    pub vector: Vector,
    /// First second.
    pub from: UtcMicros,
    /// Last second.
    pub last: UtcMicros,
    /// Its highest second.
    pub peak: Rate,
}

macro_rules! unprinted {
    ($($name:ident => $text:literal,)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }
    )+};
}

unprinted! {
    SourceShare => "[source share]",
    Ingress => "[ingress]",
    Collateral => "[collateral]",
    Target => "[target]",
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[finding {} {:?} {} {:?}]", self.id, self.state, self.vector, self.scope)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host(_) => "[host]",
            Self::Customer(_) => "[customer]",
            Self::Prefix(_) => "[prefix]",
            Self::Interface { .. } => "[interface]",
            Self::Network => "[network]",
        })
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} sources, {:?}]", self.count, self.spoofing.verdict)
    }
}
