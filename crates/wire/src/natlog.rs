//! NAT logs as text: which inside address used which outside address and port, and when.
//!
//! What comes in: lines, with or without a syslog header, as NAT devices write them. What goes out: [`NatLine`]s in
//! our own terms, a fault for a line that looks like a NAT event and cannot be read, and the header of every line, for
//! its sequence number. A line of another program, or of a device about something else, is ignored, which is not a fault. It reads no clock and keeps no
//! state between lines. Debug texts and faults never show a value of a line.
//!
//! What each dialect was checked on:
//!
//! | dialect | real lines | documentation only |
//! |---|---|---|
//! | Linux `conntrack -E` | all forms of `-o timestamp,id,extended,ktimestamp`, conntrack 1.4.7 | SCTP, DCCP, UDP-Lite, GRE, zones |
//! | ulogd2 (LOGEMU/SYSLOG text, JSON, GPRINT) | 2.0.8, with and without hash table | |
//! | Cisco ASA | 305011, 305012, 302013 to 302016 | 305009, 305010, 305014, 305015, 305017, 302020, 302021 |
//! | Cisco IOS `%IPNAT-6` | `NAT_CREATED`, `NAT_DELETED` | `CREATED`, `DELETED` |
//! | Cisco IOS XR CGv6 | | all |
//! | Juniper | RT_FLOW, RT_SRC_NAT_PBA, ASP_SFW, ASP_NAT_PORT_BLOCK | JSERVICES, plain-text RT_FLOW |
//! | A10 | CEF 100, 102, 106; `NAT-UDP-C`; fixed NAT | CEF 101, 103, 107; sessions in ASCII |
//! | F5 | | `LSN_ADD`, `LSN_DELETE`, `LSN_PB_…` |
//! | MikroTik | `srcnat` | `forward` with NAT |
//! | NFWare, 6WIND | lines of the vendors' guides | |
//! | Fortinet | traffic logs, hyperscale sessions | port blocks (22015, 22016, 22024) |
//!
//! Not read: `nft log` and iptables LOG lines (they show a packet before or after translation, never both), XML of
//! conntrack and ulogd2 (a fault says so).

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use jiff::tz::TimeZone;

mod a10;
mod cisco;
mod conntrack;
mod damaged;
mod f5;
mod fortinet;
mod frame;
mod juniper;
mod mikrotik;
mod nfware;
mod reader;
mod scan;
mod sixwind;
mod stamp;
pub mod syslog;
mod ulogd;

#[cfg(test)]
mod tests;

pub use frame::Deframer;
pub use reader::{Counts, read};
pub use stamp::{Stamp, TimeHow};
pub use syslog::Syslog;

/// The longest line or message that is read, in bytes; longer ones are skipped and counted.
pub const MAX_LINE: usize = 64 * 1024;

/// What happened to a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A translated connection or port mapping began.
    SessionCreate,
    /// It ended.
    SessionDelete,
    /// An inside address got a block of outside ports.
    BlockAllocate,
    /// It still has the block.
    BlockInterim,
    /// It gave the block back.
    BlockRelease,
    /// An inside address got an outside address, all ports of it.
    AddressBind,
    /// It gave the address back.
    AddressUnbind,
    /// A translated packet was seen: the translation existed then; neither start nor end is known.
    Flow,
}

/// Which device's way of writing a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Linux `conntrack -E`.
    Conntrack,
    /// ulogd2 with the NFCT input.
    Ulogd,
    /// Cisco ASA, FTD and PIX.
    CiscoAsa,
    /// Cisco IOS and IOS XE `%IPNAT`.
    CiscoIos,
    /// Cisco IOS XR carrier-grade NAT (CGv6).
    CiscoCgv6,
    /// Juniper SRX and MX.
    Juniper,
    /// A10 Thunder.
    A10,
    /// F5 BIG-IP CGNAT.
    F5,
    /// MikroTik RouterOS.
    Mikrotik,
    /// NFWare vCGNAT.
    Nfware,
    /// 6WIND Turbo CG-NAT.
    Sixwind,
    /// Fortinet FortiGate.
    Fortinet,
}

/// An address with its port, where there is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port, or the query identifier of ICMP (RFC 5508).
    pub port: Option<u16>,
}

/// Outside ports that an event speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ports {
    /// None is named: the whole address, or a protocol without ports.
    Whole,
    /// One port, or one ICMP query identifier.
    One(u16),
    /// A block, both ends included.
    Block {
        /// First port.
        low: u16,
        /// Last port, not below `low`.
        high: u16,
    },
}

