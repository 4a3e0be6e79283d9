//! What is known of the network, asked: where an attack came in, which interfaces let forged sources in, and what counts
//! once. Three routers tell of the same flood.

use std::net::IpAddr;

use serde_json::{Value, json};
use tadoru_desk::Network;
use tadoru_desk::network::{Interface, Told};
use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows, InterfaceRole, Role, UtcMicros};

use crate::house::{House, NOW, ann, somebody};

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A line of three routers: the flood comes in at the far one, a part of it in the middle; the near one has the customer.
fn network() -> Network {
    let interface =
        |router: u8, index, role, neighbour_as, leads_to: Option<u8>, sources: &[&str]| Interface {
            exporter: addr(&format!("192.0.2.{router}")),
            index,
            name: format!("xe-{index}"),
            role,
            neighbour_as,
            leads_to: leads_to.map(|router| addr(&format!("192.0.2.{router}"))),
            sources: sources.iter().map(|text| text.parse().unwrap()).collect(),
        };
    use InterfaceRole::{Core, Customer, Edge};
    Network::new(Told {
        own: vec!["198.51.100.0/22".parse().unwrap()],
        interfaces: vec![
            interface(3, 7, Edge, 64501, None, &[]),
            interface(3, 1, Core, 0, Some(2), &[]),
            interface(2, 3, Core, 0, Some(3), &[]),
            interface(2, 8, Customer, 0, None, &["198.51.101.0/24"]),
            interface(2, 1, Core, 0, Some(1), &[]),
            interface(1, 2, Core, 0, Some(2), &[]),
            interface(1, 9, Customer, 0, None, &["198.51.100.0/24"]),
        ],
        ..Told::default()
    })
}

/// A second of the flood: what each router tells of it. One in four packets comes in by the customer of the middle one,
/// with sources that are not the customer's.
fn second(at: UtcMicros) -> Flows {
    let mut flows = Flows::default();
    for number in 0..400_u32 {
        let inside = number % 4 == 0;
        let path: &[(u8, u32, u32)] =
            if inside { &[(2, 8, 1), (1, 2, 9)] } else { &[(3, 7, 1), (2, 3, 1), (1, 2, 9)] };
        for (router, input, output) in path {
            flows.push(Flow {
                first_us: at.0,
                last_us: at.0 + 900_000,
                received_us: at.0 + 950_000,
                exporter: to_bits(addr(&format!("192.0.2.{router}"))),
                ip: 4,
                src: to_bits(IpAddr::from((0x0b00_0000 + number * 7919).to_be_bytes())),
                dst: to_bits(addr("198.51.100.9")),
                src_port: u16::try_from(1024 + number).unwrap(),
                dst_port: 9999,
                proto: 17,
                packets: 1000,
                bytes: 500_000,
                flows: 1,
                sampling: 1,
                input: *input,
                output: *output,
                ..Flow::default()
            });
        }
    }
    flows
}

/// An installation on which the flood is on file; its id.
async fn flooded() -> (House, String) {
    let house = House::with_network(network()).await;
    let mut watch = house.desk.watch().unwrap();
    for s in 0..8 {
        let at = NOW.plus(s * 1_000_000);
        house.clock.set(at.plus(1_000_000));
        watch.take(&mut second(at)).unwrap();
        watch.tick().unwrap();
    }
    let briefs = tadoru_desk::Stores::incidents(house.desk.stores()).briefs();
    assert_eq!(briefs.len(), 1);
    let id = briefs[0].id.to_string();
    (house, id)
}

fn engineer() -> tadoru_desk::Actor {
    somebody(Role::NetworkOperations)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attack_is_followed_to_where_it_came_in() {
    let (house, id) = flooded().await;
    let (status, told) = house.get(Some(&engineer()), &format!("/v1/incidents/{id}/ingress?case=K-7")).await;
    assert_eq!((status, &told["outcome"]), (200, &json!("traced")), "{told}");
    assert_eq!(told["rule"], "JP-035");
    assert_eq!(told["obligations"], json!(["stop-at-ingress"]));
    let ways: Vec<(&Value, &Value, f64)> = told["ingress"]
        .as_array()
        .unwrap()
        .iter()
        .map(|way| (&way["exporter"], &way["interface"], way["share"]["packets"].as_f64().unwrap()))
        .collect();
    assert_eq!(
        ways,
        [(&json!("192.0.2.3"), &json!(7), 0.75), (&json!("192.0.2.2"), &json!(8), 0.25)],
        "three routers told of it, and it counts once: {told}"
    );
    assert_eq!(told["ingress"][0]["neighbour_as"], 64501);
    assert_eq!(told["unaccounted"]["packets"], 0.0);
    assert_eq!((&told["sure"], &told["passing"][0]["leads_to"]), (&json!("sure"), &json!("192.0.2.2")));
    let text = told.to_string();
    assert!(
        !text.contains("198.51.100.9") && !text.contains("11.0."),
        "no address of a communication: {text}"
    );
    let (_, case) = house.get(Some(&engineer()), "/v1/cases/K-7").await;
    assert!(case.to_string().contains("ingress of incident"), "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_network_operations_may_follow_and_only_what_is_on_file() {
    let (house, id) = flooded().await;
    let path = format!("/v1/incidents/{id}/ingress");
    let (status, told) = house.get(Some(&ann()), &path).await;
    assert_eq!((status, &told["outcome"]), (200, &json!("refused")), "{told}");
    let (status, _) = house.get(Some(&somebody(Role::Auditor)), &path).await;
    assert_eq!(status, 403);
    let (status, told) = house.get(Some(&engineer()), "/v1/incidents/00000000000005ab/ingress").await;
    assert_eq!((status, &told["error"]["code"]), (404, &json!("no-such-incident")));
    let (status, _) = house.get(Some(&engineer()), "/v1/incidents/nonsense/ingress").await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_sources_are_reported_by_interface() {
    let (house, _) = flooded().await;
    let (status, report) = house.get(Some(&engineer()), "/v1/validation").await;
    assert_eq!((status, &report["rule"]), (200, &json!("JP-005")), "{report}");
    let worst = &report["interfaces"][0];
    assert_eq!((&worst["exporter"], &worst["interface"]), (&json!("192.0.2.2"), &json!(8)), "{report}");
    assert_eq!((&worst["wrong"], &worst["packets"]), (&json!(800_000), &json!(800_000)));
    assert!(!report.to_string().contains("198.51.100.9"), "{report}");
    let later = "/v1/validation?since=2030-01-01T00:00:00Z";
    let (_, report) = house.get(Some(&engineer()), later).await;
    assert_eq!(report["interfaces"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_counts_once_where_it_is_wanted() {
    let (house, _) = flooded().await;
    let packets = async |query: Value| {
        let (status, told) = house.post(Some(&engineer()), "/v1/flows", &query.to_string()).await;
        assert_eq!(status, 200, "{told}");
        told["rows"][0]["packets"].as_u64().unwrap()
    };
    assert_eq!(packets(json!({"once": true})).await, 8 * 400_000);
    assert_eq!(packets(json!({})).await, 8 * (300_000 * 3 + 100_000 * 2));
    let bare = House::new().await;
    let (status, told) = bare.post(Some(&engineer()), "/v1/flows", r#"{"once": true}"#).await;
    assert_eq!((status, &told["error"]["code"]), (400, &json!("once")), "{told}");
}
