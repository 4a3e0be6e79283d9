//! What the records outside of the asked window tell of the rows within it: other versions of them, and who came after.
//!
//! What comes in: rows that a question met, and rows about the same things around it. What goes out: one row for each
//! session or lease, its edges by the best of what its versions say; an end that is missing is bounded by the first
//! record that proves it. The order in which the records were read makes no difference.

use std::collections::HashMap;

use tadoru_model::{Assignment, Edge, Holder, How, Identity, PortRange, Prefix, RecordKind, Span};
use tadoru_store::Holding;

/// Where to look for other versions of `row`, and for what ended it; `None` where nothing could change it.
pub(super) fn around(row: &Assignment, asked: &Holding) -> Option<Holding> {
    let versions = row.thread != 0 && matches!(row.kind, RecordKind::Session | RecordKind::Lease);
    let from = match (versions, has_open_end(row)) {
        (true, _) => row.from.latest.min(row.until.earliest),
        (false, true) => row.until.earliest,
        (false, false) => return None,
    };
    let until = asked.span.until.max(row.from.latest.plus(1));
    // Whoever came after the asked time proves that an end is missing, unless that is doubtful anyway.
    let surely_open = has_open_end(row) && row.kind != RecordKind::Session && row.kind != RecordKind::Seat;
    let until = if surely_open { until.max(row.until.latest) } else { until };
    Some(Holding {
        realm: row.realm.clone(),
        addr: asked.addr,
        port: Some(row.ports.low),
        proto: row.proto,
        span: Span::new(from.min(asked.span.from), until),
    })
}

/// One row for each session or lease of `found`, with what the rows `around` them tell.
pub(super) fn join(found: &[Assignment], around: &[Assignment]) -> Vec<Assignment> {
    let mut joined: Vec<Assignment> = Vec::with_capacity(found.len());
    let mut by_thread: HashMap<(u64, Prefix, PortRange), Vec<usize>> = HashMap::new();
    for row in found {
        join_one(row, &mut joined, &mut by_thread, true);
    }
    for row in around.iter().filter(|row| row.thread != 0 && !found.contains(row)) {
        join_one(row, &mut joined, &mut by_thread, false);
    }
    for row in joined.iter_mut().filter(|row| has_open_end(row)) {
        bound(row, around);
    }
    joined
}

fn join_one(
    row: &Assignment,
    joined: &mut Vec<Assignment>,
    by_thread: &mut HashMap<(u64, Prefix, PortRange), Vec<usize>>,
    asked_about: bool,
) {
    if row.thread == 0 {
        return joined.push(row.clone());
    }
    let places = by_thread.entry((row.thread, row.prefix, row.ports)).or_default();
    let same = |place: &usize| joined.get(*place).is_some_and(|known| is_same(known, row));
    match places.iter().copied().find(same).and_then(|place| joined.get_mut(place)) {
        Some(known) => merge(known, row),
        None if asked_about => {
            places.push(joined.len());
            joined.push(row.clone());
        }
        None => {}
    }
}

/// Whether two rows of one thread are versions of one session: devices count anew, and then the same number is another.
fn is_same(a: &Assignment, b: &Assignment) -> bool {
    let told = |row: &Assignment| row.from.how != How::Before;
    let near = a.from.latest.since(b.from.latest).abs() <= SAME_BEGINNING_US;
    let (first, later) = if a.from.latest <= b.from.latest { (a, b) } else { (b, a) };
    let follows = !(told(a) && told(b))
        && later.until.earliest <= first.until.latest
        && first.from.latest <= later.until.latest;
    let (one, other) = (a.certain(), b.certain());
    let both = !one.is_empty() && !other.is_empty() && one.meets(other);
    is_same_holder(&a.holder, &b.holder)
        && ((told(a) && told(b) && near) || a.from == b.from || both || follows)
}

/// Whether two rows may name the same holder: they agree in every kind of name that both have.
fn is_same_holder(a: &Holder, b: &Holder) -> bool {
    let disagree = |name: &Identity, others: &[Identity]| {
        let mut of_kind = others.iter().filter(|other| other.kind == name.kind).peekable();
        of_kind.peek().is_some() && !of_kind.any(|other| other.value == name.value)
    };
    match (a, b) {
        (Holder::Line(a), Holder::Line(b)) => !a.iter().any(|name| disagree(name, b)),
        (Holder::Inside { realm, prefix, .. }, Holder::Inside { realm: r, prefix: p, .. }) => {
            realm == r && prefix == p
        }
        _ => false,
    }
}

