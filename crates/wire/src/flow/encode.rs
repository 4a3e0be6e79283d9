//! Writes NAT events as NetFlow v9 or IPFIX packets with the fields and codes of RFC 8158.
//!
//! Comes in: [`NatEvent`]s as our decoder gives them. Goes out: packets with templates and data. Every set of fields
//! that an event really has becomes a template of its own, so nothing is written that the event does not say.

use std::net::{IpAddr, Ipv6Addr};

use crate::flow::{
    message::Version,
    nat::{Endpoint, EventKind, NatEvent, Realm},
};

/// Why an event cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// RFC 8158 has no code for this kind.
    #[error("RFC 8158 has no code for this kind of event")]
    Kind,
    /// The exporter has no room for one more combination of fields.
    #[error("too many combinations of fields")]
    Templates,
    /// `user_name` or `pool_name` is longer than its field.
    #[error("a name is too long for its field")]
    Name,
    /// NetFlow v5 has fixed records.
    #[error("netflow v5 cannot carry NAT events")]
    Version,
    /// The time is before 1970.
    #[error("time is before 1970")]
    Time,
}

/// One exporting process.
#[derive(Debug, Clone)]
pub struct Encoder {
    version: Version,
    domain: u32,
    boot_us: i64,
    sequence: u32,
    layouts: Vec<Vec<Spec>>,
    announced: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spec {
    id: u16,
    /// `None` in IPFIX: variable length.
    len: Option<u16>,
}

impl Encoder {
    /// An exporter that started at `boot_us` (microseconds since 1970 UTC; v9 sends its uptime).
    pub fn new(version: Version, domain: u32, boot_us: i64) -> Self {
        Self { version, domain, boot_us, sequence: 0, layouts: Vec::new(), announced: 0 }
    }

    /// The sequence number that the next packet will bear.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Sets the sequence number of the next packet.
    pub fn set_sequence(&mut self, sequence: u32) {
        self.sequence = sequence;
    }

    /// Makes the next packets announce all templates again, as exporters over UDP do from time to time.
    pub fn announce_again(&mut self) {
        self.announced = 0;
    }

    /// Writes events in their order, as packets of at most 1400 bytes where one record allows it. Templates that have
    /// not been announced yet stand before the first data that needs them.
    pub fn encode(&mut self, export_us: i64, events: &[NatEvent]) -> Result<Vec<Vec<u8>>, EncodeError> {
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            records.push(self.record(event)?);
        }
        let mut packets = Vec::new();
        let mut packet = self.open(export_us)?;
        for n in self.announced..self.layouts.len() {
            let template = self.template(n);
            if packet.bytes.len() + 4 + template.len() > MTU {
                packets.push(self.close(packet));
                packet = self.open(export_us)?;
            }
            let set = if self.version == Version::NetFlow9 { 0 } else { 2 };
            packet.add(set, &template, Counts::Template);
        }
        self.announced = self.layouts.len();
        for (layout, record) in records {
            if packet.bytes.len() + 8 + record.len() > MTU && packet.bytes.len() > packet.header {
                packets.push(self.close(packet));
                packet = self.open(export_us)?;
            }
            packet.add(FIRST_TEMPLATE.saturating_add(layout), &record, Counts::Record);
        }
        if packet.bytes.len() > packet.header {
            packets.push(self.close(packet));
        }
        Ok(packets)
    }

    /// The record of an event, and the number of its layout.
    fn record(&mut self, event: &NatEvent) -> Result<(u16, Vec<u8>), EncodeError> {
        let mut fields = Fields { version: self.version, specs: Vec::new(), bytes: Vec::new() };
        fields.event(event)?;
        let known = self.layouts.iter().position(|layout| *layout == fields.specs);
        let layout = match known {
            Some(layout) => layout,
            None if self.layouts.len() >= MAX_LAYOUTS => return Err(EncodeError::Templates),
            None => {
                self.layouts.push(fields.specs);
                self.layouts.len() - 1
            }
        };
        Ok((u16::try_from(layout).map_err(|_| EncodeError::Templates)?, fields.bytes))
    }

