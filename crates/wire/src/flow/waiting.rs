//! Data sets whose template has not come yet: kept for a while, within bounds; what does not fit is dropped and
//! counted.

use std::collections::{HashMap, VecDeque};

use crate::flow::{
    StreamKey,
    message::{Fit, Header},
    report::GivenUp,
};

/// A data set that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub header: Header,
    pub arrival_us: i64,
    pub fit: Fit,
    pub body: Box<[u8]>,
}

/// All that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    queues: HashMap<(StreamKey, u16), VecDeque<Held>>,
    /// Bytes and sets of each stream.
    streams: HashMap<StreamKey, (usize, u32)>,
    bytes: usize,
    sets: u32,
    /// What was dropped since it was last asked.
    given_up: HashMap<StreamKey, GivenUp>,
    swept_us: i64,
    stream_limit: usize,
    limit: usize,
    longest_us: i64,
}

impl Waiting {
    pub(super) fn new(stream_limit: usize, limit: usize, longest_us: i64) -> Self {
        Self {
            queues: HashMap::new(),
            streams: HashMap::new(),
            bytes: 0,
            sets: 0,
            given_up: HashMap::new(),
            swept_us: i64::MIN,
            stream_limit,
            limit,
            longest_us,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes and sets of a stream.
    pub(super) fn of(&self, key: StreamKey) -> (usize, u32) {
        self.streams.get(&key).copied().unwrap_or_default()
    }

    pub(super) fn sets(&self) -> u32 {
        self.sets
    }

    /// What was dropped since it was last asked, in the order of arrival.
    pub(super) fn take_given_up(&mut self) -> Vec<GivenUp> {
        let mut all: Vec<_> = self.given_up.drain().map(|(_, given_up)| given_up).collect();
        all.sort_by_key(|given_up| (given_up.from_us, given_up.source, given_up.domain));
        all
    }

    /// What would be lost if all that waits were dropped, in the order of arrival.
    pub(super) fn at_stake(&self) -> Vec<GivenUp> {
        let mut all = HashMap::new();
        for ((key, _), queue) in &self.queues {
            queue.iter().for_each(|held| note(&mut all, *key, held));
        }
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_by_key(|given_up| (given_up.from_us, given_up.source, given_up.domain));
        all
    }

    fn give_up(&mut self, key: StreamKey, held: &Held) {
        note(&mut self.given_up, key, held);
    }

    /// Keeps a set; older ones of the same template make room for it, those of others do not.
    pub(super) fn hold(&mut self, key: StreamKey, id: u16, held: Held) {
        let size = cost(&held);
        let mut queue = self.queues.remove(&(key, id)).unwrap_or_default();
        while !self.fits(key, size) {
            let Some(oldest) = queue.pop_front() else { break };
            self.free(key, &oldest);
            self.give_up(key, &oldest);
        }
        if self.fits(key, size) {
            self.bytes += size;
            let (bytes, sets) = self.streams.entry(key).or_default();
            *bytes += size;
            *sets = sets.saturating_add(1);
            self.sets = self.sets.saturating_add(1);
            queue.push_back(held);
        } else {
            self.give_up(key, &held);
        }
        if !queue.is_empty() {
            self.queues.insert((key, id), queue);
        }
    }

    /// Takes out what waits for this template, oldest first.
    pub(super) fn take(&mut self, key: StreamKey, id: u16) -> VecDeque<Held> {
        let queue = self.queues.remove(&(key, id)).unwrap_or_default();
        for held in &queue {
            self.free(key, held);
        }
        queue
    }

    /// Drops all that waits of a stream.
    pub(super) fn discard(&mut self, key: StreamKey) {
        if !self.streams.contains_key(&key) {
            return;
        }
        let gone: Vec<_> = self.queues.extract_if(|(other, _), _| *other == key).collect();
        for held in gone.iter().flat_map(|(_, queue)| queue) {
            self.free(key, held);
            self.give_up(key, held);
        }
    }

    /// Drops what has waited too long; looks at most once a minute.
    pub(super) fn expire(&mut self, now_us: i64) {
        if self.sets == 0 || now_us.saturating_sub(self.swept_us) < SWEEP_US && now_us >= self.swept_us {
            return;
        }
        self.swept_us = now_us;
        let mut queues = std::mem::take(&mut self.queues);
        queues.retain(|&(key, _), queue| {
            while let Some(held) =
                queue.pop_front_if(|held| now_us.saturating_sub(held.arrival_us) > self.longest_us)
            {
                self.free(key, &held);
                self.give_up(key, &held);
            }
            !queue.is_empty()
        });
        self.queues = queues;
    }

    fn fits(&self, key: StreamKey, size: usize) -> bool {
        self.of(key).0 + size <= self.stream_limit && self.bytes + size <= self.limit
    }

    fn free(&mut self, key: StreamKey, held: &Held) {
        let size = cost(held);
        self.bytes -= size;
        self.sets = self.sets.saturating_sub(1);
        if let Some((bytes, sets)) = self.streams.get_mut(&key) {
            *bytes -= size;
            *sets = sets.saturating_sub(1);
            if *bytes == 0 {
                self.streams.remove(&key);
            }
        }
    }
}

fn note(all: &mut HashMap<StreamKey, GivenUp>, key: StreamKey, held: &Held) {
    let StreamKey { source, version, domain } = key;
    let at = held.arrival_us;
    let none = GivenUp { source, version, domain, sets: 0, from_us: at, to_us: at };
    let given_up = all.entry(key).or_insert(none);
    given_up.sets = given_up.sets.saturating_add(1);
    given_up.from_us = given_up.from_us.min(at);
    given_up.to_us = given_up.to_us.max(at);
}

/// Bytes that a waiting set takes, with what is kept beside it.
fn cost(held: &Held) -> usize {
    held.body.len() + BESIDE
}

const BESIDE: usize = 192;
const SWEEP_US: i64 = 60_000_000;