/// Puts into `known` what another version of it knows better.
fn merge(known: &mut Assignment, other: &Assignment) {
    let start = |edge: Edge| match edge.how {
        How::Logged => 0,
        How::Duration => 1,
        _ => 2,
    };
    known.from = match start(known.from).cmp(&start(other.from)) {
        std::cmp::Ordering::Less => known.from,
        std::cmp::Ordering::Greater => other.from,
        std::cmp::Ordering::Equal => both(known.from, other.from),
    };
    let until = match (is_told(known.until), is_told(other.until)) {
        (true, true) => both(known.until, other.until),
        (true, false) => known.until,
        (false, true) => other.until,
        (false, false) => last_heard(known.until, other.until),
    };
    if until != known.until {
        (known.until, known.record) = (until, other.record);
    }
    if let (Holder::Line(names), Holder::Line(more)) = (&mut known.holder, &other.holder)
        && names.len() < more.len()
    {
        names.clone_from(more);
    }
}

/// Whether a record says the end.
fn is_told(until: Edge) -> bool {
    matches!(until.how, How::Logged | How::Duration)
        || (until.how == How::Expiry && until.earliest == until.latest)
}

/// What two edges of one rank leave: where both may be right, what they share; else all of both.
fn both(a: Edge, b: Edge) -> Edge {
    let (earliest, latest) = (a.earliest.max(b.earliest), a.latest.min(b.latest));
    if earliest <= latest {
        Edge { earliest, latest, how: a.how }
    } else {
        Edge { earliest: a.earliest.min(b.earliest), latest: a.latest.max(b.latest), how: a.how }
    }
}

/// The end that no record says: after the last sign of life, by the first bound that no sign of life contradicts.
fn last_heard(a: Edge, b: Edge) -> Edge {
    let (older, newer) = if a.earliest <= b.earliest { (a, b) } else { (b, a) };
    let bounds = !older.how.is_open() && older.latest >= newer.earliest;
    if bounds && (newer.how.is_open() || older.latest < newer.latest) {
        Edge { earliest: newer.earliest, ..older }
    } else {
        newer
    }
}

/// Whether only later records can tell until when the row held.
pub(super) fn has_open_end(row: &Assignment) -> bool {
    let run_out = row.kind == RecordKind::Lease && row.until.how == How::Expiry && !is_told(row.until);
    row.kind != RecordKind::NatSession && (row.until.how.is_open() || run_out)
}

/// Bounds an end that is missing by the first record after it that proves it.
fn bound(row: &mut Assignment, around: &[Assignment]) {
    let life = row.until.earliest;
    let others = around.iter().filter(|other| {
        (other.thread == 0 || other.thread != row.thread || !is_same_holder(&other.holder, &row.holder))
            && holds_alone(other, row)
    });
    let turns = others.filter_map(|other| {
        let same_line = is_same_holder(&other.holder, &row.holder);
        if other.from.latest > life {
            let renewed = same_line && row.kind == RecordKind::Lease;
            let until = match (renewed, other.from.how) {
                (true, How::Before) if is_told(other.until) => other.until,
                (true, _) => Edge::exact(other.from.latest, How::NextHolder),
                (false, _) => Edge::between(life, other.from.latest, How::NextHolder),
            };
            Some((other.from.latest, until))
        } else {
            // A session's own end has its own number.
            let own = same_line && row.kind != RecordKind::Session;
            let ended = own && is_told(other.until) && other.until.latest > life;
            ended.then(|| (other.until.latest, Edge::between(life, other.until.latest, other.until.how)))
        }
    });
    let first =
        turns.filter(|(at, _)| *at <= row.until.latest).min_by_key(|(at, until)| (*at, until.earliest));
    if let Some((_, until)) = first {
        row.until = until;
    }
}

/// Whether two rows are of one thing that only one line can have at a time.
pub(super) fn holds_alone(a: &Assignment, b: &Assignment) -> bool {
    let same = a.realm == b.realm && a.prefix == b.prefix && a.proto == b.proto && a.source == b.source;
    match (a.kind, b.kind) {
        (RecordKind::NatSession, RecordKind::NatSession) => {
            same && a.ports == b.ports && a.remote.is_some() && a.remote == b.remote
        }
        (RecordKind::NatBinding, RecordKind::NatBinding) => same && a.remote == b.remote,
        (RecordKind::NatBlock, RecordKind::NatBlock) => same && a.ports.meets(b.ports),
        (RecordKind::Session | RecordKind::Lease, RecordKind::Session | RecordKind::Lease) => {
            same && a.ports == b.ports
        }
        _ => false,
    }
}

/// Beginnings of one session as several records count it differ by at most this, microseconds.
const SAME_BEGINNING_US: i64 = 60_000_000;
