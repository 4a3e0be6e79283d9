//! Traffic flows and NAT events out of NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011); and back.
//!
//! Comes in: export packets with the exporter's address and their arrival time. Goes out: traffic as rows of
//! [`Columns`], NAT events ([`NatEvent`]) as RFC 8158 and the vendors export them, and a [`Report`] a packet of what
//! was lost, late, waiting or broken. It opens no socket, keeps no clock and never allocates by a length that it has
//! not checked; what a stranger can make it keep is bounded by [`Limits`].
//!
//! State is kept for each stream, that is, exporter (address and port, RFC 7011's transport session), version and
//! observation domain: templates, options data (sampling, names of interfaces, applications, pools and VRFs), the
//! sequence numbers, and data whose template has not come yet. After a restart of the exporter its templates are
//! forgotten, as they may stand for other layouts (RFC 7011 section 8.4): data waits until they are announced again.
//! What had waited before the restart is dropped and counted; nor is a late packet read by a template that has
//! changed since it was sent. Templates and options outlive a restart of ours by [`Decoder::save`].

mod columns;
mod encode;
mod export;
mod fields;
mod message;
mod nat;
mod options;
mod reading;
mod report;
pub(crate) mod section;
mod sequence;
mod state;
mod streams;
mod template;
#[cfg(test)]
mod tests;
mod traffic;
mod v5;
mod waiting;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use crate::Defect;

pub(crate) use self::sequence::SampleSequence;
pub use self::{
    columns::{Columns, Row, to_bits},
    encode::{EncodeError, Encoder},
    export::{ExportError, Exporter},
    message::Version,
    nat::{Dialect, Direction, Endpoint, EventKind, EventTime, NatEvent, PortBlock, Realm, TimeSource},
    report::{Limits, Report},
    sequence::{Loss, Order},
    state::StateError,
    streams::{Rate, StreamView},
};

use self::{
    fields::{Number, Plan, Text, Values},
    message::{Fit, Header, Set},
    reading::Context,
    sequence::Sequence,
    streams::Stats,
    template::{Announcement, Defined, FIRST_DATA_SET, Layout, Newness, Purpose, Store, Template},
    waiting::{Held, Waiting},
};

/// Decodes the packets of any number of exporters.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    dialects: HashMap<IpAddr, Dialect>,
    scopes: HashMap<IpAddr, Scope>,
    streams: HashMap<StreamKey, Stream>,
    waiting: Waiting,
    v5: Option<traffic::Plan>,
}

/// How far the templates of an exporter reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Within one transport session, that is, address and port (RFC 7011 section 8.1): two exporters behind one
    /// translated address are kept apart.
    #[default]
    Session,
    /// Over all ports of the address, for an exporter that sends templates from one port and data from another.
    Address,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct StreamKey {
    source: SocketAddr,
    version: Version,
    domain: u32,
}

#[derive(Debug)]
struct Stream {
    templates: Store<Compiled>,
    sequence: Sequence,
    pools: HashMap<u32, Box<str>>,
    vrfs: HashMap<u32, Box<str>>,
    told: options::Told,
    init_ms: Option<i64>,
    stats: Stats,
}

#[derive(Debug)]
struct Compiled {
    plan: Plan,
    dialect: Dialect,
    traffic: Option<Box<traffic::Plan>>,
    options: Option<options::Plan>,
    /// Sequence number of the packet that gave this layout, if its id may have stood for another before.
    since: Option<u32>,
}

impl Compiled {
    fn of(template: &Template, chosen: Dialect, since: Option<u32>) -> Self {
        let plan = Plan::compile(template);
        let tells = if plan.holds.nat { traffic::Tells::Nat } else { traffic::Tells::Nothing };
        Self {
            dialect: reading::dialect_of(chosen, plan.holds),
            plan,
            traffic: traffic::Plan::compile(template, tells).map(Box::new),
            options: options::Plan::compile(template),
            since,
        }
    }

    fn reads_all(&self) -> bool {
        self.plan.unreadable.is_empty() && self.traffic.as_ref().is_none_or(|plan| plan.unreadable.is_empty())
    }
}

/// Records counted in a set: `None` when they cannot be told.
type Counted = Option<u32>;

/// Where what is read goes.
struct Sinks<'a, F> {
    /// `None` when nobody wants traffic.
    columns: Option<&'a mut Columns>,
    events: &'a mut F,
}

