//! What no log records: fixed lines, a venue's seats, MAP-E customers, and the tables that operators keep of them.

use std::net::IpAddr;

use tadoru_model::{Prefix, Protocol, Span, UtcMicros};

use crate::dice::Dice;
use crate::plan::{Deterministic, Fixed, MapE, Venue, nth, places};
use crate::truth::{Ports, Tenure, Way};

/// A table's rows, behind its header.
#[derive(Default)]
pub(super) struct Rows {
    pub text: String,
    pub tenures: Vec<Tenure>,
}

/// Columns of a table of fixed addresses.
pub(super) const STATIC_HEADER: &str = "address_or_prefix,realm,subscriber,from,until\n";
/// Columns of a venue's table.
pub(super) const VENUE_HEADER: &str =
    "venue,seat,customer,entered,left,address,identity_checked,identity_document\n";

/// Fixed lines: an address and a /48 each; the first address changes hands in the middle, with an hour between.
pub(super) fn lines(fixed: &Fixed, subscribers: &[String], all: Span) -> Rows {
    let mut rows = Rows::default();
    let half = all.until.since(all.from) / 2;
    let (leaves, comes) = (all.from.plus(half - HOUR / 2), all.from.plus(half + HOUR / 2));
    let last = subscribers.len().saturating_sub(1);
    for (place, subscriber) in subscribers.iter().enumerate() {
        let hands_over = last > 0;
        let (slot, from, until) = match place {
            0 if hands_over => (0, None, Some(leaves)),
            n if n == last && hands_over => (0, Some(comes), None),
            n => (n, None, None),
        };
        rows.fixed(nth(fixed.ipv4, 32, slot), subscriber, from, until, all);
        rows.fixed(nth(fixed.ipv6, 48, place), subscriber, None, None, all);
    }
    rows
}

/// A MAP-E customer's share of an address goes with the prefix that the contract names (RFC 7597 section 5.2).
pub(super) fn map_e(map: &MapE, subscribers: &[String], all: Span, dice: &mut Dice) -> Rows {
    let mut rows = Rows::default();
    let mut free: Vec<usize> = (0..1_usize << map.ea_len.min(16)).collect();
    let psid_len = map.ea_len.saturating_sub(32 - map.ipv4.len());
    for subscriber in subscribers {
        if free.is_empty() {
            break;
        }
        let embedded = free.swap_remove(dice.below(free.len()));
        let customer = nth(map.ipv6, map.ipv6.len() + map.ea_len, embedded);
        rows.fixed(customer, subscriber, None, None, all);
        let psid = u16::try_from(embedded & ((1 << psid_len) - 1)).unwrap_or(0);
        rows.tenures.push(Tenure {
            subscriber: subscriber.clone(),
            realm: String::new(),
            prefix: nth(map.ipv4, 32, embedded >> psid_len),
            ports: Ports::Set { offset: map.psid_offset, len: psid_len, psid },
            proto: Protocol::ANY,
            remote: None,
            held: all,
            proven: all,
            way: Way::MapE,
            source: String::new(),
        });
    }
    rows
}

/// The table of a MAP-E domain.
pub(super) fn map_rule(map: &MapE) -> String {
    format!(
        "rule_ipv6_prefix,rule_ipv4_prefix,ea_length,psid_offset,psid_length,br_address\n{},{},{},{},,{}\n",
        map.ipv6, map.ipv4, map.ea_len, map.psid_offset, map.relay
    )
}

/// The table of a deterministic gateway.
pub(super) fn cgn_rule(rule: &Deterministic) -> String {
    format!(
        "inside_prefix,inside_realm,outside_prefix_or_range,ports_per_subscriber,first_port,last_port,algorithm,gateway\n\
         {},{},{},{},1024,65535,sequential,{}\n",
        rule.inside, rule.inside_realm, rule.outside, rule.ports_each, rule.name
    )
}

/// The outside address and ports of an inside address (RFC 7422 section 2, filled one after the other).
pub(super) fn dealt(rule: &Deterministic, inside: IpAddr) -> Option<(Prefix, Ports)> {
    let (IpAddr::V4(inside), IpAddr::V4(first)) = (inside, rule.inside.addr()) else { return None };
    let nth_inside = inside.to_bits().checked_sub(first.to_bits())?;
    let each = u32::from(rule.ports_each.max(1));
    let blocks = 64_512 / each;
    let low = 1024 + nth_inside % blocks * each;
    let range = tadoru_model::PortRange::new(u16::try_from(low).ok()?, u16::try_from(low + each - 1).ok()?)?;
    Some((nth(rule.outside, 32, usize::try_from(nth_inside / blocks).ok()?), Ports::Range(range)))
}

/// A venue's day: customers at seats, one after the other; that somebody left is forgotten now and then.
pub(super) fn stays(venue: &Venue, all: Span, forgotten: f64, mut dice: Dice) -> Rows {
    let mut rows = Rows::default();
    let seats = usize::try_from(places(venue.seats, 32)).unwrap_or(0);
    let mut written: Vec<(UtcMicros, String)> = Vec::new();
    for seat in 0..seats {
        let addr = nth(venue.seats, 32, seat);
        // Each seat has customers of its own, so that nobody sits at two.
        let own: Vec<usize> = (0..venue.customers).filter(|c| c % seats.max(1) == seat).collect();
        let mut at = all.from.plus(dice.between(0, 90) * MINUTE);
        while let Some(customer) = dice.pick(&own) {
            let left = at.plus(dice.long_tailed(10 * 60, 240 * 60) * SECOND);
            if left >= all.until {
                break;
            }
            let customer = format!("{}-customer-{customer:04}", venue.name);
            let told = !dice.chance(forgotten);
            let cell = if told { left.to_string() } else { String::new() };
            let checked = if dice.chance(0.9) { "yes,licence" } else { "no," };
            let row =
                format!("{},seat-{seat},{customer},{at},{cell},{},{checked}\n", venue.name, addr.addr());
            written.push((at, row));
            rows.tenures.push(Tenure {
                subscriber: customer,
                realm: String::new(),
                prefix: addr,
                ports: Ports::All,
                proto: Protocol::ANY,
                remote: None,
                held: Span::new(at, left),
                proven: Span::new(at, if told { left } else { at }),
                way: Way::Seat,
                source: venue.name.clone(),
            });
            at = left.plus(dice.between(20, 20 * 60) * SECOND);
        }
    }
    written.sort();
    rows.text = written.into_iter().map(|(_, row)| row).collect();
    rows
}

impl Rows {
    fn fixed(
        &mut self,
        prefix: Prefix,
        subscriber: &str,
        from: Option<UtcMicros>,
        until: Option<UtcMicros>,
        all: Span,
    ) {
        let cell = |at: Option<UtcMicros>| at.map(|at| at.to_string()).unwrap_or_default();
        self.text.push_str(&format!("{prefix},,{subscriber},{},{}\n", cell(from), cell(until)));
        let held = Span::new(from.unwrap_or(all.from), until.unwrap_or(all.until));
        self.tenures.push(Tenure {
            subscriber: subscriber.to_owned(),
            realm: String::new(),
            prefix,
            ports: Ports::All,
            proto: Protocol::ANY,
            remote: None,
            held,
            proven: held,
            way: Way::Static,
            source: String::new(),
        });
    }
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
