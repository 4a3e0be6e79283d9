//! DHCP leases: versions of a lease file's entries joined to who held what until when (RFC 2131, RFC 8415).
//!
//! A lease holds from its first grant to its expiry, unless the server wrote down an earlier end or another holder. Files
//! may be read in any order: each address has its leases by their beginnings, and an entry finds its place among them.

use std::collections::{HashMap, HashSet};

use tadoru_model::observation::{LeaseEvent, LeaseState};
use tadoru_model::{
    Assignment, Edge, Holder, How, Identity, PortRange, Prefix, Protocol, Realm, RecordKind, SourceName,
    UtcMicros,
};

use super::thread_of;

type Key = (SourceName, Realm, Prefix);

/// The leases that each address has and had, by their beginnings.
#[derive(Debug, Default)]
pub(super) struct Leases {
    known: HashMap<Key, Vec<Lease>>,
    changed: HashSet<Key>,
    newest: Option<UtcMicros>,
    /// How many addresses were known when those of long ago were last forgotten.
    swept: usize,
}

#[derive(Debug, Clone)]
struct Lease {
    record: u64,
    names: Vec<Identity>,
    /// When it was granted; untold where only its end has been read.
    from: Option<UtcMicros>,
    /// When the client last asked.
    last: UtcMicros,
    expires: UtcMicros,
    /// When it ended, as far as the file tells.
    ended: Option<Edge>,
    thread: u64,
    /// The beginning and the end that its newest row tells.
    told: Option<(Edge, Edge)>,
}

impl Leases {
    /// Takes up a lease that was open when the last assembler stopped.
    pub(super) fn resume(&mut self, row: Assignment) {
        let Holder::Line(names) = row.holder else { return };
        let lease = Lease {
            record: row.record,
            names,
            from: Some(row.from.latest),
            last: row.until.earliest,
            expires: row.until.latest,
            ended: None,
            thread: row.thread,
            told: Some((row.from, row.until)),
        };
        insert(self.known.entry((row.source, row.realm, row.prefix)).or_default(), lease);
    }

    /// Takes one version of a lease in.
    pub(super) fn step(&mut self, source: SourceName, realm: Realm, record: u64, event: LeaseEvent) {
        let key = (source, realm, event.prefix);
        let leases = self.known.entry(key.clone()).or_default();
        match event.state {
            LeaseState::Active => {
                self.newest = self.newest.max(Some(event.since));
                grant(leases, &key, record, event);
            }
            LeaseState::Released | LeaseState::Expired | LeaseState::Declined => {
                end(leases, &key, record, event);
            }
        }
        self.changed.insert(key);
    }

    /// Hands out the rows that changed, and forgets what ended long ago.
    pub(super) fn drain(&mut self, rows: &mut Vec<Assignment>) {
        for key in self.changed.drain() {
            let Some(leases) = self.known.get_mut(&key) else { continue };
            let edges: Vec<(Edge, Edge)> = (0..leases.len()).filter_map(|n| edges(leases, n)).collect();
            for (lease, edges) in leases.iter_mut().zip(edges) {
                if lease.told != Some(edges) {
                    lease.told = Some(edges);
                    rows.push(row(&key, lease, edges));
                }
            }
            leases.drain(..leases.len().saturating_sub(MOST_REMEMBERED));
        }
        if self.known.len() > self.swept.saturating_mul(2).max(FEW) {
            let since = self.newest.map_or(UtcMicros::MIN, |newest| newest.plus(-REMEMBERED_US));
            self.known.retain(|_, leases| {
                leases.last().is_some_and(|l| since <= l.ended.map_or(l.expires, |end| end.latest))
            });
            self.swept = self.known.len();
        }
    }
}