/// One packet that is being read.
struct Reading<'a> {
    source: SocketAddr,
    header: Header,
    arrival_us: i64,
    limits: &'a Limits,
    chosen: Dialect,
    report: Report,
    defects: Vec<Defect>,
    /// Records of this packet that are not of options.
    flows: u32,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Decoder {
    /// A decoder that has seen nothing; every exporter is read as [`Dialect::Auto`].
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            dialects: HashMap::new(),
            scopes: HashMap::new(),
            streams: HashMap::new(),
            waiting: Waiting::new(limits.stream_waiting_bytes, limits.waiting_bytes, limits.waiting_us),
            v5: traffic::Plan::compile(&v5::template(), traffic::Tells::Nothing),
        }
    }

    /// Chooses how an exporter's codes are read. Holds for templates that arrive afterwards: call it first.
    pub fn set_dialect(&mut self, exporter: IpAddr, dialect: Dialect) {
        self.dialects.insert(exporter, dialect);
    }

    /// Chooses how far an exporter's templates reach; call it before its first packet.
    pub fn set_scope(&mut self, exporter: IpAddr, scope: Scope) {
        self.scopes.insert(exporter, scope);
    }

    /// How many templates are known, of all exporters.
    pub fn templates(&self) -> usize {
        self.streams.values().map(|stream| stream.templates.len()).sum()
    }

    /// Bytes of data that wait for their template.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.bytes()
    }

    /// What is known of each stream.
    pub fn streams(&self) -> impl Iterator<Item = StreamView<'_>> {
        self.streams.iter().map(|(key, stream)| StreamView::new(key, stream, self.waiting.bytes_of(*key)))
    }

    /// Reads the NAT events of one packet. `arrival_us` is microseconds since 1970 UTC and must be the packet's own
    /// (of a capture: as captured), as restarts and late packets are told by it; events come in the order of the
    /// packet, those that had waited first at the point where their template stands.
    pub fn decode(
        &mut self,
        exporter: IpAddr,
        arrival_us: i64,
        packet: &[u8],
        out: &mut impl FnMut(NatEvent),
    ) -> Report {
        let source = SocketAddr::new(exporter, 0);
        self.pass(source, arrival_us, packet, Sinks { columns: None, events: out })
    }

    /// Reads one packet: traffic is added to `columns`, NAT events go to `out`. `source` is where it came from;
    /// `arrival_us` as for [`Decoder::decode`].
    pub fn collect(
        &mut self,
        source: SocketAddr,
        arrival_us: i64,
        packet: &[u8],
        columns: &mut Columns,
        out: &mut impl FnMut(NatEvent),
    ) -> Report {
        self.pass(source, arrival_us, packet, Sinks { columns: Some(columns), events: out })
    }

    fn pass(
        &mut self,
        mut source: SocketAddr,
        arrival_us: i64,
        packet: &[u8],
        mut sinks: Sinks<'_, impl FnMut(NatEvent)>,
    ) -> Report {
        let mut report = Report::nothing();
        let mut defects = Vec::new();
        if self.scopes.get(&source.ip()) == Some(&Scope::Address) {
            source.set_port(0);
        }
        let is_v5 = sinks.columns.is_some() && v5::is(packet);
        let header =
            if is_v5 { v5::header(packet, &mut defects) } else { message::header(packet, &mut defects) };
        let Some(header) = header else {
            report.list(defects);
            return report;
        };
        report.version = Some(header.version);
        report.domain = header.domain;
        report.sequence = header.sequence;
        report.export_us = header.export_us;
        report.boot_us = header.uptime_ms.map(|uptime| header.export_us - i64::from(uptime) * 1000);
        let key = StreamKey { source, version: header.version, domain: header.domain };
        if !self.streams.contains_key(&key) && !self.room_for(source.ip(), arrival_us) {
            defects.push(Defect::byte(0, "exporter has more domains than are kept"));
            report.list(defects);
            return report;
        }
        let stream = self.streams.entry(key).or_insert_with(Stream::new);
        (report.order, report.loss) = stream.sequence.place(&header, arrival_us);
        if report.order == Order::Restart {
            stream.forget();
            // Nobody can say any more in which layout it was sent.
            self.waiting.discard(key);
        }
        let chosen = self.dialects.get(&source.ip()).copied().unwrap_or_default();
        let mut reading =
            Reading { source, header, arrival_us, limits: &self.limits, chosen, report, defects, flows: 0 };
        let counted = match (&self.v5, is_v5) {
            (Some(plan), true) => stream.v5(&mut reading, plan, packet, &mut sinks),
            _ => stream.sets(&mut reading, packet, key, &mut self.waiting, &mut sinks),
        };
        let Reading { mut report, defects, flows, .. } = reading;
        let placed = (report.order, report.loss);
        (report.order, report.loss) = stream.sequence.counted(&header, arrival_us, placed, counted, flows);
        stream.stats.note(&header, arrival_us, &report, defects.len());
        self.waiting.expire(arrival_us);
        report.dropped = self.waiting.take_dropped();
        report.waiting = self.waiting.sets();
        report.list(defects);
        report
    }

    /// Whether one more stream can be kept; the one that has been silent longest makes room, if it has been so long
    /// enough.
    fn room_for(&mut self, exporter: IpAddr, now_us: i64) -> bool {
        let all = self.streams.len() >= self.limits.streams;
        let own = self.streams.keys().filter(|key| key.source.ip() == exporter).count();
        if !all && own < self.limits.streams_per_exporter {
            return true;
        }
        let candidates = self.streams.iter().filter(|(key, _)| {
            if own >= self.limits.streams_per_exporter { key.source.ip() == exporter } else { true }
        });
        let oldest = candidates.min_by_key(|(_, stream)| stream.stats.last_us);
        let Some((&key, stream)) = oldest else { return false };
        if now_us.saturating_sub(stream.stats.last_us) < SILENT_US {
            return false;
        }
        self.streams.remove(&key);
        self.waiting.discard(key);
        true
    }
}

