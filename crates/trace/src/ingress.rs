//! Where an attack came in: its flow records followed router by router to the interfaces of its ingress.
//!
//! What comes in: the records of one attack, already cut to its own 5-tuples, and what the operator has told of
//! interfaces. What goes out: the share that entered by each interface, what is unaccounted for, and why. A packet counts
//! once however many routers tell of it: at an interface to another network or to a customer. Where a router on the path
//! tells nothing, what its neighbours received from it less what they sent to it entered at or behind it. Where nothing is
//! told of interfaces, it says so and tells only where the attack was first seen. It names no address of a communication.
//!
//! Mission items 5.F1 and 5.F3.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use tadoru_model::flow::{from_bits, to_bits};
use tadoru_model::{Flow, Flows, InterfaceRole, Span, Sureness, UtcMicros};

mod credit;
mod keys;
mod verdict;
mod volume;

#[cfg(test)]
mod tests;

use credit::{At, Credits};
use keys::Keys;
use volume::Amount;

pub use volume::Volume;

/// What was told of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// What is behind it.
    pub role: InterfaceRole,
    /// Autonomous system of the neighbour, 0 for none.
    pub neighbour_as: u32,
    /// The exporter behind a core interface, where it was told.
    pub leads_to: Option<IpAddr>,
}

/// What was told of the interfaces of exporters, by the exporter (as [`to_bits`]) and the interface's index.
pub type Places = HashMap<(u128, u32), Place>;

/// Where an attack came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the attack carried altogether, as the records tell.
    pub total: Volume,
    /// Where it came in, the largest share of packets first.
    pub ingress: Vec<Ingress>,
    /// Where it was seen on its way inside, the largest first: no part of the shares.
    pub passing: Vec<Passage>,
    /// The parts of the total that were seen inside and not seen coming in.
    pub unaccounted: Volume,
    /// What that rests on and what keeps it from being better, one sentence each.
    pub why: Vec<String>,
    /// How sure the shares are.
    pub sure: Sureness,
    /// What that sureness rests on.
    pub sure_because: String,
}

/// One way in.
#[derive(Clone, PartialEq)]
pub struct Ingress {
    /// The exporter that told of it, or the router that is silent.
    pub exporter: IpAddr,
    /// Index of the interface; nothing of a silent router.
    pub interface: Option<u32>,
    /// What was told of the interface.
    pub place: Option<Place>,
    /// How it is known.
    pub how: How,
    /// What came in there.
    pub volume: Volume,
    /// Its parts of the total, 0 to 1.
    pub share: Volume,
    /// How far its share of packets may be off by sampling alone, either way, at 95 %.
    pub margin: f64,
    /// From its first packet to its last.
    pub span: Span,
    /// How many source addresses were seen there: at least, where packets are sampled.
    pub sources: u64,
    /// The coarsest sampling of its records: one packet in how many.
    pub sampling: u32,
}

/// How a way in is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Records of an interface to another network or to a customer.
    Entered,
    /// The router tells nothing, or less than left it: it came in there, or behind it.
    Behind,
    /// Nothing is known of what is before: here it was seen first.
    FirstSeen,
}

impl How {
    /// Its name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Behind => "behind",
            Self::FirstSeen => "first-seen",
        }
    }
}

/// Where it was seen inside the network.
#[derive(Clone, PartialEq)]
pub struct Passage {
    /// The exporter.
    pub exporter: IpAddr,
    /// Index of the interface by which it came to the exporter; 0 when the exporter does not tell.
    pub interface: u32,
    /// What was told of the interface.
    pub place: Option<Place>,
    /// What passed.
    pub volume: Volume,
    /// Its part of the total's packets, 0 to 1.
    pub share: f64,
}

macro_rules! unprinted {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!("[", stringify!($name), "]"))
            }
        }
    )+};
}
unprinted!(Ingress, Passage);

impl std::fmt::Debug for Follower<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[follower of {} ways]", self.ways.len())
    }
}

