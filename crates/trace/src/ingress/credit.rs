//! Which way in is credited with how much: communication by communication where every packet is counted, else by what
//! routers took in and gave on.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tadoru_model::InterfaceRole;

use super::keys::{Keys, Sight};
use super::volume::{Amount, Volume};
use super::{Known, Place, Places, router};

/// Who is credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    /// Exporter and interface.
    Entered(u128, u32),
    /// Router.
    Behind(u128),
    /// Exporter and interface.
    FirstSeen(u128, u32),
}

/// What is credited.
pub(super) struct Credits {
    /// To whom how much.
    pub given: BTreeMap<At, Amount>,
    /// What the attack carried.
    pub total: Volume,
    /// For each router that is silent or short, the ways of its neighbours that lead to it.
    pub seen_from: BTreeMap<u128, BTreeSet<(u128, u32)>>,
    /// Whether communications were matched one by one.
    pub matched: bool,
    /// Whether less left the network, or passed any router, than came in.
    pub thinned: bool,
}

impl Credits {
    pub fn sum(&self) -> Amount {
        self.given.values().copied().fold(Amount::default(), Amount::plus)
    }

    /// The parts of the total that nobody is credited with.
    pub fn unaccounted(&self) -> Volume {
        if self.total.packets <= 0.0 {
            return Volume::default();
        }
        let given = self.sum().volume.parts_of(self.total);
        let left = |given: f64, _: f64| if 1.0 - given < 1e-9 { 0.0 } else { 1.0 - given };
        given.each(given, left)
    }

    /// Whether a credit rests on the records of a way.
    pub fn rests_on(&self, at: At, way: &Known<'_>) -> bool {
        let place = (way.exporter, way.input);
        match at {
            At::Entered(exporter, input) | At::FirstSeen(exporter, input) => place == (exporter, input),
            At::Behind(router) => self.seen_from.get(&router).is_some_and(|ways| ways.contains(&place)),
        }
    }
}

// ------------------------------------------------------------------------------------------------------- by volume

