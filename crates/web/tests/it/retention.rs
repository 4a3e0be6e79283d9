//! Rows go when their time is over, their keys go with the last of them, and a hold keeps what it names and no more.

use serde_json::{Value, json};
use tadoru_desk::Stores as _;
use tadoru_gate::keys::Month;
use tadoru_model::{RecordKind, Role, UtcMicros};

use crate::house::{House, admin, ann, question, somebody};

/// Three blocks that ended in September and October, a table's line that ended in September, and one in force.
const RECORDS: &str = "\
nat-block,203.0.113.7/32,40000,40999,100.64.0.9/32,2026-09-10T00:00:00Z,2026-09-10T02:00:00Z
nat-block,203.0.113.7/32,41000,41999,100.64.0.9/32,2026-09-11T00:00:00Z,2026-09-11T02:00:00Z
nat-block,203.0.113.7/32,40000,40999,100.64.0.9/32,2026-10-20T00:00:00Z,2026-10-20T02:00:00Z
static,100.64.0.77/32,0,65535,C-77,2026-01-01T00:00:00Z,2026-09-15T00:00:00Z
static,100.64.0.9/32,0,65535,C-9,2026-01-01T00:00:00Z,9999-12-30T00:00:00Z
";

fn at(text: &str) -> UtcMicros {
    UtcMicros::from(text.parse::<jiff::Timestamp>().unwrap())
}

async fn house() -> House {
    let house = House::new().await;
    bring(&house, RECORDS).await;
    house
}

async fn bring(house: &House, records: &str) -> Value {
    let path = "/v1/import?format=table&name=records.csv";
    let (status, imported) = house.post(Some(&admin()), path, records).await;
    assert_eq!(status, 200, "{imported}");
    imported
}

async fn run(house: &House) -> (u64, u64, u64) {
    let (status, run) = house.post(Some(&admin()), "/v1/retention/run", "").await;
    assert_eq!(status, 200, "{run}");
    let count = |name: &str| run[name].as_u64().unwrap();
    (count("deleted"), count("held"), count("keys"))
}

fn has_key(house: &House, month: &str) -> bool {
    let key = ("assignment".to_owned(), Month::parse(month).unwrap());
    house.desk.gate().vault().list().unwrap().contains(&key)
}

async fn entries(house: &House, kind: &str) -> Vec<Value> {
    let (_, told) = house.get(Some(&ann()), "/v1/journal/entries?count=1000").await;
    let all = told["entries"].as_array().unwrap().iter().map(|entry| entry["entry"].clone());
    all.filter(|entry| entry["kind"] == kind).collect()
}

async fn outcome(house: &House, address: &str, time: &str) -> Value {
    let (status, answer) = house.post(Some(&ann()), "/v1/who", &question(address, time).to_string()).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcome"].clone()
}

