//! Translations of gateways: connections, port blocks and whole addresses joined from begin to end (RFC 8158).
//!
//! A gateway may use one outside port toward several destinations at once, so a connection is told by its destination
//! too where the gateway logs it. A lost release is closed by the next holder of the same ports.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use tadoru_model::observation::{Moment, NatEvent};
use tadoru_model::{
    Assignment, Edge, Holder, How, PortRange, Prefix, Protocol, Realm, RecordKind, Remote, SourceName,
    UtcMicros,
};

use super::{edge_of, thread_of};

/// The translations that are open.
#[derive(Debug, Default)]
pub(super) struct Translations {
    open: HashMap<Key, Open>,
    by_age: BTreeMap<(UtcMicros, u64), Key>,
    changed: HashSet<Key>,
    closed: Vec<Assignment>,
    /// When the last holder let go, by the hash of its key.
    ended: HashMap<u64, UtcMicros>,
    /// When a gateway last restarted.
    restarts: HashMap<SourceName, UtcMicros>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    source: SourceName,
    realm: Realm,
    proto: Protocol,
    outside: IpAddr,
    ports: PortRange,
    remote: Option<Remote>,
}

#[derive(Debug, Clone)]
struct Open {
    inside_realm: Realm,
    inside: IpAddr,
    inside_port: Option<u16>,
    from: Edge,
    last: UtcMicros,
    record: u64,
    thread: u64,
}

impl Translations {
    /// Takes up a translation that was open when the last assembler stopped.
    pub(super) fn resume(&mut self, row: Assignment) {
        let Holder::Inside { realm, prefix, port } = row.holder else { return };
        let key = Key {
            source: row.source,
            realm: row.realm,
            proto: row.proto,
            outside: row.prefix.addr(),
            ports: row.ports,
            remote: row.remote,
        };
        let open = Open {
            inside_realm: realm,
            inside: prefix.addr(),
            inside_port: port,
            from: row.from,
            last: row.until.earliest,
            record: row.record,
            thread: row.thread,
        };
        self.by_age.insert((open.last, open.thread), key.clone());
        self.open.insert(key, open);
    }

    /// Takes one translation event in.
    pub(super) fn step(&mut self, source: SourceName, realm: Realm, record: u64, event: NatEvent) {
        let at = edge_of(event.when);
        let key = Key {
            source,
            realm,
            proto: event.proto,
            outside: event.outside,
            ports: event.ports,
            remote: event.remote,
        };
        match event.moment {
            Moment::Start => self.begin(key, record, &event, at),
            Moment::Alive => match self.open.get_mut(&key) {
                Some(open) if open.is_of(&event) => {
                    open.last = open.last.max(at.earliest);
                    self.changed.insert(key);
                }
                _ => {
                    self.yield_to(&key, at);
                    let from = self.unlogged_start(&key, &event, at);
                    self.settle(key, record, &event, from, at);
                }
            },
            Moment::Stop => self.end(key, record, &event, at),
        }
    }

    /// The gateway came up or went down: its translations ended by then.
    pub(super) fn restart(&mut self, source: &SourceName, at: Edge) {
        let last = self.restarts.entry(source.clone()).or_insert(at.latest);
        *last = (*last).max(at.latest);
        let lost: Vec<Key> = self
            .open
            .iter()
            .filter(|(key, open)| key.source == *source && open.from.earliest < at.latest)
            .map(|(key, _)| key.clone())
            .collect();
        for key in lost {
            if let Some(open) = self.open.remove(&key) {
                self.by_age.remove(&(open.last, open.thread));
                self.changed.remove(&key);
                let until = Edge::between(open.last.min(at.latest), at.latest, How::Restart);
                self.closed.push(row(&key, &open, until));
            }
        }
    }

