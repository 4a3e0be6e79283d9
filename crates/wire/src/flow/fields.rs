//! Which information elements a NAT record is read from, and how: template in, plan out; plan and record in, values
//! out.
//!
//! Element numbers are IANA's (ipfix/ipfix.xhtml), which NetFlow v9 shares, but for those that a vendor's document
//! names beside them. A field whose length cannot hold its type is left out of the plan and reported once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::flow::template::{Element, Layout, Length, Purpose, Space, Template, variable_length};

/// What is read of a NAT record, as it stands there.
#[derive(Clone)]
pub(super) struct Values<'a> {
    numbers: [Option<u64>; NUMBERS],
    addresses: [Option<IpAddr>; ADDRESSES],
    texts: [Option<&'a [u8]>; TEXTS],
}

impl<'a> Values<'a> {
    pub(super) fn none() -> Self {
        Self { numbers: [None; NUMBERS], addresses: [None; ADDRESSES], texts: [None; TEXTS] }
    }

    pub(super) fn number(&self, which: Number) -> Option<u64> {
        self.numbers.get(which as usize).copied().flatten()
    }

    pub(super) fn number16(&self, which: Number) -> Option<u16> {
        self.number(which).and_then(|value| value.try_into().ok())
    }

    pub(super) fn number32(&self, which: Number) -> Option<u32> {
        self.number(which).and_then(|value| value.try_into().ok())
    }

    /// An address; the unspecified one (`0.0.0.0`, `::`) is how exporters say that there is none.
    pub(super) fn address(&self, which: Address) -> Option<IpAddr> {
        self.addresses.get(which as usize).copied().flatten().filter(|address| !address.is_unspecified())
    }

    /// A text without the zero octets that fill a fixed-length field; `None` when nothing is left.
    pub(super) fn text(&self, which: Text) -> Option<&'a str> {
        let bytes = self.texts.get(which as usize).copied().flatten()?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let text = std::str::from_utf8(bytes.get(..end)?).ok()?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn set(&mut self, slot: Slot, bytes: &'a [u8]) {
        match slot {
            Slot::Number(which) => put(&mut self.numbers, which as usize, unsigned(bytes)),
            Slot::Address(which) => put(&mut self.addresses, which as usize, address(bytes)),
            Slot::Text(which) => put(&mut self.texts, which as usize, Some(bytes)),
        }
    }
}

/// What to read of a template's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub holds: Holds,
    /// Fixed layout: slot, offset, length.
    columns: Box<[(Slot, usize, usize)]>,
    /// Variable layout: one entry a field.
    walk: Box<[(Option<Slot>, Length)]>,
    /// Fields that are named but cannot be read because of their length.
    pub unreadable: Box<[u16]>,
}

/// What a template's fields say about its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Holds {
    /// A translated address or port, a port range, or a NAT event.
    pub nat: bool,
    pub nat_event: bool,
    pub firewall_event: bool,
    /// Fields that only Cisco's NSEL has.
    pub nsel: bool,
    pub nokia: bool,
    pub port_range: bool,
    /// Start and end of a flow.
    pub interval: bool,
    /// Options data that tells names or the start of the system.
    pub names: bool,
}

impl Plan {
    pub(super) fn compile(template: &Template) -> Self {
        let mut holds = Holds::default();
        let mut columns = Vec::new();
        let mut walk = Vec::with_capacity(template.fields.len());
        let mut unreadable = Vec::new();
        let mut taken = Vec::new();
        let mut at = 0;
        let (mut starts, mut ends) = (false, false);
        for field in &template.fields {
            let named = if field.space == Space::Element { slot_of(field.element) } else { None };
            // An element that comes twice is read once: the first stands for the outermost (RFC 7011 section 8).
            let named = named.filter(|slot| !taken.contains(slot));
            let slot = named.filter(|slot| slot.fits(field.length));
            if let (Some(_), None) = (named, slot)
                && field.length != Length::Fixed(0)
            {
                unreadable.push(field.element.id);
            }
            if let Some(slot) = slot {
                taken.push(slot);
                holds.note(slot, field.element);
                starts |= matches!(slot, Slot::Number(which) if STARTS.contains(&which));
                ends |= matches!(slot, Slot::Number(which) if ENDS.contains(&which));
            }
            if let Length::Fixed(len) = field.length {
                if let Some(slot) = slot {
                    columns.push((slot, at, usize::from(len)));
                }
                at += usize::from(len);
            }
            walk.push((slot, field.length));
        }
        holds.interval = starts && ends;
        if template.purpose == Purpose::Options {
            let named =
                |text, number| taken.contains(&Slot::Text(text)) && taken.contains(&Slot::Number(number));
            holds = Holds {
                names: named(Text::PoolName, Number::PoolId)
                    || named(Text::VrfName, Number::IngressVrf)
                    || taken.contains(&Slot::Number(Number::SystemInitMs)),
                ..Holds::default()
            };
        }
        match template.layout {
            Layout::Fixed(_) => walk.clear(),
            Layout::Variable(_) => columns.clear(),
        }
        Self {
            holds,
            columns: columns.into_boxed_slice(),
            walk: walk.into_boxed_slice(),
            unreadable: unreadable.into_boxed_slice(),
        }
    }