/// A grant or a renewal.
fn grant(leases: &mut Vec<Lease>, key: &Key, record: u64, event: LeaseEvent) {
    let since = event.since;
    let expires = event.expires.unwrap_or(UtcMicros::MAX);
    let place = place(leases, since);
    if let Some(before) = place.checked_sub(1).and_then(|n| leases.get_mut(n)) {
        if same_line(&before.names, &event.names) {
            let again = since < before.last || (since == before.last && before.ended.is_some());
            let late = before.ended.is_some_and(|ended| since < ended.earliest);
            if again {
                return; // An older version, read again.
            }
            if late || (before.ended.is_none() && since <= before.expires) {
                (before.last, before.expires, before.record) = (since, expires, record);
                before.told = None;
                return;
            }
        } else if since < before.last {
            // Another had it between two signs of life: they are of two leases.
            let after = before.part(key);
            before.expires = since.plus(1);
            leases.insert(place, after);
        }
    }
    let lease = Lease {
        record,
        names: event.names,
        from: Some(since),
        last: since,
        expires,
        ended: None,
        thread: thread(key, &[], since),
        told: None,
    };
    leases.insert(place, lease);
}

/// The end of a lease.
fn end(leases: &mut Vec<Lease>, key: &Key, record: u64, event: LeaseEvent) {
    // An entry that was reclaimed keeps the instant at which it ran out.
    let by = event.expires.map_or(event.since, |told| told.min(event.since));
    let place = place(leases, by);
    let anybody = event.names.is_empty() || event.state == LeaseState::Declined;
    let mut earlier = leases.iter_mut().take(place).rev();
    let lease = if anybody {
        earlier.next()
    } else {
        earlier.find(|lease| same_line(&lease.names, &event.names) && by <= lease.expires)
    };
    let Some(lease) = lease else {
        leases.extend(end_alone(key, record, event));
        leases.sort_by_key(Lease::starts_by);
        return;
    };
    let released = event.state == LeaseState::Released;
    let older = event.state != LeaseState::Expired && event.since < lease.last;
    let after = match lease.ended {
        _ if released && older => Some(lease.part(key)),
        // The end that is known is that of a later lease, whose grant is in no file read so far.
        Some(ended) if released && event.since < ended.earliest => Some(lease.leave_end(key, ended)),
        _ => None,
    };
    if (older && after.is_none()) || lease.ended.is_some() {
        return; // Read again.
    }
    lease.ended = Some(match (event.state, event.expires) {
        (LeaseState::Released, told) => {
            let earliest = told.unwrap_or(lease.last).max(lease.last).min(lease.expires);
            Edge::between(earliest, event.since.min(lease.expires).max(earliest), How::Logged)
        }
        (LeaseState::Declined, _) if event.since < lease.expires => {
            Edge::between(lease.last, event.since, How::Logged)
        }
        (_, Some(told)) if lease.last <= told => {
            // Later than its last grant says: a renewal is in no file read so far.
            Edge::between(told.min(lease.expires), told, How::Expiry)
        }
        _ => Edge::exact(lease.expires, How::Expiry),
    });
    if let Some(after) = after {
        insert(leases, after);
    }
}

/// An end whose beginning is in no file read so far: it tells who had the address until then.
fn end_alone(key: &Key, record: u64, event: LeaseEvent) -> Option<Lease> {
    let told = event.expires?;
    let ended = match event.state {
        LeaseState::Released => Edge::between(told, event.since, How::Logged),
        LeaseState::Expired => Edge::exact(told, How::Expiry),
        LeaseState::Active | LeaseState::Declined => return None,
    };
    (!event.names.is_empty()).then(|| Lease {
        record,
        names: event.names,
        from: None,
        last: ended.earliest,
        expires: ended.latest,
        ended: Some(ended),
        thread: thread(key, &[b"end"], ended.earliest),
        told: None,
    })
}

impl Lease {
    /// The later one of two leases that were taken for one; this is the earlier one from now on.
    fn part(&mut self, key: &Key) -> Self {
        let thread = thread(key, &[b"again"], self.last);
        let after = Self { from: None, thread, told: None, ..self.clone() };
        (self.last, self.ended) = (self.starts_by(), None);
        after
    }

    /// The end of a later lease that was taken for the end of this one.
    fn leave_end(&mut self, key: &Key, ended: Edge) -> Self {
        self.ended = None;
        Self {
            from: None,
            last: ended.earliest,
            expires: ended.latest,
            ended: Some(ended),
            thread: thread(key, &[b"end"], ended.earliest),
            told: None,
            ..self.clone()
        }
    }

