//! The suite that every store of incidents must pass: each answer is compared with that of [`MemoryIncidents`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tadoru_model::finding::{
    Collateral, Direction, Finding, FindingId, FindingState, Ingress, Peak, PortShare, Rate, Scope, Service,
    SourceShare, Sources, Spoofing, SpoofingVerdict, Sureness, Target, Threshold, ThresholdFrom, VectorRate,
};
use tadoru_model::{Prefix, UtcMicros, Vector};

use super::{Coarse, Incidents, MOST_MOMENTS, MemoryIncidents, Moment, Record};
use crate::flows::contract::Permits;

/// Every law of [`Incidents`].
pub fn incidents<S: Incidents>(permits: &Permits, make: impl Fn() -> S) {
    an_empty_store_has_nothing(permits, &make());
    answers_are_the_plain_definition(permits, &make());
    a_long_history_is_thinned_out(permits, &make());
    what_is_over_is_deleted_and_what_is_open_stays(permits, &make());
    what_was_learnt_is_replaced(permits, &make());
    a_coarse_target_shows_no_host(permits, &make());
}

/// Whether `store` answers as `plain` does.
pub fn agrees<S: Incidents>(permits: &Permits, store: &S, plain: &MemoryIncidents) {
    assert_eq!(store.briefs(), plain.briefs(), "briefs are those of the plain definition");
    let ids: Vec<FindingId> = plain.briefs().iter().map(|brief| brief.id).collect();
    for id in &ids {
        assert!(whole(permits, store, *id) == whole(permits, plain, *id), "incident {id} is told in full");
    }
    assert!(targets(permits, store, &ids) == targets(permits, plain, &ids), "coarse targets agree");
}

/// One incident, opened.
pub fn whole(permits: &Permits, store: &dyn Incidents, id: FindingId) -> Option<Record> {
    law(store.find(&permits.learn, id), "an incident is told").map(|sealed| permits.open(sealed))
}

/// A finding drawn by its number: every vector, scope, state and family comes up.
pub fn finding(number: u64, state: FindingState, at_s: i64) -> Finding {
    let at = UtcMicros::from_seconds(at_s);
    let octet = (number % 250) as u8;
    let host: IpAddr = if number.is_multiple_of(3) {
        Ipv6Addr::new(0x2001, 0xdb8, 0x17, 0x1234, 0, 0, 0, u16::from(octet)).into()
    } else {
        Ipv4Addr::new(198, 51, 100, octet).into()
    };
    let exporter = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    let scope = match number % 7 {
        0 => Scope::Customer("a customer".to_owned()),
        1 => Scope::Interface { exporter, index: 7 },
        2 => Scope::Prefix(Prefix::covering(host, 25).unwrap_or(Prefix::host(host))),
        3 => Scope::Network,
        _ => Scope::Host(host),
    };
    let mut vectors = Vector::PLAIN.into_iter().cycle().skip((number % 13) as usize);
    let plain = vectors.next().unwrap_or(Vector::Udp);
    let vector = if number % 5 == 4 { Vector::Amplification(Service::Dns) } else { plain };
    let rate = Rate { packets_per_s: 1000.0 * (number + 1) as f64, bits_per_s: 8e6, flows_per_s: 10.0 };
    Finding {
        id: FindingId(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1),
        state,
        at,
        vector,
        vectors: vec![VectorRate { vector, peak: rate }],
        scope: scope.clone(),
        direction: Direction::Incoming,
        start: at.plus(-5_000_000),
        last: at,
        peak: Peak { at, rate },
        now: rate,
        threshold: Threshold {
            rate: Rate { packets_per_s: 500.0, ..Rate::default() },
            from: ThresholdFrom::Configured,
            class: "cgn".to_owned(),
        },
        sampling: 1000,
        sources: Sources {
            count: 20_000,
            error_percent: 1.6,
            entropy: 0.97,
            largest: vec![SourceShare { addr: Ipv4Addr::new(203, 0, 113, octet).into(), share: 0.02 }],
            spoofing: Spoofing {
                verdict: SpoofingVerdict::Randomised,
                impossible_share: 0.1,
                because: vec!["the addresses are spread evenly".to_owned()],
            },
        },
        ingress: vec![Ingress { exporter, input: 3, neighbour_as: 64_500, share: 1.0 }],
        collateral: vec![Collateral {
            scope: Scope::Host(host),
            how: "a router gets the same kind of packets".to_owned(),
            rate,
        }],
        targets: vec![Target { scope, vector, from: at.plus(-5_000_000), last: at, peak: rate }],
        dst_ports: vec![PortShare { port: 53, share: 1.0 }],
        src_ports: Vec::new(),
        why: vec!["twice the threshold".to_owned()],
        sure: Sureness::Likely,
        sure_because: "no answer was seen".to_owned(),
        wrong_if: vec!["it was wanted".to_owned()],
    }
}

fn an_empty_store_has_nothing<S: Incidents>(permits: &Permits, store: &S) {
    assert!(store.briefs().is_empty(), "an empty store has no incident");
    assert!(whole(permits, store, FindingId(1)).is_none(), "an incident that is not there is not found");
    assert!(law(store.recall(&permits.store), "nothing is recalled").is_none(), "nothing was learnt");
    assert_eq!(law(store.delete_before(&permits.store, UtcMicros::MAX), "nothing is deleted"), 0);
}

