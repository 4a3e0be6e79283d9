#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

const TOWN: &str = include_str!("../../../../scenarios/town.toml");

#[test]
fn the_committed_plan_is_one() {
    let plan = Plan::builtin().unwrap();
    assert_eq!(plan.subscribers, 400);
    assert_eq!(plan.shares().total(), 400);
}

#[test]
fn a_misspelt_key_is_refused() {
    for (right, wrong) in
        [("skew_s", "skew"), ("clock_s", "clock"), ("weight = 28", "weight = 28\nwieght = 1")]
    {
        let error = Plan::parse(&TOWN.replacen(right, wrong, 1)).unwrap_err();
        assert!(matches!(error, PlanError::Text(_)), "{wrong}");
    }
}

#[test]
fn two_private_spaces_overlap() {
    let plan = Plan::builtin().unwrap();
    let pools: Vec<Prefix> = plan
        .access
        .iter()
        .filter(|a| a.realm.as_deref().is_some_and(|r| r.starts_with("cgn-")))
        .map(|a| a.pool)
        .collect();
    assert!(pools.iter().filter(|p| **p == "100.64.0.0/20".parse().unwrap()).count() >= 2);
}

#[test]
fn a_part_without_room_is_refused() {
    let text = TOWN.replace("pool = \"203.0.113.64/26\"", "pool = \"203.0.113.64/30\"");
    assert!(matches!(Plan::parse(&text), Err(PlanError::Room { part, .. }) if part == "bras-direct"));
    let text = TOWN.replace("ea_len = 8", "ea_len = 2");
    assert!(matches!(Plan::parse(&text), Err(PlanError::Room { part, .. }) if part == "map_e"));
}

#[test]
fn what_no_log_would_show_is_refused() {
    let text = TOWN.replace("log = \"conntrack\"", "log = \"conntrack\"\nclock_s = 5");
    assert!(matches!(Plan::parse(&text), Err(PlanError::Unseen { what: "clock_s", .. })));
    let text = TOWN.replace("log = \"ipfix\"", "log = \"conntrack\"");
    assert!(matches!(Plan::parse(&text), Err(PlanError::Unseen { what: "outage", .. })));
}

#[test]
fn two_sources_of_one_name_are_refused() {
    let text = TOWN.replace("name = \"bras-west\"", "name = \"bras-east\"");
    assert!(matches!(Plan::parse(&text), Err(PlanError::Name { part }) if part == "bras-east"));
}

#[test]
fn prefixes_are_counted_out() {
    let pool: Prefix = "2001:db8:1000::/36".parse().unwrap();
    assert_eq!(places(pool, 56), 1 << 20);
    assert_eq!(nth(pool, 56, 257).to_string(), "2001:db8:1001:100::/56");
    assert_eq!(nth("192.0.2.128/27".parse().unwrap(), 32, 5).to_string(), "192.0.2.133");
}
