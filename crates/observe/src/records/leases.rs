//! DHCP leases (RFC 2131, RFC 8415): versions of leases, with the moment at which one was given back worked out.
//!
//! What comes in: lease versions in the order of their file. What goes out: lease events in the same order. Kea writes
//! nowhere when a lease was given back, but its file is a journal: the moment lies between the renewals written next
//! before and next after it. So such an event waits in a [`Journal`] for the next renewal.

use std::collections::HashSet;

use tadoru_model::observation::{LeaseEvent, LeaseState, Observation, Observed};
use tadoru_model::{Identity, IdentityKind, Prefix, Realm, SourceName, UtcMicros};
use tadoru_wire::leases::{Lease, LeaseFormat, LeaseState as Told};

use super::{hardware_address, hex, name, prefix};

/// Reads one lease file after the other; one for each file, as its order tells.
#[derive(Debug)]
pub struct Journal {
    format: LeaseFormat,
    source: SourceName,
    realm: Realm,
    /// Events that wait behind one whose moment is not known yet, in the order of the file.
    waiting: Vec<Waiting>,
    /// The last renewal that was written down.
    last_renewal: Option<UtcMicros>,
    /// What the file has spoken of: a compacted file says nothing twice.
    seen: HashSet<Prefix>,
    order: Order,
}

/// Whether the lines of the file stand in the order in which they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// It may be the last version of each lease, in any order.
    Unknown,
    /// Something stands in it twice, so lines are being appended.
    Written,
}

#[derive(Debug)]
struct Waiting {
    observation: Observation,
    /// The renewal written next before it, if lines stood in their order by then; `None`: it does not wait for its own
    /// moment, only for its turn.
    after: Option<Bound>,
}

#[derive(Debug, Clone, Copy)]
struct Bound {
    renewal: Option<UtcMicros>,
    order: Order,
}

impl Journal {
    /// At the beginning of a file.
    pub fn new(format: LeaseFormat, source: SourceName, realm: Realm) -> Self {
        Self {
            format,
            source,
            realm,
            waiting: Vec::new(),
            last_renewal: None,
            seen: HashSet::new(),
            order: Order::Unknown,
        }
    }

    /// Takes the version on line `record` in, and appends to `out` what can be told now.
    ///
    /// # Errors
    /// When the version cannot be believed; it then says nothing.
    pub fn step(
        &mut self,
        record: u64,
        lease: &Lease,
        out: &mut Vec<Observation>,
    ) -> Result<Taken, &'static str> {
        let Some(event) = event(self.format, lease)? else { return Ok(Taken::Ignored) };
        if self.seen.len() >= MOST_SEEN {
            self.seen.clear();
        }
        if !self.seen.insert(event.prefix) {
            self.order = Order::Written;
        }
        let renewal = (event.state == LeaseState::Active).then_some(event.since);
        let unsettled = event.state == LeaseState::Released && event.since == UtcMicros::MAX;
        if let Some(renewal) = renewal {
            self.settle(Some(renewal), out);
            self.last_renewal = Some(renewal);
        }
        let observation = Observation {
            source: self.source.clone(),
            realm: self.realm.clone(),
            record,
            what: Observed::Lease(event),
        };
        if unsettled {
            let bound = Bound { renewal: self.last_renewal, order: self.order };
            self.waiting.push(Waiting { observation, after: Some(bound) });
        } else if self.waiting.is_empty() {
            out.push(observation);
        } else {
            self.waiting.push(Waiting { observation, after: None });
        }
        if self.waiting.len() > MOST_WAITING {
            self.settle(None, out);
        }
        Ok(Taken::Kept)
    }

    /// What was read so far is all that the file held; from here on lines are read as they are written.
    pub fn appended(&mut self) {
        self.order = Order::Written;
    }

    /// Lets everything go that waits: `not_after` is the next renewal in the file, or the time at which a growing file was
    /// read; `None` at the end of a file of the past.
    pub fn settle(&mut self, not_after: Option<UtcMicros>, out: &mut Vec<Observation>) {
        for Waiting { mut observation, after } in self.waiting.drain(..) {
            if let (Some(bound), Observed::Lease(event)) = (after, &mut observation.what) {
                bound.apply(event, not_after);
            }
            out.push(observation);
        }
    }

    /// How many events wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// What became of a lease version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is or will be an observation.
    Kept,
    /// It says nothing about who held what.
    Ignored,
}

