//! A NAT event in the format's own terms, the words it is made of, and the dialects that it is read by.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// One NAT event or one flow record that carries a translation.
///
/// Times are microseconds since 1970 UTC. Its `Debug` text names no address, port or user.
#[derive(Clone, PartialEq, Eq)]
pub struct NatEvent {
    /// What happened.
    pub kind: EventKind,
    /// The code as logged (`natEvent` 230 or `firewallEvent` 233), where there was one.
    pub code: Option<u64>,
    /// By which dialect the code was read; never [`Dialect::Auto`].
    pub dialect: Dialect,
    /// Source id (v9) or observation domain (IPFIX).
    pub domain: u32,
    /// When it happened.
    pub time: EventTime,
    /// When the mapping or the flow began, when the record says so.
    pub start_us: Option<i64>,
    /// When the mapping or the flow ended, when the record says so.
    pub end_us: Option<i64>,
    /// Export time of the packet, whole seconds.
    pub export_us: i64,
    /// Arrival of the packet, as handed in.
    pub arrival_us: i64,
    /// IP protocol number (4).
    pub protocol: Option<u8>,
    /// Which way the translation was read.
    pub direction: Direction,
    /// Which realm the session was started from (`natOriginatingAddressRealm` 229), when told.
    pub realm: Option<Realm>,
    /// The endpoint behind the NAT, before translation.
    pub inside: Endpoint,
    /// The B4 address of a DS-Lite or lw4o6 softwire (RFC 6333): the IPv6 source beside an IPv4 inside address.
    pub softwire: Option<Ipv6Addr>,
    /// The same endpoint as the world sees it.
    pub outside: Endpoint,
    /// Ports of the outside address that a block event is about.
    pub outside_ports: Option<PortBlock>,
    /// The other party, as the inside host addresses it.
    pub destination: Endpoint,
    /// The other party after translation (NAT64, twice NAT).
    pub destination_post: Endpoint,
    /// `ingressVRFID` 234, or Nokia's inside service id.
    pub ingress_vrf: Option<u32>,
    /// `egressVRFID` 235, or Nokia's outside service id.
    pub egress_vrf: Option<u32>,
    /// `VRFname` 236 of the record, or the name that options data gave to the ingress VRF.
    pub vrf_name: Option<Box<str>>,
    /// `natInstanceID` 463.
    pub nat_instance: Option<u32>,
    /// `natPoolId` 283.
    pub pool_id: Option<u32>,
    /// `natPoolName` 284 of the record, or the name that options data gave to the pool.
    pub pool_name: Option<Box<str>>,
    /// `flowId` 148: the connection id of NSEL, the mapping id of Nokia.
    pub session_id: Option<u64>,
    /// `userName` 371, NSEL's AAA user, PAN-OS's User-ID, the subscriber part of Nokia's string.
    pub user_name: Option<Box<str>>,
}

impl NatEvent {
    /// Whether the record states that the outside endpoint, or block, is or was the inside endpoint's: the only
    /// records to attribute by. A port block may still lack its end, a Nokia record its outside port: then the record
    /// leaves open which ports are meant. Refused connections, exhaustion, records that translate nothing and records whose
    /// two sides cannot be told apart are not.
    pub fn is_mapping(&self) -> bool {
        let stated = match self.kind {
            EventKind::SessionCreate
            | EventKind::SessionDelete
            | EventKind::BindingCreate
            | EventKind::BindingDelete
            | EventKind::AddressBindingCreate
            | EventKind::AddressBindingDelete
            | EventKind::PortBlockAllocate
            | EventKind::PortBlockRelease
            | EventKind::Flow
            | EventKind::FlowUpdate => true,
            EventKind::AddressesExhausted
            | EventKind::PortsExhausted
            | EventKind::QuotaExceeded(_)
            | EventKind::ThresholdReached(_)
            | EventKind::Denied
            | EventKind::Other => false,
        };
        let sided = matches!(self.direction, Direction::Outbound | Direction::Inbound);
        let inside = self.inside.address.is_some() || self.softwire.is_some() || self.user_name.is_some();
        stated && sided && inside && self.outside.address.is_some()
    }
}