    fn template(&self, n: usize) -> Vec<u8> {
        let layout = self.layouts.get(n).map(Vec::as_slice).unwrap_or_default();
        let mut bytes = Vec::with_capacity(4 + layout.len() * 4);
        let id = FIRST_TEMPLATE.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        bytes.extend(id.to_be_bytes());
        bytes.extend(u16::try_from(layout.len()).unwrap_or(u16::MAX).to_be_bytes());
        for spec in layout {
            bytes.extend(spec.id.to_be_bytes());
            bytes.extend(spec.len.unwrap_or(u16::MAX).to_be_bytes());
        }
        bytes
    }

    fn open(&self, export_us: i64) -> Result<Packet, EncodeError> {
        let seconds = u32::try_from(export_us.div_euclid(1_000_000)).map_err(|_| EncodeError::Time)?;
        let mut bytes = Vec::with_capacity(MTU);
        match self.version {
            Version::NetFlow5 => return Err(EncodeError::Version),
            Version::NetFlow9 => {
                let uptime_ms = (export_us - self.boot_us).max(0) / 1000;
                // The uptime wraps (RFC 3954 section 5.1).
                let uptime = u32::try_from(uptime_ms & 0xffff_ffff).unwrap_or_default();
                bytes.extend(9_u16.to_be_bytes());
                bytes.extend([0; 2]);
                bytes.extend(uptime.to_be_bytes());
                bytes.extend(seconds.to_be_bytes());
            }
            Version::Ipfix => {
                bytes.extend(10_u16.to_be_bytes());
                bytes.extend([0; 2]);
                bytes.extend(seconds.to_be_bytes());
            }
        }
        bytes.extend([0; 4]);
        bytes.extend(self.domain.to_be_bytes());
        Ok(Packet { header: bytes.len(), bytes, set: None, records: 0, templates: 0 })
    }

    fn close(&mut self, mut packet: Packet) -> Vec<u8> {
        packet.end_set();
        let (at, second) = match self.version {
            Version::NetFlow5 | Version::NetFlow9 => (12, packet.records + packet.templates),
            Version::Ipfix => (8, packet.bytes.len()),
        };
        packet.put(2, &u16::try_from(second).unwrap_or(u16::MAX).to_be_bytes());
        packet.put(at, &self.sequence.to_be_bytes());
        // v9 counts packets, IPFIX data records.
        let step = match self.version {
            Version::NetFlow5 | Version::NetFlow9 => 1,
            Version::Ipfix => u32::try_from(packet.records).unwrap_or(u32::MAX),
        };
        self.sequence = self.sequence.wrapping_add(step);
        packet.bytes
    }
}

struct Packet {
    bytes: Vec<u8>,
    header: usize,
    /// Id of the open set and where it begins.
    set: Option<(u16, usize)>,
    records: usize,
    templates: usize,
}

enum Counts {
    Record,
    Template,
}

impl Packet {
    fn add(&mut self, set: u16, content: &[u8], counts: Counts) {
        if self.set.is_none_or(|(open, _)| open != set) {
            self.end_set();
            self.set = Some((set, self.bytes.len()));
            self.bytes.extend(set.to_be_bytes());
            self.bytes.extend([0; 2]);
        }
        self.bytes.extend(content);
        match counts {
            Counts::Record => self.records += 1,
            Counts::Template => self.templates += 1,
        }
    }

    fn end_set(&mut self) {
        let Some((_, begin)) = self.set.take() else { return };
        // Sets end at a multiple of four bytes.
        while !(self.bytes.len() - begin).is_multiple_of(4) {
            self.bytes.push(0);
        }
        let len = u16::try_from(self.bytes.len() - begin).unwrap_or(u16::MAX);
        self.put(begin + 2, &len.to_be_bytes());
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    }
}

struct Fields {
    version: Version,
    specs: Vec<Spec>,
    bytes: Vec<u8>,
}

