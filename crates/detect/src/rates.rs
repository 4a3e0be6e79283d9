//! Rates of every destination in bounded memory: a level for all, seconds for those that are worth watching.
//!
//! What comes in: amounts with the span of time that they belong to. What goes out: the highest rates of the seconds that
//! changed. Levels decay and are kept in buckets of fixed size, where the lowest makes room; the key of a level is its
//! hash only. Who comes near a threshold is watched, lane by lane, in a ring of seconds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::kind::{Lane, Says};
use crate::sketch::mix;

mod ring;

#[cfg(test)]
mod tests;

pub(crate) use ring::{KEPT_US, Ring, SLOTS, Spread, Step};

/// What rates are kept of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// One address.
    Host { addr: u128, ip: u8 },
    /// A /24 or /48.
    Prefix { addr: u128, ip: u8 },
    /// All prefixes of a customer, by its row.
    Customer(u32),
    /// What comes in by an interface.
    Interface { exporter: u128, index: u32 },
    /// Everything.
    Network,
}

impl Key {
    pub(crate) fn host(addr: u128, ip: u8) -> Self {
        Self::Host { addr, ip }
    }

    /// The prefix around an address.
    pub(crate) fn prefix(addr: u128, ip: u8) -> Self {
        Self::Prefix { addr: if ip == 6 { addr >> 80 << 80 } else { addr >> 8 << 8 }, ip }
    }

    /// Its hash under a seed.
    pub(crate) fn mixed(self, seed: u64) -> u64 {
        match self {
            Self::Host { addr, .. } => mix(seed, addr),
            Self::Prefix { addr, .. } => mix(seed ^ 1, addr),
            Self::Customer(row) => mix(seed ^ 2, u128::from(row)),
            Self::Interface { exporter, index } => mix(seed ^ 3 ^ (u64::from(index) << 8), exporter),
            Self::Network => mix(seed ^ 4, 0),
        }
    }
}

/// An amount of traffic, scaled by sampling.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Amount {
    pub packets: f32,
    pub bytes: f32,
    pub flows: f32,
}

impl Amount {
    fn add(&mut self, other: Self, part: f32) {
        self.packets += other.packets * part;
        self.bytes += other.bytes * part;
        self.flows += other.flows * part;
    }

    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.add(other, 1.0);
        self
    }

    pub(crate) fn times(self, part: f32) -> Self {
        let mut sum = Self::default();
        sum.add(self, part);
        sum
    }
}

// ---------------------------------------------------------------------------------------------- Levels

/// A decaying level for each of very many keys.
pub(crate) struct Levels {
    buckets: Vec<[Level; WAYS]>,
}

#[derive(Clone, Copy, Default)]
struct Level {
    mixed: u64,
    level: f32,
    second: u32,
}

impl Levels {
    /// Room for `most` keys.
    pub(crate) fn new(most: usize) -> Self {
        Self { buckets: vec![[Level::default(); WAYS]; (most / WAYS).max(1).next_power_of_two()] }
    }

    /// Raises the level of a key, and says what it is now.
    pub(crate) fn raise(&mut self, mixed: u64, by: f32, second: u32) -> f32 {
        let place = (mixed >> 32) as usize & (self.buckets.len() - 1);
        let Some(bucket) = self.buckets.get_mut(place) else { return 0.0 };
        if let Some(entry) = bucket.iter_mut().find(|entry| entry.mixed == mixed) {
            entry.level = decayed(entry.level, entry.second, second, LEVEL_DECAY) + by;
            entry.second = entry.second.max(second);
            return entry.level;
        }
        let of = |entry: &Level| decayed(entry.level, entry.second, second, LEVEL_DECAY);
        if let Some(lowest) = bucket.iter_mut().min_by(|a, b| of(a).total_cmp(&of(b))) {
            *lowest = Level { mixed, level: by, second };
        }
        by
    }

    /// Octets of memory.
    pub(crate) fn octets(&self) -> usize {
        self.buckets.len() * size_of::<[Level; WAYS]>()
    }
}

/// What is left of a level at a later second.
fn decayed(level: f32, from: u32, to: u32, by: f32) -> f32 {
    match to.saturating_sub(from) {
        0 => level,
        seconds @ 1..=100 => level * by.powi(seconds as i32),
        _ => 0.0,
    }
}

// ---------------------------------------------------------------------------------------------- Watched

/// What is watched of a key.
pub(crate) struct Watch {
    pub key: Key,
    pub rings: Vec<Ring>,
    /// Lanes near a threshold in this batch, a bit each.
    pub hot: u64,
    /// When traffic came last.
    pub second: u32,
    said: [f32; 5],
    said_second: u32,
    established: f32,
    established_second: u32,
    incoming: f32,
    incoming_second: u32,
}

/// All that is watched.
pub(crate) struct Watched {
    pub watches: Vec<Watch>,
    places: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    most: usize,
    /// Keys that found no room.
    pub crowded: u64,
}

impl Watched {
    pub(crate) fn new(most: usize) -> Self {
        Self { watches: Vec::new(), places: HashMap::default(), most, crowded: 0 }
    }

    pub(crate) fn place(&self, mixed: u64) -> Option<u32> {
        self.places.get(&mixed).copied()
    }

