#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::fs;
use std::net::IpAddr;

use tadoru_model::flow::to_bits;
use tadoru_model::{FindingState, Flow, Scope};
use tadoru_store::incidents::ScopeKind;
use tadoru_store_embedded::shelves::Shelves;

use super::*;
use crate::house::House;

/// 2026-11-21T03:00:00Z.
const NOW_S: i64 = 1_795_230_000;

/// A second of a SYN flood of 40,000 packets a second, sampled one in a hundred.
fn flood(second: i64) -> Flows {
    syns(second, 400)
}

fn syns(second: i64, rows: u64) -> Flows {
    let addr = |text: &str| to_bits(text.parse::<IpAddr>().unwrap());
    let mut batch = Flows::default();
    for n in 0..rows {
        let at = (NOW_S + second) * 1_000_000 + n as i64 * 1_000;
        let scattered = (second as u64 * 1_000 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        batch.push(Flow {
            first_us: at,
            last_us: at,
            received_us: at + 500,
            exporter: addr("192.0.2.1"),
            ip: 4,
            src: addr("20.0.0.0") + u128::from(scattered >> 38),
            dst: addr("198.51.100.9"),
            src_port: 1024 + (scattered >> 20) as u16 % 60_000,
            dst_port: 443,
            proto: 6,
            tcp_flags: 2,
            packets: 1,
            bytes: 40,
            flows: 1,
            sampling: 100,
            direction: 255,
            ..Flow::default()
        });
    }
    batch
}

fn set(house: &House, second: i64) {
    house.clock.set(UtcMicros::from_seconds(NOW_S + second));
}

/// The flood of these seconds, each taken at its end.
fn attack(house: &House, watch: &mut FlowWatch<Shelves>, seconds: std::ops::Range<i64>) {
    for second in seconds {
        set(house, second + 1);
        watch.take(&mut flood(second)).unwrap();
        watch.tick().unwrap();
    }
}

fn wait(house: &House, watch: &mut FlowWatch<Shelves>, seconds: std::ops::Range<i64>) {
    for second in seconds {
        set(house, second + 1);
        watch.tick().unwrap();
    }
}

fn briefs(house: &House) -> Vec<Brief> {
    house.desk.stores().incidents().briefs()
}

fn states(heard: &mut broadcast::Receiver<Brief>) -> Vec<(tadoru_model::FindingId, FindingState)> {
    std::iter::from_fn(|| heard.try_recv().ok()).map(|brief| (brief.id, brief.state)).collect()
}

#[test]
fn a_flood_is_filed_told_and_ended() {
    let house = House::new(UtcMicros::from_seconds(NOW_S));
    let mut heard = house.desk.hear_incidents();
    let mut watch = house.desk.watch().unwrap();
    attack(&house, &mut watch, 0..25);
    let [brief] = briefs(&house)[..] else { panic!("one attack") };
    assert!(brief.is_open());
    assert_eq!((brief.vector, brief.scope), (tadoru_model::Vector::Syn, ScopeKind::Host));
    let told = states(&mut heard);
    assert_eq!(told[0], (brief.id, FindingState::Opened));
    assert!(told.iter().all(|(id, _)| *id == brief.id));
    let target = "198.51.100.9".parse().unwrap();
    assert_eq!(house.desk.newest(brief.id).unwrap().unwrap().scope, Scope::Host(target));

    wait(&house, &mut watch, 25..120);
    let [ended] = briefs(&house)[..] else { panic!("one attack") };
    assert_eq!((ended.id, ended.state), (brief.id, FindingState::Ended));
    assert!(
        (NOW_S + 23..=NOW_S + 26).contains(&(ended.last.0 / 1_000_000)),
        "its last second is the flood's"
    );
    assert_eq!(states(&mut heard).last(), Some(&(brief.id, FindingState::Ended)));
    let look = house.desk.own_look().unwrap();
    let record = house.desk.stores().incidents().find(&look, brief.id).unwrap().unwrap();
    let mut record = crate::flows::open(record, &look, house.desk.now()).unwrap();
    record.history.sort_by_key(|moment| moment.at);
    let measured = record.history.iter().filter(|moment| moment.at.0 % 1_000_000 == 0).count();
    assert!(measured >= 3, "its strength was noted every ten seconds: {} moments", record.history.len());
}

#[test]
fn a_mark_is_committed_only_when_everything_before_it_is_on_file() {
    let house = House::new(UtcMicros::from_seconds(NOW_S));
    let mut heard = house.desk.hear_incidents();
    let mut watch = house.desk.watch().unwrap();
    let (there, aside) = (house.folder.path().join("incidents"), house.folder.path().join("aside"));
    fs::rename(&there, &aside).unwrap();
    for second in 0..6 {
        set(&house, second + 1);
        watch.take(&mut flood(second)).unwrap();
    }
    let mark = house.desk.stores().flows().mark();
    assert!(watch.commit(SpoolMark(6)).is_err(), "the incident cannot be filed");
    assert_eq!(house.desk.stores().flows().mark(), mark);
    assert!(
        briefs(&house).is_empty() && states(&mut heard).is_empty(),
        "nobody is told of what is not on file"
    );
    fs::rename(&aside, &there).unwrap();
    watch.commit(SpoolMark(6)).unwrap();
    assert_eq!(briefs(&house).len(), 1);
    assert_eq!(states(&mut heard)[0].1, FindingState::Opened);
    watch.end().unwrap();
    assert_eq!(house.desk.stores().flows().mark(), SpoolMark(6));
}

#[test]
fn a_restart_goes_on_with_the_attack_under_its_old_id() {
    let house = House::new(UtcMicros::from_seconds(NOW_S));
    let mut watch = house.desk.watch().unwrap();
    attack(&house, &mut watch, 0..8);
    let [before] = briefs(&house)[..] else { panic!("one attack") };
    // Nothing is said at the end, as when the process is killed.
    drop(watch);
    let house = house.restarted();
    let mut heard = house.desk.hear_incidents();
    set(&house, 20);
    let mut watch = house.desk.watch().unwrap();
    attack(&house, &mut watch, 20..28);
    let [during] = briefs(&house)[..] else { panic!("one attack") };
    assert_eq!((during.id, during.start, during.state), (before.id, before.start, FindingState::Grew));
    assert!(states(&mut heard).iter().all(|(id, state)| *id == before.id && *state != FindingState::Opened));
    wait(&house, &mut watch, 28..120);
    let [after] = briefs(&house)[..] else { panic!("one attack") };
    assert_eq!((after.id, after.start, after.state), (before.id, before.start, FindingState::Ended));
    assert!(!house.desk.newest(after.id).unwrap().unwrap().wrong_if.contains(&resume::not_seen()));
    drop(watch);
}

#[test]
fn an_attack_that_was_over_before_the_restart_is_ended_and_says_what_is_not_known() {
    let house = House::new(UtcMicros::from_seconds(NOW_S));
    let mut watch = house.desk.watch().unwrap();
    attack(&house, &mut watch, 0..8);
    drop(watch);
    let house = house.restarted();
    set(&house, 1_200);
    let mut watch = house.desk.watch().unwrap();
    wait(&house, &mut watch, 1_200..1_230);
    assert!(briefs(&house)[0].is_open(), "half a minute of quiet is no end");
    wait(&house, &mut watch, 1_230..1_270);
    let [brief] = briefs(&house)[..] else { panic!("one attack") };
    assert_eq!(brief.state, FindingState::Ended);
    assert!(brief.last.0 / 1_000_000 <= NOW_S + 9, "its last second is the last that was seen");
    let finding = house.desk.newest(brief.id).unwrap().unwrap();
    assert!(finding.wrong_if.contains(&resume::not_seen()));
    drop(watch);
}

#[test]
fn a_backlog_is_looked_at_as_of_when_it_came_in() {
    let house = House::new(UtcMicros::from_seconds(NOW_S));
    set(&house, 3_600);
    let mut watch = house.desk.watch().unwrap();
    for second in 0..10 {
        watch.take(&mut flood(second)).unwrap();
        watch.tick().unwrap();
    }
    assert_eq!(watch.counters().late, 0);
    let [brief] = briefs(&house)[..] else { panic!("one attack") };
    assert!((brief.start.0 / 1_000_000 - NOW_S).abs() <= 2);
    wait(&house, &mut watch, 3_601..3_604);
    let [brief] = briefs(&house)[..] else { panic!("one attack") };
    assert_eq!(brief.state, FindingState::Ended, "the hour since was quiet");
    assert!(brief.last.0 / 1_000_000 - NOW_S <= 11);
}

/// Exports of yesterday, replayed at their own pace or as fast as they can be sent: the incident has the time of its
/// flows, and they are what it is made of.
#[test]
fn what_is_replayed_is_found_in_its_own_time_and_its_flows_with_it() {
    for seconds_at_once in [1, 10] {
        let house = House::new(UtcMicros::from_seconds(NOW_S + 86_400));
        let mut watch = house.desk.watch().unwrap();
        let (mut all, mut came) = (0, 0);
        for begin in (0..60).step_by(seconds_at_once as usize) {
            came += 1;
            set(&house, 86_400 + came);
            let mut batch = Flows::default();
            for second in begin..begin + seconds_at_once {
                // Twenty seconds of flood, and forty in which another is visited.
                let mut flows = if second < 20 { flood(second) } else { syns(second, 1) };
                if second < 20 {
                    all += flows.rows();
                } else {
                    flows.dst[0] ^= 3;
                }
                flows.received_us.fill((NOW_S + 86_400 + came) * 1_000_000);
                batch.append(&mut flows);
            }
            watch.take(&mut batch).unwrap();
            watch.tick().unwrap();
        }
        wait(&house, &mut watch, 86_400 + came..86_400 + came + 130);
        let [brief] = briefs(&house)[..] else { panic!("one attack: {:?}", briefs(&house)) };
        assert_eq!(brief.state, FindingState::Ended);
        let (start, last) = (brief.start.0 / 1_000_000 - NOW_S, brief.last.0 / 1_000_000 - NOW_S);
        assert!((0..=1).contains(&start) && (18..=20).contains(&last), "from {start} s to {last} s");
        assert!((brief.peak.packets_per_s / 40_000.0 - 1.0).abs() < 0.1, "{:?}", brief.peak);

        let attack = house.desk.attack(brief.id).unwrap().unwrap();
        let stored: Vec<Flows> = (0..20).map(flood).collect();
        let mut own = Vec::new();
        let found: usize = stored
            .iter()
            .map(|flows| {
                own.clear();
                attack.filter.select(flows, 0..flows.rows(), &mut own);
                own.len()
            })
            .sum();
        assert_eq!(found, all, "every flow of it is its own");
        assert!(
            attack.span.from.0 / 1_000_000 >= NOW_S - 120 && attack.span.until.0 / 1_000_000 <= NOW_S + 120
        );
    }
}

/// While it goes on, what came meanwhile is not taken for it.
#[test]
fn what_is_replayed_claims_nothing_of_the_present() {
    let house = House::new(UtcMicros::from_seconds(NOW_S + 86_400));
    let mut watch = house.desk.watch().unwrap();
    for second in 0..15 {
        set(&house, 86_400 + second + 1);
        watch.take(&mut flood(second)).unwrap();
        watch.tick().unwrap();
    }
    let [brief] = briefs(&house)[..] else { panic!("one attack") };
    assert!(brief.is_open());
    let attack = house.desk.attack(brief.id).unwrap().unwrap();
    assert!(attack.span.until.0 / 1_000_000 <= NOW_S + 120);
}

/// A flood that stops is measured on its way down, and its end shows what there is then.
#[test]
fn the_strength_of_a_flood_falls_when_it_stops() {
    let house = House::new(UtcMicros::from_seconds(NOW_S));
    let mut watch = house.desk.watch().unwrap();
    attack(&house, &mut watch, 0..35);
    for second in 35..130 {
        set(&house, second + 1);
        watch.take(&mut syns(second, 10)).unwrap();
        watch.tick().unwrap();
    }
    let [brief] = briefs(&house)[..] else { panic!("one attack") };
    assert_eq!(brief.state, FindingState::Ended);
    let finding = house.desk.newest(brief.id).unwrap().unwrap();
    assert!(finding.now.packets_per_s < 2_000.0, "at its end: {:?}", finding.now);
    let look = house.desk.own_look().unwrap();
    let record = house.desk.stores().incidents().find(&look, brief.id).unwrap().unwrap();
    let mut history = crate::flows::open(record, &look, house.desk.now()).unwrap().history;
    history.sort_by_key(|moment| moment.at);
    for moment in &history {
        let (second, rate) = (moment.at.0 / 1_000_000 - NOW_S, moment.rate.packets_per_s);
        match second {
            1..35 => assert!(rate > 20_000.0, "{rate} at {second} s"),
            37.. => assert!(rate < 2_000.0, "{rate} at {second} s"),
            _ => {}
        }
    }
    assert!(
        history.iter().any(|moment| (37..60).contains(&(moment.at.0 / 1_000_000 - NOW_S))),
        "its fall is noted"
    );
}

#[test]
fn what_was_learnt_is_kept_over_a_restart_and_another_versions_is_set_aside() {
    let house = House::new(UtcMicros::from_seconds(NOW_S));
    let mut watch = house.desk.watch().unwrap();
    // A busy server: three quarters of the threshold for a second each minute, for three hours.
    for second in (0..3 * 3_600).step_by(60) {
        set(&house, second + 1);
        watch.take(&mut syns(second, 38)).unwrap();
        watch.tick().unwrap();
    }
    assert!(briefs(&house).is_empty(), "it is no attack");
    watch.end().unwrap();
    let learnt = watch.detector.save();
    assert!(learnt.len() > 9, "something was learnt");
    drop(watch);

    let house = house.restarted();
    let watch = house.desk.watch().unwrap();
    assert!(watch.detector.save() == learnt, "it is known again");
    let permit = house.desk.standing(Work::Flows).unwrap();
    let mut other = learnt.clone();
    other[0] ^= 0xff;
    for foreign in [other, learnt[..learnt.len() - 1].to_vec(), Vec::new(), vec![1]] {
        house.desk.stores().incidents().remember(&permit, &foreign).unwrap();
        assert_eq!(house.desk.watch().unwrap().detector.save().len(), 9, "nothing is known");
    }
}