    /// Hands out the rows that changed, and lets go of the oldest where there are too many.
    pub(super) fn drain(&mut self, rows: &mut Vec<Assignment>) {
        while self.open.len() > MOST_OPEN {
            let Some(((_, thread), key)) = self.by_age.pop_first() else { break };
            if let Some(open) = self.open.get(&key).filter(|o| o.thread == thread).cloned() {
                // Its release never came: it ended by itself at the gateway's longest idle time.
                let until = Edge::between(open.last, open.last.plus(LONGEST_IDLE_US), How::Expiry);
                self.closed.push(row(&key, &open, until));
                self.open.remove(&key);
                self.changed.remove(&key);
            }
        }
        rows.append(&mut self.closed);
        for key in self.changed.drain() {
            if let Some(open) = self.open.get(&key) {
                let until = Edge { earliest: open.last, latest: UtcMicros::MAX, how: How::Open };
                rows.push(row(&key, open, until));
            }
        }
        if self.ended.len() > MOST_ENDED {
            self.ended.clear();
        }
    }

    fn begin(&mut self, key: Key, record: u64, event: &NatEvent, at: Edge) {
        if let Some(open) = self.open.get_mut(&key) {
            if open.is_of(event) && at.latest <= open.last.plus(SAME_EVENT_US) {
                return; // The same event once more.
            }
            if open.last > at.latest {
                // Out of order: an older beginning whose end is not known; the next holder bounds it.
                let older = Open { from: at, last: at.earliest, ..open_of(&key, record, event, at) };
                let until = Edge::between(at.earliest, open.from.latest.max(at.latest), How::NextHolder);
                self.closed.push(row(&key, &older, until));
                return;
            }
            let until = Edge::between(open.last, at.latest, How::NextHolder);
            let (closed, old) = (row(&key, open, until), (open.last, open.thread));
            self.closed.push(closed);
            self.by_age.remove(&old);
        }
        self.settle(key, record, event, at, at);
    }

    /// Takes a translation as open since its last sign of life, or as closed by what ended it: files may be read newest
    /// first, and then that has been seen already.
    fn settle(&mut self, key: Key, record: u64, event: &NatEvent, from: Edge, at: Edge) {
        let ended = self.ended.get(&key.hash(UtcMicros(0))).map(|end| (*end, How::NextHolder));
        let restarted = self.restarts.get(&key.source).map(|end| (*end, How::Restart));
        let taken = self.open.get(&key).map(|open| (open.from.latest, How::NextHolder));
        let bound = [ended, restarted, taken]
            .into_iter()
            .flatten()
            .filter(|(end, _)| *end > at.latest)
            .min_by_key(|(end, _)| *end);
        let open = Open { from, last: at.earliest, ..open_of(&key, record, event, from) };
        match bound {
            Some((end, how)) => self.closed.push(row(&key, &open, Edge::between(at.earliest, end, how))),
            None => {
                self.by_age.insert((open.last, open.thread), key.clone());
                self.changed.insert(key.clone());
                self.open.insert(key, open);
            }
        }
    }

    /// Another holder's record proves that the one who has the key by now had let go of it: the release was lost.
    fn yield_to(&mut self, key: &Key, at: Edge) {
        if self.open.get(key).is_none_or(|open| open.from.latest > at.latest) {
            return;
        }
        if let Some(open) = self.open.remove(key) {
            self.by_age.remove(&(open.last, open.thread));
            self.changed.remove(key);
            let until = Edge::between(open.last.min(at.latest), at.latest, How::NextHolder);
            self.closed.push(row(key, &open, until));
        }
    }

    fn end(&mut self, key: Key, record: u64, event: &NatEvent, at: Edge) {
        match self.open.remove(&key) {
            Some(open) if open.is_of(event) && open.from.earliest <= at.latest => {
                self.by_age.remove(&(open.last, open.thread));
                self.changed.remove(&key);
                self.closed.push(row(&key, &open, at));
            }
            other => {
                if let Some(open) = other {
                    self.open.insert(key.clone(), open);
                    self.yield_to(&key, at);
                }
                let from = self.unlogged_start(&key, event, at);
                let open = Open { from, ..open_of(&key, record, event, at) };
                self.closed.push(row(&key, &open, at));
            }
        }
        let ended = self.ended.entry(key.hash(UtcMicros(0))).or_insert(at.latest);
        *ended = (*ended).max(at.latest);
    }

