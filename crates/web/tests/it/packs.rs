//! Evidence packs: who gets what, on which ground, and that nothing else is told.

use serde_json::{Value, json};
use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows, Role};
use tadoru_store::incidents::contract::finding;

use crate::house::{House, NOW, admin, ann, somebody};

const VICTIM: &str = "198.51.100.4";
const SENDER: &str = "203.0.113.200";

/// A DNS amplification at one address on file, with two flows of it and one of somebody else.
async fn house() -> (House, String) {
    let house = House::new().await;
    let finding = finding(4, tadoru_model::FindingState::Opened, NOW.0 / 1_000_000);
    let permit = house.desk.standing(tadoru_desk::ask::Work::Flows).unwrap();
    let mut flows = Flows::default();
    for (src, dst, src_port) in [
        (SENDER, VICTIM, 53),
        ("203.0.113.201", VICTIM, 53),
        ("203.0.113.202", "198.51.100.5", 53),
        ("203.0.113.203", VICTIM, 443),
    ] {
        let (src, dst) = (to_bits(src.parse().unwrap()), to_bits(dst.parse().unwrap()));
        let at = NOW.0 - 1_000_000;
        let of = Flow {
            ip: 4,
            src,
            dst,
            src_port,
            dst_port: 53,
            proto: 17,
            packets: 9,
            bytes: 9_000,
            ..Flow::default()
        };
        flows.push(Flow { first_us: at, last_us: at, received_us: at, ..of });
    }
    use tadoru_desk::Stores as _;
    house.desk.stores().flows().keep(&permit, &flows).unwrap();
    house.desk.stores().incidents().keep(&permit, &finding).unwrap();
    (house, format!("/v1/incidents/{}/packs", finding.id))
}

fn for_victim() -> Value {
    json!({"recipient": "victim", "name": "Example K.K.", "case": "K-7",
           "facts": {"requester.identity_verified": "yes"}})
}