impl Stream {
    fn new() -> Self {
        Self {
            templates: Store::new(),
            sequence: Sequence::default(),
            pools: HashMap::new(),
            vrfs: HashMap::new(),
            told: options::Told::default(),
            init_ms: None,
            stats: Stats::default(),
        }
    }

    /// What a restart makes void.
    fn forget(&mut self) {
        self.templates.clear();
        self.pools.clear();
        self.vrfs.clear();
        self.told = options::Told::default();
        self.init_ms = None;
    }

    /// Reads the records of a NetFlow v5 packet, which needs no template.
    fn v5(
        &mut self,
        reading: &mut Reading<'_>,
        plan: &traffic::Plan,
        packet: &[u8],
        sinks: &mut Sinks<'_, impl FnMut(NatEvent)>,
    ) -> Counted {
        let (body, counted) = v5::records(packet, &mut reading.defects);
        self.told.sampling.domain = v5::sampling(packet);
        if let Some(columns) = sinks.columns.as_deref_mut() {
            let scene = reading.scene(&reading.header, reading.arrival_us, None, &self.told);
            let told = plan.read_fixed(body, v5::HEADER, &scene, columns, &mut reading.defects);
            reading.report.add(told);
            reading.report.records = reading.report.records.saturating_add(told.rows);
        }
        counted
    }

    /// Reads the sets of a packet.
    fn sets(
        &mut self,
        reading: &mut Reading<'_>,
        packet: &[u8],
        key: StreamKey,
        waiting: &mut Waiting,
        sinks: &mut Sinks<'_, impl FnMut(NatEvent)>,
    ) -> Counted {
        let header = reading.header;
        let mut counted: Counted = Some(0);
        for set in message::sets(packet, &header, &mut reading.defects) {
            if let Some(purpose) = template::purpose_of(header.version, set.id) {
                for id in self.announce(reading, purpose, &set) {
                    for held in waiting.take(key, id) {
                        reading.report.released += 1;
                        let set = Set { id, offset: set.offset, body: &held.body, fit: held.fit };
                        let before = std::mem::take(&mut reading.defects);
                        self.data(reading, &held.header, held.arrival_us, &set, sinks);
                        // The offsets are those of a packet that is gone.
                        let found = std::mem::replace(&mut reading.defects, before);
                        reading.defects.extend(found.into_iter().map(|defect| {
                            Defect::byte(set.offset as u64, format!("waited: {}", defect.what))
                        }));
                    }
                }
            } else if set.id < FIRST_DATA_SET {
                reading.defects.push(Defect::byte(set.offset as u64, "set id is reserved"));
            } else if self.templates.get(set.id).is_some() {
                let read = self.data(reading, &header, reading.arrival_us, &set, sinks);
                let options =
                    self.templates.get(set.id).is_some_and(|(it, _)| it.purpose == Purpose::Options);
                reading.flows = reading.flows.saturating_add(read.filter(|_| !options).unwrap_or(0));
                counted = counted.zip(read).map(|(a, b)| a.saturating_add(b));
            } else if reading.report.order == Order::Late {
                // The template that comes next need not be the one it was sent by.
                reading.defects.push(Defect::byte(set.offset as u64, "late data has no template"));
            } else {
                counted = None;
                reading.report.held += 1;
                waiting.hold(
                    key,
                    set.id,
                    Held { header, arrival_us: reading.arrival_us, fit: set.fit, body: set.body.into() },
                );
            }
        }
        counted
    }