/// Follows the records of one attack, handed in in parts and in any order.
pub struct Follower<'p> {
    places: &'p Places,
    span: Span,
    ways: BTreeMap<(u128, u32), Way>,
    /// What each communication shows at each exporter, while every packet is counted and there is room.
    keys: Option<Keys>,
    incomplete: bool,
}

/// What came to an exporter by one interface, as told on the way in and on the way out.
#[derive(Default)]
struct Way {
    on_entry: Side,
    on_exit: Side,
}

/// What the records of one kind say.
struct Side {
    amount: Amount,
    outputs: BTreeMap<u32, Amount>,
    sources: HashSet<u128>,
    first_us: i64,
    last_us: i64,
    sampling: u32,
    untold_sampling: bool,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            amount: Amount::default(),
            outputs: BTreeMap::new(),
            sources: HashSet::new(),
            first_us: i64::MAX,
            last_us: i64::MIN,
            sampling: 1,
            untold_sampling: false,
        }
    }
}

impl<'p> Follower<'p> {
    /// Follows what belongs to `span`.
    pub fn new(span: Span, places: &'p Places) -> Self {
        Self { places, span, ways: BTreeMap::new(), keys: Some(Keys::default()), incomplete: false }
    }

    /// Takes records of the attack. What of a record lies outside the span is left out.
    pub fn take(&mut self, flows: &Flows) {
        for flow in (0..flows.rows()).map_while(|row| flows.get(row)) {
            let part = inside(&flow, self.span);
            if part <= 0.0 || (self.ways.len() >= MOST_WAYS && !self.ways.contains_key(&way_of(&flow))) {
                continue;
            }
            self.see(&flow, Amount::of(&flow, part));
        }
    }

    /// Tells that there were more records than could be handed in.
    pub const fn is_cut(&mut self) {
        self.incomplete = true;
    }

    fn see(&mut self, flow: &Flow, amount: Amount) {
        let way = self.ways.entry(way_of(flow)).or_default();
        let side = if flow.direction == 1 { &mut way.on_exit } else { &mut way.on_entry };
        side.amount.add(amount);
        side.outputs.entry(flow.output).or_default().add(amount);
        if side.sources.len() < MOST_SOURCES {
            side.sources.insert(flow.src);
        }
        side.first_us = side.first_us.min(flow.first_us.max(self.span.from.0));
        side.last_us = side.last_us.max(flow.last_us.min(self.span.until.0.saturating_sub(1)));
        side.sampling = side.sampling.max(flow.sampling);
        side.untold_sampling |= flow.sampling == 0;
        if flow.sampling > 1 {
            // Two routers sample different packets: one communication at both says nothing then.
            self.keys = None;
        }
        if self.keys.as_mut().is_some_and(|keys| !keys.see(flow, amount)) {
            self.keys = None;
        }
    }

    /// The answer.
    pub fn finish(self) -> Answer {
        let ways: Vec<Known<'_>> = self
            .ways
            .iter()
            .map(|((exporter, input), way)| Known {
                exporter: *exporter,
                input: *input,
                place: self.places.get(&(*exporter, *input)),
                side: way.chosen(),
            })
            .collect();
        let credits = match &self.keys {
            Some(keys) => credit::by_key(&ways, keys, self.places),
            None => credit::by_volume(&ways, self.places),
        };
        let (why, sure, sure_because) = verdict::verdict(&ways, &credits, self.places, self.incomplete);
        let mut ingress: Vec<Ingress> =
            credits.given.iter().map(|(at, amount)| ingress(&ways, &credits, *at, *amount)).collect();
        ingress.sort_by(|a, b| b.share.packets.total_cmp(&a.share.packets));
        let inside = ways.iter().filter(|way| {
            let at = |at: fn(u128, u32) -> At| credits.given.contains_key(&at(way.exporter, way.input));
            !at(At::Entered) && !at(At::FirstSeen)
        });
        let mut passing: Vec<Passage> = inside
            .map(|way| Passage {
                exporter: address(way.exporter),
                interface: way.input,
                place: way.place.cloned(),
                volume: way.side.amount.volume,
                share: way.side.amount.volume.parts_of(credits.total).packets,
            })
            .collect();
        passing.sort_by(|a, b| b.share.total_cmp(&a.share));
        Answer {
            total: credits.total,
            ingress,
            passing,
            unaccounted: credits.unaccounted(),
            why,
            sure,
            sure_because,
        }
    }
}

