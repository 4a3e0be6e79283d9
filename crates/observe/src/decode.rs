//! From the spool to observations: the same records give the same observations, however often they are read.
//!
//! What comes in: raw records in the order of the spool. What goes out: observations, coverage, and defects. It keeps
//! templates, numberings and the order of lease files in mind; it reads no clock and asks nobody.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use jiff::tz::TimeZone;
use tadoru_model::observation::{Observation, Observed};
use tadoru_model::{Realm, SourceName, Span, UtcMicros};
use tadoru_wire::Defect;
use tadoru_wire::dictionary::Dictionary;
use tadoru_wire::flow;
use tadoru_wire::leases::{LeaseFormat, LeaseParser};
use tadoru_wire::natlog;
use tadoru_wire::radius::{Accounting, Packet, detail};
use tadoru_wire::tables::lines::Lines;

use crate::alive::{Alive, Line};
use crate::inlet::{Age, FilePlace, Pulse, RawKind, SpoolRecord};
use crate::records::leases::Journal;
use crate::records::{accounting, nat_events, nat_lines, odd_time};

mod memory;
#[cfg(test)]
mod tests;

/// Decodes records of the spool.
#[derive(Debug, Default)]
pub struct Decoder {
    flows: flow::Decoder,
    boots: HashMap<(IpAddr, u32), i64>,
    /// What the sources of exporters are called.
    exporters: HashMap<IpAddr, (SourceName, Realm)>,
    /// What was lost of sources as it waited for a template when the decoder before this one ended.
    lost: Vec<Missing>,
    sequences: nat_lines::Sequences,
    journals: HashMap<SourceName, (u64, Journal)>,
    zones: HashMap<Box<str>, Option<TimeZone>>,
    alive: Alive,
    places: HashMap<SourceName, FilePlace>,
}

/// A stretch of a source whose template never came.
#[derive(Debug, Clone)]
struct Missing {
    source: SourceName,
    realm: Realm,
    sets: u32,
    from_us: i64,
    to_us: i64,
}

/// What came out of one record.
#[derive(Debug, Default)]
pub struct Decoded {
    /// What it tells.
    pub observations: Vec<Observation>,
    /// What could not be read or believed in it, [`MOST_DEFECTS`] at most.
    pub defects: Vec<Defect>,
    /// How many defects there were.
    pub defect_count: u64,
    /// Records in it that say nothing about who held an address.
    pub ignored: u64,
    /// Who sent it, where the record itself tells.
    speaker: Option<SourceName>,
}

impl Decoder {
    /// Where following a source's file goes on.
    pub fn places(&self) -> impl Iterator<Item = (&SourceName, FilePlace)> {
        self.places.iter().map(|(source, place)| (source, *place))
    }

    /// What became lossy as the decoder before this one ended: data that waited for a template is not kept in mind. To be
    /// taken in once, before anything else.
    pub fn lost(&mut self) -> Vec<Observation> {
        let lost = std::mem::take(&mut self.lost);
        lost.iter().filter_map(|missing| missing.observation(&self.alive, 0)).collect()
    }

    /// Decodes the record with this number in the spool.
    pub fn step(&mut self, number: u64, record: &SpoolRecord) -> Decoded {
        let mut out = Decoded::default();
        match record.kind {
            RawKind::Accounting => packet(number, record, &mut out),
            RawKind::Syslog => self.message(number, record, &mut out),
            RawKind::Export => self.export(number, record, &mut out),
            RawKind::Kea4 => self.leases(LeaseFormat::Kea4, record, &mut out),
            RawKind::Kea6 => self.leases(LeaseFormat::Kea6, record, &mut out),
            RawKind::Isc => self.leases(LeaseFormat::Isc, record, &mut out),
            RawKind::Detail => self.entries(record, &mut out),
            RawKind::Pulse => self.pulse(record, &mut out),
            // Traffic has a spool and a reader of its own.
            RawKind::Flow => out.ignored += 1,
        }
        if let (Some(source), Some(place)) = (&record.source, record.place) {
            self.places.insert(source.clone(), place);
        }
        if record.kind != RawKind::Pulse {
            let damaged = Line::Damaged(out.speaker.as_ref());
            let line = if out.defect_count == 0 { Line::Whole } else { damaged };
            self.alive.hear(record, line, &mut out.observations);
        }
        for observation in out.observations.iter().filter_map(|o| odd_time(o, record.arrival)) {
            out.defect_count += 1;
            if out.defects.len() < MOST_DEFECTS {
                out.defects.push(Defect::byte(0, observation));
            }
        }
        out
    }

