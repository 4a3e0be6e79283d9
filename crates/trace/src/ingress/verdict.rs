//! How sure the shares are, and what keeps them from being better.

use tadoru_model::{InterfaceRole, Sureness};

use super::credit::{At, Credits};
use super::{How, Known, Places, router};

/// Sentences, sureness, and what the sureness rests on.
pub(super) fn verdict(
    ways: &[Known<'_>],
    credits: &Credits,
    places: &Places,
    incomplete: bool,
) -> (Vec<String>, Sureness, String) {
    if credits.total.packets <= 0.0 {
        let why = "no record of the attack is found: its retention is over, no exporter told of it, or its flows are \
                   longer than `active_timeout_s` says";
        return (vec![why.to_owned()], Sureness::Low, "there is nothing to follow".to_owned());
    }
    let share = |how: How| -> f64 {
        let of = credits.given.iter().filter(|(at, _)| how_of(**at) == how);
        of.map(|(_, amount)| amount.volume.parts_of(credits.total).packets).sum()
    };
    let (behind, first_seen) = (share(How::Behind), share(How::FirstSeen));
    let unaccounted = credits.unaccounted().packets;
    let mut why = Vec::new();
    let matched = "every packet was counted: each communication counts once, whichever routers told of it";
    let scaled = "packets were sampled: shares are estimates, scaled by each exporter's rate";
    why.push(if credits.matched { matched } else { scaled }.to_owned());
    if places.is_empty() {
        why.push(NO_ROLES.to_owned());
    }
    let unknown = ways.iter().filter(|way| way.role().is_none());
    let (mut count, mut packets, mut untold) = (0_u32, 0.0, 0_u32);
    for way in unknown {
        count += 1;
        untold += u32::from(way.input == 0);
        packets += way.side.amount.volume.packets;
    }
    if count > 0 && !places.is_empty() {
        why.push(format!(
            "no role was told for {count} of the interfaces that it came by ({}): name them in the table of interfaces",
            percent(packets / credits.total.packets)
        ));
    }
    if untold > 0 {
        why.push(format!("{untold} exporters do not tell by which interface packets come in"));
    }
    let is_end =
        |way: &&Known<'_>| way.role() == Some(InterfaceRole::Core) && way.place.and_then(router).is_none();
    let ends = ways.iter().filter(is_end).count();
    if ends > 0 && unaccounted + first_seen > 0.0 {
        why.push(format!(
            "{ends} core interfaces do not tell which router is behind them (column `leads_to`): the way ends there"
        ));
    }
    if behind > 0.0 {
        why.push(format!(
            "{} left routers that told of none or too little of it: let them export",
            percent(behind)
        ));
    }
    if unaccounted > 0.0 {
        why.push(format!(
            "{} was seen inside and not seen coming in: an exporter at the edge is missing, loses records, or tells a wrong sampling rate",
            percent(unaccounted)
        ));
    }
    if credits.thinned {
        why.push(
            "less left towards the target than came in: it was dropped on the way, or an exporter there is missing"
                .to_owned(),
        );
    }
    if ways.iter().any(|way| way.side.untold_sampling) {
        why.push("an exporter told no sampling rate: its counts are taken as they are".to_owned());
    }
    if incomplete {
        why.push("there were more records than are followed at once: the shares are of a part".to_owned());
    }
    let (sure, because) = sureness(credits, first_seen, behind, unaccounted, incomplete);
    (why, sure, because.to_owned())
}

fn sureness(
    credits: &Credits,
    first_seen: f64,
    behind: f64,
    unaccounted: f64,
    incomplete: bool,
) -> (Sureness, &'static str) {
    let sum = credits.sum();
    let blur = 1.96 * sum.variance.packets.sqrt() / sum.volume.packets.max(1.0);
    if first_seen > 0.5 {
        (Sureness::Low, "nothing tells whether it was seen elsewhere before")
    } else if incomplete || unaccounted > 0.25 {
        (Sureness::Low, "too much of it is unaccounted for")
    } else if blur > 0.2 {
        (Sureness::Low, "too few packets were sampled")
    } else if first_seen + behind + unaccounted > 0.05 {
        (Sureness::Likely, "most of it was seen coming in, not all")
    } else if blur > 0.05 {
        (Sureness::Likely, "it was seen coming in, by not so many sampled packets")
    } else {
        (Sureness::Sure, "what was seen inside was seen coming in")
    }
}

const fn how_of(at: At) -> How {
    match at {
        At::Entered(..) => How::Entered,
        At::Behind(_) => How::Behind,
        At::FirstSeen(..) => How::FirstSeen,
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share.clamp(0.0, 1.0) * 100.0)
}

const NO_ROLES: &str = "no role of any interface was told, so nothing says where the network ends: name the interfaces in a table (`[network] interfaces`)";
