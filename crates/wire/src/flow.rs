//! NAT events out of NetFlow v9 (RFC 3954) and IPFIX (RFC 7011), as RFC 8158 and the vendors export them; and back.
//!
//! Comes in: export packets with the exporter's address and their arrival time. Goes out: [`NatEvent`]s in the
//! format's own terms, and a [`Report`] a packet of what was lost, late, waiting or broken. Records without anything
//! about NAT are counted and passed over. It opens no socket, keeps no clock and never allocates by a length that it
//! has not checked; what a stranger can make it keep is bounded by [`Limits`].
//!
//! State is kept for each exporter, version and observation domain: templates, options data that name pools and VRFs,
//! the sequence numbers, and data whose template has not come yet. After a restart of the exporter its templates are
//! forgotten, as they may stand for other layouts (RFC 7011 section 8.4): data waits until they are announced again.
//! What had waited before the restart is dropped and counted; nor is a late packet read by a template that has
//! changed since it was sent.

mod encode;
mod fields;
mod message;
mod nat;
mod reading;
mod report;
mod sequence;
mod template;
#[cfg(test)]
mod tests;
mod waiting;

use std::{collections::HashMap, net::IpAddr};

use crate::Defect;

pub use self::{
    encode::{EncodeError, Encoder},
    message::Version,
    nat::{Dialect, Direction, Endpoint, EventKind, EventTime, NatEvent, PortBlock, Realm, TimeSource},
    report::{Limits, Report},
    sequence::{Loss, Order},
};

use self::{
    fields::{Number, Plan, Text, Values},
    message::{Fit, Header, Set},
    reading::Context,
    sequence::Sequence,
    template::{Announcement, Defined, FIRST_DATA_SET, Layout, Purpose, Store, Template},
    waiting::{Held, Waiting},
};

/// Decodes the packets of any number of exporters.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    dialects: HashMap<IpAddr, Dialect>,
    streams: HashMap<StreamKey, Stream>,
    waiting: Waiting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct StreamKey {
    exporter: IpAddr,
    version: Version,
    domain: u32,
}

#[derive(Debug)]
struct Stream {
    templates: Store<Compiled>,
    sequence: Sequence,
    pools: HashMap<u32, Box<str>>,
    vrfs: HashMap<u32, Box<str>>,
    init_ms: Option<i64>,
}

#[derive(Debug)]
struct Compiled {
    plan: Plan,
    dialect: Dialect,
    /// Sequence number of the packet that gave this layout.
    since: u32,
}

/// Records counted in a set: `None` when they cannot be told.
type Counted = Option<u32>;

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
            streams: HashMap::new(),
            waiting: Waiting::new(limits.stream_waiting_bytes, limits.waiting_bytes, limits.waiting_us),
        }
    }

    /// Chooses how an exporter's codes are read. Holds for templates that arrive afterwards: call it first.
    pub fn set_dialect(&mut self, exporter: IpAddr, dialect: Dialect) {
        self.dialects.insert(exporter, dialect);
    }

    /// How many templates are known, of all exporters.
    pub fn templates(&self) -> usize {
        self.streams.values().map(|stream| stream.templates.len()).sum()
    }

    /// Bytes of data that wait for their template.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.bytes()
    }

    /// Reads one packet. `arrival_us` is microseconds since 1970 UTC and must be the packet's own (of a capture: as
    /// captured), as restarts and late packets are told by it; events come in the order of the packet, those
    /// that had waited first at the point where their template stands.
    pub fn decode(
        &mut self,
        exporter: IpAddr,
        arrival_us: i64,
        packet: &[u8],
        out: &mut impl FnMut(NatEvent),
    ) -> Report {
        let mut report = Report::nothing();
        let mut defects = Vec::new();
        let Some(header) = message::header(packet, &mut defects) else {
            report.list(defects);
            return report;
        };
        report.version = Some(header.version);
        report.domain = header.domain;
        report.sequence = header.sequence;
        report.export_us = header.export_us;
        report.boot_us = header.uptime_ms.map(|uptime| header.export_us - i64::from(uptime) * 1000);
        let key = StreamKey { exporter, version: header.version, domain: header.domain };
        let chosen = self.dialects.get(&exporter).copied().unwrap_or_default();
        if !self.streams.contains_key(&key) && !self.room_for(exporter) {
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
        let mut counted: Counted = Some(0);
        for set in message::sets(packet, &header, &mut defects) {
            if let Some(purpose) = template::purpose_of(header.version, set.id) {
                let readable =
                    stream.announce(&header, purpose, &set, chosen, &self.limits, &mut report, &mut defects);
                for id in readable {
                    for held in self.waiting.take(key, id) {
                        report.released += 1;
                        let set = Set { id, offset: 0, body: &held.body, fit: held.fit };
                        let mut found = Vec::new();
                        stream.data(
                            &held.header,
                            held.arrival_us,
                            &set,
                            self.limits.names,
                            &mut report,
                            &mut found,
                            out,
                        );
                        // The offsets are those of a packet that is gone.
                        let whole = |defect: Defect| {
                            Defect::byte(set.offset as u64, format!("waited: {}", defect.what))
                        };
                        defects.extend(found.into_iter().map(whole));
                    }
                }
            } else if set.id < FIRST_DATA_SET {
                defects.push(Defect::byte(set.offset as u64, "set id is reserved"));
            } else if stream.templates.get(set.id).is_some() {
                let read =
                    stream.data(&header, arrival_us, &set, self.limits.names, &mut report, &mut defects, out);
                counted = counted.zip(read).map(|(a, b)| a.saturating_add(b));
            } else if report.order == Order::Late {
                // The template that comes next need not be the one it was sent by.
                defects.push(Defect::byte(set.offset as u64, "late data has no template"));
            } else {
                counted = None;
                report.held += 1;
                self.waiting.hold(
                    key,
                    set.id,
                    Held { header, arrival_us, fit: set.fit, body: set.body.into() },
                );
            }
        }
        stream.sequence.counted(&header, arrival_us, report.order, counted);
        self.waiting.expire(arrival_us);
        report.dropped = self.waiting.take_dropped();
        report.waiting = self.waiting.sets();
        report.list(defects);
        report
    }

    fn room_for(&self, exporter: IpAddr) -> bool {
        self.streams.len() < self.limits.streams
            && self.streams.keys().filter(|key| key.exporter == exporter).count()
                < self.limits.streams_per_exporter
    }
}