impl Bound {
    /// Narrows when a lease was given back: behind its own last renewal anyway, and between its neighbours in the file
    /// where the file stands in order.
    fn apply(self, event: &mut LeaseEvent, not_after: Option<UtcMicros>) {
        if self.order == Order::Unknown {
            return;
        }
        let (before, own) = (self.renewal.unwrap_or(UtcMicros::MIN), event.expires.unwrap_or(UtcMicros::MIN));
        match not_after {
            // Times are whole seconds: the renewal may have been written within its second.
            Some(next) if before <= next && own <= next => {
                event.expires = Some(before.max(own));
                event.since = next.plus(SECOND_US);
            }
            Some(_) => {}
            None => event.expires = Some(before.max(own)),
        }
    }
}

/// One version as an event; one that was given back at an unknown moment has `since` at the end of time.
fn event(format: LeaseFormat, lease: &Lease) -> Result<Option<LeaseEvent>, &'static str> {
    let prefix = prefix(lease.address, lease.prefix_len)?;
    let renewed = lease.cltt_us.or(lease.starts_us).map(UtcMicros);
    let ends = lease.expire_us.map(UtcMicros);
    // Kea deletes a lease by writing it once more with no lifetime: its end is then its last renewal, and no end at all.
    let deleted = format != LeaseFormat::Isc && ends.is_some() && ends == renewed;
    let event = |state, since, expires| LeaseEvent { state, prefix, since, expires, names: names(lease) };
    let since = || renewed.ok_or("lease has no time of its last renewal");
    let event = match lease.state {
        Told::Active | Told::Registered if deleted => {
            event(LeaseState::Released, UtcMicros::MAX, Some(since()?))
        }
        Told::Active | Told::Registered => event(LeaseState::Active, since()?, ends),
        // ISC dhcpd puts the end of a lease to the moment at which it was given back.
        Told::Released if format == LeaseFormat::Isc => {
            let at = ends.ok_or("lease that was given back has no end")?;
            event(LeaseState::Released, at, Some(at))
        }
        Told::Released => event(LeaseState::Released, UtcMicros::MAX, Some(since()?)),
        Told::Declined => event(LeaseState::Declined, since()?, ends),
        Told::Expired | Told::Free | Told::Backup | Told::Reset => {
            let ends = ends.filter(|_| !deleted);
            event(LeaseState::Expired, renewed.or(ends).unwrap_or(UtcMicros::MAX), ends)
        }
        Told::Reserved => return Ok(None),
        Told::Unknown(_) => return Err("state is not a known one"),
    };
    Ok(Some(event))
}

/// Names of the line, the surest first.
fn names(lease: &Lease) -> Vec<Identity> {
    let mut names = Vec::new();
    name(&mut names, IdentityKind::CircuitId, hex(&lease.circuit_id));
    name(&mut names, IdentityKind::RemoteId, hex(&lease.remote_id));
    name(&mut names, IdentityKind::HardwareAddress, lease.mac.map(hardware_address).unwrap_or_default());
    name(&mut names, IdentityKind::Duid, hex(&lease.duid));
    name(&mut names, IdentityKind::ClientId, hex(&lease.client_id));
    names
}

/// Events that wait at most; beyond it they go without a narrower bound.
const MOST_WAITING: usize = 100_000;

/// Addresses of one file kept in mind at most.
const MOST_SEEN: usize = 4_000_000;

const SECOND_US: i64 = 1_000_000;
