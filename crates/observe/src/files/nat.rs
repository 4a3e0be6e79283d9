//! NAT logs from files: lines of text, and captures of NetFlow and IPFIX.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::ops::ControlFlow;

use jiff::tz::TimeZone;
use tadoru_model::observation::{Observation, Observed};
use tadoru_model::{SourceName, Span, UtcMicros};
use tadoru_wire::flow::{Decoder, Report};
use tadoru_wire::natlog::{self, Parsed};
use tadoru_wire::pcap::{Packets, udp_payload};
use tadoru_wire::{Defect, Place};

use super::Task;
use super::input::Input;
use super::tally::Tally;
use crate::records::{nat_events, nat_lines};

impl Task<'_> {
    /// Lines of conntrack, ulogd2 or syslog.
    pub(super) fn nat_lines(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let utc = TimeZone::UTC;
        let zone = self.options.zone.as_ref().unwrap_or(&utc);
        let near_us = self.about.written.0;
        let mut sequences = nat_lines::Sequences::default();
        let mut hosts = HashMap::new();
        natlog::read(input, &natlog::Options { zone, near_us, dialect: None }, |line, parsed| {
            tally.record();
            self.nat_line(line, &parsed, &mut sequences, &mut hosts, tally)
        })?;
        Ok(())
    }

    fn nat_line(
        &self,
        line: u64,
        parsed: &Parsed<'_>,
        sequences: &mut nat_lines::Sequences,
        hosts: &mut HashMap<Vec<u8>, SourceName>,
        tally: &mut Tally<'_>,
    ) -> ControlFlow<()> {
        let place = Place::Line(line);
        let zone = match self.options.zone {
            Some(_) => nat_lines::Zone::Stated,
            None => nat_lines::Zone::Unknown,
        };
        let source = self.gateway(parsed.syslog.host, hosts);
        let realm = &self.options.realm;
        if let Some(number) = parsed.syslog.sequence {
            let stamp = parsed.events.iter().next().and_then(|event| event.time).or(parsed.syslog.time);
            let at = stamp.and_then(|stamp| nat_lines::instant(stamp, zone).ok());
            if let Some(span) = sequences.step(&source, realm, number, at) {
                let what = Observed::Coverage(span);
                let lost = Observation { source: source.clone(), realm: realm.clone(), record: line, what };
                tally.observation(place, lost)?;
            }
        }
        if let Some(what) = parsed.fault {
            tally.defect(Defect::line(line, what));
        } else if parsed.events.is_empty() {
            tally.ignored();
        }
        let origin = nat_lines::Origin {
            source: &source,
            realm,
            inside_realm: &self.options.inside_realm,
            zone,
            arrival: None,
            record: line,
        };
        for event in parsed.events.iter() {
            tally.converted(place, nat_lines::observation(event, &origin))?;
        }
        ControlFlow::Continue(())
    }

    /// The gateway of a line: as the operator says, else by the host of the line, else the file.
    fn gateway(&self, host: Option<&[u8]>, hosts: &mut HashMap<Vec<u8>, SourceName>) -> SourceName {
        let (None, Some(host)) = (&self.options.source, host) else { return self.source() };
        if let Some(known) = hosts.get(host) {
            return known.clone();
        }
        let name = SourceName::from(tadoru_wire::radius::text(host).as_str());
        if hosts.len() < MOST_HOSTS {
            hosts.insert(host.to_vec(), name.clone());
        }
        name
    }

    /// Export packets of a capture.
    pub(super) fn nat_export(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let mut decoder = Decoder::default();
        let mut exporters: HashMap<IpAddr, Exporter> = HashMap::new();
        let (mut arrived, mut found) = (0, Found::default());
        for packet in Packets::new(input) {
            let Some(packet) = tally.sound(packet)? else { continue };
            tally.record();
            let export = udp_payload(&packet).filter(|udp| matches!(udp.payload, [0, 9 | 10, ..]));
            let Some(export) = export else {
                tally.ignored();
                continue;
            };
            let arrival_us = packet.time_us.unwrap_or(arrived);
            arrived = arrival_us;
            let mut events = Vec::new();
            let report =
                decoder.decode(export.src, arrival_us, export.payload, &mut |event| events.push(event));
            let place = Place::Byte(packet.offset);
            list(&report, place, tally);
            found.note(&report);
            let name_of = |address: IpAddr| match &self.options.source {
                Some(source) => source.clone(),
                None => SourceName::from(address.to_string().as_str()),
            };
            let exporter = exporters
                .entry(export.src)
                .or_insert_with(|| Exporter { name: name_of(export.src), boots: HashMap::new() });
            let source = exporter.name.clone();
            let origin = nat_events::Origin {
                source: &source,
                realm: &self.options.realm,
                inside_realm: &self.options.inside_realm,
                record: packet.offset,
            };
            if events.is_empty() {
                tally.ignored();
            }
            let before = exporter.boot(&report);
            let said = nat_events::loss(&report, &origin).into_iter();
            let said = said.chain(nat_events::restart(before, &report, UtcMicros(arrival_us), &origin));
            let gone: Vec<Observation> = report
                .given_up
                .iter()
                .map(|given_up| {
                    let source = name_of(given_up.source.ip());
                    let (from, to) = (given_up.from_us, given_up.to_us.max(given_up.from_us));
                    let stretch = Span::new(UtcMicros(from), UtcMicros(to).plus(1));
                    let theirs = nat_events::Origin { source: &source, ..origin };
                    nat_events::given_up(given_up.sets, stretch, &theirs)
                })
                .collect();
            let told = said.chain(gone).map(|said| Ok(Some(said)));
            let events = events.iter().map(|event| nat_events::observation(event, &origin));
            for converted in told.chain(events) {
                if tally.converted(place, converted).is_break() {
                    return Ok(());
                }
            }
        }
        if decoder.waiting_bytes() > 0 {
            tally.defect_anywhere(Defect::byte(0, TEMPLATE_MISSING));
        } else if let Some(what) = found.instead_of_nat() {
            tally.defect_anywhere(Defect::byte(0, what));
        }
        Ok(())
    }
}