/// The first block of September, for 30 days.
fn wanted() -> Value {
    json!({
        "endpoints": ["203.0.113.7:40123"], "from": "2026-09-10T00:00:00Z", "until": "2026-09-10T01:00:00Z",
        "days": 30, "case": "K-2", "purpose": "P-CRIME",
        "facts": {"preserve.letter": "P-1", "preserve.identified": "yes"}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_month_goes_with_its_last_row_and_no_row_loses_its_key() {
    let house = house().await;
    assert_eq!(run(&house).await, (0, 0, 0));
    assert!(has_key(&house, "2026-09") && has_key(&house, "2026-10"));

    house.clock.set(at("2027-03-20T00:00:00Z"));
    let (deleted, held, _) = run(&house).await;
    assert_eq!((deleted, held), (3, 0));
    assert!(has_key(&house, "2026-09"), "the month is over, but not for long enough");
    house.clock.set(at("2027-04-15T00:00:00Z"));
    let (deleted, held, _) = run(&house).await;
    assert_eq!((deleted, held), (0, 0));
    assert!(!has_key(&house, "2026-09") && has_key(&house, "2026-10"));
    assert_eq!(run(&house).await, (0, 0, 0));
    // Those of flows go after days and are not of this story.
    let destroyed = entries(&house, "key-destroyed").await;
    let of_class = destroyed.iter().filter(|one| one["class"] == "assignment");
    assert_eq!(of_class.map(|one| &one["month"]).collect::<Vec<_>>(), [&json!("2026-09")]);

    let house = house.restarted().await;
    assert_eq!(outcome(&house, "203.0.113.7:40123", "2026-10-20T00:30:00Z").await, "unique");
    assert_eq!(outcome(&house, "203.0.113.7:40123", "2026-09-10T00:30:00Z").await, "expired");
    assert_eq!(house.desk.stores().assignments().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_deletion_and_destruction_is_made_good_by_the_next_run() {
    let house = house().await;
    house.clock.set(at("2027-04-15T00:00:00Z"));
    let before = at("2026-10-17T00:00:00Z");
    let permit = house.desk.standing(tadoru_desk::ask::Work::Assignments).unwrap();
    for kind in RecordKind::ALL {
        house.desk.stores().assignments().delete_before(&permit, kind, before).unwrap();
    }
    drop(permit);
    let house = house.restarted().await;
    assert!(has_key(&house, "2026-09"));
    assert_eq!(run(&house).await, (0, 0, 1));
    assert!(!has_key(&house, "2026-09"));
    let house = house.restarted().await;
    assert_eq!(outcome(&house, "203.0.113.7:40123", "2026-10-20T00:30:00Z").await, "unique");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_what_it_names_until_its_end_and_its_key_with_it() {
    let house = house().await;
    house.clock.set(at("2027-03-08T00:00:00Z"));
    let (status, hold) = house.post(Some(&ann()), "/v1/holds", &wanted().to_string()).await;
    assert_eq!((status, &hold["outcome"], &hold["records"]), (200, &json!("held"), &json!(1)), "{hold}");
    assert_eq!((&hold["rule"], &hold["until"]), (&json!("JP-087"), &json!("2027-04-07T00:00:00Z")));
    assert_eq!(entries(&house, "held").await.len(), 1);

    house.clock.set(at("2027-04-02T00:00:00Z"));
    assert_eq!(run(&house).await, (2, 1, 0), "its neighbour of the same address and month goes");
    assert!(has_key(&house, "2026-09"));
    let house = house.restarted().await;
    assert_eq!(
        outcome(&house, "203.0.113.7:40123", "2026-09-10T00:30:00Z").await,
        "ambiguous",
        "who else was there may be gone"
    );

    house.clock.set(at("2027-04-07T00:00:00Z"));
    assert_eq!(run(&house).await, (1, 0, 1));
    assert!(!has_key(&house, "2026-09"));
    let released = entries(&house, "released").await;
    assert_eq!((released.len(), &released[0]["person"]), (1, &Value::Null), "by itself");
    let (_, list) = house.get(Some(&somebody(Role::Auditor)), "/v1/holds").await;
    assert_eq!(list["holds"][0]["outcome"], "ended");
    assert!(!list.to_string().contains("203.0.113"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_set_and_ended_by_who_may() {
    let house = house().await;
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut wanted = wanted();
        change(&mut wanted);
        wanted.to_string()
    };
    let without_a_letter = refused(&|w| w["facts"] = json!({"preserve.identified": "yes"}));
    let too_long = refused(&|w| w["days"] = json!(60));
    for body in [&without_a_letter, &too_long] {
        let (status, answer) = house.post(Some(&ann()), "/v1/holds", body).await;
        assert_eq!((status, &answer["outcome"]), (200, &json!("refused")), "{answer}");
    }
    for wrong in [
        refused(&|w| w["endpoints"] = json!([])),
        refused(&|w| w["endpoints"] = json!(["203.0.113.0/16"])),
        refused(&|w| w["until"] = json!("2026-09-09T00:00:00Z")),
        refused(&|w| w["from"] = json!("2026-09-10 00:00")),
    ] {
        let (status, told) = house.post(Some(&ann()), "/v1/holds", &wrong).await;
        assert_eq!(status, 400, "{told}");
        assert!(!told.to_string().contains("203.0.113"));
    }
    let whole = refused(&|w| {
        w["endpoints"] = json!(["203.0.113.0/29"]);
        w["until"] = json!("2026-10-01T00:00:00Z");
    });
    let (_, hold) = house.post(Some(&ann()), "/v1/holds", &whole).await;
    assert_eq!(hold["records"], 2, "{hold}");
    let release = format!("/v1/holds/{}/release", hold["id"].as_str().unwrap());
    let (status, _) = house.post(Some(&admin()), &release, "").await;
    assert_eq!(status, 403);
    let reviewer = somebody(Role::LegalReviewer);
    assert_eq!(house.post(Some(&reviewer), &release, "").await.0, 200);
    assert_eq!(house.post(Some(&reviewer), &release, "").await.0, 404);
    assert_eq!(entries(&house, "released").await[0]["person"], "a-legal-reviewer");
    house.clock.set(at("2027-04-15T00:00:00Z"));
    assert_eq!(run(&house).await, (3, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_retention_at_import_goes_with_the_next_run_unless_it_is_held() {
    let house = House::new().await;
    house.clock.set(at("2027-04-15T00:00:00Z"));
    let imported = bring(&house, RECORDS).await;
    assert_eq!((&imported["rows"], &imported["past_retention"]), (&json!(5), &json!(3)));
    assert_eq!(run(&house).await, (3, 0, 1), "with the key that they were sealed under");
    assert_eq!(house.desk.stores().assignments().count(), 2);
    assert!(!has_key(&house, "2026-09"));

    let (status, hold) = house.post(Some(&ann()), "/v1/holds", &wanted().to_string()).await;
    assert_eq!((status, &hold["records"]), (200, &json!(0)));
    bring(&house, RECORDS).await;
    assert_eq!(run(&house).await, (2, 1, 0));
    let house = house.restarted().await;
    assert_eq!(outcome(&house, "203.0.113.7:40123", "2026-09-10T00:30:00Z").await, "ambiguous");
    assert_eq!(outcome(&house, "203.0.113.7:41123", "2026-09-11T00:30:00Z").await, "expired");
}
