//! An access network with DHCP: v4 leases behind a gateway, delegated v6 prefixes, option 82 and interface ids.
//!
//! What goes out: the journal lines of a Kea server (memfile CSV, `store-extended-info` on), true leases, and when each
//! line was really on. The server's disk loses nothing; that a client vanished is known only by the end of its lease.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write;

use tadoru_model::{Prefix, Span, UtcMicros};

use super::arrival::Delivered;
use crate::dice::Dice;
use crate::plan::{Dhcp, nth};

/// One true lease, v4 address and v6 prefix together.
pub(super) struct Lease {
    pub line: usize,
    pub ipv4: Prefix,
    pub delegated: Prefix,
    pub held: Span,
    /// What the journal proves: of a lease given back, only until its last renewal.
    pub proven: Span,
    /// When the line was on.
    pub on: Vec<Span>,
}

/// Everything that happened in the network.
pub(super) struct Network {
    pub leases: Vec<Lease>,
    pub journal4: Vec<Delivered>,
    pub journal6: Vec<Delivered>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    On(usize),
    Renew(usize, u32),
    Off(usize),
    Expire(usize, u32),
}

/// What a line is doing.
#[derive(Clone, Default)]
struct State {
    /// Its lease in `leases`, its slot, and its last renewal in whole seconds.
    lease: Option<(usize, usize, i64)>,
    on_since: Option<UtcMicros>,
    /// Counts renewals, so that an outdated timer does nothing.
    renewal: u32,
}

struct Server<'a> {
    dhcp: &'a Dhcp,
    dice: Dice,
    events: BinaryHeap<Reverse<(UtcMicros, u64, Event)>>,
    count: u64,
    states: Vec<State>,
    free: Vec<usize>,
    out: Network,
}

/// Lets `lines` lines live from `begins` to `ends`.
pub(super) fn live(dhcp: &Dhcp, lines: usize, begins: UtcMicros, ends: UtcMicros, dice: Dice) -> Network {
    let mut server = Server {
        dhcp,
        dice,
        events: BinaryHeap::new(),
        count: 0,
        states: vec![State::default(); lines],
        free: (1..=lines + lines / 8 + 1).rev().collect(),
        out: Network { leases: Vec::new(), journal4: Vec::new(), journal6: Vec::new() },
    };
    for line in 0..lines {
        let at = begins.plus(server.dice.between(0, 20 * MINUTE));
        server.plan(at, Event::On(line));
    }
    while let Some(Reverse((at, _, event))) = server.events.pop() {
        if at >= ends {
            break;
        }
        server.happen(at, event);
    }
    for line in 0..lines {
        server.off(line, ends);
    }
    for lease in &mut server.out.leases {
        lease.held.until = lease.held.until.min(ends);
        lease.proven.until = lease.proven.until.min(ends);
    }
    server.out
}

/// The relay's name of a line: the circuit id that the directory knows.
pub(super) fn circuit(line: usize) -> String {
    format!("access-{}/0/{}:100", line / 24 + 1, line % 24 + 1)
}

/// The hardware address of a line's equipment, with colons.
pub(super) fn mac(line: usize) -> String {
    format!("02:00:5e:20:{:02x}:{:02x}", line >> 8, line & 0xff)
}

/// The DHCPv6 identifier of a line's equipment (RFC 8415 section 11.4).
pub(super) fn duid(line: usize) -> String {
    format!("00:03:00:01:{}", mac(line))
}

/// Header of the v4 journal.
pub(super) const HEADER4: &str =
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context";
/// Header of the v6 journal.
pub(super) const HEADER6: &str = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,\
                                  fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source";