fn text_of<'a>(answer: &'a Value, name: &str) -> &'a str {
    let documents = answer["documents"].as_array().unwrap();
    documents.iter().find(|document| document["name"] == name).unwrap()["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_victim_gets_the_records_of_its_own_communications_in_the_attack() {
    let (house, path) = house().await;
    let (status, answer) = house.post(Some(&ann()), &path, &for_victim().to_string()).await;
    assert_eq!(
        (status, &answer["outcome"], &answer["rule"]),
        (200, &json!("packed"), &json!("JP-089")),
        "{answer}"
    );
    let records = text_of(&answer, "records.csv");
    assert!(records.contains(SENDER) && records.lines().count() == 3, "{records}");
    assert_eq!(answer["records"], 2);
    assert!(!records.contains("203.0.113.203"), "what is not of the attack stays: {records}");

    // The delivery is on record: in the journal without an address, and in the case.
    let (_, thread) = house.get(Some(&ann()), "/v1/cases/K-7").await;
    assert!(thread.to_string().contains("disclosed"), "{thread}");
    let (_, entries) = house.get(Some(&ann()), "/v1/journal/entries?count=20").await;
    let entries = entries.to_string();
    assert!(
        entries.contains("disclosed") && entries.contains(answer["manifest"].as_str().unwrap()),
        "{entries}"
    );
    assert!(!entries.contains(VICTIM) && !entries.contains(SENDER) && !entries.contains("Example K.K."));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_ground_nothing_is_told_of_the_incident() {
    let (house, path) = house().await;
    let mut bare = for_victim();
    bare["facts"] = json!({});
    let (status, answer) = house.post(Some(&ann()), &path, &bare.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("refused")), "{answer}");
    for role in [Role::Auditor, Role::Manager, Role::NetworkOperations] {
        let mut asked = for_victim();
        asked["facts"] = json!({});
        let (_, answer) = house.post(Some(&somebody(role)), &path, &asked.to_string()).await;
        assert_eq!(answer["outcome"], "refused", "{}: {answer}", role.as_str());
    }
    let (status, answer) = house.post(Some(&admin()), &path, &for_victim().to_string()).await;
    assert_eq!(status, 403, "an administrator verifies nobody's identity: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_were_no_target_are_nobodys_pack() {
    let (house, path) = house().await;
    let mut asked = for_victim();
    asked["own"] = json!(["198.51.100.5/32"]);
    let (status, answer) = house.post(Some(&ann()), &path, &asked.to_string()).await;
    assert_eq!(status, 400, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbour_gets_its_five_fields_with_the_victims_consent_only() {
    let (house, path) = house().await;
    let mut asked = json!({"recipient": "neighbour", "neighbour_as": 64_500, "name": "NOC", "case": "K-7"});
    let (_, answer) = house.post(Some(&ann()), &path, &asked.to_string()).await;
    assert_eq!(answer["outcome"], "refused", "{answer}");
    asked["facts"] = json!({"victim.consent": "K-88", "share.no_secret": "yes"});
    let (_, answer) = house.post(Some(&ann()), &path, &asked.to_string()).await;
    assert_eq!((&answer["outcome"], &answer["rule"]), (&json!("packed"), &json!("JP-037")), "{answer}");
    let all = answer["documents"].to_string();
    assert!(all.contains("198.51.100.0/24") && !all.contains(VICTIM) && !all.contains(SENDER), "{all}");
    asked["neighbour_as"] = json!(64_999);
    let (status, answer) = house.post(Some(&ann()), &path, &asked.to_string()).await;
    assert_eq!(status, 400, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_for_the_association_takes_two_persons() {
    let (house, path) = house().await;
    let reviewer = somebody(Role::LegalReviewer);
    let asked = json!({"recipient": "association", "name": "the association", "case": "K-7",
                       "facts": {"association.certified": "A-1"}});
    let (_, answer) = house.post(Some(&reviewer), &path, &asked.to_string()).await;
    assert_eq!(answer["verdict"], "need:approval", "{answer}");
    let approve = format!("/v1/approvals/{}", answer["approval_id"].as_str().unwrap());
    let (status, told) = house.post(Some(&ann()), &approve, "").await;
    assert_eq!(status, 200, "{told}");
    let (_, answer) = house.post(Some(&reviewer), &path, &asked.to_string()).await;
    assert_eq!((&answer["outcome"], &answer["rule"]), (&json!("packed"), &json!("JP-038")), "{answer}");
    assert!(text_of(&answer, "records.csv").contains(SENDER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_without_evidence_is_not_made_by_oversight() {
    let house = House::new().await;
    let finding = finding(4, tadoru_model::FindingState::Opened, NOW.0 / 1_000_000);
    let permit = house.desk.standing(tadoru_desk::ask::Work::Flows).unwrap();
    use tadoru_desk::Stores as _;
    house.desk.stores().incidents().keep(&permit, &finding).unwrap();
    let path = format!("/v1/incidents/{}/packs", finding.id);

    let mut asked = for_victim();
    let (status, answer) = house.post(Some(&ann()), &path, &asked.to_string()).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("no-records")), "{answer}");
    let (_, entries) = house.get(Some(&ann()), "/v1/journal/entries?count=20").await;
    assert!(!entries.to_string().contains("\"disclosed\""), "nothing was handed out: {entries}");

    asked["without_records"] = json!(true);
    let (status, answer) = house.post(Some(&ann()), &path, &asked.to_string()).await;
    assert_eq!(
        (status, &answer["outcome"], &answer["records"]),
        (200, &json!("packed"), &json!(0)),
        "{answer}"
    );
    assert!(text_of(&answer, "letter.txt").contains("this pack holds no records as evidence"), "{answer}");

    // Who is due no records gets the pack as ever.
    let asked = json!({"recipient": "neighbour", "neighbour_as": 64_500, "name": "NOC", "case": "K-7",
                       "facts": {"victim.consent": "K-88", "share.no_secret": "yes"}});
    let (_, answer) = house.post(Some(&ann()), &path, &asked.to_string()).await;
    assert_eq!((&answer["outcome"], &answer["records"]), (&json!("packed"), &Value::Null), "{answer}");
}