/// One NAT event.
#[derive(Clone, PartialEq, Eq)]
pub struct NatLine<'a> {
    /// Who wrote it.
    pub dialect: Dialect,
    /// What happened.
    pub verb: Verb,
    /// IANA protocol number; none where the event is for all or the line does not say.
    pub proto: Option<u8>,
    /// Whether the inside endpoint looks different from outside. Untranslated connections are given too, for who
    /// routes public addresses through the same box.
    pub translated: bool,
    /// The inside address and port (before translation).
    pub inside: Endpoint,
    /// VRF, instance, conntrack zone, route domain or partition of the inside address, as the device names it.
    pub realm: Option<Cow<'a, str>>,
    /// The IPv6 address of the softwire (DS-Lite) that the inside address lives behind.
    pub softwire: Option<Ipv6Addr>,
    /// The outside address (after translation); none where a closing line leaves it to its opening line.
    pub outside: Option<IpAddr>,
    /// The outside port or ports.
    pub outside_ports: Ports,
    /// The far end, as the inside addressed it.
    pub destination: Option<Endpoint>,
    /// The far end behind the NAT, where that differs.
    pub post_destination: Option<Endpoint>,
    /// When the event was, by the device; none where the line has no time at all.
    pub time: Option<Stamp>,
    /// When what ends or goes on began, in microseconds since 1970: from an elapsed time (whole seconds, so up to a
    /// second off) or from the record itself.
    pub start_us: Option<i64>,
    /// The device's number of the session.
    pub session: Option<u64>,
    /// The user's name, where the device logs it.
    pub user: Option<Cow<'a, str>>,
}

/// How lines are to be read.
#[derive(Debug, Clone)]
pub struct Options<'z> {
    /// The zone of the device's clock, for stamps that name none.
    pub zone: &'z TimeZone,
    /// Arrival or file time, microseconds since 1970: a stamp without a year is placed nearest to it, never more than
    /// a day after it.
    pub near_us: i64,
    /// The dialect, if it is known; else each line's is found out.
    pub dialect: Option<Dialect>,
}

/// What one line holds.
#[derive(Debug, Clone)]
pub struct Parsed<'a> {
    /// The header.
    pub syslog: Syslog<'a>,
    /// The NAT events: mostly one, several only where a device batches them.
    pub events: Events<'a>,
    /// What could not be read of a line that looks like a NAT event. No event and no fault: the line was ignored.
    pub fault: Option<&'static str>,
}

/// The NAT events of one line; allocates only from the second on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events<'a> {
    first: Option<NatLine<'a>>,
    more: Vec<NatLine<'a>>,
}

/// Reads one whole message or line, without its line end.
pub fn parse<'a>(line: &'a [u8], options: &Options<'_>) -> Parsed<'a> {
    let mut events = Events::default();
    // Fast path: `conntrack -E` has no syslog header.
    if conntrack::is_bare(line) && matches!(options.dialect, None | Some(Dialect::Conntrack)) {
        let syslog = Syslog { content: line, msg: line, ..Syslog::default() };
        let fault = conntrack::read(&syslog, options, &mut events).err().map(|f| f.0);
        return Parsed { syslog, events, fault };
    }
    let syslog = syslog::parse(line, options.zone, options.near_us);
    let read = match options.dialect.or_else(|| detect(&syslog)) {
        None => damaged::signs(line),
        Some(Dialect::Conntrack) => conntrack::read(&syslog, options, &mut events),
        Some(Dialect::Ulogd) => ulogd::read(&syslog, options, &mut events),
        Some(Dialect::CiscoAsa) => cisco::asa(&syslog, &mut events),
        Some(Dialect::CiscoIos) => cisco::ios(&syslog, &mut events),
        Some(Dialect::CiscoCgv6) => cisco::cgv6(&syslog, &mut events),
        Some(Dialect::Juniper) => juniper::read(&syslog, options, &mut events),
        Some(Dialect::A10) => a10::read(&syslog, &mut events),
        Some(Dialect::F5) => f5::read(&syslog, &mut events),
        Some(Dialect::Mikrotik) => mikrotik::read(&syslog, &mut events),
        Some(Dialect::Nfware) => nfware::read(&syslog, &mut events),
        Some(Dialect::Sixwind) => sixwind::read(&syslog, &mut events),
        Some(Dialect::Fortinet) => fortinet::read(&syslog, options, &mut events),
    };
    Parsed { syslog, events, fault: read.err().map(|f| f.0) }
}

impl<'a> Events<'a> {
    /// Over the events in their order.
    pub fn iter(&self) -> impl Iterator<Item = &NatLine<'a>> {
        self.first.iter().chain(&self.more)
    }

    /// How many.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn push(&mut self, line: NatLine<'a>) {
        if self.first.is_none() {
            self.first = Some(line);
        } else {
            self.more.push(line);
        }
    }
}