/// Credits by what routers took in and gave on.
pub(super) fn by_volume(ways: &[Known<'_>], places: &Places) -> Credits {
    let mut given = BTreeMap::new();
    for way in ways.iter().filter(|way| way.role().is_some_and(InterfaceRole::is_way_in)) {
        given.insert(At::Entered(way.exporter, way.input), way.side.amount);
    }
    let mut through: BTreeMap<u128, Amount> = BTreeMap::new();
    let mut left = Amount::default();
    for way in ways {
        through.entry(way.exporter).or_default().add(way.side.amount);
        for (output, amount) in &way.side.outputs {
            if places.get(&(way.exporter, *output)).is_some_and(|place| place.role.is_way_in()) {
                left.add(*amount);
            }
        }
    }
    let mut seen_from = BTreeMap::new();
    for short in shortfalls(ways, places, &through) {
        given.insert(At::Behind(short.router), short.amount);
        seen_from.insert(short.router, short.seen_from);
    }
    let widest = through.iter().max_by(|a, b| a.1.volume.packets.total_cmp(&b.1.volume.packets));
    if given.is_empty()
        && let Some((exporter, _)) = widest
    {
        // One exporter's view: of two, the same packets would count twice.
        let view = ways.iter().filter(|way| way.exporter == *exporter);
        given.extend(view.map(|way| (At::FirstSeen(way.exporter, way.input), way.side.amount)));
    }
    let found = given.values().copied().fold(Amount::default(), Amount::plus);
    let widest = widest.map(|(_, amount)| *amount).unwrap_or_default();
    let most = if left.volume.packets > widest.volume.packets { left } else { widest };
    let total = if most.exceeds(found) { most.volume.larger(found.volume) } else { found.volume };
    let thinned = left.volume.packets > 0.0 && found.exceeds(left);
    Credits { given, total, seen_from, matched: false, thinned }
}

/// A router that told of less than left it.
struct Shortfall {
    router: u128,
    amount: Amount,
    seen_from: BTreeSet<(u128, u32)>,
}

/// What came out of routers beyond what they told, or beyond what went into them where they tell nothing.
fn shortfalls(ways: &[Known<'_>], places: &Places, through: &BTreeMap<u128, Amount>) -> Vec<Shortfall> {
    let areas = silent_areas(places, through);
    let area_of = |router: u128| areas.get(&router).copied().unwrap_or(router);
    let (mut out_of, mut into): (BTreeMap<u128, Amount>, BTreeMap<u128, Amount>) = Default::default();
    let mut seen_from: BTreeMap<u128, BTreeSet<(u128, u32)>> = BTreeMap::new();
    for way in ways {
        if let Some(from) = way.place.and_then(router) {
            out_of.entry(area_of(from)).or_default().add(way.side.amount);
            seen_from.entry(area_of(from)).or_default().insert((way.exporter, way.input));
        }
        for (output, amount) in &way.side.outputs {
            if let Some(to) = places.get(&(way.exporter, *output)).and_then(router) {
                into.entry(area_of(to)).or_default().add(*amount);
            }
        }
    }
    let short = out_of.into_iter().filter_map(|(router, out)| {
        let known = through.get(&router).or_else(|| into.get(&router)).copied().unwrap_or_default();
        let seen_from = seen_from.remove(&router).unwrap_or_default();
        out.exceeds(known).then(|| Shortfall { router, amount: out.less(known), seen_from })
    });
    short.collect()
}

/// Silent routers that lead to one another are one area, named by its lowest address: what passes between them is told by
/// nobody.
fn silent_areas(places: &Places, through: &BTreeMap<u128, Amount>) -> BTreeMap<u128, u128> {
    let silent = |router: u128| !through.contains_key(&router);
    let mut linked: BTreeMap<u128, BTreeSet<u128>> = BTreeMap::new();
    for ((exporter, _), place) in places {
        let Some(next) = router(place).filter(|next| silent(*next) && silent(*exporter)) else { continue };
        linked.entry(*exporter).or_default().insert(next);
        linked.entry(next).or_default().insert(*exporter);
    }
    let mut areas = BTreeMap::new();
    for first in linked.keys() {
        let mut open = vec![*first];
        while let Some(router) = open.pop() {
            if areas.contains_key(&router) {
                continue;
            }
            areas.insert(router, *first);
            open.extend(linked.get(&router).into_iter().flatten());
        }
    }
    areas
}

// ---------------------------------------------------------------------------------------------------------- by key

/// Credits communication by communication.
pub(super) fn by_key(ways: &[Known<'_>], keys: &Keys, places: &Places) -> Credits {
    // Where an interface is metered on the way in, what was told of it on the way out is the same again.
    let metered: HashSet<(u128, u32)> = keys
        .each()
        .flatten()
        .filter(|sight| !sight.on_exit)
        .map(|sight| (sight.exporter, sight.input))
        .collect();
    let counts = |sight: &&Sight| !sight.on_exit || !metered.contains(&(sight.exporter, sight.input));
    let mut credits = Credits {
        given: BTreeMap::new(),
        total: Volume::default(),
        seen_from: BTreeMap::new(),
        matched: true,
        thinned: false,
    };
    let mut widest: BTreeMap<u128, Amount> = BTreeMap::new();
    for sights in keys.each() {
        let sights: Vec<&Sight> = sights.iter().filter(counts).collect();
        widest.clear();
        let mut entered = Amount::default();
        for sight in &sights {
            widest.entry(sight.exporter).or_default().add(sight.amount);
            let place = places.get(&(sight.exporter, sight.input));
            if place.is_some_and(|place| place.role.is_way_in()) {
                entered.add(sight.amount);
                credits.given.entry(At::Entered(sight.exporter, sight.input)).or_default().add(sight.amount);
            }
        }
        let most = widest.values().fold(entered.volume, |most, amount| most.larger(amount.volume));
        credits.total = credits.total.each(most, |a, b| a + b);
        if entered.volume.packets <= 0.0
            && let Some((at, place)) = first_seen(&sights, places)
        {
            let amount = Amount { volume: most, variance: Volume::default() };
            credits.given.entry(at).or_default().add(amount);
            if let At::Behind(router) = at {
                credits.seen_from.entry(router).or_default().insert(place);
            }
        }
    }
    settle(&mut credits, ways);
    credits
}

/// Where a communication that nobody saw coming in was seen first: behind a neighbour that did not tell of it, if one is
/// known, else at the earliest record.
fn first_seen(sights: &[&Sight], places: &Places) -> Option<(At, (u128, u32))> {
    let told: Vec<u128> = sights.iter().map(|sight| sight.exporter).collect();
    let unseen_before = |sight: &Sight| {
        let before = places.get(&(sight.exporter, sight.input)).and_then(|place: &Place| router(place))?;
        (!told.contains(&before)).then_some(before)
    };
    let earliest = |sights: &mut dyn Iterator<Item = &Sight>| -> Option<(u128, u32)> {
        let first = sights.min_by_key(|sight| (sight.first_us, sight.exporter, sight.input))?;
        Some((first.exporter, first.input))
    };
    let mut behind = sights.iter().copied().filter(|sight| unseen_before(sight).is_some());
    if let Some(place) = earliest(&mut behind) {
        let before = places.get(&place).and_then(router)?;
        return Some((At::Behind(before), place));
    }
    // Of a communication that goes round, a core interface tells less than one of which nothing is known.
    let is_unknown = |sight: &Sight| !places.contains_key(&(sight.exporter, sight.input));
    let mut unknown = sights.iter().copied().filter(|sight| is_unknown(sight));
    let place = earliest(&mut unknown).or_else(|| earliest(&mut sights.iter().copied()))?;
    Some((At::FirstSeen(place.0, place.1), place))
}

/// What clocks and timeouts blur at the ends of the span is nobody's.
fn settle(credits: &mut Credits, ways: &[Known<'_>]) {
    let found = credits.sum();
    let whole = Amount { volume: credits.total, variance: Volume::default() };
    if !ways.is_empty() && !whole.exceeds(found) {
        credits.total = found.volume;
    }
}
