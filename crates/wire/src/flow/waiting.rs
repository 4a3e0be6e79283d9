//! Data sets whose template has not come yet: kept for a while, within bounds; what does not fit is dropped and
//! counted.

use std::collections::{HashMap, VecDeque};

use crate::flow::{
    StreamKey,
    message::{Fit, Header},
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
    /// Bytes of each stream.
    streams: HashMap<StreamKey, usize>,
    bytes: usize,
    sets: u32,
    dropped: u32,
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
            dropped: 0,
            swept_us: i64::MIN,
            stream_limit,
            limit,
            longest_us,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn bytes_of(&self, key: StreamKey) -> usize {
        self.streams.get(&key).copied().unwrap_or_default()
    }

    pub(super) fn sets(&self) -> u32 {
        self.sets
    }

    /// How many were dropped since it was last asked.
    pub(super) fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }

    /// Keeps a set; older ones of the same template make room for it, those of others do not.
    pub(super) fn hold(&mut self, key: StreamKey, id: u16, held: Held) {
        let size = cost(&held);
        let mut queue = self.queues.remove(&(key, id)).unwrap_or_default();
        while !self.fits(key, size) {
            let Some(oldest) = queue.pop_front() else { break };
            self.free(key, &oldest);
            self.dropped = self.dropped.saturating_add(1);
        }
        if self.fits(key, size) {
            self.bytes += size;
            *self.streams.entry(key).or_default() += size;
            self.sets = self.sets.saturating_add(1);
            queue.push_back(held);
        } else {
            self.dropped = self.dropped.saturating_add(1);
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
        let Some(bytes) = self.streams.remove(&key) else { return };
        self.bytes -= bytes;
        let mut sets = 0;
        self.queues.retain(|&(other, _), queue| {
            if other == key {
                sets += queue.len();
            }
            other != key
        });
        let sets = u32::try_from(sets).unwrap_or(u32::MAX);
        self.sets = self.sets.saturating_sub(sets);
        self.dropped = self.dropped.saturating_add(sets);
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
                self.dropped = self.dropped.saturating_add(1);
            }
            !queue.is_empty()
        });
        self.queues = queues;
    }

    fn fits(&self, key: StreamKey, size: usize) -> bool {
        let of_stream = self.streams.get(&key).copied().unwrap_or_default();
        of_stream + size <= self.stream_limit && self.bytes + size <= self.limit
    }

    fn free(&mut self, key: StreamKey, held: &Held) {
        let size = cost(held);
        self.bytes -= size;
        self.sets = self.sets.saturating_sub(1);
        if let Some(of_stream) = self.streams.get_mut(&key) {
            *of_stream -= size;
            if *of_stream == 0 {
                self.streams.remove(&key);
            }
        }
    }
}

/// Bytes that a waiting set takes, with what is kept beside it.
fn cost(held: &Held) -> usize {
    held.body.len() + BESIDE
}

const BESIDE: usize = 192;
const SWEEP_US: i64 = 60_000_000;