    /// When something began whose create was lost, or was before the first record: after the last holder let go.
    fn unlogged_start(&self, key: &Key, event: &NatEvent, at: Edge) -> Edge {
        let after = || self.ended.get(&key.hash(UtcMicros(0))).copied().filter(|end| *end <= at.latest);
        match event.began {
            Some(began) => counted_back(began),
            None => Edge::between(after().unwrap_or(UtcMicros::MIN), at.latest, How::Before),
        }
    }
}

/// A beginning counted back from a duration in whole seconds.
fn counted_back(began: UtcMicros) -> Edge {
    Edge::between(began.plus(-1_000_000), began, How::Duration)
}

impl Key {
    /// A number for this key and one beginning.
    fn hash(&self, from: UtcMicros) -> u64 {
        let remote = self.remote.map_or([0; 19], |r| {
            let mut bytes = [1; 19];
            bytes[..16].copy_from_slice(&octets(r.addr));
            bytes[16..18].copy_from_slice(&r.port.unwrap_or(0).to_be_bytes());
            bytes
        });
        thread_of(&[
            self.source.0.as_bytes(),
            self.realm.0.as_bytes(),
            &[self.proto.0],
            &octets(self.outside),
            &self.ports.low.to_be_bytes(),
            &self.ports.high.to_be_bytes(),
            &remote,
            &from.0.to_be_bytes(),
        ])
    }
}

impl Open {
    fn is_of(&self, event: &NatEvent) -> bool {
        self.inside == event.inside
            && self.inside_realm == event.inside_realm
            && (self.inside_port == event.inside_port
                || self.inside_port.is_none()
                || event.inside_port.is_none())
    }
}

/// An address as 16 octets, IPv4 mapped (RFC 4291, 2.5.5.2).
fn octets(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(a) => a.to_ipv6_mapped().octets(),
        IpAddr::V6(a) => a.octets(),
    }
}

fn open_of(key: &Key, record: u64, event: &NatEvent, from: Edge) -> Open {
    let thread = key.hash(from.latest);
    Open {
        inside_realm: event.inside_realm.clone(),
        inside: event.inside,
        inside_port: event.inside_port,
        from,
        last: from.latest,
        record,
        thread,
    }
}

fn row(key: &Key, open: &Open, until: Edge) -> Assignment {
    let kind = if key.ports == PortRange::ALL {
        RecordKind::NatBinding
    } else if key.ports.count() == 1 {
        RecordKind::NatSession
    } else {
        RecordKind::NatBlock
    };
    Assignment {
        kind,
        realm: key.realm.clone(),
        prefix: Prefix::host(key.outside),
        ports: key.ports,
        proto: key.proto,
        remote: key.remote,
        holder: Holder::Inside {
            realm: open.inside_realm.clone(),
            prefix: Prefix::host(open.inside),
            port: open.inside_port,
        },
        from: open.from,
        until,
        source: key.source.clone(),
        record: open.record,
        corrected_us: 0,
        thread: open.thread,
    }
}

/// Translations kept in mind at most; beyond it the oldest are let go as ended by idleness.
const MOST_OPEN: usize = 2_000_000;
/// Ends kept in mind at most.
const MOST_ENDED: usize = 1_000_000;
/// Longest idle time of an established connection at common gateways: five days (RFC 5382 asks for two hours at least).
const LONGEST_IDLE_US: i64 = 5 * 86_400_000_000;
/// Two reports of one beginning are not further apart than this.
const SAME_EVENT_US: i64 = 1_000_000;