impl Server<'_> {
    fn plan(&mut self, at: UtcMicros, event: Event) {
        self.count += 1;
        self.events.push(Reverse((at, self.count, event)));
    }

    fn happen(&mut self, at: UtcMicros, event: Event) {
        match event {
            Event::On(line) => {
                self.request(line, at);
                if let Some(state) = self.states.get_mut(line).filter(|s| s.lease.is_some()) {
                    state.on_since = Some(at);
                    let stays = self.dice.long_tailed(10 * MINUTE, 480 * MINUTE);
                    self.plan(at.plus(stays), Event::Off(line));
                } else {
                    self.plan(at.plus(5 * MINUTE), Event::On(line));
                }
            }
            Event::Renew(line, renewal) => {
                if self.states.get(line).is_some_and(|s| s.renewal == renewal && s.on_since.is_some()) {
                    self.request(line, at);
                }
            }
            Event::Off(line) => {
                self.off(line, at);
                if self.dice.chance(0.4) {
                    self.release(line, at);
                }
                let away = self.dice.long_tailed(MINUTE, 180 * MINUTE);
                self.plan(at.plus(away), Event::On(line));
            }
            Event::Expire(line, renewal) => {
                if self.states.get(line).is_some_and(|s| s.renewal == renewal) {
                    self.expire(line, at);
                }
            }
        }
    }

    /// The client asks: a new lease, or the old one for longer.
    fn request(&mut self, line: usize, at: UtcMicros) {
        let seconds = at.0.div_euclid(SECOND);
        let expires = UtcMicros::from_seconds(seconds + i64::from(self.dhcp.lease_s));
        let Some(state) = self.states.get(line) else { return };
        let (lease, slot) = match state.lease {
            Some((lease, slot, _)) => (lease, slot),
            None => {
                let from_end = usize::from(!self.dice.chance(0.7));
                let Some(place) =
                    self.free.len().checked_sub(1 + from_end.min(self.free.len().saturating_sub(1)))
                else {
                    return;
                };
                let slot = self.free.remove(place);
                let span = Span::new(at, expires);
                self.out.leases.push(Lease {
                    line,
                    ipv4: nth(self.dhcp.pool, 32, slot),
                    delegated: nth(self.dhcp.delegated, 56, slot),
                    held: span,
                    proven: span,
                    on: Vec::new(),
                });
                (self.out.leases.len() - 1, slot)
            }
        };
        if let Some(lease) = self.out.leases.get_mut(lease) {
            lease.held.until = expires;
            lease.proven.until = expires;
        }
        let Some(state) = self.states.get_mut(line) else { return };
        state.lease = Some((lease, slot, seconds));
        state.renewal += 1;
        let renewal = state.renewal;
        self.write(line, slot, at, i64::from(self.dhcp.lease_s), seconds, ACTIVE);
        self.plan(at.plus(i64::from(self.dhcp.lease_s) * SECOND / 2), Event::Renew(line, renewal));
        // The server looks for leases that ran out every ten seconds.
        let noticed = expires.plus(self.dice.between(0, 10 * SECOND));
        self.plan(noticed, Event::Expire(line, renewal));
    }

    fn off(&mut self, line: usize, at: UtcMicros) {
        let Some(state) = self.states.get_mut(line) else { return };
        if let (Some(since), Some((lease, ..))) = (state.on_since.take(), state.lease)
            && let Some(lease) = self.out.leases.get_mut(lease)
        {
            lease.on.push(Span::new(since, at));
        }
    }

    fn release(&mut self, line: usize, at: UtcMicros) {
        let Some((lease, slot, renewed)) = self.states.get_mut(line).and_then(|s| s.lease.take()) else {
            return;
        };
        if let Some(lease) = self.out.leases.get_mut(lease) {
            lease.held.until = at;
            lease.proven.until = UtcMicros::from_seconds(renewed);
        }
        self.write(line, slot, at, 0, renewed, ACTIVE);
        self.free.push(slot);
    }

    fn expire(&mut self, line: usize, at: UtcMicros) {
        let Some((_, slot, renewed)) = self.states.get_mut(line).and_then(|s| s.lease.take()) else { return };
        self.write(line, slot, at, i64::from(self.dhcp.lease_s), renewed, EXPIRED);
        self.free.push(slot);
    }

    /// Writes one line into each journal. `since_s` is the last renewal.
    fn write(&mut self, line: usize, slot: usize, at: UtcMicros, lifetime_s: i64, since_s: i64, state: u8) {
        let (mac, circuit, expires) = (mac(line), circuit(line), since_s + lifetime_s);
        let ipv4 = nth(self.dhcp.pool, 32, slot).addr();
        let option82 = format!("0x01{:02X}{}", circuit.len(), hex(circuit.as_bytes()));
        let row = format!(
            "{ipv4},{mac},01:{mac},{lifetime_s},{expires},1,0,0,,{state},\
             {{ \"ISC\": {{ \"relay-agent-info\": \"{option82}\" }} }}\n"
        );
        self.out.journal4.push(Delivered { at, bytes: row.into_bytes() });
        let delegated = nth(self.dhcp.delegated, 56, slot).addr();
        let interface = format!("0x0012{:04X}{}", circuit.len(), hex(circuit.as_bytes()));
        let row = format!(
            "{delegated},{},{lifetime_s},{expires},2,{lifetime_s},2,{},56,0,0,,{mac},{state},\
             {{ \"ISC\": {{ \"relays\": [ {{ \"hop\": 0&#x2c \"link\": \"::\"&#x2c \"options\": \"{interface}\" }} ] }} }},1,2\n",
            duid(line),
            line + 1,
        );
        self.out.journal6.push(Delivered { at, bytes: row.into_bytes() });
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02X}");
        text
    })
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const ACTIVE: u8 = 0;
const EXPIRED: u8 = 2;