    fn pulse(&mut self, record: &SpoolRecord, out: &mut Decoded) {
        let Some(pulse) = Pulse::from_octets(&record.octets) else { return out.defect("sign of life") };
        if let Some((_, journal)) = record.source.as_ref().and_then(|source| self.journals.get_mut(source)) {
            journal.settle(Some(record.arrival), &mut out.observations);
        }
        self.alive.pulse(record, &pulse, &mut out.observations);
    }

    fn message(&mut self, number: u64, record: &SpoolRecord, out: &mut Decoded) {
        let zone = record.zone.clone().and_then(|name| self.zone(name));
        let known = if zone.is_some() { nat_lines::Zone::Stated } else { nat_lines::Zone::Unknown };
        let zone = zone.unwrap_or(TimeZone::UTC);
        let options = natlog::Options { zone: &zone, near_us: record.arrival.0, dialect: None };
        let parsed = natlog::parse(&record.octets, &options);
        let host = parsed.syslog.host.map(|host| SourceName::from(tadoru_wire::radius::text(host).as_str()));
        let sender = || record.sender.map(|addr| SourceName::from(addr.to_string().as_str()));
        let Some(source) = record.source.clone().or(host).or_else(sender) else {
            return out.defect("message names no device");
        };
        out.speaker = Some(source.clone());
        if let Some(sequence) = parsed.syslog.sequence {
            // By arrival: the messages that are missing should have come in between.
            let lost = self.sequences.step(&source, &record.realm, sequence, Some(record.arrival));
            out.observations.extend(lost.map(|span| Observation {
                source: source.clone(),
                realm: record.realm.clone(),
                record: number,
                what: Observed::Coverage(span),
            }));
        }
        if let Some(what) = parsed.fault {
            out.defect(what);
        } else if parsed.events.is_empty() {
            out.ignored += 1;
        }
        let origin = nat_lines::Origin {
            source: &source,
            realm: &record.realm,
            inside_realm: &record.inside_realm,
            zone: known,
            arrival: Some(record.arrival),
            record: number,
        };
        for event in parsed.events.iter() {
            out.converted(nat_lines::observation(event, &origin));
        }
    }

    fn export(&mut self, number: u64, record: &SpoolRecord, out: &mut Decoded) {
        let Some(exporter) = record.sender else { return out.defect("export packet has no sender") };
        let mut events = Vec::new();
        let report =
            self.flows.decode(exporter, record.arrival.0, &record.octets, &mut |event| events.push(event));
        out.defect_count += report.defects.len() as u64 + u64::from(report.more_defects);
        out.defects.extend(report.defects.iter().take(MOST_DEFECTS).cloned());
        let address = SourceName::from(exporter.to_string().as_str());
        out.speaker = Some(address.clone());
        let origin = nat_events::Origin {
            source: record.source.as_ref().unwrap_or(&address),
            realm: &record.realm,
            inside_realm: &record.inside_realm,
            record: number,
        };
        let key = (exporter, report.domain);
        let room = self.boots.len() < MOST_SOURCES || self.boots.contains_key(&key);
        let before = report.boot_us.filter(|_| room).and_then(|boot| self.boots.insert(key, boot));
        let known = (origin.source.clone(), record.realm.clone());
        if self.exporters.len() < MOST_SOURCES || self.exporters.contains_key(&exporter) {
            self.exporters.insert(exporter, known);
        }
        // It may be another exporter's.
        let given_up = report.given_up.iter();
        let given_up =
            given_up.filter_map(|given_up| self.missing(given_up).observation(&self.alive, number));
        out.observations.extend(given_up);
        out.observations.extend(nat_events::loss(&report, &origin));
        out.observations.extend(nat_events::restart(before, &report, record.arrival, &origin));
        if events.is_empty() {
            out.ignored += 1;
        }
        for event in &events {
            out.converted(nat_events::observation(event, &origin));
        }
    }

    fn missing(&self, given_up: &flow::GivenUp) -> Missing {
        let address = given_up.source.ip();
        let named = || (SourceName::from(address.to_string().as_str()), Realm::untold());
        let (source, realm) = self.exporters.get(&address).cloned().unwrap_or_else(named);
        let flow::GivenUp { sets, from_us, to_us, .. } = *given_up;
        Missing { source, realm, sets, from_us, to_us: to_us.max(from_us) }
    }