impl Fields {
    /// What RFC 8158's templates call mandatory first, the optional fields at the end.
    fn event(&mut self, event: &NatEvent) -> Result<(), EncodeError> {
        let ms = u64::try_from(event.time.us).map_err(|_| EncodeError::Time)? / 1000;
        self.put(323, &ms.to_be_bytes());
        self.put(230, &[code(event)?]);
        self.address((8, 27), event.inside.address);
        if let Some(b4) = event.softwire {
            self.put(27, &b4.octets());
        }
        self.address((225, 281), event.outside.address);
        if let Some(protocol) = event.protocol {
            self.put(4, &[protocol]);
        }
        self.port(7, event.inside);
        self.port(227, event.outside);
        self.address((12, 28), event.destination.address);
        self.address((226, 282), event.destination_post.address);
        self.port(11, event.destination);
        self.port(228, event.destination_post);
        if let Some(block) = event.outside_ports {
            self.put(361, &block.first.to_be_bytes());
            if let Some(last) = block.last {
                self.put(362, &last.to_be_bytes());
            }
            if block.step != 1 {
                self.put(363, &block.step.to_be_bytes());
            }
        }
        if let Some(realm) = event.realm {
            self.put(229, &[if realm == Realm::Private { 1 } else { 2 }]);
        }
        let (quota, threshold) = match event.kind {
            EventKind::QuotaExceeded(quota) => (quota, None),
            EventKind::ThresholdReached(threshold) => (None, threshold),
            _ => (None, None),
        };
        for (id, number) in [
            (466, quota),
            (467, threshold),
            (234, event.ingress_vrf),
            (235, event.egress_vrf),
            (463, event.nat_instance),
            (283, event.pool_id),
        ] {
            if let Some(number) = number {
                self.put(id, &number.to_be_bytes());
            }
        }
        if let Some(session) = event.session_id {
            self.put(148, &session.to_be_bytes());
        }
        self.text(236, event.vrf_name.as_deref())?;
        self.text(284, event.pool_name.as_deref())?;
        self.text(371, event.user_name.as_deref())
    }

    fn put(&mut self, id: u16, value: &[u8]) {
        self.specs.push(Spec { id, len: u16::try_from(value.len()).ok() });
        self.bytes.extend(value);
    }

    fn address(&mut self, (v4, v6): (u16, u16), address: Option<IpAddr>) {
        match address {
            Some(IpAddr::V4(address)) => self.put(v4, &address.octets()),
            Some(IpAddr::V6(address)) => self.put(v6, &Ipv6Addr::octets(&address)),
            None => {}
        }
    }

    fn port(&mut self, id: u16, endpoint: Endpoint) {
        if let Some(port) = endpoint.port {
            self.put(id, &port.to_be_bytes());
        }
    }

    /// Variable length in IPFIX; 64 bytes filled with zeros in v9, as Junos does with natPoolName.
    fn text(&mut self, id: u16, text: Option<&str>) -> Result<(), EncodeError> {
        let Some(text) = text else { return Ok(()) };
        match self.version {
            Version::Ipfix => {
                let len = u8::try_from(text.len()).ok().filter(|&len| len < 255).ok_or(EncodeError::Name)?;
                self.specs.push(Spec { id, len: None });
                self.bytes.push(len);
                self.bytes.extend(text.as_bytes());
            }
            Version::NetFlow5 | Version::NetFlow9 => {
                let filler = V9_TEXT.checked_sub(text.len()).ok_or(EncodeError::Name)?;
                self.specs.push(Spec { id, len: u16::try_from(V9_TEXT).ok() });
                self.bytes.extend(text.as_bytes());
                self.bytes.extend(std::iter::repeat_n(0, filler));
            }
        }
        Ok(())
    }
}

/// RFC 8158's `natEvent` values: one number for IPv4 inside, another for IPv6.
fn code(event: &NatEvent) -> Result<u8, EncodeError> {
    let v6 = u8::from(event.inside.address.is_some_and(|address| address.is_ipv6()));
    match event.kind {
        EventKind::AddressesExhausted => Ok(3),
        EventKind::SessionCreate => Ok(4 + 2 * v6),
        EventKind::SessionDelete => Ok(5 + 2 * v6),
        EventKind::BindingCreate => Ok(8 + 2 * v6),
        EventKind::BindingDelete => Ok(9 + 2 * v6),
        EventKind::PortsExhausted => Ok(12),
        EventKind::QuotaExceeded(_) => Ok(13),
        EventKind::AddressBindingCreate => Ok(14),
        EventKind::AddressBindingDelete => Ok(15),
        EventKind::PortBlockAllocate => Ok(16),
        EventKind::PortBlockRelease => Ok(17),
        EventKind::ThresholdReached(_) => Ok(18),
        EventKind::Flow | EventKind::FlowUpdate | EventKind::Denied | EventKind::Other => {
            Err(EncodeError::Kind)
        }
    }
}

const FIRST_TEMPLATE: u16 = 256;
const MAX_LAYOUTS: usize = 1024;
/// Longest packet in bytes that goes through a link of 1500 with room for tunnels.
const MTU: usize = 1400;
const V9_TEXT: usize = 64;