/// What exports of a file hold, to tell what they hold instead of what was looked for.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub templates: u64,
    pub records: u64,
    pub events: u64,
    pub rows: u64,
    /// Counter samples of sFlow.
    pub counters: u64,
}

impl Found {
    pub(super) fn note(&mut self, report: &Report) {
        self.templates += u64::from(report.templates);
        self.records += u64::from(report.records);
        self.events += u64::from(report.events);
        self.rows += u64::from(report.rows);
    }

    /// What there is instead of flows, where there are none.
    pub(super) fn instead_of_flows(&self) -> Option<String> {
        match self {
            Self { rows: 1.., .. } => None,
            Self { events: events @ 1.., .. } => {
                Some(format!("it holds no flow but {events} NAT events: import it as `nat-export`"))
            }
            _ => self.only_templates(),
        }
    }

    fn instead_of_nat(&self) -> Option<String> {
        match self {
            Self { events: 1.., .. } => None,
            Self { records: records @ 1.., .. } => Some(format!(
                "it holds no NAT event but {records} other records: if they are of traffic, import it as `flows`"
            )),
            _ => self.only_templates(),
        }
    }

    fn only_templates(&self) -> Option<String> {
        match self {
            Self { records: records @ 1.., .. } => {
                Some(format!("it holds {records} records of options and none of anything else"))
            }
            Self { templates: templates @ 1.., .. } => {
                Some(format!("it holds {templates} templates and no record of them"))
            }
            Self { counters: counters @ 1.., .. } => {
                Some(format!("it holds {counters} counter samples and no sampled packet"))
            }
            _ => None,
        }
    }
}

/// What is kept of one exporter.
struct Exporter {
    name: SourceName,
    /// When it started, by domain.
    boots: HashMap<u32, i64>,
}

impl Exporter {
    /// The start that was told before; keeps the one that a packet tells now.
    fn boot(&mut self, report: &Report) -> Option<i64> {
        let now = report.boot_us?;
        if self.boots.len() >= MOST_DOMAINS && !self.boots.contains_key(&report.domain) {
            return None;
        }
        self.boots.insert(report.domain, now)
    }
}

/// Notes a packet's defects at the packet's place in the capture.
fn list(report: &Report, place: Place, tally: &mut Tally<'_>) {
    for defect in &report.defects {
        tally.defect(Defect { place, what: format!("packet's {defect}") });
    }
    tally.more_defects(u64::from(report.more_defects));
    if report.dropped > 0 {
        let what = format!("{} data sets dropped, as their template never came", report.dropped);
        tally.defect_anywhere(Defect { place, what });
    }
}

/// Hosts of one file whose names are kept.
const MOST_HOSTS: usize = 65_536;

/// Domains of one exporter whose start is kept.
const MOST_DOMAINS: usize = 256;

/// What is left at the end of a file.
pub(super) const TEMPLATE_MISSING: &str = "data is left whose template never came";