    /// Takes in a template set; gives the ids that have become readable.
    fn announce(&mut self, reading: &mut Reading<'_>, purpose: Purpose, set: &Set<'_>) -> Vec<u16> {
        let Reading { header, limits, chosen, report, defects, .. } = reading;
        let mut readable = Vec::new();
        for announcement in template::read(header.version, purpose, set, limits.template_fields, defects) {
            match announcement {
                Announcement::Withdraw(id) => self.templates.withdraw(id),
                Announcement::WithdrawAll(purpose) => self.templates.withdraw_all(purpose),
                Announcement::Define(template) => {
                    let id = template.id;
                    // A late packet that says otherwise may be an old one or a fresh start: then neither holds.
                    if let Some((known, _)) = self.templates.get(id)
                        && report.order == Order::Late
                    {
                        if *known != template {
                            self.templates.withdraw(id);
                        }
                        continue;
                    }
                    let mut unreadable = false;
                    let defined = self.templates.define(
                        template,
                        limits.templates,
                        limits.stream_fields,
                        |template, newness| {
                            let since = (newness == Newness::MayReplace).then_some(header.sequence);
                            let compiled = Compiled::of(template, *chosen, since);
                            unreadable = !compiled.reads_all();
                            compiled
                        },
                    );
                    if unreadable {
                        let what = "template gives a field a length that its type cannot have";
                        defects.push(Defect::byte(set.offset as u64, what));
                    }
                    match defined {
                        Defined::Same => {}
                        Defined::New => {
                            report.templates += 1;
                            readable.push(id);
                        }
                        Defined::Refused => {
                            let what = "exporter has more templates than are kept";
                            defects.push(Defect::byte(set.offset as u64, what));
                        }
                    }
                }
            }
        }
        readable
    }

    /// Reads a data set of this or, if it waited, an earlier packet; gives the number of its records.
    fn data(
        &mut self,
        reading: &mut Reading<'_>,
        header: &Header,
        arrival_us: i64,
        set: &Set<'_>,
        sinks: &mut Sinks<'_, impl FnMut(NatEvent)>,
    ) -> Counted {
        let (template, compiled) = self.templates.get(set.id)?;
        let late = reading.report.order == Order::Late;
        let older = |since: u32| header.sequence.wrapping_sub(since) > u32::MAX / 2;
        if late && compiled.since.is_some_and(older) {
            reading.defects.push(Defect::byte(set.offset as u64, "late data is older than its template"));
            return None;
        }
        let mut counted = None;
        let traffic = compiled.traffic.as_deref().zip(sinks.columns.as_deref_mut());
        let is_traffic = traffic.is_some();
        if let Some((plan, columns)) = traffic {
            let scene = reading.scene(header, arrival_us, self.init_ms, &self.told);
            let defects = &mut reading.defects;
            let told;
            (told, counted) = match template.layout {
                Layout::Fixed(0) | Layout::Variable(0) => (traffic::Told::default(), None),
                Layout::Fixed(len) => {
                    let body = whole_records(set, len, defects)?;
                    let told = plan.read_fixed(body, set.offset, &scene, columns, defects);
                    (told, (set.fit == Fit::Whole).then_some(told.rows))
                }
                Layout::Variable(least) => plan.read_variable(set, least, PADDING, &scene, columns, defects),
            };
            reading.report.add(told);
            reading.report.records = reading.report.records.saturating_add(told.rows);
            if !compiled.plan.holds.nat {
                return counted;
            }
        }
        if let Some(plan) = &compiled.options {
            let fits = match template.layout {
                Layout::Fixed(len) => len > 0 && whole_records(set, len, &mut Vec::new()).is_some(),
                Layout::Variable(least) => least > 0,
            };
            if fits {
                plan.read(template.layout, set.body, reading.limits.names, &mut self.told);
            }
        }
        let context = Context {
            version: header.version,
            domain: header.domain,
            export_us: header.export_us,
            uptime_ms: header.uptime_ms,
            arrival_us,
            init_ms: self.init_ms,
        };
        let Self { pools, vrfs, init_ms, templates, .. } = self;
        let (template, compiled) = templates.get(set.id)?;
        let Reading { report, limits, .. } = reading;
        let mut faults = Vec::new();
        let mut known = Vec::new();
        // What traffic's reading of the set has reported is not reported again.
        let defects = if is_traffic { &mut known } else { &mut reading.defects };
        let walked = walk(template, &compiled.plan, set, defects, |at, values, defects| {
            if !is_traffic {
                report.records = report.records.saturating_add(1);
            }
            if compiled.plan.holds.names {
                learn(&values, pools, vrfs, init_ms, limits.names);
            }
            if !compiled.plan.holds.nat {
                return;
            }
            let event = reading::read(&values, compiled.dialect, &context, &mut faults);
            defects.extend(faults.drain(..).map(|what| Defect::byte((set.offset + at) as u64, what)));
            if let Some(mut event) = event {
                if event.pool_name.is_none() {
                    event.pool_name = event.pool_id.and_then(|id| pools.get(&id).cloned());
                }
                if event.vrf_name.is_none() {
                    event.vrf_name = event.ingress_vrf.and_then(|id| vrfs.get(&id).cloned());
                }
                report.events = report.events.saturating_add(1);
                (sinks.events)(event);
            }
        });
        if is_traffic { counted } else { walked }
    }
}

