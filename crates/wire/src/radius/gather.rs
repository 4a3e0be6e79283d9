//! Gathers attributes into an [`Accounting`] record.

use std::net::IpAddr;

use super::accounting::{Accounting, Prefix, Status, text};
use super::fields::Field;
use super::ports::Bindings;
use super::value::Value;
use crate::defect::{Defect, Place};
use crate::dictionary::{Dictionary, Oid};

/// A record that is being put together.
pub(super) struct Gather<'d> {
    dictionary: &'d Dictionary,
    record: Accounting,
    bindings: Bindings,
    input: Counter,
    output: Counter,
    /// Attributes that were seen with two different values, and are not believed any more.
    clashes: Vec<Oid>,
    defects: Vec<Defect>,
    /// Where the record starts.
    start: Place,
}

/// A counter in its two attributes.
#[derive(Default)]
struct Counter {
    octets: Option<u32>,
    gigawords: Option<u32>,
}

impl<'d> Gather<'d> {
    pub(super) fn new(dictionary: &'d Dictionary, start: Place) -> Self {
        Self {
            dictionary,
            record: Accounting::default(),
            bindings: Bindings::default(),
            input: Counter::default(),
            output: Counter::default(),
            clashes: Vec::new(),
            defects: Vec::new(),
            start,
        }
    }

    /// Whether an attribute has a place in the record.
    pub(super) fn wants(oid: Oid) -> bool {
        match oid.parts() {
            [n] => matches!(
                n,
                1 | 4 | 5 | 8 | 9 | 22 | 25 | 30..=32 | 40..=44 | 46 | 49 | 50 | 52 | 53 | 55 | 87 | 89
                    | 95..=97 | 99 | 123 | 168 | 1052 | 1084 | 1097
            ),
            [26, 10415, 1] | [26, 3561, 1 | 2] | [26, 2352, 96 | 97] => true,
            _ => Bindings::wants(oid),
        }
    }

    /// Takes one attribute in.
    pub(super) fn take(&mut self, field: &Field, place: Place) {
        let oid = field.oid;
        match (oid.parts(), &field.value) {
            ([1], Value::Octets(v)) => self.set(oid, place, |r| &mut r.user_name, text(v)),
            ([4], Value::Ip(IpAddr::V4(v))) => self.set(oid, place, |r| &mut r.nas_ip, *v),
            ([5], Value::Unsigned(v)) => self.set_number(oid, place, |r| &mut r.nas_port, *v),
            ([8], Value::Ip(IpAddr::V4(v))) => {
                if !matches!(v.octets(), [0, 0, 0, 0] | [255, 255, 255, 254 | 255]) {
                    self.set(oid, place, |r| &mut r.framed_ipv4, *v);
                }
            }
            ([9], Value::Ip(IpAddr::V4(v))) => self.set(oid, place, |r| &mut r.framed_netmask, *v),
            ([22], Value::Octets(v)) => self.route(oid, place, v, Prefix::parse_route4),
            ([99], Value::Octets(v)) => self.route(oid, place, v, Prefix::parse_route6),
            ([25], Value::Octets(v)) => self.record.classes.push(v.clone()),
            ([30], Value::Octets(v)) => self.set(oid, place, |r| &mut r.called_station_id, text(v)),
            ([31], Value::Octets(v)) => self.set(oid, place, |r| &mut r.calling_station_id, text(v)),
            ([32], Value::Octets(v)) => self.set(oid, place, |r| &mut r.nas_identifier, text(v)),
            ([40], Value::Unsigned(v)) => match u32::try_from(*v) {
                Ok(v) => self.set(oid, place, |r| &mut r.status, Status::from(v)),
                Err(_) => self.defect(oid, place, "is out of range"),
            },
            ([41], Value::Unsigned(v)) => self.set_number(oid, place, |r| &mut r.acct_delay_time, *v),
            ([42], Value::Unsigned(v)) => self.input.octets = u32::try_from(*v).ok(),
            ([43], Value::Unsigned(v)) => self.output.octets = u32::try_from(*v).ok(),
            ([52], Value::Unsigned(v)) => self.input.gigawords = u32::try_from(*v).ok(),
            ([53], Value::Unsigned(v)) => self.output.gigawords = u32::try_from(*v).ok(),
            ([44], Value::Octets(v)) => self.set(oid, place, |r| &mut r.session_id, text(v)),
            ([46], Value::Unsigned(v)) => self.set_number(oid, place, |r| &mut r.session_time, *v),
            ([49], Value::Unsigned(v)) => self.set_number(oid, place, |r| &mut r.terminate_cause, *v),
            ([50], Value::Octets(v)) => self.set(oid, place, |r| &mut r.multi_session_id, text(v)),
            ([55], Value::Date(v)) => {
                let instant = i64::from(*v) * MICROSECONDS;
                self.set(oid, place, |r| &mut r.event_timestamp, instant);
            }
            ([87], Value::Octets(v)) => self.set(oid, place, |r| &mut r.nas_port_id, text(v)),
            ([89], Value::Octets(v)) => self.set(oid, place, |r| &mut r.chargeable_user, v.clone()),
            ([95], Value::Ip(IpAddr::V6(v))) => self.set(oid, place, |r| &mut r.nas_ipv6, *v),
            ([96], Value::InterfaceId(v)) => self.set(oid, place, |r| &mut r.framed_interface_id, *v),
            ([97], Value::Prefix(a, bits)) => {
                let prefix = Prefix::new(*a, *bits);
                self.add(oid, place, |r| &mut r.framed_ipv6_prefixes, prefix);
            }
            ([123], Value::Prefix(a, bits)) => {
                let prefix = Prefix::new(*a, *bits);
                self.add(oid, place, |r| &mut r.delegated_ipv6_prefixes, prefix);
            }
            ([168], Value::Ip(IpAddr::V6(v))) => self.record.framed_ipv6_addresses.push(*v),
            ([26, 10415, 1], Value::Octets(v)) => self.set(oid, place, |r| &mut r.imsi, text(v)),
            ([26, 3561, 1] | [26, 2352, 97], Value::Octets(v)) => {
                self.set(oid, place, |r| &mut r.agent_circuit_id, v.clone());
            }
            ([26, 3561, 2] | [26, 2352, 96], Value::Octets(v)) => {
                self.set(oid, place, |r| &mut r.agent_remote_id, v.clone());
            }
            ([1052 | 1084 | 1097], Value::Ip(v)) => self.set(oid, place, |r| &mut r.sender, *v),
            // A value of another type than the attribute's was reported where it was read.
            _ => self.bindings.take(field, place),
        }
    }

