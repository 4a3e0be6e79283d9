//! One stream, that is, what an exporter sends of one version and domain: its state, and the reading of its sets.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::{
    Defect,
    flow::{
        StreamKey,
        columns::Columns,
        fields::{Number, Plan, Text, Values},
        message::{Fit, Header, Set},
        nat::{Dialect, NatEvent},
        options,
        reading::{self, Context},
        report::{Limits, Report},
        sequence::{Order, Sequence},
        streams::Stats,
        template::{self, Announcement, Defined, FIRST_DATA_SET, Layout, Newness, Purpose, Store, Template},
        traffic, v5,
        waiting::{Held, Waiting},
    },
};

/// What is kept of a stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub templates: Store<Compiled>,
    pub sequence: Sequence,
    pub pools: HashMap<u32, Box<str>>,
    pub vrfs: HashMap<u32, Box<str>>,
    pub told: options::Told,
    pub init_ms: Option<i64>,
    pub stats: Stats,
    /// Whether a template or a record of it was read: anybody's octets may look like the header of a new domain.
    pub is_proven: bool,
}

#[derive(Debug)]
pub(super) struct Compiled {
    plan: Plan,
    dialect: Dialect,
    traffic: Option<Box<traffic::Plan>>,
    options: Option<options::Plan>,
    /// Sequence number of the packet that gave this layout, if its id may have stood for another before.
    pub since: Option<u32>,
}

impl Compiled {
    pub fn of(template: &Template, chosen: Dialect, since: Option<u32>) -> Self {
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
pub(super) type Counted = Option<u32>;

/// Where what is read goes.
pub(super) struct Sinks<'a, F> {
    /// `None` when nobody wants traffic.
    pub columns: Option<&'a mut Columns>,
    pub events: &'a mut F,
}

/// One packet that is being read.
pub(super) struct Reading {
    pub source: SocketAddr,
    pub header: Header,
    pub arrival_us: i64,
    /// What may be kept of its stream.
    pub limits: Limits,
    pub chosen: Dialect,
    pub report: Report,
    pub defects: Vec<Defect>,
    /// Records of this packet that are not of options.
    pub flows: u32,
}

impl Stream {
    pub fn new() -> Self {
        Self {
            templates: Store::new(),
            sequence: Sequence::default(),
            pools: HashMap::new(),
            vrfs: HashMap::new(),
            told: options::Told::default(),
            init_ms: None,
            stats: Stats::default(),
            is_proven: false,
        }
    }

    /// Fields of templates, names and rates that it keeps.
    pub fn entries(&self) -> usize {
        let Self { templates, pools, vrfs, told, .. } = self;
        templates.fields() + pools.len() + vrfs.len() + told.entries()
    }

    /// What a restart makes void.
    pub fn forget(&mut self) {
        self.templates.clear();
        self.pools.clear();
        self.vrfs.clear();
        self.told = options::Told::default();
        self.init_ms = None;
    }

    /// Reads the records of a NetFlow v5 packet, which needs no template.
    pub fn v5(
        &mut self,
        reading: &mut Reading,
        plan: &traffic::Plan,
        packet: &[u8],
        sinks: &mut Sinks<'_, impl FnMut(NatEvent)>,
    ) -> Counted {
        let (body, counted) = v5::records(packet);
        self.told.sampling.domain = v5::sampling(packet);
        if let Some(columns) = sinks.columns.as_deref_mut() {
            let scene = reading.scene(&reading.header, reading.arrival_us, None, &self.told);
            let told = plan.read_fixed(body, v5::HEADER, &scene, columns, &mut reading.defects);
            reading.report.add(told);
            reading.report.records = reading.report.records.saturating_add(told.rows);
        }
        Some(counted)
    }

    /// Reads the sets of a packet.
    pub fn sets(
        &mut self,
        reading: &mut Reading,
        sets: &[Set<'_>],
        key: StreamKey,
        waiting: &mut Waiting,
        sinks: &mut Sinks<'_, impl FnMut(NatEvent)>,
    ) -> Counted {
        let header = reading.header;
        let mut counted: Counted = Some(0);
        for set in sets {
            if let Some(purpose) = template::purpose_of(header.version, set.id) {
                for id in self.announce(reading, purpose, set) {
                    let ready: VecDeque<Held> = waiting.take(key, id);
                    for held in ready {
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
                let read = self.data(reading, &header, reading.arrival_us, set, sinks);
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
    fn announce(&mut self, reading: &mut Reading, purpose: Purpose, set: &Set<'_>) -> Vec<u16> {
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
        reading: &mut Reading,
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
                Layout::Fixed(0) | Layout::Variable(0) => {
                    defects.push(Defect::byte(set.offset as u64, NO_LENGTH));
                    (traffic::Told::default(), None)
                }
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
                let nonsense = plan.read(template.layout, set.body, reading.limits.names, &mut self.told);
                if nonsense > 0 {
                    reading.defects.push(Defect::byte(set.offset as u64, options::NONSENSE));
                }
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

impl Reading {
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
            defects.push(Defect::byte(set.offset as u64, NO_LENGTH));
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
const NO_LENGTH: &str = "template describes records of no length";