    /// When it had begun at the latest.
    fn starts_by(&self) -> UtcMicros {
        self.from.unwrap_or(self.last)
    }
}

/// How many of the leases had begun by `at`.
fn place(leases: &[Lease], at: UtcMicros) -> usize {
    leases.partition_point(|known| known.starts_by() <= at)
}

fn insert(leases: &mut Vec<Lease>, lease: Lease) {
    leases.insert(place(leases, lease.starts_by()), lease);
}

/// When a lease began and ended, as far as it and its neighbours tell.
fn edges(leases: &[Lease], n: usize) -> Option<(Edge, Edge)> {
    let lease = leases.get(n)?;
    let before = n.checked_sub(1).and_then(|n| leases.get(n));
    let from = match (lease.from, before) {
        (Some(from), _) => Edge::exact(from, How::Logged),
        (None, Some(before)) if before.from.is_some() && ends_with(before, lease) => {
            Edge::exact(before.starts_by(), How::Logged)
        }
        (None, before) => {
            let after = before.map_or(UtcMicros::MIN, |before| before.last);
            Edge::between(after, lease.last, How::Before)
        }
    };
    Some((from, until(lease, leases.get(n + 1))))
}

fn until(lease: &Lease, next: Option<&Lease>) -> Edge {
    let run_out = Edge::between(lease.last, lease.expires, How::Expiry);
    match (lease.ended, next) {
        (Some(ended), None) => ended,
        (Some(ended), Some(next)) if ended.earliest <= next.starts_by() => {
            Edge::between(ended.earliest, ended.latest.min(next.starts_by()), ended.how)
        }
        (None, None) => Edge { how: How::Open, ..run_out },
        (None, Some(next)) if ends_with(lease, next) => next.ended.unwrap_or(run_out),
        // The same client asked again in time, and another file tells what it got.
        (None, Some(next)) if same_line(&lease.names, &next.names) => run_out,
        (None, Some(next)) if lease.expires <= next.starts_by() => run_out,
        (_, Some(next)) => Edge::between(lease.last, next.starts_by(), How::NextHolder),
    }
}

/// Whether `next`, of which only the end is known, is the end of `lease`.
fn ends_with(lease: &Lease, next: &Lease) -> bool {
    next.from.is_none()
        && lease.ended.is_none()
        && next.last <= lease.expires
        && same_line(&lease.names, &next.names)
}

/// The number of a lease: of the instant that it is known by.
fn thread(key: &Key, what: &[&[u8]], at: UtcMicros) -> u64 {
    let (source, realm, prefix) = key;
    let (prefix, at) = (prefix.to_string(), at.0.to_be_bytes());
    let parts = [source.0.as_bytes(), realm.0.as_bytes(), prefix.as_bytes(), &at];
    thread_of(&[&parts, what].concat())
}

/// Whether two sets of names are of one line: they agree in every kind that both have.
fn same_line(a: &[Identity], b: &[Identity]) -> bool {
    let mut shared = false;
    for name in a {
        for other in b.iter().filter(|o| o.kind == name.kind) {
            if other.value != name.value {
                return false;
            }
            shared = true;
        }
    }
    shared
}

fn row(key: &Key, lease: &Lease, (from, until): (Edge, Edge)) -> Assignment {
    let (source, realm, prefix) = key;
    Assignment {
        kind: RecordKind::Lease,
        realm: realm.clone(),
        prefix: *prefix,
        ports: PortRange::ALL,
        proto: Protocol::ANY,
        remote: None,
        holder: Holder::Line(lease.names.clone()),
        from,
        until,
        source: source.clone(),
        record: lease.record,
        corrected_us: 0,
        thread: lease.thread,
    }
}

/// Leases of one address that are remembered at least, for files that are read again or in another order.
const MOST_REMEMBERED: usize = 8;
/// How long an address is remembered after its last lease, microseconds: one day.
const REMEMBERED_US: i64 = 86_400_000_000;
/// Addresses that are not worth forgetting.
const FEW: usize = 4096;