    /// Sets the instant of the event, which a detail file gives to the microsecond.
    pub(super) fn event(&mut self, place: Place, instant: i64) {
        self.set(Oid::plain(55), place, |r| &mut r.event_timestamp, instant);
    }

    /// Sets the instant of arrival.
    pub(super) fn arrival(&mut self, instant: Option<i64>) {
        self.record.arrival = instant;
    }

    /// Adds a defect of an attribute.
    pub(super) fn defect(&mut self, oid: Oid, place: Place, what: &str) {
        let name = self.name(oid);
        self.defects.push(Defect { place, what: format!("`{name}` {what}") });
    }

    /// Adds a defect of the record.
    pub(super) fn fault(&mut self, defect: Defect) {
        self.defects.push(defect);
    }

    /// The record, and what was wrong with it.
    pub(super) fn finish(mut self) -> (Accounting, Vec<Defect>) {
        self.record.input_bytes = self.input.total();
        self.record.output_bytes = self.output.total();
        self.record.port_ranges = self.bindings.finish(&mut self.defects);
        if self.record.status.is_none() && !self.clashes.contains(&Oid::plain(40)) {
            let what = "`Acct-Status-Type` is missing".to_owned();
            self.defects.push(Defect { place: self.start, what });
        }
        (self.record, self.defects)
    }

    /// Sets what may be there once; two different values leave neither.
    fn set<T: PartialEq>(
        &mut self,
        oid: Oid,
        place: Place,
        slot: impl Fn(&mut Accounting) -> &mut Option<T>,
        value: T,
    ) {
        if self.clashes.contains(&oid) {
            return;
        }
        let slot = slot(&mut self.record);
        match slot {
            None => *slot = Some(value),
            Some(known) if *known == value => {}
            Some(_) => {
                *slot = None;
                self.clashes.push(oid);
                self.defect(oid, place, "appears twice with different values");
            }
        }
    }

    fn set_number(
        &mut self,
        oid: Oid,
        place: Place,
        slot: impl Fn(&mut Accounting) -> &mut Option<u32>,
        value: u64,
    ) {
        match u32::try_from(value) {
            Ok(value) => self.set(oid, place, slot, value),
            Err(_) => self.defect(oid, place, "is out of range"),
        }
    }

    fn route(&mut self, oid: Oid, place: Place, octets: &[u8], parse: fn(&str) -> Option<Prefix>) {
        let prefix = std::str::from_utf8(octets).ok().and_then(parse);
        self.add(oid, place, |r| &mut r.framed_routes, prefix);
    }

    /// Adds a prefix that belongs to the session; one of no length would make it the holder of every address.
    fn add(
        &mut self,
        oid: Oid,
        place: Place,
        slot: impl Fn(&mut Accounting) -> &mut Vec<Prefix>,
        prefix: Option<Prefix>,
    ) {
        match prefix {
            Some(prefix) if prefix.bits() > 0 => slot(&mut self.record).push(prefix),
            Some(_) => self.defect(oid, place, "covers every address"),
            None => self.defect(oid, place, "is not a prefix"),
        }
    }

    fn name(&self, oid: Oid) -> String {
        self.dictionary.attribute(oid).map_or_else(|| oid.to_string(), |known| known.name.clone())
    }
}

impl Counter {
    fn total(&self) -> Option<u64> {
        let octets = u64::from(self.octets?);
        Some(octets | (u64::from(self.gigawords.unwrap_or(0)) << 32))
    }
}

/// Microseconds of a second.
const MICROSECONDS: i64 = 1_000_000;
