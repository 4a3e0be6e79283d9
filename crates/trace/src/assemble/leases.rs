//! DHCP leases: versions of a lease file's entries joined to who held what until when (RFC 2131, RFC 8415).
//!
//! A lease holds from its first grant to its expiry, unless the server wrote down an earlier end or another holder.

use std::collections::{HashMap, HashSet};

use tadoru_model::observation::{LeaseEvent, LeaseState};
use tadoru_model::{
    Assignment, Edge, Holder, How, Identity, PortRange, Prefix, Protocol, Realm, RecordKind, SourceName,
    UtcMicros,
};

use super::thread_of;

/// The lease that each address has now.
#[derive(Debug, Default)]
pub(super) struct Leases {
    current: HashMap<(SourceName, Realm, Prefix), Lease>,
    changed: HashSet<(SourceName, Realm, Prefix)>,
    closed: Vec<Assignment>,
}

#[derive(Debug)]
struct Lease {
    record: u64,
    names: Vec<Identity>,
    from: UtcMicros,
    last: UtcMicros,
    expires: UtcMicros,
    /// When it was given back, as far as the file tells.
    returned: Option<Edge>,
    thread: u64,
}

impl Leases {
    /// Takes up a lease that was open when the last assembler stopped.
    pub(super) fn resume(&mut self, row: Assignment) {
        let Holder::Line(names) = row.holder else { return };
        let lease = Lease {
            record: row.record,
            names,
            from: row.from.latest,
            last: row.until.earliest,
            expires: row.until.latest,
            returned: None,
            thread: row.thread,
        };
        self.current.insert((row.source, row.realm, row.prefix), lease);
    }

    /// Takes one version of a lease in.
    pub(super) fn step(&mut self, source: SourceName, realm: Realm, record: u64, event: LeaseEvent) {
        let key = (source, realm, event.prefix);
        match event.state {
            LeaseState::Active => self.grant(key, record, event),
            LeaseState::Released | LeaseState::Expired | LeaseState::Declined => self.end(key, &event),
        }
    }

    /// Hands out the rows that changed.
    pub(super) fn drain(&mut self, rows: &mut Vec<Assignment>) {
        rows.append(&mut self.closed);
        for key in self.changed.drain() {
            if let Some(lease) = self.current.get(&key) {
                let open = Edge { earliest: lease.last, latest: lease.expires, how: How::Open };
                rows.push(row(&key, lease, lease.returned.unwrap_or(open)));
            }
        }
    }

    fn grant(&mut self, key: (SourceName, Realm, Prefix), record: u64, event: LeaseEvent) {
        let expires = event.expires.unwrap_or(UtcMicros::MAX);
        if let Some(lease) = self.current.get_mut(&key) {
            if event.since < lease.last || (lease.returned.is_some() && event.since == lease.last) {
                return; // An older version, read again.
            }
            if lease.returned.is_none()
                && same_line(&lease.names, &event.names)
                && event.since <= lease.expires
            {
                lease.last = event.since;
                lease.expires = expires;
                lease.record = record;
                self.changed.insert(key);
                return;
            }
            let until = if let Some(returned) = lease.returned {
                Edge::between(returned.earliest, returned.latest.min(event.since), How::Logged)
            } else if lease.expires <= event.since {
                Edge::exact(lease.expires, How::Expiry)
            } else {
                Edge::between(lease.last, event.since, How::NextHolder)
            };
            self.closed.push(row(&key, lease, until));
        }
        let (source, realm, prefix) = &key;
        let thread = thread_of(&[
            source.0.as_bytes(),
            realm.0.as_bytes(),
            prefix.to_string().as_bytes(),
            &event.since.0.to_be_bytes(),
        ]);
        let lease = Lease {
            record,
            names: event.names,
            from: event.since,
            last: event.since,
            expires,
            returned: None,
            thread,
        };
        self.current.insert(key.clone(), lease);
        self.changed.insert(key);
    }

    fn end(&mut self, key: (SourceName, Realm, Prefix), event: &LeaseEvent) {
        let Some(lease) = self.current.get_mut(&key) else { return };
        let other = !event.names.is_empty() && !same_line(&lease.names, &event.names);
        let older = event.state != LeaseState::Expired && event.since < lease.last;
        if older || lease.returned.is_some() || (other && event.state != LeaseState::Declined) {
            return; // The end of an earlier lease, written down late or read again.
        }
        if event.state == LeaseState::Released {
            let earliest = event.expires.unwrap_or(lease.last).max(lease.last).min(lease.expires);
            lease.returned =
                Some(Edge::between(earliest, event.since.min(lease.expires).max(earliest), How::Logged));
            self.changed.insert(key);
            return;
        }
        // An entry that was reclaimed keeps the instant at which it ran out.
        let told = event.expires.filter(|t| (lease.last..lease.expires).contains(t));
        let until = match (event.state, told) {
            (LeaseState::Declined, _) if event.since < lease.expires => {
                Edge::between(lease.last, event.since, How::Logged)
            }
            (_, Some(told)) => Edge::exact(told, How::Expiry),
            (_, None) => Edge::exact(lease.expires, How::Expiry),
        };
        self.closed.push(row(&key, lease, until));
        self.current.remove(&key);
        self.changed.remove(&key);
    }
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

fn row(key: &(SourceName, Realm, Prefix), lease: &Lease, until: Edge) -> Assignment {
    let (source, realm, prefix) = key;
    Assignment {
        kind: RecordKind::Lease,
        realm: realm.clone(),
        prefix: *prefix,
        ports: PortRange::ALL,
        proto: Protocol::ANY,
        remote: None,
        holder: Holder::Line(lease.names.clone()),
        from: Edge::exact(lease.from, How::Logged),
        until,
        source: source.clone(),
        record: lease.record,
        corrected_us: 0,
        thread: lease.thread,
    }
}
