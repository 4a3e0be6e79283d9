//! What gateways do: blocks of ports for inside addresses, or one translation a connection.
//!
//! What comes in: when inside addresses were in use, and by whom. What goes out: true translations; that they are
//! logged, and how, is `export`'s.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::IpAddr;

use tadoru_model::{PortRange, Prefix, Protocol, Remote, Span, UtcMicros};

use crate::dice::Dice;
use crate::plan::{Gateway, nth, places};

/// An inside address in use.
#[derive(Clone)]
pub(super) struct Inside {
    pub addr: IpAddr,
    pub subscriber: String,
    pub held: Span,
    pub proven: Span,
}

/// One true translation.
pub(super) struct Translation {
    /// Its place in the list of inside addresses in use.
    pub inside: usize,
    pub inside_port: Option<u16>,
    pub outside: IpAddr,
    pub ports: PortRange,
    pub proto: Protocol,
    pub remote: Option<Remote>,
    pub held: Span,
    /// The gateway's own number of it.
    pub id: u32,
}

/// Gives each inside address a block while it is in use, and a second one now and then. Blocks come back at once.
pub(super) fn blocks(gateway: &Gateway, insides: &[Inside], dice: &mut Dice) -> Vec<Translation> {
    let mut wanted: Vec<(Span, usize)> = Vec::new();
    for (at, inside) in insides.iter().enumerate() {
        let first = inside.held.from.plus(dice.between(0, 20 * SECOND));
        let last = inside.held.until;
        let first = Span::new(first, last);
        if first.is_empty() {
            continue;
        }
        wanted.push((first, at));
        let mut next = first.from.plus(dice.long_tailed(5 * MINUTE, 120 * MINUTE));
        while next < last {
            let until = next.plus(dice.long_tailed(3 * MINUTE, 40 * MINUTE)).min(last);
            wanted.push((Span::new(next, until), at));
            next = until.plus(dice.long_tailed(10 * MINUTE, 120 * MINUTE));
        }
    }
    wanted.sort_by_key(|(span, at)| (span.from, *at));
    let mut free = free_blocks(gateway);
    let mut taken: BinaryHeap<Reverse<(UtcMicros, usize, IpAddr, PortRange)>> = BinaryHeap::new();
    let mut made: Vec<Translation> = Vec::with_capacity(wanted.len());
    for (held, inside) in wanted {
        while let Some(Reverse((until, _, outside, ports))) = taken.peek().copied()
            && until <= held.from
        {
            taken.pop();
            free.push((outside, ports));
        }
        let place = if dice.chance(0.6) { free.len().saturating_sub(1) } else { dice.below(free.len()) };
        if place >= free.len() {
            continue;
        }
        let (outside, ports) = free.remove(place);
        taken.push(Reverse((held.until, made.len(), outside, ports)));
        made.push(Translation {
            inside,
            inside_port: None,
            outside,
            ports,
            proto: Protocol::ANY,
            remote: None,
            held,
            id: u32::try_from(made.len()).unwrap_or(u32::MAX),
        });
    }
    made
}

/// One translation a connection. The inside port is kept outside where it can be, so that several lines may have the
/// same outside port at once, toward different far sides.
pub(super) fn connections(gateway: &Gateway, insides: &[Inside], dice: &mut Dice) -> Vec<Translation> {
    let mut wanted: Vec<(Span, usize)> = Vec::new();
    for (at, inside) in insides.iter().enumerate() {
        let mut next = inside.held.from.plus(dice.between(0, 30 * SECOND));
        while next < inside.held.until {
            let until = next.plus(dice.long_tailed(SECOND, 30 * MINUTE)).min(inside.held.until);
            wanted.push((Span::new(next, until), at));
            next = next.plus(dice.long_tailed(10 * SECOND, 20 * MINUTE));
        }
    }
    wanted.sort_by_key(|(span, at)| (span.from, *at));
    let outsides = usize::try_from(places(gateway.outside, 32)).unwrap_or(1).max(1);
    let mut busy: BTreeMap<(IpAddr, u16, Protocol, Remote), UtcMicros> = BTreeMap::new();
    let mut made: Vec<Translation> = Vec::with_capacity(wanted.len());
    for (held, at) in wanted {
        let Some(inside) = insides.get(at) else { continue };
        let far = far_side(dice);
        let proto = if far.port == Some(53) { Protocol::UDP } else { Protocol::TCP };
        let port = u16::try_from(dice.between(40_000, 40_256)).unwrap_or(40_000);
        let outside = nth(gateway.outside, 32, usize::from(host_number(inside.addr)) % outsides).addr();
        let is_free = |addr, port, busy: &BTreeMap<_, UtcMicros>| {
            busy.get(&(addr, port, proto, far)).is_none_or(|until| *until <= held.from)
        };
        if !is_free(inside.addr, port, &busy) {
            continue;
        }
        let mut outside_port = port;
        while !is_free(outside, outside_port, &busy) {
            outside_port = u16::try_from(dice.between(1024, 65_536)).unwrap_or(u16::MAX);
        }
        busy.insert((inside.addr, port, proto, far), held.until);
        busy.insert((outside, outside_port, proto, far), held.until);
        made.push(Translation {
            inside: at,
            inside_port: Some(port),
            outside,
            ports: PortRange::one(outside_port),
            proto,
            remote: Some(far),
            held,
            id: u32::try_from(dice.roll() >> 33).unwrap_or(0),
        });
    }
    made
}

/// Servers of the world outside, of the benchmark range (RFC 2544).
fn far_side(dice: &mut Dice) -> Remote {
    let host = u8::try_from(dice.between(1, 13)).unwrap_or(1);
    let port = dice.pick(&[443, 443, 443, 80, 25, 53]).copied();
    Remote { addr: IpAddr::from([198, 18, 0, host]), port }
}

fn host_number(addr: IpAddr) -> u8 {
    match addr {
        IpAddr::V4(addr) => addr.to_bits().to_le_bytes()[0],
        IpAddr::V6(_) => 0,
    }
}

/// All blocks of a gateway, the one to give first at the end.
fn free_blocks(gateway: &Gateway) -> Vec<(IpAddr, PortRange)> {
    let outsides = usize::try_from(places(gateway.outside, 32)).unwrap_or(0);
    let mut free = Vec::new();
    for outside in 0..outsides {
        let addr = Prefix::addr(nth(gateway.outside, 32, outside));
        let lows = (FIRST_PORT..=u16::MAX - (BLOCK - 1)).step_by(BLOCK.into());
        free.extend(lows.filter_map(|low| Some((addr, PortRange::new(low, low + (BLOCK - 1))?))));
    }
    free.reverse();
    free
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Ports of a block.
const BLOCK: u16 = 512;
/// Ports below it are not dealt out.
const FIRST_PORT: u16 = 1024;
