#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use tadoru_wire::dictionary::Dictionary;
use tadoru_wire::leases::{LeaseFormat, LeaseState, Leases};
use tadoru_wire::radius::{self, Status, detail};
use tadoru_wire::tables::cgn_rules::CgnRules;
use tadoru_wire::tables::complaints::Complaints;
use tadoru_wire::tables::softwires::MapRule;
use tadoru_wire::tables::statics::StaticAssignment;
use tadoru_wire::tables::subscribers::SubscriberRow;
use tadoru_wire::tables::venue::VenueStay;
use tadoru_wire::tables::{Table, TableRecord, time};
use tadoru_wire::{flow, natlog, pcap};

use super::*;

fn built(seed: u64) -> Town {
    Town::build(Plan::builtin().unwrap(), seed).unwrap()
}

/// The town of seed 1, built once.
pub(crate) fn town() -> &'static Town {
    static TOWN: LazyLock<Town> = LazyLock::new(|| built(1));
    &TOWN
}

fn file(town: &Town, name: &str) -> Vec<u8> {
    let place = town.sources.iter().position(|s| s.file() == name);
    match place {
        Some(place) => town.records(place, &town.sources[place]),
        None => town.files().into_iter().find(|(found, _)| found == name).unwrap().1,
    }
}

#[test]
fn one_seed_gives_one_town() {
    let (one, again, other) = (town().files(), built(1).files(), built(2).files());
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[test]
fn dice_of_one_part_do_not_turn_those_of_another() {
    let dice = Dice::new(3);
    let mut one = dice.fork("a");
    let first = one.roll();
    let mut drawn = dice.clone();
    drawn.roll();
    assert_eq!(drawn.fork("a").roll(), first);
    assert_ne!(dice.fork("b").roll(), first);
}

#[test]
fn nobody_holds_what_another_holds() {
    for town in [town(), &built(5)] {
        assert!(town.truth.tenures().len() > 5000);
        assert_eq!(town.truth.conflicts().len(), 0, "seed {}", town.seed);
    }
}

#[test]
fn the_same_private_addresses_are_other_people_in_another_realm() {
    let town = town();
    let of = |realm: &str| -> BTreeMap<_, BTreeSet<_>> {
        let mut held: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for t in town.truth.tenures().iter().filter(|t| t.realm == realm) {
            held.entry(t.prefix).or_default().insert(t.subscriber.clone());
        }
        held
    };
    let (east, west) = (of("cgn-east"), of("cgn-west"));
    let shared: Vec<_> = east.keys().filter(|p| west.contains_key(p)).collect();
    assert!(shared.len() > 50);
    assert!(shared.iter().all(|p| east[p].is_disjoint(&west[p])));
}

#[test]
fn addresses_come_back_within_a_minute() {
    let town = town();
    let direct: Vec<&Tenure> = town.truth.tenures().iter().filter(|t| t.source == "bras-direct").collect();
    let quick = direct.windows(2).filter(|pair| {
        let gap = pair[1].held.from.since(pair[0].held.until);
        pair[0].prefix == pair[1].prefix
            && pair[0].subscriber != pair[1].subscriber
            && (0..60_000_000).contains(&gap)
    });
    assert!(quick.count() > 5);
}

#[test]
fn losses_are_as_planned() {
    let (mut sent, mut lost) = (BTreeMap::new(), BTreeMap::new());
    for town in [town(), &built(6)] {
        for source in town.sources.iter().filter(|s| s.counts.sent > 0) {
            *sent.entry(source.name.clone()).or_insert(0) += source.counts.sent;
            *lost.entry(source.name.clone()).or_insert(0) += source.counts.lost;
        }
    }
    assert!(sent.len() >= 9);
    for (source, sent) in sent {
        let share =
            f64::from(u32::try_from(lost[&source]).unwrap()) / f64::from(u32::try_from(sent).unwrap());
        let planned = if source == "dhcp-lan" { 0.0 } else { 0.05 };
        assert!((share - planned).abs() < 0.02, "{source}: {share} of {sent}");
    }
}

#[test]
fn every_packet_of_accounting_verifies_and_says_what_its_entry_says() {
    let town = town();
    let (dictionary, zone) = (Dictionary::builtin(), TimeZone::UTC);
    for (place, access) in town.plan.access.iter().enumerate() {
        let packets: Vec<_> = town.arrivals.iter().filter(|a| a.source == place).collect();
        let name = format!("radius/{}.detail", access.name);
        let octets = file(town, &name);
        let entries: Vec<_> =
            detail::Reader::new(Cursor::new(octets), dictionary, &zone).map(|e| e.unwrap()).collect();
        assert_eq!(entries.len(), packets.len());
        for (entry, arrival) in entries.iter().zip(&packets) {
            assert_eq!(entry.defects, []);
            let packet = radius::Packet::parse(&arrival.bytes).unwrap();
            packet.verify_request(access.secret.as_bytes()).unwrap();
            let (mut record, defects) = radius::Accounting::from_packet(&packet, dictionary);
            assert_eq!(defects, []);
            record.arrival = Some(arrival.at.0.div_euclid(1_000_000) * 1_000_000);
            assert!(entry.record.as_ref() == Some(&record));
        }
    }
}

#[test]
fn accounting_is_repeated_delayed_overtaken_and_begins_anew() {
    let town = town();
    let dictionary = Dictionary::builtin();
    let (mut repeated, mut delayed, mut overtaken, mut boots, mut reused) = (0, 0, 0, 0, 0);
    for place in 0..town.plan.access.len() {
        let (mut seen, mut owners, mut newest) = (BTreeSet::new(), BTreeMap::new(), 0);
        for arrival in town.arrivals.iter().filter(|a| a.source == place) {
            repeated += usize::from(!seen.insert(arrival.bytes.clone()));
            let packet = radius::Packet::parse(&arrival.bytes).unwrap();
            let (record, _) = radius::Accounting::from_packet(&packet, dictionary);
            delayed += usize::from(record.acct_delay_time.unwrap() > 0);
            boots += usize::from(record.status == Some(Status::AccountingOn));
            let stamp = record.event_timestamp.unwrap();
            overtaken += usize::from(stamp < newest);
            newest = newest.max(stamp);
            if let Some(id) = record.session_id {
                let owner: &mut String = owners.entry(id).or_default();
                let user = record.user_name.unwrap();
                reused += usize::from(!owner.is_empty() && *owner != user);
                *owner = user;
            }
        }
    }
    assert_eq!(boots, 4);
    assert!(
        repeated > 50 && delayed > 50 && overtaken > 50 && reused > 10,
        "{repeated} {delayed} {overtaken} {reused}"
    );
}

#[test]
fn the_clocks_of_servers_are_off_as_planned() {
    let town = town();
    let dictionary = Dictionary::builtin();
    for (place, access) in town.plan.access.iter().enumerate() {
        let leads = town.arrivals.iter().filter(|a| a.source == place).map(|arrival| {
            let packet = radius::Packet::parse(&arrival.bytes).unwrap();
            radius::Accounting::from_packet(&packet, dictionary).0.event_timestamp.unwrap() - arrival.at.0
        });
        let lead = leads.max().unwrap();
        assert!((lead - access.clock_s * 1_000_000).abs() < 2_000_000, "{}: {lead}", access.name);
    }
}

#[test]
fn exports_are_read_back_and_show_what_is_missing() {
    let town = town();
    for gateway in town.plan.gateway.iter().filter(|g| g.log.has_arrivals()) {
        let octets = file(town, &format!("nat/{}.pcap", gateway.name));
        let mut decoder = flow::Decoder::default();
        let (mut events, mut losses, mut longest, mut late) = (0_usize, 0_usize, 0, 0_usize);
        for packet in pcap::Packets::new(Cursor::new(octets)) {
            let packet = packet.unwrap();
            let udp = pcap::udp_payload(&packet).unwrap();
            assert_eq!(udp.src, std::net::IpAddr::V4(gateway.address));
            let arrived = packet.time_us.unwrap();
            let report = decoder.decode(udp.src, arrived, udp.payload, &mut |event| {
                assert!(event.is_mapping());
                // Data whose template was lost waited for it: its own arrival counts.
                let late_us = event.arrival_us - (event.time.us - gateway.clock_s * 1_000_000);
                assert!((0..8_000_000).contains(&late_us), "{late_us}");
                events += 1;
            });
            assert_eq!(report.defects, []);
            late += usize::from(report.order == flow::Order::Late);
            if let Some(loss) = report.loss {
                losses += 1;
                longest = longest.max(loss.to_us - loss.from_us);
            }
        }
        let source = town.sources.iter().find(|s| s.name == gateway.name).unwrap();
        assert!(events > 500, "{events}");
        assert!(losses * 3 > source.counts.lost * 2, "{losses} of {}", source.counts.lost);
        assert!(late > 0);
        if let Some(outage) = gateway.outage {
            assert!(longest >= i64::from(outage.minutes) * 60_000_000);
        }
    }
}

#[test]
fn log_lines_are_read_back() {
    let town = town();
    for gateway in town.plan.gateway.iter().filter(|g| !g.log.has_arrivals()) {
        let octets = file(town, &format!("nat/{}.log", gateway.name));
        let zone = TimeZone::UTC;
        let options = natlog::Options { zone: &zone, near_us: town.plan.ends().0, dialect: None };
        let mut numbers = Vec::new();
        let counts = natlog::read(Cursor::new(octets), &options, |_, parsed| {
            assert_eq!(parsed.fault, None);
            assert_eq!(parsed.events.len(), 1);
            let event = parsed.events.iter().next().unwrap();
            assert!(event.translated && event.time.is_some());
            numbers.extend(parsed.syslog.sequence);
            ControlFlow::Continue(())
        })
        .unwrap();
        let source = town.sources.iter().find(|s| s.name == gateway.name).unwrap();
        assert_eq!(counts.lines as usize, source.counts.sent - source.counts.lost);
        numbers.sort_unstable();
        let holes = numbers.windows(2).map(|pair| pair[1] - pair[0] - 1).sum::<u64>() as usize;
        match gateway.log {
            plan::Log::Syslog => {
                assert!(holes > 0 && holes <= source.counts.lost && holes + 3 > source.counts.lost)
            }
            _ => assert!(numbers.is_empty()),
        }
    }
}

#[test]
fn one_outside_port_is_held_toward_several_far_sides_at_once() {
    let town = town();
    let connections: Vec<&Tenure> =
        town.truth.tenures().iter().filter(|t| t.way == Way::NatSession).collect();
    let shared = connections.iter().filter(|t| {
        let asked = Asked { addr: t.prefix.addr(), port: Some(t.ports.nth(0)), proto: t.proto, remote: None };
        town.truth.holders("", asked, t.held.from).iter().any(|o| o.subscriber != t.subscriber)
    });
    assert!(shared.count() > 20);
}

#[test]
fn lease_journals_are_read_back() {
    let town = town();
    for (name, format) in
        [("dhcp/kea-leases4.csv", LeaseFormat::Kea4), ("dhcp/kea-leases6.csv", LeaseFormat::Kea6)]
    {
        let (mut active, mut returned, mut expired) = (0, 0, 0);
        for read in Leases::new(format, Cursor::new(file(town, name))) {
            let (_, lease) = read.unwrap();
            assert!(!lease.circuit_id.is_empty() && lease.mac.is_some());
            match lease.state {
                LeaseState::Active if lease.cltt_us == lease.expire_us => returned += 1,
                LeaseState::Active => active += 1,
                LeaseState::Expired => expired += 1,
                _ => panic!("unexpected state"),
            }
        }
        assert!(active > 300 && returned > 10 && expired > 5, "{active} {returned} {expired}");
    }
}

fn rows<T: TableRecord>(town: &Town, name: &str) -> Vec<T> {
    Table::<_, T>::new(Cursor::new(file(town, name)), None).map(|row| row.unwrap().1).collect()
}

#[test]
fn tables_are_read_back() {
    let town = town();
    let shares = town.plan.shares();
    assert_eq!(rows::<SubscriberRow>(town, "subscribers.csv").len(), shares.total());
    assert_eq!(rows::<StaticAssignment>(town, "static.csv").len(), shares.map_e + 2 * shares.fixed);
    assert_eq!(rows::<MapRule>(town, "map-e.csv").len(), 1);
    let stays = rows::<VenueStay>(town, "venue.csv");
    assert!(stays.len() > 30 && stays.iter().any(|s| s.left_us.is_none()));
    let rules: Vec<_> =
        CgnRules::new(Cursor::new(file(town, "cgn-rules.csv")), None).unwrap().map(|r| r.unwrap()).collect();
    assert_eq!(rules.len(), 1);
}

#[test]
fn questions_are_read_back_as_they_were_meant() {
    let town = town();
    let lines: Vec<_> =
        Complaints::new(Cursor::new(file(town, "questions.csv"))).map(|line| line.unwrap()).collect();
    assert_eq!(lines.len(), town.questions.len());
    for (line, question) in lines.iter().zip(&town.questions) {
        assert_eq!(line.reference.as_ref(), Some(&question.reference));
        let asked = line.question.as_ref().unwrap();
        assert_eq!(time::time_us(&asked.time, None).unwrap(), question.told.0);
        assert_eq!(asked.address, question.asked.addr.to_string());
        assert_eq!(asked.port.is_some(), question.asked.port.is_some());
    }
}

#[test]
fn questions_are_of_every_kind_and_hold_what_they_promise() {
    let town = town();
    assert!(town.questions.len() * 100 >= town.plan.questions * 98, "{}", town.questions.len());
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut ways = BTreeSet::new();
    let skew = town.plan.skew_us();
    for question in &town.questions {
        *kinds.entry(question.kind).or_default() += 1;
        ways.extend(question.way);
        let off = question.told.since(question.at);
        assert!((-skew - question.resolution_us..=skew).contains(&off));
        let holders: BTreeSet<_> = town
            .truth
            .holders("", question.asked, question.at)
            .into_iter()
            .map(|t| t.subscriber.clone())
            .collect();
        match &question.answer {
            Some(answer) => assert!(holders.contains(answer)),
            None => assert!(holders.is_empty()),
        }
        match question.kind {
            Kind::NoPort => assert!(question.asked.port.is_none()),
            Kind::Nobody | Kind::NotOurs => assert_eq!(question.answer, None),
            _ => {}
        }
    }
    assert_eq!(kinds.len(), Kind::ALL.len(), "{kinds:?}");
    assert_eq!(ways.len(), 8, "{ways:?}");
    let knowable = town.questions.iter().filter(|q| q.knowable).count();
    assert!(knowable * 3 > town.questions.len(), "{knowable}");
}

#[test]
fn port_sets_of_map_e_are_those_of_the_rule() {
    // RFC 7597 section 5.1: a = 6, k = 4, PSID 0x5: ports whose bits 6 to 9 are 0101, above 1023.
    let ports = Ports::Set { offset: 6, len: 4, psid: 5 };
    assert!(ports.contains((1 << 10) | (5 << 6)) && !ports.contains(5 << 6));
    assert!(!ports.contains((1 << 10) | (4 << 6)));
    for n in (0..=u16::MAX).step_by(97) {
        assert!(ports.contains(ports.nth(n)));
    }
}

#[test]
fn the_folder_holds_what_the_list_names() {
    let folder = tempfile::tempdir().unwrap();
    let town = town();
    town.write(folder.path()).unwrap();
    let list = std::fs::read_to_string(folder.path().join("import.toml")).unwrap();
    let list: files::ImportList = toml::from_str(&list).unwrap();
    assert_eq!(list, town.imports());
    for import in &list.import {
        assert!(std::fs::metadata(folder.path().join(&import.file)).unwrap().len() > 0, "{}", import.file);
    }
    let formats: BTreeSet<&str> = list.import.iter().map(|i| i.format.as_str()).collect();
    assert_eq!(formats.len(), 11);
}

#[test]
fn debug_text_names_nobody() {
    let town = town();
    let tenure = format!("{:?}", town.truth.tenures()[0]);
    assert!(!tenure.contains(&town.truth.tenures()[0].subscriber));
    assert!(!format!("{:?}", town.arrivals[0]).contains("bytes"));
}