    pub(crate) fn get(&self, place: u32) -> Option<&Watch> {
        self.watches.get(place as usize)
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut Watch> {
        self.watches.get_mut(place as usize)
    }

    /// Watches a key from now on, if there is room.
    pub(crate) fn watch(&mut self, key: Key, mixed: u64, second: u32) -> Option<u32> {
        if let Some(place) = self.place(mixed) {
            return Some(place);
        }
        if self.watches.len() >= self.most {
            self.crowded += 1;
            return None;
        }
        let place = u32::try_from(self.watches.len()).ok()?;
        self.watches.push(Watch {
            key,
            rings: Vec::new(),
            hot: 0,
            second,
            said: [0.0; 5],
            said_second: second,
            established: 0.0,
            established_second: second,
            incoming: 0.0,
            incoming_second: second,
        });
        self.places.insert(mixed, place);
        Some(place)
    }

    /// Forgets keys that `keep` does not want, and says which place each of the others had and has.
    pub(crate) fn retain(
        &mut self,
        seed: u64,
        mut keep: impl FnMut(u32, &Watch) -> bool,
    ) -> HashMap<u32, u32> {
        let (mut moved, mut old) = (HashMap::new(), 0_u32);
        self.watches.retain(|watch| {
            let kept = keep(old, watch);
            if kept {
                moved.insert(old, moved.len() as u32);
            }
            old += 1;
            kept
        });
        let places = (0_u32..).zip(&self.watches).map(|(place, watch)| (watch.key.mixed(seed), place));
        self.places = places.collect();
        moved
    }

    /// Octets of memory, about.
    pub(crate) fn octets(&self) -> usize {
        let of = |watch: &Watch| {
            let beside = watch.rings.iter().map(Ring::octets).sum::<usize>();
            watch.rings.capacity() * size_of::<Ring>() + beside
        };
        let rings: usize = self.watches.iter().map(of).sum();
        self.watches.capacity() * size_of::<Watch>() + rings + self.places.capacity() * 16
    }
}

impl Watch {
    /// Counts an amount of a lane over a span of microseconds, and says how much came lately, in the unit of `weight`.
    pub(crate) fn add(&mut self, lane: Lane, teller: u16, span: Spread, amount: Amount, weight: f32) -> f32 {
        self.second = self.second.max(span.now);
        let found = self.rings.iter().position(|ring| ring.lane == lane && ring.teller == teller);
        let place = found.unwrap_or_else(|| {
            if self.rings.len() >= MOST_RINGS {
                return usize::MAX;
            }
            self.rings.push(Ring::new(lane, teller, span.now));
            self.rings.len() - 1
        });
        let Some(ring) = self.rings.get_mut(place) else { return 0.0 };
        ring.add(span, amount);
        ring.hear(amount.packets, weight, span.now)
    }

    /// Counts what the key itself sends.
    pub(crate) fn say(&mut self, says: Says, packets: f32, second: u32) {
        for said in &mut self.said {
            *said = decayed(*said, self.said_second, second, LATELY_DECAY);
        }
        self.said_second = self.said_second.max(second);
        if let Some(said) = self.said.get_mut(says as usize) {
            *said += packets;
        }
    }

    /// Counts what it gets at all, and what of it belongs to connections.
    pub(crate) fn hear(&mut self, packets: f32, established: bool, second: u32) {
        self.incoming = decayed(self.incoming, self.incoming_second, second, LATELY_DECAY) + packets;
        self.incoming_second = self.incoming_second.max(second);
        if established {
            self.established =
                decayed(self.established, self.established_second, second, LATELY_DECAY) + packets;
            self.established_second = self.established_second.max(second);
        }
    }

    /// Packets that it sent lately, of one kind.
    pub(crate) fn said(&self, says: Says, second: u32) -> f32 {
        let said = self.said.get(says as usize).copied().unwrap_or(0.0);
        decayed(said, self.said_second, second, LATELY_DECAY)
    }

    /// Packets that it sent lately, all together.
    pub(crate) fn said_all(&self, second: u32) -> f32 {
        self.said.iter().map(|said| decayed(*said, self.said_second, second, LATELY_DECAY)).sum()
    }

    /// Packets of connections that it got lately.
    pub(crate) fn established(&self, second: u32) -> f32 {
        decayed(self.established, self.established_second, second, LATELY_DECAY)
    }

    /// Packets that a lane got lately, comparable with [`Self::said`]: by the seconds they belong to, or all that was
    /// told of lately where long flows are told of at once.
    pub(crate) fn heard(&self, lane: Lane, second: u32) -> f32 {
        let heard = |ring: &Ring| -> f32 {
            let newest =
                (0..8).map(|age| decayed(ring.at(second.saturating_sub(age)).packets, 0, age, LATELY_DECAY));
            newest.sum::<f32>().max(ring.told(second))
        };
        let rings = self.rings.iter().filter(|ring| ring.lane == lane);
        rings.map(heard).fold(0.0, f32::max)
    }

    /// What a lane gets in a second, as the exporter tells that saw most of it: the higher of it and the second before.
    pub(crate) fn rate(&self, lane: Lane, second: u32) -> Amount {
        let rings = self.rings.iter().filter(|ring| ring.lane == lane);
        let rates = rings.flat_map(|ring| [ring.rate(second), ring.rate(second.saturating_sub(1))]);
        rates.max_by(|a, b| a.packets.total_cmp(&b.packets)).unwrap_or_default()
    }
}

/// The second that an instant lies in.
pub(crate) fn second(at_us: i64) -> u32 {
    u32::try_from(at_us.div_euclid(1_000_000).max(0)).unwrap_or(u32::MAX)
}

/// Hands through what is spread already.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = (self.0 << 8) ^ (self.0 >> 56) ^ u64::from(*octet);
        }
    }

    fn write_u64(&mut self, mixed: u64) {
        self.0 = mixed;
    }
}

/// Lanes and exporters of one key at most.
const MOST_RINGS: usize = 32;
/// Levels in a bucket.
const WAYS: usize = 8;
/// What a second leaves of a level.
const LEVEL_DECAY: f32 = 0.88;
/// What a second leaves of what came lately.
const LATELY_DECAY: f32 = 0.78;