    fn leases(&mut self, format: LeaseFormat, record: &SpoolRecord, out: &mut Decoded) {
        let (Some(source), Some(place)) = (&record.source, record.place) else {
            return out.defect("lease lines name no file");
        };
        let fresh = || (place.file, Journal::new(format, source.clone(), record.realm.clone()));
        let (file, journal) = self.journals.entry(source.clone()).or_insert_with(fresh);
        if *file != place.file {
            // The file was replaced: what it had to say, it has said by now.
            journal.settle(Some(record.arrival), &mut out.observations);
            (*file, *journal) = fresh();
        }
        if place.age == Age::Fresh {
            journal.appended();
        }
        let mut parser = LeaseParser::new(format);
        let mut ready = VecDeque::new();
        let mut lines = Lines::new(record.octets.as_slice());
        // A header that is repeated stands before the first line.
        let header = u64::from(format != LeaseFormat::Isc);
        while let Ok(Some((line, text))) = lines.next_line() {
            parser.line(line.saturating_add(place.line).saturating_sub(1 + header), text, &mut ready);
        }
        parser.finish(&mut ready);
        for read in ready {
            match read {
                Err(defect) => out.list(defect),
                Ok((line, lease)) => {
                    if let Err(what) = journal.step(line, &lease, &mut out.observations) {
                        out.list(Defect::line(line, what));
                    }
                }
            }
        }
        if place.age == Age::Fresh {
            journal.settle(Some(record.arrival), &mut out.observations);
        }
    }

    fn entries(&mut self, record: &SpoolRecord, out: &mut Decoded) {
        let zone = record.zone.clone().and_then(|name| self.zone(name)).unwrap_or(TimeZone::UTC);
        let first = record.place.map_or(1, |place| place.line);
        for entry in detail::Reader::new(record.octets.as_slice(), Dictionary::builtin(), &zone) {
            // Octets in memory cannot fail to be read.
            let Ok(entry) = entry else { return };
            entry.defects.into_iter().for_each(|defect| out.list(defect));
            let Some(told) = entry.record else { continue };
            let origin = accounting::Origin {
                sender: None,
                arrival: None,
                source: record.source.as_ref(),
                realm: &record.realm,
                record: entry.line.saturating_add(first).saturating_sub(1),
            };
            out.converted(accounting::observation(&told, &origin));
        }
    }

    fn zone(&mut self, name: Box<str>) -> Option<TimeZone> {
        let known = self.zones.entry(name);
        known.or_insert_with_key(|name| TimeZone::get(name).ok()).clone()
    }
}

impl Missing {
    /// As coverage of what its source speaks of; nothing where it has not named any address.
    fn observation(&self, alive: &Alive, record: u64) -> Option<Observation> {
        let Self { source, realm, sets, from_us, to_us } = self;
        let origin = nat_events::Origin { source, realm, inside_realm: realm, record };
        let stretch = Span::new(UtcMicros(*from_us), UtcMicros(*to_us).plus(1));
        let mut lossy = nat_events::given_up(*sets, stretch, &origin);
        if let Observed::Coverage(span) = &mut lossy.what {
            span.prefixes = alive.exported(source, realm);
        }
        matches!(&lossy.what, Observed::Coverage(span) if !span.prefixes.is_empty()).then_some(lossy)
    }
}

impl Decoded {
    fn list(&mut self, defect: Defect) {
        self.defect_count += 1;
        if self.defects.len() < MOST_DEFECTS {
            self.defects.push(defect);
        }
    }

    fn defect(&mut self, what: &str) {
        self.list(Defect::byte(0, what));
    }

    fn converted(&mut self, converted: Result<Option<Observation>, &'static str>) {
        match converted {
            Ok(Some(observation)) => self.observations.push(observation),
            Ok(None) => self.ignored += 1,
            Err(what) => self.defect(what),
        }
    }
}

fn packet(number: u64, record: &SpoolRecord, out: &mut Decoded) {
    let Ok(packet) = Packet::parse(&record.octets) else { return out.defect("not a RADIUS packet") };
    let (told, defects) = Accounting::from_packet(&packet, Dictionary::builtin());
    defects.into_iter().for_each(|defect| out.list(defect));
    let origin = accounting::Origin {
        sender: record.sender,
        arrival: Some(record.arrival),
        source: None,
        realm: &record.realm,
        record: number,
    };
    let named = |mut observation: Observation| {
        // The name that goes with the secret is surer than the one that the packet gives itself.
        observation.source = record.source.clone().unwrap_or(observation.source);
        observation
    };
    out.converted(accounting::observation(&told, &origin).map(|told| told.map(named)));
}

/// Defects listed of one record at most.
pub const MOST_DEFECTS: usize = 64;

/// Sources kept in mind at most.
const MOST_SOURCES: usize = 65_536;
