//! Access sessions: RADIUS accounting joined by Acct-Session-Id (RFC 2866).
//!
//! A lost Stop is closed by the next session on the same address or by a restart of the device, and its end is then
//! only bounded; a lost Start is counted back from Acct-Session-Time. A Stop that comes late revises the bound.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use tadoru_model::observation::{Moment, SessionEvent};
use tadoru_model::{
    Assignment, Edge, Holder, How, Identity, PortRange, Prefix, Protocol, Realm, RecordKind, SourceName,
    UtcMicros,
};

use super::{edge_of, thread_of};

/// What only one session can have at a time.
type Place = (Realm, Prefix, PortRange);

/// The sessions that are open, and those that ended a short while ago.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    threads: HashMap<u64, Session>,
    timelines: HashMap<Place, BTreeMap<(UtcMicros, u64), ()>>,
    changed: HashSet<u64>,
    newest: HashMap<SourceName, UtcMicros>,
    /// Rows of sessions whose id a later session has taken over.
    replaced: Vec<Assignment>,
}

#[derive(Debug)]
struct Session {
    source: SourceName,
    realm: Realm,
    record: u64,
    names: Vec<Identity>,
    from: Edge,
    last: UtcMicros,
    /// Shortest time between two signs of life: how often the device reports, in microseconds.
    cadence_us: Option<i64>,
    stop: Option<Edge>,
    bound: Option<(UtcMicros, How)>,
    silent: bool,
    /// How many of its records have been heard.
    heard: u32,
    held: Vec<Held>,
}

/// One address, prefix or port range of a session.
#[derive(Debug)]
struct Held {
    prefix: Prefix,
    ports: PortRange,
    from: Edge,
    last: UtcMicros,
    until: Option<Edge>,
}

impl Sessions {
    /// Takes up a session that was open when the last assembler stopped.
    pub(super) fn resume(&mut self, row: Assignment) {
        let Holder::Line(names) = row.holder else { return };
        let session = self.threads.entry(row.thread).or_insert(Session {
            source: row.source,
            realm: row.realm.clone(),
            record: row.record,
            names,
            from: row.from,
            last: row.until.earliest,
            cadence_us: None,
            stop: None,
            bound: None,
            silent: row.until.how == How::Silent,
            heard: 1,
            held: Vec::new(),
        });
        session.held.push(Held {
            prefix: row.prefix,
            ports: row.ports,
            from: row.from,
            last: row.until.earliest,
            until: None,
        });
        let place = (row.realm, row.prefix, row.ports);
        self.timelines.entry(place).or_default().insert((row.from.latest, row.thread), ());
    }

    /// Takes one accounting record in.
    pub(super) fn step(&mut self, source: SourceName, realm: Realm, record: u64, event: SessionEvent) {
        let at = edge_of(event.when);
        let thread = thread_of(&[source.0.as_bytes(), event.session.as_bytes()]);
        let newest = self.newest.entry(source.clone()).or_insert(at.latest);
        *newest = (*newest).max(at.latest);

        let known = self.threads.get(&thread);
        let again = known.is_none_or(|s| is_another_generation(s, &event, at));
        if again {
            let mut from = begins(&event, at);
            if let Some(old) = self.threads.get_mut(&thread) {
                if let Some((restart, How::Restart)) = old.bound
                    && from.how == How::Before
                {
                    from.earliest = restart;
                }
                if old.stop.is_none() && old.last <= from.latest {
                    old.bound_by(from.latest, How::NextHolder);
                }
                old.rows(thread, &mut self.replaced);
            }
            self.forget(thread);
            let session = Session {
                source,
                realm,
                record,
                names: event.names.clone(),
                from,
                last: from.latest,
                cadence_us: None,
                stop: None,
                bound: None,
                silent: false,
                heard: 0,
                held: Vec::new(),
            };
            self.threads.insert(thread, session);
        }
        let Some(session) = self.threads.get_mut(&thread) else { return };
        let moved = session.take(&event, at, record);
        let (realm, from) = (session.realm.clone(), session.from);
        let places: Vec<Place> =
            session.held.iter().map(|held| (realm.clone(), held.prefix, held.ports)).collect();
        for place in places {
            let timeline = self.timelines.entry(place.clone()).or_default();
            if let Some(old) = moved {
                timeline.remove(&(old, thread));
            }
            timeline.insert((from.latest, thread), ());
            self.bound_neighbours(&place, from.latest, thread);
        }
        self.changed.insert(thread);
    }

