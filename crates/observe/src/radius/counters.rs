//! What the accounting server counts.

use std::sync::atomic::{AtomicU8, Ordering};

use tadoru_model::Prefix;

use super::Config;
use crate::counters::Count;

/// Counts of the whole server.
#[derive(Debug)]
pub struct Counters {
    /// Datagrams received.
    pub received: Count,
    /// Datagrams of devices that are not configured; dropped.
    pub unknown: Count,
    /// Records that are durable and were answered.
    pub kept: Count,
    /// Records that the spool refused; not answered.
    pub refused: Count,
    /// By device, in the order of the configuration.
    pub nas: Vec<NasCounters>,
    room: AtomicU8,
}

/// Counts of one device.
#[derive(Debug)]
pub struct NasCounters {
    /// Whence it sends.
    pub from: Prefix,
    /// Requests received for the first time.
    pub fresh: Count,
    /// Retransmissions.
    pub again: Count,
    /// Status-Server queries answered (RFC 5997).
    pub status: Count,
    /// Requests whose authenticator does not fit the secret; dropped.
    pub wrong_secret: Count,
    /// Datagrams that are no RADIUS packets; dropped.
    pub malformed: Count,
    /// Packets that are not for an accounting server; dropped.
    pub other: Count,
}

/// Whether the spool takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Room {
    /// It does.
    Enough = 0,
    /// The disk is full: nobody is answered.
    Full = 1,
    /// The disk refuses: nobody is answered.
    Failed = 2,
}

impl Counters {
    pub(super) fn new(config: &Config) -> Self {
        let nas = config.nas.iter().map(|nas| NasCounters {
            from: nas.from,
            fresh: Count::default(),
            again: Count::default(),
            status: Count::default(),
            wrong_secret: Count::default(),
            malformed: Count::default(),
            other: Count::default(),
        });
        Self {
            received: Count::default(),
            unknown: Count::default(),
            kept: Count::default(),
            refused: Count::default(),
            nas: nas.collect(),
            room: AtomicU8::new(Room::Enough as u8),
        }
    }

    /// Whether the spool takes records, as of the last batch.
    pub fn room(&self) -> Room {
        match self.room.load(Ordering::Relaxed) {
            0 => Room::Enough,
            1 => Room::Full,
            _ => Room::Failed,
        }
    }

    pub(super) fn set_room(&self, room: Room) {
        self.room.store(room as u8, Ordering::Relaxed);
    }
}