fn answers_are_the_plain_definition<S: Incidents>(permits: &Permits, store: &S) {
    let plain = MemoryIncidents::default();
    let stores: [&dyn Incidents; 2] = [store, &plain];
    for round in 0..4 {
        for number in 0..40 {
            let state = match round {
                0 => FindingState::Opened,
                2 if number % 4 == 3 => FindingState::Ended,
                2 => FindingState::Moved,
                _ => FindingState::Grew,
            };
            // Incidents of three months.
            let at_s = NOW_S - 40 * 86_400 * (number as i64 % 3) + 60 * round;
            let told = finding(number, state, at_s);
            let moment = Moment { at: told.at.plus(1), ..Moment::of(&told) };
            for one in stores {
                law(one.keep(&permits.store, &told), "a finding is kept");
                let unknown = (FindingId(3), moment);
                law(one.measure(&permits.store, &[(told.id, moment), unknown]), "a rate is kept");
            }
        }
        agrees(permits, store, &plain);
    }
}

fn a_long_history_is_thinned_out<S: Incidents>(permits: &Permits, store: &S) {
    let plain = MemoryIncidents::default();
    let opened = finding(5, FindingState::Opened, NOW_S);
    let stores: [&dyn Incidents; 2] = [store, &plain];
    for one in stores {
        law(one.keep(&permits.store, &opened), "a finding is kept");
        for second in 1..MOST_MOMENTS as i64 * 3 {
            let moment = Moment {
                at: opened.at.plus(second * 1_000_000),
                state: if second % 100 == 0 { FindingState::Moved } else { FindingState::Grew },
                ..Moment::of(&opened)
            };
            law(one.measure(&permits.store, &[(opened.id, moment)]), "a rate is kept");
        }
    }
    agrees(permits, store, &plain);
    let history = whole(permits, store, opened.id).map(|record| record.history).unwrap_or_default();
    assert!(history.len() <= MOST_MOMENTS && history.len() > MOST_MOMENTS / 3, "{}", history.len());
    assert!(history.is_sorted_by_key(|moment| moment.at), "in the order of time");
    assert_eq!(history.first().map(|moment| moment.at), Some(opened.at), "the first moment stays");
    let moves = history.iter().filter(|moment| moment.state == FindingState::Moved).count();
    assert_eq!(moves, (MOST_MOMENTS * 3 - 1) / 100, "what happened stays");
}

fn what_is_over_is_deleted_and_what_is_open_stays<S: Incidents>(permits: &Permits, store: &S) {
    let plain = MemoryIncidents::default();
    let stores: [&dyn Incidents; 2] = [store, &plain];
    for one in stores {
        for number in 0..30 {
            let state = if number % 2 == 0 { FindingState::Ended } else { FindingState::Opened };
            let told = finding(number, state, NOW_S - 20 * 86_400 * number as i64);
            law(one.keep(&permits.store, &told), "a finding is kept");
        }
    }
    for days in [500, 300, 100, 41, 40, 0] {
        let before = UtcMicros::from_seconds(NOW_S - days * 86_400);
        let gone = |one: &dyn Incidents| law(one.delete_before(&permits.store, before), "what is over goes");
        assert_eq!(gone(store), gone(&plain), "as many are deleted");
        agrees(permits, store, &plain);
    }
    assert_eq!(store.briefs().len(), 16, "what is open stays, and what ended just now");
    let again = finding(2, FindingState::Opened, NOW_S);
    for one in stores {
        law(one.keep(&permits.store, &again), "a finding is kept");
    }
    agrees(permits, store, &plain);
}

fn what_was_learnt_is_replaced<S: Incidents>(permits: &Permits, store: &S) {
    for learnt in [vec![1; 100_000], Vec::new(), vec![2; 3]] {
        law(store.remember(&permits.store, &learnt), "what was learnt is kept");
        assert_eq!(law(store.recall(&permits.store), "it is recalled"), Some(learnt));
    }
}

fn a_coarse_target_shows_no_host<S: Incidents>(permits: &Permits, store: &S) {
    for number in 0..21 {
        law(store.keep(&permits.store, &finding(number, FindingState::Opened, NOW_S)), "a finding is kept");
    }
    let ids: Vec<FindingId> = store.briefs().iter().map(|brief| brief.id).chain([FindingId(9)]).collect();
    let told = targets(permits, store, &ids);
    assert_eq!(told.len(), ids.len());
    assert!(told.last().is_some_and(Option::is_none), "an incident that is not there has no target");
    for coarse in told.iter().flatten() {
        match coarse {
            Coarse::Prefix(prefix) => {
                assert!(prefix.len() <= if prefix.addr().is_ipv4() { 24 } else { 56 });
            }
            Coarse::Class(class) => assert_eq!(class, "cgn", "a customer is told by its class"),
            Coarse::Interface(_) | Coarse::Network => {}
        }
    }
}

fn targets(permits: &Permits, store: &dyn Incidents, ids: &[FindingId]) -> Vec<Option<Coarse>> {
    let sealed = law(store.targets(&permits.aggregate, ids), "coarse targets are told");
    law(sealed.into_open(&permits.aggregate, permits.now), "the permit for aggregates opens them")
}

fn law<T, E: std::fmt::Display>(result: Result<T, E>, law: &str) -> T {
    #[expect(clippy::panic, reason = "a broken law fails the suite")]
    match result {
        Ok(value) => value,
        Err(error) => panic!("{law}: {error}"),
    }
}

/// 2026-11-21T01:15:03Z.
const NOW_S: i64 = 1_795_223_703;