impl Reading<'_> {
    fn scene<'t>(
        &self,
        header: &Header,
        arrival_us: i64,
        init_ms: Option<i64>,
        told: &'t options::Told,
    ) -> traffic::Scene<'t> {
        let clock = traffic::Clock { export_us: header.export_us, uptime_ms: header.uptime_ms, init_ms };
        traffic::Scene {
            source: self.source,
            domain: header.domain,
            arrival_us,
            clock,
            sampling: &told.sampling,
        }
    }
}

/// The whole records of a set whose records have one length; `None` when it cannot hold such records.
fn whole_records<'a>(set: &Set<'a>, len: usize, defects: &mut Vec<Defect>) -> Option<&'a [u8]> {
    let rest = set.body.len() % len.max(1);
    let (records, rest) = set.body.split_at_checked(set.body.len() - rest)?;
    if set.fit == Fit::Whole && rest.len() > PADDING && rest.iter().any(|&byte| byte != 0) {
        // Records of another layout than the template's: any reading would be a wrong one.
        defects.push(Defect::byte((set.offset + records.len()) as u64, "data set does not fit its template"));
        return None;
    }
    Some(records)
}

/// Gives each record of a data set, with its offset in the set.
fn walk<'a>(
    template: &Template,
    plan: &Plan,
    set: &Set<'a>,
    defects: &mut Vec<Defect>,
    mut each: impl FnMut(usize, Values<'a>, &mut Vec<Defect>),
) -> Counted {
    let wanted = plan.holds.nat || plan.holds.names;
    let mut count = 0_u32;
    match template.layout {
        Layout::Fixed(0) | Layout::Variable(0) => {
            defects.push(Defect::byte(set.offset as u64, "template describes records of no length"));
            None
        }
        Layout::Fixed(len) => {
            for (n, record) in whole_records(set, len, defects)?.chunks_exact(len).enumerate() {
                count = count.saturating_add(1);
                let values = if wanted { plan.read_fixed(record) } else { Values::none() };
                each(n * len, values, defects);
            }
            (set.fit == Fit::Whole).then_some(count)
        }
        Layout::Variable(least) => {
            let mut at = 0;
            while set.body.len() - at >= least {
                let rest = set.body.get(at..).unwrap_or_default();
                if rest.len() <= PADDING && rest.iter().all(|&byte| byte == 0) {
                    break;
                }
                let Some((values, len)) = plan.read_variable(rest) else {
                    defects
                        .push(Defect::byte((set.offset + at) as u64, "record runs over the end of its set"));
                    return None;
                };
                count = count.saturating_add(1);
                each(at, values, defects);
                at += len;
            }
            (set.fit == Fit::Whole).then_some(count)
        }
    }
}

/// Takes names and the start of the system from a record of options data.
fn learn(
    values: &Values<'_>,
    pools: &mut HashMap<u32, Box<str>>,
    vrfs: &mut HashMap<u32, Box<str>>,
    init_ms: &mut Option<i64>,
    max_names: usize,
) {
    for (names, id, name) in
        [(pools, Number::PoolId, Text::PoolName), (vrfs, Number::IngressVrf, Text::VrfName)]
    {
        if let (Some(id), Some(name)) = (values.number32(id), values.text(name))
            && name.len() <= MAX_NAME
            && (names.len() < max_names || names.contains_key(&id))
        {
            names.insert(id, name.into());
        }
    }
    if let Some(ms) = values.number(Number::SystemInitMs).filter(|&ms| ms != 0) {
        *init_ms = i64::try_from(ms).ok();
    }
}

/// Longest padding of a set in bytes (RFC 3954 section 5.3, RFC 7011 section 3.3.1).
const PADDING: usize = 3;
/// Longest name kept from options data, in bytes.
const MAX_NAME: usize = 256;
/// A stream that has been silent for so long may make room for a new one.
const SILENT_US: i64 = 900_000_000;