    /// The device came up or went down: its sessions ended by then.
    pub(super) fn restart(&mut self, source: &SourceName, at: Edge) {
        for (thread, session) in &mut self.threads {
            if session.source == *source && session.stop.is_none() && session.from.earliest < at.latest {
                session.bound_by(at.latest, How::Restart);
                self.changed.insert(*thread);
            }
        }
    }

    /// Hands out the rows that changed, and forgets what ended long ago.
    pub(super) fn drain(&mut self, rows: &mut Vec<Assignment>) {
        for (thread, session) in &mut self.threads {
            let newest = self.newest.get(&session.source).copied().unwrap_or(UtcMicros::MIN);
            if !session.silent && session.is_overdue(newest) {
                session.silent = true;
                self.changed.insert(*thread);
            }
        }
        rows.append(&mut self.replaced);
        let mut changed: Vec<u64> = self.changed.drain().collect();
        changed.sort_unstable();
        for thread in changed {
            if let Some(session) = self.threads.get(&thread) {
                session.rows(thread, rows);
            }
        }
        let ended: Vec<u64> = self
            .threads
            .iter()
            .filter(|(_, s)| {
                let newest = self.newest.get(&s.source).copied().unwrap_or(UtcMicros::MIN);
                s.end().is_some_and(|end| newest.since(end) > REMEMBERED_US)
            })
            .map(|(thread, _)| *thread)
            .collect();
        for thread in ended {
            self.forget(thread);
        }
    }

    /// Lets the sessions next to this one on the same address and ports bound each other's missing ends.
    fn bound_neighbours(&mut self, key: &Place, start: UtcMicros, thread: u64) {
        let Some(timeline) = self.timelines.get(key) else { return };
        let before = timeline.range(..(start, thread)).next_back().map(|((_, t), ())| *t);
        let after = timeline.range((start, thread)..).nth(1).map(|((s, t), ())| (*s, *t));
        if let Some(earlier) = before.and_then(|t| self.threads.get_mut(&t))
            && earlier.stop.is_none()
            && earlier.last <= start
            && earlier.bound_by(start, How::NextHolder)
            && let Some(before) = before
        {
            self.changed.insert(before);
        }
        if let Some((next_start, next)) = after
            && next != thread
            && let Some(session) = self.threads.get_mut(&thread)
            && session.stop.is_none()
            && session.last <= next_start
        {
            session.bound_by(next_start, How::NextHolder);
        }
    }

    fn forget(&mut self, thread: u64) {
        let Some(session) = self.threads.remove(&thread) else { return };
        for held in &session.held {
            let key = (session.realm.clone(), held.prefix, held.ports);
            if let Some(timeline) = self.timelines.get_mut(&key) {
                timeline.remove(&(session.from.latest, thread));
                if timeline.is_empty() {
                    self.timelines.remove(&key);
                }
            }
        }
    }
}

impl Session {
    /// Takes a record of this session in; returns the old beginning when it moved.
    fn take(&mut self, event: &SessionEvent, at: Edge, record: u64) -> Option<UtcMicros> {
        let mut moved = None;
        let begins = begins(event, at);
        if event.moment == Moment::Start && self.from.how != How::Logged {
            moved = Some(self.from.latest);
            self.from = begins;
            for held in &mut self.held {
                held.from = begins;
            }
        }
        if self.names.len() < event.names.len() {
            self.names.clone_from(&event.names);
        }
        let stopped = self.stop.is_some_and(|stop| stop.latest <= at.earliest);
        let gap = at.earliest.since(self.last);
        if !stopped && gap > 0 {
            if event.moment == Moment::Alive {
                self.cadence_us = Some(self.cadence_us.map_or(gap, |c| c.min(gap)));
            }
            self.last = at.earliest;
            self.record = record;
            self.silent = false;
        }
        self.hold(event, at, stopped);
        self.heard = self.heard.saturating_add(1);
        if event.moment == Moment::Stop && self.stop.is_none_or(|stop| at.latest < stop.latest) {
            self.stop = Some(at);
            self.bound = None;
        } else if self.bound.is_some_and(|(bound, _)| bound < self.last) {
            self.bound = None;
        }
        moved
    }