impl<'a> NatLine<'a> {
    /// An event with what every line has; the rest is empty.
    fn new(dialect: Dialect, verb: Verb, inside: Endpoint, time: Option<Stamp>) -> Self {
        Self {
            dialect,
            verb,
            proto: None,
            translated: true,
            inside,
            realm: None,
            softwire: None,
            outside: None,
            outside_ports: Ports::Whole,
            destination: None,
            post_destination: None,
            time,
            start_us: None,
            session: None,
            user: None,
        }
    }

    /// Sets the outside from an endpoint, and whether it differs from the inside.
    fn with_outside(mut self, outside: Endpoint) -> Self {
        self.translated = outside != self.inside;
        self.outside = Some(outside.addr);
        self.outside_ports = outside.port.map_or(Ports::Whole, Ports::One);
        self
    }

    /// Sets the outside to a block of ports.
    fn with_block(mut self, outside: IpAddr, (low, high): (u16, u16)) -> Self {
        self.outside = Some(outside);
        self.outside_ports = Ports::Block { low, high };
        self
    }

    /// Sets the far end, and the one behind the NAT where it differs.
    fn with_destination(mut self, destination: Endpoint, post: Option<Endpoint>) -> Self {
        self.destination = Some(destination);
        self.post_destination = post.filter(|p| *p != destination);
        self
    }

    /// Sets the start from a duration before the event.
    fn lasting(mut self, duration_us: Option<i64>) -> Self {
        self.start_us = match (self.time, duration_us) {
            (Some(at), Some(d)) => at.us.checked_sub(d),
            _ => None,
        };
        self
    }
}

impl fmt::Debug for NatLine<'_> {
    /// Shows what kind of event it is, never whose.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatLine")
            .field("dialect", &self.dialect)
            .field("verb", &self.verb)
            .field("proto", &self.proto)
            .field("translated", &self.translated)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(..)")
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "Whole",
            Self::One(_) => "One(..)",
            Self::Block { .. } => "Block(..)",
        })
    }
}

/// Why a line that looks like a NAT event could not be read: names the field, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault(&'static str);

/// A dialect's result: events pushed (none means ignored), or a fault.
type Step = Result<(), Fault>;

/// A value or the fault that it is not there.
fn need<T>(value: Option<T>, fault: &'static str) -> Result<T, Fault> {
    value.ok_or(Fault(fault))
}

/// Text of a device as a string; names are not always UTF-8.
fn text(s: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(s)
}

/// Finds out which dialect a line is in by the words that only this dialect has; none: not a NAT log line.
fn detect(syslog: &Syslog<'_>) -> Option<Dialect> {
    let c = syslog.content.trim_ascii_start();
    // RFC 5424 of Juniper may have no message, only structured data.
    if syslog.structured.is_some() && juniper::is(syslog) {
        return Some(Dialect::Juniper);
    }
    match c.first()? {
        b'[' if conntrack::is_bare(c) => {
            return Some(if scan::find(c, b"ORIG: ").is_some() {
                Dialect::Ulogd
            } else {
                Dialect::Conntrack
            });
        }
        b'[' if cisco::is_cgv6(c) => return Some(Dialect::CiscoCgv6),
        b'{' if ulogd::is_json(c) => return Some(Dialect::Ulogd),
        b'A' | b'D' if nfware::is(c) => return Some(Dialect::Nfware),
        b't' | b'o' if ulogd::is_gprint(c) => return Some(Dialect::Ulogd),
        b'<' if ulogd::is_xml(c) => return Some(Dialect::Ulogd),
        b'C' if c.starts_with(b"CEF:") => return a10::is_cef(c).then_some(Dialect::A10),
        _ => {}
    }
    if let Some(at) = c.iter().position(|&b| b == b'%') {
        let m = c.get(at + 1..)?;
        if m.starts_with(b"ASA-") || m.starts_with(b"FTD-") || m.starts_with(b"PIX-") {
            return Some(Dialect::CiscoAsa);
        }
        if m.starts_with(b"IPNAT-") {
            return Some(Dialect::CiscoIos);
        }
    }
    if juniper::is(syslog) {
        Some(Dialect::Juniper)
    } else if a10::is(c) {
        Some(Dialect::A10)
    } else if nfware::is(syslog.msg) {
        Some(Dialect::Nfware)
    } else if conntrack::is_bare(syslog.msg) {
        Some(if scan::find(c, b"ORIG: ").is_some() { Dialect::Ulogd } else { Dialect::Conntrack })
    } else if ulogd::is_json(syslog.msg) {
        Some(Dialect::Ulogd)
    } else if sixwind::is(syslog) {
        Some(Dialect::Sixwind)
    } else if fortinet::is(c) {
        Some(Dialect::Fortinet)
    } else if f5::is(c) {
        Some(Dialect::F5)
    } else if mikrotik::is(c) {
        Some(Dialect::Mikrotik)
    } else {
        None
    }
}