impl fmt::Debug for NatEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatEvent")
            .field("kind", &self.kind)
            .field("code", &self.code)
            .field("dialect", &self.dialect)
            .field("time", &self.time)
            .field("protocol", &self.protocol)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A translation of one session began.
    SessionCreate,
    /// A translation of one session ended.
    SessionDelete,
    /// A binding of inside and outside endpoint (BIB entry, RFC 6146) began; any destination.
    BindingCreate,
    /// Such a binding ended.
    BindingDelete,
    /// An inside address was paired with an outside address; ports are not part of it.
    AddressBindingCreate,
    /// Such a pairing ended.
    AddressBindingDelete,
    /// A block of outside ports was given to an inside address.
    PortBlockAllocate,
    /// Such a block was taken back.
    PortBlockRelease,
    /// No outside address is left in a pool.
    AddressesExhausted,
    /// No port is left.
    PortsExhausted,
    /// A limit was hit; `natQuotaExceededEvent` 466 (RFC 8158) when told.
    QuotaExceeded(Option<u32>),
    /// A threshold was reached; `natThresholdEvent` 467 (RFC 8158) when told.
    ThresholdReached(Option<u32>),
    /// A flow record: this flow was translated so, from `start_us` to `end_us`.
    Flow,
    /// An NSEL flow update (event 5): the translation is in force.
    FlowUpdate,
    /// An NSEL denied flow (event 3): never a mapping.
    Denied,
    /// A code that the dialect does not know; see `code`.
    Other,
}

/// An address and a port, each when told.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub address: Option<IpAddr>,
    /// Transport port, or ICMP identifier.
    pub port: Option<u16>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint([hidden])")
    }
}

/// Ports `first`, `first + step`, … up to `last`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortBlock {
    /// `portRangeStart` 361.
    pub first: u16,
    /// Last port of the block, inclusive: `portRangeEnd` 362, or reckoned from step and number of ports. `None` when
    /// the record does not tell it, or tells it in two ways that disagree.
    pub last: Option<u16>,
    /// `portRangeStepSize` 363; 1 when not sent. 0 is no arithmetic row: then `last` is only what was sent.
    pub step: u16,
}

impl fmt::Debug for PortBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortBlock([hidden])")
    }
}

/// When it happened, and by whose word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// Microseconds since 1970 UTC.
    pub us: i64,
    /// Where it was read.
    pub source: TimeSource,
}

/// Where a time was read; the later ones are coarser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeSource {
    /// `observationTime…` 322 to 325: the exporter's word on the event itself.
    Observation,
    /// `flowStart…` 150, 152, 154, 156, 158.
    FlowStart,
    /// `flowEnd…` 151, 153, 155, 157, 159.
    FlowEnd,
    /// FIRST_SWITCHED 22 or LAST_SWITCHED 21, reckoned from the exporter's uptime; in v9 good to ±1 s, as its header
    /// counts whole seconds.
    Uptime,
    /// Export time of the packet, whole seconds, later than the event by the exporter's delay.
    Export,
    /// Arrival here: the packet's export time was zero.
    Arrival,
}

/// Which way a translation was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The source was translated: inside is the source.
    Outbound,
    /// Only the destination was translated: inside is the translated destination, the other party is the source.
    Inbound,
    /// Nothing was translated: inside and outside are the same, or no translated address was sent.
    Identity,
    /// A flow of which both ends were translated, without a word on which end is inside. Read as outbound.
    Unclear,
}

/// `natOriginatingAddressRealm` 229.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Realm {
    /// 1: the session was started from the private realm.
    Private,
    /// 2: the session was started from the public realm.
    Public,
}

/// How an exporter's codes are to be read.
///
/// Checked against real captures: [`CiscoIos`](Self::CiscoIos) (IOS XE, sessions), [`CiscoNsel`](Self::CiscoNsel)
/// (ASA), [`Nokia`](Self::Nokia) (BRAS, format 1, creation), [`FlowRecord`](Self::FlowRecord) (PAN-OS templates).
/// Checked only against documentation: [`Rfc8158`](Self::Rfc8158), [`Draft`](Self::Draft) (Juniper), the port blocks
/// of [`CiscoIos`](Self::CiscoIos), Nokia format 2 and deletion, MikroTik and FortiGate flow records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// By what the template holds; codes that RFC 8158 and the older draft give two meanings are told apart by the
    /// fields of the record.
    #[default]
    Auto,
    /// RFC 8158 and IANA's `natEvent` table: A10, F5, VPP and others.
    Rfc8158,
    /// draft-ietf-behave-ipfix-nat-logging-02 to -04: Juniper MX (Junos "Mapping Between Field Values for IPFIX Flow
    /// Templates and Logs"). Codes 4 to 15 mean other things than in RFC 8158.
    Draft,
    /// Cisco IOS, IOS XE and CGv6: 1 create, 2 delete, 3 pool exhausted; with a port range they are about a block.
    CiscoIos,
    /// Cisco ASA NetFlow Secure Event Logging (Cisco ASA NetFlow Implementation Guide).
    CiscoNsel,
    /// Nokia 7750 SR (Multiservice ISA and ESA Guide, "Template formats"): no event code; a record with an end is a
    /// deletion. In format 1 the source address is the outside one and the outside port is not told.
    Nokia,
    /// Flow records with translated addresses and no event: PAN-OS, MikroTik RouterOS, FortiGate.
    FlowRecord,
}