    /// Takes the addresses of a record in: new ones, and those that were replaced.
    fn hold(&mut self, event: &SessionEvent, at: Edge, stopped: bool) {
        let named = event.holds.iter().map(|prefix| (*prefix, PortRange::ALL));
        let ranges = event.ports.iter().map(|(addr, ports)| (host(*addr), *ports));
        let told: Vec<(Prefix, PortRange)> = named.chain(ranges).collect();
        for (prefix, ports) in &told {
            let room = self.held.len() < MOST_HELD;
            match self.held.iter_mut().find(|h| h.prefix == *prefix && h.ports == *ports && h.until.is_none())
            {
                Some(held) => held.last = held.last.max(if stopped { held.last } else { at.earliest }),
                None if room => {
                    // Seen first in a later record: it was given at some time since the session began.
                    let from = match event.moment {
                        _ if self.heard == 0 => self.from,
                        Moment::Start => at,
                        Moment::Alive | Moment::Stop => {
                            Edge::between(self.from.earliest, at.latest, How::Before)
                        }
                    };
                    self.held.push(Held {
                        prefix: *prefix,
                        ports: *ports,
                        from,
                        last: at.earliest,
                        until: None,
                    });
                }
                None => {}
            }
        }
        for held in &mut self.held {
            let same_sort = |p: &Prefix, ports: &PortRange| {
                p.addr().is_ipv4() == held.prefix.addr().is_ipv4()
                    && p.len() == held.prefix.len()
                    && (*ports == PortRange::ALL) == (held.ports == PortRange::ALL)
            };
            let gone = held.until.is_none()
                && !told.iter().any(|(p, ports)| *p == held.prefix && *ports == held.ports)
                && told.iter().any(|(p, ports)| same_sort(p, ports));
            if gone && !stopped {
                held.until = Some(Edge::between(held.last, at.latest, How::NextHolder));
            }
        }
    }

    /// Bounds the missing end; says whether that changed anything.
    fn bound_by(&mut self, at: UtcMicros, how: How) -> bool {
        let tighter = self.bound.is_none_or(|(bound, _)| at < bound);
        if tighter {
            self.bound = Some((at, how));
        }
        tighter
    }

    /// Whether signs of life that were due did not come.
    fn is_overdue(&self, newest: UtcMicros) -> bool {
        self.end().is_none() && self.cadence_us.is_some_and(|c| newest.since(self.last) > c.saturating_mul(3))
    }

    /// When it ended at the latest, if that is known.
    fn end(&self) -> Option<UtcMicros> {
        self.stop.map(|stop| stop.latest).or(self.bound.map(|(at, _)| at))
    }

    fn rows(&self, thread: u64, rows: &mut Vec<Assignment>) {
        for held in &self.held {
            let until = match (held.until, self.stop, self.bound) {
                (Some(until), ..) => until,
                (None, Some(stop), _) => stop,
                (None, None, Some((at, how))) => Edge::between(held.last, at, how),
                (None, None, None) => Edge {
                    earliest: held.last,
                    latest: UtcMicros::MAX,
                    how: if self.silent { How::Silent } else { How::Open },
                },
            };
            rows.push(Assignment {
                kind: RecordKind::Session,
                realm: self.realm.clone(),
                prefix: held.prefix,
                ports: held.ports,
                proto: Protocol::ANY,
                remote: None,
                holder: Holder::Line(self.names.clone()),
                from: held.from,
                until,
                source: self.source.clone(),
                record: self.record,
                corrected_us: 0,
                thread,
            });
        }
    }
}

/// When the session began, as one record of it tells.
fn begins(event: &SessionEvent, at: Edge) -> Edge {
    match (event.moment, event.lasted_s) {
        (Moment::Start, _) => at,
        (_, Some(lasted)) => {
            let lasted_us = i64::from(lasted).saturating_mul(1_000_000);
            // Acct-Session-Time counts whole seconds.
            Edge::between(at.earliest.plus(-lasted_us - 1_000_000), at.latest.plus(-lasted_us), How::Duration)
        }
        (_, None) => Edge::between(UtcMicros::MIN, at.latest, How::Before),
    }
}

/// Whether a record with a known session id is of a later session: devices begin to count anew after a restart.
fn is_another_generation(known: &Session, event: &SessionEvent, at: Edge) -> bool {
    let began = begins(event, at);
    let later_start = began.how != How::Before && began.earliest.since(known.from.latest) > SAME_SESSION_US;
    let ended = known.end().is_some_and(|end| end <= began.latest);
    let other_line =
        !known.names.is_empty() && !event.names.is_empty() && known.names.first() != event.names.first();
    // A restart ended it, and what is heard of now does not tell when it began: it need not be the same.
    let restarted = matches!(known.bound, Some((restart, How::Restart)) if restart < at.earliest);
    (later_start && (ended || other_line)) || (began.how == How::Before && restarted)
}

fn host(addr: IpAddr) -> Prefix {
    Prefix::host(addr)
}

/// Beginnings of one session as several records count it differ by less than this.
const SAME_SESSION_US: i64 = 60_000_000;
/// How long an ended session is remembered, for records that come late.
const REMEMBERED_US: i64 = 86_400_000_000;
/// Addresses and prefixes of one session at most.
const MOST_HELD: usize = 64;