    /// Reads a record of fixed length.
    pub(super) fn read_fixed<'a>(&self, record: &'a [u8]) -> Values<'a> {
        let mut values = Values::none();
        for &(slot, at, len) in &self.columns {
            if let Some(bytes) = record.get(at..at + len) {
                values.set(slot, bytes);
            }
        }
        values
    }

    /// Reads a record that holds variable-length fields; gives its length too, or `None` when it does not fit.
    pub(super) fn read_variable<'a>(&self, bytes: &'a [u8]) -> Option<(Values<'a>, usize)> {
        let mut values = Values::none();
        let mut at = 0;
        for &(slot, length) in &self.walk {
            let (len, begin) = match length {
                Length::Fixed(len) => (usize::from(len), at),
                Length::Variable => variable_length(bytes, at)?,
            };
            let value = bytes.get(begin..begin.checked_add(len)?)?;
            if let Some(slot) = slot
                && !value.is_empty()
            {
                values.set(slot, value);
            }
            at = begin + len;
        }
        Some((values, at))
    }
}

impl Holds {
    fn note(&mut self, slot: Slot, element: Element) {
        match slot {
            Slot::Address(Address::PostSource4 | Address::PostSource6)
            | Slot::Address(Address::PostDestination4 | Address::PostDestination6)
            | Slot::Number(Number::PostSourcePort | Number::PostDestinationPort) => self.nat = true,
            Slot::Number(Number::NatEvent) => (self.nat, self.nat_event) = (true, true),
            Slot::Number(Number::PortRangeStart) => (self.nat, self.port_range) = (true, true),
            Slot::Number(Number::FirewallEvent) => self.firewall_event = true,
            Slot::Text(Text::NokiaSubscriber) => (self.nat, self.nokia) = (true, true),
            _ => {}
        }
        // Extended event; XLATE fields and event of early releases (see `slot_of`).
        self.nsel |= element.enterprise == 0 && matches!(element.id, 33002 | 40001..=40005);
    }
}

/// Where a field's value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Number(Number),
    Address(Address),
    Text(Text),
}

impl Slot {
    fn fits(self, length: Length) -> bool {
        match (self, length) {
            (Self::Text(_), Length::Fixed(len)) => len > 0,
            // A text may have any length; a number or address that varies is checked record by record.
            (_, Length::Variable) => true,
            // Reduced-size encoding (RFC 7011 section 6.2).
            (Self::Number(_), Length::Fixed(len)) => (1..=8).contains(&len),
            (Self::Address(which), Length::Fixed(len)) => len == if which.is_v6() { 16 } else { 4 },
        }
    }
}

/// Numbers of a NAT record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Protocol,
    SourcePort,
    DestinationPort,
    PostSourcePort,
    PostDestinationPort,
    PortRangeStart,
    PortRangeEnd,
    PortRangeStep,
    PortRangeCount,
    NatEvent,
    FirewallEvent,
    ExtendedEvent,
    Realm,
    IngressVrf,
    EgressVrf,
    NatInstance,
    PoolId,
    QuotaEvent,
    ThresholdEvent,
    FlowId,
    FirstUptimeMs,
    LastUptimeMs,
    StartSeconds,
    EndSeconds,
    StartMs,
    EndMs,
    StartNtp,
    EndNtp,
    StartNtpNanos,
    EndNtpNanos,
    StartDeltaUs,
    EndDeltaUs,
    SystemInitMs,
    ObservedSeconds,
    ObservedMs,
    ObservedNtp,
    ObservedNtpNanos,
    NokiaInsideService,
    NokiaOutsideService,
}

/// Addresses of a NAT record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    Source4,
    Source6,
    Destination4,
    Destination6,
    PostSource4,
    PostSource6,
    PostDestination4,
    PostDestination6,
}

impl Address {
    fn is_v6(self) -> bool {
        matches!(self, Self::Source6 | Self::Destination6 | Self::PostSource6 | Self::PostDestination6)
    }
}

/// Texts of a NAT record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    UserName,
    VrfName,
    PoolName,
    NokiaSubscriber,
}