/// Where records of one attack say that it came in; see [`Follower`].
pub fn follow(flows: &Flows, span: Span, places: &Places) -> Answer {
    let mut follower = Follower::new(span, places);
    follower.take(flows);
    follower.finish()
}

/// One way with what was told of it.
struct Known<'a> {
    exporter: u128,
    input: u32,
    place: Option<&'a Place>,
    side: &'a Side,
}

impl Known<'_> {
    fn role(&self) -> Option<InterfaceRole> {
        self.place.map(|place| place.role)
    }
}

impl Way {
    /// An interface that is metered on the way in tells everything there; else what was told on the way out is all there is.
    fn chosen(&self) -> &Side {
        if self.on_entry.amount.volume.packets > 0.0 { &self.on_entry } else { &self.on_exit }
    }
}

fn ingress(ways: &[Known<'_>], credits: &Credits, at: At, amount: Amount) -> Ingress {
    let seen: Vec<&Known<'_>> = ways.iter().filter(|way| credits.rests_on(at, way)).collect();
    let (exporter, interface, how) = match at {
        At::Entered(exporter, input) => (exporter, Some(input), How::Entered),
        At::FirstSeen(exporter, input) => (exporter, Some(input), How::FirstSeen),
        At::Behind(router) => (router, None, How::Behind),
    };
    let sources: HashSet<u128> = seen.iter().flat_map(|way| way.side.sources.iter().copied()).collect();
    let first = seen.iter().map(|way| way.side.first_us).min().unwrap_or_default();
    let last = seen.iter().map(|way| way.side.last_us).max().unwrap_or_default();
    let margin = 1.96 * amount.variance.packets.sqrt() / credits.total.packets.max(1.0);
    Ingress {
        exporter: address(exporter),
        interface,
        place: seen.iter().find(|_| interface.is_some()).and_then(|way| way.place.cloned()),
        how,
        volume: amount.volume,
        share: amount.volume.parts_of(credits.total),
        margin: margin.min(1.0),
        span: Span::new(UtcMicros(first), UtcMicros(last.max(first).saturating_add(1))),
        sources: sources.len() as u64,
        sampling: seen.iter().map(|way| way.side.sampling).max().unwrap_or(1),
    }
}

fn way_of(flow: &Flow) -> (u128, u32) {
    (flow.exporter, flow.input)
}

/// Which part of a record lies in a span, its packets taken as spread evenly.
fn inside(flow: &Flow, span: Span) -> f64 {
    let (first, last) = (flow.first_us.min(flow.last_us), flow.last_us.max(flow.first_us));
    let (from, until) = (first.max(span.from.0), last.min(span.until.0.saturating_sub(1)));
    if from > until {
        return 0.0;
    }
    let length = last.saturating_sub(first);
    if length == 0 { 1.0 } else { (until.saturating_sub(from) as f64 / length as f64).clamp(0.0, 1.0) }
}

/// An exporter's address: mapped ones are IPv4.
fn address(bits: u128) -> IpAddr {
    from_bits(bits, if bits >> 32 == 0xffff { 4 } else { 6 })
}

fn router(place: &Place) -> Option<u128> {
    place.leads_to.map(to_bits)
}

/// Interfaces that are told apart at most.
const MOST_WAYS: usize = 1 << 16;
/// Source addresses that are counted at one interface at most.
const MOST_SOURCES: usize = 1 << 18;