impl Stream {
    fn new() -> Self {
        Self {
            templates: Store::new(),
            sequence: Sequence::default(),
            pools: HashMap::new(),
            vrfs: HashMap::new(),
            init_ms: None,
        }
    }

    /// What a restart makes void.
    fn forget(&mut self) {
        self.templates.clear();
        self.pools.clear();
        self.vrfs.clear();
        self.init_ms = None;
    }

    /// Takes in a template set; gives the ids that have become readable.
    #[expect(clippy::too_many_arguments, reason = "one call, of which each argument is another owner's")]
    fn announce(
        &mut self,
        header: &Header,
        purpose: Purpose,
        set: &Set<'_>,
        chosen: Dialect,
        limits: &Limits,
        report: &mut Report,
        defects: &mut Vec<Defect>,
    ) -> Vec<u16> {
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
                    let defined =
                        self.templates.define(template, limits.templates, limits.stream_fields, |template| {
                            let plan = Plan::compile(template);
                            unreadable = !plan.unreadable.is_empty();
                            let dialect = reading::dialect_of(chosen, plan.holds);
                            Compiled { plan, dialect, since: header.sequence }
                        });
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

    /// Reads a data set; gives the number of its records.
    #[expect(clippy::too_many_arguments, reason = "one call, of which each argument is another owner's")]
    fn data(
        &mut self,
        header: &Header,
        arrival_us: i64,
        set: &Set<'_>,
        max_names: usize,
        report: &mut Report,
        defects: &mut Vec<Defect>,
        out: &mut impl FnMut(NatEvent),
    ) -> Counted {
        let Self { templates, pools, vrfs, init_ms, .. } = self;
        let (template, compiled) = templates.get(set.id)?;
        if report.order == Order::Late && header.sequence.wrapping_sub(compiled.since) > u32::MAX / 2 {
            defects.push(Defect::byte(set.offset as u64, "late data is older than its template"));
            return None;
        }
        let context = Context {
            version: header.version,
            domain: header.domain,
            export_us: header.export_us,
            uptime_ms: header.uptime_ms,
            arrival_us,
            init_ms: *init_ms,
        };
        let mut faults = Vec::new();
        walk(template, &compiled.plan, set, defects, |at, values, defects| {
            report.records = report.records.saturating_add(1);
            if compiled.plan.holds.names {
                learn(&values, pools, vrfs, init_ms, max_names);
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
                out(event);
            }
        })
    }
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
            let records = set.body.chunks_exact(len);
            let rest = records.remainder();
            let set_end = set.offset + set.body.len();
            if set.fit == Fit::Whole && rest.len() > PADDING && rest.iter().any(|&byte| byte != 0) {
                // Records of another layout than the template's: any reading would be a wrong one.
                defects
                    .push(Defect::byte((set_end - rest.len()) as u64, "data set does not fit its template"));
                return None;
            }
            for (n, record) in records.enumerate() {
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