fn slot_of(element: Element) -> Option<Slot> {
    let slot = match (element.enterprise, element.id) {
        (0, 4) => Slot::Number(Number::Protocol),
        (0, 7) => Slot::Number(Number::SourcePort),
        (0, 8) => Slot::Address(Address::Source4),
        (0, 11) => Slot::Number(Number::DestinationPort),
        (0, 12) => Slot::Address(Address::Destination4),
        (0, 21) => Slot::Number(Number::LastUptimeMs),
        (0, 22) => Slot::Number(Number::FirstUptimeMs),
        (0, 27) => Slot::Address(Address::Source6),
        (0, 28) => Slot::Address(Address::Destination6),
        (0, 148) => Slot::Number(Number::FlowId),
        (0, 150) => Slot::Number(Number::StartSeconds),
        (0, 151) => Slot::Number(Number::EndSeconds),
        (0, 152) => Slot::Number(Number::StartMs),
        (0, 153) => Slot::Number(Number::EndMs),
        (0, 154) => Slot::Number(Number::StartNtp),
        (0, 155) => Slot::Number(Number::EndNtp),
        (0, 156) => Slot::Number(Number::StartNtpNanos),
        (0, 157) => Slot::Number(Number::EndNtpNanos),
        (0, 158) => Slot::Number(Number::StartDeltaUs),
        (0, 159) => Slot::Number(Number::EndDeltaUs),
        (0, 160) => Slot::Number(Number::SystemInitMs),
        // Cisco ASA NetFlow Implementation Guide, "Data Records": 225 to 228 and 281, 282 in release 8.4(5) and
        // later, 40001 to 40005 before.
        (0, 225 | 40001) => Slot::Address(Address::PostSource4),
        (0, 226 | 40002) => Slot::Address(Address::PostDestination4),
        (0, 227 | 40003) => Slot::Number(Number::PostSourcePort),
        (0, 228 | 40004) => Slot::Number(Number::PostDestinationPort),
        (0, 229) => Slot::Number(Number::Realm),
        (0, 230) => Slot::Number(Number::NatEvent),
        (0, 233 | 40005) => Slot::Number(Number::FirewallEvent),
        (0, 33002) => Slot::Number(Number::ExtendedEvent),
        (0, 234) => Slot::Number(Number::IngressVrf),
        (0, 235) => Slot::Number(Number::EgressVrf),
        (0, 236) => Slot::Text(Text::VrfName),
        (0, 281) => Slot::Address(Address::PostSource6),
        (0, 282) => Slot::Address(Address::PostDestination6),
        (0, 283) => Slot::Number(Number::PoolId),
        (0, 284) => Slot::Text(Text::PoolName),
        (0, 322) => Slot::Number(Number::ObservedSeconds),
        (0, 323) => Slot::Number(Number::ObservedMs),
        (0, 324) => Slot::Number(Number::ObservedNtp),
        (0, 325) => Slot::Number(Number::ObservedNtpNanos),
        (0, 361) => Slot::Number(Number::PortRangeStart),
        (0, 362) => Slot::Number(Number::PortRangeEnd),
        (0, 363) => Slot::Number(Number::PortRangeStep),
        (0, 364) => Slot::Number(Number::PortRangeCount),
        // 371 userName; 40000 ASA (same guide); 56702 PAN-OS Administrator's Guide, "NetFlow Templates".
        (0, 371 | 40000 | 56702) => Slot::Text(Text::UserName),
        (0, 463) => Slot::Number(Number::NatInstance),
        (0, 466) => Slot::Number(Number::QuotaEvent),
        (0, 467) => Slot::Number(Number::ThresholdEvent),
        // Nokia 7750 SR, Multiservice ISA and ESA Guide, "Template formats".
        (637, 91) => Slot::Number(Number::NokiaInsideService),
        (637, 92) => Slot::Number(Number::NokiaOutsideService),
        (637, 93) => Slot::Text(Text::NokiaSubscriber),
        _ => return None,
    };
    Some(slot)
}

/// The first value of a kind stands.
fn put<T>(slots: &mut [Option<T>], at: usize, value: Option<T>) {
    if let Some(slot) = slots.get_mut(at)
        && slot.is_none()
    {
        *slot = value;
    }
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    Some(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
}

const NUMBERS: usize = Number::NokiaOutsideService as usize + 1;
const ADDRESSES: usize = Address::PostDestination6 as usize + 1;
const TEXTS: usize = Text::NokiaSubscriber as usize + 1;
const STARTS: [Number; 6] = [
    Number::FirstUptimeMs,
    Number::StartSeconds,
    Number::StartMs,
    Number::StartNtp,
    Number::StartNtpNanos,
    Number::StartDeltaUs,
];
const ENDS: [Number; 6] = [
    Number::LastUptimeMs,
    Number::EndSeconds,
    Number::EndMs,
    Number::EndNtp,
    Number::EndNtpNanos,
    Number::EndDeltaUs,
];
